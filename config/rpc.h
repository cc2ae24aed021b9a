/* SPDX-License-Identifier: Apache-2.0 */
/* rpc.h - JSON-RPC 2.0 on three unix sockets: RUN/ro.sock, cap.sock, rw.sock.
 *
 * Life: rpc_server_create() makes the sockets and listens; the caller runs the event loop; every
 * line is one request (or batch), answered in order by the method's handler;
 * rpc_server_destroy() closes and unlinks.
 * Role: by the socket.  rw.sock may call all methods, cap.sock those of roles cap and ro, ro.sock
 * those of role ro.  Notifications (no id) are run without answer.
 * Limits: 64 clients a socket; 1 MiB a request, 16 MiB on rw.sock; a client that does not read its
 * answers is not read from, and closed after RPC_STALL_S seconds without progress; answers that
 * wait take at most RPC_PENDING_MAX bytes in all: over that the client that keeps most is closed.
 * Thread: the daemon's only one; a handler may not wait. */
#pragma once

#include "config/rpc_client.h"
#include "vswitch/abi/capture_ring.h"

#include <jansson.h>
#include <sys/types.h>

#define RPC_CLIENTS_MAX 64 /* on each socket */
#define RPC_BATCH_MAX 64
#define RPC_BATCH_ANSWER_MAX (4u << 20) /* bytes; the rest of a batch is refused then */
#define RPC_STALL_S 5
#define RPC_PENDING_MAX (64u << 20)
#define RPC_CALL_FDS_MAX 2

struct event_base;
struct daemon;
struct rpc_server;

enum rpc_code {
	RPC_PARSE_ERROR = -32700,
	RPC_INVALID_REQUEST = -32600,
	RPC_METHOD_NOT_FOUND = -32601,
	RPC_INVALID_PARAMS = -32602,
	RPC_INTERNAL_ERROR = -32603,
	/* our own */
	RPC_REFUSED = -32000, /* data.code says why */
	RPC_NOT_FOUND = -32001, /* no such object */
	RPC_EXISTS = -32002, /* name, device, address or subnet is taken */
	RPC_FORBIDDEN = -32003, /* not on this socket */
	RPC_NOT_STORED = -32004, /* could not be made durable; nothing was changed */
	RPC_TOO_MANY = -32005, /* clients, or too large a message */
};

/* What lasts as long as the connection. */
struct rpc_session {
	enum rpc_role role;
	struct {
		pid_t pid;
		uid_t uid;
		gid_t gid;
	} peer;
	uint32_t capture_id[CAPTURE_SESSIONS_MAX]; /* opened here, closed with it; 0: free */
};

/* One call. */
struct rpc_call {
	struct rpc_session *session;
	const struct rpc_method *method;
	const json_t *params; /* an object, maybe an empty one */
	bool may_send_fds; /* not in a batch or notification */
	unsigned n_fds;
	int fds[RPC_CALL_FDS_MAX]; /* sent with the answer, then closed */
};

struct rpc_method {
	const char *name;
	enum rpc_role role; /* the least one that may call it */
	bool is_write; /* logged with the peer's credentials */
	/* *result: new reference.  0 or -errno with @e. */
	int (*run)(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e);
	const char *doc;
	const char *params; /* for docs/rpc.md: one example */
	const char *result;
};

/* The answer to the request (or batch) in @text, NUL-terminated and to be freed; NULL when there
 * is nothing to answer.  Fds of the call are in @call. */
char *rpc_dispatch(struct daemon *d, struct rpc_session *session, const char *text, size_t len,
	struct rpc_call *call);
/* An answer that refuses a whole message: "{...}". */
char *rpc_refusal(enum rpc_code code, const char *message);

struct rpc_server *rpc_server_create(
	struct event_base *base, const char *run_dir, struct daemon *d, struct err *e);
void rpc_server_destroy(struct rpc_server *s);
