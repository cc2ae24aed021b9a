/* SPDX-License-Identifier: Apache-2.0 */
/* answer_test.c - who sends what is too large for a vif is told, where the network wants that.
 *
 *      v1 (mtu 9000)   v2 (mtu 1400)
 *       \             /
 *        +----n1-----+
 */
#include "bridge/icmp_error.h"
#include "tests/lib/bed.h"
#include "tests/lib/unit.h"

#include <stdlib.h>
#include <string.h>

static struct frame F;

static struct bed *two(void **state, bool is_on)
{
	struct bed *b = *state;
	struct snap_network *n = bed_network(b, 1);

	n->flags = is_on ? SNAP_NETWORK_MTU_ICMP : 0;
	bed_port(b, 1, 1)->mtu = 9000;
	bed_port(b, 2, 1)->mtu = 1400;
	bed_apply(b);
	frame_simple(&F, MAC_BCAST, MAC_OF(2), 20);
	bed_step(b, 2, &F);
	bed_clear(b);
	return b;
}

static void ip4(uint32_t payload, bool may_fragment)
{
	frame_simple(&F, MAC_OF(2), MAC_OF(1), payload);
	F.bytes[20] = may_fragment ? 0 : 0x40;
}

/* The answer that v1 has got; it must be whole. */
static struct mem_frame answer(struct bed *b)
{
	struct mem_frame got;

	assert_true(vif_mem_take(b->vif[1], &got));
	assert_null(frame_fault(got.bytes, got.len, false));
	EXPECT_NOTHING(b, 1);
	EXPECT_NOTHING(b, 2);
	return got;
}

static void a_sender_of_ipv4_is_told_the_mtu(void **state)
{
	struct bed *b = two(state, true);
	struct mem_frame got;

	ip4(3000, false);
	bed_step(b, 1, &F);
	got = answer(b);
	assert_memory_equal(got.bytes, MAC_OF(1), 6);
	assert_memory_equal(got.bytes + 6, MAC_OF(2), 6);
	assert_memory_equal(got.bytes + 26, F.bytes + 30, 4); /* on behalf of who was meant */
	assert_memory_equal(got.bytes + 30, F.bytes + 26, 4);
	assert_int_equal(got.bytes[34], 3); /* RFC 1191: fragmentation needed */
	assert_int_equal(got.bytes[35], 4);
	assert_int_equal(got.bytes[40] << 8 | got.bytes[41], 1400);
	assert_memory_equal(got.bytes + 42, F.bytes + 14, 28);
	free(got.bytes);
	assert_int_equal(bed_drops(b, 2, DROP_MTU_EXCEEDED), 1); /* it is lost all the same */
}

static void a_sender_of_ipv6_is_told_the_mtu_with_its_own_tags(void **state)
{
	struct bed *b = two(state, true);
	struct mem_frame got;

	frame_eth(&F, MAC_OF(2), MAC_OF(1));
	frame_vlan(&F, 0x8100, 5);
	frame_ip6(&F, 17);
	frame_udp(&F, 7);
	frame_payload(&F, 3000);
	frame_end(&F);
	bed_step(b, 1, &F);
	got = answer(b);
	assert_memory_equal(got.bytes + 12, F.bytes + 12, 6);
	assert_int_equal(got.bytes[18 + 40], 2); /* RFC 4443 §3.2: packet too big */
	assert_int_equal(got.bytes[18 + 46] << 8 | got.bytes[18 + 47], 1400);
	free(got.bytes);
}

static void a_gso_frame_is_answered_once(void **state)
{
	struct bed *b = two(state, true);

	frame_super(&F, true, false, 60000);
	memcpy(F.bytes, MAC_OF(2), 6);
	memcpy(F.bytes + 6, MAC_OF(1), 6);
	bed_step(b, 1, &F);
	free(answer(b).bytes);
}

static void nobody_is_told_without_being_asked_for(void **state)
{
	struct bed *b = two(state, false);

	ip4(3000, false);
	bed_step(b, 1, &F);
	EXPECT_NOTHING(b, 1);
	assert_int_equal(bed_drops(b, 2, DROP_MTU_EXCEEDED), 1);
}

static void what_must_not_be_answered_is_not(void **state)
{
	struct bed *b = two(state, true);

	ip4(3000, true); /* a router would cut it, a bridge does not */
	bed_step(b, 1, &F);
	frame_simple(&F, MAC_BCAST, MAC_OF(1), 3000);
	F.bytes[20] = 0x40;
	bed_step(b, 1, &F);
	ip4(3000, false);
	F.bytes[26] = 224; /* from a group */
	bed_step(b, 1, &F);
	ip4(3000, false);
	F.bytes[23] = 1; /* about an ICMP error */
	F.bytes[34] = 3;
	bed_step(b, 1, &F);
	EXPECT_NOTHING(b, 1);
	assert_int_equal(bed_drops(b, 2, DROP_MTU_EXCEEDED), 4);
}

static void a_flood_of_large_frames_is_answered_no_more_than_the_limit(void **state)
{
	struct bed *b = two(state, true);

	ip4(2000, false);
	for (unsigned i = 0; i < 1000; i++)
		bed_send(b, 1, &F);
	bed_run(b);
	assert_int_equal(vif_mem_count(b->vif[1]), ICMP_VIF_RATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(a_sender_of_ipv4_is_told_the_mtu),
		BED_TESTS(a_sender_of_ipv6_is_told_the_mtu_with_its_own_tags),
		BED_TESTS(a_gso_frame_is_answered_once),
		BED_TESTS(nobody_is_told_without_being_asked_for),
		BED_TESTS(what_must_not_be_answered_is_not),
		BED_TESTS(a_flood_of_large_frames_is_answered_no_more_than_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
