/* SPDX-License-Identifier: Apache-2.0 */
/* meter_test.c - a bucket is exact, however often it is asked, and does not overflow. */
#include "bridge/meter.h"
#include "tests/lib/unit.h"
#include "vswitch/abi/limits.h"
#include "vswitch/base/clock.h"

#define START_NS (1000 * NS_PER_SEC)

static uint32_t dice = 1;

static uint32_t roll(uint32_t n)
{
	dice = dice * 1664525u + 1013904223u;
	return (dice >> 8) % n;
}

__extension__ typedef unsigned __int128 wide;

/* What the rate gives in @ns. */
static uint64_t given(const struct meter_conf *c, uint64_t ns)
{
	return (uint64_t)((wide)ns * c->rate / NS_PER_SEC);
}

static bool pass(struct meter *m, const struct meter_conf *c, uint64_t n, uint64_t now_ns)
{
	meter_fill(m, c, now_ns);
	if (!meter_may(m, c, n))
		return false;
	meter_take(m, n);
	return true;
}

static void a_new_bucket_is_full(void **)
{
	const struct meter_conf c = { .rate = 10, .burst = 3 };
	struct meter m = { 0 };

	for (unsigned i = 0; i < 3; i++)
		assert_true(pass(&m, &c, 1, START_NS));
	assert_false(pass(&m, &c, 1, START_NS));
	assert_int_equal(meter_due_ns(&m, &c, 1, START_NS), START_NS + NS_PER_SEC / 10);
}

/* In any window no more than rate x T + burst, and no unit less than the rate gives. */
static void what_passes_is_exact_however_often_it_is_asked(void **)
{
	static const uint64_t rates[] = { 1000, 12345, 1000003, 999999937 };

	for (unsigned r = 0; r < ARRAY_LEN(rates); r++) {
		const struct meter_conf c = { .rate = rates[r], .burst = 20000 };
		uint64_t now_ns = START_NS, passed = 0;
		struct meter m = { 0 };

		for (unsigned i = 0; i < 20000; i++) {
			uint64_t n = 60 + roll(1441), due_ns;

			meter_fill(&m, &c, now_ns);
			due_ns = meter_due_ns(&m, &c, n, now_ns);
			if (due_ns > now_ns) /* asked in between, nothing is rounded away */
				assert_false(pass(&m, &c, n, now_ns + (due_ns - now_ns) / 2));
			now_ns = due_ns;
			assert_true(pass(&m, &c, n, now_ns));
			passed += n;
			assert_true(passed <= c.burst + given(&c, now_ns - START_NS));
		}
		/* asked at the first moment each time: a nanosecond's worth is given away at most */
		assert_true(passed + 20000 * (c.rate / NS_PER_SEC + 1) + c.burst
			>= given(&c, now_ns - START_NS));
	}
}

static void a_pause_gives_no_more_than_the_burst(void **)
{
	const struct meter_conf c = { .rate = METER_RATE_MAX, .burst = METER_BURST_MAX };
	struct meter m = { 0 };

	assert_true(pass(&m, &c, METER_BURST_MAX, START_NS));
	assert_true(pass(&m, &c, METER_BURST_MAX, UINT64_MAX / 2));
	assert_false(pass(&m, &c, 1, UINT64_MAX / 2));
	/* a clock that goes back gives nothing, and costs nothing */
	assert_false(pass(&m, &c, 1, START_NS));
}

static void what_is_larger_than_the_burst_is_paid_back(void **)
{
	const struct meter_conf c = { .rate = 1000, .burst = 10 };
	struct meter m = { 0 };

	assert_true(pass(&m, &c, 100, START_NS));
	assert_int_equal(meter_due_ns(&m, &c, 1, START_NS), START_NS + 91 * NS_PER_MS);
	assert_int_equal(meter_due_ns(&m, &c, 100, START_NS), START_NS + 100 * NS_PER_MS);
}

static void slack_fills_beyond_the_burst_and_goes_with_it(void **)
{
	const struct meter_conf c = { .rate = 1000, .burst = 10, .slack_ns = 5 * NS_PER_MS };
	const struct meter_conf without = { .rate = 1000, .burst = 10 };
	struct meter m = { 0 };

	meter_fill(&m, &c, START_NS);
	meter_fill(&m, &c, START_NS + NS_PER_SEC);
	assert_int_equal(m.credit, 15 * NS_PER_SEC);
	meter_fill(&m, &without, START_NS + NS_PER_SEC);
	assert_int_equal(m.credit, 10 * NS_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_bucket_is_full),
		cmocka_unit_test(what_passes_is_exact_however_often_it_is_asked),
		cmocka_unit_test(a_pause_gives_no_more_than_the_burst),
		cmocka_unit_test(what_is_larger_than_the_burst_is_paid_back),
		cmocka_unit_test(slack_fills_beyond_the_burst_and_goes_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
