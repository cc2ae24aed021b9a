/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline.c - the life of a burst, from the vifs that received it to the vifs that send it.
 *
 * From: worker.c (rx of all ready queues).  To: vif.c (tx).
 * Theory: one straight function; read pipeline_run() at the end of this file first.  Stages
 * classify and mark (pkt_drop); they never free, allocate, log, lock, or call each other.  A copy
 * of a packet is a tx item {packet, out vif}; the list of them is bounded, so a burst that floods
 * to very many vifs is sent in several rounds, and one that would cost too much in several turns.
 * Invariants: every mbuf of the burst is freed exactly once, by drop_burst(); each packet counts
 * once in rx, and once in tx per copy sent or in drops where it is lost.
 * Thread: worker. */
#include "vswitch/pipeline.h"

#include "bridge/answer.h"
#include "bridge/bridge.h"
#include "bridge/egress.h"
#include "bridge/fdb_peek.h"
#include "bridge/guard.h"
#include "bridge/mirror.h"
#include "bridge/proxy.h"
#include "bridge/qos.h"
#include "bridge/router.h"
#include "bridge/storm.h"
#include "bridge/stp_run.h"
#include "bridge/vlan.h"
#include "vif/drop.h"
#include "vif/pkt_edit.h"
#include "vif/pkt_parse.h"
#include "vswitch/backlog.h"
#include "vswitch/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ASKED_BITS 8
#define ASK_AGAIN_NS (100 * NS_PER_MS)

const struct stage_text stage_texts[STAGE_N] = {
#define X(name, doc) [STAGE_##name] = { #name, doc },
	STAGES(X)
#undef X
};

struct pipeline {
	const struct snapshot *cfg;
	const struct vif_table *vifs;
	const struct capture_set *captures;
	struct fdb *fdb; /* the owner's */
	struct fdb_peek *peek; /* the others' */
	struct hops *from; /* the owner's, NULL: there is no other worker */
	struct hops *to; /* the others' */
	unsigned worker;
	struct asked {
		uint64_t flow, at_ns;
	} asked[1u << ASKED_BITS]; /* the others': flows that the owner was to note a verdict for */
	struct mdb *mdb; /* the owner's */
	struct router *router;
	struct verdicts *verdicts; /* NULL: nobody would read them */
	struct stp_run *stp;
	const struct pipeline_trace *trace;
	struct vif_io *io;
	struct storm storm; /* meters of what vifs flood */
	struct qos *qos; /* rates of vifs, and what waits for them */
	struct backlog backlog; /* floods that go on in the next turns */
	struct tx_items out; /* in order of packets, then grouped by vif */
	struct tx_items lost; /* copies that did not pass egress */
	struct tx_items grouped; /* while grouping */
	struct tx_items copies, copies_lost; /* for vifs that look on, while they are sent */
	uint16_t n_of[VIF_ID_MAX]; /* items per out vif while grouping, 0 between */
	struct burst late; /* copies whose vif may get them now, and answers of the bridge's own */
	struct icmp_limit answer_limit;
};

/* What a pipeline without configuration uses: every vif is without network. */
static const struct snapshot no_config;
static const struct vif_table no_vifs;

/* Show the burst behind @stage to who asked for it. */
static void trace(const struct pipeline *l, enum stage stage, const struct burst *b)
{
	if (UNLIKELY(l->trace != NULL))
		l->trace->stage(l->trace->arg, stage, b);
}

static void count_rx(struct vif_counters *counters, const struct burst *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		struct vif_counters *c = &counters[b->pkt[i].in_vif];

		__atomic_store_n(&c->rx_packets, c->rx_packets + 1, __ATOMIC_RELAXED);
		__atomic_store_n(&c->rx_bytes, c->rx_bytes + b->pkt[i].len, __ATOMIC_RELAXED);
	}
}

/* Put the items of each vif next to each other; within a vif packets keep their order. */
static void group_by_vif(struct pipeline *l, struct tx_items *out)
{
	uint16_t vifs[TX_ITEMS_MAX < VIF_ID_MAX ? TX_ITEMS_MAX : VIF_ID_MAX] __attribute__((
		uninitialized)); /* 2 KiB and more: not to be cleared for each burst */
	uint32_t n = out->n, n_vifs = 0, n_runs = 0, first = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint16_t vif = out->item[i].out_vif;

		if (l->n_of[vif]++ == 0)
			vifs[n_vifs++] = vif;
		n_runs += i == 0 || vif != out->item[i - 1].out_vif;
	}
	for (uint32_t i = 0; i < n_vifs; i++) { /* from here on: where the next item goes */
		uint16_t count = l->n_of[vifs[i]];

		l->n_of[vifs[i]] = (uint16_t)first;
		first += count;
	}
	if (n_runs != n_vifs) {
		for (uint32_t i = 0; i < n; i++)
			l->grouped.item[l->n_of[out->item[i].out_vif]++] = out->item[i];
		memcpy(out->item, l->grouped.item, n * sizeof(out->item[0]));
	}
	for (uint32_t i = 0; i < n_vifs; i++)
		l->n_of[vifs[i]] = 0;
}

static struct verdict_reasons reasons(const struct pipeline *l)
{
	return (struct verdict_reasons){
		.cfg = l->cfg,
		.vifs = l->vifs,
		.captures = l->captures,
		.fdb = l->fdb,
		.ct = router_ct(l->router),
		.neigh = router_neigh(l->router),
	};
}

/* Let the kernel do by itself what was done here; what somebody watches goes on coming by.
 * @is_routing: the packets for a router, which is about to change them; else those that were sent. */
static void note_verdicts(struct pipeline *l, const struct burst *b, bool is_routing)
{
	const struct verdict_reasons why = reasons(l);

	if (l->verdicts == NULL || l->fdb == NULL || (l->trace != NULL && !l->trace->is_clock))
		return;
	if (!is_routing)
		verdicts_note(l->verdicts, &why, b, &l->out);
	else if (l->cfg->n_routers != 0)
		verdicts_note_router(l->verdicts, &why, b);
}

/* Tell the kernel which vifs forward, and how long that is true without us. */
static void sync_verdicts(struct pipeline *l)
{
	for (uint16_t id = 1; l->verdicts != NULL && id < VIF_ID_MAX; id++)
		verdicts_set_until(l->verdicts, id, stp_run_forwards_until_ns(l->stp, id));
}

/* Show and count what became of each copy, and begin anew. */
static void settle(
	struct pipeline *l, const struct burst *b, struct tx_items *out, struct tx_items *lost)
{
	capture_out(l->captures, b, out);
	for (uint32_t i = 0; i < lost->n; i++)
		drop_count(l->io->vif_counters, lost->item[i].out_vif, lost->item[i].drop, 1);
	if (UNLIKELY(lost->n > 0))
		capture_out(l->captures, b, lost);
	out->n = 0;
	lost->n = 0;
}

/* Let those who look on have their copies. */
static void mirror(struct pipeline *l, struct burst *b, enum mirror_place place)
{
	struct mirror_round r = { .cfg = l->cfg, .b = b, .place = place, .sent = &l->out };
	bool is_done;

	if (LIKELY(l->cfg->n_mirrors == 0)
		|| l->to != NULL) /* the owner's, as mirror_mark() says */
		return;
	do {
		is_done = mirror_run(&r, &l->copies, &l->copies_lost);
		qos_to(l->qos, l->cfg, b, &l->copies, &l->copies_lost, l->io->now_ns);
		group_by_vif(l, &l->copies);
		vif_tx(l->vifs, l->io, b, &l->copies);
		settle(l, b, &l->copies, &l->copies_lost);
	} while (!is_done);
}

/* One round is over. */
static void settle_round(struct pipeline *l, struct burst *b)
{
	mirror(l, b, MIRROR_OUT);
	settle(l, b, &l->out, &l->lost);
	drop_forms(b);
}

void pipeline_destroy(struct pipeline *l)
{
	if (l == NULL)
		return;
	backlog_clear(&l->backlog);
	fdb_peek_destroy(l->peek);
	router_destroy(l->router);
	qos_destroy(l->qos);
	mdb_destroy(l->mdb);
	stp_run_destroy(l->stp);
	free(l);
}

struct pipeline *pipeline_create(struct vif_io *io)
{
	struct pipeline *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->router = router_create();
	l->qos = qos_create();
	l->mdb = mdb_create();
	l->stp = stp_run_create();
	if (l->router == NULL || l->qos == NULL || l->mdb == NULL || l->stp == NULL) {
		pipeline_destroy(l);
		return NULL;
	}
	l->io = io;
	l->cfg = &no_config;
	l->vifs = &no_vifs;
	return l;
}

void pipeline_set_config(struct pipeline *l, const struct snapshot *cfg,
	const struct vif_table *vifs, const struct capture_set *captures)
{
	const struct snapshot *before = l->cfg;

	l->cfg = cfg != NULL ? cfg : &no_config;
	l->vifs = vifs != NULL ? vifs : &no_vifs;
	l->captures = captures;
	/* Without a configuration the table is left alone: it may be a dead engine's legacy. */
	if (cfg != NULL && cfg != before && l->fdb != NULL)
		fdb_sync(l->fdb, cfg, l->io->now_ns);
	if (cfg != NULL && cfg != before && l->to == NULL)
		mdb_sync(l->mdb, cfg, l->io->now_ns);
	if (cfg != NULL && l->to == NULL)
		router_sync(l->router, cfg, l->io->now_ns);
	memset(l->asked, 0, sizeof(l->asked));
	if (l->to == NULL)
		stp_run_sync(l->stp, l->cfg, l->fdb, l->io->now_ns);
	if (l->verdicts != NULL) /* what was noted was decided by another configuration */
		verdicts_flush(l->verdicts);
	sync_verdicts(l);
}

struct stp_run *pipeline_stp(const struct pipeline *l)
{
	return l->stp;
}

void pipeline_set_ct(struct pipeline *l, struct ct *ct)
{
	router_set_ct(l->router, ct);
	if (ct != NULL)
		ct->is_shared = l->verdicts != NULL;
	if (l->cfg != &no_config)
		router_sync(l->router, l->cfg, l->io->now_ns);
}

struct ct *pipeline_ct(const struct pipeline *l)
{
	return router_ct(l->router);
}

void pipeline_set_neigh(struct pipeline *l, struct neigh_table *neigh)
{
	router_set_neigh(l->router, neigh);
	if (l->cfg != &no_config)
		router_sync(l->router, l->cfg, l->io->now_ns);
}

struct neigh_table *pipeline_neigh(const struct pipeline *l)
{
	return router_neigh(l->router);
}

uint32_t pipeline_held(const struct pipeline *l)
{
	return l->backlog.n + router_held(l->router) + qos_held(l->qos);
}

bool pipeline_keeps(const struct pipeline *l, uint16_t vif_id)
{
	return backlog_has(&l->backlog, vif_id) || qos_keeps_from(l->qos, vif_id);
}

/* The earlier of two times, 0 being never. */
static uint64_t first_of(uint64_t a, uint64_t b)
{
	return a == 0 || b == 0 ? MAX(a, b) : MIN(a, b);
}

uint64_t pipeline_due_ns(const struct pipeline *l)
{
	uint64_t due_ns;

	if (l->backlog.n > 0)
		return 1; /* at once */
	due_ns = first_of(router_due_ns(l->router), qos_due_ns(l->qos));
	due_ns = first_of(due_ns, mdb_due_ns(l->mdb));
	return first_of(due_ns, stp_run_due_ns(l->stp));
}

void pipeline_set_fdb(struct pipeline *l, struct fdb *fdb)
{
	l->fdb = fdb;
	if (fdb != NULL && fdb->tab.n_kept > 0)
		mdb_succeed(l->mdb, l->io->now_ns);
	if (fdb != NULL && l->cfg != &no_config)
		fdb_sync(fdb, l->cfg, l->io->now_ns);
}

struct mdb *pipeline_mdb(const struct pipeline *l)
{
	return l->mdb;
}

void pipeline_set_verdicts(struct pipeline *l, struct verdicts *verdicts)
{
	l->verdicts = verdicts;
	if (router_ct(l->router) != NULL)
		router_ct(l->router)->is_shared = verdicts != NULL;
	sync_verdicts(l);
}

struct fdb *pipeline_fdb(const struct pipeline *l)
{
	return l->fdb;
}

void pipeline_set_hops(struct pipeline *l, struct hops *hops, unsigned worker)
{
	l->from = worker == 0 ? hops : NULL;
	l->to = worker != 0 ? hops : NULL;
	l->worker = worker;
	if (l->from != NULL)
		hops_set_states(hops, stp_run_states(l->stp));
}

int pipeline_peek_fdb(struct pipeline *l, const struct fdb *fdb)
{
	fdb_peek_destroy(l->peek);
	l->peek = fdb_peek_create(fdb);
	return l->peek != NULL ? 0 : -ENOMEM;
}

void pipeline_set_trace(struct pipeline *l, const struct pipeline_trace *t)
{
	l->trace = t;
}

/* Let the router have what is its own; an empty burst is its clock's. */
static void route(struct pipeline *l, struct burst *b)
{
	const struct router_io io = {
		.cfg = l->cfg,
		.b = b,
		.fdb = l->fdb,
		.pool = l->io->small_pool,
		.now_ns = l->io->now_ns,
	};
	struct worker_counters *c = l->io->worker_counters;
	struct ct *ct = router_ct(l->router);

	router_run(l->router, &io);
	if (UNLIKELY(ct != NULL && ct->n_evicted != 0)) {
		__atomic_store_n(&c->ct_evicted, c->ct_evicted + ct->n_evicted, __ATOMIC_RELAXED);
		ct->n_evicted = 0;
	}
}

/* End floods, from @first on, of a network that has begun or ceased to know VLANs since they did. */
static void check_floods(const struct snapshot *cfg, struct burst *b, uint16_t first)
{
	for (uint16_t i = first; i < b->n; i++)
		if ((b->pkt[i].vlan != 0) != (cfg->vlans[b->pkt[i].in_vif] != NULL))
			pkt_drop(&b->pkt[i], DROP_VLAN_FILTER);
}

/* Packets of other workers, behind what this one received.  What a configuration has admitted that is not ours, or
 * not any more, is admitted again; the split comes again in any case, behind the learning. */
static void hop_in(struct pipeline *l, struct burst *b)
{
	const uint32_t split = PKT_TO_ROUTER | PKT_ROUTER_SEES | PKT_WAS_HEARD | PKT_ENDS_HERE;
	uint16_t first = b->n;
	bool has_other;

	if (LIKELY(l->from == NULL))
		return;
	has_other = hop_take(l->from, b, HOP_TURN_MAX, l->cfg->generation);
	for (uint16_t i = first; i < b->n; i++) {
		b->pkt[i].flags &= ~split;
		b->pkt[i].vlan = has_other ? 0 : b->pkt[i].vlan;
	}
	if (UNLIKELY(has_other))
		guard_ingress(l->cfg, b);
}

/* Does a meter look at @p that must see all of its kind, whoever received them?  What a vif gets, and what is
 * flooded. */
static bool is_metered(const struct snapshot *cfg, const struct pkt *p)
{
	if (LIKELY((cfg->has_meters & ~(1u << SNAP_METER_FROM)) == 0))
		return false;
	return p->dst_vif == VIF_ID_NONE || snapshot_meter(cfg, p->dst_vif, SNAP_METER_TO) != NULL;
}

/* Will there be an answer to @p, whose number is limited for all workers together?  What has no known destination is
 * the owner's in any case. */
static bool is_for_answer(const struct snapshot *cfg, const struct pkt *p)
{
	return UNLIKELY((cfg->network[p->network_id].conf.flags & SNAP_NETWORK_MTU_ICMP) != 0)
		&& (p->flags & PKT_IS_MCAST) == 0 && egress_is_too_large(cfg, p, p->dst_vif);
}

/* Could the kernel do the like of @p by itself, when the owner has noted a verdict?  A flow is asked for once in a
 * while only: some get none, since their vif has too many. */
static bool is_for_verdict(struct pipeline *l, const struct pkt *p)
{
	const struct verdict_reasons why = reasons(l);
	const uint8_t *eth = pkt_bytes(p);
	struct asked *slot;
	uint64_t macs, flow;
	uint32_t rest;

	if (LIKELY(!verdicts_want(&why, p)))
		return false;
	memcpy(&macs, eth, sizeof(macs));
	memcpy(&rest, eth + sizeof(macs), sizeof(rest));
	flow = (uint64_t)p->in_vif << 48 | (uint64_t)p->dst_vif << 32 | p->ether_type;
	flow = (flow ^ macs ^ (uint64_t)rest << 24) * UINT64_C(0x9e3779b97f4a7c15);
	slot = &l->asked[flow >> (64 - ASKED_BITS)];
	if (slot->flow == flow && l->io->now_ns - slot->at_ns < ASK_AGAIN_NS)
		return false;
	*slot = (struct asked){ flow, l->io->now_ns };
	return true;
}

/* Is anything done with group frames and broadcasts for which one must have the tables? */
static bool is_heard(const struct snapshot *cfg)
{
	return cfg->mcast != NULL || cfg->has_neigh_suppress; /* snooping; bridge/proxy.c */
}

/* Is @p the owner's? */
static bool is_owners(struct pipeline *l, struct pkt *p)
{
	if (p->must_hop) {
		p->drop = DROP_NONE; /* of the split, which comes again */
		return true;
	}
	return p->drop == DROP_NONE
		&& ((p->flags & (PKT_TO_ROUTER | PKT_ROUTER_SEES)) != 0 || is_metered(l->cfg, p)
			|| ((p->flags & PKT_IS_MCAST) != 0 && is_heard(l->cfg))
			|| is_for_answer(l->cfg, p) || hop_is_under_way(l->to, l->worker, p->in_vif)
			|| is_for_verdict(l, p));
}

/* Take out of @b what is the owner's; what a vif sent behind such a packet follows it. */
static void hop_out(struct pipeline *l, struct burst *b)
{
	struct worker_counters *c = l->io->worker_counters;
	uint16_t kept = 0;

	for (uint16_t i = 0; i < b->n; i++) {
		if (is_owners(l, &b->pkt[i]))
			hop_put(l->to, l->worker, &b->pkt[i], l->cfg->generation);
		else if (kept++ != i)
			b->pkt[kept - 1] = b->pkt[i];
	}
	__atomic_store_n(&c->hops, c->hops + b->n - kept, __ATOMIC_RELAXED);
	b->n = kept;
}

/* Show what the router sends into networks, on the vif that has its MAC. */
static void show_routed(const struct pipeline *l, const struct burst *b)
{
	uint16_t router_vif[BURST_MAX];

	if (!capture_is_on(l->captures))
		return;
	for (unsigned i = 0; i < b->n; i++)
		router_vif[i] = l->cfg->network[b->pkt[i].network_id].conf.leg_vif_id;
	capture_routed_slow(l->captures, b, router_vif);
}

/* Tell the senders of what was too large for its vif. */
static void answer(struct pipeline *l, const struct burst *b)
{
	const struct answer_io io = { .cfg = l->cfg,
		.limit = &l->answer_limit,
		.pool = l->io->small_pool,
		.now_ns = l->io->now_ns };

	if (UNLIKELY(l->lost.n > 0))
		answer_mtu(&io, b, &l->lost, &l->late);
}

/* Send answers, and the copies that waited for their vif's rate. */
static void send_late(struct pipeline *l)
{
	mirror(l, &l->late, MIRROR_ROUTED);
	for (uint16_t i = 0; i < l->late.n; i++)
		l->out.item[l->out.n++]
			= (struct tx_item){ .pkt = i, .out_vif = l->late.pkt[i].dst_vif };
	qos_release(l->qos, l->cfg, &l->late, &l->out, l->io->now_ns);
	if (LIKELY(l->late.n == 0))
		return;
	vif_tx(l->vifs, l->io, &l->late, &l->out);
	settle_round(l, &l->late);
	drop_burst(l->io->vif_counters, &l->late);
}

/* Let spanning trees have their seconds and send what they say, past everything that stops others. */
static void send_bpdus(struct pipeline *l, struct burst *b)
{
	stp_run_tick(l->stp, l->io->now_ns);
	if (stp_run_take_news(l->stp))
		sync_verdicts(l);
	stp_run_take(l->stp, l->io->small_pool, b, &l->out);
	if (b->n == 0)
		return;
	vif_tx(l->vifs, l->io, b, &l->out);
	settle_round(l, b);
	drop_burst(l->io->vif_counters, b);
	capture_flush(l->captures);
}

/* BPDUs that came in by ports that learn, and what comes back by a loop; the kernel hears of it before
 * others do. */
static void learned_run(struct pipeline *l, struct burst *b, bool has_trees)
{
	bool is_displaced = l->fdb != NULL && l->fdb->n_displaced > 0;

	if (LIKELY(!has_trees && !is_displaced))
		return;
	if (has_trees)
		stp_run_learned(l->stp, b, l->io->now_ns);
	if (is_displaced)
		stp_run_loops(l->stp, b, l->io->now_ns);
	if (stp_run_take_news(l->stp))
		sync_verdicts(l);
}

static bool are_bpdus_due(const struct pipeline *l)
{
	uint64_t due_ns = stp_run_due_ns(l->stp);

	return UNLIKELY(due_ns != 0) && due_ns <= l->io->now_ns;
}

/* What ports in spanning trees may say, who sent what, and where it goes. */
static void learn(struct pipeline *l, struct burst *b)
{
	bool has_trees = stp_run_is_on(l->stp); /* never but with the owner */

	if (UNLIKELY(has_trees)) /* bridge/stp_run.c  BPDUs, ports that discard  */
		stp_run_ingress(l->stp, b, l->io->now_ns);
	if (LIKELY(l->fdb != NULL))
		fdb_learn(l->fdb, l->cfg, b, l->io->vif_counters, l->io->now_ns);
	else if (l->peek != NULL) /* bridge/fdb_peek.c another worker's table    */
		fdb_peek(l->peek, l->cfg, b, hops_states(l->to), l->io->now_ns);
	if (UNLIKELY(l->to != NULL && l->cfg->n_mirrors != 0))
		mirror_mark(l->cfg, b);
	learned_run(l, b, has_trees); /* bridge/stp_run.c  ports that only learn, loops */
}

/* The burst is over: what the owner of the tables owes others. */
static void tend(struct pipeline *l, struct burst *b)
{
	if (UNLIKELY(l->from != NULL))
		hops_done(l->from);
	if (LIKELY(l->fdb != NULL))
		fdb_age(l->fdb, l->cfg, l->io->now_ns);
	if (are_bpdus_due(l))
		send_bpdus(l, b);
}

void pipeline_run(struct pipeline *l, struct burst *b)
{
	const struct snapshot *cfg = l->cfg; /* stable for the whole burst */
	struct vif_counters *counters = l->io->vif_counters;
	uint64_t now_ns = l->io->now_ns;
	const struct mdb_io mdb_io = { cfg, counters, l->io->small_pool, now_ns };
	const struct proxy_io proxy_io = { cfg, l->fdb, l->io->small_pool, now_ns };
	uint16_t at = 0, first_old;
	uint32_t share;
	const uint8_t *states = l->to != NULL ? hops_states(l->to) : stp_run_states(l->stp);
	bool is_done;

	pkt_parse(b); /* vif/pkt_parse.c   offsets, or drop          */
	trace(l, STAGE_PARSE, b);
	count_rx(counters, b);
	qos_from(l->qos, cfg, b, now_ns); /* bridge/qos.c may it say it now?          */
	trace(l, STAGE_PACE, b);
	guard_ingress(cfg, b); /* bridge/guard.c    may this vif say this?    */
	trace(l, STAGE_GUARD, b);
	pkt_edit_fill_csum(b); /* vif/pkt_edit.c    what no vnet header can say */
	capture_in(l->captures, b); /* vif/capture.c     who wants to see it?      */
	hop_in(l, b); /* vswitch/hop.c     from the other workers    */
	mirror(l, b, MIRROR_IN); /* bridge/mirror.c   who gets a copy?          */
	learn(l, b); /* bridge/fdb.c      in arrival order          */
	trace(l, STAGE_LEARN, b);
	if (LIKELY(l->to == NULL)) /* bridge/mdb.c      groups: who wants to hear? */
		mdb_snoop(l->mdb, &mdb_io, b);
	trace(l, STAGE_SNOOP, b);
	(void)bridge_split(cfg, b); /* bridge/bridge.c   for the router's MAC?     */
	trace(l, STAGE_SPLIT, b);
	if (UNLIKELY(l->to != NULL)) /* vswitch/hop.c     to the tables' owner      */
		hop_out(l, b);
	storm_run(&l->storm, cfg, b, now_ns); /* bridge/storm.c    too many to flood?        */
	trace(l, STAGE_STORM, b);
	proxy_run(&proxy_io, b, &l->late); /* bridge/proxy.c    asked for who is known?      */
	trace(l, STAGE_PROXY, b);
	note_verdicts(l, b, true); /* vswitch/verdicts.c these are the router's      */
	if (LIKELY(l->to == NULL)) /* bridge/router.c   to another network         */
		route(l, b);
	trace(l, STAGE_ROUTE, b);
	show_routed(l, b); /* vif/capture.c     behind the translation     */
	mirror(l, b, MIRROR_ROUTED); /* bridge/mirror.c                          */
	first_old = backlog_take(&l->backlog, b); /* vswitch/backlog.c floods to go on with */
	check_floods(cfg, b, first_old);
	if (LIKELY(l->to == NULL))
		mdb_again(l->mdb, &mdb_io, b, first_old);
	share = bridge_share(b);
	do { /* bridge/bridge.c   fdb / groups / flood       */
		is_done = bridge_forward(cfg, b, share, &at, &l->out);
		trace(l, STAGE_BRIDGE, b);
		egress_run(cfg, b, states, &l->out, &l->lost); /* bridge/egress.c  mtu, link ... */
		answer(l, b); /* bridge/answer.c  too large: tell who sent it */
		vlan_retag(cfg, b, &l->out, &l->lost, l->io->small_pool); /* bridge/vlan.c tags */
		trace(l, STAGE_EGRESS, b);
		qos_to(l->qos, cfg, b, &l->out, &l->lost, now_ns); /* bridge/qos.c  now? */
		trace(l, STAGE_QOS, b);
		group_by_vif(l, &l->out);
		vif_tx(l->vifs, l->io, b, &l->out); /* vif/vif.c   flooding shares the bytes */
		trace(l, STAGE_TX, b);
		note_verdicts(l, b, false); /* vswitch/verdicts.c for the kernel to repeat    */
		settle_round(l, b);
	} while (!is_done);
	send_late(l);
	backlog_put(&l->backlog, b, first_old);
	capture_drops(l->captures, b);
	trace(l, STAGE_DROP, b);
	drop_burst(counters, b); /* vif/drop.c        count by reason, free     */
	capture_flush(l->captures);
	tend(l, b);
}
