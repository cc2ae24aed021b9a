/* SPDX-License-Identifier: Apache-2.0 */
/* xen_bed.h - a front end, both ring halves of the back end, and what a worker would lend them. */
#pragma once

#include "tests/lib/xen_front.h"
#include "vif/xen_in.h"
#include "vif/xen_out.h"

struct xen_bed {
	struct xen_shm *shm;
	struct xen_front *front;
	struct xen_features features;
	struct xen_in in;
	struct xen_out out;
	struct xen_copies copies;
	struct vif_io io;
	struct worker_counters worker_counters;
	struct pkt pkt[BURST_RX_MAX]; /* of the last xen_bed_receive() */
};

#define XEN_BED_VIF 7

struct mem_offload;

/* A guest that takes everything, with an empty rx ring. */
struct xen_bed *xen_bed_create(void);
/* CHECKs that all mbufs are back. */
void xen_bed_destroy(struct xen_bed *b);

/* One run of the tx ring; the packets are in b->pkt, to be freed by xen_bed_free(). */
uint16_t xen_bed_receive(struct xen_bed *b);
void xen_bed_free(struct xen_bed *b, uint16_t n);
/* The bytes of a packet in one piece. */
const uint8_t *xen_bed_bytes(const struct pkt *p);
/* Parse and send a frame to the guest as another vif would have received it; the item's drop reason. */
enum drop_reason xen_bed_send(
	struct xen_bed *b, const void *bytes, uint32_t len, const struct mem_offload *offload);
