/* SPDX-License-Identifier: Apache-2.0 */
/* vif_xen.c - a Xen guest's PV network driver, as a vif.
 *
 * From: worker.c (rx), vif.c (tx), ctl_xen.c (open, counts).  To: xen_in.c, xen_out.c, xen_ctrl.c.
 * Theory: queue i of the vif is a pair of rings.  The fd that its worker sleeps on is an evtchn device to
 * which the queue's event channels are bound; it stays readable until its ports are read, and a port that
 * was read stays masked until it is unmasked.  So a queue that has been empty for REST_NS reads them, asks
 * for a notification at the next request, looks once more and unmasks: then the worker may let it go cold.
 * The port of the guest's rx ring is only ever notified by us; the guest's new room is found when the next
 * frame is sent.
 * An engine that takes up rings which another one left notifies both ways once: the one before may have
 * answered without saying so.
 * Invariants: a queue that failed is never looked at again; the control thread tears the vif down.
 * Threads: rx, tx, wait_fd worker; the others control.  One worker sends to a ring at a time: .tx_lock of the
 * ring's queue, since a flow may go to any of them whoever sends it. */
#include "vif/vif_xen.h"

#include "vif/drop.h"
#include "vif/xen_ctrl.h"
#include "vif/xen_in.h"
#include "vif/xen_mcast.h"
#include "vif/xen_out.h"
#include "vswitch/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REST_NS (2 * NS_PER_US) /* less than what makes a worker stop polling */
#define PARTS_MAX 64 /* frames of one queue in one run, with several queues */

struct xen_queue {
	struct xen_in in;
	struct xen_out out;
	struct xen_copies in_copies, out_copies;
	bool is_greeted; /* both ends were notified since we are here */
	bool is_resting; /* asked for a notification since it fell silent */
	uint64_t woken_ns; /* the guest's last notification; 0: none */
};

struct xen_vif {
	struct msg_xen_vif msg;
	struct xen_dom dom;
	struct xen_features features;
	struct xen_hash hash;
	struct xen_mcast mcast;
	struct xen_ctrl ctrl;
	void *page[2 * VIF_QUEUES_MAX + 1]; /* NULL: not mapped; the last one: control ring */
	struct xen_queue *queue; /* [n_queues] */
};

struct open_arg {
	const struct msg_xen_vif *msg;
	const struct xen_dom *seam;
};

static struct xen_vif *state_of(const struct vif *v)
{
	return v->type_state;
}

static int page_map(struct xen_vif *x, unsigned i, uint64_t where)
{
	return x->dom.ops->map(&x->dom, where, &x->page[i]);
}

static int queue_open(struct vif *v, unsigned i)
{
	struct xen_vif *x = state_of(v);
	const struct msg_xen_queue *m = &x->msg.queue[i];
	struct xen_queue *q = &x->queue[i];
	int rc = page_map(x, 2 * i, m->tx_page);

	if (rc == 0)
		rc = page_map(x, 2 * i + 1, m->rx_page);
	if (rc == 0)
		rc = xen_in_open(&q->in, &x->dom, x->page[2 * i]);
	if (rc == 0)
		rc = xen_out_open(&q->out, &x->dom, x->page[2 * i + 1], &x->features);
	if (rc < 0)
		return rc;
	q->in.vif_id = v->id;
	q->in.event = (struct xen_event){ .fd = v->queue[i].fd, .port = m->tx_port };
	q->out.event = (struct xen_event){ .fd = v->queue[i].fd, .port = m->rx_port };
	if ((x->msg.features & MSG_XEN_MCAST) != 0) {
		q->in.mcast = &x->mcast;
		q->out.mcast = &x->mcast;
	}
	v->queue[i].type_state = q;
	return 0;
}

static int ctrl_open(struct vif *v)
{
	struct xen_vif *x = state_of(v);
	int rc;

	if ((x->msg.features & MSG_XEN_CTRL) == 0)
		return 0;
	rc = page_map(x, 2 * VIF_QUEUES_MAX, x->msg.ctrl_page);
	if (rc == 0)
		rc = xen_ctrl_open(&x->ctrl, &x->dom, x->page[2 * VIF_QUEUES_MAX], &x->hash);
	if (rc < 0)
		return rc;
	x->ctrl.event = (struct xen_event){ .fd = v->queue[0].fd, .port = x->msg.ctrl_port };
	x->ctrl.n_queues = v->n_queues;
	for (unsigned i = 0; i < v->n_queues; i++)
		x->queue[i].out.hash = &x->hash;
	return 0;
}

static void features_set(struct xen_vif *x)
{
	uint32_t f = x->msg.features;

	x->features = (struct xen_features){
		.sg = (f & MSG_XEN_SG) != 0,
		.gso_tcp4 = (f & MSG_XEN_GSO_TCP4) != 0,
		.gso_tcp6 = (f & MSG_XEN_GSO_TCP6) != 0,
		.csum_ip4 = (f & MSG_XEN_CSUM_IP4) != 0,
		.csum_ip6 = (f & MSG_XEN_CSUM_IP6) != 0,
		.headroom = x->msg.headroom,
	};
}

static int xen_open(struct vif *v, struct err *e)
{
	const struct open_arg *arg = v->open_arg;
	struct xen_vif *x;
	int rc = 0;

	if (arg == NULL)
		return err_set(e, -EINVAL, v->name, "a netfront needs to be told of its rings");
	if ((arg->msg->features & ~(uint32_t)MSG_XEN_FEATURES) != 0
		|| arg->msg->headroom > XEN_HEADROOM_MAX)
		return err_set(e, -EINVAL, v->name, "features that do not exist");
	x = calloc(1, sizeof(*x));
	if (x == NULL)
		return err_set(e, -ENOMEM, v->name, "out of memory");
	v->type_state = x;
	x->msg = *arg->msg;
	x->dom = (struct xen_dom){ .ops = arg->seam->ops,
		.domid = x->msg.domid,
		.gnt_fd = v->extra_fd,
		.state = arg->seam->state };
	features_set(x);
	x->queue = calloc(v->n_queues, sizeof(*x->queue));
	if (x->queue == NULL)
		return err_set(e, -ENOMEM, v->name, "out of memory");
	for (unsigned i = 0; i < v->n_queues && rc == 0; i++)
		rc = queue_open(v, i);
	if (rc == 0)
		rc = ctrl_open(v);
	if (rc == -EPROTO)
		return err_set(e, rc, v->name, "the indices of the guest's rings make no sense");
	if (rc < 0)
		return err_set(e, rc, v->name, "the guest's ring pages cannot be mapped: %s",
			strerror(-rc));
	return 0;
}

static void xen_close(struct vif *v)
{
	struct xen_vif *x = state_of(v);

	if (x == NULL)
		return;
	for (unsigned i = 0; i < ARRAY_LEN(x->page); i++)
		if (x->page[i] != NULL)
			x->dom.ops->unmap(&x->dom, x->page[i]);
	free(x->queue);
	free(x);
	v->type_state = NULL;
}

static void queue_greet(struct xen_vif *x, struct xen_queue *q)
{
	q->is_greeted = true;
	x->dom.ops->notify(&x->dom, &q->in.event);
	if (q->out.event.port != q->in.event.port)
		x->dom.ops->notify(&x->dom, &q->out.event);
}

/* The queue has fallen silent: prepare for sleep.  False: there is work after all. */
static bool queue_rest(struct xen_vif *x, struct vif_queue *vq, const struct vif_io *io)
{
	struct xen_queue *q = vq->type_state;
	uint64_t wakes = q->in.stats.wakes, until;

	xen_in_wake(&q->in);
	if (q->in.stats.wakes != wakes)
		q->woken_ns = io->now_ns;
	until = xen_in_arm(&q->in, io->now_ns);
	if (until == XEN_HAS_WORK)
		return false;
	vq->look_at_ns = until == XEN_ARMED ? 0 : until;
	if (vq->index == 0 && x->ctrl.dom != NULL) {
		do
			xen_ctrl_run(&x->ctrl, &q->in_copies);
		while (!xen_ctrl_arm(&x->ctrl));
	}
	return true;
}

static uint16_t xen_rx(
	struct vif *v, struct vif_queue *vq, struct vif_io *io, struct pkt *pkts, uint16_t max)
{
	struct xen_vif *x = state_of(v);
	struct xen_queue *q = vq->type_state;
	uint16_t n;

	if (vif_queue_is_dead(vq))
		return 0;
	if (UNLIKELY(!q->is_greeted))
		queue_greet(x, q);
	n = xen_in_run(&q->in, io, &q->in_copies, pkts, max);
	if (n > 0 || io->now_ns - vq->last_busy_ns < REST_NS)
		q->is_resting = false;
	else if (!q->is_resting) {
		q->is_resting = queue_rest(x, vq, io);
		if (!q->is_resting)
			n = xen_in_run(&q->in, io, &q->in_copies, pkts, max);
	} else if (io->polls && vq->index == 0 && x->ctrl.dom != NULL) {
		xen_ctrl_run(&x->ctrl, &q->in_copies); /* no event ends this rest */
	}
	if (UNLIKELY(q->in.failure != NULL || (vq->index == 0 && x->ctrl.failure != NULL))) {
		vif_queue_die(vq);
		io->saw_dead = true;
	}
	return n;
}

static void queue_tx(struct vif *v, unsigned i, struct vif_io *io, const struct xen_batch *batch)
{
	struct vif_queue *vq = &v->queue[i];
	struct xen_queue *q = vq->type_state;
	bool has_failed;

	spin_lock(&vq->tx_lock);
	xen_out_run(&q->out, v->id, io, &q->out_copies, batch);
	has_failed = q->out.failure != NULL;
	spin_unlock(&vq->tx_lock);
	if (UNLIKELY(has_failed) && !vif_queue_is_dead(vq)) {
		vif_queue_die(vq);
		io->saw_dead = true;
	}
}

/* Which queue @p goes to when the guest has not said: any, but always the same for a flow. */
static uint32_t flow_of(const struct pkt *p)
{
	uint32_t addr_len = (p->flags & PKT_IS_IP4) != 0 ? 8 : 32, sum = 0, word;
	const uint8_t *addr = NULL;

	if ((p->flags & (PKT_IS_IP4 | PKT_IS_IP6)) != 0)
		addr = pkt_hdr(p, p->l3_off + (addr_len == 8 ? 12u : 8u), addr_len);
	for (uint32_t i = 0; addr != NULL && i < addr_len; i += 4) {
		memcpy(&word, addr + i, sizeof(word));
		sum = (sum ^ word) * UINT32_C(0x9e3779b1);
	}
	if ((p->flags & (PKT_HAS_L4 | PKT_IS_FRAG)) == PKT_HAS_L4
		&& (addr = pkt_hdr(p, p->l4_off, 4)) != NULL) {
		memcpy(&word, addr, sizeof(word));
		sum = (sum ^ word) * UINT32_C(0x9e3779b1);
	}
	return sum >> 16;
}

static uint32_t queue_of(const struct vif *v, const struct xen_vif *x, const struct pkt *p)
{
	struct xen_hash_value hash = xen_hash_of(&x->hash, p);

	return hash.is_set ? xen_hash_queue(&x->hash, hash.value, v->n_queues)
			   : flow_of(p) % v->n_queues;
}

/* Those of @n items that belong to queue @i, in their order. */
static void part_tx(struct vif *v, unsigned i, struct vif_io *io, const struct xen_batch *all,
	const uint8_t *queue)
{
	struct tx_item item[PARTS_MAX];
	struct xen_batch part = { .burst = all->burst, .items = item };
	uint32_t whose[PARTS_MAX];

	for (uint32_t k = 0; k < all->n; k++) {
		if (queue[k] != i)
			continue;
		whose[part.n] = k;
		item[part.n++] = all->items[k];
	}
	if (part.n == 0)
		return;
	queue_tx(v, i, io, &part);
	for (uint32_t k = 0; k < part.n; k++)
		all->items[whose[k]].drop = item[k].drop;
}

static void spread_tx(struct vif *v, struct vif_io *io, const struct xen_batch *batch)
{
	const struct xen_vif *x = state_of(v);
	uint8_t queue[PARTS_MAX];

	for (uint32_t k = 0; k < batch->n; k++) {
		const struct tx_item *item = &batch->items[k];

		queue[k] = item->drop != DROP_NONE
			? UINT8_MAX
			: (uint8_t)queue_of(v, x, &batch->burst->pkt[item->pkt]);
	}
	for (unsigned i = 0; i < v->n_queues; i++)
		part_tx(v, i, io, batch, queue);
}

static void xen_tx(
	struct vif *v, struct vif_io *io, struct burst *b, struct tx_item *items, uint32_t n)
{
	if (v->n_queues == 1) {
		struct xen_batch all = { .burst = b, .items = items, .n = n };

		queue_tx(v, 0, io, &all);
		return;
	}
	for (uint32_t at = 0; at < n; at += PARTS_MAX) {
		struct xen_batch some = {
			.burst = b, .items = items + at, .n = MIN(n - at, (uint32_t)PARTS_MAX)
		};

		spread_tx(v, io, &some);
	}
}

static int xen_wait_fd(const struct vif_queue *q)
{
	return vif_queue_is_dead(q) ? -1 : q->fd;
}

static bool xen_must_segment(const struct vif *v, const struct pkt *p)
{
	return xen_out_must_segment(&state_of(v)->features, p);
}

const struct msg_xen_vif *vif_xen_message(const struct vif *v)
{
	return &state_of(v)->msg;
}

unsigned vif_xen_fds(const struct vif *v, int fds[XEN_FDS_MAX])
{
	for (unsigned i = 0; i < v->n_queues; i++)
		fds[i] = v->queue[i].fd;
	fds[v->n_queues] = v->extra_fd;
	return v->n_queues + 1u;
}

static uint32_t waiting_on(const struct xen_ring *r)
{
	uint32_t n;

	return xen_ring_pending(r, &n) < 0 ? 0 : n;
}

static void queue_counts(const struct xen_queue *q, uint64_t now_ns, struct msg_xen_count *c)
{
	*c = (struct msg_xen_count){
		.tx_cons = q->in.ring.cons,
		.tx_waiting = waiting_on(&q->in.ring),
		.rx_cons = q->out.ring.cons,
		.rx_waiting = waiting_on(&q->out.ring),
		.tx_slots = q->in.stats.slots,
		.rx_slots = q->out.stats.slots,
		.tx_refused = q->in.stats.refused,
		.rx_no_room = q->out.stats.no_room,
		.copy_errors = q->in.stats.copy_errors + q->out.stats.copy_errors,
		.notifies = q->in.stats.notifies + q->out.stats.notifies,
		.wakes = q->in.stats.wakes,
		.event_ms = UINT32_MAX,
	};
	if (q->out.stalled_since_ns != 0)
		c->stalled_ms = (uint32_t)((now_ns - q->out.stalled_since_ns) / NS_PER_MS) + 1;
	if (q->woken_ns != 0)
		c->event_ms = (uint32_t)MIN(
			(now_ns - q->woken_ns) / NS_PER_MS, (uint64_t)UINT32_MAX - 1);
}

void vif_xen_counts(const struct vif *v, uint64_t now_ns, struct msg_xen_counts *out)
{
	const struct xen_vif *x = state_of(v);
	const char *failure = x->ctrl.failure;

	memset(out, 0, sizeof(*out));
	out->vif_id = v->id;
	out->n_queues = v->n_queues;
	for (unsigned i = 0; i < v->n_queues; i++) {
		const struct xen_queue *q = &x->queue[i];

		queue_counts(q, now_ns, &out->queue[i]);
		failure = q->in.failure != NULL  ? q->in.failure
			: q->out.failure != NULL ? q->out.failure
						 : failure;
	}
	if (failure != NULL)
		snprintf(out->failure, sizeof(out->failure), "%s", failure);
}

const struct vif_ops vif_xen_ops = {
	.name = "netfront",
	.open = xen_open,
	.close = xen_close,
	.rx = xen_rx,
	.tx = xen_tx,
	.wait_fd = xen_wait_fd,
	.must_segment = xen_must_segment,
};

struct vif *vif_xen_open(const struct msg_xen_vif *msg, const struct xen_dom *seam, const int *fds,
	unsigned n_fds, struct err *e)
{
	struct open_arg arg = { .msg = msg, .seam = seam };
	struct vif *v = vif_open_with(&msg->vif, &arg, fds, n_fds, e);

	return v;
}
