/* SPDX-License-Identifier: Apache-2.0 */
/* guard_test.c - a guarded guest cannot say that it is another, however it wraps it up.
 *
 *      v1 (guarded: 10.0.0.1, fd00::1)   v2   v3
 *       \                                |   /
 *        +-----------------n1-----------+
 */
#include "tests/lib/bed.h"
#include "tests/lib/unit.h"

#include <stdlib.h>
#include <string.h>

static struct frame F;

#define OWN4 ((const uint8_t[4]){ 10, 0, 0, 1 })
#define OTHER4 ((const uint8_t[4]){ 10, 0, 0, 2 })
#define ANY4 ((const uint8_t[4]){ 0 })
#define OWN6 ((const uint8_t[16]){ 0xfd, [15] = 1 })
#define OTHER6 ((const uint8_t[16]){ 0xfd, [15] = 2 })
#define ANY6 ((const uint8_t[16]){ 0 })
/* of MAC_OF(1): 02:00:00:00:00:01 */
#define LINK6 ((const uint8_t[16]){ 0xfe, 0x80, [11] = 0xff, [12] = 0xfe, [15] = 1 })
#define LINK_OTHER6 ((const uint8_t[16]){ 0xfe, 0x80, [11] = 0xff, [12] = 0xfe, [15] = 2 })

static struct bed *three(void **state, unsigned guard)
{
	struct bed *b = *state;

	bed_network(b, 1);
	for (uint16_t id = 1; id <= 3; id++)
		bed_port(b, id, 1);
	b->port[0].guard = (uint8_t)guard;
	memcpy(b->port[0].mac, MAC_OF(1), 6);
	bed_binding(b, 1, "10.0.0.1/32");
	bed_binding(b, 1, "fd00::1/128");
	bed_apply(b);
	return b;
}

/* Send F from v1: it reaches the others exactly when @reason is DROP_NONE. */
static void expect(struct bed *b, enum drop_reason reason)
{
	uint64_t before = bed_drops(b, 1, reason);
	unsigned n;

	bed_step(b, 1, &F);
	n = vif_mem_count(b->vif[2]);
	bed_clear(b);
	if (n != (reason == DROP_NONE))
		for (unsigned r = 1; r < DROP_N; r++)
			if (bed_drops(b, 1, (enum drop_reason)r) != 0)
				print_error("%s: %lu\n", drop_reason_texts[r].name,
					bed_drops(b, 1, (enum drop_reason)r));
	assert_int_equal(n, reason == DROP_NONE);
	if (reason != DROP_NONE)
		assert_int_equal(bed_drops(b, 1, reason), before + 1);
}

static void arp(const uint8_t *eth_src, const uint8_t *sha, const uint8_t *spa)
{
	frame_eth(&F, MAC_BCAST, eth_src);
	frame_arp(&F);
	frame_end(&F);
	memcpy(F.bytes + 14 + 8, sha, 6);
	memcpy(F.bytes + 14 + 14, spa, 4);
}

static void ip4(const uint8_t *src, uint16_t src_port, uint16_t dst_port)
{
	frame_eth(&F, MAC_BCAST, MAC_OF(1));
	frame_ip4(&F, 17);
	frame_udp(&F, dst_port);
	frame_payload(&F, 60);
	frame_end(&F);
	memcpy(F.bytes + 14 + 20 + 8 + 28, MAC_OF(1), 6); /* DHCP's chaddr */
	memcpy(F.bytes + 14 + 12, src, 4);
	F.bytes[34] = (uint8_t)(src_port >> 8);
	F.bytes[35] = (uint8_t)src_port;
}

/* An ICMPv6 message of @type from @src; an option names @mac when it is not NULL. */
static void icmp6(uint8_t type, const uint8_t *src, const uint8_t *target, const uint8_t *mac)
{
	uint32_t at = 14 + 40, option = at + (type == 133 ? 8 : type == 134 ? 16 : 24);

	frame_eth(&F, (const uint8_t[6]){ 0x33, 0x33, 0, 0, 0, 1 }, MAC_OF(1));
	frame_ip6(&F, 58);
	frame_payload(&F, option - at + (mac != NULL ? 8 : 0));
	frame_end(&F);
	F.bytes[14 + 7] = 255;
	memcpy(F.bytes + 14 + 8, src, 16);
	memset(F.bytes + at, 0, option - at);
	F.bytes[at] = type;
	if (type == 135 || type == 136)
		memcpy(F.bytes + at + 8, target, 16);
	if (mac != NULL) {
		F.bytes[option] = type == 136 ? 2 : 1;
		F.bytes[option + 1] = 1;
		memcpy(F.bytes + option + 2, mac, 6);
	}
}

static void drop_guard_mac_of_another(void **state)
{
	struct bed *b = three(state, SNAP_GUARD_MAC);

	frame_simple(&F, MAC_BCAST, MAC_OF(1), 20);
	expect(b, DROP_NONE);
	for (unsigned i = 0; i < 200; i++) {
		frame_simple(&F, MAC_BCAST, MAC_OF(2 + i), 20);
		expect(b, DROP_GUARD_MAC);
	}
	/* nothing was learned from them: v2's frames still reach v2 */
	assert_int_equal(fdb_count(b->fdb, 1), 1);
}

static void drop_guard_arp_with_mac_or_address_of_another(void **state)
{
	struct bed *b = three(state, SNAP_GUARD_MAC | SNAP_GUARD_IP);

	arp(MAC_OF(1), MAC_OF(1), OWN4);
	expect(b, DROP_NONE);
	arp(MAC_OF(1), MAC_OF(1), ANY4); /* RFC 5227: a probe */
	expect(b, DROP_NONE);
	arp(MAC_OF(1), MAC_OF(2), OWN4);
	expect(b, DROP_GUARD_ARP);
	arp(MAC_OF(1), MAC_OF(1), OTHER4);
	expect(b, DROP_GUARD_ARP);
	arp(MAC_OF(2), MAC_OF(2), OTHER4);
	expect(b, DROP_GUARD_MAC);
}

static void drop_guard_ip_of_another(void **state)
{
	struct bed *b = three(state, SNAP_GUARD_MAC | SNAP_GUARD_IP);

	ip4(OWN4, 1000, 2000);
	expect(b, DROP_NONE);
	ip4(OTHER4, 1000, 2000);
	expect(b, DROP_GUARD_IP);
	ip4(ANY4, 1000, 2000);
	expect(b, DROP_GUARD_IP);
	ip4(ANY4, 68, 67); /* DHCP without an address yet */
	expect(b, DROP_NONE);
	F.bytes[14 + 20 + 8 + 28 + 5] = 2; /* a lease for another */
	expect(b, DROP_GUARD_MAC);
	icmp6(128, OWN6, NULL, NULL);
	expect(b, DROP_NONE);
	icmp6(128, OTHER6, NULL, NULL);
	expect(b, DROP_GUARD_IP);
	icmp6(128, LINK6, NULL, NULL);
	expect(b, DROP_NONE);
	icmp6(128, LINK_OTHER6, NULL, NULL);
	expect(b, DROP_GUARD_IP);
	icmp6(128, ANY6, NULL, NULL);
	expect(b, DROP_GUARD_IP);
	icmp6(143, ANY6, NULL, NULL); /* MLD before the address is there */
	expect(b, DROP_NONE);
	frame_eth(&F, MAC_BCAST, MAC_OF(1)); /* not IP at all */
	frame_payload(&F, 50);
	frame_end(&F);
	F.bytes[12] = 0x88;
	F.bytes[13] = 0x63;
	expect(b, DROP_GUARD_IP);
	F.bytes[12] = 0x80; /* RARP: a VMM announces its guest after a migration */
	F.bytes[13] = 0x35;
	expect(b, DROP_NONE);
}

static void drop_guard_nd_with_mac_or_address_of_another(void **state)
{
	struct bed *b = three(state, SNAP_GUARD_MAC | SNAP_GUARD_IP);

	icmp6(135, OWN6, OTHER6, MAC_OF(1));
	expect(b, DROP_NONE);
	icmp6(135, ANY6, OWN6, NULL); /* RFC 4862: is it mine? */
	expect(b, DROP_NONE);
	icmp6(135, ANY6, LINK6, NULL);
	expect(b, DROP_NONE);
	icmp6(135, ANY6, OTHER6, NULL); /* it keeps another from having it */
	expect(b, DROP_GUARD_ND);
	icmp6(136, OWN6, OWN6, MAC_OF(1));
	expect(b, DROP_NONE);
	icmp6(136, OWN6, OTHER6, MAC_OF(1));
	expect(b, DROP_GUARD_ND);
	icmp6(136, OWN6, OWN6, MAC_OF(2));
	expect(b, DROP_GUARD_ND);
	icmp6(135, OWN6, OTHER6, MAC_OF(2));
	expect(b, DROP_GUARD_ND);
	icmp6(133, LINK6, NULL, MAC_OF(2));
	expect(b, DROP_GUARD_ND);
	icmp6(136, OWN6, OWN6, MAC_OF(1));
	F.bytes[14 + 7] = 254; /* it was routed */
	expect(b, DROP_GUARD_ND);
	icmp6(136, OWN6, OWN6, MAC_OF(1));
	F.bytes[F.len - 7] = 0; /* an option of no length */
	expect(b, DROP_GUARD_ND);
}

static void drop_guard_server_and_router(void **state)
{
	struct bed *b = three(state, SNAP_GUARD_NO_DHCP | SNAP_GUARD_NO_RA);

	ip4(OWN4, 68, 67);
	expect(b, DROP_NONE);
	ip4(OWN4, 67, 68);
	expect(b, DROP_GUARD_SERVER);
	ip4(OWN4, 5000, 68); /* clients hear it wherever it is from */
	expect(b, DROP_GUARD_SERVER);
	ip4(OWN4, 547, 546);
	expect(b, DROP_GUARD_SERVER);
	icmp6(134, LINK6, NULL, NULL);
	expect(b, DROP_GUARD_SERVER);
	icmp6(137, LINK6, NULL, NULL);
	expect(b, DROP_GUARD_SERVER);
	b->port[0].guard = SNAP_GUARD_NO_RA;
	bed_apply(b);
	ip4(OWN4, 67, 68);
	expect(b, DROP_NONE);
	b->port[0].guard = SNAP_GUARD_NO_DHCP;
	bed_apply(b);
	icmp6(134, LINK6, NULL, NULL);
	expect(b, DROP_NONE);
}

/* A router advertisement behind @n extension headers. */
static void hidden_ra(unsigned n, bool is_fragment)
{
	uint32_t at;

	frame_eth(&F, (const uint8_t[6]){ 0x33, 0x33, 0, 0, 0, 1 }, MAC_OF(1));
	frame_ip6(&F, 58);
	for (unsigned i = 0; i < n; i++)
		frame_ip6_ext(&F, 60, 1);
	if (is_fragment)
		frame_ip6_ext(&F, 44, 1);
	at = F.len;
	frame_payload(&F, 16);
	frame_end(&F);
	F.bytes[14 + 7] = 255;
	memset(F.bytes + at, 0, 16);
	F.bytes[at] = 134;
	if (is_fragment) {
		F.bytes[at - 6] = 0;
		F.bytes[at - 5] = 1; /* more follow */
	}
}

static void servers_are_found_behind_headers_in_fragments_and_tunnels(void **state)
{
	struct bed *b = three(
		state, SNAP_GUARD_HIDDEN | SNAP_GUARD_MAC | SNAP_GUARD_NO_DHCP | SNAP_GUARD_NO_RA);
	struct frame inner;
	uint64_t before;

	for (unsigned n = 0; n <= 9; n++)
		for (unsigned is_fragment = 0; is_fragment < 2; is_fragment++) {
			unsigned at = 0;

			hidden_ra(n, is_fragment);
			before = b->io.vif_counters[1].tx_packets;
			bed_step(b, 1, &F);
			assert_int_equal(vif_mem_count(b->vif[2]), 0);
			for (unsigned r = 1; r < DROP_N; r++)
				at += bed_drops(b, 1, (enum drop_reason)r) != 0;
			assert_in_range(at, 1, 3);
			assert_int_equal(b->io.vif_counters[1].tx_packets, before);
		}
	for (unsigned n = 0; n <= 3; n++) { /* 6in4 */
		hidden_ra(n, false);
		inner = F;
		frame_eth(&F, MAC_BCAST, MAC_OF(1));
		frame_ip4(&F, 41);
		frame_payload(&F, inner.len - 14);
		frame_end(&F);
		memcpy(F.bytes + 34, inner.bytes + 14, inner.len - 14);
		expect(b, DROP_GUARD_SERVER);
	}
}

static void drop_guard_hidden_what_guards_cannot_look_into(void **state)
{
	struct bed *b = three(state, SNAP_GUARD_HIDDEN);

	ip4(OWN4, 1, 2);
	expect(b, DROP_NONE);
	F.bytes[12] = 0; /* a length: LLC */
	F.bytes[13] = 40;
	expect(b, DROP_GUARD_HIDDEN);
	ip4(OWN4, 1, 2);
	F.bytes[14] = 0x4f; /* options beyond the end */
	F.bytes[17] = 30;
	expect(b, DROP_GUARD_HIDDEN);
	arp(MAC_OF(1), MAC_OF(1), OWN4);
	F.bytes[18] = 8; /* hardware addresses of eight bytes */
	expect(b, DROP_GUARD_HIDDEN);
	ip4(OWN4, 1, 2);
	F.bytes[20] = 0x20; /* first fragment, and four bytes of UDP */
	F.bytes[17] = 24;
	expect(b, DROP_GUARD_HIDDEN);
	ip4(OWN4, 1, 2);
	F.bytes[21] = 9; /* a later fragment: its first one was looked at */
	expect(b, DROP_NONE);
}

/* The frames of @n sent in every wrapping of tags and SNAP reach nobody. */
static void wrapped(struct bed *b)
{
	static const uint8_t tag0[4] = { 0x81, 0, 0, 0 }, tag5[4] = { 0x81, 0, 0, 5 },
			     stag[4] = { 0x88, 0xa8, 0, 5 };
	static const uint8_t snap[8] = { 0, 60, 0xaa, 0xaa, 3, 0, 0, 0 };
	static const struct {
		const uint8_t *bytes;
		uint32_t len;
	} wraps[][3] = {
		{ { NULL, 0 } },
		{ { tag0, 4 } },
		{ { tag0, 4 }, { tag0, 4 } },
		{ { tag5, 4 } },
		{ { stag, 4 } },
		{ { stag, 4 }, { tag0, 4 } },
		{ { tag0, 4 }, { tag0, 4 }, { tag0, 4 } },
		{ { snap, 8 } },
		{ { snap, 8 }, { tag0, 4 } },
		{ { tag0, 4 }, { snap, 8 } },
	};
	static struct frame bare;

	bare = F;
	for (unsigned i = 0; i < ARRAY_LEN(wraps); i++) {
		for (uint32_t padding = 0; padding < 64; padding += 12) {
			uint32_t at = 12;

			F = bare;
			for (unsigned k = 0; k < 3 && wraps[i][k].bytes != NULL; k++) {
				memmove(F.bytes + at + wraps[i][k].len, F.bytes + at, F.len - at);
				memcpy(F.bytes + at, wraps[i][k].bytes, wraps[i][k].len);
				F.len += wraps[i][k].len;
				at += wraps[i][k].len;
			}
			memset(F.bytes + F.len, 0, padding);
			F.len += padding;
			bed_step(b, 1, &F);
			assert_int_equal(vif_mem_count(b->vif[2]), 0);
			assert_int_equal(vif_mem_count(b->vif[3]), 0);
		}
	}
}

static void no_wrapping_carries_what_is_forbidden(void **state)
{
	struct bed *b = three(state, SNAP_GUARD_ALL);

	arp(MAC_OF(1), MAC_OF(2), OTHER4);
	wrapped(b);
	arp(MAC_OF(1), MAC_OF(1), OTHER4);
	wrapped(b);
	icmp6(134, LINK6, NULL, NULL);
	wrapped(b);
	ip4(OWN4, 67, 68);
	wrapped(b);
	ip4(OTHER4, 1000, 2000);
	wrapped(b);
	ip4(OWN4, 547, 546);
	wrapped(b);
	icmp6(136, OWN6, OTHER6, MAC_OF(1));
	wrapped(b);
	icmp6(136, OWN6, OWN6, MAC_OF(2));
	wrapped(b);
	ip4(OWN4, 1000, 2000);
	expect(b, DROP_NONE);
}

static void what_bridges_say_is_not_for_guests(void **state)
{
	struct bed *b = three(state, SNAP_GUARD_HIDDEN);

	for (unsigned i = 0; i < 16; i++) {
		frame_simple(&F, MAC_LINK_LOCAL(i), MAC_OF(1), 60);
		expect(b, i == 1 ? DROP_MAC_IEEE_MAC_CONTROL : DROP_LINK_LOCAL);
	}
	frame_simple(&F, MAC_LINK_LOCAL(16), MAC_OF(1), 60);
	expect(b, DROP_NONE);
}

/* v1 sends with v2's MAC: nothing of what is for v2 is lost. */
static void who_steals_a_mac_gets_nothing(void **state)
{
	struct bed *b = three(state, SNAP_GUARD_MAC);

	frame_simple(&F, MAC_BCAST, MAC_OF(2), 20);
	bed_step(b, 2, &F);
	bed_clear(b);
	for (unsigned i = 0; i < 1000; i++) {
		frame_simple(&F, MAC_BCAST, MAC_OF(2), 20);
		bed_send(b, 1, &F);
		frame_simple(&F, MAC_OF(2), MAC_OF(3), 20);
		bed_send(b, 3, &F);
	}
	bed_run(b);
	assert_int_equal(vif_mem_count(b->vif[2]), 1000);
	assert_int_equal(vif_mem_count(b->vif[1]), 0);
	assert_int_equal(bed_drops(b, 1, DROP_GUARD_MAC), 1000);
}

/* A frame of v1's to v2 that its guard lets pass, and that the kernel may pass on by itself. */
static void honest(bool is_v6, uint8_t proto)
{
	frame_eth(&F, MAC_OF(2), MAC_OF(1));
	is_v6 ? frame_ip6(&F, proto) : frame_ip4(&F, proto);
	if (proto == 6)
		frame_tcp(&F, 0x10);
	else if (proto == 17)
		frame_udp(&F, 5000);
	frame_payload(&F, 60);
	frame_end(&F);
	memcpy(F.bytes + 14 + (is_v6 ? 8 : 12), is_v6 ? OWN6 : OWN4, is_v6 ? 16 : 4);
}

/* What a byte of it must not become. */
static const struct {
	bool is_v6;
	uint8_t proto, at, becomes, guard;
	enum drop_reason reason;
} lies[] = {
	{ false, 17, 11, 3, SNAP_GUARD_MAC, DROP_GUARD_MAC },
	{ true, 6, 11, 3, SNAP_GUARD_MAC, DROP_GUARD_MAC },
	{ false, 6, 14 + 15, 2, SNAP_GUARD_IP, DROP_GUARD_IP },
	{ false, 17, 14 + 12, 0, SNAP_GUARD_IP, DROP_GUARD_IP },
	{ true, 17, 14 + 23, 2, SNAP_GUARD_IP, DROP_GUARD_IP },
	{ true, 6, 14 + 8, 0xfe, SNAP_GUARD_IP, DROP_GUARD_IP },
	{ false, 6, 14, 0x44, SNAP_GUARD_HIDDEN, DROP_GUARD_HIDDEN },
	{ false, 17, 14, 0x65, SNAP_GUARD_HIDDEN, DROP_GUARD_HIDDEN },
	{ false, 17, 16, 1, SNAP_GUARD_HIDDEN, DROP_GUARD_HIDDEN }, /* longer than the frame */
	{ true, 17, 18, 1, SNAP_GUARD_HIDDEN, DROP_GUARD_HIDDEN },
	{ false, 6, 17, 20 + 31, SNAP_GUARD_HIDDEN, DROP_GUARD_HIDDEN }, /* ends in TCP's header */
	{ true, 6, 19, 31, SNAP_GUARD_HIDDEN, DROP_GUARD_HIDDEN },
	{ false, 17, 17, 20 + 7, SNAP_GUARD_HIDDEN, DROP_GUARD_HIDDEN },
	{ true, 58, 19, 7, SNAP_GUARD_HIDDEN, DROP_GUARD_HIDDEN },
	{ false, 6, 14 + 20 + 12, 0x40, SNAP_GUARD_HIDDEN,
		DROP_GUARD_HIDDEN }, /* 16 bytes of TCP */
	{ false, 6, 14 + 20 + 12, 0xf0, SNAP_GUARD_HIDDEN, DROP_NONE },
	{ true, 58, 14 + 40, 134, SNAP_GUARD_NO_RA, DROP_GUARD_SERVER },
	{ true, 58, 14 + 40, 137, SNAP_GUARD_NO_RA, DROP_GUARD_SERVER },
};

/* F three times from v1: the first may bring a verdict about, which the others then meet. */
static void thrice(struct bed *b, enum drop_reason reason)
{
	for (unsigned i = 0; i < 3; i++) {
		uint64_t before = bed_drops(b, 1, reason);

		bed_step(b, 1, &F);
		if (reason == DROP_NONE)
			EXPECT_FRAME(b, 2, &F);
		EXPECT_NOTHING(b, 2);
		if (reason != DROP_NONE)
			assert_int_equal(bed_drops(b, 1, reason), before + 1);
	}
}

static void a_guarded_flow_may_be_the_kernels_but_nothing_forbidden(void **state)
{
	static const uint8_t ports[][2] = { { 67 >> 8, 67 }, { 547 >> 8, 547 & 255 } };
	struct bed *b = three(state, SNAP_GUARD_ALL);

	frame_simple(&F, MAC_BCAST, MAC_OF(2), 20);
	bed_step(b, 2, &F);
	bed_clear(b);
	for (unsigned i = 0; i < ARRAY_LEN(lies); i++) {
		b->port[0].guard = SNAP_GUARD_HIDDEN | lies[i].guard;
		bed_apply(b);
		honest(lies[i].is_v6, lies[i].proto);
		thrice(b, DROP_NONE);
		F.bytes[lies[i].at] = lies[i].becomes;
		thrice(b, lies[i].reason);
	}
	b->port[0].guard = SNAP_GUARD_ALL;
	bed_apply(b);
	for (unsigned i = 0; i < 2 * ARRAY_LEN(ports); i++) {
		honest(i & 1, 17);
		thrice(b, DROP_NONE);
		memcpy(F.bytes + 14 + (i & 1 ? 40 : 20), ports[i / 2], 2);
		thrice(b, DROP_GUARD_SERVER);
	}
	if (b->verdicts == NULL || b->is_bumped)
		return;
	honest(false, 6);
	thrice(b, DROP_NONE);
	assert_true(b->n_cached > ARRAY_LEN(lies));
}

/* From 0.0.0.0 a guest may ask DHCP, and nobody else, whatever it has asked before. */
static void who_has_no_address_yet_gets_no_verdict(void **state)
{
	struct bed *b = three(state, SNAP_GUARD_ALL);

	frame_simple(&F, MAC_BCAST, MAC_OF(2), 20);
	bed_step(b, 2, &F);
	bed_clear(b);
	ip4(ANY4, 68, 67);
	memcpy(F.bytes, MAC_OF(2), 6);
	thrice(b, DROP_NONE);
	honest(false, 17);
	memcpy(F.bytes + 14 + 12, OTHER4, 4);
	thrice(b, DROP_GUARD_IP);
	memcpy(F.bytes + 14 + 12, ANY4, 4);
	thrice(b, DROP_GUARD_IP);
}

/* What a guard looks at may be anything: it ends, reads nothing that is not there, and lets only own
 * sources pass. */
static void random_bytes_are_survived(void **state)
{
	struct bed *b = three(state, SNAP_GUARD_ALL);
	struct mem_frame got;
	uint32_t dice = 7;

	for (unsigned i = 0; i < 20000; i++) {
		icmp6((uint8_t)(133 + i % 5), i % 2 ? OWN6 : LINK6, OWN6, MAC_OF(1));
		for (unsigned k = 0; k < 1 + i % 7; k++) {
			dice = dice * 1664525u + 1013904223u;
			F.bytes[12 + (dice >> 8) % (F.len - 12)] = (uint8_t)(dice >> 24);
		}
		dice = dice * 1664525u + 1013904223u;
		if (i % 3 == 0)
			F.len = 14 + (dice >> 8) % (F.len - 14);
		bed_step(b, 1, &F);
		for (; vif_mem_take(b->vif[2], &got); free(got.bytes))
			assert_memory_equal(got.bytes + 6, MAC_OF(1), 6);
		bed_clear(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(drop_guard_mac_of_another),
		BED_TESTS(drop_guard_arp_with_mac_or_address_of_another),
		BED_TESTS(drop_guard_ip_of_another),
		BED_TESTS(drop_guard_nd_with_mac_or_address_of_another),
		BED_TESTS(drop_guard_server_and_router),
		BED_TESTS(servers_are_found_behind_headers_in_fragments_and_tunnels),
		BED_TESTS(drop_guard_hidden_what_guards_cannot_look_into),
		BED_TESTS(no_wrapping_carries_what_is_forbidden),
		BED_TESTS(what_bridges_say_is_not_for_guests),
		BED_TESTS(who_steals_a_mac_gets_nothing),
		BED_TESTS(a_guarded_flow_may_be_the_kernels_but_nothing_forbidden),
		BED_TESTS(who_has_no_address_yet_gets_no_verdict),
		BED_TESTS(random_bytes_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
