/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_fdb.c - reads the forwarding entries that administrators want, and finds one of them.
 *
 * From: bridge/snapshot.c.  To: bridge/fdb_sync.c.
 * Invariants: each is on a port that exists, in a VLAN of that port (0 where the network has none);
 * no two are for the same address of a VLAN; those of a host leg are local.
 * Thread: control; immutable afterwards. */
#include "bridge/snapshot_fdb.h"

#include "bridge/vlan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *fdb_fault(const struct snapshot *s, const struct snap_fdb *f)
{
	static const uint8_t zero[6];
	const struct snap_port *port = snapshot_port(s, f->vif_id);

	if (port == NULL || port->network_id == NETWORK_ID_NONE)
		return "entry of a vif that is in no network";
	if ((f->mac[0] & 1) != 0 || memcmp(f->mac, zero, sizeof(zero)) == 0)
		return "entry for a MAC that is zero or a group address";
	if (f->flags & ~SNAP_FDB_FLAGS_ALL)
		return "entry with an unknown flag";
	if (s->vlans[f->vif_id] == NULL)
		return f->vid != 0 ? "entry of a VLAN whose network has none" : NULL;
	if (f->vid == 0 || f->vid > VLAN_VID_MAX || !vlan_has(s->vlans[f->vif_id]->member, f->vid))
		return "entry of a VLAN that the vif is not in";
	return NULL;
}

static int compare(const void *a, const void *b)
{
	const struct snapshot_fdb *x = a, *y = b;

	if (x->network_id != y->network_id)
		return x->network_id < y->network_id ? -1 : 1;
	if (x->vid != y->vid)
		return x->vid < y->vid ? -1 : 1;
	return memcmp(x->mac, y->mac, sizeof(x->mac));
}

const struct snapshot_fdb *snapshot_fdb(
	const struct snapshot *s, uint16_t network_id, uint16_t vid, const uint8_t mac[6])
{
	struct snapshot_fdb key = { .network_id = network_id, .vid = vid };

	if (s->n_fdb == 0)
		return NULL;
	memcpy(key.mac, mac, sizeof(key.mac));
	return bsearch(&key, s->fdb, s->n_fdb, sizeof(key), compare);
}

static int refuse(struct err *e, unsigned vif_id, const char *what)
{
	char path[32];

	snprintf(path, sizeof(path), "vif.#%u", vif_id);
	return err_set(e, -EINVAL, path, "snapshot refused: %s", what);
}

static struct snapshot_fdb entry_of(const struct snapshot *s, const struct snap_fdb *f)
{
	const struct snap_port *port = &s->port[f->vif_id];
	struct snapshot_fdb entry = { .network_id = port->network_id,
		.vid = f->vid,
		.vif_id = f->vif_id,
		.is_sticky = (f->flags & SNAP_FDB_STICKY) != 0,
		.is_local = (port->flags & SNAP_PORT_LEG) != 0 };

	memcpy(entry.mac, f->mac, sizeof(entry.mac));
	return entry;
}

int snapshot_take_fdb(struct snapshot *s, const uint8_t *at, uint32_t n, struct err *e)
{
	if (n == 0)
		return 0;
	s->fdb = calloc(n, sizeof(*s->fdb));
	if (s->fdb == NULL)
		return err_set(e, -ENOMEM, "snapshot", "no memory for the FDB entries");
	for (uint32_t i = 0; i < n; i++) {
		struct snap_fdb f;
		const char *fault;

		memcpy(&f, at + i * sizeof(f), sizeof(f));
		fault = fdb_fault(s, &f);
		if (fault != NULL)
			return refuse(e, f.vif_id, fault);
		s->fdb[i] = entry_of(s, &f);
	}
	qsort(s->fdb, n, sizeof(*s->fdb), compare);
	for (uint32_t i = 1; i < n; i++)
		if (compare(&s->fdb[i - 1], &s->fdb[i]) == 0)
			return refuse(e, s->fdb[i].vif_id, "two entries for one address");
	s->n_fdb = n;
	return 0;
}
