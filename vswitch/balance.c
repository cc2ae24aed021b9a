/* SPDX-License-Identifier: Apache-2.0 */
/* balance.c - spread queues over workers by what they cost; see balance.h.
 *
 * From: ctl.c (time), ctl_apply.c (new vifs, snapshots).  To: worker_move_queue().
 * Theory: a worker's load is the part of the time in which its turns found packets; a queue's is its part of that,
 * by packets.  One queue moves at a time, and only if that makes the busier of the two less busy than it was: so a
 * queue that is a whole load by itself stays where it is, and nothing swings back and forth; its worker, busy as it
 * is, does not keep others from giving.  A worker must be found busy in UNEVEN_RUNS runs, since a short peak is over
 * before a move pays.
 * Invariants: no queue moves of a vif whose sending is limited, but to join the others of that vif.
 * Thread: control. */
#include "vswitch/balance.h"

#include "vswitch/base/clock.h"

#define BUSY_PERMILLE 800
#define IDLE_PERMILLE 500
#define UNEVEN_RUNS 2

static uint64_t load(const uint64_t *slot)
{
	return __atomic_load_n(slot, __ATOMIC_RELAXED);
}

static unsigned worker_of(const struct vif_queue *q)
{
	return __atomic_load_n(&q->worker, __ATOMIC_RELAXED);
}

/* Then one worker measures what it sends, and may keep some of that for later. */
static bool is_limited(const struct snapshot *cfg, const struct vif *v)
{
	return cfg != NULL && snapshot_meter(cfg, v->id, SNAP_METER_FROM) != NULL;
}

void balance_place(const struct balance *b, const struct vif_table *vifs,
	const struct snapshot *cfg, struct vif *v)
{
	uint32_t n_of[WORKERS_MAX] = { 0 };

	for (unsigned i = 0; i < vifs->n; i++) {
		const struct vif *other = vifs->by_id[vifs->ids[i]];

		for (unsigned k = 0; other->id != v->id && k < other->n_queues; k++)
			n_of[worker_of(&other->queue[k])]++;
	}
	for (unsigned k = 0; k < v->n_queues; k++) {
		unsigned best = 0;

		if (k > 0 && is_limited(cfg, v)) {
			v->queue[k].worker = v->queue[0].worker;
			continue;
		}
		/* a tenth of the time weighs as much as any number of quiet queues */
		for (unsigned w = 1; w < b->n_workers; w++) {
			uint32_t busy = b->permille[w] / 100, least = b->permille[best] / 100;

			if (busy < least || (busy == least && n_of[w] < n_of[best]))
				best = w;
		}
		__atomic_store_n(&v->queue[k].worker, (uint16_t)best, __ATOMIC_RELAXED);
		n_of[best]++;
	}
}

void balance_gather(
	const struct balance *b, const struct vif_table *vifs, const struct snapshot *cfg)
{
	for (unsigned i = 0; i < vifs->n; i++) {
		struct vif *v = vifs->by_id[vifs->ids[i]];
		unsigned home = worker_of(&v->queue[0]);

		for (unsigned k = 1; is_limited(cfg, v) && k < v->n_queues; k++)
			if (worker_of(&v->queue[k]) != home)
				worker_move_queue(b->workers[worker_of(&v->queue[k])],
					b->workers[home], v, &v->queue[k]);
	}
}

struct choice {
	struct vif *vif;
	struct vif_queue *queue;
};

static uint64_t packets_since(const struct vif_queue *q)
{
	return load(&q->n_packets) - q->n_packets_before;
}

/* What worker @w has received since the last run. */
static uint64_t packets_of(const struct vif_table *vifs, unsigned w)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < vifs->n; i++) {
		const struct vif *v = vifs->by_id[vifs->ids[i]];

		for (unsigned k = 0; k < v->n_queues; k++)
			if (worker_of(&v->queue[k]) == w)
				sum += packets_since(&v->queue[k]);
	}
	return sum;
}

/* The queue of worker @from whose load is nearest to half of @gap and below it. */
static struct choice choose(
	const struct balance *b, const struct worker_config *cfg, unsigned from, uint32_t gap)
{
	uint64_t sum = packets_of(cfg->vifs, from), best_off = UINT64_MAX;
	struct choice best = { NULL, NULL };

	for (unsigned i = 0; i < cfg->vifs->n; i++) {
		struct vif *v = cfg->vifs->by_id[cfg->vifs->ids[i]];

		for (unsigned k = 0; k < v->n_queues && !is_limited(cfg->snapshot, v); k++) {
			uint64_t n = packets_since(&v->queue[k]), part, off;

			if (worker_of(&v->queue[k]) != from || n == 0 || sum == 0)
				continue;
			part = b->permille[from] * n / sum;
			off = part > gap / 2 ? part - gap / 2 : gap / 2 - part;
			if (part == 0 || part >= gap || off >= best_off)
				continue;
			best_off = off;
			best = (struct choice){ v, &v->queue[k] };
		}
	}
	return best;
}

static void measure(struct balance *b, const struct worker_counters *counters, uint64_t now_ns)
{
	for (unsigned w = 0; w < b->n_workers; w++) {
		uint64_t busy_ns = load(&counters[w].busy_ns);

		if (now_ns > b->at_ns && b->at_ns != 0)
			b->permille[w] = (uint32_t)MIN(
				(busy_ns - b->busy_ns[w]) * 1000 / (now_ns - b->at_ns),
				(uint64_t)1000);
		b->busy_ns[w] = busy_ns;
	}
	b->at_ns = now_ns;
}

static void remember(const struct vif_table *vifs)
{
	for (unsigned i = 0; i < vifs->n; i++) {
		struct vif *v = vifs->by_id[vifs->ids[i]];

		for (unsigned k = 0; k < v->n_queues; k++)
			v->queue[k].n_packets_before = load(&v->queue[k].n_packets);
	}
}

/* The idlest worker while another is busy and it is not; else -1. */
static int idlest(const struct balance *b)
{
	unsigned most = 0, least = 0;

	for (unsigned w = 1; w < b->n_workers; w++) {
		most = b->permille[w] > b->permille[most] ? w : most;
		least = b->permille[w] < b->permille[least] ? w : least;
	}
	return b->permille[most] > BUSY_PERMILLE && b->permille[least] < IDLE_PERMILLE ? (int)least
										       : -1;
}

/* To the idlest worker from the busiest that has something to give: the busiest of all may not. */
static bool even_out(struct balance *b, const struct worker_config *cfg)
{
	struct choice best = { NULL, NULL };
	int to = idlest(b);
	unsigned from = 0;

	b->n_uneven = to < 0 ? 0 : b->n_uneven + 1;
	if (b->n_uneven < UNEVEN_RUNS)
		return false;
	for (unsigned w = 0; w < b->n_workers; w++) {
		struct choice c;

		if (b->permille[w] <= BUSY_PERMILLE
			|| (best.vif != NULL && b->permille[w] <= b->permille[from]))
			continue;
		c = choose(b, cfg, w, b->permille[w] - b->permille[to]);
		if (c.vif != NULL) {
			best = c;
			from = w;
		}
	}
	if (best.vif == NULL)
		return false;
	worker_move_queue(b->workers[from], b->workers[to], best.vif, best.queue);
	b->n_uneven = 0;
	b->n_moved++;
	return true;
}

bool balance_run(struct balance *b, const struct worker_config *cfg,
	const struct worker_counters *counters, uint64_t now_ns)
{
	bool has_moved;

	measure(b, counters, now_ns);
	has_moved = even_out(b, cfg);
	remember(cfg->vifs);
	return has_moved;
}
