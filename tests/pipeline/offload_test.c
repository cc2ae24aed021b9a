/* SPDX-License-Identifier: Apache-2.0 */
/* offload_test.c - GSO frames and partial checksums cross whole, or are done in software.
 *
 *      v1 ---- n1 ---- v2 (plain where a test says so)
 */
#include "tests/lib/bed.h"
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"

#include <stdlib.h>
#include <string.h>

static struct frame F;

static struct bed *two(void **state)
{
	struct bed *b = *state;

	bed_network(b, 1);
	bed_port(b, 1, 1);
	bed_port(b, 2, 1);
	bed_apply(b);
	return b;
}

static uint32_t be32_at(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Take the segments of F from vif 2: each whole and in order, together F's payload. */
static void expect_segments(struct bed *b, uint32_t hdr_len, uint32_t size)
{
	uint32_t at = hdr_len, n = 0;
	struct mem_frame f;

	while (vif_mem_take(b->vif[2], &f)) {
		uint32_t want = MIN(size, F.len - at);
		const char *fault = frame_fault(f.bytes, f.len, false);

		if (fault != NULL)
			fail_msg("segment %u of %u bytes: %s", n, f.len, fault);
		assert_int_equal(f.len, hdr_len + want);
		assert_memory_equal(f.bytes + hdr_len, F.bytes + at, want);
		assert_int_equal(f.offload.flags, 0);
		assert_int_equal(f.offload.gso_type, 0);
		at += want;
		n++;
		free(f.bytes);
	}
	assert_int_equal(at, F.len);
	assert_int_equal(n, (F.len - hdr_len + size - 1) / size);
}

static void gso_frames_of_every_size_cross_whole_and_cut_up(void **state)
{
	static const uint32_t lens[] = { 3000, 65535, 65549, 65553 };
	struct bed *b = two(state);

	for (unsigned i = 0; i < ARRAY_LEN(lens); i++)
		for (unsigned how = 0; how < 8; how++) {
			bool is_v6 = how & 1, is_tagged = how & 2, is_plain = how & 4;

			/* An IP packet has 65,535 bytes at most (IPv6: without its header, but
			 * hosts keep to it), so the largest sizes need the tag. */
			if (lens[i] > 65535 + 14 + (is_tagged ? 4u : 0u))
				continue;
			frame_super(&F, is_v6, is_tagged, lens[i]);
			vif_mem_set_plain(b->vif[2], is_plain);
			bed_step(b, 1, &F);
			if (is_plain)
				expect_segments(
					b, 14 + (is_tagged ? 4 : 0) + (is_v6 ? 40 : 20) + 32, 1400);
			else
				EXPECT_FRAME(b, 2, &F);
			EXPECT_NOTHING(b, 2);
		}
}

static void tcp_segments_continue_sequence_and_keep_flags_in_their_place(void **state)
{
	struct bed *b = two(state);
	struct mem_frame f;

	frame_super(&F, false, false, 14 + 20 + 32 + 3 * 1400 + 1);
	vif_mem_set_plain(b->vif[2], true);
	bed_step(b, 1, &F);
	for (uint32_t i = 0; i < 4; i++) {
		assert_true(vif_mem_take(b->vif[2], &f));
		assert_int_equal(be32_at(f.bytes + 38), be32_at(F.bytes + 38) + i * 1400);
		assert_int_equal(f.bytes[18] << 8 | f.bytes[19], (0xfffe + i) & 0xffff);
		/* CWR only first, FIN and PSH only last, ACK always */
		assert_int_equal(f.bytes[47], i == 0 ? 0x90 : i == 3 ? 0x19 : 0x10);
		free(f.bytes);
	}
	EXPECT_NOTHING(b, 2);
	assert_int_equal(b->io.vif_counters[2].tx_packets, 4);
}

static void udp_super_frames_cross_whole_and_cut_up(void **state)
{
	struct bed *b = two(state);

	for (unsigned how = 0; how < 4; how++) {
		bool is_v6 = how & 1, is_plain = how & 2;

		frame_eth(&F, MAC_OF(2), MAC_OF(1));
		if (is_v6)
			frame_ip6(&F, 17);
		else
			frame_ip4(&F, 17);
		frame_udp(&F, 443);
		frame_payload(&F, 20001);
		frame_end(&F);
		frame_gso(&F, PKT_GSO_UDP_L4, 1200);
		vif_mem_set_plain(b->vif[2], is_plain);
		bed_step(b, 1, &F);
		if (is_plain)
			expect_segments(b, 14 + (is_v6 ? 40 : 20) + 8, 1200);
		else
			EXPECT_FRAME(b, 2, &F);
		EXPECT_NOTHING(b, 2);
	}
}

/* TCP in a tunnel: outer and inner family, VXLAN or Geneve with options. */
static void build_tunnel(bool outer_v6, bool inner_v6, bool is_geneve, uint32_t payload)
{
	frame_eth(&F, MAC_OF(2), MAC_OF(1));
	if (outer_v6)
		frame_ip6(&F, 17);
	else
		frame_ip4(&F, 17);
	frame_udp(&F, is_geneve ? 6081 : 4789);
	if (is_geneve)
		frame_geneve(&F, 3);
	else
		frame_vxlan(&F);
	frame_inner_eth(&F);
	if (inner_v6)
		frame_ip6(&F, 6);
	else
		frame_ip4(&F, 6);
	frame_tcp(&F, 0x18);
	frame_payload(&F, payload);
	frame_end(&F);
}

static void tunnelled_gso_frames_cross_whole(void **state)
{
	struct bed *b = two(state);

	for (unsigned how = 0; how < 8; how++) {
		build_tunnel(how & 1, how & 2, how & 4, 30000);
		frame_gso(&F, how & 2 ? PKT_GSO_TCP6 : PKT_GSO_TCP4, 1300);
		bed_step(b, 1, &F);
		EXPECT_FRAME(b, 2, &F);
	}
}

static void tunnelled_gso_frames_are_cut_up_for_plain_vifs(void **state)
{
	struct bed *b = two(state);

	vif_mem_set_plain(b->vif[2], true);
	for (unsigned how = 0; how < 4; how++) {
		bool outer_v6 = how & 1, inner_v6 = how & 2;

		build_tunnel(outer_v6, inner_v6, false, 30000);
		frame_gso(&F, inner_v6 ? PKT_GSO_TCP6 : PKT_GSO_TCP4, 1300);
		bed_step(b, 1, &F);
		expect_segments(
			b, 14 + (outer_v6 ? 40 : 20) + 16 + 14 + (inner_v6 ? 40 : 20) + 32, 1300);
	}
}

static void small_packets_in_a_tunnel_keep_their_partial_inner_checksum(void **state)
{
	struct bed *b = two(state);

	for (unsigned how = 0; how < 8; how++) {
		build_tunnel(how & 1, how & 2, how & 4, 100);
		frame_partial(&F);
		bed_step(b, 1, &F);
		EXPECT_FRAME(b, 2, &F);
	}
}

static void partial_checksums_cross_and_are_completed_for_plain_vifs(void **state)
{
	struct bed *b = two(state);
	struct mem_frame f;

	for (unsigned how = 0; how < 8; how++) {
		bool is_v6 = how & 1, is_tcp = how & 2, is_plain = how & 4;

		frame_eth(&F, MAC_OF(2), MAC_OF(1));
		if (is_v6)
			frame_ip6(&F, is_tcp ? 6 : 17);
		else
			frame_ip4(&F, is_tcp ? 6 : 17);
		if (is_tcp)
			frame_tcp(&F, 0x10);
		else
			frame_udp(&F, 53);
		frame_payload(&F, 333); /* odd */
		frame_end(&F);
		frame_partial(&F);
		vif_mem_set_plain(b->vif[2], is_plain);
		bed_step(b, 1, &F);
		if (!is_plain) {
			EXPECT_FRAME(b, 2, &F);
			continue;
		}
		assert_true(vif_mem_take(b->vif[2], &f));
		assert_null(frame_fault(f.bytes, f.len, false));
		assert_int_equal(f.offload.flags & PKT_CSUM_PARTIAL, 0);
		free(f.bytes);
	}
}

/* Clients read DHCP answers from packet sockets, before any stack completes their checksums. */
static void answers_of_dhcp_servers_leave_with_their_checksum_complete(void **state)
{
	struct bed *b = two(state);
	struct mem_frame f;

	for (unsigned is_v6 = 0; is_v6 < 2; is_v6++) {
		frame_eth(&F, MAC_OF(2), MAC_OF(1));
		if (is_v6)
			frame_ip6(&F, 17);
		else
			frame_ip4(&F, 17);
		frame_udp(&F, is_v6 ? 546 : 68);
		frame_payload(&F, 301);
		frame_end(&F);
		frame_partial(&F);
		bed_step(b, 1, &F);
		assert_true(vif_mem_take(b->vif[2], &f));
		assert_null(frame_fault(f.bytes, f.len, false));
		assert_int_equal(f.offload.flags & PKT_CSUM_PARTIAL, 0);
		free(f.bytes);
	}
}

static void partial_checksums_behind_ipv6_extension_headers_are_found(void **state)
{
	struct bed *b = two(state);

	frame_eth(&F, MAC_OF(2), MAC_OF(1));
	frame_ip6(&F, 17);
	frame_ip6_ext(&F, 0, 2);
	frame_ip6_ext(&F, 60, 1);
	frame_udp(&F, 53);
	frame_payload(&F, 100);
	frame_end(&F);
	frame_partial(&F);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
}

static void one_flood_serves_offloading_and_plain_vifs(void **state)
{
	struct bed *b = two(state);

	bed_port(b, 3, 1);
	bed_apply(b);
	vif_mem_set_plain(b->vif[2], true);
	frame_super(&F, true, false, 65535);
	bed_step(b, 1, &F);
	expect_segments(b, 14 + 40 + 32, 1400);
	EXPECT_FRAME(b, 3, &F); /* not touched by cutting it up for 2 */
	frame_simple(&F, MAC_BCAST, MAC_OF(1), 99);
	frame_partial(&F);
	bed_step(b, 1, &F);
	bed_clear(b);
}

static void a_super_frame_that_fits_one_segment_is_an_ordinary_frame(void **state)
{
	struct bed *b = two(state);

	frame_super(&F, false, false, 14 + 20 + 32 + 1400);
	bed_step(b, 1, &F);
	F.offload.gso_type = 0;
	F.offload.gso_size = 0;
	EXPECT_FRAME(b, 2, &F);
}

static void nothing_of_a_guests_offload_header_is_copied_when_unused(void **state)
{
	struct bed *b = two(state);
	struct mem_offload noise = { .gso_size = 77, .csum_start = 88, .csum_offset = 99 };

	frame_simple(&F, MAC_OF(2), MAC_OF(1), 30);
	F.offload = noise;
	bed_step(b, 1, &F);
	F.offload = (struct mem_offload){ 0 };
	EXPECT_FRAME(b, 2, &F);
}

/* A tap whose guest has an emulated NIC is not known as such before a frame is refused. */
static void a_device_that_refuses_gso_gets_segments(void **state)
{
	struct bed *b = two(state);

	vif_mem_set_refuses_gso(b->vif[2], true);
	for (unsigned how = 0; how < 2; how++) {
		for (unsigned i = 0; i < 3; i++) {
			frame_super(&F, how == 1, false, 65535);
			bed_step(b, 1, &F);
			expect_segments(b, 14 + (how == 1 ? 40 : 20) + 32, 1400);
		}
		assert_int_equal(vif_mem_refused_gso(b->vif[2]), how + 1);
	}
	assert_int_equal(bed_drops(b, 2, DROP_TX_QUEUE_FULL), 0);
}

static void a_device_that_has_learned_gso_gets_whole_frames_again(void **state)
{
	struct bed *b = two(state);

	frame_super(&F, false, false, 65535);
	vif_mem_set_refuses_gso(b->vif[2], true);
	for (unsigned i = 0; i < 3; i++) {
		bed_step(b, 1, &F);
		expect_segments(b, 14 + 20 + 32, 1400);
		bed_warp(b, 20 * NS_PER_MS);
	}
	assert_int_equal(vif_mem_refused_gso(b->vif[2]), 3);
	vif_mem_set_refuses_gso(b->vif[2], false);
	for (unsigned i = 0; i < 3; i++) {
		bed_step(b, 1, &F);
		EXPECT_FRAME(b, 2, &F);
	}
}

static void a_full_queue_is_not_taken_for_a_device_without_gso(void **state)
{
	struct bed *b = two(state);

	frame_super(&F, false, false, 65535);
	vif_mem_refuse(
		b->vif[2], 2, DROP_TX_QUEUE_FULL); /* the frame, and one segment as a trial */
	bed_step(b, 1, &F);
	EXPECT_NOTHING(b, 2);
	assert_int_equal(bed_drops(b, 2, DROP_TX_QUEUE_FULL), 1);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
}

static void malformed_ip_is_bridged_as_it_is(void **state)
{
	struct bed *b = two(state);

	for (uint32_t at = 14; at < 34; at++) {
		frame_simple(&F, MAC_OF(2), MAC_OF(1), 30);
		F.bytes[at] ^= 0xff;
		bed_step(b, 1, &F);
		EXPECT_FRAME(b, 2, &F);
	}
	for (uint32_t len = 14; len < 50; len++) {
		frame_simple(&F, MAC_OF(2), MAC_OF(1), 30);
		F.len = len;
		bed_step(b, 1, &F);
		EXPECT_FRAME(b, 2, &F);
	}
}

static void sctp_leaves_with_its_checksum_complete(void **state)
{
	/* CRC32c of 32 bytes of zeros, RFC 3720 appendix B.4 */
	static const uint8_t crc[4] = { 0xaa, 0x36, 0x91, 0x8a };
	struct bed *b = two(state);

	frame_eth(&F, MAC_OF(2), MAC_OF(1));
	frame_ip4(&F, 132);
	memset(F.bytes + F.len, 0, 32);
	F.len += 32;
	frame_end(&F);
	F.offload = (struct mem_offload){
		.flags = PKT_CSUM_PARTIAL, .csum_start = 34, .csum_offset = 8
	};
	bed_step(b, 1, &F);
	memcpy(F.bytes + 34 + 8, crc, sizeof(crc));
	F.offload = (struct mem_offload){ .flags = PKT_CSUM_VALID };
	EXPECT_FRAME(b, 2, &F);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(gso_frames_of_every_size_cross_whole_and_cut_up),
		BED_TESTS(tcp_segments_continue_sequence_and_keep_flags_in_their_place),
		BED_TESTS(udp_super_frames_cross_whole_and_cut_up),
		BED_TESTS(tunnelled_gso_frames_cross_whole),
		BED_TESTS(tunnelled_gso_frames_are_cut_up_for_plain_vifs),
		BED_TESTS(small_packets_in_a_tunnel_keep_their_partial_inner_checksum),
		BED_TESTS(partial_checksums_cross_and_are_completed_for_plain_vifs),
		BED_TESTS(partial_checksums_behind_ipv6_extension_headers_are_found),
		BED_TESTS(one_flood_serves_offloading_and_plain_vifs),
		BED_TESTS(a_super_frame_that_fits_one_segment_is_an_ordinary_frame),
		BED_TESTS(nothing_of_a_guests_offload_header_is_copied_when_unused),
		BED_TESTS(a_device_that_refuses_gso_gets_segments),
		BED_TESTS(a_device_that_has_learned_gso_gets_whole_frames_again),
		BED_TESTS(a_full_queue_is_not_taken_for_a_device_without_gso),
		BED_TESTS(malformed_ip_is_bridged_as_it_is),
		BED_TESTS(sctp_leaves_with_its_checksum_complete),
		BED_TESTS(answers_of_dhcp_servers_leave_with_their_checksum_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
