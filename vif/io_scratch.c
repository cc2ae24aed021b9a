/* SPDX-License-Identifier: Apache-2.0 */
/* io_scratch.c - spare mbufs and message headers for vifs that read and write by system calls.
 *
 * From: vif_netdev.c, vif_host.c.  To: mbuf pools.
 * Theory: a frame is read into [vnet header | small mbuf | big mbuf]; most frames fill the small
 * one only and leave the big one where it is.  Headroom of the small mbuf takes a VLAN tag.
 * Invariants: a slot's iovecs always point into the mbufs of that slot; an mbuf is either in a slot
 * or in a packet, never both.
 * Thread: worker; create and destroy before and after. */
#include "vif/io_scratch.h"

#include <stdlib.h>
#include <string.h>

struct io_scratch *io_scratch_create(void)
{
	return calloc(1, sizeof(struct io_scratch));
}

void io_scratch_destroy(struct io_scratch *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < IO_BATCH; i++) {
		rte_pktmbuf_free(s->rx.small[i]);
		rte_pktmbuf_free(s->rx.big[i]);
	}
	free(s);
}

static void slot_set_small(struct io_scratch *s, unsigned i, struct rte_mbuf *m)
{
	s->rx.small[i] = m;
	s->rx.iov[i][1] = (struct iovec){
		.iov_base = rte_pktmbuf_mtod(m, void *),
		.iov_len = rte_pktmbuf_tailroom(m),
	};
}

/* Small mbufs for those of the first @n slots that have none, all at once; when the pool has too few, slot_refill()
 * takes what there is. */
static void small_refill(struct vif_io *io, unsigned n)
{
	struct rte_mbuf *m[IO_BATCH] __attribute__((uninitialized));
	struct io_scratch *s = io->scratch;
	unsigned missing = 0;

	for (unsigned i = 0; i < n; i++)
		missing += s->rx.small[i] == NULL;
	if (missing == 0 || rte_pktmbuf_alloc_bulk(io->small_pool, m, missing) < 0)
		return;
	for (unsigned i = 0; missing > 0; i++)
		if (s->rx.small[i] == NULL)
			slot_set_small(s, i, m[--missing]);
}

static bool slot_refill(struct vif_io *io, unsigned i)
{
	struct io_scratch *s = io->scratch;
	struct rte_mbuf *m;

	if (!s->rx.small[i]) {
		m = rte_pktmbuf_alloc(io->small_pool);
		if (!m)
			return false;
		slot_set_small(s, i, m);
	}
	if (!s->rx.big[i]) {
		m = rte_pktmbuf_alloc(io->big_pool);
		if (!m)
			return false;
		m->data_off = 0; /* only ever a tail: no headroom needed, every byte is */
		s->rx.big[i] = m;
		s->rx.iov[i][2] = (struct iovec){
			.iov_base = rte_pktmbuf_mtod(m, void *),
			.iov_len = m->buf_len,
		};
	}
	return true;
}

unsigned io_rx_refill(struct vif_io *io, unsigned n, size_t hdr_len)
{
	struct io_scratch *s = io->scratch;

	small_refill(io, n);
	for (unsigned i = 0; i < n; i++) {
		if ((!s->rx.small[i] || !s->rx.big[i]) && !slot_refill(io, i)) {
			io->worker_counters->no_mbuf++;
			return i;
		}
		s->rx.iov[i][0] = (struct iovec){ .iov_base = &s->rx.hdr[i], .iov_len = hdr_len };
	}
	return n;
}

void io_rx_take(struct io_scratch *s, unsigned i, uint32_t len, struct pkt *p)
{
	struct rte_mbuf *m = s->rx.small[i];
	uint32_t in_small = MIN(len, (uint32_t)s->rx.iov[i][1].iov_len);

	m->data_len = (uint16_t)in_small;
	m->pkt_len = len;
	s->rx.small[i] = NULL;
	if (len > in_small) {
		m->next = s->rx.big[i];
		m->nb_segs = 2;
		m->next->data_len = (uint16_t)(len - in_small);
		s->rx.big[i] = NULL;
	}
	*p = (struct pkt){ .m = m, .len = len };
}

unsigned io_tx_fill(
	struct iovec *iov, union io_vnet_hdr *hdr, size_t hdr_len, const struct rte_mbuf *m)
{
	unsigned n = 0;

	iov[n++] = (struct iovec){ .iov_base = hdr, .iov_len = hdr_len };
	for (; m; m = m->next) {
		if (n > IO_SEGS_MAX)
			return 0;
		iov[n++] = (struct iovec){
			.iov_base = rte_pktmbuf_mtod(m, void *),
			.iov_len = m->data_len,
		};
	}
	return n;
}
