/* SPDX-License-Identifier: Apache-2.0 */
/* ring_reader_test.c - claims about tools/ring_reader.c, against a producer of our own and against
 * rings that a producer which was taken over could leave. */
#include "tests/lib/unit.h"
#include "tools/ring_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define DATA_SIZE CAPTURE_DATA_SIZE_MIN
#define MAP_SIZE (sizeof(struct capture_ring) + DATA_SIZE)

struct bed {
	int fd;
	struct capture_ring *ring;
	struct ring_reader *reader;
	uint64_t head; /* of our producer */
	struct err e;
};

static int bed_fd(off_t size, int seals)
{
	int fd = memfd_create("ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	if (seals)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static struct bed bed_open(uint32_t snaplen)
{
	struct bed b = { .fd = bed_fd((off_t)MAP_SIZE, F_SEAL_SHRINK | F_SEAL_GROW) };

	b.ring = mmap(NULL, MAP_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, b.fd, 0);
	assert_ptr_not_equal(b.ring, MAP_FAILED);
	b.ring->magic = CAPTURE_MAGIC;
	b.ring->data_size = DATA_SIZE;
	b.reader = ring_reader_open(b.fd, snaplen, &b.e);
	assert_non_null(b.reader);
	return b;
}

static void bed_close(struct bed *b)
{
	ring_reader_close(b->reader);
	munmap(b->ring, MAP_SIZE);
	close(b->fd);
}

static void publish(struct bed *b, uint32_t by)
{
	b->head += by;
	__atomic_store_n(&b->ring->head, b->head, __ATOMIC_RELEASE);
}

/* A record of @len bytes, all @fill; false when there is no room, as the engine does it. */
static bool produce(struct bed *b, uint32_t len, uint8_t fill)
{
	uint32_t rec_len = (uint32_t)(sizeof(struct capture_record) + len + 7) & ~7u;
	uint32_t pos = (uint32_t)(b->head % DATA_SIZE);
	uint32_t to_end = DATA_SIZE - pos;
	uint32_t need = rec_len <= to_end ? rec_len : to_end + rec_len;
	uint64_t tail = __atomic_load_n(&b->ring->tail, __ATOMIC_ACQUIRE);
	struct capture_record rec = { .rec_len = rec_len,
		.cap_len = len,
		.orig_len = len,
		.vif_id = 3,
		.dir = CAPTURE_DIR_OUT,
		.wall_ns = b->head };

	if (b->head + need - tail > DATA_SIZE) {
		__atomic_fetch_add(&b->ring->lost, 1, __ATOMIC_RELAXED);
		return false;
	}
	if (rec_len > to_end) {
		const uint32_t pad[2] = { to_end, CAPTURE_RECORD_PAD };

		memcpy(b->ring->data + pos, pad, sizeof(pad));
		publish(b, to_end);
		pos = 0;
	}
	memcpy(b->ring->data + pos, &rec, sizeof(rec));
	memset(b->ring->data + pos + sizeof(rec), fill, len);
	publish(b, rec_len);
	return true;
}

static void frames_come_out_as_they_went_in(void **)
{
	struct bed b = bed_open(262144);
	struct ring_frame f;

	assert_int_equal(ring_reader_next(b.reader, &f, &b.e), 0);
	assert_true(produce(&b, 61, 0xab));
	assert_true(produce(&b, 0, 0));
	assert_int_equal(ring_reader_next(b.reader, &f, &b.e), 1);
	assert_int_equal(f.cap_len, 61);
	assert_int_equal(f.bytes[60], 0xab);
	assert_int_equal(f.vif_id, 3);
	assert_int_equal(f.dir, CAPTURE_DIR_OUT);
	assert_int_equal(ring_reader_next(b.reader, &f, &b.e), 1);
	assert_int_equal(f.cap_len, 0);
	assert_int_equal(ring_reader_next(b.reader, &f, &b.e), 0);
	assert_int_equal(b.ring->tail, b.head);
	bed_close(&b);
}

static void many_laps_with_all_sizes_lose_nothing(void **)
{
	struct bed b = bed_open(262144);
	struct ring_frame f;

	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t len = i * 37 % 3000;

		assert_true(produce(&b, len, (uint8_t)i));
		assert_int_equal(ring_reader_next(b.reader, &f, &b.e), 1);
		assert_int_equal(f.cap_len, len);
		if (len)
			assert_int_equal(f.bytes[len - 1], (uint8_t)i);
	}
	assert_true(b.head > 50 * (uint64_t)DATA_SIZE);
	bed_close(&b);
}

static void *produce_all(void *arg)
{
	struct bed *b = arg;

	for (uint32_t i = 0; i < 50000;) {
		if (produce(b, 1 + i % 1500, (uint8_t)i))
			i++;
		else
			sched_yield();
	}
	return NULL;
}

static void reader_keeps_up_with_a_producer_in_another_thread(void **)
{
	struct bed b = bed_open(262144);
	struct ring_frame f;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, produce_all, &b), 0);
	for (uint32_t i = 0; i < 50000;) {
		int rc = ring_reader_next(b.reader, &f, &b.e);

		assert_true(rc >= 0);
		if (rc == 0) {
			sched_yield();
			continue;
		}
		assert_int_equal(f.cap_len, 1 + i % 1500);
		assert_int_equal(f.bytes[0], (uint8_t)i);
		assert_int_equal(f.bytes[f.cap_len - 1], (uint8_t)i);
		i++;
	}
	pthread_join(thread, NULL);
	bed_close(&b);
}

static void full_ring_counts_what_is_lost_and_the_count_never_goes_back(void **)
{
	struct bed b = bed_open(262144);

	while (produce(&b, 1000, 1))
		;
	assert_false(produce(&b, 1000, 1));
	assert_int_equal(ring_reader_lost(b.reader), 2);
	b.ring->lost = 0;
	assert_int_equal(ring_reader_lost(b.reader), 2);
	bed_close(&b);
}

static void ring_that_the_engine_did_not_write_to_yet_is_only_empty(void **)
{
	struct bed b = bed_open(262144);
	struct ring_frame f;

	b.ring->magic = 0;
	b.ring->data_size = 0;
	assert_int_equal(ring_reader_next(b.reader, &f, &b.e), 0);
	b.ring->magic = CAPTURE_MAGIC;
	b.ring->data_size = DATA_SIZE;
	assert_true(produce(&b, 5, 5));
	assert_int_equal(ring_reader_next(b.reader, &f, &b.e), 1);
	bed_close(&b);
}

/* One hostile ring: @poke damages it after one good record was written; reading must say so. */
static void expect_damaged(void (*poke)(struct bed *b, struct capture_record *rec))
{
	struct bed b = bed_open(2048);
	struct ring_frame f;

	assert_true(produce(&b, 100, 1));
	poke(&b, (struct capture_record *)(void *)b.ring->data);
	assert_int_equal(ring_reader_next(b.reader, &f, &b.e), -EPROTO);
	assert_non_null(strstr(b.e.msg, "the capture ring is damaged ("));
	bed_close(&b);
}

static void wrong_magic(struct bed *b, struct capture_record *)
{
	b->ring->magic = 1;
}
static void wrong_size(struct bed *b, struct capture_record *)
{
	b->ring->data_size = UINT32_MAX;
}
static void head_too_far(struct bed *b, struct capture_record *)
{
	b->ring->head = (uint64_t)DATA_SIZE + 8;
}
static void head_before_tail(struct bed *b, struct capture_record *)
{
	b->ring->head = UINT64_MAX;
}
static void head_within_a_record(struct bed *b, struct capture_record *)
{
	b->ring->head = 40;
}
static void head_within_the_first_fields(struct bed *b, struct capture_record *)
{
	b->ring->head = 4;
}
static void record_of_no_length(struct bed *, struct capture_record *rec)
{
	rec->rec_len = 0;
}
static void record_beyond_the_end(struct bed *, struct capture_record *rec)
{
	rec->rec_len = DATA_SIZE + 8;
}
static void record_of_odd_length(struct bed *, struct capture_record *rec)
{
	rec->rec_len -= 1;
}
static void more_bytes_than_the_record(struct bed *, struct capture_record *rec)
{
	rec->cap_len = rec->rec_len - (uint32_t)sizeof(*rec) + 1;
}
static void more_bytes_than_32_bits_can_add(struct bed *, struct capture_record *rec)
{
	rec->cap_len = UINT32_MAX - 1;
}
static void more_bytes_than_the_packet(struct bed *, struct capture_record *rec)
{
	rec->orig_len = 5;
}
static void more_bytes_than_snaplen(struct bed *b, struct capture_record *rec)
{
	rec->rec_len = 32 + 2056;
	rec->cap_len = 2056;
	rec->orig_len = 2056;
	b->ring->head = rec->rec_len;
}
static void filler_not_to_the_end(struct bed *, struct capture_record *rec)
{
	rec->cap_len = CAPTURE_RECORD_PAD;
}
static void filler_longer_than_what_was_written(struct bed *, struct capture_record *rec)
{
	rec->cap_len = CAPTURE_RECORD_PAD;
	rec->rec_len = DATA_SIZE;
}

static void hostile_rings_end_the_capture_and_nothing_else(void **)
{
	void (*const pokes[])(struct bed *, struct capture_record *) = { wrong_magic, wrong_size,
		head_too_far, head_before_tail, head_within_a_record, head_within_the_first_fields,
		record_of_no_length, record_beyond_the_end, record_of_odd_length,
		more_bytes_than_the_record, more_bytes_than_32_bits_can_add,
		more_bytes_than_the_packet, more_bytes_than_snaplen, filler_not_to_the_end,
		filler_longer_than_what_was_written };

	for (size_t i = 0; i < ARRAY_LEN(pokes); i++)
		expect_damaged(pokes[i]);
}

static void numbers_out_of_range_in_a_record_are_passed_on_harmlessly(void **)
{
	struct bed b = bed_open(2048);
	struct ring_frame f;
	struct capture_record *rec = (struct capture_record *)(void *)b.ring->data;

	assert_true(produce(&b, 10, 1));
	rec->dir = 77;
	rec->drop_reason = 255;
	rec->vif_id = 65535;
	assert_int_equal(ring_reader_next(b.reader, &f, &b.e), 1);
	assert_int_equal(f.dir, 0);
	assert_int_equal(f.drop_reason, 255);
	assert_int_equal(f.vif_id, 65535);
	bed_close(&b);
}

static void file_that_could_shrink_or_is_too_small_is_refused(void **)
{
	struct err e = ERR_NONE;
	int fd = bed_fd((off_t)MAP_SIZE, 0);

	assert_null(ring_reader_open(fd, 64, &e));
	assert_non_null(strstr(e.msg, "the capture ring's size is not sealed"));
	close(fd);
	e = ERR_NONE;
	fd = bed_fd(100, F_SEAL_SHRINK);
	assert_null(ring_reader_open(fd, 64, &e));
	assert_non_null(strstr(e.msg, "the capture ring is too small: 100 bytes"));
	close(fd);
	e = ERR_NONE;
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_null(ring_reader_open(fd, 64, &e));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_come_out_as_they_went_in),
		cmocka_unit_test(many_laps_with_all_sizes_lose_nothing),
		cmocka_unit_test(reader_keeps_up_with_a_producer_in_another_thread),
		cmocka_unit_test(full_ring_counts_what_is_lost_and_the_count_never_goes_back),
		cmocka_unit_test(ring_that_the_engine_did_not_write_to_yet_is_only_empty),
		cmocka_unit_test(hostile_rings_end_the_capture_and_nothing_else),
		cmocka_unit_test(numbers_out_of_range_in_a_record_are_passed_on_harmlessly),
		cmocka_unit_test(file_that_could_shrink_or_is_too_small_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
