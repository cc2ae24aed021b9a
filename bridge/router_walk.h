/* SPDX-License-Identifier: Apache-2.0 */
/* router_walk.h - what the files of the router share: its state, and one packet on its way.
 *
 * For bridge/router*.c only.  router.c says in which order a packet passes; router_ct.c which
 * connection it belongs to or begins; router_route.c where it goes and whether it may;
 * router_say.c what its sender is told.
 * Thread: worker. */
#pragma once

#include "bridge/frag.h"
#include "bridge/icmp_error.h"
#include "bridge/router.h"
#include "vif/burst.h"

enum {
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_ICMP6 = 58,
};

/* The connection key of a packet, made ahead. */
struct keyed {
	struct ct_tuple tuple;
	struct ct_key key;
	bool has_tuple;
	bool is_whole; /* a fragment whose datagram is there as a whole */
};

struct router {
	struct neigh_table *neigh;
	struct neigh_table *neigh_own; /* until there is a segment */
	struct ct *ct;
	struct frag_table *frag;
	struct icmp_limit limit;
	struct keyed whole; /* of the datagram whose fragments are being taken */
	struct keyed keyed[BURST_MAX]; /* by index in the burst */
};

/* One packet on its way through here. */
struct walk {
	struct pkt *p;
	uint16_t at; /* index in the burst */
	uint16_t in; /* network */
	uint16_t out;
	uint8_t src[16], dst[16]; /* dst: behind DNAT */
	uint32_t conn; /* record of the connection it belongs to, IXTAB_NONE */
	bool is_error; /* an ICMP error about conn's other way */
	bool is_new; /* .new begins a connection with it */
	bool must_pick; /* .new wants a port */
	bool is_reject; /* the route leads where the rules do not */
	bool must_cut; /* larger than the way out */
	struct ct_new new;
	uint8_t hop[16]; /* whom it is sent to */
};

/* router_say.c */

/* Where a frame of our own goes. */
struct whither {
	uint16_t network_id;
	uint16_t because; /* of this vif */
	uint16_t dst_vif; /* VIF_ID_NONE: who hears it */
};

/* Room for another packet behind index @at; NULL: the burst is full. */
struct pkt *router_say_insert(struct router *r, struct burst *b, uint16_t at);
/* Send a frame of our own, behind index @at. */
void router_say_frame(struct router *r, const struct router_io *io, uint16_t at, struct rte_mbuf *m,
	const struct whither *to);
/* Drop the packet for @reason and tell its sender. */
void router_say_refuse(struct router *r, const struct router_io *io, struct walk *w,
	enum drop_reason reason, enum icmp_why why, uint16_t mtu);

/* router_ct.c */

/* Make the key of packet @i ahead; of a fragment: that of its datagram. */
void router_ct_key(struct router *r, const struct snapshot *cfg, const struct pkt *p, unsigned i);
/* What a first fragment says of its datagram. */
void router_ct_key_whole(struct router *r, const struct snapshot *cfg, const struct pkt *p);
/* Fill .src and .dst from the packet. */
void router_ct_load_addrs(struct walk *w);
/* The uplink whose address @w is sent to, or NETWORK_ID_NONE. */
uint16_t router_ct_local_uplink(const struct snapshot *cfg, const struct walk *w);
/* Is what leaves @network_id translated, in @w's family? */
bool router_ct_is_nat(const struct snapshot *cfg, const struct walk *w, uint16_t network_id);
/* The connection that @w belongs to, or the forward that makes it one. */
enum drop_reason router_ct_in(struct router *r, const struct router_io *io, struct walk *w);
/* Have @w leave with the address that its guest has in the network's pool, or with one behind it.
 * False: there is none. */
bool router_ct_pool(
	const struct router *r, const struct snapshot *cfg, struct walk *w, unsigned attempt);
/* Plan the translation of what leaves a NAT network. */
enum drop_reason router_ct_out(struct router *r, const struct router_io *io, struct walk *w);

/* router_route.c */

/* Find .out and .hop; false: @w goes no further. */
bool router_route_find(struct router *r, const struct router_io *io, struct walk *w);
/* False: too large for the way out. */
bool router_route_mtu_fits(struct router *r, const struct router_io *io, struct walk *w);
/* Decision 0010: may nobody in this network have @w's source, since another guests' network has? */
bool router_route_is_others_source(const struct snapshot *cfg, const struct walk *w);
/* libvirt's rules for what belongs to no connection. */
bool router_route_allows(const struct snapshot *cfg, const struct walk *w);
