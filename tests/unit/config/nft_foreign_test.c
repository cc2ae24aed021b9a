/* SPDX-License-Identifier: Apache-2.0 */
/* nft_foreign_test.c - which chains of others keep guests from the host or from the outside, and
 * which do not.  The rulesets beside it are what nft printed of those of real firewalls. */
#include "config/actual.h"
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
static struct network_cfg network;
static struct transit transit;

static int set_up(void **)
{
	memset(&network, 0, sizeof(network));
	network.n_subnets = 1;
	assert_int_equal(ipnet_parse("10.1.0.0/24", &network.subnet[0]), 0);
	assert_int_equal(ip_parse("169.254.64.2", &transit.router4), 0);
	return 0;
}

static bool finds_in(const char *json, const char *legacy, const struct nft_way *way)
{
	struct nft_rules *rules = nft_rules_parse(json, legacy, NULL);
	bool has = rules != NULL && nft_foreign_find(rules, "saklar", way, &found);

	nft_rules_destroy(rules);
	return has;
}

static const struct nft_way input = { .ifname = "lab", .network = &network };
static const struct nft_way forth
	= { .is_forward = true, .ifname = "up-lab", .network = &network, .transit = &transit };
static const struct nft_way back = { .is_forward = true,
	.is_outward = true,
	.ifname = "up-lab",
	.network = &network,
	.transit = &transit };

/* A ruleset as nft printed it. */
static char *read_ruleset(const char *name)
{
	static char text[1 << 16];
	char path[128];
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "tests/unit/config/rulesets/%s.json", name);
	f = fopen(path, "re");
	assert_non_null(f);
	len = fread(text, 1, sizeof(text) - 1, f);
	text[len] = '\0';
	fclose(f);
	return text;
}

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
	bool has = finds_in(text, NULL, &input);

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
		assert_false(finds_in(texts[i], NULL, &input));
}

static void dockers_drop_is_found_until_its_own_chain_lets_us_through(void **)
{
	assert_true(finds_in(read_ruleset("docker"), NULL, &forth));
	assert_string_equal(found.verdict, "policy drop");
	assert_string_equal(found.cure,
		"iptables -I DOCKER-USER -i up-lab -j ACCEPT; iptables -I DOCKER-USER -o up-lab -j "
		"ACCEPT");
	assert_true(finds_in(read_ruleset("docker"), NULL, &back));
	assert_false(finds_in(read_ruleset("docker"), NULL, &input));
	assert_false(finds_in(read_ruleset("docker-cured"), NULL, &forth));
	assert_false(finds_in(read_ruleset("docker-cured"), NULL, &back));
}

static void firewalld_rejects_until_the_device_is_in_a_zone(void **)
{
	assert_true(finds_in(read_ruleset("firewalld"), NULL, &input));
	assert_string_equal(found.verdict, "reject");
	assert_true(finds_in(read_ruleset("firewalld"), NULL, &forth));
	assert_string_equal(found.chain, "filter_FORWARD");
	assert_non_null(strstr(found.cure, "--zone=trusted --add-interface=up-lab"));
	/* answers belong to a connection, which every firewall of this kind lets through */
	assert_false(finds_in(read_ruleset("firewalld"), NULL, &back));
	assert_false(finds_in(read_ruleset("firewalld-cured"), NULL, &forth));
}

static void chains_that_are_jumped_to_for_new_connections_are_read(void **)
{
	assert_true(finds_in(read_ruleset("homemade"), NULL, &forth));
	assert_string_equal(found.cure,
		"nft insert rule inet fw forward iifname up-lab accept; nft insert rule inet fw "
		"forward oifname up-lab accept");
	assert_false(finds_in(read_ruleset("homemade"), NULL, &back));
	assert_true(finds_in(read_ruleset("homemade"), NULL, &input));
	/* 10.7.0.0/24 is accepted there */
	assert_int_equal(ipnet_parse("10.7.0.0/25", &network.subnet[0]), 0);
	assert_false(finds_in(read_ruleset("homemade"), NULL, &forth));
}

#define FORWARD(expr)                                                                              \
	"{\"nftables\":[{\"chain\":{\"family\":\"inet\",\"table\":\"f\",\"name\":\"fw\",\"type\":" \
	"\"filter\",\"hook\":\"forward\",\"policy\":\"accept\"}},{\"rule\":{\"family\":\"inet\","  \
	"\"table\":"                                                                               \
	"\"f\",\"chain\":\"fw\",\"expr\":[" expr                                                   \
	"]}},{\"rule\":{\"family\":\"inet\",\"table\":\"f\","                                      \
	"\"chain\":\"fw\",\"expr\":[{\"drop\":null}]}}]}"
#define MATCH(op, left, right) \
	"{\"match\":{\"op\":\"" op "\",\"left\":" left ",\"right\":" right "}}"
#define META(key) "{\"meta\":{\"key\":\"" key "\"}}"
#define SADDR "{\"payload\":{\"protocol\":\"ip\",\"field\":\"saddr\"}}"
#define PREFIX(addr, len) "{\"prefix\":{\"addr\":\"" addr "\",\"len\":" len "}}"
#define BOTH "{\"concat\":[" META("iifname") "," META("oifname") "]}"

static void an_accept_counts_when_it_may_mean_us(void **)
{
	static const struct {
		const char *ruleset;
		bool is_found;
	} cases[] = {
		{ FORWARD(MATCH("==", META("iifname"), "\"up-*\"") "," ACCEPT), false },
		{ FORWARD(MATCH("==", META("iifname"), "\"@lans\"") "," ACCEPT), false },
		{ FORWARD(MATCH("!=", META("iifname"), "\"eth0\"") "," ACCEPT), false },
		{ FORWARD(MATCH("==", META("iifgroup"), "7") "," ACCEPT), false },
		{ FORWARD(MATCH("==", SADDR, PREFIX("10.0.0.0", "8")) "," ACCEPT), false },
		{ FORWARD(MATCH("==", SADDR, "\"169.254.64.2\"") "," ACCEPT), false },
		{ FORWARD(MATCH("==", SADDR, "{\"set\":[\"1.2.3.4\",\"10.1.0.7\"]}") "," ACCEPT),
			false },
		{ FORWARD(MATCH("==", SADDR, "{\"range\":[\"1.0.0.0\",\"9.0.0.0\"]}") "," ACCEPT),
			false },
		{ FORWARD(MATCH(
			  "==", BOTH, "{\"set\":[{\"concat\":[\"up-lab\",\"e\"]}]}") "," ACCEPT),
			false },
		{ FORWARD(MATCH("in", "{\"ct\":{\"key\":\"state\"}}", "[\"new\"]") "," ACCEPT),
			false },
		{ FORWARD("{\"goto\":{\"target\":\"elsewhere\"}}"), false },
		{ FORWARD(MATCH("==", META("iifname"), "\"eth0\"") "," ACCEPT), true },
		{ FORWARD(MATCH("==", META("oifname"), "\"eth0\"") "," ACCEPT), true },
		{ FORWARD(MATCH("==", SADDR, PREFIX("172.17.0.0", "16")) "," ACCEPT), true },
		{ FORWARD(MATCH(
			  "==", BOTH, "{\"set\":[{\"concat\":[\"a\",\"up-lab\"]}]}") "," ACCEPT),
			false },
		{ FORWARD(MATCH("==", BOTH, "{\"set\":[{\"concat\":[\"a\",\"b\"]}]}") "," ACCEPT),
			true },
		{ FORWARD(MATCH(
			  "in", "{\"ct\":{\"key\":\"state\"}}", "[\"established\"]") "," ACCEPT),
			true },
		{ FORWARD(MATCH("in", "{\"ct\":{\"key\":\"state\"}}", "\"new\"") "," SSH
										 "," ACCEPT),
			true },
		{ FORWARD("{\"xt\":{\"type\":\"match\",\"name\":\"conntrack\"}}," ACCEPT), true },
		{ FORWARD("{\"limit\":{\"rate\":5}}," ACCEPT), true },
		{ FORWARD("{\"set\":{\"op\":\"add\"}}," COUNTER), true },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (finds_in(cases[i].ruleset, NULL, &forth) != cases[i].is_found)
			fail_msg("%s", cases[i].ruleset);
	/* what iptables asks of a connection is not printed: on the way back it may be that */
	assert_false(
		finds_in(FORWARD("{\"xt\":{\"type\":\"match\",\"name\":\"conntrack\"}}," ACCEPT),
			NULL, &back));
}

static void verdict_maps_may_mean_us(void **)
{
#define MAP(key, data) FORWARD("{\"vmap\":{\"key\":" key ",\"data\":" data "}}")
	assert_false(finds_in(MAP(META("iifname"), "\"@zones\""), NULL, &forth));
	assert_false(finds_in(
		MAP(META("iifname"), "{\"set\":[[\"up-lab\"," JUMP("x") "]]}"), NULL, &forth));
	assert_true(finds_in(
		MAP(META("iifname"), "{\"set\":[[\"eth0\"," JUMP("x") "]]}"), NULL, &forth));
	assert_true(finds_in(MAP("{\"ct\":{\"key\":\"state\"}}",
				     "{\"set\":[[\"established\",{\"accept\":null}]]}"),
		NULL, &forth));
	assert_false(finds_in(MAP("{\"ct\":{\"key\":\"state\"}}",
				      "{\"set\":[[\"established\",{\"accept\":null}]]}"),
		NULL, &back));
	assert_true(finds_in(
		MAP("{\"ct\":{\"key\":\"state\"}}", "{\"set\":[[\"new\",{\"drop\":null}]]}"), NULL,
		&forth));
}

#define NO_RULES "{\"nftables\":[]}"
#define LEGACY(forward, rules) \
	"# Generated\n*filter\n:INPUT ACCEPT [0:0]\n:FORWARD " forward " [3:4]\n" rules "COMMIT\n"

static void rules_of_iptables_legacy_are_read_too(void **)
{
	assert_true(
		finds_in(NO_RULES, LEGACY("DROP", "-A FORWARD -i docker0 -j ACCEPT\n"), &forth));
	assert_true(found.is_legacy);
	assert_string_equal(found.chain, "FORWARD");
	assert_string_equal(found.verdict, "policy drop");
	assert_string_equal(found.cure,
		"iptables-legacy -I FORWARD -i up-lab -j ACCEPT; iptables-legacy -I FORWARD -o "
		"up-lab -j ACCEPT");
	assert_false(finds_in(NO_RULES, LEGACY("DROP", ""), &input));
	assert_false(finds_in(NO_RULES, LEGACY("ACCEPT", ""), &forth));
	assert_true(finds_in(
		NO_RULES, LEGACY("ACCEPT", "-A FORWARD -j REJECT --reject-with x\n"), &forth));
	assert_false(finds_in(NO_RULES, LEGACY("DROP", "-A FORWARD -j ACCEPT\n"), &forth));
	assert_false(finds_in(NO_RULES, LEGACY("DROP", "-A FORWARD -i up-+ -j ACCEPT\n"), &forth));
	assert_false(finds_in(NO_RULES,
		LEGACY("DROP", "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"),
		&back));
	assert_true(finds_in(NO_RULES,
		LEGACY("DROP", "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"),
		&forth));
	assert_false(finds_in(NO_RULES, "\n\n:FORWARD\n-A\n", &forth));
	assert_false(finds_in(NO_RULES, "", &forth));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(chain_with_policy_drop_is_named_with_a_cure, set_up),
		cmocka_unit_test_setup(chain_that_accepts_by_policy_is_no_obstacle, set_up),
		cmocka_unit_test_setup(own_table_is_no_obstacle, set_up),
		cmocka_unit_test_setup(rule_that_refuses_everything_is_an_obstacle, set_up),
		cmocka_unit_test_setup(
			rule_about_some_packets_or_other_devices_decides_nothing, set_up),
		cmocka_unit_test_setup(accept_for_the_leg_however_narrow_is_meant_so, set_up),
		cmocka_unit_test_setup(jumps_are_followed, set_up),
		cmocka_unit_test_setup(verdict_map_of_other_devices_decides_nothing, set_up),
		cmocka_unit_test_setup(cure_speaks_the_language_of_the_tables_owner, set_up),
		cmocka_unit_test_setup(text_that_is_no_ruleset_accuses_nobody, set_up),
		cmocka_unit_test_setup(
			dockers_drop_is_found_until_its_own_chain_lets_us_through, set_up),
		cmocka_unit_test_setup(firewalld_rejects_until_the_device_is_in_a_zone, set_up),
		cmocka_unit_test_setup(
			chains_that_are_jumped_to_for_new_connections_are_read, set_up),
		cmocka_unit_test_setup(an_accept_counts_when_it_may_mean_us, set_up),
		cmocka_unit_test_setup(verdict_maps_may_mean_us, set_up),
		cmocka_unit_test_setup(rules_of_iptables_legacy_are_read_too, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
