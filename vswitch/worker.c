/* SPDX-License-Identifier: Apache-2.0 */
/* worker.c - one thread: a burst from all ready queues, the pipeline, and sleep when there is none.
 *
 * From: engine.c (start), ctl.c (calls).  To: vif types (rx), pipeline.c.
 * Theory: a queue is hot (polled every turn) or cold.  A hot queue that gave nothing for
 * QUEUE_IDLE_NS goes cold; an event makes it hot again.  All queues are in epoll all the time,
 * level-triggered: what waits in a cold queue is always told, and a queue that changes its
 * temperature costs no call (figures: docs/performance.md).  While hot queues exist, epoll is
 * asked without waiting every EPOLL_EVERY turns, so that cold ones wait a few microseconds at most;
 * when none are left the thread sleeps.  1,000 idle vifs cost nothing.
 * Fairness: at most QUEUE_TURN_MAX packets a queue and turn; the next turn begins behind the queue
 * with which this one ended.  A queue of super-frames gives fewer, about TURN_BYTES, so that they are
 * sent while the cache still holds them.
 * Invariants: the configuration changes only between bursts, in worker_run_call(); a queue is in
 * hot[] exactly when .is_polled.
 * Thread: as worker.h says; members below "control" belong to the control thread. */
#include "vswitch/worker.h"

#include "vif/bell.h"
#include "vif/drop.h"
#include "vif/io_scratch.h"
#include "vswitch/base/check.h"
#include "vswitch/base/clock.h"
#include "vswitch/base/log.h"
#include "vswitch/worker_state.h"

#include <rte_cycles.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

LOG_MODULE("worker");

#define QUEUE_IDLE_NS (5 * NS_PER_US)
#define TURN_BYTES (256u << 10) /* what rx fills and tx reads again: to stay in a core's L2 cache */
#define EPOLL_EVERY 8
#define EPOLL_EVENTS 64
#define CALL_WAIT_NS 20000

static void store(uint64_t *slot, uint64_t value)
{
	__atomic_store_n(slot, value, __ATOMIC_RELAXED);
}

static void count(uint64_t *slot, uint64_t n)
{
	__atomic_store_n(slot, *slot + n, __ATOMIC_RELAXED);
}

static void call_end(struct worker *w, void *)
{
	w->has_ended = true;
}

static void calls_run(struct worker *w)
{
	if (!atomic_load_explicit(&w->has_call, memory_order_acquire))
		return;
	w->call(w, w->call_arg);
	atomic_store_explicit(&w->has_call, false, memory_order_relaxed);
	atomic_fetch_add_explicit(&w->calls_done, 1, memory_order_release);
}

/* Turns. */

static void dead_report(struct worker *w, const struct vif *v, struct vif_queue *q)
{
	static const uint64_t one = 1;
	uint64_t bit = UINT64_C(1) << (v->id % 64);

	if (is_mine(w, q)) /* its error would wake us for ever */
		epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, q->fd, NULL);
	if (__atomic_exchange_n(&q->is_reported, true, __ATOMIC_RELAXED))
		return; /* by another worker, which met it when it sent */
	atomic_fetch_or_explicit(&w->dead[v->id / 64], bit, memory_order_release);
	if (write(w->params.event_fd, &one, sizeof(one)) < 0)
		LOG_WARN("event=notify_failed errno=%d", errno);
}

static void queue_cool(struct worker *w, uint32_t i)
{
	struct vif *v = w->hot[i].vif;
	struct vif_queue *q = w->hot[i].queue;

	queue_unlist(w, i);
	if (vif_queue_is_dead(q))
		dead_report(w, v, q);
	else if (q->look_at_ns != 0 && (w->look_at_ns == 0 || q->look_at_ns < w->look_at_ns))
		w->look_at_ns = q->look_at_ns;
}

/* @n packets came where @asked were wanted: how many to want next time.  Returns their bytes. */
static uint32_t queue_adapt(struct vif_queue *q, const struct pkt *pkts, uint16_t n, uint16_t asked)
{
	uint32_t bytes = 0;

	for (uint16_t i = 0; i < n; i++)
		bytes += pkts[i].len;
	if (bytes > TURN_BYTES)
		q->turn_max = (uint16_t)MAX(n * (uint64_t)TURN_BYTES / bytes, 1u);
	else if (n == asked && bytes < TURN_BYTES / 2)
		q->turn_max = (uint16_t)MIN(q->turn_max * 2, QUEUE_TURN_MAX);
	return bytes;
}

/* Packets that may be received in this turn. */
static uint16_t turn_room(const struct worker *w)
{
	struct hops *hops = w->params.hops;

	if (LIKELY(hops == NULL))
		return BURST_RX_MAX;
	if (is_owner(w))
		return hops_wait(hops) ? BURST_RX_MAX - HOP_TURN_MAX : BURST_RX_MAX;
	hop_settle(hops, w->params.index);
	return hop_has_room(hops, w->params.index) ? BURST_RX_MAX : 0;
}

/* Must what @v sends wait: for what the owner of the tables still has of it, or for a queue that moves? */
static bool must_wait(const struct worker *w, const struct vif *v)
{
	if (LIKELY(w->params.hops == NULL))
		return false;
	return v == w->leaving
		|| (!is_owner(w) && hop_is_under_way(w->params.hops, w->params.index, v->id));
}

static bool is_idle(const struct worker *w, const struct vif_queue *q)
{
	return !w->params.is_polling && w->io.now_ns - q->last_busy_ns >= QUEUE_IDLE_NS;
}

/* Fill the burst from the hot queues, each in its turn. */
static void burst_fill(struct worker *w)
{
	struct burst *b = &w->burst;
	uint32_t i = w->first_hot;
	uint16_t room_all = turn_room(w);
	uint32_t bytes = 0;

	b->n = 0;
	w->is_waiting = room_all == 0;
	for (uint32_t left = w->n_hot; left > 0 && b->n < room_all && bytes < TURN_BYTES; left--) {
		struct hot_queue *h;
		uint16_t room, n;

		if (i >= w->n_hot)
			i = 0;
		h = &w->hot[i];
		if (UNLIKELY(must_wait(w, h->vif))) {
			h->queue->last_busy_ns = w->io.now_ns;
			w->is_waiting = true;
			i++;
			continue;
		}
		room = (uint16_t)MIN(h->queue->turn_max, room_all - b->n);
		n = h->vif->ops->rx(h->vif, h->queue, &w->io, b->pkt + b->n, room);
		if (n > 0) {
			bytes += queue_adapt(h->queue, b->pkt + b->n, n, room);
			b->n += n;
			count(&h->queue->n_packets, n);
			h->queue->last_busy_ns = w->io.now_ns;
			i++;
		} else if (vif_queue_is_dead(h->queue) || is_idle(w, h->queue)) {
			queue_cool(w, i); /* the last one takes its place and its turn */
		} else {
			i++;
		}
	}
	w->first_hot = i;
}

/* A dead fd may be noticed at tx first; its queue is then cold. */
static void dead_find(struct worker *w)
{
	const struct vif_table *vifs = w->cfg->vifs;

	w->io.saw_dead = false;
	for (unsigned i = 0; i < vifs->n; i++) {
		struct vif *v = vifs->by_id[vifs->ids[i]];

		for (unsigned k = 0; k < v->n_queues; k++)
			if (vif_queue_is_dead(&v->queue[k])
				&& !(is_mine(w, &v->queue[k]) && v->queue[k].is_polled))
				dead_report(w, v, &v->queue[k]);
	}
}

static void owner_wake(const struct worker *w)
{
	static const uint64_t one = 1;

	if (write(hops_wake_fd(w->params.hops), &one, sizeof(one)) < 0)
		LOG_WARN("event=notify_failed errno=%d", errno);
}

/* What a reader needs to say how busy we are, without anybody having to wake up for it. */
static void period_end(struct worker *w, uint64_t now_ns)
{
	struct worker_counters *c = w->io.worker_counters;
	uint64_t n = c->packets - w->period.packets;

	if (n > 0)
		store(&c->period_cycles, (c->busy_cycles - w->period.cycles) / n);
	store(&c->period_permille,
		(c->busy_ns - w->period.busy_ns) * 1000 / (now_ns - w->period.began_ns));
	store(&c->period_busy_ns, c->busy_ns);
	store(&c->period_end_ns, now_ns);
	w->period.packets = c->packets;
	w->period.cycles = c->busy_cycles;
	w->period.busy_ns = c->busy_ns;
	w->period.began_ns = now_ns;
}

/* Stages are measured: what came before the first was receiving. */
static void measure_begin(struct worker *w)
{
	struct stage_counters *c = w->stages;

	if (w->io.now_ns >= w->measure_until_ns) {
		w->measure_until_ns = 0;
		pipeline_set_trace(w->pipeline, NULL);
		return;
	}
	w->stage_began = rte_rdtsc();
	store(&c->rx_cycles, c->rx_cycles + w->stage_began - w->turn_cycles);
}

/* Behind the last stage packets are freed, which is its own. */
static void measure_end(struct worker *w)
{
	uint64_t *cycles = &w->stages->cycles[STAGE_DROP];

	store(cycles, *cycles + rte_rdtsc() - w->stage_began);
}

static void burst_run(struct worker *w)
{
	struct worker_counters *c = w->io.worker_counters;
	uint64_t now_ns;

	count(&c->bursts, 1);
	count(&c->packets, w->burst.n);
	if (UNLIKELY(w->measure_until_ns != 0))
		measure_begin(w);
	pipeline_run(w->pipeline, &w->burst);
	if (UNLIKELY(w->measure_until_ns != 0))
		measure_end(w);
	if (UNLIKELY(w->params.hops != NULL) && !is_owner(w)
		&& hop_publish(w->params.hops, w->params.index))
		owner_wake(w);
	if (UNLIKELY(w->io.saw_dead))
		dead_find(w);
	now_ns = clock_now_ns();
	count(&c->busy_ns, now_ns - w->io.now_ns);
	count(&c->busy_cycles, rte_rdtsc() - w->turn_cycles);
	if (UNLIKELY(now_ns - w->period.began_ns >= NS_PER_SEC))
		period_end(w, now_ns);
}

/* Is the pipeline to run although nothing was received? */
static bool is_due(const struct worker *w)
{
	uint64_t due_ns = pipeline_due_ns(w->pipeline);

	if (UNLIKELY(w->params.hops != NULL)) {
		if (is_owner(w) ? hops_wait(w->params.hops)
				: !hop_has_room(w->params.hops, w->params.index))
			return is_owner(w); /* else what is due could not be given to the owner */
	}
	return UNLIKELY(due_ns != 0) && due_ns <= w->io.now_ns;
}

/* How long the worker may sleep. */
static int sleep_ms(const struct worker *w)
{
	uint64_t due_ns = pipeline_due_ns(w->pipeline);

	if (w->look_at_ns != 0 && (due_ns == 0 || w->look_at_ns < due_ns))
		due_ns = w->look_at_ns;
	if (due_ns == 0)
		return -1;
	if (due_ns <= w->io.now_ns)
		return 0;
	return (int)MIN((due_ns - w->io.now_ns) / NS_PER_MS + 1, (uint64_t)1000);
}

/* Poll the cold queues that wanted to be by now; seldom, so that all may be looked through. */
static void looks_take(struct worker *w)
{
	const struct vif_table *vifs = w->cfg->vifs;

	w->look_at_ns = 0;
	for (unsigned i = 0; i < vifs->n; i++) {
		struct vif *v = vifs->by_id[vifs->ids[i]];

		for (unsigned k = 0; k < v->n_queues; k++) {
			struct vif_queue *q = &v->queue[k];

			if (!is_mine(w, q) || q->look_at_ns == 0 || q->is_polled)
				continue;
			if (q->look_at_ns > w->io.now_ns) {
				if (w->look_at_ns == 0 || q->look_at_ns < w->look_at_ns)
					w->look_at_ns = q->look_at_ns;
				continue;
			}
			q->look_at_ns = 0;
			queue_heat(w, v, q);
		}
	}
}

static void wake_drain(const struct worker *w)
{
	uint64_t n;

	if (read(w->wake_fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		LOG_WARN("event=wake_failed errno=%d", errno);
}

static void events_take(struct worker *w, int timeout_ms)
{
	struct epoll_event ev[EPOLL_EVENTS];
	int n = epoll_wait(w->epoll_fd, ev, EPOLL_EVENTS, timeout_ms);

	w->io.now_ns = clock_now_ns();
	for (int i = 0; i < n; i++) {
		uint16_t id = (uint16_t)(ev[i].data.u64 >> 16);
		unsigned index = (unsigned)(ev[i].data.u64 & 0xffff) - 1u;
		struct vif *v;

		if (ev[i].data.u64 == 0) {
			wake_drain(w);
			continue;
		}
		v = w->cfg->vifs->by_id[id];
		if (v && index < v->n_queues)
			queue_heat(w, v, &v->queue[index]);
	}
	if (n > 0 && timeout_ms != 0)
		count(&w->io.worker_counters->wakeups, 1);
}

/* Nothing is hot: wait for an event, unless other workers have brought something. */
static void idle(struct worker *w)
{
	struct hops *hops = is_owner(w) ? w->params.hops : NULL;

	if (hops != NULL && !hops_may_sleep(hops)) {
		events_take(w, 0);
		return;
	}
	count(&w->io.worker_counters->sleeps, 1);
	events_take(w, sleep_ms(w));
	if (hops != NULL)
		hops_awake(hops);
}

/* Something for the log: the control thread writes it.  It is told once until it has looked. */
static void events_tell(struct worker *w)
{
	static const uint64_t one = 1;

	if (w->has_told)
		return;
	w->has_told = true;
	if (write(w->params.event_fd, &one, sizeof(one)) < 0)
		LOG_WARN("event=notify_failed errno=%d", errno);
}

bool worker_take_event(struct worker *w, struct stp_event *out)
{
	w->has_told = false;
	return stp_run_take_event(pipeline_stp(w->pipeline), out);
}

static void worker_turn(struct worker *w, uint64_t turn)
{
	struct worker_counters *c = w->io.worker_counters;

	count(&c->polls, 1);
	if (w->n_hot == 0 && !w->params.is_polling) {
		idle(w);
	} else if (turn % EPOLL_EVERY == 0) {
		events_take(w, 0);
	} else {
		w->io.now_ns = clock_now_ns();
	}
	if (UNLIKELY(w->look_at_ns != 0) && w->look_at_ns <= w->io.now_ns)
		looks_take(w);
	w->turn_cycles = rte_rdtsc();
	burst_fill(w);
	if (w->burst.n > 0 || is_due(w))
		burst_run(w);
	else if (UNLIKELY(w->is_waiting)) /* perhaps for this very processor */
		(void)sched_yield();
	if (UNLIKELY(stp_run_has_event(pipeline_stp(w->pipeline))))
		events_tell(w);
}

/* 0 or -errno: there is no such processor, or not for us. */
static int pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return -pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void *worker_thread(void *arg)
{
	struct worker *w = arg;
	int rc = rte_thread_register() < 0 ? -ENOMEM : 0; /* lcore id: mempool caches */

	pthread_setname_np(pthread_self(), "worker"); /* naming another thread needs /proc */
	if (rc == 0 && w->params.is_pinned)
		rc = pin(w->params.cpu);
	if (rc == 0 && w->params.confine)
		rc = w->params.confine();
	atomic_store_explicit(&w->start_rc, rc, memory_order_release);
	for (uint64_t turn = 0; rc == 0 && !w->has_ended; turn++) {
		calls_run(w);
		if (LIKELY(!w->has_ended)) /* a turn may sleep for ever */
			worker_turn(w, turn);
	}
	return NULL;
}

/* Control thread. */

static void nap(void)
{
	const struct timespec t = { .tv_nsec = CALL_WAIT_NS };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

void worker_run_call(struct worker *w, void (*call)(struct worker *w, void *arg), void *arg)
{
	static const uint64_t one = 1;

	w->call = call;
	w->call_arg = arg;
	w->calls_asked++;
	atomic_store_explicit(&w->has_call, true, memory_order_release);
	CHECK(write(w->wake_fd, &one, sizeof(one)) == sizeof(one));
	while (atomic_load_explicit(&w->calls_done, memory_order_acquire) != w->calls_asked)
		nap();
}

bool worker_take_dead(struct worker *w, uint16_t *vif_id)
{
	for (unsigned i = 0; i < ARRAY_LEN(w->dead); i++) {
		uint64_t bits = atomic_load_explicit(&w->dead[i], memory_order_acquire);

		if (bits == 0)
			continue;
		atomic_fetch_and_explicit(&w->dead[i], ~(bits & -bits), memory_order_relaxed);
		*vif_id = (uint16_t)(i * 64 + (unsigned)__builtin_ctzll(bits));
		return true;
	}
	return false;
}

void worker_stop(struct worker *w)
{
	worker_run_call(w, call_end, NULL);
	pthread_join(w->thread, NULL);
}

int worker_start(struct worker *w, struct err *e)
{
	int rc = pthread_create(&w->thread, NULL, worker_thread, w);

	if (rc != 0)
		return err_set(e, -rc, "worker", "no thread");
	while ((rc = atomic_load_explicit(&w->start_rc, memory_order_acquire)) == 1)
		nap();
	if (rc < 0) {
		pthread_join(w->thread, NULL); /* on its way out, it must not outlive @w */
		return err_set(e, rc, "worker", "does not start: %s", strerror(-rc));
	}
	return 0;
}

void worker_destroy(struct worker *w)
{
	if (!w)
		return;
	pipeline_destroy(w->pipeline);
	io_scratch_destroy(w->io.scratch);
	bell_destroy(w->io.bell);
	free(w->vif_counters_own);
	if (w->wake_fd >= 0)
		close(w->wake_fd);
	if (w->epoll_fd >= 0)
		close(w->epoll_fd);
	free(w);
}

static int worker_init(struct worker *w)
{
	static const struct vif_table no_vifs;
	static const struct worker_config nothing = { .vifs = &no_vifs };
	struct epoll_event ev = { .events = EPOLLIN }; /* token 0: the wake-up */

	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->epoll_fd < 0 || w->wake_fd < 0
		|| epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, w->wake_fd, &ev) < 0)
		return -errno;
	w->stages = &w->stages_own;
	w->vif_counters_own = calloc(VIF_ID_MAX, sizeof(*w->vif_counters_own));
	w->io = (struct vif_io){
		.small_pool = w->params.pools->small_pool,
		.big_pool = w->params.pools->big_pool,
		.vif_counters = w->vif_counters_own,
		.worker_counters = &w->counters_own,
		.bell = bell_create(),
		.scratch = io_scratch_create(),
		.worker = (uint16_t)w->params.index,
		.polls = w->params.is_polling,
	};
	w->pipeline = pipeline_create(&w->io);
	if (!w->vif_counters_own || !w->io.bell || !w->io.scratch || !w->pipeline)
		return -ENOMEM;
	if (w->params.hops != NULL) {
		pipeline_set_hops(w->pipeline, w->params.hops, w->params.index);
		if (is_owner(w))
			hops_set_wake_fd(w->params.hops, w->wake_fd);
	}
	w->cfg = &nothing;
	pipeline_set_config(w->pipeline, nothing.snapshot, nothing.vifs, nothing.captures);
	return 0;
}

struct worker *worker_create(const struct worker_params *params, struct err *e)
{
	struct worker *w = calloc(1, sizeof(*w));
	int rc;

	if (!w) {
		err_set(e, -ENOMEM, "worker", "out of memory");
		return NULL;
	}
	w->params = *params;
	w->epoll_fd = -1;
	w->wake_fd = -1;
	atomic_init(&w->start_rc, 1);
	rc = worker_init(w);
	if (rc < 0) {
		err_set(e, rc, "worker", "cannot be made: %s", strerror(-rc));
		worker_destroy(w);
		return NULL;
	}
	return w;
}
