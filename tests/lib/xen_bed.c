/* SPDX-License-Identifier: Apache-2.0 */
/* xen_bed.c - a front end and the back end under test in one process.
 *
 * From: tests of vif/xen_*.c.  Thread: one. */
#include "tests/lib/xen_bed.h"

#include "tests/lib/test_pools.h"
#include "vif/pkt_parse.h"
#include "vif/vif_mem.h"
#include "vswitch/base/check.h"

#include <rte_mbuf.h>

#include <stdlib.h>
#include <string.h>

uint16_t xen_bed_receive(struct xen_bed *b)
{
	return xen_in_run(&b->in, &b->io, &b->copies, b->pkt, BURST_RX_MAX);
}

void xen_bed_free(struct xen_bed *b, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		rte_pktmbuf_free(b->pkt[i].m);
}

const uint8_t *xen_bed_bytes(const struct pkt *p)
{
	static uint8_t room[FRAME_LEN_MAX];

	CHECK(p->len <= sizeof(room));
	return rte_pktmbuf_read(p->m, 0, p->len, room);
}

static struct rte_mbuf *mbuf_of(struct xen_bed *b, const uint8_t *bytes, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(b->io.small_pool), *big;
	uint32_t first;

	CHECK(m != NULL);
	first = MIN(len, (uint32_t)rte_pktmbuf_tailroom(m));
	memcpy(rte_pktmbuf_mtod(m, uint8_t *), bytes, first);
	m->data_len = (uint16_t)first;
	m->pkt_len = len;
	if (first == len)
		return m;
	big = rte_pktmbuf_alloc(b->io.big_pool);
	CHECK(big != NULL);
	memcpy(rte_pktmbuf_mtod(big, uint8_t *), bytes + first, len - first);
	big->data_len = (uint16_t)(len - first);
	m->next = big;
	m->nb_segs = 2;
	return m;
}

enum drop_reason xen_bed_send(
	struct xen_bed *b, const void *bytes, uint32_t len, const struct mem_offload *offload)
{
	struct burst *burst = calloc(1, sizeof(*burst));
	struct tx_item item = { .out_vif = XEN_BED_VIF };
	struct xen_batch batch = { .burst = burst, .items = &item, .n = 1 };
	struct pkt *p;

	CHECK(burst != NULL);
	p = &burst->pkt[0];
	burst->n = 1;
	*p = (struct pkt){ .m = mbuf_of(b, bytes, len), .len = len, .in_vif = 1 };
	if (offload != NULL) {
		p->flags = offload->flags;
		p->gso_type = offload->gso_type;
		p->gso_size = offload->gso_size;
		p->csum_start = offload->csum_start;
		p->csum_offset = offload->csum_offset;
	}
	pkt_parse_one(p);
	CHECK(p->drop == DROP_NONE);
	xen_out_run(&b->out, XEN_BED_VIF, &b->io, &b->copies, &batch);
	rte_pktmbuf_free(p->m);
	free(burst);
	return item.drop;
}

void xen_bed_destroy(struct xen_bed *b)
{
	CHECK(rte_mempool_in_use_count(b->io.small_pool) == 0);
	CHECK(rte_mempool_in_use_count(b->io.big_pool) == 0);
	xen_front_destroy(b->front);
	xen_shm_destroy(b->shm);
	free(b->io.vif_counters);
	free(b);
}

struct xen_bed *xen_bed_create(void)
{
	struct xen_bed *b = calloc(1, sizeof(*b));
	void *tx, *rx;

	CHECK(b != NULL);
	b->shm = xen_shm_create();
	b->front = xen_front_create(b->shm);
	b->features = (struct xen_features){
		.sg = true, .gso_tcp4 = true, .gso_tcp6 = true, .csum_ip4 = true, .csum_ip6 = true
	};
	test_pools(&b->io.small_pool, &b->io.big_pool);
	b->io.vif_counters = calloc(VIF_ID_MAX, sizeof(*b->io.vif_counters));
	b->io.worker_counters = &b->worker_counters;
	b->io.now_ns = 1;
	CHECK(b->io.vif_counters != NULL);
	CHECK(b->shm->dom.ops->map(&b->shm->dom, FRONT_GREF_TX, &tx) == 0);
	CHECK(b->shm->dom.ops->map(&b->shm->dom, FRONT_GREF_RX, &rx) == 0);
	CHECK(xen_in_open(&b->in, &b->shm->dom, tx) == 0);
	CHECK(xen_out_open(&b->out, &b->shm->dom, rx, &b->features) == 0);
	b->in.event = xen_shm_event(b->shm, FRONT_PORT_TX);
	b->out.event = xen_shm_event(b->shm, FRONT_PORT_RX);
	b->in.vif_id = XEN_BED_VIF;
	return b;
}
