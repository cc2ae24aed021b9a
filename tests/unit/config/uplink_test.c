/* SPDX-License-Identifier: Apache-2.0 */
/* uplink_test.c - which uplinks and forwards are accepted, and what the others are told. */
#include "config/schema_parse.h"
#include "tests/lib/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct model *model;

static void add_network(uint16_t id, const char *text)
{
	struct network_cfg n = { .id = id };
	json_t *json = json_loads(text, 0, NULL);
	struct err e = ERR_NONE;

	assert_non_null(json);
	if (schema_parse_network(json, SCHEMA_ADD, &n, &e) != 0)
		fail_msg("%s: %s", text, e.msg);
	assert_int_equal(model_add_network(model, &n, &e), 0);
	network_cfg_fini(&n);
	json_decref(json);
}

static void add_vif(uint16_t id, const char *text)
{
	struct vif_cfg v = { .id = id };
	json_t *json = json_loads(text, 0, NULL);
	struct err e = ERR_NONE;

	assert_non_null(json);
	if (schema_parse_vif(json, SCHEMA_ADD, model, &v, &e) != 0)
		fail_msg("%s: %s", text, e.msg);
	assert_int_equal(model_add_vif(model, &v, &e), 0);
	json_decref(json);
}

static void add_forward(const char *text)
{
	struct forward_cfg f = { 0 };
	json_t *json = json_loads(text, 0, NULL);
	struct err e = ERR_NONE;

	assert_non_null(json);
	if (schema_parse_forward(json, SCHEMA_ADD, model, &f, &e) != 0)
		fail_msg("%s: %s", text, e.msg);
	assert_int_equal(model_add_forward(model, &f, &e), 0);
	json_decref(json);
}

static int make_model(void **)
{
	model = model_create();
	if (!model)
		return -1;
	add_network(1, "{\"name\": \"lan\", \"mode\": \"bridge\"}");
	add_vif(1,
		"{\"name\": \"port0\", \"network\": \"lan\", \"type\": \"netdev\", "
		"\"dev\": \"eth1\"}");
	add_vif(2, "{\"name\": \"free0\", \"type\": \"host\"}");
	return 0;
}

static int free_model(void **)
{
	model_destroy(model);
	return 0;
}

static void assert_refused(const char *text, const char *path, const char *words)
{
	struct err e = ERR_NONE;

	if (model_check(model, &e) == 0)
		fail_msg("accepted: %s", text);
	if (!strstr(e.msg, words))
		fail_msg("%s: '%s' does not hold '%s'", text, e.msg, words);
	assert_string_equal(e.path, path);
}

static void assert_accepted(void)
{
	struct err e = ERR_NONE;

	if (model_check(model, &e) != 0)
		fail_msg("refused: %s: %s", e.path, e.msg);
}

#define NAT "{\"name\": \"n\", \"mode\": \"nat\", "
#define NET4 "\"subnets\": [\"10.0.0.0/24\"]"
#define NET46 "\"subnets\": [\"10.0.0.0/24\", \"fd00:1::/64\"]"
#define ETH0 NAT NET4 ", \"uplink\": \"eth0\", \"uplink_addresses\": "

static void bad_uplinks_are_refused_with_a_cure(void **)
{
	static const struct {
		const char *text, *path, *words;
	} cases[] = {
		{ NAT "\"uplink\": \"host\"}", "network.n.subnets", "add --subnet" },
		{ NAT NET4 ", \"uplink_addresses\": [\"192.0.2.2/24\"]}",
			"network.n.uplink_addresses", "chooses its own addresses" },
		{ NAT NET4 ", \"uplink\": \"eth0\"}", "network.n.uplink_addresses",
			"needs an IPv4 address" },
		{ NAT NET46 ", \"uplink\": \"eth0\", \"uplink_addresses\": [\"192.0.2.2/24\"]}",
			"network.n.uplink_addresses", "needs an IPv6 address" },
		{ ETH0 "[\"192.0.2.0/24\"]}", "network.n.uplink_addresses[0]", "no host address" },
		{ ETH0 "[\"192.0.2.255/24\"]}", "network.n.uplink_addresses[0]",
			"no host address" },
		{ ETH0 "[\"224.0.0.5/24\"]}", "network.n.uplink_addresses[0]", "multicast" },
		{ ETH0 "[\"10.0.0.77/16\"]}", "network.n.uplink_addresses[0]", "same range" },
		{ ETH0 "[\"192.0.2.2/24\", \"192.0.2.3/24\"]}", "network.n.uplink_addresses[1]",
			"second one of its family" },
		{ ETH0 "[\"192.0.2.2/24\"], \"uplink_gateways\": [\"192.0.3.1\"]}",
			"network.n.uplink_gateways[0]", "outside 192.0.2.2/24" },
		{ ETH0 "[\"192.0.2.2/24\"], \"uplink_gateways\": [\"192.0.2.2\"]}",
			"network.n.uplink_gateways[0]", "own address" },
		{ ETH0 "[\"192.0.2.2/24\"], \"uplink_gateways\": [\"fd00::1\"]}",
			"network.n.uplink_gateways[0]", "no uplink address of its family" },
		{ NAT NET4 ", \"uplink\": \"eth1\", \"uplink_addresses\": [\"192.0.2.2/24\"]}",
			"network.n.uplink", "write vif:port0" },
		{ NAT NET4 ", \"uplink\": \"n\", \"uplink_addresses\": [\"192.0.2.2/24\"]}",
			"network.n.uplink", "host leg of network n" },
		{ NAT NET4 ", \"uplink\": \"vif:none\", \"uplink_addresses\": [\"192.0.2.2/24\"]}",
			"network.n.uplink", "there is no vif none" },
		{ NAT NET4 ", \"uplink\": \"vif:port0\", \"uplink_addresses\": [\"192.0.2.2/24\"]}",
			"network.n.uplink", "is a port of network lan" },
		{ "{\"name\": \"n\", \"mode\": \"routed\", " NET4 ", \"nat_ipv6\": true}",
			"network.n.nat_ipv6", "for mode nat" },
		{ "{\"name\": \"n\", \"uplink\": \"host\"}", "network.n.uplink",
			"for modes nat, routed and open" },
	};

	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		add_network(2, cases[i].text);
		assert_refused(cases[i].text, cases[i].path, cases[i].words);
		model_del_network(model, 2);
	}
}

static void an_uplink_that_is_a_port_of_its_own_network_is_refused(void **)
{
	add_network(2,
		NAT NET4 ", \"uplink\": \"vif:mine\", \"uplink_addresses\": [\"192.0.2.2/24\"]}");
	add_vif(3, "{\"name\": \"mine\", \"network\": \"n\", \"type\": \"host\"}");
	assert_refused("vif:mine", "network.n.uplink", "is a port of network n itself");
}

static void a_vif_is_the_uplink_of_one_network(void **)
{
	add_network(2,
		NAT NET4 ", \"uplink\": \"vif:free0\", \"uplink_addresses\": [\"192.0.2.2/24\"], "
			 "\"uplink_gateways\": [\"192.0.2.1\"]}");
	assert_accepted();
	assert_string_equal(model_network_by_uplink(model, "free0")->name, "n");
	add_network(3,
		"{\"name\": \"o\", \"mode\": \"open\", \"subnets\": [\"10.1.0.0/24\"], "
		"\"uplink\": \"vif:free0\", \"uplink_addresses\": [\"192.0.2.3/24\"]}");
	assert_refused("o", "network.o.uplink", "uplink of network n already");
	model->subject_network_id = 2;
	assert_refused("n", "network.n.uplink", "uplink of network o already");
}

static void a_mode_that_leads_out_has_uplink_host_unless_told(void **)
{
	json_t *back;

	add_network(2, NAT NET46 "}");
	assert_accepted();
	assert_int_equal(model_network(model, "n")->uplink.kind, UPLINK_HOST);
	assert_int_equal(model_network(model, "n")->profile, PROFILE_TENANT);
	back = json_pack("{s:s, s:s}", "name", "n", "mode", "isolated");
	assert_int_equal(
		schema_parse_network(back, SCHEMA_SET, model_network(model, "n"), NULL), 0);
	assert_int_equal(model_network(model, "n")->uplink.kind, UPLINK_NONE);
	json_decref(back);
}

#define WEB "{\"network\": \"n\", \"proto\": \"tcp\", \"port\": 80, \"address\": "

static void forwards_to_nobody_are_refused(void **)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ WEB "\"10.0.1.5\"}", "nobody in network n" },
		{ WEB "\"10.0.0.1\"}", "is the gateway" },
		{ WEB "\"10.0.0.255\"}", "broadcast" },
		{ WEB "\"fd00:1::5\"}", "routes IPv6" },
		{ "{\"network\": \"lan\", \"proto\": \"udp\", \"port\": 80, \"address\": "
		  "\"10.0.0.5\"}",
			"not of mode nat" },
	};

	add_network(2, NAT NET46 "}");
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		bool is_udp = strstr(cases[i].text, "udp") != NULL;

		add_forward(cases[i].text);
		assert_refused(cases[i].text,
			is_udp ? "forward.lan.udp/80.network" : "forward.n.tcp/80.address",
			cases[i].words);
		model_del_forward(model, model->forward[0].network_id, model->forward[0].proto, 80);
		assert_int_equal(model->n_forwards, 0);
	}
}

static void a_port_is_forwarded_once(void **)
{
	struct forward_cfg again;

	add_network(2, NAT NET4 "}");
	add_network(3, "{\"name\": \"o\", \"mode\": \"nat\", \"subnets\": [\"10.1.0.0/24\"]}");
	add_forward(WEB "\"10.0.0.5\", \"target_port\": 8080}");
	add_forward("{\"network\": \"n\", \"proto\": \"udp\", \"port\": 80, \"address\": "
		    "\"10.0.0.5\"}");
	assert_accepted();
	assert_int_equal(model_forward(model, 2, 17, 80)->target_port, 80);
	again = model->forward[0];
	assert_int_equal(model_add_forward(model, &again, NULL), -EEXIST);
	add_forward("{\"network\": \"o\", \"proto\": \"tcp\", \"port\": 80, \"address\": "
		    "\"10.1.0.5\"}");
	assert_refused("o", "forward.o.tcp/80.port", "is forwarded to network n already");
	model->subject_forward = again;
	assert_refused("n", "forward.n.tcp/80.port", "is forwarded to network o already");
}

static void the_name_of_an_uplink_belongs_to_nobody_else(void **)
{
	add_network(2, NAT NET4 "}");
	assert_accepted();
	add_vif(7, "{\"name\": \"up-n\", \"type\": \"netdev\", \"dev\": \"eth7\"}");
	assert_refused("vif", "vif.up-n.name", "up-n is what the uplink of network n is called");
	model_del_vif(model, 7);
	add_vif(7, "{\"name\": \"tap0\", \"type\": \"tap\", \"dev\": \"up-n\"}");
	assert_refused("device", "vif.tap0.dev", "from network n into the host");
	model_del_vif(model, 7);
	add_vif(7,
		"{\"name\": \"c\", \"type\": \"host\", \"netns\": \"c\", "
		"\"ifname\": \"up-n\"}");
	assert_accepted(); /* in another namespace */
	add_network(3, "{\"name\": \"up-n\"}");
	assert_refused(
		"network", "network.up-n.name", "up-n is what the uplink of network n is called");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			bad_uplinks_are_refused_with_a_cure, make_model, free_model),
		cmocka_unit_test_setup_teardown(
			an_uplink_that_is_a_port_of_its_own_network_is_refused, make_model,
			free_model),
		cmocka_unit_test_setup_teardown(
			a_vif_is_the_uplink_of_one_network, make_model, free_model),
		cmocka_unit_test_setup_teardown(
			a_mode_that_leads_out_has_uplink_host_unless_told, make_model, free_model),
		cmocka_unit_test_setup_teardown(
			forwards_to_nobody_are_refused, make_model, free_model),
		cmocka_unit_test_setup_teardown(a_port_is_forwarded_once, make_model, free_model),
		cmocka_unit_test_setup_teardown(
			the_name_of_an_uplink_belongs_to_nobody_else, make_model, free_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
