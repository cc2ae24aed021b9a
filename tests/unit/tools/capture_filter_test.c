/* SPDX-License-Identifier: Apache-2.0 */
/* capture_filter_test.c - claims about tools/capture_filter.c. */
#include "tests/lib/unit.h"
#include "tools/capture_filter.h"
#include "vswitch/abi/capture_ring.h"

#include <pcap/pcap.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static json_t *compile(const char *expression)
{
	struct err e = ERR_NONE;
	json_t *out = NULL;
	int position = 0;

	assert_int_equal(capture_filter_compile(expression, 262144, &out, &position, &e), 0);
	return out;
}

/* Run the JSON form over @frame, as the engine does. */
static unsigned run(const json_t *program, const uint8_t *frame, unsigned len)
{
	struct bpf_insn insn[CAPTURE_FILTER_MAX];
	size_t n = json_array_size(program);

	assert_true(n && n <= CAPTURE_FILTER_MAX);
	for (size_t i = 0; i < n; i++) {
		const json_t *row = json_array_get(program, i);

		assert_int_equal(json_array_size(row), 4);
		insn[i].code = (u_short)json_integer_value(json_array_get(row, 0));
		insn[i].jt = (u_char)json_integer_value(json_array_get(row, 1));
		insn[i].jf = (u_char)json_integer_value(json_array_get(row, 2));
		insn[i].k = (bpf_u_int32)json_integer_value(json_array_get(row, 3));
	}
	assert_true(bpf_validate(insn, (int)n));
	return bpf_filter(insn, frame, len, len);
}

static void no_expression_is_no_program(void **)
{
	assert_null(compile(""));
	assert_null(compile("  "));
}

static void program_decides_as_libpcap_would(void **)
{
	uint8_t frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x08, 0x06 };
	json_t *arp = compile("arp");
	json_t *from = compile("ether src 02:00:00:00:00:01");

	assert_true(run(arp, frame, sizeof(frame)) > 0);
	assert_true(run(from, frame, sizeof(frame)) > 0);
	frame[13] = 0;
	frame[11] = 2;
	assert_int_equal(run(arp, frame, sizeof(frame)), 0);
	assert_int_equal(run(from, frame, sizeof(frame)), 0);
	json_decref(arp);
	json_decref(from);
}

static void expect_error(const char *expression, int where, const char *text)
{
	struct err e = ERR_NONE;
	json_t *out = NULL;
	int position = 0;

	assert_int_equal(capture_filter_compile(expression, 262144, &out, &position, &e), -EINVAL);
	assert_null(out);
	if (!strstr(e.msg, text) || position != where)
		fail_msg("'%s': '%s' at %d", expression, e.msg, position);
}

static void errors_point_at_the_word(void **)
{
	expect_error("tcp prt 80", 4, "syntax error");
	expect_error("tcp port 80 and", 15, "syntax error");
	expect_error("  ip frob", 5, "syntax error");
	expect_error("tcp and port 123456", -1, "illegal port number 123456");
	expect_error("ether host 1:2:3:4:5:6 6", 23, "syntax error");
}

static void program_that_is_too_long_is_refused_with_its_size(void **)
{
	static char text[20000];
	size_t at = 0;

	for (unsigned i = 0; i < 400; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%shost 10.%u.%u.1",
			i ? " or " : "", i % 256, i / 256);
	expect_error(text, -1, "at most 512");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_expression_is_no_program),
		cmocka_unit_test(program_decides_as_libpcap_would),
		cmocka_unit_test(errors_point_at_the_word),
		cmocka_unit_test(program_that_is_too_long_is_refused_with_its_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
