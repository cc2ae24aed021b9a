/* SPDX-License-Identifier: Apache-2.0 */
/* gso.h - segmentation in software, for vifs that cannot take GSO frames.
 *
 * Life: gso_begin(), then gso_next() until it returns NULL; .failed says whether that was the end.
 * Each segment is a fresh chain of mbufs of the caller with all checksums complete; the packet
 * itself is not changed.  Thread: any; no state of its own. */
#pragma once

#include "vif/pkt.h"

struct gso {
	const struct pkt *p;
	struct rte_mempool *pool;
	uint32_t payload_off; /* next byte to send */
	uint32_t index; /* of the next segment */
	bool failed; /* no buffer, or nothing we can segment */
	bool no_buffer; /* with .failed: buffers ran out, else it is a tunnel we do not know */
};

/* Prepare to segment @p, which pkt_parse() has seen and which has a gso_type. */
void gso_begin(struct gso *g, const struct pkt *p, struct rte_mempool *pool);
/* The next segment, or NULL. */
struct rte_mbuf *gso_next(struct gso *g);

/* Is @p, a GSO frame, one of a tunnel over UDP? */
bool gso_can_pack(const struct pkt *p);
/* Instead of gso_next(), for a vif that takes UDP_SEGMENT: as many segments as fit into one frame of
 * that type, all in one mbuf of the pool given to gso_begin().  False: there are no more. */
bool gso_pack_next(struct gso *g, struct pkt *out);
