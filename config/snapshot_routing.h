/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_routing.h - what the engine is told of routers; for config/snapshot_build.c. */
#pragma once

#include "config/snapshot_layout.h"
#include "vswitch/abi/snapshot_msg.h"

/* Routers, addresses, routes and forwards, in the order of the message; counts them in @hdr. */
void snapshot_routing_add(
	struct layout *l, const struct model *m, const struct actual *actual, struct snap_hdr *hdr);
