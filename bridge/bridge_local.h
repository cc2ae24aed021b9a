/* SPDX-License-Identifier: Apache-2.0 */
/* bridge_local.h - group addresses that a bridge keeps to itself. */
#pragma once

#include "bridge/snapshot.h"
#include "vif/pkt.h"

#include <string.h>

/* IEEE 802.1Q-2018 §8.6.3: 01-80-C2-00-00-00 to -0F; the last nibble, or -1 for other addresses. */
static inline int bridge_local_nibble(const uint8_t *dst)
{
	static const uint8_t group[5] = { 0x01, 0x80, 0xc2, 0x00, 0x00 };

	if (memcmp(dst, group, sizeof(group)) != 0 || dst[5] > 0x0f)
		return -1;
	return dst[5];
}

/* Is the group frame @p for this host's own ears only?  What the host itself sends never is. */
static inline bool bridge_is_local_group(const struct snapshot *cfg, const struct pkt *p)
{
	const struct snap_network *net = &cfg->network[p->network_id].conf;
	unsigned mask = cfg->port[p->in_vif].group_fwd | net->group_fwd_lo
		| (unsigned)net->group_fwd_hi << 8;
	int nibble = bridge_local_nibble(pkt_bytes(p));

	return nibble > 0 && (mask >> nibble & 1) == 0 && p->in_vif != net->leg_vif_id;
}
