/* SPDX-License-Identifier: Apache-2.0 */
/* stp_test.c - spanning trees in the pipeline: who forwards, who learns, who is heard.
 *
 * Networks 1 and 2 with two wires between them (vif 1 to 3, 2 to 4) and a guest each (vif 5 and 6). */
#include "tests/lib/bed.h"
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"

#include <stdlib.h>
#include <string.h>

static struct frame F;

static uint8_t state_of(const struct bed *b, uint16_t vif_id)
{
	return stp_run_states(pipeline_stp(b->pipeline))[vif_id];
}

static struct bed *two_networks(void **state, uint8_t version)
{
	struct bed *b = *state;

	bed_network(b, 1);
	bed_network(b, 2);
	for (uint16_t id = 1; id <= 6; id++)
		bed_port(b, id, id == 3 || id == 4 || id == 6 ? 2 : 1);
	bed_stp(b, 1, version);
	bed_stp(b, 2, version);
	return b;
}

/* What a leaves by one end of a wire comes in by the other. */
static unsigned carry(struct bed *b, uint16_t from, uint16_t to)
{
	struct mem_frame f;
	unsigned n = 0;

	while (vif_mem_take(b->vif[from], &f)) {
		F.len = f.len;
		F.offload = f.offload;
		memcpy(F.bytes, f.bytes, f.len);
		free(f.bytes);
		bed_send(b, to, &F);
		n++;
	}
	return n;
}

/* Let what is on the wires arrive, @seconds long. */
static void pass(struct bed *b, unsigned seconds)
{
	static const uint16_t wires[][2] = { { 1, 3 }, { 3, 1 }, { 2, 4 }, { 4, 2 } };

	for (unsigned i = 0; i <= 4 * seconds; i++) {
		unsigned n = 1;

		for (unsigned hop = 0; n > 0 && hop < 100; hop++) {
			n = 0;
			bed_tick(b);
			for (unsigned k = 0; k < ARRAY_LEN(wires); k++)
				n += carry(b, wires[k][0], wires[k][1]);
			bed_run(b);
		}
		if (i < 4 * seconds)
			bed_warp(b, 250 * NS_PER_MS);
	}
}

static void two_wires_between_two_networks_make_no_loop(void **state)
{
	struct bed *b = two_networks(state, 2);

	bed_apply(b);
	pass(b, 0); /* proposal, agreement: no second has to pass */
	assert_int_equal(state_of(b, 1), STP_STATE_FORWARDING);
	assert_int_equal(state_of(b, 3), STP_STATE_FORWARDING);
	assert_int_equal(state_of(b, 4), STP_STATE_BLOCKED);
	pass(b, 5);
	bed_clear(b);
	frame_simple(&F, MAC_BCAST, MAC_OF(5), 30);
	bed_step(b, 5, &F);
	pass(b, 0);
	frame_simple(&F, MAC_BCAST, MAC_OF(5), 30);
	EXPECT_FRAME(b, 6, &F);
	EXPECT_NOTHING(b, 6);
	EXPECT_NOTHING(b, 5);
	assert_int_equal(bed_drops(b, 4, DROP_BRIDGE_INGRESS_STP_STATE), 1);
}

static void lost_wire_is_replaced_at_once(void **state)
{
	struct bed *b = two_networks(state, 2);

	bed_apply(b);
	pass(b, 5);
	frame_simple(&F, MAC_BCAST, MAC_OF(6), 30);
	bed_step(b, 6, &F);
	pass(b, 0);
	assert_int_not_equal(fdb_find(b->fdb, b->cfg, 1, 0, MAC_OF(6), b->io.now_ns), VIF_ID_NONE);
	b->port[0].flags &= ~(uint32_t)SNAP_PORT_UP;
	b->port[2].flags &= ~(uint32_t)SNAP_PORT_UP;
	bed_apply(b);
	pass(b, 0);
	assert_int_equal(state_of(b, 2), STP_STATE_FORWARDING);
	assert_int_equal(state_of(b, 4), STP_STATE_FORWARDING);
	/* where everybody was is forgotten */
	assert_int_equal(fdb_find(b->fdb, b->cfg, 1, 0, MAC_OF(6), b->io.now_ns), VIF_ID_NONE);
}

static void new_port_is_silent_until_it_forwards(void **state)
{
	struct bed *b = two_networks(state, 2);

	bed_apply(b);
	frame_simple(&F, MAC_BCAST, MAC_OF(5), 30);
	bed_step(b, 5, &F);
	assert_int_equal(bed_drops(b, 5, DROP_BRIDGE_INGRESS_STP_STATE), 1);
	assert_int_equal(fdb_count(b->fdb, 5), 0);
	pass(b, 5);
	frame_simple(&F, MAC_BCAST, MAC_OF(5), 30);
	bed_step(b, 5, &F);
	assert_int_equal(bed_drops(b, 5, DROP_BRIDGE_INGRESS_STP_STATE), 1);
	assert_int_equal(fdb_count(b->fdb, 5), 1);
}

static void learning_port_learns_and_does_not_forward(void **state)
{
	struct bed *b = two_networks(state, 0);

	bed_apply(b);
	for (unsigned s = 0; s < 40 && state_of(b, 5) != STP_STATE_LEARNING; s++)
		pass(b, 1);
	assert_int_equal(state_of(b, 5), STP_STATE_LEARNING);
	bed_clear(b);
	frame_simple(&F, MAC_BCAST, MAC_OF(5), 30);
	bed_step(b, 5, &F);
	assert_int_equal(bed_drops(b, 5, DROP_BRIDGE_INGRESS_STP_STATE), 1);
	assert_int_equal(fdb_count(b->fdb, 5), 1);
	EXPECT_NOTHING(b, 1);
}

static void edge_port_forwards_from_the_first_frame_on(void **state)
{
	struct bed *b = two_networks(state, 2);

	bed_stp_port(b, 5, SNAP_STP_EDGE | SNAP_STP_AUTO_EDGE);
	bed_apply(b);
	assert_int_equal(state_of(b, 5), STP_STATE_FORWARDING);
}

static void known_destination_behind_a_port_that_discards_is_not_reached(void **state)
{
	struct bed *b = two_networks(state, 2);

	b->n_stp = 0;
	bed_apply(b);
	frame_simple(&F, MAC_OF(5), MAC_OF(1), 30);
	bed_step(b, 1, &F);
	bed_clear(b);
	bed_stp(b, 1, 2);
	bed_stp_port(b, 5, SNAP_STP_EDGE);
	bed_apply(b);
	bed_tick(b);
	bed_clear(b);
	frame_simple(&F, MAC_OF(1), MAC_OF(5), 30);
	bed_step(b, 5, &F);
	assert_int_equal(bed_drops(b, 5, DROP_NO_TX_TARGET), 1);
	EXPECT_NOTHING(b, 1);
}

static void bpdus_pass_where_there_is_no_spanning_tree(void **state)
{
	struct bed *b = two_networks(state, 2);

	b->n_stp = 0;
	bed_apply(b);
	frame_bpdu(&F, 0x10, FRAME_BPDU_RST);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_FRAME(b, 5, &F);
	assert_int_equal(stp_run_due_ns(pipeline_stp(b->pipeline)), 0);
}

static void bpdus_end_at_a_spanning_tree(void **state)
{
	struct bed *b = two_networks(state, 2);

	bed_port(b, 7, 1);
	bed_leg(b, 7);
	bed_apply(b);
	pass(b, 0);
	bed_clear(b);
	frame_bpdu(&F, 0x10, FRAME_BPDU_RST);
	bed_step(b, 1, &F);
	EXPECT_NOTHING(b, 7);
	for (unsigned r = 1; r < DROP_N; r++)
		assert_int_equal(bed_drops(b, 1, r), 0);
	bed_clear(b);
	frame_simple(&F, MAC_BCAST, MAC_OF(7), 30); /* the leg has no port and always forwards */
	bed_step(b, 7, &F);
	assert_int_equal(bed_drops(b, 7, DROP_BRIDGE_INGRESS_STP_STATE), 0);
}

static void drop_bpdu_malformed_changes_nothing(void **state)
{
	struct bed *b = two_networks(state, 2);
	uint8_t before[6];

	bed_apply(b);
	pass(b, 5);
	for (uint16_t id = 1; id <= 6; id++)
		before[id - 1] = state_of(b, id);
	frame_bpdu(&F, 0x10, FRAME_BPDU_RST);
	F.bytes[20] = 9; /* type */
	bed_step(b, 1, &F);
	frame_bpdu(&F, 0x10, FRAME_BPDU_RST);
	F.len = 40;
	bed_step(b, 2, &F);
	frame_simple(&F, MAC_LINK_LOCAL(0), MAC_OF(1), 30);
	bed_step(b, 1, &F);
	assert_int_equal(bed_drops(b, 1, DROP_BPDU_MALFORMED), 2);
	assert_int_equal(bed_drops(b, 2, DROP_BPDU_MALFORMED), 1);
	for (uint16_t id = 1; id <= 6; id++)
		assert_int_equal(state_of(b, id), before[id - 1]);
}

static void drop_bpdu_rate_above_what_a_bridge_sends(void **state)
{
	struct bed *b = two_networks(state, 2);

	bed_apply(b);
	bed_tick(b);
	for (unsigned i = 0; i < STP_RX_PER_S + 10; i++) {
		frame_bpdu(&F, 0xf0, FRAME_BPDU_RST);
		bed_send(b, 1, &F);
	}
	bed_run(b);
	assert_int_equal(bed_drops(b, 1, DROP_BPDU_RATE), 10);
}

static void drop_bpdu_guard_disables_the_vif(void **state)
{
	struct bed *b = two_networks(state, 2);
	struct stp_event e;
	bool is_told = false;

	bed_stp_port(b, 5, SNAP_STP_EDGE | SNAP_STP_BPDU_GUARD);
	bed_apply(b);
	frame_bpdu(&F, 0x10, FRAME_BPDU_RST);
	bed_step(b, 5, &F);
	frame_simple(&F, MAC_BCAST, MAC_OF(5), 30);
	bed_step(b, 5, &F);
	assert_int_equal(bed_drops(b, 5, DROP_BPDU_GUARD), 2);
	while (stp_run_take_event(pipeline_stp(b->pipeline), &e))
		is_told |= e.kind == STP_EVENT_GUARD && e.vif_id == 5;
	assert_true(is_told);
	bed_restart(b);
	assert_int_equal(state_of(b, 5), STP_STATE_GUARDED);
	b->port[4].flags &= ~(uint32_t)SNAP_PORT_UP;
	bed_apply(b);
	b->port[4].flags |= SNAP_PORT_UP;
	bed_apply(b);
	assert_int_equal(state_of(b, 5), STP_STATE_FORWARDING);
}

static void bpdu_guard_needs_no_spanning_tree(void **state)
{
	struct bed *b = two_networks(state, 2);

	b->n_stp = 0;
	bed_stp_port(b, 5, SNAP_STP_BPDU_GUARD);
	bed_apply(b);
	frame_bpdu(&F, 0x10, 0);
	bed_step(b, 5, &F);
	EXPECT_NOTHING(b, 1);
	frame_simple(&F, MAC_BCAST, MAC_OF(5), 30);
	bed_step(b, 5, &F);
	assert_int_equal(bed_drops(b, 5, DROP_BPDU_GUARD), 2);
	bed_restart(b);
	assert_int_equal(state_of(b, 5), STP_STATE_GUARDED);
	frame_simple(&F, MAC_OF(5), MAC_OF(1), 30);
	bed_step(b, 1, &F);
	EXPECT_NOTHING(b, 5);
	b->port[4].flags &= ~(uint32_t)SNAP_PORT_UP;
	bed_apply(b);
	assert_int_equal(state_of(b, 5), STP_STATE_FORWARDING);
}

static void guarded_guests_bpdus_are_dropped_or_disable_it(void **state)
{
	struct bed *b = two_networks(state, 2);

	b->port[4].guard = SNAP_GUARD_HIDDEN | SNAP_GUARD_MAC;
	memcpy(b->port[4].mac, MAC_OF(5), 6);
	bed_stp_port(b, 5, SNAP_STP_EDGE);
	bed_apply(b);
	frame_bpdu(&F, 0x10, FRAME_BPDU_RST);
	bed_step(b, 5, &F);
	assert_int_equal(bed_drops(b, 5, DROP_BPDU_GUARD), 0);
	assert_int_equal(state_of(b, 5), STP_STATE_FORWARDING);
	b->stp_port[0].flags |= SNAP_STP_BPDU_GUARD;
	bed_apply(b);
	frame_bpdu(&F, 0x10, FRAME_BPDU_RST);
	bed_step(b, 5, &F);
	assert_int_equal(bed_drops(b, 5, DROP_BPDU_GUARD), 1);
	assert_int_equal(state_of(b, 5), STP_STATE_GUARDED);
}

static void restarted_engine_forwards_on_and_makes_no_loop(void **state)
{
	struct bed *b = two_networks(state, 2);

	bed_apply(b);
	pass(b, 5);
	bed_clear(b);
	bed_warp(b, NS_PER_SEC);
	bed_restart(b);
	assert_int_equal(state_of(b, 1), STP_STATE_FORWARDING);
	assert_int_equal(state_of(b, 3), STP_STATE_FORWARDING);
	assert_int_equal(state_of(b, 4), STP_STATE_BLOCKED);
	assert_int_equal(state_of(b, 5), STP_STATE_FORWARDING);
	pass(b, 10);
	assert_int_equal(state_of(b, 4), STP_STATE_BLOCKED);
	assert_int_equal(state_of(b, 3), STP_STATE_FORWARDING);
}

static void engine_that_was_away_for_long_begins_anew(void **state)
{
	struct bed *b = two_networks(state, 2);

	bed_apply(b);
	pass(b, 5);
	bed_clear(b);
	bed_warp(b, 8 * NS_PER_SEC);
	bed_restart(b);
	for (uint16_t id = 1; id <= 6; id++)
		assert_int_equal(state_of(b, id), STP_STATE_BLOCKED);
	pass(b, 5);
	assert_int_equal(state_of(b, 1), STP_STATE_FORWARDING);
	assert_int_equal(state_of(b, 4), STP_STATE_BLOCKED);
}

static void destroyed_records_are_not_believed(void **state)
{
	struct bed *b = two_networks(state, 2);

	bed_apply(b);
	pass(b, 5);
	bed_clear(b);
	memset((uint8_t *)b->stp_segment + 4096, 0xff, SEGMENT_STP_SIZE - 4096);
	bed_restart(b);
	assert_int_equal(state_of(b, 4), STP_STATE_BLOCKED);
	assert_int_equal(state_of(b, 1), STP_STATE_BLOCKED);
	pass(b, 5);
	assert_int_equal(state_of(b, 1), STP_STATE_FORWARDING);
	assert_int_equal(state_of(b, 4), STP_STATE_BLOCKED);
}

static void spanning_tree_switched_off_lets_everything_pass(void **state)
{
	struct bed *b = two_networks(state, 2);

	bed_apply(b);
	pass(b, 5);
	b->n_stp = 0;
	bed_apply(b);
	for (uint16_t id = 1; id <= 6; id++)
		assert_int_equal(state_of(b, id), STP_STATE_FORWARDING);
	assert_int_equal(stp_run_due_ns(pipeline_stp(b->pipeline)), 0);
	bed_stp(b, 1, 2);
	bed_apply(b);
	assert_int_equal(state_of(b, 1), STP_STATE_BLOCKED);
}

static void dump_lists_bridges_before_ports_and_goes_on(void **state)
{
	struct bed *b = two_networks(state, 2);
	struct msg_stp_entry all[16], one;
	uint32_t cursor = 0, n;

	bed_apply(b);
	pass(b, 5);
	n = stp_run_dump(pipeline_stp(b->pipeline), 0, &cursor, all, 16);
	assert_int_equal(n, 8);
	assert_int_equal(cursor, 0);
	assert_int_equal(all[0].vif_id, 0);
	assert_int_equal(all[1].vif_id, 0);
	assert_int_equal(all[1].port_id, 3); /* network 2 has its root behind vif 3 */
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(stp_run_dump(pipeline_stp(b->pipeline), 0, &cursor, &one, 1), 1);
		assert_memory_equal(&one, &all[i], sizeof(one));
	}
	assert_int_equal(cursor, 0);
	assert_int_equal(stp_run_dump(pipeline_stp(b->pipeline), 2, &cursor, all, 16), 4);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		BED_TESTS(two_wires_between_two_networks_make_no_loop),
		BED_TESTS(lost_wire_is_replaced_at_once),
		BED_TESTS(new_port_is_silent_until_it_forwards),
		BED_TESTS(learning_port_learns_and_does_not_forward),
		BED_TESTS(edge_port_forwards_from_the_first_frame_on),
		BED_TESTS(known_destination_behind_a_port_that_discards_is_not_reached),
		BED_TESTS(bpdus_pass_where_there_is_no_spanning_tree),
		BED_TESTS(bpdus_end_at_a_spanning_tree),
		BED_TESTS(drop_bpdu_malformed_changes_nothing),
		BED_TESTS(drop_bpdu_rate_above_what_a_bridge_sends),
		BED_TESTS(drop_bpdu_guard_disables_the_vif),
		BED_TESTS(bpdu_guard_needs_no_spanning_tree),
		BED_TESTS(guarded_guests_bpdus_are_dropped_or_disable_it),
		BED_TESTS(restarted_engine_forwards_on_and_makes_no_loop),
		BED_TESTS(engine_that_was_away_for_long_begins_anew),
		BED_TESTS(destroyed_records_are_not_believed),
		BED_TESTS(spanning_tree_switched_off_lets_everything_pass),
		BED_TESTS(dump_lists_bridges_before_ports_and_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
