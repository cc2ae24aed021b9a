/* SPDX-License-Identifier: Apache-2.0 */
/* verdicts.h - decisions of the pipeline about flows between kernel netdevs, for the programs in
 * vif/netdev.bpf.c to carry out.
 *
 * What it is: a BPF array map (BPF_F_MMAPABLE) of 64-byte elements that the daemon makes, the engine
 * maps and writes, and the kernel's programs read.  SEGMENT_FDB is such a map as well, with element i
 * the record i of the forwarding table: a verdict names the records of both its MACs, and holds only
 * as long as these say what they said when the pipeline decided.
 * Frames to a router's MAC have two verdicts: a struct verdict says that they are the router's, and a
 * struct verdict_flow what it does with those of one connection.  The latter names, likewise, a record
 * of SEGMENT_CT (two elements: tuple, and what changes) and one of SEGMENT_NEIGH.
 * Elements: 0 struct segment_hdr; VERDICTS_CONTROL; a slot for each CPU; counters for each vif;
 * VERDICT_SETS sets of VERDICT_WAYS verdicts; an edit for each CPU; VERDICT_FLOW_SETS of flows.
 * Writers: the engine writes control, verdicts and flows, the programs slots, edits and counters,
 * and in a connection's record what ct_seen() writes there.  A verdict's .seq
 * is odd while it is written.  Readers on both sides treat all of it as hostile: an index is bounded
 * by the map, and the way out is a vif id, which a map that only the daemon writes makes a device.
 * Included by BPF code too, which has no libc. */
#pragma once

#ifdef __bpf__
typedef __UINT8_TYPE__ uint8_t;
typedef __UINT16_TYPE__ uint16_t;
typedef __UINT32_TYPE__ uint32_t;
typedef __UINT64_TYPE__ uint64_t;
typedef __INT32_TYPE__ int32_t;
typedef __INT64_TYPE__ int64_t;
#define UINT64_C(c) c##ULL
#define VIF_ID_MAX 1024
#define VERDICT_ASSERT(what, text) _Static_assert(what, text)
#else
#include "vswitch/abi/limits.h"
#define VERDICT_ASSERT(what, text) static_assert(what, text)
#endif

#define SEGMENT_FDB_ELEMS 65536
#define SEGMENT_CT_ELEMS 524288
#define SEGMENT_NEIGH_ELEMS 8192
#define VERDICT_ELEM 64 /* bytes of each element of both maps */
#define VERDICTS_CONTROL 1
#define VERDICTS_SLOT 2 /* of CPU 0 */
#define VERDICT_CPUS 254 /* others have no fast path */
#define VERDICTS_VIF (VERDICTS_SLOT + VERDICT_CPUS) /* counters of vif 0 */
#define VERDICTS_FIRST (VERDICTS_VIF + VIF_ID_MAX)
#define VERDICT_WAYS 4
#define VERDICT_SETS 8192 /* a power of two */
#define VERDICTS_EDIT (VERDICTS_FIRST + VERDICT_SETS * VERDICT_WAYS) /* of CPU 0 */
#define VERDICTS_FLOW (VERDICTS_EDIT + VERDICT_CPUS)
#define VERDICT_FLOW_SETS 16384 /* a power of two */
#define VERDICTS_N ((VERDICTS_FLOW + VERDICT_FLOW_SETS * VERDICT_WAYS + 63) / 64 * 64) /* pages */
#define VERDICT_ROUTER 0xffffu /* .out_vif: what the router does with it says a flow */

struct verdict_control {
	uint64_t secret[2]; /* SipHash key of the sets, from getrandom(2) */
	uint32_t generation; /* verdicts of another one do not count */
	uint32_t reserved0;
	uint64_t reserved[5];
};
VERDICT_ASSERT(sizeof(struct verdict_control) == VERDICT_ELEM, "layout is shared");

/* What the socket's filter has decided about the packet that the tc program gets next on this CPU. */
struct verdict_slot {
	uint32_t ifindex; /* it came in by; 0: no filter was asked */
	uint32_t len; /* bytes of the frame */
	uint16_t in_vif;
	uint16_t out_vif; /* 0: the engine has the packet */
	uint32_t is_edited; /* this CPU's struct verdict_edit says how */
	uint64_t reserved[6];
};
VERDICT_ASSERT(sizeof(struct verdict_slot) == VERDICT_ELEM, "layout is shared");

/* What a routed packet becomes. */
struct verdict_edit {
	uint8_t macs[12]; /* destination and source */
	uint32_t conn; /* record of SEGMENT_CT that it arrived as */
	uint64_t tuple[5]; /* struct ct_tuple that its answer arrives as */
	uint32_t partner; /* record of that */
	uint32_t timeout_s;
};
VERDICT_ASSERT(sizeof(struct verdict_edit) == VERDICT_ELEM, "layout is shared");

/* As in struct vif_counters; the daemon adds the two up.  The last one is no counter, and the engine's
 * to write: until then (CLOCK_MONOTONIC) the vif may forward, as far as VERDICT_WATCHED asks. */
struct verdict_counters {
	uint64_t rx_packets;
	uint64_t rx_bytes;
	uint64_t tx_packets;
	uint64_t tx_bytes;
	uint64_t tx_lost; /* the device was no way out any more */
	uint64_t reserved[2];
	uint64_t forwards_until_ns;
};
VERDICT_ASSERT(sizeof(struct verdict_counters) == VERDICT_ELEM, "layout is shared");

/* .flags of a verdict or a flow: */
#define VERDICT_WATCHED 1u /* holds while both vifs may forward; of a flow, the way out */

/* "What comes in here, from this MAC to that one, of this EtherType and untagged, leaves there." */
struct verdict {
	uint32_t seq; /* 0: free; odd: being written */
	uint32_t generation;
	uint8_t macs[12]; /* destination and source, as they stand in the frame */
	uint32_t in_ifindex;
	uint16_t ether_type; /* network byte order */
	uint16_t network_id;
	uint32_t src_record; /* of SEGMENT_FDB; 0: nothing was asked about the source */
	uint32_t dst_record;
	uint16_t in_vif;
	uint16_t out_vif;
	uint32_t wire_max; /* bytes of the largest frame on the wire, Ethernet header included */
	uint32_t src_ip4; /* the only source, network byte order; 0: any */
	uint64_t ageing_ns; /* of the network's learned addresses */
	uint32_t flags; /* VERDICT_* */
	uint32_t reserved;
};
VERDICT_ASSERT(sizeof(struct verdict) == VERDICT_ELEM, "layout is shared");

/* "What arrives as this connection's record leaves there, to that neighbour." */
struct verdict_flow {
	uint32_t seq; /* 0: free; odd: being written */
	uint32_t generation;
	uint32_t tag; /* another part of the hash that chose the set */
	uint32_t conn; /* record of SEGMENT_CT */
	uint32_t neigh; /* of SEGMENT_NEIGH */
	uint32_t neigh_check; /* .check of it: says address and MAC */
	uint32_t dst_record; /* of SEGMENT_FDB, for the neighbour's MAC */
	uint32_t wire_max; /* as in struct verdict */
	uint32_t ageing_s; /* of the way out's network */
	uint32_t timeout_s; /* of the connection, when nothing is heard */
	uint16_t in_network;
	uint16_t out_network;
	uint16_t in_vif; /* that it is counted against */
	uint16_t out_vif;
	uint8_t src_mac[6]; /* the router's in the way out's network */
	uint8_t state; /* enum ct_state of the connection */
	uint8_t is_assured;
	uint32_t flags; /* VERDICT_* */
	uint32_t reserved;
};
VERDICT_ASSERT(sizeof(struct verdict_flow) == VERDICT_ELEM, "layout is shared");

/* The part of a record of SEGMENT_FDB (vswitch/base/ixtab.h, bridge/fdb.h) that programs look at. */
struct verdict_station {
	uint32_t seq; /* 0: free; odd: being written */
	uint32_t check;
	uint64_t mac_vid; /* MAC in bytes 0..5, VLAN in 6..7 */
	uint64_t network_id;
	uint16_t vif_id;
	uint8_t origin; /* enum fdb_origin */
	uint8_t reserved0[13];
	uint64_t last_seen_ns; /* CLOCK_MONOTONIC */
	uint64_t reserved1[2];
};
VERDICT_ASSERT(sizeof(struct verdict_station) == VERDICT_ELEM, "layout is shared");
#define VERDICT_ORIGIN_LEARNED 1 /* FDB_ORIGIN_LEARNED */

/* A record of SEGMENT_NEIGH (bridge/neigh_store.h). */
struct verdict_neigh {
	uint32_t seq;
	uint32_t check;
	uint64_t key[2];
	uint8_t addr[16];
	uint8_t mac[6];
	uint16_t network_id;
	uint64_t since_ns;
	uint64_t reachable_until_ns;
};
VERDICT_ASSERT(sizeof(struct verdict_neigh) == VERDICT_ELEM, "layout is shared");

/* Both halves of a record of SEGMENT_CT (bridge/ct.h): record i has the elements 2i - 1 and 2i. */
#define VERDICT_CT_ELEM(record) (2 * (record)-1)
struct verdict_conn {
	uint32_t seq;
	uint32_t check;
	uint64_t key[2];
	uint64_t tuple[5]; /* struct ct_tuple */
};
VERDICT_ASSERT(sizeof(struct verdict_conn) == VERDICT_ELEM, "layout is shared");
struct verdict_conn_hot {
	uint32_t partner;
	uint16_t vif_id;
	uint8_t dir; /* enum ct_dir */
	uint8_t flags;
	uint64_t expires_ns; /* of the CT_ORIG record, as are .state and .is_assured */
	uint64_t packets;
	uint64_t bytes;
	uint32_t tcp_end;
	uint32_t tcp_ack;
	uint8_t state;
	uint8_t is_assured;
	uint8_t has_tcp;
	uint8_t has_fin;
	uint32_t tcp_fin;
	uint32_t tcp_win;
	uint8_t tcp_scale;
	uint8_t reserved[11];
};
VERDICT_ASSERT(sizeof(struct verdict_conn_hot) == VERDICT_ELEM, "layout is shared");
#define VERDICT_DIR_ORIG 0 /* CT_ORIG */

#define VERDICT_ROTL(x, by) ((x) << (by) | (x) >> (64 - (by)))
#define VERDICT_SIP_ROUND(v0, v1, v2, v3)           \
	do {                                        \
		(v0) += (v1);                       \
		(v2) += (v3);                       \
		(v1) = VERDICT_ROTL(v1, 13) ^ (v0); \
		(v3) = VERDICT_ROTL(v3, 16) ^ (v2); \
		(v0) = VERDICT_ROTL(v0, 32);        \
		(v2) += (v1);                       \
		(v0) += (v3);                       \
		(v1) = VERDICT_ROTL(v1, 17) ^ (v2); \
		(v3) = VERDICT_ROTL(v3, 21) ^ (v0); \
		(v2) = VERDICT_ROTL(v2, 32);        \
	} while (0)

#define VERDICT_SIP_WORD(v0, v1, v2, v3, word)     \
	do {                                       \
		(v3) ^= (word);                    \
		VERDICT_SIP_ROUND(v0, v1, v2, v3); \
		(v0) ^= (word);                    \
	} while (0)

/* Set of a verdict: SipHash-1-3 (Aumasson, Bernstein, 2012) of the two words, for both sides alike.
 * @macs: 12 bytes. */
static inline uint32_t verdict_set(const struct verdict_control *c, const uint8_t *macs,
	uint32_t in_ifindex, uint16_t ether_type)
{
	uint64_t a, v0 = c->secret[0] ^ UINT64_C(0x736f6d6570736575);
	uint64_t b, v1 = c->secret[1] ^ UINT64_C(0x646f72616e646f6d);
	uint64_t v2 = c->secret[0] ^ UINT64_C(0x6c7967656e657261);
	uint64_t v3 = c->secret[1] ^ UINT64_C(0x7465646279746573);
	uint32_t tail;

	__builtin_memcpy(&a, macs, 8);
	__builtin_memcpy(&tail, macs + 8, 4);
	b = (uint64_t)(in_ifindex ^ (uint32_t)ether_type << 16) << 32 | tail;
	VERDICT_SIP_WORD(v0, v1, v2, v3, a);
	VERDICT_SIP_WORD(v0, v1, v2, v3, b);
	v2 ^= 0xff;
	VERDICT_SIP_ROUND(v0, v1, v2, v3);
	VERDICT_SIP_ROUND(v0, v1, v2, v3);
	VERDICT_SIP_ROUND(v0, v1, v2, v3);
	return (uint32_t)((v0 ^ v1 ^ v2 ^ v3) & (VERDICT_SETS - 1));
}

/* Hash of a connection's tuple (the words of struct ct_tuple): set, and tag in the upper half. */
static inline uint64_t verdict_flow_hash(const struct verdict_control *c, const uint64_t *tuple)
{
	uint64_t v0 = c->secret[0] ^ UINT64_C(0x736f6d6570736575);
	uint64_t v1 = c->secret[1] ^ UINT64_C(0x646f72616e646f6d);
	uint64_t v2 = c->secret[0] ^ UINT64_C(0x6c7967656e657261);
	uint64_t v3 = c->secret[1] ^ UINT64_C(0x7465646279746573);

	/* of IPv4 the first and the third word are the same for all */
	if (tuple[0] != 0 || tuple[2] != 0) {
		VERDICT_SIP_WORD(v0, v1, v2, v3, tuple[0]);
		VERDICT_SIP_WORD(v0, v1, v2, v3, tuple[2]);
	}
	VERDICT_SIP_WORD(v0, v1, v2, v3, tuple[1]);
	VERDICT_SIP_WORD(v0, v1, v2, v3, tuple[3]);
	VERDICT_SIP_WORD(v0, v1, v2, v3, tuple[4]);
	v2 ^= 0xff;
	VERDICT_SIP_ROUND(v0, v1, v2, v3);
	VERDICT_SIP_ROUND(v0, v1, v2, v3);
	VERDICT_SIP_ROUND(v0, v1, v2, v3);
	return v0 ^ v1 ^ v2 ^ v3;
}
