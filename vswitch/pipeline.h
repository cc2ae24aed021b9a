/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline.h - the life of a burst; the worker and the tests run the same one.
 *
 * Life: pipeline_create() once per worker; pipeline_set_config() and pipeline_set_fdb() between two
 * bursts; pipeline_run() for each burst.  What is set stays the caller's and must live until it is
 * replaced.  Thread: the worker's, all of it. */
#pragma once

#include "bridge/fdb.h"
#include "bridge/mdb.h"
#include "bridge/router.h"
#include "bridge/snapshot.h"
#include "bridge/stp_run.h"
#include "vif/capture.h"
#include "vif/vif.h"
#include "vswitch/abi/stages.h"
#include "vswitch/hop.h"
#include "vswitch/verdicts.h"

struct stage_text {
	const char *name;
	const char *doc;
};
extern const struct stage_text stage_texts[STAGE_N];

struct pipeline;

/* Called behind each stage while set; what it sees is read-only.  For docs/packet-walk.md's test,
 * and the seam of `saklar trace`. */
struct pipeline_trace {
	void (*stage)(void *arg, enum stage stage, const struct burst *b);
	void *arg;
	bool is_clock; /* looks at no packet: the kernel may have them */
};

/* @io: lent for good; its now_ns is the time of each burst.  NULL: no memory. */
struct pipeline *pipeline_create(struct vif_io *io);
void pipeline_destroy(struct pipeline *l);

/* Use another configuration from the next burst on.  @cfg NULL: nothing is forwarded; @captures
 * may be NULL. */
void pipeline_set_config(struct pipeline *l, const struct snapshot *cfg,
	const struct vif_table *vifs, const struct capture_set *captures);
/* Use another table; NULL: nothing is learned and everything is flooded. */
void pipeline_set_fdb(struct pipeline *l, struct fdb *fdb);
/* One of several workers: number @worker, of which 0 owns the tables.  The others look into the owner's table that
 * pipeline_peek_fdb() names, and give what that does not settle to the owner by @hops.  Before the first packet. */
void pipeline_set_hops(struct pipeline *l, struct hops *hops, unsigned worker);
/* 0 or -ENOMEM. */
[[nodiscard]] int pipeline_peek_fdb(struct pipeline *l, const struct fdb *fdb);
struct fdb *pipeline_fdb(const struct pipeline *l);
/* For dumps, between two bursts. */
struct mdb *pipeline_mdb(const struct pipeline *l);

/* Use another table of connections; NULL: nothing can be translated. */
void pipeline_set_ct(struct pipeline *l, struct ct *ct);
struct ct *pipeline_ct(const struct pipeline *l);
/* Use another table of neighbours, before the first packet; it must live as long as @l. */
void pipeline_set_neigh(struct pipeline *l, struct neigh_table *neigh);
/* NULL: every packet is this pipeline's own. */
void pipeline_set_verdicts(struct pipeline *l, struct verdicts *verdicts);
/* For dumps and flushes, between two bursts. */
struct neigh_table *pipeline_neigh(const struct pipeline *l);
/* When pipeline_run() is to be called, with an empty burst if need be; 0: never. */
uint64_t pipeline_due_ns(const struct pipeline *l);

/* For dumps, events, and a segment before the first configuration. */
struct stp_run *pipeline_stp(const struct pipeline *l);

/* Packets kept between bursts: unfinished floods, those that wait for a neighbour or for a rate. */
uint32_t pipeline_held(const struct pipeline *l);

/* Are packets from @vif_id among them, which later ones must not overtake? */
bool pipeline_keeps(const struct pipeline *l, uint16_t vif_id);

/* @trace NULL (the default): none; it must live until replaced. */
void pipeline_set_trace(struct pipeline *l, const struct pipeline_trace *trace);

/* Run @b, which holds what rx gave; empty afterwards. */
void pipeline_run(struct pipeline *l, struct burst *b);
