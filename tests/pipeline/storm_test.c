/* SPDX-License-Identifier: Apache-2.0 */
/* storm_test.c - how many frames a vif may have flooded, and what does not count.
 *
 *      v1   v2   v3
 *       \    |   /
 *        +--n1--+
 */
#include "tests/lib/bed.h"
#include "tests/lib/routed.h"
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"

#include <stdlib.h>
#include <string.h>

static struct frame F;

static struct bed *three(void **state)
{
	struct bed *b = *state;

	bed_network(b, 1);
	for (uint16_t id = 1; id <= 3; id++)
		bed_port(b, id, 1);
	bed_apply(b);
	frame_simple(&F, MAC_BCAST, MAC_OF(2), 20);
	bed_step(b, 2, &F);
	bed_clear(b);
	return b;
}

static void limit(struct bed *b, enum snap_meter_kind kind, uint64_t rate, uint64_t burst)
{
	bed_meter(b, 1, kind, rate)->burst = burst;
	bed_apply(b);
}

/* How many of @n frames from v1 to @dst arrive at v3. */
static unsigned arrive(struct bed *b, const uint8_t *dst, unsigned n)
{
	unsigned got;

	frame_simple(&F, dst, MAC_OF(1), 60);
	for (unsigned i = 0; i < n; i++)
		bed_send(b, 1, &F);
	bed_run(b);
	got = vif_mem_count(b->vif[3]);
	bed_clear(b);
	return got;
}

static void drop_storm_broadcast_beyond_the_meter(void **state)
{
	struct bed *b = three(state);

	limit(b, SNAP_METER_STORM_BCAST, 1000, 20);
	assert_int_equal(arrive(b, MAC_BCAST, 100), 20);
	assert_int_equal(bed_drops(b, 1, DROP_STORM_BROADCAST), 80);
	bed_warp(b, 5 * NS_PER_MS);
	assert_int_equal(arrive(b, MAC_BCAST, 100), 5);
	assert_int_equal(arrive(b, MAC_GROUP(9), 100), 100); /* the other classes are not limited */
	assert_int_equal(arrive(b, MAC_OF(0x77), 100), 100);
}

static void drop_storm_multicast_beyond_the_meter(void **state)
{
	struct bed *b = three(state);

	limit(b, SNAP_METER_STORM_MCAST, 1000, 20);
	assert_int_equal(arrive(b, MAC_GROUP(9), 100), 20);
	assert_int_equal(bed_drops(b, 1, DROP_STORM_MULTICAST), 80);
	assert_int_equal(arrive(b, MAC_GROUP(1), 100), 0); /* 224.0.0.1 reaches everybody too */
	assert_int_equal(arrive(b, MAC_BCAST, 100), 100);
}

static void drop_storm_unicast_to_unknown_destinations_only(void **state)
{
	struct bed *b = three(state);

	limit(b, SNAP_METER_STORM_UNICAST, 1000, 20);
	assert_int_equal(arrive(b, MAC_OF(0x77), 100), 20);
	assert_int_equal(bed_drops(b, 1, DROP_STORM_UNICAST), 80);
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 60);
	for (unsigned i = 0; i < 100; i++)
		bed_send(b, 1, &F);
	bed_run(b);
	assert_int_equal(vif_mem_count(b->vif[2]), 100); /* known */
}

static void one_meter_is_shared_by_the_classes_without_their_own(void **state)
{
	struct bed *b = three(state);

	limit(b, SNAP_METER_STORM, 1000, 30);
	limit(b, SNAP_METER_STORM_MCAST, 1000, 50);
	assert_int_equal(arrive(b, MAC_BCAST, 20), 20);
	assert_int_equal(arrive(b, MAC_GROUP(9), 100), 50);
	assert_int_equal(arrive(b, MAC_OF(0x77), 20), 10);
	assert_int_equal(bed_drops(b, 1, DROP_STORM_UNICAST), 10);
}

static void only_the_sender_is_charged(void **state)
{
	struct bed *b = three(state);

	limit(b, SNAP_METER_STORM, 1000, 20);
	frame_simple(&F, MAC_BCAST, MAC_OF(2), 60);
	for (unsigned i = 0; i < 100; i++)
		bed_send(b, 2, &F);
	bed_run(b);
	assert_int_equal(vif_mem_count(b->vif[1]), 100);
	assert_int_equal(vif_mem_count(b->vif[3]), 100);
}

/* A million broadcasts a second: each peer gets what profile tenant lets through, at most. */
static void a_storm_reaches_nobody_faster_than_its_meter(void **state)
{
	struct bed *b = three(state);
	unsigned n = 0;

	limit(b, SNAP_METER_STORM, STORM_RATE_TENANT, STORM_BURST_TENANT);
	for (unsigned ms = 0; ms < 100; ms++) {
		n += arrive(b, MAC_BCAST, 1000);
		bed_warp(b, NS_PER_MS);
	}
	assert_int_equal(n, STORM_BURST_TENANT + 99);
	assert_int_equal(bed_drops(b, 1, DROP_STORM_BROADCAST), 100000 - n);
	assert_int_equal(bed_drops(b, 1, DROP_FLOOD_LIMIT), 0);
}

static void without_a_meter_nothing_is_lost(void **state)
{
	struct bed *b = three(state);

	assert_int_equal(arrive(b, MAC_BCAST, 3000), 3000);
}

/* What asks for the gateway is a broadcast like others. */
static void a_storm_does_not_reach_the_router(void **state)
{
	struct bed *b = *state;
	uint64_t before;

	bed_network(b, 1);
	bed_port(b, 1, 1);
	bed_port(b, 3, 1);
	bed_router(b, 1, SNAP_POLICY_OPEN, NETWORK_ID_NONE);
	bed_addr(b, 1, "10.0.0.1/24");
	limit(b, SNAP_METER_STORM, 1, 3);
	frame_eth(&F, MAC_BCAST, MAC_OF(1));
	F.bytes[12] = 8;
	F.bytes[13] = 6;
	frame_arp(&F);
	frame_end(&F);
	memcpy(F.bytes + 14 + 8, MAC_OF(1), 6);
	memcpy(F.bytes + 14 + 14, (const uint8_t[4]){ 10, 0, 0, 9 }, 4);
	memcpy(F.bytes + 14 + 24, (const uint8_t[4]){ 10, 0, 0, 1 }, 4);
	for (unsigned i = 0; i < 10; i++)
		bed_send(b, 1, &F);
	bed_run(b);
	before = bed_drops(b, 1, DROP_STORM_BROADCAST);
	assert_int_equal(before, 7);
	assert_int_equal(vif_mem_count(b->vif[1]), 3); /* its answers */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(drop_storm_broadcast_beyond_the_meter),
		BED_TESTS(drop_storm_multicast_beyond_the_meter),
		BED_TESTS(drop_storm_unicast_to_unknown_destinations_only),
		BED_TESTS(one_meter_is_shared_by_the_classes_without_their_own),
		BED_TESTS(only_the_sender_is_charged),
		BED_TESTS(a_storm_reaches_nobody_faster_than_its_meter),
		BED_TESTS(without_a_meter_nothing_is_lost),
		BED_TESTS(a_storm_does_not_reach_the_router),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
