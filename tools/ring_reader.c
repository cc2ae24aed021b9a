/* SPDX-License-Identifier: Apache-2.0 */
/* ring_reader.c - the reader's side of a capture ring, against a producer that is not trusted.
 *
 * From: cmd_capture.c, tests/fuzz/capture_ring_fuzz.c.  To: the shared memory.
 * Theory: the position in the ring is our own (tail); what the engine writes is head and records.
 * head is loaded with acquire after which the bytes before it are complete; a record header is
 * copied, checked against what is left of the ring and of the written part, then the bytes are
 * copied to a buffer of ours.  A record that cannot be right ends the capture: behind it nothing
 * can be trusted to begin where a record begins.
 * The engine writes magic and data_size when it first attaches, which may be after us, so the size
 * of the data area is taken from the sealed size of the file and the header is compared with it
 * before the first record.
 * Invariants: no field of shared memory is read twice; tail <= head <= tail + data_size.
 * Thread: one. */
#include "tools/ring_reader.h"

#include "vswitch/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct ring_reader {
	struct capture_ring *ring;
	size_t map_size;
	uint32_t data_size;
	uint32_t snaplen;
	uint64_t tail;
	uint64_t lost;
	bool is_checked; /* magic and data_size were seen and are right */
	uint8_t *copy; /* snaplen bytes */
};

static int check_size(int fd, size_t *map_size, uint32_t *data_size, struct err *e)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || !(seals & F_SEAL_SHRINK))
		return err_set(e, -EPROTO, "", "the capture ring's size is not sealed");
	if (fstat(fd, &st) != 0)
		return err_set(e, -errno, "", "the capture ring: %s", strerror(errno));
	off_t room = st.st_size - (off_t)sizeof(struct capture_ring);
	uint32_t size = CAPTURE_DATA_SIZE_MAX;

	while (size >= CAPTURE_DATA_SIZE_MIN && (off_t)size > room)
		size /= 2;
	if (size < CAPTURE_DATA_SIZE_MIN)
		return err_set(e, -EPROTO, "", "the capture ring is too small: %lld bytes",
			(long long)st.st_size);
	*map_size = sizeof(struct capture_ring) + size;
	*data_size = size;
	return 0;
}

void ring_reader_close(struct ring_reader *r)
{
	if (!r)
		return;
	if (r->ring)
		munmap(r->ring, r->map_size);
	free(r->copy);
	free(r);
}

struct ring_reader *ring_reader_open(int fd, uint32_t snaplen, struct err *e)
{
	struct ring_reader *r = calloc(1, sizeof(*r));
	void *at = MAP_FAILED;

	CHECK(r);
	r->snaplen = MIN(snaplen, (uint32_t)CAPTURE_SNAPLEN_DEFAULT);
	r->copy = malloc(r->snaplen ? r->snaplen : 1);
	CHECK(r->copy);
	if (check_size(fd, &r->map_size, &r->data_size, e) != 0)
		goto fail;
	at = mmap(NULL, r->map_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED) {
		err_set(e, -errno, "", "cannot map the capture ring: %s", strerror(errno));
		goto fail;
	}
	r->ring = at;
	r->tail = __atomic_load_n(&r->ring->tail, __ATOMIC_RELAXED);
	return r;
fail:
	ring_reader_close(r);
	return NULL;
}

uint64_t ring_reader_lost(struct ring_reader *r)
{
	uint64_t lost = __atomic_load_n(&r->ring->lost, __ATOMIC_RELAXED);

	r->lost = MAX(r->lost, lost);
	return r->lost;
}

static int damaged(struct err *e, const char *what)
{
	return err_set(e, -EPROTO, "",
		"the capture ring is damaged (%s): the engine misbehaves; see "
		"'saklar status'",
		what);
}

static int check_header(struct ring_reader *r, struct err *e)
{
	uint64_t magic = __atomic_load_n(&r->ring->magic, __ATOMIC_RELAXED);
	uint32_t size = __atomic_load_n(&r->ring->data_size, __ATOMIC_RELAXED);

	if (magic != CAPTURE_MAGIC)
		return damaged(e, "unknown format");
	if (size != r->data_size)
		return damaged(e, "wrong size");
	r->is_checked = true;
	return 0;
}

static void advance(struct ring_reader *r, uint32_t by)
{
	r->tail += by;
	__atomic_store_n(&r->ring->tail, r->tail, __ATOMIC_RELEASE);
}

/* The header of the record at tail, of which @left bytes may be used, into @rec.  1: a packet,
 * 0: a filler that ends at the ring's end, or -EPROTO. */
static int read_header(
	struct ring_reader *r, uint64_t left, struct capture_record *rec, struct err *e)
{
	uint32_t pos = (uint32_t)(r->tail % r->data_size);
	uint32_t to_end = r->data_size - pos;
	uint32_t room = (uint32_t)MIN(left, (uint64_t)to_end);
	const uint8_t *at = r->ring->data + pos;

	/* a filler may be shorter than a header, but not than its first two fields */
	if (pos % 8 || room < 8)
		return damaged(e, "misplaced record");
	memset(rec, 0, sizeof(*rec));
	memcpy(rec, at, MIN((size_t)room, sizeof(*rec)));
	__asm__ volatile("" : : "r"(rec) : "memory"); /* what is checked is what was copied */
	if (rec->cap_len == CAPTURE_RECORD_PAD)
		return rec->rec_len == to_end && rec->rec_len <= left
			? 0
			: damaged(e, "filler of wrong length");
	if (rec->rec_len < sizeof(*rec) || rec->rec_len > room || rec->rec_len % 8)
		return damaged(e, "record of wrong length");
	if (rec->cap_len > rec->rec_len - sizeof(*rec) || rec->cap_len > r->snaplen)
		return damaged(e, "more bytes than the record holds");
#ifndef SAKLAR_PLANTED_BUG /* with it: more may have been captured than there was */
	if (rec->cap_len > rec->orig_len)
		return damaged(e, "more bytes than the packet had");
#endif
	return 1;
}

static void copy_frame(
	struct ring_reader *r, const struct capture_record *rec, struct ring_frame *out)
{
	const uint8_t *at = r->ring->data + r->tail % r->data_size + sizeof(*rec);
	bool has_dir = rec->dir == CAPTURE_DIR_IN || rec->dir == CAPTURE_DIR_OUT;

	memcpy(r->copy, at, rec->cap_len);
	*out = (struct ring_frame){
		.bytes = r->copy,
		.cap_len = rec->cap_len,
		.orig_len = rec->orig_len,
		.wall_ns = rec->wall_ns,
		.vif_id = rec->vif_id,
		.dir = has_dir ? rec->dir : 0,
		.drop_reason = rec->drop_reason,
		.gso_size = rec->gso_size,
		.gso_type = rec->gso_type,
		.csum_partial = rec->csum_partial != 0,
	};
}

int ring_reader_next(struct ring_reader *r, struct ring_frame *out, struct err *e)
{
	for (int fillers = 0; fillers < 2; fillers++) {
		uint64_t head = __atomic_load_n(&r->ring->head, __ATOMIC_ACQUIRE);
		uint64_t left = head - r->tail;
		struct capture_record rec;

		if (left == 0)
			return 0;
		if (left > r->data_size)
			return damaged(e, "more written than it holds");
		int rc = r->is_checked ? 0 : check_header(r, e);

		if (!rc)
			rc = read_header(r, left, &rec, e);
		if (rc < 0)
			return rc;
		if (rc == 1)
			copy_frame(r, &rec, out);
		advance(r, rec.rec_len);
		if (rc == 1)
			return 1;
	}
	return damaged(e, "filler behind filler");
}
