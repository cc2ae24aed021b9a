/* SPDX-License-Identifier: Apache-2.0 */
/* worker.h - one thread that receives from its queues, runs the pipeline and sends.
 *
 * Life: worker_create() before the filters; worker_start() makes the thread, which installs its own
 * filter and then waits for work; worker_stop() ends it (tests; the engine itself just exits).
 * Configuration: struct worker_config is immutable and published as a whole.  The control thread
 * calls worker_run_call(), which runs a function in the worker between two bursts and returns when
 * it has run; when worker_publish() returns, no worker uses the old configuration any more, so that
 * the caller may free what only the old one held.
 * Threads: control calls everything here; workers run the calls. */
#pragma once

#include "bridge/snapshot.h"
#include "vif/capture.h"
#include "vif/vif.h"
#include "vswitch/pipeline.h"
#include "vswitch/pools.h"

struct worker_config {
	const struct snapshot *snapshot; /* NULL: nothing is forwarded yet */
	const struct vif_table *vifs;
	const struct capture_set *captures;
};

struct worker;

struct worker_params {
	unsigned index;
	unsigned n_workers;
	const struct pools *pools;
	bool is_pinned; /* to .cpu */
	int cpu;
	bool is_polling; /* never sleeps */
	struct hops *hops; /* of all workers; NULL: this is the only one */
	int event_fd; /* of the control thread: written when a vif has died */
	int (*confine)(void); /* called by the thread before its first turn */
};

struct worker *worker_create(const struct worker_params *params, struct err *e);
void worker_destroy(struct worker *w);
[[nodiscard]] int worker_start(struct worker *w, struct err *e);
void worker_stop(struct worker *w);

/* Run @call(@w, @arg) in the worker's thread between two bursts; returns when it has run. */
void worker_run_call(struct worker *w, void (*call)(struct worker *w, void *arg), void *arg);
/* Make all @n workers use @cfg. */
void worker_publish(struct worker *const *workers, unsigned n, const struct worker_config *cfg);
/* Queue @index of @v, which is published or about to be, has another fd to sleep on, and perhaps something
 * to receive; -1: none.  Returns when its worker uses it. */
void worker_set_queue_fd(struct worker *w, struct vif *v, unsigned index, int fd);
/* Returns when @w is in no burst that began before. */
void worker_pass(struct worker *w);
/* From now on count into @counters; learn into @fdb; keep connections in @ct, neighbours in @neigh.
 * Tables are worker 0's; the others look into @fdb: 0 or -ENOMEM. */
void worker_set_counters(struct worker *w, struct counters_segment *counters);
[[nodiscard]] int worker_set_fdb(struct worker *w, struct fdb *fdb);
void worker_set_ct(struct worker *w, struct ct *ct);
void worker_set_neigh(struct worker *w, struct neigh_table *neigh);
void worker_set_verdicts(struct worker *w, struct verdicts *verdicts);
/* Keep what spanning trees know in @segment of SEGMENT_STP_SIZE bytes. */
void worker_set_stp(struct worker *w, void *segment);
/* Count cycles by stage until then; 0: do not. */
void worker_measure(struct worker *w, uint64_t until_ns);
/* In the worker's thread only: in a call. */
struct fdb *worker_fdb(const struct worker *w);
struct ct *worker_ct(const struct worker *w); /* NULL: there is no segment */
struct neigh_table *worker_neigh(const struct worker *w);
struct mdb *worker_mdb(const struct worker *w);
struct stp_run *worker_stp(const struct worker *w);
/* The next event of spanning trees; false: there is none. */
bool worker_take_event(struct worker *w, struct stp_event *out);
/* Have @to receive from @q of @v, which @from does now; returns when it does.  No frame overtakes another. */
void worker_move_queue(struct worker *from, struct worker *to, struct vif *v, struct vif_queue *q);
/* Take the id of the next vif whose fd failed for good; false: there is none. */
bool worker_take_dead(struct worker *w, uint16_t *vif_id);
