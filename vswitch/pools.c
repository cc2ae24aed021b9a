/* SPDX-License-Identifier: Apache-2.0 */
/* pools.c - mempools for small and big mbufs.
 *
 * From: engine.c.  To: EAL memory (hugepages, or anonymous pages without).
 * Theory: small pools start fast (populating is linear in their size) and stay in the caches.
 * Thread: control, once; allocation from them is thread-safe. */
#include "vswitch/pools.h"

#include "vswitch/hop.h"

#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#define SMALL_ROOM (RTE_PKTMBUF_HEADROOM + 2048)
#define BIG_ROOM UINT16_MAX
#define SMALL_CACHE 64
#define BIG_CACHE 16

int pools_create(struct pools *p, unsigned n_workers, struct err *e)
{
	unsigned n_small = n_workers * POOL_SMALL_PER_WORKER + (n_workers - 1) * POOL_SMALL_HOPS;
	unsigned n_big = n_workers * POOL_BIG_PER_WORKER + (n_workers - 1) * POOL_BIG_HOPS;

	static_assert(POOL_SMALL_HOPS >= HOP_SLOTS && POOL_BIG_HOPS >= HOP_BIG_MAX, "enough");
	p->small_pool = rte_pktmbuf_pool_create(
		"small", n_small, SMALL_CACHE, 0, SMALL_ROOM, SOCKET_ID_ANY);
	if (!p->small_pool)
		return err_set(e, -rte_errno, "pool.small", "%s", rte_strerror(rte_errno));
	p->big_pool = rte_pktmbuf_pool_create("big", n_big, BIG_CACHE, 0, BIG_ROOM, SOCKET_ID_ANY);
	if (!p->big_pool)
		return err_set(e, -rte_errno, "pool.big", "%s", rte_strerror(rte_errno));
	return 0;
}
