/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_client.h - a blocking JSON-RPC 2.0 client for the daemon's sockets; used by the CLI.
 * One JSON text per line, at most RPC_MESSAGE_MAX bytes, on rw.sock RPC_DOCUMENT_MAX. */
#pragma once

#include "vswitch/base/err.h"

#include <jansson.h>

#define RPC_MESSAGE_MAX (1u << 20)
#define RPC_DOCUMENT_MAX (16u << 20) /* a whole state, with 256 DHCP hosts in each network */

enum rpc_role {
	RPC_ROLE_RO, /* ro.sock: view */
	RPC_ROLE_CAP, /* cap.sock: capture */
	RPC_ROLE_RW, /* rw.sock: admin */
};

struct rpc_client;

/* Connect to @run_dir's socket for @role.  NULL with @e: -ECONNREFUSED or -ENOENT mean that no
 * daemon is there, -EACCES that this user may not. */
struct rpc_client *rpc_client_open(const char *run_dir, enum rpc_role role, struct err *e);
/* How long to wait for the daemon, instead of a minute. */
void rpc_client_set_timeout(struct rpc_client *c, unsigned seconds);
void rpc_client_close(struct rpc_client *c);
/* Fd to poll for the daemon hanging up (captures). */
int rpc_client_fd(const struct rpc_client *c);
/* Call @method; @params is consumed.  *result is a new reference.  0, or -errno with @e; errors
 * that the daemon answered carry its message and the offending path. */
[[nodiscard]] int rpc_call(
	struct rpc_client *c, const char *method, json_t *params, json_t **result, struct err *e);
/* As rpc_call(), and take at most @max_fds fds that came with the answer. */
[[nodiscard]] int rpc_call_fds(struct rpc_client *c, const char *method, json_t *params,
	json_t **result, int *fds, unsigned max_fds, struct err *e);
