/* SPDX-License-Identifier: Apache-2.0 */
/* state.h - shared segments that outlive an engine: tables in sealed memfds made by the daemon.
 *
 * Life:
 *   1. the daemon creates a memfd of SEGMENT_SIZE(kind) zero bytes, seals its size, keeps the fd;
 *   2. the engine maps it; a zero header means "new": it writes header and secret;
 *   3. after a crash the next engine compares the header (magic, kind, version, layout hash) and
 *      validates every record; what is broken is dropped, a foreign header means starting empty.
 * Who: only the engine reads or writes the tables.  The daemon keeps fds and never dereferences,
 * the counter segment apart.  Records hold indices, never pointers. */
#pragma once

#include "vswitch/abi/limits.h"

enum segment_kind {
	SEGMENT_NONE,
	SEGMENT_COUNTERS, /* abi/counters.h */
	SEGMENT_FDB, /* vswitch/base/ixtab.h and bridge/fdb.h */
	SEGMENT_CT, /* vswitch/base/ixtab.h and bridge/ct.h: connections and their translations */
	SEGMENT_NEIGH, /* vswitch/base/ixtab.h and bridge/neigh_store.h: MACs of next hops */
	SEGMENT_VERDICT, /* abi/verdicts.h: what the kernel may do by itself */
	SEGMENT_STP, /* bridge/stp_run.c: what spanning tree ports know */
	SEGMENT_N
};

#define SEGMENT_FDB_SIZE (UINT64_C(4) << 20)
#define SEGMENT_CT_SIZE (UINT64_C(32) << 20) /* 131,071 connections */
#define SEGMENT_NEIGH_SIZE (UINT64_C(512) << 10) /* 8,191 neighbours */
#define SEGMENT_VERDICT_SIZE UINT64_C(6389760) /* VERDICTS_N elements of abi/verdicts.h */
#define SEGMENT_STP_SIZE (UINT64_C(512) << 10)
#define STATE_MAGIC UINT64_C(0x317461746b6c6b73) /* "sklktat1" */

struct segment_hdr {
	uint64_t magic;
	uint32_t kind; /* enum segment_kind */
	uint32_t version; /* of that kind's records */
	uint64_t layout_hash; /* of sizes and offsets of the record; differs: start empty */
	uint64_t secret[2]; /* SipHash key of this table, from getrandom(2) */
	uint64_t size; /* bytes of the whole segment */
	uint64_t reserved[2];
};
static_assert(sizeof(struct segment_hdr) == 64, "layout is shared");
