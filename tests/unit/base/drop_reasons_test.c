/* SPDX-License-Identifier: Apache-2.0 */
/* drop_reasons_test.c - every reason has a name of its own and an explanation. */
#include "tests/lib/unit.h"
#include "vswitch/abi/drop_reasons.h"

#include <string.h>

static void every_reason_has_name_and_explanation(void **)
{
	for (unsigned i = DROP_NONE; i < DROP_N; i++) {
		assert_non_null(drop_reason_texts[i].name);
		assert_true(strlen(drop_reason_texts[i].doc) > 8);
		assert_int_equal(
			strspn(drop_reason_texts[i].name, "abcdefghijklmnopqrstuvwxyz0123456789_"),
			strlen(drop_reason_texts[i].name));
	}
}

static void names_are_unique(void **)
{
	for (unsigned i = DROP_NONE; i < DROP_N; i++)
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(
				drop_reason_texts[i].name, drop_reason_texts[k].name);
}

static void reserved_slots_are_empty(void **)
{
	for (unsigned i = DROP_N; i < DROP_REASON_MAX; i++)
		assert_null(drop_reason_texts[i].name);
}

static void name_is_the_enumerator_in_lower_case(void **)
{
	assert_string_equal(drop_reason_texts[DROP_MTU_EXCEEDED].name, "mtu_exceeded");
	assert_string_equal(drop_reason_texts[DROP_NONE].name, "none");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason_has_name_and_explanation),
		cmocka_unit_test(names_are_unique),
		cmocka_unit_test(reserved_slots_are_empty),
		cmocka_unit_test(name_is_the_enumerator_in_lower_case),
	};

	return cmocka_run_group_tests_name("drop_reasons", tests, NULL, NULL);
}
