/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_stp.c - spanning trees for whoever asks.
 *
 * From: rpc_dispatch.c.  To: reconcile_dump.c, read only.
 * Theory: the engine lists bridges first, then ports; here each port goes to its bridge.  What the
 * engine says is printed, never followed.
 * Thread: the daemon has one. */
#include "config/daemon.h"
#include "config/rpc_methods.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ID_TEXT_LEN 24
#define STATE_LOOPED 4 /* of struct msg_stp_entry */

/* "8000.525400123456", as Linux writes it. */
static const char *print_id(uint64_t id, char text[ID_TEXT_LEN])
{
	snprintf(text, ID_TEXT_LEN, "%04x.%012" PRIx64, (unsigned)(id >> 48),
		id & ((UINT64_C(1) << 48) - 1));
	return text;
}

static const char *vif_name(const struct model *m, uint16_t id)
{
	const struct vif_cfg *v = model_vif_by_id(m, id);

	return v ? v->name : NULL;
}

static const char *role_text(uint8_t role)
{
	static const char *const roles[]
		= { "disabled", "root", "designated", "alternate", "backup" };

	return role < ARRAY_LEN(roles) ? roles[role] : "unknown";
}

static const char *state_text(const struct msg_stp_entry *p)
{
	static const char *const states[]
		= { "forwarding", "learning", "discarding", "disabled", "discarding" };

	if (!(p->flags & MSG_STP_LINK))
		return "disabled";
	return p->state < ARRAY_LEN(states) ? states[p->state] : "unknown";
}

/* Why a port is not what it could be. */
static const char *guard_text(const struct msg_stp_entry *p)
{
	if (p->flags & MSG_STP_GUARDED)
		return "bpdu";
	if (p->state == STATE_LOOPED)
		return "loop";
	return p->flags & MSG_STP_ROOT_GUARDED ? "root" : NULL;
}

static json_t *view_port(const struct model *m, const struct msg_stp_entry *p)
{
	char root[ID_TEXT_LEN], bridge[ID_TEXT_LEN];

	return json_pack("{s:s?, s:s, s:s, s:b, s:b, s:s, s:s?, s:i, s:i, s:I, s:s, s:s, s:I, s:i, "
			 "s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I}",
		"vif", vif_name(m, p->vif_id), "role", role_text(p->role), "state", state_text(p),
		"link", (p->flags & MSG_STP_LINK) != 0, "edge", (p->flags & MSG_STP_EDGE) != 0,
		"version", p->flags & MSG_STP_RSTP ? "rstp" : "stp", "guarded_by", guard_text(p),
		"priority", (p->port_id >> 12) * 16, "number", p->port_id & 0xfff, "cost",
		(json_int_t)p->cost, "designated_root", print_id(p->root_id, root),
		"designated_bridge", print_id(p->bridge_id, bridge), "designated_cost",
		(json_int_t)p->root_cost, "designated_port", (int)p->designated_port_id,
		"forward_timer", (int)p->forward_while, "message_timer", (int)p->heard_while,
		"rx_bpdus", (json_int_t)p->n_rx, "tx_bpdus", (json_int_t)p->n_tx, "rx_tc",
		(json_int_t)p->n_rx_tc, "tx_tc", (json_int_t)p->n_tx_tc, "malformed",
		(json_int_t)p->n_malformed, "transitions", (json_int_t)p->n_transitions);
}

static json_t *view_bridge(const struct model *m, const struct msg_stp_entry *b)
{
	const struct network_cfg *n = model_network_by_id(m, b->network_id);
	char root[ID_TEXT_LEN], bridge[ID_TEXT_LEN];

	return json_pack("{s:s?, s:s, s:s, s:s, s:b, s:s?, s:I, s:i, s:i, s:i, s:I, s:I, s:[]}",
		"network", n ? n->name : NULL, "version", b->flags & MSG_STP_RSTP ? "rstp" : "stp",
		"bridge_id", print_id(b->bridge_id, bridge), "root_id", print_id(b->root_id, root),
		"is_root", b->root_id == b->bridge_id, "root_port", vif_name(m, b->port_id),
		"root_cost", (json_int_t)b->root_cost, "hello_time", (int)b->hello_s, "max_age",
		(int)b->max_age_s, "forward_delay", (int)b->forward_delay_s, "topology_changes",
		(json_int_t)b->n_transitions, "changed_s", (json_int_t)b->changed_s, "ports");
}

/* Each bridge of @entry with its ports. */
static json_t *view(const struct model *m, const struct msg_stp_entry *entry, size_t count)
{
	json_t *of_network[NETWORK_ID_MAX] = { NULL };
	json_t *result = json_array();

	for (size_t i = 0; i < count; i++) {
		uint16_t id = entry[i].network_id;

		if (id >= NETWORK_ID_MAX)
			continue;
		if (entry[i].vif_id == VIF_ID_NONE && !of_network[id]) {
			json_t *bridge = view_bridge(m, &entry[i]);

			of_network[id] = json_object_get(bridge, "ports");
			json_array_append_new(result, bridge);
		} else if (entry[i].vif_id != VIF_ID_NONE && of_network[id]) {
			json_array_append_new(of_network[id], view_port(m, &entry[i]));
		}
	}
	return result;
}

int rpc_stp_show(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	static const char *const keys[] = { "network", NULL };
	struct msg_stp_entry *entry = NULL;
	const struct network_cfg *n = NULL;
	size_t count = 0;
	int rc = rpc_only_keys(call->params, keys, e);

	if (rc == 0 && json_object_get(call->params, "network")) {
		n = rpc_find_network(d->model, call->params, "network", e);
		rc = n ? 0 : e->code;
	}
	if (rc == 0)
		rc = reconcile_stp_list(
			d->reconcile, n ? n->id : NETWORK_ID_NONE, &entry, &count, e);
	if (rc == 0)
		*result = view(d->model, entry, count);
	free(entry);
	return rc;
}
