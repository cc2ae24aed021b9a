/* SPDX-License-Identifier: Apache-2.0 */
/* xen_ctrl.h - a guest's control ring: it configures how its packets are hashed and spread.
 *
 * Life: xen_ctrl_open(); xen_ctrl_run() when its event was notified; bounded by the ring's size.
 * Thread: the worker that owns the vif's first queue; open control. */
#pragma once

#include "vif/xen_hash.h"
#include "vif/xen_ops.h"
#include "vif/xen_ring.h"

struct xen_ctrl {
	struct xen_ring ring;
	struct xen_dom *dom;
	struct xen_event event;
	struct xen_hash *hash;
	uint32_t n_queues;
	const char *failure; /* NULL, or the rule of the protocol that was broken */
	uint64_t n_refused;
};

[[nodiscard]] int xen_ctrl_open(
	struct xen_ctrl *c, struct xen_dom *dom, void *page, struct xen_hash *hash);

/* Answer what is on the ring. */
void xen_ctrl_run(struct xen_ctrl *c, struct xen_copies *copies);
/* Ask to be notified; false: there is a request already. */
[[nodiscard]] bool xen_ctrl_arm(struct xen_ctrl *c);
