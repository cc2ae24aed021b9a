/* SPDX-License-Identifier: Apache-2.0 */
/* neigh_frame.h - the frames that ask for a neighbour, and those that answer. */
#pragma once

#include "vswitch/base/base.h"

#include <rte_mbuf.h>

#define ND_NS 135
#define ND_NA 136
#define NA_SOLICITED 0x40
#define NA_OVERRIDE 0x20

/* ARP from @mac and @src (v4-mapped) to @eth_dst; @their_mac NULL: a question.  NULL: no buffer. */
struct rte_mbuf *neigh_frame_arp(struct rte_mempool *pool, const uint8_t *eth_dst,
	const uint8_t mac[6], const uint8_t src[16], const uint8_t *their_mac,
	const uint8_t *their_ip4);

/* A solicitation or an advertisement to be. */
struct neigh_frame {
	uint8_t type; /* ND_NS, ND_NA */
	uint8_t flags;
	const uint8_t *eth_dst;
	const uint8_t *mac;
	const uint8_t *src, *dst, *target;
};
struct rte_mbuf *neigh_frame_nd(struct rte_mempool *pool, const struct neigh_frame *n);
