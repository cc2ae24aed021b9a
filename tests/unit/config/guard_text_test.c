/* SPDX-License-Identifier: Apache-2.0 */
/* guard_text_test.c - guards, there and back, and what is none. */
#include "config/guard_text.h"
#include "tests/lib/unit.h"

#include <stdio.h>
#include <string.h>

static struct guard_cfg means(const char *text, const char *printed)
{
	char buf[GUARD_TEXT_LEN];
	struct err e = ERR_NONE;
	struct guard_cfg g, again;

	if (guard_text_parse(text, "vif.v.guard", &g, &e) != 0)
		fail_msg("%s: %s", text, e.msg);
	assert_string_equal(guard_text_print(&g, buf), printed);
	assert_int_equal(guard_text_parse(buf, "vif.v.guard", &again, &e), 0);
	assert_memory_equal(&g, &again, sizeof(g));
	return g;
}

static void refused(const char *text, const char *words)
{
	struct err e = ERR_NONE;
	struct guard_cfg g;

	if (guard_text_parse(text, "vif.v.guard", &g, &e) == 0)
		fail_msg("'%s' was taken", text);
	assert_string_equal(e.path, "vif.v.guard");
	if (strstr(e.msg, words) == NULL)
		fail_msg("'%s': '%s' is not in '%s'", text, words, e.msg);
}

static void words_are_read_as_they_are_printed(void **)
{
	char buf[GUARD_TEXT_LEN];

	assert_false(means("off", "off").has_mac);
	assert_true(means("mac", "mac").has_mac);
	assert_int_equal(means("10.0.0.5", "10.0.0.5").n_addrs, 1);
	assert_int_equal(means("10.0.0.5, fd00::5/64", "10.0.0.5 fd00::5/64").n_addrs, 2);
	assert_int_equal(means("ip=10.0.0.5 10.0.0.6/32", "10.0.0.5 10.0.0.6").n_addrs, 2); /* xl */
	assert_true(guard_has_addresses(&(struct guard_cfg){ .has_dhcp = true }));
	assert_true(means("mac dhcp", "dhcp").has_dhcp);
	assert_true(means("router dhcp-server", "mac dhcp-server router").may_route);
	assert_string_equal(guard_text_print(&(struct guard_cfg){ 0 }, buf), "");
}

static void what_is_no_guard_is_refused(void **)
{
	char text[1024] = "";

	refused("", "says nothing");
	refused(" , ", "says nothing");
	refused("on", "'on' is neither a word nor an address: write off, mac, dhcp");
	refused("10.0.0.300", "neither a word nor an address");
	refused("10.0.0.1/33", "neither a word nor an address");
	refused("off mac", "goes with nothing else");
	refused("10.0.0.1 10.0.0.1/32", "stands there twice");
	refused("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"neither a word");
	for (unsigned i = 1; i <= 33; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "10.0.0.%u ", i);
	refused(text, "one address too many");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_read_as_they_are_printed),
		cmocka_unit_test(what_is_no_guard_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
