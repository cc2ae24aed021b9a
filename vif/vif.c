/* SPDX-License-Identifier: Apache-2.0 */
/* vif.c - the table of vif types; opening, closing, and sending to groups of items.
 *
 * From: ctl.c (open, close), pipeline.c (vif_tx).  To: the types' own files.
 * Theory: a device that cannot segment (the tap of an emulated e1000, a NIC whose TSO is off) is not
 * announced; it is found by sending.  A packet socket that bypasses the qdisc refuses a GSO frame for
 * which the kernel would have to segment (__dev_direct_xmit), and with the errno of a full queue.  So a
 * refused frame is segmented here: when all segments pass, frames of that kind are segmented from then
 * on, and every GSO_RETRY_NS one is tried whole, because the guest may have booted a better driver.
 * Invariants: vif_open() owns the fds from the call on, whatever it returns.
 * Thread: open and close control; vif_tx worker. */
#include "vif/vif.h"

#include "vif/drop.h"
#include "vif/gso.h"
#include "vswitch/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GSO_RETRY_NS (10 * NS_PER_MS)
#define TX_SOON \
	32 /* items ahead of those that are sent: what a core can wait for at once, and more */

/* A tap's netdev side is a netdev like any other: its guest is behind the kernel's queue. */
static const struct vif_ops *const vif_types[VIF_TYPE_N] = {
	[VIF_TYPE_TAP] = &vif_netdev_ops,
	[VIF_TYPE_NETDEV] = &vif_netdev_ops,
	[VIF_TYPE_HOST] = &vif_host_ops,
	[VIF_TYPE_VHOST] = &vif_vhost_ops,
	[VIF_TYPE_NETFRONT] = &vif_xen_ops,
	[VIF_TYPE_MEM] = &vif_mem_ops,
};

/* Names are printed in logs and errors: only what the daemon's schema allows. */
static bool name_is_valid(const char *name)
{
	size_t len = strnlen(name, SAKLAR_NAME_LEN);

	if (len == 0 || len >= SAKLAR_NAME_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] > '~' || name[i] == '/')
			return false;
	return true;
}

/* How many fds a vif comes with. */
static unsigned n_fds_of(const struct msg_vif *msg)
{
	switch (msg->type) {
	case VIF_TYPE_MEM: return 0;
	case VIF_TYPE_VHOST:
		return msg->flags & MSG_VIF_CLIENT ? 1 : 2; /* memfd; listening socket */
	case VIF_TYPE_NETFRONT: return msg->n_queues + 1u;
	default: return msg->n_queues;
	}
}

static int msg_check(const struct msg_vif *msg, unsigned n_fds, struct err *e)
{
	if (msg->vif_id == VIF_ID_NONE || msg->vif_id >= VIF_ID_MAX)
		return err_set(
			e, -EINVAL, "vif.id", "%u is not in 1..%u", msg->vif_id, VIF_ID_MAX - 1);
	if (msg->type >= VIF_TYPE_N || !vif_types[msg->type])
		return err_set(e, -EINVAL, "vif.type", "type %u is not known", msg->type);
	if (!name_is_valid(msg->name))
		return err_set(e, -EINVAL, "vif.name", "not a name");
	if (msg->n_queues == 0 || msg->n_queues > VIF_QUEUES_MAX)
		return err_set(e, -EINVAL, msg->name, "%u queues; 1..%u are possible",
			msg->n_queues, VIF_QUEUES_MAX);
	if (n_fds != n_fds_of(msg))
		return err_set(e, -EINVAL, msg->name, "%u fds for %u queues", n_fds, msg->n_queues);
	return 0;
}

void vif_close(struct vif *v)
{
	if (!v)
		return;
	if (v->ops->close)
		v->ops->close(v);
	for (unsigned i = 0; i < VIF_QUEUES_MAX; i++)
		if (v->queue[i].fd >= 0)
			close(v->queue[i].fd);
	if (v->extra_fd >= 0)
		close(v->extra_fd);
	free(v);
}

static void vif_init(struct vif *v, const struct msg_vif *msg)
{
	v->id = msg->vif_id;
	v->type = msg->type;
	v->n_queues = msg->n_queues;
	v->mtu = msg->mtu;
	v->flags = msg->flags;
	v->ifindex = msg->ifindex;
	v->cookie = msg->cookie;
	memcpy(v->name, msg->name, SAKLAR_NAME_LEN);
	memcpy(v->ifname, msg->ifname, SAKLAR_NAME_LEN);
	v->name[SAKLAR_NAME_MAX] = '\0';
	v->ifname[SAKLAR_NAME_MAX] = '\0';
	v->ops = vif_types[msg->type];
}

struct vif *vif_open_with(const struct msg_vif *msg, const void *open_arg, const int *fds,
	unsigned n_fds, struct err *e)
{
	unsigned n_extra = msg->type == VIF_TYPE_NETFRONT ? 1 : 0;
	struct vif *v = NULL;
	bool is_owned = false;

	if (msg_check(msg, n_fds, e) < 0)
		goto out;
	v = calloc(1, sizeof(*v));
	if (!v) {
		err_set(e, -ENOMEM, msg->name, "out of memory");
		goto out;
	}
	vif_init(v, msg);
	for (unsigned i = 0; i < VIF_QUEUES_MAX; i++) {
		v->queue[i].index = (uint16_t)i;
		v->queue[i].fd = i < n_fds - n_extra ? fds[i] : -1;
	}
	v->extra_fd = n_extra > 0 ? fds[n_fds - 1] : -1;
	is_owned = true;
	v->open_arg = open_arg;
	if (v->ops->open && v->ops->open(v, e) < 0) {
		vif_close(v);
		v = NULL;
	} else {
		v->open_arg = NULL;
	}
out:
	for (unsigned i = 0; !is_owned && i < n_fds; i++)
		close(fds[i]);
	return v;
}

struct vif *vif_open(const struct msg_vif *msg, const int *fds, unsigned n_fds, struct err *e)
{
	return vif_open_with(msg, NULL, fds, n_fds, e);
}

static uint64_t *segment_until(struct vif *v, uint8_t gso_type, uint16_t flags)
{
	static_assert(PKT_GSO_UDP_L4 * 2 + 1 < VIF_GSO_KINDS, "a slot for each");
	return &v->segment_until_ns[gso_type * 2u + ((flags & PKT_GSO_ECN) != 0)];
}

static uint64_t load(const uint64_t *at)
{
	return __atomic_load_n(at, __ATOMIC_RELAXED);
}

static void store(uint64_t *at, uint64_t value)
{
	__atomic_store_n(at, value, __ATOMIC_RELAXED);
}

/* What the kernel on the other side of @v cannot take whole.
 * UDP segmentation: before 6.2 a vnet header has no words for it.
 * Tunnelled GSO: a vnet header describes it as plain TCP GSO.  A packet socket refuses that, since a
 * frame with a vnet header counts as untrusted there, which makes the kernel look for TCP behind the
 * outer IP header; and a tap's stack loses it at the tunnel, because a UDP tunnel takes no GSO frame
 * that is not marked as a tunnel's (udp_unexpected_gso, Linux 6.9 and stable kernels since 6.1.84). */
static bool must_segment(const struct vif *v, const struct pkt *p)
{
	if (v->ops->must_segment != NULL)
		return v->ops->must_segment(v, p);
	if (v->type == VIF_TYPE_MEM || v->type == VIF_TYPE_VHOST)
		return false;
	if (p->gso_type == PKT_GSO_UDP_L4)
		return !(v->flags & MSG_VIF_USO);
	return (p->flags & PKT_TUNNEL_GSO) != 0;
}

/* Where a frame's segments are while they are sent: too large for the stack. */
static _Thread_local struct burst segments;

/* Send one round of segments; the reason of one that was lost, or DROP_NONE. */
static enum drop_reason segments_send(struct vif *v, struct vif_io *io, struct burst *segs)
{
	struct tx_item items[BURST_MAX];
	enum drop_reason lost = DROP_NONE;

	for (uint16_t i = 0; i < segs->n; i++)
		items[i] = (struct tx_item){ .pkt = i, .out_vif = v->id };
	v->ops->tx(v, io, segs, items, segs->n);
	for (uint16_t i = 0; i < segs->n; i++) {
		if (items[i].drop != DROP_NONE)
			lost = items[i].drop;
		rte_pktmbuf_free(segs->pkt[i].m);
	}
	segs->n = 0;
	return lost;
}

/* A tunnel's frame as one or two frames of datagrams: docs/decisions/0006.  False: the first of them
 * was refused as if the queue were full, and nothing has been sent. */
static bool pack_tx(struct vif *v, struct vif_io *io, const struct pkt *p, struct tx_item *item)
{
	enum drop_reason lost = DROP_NONE, reason;
	bool is_first = true;
	struct burst *segs = &segments;
	struct gso g;

	segs->n = 0;
	gso_begin(&g, p, io->big_pool);
	while (gso_pack_next(&g, &segs->pkt[0])) {
		segs->n = 1;
		reason = segments_send(v, io, segs);
		if (reason == DROP_TX_QUEUE_FULL && is_first)
			return false;
		is_first = false;
		lost = reason != DROP_NONE ? reason : lost;
	}
	if (g.failed)
		lost = g.no_buffer ? DROP_NO_BUFFER : DROP_TX_GSO_FAILED;
	item->drop = (uint8_t)lost;
	return true;
}

/* Segments of @p, the first @n_first of them as a trial: when they are lost, no more are made. */
static enum drop_reason cut_tx(
	struct vif *v, struct vif_io *io, const struct pkt *p, uint16_t n_first)
{
	enum drop_reason lost = DROP_NONE, reason;
	uint16_t n_round = n_first;
	struct rte_mbuf *m;
	struct burst *segs = &segments;
	struct gso g;

	segs->n = 0;
	gso_begin(&g, p, io->small_pool);
	while ((m = gso_next(&g)) != NULL) {
		segs->pkt[segs->n++] = (struct pkt){ .m = m, .len = m->pkt_len };
		if (segs->n < n_round)
			continue;
		reason = segments_send(v, io, segs);
		lost = reason != DROP_NONE ? reason : lost;
		if (lost != DROP_NONE && n_round < BURST_MAX)
			return lost;
		n_round = BURST_MAX;
	}
	reason = segments_send(v, io, segs);
	lost = reason != DROP_NONE ? reason : lost;
	if (g.failed)
		lost = g.no_buffer ? DROP_NO_BUFFER : DROP_TX_GSO_FAILED;
	return lost;
}

/* @p, a GSO frame, was refused as a frame of the kind that @until is for: is the queue full, or does
 * the device take no such frames? */
static void refused_tx(struct vif *v, struct vif_io *io, const struct pkt *p, struct tx_item *item,
	uint64_t *until)
{
	item->drop = (uint8_t)cut_tx(v, io, p, 1);
	store(until, item->drop == DROP_NONE ? io->now_ns + GSO_RETRY_NS : 0);
}

static void segment_tx(struct vif *v, struct vif_io *io, const struct pkt *p, struct tx_item *item)
{
	uint64_t *until = segment_until(v, PKT_GSO_UDP_L4, 0);

	if (!(v->flags & MSG_VIF_USO) || load(until) > io->now_ns || !gso_can_pack(p))
		item->drop = (uint8_t)cut_tx(v, io, p, BURST_MAX);
	else if (!pack_tx(v, io, p, item))
		refused_tx(v, io, p, item, until);
}

/* Items that may go out whole, in one call. */
static void whole_tx(
	struct vif *v, struct vif_io *io, struct burst *b, struct tx_item *items, uint32_t n)
{
	v->ops->tx(v, io, b, items, n);
	for (uint32_t i = 0; v->ops->must_segment == NULL && i < n; i++) {
		const struct pkt *p = &b->pkt[items[i].pkt];

		if (UNLIKELY(items[i].drop == DROP_TX_QUEUE_FULL) && p->gso_type != PKT_GSO_NONE)
			refused_tx(v, io, p, &items[i], segment_until(v, p->gso_type, p->flags));
	}
}

/* A GSO frame of a kind that was refused, by itself, so that it keeps its place when it is again. */
static void retry_tx(struct vif *v, struct vif_io *io, struct burst *b, struct tx_item *item)
{
	const struct pkt *p = &b->pkt[item->pkt];
	uint64_t *until = segment_until(v, p->gso_type, p->flags);

	if (load(until) > io->now_ns) {
		item->drop = (uint8_t)cut_tx(v, io, p, BURST_MAX);
		return;
	}
	store(until, 0);
	whole_tx(v, io, b, item, 1);
}

/* Neighbouring items that need no segmenting go out in one call, so that order is kept. */
static void mixed_tx(
	struct vif *v, struct vif_io *io, struct burst *b, struct tx_item *items, uint32_t n)
{
	uint32_t first = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct pkt *p = &b->pkt[items[i].pkt];
		bool must, was_refused;

		if (items[i].drop || p->gso_type == PKT_GSO_NONE)
			continue;
		must = must_segment(v, p);
		was_refused = load(segment_until(v, p->gso_type, p->flags)) != 0;
		if (!must && !was_refused)
			continue;
		whole_tx(v, io, b, items + first, i - first);
		if (must)
			segment_tx(v, io, p, &items[i]);
		else
			retry_tx(v, io, b, &items[i]);
		first = i + 1;
	}
	whole_tx(v, io, b, items + first, n - first);
}

/* Items of one vif. */
static void group_tx(const struct vif_table *vifs, struct vif_io *io, struct burst *b,
	struct tx_item *items, uint32_t n)
{
	uint16_t id = items[0].out_vif;
	struct vif *v = id < VIF_ID_MAX ? vifs->by_id[id] : NULL;

	if (v && UNLIKELY(v->ops->tx_is_exclusive)) {
		struct spin *lock = &v->queue[io->worker % v->n_queues].tx_lock;

		spin_lock(lock);
		mixed_tx(v, io, b, items, n);
		spin_unlock(lock);
	} else if (v) {
		mixed_tx(v, io, b, items, n);
	} else {
		for (uint32_t i = 0; i < n; i++)
			if (!items[i].drop)
				items[i].drop = DROP_TX_LINK_DOWN;
	}
	for (uint32_t i = 0; i < n; i++)
		if (items[i].drop)
			drop_count(io->vif_counters, id, items[i].drop, 1);
}

/* How many items from @at on are for the same vif. */
static uint32_t group_len(const struct tx_items *out, uint32_t at)
{
	uint32_t n = 1;

	while (at + n < out->n && out->item[at + n].out_vif == out->item[at].out_vif)
		n++;
	return n;
}

static void group_tx_soon(const struct vif_table *vifs, const struct vif_io *io,
	const struct tx_items *out, uint32_t at)
{
	uint16_t id = out->item[at].out_vif;
	struct vif *v = id < VIF_ID_MAX ? vifs->by_id[id] : NULL;

	if (v && v->ops->tx_soon)
		v->ops->tx_soon(v, io, group_len(out, at));
}

void vif_tx(const struct vif_table *vifs, struct vif_io *io, struct burst *b, struct tx_items *out)
{
	uint32_t n, soon = 0; /* where the next group begins that was not told yet */

	for (uint32_t at = 0; at < out->n; at += n) {
		/* so that what several groups wait for is on its way at once */
		while (soon < out->n && soon < at + TX_SOON) {
			group_tx_soon(vifs, io, out, soon);
			soon += group_len(out, soon);
		}
		n = group_len(out, at);
		group_tx(vifs, io, b, &out->item[at], n);
	}
}
