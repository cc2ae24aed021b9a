/* SPDX-License-Identifier: Apache-2.0 */
/* routed.h - a bed with routed networks, and packets described by their addresses.
 *
 *   v1 v2 v3(leg)     v4 v8(leg)      v5 v9(leg)       v6 (the LAN, gateway .1)
 *    \ | /              \ /             \ /             |
 *   n1 nat            n2 routed       n3 open          n9 uplink
 *   10.0.1.1/24       10.0.2.1/24     10.0.3.1/24      203.0.113.10/24
 *   fd00:1::1/64      fd00:2::1/64    fd00:3::1/64     2001:db8:9::10/64
 *
 * The MAC of vif n is MAC_OF(n); a guest's address ends in its vif's number. */
#pragma once

#include "tests/lib/bed.h"

struct flow {
	const char *src, *dst;
	uint8_t proto; /* 1 or 58: echo request with id .sport; else TCP, UDP */
	uint16_t sport, dport;
	uint8_t tcp_flags;
};

#define UPLINK_NET 9
#define LAN_VIF 6
#define UP4 "203.0.113.10"
#define UP6 "2001:db8:9::10"
#define FAR4 "198.51.100.7"
#define FAR6 "2001:db8:77::7"
#define UDP(s, d, sp, dp) \
	((const struct flow){ .src = (s), .dst = (d), .proto = 17, .sport = (sp), .dport = (dp) })
#define TCP(s, d, sp, dp, f)              \
	((const struct flow){ .src = (s), \
		.dst = (d),               \
		.proto = 6,               \
		.sport = (sp),            \
		.dport = (dp),            \
		.tcp_flags = (f) })
#define PING(s, d, id) ((const struct flow){ .src = (s), .dst = (d), .proto = 1, .sport = (id) })

/* Describe all of it; bed_apply() follows. */
void routed_describe(struct bed *b);
/* ... apply, and let every neighbour be known. */
struct bed *routed_bed(void **state);

/* Let every neighbour be known (again). */
void routed_neighbours(struct bed *b);

/* A frame of @flow from the MAC of @vif_id to its router port. */
void flow_frame(
	struct frame *f, const struct bed *b, uint16_t vif_id, struct flow flow, uint32_t payload);
/* The echo reply instead. */
void flow_echo_reply(struct frame *f);
/* flow_frame() and bed_step(). */
void flow_step(struct bed *b, uint16_t vif_id, struct flow flow, uint32_t payload);

/* The oldest frame that @vif_id got: whole, and of this flow (port 0: any); returns its bytes,
 * good until the next call. */
const uint8_t *expect_flow(
	struct bed *b, uint16_t vif_id, struct flow want, const char *file, int line);
#define EXPECT_FLOW(b, vif_id, ...) expect_flow(b, vif_id, (__VA_ARGS__), __FILE__, __LINE__)
/* Its ports behind EXPECT_FLOW(); an echo's id is both. */
uint16_t seen_sport(void);
uint16_t seen_dport(void);
uint32_t seen_len(void);
const struct mem_offload *seen_offload(void);

/* The oldest frame of @vif_id is an ICMP error of @type and @code from @src; its bytes. */
struct icmp_error_of {
	const char *src, *dst; /* @dst: of error_frame() only */
	uint8_t type, code;
};
const uint8_t *expect_icmp(
	struct bed *b, uint16_t vif_id, struct icmp_error_of want, const char *file, int line);
#define EXPECT_ICMP(b, vif_id, from, type_, code_)                                         \
	expect_icmp(b, vif_id,                                                             \
		(struct icmp_error_of){ .src = (from), .type = (type_), .code = (code_) }, \
		__FILE__, __LINE__)
/* Let @vif_id answer the ARP or ND question that is its oldest frame. */
void answer(struct bed *b, uint16_t vif_id);
/* An ICMP error that quotes the @len bytes of IP at @quote. */
void error_frame(struct frame *f, const struct bed *b, uint16_t vif_id, struct icmp_error_of error,
	const uint8_t *quote, uint32_t len);
uint16_t sum_of(const uint8_t *at, uint32_t len, uint32_t sum);
