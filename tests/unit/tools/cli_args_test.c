/* SPDX-License-Identifier: Apache-2.0 */
/* cli_args_test.c - claims about tools/cli_args.c: words -> parameters, by the schema. */
#include "tests/lib/unit.h"
#include "tools/cli_args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 16

static const struct cli_verb *verb(const char *noun, const char *name)
{
	for (const struct cli_verb *v = cli_verbs; v->noun; v++)
		if (strcmp(v->noun, noun) == 0 && (!name || strcmp(v->verb, name) == 0))
			return v;
	fail_msg("no verb %s %s", noun, name ? name : "");
	return NULL;
}

/* Parse @line, split at spaces. */
static int parse(const struct cli_verb *v, const char *line, struct cli_args *out, struct err *e)
{
	static char copy[256];
	char *word[WORDS_MAX];
	char *save = NULL;
	size_t n = 0;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		word[n++] = w;
	*e = ERR_NONE;
	return cli_args_parse(v, word, n, out, e);
}

static void expect(const char *noun, const char *name, const char *line, const char *json)
{
	struct cli_args args;
	struct err e;
	json_t *want = json_loads(json, 0, NULL);

	assert_non_null(want);
	assert_int_equal(parse(verb(noun, name), line, &args, &e), 0);
	if (!json_equal(args.params, want)) {
		char *got = json_dumps(args.params, JSON_COMPACT);

		fail_msg("'%s': got %s, want %s", line, got, json);
	}
	json_decref(want);
	cli_args_fini(&args);
}

static void expect_usage(const char *noun, const char *name, const char *line, const char *text)
{
	struct cli_args args;
	struct err e;

	assert_int_equal(parse(verb(noun, name), line, &args, &e), -EINVAL);
	if (!strstr(e.msg, text))
		fail_msg("'%s': got '%s', want '%s' in it", line, e.msg, text);
	cli_args_fini(&args);
}

static void network_add_makes_typed_json(void **)
{
	expect("network", "add",
		"lan --mode isolated --subnet 10.0.0.0/24 --subnet=fd00::/64 --dhcp --mtu 9000",
		"{\"name\": \"lan\", \"mode\": \"isolated\", \"subnets\": [\"10.0.0.0/24\", "
		"\"fd00::/64\"], \"dhcp\": true, \"mtu\": 9000}");
}

static void uplinks_are_lists_of_text(void **)
{
	expect("network", "add",
		"lan --mode nat --uplink vif:wan --uplink-address 192.0.2.2/24 --uplink-gateway "
		"192.0.2.1 --nat-ipv6",
		"{\"name\": \"lan\", \"mode\": \"nat\", \"uplink\": \"vif:wan\", "
		"\"uplink_addresses\": [\"192.0.2.2/24\"], \"uplink_gateways\": [\"192.0.2.1\"], "
		"\"nat_ipv6\": true}");
}

static void vif_add_makes_typed_json(void **)
{
	expect("vif", "add", "--type tap web0 --network lan --queues 2 --owner 64055 --down",
		"{\"name\": \"web0\", \"type\": \"tap\", \"network\": \"lan\", \"queues\": 2, "
		"\"owner\": 64055, \"link\": false}");
}

static void booleans_have_opposites_and_values(void **)
{
	expect("vif", "set", "w --up", "{\"name\": \"w\", \"link\": true}");
	expect("vif", "set", "w --no-learning", "{\"name\": \"w\", \"learning\": false}");
	expect("vif", "set", "w --learning off", "{\"name\": \"w\", \"learning\": false}");
	expect("vif", "set", "w --isolated=on", "{\"name\": \"w\", \"isolated\": true}");
	expect_usage("vif", "set", "w --isolated=maybe", "on or off");
	expect_usage("vif", "set", "w --up --down", "contradicts");
}

static void set_empties_lists_and_gives_defaults_back(void **)
{
	expect("vif", "set", "w --no-mtu", "{\"name\": \"w\", \"mtu\": null}");
	expect("vif", "set", "w --no-network", "{\"name\": \"w\", \"network\": null}");
	expect_usage("vif", "set", "w --no-type", "unknown flag");
	expect_usage("vif", "set", "w --no-mtu --mtu 1500", "contradicts");
	expect_usage(
		"network", "set", "lan --no-subnet --subnet 10.0.0.0/24", "exclude each other");
	expect("network", "set", "lan --no-dhcp-range", "{\"name\": \"lan\", \"dhcp_ranges\": []}");
	expect_usage("network", "set", "lan --dhcp-range 10.0.0.1-10.0.0.9 --no-dhcp-range",
		"exclude each other");
	expect_usage("network", "add", "lan --no-dhcp-range", "unknown flag");
}

static void wrong_words_are_usage_errors_with_a_hint(void **)
{
	expect_usage("network", "add", "lan --sbnet 10.0.0.0/24", "did you mean --subnet?");
	expect_usage("network", "add", "lan --mode isloated", "did you mean 'isolated'");
	expect_usage("network", "add", "lan --mtu", "--mtu takes a value: --mtu BYTES");
	expect_usage("network", "add", "lan --mtu 9000x", "takes a number");
	expect_usage("network", "add", "lan --mtu -1", "takes a number");
	expect_usage("network", "add", "lan --mtu 99999999999999999999", "takes a number");
	expect_usage("network", "add", "lan --mtu 1", "from 68 to 65535");
	expect_usage("network", "add", "lan --mtu 1500 --mtu 1500", "repeats");
	expect_usage("network", "add", "--mtu 1500", "NAME is missing");
	expect_usage("network", "add", "lan wan", "unexpected word 'wan'");
	expect_usage("vif", "add", "w --network lan", "--type TYPE is required");
	expect_usage("vif", "set", "w --type tap", "cannot be changed");
	expect_usage("vif", "list", "w", "takes no name");
	expect_usage("vif", "set", "w -x", "unknown flag '-x'");
}

static void values_not_built_yet_are_left_to_the_daemon_to_refuse(void **)
{
	expect("network", "add", "lan --stp rstp", "{\"name\": \"lan\", \"stp\": \"rstp\"}");
	expect("vif", "set", "w --rate 10M", "{\"name\": \"w\", \"rate\": \"10M\"}");
}

static void own_flags_have_letters_and_values(void **)
{
	const struct cli_verb *v = verb("capture", NULL);
	struct cli_args args;
	struct err e;

	assert_int_equal(parse(v, "web0 -c 10 -w - --snaplen=64 tcp port 80", &args, &e), 0);
	assert_string_equal(cli_args_text(&args, "write"), "-");
	assert_int_equal(cli_args_number(&args, "count", 0), 10);
	assert_int_equal(cli_args_number(&args, "snaplen", 1), 64);
	assert_false(cli_args_has(&args, "drops"));
	assert_int_equal(args.n_words, 4);
	assert_string_equal(args.word[3], "80");
	assert_null(args.word[4]);
	cli_args_fini(&args);
	expect_usage("capture", NULL, "web0 -c 0", "from 1");
	expect_usage("capture", NULL, "web0 -c", "takes a value");
	expect_usage("drops", NULL, "-fx", "takes no value");
}

static void double_dash_ends_the_flags(void **)
{
	struct cli_args args;
	struct err e;

	assert_int_equal(parse(verb("capture", NULL), "--drops -- -c", &args, &e), 0);
	assert_int_equal(args.n_words, 1);
	assert_string_equal(args.word[0], "-c");
	cli_args_fini(&args);
}

static void values_that_are_no_utf8_are_refused(void **)
{
	expect_usage("vif", "set", "w --mac \xff\xfe", "not valid UTF-8");
	expect_usage("vif", "set", "\xff\xfe --up", "not valid UTF-8");
}

/* The table itself: what help and completion rely on. */
static void every_verb_has_help_and_an_example_that_parses(void **)
{
	for (const struct cli_verb *v = cli_verbs; v->noun; v++) {
		struct cli_args args;
		struct err e;
		char text[256];

		assert_non_null(v->example);
		assert_true(v->doc[0] >= 'a' && v->doc[0] <= 'z');
		assert_true(v->doc[strlen(v->doc) - 1] != '.');
		snprintf(text, sizeof(text), "saklar %s %s", v->noun, v->verb ? v->verb : "");
		size_t head = strlen(text) - (v->verb ? 0 : 1);

		assert_int_equal(strncmp(v->example, text, head), 0);
		if (strchr(v->example, '>') || strcmp(v->noun, "help") == 0
			|| strstr(v->example, "--json"))
			continue;
		assert_int_equal(parse(v, v->example + head, &args, &e), 0);
		cli_args_fini(&args);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(network_add_makes_typed_json),
		cmocka_unit_test(uplinks_are_lists_of_text),
		cmocka_unit_test(vif_add_makes_typed_json),
		cmocka_unit_test(booleans_have_opposites_and_values),
		cmocka_unit_test(set_empties_lists_and_gives_defaults_back),
		cmocka_unit_test(wrong_words_are_usage_errors_with_a_hint),
		cmocka_unit_test(values_not_built_yet_are_left_to_the_daemon_to_refuse),
		cmocka_unit_test(own_flags_have_letters_and_values),
		cmocka_unit_test(double_dash_ends_the_flags),
		cmocka_unit_test(values_that_are_no_utf8_are_refused),
		cmocka_unit_test(every_verb_has_help_and_an_example_that_parses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
