/* SPDX-License-Identifier: Apache-2.0 */
/* mdb.h - who of a network wants to hear which multicast groups (RFC 4541).
 *
 * What it is: groups by (network, VLAN, address), each with its members: the vifs that asked for it,
 * with their filters of sources; and for each network the queriers and routers that were heard of.
 * Life:
 *   1. mdb_create(), once a pipeline;
 *   2. mdb_sync() whenever the snapshot changed: static entries, members on ports that are gone;
 *   3. mdb_snoop() for every burst: hears what groups are joined and left, and says of each group
 *      frame which vifs it goes to; mdb_again() for frames that go on in a later burst;
 *   4. mdb_due_ns(): when mdb_snoop() is to be called although no frame came (queries);
 *   5. mdb_destroy(): nothing outlives it.  The next engine floods until it knows better.
 * Limits: entries (groups, and sources of groups) of a vif and of a network, messages a second of a
 * vif.  A network whose table is full floods for a membership interval, rather than to lose.
 * Threads: the worker's, all of it. */
#pragma once

#include "bridge/snapshot.h"
#include "vif/burst.h"
#include "vswitch/abi/counters.h"
#include "vswitch/abi/engine_msg.h"

struct mdb;

struct mdb *mdb_create(void); /* NULL: no memory */
/* Another engine was here before: what it knew of routers takes a while to be said again. */
void mdb_succeed(struct mdb *m, uint64_t now_ns);
void mdb_destroy(struct mdb *m);

void mdb_sync(struct mdb *m, const struct snapshot *cfg, uint64_t now_ns);

struct mdb_io {
	const struct snapshot *cfg;
	struct vif_counters *vif_counters;
	struct rte_mempool *pool; /* for queries */
	uint64_t now_ns;
};
/* Packet after packet, in arrival order: hear it, then set .mcast_set to one of @b->mcast_sets when
 * it is not to be flooded.  Queries that are due are appended. */
void mdb_snoop(struct mdb *m, const struct mdb_io *io, struct burst *b);
/* Make the sets of the packets from @first on anew, which they had in an earlier burst. */
void mdb_again(struct mdb *m, const struct mdb_io *io, struct burst *b, uint16_t first);

/* 0: never. */
uint64_t mdb_due_ns(const struct mdb *m);

/* Groups and sources of a vif; of a network. */
uint32_t mdb_count_vif(const struct mdb *m, uint16_t vif_id);
uint32_t mdb_count_network(const struct mdb *m, uint16_t network_id);

struct mdb_dump {
	uint16_t network_id; /* 0: all */
	uint32_t cursor; /* 0 at first; moved on by each call; 0 again: that was all */
	uint64_t now_ns;
};
/* Copy up to @max entries; returns how many. */
uint32_t mdb_dump(struct mdb *m, struct mdb_dump *at, struct msg_mdb_entry *out, uint32_t max);
