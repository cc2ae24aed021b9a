/* SPDX-License-Identifier: Apache-2.0 */
/* router_hostile_test.c - broken packets from both sides of a router: nothing crashes, no buffer is
 * lost.  Topology and names: tests/lib/routed.h. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(hostile_bytes_to_the_router_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
