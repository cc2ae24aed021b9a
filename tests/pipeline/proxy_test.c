/* SPDX-License-Identifier: Apache-2.0 */
/* proxy_test.c - what Linux' test_bridge_neigh_suppress.sh asks of ARP and ND suppression.
 *
 *      v1 (asks)   v2   v3 (--neigh-suppress: a tunnel to stations 7, 8 and 9)
 *       \         |    /
 *        +-------n1----+
 *
 * Known are 10.0.0.7 and fd00::7 of station 7, 10.0.0.2 of station 2, and 10.0.0.9 of station 9, which is nowhere
 * to be found.
 */
#include "tests/lib/bed.h"
#include "tests/lib/unit.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

static struct frame F;

#define IP(n) ((const uint8_t[4]){ 10, 0, 0, (n) })
#define IP6(n) ((const uint8_t[16]){ 0xfd, [15] = (n) })
#define ANY6 ((const uint8_t[16]){ 0 })
#define NODE_GROUP(n) ((const uint8_t[6]){ 0x33, 0x33, 0xff, 0, 0, (n) })

static struct bed *three(void **state, bool is_on)
{
	struct bed *b = *state;

	bed_network(b, 1);
	for (uint16_t id = 1; id <= 3; id++)
		bed_port(b, id, 1);
	if (is_on)
		b->port[2].flags |= SNAP_PORT_NEIGH_SUPPRESS;
	bed_station(b, 1, "10.0.0.2", MAC_OF(2));
	bed_station(b, 1, "10.0.0.7", MAC_OF(7));
	bed_station(b, 1, "10.0.0.9", MAC_OF(9));
	bed_station(b, 1, "fd00::7", MAC_OF(7));
	bed_apply(b);
	for (unsigned i = 0; i < 4; i++) {
		static const struct {
			uint16_t vif;
			uint8_t mac;
		} seen[] = { { 1, 1 }, { 2, 2 }, { 3, 7 }, { 3, 8 } };

		frame_simple(&F, MAC_BCAST, MAC_OF(seen[i].mac), 20);
		bed_step(b, seen[i].vif, &F);
	}
	bed_clear(b);
	return b;
}

static void arp(const uint8_t *eth_dst, uint8_t op, const uint8_t *spa, const uint8_t *tpa)
{
	frame_eth(&F, eth_dst, MAC_OF(1));
	frame_arp(&F);
	frame_end(&F);
	F.bytes[14 + 7] = op;
	memcpy(F.bytes + 14 + 8, MAC_OF(1), 6);
	memcpy(F.bytes + 14 + 14, spa, 4);
	memset(F.bytes + 14 + 18, 0, 6);
	memcpy(F.bytes + 14 + 24, tpa, 4);
}

/* An ICMPv6 message of @type, from @src, about @target. */
static void nd(const uint8_t *eth_dst, uint8_t type, uint8_t flags, const uint8_t *src,
	const uint8_t *target)
{
	frame_eth(&F, eth_dst, MAC_OF(1));
	frame_ip6(&F, 58);
	frame_payload(&F, 32);
	frame_end(&F);
	F.bytes[14 + 7] = 255;
	memcpy(F.bytes + 14 + 8, src, 16);
	memset(F.bytes + 54, 0, 32);
	F.bytes[54] = type;
	F.bytes[58] = flags;
	memcpy(F.bytes + 62, target, 16);
	F.bytes[78] = 1;
	F.bytes[79] = 1;
	memcpy(F.bytes + 80, MAC_OF(1), 6);
}

/* F from v1 has reached v2 and v3 so often. */
static void goes(struct bed *b, unsigned to_v2, unsigned to_v3)
{
	struct mem_frame got;
	unsigned n[4] = { 0 };

	bed_step(b, 1, &F);
	for (uint16_t id = 2; id <= 3; id++)
		for (; vif_mem_take(b->vif[id], &got); free(got.bytes), n[id]++)
			assert_memory_equal(got.bytes, F.bytes, F.len);
	assert_int_equal(n[2], to_v2);
	assert_int_equal(n[3], to_v3);
}

static struct mem_frame answer(struct bed *b)
{
	struct mem_frame got;

	assert_true(vif_mem_take(b->vif[1], &got));
	assert_null(frame_fault(got.bytes, got.len, false));
	EXPECT_NOTHING(b, 1);
	return got;
}

static void arp_for_a_known_station_is_answered_and_not_flooded_there(void **state)
{
	struct bed *b = three(state, true);
	struct mem_frame got;

	arp(MAC_BCAST, 1, IP(1), IP(7));
	goes(b, 1, 0);
	got = answer(b);
	assert_int_equal(got.len, 42);
	assert_memory_equal(got.bytes, MAC_OF(1), 6);
	assert_memory_equal(got.bytes + 6, MAC_OF(7), 6);
	assert_int_equal(got.bytes[14 + 7], 2);
	assert_memory_equal(got.bytes + 14 + 8, MAC_OF(7), 6);
	assert_memory_equal(got.bytes + 14 + 14, IP(7), 4);
	assert_memory_equal(got.bytes + 14 + 18, MAC_OF(1), 6);
	assert_memory_equal(got.bytes + 14 + 24, IP(1), 4);
	free(got.bytes);
}

static void a_solicitation_for_a_known_station_is_answered_and_not_flooded_there(void **state)
{
	struct bed *b = three(state, true);
	struct mem_frame got;

	nd(NODE_GROUP(7), 135, 0, IP6(1), IP6(7));
	goes(b, 1, 0);
	got = answer(b);
	assert_memory_equal(got.bytes, MAC_OF(1), 6);
	assert_memory_equal(got.bytes + 6, MAC_OF(7), 6);
	assert_int_equal(got.bytes[14 + 7], 255);
	assert_memory_equal(got.bytes + 14 + 8, IP6(7), 16);
	assert_memory_equal(got.bytes + 14 + 24, IP6(1), 16);
	assert_int_equal(got.bytes[54], 136);
	assert_int_equal(got.bytes[58], 0x60); /* solicited, override; no router */
	assert_memory_equal(got.bytes + 62, IP6(7), 16);
	assert_int_equal(got.bytes[78], 2);
	assert_memory_equal(got.bytes + 80, MAC_OF(7), 6);
	free(got.bytes);
}

static void without_the_flag_everything_is_flooded(void **state)
{
	struct bed *b = three(state, false);

	arp(MAC_BCAST, 1, IP(1), IP(7));
	goes(b, 1, 1);
	nd(NODE_GROUP(7), 135, 0, IP6(1), IP6(7));
	goes(b, 1, 1);
	arp(MAC_BCAST, 1, IP(1), IP(1));
	goes(b, 1, 1);
	EXPECT_NOTHING(b, 1);
}

static void who_is_not_known_or_nowhere_is_asked_for_everywhere(void **state)
{
	struct bed *b = three(state, true);

	arp(MAC_BCAST, 1, IP(1), IP(8)); /* its address is not known */
	goes(b, 1, 1);
	arp(MAC_BCAST, 1, IP(1), IP(9)); /* where it is is not known */
	goes(b, 1, 1);
	nd(NODE_GROUP(8), 135, 0, IP6(1), IP6(8));
	goes(b, 1, 1);
	EXPECT_NOTHING(b, 1);
	bed_warp(b, 301 * UINT64_C(1000000000)); /* station 7 has not spoken for long */
	arp(MAC_BCAST, 1, IP(1), IP(7));
	goes(b, 1, 1);
	EXPECT_NOTHING(b, 1);
}

/* It answers itself; nobody else need hear it. */
static void a_known_station_elsewhere_is_not_asked_for_there(void **state)
{
	struct bed *b = three(state, true);

	arp(MAC_BCAST, 1, IP(1), IP(2));
	goes(b, 1, 0);
	EXPECT_NOTHING(b, 1);
}

static void announcements_and_probes_are_not_flooded_there(void **state)
{
	struct bed *b = three(state, true);

	arp(MAC_BCAST, 1, IP(1), IP(1));
	goes(b, 1, 0);
	arp(MAC_BCAST, 2, IP(1), IP(1));
	goes(b, 1, 0);
	arp(MAC_BCAST, 1, ((const uint8_t[4]){ 0 }), IP(7));
	goes(b, 1, 0);
	nd(NODE_GROUP(7), 135, 0, ANY6, IP6(7));
	goes(b, 1, 0);
	nd(((const uint8_t[6]){ 0x33, 0x33, 0, 0, 0, 1 }), 136, 0x20, IP6(1), IP6(1));
	goes(b, 1, 0);
	EXPECT_NOTHING(b, 1);
	b->port[1].flags &= ~(uint32_t)SNAP_PORT_UP; /* only v3 is left to hear it */
	bed_apply(b);
	bed_clear(b);
	arp(MAC_BCAST, 1, IP(1), IP(1));
	goes(b, 0, 0);
	assert_int_equal(bed_drops(b, 1, DROP_NO_TX_TARGET), 0);
}

static void what_is_sent_to_one_and_what_is_broken_goes_its_way(void **state)
{
	struct bed *b = three(state, true);

	arp(MAC_OF(7), 1, IP(1), IP(7));
	goes(b, 0, 1);
	nd(MAC_OF(7), 135, 0, IP6(1), IP6(7));
	goes(b, 0, 1);
	arp(MAC_BCAST, 2, IP(1), IP(7));
	goes(b, 1, 1);
	nd(NODE_GROUP(7), 135, 0, IP6(1), IP6(7));
	F.bytes[14 + 7] = 64; /* came over a router */
	goes(b, 1, 1);
	nd(NODE_GROUP(7), 136, 0x40, IP6(1), IP6(7));
	goes(b, 1, 1);
	EXPECT_NOTHING(b, 1);
}

static void who_is_behind_such_a_vif_asks_as_ever(void **state)
{
	struct bed *b = three(state, true);

	arp(MAC_BCAST, 1, IP(7), IP(2));
	memcpy(F.bytes + 6, MAC_OF(7), 6);
	bed_step(b, 3, &F);
	EXPECT_FRAME(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_NOTHING(b, 3);
}

static void in_a_vlan_the_answer_has_the_tag_of_the_question(void **state)
{
	struct bed *b = *state;
	struct mem_frame got;

	bed_network(b, 1)->vlan = SNAP_VLAN_8021Q;
	for (uint16_t id = 1; id <= 3; id++) {
		bed_port(b, id, 1);
		bed_vlan(b, id, 10, 20, 0);
	}
	b->port[2].flags |= SNAP_PORT_NEIGH_SUPPRESS;
	bed_station(b, 1, "10.0.0.7", MAC_OF(7));
	bed_apply(b);
	frame_eth(&F, MAC_BCAST, MAC_OF(7));
	frame_vlan(&F, 0x8100, 10);
	frame_ip4(&F, 17);
	frame_udp(&F, 7);
	frame_end(&F);
	bed_step(b, 3, &F);
	bed_clear(b);
	for (uint16_t vid = 10; vid <= 11; vid++) {
		arp(MAC_BCAST, 1, IP(1), IP(7));
		memmove(F.bytes + 16, F.bytes + 12, F.len - 12);
		F.len += 4;
		memcpy(F.bytes + 12, ((const uint8_t[4]){ 0x81, 0, 0, (uint8_t)vid }), 4);
		goes(b, 1, vid == 11); /* there nobody knows station 7 */
		if (vid == 11)
			continue;
		assert_true(vif_mem_take(b->vif[1], &got));
		assert_int_equal(got.len, 46);
		assert_memory_equal(got.bytes + 12, F.bytes + 12, 6);
		assert_memory_equal(got.bytes + 18 + 14, IP(7), 4);
		free(got.bytes);
	}
	EXPECT_NOTHING(b, 1);
}

static void answers_are_copied_as_what_enters_the_network(void **state)
{
	struct bed *b = three(state, true);
	struct mem_frame got, copy;

	bed_port(b, 9, NETWORK_ID_NONE);
	bed_mirror(b, 9, VIF_ID_NONE, 1)->ether_type = htobe16(0x0806);
	bed_apply(b);
	arp(MAC_BCAST, 1, IP(1), IP(7));
	goes(b, 1, 0);
	got = answer(b);
	EXPECT_FRAME(b, 9, &F);
	assert_true(vif_mem_take(b->vif[9], &copy));
	assert_int_equal(copy.len, got.len);
	assert_memory_equal(copy.bytes, got.bytes, got.len);
	EXPECT_NOTHING(b, 9);
	free(got.bytes);
	free(copy.bytes);
}

/* Nobody is left without an answer: what is too many for one turn is flooded. */
static void many_questions_are_all_answered_or_flooded(void **state)
{
	struct bed *b = three(state, true);
	unsigned n_answers, n_there;

	arp(MAC_BCAST, 1, IP(1), IP(7));
	for (unsigned i = 0; i < 1000; i++)
		bed_send(b, 1, &F);
	bed_run(b);
	n_answers = vif_mem_count(b->vif[1]);
	n_there = vif_mem_count(b->vif[3]);
	assert_int_equal(n_answers + n_there, 1000);
	assert_true(n_answers > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(arp_for_a_known_station_is_answered_and_not_flooded_there),
		BED_TESTS(a_solicitation_for_a_known_station_is_answered_and_not_flooded_there),
		BED_TESTS(without_the_flag_everything_is_flooded),
		BED_TESTS(who_is_not_known_or_nowhere_is_asked_for_everywhere),
		BED_TESTS(a_known_station_elsewhere_is_not_asked_for_there),
		BED_TESTS(announcements_and_probes_are_not_flooded_there),
		BED_TESTS(answers_are_copied_as_what_enters_the_network),
		BED_TESTS(what_is_sent_to_one_and_what_is_broken_goes_its_way),
		BED_TESTS(who_is_behind_such_a_vif_asks_as_ever),
		BED_TESTS(in_a_vlan_the_answer_has_the_tag_of_the_question),
		BED_TESTS(many_questions_are_all_answered_or_flooded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
