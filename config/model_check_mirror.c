/* SPDX-License-Identifier: Apache-2.0 */
/* model_check_mirror.c - can vifs get the copies that they are to get?
 *
 * From: model_check.c.  To: struct err.
 * Theory: a vif that gets copies is in no network and leads out of none, so that copies never come
 * back into what they are copies of.
 * Invariants: what passes is taken by the engine.
 * Thread: the daemon has one. */
#include "config/model_check.h"
#include "vswitch/abi/snapshot_msg.h"

#include <errno.h>
#include <string.h>

static int check_target(const struct model *m, const struct vif_cfg *v, struct err *e)
{
	const struct network_cfg *n = model_network_by_id(m, v->network_id);
	char path[MODEL_PATH_LEN];

	if (n != NULL)
		return err_set(e, -EINVAL, model_vif_path(v, "mirror", path),
			"vif %s is a port of network %s, and a vif that gets copies is in no "
			"network: take it out with 'saklar vif set %s --no-network', or add "
			"another vif",
			v->name, n->name, v->name);
	n = model_network_by_uplink(m, v->name);
	if (n != NULL)
		return err_set(e, -EBUSY, model_vif_path(v, "mirror", path),
			"vif %s is the uplink of network %s: let another vif get the copies",
			v->name, n->name);
	return 0;
}

/* VLANs of copies: @n is the network, @v the vif that they are of (NULL: all). */
static int check_vlan(const struct network_cfg *n, const struct vif_cfg *v, uint16_t vid,
	const char *path, struct err *e)
{
	if (vid == 0)
		return 0;
	if (n == NULL || n->vlan_filtering == SNAP_VLAN_NONE)
		return err_set(e, -EINVAL, path,
			"%s%s does not look at tags: leave vlan= out of the mirror",
			n != NULL ? "network " : "vif ", n != NULL ? n->name : v->name);
	if (v != NULL && !vlan_list_has(&v->vlan, vid))
		return err_set(e, -EINVAL, path,
			"vif %s is not in VLAN %u, so there is nothing of it to copy", v->name,
			vid);
	return 0;
}

static int check_item(const struct model *m, const struct vif_cfg *target,
	const struct mirror_item *item, struct err *e)
{
	const struct network_cfg *n = model_network(m, item->source);
	const struct vif_cfg *v = model_vif(m, item->source);
	char path[MODEL_PATH_LEN];

	model_vif_path(target, "mirror", path);
	if (v == target)
		return err_set(e, -EINVAL, path,
			"vif %s cannot get copies of itself: name another vif, or a network",
			v->name);
	if (n == NULL && v == NULL)
		return err_set(e, -ENOENT, path,
			"vif %s gets copies of %s, which is no vif and no network: add that "
			"first, or end it with 'saklar mirror del %s %s'",
			target->name, item->source, item->source, target->name);
	if (v != NULL && v->mirror.n > 0)
		return err_set(e, -EINVAL, path,
			"vif %s gets nothing but copies, which are not copied again: name what "
			"they are of",
			v->name);
	return check_vlan(
		v != NULL ? model_network_by_id(m, v->network_id) : n, v, item->vid, path, e);
}

int model_check_mirror(const struct model *m, struct err *e)
{
	unsigned total = 0;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < m->n_vifs; i++) {
		const struct vif_cfg *v = &m->vif[i];

		if (v->mirror.n > 0)
			rc = check_target(m, v, e);
		for (unsigned k = 0; rc == 0 && k < v->mirror.n; k++)
			rc = check_item(m, v, &v->mirror.item[k], e);
		total += v->mirror.n;
	}
	if (rc == 0 && total > MIRRORS_MAX)
		return err_set(e, -E2BIG, "mirror",
			"there can be at most %d mirrors in all: take some away", MIRRORS_MAX);
	return rc;
}
