/* SPDX-License-Identifier: Apache-2.0 */
/* router_hostile_test.c - broken packets from both sides of a router: nothing crashes, no buffer is
 * lost, and each is counted under the reason that it deserves.  Topology: tests/lib/routed.h. */
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

static struct frame F;

static uint64_t next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/* An error or a packet of round @round, well formed so far. */
static void hostile_frame(const struct bed *b, unsigned round, uint16_t vif_id, uint64_t *seed)
{
	bool is_v6 = round % 4 == 0, is_guest = vif_id == 1;
	const char *far = is_v6 ? FAR6 : FAR4, *own = is_v6 ? UP6 : UP4;
	static uint8_t quote[300];

	memcpy(quote, F.bytes + 14, sizeof(quote));
	if (round % 5 == 1) {
		error_frame(&F, b, vif_id, (struct icmp_error_of){ far, own, is_v6 ? 1 : 3, 3 },
			quote, (uint32_t)(next_random(seed) % 300));
		return;
	}
	flow_frame(&F, b, vif_id,
		(struct flow){ .src = !is_guest ? far
				: is_v6         ? "fd00:1::11"
						: G1,
			.dst = is_guest ? far : own,
			.proto = (const uint8_t[]){ 1, 6, 17 }[round % 3],
			.sport = 53,
			.dport = 53,
			.tcp_flags = 2 },
		(uint32_t)(next_random(seed) % 100));
}

/* Break a few bytes, then let the header's checksum fit again, so that it is let in. */
static void break_frame(unsigned round, uint64_t *seed)
{
	unsigned n = (unsigned)(next_random(seed) % 6);
	uint16_t sum;

	for (unsigned i = 0; i < n; i++)
		F.bytes[12 + next_random(seed) % (F.len - 12)] = (uint8_t)next_random(seed);
	if (round % 7 == 0)
		F.len = 14 + (uint32_t)(next_random(seed) % (F.len - 14));
	if (F.bytes[14] >> 4 != 4)
		return;
	memset(F.bytes + 24, 0, 2);
	sum = (uint16_t)~sum_of(F.bytes + 14, (F.bytes[14] & 15) * 4u, 0);
	F.bytes[24] = (uint8_t)(sum >> 8);
	F.bytes[25] = (uint8_t)sum;
}

static void hostile_bytes_to_the_router_are_survived(void **state)
{
	struct bed *b = *state;
	uint64_t seed = 99;

	bed_forward(b, UPLINK_NET, 17, 53, (struct forward_to){ 1, G1, 53 });
	routed_bed(state);
	for (unsigned round = 0; round < 4000; round++) {
		uint16_t vif_id = round % 3 == 0 ? LAN_VIF : 1;

		hostile_frame(b, round, vif_id, &seed);
		break_frame(round, &seed);
		bed_send(b, vif_id, &F);
		if (round % 100 != 99)
			continue;
		bed_run(b);
		bed_clear(b);
		bed_warp(b, NS_PER_SEC);
	}
}

/* Ways to spoil a frame whose IP header begins at 14. */

static void fix_ip4_csum(void)
{
	uint16_t sum;

	memset(F.bytes + 24, 0, 2);
	sum = (uint16_t)~sum_of(F.bytes + 14, (F.bytes[14] & 15) * 4u, 0);
	F.bytes[24] = (uint8_t)(sum >> 8);
	F.bytes[25] = (uint8_t)sum;
}

static void version_5(void)
{
	F.bytes[14] = 0x55;
}

static void header_of_16_bytes(void)
{
	F.bytes[14] = 0x44;
	fix_ip4_csum();
}

static void header_behind_the_end(void)
{
	F.bytes[14] = 0x4f;
	F.len = 14 + 40;
	F.bytes[16] = 0;
	F.bytes[17] = 40;
}

static void total_below_the_header(void)
{
	F.bytes[16] = 0;
	F.bytes[17] = 19;
	fix_ip4_csum();
}

static void total_beyond_the_frame(void)
{
	F.bytes[17]++;
	fix_ip4_csum();
}

static void wrong_ip_csum(void)
{
	F.bytes[24] ^= 0x40;
}

/* Put @len bytes (a multiple of 4) of options behind the header. */
static void options(const uint8_t *bytes, unsigned len)
{
	memmove(F.bytes + 34 + len, F.bytes + 34, F.len - 34);
	memcpy(F.bytes + 34, bytes, len);
	F.len += len;
	F.bytes[14] = (uint8_t)(0x45 + len / 4);
	F.bytes[16] = (uint8_t)((F.len - 14) >> 8);
	F.bytes[17] = (uint8_t)(F.len - 14);
	fix_ip4_csum();
}

static void loose_source_route(void)
{
	options((const uint8_t[]){ 1, 131, 7, 4, 10, 0, 0, 1 }, 8);
}

static void strict_source_route(void)
{
	options((const uint8_t[]){ 137, 7, 4, 10, 0, 0, 1, 0 }, 8);
}

static void option_of_length_1(void)
{
	options((const uint8_t[]){ 7, 1, 4, 0 }, 4);
}

static void option_beyond_the_header(void)
{
	options((const uint8_t[]){ 7, 5, 4, 0 }, 4);
}

static void option_without_length(void)
{
	options((const uint8_t[]){ 1, 1, 1, 7 }, 4);
}

static void fragment(void)
{
	F.bytes[20] = 0x20;
	fix_ip4_csum();
}

static void tcp_header_of_16_bytes(void)
{
	F.bytes[34 + 12] = 0x40;
}

static void udp_shorter_than_its_header(void)
{
	F.bytes[34 + 4] = 0;
	F.bytes[34 + 5] = 7;
}

static void udp_longer_than_ip(void)
{
	F.bytes[34 + 5]++;
}

static void wrong_icmp_csum(void)
{
	F.bytes[34 + 2] ^= 1;
}

static void icmp_redirect(void)
{
	F.bytes[34] = 5;
}

static void icmp_of_4_bytes(void)
{
	F.len = 14 + 20 + 4;
	F.bytes[16] = 0;
	F.bytes[17] = 24;
	fix_ip4_csum();
}

/* IPv6; the upper layer is at 54. */

static void ip6_version_4(void)
{
	F.bytes[14] = 0x45;
}

static void ip6_payload_beyond_the_frame(void)
{
	F.bytes[19]++;
}

/* Put @n headers of @kind, 8 bytes each, before the upper layer. */
static void extensions(uint8_t kind, unsigned n)
{
	uint8_t last = F.bytes[20];

	memmove(F.bytes + 54 + n * 8, F.bytes + 54, F.len - 54);
	F.bytes[20] = kind;
	for (unsigned i = 0; i < n; i++)
		memcpy(F.bytes + 54 + i * 8,
			(const uint8_t[]){ i + 1 == n ? last : kind, 0, 1, 4, 0, 0, 0, 0 }, 8);
	F.len += n * 8;
	F.bytes[18] = (uint8_t)((F.len - 54) >> 8);
	F.bytes[19] = (uint8_t)(F.len - 54);
}

static void nine_hop_by_hop_headers(void)
{
	extensions(0, 9);
}

static void extension_beyond_the_packet(void)
{
	extensions(60, 1);
	F.bytes[54 + 1] = 200;
}

static void chain_without_an_end(void)
{
	F.bytes[20] = 60;
	F.len = 54;
	F.bytes[18] = F.bytes[19] = 0;
}

static void nothing(void)
{
}

/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): a row reads from left to right */
static const struct bad {
	uint16_t vif_id;
	struct flow flow;
	void (*spoil)(void);
	enum drop_reason reason;
} bad_packets[] = {
#define R4 "10.0.2.14" /* a guest of the routed network */
#define R6 "fd00:2::14"
#define FROM_R4 UDP(R4, FAR4, 5000, 53)
#define FROM_R6 UDP(R6, FAR6, 5000, 53)
#define FROM_G1 UDP(G1, FAR4, 5000, 53)
	/* RFC 791 §3.1, RFC 1812 §5.2.2 */
	{ 4, FROM_R4, version_5, DROP_IP_MALFORMED },
	{ 4, FROM_R4, header_of_16_bytes, DROP_IP_MALFORMED },
	{ 4, FROM_R4, header_behind_the_end, DROP_IP_MALFORMED },
	{ 4, FROM_R4, total_below_the_header, DROP_IP_MALFORMED },
	{ 4, FROM_R4, total_beyond_the_frame, DROP_IP_MALFORMED },
	{ 4, FROM_R4, wrong_ip_csum, DROP_IP_CSUM },
	{ 4, FROM_R4, option_of_length_1, DROP_IP_MALFORMED },
	{ 4, FROM_R4, option_beyond_the_header, DROP_IP_MALFORMED },
	{ 4, FROM_R4, option_without_length, DROP_IP_MALFORMED },
	{ 4, FROM_R4, loose_source_route, DROP_IP_SOURCE_ROUTE },
	{ 4, FROM_R4, strict_source_route, DROP_IP_SOURCE_ROUTE },
	/* RFC 1812 §5.3.7 */
	{ 4, UDP("0.0.0.0", FAR4, 1, 2), nothing, DROP_IP_INVALID_SOURCE },
	{ 4, UDP("127.0.0.1", FAR4, 1, 2), nothing, DROP_IP_INVALID_SOURCE },
	{ 4, UDP("224.0.0.5", FAR4, 1, 2), nothing, DROP_IP_INVALID_SOURCE },
	{ 4, UDP("255.255.255.255", FAR4, 1, 2), nothing, DROP_IP_INVALID_SOURCE },
	{ 4, UDP("240.0.0.1", FAR4, 1, 2), nothing, DROP_IP_INVALID_SOURCE },
	{ 4, UDP("10.0.2.1", FAR4, 1, 2), nothing, DROP_IP_INVALID_SOURCE }, /* the router's */
	{ 4, UDP(R4, "0.0.0.0", 1, 2), nothing, DROP_IP_INVALID_DEST },
	{ 4, UDP(R4, "127.0.0.1", 1, 2), nothing, DROP_IP_INVALID_DEST },
	{ 4, UDP(R4, "224.0.0.5", 1, 2), nothing, DROP_IP_INVALID_DEST },
	{ 4, UDP(R4, "240.0.0.1", 1, 2), nothing, DROP_IP_INVALID_DEST },
	{ 4, UDP(R4, "255.255.255.255", 1, 2), nothing, DROP_IP_INVALID_DEST },
	{ LAN_VIF, UDP(FAR4, "10.0.2.255", 1, 2), nothing, DROP_IP_INVALID_DEST },
	{ 4, UDP(R4, "203.0.113.255", 1, 2), nothing, DROP_IP_INVALID_DEST },
	/* RFC 8200 §3, §4; RFC 4291 §2.5 to §2.7 */
	{ 4, FROM_R6, ip6_version_4, DROP_IP_MALFORMED },
	{ 4, FROM_R6, ip6_payload_beyond_the_frame, DROP_IP_MALFORMED },
	{ 4, FROM_R6, nine_hop_by_hop_headers, DROP_IP_MALFORMED },
	{ 4, FROM_R6, extension_beyond_the_packet, DROP_IP_MALFORMED },
	{ 4, FROM_R6, chain_without_an_end, DROP_IP_MALFORMED },
	{ 4, UDP("::", FAR6, 1, 2), nothing, DROP_IP_INVALID_SOURCE },
	{ 4, UDP("::1", FAR6, 1, 2), nothing, DROP_IP_INVALID_SOURCE },
	{ 4, UDP("ff0e::1", FAR6, 1, 2), nothing, DROP_IP_INVALID_SOURCE },
	{ 4, UDP("fe80::1", FAR6, 1, 2), nothing, DROP_IP_INVALID_SOURCE },
	{ LAN_VIF, UDP(FAR6, "::", 1, 2), nothing, DROP_IP_INVALID_DEST },
	{ LAN_VIF, UDP(FAR6, "::1", 1, 2), nothing, DROP_IP_INVALID_DEST },
	{ LAN_VIF, UDP(FAR6, "ff0e::1", 1, 2), nothing, DROP_IP_INVALID_DEST },
	{ LAN_VIF, UDP(FAR6, "fe80::1", 1, 2), nothing, DROP_IP_INVALID_DEST },
	/* what cannot be translated */
	{ 1, FROM_G1, fragment, DROP_IP_MALFORMED }, /* not a multiple of 8 bytes */
	{ 1, TCP(G1, FAR4, 1, 2, 2), tcp_header_of_16_bytes, DROP_CT_INVALID },
	{ 1, FROM_G1, udp_shorter_than_its_header, DROP_CT_INVALID },
	{ 1, FROM_G1, udp_longer_than_ip, DROP_CT_INVALID },
	{ 1, PING(G1, FAR4, 1), icmp_redirect, DROP_CT_INVALID },
	{ 1, PING(G1, FAR4, 1), icmp_of_4_bytes, DROP_CT_INVALID },
	/* to the router itself: RFC 792, RFC 1122 §3.2.2 */
	{ LAN_VIF, UDP(FAR4, UP4, 1, 2), fragment, DROP_IP_MALFORMED },
	{ LAN_VIF, PING(FAR4, UP4, 1), wrong_icmp_csum, DROP_ICMP_CSUM },
	{ LAN_VIF, PING(FAR4, UP4, 1), icmp_redirect, DROP_CT_INVALID },
	{ LAN_VIF, PING(FAR4, UP4, 1), icmp_of_4_bytes, DROP_CT_INVALID },
};

static void what_is_wrong_with_a_packet_is_what_is_counted(void **state)
{
	struct bed *b = routed_bed(state);

	for (unsigned i = 0; i < ARRAY_LEN(bad_packets); i++) {
		const struct bad *bad = &bad_packets[i];

		flow_frame(&F, b, bad->vif_id, bad->flow, 20);
		bad->spoil();
		bed_step(b, bad->vif_id, &F);
		for (unsigned r = 1; r < DROP_N; r++)
			if (bed_drops(b, bad->vif_id, (enum drop_reason)r) != (r == bad->reason))
				fail_msg("packet %u: %s counted %u times", i,
					drop_reason_texts[r].name,
					(unsigned)bed_drops(b, bad->vif_id, (enum drop_reason)r));
		b->io.vif_counters[bad->vif_id].drops[bad->reason] = 0;
		for (uint16_t v = 1; v <= 9; v++)
			if (v != 7 && vif_mem_count(b->vif[v]) != 0)
				fail_msg("packet %u: vif %u got something", i, v);
	}
}

static void eight_extension_headers_and_harmless_options_pass(void **state)
{
	struct bed *b = routed_bed(state);

	flow_frame(&F, b, 4, FROM_R6, 20);
	extensions(60, 8);
	bed_step(b, 4, &F);
	assert_int_equal(vif_mem_count(b->vif[LAN_VIF]), 1);
	flow_frame(&F, b, 4, FROM_R4, 20);
	options((const uint8_t[]){ 148, 4, 0, 0, 1, 0, 7, 1 }, 8); /* router alert, then the end */
	bed_step(b, 4, &F);
	assert_int_equal(vif_mem_count(b->vif[LAN_VIF]), 2);
	bed_clear(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(what_is_wrong_with_a_packet_is_what_is_counted),
		BED_TESTS(eight_extension_headers_and_harmless_options_pass),
		BED_TESTS(hostile_bytes_to_the_router_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
