/* SPDX-License-Identifier: Apache-2.0 */
/* xen_ring.h - a ring shared with a guest, seen from the back end.
 *
 * What it is: the only way to a ring page.  Slots come out as private copies and responses go in as
 * whole words; struct xen_sring is known in xen_ring.c alone, so nobody can look twice at a slot.
 * Life: xen_ring_attach() to a mapped page; then turns of
 *   1. xen_ring_pending(): how many requests there are;
 *   2. xen_ring_copy() of those that one wants to see;
 *   3. xen_ring_respond() for each, in the order of the requests: it consumes the oldest;
 *   4. xen_ring_push(): the guest sees the responses; true: it wants to be notified.
 *   When there is nothing to do: xen_ring_arm(), and sleep if that says so.
 * Whatever was copied but not responded to is there again in the next turn, and after a restart.
 * Thread: the worker that owns the queue. */
#pragma once

#include "vif/xen_wire.h"

enum xen_ring_kind {
	XEN_RING_TX,
	XEN_RING_RX,
	XEN_RING_CTRL,
	XEN_RING_N
};
#define XEN_RING_SIZE_MAX 256u /* slots of any kind of ring in one page */

struct xen_sring;

struct xen_ring {
	struct xen_sring *shared;
	uint32_t size; /* slots, a power of two */
	uint32_t slot_words; /* 32-bit words a slot */
	uint32_t cons; /* next request; also the next response's place */
	uint32_t pushed; /* responses that the guest has been shown */
};

/* Take up the ring in @page where it stands: at the first request without a response.
 * -EPROTO: its indices make no sense. */
[[nodiscard]] int xen_ring_attach(struct xen_ring *r, void *page, enum xen_ring_kind kind);

/* How many requests wait; -EPROTO: more than the ring holds, which is not the guest's to say. */
[[nodiscard]] int xen_ring_pending(const struct xen_ring *r, uint32_t *n);

/* Copy @n requests, beginning @at behind the oldest, to @slots. */
void xen_ring_copy(const struct xen_ring *r, uint32_t at, uint32_t n, void *slots);

/* Answer the oldest request with @words 32-bit words; the rest of the slot stays as it is. */
void xen_ring_respond(struct xen_ring *r, const void *response, uint32_t words);

/* Show the guest what was answered; true: notify it. */
[[nodiscard]] bool xen_ring_push(struct xen_ring *r);

/* Ask for a notification at the next request; false: there is one already. */
[[nodiscard]] bool xen_ring_arm(struct xen_ring *r);
