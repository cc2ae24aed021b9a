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
#include "bridge/guard.h"
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

#include <stdlib.h>
#include <string.h>

const struct stage_text stage_texts[STAGE_N] = {
#define X(name, doc) [STAGE_##name] = { #name, doc },
	STAGES(X)
#undef X
};

struct pipeline {
	const struct snapshot *cfg;
	const struct vif_table *vifs;
	const struct capture_set *captures;
	struct fdb *fdb;
	struct mdb *mdb;
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
static void group_by_vif(struct pipeline *l)
{
	uint16_t vifs[TX_ITEMS_MAX < VIF_ID_MAX ? TX_ITEMS_MAX : VIF_ID_MAX] __attribute__((
		uninitialized)); /* 2 KiB and more: not to be cleared for each burst */
	uint32_t n = l->out.n, n_vifs = 0, n_runs = 0, first = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint16_t vif = l->out.item[i].out_vif;

		if (l->n_of[vif]++ == 0)
			vifs[n_vifs++] = vif;
		n_runs += i == 0 || vif != l->out.item[i - 1].out_vif;
	}
	for (uint32_t i = 0; i < n_vifs; i++) { /* from here on: where the next item goes */
		uint16_t count = l->n_of[vifs[i]];

		l->n_of[vifs[i]] = (uint16_t)first;
		first += count;
	}
	if (n_runs != n_vifs) {
		for (uint32_t i = 0; i < n; i++)
			l->grouped.item[l->n_of[l->out.item[i].out_vif]++] = l->out.item[i];
		memcpy(l->out.item, l->grouped.item, n * sizeof(l->out.item[0]));
	}
	for (uint32_t i = 0; i < n_vifs; i++)
		l->n_of[vifs[i]] = 0;
}

/* Let the kernel do by itself what was done here; what somebody watches goes on coming by.
 * @is_routing: the packets for a router, which is about to change them; else those that were sent. */
static void note_verdicts(struct pipeline *l, const struct burst *b, bool is_routing)
{
	const struct verdict_reasons why = {
		.cfg = l->cfg,
		.vifs = l->vifs,
		.captures = l->captures,
		.fdb = l->fdb,
		.ct = router_ct(l->router),
		.neigh = router_neigh(l->router),
	};

	if (l->verdicts == NULL || l->fdb == NULL || l->trace != NULL)
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

/* One round is over: show and count what became of each copy, and begin anew. */
static void settle_round(struct pipeline *l, struct burst *b)
{
	capture_out(l->captures, b, &l->out);
	for (uint32_t i = 0; i < l->lost.n; i++)
		drop_count(l->io->vif_counters, l->lost.item[i].out_vif, l->lost.item[i].drop, 1);
	if (UNLIKELY(l->lost.n > 0))
		capture_out(l->captures, b, &l->lost);
	drop_forms(b);
	l->out.n = 0;
	l->lost.n = 0;
}

void pipeline_destroy(struct pipeline *l)
{
	if (l == NULL)
		return;
	backlog_clear(&l->backlog);
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
	if (cfg != NULL && cfg != before)
		mdb_sync(l->mdb, cfg, l->io->now_ns);
	if (cfg != NULL)
		router_sync(l->router, cfg, l->io->now_ns);
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

/* BPDUs that came in by ports that learn; the kernel hears of it before others do. */
static void learned_run(struct pipeline *l, struct burst *b)
{
	stp_run_learned(l->stp, b, l->io->now_ns);
	if (stp_run_take_news(l->stp))
		sync_verdicts(l);
}

static bool are_bpdus_due(const struct pipeline *l)
{
	uint64_t due_ns = stp_run_due_ns(l->stp);

	return UNLIKELY(due_ns != 0) && due_ns <= l->io->now_ns;
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
	const uint8_t *states = stp_run_states(l->stp);
	bool is_done, has_trees = stp_run_is_on(l->stp);

	pkt_parse(b); /* vif/pkt_parse.c   offsets, or drop          */
	trace(l, STAGE_PARSE, b);
	count_rx(counters, b);
	qos_from(l->qos, cfg, b, now_ns); /* bridge/qos.c may it say it now?          */
	trace(l, STAGE_PACE, b);
	guard_ingress(cfg, b); /* bridge/guard.c    may this vif say this?    */
	trace(l, STAGE_GUARD, b);
	pkt_edit_fill_csum(b); /* vif/pkt_edit.c    what no vnet header can say */
	capture_in(l->captures, b); /* vif/capture.c     who wants to see it?      */
	if (UNLIKELY(has_trees)) /* bridge/stp_run.c  BPDUs, ports that discard  */
		stp_run_ingress(l->stp, b, now_ns);
	if (LIKELY(l->fdb != NULL)) /* bridge/fdb.c      in arrival order          */
		fdb_learn(l->fdb, cfg, b, counters, now_ns);
	if (UNLIKELY(has_trees)) /* bridge/stp_run.c  ports that only learn      */
		learned_run(l, b);
	trace(l, STAGE_LEARN, b);
	mdb_snoop(l->mdb, &mdb_io, b); /* bridge/mdb.c      groups: who wants to hear? */
	trace(l, STAGE_SNOOP, b);
	(void)bridge_split(cfg, b); /* bridge/bridge.c   for the router's MAC?     */
	trace(l, STAGE_SPLIT, b);
	storm_run(&l->storm, cfg, b, now_ns); /* bridge/storm.c    too many to flood?        */
	trace(l, STAGE_STORM, b);
	proxy_run(&proxy_io, b, &l->late); /* bridge/proxy.c    asked for who is known?      */
	trace(l, STAGE_PROXY, b);
	note_verdicts(l, b, true); /* vswitch/verdicts.c these are the router's      */
	route(l, b); /* bridge/router.c   to another network         */
	trace(l, STAGE_ROUTE, b);
	show_routed(l, b); /* vif/capture.c     behind the translation     */
	first_old = backlog_take(&l->backlog, b); /* vswitch/backlog.c floods to go on with */
	check_floods(cfg, b, first_old);
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
		group_by_vif(l);
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
	if (LIKELY(l->fdb != NULL))
		fdb_age(l->fdb, cfg, now_ns);
	if (are_bpdus_due(l))
		send_bpdus(l, b);
}
