/* SPDX-License-Identifier: Apache-2.0 */
/* gso_test.c - segmentation and edits of packets over several mbufs, and running out of them. */
#include "tests/lib/pkt_build.h"
#include "tests/lib/test_pools.h"
#include "tests/lib/unit.h"
#include "vif/gso.h"
#include "vif/pkt_edit.h"
#include "vif/pkt_parse.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

static struct rte_mempool *small_pool, *big_pool, *tiny_pool;
static struct frame F;
static struct pkt P;

static int group_setup(void **)
{
	test_pools(&small_pool, &big_pool);
	tiny_pool = rte_pktmbuf_pool_create("tiny", 7, 0, 0, 256 + RTE_PKTMBUF_HEADROOM, 0);
	return tiny_pool == NULL;
}

/* F as a parsed packet whose segments have @first bytes, then @rest each (odd ones are nastiest). */
static void make(uint32_t first, uint32_t rest)
{
	uint32_t at = 0, n = first;

	memset(&P, 0, sizeof(P));
	while (at < F.len) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(small_pool);

		n = MIN(n, F.len - at);
		memcpy(rte_pktmbuf_append(m, (uint16_t)n), F.bytes + at, n);
		if (P.m == NULL)
			P.m = m;
		else
			assert_int_equal(rte_pktmbuf_chain(P.m, m), 0);
		at += n;
		n = rest;
	}
	P.len = F.len;
	P.flags = F.offload.flags;
	P.gso_type = F.offload.gso_type;
	P.gso_size = F.offload.gso_size;
	P.csum_start = F.offload.csum_start;
	P.csum_offset = F.offload.csum_offset;
	pkt_parse_one(&P);
	assert_int_equal(P.drop, DROP_NONE);
}

static void flatten(const struct rte_mbuf *m, uint8_t *out)
{
	for (uint32_t at = 0; m != NULL; at += m->data_len, m = m->next)
		memcpy(out + at, rte_pktmbuf_mtod(m, const void *), m->data_len);
}

static void done(void)
{
	rte_pktmbuf_free(P.m);
	assert_int_equal(rte_mempool_in_use_count(small_pool), 0);
	assert_int_equal(rte_mempool_in_use_count(big_pool), 0);
	assert_int_equal(rte_mempool_in_use_count(tiny_pool), 0);
}

static void segments_are_whole_wherever_the_mbufs_are_cut(void **)
{
	static uint8_t bytes[2000];
	static const uint32_t rests[] = { 1, 3, 77, 1000, 1999 };

	for (unsigned i = 0; i < ARRAY_LEN(rests); i++) {
		uint32_t at;
		struct rte_mbuf *m;
		struct gso g;

		frame_super(&F, i % 2, i % 3 == 0, rests[i] < 10 ? 500 : 20000);
		F.offload.gso_size = rests[i] < 10 ? 91 : 1333;
		make(129, rests[i]);
		at = P.hdr_len;
		gso_begin(&g, &P, small_pool);
		while ((m = gso_next(&g)) != NULL) {
			flatten(m, bytes);
			assert_null(frame_fault(bytes, m->pkt_len, false));
			assert_memory_equal(
				bytes + P.hdr_len, F.bytes + at, m->pkt_len - P.hdr_len);
			at += m->pkt_len - P.hdr_len;
			rte_pktmbuf_free(m);
		}
		assert_false(g.failed);
		assert_int_equal(at, F.len);
		done();
	}
}

static void segments_may_take_several_mbufs(void **)
{
	static uint8_t bytes[2000];
	struct rte_mbuf *m;
	struct gso g;

	frame_super(&F, false, false, 5000);
	make(2000, 2000);
	gso_begin(&g, &P, tiny_pool);
	m = gso_next(&g);
	assert_non_null(m);
	assert_int_equal(m->nb_segs, 6);
	flatten(m, bytes);
	assert_null(frame_fault(bytes, m->pkt_len, false));
	/* Seven buffers in all: the second segment does not fit beside the first. */
	assert_null(gso_next(&g));
	assert_true(g.failed);
	rte_pktmbuf_free(m);
	done();
}

static void partial_checksums_are_completed_over_odd_pieces(void **)
{
	static uint8_t bytes[3000];

	for (uint32_t rest = 1; rest < 20; rest++) {
		frame_simple(&F, MAC_OF(2), MAC_OF(1), 300 + rest);
		frame_partial(&F);
		make(43 + rest, rest);
		pkt_edit_complete_csum(&P);
		flatten(P.m, bytes);
		assert_null(frame_fault(bytes, P.len, false));
		assert_int_equal(P.flags & (PKT_CSUM_PARTIAL | PKT_CSUM_VALID), PKT_CSUM_VALID);
		done();
	}
}

static void a_udp_checksum_of_zero_is_sent_as_ffff(void **)
{
	uint8_t bytes[100];

	frame_simple(&F, MAC_OF(2), MAC_OF(1), 2);
	for (unsigned word = 0; word < 65536; word++) {
		F.bytes[42] = (uint8_t)(word >> 8);
		F.bytes[43] = (uint8_t)word;
		frame_end(&F);
		if (F.bytes[40] == 0xff && F.bytes[41] == 0xff)
			break;
	}
	frame_partial(&F);
	make(1000, 1);
	pkt_edit_complete_csum(&P);
	flatten(P.m, bytes);
	assert_int_equal(bytes[40] << 8 | bytes[41], 0xffff);
	done();
}

static void sctp_gets_its_crc_over_all_pieces(void **)
{
	/* RFC 3720 appendix B.4: CRC32c of 32 bytes of zeros is aa 36 91 8a. */
	static const uint8_t crc[4] = { 0xaa, 0x36, 0x91, 0x8a };
	uint8_t bytes[100];

	frame_eth(&F, MAC_OF(2), MAC_OF(1));
	frame_ip4(&F, 132);
	memset(F.bytes + F.len, 0, 32);
	F.len += 32;
	frame_end(&F);
	F.bytes[34 + 8] = 0x55; /* whatever stands there does not count */
	F.offload = (struct mem_offload){
		.flags = PKT_CSUM_PARTIAL, .csum_start = 34, .csum_offset = 8
	};
	make(34 + 13, 3);
	pkt_edit_complete_csum(&P);
	flatten(P.m, bytes);
	assert_memory_equal(bytes + 34 + 8, crc, 4);
	done();
}

static void tags_go_on_and_off_with_all_offsets(void **)
{
	static uint8_t bytes[9000];

	frame_super(&F, true, false, 9000);
	make(2000, 2000);
	assert_int_equal(pkt_edit_pop_vlan(&P), -ENOENT);
	assert_int_equal(pkt_edit_push_vlan(&P, RTE_BE16(0x8100), 0x6042), 0);
	assert_int_equal(P.l4_off, 18 + 40);
	assert_int_equal(P.csum_start, 18 + 40);
	assert_int_equal(P.hdr_len, 18 + 40 + 32);
	assert_int_equal(P.vlan_tci, 0x6042);
	assert_int_equal(P.len, 9004);
	assert_int_equal(P.m->pkt_len, 9004);
	assert_int_equal(pkt_edit_push_vlan(&P, RTE_BE16(0x88a8), 5), 0);
	/* One more than a guest may send: a VLAN's tag goes around what it has sent. */
	assert_int_equal(pkt_edit_push_vlan(&P, RTE_BE16(0x8100), 7), 0);
	assert_int_equal(pkt_edit_push_vlan(&P, RTE_BE16(0x88a8), 5), -ENOSPC);
	assert_int_equal(P.vlan_tci, 7);
	assert_int_equal(pkt_edit_set_vlan(&P, 0xa008), 0);
	assert_int_equal(P.vlan_tci, 0xa008);
	assert_int_equal(pkt_edit_pop_vlan(&P), 0);
	assert_int_equal(P.vlan_tci, 5);
	assert_int_equal(pkt_edit_pop_vlan(&P), 0);
	assert_int_equal(P.vlan_tci, 0x6042);
	assert_int_equal(pkt_edit_pop_vlan(&P), 0);
	assert_int_equal(P.n_vlan, 0);
	flatten(P.m, bytes);
	assert_memory_equal(bytes, F.bytes, F.len);
	done();
}

static void shared_headers_are_copied_before_they_are_written(void **)
{
	static uint8_t bytes[9000];
	struct rte_mbuf *other;

	frame_super(&F, false, false, 9000);
	make(2000, 2000);
	other = rte_pktmbuf_clone(P.m, small_pool);
	assert_int_equal(pkt_edit_own_headers(&P, small_pool), 0);
	assert_int_equal(P.m->pkt_len, 9000);
	assert_true(P.m->data_len >= PKT_HEADERS_MIN);
	memset(rte_pktmbuf_mtod(P.m, void *), 0xee, 14);
	flatten(other, bytes);
	assert_memory_equal(bytes, F.bytes, F.len); /* the other did not see it */
	flatten(P.m, bytes);
	assert_memory_equal(bytes + 14, F.bytes + 14, F.len - 14);
	rte_pktmbuf_free(other);
	done();
}

static void make_tunnel(bool is_v6, bool has_vlan, uint32_t payload_len, uint16_t gso_size)
{
	frame_eth(&F, MAC_OF(2), MAC_OF(1));
	if (has_vlan)
		frame_vlan(&F, 0x8100, 3);
	if (is_v6)
		frame_ip6(&F, 17);
	else
		frame_ip4(&F, 17);
	frame_udp(&F, 4789);
	frame_vxlan(&F);
	frame_inner_eth(&F);
	frame_ip4(&F, 6);
	frame_tcp(&F, 0x99);
	frame_payload(&F, payload_len);
	frame_end(&F);
	frame_gso(&F, PKT_GSO_TCP4, gso_size);
	make(2000, 1999);
	assert_true(gso_can_pack(&P));
}

/* Outer IPv4, GRE with or without checksum, inner IPv4 and TCP. */
static void make_gre(uint8_t flags, uint8_t outer_proto)
{
	static const uint8_t types[2] = { 0x08, 0x00 };
	uint32_t gre;

	frame_eth(&F, MAC_OF(2), MAC_OF(1));
	frame_ip4(&F, outer_proto);
	gre = F.len;
	if (outer_proto == 47) {
		frame_payload(&F, flags & 0x80 ? 8 : 4);
		memset(F.bytes + gre, 0, F.len - gre);
		F.bytes[gre] = flags;
		memcpy(F.bytes + gre + 2, types, 2);
	}
	frame_ip4(&F, 6);
	frame_tcp(&F, 0x10);
	frame_payload(&F, 5000);
	frame_end(&F);
	frame_gso(&F, PKT_GSO_TCP4, 1000);
	make(2000, 1999);
	assert_true(P.flags & PKT_TUNNEL_GSO);
}

static uint16_t sum_of(const uint8_t *at, uint32_t len)
{
	return pkt_sum_fold(pkt_sum_bytes(at, len, 0));
}

static void gre_and_ip_in_ip_are_cut_with_all_their_lengths(void **)
{
	static uint8_t b[2000];
	static const uint8_t protos[] = { 47, 47, 4 }, flags[] = { 0x80, 0, 0 };

	for (unsigned i = 0; i < ARRAY_LEN(protos); i++) {
		uint32_t in = 34 + (protos[i] == 4 ? 0 : flags[i] ? 8 : 4);
		unsigned n = 0;
		struct rte_mbuf *m;
		struct gso g;

		make_gre(flags[i], protos[i]);
		gso_begin(&g, &P, small_pool);
		for (; (m = gso_next(&g)) != NULL; n++, rte_pktmbuf_free(m)) {
			flatten(m, b);
			assert_int_equal(b[16] << 8 | b[17], m->pkt_len - 14);
			assert_int_equal(b[in + 2] << 8 | b[in + 3], m->pkt_len - in);
			assert_int_equal(sum_of(b + 14, 20), 0xffff);
			assert_int_equal(sum_of(b + in, 20), 0xffff);
			if (flags[i])
				assert_int_equal(sum_of(b + 34, m->pkt_len - 34), 0xffff);
		}
		assert_false(g.failed);
		assert_int_equal(n, 5);
		done();
	}
}

/* The outer UDP checksum over pseudo-header and all: 0xffff when it is right. */
static uint16_t udp_sum(const uint8_t *bytes, const struct pkt *p, uint32_t len)
{
	const uint8_t *ip = bytes + p->l3_off;
	uint32_t addrs = ip[0] >> 4 == 4 ? 12 : 8, addrs_len = ip[0] >> 4 == 4 ? 8 : 32;
	be32 tail[2] = { htobe32(len - p->l4_off), htobe32(17) };
	uint32_t sum = pkt_sum_bytes(ip + addrs, addrs_len, pkt_sum_bytes(tail, sizeof(tail), 0));

	return pkt_sum_fold(pkt_sum_bytes(bytes + p->l4_off, len - p->l4_off, sum));
}

/* What is in a packed frame must be what gso_next() makes one by one, datagram by datagram, the outer
 * headers apart; returns how many frames it took. */
static unsigned pack_and_compare(void)
{
	static uint8_t want[70000], packed[70000];
	uint32_t outer = P.l4_off + 8u, at;
	unsigned n_frames = 0;
	struct gso one, many;
	struct rte_mbuf *m;
	struct pkt out;

	gso_begin(&one, &P, big_pool);
	gso_begin(&many, &P, big_pool);
	while (gso_pack_next(&many, &out)) {
		flatten(out.m, packed);
		for (at = outer; at < out.len; at += m->pkt_len - outer, rte_pktmbuf_free(m)) {
			m = gso_next(&one);
			assert_non_null(m);
			flatten(m, want);
			assert_memory_equal(packed + at, want + outer, m->pkt_len - outer);
		}
		assert_int_equal(at, out.len);
		out.n_vlan = 0;
		at = out.gso_size;
		pkt_parse_one(&out); /* what we send we would take */
		assert_int_equal(out.drop, DROP_NONE);
		assert_int_equal(out.gso_size, at);
		assert_int_equal(out.hdr_len, out.gso_type == PKT_GSO_NONE ? 0 : outer);
		out.gso_type = PKT_GSO_NONE;
		pkt_edit_complete_csum(&out);
		flatten(out.m, packed);
		/* the pseudo-header's sum was right: what is complete sums up to nothing */
		assert_int_equal(udp_sum(packed, &P, out.len), 0xffff);
		rte_pktmbuf_free(out.m);
		n_frames++;
	}
	assert_false(many.failed);
	assert_null(gso_next(&one));
	return n_frames;
}

static void packed_segments_of_a_tunnel_are_the_segments_one_by_one(void **)
{
	static const struct {
		uint32_t payload_len;
		uint16_t gso_size;
		unsigned n_frames;
	} cases[] = {
		{ 65000, 1398, 2 },
		{ 65000, 16000, 2 },
		{ 30000, 1398, 1 },
		{ 1399, 1398, 1 },
		{ 4000, 8, 8 },
		{ 20000, 19999, 1 },
	};

	for (unsigned i = 0; i < ARRAY_LEN(cases) * 4; i++) {
		unsigned k = i / 4;

		make_tunnel(i & 1, i & 2, cases[k].payload_len, cases[k].gso_size);
		assert_int_equal(pack_and_compare(), cases[k].n_frames);
		done();
	}
}

static void packing_without_buffers_fails_and_says_so(void **)
{
	struct pkt out;
	struct gso g;

	make_tunnel(false, false, 30000, 1398);
	gso_begin(&g, &P, tiny_pool); /* too small */
	assert_false(gso_pack_next(&g, &out));
	assert_true(g.failed && g.no_buffer);
	done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_are_whole_wherever_the_mbufs_are_cut),
		cmocka_unit_test(segments_may_take_several_mbufs),
		cmocka_unit_test(partial_checksums_are_completed_over_odd_pieces),
		cmocka_unit_test(a_udp_checksum_of_zero_is_sent_as_ffff),
		cmocka_unit_test(sctp_gets_its_crc_over_all_pieces),
		cmocka_unit_test(tags_go_on_and_off_with_all_offsets),
		cmocka_unit_test(gre_and_ip_in_ip_are_cut_with_all_their_lengths),
		cmocka_unit_test(packed_segments_of_a_tunnel_are_the_segments_one_by_one),
		cmocka_unit_test(packing_without_buffers_fails_and_says_so),
		cmocka_unit_test(shared_headers_are_copied_before_they_are_written),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
