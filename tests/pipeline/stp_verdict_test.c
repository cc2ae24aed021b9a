/* SPDX-License-Identifier: Apache-2.0 */
/* stp_verdict_test.c - what the kernel does by itself ends with the state of a port.
 *
 *   root - v1   v3   v4   (v1 to v4 in network 1, which has a spanning tree;
 *   root - v2             v3 and v4 are guests, edges of it)
 *
 * The addresses of v1 are learned where a test does not say otherwise. */
#include "tests/lib/bed.h"
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"

#include <string.h>

#define ONE_TEST(f)                                                                 \
	{                                                                           \
#f, f, bed_setup, bed_teardown, (void *)(uintptr_t)(1 | BED_CACHED) \
	}
#define HELLO_S 2

static struct frame F, G;

static uint8_t state_of(const struct bed *b, uint16_t vif_id)
{
	return stp_run_states(pipeline_stp(b->pipeline))[vif_id];
}

static void hear(struct bed *b, uint16_t vif_id, uint8_t priority, uint8_t flags)
{
	frame_bpdu(&G, priority, flags);
	bed_step(b, vif_id, &G);
	bed_tick(b);
	bed_clear(b);
}

static void say_hello(struct bed *b, uint16_t vif_id)
{
	frame_simple(&G, MAC_BCAST, MAC_OF(vif_id), 20);
	bed_step(b, vif_id, &G);
	bed_clear(b);
}

/* Frame @f, from @from to @to, goes by the kernel where there is one. */
static void warm(struct bed *b, uint16_t from, uint16_t to, struct frame *f)
{
	uint64_t before = b->n_cached;

	frame_simple(f, MAC_OF(to), MAC_OF(from), 100);
	for (unsigned i = 0; i < 3; i++) {
		bed_step(b, from, f);
		EXPECT_FRAME(b, to, f);
	}
	bed_clear(b);
	if (b->verdicts != NULL && !b->is_bumped)
		assert_int_equal(b->n_cached, before + 2);
}

static struct bed *describe(void **state)
{
	struct bed *b = *state;

	bed_network(b, 1);
	for (uint16_t id = 1; id <= 4; id++)
		bed_port(b, id, 1);
	bed_stp(b, 1, 2);
	bed_stp_port(b, 2, 0);
	bed_stp_port(b, 3, SNAP_STP_EDGE);
	bed_stp_port(b, 4, SNAP_STP_EDGE);
	return b;
}

/* The root is behind v1, and everybody has been heard. */
static void settle(struct bed *b)
{
	bed_apply(b);
	bed_tick(b);
	hear(b, 1, 0x10, FRAME_BPDU_RST);
	assert_int_equal(state_of(b, 1), STP_STATE_FORWARDING);
	say_hello(b, 1);
	say_hello(b, 3);
	say_hello(b, 4);
}

/* v2 is a designated port too, and nobody has said anything for long. */
static void open_both(struct bed *b)
{
	settle(b);
	for (unsigned s = 0; s < 40 && state_of(b, 2) != STP_STATE_FORWARDING; s++) {
		bed_warp(b, NS_PER_SEC);
		hear(b, 1, 0x10, FRAME_BPDU_RST);
	}
	assert_int_equal(state_of(b, 2), STP_STATE_FORWARDING);
	for (uint16_t id = 1; id <= 4; id++)
		say_hello(b, id);
}

/* A better root is heard behind v2: v1 is not the way any more. */
static void turn_away(struct bed *b)
{
	hear(b, 2, 0x00, FRAME_BPDU_RST);
	assert_int_equal(state_of(b, 2), STP_STATE_FORWARDING);
	assert_int_equal(state_of(b, 1), STP_STATE_BLOCKED);
}

static void port_that_ceases_to_forward_is_no_way_in_from_the_next_frame_on(void **state)
{
	struct bed *b = describe(state);

	b->port[0].flags &= ~(uint32_t)SNAP_PORT_LEARN; /* no record that could be forgotten */
	settle(b);
	warm(b, 1, 3, &F);
	turn_away(b);
	bed_step(b, 1, &F);
	EXPECT_NOTHING(b, 3);
	assert_int_equal(bed_drops(b, 1, DROP_BRIDGE_INGRESS_STP_STATE), 1);
}

static void port_that_ceases_to_forward_is_no_way_out_from_the_next_frame_on(void **state)
{
	struct bed *b = describe(state);

	settle(b);
	warm(b, 3, 1, &F);
	turn_away(b);
	bed_step(b, 3, &F);
	EXPECT_NOTHING(b, 1);
	EXPECT_FRAME(b, 2, &F); /* by the new way */
}

static void what_came_before_the_news_in_the_same_burst_opens_no_way(void **state)
{
	struct bed *b = describe(state);

	b->port[1].flags &= ~(uint32_t)SNAP_PORT_LEARN;
	open_both(b);
	frame_simple(&F, MAC_OF(3), MAC_OF(2), 100);
	bed_send(b, 2, &F);
	frame_bpdu(&G, 0x10, FRAME_BPDU_RST); /* the root is behind v2 as well */
	bed_send(b, 2, &G);
	bed_run(b);
	assert_int_equal(state_of(b, 2), STP_STATE_BLOCKED);
	EXPECT_FRAME(b, 3, &F);
	bed_clear(b);
	bed_step(b, 2, &F);
	EXPECT_NOTHING(b, 3);
	assert_int_equal(bed_drops(b, 2, DROP_BRIDGE_INGRESS_STP_STATE), 1);
}

static void topology_change_leaves_the_ways_to_guests_and_to_its_teller(void **state)
{
	struct bed *b = describe(state);

	settle(b);
	warm(b, 4, 3, &F);
	hear(b, 1, 0x10, FRAME_BPDU_RST | FRAME_BPDU_TC);
	bed_step(b, 4, &F);
	EXPECT_FRAME(b, 3, &F);
	EXPECT_NOTHING(b, 1);
	frame_simple(&F, MAC_OF(1), MAC_OF(3), 100);
	bed_step(b, 3, &F);
	EXPECT_FRAME(b, 1, &F);
	EXPECT_NOTHING(b, 4);
}

static void addresses_behind_the_other_ports_are_forgotten_with_their_verdicts(void **state)
{
	struct bed *b = describe(state);

	open_both(b);
	warm(b, 3, 2, &F);
	hear(b, 1, 0x10, FRAME_BPDU_RST | FRAME_BPDU_TC);
	bed_step(b, 3, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_FRAME(b, 1, &F); /* flooded: nobody knows any more */
}

static void guarded_vif_is_no_way_in_from_the_next_frame_on(void **state)
{
	struct bed *b = describe(state);

	b->n_stp = 0;
	b->stp_port[1].flags = SNAP_STP_BPDU_GUARD; /* v3 */
	bed_apply(b);
	say_hello(b, 3);
	say_hello(b, 4);
	warm(b, 3, 4, &F);
	hear(b, 3, 0x10, FRAME_BPDU_RST);
	bed_step(b, 3, &F);
	EXPECT_NOTHING(b, 4);
	frame_simple(&F, MAC_OF(3), MAC_OF(4), 100);
	bed_step(b, 4, &F);
	EXPECT_NOTHING(b, 3);
}

static void spanning_tree_that_is_switched_on_ends_the_kernels_ways(void **state)
{
	struct bed *b = describe(state);

	b->n_stp = 0;
	bed_apply(b);
	say_hello(b, 1);
	say_hello(b, 3);
	warm(b, 1, 3, &F);
	bed_stp(b, 1, 2);
	bed_apply(b);
	assert_int_equal(state_of(b, 1), STP_STATE_BLOCKED);
	bed_tick(b);
	bed_clear(b);
	bed_step(b, 1, &F);
	EXPECT_NOTHING(b, 3);
}

/* Engine and daemon are dead: who is in a tree goes on for as long as the neighbours wait for us. */
static void trees_are_not_forwarded_on_without_an_engine(void **state)
{
	struct bed *b = describe(state);
	uint64_t before;

	bed_network(b, 2);
	bed_port(b, 5, 2);
	bed_port(b, 6, 2);
	settle(b);
	say_hello(b, 5);
	say_hello(b, 6);
	warm(b, 5, 6, &G);
	warm(b, 1, 3, &F);
	bed_warp(b, NS_PER_SEC);
	bed_tick(b); /* the last second that anybody counts */
	bed_clear(b);
	before = b->n_cached;
	b->kernel.has_no_socket = true;
	b->kernel.may_lose = true;
	bed_warp(b, 2 * HELLO_S * NS_PER_SEC - NS_PER_MS);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 3, &F);
	bed_warp(b, 2 * NS_PER_MS);
	bed_step(b, 1, &F);
	EXPECT_NOTHING(b, 3);
	bed_step(b, 5, &G); /* a network without a tree */
	EXPECT_FRAME(b, 6, &G);
	assert_int_equal(b->n_cached, before + 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		BED_TESTS(port_that_ceases_to_forward_is_no_way_in_from_the_next_frame_on),
		BED_TESTS(port_that_ceases_to_forward_is_no_way_out_from_the_next_frame_on),
		BED_TESTS(what_came_before_the_news_in_the_same_burst_opens_no_way),
		BED_TESTS(topology_change_leaves_the_ways_to_guests_and_to_its_teller),
		BED_TESTS(addresses_behind_the_other_ports_are_forgotten_with_their_verdicts),
		BED_TESTS(guarded_vif_is_no_way_in_from_the_next_frame_on),
		BED_TESTS(spanning_tree_that_is_switched_on_ends_the_kernels_ways),
		ONE_TEST(trees_are_not_forwarded_on_without_an_engine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
