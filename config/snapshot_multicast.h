/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_multicast.h - what the engine is told of multicast; for config/snapshot_build.c. */
#pragma once

#include "config/model.h"

/* False: there is nothing to tell. */
bool snapshot_multicast_net(const struct network_cfg *n, struct snap_mcast *out);
bool snapshot_multicast_vif(const struct vif_cfg *v, bool is_tenant, struct snap_mcast *out);
void snapshot_multicast_entry(const struct vif_cfg *v, unsigned i, struct snap_mcast *out);
