/* SPDX-License-Identifier: Apache-2.0 */
/* bitmap_test.c - sets over the border of a word. */
#include "tests/lib/unit.h"
#include "vswitch/base/bitmap.h"

static void words_are_rounded_up(void **)
{
	assert_int_equal(BITMAP_WORDS(1), 1);
	assert_int_equal(BITMAP_WORDS(64), 1);
	assert_int_equal(BITMAP_WORDS(65), 2);
}

static void added_bits_are_there_and_no_others(void **)
{
	uint64_t map[BITMAP_WORDS(130)] = { 0 };

	bitmap_add(map, 0);
	bitmap_add(map, 63);
	bitmap_add(map, 64);
	bitmap_add(map, 129);
	for (unsigned i = 0; i < 130; i++)
		assert_int_equal(bitmap_has(map, i), i == 0 || i == 63 || i == 64 || i == 129);
	bitmap_del(map, 64);
	assert_false(bitmap_has(map, 64));
	assert_true(bitmap_has(map, 63));
}

static void first_clear_is_found_from_a_start_to_the_end(void **)
{
	uint64_t map[BITMAP_WORDS(70)] = { UINT64_MAX, 0x1 };

	assert_int_equal(bitmap_first_clear(map, 0, 70), 65);
	assert_int_equal(bitmap_first_clear(map, 66, 70), 66);
	assert_int_equal(bitmap_first_clear(map, 0, 65), 65);
	assert_int_equal(bitmap_first_clear(map, 70, 70), 70);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_rounded_up),
		cmocka_unit_test(added_bits_are_there_and_no_others),
		cmocka_unit_test(first_clear_is_found_from_a_start_to_the_end),
	};

	return cmocka_run_group_tests_name("bitmap", tests, NULL, NULL);
}
