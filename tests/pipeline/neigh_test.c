/* SPDX-License-Identifier: Apache-2.0 */
/* neigh_test.c - whom a router port believes about its neighbours, and that what it hears is no loss.
 * Topology: tests/lib/routed.h; the next hop of everything is 203.0.113.1 or 2001:db8:9::1. */
#include "tests/lib/routed.h"
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"
#include "vswitch/base/netaddr.h"

#include <string.h>

#define HOP4 "203.0.113.1"
#define HOP6 "2001:db8:9::1"
#define REQUEST 1
#define REPLY 2

static struct frame F;

static void put_addr(uint8_t *at, const char *text, unsigned len)
{
	struct ipaddr a;

	assert_int_equal(ip_parse(text, &a), 0);
	memcpy(at, a.b + 16 - len, len);
}

static const uint8_t *uplink_mac(const struct bed *b)
{
	return b->cfg->router[UPLINK_NET].conf.mac;
}

/* @sender, with @mac, says or asks something about @target. */
static void arp_step(struct bed *b, uint8_t op, const uint8_t *eth_dst, const uint8_t *mac,
	const char *sender, const char *target)
{
	frame_eth(&F, eth_dst, mac);
	frame_arp(&F);
	F.bytes[14 + 7] = op;
	memcpy(F.bytes + 14 + 8, mac, 6);
	put_addr(F.bytes + 14 + 14, sender, 4);
	put_addr(F.bytes + 14 + 24, target, 4);
	bed_step(b, LAN_VIF, &F);
}

static void announce(struct bed *b, uint8_t op, const uint8_t *mac)
{
	arp_step(b, op, MAC_BCAST, mac, HOP4, HOP4);
}

/* An advertisement of HOP6 with these flags; @mac NULL: without the option. */
static void na_step(struct bed *b, uint8_t flags, const uint8_t *mac, const char *dst)
{
	uint32_t len = mac != NULL ? 32 : 24;
	uint8_t *ip, *nd;
	uint16_t sum;

	frame_eth(&F, MAC_BCAST, MAC_OF(LAN_VIF));
	memcpy(F.bytes,
		dst[0] == 'f' ? (const uint8_t[6]){ 0x33, 0x33, 0, 0, 0, 1 } : uplink_mac(b), 6);
	ip = F.bytes + F.len;
	frame_ip6(&F, 58);
	ip[7] = 255;
	put_addr(ip + 8, HOP6, 16);
	put_addr(ip + 24, dst, 16);
	nd = F.bytes + F.len;
	frame_payload(&F, len);
	memset(nd, 0, len);
	nd[0] = 136;
	nd[4] = flags;
	put_addr(nd + 8, HOP6, 16);
	if (mac != NULL) {
		nd[24] = 2;
		nd[25] = 1;
		memcpy(nd + 26, mac, 6);
	}
	frame_end(&F);
	memset(nd + 2, 0, 2);
	sum = (uint16_t)~sum_of(nd, len, sum_of(ip + 8, 32, 0) + len + 58);
	nd[2] = (uint8_t)(sum >> 8);
	nd[3] = (uint8_t)sum;
	bed_step(b, LAN_VIF, &F);
}

static struct msg_neigh_entry entry_of(struct bed *b, const char *addr)
{
	static struct msg_neigh_entry e[NEIGH_NETWORK_MAX];
	uint32_t cursor = 0, n;
	struct ipaddr a;

	assert_int_equal(ip_parse(addr, &a), 0);
	n = neigh_dump(pipeline_neigh(b->pipeline), UPLINK_NET, &cursor, b->io.now_ns, e,
		NEIGH_NETWORK_MAX);
	for (uint32_t i = 0; i < n; i++)
		if (memcmp(e[i].addr, a.b, 16) == 0)
			return e[i];
	return (struct msg_neigh_entry){ 0 };
}

static void expect_neigh(struct bed *b, const char *addr, const uint8_t *mac, uint8_t state)
{
	struct msg_neigh_entry e = entry_of(b, addr);

	assert_memory_equal(e.mac, mac, 6);
	assert_int_equal(e.state, state);
}

/* What goes out by the next hop goes to @mac. */
static void expect_hop(struct bed *b, const char *src, const char *far, const uint8_t *mac)
{
	const uint8_t *f;

	bed_clear(b);
	flow_step(b, 4, UDP(src, far, 5000, 53), 10);
	f = EXPECT_FLOW(b, LAN_VIF, UDP(src, far, 5000, 53));
	assert_memory_equal(f, mac, 6);
	bed_clear(b);
}

static void an_announced_mac_counts_at_once(void **state)
{
	struct bed *b = routed_bed(state);

	expect_hop(b, "10.0.2.14", FAR4, MAC_OF(LAN_VIF));
	announce(b, REQUEST, MAC_OF(0x61));
	expect_neigh(b, HOP4, MAC_OF(0x61), NEIGH_STALE);
	expect_hop(b, "10.0.2.14", FAR4, MAC_OF(0x61));
	announce(b, REPLY, MAC_OF(0x62));
	expect_hop(b, "10.0.2.14", FAR4, MAC_OF(0x62));
	announce(b, REPLY, MAC_OF(0x62)); /* again: nothing new */
	expect_hop(b, "10.0.2.14", FAR4, MAC_OF(0x62));
}

static void what_nobody_asked_for_makes_no_neighbour(void **state)
{
	struct bed *b = routed_bed(state);

	neigh_flush(pipeline_neigh(b->pipeline), UPLINK_NET);
	announce(b, REQUEST, MAC_OF(0x61));
	announce(b, REPLY, MAC_OF(0x61));
	arp_step(b, REPLY, uplink_mac(b), MAC_OF(0x61), HOP4, UP4);
	arp_step(b, REQUEST, MAC_BCAST, MAC_OF(0x61), HOP4, "203.0.113.77");
	na_step(b, 0x60, MAC_OF(0x61), UP6);
	na_step(b, 0x20, MAC_OF(0x61), "ff02::1");
	assert_int_equal(entry_of(b, HOP4).network_id, 0);
	assert_int_equal(entry_of(b, HOP6).network_id, 0);
	arp_step(b, REQUEST, MAC_BCAST, MAC_OF(0x61), HOP4, UP4); /* it will want an answer */
	expect_neigh(b, HOP4, MAC_OF(0x61), NEIGH_STALE);
	bed_clear(b);
}

static void of_several_answers_the_first_is_believed_for_a_second(void **state)
{
	struct bed *b = routed_bed(state);

	bed_warp(b, 2 * NS_PER_SEC);
	arp_step(b, REPLY, uplink_mac(b), MAC_OF(0x61), HOP4, UP4);
	arp_step(b, REPLY, uplink_mac(b), MAC_OF(0x62), HOP4, UP4);
	expect_neigh(b, HOP4, MAC_OF(0x61), NEIGH_REACHABLE);
	bed_warp(b, NS_PER_SEC);
	arp_step(b, REPLY, uplink_mac(b), MAC_OF(0x62), HOP4, UP4);
	expect_neigh(b, HOP4, MAC_OF(0x62), NEIGH_REACHABLE);
	bed_warp(b, NS_PER_SEC);
	arp_step(b, REQUEST, MAC_BCAST, MAC_OF(0x63), HOP4, "203.0.113.77"); /* RFC 826 */
	expect_neigh(b, HOP4, MAC_OF(0x63), NEIGH_STALE);
}

static void an_advertisement_with_override_counts_at_once(void **state)
{
	struct bed *b = routed_bed(state);

	na_step(b, 0x20, MAC_OF(0x61), "ff02::1"); /* unsolicited */
	expect_neigh(b, HOP6, MAC_OF(0x61), NEIGH_STALE);
	expect_hop(b, "fd00:2::14", FAR6, MAC_OF(0x61));
	na_step(b, 0x60, MAC_OF(0x62), UP6); /* an answer */
	expect_neigh(b, HOP6, MAC_OF(0x62), NEIGH_REACHABLE);
	expect_hop(b, "fd00:2::14", FAR6, MAC_OF(0x62));
}

static void an_advertisement_without_override_only_raises_doubt(void **state)
{
	struct bed *b = routed_bed(state);

	na_step(b, 0x40, MAC_OF(0x61), UP6);
	expect_neigh(b, HOP6, MAC_OF(LAN_VIF), NEIGH_STALE);
	na_step(b, 0x40, MAC_OF(0x61), UP6);
	expect_neigh(b, HOP6, MAC_OF(LAN_VIF), NEIGH_STALE);
	na_step(b, 0x40, MAC_OF(LAN_VIF), UP6); /* the one we know answers */
	expect_neigh(b, HOP6, MAC_OF(LAN_VIF), NEIGH_REACHABLE);
	na_step(b, 0x20, MAC_OF(LAN_VIF), "ff02::1"); /* the same again: still reachable */
	expect_neigh(b, HOP6, MAC_OF(LAN_VIF), NEIGH_REACHABLE);
}

static void advertisements_that_contradict_themselves_are_not_believed(void **state)
{
	struct bed *b = routed_bed(state);

	na_step(b, 0x60, MAC_OF(0x61), "ff02::1"); /* RFC 4861 §7.1.2: solicited, but to all */
	na_step(b, 0x60, MAC_GROUP(1), UP6);
	na_step(b, 0x20, NULL, "ff02::1");
	expect_neigh(b, HOP6, MAC_OF(LAN_VIF), NEIGH_REACHABLE);
	bed_clear(b);
}

static void what_a_router_hears_is_no_loss(void **state)
{
	struct bed *b = routed_bed(state);

	announce(b, REQUEST, MAC_OF(0x61));
	arp_step(b, REQUEST, MAC_BCAST, MAC_OF(LAN_VIF), HOP4, "203.0.113.77"); /* for another */
	na_step(b, 0x20, MAC_OF(0x61), "ff02::1");
	arp_step(b, REQUEST, MAC_BCAST, MAC_OF(LAN_VIF), HOP4, UP4); /* answered */
	frame_simple(&F, MAC_GROUP(251), MAC_OF(LAN_VIF), 40); /* of no use to it */
	bed_step(b, LAN_VIF, &F);
	assert_int_equal(bed_drops(b, LAN_VIF, DROP_NO_TX_TARGET), 0);
	assert_int_equal(vif_mem_count(b->vif[LAN_VIF]), 1);
	bed_clear(b);
	frame_simple(&F, MAC_OF(0x77), MAC_OF(LAN_VIF), 40); /* for somebody who is not here */
	bed_step(b, LAN_VIF, &F);
	assert_int_equal(bed_drops(b, LAN_VIF, DROP_NO_TX_TARGET), 1);
	frame_eth(&F, MAC_BCAST, MAC_OF(LAN_VIF)); /* tagged: the router is not in that VLAN */
	frame_vlan(&F, 0x8100, 7);
	frame_arp(&F);
	bed_step(b, LAN_VIF, &F);
	assert_int_equal(bed_drops(b, LAN_VIF, DROP_NO_TX_TARGET), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(an_announced_mac_counts_at_once),
		BED_TESTS(what_nobody_asked_for_makes_no_neighbour),
		BED_TESTS(of_several_answers_the_first_is_believed_for_a_second),
		BED_TESTS(an_advertisement_with_override_counts_at_once),
		BED_TESTS(an_advertisement_without_override_only_raises_doubt),
		BED_TESTS(advertisements_that_contradict_themselves_are_not_believed),
		BED_TESTS(what_a_router_hears_is_no_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
