/* SPDX-License-Identifier: Apache-2.0 */
/* drops_test.c - every reason for which the pipeline can lose a packet, caused on purpose.
 *
 * A test is named after its reason (drop_NAME_...), so that a script can tell which have none.
 * RX_OVERFLOW and RX_UNEXPRESSIBLE need a kernel: tests/system.
 *
 *      v1   v2   v3
 *       \    |   /
 *        +--n1--+
 */
#include "tests/lib/bed.h"
#include "tests/lib/unit.h"
#include "vif/io_scratch.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static struct frame F;

static struct bed *three(void **state)
{
	struct bed *b = *state;

	bed_network(b, 1);
	for (uint16_t id = 1; id <= 3; id++)
		bed_port(b, id, 1);
	bed_apply(b);
	return b;
}

/* Send F from vif 1: it must be lost for @reason, counted on @on, and reach nobody. */
static void expect_drop(struct bed *b, uint16_t on, enum drop_reason reason)
{
	uint64_t before = bed_drops(b, on, reason), total = 0;

	bed_step(b, 1, &F);
	for (unsigned id = 1; id <= 3; id++)
		for (unsigned r = 0; r < DROP_REASON_MAX; r++)
			total += b->io.vif_counters[id].drops[r];
	if (bed_drops(b, on, reason) != before + 1)
		for (unsigned id = 1; id <= 3; id++)
			for (unsigned r = 1; r < DROP_N; r++)
				if (b->io.vif_counters[id].drops[r] != 0)
					print_error("vif %u: %s\n", id, drop_reason_texts[r].name);
	assert_int_equal(bed_drops(b, on, reason), before + 1);
	assert_int_equal(total, before + 1);
	for (uint16_t id = 1; id <= 3; id++)
		EXPECT_NOTHING(b, id);
}

static void drop_pkt_too_small_when_the_ethernet_header_is_cut(void **state)
{
	struct bed *b = three(state);

	frame_simple(&F, MAC_OF(2), MAC_OF(1), 30);
	for (F.len = 0; F.len < 14; F.len++) {
		expect_drop(b, 1, DROP_PKT_TOO_SMALL);
	}
	frame_eth(&F, MAC_OF(2), MAC_OF(1));
	frame_vlan(&F, 0x8100, 1);
	F.len = 17;
	expect_drop(b, 1, DROP_PKT_TOO_SMALL);
}

static void drop_pkt_too_big_when_longer_than_any_frame(void **state)
{
	struct bed *b = three(state);

	frame_eth(&F, MAC_OF(2), MAC_OF(1));
	frame_payload(&F, FRAME_LEN_MAX + 1 - 14);
	expect_drop(b, 1, DROP_PKT_TOO_BIG);
}

static void drop_vlan_stack_too_deep_at_the_third_tag(void **state)
{
	struct bed *b = three(state);

	frame_eth(&F, MAC_OF(2), MAC_OF(1));
	for (unsigned i = 0; i < 3; i++)
		frame_vlan(&F, 0x8100, 5);
	frame_payload(&F, 46);
	expect_drop(b, 1, DROP_VLAN_STACK_TOO_DEEP);
}

static void drop_gso_bad_when_type_and_headers_disagree(void **state)
{
	struct bed *b = three(state);

	for (unsigned is_v6 = 0; is_v6 < 2; is_v6++)
		for (unsigned type = 0; type < 256; type++) {
			frame_super(&F, is_v6, false, 9000);
			if (type == PKT_GSO_NONE || type == F.offload.gso_type)
				continue;
			F.offload.gso_type = (uint8_t)type;
			expect_drop(b, 1, DROP_GSO_BAD);
		}
}

static void drop_gso_bad_when_segments_are_too_small(void **state)
{
	struct bed *b = three(state);

	for (uint16_t size = 0; size < 8; size++) {
		frame_super(&F, false, false, 9000);
		F.offload.gso_size = size;
		expect_drop(b, 1, DROP_GSO_BAD);
	}
	frame_super(&F, false, false, 65535);
	F.offload.gso_size = 8; /* 8,000 segments */
	expect_drop(b, 1, DROP_GSO_BAD);
}

static void drop_gso_bad_without_partial_checksum(void **state)
{
	struct bed *b = three(state);

	frame_super(&F, false, false, 9000);
	F.offload.flags = 0;
	expect_drop(b, 1, DROP_GSO_BAD);
}

static void drop_gso_bad_when_ip_length_is_not_the_frames(void **state)
{
	struct bed *b = three(state);

	frame_super(&F, false, false, 9000);
	F.len--; /* cut */
	expect_drop(b, 1, DROP_GSO_BAD);
	F.len += 2; /* padded */
	expect_drop(b, 1, DROP_GSO_BAD);
}

static void drop_gso_bad_in_fragments(void **state)
{
	struct bed *b = three(state);

	frame_super(&F, false, false, 9000);
	F.bytes[14 + 6] = 0x20;
	expect_drop(b, 1, DROP_GSO_BAD);
}

static void drop_csum_bad_wherever_it_does_not_point_at_the_checksum(void **state)
{
	static const uint16_t starts[] = { 0, 13, 14, 33, 35, 53, 71, 72, 1000, 65534 };
	static const uint16_t offsets[] = { 0, 4, 6, 8, 16, 65535 };
	struct bed *b = three(state);

	for (unsigned s = 0; s < ARRAY_LEN(starts); s++)
		for (unsigned o = 0; o < ARRAY_LEN(offsets); o++) {
			frame_simple(&F, MAC_OF(2), MAC_OF(1), 30);
			frame_partial(&F);
			F.offload.csum_start = starts[s];
			F.offload.csum_offset = offsets[o];
			expect_drop(b, 1, DROP_CSUM_BAD);
		}
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 30);
	frame_partial(&F);
	F.offload.csum_offset = 16; /* UDP has it at 6 */
	expect_drop(b, 1, DROP_CSUM_BAD);
}

static void drop_csum_bad_when_there_is_no_l4_header(void **state)
{
	struct bed *b = three(state);

	frame_eth(&F, MAC_OF(2), MAC_OF(1));
	frame_arp(&F);
	F.offload = (struct mem_offload){
		.flags = PKT_CSUM_PARTIAL, .csum_start = 34, .csum_offset = 6
	};
	expect_drop(b, 1, DROP_CSUM_BAD);
}

static void drop_no_network_when_the_vif_has_none(void **state)
{
	struct bed *b = three(state);

	b->port[0].network_id = 0;
	bed_apply(b);
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 30);
	expect_drop(b, 1, DROP_NO_NETWORK);
}

static void drop_link_down_when_the_vif_is_set_down(void **state)
{
	struct bed *b = three(state);

	b->port[0].flags &= ~(uint32_t)SNAP_PORT_UP;
	bed_apply(b);
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 30);
	expect_drop(b, 1, DROP_LINK_DOWN);
}

static void what_comes_from_a_vif_proves_its_carrier(void **state)
{
	struct bed *b = three(state);

	/* as the daemon says it of a device whose carrier it has not heard of */
	b->port[0].flags = (b->port[0].flags & ~(uint32_t)SNAP_PORT_UP) | SNAP_PORT_HEARS;
	bed_apply(b);
	frame_simple(&F, MAC_BCAST, MAC_OF(1), 30);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_FRAME(b, 3, &F);
	assert_int_equal(bed_drops(b, 1, DROP_LINK_DOWN), 0);
	bed_step(b, 2, &F); /* nothing is flooded to it */
	EXPECT_NOTHING(b, 1);
	bed_clear(b);
}

static void drop_mac_invalid_source_multicast_broadcast_or_zero(void **state)
{
	static const uint8_t zero[6];
	struct bed *b = three(state);

	frame_simple(&F, MAC_OF(2), MAC_GROUP(1), 30);
	expect_drop(b, 1, DROP_MAC_INVALID_SOURCE);
	frame_simple(&F, MAC_OF(2), MAC_BCAST, 30);
	expect_drop(b, 1, DROP_MAC_INVALID_SOURCE);
	frame_simple(&F, MAC_OF(2), zero, 30);
	expect_drop(b, 1, DROP_MAC_INVALID_SOURCE);
	assert_int_equal(fdb_count(b->fdb, 1), 0);
}

static void drop_mac_ieee_mac_control_always(void **state)
{
	struct bed *b = three(state);

	b->network[0].group_fwd_lo = 0xf8;
	bed_leg(b, 3);
	bed_apply(b);
	frame_eth(&F, MAC_LINK_LOCAL(1), MAC_OF(1));
	frame_payload(&F, 46);
	expect_drop(b, 1, DROP_MAC_IEEE_MAC_CONTROL);
	assert_int_equal(fdb_count(b->fdb, 1), 0);
}

static void drop_link_local_without_a_host_leg(void **state)
{
	struct bed *b = three(state);

	for (unsigned n = 2; n <= 15; n++) {
		frame_eth(&F, MAC_LINK_LOCAL(n), MAC_OF(1));
		frame_payload(&F, 46);
		expect_drop(b, 1, DROP_LINK_LOCAL);
	}
	assert_int_equal(fdb_count(b->fdb, 1), 1); /* learned all the same, as Linux does */
}

static void drop_no_tx_target_when_nobody_is_there(void **state)
{
	struct bed *b = *state;

	bed_network(b, 1);
	for (uint16_t id = 1; id <= 3; id++)
		bed_port(b, id, id == 1 ? 1 : 0);
	bed_apply(b);
	frame_simple(&F, MAC_BCAST, MAC_OF(1), 30);
	expect_drop(b, 1, DROP_NO_TX_TARGET);
}

static void drop_no_tx_target_when_it_would_go_back_where_it_came_from(void **state)
{
	struct bed *b = three(state);

	frame_simple(&F, MAC_BCAST, MAC_OF(9), 30);
	bed_step(b, 1, &F);
	bed_clear(b);
	frame_simple(&F, MAC_OF(9), MAC_OF(1), 30);
	expect_drop(b, 1, DROP_NO_TX_TARGET);
}

static void drop_isolated_between_isolated_vifs(void **state)
{
	struct bed *b = three(state);

	for (unsigned i = 0; i < 3; i++)
		b->port[i].flags |= SNAP_PORT_ISOLATED;
	bed_apply(b);
	frame_simple(&F, MAC_BCAST, MAC_OF(1), 30);
	expect_drop(b, 1, DROP_ISOLATED);
}

static void drop_mtu_exceeded_counts_on_the_vif_it_should_have_left_by(void **state)
{
	struct bed *b = three(state);

	frame_simple(&F, MAC_BCAST, MAC_OF(2), 30);
	bed_step(b, 2, &F);
	bed_clear(b);
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 1500 - 28 + 5);
	expect_drop(b, 2, DROP_MTU_EXCEEDED);
}

static void drop_mtu_exceeded_by_the_segments_of_a_gso_frame(void **state)
{
	struct bed *b = three(state);

	b->port[2].flags = 0;
	bed_apply(b);
	frame_super(&F, false, false, 30000);
	F.offload.gso_size = 1500;
	expect_drop(b, 2, DROP_MTU_EXCEEDED);
}

static void drop_tx_link_down_when_the_host_leg_is_down(void **state)
{
	struct bed *b = three(state);

	bed_leg(b, 3);
	b->port[2].flags &= ~(uint32_t)SNAP_PORT_UP;
	bed_apply(b);
	frame_simple(&F, MAC_OF(3), MAC_OF(1), 30);
	expect_drop(b, 3, DROP_TX_LINK_DOWN);
}

static void drop_tx_link_down_when_the_device_is_gone(void **state)
{
	struct bed *b = three(state);
	struct vif *gone = b->vif[3];

	bed_leg(b, 3);
	bed_apply(b);
	b->vifs.by_id[3] = NULL;
	frame_simple(&F, MAC_OF(3), MAC_OF(1), 30);
	expect_drop(b, 3, DROP_TX_LINK_DOWN);
	b->vifs.by_id[3] = gone;
}

static void refused_by(struct bed *b, enum drop_reason reason)
{
	vif_mem_refuse(b->vif[2], 1, reason);
	frame_simple(&F, MAC_BCAST, MAC_OF(1), 30);
	bed_step(b, 1, &F);
	EXPECT_NOTHING(b, 2);
	EXPECT_FRAME(b, 3, &F); /* the other copies live */
	assert_int_equal(bed_drops(b, 2, reason), 1);
	assert_int_equal(b->io.vif_counters[2].tx_packets, 0);
	assert_int_equal(bed_drops(b, 1, reason), 0);
}

static void drop_tx_queue_full_is_counted_where_it_is_full(void **state)
{
	refused_by(three(state), DROP_TX_QUEUE_FULL);
}

static void drop_tx_refused_is_counted_where_it_was_refused(void **state)
{
	refused_by(three(state), DROP_TX_REFUSED);
}

static void drop_tx_gso_failed_for_a_tunnel_we_cannot_take_apart(void **state)
{
	/* RFC 2890 §2: GRE with a sequence number, which each segment would have to have its own of */
	static const uint8_t numbered[8] = { 0x10, 0, 0x08, 0, 0, 0, 0, 1 };
	struct bed *b = three(state);

	b->port[2].flags = 0;
	bed_apply(b);
	vif_mem_set_plain(b->vif[2], true);
	frame_eth(&F, MAC_OF(2), MAC_OF(1));
	frame_ip4(&F, 47);
	frame_payload(&F, 8);
	memcpy(F.bytes + F.len - 8, numbered, sizeof(numbered));
	frame_ip4(&F, 6);
	frame_tcp(&F, 0x10);
	frame_payload(&F, 9000);
	frame_end(&F);
	frame_gso(&F, PKT_GSO_TCP4, 1400);
	expect_drop(b, 2, DROP_TX_GSO_FAILED);
}

static void drop_no_buffer_when_segments_find_none(void **state)
{
	static struct rte_mbuf *hold[4096];
	struct bed *b = three(state);
	unsigned n = 0;

	b->port[2].flags = 0;
	bed_apply(b);
	vif_mem_set_plain(b->vif[2], true);
	frame_super(&F, false, false, 9000);
	while ((hold[n] = rte_pktmbuf_alloc(b->io.small_pool)) != NULL)
		n++;
	rte_pktmbuf_free(hold[--n]); /* one for rx */
	expect_drop(b, 2, DROP_NO_BUFFER);
	rte_pktmbuf_free_bulk(hold, n);
}

static void drop_rx_error_when_reading_from_the_vif_fails(void **state)
{
	struct bed *b = three(state);
	struct vif v = { .id = 3, .type = VIF_TYPE_HOST, .n_queues = 1, .ops = &vif_host_ops };
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* EISDIR */

	assert_true(fd >= 0);
	v.queue[0].fd = fd;
	b->io.scratch = io_scratch_create();
	assert_non_null(b->io.scratch);
	assert_int_equal(v.ops->rx(&v, &v.queue[0], &b->io, b->burst.pkt, 8), 0);
	assert_int_equal(bed_drops(b, 3, DROP_RX_ERROR), 1);
	io_scratch_destroy(b->io.scratch);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(drop_pkt_too_small_when_the_ethernet_header_is_cut),
		BED_TESTS(drop_pkt_too_big_when_longer_than_any_frame),
		BED_TESTS(drop_vlan_stack_too_deep_at_the_third_tag),
		BED_TESTS(drop_gso_bad_when_type_and_headers_disagree),
		BED_TESTS(drop_gso_bad_when_segments_are_too_small),
		BED_TESTS(drop_gso_bad_without_partial_checksum),
		BED_TESTS(drop_gso_bad_when_ip_length_is_not_the_frames),
		BED_TESTS(drop_gso_bad_in_fragments),
		BED_TESTS(drop_csum_bad_wherever_it_does_not_point_at_the_checksum),
		BED_TESTS(drop_csum_bad_when_there_is_no_l4_header),
		BED_TESTS(drop_no_network_when_the_vif_has_none),
		BED_TESTS(drop_link_down_when_the_vif_is_set_down),
		BED_TESTS(what_comes_from_a_vif_proves_its_carrier),
		BED_TESTS(drop_mac_invalid_source_multicast_broadcast_or_zero),
		BED_TESTS(drop_mac_ieee_mac_control_always),
		BED_TESTS(drop_link_local_without_a_host_leg),
		BED_TESTS(drop_no_tx_target_when_nobody_is_there),
		BED_TESTS(drop_no_tx_target_when_it_would_go_back_where_it_came_from),
		BED_TESTS(drop_isolated_between_isolated_vifs),
		BED_TESTS(drop_mtu_exceeded_counts_on_the_vif_it_should_have_left_by),
		BED_TESTS(drop_mtu_exceeded_by_the_segments_of_a_gso_frame),
		BED_TESTS(drop_tx_link_down_when_the_host_leg_is_down),
		BED_TESTS(drop_tx_link_down_when_the_device_is_gone),
		BED_TESTS(drop_tx_queue_full_is_counted_where_it_is_full),
		BED_TESTS(drop_tx_refused_is_counted_where_it_was_refused),
		BED_TESTS(drop_no_buffer_when_segments_find_none),
		BED_TESTS(drop_rx_error_when_reading_from_the_vif_fails),
		BED_TESTS(drop_tx_gso_failed_for_a_tunnel_we_cannot_take_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
