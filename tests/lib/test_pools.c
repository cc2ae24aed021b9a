/* SPDX-License-Identifier: Apache-2.0 */
/* test_pools.c - EAL and mempools for tests: no root, no hugepages, no files.
 *
 * From: tests.  To: DPDK.  Thread: one. */
#include "tests/lib/test_pools.h"

#include "vswitch/base/base.h"
#include "vswitch/base/check.h"

#include <rte_eal.h>
#include <rte_mbuf.h>

void test_pools(struct rte_mempool **small, struct rte_mempool **big)
{
	static struct rte_mempool *pools[2];
	char *args[] = { (char[]){ "test" }, (char[]){ "--no-huge" }, (char[]){ "--no-pci" },
		(char[]){ "--no-shconf" }, (char[]){ "--no-telemetry" }, (char[]){ "-m" },
		(char[]){ "64" }, (char[]){ "-l" }, (char[]){ "0" },
		(char[]){ "--log-level=error" } };

	if (pools[0] == NULL) {
		CHECK(rte_eal_init(ARRAY_LEN(args), args) >= 0);
		pools[0] = rte_pktmbuf_pool_create(
			"small", 4095, 0, 0, 2048 + RTE_PKTMBUF_HEADROOM, 0);
		pools[1] = rte_pktmbuf_pool_create("big", 255, 0, 0, 65535, 0);
		CHECK(pools[0] != NULL && pools[1] != NULL);
	}
	*small = pools[0];
	*big = pools[1];
}
