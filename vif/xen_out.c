/* SPDX-License-Identifier: Apache-2.0 */
/* xen_out.c - what a guest receives.
 *
 * From: the worker's tx.  To: the guest's pages, by grant copy.
 * Theory: the guest puts empty pages on its rx ring; a frame takes as many as it needs, in order:
 *   slot (flags, size: this slot's), [extra infos], [further slots]
 * and each response must lie in the slot of its request, because an extra info has no id.  So we
 * answer in order and leave nothing out.  A run prepares responses in memory of its own, makes one
 * batch of grant copies, and only then writes, publishes and notifies, once.
 * Partial checksums say nothing about where they are: the front end looks for a TCP or UDP header
 * behind one IP header.  Everything else is completed here.
 * Deviation: with a headroom, Linux gives offset 0 and counts the headroom in the size; we give
 * the offset and the size of the bytes themselves, as io/netif.h describes these fields.
 * Invariants: only bytes of the frame reach the guest, and no byte of its pages behind them is
 * changed; responses are whole words made from zeroed memory (XSA-216).
 * Thread: worker. */
#include "vif/xen_out.h"

#include "vif/drop.h"
#include "vif/io_scratch.h"
#include "vif/pkt_edit.h"
#include "vif/xen_hash.h"
#include "vif/xen_mcast.h"
#include "vswitch/base/check.h"

#include <errno.h>
#include <string.h>

#define RSP_WORDS 2
#define EXTRAS_OUT_MAX 3 /* GSO, headroom, hash */

union out_slot {
	struct xen_rx_response rsp;
	struct xen_extra extra;
	uint64_t word;
};
static_assert(sizeof(union out_slot) == 4 * RSP_WORDS, "as on the ring");

struct turn {
	struct xen_out *q;
	struct vif_io *io;
	struct xen_copies *copies;
	uint32_t n_avail; /* requests on the ring at the beginning */
	uint32_t n_used; /* of them */
	uint64_t packets, bytes;
	struct xen_rx_request req[XEN_RING_SIZE_MAX];
	union out_slot out[XEN_RING_SIZE_MAX];
	uint32_t item_of[XEN_RING_SIZE_MAX]; /* whose copy a slot holds */
	uint16_t copy_slot[XEN_COPIES_MAX];
};

int xen_out_open(
	struct xen_out *q, struct xen_dom *dom, void *page, const struct xen_features *features)
{
	*q = (struct xen_out){ .dom = dom, .event = { .fd = -1 }, .features = features };
	CHECK(features->headroom < XEN_PAGE / 2);
	return xen_ring_attach(&q->ring, page, XEN_RING_RX);
}

bool xen_out_must_segment(const struct xen_features *features, const struct pkt *p)
{
	if (!features->sg || (p->flags & (PKT_TUNNEL_GSO | PKT_GSO_ECN)) != 0)
		return true;
	switch (p->gso_type) {
	case PKT_GSO_TCP4: return !features->gso_tcp4;
	case PKT_GSO_TCP6: return !features->gso_tcp6;
	default: return true;
	}
}

/* Can the front end find the partial checksum of @p? */
static bool csum_is_found(const struct xen_features *f, const struct pkt *p)
{
	enum {
		TCP = 6,
		UDP = 17
	};

	if (p->csum_start != p->l4_off || (p->ip_proto != TCP && p->ip_proto != UDP))
		return false;
	return (p->flags & PKT_IS_IP4) != 0 ? f->csum_ip4 : f->csum_ip6;
}

/* DROP_NONE, or why @p cannot be expressed. */
static enum drop_reason pkt_prepare(struct turn *t, struct pkt *p)
{
	const struct xen_features *f = t->q->features;

	if (p->gso_type != PKT_GSO_NONE && xen_out_must_segment(f, p))
		return DROP_TX_GSO_FAILED; /* the caller should have cut it */
	if (!f->sg && p->len > XEN_PAGE - f->headroom)
		return DROP_MTU_EXCEEDED;
	if (p->m->nb_segs > IO_SEGS_MAX)
		return DROP_TX_REFUSED;
	if ((p->flags & PKT_CSUM_PARTIAL) == 0 || csum_is_found(f, p))
		return DROP_NONE;
	if (p->gso_type != PKT_GSO_NONE)
		return DROP_TX_GSO_FAILED;
	if (pkt_edit_own_headers(p, t->io->small_pool) < 0)
		return DROP_NO_BUFFER;
	pkt_edit_complete_csum(p);
	t->q->stats.csum_filled++;
	return DROP_NONE;
}

static uint32_t extras_make(const struct turn *t, const struct pkt *p, struct xen_extra *extras)
{
	struct xen_hash_value hash = { 0 };
	uint32_t n = 0;

	if (p->gso_type != PKT_GSO_NONE) {
		extras[n] = (struct xen_extra){ .type = XEN_EXTRA_GSO };
		extras[n].u.gso.size = p->gso_size;
		extras[n++].u.gso.type = p->gso_type == PKT_GSO_TCP4 ? XEN_GSO_TCP4 : XEN_GSO_TCP6;
	}
	if (t->q->features->headroom > 0) {
		extras[n] = (struct xen_extra){ .type = XEN_EXTRA_XDP };
		extras[n++].u.xdp.headroom = t->q->features->headroom;
	}
	if (t->q->hash != NULL)
		hash = xen_hash_of(t->q->hash, p);
	if (hash.is_set) {
		extras[n] = (struct xen_extra){ .type = XEN_EXTRA_HASH };
		extras[n].u.hash.type = hash.type;
		extras[n].u.hash.algorithm = XEN_HASH_ALGORITHM_TOEPLITZ;
		memcpy(extras[n++].u.hash.value, &hash.value, sizeof(hash.value));
	}
	for (uint32_t i = 0; i + 1 < n; i++)
		extras[i].flags = XEN_EXTRA_MORE;
	return n;
}

/* Where the next bytes of a frame come from. */
struct cursor {
	const struct rte_mbuf *m;
	uint32_t off; /* in the segment */
};

/* Fill slot @slot with bytes of @c, @len at most; returns how many there were. */
static uint32_t slot_fill(struct turn *t, uint32_t slot, struct cursor *c, uint32_t len)
{
	uint32_t headroom = t->q->features->headroom, done = 0;
	struct xen_copies *copies = t->copies;

	while (done < len && c->m != NULL) {
		uint32_t n = MIN(c->m->data_len - c->off, len - done);

		if (n > 0) {
			CHECK(copies->n < XEN_COPIES_MAX);
			t->copy_slot[copies->n] = (uint16_t)slot;
			copies->copy[copies->n++] = (struct xen_copy){
				.local = rte_pktmbuf_mtod_offset(c->m, void *, c->off),
				.gref = t->req[slot].gref,
				.offset = (uint16_t)(headroom + done),
				.len = (uint16_t)n,
				.to_guest = true,
			};
		}
		done += n;
		c->off += n;
		if (c->off == c->m->data_len)
			*c = (struct cursor){ .m = c->m->next };
	}
	t->out[slot].word = 0;
	t->out[slot].rsp = (struct xen_rx_response){
		.id = t->req[slot].id,
		.offset = (uint16_t)headroom,
		.status = (int16_t)done,
	};
	return done;
}

/* Put @p on the next slots of the turn; there are enough. */
static void pkt_put(struct turn *t, const struct pkt *p, const struct xen_extra *extras, uint32_t n)
{
	uint32_t room = XEN_PAGE - t->q->features->headroom, left = p->len, slot = t->n_used;
	struct cursor c = { .m = p->m };
	struct xen_rx_response *rsp = &t->out[slot].rsp;

	left -= slot_fill(t, slot++, &c, MIN(left, room));
	if ((p->flags & PKT_CSUM_PARTIAL) != 0)
		rsp->flags = XEN_RX_CSUM_BLANK | XEN_RX_DATA_VALIDATED;
	else if ((p->flags & PKT_CSUM_VALID) != 0)
		rsp->flags = XEN_RX_DATA_VALIDATED;
	if (n > 0)
		rsp->flags |= XEN_RX_EXTRA_INFO;
	for (uint32_t i = 0; i < n; i++)
		t->out[slot++].extra = extras[i];
	while (left > 0) {
		rsp->flags |= XEN_RX_MORE_DATA;
		rsp = &t->out[slot].rsp;
		left -= slot_fill(t, slot++, &c, MIN(left, room));
	}
	t->n_used = slot;
}

static bool is_wanted(const struct xen_out *q, const struct pkt *p)
{
	if (q->mcast == NULL || (p->flags & (PKT_IS_MCAST | PKT_IS_BCAST)) != PKT_IS_MCAST)
		return true;
	return xen_mcast_has(q->mcast, pkt_bytes(p));
}

static void item_put(struct turn *t, const struct xen_batch *b, uint32_t i)
{
	struct pkt *p = &b->burst->pkt[b->items[i].pkt];
	uint32_t room = XEN_PAGE - t->q->features->headroom, first = t->n_used, n_extra, n_slots;
	struct xen_extra extras[EXTRAS_OUT_MAX];

	if (!is_wanted(t->q, p)) {
		t->q->stats.filtered++;
		return;
	}
	b->items[i].drop = (uint8_t)pkt_prepare(t, p);
	if (b->items[i].drop != DROP_NONE)
		return;
	n_extra = extras_make(t, p, extras);
	n_slots = n_extra + (p->len + room - 1) / room;
	if (n_slots > t->n_avail - first
		|| n_slots - n_extra + IO_SEGS_MAX > XEN_COPIES_MAX - t->copies->n) {
		b->items[i].drop = DROP_TX_QUEUE_FULL;
		t->q->stats.no_room++;
		return;
	}
	xen_ring_copy(&t->q->ring, first, n_slots, &t->req[first]);
	pkt_put(t, p, extras, n_extra);
	for (uint32_t slot = first; slot < t->n_used; slot++)
		t->item_of[slot] = i;
	t->packets++;
	t->bytes += p->len;
}

/* A slot whose bytes did not get there says so, and its packet is lost. */
static void copies_check(struct turn *t, const struct xen_batch *b)
{
	const struct xen_copies *c = t->copies;

	for (unsigned i = 0; i < c->n; i++) {
		uint32_t slot = t->copy_slot[i];
		struct tx_item *item;

		if (LIKELY(c->copy[i].status == 0))
			continue;
		t->q->stats.copy_errors++;
		t->out[slot].rsp.status = XEN_RSP_ERROR;
		item = &b->items[t->item_of[slot]];
		if (item->drop == DROP_NONE) {
			item->drop = DROP_TX_REFUSED;
			t->packets--;
			t->bytes -= b->burst->pkt[item->pkt].len;
		}
	}
}

static void turn_finish(struct turn *t, const struct xen_batch *b)
{
	struct xen_out *q = t->q;

	xen_copies_do(q->dom, t->copies);
	copies_check(t, b);
	for (uint32_t slot = 0; slot < t->n_used; slot++)
		xen_ring_respond(&q->ring, &t->out[slot], RSP_WORDS);
	q->stats.slots += t->n_used;
	if (xen_ring_push(&q->ring)) {
		q->stats.notifies++;
		q->dom->ops->notify(q->dom, &q->event);
	}
}

static void items_lose(const struct xen_batch *b, enum drop_reason reason)
{
	for (uint32_t i = 0; i < b->n; i++)
		if (b->items[i].drop == DROP_NONE)
			b->items[i].drop = (uint8_t)reason;
}

void xen_out_run(struct xen_out *q, uint16_t vif_id, struct vif_io *io, struct xen_copies *copies,
	const struct xen_batch *batch)
{
	struct turn t __attribute__((uninitialized)); /* 6 KiB: not to be cleared for each packet */
	uint64_t no_room = q->stats.no_room;

	if (q->failure == NULL && xen_ring_pending(&q->ring, &t.n_avail) < 0)
		q->failure = "more requests than the ring has slots";
	if (q->failure != NULL) {
		items_lose(batch, DROP_TX_LINK_DOWN);
		return;
	}
	t.q = q;
	t.io = io;
	t.copies = copies;
	t.n_used = 0;
	t.packets = t.bytes = 0;
	copies->n = 0;
	for (uint32_t i = 0; i < batch->n; i++)
		if (batch->items[i].drop == DROP_NONE)
			item_put(&t, batch, i);
	turn_finish(&t, batch);
	io_tx_count(io, vif_id, t.packets, t.bytes);
	if (q->stats.no_room == no_room)
		q->stalled_since_ns = 0;
	else if (q->stalled_since_ns == 0)
		q->stalled_since_ns = io->now_ns;
}
