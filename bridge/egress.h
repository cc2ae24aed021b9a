/* SPDX-License-Identifier: Apache-2.0 */
/* egress.h - may this copy leave by that vif? */
#pragma once

#include "bridge/snapshot.h"
#include "vif/burst.h"

/* Bytes of the largest frame that may leave by @out, Ethernet header included, tags in it not. */
static inline uint32_t egress_wire_max(const struct snap_port *out)
{
	return (uint32_t)out->mtu + 14 + 4; /* and one tag, as Linux' is_skb_forwardable */
}

/* Must @p, or a frame it becomes, be lost because of its size? */
bool egress_is_too_large(const struct snapshot *cfg, const struct pkt *p, uint16_t out_vif);

/* @states: enum stp_state by vif id.
 * Look at the copies in @out.  Those that may go stay, in order.  Those that nobody will miss (back
 * to where they came from, isolated, to a vif that does not forward) are taken out; a packet that has
 * no copy left is dropped.
 * Those that are lost on the way out (too large, link down) are moved to @lost with their reason. */
void egress_run(const struct snapshot *cfg, struct burst *b, const uint8_t *states,
	struct tx_items *out, struct tx_items *lost);
