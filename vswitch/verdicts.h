/* SPDX-License-Identifier: Apache-2.0 */
/* verdicts.h - hand decisions about flows between kernel netdevs to the programs in the kernel.
 *
 * What it is: the engine's side of SEGMENT_VERDICT; see vswitch/abi/verdicts.h for its form and who
 * reads it.  A verdict is a copy of what the pipeline has just done with one packet, with the reasons
 * it can lose beside it; the pipeline never reads one back.
 * Life:
 *   1. verdicts_attach() to the mapped segment, new or of a dead engine: nothing in it counts any more;
 *   2. verdicts_note() after each round of the pipeline, verdicts_note_router() before its router;
 *      verdicts_flush() whenever anything changes that the tables do not know of (configuration, vifs,
 *      captures); verdicts_set_until() for vifs that may cease to forward;
 *   3. verdicts_detach(): what was noted goes on without an engine.
 * Limits: VERDICT_VIF_MAX and VERDICT_FLOW_VIF_MAX for what comes in by one vif; within a set a vif takes the place of one that
 * has at least as many as itself, so that a guest with many flows costs itself alone.
 * Thread: the worker that owns the tables; verdicts_want() any. */
#pragma once

#include "bridge/ct.h"
#include "bridge/fdb.h"
#include "bridge/neigh.h"
#include "bridge/snapshot.h"
#include "vif/capture.h"
#include "vif/vif.h"
#include "vswitch/abi/verdicts.h"

#define VERDICT_VIF_MAX (VERDICT_SETS * VERDICT_WAYS / 8)
#define VERDICT_FLOW_VIF_MAX (VERDICT_FLOW_SETS * VERDICT_WAYS / 8)
/* Packets of a connection, both ways, before the kernel is told of it: short ones are not worth it. */
#define VERDICT_FLOW_AFTER 8

struct verdicts {
	uint8_t *elems; /* the segment */
	uint32_t generation;
	uint16_t n_of_vif[VIF_ID_MAX]; /* of this generation, by the vif they come in by */
	uint16_t n_flows_of_vif[VIF_ID_MAX];
	uint32_t flow_after; /* VERDICT_FLOW_AFTER; tests have less patience */
};

/* What a round of the pipeline has decided by. */
struct verdict_reasons {
	const struct snapshot *cfg;
	const struct vif_table *vifs;
	const struct capture_set *captures;
	const struct fdb *fdb;
	const struct ct *ct; /* NULL: nothing is routed by connections */
	const struct neigh_table *neigh;
};

/* NULL with @e. */
struct verdicts *verdicts_attach(void *segment, size_t size, struct err *e);
void verdicts_detach(struct verdicts *v);
/* Everything noted so far stops to count, before the next packet. */
void verdicts_flush(struct verdicts *v);
/* Is @p, on its way to .dst_vif, what verdicts_note() notes?  Of @why the table is not looked at. */
bool verdicts_want(const struct verdict_reasons *why, const struct pkt *p);
/* @vif_id, which the configuration has watched (SNAPSHOT_PORT_WATCHED), may forward until @until_ns. */
void verdicts_set_until(struct verdicts *v, uint16_t vif_id, uint64_t until_ns);
/* Note what became of the packets of @b whose copies are in @out and were sent. */
void verdicts_note(struct verdicts *v, const struct verdict_reasons *why, const struct burst *b,
	const struct tx_items *out);
/* Note what bridge_split() found to be the router's. */
void verdicts_note_router(
	struct verdicts *v, const struct verdict_reasons *why, const struct burst *b);
