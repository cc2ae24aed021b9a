/* SPDX-License-Identifier: Apache-2.0 */
/* neigh_frame.c - ARP (RFC 826) and neighbour discovery (RFC 4861 §4.3, §4.4), byte by byte.
 *
 * From: bridge/router_local.c, bridge/proxy.c.
 * Invariants: what is made is whole, with its checksum.
 * Thread: worker; no state. */
#include "bridge/neigh_frame.h"

#include "vif/pkt_edit.h"

#include <endian.h>
#include <string.h>

#define ETH_HDR_LEN 14
#define ARP_LEN 28
#define ND_LEN 32 /* solicitation or advertisement with one address option */
#define OPT_SOURCE 1
#define OPT_TARGET 2

static void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

/* A frame of @len bytes of @type behind its Ethernet header; *@body is behind that. */
static struct rte_mbuf *frame_new(struct rte_mempool *pool, const uint8_t *dst, const uint8_t *src,
	uint16_t type, uint16_t len, uint8_t **body)
{
	struct rte_mbuf *m = NULL;
	uint8_t *eth;

	if (rte_pktmbuf_alloc_bulk(pool, &m, 1) != 0)
		return NULL;
	eth = (uint8_t *)(void *)rte_pktmbuf_append(m, (uint16_t)(ETH_HDR_LEN + len));
	if (eth == NULL) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	memset(eth, 0, ETH_HDR_LEN + len);
	memcpy(eth, dst, 6);
	memcpy(eth + 6, src, 6);
	put16(eth + 12, type);
	*body = eth + ETH_HDR_LEN;
	return m;
}

struct rte_mbuf *neigh_frame_arp(struct rte_mempool *pool, const uint8_t *eth_dst,
	const uint8_t mac[6], const uint8_t src[16], const uint8_t *their_mac,
	const uint8_t *their_ip4)
{
	static const uint8_t head[7] = { 0, 1, 8, 0, 6, 4, 0 };
	uint8_t *arp;
	struct rte_mbuf *m = frame_new(pool, eth_dst, mac, 0x0806, ARP_LEN, &arp);

	if (m == NULL)
		return NULL;
	memcpy(arp, head, sizeof(head));
	arp[7] = their_mac != NULL ? 2 : 1;
	memcpy(arp + 8, mac, 6);
	memcpy(arp + 14, src + 12, 4);
	if (their_mac != NULL)
		memcpy(arp + 18, their_mac, 6);
	memcpy(arp + 24, their_ip4, 4);
	return m;
}

struct rte_mbuf *neigh_frame_nd(struct rte_mempool *pool, const struct neigh_frame *n)
{
	be32 tail[2] = { htobe32(ND_LEN), htobe32(58) };
	uint8_t *ip, *nd;
	struct rte_mbuf *m = frame_new(pool, n->eth_dst, n->mac, 0x86dd, 40 + ND_LEN, &ip);
	uint16_t csum;

	if (m == NULL)
		return NULL;
	ip[0] = 0x60;
	put16(ip + 4, ND_LEN);
	ip[6] = 58;
	ip[7] = 255;
	memcpy(ip + 8, n->src, 16);
	memcpy(ip + 24, n->dst, 16);
	nd = ip + 40;
	nd[0] = n->type;
	nd[4] = n->flags;
	memcpy(nd + 8, n->target, 16);
	nd[24] = n->type == ND_NS ? OPT_SOURCE : OPT_TARGET;
	nd[25] = 1;
	memcpy(nd + 26, n->mac, 6);
	csum = (uint16_t)~pkt_sum_fold(
		pkt_sum_bytes(ip + 8, 32 + ND_LEN, pkt_sum_bytes(tail, sizeof(tail), 0)));
	memcpy(nd + 2, &csum, 2);
	return m;
}
