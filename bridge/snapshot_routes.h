/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_routes.h - the part of a snapshot that routes; for bridge/snapshot.c. */
#pragma once

#include "bridge/snapshot.h"

/* Where the lists go; they live as long as the snapshot. */
struct route_room {
	struct snapshot *s;
	struct snap_addr *addrs;
	uint8_t (*host_addrs)[16];
	struct snap_route *routes;
	struct snap_forward *forwards;
	struct snap_addr *pools;
	uint16_t *maps;
	struct fib_range *ranges;
};

/* Validate and index routers, addresses, routes and forwards at @at, which @hdr has counted.  The
 * networks and ports are there already.  0 or -EINVAL with @e. */
[[nodiscard]] int snapshot_take_routes(const struct route_room *room, const uint8_t *at,
	const struct snap_hdr *hdr, struct err *e);
