/* SPDX-License-Identifier: Apache-2.0 */
/* yaml_test.c - claims about tools/yaml_doc.c and tools/yaml_write.c: types, lines, hostile text. */
#include "tests/lib/unit.h"
#include "tools/yaml_doc.h"
#include "tools/yaml_write.h"
#include "vswitch/base/base.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct yaml_doc *read_text(const char *text)
{
	struct err e = ERR_NONE;
	struct yaml_doc *d = yaml_doc_read(text, strlen(text), &e);

	if (!d)
		fail_msg("%s: %s", text, e.msg);
	return d;
}

static void expect(const char *text, const char *json)
{
	struct yaml_doc *d = read_text(text);
	json_t *want = json_loads(json, JSON_DECODE_ANY, NULL);

	assert_non_null(want);
	if (!json_equal(yaml_doc_root(d), want)) {
		char *got = json_dumps(yaml_doc_root(d), JSON_COMPACT | JSON_ENCODE_ANY);

		fail_msg("'%s': got %s, want %s", text, got, json);
	}
	json_decref(want);
	yaml_doc_destroy(d);
}

static void refused_bytes(const char *text, size_t len, const char *words)
{
	struct err e = ERR_NONE;
	struct yaml_doc *d = yaml_doc_read(text, len, &e);

	if (d)
		fail_msg("accepted: %.60s", text);
	if (!strstr(e.msg, words))
		fail_msg("%.60s: '%s' does not hold '%s'", text, e.msg, words);
	assert_int_not_equal(e.code, 0);
}

static void refused(const char *text, const char *words)
{
	refused_bytes(text, strlen(text), words);
}

static void words_without_quotes_have_the_core_schema_s_types(void **)
{
	expect("a: 1500", "{\"a\": 1500}");
	expect("a: -3", "{\"a\": -3}");
	expect("a: '1500'", "{\"a\": \"1500\"}");
	expect("a: 0x10", "{\"a\": \"0x10\"}");
	expect("a: 010", "{\"a\": \"010\"}");
	expect("a: 1.5", "{\"a\": \"1.5\"}");
	expect("a: 99999999999999999999", "{\"a\": \"99999999999999999999\"}");
	expect("[true, False, ~, null, ]", "[true, false, null, null]");
	expect("a:", "{\"a\": null}");
	expect("[yes, no, on, off]", "[\"yes\", \"no\", \"on\", \"off\"]");
	/* YAML 1.1 takes this for a number of base 60 */
	expect("mac: 52:54:00:12:34:56", "{\"mac\": \"52:54:00:12:34:56\"}");
	expect("net: fd00:77::/64", "{\"net\": \"fd00:77::/64\"}");
	expect("! 5", "\"5\"");
	expect("!!str 5", "\"5\"");
}

static void json_is_read_as_it_is(void **)
{
	expect("{\"a\":[1,\"2\",{\"b\":null}],\"c\":true,\"d\":\"x\\u00e9\\/\"}",
		"{\"a\": [1, \"2\", {\"b\": null}], \"c\": true, \"d\": \"x\\u00e9/\"}");
	expect("{\n\t\"a\": [\n\t\t1\n\t]\n}\n", "{\"a\": [1]}");
}

static void comments_and_a_mark_of_byte_order_are_nothing(void **)
{
	struct yaml_doc *d = read_text("# nothing\n");

	assert_null(yaml_doc_root(d));
	yaml_doc_destroy(d);
	d = read_text("");
	assert_null(yaml_doc_root(d));
	yaml_doc_destroy(d);
	expect("\xef\xbb\xbf"
	       "a: 1\r\n",
		"{\"a\": 1}");
}

static void anchors_are_copied(void **)
{
	expect("a: &x [1, &y 2]\nb: *x\nc: *y", "{\"a\": [1, 2], \"b\": [1, 2], \"c\": 2}");
	expect("a: &x 1\nb: &x 2\nc: *x", "{\"a\": 1, \"b\": 2, \"c\": 2}");
}

static void anchors_are_bounded(void **)
{
	static char text[257 * 8];
	size_t n = 0;

	for (unsigned i = 0; i < 257; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "- &x%u 1\n", i % 10);
	refused(text, "there are more than 256 anchors");
}

static void every_item_has_its_line(void **)
{
	struct yaml_doc *d = read_text("# x\nnetworks:\n- name: a\n\n- name: b\n  subnets:\n"
				       "  - 10.0.0.0/24\n  - bad\nvifs: [\n {name: v}]\n");

	assert_int_equal(yaml_doc_line(d, "networks"), 2);
	assert_int_equal(yaml_doc_line(d, "networks[0].name"), 3);
	assert_int_equal(yaml_doc_line(d, "networks[1]"), 5);
	assert_int_equal(yaml_doc_line(d, "networks[1].subnets"), 6);
	assert_int_equal(yaml_doc_line(d, "networks[1].subnets[1]"), 8);
	/* what is not there: the item that it should be in */
	assert_int_equal(yaml_doc_line(d, "networks[1].mtu"), 5);
	assert_int_equal(yaml_doc_line(d, "networks[10].mtu"), 2);
	assert_int_equal(yaml_doc_line(d, "vifs[0].type"), 10);
	assert_int_equal(yaml_doc_line(d, "nothing"), 0);
	assert_int_equal(yaml_doc_line(d, ""), 0);
	yaml_doc_destroy(d);
}

static void what_is_wrong_is_said_with_its_line(void **)
{
	refused("a: 1\nb: 2\na: 3\n", "line 3, column 1: 'a' is here for the second time");
	refused("a:\n\t- 1\n", "line 2, column 1: a tab cannot indent: use spaces");
	refused("a: [1, 2\nb: 3\n", "line 2");
	refused("a: 'x\n", "line 2");
	refused("a: b: c\n", "line 1");
	refused("a: 1\n---\nb: 2\n", "line 2, column 1: a second document");
	refused("[a]: 1\n", "a key must be one word");
	refused("*x : 1\n", "write the key out");
	refused("&x a: 1\n", "a key cannot have an anchor");
	refused("a: *x\n", "no finished item has the anchor &x");
	refused("a: &x {b: *x}\n", "no finished item has the anchor &x");
	refused("a: &x {b: 1}\nc:\n  <<: *x\n",
		"merge keys (<<) are not known: write the fields out");
	refused("a: !!int 5\n", "leave tags out");
	refused("a: !!python/object:x {}\n", "leave tags out");
	refused("a: \"\\0\"\n", "the character 0");
	refused("%YAML 3.0\n---\na: 1\n", "line 1");
}

static void bytes_that_are_no_text_are_refused(void **)
{
	refused_bytes("a: 1\nb: \x01\n", 10, "line 2, column 1: control characters");
	refused_bytes("a: \0b\n", 6, "line 1");
	refused_bytes("a: \xff\xfe\n", 6, "UTF-8");
	refused_bytes("a: \xc0\xaf\n", 6, "UTF-8");
	refused_bytes("\x7f"
		      "ELF\x02\x01",
		6, "UTF-8");
	refused_bytes("\xff\xfe"
		      "a\0:\0 \0001\0",
		10, "UTF-8");
}

static void a_billion_laughs_are_refused(void **)
{
	char text[2048] = "l0: &l0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n";

	for (int i = 1; i < 12; i++) {
		char line[128];
		int n = snprintf(line, sizeof(line), "l%d: &l%d [*l%d", i, i, i - 1);

		for (int j = 0; j < 8; j++)
			n += snprintf(line + n, sizeof(line) - (size_t)n, ", *l%d", i - 1);
		snprintf(line + n, sizeof(line) - (size_t)n, "]\n");
		strncat(text, line, sizeof(text) - strlen(text) - 1);
	}
	refused(text, "too much for one file");
}

static void one_long_text_repeated_by_aliases_is_refused(void **)
{
	size_t size = 2u << 20;
	char *text = malloc(size);
	size_t n = (size_t)snprintf(text, size, "a: &a '");

	assert_non_null(text);
	memset(text + n, 'x', 1u << 20);
	n += 1u << 20;
	n += (size_t)snprintf(text + n, size - n, "'\nb: [*a");
	for (int i = 0; i < 40; i++)
		n += (size_t)snprintf(text + n, size - n, ", *a");
	snprintf(text + n, size - n, "]\n");
	refused(text, "too much for one file");
	free(text);
}

static void deep_nesting_is_refused(void **)
{
	size_t size = 1u << 20;
	char *text = malloc(size + 1);

	assert_non_null(text);
	memset(text, '[', size);
	text[size] = '\0';
	refused(text, "line 1");
	memset(text, '-', size);
	for (size_t i = 1; i < size; i += 2)
		text[i] = ' ';
	refused(text, "nested deeper than 16");
	memset(text, '{', size);
	refused(text, "line 1");
	free(text);
}

static void a_file_that_is_too_large_is_refused(void **)
{
	char *text = calloc(1, YAML_TEXT_MAX + 1);

	assert_non_null(text);
	memset(text, '#', YAML_TEXT_MAX + 1);
	refused_bytes(text, YAML_TEXT_MAX + 1, "no description of networks");
	free(text);
}

static char *written(const json_t *json)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	assert_int_equal(yaml_write(f, json), 0);
	fclose(f);
	return text;
}

static void what_is_written_is_read_again(void **)
{
	static const char *const cases[] = {
		"{\"networks\": [], \"vifs\": [], \"forwards\": []}",
		"{\"a\": [{\"b\": [1, 2], \"c\": {}}, \"x\"], \"d\": null, \"e\": true}",
		"[\"\", \" \", \"no\", \"NULL\", \"1\", \"-1\", \"1.5\", \"0x1\", \"~\", \"<<\", "
		"\"a: b\", \"- x\", \"#\", \"&a\", \"*a\", \"!t\", \"|\", \"a\\nb\", \"\\u00e9\", "
		"\"52:54:00:12:34:56\", \"10.0.0.1\", \"10.0.0.0/24\", \"fd00::/64\", \"a'b\\\"\", "
		"\"192.168.77.2-192.168.77.9\", \"lab.test\", \"2001-12-14\", \"1:30\", \"=\"]",
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *json = json_loads(cases[i], 0, NULL);
		char *text;

		assert_non_null(json);
		text = written(json);
		expect(text, cases[i]);
		free(text);
		json_decref(json);
	}
}

static void what_is_written_is_plain_to_read(void **)
{
	json_t *json = json_pack("{s:[{s:s, s:[s], s:b, s:s, s:i}], s:[]}", "networks", "name",
		"lab", "subnets", "10.0.0.0/24", "dhcp", 1, "mac", "52:54:00:12:34:56", "mtu", 9000,
		"vifs");
	char *text = written(json);

	assert_string_equal(text,
		"networks:\n- name: lab\n  subnets:\n  - 10.0.0.0/24\n  dhcp: true\n"
		"  mac: \"52:54:00:12:34:56\"\n  mtu: 9000\nvifs: []\n");
	free(text);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_without_quotes_have_the_core_schema_s_types),
		cmocka_unit_test(json_is_read_as_it_is),
		cmocka_unit_test(comments_and_a_mark_of_byte_order_are_nothing),
		cmocka_unit_test(anchors_are_copied),
		cmocka_unit_test(anchors_are_bounded),
		cmocka_unit_test(every_item_has_its_line),
		cmocka_unit_test(what_is_wrong_is_said_with_its_line),
		cmocka_unit_test(bytes_that_are_no_text_are_refused),
		cmocka_unit_test(a_billion_laughs_are_refused),
		cmocka_unit_test(one_long_text_repeated_by_aliases_is_refused),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(a_file_that_is_too_large_is_refused),
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(what_is_written_is_plain_to_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
