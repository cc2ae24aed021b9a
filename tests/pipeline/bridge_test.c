/* SPDX-License-Identifier: Apache-2.0 */
/* bridge_test.c - the promises of a bridge network, each as frames in and frames out.
 *
 *      v1   v2   v3   v4 (host leg where a test says so)
 *       \    |    |   /
 *        +---+-n1-+--+          n2: v11, v12
 */
#include "tests/lib/bed.h"
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"

#include <stdlib.h>
#include <string.h>

static struct frame F, G;

static struct bed *three(void **state)
{
	struct bed *b = *state;

	bed_network(b, 1);
	for (uint16_t id = 1; id <= 3; id++)
		bed_port(b, id, 1);
	bed_apply(b);
	return b;
}

/* Let the bed learn that MAC @mac is behind @vif_id, and forget what that flooded. */
static void say_hello(struct bed *b, uint16_t vif_id, unsigned mac)
{
	frame_simple(&G, MAC_BCAST, MAC_OF(mac), 20);
	bed_step(b, vif_id, &G);
	bed_clear(b);
}

static void unknown_unicast_is_flooded_to_all_but_the_sender(void **state)
{
	struct bed *b = three(state);

	frame_simple(&F, MAC_OF(9), MAC_OF(1), 100);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_FRAME(b, 3, &F);
	EXPECT_NOTHING(b, 1);
}

static void known_unicast_goes_to_its_vif_only(void **state)
{
	struct bed *b = three(state);

	say_hello(b, 2, 2);
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 100);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_NOTHING(b, 3);
	assert_int_equal(b->io.vif_counters[2].fdb_learned, 1);
	assert_int_equal(b->io.vif_counters[1].rx_packets, 1);
	assert_int_equal(b->io.vif_counters[1].rx_bytes, F.len);
	assert_int_equal(b->io.vif_counters[2].tx_packets, 1);
	assert_int_equal(b->io.vif_counters[2].tx_bytes, F.len);
}

static void learning_and_lookup_follow_arrival_order_within_a_burst(void **state)
{
	struct bed *b = three(state);

	frame_simple(&F, MAC_OF(2), MAC_OF(1), 10); /* 2 has not spoken yet: flooded */
	bed_send(b, 1, &F);
	frame_simple(&G, MAC_OF(1), MAC_OF(2), 11); /* 1 has: unicast */
	bed_send(b, 2, &G);
	bed_send(b, 1, &F); /* now 2 has as well */
	bed_run(b);
	EXPECT_FRAME(b, 3, &F);
	EXPECT_NOTHING(b, 3);
	EXPECT_FRAME(b, 1, &G);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_FRAME(b, 2, &F);
}

static void broadcast_reaches_everyone_else(void **state)
{
	struct bed *b = three(state);

	frame_eth(&F, MAC_BCAST, MAC_OF(1));
	frame_arp(&F);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_FRAME(b, 3, &F);
	EXPECT_NOTHING(b, 1);
}

static void multicast_reaches_those_that_want_it(void **state)
{
	struct bed *b = three(state);

	b->port[2].flags &= ~(uint32_t)SNAP_PORT_MCAST_FLOOD;
	bed_apply(b);
	frame_simple(&F, MAC_GROUP(5), MAC_OF(1), 30);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_NOTHING(b, 3);
	frame_simple(&F, MAC_BCAST, MAC_OF(1), 30); /* broadcast has a flag of its own */
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 3, &F);
}

static void flood_off_hides_unknown_unicast_and_bcast_flood_off_broadcast(void **state)
{
	struct bed *b = three(state);

	b->port[1].flags &= ~(uint32_t)SNAP_PORT_FLOOD;
	b->port[2].flags &= ~(uint32_t)SNAP_PORT_BCAST_FLOOD;
	bed_apply(b);
	frame_simple(&F, MAC_OF(9), MAC_OF(1), 30);
	bed_step(b, 1, &F);
	EXPECT_NOTHING(b, 2);
	EXPECT_FRAME(b, 3, &F);
	frame_simple(&F, MAC_BCAST, MAC_OF(1), 30);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_NOTHING(b, 3);
}

static void host_leg_broadcasts_ignore_the_flood_flags_of_guests(void **state)
{
	struct bed *b = three(state);

	bed_leg(b, 3);
	b->port[1].flags &= ~(uint32_t)(SNAP_PORT_BCAST_FLOOD | SNAP_PORT_MCAST_FLOOD);
	bed_apply(b);
	frame_simple(&F, MAC_BCAST, MAC_OF(3), 30);
	bed_step(b, 3, &F);
	EXPECT_FRAME(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
}

static void entries_age_after_300_seconds_without_traffic(void **state)
{
	struct bed *b = three(state);

	say_hello(b, 2, 2);
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 30);
	bed_warp(b, 299 * NS_PER_SEC);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_NOTHING(b, 3);
	bed_warp(b, 1 * NS_PER_SEC);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_FRAME(b, 3, &F);
}

static void traffic_keeps_an_entry_young(void **state)
{
	struct bed *b = three(state);

	for (unsigned i = 0; i < 5; i++) {
		say_hello(b, 2, 2);
		bed_warp(b, 200 * NS_PER_SEC);
	}
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 30);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_NOTHING(b, 3);
}

static void ageing_time_zero_floods_everything(void **state)
{
	struct bed *b = three(state);

	say_hello(b, 2, 2);
	b->network[0].ageing_s = 0;
	bed_apply(b);
	say_hello(b, 2, 2);
	bed_clear(b);
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 30);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_FRAME(b, 3, &F);
	assert_int_equal(fdb_count(b->fdb, 1), 0);
}

static void a_mac_that_moves_is_found_at_its_new_vif(void **state)
{
	struct bed *b = three(state);

	say_hello(b, 2, 7);
	say_hello(b, 3, 7);
	frame_simple(&F, MAC_OF(7), MAC_OF(1), 30);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 3, &F);
	EXPECT_NOTHING(b, 2);
	assert_int_equal(b->io.vif_counters[3].fdb_moved, 1);
	assert_int_equal(fdb_count(b->fdb, 2), 0);
}

static void learning_off_teaches_nothing(void **state)
{
	struct bed *b = three(state);

	b->port[1].flags &= ~(uint32_t)SNAP_PORT_LEARN;
	bed_apply(b);
	say_hello(b, 2, 2);
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 30);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_FRAME(b, 3, &F);
}

static void quota_of_a_vif_refuses_more_macs_but_forwards(void **state)
{
	struct bed *b = three(state);

	b->port[1].fdb_limit = 4;
	bed_apply(b);
	for (unsigned i = 0; i < 20; i++) {
		frame_simple(&F, MAC_BCAST, MAC_OF(100 + i), 20);
		bed_send(b, 2, &F);
	}
	bed_run(b);
	assert_int_equal(vif_mem_count(b->vif[1]), 20);
	assert_int_equal(fdb_count(b->fdb, 2), 4);
	assert_int_equal(b->io.vif_counters[2].fdb_learned, 4);
	assert_int_equal(b->io.vif_counters[2].fdb_refused, 16);
}

static void quota_of_a_vif_is_freed_by_ageing(void **state)
{
	struct bed *b = three(state);

	b->port[1].fdb_limit = 2;
	bed_apply(b);
	say_hello(b, 2, 50);
	say_hello(b, 2, 51);
	bed_warp(b, 301 * NS_PER_SEC);
	say_hello(b, 2, 52);
	frame_simple(&F, MAC_OF(52), MAC_OF(1), 30);
	bed_step(b, 1, &F);
	EXPECT_NOTHING(b, 3);
	assert_int_equal(b->io.vif_counters[2].fdb_refused, 0);
}

static void full_network_takes_from_the_vif_that_holds_most(void **state)
{
	struct bed *b = three(state);

	b->network[0].fdb_limit = 8;
	bed_apply(b);
	for (unsigned i = 0; i < 50; i++)
		say_hello(b, 2, 100 + i);
	assert_int_equal(fdb_count(b->fdb, 2), 8);
	assert_int_equal(b->io.vif_counters[2].fdb_refused, 42);
	say_hello(b, 1, 1); /* its peer's flood does not keep a newcomer out */
	say_hello(b, 3, 3);
	assert_int_equal(fdb_count(b->fdb, 2), 6);
	frame_simple(&F, MAC_OF(3), MAC_OF(1), 30);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 3, &F);
	EXPECT_NOTHING(b, 2);
}

static void quota_holds_for_moves_too(void **state)
{
	struct bed *b = three(state);

	b->port[2].fdb_limit = 1;
	bed_apply(b);
	say_hello(b, 3, 3);
	say_hello(b, 2, 2);
	say_hello(b, 3, 2); /* 3 claims the MAC of 2, beyond its quota */
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 30);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_NOTHING(b, 3);
	assert_int_equal(b->io.vif_counters[3].fdb_refused, 1);
}

static void host_leg_mac_is_known_from_the_start_and_cannot_be_taken(void **state)
{
	struct bed *b = three(state);

	bed_leg(b, 3);
	bed_apply(b);
	frame_simple(&F, MAC_OF(3), MAC_OF(1), 30);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 3, &F);
	EXPECT_NOTHING(b, 2);
	say_hello(b, 2, 3); /* a guest says it is the gateway */
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 3, &F);
	EXPECT_NOTHING(b, 2);
	bed_warp(b, 10000 * NS_PER_SEC); /* and it never ages */
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 3, &F);
	EXPECT_NOTHING(b, 2);
}

static void host_leg_mac_learned_from_a_guest_before_becomes_local(void **state)
{
	struct bed *b = three(state);

	say_hello(b, 2, 3);
	bed_leg(b, 3);
	bed_apply(b);
	frame_simple(&F, MAC_OF(3), MAC_OF(1), 30);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 3, &F);
	EXPECT_NOTHING(b, 2);
	assert_int_equal(fdb_count(b->fdb, 2), 0);
}

static void isolated_vifs_reach_others_but_not_each_other(void **state)
{
	struct bed *b = three(state);

	b->port[0].flags |= SNAP_PORT_ISOLATED;
	b->port[1].flags |= SNAP_PORT_ISOLATED;
	bed_apply(b);
	frame_simple(&F, MAC_BCAST, MAC_OF(1), 30);
	bed_step(b, 1, &F);
	EXPECT_NOTHING(b, 2);
	EXPECT_FRAME(b, 3, &F);
	assert_int_equal(bed_drops(b, 1, DROP_ISOLATED), 0); /* others got it */
	frame_simple(&F, MAC_BCAST, MAC_OF(3), 30);
	bed_step(b, 3, &F);
	EXPECT_FRAME(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
}

static void networks_do_not_hear_each_other(void **state)
{
	struct bed *b = three(state);

	bed_network(b, 2);
	bed_port(b, 11, 2);
	bed_port(b, 12, 2);
	bed_apply(b);
	say_hello(b, 11, 2); /* the same MAC in both */
	say_hello(b, 2, 2);
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 30);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_NOTHING(b, 11);
	frame_simple(&F, MAC_BCAST, MAC_OF(1), 30);
	bed_step(b, 1, &F);
	EXPECT_NOTHING(b, 11);
	EXPECT_NOTHING(b, 12);
}

static void hairpin_sends_back_to_the_port_it_came_from(void **state)
{
	struct bed *b = three(state);

	b->port[0].flags |= SNAP_PORT_HAIRPIN;
	bed_apply(b);
	frame_simple(&F, MAC_BCAST, MAC_OF(1), 30);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
}

static void group_address_00_is_forwarded_since_stp_is_off(void **state)
{
	struct bed *b = three(state);

	frame_eth(&F, MAC_LINK_LOCAL(0), MAC_OF(1));
	frame_payload(&F, 46);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_FRAME(b, 3, &F);
}

static void group_addresses_02_to_0f_reach_the_host_leg_only(void **state)
{
	struct bed *b = three(state);

	bed_leg(b, 3);
	bed_apply(b);
	for (unsigned n = 2; n <= 15; n++) {
		frame_eth(&F, MAC_LINK_LOCAL(n), MAC_OF(1));
		frame_payload(&F, 46);
		bed_step(b, 1, &F);
		EXPECT_FRAME(b, 3, &F);
		EXPECT_NOTHING(b, 2);
	}
}

static void group_fwd_mask_lets_lldp_through(void **state)
{
	struct bed *b = three(state);

	b->network[0].group_fwd_hi = 1 << (0xe - 8);
	bed_apply(b);
	frame_eth(&F, MAC_LINK_LOCAL(0xe), MAC_OF(1));
	frame_payload(&F, 46);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_FRAME(b, 3, &F);
}

static void group_address_10_is_an_ordinary_multicast(void **state)
{
	struct bed *b = three(state);

	frame_eth(&F, MAC_LINK_LOCAL(0x10), MAC_OF(1));
	frame_payload(&F, 46);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_FRAME(b, 3, &F);
}

static void tagged_frames_cross_unchanged_and_share_one_table(void **state)
{
	struct bed *b = three(state);

	say_hello(b, 2, 2);
	frame_eth(&F, MAC_OF(2), MAC_OF(1));
	frame_vlan(&F, 0x88a8, 100);
	frame_vlan(&F, 0x8100, 0x2007);
	frame_ip6(&F, 17);
	frame_udp(&F, 9);
	frame_payload(&F, 60);
	frame_end(&F);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_NOTHING(b, 3);
}

static void mtu_counts_payload_and_allows_one_tag(void **state)
{
	struct bed *b = three(state);

	say_hello(b, 2, 2);
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 1500 - 28);
	assert_int_equal(F.len, 1514);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 1500 - 28 + 4); /* Linux: room for a tag */
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	frame_eth(&F, MAC_OF(2), MAC_OF(1));
	frame_vlan(&F, 0x8100, 7);
	frame_ip4(&F, 17);
	frame_udp(&F, 9);
	frame_payload(&F, 1500 - 28);
	frame_end(&F);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
}

static void mtu_is_that_of_each_egress_vif(void **state)
{
	struct bed *b = three(state);

	b->port[1].mtu = 9000;
	bed_apply(b);
	frame_simple(&F, MAC_BCAST, MAC_OF(1), 4000);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_NOTHING(b, 3);
	assert_int_equal(bed_drops(b, 3, DROP_MTU_EXCEEDED), 1);
	assert_int_equal(bed_drops(b, 1, DROP_MTU_EXCEEDED), 0);
}

static void a_vif_set_down_is_forgotten_and_not_flooded(void **state)
{
	struct bed *b = three(state);

	say_hello(b, 2, 2);
	b->port[1].flags &= ~(uint32_t)SNAP_PORT_UP;
	bed_apply(b);
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 30);
	bed_step(b, 1, &F);
	EXPECT_NOTHING(b, 2);
	EXPECT_FRAME(b, 3, &F);
}

static void a_vif_moved_to_another_network_takes_no_entries_along(void **state)
{
	struct bed *b = three(state);

	say_hello(b, 2, 2);
	bed_network(b, 2);
	bed_port(b, 11, 2);
	b->port[1].network_id = 2;
	bed_apply(b);
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 30);
	bed_step(b, 1, &F);
	EXPECT_NOTHING(b, 2);
	EXPECT_FRAME(b, 3, &F);
	frame_simple(&F, MAC_OF(2), MAC_OF(11), 30);
	bed_step(b, 11, &F);
	EXPECT_FRAME(b, 2, &F); /* flooded: it has not spoken there yet */
	assert_int_equal(fdb_count(b->fdb, 2), 0);
}

static void flooding_to_more_vifs_than_items_loses_nothing(void **state)
{
	struct bed *b = *state;

	bed_network(b, 1);
	for (uint16_t id = 1; id <= BED_PORTS_MAX; id++)
		bed_port(b, id, 1);
	bed_apply(b);
	frame_simple(&F, MAC_BCAST, MAC_OF(1), 20);
	for (unsigned i = 0; i < 200; i++)
		bed_send(b, 1, &F);
	bed_run(b);
	for (uint16_t id = 2; id <= BED_PORTS_MAX; id++)
		assert_int_equal(vif_mem_count(b->vif[id]), 200);
}

static void items_of_a_vif_keep_the_order_of_arrival(void **state)
{
	struct bed *b = three(state);
	struct mem_frame f;

	say_hello(b, 2, 2);
	for (unsigned i = 0; i < 30; i++) {
		frame_simple(
			&F, i % 3 == 0 ? MAC_BCAST : MAC_OF(i % 3 == 1 ? 2 : 9), MAC_OF(1), i + 1);
		bed_send(b, 1, &F);
	}
	bed_run(b);
	for (unsigned i = 0; i < 30; i++) {
		assert_true(vif_mem_take(b->vif[2], &f));
		assert_int_equal(f.len, 42 + i + 1);
		free(f.bytes);
	}
}

static void without_configuration_nothing_is_forwarded_nor_forgotten(void **state)
{
	struct bed *b = three(state);

	say_hello(b, 2, 2);
	bed_unapply(b);
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 30);
	bed_step(b, 1, &F);
	EXPECT_NOTHING(b, 2);
	assert_int_equal(bed_drops(b, 1, DROP_NO_NETWORK), 1);
	bed_apply(b);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_NOTHING(b, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(unknown_unicast_is_flooded_to_all_but_the_sender),
		BED_TESTS(known_unicast_goes_to_its_vif_only),
		BED_TESTS(learning_and_lookup_follow_arrival_order_within_a_burst),
		BED_TESTS(broadcast_reaches_everyone_else),
		BED_TESTS(multicast_reaches_those_that_want_it),
		BED_TESTS(flood_off_hides_unknown_unicast_and_bcast_flood_off_broadcast),
		BED_TESTS(host_leg_broadcasts_ignore_the_flood_flags_of_guests),
		BED_TESTS(entries_age_after_300_seconds_without_traffic),
		BED_TESTS(traffic_keeps_an_entry_young),
		BED_TESTS(ageing_time_zero_floods_everything),
		BED_TESTS(a_mac_that_moves_is_found_at_its_new_vif),
		BED_TESTS(learning_off_teaches_nothing),
		BED_TESTS(quota_of_a_vif_refuses_more_macs_but_forwards),
		BED_TESTS(quota_of_a_vif_is_freed_by_ageing),
		BED_TESTS(full_network_takes_from_the_vif_that_holds_most),
		BED_TESTS(quota_holds_for_moves_too),
		BED_TESTS(host_leg_mac_is_known_from_the_start_and_cannot_be_taken),
		BED_TESTS(host_leg_mac_learned_from_a_guest_before_becomes_local),
		BED_TESTS(isolated_vifs_reach_others_but_not_each_other),
		BED_TESTS(networks_do_not_hear_each_other),
		BED_TESTS(hairpin_sends_back_to_the_port_it_came_from),
		BED_TESTS(group_address_00_is_forwarded_since_stp_is_off),
		BED_TESTS(group_addresses_02_to_0f_reach_the_host_leg_only),
		BED_TESTS(group_fwd_mask_lets_lldp_through),
		BED_TESTS(group_address_10_is_an_ordinary_multicast),
		BED_TESTS(tagged_frames_cross_unchanged_and_share_one_table),
		BED_TESTS(mtu_counts_payload_and_allows_one_tag),
		BED_TESTS(mtu_is_that_of_each_egress_vif),
		BED_TESTS(a_vif_set_down_is_forgotten_and_not_flooded),
		BED_TESTS(a_vif_moved_to_another_network_takes_no_entries_along),
		BED_TESTS(flooding_to_more_vifs_than_items_loses_nothing),
		BED_TESTS(items_of_a_vif_keep_the_order_of_arrival),
		BED_TESTS(without_configuration_nothing_is_forwarded_nor_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
