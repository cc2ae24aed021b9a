/* SPDX-License-Identifier: Apache-2.0 */
/* nat_test.c - connections and their translation: what is seen outside, and what comes back.
 * Topology: tests/lib/routed.h. */
#include "bridge/nat.h"
#include "tests/lib/routed.h"
#include "tests/lib/unit.h"
#include "vif/pkt_parse.h"
#include "vswitch/base/clock.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define G1 "10.0.1.11"
#define G2 "10.0.1.12"
#define SYN 0x02
#define ACK 0x10
#define SYNACK 0x12
#define FIN 0x11
#define RST 0x04

static struct frame F;

static void expect_dropped(struct bed *b, uint16_t vif_id, enum drop_reason reason)
{
	assert_int_equal(bed_drops(b, vif_id, reason), 1);
	b->io.vif_counters[vif_id].drops[reason] = 0;
}

static void put32(uint8_t *at, uint32_t v)
{
	v = htobe32(v);
	memcpy(at, &v, 4);
}

static void tcp_step(struct bed *b, uint16_t vif_id, struct flow flow, uint32_t seq, uint32_t ack)
{
	flow_frame(&F, b, vif_id, flow, 0);
	put32(F.bytes + 34 + 4, seq);
	put32(F.bytes + 34 + 8, ack);
	frame_end(&F);
	bed_step(b, vif_id, &F);
}

/* The oldest frame that went out, whatever it is; good until the next call. */
static const uint8_t *take_out(struct bed *b)
{
	static uint8_t bytes[2048];
	struct mem_frame f;

	assert_true(vif_mem_take(b->vif[LAN_VIF], &f));
	assert_true(f.len <= sizeof(bytes));
	memcpy(bytes, f.bytes, f.len);
	free(f.bytes);
	return bytes;
}

static uint8_t state_of(struct bed *b)
{
	static struct msg_ct_entry e[2];
	struct ct_dump at = { .now_ns = b->io.now_ns };

	return ct_dump(b->ct, &at, e, 2) == 1 ? e[0].state : 0;
}

static void udp_goes_out_with_the_uplinks_address_and_comes_back(void **state)
{
	struct bed *b = routed_bed(state);

	flow_step(b, 1, UDP(G1, FAR4, 5000, 53), 100);
	EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, 5000, 53));
	flow_step(b, LAN_VIF, UDP(FAR4, UP4, 53, 5000), 200);
	EXPECT_FLOW(b, 1, UDP(FAR4, G1, 53, 5000));
	assert_int_equal(state_of(b), CT_REPLIED);
	flow_step(b, LAN_VIF, UDP("198.51.100.8", UP4, 53, 5000), 200); /* somebody else */
	expect_dropped(b, LAN_VIF, DROP_NO_SOCKET);
	EXPECT_NOTHING(b, 1);
}

static void a_taken_source_port_is_replaced_by_another(void **state)
{
	struct bed *b = routed_bed(state);
	uint16_t port;

	flow_step(b, 1, UDP(G1, FAR4, 5000, 53), 10);
	EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, 5000, 53));
	flow_step(b, 2, UDP(G2, FAR4, 5000, 53), 10);
	EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, 0, 53));
	port = seen_sport();
	assert_true(port >= 1024 && port != 5000);
	flow_step(b, LAN_VIF, UDP(FAR4, UP4, 53, port), 10);
	EXPECT_FLOW(b, 2, UDP(FAR4, G2, 53, 5000));
	flow_step(b, LAN_VIF, UDP(FAR4, UP4, 53, 5000), 10);
	EXPECT_FLOW(b, 1, UDP(FAR4, G1, 53, 5000));
}

static void guests_never_get_a_privileged_port(void **state)
{
	struct bed *b = routed_bed(state);

	flow_step(b, 1, UDP(G1, FAR4, 1023, 2049), 10);
	EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, 0, 2049));
	assert_true(seen_sport() >= 1024);
}

static void drop_nat_no_port_when_the_range_is_used_up(void **state)
{
	struct bed *b = routed_bed(state);

	b->router[0].port_min = 6000;
	b->router[0].port_max = 6003;
	bed_apply(b);
	for (unsigned i = 0; i < 4; i++) {
		flow_step(b, 1, UDP(G1, FAR4, (uint16_t)(100 + i), 53), 10);
		EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, 0, 53));
		assert_in_range(seen_sport(), 6000, 6003);
	}
	flow_step(b, 1, UDP(G1, FAR4, 200, 53), 10);
	expect_dropped(b, 1, DROP_NAT_NO_PORT);
	EXPECT_NOTHING(b, LAN_VIF);
	flow_step(b, 1, UDP(G1, FAR4, 200, 54), 10); /* another destination: all are free */
	EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, 0, 54));
}

static void echo_is_translated_by_its_id(void **state)
{
	struct bed *b = routed_bed(state);
	uint16_t id;

	flow_step(b, 1, PING(G1, FAR4, 7), 56);
	EXPECT_FLOW(b, LAN_VIF, PING(UP4, FAR4, 7));
	flow_step(b, 2, PING(G2, FAR4, 7), 56);
	EXPECT_FLOW(b, LAN_VIF, PING(UP4, FAR4, 0));
	id = seen_sport();
	assert_int_not_equal(id, 7);
	flow_frame(&F, b, LAN_VIF, PING(FAR4, UP4, id), 56);
	flow_echo_reply(&F);
	bed_step(b, LAN_VIF, &F);
	EXPECT_FLOW(b, 2, PING(FAR4, G2, 7));
	flow_frame(&F, b, 1, PING(G1, FAR4, 9), 56);
	flow_echo_reply(&F); /* that nobody asked for */
	bed_step(b, 1, &F);
	expect_dropped(b, 1, DROP_CT_INVALID);
	EXPECT_NOTHING(b, LAN_VIF);
}

static void ipv6_is_masqueraded_when_told(void **state)
{
	struct bed *b = routed_bed(state);

	b->router[0].flags |= SNAP_ROUTER_NAT6;
	bed_apply(b);
	flow_step(b, 1, UDP("fd00:1::11", FAR6, 5000, 53), 100);
	EXPECT_FLOW(b, LAN_VIF, UDP(UP6, FAR6, 5000, 53));
	flow_step(b, LAN_VIF, UDP(FAR6, UP6, 53, 5000), 100);
	EXPECT_FLOW(b, 1, UDP(FAR6, "fd00:1::11", 53, 5000));
	flow_step(b, 1, TCP("fd00:1::11", FAR6, 5000, 80, SYN), 0);
	EXPECT_FLOW(b, LAN_VIF, TCP(UP6, FAR6, 5000, 80, 0));
	flow_step(b, 1, PING("fd00:1::11", FAR6, 3), 56);
	EXPECT_FLOW(b, LAN_VIF, PING(UP6, FAR6, 3));
	flow_step(b, LAN_VIF, UDP(FAR6, "fd00:1::11", 99, 98), 100);
	EXPECT_ICMP(b, LAN_VIF, UP6, 1, 4);
	EXPECT_NOTHING(b, 1);
}

static void tcp_follows_its_states(void **state)
{
	struct bed *b = routed_bed(state);

	tcp_step(b, 1, TCP(G1, FAR4, 5000, 80, SYN), 100, 0);
	assert_int_equal(state_of(b), CT_TCP_SYN_SENT);
	tcp_step(b, LAN_VIF, TCP(FAR4, UP4, 80, 5000, SYNACK), 900, 101);
	assert_int_equal(state_of(b), CT_TCP_SYN_RECV);
	tcp_step(b, 1, TCP(G1, FAR4, 5000, 80, ACK), 101, 901);
	assert_int_equal(state_of(b), CT_TCP_ESTABLISHED);
	bed_warp(b, UINT64_C(431000) * NS_PER_SEC);
	tcp_step(b, 1, TCP(G1, FAR4, 5000, 80, FIN), 101, 901);
	assert_int_equal(state_of(b), CT_TCP_FIN_WAIT);
	tcp_step(b, LAN_VIF, TCP(FAR4, UP4, 80, 5000, FIN), 901, 102);
	assert_int_equal(state_of(b), CT_TCP_LAST_ACK);
	tcp_step(b, 1, TCP(G1, FAR4, 5000, 80, ACK), 102, 902);
	assert_int_equal(state_of(b), CT_TCP_TIME_WAIT);
	tcp_step(b, 1, TCP(G1, FAR4, 5000, 80, SYN), 70000, 0); /* the port again */
	assert_int_equal(state_of(b), CT_TCP_SYN_SENT);
	bed_warp(b, 121 * NS_PER_SEC);
	bed_tick(b);
	assert_int_equal(state_of(b), 0);
}

static void only_an_exact_reset_ends_a_connection(void **state)
{
	struct bed *b = routed_bed(state);

	tcp_step(b, 1, TCP(G1, FAR4, 5000, 80, SYN), 100, 0);
	tcp_step(b, LAN_VIF, TCP(FAR4, UP4, 80, 5000, SYNACK), 900, 101);
	tcp_step(b, 1, TCP(G1, FAR4, 5000, 80, ACK), 101, 901);
	tcp_step(b, LAN_VIF, TCP(FAR4, UP4, 80, 5000, RST), 905, 0);
	assert_int_equal(state_of(b), CT_TCP_ESTABLISHED);
	tcp_step(b, LAN_VIF, TCP(FAR4, UP4, 80, 5000, RST), 901, 0);
	assert_int_equal(state_of(b), CT_TCP_CLOSED);
	bed_warp(b, 11 * NS_PER_SEC);
	bed_clear(b);
	tcp_step(b, LAN_VIF, TCP(FAR4, UP4, 80, 5000, ACK), 901, 0);
	EXPECT_NOTHING(b, 1);
}

static void tenants_begin_tcp_with_syn_only(void **state)
{
	struct bed *b = routed_bed(state);

	flow_step(b, 1, TCP(G1, FAR4, 5000, 80, ACK), 0); /* plain: taken up in the middle */
	EXPECT_FLOW(b, LAN_VIF, TCP(UP4, FAR4, 5000, 80, 0));
	b->network[0].profile = PROFILE_TENANT;
	bed_apply(b);
	flow_step(b, 1, TCP(G1, FAR4, 5001, 80, ACK), 0);
	expect_dropped(b, 1, DROP_CT_INVALID);
	flow_step(b, 1, TCP(G1, FAR4, 5001, 80, SYN), 0);
	EXPECT_FLOW(b, LAN_VIF, TCP(UP4, FAR4, 5001, 80, 0));
}

static void super_frames_are_translated_whole(void **state)
{
	struct bed *b = routed_bed(state);

	flow_frame(&F, b, 1, TCP(G1, FAR4, 500, 80, ACK), 60000);
	frame_gso(&F, PKT_GSO_TCP4, 1448);
	bed_step(b, 1, &F);
	EXPECT_FLOW(b, LAN_VIF, TCP(UP4, FAR4, 0, 80, 0));
	assert_int_equal(seen_offload()->gso_size, 1448);
	assert_int_equal(seen_len(), F.len);
	vif_mem_set_plain(b->vif[LAN_VIF], true); /* segmented on the way out */
	bed_step(b, 1, &F);
	for (unsigned i = 0; i < 60000 / 1448; i++)
		EXPECT_FLOW(b, LAN_VIF, TCP(UP4, FAR4, 0, 80, 0));
}

static void partial_checksums_stay_partial_and_right(void **state)
{
	struct bed *b = routed_bed(state);

	flow_frame(&F, b, 1, UDP(G1, FAR4, 500, 53), 333);
	frame_partial(&F);
	bed_step(b, 1, &F);
	EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, 0, 53));
	assert_true(seen_offload()->flags & PKT_CSUM_PARTIAL);
	vif_mem_set_plain(b->vif[LAN_VIF], true);
	bed_step(b, 1, &F);
	EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, 0, 53));
	assert_false(seen_offload()->flags & PKT_CSUM_PARTIAL);
}

static void a_udp_checksum_of_zero_stays_zero(void **state)
{
	struct bed *b = routed_bed(state);
	struct mem_frame got;

	flow_frame(&F, b, 1, UDP(G1, FAR4, 500, 53), 333);
	memset(F.bytes + 40, 0, 2);
	bed_step(b, 1, &F);
	assert_true(vif_mem_take(b->vif[LAN_VIF], &got));
	assert_int_equal(got.bytes[40] | got.bytes[41], 0);
	free(got.bytes);
}

static void related_errors_are_translated_inside(void **state)
{
	struct bed *b = routed_bed(state);
	uint8_t quote[128];
	const uint8_t *f;

	flow_step(b, 1, UDP(G1, FAR4, 500, 53), 60);
	memcpy(quote, EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, 0, 53)) + 14, 48);
	error_frame(&F, b, LAN_VIF, (struct icmp_error_of){ "192.0.2.1", UP4, 11, 0 }, quote, 48);
	bed_step(b, LAN_VIF, &F);
	f = EXPECT_ICMP(b, 1, "192.0.2.1", 11, 0); /* the router on the way keeps its address */
	assert_memory_equal(f + 42 + 12, ((const uint8_t[]){ 10, 0, 1, 11 }), 4);
	assert_int_equal(f[42 + 20] * 256 + f[42 + 21], 500);
	assert_int_equal(sum_of(f + 42, 20, 0), 0xffff);
	F.bytes[36] ^= 1;
	bed_step(b, LAN_VIF, &F);
	expect_dropped(b, LAN_VIF, DROP_ICMP_CSUM);
	quote[20] ^= 0x40; /* about a port that nothing was sent from */
	error_frame(&F, b, LAN_VIF, (struct icmp_error_of){ "192.0.2.1", UP4, 3, 3 }, quote, 48);
	bed_step(b, LAN_VIF, &F);
	expect_dropped(b, LAN_VIF, DROP_CT_INVALID);
	EXPECT_NOTHING(b, 1);
}

/* RFC 8200 §4: what a guest put between IPv6 and UDP comes back in the quote. */
static void errors_about_packets_with_extension_headers_are_related(void **state)
{
	struct bed *b;
	uint8_t quote[200];
	const uint8_t *f;

	b = routed_bed(state);
	b->router[0].flags |= SNAP_ROUTER_NAT6;
	bed_apply(b);
	flow_frame(&F, b, 1, UDP("fd00:1::11", FAR6, 5000, 53), 30);
	memmove(F.bytes + 54 + 16, F.bytes + 54, F.len - 54);
	memcpy(F.bytes + 54, (const uint8_t[]){ 60, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0 },
		16);
	F.bytes[20] = 0; /* hop-by-hop, then destination options */
	F.bytes[19] += 16;
	F.len += 16;
	bed_step(b, 1, &F);
	f = take_out(b);
	memcpy(quote, f + 14, 40 + 16 + 38);
	error_frame(&F, b, LAN_VIF, (struct icmp_error_of){ FAR6, UP6, 1, 4 }, quote, 40 + 16 + 38);
	bed_step(b, LAN_VIF, &F);
	f = EXPECT_ICMP(b, 1, FAR6, 1, 4);
	assert_int_equal(f[54 + 8 + 40 + 16] << 8 | f[54 + 8 + 40 + 17], 5000);
	assert_memory_equal(f + 54 + 8 + 8, "\xfd\0\0\1", 4); /* the guest's own, inside too */
	quote[40 + 1] = 255; /* leads out of the quote */
	error_frame(&F, b, LAN_VIF, (struct icmp_error_of){ FAR6, UP6, 1, 4 }, quote, 40 + 16 + 38);
	bed_step(b, LAN_VIF, &F);
	expect_dropped(b, LAN_VIF, DROP_CT_INVALID);
	EXPECT_NOTHING(b, 1);
}

static void a_guests_error_does_not_show_its_address(void **state)
{
	struct bed *b = routed_bed(state);
	uint8_t quote[128];
	const uint8_t *f;

	flow_step(b, 1, UDP(G1, FAR4, 500, 53), 10);
	EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, 0, 53));
	flow_step(b, LAN_VIF, UDP(FAR4, UP4, 53, seen_sport()), 60);
	memcpy(quote, EXPECT_FLOW(b, 1, UDP(FAR4, G1, 53, 500)) + 14, 88);
	error_frame(&F, b, 1, (struct icmp_error_of){ G1, FAR4, 3, 3 }, quote, 88);
	bed_step(b, 1, &F);
	f = EXPECT_ICMP(b, LAN_VIF, UP4, 3, 3);
	assert_memory_equal(f + 42 + 16, ((const uint8_t[]){ 203, 0, 113, 10 }), 4);
	assert_null(frame_fault(f + 28, 14, false)); /* nothing cut */
	error_frame(&F, b, 1, (struct icmp_error_of){ G1, "198.51.100.200", 3, 3 }, quote, 88);
	memcpy(F.bytes + 42 + 12, F.bytes + 30, 4); /* about nothing we know */
	bed_step(b, 1, &F);
	EXPECT_NOTHING(b, LAN_VIF);
}

static void a_forged_error_about_tcp_does_not_pass(void **state)
{
	struct bed *b = routed_bed(state);
	uint8_t quote[64];

	tcp_step(b, 1, TCP(G1, FAR4, 5000, 80, SYN), 1u << 30, 0);
	memcpy(quote, EXPECT_FLOW(b, LAN_VIF, TCP(UP4, FAR4, 5000, 80, 0)) + 14, 52);
	error_frame(&F, b, LAN_VIF, (struct icmp_error_of){ "192.0.2.1", UP4, 3, 4 }, quote, 52);
	bed_step(b, LAN_VIF, &F);
	EXPECT_ICMP(b, 1, "192.0.2.1", 3, 4);
	put32(quote + 24, 77); /* not a sequence number that was sent */
	error_frame(&F, b, LAN_VIF, (struct icmp_error_of){ "192.0.2.1", UP4, 3, 4 }, quote, 52);
	bed_step(b, LAN_VIF, &F);
	expect_dropped(b, LAN_VIF, DROP_CT_INVALID);
	EXPECT_NOTHING(b, 1);
}

static void a_forward_reaches_its_guest_and_the_answer_comes_from_the_uplink(void **state)
{
	struct bed *b = *state;

	bed_forward(b, UPLINK_NET, 6, 8080, (struct forward_to){ 1, G1, 80 });
	routed_bed(state);
	flow_step(b, LAN_VIF, TCP(FAR4, UP4, 5000, 8080, SYN), 0);
	EXPECT_FLOW(b, 1, TCP(FAR4, G1, 5000, 80, 0));
	flow_step(b, 1, TCP(G1, FAR4, 80, 5000, SYNACK), 0);
	EXPECT_FLOW(b, LAN_VIF, TCP(UP4, FAR4, 8080, 5000, 0));
	flow_step(b, LAN_VIF, UDP(FAR4, UP4, 5000, 8080), 0); /* the other protocol */
	expect_dropped(b, LAN_VIF, DROP_NO_SOCKET);
}

static void a_forward_does_not_take_over_a_connection(void **state)
{
	struct bed *b = *state;

	bed_forward(b, UPLINK_NET, 17, 8080, (struct forward_to){ 1, G1, 2000 });
	routed_bed(state);
	flow_step(b, 1, UDP(G1, FAR4, 2000, 5000), 0);
	EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, 2000, 5000));
	flow_step(b, LAN_VIF, UDP(FAR4, UP4, 5000, 8080), 0); /* its answer would be the same */
	expect_dropped(b, LAN_VIF, DROP_NAT_NO_PORT);
	flow_step(b, 1, UDP(G1, FAR4, 2000, 5000), 0);
	EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, 2000, 5000));
}

static void a_guest_reaches_a_forward_by_hairpin(void **state)
{
	struct bed *b = *state;
	uint16_t port;

	bed_forward(b, UPLINK_NET, 6, 8080, (struct forward_to){ 1, G1, 80 });
	routed_bed(state);
	flow_step(b, 2, TCP(G2, UP4, 5000, 8080, SYN), 0);
	EXPECT_FLOW(b, 1, TCP(UP4, G1, 0, 80, 0));
	port = seen_sport();
	flow_step(b, 1, TCP(G1, UP4, 80, port, SYNACK), 0);
	EXPECT_FLOW(b, 2, TCP(UP4, G2, 8080, 5000, 0));
	flow_step(b, 1, TCP(G1, UP4, 6000, 8080, SYN), 0); /* itself */
	EXPECT_FLOW(b, 1, TCP(UP4, G1, 0, 80, 0));
	flow_step(b, 4, TCP("10.0.2.14", UP4, 5000, 8080, SYN), 0); /* from another network */
	EXPECT_FLOW(b, 1, TCP(UP4, G1, 0, 80, 0));
	flow_step(b, 1, TCP(G1, UP4, 80, seen_sport(), SYNACK), 0);
	EXPECT_FLOW(b, 4, TCP(UP4, "10.0.2.14", 8080, 5000, 0));
	EXPECT_NOTHING(b, LAN_VIF);
}

static void a_forward_that_is_taken_back_ends_its_connections(void **state)
{
	struct bed *b = *state;

	bed_forward(b, UPLINK_NET, 6, 8080, (struct forward_to){ 1, G1, 80 });
	routed_bed(state);
	flow_step(b, LAN_VIF, TCP(FAR4, UP4, 5000, 8080, SYN), 0);
	flow_step(b, 2, UDP(G2, FAR4, 5000, 53), 0);
	assert_int_equal(b->ct->tab.n_live, 4);
	b->n_forwards = 0;
	bed_apply(b);
	assert_int_equal(b->ct->tab.n_live, 2);
	b->router[0].flags = 0;
	bed_apply(b);
	assert_int_equal(b->ct->tab.n_live, 0);
}

static void drop_ct_quota_when_a_tenant_has_too_many_half_open(void **state)
{
	struct bed *b = routed_bed(state);
	struct ct_new new = { .vif_id = 1,
		.is_tenant = true,
		.state = CT_NEW,
		.orig = { .proto = 17, .network_id = 1 } };
	enum drop_reason why;
	unsigned n;

	/* on a table of its own: the bed's is small */
	void *segment = aligned_alloc(4096, UINT64_C(8) << 20);

	memset(segment, 0, UINT64_C(8) << 20);
	memset(new.orig.src + 10, 0xff, 2);
	memset(new.orig.dst + 10, 0xff, 2);
	ct_detach(b->ct);
	b->ct = ct_attach(segment, UINT64_C(8) << 20, b->io.now_ns, NULL);
	for (n = 0;; n++) {
		new.orig.sport = (be16)n;
		new.orig.dport = (be16)(n >> 16);
		new.reply = ct_mirror(&new.orig, UPLINK_NET);
		if (ct_add(b->ct, &new, b->io.now_ns, &why) == IXTAB_NONE)
			break;
	}
	assert_int_equal(why, DROP_CT_QUOTA);
	assert_int_equal(n, CT_VIF_HALF_OPEN_MAX);
	new.vif_id = 2; /* another guest's */
	assert_int_not_equal(ct_add(b->ct, &new, b->io.now_ns, &why), IXTAB_NONE);
	pipeline_set_ct(b->pipeline, b->ct);
	b->network[0].profile = PROFILE_TENANT;
	bed_apply(b);
	flow_step(b, 1, UDP(G1, FAR4, 5000, 53), 10);
	EXPECT_NOTHING(b, 1);
	ct_detach(b->ct);
	pipeline_set_ct(b->pipeline, NULL);
	b->ct = ct_attach(b->ct_segment, BED_CT_SIZE, b->io.now_ns, NULL);
	free(segment);
}

static void connections_survive_the_engine(void **state)
{
	struct bed *b = routed_bed(state);
	uint16_t port;

	flow_step(b, 1, UDP(G1, FAR4, 500, 53), 10);
	EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, 0, 53));
	port = seen_sport();
	bed_restart(b);
	assert_int_equal(b->ct->tab.n_broken, 0);
	assert_int_equal(ct_count(b->ct, 1), 1);
	flow_step(b, LAN_VIF, UDP(FAR4, UP4, 53, port), 10);
	EXPECT_FLOW(b, 1, UDP(FAR4, G1, 53, 500)); /* nobody had to be asked first */
	flow_step(b, 1, UDP(G1, FAR4, 500, 53), 10);
	EXPECT_FLOW(b, LAN_VIF, UDP(UP4, FAR4, port, 53));
}

static void half_a_connection_is_dropped_at_attach(void **state)
{
	struct bed *b = routed_bed(state);

	for (uint16_t i = 0; i < 100; i++)
		flow_step(b, 1, UDP(G1, FAR4, (uint16_t)(2000 + i), 53), 10);
	ixtab_change_begin(&b->ct->tab, 7); /* as a crash leaves it */
	bed_restart(b);
	assert_int_equal(ct_count(b->ct, 1), 99);
	assert_int_equal(b->ct->tab.n_live, 198);
}

static uint64_t next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static void any_bytes_in_the_segment_are_survived(void **state)
{
	struct bed *b = routed_bed(state);
	uint64_t seed = 88172645463325252u;
	uint8_t *bytes = b->ct_segment;

	for (unsigned round = 0; round < 60; round++) {
		for (uint16_t i = 0; i < 50; i++) {
			flow_frame(&F, b, 1, UDP(G1, FAR4, (uint16_t)(2000 + i), 53), 10);
			bed_send(b, 1, &F);
		}
		bed_run(b);
		/* flipped bits, with the engine running on and with another one taking over */
		for (unsigned i = 0; i < 300; i++)
			bytes[next_random(&seed) % (sizeof(struct segment_hdr) + 110 * 128)]
				^= (uint8_t)(1u << (next_random(&seed) % 8));
		if (round % 3 == 0)
			for (unsigned i = round % 2 ? 64 : 0; i < BED_CT_SIZE; i += 8)
				memcpy(bytes + i, (uint64_t[]){ next_random(&seed) }, 8);
		for (uint16_t i = 0; i < 50; i++) {
			flow_frame(&F, b, LAN_VIF, UDP(FAR4, UP4, 53, (uint16_t)(2000 + i)), 10);
			bed_send(b, LAN_VIF, &F);
		}
		bed_run(b);
		bed_restart(b);
		bed_clear(b);
		bed_warp(b, 5 * NS_PER_SEC);
		bed_run(b);
	}
	ct_flush(b->ct, 0, 0);
	assert_int_equal(b->ct->tab.n_live, 0);
}

/* Translate a random packet and back again: the same bytes. */
static void translating_back_is_the_identity(void **state)
{
	struct bed *b = *state;
	static const uint8_t protos[] = { 6, 17, 1 };
	uint64_t seed = 4711;

	routed_describe(b);
	bed_apply(b);
	for (unsigned round = 0; round < 3000; round++) {
		bool is_v6 = round % 2;
		struct flow flow = {
			.src = is_v6 ? "fd00:1::11" : G1,
			.dst = is_v6 ? FAR6 : FAR4,
			.proto = protos[round % 3],
			.sport = (uint16_t)(next_random(&seed) | 1),
			.dport = (uint16_t)(next_random(&seed) | 1),
		};
		struct ct_tuple from, to, there;
		struct pkt p = { 0 };

		flow_frame(&F, b, 1, flow, next_random(&seed) % 300);
		if (round % 5 == 0 && flow.proto != 1)
			frame_partial(&F);
		vif_mem_inject(b->vif[1], F.bytes, F.len, &F.offload);
		assert_int_equal(
			b->vif[1]->ops->rx(b->vif[1], &b->vif[1]->queue[0], &b->io, &p, 1), 1);
		pkt_parse_one(&p);
		p.network_id = 1;
		assert_true(ct_tuple_of(&p, &from));
		to = ct_mirror(&from, 9);
		for (unsigned i = is_v6 ? 0 : 12; i < 16; i++)
			to.dst[i] = (uint8_t)next_random(&seed);
		to.dport = (be16)(next_random(&seed) | 0x0101);
		nat_edit(&p, &from, &to);
		p.network_id = 9;
		assert_true(ct_tuple_of(&p, &there));
		there = ct_mirror(&there, 9);
		assert_memory_equal(&there, &to, sizeof(to));
		if ((p.flags & PKT_CSUM_PARTIAL) == 0 && flow.proto != 1)
			assert_null(frame_fault(pkt_bytes(&p), p.len, false));
		from = ct_mirror(&from, 1);
		to = ct_mirror(&to, 9);
		nat_edit(&p, &to, &from);
		assert_memory_equal(pkt_bytes(&p), F.bytes, F.len);
		rte_pktmbuf_free(p.m);
	}
}

static void connections_can_be_listed_and_flushed(void **state)
{
	struct bed *b = routed_bed(state);
	struct ct_dump at = { .now_ns = b->io.now_ns };
	static struct msg_ct_entry e[4];

	flow_step(b, 1, UDP(G1, FAR4, 5000, 53), 72);
	flow_step(b, 2, UDP(G2, FAR4, 5001, 53), 72);
	assert_int_equal(ct_dump(b->ct, &at, e, 1), 1);
	assert_int_not_equal(at.cursor, 0);
	assert_int_equal(ct_dump(b->ct, &at, e + 1, 1), 1);
	assert_int_equal(ct_dump(b->ct, &at, e + 2, 1), 0);
	assert_int_equal(at.cursor, 0);
	assert_int_equal(e[0].bytes[0], 100);
	assert_int_equal(e[0].flags, CT_SNAT);
	assert_int_equal(e[0].timeout_s, 30);
	assert_int_equal(ct_flush(b->ct, 0, 2), 1);
	assert_int_equal(ct_flush(b->ct, UPLINK_NET, 0), 1);
	assert_int_equal(b->ct->tab.n_live, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(udp_goes_out_with_the_uplinks_address_and_comes_back),
		BED_TESTS(a_taken_source_port_is_replaced_by_another),
		BED_TESTS(guests_never_get_a_privileged_port),
		BED_TESTS(drop_nat_no_port_when_the_range_is_used_up),
		BED_TESTS(echo_is_translated_by_its_id),
		BED_TESTS(ipv6_is_masqueraded_when_told),
		BED_TESTS(tcp_follows_its_states),
		BED_TESTS(only_an_exact_reset_ends_a_connection),
		BED_TESTS(tenants_begin_tcp_with_syn_only),
		BED_TESTS(super_frames_are_translated_whole),
		BED_TESTS(partial_checksums_stay_partial_and_right),
		BED_TESTS(a_udp_checksum_of_zero_stays_zero),
		BED_TESTS(related_errors_are_translated_inside),
		BED_TESTS(errors_about_packets_with_extension_headers_are_related),
		BED_TESTS(a_guests_error_does_not_show_its_address),
		BED_TESTS(a_forged_error_about_tcp_does_not_pass),
		BED_TESTS(a_forward_reaches_its_guest_and_the_answer_comes_from_the_uplink),
		BED_TESTS(a_forward_does_not_take_over_a_connection),
		BED_TESTS(a_guest_reaches_a_forward_by_hairpin),
		BED_TESTS(a_forward_that_is_taken_back_ends_its_connections),
		BED_TESTS(drop_ct_quota_when_a_tenant_has_too_many_half_open),
		BED_TESTS(connections_survive_the_engine),
		BED_TESTS(half_a_connection_is_dropped_at_attach),
		BED_TESTS(any_bytes_in_the_segment_are_survived),
		BED_TESTS(translating_back_is_the_identity),
		BED_TESTS(connections_can_be_listed_and_flushed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
