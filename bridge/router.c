/* SPDX-License-Identifier: Apache-2.0 */
/* router.c - from one network to another: connection, route, TTL, MTU, policy, neighbour, edit.
 *
 * From: vswitch/pipeline.c, behind bridge_split().  To: bridge/bridge.c, with the egress network.
 * Theory: everything is decided before anything is changed, so that an ICMP error quotes what was
 * sent, and a packet that waits for its neighbour starts over as it came.  The order is Linux':
 *   connection and DNAT, route, TTL, MTU, policy (libvirt's rules by mode), neighbour, SNAT, edit.
 * A packet of a known connection takes the route its answer came by and is not asked for policy.
 * libvirt's rules (nftables backend), for out network H and in network G:
 *   within one network        accept
 *   H nat                     only what belongs to a connection (IPv6 without NAT6: as routed)
 *   H routed                  destination in H's subnets
 *   G nat, routed             source in G's subnets
 *   else                      reject: ICMP port unreachable
 * New packets are put behind the one that caused them and the loop goes on over them, so that a
 * burst of 32 gives what 32 bursts of 1 give.
 * Invariants: a packet with PKT_TO_ROUTER leaves here dropped, held, ending, or routed.
 * Thread: worker. */
#include "bridge/router.h"

#include "bridge/icmp_error.h"
#include "bridge/nat.h"
#include "bridge/router_check.h"
#include "bridge/router_local.h"
#include "vif/pkt_edit.h"
#include "vif/pkt_parse.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum {
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_ICMP6 = 58,
};

/* The connection key of a packet, made ahead. */
struct keyed {
	struct ct_tuple tuple;
	struct ct_key key;
	bool has_tuple;
};

struct router {
	struct neigh_table *neigh;
	struct neigh_table *neigh_own; /* until there is a segment */
	struct ct *ct;
	struct icmp_limit limit;
	struct keyed keyed[BURST_MAX]; /* by index in the burst */
};

/* One packet on its way through here. */
struct walk {
	struct pkt *p;
	uint16_t at; /* index in the burst */
	uint16_t in; /* network */
	uint16_t out;
	uint8_t src[16], dst[16]; /* dst: behind DNAT */
	uint32_t conn; /* record of the connection it belongs to, IXTAB_NONE */
	bool is_error; /* an ICMP error about conn's other way */
	bool is_new; /* .new begins a connection with it */
	bool must_pick; /* .new wants a port */
	struct ct_new new;
	uint8_t hop[16]; /* whom it is sent to */
};

static void keyed_make(
	struct router *r, const struct snapshot *cfg, const struct pkt *p, unsigned i)
{
	struct keyed *k = &r->keyed[i];

	k->has_tuple = false;
	if (p->drop != DROP_NONE || (p->flags & PKT_TO_ROUTER) == 0 || r->ct == NULL
		|| !cfg->router[p->network_id].has_ct || (p->flags & PKT_IS_FRAG) != 0)
		return;
	if ((p->ip_proto == PROTO_TCP || p->ip_proto == PROTO_UDP || p->ip_proto == PROTO_ICMP
		    || p->ip_proto == PROTO_ICMP6)
		&& (p->flags & PKT_HAS_L4) == 0)
		return;
	if (p->ip_proto == PROTO_UDP && !router_check_udp_len(p))
		return;
	k->has_tuple
		= nat_is_icmp_error(p) ? nat_error_tuple(p, &k->tuple) : ct_tuple_of(p, &k->tuple);
	if (!k->has_tuple)
		return;
	k->key = ct_key_of(r->ct, &k->tuple);
	ct_prefetch(r->ct, &k->key);
}

/* Room for another packet behind index @at; NULL: the burst is full. */
static struct pkt *insert(struct router *r, struct burst *b, uint16_t at)
{
	uint16_t n = (uint16_t)(b->n - at - 1);

	if (b->n == BURST_MAX)
		return NULL;
	memmove(&b->pkt[at + 2], &b->pkt[at + 1], n * sizeof(b->pkt[0]));
	memmove(&r->keyed[at + 2], &r->keyed[at + 1], n * sizeof(r->keyed[0]));
	b->n++;
	r->keyed[at + 1].has_tuple = false;
	return &b->pkt[at + 1];
}

/* Where a frame of our own goes. */
struct whither {
	uint16_t network_id;
	uint16_t because; /* of this vif */
	uint16_t dst_vif; /* VIF_ID_NONE: who hears it */
};

/* Send a frame of our own, behind index @at. */
static void say(struct router *r, const struct router_io *io, uint16_t at, struct rte_mbuf *m,
	const struct whither *to)
{
	struct pkt *p = m != NULL ? insert(r, io->b, at) : NULL;

	if (p == NULL) {
		rte_pktmbuf_free(m);
		return;
	}
	memset(p, 0, sizeof(*p));
	p->m = m;
	p->len = rte_pktmbuf_pkt_len(m);
	pkt_parse_one(p);
	p->network_id = to->network_id;
	p->in_vif = VIF_ID_NONE;
	p->origin_vif = to->because;
	p->dst_vif = to->dst_vif;
	p->flags |= PKT_CSUM_VALID;
}

/* Drop the packet for @reason and tell its sender. */
static void refuse(struct router *r, const struct router_io *io, struct walk *w,
	enum drop_reason reason, enum icmp_why why, uint16_t mtu)
{
	struct pkt *p = w->p;
	uint16_t vif_id = p->in_vif;
	bool is_v4 = (p->flags & PKT_IS_IP4) != 0;
	const uint8_t *src = snapshot_own_addr(io->cfg, w->in, is_v4);

	pkt_drop(p, reason);
	if (src == NULL || !icmp_error_may(p) || !icmp_limit_take(&r->limit, vif_id, io->now_ns))
		return;
	say(r, io, w->at,
		icmp_error_make(io->pool, p, io->cfg->router[w->in].conf.mac, src, why, mtu),
		&(struct whither){ w->in, vif_id, vif_id });
}

static void load_addrs(struct walk *w)
{
	const uint8_t *ip = pkt_bytes(w->p) + w->p->l3_off;

	if (w->p->flags & PKT_IS_IP6) {
		memcpy(w->src, ip + 8, 16);
		memcpy(w->dst, ip + 24, 16);
		return;
	}
	memset(w->src, 0, 10);
	memset(w->src + 10, 0xff, 2);
	memcpy(w->dst, w->src, 12);
	memcpy(w->src + 12, ip + 12, 4);
	memcpy(w->dst + 12, ip + 16, 4);
}

static enum drop_reason check_packet(const struct snapshot *cfg, struct walk *w)
{
	enum drop_reason why = router_check_ip(w->p);

	load_addrs(w);
	if (why == DROP_NONE && snapshot_is_own(cfg, w->in, w->src))
		return DROP_IP_INVALID_SOURCE;
	return why;
}

/* Connections. */

static bool is_nat(const struct snapshot *cfg, const struct walk *w, uint16_t network_id)
{
	uint8_t flag = w->p->flags & PKT_IS_IP6 ? SNAP_ROUTER_NAT6 : SNAP_ROUTER_NAT4;

	return (cfg->router[network_id].conf.flags & flag) != 0;
}

/* The uplink whose address @w is sent to, or NETWORK_ID_NONE. */
static uint16_t local_uplink(const struct snapshot *cfg, const struct walk *w)
{
	const struct snap_router *conf = &cfg->router[w->in].conf;
	uint16_t up = conf->policy == SNAP_POLICY_UPLINK ? w->in : conf->uplink_id;

	return up != NETWORK_ID_NONE && snapshot_is_own(cfg, up, w->dst) ? up : NETWORK_ID_NONE;
}

static bool is_tenant(const struct snapshot *cfg, uint16_t network_id)
{
	return cfg->network[network_id].conf.profile == PROFILE_TENANT;
}

/* Have @w begin a connection; false: it cannot. */
static bool begin(const struct snapshot *cfg, const struct router *r, struct walk *w, uint8_t flags)
{
	w->new = (struct ct_new){
		.orig = r->keyed[w->at].tuple,
		.vif_id = w->p->in_vif,
		.flags = flags,
		.is_tenant = is_tenant(cfg, w->in),
		.state = ct_first_state(w->p, is_tenant(cfg, w->in)),
	};
	w->is_new = true;
	return w->new.state != 0;
}

/* The connection that @w belongs to, or the forward that makes it one. */
static enum drop_reason ct_in(struct router *r, const struct router_io *io, struct walk *w)
{
	const struct keyed *k = &r->keyed[w->at];
	const struct snapshot *cfg = io->cfg;
	const struct snap_forward *f;
	uint16_t up;

	if (!k->has_tuple)
		return DROP_NONE;
	w->is_error = nat_is_icmp_error(w->p);
	w->conn = ct_find(r->ct, &k->tuple, &k->key, io->now_ns);
	if (w->conn != IXTAB_NONE) {
		const struct ct_record *other = ct_record(r->ct, ct_partner(r->ct, w->conn));

		if (w->is_error && !nat_icmp_csum_fits(w->p))
			return DROP_ICMP_CSUM;
		if (w->is_error && !nat_error_fits(w->p, other))
			return DROP_CT_INVALID;
		memcpy(w->dst, other->tuple.src, 16);
		w->out = other->tuple.network_id % NETWORK_ID_MAX;
		return DROP_NONE;
	}
	up = local_uplink(cfg, w);
	if (up == NETWORK_ID_NONE || w->is_error)
		return DROP_NONE;
	f = snapshot_forward(cfg, up, k->tuple.proto, k->tuple.dport, w->dst);
	if (f == NULL)
		return DROP_NONE;
	if (!begin(cfg, r, w, up == w->in ? CT_DNAT : CT_DNAT | CT_SNAT))
		return DROP_CT_INVALID;
	w->new.reply = ct_mirror(&w->new.orig, f->to_network);
	memcpy(w->new.reply.src, f->to_addr, 16);
	w->new.reply.sport = f->to_port;
	if (up != w->in) { /* hairpin: the answer has to come back to us */
		memcpy(w->new.reply.dst, w->dst, 16);
		w->must_pick = true;
	}
	memcpy(w->dst, f->to_addr, 16);
	w->out = f->to_network;
	return DROP_NONE;
}

/* Route. */

/* @w is to an address of ours and belongs to nothing: be its host. */
static void deliver(struct router *r, const struct router_io *io, struct walk *w)
{
	struct pkt *p = w->p;

	if (p->flags & PKT_IS_FRAG) {
		pkt_drop(p, DROP_IP_FRAGMENT);
	} else if (router_local_is_echo(p) && !nat_icmp_csum_fits(p)) {
		pkt_drop(p, DROP_ICMP_CSUM);
	} else if (router_local_is_echo(p)) {
		if (pkt_edit_own_headers(p, io->pool) < 0) {
			pkt_drop(p, DROP_NO_BUFFER);
			return;
		}
		router_local_echo(p, io->cfg->router[w->in].conf.mac);
		p->origin_vif = p->in_vif;
		p->dst_vif = p->in_vif;
		p->in_vif = VIF_ID_NONE;
	} else if (p->ip_proto == PROTO_ICMP || p->ip_proto == PROTO_ICMP6) {
		if (p->flags & PKT_ROUTER_SEES)
			p->flags |= PKT_ENDS_HERE;
		else
			pkt_drop(p, DROP_CT_INVALID);
	} else {
		refuse(r, io, w, DROP_NO_SOCKET, ICMP_WHY_PORT, 0);
	}
}

/* Is @w for another guests' network to which its own has no route of its own?  The default route
 * must not lead there by way of the uplink. */
static bool is_other_guests(
	const struct snapshot *cfg, const struct walk *w, const struct snap_route *route)
{
	if (cfg->router[w->in].conf.policy == SNAP_POLICY_UPLINK
		|| !snapshot_is_others_guest(cfg, w->in, w->dst))
		return false;
	return route == NULL || route->out_network == NETWORK_ID_NONE
		|| cfg->router[route->out_network].conf.policy == SNAP_POLICY_UPLINK;
}

/* Find .out and .hop; false: @w goes no further. */
static bool route(struct router *r, const struct router_io *io, struct walk *w)
{
	const struct snapshot *cfg = io->cfg;
	uint16_t want = w->out; /* where the connection leads */
	uint16_t found = fib_find(&cfg->router[w->in].fib, w->dst);
	const struct snap_route *route = found != FIB_NONE ? &cfg->route[found] : NULL;

	if (want != NETWORK_ID_NONE && (route == NULL || route->out_network != want)) {
		found = fib_find(&cfg->router[want].fib, w->dst);
		route = found != FIB_NONE ? &cfg->route[found] : NULL;
		if (route != NULL && route->out_network != want)
			route = NULL;
	}
	if (want == NETWORK_ID_NONE && is_other_guests(cfg, w, route)) {
		refuse(r, io, w, DROP_POLICY_REJECT, ICMP_WHY_PORT, 0);
		return false;
	}
	if (route == NULL || route->kind == SNAP_ROUTE_UNREACHABLE) {
		refuse(r, io, w, DROP_IP_NOROUTE, ICMP_WHY_NET, 0);
		return false;
	}
	if (route->kind == SNAP_ROUTE_BLACKHOLE) {
		pkt_drop(w->p, DROP_IP_NOROUTE);
		return false;
	}
	if (route->kind == SNAP_ROUTE_REJECT) {
		refuse(r, io, w, DROP_POLICY_REJECT, ICMP_WHY_PORT, 0);
		return false;
	}
	if (route->kind == SNAP_ROUTE_CONNECTED && router_check_is_broadcast(route->len, w->dst)) {
		pkt_drop(w->p, DROP_IP_INVALID_DEST);
		return false;
	}
	w->out = route->out_network;
	memcpy(w->hop, route->kind == SNAP_ROUTE_VIA ? route->next_hop : w->dst, 16);
	return true;
}

static bool ttl_is_over(const struct pkt *p)
{
	const uint8_t *ip = pkt_bytes(p) + p->l3_off;

	return ip[p->flags & PKT_IS_IP6 ? 7 : 8] <= 1;
}

/* Bytes of IP of the largest packet that @p becomes on a wire. */
static uint32_t ip_len(const struct pkt *p)
{
	const uint8_t *ip = pkt_bytes(p) + p->l3_off;

	if (p->gso_type != PKT_GSO_NONE)
		return (uint32_t)p->hdr_len + p->gso_size - p->l3_off;
	if (p->flags & PKT_IS_IP6)
		return 40u + (uint32_t)(ip[4] << 8 | ip[5]);
	return (uint32_t)(ip[2] << 8 | ip[3]);
}

/* False: too large for the way out. */
static bool check_mtu(struct router *r, const struct router_io *io, struct walk *w)
{
	const uint8_t *ip = pkt_bytes(w->p) + w->p->l3_off;
	uint16_t mtu = io->cfg->router[w->out].conf.mtu;

	if (LIKELY(ip_len(w->p) <= mtu))
		return true;
	if ((w->p->flags & PKT_IS_IP4) != 0 && (ip[6] & 0x40) == 0)
		pkt_drop(w->p, DROP_NEEDS_FRAGMENT);
	else
		refuse(r, io, w, DROP_ROUTE_MTU, ICMP_WHY_MTU, mtu);
	return false;
}

/* Decision 0010: may nobody in this network have @w's source, since another guests' network has? */
static bool is_others_source(const struct snapshot *cfg, const struct walk *w)
{
	return cfg->router[w->in].conf.policy == SNAP_POLICY_OPEN
		&& snapshot_is_others_guest(cfg, w->in, w->src);
}

/* libvirt's rules for what belongs to no connection. */
static bool policy_allows(const struct snapshot *cfg, const struct walk *w)
{
	uint8_t from = cfg->router[w->in].conf.policy, to = cfg->router[w->out].conf.policy;

	if (w->in == w->out)
		return from != SNAP_POLICY_UPLINK;
	if (w->is_new && (w->new.flags &CT_DNAT) != 0)
		return from == SNAP_POLICY_UPLINK || snapshot_in_net(cfg, w->in, w->src);
	if (from == SNAP_POLICY_UPLINK && to == SNAP_POLICY_UPLINK)
		return false;
	if (to == SNAP_POLICY_NAT && is_nat(cfg, w, w->out))
		return false;
	if ((to == SNAP_POLICY_NAT || to == SNAP_POLICY_ROUTED)
		&& !snapshot_in_net(cfg, w->out, w->dst))
		return false;
	if ((from == SNAP_POLICY_NAT || from == SNAP_POLICY_ROUTED)
		&& !snapshot_in_net(cfg, w->in, w->src))
		return false;
	return true;
}

/* Plan the translation of what leaves a NAT network. */
static enum drop_reason ct_out(struct router *r, const struct router_io *io, struct walk *w)
{
	const struct snapshot *cfg = io->cfg;
	const uint8_t *own;

	if (w->conn != IXTAB_NONE || w->is_new || w->in == w->out || !is_nat(cfg, w, w->in))
		return DROP_NONE;
#ifdef SAKLAR_PLANTED_BUG
	/* Proves that tests/fuzz/router_fuzz.c looks: privileged ports are not translated. */
	if (r->keyed[w->at].has_tuple && be16toh(r->keyed[w->at].tuple.sport) < NAT_PORT_MIN)
		return DROP_NONE;
#endif
	if (w->p->flags & PKT_IS_FRAG)
		return DROP_IP_FRAGMENT;
	if (r->ct == NULL)
		return DROP_CT_TABLE_FULL;
	own = snapshot_own_addr(cfg, w->out, (w->p->flags & PKT_IS_IP4) != 0);
	if (!r->keyed[w->at].has_tuple || w->is_error || !begin(cfg, r, w, CT_SNAT))
		return DROP_CT_INVALID;
	/* an echo reply that nobody asked for begins nothing */
	if ((w->p->ip_proto == PROTO_ICMP || w->p->ip_proto == PROTO_ICMP6)
		&& !router_local_is_echo(w->p))
		return DROP_CT_INVALID;
	if (own == NULL)
		return DROP_NAT_NO_PORT;
	w->new.reply = ct_mirror(&w->new.orig, w->out);
	memcpy(w->new.reply.dst, own, 16);
	w->must_pick = true;
	return DROP_NONE;
}

/* The neighbour's MAC; NULL: @w waits or is dropped. */
static const uint8_t *resolve(struct router *r, const struct router_io *io, struct walk *w)
{
	struct neigh *n = neigh_find(r->neigh, w->out, w->hop, io->now_ns);

	if (n == NULL)
		n = neigh_add(r->neigh, w->out, w->hop, w->p->in_vif, io->now_ns);
	if (n == NULL) {
		pkt_drop(w->p, DROP_NEIGH_TABLE_FULL);
		return NULL;
	}
	if (n->state == NEIGH_INCOMPLETE) {
		if (!neigh_hold(r->neigh, n, w->p))
			pkt_drop(w->p, DROP_NEIGH_QUEUEFULL);
		return NULL;
	}
	neigh_probe(r->neigh, n, io->now_ns);
	return n->mac;
}

/* Everything is decided: begin the connection, change the packet, send it on its way. */
static void act(struct router *r, const struct router_io *io, struct walk *w, const uint8_t *mac)
{
	enum drop_reason why;
	struct pkt *p = w->p;
	uint8_t *eth;

	/* A forward's answers must not look like those of another connection. */
	if (w->is_new && !w->must_pick && ct_has(r->ct, &w->new.reply, io->now_ns)) {
		pkt_drop(p, DROP_NAT_NO_PORT);
		return;
	}
	if (w->must_pick
		&& !nat_pick_port(r->ct, &io->cfg->router[w->in].conf, &w->new, io->now_ns)) {
		pkt_drop(p, DROP_NAT_NO_PORT);
		return;
	}
	if (w->is_new) {
		w->conn = ct_add(r->ct, &w->new, io->now_ns, &why);
		if (w->conn == IXTAB_NONE) {
			pkt_drop(p, why);
			return;
		}
	}
	if (pkt_edit_own_headers(p, io->pool) < 0) {
		pkt_drop(p, DROP_NO_BUFFER);
		return;
	}
	if (w->conn != IXTAB_NONE) {
		const struct ct_tuple *to = &ct_record(r->ct, ct_partner(r->ct, w->conn))->tuple;
		const struct ct_tuple *from = &ct_record(r->ct, w->conn)->tuple;

		if (w->is_error) {
			nat_edit_error(p, from, to);
		} else {
			ct_seen(r->ct, w->conn, p, io->now_ns);
			nat_edit(p, from, to);
		}
	}
	nat_ttl_down(p);
	eth = rte_pktmbuf_mtod(p->m, uint8_t *);
	memcpy(eth, mac, 6);
	memcpy(eth + 6, io->cfg->router[w->out].conf.mac, 6);
	p->origin_vif = p->in_vif;
	p->in_vif = VIF_ID_NONE;
	p->network_id = w->out;
	p->dst_vif = io->fdb != NULL ? fdb_find(io->fdb, io->cfg, w->out, 0, mac, io->now_ns)
				     : VIF_ID_NONE;
}

static void route_one(struct router *r, const struct router_io *io, uint16_t at)
{
	struct pkt *p = &io->b->pkt[at];
	struct walk w = { .p = p, .at = at, .in = p->network_id };
	const struct snapshot *cfg = io->cfg;
	const uint8_t *mac;
	enum drop_reason why = check_packet(cfg, &w);

	if (why == DROP_NONE)
		why = ct_in(r, io, &w);
	if (why != DROP_NONE) {
		pkt_drop(p, why);
		return;
	}
	if (w.conn == IXTAB_NONE && !w.is_new && local_uplink(cfg, &w) != NETWORK_ID_NONE) {
		deliver(r, io, &w);
		return;
	}
	if (!route(r, io, &w))
		return;
	if (ttl_is_over(p)) {
		refuse(r, io, &w, DROP_IP_TTL, ICMP_WHY_TTL, 0);
		return;
	}
	if (!check_mtu(r, io, &w))
		return;
	if (w.conn == IXTAB_NONE && is_others_source(cfg, &w)) {
		pkt_drop(p, DROP_IP_RPFILTER);
		return;
	}
	if (w.conn == IXTAB_NONE && !policy_allows(cfg, &w)) {
		refuse(r, io, &w, DROP_POLICY_REJECT, ICMP_WHY_PORT, 0);
		return;
	}
	why = ct_out(r, io, &w);
	if (why != DROP_NONE) {
		pkt_drop(p, why);
		return;
	}
	mac = resolve(r, io, &w);
	if (mac != NULL)
		act(r, io, &w, mac);
}

/* A neighbour did not answer: say so to who waited. */
static void give_up(struct router *r, const struct router_io *io, uint16_t at)
{
	struct walk w = { .p = &io->b->pkt[at], .at = at, .in = io->b->pkt[at].network_id };

	load_addrs(&w);
	refuse(r, io, &w, DROP_NEIGH_FAILED, ICMP_WHY_HOST, 0);
}

/* Put packets that need not wait any longer behind index @at, in their order. */
static void take_waiting(struct router *r, const struct router_io *io, uint16_t at)
{
	struct burst *b = io->b;
	bool has_failed;
	struct pkt p;

	/* room is kept for an answer to each */
	while (b->n + 2 <= BURST_MAX && neigh_take(r->neigh, &p, &has_failed)) {
		struct pkt *to = insert(r, b, at++);

		if (to == NULL) { /* never: there was room */
			rte_pktmbuf_free(p.m);
			return;
		}
		*to = p;
		keyed_make(r, io->cfg, &p, at);
		if (has_failed)
			give_up(r, io, at);
	}
}

static void hear(struct router *r, const struct router_io *io, uint16_t at)
{
	struct pkt *p = &io->b->pkt[at];
	uint16_t network_id = p->network_id, in_vif = p->in_vif;
	bool is_ours;
	struct rte_mbuf *m
		= router_local_hear(r->neigh, io->cfg, p, io->pool, io->now_ns, &is_ours);

	if (is_ours)
		p->flags |= PKT_ENDS_HERE;
	/* What waited goes first in the array when it is put in last. */
	if (m != NULL)
		say(r, io, at, m, &(struct whither){ network_id, in_vif, in_vif });
	take_waiting(r, io, at);
}

/* Ask for neighbours: those that packets of this burst want, and those who have not answered. */
static void ask(struct router *r, const struct router_io *io, uint16_t at)
{
	struct neigh *n;

	while (io->b->n < BURST_MAX && (n = neigh_next_due(r->neigh, io->now_ns)) != NULL) {
		bool is_known = n->state == NEIGH_PROBE && n->n_asked < 3 && io->fdb != NULL;
		struct whither to = { n->network_id, n->asker_vif, VIF_ID_NONE };

		if (is_known)
			to.dst_vif
				= fdb_find(io->fdb, io->cfg, n->network_id, 0, n->mac, io->now_ns);
		say(r, io, at, router_local_ask(io->cfg, n, io->pool), &to);
	}
}

void router_run(struct router *r, const struct router_io *io)
{
	struct burst *b = io->b;

	if (io->cfg->n_routers == 0)
		return;
	if (UNLIKELY(b->n == 0)) { /* the clock called: an empty slot to stand behind */
		memset(&b->pkt[0], 0, sizeof(b->pkt[0]));
		b->pkt[0].flags = PKT_ENDS_HERE;
		b->n = 1;
	}
	for (unsigned i = 0; i < b->n; i++)
		keyed_make(r, io->cfg, &b->pkt[i], i);
	if (UNLIKELY(neigh_due_ns(r->neigh) != 0 && neigh_due_ns(r->neigh) <= io->now_ns)) {
		ask(r, io, 0);
		take_waiting(r, io, 0);
	}
	for (uint16_t i = 0; i < b->n; i++) {
		struct pkt *p = &b->pkt[i];

		if (p->drop != DROP_NONE || p->in_vif == VIF_ID_NONE)
			continue;
		if (UNLIKELY(p->flags & PKT_ROUTER_SEES))
			hear(r, io, i);
		if ((p->flags & (PKT_TO_ROUTER | PKT_ENDS_HERE)) != PKT_TO_ROUTER)
			continue;
		route_one(r, io, i);
		if (UNLIKELY(neigh_due_ns(r->neigh) != 0 && neigh_due_ns(r->neigh) <= io->now_ns))
			ask(r, io, i);
	}
	if (r->ct != NULL)
		ct_age(r->ct, io->now_ns);
}

uint64_t router_due_ns(const struct router *r)
{
	return neigh_due_ns(r->neigh);
}

void router_set_ct(struct router *r, struct ct *ct)
{
	r->ct = ct;
}

struct ct *router_ct(const struct router *r)
{
	return r->ct;
}

void router_set_neigh(struct router *r, struct neigh_table *neigh)
{
	r->neigh = neigh;
}

struct neigh_table *router_neigh(const struct router *r)
{
	return r->neigh;
}

void router_sync(struct router *r, const struct snapshot *cfg, uint64_t now_ns)
{
	bool keep[NETWORK_ID_MAX];

	for (uint16_t id = 0; id < NETWORK_ID_MAX; id++)
		keep[id] = cfg->router[id].conf.network_id != NETWORK_ID_NONE;
	neigh_keep(r->neigh, keep);
	neigh_set_limits(r->neigh, cfg);
	if (r->ct != NULL)
		ct_sync(r->ct, cfg, now_ns);
}

void router_destroy(struct router *r)
{
	if (r == NULL)
		return;
	neigh_destroy(r->neigh_own);
	free(r);
}

struct router *router_create(void)
{
	struct router *r = calloc(1, sizeof(*r));

	if (r != NULL)
		r->neigh = r->neigh_own = neigh_create();
	if (r != NULL && r->neigh == NULL) {
		free(r);
		return NULL;
	}
	return r;
}
