/* SPDX-License-Identifier: Apache-2.0 */
/* routed_test.c - the pure parts behind uplinks: the snapshot's routers and routes, and the text of
 * the firewall. */
#include "config/nft.h"
#include "config/snapshot_build.h"
#include "tests/lib/unit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUESTS 1
#define UPLINK 2
#define OTHER 3
#define LEG_VIF 1
#define UPLINK_VIF_ID 2

static struct network_cfg networks[2];
static struct forward_cfg forward;
static struct model model;
static struct vif_wants wants;
static struct actual actual;

static struct ipaddr ip(const char *text)
{
	struct ipaddr a;

	assert_int_equal(ip_parse(text, &a), 0);
	return a;
}

static struct network_cfg network(
	uint16_t id, const char *name, enum network_mode mode, const char *subnet)
{
	struct network_cfg n = { .id = id, .mode = mode, .mtu = 1500, .n_subnets = 1 };

	snprintf(n.name, sizeof(n.name), "%s", name);
	assert_int_equal(ipnet_parse(subnet, &n.subnet[0]), 0);
	assert_true(ipnet_host(&n.subnet[0], 1, &n.gateway[0]));
	return n;
}

static int set_up(void **)
{
	memset(&actual, 0, sizeof(actual));
	networks[0] = network(OTHER, "iso", NETWORK_MODE_ISOLATED, "10.9.0.0/24");
	networks[1] = network(GUESTS, "lab", NETWORK_MODE_NAT, "10.1.0.0/24");
	networks[1].leg_vif_id = LEG_VIF;
	networks[1].uplink = (struct uplink_cfg){ .kind = UPLINK_HOST,
		.network_id = UPLINK,
		.vif_id = UPLINK_VIF_ID,
		.mac = { { 0x52, 0x54, 0, 1, 2, 3 } } };
	forward = (struct forward_cfg){ .network_id = GUESTS,
		.proto = 6,
		.port = 8080,
		.address = ip("10.1.0.5"),
		.target_port = 80 };
	model = (struct model){
		.n_networks = 2, .network = networks, .n_forwards = 1, .forward = &forward
	};
	vif_wants_build(&model, &wants);
	for (unsigned id = LEG_VIF; id <= UPLINK_VIF_ID; id++) {
		actual.vif[id].is_open = true;
		actual.vif[id].as = wants.vif[id];
		actual.vif[id].mtu = 1500;
	}
	actual.network[GUESTS].transit = (struct transit){ .is_set = true,
		.host4 = ip("169.254.64.1"),
		.router4 = ip("169.254.64.2"),
		.host6 = ip("fd53::1"),
		.router6 = ip("fd53::2") };
	actual.n_host_addresses = 1;
	actual.host_address[0] = ip("192.0.2.7");
	return 0;
}

struct parts {
	void *bytes;
	struct snap_hdr hdr;
	const struct snap_router *router;
	const struct snap_addr *addr;
	const struct snap_route *route;
	const struct snap_forward *forward;
};

static struct parts build(void)
{
	struct parts p;
	size_t len;
	const uint8_t *at;

	assert_int_equal(snapshot_build(&model, &wants, &actual, 1, &p.bytes, &len), 0);
	memcpy(&p.hdr, p.bytes, sizeof(p.hdr));
	at = (const uint8_t *)p.bytes + sizeof(p.hdr)
		+ p.hdr.n_networks * sizeof(struct snap_network)
		+ p.hdr.n_ports * sizeof(struct snap_port);
	p.router = (const struct snap_router *)(const void *)at;
	p.addr = (const struct snap_addr *)(const void *)(p.router + p.hdr.n_routers);
	p.route = (const struct snap_route *)(const void *)(p.addr + p.hdr.n_addrs);
	p.forward = (const struct snap_forward *)(const void *)(p.route + p.hdr.n_routes);
	assert_ptr_equal(p.forward + p.hdr.n_forwards,
		(const uint8_t *)p.bytes + len - p.hdr.n_mcasts * sizeof(struct snap_mcast));
	return p;
}

static const struct snap_route *find_route(const struct parts *p, uint16_t in, const char *prefix)
{
	struct ipnet net;

	assert_int_equal(ipnet_parse(prefix, &net), 0);
	for (unsigned i = 0; i < p->hdr.n_routes; i++)
		if (p->route[i].in_network == in && p->route[i].len == net.len
			&& memcmp(p->route[i].prefix, net.addr.b, 16) == 0)
			return &p->route[i];
	return NULL;
}

static void a_nat_network_has_a_router_on_each_side(void **)
{
	struct parts p = build();

	assert_int_equal(p.hdr.n_networks, 3);
	assert_int_equal(p.hdr.n_ports, 2);
	assert_int_equal(p.hdr.n_routers, 2);
	assert_int_equal(p.router[0].network_id, GUESTS);
	assert_int_equal(p.router[0].uplink_id, UPLINK);
	assert_int_equal(p.router[0].policy, SNAP_POLICY_NAT);
	assert_int_equal(p.router[0].flags, SNAP_ROUTER_NAT4);
	assert_int_equal(p.router[1].policy, SNAP_POLICY_UPLINK);
	assert_memory_equal(p.router[1].mac, networks[1].uplink.mac.b, 6);
	assert_int_equal(p.hdr.n_addrs, 3); /* gateway, transit, host */
	assert_int_equal(p.addr[2].kind, SNAP_ADDR_HOST);
	assert_int_equal(find_route(&p, GUESTS, "0.0.0.0/0")->kind, SNAP_ROUTE_VIA);
	assert_int_equal(find_route(&p, GUESTS, "0.0.0.0/0")->out_network, UPLINK);
	assert_int_equal(find_route(&p, UPLINK, "10.1.0.0/24")->out_network, GUESTS);
	assert_int_equal(find_route(&p, GUESTS, "10.9.0.0/24")->kind, SNAP_ROUTE_REJECT);
	assert_int_equal(p.hdr.n_forwards, 1);
	assert_int_equal(ntohs(p.forward[0].listen_port), 8080);
	assert_int_equal(ntohs(p.forward[0].to_port), 80);
	free(p.bytes);
}

static void without_its_uplink_a_network_has_no_way_out(void **)
{
	struct parts p;

	actual.vif[UPLINK_VIF_ID].is_open = false;
	p = build();
	assert_int_equal(p.hdr.n_networks, 2);
	assert_int_equal(p.hdr.n_routers, 1);
	assert_int_equal(p.router[0].uplink_id, NETWORK_ID_NONE);
	assert_null(find_route(&p, GUESTS, "0.0.0.0/0"));
	assert_int_equal(p.hdr.n_forwards, 0);
	free(p.bytes);
}

static struct static_route route_of(const char *text)
{
	struct static_route r;

	assert_int_equal(static_route_parse(text, &r), 0);
	return r;
}

static void a_static_route_leads_to_a_guest_or_beside_the_uplink(void **)
{
	struct parts p;

	networks[1].uplink = (struct uplink_cfg){ .kind = UPLINK_NETDEV,
		.name = "eth0",
		.network_id = UPLINK,
		.vif_id = UPLINK_VIF_ID,
		.n_addresses = 1 };
	assert_int_equal(ipnet_parse("192.0.2.2/24", &networks[1].uplink.address[0]), 0);
	networks[1].n_routes = 2;
	networks[1].route[0] = route_of("172.16.0.0/16,10.1.0.5");
	networks[1].route[1] = route_of("198.18.0.0/16,192.0.2.9");
	p = build();
	for (unsigned in = GUESTS; in <= UPLINK; in++) {
		const struct snap_route *inside = find_route(&p, (uint16_t)in, "172.16.0.0/16");
		const struct snap_route *beside = find_route(&p, (uint16_t)in, "198.18.0.0/16");

		assert_int_equal(inside->kind, SNAP_ROUTE_VIA);
		assert_int_equal(inside->out_network, GUESTS);
		assert_memory_equal(inside->next_hop, networks[1].route[0].via.b, 16);
		assert_int_equal(beside->out_network, UPLINK);
		assert_memory_equal(beside->next_hop, networks[1].route[1].via.b, 16);
	}
	free(p.bytes);
	actual.vif[UPLINK_VIF_ID].is_open = false;
	p = build();
	assert_non_null(find_route(&p, GUESTS, "172.16.0.0/16"));
	assert_null(find_route(&p, GUESTS, "198.18.0.0/16"));
	free(p.bytes);
}

static unsigned addresses_on(const struct parts *p, uint16_t network_id)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->hdr.n_addrs; i++)
		n += p->addr[i].network_id == network_id;
	return n;
}

static void an_uplink_whose_mtu_falls_below_1280_loses_ipv6_only(void **)
{
	struct parts p;

	networks[1].n_subnets = 2;
	assert_int_equal(ipnet_parse("fd01::/64", &networks[1].subnet[1]), 0);
	assert_true(ipnet_host(&networks[1].subnet[1], 1, &networks[1].gateway[1]));
	p = build();
	assert_int_equal(addresses_on(&p, UPLINK), 2);
	assert_non_null(find_route(&p, GUESTS, "::/0"));
	free(p.bytes);
	actual.vif[UPLINK_VIF_ID].mtu = 1279;
	p = build();
	assert_int_equal(addresses_on(&p, UPLINK), 1);
	assert_null(find_route(&p, GUESTS, "::/0"));
	assert_non_null(find_route(&p, GUESTS, "0.0.0.0/0"));
	assert_int_equal(addresses_on(&p, GUESTS), 2); /* among themselves guests go on */
	free(p.bytes);
}

static void the_two_ends_of_a_transit_have_two_macs(void **)
{
	const struct vif_want *want = &wants.vif[UPLINK_VIF_ID];

	assert_true(want->is_transit && want->has_mac);
	assert_string_equal(want->ifname, "up-lab");
	assert_memory_not_equal(want->mac.b, networks[1].uplink.mac.b, 6);
	assert_false(mac_is_multicast(&want->mac));
}

static struct nft_leg leg(void)
{
	return (struct nft_leg){ .ifindex = 12,
		.network = &networks[1],
		.transit_ifindex = 13,
		.transit_ifname = "up-lab",
		.transit = &actual.network[GUESTS].transit };
}

static void assert_holds(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("not in the table: %s\n%s", words, text);
}

static void the_host_masquerades_one_address_and_lets_forwards_in(void **)
{
	struct nft_leg l = leg();
	char *text = nft_print("saklar", &l, 1, &model);

	assert_non_null(text);
	assert_holds(text, "oif != 13 ip saddr 169.254.64.2 counter masquerade");
	assert_holds(text, "iif 13 ip saddr != { 169.254.64.2 } ");
	assert_holds(text,
		"oif 13 meta nfproto ipv4 ct state { new, invalid, untracked } "
		"ct status & dnat == 0 ");
	assert_holds(text, "tcp dport 8080 fib daddr type local counter dnat ip to 169.254.64.2");
	assert_holds(text, "iif 12 oif 13 ct status dnat accept");
	assert_holds(text, "iif 12 ip daddr { 10.9.0.0/24 } counter reject");
	free(text);
	networks[1].mode = NETWORK_MODE_ROUTED;
	text = nft_print("saklar", &l, 1, &model);
	assert_holds(text, "oif 13 ip daddr != { 169.254.64.2, 10.1.0.0/24 } ");
	assert_null(strstr(text, "masquerade"));
	free(text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_nat_network_has_a_router_on_each_side, set_up),
		cmocka_unit_test_setup(without_its_uplink_a_network_has_no_way_out, set_up),
		cmocka_unit_test_setup(
			a_static_route_leads_to_a_guest_or_beside_the_uplink, set_up),
		cmocka_unit_test_setup(
			an_uplink_whose_mtu_falls_below_1280_loses_ipv6_only, set_up),
		cmocka_unit_test_setup(the_two_ends_of_a_transit_have_two_macs, set_up),
		cmocka_unit_test_setup(
			the_host_masquerades_one_address_and_lets_forwards_in, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
