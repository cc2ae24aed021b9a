/* SPDX-License-Identifier: Apache-2.0 */
/* worker_calls.c - what the control thread has workers do: use another configuration, tables, queues.
 *
 * From: ctl.c, ctl_apply.c, ctl_vhost.c, balance.c.  To: worker.c, which runs the calls between two bursts; pipeline.c.
 * Theory: a queue moves in three steps: its worker lets go of it; when nothing of its vif is under way any more (to
 * the owner of the tables, or kept for later turns), so that order is kept, the new one takes it.  Meanwhile the
 * old one does not receive from the vif's other queues either: what they send could be under way for ever.
 * Invariants: a queue is in the lists of the worker that it names, or of none.
 * Thread: control asks; static functions named call_ run in the worker's. */
#include "vswitch/base/clock.h"
#include "vswitch/base/log.h"
#include "vswitch/worker_state.h"

#include <rte_cycles.h>

#include <errno.h>
#include <sys/epoll.h>
#include <time.h>

LOG_MODULE("worker");

#define MOVE_WAIT_NS 200000
#define MOVE_TRIES 5000 /* a second: somebody is stuck, and order is the least worry */

static uint64_t queue_token(const struct vif *v, const struct vif_queue *q)
{
	return ((uint64_t)v->id << 16) | (uint64_t)(q->index + 1u);
}

static void queue_epoll(struct worker *w, const struct vif *v, const struct vif_queue *q)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = queue_token(v, q) };
	int fd = v->ops->wait_fd(q);

	if (fd >= 0 && epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		LOG_WARN("event=epoll_failed vif=%s errno=%d", v->name, errno);
}

static void vif_remove(struct worker *w, struct vif *v)
{
	for (uint32_t i = w->n_hot; i-- > 0;)
		if (w->hot[i].vif == v)
			queue_unlist(w, i);
	for (unsigned i = 0; i < v->n_queues; i++)
		if (is_mine(w, &v->queue[i]) && v->queue[i].fd >= 0)
			epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, v->queue[i].fd, NULL);
	/* a report that nobody has taken yet must not be about the next vif with this id */
	atomic_fetch_and_explicit(
		&w->dead[v->id / 64], ~(UINT64_C(1) << (v->id % 64)), memory_order_relaxed);
}

static void vif_insert(struct worker *w, struct vif *v)
{
	for (unsigned i = 0; i < v->n_queues; i++) {
		if (!is_mine(w, &v->queue[i]))
			continue;
		queue_epoll(w, v, &v->queue[i]);
		queue_heat(w, v, &v->queue[i]);
	}
}

static void call_publish(struct worker *w, void *arg)
{
	static const struct vif_table none;
	const struct worker_config *cfg = arg;
	/* Before the first snapshot nobody knows where frames go: those that wait in the sockets while
	 * an engine is replaced stay there. */
	const struct vif_table *before = w->cfg && w->cfg->snapshot ? w->cfg->vifs : &none;
	const struct vif_table *after = cfg->snapshot ? cfg->vifs : &none;

	w->io.now_ns = clock_now_ns();
	for (unsigned i = 0; i < before->n; i++)
		if (after->by_id[before->ids[i]] != before->by_id[before->ids[i]])
			vif_remove(w, before->by_id[before->ids[i]]);
	for (unsigned i = 0; i < after->n; i++)
		if (before->by_id[after->ids[i]] != after->by_id[after->ids[i]])
			vif_insert(w, after->by_id[after->ids[i]]);
	w->cfg = cfg;
	pipeline_set_config(w->pipeline, cfg->snapshot, cfg->vifs, cfg->captures);
}

struct queue_change {
	struct vif *v;
	unsigned index;
	int fd;
};

static void call_queue_fd(struct worker *w, void *arg)
{
	const struct queue_change *change = arg;
	struct vif *v = change->v;
	struct vif_queue *q = &v->queue[change->index];

	w->io.now_ns = clock_now_ns();
	for (uint32_t i = w->n_hot; i-- > 0;)
		if (w->hot[i].queue == q)
			queue_unlist(w, i);
	if (q->fd >= 0) /* perhaps not there any more */
		epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, q->fd, NULL);
	q->fd = change->fd;
	__atomic_store_n(&q->is_dead, false, __ATOMIC_RELAXED);
	__atomic_store_n(&q->is_reported, false, __ATOMIC_RELAXED);
	/* else it is done when the vif is published */
	if (w->cfg->snapshot && w->cfg->vifs->by_id[v->id] == v && q->fd >= 0) {
		queue_epoll(w, v, q);
		queue_heat(w, v, q);
	}
}

static void call_pass(struct worker *, void *)
{
	/* that it runs is all */
}

static void call_counters(struct worker *w, void *arg)
{
	struct counters_segment *seg = arg;

	w->io.vif_counters = seg->vif[w->params.index];
	w->io.worker_counters = &seg->worker[w->params.index];
	w->stages = &seg->stage[w->params.index];
	w->period.packets = w->io.worker_counters->packets;
	w->period.cycles = w->io.worker_counters->busy_cycles;
	w->period.busy_ns = w->io.worker_counters->busy_ns;
	w->period.began_ns = clock_now_ns();
}

static void call_fdb(struct worker *w, void *arg)
{
	w->io.now_ns = clock_now_ns();
	if (is_owner(w))
		pipeline_set_fdb(w->pipeline, arg);
	else
		w->peek_rc = pipeline_peek_fdb(w->pipeline, arg);
}

static void call_ct(struct worker *w, void *arg)
{
	w->io.now_ns = clock_now_ns();
	pipeline_set_ct(w->pipeline, arg);
}

static void call_neigh(struct worker *w, void *arg)
{
	w->io.now_ns = clock_now_ns();
	pipeline_set_neigh(w->pipeline, arg);
}

static void call_verdicts(struct worker *w, void *arg)
{
	pipeline_set_verdicts(w->pipeline, arg);
}

static void call_stp(struct worker *w, void *arg)
{
	if (stp_run_attach(pipeline_stp(w->pipeline), arg, SEGMENT_STP_SIZE) < 0)
		LOG_WARN("event=stp_segment_refused");
}

/* Behind a stage: the time since the one before it was its own. */
static void stage_end(void *arg, enum stage stage, const struct burst *b)
{
	struct worker *w = arg;
	struct stage_counters *c = w->stages;
	uint64_t now = rte_rdtsc();

	__atomic_store_n(
		&c->cycles[stage], c->cycles[stage] + now - w->stage_began, __ATOMIC_RELAXED);
	if (stage == STAGE_LEARN)
		__atomic_store_n(&c->packets, c->packets + b->n, __ATOMIC_RELAXED);
	w->stage_began = now;
}

static void call_measure(struct worker *w, void *arg)
{
	const uint64_t *until_ns = arg;

	w->measure_until_ns = *until_ns;
	w->stage_clock = (struct pipeline_trace){ .stage = stage_end, .arg = w, .is_clock = true };
	pipeline_set_trace(w->pipeline, *until_ns != 0 ? &w->stage_clock : NULL);
}

struct move {
	struct vif *vif;
	struct vif_queue *queue;
	bool is_under_way;
};

static void call_leave(struct worker *w, void *arg)
{
	const struct move *m = arg;

	for (uint32_t i = w->n_hot; i-- > 0;)
		if (w->hot[i].queue == m->queue)
			queue_unlist(w, i);
	if (m->queue->fd >= 0)
		epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, m->queue->fd, NULL);
	__atomic_store_n(&m->queue->worker, VIF_NO_WORKER, __ATOMIC_RELAXED);
	w->leaving = m->vif;
}

static void call_has_left(struct worker *w, void *)
{
	w->leaving = NULL;
}

static void call_is_under_way(struct worker *w, void *arg)
{
	struct move *m = arg;

	m->is_under_way = pipeline_keeps(w->pipeline, m->vif->id);
	if (is_owner(w))
		return;
	hop_settle(w->params.hops, w->params.index);
	m->is_under_way |= hop_is_under_way(w->params.hops, w->params.index, m->vif->id);
}

static void call_join(struct worker *w, void *arg)
{
	const struct move *m = arg;

	__atomic_store_n(&m->queue->worker, (uint16_t)w->params.index, __ATOMIC_RELAXED);
	if (!w->cfg->snapshot || w->cfg->vifs->by_id[m->vif->id] != m->vif)
		return; /* it is taken up when the vif is published */
	w->io.now_ns = clock_now_ns();
	queue_epoll(w, m->vif, m->queue);
	queue_heat(w, m->vif, m->queue);
}

void worker_move_queue(struct worker *from, struct worker *to, struct vif *v, struct vif_queue *q)
{
	const struct timespec t = { .tv_nsec = MOVE_WAIT_NS };
	struct move m = { .vif = v, .queue = q };

	worker_run_call(from, call_leave, &m);
	for (unsigned i = 0; i < MOVE_TRIES; i++) {
		worker_run_call(from, call_is_under_way, &m);
		if (!m.is_under_way)
			break;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
	}
	worker_run_call(from, call_has_left, NULL);
	worker_run_call(to, call_join, &m);
	LOG_INFO("event=queue_moved vif=%s queue=%u from=%u to=%u", v->name, q->index,
		from->params.index, to->params.index);
}

void worker_publish(struct worker *const *workers, unsigned n, const struct worker_config *cfg)
{
	for (unsigned i = 0; i < n; i++) {
		union {
			const void *in;
			void *out;
		} arg = { .in = cfg }; /* calls take any argument; this one is only read */

		worker_run_call(workers[i], call_publish, arg.out);
	}
}

void worker_set_queue_fd(struct worker *w, struct vif *v, unsigned index, int fd)
{
	struct queue_change change = { .v = v, .index = index, .fd = fd };

	worker_run_call(w, call_queue_fd, &change);
}

void worker_pass(struct worker *w)
{
	worker_run_call(w, call_pass, NULL);
}

void worker_measure(struct worker *w, uint64_t until_ns)
{
	worker_run_call(w, call_measure, &until_ns);
}

void worker_set_counters(struct worker *w, struct counters_segment *counters)
{
	worker_run_call(w, call_counters, counters);
}

int worker_set_fdb(struct worker *w, struct fdb *fdb)
{
	worker_run_call(w, call_fdb, fdb);
	return w->peek_rc;
}

void worker_set_ct(struct worker *w, struct ct *ct)
{
	worker_run_call(w, call_ct, ct);
}

void worker_set_neigh(struct worker *w, struct neigh_table *neigh)
{
	worker_run_call(w, call_neigh, neigh);
}

void worker_set_verdicts(struct worker *w, struct verdicts *verdicts)
{
	worker_run_call(w, call_verdicts, verdicts);
}

void worker_set_stp(struct worker *w, void *segment)
{
	worker_run_call(w, call_stp, segment);
}

struct stp_run *worker_stp(const struct worker *w)
{
	return pipeline_stp(w->pipeline);
}

struct ct *worker_ct(const struct worker *w)
{
	return pipeline_ct(w->pipeline);
}

struct neigh_table *worker_neigh(const struct worker *w)
{
	return pipeline_neigh(w->pipeline);
}

struct mdb *worker_mdb(const struct worker *w)
{
	return pipeline_mdb(w->pipeline);
}

struct fdb *worker_fdb(const struct worker *w)
{
	return pipeline_fdb(w->pipeline);
}
