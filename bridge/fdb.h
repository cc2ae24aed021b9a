/* SPDX-License-Identifier: Apache-2.0 */
/* fdb.h - forwarding database: which vif a MAC of a network was last seen on.
 *
 * What it is: one table for all networks in the segment SEGMENT_FDB, key (network, VLAN, MAC).
 * Entries are learned from source addresses, age, move and are limited per vif and per network.
 * The administrator's (snapshot) do not age: static ones move when their address is seen elsewhere,
 * sticky ones do not; local ones lead to the host leg, whose own MAC is one of them.
 * Life:
 *   1. fdb_attach() to the mapped segment of a dead engine, or a new one;
 *   2. fdb_sync() whenever the snapshot changed: local entries, entries of ports that are gone;
 *   3. fdb_learn() for every burst; fdb_age() now and then;
 *   4. fdb_detach(): the entries stay in the segment.
 * Limits: a vif at its own limit teaches nothing more.  A network (or the table) at its limit
 * takes the oldest entry of the vif that holds most, so that one guest's flood of addresses costs
 * that guest alone; the one that holds most is refused.  Refusals are counted as fdb_refused; the
 * frame is forwarded all the same.
 * Threads: one worker, the owner, writes and finds; fdb_dump() may be called by any thread at any time, and
 * other workers look by fdb_peek() (bridge/fdb_peek.h). */
#pragma once

#include "bridge/snapshot.h"
#include "vif/burst.h"
#include "vswitch/abi/counters.h"
#include "vswitch/abi/engine_msg.h"
#include "vswitch/base/ixtab.h"

struct fdb_record {
	struct ixtab_rec rec;
	struct ixtab_key key; /* a: MAC in bytes 0..5, VLAN in 6..7; b: network id */
	/* stable */
	uint16_t vif_id;
	uint8_t origin; /* enum fdb_origin */
	uint8_t is_sticky;
	uint16_t home_vif_id; /* static entries: where the administrator put them */
	uint8_t reserved0[2];
	uint32_t moves;
	uint32_t reserved1;
	/* hot */
	uint64_t last_seen_ns; /* CLOCK_MONOTONIC */
	uint64_t reserved2[2];
};
static_assert(sizeof(struct fdb_record) == 64, "one cache line a record; layout is shared");

struct fdb_owner;
struct fdb_vif;

struct fdb {
	struct ixtab tab;
	uint64_t generation; /* of the snapshot it was last synced with */
	struct fdb_owner *owner; /* by record index: whose entry it is; private */
	struct fdb_vif *vif; /* by vif id: its learned entries, oldest first; private */
	uint32_t *hot; /* record index last found, by a mix of the key; private */
	uint32_t network_n[NETWORK_ID_MAX]; /* learned entries */
	uint16_t network_fat[NETWORK_ID_MAX]; /* vif that held most when last looked for */
	uint16_t table_fat;
	uint32_t n_refused; /* because the vif itself held most */
	uint32_t n_displaced; /* packets that the last fdb_learn() has marked so */
	uint32_t age_cursor;
	uint64_t age_next_ns;
};

/* Attach to the segment at @segment; NULL with @e.  @now_ns bounds the times that are in it. */
struct fdb *fdb_attach(void *segment, size_t size, uint64_t now_ns, struct err *e);
void fdb_detach(struct fdb *f);

/* Make the table fit @cfg: the administrator's entries and those of host legs; forget what was
 * learned on ports that are gone, down, in another network or not in the VLAN any more. */
void fdb_sync(struct fdb *f, const struct snapshot *cfg, uint64_t now_ns);

/* Packet after packet, in arrival order: learn the source (.is_displaced: it was on another vif),
 * then look the destination up and set .dst_vif (VIF_ID_NONE: unknown, or a group).  One pass,
 * because a packet that was received before its destination spoke must be flooded, in whatever burst
 * the two arrived. */
void fdb_learn(struct fdb *f, const struct snapshot *cfg, struct burst *b,
	struct vif_counters *vif_counters, uint64_t now_ns);

/* Forget a slice of what has aged; called between bursts, cheap when called too often. */
void fdb_age(struct fdb *f, const struct snapshot *cfg, uint64_t now_ns);

/* The vif @mac is on, VIF_ID_NONE when unknown or aged. */
uint16_t fdb_find(const struct fdb *f, const struct snapshot *cfg, uint16_t network_id,
	uint16_t vid, const uint8_t *mac, uint64_t now_ns);

/* The record of @mac in the segment, aged or not.  Writer. */
struct fdb_found {
	uint32_t record; /* its index; IXTAB_NONE: there is none */
	uint16_t vif_id;
	uint8_t origin; /* enum fdb_origin */
};
struct fdb_found fdb_record_of(
	const struct fdb *f, uint16_t network_id, uint16_t vid, const uint8_t *mac);

/* Forget the learned entries of a network, a vif, or (0 and 0) all; returns how many.  Writer. */
uint32_t fdb_flush(struct fdb *f, uint16_t network_id, uint16_t vif_id);

/* The same for one VLAN (0: all). */
uint32_t fdb_flush_vlan(struct fdb *f, uint16_t network_id, uint16_t vif_id, uint16_t vid);
/* Forget one learned entry; false: there is none.  Writer. */
bool fdb_del(struct fdb *f, uint16_t network_id, uint16_t vid, const uint8_t *mac);

/* Learned entries a vif holds. */
uint32_t fdb_count(const struct fdb *f, uint16_t vif_id);

struct fdb_dump {
	uint16_t network_id; /* 0: all */
	uint32_t cursor; /* 0 at first; moved on by each call; 0 again: that was all */
	uint64_t now_ns;
};
/* Copy up to @max entries that have not aged; returns how many. */
uint32_t fdb_dump(const struct fdb *f, const struct snapshot *cfg, struct fdb_dump *at,
	struct msg_fdb_entry *out, uint32_t max);
