/* SPDX-License-Identifier: Apache-2.0 */
/* model_test.c - what model.c and model_check.c promise. */
#include "config/model.h"
#include "config/model_check.h"
#include "tests/lib/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct model *model;

static int make_model(void **)
{
	model = model_create();
	return model ? 0 : -1;
}

static int free_model(void **)
{
	model_destroy(model);
	return 0;
}

static struct network_cfg network(uint16_t id, const char *name)
{
	struct network_cfg n = { .id = id, .mode = NETWORK_MODE_ISOLATED, .mtu = 1500 };

	snprintf(n.name, sizeof(n.name), "%s", name);
	return n;
}

static void add_subnet(struct network_cfg *n, const char *net, const char *gateway)
{
	assert_int_equal(ipnet_parse(net, &n->subnet[n->n_subnets]), 0);
	assert_int_equal(ip_parse(gateway, &n->gateway[n->n_subnets]), 0);
	n->n_subnets++;
}

static void add_range(struct network_cfg *n, const char *first, const char *last)
{
	struct dhcp_range *r = &n->dhcp_range[n->n_dhcp_ranges++];

	n->has_dhcp = true;
	assert_int_equal(ip_parse(first, &r->first), 0);
	assert_int_equal(ip_parse(last, &r->last), 0);
}

static struct vif_cfg vif(uint16_t id, const char *name)
{
	struct vif_cfg v = { .id = id, .network_id = 1, .type = VIF_TYPE_HOST, .queues = 1 };

	snprintf(v.name, sizeof(v.name), "%s", name);
	snprintf(v.ifname, sizeof(v.ifname), "%s", name);
	return v;
}

static void put_network(const struct network_cfg *n)
{
	assert_int_equal(model_add_network(model, n, NULL), 0);
}

static void put_vif(const struct vif_cfg *v)
{
	assert_int_equal(model_add_vif(model, v, NULL), 0);
}

/* model_check() refuses with @code, and the sentence holds @words. */
static void assert_refused(int code, const char *words)
{
	struct err e = ERR_NONE;

	assert_int_equal(model_check(model, &e), code);
	if (!strstr(e.msg, words))
		fail_msg("'%s' does not hold '%s'", e.msg, words);
	assert_true(e.path[0] != '\0');
}

static void assert_accepted(void)
{
	struct err e = ERR_NONE;

	if (model_check(model, &e) != 0)
		fail_msg("refused: %s", e.msg);
}

static void objects_are_kept_in_order_of_name(void **)
{
	static const char *const names[] = { "mm", "zz", "aa", "bb" };

	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		struct network_cfg n = network((uint16_t)(i + 1), names[i]);

		put_network(&n);
	}
	for (unsigned i = 1; i < model->n_networks; i++)
		assert_true(strcmp(model->network[i - 1].name, model->network[i].name) < 0);
	assert_int_equal(model_network(model, "zz")->id, 2);
	assert_null(model_network(model, "nn"));
	model_del_network(model, 3);
	assert_null(model_network(model, "aa"));
	assert_non_null(model_network(model, "bb"));
}

static void a_copy_shares_nothing(void **)
{
	struct dhcp_host hosts[1] = { { .name = "web" } };
	struct network_cfg n = network(1, "lab");
	struct model *copy;

	n.dhcp_host = hosts;
	n.n_dhcp_hosts = 1;
	put_network(&n);
	copy = model_copy(model);
	assert_non_null(copy);
	assert_ptr_not_equal(copy->network[0].dhcp_host, model->network[0].dhcp_host);
	copy->network[0].dhcp_host[0].name[0] = 'X';
	assert_string_equal(model->network[0].dhcp_host[0].name, "web");
	model_destroy(copy);
}

static void a_name_is_taken_once(void **)
{
	struct network_cfg n = network(1, "lab");
	struct vif_cfg v = vif(1, "web0");
	struct err e = ERR_NONE;

	put_network(&n);
	put_vif(&v);
	assert_int_equal(model_add_network(model, &n, &e), -EEXIST);
	assert_non_null(strstr(e.msg, "choose another name"));
	e = ERR_NONE;
	assert_int_equal(model_add_vif(model, &v, &e), -EEXIST);
	assert_non_null(strstr(e.msg, "saklar vif set web0"));
}

static void a_vif_cannot_have_the_name_of_a_network(void **)
{
	struct network_cfg n = network(1, "lab");
	struct vif_cfg v = vif(1, "lab");

	put_network(&n);
	put_vif(&v);
	assert_refused(-EEXIST, "share one space of names");
}

static void an_id_comes_back_only_after_all_others(void **)
{
	struct network_cfg n = network(0, "lab");
	uint16_t id;

	for (unsigned i = 1; i < NETWORK_ID_MAX; i++) {
		assert_int_equal(model_next_network_id(model, &id, NULL), 0);
		assert_int_equal(id, i);
	}
	assert_int_equal(model_next_network_id(model, &id, NULL), 0);
	assert_int_equal(id, 1); /* around */
	n.id = 2;
	put_network(&n);
	assert_int_equal(model_next_network_id(model, &id, NULL), 0);
	assert_int_equal(id, 3); /* 2 is taken */
}

static void vif_ids_and_leg_ids_share_one_space(void **)
{
	struct network_cfg n = network(1, "lab");
	uint16_t id;

	n.leg_vif_id = 1;
	add_subnet(&n, "10.0.0.0/24", "10.0.0.1");
	put_network(&n);
	assert_int_equal(model_next_vif_id(model, &id, NULL), 0);
	assert_int_equal(id, 2);
}

static void overlapping_subnets_are_refused(void **)
{
	struct network_cfg a = network(1, "a");
	struct network_cfg b = network(2, "b");

	add_subnet(&a, "10.1.0.0/16", "10.1.0.1");
	add_subnet(&b, "10.1.2.0/24", "10.1.2.1");
	put_network(&a);
	put_network(&b);
	assert_refused(
		-EEXIST, "subnet 10.1.2.0/24 of network b overlaps 10.1.0.0/16 of network a");
}

static void subnets_of_one_network_may_not_overlap(void **)
{
	struct network_cfg a = network(1, "a");

	add_subnet(&a, "fd00::/64", "fd00::1");
	add_subnet(&a, "fd00::/48", "fd00::2");
	put_network(&a);
	assert_refused(-EEXIST, "choose a range that is free");
}

static void a_gateway_is_a_host_address_of_its_subnet(void **)
{
	static const struct {
		const char *net, *gateway, *words;
	} cases[] = {
		{ "10.0.0.0/24", "10.0.1.1", "outside subnet 10.0.0.0/24" },
		{ "10.0.0.0/24", "10.0.0.0", "network's own address" },
		{ "10.0.0.0/24", "10.0.0.255", "broadcast address" },
		{ "10.0.0.7/24", "10.0.0.1", "write 10.0.0.0/24" },
		{ "10.0.0.0/31", "10.0.0.1", "no room" },
		{ "0.0.0.0/0", "10.0.0.1", "too large" },
		{ "224.0.0.0/24", "224.0.0.1", "multicast" },
		{ "127.0.0.0/8", "127.0.0.1", "loopback" },
	};

	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct network_cfg n = network(1, "a");

		add_subnet(&n, cases[i].net, cases[i].gateway);
		put_network(&n);
		assert_refused(-EINVAL, cases[i].words);
		model_del_network(model, 1);
	}
}

static void ipv6_needs_an_mtu_of_1280(void **)
{
	struct network_cfg n = network(1, "a");

	add_subnet(&n, "fd00::/64", "fd00::1");
	n.mtu = 1279;
	put_network(&n);
	assert_refused(-EINVAL, "too small for IPv6, which needs 1280");
	model->network[0].mtu = 1280;
	assert_accepted();
}

static void a_vif_in_an_ipv6_network_needs_an_mtu_of_1280(void **)
{
	struct network_cfg n = network(1, "a");
	struct vif_cfg v = vif(1, "web0");

	add_subnet(&n, "fd00::/64", "fd00::1");
	put_network(&n);
	v.mtu = 1000;
	put_vif(&v);
	assert_refused(-EINVAL, "at least 1280");
}

static void a_leg_takes_no_mtu_above_that_of_taps(void **)
{
	struct network_cfg n = network(1, "a");

	n.mtu = 65535;
	put_network(&n);
	assert_accepted();
	add_subnet(&model->network[0], "10.0.0.0/24", "10.0.0.1");
	assert_refused(-EINVAL, "at most 65521");
}

static void dhcp_needs_a_subnet(void **)
{
	struct network_cfg n = network(1, "a");

	n.has_dhcp = true;
	put_network(&n);
	assert_refused(-EINVAL, "add --subnet");
}

static void dhcp_ranges_fit_their_subnet(void **)
{
	static const struct {
		const char *first, *last, *words;
	} cases[] = {
		{ "10.0.1.5", "10.0.1.9", "not inside one subnet" },
		{ "10.0.0.9", "10.0.0.5", "ends before it begins: write it as 10.0.0.5-10.0.0.9" },
		{ "10.0.0.1", "10.0.0.9", "contains the gateway 10.0.0.1" },
		{ "10.0.0.200", "10.0.0.255", "broadcast address" },
	};

	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct network_cfg n = network(1, "a");

		add_subnet(&n, "10.0.0.0/24", "10.0.0.1");
		add_range(&n, cases[i].first, cases[i].last);
		put_network(&n);
		assert_refused(-EINVAL, cases[i].words);
		model_del_network(model, 1);
	}
}

static void dhcp_ranges_may_not_overlap(void **)
{
	struct network_cfg n = network(1, "a");

	add_subnet(&n, "10.0.0.0/24", "10.0.0.1");
	add_range(&n, "10.0.0.10", "10.0.0.20");
	add_range(&n, "10.0.0.20", "10.0.0.30");
	put_network(&n);
	assert_refused(-EINVAL, "join them");
}

static void dhcp_without_dhcp_is_refused(void **)
{
	struct network_cfg n = network(1, "a");

	add_subnet(&n, "10.0.0.0/24", "10.0.0.1");
	add_range(&n, "10.0.0.10", "10.0.0.20");
	n.has_dhcp = false;
	put_network(&n);
	assert_refused(-EINVAL, "add --dhcp");
}

static void dhcp_hosts_have_addresses_of_their_own(void **)
{
	static const struct {
		const char *addr, *words;
	} cases[] = {
		{ "10.9.0.5", "in no subnet" },
		{ "10.0.0.1", "is the gateway's" },
		{ "10.0.0.255", "broadcast" },
		{ "10.0.0.7", "promised to two" },
	};

	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct dhcp_host hosts[2] = { { .mac = { { 2, 0, 0, 0, 0, 1 } } },
			{ .mac = { { 2, 0, 0, 0, 0, 2 } } } };
		struct network_cfg n = network(1, "a");
		struct err e = ERR_NONE;

		add_subnet(&n, "10.0.0.0/24", "10.0.0.1");
		n.has_dhcp = true;
		n.dhcp_host = hosts;
		n.n_dhcp_hosts = 2;
		assert_int_equal(ip_parse("10.0.0.7", &hosts[0].addr), 0);
		assert_int_equal(ip_parse(cases[i].addr, &hosts[1].addr), 0);
		put_network(&n);
		assert_true(model_check(model, &e) < 0);
		if (!strstr(e.msg, cases[i].words))
			fail_msg("'%s' does not hold '%s'", e.msg, cases[i].words);
		model_del_network(model, 1);
	}
}

static void a_vif_needs_its_network(void **)
{
	struct vif_cfg v = vif(1, "web0");

	v.network_id = 9;
	put_vif(&v);
	assert_refused(-ENOENT, "saklar network add");
}

static void a_device_belongs_to_one_vif(void **)
{
	struct network_cfg n = network(1, "lab");
	struct vif_cfg a = vif(1, "a");
	struct vif_cfg b = vif(2, "b");

	put_network(&n);
	a.type = VIF_TYPE_NETDEV;
	a.ifname[0] = '\0';
	snprintf(a.dev, sizeof(a.dev), "eth7");
	b.type = VIF_TYPE_TAP;
	b.ifname[0] = '\0';
	snprintf(b.dev, sizeof(b.dev), "eth7");
	put_vif(&a);
	put_vif(&b);
	assert_refused(-EEXIST, "device eth7 is wanted by vif a and vif b");
}

static void one_device_name_may_be_in_two_namespaces(void **)
{
	struct network_cfg n = network(1, "lab");
	struct vif_cfg a = vif(1, "a");
	struct vif_cfg b = vif(2, "b");

	put_network(&n);
	snprintf(a.ifname, sizeof(a.ifname), "eth0");
	snprintf(b.ifname, sizeof(b.ifname), "eth0");
	snprintf(a.netns, sizeof(a.netns), "g1");
	snprintf(b.netns, sizeof(b.netns), "g2");
	put_vif(&a);
	put_vif(&b);
	assert_accepted();
	snprintf(model->vif[1].netns, sizeof(b.netns), "g1");
	assert_refused(-EEXIST, "device eth0 is wanted by vif a and vif b");
}

static void a_device_cannot_be_a_host_leg(void **)
{
	struct network_cfg n = network(1, "lab");
	struct vif_cfg v = vif(1, "a");

	add_subnet(&n, "10.0.0.0/24", "10.0.0.1");
	put_network(&n);
	snprintf(v.ifname, sizeof(v.ifname), "lab");
	put_vif(&v);
	assert_refused(-EEXIST, "is the host leg of network lab");
}

/* Emulated NIC and PV driver; the same guest in two domains, while it migrates. */
static void vifs_of_one_xen_guest_share_mac_and_guard(void **)
{
	static const struct {
		const char *a, *b;
		bool is_one;
	} pairs[] = { { "web0", "web0-emu", true }, { "vif7.0-emu", "vif7.0", true },
		{ "vif7.0", "vif8.0", true }, { "vif7.10-emu", "vif18.0", true },
		{ "web0", "web1-emu", false }, { "vif7.0", "web0", false },
		{ "vif7", "vif8", false }, { "vif.0", "vif8.0", false },
		{ "vif7.0x", "vif8.0", false }, { "vif7.", "vif8.0", false } };

	for (unsigned i = 0; i < ARRAY_LEN(pairs); i++) {
		struct vif_cfg a = vif(1, pairs[i].a), b = vif(2, pairs[i].b);

		assert_int_equal(model_may_be_same_guest(&a, &b), pairs[i].is_one);
		assert_int_equal(model_may_be_same_guest(&b, &a), pairs[i].is_one);
	}
}

static void an_address_is_bound_to_one_guest(void **)
{
	struct network_cfg n = network(1, "lab");
	struct vif_cfg a = vif(1, "vif7.0");
	struct vif_cfg b = vif(2, "vif7.0-emu");

	put_network(&n);
	a.has_mac = b.has_mac = true;
	a.mac = b.mac = (struct mac){ { 0x52, 0x54, 0, 1, 2, 3 } };
	assert_int_equal(guard_text_parse("10.0.0.5", "", &a.guard, NULL), 0);
	b.guard = a.guard;
	put_vif(&a);
	put_vif(&b);
	assert_accepted();
	snprintf(model->vif[1].name, sizeof(b.name), "web0");
	model->vif[1].mac.b[5]++;
	assert_refused(-EEXIST, "guard: 10.0.0.5/32 is vif web0's already");
}

static void a_mac_is_used_once_in_a_network(void **)
{
	struct network_cfg n = network(1, "lab");
	struct vif_cfg a = vif(1, "a");
	struct vif_cfg b = vif(2, "b");

	put_network(&n);
	a.has_mac = b.has_mac = true;
	a.mac = b.mac = (struct mac){ { 0x52, 0x54, 0, 1, 2, 3 } };
	put_vif(&a);
	put_vif(&b);
	assert_refused(
		-EEXIST, "52:54:00:01:02:03 is wanted by vif a and vif b of the same network");
	n = network(2, "other");
	put_network(&n);
	model->vif[1].network_id = 2;
	assert_accepted();
}

static void a_guest_has_a_unicast_mac(void **)
{
	struct network_cfg n = network(1, "lab");
	struct vif_cfg v = vif(1, "a");

	put_network(&n);
	v.has_mac = true;
	v.mac = (struct mac){ { 0x01, 0, 0x5e, 0, 0, 1 } };
	put_vif(&v);
	assert_refused(-EINVAL, "the first byte must be even");
}

static void fields_belong_to_their_type(void **)
{
	struct network_cfg n = network(1, "lab");
	struct vif_cfg v = vif(1, "a");

	put_network(&n);
	put_vif(&v);
	snprintf(model->vif[0].dev, sizeof(v.dev), "eth0");
	assert_refused(-EINVAL, "is named by --ifname");
	model->vif[0].type = VIF_TYPE_NETDEV;
	assert_refused(-EINVAL, "for vifs of type host");
	model->vif[0].ifname[0] = '\0';
	assert_accepted();
	model->vif[0].queues = 2;
	assert_refused(-EINVAL, "type tap, host, vhost-user and netfront");
	model->vif[0].queues = 1;
	model->vif[0].has_owner = true;
	assert_refused(-EINVAL, "owner is for vifs of type tap");
	model->vif[0].has_owner = false;
	model->vif[0].dev[0] = '\0';
	assert_refused(-EINVAL, "add --dev IF");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_model, free_model)
	const struct CMUnitTest tests[] = {
		TEST(objects_are_kept_in_order_of_name),
		TEST(a_copy_shares_nothing),
		TEST(a_name_is_taken_once),
		TEST(a_vif_cannot_have_the_name_of_a_network),
		TEST(an_id_comes_back_only_after_all_others),
		TEST(vif_ids_and_leg_ids_share_one_space),
		TEST(overlapping_subnets_are_refused),
		TEST(subnets_of_one_network_may_not_overlap),
		TEST(a_gateway_is_a_host_address_of_its_subnet),
		TEST(ipv6_needs_an_mtu_of_1280),
		TEST(a_vif_in_an_ipv6_network_needs_an_mtu_of_1280),
		TEST(a_leg_takes_no_mtu_above_that_of_taps),
		TEST(dhcp_needs_a_subnet),
		TEST(dhcp_ranges_fit_their_subnet),
		TEST(dhcp_ranges_may_not_overlap),
		TEST(dhcp_without_dhcp_is_refused),
		TEST(dhcp_hosts_have_addresses_of_their_own),
		TEST(a_vif_needs_its_network),
		TEST(a_device_belongs_to_one_vif),
		TEST(one_device_name_may_be_in_two_namespaces),
		TEST(a_device_cannot_be_a_host_leg),
		TEST(a_mac_is_used_once_in_a_network),
		TEST(vifs_of_one_xen_guest_share_mac_and_guard),
		TEST(an_address_is_bound_to_one_guest),
		TEST(a_guest_has_a_unicast_mac),
		TEST(fields_belong_to_their_type),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
