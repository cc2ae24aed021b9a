/* SPDX-License-Identifier: Apache-2.0 */
/* icmp_error.h - tell a sender why its packet goes no further, but not too often. */
#pragma once

#include "vif/pkt.h"

enum icmp_why {
	ICMP_WHY_TTL,
	ICMP_WHY_NET,
	ICMP_WHY_HOST,
	ICMP_WHY_PORT,
	ICMP_WHY_MTU
};

#define ICMP_RATE 1000 /* errors a second, all together */
#define ICMP_VIF_RATE 100 /* because of one vif */

/* Token buckets: what is not used in a second is lost. */
struct icmp_limit {
	struct icmp_bucket {
		uint64_t at_ns;
		uint32_t left;
	} all, vif[VIF_ID_MAX];
};

/* May another error be sent because of @vif_id? */
bool icmp_limit_take(struct icmp_limit *l, uint16_t vif_id, uint64_t now_ns);

/* May @p be answered by an error at all?  RFC 1122 §3.2.2, RFC 4443 §2.4 (e). */
bool icmp_error_may(const struct pkt *p);

/* The frame that answers @p, from @mac and @src (v4-mapped) back to where @p came from; NULL: no
 * buffer.  @mtu: for ICMP_WHY_MTU. */
struct rte_mbuf *icmp_error_make(struct rte_mempool *pool, const struct pkt *p,
	const uint8_t mac[6], const uint8_t src[16], enum icmp_why why, uint16_t mtu);
