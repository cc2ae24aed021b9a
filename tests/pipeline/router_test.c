/* SPDX-License-Identifier: Apache-2.0 */
/* router_test.c - what is routed, what is rejected and in which form, and who is asked for whom.
 * Topology: tests/lib/routed.h. */
#include "tests/lib/routed.h"
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct frame F, F2;

static void expect_dropped(struct bed *b, uint16_t vif_id, enum drop_reason reason)
{
	uint64_t n = bed_drops(b, vif_id, reason);

	if (n != 1)
		for (unsigned r = 1; r < DROP_N; r++)
			if (b->io.vif_counters[vif_id].drops[r] != 0)
				print_error("dropped: %s\n", drop_reason_texts[r].name);
	assert_int_equal(n, 1);
	b->io.vif_counters[vif_id].drops[reason] = 0;
}

static void routed_networks_pass_both_ways_untranslated(void **state)
{
	struct bed *b = routed_bed(state);
	const uint8_t *f;

	flow_step(b, 4, UDP("10.0.2.14", FAR4, 5000, 53), 100);
	f = EXPECT_FLOW(b, LAN_VIF, UDP("10.0.2.14", FAR4, 5000, 53));
	assert_int_equal(f[14 + 8], 63);
	assert_memory_equal(f, MAC_OF(LAN_VIF), 6);
	assert_memory_equal(f + 6, MAC_OF(0xf9), 6);
	flow_step(b, LAN_VIF, UDP(FAR4, "10.0.2.14", 99, 98), 100);
	f = EXPECT_FLOW(b, 4, UDP(FAR4, "10.0.2.14", 99, 98));
	assert_memory_equal(f + 6, MAC_OF(8), 6); /* the gateway's MAC is the leg's */
	flow_step(b, 4, UDP("fd00:2::14", FAR6, 5000, 53), 100);
	f = EXPECT_FLOW(b, LAN_VIF, UDP("fd00:2::14", FAR6, 5000, 53));
	assert_int_equal(f[14 + 7], 63);
	flow_step(b, LAN_VIF, UDP(FAR6, "fd00:2::14", 99, 98), 100);
	EXPECT_FLOW(b, 4, UDP(FAR6, "fd00:2::14", 99, 98));
	EXPECT_NOTHING(b, 8);
}

static void a_source_of_another_guests_network_does_not_leave_an_open_one(void **state)
{
	static const char *const forged4[] = { "10.0.1.11", "10.0.2.14" };
	struct bed *b = routed_bed(state);

	for (unsigned i = 0; i < ARRAY_LEN(forged4); i++) {
		flow_step(b, 5, UDP(forged4[i], FAR4, 5000, 53), 10);
		EXPECT_NOTHING(b, LAN_VIF);
		EXPECT_NOTHING(b, 5); /* nobody is told: who sent it is not who would hear */
	}
	flow_step(b, 5, UDP("fd00:1::11", FAR6, 5000, 53), 10);
	EXPECT_NOTHING(b, LAN_VIF);
	assert_int_equal(bed_drops(b, 5, DROP_IP_RPFILTER), 3);
	/* its own, and whatever is routed behind one of its guests */
	flow_step(b, 5, UDP("10.0.3.15", FAR4, 5000, 53), 10);
	EXPECT_FLOW(b, LAN_VIF, UDP("10.0.3.15", FAR4, 5000, 53));
	flow_step(b, 5, UDP("172.16.5.5", FAR4, 5000, 53), 10);
	EXPECT_FLOW(b, LAN_VIF, UDP("172.16.5.5", FAR4, 5000, 53));
}

static void open_networks_have_no_rules(void **state)
{
	struct bed *b = routed_bed(state);

	flow_step(b, 5, UDP("172.16.9.9", FAR4, 5000, 53), 100); /* not of its subnet */
	EXPECT_FLOW(b, LAN_VIF, UDP("172.16.9.9", FAR4, 5000, 53));
	flow_step(b, LAN_VIF, UDP(FAR4, "10.0.3.15", 99, 98), 100);
	EXPECT_FLOW(b, 5, UDP(FAR4, "10.0.3.15", 99, 98));
}

static void a_source_outside_the_subnet_is_rejected(void **state)
{
	struct bed *b = routed_bed(state);

	flow_step(b, 4, UDP("172.16.9.9", FAR4, 5000, 53), 100);
	EXPECT_ICMP(b, 4, "10.0.2.1", 3, 3);
	expect_dropped(b, 4, DROP_POLICY_REJECT);
	flow_step(b, 1, UDP("172.16.9.9", FAR4, 5000, 53), 100);
	EXPECT_ICMP(b, 1, "10.0.1.1", 3, 3);
	flow_step(b, 4, UDP("fd00:7::14", FAR6, 5000, 53), 100);
	EXPECT_ICMP(b, 4, "fd00:2::1", 1, 4);
	EXPECT_NOTHING(b, LAN_VIF);
}

static void new_connections_to_nat_guests_are_rejected(void **state)
{
	struct bed *b = routed_bed(state);

	flow_step(b, LAN_VIF, UDP(FAR4, "10.0.1.11", 99, 98), 100);
	EXPECT_ICMP(b, LAN_VIF, UP4, 3, 3);
	expect_dropped(b, LAN_VIF, DROP_POLICY_REJECT);
	EXPECT_NOTHING(b, 1);
}

static void ipv6_of_a_nat_network_is_routed_unless_told(void **state)
{
	struct bed *b = routed_bed(state);

	flow_step(b, 1, UDP("fd00:1::11", FAR6, 5000, 53), 100);
	EXPECT_FLOW(b, LAN_VIF, UDP("fd00:1::11", FAR6, 5000, 53));
	flow_step(b, LAN_VIF, UDP(FAR6, "fd00:1::11", 99, 98), 100);
	EXPECT_FLOW(b, 1, UDP(FAR6, "fd00:1::11", 99, 98));
}

static void guests_networks_do_not_reach_each_other(void **state)
{
	struct bed *b = routed_bed(state);

	flow_step(b, 1, UDP("10.0.1.11", "10.0.2.14", 5000, 53), 100);
	EXPECT_ICMP(b, 1, "10.0.1.1", 3, 3);
	flow_step(b, 4, UDP("10.0.2.14", "10.0.3.15", 5000, 53), 100);
	EXPECT_ICMP(b, 4, "10.0.2.1", 3, 3);
	EXPECT_NOTHING(b, 4);
	EXPECT_NOTHING(b, 5);
	EXPECT_NOTHING(b, LAN_VIF);
}

static void a_route_between_guests_networks_can_be_given(void **state)
{
	struct bed *b = routed_bed(state);

	bed_route(b, 2, "10.0.3.0/24", 3, NULL);
	bed_route(b, 3, "10.0.2.0/24", 2, NULL);
	bed_apply(b);
	flow_step(b, 4, UDP("10.0.2.14", "10.0.3.15", 5000, 53), 100);
	EXPECT_FLOW(b, 5, UDP("10.0.2.14", "10.0.3.15", 5000, 53));
	flow_step(b, 5, UDP("10.0.3.15", "10.0.2.14", 53, 5000), 100);
	EXPECT_FLOW(b, 4, UDP("10.0.3.15", "10.0.2.14", 53, 5000));
}

static void a_route_by_a_guest_leads_there_as_far_as_the_mode_lets_it(void **state)
{
	struct bed *b = routed_bed(state);
	const uint8_t *f;

	bed_route(b, 1, "172.16.5.0/24", 1, "10.0.1.12");
	bed_route(b, UPLINK_NET, "172.16.5.0/24", 1, "10.0.1.12");
	bed_route(b, 3, "172.16.6.0/24", 3, "10.0.3.15");
	bed_route(b, UPLINK_NET, "172.16.6.0/24", 3, "10.0.3.15");
	bed_apply(b);
	flow_step(b, 1, UDP("10.0.1.11", "172.16.5.9", 5000, 53), 100);
	f = EXPECT_FLOW(b, 2, UDP("10.0.1.11", "172.16.5.9", 5000, 53));
	assert_memory_equal(f, MAC_OF(2), 6);
	flow_step(b, 2, UDP("172.16.5.9", "10.0.1.11", 53, 5000), 100);
	EXPECT_FLOW(b, 1, UDP("172.16.5.9", "10.0.1.11", 53, 5000));
	/* from outside: only where there are no rules */
	flow_step(b, LAN_VIF, UDP(FAR4, "172.16.5.9", 99, 98), 100);
	EXPECT_ICMP(b, LAN_VIF, UP4, 3, 3);
	flow_step(b, LAN_VIF, UDP(FAR4, "172.16.6.9", 99, 98), 100);
	EXPECT_FLOW(b, 5, UDP(FAR4, "172.16.6.9", 99, 98));
	flow_step(b, 5, UDP("172.16.6.9", FAR4, 98, 99), 100);
	EXPECT_FLOW(b, LAN_VIF, UDP("172.16.6.9", FAR4, 98, 99));
	/* whoever is behind a guest is of that guest's network */
	flow_step(b, 4, UDP("10.0.2.14", "172.16.6.9", 5000, 53), 100);
	EXPECT_ICMP(b, 4, "10.0.2.1", 3, 3);
	flow_step(b, 5, UDP("172.16.5.9", FAR4, 5000, 53), 100);
	EXPECT_NOTHING(b, LAN_VIF);
	expect_dropped(b, 5, DROP_IP_RPFILTER);
}

static void guests_of_one_network_are_routed_back_untranslated(void **state)
{
	struct bed *b = routed_bed(state);

	flow_step(b, 1, UDP("10.0.1.11", "10.0.1.12", 5000, 53), 100);
	EXPECT_FLOW(b, 2, UDP("10.0.1.11", "10.0.1.12", 5000, 53));
}

static void what_is_for_the_host_goes_to_the_leg_as_it_is(void **state)
{
	struct bed *b = routed_bed(state);
	static const char *const to[] = { "10.0.1.1", "192.0.2.99" };

	for (unsigned i = 0; i < ARRAY_LEN(to); i++) {
		flow_frame(&F, b, 1, UDP("10.0.1.11", to[i], 5000, 53), 50);
		bed_step(b, 1, &F);
		EXPECT_FRAME(b, 3, &F);
	}
	flow_frame(&F, b, 1, UDP("fd00:1::11", "fe80::1", 5000, 53), 50);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 3, &F);
	EXPECT_NOTHING(b, LAN_VIF);
}

static void the_uplink_answers_for_its_own_addresses(void **state)
{
	struct bed *b = routed_bed(state);
	const uint8_t *f;
	struct mem_frame got;

	flow_step(b, LAN_VIF, PING("203.0.113.1", UP4, 77), 56);
	f = EXPECT_FLOW(b, LAN_VIF, PING(UP4, "203.0.113.1", 77));
	assert_int_equal(f[34], 0);
	flow_step(b, LAN_VIF, PING("2001:db8:9::1", UP6, 78), 56);
	f = EXPECT_FLOW(b, LAN_VIF, PING(UP6, "2001:db8:9::1", 78));
	assert_int_equal(f[54], 129);
	frame_eth(&F, MAC_BCAST, MAC_OF(LAN_VIF));
	frame_arp(&F);
	memcpy(F.bytes + 22, MAC_OF(LAN_VIF), 6);
	memcpy(F.bytes + 28, (const uint8_t[]){ 203, 0, 113, 50 }, 4);
	memcpy(F.bytes + 38, (const uint8_t[]){ 203, 0, 113, 10 }, 4);
	bed_step(b, LAN_VIF, &F);
	assert_true(vif_mem_take(b->vif[LAN_VIF], &got));
	assert_int_equal(got.bytes[21], 2);
	assert_memory_equal(got.bytes + 22, MAC_OF(0xf9), 6);
	free(got.bytes);
	F.bytes[41] = 11; /* for somebody else */
	bed_step(b, LAN_VIF, &F);
	EXPECT_NOTHING(b, LAN_VIF);
}

static void no_route_is_told_to_the_sender(void **state)
{
	struct bed *b = *state;

	routed_describe(b);
	for (unsigned i = 0; i < b->n_routes; i++)
		if (b->route[i].len == 0)
			b->route[i].kind = SNAP_ROUTE_UNREACHABLE;
	bed_apply(b);
	flow_step(b, 4, UDP("10.0.2.14", FAR4, 5000, 53), 100);
	EXPECT_ICMP(b, 4, "10.0.2.1", 3, 0);
	flow_step(b, 4, UDP("fd00:2::14", FAR6, 5000, 53), 100);
	EXPECT_ICMP(b, 4, "fd00:2::1", 1, 0);
	assert_int_equal(bed_drops(b, 4, DROP_IP_NOROUTE), 2);
}

static void a_ttl_that_runs_out_is_told_from_the_gateway(void **state)
{
	struct bed *b = routed_bed(state);
	const uint8_t *f;

	flow_frame(&F, b, 1, UDP("10.0.1.11", FAR4, 5000, 33434), 60);
	F.bytes[22] = 1;
	frame_end(&F);
	bed_step(b, 1, &F);
	f = EXPECT_ICMP(b, 1, "10.0.1.1", 11, 0);
	assert_memory_equal(f + 14 + 28, F.bytes + 14, 28); /* quoted as it was sent */
	expect_dropped(b, 1, DROP_IP_TTL);
	flow_frame(&F, b, 4, UDP("fd00:2::14", FAR6, 5000, 33434), 60);
	F.bytes[21] = 1;
	bed_step(b, 4, &F);
	EXPECT_ICMP(b, 4, "fd00:2::1", 3, 0);
	EXPECT_NOTHING(b, LAN_VIF);
}

static void too_large_packets_are_told_the_mtu(void **state)
{
	struct bed *b = routed_bed(state);
	const uint8_t *f;

	b->router[3].mtu = 1400;
	bed_apply(b);
	flow_step(b, 1, UDP("10.0.1.11", FAR4, 5000, 53), 1372);
	EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, 5000, 53));
	flow_step(b, 1, UDP("10.0.1.11", FAR4, 5000, 53), 1373);
	f = EXPECT_ICMP(b, 1, "10.0.1.1", 3, 4);
	assert_int_equal(f[14 + 20 + 6] * 256 + f[14 + 20 + 7], 1400);
	expect_dropped(b, 1, DROP_ROUTE_MTU);
	flow_step(b, 4, UDP("fd00:2::14", FAR6, 5000, 53), 1353);
	f = EXPECT_ICMP(b, 4, "fd00:2::1", 2, 0);
	assert_int_equal(f[14 + 40 + 6] * 256 + f[14 + 40 + 7], 1400);
	EXPECT_NOTHING(b, LAN_VIF);
}

static void of_super_frames_the_segments_count(void **state)
{
	struct bed *b = routed_bed(state);

	b->router[3].mtu = 1400;
	bed_apply(b);
	for (uint16_t size = 1348; size <= 1349; size++) {
		flow_frame(&F, b, 4, TCP("10.0.2.14", FAR4, 5000, 80, 0x10), 20000);
		frame_gso(&F, PKT_GSO_TCP4, size);
		bed_step(b, 4, &F);
	}
	EXPECT_FLOW(b, LAN_VIF, TCP("10.0.2.14", FAR4, 5000, 80, 0));
	assert_int_equal(seen_offload()->gso_size, 1348);
	EXPECT_NOTHING(b, LAN_VIF);
	EXPECT_ICMP(b, 4, "10.0.2.1", 3, 4);
}

static void errors_are_limited_for_each_vif(void **state)
{
	struct bed *b = routed_bed(state);

	for (unsigned i = 0; i < 150; i++) {
		flow_frame(&F, b, 4, UDP("172.16.9.9", FAR4, 5000, 53), 10);
		bed_send(b, 4, &F);
	}
	bed_run(b);
	assert_int_equal(vif_mem_count(b->vif[4]), 100);
	bed_clear(b);
	bed_warp(b, 100 * NS_PER_MS);
	for (unsigned i = 0; i < 50; i++)
		bed_send(b, 4, &F);
	bed_run(b);
	assert_int_equal(vif_mem_count(b->vif[4]), 10);
	flow_step(b, 1, UDP("172.16.9.9", FAR4, 5000, 53), 10);
	EXPECT_ICMP(b, 1, "10.0.1.1", 3, 3); /* another vif has its own */
}

static void errors_are_not_answered_by_errors(void **state)
{
	struct bed *b = routed_bed(state);
	static struct frame inner;

	flow_frame(&inner, b, 4, UDP("10.0.2.14", FAR4, 5, 6), 10);
	error_frame(
		&F, b, 4, (struct icmp_error_of){ "172.16.9.9", FAR4, 3, 3 }, inner.bytes + 14, 28);
	bed_step(b, 4, &F);
	EXPECT_NOTHING(b, 4);
	expect_dropped(b, 4, DROP_POLICY_REJECT);
}

static void a_packet_waits_for_its_neighbour(void **state)
{
	struct bed *b = *state;
	static const struct flow v4 = { "10.0.2.14", FAR4, 17, 5000, 53, 0 };
	static const struct flow v6 = { "fd00:2::14", FAR6, 17, 5000, 53, 0 };

	routed_describe(b);
	bed_apply(b);
	/* as many as come when a new engine begins, which knows nobody */
	for (unsigned i = 0; i < NEIGH_QUEUE_MAX + 1; i++)
		flow_step(b, 4, v4, 10 + i);
	expect_dropped(b, 4, DROP_NEIGH_QUEUEFULL);
	answer(b, LAN_VIF);
	for (unsigned i = 0; i < NEIGH_QUEUE_MAX; i++) {
		EXPECT_FLOW(b, LAN_VIF, v4);
		assert_int_equal(seen_len(), 14 + 28 + 10 + i);
	}
	EXPECT_NOTHING(b, LAN_VIF);
	flow_step(b, 4, v6, 10);
	answer(b, LAN_VIF);
	EXPECT_FLOW(b, LAN_VIF, v6);
	flow_step(b, LAN_VIF, UDP(FAR4, "10.0.2.14", 53, 5000), 10);
	answer(b, 4); /* the guest; its leg is not asked */
	EXPECT_FLOW(b, 4, UDP(FAR4, "10.0.2.14", 53, 5000));
}

/* Make F the neighbour solicitation of vif 4's guest for its gateway. */
static void frame_solicit(struct bed *b)
{
	uint8_t *ip = F.bytes + 14, *nd = ip + 40;
	uint16_t csum;

	flow_frame(&F, b, 4, (struct flow){ "fd00:2::14", "fd00:2::1", 58, 1, 0, 0 }, 24);
	ip[7] = 255;
	memset(nd, 0, 32);
	nd[0] = 135;
	memcpy(nd + 8, ip + 24, 16);
	nd[24] = 1;
	nd[25] = 1;
	memcpy(nd + 26, MAC_OF(4), 6);
	csum = (uint16_t)~sum_of(nd, 32, sum_of(ip + 8, 32, 58 + 32));
	nd[2] = (uint8_t)(csum >> 8);
	nd[3] = (uint8_t)csum;
}

static void a_guest_that_asked_its_leg_need_not_be_asked(void **state)
{
	static const struct flow v4 = { FAR4, "10.0.2.14", 17, 53, 5000, 0 };
	static const struct flow v6 = { FAR6, "fd00:2::14", 17, 53, 5000, 0 };
	struct bed *b = *state;

	routed_describe(b);
	bed_apply(b);
	frame_eth(&F, MAC_BCAST, MAC_OF(4));
	frame_arp(&F);
	memcpy(F.bytes + 22, MAC_OF(4), 6);
	memcpy(F.bytes + 28, (const uint8_t[]){ 10, 0, 2, 14 }, 4);
	memcpy(F.bytes + 38, (const uint8_t[]){ 10, 0, 2, 1 }, 4);
	bed_step(b, 4, &F);
	frame_solicit(b);
	bed_step(b, 4, &F);
	bed_clear(b);
	for (unsigned i = 0; i < 8; i++) {
		flow_step(b, LAN_VIF, i < 4 ? v4 : v6, 10);
		EXPECT_FLOW(b, 4, i < 4 ? v4 : v6);
		if (i % 4 == 0)
			answer(b, 4); /* it is used, and asked whether it is still there */
	}
	EXPECT_NOTHING(b, 4);
}

static void what_follows_an_answer_in_a_burst_comes_after_what_waited(void **state)
{
	struct bed *b = *state;

	routed_describe(b);
	bed_apply(b);
	flow_step(b, 4, UDP("10.0.2.14", FAR4, 1, 53), 10);
	bed_clear(b);
	frame_eth(&F, MAC_OF(0xf9), MAC_OF(LAN_VIF));
	frame_arp(&F);
	F.bytes[21] = 2;
	memcpy(F.bytes + 22, MAC_OF(LAN_VIF), 6);
	memcpy(F.bytes + 28, (const uint8_t[]){ 203, 0, 113, 1 }, 4);
	memcpy(F.bytes + 38, (const uint8_t[]){ 203, 0, 113, 10 }, 4);
	bed_send(b, LAN_VIF, &F);
	flow_frame(&F2, b, 4, UDP("10.0.2.14", FAR4, 2, 53), 10);
	bed_send(b, 4, &F2);
	bed_run(b);
	EXPECT_FLOW(b, LAN_VIF, UDP("10.0.2.14", FAR4, 1, 53));
	EXPECT_FLOW(b, LAN_VIF, UDP("10.0.2.14", FAR4, 2, 53));
}

static void who_does_not_answer_is_asked_three_times(void **state)
{
	struct bed *b = *state;

	routed_describe(b);
	bed_apply(b);
	flow_step(b, 4, UDP("10.0.2.14", FAR4, 5000, 53), 10);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(vif_mem_count(b->vif[LAN_VIF]), 1);
		bed_clear(b);
		bed_tick(b); /* too early */
		assert_int_equal(vif_mem_count(b->vif[LAN_VIF]), 0);
		bed_warp(b, NS_PER_SEC);
		assert_true(pipeline_due_ns(b->pipeline) != 0
			&& pipeline_due_ns(b->pipeline) <= b->io.now_ns);
		bed_tick(b);
	}
	EXPECT_NOTHING(b, LAN_VIF);
	EXPECT_ICMP(b, 4, "10.0.2.1", 3, 1);
	expect_dropped(b, 4, DROP_NEIGH_FAILED);
	assert_int_equal(neigh_held(pipeline_neigh(b->pipeline)), 0);
	assert_int_equal(pipeline_due_ns(b->pipeline), 0);
}

static void a_stale_neighbour_is_used_and_asked(void **state)
{
	struct bed *b = routed_bed(state);

	bed_warp(b, 31 * NS_PER_SEC);
	flow_step(b, 4, UDP("10.0.2.14", FAR4, 5000, 53), 10);
	EXPECT_FLOW(b, LAN_VIF, UDP("10.0.2.14", FAR4, 5000, 53));
	answer(b, LAN_VIF);
	flow_step(b, 4, UDP("10.0.2.14", FAR4, 5000, 53), 10);
	EXPECT_FLOW(b, LAN_VIF, UDP("10.0.2.14", FAR4, 5000, 53));
	EXPECT_NOTHING(b, LAN_VIF);
}

static void a_scan_is_stopped_at_the_quota_and_hurts_nobody_else(void **state)
{
	struct bed *b = routed_bed(state);
	char to[32];

	for (unsigned i = 20; i < 20 + NEIGH_UNRESOLVED_MAX + 1; i++) {
		snprintf(to, sizeof(to), "203.0.113.%u", i);
		flow_step(b, 4, UDP("10.0.2.14", to, 5000, 53), 10);
	}
	expect_dropped(b, 4, DROP_NEIGH_TABLE_FULL);
	bed_clear(b);
	flow_step(b, 5, UDP("10.0.3.15", "203.0.113.200", 5000, 53), 10);
	answer(b, LAN_VIF);
	EXPECT_FLOW(b, LAN_VIF, UDP("10.0.3.15", "203.0.113.200", 5000, 53));
}

static void malformed_ip_to_a_router_is_dropped(void **state)
{
	struct bed *b = routed_bed(state);

	flow_frame(&F, b, 4, UDP("10.0.2.14", FAR4, 5000, 53), 100);
	F.bytes[14] = 0x44;
	bed_step(b, 4, &F);
	expect_dropped(b, 4, DROP_IP_MALFORMED);
	flow_frame(&F, b, 4, UDP("10.0.2.14", FAR4, 5000, 53), 100);
	F.bytes[24] ^= 1;
	bed_step(b, 4, &F);
	expect_dropped(b, 4, DROP_IP_CSUM);
	flow_step(b, 4, UDP("127.0.0.1", FAR4, 5000, 53), 100);
	expect_dropped(b, 4, DROP_IP_INVALID_SOURCE);
	flow_step(b, 4, UDP("10.0.2.1", FAR4, 5000, 53), 100); /* the gateway's own */
	expect_dropped(b, 4, DROP_IP_INVALID_SOURCE);
	flow_step(b, 4, UDP("fe80::14", FAR6, 5000, 53), 100);
	expect_dropped(b, 4, DROP_IP_INVALID_SOURCE);
	flow_step(b, 4, UDP("10.0.2.14", "224.0.0.1", 5000, 53), 100);
	expect_dropped(b, 4, DROP_IP_INVALID_DEST);
	flow_step(b, 4, UDP("10.0.2.14", "255.255.255.255", 5000, 53), 100);
	expect_dropped(b, 4, DROP_IP_INVALID_DEST);
	flow_step(b, 4, UDP("fd00:2::14", "ff0e::1", 5000, 53), 100);
	expect_dropped(b, 4, DROP_IP_INVALID_DEST);
	EXPECT_NOTHING(b, LAN_VIF);
	EXPECT_NOTHING(b, 4);
}

static void source_routes_are_not_followed(void **state)
{
	struct bed *b = routed_bed(state);
	uint16_t sum;

	flow_frame(&F, b, 4, UDP("10.0.2.14", FAR4, 5000, 53), 100);
	memmove(F.bytes + 34 + 8, F.bytes + 34, F.len - 34);
	memcpy(F.bytes + 34, (const uint8_t[]){ 131, 7, 4, 10, 0, 0, 1, 0 }, 8);
	F.len += 8;
	F.bytes[14] = 0x47;
	F.bytes[17] = (uint8_t)(F.len - 14);
	memset(F.bytes + 24, 0, 2);
	sum = (uint16_t)~sum_of(F.bytes + 14, 28, 0);
	F.bytes[24] = (uint8_t)(sum >> 8);
	F.bytes[25] = (uint8_t)sum;
	bed_step(b, 4, &F);
	expect_dropped(b, 4, DROP_IP_SOURCE_ROUTE);
	EXPECT_NOTHING(b, LAN_VIF);
}

static void other_protocols_to_an_uplinks_port_are_dropped(void **state)
{
	struct bed *b = routed_bed(state);

	frame_eth(&F, MAC_OF(0xf9), MAC_OF(LAN_VIF));
	frame_payload(&F, 50);
	bed_step(b, LAN_VIF, &F);
	expect_dropped(b, LAN_VIF, DROP_UNHANDLED_PROTO);
}

static void nobody_listens_on_the_uplinks_address(void **state)
{
	struct bed *b = routed_bed(state);

	flow_step(b, LAN_VIF, TCP(FAR4, UP4, 5000, 22, 2), 0);
	EXPECT_ICMP(b, LAN_VIF, UP4, 3, 3);
	expect_dropped(b, LAN_VIF, DROP_NO_SOCKET);
}

static void the_lan_is_not_routed_back_into_itself(void **state)
{
	struct bed *b = routed_bed(state);

	flow_step(b, LAN_VIF, UDP("203.0.113.77", FAR4, 5000, 53), 10);
	expect_dropped(b, LAN_VIF, DROP_POLICY_REJECT);
}

static void routed_frames_teach_nobody_the_routers_mac(void **state)
{
	struct bed *b = routed_bed(state);
	uint32_t n = fdb_count(b->fdb, 4) + fdb_count(b->fdb, LAN_VIF);

	flow_step(b, 4, UDP("10.0.2.14", FAR4, 5000, 53), 10);
	flow_step(b, LAN_VIF, UDP(FAR4, "10.0.2.14", 53, 5000), 10);
	assert_int_equal(fdb_count(b->fdb, 4) + fdb_count(b->fdb, LAN_VIF), n);
	assert_int_equal(
		fdb_find(b->fdb, b->cfg, UPLINK_NET, 0, MAC_OF(0xf9), b->io.now_ns), VIF_ID_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(routed_networks_pass_both_ways_untranslated),
		BED_TESTS(a_source_of_another_guests_network_does_not_leave_an_open_one),
		BED_TESTS(open_networks_have_no_rules),
		BED_TESTS(a_source_outside_the_subnet_is_rejected),
		BED_TESTS(new_connections_to_nat_guests_are_rejected),
		BED_TESTS(ipv6_of_a_nat_network_is_routed_unless_told),
		BED_TESTS(guests_networks_do_not_reach_each_other),
		BED_TESTS(a_route_between_guests_networks_can_be_given),
		BED_TESTS(a_route_by_a_guest_leads_there_as_far_as_the_mode_lets_it),
		BED_TESTS(guests_of_one_network_are_routed_back_untranslated),
		BED_TESTS(what_is_for_the_host_goes_to_the_leg_as_it_is),
		BED_TESTS(the_uplink_answers_for_its_own_addresses),
		BED_TESTS(no_route_is_told_to_the_sender),
		BED_TESTS(a_ttl_that_runs_out_is_told_from_the_gateway),
		BED_TESTS(too_large_packets_are_told_the_mtu),
		BED_TESTS(of_super_frames_the_segments_count),
		BED_TESTS(errors_are_limited_for_each_vif),
		BED_TESTS(errors_are_not_answered_by_errors),
		BED_TESTS(a_packet_waits_for_its_neighbour),
		BED_TESTS(a_guest_that_asked_its_leg_need_not_be_asked),
		BED_TESTS(what_follows_an_answer_in_a_burst_comes_after_what_waited),
		BED_TESTS(who_does_not_answer_is_asked_three_times),
		BED_TESTS(a_stale_neighbour_is_used_and_asked),
		BED_TESTS(a_scan_is_stopped_at_the_quota_and_hurts_nobody_else),
		BED_TESTS(malformed_ip_to_a_router_is_dropped),
		BED_TESTS(source_routes_are_not_followed),
		BED_TESTS(other_protocols_to_an_uplinks_port_are_dropped),
		BED_TESTS(nobody_listens_on_the_uplinks_address),
		BED_TESTS(the_lan_is_not_routed_back_into_itself),
		BED_TESTS(routed_frames_teach_nobody_the_routers_mac),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
