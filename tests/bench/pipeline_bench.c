/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline_bench.c - cycles a packet costs in the pipeline itself, without any device.
 *
 * The real pipeline over vifs that do nothing in tx: 60-byte UDP between @n vifs, all known, in
 * bursts of 1, 8, 32 and 64, and flooded; then from a network of mode routed and of mode nat to its
 * uplink, 256 flows; then by NAT with more and more connections in the table, at random, and where
 * each packet begins one, with room in the table and without.  Informative; figures depend on the
 * machine.
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
	*p = (struct pkt){ .m = rte_pktmbuf_alloc(small_pool), .in_vif = (uint16_t)from };
	CHECK(p->m != NULL);
	memcpy(frame.bytes, MAC_OF(to), 6);
	memcpy(frame.bytes + 6, MAC_OF(from), 6);
	memcpy(rte_pktmbuf_append(p->m, (uint16_t)frame.len), frame.bytes, frame.len);
	p->len = frame.len;
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

static const uint8_t GUEST[16] = { [10] = 0xff, [11] = 0xff, [12] = 10, [14] = 1, [15] = 11 };
static const uint8_t GATEWAY[16] = { [10] = 0xff, [11] = 0xff, [12] = 10, [14] = 1, [15] = 1 };
static const uint8_t UPLINK[16] = { [10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 1 };
static const uint8_t HOP[16] = { [10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 2 };

/* Network 1 with vif 1, its uplink network 2 with vif 2. */
static struct snapshot *routed_config(bool is_nat)
{
	static struct {
		struct snap_hdr hdr;
		struct snap_network network[2];
		struct snap_port port[2];
		struct snap_router router[2];
		struct snap_addr addr[2];
		struct snap_route route[2];
	} m;

	memset(&m, 0, sizeof(m));
	m.hdr = (struct snap_hdr){ .magic = SNAPSHOT_MAGIC,
		.generation = 1000,
		.size = sizeof(m),
		.n_networks = 2,
		.n_ports = 2,
		.n_routers = 2,
		.n_addrs = 2,
		.n_routes = 2 };
	vifs.n = 0;
	for (uint16_t i = 0; i < 2; i++) {
		uint16_t id = (uint16_t)(i + 1);

		m.network[i] = (struct snap_network){ .network_id = id,
			.mode = NETWORK_MODE_BRIDGE,
			.ageing_s = 300,
			.mtu = 1500,
			.name = "n" };
		m.port[i] = (struct snap_port){ .vif_id = id,
			.network_id = id,
			.flags = SNAP_PORT_UP | SNAP_PORT_LEARN | SNAP_PORT_FLOOD,
			.mtu = 1500,
			.name = "v" };
		m.router[i] = (struct snap_router){ .network_id = id,
			.uplink_id = i == 0 ? 2 : 0,
			.policy = i == 1 ? SNAP_POLICY_UPLINK
				: is_nat ? SNAP_POLICY_NAT
					 : SNAP_POLICY_ROUTED,
			.flags = i == 0 && is_nat ? SNAP_ROUTER_NAT4 : 0,
			.mtu = 1500,
			.mac = { 2, 0, 0, 0, 0, (uint8_t)(0xf0 + id) } };
		m.addr[i]
			= (struct snap_addr){ .network_id = id, .kind = SNAP_ADDR_OWN, .len = 24 };
		memcpy(m.addr[i].addr, i == 0 ? GATEWAY : UPLINK, 16);
		vifs.ids[vifs.n++] = id;
	}
	m.route[0] = (struct snap_route){ .in_network = 1,
		.out_network = 2,
		.kind = SNAP_ROUTE_VIA,
		.prefix = { [10] = 0xff, [11] = 0xff } };
	memcpy(m.route[0].next_hop, HOP, 16);
	m.route[1] = (struct snap_route){
		.in_network = 2, .out_network = 1, .kind = SNAP_ROUTE_CONNECTED, .len = 24
	};
	memcpy(m.route[1].prefix, GUEST, 16);
	return snapshot_create(&m, sizeof(m), NULL);
}

/* Point the frame to the router port, with the addresses of a flow. */
static void routed_frame(void)
{
	frame_eth(&frame, MAC_OF(0xf1), MAC_OF(1));
	frame_ip4(&frame, 17);
	memcpy(frame.bytes + 14 + 12, GUEST + 12, 4);
	frame_udp(&frame, 53);
	frame_payload(&frame, 18);
	frame_end(&frame);
}

/* What is sent through the router. */
struct load {
	const char *what;
	uint32_t n_flows; /* 0: each packet is the first of one */
	bool is_full; /* the table, when .n_flows is 0 */
};

static uint32_t next_flow;

static void make_flow(struct pkt *p, uint32_t flow)
{
	uint8_t *udp;

	make(p, 1, 0xf1);
	udp = rte_pktmbuf_mtod(p->m, uint8_t *) + 34;
	udp[0] = (uint8_t)(0x40 + (flow >> 8) % 0x80);
	udp[1] = (uint8_t)flow;
	udp[2] = (uint8_t)(flow >> 23);
	udp[3] = (uint8_t)(flow >> 15);
}

static void make_burst(struct ct *ct, const struct load *load, unsigned len, uint64_t *x)
{
	if (load->n_flows == 0 && !load->is_full && ct->tab.n_live + 2 * len > ct->tab.n_slots)
		ct_flush(ct, 0, 0);
	for (unsigned i = 0; i < len; i++) {
		*x = *x * 6364136223846793005u + 1442695040888963407u;
		make_flow(&burst.pkt[i],
			load->n_flows != 0 ? (uint32_t)(*x >> 33) % load->n_flows : next_flow++);
	}
	burst.n = (uint16_t)len;
}

/* Have every flow of @load known before it is measured. */
static void preload(struct pipeline *l, struct ct *ct, const struct load *load)
{
	uint32_t n = load->is_full ? ct->tab.n_slots / 2 : load->n_flows;

	ct_flush(ct, 0, 0);
	for (next_flow = 0; next_flow < n; next_flow++) {
		make_flow(&burst.pkt[0], next_flow);
		burst.n = 1;
		pipeline_run(l, &burst);
	}
}

static void measure_routed(
	struct pipeline *l, unsigned burst_len, double seconds, const struct load *load)
{
	uint64_t end, x = 1;
	struct ct *ct = pipeline_ct(l);
	uint32_t n = 0;

	preload(l, ct, load);
	end = clock_now_ns() + (uint64_t)(seconds * 1e9);
	while (clock_now_ns() < end && n < SAMPLES_MAX) {
		uint64_t start;

		make_burst(ct, load, burst_len, &x);
		start = rte_rdtsc();
		pipeline_run(l, &burst);
		samples[n++] = (uint32_t)(rte_rdtsc() - start);
	}
	qsort(samples, n, sizeof(samples[0]), compare);
	printf("%-8s %6u connections, bursts of %2u: %6.0f cycles a packet (median)\n", load->what,
		ct->tab.n_live / 2, burst_len, (double)samples[n >> 1] / burst_len);
}

static void measure_loads(struct pipeline *l, bool is_nat, double seconds)
{
	static const unsigned bursts[] = { 1, 8, 32, 64 };
	static const struct load loads[] = { { "nat", 1000, false }, { "nat", 10000, false },
		{ "nat", 100000, false }, { "nat new", 0, false }, { "nat full", 0, true } };
	const struct load few = { is_nat ? "nat" : "routed", 256, false };

	for (unsigned k = 0; k < ARRAY_LEN(bursts); k++)
		measure_routed(l, bursts[k], seconds, &few);
	for (unsigned k = 0; is_nat && k < ARRAY_LEN(loads); k++)
		measure_routed(l, 32, seconds, &loads[k]);
}

static void measure_routers(struct pipeline *l, uint64_t now_ns, double seconds)
{
	struct neigh_who hop = { .network_id = 2 };
	void *segment = aligned_alloc(4096, SEGMENT_CT_SIZE);
	struct ct *ct;

	CHECK(segment != NULL);
	memset(segment, 0, SEGMENT_CT_SIZE);
	ct = ct_attach(segment, SEGMENT_CT_SIZE, now_ns, NULL);
	CHECK(ct != NULL);
	memcpy(hop.addr, HOP, 16);
	pipeline_set_ct(l, ct);
	routed_frame();
	for (unsigned is_nat = 0; is_nat < 2; is_nat++) {
		struct snapshot *cfg = routed_config(is_nat);

		CHECK(cfg != NULL);
		pipeline_set_config(l, cfg, &vifs, NULL);
		neigh_heard(
			pipeline_neigh(l), &hop, MAC_OF(2), NEIGH_MAY_ADD | NEIGH_CONFIRMS, now_ns);
		measure_loads(l, is_nat, seconds);
		pipeline_set_config(l, NULL, &vifs, NULL);
		snapshot_destroy(cfg);
	}
	pipeline_set_ct(l, NULL);
	ct_detach(ct);
	free(segment);
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
	measure_routers(l, io.now_ns, seconds);
	pipeline_destroy(l);
	fdb_detach(fdb);
	return 0;
}
