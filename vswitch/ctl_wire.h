/* SPDX-License-Identifier: Apache-2.0 */
/* ctl_wire.h - messages of the daemon: receive, check, answer.
 *
 * What ctl_wire_decode() lets through has a known type, exactly its length and a permitted number of
 * fds; what the fields mean is checked by whoever applies them.  The fuzz target calls it. */
#pragma once

#include "vswitch/abi/engine_msg.h"

struct ctl_request {
	uint32_t type; /* enum engine_msg_type, to the engine */
	uint32_t seq;
	const void *body; /* in the receiver's buffer, 8-byte aligned behind its header */
	unsigned n_fds;
	int fd[ENGINE_MSG_FDS_MAX]; /* -1 where somebody has taken it */
};

/* Check @len bytes that came with @n_fds fds.  0 or -EPROTO. */
[[nodiscard]] int ctl_wire_decode(
	const void *bytes, size_t len, unsigned n_fds, struct ctl_request *out);

/* Receive one message into @buffer (ENGINE_MSG_LEN_MAX bytes).  0; -EAGAIN; -ECONNRESET at the end
 * of the connection; -EPROTO for a malformed one, whose fds have been closed. */
[[nodiscard]] int ctl_wire_recv(int sock, void *buffer, struct ctl_request *out);

/* Close the fds of @r that nobody has taken. */
void ctl_wire_close_fds(struct ctl_request *r);

/* Send one message.  0 or -errno. */
[[nodiscard]] int ctl_wire_send(
	int sock, const struct engine_msg_hdr *hdr, const void *body, const int *fds);
