/* SPDX-License-Identifier: Apache-2.0 */
/* document_test.c - documents to models and back: what is printed is read again with the same
 * result, ids stay with their names, and a refusal names the item. */
#include "config/document.h"
#include "config/model_diff.h"
#include "tests/lib/unit.h"

#include <stdlib.h>
#include <string.h>

static struct model *parse(const char *text, const struct model *before)
{
	json_t *json = json_loads(text, 0, NULL);
	struct err e = ERR_NONE;
	struct model *m;

	assert_non_null(json);
	m = document_parse(json, before, &e);
	json_decref(json);
	if (!m)
		fail_msg("%s: %s", e.path, e.msg);
	return m;
}

static void refused(const char *text, const struct model *before, const char *path)
{
	json_t *json = json_loads(text, 0, NULL);
	struct err e = ERR_NONE;

	assert_non_null(json);
	assert_null(document_parse(json, before, &e));
	assert_string_equal(e.path, path);
	assert_int_not_equal(e.code, 0);
	assert_true(e.msg[0] != '\0');
	json_decref(json);
}

static const char whole[]
	= "{\"networks\": [{\"name\": \"a\", \"subnets\": [\"10.0.0.0/24\"], \"dhcp\": true},"
	  " {\"name\": \"n\", \"mode\": \"nat\", \"subnets\": [\"10.1.0.0/24\", \"fd00::/64\"]},"
	  " {\"name\": \"r\", \"mode\": \"routed\", \"subnets\": [\"10.2.0.0/24\"],"
	  "  \"uplink\": \"vif:wan\", \"uplink_addresses\": [\"192.0.2.2/24\"],"
	  "  \"uplink_gateways\": [\"192.0.2.1\"]}],"
	  " \"vifs\": [{\"name\": \"v\", \"network\": \"a\", \"type\": \"tap\"},"
	  "  {\"name\": \"wan\", \"type\": \"netdev\", \"dev\": \"eth1\"}],"
	  " \"forwards\": [{\"network\": \"n\", \"proto\": \"tcp\", \"port\": 8080,"
	  "  \"address\": \"10.1.0.9\", \"target_port\": 80},"
	  "  {\"network\": \"n\", \"proto\": \"udp\", \"port\": 53, \"address\": \"10.1.0.9\"}]}";

static void what_is_printed_is_read_again_with_the_same_result(void **)
{
	struct model *empty = model_create();
	struct model *m = parse(whole, empty);
	json_t *printed = document_print(m);
	char *text = json_dumps(printed, 0);
	struct model *again = parse(text, empty);
	json_t *printed_again = document_print(again);
	const json_t *forward = json_array_get(json_object_get(printed, "forwards"), 1);

	assert_true(json_equal(printed, printed_again));
	assert_int_equal(m->n_forwards, 2);
	assert_int_equal(model_network(m, "r")->uplink.kind, UPLINK_VIF);
	assert_null(json_object_get(forward, "target_port")); /* a default */
	json_decref(printed);
	json_decref(printed_again);
	free(text);
	model_destroy(again);
	model_destroy(m);
	model_destroy(empty);
}

static void a_document_that_is_applied_twice_changes_nothing(void **)
{
	struct model *empty = model_create();
	struct model *m = parse(whole, empty);
	struct model *again = parse(whole, m);
	json_t *diff = model_diff_print(m, again);

	assert_true(model_diff_is_empty(diff));
	json_decref(diff);
	diff = model_diff_print(m, empty);
	assert_int_equal(json_array_size(json_object_get(diff, "deleted")), 7);
	json_decref(diff);
	model_destroy(again);
	model_destroy(m);
	model_destroy(empty);
}

static void objects_that_stay_keep_ids_and_a_new_one_gets_another(void **)
{
	struct model *empty = model_create();
	struct model *m = parse(whole, empty);
	struct model *next
		= parse("{\"networks\": [{\"name\": \"aa\"}, {\"name\": \"n\", \"mode\": "
			"\"nat\", \"subnets\": [\"10.9.0.0/24\"]}],"
			" \"vifs\": [{\"name\": \"v\", \"network\": \"aa\","
			" \"type\": \"tap\"}]}",
			m);
	const struct network_cfg *old = model_network(m, "n");
	const struct network_cfg *n = model_network(next, "n");

	assert_int_equal(n->id, old->id);
	assert_int_equal(n->leg_vif_id, old->leg_vif_id);
	assert_int_equal(n->uplink.network_id, old->uplink.network_id);
	assert_memory_equal(&n->leg_mac, &old->leg_mac, sizeof(n->leg_mac));
	assert_memory_equal(&n->uplink.mac, &old->uplink.mac, sizeof(n->uplink.mac));
	assert_null(model_network_by_id(m, model_network(next, "aa")->id));
	assert_int_equal(model_vif(next, "v")->id, model_vif(m, "v")->id);
	assert_memory_equal(&model_vif(next, "v")->mac, &model_vif(m, "v")->mac, 6);
	assert_int_equal(model_vif(next, "v")->network_id, model_network(next, "aa")->id);
	model_destroy(next);
	model_destroy(m);
	model_destroy(empty);
}

static void a_refusal_names_the_item(void **)
{
	struct model *empty = model_create();

	refused("{}", empty, "");
	refused("{\"networks\": 1}", empty, "networks");
	refused("{\"networks\": [], \"x\": []}", empty, "x");
	refused("{\"networks\": [{\"name\": \"a\"}, {\"name\": \"a\"}]}", empty,
		"networks[1].name");
	refused("{\"networks\": [{\"name\": \"a.b\", \"mtu\": 1}]}", empty, "networks[0].mtu");
	refused("{\"networks\": [{\"name\": \"a\"}, {\"name\": \"a.b\", \"mode\": \"nat\","
		" \"dhcp\": true}]}",
		empty, "networks[1].dhcp");
	refused("{\"vifs\": [{\"name\": \"v\", \"network\": \"a\", \"type\": \"tap\"}]}", empty,
		"vifs[0].network");
	refused("{\"networks\": [{\"name\": \"a\"}], \"forwards\": [{\"network\": \"a\"}]}", empty,
		"forwards[0].proto");
	model_destroy(empty);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_printed_is_read_again_with_the_same_result),
		cmocka_unit_test(a_document_that_is_applied_twice_changes_nothing),
		cmocka_unit_test(objects_that_stay_keep_ids_and_a_new_one_gets_another),
		cmocka_unit_test(a_refusal_names_the_item),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
