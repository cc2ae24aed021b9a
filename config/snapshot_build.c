/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_build.c - lay out networks and ports as vswitch/abi/snapshot_msg.h says.
 * From: reconcile_engine.c.  Pure.
 * Invariants: only vifs whose fds are held become ports, and only those that the engine has get what
 * is flooded, so that nothing is flooded into the void; a port without carrier is down, as with the
 * kernel's bridge.  Thread: the daemon's only one. */
#include "config/snapshot_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PORT_MTU_MIN 68

static void build_network(
	const struct network_cfg *n, const struct actual *actual, struct snap_network *out)
{
	memset(out, 0, sizeof(*out));
	out->network_id = n->id;
	out->mode = (uint8_t)n->mode;
	out->profile = (uint8_t)n->profile;
	out->ageing_s = n->ageing_s;
	out->fdb_limit = n->fdb_limit;
	out->mtu = n->mtu != 0 ? n->mtu : 1500;
	memcpy(out->name, n->name, sizeof(out->name));
	if (n->leg_vif_id != VIF_ID_NONE && actual->vif[n->leg_vif_id].is_open) {
		out->leg_vif_id = n->leg_vif_id;
		memcpy(out->leg_mac, n->leg_mac.b, sizeof(out->leg_mac));
	}
}

#define PORT_FLAGS_FLOOD (SNAP_PORT_FLOOD | SNAP_PORT_MCAST_FLOOD | SNAP_PORT_BCAST_FLOOD)
/* A leg behaves as a bridge's own port does: it gets everything that is flooded. */
#define PORT_FLAGS_DEFAULT (SNAP_PORT_LEARN | PORT_FLAGS_FLOOD)

static uint32_t port_flags(const struct vif_cfg *v)
{
	uint32_t flags = PORT_FLAGS_DEFAULT;

	if (v->no_learning)
		flags &= ~(uint32_t)SNAP_PORT_LEARN;
	if (v->no_flood)
		flags &= ~(uint32_t)SNAP_PORT_FLOOD;
	if (v->no_mcast_flood)
		flags &= ~(uint32_t)SNAP_PORT_MCAST_FLOOD;
	if (v->no_bcast_flood)
		flags &= ~(uint32_t)SNAP_PORT_BCAST_FLOOD;
	if (v->is_isolated)
		flags |= SNAP_PORT_ISOLATED;
	if (v->is_hairpin)
		flags |= SNAP_PORT_HAIRPIN;
	return flags;
}

static void build_port(const struct model *m, const struct vif_want *want,
	const struct vif_slot *slot, struct snap_port *out)
{
	const struct vif_cfg *v = want->is_leg ? NULL : model_vif_by_id(m, want->id);

	memset(out, 0, sizeof(*out));
	out->vif_id = want->id;
	out->network_id = want->network_id;
	out->flags = v != NULL ? port_flags(v) : (uint32_t)(PORT_FLAGS_DEFAULT | SNAP_PORT_LEG);
	if (!want->is_down && (want->type == VIF_TYPE_HOST || slot->has_carrier))
		out->flags |= SNAP_PORT_UP;
	if (!slot->is_in_engine)
		out->flags &= ~(uint32_t)PORT_FLAGS_FLOOD;
	out->fdb_limit = v != NULL ? v->fdb_limit : 0;
	out->mtu = MAX(slot->mtu != 0 ? slot->mtu : want->mtu, (uint16_t)PORT_MTU_MIN);
	if (want->has_mac)
		memcpy(out->mac, want->mac.b, sizeof(out->mac));
	memcpy(out->name, want->name, sizeof(out->name));
}

int snapshot_build(const struct model *m, const struct vif_wants *wants,
	const struct actual *actual, uint64_t generation, void **out, size_t *len)
{
	struct snap_hdr hdr = { .magic = SNAPSHOT_MAGIC, .generation = generation };
	size_t size = sizeof(hdr) + m->n_networks * sizeof(struct snap_network)
		+ VIF_ID_MAX * sizeof(struct snap_port);
	uint8_t *bytes = calloc(1, size);
	uint8_t *at;

	if (bytes == NULL)
		return -ENOMEM;
	at = bytes + sizeof(hdr);
	for (unsigned i = 0; i < m->n_networks; i++) {
		struct snap_network network;

		build_network(&m->network[i], actual, &network);
		memcpy(at, &network, sizeof(network));
		at += sizeof(network);
		hdr.n_networks++;
	}
	for (unsigned id = 1; id < VIF_ID_MAX; id++) {
		const struct vif_want *want = &wants->vif[id];
		struct snap_port port;

		if (want->id == VIF_ID_NONE || want->network_id == NETWORK_ID_NONE
			|| !actual->vif[id].is_open)
			continue;
		build_port(m, want, &actual->vif[id], &port);
		memcpy(at, &port, sizeof(port));
		at += sizeof(port);
		hdr.n_ports++;
	}
	hdr.size = (uint32_t)(at - bytes);
	memcpy(bytes, &hdr, sizeof(hdr));
	*out = bytes;
	*len = hdr.size;
	return 0;
}

bool snapshot_is_same(const void *a, size_t a_len, const void *b, size_t b_len)
{
	struct snap_hdr hdr_a, hdr_b;

	if (a == NULL || b == NULL || a_len != b_len || a_len < sizeof(hdr_a))
		return false;
	memcpy(&hdr_a, a, sizeof(hdr_a));
	memcpy(&hdr_b, b, sizeof(hdr_b));
	hdr_a.generation = hdr_b.generation;
	return memcmp(&hdr_a, &hdr_b, sizeof(hdr_a)) == 0
		&& memcmp((const uint8_t *)a + sizeof(hdr_a), (const uint8_t *)b + sizeof(hdr_b),
			   a_len - sizeof(hdr_a))
		== 0;
}
