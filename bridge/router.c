/* SPDX-License-Identifier: Apache-2.0 */
/* router.c - from one network to another: connection, route, TTL, MTU, policy, neighbour, edit.
 *
 * From: vswitch/pipeline.c, behind bridge_split().  To: bridge/bridge.c, with the egress network.
 * Theory: everything is decided before anything is changed, so that an ICMP error quotes what was
 * sent, and a packet that waits for its neighbour starts over as it came.  The order is Linux':
 *   connection and DNAT, route, TTL, MTU, policy (libvirt's rules by mode), neighbour, SNAT, edit.
 * A packet of a known connection takes the route its answer came by and is not asked for policy.
 * Where packets are translated fragments wait for each other first (bridge/frag.c).
 * New packets are put behind the one that caused them and the loop goes on over them, so that a
 * burst of 32 gives what 32 bursts of 1 give.
 * Invariants: a packet with PKT_TO_ROUTER leaves here dropped, held, ending, or routed.
 * Thread: worker. */
#include "bridge/router.h"

#include "bridge/frag_cut.h"
#include "bridge/nat.h"
#include "bridge/router_check.h"
#include "bridge/router_local.h"
#include "bridge/router_walk.h"
#include "vif/pkt_edit.h"
#include "vif/pkt_parse.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define POOL_TRIES 4 /* addresses of a pool that are asked for a port */

static enum drop_reason check_packet(const struct snapshot *cfg, struct walk *w)
{
	enum drop_reason why = router_check_ip(w->p);

	router_ct_load_addrs(w);
	if (why == DROP_NONE && snapshot_is_own(cfg, w->in, w->src))
		return DROP_IP_INVALID_SOURCE;
	return why;
}

/* @w is to an address of ours and belongs to nothing: be its host. */
static void deliver(struct router *r, const struct router_io *io, struct walk *w)
{
	struct pkt *p = w->p;

	if ((p->flags & PKT_IS_FRAG) != 0
		&& (p->ip_proto == PROTO_ICMP || p->ip_proto == PROTO_ICMP6)) {
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
		router_say_refuse(r, io, w, DROP_NO_SOCKET, ICMP_WHY_PORT, 0);
	}
}

static bool ttl_is_over(const struct pkt *p)
{
	const uint8_t *ip = pkt_bytes(p) + p->l3_off;

	return ip[p->flags & PKT_IS_IP6 ? 7 : 8] <= 1;
}

/* NULL: @w waits or is dropped. */
static const struct neigh *resolve(struct router *r, const struct router_io *io, struct walk *w)
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
	return n;
}

/* A port, of another address of the pool where the first has none left. */
static bool pick(struct router *r, const struct router_io *io, struct walk *w)
{
	const struct snap_router *conf = &io->cfg->router[w->in].conf;

	for (unsigned i = 1; i <= POOL_TRIES; i++) {
		if (nat_pick_port(r->ct, conf, &w->new, io->now_ns))
			return true;
		if (!router_ct_pool(r, io->cfg, w, i))
			break;
	}
	return false;
}

/* Everything is decided: begin the connection, change the packet, send it on its way. */
static void act(struct router *r, const struct router_io *io, struct walk *w, const struct neigh *n)
{
	enum drop_reason why;
	struct pkt *p = w->p;
	uint8_t *eth;

	/* A forward's answers must not look like those of another connection. */
	if (w->is_new && !w->must_pick && ct_has(r->ct, &w->new.reply, io->now_ns)) {
		pkt_drop(p, DROP_NAT_NO_PORT);
		return;
	}
	if (w->must_pick && !pick(r, io, w)) {
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
			p->conn = w->conn;
			p->neigh = n->record;
		}
	}
	nat_ttl_down(p);
	eth = rte_pktmbuf_mtod(p->m, uint8_t *);
	memcpy(eth, n->mac, 6);
	memcpy(eth + 6, io->cfg->router[w->out].conf.mac, 6);
	p->origin_vif = p->in_vif;
	p->in_vif = VIF_ID_NONE;
	p->network_id = w->out;
	p->dst_vif = io->fdb != NULL ? fdb_find(io->fdb, io->cfg, w->out, 0, n->mac, io->now_ns)
				     : VIF_ID_NONE;
}

/* Replace the routed packet at index @at by its pieces; what finds no room in the burst waits. */
static void cut(struct router *r, const struct router_io *io, uint16_t at)
{
	struct pkt piece[FRAG_CUT_MAX], *p = &io->b->pkt[at];
	unsigned n;

	pkt_edit_complete_csum(p);
	n = frag_cut(p, io->cfg->router[p->network_id].conf.mtu, io->pool, piece);
	if (n == 0) {
		pkt_drop(p, DROP_NEEDS_FRAGMENT);
		return;
	}
	rte_pktmbuf_free(p->m);
	*p = piece[0];
	for (unsigned i = 1; i < n; i++) {
		struct pkt *to = frag_due_ns(r->frag) != 1 && io->b->n + 2 <= BURST_MAX
			? router_say_insert(r, io->b, at)
			: NULL;

		if (to != NULL)
			io->b->pkt[++at] = piece[i];
		else
			frag_put_back(r->frag, &piece[i]);
	}
}

static void route_one(struct router *r, const struct router_io *io, uint16_t at)
{
	struct pkt *p = &io->b->pkt[at];
	struct walk w = { .p = p, .at = at, .in = p->network_id };
	const struct snapshot *cfg = io->cfg;
	const struct neigh *n;
	enum drop_reason why = check_packet(cfg, &w);

	if (why == DROP_NONE)
		why = router_ct_in(r, io, &w);
	if (why != DROP_NONE) {
		pkt_drop(p, why);
		return;
	}
	if (w.conn == IXTAB_NONE && !w.is_new
		&& router_ct_local_uplink(cfg, &w) != NETWORK_ID_NONE) {
		deliver(r, io, &w);
		return;
	}
	if (!router_route_find(r, io, &w))
		return;
	if (ttl_is_over(p)) {
		router_say_refuse(r, io, &w, DROP_IP_TTL, ICMP_WHY_TTL, 0);
		return;
	}
	if (!w.is_reject && !router_route_mtu_fits(r, io, &w))
		return;
	if (w.conn == IXTAB_NONE && router_route_is_others_source(cfg, &w)) {
		pkt_drop(p, DROP_IP_RPFILTER);
		return;
	}
	if (w.is_reject || (w.conn == IXTAB_NONE && !router_route_allows(cfg, &w))) {
		router_say_refuse(r, io, &w, DROP_POLICY_REJECT, ICMP_WHY_PORT, 0);
		return;
	}
	why = router_ct_out(r, io, &w);
	if (why != DROP_NONE) {
		pkt_drop(p, why);
		return;
	}
	n = resolve(r, io, &w);
	if (n == NULL)
		return;
	act(r, io, &w, n);
	if (UNLIKELY(w.must_cut) && p->drop == DROP_NONE)
		cut(r, io, at);
}

/* A fragment where packets are translated: it waits for the others, or is one of those that all
 * are there and goes on. */
static bool fragment_goes_on(struct router *r, const struct router_io *io, uint16_t at)
{
	struct pkt *p = &io->b->pkt[at];
	enum drop_reason why;

	if (r->keyed[at].is_whole || !io->cfg->router[p->network_id].has_ct || r->ct == NULL)
		return true;
	why = router_check_ip(p);
	if (why == DROP_NONE)
		frag_add(r->frag, p, io->now_ns);
	else
		pkt_drop(p, why);
	return false;
}

/* Put fragments that need not wait any longer behind index @at, in their order. */
static void take_fragments(struct router *r, const struct router_io *io, uint16_t at)
{
	bool is_first;
	struct pkt p;

	while (io->b->n + 2 <= BURST_MAX && frag_take(r->frag, &p, &is_first)) {
		struct pkt *to = router_say_insert(r, io->b, at++);

		if (to == NULL) { /* never: there was room */
			rte_pktmbuf_free(p.m);
			return;
		}
		*to = p;
		if (p.in_vif == VIF_ID_NONE || p.drop != DROP_NONE)
			continue; /* routed already, or lost */
		if (is_first)
			router_ct_key_whole(r, io->cfg, &p);
		r->keyed[at] = r->whole;
	}
}

/* A neighbour did not answer: say so to who waited. */
static void give_up(struct router *r, const struct router_io *io, uint16_t at)
{
	struct walk w = { .p = &io->b->pkt[at], .at = at, .in = io->b->pkt[at].network_id };

	router_ct_load_addrs(&w);
	router_say_refuse(r, io, &w, DROP_NEIGH_FAILED, ICMP_WHY_HOST, 0);
}

/* Put packets that need not wait any longer behind index @at, in their order. */
static void take_waiting(struct router *r, const struct router_io *io, uint16_t at)
{
	struct burst *b = io->b;
	bool has_failed;
	struct pkt p;

	/* room is kept for an answer to each */
	while (b->n + 2 <= BURST_MAX && neigh_take(r->neigh, &p, &has_failed)) {
		struct pkt *to = router_say_insert(r, b, at++);

		if (to == NULL) { /* never: there was room */
			rte_pktmbuf_free(p.m);
			return;
		}
		*to = p;
		router_ct_key(r, io->cfg, &p, at);
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
		router_say_frame(r, io, at, m, &(struct whither){ network_id, in_vif, in_vif });
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
		router_say_frame(r, io, at, router_local_ask(io->cfg, n, io->pool), &to);
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
		router_ct_key(r, io->cfg, &b->pkt[i], i);
	if (UNLIKELY(neigh_due_ns(r->neigh) != 0 && neigh_due_ns(r->neigh) <= io->now_ns)) {
		ask(r, io, 0);
		take_waiting(r, io, 0);
	}
	if (UNLIKELY(frag_due_ns(r->frag) != 0)) {
		frag_age(r->frag, io->now_ns);
		take_fragments(r, io, 0);
	}
	for (uint16_t i = 0; i < b->n; i++) {
		struct pkt *p = &b->pkt[i];

		if (p->drop != DROP_NONE || p->in_vif == VIF_ID_NONE)
			continue;
		if (UNLIKELY(p->flags & PKT_ROUTER_SEES))
			hear(r, io, i);
		if ((p->flags & (PKT_TO_ROUTER | PKT_ENDS_HERE)) != PKT_TO_ROUTER)
			continue;
		if (UNLIKELY(p->flags & PKT_IS_FRAG) && !fragment_goes_on(r, io, i)) {
			take_fragments(r, io, i);
			continue;
		}
		route_one(r, io, i);
		if (UNLIKELY(neigh_due_ns(r->neigh) != 0 && neigh_due_ns(r->neigh) <= io->now_ns))
			ask(r, io, i);
	}
	if (r->ct != NULL)
		ct_age(r->ct, io->now_ns);
}

uint64_t router_due_ns(const struct router *r)
{
	uint64_t neigh = neigh_due_ns(r->neigh), frag = frag_due_ns(r->frag);

	return neigh == 0 || (frag != 0 && frag < neigh) ? frag : neigh;
}

uint32_t router_held(const struct router *r)
{
	return neigh_held(r->neigh) + frag_held(r->frag);
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
	frag_keep(r->frag, keep);
	neigh_set_limits(r->neigh, cfg);
	if (r->ct != NULL)
		ct_sync(r->ct, cfg, now_ns);
}

void router_destroy(struct router *r)
{
	if (r == NULL)
		return;
	neigh_destroy(r->neigh_own);
	frag_destroy(r->frag);
	free(r);
}

struct router *router_create(void)
{
	struct router *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->neigh = r->neigh_own = neigh_create();
	r->frag = frag_create();
	if (r->neigh == NULL || r->frag == NULL) {
		router_destroy(r);
		return NULL;
	}
	return r;
}
