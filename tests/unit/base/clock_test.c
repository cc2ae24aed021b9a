/* SPDX-License-Identifier: Apache-2.0 */
/* clock_test.c - the clock runs, stops, is moved and runs again. */
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"

#include <time.h>

static void running_clock_is_clock_monotonic(void **)
{
	struct timespec ts;
	uint64_t before = clock_now_ns();
	uint64_t now;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	now = (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
	assert_in_range(now, before, clock_now_ns());
}

static void wall_clock_is_in_this_century(void **)
{
	uint64_t s = clock_wall_ns() / NS_PER_SEC;

	assert_in_range(s, UINT64_C(1600000000), UINT64_C(4102444800));
}

static void stopped_clock_moves_only_by_warps(void **)
{
	clock_stop(0);
	assert_int_equal(clock_now_ns(), 0);
	clock_warp(300 * NS_PER_SEC);
	assert_int_equal(clock_now_ns(), 300 * NS_PER_SEC);
	clock_warp(1);
	assert_int_equal(clock_now_ns(), 300 * NS_PER_SEC + 1);
	clock_release();
}

static void released_clock_is_real_again(void **)
{
	uint64_t before = clock_now_ns();

	clock_stop(7);
	clock_release();
	assert_true(clock_now_ns() >= before);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(running_clock_is_clock_monotonic),
		cmocka_unit_test(wall_clock_is_in_this_century),
		cmocka_unit_test(stopped_clock_moves_only_by_warps),
		cmocka_unit_test(released_clock_is_real_again),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
