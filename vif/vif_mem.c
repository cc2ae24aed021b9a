/* SPDX-License-Identifier: Apache-2.0 */
/* vif_mem.c - a vif whose other side is a test.
 *
 * From: tests (inject) and pipeline.c (tx).  To: pipeline.c (rx) and tests (take).
 * Theory: two queues of copied frames.  Frames become mbufs in rx as a real vif makes them: the
 * beginning in a small buffer, the rest in a big one.
 * Invariants: everything that was injected and not received, or sent and not taken, is freed by
 * close.
 * Thread: one; tests only. */
#include "vif/vif_mem.h"

#include "vif/gso.h"
#include "vif/pkt_edit.h"
#include "vswitch/base/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct node {
	struct node *next;
	struct mem_frame frame;
};

struct queue {
	struct node *first;
	struct node **last;
	uint32_t n;
};

struct mem {
	struct queue in, out;
	uint32_t n_refuse;
	enum drop_reason refuse_reason;
	bool is_plain;
	bool refuses_gso;
	uint32_t n_refused_gso;
};

static void queue_init(struct queue *q)
{
	*q = (struct queue){ .last = &q->first };
}

static struct mem_frame *queue_add(struct queue *q, uint32_t len)
{
	struct node *node = calloc(1, sizeof(*node));

	CHECK(node != NULL);
	node->frame.len = len;
	node->frame.bytes = malloc(len > 0 ? len : 1);
	CHECK(node->frame.bytes != NULL);
	*q->last = node;
	q->last = &node->next;
	q->n++;
	return &node->frame;
}

static bool queue_take(struct queue *q, struct mem_frame *out)
{
	struct node *node = q->first;

	if (node == NULL)
		return false;
	*out = node->frame;
	q->first = node->next;
	if (q->first == NULL)
		q->last = &q->first;
	q->n--;
	free(node);
	return true;
}

static void queue_fini(struct queue *q)
{
	struct mem_frame frame;

	while (queue_take(q, &frame))
		free(frame.bytes);
}

static struct mem *mem_of(const struct vif *v)
{
	CHECK(v->type == VIF_TYPE_MEM);
	return v->type_state;
}

void vif_mem_inject(
	struct vif *v, const void *bytes, uint32_t len, const struct mem_offload *offload)
{
	struct mem_frame *f = queue_add(&mem_of(v)->in, len);

	memcpy(f->bytes, bytes, len);
	if (offload != NULL)
		f->offload = *offload;
}

bool vif_mem_take(struct vif *v, struct mem_frame *out)
{
	return queue_take(&mem_of(v)->out, out);
}

uint32_t vif_mem_count(const struct vif *v)
{
	return mem_of(v)->out.n;
}

void vif_mem_refuse(struct vif *v, uint32_t n, enum drop_reason reason)
{
	mem_of(v)->n_refuse = n;
	mem_of(v)->refuse_reason = reason;
}

void vif_mem_set_plain(struct vif *v, bool plain)
{
	mem_of(v)->is_plain = plain;
}

void vif_mem_set_refuses_gso(struct vif *v, bool refuses)
{
	mem_of(v)->refuses_gso = refuses;
}

uint32_t vif_mem_refused_gso(const struct vif *v)
{
	return mem_of(v)->n_refused_gso;
}

static int mem_open(struct vif *v, struct err *e)
{
	struct mem *mem = calloc(1, sizeof(*mem));

	if (mem == NULL)
		return err_set(e, -ENOMEM, v->name, "out of memory");
	queue_init(&mem->in);
	queue_init(&mem->out);
	v->type_state = mem;
	return 0;
}

static void mem_close(struct vif *v)
{
	struct mem *mem = v->type_state;

	if (mem == NULL)
		return;
	queue_fini(&mem->in);
	queue_fini(&mem->out);
	free(mem);
	v->type_state = NULL;
}

/* Append @len bytes to @m, behind its last segment; a test's pools are large enough. */
static void mbuf_fill(struct rte_mbuf *m, const uint8_t *bytes, uint32_t len, struct vif_io *io)
{
	uint32_t n = RTE_MIN(len, (uint32_t)rte_pktmbuf_tailroom(m));
	struct rte_mbuf *tail;

	memcpy(rte_pktmbuf_append(m, (uint16_t)n), bytes, n);
	for (; n < len; n += tail->data_len) {
		uint32_t room;

		tail = rte_pktmbuf_alloc(io->big_pool);
		CHECK(tail != NULL);
		tail->data_off = 0;
		room = RTE_MIN(len - n, (uint32_t)rte_pktmbuf_tailroom(tail));
		memcpy(rte_pktmbuf_append(tail, (uint16_t)room), bytes + n, room);
		CHECK(rte_pktmbuf_chain(m, tail) == 0);
	}
}

static uint16_t mem_rx(
	struct vif *v, struct vif_queue *, struct vif_io *io, struct pkt *pkts, uint16_t max)
{
	struct mem *mem = mem_of(v);
	uint16_t n = 0;

	for (; n < max && mem->in.n > 0; n++) {
		struct pkt *p = &pkts[n];
		struct mem_frame f;

		CHECK(queue_take(&mem->in, &f));
		*p = (struct pkt){ .m = rte_pktmbuf_alloc(io->small_pool) };
		CHECK(p->m != NULL);
		mbuf_fill(p->m, f.bytes, f.len, io);
		p->len = f.len;
		p->in_vif = v->id;
		p->flags = f.offload.flags;
		p->gso_type = f.offload.gso_type;
		p->gso_size = f.offload.gso_size;
		p->csum_start = f.offload.csum_start;
		p->csum_offset = f.offload.csum_offset;
		free(f.bytes);
	}
	return n;
}

static void mem_keep(struct mem *mem, const struct rte_mbuf *m, const struct mem_offload *offload)
{
	struct mem_frame *f = queue_add(&mem->out, m->pkt_len);
	uint32_t at = 0;

	f->offload = *offload;
	for (; m != NULL; at += m->data_len, m = m->next)
		memcpy(f->bytes + at, rte_pktmbuf_mtod(m, const void *), m->data_len);
}

static void count_tx(struct vif_io *io, uint16_t vif_id, uint32_t len)
{
	io->vif_counters[vif_id].tx_packets++;
	io->vif_counters[vif_id].tx_bytes += len;
}

/* Send one packet as a guest without offloads must get it. */
static void mem_tx_plain(struct vif *v, struct vif_io *io, struct pkt *p, struct tx_item *item)
{
	static const struct mem_offload none;
	struct mem *mem = mem_of(v);
	struct rte_mbuf *m;
	struct gso g;

	if (p->gso_type == PKT_GSO_NONE) {
		/* Another vif may still want the partial checksum: work on a copy. */
		struct pkt copy = *p;

		copy.m = rte_pktmbuf_copy(p->m, io->big_pool, 0, UINT32_MAX);
		CHECK(copy.m != NULL);
		pkt_edit_complete_csum(&copy);
		count_tx(io, v->id, copy.len);
		mem_keep(mem, copy.m, &none);
		rte_pktmbuf_free(copy.m);
		return;
	}
	gso_begin(&g, p, io->small_pool);
	while ((m = gso_next(&g)) != NULL) {
		count_tx(io, v->id, m->pkt_len);
		mem_keep(mem, m, &none);
		rte_pktmbuf_free(m);
	}
	if (g.failed)
		item->drop = g.no_buffer ? DROP_NO_BUFFER : DROP_TX_GSO_FAILED;
}

static void mem_tx_whole(struct vif *v, struct vif_io *io, const struct pkt *p)
{
	const struct mem_offload offload = {
		.flags = p->flags & (PKT_CSUM_PARTIAL | PKT_CSUM_VALID | PKT_GSO_ECN),
		.gso_type = p->gso_type,
		.gso_size = p->gso_size,
		.csum_start = p->csum_start,
		.csum_offset = p->csum_offset,
	};

	count_tx(io, v->id, p->len);
	mem_keep(mem_of(v), p->m, &offload);
}

static void mem_tx(
	struct vif *v, struct vif_io *io, struct burst *b, struct tx_item *items, uint32_t n)
{
	struct mem *mem = mem_of(v);

	for (uint32_t i = 0; i < n; i++) {
		struct pkt *p = &b->pkt[items[i].pkt];

		if (items[i].drop != DROP_NONE)
			continue;
		if (mem->n_refuse > 0) {
			mem->n_refuse--;
			items[i].drop = (uint8_t)mem->refuse_reason;
		} else if (mem->refuses_gso && p->gso_type != PKT_GSO_NONE) {
			mem->n_refused_gso++;
			items[i].drop = DROP_TX_QUEUE_FULL;
		} else if (mem->is_plain
			&& (p->gso_type != PKT_GSO_NONE || (p->flags & PKT_CSUM_PARTIAL) != 0)) {
			io->vif_counters[v->id].rx_csum_filled++;
			mem_tx_plain(v, io, p, &items[i]);
		} else {
			mem_tx_whole(v, io, p);
		}
	}
}

static int mem_wait_fd(const struct vif_queue *)
{
	return -1;
}

const struct vif_ops vif_mem_ops = {
	.name = "mem",
	.open = mem_open,
	.close = mem_close,
	.rx = mem_rx,
	.tx = mem_tx,
	.wait_fd = mem_wait_fd,
	.tx_is_exclusive = true,
};

struct vif *vif_mem_create(uint16_t id, const char *name)
{
	struct msg_vif msg = { .vif_id = id, .type = VIF_TYPE_MEM, .n_queues = 1, .mtu = 1500 };
	struct vif *v;

	CHECK(strlen(name) <= SAKLAR_NAME_MAX);
	memcpy(msg.name, name, strlen(name));
	v = vif_open(&msg, NULL, 0, NULL);
	CHECK(v != NULL);
	return v;
}
