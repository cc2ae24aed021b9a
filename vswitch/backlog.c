/* SPDX-License-Identifier: Apache-2.0 */
/* backlog.c - floods that were not finished in their turn.
 *
 * From: vswitch/pipeline.c.  To: itself, in later bursts.
 * Theory: a super-frame to a thousand ports is 64 MB of copying.  bridge/bridge.c gives every flood
 * a share of what a turn may cost and notes at which vif it stopped; here it waits, so that all
 * other vifs are heard in between.  Order within a sender's floods is kept as far as they progress
 * at the same pace.
 * Invariants: a packet here has an mbuf of its own, no drop reason, and .flood_next inside of ids.
 * Thread: worker. */
#include "vswitch/backlog.h"

#include <string.h>

static bool is_big(const struct pkt *p)
{
	return p->m->nb_segs > 1;
}

static bool has_room(const struct backlog *l, const struct pkt *p)
{
	unsigned n_vif = 0, n_big = 0;

	for (unsigned i = 0; i < l->n; i++) {
		n_vif += pkt_drop_vif(&l->pkt[i]) == pkt_drop_vif(p);
		n_big += is_big(&l->pkt[i]);
	}
	return l->n < BACKLOG_MAX && n_vif < BACKLOG_VIF_MAX
		&& (!is_big(p) || n_big < BACKLOG_BIG_MAX);
}

uint16_t backlog_take(struct backlog *l, struct burst *b)
{
	uint16_t n = MIN(l->n, (uint16_t)(BURST_MAX - b->n)), first = b->n;

	if (LIKELY(n == 0))
		return first;
	memcpy(&b->pkt[first], l->pkt, n * sizeof(l->pkt[0]));
	b->n = (uint16_t)(first + n);
	l->n = (uint16_t)(l->n - n);
	memmove(l->pkt, l->pkt + n, l->n * sizeof(l->pkt[0]));
	return first;
}

static void put(struct backlog *l, struct pkt *p)
{
	if (LIKELY(!pkt_is_unfinished(p)))
		return;
	if (!has_room(l, p)) {
		pkt_drop(p, DROP_FLOOD_LIMIT);
		return;
	}
	l->pkt[l->n++] = *p;
	p->m = NULL;
}

void backlog_put(struct backlog *l, struct burst *b, uint16_t first)
{
	for (uint16_t i = first; i < b->n; i++)
		put(l, &b->pkt[i]);
	for (uint16_t i = 0; i < first; i++)
		put(l, &b->pkt[i]);
}

bool backlog_has(const struct backlog *l, uint16_t vif_id)
{
	for (unsigned i = 0; i < l->n; i++)
		if (pkt_drop_vif(&l->pkt[i]) == vif_id)
			return true;
	return false;
}

void backlog_clear(struct backlog *l)
{
	for (unsigned i = 0; i < l->n; i++)
		rte_pktmbuf_free(l->pkt[i].m);
	l->n = 0;
}
