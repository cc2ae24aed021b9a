/* SPDX-License-Identifier: Apache-2.0 */
/* fdb.c - learn, find, age, flush and show MAC addresses; see fdb.h for the contract.
 *
 * From: vswitch/pipeline.c, behind bridge/guard.c (sources are valid unicast).
 * To: bridge/bridge.c reads .dst_vif; vswitch/state.c attaches.
 * Theory: as Linux' br_fdb_update: a source is learned where it was seen last; a static entry moves
 * too, unless it is sticky; a local one never.  An entry that has aged is not there, whether or not
 * fdb_age() has met it yet; with an ageing time of 0 nothing is learned.  A locked port lets in only
 * sources whose entry is there.  In front of SipHash and the chains stands a small direct-mapped
 * memory of where keys were found last: it halves the cost of the stage.
 * Deviation: a locked port does not learn from what is not forwarded (01:80:C2:00:00:02 to :0F),
 * where Linux needs no_linklocal_learn for that: else one such frame unlocks any address.
 * Invariants: see fdb_table.h.
 * Thread: the worker that owns the table; fdb_dump() from anywhere. */
#include "bridge/fdb.h"

#include "bridge/bridge_local.h"
#include "bridge/fdb_table.h"
#include "bridge/vlan.h"

#include <rte_prefetch.h>

#include <errno.h>
#include <stdlib.h>

#define FDB_VERSION 2
#define AGE_SLICE 128 /* records looked at by one fdb_age() */
#define AGE_EVERY_NS NS_PER_MS

static void count_one(uint64_t *slot)
{
	__atomic_store_n(slot, *slot + 1, __ATOMIC_RELAXED);
}

static void entry_touch(struct fdb *f, uint32_t index, uint64_t now_ns)
{
	struct fdb_owner *o = &f->owner[index];

	__atomic_store_n(&fdb_table_at(f, index)->last_seen_ns, now_ns, __ATOMIC_RELAXED);
	if (LIKELY(now_ns - o->touched_ns < FDB_TOUCH_EVERY_NS))
		return;
	o->touched_ns = now_ns;
	if (o->origin == FDB_ORIGIN_LEARNED)
		fdb_table_renew(f, index);
}

struct learn_ctx {
	struct fdb *f;
	const struct snapshot *cfg;
	struct vif_counters *vif_counters;
	uint64_t now_ns;
};

/* The entry at @index is on another vif than @port, where its address was seen. */
static void take_over(const struct learn_ctx *l, const struct snap_port *port, uint32_t index)
{
	struct vif_counters *c = &l->vif_counters[port->vif_id];
	const struct fdb_owner *o = &l->f->owner[index];
	bool is_learned = o->origin == FDB_ORIGIN_LEARNED;
	bool is_new
		= fdb_table_has_aged(fdb_table_at(l->f, index), l->cfg, o->network_id, l->now_ns);

	if (o->origin == FDB_ORIGIN_LOCAL || o->is_sticky)
		return;
	if (is_learned && port->fdb_limit != 0 && l->f->vif[port->vif_id].n >= port->fdb_limit) {
		count_one(&c->fdb_refused);
		return;
	}
	fdb_table_move(l->f, index, port->vif_id, l->now_ns);
	count_one(is_new ? &c->fdb_learned : &c->fdb_moved);
}

/* Learn that @key was seen on @port, by @p. */
static void learn_source(const struct learn_ctx *l, const struct snap_port *port,
	const struct ixtab_key *key, struct pkt *p)
{
	const struct fdb_place here = { .vif_id = port->vif_id, .origin = FDB_ORIGIN_LEARNED };
	struct vif_counters *c = &l->vif_counters[port->vif_id];
	uint32_t index = fdb_table_find(l->f, key);
	const struct fdb_owner *o = &l->f->owner[index];

	if (LIKELY(index != IXTAB_NONE && o->vif_id == port->vif_id)) {
		if (o->origin != FDB_ORIGIN_LOCAL)
			entry_touch(l->f, index, l->now_ns);
		return;
	}
	if (index != IXTAB_NONE) {
		p->is_displaced = true;
		l->f->n_displaced++;
	}
	if (l->cfg->network[port->network_id].conf.ageing_s == 0)
		return;
	if (index != IXTAB_NONE) {
		take_over(l, port, index);
		return;
	}
	if (fdb_table_make_room(l->f, l->cfg, port, l->now_ns)
		&& fdb_table_add(l->f, key, &here, l->now_ns))
		count_one(&c->fdb_learned);
	else
		count_one(&c->fdb_refused);
}

/* Has @port, which is locked, an entry for the source @key? */
static bool is_let_in(
	const struct learn_ctx *l, const struct snap_port *port, const struct ixtab_key *key)
{
	uint32_t index = fdb_table_find(l->f, key);
	const struct fdb_owner *o = &l->f->owner[index];

	return index != IXTAB_NONE && o->vif_id == port->vif_id && o->origin != FDB_ORIGIN_LOCAL
		&& !fdb_table_has_aged(fdb_table_at(l->f, index), l->cfg, o->network_id, l->now_ns);
}

/* May @p, on a locked port, go on, and may it teach? */
static bool pass_lock(const struct learn_ctx *l, const struct snap_port *port, struct pkt *p,
	const struct ixtab_key *key)
{
	if (bridge_is_local_group(l->cfg, p))
		return false; /* goes to the host only, as EAPOL must */
	if (is_let_in(l, port, key))
		return true;
	pkt_drop(p, DROP_PORT_LOCKED);
	return false;
}

/* Where @key is, if it is anywhere a frame of its network can be sent. */
static uint16_t find_place(const struct fdb *f, const struct snapshot *cfg,
	const struct ixtab_key *key, uint64_t now_ns)
{
	uint32_t index = fdb_table_find(f, key);
	const struct fdb_owner *o = &f->owner[index];
	const struct snap_port *port;

	if (index == IXTAB_NONE)
		return VIF_ID_NONE;
	port = snapshot_port(cfg, o->vif_id);
	if (port == NULL || port->network_id != o->network_id
		|| fdb_table_has_aged(fdb_table_at(f, index), cfg, o->network_id, now_ns))
		return VIF_ID_NONE;
	return o->vif_id;
}

uint16_t fdb_find(const struct fdb *f, const struct snapshot *cfg, uint16_t network_id,
	uint16_t vid, const uint8_t *mac, uint64_t now_ns)
{
	struct ixtab_key key = fdb_table_key(network_id, vid, mac);

	return find_place(f, cfg, &key, now_ns);
}

struct fdb_found fdb_record_of(
	const struct fdb *f, uint16_t network_id, uint16_t vid, const uint8_t *mac)
{
	struct ixtab_key key = fdb_table_key(network_id, vid, mac);
	uint32_t index = fdb_table_find(f, &key);

	return (struct fdb_found){
		.record = index,
		.vif_id = f->owner[index].vif_id,
		.origin = f->owner[index].origin,
	};
}

/* Keys of a burst, made before the table is touched so that its lines can be on their way. */
struct keyed {
	struct ixtab_key src, dst;
};

static void prefetch(const struct fdb *f, const struct ixtab_key *key)
{
	uint32_t index = *fdb_table_hot(f, key);

	rte_prefetch0(&f->owner[index]);
	if (index != IXTAB_NONE)
		rte_prefetch0(fdb_table_at(f, index));
}

static void key_packet(const struct fdb *f, const struct pkt *p, struct keyed *k)
{
	const uint8_t *eth = pkt_bytes(p);
	uint16_t vid = p->vlan & 0xfff; /* 0: not VLAN-aware, one table for all tags */

	k->src = fdb_table_key(p->network_id, vid, eth + 6);
	k->dst = fdb_table_key(p->network_id, vid, eth);
	prefetch(f, &k->src);
	prefetch(f, &k->dst);
}

#define LEARN_GROUP 32

static void learn_group(const struct learn_ctx *l, struct pkt *pkts, unsigned n)
{
	struct keyed keyed[LEARN_GROUP] __attribute__((uninitialized)); /* 1 KiB */

	for (unsigned i = 0; i < n; i++)
		if (pkts[i].drop == DROP_NONE)
			key_packet(l->f, &pkts[i], &keyed[i]);
	for (unsigned i = 0; i < n; i++) {
		struct pkt *p = &pkts[i];
		const struct snap_port *port;

		if (p->drop != DROP_NONE || (p->flags & PKT_ENDS_HERE) != 0)
			continue;
		port = &l->cfg->port[p->in_vif];
		if (UNLIKELY((port->flags & SNAP_PORT_LOCKED) != 0)
			&& !pass_lock(l, port, p, &keyed[i].src))
			continue;
		if (port->flags & SNAP_PORT_LEARN)
			learn_source(l, port, &keyed[i].src, p);
		if ((p->flags & PKT_IS_MCAST) == 0)
			p->dst_vif = find_place(l->f, l->cfg, &keyed[i].dst, l->now_ns);
	}
}

void fdb_learn(struct fdb *f, const struct snapshot *cfg, struct burst *b,
	struct vif_counters *vif_counters, uint64_t now_ns)
{
	const struct learn_ctx l = { f, cfg, vif_counters, now_ns };

	f->n_displaced = 0;
	for (unsigned i = 0; i < b->n; i += LEARN_GROUP)
		learn_group(&l, &b->pkt[i], MIN(b->n - i, (unsigned)LEARN_GROUP));
}

void fdb_age(struct fdb *f, const struct snapshot *cfg, uint64_t now_ns)
{
	if (now_ns < f->age_next_ns)
		return;
	f->age_next_ns = now_ns + AGE_EVERY_NS;
	for (unsigned i = 0; i < AGE_SLICE && i < f->tab.n_high; i++) {
		uint32_t index = f->age_cursor % f->tab.n_high + 1;

		f->age_cursor = index;
		if (f->owner[index].network_id != NETWORK_ID_NONE
			&& fdb_table_has_aged(
				fdb_table_at(f, index), cfg, f->owner[index].network_id, now_ns))
			fdb_table_del(f, index);
	}
}

uint32_t fdb_flush_vlan(struct fdb *f, uint16_t network_id, uint16_t vif_id, uint16_t vid)
{
	uint32_t n = 0;

	if (f == NULL)
		return 0;
	for (uint32_t index = 1; index <= f->tab.n_high; index++) {
		const struct fdb_owner *o = &f->owner[index];

		if (o->network_id == NETWORK_ID_NONE || o->origin != FDB_ORIGIN_LEARNED)
			continue;
		if ((network_id != 0 && o->network_id != network_id)
			|| (vif_id != 0 && o->vif_id != vif_id)
			|| (vid != 0 && fdb_table_at(f, index)->key.a >> 48 != vid))
			continue;
		fdb_table_del(f, index);
		n++;
	}
	return n;
}

uint32_t fdb_flush(struct fdb *f, uint16_t network_id, uint16_t vif_id)
{
	return fdb_flush_vlan(f, network_id, vif_id, 0);
}

bool fdb_del(struct fdb *f, uint16_t network_id, uint16_t vid, const uint8_t *mac)
{
	struct ixtab_key key = fdb_table_key(network_id, vid, mac);
	uint32_t index = f != NULL ? fdb_table_find(f, &key) : IXTAB_NONE;

	if (index == IXTAB_NONE || f->owner[index].origin != FDB_ORIGIN_LEARNED)
		return false;
	fdb_table_del(f, index);
	return true;
}

uint32_t fdb_count(const struct fdb *f, uint16_t vif_id)
{
	return vif_id < VIF_ID_MAX ? f->vif[vif_id].n : 0;
}

uint32_t fdb_dump(const struct fdb *f, const struct snapshot *cfg, struct fdb_dump *at,
	struct msg_fdb_entry *out, uint32_t max)
{
	uint32_t n_high = __atomic_load_n(&f->tab.n_high, __ATOMIC_RELAXED);
	uint32_t n = 0;

	for (uint32_t index = at->cursor + 1; index != 0 && index <= n_high; index++) {
		struct fdb_record r;
		uint64_t age_ns;

		if (n == max) {
			at->cursor = index - 1;
			return n;
		}
		if (!ixtab_read(&f->tab, index, &r) || !fdb_table_is_sound(&r))
			continue;
		if ((at->network_id != 0 && r.key.b != at->network_id)
			|| fdb_table_has_aged(&r, cfg, (uint16_t)r.key.b, at->now_ns))
			continue;
		age_ns = at->now_ns > r.last_seen_ns ? at->now_ns - r.last_seen_ns : 0;
		out[n] = (struct msg_fdb_entry){
			.vid = (uint16_t)(r.key.a >> 48),
			.network_id = (uint16_t)r.key.b,
			.vif_id = r.vif_id,
			.age_ms = (uint32_t)MIN(age_ns / NS_PER_MS, (uint64_t)UINT32_MAX),
			.origin = r.origin,
			.flags = r.is_sticky ? MSG_FDB_STICKY : 0,
			.moves = r.moves,
		};
		memcpy(out[n++].mac, &r.key.a, sizeof(out->mac));
	}
	at->cursor = 0;
	return n;
}

void fdb_detach(struct fdb *f)
{
	if (f == NULL)
		return;
	ixtab_detach(&f->tab);
	free(f->owner);
	free(f->vif);
	free(f->hot);
	free(f);
}

struct fdb *fdb_attach(void *segment, size_t size, uint64_t now_ns, struct err *e)
{
	static const struct ixtab_conf conf = {
		.kind = SEGMENT_FDB,
		.version = FDB_VERSION,
		.rec_size = sizeof(struct fdb_record),
		.stable_len = 16,
		.is_sound = fdb_table_is_sound,
	};
	struct fdb *f = calloc(1, sizeof(*f));
	int rc;

	if (f == NULL) {
		err_set(e, -ENOMEM, "fdb", "no memory for the forwarding table");
		return NULL;
	}
	rc = ixtab_attach(&f->tab, segment, size, &conf);
	if (rc == 0) {
		f->owner = calloc((size_t)f->tab.n_slots + 1, sizeof(*f->owner));
		f->vif = calloc(VIF_ID_MAX, sizeof(*f->vif));
		f->hot = calloc((size_t)1 << FDB_HOT_BITS, sizeof(*f->hot));
		rc = f->owner == NULL || f->vif == NULL || f->hot == NULL
			? -ENOMEM
			: fdb_table_rebuild(f, now_ns);
	}
	if (rc < 0) {
		err_set(e, rc, "fdb", "cannot use a segment of %zu bytes: %s", size, strerror(-rc));
		fdb_detach(f);
		return NULL;
	}
	return f;
}
