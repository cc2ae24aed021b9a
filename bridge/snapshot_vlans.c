/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_vlans.c - turns ranges of VLANs into a set for each port.
 *
 * From: bridge/snapshot.c.  To: bridge/vlan.c, bridge/fdb.c.
 * Invariants: a port has a set iff its network is VLAN-aware; VIDs in sets are 1..4094; the PVID is
 * a member; no router is on a VLAN-aware network.
 * Thread: control; immutable afterwards. */
#include "bridge/snapshot_vlans.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a port without a list is in: Linux' vlan_default_pvid. */
static const struct vlan_set usual = {
	.pvid = VLAN_VID_DEFAULT,
	.member = { 1u << VLAN_VID_DEFAULT },
	.untagged = { 1u << VLAN_VID_DEFAULT },
};

static bool is_aware(const struct snapshot *s, const struct snap_port *p)
{
	return s->network[p->network_id].conf.vlan != SNAP_VLAN_NONE;
}

static const char *vlan_fault(const struct snapshot *s, const struct snap_vlan *v)
{
	const struct snap_port *port = snapshot_port(s, v->vif_id);

	if (port == NULL)
		return "VLAN of a vif that does not exist";
	if (!is_aware(s, port))
		return "VLAN of a vif whose network is not VLAN-aware";
	if (port->flags & SNAP_PORT_LEG)
		return "VLAN of a host leg";
	if (v->first == 0 || v->first > v->last || v->last > VLAN_VID_MAX)
		return "VIDs out of range";
	if (v->flags & ~SNAP_VLAN_FLAGS_ALL)
		return "VLAN with an unknown flag";
	if ((v->flags & SNAP_VLAN_PVID) && v->first != v->last)
		return "more than one PVID";
	return NULL;
}

static const char *take_one(struct vlan_set *set, const struct snap_vlan *v)
{
	if (v->flags & SNAP_VLAN_PVID) {
		if (set->pvid != 0)
			return "more than one PVID";
		set->pvid = v->first;
	}
	for (unsigned vid = v->first; vid <= v->last; vid++) {
		set->member[vid / 64] |= UINT64_C(1) << vid % 64;
		if (v->flags & SNAP_VLAN_UNTAGGED)
			set->untagged[vid / 64] |= UINT64_C(1) << vid % 64;
	}
	return NULL;
}

static int refuse(struct err *e, unsigned vif_id, const char *what)
{
	char path[32];

	snprintf(path, sizeof(path), "vif.#%u", vif_id);
	return err_set(e, -EINVAL, path, "snapshot refused: %s", what);
}

/* Ports of VLAN-aware networks are in VLAN 1 until they are told otherwise. */
static int begin_sets(struct snapshot *s, struct err *e)
{
	for (unsigned id = 1; id < VIF_ID_MAX; id++) {
		const struct snap_port *p = snapshot_port(s, (uint16_t)id);

		if (p == NULL || !is_aware(s, p))
			continue;
		if (s->router[p->network_id].conf.network_id != NETWORK_ID_NONE)
			return refuse(e, id, "its network has VLANs and a router");
		s->vlans[id] = &usual;
		s->port[id].flags |= SNAPSHOT_PORT_VLANS;
		s->has_vlans = true;
	}
	return 0;
}

static unsigned count_vifs(const struct snap_vlan *v, uint32_t n)
{
	bool is_seen[VIF_ID_MAX] = { false };
	unsigned count = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint16_t id = v[i].vif_id % VIF_ID_MAX;

		count += !is_seen[id];
		is_seen[id] = true;
	}
	return count;
}

int snapshot_take_vlans(struct snapshot *s, const uint8_t *at, uint32_t n, struct err *e)
{
	struct snap_vlan *vlan = NULL;
	unsigned used = 0;
	int rc = begin_sets(s, e);

	if (rc < 0 || n == 0)
		return rc;
	vlan = malloc(n * sizeof(*vlan));
	if (vlan != NULL) {
		memcpy(vlan, at, n * sizeof(*vlan));
		s->vlan_sets = calloc(count_vifs(vlan, n), sizeof(*s->vlan_sets));
	}
	if (vlan == NULL || s->vlan_sets == NULL) {
		rc = err_set(e, -ENOMEM, "snapshot", "no memory for the VLANs");
		goto out;
	}
	for (uint32_t i = 0; rc == 0 && i < n; i++) {
		const char *fault = vlan_fault(s, &vlan[i]);
		struct vlan_set *set;

		if (fault == NULL) {
			if (s->vlans[vlan[i].vif_id] == &usual)
				s->vlans[vlan[i].vif_id] = &s->vlan_sets[used++];
			set = &s->vlan_sets[s->vlans[vlan[i].vif_id] - s->vlan_sets];
			fault = take_one(set, &vlan[i]);
		}
		if (fault != NULL)
			rc = refuse(e, vlan[i].vif_id, fault);
	}
out:
	free(vlan);
	return rc;
}
