/* SPDX-License-Identifier: Apache-2.0 */
/* pkt_parse_fuzz.c - hostile frames with hostile offload metadata.
 *
 * Input: struct fuzz_head, then the frame.  The frame lies in heap blocks of exact size, in one
 * segment or two, so that ASan sees one byte more.
 * Claims: what passes pkt_parse() keeps its invariants, its partial checksum can be completed and
 * it can be segmented, all inside the frame.
 * Planted bug (SAKLAR_PLANTED_BUG): csum_start of IPv6 UDP is believed. */
#include "tests/lib/test_pools.h"
#include "vif/gso.h"
#include "vif/pkt_edit.h"
#include "vif/pkt_parse.h"
#include "vswitch/base/check.h"

#include <stdlib.h>
#include <string.h>

struct fuzz_head {
	uint16_t flags;
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
	uint8_t gso_type;
	uint8_t linear; /* bytes in the first segment beyond the first 128; 255: all */
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct rte_mempool *small_pool, *big_pool;

int LLVMFuzzerInitialize(int *, char ***)
{
	test_pools(&small_pool, &big_pool);
	return 0;
}

static void mbuf_over(struct rte_mbuf *m, const uint8_t *bytes, uint32_t len)
{
	memset(m, 0, sizeof(*m));
	m->buf_addr = malloc(len > 0 ? len : 1);
	CHECK(m->buf_addr != NULL);
	if (len > 0)
		memcpy(m->buf_addr, bytes, len);
	m->buf_len = (uint16_t)len;
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	m->nb_segs = 1;
	m->refcnt = 1;
}

static void check_offsets(const struct pkt *p)
{
	uint32_t linear = pkt_linear_len(p);

	CHECK(p->n_vlan <= PKT_VLAN_TAGS_MAX && p->l3_off <= linear && p->l4_off <= linear);
	CHECK((p->flags & PKT_HAS_L4) == 0 || (p->l4_off > p->l3_off && p->l4_off + 8u <= linear));
	CHECK((p->flags & PKT_IS_IP4) == 0 || p->l3_off + 20u <= linear);
	CHECK((p->flags & PKT_IS_IP6) == 0 || p->l3_off + 40u <= linear);
	CHECK((p->flags & PKT_IS_ARP) == 0 || p->l3_off + 28u <= linear);
	CHECK((p->flags & PKT_MALFORMED) == 0 || (p->flags & PKT_HAS_L4) == 0);
}

static void check_offload(const struct pkt *p)
{
	uint32_t l4 = p->inner_l4_off != 0 ? p->inner_l4_off : p->l4_off;

	if ((p->flags & PKT_CSUM_PARTIAL) == 0) {
		CHECK(p->gso_type == PKT_GSO_NONE && p->csum_start == 0 && p->csum_offset == 0);
		return;
	}
	CHECK(l4 != 0 && p->csum_start == l4);
	CHECK(p->csum_start + p->csum_offset + 2u <= pkt_linear_len(p));
	if (p->gso_type == PKT_GSO_NONE) {
		CHECK(p->gso_size == 0);
		return;
	}
	CHECK(p->gso_size >= PKT_GSO_SIZE_MIN && p->hdr_len > l4 && p->hdr_len < p->len);
	CHECK(p->hdr_len <= pkt_linear_len(p));
}

static void segment(const struct pkt *p)
{
	uint32_t payload = 0;
	struct rte_mbuf *m;
	struct pkt packed;
	struct gso g;

	gso_begin(&g, p, small_pool);
	while ((m = gso_next(&g)) != NULL) {
		CHECK(m->pkt_len > p->hdr_len && m->pkt_len <= (uint32_t)p->hdr_len + p->gso_size);
		payload += m->pkt_len - p->hdr_len;
		rte_pktmbuf_free(m);
	}
	CHECK(g.failed || payload == p->len - p->hdr_len);
	if (!gso_can_pack(p))
		return;
	gso_begin(&g, p, big_pool);
	while (gso_pack_next(&g, &packed)) {
		CHECK(packed.len == packed.m->data_len && packed.len > p->l4_off + 8u);
		rte_pktmbuf_free(packed.m);
	}
	CHECK(g.failed || g.payload_off == p->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct rte_mbuf first, second;
	struct fuzz_head head;
	uint32_t len, linear;
	struct pkt p;

	if (size < sizeof(head) || size > sizeof(head) + FRAME_LEN_MAX / 8)
		return 0;
	memcpy(&head, bytes, sizeof(head));
	len = (uint32_t)(size - sizeof(head));
	linear = head.linear == 255 ? len : MIN(len, (uint32_t)PKT_HEADERS_MIN + head.linear);
	bytes += sizeof(head);
	mbuf_over(&first, bytes, linear);
	mbuf_over(&second, bytes + linear, len - linear);
	if (len > linear) {
		first.next = &second;
		first.nb_segs = 2;
	}
	first.pkt_len = len;
	memset(&p, 0xa5, sizeof(p));
	p.m = &first;
	p.len = len;
	p.drop = DROP_NONE;
	p.flags = head.flags;
	p.gso_type = head.gso_type;
	p.gso_size = head.gso_size;
	p.csum_start = head.csum_start;
	p.csum_offset = head.csum_offset;
	pkt_parse_one(&p);
	if (p.drop == DROP_NONE) {
		check_offsets(&p);
		check_offload(&p);
		if (p.gso_type != PKT_GSO_NONE)
			segment(&p);
		else
			pkt_edit_complete_csum(&p);
	}
	free(first.buf_addr);
	free(second.buf_addr);
	return 0;
}
