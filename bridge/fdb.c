/* SPDX-License-Identifier: Apache-2.0 */
/* fdb.c - learn, find, move, age, limit and forget MAC addresses; see fdb.h for the contract.
 *
 * From: vswitch/pipeline.c, behind bridge/guard.c (sources are valid unicast).
 * To: bridge/bridge.c reads .dst_vif; vswitch/state.c attaches.
 * Theory: records (vswitch/base/ixtab.h) live in the shared segment; who owns which record, and in
 * which order they were used, is private and rebuilt at attach.  Each vif's learned entries form a
 * list, least recently used first, moved at most once a second: that makes quotas, eviction and
 * flushing of a vif O(1) per entry.  An entry that has aged is not there, whether or not
 * fdb_age() has met it yet.  In front of SipHash and the chains stands a small direct-mapped
 * memory of where keys were found last: it halves the cost of the stage.
 * Invariants: owner[i].network_id != 0 iff record i is live; owner[i] is in the list of its vif iff
 * it was learned; nothing read from a record is used as an index.
 * Deviation: an ageing time of 0 means that entries never age.  Linux documents the same and
 * floods everything instead; both are of use only on a hub, which flags of ports give too.
 * Thread: one worker; fdb_dump() from anywhere. */
#include "bridge/fdb.h"

#include "bridge/vlan.h"
#include "vswitch/base/clock.h"

#include <rte_prefetch.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FDB_VERSION 1
#define AGE_SLICE 128 /* records looked at by one fdb_age() */
#define AGE_EVERY_NS NS_PER_MS
#define TOUCH_EVERY_NS NS_PER_SEC
#define FDB_HOT_BITS 12
#define FAT_AGAIN 64

struct fdb_owner {
	uint32_t prev, next; /* in the vif's list; learned entries only */
	uint16_t vif_id;
	uint16_t network_id; /* 0: record is not live */
	uint8_t origin; /* enum fdb_origin */
	uint64_t touched_ns; /* when it was last moved to the end of the list */
};

struct fdb_vif {
	uint32_t oldest, newest;
	uint32_t n;
};

static void count_one(uint64_t *slot)
{
	__atomic_store_n(slot, *slot + 1, __ATOMIC_RELAXED);
}

static struct fdb_record *record_at(const struct fdb *f, uint32_t index)
{
	return ixtab_rec_at(&f->tab, index);
}

static struct ixtab_key key_make(uint16_t network_id, uint16_t vid, const uint8_t *mac)
{
	struct ixtab_key key = { .b = network_id };

	memcpy(&key.a, mac, 6);
	key.a |= (uint64_t)vid << 48;
	return key;
}

/* VLAN of the key.  A network that is not VLAN-aware has one table for all tags, as a Linux bridge
 * without vlan_filtering does. */
static uint16_t key_vid(const struct pkt *p)
{
	return p->vlan & 0xfff;
}

static bool record_is_sound(const void *rec)
{
	const struct fdb_record *r = rec;
	const uint8_t *mac = (const uint8_t *)&r->key.a;

	return r->vif_id != VIF_ID_NONE && r->vif_id < VIF_ID_MAX && r->key.b != NETWORK_ID_NONE
		&& r->key.b < NETWORK_ID_MAX && r->origin >= FDB_ORIGIN_LEARNED
		&& r->origin <= FDB_ORIGIN_STATIC && (mac[0] & 1) == 0 && r->key.a >> 48 < 4096
		&& (r->key.a << 16) != 0;
}

static bool has_aged(const struct fdb_record *r, const struct snapshot *cfg, uint16_t network_id,
	uint64_t now_ns)
{
	uint64_t ageing_ns = cfg->network[network_id].conf.ageing_s * NS_PER_SEC;
	uint64_t seen_ns = __atomic_load_n(&r->last_seen_ns, __ATOMIC_RELAXED);

	return r->origin == FDB_ORIGIN_LEARNED && ageing_ns != 0 && now_ns > seen_ns
		&& now_ns - seen_ns >= ageing_ns;
}

/* Where the last record found for keys like @key is remembered.  The mix is cheap and keyed; who
 * makes two keys collide only makes both take the way through SipHash. */
static uint32_t *hot_slot(const struct fdb *f, const struct ixtab_key *key)
{
	uint64_t mix = (key->a ^ key->b << 52) * (f->tab.key.k0 | 1);

	return &f->hot[mix >> (64 - FDB_HOT_BITS)];
}

/* Index of the live record with @key, or IXTAB_NONE. */
static uint32_t lookup(const struct fdb *f, const struct ixtab_key *key)
{
	uint32_t *hot = hot_slot(f, key);
	uint32_t index = *hot;

	/* owner[IXTAB_NONE] and those of free records have network 0, which no key has. */
	if (LIKELY(f->owner[index].network_id == key->b)) {
		const struct fdb_record *r = record_at(f, index);

		if (LIKELY(r->key.a == key->a && r->key.b == key->b))
			return index;
	}
	index = ixtab_find(&f->tab, key, ixtab_hash(&f->tab, key));
	*hot = index;
	return index;
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

static void entry_del(struct fdb *f, uint32_t index)
{
	if (f->owner[index].origin == FDB_ORIGIN_LEARNED)
		list_del(f, index);
	f->owner[index] = (struct fdb_owner){ 0 };
	ixtab_del(&f->tab, index);
}

/* Write owner and place of a record that is open for writing. */
static void entry_write(
	struct fdb *f, uint32_t index, uint16_t vif_id, enum fdb_origin origin, uint64_t now_ns)
{
	struct fdb_record *r = record_at(f, index);

	r->vif_id = vif_id;
	r->origin = (uint8_t)origin;
	r->last_seen_ns = now_ns;
	f->owner[index].vif_id = vif_id;
	f->owner[index].origin = (uint8_t)origin;
	f->owner[index].touched_ns = now_ns;
	ixtab_change_end(&f->tab, index);
	if (origin == FDB_ORIGIN_LEARNED)
		list_add(f, index);
}

static bool entry_add(struct fdb *f, const struct ixtab_key *key, uint16_t vif_id,
	enum fdb_origin origin, uint64_t now_ns)
{
	uint32_t index = ixtab_add(&f->tab, key, ixtab_hash(&f->tab, key));

	if (index == IXTAB_NONE)
		return false;
	f->owner[index].network_id = (uint16_t)key->b;
	entry_write(f, index, vif_id, origin, now_ns);
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
	entry_del(f, f->vif[*fat].oldest);
	return true;
}

/* May @vif_id have one more learned entry?  Makes room when it is its turn. */
static bool make_room(
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
	if (oldest != IXTAB_NONE && has_aged(record_at(f, oldest), cfg, port->network_id, now_ns)) {
		entry_del(f, oldest);
		return true;
	}
	if (at_own)
		return false;
	if (at_net)
		return evict_fair(f, net, port->vif_id, &f->network_fat[port->network_id]);
	return evict_fair(f, NULL, port->vif_id, &f->table_fat);
}

static void entry_move(struct fdb *f, uint32_t index, const struct snap_port *port, uint64_t now_ns)
{
	list_del(f, index);
	ixtab_change_begin(&f->tab, index);
	record_at(f, index)->moves++;
	entry_write(f, index, port->vif_id, FDB_ORIGIN_LEARNED, now_ns);
}

static void entry_touch(struct fdb *f, uint32_t index, uint64_t now_ns)
{
	struct fdb_owner *o = &f->owner[index];

	__atomic_store_n(&record_at(f, index)->last_seen_ns, now_ns, __ATOMIC_RELAXED);
	if (LIKELY(now_ns - o->touched_ns < TOUCH_EVERY_NS))
		return;
	o->touched_ns = now_ns;
	list_del(f, index);
	list_add(f, index);
}

struct learn_ctx {
	struct fdb *f;
	const struct snapshot *cfg;
	struct vif_counters *vif_counters;
	uint64_t now_ns;
};

/* Learn that @key was seen on @port. */
static void learn_source(
	const struct learn_ctx *l, const struct snap_port *port, const struct ixtab_key *key)
{
	struct vif_counters *c = &l->vif_counters[port->vif_id];
	uint32_t index = lookup(l->f, key);
	const struct fdb_owner *o = &l->f->owner[index];

	if (LIKELY(index != IXTAB_NONE && o->vif_id == port->vif_id)) {
		if (o->origin == FDB_ORIGIN_LEARNED)
			entry_touch(l->f, index, l->now_ns);
		return;
	}
	if (index != IXTAB_NONE && o->origin != FDB_ORIGIN_LEARNED)
		return; /* local and static entries do not move: Linux likewise */
	if (index != IXTAB_NONE) {
		bool is_new = has_aged(record_at(l->f, index), l->cfg, o->network_id, l->now_ns);

		if (port->fdb_limit != 0 && l->f->vif[port->vif_id].n >= port->fdb_limit) {
			count_one(&c->fdb_refused);
			return;
		}
		entry_move(l->f, index, port, l->now_ns);
		count_one(is_new ? &c->fdb_learned : &c->fdb_moved);
		return;
	}
	if (make_room(l->f, l->cfg, port, l->now_ns)
		&& entry_add(l->f, key, port->vif_id, FDB_ORIGIN_LEARNED, l->now_ns))
		count_one(&c->fdb_learned);
	else
		count_one(&c->fdb_refused);
}

/* Where @key is, if it is anywhere a frame of its network can be sent. */
static uint16_t find_place(const struct fdb *f, const struct snapshot *cfg,
	const struct ixtab_key *key, uint64_t now_ns)
{
	uint32_t index = lookup(f, key);
	const struct fdb_owner *o = &f->owner[index];
	const struct snap_port *port;

	if (index == IXTAB_NONE)
		return VIF_ID_NONE;
	port = snapshot_port(cfg, o->vif_id);
	if (port == NULL || port->network_id != o->network_id
		|| has_aged(record_at(f, index), cfg, o->network_id, now_ns))
		return VIF_ID_NONE;
	return o->vif_id;
}

uint16_t fdb_find(const struct fdb *f, const struct snapshot *cfg, uint16_t network_id,
	uint16_t vid, const uint8_t *mac, uint64_t now_ns)
{
	struct ixtab_key key = key_make(network_id, vid, mac);

	return find_place(f, cfg, &key, now_ns);
}

uint32_t fdb_record_of(const struct fdb *f, uint16_t network_id, uint16_t vid, const uint8_t *mac)
{
	struct ixtab_key key = key_make(network_id, vid, mac);

	return lookup(f, &key);
}

/* Keys of a burst, made before the table is touched so that its lines can be on their way. */
struct keyed {
	struct ixtab_key src, dst;
};

static void prefetch(const struct fdb *f, const struct ixtab_key *key)
{
	uint32_t index = *hot_slot(f, key);

	rte_prefetch0(&f->owner[index]);
	if (index != IXTAB_NONE)
		rte_prefetch0(record_at(f, index));
}

static void key_packet(const struct fdb *f, const struct pkt *p, struct keyed *k)
{
	const uint8_t *eth = pkt_bytes(p);
	uint16_t vid = key_vid(p);

	k->src = key_make(p->network_id, vid, eth + 6);
	k->dst = key_make(p->network_id, vid, eth);
	prefetch(f, &k->src);
	prefetch(f, &k->dst);
}

#define LEARN_GROUP 32

static void learn_group(const struct learn_ctx *l, struct pkt *pkts, unsigned n)
{
	struct keyed keyed[LEARN_GROUP];

	for (unsigned i = 0; i < n; i++)
		if (pkts[i].drop == DROP_NONE)
			key_packet(l->f, &pkts[i], &keyed[i]);
	for (unsigned i = 0; i < n; i++) {
		struct pkt *p = &pkts[i];
		const struct snap_port *port;

		if (p->drop != DROP_NONE)
			continue;
		port = &l->cfg->port[p->in_vif];
		if (port->flags & SNAP_PORT_LEARN)
			learn_source(l, port, &keyed[i].src);
		if ((p->flags & PKT_IS_MCAST) == 0)
			p->dst_vif = find_place(l->f, l->cfg, &keyed[i].dst, l->now_ns);
	}
}

void fdb_learn(struct fdb *f, const struct snapshot *cfg, struct burst *b,
	struct vif_counters *vif_counters, uint64_t now_ns)
{
	const struct learn_ctx l = { f, cfg, vif_counters, now_ns };

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
			&& has_aged(record_at(f, index), cfg, f->owner[index].network_id, now_ns))
			entry_del(f, index);
	}
}

uint32_t fdb_flush(struct fdb *f, uint16_t network_id, uint16_t vif_id)
{
	uint32_t n = 0;

	if (f == NULL)
		return 0;
	for (uint32_t index = 1; index <= f->tab.n_high; index++) {
		const struct fdb_owner *o = &f->owner[index];

		if (o->network_id == NETWORK_ID_NONE || o->origin != FDB_ORIGIN_LEARNED)
			continue;
		if ((network_id != 0 && o->network_id != network_id)
			|| (vif_id != 0 && o->vif_id != vif_id))
			continue;
		entry_del(f, index);
		n++;
	}
	return n;
}

uint32_t fdb_count(const struct fdb *f, uint16_t vif_id)
{
	return vif_id < VIF_ID_MAX ? f->vif[vif_id].n : 0;
}

/* Does the entry at @index still have a place in @cfg?  Local entries are made anew. */
static bool entry_fits(const struct fdb *f, const struct snapshot *cfg, uint32_t index)
{
	const struct fdb_owner *o = &f->owner[index];
	const struct snap_port *port = snapshot_port(cfg, o->vif_id);

	unsigned vid = record_at(f, index)->key.a >> 48 & 0xfff;

	if (port == NULL || port->network_id != o->network_id || o->origin == FDB_ORIGIN_LOCAL)
		return false;
	if (cfg->vlans[o->vif_id] == NULL ? vid != 0
					  : !vlan_has(cfg->vlans[o->vif_id]->member, vid))
		return false;
	return o->origin == FDB_ORIGIN_STATIC || (port->flags & SNAP_PORT_UP) != 0;
}

static void add_local(struct fdb *f, const struct snapshot_network *net, uint64_t now_ns)
{
	uint16_t vid = net->conf.vlan != SNAP_VLAN_NONE ? VLAN_VID_DEFAULT : 0;
	struct ixtab_key key = key_make(net->conf.network_id, vid, net->conf.leg_mac);
	uint32_t index = lookup(f, &key);

	if (net->conf.leg_vif_id == VIF_ID_NONE || (key.a << 16) == 0)
		return;
	if (index != IXTAB_NONE)
		entry_del(f, index);
	if (f->tab.n_live >= f->tab.n_slots) {
		uint32_t oldest = f->vif[find_fat(f, NULL)].oldest;

		if (oldest == IXTAB_NONE)
			return; /* nothing but local entries: flooding reaches the leg as well */
		entry_del(f, oldest);
	}
	entry_add(f, &key, net->conf.leg_vif_id, FDB_ORIGIN_LOCAL, now_ns);
}

void fdb_sync(struct fdb *f, const struct snapshot *cfg, uint64_t now_ns)
{
	for (uint32_t index = 1; index <= f->tab.n_high; index++)
		if (f->owner[index].network_id != NETWORK_ID_NONE && !entry_fits(f, cfg, index))
			entry_del(f, index);
	for (uint16_t id = 1; id < NETWORK_ID_MAX; id++)
		if (cfg->network[id].conf.network_id != NETWORK_ID_NONE)
			add_local(f, &cfg->network[id], now_ns);
	memset(f->network_fat, 0, sizeof(f->network_fat));
	f->generation = cfg->generation;
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
		if (!ixtab_read(&f->tab, index, &r) || !record_is_sound(&r))
			continue;
		if ((at->network_id != 0 && r.key.b != at->network_id)
			|| has_aged(&r, cfg, (uint16_t)r.key.b, at->now_ns))
			continue;
		age_ns = at->now_ns > r.last_seen_ns ? at->now_ns - r.last_seen_ns : 0;
		out[n] = (struct msg_fdb_entry){
			.vid = (uint16_t)(r.key.a >> 48),
			.network_id = (uint16_t)r.key.b,
			.vif_id = r.vif_id,
			.age_ms = (uint32_t)MIN(age_ns / NS_PER_MS, (uint64_t)UINT32_MAX),
			.origin = r.origin,
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

struct seen {
	uint64_t seen_ns;
	uint32_t index;
};

static int seen_compare(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	return x->seen_ns < y->seen_ns ? -1 : x->seen_ns > y->seen_ns;
}

/* Rebuild owners and lists from the records that attach kept, oldest first. */
static int owners_rebuild(struct fdb *f, uint64_t now_ns)
{
	struct seen *order = calloc((size_t)f->tab.n_live + 1, sizeof(*order));
	uint32_t n = 0;

	if (order == NULL)
		return -ENOMEM;
	for (uint32_t index = 1; index <= f->tab.n_high; index++) {
		struct fdb_record *r = record_at(f, index);

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
			= *(const volatile struct fdb_record *)record_at(f, order[i].index);

		if (!record_is_sound(&r))
			continue; /* nobody owns it: it is never found */
		f->owner[order[i].index] = (struct fdb_owner){
			.vif_id = r.vif_id,
			.network_id = (uint16_t)r.key.b,
			.origin = r.origin,
			.touched_ns = order[i].seen_ns,
		};
		if (r.origin == FDB_ORIGIN_LEARNED)
			list_add(f, order[i].index);
	}
	free(order);
	return 0;
}

struct fdb *fdb_attach(void *segment, size_t size, uint64_t now_ns, struct err *e)
{
	static const struct ixtab_conf conf = {
		.kind = SEGMENT_FDB,
		.version = FDB_VERSION,
		.rec_size = sizeof(struct fdb_record),
		.stable_len = 16,
		.is_sound = record_is_sound,
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
			: owners_rebuild(f, now_ns);
	}
	if (rc < 0) {
		err_set(e, rc, "fdb", "cannot use a segment of %zu bytes: %s", size, strerror(-rc));
		fdb_detach(f);
		return NULL;
	}
	return f;
}
