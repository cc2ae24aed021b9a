/* SPDX-License-Identifier: Apache-2.0 */
/* fib.h - which route does an address take?  One immutable table for each ingress network. */
#pragma once

#include "vswitch/abi/snapshot_msg.h"

/* Addresses from here on (to the next range) take the route; in host order, so they compare. */
struct fib_range {
	uint64_t hi, lo;
	uint16_t route; /* index of the route, FIB_NONE: none */
};
#define FIB_NONE UINT16_MAX

/* Ranges that @n routes may need at most. */
#define FIB_RANGES_MAX(n) (2u * (n) + 3u)

struct fib {
	const struct fib_range *range; /* the first begins at :: */
	uint16_t n; /* 0: no table */
};

/* Make the table of the routes with @in_network in @out (FIB_RANGES_MAX of their number); returns
 * how many ranges it has. */
uint16_t fib_build(
	const struct snap_route *routes, uint16_t n, uint16_t in_network, struct fib_range *out);

/* Index of the route that @addr takes, or FIB_NONE. */
uint16_t fib_find(const struct fib *f, const uint8_t addr[16]);

/* Does the prefix @addr/@len (own family) contain @which? */
bool fib_prefix_has(const uint8_t addr[16], uint8_t len, const uint8_t which[16]);
/* Is @addr IPv4, as v4-mapped? */
bool fib_addr_is_v4(const uint8_t addr[16]);
