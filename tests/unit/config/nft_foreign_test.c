/* SPDX-License-Identifier: Apache-2.0 */
/* nft_foreign_test.c - which chains of other tables keep guests from the host, and which do not. */
#include "config/nft_foreign.h"
#include "tests/lib/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN(table, name, policy)                                               \
	"{\"chain\":{\"family\":\"ip\",\"table\":\"" table "\",\"name\":\"" name \
	"\",\"type\":\"filter\",\"hook\":\"input\",\"prio\":0,\"policy\":\"" policy "\"}}"
#define PLAIN_CHAIN(table, name) \
	"{\"chain\":{\"family\":\"ip\",\"table\":\"" table "\",\"name\":\"" name "\"}}"
#define RULE(table, chain, expr)                                                  \
	"{\"rule\":{\"family\":\"ip\",\"table\":\"" table "\",\"chain\":\"" chain \
	"\",\"expr\":[" expr "]}}"
#define IIF(right)                                                                                 \
	"{\"match\":{\"op\":\"==\",\"left\":{\"meta\":{\"key\":\"iifname\"}},\"right\":" right "}" \
	"}"
#define NOT_IIF(right)                                                                             \
	"{\"match\":{\"op\":\"!=\",\"left\":{\"meta\":{\"key\":\"iifname\"}},\"right\":" right "}" \
	"}"
#define SSH                                                                                \
	"{\"match\":{\"op\":\"==\",\"left\":{\"payload\":{\"protocol\":\"tcp\",\"field\":" \
	"\"dport\"}},\"right\":22}}"
#define ACCEPT "{\"accept\":null}"
#define DROP "{\"drop\":null}"
#define REJECT "{\"reject\":{\"type\":\"icmpx\"}}"
#define COUNTER "{\"counter\":{\"packets\":1,\"bytes\":2}}"
#define JUMP(to) "{\"jump\":{\"target\":\"" to "\"}}"

static struct nft_obstacle found;

static bool finds(const char *objects)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	fprintf(f, "{\"nftables\":[{\"metainfo\":{}}%s%s]}", objects[0] != '\0' ? "," : "",
		objects);
	fclose(f);
	memset(&found, 0, sizeof(found));
	bool has = nft_foreign_find(text, "saklar", "lab", &found);

	free(text);
	return has;
}

static void chain_with_policy_drop_is_named_with_a_cure(void **)
{
	assert_true(finds(CHAIN("filter", "input", "drop")));
	assert_string_equal(found.family, "ip");
	assert_string_equal(found.table, "filter");
	assert_string_equal(found.chain, "input");
	assert_string_equal(found.verdict, "policy drop");
	assert_non_null(strstr(found.cure, "nft insert rule ip filter input iifname lab accept"));
}

static void chain_that_accepts_by_policy_is_no_obstacle(void **)
{
	assert_false(finds(CHAIN("filter", "input", "accept")));
	assert_false(finds(""));
	assert_false(finds(PLAIN_CHAIN("filter", "other")));
}

static void own_table_is_no_obstacle(void **)
{
	assert_false(finds(CHAIN("saklar", "input", "drop")));
}

static void rule_that_refuses_everything_is_an_obstacle(void **)
{
	assert_true(finds(CHAIN("f", "in", "accept") "," RULE("f", "in", SSH "," ACCEPT) "," RULE(
		"f", "in", COUNTER "," REJECT)));
	assert_string_equal(found.verdict, "reject");
	assert_true(finds(CHAIN("f", "in", "accept") "," RULE("f", "in", IIF("\"lab\"") "," DROP)));
	assert_true(
		finds(CHAIN("f", "in", "accept") "," RULE("f", "in", NOT_IIF("\"lo\"") "," DROP)));
}

static void rule_about_some_packets_or_other_devices_decides_nothing(void **)
{
	assert_false(finds(CHAIN("f", "in", "accept") "," RULE("f", "in", SSH "," DROP)));
	assert_false(
		finds(CHAIN("f", "in", "accept") "," RULE("f", "in", IIF("\"eth0\"") "," DROP)));
	assert_false(
		finds(CHAIN("f", "in", "accept") "," RULE("f", "in", NOT_IIF("\"lab\"") "," DROP)));
	assert_true(finds(CHAIN("f", "in", "drop") "," RULE("f", "in", IIF("\"lo\"") "," ACCEPT)));
}

static void accept_for_the_leg_however_narrow_is_meant_so(void **)
{
	assert_false(
		finds(CHAIN("f", "in", "drop") "," RULE("f", "in", IIF("\"lab\"") "," ACCEPT)));
	assert_false(finds(
		CHAIN("f", "in", "drop") "," RULE("f", "in", IIF("\"lab\"") "," SSH "," ACCEPT)));
	assert_false(
		finds(CHAIN("f", "in", "drop") "," RULE("f", "in", IIF("\"la*\"") "," ACCEPT)));
	assert_false(finds(CHAIN("f", "in", "drop") "," RULE(
		"f", "in", IIF("{\"set\":[\"x\",\"lab\"]}") "," ACCEPT)));
	assert_false(
		finds(CHAIN("f", "in", "drop") "," RULE("f", "in", IIF("\"@mine\"") "," ACCEPT)));
	assert_false(finds(CHAIN("f", "in", "drop") "," RULE("f", "in", COUNTER "," ACCEPT)));
}

static void jumps_are_followed(void **)
{
	assert_true(finds(CHAIN("f", "in", "accept") "," RULE("f", "in", JUMP("deep")) "," RULE(
		"f", "deep", DROP)));
	assert_false(finds(CHAIN("f", "in", "drop") "," RULE("f", "in", JUMP("deep")) "," RULE(
		"f", "deep", IIF("\"lab\"") "," ACCEPT)));
	assert_false(finds(CHAIN("f", "in", "drop") "," RULE("f", "in", JUMP("in"))));
}

static void verdict_map_of_other_devices_decides_nothing(void **)
{
#define VMAP(key, name) \
	"{\"vmap\":{\"key\":" key ",\"data\":{\"set\":[[\"" name "\",{\"drop\":null}]]}}}"
#define DEV "{\"meta\":{\"key\":\"iifname\"}}"
#define STATE "{\"ct\":{\"key\":\"state\"}}"
	assert_true(finds(CHAIN("f", "in", "drop") "," RULE("f", "in", VMAP(DEV, "eth0"))));
	assert_true(finds(CHAIN("f", "in", "drop") "," RULE("f", "in", VMAP(STATE, "invalid"))));
	assert_false(finds(CHAIN("f", "in", "drop") "," RULE("f", "in", VMAP(DEV, "lab"))));
}

static void cure_speaks_the_language_of_the_tables_owner(void **)
{
	assert_true(finds(CHAIN("firewalld", "filter_INPUT", "drop")));
	assert_non_null(strstr(found.cure, "firewall-cmd"));
	assert_true(finds(CHAIN("filter", "INPUT", "drop") "," PLAIN_CHAIN("filter",
		"ufw-before-"
		"input")));
	assert_string_equal(found.cure, "ufw allow in on lab");
}

static void text_that_is_no_ruleset_accuses_nobody(void **)
{
	static const char *const texts[] = { "", "{", "[]", "{\"nftables\":7}",
		"{\"nftables\":[7,{\"chain\":[]},{\"rule\":{\"expr\":7}}]}" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(nft_foreign_find(texts[i], "saklar", "lab", &found));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chain_with_policy_drop_is_named_with_a_cure),
		cmocka_unit_test(chain_that_accepts_by_policy_is_no_obstacle),
		cmocka_unit_test(own_table_is_no_obstacle),
		cmocka_unit_test(rule_that_refuses_everything_is_an_obstacle),
		cmocka_unit_test(rule_about_some_packets_or_other_devices_decides_nothing),
		cmocka_unit_test(accept_for_the_leg_however_narrow_is_meant_so),
		cmocka_unit_test(jumps_are_followed),
		cmocka_unit_test(verdict_map_of_other_devices_decides_nothing),
		cmocka_unit_test(cure_speaks_the_language_of_the_tables_owner),
		cmocka_unit_test(text_that_is_no_ruleset_accuses_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
