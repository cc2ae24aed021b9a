/* SPDX-License-Identifier: Apache-2.0 */
/* xen_in.h - what a guest sends: its tx ring, from the back end.
 *
 * Life: xen_in_open() on a mapped ring page, new or left by an engine that died; xen_in_run() for
 * bursts; when one was empty, xen_in_arm(), and sleep on the event's fd if that says so; then
 * xen_in_wake() and runs again.  Nothing is held between runs, so nothing has to be closed.
 * When a guest breaks the protocol, .failure says how and the queue is dead: the control thread
 * tears the vif down (never the worker) and the guest has to connect again.
 * Thread: the worker that owns the queue; open control. */
#pragma once

#include "vif/vif.h"
#include "vif/xen_ops.h"
#include "vif/xen_ring.h"

struct xen_mcast;

struct xen_in {
	struct xen_ring ring;
	struct xen_dom *dom;
	struct xen_event event;
	struct xen_mcast *mcast; /* groups that the guest asks for; NULL: not negotiated */
	uint16_t vif_id;
	const char *failure; /* NULL, or the rule of the protocol that was broken */
	uint32_t n_vain_wakes; /* notifications in a row that led to nothing */
	bool was_woken; /* and no run since has found anything */
	uint64_t hold_until_ns; /* the event stays masked until then */
	struct {
		uint64_t slots;
		uint64_t zero_slots; /* data slots without data */
		uint64_t refused; /* packets answered with an error */
		uint64_t copy_errors; /* grants that could not be copied from */
		uint64_t csum_fixups; /* GSO packets that did not say their checksum is partial */
		uint64_t notifies;
		uint64_t wakes;
	} stats;
};

/* Take up the ring in @page.  -EPROTO: its indices make no sense. */
[[nodiscard]] int xen_in_open(struct xen_in *q, struct xen_dom *dom, void *page);

/* Receive at most @max packets (64 at most) into @pkts, as vif_ops.rx; returns how many. */
uint16_t xen_in_run(struct xen_in *q, struct vif_io *io, struct xen_copies *copies,
	struct pkt *pkts, uint16_t max);

/* The event's fd was readable. */
void xen_in_wake(struct xen_in *q);

#define XEN_ARMED 0
#define XEN_HAS_WORK 1
/* Ask to be notified.  XEN_ARMED: the worker may sleep; XEN_HAS_WORK: it may not; else a time in ns:
 * call again then, the guest has notified for nothing too often and is not heard until then. */
[[nodiscard]] uint64_t xen_in_arm(struct xen_in *q, uint64_t now_ns);
