/* SPDX-License-Identifier: Apache-2.0 */
/* qos.c - rates of vifs: buckets, and short queues for what comes too fast; see qos.h.
 *
 * From: vswitch/pipeline.c.  To: itself in later turns; vif tx.
 * Theory: a bucket alone would police: TCP behind it loses trains of segments and stays far below
 * its rate.  So what comes too fast waits, for a bounded time and in bounded memory, and TCP is
 * slowed by its round trip.  The sides differ in what waits: from a vif a packet that nobody has
 * looked at yet but the parser; to a vif one copy, whose bytes other copies may share.
 * While something waits a bucket fills a little beyond its burst (LATE_NS), because a worker that
 * sleeps comes back late by a millisecond or two; else the rate would be missed by that much.
 * A queue has lanes by sender, served by deficit round robin; a lane has its part of the room.
 * Invariants: a queue is in .active exactly when something is in it; a packet of a vif passes only
 * when nothing of it waits, so order is kept; every held packet has an mbuf.
 * Thread: worker. */
#include "bridge/qos.h"

#include "bridge/meter.h"
#include "vswitch/base/clock.h"

#include <stdlib.h>
#include <string.h>

#define LANES 8
#define QUANTUM 16384u /* bytes a lane may send before the next one's turn */
#define QUEUE_PKTS 256u
#define QUEUE_LEN_MIN (64u << 10)
#define QUEUE_LEN_MAX (512u << 10)
#define QUEUE_PARTS 40 /* of a second: 25 ms */
#define PEAK_BURST FRAME_LEN_MAX
#define LATE_NS (2 * NS_PER_MS)
#define RELEASE_MAX 32 /* packets of one turn and side */
#define NONE UINT16_MAX

enum side {
	SIDE_FROM,
	SIDE_TO,
	SIDES
};

struct held {
	struct pkt pkt;
	struct tx_item item; /* SIDE_TO */
	uint32_t len; /* on the wire */
	uint16_t next; /* NONE: the last one */
};

struct lane {
	uint16_t first, last, n;
	uint32_t len; /* of all that waits */
	uint32_t deficit;
};

struct queue {
	struct lane lane[LANES];
	uint16_t n, n_big, n_lanes;
	uint16_t active_at; /* in .active, while n > 0 */
	uint8_t turn; /* lane that is served */
	uint64_t released_in; /* turn of the worker */
	struct meter average, peak;
};

struct qos {
	struct queue queue[SIDES][VIF_ID_MAX];
	uint16_t active[SIDES][VIF_ID_MAX]; /* vifs whose queue is not empty */
	uint16_t n_active[SIDES];
	uint16_t first_active[SIDES]; /* of the next turn */
	uint64_t due_ns[SIDES];
	uint64_t turn;
	uint32_t n_held, n_big;
	uint16_t free; /* first free one */
	struct held held[QOS_HELD_MAX];
};

static const enum snap_meter_kind kind_of[SIDES] = { SNAP_METER_FROM, SNAP_METER_TO };

static uint32_t wire_len(const struct pkt *p)
{
	uint32_t payload = p->len - p->hdr_len;

	if (p->gso_type == PKT_GSO_NONE)
		return p->len;
	return p->len + ((payload + p->gso_size - 1) / p->gso_size - 1) * p->hdr_len;
}

/* Buckets. */

static bool may_pass(struct queue *w, const struct snap_meter *m, uint32_t len, uint64_t now_ns,
	uint64_t *due_ns)
{
	uint64_t slack_ns = w->n > 0 ? LATE_NS : 0;
	const struct meter_conf average = { m->rate, m->burst, slack_ns };
	const struct meter_conf peak = { m->peak, PEAK_BURST, slack_ns };
	uint64_t at_ns;

	meter_fill(&w->average, &average, now_ns);
	at_ns = meter_due_ns(&w->average, &average, len, now_ns);
	if (m->peak != 0) {
		uint64_t peak_ns;

		meter_fill(&w->peak, &peak, now_ns);
		peak_ns = meter_due_ns(&w->peak, &peak, len, now_ns);
		at_ns = MAX(at_ns, peak_ns);
	}
	*due_ns = at_ns;
	return at_ns == now_ns;
}

static void pass(struct queue *w, const struct snap_meter *m, uint32_t len)
{
	meter_take(&w->average, len);
	if (m->peak != 0)
		meter_take(&w->peak, len);
}

/* Queues. */

static bool is_big(const struct pkt *p)
{
	return p->m->nb_segs > 1;
}

static bool has_room(const struct qos *q, const struct queue *w, const struct lane *lane,
	const struct snap_meter *m, const struct held *new)
{
	uint64_t in_time = m != NULL ? m->rate / QUEUE_PARTS : QUEUE_LEN_MAX;
	uint32_t most
		= (uint32_t)MIN(MAX(in_time, (uint64_t)QUEUE_LEN_MIN), (uint64_t)QUEUE_LEN_MAX);
	uint32_t n_lanes = w->n_lanes + (lane->n == 0);

	if (q->n_held == QOS_HELD_MAX || (w->n >= 8 && w->n > QOS_HELD_MAX - q->n_held))
		return false;
	if (is_big(&new->pkt)
		&& (q->n_big == QOS_BIG_MAX
			|| (w->n_big >= 2 && w->n_big > QOS_BIG_MAX - q->n_big)))
		return false;
	if (lane->n == 0)
		return true;
	return lane->n < QUEUE_PKTS / n_lanes && lane->len + new->len <= most / n_lanes;
}

static void activate(struct qos *q, enum side side, uint16_t vif_id)
{
	q->queue[side][vif_id].active_at = q->n_active[side];
	q->active[side][q->n_active[side]++] = vif_id;
}

static void deactivate(struct qos *q, enum side side, uint16_t vif_id)
{
	uint16_t at = q->queue[side][vif_id].active_at;
	uint16_t moved = q->active[side][--q->n_active[side]];

	q->active[side][at] = moved;
	q->queue[side][moved].active_at = at;
}

/* Let @new wait; false: there is no room. */
static bool hold(struct qos *q, enum side side, uint16_t vif_id, const struct snap_meter *m,
	const struct held *new)
{
	struct queue *w = &q->queue[side][vif_id];
	struct lane *lane = &w->lane[pkt_drop_vif(&new->pkt) % LANES];
	uint16_t at = q->free;

	if (!has_room(q, w, lane, m, new))
		return false;
	q->free = q->held[at].next;
	q->held[at] = *new;
	q->held[at].next = NONE;
	if (lane->n++ == 0) {
		lane->first = at;
		w->n_lanes++;
	} else {
		q->held[lane->last].next = at;
	}
	lane->last = at;
	lane->len += new->len;
	if (w->n++ == 0)
		activate(q, side, vif_id);
	w->n_big = (uint16_t)(w->n_big + is_big(&new->pkt));
	q->n_big += is_big(&new->pkt);
	q->n_held++;
	return true;
}

/* The lane of @w, which is not empty, whose turn it is. */
static struct lane *next_lane(const struct qos *q, struct queue *w)
{
	for (;;) {
		struct lane *lane = &w->lane[w->turn];

		if (lane->n > 0 && (w->n_lanes == 1 || lane->deficit >= q->held[lane->first].len))
			return lane;
		w->turn = (uint8_t)((w->turn + 1) % LANES);
		if (w->lane[w->turn].n > 0)
			w->lane[w->turn].deficit += QUANTUM;
	}
}

/* Give the first packet of @lane away; it is valid until the next hold(). */
static const struct held *take(struct qos *q, enum side side, uint16_t vif_id, struct lane *lane)
{
	struct queue *w = &q->queue[side][vif_id];
	uint16_t at = lane->first;
	struct held *old = &q->held[at];

	lane->first = old->next;
	lane->len -= old->len;
	lane->deficit -= MIN(lane->deficit, old->len);
	if (--lane->n == 0) {
		lane->deficit = 0;
		w->n_lanes--;
	}
	w->n_big = (uint16_t)(w->n_big - is_big(&old->pkt));
	q->n_big -= is_big(&old->pkt);
	q->n_held--;
	if (--w->n == 0)
		deactivate(q, side, vif_id);
	old->next = q->free;
	q->free = at;
	return old;
}

/* The next packet of @vif_id, for which some wait, that may go now; NULL: none. */
static const struct held *take_ready(
	struct qos *q, const struct snapshot *cfg, enum side side, uint16_t vif_id, uint64_t now_ns)
{
	struct queue *w = &q->queue[side][vif_id];
	const struct snap_meter *m = snapshot_meter(cfg, vif_id, kind_of[side]);
	struct lane *lane = next_lane(q, w);
	uint32_t len = q->held[lane->first].len;
	uint64_t due_ns;

	if (m != NULL) { /* else the limit was taken away meanwhile */
		if (!may_pass(w, m, len, now_ns, &due_ns)) {
			if (q->due_ns[side] == 0 || due_ns < q->due_ns[side])
				q->due_ns[side] = due_ns;
			return NULL;
		}
		pass(w, m, len);
	}
	w->released_in = q->turn;
	return take(q, side, vif_id, lane);
}

struct release {
	struct burst *b;
	struct tx_items *out; /* SIDE_TO */
	uint16_t room; /* packets that may still be given away */
};

/* Give away what may go, each vif in its turn. */
static void release(struct qos *q, const struct snapshot *cfg, enum side side, struct release *r,
	uint64_t now_ns)
{
	uint16_t n = q->n_active[side], at = q->first_active[side];

	q->due_ns[side] = 0;
	for (uint16_t i = 0; i < n && q->n_active[side] > 0; i++) {
		uint16_t vif_id;
		const struct held *h = NULL;

		if (at >= q->n_active[side])
			at = 0;
		vif_id = q->active[side][at];
		while (r->room > 0 && q->queue[side][vif_id].n > 0
			&& (h = take_ready(q, cfg, side, vif_id, now_ns)) != NULL) {
			if (r->out != NULL) {
				struct tx_item item = h->item;

				item.pkt = r->b->n;
				r->out->item[r->out->n++] = item;
			}
			r->b->pkt[r->b->n++] = h->pkt;
			r->room--;
		}
		if (r->room == 0 && q->n_active[side] > 0) {
			q->due_ns[side] = now_ns; /* perhaps; the next turn will know */
			break;
		}
		if (q->queue[side][vif_id].n > 0)
			at++; /* else the last one has taken its place, and its turn */
	}
	q->first_active[side] = at;
}

/* From a vif. */

/* Does packet @p of a limited vif have to wait, or to go? */
static bool must_leave(struct qos *q, const struct snapshot *cfg, struct pkt *p, uint64_t now_ns)
{
	const struct snap_meter *m = snapshot_meter(cfg, p->in_vif, SNAP_METER_FROM);
	struct queue *w = &q->queue[SIDE_FROM][p->in_vif];
	bool is_behind = w->n > 0 || w->released_in == q->turn;
	uint64_t due_ns;

	if (p->drop != DROP_NONE || (m == NULL && !is_behind))
		return false;
	if (!is_behind && may_pass(w, m, wire_len(p), now_ns, &due_ns)) {
		pass(w, m, wire_len(p));
		return false;
	}
	if (hold(q, SIDE_FROM, p->in_vif, m, &(struct held){ .pkt = *p, .len = wire_len(p) }))
		return true;
	pkt_drop(p, DROP_RATE_LIMIT);
	return false;
}

void qos_from(struct qos *q, const struct snapshot *cfg, struct burst *b, uint64_t now_ns)
{
	uint16_t n_rx = b->n, n, kept = 0;
	struct release r = { .b = b, .room = MIN(RELEASE_MAX, BURST_RX_MAX) };

	q->turn++;
	if (LIKELY((cfg->has_meters & 1u << SNAP_METER_FROM) == 0 && q->n_active[SIDE_FROM] == 0))
		return;
	release(q, cfg, SIDE_FROM, &r, now_ns); /* first, to make room */
	n = b->n;
	for (uint16_t i = 0; i < n; i++) {
		if (i < n_rx && must_leave(q, cfg, &b->pkt[i], now_ns))
			continue;
		if (kept != i)
			b->pkt[kept] = b->pkt[i];
		kept++;
	}
	b->n = kept;
	release(q, cfg, SIDE_FROM, &r, now_ns);
}

/* To a vif. */

static void share(struct rte_mbuf *m)
{
	for (; m != NULL; m = m->next)
		rte_mbuf_refcnt_update(m, 1);
}

/* Does the copy @item of @p to a limited vif have to wait?  It is lost when that is not possible. */
static bool must_wait(struct qos *q, const struct snapshot *cfg, const struct pkt *p,
	struct tx_item *item, uint64_t now_ns)
{
	const struct snap_meter *m = snapshot_meter(cfg, item->out_vif, SNAP_METER_TO);
	struct queue *w = &q->queue[SIDE_TO][item->out_vif];
	uint64_t due_ns;

	if (m == NULL && w->n == 0)
		return false;
	if (w->n == 0 && may_pass(w, m, wire_len(p), now_ns, &due_ns)) {
		pass(w, m, wire_len(p));
		return false;
	}
	if (hold(q, SIDE_TO, item->out_vif, m,
		    &(struct held){ .pkt = *p, .item = *item, .len = wire_len(p) }))
		share(p->m);
	else
		item->drop = DROP_TX_RATE_LIMIT;
	return true;
}

void qos_to(struct qos *q, const struct snapshot *cfg, const struct burst *b, struct tx_items *out,
	struct tx_items *lost, uint64_t now_ns)
{
	uint32_t n = out->n, kept = 0;

	if (LIKELY((cfg->has_meters & 1u << SNAP_METER_TO) == 0 && q->n_active[SIDE_TO] == 0))
		return;
	for (uint32_t i = 0; i < n; i++) {
		struct tx_item item = out->item[i];

		if (!must_wait(q, cfg, &b->pkt[item.pkt], &item, now_ns))
			out->item[kept++] = item;
		else if (item.drop != DROP_NONE)
			lost->item[lost->n++] = item;
	}
	out->n = kept;
}

void qos_release(struct qos *q, const struct snapshot *cfg, struct burst *b, struct tx_items *out,
	uint64_t now_ns)
{
	struct release r = { .b = b, .out = out, .room = RELEASE_MAX };

	if (LIKELY(q->n_active[SIDE_TO] == 0)) {
		q->due_ns[SIDE_TO] = 0;
		return;
	}
	release(q, cfg, SIDE_TO, &r, now_ns);
}

uint32_t qos_held(const struct qos *q)
{
	return q->n_held;
}

bool qos_keeps_from(const struct qos *q, uint16_t vif_id)
{
	return q->queue[SIDE_FROM][vif_id].n > 0;
}

uint64_t qos_due_ns(const struct qos *q)
{
	uint64_t from_ns = q->due_ns[SIDE_FROM], to_ns = q->due_ns[SIDE_TO];

	if (from_ns == 0 || to_ns == 0)
		return MAX(from_ns, to_ns);
	return MIN(from_ns, to_ns);
}

void qos_destroy(struct qos *q)
{
	if (q == NULL)
		return;
	for (unsigned side = 0; side < SIDES; side++)
		while (q->n_active[side] > 0) {
			uint16_t vif_id = q->active[side][0];
			struct queue *w = &q->queue[side][vif_id];

			rte_pktmbuf_free(take(q, (enum side)side, vif_id, next_lane(q, w))->pkt.m);
		}
	free(q);
}

struct qos *qos_create(void)
{
	struct qos *q = calloc(1, sizeof(*q));

	for (uint16_t i = 0; q != NULL && i < QOS_HELD_MAX; i++)
		q->held[i].next = i + 1 < QOS_HELD_MAX ? (uint16_t)(i + 1) : NONE;
	return q;
}
