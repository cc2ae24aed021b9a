/* SPDX-License-Identifier: Apache-2.0 */
/* pkt_edit.c - the few ways in which the switch changes the bytes of a packet.
 *
 * From: vif tx for vifs that take no offloads; later the stages that route and tag.  To: mbufs.
 * Theory: RFC 1071: the sum of 16-bit words is the same in any grouping, so segments are summed
 * one by one; a piece that begins at an odd byte has its sum byte-swapped.  A partial checksum
 * field already holds the pseudo-header's sum, so completing it is summing all from csum_start.
 * Invariants: no function reads or writes beyond the bytes that pkt_parse() vouched for.
 * Thread: the owner of the packet. */
#include "vif/pkt_edit.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define CSUM_OFFSET_UDP 6
#define CSUM_OFFSET_SCTP 8
#define PORT_DHCP_CLIENT 68 /* RFC 2131 §4.1 */
#define PORT_DHCPV6_CLIENT 546 /* RFC 8415 §7.2 */

#define MACS_LEN 12
#define TAG_LEN 4
#define PROTO_SCTP 132
#define PROTO_UDP 17

uint16_t pkt_sum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

uint32_t pkt_sum_bytes(const void *bytes, uint32_t len, uint32_t sum)
{
	const uint8_t *at = bytes;
	uint64_t wide = sum;

	/* Memory order all the way: RFC 1071 §2 (B), byte order independence. */
	for (; len >= 8; len -= 8, at += 8) {
		uint32_t w[2];

		memcpy(w, at, sizeof(w));
		wide += (uint64_t)w[0] + w[1];
	}
	for (; len >= 2; len -= 2, at += 2) {
		uint16_t w;

		memcpy(&w, at, sizeof(w));
		wide += w;
	}
	if (len == 1) {
		uint16_t w = 0;

		memcpy(&w, at, 1);
		wide += w;
	}
	wide = (wide & 0xffffffff) + (wide >> 32);
	wide = (wide & 0xffffffff) + (wide >> 32);
	return (uint32_t)((wide & 0xffff) + (wide >> 16));
}

uint32_t pkt_sum(const struct rte_mbuf *m, uint32_t off, uint32_t len, uint32_t sum)
{
	uint32_t done = 0;

	for (; m != NULL && len > 0; m = m->next) {
		uint32_t here;
		uint16_t part;

		if (off >= m->data_len) {
			off -= m->data_len;
			continue;
		}
		here = RTE_MIN(len, m->data_len - off);
		part = pkt_sum_fold(
			pkt_sum_bytes(rte_pktmbuf_mtod_offset(m, const uint8_t *, off), here, 0));
		if (done & 1)
			part = (uint16_t)(part << 8 | part >> 8);
		sum += part;
		done += here;
		len -= here;
		off = 0;
	}
	return sum;
}

static uint32_t crc32c_byte(uint32_t crc, uint8_t byte)
{
#ifdef __SSE4_2__
	return __builtin_ia32_crc32qi(crc, byte);
#else
	crc ^= byte;
	for (unsigned bit = 0; bit < 8; bit++)
		crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	return crc;
#endif
}

static uint32_t crc32c_bytes(uint32_t crc, const uint8_t *at, uint32_t len)
{
#ifdef __SSE4_2__
	/* A guest may ask for 64 KiB of it: 8 bytes at a time. */
	for (; len >= 8; len -= 8, at += 8) {
		uint64_t word;

		memcpy(&word, at, sizeof(word));
		crc = (uint32_t)__builtin_ia32_crc32di(crc, word);
	}
#endif
	for (; len > 0; len--, at++)
		crc = crc32c_byte(crc, *at);
	return crc;
}

uint32_t pkt_crc32c(const struct rte_mbuf *m, uint32_t off, uint32_t len)
{
	uint32_t crc = UINT32_MAX;

	for (; m != NULL && len > 0; m = m->next) {
		uint32_t here;

		if (off >= m->data_len) {
			off -= m->data_len;
			continue;
		}
		here = RTE_MIN(len, m->data_len - off);
		crc = crc32c_bytes(crc, rte_pktmbuf_mtod_offset(m, const uint8_t *, off), here);
		len -= here;
		off = 0;
	}
	return htole32(~crc);
}

void pkt_edit_complete_csum(struct pkt *p)
{
	uint8_t *at = rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->csum_start + p->csum_offset);
	uint32_t len = p->len - p->csum_start;
	uint16_t csum;

	if ((p->flags & PKT_CSUM_PARTIAL) == 0)
		return;
	if (p->csum_offset
		== CSUM_OFFSET_SCTP) { /* nothing else has it there; checked by pkt_parse() */
		uint32_t crc = 0;

		memcpy(at, &crc, sizeof(crc));
		crc = pkt_crc32c(p->m, p->csum_start, len);
		memcpy(at, &crc, sizeof(crc));
	} else {
		csum = (uint16_t)~pkt_sum_fold(pkt_sum(p->m, p->csum_start, len, 0));
		if (csum == 0 && p->csum_offset == CSUM_OFFSET_UDP) /* RFC 768: 0 means none */
			csum = 0xffff;
		memcpy(at, &csum, sizeof(csum));
	}
	p->flags = (uint16_t)((p->flags & ~PKT_CSUM_PARTIAL) | PKT_CSUM_VALID);
	p->csum_start = 0;
	p->csum_offset = 0;
}

static bool must_fill_csum(const struct pkt *p)
{
	const uint8_t *udp;
	uint16_t dst_port;

	if (p->csum_offset == CSUM_OFFSET_SCTP)
		return true;
	if (p->csum_offset != CSUM_OFFSET_UDP || p->gso_type != PKT_GSO_NONE)
		return false;
	udp = pkt_hdr(p, p->csum_start, 8);
	if (udp == NULL)
		return false;
	dst_port = (uint16_t)(udp[2] << 8 | udp[3]);
	return dst_port == PORT_DHCP_CLIENT || dst_port == PORT_DHCPV6_CLIENT;
}

void pkt_edit_fill_csum(struct burst *b)
{
	burst_foreach(p, b)
		if ((p->flags & PKT_CSUM_PARTIAL) != 0 && p->drop == DROP_NONE && must_fill_csum(p))
			pkt_edit_complete_csum(p);
}

int pkt_edit_own_headers(struct pkt *p, struct rte_mempool *pool)
{
	struct rte_mbuf *old = p->m, *head, *rest = NULL;
	uint16_t len = (uint16_t)RTE_MIN((uint32_t)old->data_len, (uint32_t)PKT_HEADERS_MIN);

	if (rte_mbuf_refcnt_read(old) == 1 && RTE_MBUF_DIRECT(old))
		return 0;
	head = rte_pktmbuf_alloc(pool);
	if (head == NULL || rte_pktmbuf_tailroom(head) < len)
		goto fail;
	if (p->len > len) {
		rest = rte_pktmbuf_clone(old, pool);
		if (rest == NULL)
			goto fail;
	}
	memcpy(rte_pktmbuf_append(head, len), rte_pktmbuf_mtod(old, const void *), len);
	if (rest != NULL) {
		rte_pktmbuf_adj(rest, len);
		if (rte_pktmbuf_chain(head, rest) < 0) {
			rte_pktmbuf_free(rest);
			goto fail;
		}
	}
	p->m = head;
	rte_pktmbuf_free(old);
	return 0;
fail:
	rte_pktmbuf_free(head);
	return -ENOMEM;
}

int pkt_edit_copy(const struct pkt *p, struct rte_mempool *pool, struct pkt *out)
{
	*out = *p;
	out->m = rte_pktmbuf_clone(p->m, pool);
	if (out->m == NULL)
		return -ENOMEM;
	if (pkt_edit_own_headers(out, pool) == 0)
		return 0;
	rte_pktmbuf_free(out->m);
	out->m = NULL;
	return -ENOMEM;
}

/* The frame grew or shrank by @by bytes in front of every offset. */
static void offsets_shift(struct pkt *p, int by)
{
	uint16_t *offs[] = { &p->l3_off, &p->l4_off, &p->inner_l3_off, &p->inner_l4_off,
		&p->csum_start, &p->hdr_len };

	for (unsigned i = 0; i < ARRAY_LEN(offs); i++)
		if (*offs[i] != 0)
			*offs[i] = (uint16_t)(*offs[i] + by);
	p->len = (uint32_t)((int)p->len + by);
}

static void vlan_read(struct pkt *p)
{
	be16 tci;

	p->vlan_tpid = 0;
	p->vlan_tci = 0;
	if (p->n_vlan == 0)
		return;
	memcpy(&p->vlan_tpid, pkt_bytes(p) + MACS_LEN, 2);
	memcpy(&tci, pkt_bytes(p) + MACS_LEN + 2, 2);
	p->vlan_tci = be16toh(tci);
}

int pkt_edit_push_vlan(struct pkt *p, be16 tpid, uint16_t tci)
{
	be16 tci_be = htobe16(tci);
	uint8_t *eth;

	if (p->n_vlan > PKT_VLAN_TAGS_MAX || p->len + TAG_LEN > FRAME_LEN_MAX)
		return -ENOSPC;
	eth = (uint8_t *)(void *)rte_pktmbuf_prepend(p->m, TAG_LEN);
	if (eth == NULL)
		return -ENOSPC;
	memmove(eth, eth + TAG_LEN, MACS_LEN);
	memcpy(eth + MACS_LEN, &tpid, 2);
	memcpy(eth + MACS_LEN + 2, &tci_be, 2);
	p->n_vlan++;
	offsets_shift(p, TAG_LEN);
	vlan_read(p);
	return 0;
}

int pkt_edit_set_vlan(struct pkt *p, uint16_t tci)
{
	be16 tci_be = htobe16(tci);

	if (p->n_vlan == 0)
		return -ENOENT;
	memcpy(rte_pktmbuf_mtod_offset(p->m, uint8_t *, MACS_LEN + 2), &tci_be, 2);
	vlan_read(p);
	return 0;
}

int pkt_edit_pop_vlan(struct pkt *p)
{
	uint8_t *eth = rte_pktmbuf_mtod(p->m, uint8_t *);

	if (p->n_vlan == 0)
		return -ENOENT;
	memmove(eth + TAG_LEN, eth, MACS_LEN);
	rte_pktmbuf_adj(p->m, TAG_LEN);
	p->n_vlan--;
	offsets_shift(p, -TAG_LEN);
	vlan_read(p);
	return 0;
}
