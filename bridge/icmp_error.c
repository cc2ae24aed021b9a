/* SPDX-License-Identifier: Apache-2.0 */
/* icmp_error.c - builds ICMP and ICMPv6 errors (RFC 792, RFC 1191, RFC 4443).
 *
 * From: bridge/router.c, about a packet that is not changed yet.  To: a frame of its own.
 * Theory: an error quotes as much as fits 576 bytes (IPv6: 1280), so that the sender finds its
 * socket.  It is sent to the MAC the packet came from: no neighbour is looked for because of it.
 * Thread: worker. */
#include "bridge/icmp_error.h"

#include "bridge/nat.h"
#include "vif/pkt_edit.h"
#include "vswitch/base/clock.h"

#include <endian.h>
#include <string.h>

#define ETH_HDR_LEN 14
#define ICMP_HDR_LEN 8
#define TOTAL_V4 576
#define TOTAL_V6 1280
#define TTL 64

static bool bucket_has(struct icmp_bucket *b, uint32_t rate, uint64_t now_ns)
{
	uint64_t new = (now_ns - b->at_ns) / (NS_PER_SEC / rate);

	if (b->at_ns == 0 || new >= rate) {
		b->left = rate;
		b->at_ns = now_ns;
	} else if (new > 0) {
		b->left = (uint32_t)MIN((uint64_t)b->left + new, (uint64_t)rate);
		b->at_ns += new *(NS_PER_SEC / rate);
	}
	return b->left > 0;
}

bool icmp_limit_take(struct icmp_limit *l, uint16_t vif_id, uint64_t now_ns)
{
	struct icmp_bucket *vif = &l->vif[vif_id % VIF_ID_MAX];

	if (!bucket_has(vif, ICMP_VIF_RATE, now_ns) || !bucket_has(&l->all, ICMP_RATE, now_ns))
		return false;
	vif->left--;
	l->all.left--;
	return true;
}

bool icmp_error_may(const struct pkt *p)
{
	const uint8_t *ip = pkt_bytes(p) + p->l3_off;

	if ((p->flags & PKT_IS_MCAST) != 0 || nat_is_icmp_error(p))
		return false;
	if (p->flags & PKT_IS_IP6) {
		static const uint8_t none[16];

		/* ICMP that we could not look into might be an error */
		if (p->ip_proto == 58
			&& ((p->flags & PKT_HAS_L4) == 0 || pkt_bytes(p)[p->l4_off] < 128))
			return false;
		return ip[8] != 0xff && memcmp(ip + 8, none, 16) != 0;
	}
	if (((ip[6] & 0x1f) | ip[7]) != 0) /* not the first fragment */
		return false;
	if (p->ip_proto == 1 && ((p->flags & PKT_HAS_L4) == 0 || pkt_bytes(p)[p->l4_off] == 5))
		return false;
	return ip[12] != 0 && ip[12] < 224 && ip[12] != 127;
}

static void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void fill_icmp(uint8_t *icmp, enum icmp_why why, bool is_v6, uint16_t mtu)
{
	static const uint8_t type_code[][4] = {
		[ICMP_WHY_TTL] = { 11, 0, 3, 0 },
		[ICMP_WHY_NET] = { 3, 0, 1, 0 },
		[ICMP_WHY_HOST] = { 3, 1, 1, 3 },
		[ICMP_WHY_PORT] = { 3, 3, 1, 4 },
		[ICMP_WHY_MTU] = { 3, 4, 2, 0 },
	};

	memset(icmp, 0, ICMP_HDR_LEN);
	icmp[0] = type_code[why][is_v6 ? 2 : 0];
	icmp[1] = type_code[why][is_v6 ? 3 : 1];
	if (why == ICMP_WHY_MTU)
		put16(icmp + 6, mtu);
}

/* @ip4 and @ip6: the header of the packet that is answered. */
static void fill_ip4(uint8_t *ip, const uint8_t *ip4, const uint8_t src[16], uint32_t len)
{
	uint16_t csum;

	memset(ip, 0, 20);
	ip[0] = 0x45;
	ip[1] = 0xc0; /* internetwork control, as Linux */
	put16(ip + 2, len);
	ip[8] = TTL;
	ip[9] = 1;
	memcpy(ip + 12, src + 12, 4);
	memcpy(ip + 16, ip4 + 12, 4);
	csum = (uint16_t)~pkt_sum_fold(pkt_sum_bytes(ip, 20, 0));
	memcpy(ip + 10, &csum, 2);
	csum = (uint16_t)~pkt_sum_fold(pkt_sum_bytes(ip + 20, len - 20, 0));
	memcpy(ip + 20 + 2, &csum, 2);
}

static void fill_ip6(uint8_t *ip, const uint8_t *ip6, const uint8_t src[16], uint32_t len)
{
	be32 tail[2] = { htobe32(len - 40), htobe32(58) };
	uint16_t csum;

	memset(ip, 0, 40);
	ip[0] = 0x60;
	put16(ip + 4, len - 40);
	ip[6] = 58;
	ip[7] = TTL;
	memcpy(ip + 8, src, 16);
	memcpy(ip + 24, ip6 + 8, 16);
	csum = (uint16_t)~pkt_sum_fold(
		pkt_sum_bytes(ip + 8, len - 8, pkt_sum_bytes(tail, sizeof(tail), 0)));
	memcpy(ip + 40 + 2, &csum, 2);
}

struct rte_mbuf *icmp_error_make(struct rte_mempool *pool, const struct pkt *p,
	const uint8_t mac[6], const uint8_t src[16], enum icmp_why why, uint16_t mtu)
{
	bool is_v6 = (p->flags & PKT_IS_IP6) != 0;
	uint32_t ip_len = is_v6 ? 40 : 20, room = (is_v6 ? TOTAL_V6 : TOTAL_V4) - ip_len;
	uint32_t quote = MIN(p->len - p->l3_off, room - ICMP_HDR_LEN);
	uint32_t len = ip_len + ICMP_HDR_LEN + quote;
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t *eth, *ip, *to;
	const void *from;

	if (m == NULL)
		return NULL;
	eth = (uint8_t *)(void *)rte_pktmbuf_append(m, (uint16_t)(ETH_HDR_LEN + len));
	if (eth == NULL) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	memcpy(eth, pkt_bytes(p) + 6, 6);
	memcpy(eth + 6, mac, 6);
	put16(eth + 12, is_v6 ? 0x86dd : 0x0800);
	ip = eth + ETH_HDR_LEN;
	to = ip + ip_len + ICMP_HDR_LEN;
	from = rte_pktmbuf_read(p->m, p->l3_off, quote, to);
	if (from != to)
		memcpy(to, from, quote);
	fill_icmp(ip + ip_len, why, is_v6, mtu);
	if (is_v6)
		fill_ip6(ip, pkt_bytes(p) + p->l3_off, src, len);
	else
		fill_ip4(ip, pkt_bytes(p) + p->l3_off, src, len);
	return m;
}
