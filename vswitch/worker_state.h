/* SPDX-License-Identifier: Apache-2.0 */
/* worker_state.h - what a worker is; shared by worker.c (its turns) and worker_calls.c (what control has it do).
 * Thread: as the members say. */
#pragma once

#include "vswitch/worker.h"

#include <pthread.h>
#include <stdatomic.h>

#define QUEUE_TURN_MAX 32
#define HOT_MAX (VIF_ID_MAX * VIF_QUEUES_MAX) /* every queue there can be: none is ever left out */

struct hot_queue {
	struct vif *vif;
	struct vif_queue *queue;
};

struct worker {
	/* the worker's own */
	struct vif_io io;
	const struct worker_config *cfg;
	struct pipeline *pipeline;
	struct burst burst;
	uint32_t n_hot;
	uint32_t first_hot; /* of the next turn */
	uint64_t look_at_ns; /* a cold queue wants to be polled then; 0: none does */
	struct hot_queue hot[HOT_MAX];
	struct worker_counters counters_own; /* until there is a segment */
	struct stage_counters stages_own; /* likewise */
	struct vif_counters *vif_counters_own;
	int epoll_fd;
	bool has_ended;
	bool has_told; /* of events of spanning trees */
	bool is_waiting; /* for the owner of the tables, in this turn */
	const struct vif *leaving; /* not received from: one of its queues goes to another worker */
	struct stage_counters *stages;
	uint64_t measure_until_ns; /* 0: stages are not measured */
	uint64_t stage_began; /* time stamp */
	struct pipeline_trace stage_clock;
	uint64_t turn_cycles; /* time stamp at its beginning */
	struct {
		uint64_t began_ns, busy_ns, cycles, packets; /* the counters at its beginning */
	} period;
	/* shared */
	_Atomic bool has_call;
	_Atomic uint64_t calls_done;
	_Atomic uint64_t dead[VIF_ID_MAX / 64]; /* set by the worker, taken by control */
	_Atomic int start_rc; /* 1: not started yet */
	/* control */
	void (*call)(struct worker *w, void *arg);
	void *call_arg;
	uint64_t calls_asked;
	int peek_rc; /* written in a call, read behind it */
	int wake_fd;
	pthread_t thread;
	struct worker_params params;
};

/* Do the tables belong to this worker? */
static inline bool is_owner(const struct worker *w)
{
	return w->params.index == 0;
}

/* Hot list. */

static inline void queue_heat(struct worker *w, struct vif *v, struct vif_queue *q)
{
	if (q->is_polled || w->n_hot == HOT_MAX)
		return;
	q->is_polled = true;
	q->turn_max = QUEUE_TURN_MAX;
	q->last_busy_ns = w->io.now_ns;
	w->hot[w->n_hot++] = (struct hot_queue){ .vif = v, .queue = q };
}

static inline void queue_unlist(struct worker *w, uint32_t i)
{
	w->hot[i].queue->is_polled = false;
	w->hot[i] = w->hot[--w->n_hot];
}

static inline bool is_mine(const struct worker *w, const struct vif_queue *q)
{
	return __atomic_load_n(&q->worker, __ATOMIC_RELAXED) == w->params.index;
}
