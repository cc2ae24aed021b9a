/* SPDX-License-Identifier: Apache-2.0 */
/* model_check_fdb.c - can the entries of the forwarding table that are wanted stand side by side?
 *
 * From: model_check.c.  To: struct err, snapshot_build.c (which VLAN an entry is in).
 * Theory: all entries are laid out, sorted by network, VLAN and address, and compared with their
 * neighbours.
 * Invariants: what passes is taken by the engine.
 * Thread: the daemon has one. */
#include "config/model_check.h"
#include "vswitch/abi/snapshot_msg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct place {
	uint16_t network_id, vid;
	struct mac mac;
	const struct vif_cfg *vif; /* NULL: the host leg */
	const struct network_cfg *network;
};

uint16_t model_fdb_vid(
	const struct network_cfg *n, const struct vif_cfg *v, const struct fdb_item *item)
{
	if (n->vlan_filtering == SNAP_VLAN_NONE)
		return 0;
	if (v == NULL)
		return VLAN_VID_DEFAULT;
	return item->vid != 0 ? item->vid : vlan_list_only(&v->vlan);
}

static int check_item(const struct network_cfg *n, const struct vif_cfg *v,
	const struct fdb_item *item, const char *path, struct err *e)
{
	char text[MAC_STR_LEN];

	mac_print(&item->mac, text);
	if (n->vlan_filtering == SNAP_VLAN_NONE)
		return item->vid == 0 ? 0
				      : err_set(e, -EINVAL, path,
					      "%s has a VLAN, but network %s does not look at "
					      "tags: leave vlan= out",
					      text, n->name);
	if (item->vid == 0)
		return vlan_list_only(&v->vlan) != 0
			? 0
			: err_set(e, -EINVAL, path,
				"vif %s is in several VLANs: say which one %s is in, as in "
				"%s,vlan=10",
				v->name, text, text);
	if (!vlan_list_has(&v->vlan, item->vid))
		return err_set(e, -EINVAL, path, "%s cannot be in VLAN %u, which vif %s is not in",
			text, item->vid, v->name);
	return 0;
}

static int check_vif(const struct model *m, const struct vif_cfg *v, struct err *e)
{
	const struct network_cfg *n = model_network_by_id(m, v->network_id);
	char path[MODEL_PATH_LEN];
	int rc = 0;

	if (v->fdb.n == 0)
		return 0;
	model_vif_path(v, "fdb", path);
	if (!n)
		return err_set(e, -EINVAL, path,
			"vif %s is in no network, so no address can be behind it: take fdb away",
			v->name);
	for (unsigned i = 0; rc == 0 && i < v->fdb.n; i++)
		rc = check_item(n, v, &v->fdb.item[i], path, e);
	return rc;
}

static int check_leg(const struct network_cfg *n, struct err *e)
{
	char path[MODEL_PATH_LEN];

	for (unsigned i = 0; i < n->fdb.n; i++)
		if (n->fdb.item[i].vid != 0 || n->fdb.item[i].is_sticky)
			return err_set(e, -EINVAL, model_element_path(n, "fdb", i, path),
				"entries of a host leg never move, and are in its VLAN: write the "
				"MAC address alone");
	if (n->fdb.n > 0 && n->leg_vif_id == VIF_ID_NONE)
		return err_set(e, -EINVAL, model_network_path(n, "fdb", path),
			"network %s has no host leg that addresses could be behind: add --subnet",
			n->name);
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->network_id != y->network_id)
		return x->network_id < y->network_id ? -1 : 1;
	if (x->vid != y->vid)
		return x->vid < y->vid ? -1 : 1;
	return memcmp(&x->mac, &y->mac, sizeof(x->mac));
}

static int refuse_two(
	const struct model *m, const struct place *a, const struct place *b, struct err *e)
{
	char path[MODEL_PATH_LEN], text[MAC_STR_LEN];
	/* of two that exclude each other the one that is being changed is named */
	bool is_later = a->vif
		&& (!b->vif || a->vif->id == m->subject_vif_id
			|| (b->vif->id != m->subject_vif_id && a->vif > b->vif));

	if (is_later) {
		const struct place *swap = a;

		a = b;
		b = swap;
	}
	return err_set(e, -EEXIST,
		b->vif ? model_vif_path(b->vif, "fdb", path)
		       : model_network_path(b->network, "fdb", path),
		"%s is behind %s already: 'saklar fdb del %s --network %s' takes it away",
		mac_print(&b->mac, text), a->vif ? a->vif->name : "the host leg", text,
		b->network->name);
}

static unsigned count_all(const struct model *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->n_vifs; i++)
		n += m->vif[i].fdb.n;
	for (unsigned i = 0; i < m->n_networks; i++)
		n += m->network[i].fdb.n + 1; /* the leg's own */
	return n;
}

static unsigned lay_out_list(
	const struct network_cfg *n, const struct vif_cfg *v, struct place *out)
{
	const struct fdb_list *l = v ? &v->fdb : &n->fdb;

	for (unsigned i = 0; i < l->n; i++)
		out[i] = (struct place){ .network_id = n->id,
			.vid = model_fdb_vid(n, v, &l->item[i]),
			.mac = l->item[i].mac,
			.vif = v,
			.network = n };
	return l->n;
}

/* All that is wanted, and the legs' own addresses. */
static unsigned lay_out(const struct model *m, struct place *out)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->n_networks; i++) {
		const struct network_cfg *net = &m->network[i];
		const struct fdb_item own = { .mac = net->leg_mac };

		n += lay_out_list(net, NULL, out + n);
		if (net->leg_vif_id != VIF_ID_NONE)
			out[n++] = (struct place){ .network_id = net->id,
				.vid = model_fdb_vid(net, NULL, &own),
				.mac = own.mac,
				.network = net };
	}
	for (unsigned i = 0; i < m->n_vifs; i++)
		if (m->vif[i].fdb.n > 0)
			n += lay_out_list(
				model_network_by_id(m, m->vif[i].network_id), &m->vif[i], out + n);
	return n;
}

static int check_pairs(const struct model *m, struct err *e)
{
	unsigned most = count_all(m), n;
	struct place *place;
	int rc = 0;

	if (most > FDB_STATIC_MAX + m->n_networks)
		return err_set(e, -E2BIG, "fdb",
			"there can be at most %d entries of the forwarding table in all: take some "
			"away",
			FDB_STATIC_MAX);
	place = calloc(most + 1, sizeof(*place));
	if (!place)
		return err_set(e, -ENOMEM, "", "out of memory");
	n = lay_out(m, place);
	qsort(place, n, sizeof(*place), compare);
	for (unsigned i = 1; rc == 0 && i < n; i++)
		if (compare(&place[i - 1], &place[i]) == 0)
			rc = refuse_two(m, &place[i - 1], &place[i], e);
	free(place);
	return rc;
}

int model_check_fdb(const struct model *m, struct err *e)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < m->n_networks; i++)
		rc = check_leg(&m->network[i], e);
	for (unsigned i = 0; rc == 0 && i < m->n_vifs; i++)
		rc = check_vif(m, &m->vif[i], e);
	return rc == 0 ? check_pairs(m, e) : rc;
}
