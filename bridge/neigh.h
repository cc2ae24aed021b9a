/* SPDX-License-Identifier: Apache-2.0 */
/* neigh.h - who has that address?  Neighbours of router ports, and the packets that wait for them.
 *
 * What it is: one private table for all networks.  What is confirmed is kept in SEGMENT_NEIGH as well
 * (bridge/neigh_store.h): a new engine finds it there as STALE, uses it, and asks again.  It makes
 * no packets: it says when somebody must be asked, and bridge/router.c asks by ARP or ND.
 * Life of an entry:
 *   1. neigh_add() by the first packet to it: INCOMPLETE, to be asked once a second, three times;
 *   2. neigh_heard(): REACHABLE, or STALE if it only spoke; what waited is given back by neigh_take();
 *      or no answer: what waited is given back as failed, the entry is forgotten;
 *   3. 30 s later it is STALE: used, and the next packet has it asked again (PROBE); so it is when
 *      it says that its MAC has changed;
 *   4. evicted when its network is full and another is asked for.
 * Limits, where the snapshot says nothing else: NEIGH_NETWORK_MAX a network, NEIGH_UNRESOLVED_MAX a
 * vif; always: NEIGH_QUEUE_MAX packets an entry,
 * NEIGH_HELD_VIF_MAX packets a vif.
 * Threads: one worker, all of it. */
#pragma once

#include "bridge/neigh_store.h"
#include "bridge/snapshot.h"
#include "vif/burst.h"
#include "vswitch/abi/engine_msg.h"

struct neigh_table;

struct neigh {
	uint8_t addr[16];
	uint8_t mac[6];
	uint16_t network_id; /* 0: free */
	uint16_t asker_vif; /* counted against it while unresolved */
	uint8_t state; /* enum neigh_state */
	uint8_t n_asked;
	uint8_t n_held;
	bool is_timed; /* in the list of those to be asked */
	uint32_t held; /* first packet that waits; index */
	uint32_t record; /* in the segment; IXTAB_NONE: none */
	uint32_t next_in_bucket;
	uint32_t prev, next; /* of the network, least recently confirmed first */
	uint32_t prev_timed, next_timed; /* by .due_ns */
	uint64_t since_ns; /* confirmed, or first asked */
	uint64_t due_ns;
};

struct neigh_who {
	uint8_t addr[16];
	uint16_t network_id;
};

/* Without a segment: what is known dies with the table. */
struct neigh_table *neigh_create(void);
/* With what the segment at @segment says; NULL with @e.  @now_ns bounds the times in it. */
struct neigh_table *neigh_attach(void *segment, size_t size, uint64_t now_ns, struct err *e);
/* The segment stays as it is. */
void neigh_destroy(struct neigh_table *t);

/* The neighbour, NULL: not known.  Makes REACHABLE ones STALE in time. */
struct neigh *neigh_find(
	struct neigh_table *t, uint16_t network_id, const uint8_t addr[16], uint64_t now_ns);
/* A new one, to be asked at once; NULL: a limit is reached. */
struct neigh *neigh_add(struct neigh_table *t, uint16_t network_id, const uint8_t addr[16],
	uint16_t asker_vif, uint64_t now_ns);
/* A STALE one was used: have it asked. */
void neigh_probe(struct neigh_table *t, struct neigh *n, uint64_t now_ns);
/* Let @p wait for @n; its mbuf is the table's then.  False: too many wait. */
bool neigh_hold(struct neigh_table *t, struct neigh *n, struct pkt *p);

/* What a word about a neighbour is worth; RFC 826 and RFC 4861 §7.2.5 in these terms. */
enum neigh_word {
	NEIGH_MAY_ADD = 1u << 0, /* it asked us, so it will want an answer */
	NEIGH_CONFIRMS = 1u << 1, /* it answers what we asked: it hears us */
	NEIGH_OVERRIDES = 1u << 2, /* it has another MAC now */
	NEIGH_OVERRIDES_LATER = 1u << 3, /* ... unless it was heard of a moment ago */
};
/* @addr says that it has @mac (NULL: it does not say which).  A word that nobody asked for changes
 * an entry and never makes one. */
void neigh_heard(struct neigh_table *t, const struct neigh_who *who, const uint8_t *mac,
	unsigned word, uint64_t now_ns);

/* The next neighbour that is to be asked now, NULL: none (any more). */
struct neigh *neigh_next_due(struct neigh_table *t, uint64_t now_ns);
/* Take a packet that need not wait any longer; false: there is none. */
bool neigh_take(struct neigh_table *t, struct pkt *out, bool *has_failed);
/* Of the record that an entry is kept in: see neigh_store_check(). */
uint32_t neigh_check(const struct neigh_table *t, uint32_t record);
/* When neigh_next_due() has something again; 0: never. */
uint64_t neigh_due_ns(const struct neigh_table *t);
/* Packets that wait. */
uint32_t neigh_held(const struct neigh_table *t);
/* Forget those of a network, or (0) all; what waits is given back as failed. */
void neigh_flush(struct neigh_table *t, uint16_t network_id);

/* What @cfg says about how many there may be. */
void neigh_set_limits(struct neigh_table *t, const struct snapshot *cfg);

/* Forget those of all networks but @keep (NETWORK_ID_MAX of them). */
void neigh_keep(struct neigh_table *t, const bool *keep);

/* Copy up to @max of a network (0: all) from *@cursor on; 0 in it at the end. */
uint32_t neigh_dump(const struct neigh_table *t, uint16_t network_id, uint32_t *cursor,
	uint64_t now_ns, struct msg_neigh_entry *out, uint32_t max);
