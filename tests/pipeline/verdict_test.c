/* SPDX-License-Identifier: Apache-2.0 */
/* verdict_test.c - what the kernel does by itself is what the pipeline would do, and no more.
 *
 *      v1   v2   v3   (all kernel netdevs)
 *       \    |    /
 *        +---n1--+
 */
#include "tests/lib/bed.h"
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"

#include <endian.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define ONE_TEST(f) BED_TEST(f, 1, 1, BED_CACHED, ""), BED_TEST(f, 1, 3, BED_CACHED, "")
#define TCP_ACK 0x10
#define VIF_BYTES(b, id, way) ((b)->io.vif_counters[id].way##_bytes)

static struct frame F, G;

static struct bed *three(void **state)
{
	struct bed *b = *state;

	bed_network(b, 1);
	for (uint16_t id = 1; id <= 3; id++)
		bed_port(b, id, 1);
	bed_apply(b);
	return b;
}

static void say_hello(struct bed *b, uint16_t vif_id, unsigned mac)
{
	frame_simple(&G, MAC_BCAST, MAC_OF(mac), 20);
	bed_step(b, vif_id, &G);
	bed_clear(b);
}

/* A network where v1 (MAC 1) and v2 (MAC 2) know each other and F, from 1 to 2, has a verdict. */
static struct bed *warm(void **state)
{
	struct bed *b = three(state);

	say_hello(b, 1, 1);
	say_hello(b, 2, 2);
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 100);
	bed_step(b, 1, &F);
	bed_clear(b);
	assert_int_equal(b->n_cached, 0);
	bed_step(b, 1, &F);
	assert_int_equal(b->n_cached, 1);
	EXPECT_FRAME(b, 2, &F);
	return b;
}

/* @f has been sent twice by v1 and reached v2 twice; how often by itself? */
static uint64_t cached_of(struct bed *b, const struct frame *f)
{
	uint64_t before = b->n_cached;

	for (unsigned i = 0; i < 2; i++) {
		bed_step(b, 1, f);
		EXPECT_FRAME(b, 2, f);
	}
	return b->n_cached - before;
}

static void a_known_unicast_is_the_kernels_from_the_second_frame_on(void **state)
{
	struct bed *b = warm(state);
	uint64_t packets = b->io.vif_counters[1].rx_packets, bytes = VIF_BYTES(b, 2, tx);

	for (unsigned i = 0; i < 10; i++)
		bed_step(b, 1, &F);
	assert_int_equal(b->n_cached, 11);
	assert_int_equal(b->io.vif_counters[1].rx_packets, packets + 10);
	assert_int_equal(VIF_BYTES(b, 2, tx), bytes + 10 * F.len);
	bed_clear(b);
}

static void programs_count_by_vif(void **state)
{
	struct bed *b = warm(state);
	const struct verdict_counters *c
		= (const struct verdict_counters *)(const void *)((uint8_t *)b->verdict_segment
			+ (size_t)VERDICTS_VIF * VERDICT_ELEM);

	assert_int_equal(c[1].rx_packets, 1);
	assert_int_equal(c[1].rx_bytes, F.len);
	assert_int_equal(c[1].tx_packets, 0);
	assert_int_equal(c[2].tx_packets, 1);
	assert_int_equal(c[2].tx_bytes, F.len);
	assert_int_equal(c[2].rx_packets, 0);
}

static void tcp_over_both_families_is_cached_but_not_its_ends(void **state)
{
	static const uint8_t ends[] = { 0x01, 0x02, 0x04, 0x12, 0x11, 0x14 };
	struct bed *b = warm(state);

	for (unsigned v6 = 0; v6 < 2; v6++) {
		for (unsigned i = 0; i <= ARRAY_LEN(ends); i++) {
			frame_eth(&F, MAC_OF(2), MAC_OF(1));
			v6 ? frame_ip6(&F, 6) : frame_ip4(&F, 6);
			frame_tcp(&F, i < ARRAY_LEN(ends) ? ends[i] : TCP_ACK);
			frame_payload(&F, 64);
			frame_end(&F);
			/* IPv6 has a verdict of its own, which the first of the frames makes. */
			assert_int_equal(cached_of(b, &F), i < ARRAY_LEN(ends) ? 0 : 2);
		}
	}
}

static void super_frames_are_passed_on_whole(void **state)
{
	struct bed *b = warm(state);

	for (unsigned v6 = 0; v6 < 2; v6++) {
		frame_super(&F, v6 != 0, false, 65535);
		memcpy(F.bytes, MAC_OF(2), 6);
		memcpy(F.bytes + 6, MAC_OF(1), 6);
		F.bytes[14 + (v6 ? 40 : 20) + 13] = TCP_ACK; /* the checksum is partial */
		bed_step(b, 1, &F);
		bed_clear(b);
		uint64_t before = b->n_cached;

		bed_step(b, 1, &F);
		assert_int_equal(b->n_cached, before + 1);
		EXPECT_FRAME(b, 2, &F);
	}
}

static void arp(struct frame *f)
{
	frame_eth(f, MAC_OF(2), MAC_OF(1));
	frame_arp(f);
	frame_end(f);
}

static void tagged(struct frame *f)
{
	frame_eth(f, MAC_OF(2), MAC_OF(1));
	frame_vlan(f, 0x8100, 5);
	frame_ip4(f, 17);
	frame_udp(f, 9);
	frame_payload(f, 50);
	frame_end(f);
}

static void udp_to(struct frame *f, bool is_v6, uint16_t port)
{
	frame_eth(f, MAC_OF(2), MAC_OF(1));
	is_v6 ? frame_ip6(f, 17) : frame_ip4(f, 17);
	frame_udp(f, port);
	frame_payload(f, 50);
	frame_end(f);
}

static void dhcp(struct frame *f)
{
	udp_to(f, false, 67);
}

static void dhcp6(struct frame *f)
{
	udp_to(f, true, 547);
}

static void later_fragment(struct frame *f)
{
	udp_to(f, false, 9);
	f->bytes[14 + 7] = 100;
}

static void first_fragment(struct frame *f)
{
	udp_to(f, false, 9);
	f->bytes[14 + 6] = 0x20;
}

static void last_hop(struct frame *f)
{
	udp_to(f, false, 9);
	f->bytes[14 + 8] = 1;
}

static void last_hop6(struct frame *f)
{
	udp_to(f, true, 9);
	f->bytes[14 + 7] = 1;
}

static void neighbour_solicitation(struct frame *f)
{
	udp_to(f, true, 9);
	f->bytes[14 + 6] = 58;
	f->bytes[14 + 40] = 135;
}

static void with_options(struct frame *f)
{
	udp_to(f, false, 9);
	f->bytes[14] = 0x46;
}

static void with_extension(struct frame *f)
{
	frame_eth(f, MAC_OF(2), MAC_OF(1));
	frame_ip6(f, 17);
	frame_ip6_ext(f, 0, 1);
	frame_udp(f, 9);
	frame_payload(f, 50);
	frame_end(f);
}

static void what_others_look_at_is_never_the_kernels(void **state)
{
	static void (*const kinds[])(struct frame * f)
		= { arp, tagged, dhcp, dhcp6, later_fragment, first_fragment, last_hop, last_hop6,
			  neighbour_solicitation, with_options, with_extension };
	struct bed *b = warm(state);

	udp_to(&F, true, 9);
	bed_step(b, 1, &F); /* IPv6 has a verdict too */
	bed_clear(b);
	assert_int_equal(cached_of(b, &F), 2);
	for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
		kinds[i](&F);
		if (cached_of(b, &F) != 0)
			fail_msg("kind %u was passed on by the kernel", i);
	}
}

static void groups_and_floods_are_never_the_kernels(void **state)
{
	struct bed *b = warm(state);
	const uint8_t *const to[] = { MAC_BCAST, MAC_GROUP(5), MAC_OF(77) };
	uint64_t before = b->n_cached;

	for (unsigned i = 0; i < 2 * ARRAY_LEN(to); i++) {
		frame_simple(&F, to[i / 2], MAC_OF(1), 60);
		bed_step(b, 1, &F);
		EXPECT_FRAME(b, 2, &F);
		EXPECT_FRAME(b, 3, &F);
	}
	assert_int_equal(b->n_cached, before);
}

static void what_is_too_large_goes_to_the_pipeline_and_is_counted(void **state)
{
	struct bed *b = warm(state);
	uint64_t before = b->n_cached;

	frame_simple(&F, MAC_OF(2), MAC_OF(1), 1600);
	bed_step(b, 1, &F);
	assert_int_equal(b->n_cached, before);
	assert_int_equal(bed_drops(b, 2, DROP_MTU_EXCEEDED), 1);
	EXPECT_NOTHING(b, 2);
}

static void a_move_counts_for_the_next_frame(void **state)
{
	struct bed *b = warm(state);

	say_hello(b, 3, 2); /* MAC 2 is on v3 now */
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 3, &F);
	EXPECT_NOTHING(b, 2);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 3, &F);
	EXPECT_NOTHING(b, 2);
	assert_int_equal(b->n_cached, 2);
}

static void a_source_that_moved_is_the_pipelines_to_learn(void **state)
{
	struct bed *b = warm(state);

	bed_step(b, 3, &F); /* MAC 1 speaks from v3 */
	EXPECT_FRAME(b, 2, &F);
	bed_step(b, 1, &F); /* and from v1 again: learned, not passed on unseen */
	EXPECT_FRAME(b, 2, &F);
	assert_int_equal(b->n_cached, 1);
	assert_int_equal(b->io.vif_counters[1].fdb_moved, 1);
}

static void a_flushed_table_floods(void **state)
{
	struct bed *b = warm(state);

	fdb_flush(b->fdb, 1, 0);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_FRAME(b, 3, &F);
}

static void an_aged_receiver_is_flooded_for(void **state)
{
	struct bed *b = warm(state);

	bed_warp(b, 299 * NS_PER_SEC);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_NOTHING(b, 3);
	bed_warp(b, 2 * NS_PER_SEC);
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	EXPECT_FRAME(b, 3, &F);
}

static void a_sender_that_only_the_kernel_hears_does_not_age(void **state)
{
	struct bed *b = warm(state);

	for (unsigned i = 0; i < 20; i++) {
		bed_warp(b, 60 * NS_PER_SEC);
		say_hello(b, 2, 2);
		bed_step(b, 1, &F);
		EXPECT_FRAME(b, 2, &F);
	}
	assert_int_equal(b->n_cached, 21);
	frame_simple(&G, MAC_OF(1), MAC_OF(2), 60);
	bed_step(b, 2, &G);
	EXPECT_FRAME(b, 1, &G);
	EXPECT_NOTHING(b, 3);
}

static void a_changed_configuration_counts_for_the_next_frame(void **state)
{
	struct bed *b = warm(state);

	b->port[0].flags |= SNAP_PORT_ISOLATED;
	b->port[1].flags |= SNAP_PORT_ISOLATED;
	bed_apply(b);
	bed_step(b, 1, &F);
	EXPECT_NOTHING(b, 2);
	assert_int_equal(bed_drops(b, 1, DROP_ISOLATED), 1);
	b->port[1].flags &= ~(uint32_t)SNAP_PORT_ISOLATED;
	bed_apply(b);
	assert_int_equal(cached_of(b, &F), 1);
	b->port[1].flags &= ~(uint32_t)SNAP_PORT_UP;
	bed_apply(b);
	bed_step(b, 1, &F);
	EXPECT_NOTHING(b, 2);
}

static void what_somebody_watches_goes_through_the_engine(void **state)
{
	static const struct {
		enum capture_target target;
		uint16_t id;
		uint64_t cached;
	} kinds[] = { { CAPTURE_TARGET_VIF, 1, 0 }, { CAPTURE_TARGET_VIF, 2, 0 },
		{ CAPTURE_TARGET_NETWORK, 1, 0 }, { CAPTURE_TARGET_VIF, 3, 1 },
		{ CAPTURE_TARGET_DROPS, 0, 1 } };
	const size_t ring_size = sizeof(struct capture_ring) + CAPTURE_DATA_SIZE_MIN;
	struct bed *b = warm(state);

	for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct msg_capture m = { .capture_id = 1,
			.target = kinds[i].target,
			.target_id = kinds[i].id,
			.snaplen = CAPTURE_SNAPLEN_DEFAULT };
		int fd = memfd_create("ring", MFD_ALLOW_SEALING | MFD_CLOEXEC), event[2];
		struct capture_set set = { .n = 1 };
		struct err e = ERR_NONE;

		assert_int_equal(ftruncate(fd, (off_t)ring_size), 0);
		assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, event), 0);
		set.session[0] = capture_open(&m, fd, event[0], &e);
		assert_non_null(set.session[0]);
		b->captures = &set;
		bed_apply(b);
		assert_int_equal(cached_of(b, &F), kinds[i].cached);
		b->captures = NULL;
		bed_apply(b);
		assert_int_equal(cached_of(b, &F), 1);
		capture_close(set.session[0]);
		close(event[1]);
	}
}

static void a_vif_that_is_no_netdev_has_no_verdicts(void **state)
{
	struct bed *b = three(state);

	b->vif[2]->flags &= ~(uint32_t)MSG_VIF_FAST;
	say_hello(b, 1, 1);
	say_hello(b, 2, 2);
	frame_simple(&F, MAC_OF(2), MAC_OF(1), 100);
	assert_int_equal(cached_of(b, &F), 0);
}

static void a_way_out_that_the_daemon_took_away_loses_and_counts(void **state)
{
	struct bed *b = warm(state);
	const struct verdict_counters *c
		= (const struct verdict_counters *)(const void *)((uint8_t *)b->verdict_segment
			+ (size_t)(VERDICTS_VIF + 2) * VERDICT_ELEM);

	b->kernel.ports[2] = 0;
	b->kernel.may_lose = true;
	bed_step(b, 1, &F);
	EXPECT_NOTHING(b, 2);
	assert_int_equal(c->tx_lost, 1);
}

static void a_guest_with_many_addresses_pushes_nobody_out(void **state)
{
	struct bed *b = warm(state);
	uint64_t before;

	say_hello(b, 3, 3);
	for (unsigned i = 0; i < 3 * VERDICT_VIF_MAX; i++) {
		frame_simple(&G, MAC_OF(2), MAC_OF(0), 60);
		G.bytes[7] = (uint8_t)(i >> 16);
		G.bytes[8] = (uint8_t)(i >> 8);
		G.bytes[9] = (uint8_t)i;
		bed_step(b, 3, &G);
		bed_clear(b);
	}
	assert_in_range(b->verdicts->n_of_vif[3], VERDICT_VIF_MAX / 2, VERDICT_VIF_MAX);
	before = b->n_cached;
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	assert_int_equal(b->n_cached, before + 1);
}

static void flows_go_on_without_engine_and_daemon(void **state)
{
	struct bed *b = warm(state);
	uint64_t before = b->n_cached;

	b->kernel.has_no_socket = true;
	b->kernel.may_lose = true;
	bed_step(b, 1, &F);
	EXPECT_FRAME(b, 2, &F);
	frame_simple(&G, MAC_OF(3), MAC_OF(1), 60); /* nobody has decided about this one */
	bed_step(b, 1, &G);
	EXPECT_NOTHING(b, 2);
	EXPECT_NOTHING(b, 3);
	assert_int_equal(b->n_cached, before + 1);
}

static void another_engine_begins_anew(void **state)
{
	struct bed *b = warm(state);

	bed_restart(b);
	assert_int_equal(cached_of(b, &F), 1);
}

/* Whatever an engine that was taken over writes: nothing but vifs is ever sent to. */
static void garbage_in_the_segments_leads_nowhere_else(void **state)
{
	struct bed *b = warm(state);
	struct verdict_control *control
		= (struct verdict_control *)(void *)((uint8_t *)b->verdict_segment
			+ VERDICTS_CONTROL * VERDICT_ELEM);
	const struct kernel_frame f = {
		.bytes = F.bytes, .linear = F.len, .len = F.len, .ifindex = b->vif[1]->ifindex
	};
	uint32_t random = 1, n_sent = 0;

	b->kernel.may_lose = true;
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t set = verdict_set(control, F.bytes, f.ifindex, htobe16(0x0800));
		struct verdict *v = (struct verdict *)(void *)((uint8_t *)b->verdict_segment
			+ (VERDICTS_FIRST + (size_t)set * VERDICT_WAYS) * VERDICT_ELEM);
		uint32_t way;

		for (unsigned k = 0; k < 4; k++) {
			random = random * 1664525 + 1013904223;
			((uint8_t *)v)[32 + random % 28] = (uint8_t)(random >> 24);
		}
		way = kernel_double_run(&b->kernel, &f);
		assert_true(way == 0 || way == KERNEL_LOST
			|| (way >= b->vif[1]->ifindex && way <= b->vif[3]->ifindex));
		n_sent += way != 0 && way != KERNEL_LOST;
		if (i % 8 == 0) { /* from a whole one again */
			verdicts_flush(b->verdicts);
			bed_warp(b, NS_PER_SEC / 10); /* another worker asks again then */
			bed_step(b, 1, &F);
			bed_clear(b);
		}
	}
	assert_true(n_sent > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONE_TEST(a_known_unicast_is_the_kernels_from_the_second_frame_on),
		ONE_TEST(programs_count_by_vif),
		ONE_TEST(tcp_over_both_families_is_cached_but_not_its_ends),
		ONE_TEST(super_frames_are_passed_on_whole),
		ONE_TEST(what_others_look_at_is_never_the_kernels),
		ONE_TEST(groups_and_floods_are_never_the_kernels),
		ONE_TEST(what_is_too_large_goes_to_the_pipeline_and_is_counted),
		ONE_TEST(a_move_counts_for_the_next_frame),
		ONE_TEST(a_source_that_moved_is_the_pipelines_to_learn),
		ONE_TEST(a_flushed_table_floods),
		ONE_TEST(an_aged_receiver_is_flooded_for),
		ONE_TEST(a_sender_that_only_the_kernel_hears_does_not_age),
		ONE_TEST(a_changed_configuration_counts_for_the_next_frame),
		ONE_TEST(what_somebody_watches_goes_through_the_engine),
		ONE_TEST(a_vif_that_is_no_netdev_has_no_verdicts),
		ONE_TEST(a_way_out_that_the_daemon_took_away_loses_and_counts),
		ONE_TEST(a_guest_with_many_addresses_pushes_nobody_out),
		ONE_TEST(flows_go_on_without_engine_and_daemon),
		ONE_TEST(another_engine_begins_anew),
		ONE_TEST(garbage_in_the_segments_leads_nowhere_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
