/* SPDX-License-Identifier: Apache-2.0 */
/* verdict_random_test.c - two switches with the same configuration hear the same frames: one is the
 * pipeline alone, with the other the kernel's programs come first, and several workers.  Whatever leaves the one leaves the
 * other, and both count the same.
 *
 * Configurations, frames and what happens in between come from a seed, which is printed; SEED=N in the
 * environment repeats a run. */
#include "tests/lib/bed.h"
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STEPS 4000
#define ROUNDS 6
#define PORTS 6
#define MACS 6

static struct frame F;
static uint32_t state;

static uint32_t pick(uint32_t n)
{
	state = state * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(state >> 8) * n >> 24);
}

/* The station that is behind @vif most of the time. */
static unsigned home_mac(uint16_t vif)
{
	return vif == 1 ? PORTS : vif - 1u;
}

static void describe(struct bed *b)
{
	bed_network(b, 1);
	bed_network(b, 2);
	for (uint16_t id = 1; id <= PORTS; id++) {
		memcpy(bed_port(b, id, id <= 4 ? 1 : 2)->mac, MAC_OF(home_mac(id)), 6);
		if (id > 2)
			bed_binding(b, id, "192.0.2.1/32");
		if (id > 3)
			bed_binding(b, id, "2001:db8::1/128");
	}
	bed_apply(b);
}

/* The same change of both. */
static void change(struct bed *const beds[2])
{
	static const uint32_t others[] = { SNAP_PORT_LOCKED, SNAP_PORT_LOCKED | SNAP_PORT_LEARN };
	unsigned what = pick(10), port = pick(PORTS), mac = 1 + pick(MACS);
	uint8_t guard = (uint8_t)pick(2 * (SNAP_GUARD_ALL + 1));
	uint32_t flag = pick(3) == 0 ? others[pick(2)] : 1u << pick(7);
	uint16_t mtu = (uint16_t)(1400 + 50 * pick(4));
	unsigned sticky = pick(2) ? SNAP_FDB_STICKY : 0;

	for (unsigned i = 0; i < 2; i++) {
		struct bed *b = beds[i];

		switch (what) {
		case 0: b->port[port].flags ^= flag; break;
		case 1: b->port[port].mtu = mtu; break;
		case 2: b->network[0].ageing_s = mtu / 10; break;
		case 3: fdb_flush(b->fdb, 1, 0); break;
		case 4: bed_restart(b); break;
		case 5: b->port[port].guard = guard > SNAP_GUARD_ALL ? 0 : guard; break;
		case 6: bed_fdb(b, b->port[port].vif_id, MAC_OF(mac), 0, sticky); break;
		case 7: bed_no_fdb(b, MAC_OF(mac), 0); break;
		case 8: b->network[0].ageing_s = b->network[0].ageing_s == 0 ? 300 : 0; break;
		default: bed_warp(b, (uint64_t)mtu * NS_PER_SEC / 20); continue;
		}
		bed_apply(b);
	}
}

/* A frame of a kind and between stations that chance chooses. */
static void make_frame(void)
{
	static const uint8_t flags[] = { 0x10, 0x18, 0x02, 0x11, 0x14 };
	const uint8_t *to = pick(12) == 0 ? MAC_BCAST : NULL;
	uint8_t dst[6], src[6];
	bool is_v6 = pick(2), is_tcp = pick(2);

	memcpy(dst, to != NULL ? to : MAC_OF(1), 6);
	if (to == NULL)
		dst[5] = (uint8_t)(1 + pick(MACS));
	memcpy(src, MAC_OF(1 + pick(MACS)), 6);
	if (pick(10) == 0) {
		frame_super(&F, is_v6, pick(8) == 0, 3000 + pick(60000));
		memcpy(F.bytes, dst, 6);
		memcpy(F.bytes + 6, src, 6);
		return;
	}
	frame_eth(&F, dst, src);
	if (pick(10) == 0)
		frame_vlan(&F, 0x8100, (uint16_t)pick(5));
	is_v6 ? frame_ip6(&F, is_tcp ? 6 : 17) : frame_ip4(&F, is_tcp ? 6 : 17);
	if (is_tcp)
		frame_tcp(&F, flags[pick(ARRAY_LEN(flags))]);
	else
		frame_udp(&F, pick(8) == 0 ? 67 : 5000);
	if (pick(20) == 0)
		F.bytes[F.len - (is_tcp ? 32 : 8) + 1] = 67;
	frame_payload(&F, pick(1500));
	frame_end(&F);
	if (pick(8) == 0) /* of another */
		F.bytes[14 + (is_v6 ? 23 : 15)] = (uint8_t)(2 * pick(2));
	if (pick(20) == 0)
		F.bytes[14 + pick(40)] ^= (uint8_t)(1 + pick(255)); /* malformed, options, TTL */
}

static bool is_same_offload(const struct mem_offload *a, const struct mem_offload *b)
{
	return a->flags == b->flags && a->gso_type == b->gso_type && a->gso_size == b->gso_size
		&& a->csum_start == b->csum_start && a->csum_offset == b->csum_offset;
}

static void expect_same(const struct bed *x, const struct bed *y, unsigned step)
{
	for (uint16_t id = 1; id <= PORTS; id++) {
		struct mem_frame a, b;

		while (vif_mem_take(x->vif[id], &a)) {
			if (!vif_mem_take(y->vif[id], &b))
				fail_msg("step %u: v%u sent less through the kernel", step, id);
			if (a.len != b.len || memcmp(a.bytes, b.bytes, a.len) != 0
				|| !is_same_offload(&a.offload, &b.offload))
				fail_msg("step %u: v%u sent another frame", step, id);
			free(a.bytes);
			free(b.bytes);
		}
		if (vif_mem_take(y->vif[id], &b))
			fail_msg("step %u: v%u sent more through the kernel", step, id);
		if (memcmp(&x->io.vif_counters[id], &y->io.vif_counters[id],
			    sizeof(struct vif_counters))
			!= 0)
			fail_msg("step %u: v%u counts differently", step, id);
	}
}

static uint64_t compare(uint32_t seed, unsigned how)
{
	struct bed *const beds[2] = { bed_create(1), bed_create(1 | BED_CACHED | how) };
	uint64_t n_cached;

	state = seed;
	describe(beds[0]);
	describe(beds[1]);
	for (unsigned step = 0; step < STEPS; step++) {
		uint16_t vif = (uint16_t)(1 + pick(PORTS));

		/* Mostly stations stay where they are. */
		make_frame();
		if (pick(20) != 0)
			vif = (uint16_t)(1 + F.bytes[11] % PORTS);
		for (unsigned again = pick(4); again < 4; again++) {
			for (unsigned i = 0; i < 2; i++)
				bed_step(beds[i], vif, &F);
			expect_same(beds[0], beds[1], step);
		}
		if (pick(60) == 0)
			change(beds);
	}
	n_cached = beds[1]->n_cached;
	bed_destroy(beds[0]);
	bed_destroy(beds[1]);
	return n_cached;
}

static void cached_or_not_the_switch_is_the_same(void **)
{
	const char *given = getenv("SEED");
	uint32_t seed = given != NULL ? (uint32_t)strtoul(given, NULL, 0) : (uint32_t)time(NULL);
	uint64_t n_cached = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		printf("seed %u round %u\n", seed, round);
		n_cached += compare(
			seed + round, (round % 2 ? BED_BUMPED : 0) | BED_WORKERS(1 + round % 3));
	}
	printf("%llu frames of %u steps went by the kernel\n", (unsigned long long)n_cached,
		(unsigned)(ROUNDS * STEPS));
	assert_true(n_cached > ROUNDS * STEPS / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cached_or_not_the_switch_is_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
