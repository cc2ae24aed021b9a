/* SPDX-License-Identifier: Apache-2.0 */
/* router.h - a port of the bridge that runs before the bridge: routes, translates, answers.
 *
 * Life: router_create() once per worker; router_set_ct(), router_set_neigh() when the
 * segments are there; router_sync()
 * whenever the snapshot changed; router_run() for each burst, also for an empty one when
 * router_due_ns() has come, so that who does not answer ARP is asked again.
 * Threads: one worker, all of it. */
#pragma once

#include "bridge/ct.h"
#include "bridge/fdb.h"
#include "bridge/neigh.h"

struct router;

/* What a run works with. */
struct router_io {
	const struct snapshot *cfg;
	struct burst *b;
	const struct fdb *fdb; /* NULL: everything routed is flooded */
	struct rte_mempool *pool;
	uint64_t now_ns;
};

struct router *router_create(void);
void router_destroy(struct router *r);
/* NULL: nothing can be translated. */
void router_set_ct(struct router *r, struct ct *ct);
struct ct *router_ct(const struct router *r);
/* Another table than its own, which is empty still; it must live as long as @r. */
void router_set_neigh(struct router *r, struct neigh_table *neigh);
struct neigh_table *router_neigh(const struct router *r);
/* Packets that wait in here. */
uint32_t router_held(const struct router *r);
void router_sync(struct router *r, const struct snapshot *cfg, uint64_t now_ns);

/* Route what bridge_split() has marked, in arrival order; what the router sends itself is put into
 * the burst behind what caused it.  Routed packets have the egress network, no in_vif, and .dst_vif
 * when the FDB knows it. */
void router_run(struct router *r, const struct router_io *io);

/* When router_run() is to be called even without packets; 0: never. */
uint64_t router_due_ns(const struct router *r);
