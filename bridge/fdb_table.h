/* SPDX-License-Identifier: Apache-2.0 */
/* fdb_table.h - the forwarding table from inside: records, who owns them, and in which order they
 * were used.  For bridge/fdb*.c only; others use bridge/fdb.h.
 *
 * Records (vswitch/base/ixtab.h) live in the shared segment; owners and lists are private.  Each
 * vif's learned entries form a list, least recently used first, moved at most once a second: that
 * makes quotas, eviction and flushing of a vif O(1) per entry.
 * Invariants: owner[i].network_id != 0 iff record i is live; owner[i] is in the list of its vif iff
 * it was learned; nothing read from a record is used as an index.
 * Thread: the worker that owns the table; fdb_table_key() and fdb_table_has_aged() any. */
#pragma once

#include "bridge/fdb.h"
#include "vswitch/base/clock.h"

#include <string.h>

#define FDB_TOUCH_EVERY_NS NS_PER_SEC
#define FDB_HOT_BITS 12

struct fdb_owner {
	uint32_t prev, next; /* in the vif's list; learned entries only */
	uint16_t vif_id;
	uint16_t network_id; /* 0: record is not live */
	uint8_t origin; /* enum fdb_origin */
	uint8_t is_sticky;
	uint64_t touched_ns; /* when it was last moved to the end of the list */
};

struct fdb_vif {
	uint32_t oldest, newest;
	uint32_t n;
};

/* What an entry says. */
struct fdb_place {
	uint16_t vif_id;
	uint16_t home_vif_id; /* static entries: where the administrator put them */
	enum fdb_origin origin;
	bool is_sticky;
};

static inline struct fdb_record *fdb_table_at(const struct fdb *f, uint32_t index)
{
	return ixtab_rec_at(&f->tab, index);
}

static inline struct ixtab_key fdb_table_key(uint16_t network_id, uint16_t vid, const uint8_t *mac)
{
	uint32_t first;
	uint16_t last;

	/* by registers: what is stored in pieces and loaded as a whole waits for all stores before it */
	memcpy(&first, mac, sizeof(first));
	memcpy(&last, mac + sizeof(first), sizeof(last));
	return (struct ixtab_key){ .a = first | (uint64_t)last << 32 | (uint64_t)vid << 48,
		.b = network_id };
}

/* Ageing time 0 is Linux': what was learned has aged at once. */
static inline bool fdb_table_has_aged(const struct fdb_record *r, const struct snapshot *cfg,
	uint16_t network_id, uint64_t now_ns)
{
	uint64_t ageing_ns = cfg->network[network_id].conf.ageing_s * NS_PER_SEC;
	uint64_t seen_ns = __atomic_load_n(&r->last_seen_ns, __ATOMIC_RELAXED);

	return r->origin == FDB_ORIGIN_LEARNED && now_ns >= seen_ns
		&& now_ns - seen_ns >= ageing_ns;
}

/* Where the last record found for keys like @key is remembered.  The mix is cheap and keyed; who
 * makes two keys collide only makes both take the way through SipHash. */
static inline uint32_t *fdb_table_hot(const struct fdb *f, const struct ixtab_key *key)
{
	uint64_t mix = (key->a ^ key->b << 52) * (f->tab.key.k0 | 1);

	return &f->hot[mix >> (64 - FDB_HOT_BITS)];
}

/* Index of the live record with @key, or IXTAB_NONE. */
static inline uint32_t fdb_table_find(const struct fdb *f, const struct ixtab_key *key)
{
	uint32_t *hot = fdb_table_hot(f, key);
	uint32_t index = *hot;

	/* owner[IXTAB_NONE] and those of free records have network 0, which no key has. */
	if (LIKELY(f->owner[index].network_id == key->b)) {
		const struct fdb_record *r = fdb_table_at(f, index);

		if (LIKELY(r->key.a == key->a && r->key.b == key->b))
			return index;
	}
	index = ixtab_find(&f->tab, key, ixtab_hash(&f->tab, key));
	*hot = index;
	return index;
}

/* New entry; false when the table is full. */
bool fdb_table_add(
	struct fdb *f, const struct ixtab_key *key, const struct fdb_place *to, uint64_t now_ns);
/* The same where room is made at the cost of whoever holds most. */
void fdb_table_force(
	struct fdb *f, const struct ixtab_key *key, const struct fdb_place *to, uint64_t now_ns);
void fdb_table_del(struct fdb *f, uint32_t index);
/* The entry was seen on another vif. */
void fdb_table_move(struct fdb *f, uint32_t index, uint16_t vif_id, uint64_t now_ns);
/* To the end of its vif's list. */
void fdb_table_renew(struct fdb *f, uint32_t index);
/* May @port have one more learned entry?  Makes room when it is its turn. */
bool fdb_table_make_room(
	struct fdb *f, const struct snapshot *cfg, const struct snap_port *port, uint64_t now_ns);
/* Rebuild owners and lists from the records that attach kept, oldest first. */
[[nodiscard]] int fdb_table_rebuild(struct fdb *f, uint64_t now_ns);
/* Is this copy of a record one that may stand in the table? */
bool fdb_table_is_sound(const void *rec);
