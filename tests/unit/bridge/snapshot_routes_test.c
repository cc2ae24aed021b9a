/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_routes_test.c - routers, addresses, routes and forwards that cannot be are refused. */
#include "bridge/snapshot.h"
#include "tests/lib/unit.h"

#include <errno.h>
#include <string.h>

static struct {
	struct snap_hdr hdr;
	struct snap_network network[2];
	struct snap_router router[2];
	struct snap_addr addr[2];
	struct snap_route route[1];
	struct snap_forward forward[2];
} M;

static const uint8_t V4[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1 };

static int setup(void **)
{
	memset(&M, 0, sizeof(M));
	M.hdr = (struct snap_hdr){ .magic = SNAPSHOT_MAGIC,
		.generation = 9,
		.size = sizeof(M),
		.n_networks = 2,
		.n_routers = 2,
		.n_addrs = 2,
		.n_routes = 1,
		.n_forwards = 2 };
	for (uint16_t i = 0; i < 2; i++) {
		M.network[i] = (struct snap_network){ .network_id = (uint16_t)(i + 1),
			.mode = NETWORK_MODE_BRIDGE,
			.mtu = 1500,
			.name = { 'n', (char)('1' + i) } };
		M.router[i] = (struct snap_router){ .network_id = (uint16_t)(i + 1),
			.policy = i == 0 ? SNAP_POLICY_NAT : SNAP_POLICY_UPLINK,
			.uplink_id = i == 0 ? 2 : 0,
			.mtu = 1500,
			.mac = { 2, 0, 0, 0, 0, 9 } };
		M.addr[i] = (struct snap_addr){
			.network_id = (uint16_t)(i + 1), .kind = SNAP_ADDR_OWN, .len = 24
		};
		memcpy(M.addr[i].addr, V4, 16);
		M.addr[i].addr[13] = (uint8_t)i;
		M.forward[i] = (struct snap_forward){ .uplink_id = 2,
			.to_network = 1,
			.proto = 6,
			.listen_port = 80,
			.to_port = (be16)(i + 1) };
		memcpy(M.forward[i].to_addr, V4, 16);
	}
	memcpy(M.forward[1].listen, V4, 16);
	M.route[0] = (struct snap_route){
		.in_network = 1, .out_network = 2, .kind = SNAP_ROUTE_CONNECTED
	};
	return 0;
}

static void refused(const char *path)
{
	struct err e = ERR_NONE;

	assert_null(snapshot_create(&M, sizeof(M), &e));
	assert_int_equal(e.code, -EINVAL);
	assert_string_equal(e.path, path);
	setup(NULL);
}

static void a_sound_one_is_indexed(void **)
{
	struct snapshot *s = snapshot_create(&M, sizeof(M), NULL);
	uint8_t other[16];

	assert_non_null(s);
	assert_true(snapshot_is_own(s, 1, V4));
	assert_false(snapshot_is_own(s, 2, V4));
	memcpy(other, V4, 16);
	other[15] = 200;
	assert_true(snapshot_in_net(s, 1, other));
	assert_false(snapshot_in_net(s, 2, other));
	/* a forward of one address goes before that of all */
	assert_int_equal(snapshot_forward(s, 2, 6, 80, V4)->to_port, 2);
	assert_int_equal(snapshot_forward(s, 2, 6, 80, other)->to_port, 1);
	assert_null(snapshot_forward(s, 2, 17, 80, V4));
	assert_null(snapshot_forward(s, 2, 6, 81, V4));
	assert_null(snapshot_forward(s, 1, 6, 80, V4));
	snapshot_destroy(s);
}

static void bad_routers_are_refused(void **)
{
	M.router[1].network_id = 7;
	refused("router");
	M.router[1].network_id = 1;
	refused("router");
	M.router[1].policy = 0;
	refused("router");
	M.router[1].policy = SNAP_POLICY_N;
	refused("router");
	M.router[1].flags = 0x80;
	refused("router");
	M.router[1].mtu = 67;
	refused("router");
	M.router[1].mac[0] = 1;
	refused("router");
	memset(M.router[1].mac, 0, 6);
	refused("router");
	M.router[0].uplink_id = 1; /* not an uplink */
	refused("router");
	M.router[0].uplink_id = UINT16_MAX;
	refused("router");
	M.router[1].uplink_id = 2; /* an uplink of an uplink */
	refused("router");
	M.router[0].port_min = 9;
	M.router[0].port_max = 8;
	refused("router");
}

static void ipv6_on_a_router_needs_an_mtu_of_1280(void **)
{
	struct snapshot *s;

	memset(M.addr[1].addr, 0, 16);
	M.addr[1].addr[0] = 0xfd;
	M.router[1].mtu = 1280;
	s = snapshot_create(&M, sizeof(M), NULL);
	assert_non_null(s);
	snapshot_destroy(s);
	M.router[1].mtu = 1279;
	refused("address");
	M.router[1].mtu = 68; /* no IPv6, no matter */
	s = snapshot_create(&M, sizeof(M), NULL);
	assert_non_null(s);
	snapshot_destroy(s);
}

static void bad_addresses_routes_and_forwards_are_refused(void **)
{
	M.addr[0].len = 33;
	refused("address");
	M.addr[0].kind = 9;
	refused("address");
	M.addr[0].network_id = UINT16_MAX;
	refused("address");
	M.route[0].in_network = 9;
	refused("route");
	M.route[0].out_network = UINT16_MAX;
	refused("route");
	M.route[0].kind = 0;
	refused("route");
	M.route[0].len = 129;
	refused("route");
	M.route[0].kind = SNAP_ROUTE_VIA;
	memcpy(M.route[0].next_hop, V4, 16);
	refused("route");
	M.forward[0].uplink_id = 1;
	refused("forward");
	M.forward[0].to_network = 2;
	refused("forward");
	M.forward[0].proto = 1;
	refused("forward");
	M.forward[0].to_port = 0;
	refused("forward");
	M.forward[0].listen[0] = 0x20;
	refused("forward");
	M.hdr.n_forwards = SNAP_FORWARDS_MAX + 1;
	refused("snapshot");
	M.hdr.n_routers = 1;
	refused("snapshot");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_sound_one_is_indexed, setup),
		cmocka_unit_test_setup(bad_routers_are_refused, setup),
		cmocka_unit_test_setup(ipv6_on_a_router_needs_an_mtu_of_1280, setup),
		cmocka_unit_test_setup(bad_addresses_routes_and_forwards_are_refused, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
