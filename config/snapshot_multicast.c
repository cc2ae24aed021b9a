/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_multicast.c - fills in what nobody said about multicast.
 *
 * From: snapshot_build.c.  Pure.
 * Invariants: bytes that say nothing are zero, so that equal snapshots are equal bytes.
 * Thread: the daemon has one. */
#include "config/snapshot_multicast.h"

#include <string.h>

static uint32_t either(uint32_t said, uint32_t otherwise)
{
	return said != 0 ? said : otherwise;
}

bool snapshot_multicast_net(const struct network_cfg *n, struct snap_mcast *out)
{
	static const struct multicast_intervals *const def = &multicast_defaults;
	const struct multicast_net_cfg *m = &n->multicast;
	const struct multicast_intervals *v = &m->intervals;
	bool is_tenant = n->profile == PROFILE_TENANT;
	struct snap_mcast_network *to = &out->network;

	if (m->is_off)
		return false;
	memset(out, 0, sizeof(*out));
	out->kind = SNAP_MCAST_NETWORK;
	out->network_id = n->id;
	out->flags = (uint8_t)((m->is_querier ? SNAP_MCAST_QUERIER : 0)
		| (m->is_per_vlan ? SNAP_MCAST_PER_VLAN : 0)
		| (m->igmp_version == 3 ? SNAP_MCAST_IGMP3 : 0)
		| (m->mld_version == 2 ? SNAP_MCAST_MLD2 : 0));
	to->limit = either(m->limit, is_tenant ? MULTICAST_LIMIT_TENANT : MULTICAST_LIMIT_PLAIN);
	to->query_ms = either(v->query_ms, def->query_ms);
	to->response_ms = either(v->response_ms, def->response_ms);
	to->membership_ms = either(v->membership_ms, def->membership_ms);
	to->querier_ms = either(v->querier_ms, def->querier_ms);
	to->startup_ms = either(v->startup_ms, def->startup_ms);
	to->last_member_ms = either(v->last_member_ms, def->last_member_ms);
	to->startup_count = (uint8_t)either(v->startup_count, def->startup_count);
	to->last_member_count = (uint8_t)either(v->last_member_count, def->last_member_count);
	memcpy(to->mac, mac_is_zero(&m->mac) ? n->leg_mac.b : m->mac.b, sizeof(to->mac));
	return true;
}

bool snapshot_multicast_vif(const struct vif_cfg *v, bool is_tenant, struct snap_mcast *out)
{
	const struct multicast_vif_cfg *m = &v->multicast;
	struct snap_mcast_vif *to = &out->vif;

	if (!is_tenant && m->router == 0 && !m->is_fast_leave && m->limit == 0 && m->rate == 0)
		return false;
	memset(out, 0, sizeof(*out));
	out->kind = SNAP_MCAST_VIF;
	out->network_id = v->network_id;
	out->flags = m->is_fast_leave ? SNAP_MCAST_FAST_LEAVE : 0;
	to->vif_id = v->id;
	to->router = m->router != 0 ? (uint8_t)(m->router - 1)
		: is_tenant         ? SNAP_MCAST_ROUTER_DENY
				    : SNAP_MCAST_ROUTER_AUTO;
	to->limit = either(m->limit, is_tenant ? MULTICAST_VIF_LIMIT_TENANT : 0);
	to->rate = either(m->rate, is_tenant ? MULTICAST_VIF_RATE_TENANT : 0);
	return true;
}

void snapshot_multicast_entry(const struct vif_cfg *v, unsigned i, struct snap_mcast *out)
{
	const struct multicast_group *g = &v->multicast.group[i];

	memset(out, 0, sizeof(*out));
	out->kind = SNAP_MCAST_ENTRY;
	out->network_id = v->network_id;
	out->flags = g->has_source ? SNAP_MCAST_HAS_SOURCE : 0;
	out->entry.vif_id = v->id;
	out->entry.vid = g->vid;
	memcpy(out->entry.group, g->group.b, sizeof(out->entry.group));
	if (g->has_source)
		memcpy(out->entry.source, g->source.b, sizeof(out->entry.source));
}
