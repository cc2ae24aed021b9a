/* SPDX-License-Identifier: Apache-2.0 */
/* text_test.c - claims about tools/text.c and tools/table.c. */
#include "tests/lib/unit.h"
#include "tools/table.h"
#include "tools/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void escape_shows_what_a_terminal_would_obey(void **)
{
	char out[128];

	assert_string_equal(text_escape("web0", out, sizeof(out)), "web0");
	assert_string_equal(text_escape("a\033[2Jb\n", out, sizeof(out)), "a\\x1b[2Jb\\x0a");
	assert_string_equal(text_escape("\xc2\x9b"
					"31m",
				    out, sizeof(out)),
		"\\xc2\\x9b31m");
	assert_string_equal(text_escape("\\", out, sizeof(out)), "\\x5c");
	assert_string_equal(text_escape("\xff\xc3", out, sizeof(out)), "\\xff\\xc3");
	assert_string_equal(text_escape("caf\xc3\xa9", out, sizeof(out)), "caf\xc3\xa9");
	assert_string_equal(text_escape("\xe2\x80\xae", out, sizeof(out)), "\\xe2\\x80\\xae");
}

static void escape_cuts_between_characters(void **)
{
	char out[6];

	assert_string_equal(text_escape("\n\n\n", out, sizeof(out)), "\\x0a");
	assert_string_equal(text_escape("abcdefgh", out, sizeof(out)), "abcde");
	assert_string_equal(text_escape("abcd\xc3\xa9", out, sizeof(out)), "abcd");
}

static void numbers_are_short_and_right(void **)
{
	char out[32];

	assert_string_equal(text_count(0, out, sizeof(out)), "0");
	assert_string_equal(text_count(99999, out, sizeof(out)), "99999");
	assert_string_equal(text_count(1234567, out, sizeof(out)), "1.2 M");
	assert_string_equal(text_count(UINT64_MAX, out, sizeof(out)), "18446 P");
	assert_string_equal(text_bytes(1023, out, sizeof(out)), "1023 B");
	assert_string_equal(text_bytes(1536, out, sizeof(out)), "1.5 KiB");
	assert_string_equal(text_duration(59, out, sizeof(out)), "59 s");
	assert_string_equal(text_duration(3700, out, sizeof(out)), "1 h 1 min");
	assert_string_equal(text_duration(2 * 86400 + 3600, out, sizeof(out)), "2 d 1 h");
}

static void nearest_finds_typing_mistakes_only(void **)
{
	static const char *const words[] = { "network", "vif", "capture", "drops", NULL };

	assert_string_equal(text_nearest("nettwork", words), "network");
	assert_string_equal(text_nearest("net", words), "network");
	assert_string_equal(text_nearest("vfi", words), "vif");
	assert_string_equal(text_nearest("capure", words), "capture");
	assert_null(text_nearest("xyzzy", words));
	assert_null(text_nearest("", words));
	assert_null(text_nearest("a-word-that-is-longer-than-any-verb-of-the-program", words));
}

static void table_aligns_columns_and_escapes_cells(void **)
{
	static const char *const headings[] = { "NAME", ">RX", "REASON", NULL };
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	struct table *t = table_create(headings);

	table_cell(t, TABLE_PLAIN, "web0");
	table_cell_u64(t, 7);
	table_cell(t, TABLE_PLAIN, NULL);
	table_cell(t, TABLE_GOOD, "caf\xc3\xa9");
	table_cell_u64(t, 12345);
	table_cell(t, TABLE_PLAIN, "a\nb");
	table_print(t, out, false);
	fclose(out);
	assert_string_equal(text,
		"NAME     RX  REASON\n"
		"web0      7  -\n"
		"caf\xc3\xa9  12345  a\\x0ab\n");
	free(text);
	table_destroy(t);
}

static void table_is_coloured_only_when_asked(void **)
{
	static const char *const headings[] = { "STATE", NULL };
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	struct table *t = table_create(headings);

	table_cell(t, TABLE_GOOD, "up");
	table_print(t, out, true);
	fclose(out);
	assert_non_null(strstr(text, "\033[32mup\033[0m\n"));
	free(text);
	table_destroy(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escape_shows_what_a_terminal_would_obey),
		cmocka_unit_test(escape_cuts_between_characters),
		cmocka_unit_test(numbers_are_short_and_right),
		cmocka_unit_test(nearest_finds_typing_mistakes_only),
		cmocka_unit_test(table_aligns_columns_and_escapes_cells),
		cmocka_unit_test(table_is_coloured_only_when_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
