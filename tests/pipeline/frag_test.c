/* SPDX-License-Identifier: Apache-2.0 */
/* frag_test.c - fragments where packets are translated, and packets too large for the way out.
 * Topology: tests/lib/routed.h. */
#include "bridge/nat.h"
#include "tests/lib/routed.h"
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"
#include "vswitch/base/netaddr.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define G1 "10.0.1.11"
#define G2 "10.0.1.12"
#define PIECES_MAX 64

/* A piece of a frame: @len bytes of its payload from @off on; @more says that others follow. */
struct cut {
	uint32_t off, len;
	bool more;
};

static struct frame whole, piece_frame;
static uint16_t next_id = 100;

static void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static bool is_v6(const uint8_t *frame)
{
	return frame[14] >> 4 == 6;
}

static void make_piece4(const struct cut *c)
{
	uint8_t *ip = piece_frame.bytes + 14;

	memcpy(piece_frame.bytes, whole.bytes, 34);
	if (c->off + c->len <= 65535)
		memcpy(ip + 20, whole.bytes + 34 + c->off, c->len);
	put16(ip + 2, 20 + c->len);
	put16(ip + 4, next_id);
	put16(ip + 6, c->off / 8 | (c->more ? 0x2000 : 0));
	put16(ip + 10, 0);
	put16(ip + 10, (uint16_t)~sum_of(ip, 20, 0));
	piece_frame.len = 34 + c->len;
}

static void make_piece6(const struct cut *c)
{
	uint8_t *ip = piece_frame.bytes + 14;

	memcpy(piece_frame.bytes, whole.bytes, 54);
	memset(ip + 40, 0, 8);
	ip[40] = ip[6];
	ip[6] = 44;
	put16(ip + 42, c->off | c->more);
	put16(ip + 46, next_id);
	if (c->off + c->len <= 65535)
		memcpy(ip + 48, whole.bytes + 54 + c->off, c->len);
	put16(ip + 4, 8 + c->len);
	piece_frame.len = 62 + c->len;
}

static void send_cut(struct bed *b, uint16_t vif_id, struct cut c)
{
	memset(&piece_frame.offload, 0, sizeof(piece_frame.offload));
	if (is_v6(whole.bytes))
		make_piece6(&c);
	else
		make_piece4(&c);
	bed_send(b, vif_id, &piece_frame);
}

/* The frame of @flow in @n pieces of 1000 bytes and a last one of 500, in the order of @order. */
static void send_flow(
	struct bed *b, uint16_t vif_id, struct flow flow, unsigned n, const unsigned *order)
{
	uint32_t head = flow.proto == 6 ? 32 : 8;

	flow_frame(&whole, b, vif_id, flow, n * 1000 + 500 - head);
	next_id++;
	for (unsigned i = 0; i <= n; i++) {
		unsigned k = order != NULL ? order[i] : i;

		send_cut(b, vif_id, (struct cut){ k * 1000, k < n ? 1000 : 500, k < n });
	}
	bed_run(b);
}

/* What @vif_id got, as one packet again, checksums and all; pieces in order. */
static void expect_whole(struct bed *b, uint16_t vif_id, struct flow want, unsigned n_pieces)
{
	static uint8_t joined[70000];
	uint32_t len = 0, head = 0, l4;
	char src[IP_STR_LEN];
	struct ipaddr a = { { [10] = 0xff, [11] = 0xff } };

	for (unsigned i = 0; i < n_pieces; i++) {
		struct mem_frame got;
		uint32_t at, off, mine;

		assert_true(vif_mem_take(b->vif[vif_id], &got));
		at = is_v6(got.bytes) ? 62 : 34;
		off = is_v6(got.bytes) ? get16(got.bytes + 14 + 42) & 0xfff8u
				       : (get16(got.bytes + 20) & 0x1fffu) * 8u;
		mine = is_v6(got.bytes) ? get16(got.bytes + 18) - 8 : get16(got.bytes + 16) - 20;
		if (i == 0) {
			head = is_v6(got.bytes) ? 54 : 34;
			memcpy(joined, got.bytes, head);
			joined[20] = is_v6(got.bytes) ? got.bytes[54] : joined[20];
		}
		assert_int_equal(off, len);
		memcpy(joined + head + off, got.bytes + at, mine);
		len += mine;
		free(got.bytes);
	}
	EXPECT_NOTHING(b, vif_id);
	if (is_v6(joined)) {
		put16(joined + 18, len);
		memcpy(a.b, joined + 22, 16);
	} else {
		put16(joined + 16, 20 + len);
		put16(joined + 20, 0);
		put16(joined + 24, 0);
		put16(joined + 24, (uint16_t)~sum_of(joined + 14, 20, 0));
		memcpy(a.b + 12, joined + 26, 4);
	}
	if (frame_fault(joined, head + len, false) != NULL)
		fail_msg("proto %u: %s", joined[is_v6(joined) ? 20 : 23],
			frame_fault(joined, head + len, false));
	assert_string_equal(ip_print(&a, src), want.src);
	l4 = head;
	if (want.sport != 0)
		assert_int_equal(get16(joined + l4 + (want.proto == 1 ? 4 : 0)), want.sport);
}

static void expect_dropped(struct bed *b, uint16_t vif_id, enum drop_reason reason, uint64_t n)
{
	for (unsigned r = 1; r < DROP_N; r++)
		if (bed_drops(b, vif_id, (enum drop_reason)r) != (r == reason ? n : 0))
			fail_msg("%s counted %u times", drop_reason_texts[r].name,
				(unsigned)bed_drops(b, vif_id, (enum drop_reason)r));
	b->io.vif_counters[vif_id].drops[reason] = 0;
}

static void fragments_are_translated_in_any_order(void **state)
{
	static const unsigned orders[][4]
		= { { 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 1, 3, 0, 2 }, { 2, 0, 3, 1 } };
	struct bed *b = routed_bed(state);

	b->router[0].flags |= SNAP_ROUTER_NAT6;
	bed_apply(b);
	for (unsigned i = 0; i < ARRAY_LEN(orders); i++) {
		send_flow(b, 1, UDP(G1, FAR4, 5000, 53), 3, orders[i]);
		expect_whole(b, LAN_VIF, UDP(UP4, FAR4, 5000, 53), 4);
		send_flow(b, LAN_VIF, UDP(FAR4, UP4, 53, 5000), 3, orders[i]);
		expect_whole(b, 1, UDP(FAR4, G1, 53, 5000), 4);
		send_flow(b, 1, UDP("fd00:1::11", FAR6, 5000, 53), 3, orders[i]);
		expect_whole(b, LAN_VIF, UDP(UP6, FAR6, 5000, 53), 4);
		send_flow(b, 1, PING(G1, FAR4, 77), 3, orders[i]);
		expect_whole(b, LAN_VIF, PING(UP4, FAR4, 77), 4);
		send_flow(b, 1, TCP(G1, FAR4, 4000, 80, 2), 3, orders[i]);
		expect_whole(b, LAN_VIF, TCP(UP4, FAR4, 4000, 80, 2), 4);
	}
}

static void fragments_wait_for_their_neighbour_too(void **state)
{
	struct bed *b = *state;

	routed_describe(b);
	bed_apply(b);
	send_flow(b, 1, UDP(G1, FAR4, 5000, 53), 2, NULL);
	answer(b, LAN_VIF);
	expect_whole(b, LAN_VIF, UDP(UP4, FAR4, 5000, 53), 3);
}

static void drop_frag_reasm_timeout_when_one_does_not_come(void **state)
{
	struct bed *b = routed_bed(state);

	flow_frame(&whole, b, 1, UDP(G1, FAR4, 5000, 53), 1992);
	send_cut(b, 1, (struct cut){ 0, 1000, true });
	bed_run(b);
	expect_dropped(b, 1, DROP_FRAG_REASM_TIMEOUT, 0);
	assert_true(pipeline_due_ns(b->pipeline) > b->io.now_ns);
	bed_warp(b, FRAG_WAIT_NS);
	bed_tick(b);
	expect_dropped(b, 1, DROP_FRAG_REASM_TIMEOUT, 1);
	EXPECT_NOTHING(b, LAN_VIF);
	assert_int_equal(pipeline_held(b->pipeline), 0);
}

/* Teardrop, bonk, jolt, newtear, ...: each list is sent, and nothing of it passes. */
static const struct cut attacks[][5] = {
	{ { 0, 1000, true }, { 992, 1000, true }, { 1992, 500, false } },
	{ { 0, 1000, true }, { 0, 992, true }, { 1000, 500, false } },
	{ { 0, 1000, true }, { 400, 400, true }, { 1000, 500, false } },
	{ { 0, 1000, true }, { 1000, 1000, true }, { 1000, 992, true }, { 2000, 500, false } },
	{ { 1000, 500, false }, { 1000, 400, false }, { 0, 1000, true } },
	{ { 0, 1000, true }, { 2000, 500, false }, { 1000, 1400, true } },
	{ { 0, 1000, true }, { 2000, 500, false }, { 3000, 504, true }, { 1000, 1000, true } },
	{ { 1000, 500, false }, { 1496, 400, true }, { 0, 1000, true } },
	{ { 0, 1000, true }, { 1000, 500, true }, { 1496, 500, false } },
	{ { 1000, 1000, true }, { 500 / 8 * 8, 1000, true }, { 0, 1000, true },
		{ 2000, 500, false } },
	{ { 2000, 500, false }, { 1000, 1400, true }, { 0, 1000, true } },
	{ { 0, 1000, true }, { 1000, 0, false } },
	{ { 0, 1000, true }, { 1000, 8, true }, { 1008, 500, false } },
	{ { 0, 8, true }, { 8, 1000, true }, { 1008, 500, false } },
	{ { 0, 24, true }, { 24, 1000, false } },
	{ { 0, 1000, true }, { 65528, 1000, false } },
	{ { 0, 1000, true }, { 65528, 8, false } },
	{ { 65528, 400, false } },
	{ { 0, 1001, true }, { 1000, 500, false } },
	{ { 0, 1000, true }, { 1000, 1000, true } },
	{ { 1000, 1000, true }, { 2000, 500, false } },
};

static void fragments_that_overlap_or_lie_do_not_pass(void **state)
{
	struct bed *b = routed_bed(state);

	b->router[0].flags |= SNAP_ROUTER_NAT6;
	bed_apply(b);
	for (unsigned i = 0; i < 2 * ARRAY_LEN(attacks); i++) {
		const struct cut *c = attacks[i / 2];

		if (i % 2 == 0)
			flow_frame(&whole, b, 1, UDP(G1, FAR4, 5000, 53), 65000);
		else
			flow_frame(&whole, b, 1, UDP("fd00:1::11", FAR6, 5000, 53), 65000);
		next_id++;
		for (unsigned k = 0; k < 5 && (c[k].len | c[k].off) != 0; k++)
			send_cut(b, 1, c[k]);
		bed_run(b);
		if (vif_mem_count(b->vif[LAN_VIF]) != 0)
			fail_msg("attack %u passes", i);
		bed_warp(b, FRAG_WAIT_NS);
		bed_tick(b);
		assert_int_equal(pipeline_held(b->pipeline), 0);
	}
	assert_true(bed_drops(b, 1, DROP_FRAG_OVERLAP) > 20);
}

static void drop_frag_overlap_takes_what_comes_later_along(void **state)
{
	struct bed *b = routed_bed(state);

	flow_frame(&whole, b, 1, UDP(G1, FAR4, 5000, 53), 3000);
	next_id++;
	send_cut(b, 1, (struct cut){ 0, 1000, true });
	send_cut(b, 1, (struct cut){ 992, 1000, true });
	send_cut(b, 1, (struct cut){ 0, 1000, true });
	send_cut(b, 1, (struct cut){ 1000, 500, false });
	bed_run(b);
	expect_dropped(b, 1, DROP_FRAG_OVERLAP, 4);
	EXPECT_NOTHING(b, LAN_VIF);
}

static void drop_dup_frag_costs_only_the_second_one(void **state)
{
	struct bed *b = routed_bed(state);

	flow_frame(&whole, b, 1, UDP(G1, FAR4, 5000, 53), 1492);
	next_id++;
	send_cut(b, 1, (struct cut){ 0, 1000, true });
	send_cut(b, 1, (struct cut){ 0, 1000, true });
	send_cut(b, 1, (struct cut){ 1000, 500, false });
	bed_run(b);
	expect_dropped(b, 1, DROP_DUP_FRAG, 1);
	expect_whole(b, LAN_VIF, UDP(UP4, FAR4, 5000, 53), 2);
}

static void drop_frag_tiny_below_400_bytes_or_without_ports(void **state)
{
	struct bed *b = routed_bed(state);

	flow_frame(&whole, b, 1, TCP(G1, FAR4, 5000, 53, 2), 1480);
	next_id++;
	send_cut(b, 1, (struct cut){ 0, 392, true });
	send_cut(b, 1, (struct cut){ 0, 16, true });
	bed_run(b);
	expect_dropped(b, 1, DROP_FRAG_TINY, 2);
}

/* As fast as it may be: what another guest sends in pieces meanwhile is not lost. */
static void drop_frag_quota_costs_a_flooder_its_own(void **state)
{
	struct bed *b = routed_bed(state);

	for (unsigned i = 0; i < 500; i++) {
		flow_frame(&whole, b, 1, UDP(G1, FAR4, 5000, 53), 1492);
		next_id++;
		send_cut(b, 1, (struct cut){ 0, 1000, true });
		bed_run(b);
		if (i % 50 == 0) {
			send_flow(b, 2, UDP(G2, FAR4, 5000, 53), 1, NULL);
			expect_whole(b, LAN_VIF, UDP(UP4, FAR4, 5000, 53), 2);
		}
	}
	assert_int_equal(bed_drops(b, 1, DROP_FRAG_QUOTA), 500 - FRAG_VIF_DATAGRAMS_MAX);
	expect_dropped(b, 2, DROP_NONE, 0);
	assert_int_equal(pipeline_held(b->pipeline), FRAG_VIF_DATAGRAMS_MAX);
	bed_warp(b, FRAG_WAIT_NS);
	bed_tick(b);
	bed_tick(b);
	assert_int_equal(pipeline_held(b->pipeline), 0);
}

static void what_may_be_cut_is_cut_on_the_way_out(void **state)
{
	struct bed *b = routed_bed(state);

	b->router[3].mtu = 1280;
	bed_apply(b);
	flow_frame(&whole, b, 1, UDP(G1, FAR4, 5000, 53), 3000);
	put16(whole.bytes + 20, 0);
	frame_end(&whole);
	bed_step(b, 1, &whole);
	expect_whole(b, LAN_VIF, UDP(UP4, FAR4, 5000, 53), 3);
	frame_partial(&whole);
	bed_step(b, 1, &whole);
	expect_whole(b, LAN_VIF, UDP(UP4, FAR4, 5000, 53), 3);
}

static void what_is_cut_waits_when_the_burst_is_full(void **state)
{
	struct bed *b = routed_bed(state);
	unsigned n = 0;

	b->router[3].mtu = 1280;
	bed_apply(b);
	for (unsigned i = 0; i < 60; i++) {
		flow_frame(&whole, b, 1, UDP(G1, FAR4, 5000, 53), 3000);
		put16(whole.bytes + 20, 0);
		frame_end(&whole);
		bed_send(b, 1, &whole);
	}
	bed_run(b);
	while (pipeline_due_ns(b->pipeline) == 1 && n++ < 10)
		bed_tick(b);
	assert_int_equal(vif_mem_count(b->vif[LAN_VIF]), 60 * 3);
	bed_clear(b);
}

static void fragments_pass_as_they_are_where_nothing_is_translated(void **state)
{
	struct bed *b = *state;

	routed_describe(b);
	b->router[0].flags = 0;
	bed_apply(b);
	routed_neighbours(b);
	flow_frame(&whole, b, 4, UDP("10.0.2.14", FAR4, 500, 53), 1992);
	send_cut(b, 4, (struct cut){ 1000, 496, true });
	bed_run(b);
	assert_int_equal(vif_mem_count(b->vif[LAN_VIF]), 1);
	bed_clear(b);
}

static void drop_ip_fragment_to_the_uplinks_own_address(void **state)
{
	struct bed *b = routed_bed(state);

	send_flow(b, LAN_VIF, PING(FAR4, UP4, 7), 1, NULL);
	expect_dropped(b, LAN_VIF, DROP_IP_FRAGMENT, 2);
	send_flow(b, LAN_VIF, UDP(FAR4, UP4, 7, 8), 1, NULL);
	expect_dropped(b, LAN_VIF, DROP_NO_SOCKET, 2);
	EXPECT_ICMP(b, LAN_VIF, UP4, 3, 3);
	EXPECT_NOTHING(b, LAN_VIF);
}

static void drop_needs_fragment_of_a_gso_frame_that_may_be_cut(void **state)
{
	struct bed *b = routed_bed(state);

	b->router[3].mtu = 1400;
	bed_apply(b);
	flow_frame(&whole, b, 1, TCP(G1, FAR4, 5000, 80, 2), 20000);
	put16(whole.bytes + 20, 0);
	frame_end(&whole);
	frame_gso(&whole, PKT_GSO_TCP4, 1460);
	bed_step(b, 1, &whole);
	expect_dropped(b, 1, DROP_NEEDS_FRAGMENT, 1);
	EXPECT_NOTHING(b, LAN_VIF);
}

static void a_rejected_datagram_is_answered_once(void **state)
{
	struct bed *b = routed_bed(state);

	b->router[0].flags |= SNAP_ROUTER_NAT6;
	bed_apply(b);
	send_flow(b, LAN_VIF, UDP(FAR6, "fd00:1::11", 7, 8), 2, NULL);
	expect_dropped(b, LAN_VIF, DROP_POLICY_REJECT, 3);
	assert_int_equal(vif_mem_count(b->vif[LAN_VIF]), 1);
	EXPECT_ICMP(b, LAN_VIF, UP6, 1, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(fragments_are_translated_in_any_order),
		BED_TESTS(fragments_wait_for_their_neighbour_too),
		BED_TESTS(drop_frag_reasm_timeout_when_one_does_not_come),
		BED_TESTS(fragments_that_overlap_or_lie_do_not_pass),
		BED_TESTS(drop_frag_overlap_takes_what_comes_later_along),
		BED_TESTS(drop_dup_frag_costs_only_the_second_one),
		BED_TESTS(drop_frag_tiny_below_400_bytes_or_without_ports),
		BED_TESTS(drop_frag_quota_costs_a_flooder_its_own),
		BED_TESTS(fragments_pass_as_they_are_where_nothing_is_translated),
		BED_TESTS(drop_ip_fragment_to_the_uplinks_own_address),
		BED_TESTS(drop_needs_fragment_of_a_gso_frame_that_may_be_cut),
		BED_TESTS(a_rejected_datagram_is_answered_once),
		BED_TESTS(what_may_be_cut_is_cut_on_the_way_out),
		BED_TESTS(what_is_cut_waits_when_the_burst_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
