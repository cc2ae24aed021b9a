/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_queue_test.c - what a guest that keeps the rules may rely on, with either ring. */
#include "tests/lib/guest_driver.h"
#include "tests/lib/unit.h"

#include <errno.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HDR 12u
#define BIG 65549u

static struct driver D;
static uint8_t OUT[VHOST_BURST][2048], REST[VHOST_BURST][65536], FRAME[70000];
static struct vhost_rx SLOTS[VHOST_BURST];

/* Each test runs with every kind of ring. */
static const uint64_t KINDS[] = { DRIVER_FEATURES, DRIVER_FEATURES | DRIVER_EVENT_IDX,
	DRIVER_FEATURES | DRIVER_PACKED, DRIVER_FEATURES | DRIVER_PACKED | DRIVER_EVENT_IDX };
/* NOLINTNEXTLINE(bugprone-macro-parentheses): a declaration takes none */
#define each_kind(k) for (unsigned k = 0; k < ARRAY_LEN(KINDS); k++)

static int group_setup(void **)
{
	for (uint32_t i = 0; i < sizeof(FRAME); i++)
		FRAME[i] = (uint8_t)(i * 31 + i / 256);
	return 0;
}

static void slots_reset(void)
{
	for (unsigned i = 0; i < VHOST_BURST; i++)
		SLOTS[i] = (struct vhost_rx){ .first = OUT[i],
			.first_room = sizeof(OUT[i]),
			.rest = REST[i],
			.rest_room = sizeof(REST[i]) };
}

static unsigned dequeue(unsigned max)
{
	slots_reset();
	return vhost_queue_dequeue(&D.q, SLOTS, max);
}

static void assert_slot(unsigned i, const uint8_t *frame, uint32_t len)
{
	uint32_t first = MIN(len, (uint32_t)sizeof(OUT[0]));

	assert_int_equal(SLOTS[i].len, len);
	assert_memory_equal(OUT[i], frame, first);
	assert_memory_equal(REST[i], frame + first, len - first);
}

/* The header and a frame of @len bytes at @off, as the parts say. */
static void put_frame(
	const struct driver_part *parts, unsigned n, const uint8_t *frame, uint32_t len)
{
	struct virtio_net_hdr_v1 h = { .flags = 1, .csum_start = 34, .csum_offset = 16 };
	uint8_t whole[HDR + sizeof(FRAME)];
	uint32_t at = 0;

	memcpy(whole, &h, HDR);
	memcpy(whole + HDR, frame, len);
	for (unsigned i = 0; i < n; i++) {
		memcpy(D.mem + parts[i].off, whole + at, parts[i].len);
		at += parts[i].len;
	}
	assert_int_equal(at, HDR + len);
}

/* Ways to lay out a header and @len bytes; 0: this way does not suit. */
static unsigned lay_out(unsigned way, uint32_t len, struct driver_part *parts)
{
	uint32_t at = DRIVER_BUFS, total = HDR + len;
	unsigned n = 0;

	switch (way) {
	case 0: parts[n++] = (struct driver_part){ at, total }; return n;
	case 1:
		parts[n++] = (struct driver_part){ at, HDR };
		parts[n++] = (struct driver_part){ at + 4096, len };
		return n;
	case 2: /* the header in single bytes, each elsewhere */
		for (; n < HDR; n++)
			parts[n] = (struct driver_part){ at + n * 100, 1 };
		parts[n++] = (struct driver_part){ at + 4096, len };
		return n;
	case 3: /* across the regions, in the header */
		parts[n++] = (struct driver_part){ DRIVER_HALF - 5, total };
		return n;
	case 4: /* across the regions, before the last byte */
		parts[n++] = (struct driver_part){ DRIVER_HALF - total + 1, total };
		return n;
	default: /* 20 pieces */
		if (total < 40)
			return 0;
		for (; n < 19; n++)
			parts[n] = (struct driver_part){ at + n * 70000, total / 20 };
		parts[n++] = (struct driver_part){ at + 20 * 70000, total - 19 * (total / 20) };
		return n;
	}
}

static const uint32_t LENGTHS[] = { 1, 14, 60, 1514, 2048, 2049, 9000, BIG };

static void a_frame_arrives_whole_however_it_is_laid_out(void **)
{
	each_kind(k) for (unsigned way = 0; way < 6;
			  way++) for (unsigned l = 0; l < ARRAY_LEN(LENGTHS);
				      l++) for (unsigned indirect = 0; indirect < 2; indirect++)
	{
		struct driver_part parts[32];
		unsigned n = lay_out(way, LENGTHS[l], parts);
		uint32_t used_len;
		uint16_t id;
		int head;

		if (n == 0)
			continue;
		driver_open(&D, KINDS[k], 64, true);
		put_frame(parts, n, FRAME, LENGTHS[l]);
		head = driver_add(&D, parts, n, indirect);
		assert_true(head >= 0);
		assert_true(vhost_queue_n_ready(&D.q, 8) > 0);
		assert_int_equal(dequeue(VHOST_BURST), 1);
		assert_slot(0, FRAME, LENGTHS[l]);
		assert_int_equal(SLOTS[0].hdr.flags, 1);
		assert_int_equal(SLOTS[0].hdr.csum_start, 34);
		assert_int_equal(SLOTS[0].hdr.csum_offset, 16);
		assert_true(driver_take(&D, &id, &used_len));
		assert_int_equal(id, head);
		assert_int_equal(used_len, 0);
		assert_false(driver_take(&D, &id, &used_len));
		assert_int_equal(vhost_queue_n_ready(&D.q, 8), 0);
		assert_int_equal(D.q.broken, VHOST_FINE);
		driver_close(&D);
	}
}

/* Give the guest the frame FRAME[0..len), cut into segments of @cut bytes. */
static unsigned enqueue(uint32_t len, uint32_t cut, bool *is_lost)
{
	struct iovec rest[64];
	struct vhost_tx f = { .first = FRAME,
		.first_len = MIN(len, cut),
		.rest = rest,
		.len = len,
		.hdr = { .flags = 1, .csum_start = 34, .num_buffers = 99 } };
	unsigned n;

	for (uint32_t at = f.first_len; at < len; at += cut)
		rest[f.n_rest++] = (struct iovec){ FRAME + at, MIN(cut, len - at) };
	n = vhost_queue_enqueue(&D.q, &f, 1);
	*is_lost = f.is_lost;
	return n;
}

/* Gather @total bytes out of the buffers of @n_bufs parts lists of one part each. */
static void assert_received(
	const struct driver_part *parts, unsigned n, uint32_t len, unsigned n_buffers)
{
	static uint8_t whole[HDR + sizeof(FRAME)];
	struct virtio_net_hdr_v1 h;
	uint32_t at = 0;

	for (unsigned i = 0; i < n && at < HDR + len; i++) {
		uint32_t part = MIN(parts[i].len, HDR + len - at);

		memcpy(whole + at, D.mem + parts[i].off, part);
		at += part;
	}
	assert_int_equal(at, HDR + len);
	memcpy(&h, whole, HDR);
	assert_int_equal(h.flags, 1);
	assert_int_equal(h.csum_start, 34);
	assert_int_equal(h.num_buffers, n_buffers);
	assert_memory_equal(whole + HDR, FRAME, len);
}

static void a_frame_is_received_whole_however_the_buffer_is_laid_out(void **)
{
	each_kind(k) for (unsigned way = 0; way < 6;
			  way++) for (unsigned l = 0; l < ARRAY_LEN(LENGTHS);
				      l++) for (unsigned indirect = 0; indirect < 2; indirect++)
	{
		struct driver_part parts[32];
		unsigned n = lay_out(way, LENGTHS[l], parts);
		uint32_t used_len;
		bool is_lost;
		uint16_t id;
		int head;

		if (n == 0)
			continue;
		driver_open(&D, KINDS[k], 64, false);
		head = driver_add(&D, parts, n, indirect);
		assert_int_equal(enqueue(LENGTHS[l], 2048, &is_lost), 1);
		assert_false(is_lost);
		assert_true(driver_take(&D, &id, &used_len));
		assert_int_equal(id, head);
		assert_int_equal(used_len, HDR + LENGTHS[l]);
		assert_received(parts, n, LENGTHS[l], 1);
		driver_close(&D);
	}
}

static void a_large_frame_is_merged_over_buffers(void **)
{
	each_kind(k) for (unsigned l = 0; l < ARRAY_LEN(LENGTHS); l++)
	{
		struct driver_part parts[64];
		uint32_t used_len, total = 0, need = HDR + LENGTHS[l];
		unsigned n_buffers = (need + 1535) / 1536;
		bool is_lost;
		uint16_t id;

		driver_open(&D, KINDS[k], 64, false);
		for (unsigned i = 0; i < 64; i++) {
			parts[i] = (struct driver_part){ DRIVER_HALF - 4000 + i * 1700, 1536 };
			assert_true(driver_add(&D, &parts[i], 1, false) >= 0);
		}
		assert_int_equal(enqueue(LENGTHS[l], 2048, &is_lost), 1);
		assert_false(is_lost);
		for (unsigned i = 0; i < n_buffers; i++) {
			assert_true(driver_take(&D, &id, &used_len));
			assert_int_equal(id, i);
			total += used_len;
		}
		assert_false(driver_take(&D, &id, &used_len));
		assert_int_equal(total, need);
		assert_received(parts, 64, LENGTHS[l], n_buffers);
		driver_close(&D);
	}
}

static void without_mergeable_num_buffers_is_one_and_too_large_frames_take_no_buffer(void **)
{
	each_kind(k)
	{
		struct driver_part part = { DRIVER_BUFS, 1536 };
		uint32_t used_len;
		bool is_lost;
		uint16_t id;

		driver_open(&D, KINDS[k] & ~DRIVER_F(15), 8, false);
		assert_true(driver_add(&D, &part, 1, false) >= 0);
		assert_int_equal(enqueue(1525, 2048, &is_lost), 1);
		assert_true(is_lost);
		assert_false(driver_take(&D, &id, &used_len));
		assert_int_equal(enqueue(1524, 2048, &is_lost), 1);
		assert_false(is_lost);
		assert_true(driver_take(&D, &id, &used_len));
		assert_int_equal(used_len, 1536);
		assert_received(&part, 1, 1524, 1);
		driver_close(&D);
	}
}

static void a_frame_that_finds_too_few_buffers_waits_and_takes_none(void **)
{
	each_kind(k)
	{
		struct driver_part parts[3] = { { DRIVER_BUFS, 1536 }, { DRIVER_BUFS + 2000, 1536 },
			{ DRIVER_BUFS + 4000, 1536 } };
		uint32_t used_len;
		bool is_lost;
		uint16_t id;

		driver_open(&D, KINDS[k], 8, false);
		assert_int_equal(enqueue(60, 2048, &is_lost), 0);
		driver_add(&D, &parts[0], 1, false);
		driver_add(&D, &parts[1], 1, false);
		assert_int_equal(enqueue(4000, 2048, &is_lost), 0);
		assert_false(driver_take(&D, &id, &used_len));
		driver_add(&D, &parts[2], 1, false);
		assert_int_equal(enqueue(4000, 2048, &is_lost), 1);
		assert_received(parts, 3, 4000, 3);
		for (unsigned i = 0; i < 3; i++)
			assert_true(driver_take(&D, &id, &used_len) && id == i);
		driver_close(&D);
	}
}

static void a_frame_over_more_buffers_than_the_record_holds_is_lost_alone(void **)
{
	each_kind(k)
	{
		struct driver_part part = { DRIVER_BUFS, 32 };
		bool is_lost;

		driver_open(&D, KINDS[k], 1024, false);
		for (unsigned i = 0; i < 1024; i++)
			assert_true(driver_add(&D, &part, 1, false) >= 0);
		assert_int_equal(enqueue(256 * 32 - HDR + 1, 2048, &is_lost), 1);
		assert_true(is_lost);
		assert_int_equal(enqueue(256 * 32 - HDR, 2048, &is_lost), 1);
		assert_false(is_lost);
		driver_close(&D);
	}
}

/* Rings are used round and round, with buffers of changing shape; nothing is lost, doubled or out of order. */
static void descriptors_come_back_once_and_in_order(void **)
{
	static const uint32_t SIZES[] = { 1, 2, 8, 256 };
	uint64_t x = 1;

	each_kind(k) for (unsigned z = 0; z < ARRAY_LEN(SIZES) + 1; z++)
	{
		uint32_t size = z < ARRAY_LEN(SIZES) ? SIZES[z] : 7;
		uint32_t sent = 0, received = 0, taken = 0, used_len;
		uint16_t id, ids[65536 / 8] = { 0 };

		if (size == 7 && (KINDS[k] & DRIVER_PACKED) == 0)
			continue; /* a power of 2 for split rings */
		driver_open(&D, KINDS[k], size, true);
		for (unsigned turn = 0; turn < 3000; turn++) {
			x = x * 6364136223846793005u + 1442695040888963407u;
			for (unsigned i = x >> 60; i > 0; i--) {
				unsigned way = (unsigned)(x >> 50) % 2;
				struct driver_part parts[32] = { 0 };
				unsigned n = lay_out(size > 1 ? way : 0, 60, parts);
				int head;

				put_frame(parts, n, FRAME, 60);
				head = driver_add(&D, parts, n, (x >> 40 & 1) != 0);
				if (head < 0)
					break;
				ids[sent++ % ARRAY_LEN(ids)] = (uint16_t)head;
			}
			received += dequeue(1 + (unsigned)(x >> 33) % 40);
			while ((x >> 45 & 1) != 0 && driver_take(&D, &id, &used_len))
				assert_int_equal(id, ids[taken++ % ARRAY_LEN(ids)]);
		}
		received += dequeue(VHOST_BURST) + dequeue(VHOST_BURST) + dequeue(VHOST_BURST)
			+ dequeue(VHOST_BURST);
		while (driver_take(&D, &id, &used_len))
			assert_int_equal(id, ids[taken++ % ARRAY_LEN(ids)]);
		assert_int_equal(D.q.broken, VHOST_FINE);
		assert_int_equal(received, sent);
		assert_int_equal(taken, sent);
		assert_true(sent > 1000);
		driver_close(&D);
	}
}

static void add_plain(unsigned n)
{
	struct driver_part part = { DRIVER_BUFS, 72 };

	while (n-- > 0)
		assert_true(driver_add(&D, &part, 1, false) >= 0);
}

static void collect(void)
{
	uint32_t len;
	uint16_t id;

	while (driver_take(&D, &id, &len))
		;
}

static bool called(unsigned n_frames)
{
	D.q.should_call = false;
	add_plain(n_frames);
	assert_int_equal(dequeue(VHOST_BURST), n_frames);
	collect();
	return D.q.should_call;
}

static uint32_t *word(uint32_t off)
{
	return (void *)(D.mem + off);
}

static uint16_t *half(uint32_t off)
{
	return (void *)(D.mem + off);
}

static void the_guest_is_called_when_it_asks(void **)
{
	driver_open(&D, KINDS[0], 64, true);
	assert_true(called(1));
	*half(DRIVER_DRIVER) = VRING_AVAIL_F_NO_INTERRUPT;
	assert_false(called(3));
	driver_close(&D);

	driver_open(&D, KINDS[1], 64, true);
	*half(DRIVER_DRIVER + 4 + 64 * 2) = 5; /* used_event: call when 5 is used */
	assert_false(called(5)); /* 0..4 */
	assert_true(called(1));
	assert_false(called(9));
	*half(DRIVER_DRIVER + 4 + 64 * 2) = 20;
	assert_true(called(30));
	driver_close(&D);

	driver_open(&D, KINDS[2], 64, true);
	assert_true(called(1));
	*word(DRIVER_DRIVER) = (uint32_t)VRING_PACKED_EVENT_FLAG_DISABLE << 16;
	assert_false(called(3));
	driver_close(&D);

	driver_open(&D, KINDS[3], 64, true);
	*word(DRIVER_DRIVER) = (uint32_t)VRING_PACKED_EVENT_FLAG_DESC << 16 | 1u << 15 | 5;
	assert_false(called(5));
	assert_true(called(1));
	assert_false(called(9));
	*word(DRIVER_DRIVER) = (uint32_t)VRING_PACKED_EVENT_FLAG_DESC << 16 | 2; /* next round */
	assert_false(called(40));
	assert_true(called(30)); /* 55 to 85: past 64 + 2 */
	driver_close(&D);
}

static void arming_asks_for_kicks_and_looks_again(void **)
{
	each_kind(k)
	{
		driver_open(&D, KINDS[k], 64, true);
		assert_false(vhost_queue_arm(&D.q));
		add_plain(1);
		assert_true(vhost_queue_arm(&D.q));
		assert_int_equal(dequeue(VHOST_BURST), 1);
		vhost_queue_disarm(&D.q);
		switch (k) {
		case 0:
			assert_int_equal(*half(DRIVER_DEVICE), VRING_USED_F_NO_NOTIFY);
			assert_false(vhost_queue_arm(&D.q));
			assert_int_equal(*half(DRIVER_DEVICE), 0);
			break;
		case 1:
			assert_false(vhost_queue_arm(&D.q));
			assert_int_equal(*half(DRIVER_DEVICE + 4 + 64 * 8), 1); /* avail_event */
			break;
		case 2:
			assert_int_equal(
				*word(DRIVER_DEVICE) >> 16, VRING_PACKED_EVENT_FLAG_DISABLE);
			assert_false(vhost_queue_arm(&D.q));
			assert_int_equal(
				*word(DRIVER_DEVICE) >> 16, VRING_PACKED_EVENT_FLAG_ENABLE);
			break;
		default:
			assert_false(vhost_queue_arm(&D.q));
			assert_int_equal(*word(DRIVER_DEVICE) >> 16, VRING_PACKED_EVENT_FLAG_DESC);
			assert_int_equal(*word(DRIVER_DEVICE) & 0xffff, 1u << 15 | 1);
		}
		driver_close(&D);
	}
}

/* A call's buffers: what the guest sees before the last store is what it saw before the call. */
static void an_engine_killed_at_any_store_neither_loses_nor_doubles_a_descriptor(void **)
{
	static struct vhost_record record;
	static uint8_t before[DRIVER_BUFS], after[DRIVER_BUFS];

	each_kind(k) for (unsigned start = 0; start < 16; start += 5) for (unsigned stage = 0;
									   stage < 5; stage++)
	{
		bool packed = (KINDS[k] & DRIVER_PACKED) != 0;
		uint16_t id, first, next;
		uint32_t len;

		memset(&record, 0, sizeof(record));
		driver_open(&D, KINDS[k], 16, true);
		D.config.record = &record;
		assert_int_equal(driver_restart(&D, false), 0);
		assert_false(called(start) && start == 0);
		add_plain(10);
		first = vhost_queue_base(&D.q);
		memcpy(before, D.mem, sizeof(before));
		assert_int_equal(dequeue(VHOST_BURST), 10);
		next = vhost_queue_base(&D.q);
		memcpy(after, D.mem, sizeof(after));
		if (packed && stage > 0 && stage < 4)
			record.state = first | (uint64_t)next << 16 | UINT64_C(10) << 32;
		if (packed && stage == 0)
			record.state = first | (uint64_t)first << 16;
		if (stage == 0 || stage == 1) /* killed before the ring was touched */
			memcpy(D.mem, before, sizeof(before));
		if (stage == 2) { /* before the last store */
			if (packed)
				memcpy(D.mem + 16u * (first & 0x7fff),
					before + 16u * (first & 0x7fff), 16);
			else
				memcpy(D.mem + DRIVER_DEVICE, before + DRIVER_DEVICE, 4);
		}
		assert_int_equal(driver_restart(&D, true), 0);
		assert_true(D.q.should_call);
		if (stage < 3 && (stage == 0 || !packed))
			assert_int_equal(dequeue(VHOST_BURST), 10); /* not given back: once more */
		assert_int_equal(dequeue(VHOST_BURST), 0);
		for (unsigned i = 0; i < 10; i++) {
			assert_true(driver_take(&D, &id, &len));
			assert_int_equal(id, (start + i) % 16);
		}
		assert_false(driver_take(&D, &id, &len));
		for (unsigned i = 0; i < 5; i++)
			called(12); /* and it goes on */
		driver_close(&D);
	}
}

static bool is_marked(const struct dirty_log *log, uint64_t gpa)
{
	return (log->bits[gpa / 4096 / 8] >> (gpa / 4096 % 8) & 1) != 0;
}

static void what_we_write_is_logged_for_migration_and_nothing_else(void **)
{
	each_kind(k)
	{
		uint64_t size = (DRIVER_GPA + DRIVER_MEM) / 4096 / 8;
		struct driver_part part = { DRIVER_HALF - 30, 8192 };
		int fd = memfd_create("log", MFD_CLOEXEC);
		struct dirty_log *log;
		unsigned n = 0;
		bool is_lost;

		assert_int_equal(ftruncate(fd, (off_t)size), 0);
		log = dirty_log_create(fd, 0, size, NULL);
		assert_non_null(log);
		driver_open(&D, KINDS[k], 64, false);
		driver_add(&D, &part, 1, false);
		driver_add(&D, &part, 1, false);
		assert_int_equal(enqueue(60, 2048, &is_lost), 1); /* not logged yet */
		vhost_queue_set_log(&D.q, log);
		assert_int_equal(enqueue(60, 2048, &is_lost), 1);
		assert_true(is_marked(log, DRIVER_GPA + DRIVER_HALF - 30));
		assert_true(is_marked(log, DRIVER_GPA + DRIVER_HALF));
		assert_true(is_marked(
			log, DRIVER_GPA + ((KINDS[k] & DRIVER_PACKED) != 0 ? 0 : DRIVER_DEVICE)));
		for (uint64_t i = 0; i < size * 8; i++)
			n += is_marked(log, i * 4096);
		assert_int_equal(n, 3);
		vhost_queue_set_log(&D.q, NULL);
		driver_close(&D);
		dirty_log_destroy(log);
		close(fd);
	}
}

static void a_guest_whose_memory_is_shrunk_loses_its_queue_and_nobody_else(void **)
{
	static struct driver other;
	struct driver_part part = { DRIVER_BUFS, 72 };

	each_kind(k) for (unsigned keep = 0; keep < 3; keep++) for (unsigned tx = 0; tx < 2; tx++)
	{
		/* nothing; the rings; all but the second half */
		static const off_t KEPT[] = { 0, DRIVER_TABLES, DRIVER_HALF };
		struct driver_part last = { DRIVER_HALF - 40, 100 };
		bool is_lost;

		driver_open(&other, KINDS[k], 64, true);
		driver_open(&D, KINDS[k], 64, tx != 0);
		assert_true(driver_add(&D, &last, 1, false) >= 0);
		driver_add(&other, &part, 1, false);
		assert_int_equal(ftruncate(D.fd, KEPT[keep]), 0);
		if (tx)
			assert_int_equal(dequeue(VHOST_BURST), 0);
		else
			assert_int_equal(enqueue(80, 2048, &is_lost), 0);
		assert_int_equal(D.q.broken, VHOST_MEMORY_GONE);
		assert_int_equal(dequeue(VHOST_BURST), 0);
		assert_false(vhost_queue_arm(&D.q));
		vhost_queue_disarm(&D.q);
		assert_int_equal(vhost_queue_n_ready(&D.q, 8), 0);
		slots_reset();
		assert_int_equal(vhost_queue_dequeue(&other.q, SLOTS, VHOST_BURST), 1);
		driver_close(&D);
		driver_close(&other);
	}
}

static void starting_arming_and_logging_survive_memory_that_is_gone(void **)
{
	each_kind(k)
	{
		struct err e = ERR_NONE;
		int fd = memfd_create("log", MFD_CLOEXEC);
		struct dirty_log *log;
		bool is_lost;

		driver_open(&D, KINDS[k], 64, true);
		D.config.base = 0;
		assert_int_equal(ftruncate(D.fd, 0), 0);
		assert_int_equal(vhost_queue_start(&D.q, &D.config, &e),
			(KINDS[k] & DRIVER_PACKED) != 0 ? 0 : -EFAULT);
		D.q.broken = VHOST_FINE;
		assert_false(vhost_queue_arm(&D.q));
		assert_int_equal(D.q.broken, VHOST_MEMORY_GONE);
		driver_close(&D);

		assert_int_equal(ftruncate(fd, 1 << 20), 0);
		log = dirty_log_create(fd, 0, 1 << 20, NULL);
		driver_open(&D, KINDS[k], 64, false);
		driver_add(&D, &(struct driver_part){ DRIVER_BUFS, 72 }, 1, false);
		vhost_queue_set_log(&D.q, log);
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(enqueue(60, 2048, &is_lost), 0);
		assert_int_equal(D.q.broken, VHOST_MEMORY_GONE);
		driver_close(&D);
		dirty_log_destroy(log);
		close(fd);
	}
}

/* The guest's processor beside ours; with ThreadSanitizer it shows that neither looks before it may. */
static void *guest_sends(void *out)
{
	struct driver_part part = { DRIVER_BUFS, 0 };
	uint32_t sent = 0, taken = 0, len;
	uint16_t id;

	while (taken < 4000) {
		if (sent < 4000 && D.n_free > 0) {
			part.off = DRIVER_BUFS + D.pos * 256;
			part.len = HDR + 60;
			memset(D.mem + part.off, 0, HDR);
			memset(D.mem + part.off + HDR, (int)(sent & 255), 60);
			assert_true(driver_add(&D, &part, 1, false) >= 0);
			sent++;
		}
		while (driver_take(&D, &id, &len))
			taken++;
	}
	*(uint32_t *)out = taken;
	return NULL;
}

static void a_guest_on_another_processor_sees_and_shows_whole_frames(void **)
{
	each_kind(k)
	{
		uint32_t n = 0, taken = 0;
		pthread_t thread;

		driver_open(&D, KINDS[k], 16, true);
		assert_int_equal(pthread_create(&thread, NULL, guest_sends, &taken), 0);
		while (n < 4000) {
			unsigned got = dequeue(VHOST_BURST);

			assert_int_equal(D.q.broken, VHOST_FINE);
			for (unsigned i = 0; i < got; i++, n++) {
				assert_int_equal(SLOTS[i].len, 60);
				assert_int_equal(OUT[i][0], n & 255);
				assert_int_equal(OUT[i][59], n & 255);
			}
			if (got == 0 && !vhost_queue_arm(&D.q))
				sched_yield();
		}
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_int_equal(taken, 4000);
		driver_close(&D);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_arrives_whole_however_it_is_laid_out),
		cmocka_unit_test(a_frame_is_received_whole_however_the_buffer_is_laid_out),
		cmocka_unit_test(a_large_frame_is_merged_over_buffers),
		cmocka_unit_test(
			without_mergeable_num_buffers_is_one_and_too_large_frames_take_no_buffer),
		cmocka_unit_test(a_frame_that_finds_too_few_buffers_waits_and_takes_none),
		cmocka_unit_test(a_frame_over_more_buffers_than_the_record_holds_is_lost_alone),
		cmocka_unit_test(descriptors_come_back_once_and_in_order),
		cmocka_unit_test(the_guest_is_called_when_it_asks),
		cmocka_unit_test(arming_asks_for_kicks_and_looks_again),
		cmocka_unit_test(
			an_engine_killed_at_any_store_neither_loses_nor_doubles_a_descriptor),
		cmocka_unit_test(what_we_write_is_logged_for_migration_and_nothing_else),
		cmocka_unit_test(a_guest_whose_memory_is_shrunk_loses_its_queue_and_nobody_else),
		cmocka_unit_test(starting_arming_and_logging_survive_memory_that_is_gone),
		cmocka_unit_test(a_guest_on_another_processor_sees_and_shows_whole_frames),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
