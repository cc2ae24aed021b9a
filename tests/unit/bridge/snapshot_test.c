/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_test.c - a snapshot is taken whole or refused whole, with the item at fault. */
#include "bridge/snapshot.h"
#include "tests/lib/unit.h"

#include <string.h>

struct message {
	struct snap_hdr hdr;
	struct snap_network network[2];
	struct snap_port port[3];
};

static struct message M;

/* n1 with ports 1 (leg) and 2, n2 with port 3. */
static int setup(void **)
{
	memset(&M, 0, sizeof(M));
	M.hdr = (struct snap_hdr){ .magic = SNAPSHOT_MAGIC,
		.generation = 9,
		.size = sizeof(M),
		.n_networks = 2,
		.n_ports = 3 };
	for (uint16_t i = 0; i < 2; i++)
		M.network[i] = (struct snap_network){ .network_id = (uint16_t)(i + 1),
			.mode = NETWORK_MODE_BRIDGE,
			.mtu = 1500,
			.name = { 'n', (char)('1' + i) } };
	for (uint16_t i = 0; i < 3; i++)
		M.port[i] = (struct snap_port){ .vif_id = (uint16_t)(i + 1),
			.network_id = (uint16_t)(1 + i / 2),
			.flags = SNAP_PORT_UP,
			.mtu = 1500,
			.name = { 'v', (char)('1' + i) } };
	M.network[0].leg_vif_id = 1;
	M.port[0].flags |= SNAP_PORT_LEG;
	return 0;
}

static void refused(const char *path)
{
	struct err e = ERR_NONE;

	assert_null(snapshot_create(&M, sizeof(M), &e));
	assert_true(e.code < 0);
	assert_string_equal(e.path, path);
	setup(NULL);
}

static void a_sound_snapshot_is_indexed(void **)
{
	struct snapshot *s = snapshot_create(&M, sizeof(M), NULL);

	assert_non_null(s);
	assert_int_equal(s->generation, 9);
	assert_int_equal(s->network[1].n_ports, 2);
	assert_int_equal(s->network[1].ports[0], 1);
	assert_int_equal(s->network[1].ports[1], 2);
	assert_int_equal(s->network[2].n_ports, 1);
	assert_int_equal(s->network[2].ports[0], 3);
	assert_null(snapshot_port(s, 4));
	assert_null(snapshot_port(s, 0));
	assert_null(snapshot_port(s, UINT16_MAX));
	snapshot_destroy(s);
}

static void wrong_lengths_are_refused(void **)
{
	for (size_t len = 0; len < sizeof(M); len++)
		assert_null(snapshot_create(&M, len, NULL));
	M.hdr.size++;
	refused("snapshot");
	M.hdr.n_ports = 2;
	refused("snapshot");
	M.hdr.n_networks = UINT32_MAX;
	refused("snapshot");
	M.hdr.n_ports = VIF_ID_MAX;
	refused("snapshot");
	M.hdr.magic++;
	refused("snapshot");
}

static void bad_networks_are_refused_by_name(void **)
{
	M.network[1].network_id = 0;
	refused("network.n2");
	M.network[1].network_id = NETWORK_ID_MAX;
	refused("network.n2");
	M.network[1].network_id = 1;
	refused("network.n2");
	M.network[1].mode = NETWORK_MODE_N;
	refused("network.n2");
	M.network[1].profile = 7;
	refused("network.n2");
	M.network[1].mtu = 67;
	refused("network.n2");
	M.network[1].leg_vif_id = 2; /* a port of another network */
	refused("network.n2");
	M.network[1].leg_vif_id = UINT16_MAX;
	refused("network.n2");
	M.network[1].leg_mac[0] = 1;
	refused("network.n2");
	M.network[1].group_fwd_lo = 4;
	refused("network.n2");
	memset(M.network[1].name, 'x', sizeof(M.network[1].name)); /* no end */
	refused("network.#2");
	M.network[1].name[0] = '\n';
	refused("network.#2");
}

static void bad_ports_are_refused_by_name(void **)
{
	M.port[2].vif_id = 0;
	refused("vif.v3");
	M.port[2].vif_id = VIF_ID_MAX;
	refused("vif.v3");
	M.port[2].vif_id = 1;
	refused("vif.v3");
	M.port[2].network_id = 3;
	refused("vif.v3");
	M.port[2].network_id = UINT16_MAX;
	refused("vif.v3");
	M.port[2].flags |= 1u << 31;
	refused("vif.v3");
	M.port[2].flags |= SNAP_PORT_LEG;
	refused("vif.v3");
	M.port[2].mtu = 0;
	refused("vif.v3");
	M.port[2].mac[0] = 0xff;
	refused("vif.v3");
	M.port[2].name[0] = '\0';
	refused("vif.#3");
	M.port[0].flags = SNAP_PORT_UP; /* named as leg, but does not know it */
	refused("network.n1");
}

static void a_port_may_be_without_network(void **)
{
	struct snapshot *s;

	M.port[2].network_id = NETWORK_ID_NONE;
	s = snapshot_create(&M, sizeof(M), NULL);
	assert_non_null(s);
	assert_int_equal(s->network[2].n_ports, 0);
	snapshot_destroy(s);
}

/* M with one meter behind it. */
static void with_meter(struct snap_meter meter, const char *words)
{
	static struct {
		struct message m;
		struct snap_meter meter;
	} t;
	struct err e = ERR_NONE;
	struct snapshot *s;

	t.m = M;
	t.m.hdr.size = sizeof(t);
	t.m.hdr.n_meters = 1;
	t.meter = meter;
	s = snapshot_create(&t, sizeof(t), &e);
	if (words[0] != '\0') {
		assert_null(s);
		assert_non_null(strstr(e.msg, words));
		return;
	}
	assert_non_null(s);
	assert_int_equal(s->has_meters, 1u << meter.kind);
	assert_int_equal(snapshot_meter(s, meter.vif_id, meter.kind)->rate, meter.rate);
	assert_null(snapshot_meter(s, 1, meter.kind));
	snapshot_destroy(s);
}

/* M, its third port without network, with one mirror behind it. */
static void with_mirror(struct snap_mirror mirror, const char *words)
{
	static struct {
		struct message m;
		struct snap_mirror mirror;
	} t;
	struct err e = ERR_NONE;
	struct snapshot *s;

	t.m = M;
	t.m.port[2].network_id = NETWORK_ID_NONE;
	t.m.hdr.size = sizeof(t);
	t.m.hdr.n_mirrors = 1;
	t.mirror = mirror;
	s = snapshot_create(&t, sizeof(t), &e);
	if (words[0] != '\0') {
		assert_null(s);
		assert_non_null(strstr(e.msg, words));
		return;
	}
	assert_non_null(s);
	assert_int_equal(s->n_mirrors, 1);
	assert_int_equal(s->port[2].flags & SNAPSHOT_PORT_MIRROR_RX, SNAPSHOT_PORT_MIRROR_RX);
	assert_int_equal(s->port[2].flags & SNAPSHOT_PORT_MIRROR_TX, 0);
	assert_int_equal(s->port[3].flags & SNAPSHOT_PORT_MIRROR_RX, 0);
	snapshot_destroy(s);
}

static void mirrors_are_of_what_is_there_to_what_is_in_no_network(void **)
{
	const struct snap_mirror good
		= { .target_id = 3, .vif_id = 2, .directions = SNAP_MIRROR_RX };
	struct snap_mirror m = good;

	with_mirror(good, "");
	m.vif_id = VIF_ID_NONE;
	m.network_id = 1;
	with_mirror(m, "");
	m.network_id = 3;
	with_mirror(m, "network that does not exist");
	m.network_id = NETWORK_ID_MAX;
	with_mirror(m, "network that does not exist");
	m.network_id = NETWORK_ID_NONE;
	with_mirror(m, "network that does not exist");
	m = good;
	m.network_id = 1;
	with_mirror(m, "vif that is in no network");
	m = good;
	m.vif_id = 3;
	with_mirror(m, "vif that is in no network");
	m.vif_id = VIF_ID_MAX;
	with_mirror(m, "vif that is in no network");
	m = good;
	m.target_id = 1;
	with_mirror(m, "to a vif that is in a network");
	m.target_id = UINT16_MAX;
	with_mirror(m, "to a vif that is in a network");
	m = good;
	m.directions = 0;
	with_mirror(m, "no direction");
	m.directions = 4;
	with_mirror(m, "no direction");
	m = good;
	m.vid = 4095;
	with_mirror(m, "VLAN out of range");
	m = good;
	m.has_prefix = 1;
	m.len = 129;
	with_mirror(m, "prefix that is none");
	m.len = 33;
	m.addr[10] = m.addr[11] = 0xff;
	with_mirror(m, "prefix that is none");
}

static void meters_are_taken_within_their_bounds(void **)
{
	const struct snap_meter good
		= { .vif_id = 2, .kind = SNAP_METER_TO, .rate = 5, .burst = 1 };
	struct snap_meter m = good;

	with_meter(good, "");
	m.vif_id = 4;
	with_meter(m, "not there");
	m.vif_id = UINT16_MAX;
	with_meter(m, "not there");
	m = good;
	m.kind = SNAP_METER_N;
	with_meter(m, "vif v2: kind is unknown");
	m = good;
	m.rate = 0;
	with_meter(m, "rate out of range");
	m.rate = METER_RATE_MAX + 1;
	with_meter(m, "rate out of range");
	m = good;
	m.peak = 4;
	with_meter(m, "peak out of range");
	m = good;
	m.burst = METER_BURST_MAX + 1;
	with_meter(m, "burst out of range");
	m.burst = 0;
	with_meter(m, "burst out of range");
	M.hdr.n_meters = METERS_MAX + 1;
	refused("snapshot");
	M.hdr.n_meters = 1; /* no room for it */
	refused("snapshot");
}

static void bindings_are_taken_in_order(void **)
{
	static struct {
		struct message m;
		struct snap_binding b[3];
	} t;
	struct err e = ERR_NONE;
	struct snapshot *s;

	t.m = M;
	t.m.hdr.size = sizeof(t);
	t.m.hdr.n_bindings = 3;
	t.m.port[1].guard = SNAP_GUARD_ALL;
	for (unsigned i = 0; i < 3; i++)
		t.b[i] = (struct snap_binding){ .vif_id = (uint16_t)(2 + i / 2),
			.len = 32,
			.addr = { [10] = 0xff, [11] = 0xff, [15] = (uint8_t)i } };
	s = snapshot_create(&t, sizeof(t), &e);
	assert_non_null(s);
	assert_int_equal(s->bindings[2].n, 2);
	assert_int_equal(s->bindings[3].n, 1);
	assert_int_equal(s->bindings[3].at->addr[15], 2);
	assert_int_equal(s->bindings[1].n, 0);
	snapshot_destroy(s);
	t.b[2].len = 33;
	assert_null(snapshot_create(&t, sizeof(t), &e));
	assert_non_null(strstr(e.msg, "vif v3 has a prefix of 33 bits"));
	e = ERR_NONE;
	t.b[2].vif_id = 4;
	assert_null(snapshot_create(&t, sizeof(t), &e));
	assert_non_null(strstr(e.msg, "vif #4, which is not there"));
	e = ERR_NONE;
	t.b[2].vif_id = 1;
	assert_null(snapshot_create(&t, sizeof(t), &e));
	assert_non_null(strstr(e.msg, "vif v1 are not in order"));
	M.hdr.n_bindings = BINDINGS_MAX + 1;
	refused("snapshot");
	M.port[1].guard = SNAP_GUARD_ALL + 1;
	refused("vif.v2");
}

static void stations_are_taken_in_order(void **)
{
	static struct {
		struct message m;
		struct snap_station t[3];
	} t;
	struct err e = ERR_NONE;
	struct snapshot *s;

	t.m = M;
	t.m.hdr.size = sizeof(t);
	t.m.hdr.n_stations = 3;
	for (unsigned i = 0; i < 3; i++)
		t.t[i] = (struct snap_station){ .network_id = t.m.network[0].network_id,
			.mac = { 2, [5] = (uint8_t)i },
			.addr = { [10] = 0xff, [11] = 0xff, [15] = (uint8_t)i } };
	s = snapshot_create(&t, sizeof(t), &e);
	assert_non_null(s);
	assert_int_equal(s->n_stations, 3);
	assert_false(s->has_neigh_suppress);
	snapshot_destroy(s);
	t.t[2].addr[15] = 1;
	assert_null(snapshot_create(&t, sizeof(t), &e));
	assert_non_null(strstr(e.msg, "stations are not in order"));
	e = ERR_NONE;
	t.t[1].mac[0] = 1;
	assert_null(snapshot_create(&t, sizeof(t), &e));
	assert_non_null(strstr(e.msg, "MAC of station 1 is a group address"));
	e = ERR_NONE;
	t.t[0].network_id = 77;
	assert_null(snapshot_create(&t, sizeof(t), &e));
	assert_non_null(strstr(e.msg, "station of network #77, which is not there"));
	M.hdr.n_stations = STATIONS_MAX + 1;
	refused("snapshot");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_sound_snapshot_is_indexed, setup),
		cmocka_unit_test_setup(wrong_lengths_are_refused, setup),
		cmocka_unit_test_setup(bad_networks_are_refused_by_name, setup),
		cmocka_unit_test_setup(bad_ports_are_refused_by_name, setup),
		cmocka_unit_test_setup(a_port_may_be_without_network, setup),
		cmocka_unit_test_setup(meters_are_taken_within_their_bounds, setup),
		cmocka_unit_test_setup(bindings_are_taken_in_order, setup),
		cmocka_unit_test_setup(stations_are_taken_in_order, setup),
		cmocka_unit_test_setup(
			mirrors_are_of_what_is_there_to_what_is_in_no_network, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
