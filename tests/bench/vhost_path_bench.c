/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_path_bench.c - cycles a packet costs from one guest's ring through the pipeline to another's.
 *
 * Guests' drivers run in the same thread and are not measured, so that no line has to come from another core: what
 * the code costs, without the memory.  Every guest sends to the next one.  Shown: all of it; receiving alone; the
 * pipeline with a vif that does nothing in tx is pipeline_bench's.
 *   usage: vhost_path_bench [frame length] [bursts per line]
 * From: tests/bench.  To: stdout.  Thread: one. */
#include "tests/lib/guest_driver.h"
#include "tests/lib/pkt_build.h"
#include "tests/lib/test_pools.h"
#include "vif/io_scratch.h"
#include "vif/vhost_net.h"
#include "vswitch/base/check.h"
#include "vswitch/base/clock.h"
#include "vswitch/pipeline.h"

#include <rte_mbuf.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#define GUESTS_MAX 32
#define SAMPLES_MAX 100000

static struct driver sending[GUESTS_MAX + 1], receiving[GUESTS_MAX + 1]; /* by vif id */
static struct vif_table vifs;
static struct vif guest_vif[GUESTS_MAX + 1];
static struct burst burst;
static uint32_t samples[SAMPLES_MAX], rx_samples[SAMPLES_MAX];

static void ring_tx(
	struct vif *v, struct vif_io *io, struct burst *b, struct tx_item *items, uint32_t n)
{
	vhost_net_tx(&receiving[v->id].q, io, v->id, b, items, n);
}

static const struct vif_ops ring_ops = { .name = "ring", .tx = ring_tx };

static struct snapshot *config(unsigned n)
{
	static struct {
		struct snap_hdr hdr;
		struct snap_network network;
		struct snap_port port[GUESTS_MAX];
	} m;

	memset(&m, 0, sizeof(m));
	m.hdr = (struct snap_hdr){ .magic = SNAPSHOT_MAGIC,
		.generation = n,
		.size = (uint32_t)(sizeof(m.hdr) + sizeof(m.network) + n * sizeof(m.port[0])),
		.n_networks = 1,
		.n_ports = n };
	m.network = (struct snap_network){ .network_id = 1,
		.mode = NETWORK_MODE_BRIDGE,
		.ageing_s = 300,
		.mtu = 1500,
		.name = "n" };
	vifs.n = 0;
	for (unsigned i = 0; i < n; i++) {
		uint16_t id = (uint16_t)(i + 1);

		m.port[i] = (struct snap_port){ .vif_id = id,
			.network_id = 1,
			.flags = SNAP_PORT_UP | SNAP_PORT_LEARN | SNAP_PORT_FLOOD,
			.mtu = 1500,
			.name = "v" };
		guest_vif[id] = (struct vif){ .id = id, .type = VIF_TYPE_VHOST, .ops = &ring_ops };
		vifs.by_id[id] = &guest_vif[id];
		vifs.ids[vifs.n++] = id;
	}
	return snapshot_create(&m, m.hdr.size, NULL);
}

/* The guest @id offers a frame to the guest @to. */
static void offer(unsigned id, unsigned to, uint32_t len)
{
	static struct frame f;
	struct driver *d = &sending[id];
	struct driver_part part = { DRIVER_BUFS + d->pos * 2048, 12 + len };

	frame_simple(&f, MAC_OF(to), MAC_OF(id), 18);
	memset(d->mem + part.off, 0, 12);
	memcpy(d->mem + part.off + 12, f.bytes, MIN(f.len, len));
	CHECK(driver_add(d, &part, 1, false) >= 0);
}

static void take_all(struct driver *d)
{
	uint32_t len;
	uint16_t id;

	while (driver_take(d, &id, &len))
		;
}

static void room(unsigned id)
{
	struct driver *d = &receiving[id];

	take_all(d);
	for (;;) {
		struct driver_part part = { DRIVER_BUFS + d->pos * 2048, 2048 };

		if (driver_add(d, &part, 1, false) < 0)
			break;
	}
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* @n_each frames of each guest make one burst. */
static void measure(struct pipeline *l, struct vif_io *io, unsigned n_guests, unsigned n_each,
	uint32_t len, unsigned n)
{
	unsigned to = 0;

	for (unsigned k = 0; k < n; k++) {
		uint64_t start, middle;

		for (unsigned id = 1; id <= n_guests; id++) {
			for (unsigned i = 0; i < n_each; i++) {
				to = n_guests == 2 ? 3 - id : 1 + (id + to + i) % n_guests;
				offer(id, to == id ? 1 + id % n_guests : to, len);
			}
			room(id);
		}
		burst.n = 0;
		start = __rdtsc();
		for (unsigned id = 1; id <= n_guests; id++)
			burst.n = (uint16_t)(burst.n
				+ vhost_net_rx(&sending[id].q, io, (uint16_t)id,
					&burst.pkt[burst.n], (uint16_t)n_each));
		middle = __rdtsc();
		CHECK(burst.n == n_guests * n_each);
		pipeline_run(l, &burst);
		samples[k] = (uint32_t)(__rdtsc() - start);
		rx_samples[k] = (uint32_t)(middle - start);
		for (unsigned id = 1; id <= n_guests; id++)
			take_all(&sending[id]);
	}
	qsort(samples, n, sizeof(samples[0]), compare);
	qsort(rx_samples, n, sizeof(samples[0]), compare);
	printf("%-6s %2u guests, %2u frames of each: %6.1f cycles a packet, %5.1f of them to "
	       "receive\n",
		sending[1].is_packed ? "packed" : "split", n_guests, n_each,
		(double)samples[n >> 1] / (n_guests * n_each),
		(double)rx_samples[n >> 1] / (n_guests * n_each));
}

static void run(struct pipeline *l, struct vif_io *io, uint64_t features, uint32_t len, unsigned n)
{
	static const unsigned shapes[][2] = { { 2, 32 }, { 2, 8 }, { 2, 1 }, { 32, 2 } };

	for (unsigned i = 0; i < ARRAY_LEN(shapes); i++) {
		unsigned n_guests = shapes[i][0];
		struct snapshot *cfg = config(n_guests);

		CHECK(cfg != NULL);
		for (unsigned id = 1; id <= n_guests; id++) {
			driver_open(&sending[id], features, 256, true);
			driver_open(&receiving[id], features, 256, false);
		}
		pipeline_set_config(l, cfg, &vifs, NULL);
		measure(l, io, n_guests, shapes[i][1], len, n);
		pipeline_set_config(l, NULL, &vifs, NULL);
		snapshot_destroy(cfg);
		for (unsigned id = 1; id <= n_guests; id++) {
			driver_close(&sending[id]);
			driver_close(&receiving[id]);
		}
	}
}

int main(int argc, char **argv)
{
	static struct worker_counters worker_counters;
	uint32_t len = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 64;
	unsigned n = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 20000;
	struct vif_io io = { .worker_counters = &worker_counters };
	void *segment = aligned_alloc(4096, SEGMENT_FDB_SIZE);
	struct pipeline *l = pipeline_create(&io);
	struct fdb *fdb;

	CHECK(len >= 60 && len <= 1514 && n > 0 && n <= SAMPLES_MAX);
	test_pools(&io.small_pool, &io.big_pool);
	/* the test's have no cache */
	io.small_pool = rte_pktmbuf_pool_create(
		"cached", 2047, 256, 0, 2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	CHECK(io.small_pool != NULL);
	io.scratch = io_scratch_create();
	io.vif_counters = calloc(VIF_ID_MAX, sizeof(struct vif_counters));
	CHECK(segment != NULL && l != NULL && io.scratch != NULL && io.vif_counters != NULL);
	memset(segment, 0, SEGMENT_FDB_SIZE);
	io.now_ns = clock_now_ns();
	fdb = fdb_attach(segment, SEGMENT_FDB_SIZE, io.now_ns, NULL);
	CHECK(fdb != NULL);
	pipeline_set_fdb(l, fdb);
	run(l, &io, DRIVER_FEATURES, len, n);
	run(l, &io, DRIVER_FEATURES | DRIVER_PACKED, len, n);
	pipeline_destroy(l);
	fdb_detach(fdb);
	return 0;
}
