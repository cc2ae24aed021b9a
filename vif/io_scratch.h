/* SPDX-License-Identifier: Apache-2.0 */
/* io_scratch.h - what a worker lends to the rx and tx of its vifs: message headers and spare mbufs.
 *
 * One per worker, allocated once, used again for every batch.  Slot i of rx is a spare small mbuf,
 * a spare big one behind it and the iovec over both; rx takes what a frame filled and the next rx
 * fills the gaps, so that an empty poll costs one system call and no allocation.
 * Thread: the worker that owns it. */
#pragma once

#include "vif/vif.h"

#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define IO_BATCH 64
#define IO_SEGS_MAX 8 /* segments of one frame at tx; rx makes 2 at most */
#define IO_AUX_LEN CMSG_SPACE(sizeof(struct tpacket_auxdata))

/* struct virtio_net_hdr of a packet socket (10 bytes); a tap's is 2 longer: num_buffers. */
union io_vnet_hdr {
	struct virtio_net_hdr h;
	uint8_t bytes[12];
};

struct io_scratch {
	struct {
		struct mmsghdr msg[IO_BATCH];
		struct iovec iov[IO_BATCH][3]; /* vnet header, small, big */
		union io_vnet_hdr hdr[IO_BATCH];
		struct rte_mbuf *small[IO_BATCH];
		struct rte_mbuf *big[IO_BATCH];
		_Alignas(8) uint8_t aux[IO_BATCH][IO_AUX_LEN];
	} rx;
	struct {
		struct mmsghdr msg[IO_BATCH];
		struct iovec iov[IO_BATCH][1 + IO_SEGS_MAX];
		union io_vnet_hdr hdr[IO_BATCH];
		uint32_t item[IO_BATCH]; /* which tx item a message is */
	} tx;
};

struct io_scratch *io_scratch_create(void);
void io_scratch_destroy(struct io_scratch *s);

/* Make the first @n slots of rx complete; returns how many are (fewer when a pool is empty).
 * @hdr_len: bytes of the vnet header that the fd gives. */
unsigned io_rx_refill(struct vif_io *io, unsigned n, size_t hdr_len);

/* Take the frame of @len bytes that slot @i received out of it and begin @p with it. */
void io_rx_take(struct io_scratch *s, unsigned i, uint32_t len, struct pkt *p);

/* Most bytes a slot takes, without the vnet header. */
#define IO_SLOT_LEN(s, i) ((s)->rx.iov[i][1].iov_len + (s)->rx.iov[i][2].iov_len)

/* iovecs over the segments of @m, behind the header's; how many in all, 0: too many segments. */
unsigned io_tx_fill(
	struct iovec *iov, union io_vnet_hdr *hdr, size_t hdr_len, const struct rte_mbuf *m);

/* Count what was sent. */
static inline void io_tx_count(struct vif_io *io, uint16_t vif_id, uint64_t packets, uint64_t bytes)
{
	struct vif_counters *c = &io->vif_counters[vif_id];

	/* one writer a slot; relaxed atomics because the daemon reads at the same time */
	__atomic_store_n(&c->tx_packets, c->tx_packets + packets, __ATOMIC_RELAXED);
	__atomic_store_n(&c->tx_bytes, c->tx_bytes + bytes, __ATOMIC_RELAXED);
}
