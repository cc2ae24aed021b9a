/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_stp_test.c - spanning trees of a configuration: sound ones are indexed, the rest is refused. */
#include "bridge/snapshot.h"
#include "tests/lib/unit.h"

#include <string.h>

static struct message {
	struct snap_hdr hdr;
	struct snap_network network[1];
	struct snap_port port[2];
	struct snap_stp stp[1];
	struct snap_stp_port stp_port[1];
} M;

static int setup(void **)
{
	memset(&M, 0, sizeof(M));
	M.hdr = (struct snap_hdr){ .magic = SNAPSHOT_MAGIC,
		.generation = 1,
		.size = sizeof(M),
		.n_networks = 1,
		.n_ports = 2,
		.n_stp = 1,
		.n_stp_ports = 1 };
	M.network[0] = (struct snap_network){
		.network_id = 1, .mode = NETWORK_MODE_BRIDGE, .mtu = 1500, .name = "n1"
	};
	for (uint16_t i = 0; i < 2; i++)
		M.port[i] = (struct snap_port){ .vif_id = (uint16_t)(i + 1),
			.network_id = 1,
			.flags = SNAP_PORT_UP,
			.mtu = 1500,
			.name = { 'v', (char)('1' + i) } };
	M.stp[0] = (struct snap_stp){ .network_id = 1,
		.version = 2,
		.hello_s = 2,
		.max_age_s = 20,
		.forward_delay_s = 15,
		.mac = { 2, 0, 0, 0, 0, 1 } };
	M.stp_port[0] = (struct snap_stp_port){ .vif_id = 2, .priority = 128, .cost = 4 };
	return 0;
}

static void refused(void)
{
	struct err e = ERR_NONE;

	assert_null(snapshot_create(&M, sizeof(M), &e));
	assert_true(e.code < 0);
	assert_true(strcmp(e.path, "stp") == 0 || strcmp(e.path, "snapshot") == 0);
	setup(NULL);
}

static void ports_of_a_tree_are_watched_and_its_leg_is_not(void **)
{
	struct snapshot *s;

	M.network[0].leg_vif_id = 1;
	M.port[0].flags |= SNAP_PORT_LEG;
	s = snapshot_create(&M, sizeof(M), NULL);
	assert_non_null(s);
	assert_int_equal(s->stp->network[1].max_age_s, 20);
	assert_int_equal(s->stp->port[2].cost, 4);
	assert_true((s->port[2].flags & SNAPSHOT_PORT_WATCHED) != 0);
	assert_true((s->port[1].flags & SNAPSHOT_PORT_WATCHED) == 0);
	snapshot_destroy(s);
}

static void only_a_guarded_vif_is_watched_without_a_tree(void **)
{
	struct snapshot *s;

	M.hdr.n_stp = 0;
	M.hdr.size = (uint32_t)(sizeof(M) - sizeof(M.stp));
	M.stp_port[0].flags = SNAP_STP_BPDU_GUARD;
	memmove(M.stp, M.stp_port, sizeof(M.stp_port));
	s = snapshot_create(&M, M.hdr.size, NULL);
	assert_non_null(s);
	assert_true((s->port[2].flags & SNAPSHOT_PORT_WATCHED) != 0);
	assert_true((s->port[2].flags & SNAPSHOT_PORT_TAKES_BPDUS) != 0);
	assert_true((s->port[1].flags & SNAPSHOT_PORT_WATCHED) == 0);
	snapshot_destroy(s);
}

static void a_vif_that_is_just_protected_is_watched_and_takes_no_bpdus(void **)
{
	struct snapshot *s;

	M.hdr.n_stp = 0;
	M.hdr.size = (uint32_t)(sizeof(M) - sizeof(M.stp));
	M.stp_port[0].flags = SNAP_STP_LOOP_PROTECT;
	memmove(M.stp, M.stp_port, sizeof(M.stp_port));
	s = snapshot_create(&M, M.hdr.size, NULL);
	assert_non_null(s);
	assert_true((s->port[2].flags & SNAPSHOT_PORT_WATCHED) != 0);
	assert_true((s->port[2].flags & SNAPSHOT_PORT_TAKES_BPDUS) == 0);
	snapshot_destroy(s);
}

static void bad_trees_are_refused(void **)
{
	M.stp[0].network_id = 2;
	refused();
	M.stp[0].network_id = 0;
	refused();
	M.stp[0].network_id = UINT16_MAX;
	refused();
	M.stp[0].version = 1;
	refused();
	M.stp[0].hello_s = 0;
	refused();
	M.stp[0].hello_s = 11;
	refused();
	M.stp[0].max_age_s = 5;
	refused();
	M.stp[0].forward_delay_s = 31;
	refused();
	M.stp[0].mac[0] = 3;
	refused();
	M.hdr.n_stp = NETWORK_ID_MAX;
	refused();
}

static void bad_ports_of_trees_are_refused(void **)
{
	M.stp_port[0].vif_id = 3;
	refused();
	M.stp_port[0].vif_id = 0;
	refused();
	M.stp_port[0].vif_id = UINT16_MAX;
	refused();
	M.stp_port[0].priority = 20;
	refused();
	M.stp_port[0].priority = 255;
	refused();
	M.stp_port[0].flags = 0x80;
	refused();
	M.stp_port[0].cost = STP_COST_MAX + 1;
	refused();
	M.hdr.n_stp_ports = VIF_ID_MAX;
	refused();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(ports_of_a_tree_are_watched_and_its_leg_is_not, setup),
		cmocka_unit_test_setup(only_a_guarded_vif_is_watched_without_a_tree, setup),
		cmocka_unit_test_setup(
			a_vif_that_is_just_protected_is_watched_and_takes_no_bpdus, setup),
		cmocka_unit_test_setup(bad_trees_are_refused, setup),
		cmocka_unit_test_setup(bad_ports_of_trees_are_refused, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
