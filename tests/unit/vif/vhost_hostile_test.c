/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_hostile_test.c - what a guest can write into its rings, and what becomes of it: its queue ends with a
 * reason, or its frame is lost; nothing outside its memory is touched. */
#include "tests/lib/guest_driver.h"
#include "tests/lib/unit.h"

#include <linux/virtio_ring.h>
#include <string.h>

#define NEXT VRING_DESC_F_NEXT
#define WRITE VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT
#define AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define SIZE 16u
#define GPA(off) (DRIVER_GPA + (off))

static struct driver D;
static uint8_t OUT[VHOST_BURST][256], REST[VHOST_BURST][65536];
static bool IS_PACKED, IS_TX;

static void begin(uint64_t features)
{
	driver_open(&D, features | (IS_PACKED ? DRIVER_PACKED : 0), SIZE, IS_TX);
}

static unsigned run(void)
{
	struct vhost_rx slots[VHOST_BURST];
	static const uint8_t frame[60];
	struct vhost_tx f[8];

	if (!IS_TX) {
		for (unsigned i = 0; i < 8; i++)
			f[i] = (struct vhost_tx){ .first = frame, .first_len = 60, .len = 60 };
		return vhost_queue_enqueue(&D.q, f, 8);
	}
	for (unsigned i = 0; i < VHOST_BURST; i++)
		slots[i] = (struct vhost_rx){ .first = OUT[i],
			.first_room = sizeof(OUT[i]),
			.rest = REST[i],
			.rest_room = sizeof(REST[i]) };
	return vhost_queue_dequeue(&D.q, slots, VHOST_BURST);
}

/* Descriptor @i of the ring, available if it is a packed one. */
static void desc(uint32_t i, uint64_t gpa, uint32_t len, uint16_t flags, uint16_t next)
{
	driver_write_desc(&D, 0, i,
		(struct driver_desc){
			gpa, len, (uint16_t)(flags | (IS_PACKED ? AVAIL : 0)), next });
}

static void offer(void)
{
	driver_set_head(&D, 0, 0);
	driver_set_avail(&D, 1);
}

/* One buffer that begins at descriptor 0 has been laid out; @why it ends the queue. */
static void assert_breaks(enum vhost_broken why)
{
	offer();
	assert_int_equal(run(), 0);
	assert_int_equal(D.q.broken, why);
	assert_int_equal(run(), 0); /* and that was the end of it */
	assert_non_null(vhost_broken_texts[why]);
	driver_close(&D);
}

/* In the direction of the queue. */
static uint16_t way(void)
{
	return IS_TX ? 0 : WRITE;
}

/* Run @test for each kind of ring and both directions. */
static void each(void (*test)(void))
{
	for (unsigned i = 0; i < 4; i++) {
		IS_PACKED = (i & 1) != 0;
		IS_TX = (i & 2) != 0;
		test();
	}
}

static void addresses(void)
{
	static const struct {
		uint64_t gpa;
		uint32_t len;
		enum vhost_broken why;
	} cases[] = {
		{ 0, 72, VHOST_BAD_ADDRESS },
		{ GPA(0) - 1, 72, VHOST_BAD_ADDRESS },
		{ GPA(DRIVER_MEM) - 71, 72, VHOST_BAD_ADDRESS }, /* past the end by one byte */
		{ GPA(DRIVER_MEM), 72, VHOST_BAD_ADDRESS },
		{ UINT64_MAX, 72, VHOST_BAD_ADDRESS },
		{ UINT64_MAX - 71, 72, VHOST_BAD_ADDRESS },
		{ GPA(DRIVER_BUFS), 0, VHOST_ZERO_LENGTH },
		{ 0, 0, VHOST_ZERO_LENGTH },
		{ UINT64_MAX, 0, VHOST_ZERO_LENGTH },
	};

	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		begin(DRIVER_FEATURES);
		desc(0, cases[i].gpa, cases[i].len, way(), 0);
		assert_breaks(cases[i].why);
		/* behind a good one, and in an indirect table */
		begin(DRIVER_FEATURES);
		desc(1, cases[i].gpa, cases[i].len, way(), 0);
		desc(0, GPA(DRIVER_BUFS), IS_TX ? 20 : 1, NEXT | way(), 1);
		if (IS_TX || cases[i].gpa != GPA(DRIVER_MEM) - 71) /* 71 are enough there */
			assert_breaks(cases[i].why);
		else
			driver_close(&D);
		begin(DRIVER_FEATURES);
		driver_write_desc(&D, DRIVER_TABLES, 0,
			(struct driver_desc){ cases[i].gpa, cases[i].len, way(), 0 });
		desc(0, GPA(DRIVER_TABLES), 16, INDIRECT, 0);
		assert_breaks(cases[i].why);
	}
}

static void addresses_outside_its_memory_end_the_queue(void **)
{
	each(addresses);
}

static void directions(void)
{
	begin(DRIVER_FEATURES);
	desc(0, GPA(DRIVER_BUFS), 72, way() ^ WRITE, 0);
	assert_breaks(VHOST_BAD_DIRECTION);
	begin(DRIVER_FEATURES);
	desc(1, GPA(DRIVER_BUFS), 72, way() ^ WRITE, 0);
	desc(0, GPA(DRIVER_BUFS), 12, NEXT | way(), 1);
	assert_breaks(VHOST_BAD_DIRECTION);
	begin(DRIVER_FEATURES);
	driver_write_desc(&D, DRIVER_TABLES, 0,
		(struct driver_desc){ GPA(DRIVER_BUFS), 72, way() ^ WRITE, 0 });
	desc(0, GPA(DRIVER_TABLES), 16, INDIRECT, 0);
	assert_breaks(VHOST_BAD_DIRECTION);
}

static void buffers_of_the_wrong_direction_end_the_queue(void **)
{
	each(directions);
}

static void tables(void)
{
	static const uint32_t lens[] = { 0, 1, 15, 17, UINT32_MAX };
	static const uint64_t gone[]
		= { 0, GPA(DRIVER_MEM) - 15, GPA(DRIVER_MEM), UINT64_MAX - 20 };

	begin(DRIVER_FEATURES & ~DRIVER_F(28));
	driver_write_desc(
		&D, DRIVER_TABLES, 0, (struct driver_desc){ GPA(DRIVER_BUFS), 72, way(), 0 });
	desc(0, GPA(DRIVER_TABLES), 16, INDIRECT, 0);
	assert_breaks(VHOST_BAD_INDIRECT);
	for (unsigned i = 0; i < ARRAY_LEN(lens); i++) {
		begin(DRIVER_FEATURES);
		desc(0, GPA(DRIVER_TABLES), lens[i], INDIRECT, 0);
		assert_breaks(VHOST_BAD_INDIRECT);
	}
	for (unsigned i = 0; i < ARRAY_LEN(gone); i++) {
		begin(DRIVER_FEATURES);
		desc(0, gone[i], 16, INDIRECT, 0);
		assert_breaks(VHOST_BAD_ADDRESS);
	}
	begin(DRIVER_FEATURES); /* its end wraps */
	desc(0, UINT64_MAX - 15, 32, INDIRECT, 0);
	assert_breaks(VHOST_BAD_INDIRECT);
	begin(DRIVER_FEATURES); /* both flags */
	desc(0, GPA(DRIVER_TABLES), 16, INDIRECT | NEXT, 1);
	assert_breaks(VHOST_BAD_INDIRECT);
	begin(DRIVER_FEATURES); /* in a table, as the first and as the second */
	driver_write_desc(
		&D, DRIVER_TABLES, 0, (struct driver_desc){ GPA(DRIVER_TABLES), 16, INDIRECT, 0 });
	desc(0, GPA(DRIVER_TABLES), 16, INDIRECT, 0);
	assert_breaks(VHOST_BAD_INDIRECT);
	begin(DRIVER_FEATURES);
	driver_write_desc(&D, DRIVER_TABLES, 0,
		(struct driver_desc){ GPA(DRIVER_BUFS), 12, NEXT | way(), 1 });
	driver_write_desc(
		&D, DRIVER_TABLES, 1, (struct driver_desc){ GPA(DRIVER_TABLES), 16, INDIRECT, 0 });
	desc(0, GPA(DRIVER_TABLES), 32, INDIRECT, 0);
	assert_breaks(VHOST_BAD_INDIRECT);
	begin(DRIVER_FEATURES); /* behind a direct one */
	desc(1, GPA(DRIVER_TABLES), 16, INDIRECT, 0);
	desc(0, GPA(DRIVER_BUFS), 12, NEXT | way(), 1);
	assert_breaks(VHOST_BAD_INDIRECT);
}

static void bad_indirect_tables_end_the_queue(void **)
{
	each(tables);
}

static void loops(void)
{
	begin(DRIVER_FEATURES); /* each leads to the next, the last to the first */
	for (uint32_t k = 0; k < SIZE; k++) {
		uint32_t i = SIZE - 1 - k;

		desc(i, GPA(DRIVER_BUFS), 1, NEXT | way(), (uint16_t)((i + 1) % SIZE));
	}
	assert_breaks(VHOST_CHAIN_TOO_LONG);
	begin(DRIVER_FEATURES); /* a table of more than is walked */
	for (uint32_t i = 0; i < VHOST_CHAIN_MAX + 1; i++)
		driver_write_desc(&D, DRIVER_TABLES, i,
			(struct driver_desc){
				GPA(DRIVER_BUFS), 1, NEXT | way(), (uint16_t)(i + 1) });
	desc(0, GPA(DRIVER_TABLES), 16 * (VHOST_CHAIN_MAX + 1), INDIRECT, 0);
	if (IS_TX)
		assert_breaks(VHOST_CHAIN_TOO_LONG);
	else
		driver_close(&D); /* the frame fits before its end */
	if (IS_PACKED)
		return; /* no indices there */
	begin(DRIVER_FEATURES); /* to itself */
	desc(0, GPA(DRIVER_BUFS), 1, NEXT | way(), 0);
	assert_breaks(VHOST_CHAIN_TOO_LONG);
	begin(DRIVER_FEATURES); /* a loop in a table */
	driver_write_desc(
		&D, DRIVER_TABLES, 0, (struct driver_desc){ GPA(DRIVER_BUFS), 1, NEXT | way(), 1 });
	driver_write_desc(&D, DRIVER_TABLES, 1,
		(struct driver_desc){ GPA(DRIVER_BUFS), 0x1, NEXT | way(), 0 });
	desc(0, GPA(DRIVER_TABLES), 32, INDIRECT, 0);
	if (IS_TX)
		assert_breaks(VHOST_CHAIN_TOO_LONG);
	else
		driver_close(&D);
}

static void loops_are_walked_256_steps_at_most(void **)
{
	each(loops);
}

static void indices(void)
{
	static const uint16_t heads[] = { SIZE, 0x8000, 0xffff };
	static const uint16_t jumps[] = { SIZE + 1, 0x8000, 0xffff };

	if (IS_PACKED)
		return; /* there are none to lie about */
	for (unsigned i = 0; i < 3; i++) {
		begin(DRIVER_FEATURES);
		driver_set_head(&D, 0, heads[i]);
		driver_set_avail(&D, 1);
		assert_int_equal(run(), 0);
		assert_int_equal(D.q.broken, VHOST_BAD_HEAD);
		driver_close(&D);
		begin(DRIVER_FEATURES);
		desc(0, GPA(DRIVER_BUFS), 1, NEXT | way(), heads[i]);
		assert_breaks(VHOST_BAD_NEXT);
		begin(DRIVER_FEATURES);
		driver_write_desc(&D, DRIVER_TABLES, 0,
			(struct driver_desc){ GPA(DRIVER_BUFS), 1, NEXT | way(), heads[i] });
		desc(0, GPA(DRIVER_TABLES), 32, INDIRECT, 0);
		assert_breaks(VHOST_BAD_NEXT);
		begin(DRIVER_FEATURES);
		driver_set_avail(&D, jumps[i]);
		assert_int_equal(vhost_queue_n_ready(&D.q, 8), 0);
		assert_int_equal(D.q.broken, VHOST_INDEX_JUMP);
		D.q.broken = VHOST_FINE;
		assert_int_equal(run(), 0);
		assert_int_equal(D.q.broken, VHOST_INDEX_JUMP);
		driver_close(&D);
	}
}

static void indices_outside_the_ring_end_the_queue(void **)
{
	each(indices);
}

static void what_was_good_before_a_bad_head_is_delivered(void **)
{
	IS_PACKED = false;
	IS_TX = true;
	begin(DRIVER_FEATURES);
	for (uint16_t i = 0; i < 3; i++) {
		desc(i, GPA(DRIVER_BUFS), 72, 0, 0);
		driver_set_head(&D, i, i);
	}
	driver_set_head(&D, 3, 999);
	driver_set_avail(&D, 4);
	assert_int_equal(run(), 3);
	assert_int_equal(D.q.broken, VHOST_BAD_HEAD);
	driver_close(&D);
}

static void lengths(void)
{
	static const uint32_t small[] = { 1, 10, 11, 12 };

	if (!IS_TX) { /* a buffer that has no room for the header takes nothing, for ever */
		struct driver_part tiny = { DRIVER_BUFS, 11 };

		begin(DRIVER_FEATURES);
		driver_add(&D, &tiny, 1, false);
		assert_int_equal(run(), 8);
		assert_int_equal(D.q.broken, VHOST_FINE);
		assert_int_equal(D.q.pos, 0);
		driver_close(&D);
		return;
	}
	for (unsigned i = 0; i < ARRAY_LEN(small); i++) {
		struct driver_part part = { DRIVER_BUFS, small[i] }, good = { DRIVER_BUFS, 72 };
		uint32_t len;
		uint16_t id;

		begin(DRIVER_FEATURES);
		driver_add(&D, &part, 1, false);
		driver_add(&D, &good, 1, false);
		assert_int_equal(run(), 1);
		assert_int_equal(D.q.n_too_small, 1);
		assert_true(driver_take(&D, &id, &len) && driver_take(&D, &id, &len));
		driver_close(&D);
	}
	for (unsigned i = 0; i < 2; i++) {
		struct driver_part part = { DRIVER_BUFS, 12 + 65554 + i * (2u << 20) };

		begin(DRIVER_FEATURES);
		driver_add(&D, &part, 1, false);
		assert_int_equal(run(), 0);
		assert_int_equal(D.q.n_too_big, 1);
		assert_int_equal(D.q.broken, VHOST_FINE);
		driver_close(&D);
	}
}

static void frames_too_small_or_too_big_are_lost_by_themselves(void **)
{
	each(lengths);
}

static void a_chain_of_gigabytes_is_counted_not_copied(void **)
{
	IS_TX = true;
	for (unsigned packed = 0; packed < 2; packed++) {
		IS_PACKED = packed != 0;
		begin(DRIVER_FEATURES);
		for (uint32_t i = 0; i < VHOST_CHAIN_MAX; i++)
			driver_write_desc(&D, DRIVER_TABLES, i,
				(struct driver_desc){ GPA(0), DRIVER_MEM,
					i + 1 < VHOST_CHAIN_MAX ? NEXT : 0, (uint16_t)(i + 1) });
		desc(0, GPA(DRIVER_TABLES), 16 * VHOST_CHAIN_MAX, INDIRECT, 0);
		offer();
		assert_int_equal(run(), 0);
		assert_int_equal(D.q.n_too_big, 1);
		assert_int_equal(D.q.broken, VHOST_FINE);
		driver_close(&D);
	}
}

/* Random rings; what is claimed is that nothing else happens than a reason or a frame. */
static void noise(void)
{
	uint64_t x = IS_PACKED * 2 + IS_TX + 1;

	begin(DRIVER_FEATURES | DRIVER_EVENT_IDX);
	for (unsigned turn = 0; turn < 20000; turn++) {
		for (unsigned i = 0; i < 4; i++) {
			uint64_t r;

			x = x * 6364136223846793005u + 1442695040888963407u;
			r = x >> 20;
			driver_write_desc(&D, (r & 16) != 0 ? DRIVER_TABLES : 0, r % SIZE,
				(struct driver_desc){ GPA((r >> 8) % (DRIVER_MEM + 64)),
					(uint32_t)(r >> 30) % 1600, (uint16_t)(r >> 25) & 0x8087,
					(uint16_t)(r >> 36) % (SIZE + 1) });
			driver_set_head(&D, r % SIZE, (uint16_t)(r >> 5) % SIZE);
		}
		driver_set_avail(&D, (uint16_t)(D.q.pos + (x >> 33) % 3));
		run();
		assert_true(D.q.broken < VHOST_BROKEN_N);
		D.q.broken = VHOST_FINE;
		D.q.n_used = 0;
	}
	driver_close(&D);
}

static void random_rings_do_nothing_but_break(void **)
{
	each(noise);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_outside_its_memory_end_the_queue),
		cmocka_unit_test(buffers_of_the_wrong_direction_end_the_queue),
		cmocka_unit_test(bad_indirect_tables_end_the_queue),
		cmocka_unit_test(loops_are_walked_256_steps_at_most),
		cmocka_unit_test(indices_outside_the_ring_end_the_queue),
		cmocka_unit_test(what_was_good_before_a_bad_head_is_delivered),
		cmocka_unit_test(frames_too_small_or_too_big_are_lost_by_themselves),
		cmocka_unit_test(a_chain_of_gigabytes_is_counted_not_copied),
		cmocka_unit_test(random_rings_do_nothing_but_break),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
