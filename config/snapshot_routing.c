/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_routing.c - lay out routers, their addresses, routes and forwards.
 * From: snapshot_build.c.  Pure.
 * Invariants: a router whose uplink is not there has none, and neither routes nor forwards by it.
 * Thread: the daemon's only one. */
#include "config/snapshot_routing.h"

#include "config/snapshot_build.h"

#include <arpa/inet.h>
#include <string.h>

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
		const struct vif_slot *slot = snapshot_layout_uplink(m, n, actual);
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
		snapshot_layout_append(l, &g, sizeof(g), count, ROUTERS_MAX);
		if (slot != NULL)
			snapshot_layout_append(l, &u, sizeof(u), count, ROUTERS_MAX);
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
	snapshot_layout_append(l, &addr, sizeof(addr), count, ROUTER_ADDRS_MAX);
}

static void add_pool(
	struct layout *l, uint32_t *count, uint16_t network_id, const struct dhcp_range *r)
{
	struct snap_addr addr = { .network_id = network_id,
		.kind = SNAP_ADDR_POOL,
		.count = (uint16_t)model_nat_range_size(r) };

	memcpy(addr.addr, r->first.b, sizeof(addr.addr));
	snapshot_layout_append(l, &addr, sizeof(addr), count, ROUTER_ADDRS_MAX);
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
		if (snapshot_layout_uplink(m, n, actual) == NULL)
			continue;
		uplink_addresses_of(n, actual, snapshot_layout_uplink(m, n, actual), &u);
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
	snapshot_layout_append(l, &route, sizeof(route), l->n_routes, ROUTES_MAX);
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
		const struct vif_slot *slot = snapshot_layout_uplink(m, n, actual);
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

		if (n == NULL || target == NULL || snapshot_layout_uplink(m, n, actual) == NULL)
			continue;
		forward.uplink_id = n->uplink.network_id;
		forward.listen_port = htons(f->port);
		forward.listen_last = htons(f->last_port);
		forward.to_port = htons(f->target_port);
		memcpy(forward.to_addr, target->b, sizeof(forward.to_addr));
		snapshot_layout_append(l, &forward, sizeof(forward), count, SNAP_FORWARDS_MAX);
	}
}

static void add_maps(
	struct layout *l, const struct model *m, const struct actual *actual, uint32_t *count)
{
	for (unsigned i = 0; i < m->n_networks; i++) {
		const struct network_cfg *n = &m->network[i];

		for (unsigned j = 0;
			j < n->n_nat_maps && snapshot_layout_uplink(m, n, actual) != NULL; j++) {
			struct snap_forward map
				= { .uplink_id = n->uplink.network_id, .to_network = n->id };

			memcpy(map.listen, n->nat_map[j].outside.b, sizeof(map.listen));
			memcpy(map.to_addr, n->nat_map[j].guest.b, sizeof(map.to_addr));
			snapshot_layout_append(l, &map, sizeof(map), count, SNAP_FORWARDS_MAX);
		}
	}
}

void snapshot_routing_add(
	struct layout *l, const struct model *m, const struct actual *actual, struct snap_hdr *hdr)
{
	add_routers(l, m, actual, &hdr->n_routers);
	add_addrs(l, m, actual, &hdr->n_addrs);
	add_routes(l, m, actual, &hdr->n_routes);
	add_forwards(l, m, actual, &hdr->n_forwards);
	add_maps(l, m, actual, &hdr->n_forwards);
}
