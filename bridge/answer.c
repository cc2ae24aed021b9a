/* SPDX-License-Identifier: Apache-2.0 */
/* answer.c - ICMP "fragmentation needed" and "packet too big" on behalf of a bridge.
 *
 * From: vswitch/pipeline.c, with the copies that bridge/egress.c has refused.  To: vif tx.
 * Theory: a bridge has no address of its own, so the error is from the address that was asked for, as
 * Linux sends it for tunnels under a bridge (iptunnel_pmtud_build_icmp): the sender lowers the MTU of
 * that one destination.  It goes back with the MACs turned around and the tags of the packet.
 * Only for IPv6 and IPv4 that may not be fragmented (RFC 1191 §4), not for groups, not about errors,
 * and no more than the limits of the router's errors.
 * Invariants: one answer a packet; @b and its packets are not changed.
 * Thread: worker. */
#include "bridge/answer.h"

#include <string.h>

#define ETH_HDR_LEN 14
#define PROTO_ICMP 1
#define PROTO_ICMP6 58

static bool may_answer(const struct answer_io *io, const struct pkt *p)
{
	const uint8_t *ip = pkt_bytes(p) + p->l3_off;
	const struct snap_network *net = &io->cfg->network[p->network_id].conf;

	if ((net->flags & SNAP_NETWORK_MTU_ICMP) == 0 || p->in_vif == VIF_ID_NONE
		|| (p->flags & (PKT_IS_IP4 | PKT_IS_IP6)) == 0 || !icmp_error_may(p))
		return false;
	return (p->flags & PKT_IS_IP6) != 0 || (ip[6] & 0x40) != 0;
}

bool answer_tag_like(struct rte_mbuf *m, const struct pkt *p)
{
	uint16_t len = (uint16_t)(p->l3_off - ETH_HDR_LEN);
	uint8_t *eth = rte_pktmbuf_mtod(m, uint8_t *), *at;

	if (len == 0)
		return true;
	at = (uint8_t *)(void *)rte_pktmbuf_prepend(m, len);
	if (at == NULL)
		return false;
	memmove(at, eth, 12);
	memcpy(at + 12, pkt_bytes(p) + 12, len);
	return true;
}

struct pkt answer_back(struct rte_mbuf *m, const struct pkt *p)
{
	const uint16_t layers = PKT_IS_ARP | PKT_IS_IP4 | PKT_IS_IP6;
	uint8_t icmp = (p->flags & PKT_IS_IP6) != 0 ? PROTO_ICMP6 : PROTO_ICMP;

	return (struct pkt){
		.m = m,
		.len = m->pkt_len,
		.network_id = p->network_id,
		.flags = p->flags & layers,
		.ether_type = p->ether_type,
		.l3_off = p->l3_off,
		.ip_proto = (p->flags & PKT_IS_ARP) != 0 ? 0 : icmp,
		.vlan = p->vlan,
		.vlan_form = p->vlan_form,
		.origin_vif = p->in_vif,
		.dst_vif = p->in_vif,
	};
}

static struct rte_mbuf *make(const struct answer_io *io, const struct pkt *p, uint16_t mtu)
{
	const uint8_t *ip = pkt_bytes(p) + p->l3_off;
	uint8_t src[16] = { [10] = 0xff, [11] = 0xff };
	struct rte_mbuf *m;

	if (p->flags & PKT_IS_IP6)
		memcpy(src, ip + 24, 16);
	else
		memcpy(src + 12, ip + 16, 4);
	m = icmp_error_make(io->pool, p, pkt_bytes(p), src, ICMP_WHY_MTU, mtu);
	if (m != NULL && !answer_tag_like(m, p)) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	return m;
}

void answer_mtu(const struct answer_io *io, const struct burst *b, const struct tx_items *lost,
	struct burst *to)
{
	for (uint32_t i = 0; i < lost->n && to->n < ANSWERS_MAX; i++) {
		const struct pkt *p = &b->pkt[lost->item[i].pkt];
		struct rte_mbuf *m;

		if (lost->item[i].drop != DROP_MTU_EXCEEDED || !may_answer(io, p)
			|| !icmp_limit_take(io->limit, p->in_vif, io->now_ns))
			continue;
		m = make(io, p, io->cfg->port[lost->item[i].out_vif].mtu);
		if (m == NULL)
			continue;
		to->pkt[to->n++] = answer_back(m, p);
	}
}
