/* SPDX-License-Identifier: Apache-2.0 */
/* ct_test.c - what packets mean for their connection, and which connections go when there is no room.
 * Topology: tests/lib/routed.h. */
#include "bridge/nat.h"
#include "tests/lib/routed.h"
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define G1 "10.0.1.11"
#define G2 "10.0.1.12"
#define FIN 0x11
#define SYN 0x02
#define RST 0x04
#define ACK 0x10
#define SYNACK 0x12

static struct frame F;

/* A TCP segment of the one connection these tests are about; from the guest or from outside. */
struct said {
	bool by_guest;
	uint8_t flags;
	uint32_t seq, ack, payload;
	uint16_t win; /* 0: 1000 */
	uint8_t shift; /* of a SYN; 0: no option */
};

static void put32(uint8_t *at, uint32_t v)
{
	v = htobe32(v);
	memcpy(at, &v, 4);
}

static void say(struct bed *b, struct said s)
{
	uint16_t vif_id = s.by_guest ? 1 : LAN_VIF;
	uint8_t *tcp;

	flow_frame(&F, b, vif_id,
		s.by_guest ? TCP(G1, FAR4, 5000, 80, s.flags) : TCP(FAR4, UP4, 80, 5000, s.flags),
		s.payload);
	tcp = F.bytes + 34;
	put32(tcp + 4, s.seq);
	put32(tcp + 8, s.ack);
	if (s.win != 0) {
		tcp[14] = (uint8_t)(s.win >> 8);
		tcp[15] = (uint8_t)s.win;
	}
	if (s.shift != 0)
		memcpy(tcp + 20, (const uint8_t[]){ 3, 3, s.shift }, 3);
	frame_end(&F);
	bed_step(b, vif_id, &F);
}

static void guest(struct bed *b, uint8_t flags, uint32_t seq, uint32_t ack)
{
	say(b, (struct said){ .by_guest = true, .flags = flags, .seq = seq, .ack = ack });
}

static void far(struct bed *b, uint8_t flags, uint32_t seq, uint32_t ack)
{
	say(b, (struct said){ .flags = flags, .seq = seq, .ack = ack });
}

static struct msg_ct_entry the_connection(struct bed *b)
{
	static struct msg_ct_entry e[2];
	struct ct_dump at = { .now_ns = b->io.now_ns };

	return ct_dump(b->ct, &at, e, 2) == 1 ? e[0] : (struct msg_ct_entry){ 0 };
}

static void expect_state(struct bed *b, enum ct_state state, uint32_t timeout_s, bool is_assured)
{
	struct msg_ct_entry e = the_connection(b);

	assert_int_equal(e.state, state);
	assert_int_equal(e.timeout_s, timeout_s);
	assert_int_equal((e.flags & CT_ASSURED) != 0, is_assured);
}

static void establish(struct bed *b)
{
	guest(b, SYN, 100, 0);
	far(b, SYNACK, 900, 101);
	guest(b, ACK, 101, 901);
	expect_state(b, CT_TCP_ESTABLISHED, 432000, true);
}

static void a_handshake_has_the_states_and_times_of_linux(void **state)
{
	struct bed *b = routed_bed(state);

	guest(b, SYN, 100, 0);
	expect_state(b, CT_TCP_SYN_SENT, 120, false);
	bed_warp(b, 10 * NS_PER_SEC);
	guest(b, SYN, 100, 0); /* once more: no longer life */
	expect_state(b, CT_TCP_SYN_SENT, 110, false);
	far(b, SYNACK, 900, 101);
	expect_state(b, CT_TCP_SYN_RECV, 60, false);
	guest(b, ACK, 101, 901);
	expect_state(b, CT_TCP_ESTABLISHED, 432000, true);
	bed_clear(b);
}

static void both_ends_can_end_it_first(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		struct bed *b = i == 0 ? routed_bed(state) : *state;

		establish(b);
		if (i == 0) {
			guest(b, FIN, 101, 901);
			expect_state(b, CT_TCP_FIN_WAIT, 120, true);
			far(b, ACK, 901, 102);
			expect_state(b, CT_TCP_FIN_WAIT, 120, true);
			far(b, FIN, 901, 102);
			expect_state(b, CT_TCP_LAST_ACK, 30, true);
			guest(b, ACK, 102, 902);
		} else {
			far(b, FIN, 901, 101);
			expect_state(b, CT_TCP_FIN_WAIT, 120, true);
			guest(b, FIN, 101, 902);
			expect_state(b, CT_TCP_LAST_ACK, 30, true);
			far(b, ACK, 902, 102);
		}
		expect_state(b, CT_TCP_TIME_WAIT, 120, true);
		guest(b, ACK, 102, 902); /* a last word changes nothing */
		expect_state(b, CT_TCP_TIME_WAIT, 120, true);
		ct_flush(b->ct, 0, 0);
		bed_clear(b);
	}
}

static void both_ends_can_end_it_at_once(void **state)
{
	struct bed *b = routed_bed(state);

	establish(b);
	guest(b, FIN, 101, 901);
	far(b, FIN, 901, 101); /* they cross */
	expect_state(b, CT_TCP_LAST_ACK, 30, true);
	guest(b, ACK, 102, 902);
	expect_state(b, CT_TCP_LAST_ACK, 30, true);
	far(b, ACK, 902, 102);
	expect_state(b, CT_TCP_TIME_WAIT, 120, true);
	bed_clear(b);
}

static void both_ends_can_open_it_at_once(void **state)
{
	struct bed *b = routed_bed(state);

	guest(b, SYN, 100, 0); /* RFC 9293 figure 8 */
	far(b, SYN, 900, 0);
	expect_state(b, CT_TCP_SYN_SENT, 120, false);
	guest(b, SYNACK, 100, 901);
	expect_state(b, CT_TCP_SYN_RECV, 60, false);
	far(b, SYNACK, 900, 101);
	expect_state(b, CT_TCP_SYN_RECV, 60, false);
	guest(b, ACK, 101, 901);
	expect_state(b, CT_TCP_ESTABLISHED, 432000, true);
	assert_int_equal(vif_mem_count(b->vif[1]), 2); /* the far side's word came through */
	bed_clear(b);
}

static void a_refused_connection_is_over(void **state)
{
	struct bed *b = routed_bed(state);

	guest(b, SYN, 100, 0);
	far(b, RST | ACK, 0, 55); /* acknowledges what was not sent: blind */
	expect_state(b, CT_TCP_SYN_SENT, 120, false);
	far(b, RST | ACK, 0, 101);
	expect_state(b, CT_TCP_CLOSED, 10, false);
	guest(b, SYN, 5000, 0); /* tried again from the same port */
	expect_state(b, CT_TCP_SYN_SENT, 120, false);
	guest(b, RST, 5001, 0); /* the guest gave up itself */
	expect_state(b, CT_TCP_CLOSED, 10, false);
	bed_clear(b);
}

static void a_port_in_time_wait_can_be_used_again(void **state)
{
	struct bed *b = routed_bed(state);

	establish(b);
	guest(b, FIN, 101, 901);
	far(b, FIN, 901, 102);
	guest(b, ACK, 102, 902);
	expect_state(b, CT_TCP_TIME_WAIT, 120, true);
	guest(b, SYN, 0xfffffff0, 0);
	expect_state(b, CT_TCP_SYN_SENT, 120, false);
	far(b, SYNACK, 0x80000000, 0xfffffff1);
	guest(b, ACK, 0xfffffff1, 0x80000001);
	expect_state(b, CT_TCP_ESTABLISHED, 432000, true);
	bed_clear(b);
}

static void what_is_taken_up_in_the_middle_is_kept_when_both_sides_speak(void **state)
{
	struct bed *b = routed_bed(state);

	guest(b, ACK, 7000, 8000); /* plain networks: as Linux' tcp_loose */
	expect_state(b, CT_TCP_ESTABLISHED, 300, false);
	guest(b, ACK, 7000, 8000);
	expect_state(b, CT_TCP_ESTABLISHED, 300, false);
	far(b, ACK, 8000, 7000);
	expect_state(b, CT_TCP_ESTABLISHED, 432000, true);
	ct_flush(b->ct, 0, 0);
	guest(b, FIN, 7000, 8000); /* but neither its end nor an answer begins one */
	guest(b, SYNACK, 7000, 8000);
	guest(b, RST, 7000, 8000);
	assert_int_equal(bed_drops(b, 1, DROP_CT_INVALID), 3);
	expect_state(b, 0, 0, false);
	bed_clear(b);
}

/* Whoever does not see the connection has to guess 32 bits of it, less a window. */
static void segments_outside_the_windows_change_nothing(void **state)
{
	struct bed *b = routed_bed(state);

	establish(b);
	bed_warp(b, NS_PER_SEC);
	far(b, FIN, 901 + 70000, 101); /* beyond what the guest can take */
	far(b, FIN, 901 - 70000, 101); /* long gone */
	far(b, FIN, 901, 102); /* acknowledges what was not sent */
	far(b, FIN, 901, 101 - 70000);
	far(b, ACK, 0x40000000, 101); /* to make the next one look exact */
	far(b, RST, 0x40000000, 0);
	guest(b, FIN, 101 + 70000, 901);
	expect_state(b, CT_TCP_ESTABLISHED, 431999, true);
	assert_int_equal(bed_drops(b, LAN_VIF, DROP_CT_INVALID), 0); /* the receiver is to judge */
	far(b, RST, 901, 0);
	expect_state(b, CT_TCP_CLOSED, 10, true);
	bed_clear(b);
}

static void windows_are_scaled_when_both_sides_offered_it(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		struct bed *b = i == 0 ? routed_bed(state) : *state;

		say(b, (struct said){ .by_guest = true, .flags = SYN, .seq = 100, .shift = 7 });
		say(b,
			(struct said){
				.flags = SYNACK, .seq = 900, .ack = 101, .shift = i == 0 ? 7 : 0 });
		say(b,
			(struct said){ .by_guest = true,
				.flags = ACK,
				.seq = 101,
				.ack = 901,
				.win = 8192 }); /* 1 MiB with the shift */
		far(b, FIN, 901 + 1000000, 101);
		expect_state(b, i == 0 ? CT_TCP_FIN_WAIT : CT_TCP_ESTABLISHED,
			i == 0 ? 120 : 432000, true);
		ct_flush(b->ct, 0, 0);
		bed_clear(b);
	}
}

static void windows_move_with_the_transfer_and_across_zero(void **state)
{
	struct bed *b = routed_bed(state);
	uint32_t at = 0xffffe000;

	guest(b, SYN, at++, 0);
	far(b, SYNACK, 900, at);
	guest(b, ACK, at, 901);
	for (unsigned i = 0; i < 100; i++) {
		say(b,
			(struct said){ .by_guest = true,
				.flags = ACK,
				.seq = at,
				.ack = 901,
				.payload = 1400 });
		at += 1400;
		if (i % 8 == 7)
			far(b, ACK, 901, at);
		bed_clear(b);
	}
	guest(b, FIN, at, 901);
	expect_state(b, CT_TCP_FIN_WAIT, 120, true);
	far(b, FIN, 901, at + 1);
	guest(b, ACK, at + 1, 902);
	expect_state(b, CT_TCP_TIME_WAIT, 120, true);
	bed_clear(b);
}

/* No room. */

static unsigned room(const struct bed *b)
{
	return b->ct->tab.n_slots / 2;
}

/* @n unanswered ones of @vif_id; far ports from @first on, so that no two meet. */
static void flood(struct bed *b, uint16_t vif_id, unsigned first, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		flow_frame(&F, b, vif_id,
			UDP(vif_id == 1 ? G1 : G2, FAR4, (uint16_t)(2000 + i % 1000),
				(uint16_t)(first + i / 1000)),
			0);
		bed_send(b, vif_id, &F);
		if (i % 500 != 499 && i + 1 != n)
			continue;
		bed_run(b);
		bed_clear(b);
	}
}

/* One that is worth keeping. */
static void converse(struct bed *b, uint16_t sport)
{
	flow_step(b, 2, UDP(G2, FAR4, sport, 443), 0);
	flow_step(b, LAN_VIF, UDP(FAR4, UP4, 443, sport), 0);
	flow_step(b, 2, UDP(G2, FAR4, sport, 443), 0);
	bed_clear(b);
}

/* The lists of weak connections say the same as the table. */
static void check_weak(const struct bed *b)
{
	static struct msg_ct_entry e[64];
	struct ct_dump at = { .now_ns = b->io.now_ns };
	uint32_t weak[VIF_ID_MAX] = { 0 }, all = 0;

	do {
		uint32_t n = ct_dump(b->ct, &at, e, ARRAY_LEN(e));

		for (uint32_t i = 0; i < n; i++)
			weak[e[i].vif_id] += (e[i].flags & CT_ASSURED) == 0
				|| e[i].state == CT_TCP_LAST_ACK || e[i].state == CT_TCP_TIME_WAIT
				|| e[i].state == CT_TCP_CLOSED;
	} while (at.cursor != 0);
	for (unsigned v = 0; v < VIF_ID_MAX; v++) {
		assert_int_equal(b->ct->weak[v].n, weak[v]);
		assert_int_equal(b->ct->weak[v].first != 0, weak[v] != 0);
		all += weak[v];
	}
	assert_int_equal(b->ct->n_weak, all);
}

static void a_flood_evicts_its_own_and_nobody_elses(void **state)
{
	struct bed *b = routed_bed(state);

	for (uint16_t i = 0; i < 20; i++)
		converse(b, (uint16_t)(3000 + i));
	flow_step(b, 2, UDP(G2, FAR4, 4000, 53), 0); /* not answered yet */
	flood(b, 1, 1, 3 * room(b));
	check_weak(b);
	assert_int_equal(bed_drops(b, 1, DROP_CT_TABLE_FULL), 0);
	assert_int_equal(ct_count(b->ct, 2), 21);
	assert_int_equal(ct_count(b->ct, 1), room(b) - 21);
	bed_clear(b);
	flow_step(b, LAN_VIF, UDP(FAR4, UP4, 443, 3007), 0);
	EXPECT_FLOW(b, 2, UDP(FAR4, G2, 443, 3007));
	flow_step(b, LAN_VIF, UDP(FAR4, UP4, 53, 4000), 0);
	EXPECT_FLOW(b, 2, UDP(FAR4, G2, 53, 4000));
}

static void who_has_few_gets_room_from_who_has_most(void **state)
{
	struct bed *b = routed_bed(state);

	flood(b, 1, 1, room(b));
	assert_int_equal(ct_count(b->ct, 1), room(b));
	flood(b, 2, 100, 100); /* many at once, none answered */
	check_weak(b);
	assert_int_equal(ct_count(b->ct, 2), 100);
	assert_int_equal(ct_count(b->ct, 1), room(b) - 100);
	flow_step(b, LAN_VIF, UDP(FAR4, UP4, 1, 2000), 0); /* the oldest of all is gone */
	EXPECT_NOTHING(b, 1);
	bed_clear(b);
	flood(b, 2, 101, room(b)); /* at most until it is half of the other */
	check_weak(b);
	assert_in_range(ct_count(b->ct, 2), room(b) / 3 - 2, room(b) / 2 + 2);
}

static void drop_ct_table_full_when_all_are_assured(void **state)
{
	struct bed *b = routed_bed(state);
	unsigned n = room(b);

	for (unsigned i = 0; i < n; i++) {
		converse(b, (uint16_t)(2000 + i));
	}
	assert_int_equal(ct_count(b->ct, 2), n);
	assert_int_equal(b->ct->n_weak, 0);
	flow_step(b, 1, UDP(G1, FAR4, 60000, 53), 10);
	assert_int_equal(bed_drops(b, 1, DROP_CT_TABLE_FULL), 1);
	EXPECT_NOTHING(b, LAN_VIF);
	bed_warp(b, 121 * NS_PER_SEC);
	for (unsigned i = 0; i < 100; i++) { /* aged away, slice by slice */
		bed_tick(b);
		bed_warp(b, NS_PER_MS);
	}
	assert_int_equal(ct_count(b->ct, 2), 0);
	flow_step(b, 1, UDP(G1, FAR4, 60000, 53), 10);
	EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, 60000, 53));
}

static void what_is_closing_goes_before_what_lives(void **state)
{
	struct bed *b = routed_bed(state);
	unsigned n = room(b) - 1;

	establish(b);
	for (unsigned i = 0; i < n; i++)
		converse(b, (uint16_t)(2000 + i));
	check_weak(b);
	flow_step(b, 2, UDP(G2, FAR4, 60000, 53), 10);
	assert_int_equal(bed_drops(b, 2, DROP_CT_TABLE_FULL), 1);
	far(b, RST, 901, 0);
	check_weak(b);
	bed_clear(b);
	flow_step(b, 2, UDP(G2, FAR4, 60000, 53), 10);
	EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, 60000, 53));
	assert_int_equal(ct_count(b->ct, 1), 0);
}

static void a_new_engine_knows_what_may_go(void **state)
{
	struct bed *b = routed_bed(state);

	for (uint16_t i = 0; i < 20; i++)
		converse(b, (uint16_t)(3000 + i));
	flood(b, 1, 1, room(b) - 20);
	bed_restart(b);
	check_weak(b);
	flood(b, 1, 200, 2000);
	check_weak(b);
	assert_int_equal(ct_count(b->ct, 2), 20);
	assert_int_equal(bed_drops(b, 1, DROP_CT_TABLE_FULL), 0);
}

/* A connection whose @n makes it differ from others; answered and worth keeping if @is_answered. */
static enum drop_reason add(struct ct *c, uint16_t vif_id, uint32_t n, bool is_answered)
{
	struct ct_new new = { .vif_id = vif_id,
		.is_tenant = true,
		.state = CT_NEW,
		.orig
		= { .proto = 17, .network_id = 1, .sport = (be16)n, .dport = (be16)(n >> 16) } };
	enum drop_reason why;
	uint32_t at;

	memset(new.orig.src + 10, 0xff, 2);
	memset(new.orig.dst + 10, 0xff, 2);
	new.orig.src[15] = (uint8_t)vif_id;
	new.reply = ct_mirror(&new.orig, UPLINK_NET);
	at = ct_add(c, &new, 1, &why);
	if (at != IXTAB_NONE && is_answered) {
		((struct ct_record *)ixtab_rec_at(&c->tab, at))->is_assured = 1;
		ct_set_state(c, at, CT_REPLIED);
	}
	return why;
}

static void drop_ct_quota_keeps_a_tenant_to_its_share(void **)
{
	const size_t size = (size_t)16 << 20;
	void *segment = aligned_alloc(4096, size);
	struct ct *c;
	uint32_t n = 0;

	static_assert(CT_VIF_HALF_OPEN_MAX * 4 <= CT_VIF_MAX, "at most a quarter is half-open");
	memset(segment, 0, size);
	c = ct_attach(segment, size, 1, NULL);
	while (n < CT_VIF_MAX + 1 && add(c, 1, n, true) == DROP_NONE)
		n++;
	assert_int_equal(n, CT_VIF_MAX);
	assert_int_equal(add(c, 1, n, true), DROP_CT_QUOTA);
	for (n = 0; n < CT_VIF_HALF_OPEN_MAX; n++)
		assert_int_equal(add(c, 2, n, false), DROP_NONE);
	assert_int_equal(add(c, 2, n, false), DROP_CT_QUOTA);
	assert_int_equal(add(c, 3, 0, false), DROP_NONE); /* another's is untouched */
	ct_detach(c);
	free(segment);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(a_handshake_has_the_states_and_times_of_linux),
		BED_TESTS(both_ends_can_end_it_first),
		BED_TESTS(both_ends_can_end_it_at_once),
		BED_TESTS(both_ends_can_open_it_at_once),
		BED_TESTS(a_refused_connection_is_over),
		BED_TESTS(a_port_in_time_wait_can_be_used_again),
		BED_TESTS(what_is_taken_up_in_the_middle_is_kept_when_both_sides_speak),
		BED_TESTS(segments_outside_the_windows_change_nothing),
		BED_TESTS(windows_are_scaled_when_both_sides_offered_it),
		BED_TESTS(windows_move_with_the_transfer_and_across_zero),
		BED_TESTS(a_flood_evicts_its_own_and_nobody_elses),
		BED_TESTS(who_has_few_gets_room_from_who_has_most),
		BED_TESTS(drop_ct_table_full_when_all_are_assured),
		BED_TESTS(what_is_closing_goes_before_what_lives),
		BED_TESTS(a_new_engine_knows_what_may_go),
		cmocka_unit_test(drop_ct_quota_keeps_a_tenant_to_its_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
