/* SPDX-License-Identifier: Apache-2.0 */
/* xen_out.h - what a guest receives: its rx ring, from the back end.
 *
 * Life: xen_out_open() on a mapped ring page, new or left by an engine that died; xen_out_run() for
 * bursts.  Nothing is kept for a guest that gives no room: such copies are lost at once, so a guest
 * that stalls holds no memory of the host.
 * Thread: one worker a queue; open control. */
#pragma once

#include "vif/vif.h"
#include "vif/xen_ops.h"
#include "vif/xen_ring.h"

struct xen_hash;
struct xen_mcast;

/* What the front end can take. */
struct xen_features {
	bool sg; /* more than one slot a packet */
	bool gso_tcp4, gso_tcp6;
	bool csum_ip4, csum_ip6; /* partial checksums */
	uint16_t headroom; /* bytes to leave free before a frame; < XEN_PAGE / 2 */
};

struct xen_out {
	struct xen_ring ring;
	struct xen_dom *dom;
	struct xen_event event;
	const struct xen_features *features;
	const struct xen_mcast *mcast; /* NULL: the guest takes all groups */
	const struct xen_hash *hash; /* NULL: not negotiated */
	const char *failure; /* NULL, or the rule of the protocol that was broken */
	uint64_t stalled_since_ns; /* 0: there was room at the last run */
	struct {
		uint64_t slots;
		uint64_t no_room; /* copies lost because the guest gave no room */
		uint64_t filtered; /* groups that the guest did not ask for */
		uint64_t copy_errors; /* grants that could not be copied to */
		uint64_t csum_filled; /* partial checksums that the guest does not take */
		uint64_t notifies;
	} stats;
};

/* Take up the ring in @page.  -EPROTO: its indices make no sense. */
[[nodiscard]] int xen_out_open(
	struct xen_out *q, struct xen_dom *dom, void *page, const struct xen_features *features);

/* Must @p, a GSO frame, be cut for a guest with @features? */
bool xen_out_must_segment(const struct xen_features *features, const struct pkt *p);

/* The items of one run, all for this queue. */
struct xen_batch {
	struct burst *burst;
	struct tx_item *items;
	uint32_t n;
};

/* Send them, as vif_ops.tx. */
void xen_out_run(struct xen_out *q, uint16_t vif_id, struct vif_io *io, struct xen_copies *copies,
	const struct xen_batch *batch);
