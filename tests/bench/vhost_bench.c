/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_bench.c - cycles a packet costs in our virtqueues, without mbufs and without a pipeline.
 *
 * The guest's driver runs in the same thread and is not measured.  Informative; figures depend on the machine.
 *   usage: vhost_bench [frame length] [bursts per line]
 * From: tests/bench.  To: stdout.  Thread: one. */
#include "tests/lib/guest_driver.h"
#include "vswitch/base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#define SAMPLES_MAX 100000

static struct driver D;
static uint32_t SAMPLES[SAMPLES_MAX];
static uint8_t OUT[VHOST_BURST][2048];

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static uint32_t turn(unsigned n, uint32_t len)
{
	struct vhost_rx slots[VHOST_BURST];
	struct vhost_tx frames[VHOST_BURST];
	uint64_t start;
	unsigned done;

	for (unsigned i = 0; i < n; i++) {
		slots[i] = (struct vhost_rx){ .first = OUT[i], .first_room = 2048 };
		frames[i] = (struct vhost_tx){ .first = OUT[i], .first_len = len, .len = len };
	}
	start = __rdtsc();
	done = D.is_tx ? vhost_queue_dequeue(&D.q, slots, n) : vhost_queue_enqueue(&D.q, frames, n);
	start = __rdtsc() - start;
	CHECK(done == n);
	return (uint32_t)start;
}

static void measure(uint64_t features, bool is_tx, unsigned n, uint32_t len, unsigned n_samples)
{
	uint32_t used_len, room = is_tx ? 12 + len : 1536;
	unsigned middle = n_samples / 2; /* when sorted */
	uint16_t id;

	driver_open(&D, features, 256, is_tx);
	memset(D.mem + DRIVER_BUFS, 0, 256 * 2048);
	for (unsigned k = 0; k < n_samples; k++) {
		for (unsigned i = 0; i < n; i++) {
			struct driver_part part = { DRIVER_BUFS + D.pos * 2048, room };

			CHECK(driver_add(&D, &part, 1, false) >= 0);
		}
		SAMPLES[k] = turn(n, len);
		while (driver_take(&D, &id, &used_len))
			;
	}
	qsort(SAMPLES, n_samples, sizeof(SAMPLES[0]), compare);
	printf("%-6s %-7s %4u bytes, bursts of %2u: %6.1f cycles a packet (median)\n",
		D.is_packed ? "packed" : "split", is_tx ? "dequeue" : "enqueue", len, n,
		(double)SAMPLES[middle] / n);
	driver_close(&D);
}

int main(int argc, char **argv)
{
	static const unsigned bursts[] = { 1, 2, 4, 8, 32, 64 };
	uint32_t len = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 64;
	unsigned n_samples = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 20000;

	CHECK(len > 0 && len <= 1500 && n_samples > 0 && n_samples <= SAMPLES_MAX);
	for (unsigned packed = 0; packed < 2; packed++)
		for (unsigned tx = 0; tx < 2; tx++)
			for (unsigned i = 0; i < ARRAY_LEN(bursts); i++)
				measure(DRIVER_FEATURES | (packed ? DRIVER_PACKED : 0), tx == 1,
					bursts[i], len, n_samples);
	return 0;
}
