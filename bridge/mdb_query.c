/* SPDX-License-Identifier: Apache-2.0 */
/* mdb_query.c - who asks: queriers that were heard, routers behind vifs, and our own queries.
 *
 * From: bridge/mdb.c, bridge/mdb_filter.c.  To: bridge/bridge.c, by frames that no vif sent.
 * Theory: RFC 2236 §3 and RFC 3810 §7.6.2 as the Linux bridge does them: the lowest address asks,
 * where our own for IPv4 is 0.0.0.0 and gives way to any other.  Whoever asks is a router; it is
 * forgotten, as querier and as router, after the other-querier interval.  For as long as members
 * may take to answer the first query, everything is still flooded.
 * Invariants: a member is in the list of those asking iff .is_asking; due_ns is not later than the
 * first own query unless .is_unsorted.
 * Thread: worker. */
#include "bridge/mdb_state.h"
#include "vif/pkt_edit.h"
#include "vif/pkt_parse.h"
#include "vswitch/base/clock.h"

#include <endian.h>
#include <string.h>

#define RUN_MAX 16 /* queries made in one burst */
#define ROBUSTNESS 2
#define ETH_HDR_LEN 14
#define IP4_HDR_LEN 24 /* with a router alert */
#define IP6_HDR_LEN 48 /* with a hop-by-hop header that has one */

bool mdb_query_is_ours(const struct mdb_side *s, const struct mcast_net *net, uint64_t now_ns)
{
	return s != NULL && net->is_querier && !mdb_is_running(s->other_until_ns, now_ns);
}

bool mdb_query_has_any(const struct mdb_side *s, const struct mcast_net *net, uint64_t now_ns)
{
	return s != NULL && now_ns >= s->flood_until_ns
		&& (net->is_querier || mdb_is_running(s->other_until_ns, now_ns));
}

struct mdb_side *mdb_query_side(struct mdb *m, const struct mcast_net *net, uint16_t vid,
	enum mcast_family family, uint64_t now_ns)
{
	struct mdb_side *s
		= mdb_side_add(m, net->network_id, net->is_per_vlan ? vid : 0, family, now_ns);

	if (s == NULL)
		return NULL;
	if (net->is_querier && s->own_ns == 0) {
		s->own_ns = now_ns;
		s->n_startup = 0;
		s->flood_until_ns = MAX(s->flood_until_ns, now_ns + net->response_ns);
		m->is_unsorted = true;
	}
	return s;
}

/* Does a query from @addr make its sender the querier? */
static bool is_elected(const struct mdb_event *e)
{
	static const uint8_t zeros[16];
	const struct mdb_side *s = e->side;

	if (s->own_ns == 0 && !mdb_is_running(s->other_until_ns, e->now_ns))
		return true;
	if (!s->has_querier_addr)
		return true;
	if (mcast_is_v4(e->msg) && memcmp(s->querier_addr + 12, zeros, 4) == 0)
		return true;
	return memcmp(e->msg->source, s->querier_addr, sizeof(s->querier_addr)) <= 0;
}

static void hear_general(const struct mdb_event *e)
{
	struct mdb_side *s = e->side;

	if (s == NULL || !is_elected(e))
		return;
	memcpy(s->querier_addr, e->msg->source, sizeof(s->querier_addr));
	s->has_querier_addr = true;
	s->querier_vif = e->vif_id;
	if (!mdb_is_running(s->other_until_ns, e->now_ns))
		s->flood_until_ns = MAX(s->flood_until_ns, e->now_ns + e->msg->max_delay_ns);
	s->other_until_ns = e->now_ns + e->net->querier_ns;
	mdb_router_hear(e);
}

/* Somebody asks who is in this group: whoever does not answer is forgotten. */
static void hear_specific(const struct mdb_event *e)
{
	struct mdb *m = e->m;
	struct mdb_group *g = mdb_group_find(m, e->network_id, e->vid, e->msg->group);
	uint64_t until_ns
		= e->now_ns + e->msg->max_delay_ns * MAX(e->net->last_member_count, (uint8_t)1);
	bool has_filters = e->net->has_filters[e->msg->family];

	if (g == NULL || !mdb_timers_run(m, g, e->now_ns))
		return;
	for (uint32_t i = g->first_member; i != MDB_NONE; i = m->member[i].next) {
		struct mdb_member *mb = &m->member[i];

		if (!mb->is_dynamic || (has_filters && !mb->is_exclude && mb->timer_ns == 0))
			continue;
		if (mb->timer_ns == 0 || mb->timer_ns > until_ns)
			mb->timer_ns = until_ns;
	}
	mdb_group_changed(m, g);
}

void mdb_query_hear(const struct mdb_event *e)
{
	bool has_filters = e->net->has_filters[e->msg->family];

	if (e->msg->n_sources > 0) {
		/* RFC 3376 §6.6.1: sources, too, would have to be answered for; Linux leaves it */
		return;
	}
	if (e->msg->is_general)
		hear_general(e);
	else if (!has_filters || !e->msg->is_suppressed)
		hear_specific(e);
}

void mdb_router_hear(const struct mdb_event *e)
{
	struct mdb_side *s = e->side;
	struct mdb_router *r = NULL;

	if (s == NULL || (e->vif != NULL && e->vif->router != SNAP_MCAST_ROUTER_AUTO))
		return;
	for (uint32_t i = s->first_router; i != MDB_NONE && r == NULL; i = e->m->router[i].next)
		if (e->m->router[i].vif_id == e->vif_id)
			r = &e->m->router[i];
	if (r == NULL)
		r = mdb_router_add(e->m, s, e->vif_id);
	if (r == NULL)
		return;
	r->until_ns = e->now_ns + e->net->querier_ns;
	if (s->router_due_ns == 0 || r->until_ns < s->router_due_ns)
		s->router_due_ns = r->until_ns;
}

void mdb_routers_run(struct mdb *m, struct mdb_side *s, uint64_t now_ns)
{
	if (LIKELY(s->router_due_ns == 0 || now_ns < s->router_due_ns))
		return;
	s->router_due_ns = 0;
	for (uint32_t *at = &s->first_router; *at != MDB_NONE;) {
		const struct mdb_router *r = &m->router[*at];

		if (now_ns >= r->until_ns) {
			mdb_router_del(m, s, at);
			continue;
		}
		if (s->router_due_ns == 0 || r->until_ns < s->router_due_ns)
			s->router_due_ns = r->until_ns;
		at = &m->router[*at].next;
	}
}

void mdb_query_ask(const struct mdb_event *e, struct mdb_member *mb)
{
	struct mdb *m = e->m;
	uint32_t index = (uint32_t)(mb - m->member);

	mb->ask_ns = e->now_ns;
	m->is_unsorted = true;
	if (mb->is_asking)
		return;
	mb->is_asking = true;
	mb->prev_ask = MDB_NONE;
	mb->next_ask = m->first_asking;
	if (m->first_asking != MDB_NONE)
		m->member[m->first_asking].prev_ask = index;
	m->first_asking = index;
}

void mdb_query_ask_end(struct mdb *m, struct mdb_member *mb)
{
	if (!mb->is_asking)
		return;
	mb->is_asking = false;
	mb->n_asks = 0;
	if (mb->prev_ask != MDB_NONE)
		m->member[mb->prev_ask].next_ask = mb->next_ask;
	else
		m->first_asking = mb->next_ask;
	if (mb->next_ask != MDB_NONE)
		m->member[mb->next_ask].prev_ask = mb->prev_ask;
}

/* A query to be. */
struct query {
	const struct mcast_net *net;
	bool is_v4;
	uint16_t vid;
	const uint8_t *group; /* NULL: all */
	uint16_t n_sources;
	uint8_t source[MDB_GROUP_SOURCES_MAX][16];
};

static void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

/* RFC 3376 §4.1.1: up to 127 as it is, else a float of 4 bits. */
static uint8_t float8(uint32_t v)
{
	unsigned exp = 0;

	if (v < 128)
		return (uint8_t)v;
	while (exp < 7 && v >> (exp + 3) > 0x1f)
		exp++;
	v = MIN(v >> (exp + 3), 0x1fu);
	return (uint8_t)(0x80u | exp << 4 | (v & 0xfu));
}

static uint32_t message_len(const struct query *q)
{
	bool has_filters = q->net->has_filters[q->is_v4 ? MCAST_IP4 : MCAST_IP6];
	uint32_t head = q->is_v4 ? 8 : 24;

	return has_filters ? head + 4 + q->n_sources * (q->is_v4 ? 4u : 16u) : head;
}

/* What IGMPv3 and MLDv2 add behind the group. */
static void put_tail(const struct query *q, uint8_t *at)
{
	uint32_t len = q->is_v4 ? 4 : 16;

	at[0] = ROBUSTNESS;
	at[1] = float8((uint32_t)(q->net->query_ns / NS_PER_SEC));
	put16(at + 2, q->n_sources);
	for (unsigned i = 0; i < q->n_sources; i++)
		memcpy(at + 4 + i * len, q->source[i] + (16 - len), len);
}

static uint32_t delay_ms(const struct query *q)
{
	return (uint32_t)((q->group != NULL ? q->net->last_member_ns : q->net->response_ns)
		/ NS_PER_MS);
}

static void put_ip4(const struct query *q, uint8_t *eth, uint32_t len)
{
	static const uint8_t alert[4] = { 0x94, 4, 0, 0 }; /* RFC 2113 */
	static const uint8_t all_hosts[4] = { 224, 0, 0, 1 };
	const uint8_t *dst = q->group != NULL ? q->group + 12 : all_hosts;
	uint8_t *ip = eth + ETH_HDR_LEN, *igmp = ip + IP4_HDR_LEN;
	uint32_t tenths = delay_ms(q) / 100;
	bool has_filters = q->net->has_filters[MCAST_IP4];
	uint16_t csum;

	memcpy(eth, (const uint8_t[4]){ 1, 0, 0x5e, dst[1] & 0x7f }, 4);
	memcpy(eth + 4, dst + 2, 2);
	put16(eth + 12, 0x0800);
	ip[0] = 0x46;
	ip[1] = 0xc0; /* internetwork control */
	put16(ip + 2, IP4_HDR_LEN + len);
	put16(ip + 6, 0x4000);
	ip[8] = 1;
	ip[9] = 2;
	memcpy(ip + 16, dst, 4);
	memcpy(ip + 20, alert, sizeof(alert));
	csum = (uint16_t)~pkt_sum_fold(pkt_sum_bytes(ip, IP4_HDR_LEN, 0));
	memcpy(ip + 10, &csum, 2);
	igmp[0] = 0x11;
	igmp[1] = has_filters ? float8(tenths) : (uint8_t)MIN(tenths, 255u);
	if (q->group != NULL)
		memcpy(igmp + 4, q->group + 12, 4);
	if (has_filters)
		put_tail(q, igmp + 8);
	csum = (uint16_t)~pkt_sum_fold(pkt_sum_bytes(igmp, len, 0));
	memcpy(igmp + 2, &csum, 2);
}

/* RFC 4291 appendix A: the link-local address that the MAC gives. */
static void own_addr6(const struct mcast_net *net, uint8_t out[16])
{
	const uint8_t *mac = net->mac;

	memcpy(out, (const uint8_t[8]){ 0xfe, 0x80 }, 8);
	memcpy(out + 8, (const uint8_t[5]){ mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe }, 5);
	memcpy(out + 13, mac + 3, 3);
}

static void put_ip6(const struct query *q, uint8_t *eth, uint32_t len)
{
	static const uint8_t all_nodes[16] = { 0xff, 2, [15] = 1 };
	static const uint8_t hop_by_hop[8] = { 58, 0, 5, 2, 0, 0, 1, 0 }; /* RFC 2711 */
	const uint8_t *dst = q->group != NULL ? q->group : all_nodes;
	uint8_t *ip = eth + ETH_HDR_LEN, *mld = ip + IP6_HDR_LEN;
	be32 tail[2] = { htobe32(len), htobe32(58) };
	uint16_t csum;

	memcpy(eth, (const uint8_t[2]){ 0x33, 0x33 }, 2);
	memcpy(eth + 2, dst + 12, 4);
	put16(eth + 12, 0x86dd);
	ip[0] = 0x60;
	put16(ip + 4, 8 + len);
	ip[7] = 1;
	own_addr6(q->net, ip + 8);
	memcpy(ip + 24, dst, 16);
	memcpy(ip + 40, hop_by_hop, sizeof(hop_by_hop));
	mld[0] = 130;
	put16(mld + 4, MIN(delay_ms(q), 0x7fffu));
	if (q->group != NULL)
		memcpy(mld + 8, q->group, 16);
	if (q->net->has_filters[MCAST_IP6])
		put_tail(q, mld + 24);
	csum = (uint16_t)~pkt_sum_fold(
		pkt_sum_bytes(mld, len, pkt_sum_bytes(ip + 8, 32, pkt_sum_bytes(tail, 8, 0))));
	memcpy(mld + 2, &csum, 2);
}

static struct rte_mbuf *query_make(const struct query *q, struct rte_mempool *pool)
{
	uint32_t len = message_len(q);
	uint32_t all = ETH_HDR_LEN + (q->is_v4 ? IP4_HDR_LEN : IP6_HDR_LEN) + len;
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t *eth;

	if (m == NULL)
		return NULL;
	eth = (uint8_t *)(void *)rte_pktmbuf_append(m, (uint16_t)all);
	if (eth == NULL) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	memset(eth, 0, all);
	memcpy(eth + 6, q->net->mac, 6);
	if (q->is_v4)
		put_ip4(q, eth, len);
	else
		put_ip6(q, eth, len);
	return m;
}

/* Append @q to the burst, for the vifs in @to. */
static void query_send(struct mdb *m, const struct mdb_io *io, struct burst *b,
	const struct query *q, const struct port_set *to)
{
	struct pkt *p = &b->pkt[b->n];
	struct rte_mbuf *mbuf;

	if (b->n == BURST_MAX || m->n_sets == BURST_MAX)
		return;
	mbuf = query_make(q, io->pool);
	if (mbuf == NULL)
		return;
	memset(p, 0, sizeof(*p));
	p->m = mbuf;
	p->len = rte_pktmbuf_pkt_len(mbuf);
	pkt_parse_one(p);
	p->network_id = q->net->network_id;
	p->in_vif = VIF_ID_NONE;
	if (io->cfg->network[p->network_id].conf.vlan != SNAP_VLAN_NONE)
		p->vlan = q->vid; /* 0: of the whole network, untagged everywhere */
	p->flags |= PKT_WAS_HEARD; /* a network without ports loses nothing */
	m->set[m->n_sets++] = *to;
	p->mcast_set = (uint8_t)m->n_sets;
	b->n++;
}

/* The time has come for a general query. */
static void own_run(struct mdb *m, const struct mdb_io *io, struct burst *b, struct mdb_side *s)
{
	const struct mcast_net *net = &io->cfg->mcast->net[s->network_id];
	struct query q = { .net = net, .is_v4 = s->family == MCAST_IP4, .vid = s->vid };

	if (!net->is_on || !net->is_querier) {
		s->own_ns = 0;
		return;
	}
	if (mdb_is_running(s->other_until_ns, io->now_ns)) {
		s->own_ns = s->other_until_ns;
		s->n_startup = 0;
		return;
	}
	query_send(m, io, b, &q, &m->network[s->network_id].up);
	memset(s->querier_addr, 0, sizeof(s->querier_addr));
	s->has_querier_addr = true;
	s->querier_vif = VIF_ID_NONE;
	if (s->family == MCAST_IP6)
		own_addr6(net, s->querier_addr);
	else
		memset(s->querier_addr + 10, 0xff, 2);
	s->n_startup = (uint8_t)MIN(s->n_startup + 1, UINT8_MAX);
	s->own_ns = io->now_ns
		+ (s->n_startup < net->startup_count ? net->startup_ns : net->query_ns);
}

/* Vifs that came up are asked at once. */
static void fresh_run(struct mdb *m, const struct mdb_io *io, struct burst *b, struct mdb_side *s)
{
	const struct mcast_net *net = &io->cfg->mcast->net[s->network_id];
	struct query q = { .net = net, .is_v4 = s->family == MCAST_IP4, .vid = s->vid };

	if (mdb_query_is_ours(s, net, io->now_ns) && s->n_startup > 0)
		query_send(m, io, b, &q, &m->network[s->network_id].fresh);
}

static void ask_run(struct mdb *m, const struct mdb_io *io, struct burst *b, struct mdb_member *mb)
{
	const struct mdb_group *g = &m->group[mb->group];
	const struct mcast_net *net = &io->cfg->mcast->net[g->network_id];
	struct query q
		= { .net = net, .is_v4 = g->family == MCAST_IP4, .vid = g->vid, .group = g->addr };
	struct port_set to = { { 0 } };
	bool must_go_on = false;

	port_set_add(&to, mb->vif_id);
	if (mb->n_asks > 0) {
		mb->n_asks--;
		must_go_on = mb->n_asks > 0;
		query_send(m, io, b, &q, &to);
	}
	for (uint32_t i = mb->first_source; i != MDB_NONE; i = m->source[i].next) {
		struct mdb_source *s = &m->source[i];

		if (s->n_asks == 0)
			continue;
		s->n_asks--;
		must_go_on |= s->n_asks > 0;
		memcpy(q.source[q.n_sources++], s->addr, sizeof(s->addr));
	}
	if (q.n_sources > 0 && net->has_filters[g->family])
		query_send(m, io, b, &q, &to);
	mb->ask_ns = io->now_ns + net->last_member_ns;
	if (!must_go_on)
		mdb_query_ask_end(m, mb);
}

static void due_at(struct mdb *m, uint64_t at_ns)
{
	if (at_ns != 0 && (m->due_ns == 0 || at_ns < m->due_ns))
		m->due_ns = at_ns;
}

void mdb_query_run(struct mdb *m, const struct mdb_io *io, struct burst *b)
{
	uint16_t last = (uint16_t)MIN(b->n + RUN_MAX, BURST_MAX - 2);
	uint32_t next;

	if (LIKELY(!m->is_unsorted && (m->due_ns == 0 || io->now_ns < m->due_ns)))
		return;
	m->is_unsorted = false;
	m->due_ns = 0;
	for (uint32_t i = 1; i <= m->sides.n_high; i++) {
		struct mdb_side *s = &m->side[i];

		if (s->network_id == NETWORK_ID_NONE)
			continue;
		if (s->own_ns != 0 && io->now_ns >= s->own_ns && b->n < last)
			own_run(m, io, b, s);
		else if (m->network[s->network_id].has_fresh && b->n < last)
			fresh_run(m, io, b, s);
		due_at(m, s->own_ns);
	}
	for (unsigned id = 1; id < NETWORK_ID_MAX; id++) {
		m->network[id].has_fresh = false;
		m->network[id].fresh = (struct port_set){ { 0 } };
	}
	for (uint32_t i = m->first_asking; i != MDB_NONE; i = next) {
		struct mdb_member *mb = &m->member[i];

		next = mb->next_ask;
		if (io->now_ns >= mb->ask_ns && b->n < last)
			ask_run(m, io, b, mb);
		if (mb->is_asking)
			due_at(m, mb->ask_ns);
	}
}
