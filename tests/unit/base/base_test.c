/* SPDX-License-Identifier: Apache-2.0 */
/* base_test.c - the macros that have something to get wrong. */
#include "tests/lib/unit.h"
#include "vswitch/base/base.h"

struct outer {
	int before;
	int member;
};

static void min_and_max_evaluate_their_arguments_once(void **)
{
	int n = 0;

	assert_int_equal(MIN(++n, 10), 1);
	assert_int_equal(n, 1);
	assert_int_equal(MAX(++n, 1), 2);
	assert_int_equal(n, 2);
}

static void min_and_max_may_be_nested(void **)
{
	assert_int_equal(MIN(MIN(3, 2), MAX(1, MIN(5, 4))), 2);
	assert_int_equal(MAX(MAX(3, 2), MIN(9, MAX(5, 4))), 5);
}

static void container_is_found_from_its_member(void **)
{
	struct outer o = { 0 };

	assert_ptr_equal(CONTAINER_OF(&o.member, struct outer, member), &o);
	assert_int_equal(ARRAY_LEN(((int[7]){ 0 })), 7);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(min_and_max_evaluate_their_arguments_once),
		cmocka_unit_test(min_and_max_may_be_nested),
		cmocka_unit_test(container_is_found_from_its_member),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
