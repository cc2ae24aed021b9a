/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_station.h - whose addresses the engine may tell; for config/snapshot_build.c. */
#pragma once

#include "config/actual.h"
#include "config/model.h"
#include "vswitch/abi/snapshot_msg.h"

/* Of the networks with a vif that is to be spared questions; how many, at most STATIONS_MAX.  @out: to be
 * freed, in the order of the snapshot, one of each network and address.  No memory: none. */
unsigned snapshot_stations(
	const struct model *m, const struct actual *actual, struct snap_station **out);
