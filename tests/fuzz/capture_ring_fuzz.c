/* SPDX-License-Identifier: Apache-2.0 */
/* capture_ring_fuzz.c - a hostile ring to the reader of a capture.
 *
 * From: libFuzzer or replay_main.c.  To: tools/ring_reader.c, then the text and pcapng it becomes.
 * Theory: the engine writes the ring and may have been taken over.  Input: head, tail, lost (8 bytes
 * each), then the data area from its start; a second copy of the bytes lies at its end, where
 * records meet the wrap.
 * Planted bug (SAKLAR_PLANTED_BUG): more of a frame may have been captured than there was.
 * Invariants: any bytes give frames within their bounds or one error.  Thread: one. */
#include "tools/capture_stream.h"
#include "tools/capture_text.h"
#include "tools/ring_reader.h"
#include "vswitch/base/check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define DATA_SIZE CAPTURE_DATA_SIZE_MIN
#define MAP_SIZE (sizeof(struct capture_ring) + DATA_SIZE)
#define SNAPLEN 4096

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static int swallow(void *, const uint8_t *, size_t)
{
	return 0;
}

/* One memfd for all inputs: making one for each would be most of the time. */
static struct capture_ring *map_ring(int *fd)
{
	static struct capture_ring *ring;
	static int ring_fd = -1;

	if (!ring) {
		ring_fd = memfd_create("ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		CHECK(ring_fd >= 0 && ftruncate(ring_fd, (off_t)MAP_SIZE) == 0);
		CHECK(fcntl(ring_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0);
		ring = mmap(NULL, MAP_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd, 0);
		CHECK(ring != MAP_FAILED);
	}
	*fd = ring_fd;
	return ring;
}

static void fill(struct capture_ring *ring, const uint8_t *bytes, size_t size)
{
	uint64_t head[3] = { 0 };

	memcpy(head, bytes, MIN(size, sizeof(head)));
	bytes += MIN(size, sizeof(head));
	size -= MIN(size, sizeof(head));
	size = MIN(size, (size_t)DATA_SIZE);
	memset(ring, 0, MAP_SIZE);
	ring->magic = CAPTURE_MAGIC;
	ring->data_size = DATA_SIZE;
	ring->tail = head[1];
	ring->head = head[1] + head[0] % (2 * DATA_SIZE);
	ring->lost = head[2];
	memcpy(ring->data, bytes, size);
	memcpy(ring->data + DATA_SIZE - size, bytes, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	int fd;
	struct err e = ERR_NONE;
	struct ring_frame f;
	char text[CAPTURE_LINE_LEN];

	fill(map_ring(&fd), bytes, size);
	struct ring_reader *r = ring_reader_open(fd, SNAPLEN, &e);

	CHECK(r);
	struct capture_vifs *vifs = capture_vifs_create();
	struct capture_stream *s = capture_stream_create(swallow, NULL, SNAPLEN, "");
	uint8_t sum = 0;

	while (ring_reader_next(r, &f, &e) == 1) {
		struct capture_vif *vif = capture_vifs_find(vifs, f.vif_id);

		CHECK(f.cap_len <= SNAPLEN && f.cap_len <= f.orig_len);
		for (uint32_t i = 0; i < f.cap_len; i++)
			sum ^= f.bytes[i];
		capture_vifs_name(vifs, vif);
		capture_line(&f, vif->name, text, sizeof(text));
		CHECK(capture_stream_frame(s, vif, &f) == 0);
	}
	__asm__ volatile("" : : "r"(sum));
	CHECK(capture_stream_finish(s, vifs, ring_reader_lost(r)) == 0);
	capture_stream_destroy(s);
	capture_vifs_destroy(vifs);
	ring_reader_close(r);
	return 0;
}
