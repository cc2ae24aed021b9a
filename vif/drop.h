/* SPDX-License-Identifier: Apache-2.0 */
/* drop.h - the end of packets that are not sent: count by (vif, reason), show to captures, free. */
#pragma once

#include "vif/burst.h"
#include "vswitch/abi/counters.h"

/* Count and free every packet of @b that is still owned by the burst.  Packets with a drop reason
 * are counted on their in_vif; packets whose copies were all sent are just freed.  Worker thread. */
void drop_burst(struct vif_counters *vif_counters, struct burst *b);

/* Free the forms of a round (bridge/vlan.h). */
void drop_forms(struct burst *b);

/* Count @n lost packets of @vif_id without having them (lost before rx, refused at tx). */
void drop_count(
	struct vif_counters *vif_counters, uint16_t vif_id, enum drop_reason reason, uint64_t n);
