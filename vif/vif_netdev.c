/* SPDX-License-Identifier: Apache-2.0 */
/* vif_netdev.c - the netdev side of a tap, a veth, a NIC: packet socket with PACKET_VNET_HDR.
 *
 * From: worker.c (rx), vif.c (tx).  To: the kernel, one recvmmsg(2) or sendmmsg(2) a batch.
 * Theory: the daemon opens, binds and tunes the socket; the engine only moves frames.  GSO frames
 * stay whole: up to 64 KiB behind a vnet header.  A VLAN tag, also one the guest wrote itself, has
 * been stripped by the kernel and comes in PACKET_AUXDATA; rx puts it back, since the bytes of a
 * frame are what every later stage looks at.
 * Losses: what the socket could not queue is asked from PACKET_STATISTICS now and then; a frame that
 * the kernel cannot describe (recvmmsg: EINVAL) is RX_UNEXPRESSIBLE; sendmmsg stops at a refused
 * frame, so tx goes on behind it.
 * Invariants: never blocks; every item is either counted as sent or marked with a reason.
 * Thread: worker. */
#include "vif/drop.h"
#include "vif/io_scratch.h"
#include "vif/vif.h"
#include "vif/vnet_hdr.h"
#include "vswitch/base/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define NETDEV_HDR_LEN sizeof(struct virtio_net_hdr)
#define NETDEV_STATS_NS (100 * NS_PER_MS)
#define NETDEV_QUIET_NS (3 * NS_PER_US) /* less than what makes a worker stop polling */
#define NETDEV_ERRORS_MAX 8 /* of rx in one turn */

struct netdev_queue {
	uint64_t stats_due_ns;
	bool has_news; /* frames since the statistics were last read */
};

static int netdev_open(struct vif *v, struct err *e)
{
	for (unsigned i = 0; i < v->n_queues; i++) {
		int domain = 0;
		socklen_t len = sizeof(domain);

		/* The daemon is not believed either: any other fd would break assumptions below. */
		if (getsockopt(v->queue[i].fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0
			|| domain != AF_PACKET)
			return err_set(e, -ENOTSOCK, v->name, "fd %u is not a packet socket", i);
		v->queue[i].type_state = calloc(1, sizeof(struct netdev_queue));
		if (!v->queue[i].type_state)
			return err_set(e, -ENOMEM, v->name, "out of memory");
	}
	return 0;
}

static void netdev_close(struct vif *v)
{
	for (unsigned i = 0; i < v->n_queues; i++)
		free(v->queue[i].type_state);
}

static int netdev_wait_fd(const struct vif_queue *q)
{
	return vif_queue_is_dead(q) ? -1 : q->fd;
}

/* The kernel resets its counters when they are read.  Read every now and then under load, and once
 * more when a queue falls silent, so that the end of a flood is counted too. */
static void netdev_stats(
	const struct vif *v, const struct vif_queue *q, struct vif_io *io, unsigned n_received)
{
	struct netdev_queue *nq = q->type_state;
	struct tpacket_stats st;
	socklen_t len = sizeof(st);
	bool is_quiet = n_received == 0 && io->now_ns - q->last_busy_ns >= NETDEV_QUIET_NS;

	nq->has_news |= n_received > 0;
	if (!nq->has_news || (io->now_ns < nq->stats_due_ns && !is_quiet))
		return;
	nq->has_news = false;
	nq->stats_due_ns = io->now_ns + NETDEV_STATS_NS;
	if (getsockopt(q->fd, SOL_PACKET, PACKET_STATISTICS, &st, &len) == 0 && st.tp_drops > 0)
		drop_count(io->vif_counters, v->id, DROP_RX_OVERFLOW, st.tp_drops);
}

static const struct tpacket_auxdata *aux_of(struct msghdr *mh)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(mh);

	if (!c || c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
		return NULL;
	return (const struct tpacket_auxdata *)(const void *)CMSG_DATA(c);
}

/* Put the tag that the kernel took out back behind the addresses.  Returns its length. */
static uint16_t vlan_put_back(struct pkt *p, const struct tpacket_auxdata *aux)
{
	uint8_t *at;
	be16 tag[2];

	if (!aux || !(aux->tp_status & TP_STATUS_VLAN_VALID) || p->m->data_len < 12)
		return 0;
	tag[0] = (aux->tp_status & TP_STATUS_VLAN_TPID_VALID) ? htons(aux->tp_vlan_tpid)
							      : htons(0x8100);
	tag[1] = htons(aux->tp_vlan_tci);
	at = (uint8_t *)rte_pktmbuf_prepend(p->m, sizeof(tag));
	if (!at) {
		pkt_drop(p, DROP_PKT_TOO_BIG);
		return 0;
	}
	memmove(at, at + sizeof(tag), 12);
	memcpy(at + 12, tag, sizeof(tag));
	p->len += sizeof(tag);
	return sizeof(tag);
}

/* Errors of a packet socket that say nothing about the next frame. */
static bool rx_error_is_final(
	const struct vif *v, struct vif_queue *q, struct vif_io *io, int error)
{
	switch (error) {
	case EAGAIN:
	case EINTR:
	case ENETDOWN: /* the device is down; it may come up again with the same socket */
		return true;
	case EINVAL: drop_count(io->vif_counters, v->id, DROP_RX_UNEXPRESSIBLE, 1); return false;
	case ENODEV:
	case ENXIO:
	case EBADF: vif_queue_die(q); return true;
	default: drop_count(io->vif_counters, v->id, DROP_RX_ERROR, 1); return false;
	}
}

static int netdev_recv(struct vif *v, struct vif_queue *q, struct vif_io *io, unsigned n)
{
	struct io_scratch *s = io->scratch;
	int r;

	for (unsigned i = 0; i < n; i++)
		s->rx.msg[i].msg_hdr = (struct msghdr){
			.msg_iov = s->rx.iov[i],
			.msg_iovlen = 3,
			.msg_control = s->rx.aux[i],
			.msg_controllen = IO_AUX_LEN,
		};
	for (unsigned tries = 0; tries < NETDEV_ERRORS_MAX; tries++) {
		r = recvmmsg(q->fd, s->rx.msg, n, MSG_DONTWAIT, NULL);
		if (r >= 0)
			return r;
		if (rx_error_is_final(v, q, io, errno))
			return 0;
	}
	return 0;
}

static uint16_t netdev_rx(
	struct vif *v, struct vif_queue *q, struct vif_io *io, struct pkt *pkts, uint16_t max)
{
	struct io_scratch *s = io->scratch;
	uint16_t n_pkts = 0;
	int n;

	if (vif_queue_is_dead(q))
		return 0;
	n = netdev_recv(v, q, io, io_rx_refill(io, MIN(max, IO_BATCH), NETDEV_HDR_LEN));
	for (int i = 0; i < n; i++) {
		struct msghdr *mh = &s->rx.msg[i].msg_hdr;
		uint32_t len = s->rx.msg[i].msg_len;
		struct pkt *p = &pkts[n_pkts];
		uint16_t vlan_len;

		if (len < NETDEV_HDR_LEN || (mh->msg_flags & MSG_TRUNC)) {
			drop_count(io->vif_counters, v->id,
				len < NETDEV_HDR_LEN ? DROP_PKT_TOO_SMALL : DROP_PKT_TOO_BIG, 1);
			continue;
		}
		io_rx_take(s, (unsigned)i, (uint32_t)(len - NETDEV_HDR_LEN), p);
		p->in_vif = v->id;
		vlan_len = vlan_put_back(p, aux_of(mh));
		vnet_hdr_decode(&s->rx.hdr[i].h, vlan_len, p);
		n_pkts++;
	}
	netdev_stats(v, q, io, n_pkts);
	return n_pkts;
}

static enum drop_reason tx_error_reason(struct vif_io *io, struct vif_queue *q, int error)
{
	switch (error) {
	case ENOBUFS:
	case EAGAIN:
	case ENOMEM: return DROP_TX_QUEUE_FULL;
	case ENXIO:
	case ENODEV:
	case EBADF:
		vif_queue_die(q);
		io->saw_dead = true;
		return DROP_TX_LINK_DOWN;
	case ENETDOWN: return DROP_TX_LINK_DOWN;
	default:
		return DROP_TX_REFUSED; /* EINVAL: header; EMSGSIZE: larger than the device's MTU */
	}
}

/* Send messages [0, n) of the scratch; go on behind each one that is refused. */
static void netdev_send(struct vif *v, struct vif_io *io, struct vif_queue *q,
	const struct burst *b, struct tx_item *items, unsigned n)
{
	struct io_scratch *s = io->scratch;
	uint64_t bytes = 0, packets = 0;
	unsigned at = 0;

	while (at < n) {
		int r = sendmmsg(q->fd, s->tx.msg + at, n - at, MSG_DONTWAIT);

		if (r <= 0) {
			if (r < 0 && errno == EINTR)
				continue;
			items[s->tx.item[at++]].drop = (uint8_t)tx_error_reason(io, q, errno);
			continue;
		}
		for (int i = 0; i < r; i++)
			bytes += b->pkt[items[s->tx.item[at + (unsigned)i]].pkt].len;
		packets += (unsigned)r;
		at += (unsigned)r;
	}
	io_tx_count(io, v->id, packets, bytes);
}

static void netdev_tx(
	struct vif *v, struct vif_io *io, struct burst *b, struct tx_item *items, uint32_t n)
{
	struct vif_queue *q = &v->queue[io->worker % v->n_queues];
	struct io_scratch *s = io->scratch;
	unsigned n_msgs = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct pkt *p = &b->pkt[items[i].pkt];
		unsigned n_iov;

		if (items[i].drop)
			continue;
		if (vif_queue_is_dead(q)) {
			items[i].drop = DROP_TX_LINK_DOWN;
			continue;
		}
		n_iov = io_tx_fill(s->tx.iov[n_msgs], &s->tx.hdr[n_msgs], NETDEV_HDR_LEN, p->m);
		if (n_iov == 0) {
			items[i].drop = DROP_TX_REFUSED;
			continue;
		}
		vnet_hdr_encode(p, &s->tx.hdr[n_msgs].h);
		s->tx.msg[n_msgs].msg_hdr
			= (struct msghdr){ .msg_iov = s->tx.iov[n_msgs], .msg_iovlen = n_iov };
		s->tx.item[n_msgs++] = i;
		if (n_msgs == IO_BATCH) {
			netdev_send(v, io, q, b, items, n_msgs);
			n_msgs = 0;
		}
	}
	netdev_send(v, io, q, b, items, n_msgs);
}

const struct vif_ops vif_netdev_ops = {
	.name = "netdev",
	.open = netdev_open,
	.close = netdev_close,
	.rx = netdev_rx,
	.tx = netdev_tx,
	.wait_fd = netdev_wait_fd,
};
