/* SPDX-License-Identifier: Apache-2.0 */
/* burst.h - the packets of one run of the pipeline, and what it wants sent.
 *
 * A burst is filled from all ready queues of a worker, up to BURST_RX_MAX, before the pipeline
 * runs.  Tx items share packets: flooding makes items, not clones. */
#pragma once

#include "vif/pkt.h"

#define BURST_RX_MAX 64
#define BURST_MAX 128 /* received, plus clones and replies */
#define BURST_FORMS_MAX (2 * BURST_MAX) /* of packets, with another tag */

/* A set of vifs. */
struct port_set {
	uint64_t word[VIF_ID_MAX / 64];
};

static inline void port_set_add(struct port_set *s, uint16_t vif_id)
{
	s->word[vif_id / 64] |= UINT64_C(1) << vif_id % 64;
}

static inline void port_set_del(struct port_set *s, uint16_t vif_id)
{
	s->word[vif_id / 64] &= ~(UINT64_C(1) << vif_id % 64);
}

static inline bool port_set_has(const struct port_set *s, uint16_t vif_id)
{
	return (s->word[vif_id / 64] >> vif_id % 64 & 1) != 0;
}

struct burst {
	uint16_t n;
	const struct port_set *mcast_sets; /* those that packets name with .mcast_set - 1 */
	uint16_t n_forms; /* valid within a round, behind vlan_retag() */
	/* Behind the packets, from BURST_MAX on: the forms of this round. */
	struct pkt pkt[BURST_MAX + BURST_FORMS_MAX];
};

/* p: struct pkt *, const when the burst is */
#define burst_foreach(p, b) for (__auto_type p = (b)->pkt; p < (b)->pkt + (b)->n; p++)

/* One packet to one vif. */
struct tx_item {
	uint16_t pkt; /* index in the burst */
	uint16_t out_vif; /* vif id */
	uint8_t drop; /* enum drop_reason: this copy is lost, the others live */
	uint8_t flags; /* seam: per-port tag actions */
	uint16_t reserved;
};

/* Bounded: when a flood does not fit, the pipeline sends what is there and goes on
 * (tx_items_is_full), so that no copy is lost for want of room. */
#define TX_ITEMS_MAX 4096
struct tx_items {
	uint32_t n;
	struct tx_item item[TX_ITEMS_MAX];
};
