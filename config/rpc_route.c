/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_route.c - what the router knows: neighbours, routes, connections.
 *
 * From: rpc_dispatch.c.  To: reconcile_dump.c, read only but for the flushes.
 * Theory: a network and its uplink are two segments of the engine and one network for whoever asks;
 * *side* tells them apart.  What the engine says is printed, never followed.
 * Thread: the daemon has one. */
#include "config/ct_filter.h"
#include "config/daemon.h"
#include "config/rpc_methods.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The network that owns segment @id. */
static const struct network_cfg *owner_of(const struct model *m, uint16_t id)
{
	for (unsigned i = 0; i < m->n_networks; i++)
		if (m->network[i].id == id
			|| (id != NETWORK_ID_NONE && m->network[i].uplink.network_id == id))
			return &m->network[i];
	return NULL;
}

static const char *side_of(const struct network_cfg *n, uint16_t id)
{
	return n && n->id != id ? "uplink" : "guests";
}

static const char *const only_network[] = { "network", NULL };

/* The optional fields network and vif of @params, which has no others than @keys. */
static int read_filter(struct daemon *d, const json_t *params, const char *const *keys,
	const struct network_cfg **n, uint16_t *vif_id, struct err *e)
{
	int rc = rpc_only_keys(params, keys, e);

	*n = NULL;
	*vif_id = VIF_ID_NONE;
	if (rc == 0 && json_object_get(params, "network")) {
		*n = rpc_find_network(d->model, params, "network", e);
		rc = *n ? 0 : e->code;
	}
	if (rc == 0 && json_object_get(params, "vif")) {
		const struct vif_cfg *v = rpc_find_vif(d->model, params, "vif", e);

		rc = v ? 0 : e->code;
		*vif_id = v ? v->id : VIF_ID_NONE;
	}
	return rc;
}

static char *print_bytes(const uint8_t b[16], char *text)
{
	struct ipaddr a;

	memcpy(a.b, b, sizeof(a.b));
	return ip_print(&a, text);
}

static json_t *view_neighbour(const struct network_cfg *n, const struct msg_neigh_entry *entry)
{
	static const char *const states[]
		= { "unknown", "incomplete", "reachable", "stale", "probe", "failed" };
	char address[IP_STR_LEN], mac_text[MAC_STR_LEN];
	struct mac mac;

	memcpy(mac.b, entry->mac, sizeof(mac.b));
	return json_pack("{s:s?, s:s, s:s, s:s?, s:s, s:I, s:i}", "network", n ? n->name : NULL,
		"side", side_of(n, entry->network_id), "address", print_bytes(entry->addr, address),
		"mac", mac_is_zero(&mac) ? NULL : mac_print(&mac, mac_text), "state",
		states[entry->state < ARRAY_LEN(states) ? entry->state : 0], "age_s",
		(json_int_t)(entry->age_ms / 1000), "queued", (int)entry->n_queued);
}

int rpc_neighbour_list(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	struct msg_neigh_entry *entry = NULL;
	const struct network_cfg *n;
	uint16_t vif_id;
	size_t count = 0;
	int rc = read_filter(d, call->params, only_network, &n, &vif_id, e);

	if (rc == 0)
		rc = reconcile_neigh_list(d->reconcile, &entry, &count, e);
	if (rc != 0)
		return rc;
	*result = json_array();
	for (size_t i = 0; i < count; i++) {
		const struct network_cfg *its = owner_of(d->model, entry[i].network_id);

		if (!n || its == n)
			json_array_append_new(*result, view_neighbour(its, &entry[i]));
	}
	free(entry);
	return 0;
}

int rpc_neighbour_flush(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	const struct network_cfg *n;
	uint16_t vif_id;
	int rc = read_filter(d, call->params, only_network, &n, &vif_id, e);

	if (rc == 0)
		rc = reconcile_neigh_flush(d->reconcile, n ? n->id : NETWORK_ID_NONE, e);
	if (rc == 0 && n && n->uplink.network_id != NETWORK_ID_NONE)
		rc = reconcile_neigh_flush(d->reconcile, n->uplink.network_id, e);
	if (rc == 0)
		*result = json_pack("{s:I}", "generation", (json_int_t)d->model->generation);
	return rc;
}

static json_t *view_route(const struct model *m, const struct snap_route *route)
{
	static const char *const kinds[]
		= { "unknown", "connected", "via", "reject", "unreachable", "blackhole" };
	const struct network_cfg *in = owner_of(m, route->in_network);
	const struct network_cfg *out = owner_of(m, route->out_network);
	char prefix[IPNET_STR_LEN], via[IP_STR_LEN];
	struct ipnet net = { .len = route->len };

	memcpy(net.addr.b, route->prefix, sizeof(net.addr.b));
	return json_pack("{s:s?, s:s, s:s, s:s, s:s?, s:s?, s:s?}", "network", in ? in->name : NULL,
		"from", side_of(in, route->in_network), "prefix", ipnet_print(&net, prefix), "kind",
		kinds[route->kind < ARRAY_LEN(kinds) ? route->kind : 0], "via",
		route->kind == SNAP_ROUTE_VIA ? print_bytes(route->next_hop, via) : NULL,
		"out_network", out ? out->name : NULL, "out",
		out ? side_of(out, route->out_network) : NULL);
}

int rpc_route_list(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	struct snap_route *route;
	const struct network_cfg *n;
	uint16_t vif_id;
	unsigned count;
	int rc = read_filter(d, call->params, only_network, &n, &vif_id, e);

	if (rc != 0)
		return rc;
	route = calloc(ROUTES_MAX, sizeof(*route));
	if (!route)
		return err_set(e, -ENOMEM, "", "out of memory");
	count = reconcile_routes(d->reconcile, route, ROUTES_MAX);
	*result = json_array();
	for (unsigned i = 0; i < count; i++)
		if (!n || owner_of(d->model, route[i].in_network) == n)
			json_array_append_new(*result, view_route(d->model, &route[i]));
	free(route);
	return 0;
}

static json_t *view_tuple(const struct ct_tuple *t)
{
	char src[IP_STR_LEN], dst[IP_STR_LEN];

	return json_pack("{s:s, s:i, s:s, s:i}", "source", print_bytes(t->src, src), "source_port",
		(int)ntohs(t->sport), "destination", print_bytes(t->dst, dst), "destination_port",
		(int)ntohs(t->dport));
}

static json_t *view_connection(const struct daemon *d, const struct msg_ct_entry *c)
{
	const struct network_cfg *n = owner_of(d->model, c->orig.network_id);
	const struct vif_cfg *v = model_vif_by_id(d->model, c->vif_id);
	const char *proto = ct_filter_proto_name(c->orig.proto);

	return json_pack("{s:s?, s:s, s:s?, s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:o, s:o}",
		"network", n ? n->name : NULL, "side", side_of(n, c->orig.network_id), "vif",
		v ? v->name : NULL, "proto", proto ? proto : "?", "state",
		ct_filter_state_name(c->state), "nat", ct_filter_nat(c), "assured",
		(c->flags & CT_ASSURED) != 0, "timeout_s", (json_int_t)c->timeout_s, "packets",
		(json_int_t)c->packets[0], "bytes", (json_int_t)c->bytes[0], "reply_packets",
		(json_int_t)c->packets[1], "reply_bytes", (json_int_t)c->bytes[1], "original",
		view_tuple(&c->orig), "reply", view_tuple(&c->reply));
}

int rpc_connection_list(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	static const char *const keys[]
		= { "network", "vif", "proto", "address", "port", "state", "nat", NULL };
	struct msg_ct_entry *entry = NULL;
	const struct network_cfg *n;
	struct ct_filter filter;
	uint16_t vif_id;
	size_t count = 0;
	int rc = read_filter(d, call->params, keys, &n, &vif_id, e);

	if (rc == 0)
		rc = ct_filter_parse(call->params, &filter, e);
	if (rc == 0)
		rc = reconcile_ct_list(
			d->reconcile, n ? n->id : NETWORK_ID_NONE, vif_id, &entry, &count, e);
	if (rc != 0)
		return rc;
	*result = json_array();
	for (size_t i = 0; i < count; i++)
		if (ct_filter_takes(&filter, &entry[i]))
			json_array_append_new(*result, view_connection(d, &entry[i]));
	free(entry);
	return 0;
}

int rpc_connection_flush(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	static const char *const keys[] = { "network", "vif", NULL };
	const struct network_cfg *n;
	uint16_t vif_id;
	int rc = read_filter(d, call->params, keys, &n, &vif_id, e);

	if (rc == 0)
		rc = reconcile_ct_flush(d->reconcile, n ? n->id : NETWORK_ID_NONE, vif_id, e);
	if (rc == 0)
		*result = json_pack("{s:I}", "generation", (json_int_t)d->model->generation);
	return rc;
}
