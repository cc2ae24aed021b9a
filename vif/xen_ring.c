/* SPDX-License-Identifier: Apache-2.0 */
/* xen_ring.c - the pages that a guest can write while we read them.
 *
 * From: xen_in.c, xen_out.c, xen_ctrl.c.  To: ring pages.
 * Theory: Xen's public/io/ring.h.  A page begins with four indices that only grow and 48 bytes of
 * others' use; slots follow.  A request and its response share a slot.  Each side tells the other at
 * which index it wants to be notified: req_event is ours to write, rsp_event the guest's.
 * Every access is a relaxed atomic one of 32 bits, read once; order comes from the indices: acquire
 * on req_prod before slots are read, release on rsp_prod behind what was written, and sequential
 * consistency between publishing an index and reading the other side's wish.
 * What we know stays on our side: the guest may overwrite rsp_prod and req_event without effect on us.
 * Responses are given in the order of requests, none is skipped, so one index serves for both; a
 * ring is taken up after a restart at rsp_prod, and what had no response is done again.
 * Invariants: cons - pushed <= size; nothing outside the page is touched whatever the page says.
 * Thread: the worker that owns the queue; attach control. */
#include "vif/xen_ring.h"

#include "vswitch/base/check.h"

#include <errno.h>
#include <string.h>

struct xen_sring {
	uint32_t req_prod, req_event;
	uint32_t rsp_prod, rsp_event;
	uint32_t others[12];
	uint32_t slots[];
};
static_assert(sizeof(struct xen_sring) == 64, "as in Xen");

static uint32_t load(const uint32_t *at)
{
	return __atomic_load_n(at, __ATOMIC_RELAXED);
}

static void store(uint32_t *at, uint32_t value)
{
	__atomic_store_n(at, value, __ATOMIC_RELAXED);
}

static uint32_t *slot_of(const struct xen_ring *r, uint32_t index)
{
	return &r->shared->slots[(index & (r->size - 1)) * r->slot_words];
}

int xen_ring_attach(struct xen_ring *r, void *page, enum xen_ring_kind kind)
{
	static const struct {
		uint16_t size, slot_words;
	} shape[XEN_RING_N] = {
		[XEN_RING_TX] = { 256, 3 },
		[XEN_RING_RX] = { 256, 2 },
		[XEN_RING_CTRL] = { 128, 4 },
	};
	uint32_t rsp_prod;

	static_assert(sizeof(struct xen_sring) + 256 * 12 <= XEN_PAGE, "one page a ring");
	CHECK(kind < XEN_RING_N);
	*r = (struct xen_ring){
		.shared = page,
		.size = shape[kind].size,
		.slot_words = shape[kind].slot_words,
	};
	rsp_prod = load(&r->shared->rsp_prod);
	r->cons = rsp_prod;
	r->pushed = rsp_prod;
	return load(&r->shared->req_prod) - rsp_prod > r->size ? -EPROTO : 0;
}

int xen_ring_pending(const struct xen_ring *r, uint32_t *n)
{
	*n = __atomic_load_n(&r->shared->req_prod, __ATOMIC_ACQUIRE) - r->cons;
	/* XSA-39: never try to go on behind such an index */
	return *n > r->size ? -EPROTO : 0;
}

void xen_ring_copy(const struct xen_ring *r, uint32_t at, uint32_t n, void *slots)
{
	uint8_t *to = slots;

	CHECK(at <= r->size && n <= r->size - at);
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t *from = slot_of(r, r->cons + at + i);

		for (uint32_t w = 0; w < r->slot_words; w++, to += sizeof(uint32_t)) {
			uint32_t word = load(&from[w]);

			memcpy(to, &word, sizeof(word));
		}
	}
}

void xen_ring_respond(struct xen_ring *r, const void *response, uint32_t words)
{
	const uint8_t *from = response;
	uint32_t *to = slot_of(r, r->cons);

	CHECK(words <= r->slot_words);
	for (uint32_t w = 0; w < words; w++, from += sizeof(uint32_t)) {
		uint32_t word;

		memcpy(&word, from, sizeof(word));
		store(&to[w], word);
	}
	r->cons++;
}

bool xen_ring_push(struct xen_ring *r)
{
	uint32_t old = r->pushed;

	if (r->cons == old)
		return false;
	__atomic_store_n(&r->shared->rsp_prod, r->cons, __ATOMIC_SEQ_CST);
	r->pushed = r->cons;
	return r->cons - __atomic_load_n(&r->shared->rsp_event, __ATOMIC_SEQ_CST) < r->cons - old;
}

bool xen_ring_arm(struct xen_ring *r)
{
	__atomic_store_n(&r->shared->req_event, r->cons + 1, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&r->shared->req_prod, __ATOMIC_SEQ_CST) == r->cons;
}
