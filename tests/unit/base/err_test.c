/* SPDX-License-Identifier: Apache-2.0 */
/* err_test.c - the first error stays, prefixes go before it, long texts are cut. */
#include "tests/lib/unit.h"
#include "vswitch/base/err.h"

#include <errno.h>
#include <string.h>

static void set_fills_code_path_and_message(void **)
{
	struct err e = ERR_NONE;

	assert_int_equal(err_set(&e, -EINVAL, "vif.mtu", "%d is below %d", 10, 68), -EINVAL);
	assert_int_equal(e.code, -EINVAL);
	assert_string_equal(e.path, "vif.mtu");
	assert_string_equal(e.msg, "10 is below 68");
}

static void set_without_struct_returns_the_code(void **)
{
	assert_int_equal(err_set(NULL, -ENOENT, "x", "y"), -ENOENT);
	err_prefix(NULL, "x");
}

static void first_error_stays(void **)
{
	struct err e = ERR_NONE;

	err_set(&e, -EINVAL, "a", "first");
	assert_int_equal(err_set(&e, -ENOENT, "b", "second"), -ENOENT);
	assert_int_equal(e.code, -EINVAL);
	assert_string_equal(e.path, "a");
	assert_string_equal(e.msg, "first");
}

static void path_may_be_missing(void **)
{
	struct err e = ERR_NONE;

	err_set(&e, -EIO, NULL, "disk");
	assert_string_equal(e.path, "");
}

static void prefix_goes_before_and_only_on_errors(void **)
{
	struct err e = ERR_NONE;

	err_prefix(&e, "vif %s", "web0");
	assert_string_equal(e.msg, "");
	err_set(&e, -EIO, NULL, "no such device");
	err_prefix(&e, "opening %s", "eth7");
	err_prefix(&e, "vif %s", "web0");
	assert_string_equal(e.msg, "vif web0: opening eth7: no such device");
}

static void long_texts_are_cut_and_terminated(void **)
{
	struct err e = ERR_NONE;
	char text[1000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(&e, -EIO, text, "%s", text);
	assert_int_equal(strlen(e.path), sizeof(e.path) - 1);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	err_prefix(&e, "%s", text);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_fills_code_path_and_message),
		cmocka_unit_test(set_without_struct_returns_the_code),
		cmocka_unit_test(first_error_stays),
		cmocka_unit_test(path_may_be_missing),
		cmocka_unit_test(prefix_goes_before_and_only_on_errors),
		cmocka_unit_test(long_texts_are_cut_and_terminated),
	};

	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
