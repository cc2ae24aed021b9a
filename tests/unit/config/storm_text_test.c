/* SPDX-License-Identifier: Apache-2.0 */
/* storm_text_test.c - limits of flooding, there and back. */
#include "config/storm_text.h"
#include "tests/lib/unit.h"

#include <string.h>

static void means(const char *text, uint32_t rate, uint32_t burst, const char *printed)
{
	char buf[STORM_TEXT_LEN];
	struct storm_limit l;

	assert_int_equal(storm_text_parse(text, "vif.v.storm", &l, NULL), 0);
	assert_true(l.is_set);
	assert_int_equal(l.rate, rate);
	assert_int_equal(l.burst, burst);
	assert_string_equal(storm_text_print(&l, buf), printed);
}

static void a_limit_is_read_as_it_is_printed(void **)
{
	char buf[STORM_TEXT_LEN];

	means("1000", 1000, 2000, "1000/2000");
	means("1000/2000", 1000, 2000, "1000/2000");
	means("5/1", 5, 1, "5/1");
	means("100000000", 100000000, 100000000, "100000000/100000000");
	means("off", 0, 0, "off");
	assert_string_equal(storm_text_print(&(struct storm_limit){ 0 }, buf), "");
}

static void what_is_no_limit_is_refused(void **)
{
	static const char *const bad[] = { "", "0", "-1", "x", "1000/", "1000/0", "1000/2000/3",
		"1 ", "100000001", "99999999999999999999", "1000pps", "/5" };

	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = ERR_NONE;
		struct storm_limit l;

		if (storm_text_parse(bad[i], "vif.v.storm", &l, &e) == 0)
			fail_msg("'%s' was taken", bad[i]);
		assert_string_equal(e.path, "vif.v.storm");
		assert_non_null(strstr(e.msg, "is no limit of floods: write frames a second"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_limit_is_read_as_it_is_printed),
		cmocka_unit_test(what_is_no_limit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
