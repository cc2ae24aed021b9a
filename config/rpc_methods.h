/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_methods.h - the table of methods, and what their files share.
 *
 * To add a method: write a handler of the type of struct rpc_method's .run in the file of its noun,
 * declare it here, add a row to rpc_methods[]; docs/rpc.md is generated from that row
 * (saklard --dump-rpc-doc). */
#pragma once

#include "config/reconcile.h"
#include "config/rpc.h"

struct model;
struct network_cfg;
struct vif_cfg;

extern const struct rpc_method rpc_methods[];
extern const size_t rpc_n_methods;

/* Undo what a connection had opened (captures). */
void rpc_session_closed(struct daemon *d, struct rpc_session *s);
/* docs/rpc.md as a string to be freed; NULL without memory. */
char *rpc_doc_text(void);

/* Refuse keys of @params that are not in @keys (ends with NULL). */
[[nodiscard]] int rpc_only_keys(const json_t *params, const char *const *keys, struct err *e);
/* The object that @params' @key names.  NULL with @e when it is missing or unknown. */
struct network_cfg *rpc_find_network(
	const struct model *m, const json_t *params, const char *key, struct err *e);
/* Of a list that takes nothing but an optional "network": *n is NULL without one.  0 or -errno. */
[[nodiscard]] int rpc_list_network(
	const struct model *m, const json_t *params, const struct network_cfg **n, struct err *e);
/* The optional fields network and vif of @params as ids. */
[[nodiscard]] int rpc_read_filter(const struct model *m, const json_t *params, uint16_t *network_id,
	uint16_t *vif_id, struct err *e);
struct vif_cfg *rpc_find_vif(
	const struct model *m, const json_t *params, const char *key, struct err *e);

/* Commit @n, a changed copy of the network with its id. */
[[nodiscard]] int rpc_network_change(struct daemon *d, struct rpc_call *call, struct network_cfg *n,
	json_t **result, struct err *e);
/* Do both want the same of the host: subnets, uplink, routes? */
bool rpc_has_same_claims(const struct network_cfg *a, const struct network_cfg *b);

/* What a verb changes in the store; ids 0: nothing. */
struct rpc_change {
	const struct network_cfg *put_network;
	const struct vif_cfg *put_vif;
	const struct forward_cfg *put_forward, *del_forward;
	uint16_t del_network_id, del_vif_id;
};
/* Commit @next (consumed, also after an error): check it, make it durable, swap it in, apply it. */
[[nodiscard]] int rpc_commit(struct daemon *d, const struct rpc_call *call, struct model *next,
	const struct rpc_change *change, struct err *e);
/* @next was written with the result *rc.  If it is in the file it becomes the model, and *rc tells of a
 * disk that failed afterwards; else it is the caller's still. */
bool rpc_swap_in(struct daemon *d, struct model *next, int *rc, struct err *e);
/* {"generation": n} with the state of an object, so that a client can warn. */
json_t *rpc_written(const struct daemon *d, enum object_state state, const char *why);

/* One object as network.show and vif.show give it. */
json_t *rpc_view_network(const struct daemon *d, const struct network_cfg *n);
json_t *rpc_view_vif(const struct daemon *d, const struct vif_cfg *v);
/* The object "xen" of a netfront vif; null while it has no guest. */
json_t *rpc_view_xen(const struct daemon *d, uint16_t vif_id);

#define RPC_METHOD(function) \
	int function(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
RPC_METHOD(rpc_status);
RPC_METHOD(rpc_network_add);
RPC_METHOD(rpc_network_set);
RPC_METHOD(rpc_network_del);
RPC_METHOD(rpc_network_show);
RPC_METHOD(rpc_network_list);
RPC_METHOD(rpc_vif_add);
RPC_METHOD(rpc_vif_set);
RPC_METHOD(rpc_vif_del);
RPC_METHOD(rpc_vif_show);
RPC_METHOD(rpc_vif_list);
RPC_METHOD(rpc_export);
RPC_METHOD(rpc_apply);
RPC_METHOD(rpc_forward_add);
RPC_METHOD(rpc_forward_del);
RPC_METHOD(rpc_forward_list);
RPC_METHOD(rpc_mdb_list);
RPC_METHOD(rpc_mdb_add);
RPC_METHOD(rpc_mdb_del);
RPC_METHOD(rpc_lease_list);
RPC_METHOD(rpc_neighbour_list);
RPC_METHOD(rpc_neighbour_flush);
RPC_METHOD(rpc_stp_show);
RPC_METHOD(rpc_route_list);
RPC_METHOD(rpc_route_add);
RPC_METHOD(rpc_route_del);
RPC_METHOD(rpc_connection_list);
RPC_METHOD(rpc_connection_flush);
RPC_METHOD(rpc_fdb_list);
RPC_METHOD(rpc_fdb_add);
RPC_METHOD(rpc_fdb_del);
RPC_METHOD(rpc_fdb_flush);
RPC_METHOD(rpc_mirror_list);
RPC_METHOD(rpc_mirror_add);
RPC_METHOD(rpc_mirror_del);
RPC_METHOD(rpc_drops);
RPC_METHOD(rpc_worker_list);
RPC_METHOD(rpc_capture_open);
RPC_METHOD(rpc_capture_close);
RPC_METHOD(rpc_schema);
RPC_METHOD(rpc_history);
RPC_METHOD(rpc_daemon_stop);
