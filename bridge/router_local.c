/* SPDX-License-Identifier: Apache-2.0 */
/* router_local.c - ARP (RFC 826), neighbour discovery (RFC 4861 §7) and echo of router ports.
 *
 * From: bridge/router.c.  To: frames of their own, bridge/neigh.c.
 * Theory: with a host leg the host's kernel owns the addresses and answers; the router only listens.
 * Without one (uplinks) it answers itself.  Either way it remembers who asked for it: answers to what
 * follows come many at once (RFC 826: whoever is asked adds the sender).
 * Thread: worker. */
#include "bridge/router_local.h"

#include "bridge/nat.h"
#include "bridge/neigh_frame.h"
#include "vif/pkt_edit.h"

#include <string.h>

#define ETH_HDR_LEN 14
#define OPT_SOURCE 1
#define OPT_TARGET 2

static bool has_leg(const struct snapshot *cfg, uint16_t network_id)
{
	return cfg->network[network_id].conf.leg_vif_id != VIF_ID_NONE;
}

static void addr_v4(uint8_t out[16], const uint8_t *ip4)
{
	memset(out, 0, 10);
	memset(out + 10, 0xff, 2);
	memcpy(out + 12, ip4, 4);
}

static struct rte_mbuf *hear_arp(struct neigh_table *t, const struct snapshot *cfg,
	const struct pkt *p, struct rte_mempool *pool, uint64_t now_ns, bool *is_ours)
{
	const uint8_t *arp = pkt_bytes(p) + p->l3_off;
	const uint8_t *mac = cfg->router[p->network_id].conf.mac;
	bool is_request = arp[7] == 1, is_leg = has_leg(cfg, p->network_id), is_for_us;
	struct neigh_who who = { .network_id = p->network_id };
	uint8_t target[16];
	unsigned word;

	addr_v4(who.addr, arp + 14);
	addr_v4(target, arp + 24);
	is_for_us = snapshot_is_own(cfg, p->network_id, target);
	*is_ours = !is_leg && is_for_us;
	/* our own words, or a group's: nobody's */
	if (snapshot_is_own(cfg, p->network_id, who.addr) || (arp[8] & 1) != 0)
		return NULL;
	/* As Linux: what is announced (RFC 5227 §3) counts at once; of answers the first one. */
	word = memcmp(who.addr, target, 16) == 0 ? NEIGH_OVERRIDES : NEIGH_OVERRIDES_LATER;
	if (is_request)
		word |= is_for_us ? NEIGH_MAY_ADD : 0;
	else if ((p->flags & PKT_IS_MCAST) == 0 && is_for_us)
		word |= NEIGH_CONFIRMS;
	if (snapshot_in_net(cfg, p->network_id, who.addr))
		neigh_heard(t, &who, arp + 8, word, now_ns);
	if (!*is_ours || !is_request)
		return NULL;
	return neigh_frame_arp(pool, pkt_bytes(p) + 6, mac, target, arp + 8, arp + 14);
}

/* The address of option @kind behind the fixed part of @nd, NULL: it has none. */
static const uint8_t *nd_option(const struct pkt *p, uint32_t off, uint8_t kind)
{
	for (unsigned i = 0; i < 8; i++) {
		const uint8_t *o = pkt_hdr(p, off, 8);

		if (o == NULL || o[1] == 0)
			return NULL;
		if (o[0] == kind && o[1] == 1)
			return o + 2;
		off += o[1] * 8u;
	}
	return NULL;
}

/* RFC 4861 §7.2.5: what the advertisement @p says of its target. */
static void hear_na(struct neigh_table *t, const struct snapshot *cfg, const struct pkt *p,
	const uint8_t *nd, uint64_t now_ns)
{
	const uint8_t *ip = pkt_bytes(p) + p->l3_off;
	const uint8_t *mac = nd_option(p, p->l4_off + 24u, OPT_TARGET);
	struct neigh_who who = { .network_id = p->network_id };
	bool is_solicited = (nd[4] & NA_SOLICITED) != 0;
	unsigned word = 0;

	/* §7.1.2: a group has no MAC, and what is sent to one answers nobody. */
	if (nd[8] == 0xff || (ip[24] == 0xff && is_solicited) || (mac != NULL && (mac[0] & 1) != 0))
		return;
	if (is_solicited)
		word |= NEIGH_CONFIRMS;
	if (nd[4] & NA_OVERRIDE)
		word |= NEIGH_OVERRIDES;
	/* Deviation: an answer without the option, which only a unicast question allows (§4.4), may
	 * answer one that was sent to a group: its source is known from the frame. */
	if (mac == NULL && is_solicited)
		mac = pkt_bytes(p) + 6;
	memcpy(who.addr, nd + 8, 16);
	if (!snapshot_is_own(cfg, p->network_id, who.addr))
		neigh_heard(t, &who, mac, word, now_ns);
}

/* RFC 4861 §7.2.3: what the solicitation @p says of its sender, and the answer. */
static struct rte_mbuf *hear_ns(struct neigh_table *t, const struct snapshot *cfg,
	const struct pkt *p, struct rte_mempool *pool, uint64_t now_ns, bool *is_ours)
{
	static const uint8_t none[16], all_nodes[16] = { 0xff, 2, [15] = 1 };
	static const uint8_t all_nodes_mac[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	const uint8_t *ip = pkt_bytes(p) + p->l3_off, *nd = pkt_bytes(p) + p->l4_off;
	const uint8_t *mac = nd_option(p, p->l4_off + 24u, OPT_SOURCE);
	struct neigh_who who = { .network_id = p->network_id };
	bool is_dad = memcmp(ip + 8, none, 16) == 0, is_for_us;

	if (mac == NULL)
		mac = pkt_bytes(p) + 6;
	if ((mac[0] & 1) != 0 || ip[8] == 0xff || nd[8] == 0xff)
		return NULL;
	is_for_us = snapshot_is_own(cfg, p->network_id, nd + 8);
	*is_ours = !has_leg(cfg, p->network_id) && is_for_us;
	memcpy(who.addr, ip + 8, 16);
	if (!is_dad && !snapshot_is_own(cfg, p->network_id, who.addr))
		neigh_heard(
			t, &who, mac, NEIGH_OVERRIDES | (is_for_us ? NEIGH_MAY_ADD : 0), now_ns);
	if (!*is_ours)
		return NULL;
	return neigh_frame_nd(pool,
		&(struct neigh_frame){ .type = ND_NA,
			.flags = is_dad ? 0xa0 : 0xe0,
			.eth_dst = is_dad ? all_nodes_mac : pkt_bytes(p) + 6,
			.mac = cfg->router[p->network_id].conf.mac,
			.src = nd + 8,
			.dst = is_dad ? all_nodes : ip + 8,
			.target = nd + 8 });
}

static struct rte_mbuf *hear_nd(struct neigh_table *t, const struct snapshot *cfg,
	const struct pkt *p, struct rte_mempool *pool, uint64_t now_ns, bool *is_ours)
{
	const uint8_t *ip = pkt_bytes(p) + p->l3_off, *nd = pkt_hdr(p, p->l4_off, 24);

	/* RFC 4861 §7.1: a hop limit of 255 has crossed no router. */
	if (nd == NULL || ip[7] != 255 || nd[1] != 0 || !nat_icmp_csum_fits(p))
		return NULL;
	if (nd[0] == ND_NS)
		return hear_ns(t, cfg, p, pool, now_ns, is_ours);
	hear_na(t, cfg, p, nd, now_ns);
	*is_ours = !has_leg(cfg, p->network_id) && snapshot_is_own(cfg, p->network_id, ip + 24);
	return NULL;
}

struct rte_mbuf *router_local_hear(struct neigh_table *t, const struct snapshot *cfg,
	const struct pkt *p, struct rte_mempool *pool, uint64_t now_ns, bool *is_ours)
{
	*is_ours = false;
	if (p->flags & PKT_IS_ARP)
		return hear_arp(t, cfg, p, pool, now_ns, is_ours);
	return hear_nd(t, cfg, p, pool, now_ns, is_ours);
}

/* The own address to ask for @n from: of its subnet if there is one. */
static const uint8_t *ask_source(const struct snapshot *cfg, const struct neigh *n, bool is_v4)
{
	const struct snapshot_router *r = &cfg->router[n->network_id];

	for (unsigned i = 0; i < r->n_own; i++)
		if (fib_prefix_has(r->own[i].addr, r->own[i].len, n->addr))
			return r->own[i].addr;
	return snapshot_own_addr(cfg, n->network_id, is_v4);
}

struct rte_mbuf *router_local_ask(
	const struct snapshot *cfg, const struct neigh *n, struct rte_mempool *pool)
{
	static const uint8_t bcast[6] = { 255, 255, 255, 255, 255, 255 };
	bool is_v4 = fib_addr_is_v4(n->addr), is_probe = n->state == NEIGH_PROBE && n->n_asked < 3;
	const uint8_t *mac = cfg->router[n->network_id].conf.mac;
	const uint8_t *src = ask_source(cfg, n, is_v4);
	uint8_t group_mac[6] = { 0x33, 0x33, 0xff, n->addr[13], n->addr[14], n->addr[15] };
	uint8_t group[16] = {
		0xff,
		2, [11] = 1, [12] = 0xff, [13] = n->addr[13], [14] = n->addr[14], [15] = n->addr[15]
	};

	if (src == NULL)
		return NULL;
	if (is_v4)
		return neigh_frame_arp(
			pool, is_probe ? n->mac : bcast, mac, src, NULL, n->addr + 12);
	return neigh_frame_nd(pool,
		&(struct neigh_frame){ .type = ND_NS,
			.eth_dst = is_probe ? n->mac : group_mac,
			.mac = mac,
			.src = src,
			.dst = is_probe ? n->addr : group,
			.target = n->addr });
}

bool router_local_is_echo(const struct pkt *p)
{
	if ((p->flags & PKT_HAS_L4) == 0)
		return false;
	if (p->flags & PKT_IS_IP6)
		return p->ip_proto == 58 && pkt_bytes(p)[p->l4_off] == 128;
	return p->ip_proto == 1 && pkt_bytes(p)[p->l4_off] == 8;
}

void router_local_echo(struct pkt *p, const uint8_t mac[6])
{
	uint8_t *eth = rte_pktmbuf_mtod(p->m, uint8_t *), *ip = eth + p->l3_off;
	uint8_t *icmp = eth + p->l4_off;
	bool is_v6 = (p->flags & PKT_IS_IP6) != 0;
	uint32_t len = is_v6 ? 16 : 4;
	uint8_t was[16], *src = ip + (is_v6 ? 8 : 12), *dst = src + len;
	uint16_t csum, type;

	memcpy(was, src, len);
	memcpy(src, dst, len);
	memcpy(dst, was, len);
	memcpy(eth, eth + 6, 6);
	memcpy(eth + 6, mac, 6);
	/* The type is in the high half of its word: what it loses the sum gets back. */
	memcpy(&type, icmp, 2);
	icmp[0] = is_v6 ? 129 : 0;
	if ((p->flags & PKT_CSUM_PARTIAL) == 0) {
		uint16_t now;

		memcpy(&now, icmp, 2);
		memcpy(&csum, icmp + 2, 2);
		csum = (uint16_t)~pkt_sum_fold((uint32_t)(uint16_t)~csum + (uint16_t)~type + now);
		memcpy(icmp + 2, &csum, 2);
	}
	if (is_v6) {
		ip[7] = 64;
		return;
	}
	ip[8] = 64;
	memset(ip + 10, 0, 2);
	csum = (uint16_t)~pkt_sum_fold(pkt_sum_bytes(ip, (ip[0] & 15u) * 4u, 0));
	memcpy(ip + 10, &csum, 2);
}
