/* SPDX-License-Identifier: Apache-2.0 */
/* test_pools.h - packet buffers for tests. */
#pragma once

struct rte_mempool;

/* Mempools of the process: 2 KiB and 64 KiB of room; EAL is made at the first call. */
void test_pools(struct rte_mempool **small, struct rte_mempool **big);
