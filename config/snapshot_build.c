/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_build.c - lay out networks and ports as vswitch/abi/snapshot_msg.h says.
 * From: reconcile_engine.c.  Pure.
 * Invariants: only vifs whose fds are held become ports, and only those that the engine has get what
 * is flooded, so that nothing is flooded into the void; a port without carrier is down, as with the
 * kernel's bridge, but what comes from it is taken: it has a carrier then, and the news is on its way.  Thread: the daemon's only one. */
#include "config/snapshot_build.h"

#include "config/snapshot_guard.h"
#include "config/snapshot_layout.h"
#include "config/snapshot_mirror.h"
#include "config/snapshot_multicast.h"
#include "config/snapshot_port.h"
#include "config/snapshot_routing.h"
#include "config/snapshot_station.h"
#include "config/snapshot_trees.h"
#include "config/uplink_choice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UPLINK_AGEING_S 300

static void build_network(
	const struct network_cfg *n, const struct actual *actual, struct snap_network *out)
{
	memset(out, 0, sizeof(*out));
	out->network_id = n->id;
	out->mode = (uint8_t)n->mode;
	out->profile = (uint8_t)n->profile;
	out->ageing_s = n->ageing_s;
	out->fdb_limit = n->fdb_limit;
	out->neigh_limit = n->neighbour_limit;
	out->flags = n->has_mtu_icmp ? SNAP_NETWORK_MTU_ICMP : 0;
	out->vlan = n->vlan_filtering;
	out->group_fwd_lo = (uint8_t)n->group_fwd_mask;
	out->group_fwd_hi = (uint8_t)(n->group_fwd_mask >> 8);
	out->mtu = n->mtu != 0 ? n->mtu : 1500;
	memcpy(out->name, n->name, sizeof(out->name));
	if (n->leg_vif_id != VIF_ID_NONE && actual->vif[n->leg_vif_id].is_open) {
		out->leg_vif_id = n->leg_vif_id;
		memcpy(out->leg_mac, n->leg_mac.b, sizeof(out->leg_mac));
	}
}

/* What nobody said is the profile's: of the vif, or of its network. */
static bool is_of_tenant(const struct model *m, const struct vif_cfg *v)
{
	const struct network_cfg *n = model_network_by_id(m, v->network_id);

	return v->has_profile ? v->profile == PROFILE_TENANT
			      : n != NULL && n->profile == PROFILE_TENANT && !v->is_uplink;
}

static void build_limits(const struct model *m, const struct vif_cfg *v, struct snap_port *out)
{
	bool is_tenant = is_of_tenant(m, v);
	uint32_t most = is_tenant ? CT_VIF_MAX : CT_TABLE_MAX;

	out->fdb_limit = v->fdb_limit;
	out->connection_limit = v->connection_limit != 0 ? v->connection_limit : most;
	out->half_open_limit = is_tenant ? MAX(out->connection_limit / 4, 1u) : CT_TABLE_MAX;
	if (v->half_open_limit != 0)
		out->half_open_limit = v->half_open_limit;
	out->unresolved_limit = v->unresolved_limit;
}

static void build_port(const struct model *m, const struct vif_want *want,
	const struct vif_slot *slot, struct snap_port *out)
{
	const struct vif_cfg *v = want->is_leg ? NULL : model_vif_by_id(m, want->id);

	memset(out, 0, sizeof(*out));
	out->vif_id = want->id;
	out->network_id = want->network_id;
	out->flags = v != NULL ? snapshot_port_flags(v)
			       : (uint32_t)(SNAPSHOT_PORT_FLAGS_DEFAULT | SNAP_PORT_LEG);
	if (!want->is_down)
		out->flags |= SNAP_PORT_HEARS;
	if (!want->is_down && (want->type == VIF_TYPE_HOST || slot->has_carrier))
		out->flags |= SNAP_PORT_UP;
	if (!slot->is_in_engine)
		out->flags &= ~(uint32_t)SNAPSHOT_PORT_FLAGS_FLOOD;
	if (v != NULL) {
		out->group_fwd = v->group_fwd_mask;
		build_limits(m, v, out);
		out->guard = snapshot_guard_flags(v, is_of_tenant(m, v));
	}
	out->mtu = MAX(slot->mtu != 0 ? slot->mtu : want->mtu, (uint16_t)PORT_MTU_MIN);
	if (want->has_mac)
		memcpy(out->mac, want->mac.b, sizeof(out->mac));
	memcpy(out->name, want->name, sizeof(out->name));
}

static void add_networks(
	struct layout *l, const struct model *m, const struct actual *actual, uint32_t *count)
{
	for (unsigned i = 0; i < m->n_networks; i++) {
		struct snap_network network;

		build_network(&m->network[i], actual, &network);
		snapshot_layout_append(l, &network, sizeof(network), count, NETWORK_ID_MAX - 1);
	}
	for (unsigned i = 0; i < m->n_networks; i++) {
		const struct network_cfg *n = &m->network[i];
		const struct vif_slot *slot = snapshot_layout_uplink(m, n, actual);
		struct snap_network network;

		if (slot == NULL)
			continue;
		memset(&network, 0, sizeof(network));
		network.network_id = n->uplink.network_id;
		network.mode = NETWORK_MODE_BRIDGE;
		network.profile = PROFILE_PLAIN;
		network.ageing_s = UPLINK_AGEING_S;
		network.mtu = slot->mtu != 0 ? slot->mtu : n->mtu;
		snprintf(network.name, sizeof(network.name), "up-%.12s", n->name);
		snapshot_layout_append(l, &network, sizeof(network), count, NETWORK_ID_MAX - 1);
	}
}

/* Is the segment that this vif wants to be in one that exists now? */
static bool is_segment_there(
	const struct model *m, const struct actual *actual, uint16_t network_id)
{
	for (unsigned i = 0; i < m->n_networks; i++)
		if (m->network[i].uplink.kind != UPLINK_NONE
			&& m->network[i].uplink.network_id == network_id)
			return snapshot_layout_uplink(m, &m->network[i], actual) != NULL;
	return true;
}

static bool is_uplink_segment(const struct model *m, uint16_t network_id)
{
	return model_network_by_id(m, network_id) == NULL;
}

static void add_ports(struct layout *l, const struct model *m, const struct vif_wants *wants,
	const struct actual *actual, uint32_t *count)
{
	for (unsigned id = 1; id < VIF_ID_MAX; id++) {
		const struct vif_want *want = &wants->vif[id];
		struct snap_port port;

		if (want->id == VIF_ID_NONE
			|| (want->network_id == NETWORK_ID_NONE && !want->gets_copies)
			|| !actual->vif[id].is_open
			|| !is_segment_there(m, actual, want->network_id))
			continue;
		build_port(m, want, &actual->vif[id], &port);
		if (is_uplink_segment(m, want->network_id)) {
			port.flags = (port.flags & (SNAP_PORT_UP | SNAP_PORT_HEARS))
				| SNAPSHOT_PORT_FLAGS_DEFAULT;
			memset(port.mac, 0, sizeof(port.mac)); /* the router's, not a guest's */
			port.fdb_limit = 0;
			port.connection_limit = 0;
			port.half_open_limit = 0;
			port.guard = 0;
		}
		if (uplink_stands_by(m, actual, port.vif_id))
			port.flags = (port.flags & ~(uint32_t)(SNAP_PORT_UP | SNAP_PORT_HEARS))
				| SNAP_PORT_STANDBY;
		snapshot_layout_append(l, &port, sizeof(port), count, VIF_ID_MAX - 1);
	}
}

static void add_meter(struct layout *l, uint32_t *count, uint16_t vif_id, enum snap_meter_kind kind,
	const struct rate_limit *r)
{
	const struct snap_meter meter = { .vif_id = vif_id,
		.kind = (uint8_t)kind,
		.rate = r->average,
		.peak = r->peak,
		.burst = r->burst };

	if (r->average != 0)
		snapshot_layout_append(l, &meter, sizeof(meter), count, METERS_MAX);
}

static void add_storm_meters(
	struct layout *l, const struct model *m, const struct vif_cfg *v, uint32_t *count)
{
	static const struct storm_limit tenants
		= { .rate = STORM_RATE_TENANT, .burst = STORM_BURST_TENANT };

	for (unsigned i = 0; i < STORM_CLASSES; i++) {
		const struct storm_limit *s = &v->storm[i];
		struct rate_limit r;

		if (!s->is_set && i == STORM_ALL && is_of_tenant(m, v))
			s = &tenants;
		else if (!s->is_set)
			continue;
		r = (struct rate_limit){ .average = s->rate, .burst = s->burst };
		if (s->rate == 0 && i != STORM_ALL) /* a meter of its own that never ends */
			r = (struct rate_limit){ .average = METER_RATE_MAX,
				.burst = METER_BURST_MAX };
		add_meter(l, count, v->id, (enum snap_meter_kind)(SNAP_METER_STORM + i), &r);
	}
}

/* Of the vifs that add_ports() has made ports of. */
static void add_meters(
	struct layout *l, const struct model *m, const struct vif_wants *wants, uint32_t *count)
{
	static_assert(METERS_MAX == VIF_ID_MAX * SNAP_METER_N, "one of each kind");
	const struct snap_port *port = (const void *)(l->bytes + l->first_port);

	for (uint32_t i = 0; i < l->n_ports; i++) {
		const struct vif_cfg *v = wants->vif[port[i].vif_id].is_leg
			? NULL
			: model_vif_by_id(m, port[i].vif_id);

		if (v == NULL)
			continue;
		add_meter(l, count, v->id, SNAP_METER_FROM, &v->rate.out);
		add_meter(l, count, v->id, SNAP_METER_TO, &v->rate.in);
		if (!is_uplink_segment(m, port[i].network_id))
			add_storm_meters(l, m, v, count);
	}
}

/* The VLANs of the ports that add_ports() has laid out. */
static void add_vlans(struct layout *l, const struct model *m, const struct vif_wants *wants,
	const struct actual *actual, uint32_t *count)
{
	for (unsigned i = 0; i < m->n_vifs; i++) {
		const struct vif_cfg *v = &m->vif[i];
		const struct network_cfg *n;

		if (v->vlan.n == 0 || wants->vif[v->id].id == VIF_ID_NONE
			|| !actual->vif[v->id].is_open)
			continue;
		n = model_network_by_id(m, wants->vif[v->id].network_id);
		if (n == NULL || n->vlan_filtering == SNAP_VLAN_NONE)
			continue;
		for (unsigned k = 0; k < v->vlan.n; k++) {
			const struct vlan_item *item = &v->vlan.item[k];
			struct snap_vlan vlan = { v->id, item->first, item->last, item->flags };

			snapshot_layout_append(l, &vlan, sizeof(vlan), count, VLAN_RANGES_MAX);
		}
	}
}

/* Of networks, and of the vifs that add_ports() has made ports of. */
static void add_mcasts(
	struct layout *l, const struct model *m, const struct vif_wants *wants, uint32_t *count)
{
	const struct snap_port *port = (const void *)(l->bytes + l->first_port);
	struct snap_mcast r;

	for (unsigned i = 0; i < m->n_networks; i++)
		if (snapshot_multicast_net(&m->network[i], &r))
			snapshot_layout_append(l, &r, sizeof(r), count, MCAST_RECORDS_MAX);
	for (uint32_t i = 0; i < l->n_ports; i++) {
		const struct vif_cfg *v = wants->vif[port[i].vif_id].is_leg
			? NULL
			: model_vif_by_id(m, port[i].vif_id);

		if (v == NULL || is_uplink_segment(m, port[i].network_id))
			continue;
		if (snapshot_multicast_vif(v, is_of_tenant(m, v), &r))
			snapshot_layout_append(l, &r, sizeof(r), count, MCAST_RECORDS_MAX);
		for (unsigned k = 0; k < v->multicast.n_groups; k++) {
			snapshot_multicast_entry(v, k, &r);
			snapshot_layout_append(l, &r, sizeof(r), count, MCAST_RECORDS_MAX);
		}
	}
}

/* Of the ports that add_ports() has laid out, whose order is that of their ids. */
static uint32_t add_bindings(struct layout *l, const struct model *m, const struct actual *actual)
{
	const struct snap_port *port = (const void *)(l->bytes + l->first_port);
	struct snap_binding b[SNAPSHOT_GUARD_MAX];
	uint32_t count = 0;

	for (uint32_t i = 0; i < l->n_ports; i++) {
		const struct vif_cfg *v = (port[i].guard & SNAP_GUARD_IP) == 0
			? NULL
			: model_vif_by_id(m, port[i].vif_id);
		unsigned n = v == NULL ? 0 : snapshot_guard_bindings(m, actual, v, b);

		for (unsigned j = 0; j < n && count < BINDINGS_MAX; j++)
			snapshot_layout_append(l, &b[j], sizeof(b[j]), &count, BINDINGS_MAX);
	}
	return count;
}

static void add_entry(struct layout *l, uint32_t *count, uint16_t vif_id, uint16_t vid,
	const struct fdb_item *item, bool is_sticky)
{
	struct snap_fdb fdb
		= { .vif_id = vif_id, .vid = vid, .flags = is_sticky ? SNAP_FDB_STICKY : 0 };

	memcpy(fdb.mac, item->mac.b, sizeof(fdb.mac));
	snapshot_layout_append(l, &fdb, sizeof(fdb), count, FDB_STATIC_MAX);
}

/* Entries of the forwarding table, of ports that are there. */
static void add_fdb(struct layout *l, const struct model *m, uint32_t *count)
{
	const struct snap_port *port = (const void *)(l->bytes + l->first_port);

	for (uint32_t i = 0; i < l->n_ports; i++) {
		const struct network_cfg *n = model_network_by_id(m, port[i].network_id);
		const struct vif_cfg *v = model_vif_by_id(m, port[i].vif_id);
		const struct fdb_list *list;

		if (n == NULL || (v == NULL && n->leg_vif_id != port[i].vif_id))
			continue;
		list = v != NULL ? &v->fdb : &n->fdb;
		for (unsigned k = 0; k < list->n; k++)
			add_entry(l, count, port[i].vif_id, model_fdb_vid(n, v, &list->item[k]),
				&list->item[k],
				v != NULL && (list->item[k].is_sticky || is_of_tenant(m, v)));
	}
}

static void add_trees(struct layout *l, const struct model *m, uint32_t *count)
{
	struct snap_stp tree;

	for (unsigned i = 0; i < m->n_networks; i++)
		if (snapshot_stp_net(&m->network[i], &tree))
			snapshot_layout_append(l, &tree, sizeof(tree), count, NETWORK_ID_MAX - 1);
}

/* Only vifs that are ports, and only where there is something to say. */
static void add_tree_ports(struct layout *l, const struct model *m, const struct vif_wants *wants,
	const struct actual *actual, uint32_t *count)
{
	struct snap_stp_port port;

	for (unsigned i = 0; i < m->n_vifs; i++) {
		const struct vif_cfg *v = &m->vif[i];

		if (wants->vif[v->id].network_id != NETWORK_ID_NONE && actual->vif[v->id].is_open
			&& snapshot_stp_vif(v, model_network_by_id(m, v->network_id),
				is_of_tenant(m, v), &port))
			snapshot_layout_append(l, &port, sizeof(port), count, VIF_ID_MAX - 1);
	}
}

/* Where some vif wants to be spared questions. */
static void add_stations(
	struct layout *l, const struct model *m, const struct actual *actual, uint32_t *count)
{
	struct snap_station *station = NULL;
	unsigned n = snapshot_stations(m, actual, &station);

	for (unsigned i = 0; i < n; i++)
		snapshot_layout_append(l, &station[i], sizeof(station[i]), count, STATIONS_MAX);
	free(station);
}

int snapshot_build(const struct model *m, const struct vif_wants *wants,
	const struct actual *actual, uint64_t generation, void **out, size_t *len)
{
	struct snap_hdr hdr = { .magic = SNAPSHOT_MAGIC, .generation = generation };
	struct layout l = { .len = sizeof(hdr), .size = SNAPSHOT_SIZE_MAX };

	l.bytes = calloc(1, l.size);
	if (l.bytes == NULL)
		return -ENOMEM;
	add_networks(&l, m, actual, &hdr.n_networks);
	l.first_port = l.len;
	add_ports(&l, m, wants, actual, &hdr.n_ports);
	l.n_ports = hdr.n_ports;
	snapshot_routing_add(&l, m, actual, &hdr);
	add_trees(&l, m, &hdr.n_stp);
	add_tree_ports(&l, m, wants, actual, &hdr.n_stp_ports);
	add_meters(&l, m, wants, &hdr.n_meters);
	add_vlans(&l, m, wants, actual, &hdr.n_vlans);
	add_mcasts(&l, m, wants, &hdr.n_mcasts);
	hdr.n_bindings = (uint16_t)add_bindings(&l, m, actual);
	add_fdb(&l, m, &hdr.n_fdb);
	add_stations(&l, m, actual, &hdr.n_stations);
	hdr.n_mirrors = snapshot_mirrors_add(&l, m);
	hdr.size = (uint32_t)l.len;
	memcpy(l.bytes, &hdr, sizeof(hdr));
	*out = l.bytes;
	*len = l.len;
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
