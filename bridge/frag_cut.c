/* SPDX-License-Identifier: Apache-2.0 */
/* frag_cut.c - IPv4 fragmentation (RFC 791 §3.2).
 *
 * From: bridge/router.c, when the packet is as it leaves.  To: packets of their own.
 * Theory: the pieces are copies: the packet may be larger than a small buffer and its bytes shared.
 * Options that are not to be copied into later pieces become no-operations there, so that all
 * headers are equally long.  A piece of a piece keeps its place in the whole.
 * Thread: worker; no state. */
#include "bridge/frag_cut.h"

#include "vif/pkt_edit.h"

#include <string.h>

#define PIECE_MAX 1984 /* bytes of IP that fit a small buffer with their Ethernet header */

static void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void blank_options(uint8_t *ip, uint32_t hdr_len)
{
	for (uint32_t i = 20; i < hdr_len && ip[i] != 0;) {
		uint32_t len = ip[i] == 1 ? 1 : ip[i + 1];

		if (len == 0 || i + len > hdr_len)
			return;
		if ((ip[i] & 0x80) == 0)
			memset(ip + i, 1, len);
		i += len;
	}
}

/* One piece: @len bytes from @off of the payload, which is at @from in the frame. */
static bool make(struct pkt *out, const struct pkt *p, struct rte_mempool *pool, uint32_t hdr_len,
	uint32_t off, uint32_t len)
{
	uint32_t head = p->l3_off + hdr_len;
	struct rte_mbuf *m = NULL;
	uint8_t *to;
	const void *from;

	if (rte_pktmbuf_alloc_bulk(pool, &m, 1) != 0)
		return false;
	to = (uint8_t *)(void *)rte_pktmbuf_append(m, (uint16_t)(head + len));
	if (to == NULL) {
		rte_pktmbuf_free(m);
		return false;
	}
	memcpy(to, pkt_bytes(p), head);
	from = rte_pktmbuf_read(p->m, head + off, len, to + head);
	if (from != to + head)
		memcpy(to + head, from, len);
	*out = (struct pkt){ .m = m,
		.len = head + len,
		.network_id = p->network_id,
		.in_vif = VIF_ID_NONE,
		.origin_vif = p->origin_vif,
		.dst_vif = p->dst_vif,
		.flags = PKT_IS_IP4 | PKT_IS_FRAG,
		.ether_type = p->ether_type,
		.l3_off = p->l3_off,
		.ip_proto = p->ip_proto };
	return true;
}

unsigned frag_cut(const struct pkt *p, uint16_t mtu, struct rte_mempool *pool, struct pkt *out)
{
	const uint8_t *ip = pkt_bytes(p) + p->l3_off;
	uint32_t hdr_len = (ip[0] & 15u) * 4u, total = (uint32_t)(ip[2] << 8 | ip[3]) - hdr_len;
	uint32_t was = (uint32_t)(ip[6] << 8 | ip[7]);
	uint32_t most = (MIN((uint32_t)mtu, (uint32_t)PIECE_MAX) - hdr_len) & ~7u;
	unsigned n = 0;

	for (uint32_t off = 0; off < total; off += most) {
		uint32_t len = MIN(most, total - off), frag;
		uint8_t *head;
		uint16_t csum;

		if (n == FRAG_CUT_MAX || !make(&out[n], p, pool, hdr_len, off, len)) {
			while (n > 0)
				rte_pktmbuf_free(out[--n].m);
			return 0;
		}
		head = rte_pktmbuf_mtod_offset(out[n].m, uint8_t *, p->l3_off);
		frag = ((was & 0x1fff) + off / 8) | (was & 0x2000);
		if (off + len < total)
			frag |= 0x2000;
		put16(head + 2, hdr_len + len);
		put16(head + 6, frag);
		if (off > 0)
			blank_options(head, hdr_len);
		memset(head + 10, 0, 2);
		csum = (uint16_t)~pkt_sum_fold(pkt_sum_bytes(head, hdr_len, 0));
		memcpy(head + 10, &csum, 2);
		n++;
	}
	return n;
}
