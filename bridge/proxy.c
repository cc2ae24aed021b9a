/* SPDX-License-Identifier: Apache-2.0 */
/* proxy.c - answers ARP and neighbour solicitations in place of stations behind certain vifs.
 *
 * From: bridge/storm.c.  To: bridge/router.c; bridge/bridge.c, which does not flood what is
 * .is_answered to vifs with SNAP_PORT_NEIGH_SUPPRESS; the answers to vif tx, by vswitch/pipeline.c.
 * Theory: as Linux' neigh_suppress (br_do_proxy_suppress_arp, br_do_suppress_nd).  Such a vif leads to many
 * stations, by a tunnel or a narrow link; what others flood to find one of them need not go there when
 * its address is known.  It is known when the configuration says whose it is, and the forwarding table
 * where that MAC is: then who asks is answered, if the vif it is behind is such a vif, and in any case no such
 * vif is asked.  Announcements and probes for duplicates, and questions for the host's own address, are
 * kept from such vifs too.  Who is behind one asks as ever, and so does who asks one station by its MAC.
 * Deviation: Linux knows what its own neighbour table says, which guests can write to.
 * Invariants: what cannot be answered (no buffer, too many in one turn) is flooded.
 * Thread: worker; no state. */
#include "bridge/proxy.h"

#include "bridge/answer.h"
#include "bridge/neigh_frame.h"

#include <string.h>

#define PROTO_ICMP6 58

/* A question: who has .target? */
struct question {
	bool is_nd;
	uint8_t target[16];
	const uint8_t *asker; /* 4 or 16 bytes: who asks */
};

enum kind {
	KIND_OTHER,
	KIND_ANNOUNCES, /* or looks for duplicates: nobody is to answer but who has it */
	KIND_ASKS
};

static bool is_zero(const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (at[i] != 0)
			return false;
	return true;
}

static enum kind read_arp(const struct pkt *p, struct question *q)
{
	const uint8_t *arp = pkt_bytes(p) + p->l3_off;

	memset(q->target, 0, 10);
	memset(q->target + 10, 0xff, 2);
	memcpy(q->target + 12, arp + 24, 4);
	q->asker = arp + 14;
	if (is_zero(q->asker, 4) || memcmp(q->asker, arp + 24, 4) == 0)
		return KIND_ANNOUNCES; /* RFC 5227 */
	return arp[6] == 0 && arp[7] == 1 ? KIND_ASKS : KIND_OTHER;
}

static enum kind read_nd(const struct pkt *p, struct question *q)
{
	const uint8_t *ip = pkt_bytes(p) + p->l3_off;
	const uint8_t *nd = pkt_hdr(p, p->l4_off, 24);

	if (nd == NULL || ip[7] != 255 || nd[1] != 0)
		return KIND_OTHER;
	if (nd[0] == ND_NA)
		return nd[4] & NA_SOLICITED ? KIND_OTHER : KIND_ANNOUNCES;
	if (nd[0] != ND_NS)
		return KIND_OTHER;
	q->is_nd = true;
	q->asker = ip + 8;
	memcpy(q->target, nd + 8, 16);
	if (is_zero(q->asker, 16) || memcmp(q->asker, q->target, 16) == 0)
		return KIND_ANNOUNCES; /* RFC 4862 §5.4 */
	return KIND_ASKS;
}

static enum kind read_question(const struct snapshot *cfg, const struct pkt *p, struct question *q)
{
	const uint16_t is_nd = PKT_IS_IP6 | PKT_HAS_L4;
	bool is_beside = p->vlan == 0 && p->n_vlan > 0; /* tags that are nobody's but guests' */

	*q = (struct question){ 0 };
	if (p->drop != DROP_NONE || (p->flags & PKT_IS_MCAST) == 0 || p->in_vif == VIF_ID_NONE
		|| is_beside || (cfg->port[p->in_vif].flags & SNAP_PORT_NEIGH_SUPPRESS) != 0)
		return KIND_OTHER;
	if (p->flags & PKT_IS_ARP)
		return read_arp(p, q);
	if ((p->flags & (is_nd | PKT_IS_FRAG)) == is_nd && p->ip_proto == PROTO_ICMP6)
		return read_nd(p, q);
	return KIND_OTHER;
}

/* Who has @addr in the network, NULL: nobody knows. */
static const struct snap_station *find_station(
	const struct snapshot *cfg, uint16_t network_id, const uint8_t addr[16])
{
	unsigned from = 0, to = cfg->n_stations;

	while (from < to) {
		unsigned mid = (from + to) / 2;
		const struct snap_station *s = &cfg->station[mid];
		int order = s->network_id != network_id ? (s->network_id < network_id ? -1 : 1)
							: memcmp(s->addr, addr, 16);

		if (order == 0)
			return s;
		if (order < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return NULL;
}

static struct rte_mbuf *make(const struct proxy_io *io, const struct pkt *p,
	const struct question *q, const uint8_t *mac)
{
	const uint8_t *eth = pkt_bytes(p);
	struct rte_mbuf *m;

	if (q->is_nd)
		m = neigh_frame_nd(io->pool,
			&(struct neigh_frame){ .type = ND_NA,
				.flags = NA_SOLICITED | NA_OVERRIDE,
				.eth_dst = eth + 6,
				.mac = mac,
				.src = q->target,
				.dst = q->asker,
				.target = q->target });
	else
		m = neigh_frame_arp(
			io->pool, eth + 6, mac, q->target, eth + p->l3_off + 8, q->asker);
	if (m != NULL && !answer_tag_like(m, p)) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	return m;
}

/* False: @p has to be flooded as ever. */
static bool answer(
	const struct proxy_io *io, const struct pkt *p, const struct question *q, struct burst *to)
{
	const struct snap_station *s = find_station(io->cfg, p->network_id, q->target);
	struct rte_mbuf *m;
	uint16_t vif_id;

	if (s == NULL || io->fdb == NULL)
		return false;
	vif_id = fdb_find(io->fdb, io->cfg, p->network_id, p->vlan, s->mac, io->now_ns);
	if (vif_id == VIF_ID_NONE)
		return false;
	if ((io->cfg->port[vif_id].flags & SNAP_PORT_NEIGH_SUPPRESS) == 0)
		return true;
	m = to->n < ANSWERS_MAX ? make(io, p, q, s->mac) : NULL;
	if (m == NULL)
		return false;
	to->pkt[to->n++] = answer_back(m, p);
	return true;
}

void proxy_run(const struct proxy_io *io, struct burst *b, struct burst *to)
{
	struct question q;

	if (LIKELY(!io->cfg->has_neigh_suppress))
		return;
	burst_foreach(p, b) {
		enum kind kind = read_question(io->cfg, p, &q);

		if (kind == KIND_OTHER)
			continue;
		if (kind == KIND_ASKS && !snapshot_is_own(io->cfg, p->network_id, q.target)
			&& !answer(io, p, &q, to))
			continue;
		p->is_answered = true;
		p->flags |= PKT_WAS_HEARD; /* no loss when there are only such vifs */
	}
}
