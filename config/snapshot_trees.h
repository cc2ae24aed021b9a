/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_trees.h - what the engine is told of spanning trees; for config/snapshot_build.c. */
#pragma once

#include "config/model.h"
#include "vswitch/abi/snapshot_msg.h"

/* false: there is nothing to say. */
bool snapshot_stp_net(const struct network_cfg *n, struct snap_stp *out);
/* @n: the vif's network, NULL: none. */
bool snapshot_stp_vif(const struct vif_cfg *v, const struct network_cfg *n, bool is_tenant,
	struct snap_stp_port *out);
