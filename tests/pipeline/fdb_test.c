/* SPDX-License-Identifier: Apache-2.0 */
/* fdb_test.c - entries of the forwarding table that the administrator wants, and locked vifs. */
#include "tests/lib/bed.h"
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"

#include <string.h>

static struct frame F;

static struct bed *three(void **state)
{
	struct bed *b = *state;

	bed_network(b, 1);
	for (uint16_t id = 1; id <= 3; id++)
		bed_port(b, id, 1);
	bed_apply(b);
	return b;
}

/* A frame from vif @from, with the source @src, to @dst. */
static void say(struct bed *b, uint16_t from, unsigned dst, unsigned src)
{
	frame_simple(&F, MAC_OF(dst), MAC_OF(src), 30);
	bed_step(b, from, &F);
}

static void expect_behind(struct bed *b, uint16_t vif_id, unsigned n)
{
	bed_clear(b);
	say(b, vif_id == 1 ? 2 : 1, n, 100);
	EXPECT_FRAME(b, vif_id, &F);
	EXPECT_NOTHING(b, vif_id == 3 ? 2 : 3);
}

static void a_static_entry_does_not_age(void **state)
{
	struct bed *b = three(state);

	bed_fdb(b, 2, MAC_OF(9), 0, 0);
	bed_apply(b);
	bed_warp(b, 1000 * NS_PER_SEC);
	expect_behind(b, 2, 9);
}

static void a_static_entry_moves_and_a_sticky_one_does_not(void **state)
{
	struct bed *b = three(state);

	bed_fdb(b, 2, MAC_OF(8), 0, 0);
	bed_fdb(b, 2, MAC_OF(9), 0, SNAP_FDB_STICKY);
	bed_apply(b);
	say(b, 3, 8, 8);
	say(b, 3, 9, 9);
	expect_behind(b, 3, 8);
	expect_behind(b, 2, 9);
	assert_int_equal(b->io.vif_counters[3].fdb_moved, 1);
}

static void an_entry_that_moved_stays_there_until_it_is_said_anew(void **state)
{
	struct bed *b = three(state);

	bed_fdb(b, 2, MAC_OF(9), 0, 0);
	bed_apply(b);
	say(b, 3, 9, 9);
	b->port[0].mtu = 1400; /* another snapshot, about something else */
	bed_apply(b);
	expect_behind(b, 3, 9);
	bed_fdb(b, 2, MAC_OF(9), 0, SNAP_FDB_STICKY);
	bed_apply(b);
	expect_behind(b, 2, 9);
}

static void static_entries_survive_the_engine(void **state)
{
	struct bed *b = three(state);

	bed_fdb(b, 2, MAC_OF(7), 0, 0);
	bed_fdb(b, 2, MAC_OF(9), 0, SNAP_FDB_STICKY);
	bed_apply(b);
	say(b, 3, 7, 7);
	bed_restart(b);
	expect_behind(b, 3, 7);
	expect_behind(b, 2, 9);
	say(b, 3, 9, 9);
	expect_behind(b, 2, 9);
}

static void an_entry_that_is_not_wanted_any_more_is_gone(void **state)
{
	struct bed *b = three(state);

	bed_fdb(b, 2, MAC_OF(9), 0, 0);
	bed_apply(b);
	bed_no_fdb(b, MAC_OF(9), 0);
	bed_apply(b);
	bed_clear(b);
	say(b, 1, 9, 100);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_FRAME(b, 3, &F);
}

static void an_entry_takes_the_place_of_what_was_learned(void **state)
{
	struct bed *b = three(state);

	say(b, 3, 9, 9);
	bed_fdb(b, 2, MAC_OF(9), 0, 0);
	bed_apply(b);
	assert_int_equal(fdb_count(b->fdb, 3), 0);
	expect_behind(b, 2, 9);
}

static void an_entry_of_the_host_leg_is_local(void **state)
{
	struct bed *b = three(state);

	bed_leg(b, 3);
	bed_fdb(b, 3, MAC_OF(9), 0, 0);
	bed_apply(b);
	say(b, 2, 9, 9); /* a guest that says it is the host */
	expect_behind(b, 3, 9);
}

static void flushing_leaves_what_the_administrator_wants(void **state)
{
	struct bed *b = three(state);

	bed_fdb(b, 2, MAC_OF(9), 0, 0);
	bed_apply(b);
	say(b, 3, 7, 7);
	assert_int_equal(fdb_flush(b->fdb, 0, 0), 1);
	assert_false(fdb_del(b->fdb, 1, 0, MAC_OF(9)));
	expect_behind(b, 2, 9);
}

static void one_learned_address_is_deleted(void **state)
{
	struct bed *b = three(state);

	say(b, 3, 7, 7);
	say(b, 3, 8, 8);
	assert_true(fdb_del(b->fdb, 1, 0, MAC_OF(7)));
	assert_false(fdb_del(b->fdb, 1, 0, MAC_OF(7)));
	expect_behind(b, 3, 8);
	assert_int_equal(fdb_count(b->fdb, 3), 1);
}

static void the_addresses_of_one_vlan_are_flushed(void **state)
{
	struct bed *b = three(state);

	b->network[0].vlan = SNAP_VLAN_8021Q;
	bed_vlan(b, 1, 10, 20, 0);
	bed_vlan(b, 2, 10, 20, 0);
	bed_apply(b);
	for (uint16_t vid = 10; vid <= 20; vid++) {
		frame_eth(&F, MAC_BCAST, MAC_OF(7));
		frame_vlan(&F, 0x8100, vid);
		frame_ip4(&F, 17);
		frame_udp(&F, 9);
		frame_payload(&F, 20);
		frame_end(&F);
		bed_step(b, 1, &F);
	}
	assert_int_equal(fdb_flush_vlan(b->fdb, 1, 0, 11), 1);
	assert_int_equal(fdb_find(b->fdb, b->cfg, 1, 11, MAC_OF(7), b->io.now_ns), VIF_ID_NONE);
	assert_int_equal(fdb_find(b->fdb, b->cfg, 1, 12, MAC_OF(7), b->io.now_ns), 1);
}

static void drop_port_locked_without_an_entry(void **state)
{
	struct bed *b = three(state);

	b->port[0].flags |= SNAP_PORT_LOCKED;
	bed_fdb(b, 1, MAC_OF(7), 0, 0);
	bed_apply(b);
	say(b, 1, 9, 8);
	EXPECT_NOTHING(b, 2);
	assert_int_equal(bed_drops(b, 1, DROP_PORT_LOCKED), 1);
	assert_int_equal(fdb_count(b->fdb, 1), 0);
	say(b, 1, 9, 7);
	EXPECT_FRAME(b, 2, &F);
	assert_int_equal(bed_drops(b, 1, DROP_PORT_LOCKED), 1);
}

static void a_locked_vif_is_not_opened_by_an_entry_elsewhere(void **state)
{
	struct bed *b = three(state);

	b->port[0].flags |= SNAP_PORT_LOCKED;
	bed_leg(b, 3);
	bed_fdb(b, 2, MAC_OF(7), 0, 0);
	bed_fdb(b, 3, MAC_OF(8), 0, 0);
	bed_apply(b);
	say(b, 1, 9, 7);
	say(b, 1, 9, 8);
	EXPECT_NOTHING(b, 2);
	assert_int_equal(bed_drops(b, 1, DROP_PORT_LOCKED), 2);
}

static void what_was_learned_before_the_lock_counts_until_it_ages(void **state)
{
	struct bed *b = three(state);

	say(b, 1, 9, 7);
	b->port[0].flags |= SNAP_PORT_LOCKED;
	bed_apply(b);
	bed_clear(b);
	say(b, 1, 9, 7);
	EXPECT_FRAME(b, 2, &F);
	bed_warp(b, 300 * NS_PER_SEC);
	say(b, 1, 9, 7);
	EXPECT_NOTHING(b, 2);
	assert_int_equal(bed_drops(b, 1, DROP_PORT_LOCKED), 1);
}

static void a_locked_vif_reaches_the_host_by_eapol_and_teaches_nothing(void **state)
{
	static const uint8_t eapol[6] = { 0x01, 0x80, 0xc2, 0, 0, 3 };
	struct bed *b = three(state);

	b->port[0].flags |= SNAP_PORT_LOCKED;
	bed_leg(b, 3);
	bed_apply(b);
	frame_simple(&F, MAC_BCAST, MAC_OF(7), 30);
	memcpy(F.bytes, eapol, sizeof(eapol));
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 3, &F);
	EXPECT_NOTHING(b, 2);
	assert_int_equal(bed_drops(b, 1, DROP_PORT_LOCKED), 0);
	say(b, 1, 9, 7);
	assert_int_equal(bed_drops(b, 1, DROP_PORT_LOCKED), 1);
}

static void a_full_table_makes_room_for_the_administrator(void **state)
{
	struct bed *b = three(state);

	b->network[0].fdb_limit = 4;
	bed_apply(b);
	for (unsigned n = 10; n < 20; n++)
		say(b, 3, 99, n);
	bed_fdb(b, 2, MAC_OF(9), 0, 0);
	bed_apply(b);
	assert_int_equal(fdb_count(b->fdb, 3), 4); /* it takes no part in the limit */
	expect_behind(b, 2, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(a_static_entry_does_not_age),
		BED_TESTS(a_static_entry_moves_and_a_sticky_one_does_not),
		BED_TESTS(an_entry_that_moved_stays_there_until_it_is_said_anew),
		BED_TESTS(static_entries_survive_the_engine),
		BED_TESTS(an_entry_that_is_not_wanted_any_more_is_gone),
		BED_TESTS(an_entry_takes_the_place_of_what_was_learned),
		BED_TESTS(an_entry_of_the_host_leg_is_local),
		BED_TESTS(flushing_leaves_what_the_administrator_wants),
		BED_TESTS(one_learned_address_is_deleted),
		BED_TESTS(the_addresses_of_one_vlan_are_flushed),
		BED_TESTS(drop_port_locked_without_an_entry),
		BED_TESTS(a_locked_vif_is_not_opened_by_an_entry_elsewhere),
		BED_TESTS(what_was_learned_before_the_lock_counts_until_it_ages),
		BED_TESTS(a_locked_vif_reaches_the_host_by_eapol_and_teaches_nothing),
		BED_TESTS(a_full_table_makes_room_for_the_administrator),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
