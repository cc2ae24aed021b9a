/* SPDX-License-Identifier: Apache-2.0 */
/* balance.h - which worker receives from which queue.
 *
 * Life: balance_place() for a new vif, before it is published; balance_run() once in BALANCE_EVERY_NS when there are
 * several workers; balance_gather() before a snapshot is published.
 * Thread: control, all of it. */
#pragma once

#include "vswitch/base/clock.h"
#include "vswitch/worker.h"

#define BALANCE_EVERY_NS NS_PER_SEC

struct balance {
	struct worker *const *workers;
	unsigned n_workers;
	uint64_t at_ns; /* of the last run */
	uint64_t busy_ns[WORKERS_MAX]; /* counters at that time */
	uint32_t permille[WORKERS_MAX]; /* of the time between the last two runs */
	unsigned n_uneven; /* runs in a row that found one busy and one idle */
	uint64_t n_moved;
};

/* Give the queues of @v, which nobody knows yet, to those who have least to do.  @cfg may be NULL. */
void balance_place(const struct balance *b, const struct vif_table *vifs,
	const struct snapshot *cfg, struct vif *v);
/* Measure; when a worker has stayed busy while another is idle, move one queue.  True: it has. */
bool balance_run(struct balance *b, const struct worker_config *cfg,
	const struct worker_counters *counters, uint64_t now_ns);
/* What a vif may send is measured by one worker: have all queues of those that @cfg limits with one. */
void balance_gather(
	const struct balance *b, const struct vif_table *vifs, const struct snapshot *cfg);
