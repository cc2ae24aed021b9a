/* SPDX-License-Identifier: Apache-2.0 */
/* ixtab.c - index-based hash table over records in shared memory; see ixtab.h for the contract.
 *
 * From: bridge/fdb.c, and every table that must outlive an engine.  To: the segment.
 * Theory: only records are shared.  A record is whole when its sequence number is even and not 0
 * and its keyed check fits; whatever a crash, a bug or a bit flip left behind fails one of the two
 * and is dropped at attach.  The index (buckets, chains, free list) is derived, cheap to rebuild
 * and therefore private: following a chain that lives in shared memory would need a bound at every
 * step, and its repair would be a second, less tested writer.
 * Invariants: every record from 1 to n_slots is in exactly one bucket chain or in the free list,
 * or above n_high; the hash in the chains is of the key the record had when it was added.
 * Thread: one writer; ixtab_read() and ixtab_find_any() from anywhere. */
#include "vswitch/base/ixtab.h"

#include "vswitch/base/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define READ_TRIES 64
#define FIND_STEPS 64 /* through a chain that changes meanwhile */

static uint64_t layout_hash(const struct ixtab_conf *conf)
{
	static const struct sipkey fixed = { 0x73616b6c61722d69, 0x787461622d763031 };
	const uint32_t shape[] = { conf->kind, conf->version, conf->rec_size, conf->stable_len,
		IXTAB_KEY_LEN, sizeof(struct ixtab_rec), sizeof(struct segment_hdr) };

	return siphash13(&fixed, shape, sizeof(shape));
}

static uint32_t record_check(const struct ixtab *t, const void *rec)
{
	uint64_t h = siphash13(&t->key, (const uint8_t *)rec + sizeof(struct ixtab_rec),
		IXTAB_KEY_LEN + t->conf.stable_len);

	return (uint32_t)(h ^ (h >> 32));
}

uint64_t ixtab_hash(const struct ixtab *t, const struct ixtab_key *key)
{
	return siphash13_2u64(&t->key, key->a, key->b);
}

static void key_of(const void *rec, struct ixtab_key *out)
{
	memcpy(out, (const uint8_t *)rec + sizeof(struct ixtab_rec), sizeof(*out));
}

/* Others may be on their way through the chains: each step is one whole store. */
static void link_set(struct ixtab *t, uint32_t index, uint32_t next, uint32_t tag)
{
	__atomic_store_n(&t->link[index].tag, tag, __ATOMIC_RELAXED);
	__atomic_store_n(&t->link[index].next, next, __ATOMIC_RELAXED);
}

static void chain_add(struct ixtab *t, uint32_t index, uint64_t hash)
{
	uint32_t *head = &t->bucket[(hash >> 32) & t->bucket_mask];

	link_set(t, index, *head, (uint32_t)hash);
	__atomic_store_n(head, index, __ATOMIC_RELEASE);
	t->n_live++;
}

static void free_add(struct ixtab *t, uint32_t index)
{
	link_set(t, index, t->free_head, 0);
	t->free_head = index;
}

uint32_t ixtab_find(const struct ixtab *t, const struct ixtab_key *key, uint64_t hash)
{
	uint32_t index = t->bucket[(hash >> 32) & t->bucket_mask];

	for (; index != IXTAB_NONE; index = t->link[index].next) {
		struct ixtab_key have;

		if (t->link[index].tag != (uint32_t)hash)
			continue;
		key_of(ixtab_rec_at(t, index), &have);
		if (have.a == key->a && have.b == key->b)
			return index;
	}
	return IXTAB_NONE;
}

uint32_t ixtab_find_any(const struct ixtab *t, uint64_t hash)
{
	uint32_t index
		= __atomic_load_n(&t->bucket[(hash >> 32) & t->bucket_mask], __ATOMIC_ACQUIRE);

	for (unsigned i = 0; i < FIND_STEPS && index != IXTAB_NONE; i++) {
		if (__atomic_load_n(&t->link[index].tag, __ATOMIC_RELAXED) == (uint32_t)hash)
			return index;
		index = __atomic_load_n(&t->link[index].next, __ATOMIC_RELAXED);
	}
	return IXTAB_NONE;
}

void ixtab_change_begin(struct ixtab *t, uint32_t index)
{
	struct ixtab_rec *rec = ixtab_rec_at(t, index);

	__atomic_store_n(&rec->seq, rec->seq | 1u, __ATOMIC_RELAXED);
	/* Nothing of the change may be seen, or survive a crash, before the odd number. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void ixtab_change_end(struct ixtab *t, uint32_t index)
{
	struct ixtab_rec *rec = ixtab_rec_at(t, index);
	uint32_t seq = (rec->seq | 1u) + 1u;

	rec->check = record_check(t, rec);
	__atomic_store_n(&rec->seq, seq != 0 ? seq : 2, __ATOMIC_RELEASE);
}

uint32_t ixtab_add(struct ixtab *t, const struct ixtab_key *key, uint64_t hash)
{
	uint32_t index = t->free_head;
	uint8_t *rec;

	if (index != IXTAB_NONE)
		t->free_head = t->link[index].next;
	else if (t->n_high < t->n_slots)
		/* The control thread walks up to n_high while we write. */
		__atomic_store_n(&t->n_high, index = t->n_high + 1, __ATOMIC_RELAXED);
	else
		return IXTAB_NONE;
	ixtab_change_begin(t, index);
	rec = ixtab_rec_at(t, index);
	memcpy(rec + sizeof(struct ixtab_rec), key, sizeof(*key));
	memset(rec + sizeof(struct ixtab_rec) + sizeof(*key), 0,
		t->conf.rec_size - sizeof(struct ixtab_rec) - sizeof(*key));
	chain_add(t, index, hash);
	return index;
}

/* Take @index out of the chain it is in; the bucket is searched by the private tag's hash, never
 * by the shared key, which a broken segment may have changed under us. */
static void chain_del(struct ixtab *t, uint32_t index)
{
	struct ixtab_key key;
	uint32_t *at;

	key_of(ixtab_rec_at(t, index), &key);
	at = &t->bucket[(ixtab_hash(t, &key) >> 32) & t->bucket_mask];
	while (*at != IXTAB_NONE && *at != index)
		at = &t->link[*at].next;
#ifndef SAKLAR_PLANTED_BUG /* with it: keys in the segment are believed to stay what they are */
	for (uint32_t b = 0; *at != index && b <= t->bucket_mask; b++) {
		at = &t->bucket[b]; /* the key was changed under us: search everywhere */
		while (*at != IXTAB_NONE && *at != index)
			at = &t->link[*at].next;
	}
#endif
	CHECK(*at == index);
	__atomic_store_n(at, t->link[index].next, __ATOMIC_RELAXED);
	t->n_live--;
}

void ixtab_del(struct ixtab *t, uint32_t index)
{
	struct ixtab_rec *rec = ixtab_rec_at(t, index);

	chain_del(t, index);
	__atomic_store_n(&rec->seq, 0, __ATOMIC_RELEASE);
	free_add(t, index);
}

/* The copy races with the writer on purpose, and is thrown away when it did. */
__attribute__((no_sanitize("thread"))) bool ixtab_read(
	const struct ixtab *t, uint32_t index, void *out)
{
	const struct ixtab_rec *rec = ixtab_rec_at(t, index);
	const volatile uint64_t *from = (const volatile uint64_t *)(const void *)rec;
	uint64_t *to = out;

	for (unsigned i = 0; i < READ_TRIES; i++) {
		uint32_t seq = __atomic_load_n(&rec->seq, __ATOMIC_ACQUIRE);

		if (seq == 0)
			return false;
		for (uint32_t word = 0; word < t->conf.rec_size / 8; word++)
			to[word] = from[word];
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if ((seq & 1) == 0 && __atomic_load_n(&rec->seq, __ATOMIC_RELAXED) == seq)
			return true;
	}
	return false;
}

/* Is the record at @index one that a clean change left behind, with a key that is not there yet? */
static bool record_is_whole(const struct ixtab *t, uint32_t index, uint64_t *hash)
{
	const struct ixtab_rec *rec = ixtab_rec_at(t, index);
	struct ixtab_key key;

	if (rec->seq == 0 || (rec->seq & 1) != 0 || rec->check != record_check(t, rec))
		return false;
	key_of(rec, &key);
	*hash = ixtab_hash(t, &key);
	if (ixtab_find(t, &key, *hash) != IXTAB_NONE)
		return false;
	return t->conf.is_sound == NULL || t->conf.is_sound(rec);
}

static void rebuild(struct ixtab *t)
{
	for (uint32_t index = 1; index <= t->n_slots; index++)
		if (((struct ixtab_rec *)ixtab_rec_at(t, index))->seq != 0)
			t->n_high = index;
	for (uint32_t index = 1; index <= t->n_high; index++) {
		struct ixtab_rec *rec = ixtab_rec_at(t, index);
		uint64_t hash;

		if (record_is_whole(t, index, &hash)) {
			chain_add(t, index, hash);
			continue;
		}
		t->n_broken += rec->seq != 0;
		rec->seq = 0;
		free_add(t, index);
	}
	t->n_kept = t->n_live;
}

static bool header_fits(const struct ixtab *t, size_t size)
{
	const struct segment_hdr *h = t->hdr;

	return h->magic == STATE_MAGIC && h->kind == t->conf.kind && h->version == t->conf.version
		&& h->layout_hash == layout_hash(&t->conf) && h->size == size
		&& (h->secret[0] | h->secret[1]) != 0;
}

/* Start empty.  The magic is written last: a crash before it starts empty again. */
static int header_write(struct ixtab *t, size_t size)
{
	struct segment_hdr *h = t->hdr;

	__atomic_store_n(&h->magic, 0, __ATOMIC_SEQ_CST);
	memset(t->records, 0, size - sizeof(*h));
	memset(h, 0, sizeof(*h));
	if (getrandom(h->secret, sizeof(h->secret), 0) != sizeof(h->secret))
		return -EIO;
	h->kind = t->conf.kind;
	h->version = t->conf.version;
	h->layout_hash = layout_hash(&t->conf);
	h->size = size;
	__atomic_store_n(&h->magic, STATE_MAGIC, __ATOMIC_SEQ_CST);
	return 0;
}

void ixtab_detach(struct ixtab *t)
{
	free(t->bucket);
	free(t->link);
	*t = (struct ixtab){ 0 };
}

int ixtab_attach(struct ixtab *t, void *segment, size_t size, const struct ixtab_conf *conf)
{
	uint32_t n_buckets = 64;
	int rc = 0;

	CHECK(conf->rec_size % 8 == 0 && conf->stable_len % 8 == 0);
	CHECK(sizeof(struct ixtab_rec) + IXTAB_KEY_LEN + conf->stable_len <= conf->rec_size);
	*t = (struct ixtab){ .conf = *conf, .hdr = segment };
	if (size < sizeof(*t->hdr) + conf->rec_size || size / conf->rec_size > UINT32_MAX / 4)
		return -EINVAL;
	t->records = (uint8_t *)segment + sizeof(*t->hdr);
	t->n_slots = (uint32_t)((size - sizeof(*t->hdr)) / conf->rec_size);
	while (n_buckets < t->n_slots)
		n_buckets *= 2;
	t->bucket_mask = n_buckets - 1;
	t->bucket = calloc(n_buckets, sizeof(*t->bucket));
	t->link = calloc((size_t)t->n_slots + 1, sizeof(*t->link));
	if (t->bucket == NULL || t->link == NULL)
		rc = -ENOMEM;
	if (rc == 0 && !header_fits(t, size))
		rc = header_write(t, size);
	if (rc < 0) {
		ixtab_detach(t);
		return rc;
	}
	t->key = (struct sipkey){ t->hdr->secret[0], t->hdr->secret[1] };
	rebuild(t);
	return 0;
}
