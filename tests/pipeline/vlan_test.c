/* SPDX-License-Identifier: Apache-2.0 */
/* vlan_test.c - what the conformance scenarios cannot say about VLANs: drop reasons, offloads, bytes
 * that copies share, restarts. */
#include "tests/lib/bed.h"
#include "tests/lib/unit.h"

#define PVID (SNAP_VLAN_PVID | SNAP_VLAN_UNTAGGED)

/* Vif 1 is access to VLAN 10, 2 a trunk of 10 and 20, 3 access to 20, 4 access to 10. */
static void lay_out(struct bed *b)
{
	bed_network(b, 1)->vlan = SNAP_VLAN_8021Q;
	for (uint16_t id = 1; id <= 4; id++)
		bed_port(b, id, 1)->flags |= id != 2 ? SNAP_PORT_ACCESS : 0;
	bed_vlan(b, 1, 10, 10, PVID);
	bed_vlan(b, 2, 10, 10, 0);
	bed_vlan(b, 2, 20, 20, 0);
	bed_vlan(b, 3, 20, 20, PVID);
	bed_vlan(b, 4, 10, 10, PVID);
	bed_apply(b);
}

static void make(struct frame *f, const uint8_t *dst, uint8_t src, int tci, uint32_t payload)
{
	frame_eth(f, dst, MAC_OF(src));
	if (tci >= 0)
		frame_vlan(f, 0x8100, (uint16_t)tci);
	frame_ip4(f, 17);
	frame_udp(f, 9);
	frame_payload(f, payload);
	frame_end(f);
}

static void drop_vlan_filter_for_a_vlan_that_the_vif_is_not_in(void **state)
{
	struct bed *b = *state;
	static struct frame f;

	lay_out(b);
	make(&f, MAC_BCAST, 2, 30, 20);
	bed_step(b, 2, &f);
	make(&f, MAC_BCAST, 1, 10, 20);
	bed_step(b, 1, &f);
	assert_int_equal(bed_drops(b, 2, DROP_VLAN_FILTER), 1);
	assert_int_equal(bed_drops(b, 1, DROP_VLAN_FILTER), 1);
	for (uint16_t id = 1; id <= 4; id++)
		EXPECT_NOTHING(b, id);
	assert_int_equal(fdb_count(b->fdb, 1) + fdb_count(b->fdb, 2), 0);
}

static void drop_vlan_no_native_for_what_is_not_tagged_on_a_trunk(void **state)
{
	struct bed *b = *state;
	static struct frame f;

	lay_out(b);
	make(&f, MAC_BCAST, 2, -1, 20);
	bed_step(b, 2, &f);
	make(&f, MAC_BCAST, 2, 5 << 13, 20);
	bed_step(b, 2, &f);
	assert_int_equal(bed_drops(b, 2, DROP_VLAN_NO_NATIVE), 2);
}

static void a_flood_has_the_tag_where_it_is_wanted_and_shares_the_rest(void **state)
{
	struct bed *b = *state;
	static struct frame plain, tagged;

	lay_out(b);
	make(&plain, MAC_BCAST, 1, -1, 1400);
	make(&tagged, MAC_BCAST, 1, 10, 1400);
	for (unsigned i = 0; i < 3; i++)
		bed_send(b, 1, &plain);
	bed_run(b);
	for (unsigned i = 0; i < 3; i++) {
		EXPECT_FRAME(b, 2, &tagged);
		EXPECT_FRAME(b, 4, &plain);
	}
	EXPECT_NOTHING(b, 2);
	EXPECT_NOTHING(b, 3);
	EXPECT_NOTHING(b, 4);
}

static void super_frames_get_and_lose_tags_with_true_offsets(void **state)
{
	struct bed *b = *state;
	static struct frame f, tagged, plain;

	lay_out(b);
	make(&f, MAC_BCAST, 1, -1, 20);
	bed_step(b, 1, &f);
	make(&f, MAC_BCAST, 2, 10, 20);
	bed_step(b, 2, &f);
	bed_clear(b);
	for (unsigned i = 0; i < 2; i++) {
		struct frame *out = i == 0 ? &plain : &tagged;

		frame_eth(out, i == 0 ? MAC_OF(2) : MAC_OF(1), i == 0 ? MAC_OF(1) : MAC_OF(2));
		if (i == 1)
			frame_vlan(out, 0x8100, 10);
		frame_ip4(out, 6);
		frame_tcp(out, 0x10);
		frame_payload(out, 30000);
		frame_end(out);
		frame_gso(out, PKT_GSO_TCP4, 1448);
		bed_step(b, i == 0 ? 1 : 2, out);
	}
	/* what came out: the same with, and without, the tag */
	for (unsigned i = 0; i < 2; i++) {
		struct frame *out = i == 0 ? &tagged : &plain;

		frame_eth(out, i == 0 ? MAC_OF(2) : MAC_OF(1), i == 0 ? MAC_OF(1) : MAC_OF(2));
		if (i == 0)
			frame_vlan(out, 0x8100, 10);
		frame_ip4(out, 6);
		frame_tcp(out, 0x10);
		frame_payload(out, 30000);
		frame_end(out);
		frame_gso(out, PKT_GSO_TCP4, 1448);
		EXPECT_FRAME(b, i == 0 ? 2 : 1, out);
	}
}

static void entries_belong_to_their_vlan_over_a_restart(void **state)
{
	struct bed *b = *state;
	static struct frame f;

	lay_out(b);
	make(&f, MAC_BCAST, 7, 10, 20);
	bed_step(b, 2, &f);
	bed_clear(b);
	bed_restart(b);
	assert_int_equal(fdb_find(b->fdb, b->cfg, 1, 10, MAC_OF(7), b->io.now_ns), 2);
	assert_int_equal(fdb_find(b->fdb, b->cfg, 1, 20, MAC_OF(7), b->io.now_ns), VIF_ID_NONE);
	assert_int_equal(fdb_find(b->fdb, b->cfg, 1, 0, MAC_OF(7), b->io.now_ns), VIF_ID_NONE);
	b->network[0].vlan = SNAP_VLAN_NONE; /* tags are bytes again: old entries are gone */
	b->n_vlans = 0;
	for (unsigned i = 0; i < b->n_ports; i++)
		b->port[i].flags &= ~(uint32_t)SNAP_PORT_ACCESS;
	bed_apply(b);
	assert_int_equal(fdb_count(b->fdb, 2), 0);
	make(&f, MAC_OF(7), 1, 10, 20);
	bed_step(b, 1, &f);
	EXPECT_FRAME(b, 3, &f);
}

static void a_host_leg_is_in_vlan_1_and_its_mac_known_there(void **state)
{
	struct bed *b = *state;
	static struct frame f, tagged;

	bed_network(b, 1)->vlan = SNAP_VLAN_8021Q;
	bed_port(b, 1, 1);
	bed_port(b, 2, 1);
	bed_port(b, 3, 1);
	bed_leg(b, 3);
	bed_vlan(b, 1, 1, 2, 0);
	bed_apply(b);
	assert_int_equal(fdb_find(b->fdb, b->cfg, 1, 1, MAC_OF(3), b->io.now_ns), 3);
	make(&f, MAC_OF(3), 1, -1, 20);
	make(&tagged, MAC_OF(3), 1, 1, 20);
	bed_step(b, 1, &tagged);
	EXPECT_FRAME(b, 3, &f);
	make(&tagged, MAC_OF(3), 1, 2, 20);
	bed_step(b, 1, &tagged);
	for (uint16_t id = 1; id <= 3; id++)
		EXPECT_NOTHING(b, id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(drop_vlan_filter_for_a_vlan_that_the_vif_is_not_in),
		BED_TESTS(drop_vlan_no_native_for_what_is_not_tagged_on_a_trunk),
		BED_TESTS(a_flood_has_the_tag_where_it_is_wanted_and_shares_the_rest),
		BED_TESTS(super_frames_get_and_lose_tags_with_true_offsets),
		BED_TESTS(entries_belong_to_their_vlan_over_a_restart),
		BED_TESTS(a_host_leg_is_in_vlan_1_and_its_mac_known_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
