/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_mcast.c - checks what the daemon says about multicast.
 *
 * From: bridge/snapshot.c.  To: bridge/mdb.c.
 * Theory: a network without a record does not snoop; a vif without one has the defaults of a port
 * of the Linux bridge.
 * Invariants: intervals are not zero, so that nothing is asked for ever; static entries name groups
 * that are snooped, on ports of their network.
 * Thread: control; immutable afterwards. */
#include "bridge/snapshot_mcast.h"

#include "vswitch/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *network_fault(const struct snapshot *s, const struct snap_mcast *r)
{
	const struct snap_mcast_network *n = &r->network;

	if (r->flags & ~SNAP_MCAST_NETWORK_FLAGS)
		return "multicast record with an unknown flag";
	if (s->mcast->net[r->network_id].is_on)
		return "two multicast records of a network";
	if (n->query_ms == 0 || n->response_ms == 0 || n->membership_ms == 0 || n->querier_ms == 0
		|| n->startup_ms == 0 || n->last_member_ms == 0)
		return "multicast interval of zero";
	if (n->mac[0] & 1)
		return "querier's MAC is a group address";
	return NULL;
}

static void take_network(struct mcast_net *to, const struct snap_mcast *r)
{
	const struct snap_mcast_network *n = &r->network;

	*to = (struct mcast_net){ .is_on = true,
		.is_querier = (r->flags & SNAP_MCAST_QUERIER) != 0,
		.is_per_vlan = (r->flags & SNAP_MCAST_PER_VLAN) != 0,
		.has_filters
		= { (r->flags & SNAP_MCAST_IGMP3) != 0, (r->flags & SNAP_MCAST_MLD2) != 0 },
		.network_id = r->network_id,
		.limit = n->limit,
		.startup_count = n->startup_count,
		.last_member_count = n->last_member_count,
		.query_ns = n->query_ms * NS_PER_MS,
		.response_ns = n->response_ms * NS_PER_MS,
		.membership_ns = n->membership_ms * NS_PER_MS,
		.querier_ns = n->querier_ms * NS_PER_MS,
		.startup_ns = n->startup_ms * NS_PER_MS,
		.last_member_ns = n->last_member_ms * NS_PER_MS };
	memcpy(to->mac, n->mac, sizeof(to->mac));
}

static const char *vif_fault(const struct snapshot *s, const struct snap_mcast *r)
{
	const struct snap_port *port = snapshot_port(s, r->vif.vif_id);

	if (port == NULL || port->network_id != r->network_id)
		return "multicast record of a vif that is not in this network";
	if (r->flags & ~SNAP_MCAST_VIF_FLAGS)
		return "multicast record with an unknown flag";
	if (r->vif.router >= SNAP_MCAST_ROUTER_N)
		return "multicast router setting is unknown";
	return NULL;
}

/* Everybody is to hear these: they are never snooped. */
static bool is_for_all(const uint8_t g[16])
{
	static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t all_nodes[16] = { 0xff, 2, [15] = 1 };

	if (memcmp(g, v4_mapped, sizeof(v4_mapped)) == 0)
		return g[12] >> 4 != 0xe || (g[12] == 224 && g[13] == 0 && g[14] == 0);
	if (g[0] == 1) /* a MAC */
		return (g[10] & 1) == 0 || (g[10] & g[11] & g[12] & g[13] & g[14] & g[15]) == 0xff;
	return g[0] != 0xff || memcmp(g, all_nodes, 16) == 0;
}

static const char *entry_fault(const struct snapshot *s, const struct snap_mcast *r)
{
	const struct snap_port *port = snapshot_port(s, r->entry.vif_id);

	if (port == NULL || port->network_id != r->network_id)
		return "multicast entry of a vif that is not in this network";
	if (r->flags & ~SNAP_MCAST_ENTRY_FLAGS)
		return "multicast record with an unknown flag";
	if (r->entry.vid > 4094)
		return "multicast entry with a VID out of range";
	if (is_for_all(r->entry.group))
		return "multicast entry for an address that is no group, or everybody's";
	return NULL;
}

static const char *take_one(struct snapshot *s, const struct snap_mcast *r)
{
	const char *fault = "kind of a multicast record is unknown";

	if (r->network_id == NETWORK_ID_NONE || r->network_id >= NETWORK_ID_MAX
		|| s->network[r->network_id].conf.network_id == NETWORK_ID_NONE)
		return "multicast record of a network that does not exist";
	switch (r->kind) {
	case SNAP_MCAST_NETWORK:
		fault = network_fault(s, r);
		if (fault == NULL)
			take_network(&s->mcast->net[r->network_id], r);
		break;
	case SNAP_MCAST_VIF:
		fault = vif_fault(s, r);
		if (fault == NULL)
			s->mcast->vif[r->vif.vif_id] = (struct mcast_vif){ .router = r->vif.router,
				.is_fast_leave = (r->flags & SNAP_MCAST_FAST_LEAVE) != 0,
				.limit = r->vif.limit,
				.rate = r->vif.rate };
		break;
	case SNAP_MCAST_ENTRY:
		fault = entry_fault(s, r);
		if (fault == NULL)
			s->mcast->entry[s->mcast->n_entries++] = *r;
		break;
	default: break;
	}
	return fault;
}

int snapshot_take_mcast(struct snapshot *s, const uint8_t *at, uint32_t n, struct err *e)
{
	if (n == 0)
		return 0;
	s->mcast = calloc(1, sizeof(*s->mcast) + n * sizeof(s->mcast->entry[0]));
	if (s->mcast == NULL)
		return err_set(e, -ENOMEM, "snapshot", "no memory for what is said of multicast");
	for (uint32_t i = 0; i < n; i++) {
		struct snap_mcast r;
		const char *fault;
		char path[32];

		memcpy(&r, at + i * sizeof(r), sizeof(r));
		fault = take_one(s, &r);
		if (fault == NULL)
			continue;
		snprintf(path, sizeof(path), "network.#%u", r.network_id);
		return err_set(e, -EINVAL, path, "snapshot refused: %s", fault);
	}
	return 0;
}
