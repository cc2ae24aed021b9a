/* SPDX-License-Identifier: Apache-2.0 */
/* vlan.h - VLANs of a VLAN-aware network: who is in which, and which tag a frame has where.
 *
 * A packet keeps its bytes as they came until it leaves; .vlan says where it belongs.
 * In networks that are not VLAN-aware .vlan is 0 and nothing here is called. */
#pragma once

#include "bridge/snapshot.h"
#include "vif/burst.h"

/* May @p come in by @port, and into which VLAN?  Sets .vlan and .vlan_form. */
enum drop_reason vlan_admit(
	const struct snapshot *cfg, const struct snap_port *port, struct pkt *p);

static inline bool vlan_has(const uint64_t bits[64], unsigned vid)
{
	return bits[vid / 64] >> (vid % 64) & 1;
}

/* Is @vif_id, a port of a VLAN-aware network, in the VLAN of @p? */
static inline bool vlan_allows(const struct snapshot *cfg, uint16_t vif_id, const struct pkt *p)
{
	return vlan_has(cfg->vlans[vif_id]->member, p->vlan & 0xfffu);
}

/* Give each copy of a packet the tag that its vif wants: items then name the packet's forms.  Copies
 * that cannot be made are moved to @lost. */
void vlan_retag(const struct snapshot *cfg, struct burst *b, struct tx_items *out,
	struct tx_items *lost, struct rte_mempool *pool);
