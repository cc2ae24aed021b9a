/* SPDX-License-Identifier: Apache-2.0 */
/* vif_mem.h - the test vif: what a test puts in is received, what the switch sends is kept. */
#pragma once

#include "vif/vif.h"

/* A vif outside of any engine; vif_close() ends it.  CHECKs that there is memory. */
struct vif *vif_mem_create(uint16_t id, const char *name);

/* Let the next rx of @v return this frame.  Offload fields as rx of a real vif would set them;
 * @offload may be NULL (no GSO, no partial checksum). */
struct mem_offload {
	uint16_t flags; /* PKT_CSUM_PARTIAL, PKT_CSUM_VALID, PKT_GSO_ECN */
	uint8_t gso_type;
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
};
void vif_mem_inject(
	struct vif *v, const void *bytes, uint32_t len, const struct mem_offload *offload);

struct mem_frame {
	uint32_t len;
	struct mem_offload offload; /* as they would go into a vnet_hdr */
	uint8_t *bytes;
};
/* Take the oldest sent frame; false when there is none.  The caller frees .bytes. */
bool vif_mem_take(struct vif *v, struct mem_frame *out);
/* Frames sent and not taken yet. */
uint32_t vif_mem_count(const struct vif *v);
/* Tests of failing receivers: the next @n items are refused with @reason. */
void vif_mem_refuse(struct vif *v, uint32_t n, enum drop_reason reason);
/* A vif that takes no GSO: frames must be segmented and checksummed before tx. */
void vif_mem_set_plain(struct vif *v, bool plain);
/* A vif behind whose queue the device knows no GSO: such a frame is refused as if the queue were full. */
void vif_mem_set_refuses_gso(struct vif *v, bool refuses);
/* How many it has refused so. */
uint32_t vif_mem_refused_gso(const struct vif *v);
