/* SPDX-License-Identifier: Apache-2.0 */
/* neigh_store.h - what a dead engine knew about neighbours, for the next one.
 *
 * What it is: records in the segment SEGMENT_NEIGH (vswitch/base/ixtab.h), one for each neighbour
 * whose MAC is known.  The table in use is bridge/neigh.c's own, private one; this is its shadow,
 * written when something changes and read at attach only.
 * Life:
 *   1. neigh_store_attach() to the segment of a dead engine, or a new one; neigh_store_read();
 *   2. neigh_store_put(), neigh_store_touch(), neigh_store_del() as neighbours change;
 *   3. neigh_store_detach(): the records stay.
 * Threads: one worker writes. */
#pragma once

#include "vswitch/abi/limits.h"
#include "vswitch/base/err.h"
#include "vswitch/base/ixtab.h"

struct neigh_record {
	struct ixtab_rec rec;
	struct ixtab_key key; /* a: SipHash of the address; b: network id */
	/* stable */
	uint8_t addr[16]; /* IPv4 as v4-mapped */
	uint8_t mac[6];
	uint16_t network_id;
	/* hot */
	uint64_t since_ns; /* confirmed; CLOCK_MONOTONIC */
	uint64_t reachable_until_ns; /* as far as is known; 0: in doubt, or not confirmed */
};
static_assert(sizeof(struct neigh_record) == 64, "one cache line a record; layout is shared");
static_assert((NEIGH_TABLE_MAX + 1) * sizeof(struct neigh_record) == SEGMENT_NEIGH_SIZE,
	"one record for each entry, and the header");

struct neigh_store {
	struct ixtab tab; /* .hdr NULL: there is no segment, and nothing is kept */
};

/* What a record says. */
struct neigh_known {
	uint8_t addr[16];
	uint8_t mac[6];
	uint16_t network_id;
	uint64_t since_ns;
	uint64_t reachable_until_ns;
	uint32_t index; /* of the record */
};

/* 0 or -errno with @e. */
[[nodiscard]] int neigh_store_attach(
	struct neigh_store *s, void *segment, size_t size, struct err *e);
void neigh_store_detach(struct neigh_store *s);

/* Copy all sound records to @out (NEIGH_TABLE_MAX), longest not confirmed first, no time behind
 * @now_ns; others are deleted.  Returns how many. */
uint32_t neigh_store_read(struct neigh_store *s, uint64_t now_ns, struct neigh_known *out);

/* Write @known; its .index is that of its record, IXTAB_NONE: it has none yet.  Returns the index,
 * IXTAB_NONE when there is no room or no segment. */
uint32_t neigh_store_put(struct neigh_store *s, const struct neigh_known *known);
/* Only the times have changed. */
void neigh_store_touch(
	struct neigh_store *s, uint32_t index, uint64_t since_ns, uint64_t reachable_until_ns);
/* .check of the record, which says address and MAC; 0: there is none. */
uint32_t neigh_store_check(const struct neigh_store *s, uint32_t index);
void neigh_store_del(struct neigh_store *s, uint32_t index);
