/* SPDX-License-Identifier: Apache-2.0 */
/* ct_load_test.c - many guests with many connections: every one is counted, none stays behind, and
 * who opens too many pays for it alone. */
#include "tests/lib/routed.h"
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"

#include <stdlib.h>
#include <string.h>

static struct frame F;

#define G1 "10.0.1.11"
#define GUESTS 8
#define EACH 12500
#define ALL (GUESTS * EACH)
#define SEGMENT_SIZE SEGMENT_CT_SIZE

static struct ct_new like(uint16_t vif_id, uint32_t n, bool is_tenant)
{
	struct ct_new new = { .vif_id = vif_id,
		.flags = CT_SNAT,
		.is_tenant = is_tenant,
		.state = CT_TCP_SYN_SENT,
		.orig
		= { .proto = 6, .network_id = 1, .sport = (be16)n, .dport = (be16)(n >> 16) } };

	memset(new.orig.src + 10, 0xff, 2);
	memset(new.orig.dst + 10, 0xff, 2);
	new.orig.src[15] = (uint8_t)vif_id;
	new.reply = ct_mirror(&new.orig, UPLINK_NET);
	return new;
}

/* Open one, and with @state bring it there. */
static enum drop_reason open_one(struct ct *c, const struct ct_new *new, uint8_t state)
{
	enum drop_reason why;
	uint32_t at = ct_add(c, new, 1, &why);

	if (at == IXTAB_NONE || state == CT_TCP_SYN_SENT)
		return why;
	((struct ct_record *)ixtab_rec_at(&c->tab, at))->is_assured = 1;
	ct_set_state(c, at, state);
	return why;
}

static struct ct *table(void **segment)
{
	*segment = aligned_alloc(4096, SEGMENT_SIZE);
	memset(*segment, 0, SEGMENT_SIZE);
	return ct_attach(*segment, SEGMENT_SIZE, 1, NULL);
}

static void table_free(struct ct *c, void *segment)
{
	ct_detach(c);
	free(segment);
}

/* 100,000 of eight guests, in turns. */
static void fill(struct ct *c, uint8_t state)
{
	for (uint32_t n = 0; n < EACH; n++)
		for (uint16_t v = 1; v <= GUESTS; v++) {
			struct ct_new new = like(v, n, true);

			assert_int_equal(open_one(c, &new, state), DROP_NONE);
		}
}

static void expect_empty(struct ct *c)
{
	assert_int_equal(c->tab.n_live, 0);
	assert_int_equal(c->n_weak, 0);
	for (uint16_t v = 1; v <= GUESTS; v++) {
		assert_int_equal(ct_count(c, v), 0);
		assert_int_equal(c->half_of[v], 0);
		assert_int_equal(c->weak[v].n, 0);
	}
}

static void a_hundred_thousand_are_counted_and_flushed(void **)
{
	void *segment;
	struct ct *c = table(&segment);

	for (unsigned round = 0; round < 3; round++) { /* places are used again */
		fill(c, CT_TCP_ESTABLISHED);
		assert_int_equal(c->tab.n_live, 2 * ALL);
		for (uint16_t v = 1; v <= GUESTS; v++)
			assert_int_equal(ct_count(c, v), EACH);
		assert_int_equal(ct_flush(c, 0, 3), EACH);
		assert_int_equal(ct_count(c, 3), 0);
		assert_int_equal(ct_count(c, 4), EACH);
		assert_int_equal(ct_flush(c, 0, 0), ALL - EACH);
		expect_empty(c);
	}
	table_free(c, segment);
}

static void a_hundred_thousand_end_by_the_clock(void **)
{
	void *segment;
	struct ct *c = table(&segment);
	uint64_t now_ns = 1;

	fill(c, CT_TCP_TIME_WAIT);
	now_ns += ct_timeout_ns(NULL, 1, &(struct ct_age_of){ 6, CT_TCP_TIME_WAIT, true })
		+ NS_PER_SEC;
	/* as often as a worker with traffic comes by, 3 s of it at most */
	for (unsigned i = 0; i < 3000 && c->tab.n_live > 0; i++) {
		now_ns += NS_PER_MS;
		ct_age(c, now_ns);
	}
	expect_empty(c);
	table_free(c, segment);
}

static void a_new_engine_counts_a_hundred_thousand_alike(void **)
{
	void *segment;
	struct ct *c = table(&segment);

	fill(c, CT_TCP_ESTABLISHED);
	ct_detach(c);
	c = ct_attach(segment, SEGMENT_SIZE, 1, NULL);
	assert_int_equal(c->tab.n_live, 2 * ALL);
	for (uint16_t v = 1; v <= GUESTS; v++)
		assert_int_equal(ct_count(c, v), EACH);
	assert_int_equal(ct_flush(c, 0, 0), ALL);
	expect_empty(c);
	table_free(c, segment);
}

static void closed_connections_do_not_use_up_a_tenants_share(void **)
{
	void *segment;
	struct ct *c = table(&segment);

	for (uint32_t n = 0; n < 4 * CT_VIF_MAX; n++) {
		struct ct_new new = like(1, n, true);

		assert_int_equal(open_one(c, &new, n < 100 ? CT_TCP_ESTABLISHED : CT_TCP_TIME_WAIT),
			DROP_NONE);
	}
	assert_int_equal(ct_count(c, 1), CT_VIF_MAX);
	/* the hundred that live are there */
	assert_int_equal(c->weak[1].n, CT_VIF_MAX - 100);
	table_free(c, segment);
}

/* A packet a second: a guest whose share is full of what ended long ago has it back at once. */
static void what_ended_during_a_silence_does_not_count_for_long(void **)
{
	void *segment;
	struct ct *c = table(&segment);
	uint64_t now_ns = 3600 * NS_PER_SEC;
	struct ct_new one_more = like(1, CT_VIF_MAX, true);
	enum drop_reason why;

	for (uint32_t n = 0; n < CT_VIF_MAX; n++) {
		struct ct_new new = like(1, n, true);

		assert_int_equal(open_one(c, &new, CT_TCP_ESTABLISHED), DROP_NONE);
	}
	assert_int_equal(ct_add(c, &one_more, 1, &why), IXTAB_NONE);
	ct_age(c, 2);
	assert_int_equal(ct_count(c, 1), CT_VIF_MAX);
	ct_age(c, now_ns);
	assert_int_not_equal(ct_add(c, &one_more, now_ns, &why), IXTAB_NONE);
	for (unsigned i = 0; i < 5; i++)
		ct_age(c, now_ns += NS_PER_SEC);
	assert_int_equal(ct_count(c, 1), 1);
	table_free(c, segment);
}

/* Seven guests take all that they may have and keep it; the table has room for 131,071. */
static void hoarders_do_not_lock_out_another(void **)
{
	void *segment;
	struct ct *c = table(&segment);

	for (uint16_t v = 1; v < GUESTS; v++)
		for (uint32_t n = 0; n <= CT_VIF_MAX; n++) {
			struct ct_new new = like(v, n, true);

			assert_int_equal(open_one(c, &new, CT_TCP_ESTABLISHED),
				n < CT_VIF_MAX ? DROP_NONE : DROP_CT_QUOTA);
		}
	for (uint32_t n = 0; n < 10000; n++) {
		struct ct_new new = like(GUESTS, n, true);

		assert_int_equal(open_one(c, &new, CT_TCP_ESTABLISHED), DROP_NONE);
	}
	table_free(c, segment);
}

/* Through the whole path: 6,000 short connections of one tenant, each with its seven packets. */
static void short_connections_pass_without_end(void **state)
{
	struct bed *b = routed_bed(state);

	b->network[0].profile = PROFILE_TENANT;
	bed_apply(b);
	for (unsigned n = 0; n < 6000; n++) {
		uint16_t sport = (uint16_t)(1024 + n % 60000);

		flow_step(b, 1, TCP(G1, FAR4, sport, 80, 0x02), 0);
		EXPECT_FLOW(b, LAN_VIF, TCP(UP4, FAR4, 0, 80, 0x02));
		flow_frame(&F, b, LAN_VIF, TCP(FAR4, UP4, 80, seen_sport(), 0x14), 0); /* refused */
		memcpy(F.bytes + 42, (const uint8_t[]){ 0xff, 0xff, 0xf0, 1 }, 4); /* its SYN */
		frame_end(&F);
		bed_step(b, LAN_VIF, &F);
		EXPECT_FLOW(b, 1, TCP(FAR4, G1, 80, sport, 0x14));
	}
	assert_int_equal(bed_drops(b, 1, DROP_CT_QUOTA), 0);
	assert_int_equal(bed_drops(b, 1, DROP_CT_TABLE_FULL), 0);
	assert_int_equal(bed_drops(b, 1, DROP_NAT_NO_PORT), 0);
	assert_int_equal(ct_flush(b->ct, 0, 0), CT_VIF_PORTS_MAX);
	assert_int_equal(b->ct->tab.n_live, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hundred_thousand_are_counted_and_flushed),
		cmocka_unit_test(a_hundred_thousand_end_by_the_clock),
		cmocka_unit_test(a_new_engine_counts_a_hundred_thousand_alike),
		cmocka_unit_test(closed_connections_do_not_use_up_a_tenants_share),
		cmocka_unit_test(what_ended_during_a_silence_does_not_count_for_long),
		cmocka_unit_test(hoarders_do_not_lock_out_another),
		BED_TESTS(short_connections_pass_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
