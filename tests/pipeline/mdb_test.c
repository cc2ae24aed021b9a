/* SPDX-License-Identifier: Apache-2.0 */
/* mdb_test.c - who hears a group: reports, leaves, filters of sources, routers. */
#include "tests/lib/mdb_bed.h"
#include "tests/lib/unit.h"

#include <string.h>

#define LEG 9
#define S NS_PER_SEC

static struct frame F;

static void without_a_querier_groups_are_flooded(void **state)
{
	struct bed *b = *state;

	mdb_bed(b, 0);
	assert_string_equal(mdb_ask(b, 2, "join 239.1.1.1"), "1 3 4 5");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "2 3 4 5");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.2"), "2 3 4 5");
	assert_string_equal(mdb_ask(b, 1, "data ff1e::1"), "2 3 4 5");
}

static void members_have_time_to_answer_the_first_query(void **state)
{
	struct bed *b = *state;

	mdb_bed(b, 0);
	mdb_ask(b, 5, "query 4");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "2 3 4 5");
	bed_warp(b, 9 * S);
	mdb_ask(b, 5, "query 4");
	bed_warp(b, 999 * NS_PER_MS);
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "2 3 4 5");
	bed_warp(b, NS_PER_MS);
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "5");
}

static void members_and_routers_hear_a_group(void **state)
{
	struct bed *b = *state;

	mdb_asked_bed(b, 0);
	assert_string_equal(mdb_ask(b, 2, "join 239.1.1.1"), "5");
	assert_string_equal(mdb_ask(b, 3, "join ff1e::1"), "5");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "2 5");
	assert_string_equal(mdb_ask(b, 1, "data ff1e::1"), "3 5");
	assert_string_equal(mdb_ask(b, 2, "data 239.1.1.1"), "5");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.2"), "5");
	assert_int_equal(mdb_count_vif(pipeline_mdb(b->pipeline), 2), 1);
	assert_int_equal(mdb_count_network(pipeline_mdb(b->pipeline), 1), 2);
}

static void what_is_for_everybody_is_never_snooped(void **state)
{
	struct bed *b = *state;

	mdb_asked_bed(b, 0);
	mdb_ask(b, 2, "join 224.0.0.251");
	mdb_ask(b, 2, "join ff02::1");
	assert_int_equal(mdb_count_network(pipeline_mdb(b->pipeline), 1), 0);
	assert_string_equal(mdb_ask(b, 1, "data 224.0.0.251"), "2 3 4 5");
	assert_string_equal(mdb_ask(b, 1, "data 224.0.0.5"), "2 3 4 5");
	assert_string_equal(mdb_ask(b, 1, "data ff02::1"), "2 3 4 5");
	assert_string_equal(mdb_ask(b, 1, "data 224.0.1.1"), "5");
	assert_string_equal(mdb_ask(b, 1, "leave 239.1.1.1"), "2 3 4 5");
	assert_string_equal(mdb_ask(b, 1, "to_ex 239.1.1.1"), "2 3 4 5");
}

static void members_that_are_silent_are_forgotten(void **state)
{
	struct bed *b = *state;

	mdb_asked_bed(b, 0);
	mdb_ask(b, 2, "join 239.1.1.1");
	bed_warp(b, 100 * S);
	mdb_ask(b, 5, "query 4");
	bed_warp(b, 159 * S);
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "2 5");
	bed_warp(b, S);
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "5");
	assert_int_equal(mdb_count_network(pipeline_mdb(b->pipeline), 1), 0);
}

static void a_query_for_a_group_forgets_who_does_not_answer(void **state)
{
	struct bed *b = *state;

	mdb_asked_bed(b, 0);
	mdb_ask(b, 2, "join 239.1.1.1");
	mdb_ask(b, 3, "join 239.1.1.1");
	mdb_ask(b, 5, "query 239.1.1.1 delay=10");
	mdb_ask(b, 3, "join 239.1.1.1");
	bed_warp(b, 2 * S - 1);
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "2 3 5");
	bed_warp(b, 1);
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "3 5");
}

static void a_leave_counts_when_nobody_else_asks(void **state)
{
	struct bed *b = *state;

	mdb_bed(b, SNAP_MCAST_QUERIER);
	bed_tick(b);
	bed_clear(b);
	bed_warp(b, 10 * S);
	mdb_ask(b, 2, "join 239.1.1.1");
	mdb_ask(b, 3, "join 239.1.1.1");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "2 3");
	/* the last one is asked once more, and has twice the last-member interval */
	assert_string_equal(mdb_ask(b, 2, "leave 239.1.1.1"), "1 2 3 4 5");
	bed_warp(b, 2 * S - 1);
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "2 3");
	bed_warp(b, 1);
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "3");
	/* another one asks: the leave is its business */
	mdb_ask(b, 5, "query 4");
	mdb_ask(b, 3, "leave 239.1.1.1");
	bed_warp(b, 15 * S);
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "3 5");
}

static void fast_leave_forgets_at_once(void **state)
{
	struct bed *b = *state;

	mdb_asked_bed(b, 0);
	bed_mcast_vif(b, 2, SNAP_MCAST_FAST_LEAVE);
	bed_apply(b);
	mdb_ask(b, 2, "join 239.1.1.1");
	mdb_ask(b, 3, "join 239.1.1.1");
	mdb_ask(b, 2, "leave 239.1.1.1");
	mdb_ask(b, 3, "leave 239.1.1.1");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "3 5");
	mdb_ask(b, 2, "join ff1e::1");
	mdb_ask(b, 2, "leave ff1e::1");
	assert_string_equal(mdb_ask(b, 1, "data ff1e::1"), "5");
	mdb_ask(b, 2, "to_ex 239.1.1.1");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "2 3 5");
	mdb_ask(b, 2, "to_in 239.1.1.1");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "3 5");
}

/* Two hosts behind one vif that is said to have one: what the last of them says is what counts. */
static void fast_leave_takes_the_vif_for_one_host(void **state)
{
	struct bed *b = *state;

	mdb_asked_bed(b, SNAP_MCAST_IGMP3);
	bed_mcast_vif(b, 2, SNAP_MCAST_FAST_LEAVE);
	bed_apply(b);
	mdb_ask_from(b, 2, 21, "is_in 239.1.1.1 1.1.1.1,1.1.1.2");
	mdb_ask_from(b, 2, 22, "is_in 239.1.1.1 1.1.1.2");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.1"), "5");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.2"), "2 5");
	mdb_ask_from(b, 2, 21, "to_ex 239.1.1.1 1.1.1.2");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.2"), "5");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.3"), "2 5");
	mdb_ask_from(b, 2, 21, "block 239.1.1.1 1.1.1.3");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.3"), "5");
	mdb_ask_from(b, 2, 21, "allow 239.1.1.1 1.1.1.2");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.2"), "2 5");
	mdb_ask_from(b, 2, 22, "to_in 239.1.1.1");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.9"), "5");
}

static void routers_are_learned_and_forgotten(void **state)
{
	struct bed *b = *state;

	mdb_asked_bed(b, 0);
	assert_string_equal(mdb_ask(b, 4, "pim"), "1 2 3 5");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "4 5");
	assert_string_equal(mdb_ask(b, 1, "data ff1e::1"), "5");
	mdb_ask(b, 3, "mrd 6");
	assert_string_equal(mdb_ask(b, 1, "data ff1e::1"), "3 5");
	mdb_ask(b, 3, "mrd 4");
	assert_string_equal(mdb_ask(b, 1, "join 239.1.1.1"), "3 4 5");
	bed_warp(b, 200 * S);
	mdb_ask(b, 5, "query 4");
	bed_warp(b, 55 * S);
	assert_string_equal(mdb_ask(b, 2, "data 239.1.1.1"), "1 5");
}

static void routers_are_where_the_administrator_says(void **state)
{
	struct bed *b = *state;

	mdb_asked_bed(b, 0);
	bed_mcast_vif(b, 1, 0)->router = SNAP_MCAST_ROUTER_ALWAYS;
	bed_mcast_vif(b, 5, 0)->router = SNAP_MCAST_ROUTER_OFF;
	bed_apply(b);
	assert_string_equal(mdb_ask(b, 2, "data 239.1.1.1"), "1");
	assert_string_equal(mdb_ask(b, 2, "data ff1e::1"), "1");
	assert_string_equal(mdb_ask(b, 5, "query 4"), "1 2 3 4");
	assert_string_equal(mdb_ask(b, 2, "data 239.1.1.1"), "1");
	/* whose queries count all the same, as with Linux */
	bed_warp(b, 250 * S);
	assert_string_equal(mdb_ask(b, 2, "data 239.1.1.1"), "1");
}

/* RFC 3376 §6.4.1, §6.4.2: what members include and exclude. */
static void sources_are_filtered(void **state)
{
	struct bed *b = *state;

	mdb_asked_bed(b, SNAP_MCAST_IGMP3 | SNAP_MCAST_MLD2);
	mdb_ask(b, 2, "is_in 239.1.1.1 1.1.1.1,1.1.1.2");
	mdb_ask(b, 3, "is_ex 239.1.1.1 1.1.1.1");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.1"), "2 5");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.2"), "2 3 5");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.3"), "3 5");
	mdb_ask(b, 3, "allow 239.1.1.1 1.1.1.1");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.1"), "2 3 5");
	mdb_ask(b, 2, "to_ex 239.1.1.1 1.1.1.2");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.1"), "2 3 5");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.2"), "2 3 5");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.3"), "2 3 5");
	/* the lists of routers are only as old as who last asked for them */
	bed_warp(b, 3 * S);
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.2"), "3 5");
	mdb_ask(b, 4, "is_in ff1e::1 fd00::1");
	assert_string_equal(mdb_ask(b, 1, "data ff1e::1 fd00::1"), "4 5");
	assert_string_equal(mdb_ask(b, 1, "data ff1e::1 fd00::2"), "5");
	mdb_ask(b, 4, "block ff1e::1 fd00::1");
	assert_string_equal(mdb_ask(b, 1, "data ff1e::1 fd00::1"), "4 5");
	bed_warp(b, 2 * S);
	assert_string_equal(mdb_ask(b, 1, "data ff1e::1 fd00::1"), "5");
}

static void included_sources_end_one_by_one(void **state)
{
	struct bed *b = *state;

	mdb_asked_bed(b, SNAP_MCAST_IGMP3);
	mdb_ask(b, 2, "allow 239.1.1.1 1.1.1.1");
	bed_warp(b, 100 * S);
	mdb_ask(b, 5, "query 4");
	mdb_ask(b, 2, "allow 239.1.1.1 1.1.1.2");
	bed_warp(b, 160 * S);
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.1"), "5");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.2"), "2 5");
	assert_int_equal(mdb_count_vif(pipeline_mdb(b->pipeline), 2), 2);
	mdb_ask(b, 5, "query 4");
	bed_warp(b, 100 * S);
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.2"), "5");
	assert_int_equal(mdb_count_vif(pipeline_mdb(b->pipeline), 2), 0);
	assert_int_equal(mdb_count_network(pipeline_mdb(b->pipeline), 1), 0);
}

/* EXCLUDE (X, Y) becomes INCLUDE (X) when nobody asks for the group any longer. */
static void an_excluding_member_falls_back_to_what_it_includes(void **state)
{
	struct bed *b = *state;

	mdb_asked_bed(b, SNAP_MCAST_IGMP3);
	mdb_ask(b, 2, "is_ex 239.1.1.1 1.1.1.1");
	bed_warp(b, 100 * S);
	mdb_ask(b, 5, "query 4");
	mdb_ask(b, 2, "allow 239.1.1.1 1.1.1.2");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.9"), "2 5");
	bed_warp(b, 160 * S);
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.9"), "5");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.2"), "2 5");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.1"), "5");
}

static void static_entries_stay(void **state)
{
	struct bed *b = *state;

	mdb_bed(b, SNAP_MCAST_IGMP3);
	bed_mcast_entry(b, 2, "239.1.1.1", NULL);
	bed_mcast_entry(b, 3, "239.1.1.1", "1.1.1.1");
	bed_apply(b);
	mdb_ask(b, 5, "query 4");
	bed_warp(b, 10 * S);
	mdb_ask(b, 2, "leave 239.1.1.1");
	mdb_ask(b, 2, "to_in 239.1.1.1");
	mdb_ask(b, 3, "is_ex 239.1.1.1");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.2"), "2 3 5");
	mdb_ask(b, 5, "query 4");
	bed_warp(b, 240 * S);
	mdb_ask(b, 5, "query 4");
	bed_warp(b, 50 * S);
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.2"), "2 5");
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.1"), "2 3 5");
	b->n_mcasts = 1;
	bed_apply(b);
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.1"), "5");
	assert_int_equal(mdb_count_network(pipeline_mdb(b->pipeline), 1), 0);
}

/* As with the Linux bridge, groups of layer 2 do not wait for a querier. */
static void macs_can_be_groups(void **state)
{
	struct bed *b = *state;
	struct snap_mcast *r;

	mdb_bed(b, 0);
	r = bed_mcast_entry(b, 3, "::", NULL);
	r->entry.group[0] = 1;
	memcpy(r->entry.group + 10, (const uint8_t[6]){ 1, 2, 3, 4, 5, 6 }, 6);
	bed_apply(b);
	frame_eth(&F, (const uint8_t[6]){ 1, 2, 3, 4, 5, 6 }, MAC_OF(1));
	frame_payload(&F, 60);
	frame_end(&F);
	bed_step(b, 1, &F);
	assert_string_equal(mdb_heard(b), "3");
	F.bytes[5] = 7;
	bed_step(b, 1, &F);
	assert_string_equal(mdb_heard(b), "2 3 4 5");
}

static void a_port_that_goes_down_loses_its_groups(void **state)
{
	struct bed *b = *state;

	mdb_asked_bed(b, 0);
	mdb_ask(b, 2, "join 239.1.1.1");
	mdb_ask(b, 4, "pim");
	b->port[1].flags &= ~(uint32_t)SNAP_PORT_UP;
	b->port[3].flags &= ~(uint32_t)SNAP_PORT_UP;
	bed_apply(b);
	b->port[1].flags |= SNAP_PORT_UP;
	b->port[3].flags |= SNAP_PORT_UP;
	bed_apply(b);
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "5");
	assert_int_equal(mdb_count_network(pipeline_mdb(b->pipeline), 1), 0);
}

static void the_host_leg_is_a_member_of_what_the_host_joins(void **state)
{
	struct bed *b = *state;

	mdb_asked_bed(b, SNAP_MCAST_IGMP3);
	bed_port(b, LEG, 1);
	bed_leg(b, LEG);
	bed_apply(b);
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1"), "5");
	mdb_ask(b, LEG, "is_ex 239.1.1.1 1.1.1.1");
	/* its own stack filters */
	assert_string_equal(mdb_ask(b, 1, "data 239.1.1.1 1.1.1.1"), "5 9");
	assert_string_equal(mdb_ask(b, LEG, "data 239.1.1.2"), "5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(without_a_querier_groups_are_flooded),
		BED_TESTS(members_have_time_to_answer_the_first_query),
		BED_TESTS(members_and_routers_hear_a_group),
		BED_TESTS(what_is_for_everybody_is_never_snooped),
		BED_TESTS(members_that_are_silent_are_forgotten),
		BED_TESTS(a_query_for_a_group_forgets_who_does_not_answer),
		BED_TESTS(a_leave_counts_when_nobody_else_asks),
		BED_TESTS(fast_leave_forgets_at_once),
		BED_TESTS(fast_leave_takes_the_vif_for_one_host),
		BED_TESTS(routers_are_learned_and_forgotten),
		BED_TESTS(routers_are_where_the_administrator_says),
		BED_TESTS(sources_are_filtered),
		BED_TESTS(included_sources_end_one_by_one),
		BED_TESTS(an_excluding_member_falls_back_to_what_it_includes),
		BED_TESTS(static_entries_stay),
		BED_TESTS(macs_can_be_groups),
		BED_TESTS(a_port_that_goes_down_loses_its_groups),
		BED_TESTS(the_host_leg_is_a_member_of_what_the_host_joins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
