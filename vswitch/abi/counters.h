/* SPDX-License-Identifier: Apache-2.0 */
/* counters.h - the counter segment: fixed slots, readable while the engine runs and after it died.
 *
 * Life: the daemon makes the memfd (sealed against resizing) and maps it read-only; the engine
 * writes.  One writer per slot: worker w owns vif[w][*].  Values only grow, over restarts of the
 * engine too; readers use relaxed atomic loads and add the workers up.  The daemon never follows
 * anything it reads here; it only prints numbers. */
#pragma once

#include "vswitch/abi/drop_reasons.h"
#include "vswitch/abi/limits.h"
#include "vswitch/abi/stages.h"

/* "rx" is what the switch receives from the vif, "tx" what it sends to it. */
struct vif_counters {
	uint64_t rx_packets;
	uint64_t rx_bytes; /* frame bytes as on the vif: no FCS, GSO frames whole */
	uint64_t tx_packets;
	uint64_t tx_bytes;
	uint64_t fdb_learned;
	uint64_t fdb_moved;
	uint64_t fdb_refused; /* not learned: quota of vif or network */
	uint64_t rx_csum_filled; /* checksums completed or segments made in software for this vif */
	uint64_t mcast_refused; /* groups and sources not taken: limit of vif or network */
	uint64_t reserved[7];
	/* Index: enum drop_reason; counted on the vif the packet came from, except TX_* and
	 * MTU_EXCEEDED, which are counted on the vif it should have left by. */
	uint64_t drops[DROP_REASON_MAX];
};
static_assert(sizeof(struct vif_counters) == 896, "layout is shared");

struct worker_counters {
	uint64_t bursts;
	uint64_t packets;
	uint64_t polls; /* turns of the loop */
	uint64_t sleeps; /* times it went to sleep */
	uint64_t wakeups; /* times a notification ended the sleep */
	uint64_t busy_ns; /* time in turns that found packets */
	uint64_t no_mbuf; /* failed allocations */
	uint64_t denied_syscalls; /* control thread: calls refused by the filter */
	uint64_t ct_evicted; /* connections that made room for others */
	uint64_t busy_cycles; /* of the time stamp counter, with busy_ns */
	uint64_t hops; /* packets given to the worker that owns the tables */
	/* The last period of a second or more that ended with a packet. */
	uint64_t period_end_ns; /* CLOCK_MONOTONIC */
	uint64_t period_busy_ns; /* what busy_ns was then */
	uint64_t period_permille; /* of the period it was busy */
	uint64_t period_cycles; /* a packet, in it */
	uint64_t reserved[1];
};

/* While somebody asks (ENGINE_MSG_MEASURE).  Cycles are of the time stamp counter. */
struct stage_counters {
	uint64_t packets; /* that passed LEARN */
	uint64_t rx_cycles; /* receiving them */
	uint64_t cycles[STAGES_MAX]; /* by enum stage */
	uint64_t reserved[6];
};
static_assert(STAGE_N <= STAGES_MAX, "");

struct counters_segment {
	uint64_t magic; /* COUNTERS_MAGIC once the engine has written the header */
	uint32_t size; /* sizeof(struct counters_segment) */
	uint32_t n_workers;
	uint64_t reserved[6];
	struct worker_counters worker[WORKERS_MAX];
	struct vif_counters vif[WORKERS_MAX][VIF_ID_MAX];
	struct stage_counters stage[WORKERS_MAX];
};

#define COUNTERS_MAGIC UINT64_C(0x31746e636b6c6b73) /* "sklkcnt1" */
