/* SPDX-License-Identifier: Apache-2.0 */
/* bed.c - the pipeline with mem vifs, as tests use it; see bed.h.
 *
 * From: tests/pipeline.  To: vswitch/pipeline.c, the real one.
 * Theory: frames arrive in the order in which the test sent them, whatever vif they came from; the
 * burst is cut after burst_max of them.  Equal results for all burst sizes are what is tested.
 * Thread: one. */
#include "tests/lib/bed.h"

#include "tests/lib/test_pools.h"
#include "tests/lib/unit.h"
#include "vif/drop.h"
#include "vif/pkt_edit.h"
#include "vif/pkt_parse.h"
#include "vswitch/base/check.h"
#include "vswitch/base/netaddr.h"

#include <rte_mbuf.h>

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BED_IFINDEX 70000u /* of vif 0; more than 16 bits */
#define BED_START_NS (UINT64_C(1000) * 1000000000)

static void attach(struct bed *b)
{
	b->fdb = fdb_attach(b->segment, SEGMENT_FDB_SIZE, b->io.now_ns, NULL);
	b->pipeline = pipeline_create(&b->io);
	CHECK(b->fdb != NULL && b->pipeline != NULL);
	b->ct = ct_attach(b->ct_segment, BED_CT_SIZE, b->io.now_ns, NULL);
	b->neigh = neigh_attach(b->neigh_segment, SEGMENT_NEIGH_SIZE, b->io.now_ns, NULL);
	CHECK(b->ct != NULL && b->neigh != NULL);
	pipeline_set_fdb(b->pipeline, b->fdb);
	pipeline_set_ct(b->pipeline, b->ct);
	pipeline_set_neigh(b->pipeline, b->neigh);
	if (b->verdict_segment != NULL)
		b->verdicts = verdicts_attach(b->verdict_segment, SEGMENT_VERDICT_SIZE, NULL);
	if (b->verdicts != NULL)
		b->verdicts->flow_after = 0;
	pipeline_set_verdicts(b->pipeline, b->verdicts);
	CHECK(stp_run_attach(pipeline_stp(b->pipeline), b->stp_segment, SEGMENT_STP_SIZE) == 0);
	pipeline_set_config(b->pipeline, b->cfg, &b->vifs, b->captures);
	if (b->n_workers == 1)
		return;
	b->hops = hops_create(b->n_workers);
	CHECK(b->hops != NULL);
	pipeline_set_hops(b->pipeline, b->hops, 0);
	for (unsigned w = 1; w < b->n_workers; w++) {
		struct pipeline *l = b->other[w].pipeline = pipeline_create(&b->other[w].io);

		CHECK(l != NULL);
		pipeline_set_hops(l, b->hops, w);
		CHECK(pipeline_peek_fdb(l, b->fdb) == 0);
		pipeline_set_config(l, b->cfg, &b->vifs, b->captures);
	}
}

static void *segment_create(size_t size)
{
	void *at = aligned_alloc(4096, size);

	CHECK(at != NULL);
	memset(at, 0, size);
	return at;
}

struct bed *bed_create(unsigned how)
{
	struct bed *b = calloc(1, sizeof(*b));

	CHECK(b != NULL);
	b->burst_max = how & (BED_CACHED - 1);
	b->n_workers = MAX(how / BED_WORKERS(1), 1u);
	CHECK(b->n_workers <= BED_WORKERS_MAX);
	b->is_bumped = (how & BED_BUMPED) != 0;
	b->random = 12345;
	test_pools(&b->io.small_pool, &b->io.big_pool);
	b->io.vif_counters = calloc(VIF_ID_MAX, sizeof(struct vif_counters));
	b->io.worker_counters = &b->worker_counters;
	b->io.now_ns = BED_START_NS;
	CHECK(b->io.vif_counters != NULL);
	b->segment = segment_create(SEGMENT_FDB_SIZE);
	b->ct_segment = segment_create(BED_CT_SIZE);
	b->neigh_segment = segment_create(SEGMENT_NEIGH_SIZE);
	if (how & BED_CACHED)
		b->verdict_segment = segment_create(SEGMENT_VERDICT_SIZE);
	b->stp_segment = segment_create(SEGMENT_STP_SIZE);
	b->kernel.verdicts = b->verdict_segment;
	b->kernel.fdb = b->segment;
	b->kernel.ct = b->ct_segment;
	b->kernel.ct_size = BED_CT_SIZE;
	b->kernel.neigh = b->neigh_segment;
	attach(b);
	return b;
}

static void detach(struct bed *b)
{
	for (unsigned w = 1; w < b->n_workers; w++)
		pipeline_destroy(b->other[w].pipeline);
	hops_destroy(b->hops);
	pipeline_destroy(b->pipeline);
	fdb_detach(b->fdb);
	ct_detach(b->ct);
	neigh_destroy(b->neigh);
	verdicts_detach(b->verdicts);
	b->verdicts = NULL;
}

void bed_restart(struct bed *b)
{
	detach(b);
	attach(b);
}

void bed_destroy(struct bed *b)
{
	detach(b);
	snapshot_destroy(b->cfg);
	for (unsigned i = 0; i < b->vifs.n; i++)
		vif_close(b->vifs.by_id[b->vifs.ids[i]]);
	free(b->io.vif_counters);
	free(b->segment);
	free(b->ct_segment);
	free(b->neigh_segment);
	free(b->verdict_segment);
	free(b->stp_segment);
	free(b);
}

struct snap_network *bed_network(struct bed *b, uint16_t id)
{
	struct snap_network *n = &b->network[b->n_networks++];

	CHECK(b->n_networks <= BED_NETWORKS_MAX);
	*n = (struct snap_network){
		.network_id = id, .mode = NETWORK_MODE_BRIDGE, .ageing_s = 300, .mtu = 1500
	};
	snprintf(n->name, sizeof(n->name), "n%u", id);
	return n;
}

struct snap_port *bed_port(struct bed *b, uint16_t vif_id, uint16_t network_id)
{
	struct snap_port *p = &b->port[b->n_ports++];

	CHECK(b->n_ports <= BED_PORTS_MAX);
	*p = (struct snap_port){
		.vif_id = vif_id,
		.network_id = network_id,
		.flags = SNAP_PORT_UP | SNAP_PORT_LEARN | SNAP_PORT_FLOOD | SNAP_PORT_MCAST_FLOOD
			| SNAP_PORT_BCAST_FLOOD,
		.mtu = 1500,
	};
	snprintf(p->name, sizeof(p->name), "v%u", vif_id);
	b->vif[vif_id] = vif_mem_create(vif_id, p->name);
	b->vifs.by_id[vif_id] = b->vif[vif_id];
	if (b->verdict_segment != NULL) {
		b->vif[vif_id]->flags |= MSG_VIF_FAST;
		b->vif[vif_id]->ifindex = BED_IFINDEX + vif_id;
		b->kernel.ports[vif_id] = BED_IFINDEX + vif_id;
	}
	b->vifs.ids[b->vifs.n++] = vif_id;
	return p;
}

void bed_leg(struct bed *b, uint16_t vif_id)
{
	for (unsigned i = 0; i < b->n_ports; i++) {
		struct snap_port *p = &b->port[i];

		if (p->vif_id != vif_id)
			continue;
		p->flags |= SNAP_PORT_LEG;
		for (unsigned k = 0; k < b->n_networks; k++) {
			if (b->network[k].network_id != p->network_id)
				continue;
			b->network[k].leg_vif_id = vif_id;
			memcpy(b->network[k].leg_mac, MAC_OF(vif_id), 6);
		}
	}
}

struct snap_router *bed_router(
	struct bed *b, uint16_t network_id, enum snap_policy policy, uint16_t uplink_id)
{
	struct snap_router *r = &b->router[b->n_routers++];

	CHECK(b->n_routers <= BED_NETWORKS_MAX);
	*r = (struct snap_router){ .network_id = network_id,
		.policy = (uint8_t)policy,
		.uplink_id = uplink_id,
		.mtu = 1500 };
	memcpy(r->mac, MAC_OF(0xf0 + network_id), 6);
	for (unsigned i = 0; i < b->n_networks; i++)
		if (b->network[i].network_id == network_id
			&& b->network[i].leg_vif_id != VIF_ID_NONE)
			memcpy(r->mac, b->network[i].leg_mac, 6);
	return r;
}

static uint8_t prefix_of(const char *text, uint8_t addr[16])
{
	struct ipnet net;

	CHECK(ipnet_parse(text, &net) == 0);
	memcpy(addr, net.addr.b, 16);
	return net.len;
}

static void addr_of(const char *text, uint8_t addr[16])
{
	struct ipaddr a;

	CHECK(ip_parse(text, &a) == 0);
	memcpy(addr, a.b, 16);
}

void bed_addr(struct bed *b, uint16_t network_id, const char *text)
{
	struct snap_addr *a = &b->addr[b->n_addrs++];

	CHECK(b->n_addrs <= BED_ROUTES_MAX);
	*a = (struct snap_addr){ .network_id = network_id,
		.kind = network_id != NETWORK_ID_NONE ? SNAP_ADDR_OWN : SNAP_ADDR_HOST };
	a->len = prefix_of(text, a->addr);
}

struct snap_route *bed_route(
	struct bed *b, uint16_t in, const char *prefix, uint16_t out, const char *via)
{
	struct snap_route *r = &b->route[b->n_routes++];

	CHECK(b->n_routes <= BED_ROUTES_MAX);
	*r = (struct snap_route){ .in_network = in,
		.out_network = out,
		.kind = via != NULL ? SNAP_ROUTE_VIA : SNAP_ROUTE_CONNECTED };
	r->len = prefix_of(prefix, r->prefix);
	if (via != NULL)
		addr_of(via, r->next_hop);
	return r;
}

struct snap_forward *bed_forward(
	struct bed *b, uint16_t uplink_id, uint8_t proto, uint16_t port, struct forward_to to)
{
	struct snap_forward *f = &b->forward[b->n_forwards++];

	CHECK(b->n_forwards <= BED_ROUTES_MAX);
	*f = (struct snap_forward){ .uplink_id = uplink_id,
		.proto = proto,
		.listen_port = htobe16(port),
		.to_network = to.network,
		.to_port = htobe16(to.port) };
	addr_of(to.addr, f->to_addr);
	return f;
}

struct snap_meter *bed_meter(
	struct bed *b, uint16_t vif_id, enum snap_meter_kind kind, uint64_t rate)
{
	struct snap_meter *m = &b->meter[b->n_meters++];

	CHECK(b->n_meters <= BED_METERS_MAX);
	*m = (struct snap_meter){
		.vif_id = vif_id, .kind = (uint8_t)kind, .rate = rate, .burst = rate
	};
	return m;
}

void bed_vlan(struct bed *b, uint16_t vif_id, uint16_t first, uint16_t last, unsigned flags)
{
	CHECK(b->n_vlans < BED_VLANS_MAX);
	b->vlan[b->n_vlans++] = (struct snap_vlan){
		.vif_id = vif_id, .first = first, .last = last, .flags = (uint16_t)flags
	};
}

void bed_no_vlans(struct bed *b, uint16_t vif_id)
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->n_vlans; i++)
		if (b->vlan[i].vif_id != vif_id)
			b->vlan[n++] = b->vlan[i];
	b->n_vlans = n;
}

static struct snap_mcast *mcast_add(struct bed *b, uint8_t kind, uint16_t network_id)
{
	struct snap_mcast *r = &b->mcast[b->n_mcasts++];

	CHECK(b->n_mcasts <= BED_ROUTES_MAX);
	*r = (struct snap_mcast){ .kind = kind, .network_id = network_id };
	return r;
}

static uint16_t network_of(const struct bed *b, uint16_t vif_id)
{
	for (unsigned i = 0; i < b->n_ports; i++)
		if (b->port[i].vif_id == vif_id)
			return b->port[i].network_id;
	return NETWORK_ID_NONE;
}

struct snap_mcast *bed_mcast(struct bed *b, uint16_t network_id)
{
	struct snap_mcast *r = mcast_add(b, SNAP_MCAST_NETWORK, network_id);

	r->network = (struct snap_mcast_network){ .limit = 4096,
		.query_ms = 125000,
		.response_ms = 10000,
		.membership_ms = 260000,
		.querier_ms = 255000,
		.startup_ms = 31250,
		.last_member_ms = 1000,
		.startup_count = 2,
		.last_member_count = 2 };
	memcpy(r->network.mac, MAC_OF(0xee), 6);
	return r;
}

struct snap_mcast_vif *bed_mcast_vif(struct bed *b, uint16_t vif_id, uint8_t flags)
{
	struct snap_mcast *r = mcast_add(b, SNAP_MCAST_VIF, network_of(b, vif_id));

	r->flags = flags;
	r->vif = (struct snap_mcast_vif){ .vif_id = vif_id };
	return &r->vif;
}

struct snap_mcast *bed_mcast_entry(
	struct bed *b, uint16_t vif_id, const char *group, const char *source)
{
	struct snap_mcast *r = mcast_add(b, SNAP_MCAST_ENTRY, network_of(b, vif_id));

	r->entry = (struct snap_mcast_entry){ .vif_id = vif_id };
	addr_of(group, r->entry.group);
	if (source != NULL) {
		r->flags = SNAP_MCAST_HAS_SOURCE;
		addr_of(source, r->entry.source);
	}
	return r;
}

void bed_binding(struct bed *b, uint16_t vif_id, const char *text)
{
	struct snap_binding *binding = &b->binding[b->n_bindings++];

	CHECK(b->n_bindings <= BED_METERS_MAX);
	*binding = (struct snap_binding){ .vif_id = vif_id };
	binding->len = prefix_of(text, binding->addr);
}

void bed_no_fdb(struct bed *b, const uint8_t mac[6], uint16_t vid)
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->n_fdb; i++)
		if (b->fdb_want[i].vid != vid || memcmp(b->fdb_want[i].mac, mac, 6) != 0)
			b->fdb_want[n++] = b->fdb_want[i];
	b->n_fdb = n;
}

void bed_fdb(struct bed *b, uint16_t vif_id, const uint8_t mac[6], uint16_t vid, unsigned flags)
{
	struct snap_fdb *f;

	bed_no_fdb(b, mac, vid);
	CHECK(b->n_fdb < BED_FDB_MAX);
	f = &b->fdb_want[b->n_fdb++];
	*f = (struct snap_fdb){ .vif_id = vif_id, .vid = vid, .flags = (uint16_t)flags };
	memcpy(f->mac, mac, sizeof(f->mac));
}

struct snap_stp *bed_stp(struct bed *b, uint16_t network_id, uint8_t version)
{
	struct snap_stp *t = &b->stp[b->n_stp++];

	CHECK(b->n_stp <= BED_NETWORKS_MAX);
	*t = (struct snap_stp){ .network_id = network_id,
		.priority = 32768,
		.version = version,
		.hello_s = 2,
		.max_age_s = 20,
		.forward_delay_s = 15 };
	memcpy(t->mac, MAC_OF(0xe0 + network_id), sizeof(t->mac));
	return t;
}

struct snap_stp_port *bed_stp_port(struct bed *b, uint16_t vif_id, unsigned flags)
{
	struct snap_stp_port *p = &b->stp_port[b->n_stp_ports++];

	CHECK(b->n_stp_ports <= BED_PORTS_MAX);
	*p = (struct snap_stp_port){ .vif_id = vif_id, .priority = 128, .flags = (uint8_t)flags };
	return p;
}

void bed_station(struct bed *b, uint16_t network_id, const char *addr, const uint8_t *mac)
{
	struct snap_station *s = &b->station[b->n_stations++];

	CHECK(b->n_stations <= BED_METERS_MAX);
	*s = (struct snap_station){ .network_id = network_id };
	addr_of(addr, s->addr);
	memcpy(s->mac, mac, 6);
}

struct snap_mirror *bed_mirror(struct bed *b, uint16_t target, uint16_t vif_id, uint16_t network_id)
{
	struct snap_mirror *m = &b->mirror[b->n_mirrors++];

	CHECK(b->n_mirrors <= BED_MIRRORS_MAX);
	*m = (struct snap_mirror){ .target_id = target,
		.vif_id = vif_id,
		.network_id = network_id,
		.directions = vif_id != VIF_ID_NONE ? SNAP_MIRROR_BOTH : SNAP_MIRROR_RX };
	return m;
}

void bed_apply(struct bed *b)
{
	static uint8_t bytes[SNAPSHOT_SIZE_MAX];
	struct snap_hdr *hdr = (struct snap_hdr *)(void *)bytes;
	const struct {
		const void *from;
		size_t len;
	} parts[] = {
		{ b->network, b->n_networks * sizeof(b->network[0]) },
		{ b->port, b->n_ports * sizeof(b->port[0]) },
		{ b->router, b->n_routers * sizeof(b->router[0]) },
		{ b->addr, b->n_addrs * sizeof(b->addr[0]) },
		{ b->route, b->n_routes * sizeof(b->route[0]) },
		{ b->forward, b->n_forwards * sizeof(b->forward[0]) },
		{ b->stp, b->n_stp * sizeof(b->stp[0]) },
		{ b->stp_port, b->n_stp_ports * sizeof(b->stp_port[0]) },
		{ b->meter, b->n_meters * sizeof(b->meter[0]) },
		{ b->vlan, b->n_vlans * sizeof(b->vlan[0]) },
		{ b->mcast, b->n_mcasts * sizeof(b->mcast[0]) },
		{ b->binding, b->n_bindings * sizeof(b->binding[0]) },
		{ b->fdb_want, b->n_fdb * sizeof(b->fdb_want[0]) },
		{ b->station, b->n_stations * sizeof(b->station[0]) },
		{ b->mirror, b->n_mirrors * sizeof(b->mirror[0]) },
	};
	size_t len = sizeof(*hdr);
	struct snapshot *old = b->cfg;
	struct err e = ERR_NONE;

	*hdr = (struct snap_hdr){ .magic = SNAPSHOT_MAGIC,
		.generation = ++b->generation,
		.n_networks = b->n_networks,
		.n_ports = b->n_ports,
		.n_routers = b->n_routers,
		.n_addrs = b->n_addrs,
		.n_routes = b->n_routes,
		.n_forwards = b->n_forwards,
		.n_stp = b->n_stp,
		.n_stp_ports = b->n_stp_ports,
		.n_meters = b->n_meters,
		.n_vlans = b->n_vlans,
		.n_mcasts = b->n_mcasts,
		.n_bindings = (uint16_t)b->n_bindings,
		.n_fdb = b->n_fdb,
		.n_stations = b->n_stations,
		.n_mirrors = (uint16_t)b->n_mirrors };
	for (unsigned i = 0; i < ARRAY_LEN(parts); i++) {
		memcpy(bytes + len, parts[i].from, parts[i].len);
		len += parts[i].len;
	}
	hdr->size = (uint32_t)len;
	b->cfg = snapshot_create(bytes, hdr->size, &e);
	if (b->cfg == NULL)
		fail_msg("%s: %s", e.path, e.msg);
	pipeline_set_config(b->pipeline, b->cfg, &b->vifs, b->captures);
	for (unsigned w = 1; w < b->n_workers; w++)
		pipeline_set_config(b->other[w].pipeline, b->cfg, &b->vifs, b->captures);
	snapshot_destroy(old);
}

void bed_unapply(struct bed *b)
{
	pipeline_set_config(b->pipeline, NULL, &b->vifs, NULL);
	for (unsigned w = 1; w < b->n_workers; w++)
		pipeline_set_config(b->other[w].pipeline, NULL, &b->vifs, NULL);
}

void bed_send(struct bed *b, uint16_t vif_id, const struct frame *f)
{
	CHECK(b->n_arrivals < BED_ARRIVALS_MAX);
	vif_mem_inject(b->vif[vif_id], f->bytes, f->len, &f->offload);
	b->arrival[b->n_arrivals++] = vif_id;
}

unsigned bed_held(const struct bed *b)
{
	unsigned n = pipeline_held(b->pipeline);

	for (unsigned w = 1; w < b->n_workers; w++)
		n += pipeline_held(b->other[w].pipeline);
	return n;
}

uint64_t bed_due_ns(const struct bed *b)
{
	uint64_t due_ns = pipeline_due_ns(b->pipeline);

	for (unsigned w = 1; w < b->n_workers; w++) {
		uint64_t other_ns = pipeline_due_ns(b->other[w].pipeline);

		if (other_ns != 0 && (due_ns == 0 || other_ns < due_ns))
			due_ns = other_ns;
	}
	return due_ns;
}

/* Run the burst as worker @w, and the owner until it has all that hopped. */
static void worker_run(struct bed *b, unsigned w)
{
	if (w == 0) {
		pipeline_run(b->pipeline, &b->burst);
		return;
	}
	b->other[w].io = b->io;
	b->other[w].io.worker = (uint16_t)w;
	hop_settle(b->hops, w);
	CHECK(hop_has_room(b->hops, w));
	pipeline_run(b->other[w].pipeline, &b->burst);
	(void)hop_publish(b->hops, w);
	if (b->on_hop != NULL && hops_wait(b->hops))
		b->on_hop(b);
	while (hops_wait(b->hops)) {
		b->burst.n = 0;
		pipeline_run(b->pipeline, &b->burst);
	}
}

static void run_burst(struct bed *b, unsigned w)
{
	if (b->burst.n > 0)
		worker_run(b, w);
	b->burst.n = 0;
}

/* The device that the kernel's programs send @p to by themselves, 0: none. */
static uint32_t kernel_way(struct bed *b, const struct pkt *p)
{
	const struct kernel_frame f = {
		.bytes = pkt_bytes(p),
		.linear = pkt_linear_len(p),
		.len = p->len,
		.gso_size = p->gso_type != PKT_GSO_NONE ? p->gso_size : 0,
		.ifindex = BED_IFINDEX + p->in_vif,
		.csum_start = p->flags & PKT_CSUM_PARTIAL ? p->csum_start : 0,
	};

	if (b->verdicts == NULL)
		return 0;
	b->random = b->random * 1664525 + 1013904223;
	if (b->is_bumped && b->random >> 31)
		verdicts_flush(b->verdicts);
	b->kernel.now_ns = b->io.now_ns;
	return kernel_double_run(&b->kernel, &f);
}

/* What the kernel does with a frame that a program sends out by @vif_id. */
static void kernel_send(struct bed *b, const struct pkt *p, uint16_t vif_id)
{
	static struct tx_items items;
	static struct burst one;

	one.n = 1;
	one.pkt[0] = *p;
	memcpy(rte_pktmbuf_mtod(p->m, void *), b->kernel.head,
		MIN(pkt_linear_len(p), (uint32_t)sizeof(b->kernel.head)));
	pkt_parse(&one);
	b->io.vif_counters[p->in_vif].rx_packets++;
	b->io.vif_counters[p->in_vif].rx_bytes += p->len;
	pkt_edit_fill_csum(&one);
	items.n = 1;
	items.item[0] = (struct tx_item){ .out_vif = vif_id };
	vif_tx(&b->vifs, &b->io, &one, &items);
	drop_burst(b->io.vif_counters, &one);
	b->n_cached++;
}

void bed_run(struct bed *b)
{
	unsigned n_held = bed_held(b);
	unsigned n_small = rte_mempool_in_use_count(b->io.small_pool);
	unsigned n_big = rte_mempool_in_use_count(b->io.big_pool);
	unsigned w = 0; /* whose the burst is */

	b->burst.n = 0;
	for (unsigned i = 0; i < b->n_arrivals; i++) {
		struct vif *v = b->vif[b->arrival[i]];
		struct pkt *p, copy;
		uint32_t way;

		if (w != b->arrival[i] % b->n_workers)
			run_burst(b, w);
		w = b->arrival[i] % b->n_workers;
		p = &b->burst.pkt[b->burst.n];
		memset(p, 0xa5, sizeof(*p)); /* rx need not clear what parse does */
		if (v->ops->rx(v, &v->queue[0], &b->io, p, 1) == 0)
			continue;
		way = kernel_way(b, p);
		if (way == KERNEL_LOST) {
			rte_pktmbuf_free(p->m);
		} else if (way != 0) {
			copy = *p;
			run_burst(b, w); /* those before it */
			kernel_send(b, &copy, (uint16_t)(way - BED_IFINDEX));
		} else if (++b->burst.n == b->burst_max) {
			run_burst(b, w);
		}
	}
	run_burst(b, w);
	b->n_arrivals = 0;
	if (n_held != 0 || bed_held(b) != 0)
		return; /* counted when they are given back */
	assert_int_equal(rte_mempool_in_use_count(b->io.small_pool), n_small);
	assert_int_equal(rte_mempool_in_use_count(b->io.big_pool), n_big);
}

void bed_tick(struct bed *b)
{
	for (unsigned w = 0; w < b->n_workers; w++) {
		b->burst.n = 0;
		worker_run(b, w);
	}
}

void bed_step(struct bed *b, uint16_t vif_id, const struct frame *f)
{
	bed_send(b, vif_id, f);
	bed_run(b);
}

void bed_warp(struct bed *b, uint64_t by_ns)
{
	b->io.now_ns += by_ns;
}

uint64_t bed_drops(const struct bed *b, uint16_t vif_id, enum drop_reason reason)
{
	return b->io.vif_counters[vif_id].drops[reason];
}

void bed_clear(struct bed *b)
{
	struct mem_frame f;

	for (unsigned i = 0; i < b->vifs.n; i++)
		while (vif_mem_take(b->vif[b->vifs.ids[i]], &f))
			free(f.bytes);
}

int bed_setup(void **state)
{
	unsigned how = (unsigned)(uintptr_t)*state;

	*state = bed_create(how);
	return 0;
}

int bed_teardown(void **state)
{
	bed_destroy(*state);
	return 0;
}
