/* SPDX-License-Identifier: Apache-2.0 */
/* mcast_msg.h - what a frame to a group says about groups: IGMP, MLD, or nothing.
 *
 * One form for both families, made by bridge/igmp.c and bridge/mld.c and read by bridge/mdb*.c.
 * Addresses are 16 bytes, IPv4 as v4-mapped; a group of layer 2 is GROUP_L2 and its MAC. */
#pragma once

#include "vif/pkt.h"

enum mcast_kind {
	MCAST_DATA, /* nothing for the bridge itself */
	MCAST_JOIN, /* IGMPv1, IGMPv2, MLDv1: report */
	MCAST_LEAVE, /* IGMPv2: leave, MLDv1: done */
	MCAST_RECORDS, /* IGMPv3, MLDv2: report */
	MCAST_QUERY,
	MCAST_ROUTER, /* PIM hello, multicast router advertisement */
	MCAST_BAD, /* .fault says what it is dropped for */
};

/* RFC 3376 §4.2.12, RFC 3810 §5.2.12: the same numbers. */
enum mcast_record_type {
	MCAST_IS_IN = 1,
	MCAST_IS_EX = 2,
	MCAST_TO_IN = 3,
	MCAST_TO_EX = 4,
	MCAST_ALLOW = 5,
	MCAST_BLOCK = 6,
};

enum mcast_family {
	MCAST_IP4,
	MCAST_IP6,
	MCAST_L2, /* neither: the group is a MAC */
	MCAST_FAMILY_N
};

#define MCAST_ROOM 9216 /* longest IGMP or MLD message that is read */

struct mcast_msg {
	uint8_t kind; /* enum mcast_kind */
	uint8_t family; /* enum mcast_family */
	uint8_t fault; /* enum drop_reason, with MCAST_BAD */
	bool is_for_members; /* nobody but members and routers wants it */
	bool is_suppressed; /* QUERY: the S flag of IGMPv3 and MLDv2 */
	bool is_general; /* QUERY: about all groups */
	uint16_t n_sources; /* QUERY */
	uint16_t n_records; /* RECORDS */
	uint32_t records_len;
	const uint8_t *records; /* checked: n_records whole ones */
	uint64_t max_delay_ns; /* QUERY: in which hosts answer */
	uint8_t source[16]; /* of the packet */
	uint8_t group[16]; /* DATA: the packet's; JOIN, LEAVE, QUERY: the message's */
};

struct mcast_record {
	uint8_t type; /* enum mcast_record_type, or one that nobody knows */
	uint16_t n_sources;
	uint8_t group[16];
	const uint8_t *sources; /* of 4 or 16 bytes each */
};

static inline bool mcast_is_v4(const struct mcast_msg *m)
{
	return m->family == MCAST_IP4;
}

/* The 16 bytes of an address of @m's family at @at. */
void mcast_addr(const struct mcast_msg *m, const uint8_t *at, uint8_t out[16]);
/* Take the record at *@off and move *@off behind it; false: it is not all there. */
bool mcast_record_next(const struct mcast_msg *m, uint32_t *off, struct mcast_record *out);
/* Do the records of @m fill no more than its bytes? */
bool mcast_records_fit(const struct mcast_msg *m);
/* @len bytes of the frame from @off on, together; @room has MCAST_ROOM.  NULL: not there. */
const uint8_t *mcast_bytes(const struct pkt *p, uint32_t off, uint32_t len, uint8_t *room);
/* Say that @m is bad. */
void mcast_refuse(struct mcast_msg *m, enum drop_reason fault);
/* A code of @bits bits that is a number up to its highest bit, and a small float from there on. */
uint32_t mcast_float(uint32_t code, unsigned bits);

/* What does @p, a frame to a group whose payload begins at @l3_off, say?  @room has MCAST_ROOM bytes
 * that @out may point into. */
void mcast_parse(const struct pkt *p, uint32_t l3_off, uint8_t *room, struct mcast_msg *out);
