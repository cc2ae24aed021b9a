/* SPDX-License-Identifier: Apache-2.0 */
/* model_check_vlan.c - do networks and the VLANs of their vifs fit together?
 *
 * From: model_check.c.  To: struct err.
 * Invariants: a vif with VLANs is in no network that does not look at tags; what passes fits into
 * one snapshot.
 * Thread: the daemon has one. */
#include "config/model_check.h"
#include "vswitch/abi/snapshot_msg.h"

#include <errno.h>

static int check_network(const struct network_cfg *n, struct err *e)
{
	char path[MODEL_PATH_LEN];

	if (n->vlan_filtering == SNAP_VLAN_NONE || !network_is_routed(n))
		return 0;
	return err_set(e, -EINVAL, model_network_path(n, "vlan_filtering", path),
		"VLANs and a router do not go together yet: use mode bridge or isolated, or set "
		"vlan_filtering off");
}

static int check_vif(const struct model *m, const struct vif_cfg *v, struct err *e)
{
	const struct network_cfg *n = model_network_by_id(m, v->network_id);
	const struct network_cfg *uplink;
	char path[MODEL_PATH_LEN], path_n[MODEL_PATH_LEN];

	if (v->vlan.n == 0)
		return 0;
	uplink = model_network_by_uplink(m, v->name);
	if (uplink)
		return err_set(e, -EINVAL, model_vif_path(v, "vlan", path),
			"%s is the uplink of network %s, which has no VLANs: take vlan away",
			v->name, uplink->name);
	if (!n || n->vlan_filtering != SNAP_VLAN_NONE)
		return 0;
	return err_set(e, -EINVAL,
		n->id == m->subject_network_id ? model_network_path(n, "vlan_filtering", path_n)
					       : model_vif_path(v, "vlan", path),
		"vif %s has vlan, but network %s does not look at tags: 'saklar network set %s "
		"--vlan-filtering 802.1q'",
		v->name, n->name, n->name);
}

int model_check_vlan(const struct model *m, struct err *e)
{
	char path[MODEL_PATH_LEN];
	unsigned count = 0;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < m->n_networks; i++)
		rc = check_network(&m->network[i], e);
	for (unsigned i = 0; rc == 0 && i < m->n_vifs; i++) {
		const struct vif_cfg *v = &m->vif[i];

		rc = check_vif(m, v, e);
		count += v->vlan.n;
		if (rc == 0 && count > VLAN_RANGES_MAX)
			rc = err_set(e, -E2BIG, model_vif_path(v, "vlan", path),
				"all vifs together name too many VLANs: at most %d numbers and "
				"ranges, so write ranges where you can",
				VLAN_RANGES_MAX);
	}
	return rc;
}
