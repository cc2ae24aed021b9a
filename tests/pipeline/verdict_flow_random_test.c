/* SPDX-License-Identifier: Apache-2.0 */
/* verdict_flow_random_test.c - as verdict_random_test.c, for what is routed and translated: two
 * switches hear the same conversations, one of them with the kernel's programs in front.  What leaves,
 * what is counted and what is known of every connection is the same.
 * Topology: tests/lib/routed.h.  SEED=N in the environment repeats a run. */
#include "tests/lib/routed.h"
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 4000
#define ROUNDS 6
#define FIRST_SEED 1001 /* SEED in the environment: others */
#define TALKS 24
#define VIFS 9
#define SYN 0x02
#define ACK 0x10
#define SYNACK 0x12
#define FINACK 0x11
#define RST 0x04

/* A guest's conversation with the far side. */
struct talk {
	uint16_t vif, sport;
	uint8_t proto; /* as in struct flow */
	bool is_v6;
	unsigned n; /* segments of TCP so far */
	uint32_t seq[2]; /* next byte of guest and far side */
};

static struct frame F;
static struct talk talks[TALKS];
static uint32_t state;

static uint32_t pick(uint32_t n)
{
	state = state * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(state >> 8) * n >> 24);
}

static void begin(struct talk *t)
{
	static const uint8_t protos[] = { 6, 6, 17, 1 };
	static const uint16_t vifs[] = { 1, 2, 4 };
	static uint16_t port = 2000;

	*t = (struct talk){ .vif = vifs[pick(ARRAY_LEN(vifs))],
		.sport = ++port,
		.proto = protos[pick(ARRAY_LEN(protos))],
		.is_v6 = pick(3) == 0,
		.seq = { pick(1u << 24) << 8, pick(1u << 24) << 8 } };
	if (t->is_v6 && t->vif == 2) /* its address there is not known */
		t->vif = 1;
	if (port > 60000)
		port = 2000;
}

static void put32(uint8_t *at, uint32_t v)
{
	v = htobe32(v);
	memcpy(at, &v, 4);
}

/* What comes next in TCP; sometimes somebody gets it wrong. */
static void tcp_words(struct talk *t, unsigned who, uint32_t len, uint8_t flags)
{
	uint8_t *tcp = F.bytes + 14 + (t->is_v6 ? 40 : 20);
	uint32_t error = pick(15) == 0 ? pick(1u << 20) << pick(12) : 0;

	put32(tcp + 4, t->seq[who] + error);
	put32(tcp + 8, t->seq[!who] - (pick(10) == 0 ? error : 0));
	tcp[14] = (uint8_t)pick(256);
	if (error == 0)
		t->seq[who] += len + ((flags & 3) != 0);
}

static uint8_t next_flags(const struct talk *t)
{
	static const uint8_t first[] = { SYN, SYNACK, ACK };

	if (t->n < 3)
		return first[t->n];
	if (pick(40) == 0)
		return FINACK;
	return pick(60) == 0 ? RST : ACK;
}

/* What @who (1: the far side) sends, as it looks where it comes in. */
static struct flow flow_of(const struct talk *t, unsigned who, uint8_t flags)
{
	static char guest[40];
	const char *far = t->is_v6 ? FAR6 : FAR4, *seen = guest;

	snprintf(guest, sizeof(guest), t->is_v6 ? "fd00:%u::%u" : "10.0.%u.%u", t->vif <= 2 ? 1 : 2,
		10 + t->vif);
	if (t->vif <= 2)
		seen = t->is_v6 ? UP6 : UP4; /* translated */
	if (who == 0)
		return (struct flow){ guest, far, t->proto, t->sport, 80, flags };
	return (struct flow){ far, seen, t->proto, t->proto == 1 ? t->sport : 80, t->sport, flags };
}

/* The next frame of @t into F; returns the vif it comes in by. */
static uint16_t say(const struct bed *b, struct talk *t)
{
	bool is_tcp = t->proto == 6, begins = is_tcp && t->n < 3;
	unsigned who = begins ? t->n % 2 : pick(2);
	uint8_t flags = is_tcp ? next_flags(t) : ACK;
	bool is_gso = is_tcp && !begins && flags == ACK && pick(6) == 0;
	uint32_t len = pick(3) == 0 ? 1 + pick(1400) : pick(20);
	uint16_t in = who == 0 ? t->vif : LAN_VIF;

	if (is_gso)
		len = 2000 + pick(60000);
	flow_frame(&F, b, in, flow_of(t, who, flags), begins ? 0 : len);
	if (t->proto == 1 && who == 1)
		flow_echo_reply(&F);
	if (is_tcp) {
		tcp_words(t, who, begins ? 0 : len, flags);
		frame_end(&F);
		t->n++;
	}
	if (is_gso)
		frame_gso(&F, t->is_v6 ? PKT_GSO_TCP6 : PKT_GSO_TCP4, (uint16_t)(600 + pick(900)));
	else if (t->proto != 1 && pick(4) == 0)
		frame_partial(&F);
	if (flags == RST || pick(300) == 0)
		begin(t);
	return in;
}

static void damage(void)
{
	switch (pick(4)) {
	case 0: F.bytes[14 + pick(60)] ^= (uint8_t)(1 + pick(255)); break;
	case 1: F.bytes[F.bytes[14] >> 4 == 4 ? 22 : 21] = (uint8_t)pick(3); break; /* TTL */
	case 2: F.bytes[6 + pick(6)] ^= 2; break; /* another station */
	default: F.bytes[20] ^= (uint8_t)(1u << pick(8)); break; /* flags of fragments */
	}
	if (pick(2))
		frame_end(&F);
}

/* The neighbour of @vif_id says which MAC it has, or that its own is another one. */
static void neighbour_says(struct bed *b, unsigned what, uint8_t mac)
{
	struct neigh_who who = { .network_id = what % 2 ? 1 : UPLINK_NET };
	uint8_t other[6] = { 2, 0, 0, 0, 0, mac };

	memset(who.addr + 10, 0xff, 2);
	memcpy(who.addr + 12,
		what % 2 ? (const uint8_t[]){ 10, 0, 1, 11 } : (const uint8_t[]){ 203, 0, 113, 1 },
		4);
	neigh_heard(pipeline_neigh(b->pipeline), &who, other,
		what < 3           ? NEIGH_CONFIRMS | NEIGH_OVERRIDES
			: what < 5 ? NEIGH_OVERRIDES
				   : 0,
		b->io.now_ns);
}

/* The same change of both, and whatever is due then at once, not with the next frame. */
static void change(struct bed *const beds[2])
{
	unsigned what = pick(12), how = pick(8);
	uint8_t mac = (uint8_t)(how % 2 ? 1 : LAN_VIF);
	uint16_t mtu = (uint16_t)(1300 + 50 * pick(5));

	if (pick(4) == 0)
		mac = (uint8_t)(1 + pick(3)); /* somebody else's */
	for (unsigned i = 0; i < 2; i++) {
		struct bed *b = beds[i];

		switch (what) {
		case 0: b->port[0].mtu = mtu; break;
		case 1: b->router[3].mtu = mtu; break;
		case 2: (void)ct_flush(b->ct, 0, 1); break;
		case 3: fdb_flush(b->fdb, how % 2 ? 1 : UPLINK_NET, 0); break;
		case 4: bed_restart(b); break;
		case 5: neighbour_says(b, how, mac); break;
		case 6:
		case 7:
		case 8: bed_warp(b, (uint64_t)mtu * NS_PER_SEC / 100); break;
		default: routed_neighbours(b); break;
		}
		if (what <= 1 || what == 4)
			bed_apply(b);
		b->ct->random = 1; /* so that both choose the same ports */
		for (unsigned k = 0; k < 8 && (k == 0 || pipeline_due_ns(b->pipeline) == 1); k++)
			bed_tick(b);
	}
}

static void expect_same_counters(
	const struct vif_counters *a, const struct vif_counters *b, unsigned step, unsigned id)
{
	for (unsigned i = 0; i < sizeof(*a) / sizeof(uint64_t); i++)
		if (((const uint64_t *)(const void *)a)[i]
			!= ((const uint64_t *)(const void *)b)[i])
			fail_msg("step %u: v%u: counter %u is %llu, not %llu", step, id, i,
				(unsigned long long)((const uint64_t *)(const void *)b)[i],
				(unsigned long long)((const uint64_t *)(const void *)a)[i]);
}

static void expect_same_frames(struct bed *x, struct bed *y, unsigned step)
{
	for (uint16_t id = 1; id <= VIFS; id++) {
		struct mem_frame a, b;

		if (x->vif[id] == NULL)
			continue;
		while (vif_mem_take(x->vif[id], &a)) {
			if (!vif_mem_take(y->vif[id], &b))
				fail_msg("step %u: v%u sent less through the kernel", step, id);
			for (uint32_t k = 0; k < a.len && a.len == b.len; k++)
				if (a.bytes[k] != b.bytes[k])
					fail_msg("step %u: v%u sent %02x, not %02x, at %u of %u",
						step, id, b.bytes[k], a.bytes[k], k, a.len);
			assert_int_equal(a.len, b.len);
			assert_int_equal(a.offload.gso_size, b.offload.gso_size);
			assert_int_equal(a.offload.flags, b.offload.flags);
			free(a.bytes);
			free(b.bytes);
		}
		if (vif_mem_take(y->vif[id], &b))
			fail_msg("step %u: v%u sent more through the kernel", step, id);
		expect_same_counters(&x->io.vif_counters[id], &y->io.vif_counters[id], step, id);
	}
}

static void expect_same_connections(const struct bed *x, const struct bed *y, unsigned step)
{
	static struct msg_ct_entry a[256], b[256];
	struct ct_dump at_a = { .now_ns = x->io.now_ns }, at_b = at_a;
	uint32_t n = ct_dump(x->ct, &at_a, a, ARRAY_LEN(a));

	assert_int_equal(ct_dump(y->ct, &at_b, b, ARRAY_LEN(b)), n);
	for (uint32_t i = 0; i < n; i++)
		if (memcmp(&a[i], &b[i], sizeof(a[i])) != 0)
			fail_msg("step %u: connection of port %u: states %u %u, %u %u s left, "
				 "packets "
				 "%u %u, %u %u",
				step, be16toh(a[i].orig.sport), a[i].state, b[i].state,
				a[i].timeout_s, b[i].timeout_s, (unsigned)a[i].packets[0],
				(unsigned)b[i].packets[0], (unsigned)a[i].packets[1],
				(unsigned)b[i].packets[1]);
}

static struct bed *make(unsigned how)
{
	void *at = bed_create(how);
	struct bed *b = routed_bed(&at);

	b->router[0].flags |= SNAP_ROUTER_NAT6;
	bed_apply(b);
	b->ct->random = 1;
	return b;
}

static uint64_t compare(uint32_t seed, unsigned how)
{
	struct bed *const beds[2] = { make(1), make(1 | BED_CACHED | how) };
	uint64_t n_cached;

	state = seed;
	for (unsigned i = 0; i < TALKS; i++)
		begin(&talks[i]);
	for (unsigned step = 0; step < STEPS; step++) {
		uint16_t vif = say(beds[0], &talks[pick(TALKS)]);

		if (pick(25) == 0)
			damage();
		for (unsigned i = 0; i < 2; i++)
			bed_step(beds[i], vif, &F);
		expect_same_frames(beds[0], beds[1], step);
		if (step % 50 == 0)
			expect_same_connections(beds[0], beds[1], step);
		if (pick(80) == 0)
			change(beds);
	}
	n_cached = beds[1]->n_cached;
	bed_destroy(beds[0]);
	bed_destroy(beds[1]);
	return n_cached;
}

static void cached_or_not_the_router_is_the_same(void **)
{
	const char *given = getenv("SEED");
	uint32_t seed = given != NULL ? (uint32_t)strtoul(given, NULL, 0) : FIRST_SEED;
	uint64_t n_cached = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		printf("seed %u round %u\n", seed, round);
		n_cached += compare(seed + round, round % 3 == 2 ? BED_BUMPED : 0);
	}
	printf("%llu frames of %u steps went by the kernel\n", (unsigned long long)n_cached,
		(unsigned)(ROUNDS * STEPS));
	assert_true(n_cached > ROUNDS * STEPS / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cached_or_not_the_router_is_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
