/* SPDX-License-Identifier: Apache-2.0 */
/* schema_parse_test.c - JSON to networks and vifs and back: what is refused, and with which words. */
#include "config/schema_parse.h"
#include "tests/lib/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct model *model; /* holds network lab */

static int make_model(void **)
{
	struct network_cfg lab = { .id = 1, .name = "lab", .mtu = 1500 };

	model = model_create();
	return model_add_network(model, &lab, NULL);
}

static int free_model(void **)
{
	model_destroy(model);
	return 0;
}

static json_t *parse_text(const char *text)
{
	json_t *json = json_loads(text, 0, NULL);

	assert_non_null(json);
	return json;
}

static int parse_network(
	const char *text, enum schema_verb verb, struct network_cfg *n, struct err *e)
{
	json_t *json = parse_text(text);
	int rc = schema_parse_network(json, verb, n, e);

	json_decref(json);
	return rc;
}

static int parse_vif(const char *text, enum schema_verb verb, struct vif_cfg *v, struct err *e)
{
	json_t *json = parse_text(text);
	int rc = schema_parse_vif(json, verb, model, v, e);

	json_decref(json);
	return rc;
}

struct bad {
	const char *text, *path, *words;
};

static void assert_bad(const struct bad *bad, int rc, const struct err *e)
{
	if (rc == 0)
		fail_msg("accepted: %s", bad->text);
	if (!strstr(e->msg, bad->words))
		fail_msg("%s: '%s' does not hold '%s'", bad->text, e->msg, bad->words);
	assert_string_equal(e->path, bad->path);
}

static void bad_networks_are_refused_with_a_cure(void **)
{
	static const struct bad cases[] = {
		{ "[]", "network", "params must be an object with the network's fields" },
		{ "{}", "network.name", "name is missing" },
		{ "{\"name\": 7}", "network.name", "write a name" },
		{ "{\"name\": \"\"}", "network.name", "a letter, then letters" },
		{ "{\"name\": \"abcdefghijklmnop\"}", "network.name", "at most 15" },
		{ "{\"name\": \"a b\"}", "network.name", "'a b' is not right" },
		{ "{\"name\": \"../x\"}", "network.name", "write a name" },
		{ "{\"name\": \"caf\xc3\xa9\"}", "network.name", "caf??" },
		{ "{\"name\": \"-x\"}", "network.name", "a letter" },
		{ "{\"name\": \"a\", \"subnet\": []}", "network.a.subnet",
			"did you mean 'subnets'?" },
		{ "{\"name\": \"a\", \"zzzzzzzzz\": 1}", "network.a.zzzzzzzzz",
			"saklar network add --help" },
		{ "{\"name\": \"a\", \"mode\": \"natt\"}", "network.a.mode",
			"one of bridge, isolated" },
		{ "{\"name\": \"a\", \"mode\": 1}", "network.a.mode", "1 is not right" },
		{ "{\"name\": \"a\", \"guard\": \"x\"}", "network.a.guard", "refused for now" },
		{ "{\"name\": \"a\", \"uplink\": \"vif:\"}", "network.a.uplink",
			"a letter, then letters" },
		{ "{\"name\": \"a\", \"uplink\": \"eth 0\"}", "network.a.uplink", "'eth 0'" },
		{ "{\"name\": \"a\", \"uplink_gateways\": [\"x\"]}", "network.a.uplink_gateways[0]",
			"an IP address such as" },
		{ "{\"name\": \"a\", \"mtu\": \"1500\"}", "network.a.mtu",
			"a number from 68 to 65535" },
		{ "{\"name\": \"a\", \"mtu\": 67}", "network.a.mtu", "a number from 68" },
		{ "{\"name\": \"a\", \"mtu\": 65536}", "network.a.mtu", "65536 is not right" },
		{ "{\"name\": \"a\", \"mtu\": 4294968796}", "network.a.mtu", "not right" },
		{ "{\"name\": \"a\", \"mtu\": 1500.5}", "network.a.mtu", "a fraction" },
		{ "{\"name\": \"a\", \"dhcp\": \"yes\"}", "network.a.dhcp", "true or false" },
		{ "{\"name\": \"a\", \"subnets\": \"10.0.0.0/8\"}", "network.a.subnets",
			"write a list" },
		{ "{\"name\": \"a\", \"subnets\": [\"10.0.0.0\"]}", "network.a.subnets[0]",
			"a subnet such as" },
		{ "{\"name\": \"a\", \"subnets\": [{}]}", "network.a.subnets[0]", "an object" },
		{ "{\"name\": \"a\", \"subnets\": [\"10.0.0.0/24\"], \"gateways\": [\"10.1.0.1\"]}",
			"network.a.gateways[0]", "in none of the network's subnets" },
		{ "{\"name\": \"a\", \"subnets\": [\"10.0.0.0/24\"], \"gateways\": "
		  "[\"10.0.0.1\", \"10.0.0.2\"]}",
			"network.a.gateways[1]", "the second one of its subnet" },
		{ "{\"name\": \"a\", \"dhcp_ranges\": [\"10.0.0.5\"]}", "network.a.dhcp_ranges[0]",
			"FIRST-LAST" },
		{ "{\"name\": \"a\", \"dhcp_ranges\": [\"10.0.0.5-fd00::1\"]}",
			"network.a.dhcp_ranges[0]", "FIRST-LAST" },
		{ "{\"name\": \"a\", \"dhcp_hosts\": [\"52:54:00:12:34:56\"]}",
			"network.a.dhcp_hosts[0]", "MAC,ADDRESS[,NAME]" },
		{ "{\"name\": \"a\", \"dhcp_hosts\": [\"52:54:00:12:34:56,10.0.0.5,a b\"]}",
			"network.a.dhcp_hosts[0]", "MAC,ADDRESS[,NAME]" },
		{ "{\"name\": \"a\", \"domain\": \"x_y\"}", "network.a.domain", "a text" },
		{ "{\"name\": \"a\", \"domain\": \"a\\nb\"}", "network.a.domain", "'a?b'" },
		{ "{\"name\": \"a\", \"domain\": \".x\"}", "network.a.domain", "a text" },
	};

	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct network_cfg n = { 0 };
		struct err e = ERR_NONE;
		int rc = parse_network(cases[i].text, SCHEMA_ADD, &n, &e);

		assert_bad(&cases[i], rc, &e);
		network_cfg_fini(&n);
	}
}

static void bad_vifs_are_refused_with_a_cure(void **)
{
	static const struct bad cases[] = {
		{ "{\"name\": \"v\"}", "vif.v.type", "add --type TYPE" },
		{ "{\"name\": \"v\", \"network\": \"lab\"}", "vif.v.type", "add --type TYPE" },
		{ "{\"name\": \"v\", \"network\": \"nolab\", \"type\": \"tap\"}", "vif.v.network",
			"there is no network nolab" },
		{ "{\"name\": \"v\", \"network\": \"lab\", \"type\": \"tapp\"}", "vif.v.type",
			"one of tap, netdev, host" },
		{ "{\"name\": \"v\", \"network\": \"lab\", \"type\": \"vhost-user\", \"socket\": "
		  "\"a.sock\"}",
			"vif.v.socket", "write an absolute path, such as" },
		{ "{\"name\": \"v\", \"network\": \"lab\", \"type\": \"vhost-user\", "
		  "\"socket_mode\": "
		  "\"0680\"}",
			"vif.v.socket_mode", "write three octal digits, such as 660" },
		{ "{\"name\": \"v\", \"network\": \"lab\", \"type\": \"mem\"}", "vif.v.type",
			"one of tap" },
		{ "{\"name\": \"v\", \"network\": \"lab\", \"type\": \"tap\", \"queues\": 9}",
			"vif.v.queues", "from 1 to 8" },
		{ "{\"name\": \"v\", \"network\": \"lab\", \"type\": \"tap\", \"queues\": 0}",
			"vif.v.queues", "from 1 to 8" },
		{ "{\"name\": \"v\", \"network\": \"lab\", \"type\": \"tap\", \"owner\": -1}",
			"vif.v.owner", "-1 is not right" },
		{ "{\"name\": \"v\", \"network\": \"lab\", \"type\": \"tap\", \"mac\": \"52:54\"}",
			"vif.v.mac", "a MAC address such as" },
		{ "{\"name\": \"v\", \"network\": \"lab\", \"type\": \"tap\", \"dev\": \"a/b\"}",
			"vif.v.dev", "a name" },
		{ "{\"name\": \"v\", \"network\": \"lab\", \"type\": \"host\", \"netns\": "
		  "\"../x\"}",
			"vif.v.netns", "an absolute path" },
		{ "{\"name\": \"v\", \"network\": \"lab\", \"type\": \"host\", \"vlan\": \"5/5\"}",
			"vif.v.vlan", "'5' names a VLAN for the second time" },
		{ "{\"name\": \"v\", \"network\": \"lab\", \"type\": \"host\", \"rate\": \"5\"}",
			"vif.v.rate", "neither direction nor unit" },
		{ "{\"name\": \"v\", \"network\": \"lab\", \"type\": \"host\", \"isolatd\": true}",
			"vif.v.isolatd", "did you mean 'isolated'?" },
	};

	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct vif_cfg v = { 0 };
		struct err e = ERR_NONE;
		int rc = parse_vif(cases[i].text, SCHEMA_ADD, &v, &e);

		assert_bad(&cases[i], rc, &e);
	}
}

static void fixed_fields_cannot_be_set(void **)
{
	struct vif_cfg v = { .name = "v", .network_id = 1, .type = VIF_TYPE_TAP, .queues = 1 };
	struct err e = ERR_NONE;

	assert_int_equal(
		parse_vif("{\"name\": \"v\", \"type\": \"host\"}", SCHEMA_SET, &v, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "delete the vif and add it again"));
}

static void defaults_are_those_of_the_documentation(void **)
{
	struct network_cfg n = { 0 };
	struct vif_cfg v = { 0 };
	struct err e = ERR_NONE;

	assert_int_equal(parse_network("{\"name\": \"a\"}", SCHEMA_ADD, &n, &e), 0);
	assert_int_equal(n.mode, NETWORK_MODE_BRIDGE);
	assert_int_equal(n.mtu, 1500);
	assert_int_equal(n.ageing_s, 300);
	assert_int_equal(n.profile, PROFILE_PLAIN);
	assert_int_equal(n.fdb_limit, 0);
	assert_false(n.has_dhcp);
	assert_int_equal(parse_vif("{\"name\": \"v\", \"network\": \"lab\", \"type\": \"tap\"}",
				 SCHEMA_ADD, &v, &e),
		0);
	assert_string_equal(v.dev, "v");
	assert_int_equal(v.queues, 1);
	assert_false(v.is_down || v.no_learning || v.no_flood || v.is_isolated || v.is_hairpin);
}

static void isolated_networks_are_for_tenants(void **)
{
	struct network_cfg n = { 0 };
	struct err e = ERR_NONE;

	assert_int_equal(
		parse_network("{\"name\": \"a\", \"mode\": \"isolated\"}", SCHEMA_ADD, &n, &e), 0);
	assert_int_equal(n.profile, PROFILE_TENANT);
	assert_int_equal(n.fdb_limit, 8192);
}

static void gateway_is_the_first_host_by_default(void **)
{
	struct network_cfg n = { 0 };
	struct err e = ERR_NONE;
	char text[IP_STR_LEN];

	assert_int_equal(parse_network("{\"name\": \"a\", \"subnets\": [\"10.0.0.0/24\", "
				       "\"fd00:7::/64\"], \"gateways\": [\"fd00:7::9\"]}",
				 SCHEMA_ADD, &n, &e),
		0);
	assert_string_equal(ip_print(&n.gateway[0], text), "10.0.0.1");
	assert_string_equal(ip_print(&n.gateway[1], text), "fd00:7::9");
}

static void dhcp_range_is_the_larger_part_beside_the_gateway(void **)
{
	static const struct {
		const char *gateway, *first, *last;
	} cases[] = {
		{ "10.0.0.1", "10.0.0.2", "10.0.0.254" },
		{ "10.0.0.254", "10.0.0.1", "10.0.0.253" },
		{ "10.0.0.100", "10.0.0.101", "10.0.0.254" },
	};
	char text[256], ip[IP_STR_LEN];

	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct network_cfg n = { 0 };
		struct err e = ERR_NONE;

		snprintf(text, sizeof(text),
			"{\"name\": \"a\", \"dhcp\": true, \"subnets\": [\"10.0.0.0/24\"], "
			"\"gateways\": [\"%s\"]}",
			cases[i].gateway);
		assert_int_equal(parse_network(text, SCHEMA_ADD, &n, &e), 0);
		assert_int_equal(n.n_dhcp_ranges, 1);
		assert_string_equal(ip_print(&n.dhcp_range[0].first, ip), cases[i].first);
		assert_string_equal(ip_print(&n.dhcp_range[0].last, ip), cases[i].last);
	}
}

static void derived_defaults_follow_the_subnet(void **)
{
	struct network_cfg n = { 0 };
	struct err e = ERR_NONE;
	char ip[IP_STR_LEN];

	assert_int_equal(parse_network("{\"name\": \"a\", \"dhcp\": true, \"subnets\": "
				       "[\"10.0.0.0/24\"]}",
				 SCHEMA_ADD, &n, &e),
		0);
	assert_int_equal(parse_network("{\"name\": \"a\", \"subnets\": [\"10.9.0.0/24\"]}",
				 SCHEMA_SET, &n, &e),
		0);
	assert_string_equal(ip_print(&n.gateway[0], ip), "10.9.0.1");
	assert_string_equal(ip_print(&n.dhcp_range[0].first, ip), "10.9.0.2");
	assert_int_equal(n.n_dhcp_ranges, 1);
	assert_int_equal(
		parse_network("{\"name\": \"a\", \"dhcp\": false}", SCHEMA_SET, &n, &e), 0);
	assert_int_equal(n.n_dhcp_ranges, 0);
}

static void null_gives_the_default_back(void **)
{
	struct network_cfg n = { 0 };
	struct err e = ERR_NONE;
	char ip[IP_STR_LEN];

	assert_int_equal(parse_network("{\"name\": \"a\", \"dhcp\": true, \"subnets\": "
				       "[\"10.0.0.0/24\"], \"gateways\": [\"10.0.0.9\"], "
				       "\"dhcp_ranges\": [\"10.0.0.20-10.0.0.30\"], "
				       "\"fdb_limit\": 5, \"profile\": \"tenant\"}",
				 SCHEMA_ADD, &n, &e),
		0);
	assert_int_equal(parse_network("{\"name\": \"a\", \"fdb_limit\": null, \"gateways\": null, "
				       "\"dhcp_ranges\": null}",
				 SCHEMA_SET, &n, &e),
		0);
	assert_int_equal(n.fdb_limit, 8192);
	assert_string_equal(ip_print(&n.gateway[0], ip), "10.0.0.1");
	assert_int_equal(n.n_dhcp_ranges, 1);
	assert_string_equal(ip_print(&n.dhcp_range[0].first, ip), "10.0.0.2");
	assert_int_equal(
		parse_network("{\"name\": \"a\", \"profile\": null}", SCHEMA_SET, &n, &e), 0);
	assert_int_equal(n.profile, PROFILE_PLAIN);
}

static void set_leaves_what_is_not_named(void **)
{
	struct network_cfg n = { 0 };
	struct err e = ERR_NONE;

	assert_int_equal(parse_network("{\"name\": \"a\", \"mtu\": 9000, \"dhcp_hosts\": "
				       "[\"52:54:00:12:34:56,10.0.0.5,web\"]}",
				 SCHEMA_ADD, &n, &e),
		0);
	assert_int_equal(parse_network("{\"name\": \"a\", \"ageing\": 10}", SCHEMA_SET, &n, &e), 0);
	assert_int_equal(n.mtu, 9000);
	assert_int_equal(n.n_dhcp_hosts, 1);
	assert_string_equal(n.dhcp_host[0].name, "web");
	assert_int_equal(parse_network("{\"name\": \"a\", \"mtu\": null}", SCHEMA_SET, &n, &e), 0);
	assert_int_equal(n.mtu, 1500);
	network_cfg_fini(&n);
}

static void what_is_printed_can_be_parsed_again(void **)
{
	struct network_cfg n = { 0 };
	struct network_cfg again = { 0 };
	struct vif_cfg v = { 0 };
	struct vif_cfg v_again = { 0 };
	struct err e = ERR_NONE;
	json_t *json, *json_again;

	assert_int_equal(
		parse_network(
			"{\"name\": \"a\", \"mode\": \"isolated\", \"dhcp\": true, \"subnets\": "
			"[\"10.0.0.0/24\", \"fd00::/64\"], \"domain\": \"lab.test\", "
			"\"dhcp_hosts\": [\"52:54:00:12:34:56,10.0.0.5,web\"], \"mtu\": 9000}",
			SCHEMA_ADD, &n, &e),
		0);
	json = schema_print_network(&n);
	assert_int_equal(schema_parse_network(json, SCHEMA_LOAD, &again, &e), 0);
	json_again = schema_print_network(&again);
	assert_true(json_equal(json, json_again));
	json_decref(json);
	json_decref(json_again);
	network_cfg_fini(&n);
	network_cfg_fini(&again);

	assert_int_equal(
		parse_vif("{\"name\": \"v\", \"network\": \"lab\", \"type\": \"tap\", \"owner\": "
			  "1000, "
			  "\"queues\": 4, \"mac\": \"52:54:00:00:00:01\", \"mtu\": 1400, \"link\": "
			  "false, \"isolated\": true, \"learning\": false, \"hairpin\": true, "
			  "\"profile\": \"tenant\", \"fdb_limit\": 7}",
			SCHEMA_ADD, &v, &e),
		0);
	json = schema_print_vif(&v, model);
	assert_int_equal(schema_parse_vif(json, SCHEMA_LOAD, model, &v_again, &e), 0);
	assert_memory_equal(&v, &v_again, sizeof(v));
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_networks_are_refused_with_a_cure),
		cmocka_unit_test(bad_vifs_are_refused_with_a_cure),
		cmocka_unit_test(fixed_fields_cannot_be_set),
		cmocka_unit_test(defaults_are_those_of_the_documentation),
		cmocka_unit_test(isolated_networks_are_for_tenants),
		cmocka_unit_test(gateway_is_the_first_host_by_default),
		cmocka_unit_test(dhcp_range_is_the_larger_part_beside_the_gateway),
		cmocka_unit_test(derived_defaults_follow_the_subnet),
		cmocka_unit_test(null_gives_the_default_back),
		cmocka_unit_test(set_leaves_what_is_not_named),
		cmocka_unit_test(what_is_printed_can_be_parsed_again),
	};
	return cmocka_run_group_tests(tests, make_model, free_model);
}
