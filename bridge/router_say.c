/* SPDX-License-Identifier: Apache-2.0 */
/* router_say.c - puts frames of the router's own behind the packet that caused them.
 *
 * From: bridge/router.c, bridge/router_route.c.  To: the burst.
 * Theory: a new packet stands behind its cause, so that a burst of 32 gives what 32 bursts of 1
 * give; the keys made ahead move along.  A full burst loses the frame, never the cause.
 * Thread: worker. */
#include "bridge/router_walk.h"
#include "vif/pkt_parse.h"

#include <string.h>

struct pkt *router_say_insert(struct router *r, struct burst *b, uint16_t at)
{
	uint16_t n = (uint16_t)(b->n - at - 1);

	if (b->n == BURST_MAX)
		return NULL;
	memmove(&b->pkt[at + 2], &b->pkt[at + 1], n * sizeof(b->pkt[0]));
	memmove(&r->keyed[at + 2], &r->keyed[at + 1], n * sizeof(r->keyed[0]));
	b->n++;
	r->keyed[at + 1].has_tuple = false;
	r->keyed[at + 1].is_whole = false;
	return &b->pkt[at + 1];
}

void router_say_frame(struct router *r, const struct router_io *io, uint16_t at, struct rte_mbuf *m,
	const struct whither *to)
{
	struct pkt *p = m != NULL ? router_say_insert(r, io->b, at) : NULL;

	if (p == NULL) {
		rte_pktmbuf_free(m);
		return;
	}
	memset(p, 0, sizeof(*p));
	p->m = m;
	p->len = rte_pktmbuf_pkt_len(m);
	pkt_parse_one(p);
	p->network_id = to->network_id;
	p->in_vif = VIF_ID_NONE;
	p->origin_vif = to->because;
	p->dst_vif = to->dst_vif;
	p->flags |= PKT_CSUM_VALID;
}

void router_say_refuse(struct router *r, const struct router_io *io, struct walk *w,
	enum drop_reason reason, enum icmp_why why, uint16_t mtu)
{
	struct pkt *p = w->p;
	uint16_t vif_id = p->in_vif;
	const uint8_t *src = snapshot_own_near(io->cfg, w->in, w->src);

	pkt_drop(p, reason);
	/* One for a datagram is enough, but each piece has to know the MTU. */
	if (why != ICMP_WHY_MTU && (p->flags & PKT_IS_FRAG) != 0 && frag_is_later(p))
		return;
	if (src == NULL || !icmp_error_may(p) || !icmp_limit_take(&r->limit, vif_id, io->now_ns))
		return;
	router_say_frame(r, io, w->at,
		icmp_error_make(io->pool, p, io->cfg->router[w->in].conf.mac, src, why, mtu),
		&(struct whither){ w->in, vif_id, vif_id });
}
