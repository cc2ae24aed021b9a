/* SPDX-License-Identifier: Apache-2.0 */
/* neigh_state_test.c - neighbours outlive the engine, whatever state the segment was left in.
 * Topology: tests/lib/routed.h; the next hop of everything is 203.0.113.1 or 2001:db8:9::1. */
#include "tests/lib/routed.h"
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"
#include "vswitch/base/netaddr.h"
#include "vswitch/state.h"

#include <stdlib.h>
#include <string.h>

#define HOP4 "203.0.113.1"
#define G4 "10.0.2.14"
#define RECORDS sizeof(struct segment_hdr)

static struct msg_neigh_entry E[NEIGH_NETWORK_MAX + 1];

static uint32_t dump(const struct bed *b, uint16_t network_id)
{
	uint32_t cursor = 0;

	return neigh_dump(b->neigh, network_id, &cursor, b->io.now_ns, E, ARRAY_LEN(E));
}

static struct neigh *hop_of(const struct bed *b)
{
	struct ipaddr a;

	assert_int_equal(ip_parse(HOP4, &a), 0);
	return neigh_find(b->neigh, UPLINK_NET, a.b, b->io.now_ns);
}

static struct neigh_record *record_of_hop(const struct bed *b)
{
	struct neigh_record *r
		= (struct neigh_record *)(void *)((uint8_t *)b->neigh_segment + RECORDS);
	struct ipaddr a;

	assert_int_equal(ip_parse(HOP4, &a), 0);
	while (r->rec.seq == 0 || memcmp(r->addr, a.b, 16) != 0)
		r++;
	return r;
}

static void neighbours_are_used_at_once_and_asked_by_unicast(void **state)
{
	struct bed *b = routed_bed(state);
	uint32_t n = dump(b, 0);
	struct mem_frame f;

	bed_restart(b);
	assert_int_equal(dump(b, 0), n);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(E[i].state, NEIGH_STALE);
	flow_step(b, 4, UDP(G4, FAR4, 5000, 53), 10);
	EXPECT_FLOW(b, LAN_VIF, UDP(G4, FAR4, 5000, 53));
	assert_true(vif_mem_take(b->vif[LAN_VIF], &f));
	assert_memory_equal(f.bytes, MAC_OF(LAN_VIF), 6); /* not to all */
	assert_int_equal(f.bytes[12] << 8 | f.bytes[13], 0x0806);
	free(f.bytes);
	assert_int_equal(hop_of(b)->state, NEIGH_PROBE);
}

static void one_that_is_silent_now_is_forgotten_and_stays_so(void **state)
{
	struct bed *b = routed_bed(state);

	bed_restart(b);
	flow_step(b, 4, UDP(G4, FAR4, 5000, 53), 10);
	for (unsigned i = 0; i < 4; i++) {
		bed_warp(b, NS_PER_SEC);
		bed_tick(b);
	}
	bed_clear(b);
	assert_null(hop_of(b));
	bed_restart(b);
	assert_null(hop_of(b));
}

static void one_that_was_never_heard_is_not_kept(void **state)
{
	struct bed *b = routed_bed(state);

	flow_step(b, LAN_VIF, UDP(FAR4, "10.0.2.99", 53, 5000), 10);
	assert_int_equal(dump(b, 2), 3);
	bed_restart(b);
	assert_int_equal(dump(b, 2), 2);
	bed_clear(b);
}

static void a_new_mac_is_what_the_next_engine_uses(void **state)
{
	struct bed *b = routed_bed(state);
	struct neigh_who who = { .network_id = UPLINK_NET };
	struct ipaddr a;

	assert_int_equal(ip_parse(HOP4, &a), 0);
	memcpy(who.addr, a.b, 16);
	neigh_heard(b->neigh, &who, MAC_OF(0x61), NEIGH_CONFIRMS | NEIGH_OVERRIDES, b->io.now_ns);
	bed_restart(b);
	assert_memory_equal(hop_of(b)->mac, MAC_OF(0x61), 6);
	neigh_flush(b->neigh, UPLINK_NET);
	bed_restart(b);
	assert_int_equal(dump(b, UPLINK_NET), 0);
}

static void age_goes_on_and_no_time_is_in_the_future(void **state)
{
	struct bed *b = routed_bed(state);

	bed_warp(b, 20 * NS_PER_SEC);
	bed_restart(b);
	assert_int_equal(b->io.now_ns - hop_of(b)->since_ns, 20 * NS_PER_SEC);
	record_of_hop(b)->since_ns = UINT64_MAX;
	bed_restart(b);
	assert_int_equal(hop_of(b)->since_ns, b->io.now_ns);
}

static void a_flipped_bit_in_any_byte_of_a_record_costs_that_record_at_most(void **state)
{
	struct bed *b = routed_bed(state);
	uint32_t n = dump(b, 0);

	for (unsigned at = 0; at < sizeof(struct neigh_record); at++)
		for (unsigned bit = 0; bit < 8; bit += 3) {
			struct neigh_record saved, *r = record_of_hop(b);

			memcpy(&saved, r, sizeof(saved));
			((uint8_t *)r)[at] ^= (uint8_t)(1u << bit);
			bed_restart(b);
			assert_in_range(dump(b, 0), n - 1, n);
			memcpy(r, &saved, sizeof(saved));
			bed_restart(b);
			assert_int_equal(dump(b, 0), n);
		}
}

static void a_header_with_any_wrong_byte_means_starting_empty(void **state)
{
	struct bed *b = routed_bed(state);
	uint8_t *hdr = b->neigh_segment;

	for (unsigned at = 0; at < offsetof(struct segment_hdr, reserved); at++) {
		hdr[at] ^= 0x40;
		bed_restart(b);
		assert_int_equal(dump(b, 0), 0);
		routed_neighbours(b);
		assert_true(dump(b, 0) > 0);
	}
}

static void bytes_changed_under_a_running_engine_never_crash_it(void **state)
{
	struct bed *b = routed_bed(state);
	uint8_t *bytes = b->neigh_segment;
	uint32_t x = 99;

	for (unsigned round = 0; round < 200; round++) {
		for (unsigned i = 0; i < 40; i++) {
			x = x * 1664525 + 1013904223;
			bytes[RECORDS + x % 2048] = (uint8_t)(x >> 24);
		}
		flow_step(b, 4, UDP(G4, FAR4, 5000, 53), 10);
		if (round % 5 == 0)
			bed_restart(b);
		if (round % 7 == 0)
			routed_neighbours(b);
		bed_warp(b, NS_PER_SEC);
		bed_tick(b);
		bed_clear(b);
	}
	neigh_flush(b->neigh, 0);
	assert_int_equal(dump(b, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(neighbours_are_used_at_once_and_asked_by_unicast),
		BED_TESTS(one_that_is_silent_now_is_forgotten_and_stays_so),
		BED_TESTS(one_that_was_never_heard_is_not_kept),
		BED_TESTS(a_new_mac_is_what_the_next_engine_uses),
		BED_TESTS(age_goes_on_and_no_time_is_in_the_future),
		BED_TESTS_FEW(a_flipped_bit_in_any_byte_of_a_record_costs_that_record_at_most),
		BED_TESTS_FEW(a_header_with_any_wrong_byte_means_starting_empty),
		BED_TESTS(bytes_changed_under_a_running_engine_never_crash_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
