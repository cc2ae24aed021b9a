/* SPDX-License-Identifier: Apache-2.0 */
/* model_check_multicast.c - do static groups of vifs fit their networks?
 *
 * From: model_check.c.  To: struct err.
 * Theory: a source counts only where the network filters by sources; an entry that could never have
 * an effect is refused rather than kept.
 * Thread: the daemon has one. */
#include "config/model_check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int check_group(
	const struct network_cfg *n, const struct vif_cfg *v, unsigned i, struct err *e)
{
	const struct multicast_group *g = &v->multicast.group[i];
	bool is_v4 = ip_is_v4(&g->group);
	bool has_filters = is_v4 ? n->multicast.igmp_version == 3 : n->multicast.mld_version == 2;
	char path[MODEL_PATH_LEN], text[MULTICAST_TEXT_LEN];

	snprintf(path, sizeof(path), "vif.%s.multicast_groups[%u]", v->name, i);
	multicast_group_print(g, text);
	if (g->has_source && !has_filters)
		return err_set(e, -EINVAL, path,
			"%s names a source, but network %s does not filter by sources: 'saklar "
			"network set %s --multicast-%s' first, or leave the source out",
			text, n->name, n->name, is_v4 ? "igmp 3" : "mld 2");
	if (g->vid == 0 && n->vlan_filtering != SNAP_VLAN_NONE)
		return err_set(e, -EINVAL, path,
			"%s names no VLAN, but network %s is VLAN-aware: add vlan=VID", text,
			n->name);
	if (g->vid != 0 && n->vlan_filtering == SNAP_VLAN_NONE)
		return err_set(e, -EINVAL, path,
			"%s names a VLAN, but network %s is not VLAN-aware: leave vlan= out", text,
			n->name);
	for (unsigned k = 0; k < i; k++)
		if (multicast_group_is_same(&v->multicast.group[k], g))
			return err_set(
				e, -EEXIST, path, "%s stands here two times: leave one out", text);
	return 0;
}

int model_check_multicast(const struct model *m, struct err *e)
{
	unsigned count = 0;

	for (unsigned i = 0; i < m->n_vifs; i++) {
		const struct vif_cfg *v = &m->vif[i];
		const struct network_cfg *n = model_network_by_id(m, v->network_id);
		int rc = 0;

		for (unsigned k = 0; n != NULL && k < v->multicast.n_groups && rc == 0; k++)
			rc = check_group(n, v, k, e);
		if (rc != 0)
			return rc;
		count += v->multicast.n_groups;
	}
	if (count > MDB_ENTRIES_MAX)
		return err_set(e, -E2BIG, "vif.multicast_groups",
			"%u static groups of all vifs are too many, at most %u", count,
			MDB_ENTRIES_MAX);
	return 0;
}
