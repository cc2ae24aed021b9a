/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_port.c - flags of a vif for the engine; see snapshot_port.h.
 *
 * From: config/snapshot_build.c.  To: bridge/snapshot.c, in the engine.
 * Thread: the daemon has one. */
#include "config/snapshot_port.h"

uint32_t snapshot_port_flags(const struct vif_cfg *v)
{
	uint32_t flags = SNAPSHOT_PORT_FLAGS_DEFAULT;

	if (v->no_learning)
		flags &= ~(uint32_t)SNAP_PORT_LEARN;
	if (v->no_flood)
		flags &= ~(uint32_t)SNAP_PORT_FLOOD;
	if (v->no_mcast_flood)
		flags &= ~(uint32_t)SNAP_PORT_MCAST_FLOOD;
	if (v->no_bcast_flood)
		flags &= ~(uint32_t)SNAP_PORT_BCAST_FLOOD;
	if (v->is_isolated)
		flags |= SNAP_PORT_ISOLATED;
	if (v->is_uplink)
		flags |= SNAP_PORT_UPLINK;
	if (v->is_neigh_suppressed)
		flags |= SNAP_PORT_NEIGH_SUPPRESS;
	if (v->is_hairpin)
		flags |= SNAP_PORT_HAIRPIN;
	if (v->is_locked)
		flags |= SNAP_PORT_LOCKED;
	if (v->vlan.is_access)
		flags |= SNAP_PORT_ACCESS;
	return flags;
}
