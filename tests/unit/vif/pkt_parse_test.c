/* SPDX-License-Identifier: Apache-2.0 */
/* pkt_parse_test.c - the offsets and flags that the parser finds, header by header.
 *
 * No EAL: an mbuf is made by hand over the frame's bytes. */
#include "tests/lib/pkt_build.h"
#include "tests/lib/unit.h"
#include "vif/pkt_parse.h"

#include <endian.h>
#include <string.h>

static struct frame F;
static struct rte_mbuf M;
static struct pkt P;

/* Parse F; @linear bytes of it are in the first segment (0: all). */
static void parse(uint32_t linear)
{
	memset(&M, 0, sizeof(M));
	memset(&P, 0x5a, sizeof(P));
	M.buf_addr = F.bytes;
	M.data_len = (uint16_t)(linear != 0 ? linear : F.len);
	M.pkt_len = F.len;
	P.m = &M;
	P.len = F.len;
	P.drop = DROP_NONE;
	P.flags = F.offload.flags;
	P.gso_type = F.offload.gso_type;
	P.gso_size = F.offload.gso_size;
	P.csum_start = F.offload.csum_start;
	P.csum_offset = F.offload.csum_offset;
	pkt_parse_one(&P);
}

static void udp_over_ip4_gives_its_offsets(void **)
{
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 10);
	parse(0);
	assert_int_equal(P.drop, DROP_NONE);
	assert_int_equal(P.flags, PKT_IS_IP4 | PKT_HAS_L4);
	assert_int_equal(P.l3_off, 14);
	assert_int_equal(P.l4_off, 34);
	assert_int_equal(P.ip_proto, 17);
	assert_int_equal(be16toh(P.ether_type), 0x0800);
	assert_int_equal(P.dst_vif, VIF_ID_NONE);
}

static void two_tags_are_walked_and_the_outer_one_is_told(void **)
{
	frame_eth(&F, MAC_BCAST, MAC_OF(1));
	frame_vlan(&F, 0x88a8, 0xe123);
	frame_vlan(&F, 0x8100, 7);
	frame_arp(&F);
	parse(0);
	assert_int_equal(P.n_vlan, 2);
	assert_int_equal(P.vlan_tci, 0xe123);
	assert_int_equal(be16toh(P.vlan_tpid), 0x88a8);
	assert_int_equal(P.flags, PKT_IS_ARP | PKT_IS_MCAST | PKT_IS_BCAST);
	assert_int_equal(P.l3_off, 22);
}

static void group_addresses_are_flagged(void **)
{
	frame_simple(&F, MAC_GROUP(1), MAC_OF(1), 10);
	parse(0);
	assert_int_equal(P.flags & (PKT_IS_MCAST | PKT_IS_BCAST), PKT_IS_MCAST);
}

static void fragments_of_ip4_have_an_l4_header_in_the_first_only(void **)
{
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 10);
	F.bytes[20] = 0x20; /* MF */
	parse(0);
	assert_int_equal(P.flags, PKT_IS_IP4 | PKT_IS_FRAG | PKT_HAS_L4);
	F.bytes[21] = 1; /* offset 8 */
	parse(0);
	assert_int_equal(P.flags, PKT_IS_IP4 | PKT_IS_FRAG);
	assert_int_equal(P.l4_off, 0);
}

static void ip6_extension_headers_are_walked(void **)
{
	static const uint8_t kinds[] = { 0, 43, 60, 135 };

	for (unsigned n = 0; n <= PKT_IP6_EXT_MAX + 1; n++) {
		frame_eth(&F, MAC_OF(2), MAC_OF(1));
		frame_ip6(&F, 6);
		for (unsigned i = 0; i < n; i++)
			frame_ip6_ext(&F, kinds[i % 4], 1 + i % 2);
		frame_tcp(&F, 2);
		frame_end(&F);
		parse(0);
		assert_int_equal(P.drop, DROP_NONE);
		if (n <= PKT_IP6_EXT_MAX) {
			assert_int_equal(P.flags, PKT_IS_IP6 | PKT_HAS_L4);
			assert_int_equal(P.l4_off, F.len - 32);
			assert_int_equal(P.ip_proto, 6);
		} else {
			assert_int_equal(P.flags, PKT_MALFORMED);
		}
	}
}

static void ip6_fragments_are_flagged_atomic_ones_are_not(void **)
{
	frame_eth(&F, MAC_OF(2), MAC_OF(1));
	frame_ip6(&F, 17);
	frame_ip6_ext(&F, 44, 1);
	frame_udp(&F, 5);
	frame_end(&F);
	parse(0);
	assert_int_equal(P.flags, PKT_IS_IP6 | PKT_HAS_L4);
	F.bytes[14 + 40 + 3] = 1; /* M */
	parse(0);
	assert_int_equal(P.flags, PKT_IS_IP6 | PKT_IS_FRAG | PKT_HAS_L4);
	F.bytes[14 + 40 + 3] = 8; /* offset 8 */
	parse(0);
	assert_int_equal(P.flags, PKT_IS_IP6 | PKT_IS_FRAG);
}

static void lengths_beyond_the_frame_are_malformed_padding_is_not(void **)
{
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 1);
	frame_payload(&F, 17); /* padding to 60 */
	parse(0);
	assert_int_equal(P.flags, PKT_IS_IP4 | PKT_HAS_L4);
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 10);
	F.len--;
	parse(0);
	assert_int_equal(P.flags, PKT_MALFORMED);
	assert_int_equal(P.l3_off, 0);
}

static void a_tcp_header_that_is_cut_is_no_l4_header(void **)
{
	frame_eth(&F, MAC_OF(2), MAC_OF(1));
	frame_ip4(&F, 6);
	frame_tcp(&F, 2);
	frame_end(&F);
	F.bytes[34 + 12] = 0x90; /* 36 bytes, 32 are there */
	parse(0);
	assert_int_equal(P.flags, PKT_IS_IP4);
	F.bytes[34 + 12] = 0x40; /* 16 */
	parse(0);
	assert_int_equal(P.flags, PKT_IS_IP4);
}

static void nothing_is_read_behind_the_linear_part(void **)
{
	frame_super(&F, true, true, 600);
	for (uint32_t linear = 14; linear < 18 + 40 + 32; linear++) {
		parse(linear);
		assert_int_not_equal(P.drop, DROP_NONE);
	}
	parse(18 + 40 + 32);
	assert_int_equal(P.gso_size, 0); /* one segment: not GSO */
	assert_int_equal(P.drop, DROP_NONE);
}

static void hdr_len_is_our_own(void **)
{
	frame_super(&F, false, true, 9000);
	parse(0);
	assert_int_equal(P.hdr_len, 18 + 20 + 32);
	assert_int_equal(P.csum_start, 38);
	assert_int_equal(P.gso_type, PKT_GSO_TCP4);
}

static void tunnels_give_the_inner_offsets(void **)
{
	frame_eth(&F, MAC_OF(2), MAC_OF(1));
	frame_ip4(&F, 17);
	frame_udp(&F, 8472);
	frame_vxlan(&F);
	frame_inner_eth(&F);
	frame_vlan(&F, 0x8100, 3);
	frame_ip6(&F, 6);
	frame_tcp(&F, 0x10);
	frame_payload(&F, 5000);
	frame_end(&F);
	frame_gso(&F, PKT_GSO_TCP6, 1000);
	parse(0);
	assert_int_equal(P.drop, DROP_NONE);
	assert_true(P.flags & PKT_TUNNEL_GSO);
	assert_int_equal(P.l4_off, 34);
	assert_int_equal(P.inner_l3_off, 34 + 16 + 18);
	assert_int_equal(P.inner_l4_off, 34 + 16 + 18 + 40);
	assert_int_equal(P.hdr_len, 34 + 16 + 18 + 40 + 32);
	F.offload.gso_type = PKT_GSO_TCP4; /* the family of the inner packet counts */
	parse(0);
	assert_int_equal(P.drop, DROP_GSO_BAD);
}

static void bytes_that_only_look_like_a_tunnel_do_not_help(void **)
{
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 200);
	frame_partial(&F);
	F.offload.csum_start = 34 + 16 + 34;
	F.offload.csum_offset = 16;
	parse(0);
	assert_int_equal(P.drop, DROP_CSUM_BAD);
}

static void sctp_and_icmp6_checksums_may_be_partial(void **)
{
	frame_eth(&F, MAC_OF(2), MAC_OF(1));
	frame_ip4(&F, 132);
	frame_payload(&F, 40);
	frame_end(&F);
	F.offload = (struct mem_offload){
		.flags = PKT_CSUM_PARTIAL, .csum_start = 34, .csum_offset = 8
	};
	parse(0);
	assert_int_equal(P.drop, DROP_NONE);
	F.offload.csum_offset = 6;
	parse(0);
	assert_int_equal(P.drop, DROP_CSUM_BAD);
}

static void what_rx_has_given_up_stays_given_up(void **)
{
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 10);
	parse(0);
	P.drop = DROP_GSO_BAD; /* as vnet_hdr_decode() does for UFO */
	P.flags |= PKT_CSUM_PARTIAL;
	P.csum_start = 40000;
	pkt_parse_one(&P);
	assert_int_equal(P.drop, DROP_GSO_BAD);
	assert_int_equal(P.csum_start, 0);
	assert_int_equal(P.flags, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(udp_over_ip4_gives_its_offsets),
		cmocka_unit_test(two_tags_are_walked_and_the_outer_one_is_told),
		cmocka_unit_test(group_addresses_are_flagged),
		cmocka_unit_test(fragments_of_ip4_have_an_l4_header_in_the_first_only),
		cmocka_unit_test(ip6_extension_headers_are_walked),
		cmocka_unit_test(ip6_fragments_are_flagged_atomic_ones_are_not),
		cmocka_unit_test(lengths_beyond_the_frame_are_malformed_padding_is_not),
		cmocka_unit_test(a_tcp_header_that_is_cut_is_no_l4_header),
		cmocka_unit_test(nothing_is_read_behind_the_linear_part),
		cmocka_unit_test(hdr_len_is_our_own),
		cmocka_unit_test(tunnels_give_the_inner_offsets),
		cmocka_unit_test(bytes_that_only_look_like_a_tunnel_do_not_help),
		cmocka_unit_test(what_rx_has_given_up_stays_given_up),
		cmocka_unit_test(sctp_and_icmp6_checksums_may_be_partial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
