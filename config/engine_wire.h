/* SPDX-License-Identifier: Apache-2.0 */
/* engine_wire.h - one message between daemon and engine, on the socket and checked.
 *
 * The engine is hostile input: engine_wire_decode() is the only place that looks at its bytes before
 * they are known to be a whole message of a known type with a fitting number of fds. */
#pragma once

#include "vswitch/abi/engine_msg.h"

#include <sys/types.h>

struct engine_msg {
	uint32_t type; /* enum engine_msg_type, one that goes to the daemon */
	uint32_t seq;
	const void *body; /* points into the buffer; whole, by type */
	size_t body_len;
	int fd[ENGINE_MSG_FDS_MAX];
	unsigned n_fds;
	pid_t sender_pid; /* by the kernel; 0: unknown */
	uid_t sender_uid;
};

struct engine_buffer {
	_Alignas(16) uint8_t bytes[ENGINE_MSG_LEN_MAX];
};

/* Check @len bytes that came with @n_fds fds; fills type, seq, body.  0 or -EPROTO. */
[[nodiscard]] int engine_wire_decode(
	const void *bytes, size_t len, unsigned n_fds, struct engine_msg *out);
/* Is the text in @field NUL-terminated printable ASCII, as names must be? */
bool engine_wire_is_name(const char *field, size_t size);

/* A message on its way out; body and fds stay the caller's. */
struct engine_out {
	uint32_t type, seq;
	const void *body;
	size_t body_len;
	const int *fds;
	unsigned n_fds;
};
[[nodiscard]] int engine_wire_send(int sock, const struct engine_out *m);
/* Receive one message, without waiting.  0, -EAGAIN, -ECONNRESET when the other side is gone, or
 * -EPROTO.  On success the fds belong to the caller: engine_wire_close_fds(). */
[[nodiscard]] int engine_wire_recv(int sock, struct engine_buffer *buffer, struct engine_msg *out);
void engine_wire_close_fds(struct engine_msg *m);
