/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_port.h - what the engine is told of a vif's flags; for config/snapshot_build.c. */
#pragma once

#include "config/model.h"
#include "vswitch/abi/snapshot_msg.h"

#define SNAPSHOT_PORT_FLAGS_FLOOD (SNAP_PORT_FLOOD | SNAP_PORT_MCAST_FLOOD | SNAP_PORT_BCAST_FLOOD)
/* A leg behaves as a bridge's own port does: it gets everything that is flooded. */
#define SNAPSHOT_PORT_FLAGS_DEFAULT (SNAP_PORT_LEARN | SNAPSHOT_PORT_FLAGS_FLOOD)

/* enum snap_port_flag, but for those that say what the vif is doing now. */
uint32_t snapshot_port_flags(const struct vif_cfg *v);
