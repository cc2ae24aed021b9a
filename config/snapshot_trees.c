/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_trees.c - records of spanning trees for the engine; see snapshot_trees.h.
 *
 * From: config/snapshot_build.c.  To: bridge/snapshot_stp.c, in the engine.
 * Thread: the daemon has one. */
#include "config/snapshot_trees.h"

#include <string.h>

bool snapshot_stp_net(const struct network_cfg *n, struct snap_stp *out)
{
	const struct stp_cfg *s = &n->stp;

	*out = (struct snap_stp){ .network_id = n->id,
		.priority = s->priority,
		.version = s->mode == STP_RSTP ? 2 : 0,
		.hello_s = s->hello_s,
		.max_age_s = s->max_age_s,
		.forward_delay_s = s->forward_delay_s };
	memcpy(out->mac, s->mac.b, sizeof(out->mac));
	return s->mode != STP_OFF;
}

/* An uplink speaks for all that is behind it, which nobody's loop may cut off unless that was asked for. */
static uint8_t port_flags(const struct vif_cfg *v, bool is_tenant)
{
	const struct stp_port_cfg *s = &v->stp;
	bool is_protected = s->loop_protect == LOOP_PROTECT_AUTO
		? is_tenant && !v->is_uplink
		: s->loop_protect == LOOP_PROTECT_ON;

	return (uint8_t)((s->edge == STP_EDGE_ON ? SNAP_STP_EDGE : 0u)
		| (s->edge != STP_EDGE_OFF ? SNAP_STP_AUTO_EDGE : 0u)
		| (s->has_bpdu_guard ? SNAP_STP_BPDU_GUARD : 0u)
		| (s->has_root_guard ? SNAP_STP_ROOT_GUARD : 0u)
		| (is_protected ? SNAP_STP_LOOP_PROTECT : 0u));
}

bool snapshot_stp_vif(const struct vif_cfg *v, const struct network_cfg *n, bool is_tenant,
	struct snap_stp_port *out)
{
	const unsigned alone
		= SNAP_STP_BPDU_GUARD | SNAP_STP_LOOP_PROTECT; /* without a tree, too */

	*out = (struct snap_stp_port){ .vif_id = v->id,
		.priority = v->stp.priority,
		.flags = port_flags(v, is_tenant),
		.cost = v->stp.cost };
	return n != NULL && (n->stp.mode != STP_OFF || (out->flags & alone) != 0);
}
