/* SPDX-License-Identifier: Apache-2.0 */
/* fdb_sync.c - makes the forwarding table fit a new snapshot.
 *
 * From: vswitch/pipeline.c, when the snapshot has changed.  To: bridge/fdb_table.c.
 * Theory: first what has no place any more goes, then what the administrator wants is put there.  A
 * static entry that traffic has moved stays where it is for as long as the administrator says the
 * same about it: its home tells what he said.
 * Invariants: local and static entries are exactly those of the snapshot, as far as there is room.
 * Thread: the worker. */
#include "bridge/fdb_table.h"
#include "bridge/vlan.h"

static bool is_in_vlan(const struct snapshot *cfg, uint16_t vif_id, unsigned vid)
{
	const struct vlan_set *set = cfg->vlans[vif_id];

	return set == NULL ? vid == 0 : vlan_has(set->member, vid);
}

/* Does the administrator still want the static entry @r as it was put there? */
static bool is_wanted(const struct snapshot *cfg, const struct fdb_record *r)
{
	const struct snapshot_fdb *want = snapshot_fdb(
		cfg, (uint16_t)r->key.b, (uint16_t)(r->key.a >> 48), (const uint8_t *)&r->key.a);

	return want != NULL && want->vif_id == r->home_vif_id
		&& want->is_sticky == (r->is_sticky != 0) && !want->is_local;
}

/* Does the entry at @index still have a place in @cfg?  Local entries are made anew. */
static bool entry_fits(const struct fdb *f, const struct snapshot *cfg, uint32_t index)
{
	const struct fdb_owner *o = &f->owner[index];
	const struct snap_port *port = snapshot_port(cfg, o->vif_id);
	const struct fdb_record *r = fdb_table_at(f, index);

	if (port == NULL || port->network_id != o->network_id
		|| !is_in_vlan(cfg, o->vif_id, r->key.a >> 48 & 0xfff))
		return false;
	switch ((enum fdb_origin)o->origin) {
	case FDB_ORIGIN_LEARNED: return (port->flags & SNAP_PORT_UP) != 0;
	case FDB_ORIGIN_STATIC: return is_wanted(cfg, r);
	case FDB_ORIGIN_LOCAL: break;
	}
	return false;
}

static void put(
	struct fdb *f, const struct ixtab_key *key, const struct fdb_place *to, uint64_t now_ns)
{
	uint32_t index = fdb_table_find(f, key);

	if (index != IXTAB_NONE && f->owner[index].origin == FDB_ORIGIN_STATIC
		&& to->origin == FDB_ORIGIN_STATIC)
		return; /* it fits */
	if (index != IXTAB_NONE)
		fdb_table_del(f, index);
	fdb_table_force(f, key, to, now_ns);
}

static void put_leg(struct fdb *f, const struct snapshot_network *net, uint64_t now_ns)
{
	const struct fdb_place leg = { .vif_id = net->conf.leg_vif_id, .origin = FDB_ORIGIN_LOCAL };
	uint16_t vid = net->conf.vlan != SNAP_VLAN_NONE ? VLAN_VID_DEFAULT : 0;
	struct ixtab_key key = fdb_table_key(net->conf.network_id, vid, net->conf.leg_mac);

	if (leg.vif_id != VIF_ID_NONE && (key.a << 16) != 0)
		put(f, &key, &leg, now_ns);
}

void fdb_sync(struct fdb *f, const struct snapshot *cfg, uint64_t now_ns)
{
	for (uint32_t index = 1; index <= f->tab.n_high; index++)
		if (f->owner[index].network_id != NETWORK_ID_NONE && !entry_fits(f, cfg, index))
			fdb_table_del(f, index);
	for (uint32_t i = 0; i < cfg->n_fdb; i++) {
		const struct snapshot_fdb *want = &cfg->fdb[i];
		const struct fdb_place to = { .vif_id = want->vif_id,
			.home_vif_id = want->vif_id,
			.origin = want->is_local ? FDB_ORIGIN_LOCAL : FDB_ORIGIN_STATIC,
			.is_sticky = want->is_sticky };
		struct ixtab_key key = fdb_table_key(want->network_id, want->vid, want->mac);

		put(f, &key, &to, now_ns);
	}
	for (uint16_t id = 1; id < NETWORK_ID_MAX; id++)
		if (cfg->network[id].conf.network_id != NETWORK_ID_NONE)
			put_leg(f, &cfg->network[id], now_ns);
	memset(f->network_fat, 0, sizeof(f->network_fat));
	f->generation = cfg->generation;
}
