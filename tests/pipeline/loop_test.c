/* SPDX-License-Identifier: Apache-2.0 */
/* loop_test.c - a guest that bridges two vifs of its network makes no storm.
 *
 *    +-- guest --+
 *    v1          v2   v3   v4   (all in network 1; v3 and v4 are stations)
 */
#include "tests/lib/bed.h"
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"

#include <stdlib.h>
#include <string.h>

#define HOPS_MAX 400 /* no storm is longer, that anybody stops */
#define HOP_NS (5 * NS_PER_MS)

static struct frame F;

static uint8_t state_of(const struct bed *b, uint16_t vif_id)
{
	return stp_run_states(pipeline_stp(b->pipeline))[vif_id];
}

static struct bed *protected_by(void **state, unsigned flags)
{
	struct bed *b = *state;

	bed_network(b, 1);
	for (uint16_t id = 1; id <= 4; id++) {
		bed_port(b, id, 1);
		if (flags != 0)
			bed_stp_port(b, id, flags);
	}
	bed_apply(b);
	return b;
}

/* What the guest got by @from it sends by @to; a BPDU it keeps. */
static unsigned bridge(struct bed *b, uint16_t from, uint16_t to)
{
	struct mem_frame f;
	unsigned n = 0;

	while (vif_mem_take(b->vif[from], &f)) {
		F.len = f.len;
		F.offload = f.offload;
		memcpy(F.bytes, f.bytes, f.len);
		free(f.bytes);
		if (memcmp(F.bytes, MAC_LINK_LOCAL(0), 6) == 0)
			continue;
		bed_send(b, to, &F);
		n++;
	}
	return n;
}

/* Let the guest bridge until nothing goes round any more; returns how often it did. */
static unsigned go_round(struct bed *b)
{
	unsigned hops = 0;

	while (hops < HOPS_MAX && bridge(b, 1, 2) + bridge(b, 2, 1) > 0) {
		hops++;
		bed_warp(b, HOP_NS);
		bed_run(b);
	}
	bed_run(b);
	return hops;
}

static void say(struct bed *b, uint16_t vif_id)
{
	frame_simple(&F, MAC_BCAST, MAC_OF(vif_id), 40);
	bed_step(b, vif_id, &F);
}

static bool is_told(struct bed *b, enum stp_event_kind kind)
{
	struct stp_event e;
	bool found = false;

	while (stp_run_take_event(pipeline_stp(b->pipeline), &e))
		found |= e.kind == kind && (e.vif_id == 1 || e.vif_id == 2);
	return found;
}

static uint16_t blocked(const struct bed *b)
{
	return state_of(b, 1) == STP_STATE_LOOPED ? 1 : 2;
}

static void expect_cut(struct bed *b)
{
	uint16_t cut = blocked(b);

	assert_int_equal(state_of(b, cut), STP_STATE_LOOPED);
	assert_int_equal(state_of(b, 3 - cut), STP_STATE_FORWARDING);
	assert_int_equal(state_of(b, 3), STP_STATE_FORWARDING);
	assert_int_equal(state_of(b, 4), STP_STATE_FORWARDING);
	assert_true(bed_drops(b, cut, DROP_LOOP) > 0);
	assert_true(is_told(b, STP_EVENT_LOOP));
}

static void drop_loop_cuts_the_way_through_a_guest_within_a_second(void **state)
{
	struct bed *b = protected_by(state, SNAP_STP_LOOP_PROTECT);

	say(b, 4);
	bed_clear(b);
	say(b, 3);
	assert_true(go_round(b) < NS_PER_SEC / HOP_NS);
	expect_cut(b);
	/* The guest is still reached by its other vif, and the station by everybody. */
	bed_clear(b);
	frame_simple(&F, MAC_OF(3), MAC_OF(4), 40);
	bed_step(b, 4, &F);
	say(b, 3);
	bed_clear(b);
	frame_simple(&F, MAC_OF(3), MAC_OF(4), 40);
	bed_step(b, 4, &F);
	EXPECT_FRAME(b, 3, &F);
	EXPECT_NOTHING(b, 1);
	EXPECT_NOTHING(b, 2);
}

static void without_protection_the_storm_goes_on(void **state)
{
	struct bed *b = protected_by(state, 0);

	say(b, 3);
	assert_int_equal(go_round(b), HOPS_MAX);
	assert_int_equal(stp_run_due_ns(pipeline_stp(b->pipeline)), 0);
	bed_clear(b);
}

static void blocked_vif_is_let_go_and_a_loop_that_stays_is_cut_again(void **state)
{
	struct bed *b = protected_by(state, SNAP_STP_LOOP_PROTECT);
	uint16_t cut;

	say(b, 3);
	go_round(b);
	expect_cut(b);
	cut = blocked(b);
	bed_clear(b);
	bed_warp(b, 10 * NS_PER_SEC);
	assert_true(pipeline_due_ns(b->pipeline) <= b->io.now_ns);
	bed_tick(b);
	assert_int_equal(state_of(b, cut), STP_STATE_FORWARDING);
	assert_true(is_told(b, STP_EVENT_LOOP_OVER));
	assert_int_equal(pipeline_due_ns(b->pipeline), 0);
	say(b, 3);
	assert_true(go_round(b) < NS_PER_SEC / HOP_NS);
	expect_cut(b);
	bed_clear(b);
}

static void blocked_vif_that_was_down_begins_anew(void **state)
{
	struct bed *b = protected_by(state, SNAP_STP_LOOP_PROTECT);
	uint16_t cut;

	say(b, 3);
	go_round(b);
	cut = blocked(b);
	b->port[cut - 1].flags &= ~(uint32_t)SNAP_PORT_UP;
	bed_apply(b);
	b->port[cut - 1].flags |= SNAP_PORT_UP;
	bed_apply(b);
	assert_int_equal(state_of(b, cut), STP_STATE_FORWARDING);
	bed_clear(b);
}

static void station_that_moves_is_no_loop(void **state)
{
	struct bed *b = protected_by(state, SNAP_STP_LOOP_PROTECT);

	for (unsigned i = 0; i < 100; i++) {
		frame_simple(&F, MAC_BCAST, MAC_OF(9), 40);
		bed_step(b, (uint16_t)(1 + i % 2), &F);
		bed_warp(b, 20 * NS_PER_MS);
		bed_clear(b);
	}
	for (uint16_t id = 1; id <= 4; id++)
		assert_int_equal(state_of(b, id), STP_STATE_FORWARDING);
}

static void guest_may_send_by_two_vifs_in_turn(void **state)
{
	struct bed *b = protected_by(state, SNAP_STP_LOOP_PROTECT);

	say(b, 4);
	for (unsigned i = 0; i < 1000; i++) {
		frame_simple(&F, MAC_OF(4), MAC_OF(9), 40);
		bed_step(b, (uint16_t)(1 + i % 2), &F);
		bed_clear(b);
	}
	assert_int_equal(state_of(b, 1), STP_STATE_FORWARDING);
	assert_int_equal(state_of(b, 2), STP_STATE_FORWARDING);
	assert_int_equal(bed_drops(b, 1, DROP_LOOP) + bed_drops(b, 2, DROP_LOOP), 0);
}

static void what_the_host_says_makes_no_storm_either(void **state)
{
	struct bed *b = protected_by(state, SNAP_STP_LOOP_PROTECT);

	bed_port(b, 7, 1);
	bed_leg(b, 7);
	bed_apply(b);
	say(b, 7);
	assert_true(go_round(b) < NS_PER_SEC / HOP_NS);
	expect_cut(b);
	bed_clear(b);
}

static void unknown_unicast_that_goes_round_is_cut_too(void **state)
{
	struct bed *b = protected_by(state, SNAP_STP_LOOP_PROTECT);

	frame_simple(&F, MAC_OF(77), MAC_OF(3), 40);
	bed_step(b, 3, &F);
	assert_true(go_round(b) < NS_PER_SEC / HOP_NS);
	expect_cut(b);
	bed_clear(b);
}

static void flows_of_a_blocked_vif_end_with_the_next_frame(void **state)
{
	struct bed *b = protected_by(state, SNAP_STP_LOOP_PROTECT);

	say(b, 4);
	for (uint16_t id = 1; id <= 2; id++) {
		say(b, id);
		for (unsigned i = 0; i < 3; i++) {
			frame_simple(&F, MAC_OF(4), MAC_OF(id), 40);
			bed_step(b, id, &F);
		}
	}
	bed_clear(b);
	say(b, 3);
	go_round(b);
	expect_cut(b);
	bed_clear(b);
	say(b, 4);
	bed_clear(b);
	frame_simple(&F, MAC_OF(4), MAC_OF(blocked(b)), 40);
	bed_step(b, blocked(b), &F);
	EXPECT_NOTHING(b, 4);
	frame_simple(&F, MAC_OF(4), MAC_OF(3 - blocked(b)), 40);
	bed_step(b, (uint16_t)(3 - blocked(b)), &F);
	EXPECT_FRAME(b, 4, &F);
}

static void guest_that_keeps_bpdus_is_cut_out_of_a_tree_too(void **state)
{
	struct bed *b = *state;

	bed_network(b, 1);
	for (uint16_t id = 1; id <= 4; id++) {
		bed_port(b, id, 1);
		bed_stp_port(b, id, SNAP_STP_EDGE | SNAP_STP_LOOP_PROTECT);
	}
	bed_stp(b, 1, 2);
	bed_apply(b);
	bed_tick(b);
	bed_clear(b);
	say(b, 3);
	assert_true(go_round(b) < NS_PER_SEC / HOP_NS);
	expect_cut(b);
	for (unsigned i = 0; i <= 10; i++) {
		bed_warp(b, NS_PER_SEC);
		bed_tick(b);
		bed_clear(b);
	}
	assert_int_equal(state_of(b, 1), STP_STATE_FORWARDING);
	assert_int_equal(state_of(b, 2), STP_STATE_FORWARDING);
}

static void bpdu_of_a_protected_vif_stays_in_its_vlan(void **state)
{
	struct bed *b = protected_by(state, SNAP_STP_LOOP_PROTECT);

	b->network[0].vlan = SNAP_VLAN_8021Q;
	for (uint16_t id = 1; id <= 4; id++)
		bed_vlan(b, id, id <= 2 ? 5 : 6, id <= 2 ? 5 : 6,
			SNAP_VLAN_PVID | SNAP_VLAN_UNTAGGED);
	bed_apply(b);
	frame_bpdu(&F, 0x10, FRAME_BPDU_RST); /* nobody's here: a frame to a group */
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_NOTHING(b, 3);
	EXPECT_NOTHING(b, 4);
}

static unsigned n_hops;

static void count_hop(struct bed *)
{
	n_hops++;
}

/* A broadcast of @vif_id's that is like no other. */
static void say_new(struct bed *b, uint16_t vif_id, const uint8_t *src, uint32_t nth)
{
	frame_simple(&F, MAC_BCAST, src, 40);
	memcpy(F.bytes + 50, &nth, sizeof(nth));
	bed_step(b, vif_id, &F);
}

/* Vif 4, who may say anything, makes the address of vif 3 move without a flood. */
static void steal(struct bed *b)
{
	frame_simple(&F, MAC_OF(1), MAC_OF(3), 40);
	bed_step(b, 4, &F);
}

static void expect_free(struct bed *b, uint16_t vif_id)
{
	assert_int_equal(state_of(b, vif_id), STP_STATE_FORWARDING);
	assert_int_equal(bed_drops(b, vif_id, DROP_LOOP), 0);
	bed_clear(b);
	bed_warp(b, NS_PER_MS);
}

static void who_forges_an_address_does_not_get_its_owner_blocked(void **state)
{
	struct bed *b = protected_by(state, SNAP_STP_LOOP_PROTECT);

	say(b, 1);
	for (uint32_t i = 0; i < 200; i++) {
		steal(b);
		say_new(b, 3, MAC_OF(3), i);
		expect_free(b, 3);
	}
	for (uint32_t i = 200; i < 400; i++) {
		say_new(b, 4, MAC_OF(3), UINT32_MAX - i);
		say_new(b, 3, MAC_OF(3), i);
		expect_free(b, 3);
	}
}

static void who_replays_frames_does_not_get_their_sender_blocked(void **state)
{
	struct bed *b = protected_by(state, SNAP_STP_LOOP_PROTECT);

	say(b, 1);
	for (uint32_t i = 0; i < 200; i++) {
		say_new(b, 3, MAC_OF(3), i);
		for (unsigned k = 0; k < 3; k++) {
			say_new(b, 4, MAC_OF(3), i);
			steal(b);
		}
		expect_free(b, 3);
	}
}

static void who_repeats_itself_under_the_mac_it_was_given_is_never_blocked(void **state)
{
	struct bed *b = protected_by(state, SNAP_STP_LOOP_PROTECT);

	memcpy(b->port[2].mac, MAC_OF(3), 6);
	bed_apply(b);
	say(b, 1);
	for (unsigned i = 0; i < 200; i++) {
		frame_simple(&F, MAC_BCAST, MAC_OF(3), 40);
		bed_step(b, 4, &F);
		steal(b);
		say(b, 3);
		expect_free(b, 3);
	}
}

static void address_that_two_vifs_say_in_turn_is_no_loop(void **state)
{
	struct bed *b = protected_by(state, SNAP_STP_LOOP_PROTECT);

	/* two VRRP routers that both think they are it, or a bond that takes turns */
	for (uint32_t i = 0; i < 400; i++) {
		say_new(b, (uint16_t)(1 + i % 2), MAC_OF(9), i);
		expect_free(b, 1);
		expect_free(b, 2);
	}
}

static void bond_that_says_all_twice_is_no_loop(void **state)
{
	struct bed *b = protected_by(state, SNAP_STP_LOOP_PROTECT);

	for (uint32_t i = 0; i < 200; i++) {
		say_new(b, 1, MAC_OF(9), i);
		say_new(b, 2, MAC_OF(9), i);
		expect_free(b, 1);
		expect_free(b, 2);
	}
}

static void what_the_looping_guest_says_itself_is_cut_too(void **state)
{
	struct bed *b = protected_by(state, SNAP_STP_LOOP_PROTECT);

	memcpy(b->port[0].mac, MAC_OF(1), 6);
	bed_apply(b);
	frame_simple(&F, MAC_BCAST, MAC_OF(1), 40);
	bed_send(b, 1, &F);
	bed_send(b, 2, &F);
	bed_run(b);
	assert_true(go_round(b) < NS_PER_SEC / HOP_NS);
	assert_int_equal(blocked(b), 2); /* the other one speaks for itself */
	expect_cut(b);
	bed_clear(b);
}

static void loop_through_a_vif_that_is_not_protected_is_cut_at_the_other(void **state)
{
	struct bed *b = protected_by(state, 0);

	bed_stp_port(b, 1, SNAP_STP_LOOP_PROTECT);
	bed_apply(b);
	say(b, 3);
	assert_true(go_round(b) < NS_PER_SEC / HOP_NS);
	assert_int_equal(blocked(b), 1);
	expect_cut(b);
	bed_clear(b);
}

/* The guest got @f by a trunk and sends it untagged, padded and with its checksum, or the other way round. */
static void change(struct frame *f, bool is_to_trunk)
{
	if (is_to_trunk) {
		memmove(f->bytes + 16, f->bytes + 12, f->len - 12);
		memcpy(f->bytes + 12, (uint8_t[]){ 0x81, 0, 0, 5 }, 4);
		f->len += 4;
		memcpy(f->bytes + 16 + 2 + 20 + 6, (uint8_t[]){ 1, 2 }, 2);
		return;
	}
	memmove(f->bytes + 12, f->bytes + 16, f->len - 16);
	f->len -= 4;
	memcpy(f->bytes + 12 + 2 + 20 + 6, (uint8_t[]){ 3, 4 }, 2);
	if (f->len < 60) {
		memset(f->bytes + f->len, 0, 60 - f->len);
		f->len = 60;
	}
}

static void turn(struct bed *b, uint16_t from, uint16_t to)
{
	struct mem_frame f;

	while (vif_mem_take(b->vif[from], &f)) {
		F.len = f.len;
		F.offload = f.offload;
		memcpy(F.bytes, f.bytes, f.len);
		free(f.bytes);
		change(&F, to == 1);
		bed_send(b, to, &F);
	}
}

static void guest_that_takes_tags_off_and_puts_them_on_is_found(void **state)
{
	struct bed *b = protected_by(state, SNAP_STP_LOOP_PROTECT);
	unsigned hops = 0;

	b->network[0].vlan = SNAP_VLAN_8021Q;
	bed_vlan(b, 1, 5, 5, 0);
	for (uint16_t id = 2; id <= 4; id++)
		bed_vlan(b, id, 5, 5, SNAP_VLAN_PVID | SNAP_VLAN_UNTAGGED);
	bed_apply(b);
	frame_simple(&F, MAC_BCAST, MAC_OF(3), 4);
	bed_step(b, 3, &F);
	while (state_of(b, 1) + state_of(b, 2) == 0 && hops++ < HOPS_MAX) {
		turn(b, 1, 2);
		turn(b, 2, 1);
		bed_warp(b, HOP_NS);
		bed_run(b);
	}
	assert_true(hops < NS_PER_SEC / HOP_NS);
	expect_cut(b);
	bed_clear(b);
}

static void vifs_that_are_just_protected_do_without_the_tables_owner(void **state)
{
	struct bed *b = protected_by(state, SNAP_STP_LOOP_PROTECT);

	for (uint16_t id = 1; id <= 4; id++)
		say(b, id);
	bed_clear(b);
	n_hops = 0;
	b->on_hop = count_hop;
	for (uint16_t id = 1; id <= 3; id++) {
		frame_simple(&F, MAC_OF(4), MAC_OF(id), 40);
		bed_step(b, id, &F);
		EXPECT_FRAME(b, 4, &F);
		say(b, id);
		bed_clear(b);
	}
	assert_true(n_hops == 0 || b->verdicts != NULL); /* who notes them wants to see each flow */
	b->on_hop = NULL;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		BED_TESTS(drop_loop_cuts_the_way_through_a_guest_within_a_second),
		BED_TESTS(without_protection_the_storm_goes_on),
		BED_TESTS(blocked_vif_is_let_go_and_a_loop_that_stays_is_cut_again),
		BED_TESTS(blocked_vif_that_was_down_begins_anew),
		BED_TESTS(station_that_moves_is_no_loop),
		BED_TESTS(guest_may_send_by_two_vifs_in_turn),
		BED_TESTS(what_the_host_says_makes_no_storm_either),
		BED_TESTS(unknown_unicast_that_goes_round_is_cut_too),
		BED_TESTS(flows_of_a_blocked_vif_end_with_the_next_frame),
		BED_TESTS(guest_that_keeps_bpdus_is_cut_out_of_a_tree_too),
		BED_TESTS(bpdu_of_a_protected_vif_stays_in_its_vlan),
		BED_TESTS(who_forges_an_address_does_not_get_its_owner_blocked),
		BED_TESTS(who_replays_frames_does_not_get_their_sender_blocked),
		BED_TESTS(who_repeats_itself_under_the_mac_it_was_given_is_never_blocked),
		BED_TESTS(address_that_two_vifs_say_in_turn_is_no_loop),
		BED_TESTS(bond_that_says_all_twice_is_no_loop),
		BED_TESTS(what_the_looping_guest_says_itself_is_cut_too),
		BED_TESTS(loop_through_a_vif_that_is_not_protected_is_cut_at_the_other),
		BED_TESTS(guest_that_takes_tags_off_and_puts_them_on_is_found),
		BED_TESTS(vifs_that_are_just_protected_do_without_the_tables_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
