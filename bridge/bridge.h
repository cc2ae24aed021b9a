/* SPDX-License-Identifier: Apache-2.0 */
/* bridge.h - where does a frame go? */
#pragma once

#include "bridge/snapshot.h"
#include "vif/burst.h"

/* Mark what bridge/router.c must take (PKT_TO_ROUTER) or hear (PKT_ROUTER_SEES); returns how many
 * packets these are.  What is for the host's own ears goes to its leg like any frame. */
unsigned bridge_split(const struct snapshot *cfg, struct burst *b);

/* What the floods of one turn may cost: a copy costs its bytes and BRIDGE_COPY_COST. */
#define BRIDGE_FLOOD_BUDGET (2u << 20)
#define BRIDGE_COPY_COST 512u

/* The share of each flood of @b in that. */
uint32_t bridge_share(const struct burst *b);

/* Emit one tx item for every copy of the packets of @b from index *@at on, until all are done or
 * the next one might not fit; *@at is moved on.  A flood that would cost more than @share is left
 * unfinished (.flood_next).  False: call again after the items were sent. */
bool bridge_forward(const struct snapshot *cfg, struct burst *b, uint32_t share, uint16_t *at,
	struct tx_items *out);
