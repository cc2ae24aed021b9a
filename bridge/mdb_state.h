/* SPDX-License-Identifier: Apache-2.0 */
/* mdb_state.h - what the files of bridge/mdb*.c share; nobody else includes it.
 *
 * Records are named by indices from 1 in arrays of fixed size; 0 is none.  A timer is the time at
 * which it runs out, 0 when it does not run; one that has run out is dealt with when its group is
 * looked at next (mdb_timers_run), which nobody can tell from being dealt with at its time. */
#pragma once

#include "bridge/mcast_msg.h"
#include "bridge/mdb.h"
#include "bridge/snapshot_mcast.h"
#include "vswitch/base/siphash.h"

#define MDB_NONE 0
#define MDB_GROUPS_MAX 16383
#define MDB_MEMBERS_MAX 32767
#define MDB_SOURCES_MAX 65535
#define MDB_SIDES_MAX 16384
#define MDB_ROUTERS_MAX 4096
#define MDB_BUCKETS 16384
#define MDB_GROUP_SOURCES_MAX 32 /* of one member, as the Linux bridge has it */

/* Which records are free: a list, and all above .n_high, which were never used: what is not touched
 * costs no memory. */
struct mdb_pool {
	uint32_t free;
	uint32_t n_high;
};

enum mdb_source_flag {
	MDB_SOURCE_STATIC = 1u << 0,
	MDB_SOURCE_MARKED = 1u << 1, /* to be deleted */
	MDB_SOURCE_ASK = 1u << 2, /* to be asked for */
};

struct mdb_source {
	uint8_t addr[16];
	uint64_t timer_ns;
	uint32_t next;
	uint8_t flags; /* enum mdb_source_flag */
	uint8_t n_asks; /* queries that are still to be sent */
};

/* A vif that wants to hear a group: RFC 3376 §6.2. */
struct mdb_member {
	uint32_t group; /* MDB_NONE: free */
	uint32_t next; /* of the group; in the list of free ones */
	uint32_t next_ask, prev_ask; /* among those with queries to send */
	uint32_t first_source;
	uint16_t vif_id;
	uint8_t n_sources;
	bool is_static; /* the whole group, put there by the administrator */
	bool is_exclude; /* all sources but those whose timer does not run; else only those whose does */
	bool is_dynamic; /* somebody has asked for it */
	uint8_t n_asks; /* queries about the group that are still to be sent */
	bool is_asking; /* in the list */
	uint64_t timer_ns;
	uint64_t ask_ns; /* next query */
};

struct mdb_group {
	uint8_t addr[16];
	uint16_t network_id; /* NETWORK_ID_NONE: free */
	uint16_t vid;
	uint8_t family; /* enum mcast_family */
	bool has_sources;
	uint32_t next; /* in the bucket; in the list of free ones */
	uint32_t first_member;
	uint64_t due_ns; /* no timer of the group runs out before; 0: none runs */
	bool is_cached;
	struct port_set cached; /* its members, when no source makes a difference */
};

struct mdb_router {
	uint64_t until_ns;
	uint32_t next;
	uint16_t vif_id;
};

/* What is known of the queriers and routers of one family in a network, or in a VLAN of it. */
struct mdb_side {
	uint16_t network_id; /* NETWORK_ID_NONE: free */
	uint16_t vid; /* 0: of all VLANs */
	uint8_t family;
	uint8_t n_startup; /* own queries sent since the start */
	bool has_querier_addr;
	uint8_t querier_addr[16];
	uint16_t querier_vif;
	uint64_t other_until_ns; /* another querier is there */
	uint64_t flood_until_ns; /* not all members have answered it yet */
	uint64_t own_ns; /* next query of our own; 0: none */
	uint32_t first_router;
	uint64_t router_due_ns; /* the first of these is forgotten then; 0: there is none */
	struct port_set routers;
	uint32_t next;
};

struct mdb_vif {
	uint32_t n; /* groups and sources */
	uint64_t busy_until_ns; /* if its messages came at the rate they may */
};

struct mdb_network {
	uint32_t n; /* groups and sources */
	uint64_t full_until_ns; /* the table is full: flood */
	bool has_fresh;
	struct port_set always; /* vifs with a router, the administrator says */
	struct port_set up;
	struct port_set fresh; /* vifs that came up and have heard no query of ours yet */
};

struct mdb {
	struct sipkey key;
	uint64_t generation;
	uint64_t careful_until_ns; /* after another engine: routers may not have spoken yet */
	uint32_t group_bucket[MDB_BUCKETS];
	uint32_t side_bucket[MDB_SIDES_MAX];
	struct mdb_pool groups, members, sources, sides, routers;
	uint32_t first_asking;
	uint32_t n_refused; /* entries, for want of room; taken by who counts them */
	bool is_unsorted; /* due_ns is to be found anew */
	uint64_t due_ns; /* next query; 0: none */
	uint16_t n_sets;
	struct port_set set[BURST_MAX]; /* of packets of the burst, by .mcast_set - 1 */
	struct mdb_vif vif[VIF_ID_MAX];
	struct mdb_network network[NETWORK_ID_MAX];
	struct mdb_group group[MDB_GROUPS_MAX + 1];
	struct mdb_member member[MDB_MEMBERS_MAX + 1];
	struct mdb_source source[MDB_SOURCES_MAX + 1];
	struct mdb_side side[MDB_SIDES_MAX + 1];
	struct mdb_router router[MDB_ROUTERS_MAX + 1];
	uint8_t room[MCAST_ROOM];
};

/* A message, and where it came from. */
struct mdb_event {
	struct mdb *m;
	const struct mcast_net *net;
	const struct mcast_vif *vif;
	const struct mcast_msg *msg;
	struct mdb_side *side; /* NULL: no room */
	uint16_t network_id, vid, vif_id;
	bool is_leg;
	uint64_t now_ns;
};

static inline bool mdb_is_running(uint64_t timer_ns, uint64_t now_ns)
{
	return timer_ns != 0 && now_ns < timer_ns;
}

/* bridge/mdb_table.c: records. */
struct mdb_group *mdb_group_find(
	struct mdb *m, uint16_t network_id, uint16_t vid, const uint8_t addr[16]);
struct mdb_member *mdb_member_find(struct mdb *m, const struct mdb_group *g, uint16_t vif_id);
struct mdb_source *mdb_source_find(
	struct mdb *m, const struct mdb_member *mb, const uint8_t addr[16]);
/* The member of @vif_id, made with its group when it is not there; NULL: a limit was reached. */
struct mdb_member *mdb_member_add(const struct mdb_event *e, const uint8_t addr[16]);
/* NULL: a limit was reached, or nobody can have this address. */
struct mdb_source *mdb_source_add(
	const struct mdb_event *e, struct mdb_member *mb, const uint8_t addr[16]);
void mdb_source_del(struct mdb *m, struct mdb_member *mb, struct mdb_source *s);
/* Forget what was learned; the member goes unless something static is left. */
void mdb_member_clear(struct mdb *m, struct mdb_member *mb);
/* Forget all of it. */
void mdb_member_del(struct mdb *m, struct mdb_member *mb);
/* Something about the members of the group has changed, or a timer of it. */
void mdb_group_changed(struct mdb *m, struct mdb_group *g);
struct mdb_side *mdb_side_find(
	struct mdb *m, uint16_t network_id, uint16_t vid, enum mcast_family family);
struct mdb_side *mdb_side_add(struct mdb *m, uint16_t network_id, uint16_t vid,
	enum mcast_family family, uint64_t now_ns);
void mdb_side_del(struct mdb *m, struct mdb_side *s);
struct mdb_router *mdb_router_add(struct mdb *m, struct mdb_side *s, uint16_t vif_id);
void mdb_router_del(struct mdb *m, struct mdb_side *s, uint32_t *at);

/* bridge/mdb_filter.c: what members want. */
/* Deal with the timers of @g that have run out; the group may be gone afterwards: false. */
bool mdb_timers_run(struct mdb *m, struct mdb_group *g, uint64_t now_ns);
/* What a report or leave changes; false: a limit was reached. */
bool mdb_filter_hear(const struct mdb_event *e);
/* Does @mb want packets from @source? */
bool mdb_filter_wants(struct mdb *m, const struct mdb_member *mb, const uint8_t source[16],
	bool has_filters, uint64_t now_ns);

/* bridge/mdb_query.c: who asks. */
void mdb_query_hear(const struct mdb_event *e);
void mdb_router_hear(const struct mdb_event *e);
/* Forget routers that were not heard of for long enough. */
void mdb_routers_run(struct mdb *m, struct mdb_side *s, uint64_t now_ns);
/* The side of a network that @vid belongs to, made when it is not there; NULL: no room. */
struct mdb_side *mdb_query_side(struct mdb *m, const struct mcast_net *net, uint16_t vid,
	enum mcast_family family, uint64_t now_ns);
bool mdb_query_has_any(const struct mdb_side *s, const struct mcast_net *net, uint64_t now_ns);
/* Do we ask in this network? */
bool mdb_query_is_ours(const struct mdb_side *s, const struct mcast_net *net, uint64_t now_ns);
/* Send what is due, and find out when that will be next. */
void mdb_query_run(struct mdb *m, const struct mdb_io *io, struct burst *b);
/* Queries about @mb, or some of its sources, are to be sent from now on. */
void mdb_query_ask(const struct mdb_event *e, struct mdb_member *mb);
void mdb_query_ask_end(struct mdb *m, struct mdb_member *mb);
