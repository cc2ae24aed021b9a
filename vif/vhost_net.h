/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_net.h - frames of a virtio-net queue as packets of the pipeline, and back.
 *
 * The half that knows mbufs, beside vhost_queue.h which does not: what a vif type's rx and tx are made of.
 * Thread: the worker that owns the queue. */
#pragma once

#include "vif/vhost_queue.h"
#include "vif/vif.h"

/* Features of virtio-net and its rings that this library serves; a session offers a subset. */
extern const uint64_t vhost_net_features;

/* Receive at most @max packets from a queue the guest sends by, as ops->rx() of vif.h. */
uint16_t vhost_net_rx(
	struct vhost_queue *q, struct vif_io *io, uint16_t vif_id, struct pkt *pkts, uint16_t max);

/* Send items into a queue the guest receives by, as ops->tx() of vif.h.  What the guest does not take
 * (partial checksums, GSO) is completed or segmented here. */
void vhost_net_tx(struct vhost_queue *q, struct vif_io *io, uint16_t vif_id, struct burst *b,
	struct tx_item *items, uint32_t n);
