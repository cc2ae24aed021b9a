/* SPDX-License-Identifier: Apache-2.0 */
/* routed_sides.h - one question to two routers: the kernel with libvirt's rules, and Saklar.
 *
 *   GUEST, OTHER          SIBLING              LAN (every host out there, MAC of the LAN)
 *     \   /                 |                   |
 *    network 1            network 2 (nat)      uplink 203.0.113.10/24, 2001:db8:9::10/64
 *    10.0.1.1/24          10.0.2.1/24
 *    [10.0.11.1/24, 10.0.12.1/24]
 *    [fd00:1::1/64]       [fd00:2::1/64]
 *
 * Life: open a network on each side, ask each for every frame, close.  Both have the same MACs
 * and addresses, so that what comes out can be compared byte by byte.
 * Neutral ground of the kernel's side: bridge-nf-call 0, no redirects, no limits of ICMP errors,
 * all neighbours known.
 * Threads: one. */
#pragma once

#include "tests/lib/bed.h"

enum side_port {
	PORT_GUEST,
	PORT_OTHER,
	PORT_SIBLING,
	PORT_LAN,
	PORT_N
};

/* Which of libvirt's rules hold; what is not set is off or 0. */
struct net_conf {
	const char *name;
	enum network_mode mode;
	unsigned n_subnets; /* of IPv4: 1 to 3 */
	bool has_v6, is_nat_ipv6;
	bool has_dev; /* forward dev= the uplink */
	uint16_t port_min, port_max; /* 0: 1024 to 65535 */
	const char *pool_first, *pool_last; /* NULL: masquerade */
};

#define OUTCOME_MAX 8
#define OUTCOME_LEN 2800

/* What came of a frame. */
struct outcome {
	bool to_host; /* the host itself has it */
	unsigned n;
	struct out_frame {
		enum side_port port;
		uint32_t len;
		uint8_t bytes[OUTCOME_LEN];
	} frame[OUTCOME_MAX]; /* by port */
};

#define LAN_MTU 1400
#define LAN_UP4 "203.0.113.10"
#define LAN_UP6 "2001:db8:9::10"

extern const char *const side_port_names[PORT_N];
/* MACs: of who is at a port, and of the router there. */
const uint8_t *side_mac(enum side_port port);
const uint8_t *side_router_mac(enum side_port port);
/* ARP, ND, group membership: what each side says by itself. */
bool side_is_noise(const uint8_t *bytes, uint32_t len);
/* Keep frames by port, so that the order of a flood does not matter. */
void outcome_add(struct outcome *o, enum side_port port, const uint8_t *bytes, uint32_t len);

/* routed_kernel.c; leaves the process in a network namespace of its own. */
void kernel_open(const struct net_conf *conf);
void kernel_ask(enum side_port port, const uint8_t *bytes, uint32_t len, struct outcome *out);
void kernel_close(void);

/* routed_saklar.c */
void saklar_open(const struct net_conf *conf);
void saklar_ask(enum side_port port, const uint8_t *bytes, uint32_t len, struct outcome *out);
void saklar_close(void);
/* The reason why the last frame was lost; DROP_NONE: it was not. */
enum drop_reason saklar_why(void);
