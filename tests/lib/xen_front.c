/* SPDX-License-Identifier: Apache-2.0 */
/* xen_front.c - a guest's network front end in the test's process.
 *
 * From: tests.  To: ring pages of a struct xen_shm.
 * Theory: written from io/ring.h and io/netif.h, not from the back end: it shares no code with it but
 * the layouts of slots.  Thread: one. */
#include "tests/lib/xen_front.h"

#include "vswitch/base/check.h"

#include <stdlib.h>
#include <string.h>

static uint32_t load(const uint32_t *at)
{
	return __atomic_load_n(at, __ATOMIC_RELAXED);
}

static uint32_t *slot_of(const struct front_ring *r, uint32_t index)
{
	return &r->shared->slots[(index & (r->size - 1)) * r->slot_words];
}

static void slot_write(struct front_ring *r, const void *slot)
{
	uint32_t *to = slot_of(r, r->req_prod++);

	for (uint32_t w = 0; w < r->slot_words; w++) {
		uint32_t word;

		memcpy(&word, (const uint8_t *)slot + w * 4, 4);
		__atomic_store_n(&to[w], word, __ATOMIC_RELAXED);
	}
}

static void slot_read(const struct front_ring *r, uint32_t index, void *slot, uint32_t words)
{
	const uint32_t *from = slot_of(r, index);

	for (uint32_t w = 0; w < words; w++) {
		uint32_t word = load(&from[w]);

		memcpy((uint8_t *)slot + w * 4, &word, 4);
	}
}

static bool ring_push(struct front_ring *r)
{
	uint32_t old = load(&r->shared->req_prod), event;

	__atomic_store_n(&r->shared->req_prod, r->req_prod, __ATOMIC_SEQ_CST);
	event = __atomic_load_n(&r->shared->req_event, __ATOMIC_SEQ_CST);
	return r->req_prod - event < r->req_prod - old;
}

static uint32_t ring_waiting(const struct front_ring *r)
{
	return __atomic_load_n(&r->shared->rsp_prod, __ATOMIC_ACQUIRE) - r->rsp_cons;
}

/* Want a notification at the next response. */
static void ring_listen(struct front_ring *r)
{
	__atomic_store_n(&r->shared->rsp_event, r->rsp_cons + 1, __ATOMIC_SEQ_CST);
}

void xen_front_tx_put(struct xen_front *f, const void *slot, bool is_extra)
{
	f->is_extra[f->tx.req_prod % FRONT_RING] = is_extra;
	slot_write(&f->tx, slot);
}

static uint32_t rx_gref(const struct xen_front *f, uint32_t index)
{
	return f->first_gref + FRONT_GREF_RX_PAGE + index;
}

static uint32_t room(const struct front_ring *r)
{
	return r->size - (r->req_prod - r->rsp_cons);
}

static uint16_t part_of(const struct front_send *how, uint32_t i, uint32_t left)
{
	if (how->sizes != NULL)
		return how->sizes[i];
	return (uint16_t)MIN(left, XEN_PAGE - how->offset);
}

bool xen_front_send(
	struct xen_front *f, const void *bytes, uint32_t len, const struct front_send *how)
{
	uint32_t full = XEN_PAGE - how->offset, done = 0;
	uint32_t n = how->sizes != NULL ? how->n_slots : (len + full - 1) / full;

	if (room(&f->tx) < n + how->n_extras)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t index = f->tx.req_prod % FRONT_RING,
			 gref = f->first_gref + FRONT_GREF_TX_PAGE + index;
		uint16_t part = part_of(how, i, len - done);
		struct xen_tx_request req = {
			.gref = gref,
			.offset = how->offset,
			.id = (uint16_t)index,
			.size = i == 0 ? (uint16_t)len : part,
			.flags = i == 0 ? how->flags : 0,
		};

		if (i + 1 < n)
			req.flags |= XEN_TX_MORE_DATA;
		if (i == 0 && how->n_extras > 0)
			req.flags |= XEN_TX_EXTRA_INFO;
		memcpy(f->shm->page[gref] + how->offset, (const uint8_t *)bytes + done, part);
		done += part;
		xen_front_tx_put(f, &req, false);
		for (uint32_t e = 0; i == 0 && e < how->n_extras; e++) {
			uint8_t slot[12] = { 0 };

			memcpy(slot, &how->extras[e], sizeof(how->extras[e]));
			slot[1] = e + 1 < how->n_extras ? XEN_EXTRA_MORE : 0;
			xen_front_tx_put(f, slot, true);
		}
	}
	return true;
}

bool xen_front_tx_push(struct xen_front *f)
{
	bool is_wanted = ring_push(&f->tx);

	if (is_wanted)
		xen_shm_kick(f->shm, f->first_port + FRONT_PORT_TX);
	return is_wanted;
}

uint32_t xen_front_tx_reap(struct xen_front *f)
{
	uint32_t n = ring_waiting(&f->tx);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t index = f->tx.rsp_cons++ % FRONT_RING;
		struct xen_tx_response rsp;

		slot_read(&f->tx, index, &rsp, 1);
		f->tx_status[index] = rsp.status;
		f->stats.okay += rsp.status == XEN_RSP_OKAY;
		f->stats.error += rsp.status == XEN_RSP_ERROR;
		f->stats.null += rsp.status == XEN_RSP_NULL;
		f->stats.wrong_id += !f->is_extra[index] && rsp.id != index;
	}
	ring_listen(&f->tx);
	return n;
}

uint32_t xen_front_rx_fill(struct xen_front *f, uint32_t n)
{
	n = MIN(n, room(&f->rx));
	for (uint32_t i = 0; i < n; i++) {
		uint32_t index = f->rx.req_prod % FRONT_RING;
		struct xen_rx_request req = { .id = (uint16_t)index, .gref = rx_gref(f, index) };

		slot_write(&f->rx, &req);
	}
	if (ring_push(&f->rx))
		xen_shm_kick(f->shm, f->first_port + FRONT_PORT_RX);
	return n;
}

static uint16_t frame_add(
	struct xen_front *f, struct front_frame *frame, const struct xen_rx_response *rsp)
{
	uint32_t index = (f->rx.rsp_cons - 1) % FRONT_RING;

	if (rsp->id != index)
		f->stats.wrong_id++;
	if (rsp->status < 0) {
		frame->status = frame->status == 0 ? rsp->status : frame->status;
		return rsp->flags;
	}
	CHECK(rsp->offset + (uint32_t)rsp->status <= XEN_PAGE);
	CHECK(frame->len + (uint32_t)rsp->status <= FRONT_FRAME_MAX);
	memcpy(frame->bytes + frame->len, f->shm->page[rx_gref(f, index)] + rsp->offset,
		(size_t)rsp->status);
	frame->len += (uint32_t)rsp->status;
	frame->n_slots++;
	return rsp->flags;
}

bool xen_front_rx_take(struct xen_front *f, struct front_frame *frame)
{
	uint32_t left = ring_waiting(&f->rx);
	struct xen_rx_response rsp;
	struct xen_extra extra = { .flags = XEN_EXTRA_MORE };
	uint16_t flags;

	if (left == 0) {
		ring_listen(&f->rx);
		return false;
	}
	frame->len = frame->n_slots = frame->n_extras = 0;
	frame->status = 0;
	slot_read(&f->rx, f->rx.rsp_cons++, &rsp, 2);
	frame->flags = flags = frame_add(f, frame, &rsp);
	if ((flags & XEN_RX_EXTRA_INFO) == 0)
		extra.flags = 0;
	while ((extra.flags & XEN_EXTRA_MORE) != 0) {
		CHECK(--left > 0 && frame->n_extras < XEN_EXTRAS_MAX);
		slot_read(&f->rx, f->rx.rsp_cons++, &extra, 2);
		frame->extras[frame->n_extras++] = extra;
	}
	while ((flags & XEN_RX_MORE_DATA) != 0) {
		CHECK(--left > 0);
		slot_read(&f->rx, f->rx.rsp_cons++, &rsp, 2);
		flags = frame_add(f, frame, &rsp);
	}
	return true;
}

void xen_front_ctrl_ask(struct xen_front *f, const struct xen_ctrl_request *req)
{
	slot_write(&f->ctrl, req);
	if (ring_push(&f->ctrl))
		xen_shm_kick(f->shm, f->first_port + FRONT_PORT_CTRL);
}

bool xen_front_ctrl_take(struct xen_front *f, struct xen_ctrl_response *rsp)
{
	if (ring_waiting(&f->ctrl) == 0)
		return false;
	slot_read(&f->ctrl, f->ctrl.rsp_cons++, rsp, 3);
	ring_listen(&f->ctrl);
	return true;
}

void xen_front_destroy(struct xen_front *f)
{
	free(f);
}

static void ring_init(struct front_ring *r, struct xen_shm *shm, uint32_t gref, uint32_t words)
{
	r->shared = (void *)shm->page[gref];
	r->slot_words = words;
	r->size = words == 4 ? FRONT_RING / 2 : FRONT_RING;
	r->shared->req_event = 1;
	r->shared->rsp_event = 1;
	shm->access[gref] = XEN_SHM_WRITE;
}

struct xen_front *xen_front_create_queue(struct xen_shm *shm, unsigned queue)
{
	uint32_t first = queue * FRONT_QUEUE_PAGES;
	struct xen_front *f = calloc(1, sizeof(*f));

	CHECK(f != NULL);
	f->shm = shm;
	f->first_gref = first;
	f->first_port = queue * FRONT_QUEUE_PORTS;
	ring_init(&f->tx, shm, first + FRONT_GREF_TX, 3);
	ring_init(&f->rx, shm, first + FRONT_GREF_RX, 2);
	ring_init(&f->ctrl, shm, first + FRONT_GREF_CTRL, 4);
	shm->access[first + FRONT_GREF_TABLE] = XEN_SHM_READ;
	for (uint32_t i = 0; i < FRONT_RING; i++) {
		shm->access[first + FRONT_GREF_TX_PAGE + i] = XEN_SHM_READ;
		shm->access[first + FRONT_GREF_RX_PAGE + i] = XEN_SHM_WRITE;
	}
	return f;
}

struct xen_front *xen_front_create(struct xen_shm *shm)
{
	return xen_front_create_queue(shm, 0);
}
