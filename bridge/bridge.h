/* SPDX-License-Identifier: Apache-2.0 */
/* bridge.h - where does a frame go? */
#pragma once

#include "bridge/snapshot.h"
#include "vif/burst.h"

/* Seam: take the packets that the router of their network must see out of the way.  Networks with
 * a router do not exist yet; returns how many packets are the router's. */
unsigned bridge_split(const struct snapshot *cfg, struct burst *b);

/* Emit one tx item for every copy of the packets of @b from index *@at on, until all are done or
 * the next one might not fit; *@at is moved on.  A packet's copies are never torn apart.
 * False: call again after the items were sent. */
bool bridge_forward(
	const struct snapshot *cfg, struct burst *b, uint16_t *at, struct tx_items *out);
