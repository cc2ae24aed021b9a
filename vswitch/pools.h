/* SPDX-License-Identifier: Apache-2.0 */
/* pools.h - the packet buffers of the engine.
 *
 * Sending is synchronous (the kernel copies), so buffers are in use during one burst only, and a
 * worker's spares apart none stay with a vif: a handful serves any number of vifs, and no vif can
 * keep more than a burst from the others.  What waits for a neighbour is bounded (bridge/neigh.c), and
 * so is what waits for a rate (bridge/qos.h).
 * Copies made while segmenting come from the small pool. */
#pragma once

#include "vswitch/base/base.h"
#include "vswitch/base/err.h"

struct rte_mempool;

/* 2 KiB each; 512 may wait for neighbours, 384 for fragments,
 * 1,024 for rates */
#define POOL_SMALL_PER_WORKER 2816u
/* 64 KiB each: spares of rx, one burst, 32 that wait for neighbours, 32 unfinished floods, 64 that
 * wait for rates */
#define POOL_BIG_PER_WORKER 288u
/* Of each worker that is not the only one: on their way to another, vswitch/hop.h */
#define POOL_SMALL_HOPS 512u
#define POOL_BIG_HOPS 96u

struct pools {
	struct rte_mempool *small_pool;
	struct rte_mempool *big_pool;
};

/* After EAL, before the filters: 0 or -errno with @e. */
[[nodiscard]] int pools_create(struct pools *p, unsigned n_workers, struct err *e);
