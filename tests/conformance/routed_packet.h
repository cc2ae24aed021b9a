/* SPDX-License-Identifier: Apache-2.0 */
/* routed_packet.h - packets to ask two routers with, and whether their answers are the same.
 *
 * Threads: one. */
#pragma once

#include "tests/conformance/routed_sides.h"
#include "vswitch/base/netaddr.h"

enum {
	L4_ICMP = 1,
	L4_TCP = 6,
	L4_UDP = 17,
	L4_GRE = 47,
	L4_ICMP6 = 58,
	L4_SCTP = 132,
	L4_OTHER = 253,
};

struct packet {
	enum side_port from;
	struct ipaddr src, dst;
	uint8_t proto;
	uint16_t sport, dport; /* echo: .sport is its id */
	uint8_t tcp_flags, icmp_type, ttl;
	uint32_t seq, ack;
	uint16_t payload;
	bool has_df;
};

/* A piece of the packet in @frame: @len bytes of IP payload from @off on; returns its length. */
uint32_t packet_piece(
	const uint8_t *frame, uint32_t off, uint32_t len, bool is_last, uint8_t out[OUTCOME_LEN]);

/* A frame of @p for the router, or for the group that .dst is; returns its length. */
uint32_t packet_build(const struct packet *p, uint8_t out[OUTCOME_LEN]);
/* The answer to the IP packet in @f, as the one who got it gives it. */
void packet_answer(const struct out_frame *f, struct packet *answer);
/* The same when @f is the first of several pieces. */
void packet_answer_piece(const struct out_frame *f, struct packet *answer);
/* An ICMP error of @type and @code about the IP packet in @f, from @src; returns its length. */
uint32_t packet_error(const struct out_frame *f, const struct ipaddr *src, uint8_t type,
	uint8_t code, uint8_t out[OUTCOME_LEN]);

/* What two answers may differ in. */
enum compare_flag {
	COMPARE_FREE_PORT = 1u << 0, /* the source port (id) is any of the range */
	COMPARE_FREE_ADDR = 1u << 1, /* the source address is any of the pool */
};

/* NULL: the same, but for what docs/differences.md names; else what is not. */
const char *outcome_differ(
	const struct outcome *kernel, const struct outcome *saklar, unsigned flags);
/* One line for @o. */
void outcome_print(const char *who, const struct outcome *o);
/* "reject", "lost", "host", "passed", "translated", ...: what became of @sent. */
const char *outcome_name(const struct outcome *o, const uint8_t *sent, uint32_t len);
