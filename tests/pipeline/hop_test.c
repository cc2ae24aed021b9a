/* SPDX-License-Identifier: Apache-2.0 */
/* hop_test.c - what happens to packets that are on their way to the tables' owner when the
 * configuration changes.
 *
 *      v1 (worker 1)   v2 (worker 2)   v3 (worker 0, the owner)
 *        \               |               /
 *         +------------- n1 ------------+
 */
#include "tests/lib/bed.h"
#include "tests/lib/unit.h"

#define WORKERS(f) BED_TEST(f, 1, 3, 0, ""), BED_TEST(f, 32, 3, 0, "")

static struct frame F, G;

static struct bed *three(void **state)
{
	struct bed *b = *state;

	bed_network(b, 1);
	for (uint16_t id = 1; id <= 3; id++)
		bed_port(b, id, 1);
	bed_apply(b);
	return b;
}

/* A network whose vifs are in VLAN 5, tagged. */
static struct bed *three_in_vlan(void **state)
{
	struct bed *b = three(state);

	b->network[0].vlan = SNAP_VLAN_8021Q;
	for (uint16_t id = 1; id <= 3; id++)
		bed_vlan(b, id, 5, 5, 0);
	bed_apply(b);
	return b;
}

static void tagged(struct frame *f, uint16_t vid)
{
	frame_eth(f, MAC_OF(77), MAC_OF(1));
	frame_vlan(f, 0x8100, vid);
	frame_ip4(f, 17);
	frame_udp(f, 9);
	frame_payload(f, 50);
	frame_end(f);
}

static void lose_vlans(struct bed *b)
{
	b->on_hop = NULL;
	b->network[0].vlan = SNAP_VLAN_NONE;
	b->n_vlans = 0;
	bed_apply(b);
}

static void a_network_may_cease_to_know_vlans(void **state)
{
	struct bed *b = three_in_vlan(state);

	tagged(&F, 5);
	b->on_hop = lose_vlans;
	bed_step(b, 1, &F);
	assert_null(b->on_hop);
	EXPECT_FRAME(b, 2, &F); /* a network without VLANs looks at no tag */
	EXPECT_FRAME(b, 3, &F);
}

static void get_vlans(struct bed *b)
{
	b->on_hop = NULL;
	b->network[0].vlan = SNAP_VLAN_8021Q;
	for (uint16_t id = 1; id <= 3; id++)
		bed_vlan(b, id, 5, 5, 0);
	bed_apply(b);
}

static void a_network_that_begins_to_know_vlans_filters_at_once(void **state)
{
	struct bed *b = three(state);

	tagged(&F, 6);
	b->on_hop = get_vlans;
	bed_step(b, 1, &F);
	assert_null(b->on_hop);
	EXPECT_NOTHING(b, 2);
	EXPECT_NOTHING(b, 3);
	assert_int_equal(bed_drops(b, 1, DROP_VLAN_FILTER), 1);
	tagged(&F, 5);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_FRAME(b, 3, &F);
}

static void move_v1(struct bed *b)
{
	b->on_hop = NULL;
	bed_network(b, 2);
	b->port[0].network_id = 2;
	bed_apply(b);
}

static void a_vif_may_move_to_another_network(void **state)
{
	struct bed *b = three(state);

	frame_simple(&F, MAC_OF(77), MAC_OF(1), 60);
	b->on_hop = move_v1;
	bed_step(b, 1, &F);
	assert_null(b->on_hop);
	EXPECT_NOTHING(b, 2);
	EXPECT_NOTHING(b, 3);
	assert_int_equal(fdb_count(b->fdb, 1), 1);
}

static void drop_no_network_of_a_vif_that_has_gone(void **state)
{
	struct bed *b = three(state);

	frame_simple(&F, MAC_OF(77), MAC_OF(1), 60);
	b->on_hop = bed_unapply;
	bed_step(b, 1, &F);
	EXPECT_NOTHING(b, 2);
	assert_int_equal(bed_drops(b, 1, DROP_NO_NETWORK), 1);
}

static void lose_router(struct bed *b)
{
	b->on_hop = NULL;
	b->n_routers = b->n_addrs = 0;
	bed_apply(b);
}

static void a_router_may_go(void **state)
{
	struct bed *b = three(state);

	bed_router(b, 1, SNAP_POLICY_ROUTED, NETWORK_ID_NONE);
	bed_addr(b, 1, "10.0.0.1/24");
	bed_apply(b);
	frame_eth(&F, b->router[0].mac, MAC_OF(1));
	frame_ip4(&F, 17);
	frame_udp(&F, 9);
	frame_payload(&F, 50);
	frame_end(&F);
	b->on_hop = lose_router;
	bed_step(b, 1, &F);
	assert_null(b->on_hop);
	EXPECT_FRAME(b, 2, &F); /* an address like others that nobody knows */
	EXPECT_FRAME(b, 3, &F);
}

static void frames_keep_their_order_behind_one_that_hops(void **state)
{
	struct bed *b = three(state);

	frame_simple(&F, MAC_OF(2), MAC_OF(1), 60);
	frame_simple(&G, MAC_OF(1), MAC_OF(2), 60);
	bed_step(b, 1, &F);
	bed_step(b, 2, &G);
	bed_clear(b);
	frame_simple(&G, MAC_OF(2), MAC_OF(9), 60); /* a new source */
	bed_send(b, 1, &G);
	bed_send(b, 1, &F);
	bed_send(b, 1, &G);
	bed_run(b);
	EXPECT_FRAME(b, 2, &G);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_FRAME(b, 2, &G);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORKERS(a_network_may_cease_to_know_vlans),
		WORKERS(a_network_that_begins_to_know_vlans_filters_at_once),
		WORKERS(a_vif_may_move_to_another_network),
		WORKERS(drop_no_network_of_a_vif_that_has_gone),
		WORKERS(a_router_may_go),
		WORKERS(frames_keep_their_order_behind_one_that_hops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
