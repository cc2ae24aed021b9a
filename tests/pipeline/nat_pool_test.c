/* SPDX-License-Identifier: Apache-2.0 */
/* nat_pool_test.c - which addresses and ports translated connections get, and forwards of ranges.
 * Topology: tests/lib/routed.h. */
#include "bridge/nat.h"
#include "tests/lib/routed.h"
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"
#include "vswitch/base/netaddr.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define G1 "10.0.1.11"
#define G2 "10.0.1.12"

static struct frame F;

static void expect_dropped(struct bed *b, uint16_t vif_id, enum drop_reason reason, uint64_t n)
{
	assert_int_equal(bed_drops(b, vif_id, reason), n);
	b->io.vif_counters[vif_id].drops[reason] = 0;
}

/* The source of the oldest frame that went out, and its port; that frame is gone. */
static void take_source(struct bed *b, char src[IP_STR_LEN], uint16_t *port)
{
	struct ipaddr a = { { [10] = 0xff, [11] = 0xff } };
	struct mem_frame f;

	assert_true(vif_mem_take(b->vif[LAN_VIF], &f));
	assert_null(frame_fault(f.bytes, f.len, false));
	memcpy(a.b + 12, f.bytes + 26, 4);
	ip_print(&a, src);
	*port = (uint16_t)(f.bytes[34] << 8 | f.bytes[35]);
	free(f.bytes);
}

static void add_pool(struct bed *b, const char *first, uint16_t count)
{
	struct snap_addr *a = &b->addr[b->n_addrs];

	bed_addr(b, 1, first); /* with /32 */
	a->kind = SNAP_ADDR_POOL;
	a->count = count;
	a->len = 0;
	bed_apply(b);
}

static void a_range_of_ports_leads_to_as_many_of_the_guest(void **state)
{
	struct bed *b = *state;

	bed_forward(b, UPLINK_NET, 17, 8000, (struct forward_to){ 1, G1, 9000 })->listen_last
		= htobe16(8009);
	bed_forward(b, UPLINK_NET, 17, 8010, (struct forward_to){ 1, G2, 80 });
	bed_forward(b, UPLINK_NET, 17, 8000, (struct forward_to){ 1, "fd00:1::11", 7000 })
		->listen_last
		= htobe16(8001);
	b = routed_bed(state);
	for (uint16_t i = 0; i < 10; i++) {
		flow_step(b, LAN_VIF, UDP(FAR4, UP4, 555, (uint16_t)(8000 + i)), 10);
		EXPECT_FLOW(b, 1, UDP(FAR4, G1, 555, (uint16_t)(9000 + i)));
		flow_step(b, 1, UDP(G1, FAR4, (uint16_t)(9000 + i), 555), 10);
		EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, (uint16_t)(8000 + i), 555));
	}
	flow_step(b, LAN_VIF, UDP(FAR4, UP4, 555, 8010), 10);
	EXPECT_FLOW(b, 2, UDP(FAR4, G2, 555, 80));
	flow_step(b, LAN_VIF, UDP(FAR6, UP6, 555, 8001), 10);
	EXPECT_FLOW(b, 1, UDP(FAR6, "fd00:1::11", 555, 7001));
	flow_step(b, LAN_VIF, UDP(FAR4, UP4, 555, 7999), 10);
	flow_step(b, LAN_VIF, UDP(FAR4, UP4, 555, 8011), 10);
	flow_step(b, LAN_VIF, UDP(FAR6, UP6, 555, 8002), 10);
	expect_dropped(b, LAN_VIF, DROP_NO_SOCKET, 3);
	/* shorter now: what was led by the end of it is over */
	b->forward[0].listen_last = htobe16(8004);
	bed_apply(b);
	flow_step(b, 1, UDP(G1, FAR4, 9004, 555), 10);
	bed_clear(b);
	assert_int_equal(ct_count(b->ct, LAN_VIF), 5 + 2);
}

static void guests_keep_their_address_of_a_pool(void **state)
{
	struct bed *b = routed_bed(state);
	char first[IP_STR_LEN], src[IP_STR_LEN];
	bool is_used[4] = { false };
	uint16_t port;

	add_pool(b, "203.0.113.20/32", 4);
	for (unsigned guest = 20; guest < 60; guest++) {
		char addr[32];

		snprintf(addr, sizeof(addr), "10.0.1.%u", guest);
		for (uint16_t i = 0; i < 5; i++) {
			flow_step(b, 1,
				UDP(addr, FAR4, (uint16_t)(guest * 10 + 5000 + i),
					(uint16_t)(53 + i)),
				9);
			take_source(b, i == 0 ? first : src, &port);
			assert_int_equal(port, guest * 10 + 5000 + i);
			if (i > 0)
				assert_string_equal(first, src);
		}
		flow_step(b, LAN_VIF, UDP(FAR4, first, 53, (uint16_t)(guest * 10 + 5000)), 9);
		is_used[(first[strlen(first) - 1] - '0') % 4] = true;
		bed_clear(b);
	}
	assert_true(is_used[0] && is_used[1] && is_used[2] && is_used[3]);
	expect_dropped(b, LAN_VIF, DROP_NO_SOCKET, 0);
}

static void addresses_of_a_pool_answer_arp(void **state)
{
	struct bed *b = routed_bed(state);
	const uint8_t *mac = b->cfg->router[UPLINK_NET].conf.mac;
	struct mem_frame f;

	add_pool(b, "203.0.113.20/32", 4);
	for (unsigned last = 19; last <= 24; last++) {
		bool is_ours = last >= 20 && last < 24;

		frame_eth(&F, MAC_BCAST, MAC_OF(LAN_VIF));
		frame_arp(&F);
		memcpy(F.bytes + 14 + 8, MAC_OF(LAN_VIF), 6);
		memcpy(F.bytes + 14 + 14, (const uint8_t[]){ 203, 0, 113, 1 }, 4);
		memcpy(F.bytes + 14 + 24, (const uint8_t[]){ 203, 0, 113, (uint8_t)last }, 4);
		bed_step(b, LAN_VIF, &F);
		assert_int_equal(vif_mem_take(b->vif[LAN_VIF], &f), is_ours);
		if (!is_ours)
			continue;
		assert_memory_equal(f.bytes + 14 + 8, mac, 6);
		free(f.bytes);
	}
	flow_step(b, LAN_VIF, PING(FAR4, "203.0.113.21", 5), 10);
	assert_int_equal(vif_mem_count(b->vif[LAN_VIF]), 1);
	bed_clear(b);
}

static void when_an_address_of_the_pool_has_no_port_the_next_one_has(void **state)
{
	struct bed *b = routed_bed(state);
	char src[2][IP_STR_LEN];
	uint16_t port;

	b->router[0].port_min = 6000;
	b->router[0].port_max = 6003;
	add_pool(b, "203.0.113.20/32", 2);
	for (unsigned i = 0; i < 8; i++) {
		flow_step(b, 1, UDP(G1, FAR4, (uint16_t)(100 + i), 53), 10);
		take_source(b, src[i / 4], &port);
		assert_in_range(port, 6000, 6003);
	}
	assert_string_not_equal(src[0], src[1]);
	flow_step(b, 1, UDP(G1, FAR4, 99, 53), 10);
	expect_dropped(b, 1, DROP_NAT_NO_PORT, 1);
}

/* Security: who opens as many flows as there are ports gets its share, and others get theirs. */
static void a_tenant_holds_2048_ports_and_others_find_some(void **state)
{
	struct bed *b = routed_bed(state);
	char src[IP_STR_LEN];
	struct ct_tuple own = { .network_id = UPLINK_NET, .proto = 17 };
	uint16_t port;

	b->network[0].profile = PROFILE_TENANT;
	bed_apply(b);
	memcpy(own.dst, b->cfg->router[UPLINK_NET].own[0].addr, 16);
	for (unsigned i = 0; i < 4000; i++) { /* the segment of the bed has room for 3,000 */
		flow_step(b, 1, UDP(G1, FAR4, (uint16_t)(1024 + i), 53), 10);
		bed_clear(b);
		assert_true(ct_ports_held(b->ct->ports, &own, 1) <= CT_VIF_PORTS_MAX);
	}
	assert_true(bed_drops(b, 1, DROP_NAT_NO_PORT) > 1000);
	assert_int_equal(ct_ports_held(b->ct->ports, &own, 1), CT_VIF_PORTS_MAX);
	flow_step(b, 2, UDP(G2, FAR4, 2000, 53), 10);
	take_source(b, src, &port);
	assert_true(port >= 1024 && port != 2000);
	/* A port that it has leads it to somebody else, too. */
	flow_step(b, 1, UDP(G1, "198.51.100.8", 60000, 53), 10);
	take_source(b, src, &port);
	assert_int_equal(ct_ports_held(b->ct->ports, &own, 1), CT_VIF_PORTS_MAX);
}

/* RFC 4787 REQ-1: one source is one port outside, whomever it speaks to. */
static void a_source_keeps_the_port_it_was_given(void **state)
{
	struct bed *b = routed_bed(state);
	char src[IP_STR_LEN];
	uint16_t given, port;

	flow_step(b, 1, UDP(G1, FAR4, 5000, 53), 10);
	flow_step(b, 2, UDP(G2, FAR4, 5000, 53), 10);
	bed_clear(b);
	flow_step(b, 2, UDP(G2, "198.51.100.8", 5000, 53), 10);
	take_source(b, src, &given);
	assert_int_not_equal(given, 5000);
	for (uint16_t i = 0; i < 10; i++) {
		flow_step(b, 2, UDP(G2, "198.51.100.9", 5000, (uint16_t)(60 + i)), 10);
		take_source(b, src, &port);
		assert_int_equal(port, given);
	}
	bed_restart(b);
	routed_neighbours(b);
	flow_step(b, 2, UDP(G2, "198.51.100.10", 5000, 60), 10);
	take_source(b, src, &port);
	assert_int_equal(port, given);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The bookkeeping alone: free ones are found, none twice, and given back; how long a search of a
 * table with 95 of 100 taken lasts is printed, for tests/bench. */
static void ports_are_found_when_few_are_left(void **)
{
	static uint64_t took[2000];
	struct ct_ports *p = ct_ports_create();
	struct ct_tuple reply = { .network_id = 9, .proto = 6 }, orig = { .network_id = 1 };
	struct ct_ports_want want = {
		.reply = &reply, .vif_id = 1, .first = 1024, .last = 65535, .limit = UINT32_MAX
	};
	uint32_t n = (65536 - 1024) / 100 * 95, random = 1;

	for (uint32_t i = 0; i < n; i++) {
		random = random * 1664525 + 1013904223;
		want.random = random >> 8;
		reply.dport = htobe16(ct_ports_free(p, &want));
		assert_true(be16toh(reply.dport) >= 1024);
		ct_ports_take(p, &orig, &reply, (uint16_t)(i % 5 + 1));
	}
	assert_int_equal(ct_ports_held(p, &reply, 1), n / 5);
	for (unsigned i = 0; i < ARRAY_LEN(took); i++) {
		uint64_t from;

		random = random * 1664525 + 1013904223;
		want.random = random >> 8;
		from = now();
		reply.dport = htobe16(ct_ports_free(p, &want));
		took[i] = now() - from;
		assert_int_not_equal(reply.dport, 0);
	}
	qsort(took, ARRAY_LEN(took), sizeof(took[0]), compare);
	print_message("95 %% of the ports taken: p50 %u ns, p99 %u ns\n",
		(unsigned)took[ARRAY_LEN(took) / 2], (unsigned)took[ARRAY_LEN(took) * 99 / 100]);
	for (uint32_t i = n; (reply.dport = htobe16(ct_ports_free(p, &want))) != 0; i++)
		ct_ports_take(p, &orig, &reply, 7);
	assert_int_equal(ct_ports_held(p, &reply, 7), 65536 - 1024 - n);
	want.vif_id = 7;
	reply.dport = htobe16(ct_ports_own(p, &want));
	ct_ports_give(p, &orig, &reply);
	assert_int_equal(ct_ports_held(p, &reply, 7), 65536 - 1024 - n - 1);
	assert_int_equal(htobe16(ct_ports_free(p, &want)), reply.dport);
	want.limit = 10;
	assert_int_equal(ct_ports_free(p, &want), 0);
	ct_ports_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(a_range_of_ports_leads_to_as_many_of_the_guest),
		BED_TESTS(guests_keep_their_address_of_a_pool),
		BED_TESTS(addresses_of_a_pool_answer_arp),
		BED_TESTS(when_an_address_of_the_pool_has_no_port_the_next_one_has),
		BED_TESTS(a_source_keeps_the_port_it_was_given),
		BED_TESTS(a_tenant_holds_2048_ports_and_others_find_some),
		cmocka_unit_test(ports_are_found_when_few_are_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
