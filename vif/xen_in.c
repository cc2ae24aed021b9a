/* SPDX-License-Identifier: Apache-2.0 */
/* xen_in.c - what a guest sends.
 *
 * From: the worker's rx.  To: pkt_parse.c, which checks offsets and offloads against the headers.
 * Theory: a turn goes through the ring once, in four steps: copy slots to memory of our own and read
 * units (packets, and requests about groups) from the copies; make one batch of grant copies for all
 * of them; answer every slot in order; show the answers and notify once.  A packet is
 *   slot (size: the whole packet's), [extra infos], [further slots, size: their own]
 * and is complete on the ring or it is a fault.  What can be said wrong is of two kinds, as in Linux:
 * what an honest guest might do (too small, too many slots, sizes that do not add up) costs that packet, and its
 * slots are answered with an error; what none would do costs the vif.
 * A packet lies in a small mbuf and, behind it, a big one, so that all headers are in the first
 * segment however the guest has cut them (XSA-423).
 * Deviation: Linux refuses a packet whose first slot holds less than 14 bytes; we only look at the whole.
 * Invariants: every slot consumed is answered in the same turn, so a ring left by an engine that died
 * holds no packet twice but those of its last turn, and loses none.  At most one ring of slots and
 * UNITS_MAX units a turn.
 * Thread: worker. */
#include "vif/xen_in.h"

#include "vif/drop.h"
#include "vif/pkt_edit.h"
#include "vif/pkt_parse.h"
#include "vif/xen_mcast.h"
#include "vswitch/base/check.h"
#include "vswitch/base/clock.h"

#include <errno.h>
#include <string.h>

#define UNITS_MAX 128 /* of a turn; only half may be packets that are delivered */
#define FETCH 32 /* slots copied at once */
#define ETH_LEN 14
#define VAIN_WAKES_FREE 8 /* before a guest is made to wait */
#define VAIN_HOLD_NS (10 * NS_PER_US)
#define VAIN_DOUBLINGS_MAX 7

union in_slot {
	struct xen_tx_request tx;
	struct xen_extra extra;
};
static_assert(sizeof(union in_slot) == 12, "as on the ring");

enum unit_kind {
	UNIT_PACKET, /* .m holds it once the copies are done */
	UNIT_REFUSED, /* its slots are answered with an error */
	UNIT_MCAST, /* a request without a packet; .status is its answer */
};

struct unit {
	struct rte_mbuf *m;
	struct xen_extra gso; /* .type XEN_EXTRA_NONE: not there */
	uint16_t first; /* slot */
	uint16_t own_len; /* bytes in the first slot */
	uint8_t n_extra;
	uint8_t n_data; /* slots with data, the first among them */
	uint8_t kind; /* enum unit_kind */
	int8_t status;
};

struct turn {
	struct xen_in *q;
	struct vif_io *io;
	struct xen_copies *copies;
	uint32_t n_avail, n_fetched;
	uint32_t n_units;
	uint32_t n_packets;
	union in_slot slot[XEN_RING_SIZE_MAX];
	bool is_bad[XEN_RING_SIZE_MAX]; /* slot whose bytes could not be copied */
	uint16_t copy_slot[XEN_COPIES_MAX];
	struct unit unit[UNITS_MAX];
};

int xen_in_open(struct xen_in *q, struct xen_dom *dom, void *page)
{
	*q = (struct xen_in){ .dom = dom, .event = { .fd = -1 } };
	return xen_ring_attach(&q->ring, page, XEN_RING_TX);
}

static int fail(struct turn *t, const char *rule)
{
	t->q->failure = rule;
	return -EPROTO;
}

/* Our copy of slot @i of this turn; NULL: the guest has not written that many. */
static const union in_slot *slot_at(struct turn *t, uint32_t i)
{
	if (i >= t->n_avail)
		return NULL;
	if (i >= t->n_fetched) {
		uint32_t n = MIN((uint32_t)FETCH, t->n_avail - t->n_fetched);

		xen_ring_copy(&t->q->ring, t->n_fetched, n, &t->slot[t->n_fetched]);
		t->n_fetched += n;
	}
	return &t->slot[i];
}

static void mcast_ask(struct turn *t, struct unit *u, const struct xen_extra *extra)
{
	int rc = -EOPNOTSUPP;

	u->kind = UNIT_MCAST;
	if (t->q->mcast != NULL && extra->type == XEN_EXTRA_MCAST_ADD) {
		rc = xen_mcast_add(t->q->mcast, extra->u.mcast.addr);
	} else if (t->q->mcast != NULL) {
		xen_mcast_del(t->q->mcast, extra->u.mcast.addr);
		rc = 0;
	}
	u->status = rc < 0 ? XEN_RSP_ERROR : XEN_RSP_OKAY;
}

static int extra_apply(struct turn *t, struct unit *u, const struct xen_extra *extra)
{
	switch (extra->type) {
	case XEN_EXTRA_GSO:
		if (extra->u.gso.size == 0)
			return fail(t, "GSO with segments of 0 bytes");
		if (extra->u.gso.type != XEN_GSO_TCP4 && extra->u.gso.type != XEN_GSO_TCP6)
			return fail(t, "GSO of a type that is not negotiated");
		u->gso = *extra;
		return 0;
	case XEN_EXTRA_MCAST_ADD:
	case XEN_EXTRA_MCAST_DEL: mcast_ask(t, u, extra); return 0;
	case XEN_EXTRA_HASH: /* a hint that nobody here needs */
	case XEN_EXTRA_XDP: return 0;
	default: return fail(t, "extra info of an unknown kind");
	}
}

static int extras_read(struct turn *t, struct unit *u)
{
	const union in_slot *s;

	do {
		if (u->n_extra == XEN_EXTRAS_MAX)
			return fail(t, "more extra infos in a packet than there are kinds");
		s = slot_at(t, u->first + 1u + u->n_extra);
		if (s == NULL)
			return fail(t, "a packet lacks an extra info");
		u->n_extra++;
		if (extra_apply(t, u, &s->extra) < 0)
			return -EPROTO;
	} while ((s->extra.flags & XEN_EXTRA_MORE) != 0);
	return 0;
}

/* Count the slots behind the first and see whether the sizes add up. */
static int slots_read(struct turn *t, struct unit *u, const struct xen_tx_request *first)
{
	uint32_t rest = 0, flags = first->flags;

	for (u->n_data = 1; (flags & XEN_TX_MORE_DATA) != 0; u->n_data++) {
		const union in_slot *s = slot_at(t, u->first + (uint32_t)u->n_extra + u->n_data);

		if (u->n_data + 1 == XEN_SLOTS_FATAL)
			return fail(t, "a packet of more slots than any guest needs");
		if (s == NULL)
			return fail(t, "a packet lacks a slot");
		if ((uint32_t)s->tx.offset + s->tx.size > XEN_PAGE)
			return fail(t, "a slot reaches beyond its page");
		rest += s->tx.size;
		flags = s->tx.flags;
	}
	if (u->n_data > XEN_SLOTS_MAX || rest > first->size || first->size < ETH_LEN) {
		u->kind = UNIT_REFUSED;
		return 0;
	}
	u->own_len = (uint16_t)(first->size - rest);
	if ((uint32_t)first->offset + u->own_len > XEN_PAGE)
		return fail(t, "a first slot reaches beyond its page");
	return 0;
}

static int unit_read(struct turn *t, struct unit *u, uint32_t at)
{
	const union in_slot *s = slot_at(t, at);

	*u = (struct unit){ .first = (uint16_t)at, .n_data = 1 };
	if (s == NULL)
		return fail(t, "a packet lacks a slot");
	if ((s->tx.flags & XEN_TX_EXTRA_INFO) != 0 && extras_read(t, u) < 0)
		return -EPROTO;
	return u->kind == UNIT_MCAST ? 0 : slots_read(t, u, &s->tx);
}

/* Where the next bytes of a packet go. */
struct cursor {
	struct rte_mbuf *m;
	uint32_t room;
	uint8_t *at;
};

static void copy_add(struct turn *t, struct cursor *c, uint32_t slot, uint32_t offset, uint32_t len)
{
	struct xen_copies *copies = t->copies;

	while (len > 0) {
		uint32_t n;

		if (c->room == 0) {
			c->m = c->m->next;
			c->at = rte_pktmbuf_mtod(c->m, uint8_t *);
			c->room = c->m->data_len;
		}
		n = MIN(len, c->room);
		CHECK(copies->n < XEN_COPIES_MAX);
		t->copy_slot[copies->n] = (uint16_t)slot;
		copies->copy[copies->n++] = (struct xen_copy){
			.local = c->at,
			.gref = t->slot[slot].tx.gref,
			.offset = (uint16_t)offset,
			.len = (uint16_t)n,
		};
		c->at += n;
		c->room -= n;
		offset += n;
		len -= n;
	}
}

/* Room for @len bytes, lengths set; NULL: out of buffers. */
static struct rte_mbuf *room_for(struct vif_io *io, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(io->small_pool), *big;
	uint32_t in_small;

	if (m == NULL)
		return NULL;
	in_small = MIN(len, (uint32_t)rte_pktmbuf_tailroom(m));
	m->data_len = (uint16_t)in_small;
	m->pkt_len = len;
	if (len == in_small)
		return m;
	big = rte_pktmbuf_alloc(io->big_pool);
	if (big == NULL) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	big->data_off = 0; /* only ever a tail: no headroom needed, every byte is */
	big->data_len = (uint16_t)(len - in_small);
	m->next = big;
	m->nb_segs = 2;
	return m;
}

/* Get room for the packet of @u and ask for its bytes.  -ENOBUFS: not now. */
static int unit_fetch(struct turn *t, struct unit *u)
{
	const struct xen_tx_request *first = &t->slot[u->first].tx;
	struct cursor c;

	u->m = room_for(t->io, first->size);
	if (u->m == NULL)
		return -ENOBUFS;
	c = (struct cursor){ u->m, u->m->data_len, rte_pktmbuf_mtod(u->m, uint8_t *) };
	copy_add(t, &c, u->first, first->offset, u->own_len);
	t->q->stats.zero_slots += u->own_len == 0;
	for (uint32_t i = 1; i < u->n_data; i++) {
		uint32_t slot = u->first + (uint32_t)u->n_extra + i;

#ifdef SAKLAR_PLANTED_BUG
		/* Proves that tests/fuzz/xen_ring_fuzz.c looks: a slot is read twice. */
		xen_ring_copy(&t->q->ring, slot, 1, &t->slot[slot]);
#endif
		copy_add(t, &c, slot, t->slot[slot].tx.offset, t->slot[slot].tx.size);
		t->q->stats.zero_slots += t->slot[slot].tx.size == 0;
	}
	return 0;
}

static void units_read(struct turn *t, uint16_t max)
{
	uint32_t at = 0;

	while (at < t->n_avail && t->n_units < UNITS_MAX && t->n_packets < max) {
		struct unit *u = &t->unit[t->n_units];

		if (unit_read(t, u, at) < 0)
			return;
		if (u->kind == UNIT_PACKET && unit_fetch(t, u) < 0) {
			t->io->worker_counters->no_mbuf++; /* the ring keeps it for the next turn */
			return;
		}
		t->n_packets += u->kind == UNIT_PACKET;
		t->n_units++;
		at += u->n_data + (uint32_t)u->n_extra;
	}
}

static void copies_check(struct turn *t)
{
	const struct xen_copies *c = t->copies;

	for (unsigned i = 0; i < c->n; i++)
		if (UNLIKELY(c->copy[i].status != 0)) {
			t->is_bad[t->copy_slot[i]] = true;
			t->q->stats.copy_errors++;
		}
}

static bool slot_respond(struct turn *t, const struct unit *u, uint32_t slot)
{
	bool is_bad = t->is_bad[slot];
	struct xen_tx_response rsp = { .id = t->slot[slot].tx.id, .status = u->status };

	if (is_bad || u->kind == UNIT_REFUSED)
		rsp.status = XEN_RSP_ERROR;
	xen_ring_respond(&t->q->ring, &rsp, 1);
	return is_bad;
}

/* Answer every slot of @u; false: some of its bytes are not there. */
static bool unit_respond(struct turn *t, const struct unit *u)
{
	static const struct xen_tx_response none = { .status = XEN_RSP_NULL };
	bool is_bad = slot_respond(t, u, u->first);

	for (uint32_t i = 0; i < u->n_extra; i++)
		xen_ring_respond(&t->q->ring, &none, 1);
	for (uint32_t i = 1; i < u->n_data; i++)
		is_bad |= slot_respond(t, u, u->first + (uint32_t)u->n_extra + i);
	t->q->stats.slots += u->n_data + (uint32_t)u->n_extra;
	return !is_bad;
}

/* A GSO packet that does not say that its checksum is partial, as old front ends send it: make it so. */
static void csum_fixup(struct pkt *p)
{
	uint8_t *l3, sum_of[4] = { 0 };
	uint16_t len, sum;
	uint32_t total;

	p->flags |= PKT_CSUM_PARTIAL;
	pkt_parse_one(p);
	if (p->drop != DROP_NONE)
		return;
	l3 = rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->l3_off);
	len = (uint16_t)(p->len - p->l4_off);
	sum_of[1] = p->ip_proto;
	sum_of[2] = (uint8_t)(len >> 8);
	sum_of[3] = (uint8_t)len;
	total = pkt_sum_bytes(sum_of, sizeof(sum_of), 0);
	if ((p->flags & PKT_IS_IP4) != 0)
		total = pkt_sum_bytes(l3 + 12, 8, total);
	else
		total = pkt_sum_bytes(l3 + 8, 32, total);
	sum = pkt_sum_fold(total);
	memcpy(rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->csum_start + p->csum_offset), &sum,
		sizeof(sum));
}

static void pkt_begin(struct turn *t, const struct unit *u, struct pkt *p)
{
	uint16_t flags = t->slot[u->first].tx.flags;

	*p = (struct pkt){ .m = u->m, .len = u->m->pkt_len, .in_vif = t->q->vif_id };
	if ((flags & XEN_TX_CSUM_BLANK) != 0)
		p->flags = PKT_CSUM_PARTIAL;
	else if ((flags & XEN_TX_DATA_VALIDATED) != 0)
		p->flags = PKT_CSUM_VALID;
	p->csum_start = PKT_CSUM_UNSAID;
	if (u->gso.type == XEN_EXTRA_NONE)
		return;
	p->gso_type = u->gso.u.gso.type == XEN_GSO_TCP4 ? PKT_GSO_TCP4 : PKT_GSO_TCP6;
	p->gso_size = u->gso.u.gso.size;
	if ((flags & XEN_TX_CSUM_BLANK) == 0) {
		t->q->stats.csum_fixups++;
		csum_fixup(p);
	}
}

static uint16_t units_finish(struct turn *t, struct pkt *pkts)
{
	uint16_t n = 0;

	for (uint32_t i = 0; i < t->n_units; i++) {
		const struct unit *u = &t->unit[i];
		bool is_whole = unit_respond(t, u);

		if (u->m != NULL && is_whole) {
			pkt_begin(t, u, &pkts[n++]);
		} else if (u->kind != UNIT_MCAST) {
			rte_pktmbuf_free(u->m);
			t->q->stats.refused++;
			drop_count(t->io->vif_counters, t->q->vif_id, DROP_RX_ERROR, 1);
		}
	}
	return n;
}

static void turn_notify(struct xen_in *q)
{
	if (!xen_ring_push(&q->ring))
		return;
	q->stats.notifies++;
	q->dom->ops->notify(q->dom, &q->event);
}

uint16_t xen_in_run(struct xen_in *q, struct vif_io *io, struct xen_copies *copies,
	struct pkt *pkts, uint16_t max)
{
	struct turn t __attribute__((uninitialized)); /* 8 KiB: not to be cleared for each packet */
	uint16_t n;

	if (q->failure != NULL)
		return 0;
	t.q = q;
	if (xen_ring_pending(&q->ring, &t.n_avail) < 0)
		fail(&t, "more requests than the ring has slots");
	if (q->failure != NULL || t.n_avail == 0)
		return 0;
	t.io = io;
	t.copies = copies;
	t.n_fetched = t.n_units = t.n_packets = 0;
	memset(t.is_bad, 0, t.n_avail * sizeof(t.is_bad[0]));
	copies->n = 0;
	units_read(&t, MIN(max, (uint16_t)BURST_RX_MAX));
	xen_copies_do(q->dom, copies);
	copies_check(&t);
	n = units_finish(&t, pkts);
	turn_notify(q);
	if (t.n_units > 0) {
		q->was_woken = false;
		q->n_vain_wakes = 0;
		q->hold_until_ns = 0;
	}
	return n;
}

void xen_in_wake(struct xen_in *q)
{
	if (!q->dom->ops->take(q->dom, &q->event))
		return;
	q->stats.wakes++;
	q->was_woken = true;
}

uint64_t xen_in_arm(struct xen_in *q, uint64_t now_ns)
{
	if (q->failure != NULL)
		return XEN_ARMED; /* and never unmasked again */
	if (q->was_woken) {
		q->was_woken = false;
		if (++q->n_vain_wakes > VAIN_WAKES_FREE) {
			uint32_t doublings = MIN(q->n_vain_wakes - VAIN_WAKES_FREE - 1,
				(uint32_t)VAIN_DOUBLINGS_MAX);

			q->hold_until_ns = now_ns + (VAIN_HOLD_NS << doublings);
		}
	}
	if (now_ns < q->hold_until_ns)
		return q->hold_until_ns;
	if (!xen_ring_arm(&q->ring))
		return XEN_HAS_WORK;
	q->dom->ops->unmask(q->dom, &q->event);
	return XEN_ARMED;
}
