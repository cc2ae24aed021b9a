/* SPDX-License-Identifier: Apache-2.0 */
/* nat_map_test.c - 1:1: an address outside that is one guest's alone.  Topology: tests/lib/routed.h. */
#include "tests/lib/routed.h"
#include "tests/lib/unit.h"
#include "vswitch/base/netaddr.h"

#include <stdlib.h>
#include <string.h>

#define G1 "10.0.1.11"
#define G2 "10.0.1.12"
#define MINE "203.0.113.50"
#define MINE6 "2001:db8:9::50"
#define SYN 0x02

static struct frame F;

static void add_map(struct bed *b, const char *outside, const char *guest)
{
	struct snap_forward *f
		= bed_forward(b, UPLINK_NET, 0, 0, (struct forward_to){ 1, guest, 0 });
	struct ipaddr a;

	assert_int_equal(ip_parse(outside, &a), 0);
	memcpy(f->listen, a.b, 16);
}

static struct bed *mapped_bed(void **state)
{
	struct bed *b = routed_bed(state);

	b->router[0].flags = SNAP_ROUTER_NAT4 | SNAP_ROUTER_NAT6;
	add_map(b, MINE, G1);
	add_map(b, MINE6, "fd00:1::11");
	bed_apply(b);
	return b;
}

static void the_guest_is_seen_by_its_own_address_with_every_port(void **state)
{
	struct bed *b = mapped_bed(state);

	flow_step(b, 1, UDP(G1, FAR4, 5000, 53), 10);
	EXPECT_FLOW(b, LAN_VIF, UDP(MINE, FAR4, 5000, 53));
	flow_step(b, LAN_VIF, UDP(FAR4, MINE, 53, 5000), 10);
	EXPECT_FLOW(b, 1, UDP(FAR4, G1, 53, 5000));
	flow_step(b, 1, TCP(G1, FAR4, 22, 80, SYN), 0); /* privileged ones, too */
	EXPECT_FLOW(b, LAN_VIF, TCP(MINE, FAR4, 22, 80, SYN));
	flow_step(b, 1, PING(G1, FAR4, 7), 56);
	EXPECT_FLOW(b, LAN_VIF, PING(MINE, FAR4, 7));
	flow_step(b, 1, UDP("fd00:1::11", FAR6, 5000, 53), 10);
	EXPECT_FLOW(b, LAN_VIF, UDP(MINE6, FAR6, 5000, 53));
	flow_step(b, 2, UDP(G2, FAR4, 5000, 53), 10); /* others as ever */
	EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, 5000, 53));
}

static void whatever_comes_to_it_is_the_guests(void **state)
{
	struct bed *b = mapped_bed(state);

	flow_step(b, LAN_VIF, TCP(FAR4, MINE, 999, 22, SYN), 0);
	EXPECT_FLOW(b, 1, TCP(FAR4, G1, 999, 22, SYN));
	flow_step(b, 1, TCP(G1, FAR4, 22, 999, SYN | 0x10), 0);
	EXPECT_FLOW(b, LAN_VIF, TCP(MINE, FAR4, 22, 999, SYN | 0x10));
	flow_step(b, LAN_VIF, PING(FAR4, MINE, 9), 56);
	EXPECT_FLOW(b, 1, PING(FAR4, G1, 9));
	flow_frame(&F, b, 1, PING(G1, FAR4, 9), 56);
	flow_echo_reply(&F);
	bed_step(b, 1, &F);
	assert_int_equal(vif_mem_count(b->vif[LAN_VIF]), 1);
	bed_clear(b);
	flow_step(b, LAN_VIF, UDP(FAR6, MINE6, 99, 98), 10);
	EXPECT_FLOW(b, 1, UDP(FAR6, "fd00:1::11", 99, 98));
}

static void a_forward_of_its_address_comes_first(void **state)
{
	struct bed *b = mapped_bed(state);
	struct snap_forward *f
		= bed_forward(b, UPLINK_NET, 17, 80, (struct forward_to){ 1, G2, 80 });
	struct ipaddr a;

	assert_int_equal(ip_parse(MINE, &a), 0);
	memcpy(f->listen, a.b, 16);
	bed_apply(b);
	flow_step(b, LAN_VIF, UDP(FAR4, MINE, 99, 80), 10);
	EXPECT_FLOW(b, 2, UDP(FAR4, G2, 99, 80));
	flow_step(b, LAN_VIF, UDP(FAR4, MINE, 99, 81), 10);
	EXPECT_FLOW(b, 1, UDP(FAR4, G1, 99, 81));
}

static void it_answers_arp(void **state)
{
	struct bed *b = mapped_bed(state);
	struct mem_frame f;

	for (unsigned last = 50; last <= 51; last++) {
		frame_eth(&F, MAC_BCAST, MAC_OF(LAN_VIF));
		frame_arp(&F);
		memcpy(F.bytes + 14 + 8, MAC_OF(LAN_VIF), 6);
		memcpy(F.bytes + 14 + 14, (const uint8_t[]){ 203, 0, 113, 1 }, 4);
		memcpy(F.bytes + 14 + 24, (const uint8_t[]){ 203, 0, 113, (uint8_t)last }, 4);
		bed_step(b, LAN_VIF, &F);
		assert_int_equal(vif_mem_take(b->vif[LAN_VIF], &f), last == 50);
		if (last == 50)
			free(f.bytes);
	}
}

static void siblings_reach_it_by_hairpin(void **state)
{
	struct bed *b = mapped_bed(state);
	uint16_t port;

	flow_step(b, 2, UDP(G2, MINE, 6000, 80), 10);
	EXPECT_FLOW(b, 1, UDP(MINE, G1, 0, 80));
	port = seen_sport();
	flow_step(b, 1, UDP(G1, MINE, 80, port), 10);
	EXPECT_FLOW(b, 2, UDP(MINE, G2, 80, 6000));
}

static void connections_end_when_it_is_taken_back(void **state)
{
	struct bed *b = mapped_bed(state);

	flow_step(b, 1, UDP(G1, FAR4, 5000, 53), 10);
	flow_step(b, LAN_VIF, UDP(FAR4, MINE, 77, 78), 10);
	bed_clear(b);
	b->n_forwards = 0;
	bed_apply(b);
	assert_int_equal(b->ct->tab.n_live, 0);
	flow_step(b, LAN_VIF, UDP(FAR4, MINE, 53, 5000), 10);
	EXPECT_NOTHING(b, 1);
	bed_clear(b);
	flow_step(b, 1, UDP(G1, FAR4, 5000, 53), 10);
	EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, 5000, 53));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(the_guest_is_seen_by_its_own_address_with_every_port),
		BED_TESTS(whatever_comes_to_it_is_the_guests),
		BED_TESTS(a_forward_of_its_address_comes_first),
		BED_TESTS(it_answers_arp),
		BED_TESTS(siblings_reach_it_by_hairpin),
		BED_TESTS(connections_end_when_it_is_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
