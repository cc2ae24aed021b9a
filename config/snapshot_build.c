/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_build.c - lay out networks and ports as vswitch/abi/snapshot_msg.h says.
 * From: reconcile_engine.c.  Pure.
 * Invariants: only vifs whose fds are held become ports, and only those that the engine has get what
 * is flooded, so that nothing is flooded into the void; a port without carrier is down, as with the
 * kernel's bridge, but what comes from it is taken: it has a carrier then, and the news is on its way.  Thread: the daemon's only one. */
#include "config/snapshot_build.h"

#include "config/snapshot_guard.h"
#include "config/snapshot_multicast.h"
#include "config/snapshot_port.h"
#include "config/snapshot_station.h"
#include "config/snapshot_trees.h"
#include "config/uplink_choice.h"
#include "vswitch/base/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT_MTU_MIN 68
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

/* The message while it grows.  model_check() has refused what would not fit. */
struct layout {
	uint8_t *bytes;
	size_t len, size;
	size_t first_port; /* where the ports begin */
	uint32_t n_ports;
	uint32_t *n_routes; /* where add_route() counts */
};

static void append(struct layout *l, const void *record, size_t len, uint32_t *count, uint32_t max)
{
	CHECK(*count < max && l->len + len <= l->size);
	memcpy(l->bytes + l->len, record, len);
	l->len += len;
	(*count)++;
}

/* The port by which the network leads out, when it is there; else NULL. */
static const struct vif_slot *uplink_slot(
	const struct model *m, const struct network_cfg *n, const struct actual *actual)
{
	const struct vif_cfg *v;
	uint16_t id = n->uplink.vif_id;

	if (n->uplink.kind == UPLINK_VIF) {
		v = model_vif(m, n->uplink.name);
		id = v != NULL ? v->id : VIF_ID_NONE;
	}
	if (id == VIF_ID_NONE || id >= VIF_ID_MAX || !actual->vif[id].is_open)
		return NULL;
	if (n->uplink.kind == UPLINK_HOST && !actual->network[n->id].transit.is_set)
		return NULL;
	return &actual->vif[id];
}

static void add_networks(
	struct layout *l, const struct model *m, const struct actual *actual, uint32_t *count)
{
	for (unsigned i = 0; i < m->n_networks; i++) {
		struct snap_network network;

		build_network(&m->network[i], actual, &network);
		append(l, &network, sizeof(network), count, NETWORK_ID_MAX - 1);
	}
	for (unsigned i = 0; i < m->n_networks; i++) {
		const struct network_cfg *n = &m->network[i];
		const struct vif_slot *slot = uplink_slot(m, n, actual);
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
		append(l, &network, sizeof(network), count, NETWORK_ID_MAX - 1);
	}
}

/* Is the segment that this vif wants to be in one that exists now? */
static bool is_segment_there(
	const struct model *m, const struct actual *actual, uint16_t network_id)
{
	for (unsigned i = 0; i < m->n_networks; i++)
		if (m->network[i].uplink.kind != UPLINK_NONE
			&& m->network[i].uplink.network_id == network_id)
			return uplink_slot(m, &m->network[i], actual) != NULL;
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

		if (want->id == VIF_ID_NONE || want->network_id == NETWORK_ID_NONE
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
		append(l, &port, sizeof(port), count, VIF_ID_MAX - 1);
	}
}

static uint8_t policy_of(enum network_mode mode)
{
	if (mode == NETWORK_MODE_NAT)
		return SNAP_POLICY_NAT;
	return mode == NETWORK_MODE_ROUTED ? SNAP_POLICY_ROUTED : SNAP_POLICY_OPEN;
}

static uint16_t uplink_mtu(const struct network_cfg *n, const struct vif_slot *slot)
{
	uint16_t wanted = n->mtu != 0 ? n->mtu : 1500;

	return slot != NULL && slot->mtu != 0 ? slot->mtu : wanted;
}

static void add_routers(
	struct layout *l, const struct model *m, const struct actual *actual, uint32_t *count)
{
	for (unsigned i = 0; i < m->n_networks; i++) {
		const struct network_cfg *n = &m->network[i];
		const struct vif_slot *slot = uplink_slot(m, n, actual);
		struct snap_router g = { .network_id = n->id,
			.uplink_id = slot != NULL ? n->uplink.network_id : NETWORK_ID_NONE,
			.policy = policy_of(n->mode),
			.mtu = n->mtu != 0 ? n->mtu : 1500 };
		uint16_t up_mtu = uplink_mtu(n, slot);
		struct snap_router u
			= { .network_id = n->uplink.network_id, .policy = SNAP_POLICY_UPLINK };

		if (!network_is_routed(n))
			continue;
		if (n->mode == NETWORK_MODE_NAT && network_has_family(n, true))
			g.flags |= SNAP_ROUTER_NAT4;
		if (n->is_nat_ipv6 && network_has_family(n, false))
			g.flags |= SNAP_ROUTER_NAT6;
		if (n->has_open_ports && g.flags != 0)
			g.flags |= SNAP_ROUTER_OPEN_PORTS;
		memcpy(g.timeout_s, n->ct_times.s, sizeof(g.timeout_s));
		g.port_min = n->nat_port_min;
		g.port_max = n->nat_port_max;
		memcpy(g.mac, n->leg_mac.b, sizeof(g.mac));
		memcpy(u.mac, n->uplink.mac.b, sizeof(u.mac));
		u.mtu = MAX(up_mtu, (uint16_t)PORT_MTU_MIN);
		append(l, &g, sizeof(g), count, ROUTERS_MAX);
		if (slot != NULL)
			append(l, &u, sizeof(u), count, ROUTERS_MAX);
	}
}

/* The router's addresses on its uplink, at most one a family, and the next hops beside them. */
struct uplink_addresses {
	unsigned n;
	struct ipnet own[UPLINK_ADDRESSES_MAX];
	struct ipaddr next_hop[UPLINK_ADDRESSES_MAX];
	bool has_next_hop[UPLINK_ADDRESSES_MAX];
};

static void transit_addresses(
	const struct network_cfg *n, const struct transit *t, struct uplink_addresses *out)
{
	out->own[0] = (struct ipnet){ t->router4, TRANSIT_LEN4 };
	out->next_hop[0] = t->host4;
	out->has_next_hop[0] = true;
	out->n = 1;
	if (!network_has_family(n, false))
		return;
	out->own[1] = (struct ipnet){ t->router6, TRANSIT_LEN6 };
	out->next_hop[1] = t->host6;
	out->has_next_hop[1] = true;
	out->n = 2;
}

static void given_addresses(const struct uplink_cfg *u, struct uplink_addresses *out)
{
	for (unsigned i = 0; i < u->n_addresses; i++) {
		out->own[i] = u->address[i];
		for (unsigned j = 0; j < u->n_gateways; j++) {
			if (ip_is_v4(&u->gateway[j]) != ip_is_v4(&u->address[i].addr))
				continue;
			out->next_hop[i] = u->gateway[j];
			out->has_next_hop[i] = true;
		}
	}
	out->n = u->n_addresses;
}

/* RFC 8200 §5: no IPv6 on a link below 1280.  Linux, too, takes it from a device whose MTU falls. */
static void leave_out_ip6(struct uplink_addresses *u)
{
	unsigned n = 0;

	for (unsigned i = 0; i < u->n; i++) {
		if (!ip_is_v4(&u->own[i].addr))
			continue;
		u->own[n] = u->own[i];
		u->next_hop[n] = u->next_hop[i];
		u->has_next_hop[n++] = u->has_next_hop[i];
	}
	u->n = n;
}

static void uplink_addresses_of(const struct network_cfg *n, const struct actual *actual,
	const struct vif_slot *slot, struct uplink_addresses *out)
{
	memset(out, 0, sizeof(*out));
	if (n->uplink.kind == UPLINK_HOST)
		transit_addresses(n, &actual->network[n->id].transit, out);
	else
		given_addresses(&n->uplink, out);
	if (uplink_mtu(n, slot) < IP6_MTU_MIN)
		leave_out_ip6(out);
}

static void add_addr(struct layout *l, uint32_t *count, uint16_t network_id, uint8_t kind,
	const struct ipaddr *a, uint8_t len)
{
	struct snap_addr addr = { .network_id = network_id, .kind = kind, .len = len };

	memcpy(addr.addr, a->b, sizeof(addr.addr));
	append(l, &addr, sizeof(addr), count, ROUTER_ADDRS_MAX);
}

static void add_pool(
	struct layout *l, uint32_t *count, uint16_t network_id, const struct dhcp_range *r)
{
	struct snap_addr addr = { .network_id = network_id,
		.kind = SNAP_ADDR_POOL,
		.count = (uint16_t)model_nat_range_size(r) };

	memcpy(addr.addr, r->first.b, sizeof(addr.addr));
	append(l, &addr, sizeof(addr), count, ROUTER_ADDRS_MAX);
}

static void add_addrs(
	struct layout *l, const struct model *m, const struct actual *actual, uint32_t *count)
{
	struct uplink_addresses u;
	bool has_router = false;

	for (unsigned i = 0; i < m->n_networks; i++) {
		const struct network_cfg *n = &m->network[i];

		if (!network_is_routed(n))
			continue;
		has_router = true;
		for (unsigned j = 0; j < n->n_subnets; j++)
			add_addr(l, count, n->id, SNAP_ADDR_OWN, &n->gateway[j], n->subnet[j].len);
		if (uplink_slot(m, n, actual) == NULL)
			continue;
		uplink_addresses_of(n, actual, uplink_slot(m, n, actual), &u);
		for (unsigned j = 0; j < u.n; j++)
			add_addr(l, count, n->uplink.network_id, SNAP_ADDR_OWN, &u.own[j].addr,
				u.own[j].len);
		for (unsigned j = 0; j < n->n_nat_addresses; j++)
			add_pool(l, count, n->id, &n->nat_address[j]);
	}
	for (unsigned i = 0; has_router && i < actual->n_host_addresses; i++)
		add_addr(l, count, NETWORK_ID_NONE, SNAP_ADDR_HOST, &actual->host_address[i],
			ip_is_v4(&actual->host_address[i]) ? 32 : 128);
}

static struct ipnet whole_net(const struct ipnet *net)
{
	struct ipnet whole = *net;

	if (!ipnet_host(net, 0, &whole.addr))
		whole.addr = net->addr;
	return whole;
}

static void add_route(struct layout *l, uint16_t in, const struct ipnet *net, uint8_t kind,
	uint16_t out, const struct ipaddr *via)
{
	struct ipnet prefix = whole_net(net);
	struct snap_route route
		= { .in_network = in, .out_network = out, .kind = kind, .len = prefix.len };

	memcpy(route.prefix, prefix.addr.b, sizeof(route.prefix));
	if (via != NULL)
		memcpy(route.next_hop, via->b, sizeof(route.next_hop));
	append(l, &route, sizeof(route), l->n_routes, ROUTES_MAX);
}

static struct ipnet default_net(bool is_v4)
{
	struct ipnet net = { .len = 0 };

	if (is_v4)
		net.addr.b[10] = net.addr.b[11] = 0xff;
	return net;
}

/* Is there an address of ours beside the next hop? */
static bool is_beside(const struct uplink_addresses *u, const struct ipaddr *via)
{
	for (unsigned i = 0; i < u->n; i++)
		if (ip_is_v4(&u->own[i].addr) == ip_is_v4(via) && ipnet_contains(&u->own[i], via))
			return true;
	return false;
}

static void add_static_routes(struct layout *l, const struct network_cfg *n, bool has_uplink,
	const struct uplink_addresses *u)
{
	for (unsigned i = 0; i < n->n_routes; i++) {
		const struct static_route *r = &n->route[i];
		bool is_inside = model_route_is_inside(n, r);
		uint16_t out = is_inside ? n->id : n->uplink.network_id;

		if (!is_inside && (!has_uplink || !is_beside(u, &r->via)))
			continue;
		add_route(l, n->id, &r->net, SNAP_ROUTE_VIA, out, &r->via);
		if (has_uplink)
			add_route(l, n->uplink.network_id, &r->net, SNAP_ROUTE_VIA, out, &r->via);
	}
}

/* Guests of one network reach those of another only from outside, where it is a routed one. */
static void add_rejects(struct layout *l, const struct model *m, const struct network_cfg *n)
{
	for (unsigned i = 0; i < m->n_networks; i++) {
		const struct network_cfg *other = &m->network[i];

		if (other == n || other->mode == NETWORK_MODE_ROUTED
			|| other->mode == NETWORK_MODE_OPEN)
			continue;
		for (unsigned j = 0; j < other->n_subnets; j++)
			add_route(l, n->id, &other->subnet[j], SNAP_ROUTE_REJECT, NETWORK_ID_NONE,
				NULL);
	}
}

static void add_routes(
	struct layout *l, const struct model *m, const struct actual *actual, uint32_t *count)
{
	l->n_routes = count;
	for (unsigned i = 0; i < m->n_networks; i++) {
		const struct network_cfg *n = &m->network[i];
		uint16_t up = n->uplink.network_id;
		const struct vif_slot *slot = uplink_slot(m, n, actual);
		bool has_uplink = slot != NULL;
		struct uplink_addresses u = { 0 };

		if (!network_is_routed(n))
			continue;
		if (has_uplink)
			uplink_addresses_of(n, actual, slot, &u);
		for (unsigned j = 0; j < n->n_subnets; j++) {
			add_route(l, n->id, &n->subnet[j], SNAP_ROUTE_CONNECTED, n->id, NULL);
			if (has_uplink)
				add_route(l, up, &n->subnet[j], SNAP_ROUTE_CONNECTED, n->id, NULL);
		}
		for (unsigned j = 0; j < u.n; j++) {
			struct ipnet all = default_net(ip_is_v4(&u.own[j].addr));

			add_route(l, n->id, &u.own[j], SNAP_ROUTE_CONNECTED, up, NULL);
			add_route(l, up, &u.own[j], SNAP_ROUTE_CONNECTED, up, NULL);
			if (!u.has_next_hop[j])
				continue;
			add_route(l, n->id, &all, SNAP_ROUTE_VIA, up, &u.next_hop[j]);
			add_route(l, up, &all, SNAP_ROUTE_VIA, up, &u.next_hop[j]);
		}
		add_static_routes(l, n, has_uplink, &u);
		add_rejects(l, m, n);
	}
}

static void add_forwards(
	struct layout *l, const struct model *m, const struct actual *actual, uint32_t *count)
{
	for (unsigned i = 0; i < m->n_forwards; i++) {
		const struct forward_cfg *f = &m->forward[i];
		const struct network_cfg *n = model_network_by_id(m, f->network_id);
		const struct ipaddr *target = actual_forward_target(actual, f);
		struct snap_forward forward = { .proto = f->proto, .to_network = f->network_id };

		if (n == NULL || target == NULL || uplink_slot(m, n, actual) == NULL)
			continue;
		forward.uplink_id = n->uplink.network_id;
		forward.listen_port = htons(f->port);
		forward.listen_last = htons(f->last_port);
		forward.to_port = htons(f->target_port);
		memcpy(forward.to_addr, target->b, sizeof(forward.to_addr));
		append(l, &forward, sizeof(forward), count, SNAP_FORWARDS_MAX);
	}
}

static void add_maps(
	struct layout *l, const struct model *m, const struct actual *actual, uint32_t *count)
{
	for (unsigned i = 0; i < m->n_networks; i++) {
		const struct network_cfg *n = &m->network[i];

		for (unsigned j = 0; j < n->n_nat_maps && uplink_slot(m, n, actual) != NULL; j++) {
			struct snap_forward map
				= { .uplink_id = n->uplink.network_id, .to_network = n->id };

			memcpy(map.listen, n->nat_map[j].outside.b, sizeof(map.listen));
			memcpy(map.to_addr, n->nat_map[j].guest.b, sizeof(map.to_addr));
			append(l, &map, sizeof(map), count, SNAP_FORWARDS_MAX);
		}
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
		append(l, &meter, sizeof(meter), count, METERS_MAX);
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

			append(l, &vlan, sizeof(vlan), count, VLAN_RANGES_MAX);
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
			append(l, &r, sizeof(r), count, MCAST_RECORDS_MAX);
	for (uint32_t i = 0; i < l->n_ports; i++) {
		const struct vif_cfg *v = wants->vif[port[i].vif_id].is_leg
			? NULL
			: model_vif_by_id(m, port[i].vif_id);

		if (v == NULL || is_uplink_segment(m, port[i].network_id))
			continue;
		if (snapshot_multicast_vif(v, is_of_tenant(m, v), &r))
			append(l, &r, sizeof(r), count, MCAST_RECORDS_MAX);
		for (unsigned k = 0; k < v->multicast.n_groups; k++) {
			snapshot_multicast_entry(v, k, &r);
			append(l, &r, sizeof(r), count, MCAST_RECORDS_MAX);
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
			append(l, &b[j], sizeof(b[j]), &count, BINDINGS_MAX);
	}
	return count;
}

static void add_entry(struct layout *l, uint32_t *count, uint16_t vif_id, uint16_t vid,
	const struct fdb_item *item, bool is_sticky)
{
	struct snap_fdb fdb
		= { .vif_id = vif_id, .vid = vid, .flags = is_sticky ? SNAP_FDB_STICKY : 0 };

	memcpy(fdb.mac, item->mac.b, sizeof(fdb.mac));
	append(l, &fdb, sizeof(fdb), count, FDB_STATIC_MAX);
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
			append(l, &tree, sizeof(tree), count, NETWORK_ID_MAX - 1);
}

/* Only vifs that are ports, and only where there is something to say. */
static void add_tree_ports(struct layout *l, const struct model *m, const struct vif_wants *wants,
	const struct actual *actual, uint32_t *count)
{
	struct snap_stp_port port;

	for (unsigned i = 0; i < m->n_vifs; i++) {
		const struct vif_cfg *v = &m->vif[i];

		if (wants->vif[v->id].network_id != NETWORK_ID_NONE && actual->vif[v->id].is_open
			&& snapshot_stp_vif(v, model_network_by_id(m, v->network_id), &port))
			append(l, &port, sizeof(port), count, VIF_ID_MAX - 1);
	}
}

/* Where some vif wants to be spared questions. */
static void add_stations(
	struct layout *l, const struct model *m, const struct actual *actual, uint32_t *count)
{
	struct snap_station *station = NULL;
	unsigned n = snapshot_stations(m, actual, &station);

	for (unsigned i = 0; i < n; i++)
		append(l, &station[i], sizeof(station[i]), count, STATIONS_MAX);
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
	add_routers(&l, m, actual, &hdr.n_routers);
	add_addrs(&l, m, actual, &hdr.n_addrs);
	add_routes(&l, m, actual, &hdr.n_routes);
	add_forwards(&l, m, actual, &hdr.n_forwards);
	add_maps(&l, m, actual, &hdr.n_forwards);
	add_trees(&l, m, &hdr.n_stp);
	add_tree_ports(&l, m, wants, actual, &hdr.n_stp_ports);
	add_meters(&l, m, wants, &hdr.n_meters);
	add_vlans(&l, m, wants, actual, &hdr.n_vlans);
	add_mcasts(&l, m, wants, &hdr.n_mcasts);
	hdr.n_bindings = (uint16_t)add_bindings(&l, m, actual);
	add_fdb(&l, m, &hdr.n_fdb);
	add_stations(&l, m, actual, &hdr.n_stations);
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
