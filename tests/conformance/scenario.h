/* SPDX-License-Identifier: Apache-2.0 */
/* scenario.h - what the conformance suite asks both switches: a text that each of them reads.
 *
 * A file holds scenarios; each is a list of steps, one a line, carried out in order:
 *   scenario NAME                begins one; the bridge is new, without ports
 *   bridge [WORD ...]            filtering=802.1q|802.1ad   fwd=MASK   ageing=0
 *                                snooping igmp=2|3 mld=1|2 querier membership=MS lastmember=MS
 *   port N [WORD ...]            adds the port, or says anew all that it is:
 *                                isolated hairpin noflood nomcast nobcast nolearn locked down fastleave
 *                                router=0|1|2 fwd=MASK mtu=BYTES vlan=VID[-VID][p][u],...  access=VID
 *   fdb N MAC [VID]              a static entry        sticky N MAC [VID]   one that does not move
 *   say N HOST WORD ...          a frame into port N, as tests/lib/mcast_frame.h makes it; TAGS may
 *                                stand in front of the words, as "tag=TAGS"
 *   mdb N GROUP [SOURCE]         a static group
 *   wait MS                      let the time pass
 *   nofdb N MAC [VID]            takes one of these back
 *   send N DST SRC [TAGS [LEN]]  a frame into port N
 * MACs: bc, zero, mN (a host's), gN (a multicast group), lN (01:80:C2:00:00:0N).
 * TAGS: - or qVID[.PCP] (802.1Q), sVID[.PCP] (802.1ad), several with + from outside in.
 * LEN: bytes behind the Ethernet header, tags not counted.
 *
 * The answer has a line for each frame sent: its number and the ports it came out of, each with
 * the tags it had there, "3 1[-] 2[q10.5]"; "3 -" when it came out nowhere.  All other bytes must
 * be those that were sent; a "!" says that they are not, or that frames changed their order.
 * Libc only: the oracle runs in a guest without libraries. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SCENARIO_PORTS_MAX 8 /* ids 1..7 */
#define SCENARIO_STEPS_MAX 256
#define SCENARIO_RANGES_MAX 12
#define SCENARIO_FRAME_MAX 9216
#define SCENARIO_NAME_LEN 64
#define SCENARIO_WORDS_LEN 128

enum port_word {
	PORT_ISOLATED = 1u << 0,
	PORT_HAIRPIN = 1u << 1,
	PORT_NOFLOOD = 1u << 2,
	PORT_NOMCAST = 1u << 3,
	PORT_NOBCAST = 1u << 4,
	PORT_NOLEARN = 1u << 5,
	PORT_LOCKED = 1u << 6,
	PORT_DOWN = 1u << 7,
	PORT_FASTLEAVE = 1u << 8,
	PORT_ACCESS = 1u << 9, /* takes no tags: Linux has no word for it */
};

struct vlan_range {
	uint16_t first, last;
	bool is_pvid, is_untagged;
};

enum step_kind {
	STEP_PORT,
	STEP_FDB,
	STEP_NO_FDB,
	STEP_SEND,
	STEP_WAIT,
	STEP_MDB
};

struct step {
	enum step_kind kind;
	unsigned port;
	/* STEP_PORT */
	uint32_t words; /* enum port_word */
	uint16_t fwd;
	unsigned mtu; /* 0: 1500 */
	unsigned router; /* Linux' multicast_router */
	unsigned n_ranges; /* 0: what a new port has */
	struct vlan_range range[SCENARIO_RANGES_MAX];
	/* STEP_FDB */
	bool is_sticky;
	uint16_t vid;
	/* STEP_FDB, STEP_NO_FDB, STEP_SEND */
	uint8_t mac[6];
	/* STEP_SEND */
	unsigned number; /* 1... */
	uint8_t dst[6];
	unsigned n_tags;
	struct {
		uint16_t tpid, tci;
	} tag[3];
	unsigned len;
	bool is_ip4; /* a datagram, which the fast path takes, instead of an experimental type */
	unsigned host;
	char text[SCENARIO_WORDS_LEN]; /* STEP_SEND: of a frame about groups; STEP_MDB: the entry */
	/* STEP_WAIT */
	unsigned ms;
};

struct scenario {
	char name[SCENARIO_NAME_LEN];
	uint16_t filtering; /* TPID of the VLANs; 0: the bridge does not look at tags */
	uint16_t fwd;
	bool is_snooping, is_querier;
	unsigned igmp, mld, membership_ms, last_member_ms; /* 0: as it comes */
	bool is_ageless; /* ageing=0 */
	bool is_ip4; /* STEP_SENDs are datagrams, as far as they have room for one */
	unsigned n_steps, n_sends;
	struct step step[SCENARIO_STEPS_MAX];
	/* what came out: of send number i at port p */
	char *out[SCENARIO_STEPS_MAX][SCENARIO_PORTS_MAX];
	unsigned last_out[SCENARIO_PORTS_MAX];
};

/* The next scenario of @f; false at the end.  Ends the program when the text is wrong. */
bool scenario_read(FILE *f, struct scenario *s);
/* Let frames be IPv4's, unless @s is about groups: the answer must be the same. */
void scenario_send_ip4(struct scenario *s);
/* The bytes of a STEP_SEND; returns how many. */
unsigned scenario_frame(const struct step *st, uint8_t bytes[SCENARIO_FRAME_MAX]);
/* The switch has sent these bytes out of @port. */
void scenario_came_out(struct scenario *s, unsigned port, const uint8_t *bytes, unsigned len);
/* The answer, and all of @s is free again. */
void scenario_print(struct scenario *s);
