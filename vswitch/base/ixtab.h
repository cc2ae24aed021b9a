/* SPDX-License-Identifier: Apache-2.0 */
/* ixtab.h - hash table whose records live in a shared segment and outlive the process.
 *
 * What it is: an array of fixed-size records behind struct segment_hdr.  Every record begins with
 * struct ixtab_rec, then IXTAB_KEY_LEN bytes of key, then stable bytes (covered, with the key, by a
 * keyed check), then bytes that change with every packet (not covered; their reader must bound
 * them).  Records are named by indices from 1, never by pointers.  Buckets, chains and the list
 * of free records are private to the process: they are rebuilt from the records at attach, so
 * nothing in the segment, however broken, can lead an access astray.
 * Life:
 *   1. ixtab_attach() on a mapped segment: fresh, foreign or of a dead engine;
 *   2. the writer: ixtab_add(), ixtab_change_begin(), ixtab_change_end(), ixtab_del(), ixtab_find();
 *   3. ixtab_detach(): the records stay in the segment.
 * Crash at any instruction: .seq is odd while a record is written; the next attach drops such a
 * record, and one whose check or contents are wrong.
 * Threads: one writer, which is the only user of ixtab_find(); ixtab_read() and ixtab_find_any() may be
 * called by any thread at any time. */
#pragma once

#include "vswitch/abi/state.h"
#include "vswitch/base/siphash.h"

#define IXTAB_KEY_LEN 16
#define IXTAB_NONE 0

struct ixtab_rec {
	uint32_t seq; /* 0: free; odd: being written; even: whole */
	uint32_t check; /* of key and stable bytes, under the segment's secret */
};

struct ixtab_key {
	uint64_t a, b;
};
static_assert(sizeof(struct ixtab_key) == IXTAB_KEY_LEN, "key is two words");

struct ixtab_conf {
	uint32_t kind; /* enum segment_kind */
	uint32_t version; /* of the records; a change means starting empty */
	uint32_t rec_size; /* multiple of 8 */
	uint32_t stable_len; /* bytes behind the key that the check covers; multiple of 8 */
	/* Is this copy of a record sound?  Called at attach for records whose check is right. */
	bool (*is_sound)(const void *rec);
};

struct ixtab {
	struct ixtab_conf conf;
	struct segment_hdr *hdr;
	uint8_t *records;
	uint32_t n_slots;
	uint32_t n_live;
	uint32_t n_high; /* records above were never used since attach */
	uint32_t bucket_mask;
	struct sipkey key; /* private copy of the secret */
	uint32_t *bucket; /* index of the first record */
	struct ixtab_link *link; /* [n_slots + 1] */
	uint32_t free_head;
	uint32_t n_kept; /* by attach */
	uint32_t n_broken; /* records that attach dropped */
};

struct ixtab_link {
	uint32_t next; /* in the bucket or in the free list */
	uint32_t tag; /* low half of the hash */
};

/* Take over the segment of @size bytes mapped at @segment.  A header of zeros means new; a foreign
 * one (kind, version, layout, size) or a destroyed one means starting empty.  0, -EINVAL when the
 * segment is too small, -ENOMEM. */
[[nodiscard]] int ixtab_attach(
	struct ixtab *t, void *segment, size_t size, const struct ixtab_conf *conf);
void ixtab_detach(struct ixtab *t);

uint64_t ixtab_hash(const struct ixtab *t, const struct ixtab_key *key);
/* Index of the record with @key, whose hash is @hash, or IXTAB_NONE. */
uint32_t ixtab_find(const struct ixtab *t, const struct ixtab_key *key, uint64_t hash);
/* New record with @key, not yet there; stable and hot bytes zero.  IXTAB_NONE when full.  The
 * record is open for writing: fill it and call ixtab_change_end(). */
uint32_t ixtab_add(struct ixtab *t, const struct ixtab_key *key, uint64_t hash);
void ixtab_change_begin(struct ixtab *t, uint32_t index);
void ixtab_change_end(struct ixtab *t, uint32_t index);
void ixtab_del(struct ixtab *t, uint32_t index);
/* Copy record @index into @out (rec_size bytes, aligned to 8) as one consistent whole; false: free, or written
 * at this moment for longer than a few tries.  Any thread. */
bool ixtab_read(const struct ixtab *t, uint32_t index, void *out);
/* Index of the record that probably has the key whose hash is @hash, IXTAB_NONE: none seen.  For any thread: what the
 * writer changes at this moment may be missed, and the record must be read and compared.  */
uint32_t ixtab_find_any(const struct ixtab *t, uint64_t hash);

static inline void *ixtab_rec_at(const struct ixtab *t, uint32_t index)
{
	return t->records + (size_t)(index - 1) * t->conf.rec_size;
}
