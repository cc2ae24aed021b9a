/* SPDX-License-Identifier: Apache-2.0 */
/* vif_host.c - a tap whose fd the engine holds; the other side is the stack of the host or of a
 * network namespace.
 *
 * From: worker.c (rx), vif.c (tx).  To: the kernel, one readv(2) or writev(2) a frame.
 * Theory: the daemon creates the tap (IFF_TAP, IFF_NO_PI, IFF_VNET_HDR, IFF_MULTI_QUEUE for more
 * than one queue), sets TUNSETVNETHDRSZ to HOST_HDR_LEN and TUNSETOFFLOAD, and passes one fd a queue.
 * A tap gives VLAN tags in the frame's bytes and counts them in csum_start, unlike a packet socket.
 * Errors: EBADFD says that the tap is gone for good; EIO that the netdev is down.
 * Invariants: never blocks; every item is either counted as sent or marked with a reason.
 * Thread: worker. */
#include "vif/drop.h"
#include "vif/io_scratch.h"
#include "vif/vif.h"
#include "vif/vnet_hdr.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#define HOST_HDR_LEN 12

static int host_open(struct vif *v, struct err *e)
{
	for (unsigned i = 0; i < v->n_queues; i++) {
		struct ifreq ifr = { 0 };
		int hdr_len = 0;

		if (ioctl(v->queue[i].fd, TUNGETIFF, &ifr) < 0)
			return err_set(e, -EBADFD, v->name, "fd %u is not of a tap", i);
		if (!(ifr.ifr_flags & IFF_TAP) || !(ifr.ifr_flags & IFF_VNET_HDR))
			return err_set(e, -EINVAL, v->name, "tap %u has no vnet header", i);
		if (ioctl(v->queue[i].fd, TUNGETVNETHDRSZ, &hdr_len) < 0 || hdr_len != HOST_HDR_LEN)
			return err_set(e, -EINVAL, v->name,
				"tap %u has a vnet header of %d bytes, not %d", i, hdr_len,
				HOST_HDR_LEN);
		/* the daemon is not believed either: a tap that blocks would stop a worker */
		if (fcntl(v->queue[i].fd, F_SETFL, O_NONBLOCK) < 0)
			return err_set(e, -errno, v->name, "tap %u cannot be non-blocking", i);
	}
	return 0;
}

static void host_close(struct vif *v)
{
	/* no state of its own; vif_close() closes the fds */
	v->type_state = NULL;
}

static int host_wait_fd(const struct vif_queue *q)
{
	return vif_queue_is_dead(q) ? -1 : q->fd;
}

static void host_rx_error(const struct vif *v, struct vif_queue *q, struct vif_io *io, int error)
{
	switch (error) {
	case EAGAIN:
	case EINTR:
	case EIO: return; /* down */
	case EBADFD:
	case EBADF:
	case ENODEV: vif_queue_die(q); return;
	case EINVAL: drop_count(io->vif_counters, v->id, DROP_RX_UNEXPRESSIBLE, 1); return;
	default: drop_count(io->vif_counters, v->id, DROP_RX_ERROR, 1);
	}
}

static uint16_t host_rx(
	struct vif *v, struct vif_queue *q, struct vif_io *io, struct pkt *pkts, uint16_t max)
{
	struct io_scratch *s = io->scratch;
	unsigned n_slots;
	uint16_t n = 0;

	if (vif_queue_is_dead(q))
		return 0;
	n_slots = io_rx_refill(io, MIN(max, IO_BATCH), HOST_HDR_LEN);
	for (unsigned i = 0; i < n_slots; i++) {
		ssize_t r = readv(q->fd, s->rx.iov[i], 3);
		struct pkt *p = &pkts[n];

		if (r < 0) {
			host_rx_error(v, q, io, errno);
			break;
		}
		if ((size_t)r < HOST_HDR_LEN) {
			drop_count(io->vif_counters, v->id, DROP_PKT_TOO_SMALL, 1);
			continue;
		}
		io_rx_take(s, i, (uint32_t)((size_t)r - HOST_HDR_LEN), p);
		p->in_vif = v->id;
		vnet_hdr_decode(&s->rx.hdr[i].h, 0, p);
		n++;
	}
	return n;
}

static enum drop_reason tx_error_reason(struct vif_io *io, struct vif_queue *q, int error)
{
	switch (error) {
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM: return DROP_TX_QUEUE_FULL;
	case EBADFD:
	case EBADF:
	case ENODEV:
		vif_queue_die(q);
		io->saw_dead = true;
		return DROP_TX_LINK_DOWN;
	case EIO:
	case ENETDOWN: return DROP_TX_LINK_DOWN;
	default: return DROP_TX_REFUSED;
	}
}

static bool host_send(struct vif_io *io, struct vif_queue *q, struct pkt *p, struct tx_item *item)
{
	struct io_scratch *s = io->scratch;
	unsigned n_iov = io_tx_fill(s->tx.iov[0], &s->tx.hdr[0], HOST_HDR_LEN, p->m);
	ssize_t r;

	if (vif_queue_is_dead(q) || n_iov == 0) {
		item->drop = vif_queue_is_dead(q) ? DROP_TX_LINK_DOWN : DROP_TX_REFUSED;
		return false;
	}
	memset(&s->tx.hdr[0], 0, sizeof(s->tx.hdr[0]));
	vnet_hdr_encode(p, &s->tx.hdr[0].h);
	do {
		r = writev(q->fd, s->tx.iov[0], (int)n_iov);
	} while (r < 0 && errno == EINTR);
	if (r < 0) {
		item->drop = (uint8_t)tx_error_reason(io, q, errno);
		return false;
	}
	return true;
}

static void host_tx(
	struct vif *v, struct vif_io *io, struct burst *b, struct tx_item *items, uint32_t n)
{
	struct vif_queue *q = &v->queue[io->worker % v->n_queues];
	uint64_t packets = 0, bytes = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct pkt *p = &b->pkt[items[i].pkt];

		if (items[i].drop || !host_send(io, q, p, &items[i]))
			continue;
		packets++;
		bytes += p->len;
	}
	io_tx_count(io, v->id, packets, bytes);
}

const struct vif_ops vif_host_ops = {
	.name = "host",
	.open = host_open,
	.close = host_close,
	.rx = host_rx,
	.tx = host_tx,
	.wait_fd = host_wait_fd,
};
