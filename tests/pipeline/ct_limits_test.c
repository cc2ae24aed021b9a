/* SPDX-License-Identifier: Apache-2.0 */
/* ct_limits_test.c - how long connections live without a packet, and how many a guest may have.
 * Topology: tests/lib/routed.h. */
#include "tests/lib/routed.h"
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define G1 "10.0.1.11"
#define SEGMENT_SIZE (UINT64_C(16) << 20)

static void every_state_has_the_time_that_conntrack_users_know(void **)
{
	static const struct {
		uint8_t proto, state;
		uint32_t seconds;
	} want[] = {
		{ 6, CT_TCP_SYN_SENT, 120 },
		{ 6, CT_TCP_SYN_RECV, 60 },
		{ 6, CT_TCP_ESTABLISHED, 432000 },
		{ 6, CT_TCP_FIN_WAIT, 120 },
		{ 6, CT_TCP_LAST_ACK, 30 },
		{ 6, CT_TCP_TIME_WAIT, 120 },
		{ 6, CT_TCP_CLOSED, 10 },
		{ 17, CT_NEW, 30 },
		{ 17, CT_REPLIED, 120 },
		{ 1, CT_NEW, 30 },
		{ 1, CT_REPLIED, 30 },
		{ 58, CT_NEW, 30 },
		{ 58, CT_REPLIED, 30 },
		{ 132, CT_NEW, 600 },
	};

	for (unsigned i = 0; i < ARRAY_LEN(want); i++)
		assert_int_equal(ct_timeout_ns(NULL, 1,
					 &(struct ct_age_of){ want[i].proto, want[i].state, true }),
			want[i].seconds * NS_PER_SEC);
}

/* Is there a connection after @seconds of silence?  Looks at the table, which sends nothing. */
static bool lives_after(struct bed *b, unsigned seconds)
{
	bed_warp(b, seconds * NS_PER_SEC);
	for (unsigned i = 0; i < 4; i++) {
		bed_tick(b);
		bed_warp(b, NS_PER_MS);
	}
	return b->ct->tab.n_live != 0;
}

static void udp_without_an_answer_lives_30_seconds_and_with_one_120(void **state)
{
	struct bed *b = routed_bed(state);

	flow_step(b, 1, UDP(G1, FAR4, 5000, 53), 10);
	assert_true(lives_after(b, 29));
	assert_false(lives_after(b, 1));
	flow_step(b, 1, UDP(G1, FAR4, 5000, 53), 10);
	flow_step(b, LAN_VIF, UDP(FAR4, UP4, 53, 5000), 10);
	assert_true(lives_after(b, 119));
	assert_false(lives_after(b, 1));
	bed_clear(b);
	flow_step(b, LAN_VIF, UDP(FAR4, UP4, 53, 5000), 10); /* too late */
	EXPECT_NOTHING(b, 1);
}

static void a_networks_own_timeouts_count_for_its_guests(void **state)
{
	struct bed *b = routed_bed(state);

	b->router[0].timeout_s[CT_TIMEOUT_UDP] = 5;
	b->router[0].timeout_s[CT_TIMEOUT_UDP_STREAM] = 200;
	bed_forward(b, UPLINK_NET, 17, 8080, (struct forward_to){ 1, G1, 80 });
	bed_apply(b);
	flow_step(b, 1, UDP(G1, FAR4, 5000, 53), 10);
	assert_true(lives_after(b, 4));
	assert_false(lives_after(b, 1));
	flow_step(b, LAN_VIF, UDP(FAR4, UP4, 555, 8080), 10);
	assert_true(lives_after(b, 4));
	assert_false(lives_after(b, 1));
	flow_step(b, 1, UDP(G1, FAR4, 5000, 53), 10);
	flow_step(b, LAN_VIF, UDP(FAR4, UP4, 53, 5000), 10);
	assert_true(lives_after(b, 199));
	assert_false(lives_after(b, 1));
	flow_step(b, 1, PING(G1, FAR4, 7), 56); /* as ever */
	assert_true(lives_after(b, 29));
	assert_false(lives_after(b, 1));
	bed_clear(b);
}

static void a_packet_puts_the_end_off(void **state)
{
	struct bed *b = routed_bed(state);

	for (unsigned i = 0; i < 5; i++) {
		flow_step(b, 1, UDP(G1, FAR4, 5000, 53), 10);
		assert_true(lives_after(b, 29));
	}
	assert_false(lives_after(b, 1));
}

static void echo_lives_30_seconds(void **state)
{
	struct bed *b = routed_bed(state);

	flow_step(b, 1, PING(G1, FAR4, 7), 56);
	assert_true(lives_after(b, 29));
	assert_false(lives_after(b, 1));
}

/* Connections of @vif_id that are all worth keeping, until the table refuses one. */
static unsigned fill(
	struct ct *ct, uint16_t vif_id, bool is_tenant, unsigned max, enum drop_reason *why)
{
	struct ct_new new = { .vif_id = vif_id,
		.is_tenant = is_tenant,
		.state = CT_REPLIED,
		.orig = { .proto = 17, .network_id = 1 } };
	unsigned n;

	memset(new.orig.src + 10, 0xff, 2);
	memset(new.orig.dst + 10, 0xff, 2);
	new.orig.src[15] = (uint8_t)vif_id;
	for (n = 0; n < max; n++) {
		uint32_t at;

		new.orig.sport = (be16)n;
		new.reply = ct_mirror(&new.orig, UPLINK_NET);
		at = ct_add(ct, &new, 1, why);
		if (at == IXTAB_NONE)
			break;
		((struct ct_record *)ixtab_rec_at(&ct->tab, at))->is_assured = 1;
		ct_set_state(ct, at, CT_REPLIED);
	}
	return n;
}

static void a_tenants_vif_has_16384_connections_and_a_plain_one_what_there_is(void **)
{
	void *segment = aligned_alloc(4096, SEGMENT_SIZE);
	enum drop_reason why = DROP_NONE;
	struct ct *ct;

	memset(segment, 0, SEGMENT_SIZE);
	ct = ct_attach(segment, SEGMENT_SIZE, 1, NULL);
	assert_non_null(ct);
	assert_int_equal(fill(ct, 1, true, 65536, &why), CT_VIF_MAX);
	assert_int_equal(CT_VIF_MAX, 16384);
	assert_int_equal(why, DROP_CT_QUOTA);
	assert_int_equal(fill(ct, 2, true, 100, &why), 100); /* another guest */
	assert_int_equal(fill(ct, 3, false, CT_VIF_MAX + 100, &why), CT_VIF_MAX + 100);
	ct_flush(ct, 0, 1);
	assert_int_equal(fill(ct, 1, true, 100, &why), 100);
	ct_detach(ct);
	free(segment);
}

static bool is_assured(const struct bed *b)
{
	static struct msg_ct_entry e;
	struct ct_dump at = { .now_ns = b->io.now_ns };

	assert_int_equal(ct_dump(b->ct, &at, &e, 1), 1);
	return (e.flags & CT_ASSURED) != 0;
}

static void udp_is_assured_from_the_third_packet(void **state)
{
	struct bed *b = routed_bed(state);

	flow_step(b, 1, UDP(G1, FAR4, 5000, 53), 10);
	flow_step(b, LAN_VIF, UDP(FAR4, UP4, 53, 5000), 10);
	assert_false(is_assured(b));
	flow_step(b, 1, UDP(G1, FAR4, 5000, 53), 10);
	assert_true(is_assured(b));
	bed_clear(b);
}

static void limits_of_a_vif_count_in_every_profile(void **state)
{
	struct bed *b = routed_bed(state);

	for (unsigned profile = PROFILE_PLAIN; profile <= PROFILE_TENANT; profile++) {
		b->network[0].profile = (uint8_t)profile;
		b->port[0].connection_limit = 20;
		b->port[0].half_open_limit = 7;
		bed_apply(b);
		ct_flush(b->ct, 0, 0);
		memset(b->io.vif_counters[1].drops, 0, sizeof(b->io.vif_counters[1].drops));
		for (uint16_t i = 0; i < 10; i++)
			flow_step(b, 1, UDP(G1, FAR4, (uint16_t)(5000 + i), 53), 10);
		assert_int_equal(ct_count(b->ct, 1), 7);
		assert_int_equal(bed_drops(b, 1, DROP_CT_QUOTA), 3);
		for (uint16_t i = 0; i < 7; i++) /* answered and again: worth keeping */
			for (unsigned k = 0; k < 2; k++)
				flow_step(b, LAN_VIF, UDP(FAR4, UP4, 53, (uint16_t)(5000 + i)), 10);
		for (uint16_t i = 7; i < 25; i++)
			for (unsigned k = 0; k < 3; k++)
				if (k == 0)
					flow_step(
						b, 1, UDP(G1, FAR4, (uint16_t)(5000 + i), 53), 10);
				else
					flow_step(b, LAN_VIF,
						UDP(FAR4, UP4, 53, (uint16_t)(5000 + i)), 10);
		assert_int_equal(ct_count(b->ct, 1), 20);
		assert_int_equal(bed_drops(b, 1, DROP_CT_QUOTA), 3 + 5);
		bed_clear(b);
	}
}

static void evicted_connections_are_counted(void **state)
{
	struct bed *b = routed_bed(state);

	b->port[0].connection_limit = 5;
	b->port[0].half_open_limit = 100;
	bed_apply(b);
	for (uint16_t i = 0; i < 8; i++)
		flow_step(b, 1, UDP(G1, FAR4, (uint16_t)(5000 + i), 53), 10);
	assert_int_equal(ct_count(b->ct, 1), 5);
	assert_int_equal(b->worker_counters.ct_evicted, 3);
	bed_clear(b);
}

static uint32_t neighbours(const struct bed *b, uint16_t network_id)
{
	static struct msg_neigh_entry e[MSG_NEIGH_ENTRIES_MAX];
	uint32_t cursor = 0;

	return neigh_dump(b->neigh, network_id, &cursor, b->io.now_ns, e, ARRAY_LEN(e));
}

static void neighbours_have_the_limits_of_network_and_vif(void **state)
{
	struct bed *b = routed_bed(state);
	struct neigh_who who = { .addr = { [10] = 0xff, 0xff, 10, 0, 2, 0 }, .network_id = 2 };
	char to[24];

	for (unsigned i = 0; i < b->n_networks; i++)
		if (b->network[i].network_id == 2)
			b->network[i].neigh_limit = 8;
	for (unsigned i = 0; i < b->n_ports; i++)
		if (b->port[i].vif_id == LAN_VIF)
			b->port[i].unresolved_limit = 3;
	bed_apply(b);
	neigh_flush(b->neigh, 2);
	for (unsigned i = 0; i < 6; i++) { /* asked for by who sends */
		snprintf(to, sizeof(to), "10.0.2.%u", 100 + i);
		flow_step(b, LAN_VIF, UDP(FAR4, to, 53, 5000), 10);
	}
	assert_int_equal(neighbours(b, 2), 3);
	assert_int_equal(bed_drops(b, LAN_VIF, DROP_NEIGH_TABLE_FULL), 3);
	neigh_flush(b->neigh, 2);
	for (uint8_t i = 1; i <= 20; i++) { /* those who ask for us; the oldest makes room */
		who.addr[15] = i;
		neigh_heard(b->neigh, &who, MAC_OF(i), NEIGH_MAY_ADD, b->io.now_ns);
	}
	assert_int_equal(neighbours(b, 2), 8);
	who.addr[15] = 12;
	assert_null(neigh_find(b->neigh, 2, who.addr, b->io.now_ns));
	who.addr[15] = 13;
	assert_non_null(neigh_find(b->neigh, 2, who.addr, b->io.now_ns));
	bed_clear(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_has_the_time_that_conntrack_users_know),
		BED_TESTS(udp_without_an_answer_lives_30_seconds_and_with_one_120),
		BED_TESTS(a_networks_own_timeouts_count_for_its_guests),
		BED_TESTS(a_packet_puts_the_end_off),
		BED_TESTS(echo_lives_30_seconds),
		BED_TESTS(udp_is_assured_from_the_third_packet),
		BED_TESTS(limits_of_a_vif_count_in_every_profile),
		BED_TESTS(evicted_connections_are_counted),
		BED_TESTS(neighbours_have_the_limits_of_network_and_vif),
		cmocka_unit_test(a_tenants_vif_has_16384_connections_and_a_plain_one_what_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
