/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline_bench.c - cycles a packet costs in the pipeline itself, without any device.
 *
 * The real pipeline over vifs that do nothing in tx: 60-byte UDP between @n vifs, all known, in
 * bursts of 1, 8, 32 and 64, and flooded.  Informative; figures depend on the machine.
 *   usage: pipeline_bench [seconds per line]
 * From: tests/bench.  To: stdout.  Thread: one. */
#include "tests/lib/pkt_build.h"
#include "tests/lib/test_pools.h"
#include "vswitch/base/check.h"
#include "vswitch/base/clock.h"
#include "vswitch/pipeline.h"

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VIFS_MAX 256

static void null_tx(
	struct vif *v, struct vif_io *io, struct burst *b, struct tx_item *items, uint32_t n)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < n; i++)
		bytes += b->pkt[items[i].pkt].len;
	io->vif_counters[v->id].tx_packets += n;
	io->vif_counters[v->id].tx_bytes += bytes;
}

static const struct vif_ops null_ops = { .name = "null", .tx = null_tx };

static struct rte_mempool *small_pool, *big_pool;
static struct vif_table vifs;
static struct vif null_vif[VIFS_MAX + 1];
static struct burst burst;
static struct frame frame;

static struct snapshot *config(unsigned n)
{
	static struct {
		struct snap_hdr hdr;
		struct snap_network network;
		struct snap_port port[VIFS_MAX];
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
		null_vif[id] = (struct vif){ .id = id, .ops = &null_ops };
		vifs.by_id[id] = &null_vif[id];
		vifs.ids[vifs.n++] = id;
	}
	return snapshot_create(&m, m.hdr.size, NULL);
}

/* A packet from vif @from to the MAC of vif @to. */
static void make(struct pkt *p, unsigned from, unsigned to)
{
	p->m = rte_pktmbuf_alloc(small_pool);
	CHECK(p->m != NULL);
	memcpy(frame.bytes, MAC_OF(to), 6);
	memcpy(frame.bytes + 6, MAC_OF(from), 6);
	memcpy(rte_pktmbuf_append(p->m, (uint16_t)frame.len), frame.bytes, frame.len);
	p->len = frame.len;
	p->in_vif = (uint16_t)from;
	p->flags = 0;
	p->gso_type = PKT_GSO_NONE;
	p->csum_start = 0;
	p->csum_offset = 0;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Median over bursts: a machine that does other things as well does not count. */
#define SAMPLES_MAX 100000
static uint32_t samples[SAMPLES_MAX];

static void measure(
	struct pipeline *l, unsigned n_vifs, unsigned burst_len, double seconds, const char *what)
{
	uint64_t x = 1;
	uint32_t n = 0;
	uint64_t end = clock_now_ns() + (uint64_t)(seconds * 1e9);

	while (clock_now_ns() < end && n + 64 <= SAMPLES_MAX) {
		for (unsigned turn = 0; turn < 64; turn++) {
			uint64_t start;

			for (unsigned i = 0; i < burst_len; i++) {
				x = x * 6364136223846793005u + 1442695040888963407u;
				make(&burst.pkt[i], 1 + (unsigned)(x >> 33) % n_vifs,
					what[0] == 'f' ? 255 : 1 + (unsigned)(x >> 45) % n_vifs);
			}
			burst.n = (uint16_t)burst_len;
			start = rte_rdtsc();
			pipeline_run(l, &burst);
			samples[n++] = (uint32_t)(rte_rdtsc() - start);
		}
	}
	qsort(samples, n, sizeof(samples[0]), compare);
	printf("%-8s %3u vifs, bursts of %2u: %6.0f cycles a packet (median)\n", what, n_vifs,
		burst_len, (double)samples[n >> 1] / burst_len);
}

int main(int argc, char **argv)
{
	static const unsigned vif_counts[] = { 2, 32, 200 }, bursts[] = { 1, 8, 32, 64 };
	static struct worker_counters worker_counters;
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 0.5;
	struct vif_io io = { .worker_counters = &worker_counters };
	void *segment = aligned_alloc(4096, SEGMENT_FDB_SIZE);
	struct pipeline *l = pipeline_create(&io);
	struct fdb *fdb;

	test_pools(&small_pool, &big_pool);
	io.small_pool = small_pool;
	io.vif_counters = calloc(VIF_ID_MAX, sizeof(struct vif_counters));
	CHECK(segment != NULL && l != NULL && io.vif_counters != NULL);
	memset(segment, 0, SEGMENT_FDB_SIZE);
	io.now_ns = clock_now_ns();
	fdb = fdb_attach(segment, SEGMENT_FDB_SIZE, io.now_ns, NULL);
	CHECK(fdb != NULL);
	pipeline_set_fdb(l, fdb);
	frame_simple(&frame, MAC_OF(1), MAC_OF(2), 18);
	for (unsigned i = 0; i < ARRAY_LEN(vif_counts); i++) {
		struct snapshot *cfg = config(vif_counts[i]);

		CHECK(cfg != NULL);
		pipeline_set_config(l, cfg, &vifs, NULL);
		for (unsigned k = 0; k < ARRAY_LEN(bursts); k++)
			measure(l, vif_counts[i], bursts[k], seconds, "unicast");
		measure(l, vif_counts[i], 32, seconds, "flood");
		pipeline_set_config(l, NULL, &vifs, NULL);
		snapshot_destroy(cfg);
	}
	pipeline_destroy(l);
	fdb_detach(fdb);
	return 0;
}
