/* SPDX-License-Identifier: Apache-2.0 */
/* model_size_test.c - what model_check() accepts fits a snapshot whole; one more is refused. */
#include "config/model.h"
#include "config/snapshot_build.h"
#include "tests/lib/unit.h"
#include "vswitch/abi/snapshot_msg.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct model *model;
static struct actual actual;
static struct vif_wants wants;
static unsigned n_subnets_made;

static int make_model(void **)
{
	model = model_create();
	n_subnets_made = 0;
	return model ? 0 : -1;
}

static int free_model(void **)
{
	model_destroy(model);
	return 0;
}

/* The next one of 10.0.0.0/24, 10.0.1.0/24, ... */
static void add_subnet(struct network_cfg *n)
{
	char text[IPNET_STR_LEN];
	unsigned i = n->n_subnets++;

	snprintf(text, sizeof(text), "10.%u.%u.0/24", n_subnets_made / 256, n_subnets_made % 256);
	n_subnets_made++;
	assert_int_equal(ipnet_parse(text, &n->subnet[i]), 0);
	assert_true(ipnet_host(&n->subnet[i], 1, &n->gateway[i]));
}

/* Names descend, so that the order of names is not that of ages. */
static int try_network(enum network_mode mode, unsigned n_subnets, struct err *e)
{
	struct network_cfg n = { .mode = mode, .mtu = 1500 };
	int rc = model_next_network_id(model, &n.id, e);

	if (rc != 0)
		return rc;
	snprintf(n.name, sizeof(n.name), "n%03u", 999u - n.id);
	for (unsigned i = 0; i < n_subnets; i++)
		add_subnet(&n);
	if (n_subnets > 0)
		rc = model_next_vif_id(model, &n.leg_vif_id, e);
	if (rc == 0 && network_is_routed(&n)) {
		n.uplink.kind = UPLINK_HOST;
		rc = model_next_network_id(model, &n.uplink.network_id, e);
		if (rc == 0)
			rc = model_next_vif_id(model, &n.uplink.vif_id, e);
	}
	return rc == 0 ? model_add_network(model, &n, e) : rc;
}

static void add_network(enum network_mode mode, unsigned n_subnets)
{
	assert_int_equal(try_network(mode, n_subnets, NULL), 0);
}

static const struct network_cfg *youngest(void)
{
	const struct network_cfg *n = NULL;

	for (unsigned i = 0; i < model->n_networks; i++)
		if (n == NULL || model->network[i].id > n->id)
			n = &model->network[i];
	return n;
}

static void assert_refused(const char *words)
{
	struct err e = ERR_NONE;
	char path[sizeof(e.path)];

	snprintf(path, sizeof(path), "network.%s.subnets", youngest()->name);
	assert_int_equal(model_check(model, &e), -E2BIG);
	assert_string_equal(e.path, path);
	assert_non_null(strstr(e.msg, words));
	assert_non_null(strstr(e.msg, "delete networks"));
}

/* The model passes, and all of it is in the snapshot, with every vif there and a host that has as
 * many addresses as we look at. */
static struct snap_hdr assert_fits(void)
{
	struct snap_hdr hdr;
	struct err e = ERR_NONE;
	void *bytes;
	size_t len;

	if (model_check(model, &e) != 0)
		fail_msg("refused: %s: %s", e.path, e.msg);
	memset(&actual, 0, sizeof(actual));
	vif_wants_build(model, &wants);
	for (unsigned id = 1; id < VIF_ID_MAX; id++)
		actual.vif[id].is_open = wants.vif[id].id != VIF_ID_NONE;
	for (unsigned id = 1; id < NETWORK_ID_MAX; id++)
		actual.network[id].transit.is_set = true;
	actual.n_host_addresses = HOST_ADDRESSES_MAX;
	assert_int_equal(snapshot_build(model, &wants, &actual, 1, &bytes, &len), 0);
	memcpy(&hdr, bytes, sizeof(hdr));
	free(bytes);
	return hdr;
}

static void routes_are_counted_as_they_are_laid_out(void **)
{
	struct snap_hdr hdr;

	add_network(NETWORK_MODE_NAT, 1); /* six of its own, in two tables */
	for (unsigned left = ROUTES_MAX - 6; left > 0; left -= MIN(left, 8u))
		add_network(NETWORK_MODE_ISOLATED, MIN(left, 8u));
	hdr = assert_fits();
	assert_int_equal(hdr.n_routes, ROUTES_MAX);
	add_network(NETWORK_MODE_ISOLATED, 1);
	assert_refused("need 1025 routes, and there can be 1024");
}

static void routed_networks_multiply(void **)
{
	struct snap_hdr hdr;

	for (unsigned i = 0; i < 29; i++)
		add_network(NETWORK_MODE_NAT, 1);
	hdr = assert_fits();
	assert_int_equal(hdr.n_routes, 29 * (6 + 28));
	add_network(NETWORK_MODE_NAT, 1);
	assert_refused("need 1050 routes");
}

static void router_addresses_leave_room_for_the_hosts(void **)
{
	struct snap_hdr hdr;

	/* open ones need no routes to each other: the most addresses there can be */
	for (unsigned i = 0; i < 51; i++)
		add_network(NETWORK_MODE_OPEN, 8);
	hdr = assert_fits();
	assert_int_equal(hdr.n_addrs, 51 * 9 + HOST_ADDRESSES_MAX);
	add_network(NETWORK_MODE_OPEN, 8);
	assert_refused("need 1040 routes");
}

static void networks_and_uplinks_share_their_ids(void **)
{
	struct err e = ERR_NONE;

	for (unsigned i = 0; i < 253; i++)
		add_network(NETWORK_MODE_BRIDGE, 0);
	add_network(NETWORK_MODE_NAT, 1);
	assert_int_equal(assert_fits().n_networks, NETWORK_ID_MAX - 1);
	assert_int_equal(try_network(NETWORK_MODE_BRIDGE, 0, &e), -E2BIG);
	assert_non_null(strstr(e.msg, "255 networks and uplinks at most: delete one"));
}

static void vifs_legs_and_uplinks_share_their_ids(void **)
{
	struct vif_cfg v = { .type = VIF_TYPE_HOST, .queues = 1 };
	struct err e = ERR_NONE;
	uint16_t id;

	add_network(NETWORK_MODE_NAT, 1); /* takes two */
	v.network_id = model->network[0].id;
	while (model->n_vifs < VIF_ID_MAX - 3) {
		assert_int_equal(model_next_vif_id(model, &v.id, NULL), 0);
		snprintf(v.name, sizeof(v.name), "v%u", v.id);
		snprintf(v.ifname, sizeof(v.ifname), "v%u", v.id);
		assert_int_equal(model_add_vif(model, &v, NULL), 0);
	}
	assert_int_equal(assert_fits().n_ports, VIF_ID_MAX - 1);
	assert_int_equal(model_next_vif_id(model, &id, &e), -E2BIG);
	assert_non_null(strstr(e.msg, "1023 vifs, host legs and uplinks at most: delete one"));
}

static void forwards_are_as_many_as_a_snapshot_takes(void **)
{
	struct forward_cfg f = { .proto = IPPROTO_TCP, .target_port = 80 };
	struct err e = ERR_NONE;

	add_network(NETWORK_MODE_NAT, 1);
	f.network_id = model->network[0].id;
	assert_int_equal(ip_parse("10.0.0.9", &f.address), 0);
	for (f.port = 1; f.port <= FORWARDS_MAX; f.port++)
		assert_int_equal(model_add_forward(model, &f, NULL), 0);
	assert_int_equal(assert_fits().n_forwards, FORWARDS_MAX);
	assert_int_equal(model_add_forward(model, &f, &e), -E2BIG);
	assert_non_null(strstr(e.msg, "1024 forwards at most: delete one"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			routes_are_counted_as_they_are_laid_out, make_model, free_model),
		cmocka_unit_test_setup_teardown(routed_networks_multiply, make_model, free_model),
		cmocka_unit_test_setup_teardown(
			router_addresses_leave_room_for_the_hosts, make_model, free_model),
		cmocka_unit_test_setup_teardown(
			networks_and_uplinks_share_their_ids, make_model, free_model),
		cmocka_unit_test_setup_teardown(
			vifs_legs_and_uplinks_share_their_ids, make_model, free_model),
		cmocka_unit_test_setup_teardown(
			forwards_are_as_many_as_a_snapshot_takes, make_model, free_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
