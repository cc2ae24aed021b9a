/* SPDX-License-Identifier: Apache-2.0 */
/* ct.h - connections: which packets belong together, and how they are translated.
 *
 * What it is: a table in the segment SEGMENT_CT.  A connection is two records, one for each way a
 * packet of it can arrive (.tuple), each naming the other; what arrives as one record says leaves
 * as the other one's turned round.  So translating is a matter of two tuples and nothing else:
 * without translation they are each other's mirror.
 * Life:
 *   1. ct_attach() to the segment of a dead engine, or a new one;
 *   2. ct_sync() whenever the snapshot changed: connections that no longer fit are forgotten;
 *   3. ct_find() for each packet, ct_add() for the first one, ct_seen() for each that passes;
 *   4. ct_age() between bursts; ct_detach(): the records stay.
 * Limits: a vif may have begun so many connections, and so many of them without an answer, as its
 * port says; else CT_VIF_MAX and CT_VIF_HALF_OPEN_MAX in profile tenant, and any number in plain.
 * When the table is full, or a vif has as many as it may, a new connection takes the place of a weak one (of the vif's own, in the latter case): one that was not answered or that
 * is closing.  No other is ever evicted.
 * Threads: one worker writes and finds; ct_dump() in the worker as well. */
#pragma once

#include "bridge/ct_ports.h"
#include "bridge/snapshot.h"
#include "vif/pkt.h"
#include "vswitch/abi/engine_msg.h"
#include "vswitch/base/ixtab.h"

enum ct_dir {
	CT_ORIG,
	CT_REPLY
};

struct ct_record {
	struct ixtab_rec rec;
	struct ixtab_key key;
	/* stable */
	struct ct_tuple tuple;
	uint32_t partner; /* index; believed at attach only */
	uint16_t vif_id; /* that began it */
	uint8_t dir; /* enum ct_dir */
	uint8_t flags; /* CT_SNAT, CT_DNAT */
	/* hot; .expires_ns, .state, .is_assured of the CT_ORIG record only */
	uint64_t expires_ns;
	uint64_t packets;
	uint64_t bytes;
	uint32_t tcp_end; /* behind the last byte sent this way */
	uint32_t tcp_ack; /* last acknowledgement sent this way */
	uint8_t state; /* enum ct_state */
	uint8_t is_assured;
	uint8_t has_tcp; /* tcp_end and tcp_ack have been seen */
	uint8_t has_fin;
	uint32_t tcp_fin; /* behind the FIN sent this way */
	uint32_t tcp_win; /* largest window offered this way, in bytes; 0: not known */
	uint8_t tcp_scale; /* 0: not known, 1 to 15: shift and 1, 16: none offered */
	uint8_t reserved[11];
};
static_assert(sizeof(struct ct_record) == 128, "two cache lines a record; layout is shared");

struct ct_owner;

/* Weak connections that a vif has begun, the first to go first; by CT_ORIG index. */
struct ct_weak {
	uint32_t first, last, n;
};

struct ct {
	struct ixtab tab;
	struct ct_owner *owner; /* by record index; private */
	uint32_t n_of[VIF_ID_MAX]; /* connections by who began them */
	uint32_t half_of[VIF_ID_MAX]; /* of these without an answer */
	struct ct_weak weak[VIF_ID_MAX];
	uint32_t n_weak; /* of all vifs */
	uint64_t n_evicted; /* that made room for another; who counts them sets it back */
	uint32_t limit_of[VIF_ID_MAX], half_limit_of[VIF_ID_MAX]; /* 0: the profile's */
	uint32_t timeout_s[NETWORK_ID_MAX][CT_TIMEOUT_N]; /* 0: the default */
	bool is_uplink[NETWORK_ID_MAX];
	uint32_t weak_peak; /* of .heaviest since it was looked for */
	uint16_t heaviest; /* vif with about the most weak ones */
	uint32_t age_cursor;
	uint64_t age_next_ns;
	uint64_t random; /* state of the choice of ports */
	bool is_shared; /* the kernel counts in the same records (vif/netdev_flow.h) */
	struct ct_ports *ports;
};

/* What a lookup needs, made before the table is touched. */
struct ct_key {
	struct ixtab_key key;
	uint64_t hash;
};

struct ct *ct_attach(void *segment, size_t size, uint64_t now_ns, struct err *e);
void ct_detach(struct ct *c);
void ct_sync(struct ct *c, const struct snapshot *cfg, uint64_t now_ns);

struct ct_key ct_key_of(const struct ct *c, const struct ct_tuple *tuple);
/* Have the lines of @key on their way. */
void ct_prefetch(const struct ct *c, const struct ct_key *key);
/* Index of the record, IXTAB_NONE: not there, or its time is over. */
uint32_t ct_find(
	struct ct *c, const struct ct_tuple *tuple, const struct ct_key *key, uint64_t now_ns);
const struct ct_record *ct_record(const struct ct *c, uint32_t index);
/* The other record of the connection. */
uint32_t ct_partner(const struct ct *c, uint32_t index);

struct ct_new {
	struct ct_tuple orig, reply;
	uint16_t vif_id;
	uint8_t flags; /* CT_SNAT, CT_DNAT */
	bool is_tenant; /* the profile's quotas count where the port has none */
	uint8_t state; /* the first one */
};
/* Index of the CT_ORIG record; IXTAB_NONE with *@why. */
uint32_t ct_add(struct ct *c, const struct ct_new *new, uint64_t now_ns, enum drop_reason *why);
void ct_del(struct ct *c, uint32_t index);
/* Forget a connection of @vif_id that is over, or was a question and its answer, the oldest first;
 * false: there is none near.  One without an answer stays: a flood is not to go on by itself. */
bool ct_make_room(struct ct *c, uint16_t vif_id);
/* Is a connection with this tuple there? */
bool ct_has(struct ct *c, const struct ct_tuple *tuple, uint64_t now_ns);
uint32_t ct_random(struct ct *c);

/* @p passes as record @index: count it, follow the state, put the end off.  bridge/ct_state.c */
void ct_seen(struct ct *c, uint32_t index, const struct pkt *p, uint64_t now_ns);
/* Is the connection of record @index one whose packets say nothing new: answered, and of TCP, established?
 * Then *@state and *@is_assured are those of its CT_ORIG record. */
bool ct_is_steady(const struct ct *c, uint32_t index, uint8_t *state, uint8_t *is_assured);
/* State of a connection that begins with @p; 0: cannot begin one (@is_strict: TCP needs SYN). */
uint8_t ct_first_state(const struct pkt *p, bool is_strict);
/* For the use of ct_state.c, which sets .is_assured before. */
void ct_set_state(struct ct *c, uint32_t orig_index, uint8_t state);
struct ct_age_of {
	uint8_t proto, state;
	bool is_assured;
};
/* As @network_id, which guests are in, says; @c NULL: as nobody said. */
uint64_t ct_timeout_ns(const struct ct *c, uint16_t network_id, const struct ct_age_of *age);
/* The network of the guest that the connection is of; of two: that began it. */
uint16_t ct_guests_of(const struct ct *c, uint32_t orig_index);

void ct_age(struct ct *c, uint64_t now_ns);
/* Forget those of a network, begun by a vif, or (0, 0) all; returns how many. */
uint32_t ct_flush(struct ct *c, uint16_t network_id, uint16_t vif_id);
uint32_t ct_count(const struct ct *c, uint16_t vif_id);

struct ct_dump {
	uint16_t network_id, vif_id; /* 0: all */
	uint32_t cursor; /* 0 at first and at the end */
	uint64_t now_ns;
};
uint32_t ct_dump(const struct ct *c, struct ct_dump *at, struct msg_ct_entry *out, uint32_t max);

/* Is the tuple IPv4, and of what protocol?  Fill @t from @p, whose L4 header is there for TCP, UDP
 * and echo; false: @p has no tuple (ICMP other than echo). */
bool ct_tuple_of(const struct pkt *p, struct ct_tuple *t);
/* The packet that answers @t, as it arrives in @network_id. */
struct ct_tuple ct_mirror(const struct ct_tuple *t, uint16_t network_id);
