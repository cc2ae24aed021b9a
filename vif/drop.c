/* SPDX-License-Identifier: Apache-2.0 */
/* drop.c - the one place where packets that are not sent end.
 *
 * From: vswitch/pipeline.c, last call of a run.  To: the mempool.
 * Theory: whoever holds the burst owns its mbufs; vif tx may take some (.consumed), everything
 * else is freed here, in one bulk call, because returning mbufs one by one costs more than
 * counting them.
 * Invariants: afterwards no packet of the burst has an mbuf.
 * Thread: worker; counters have one writer. */
#include "vif/drop.h"

static void count_add(uint64_t *slot, uint64_t n)
{
	/* The daemon reads while we write: a relaxed store keeps each value whole. */
	__atomic_store_n(slot, *slot + n, __ATOMIC_RELAXED);
}

void drop_count(
	struct vif_counters *vif_counters, uint16_t vif_id, enum drop_reason reason, uint64_t n)
{
	if (vif_id < VIF_ID_MAX && (unsigned)reason < DROP_REASON_MAX)
		count_add(&vif_counters[vif_id].drops[reason], n);
}

void drop_forms(struct burst *b)
{
	for (unsigned i = 0; i < b->n_forms; i++) { /* none where no network has VLANs */
		rte_pktmbuf_free(b->pkt[BURST_MAX + i].m);
		b->pkt[BURST_MAX + i].m = NULL;
	}
	b->n_forms = 0;
}

void drop_burst(struct vif_counters *vif_counters, struct burst *b)
{
	struct rte_mbuf *dead[BURST_MAX] __attribute__((uninitialized)); /* 1 KiB */
	unsigned n = 0;

	burst_foreach(p, b) {
		if (p->drop != DROP_NONE)
			drop_count(vif_counters, pkt_drop_vif(p), p->drop, 1);
		if (p->m != NULL)
			dead[n++] = p->m;
		p->m = NULL;
	}
	if (n > 0)
		rte_pktmbuf_free_bulk(dead, n);
	b->n = 0;
}
