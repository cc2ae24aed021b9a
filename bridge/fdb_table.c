/* SPDX-License-Identifier: Apache-2.0 */
/* fdb_table.c - entries of the forwarding table: made, moved, evicted, deleted; see fdb_table.h.
 *
 * From: bridge/fdb.c (learning), bridge/fdb_sync.c (the administrator's).  To: vswitch/base/ixtab.h.
 * Theory: a network or table that is full takes from the vif that holds most learned entries, so
 * that one guest's flood of addresses costs that guest alone.  What the administrator puts there
 * takes no part in that, and is never evicted.
 * Invariants: see fdb_table.h.
 * Thread: the worker; attach: before it runs. */
#include "bridge/fdb_table.h"

#include <errno.h>
#include <stdlib.h>

#define FAT_AGAIN 64

bool fdb_table_is_sound(const void *rec)
{
	const struct fdb_record *r = rec;
	const uint8_t *mac = (const uint8_t *)&r->key.a;

	return r->vif_id != VIF_ID_NONE && r->vif_id < VIF_ID_MAX && r->key.b != NETWORK_ID_NONE
		&& r->key.b < NETWORK_ID_MAX && r->origin >= FDB_ORIGIN_LEARNED
		&& r->origin <= FDB_ORIGIN_STATIC && r->home_vif_id < VIF_ID_MAX
		&& (mac[0] & 1) == 0 && r->key.a >> 48 < 4096 && (r->key.a << 16) != 0;
}

static void list_add(struct fdb *f, uint32_t index)
{
	struct fdb_owner *o = &f->owner[index];
	struct fdb_vif *v = &f->vif[o->vif_id];

	o->prev = v->newest;
	o->next = IXTAB_NONE;
	if (v->newest != IXTAB_NONE)
		f->owner[v->newest].next = index;
	else
		v->oldest = index;
	v->newest = index;
	v->n++;
	f->network_n[o->network_id]++;
}

static void list_del(struct fdb *f, uint32_t index)
{
	struct fdb_owner *o = &f->owner[index];
	struct fdb_vif *v = &f->vif[o->vif_id];

	if (o->prev != IXTAB_NONE)
		f->owner[o->prev].next = o->next;
	else
		v->oldest = o->next;
	if (o->next != IXTAB_NONE)
		f->owner[o->next].prev = o->prev;
	else
		v->newest = o->prev;
	v->n--;
	f->network_n[o->network_id]--;
}

void fdb_table_del(struct fdb *f, uint32_t index)
{
	if (f->owner[index].origin == FDB_ORIGIN_LEARNED)
		list_del(f, index);
	f->owner[index] = (struct fdb_owner){ 0 };
	ixtab_del(&f->tab, index);
}

/* Write owner and place of a record that is open for writing. */
static void entry_write(struct fdb *f, uint32_t index, const struct fdb_place *to, uint64_t now_ns)
{
	struct fdb_record *r = fdb_table_at(f, index);
	struct fdb_owner *o = &f->owner[index];

	r->vif_id = to->vif_id;
	r->home_vif_id = to->home_vif_id;
	r->origin = (uint8_t)to->origin;
	r->is_sticky = to->is_sticky;
	__atomic_store_n(&r->last_seen_ns, now_ns, __ATOMIC_RELAXED);
	o->vif_id = to->vif_id;
	o->origin = (uint8_t)to->origin;
	o->is_sticky = to->is_sticky;
	o->touched_ns = now_ns;
	ixtab_change_end(&f->tab, index);
	if (to->origin == FDB_ORIGIN_LEARNED)
		list_add(f, index);
}

bool fdb_table_add(
	struct fdb *f, const struct ixtab_key *key, const struct fdb_place *to, uint64_t now_ns)
{
	uint32_t index = ixtab_add(&f->tab, key, ixtab_hash(&f->tab, key));

	if (index == IXTAB_NONE)
		return false;
	f->owner[index].network_id = (uint16_t)key->b;
	entry_write(f, index, to, now_ns);
	return true;
}

/* The vif of the network (NULL: of all) that holds most learned entries. */
static uint16_t find_fat(const struct fdb *f, const struct snapshot_network *net)
{
	uint16_t fat = VIF_ID_NONE;

	if (net == NULL) {
		for (uint16_t id = 1; id < VIF_ID_MAX; id++)
			if (f->vif[id].n > f->vif[fat].n)
				fat = id;
		return fat;
	}
	for (uint16_t i = 0; i < net->n_ports; i++)
		if (f->vif[net->ports[i]].n > f->vif[fat].n)
			fat = net->ports[i];
	return fat;
}

/* Take an entry from the vif that holds most, unless that is @vif_id.  @fat remembers who it was:
 * the one that floods is refused without looking for it again, but for every 64th time, since its
 * entries may have aged while another's grew. */
static bool evict_fair(
	struct fdb *f, const struct snapshot_network *net, uint16_t vif_id, uint16_t *fat)
{
	if (*fat == vif_id && f->vif[vif_id].n > 0 && ++f->n_refused % FAT_AGAIN != 0)
		return false;
	if (*fat == vif_id || f->vif[*fat].n <= f->vif[vif_id].n + 1)
		*fat = find_fat(f, net);
	if (f->vif[*fat].n <= f->vif[vif_id].n + 1)
		return false;
	fdb_table_del(f, f->vif[*fat].oldest);
	return true;
}

bool fdb_table_make_room(
	struct fdb *f, const struct snapshot *cfg, const struct snap_port *port, uint64_t now_ns)
{
	const struct snapshot_network *net = &cfg->network[port->network_id];
	uint32_t limit = net->conf.fdb_limit;
	uint32_t oldest = f->vif[port->vif_id].oldest;
	bool at_own = port->fdb_limit != 0 && f->vif[port->vif_id].n >= port->fdb_limit;
	bool at_net = limit != 0 && f->network_n[port->network_id] >= limit;
	bool at_table = f->tab.n_live >= f->tab.n_slots;

	if (LIKELY(!at_own && !at_net && !at_table))
		return true;
	if (oldest != IXTAB_NONE
		&& fdb_table_has_aged(fdb_table_at(f, oldest), cfg, port->network_id, now_ns)) {
		fdb_table_del(f, oldest);
		return true;
	}
	if (at_own)
		return false;
	if (at_net)
		return evict_fair(f, net, port->vif_id, &f->network_fat[port->network_id]);
	return evict_fair(f, NULL, port->vif_id, &f->table_fat);
}

void fdb_table_force(
	struct fdb *f, const struct ixtab_key *key, const struct fdb_place *to, uint64_t now_ns)
{
	bool is_full = f->tab.n_live >= f->tab.n_slots;
	uint32_t oldest = is_full ? f->vif[find_fat(f, NULL)].oldest : IXTAB_NONE;

	/* Nothing but the administrator's is there: flooding finds the vif as well. */
	if (is_full && oldest == IXTAB_NONE)
		return;
	if (is_full)
		fdb_table_del(f, oldest);
	fdb_table_add(f, key, to, now_ns);
}

void fdb_table_move(struct fdb *f, uint32_t index, uint16_t vif_id, uint64_t now_ns)
{
	struct fdb_record *r = fdb_table_at(f, index);
	const struct fdb_owner *o = &f->owner[index];
	const struct fdb_place to = { .vif_id = vif_id,
		.home_vif_id = r->home_vif_id,
		.origin = (enum fdb_origin)o->origin };

	if (o->origin == FDB_ORIGIN_LEARNED)
		list_del(f, index);
	ixtab_change_begin(&f->tab, index);
	r->moves++;
	entry_write(f, index, &to, now_ns);
}

void fdb_table_renew(struct fdb *f, uint32_t index)
{
	list_del(f, index);
	list_add(f, index);
}

struct seen {
	uint64_t seen_ns;
	uint32_t index;
};

static int seen_compare(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	return x->seen_ns < y->seen_ns ? -1 : x->seen_ns > y->seen_ns;
}

int fdb_table_rebuild(struct fdb *f, uint64_t now_ns)
{
	struct seen *order = calloc((size_t)f->tab.n_live + 1, sizeof(*order));
	uint32_t n = 0;

	if (order == NULL)
		return -ENOMEM;
	for (uint32_t index = 1; index <= f->tab.n_high; index++) {
		struct fdb_record *r = fdb_table_at(f, index);

		if (r->rec.seq == 0 || n == f->tab.n_live)
			continue;
		if (r->last_seen_ns > now_ns)
			r->last_seen_ns = now_ns;
		order[n++] = (struct seen){ r->last_seen_ns, index };
	}
	qsort(order, n, sizeof(*order), seen_compare);
	for (uint32_t i = 0; i < n; i++) {
		/* A copy: attach has checked what stood there then, and the segment is shared. */
		struct fdb_record r
			= *(const volatile struct fdb_record *)fdb_table_at(f, order[i].index);

		if (!fdb_table_is_sound(&r))
			continue; /* nobody owns it: it is never found */
		f->owner[order[i].index] = (struct fdb_owner){
			.vif_id = r.vif_id,
			.network_id = (uint16_t)r.key.b,
			.origin = r.origin,
			.is_sticky = r.is_sticky != 0,
			.touched_ns = order[i].seen_ns,
		};
		if (r.origin == FDB_ORIGIN_LEARNED)
			list_add(f, order[i].index);
	}
	free(order);
	return 0;
}
