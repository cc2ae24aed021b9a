/* SPDX-License-Identifier: Apache-2.0 */
/* mdb_limits_test.c - what hostile or broken messages may do to groups, our own queries, VLANs. */
#include "bridge/mcast_msg.h"
#include "tests/lib/mdb_bed.h"
#include "tests/lib/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S NS_PER_SEC

static struct frame F;

static void drop_mcast_guard_for_queries_of_who_may_not_ask(void **state)
{
	struct bed *b = *state;

	mdb_bed(b, 0);
	bed_mcast_vif(b, 2, 0)->router = SNAP_MCAST_ROUTER_DENY;
	bed_apply(b);
	assert_string_equal(mdb_ask(b, 2, "query 4"), "");
	assert_string_equal(mdb_ask(b, 2, "query 6"), "");
	assert_string_equal(mdb_ask(b, 2, "query3 239.1.1.1 10.0.0.1"), "");
	assert_string_equal(mdb_ask(b, 2, "pim"), "");
	assert_string_equal(mdb_ask(b, 2, "mrd 6"), "");
	assert_int_equal(bed_drops(b, 2, DROP_MCAST_GUARD), 5);
	bed_warp(b, 20 * S);
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "2 3 4 5");
}

static void malformed_messages_change_nothing(void **state)
{
	static const char *const bad4[] = { "join 239.1.1.1 csum", "join 239.1.1.1 cut=1",
		"to_ex 239.1.1.1 1.1.1.1 cut=1", "to_ex 239.1.1.1 1.1.1.1 cut=9",
		"query 4 dst=224.0.0.7", "query3 4 cut=1", "query 4 csum" };
	static const char *const bad6[] = { "join ff1e::1 csum", "to_ex ff1e::1 fd00::1 cut=1",
		"query 6 dst=ff02::2", "query 6 src=fd00::5", "query3 6 cut=1", "query 6 csum" };
	struct bed *b = *state;

	mdb_bed(b, SNAP_MCAST_IGMP3 | SNAP_MCAST_MLD2);
	for (unsigned i = 0; i < ARRAY_LEN(bad4); i++)
		assert_string_equal(mdb_ask(b, 2, bad4[i]), "");
	for (unsigned i = 0; i < ARRAY_LEN(bad6); i++)
		assert_string_equal(mdb_ask(b, 2, bad6[i]), "");
	assert_int_equal(bed_drops(b, 2, DROP_IGMP_MALFORMED), ARRAY_LEN(bad4));
	assert_int_equal(bed_drops(b, 2, DROP_MLD_MALFORMED), ARRAY_LEN(bad6));
	assert_int_equal(mdb_count_network(pipeline_mdb(b->pipeline), 1), 0);
	bed_warp(b, 20 * S);
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "2 3 4 5");
	assert_string_equal(mdb_ask(b, 1, "data ff1e::1"), "2 3 4 5");
}

/* A report of two records; the second one says that it has a source, and ends there. */
static void no_record_of_a_broken_report_counts(void **state)
{
	static const uint8_t second[8] = { MCAST_IS_EX, 0, 0, 1, 239, 1, 1, 2 };
	struct bed *b = *state;
	uint8_t *igmp = F.bytes + 14 + 24;
	uint32_t sum = 0;

	mdb_asked_bed(b, SNAP_MCAST_IGMP3);
	F.len = mcast_frame(F.bytes, 2, "is_ex 239.1.1.1");
	memcpy(F.bytes + F.len, second, sizeof(second));
	F.len += sizeof(second);
	F.bytes[17]
		= (uint8_t)(F.bytes[17] + sizeof(second)); /* IP's length; its sum is nobody's */
	igmp[2] = igmp[3] = 0;
	igmp[7] = 2;
	for (const uint8_t *at = igmp; at < F.bytes + F.len; at += 2)
		sum += (uint32_t)at[0] << 8 | at[1];
	sum = 0xffff ^ ((sum & 0xffff) + (sum >> 16));
	igmp[2] = (uint8_t)(sum >> 8);
	igmp[3] = (uint8_t)sum;
	bed_step(b, 2, &F);
	assert_string_equal(mdb_heard(b), "");
	assert_int_equal(bed_drops(b, 2, DROP_IGMP_MALFORMED), 1);
	assert_int_equal(mdb_count_network(pipeline_mdb(b->pipeline), 1), 0);
}

/* The router asks for a neighbour's MAC, at a group that nobody has joined. */
static void the_routers_own_group_frames_are_flooded(void **state)
{
	struct bed *b = *state;

	bed_network(b, 2)->mode = NETWORK_MODE_OPEN;
	bed_network(b, 3);
	for (uint16_t i = 1; i <= 3; i++)
		bed_port(b, i, 2);
	bed_port(b, 4, 3);
	bed_router(b, 2, SNAP_POLICY_OPEN, 3);
	bed_router(b, 3, SNAP_POLICY_UPLINK, 0);
	bed_addr(b, 2, "fd02::1/64");
	bed_addr(b, 3, "fd03::1/64");
	bed_route(b, 3, "fd02::/64", 2, NULL);
	bed_mcast(b, 2);
	bed_apply(b);
	mdb_ask(b, 3, "query 6");
	bed_warp(b, 10 * S);
	frame_eth(&F, b->router[1].mac, MAC_OF(4));
	frame_ip6(&F, 17);
	frame_udp(&F, 53);
	frame_payload(&F, 8);
	frame_end(&F);
	memcpy(F.bytes + 14 + 8, (const uint8_t[16]){ 0xfd, 3, [15] = 9 }, 16);
	memcpy(F.bytes + 14 + 24, (const uint8_t[16]){ 0xfd, 2, [15] = 9 }, 16);
	bed_step(b, 4, &F);
	assert_string_equal(mdb_heard(b), "1 2 3");
}

static void ip_that_does_not_add_up_is_not_sent_to_groups(void **state)
{
	struct bed *b = *state;

	mdb_bed(b, 0);
	F.len = mcast_frame(F.bytes, 2, "data 239.1.1.1");
	F.bytes[14] = 0x44;
	bed_step(b, 2, &F);
	assert_string_equal(mdb_heard(b), "");
	F.len = mcast_frame(F.bytes, 2, "data ff1e::1");
	F.bytes[18] = 0xff;
	bed_step(b, 2, &F);
	assert_string_equal(mdb_heard(b), "");
	assert_int_equal(bed_drops(b, 2, DROP_IP_MALFORMED), 2);
}

static void drop_mcast_no_member_is_told_from_a_report(void **state)
{
	struct bed *b = *state;

	mdb_bed(b, SNAP_MCAST_QUERIER);
	bed_tick(b);
	bed_clear(b);
	bed_warp(b, 10 * S);
	assert_string_equal(mdb_ask(b, 2, "join 239.1.1.1"), "");
	assert_string_equal(mdb_ask(b, 2, "data 239.1.1.1"), "");
	assert_string_equal(mdb_ask(b, 2, "data 239.1.1.2"), "");
	assert_int_equal(bed_drops(b, 2, DROP_MCAST_NO_MEMBER), 2);
	assert_int_equal(bed_drops(b, 2, DROP_NO_TX_TARGET), 0);
}

static void drop_mcast_limit_of_a_vif(void **state)
{
	struct bed *b = *state;
	char words[64];

	mdb_asked_bed(b, SNAP_MCAST_IGMP3);
	bed_mcast_vif(b, 2, 0)->limit = 4;
	bed_apply(b);
	for (unsigned i = 0; i < 8; i++) {
		snprintf(words, sizeof(words), "join 239.1.1.%u", i);
		assert_string_equal(mdb_ask(b, 2, words), i < 4 ? "5" : "");
	}
	assert_int_equal(bed_drops(b, 2, DROP_MCAST_LIMIT), 4);
	assert_int_equal(b->io.vif_counters[2].mcast_refused, 4);
	assert_int_equal(mdb_count_vif(pipeline_mdb(b->pipeline), 2), 4);
	/* others are not touched by it */
	assert_string_equal(mdb_ask(b, 3, "join 239.1.1.7"), "5");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.7"), "3 5");
	/* sources count too; they are left out, and the frame goes on */
	bed_mcast_vif(b, 4, 0)->limit = 4;
	bed_apply(b);
	mdb_ask(b, 4, "is_in 239.1.1.9 1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5");
	assert_int_equal(mdb_count_vif(pipeline_mdb(b->pipeline), 4), 4);
	assert_int_equal(b->io.vif_counters[4].mcast_refused, 2);
}

static void a_full_network_floods_rather_than_loses(void **state)
{
	struct bed *b = *state;
	struct snap_mcast *conf = mdb_asked_bed(b, 0);
	char words[64];

	conf->network.limit = 16;
	bed_apply(b);
	for (unsigned i = 0; i < 20; i++) {
		snprintf(words, sizeof(words), "join 239.1.1.%u", i);
		mdb_ask(b, 2, words);
	}
	assert_int_equal(mdb_count_network(pipeline_mdb(b->pipeline), 1), 16);
	assert_int_equal(bed_drops(b, 2, DROP_MCAST_LIMIT), 4);
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.19"), "2 3 4 5");
	mdb_ask(b, 5, "query 4");
	bed_warp(b, 250 * S);
	mdb_ask(b, 5, "query 4");
	bed_warp(b, 10 * S);
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.19"), "5");
}

static void drop_mcast_rate_of_a_vif(void **state)
{
	struct bed *b = *state;
	unsigned n = 0;

	mdb_bed(b, 0);
	bed_mcast_vif(b, 2, 0)->rate = 100;
	bed_apply(b);
	for (unsigned i = 0; i < 1000; i++)
		n += strcmp(mdb_ask(b, 2, "join 239.1.1.1"), "") != 0;
	assert_in_range(n, 100, 102);
	assert_int_equal(bed_drops(b, 2, DROP_MCAST_RATE), 1000 - n);
	bed_warp(b, S);
	assert_string_equal(mdb_ask(b, 2, "join 239.1.1.1"), "1 3 4 5");
}

static void our_own_querier_asks(void **state)
{
	struct bed *b = *state;

	mdb_bed(b, SNAP_MCAST_QUERIER);
	assert_int_equal(pipeline_due_ns(b->pipeline), 1);
	bed_tick(b);
	assert_int_equal(mdb_queries(b, 1), 2);
	assert_int_equal(pipeline_due_ns(b->pipeline), b->io.now_ns + 31250 * NS_PER_MS);
	mdb_wait(b, 31250 * NS_PER_MS);
	assert_int_equal(mdb_queries(b, 1), 2);
	assert_int_equal(pipeline_due_ns(b->pipeline), b->io.now_ns + 125 * S);
	mdb_wait(b, 125 * S);
	assert_int_equal(mdb_queries(b, 5), 6);
	/* a vif that comes up is asked at once, the others are not */
	bed_clear(b);
	bed_port(b, 6, 1);
	bed_apply(b);
	bed_tick(b);
	assert_int_equal(mdb_queries(b, 6), 2);
	assert_int_equal(mdb_queries(b, 1), 0);
}

static void our_own_querier_gives_way_and_comes_back(void **state)
{
	struct bed *b = *state;

	mdb_bed(b, SNAP_MCAST_QUERIER);
	bed_tick(b);
	mdb_ask(b, 5, "query 4");
	mdb_ask(b, 5, "query 6 src=fe80::1"); /* lower than ours */
	bed_clear(b);
	mdb_wait(b, 31250 * NS_PER_MS);
	assert_int_equal(mdb_queries(b, 1), 0);
	mdb_wait(b, 254 * S - 31250 * NS_PER_MS);
	assert_int_equal(mdb_queries(b, 1), 0);
	mdb_wait(b, S);
	assert_int_equal(mdb_queries(b, 1), 2);
	/* a higher one does not win */
	mdb_ask(b, 5, "query 6 src=fe80::ffff:ffff:ffff:ffff");
	bed_clear(b);
	mdb_wait(b, 31250 * NS_PER_MS);
	assert_int_equal(mdb_queries(b, 1), 2);
}

static void our_own_querier_asks_for_sources(void **state)
{
	struct bed *b = *state;

	mdb_bed(b, SNAP_MCAST_QUERIER | SNAP_MCAST_IGMP3 | SNAP_MCAST_MLD2);
	bed_tick(b);
	bed_warp(b, 10 * S);
	mdb_ask(b, 2, "is_in 239.1.1.1 1.1.1.1,1.1.1.2");
	mdb_ask(b, 2, "is_in ff1e::1 fd00::1");
	F.len = mcast_frame(F.bytes, 2, "block 239.1.1.1 1.1.1.1");
	bed_step(b, 2, &F);
	assert_int_equal(mdb_queries(b, 2), 1);
	assert_int_equal(mdb_queries(b, 1), 0);
	mdb_wait(b, S);
	assert_int_equal(mdb_queries(b, 2), 1);
	mdb_wait(b, S);
	assert_int_equal(mdb_queries(b, 2), 0);
	bed_clear(b);
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.1"), "");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.2"), "2");
	assert_string_equal(mdb_ask(b, 1, "data ff1e::1 fd00::1"), "2");
}

static void after_a_restart_groups_are_flooded_until_all_have_answered(void **state)
{
	struct bed *b = *state;

	mdb_asked_bed(b, 0);
	mdb_ask(b, 2, "join 239.1.1.1");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "2 5");
	bed_restart(b);
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "2 3 4 5");
	mdb_ask(b, 5, "query 4");
	mdb_ask(b, 2, "join 239.1.1.1");
	bed_warp(b, 10 * S);
	/* routers that only say hello have not been heard yet */
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "2 3 4 5");
	bed_warp(b, 25 * S);
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "2 5");
}

static void networks_do_not_hear_each_others_groups(void **state)
{
	struct bed *b = *state;

	mdb_asked_bed(b, 0);
	bed_network(b, 2);
	bed_port(b, 11, 2);
	bed_port(b, 12, 2);
	bed_port(b, 13, 2);
	bed_mcast(b, 2);
	bed_apply(b);
	mdb_ask(b, 2, "join 239.1.1.1");
	mdb_ask_from(b, 12, 12, "join 239.1.1.1");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "2 5");
	assert_string_equal(mdb_ask(b, 11, "data 239.1.1.1"), "12 13");
}

static void hostile_joins_stay_within_the_limits(void **state)
{
	struct bed *b = *state;
	struct snap_mcast *conf = mdb_asked_bed(b, SNAP_MCAST_IGMP3);

	conf->network.limit = 2048;
	for (uint16_t i = 1; i <= 4; i++)
		bed_mcast_vif(b, i, 0)->limit = 64;
	bed_apply(b);
	for (unsigned i = 0; i < 40000; i++) {
		char words[96];

		snprintf(words, sizeof(words),
			i % 2 ? "join 239.%u.%u.%u" : "is_ex 239.%u.%u.%u %s", i >> 16 & 255,
			i >> 8 & 255, i & 255, "1.2.3.4,1.2.3.5");
		F.len = mcast_frame(F.bytes, i % 4 + 1, words);
		bed_send(b, (uint16_t)(i % 4 + 1), &F);
		if (i % 1000 != 999)
			continue;
		bed_run(b);
		bed_clear(b);
		for (uint16_t k = 1; k <= 4; k++)
			assert_in_range(mdb_count_vif(pipeline_mdb(b->pipeline), k), 1, 64);
	}
	assert_in_range(mdb_count_network(pipeline_mdb(b->pipeline), 1), 64, 2048);
}

/* Network 1 is VLAN-aware: vif 1 tags VLANs 10 and 20; 2 and 3 are in 10, 4 and 5 in 20. */
static void vlan_bed(struct bed *b, uint8_t flags)
{
	bed_network(b, 1)->vlan = SNAP_VLAN_8021Q;
	for (uint16_t i = 1; i <= 5; i++)
		bed_port(b, i, 1);
	bed_vlan(b, 1, 10, 10, 0);
	bed_vlan(b, 1, 20, 20, 0);
	for (uint16_t i = 2; i <= 5; i++)
		bed_vlan(b, i, i < 4 ? 10 : 20, i < 4 ? 10 : 20,
			SNAP_VLAN_PVID | SNAP_VLAN_UNTAGGED);
	bed_mcast(b, 1)->flags = flags;
	bed_apply(b);
	bed_tick(b);
	bed_clear(b);
}

/* The same, from vif 1 with a tag. */
static const char *ask_tagged(struct bed *b, uint16_t vid, const char *words)
{
	uint8_t bytes[MCAST_FRAME_MAX];
	unsigned len = mcast_frame(bytes, 1, words);

	memset(&F.offload, 0, sizeof(F.offload));
	memcpy(F.bytes, bytes, 12);
	memcpy(F.bytes + 12, (const uint8_t[4]){ 0x81, 0, (uint8_t)(vid >> 8), (uint8_t)vid }, 4);
	memcpy(F.bytes + 16, bytes + 12, len - 12);
	F.len = len + 4;
	bed_step(b, 1, &F);
	return mdb_heard(b);
}

static void groups_are_of_a_vlan(void **state)
{
	struct bed *b = *state;

	vlan_bed(b, 0);
	assert_string_equal(ask_tagged(b, 10, "query 4"), "2 3");
	bed_warp(b, 10 * S);
	mdb_ask(b, 2, "join 239.1.1.1");
	mdb_ask(b, 4, "join 239.1.1.2");
	assert_string_equal(ask_tagged(b, 10, "data 239.1.1.1"), "2");
	assert_string_equal(ask_tagged(b, 20, "data 239.1.1.1"), "");
	assert_string_equal(ask_tagged(b, 20, "data 239.1.1.2"), "4");
	assert_string_equal(mdb_ask(b, 3, "data 239.1.1.1"), "1 2");
	/* who leaves the VLAN leaves its groups */
	bed_no_vlans(b, 2);
	bed_vlan(b, 2, 20, 20, SNAP_VLAN_PVID | SNAP_VLAN_UNTAGGED);
	bed_apply(b);
	assert_string_equal(ask_tagged(b, 10, "data 239.1.1.1"), "");
}

static void queriers_of_a_vlan_count_there_only(void **state)
{
	struct bed *b = *state;

	vlan_bed(b, SNAP_MCAST_PER_VLAN);
	ask_tagged(b, 10, "query 4");
	bed_warp(b, 10 * S);
	assert_string_equal(mdb_ask(b, 2, "data 239.1.1.1"), "1");
	assert_string_equal(mdb_ask(b, 4, "data 239.1.1.1"), "1 5");
}

static void our_own_querier_asks_in_each_vlan(void **state)
{
	struct bed *b = *state;
	struct mem_frame f;
	unsigned n10 = 0, n20 = 0;

	vlan_bed(b, SNAP_MCAST_PER_VLAN | SNAP_MCAST_QUERIER);
	mdb_wait(b, 31250 * NS_PER_MS);
	while (vif_mem_take(b->vif[1], &f)) {
		assert_int_equal(f.bytes[12], 0x81);
		n10 += f.bytes[15] == 10;
		n20 += f.bytes[15] == 20;
		free(f.bytes);
	}
	assert_int_equal(n10, 2);
	assert_int_equal(n20, 2);
	assert_int_equal(mdb_queries(b, 2), 2);
	assert_int_equal(mdb_queries(b, 5), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(no_record_of_a_broken_report_counts),
		BED_TESTS(the_routers_own_group_frames_are_flooded),
		BED_TESTS(drop_mcast_guard_for_queries_of_who_may_not_ask),
		BED_TESTS(malformed_messages_change_nothing),
		BED_TESTS(ip_that_does_not_add_up_is_not_sent_to_groups),
		BED_TESTS(drop_mcast_no_member_is_told_from_a_report),
		BED_TESTS(drop_mcast_limit_of_a_vif),
		BED_TESTS(a_full_network_floods_rather_than_loses),
		BED_TESTS(drop_mcast_rate_of_a_vif),
		BED_TESTS(our_own_querier_asks),
		BED_TESTS(our_own_querier_gives_way_and_comes_back),
		BED_TESTS(our_own_querier_asks_for_sources),
		BED_TESTS(after_a_restart_groups_are_flooded_until_all_have_answered),
		BED_TESTS(networks_do_not_hear_each_others_groups),
		BED_TESTS(groups_are_of_a_vlan),
		BED_TESTS(queriers_of_a_vlan_count_there_only),
		BED_TESTS(our_own_querier_asks_in_each_vlan),
		BED_TESTS(hostile_joins_stay_within_the_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
