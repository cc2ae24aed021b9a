/* SPDX-License-Identifier: Apache-2.0 */
/* vif_xen.h - the control thread's side of a vif on a Xen guest's rings.
 *
 * The worker's side is vif_xen_ops.  Life: vif_xen_open(); published; vif_close().
 * Threads: open, message and fds control; counts worker, between two bursts. */
#pragma once

#include "vif/vif.h"
#include "vif/xen_ops.h"

/* Build a vif from @msg; fds as vif_open().  @seam: the machinery below the rings; only .ops and .state are
 * taken from it.  NULL with @e. */
struct vif *vif_xen_open(const struct msg_xen_vif *msg, const struct xen_dom *seam, const int *fds,
	unsigned n_fds, struct err *e);

/* What the vif was opened with, and its fds in the same order; how many. */
const struct msg_xen_vif *vif_xen_message(const struct vif *v);
unsigned vif_xen_fds(const struct vif *v, int fds[XEN_FDS_MAX]);

void vif_xen_counts(const struct vif *v, uint64_t now_ns, struct msg_xen_counts *out);
