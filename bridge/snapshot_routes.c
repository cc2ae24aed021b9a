/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_routes.c - validates and indexes what a snapshot says about routed networks.
 *
 * From: bridge/snapshot.c.  To: bridge/router.c, which finds without loops over what guests send.
 * Theory: as in snapshot.c: each field is checked before anything indexes with it.
 * Invariants: a router's network exists, and so does its uplink, which is a router of policy
 * UPLINK; a route leads to a network with a router; forwards lead from an uplink to a network
 * that is not one, and are sorted.
 * Thread: control; immutable afterwards. */
#include "bridge/snapshot_routes.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MTU_MIN 68
#define IP6_MTU_MIN 1280 /* RFC 8200 §5 */
#define PROTO_TCP 6
#define PROTO_UDP 17

static bool has_router(const struct snapshot *s, uint16_t network_id)
{
	return network_id < NETWORK_ID_MAX
		&& s->router[network_id].conf.network_id != NETWORK_ID_NONE;
}

static bool len_fits(const uint8_t addr[16], uint8_t len)
{
	return len <= (fib_addr_is_v4(addr) ? 32 : 128);
}

static const char *router_fault(const struct snapshot *s, const struct snap_router *r)
{
	if (r->network_id == NETWORK_ID_NONE || r->network_id >= NETWORK_ID_MAX
		|| s->network[r->network_id].conf.network_id == NETWORK_ID_NONE)
		return "network does not exist";
	if (has_router(s, r->network_id))
		return "network has two routers";
	if (r->policy == SNAP_POLICY_NONE || r->policy >= SNAP_POLICY_N)
		return "policy is unknown";
	if (r->flags & ~SNAP_ROUTER_FLAGS_ALL)
		return "unknown flag";
	if (r->flags == SNAP_ROUTER_OPEN_PORTS)
		return "opens ports and translates nothing";
	for (unsigned i = 0; i < CT_TIMEOUT_N; i++)
		if (r->timeout_s[i] > CT_TIMEOUT_MAX_S)
			return "timeout is too long";
	if (r->mtu < MTU_MIN)
		return "mtu below 68";
	if ((r->mac[0] & 1) != 0
		|| (r->mac[0] | r->mac[1] | r->mac[2] | r->mac[3] | r->mac[4] | r->mac[5]) == 0)
		return "MAC is a group address or zero";
	if (r->port_max != 0 && r->port_max < r->port_min)
		return "port range is empty";
	return NULL;
}

static int take_routers(struct snapshot *s, const uint8_t *at, uint32_t n, struct err *e)
{
	for (uint32_t i = 0; i < n; i++) {
		struct snap_router r;
		const char *fault;

		memcpy(&r, at + i * sizeof(r), sizeof(r));
		fault = router_fault(s, &r);
		if (fault != NULL)
			return err_set(e, -EINVAL, "router", "snapshot refused: network %u: %s",
				r.network_id, fault);
		if (r.port_min < NAT_PORT_MIN)
			r.port_min = NAT_PORT_MIN;
		if (r.port_max < r.port_min)
			r.port_max = UINT16_MAX;
		s->router[r.network_id].conf = r;
	}
	s->n_routers = (uint16_t)n;
	for (uint16_t id = 1; id < NETWORK_ID_MAX; id++) {
		const struct snap_router *r = &s->router[id].conf;

		if (r->network_id == NETWORK_ID_NONE || r->uplink_id == NETWORK_ID_NONE)
			continue;
		if (!has_router(s, r->uplink_id) || r->policy == SNAP_POLICY_UPLINK
			|| s->router[r->uplink_id].conf.policy != SNAP_POLICY_UPLINK)
			return err_set(e, -EINVAL, "router",
				"snapshot refused: network %u: its uplink is not one", id);
	}
	return 0;
}

static const char *addr_fault(const struct snapshot *s, const struct snap_addr *a)
{
	if (!len_fits(a->addr, a->len))
		return "prefix too long";
	if (a->kind != SNAP_ADDR_HOST && !has_router(s, a->network_id))
		return "network has no router";
	if (a->kind < SNAP_ADDR_OWN || a->kind > SNAP_ADDR_POOL)
		return "kind is unknown";
	if (a->kind == SNAP_ADDR_POOL && (a->count == 0 || a->count > NAT_POOL_MAX))
		return "pool is empty or too large";
	if (a->kind == SNAP_ADDR_POOL && s->router[a->network_id].conf.uplink_id == NETWORK_ID_NONE)
		return "pool of a network without uplink";
	if (a->kind == SNAP_ADDR_POOL && s->n_pools == NAT_POOLS_MAX)
		return "too many pools";
	if (a->kind == SNAP_ADDR_OWN && !fib_addr_is_v4(a->addr)
		&& s->router[a->network_id].conf.mtu < IP6_MTU_MIN)
		return "IPv6 needs an mtu of at least 1280";
	if (a->kind == SNAP_ADDR_OWN && s->router[a->network_id].n_own == ROUTER_OWN_MAX)
		return "too many addresses of one router";
	return NULL;
}

static int addr_compare(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

/* Own addresses keep their order within a network: the first of a family is special. */
static int take_addrs(const struct route_room *room, const uint8_t *at, uint32_t n, struct err *e)
{
	struct snapshot *s = room->s;
	struct snap_addr *own = room->addrs;

	for (uint32_t i = 0; i < n; i++) {
		struct snap_addr a;
		const char *fault;

		memcpy(&a, at + i * sizeof(a), sizeof(a));
		fault = addr_fault(s, &a);
		if (fault != NULL)
			return err_set(e, -EINVAL, "address", "snapshot refused: address %u: %s", i,
				fault);
		if (a.kind == SNAP_ADDR_OWN) {
			s->router[a.network_id].n_own++;
		} else if (a.kind == SNAP_ADDR_POOL) {
			s->router[s->router[a.network_id].conf.uplink_id].has_pool = true;
			room->pools[s->n_pools++] = a;
		} else {
			memcpy(room->host_addrs[s->n_host_addrs++], a.addr, 16);
		}
	}
	s->pool = room->pools;
	for (uint16_t id = 1; id < NETWORK_ID_MAX; id++) {
		s->router[id].own = own;
		for (uint32_t i = 0; s->router[id].n_own > 0 && i < n; i++) {
			struct snap_addr a;

			memcpy(&a, at + i * sizeof(a), sizeof(a));
			if (a.kind == SNAP_ADDR_OWN && a.network_id == id)
				*own++ = a;
		}
	}
	qsort(room->host_addrs, s->n_host_addrs, 16, addr_compare);
	s->host_addr = (const uint8_t(*)[16])room->host_addrs;
	return 0;
}

static const char *route_fault(const struct snapshot *s, const struct snap_route *r)
{
	bool must_lead = r->kind == SNAP_ROUTE_CONNECTED || r->kind == SNAP_ROUTE_VIA;

	if (!has_router(s, r->in_network))
		return "comes from a network without router";
	if (r->kind < SNAP_ROUTE_CONNECTED || r->kind > SNAP_ROUTE_BLACKHOLE)
		return "kind is unknown";
	if (must_lead && !has_router(s, r->out_network))
		return "leads to a network without router";
	if (!len_fits(r->prefix, r->len))
		return "prefix too long";
	if (r->kind == SNAP_ROUTE_VIA && fib_addr_is_v4(r->prefix) != fib_addr_is_v4(r->next_hop))
		return "next hop is of the other family";
	return NULL;
}

/* Does @r lead from guests to a guest, and what is behind? */
static bool is_behind_guest(const struct snapshot *s, const struct snap_route *r)
{
	return r->kind == SNAP_ROUTE_VIA && r->in_network == r->out_network
		&& s->router[r->in_network].conf.policy != SNAP_POLICY_UPLINK;
}

/* Behind the @n routes: one for each subnet of a guests' network and for what is behind its guests,
 * in table NETWORK_ID_NONE. */
static uint16_t add_guests(const struct route_room *room, uint16_t n)
{
	const uint16_t n_given = n;

	for (uint16_t i = 0; i < n_given; i++) {
		const struct snap_route *r = &room->routes[i];

		if (!is_behind_guest(room->s, r))
			continue;
		room->routes[n]
			= (struct snap_route){ .out_network = r->in_network, .len = r->len };
		memcpy(room->routes[n++].prefix, r->prefix, 16);
	}
	for (uint16_t id = 1; id < NETWORK_ID_MAX; id++) {
		const struct snapshot_router *r = &room->s->router[id];

		if (r->conf.policy == SNAP_POLICY_UPLINK)
			continue;
		for (unsigned i = 0; i < r->n_own; i++) {
			struct snap_route *to = &room->routes[n++];

			*to = (struct snap_route){ .out_network = id, .len = r->own[i].len };
			memcpy(to->prefix, r->own[i].addr, 16);
		}
	}
	return n;
}

static int take_routes(const struct route_room *room, const uint8_t *at, uint32_t n, struct err *e)
{
	struct fib_range *range = room->ranges;
	struct snapshot *s = room->s;
	uint16_t n_all;

	for (uint32_t i = 0; i < n; i++) {
		struct snap_route *r = &room->routes[i];
		const char *fault;

		memcpy(r, at + i * sizeof(*r), sizeof(*r));
		fault = route_fault(s, r);
		if (fault != NULL)
			return err_set(
				e, -EINVAL, "route", "snapshot refused: route %u: %s", i, fault);
	}
	s->route = room->routes;
	n_all = add_guests(room, (uint16_t)n);
	s->guests.range = range;
	s->guests.n = fib_build(room->routes, n_all, NETWORK_ID_NONE, range);
	range += s->guests.n;
	for (uint16_t id = 1; id < NETWORK_ID_MAX; id++) {
		struct fib *f = &s->router[id].fib;

		if (!has_router(s, id))
			continue;
		f->range = range;
		f->n = fib_build(room->routes, (uint16_t)n, id, range);
		range += f->n;
	}
	return 0;
}

/* By uplink, protocol, family, address and port: what one lookup finds is next to each other. */
static int forward_compare(const void *a, const void *b)
{
	const struct snap_forward *x = a, *y = b;
	bool is_v4 = fib_addr_is_v4(x->to_addr);
	int differ = memcmp(x->listen, y->listen, 16);

	if (x->uplink_id != y->uplink_id)
		return x->uplink_id < y->uplink_id ? -1 : 1;
	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	if (is_v4 != fib_addr_is_v4(y->to_addr))
		return is_v4 ? -1 : 1;
	if (differ != 0 || x->listen_port == y->listen_port)
		return differ;
	return be16toh(x->listen_port) < be16toh(y->listen_port) ? -1 : 1;
}

static bool is_same_group(const struct snap_forward *x, const struct snap_forward *y)
{
	return x->uplink_id == y->uplink_id && x->proto == y->proto
		&& fib_addr_is_v4(x->to_addr) == fib_addr_is_v4(y->to_addr)
		&& memcmp(x->listen, y->listen, 16) == 0;
}

static uint16_t last_port(const struct snap_forward *f)
{
	return be16toh(f->listen_last != 0 ? f->listen_last : f->listen_port);
}

static bool is_any(const uint8_t addr[16])
{
	static const uint8_t any[16];

	return memcmp(addr, any, sizeof(any)) == 0;
}

static const char *map_fault(const struct snapshot *s, const struct snap_forward *f)
{
	bool is_v4 = fib_addr_is_v4(f->to_addr);

	if (is_any(f->listen) || fib_addr_is_v4(f->listen) != is_v4)
		return "one guest's address is none, or of another family";
	if (f->listen_port != 0 || f->listen_last != 0 || f->to_port != 0)
		return "one guest's address has ports";
	if (s->router[f->to_network].conf.uplink_id != f->uplink_id
		|| (s->router[f->to_network].conf.flags
			   & (is_v4 ? SNAP_ROUTER_NAT4 : SNAP_ROUTER_NAT6))
			== 0)
		return "one guest's address where nothing is translated";
	return s->n_maps == NAT_MAPS_MAX ? "too many addresses of single guests" : NULL;
}

static const char *forward_fault(const struct snapshot *s, const struct snap_forward *f)
{
	if (!has_router(s, f->uplink_id)
		|| s->router[f->uplink_id].conf.policy != SNAP_POLICY_UPLINK)
		return "does not come from an uplink";
	if (!has_router(s, f->to_network)
		|| s->router[f->to_network].conf.policy == SNAP_POLICY_UPLINK)
		return "does not lead to a routed network";
	if (f->proto == 0)
		return map_fault(s, f);
	if (f->proto != PROTO_TCP && f->proto != PROTO_UDP)
		return "protocol is neither TCP nor UDP";
	if (!is_any(f->listen) && fib_addr_is_v4(f->listen) != fib_addr_is_v4(f->to_addr))
		return "listens in another family than it leads to";
	if (f->listen_port == 0 || f->to_port == 0)
		return "port is 0";
	if (last_port(f) < be16toh(f->listen_port)
		|| be16toh(f->to_port) + last_port(f) - be16toh(f->listen_port) > UINT16_MAX)
		return "port range is inverted or too long";
	return NULL;
}

static int map_compare(const struct snap_forward *f, uint16_t network_id, const uint8_t addr[16])
{
	if (f->to_network != network_id)
		return f->to_network < network_id ? -1 : 1;
	return memcmp(f->to_addr, addr, 16);
}

/* Index the forwards of protocol 0; false: two are of one guest. */
static bool take_maps(const struct route_room *room)
{
	struct snapshot *s = room->s;
	unsigned n = 0;

	for (uint16_t i = 0; i < s->n_forwards; i++) {
		const struct snap_forward *f = &s->forward[i];
		unsigned at = n;

		if (f->proto != 0)
			continue;
		s->router[f->uplink_id].has_maps = true;
		s->router[f->to_network].has_maps = true;
		for (; at > 0; at--) {
			int differ = map_compare(
				&s->forward[room->maps[at - 1]], f->to_network, f->to_addr);

			if (differ == 0)
				return false;
			if (differ < 0)
				break;
			room->maps[at] = room->maps[at - 1];
		}
		room->maps[at] = i;
		n++;
	}
	s->map = room->maps;
	return true;
}

static int take_forwards(const struct route_room *room, const uint8_t *at, uint32_t n,
	uint32_t n_routes, struct err *e)
{
	struct snapshot *s = room->s;

	for (uint32_t i = 0; i < n; i++) {
		struct snap_forward *f = &room->forwards[i];
		const char *fault;

		memcpy(f, at + i * sizeof(*f), sizeof(*f));
		fault = forward_fault(s, f);
		if (fault != NULL)
			return err_set(e, -EINVAL, "forward", "snapshot refused: forward %u: %s", i,
				fault);
		s->router[f->uplink_id].has_ct = true;
		s->router[f->to_network].has_ct = true;
		s->n_maps += f->proto == 0;
	}
	for (uint32_t i = 0; i < n_routes; i++) /* what leaves a NAT network comes back */
		if (s->router[s->route[i].in_network].conf.flags != 0)
			s->router[s->route[i].out_network].has_ct = true;
	qsort(room->forwards, n, sizeof(*room->forwards), forward_compare);
	for (uint32_t i = 1; i < n; i++)
		if (is_same_group(&room->forwards[i - 1], &room->forwards[i])
			&& last_port(&room->forwards[i - 1])
				>= be16toh(room->forwards[i].listen_port))
			return err_set(e, -EINVAL, "forward",
				"snapshot refused: port %u is forwarded twice",
				be16toh(room->forwards[i].listen_port));
	s->forward = room->forwards;
	s->n_forwards = (uint16_t)n;
	if (s->n_maps > 0 && !take_maps(room))
		return err_set(e, -EINVAL, "forward",
			"snapshot refused: a guest has two addresses of its own");
	for (uint16_t id = 1; id < NETWORK_ID_MAX; id++) {
		struct snapshot_router *r = &s->router[id];

		/* Guests may hairpin through any forward of their uplink, so it counts for them. */
		if (!has_router(s, id) || r->conf.uplink_id == NETWORK_ID_NONE)
			continue;
		if (r->conf.flags & (SNAP_ROUTER_NAT4 | SNAP_ROUTER_NAT6)) {
			r->has_ct = true;
			s->router[r->conf.uplink_id].has_ct = true;
			s->router[r->conf.uplink_id].has_open_ports
				|= (r->conf.flags & SNAP_ROUTER_OPEN_PORTS) != 0;
		}
	}
	for (uint16_t id = 1; id < NETWORK_ID_MAX; id++)
		if (has_router(s, id) && s->router[id].conf.uplink_id != NETWORK_ID_NONE)
			s->router[id].has_ct |= s->router[s->router[id].conf.uplink_id].has_ct;
	return 0;
}

int snapshot_take_routes(
	const struct route_room *room, const uint8_t *at, const struct snap_hdr *hdr, struct err *e)
{
	int rc = take_routers(room->s, at, hdr->n_routers, e);

	at += hdr->n_routers * sizeof(struct snap_router);
	if (rc == 0)
		rc = take_addrs(room, at, hdr->n_addrs, e);
	at += hdr->n_addrs * sizeof(struct snap_addr);
	if (rc == 0)
		rc = take_routes(room, at, hdr->n_routes, e);
	at += hdr->n_routes * sizeof(struct snap_route);
	if (rc == 0)
		rc = take_forwards(room, at, hdr->n_forwards, hdr->n_routes, e);
	return rc;
}

/* The address that is @n behind @first; a pool does not cross 32 bits. */
static void addr_behind(const uint8_t first[16], uint32_t n, uint8_t out[16])
{
	be32 low;

	memcpy(out, first, 16);
	memcpy(&low, out + 12, 4);
	low = htobe32(be32toh(low) + n);
	memcpy(out + 12, &low, 4);
}

static bool is_in_pool(const struct snapshot *s, uint16_t uplink_id, const uint8_t addr[16])
{
	be32 low, first;

	memcpy(&low, addr + 12, 4);
	for (unsigned i = 0; i < s->n_pools; i++) {
		const struct snap_addr *p = &s->pool[i];

		memcpy(&first, p->addr + 12, 4);
		if (s->router[p->network_id].conf.uplink_id == uplink_id
			&& memcmp(p->addr, addr, 12) == 0
			&& be32toh(low) - be32toh(first) < p->count)
			return true;
	}
	return false;
}

bool snapshot_pool_addr(const struct snapshot *s, uint16_t network_id, bool is_v4, uint64_t hash,
	unsigned attempt, uint8_t out[16])
{
	uint32_t total = 0, at;

	for (unsigned i = 0; i < s->n_pools; i++)
		if (s->pool[i].network_id == network_id && fib_addr_is_v4(s->pool[i].addr) == is_v4)
			total += s->pool[i].count;
	if (attempt >= total)
		return false;
	at = (uint32_t)((hash + attempt) % total);
	for (unsigned i = 0; i < s->n_pools; i++) {
		const struct snap_addr *p = &s->pool[i];

		if (p->network_id != network_id || fib_addr_is_v4(p->addr) != is_v4)
			continue;
		if (at < p->count) {
			addr_behind(p->addr, at, out);
			return true;
		}
		at -= p->count;
	}
	return false;
}

/* The forward of @key's group that has its port, or NULL. */
static const struct snap_forward *find_forward(
	const struct snapshot *s, const struct snap_forward *key)
{
	uint16_t low = 0, n = s->n_forwards;

	while (n > 0) { /* the first behind the key */
		uint16_t half = n / 2;

		if (forward_compare(&s->forward[low + half], key) <= 0) {
			low = (uint16_t)(low + half + 1);
			n = (uint16_t)(n - half - 1);
		} else {
			n = half;
		}
	}
	if (low == 0 || !is_same_group(&s->forward[low - 1], key)
		|| last_port(&s->forward[low - 1]) < be16toh(key->listen_port))
		return NULL;
	return &s->forward[low - 1];
}

/* Of protocol 0, for @addr. */
static const struct snap_forward *find_map(
	const struct snapshot *s, uint16_t uplink_id, const uint8_t addr[16])
{
	struct snap_forward key = { .uplink_id = uplink_id };

	memcpy(key.listen, addr, 16);
	memcpy(key.to_addr, addr, 16); /* for its family */
	return find_forward(s, &key);
}

const struct snap_forward *snapshot_map_of(
	const struct snapshot *s, uint16_t network_id, const uint8_t addr[16])
{
	unsigned low = 0, n = s->n_maps;

	while (n > 0) {
		unsigned half = n / 2;
		const struct snap_forward *f = &s->forward[s->map[low + half]];
		int differ = map_compare(f, network_id, addr);

		if (differ == 0)
			return f;
		low = differ < 0 ? low + half + 1 : low;
		n = differ < 0 ? n - half - 1 : half;
	}
	return NULL;
}

bool snapshot_is_own(const struct snapshot *s, uint16_t network_id, const uint8_t addr[16])
{
	const struct snapshot_router *r = &s->router[network_id];

	for (unsigned i = 0; i < r->n_own; i++)
		if (memcmp(r->own[i].addr, addr, 16) == 0)
			return true;
	return (UNLIKELY(r->has_pool) && is_in_pool(s, network_id, addr))
		|| (UNLIKELY(r->has_maps) && find_map(s, network_id, addr) != NULL);
}

bool snapshot_in_net(const struct snapshot *s, uint16_t network_id, const uint8_t addr[16])
{
	const struct snapshot_router *r = &s->router[network_id];

	for (unsigned i = 0; i < r->n_own; i++)
		if (fib_prefix_has(r->own[i].addr, r->own[i].len, addr))
			return true;
	return false;
}

bool snapshot_is_others_guest(const struct snapshot *s, uint16_t network_id, const uint8_t addr[16])
{
	uint16_t found = fib_find(&s->guests, addr);

	return found != FIB_NONE && s->route[found].out_network != network_id;
}

bool snapshot_is_host(const struct snapshot *s, const uint8_t addr[16])
{
	return s->n_host_addrs > 0
		&& bsearch(addr, s->host_addr, s->n_host_addrs, 16, addr_compare) != NULL;
}

const uint8_t *snapshot_own_addr(const struct snapshot *s, uint16_t network_id, bool is_v4)
{
	const struct snapshot_router *r = &s->router[network_id];

	for (unsigned i = 0; i < r->n_own; i++)
		if (fib_addr_is_v4(r->own[i].addr) == is_v4)
			return r->own[i].addr;
	return NULL;
}

const uint8_t *snapshot_own_near(
	const struct snapshot *s, uint16_t network_id, const uint8_t addr[16])
{
	const struct snapshot_router *r = &s->router[network_id];

	for (unsigned i = 0; i < r->n_own; i++)
		if (fib_prefix_has(r->own[i].addr, r->own[i].len, addr))
			return r->own[i].addr;
	return snapshot_own_addr(s, network_id, fib_addr_is_v4(addr));
}

be16 snapshot_forward_port(const struct snap_forward *f, be16 port)
{
	if (f->proto == 0)
		return port;
	return htobe16((uint16_t)(be16toh(f->to_port) + be16toh(port) - be16toh(f->listen_port)));
}

const struct snap_forward *snapshot_forward(const struct snapshot *s, uint16_t uplink_id,
	uint8_t proto, be16 port, const uint8_t addr[16])
{
	struct snap_forward key = { .uplink_id = uplink_id, .proto = proto, .listen_port = port };
	const struct snap_forward *f;

	memcpy(key.listen, addr, 16);
	memcpy(key.to_addr, addr, 16); /* for its family */
	f = find_forward(s, &key);
	if (f != NULL)
		return f;
	memset(key.listen, 0, 16);
	f = find_forward(s, &key);
	return f == NULL && s->router[uplink_id].has_maps ? find_map(s, uplink_id, addr) : f;
}
