/* SPDX-License-Identifier: Apache-2.0 */
/* neigh_store.c - keeps neighbours in a shared segment; see neigh_store.h for the contract.
 *
 * From: bridge/neigh.c.  To: the segment.
 * Theory: only what is confirmed is worth keeping: who does not answer is asked again anyway.  The
 * key cannot hold an IPv6 address and a network, so that it holds a SipHash of the address under the
 * segment's secret; attach compares it with the address that stands in the record.
 * Invariants: no index, network or address read from the segment is used unless it was copied and
 * checked; an index given to this file was returned by it.
 * Thread: worker; attach: control, before the worker has the table. */
#include "bridge/neigh_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NEIGH_VERSION 1

static struct neigh_record *record_at(const struct neigh_store *s, uint32_t index)
{
	return ixtab_rec_at(&s->tab, index);
}

static struct ixtab_key key_make(
	const struct neigh_store *s, uint16_t network_id, const uint8_t addr[16])
{
	return (struct ixtab_key){ .a = siphash13(&s->tab.key, addr, 16), .b = network_id };
}

static bool record_is_sound(const void *rec)
{
	static const uint8_t zeros[16];
	const struct neigh_record *r = rec;

	return r->network_id != NETWORK_ID_NONE && r->network_id < NETWORK_ID_MAX
		&& r->key.b == r->network_id && (r->mac[0] & 1) == 0
		&& memcmp(r->mac, zeros, 6) != 0 && memcmp(r->addr, zeros, 16) != 0;
}

static int known_compare(const void *a, const void *b)
{
	const struct neigh_known *x = a, *y = b;

	return x->since_ns < y->since_ns ? -1 : x->since_ns > y->since_ns;
}

uint32_t neigh_store_read(struct neigh_store *s, uint64_t now_ns, struct neigh_known *out)
{
	uint32_t n = 0;

	for (uint32_t index = 1; index <= s->tab.n_high; index++) {
		/* A copy: attach has checked what stood there then, and the segment is shared. */
		struct neigh_record r = *(const volatile struct neigh_record *)record_at(s, index);

		if (r.rec.seq == 0)
			continue;
		if (n == NEIGH_TABLE_MAX || !record_is_sound(&r)
			|| r.key.a != key_make(s, r.network_id, r.addr).a) {
			ixtab_del(&s->tab, index);
			s->tab.n_broken++;
			continue;
		}
		out[n] = (struct neigh_known){
			.network_id = r.network_id,
			.since_ns = MIN(r.since_ns, now_ns),
			.index = index,
		};
		memcpy(out[n].addr, r.addr, 16);
		memcpy(out[n++].mac, r.mac, 6);
	}
	qsort(out, n, sizeof(*out), known_compare);
	return n;
}

uint32_t neigh_store_put(struct neigh_store *s, const struct neigh_known *known)
{
	struct ixtab_key key;
	uint32_t index = known->index;
	struct neigh_record *r;

	if (s->tab.hdr == NULL)
		return IXTAB_NONE;
	if (index != IXTAB_NONE) {
		ixtab_change_begin(&s->tab, index);
	} else {
		key = key_make(s, known->network_id, known->addr);
		index = ixtab_add(&s->tab, &key, ixtab_hash(&s->tab, &key));
	}
	if (index == IXTAB_NONE)
		return IXTAB_NONE;
	r = record_at(s, index);
	memcpy(r->addr, known->addr, 16);
	memcpy(r->mac, known->mac, 6);
	r->network_id = known->network_id;
	r->since_ns = known->since_ns;
	r->reachable_until_ns = known->reachable_until_ns;
	ixtab_change_end(&s->tab, index);
	return index;
}

void neigh_store_touch(
	struct neigh_store *s, uint32_t index, uint64_t since_ns, uint64_t reachable_until_ns)
{
	struct neigh_record *r;

	if (index == IXTAB_NONE)
		return;
	r = record_at(s, index);
	__atomic_store_n(&r->since_ns, since_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&r->reachable_until_ns, reachable_until_ns, __ATOMIC_RELAXED);
}

uint32_t neigh_store_check(const struct neigh_store *s, uint32_t index)
{
	if (s->tab.hdr == NULL || index == IXTAB_NONE)
		return 0;
	return __atomic_load_n(&record_at(s, index)->rec.check, __ATOMIC_RELAXED);
}

void neigh_store_del(struct neigh_store *s, uint32_t index)
{
	if (index != IXTAB_NONE)
		ixtab_del(&s->tab, index);
}

void neigh_store_detach(struct neigh_store *s)
{
	ixtab_detach(&s->tab);
}

int neigh_store_attach(struct neigh_store *s, void *segment, size_t size, struct err *e)
{
	static const struct ixtab_conf conf = {
		.kind = SEGMENT_NEIGH,
		.version = NEIGH_VERSION,
		.rec_size = sizeof(struct neigh_record),
		.stable_len = 24,
		.is_sound = record_is_sound,
	};
	int rc = ixtab_attach(&s->tab, segment, size, &conf);

	static_assert(offsetof(struct neigh_record, since_ns) == 24 + 24, "stable part");
	if (rc < 0)
		err_set(e, rc, "neighbours", "cannot use a segment of %zu bytes: %s", size,
			strerror(-rc));
	return rc;
}
