/* SPDX-License-Identifier: Apache-2.0 */
/* mirror_test.c - copies of packets for vifs that look on.
 *
 *      v1   v2   v3          v8   v9   (in no network: they look on)
 *       \    |    /
 *        +---n1--+---- leg v4 (some tests)
 */
#include "tests/lib/bed.h"
#include "tests/lib/routed.h"
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

static struct frame F, G;

static struct bed *three(void **state)
{
	struct bed *b = *state;

	bed_network(b, 1);
	for (uint16_t id = 1; id <= 3; id++)
		bed_port(b, id, 1);
	bed_port(b, 8, NETWORK_ID_NONE);
	bed_port(b, 9, NETWORK_ID_NONE);
	bed_apply(b);
	return b;
}

/* Where everybody is, is known. */
static struct bed *known(void **state)
{
	struct bed *b = three(state);

	for (uint16_t id = 1; id <= 3; id++) {
		frame_simple(&F, MAC_BCAST, MAC_OF(id), 30);
		bed_step(b, id, &F);
	}
	bed_clear(b);
	return b;
}

static void say(struct bed *b, unsigned from, unsigned to)
{
	frame_simple(&F, MAC_OF(to), MAC_OF(from), 40);
	bed_step(b, (uint16_t)from, &F);
}

static void what_a_vif_sends_and_gets_is_copied(void **state)
{
	struct bed *b = known(state);

	bed_mirror(b, 9, 1, NETWORK_ID_NONE);
	bed_apply(b);
	for (unsigned i = 0; i < 3; i++) { /* also when it could go by the kernel */
		say(b, 1, 2);
		EXPECT_FRAME(b, 9, &F);
		EXPECT_FRAME(b, 2, &F);
		say(b, 2, 1);
		EXPECT_FRAME(b, 9, &F);
		EXPECT_FRAME(b, 1, &F);
		say(b, 2, 3);
		EXPECT_NOTHING(b, 9);
		EXPECT_FRAME(b, 3, &F);
	}
	assert_int_equal(b->io.vif_counters[9].tx_packets, 6);
	bed_step(b, 1, &F); /* the address of v2: still one copy */
	EXPECT_FRAME(b, 9, &F);
	EXPECT_NOTHING(b, 9);
}

static void only_the_direction_that_was_asked_for(void **state)
{
	struct bed *b = known(state);

	bed_mirror(b, 8, 1, NETWORK_ID_NONE)->directions = SNAP_MIRROR_RX;
	bed_mirror(b, 9, 1, NETWORK_ID_NONE)->directions = SNAP_MIRROR_TX;
	bed_apply(b);
	say(b, 1, 2);
	EXPECT_FRAME(b, 8, &F);
	EXPECT_NOTHING(b, 9);
	say(b, 2, 1);
	EXPECT_FRAME(b, 9, &F);
	EXPECT_NOTHING(b, 8);
}

static void a_network_is_copied_once_where_packets_enter(void **state)
{
	struct bed *b = known(state);

	bed_mirror(b, 9, VIF_ID_NONE, 1);
	bed_apply(b);
	frame_simple(&F, MAC_BCAST, MAC_OF(1), 50);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 9, &F);
	say(b, 2, 3);
	EXPECT_FRAME(b, 9, &F);
	EXPECT_NOTHING(b, 9);
}

static void several_mirrors_of_one_vif_make_one_copy(void **state)
{
	struct bed *b = known(state);

	bed_mirror(b, 9, 1, NETWORK_ID_NONE)->proto = 17;
	bed_mirror(b, 9, VIF_ID_NONE, 1);
	bed_mirror(b, 8, VIF_ID_NONE, 1);
	bed_mirror(b, 9, 1, NETWORK_ID_NONE);
	bed_apply(b);
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 50);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 9, &F);
	EXPECT_NOTHING(b, 9);
	EXPECT_FRAME(b, 8, &F);
}

static void what_is_refused_is_not_copied_and_what_is_lost_later_is(void **state)
{
	struct bed *b = known(state);

	bed_mirror(b, 9, 1, NETWORK_ID_NONE);
	b->port[0].flags |= SNAP_PORT_ISOLATED;
	b->port[1].flags |= SNAP_PORT_ISOLATED;
	bed_apply(b);
	frame_simple(&F, MAC_OF(2), MAC_GROUP(1), 50); /* no host's address */
	bed_step(b, 1, &F);
	EXPECT_NOTHING(b, 9);
	say(b, 1, 2); /* isolated: lost, but it was sent */
	EXPECT_NOTHING(b, 2);
	EXPECT_FRAME(b, 9, &F);
	say(b, 2, 1); /* never left by v1 */
	EXPECT_NOTHING(b, 9);
}

static void a_vif_that_looks_on_says_nothing(void **state)
{
	struct bed *b = known(state);

	bed_mirror(b, 9, 1, NETWORK_ID_NONE);
	bed_apply(b);
	frame_simple(&F, MAC_BCAST, MAC_OF(9), 50);
	bed_step(b, 9, &F);
	for (uint16_t id = 1; id <= 3; id++)
		EXPECT_NOTHING(b, id);
	assert_int_equal(bed_drops(b, 9, DROP_NO_NETWORK), 1);
}

static void copies_that_do_not_fit_are_counted_where_they_should_go(void **state)
{
	struct bed *b = known(state);

	b->port[4].mtu = 1000;
	bed_mirror(b, 9, 1, NETWORK_ID_NONE);
	bed_apply(b);
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 1200);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_NOTHING(b, 9);
	assert_int_equal(bed_drops(b, 9, DROP_MTU_EXCEEDED), 1);
	b->port[4].flags &= ~(uint32_t)SNAP_PORT_UP;
	bed_apply(b);
	say(b, 1, 2);
	EXPECT_NOTHING(b, 9);
	assert_int_equal(bed_drops(b, 9, DROP_TX_LINK_DOWN), 1);
}

static void copies_keep_to_the_rate_of_who_gets_them(void **state)
{
	struct bed *b = known(state);

	bed_mirror(b, 9, 1, NETWORK_ID_NONE);
	bed_meter(b, 9, SNAP_METER_TO, 1000);
	bed_apply(b);
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 900);
	for (unsigned i = 0; i < 20; i++)
		bed_send(b, 1, &F);
	bed_run(b);
	for (unsigned i = 0; i < 20; i++)
		EXPECT_FRAME(b, 2, &F);
	EXPECT_FRAME(b, 9, &F);
	EXPECT_NOTHING(b, 9);
	for (unsigned i = 0; i < 40; i++) {
		bed_warp(b, NS_PER_SEC);
		bed_tick(b);
	}
	EXPECT_FRAME(b, 9, &F); /* the bytes are what they were */
}

static void tcp_to(struct frame *f, uint16_t port)
{
	frame_eth(f, MAC_OF(2), MAC_OF(1));
	frame_ip4(f, 6);
	frame_tcp(f, 0x10);
	frame_payload(f, 20);
	f->bytes[14 + 20 + 2] = (uint8_t)(port >> 8);
	f->bytes[14 + 20 + 3] = (uint8_t)port;
	frame_end(f);
}

static void arp(struct frame *f)
{
	frame_eth(f, MAC_BCAST, MAC_OF(1));
	frame_arp(f);
	frame_end(f);
}

static void udp6(struct frame *f)
{
	frame_eth(f, MAC_OF(2), MAC_OF(1));
	frame_ip6(f, 17);
	frame_udp(f, 9);
	frame_payload(f, 20);
	frame_end(f);
}

static bool is_copied(struct bed *b, const struct frame *f)
{
	uint64_t before = b->io.vif_counters[9].tx_packets;

	bed_step(b, 1, f);
	bed_clear(b);
	return b->io.vif_counters[9].tx_packets != before;
}

/* One thing that packets must have; the others are as they come. */
static struct snap_mirror *ask(struct bed *b)
{
	b->n_mirrors = 0;
	return bed_mirror(b, 9, 1, NETWORK_ID_NONE);
}

static void expect_copies(struct bed *b, bool of_tcp, bool of_udp6, bool of_arp)
{
	bed_apply(b);
	tcp_to(&G, 443);
	assert_int_equal(is_copied(b, &G), of_tcp);
	udp6(&G);
	assert_int_equal(is_copied(b, &G), of_udp6);
	arp(&G);
	assert_int_equal(is_copied(b, &G), of_arp);
}

static void only_packets_that_have_what_was_asked_for(void **state)
{
	struct bed *b = known(state);
	struct snap_mirror *m;

	expect_copies(b, false, false, false);
	ask(b);
	expect_copies(b, true, true, true);
	ask(b)->ether_type = htobe16(0x0806);
	expect_copies(b, false, false, true);
	ask(b)->proto = 6;
	expect_copies(b, true, false, false);
	ask(b)->port = htobe16(443);
	expect_copies(b, true, false, false);
	ask(b)->port = htobe16(9);
	expect_copies(b, false, true, false);
	m = ask(b);
	m->port = htobe16(443);
	m->proto = 17;
	expect_copies(b, false, false, false);
	m = ask(b);
	m->has_prefix = 1;
	m->addr[10] = m->addr[11] = 0xff; /* 0.0.0.0/0 */
	expect_copies(b, true, false, false);
	tcp_to(&F, 443);
	memcpy(m->addr + 12, F.bytes + 14 + 16, 4); /* the destination */
	m->len = 32;
	expect_copies(b, true, false, false);
	m->addr[15] ^= 0x40;
	expect_copies(b, false, false, false);
	m = ask(b);
	m->has_prefix = 1; /* ::/0 */
	expect_copies(b, false, true, false);
	udp6(&F);
	memcpy(m->addr, F.bytes + 14 + 8, 16); /* the source */
	m->len = 128;
	expect_copies(b, false, true, false);
}

static void tagged(struct frame *f, unsigned vid)
{
	frame_eth(f, MAC_OF(2), MAC_OF(1));
	if (vid != 0)
		frame_vlan(f, 0x8100, (uint16_t)vid);
	frame_ip4(f, 17);
	frame_udp(f, 9);
	frame_payload(f, 30);
	frame_end(f);
}

static void copies_have_the_tags_of_the_place_where_they_are_made(void **state)
{
	struct bed *b = known(state);

	b->network[0].vlan = SNAP_VLAN_8021Q;
	bed_vlan(b, 1, 10, 11, 0);
	bed_vlan(b, 2, 10, 10, SNAP_VLAN_PVID | SNAP_VLAN_UNTAGGED);
	bed_vlan(b, 3, 10, 11, 0);
	bed_mirror(b, 8, 1, NETWORK_ID_NONE)->vid = 10;
	bed_mirror(b, 9, 2, NETWORK_ID_NONE);
	bed_apply(b);
	tagged(&F, 10);
	tagged(&G, 0);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 8, &F); /* tagged, as it came in */
	EXPECT_FRAME(b, 9, &G); /* and as it left by v2 */
	EXPECT_FRAME(b, 2, &G);
	EXPECT_FRAME(b, 3, &F);
	tagged(&F, 11);
	bed_step(b, 1, &F);
	EXPECT_NOTHING(b, 8);
	EXPECT_FRAME(b, 3, &F);
}

static void super_frames_are_copied_whole(void **state)
{
	struct bed *b = known(state);

	bed_mirror(b, 9, 1, NETWORK_ID_NONE);
	bed_apply(b);
	frame_super(&F, false, false, 40000);
	memcpy(F.bytes, MAC_OF(2), 6);
	memcpy(F.bytes + 6, MAC_OF(1), 6);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 9, &F);
	EXPECT_FRAME(b, 2, &F);
}

static void floods_to_many_are_copied_as_often_as_they_leave(void **state)
{
	struct bed *b = *state;
	unsigned n = 0;
	struct mem_frame f;

	bed_network(b, 1);
	for (uint16_t id = 1; id <= 40; id++)
		bed_port(b, id, 1);
	for (uint16_t id = 50; id < 60; id++) {
		bed_port(b, id, NETWORK_ID_NONE);
		bed_mirror(b, id, VIF_ID_NONE, 1)->directions = SNAP_MIRROR_BOTH;
	}
	bed_apply(b);
	for (unsigned i = 0; i < 64; i++) {
		frame_simple(&F, MAC_BCAST, MAC_OF(1), 30);
		bed_send(b, 1, &F);
	}
	bed_run(b);
	while (pipeline_held(b->pipeline) > 0)
		bed_tick(b);
	for (uint16_t id = 50; id < 60; id++)
		for (n = 0; vif_mem_take(b->vif[id], &f); n++)
			free(f.bytes);
	assert_int_equal(n, 64 * (1 + 39));
	assert_int_equal(b->io.vif_counters[55].tx_packets, 64 * 40);
}

static void what_is_flooded_to_a_vif_is_copied_where_it_left(void **state)
{
	struct bed *b = known(state);

	bed_mirror(b, 9, 1, NETWORK_ID_NONE)->directions = SNAP_MIRROR_TX;
	bed_apply(b);
	for (uint16_t id = 2; id <= 3; id++) { /* of one worker each, when there are some */
		frame_simple(&F, MAC_BCAST, MAC_OF(id), 50);
		bed_step(b, id, &F);
		EXPECT_FRAME(b, 9, &F);
		EXPECT_NOTHING(b, 9);
	}
	bed_clear(b);
	vif_mem_refuse(b->vif[1], 1, DROP_TX_QUEUE_FULL);
	say(b, 2, 1);
	EXPECT_NOTHING(b, 1);
	EXPECT_NOTHING(b, 9);
}

static void a_mirror_that_ends_ends_with_the_next_packet(void **state)
{
	struct bed *b = known(state);

	bed_mirror(b, 9, 1, NETWORK_ID_NONE);
	bed_apply(b);
	say(b, 1, 2);
	EXPECT_FRAME(b, 9, &F);
	b->n_mirrors = 0;
	bed_apply(b);
	say(b, 1, 2);
	EXPECT_NOTHING(b, 9);
}

static void a_mirror_that_comes_has_the_next_packet(void **state)
{
	struct bed *b = known(state);

	for (unsigned i = 0; i < 4; i++) { /* the kernel goes on with them */
		say(b, 1, 2);
		say(b, 2, 1);
	}
	bed_clear(b);
	bed_mirror(b, 9, 1, NETWORK_ID_NONE);
	bed_apply(b);
	say(b, 2, 1);
	EXPECT_FRAME(b, 9, &F);
	say(b, 1, 2);
	EXPECT_FRAME(b, 9, &F);
	EXPECT_NOTHING(b, 9);
}

static void what_the_router_sends_into_a_network_is_copied(void **state)
{
	struct bed *b = routed_bed(state);

	bed_port(b, 20, NETWORK_ID_NONE);
	bed_port(b, 21, NETWORK_ID_NONE);
	bed_mirror(b, 20, VIF_ID_NONE, 1);
	bed_mirror(b, 21, 1, NETWORK_ID_NONE);
	bed_apply(b);
	bed_clear(b);
	flow_step(b, 1, UDP("10.0.1.11", FAR4, 5000, 53), 100);
	for (uint16_t id = 20; id <= 21; id++) /* as the guest sent it, not as it left */
		EXPECT_FLOW(b, id, UDP("10.0.1.11", FAR4, 5000, 53));
	EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, 5000, 53));
	flow_step(b, LAN_VIF, UDP(FAR4, UP4, 53, 5000), 200);
	EXPECT_FLOW(b, 1, UDP(FAR4, "10.0.1.11", 53, 5000));
	for (uint16_t id = 20; id <= 21; id++) {
		EXPECT_FLOW(b, id, UDP(FAR4, "10.0.1.11", 53, 5000));
		EXPECT_NOTHING(b, id);
	}
}

static void flows_into_a_network_are_copied_to_the_last_packet(void **state)
{
	struct bed *b = routed_bed(state);

	bed_port(b, 20, NETWORK_ID_NONE);
	bed_mirror(b, 20, VIF_ID_NONE, 1);
	bed_apply(b);
	bed_clear(b);
	for (unsigned i = 0; i < 6; i++) { /* the kernel would go on with them */
		flow_step(b, 1, UDP("10.0.1.11", FAR4, 5000, 53), 100);
		EXPECT_FLOW(b, 20, UDP("10.0.1.11", FAR4, 5000, 53));
		EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, 5000, 53));
		flow_step(b, LAN_VIF, UDP(FAR4, UP4, 53, 5000), 200);
		EXPECT_FLOW(b, 20, UDP(FAR4, "10.0.1.11", 53, 5000));
		EXPECT_FLOW(b, 1, UDP(FAR4, "10.0.1.11", 53, 5000));
		EXPECT_NOTHING(b, 20);
	}
}

static void copies_that_wait_are_not_translated(void **state)
{
	struct bed *b = routed_bed(state);

	bed_port(b, 20, NETWORK_ID_NONE);
	bed_mirror(b, 20, 1, NETWORK_ID_NONE)->directions = SNAP_MIRROR_RX;
	bed_meter(b, 20, SNAP_METER_TO, 1000);
	bed_apply(b);
	bed_clear(b);
	for (unsigned i = 0; i < 3; i++) {
		flow_step(b, 1, UDP("10.0.1.11", FAR4, 5000, 53), 900);
		EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, 5000, 53));
	}
	EXPECT_FLOW(b, 20, UDP("10.0.1.11", FAR4, 5000, 53));
	EXPECT_NOTHING(b, 20);
	for (unsigned i = 0; i < 8; i++) {
		bed_warp(b, NS_PER_SEC);
		bed_tick(b);
	}
	for (unsigned i = 0; i < 2; i++)
		EXPECT_FLOW(b, 20, UDP("10.0.1.11", FAR4, 5000, 53));
	EXPECT_NOTHING(b, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(what_a_vif_sends_and_gets_is_copied),
		BED_TESTS(only_the_direction_that_was_asked_for),
		BED_TESTS(a_network_is_copied_once_where_packets_enter),
		BED_TESTS(several_mirrors_of_one_vif_make_one_copy),
		BED_TESTS(what_is_refused_is_not_copied_and_what_is_lost_later_is),
		BED_TESTS(a_vif_that_looks_on_says_nothing),
		BED_TESTS(copies_that_do_not_fit_are_counted_where_they_should_go),
		BED_TESTS(copies_keep_to_the_rate_of_who_gets_them),
		BED_TESTS(only_packets_that_have_what_was_asked_for),
		BED_TESTS(copies_have_the_tags_of_the_place_where_they_are_made),
		BED_TESTS(super_frames_are_copied_whole),
		BED_TESTS(floods_to_many_are_copied_as_often_as_they_leave),
		BED_TESTS(what_the_router_sends_into_a_network_is_copied),
		BED_TESTS(flows_into_a_network_are_copied_to_the_last_packet),
		BED_TESTS(what_is_flooded_to_a_vif_is_copied_where_it_left),
		BED_TESTS(a_mirror_that_ends_ends_with_the_next_packet),
		BED_TESTS(a_mirror_that_comes_has_the_next_packet),
		BED_TESTS(copies_that_wait_are_not_translated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
