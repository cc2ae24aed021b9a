/* SPDX-License-Identifier: Apache-2.0 */
/* stp_test.c - spanning trees of 2 to 8 bridges: they come to be, break, come back, and never have a ring. */
#include "tests/lib/stp_lab.h"
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"

#include <stdlib.h>
#include <string.h>

static struct lab L;
static uint32_t random_state;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % n;
}

static void settle_within(uint64_t max_ns)
{
	uint64_t took_ns = lab_settle(&L, max_ns);

	if (took_ns == UINT64_MAX)
		fail_msg("no tree within %llu ms", (unsigned long long)(max_ns / NS_PER_MS));
}

static void ring_of(unsigned n)
{
	lab_init(&L, n);
	for (unsigned i = 0; i < n; i++)
		lab_link_add(&L, i, (i + 1) % n);
}

static void use_version(unsigned bridge, uint8_t version)
{
	struct stp_bridge_conf conf = lab_bridge_conf(bridge);

	conf.version = version;
	lab_bridge_set(&L, bridge, &conf);
}

static void two_bridges_forward_within_milliseconds(void **)
{
	int link;

	lab_init(&L, 2);
	link = lab_link_add(&L, 0, 1);
	settle_within(10 * NS_PER_MS);
	assert_int_equal(lab_port(&L, link, 0)->v.role, STP_ROLE_DESIGNATED);
	assert_int_equal(lab_port(&L, link, 1)->v.role, STP_ROLE_ROOT);
	assert_int_equal(L.bridge[1].b.v.root_port_no, 1);
	assert_int_equal(L.bridge[1].b.v.root.cost, 2000);
}

static void second_link_between_two_bridges_is_alternate(void **)
{
	int spare;

	lab_init(&L, 2);
	lab_link_add(&L, 0, 1);
	spare = lab_link_add(&L, 0, 1);
	lab_run(&L, 10 * NS_PER_SEC);
	assert_int_equal(lab_port(&L, spare, 0)->v.role, STP_ROLE_DESIGNATED);
	assert_int_equal(lab_port(&L, spare, 1)->v.role, STP_ROLE_ALTERNATE);
	assert_false(lab_port(&L, spare, 1)->v.learning);
}

static void link_from_a_bridge_to_itself_is_backup(void **)
{
	int loop;

	lab_init(&L, 2);
	lab_link_add(&L, 0, 1);
	loop = lab_link_add(&L, 1, 1);
	lab_run(&L, 40 * NS_PER_SEC);
	assert_int_equal(lab_port(&L, loop, 0)->v.role, STP_ROLE_DESIGNATED);
	assert_int_equal(lab_port(&L, loop, 1)->v.role, STP_ROLE_BACKUP);
	assert_false(lab_port(&L, loop, 1)->v.forwarding);
}

static void lower_priority_becomes_root(void **)
{
	struct stp_bridge_conf conf = lab_bridge_conf(2);

	ring_of(4);
	settle_within(NS_PER_SEC);
	conf.priority = 4096;
	lab_bridge_set(&L, 2, &conf);
	lab_run(&L, NS_PER_SEC);
	assert_true(lab_is_tree(&L));
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(L.bridge[i].b.v.root.root_id >> 48, 4096);
}

static void dearer_link_is_left_alone(void **)
{
	struct stp_port_conf conf;
	struct stp_port *p;
	int dear;

	lab_init(&L, 2);
	dear = lab_link_add(&L, 0, 1);
	lab_link_add(&L, 0, 1);
	lab_run(&L, NS_PER_SEC);
	p = lab_port(&L, dear, 1);
	assert_int_equal(p->v.role, STP_ROLE_ROOT);
	conf = p->conf;
	conf.path_cost = 200000;
	stp_port_set(p, &conf, L.now_ns);
	lab_run(&L, NS_PER_SEC);
	assert_true(lab_is_tree(&L));
	assert_int_equal(p->v.role, STP_ROLE_ALTERNATE);
}

static void station_forwards_after_three_seconds_without_a_bpdu(void **)
{
	const struct stp_port_vars *v;
	unsigned port;

	lab_init(&L, 1);
	port = lab_station_add(&L, 0);
	v = &L.bridge[0].port[port].p.v;
	assert_false(v->forwarding);
	lab_run(&L, 4 * NS_PER_SEC);
	assert_true(v->forwarding);
	assert_true(v->oper_edge);
	assert_int_equal(L.bridge[0].b.v.n_changes, 0); /* edges change no topology */
}

static void admin_edge_forwards_at_once(void **)
{
	struct stp_port_conf conf;
	struct stp_port *p;

	lab_init(&L, 1);
	p = &L.bridge[0].port[lab_port_add(&L, 0)].p;
	conf = p->conf;
	conf.admin_edge = true;
	stp_port_set(p, &conf, L.now_ns);
	stp_port_enable(p, true, L.now_ns);
	assert_true(p->v.forwarding);
}

static void old_version_listens_and_learns_for_forward_delay_each(void **)
{
	const struct stp_port_vars *v;
	unsigned port;

	lab_init(&L, 1);
	use_version(0, STP_VERSION_STP);
	port = lab_station_add(&L, 0);
	v = &L.bridge[0].port[port].p.v;
	lab_run(&L, 14 * NS_PER_SEC);
	assert_false(v->learning);
	lab_run(&L, 2 * NS_PER_SEC);
	assert_true(v->learning && !v->forwarding);
	lab_run(&L, 15 * NS_PER_SEC);
	assert_true(v->forwarding);
}

static void ring_of_eight_heals_within_fifty_milliseconds(void **)
{
	uint64_t longest_ns = 0;

	for (int broken = 0; broken < 8; broken++) {
		uint64_t took_ns;

		ring_of(8);
		settle_within(NS_PER_SEC);
		lab_run(&L, 10 * NS_PER_SEC);
		lab_link_set(&L, broken, false);
		took_ns = lab_settle(&L, NS_PER_SEC);
		assert_in_range(took_ns, 0, 50 * NS_PER_MS);
		longest_ns = MAX(longest_ns, took_ns);
		lab_run(&L, 10 * NS_PER_SEC);
		lab_link_set(&L, broken, true);
		took_ns = lab_settle(&L, 5 * NS_PER_SEC);
		assert_true(took_ns != UINT64_MAX);
	}
	print_message("a ring of 8 healed within %.1f ms, at %.0f ms a hop\n",
		(double)longest_ns / NS_PER_MS, (double)LAB_HOP_NS / NS_PER_MS);
}

static void topology_change_flushes_the_others(void **)
{
	unsigned before[8], after = 0;

	ring_of(8);
	lab_run(&L, 10 * NS_PER_SEC);
	for (unsigned i = 0; i < 8; i++)
		before[i] = L.bridge[i].port[0].n_flushes + L.bridge[i].port[1].n_flushes;
	lab_link_set(&L, 0, false);
	lab_run(&L, 100 * NS_PER_MS);
	for (unsigned i = 0; i < 8; i++)
		after += L.bridge[i].port[0].n_flushes + L.bridge[i].port[1].n_flushes > before[i];
	assert_int_equal(after, 8);
}

static void mute_neighbour_is_forgotten_after_three_hellos(void **)
{
	int first, spare;

	lab_init(&L, 2);
	first = lab_link_add(&L, 0, 1);
	spare = lab_link_add(&L, 0, 1);
	lab_run(&L, 10 * NS_PER_SEC);
	L.link[first].is_mute[0] = true;
	lab_run(&L, 5 * NS_PER_SEC);
	assert_int_equal(lab_port(&L, first, 1)->v.role, STP_ROLE_ROOT);
	lab_run(&L, 3 * NS_PER_SEC);
	assert_int_equal(lab_port(&L, spare, 1)->v.role, STP_ROLE_ROOT);
	/* 0 hears that 1 disagrees about who is designated, and does not make a ring of the mute link */
	assert_false(lab_port(&L, first, 0)->v.forwarding && lab_port(&L, first, 1)->v.forwarding);
}

static void old_neighbour_is_answered_in_its_language(void **)
{
	struct stp_port *p;
	int link;

	lab_init(&L, 2);
	use_version(0, STP_VERSION_STP);
	link = lab_link_add(&L, 0, 1);
	p = lab_port(&L, link, 1);
	settle_within(60 * NS_PER_SEC);
	lab_run(&L, 10 * NS_PER_SEC);
	assert_false(p->v.send_rstp);
	use_version(0, STP_VERSION_RSTP);
	lab_run(&L, 10 * NS_PER_SEC);
	assert_true(p->v.send_rstp);
	assert_true(lab_is_tree(&L));
}

static void mcheck_tries_rstp_again(void **)
{
	struct stp_port *p;
	int link;

	lab_init(&L, 2);
	use_version(0, STP_VERSION_STP);
	link = lab_link_add(&L, 0, 1);
	p = lab_port(&L, link, 1);
	lab_run(&L, 60 * NS_PER_SEC);
	assert_false(p->v.send_rstp);
	stp_port_mcheck(p, L.now_ns);
	assert_true(p->v.send_rstp);
	lab_run(&L, 10 * NS_PER_SEC);
	assert_false(p->v.send_rstp);
}

static void bpdu_guard_disables_the_port_until_its_link_was_down(void **)
{
	struct stp_port_conf conf;
	struct stp_port *p;
	int link;

	lab_init(&L, 2);
	link = lab_link_add(&L, 0, 1);
	lab_link_set(&L, link, false);
	p = lab_port(&L, link, 0);
	conf = p->conf;
	conf.bpdu_guard = true;
	stp_port_set(p, &conf, L.now_ns);
	lab_link_set(&L, link, true);
	lab_run(&L, 60 * NS_PER_SEC);
	assert_true(p->v.is_guarded);
	assert_int_equal(p->v.role, STP_ROLE_DISABLED);
	assert_false(p->v.learning);
	conf.bpdu_guard = false;
	stp_port_set(p, &conf, L.now_ns);
	assert_true(p->v.is_guarded);
	stp_port_enable(p, false, L.now_ns);
	stp_port_enable(p, true, L.now_ns);
	lab_run(&L, 10 * NS_PER_SEC);
	assert_true(p->v.forwarding);
}

static void root_guard_keeps_a_better_bridge_out(void **)
{
	struct stp_bridge_conf conf = lab_bridge_conf(1);
	struct stp_port_conf port;
	struct stp_port *p;
	int link;

	lab_init(&L, 2);
	link = lab_link_add(&L, 0, 1);
	p = lab_port(&L, link, 0);
	port = p->conf;
	port.root_guard = true;
	stp_port_set(p, &port, L.now_ns);
	lab_run(&L, NS_PER_SEC);
	assert_true(p->v.forwarding);
	conf.priority = 0;
	lab_bridge_set(&L, 1, &conf);
	lab_run(&L, NS_PER_SEC);
	assert_int_equal(L.bridge[0].b.v.root_port_no, 0);
	assert_int_equal(p->v.role, STP_ROLE_ALTERNATE);
	conf.priority = 61440; /* it gives in: forwarded again without anybody's help */
	lab_bridge_set(&L, 1, &conf);
	lab_run(&L, 10 * NS_PER_SEC);
	assert_true(p->v.forwarding);
}

static void port_that_hears_itself_never_forwards(void **)
{
	uint8_t last[STP_FRAME_LEN] = { 0 };
	struct stp_port *p;
	int link;

	lab_init(&L, 2);
	link = lab_link_add(&L, 0, 1);
	lab_link_set(&L, link, false);
	L.link[link].is_up = true; /* the other end is a mirror */
	p = lab_port(&L, link, 0);
	stp_port_enable(p, true, L.now_ns);
	for (unsigned i = 0; i < 6000; i++) {
		lab_run(&L, 10 * NS_PER_MS);
		if (L.n_frames > 0)
			memcpy(last, L.frame[L.head].bytes, sizeof(last));
		else if (last[0] != 0)
			stp_receive(p, last + 12, sizeof(last) - 12, L.now_ns);
		if (L.n_frames == 0)
			last[0] = 0;
		assert_false(p->v.forwarding);
	}
}

/* A connected graph of @n bridges: a random tree and some more links. */
static void random_topology(unsigned n, unsigned n_versions)
{
	lab_init(&L, n);
	for (unsigned i = 0; i < n; i++) {
		struct stp_bridge_conf conf = lab_bridge_conf(i);

		conf.priority = (uint16_t)(random_below(4) * 4096);
		conf.version = random_below(n_versions) == 0 ? STP_VERSION_RSTP : STP_VERSION_STP;
		lab_bridge_set(&L, i, &conf);
	}
	for (unsigned i = 1; i < n; i++)
		lab_link_add(&L, i, random_below(i));
	for (unsigned left = random_below(n + 2); left > 0; left--) {
		unsigned a = random_below(n), b = random_below(n);

		if (L.bridge[a].n_ports < LAB_PORTS - 1 && L.bridge[b].n_ports < LAB_PORTS - 1)
			lab_link_add(&L, a, b);
	}
}

static void assert_root_is_best(void)
{
	uint64_t best = UINT64_MAX;

	for (unsigned i = 0; i < L.n_bridges; i++)
		best = MIN(best, L.bridge[i].b.id);
	for (unsigned i = 0; i < L.n_bridges; i++)
		assert_true(L.bridge[i].b.v.root.root_id == best);
}

static void random_topologies_become_trees(void **)
{
	random_state = 20260;
	for (unsigned round = 0; round < 300; round++) {
		random_topology(2 + random_below(7), 1);
		settle_within(10 * NS_PER_SEC);
		lab_run(&L, 10 * NS_PER_SEC);
		assert_true(lab_is_tree(&L));
		assert_root_is_best();
		for (unsigned change = 0; change < 3; change++) {
			int link = (int)random_below(L.n_links);

			lab_link_set(&L, link, !L.link[link].is_up);
			settle_within(30 * NS_PER_SEC);
		}
	}
}

static void random_mixed_topologies_become_trees(void **)
{
	random_state = 77;
	for (unsigned round = 0; round < 100; round++) {
		random_topology(2 + random_below(7), 2);
		lab_run(&L, 70 * NS_PER_SEC);
		assert_true(lab_is_tree(&L));
		assert_root_is_best();
		for (unsigned change = 0; change < 2; change++) {
			int link = (int)random_below(L.n_links);

			lab_link_set(&L, link, !L.link[link].is_up);
			lab_run(&L, 100 * NS_PER_SEC);
			assert_true(lab_is_tree(&L));
		}
	}
}

static void malformed_bpdus_change_nothing(void **)
{
	static const uint8_t good[41] = { 0, 39, 0x42, 0x42, 3, 0, 0, 2, 2, 0x7c };
	struct stp_port_vars before;
	uint8_t frame[60];
	struct stp_port *p;

	lab_init(&L, 2);
	p = lab_port(&L, lab_link_add(&L, 0, 1), 0);
	lab_run(&L, 5 * NS_PER_SEC);
	for (unsigned i = 0; i < 10; i++) {
		size_t len = 41;

		before = p->v;
		memset(frame, 0, sizeof(frame));
		memcpy(frame, good, sizeof(good));
		switch (i) {
		case 0: len = 0; break;
		case 1: len = 8; break;
		case 2: len = 40; break; /* says more than there is */
		case 3: frame[1] = 6; break; /* not even a TCN */
		case 4: frame[2] = 0x43; break;
		case 5: frame[6] = 1; break; /* protocol identifier */
		case 6: frame[8] = 3; break; /* type */
		case 7: frame[7] = 1; break; /* RST of version 1 */
		case 8: frame[1] = 38; break; /* RST of 35 octets */
		case 9: frame[8] = 0; break; /* config, message age 0 of max age 0 */
		}
		assert_int_equal(stp_receive(p, frame, len, L.now_ns), STP_RX_MALFORMED);
		before.n_malformed++;
		before.n_rx_second++;
		assert_memory_equal(&before, &p->v, sizeof(before));
	}
}

static void bpdus_are_counted_out(void **)
{
	uint8_t frame[48] = { 0, 7, 0x42, 0x42, 3, 0, 0, 0, 0x80 };
	struct stp_port *p;

	lab_init(&L, 2);
	p = lab_port(&L, lab_link_add(&L, 0, 1), 0);
	lab_run(&L, 5 * NS_PER_SEC + NS_PER_MS);
	stp_tick(&L.bridge[0].b, L.now_ns + NS_PER_SEC);
	for (unsigned i = 0; i < STP_RX_PER_S; i++)
		assert_int_equal(stp_receive(p, frame, sizeof(frame), L.now_ns), STP_RX_OK);
	assert_int_equal(stp_receive(p, frame, sizeof(frame), L.now_ns), STP_RX_RATE);
	lab_run(&L, 3 * NS_PER_SEC);
	assert_int_equal(stp_receive(p, frame, sizeof(frame), L.now_ns), STP_RX_OK);
}

/* A neighbour at a port of one of four bridges in a ring says whatever it likes. */
static void lie_to_a_ring(bool has_root_guard, uint64_t ring_ns_max)
{
	uint8_t frame[48];

	random_state = 4711;
	for (unsigned round = 0; round < 40; round++) {
		struct stp_port_conf conf;
		struct stp_port *p;

		ring_of(4);
		L.ring_ns_max = ring_ns_max;
		p = &L.bridge[round % 4].port[lab_station_add(&L, round % 4)].p;
		conf = p->conf;
		conf.root_guard = has_root_guard;
		stp_port_set(p, &conf, L.now_ns);
		lab_run(&L, 5 * NS_PER_SEC);
		for (unsigned i = 0; i < 400; i++) {
			for (unsigned k = 0; k < sizeof(frame); k++)
				frame[k] = (uint8_t)random_below(256);
			memcpy(frame, (uint8_t[]){ 0, 39, 0x42, 0x42, 3, 0, 0, 2, 2 }, 9);
			if (random_below(3) == 0)
				memcpy(frame + 7, (uint8_t[]){ 0, 0 }, 2);
			if (random_below(2) == 0)
				memset(frame + 10, 0, 8);
			stp_receive(p, frame, sizeof(frame), L.now_ns);
			lab_run(&L, random_below(300) * NS_PER_MS);
		}
		lab_run(&L, 120 * NS_PER_SEC);
		assert_true(lab_is_tree(&L));
		assert_root_is_best();
	}
}

/* A root that comes and goes several times a second uses up what the others may send (TxHoldCount):
 * the standard's machines then have rings until the next BPDU may be sent. */
static void hostile_bpdus_make_no_ring_that_stays(void **)
{
	lie_to_a_ring(false, 3 * 2 * NS_PER_SEC);
}

static void hostile_bpdus_make_no_ring_past_root_guard(void **)
{
	lie_to_a_ring(true, 0);
}

/* A process dies and another goes on: no port of the ring stops forwarding, no ring comes to be. */
static void restored_bridge_goes_on_without_a_gap(void **)
{
	struct stp_port_vars vars[2];
	struct lab_bridge *b;
	struct stp_bridge_vars bridge;
	struct stp_bridge_conf conf;

	ring_of(8);
	lab_run(&L, 10 * NS_PER_SEC);
	for (unsigned n = 0; n < 8; n++) {
		b = &L.bridge[n];
		conf = b->b.conf;
		bridge = b->b.v;
		for (unsigned i = 0; i < 2; i++)
			vars[i] = b->port[i].p.v;
		assert_true(stp_bridge_vars_are_sound(&bridge, L.now_ns));
		stp_bridge_init(&b->b, &conf, b->b.ops, &L, L.now_ns);
		b->b.v = bridge;
		for (unsigned i = 0; i < 2; i++) {
			struct stp_port_conf port = b->port[i].p.conf;

			assert_true(stp_port_vars_are_sound(&vars[i]));
			stp_port_add(&b->b, &b->port[i].p, &port);
			stp_port_restore(&b->port[i].p, &vars[i]);
		}
		for (unsigned i = 0; i < 2; i++)
			stp_port_enable(&b->port[i].p, true, L.now_ns);
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(b->port[i].p.v.role, vars[i].role);
			assert_int_equal(b->port[i].p.v.forwarding, vars[i].forwarding);
		}
		assert_true(lab_is_tree(&L));
		lab_run(&L, 10 * NS_PER_SEC);
		assert_true(lab_is_tree(&L));
	}
}

static void impossible_vars_are_not_believed(void **)
{
	struct stp_port_vars good, bad;
	int link;

	lab_init(&L, 2);
	link = lab_link_add(&L, 0, 1);
	lab_run(&L, 10 * NS_PER_SEC);
	good = lab_port(&L, link, 0)->v;
	assert_true(stp_port_vars_are_sound(&good));
	bad = good;
	memset(&bad.learn, 2, 1);
	assert_false(stp_port_vars_are_sound(&bad));
	bad = good;
	bad.role = STP_ROLE_N;
	assert_false(stp_port_vars_are_sound(&bad));
	bad = good;
	bad.role = STP_ROLE_ALTERNATE; /* and forwards */
	assert_false(stp_port_vars_are_sound(&bad));
	bad = good;
	bad.designated_times.hello = UINT16_MAX;
	assert_false(stp_port_vars_are_sound(&bad));
	bad = good;
	bad.role_state = 17;
	assert_false(stp_port_vars_are_sound(&bad));
}

static void deleted_port_leaves_the_others_a_tree(void **)
{
	struct lab_bridge *b = &L.bridge[3];

	ring_of(8);
	lab_run(&L, 5 * NS_PER_SEC);
	L.link[3].is_up = false;
	stp_port_del(&b->port[1].p, L.now_ns);
	stp_port_enable(lab_port(&L, 3, 1), false, L.now_ns);
	settle_within(50 * NS_PER_MS);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_bridges_forward_within_milliseconds),
		cmocka_unit_test(second_link_between_two_bridges_is_alternate),
		cmocka_unit_test(link_from_a_bridge_to_itself_is_backup),
		cmocka_unit_test(lower_priority_becomes_root),
		cmocka_unit_test(dearer_link_is_left_alone),
		cmocka_unit_test(station_forwards_after_three_seconds_without_a_bpdu),
		cmocka_unit_test(admin_edge_forwards_at_once),
		cmocka_unit_test(old_version_listens_and_learns_for_forward_delay_each),
		cmocka_unit_test(ring_of_eight_heals_within_fifty_milliseconds),
		cmocka_unit_test(topology_change_flushes_the_others),
		cmocka_unit_test(mute_neighbour_is_forgotten_after_three_hellos),
		cmocka_unit_test(old_neighbour_is_answered_in_its_language),
		cmocka_unit_test(mcheck_tries_rstp_again),
		cmocka_unit_test(bpdu_guard_disables_the_port_until_its_link_was_down),
		cmocka_unit_test(root_guard_keeps_a_better_bridge_out),
		cmocka_unit_test(port_that_hears_itself_never_forwards),
		cmocka_unit_test(random_topologies_become_trees),
		cmocka_unit_test(random_mixed_topologies_become_trees),
		cmocka_unit_test(malformed_bpdus_change_nothing),
		cmocka_unit_test(bpdus_are_counted_out),
		cmocka_unit_test(hostile_bpdus_make_no_ring_that_stays),
		cmocka_unit_test(hostile_bpdus_make_no_ring_past_root_guard),
		cmocka_unit_test(restored_bridge_goes_on_without_a_gap),
		cmocka_unit_test(impossible_vars_are_not_believed),
		cmocka_unit_test(deleted_port_leaves_the_others_a_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
