/* SPDX-License-Identifier: Apache-2.0 */
/* uplink_test.c - vifs that lead out of the host.
 *
 *      v1   v2 (guests)   v3 (uplink)   v4 (uplink, stands by)
 *       \    |             |            /
 *        +---+------n1-----+-----------+
 */
#include "tests/lib/bed.h"
#include "tests/lib/unit.h"

#include <stdlib.h>
#include <string.h>

static struct frame F;

static void stand_by(struct snap_port *p)
{
	p->flags &= ~(uint32_t)(SNAP_PORT_UP | SNAP_PORT_HEARS);
	p->flags |= SNAP_PORT_STANDBY;
}

static void use(struct snap_port *p)
{
	p->flags &= ~(uint32_t)SNAP_PORT_STANDBY;
	p->flags |= SNAP_PORT_UP | SNAP_PORT_HEARS;
}

static struct bed *four(void **state)
{
	struct bed *b = *state;

	bed_network(b, 1);
	for (uint16_t id = 1; id <= 4; id++)
		bed_port(b, id, 1);
	b->port[2].flags |= SNAP_PORT_UPLINK;
	b->port[3].flags |= SNAP_PORT_UPLINK;
	stand_by(&b->port[3]);
	bed_apply(b);
	return b;
}

static void hello(struct bed *b, uint16_t vif_id, unsigned mac)
{
	frame_simple(&F, MAC_BCAST, MAC_OF(mac), 20);
	bed_step(b, vif_id, &F);
	bed_clear(b);
}

static void an_uplink_that_stands_by_is_neither_heard_nor_sent_to(void **state)
{
	struct bed *b = four(state);

	frame_simple(&F, MAC_BCAST, MAC_OF(1), 20);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_FRAME(b, 3, &F);
	EXPECT_NOTHING(b, 4);
	frame_simple(&F, MAC_BCAST, MAC_OF(9), 20);
	bed_step(b, 4, &F);
	for (uint16_t id = 1; id <= 4; id++)
		EXPECT_NOTHING(b, id);
	assert_int_equal(bed_drops(b, 4, DROP_UPLINK_STANDBY), 1);
}

/* Station 9 outside is reached by the other uplink, from the first frame on. */
static void after_a_change_the_other_uplink_is_used(void **state)
{
	struct bed *b = four(state);

	hello(b, 3, 9);
	hello(b, 1, 1);
	frame_simple(&F, MAC_OF(9), MAC_OF(1), 60);
	for (unsigned i = 0; i < 3; i++) {
		bed_step(b, 1, &F);
		EXPECT_FRAME(b, 3, &F);
		EXPECT_NOTHING(b, 4);
	}
	stand_by(&b->port[2]);
	use(&b->port[3]);
	bed_apply(b);
	for (unsigned i = 0; i < 3; i++) {
		bed_step(b, 1, &F);
		EXPECT_NOTHING(b, 3);
		EXPECT_FRAME(b, 4, &F);
		bed_clear(b); /* flooded until station 9 has spoken */
	}
	frame_simple(&F, MAC_OF(1), MAC_OF(9), 60);
	bed_step(b, 4, &F);
	EXPECT_FRAME(b, 1, &F);
	bed_step(b, 3, &F); /* late, by the other way */
	EXPECT_NOTHING(b, 1);
	frame_simple(&F, MAC_OF(9), MAC_OF(1), 60);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 4, &F);
	EXPECT_NOTHING(b, 2);
}

static void what_guests_say_to_bridges_does_not_leak_to_uplinks(void **state)
{
	struct bed *b = four(state);

	b->network[0].group_fwd_hi = 0x40; /* 0E: LLDP goes to other guests */
	bed_apply(b);
	frame_simple(&F, MAC_LINK_LOCAL(0), MAC_OF(1), 60);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_NOTHING(b, 3);
	frame_simple(&F, MAC_LINK_LOCAL(14), MAC_OF(1), 60);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_NOTHING(b, 3);
	bed_step(b, 3, &F); /* from outside it comes in as ever */
	EXPECT_FRAME(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	frame_simple(&F, MAC_LINK_LOCAL(16), MAC_OF(1), 60);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 3, &F);
	bed_clear(b);
	b->port[1].flags &= ~(uint32_t)SNAP_PORT_UP;
	bed_apply(b);
	frame_simple(&F, MAC_LINK_LOCAL(0), MAC_OF(1), 60);
	bed_step(b, 1, &F);
	EXPECT_NOTHING(b, 3);
	assert_int_equal(bed_drops(b, 1, DROP_NO_TX_TARGET), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(an_uplink_that_stands_by_is_neither_heard_nor_sent_to),
		BED_TESTS(after_a_change_the_other_uplink_is_used),
		BED_TESTS(what_guests_say_to_bridges_does_not_leak_to_uplinks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
