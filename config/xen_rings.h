/* SPDX-License-Identifier: Apache-2.0 */
/* xen_rings.h - get the fds through which the engine reaches a Xen guest's rings.
 *
 * The grants of the ring pages are given to a gntdev here, and the event channels bound, so that the engine
 * only maps and notifies.  Ownership: fds belong to the caller.  Thread: the daemon's only one. */
#pragma once

#include "vswitch/abi/engine_msg.h"
#include "vswitch/base/err.h"

/* What the front end has written about one queue. */
struct xen_front_queue {
	uint32_t tx_ref, rx_ref;
	uint32_t tx_port, rx_port; /* the guest's; the same when it has one event channel */
};
struct xen_front {
	uint16_t domid, devid;
	uint32_t features; /* enum msg_xen_feature */
	uint32_t ctrl_ref, ctrl_port; /* MSG_XEN_CTRL */
	uint16_t headroom;
	uint8_t n_queues;
	struct xen_front_queue queue[VIF_QUEUES_MAX];
};

/* Bind the event channels and open the pages: @fds as XEN_OPEN carries them, n_queues + 1; the rings' part of
 * @m is filled in.  @fds are -1 on failure. */
[[nodiscard]] int xen_rings_open(
	const struct xen_front *front, int fds[XEN_FDS_MAX], struct msg_xen_vif *m, struct err *e);
/* For an engine that follows another one: the pages anew, the event channels stay. */
[[nodiscard]] int xen_rings_reopen(
	const struct xen_front *front, int fds[XEN_FDS_MAX], struct msg_xen_vif *m, struct err *e);
