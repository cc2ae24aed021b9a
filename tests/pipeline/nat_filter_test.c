/* SPDX-License-Identifier: Apache-2.0 */
/* nat_filter_test.c - who outside reaches a port that a guest has been given (RFC 4787 §5).
 * Topology: tests/lib/routed.h. */
#include "tests/lib/routed.h"
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"

#define G1 "10.0.1.11"
#define G2 "10.0.1.12"
#define STRANGER "198.51.100.8"
#define SYN 0x02
#define ACK 0x10

static struct bed *open_bed(void **state)
{
	struct bed *b = routed_bed(state);

	b->router[0].flags |= SNAP_ROUTER_OPEN_PORTS;
	bed_apply(b);
	return b;
}

static void expect_refused(struct bed *b, unsigned n)
{
	assert_int_equal(bed_drops(b, LAN_VIF, DROP_NO_SOCKET), n);
	b->io.vif_counters[LAN_VIF].drops[DROP_NO_SOCKET] = 0;
	EXPECT_NOTHING(b, 1);
	EXPECT_NOTHING(b, 2);
	bed_clear(b);
}

static void by_default_only_who_was_spoken_to_gets_in(void **state)
{
	struct bed *b = routed_bed(state);

	flow_step(b, 1, UDP(G1, FAR4, 5000, 53), 10);
	EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, 5000, 53));
	flow_step(b, LAN_VIF, UDP(STRANGER, UP4, 7, 5000), 10); /* another host */
	flow_step(b, LAN_VIF, UDP(FAR4, UP4, 54, 5000), 10); /* another port */
	expect_refused(b, 2);
	flow_step(b, LAN_VIF, UDP(FAR4, UP4, 53, 5000), 10);
	EXPECT_FLOW(b, 1, UDP(FAR4, G1, 53, 5000));
}

static void independent_of_endpoints_everybody_reaches_the_port(void **state)
{
	struct bed *b = open_bed(state);

	flow_step(b, LAN_VIF, UDP(STRANGER, UP4, 7, 5000), 10);
	expect_refused(b, 1); /* nobody has it yet */
	flow_step(b, 1, UDP(G1, FAR4, 5000, 53), 10);
	EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, 5000, 53));
	flow_step(b, LAN_VIF, UDP(STRANGER, UP4, 7, 5000), 10);
	EXPECT_FLOW(b, 1, UDP(STRANGER, G1, 7, 5000));
	flow_step(b, 1, UDP(G1, STRANGER, 5000, 7), 10);
	EXPECT_FLOW(b, LAN_VIF, UDP(UP4, STRANGER, 5000, 7));
	flow_step(b, LAN_VIF, UDP(STRANGER, UP4, 7, 5001), 10);
	flow_step(b, LAN_VIF, TCP(STRANGER, UP4, 7, 5000, SYN), 0); /* that is another port */
	expect_refused(b, 2);
}

static void a_port_is_one_guests_alone(void **state)
{
	struct bed *b = open_bed(state);
	uint16_t port;

	flow_step(b, 1, UDP(G1, FAR4, 5000, 53), 10);
	EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, 5000, 53));
	flow_step(b, 2, UDP(G2, STRANGER, 5000, 53), 10); /* whose tuple would be free */
	EXPECT_FLOW(b, LAN_VIF, UDP(UP4, STRANGER, 0, 0));
	port = seen_sport();
	assert_int_not_equal(port, 5000);
	flow_step(b, LAN_VIF, UDP(STRANGER, UP4, 9, port), 10);
	EXPECT_FLOW(b, 2, UDP(STRANGER, G2, 9, 5000));
	flow_step(b, LAN_VIF, UDP(STRANGER, UP4, 9, 5000), 10);
	EXPECT_FLOW(b, 1, UDP(STRANGER, G1, 9, 5000));
}

static void tcp_strangers_begin_with_a_syn(void **state)
{
	struct bed *b = open_bed(state);

	flow_step(b, 1, TCP(G1, FAR4, 5000, 80, SYN), 0);
	EXPECT_FLOW(b, LAN_VIF, TCP(UP4, FAR4, 5000, 80, SYN));
	flow_step(b, LAN_VIF, TCP(STRANGER, UP4, 7, 5000, ACK), 0);
	expect_refused(b, 1);
	flow_step(b, LAN_VIF, TCP(STRANGER, UP4, 7, 5000, SYN), 0);
	EXPECT_FLOW(b, 1, TCP(STRANGER, G1, 7, 5000, SYN));
	flow_step(b, 1, TCP(G1, STRANGER, 5000, 7, SYN | ACK), 0);
	EXPECT_FLOW(b, LAN_VIF, TCP(UP4, STRANGER, 5000, 7, SYN | ACK));
}

static void siblings_reach_it_by_hairpin(void **state)
{
	struct bed *b = open_bed(state);
	uint16_t port;

	flow_step(b, 1, UDP(G1, FAR4, 5000, 53), 10);
	bed_clear(b);
	flow_step(b, 2, UDP(G2, UP4, 6000, 5000), 10);
	EXPECT_FLOW(b, 1, UDP(UP4, G1, 0, 5000)); /* by its outer address: RFC 4787 REQ-9 */
	port = seen_sport();
	flow_step(b, 1, UDP(G1, UP4, 5000, port), 10);
	EXPECT_FLOW(b, 2, UDP(UP4, G2, 5000, 6000));
}

static void silence(struct bed *b, unsigned seconds)
{
	bed_warp(b, seconds * NS_PER_SEC);
	for (unsigned i = 0; i < 4; i++) {
		bed_tick(b);
		bed_warp(b, NS_PER_MS);
	}
	bed_clear(b);
}

static void a_port_stays_while_anybody_speaks_by_it(void **state)
{
	struct bed *b = open_bed(state);

	flow_step(b, 1, UDP(G1, FAR4, 5000, 53), 10);
	flow_step(b, LAN_VIF, UDP(STRANGER, UP4, 7, 5000), 10);
	flow_step(b, 1, UDP(G1, STRANGER, 5000, 7), 10);
	silence(b, 60); /* what the guest began is over, what the stranger did is not */
	flow_step(b, LAN_VIF, UDP("198.51.100.9", UP4, 8, 5000), 10);
	EXPECT_FLOW(b, 1, UDP("198.51.100.9", G1, 8, 5000));
	silence(b, 121);
	flow_step(b, LAN_VIF, UDP(STRANGER, UP4, 7, 5000), 10);
	expect_refused(b, 1);
	assert_int_equal(b->ct->tab.n_live, 0);
}

static void strangers_are_out_when_it_is_taken_back(void **state)
{
	struct bed *b = open_bed(state);

	flow_step(b, 1, UDP(G1, FAR4, 5000, 53), 10);
	flow_step(b, LAN_VIF, UDP(STRANGER, UP4, 7, 5000), 10);
	bed_clear(b);
	b->router[0].flags = SNAP_ROUTER_NAT4;
	bed_apply(b);
	flow_step(b, LAN_VIF, UDP(STRANGER, UP4, 7, 5000), 10);
	expect_refused(b, 1);
	flow_step(b, LAN_VIF, UDP(FAR4, UP4, 53, 5000), 10);
	EXPECT_FLOW(b, 1, UDP(FAR4, G1, 53, 5000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(by_default_only_who_was_spoken_to_gets_in),
		BED_TESTS(independent_of_endpoints_everybody_reaches_the_port),
		BED_TESTS(a_port_is_one_guests_alone),
		BED_TESTS(tcp_strangers_begin_with_a_syn),
		BED_TESTS(siblings_reach_it_by_hairpin),
		BED_TESTS(a_port_stays_while_anybody_speaks_by_it),
		BED_TESTS(strangers_are_out_when_it_is_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
