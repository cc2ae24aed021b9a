/* SPDX-License-Identifier: Apache-2.0 */
/* state_test.c - the forwarding table outlives the engine, whatever state the segment was left in.
 *
 *      v1   v2   v3 (host leg)
 *       \    |   /
 *        +--n1--+
 */
#include "tests/lib/bed.h"
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"
#include "vswitch/state.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct frame F;

static struct bed *three(void **state)
{
	struct bed *b = *state;

	bed_network(b, 1);
	for (uint16_t id = 1; id <= 3; id++)
		bed_port(b, id, 1);
	bed_leg(b, 3);
	bed_apply(b);
	for (unsigned i = 0; i < 100; i++) {
		frame_simple(&F, MAC_BCAST, MAC_OF(100 + i), 20);
		bed_send(b, i % 2 == 0 ? 1 : 2, &F);
	}
	bed_run(b);
	bed_clear(b);
	return b;
}

static void known_macs_are_not_flooded_after_a_restart(void **state)
{
	struct bed *b = three(state);

	bed_restart(b);
	assert_int_equal(b->fdb->tab.n_broken, 0);
	assert_int_equal(fdb_count(b->fdb, 1), 50);
	assert_int_equal(fdb_count(b->fdb, 2), 50);
	for (unsigned i = 0; i < 100; i += 2) { /* behind 1, asked by 2 */
		frame_simple(&F, MAC_OF(100 + i), MAC_OF(101), 20);
		bed_step(b, 2, &F);
		EXPECT_FRAME(b, 1, &F);
		EXPECT_NOTHING(b, 3);
	}
	frame_simple(&F, MAC_OF(3), MAC_OF(101), 20);
	bed_step(b, 2, &F);
	EXPECT_FRAME(b, 3, &F);
	EXPECT_NOTHING(b, 1);
}

static void ageing_goes_on_over_a_restart(void **state)
{
	struct bed *b = three(state);

	bed_warp(b, 200 * NS_PER_SEC);
	bed_restart(b);
	bed_warp(b, 100 * NS_PER_SEC);
	frame_simple(&F, MAC_OF(100), MAC_OF(101), 20);
	bed_step(b, 2, &F);
	EXPECT_FRAME(b, 3, &F); /* flooded */
}

static void a_record_half_written_is_dropped_and_the_others_kept(void **state)
{
	struct bed *b = three(state);
	uint32_t index = 10;

	/* A crash in the middle of a change leaves an odd number. */
	ixtab_change_begin(&b->fdb->tab, index);
	bed_restart(b);
	assert_int_equal(b->fdb->tab.n_broken, 1);
	assert_int_equal(b->fdb->tab.n_kept, 100); /* 99 learned and the leg's */
}

static void a_flipped_bit_in_any_byte_of_a_record_costs_that_record_at_most(void **state)
{
	struct bed *b = three(state);
	uint8_t *rec = ixtab_rec_at(&b->fdb->tab, 7);

	for (unsigned at = 0; at < sizeof(struct fdb_record); at++)
		for (unsigned bit = 0; bit < 8; bit += 3) {
			rec[at] ^= (uint8_t)(1u << bit);
			bed_restart(b);
			assert_true(b->fdb->tab.n_broken <= 1);
			assert_true(b->fdb->tab.n_kept >= 100);
			rec[at] ^= (uint8_t)(1u << bit);
			/* What was dropped is free now; whatever is left is sound. */
			bed_restart(b);
			frame_simple(&F, MAC_BCAST, MAC_OF(106), 20);
			bed_step(b, 1, &F);
			bed_clear(b);
			rec = ixtab_rec_at(&b->fdb->tab, 7);
		}
}

static void a_header_with_any_wrong_byte_means_starting_empty(void **state)
{
	struct bed *b = three(state);
	uint8_t *hdr = b->segment;

	/* magic, kind, version, layout, size; the secret makes every check wrong */
	for (unsigned at = 0; at < offsetof(struct segment_hdr, reserved); at++) {
		hdr[at] ^= 0x40;
		bed_restart(b);
		assert_int_equal(fdb_count(b->fdb, 1), 0);
		frame_simple(&F, MAC_BCAST, MAC_OF(9), 20);
		bed_step(b, 1, &F);
		assert_int_equal(fdb_count(b->fdb, 1), 1);
		bed_clear(b);
	}
}

static void random_bytes_everywhere_never_crash(void **state)
{
	struct bed *b = three(state);
	uint8_t *bytes = b->segment;
	uint32_t x = 12345;

	for (unsigned round = 0; round < 4; round++) {
		for (size_t i = sizeof(struct segment_hdr); i < SEGMENT_FDB_SIZE;
			i += 1 + x % 256) {
			x = x * 1664525 + 1013904223;
			bytes[i] = (uint8_t)(x >> 24);
		}
		bed_restart(b);
		frame_simple(&F, MAC_OF(9), MAC_OF(8), 20);
		bed_step(b, 1, &F);
		EXPECT_FRAME(b, 2, &F);
		bed_clear(b);
	}
}

static void bytes_changed_under_a_running_engine_never_crash_it(void **state)
{
	struct bed *b = three(state);
	uint8_t *bytes = b->segment;
	uint32_t x = 99;

	for (unsigned round = 0; round < 300; round++) {
		for (unsigned i = 0; i < 40; i++) {
			x = x * 1664525 + 1013904223;
			bytes[sizeof(struct segment_hdr) + x % 8192] = (uint8_t)(x >> 24);
		}
		frame_simple(&F, MAC_OF(100 + round % 100), MAC_OF(100 + x % 128), 20);
		bed_send(b, 1 + round % 2, &F);
		if (round % 7 == 0)
			bed_run(b);
		bed_clear(b);
		bed_warp(b, NS_PER_SEC);
	}
	bed_run(b);
	bed_apply(b);
	fdb_flush(b->fdb, 0, 0);
	assert_int_equal(fdb_count(b->fdb, 1), 0);
	assert_int_equal(fdb_count(b->fdb, 2), 0);
}

static void times_from_the_future_are_cut_to_now(void **state)
{
	struct bed *b = three(state);
	struct fdb_record *r = ixtab_rec_at(&b->fdb->tab, 5);

	r->last_seen_ns = UINT64_MAX;
	bed_restart(b);
	assert_int_equal(r->last_seen_ns, b->io.now_ns);
}

static void a_full_table_still_serves_newcomers(void **state)
{
	struct bed *b = three(state);

	for (unsigned i = 0; i < SEGMENT_FDB_SIZE / 64 + 1000; i++) {
		uint8_t mac[6] = { 2, 1, 0, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };

		frame_simple(&F, MAC_OF(3), mac, 1);
		bed_send(b, 1, &F);
		if (i % 32 == 31) {
			bed_run(b);
			bed_clear(b);
		}
	}
	bed_run(b);
	bed_clear(b);
	assert_int_equal(b->fdb->tab.n_live, b->fdb->tab.n_slots);
	assert_true(b->io.vif_counters[1].fdb_refused > 0);
	assert_int_equal(fdb_count(b->fdb, 2), 50);
	frame_simple(&F, MAC_BCAST, MAC_OF(77), 20);
	bed_step(b, 2, &F);
	assert_int_equal(fdb_count(b->fdb, 2), 51);
	bed_clear(b);
}

static int memfd_of(size_t size, unsigned seals)
{
	int fd = memfd_create("segment", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void segments_are_checked_before_they_are_mapped(void **)
{
	struct err e = ERR_NONE;
	struct state s;

	state_init(&s);
	assert_true(state_attach(&s, SEGMENT_FDB, memfd_of(SEGMENT_FDB_SIZE, F_SEAL_GROW), &e) < 0);
	assert_true(state_attach(&s, SEGMENT_FDB, memfd_of(4096, F_SEAL_SHRINK), NULL) < 0);
	assert_true(state_attach(&s, SEGMENT_N, memfd_of(4096, F_SEAL_SHRINK), NULL) < 0);
	assert_true(state_attach(&s, SEGMENT_NONE, memfd_of(4096, F_SEAL_SHRINK), NULL) < 0);
	assert_true(state_attach(&s, SEGMENT_FDB, open("/dev/null", O_RDWR), NULL) < 0);
	assert_null(s.fdb);
	assert_string_not_equal(e.msg, "");
	assert_int_equal(
		state_attach(&s, SEGMENT_FDB, memfd_of(SEGMENT_FDB_SIZE, F_SEAL_SHRINK), NULL), 0);
	assert_true(
		state_attach(&s, SEGMENT_FDB, memfd_of(SEGMENT_FDB_SIZE, F_SEAL_SHRINK), NULL) < 0);
	assert_int_equal(
		state_attach(&s, SEGMENT_CT, memfd_of(SEGMENT_CT_SIZE, F_SEAL_SHRINK), NULL), 0);
	assert_non_null(s.ct);
	state_detach(&s);
}

static void counters_go_on_after_a_restart_and_start_at_zero_when_foreign(void **)
{
	size_t size = sizeof(struct counters_segment);
	int fd = memfd_of(size, F_SEAL_SHRINK);
	struct state s;

	state_init(&s);
	assert_int_equal(state_attach(&s, SEGMENT_COUNTERS, dup(fd), NULL), 0);
	assert_int_equal(s.counters->magic, COUNTERS_MAGIC);
	s.counters->vif[0][5].rx_packets = 42;
	state_detach(&s);
	assert_int_equal(state_attach(&s, SEGMENT_COUNTERS, dup(fd), NULL), 0);
	assert_int_equal(s.counters->vif[0][5].rx_packets, 42);
	s.counters->size--;
	state_detach(&s);
	assert_int_equal(state_attach(&s, SEGMENT_COUNTERS, fd, NULL), 0);
	assert_int_equal(s.counters->vif[0][5].rx_packets, 0);
	state_detach(&s);
}

static void a_dump_tells_every_entry_once(void **state)
{
	struct bed *b = three(state);
	struct fdb_dump at = { .now_ns = b->io.now_ns + 5 * NS_PER_SEC };
	struct msg_fdb_entry e[7];
	unsigned n_all = 0, n_local = 0, seen[256] = { 0 };
	uint32_t n;

	do {
		n = fdb_dump(b->fdb, b->cfg, &at, e, ARRAY_LEN(e));
		for (uint32_t i = 0; i < n; i++) {
			n_local += e[i].origin == FDB_ORIGIN_LOCAL;
			seen[e[i].mac[5]]++;
			assert_int_equal(e[i].network_id, 1);
			assert_int_equal(e[i].age_ms, 5000);
		}
		n_all += n;
	} while (at.cursor != 0);
	assert_int_equal(n_all, 101);
	assert_int_equal(n_local, 1);
	for (unsigned i = 100; i < 200; i++)
		assert_int_equal(seen[i], 1);
	at.now_ns += 300 * NS_PER_SEC;
	assert_int_equal(fdb_dump(b->fdb, b->cfg, &at, e, ARRAY_LEN(e)), 1); /* the leg */
}

static void flush_forgets_what_it_is_told_to(void **state)
{
	struct bed *b = three(state);

	assert_int_equal(fdb_flush(b->fdb, 2, 0), 0);
	assert_int_equal(fdb_flush(b->fdb, 1, 2), 50);
	assert_int_equal(fdb_count(b->fdb, 1), 50);
	assert_int_equal(fdb_flush(b->fdb, 1, 0), 50);
	assert_int_equal(b->fdb->tab.n_live, 1); /* the leg's entry is not learned */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(known_macs_are_not_flooded_after_a_restart),
		BED_TESTS(ageing_goes_on_over_a_restart),
		BED_TESTS(a_record_half_written_is_dropped_and_the_others_kept),
		BED_TESTS_FEW(a_flipped_bit_in_any_byte_of_a_record_costs_that_record_at_most),
		BED_TESTS_FEW(a_header_with_any_wrong_byte_means_starting_empty),
		BED_TESTS(random_bytes_everywhere_never_crash),
		BED_TESTS(bytes_changed_under_a_running_engine_never_crash_it),
		BED_TESTS(times_from_the_future_are_cut_to_now),
		BED_TESTS_FEW(a_full_table_still_serves_newcomers),
		cmocka_unit_test(segments_are_checked_before_they_are_mapped),
		cmocka_unit_test(counters_go_on_after_a_restart_and_start_at_zero_when_foreign),
		BED_TESTS(a_dump_tells_every_entry_once),
		BED_TESTS(flush_forgets_what_it_is_told_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
