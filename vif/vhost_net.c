/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_net.c - packets of the pipeline to and from the queues of a virtio-net guest.
 *
 * From: the vhost-user vif's rx and tx (worker).  To: vhost_queue.c.
 * Theory: frames are copied into the worker's spare mbufs (io_scratch.h), the beginning into a small one,
 * so that all headers are linear and ours.  What the guest's header claims goes into the packet's offload
 * fields and is compared with the frame by pkt_parse(); a guest vouches for no checksum.  Towards the guest the
 * header is made from what was checked, and a guest that takes no partial checksums or no GSO of a kind
 * gets the frame completed or in segments.
 * Invariants: nothing of one guest's header reaches another; order within a vif is kept.
 * Thread: worker. */
#include "vif/vhost_net.h"

#include "vif/drop.h"
#include "vif/gso.h"
#include "vif/io_scratch.h"
#include "vif/pkt_edit.h"
#include "vif/vnet_hdr.h"

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#define BIT(n) (UINT64_C(1) << (n))

const uint64_t vhost_net_features = BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_ANY_LAYOUT)
	| BIT(VIRTIO_F_RING_PACKED) | BIT(VIRTIO_F_IN_ORDER) | BIT(VIRTIO_RING_F_INDIRECT_DESC)
	| BIT(VIRTIO_RING_F_EVENT_IDX) | BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_NET_F_CSUM)
	| BIT(VIRTIO_NET_F_GUEST_CSUM) | BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6)
	| BIT(VIRTIO_NET_F_HOST_ECN) | BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6)
	| BIT(VIRTIO_NET_F_GUEST_ECN);

/* What the rx call lost, on the guest's account. */
static void count_lost(struct vhost_queue *q, struct vif_io *io, uint16_t vif_id)
{
	if (LIKELY((q->n_too_small | q->n_too_big) == 0))
		return;
	drop_count(io->vif_counters, vif_id, DROP_PKT_TOO_SMALL, q->n_too_small);
	drop_count(io->vif_counters, vif_id, DROP_PKT_TOO_BIG, q->n_too_big);
	q->n_too_small = 0;
	q->n_too_big = 0;
}

static void decode(const struct virtio_net_hdr_v1 *from, struct pkt *p)
{
	if (LIKELY((from->flags | from->gso_type) == 0))
		return; /* a frame as it is; @p says so already */
	/* virtio 1.2 §5.1.6.2: a driver must not say DATA_VALID when it sends, and it must say where the checksum
	 * begins: no frame's does at 0 */
	const struct virtio_net_hdr h = { .flags = from->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = from->gso_type,
		.gso_size = from->gso_size,
		.csum_start = from->csum_start == PKT_CSUM_UNSAID ? 0 : from->csum_start,
		.csum_offset = from->csum_offset };

	vnet_hdr_decode(&h, 0, p);
}

uint16_t vhost_net_rx(
	struct vhost_queue *q, struct vif_io *io, uint16_t vif_id, struct pkt *pkts, uint16_t max)
{
	struct io_scratch *s = io->scratch;
	struct vhost_rx slots[IO_BATCH] __attribute__((uninitialized)); /* 3 KiB */
	unsigned n_slots, n;

	/* neither an empty poll nor one that finds a frame must cost 64 slots */
	n = vhost_queue_n_ready(q, MIN(max, IO_BATCH));
	if (n == 0)
		return 0;
	n_slots = io_rx_refill(io, n, 0);
	for (unsigned i = 0; i < n_slots; i++) {
		slots[i].first = s->rx.iov[i][1].iov_base;
		slots[i].first_room = (uint32_t)s->rx.iov[i][1].iov_len;
		slots[i].rest = s->rx.iov[i][2].iov_base;
		slots[i].rest_room = (uint32_t)s->rx.iov[i][2].iov_len;
	}
	n = vhost_queue_dequeue(q, slots, n_slots);
	for (unsigned i = 0; i < n; i++) {
		io_rx_take(s, i, slots[i].len, &pkts[i]);
		pkts[i].in_vif = vif_id;
		decode(&slots[i].hdr, &pkts[i]);
	}
	count_lost(q, io, vif_id);
	return (uint16_t)n;
}

/* Frames on their way into the guest, and the tx items they stand for. */
struct out {
	struct vhost_queue *q;
	struct vif_io *io;
	unsigned n;
	uint64_t packets, bytes;
	struct vhost_tx frame[VHOST_BURST];
	struct tx_item *item[VHOST_BURST];
	struct iovec rest[VHOST_BURST][IO_SEGS_MAX];
};

static void out_flush(struct out *o)
{
	unsigned done = o->n > 0 ? vhost_queue_enqueue(o->q, o->frame, o->n) : 0;

	for (unsigned i = 0; i < o->n; i++) {
		if (i >= done) {
			o->item[i]->drop = o->q->broken ? DROP_TX_LINK_DOWN : DROP_TX_QUEUE_FULL;
		} else if (o->frame[i].is_lost) {
			o->item[i]->drop = DROP_TX_REFUSED;
		} else {
			o->packets++;
			o->bytes += o->frame[i].len;
		}
	}
	o->n = 0;
}

/* Another frame: @m with the header @h, on the account of @item. */
static void out_add(struct out *o, const struct rte_mbuf *m, const struct virtio_net_hdr *h,
	struct tx_item *item)
{
	struct vhost_tx *f = &o->frame[o->n];
	uint32_t n_rest = 0;

	f->first = rte_pktmbuf_mtod(m, const void *);
	f->first_len = m->data_len;
	f->len = m->pkt_len;
	f->rest = o->rest[o->n];
	f->hdr = (struct virtio_net_hdr_v1){ .flags = h->flags,
		.gso_type = h->gso_type,
		.hdr_len = h->hdr_len,
		.gso_size = h->gso_size,
		.csum_start = h->csum_start,
		.csum_offset = h->csum_offset };
	for (m = m->next; m != NULL; m = m->next) {
		if (n_rest == IO_SEGS_MAX) {
			item->drop = DROP_TX_REFUSED;
			return;
		}
		o->rest[o->n][n_rest++] = (struct iovec){ .iov_base = rte_pktmbuf_mtod(m, void *),
			.iov_len = m->data_len };
	}
	f->n_rest = n_rest;
	o->item[o->n++] = item;
	if (o->n == VHOST_BURST)
		out_flush(o);
}

static bool has(const struct vhost_queue *q, unsigned bit)
{
	return (q->features >> bit & 1) != 0;
}

/* May the guest have @p as it is? */
static bool guest_takes(const struct vhost_queue *q, const struct pkt *p)
{
	if ((p->flags & PKT_CSUM_PARTIAL) != 0 && !has(q, VIRTIO_NET_F_GUEST_CSUM))
		return false;
	if ((p->flags & PKT_GSO_ECN) != 0 && !has(q, VIRTIO_NET_F_GUEST_ECN))
		return false;
	switch (p->gso_type) {
	case PKT_GSO_NONE: return true;
	case PKT_GSO_TCP4: return has(q, VIRTIO_NET_F_GUEST_TSO4);
	case PKT_GSO_TCP6: return has(q, VIRTIO_NET_F_GUEST_TSO6);
	default: return false;
	}
}

static void send_segments(struct out *o, const struct pkt *p, struct tx_item *item)
{
	static const struct virtio_net_hdr none;
	struct rte_mbuf *m[VHOST_BURST] __attribute__((uninitialized));
	unsigned n = 0;
	struct gso g;

	out_flush(o);
	gso_begin(&g, p, o->io->small_pool);
	do {
		for (n = 0; n < VHOST_BURST - 1 && (m[n] = gso_next(&g)) != NULL; n++)
			out_add(o, m[n], &none, item);
		out_flush(o);
		rte_pktmbuf_free_bulk(m, n);
	} while (n == VHOST_BURST - 1 && item->drop == DROP_NONE);
	if (g.failed)
		item->drop = g.no_buffer ? DROP_NO_BUFFER : DROP_TX_GSO_FAILED;
}

/* @p with its checksum made complete; another vif may still want it partial, so a copy. */
static void send_complete(struct out *o, const struct pkt *p, struct tx_item *item)
{
	static const struct virtio_net_hdr none;
	struct pkt copy = *p;

	out_flush(o);
	copy.m = rte_pktmbuf_copy(
		p->m, p->len <= 2048 ? o->io->small_pool : o->io->big_pool, 0, UINT32_MAX);
	if (copy.m == NULL) {
		item->drop = DROP_NO_BUFFER;
		return;
	}
	pkt_edit_complete_csum(&copy);
	out_add(o, copy.m, &none, item);
	out_flush(o);
	rte_pktmbuf_free(copy.m);
}

void vhost_net_tx(struct vhost_queue *q, struct vif_io *io, uint16_t vif_id, struct burst *b,
	struct tx_item *items, uint32_t n)
{
	static const struct virtio_net_hdr none;
	struct virtio_net_hdr h;
	struct out o __attribute__((uninitialized)); /* 12 KiB */

	o.q = q;
	o.io = io;
	o.n = 0;
	o.packets = o.bytes = 0;
	for (uint32_t i = 0; i < n; i++) {
		const struct pkt *p = &b->pkt[items[i].pkt];

		if (items[i].drop != DROP_NONE)
			continue;
		if (LIKELY(p->gso_type == PKT_GSO_NONE && (p->flags & PKT_CSUM_PARTIAL) == 0)) {
			out_add(&o, p->m, &none, &items[i]);
		} else if (guest_takes(q, p)) {
			vnet_hdr_encode(p, &h);
			out_add(&o, p->m, &h, &items[i]);
		} else if (p->gso_type != PKT_GSO_NONE) {
			send_segments(&o, p, &items[i]);
		} else {
			send_complete(&o, p, &items[i]);
		}
	}
	out_flush(&o);
	io_tx_count(io, vif_id, o.packets, o.bytes);
}
