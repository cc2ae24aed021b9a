/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile_test.c - the pure parts of the reconciler: order of steps, snapshot, firewall text,
 * dnsmasq's configuration, lines of the undo list, messages of the engine. */
#include "config/actual.h"
#include "config/dnsmasq.h"
#include "config/engine_wire.h"
#include "config/nft.h"
#include "config/snapshot_build.h"
#include "config/snapshot_trees.h"
#include "config/undo_file.h"
#include "tests/lib/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct vif_wants wants;
static struct actual actual;
static struct vif_sight sight[VIF_ID_MAX];
static struct step steps[STEPS_MAX];

static int clear(void **)
{
	memset(&wants, 0, sizeof(wants));
	memset(&actual, 0, sizeof(actual));
	memset(sight, 0, sizeof(sight));
	return 0;
}

static void put(uint16_t id, bool is_wanted, bool is_open, uint64_t cookie)
{
	wants.vif[id].id = is_wanted ? id : VIF_ID_NONE;
	actual.vif[id].is_open = is_open;
	actual.vif[id].cookie = 7;
	sight[id] = (struct vif_sight){ .cookie = cookie, .is_present = true };
}

static void closings_come_before_openings(void **)
{
	put(1, true, false, 7);
	put(2, false, true, 7);
	put(3, true, true, 7);
	put(4, true, true, 8); /* changed */
	unsigned n = actual_diff(&wants, &actual, sight, steps);

	assert_int_equal(n, 5);
	assert_int_equal(steps[0].kind, STEP_CLOSE);
	assert_int_equal(steps[0].vif_id, 2);
	assert_int_equal(steps[1].kind, STEP_CLOSE);
	assert_int_equal(steps[1].vif_id, 4);
	assert_int_equal(steps[2].kind, STEP_OPEN);
	assert_int_equal(steps[3].kind, STEP_ADJUST);
	assert_int_equal(steps[4].kind, STEP_OPEN);
}

static void vif_whose_netdev_is_gone_is_closed_and_opened(void **)
{
	put(1, true, true, 7);
	sight[1].is_present = false;
	assert_int_equal(actual_diff(&wants, &actual, sight, steps), 2);
	assert_int_equal(steps[0].kind, STEP_CLOSE);
	assert_int_equal(steps[1].kind, STEP_OPEN);
}

static struct network_cfg make_network(enum network_mode mode, const char *v4, const char *v6)
{
	struct network_cfg n = {
		.id = 1, .name = "lab", .mode = mode, .has_dhcp = true, .mtu = 1450, .leg_vif_id = 9
	};

	assert_int_equal(ipnet_parse(v4, &n.subnet[0]), 0);
	assert_true(ipnet_host(&n.subnet[0], 1, &n.gateway[0]));
	assert_int_equal(ipnet_parse(v6, &n.subnet[1]), 0);
	assert_true(ipnet_host(&n.subnet[1], 1, &n.gateway[1]));
	n.n_subnets = 2;
	return n;
}

static void snapshot_has_only_open_vifs_and_their_flags(void **)
{
	struct network_cfg n = make_network(NETWORK_MODE_ISOLATED, "10.0.0.0/24", "fd00::/64");
	struct vif_cfg v[2] = {
		{ .id = 1,
			.name = "a",
			.network_id = 1,
			.type = VIF_TYPE_HOST,
			.is_isolated = true },
		{ .id = 2, .name = "b", .network_id = 1, .type = VIF_TYPE_NETDEV },
	};
	struct model m = { .n_networks = 1, .n_vifs = 2, .network = &n, .vif = v };
	struct snap_hdr hdr;
	struct snap_port port;
	void *bytes, *again;
	size_t len, again_len;

	vif_wants_build(&m, &wants);
	actual.vif[1].is_open = true;
	assert_int_equal(snapshot_build(&m, &wants, &actual, 5, &bytes, &len), 0);
	assert_int_equal(snapshot_build(&m, &wants, &actual, 6, &again, &again_len), 0);
	assert_true(snapshot_is_same(bytes, len, again, again_len));
	memcpy(&hdr, bytes, sizeof(hdr));
	assert_int_equal(hdr.n_networks, 1);
	assert_int_equal(hdr.n_ports, 1);
	assert_int_equal(hdr.size, len);
	memcpy(&port, (uint8_t *)bytes + sizeof(hdr) + sizeof(struct snap_network), sizeof(port));
	assert_int_equal(port.vif_id, 1);
	assert_int_equal(port.mtu, 1450);
	assert_true((port.flags & SNAP_PORT_ISOLATED) != 0 && (port.flags & SNAP_PORT_UP) != 0);
	free(bytes);
	free(again);
}

static void port_gets_floods_only_when_the_engine_has_its_vif(void **)
{
	struct network_cfg n = make_network(NETWORK_MODE_BRIDGE, "10.0.0.0/24", "fd00::/64");
	struct vif_cfg v = { .id = 1, .name = "a", .network_id = 1, .type = VIF_TYPE_HOST };
	struct model m = { .n_networks = 1, .n_vifs = 1, .network = &n, .vif = &v };
	const uint32_t floods = SNAP_PORT_FLOOD | SNAP_PORT_MCAST_FLOOD | SNAP_PORT_BCAST_FLOOD;

	vif_wants_build(&m, &wants);
	actual.vif[1].is_open = true;
	for (unsigned i = 0; i < 2; i++) {
		struct snap_port port;
		void *bytes;
		size_t len;

		actual.vif[1].is_in_engine = i == 1;
		assert_int_equal(snapshot_build(&m, &wants, &actual, 5, &bytes, &len), 0);
		memcpy(&port,
			(uint8_t *)bytes + sizeof(struct snap_hdr) + sizeof(struct snap_network),
			sizeof(port));
		assert_true((port.flags & SNAP_PORT_UP) != 0);
		assert_int_equal(port.flags & floods, i == 1 ? floods : 0);
		free(bytes);
	}
}

static uint32_t port_flags_of(const struct model *m)
{
	struct snap_port port;
	void *bytes;
	size_t len;

	vif_wants_build(m, &wants);
	assert_int_equal(snapshot_build(m, &wants, &actual, 5, &bytes, &len), 0);
	memcpy(&port, (uint8_t *)bytes + sizeof(struct snap_hdr) + sizeof(struct snap_network),
		sizeof(port));
	free(bytes);
	return port.flags & (SNAP_PORT_UP | SNAP_PORT_HEARS);
}

static void port_without_carrier_is_heard_and_one_set_down_is_not(void **)
{
	struct network_cfg n = make_network(NETWORK_MODE_BRIDGE, "10.0.0.0/24", "fd00::/64");
	struct vif_cfg v = { .id = 1, .name = "a", .network_id = 1, .type = VIF_TYPE_NETDEV };
	struct model m = { .n_networks = 1, .n_vifs = 1, .network = &n, .vif = &v };

	actual.vif[1].is_open = true;
	actual.vif[1].has_carrier = false;
	assert_int_equal(port_flags_of(&m), SNAP_PORT_HEARS);
	actual.vif[1].has_carrier = true;
	assert_int_equal(port_flags_of(&m), SNAP_PORT_UP | SNAP_PORT_HEARS);
	v.is_down = true;
	assert_int_equal(port_flags_of(&m), 0);
}

static struct snap_port port_of(const struct model *m)
{
	struct snap_port port;
	void *bytes;
	size_t len;

	vif_wants_build(m, &wants);
	actual.vif[1].is_open = true;
	assert_int_equal(snapshot_build(m, &wants, &actual, 5, &bytes, &len), 0);
	memcpy(&port, (uint8_t *)bytes + sizeof(struct snap_hdr) + sizeof(struct snap_network),
		sizeof(port));
	free(bytes);
	return port;
}

static void limits_that_nobody_set_are_those_of_the_vifs_profile(void **)
{
	struct network_cfg n = make_network(NETWORK_MODE_BRIDGE, "10.0.0.0/24", "fd00::/64");
	struct vif_cfg v = { .id = 1, .name = "a", .network_id = 1, .type = VIF_TYPE_HOST };
	struct model m = { .n_networks = 1, .n_vifs = 1, .network = &n, .vif = &v };

	n.profile = PROFILE_PLAIN;
	assert_int_equal(port_of(&m).connection_limit, CT_TABLE_MAX);
	assert_int_equal(port_of(&m).half_open_limit, CT_TABLE_MAX);
	n.profile = PROFILE_TENANT;
	assert_int_equal(port_of(&m).connection_limit, CT_VIF_MAX);
	assert_int_equal(port_of(&m).half_open_limit, CT_VIF_HALF_OPEN_MAX);
	v.connection_limit = 100;
	assert_int_equal(port_of(&m).connection_limit, 100);
	assert_int_equal(port_of(&m).half_open_limit, 25);
	v.half_open_limit = 50;
	v.unresolved_limit = 9;
	assert_int_equal(port_of(&m).half_open_limit, 50);
	assert_int_equal(port_of(&m).unresolved_limit, 9);
	v = (struct vif_cfg){ .id = 1,
		.name = "a",
		.network_id = 1,
		.type = VIF_TYPE_HOST,
		.has_profile = true,
		.profile = PROFILE_PLAIN };
	assert_int_equal(port_of(&m).connection_limit, CT_TABLE_MAX);
}

/* The meters of the one port of network 1; how many. */
static unsigned meters_of(const struct model *m, struct snap_meter out[SNAP_METER_N])
{
	struct snap_hdr hdr;
	void *bytes = NULL;
	size_t len = 0;

	vif_wants_build(m, &wants);
	actual.vif[1].is_open = true;
	assert_int_equal(snapshot_build(m, &wants, &actual, 5, &bytes, &len), 0);
	memcpy(&hdr, bytes, sizeof(hdr));
	assert_in_range(hdr.n_meters, 0, SNAP_METER_N);
	memcpy(out,
		(uint8_t *)bytes + len - hdr.n_mcasts * sizeof(struct snap_mcast)
			- hdr.n_meters * sizeof(*out),
		hdr.n_meters * sizeof(*out));
	free(bytes);
	return hdr.n_meters;
}

/* What the engine is told of multicast in network 1 and of its one port. */
static unsigned mcasts_of(const struct model *m, struct snap_mcast out[4])
{
	struct snap_hdr hdr;
	void *bytes = NULL;
	size_t len = 0;

	vif_wants_build(m, &wants);
	actual.vif[1].is_open = true;
	assert_int_equal(snapshot_build(m, &wants, &actual, 5, &bytes, &len), 0);
	memcpy(&hdr, bytes, sizeof(hdr));
	assert_in_range(hdr.n_mcasts, 0, 4);
	memcpy(out, (uint8_t *)bytes + len - hdr.n_mcasts * sizeof(*out),
		hdr.n_mcasts * sizeof(*out));
	free(bytes);
	return hdr.n_mcasts;
}

static void multicast_is_as_linux_has_it_and_tenants_are_limited(void **)
{
	struct network_cfg n = make_network(NETWORK_MODE_BRIDGE, "10.0.0.0/24", "fd00::/64");
	struct vif_cfg v = { .id = 1, .name = "a", .network_id = 1, .type = VIF_TYPE_HOST };
	struct model m = { .n_networks = 1, .n_vifs = 1, .network = &n, .vif = &v };
	struct snap_mcast r[4];
	struct err e = ERR_NONE;

	n.profile = PROFILE_PLAIN;
	assert_int_equal(mcasts_of(&m, r), 1);
	assert_int_equal(r[0].kind, SNAP_MCAST_NETWORK);
	assert_int_equal(r[0].flags, 0);
	assert_int_equal(r[0].network.limit, 4096);
	assert_int_equal(r[0].network.query_ms, 125000);
	assert_int_equal(r[0].network.startup_ms, 31250);
	n.profile = PROFILE_TENANT;
	assert_int_equal(mcasts_of(&m, r), 2);
	assert_int_equal(r[0].network.limit, 2048);
	assert_int_equal(r[1].vif.router, SNAP_MCAST_ROUTER_DENY);
	assert_int_equal(r[1].vif.limit, 64);
	assert_int_equal(r[1].vif.rate, 100);
	v.multicast.router = SNAP_MCAST_ROUTER_AUTO + 1;
	v.multicast.n_groups = 1;
	assert_int_equal(multicast_group_parse("239.1.1.1", "p", &v.multicast.group[0], &e), 0);
	assert_int_equal(mcasts_of(&m, r), 3);
	assert_int_equal(r[1].vif.router, SNAP_MCAST_ROUTER_AUTO);
	assert_int_equal(r[2].kind, SNAP_MCAST_ENTRY);
	n.multicast.is_off = true;
	v.multicast.n_groups = 0;
	assert_int_equal(mcasts_of(&m, r), 1);
}

static void meters_are_what_was_set_and_else_the_profiles(void **)
{
	struct network_cfg n = make_network(NETWORK_MODE_BRIDGE, "10.0.0.0/24", "fd00::/64");
	struct vif_cfg v = { .id = 1, .name = "a", .network_id = 1, .type = VIF_TYPE_HOST };
	struct model m = { .n_networks = 1, .n_vifs = 1, .network = &n, .vif = &v };
	struct snap_meter meter[SNAP_METER_N];

	n.profile = PROFILE_PLAIN;
	assert_int_equal(meters_of(&m, meter), 0);
	n.profile = PROFILE_TENANT;
	assert_int_equal(meters_of(&m, meter), 1);
	assert_int_equal(meter[0].kind, SNAP_METER_STORM);
	assert_int_equal(meter[0].rate, 1000);
	assert_int_equal(meter[0].burst, 2000);
	v.storm[STORM_ALL].is_set = true; /* off */
	assert_int_equal(meters_of(&m, meter), 0);
	v.storm[STORM_ALL] = (struct storm_limit){ true, 5, 10 };
	v.storm[STORM_MULTICAST].is_set = true; /* multicasts are not counted */
	v.rate.in = (struct rate_limit){ 1000000, 2000000, 3000 };
	assert_int_equal(meters_of(&m, meter), 3);
	assert_int_equal(meter[0].kind, SNAP_METER_TO);
	assert_int_equal(meter[0].rate, 1000000);
	assert_int_equal(meter[0].peak, 2000000);
	assert_int_equal(meter[0].burst, 3000);
	assert_int_equal(meter[1].rate, 5);
	assert_int_equal(meter[2].kind, SNAP_METER_STORM_MCAST);
	assert_int_equal(meter[2].rate, METER_RATE_MAX);
}

static bool is_looked_for(const struct vif_cfg *v, const struct network_cfg *n, bool is_tenant)
{
	struct snap_stp_port port;
	bool is_there = snapshot_stp_vif(v, n, is_tenant, &port);

	return is_there && (port.flags & SNAP_STP_LOOP_PROTECT) != 0;
}

static void loops_are_looked_for_where_somebody_said_so_and_else_behind_tenants(void **)
{
	struct network_cfg n = make_network(NETWORK_MODE_BRIDGE, "10.0.0.0/24", "fd00::/64");
	struct vif_cfg v = { .id = 1, .name = "a", .network_id = 1, .type = VIF_TYPE_NETDEV };

	assert_false(is_looked_for(&v, &n, false));
	assert_true(is_looked_for(&v, &n, true));
	v.is_uplink = true; /* all the world is behind it */
	assert_false(is_looked_for(&v, &n, true));
	v.stp.loop_protect = LOOP_PROTECT_ON;
	assert_true(is_looked_for(&v, &n, false));
	v.is_uplink = false;
	v.stp.loop_protect = LOOP_PROTECT_OFF;
	assert_false(is_looked_for(&v, &n, true));
}

/* The last binding of the one port of network 1; how many there are. */
static unsigned bindings_of(const struct model *m, struct snap_binding *out)
{
	struct snap_hdr hdr;
	void *bytes = NULL;
	size_t len = 0;

	vif_wants_build(m, &wants);
	actual.vif[1].is_open = true;
	assert_int_equal(snapshot_build(m, &wants, &actual, 5, &bytes, &len), 0);
	memcpy(&hdr, bytes, sizeof(hdr));
	if (hdr.n_bindings > 0)
		memcpy(out, (uint8_t *)bytes + len - sizeof(*out), sizeof(*out));
	free(bytes);
	return hdr.n_bindings;
}

static void a_guard_is_what_was_set_and_else_the_profiles(void **)
{
	const unsigned servers = SNAP_GUARD_HIDDEN | SNAP_GUARD_NO_DHCP | SNAP_GUARD_NO_RA;
	struct network_cfg n = make_network(NETWORK_MODE_BRIDGE, "10.0.0.0/24", "fd00::/64");
	struct vif_cfg v = { .id = 1, .name = "a", .network_id = 1, .type = VIF_TYPE_HOST };
	struct model m = { .n_networks = 1, .n_vifs = 1, .network = &n, .vif = &v };
	struct dhcp_host promised = { .mac = { { 2, 0, 0, 0, 0, 9 } } };
	struct snap_binding b;

	n.profile = PROFILE_PLAIN;
	assert_int_equal(port_of(&m).guard, 0);
	n.profile = PROFILE_TENANT;
	assert_int_equal(port_of(&m).guard, servers); /* its MAC is not known */
	v.has_mac = true;
	v.mac = promised.mac;
	assert_int_equal(port_of(&m).guard, servers | SNAP_GUARD_MAC);
	assert_int_equal(guard_text_parse("off", "", &v.guard, NULL), 0);
	assert_int_equal(port_of(&m).guard, 0);
	assert_int_equal(guard_text_parse("router 10.0.0.9", "", &v.guard, NULL), 0);
	assert_int_equal(port_of(&m).guard, SNAP_GUARD_ALL & ~SNAP_GUARD_NO_RA);
	assert_int_equal(bindings_of(&m, &b), 1);
	assert_int_equal(b.addr[15], 9);
	assert_int_equal(b.len, 32);
	assert_int_equal(ip_parse("10.0.0.7", &promised.addr), 0);
	n.dhcp_host = &promised;
	n.n_dhcp_hosts = 1;
	assert_int_equal(guard_text_parse("dhcp", "", &v.guard, NULL), 0);
	assert_int_equal(bindings_of(&m, &b), 1);
	assert_int_equal(b.addr[15], 7);
	actual.n_leases = 2;
	for (unsigned i = 0; i < 2; i++)
		actual.lease[i] = (struct lease){ .network_id = 1, .mac = promised.mac };
	assert_int_equal(ip_parse("10.0.0.88", &actual.lease[0].addr), 0);
	actual.lease[1].mac.b[5] = 8; /* another's */
	assert_int_equal(bindings_of(&m, &b), 2);
	assert_int_equal(b.addr[15], 88);
	actual.n_leases = 0;
	n.dhcp_host = NULL;
	n.n_dhcp_hosts = 0;
}

static void firewall_rejects_forwarding_and_foreign_gateways(void **)
{
	struct network_cfg n = make_network(NETWORK_MODE_BRIDGE, "10.0.0.0/24", "fd00::/64");
	struct nft_leg leg = { .ifindex = 12, .network = &n };
	struct model m = { .n_networks = 1, .network = &n };
	char *text = nft_print("saklar", &leg, 1, &m);
	char *none = nft_print("saklar", NULL, 0, NULL);

	assert_non_null(strstr(text, "delete table inet saklar"));
	assert_non_null(strstr(text, "iif 12 counter reject"));
	assert_non_null(strstr(text, "oif 12 counter reject"));
	assert_non_null(strstr(text, "10.0.0.1, 10.0.0.255 } accept"));
	assert_non_null(strstr(text, "ff00::/8, fd00::1 } accept"));
	assert_null(strstr(none, "chain"));
	free(text);
	free(none);
}

static void table_is_named_by_the_run_dir(void **)
{
	char a[NFT_TABLE_NAME_LEN], b[NFT_TABLE_NAME_LEN];

	nft_table_name("/run/saklar", a);
	assert_string_equal(a, "saklar");
	nft_table_name("/run/other", b);
	assert_int_equal(strlen(b), strlen("saklar_12345678"));
}

static const struct dnsmasq_paths paths = {
	.ifname = "lab", .pidfile = "/r/p", .leases = "/s/l", .resolv = "/r/v", .user = "nobody"
};

static void dhcp_leases_the_whole_subnet_but_the_gateway(void **)
{
	struct network_cfg n = make_network(NETWORK_MODE_BRIDGE, "10.0.0.0/24", "fd00::/64");
	char *text = dnsmasq_print_conf(&n, &paths);

	assert_non_null(strstr(text, "dhcp-range=10.0.0.2,10.0.0.254,255.255.255.0\n"));
	assert_non_null(strstr(text, "dhcp-range=fd00::1,ra-stateless,64\n"));
	assert_non_null(strstr(text, "option:mtu,1450"));
	assert_non_null(strstr(text, "resolv-file=/r/v"));
	free(text);
}

static void isolated_network_announces_no_router_and_no_resolver(void **)
{
	struct network_cfg n = make_network(NETWORK_MODE_ISOLATED, "10.0.0.0/24", "fd00::/64");
	char *text = dnsmasq_print_conf(&n, &paths);

	assert_non_null(strstr(text, "dhcp-option=option:router\n"));
	assert_non_null(strstr(text, "ra-param=lab,mtu:1450,0,0\n"));
	assert_non_null(strstr(text, "no-resolv\n"));
	free(text);
}

static void names_options_and_files_are_served_as_they_were_said(void **)
{
	struct network_cfg n = make_network(NETWORK_MODE_BRIDGE, "10.0.0.0/24", "fd00::/64");
	struct dhcp_words *w = &n.dhcp;
	char *text;

	w->n_dns_hosts = w->n_dns_forwarders = w->n_options = 1;
	snprintf(w->dns_host[0], DHCP_WORD_LEN, "10.0.0.9,db,db.lab.test");
	snprintf(w->dns_forwarder[0], DHCP_WORD_LEN, "corp.example/192.0.2.53");
	snprintf(w->option[0], DHCP_WORD_LEN, "42,10.0.0.1");
	snprintf(w->boot, DHCP_WORD_LEN, "pxelinux.0,10.0.0.9");
	snprintf(w->tftp_root, DHCP_WORD_LEN, "/srv/tftp");
	text = dnsmasq_print_conf(&n, &paths);
	assert_non_null(strstr(text, "host-record=db,db.lab.test,10.0.0.9\n"));
	assert_non_null(strstr(text, "server=/corp.example/192.0.2.53\n"));
	assert_non_null(strstr(text, "resolv-file=/r/v")); /* for all other names */
	assert_non_null(strstr(text, "dhcp-option=42,10.0.0.1\n"));
	assert_non_null(strstr(text, "dhcp-boot=pxelinux.0,,10.0.0.9\n"));
	assert_non_null(strstr(text, "tftp-root=/srv/tftp\n"));
	free(text);
	snprintf(w->dns_forwarder[0], DHCP_WORD_LEN, "192.0.2.53");
	snprintf(w->boot, DHCP_WORD_LEN, "pxelinux.0");
	text = dnsmasq_print_conf(&n, &paths);
	assert_non_null(strstr(text, "server=192.0.2.53\n"));
	assert_null(strstr(text, "resolv-file"));
	assert_non_null(strstr(text, "dhcp-boot=pxelinux.0\n"));
	free(text);
}

static void words_that_would_say_more_are_none(void **)
{
	static const char *const hosts[] = { "", "10.0.0.9", "10.0.0.9,", "x,db", "10.0.0.9,a b",
		"10.0.0.9,a\nb", "10.0.0.9,-a", "10.0.0.9,a,", "10.0.0.9,a#" };
	static const char *const options[] = { "", "42", "42,", "0,x", "255,x", "x,y", "42,a b",
		"42,a\"b", "42,a\nb", "0042,x" };
	static const char *const boots[] = { "", "a b", "a,b", "a,", "a,10.0.0.1,b", "a\nb" };
	static const char *const roots[] = { "", "srv", "/srv/../etc", "/srv tftp", "/a\nb" };

	for (unsigned i = 0; i < ARRAY_LEN(hosts); i++)
		assert_false(dhcp_words_is_dns_host(hosts[i]));
	for (unsigned i = 0; i < ARRAY_LEN(options); i++)
		assert_false(dhcp_words_is_option(options[i]));
	for (unsigned i = 0; i < ARRAY_LEN(boots); i++)
		assert_false(dhcp_words_is_boot(boots[i]));
	for (unsigned i = 0; i < ARRAY_LEN(roots); i++)
		assert_false(dhcp_words_is_path(roots[i]));
	assert_false(dhcp_words_is_forwarder("a/b/192.0.2.1"));
	assert_false(dhcp_words_is_forwarder("/192.0.2.1"));
	assert_false(dhcp_words_is_forwarder("192.0.2.1\n"));
	assert_true(dhcp_words_is_forwarder("corp.example/2001:db8::53"));
}

static void names_that_would_end_a_line_are_left_out(void **)
{
	struct network_cfg n = make_network(NETWORK_MODE_BRIDGE, "10.0.0.0/24", "fd00::/64");

	snprintf(n.domain, sizeof(n.domain), "x\naddn-hosts=/etc/shadow");
	char *text = dnsmasq_print_conf(&n, &paths);

	assert_null(strstr(text, "shadow"));
	free(text);
}

static void undo_lines_survive_the_round_trip(void **)
{
	struct undo_record in = { 42, UNDO_MTU, 9000 }, out;
	char line[128];

	undo_file_print_line(&in, "boot/1", line, sizeof(line));
	assert_int_equal(undo_file_parse_line(line, "boot/1", &out), 0);
	assert_memory_equal(&in, &out, sizeof(in));
	assert_int_equal(undo_file_parse_line(line, "boot/2", &out), -EINVAL);
	assert_int_equal(undo_file_parse_line("boot/1 0 mtu 3", "boot/1", &out), -EINVAL);
	assert_int_equal(undo_file_parse_line("boot/1 3 format 3", "boot/1", &out), -EINVAL);
}

static void malformed_engine_messages_are_refused(void **)
{
	struct {
		struct engine_msg_hdr hdr;
		struct msg_ack ack;
	} m = { .hdr = { .type = ENGINE_MSG_ACK, .seq = 1, .len = sizeof(m) } };
	struct engine_msg out = { 0 };

	assert_int_equal(engine_wire_decode(&m, sizeof(m), 0, &out), 0);
	assert_int_equal(engine_wire_decode(&m, sizeof(m) - 1, 0, &out), -EPROTO);
	assert_int_equal(engine_wire_decode(&m, sizeof(m), 1, &out), -EPROTO);
	m.hdr.seq = 0;
	assert_int_equal(engine_wire_decode(&m, sizeof(m), 0, &out), -EPROTO);
	m.hdr.seq = 1;
	m.hdr.type = ENGINE_MSG_SNAPSHOT; /* the wrong way */
	assert_int_equal(engine_wire_decode(&m, sizeof(m), 0, &out), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(closings_come_before_openings, clear),
		cmocka_unit_test_setup(vif_whose_netdev_is_gone_is_closed_and_opened, clear),
		cmocka_unit_test_setup(snapshot_has_only_open_vifs_and_their_flags, clear),
		cmocka_unit_test_setup(port_gets_floods_only_when_the_engine_has_its_vif, clear),
		cmocka_unit_test_setup(limits_that_nobody_set_are_those_of_the_vifs_profile, clear),
		cmocka_unit_test_setup(multicast_is_as_linux_has_it_and_tenants_are_limited, clear),
		cmocka_unit_test_setup(meters_are_what_was_set_and_else_the_profiles, clear),
		cmocka_unit_test(
			loops_are_looked_for_where_somebody_said_so_and_else_behind_tenants),
		cmocka_unit_test_setup(a_guard_is_what_was_set_and_else_the_profiles, clear),
		cmocka_unit_test_setup(
			port_without_carrier_is_heard_and_one_set_down_is_not, clear),
		cmocka_unit_test(firewall_rejects_forwarding_and_foreign_gateways),
		cmocka_unit_test(table_is_named_by_the_run_dir),
		cmocka_unit_test(dhcp_leases_the_whole_subnet_but_the_gateway),
		cmocka_unit_test(isolated_network_announces_no_router_and_no_resolver),
		cmocka_unit_test(names_options_and_files_are_served_as_they_were_said),
		cmocka_unit_test(words_that_would_say_more_are_none),
		cmocka_unit_test(names_that_would_end_a_line_are_left_out),
		cmocka_unit_test(undo_lines_survive_the_round_trip),
		cmocka_unit_test(malformed_engine_messages_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
