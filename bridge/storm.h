/* SPDX-License-Identifier: Apache-2.0 */
/* storm.h - how many frames a vif may have flooded: unknown unicast, broadcast, multicast.
 *
 * A frame counts once, with the one who sent it, however many copies it becomes; a GSO frame counts
 * its segments.  Known unicast does not count.  Thread: worker. */
#pragma once

#include "bridge/meter.h"
#include "bridge/snapshot.h"
#include "vif/burst.h"

struct storm {
	struct meter meter[VIF_ID_MAX][SNAP_METER_N];
};

/* Drop what a vif floods beyond its meters. */
void storm_run(struct storm *s, const struct snapshot *cfg, struct burst *b, uint64_t now_ns);
