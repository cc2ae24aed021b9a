/* SPDX-License-Identifier: Apache-2.0 */
/* flood_test.c - a storm of broadcasts does not hold up others.  Measured by work, not by time: what
 * one run of the pipeline copies is what another vif waits for at most. */
#include "bridge/bridge.h"
#include "tests/lib/bed.h"
#include "tests/lib/unit.h"
#include "vswitch/backlog.h"

#include <stdlib.h>
#include <string.h>

#define PORTS 60
#define SUPER 65000u

static struct frame F, SMALL;

/* One network of PORTS ports; the FDB knows vif 3. */
static struct bed *flood_bed(void **state)
{
	struct bed *b = *state;

	bed_network(b, 1);
	for (uint16_t i = 1; i <= PORTS; i++)
		bed_port(b, i, 1);
	bed_apply(b);
	frame_simple(&SMALL, MAC_BCAST, MAC_OF(3), 20);
	bed_step(b, 3, &SMALL);
	while (bed_held(b) > 0)
		bed_tick(b);
	bed_clear(b);
	frame_super(&F, false, false, SUPER); /* to somebody nobody knows */
	memcpy(F.bytes, MAC_OF(0x77), 6);
	memcpy(F.bytes + 6, MAC_OF(1), 6);
	return b;
}

static uint64_t bytes_sent(const struct bed *b)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < VIF_ID_MAX; i++)
		n += b->io.vif_counters[i].tx_bytes;
	return n;
}

static unsigned copies(const struct bed *b)
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->n_ports; i++)
		n += vif_mem_count(b->vif[b->port[i].vif_id]);
	return n;
}

/* Until nothing is left; each run copies no more than it may.  How many runs it took. */
static unsigned finish(struct bed *b)
{
	unsigned n = 0;

	for (; bed_held(b) > 0; n++) {
		uint64_t before = bytes_sent(b);

		assert_int_equal(bed_due_ns(b), 1); /* the worker comes back */
		bed_tick(b);
		assert_true(bytes_sent(b) > before);
		assert_true(bytes_sent(b) - before
			<= BRIDGE_FLOOD_BUDGET + (uint64_t)BACKLOG_MAX * SUPER);
		assert_true(n < 1000);
	}
	assert_int_equal(bed_due_ns(b), 0);
	return n;
}

static void a_flood_of_super_frames_is_spread_over_turns(void **state)
{
	struct bed *b = flood_bed(state);

	bed_step(b, 1, &F);
	assert_in_range(copies(b), 1, BRIDGE_FLOOD_BUDGET / SUPER + 1);
	assert_true(finish(b) >= 1);
	for (uint16_t v = 2; v <= PORTS; v++) /* each has its one copy */
		EXPECT_FRAME(b, v, &F);
	assert_int_equal(copies(b), 0);
	for (unsigned r = 1; r < DROP_N; r++)
		assert_int_equal(bed_drops(b, 1, (enum drop_reason)r), 0);
	assert_int_equal(rte_mempool_in_use_count(b->io.big_pool), 0);
}

static void another_vif_is_served_in_the_turn_it_speaks(void **state)
{
	struct bed *b = flood_bed(state);
	uint64_t before;

	for (unsigned i = 0; i < 64; i++)
		bed_send(b, 1, &F);
	bed_run(b);
	for (unsigned i = 0; i < 5; i++) {
		struct mem_frame got;

		bed_clear(b);
		bed_send(b, 1, &F); /* the storm goes on */
		frame_simple(&SMALL, MAC_OF(3), MAC_OF(2), 100 + i);
		bed_send(b, 2, &SMALL);
		before = bytes_sent(b);
		bed_run(b);
		assert_true(bytes_sent(b) - before
			<= 2 * (BRIDGE_FLOOD_BUDGET + (uint64_t)(BACKLOG_MAX + 2) * SUPER));
		for (bool is_there = false; !is_there;) {
			assert_true(vif_mem_take(b->vif[3], &got));
			is_there = got.len == SMALL.len;
			free(got.bytes);
		}
	}
	bed_clear(b);
	finish(b);
	bed_clear(b);
}

static void drop_flood_limit_is_the_storms_own_and_others_are_heard(void **state)
{
	struct bed *b = flood_bed(state);

	for (unsigned i = 0; i < 100; i++)
		bed_send(b, 1, &F);
	bed_run(b);
	bed_clear(b);
	frame_simple(&SMALL, MAC_BCAST, MAC_OF(2), 40);
	bed_step(b, 2, &SMALL);
	finish(b);
	assert_true(bed_drops(b, 1, DROP_FLOOD_LIMIT) > 0);
	assert_int_equal(bed_drops(b, 2, DROP_FLOOD_LIMIT), 0);
	for (uint16_t v = 3; v <= PORTS; v++) {
		unsigned n_small = 0;
		struct mem_frame got;

		while (vif_mem_take(b->vif[v], &got)) {
			n_small += got.len == SMALL.len;
			free(got.bytes);
		}
		assert_int_equal(n_small, 1);
	}
	bed_clear(b);
	assert_int_equal(rte_mempool_in_use_count(b->io.big_pool), 0);
}

static void ports_and_networks_may_go_while_a_flood_is_under_way(void **state)
{
	struct bed *b = flood_bed(state);

	for (unsigned i = 0; i < 4; i++)
		bed_step(b, 1, &F);
	b->n_ports = 40; /* vifs 41 to 60 leave the network */
	bed_apply(b);
	bed_tick(b);
	b->port[0].network_id = b->port[1].network_id = NETWORK_ID_NONE; /* the sender as well */
	bed_apply(b);
	finish(b);
	bed_clear(b);
	for (unsigned i = 0; i < 4; i++)
		bed_step(b, 3, &F);
	b->n_ports = 0;
	b->n_networks = 0;
	bed_apply(b);
	while (bed_held(b) > 0)
		bed_tick(b);
	b->n_ports = PORTS; /* for what they still hold */
	bed_clear(b);
	assert_int_equal(rte_mempool_in_use_count(b->io.big_pool), 0);
}

static void drop_vlan_filter_of_a_flood_whose_network_ceases_to_know_vlans(void **state)
{
	struct bed *b = flood_bed(state);

	b->network[0].vlan = SNAP_VLAN_8021Q;
	bed_apply(b);
	bed_step(b, 1, &F);
	assert_true(pipeline_held(b->pipeline) > 0);
	b->network[0].vlan = SNAP_VLAN_NONE;
	bed_apply(b);
	bed_tick(b);
	assert_int_equal(pipeline_held(b->pipeline), 0);
	assert_int_equal(bed_drops(b, 1, DROP_VLAN_FILTER), 1);
	bed_clear(b);
	assert_int_equal(rte_mempool_in_use_count(b->io.big_pool), 0);
}

static void what_is_left_of_a_flood_is_freed_with_the_pipeline(void **state)
{
	struct bed *b = flood_bed(state);

	bed_step(b, 1, &F);
	assert_true(bed_held(b) > 0);
	bed_restart(b);
	assert_int_equal(rte_mempool_in_use_count(b->io.big_pool), 0);
	bed_clear(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(a_flood_of_super_frames_is_spread_over_turns),
		BED_TESTS(another_vif_is_served_in_the_turn_it_speaks),
		BED_TESTS(drop_flood_limit_is_the_storms_own_and_others_are_heard),
		BED_TESTS(ports_and_networks_may_go_while_a_flood_is_under_way),
		BED_TESTS(drop_vlan_filter_of_a_flood_whose_network_ceases_to_know_vlans),
		BED_TESTS(what_is_left_of_a_flood_is_freed_with_the_pipeline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
