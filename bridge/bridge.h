/* SPDX-License-Identifier: Apache-2.0 */
/* bridge.h - where does a frame go? */
#pragma once

#include "bridge/snapshot.h"
#include "vif/burst.h"

/* Mark what bridge/router.c must take (PKT_TO_ROUTER) or hear (PKT_ROUTER_SEES); returns how many
 * packets these are.  What is for the host's own ears goes to its leg like any frame. */
unsigned bridge_split(const struct snapshot *cfg, struct burst *b);

/* Emit one tx item for every copy of the packets of @b from index *@at on, until all are done or
 * the next one might not fit; *@at is moved on.  A packet's copies are never torn apart.
 * False: call again after the items were sent. */
bool bridge_forward(
	const struct snapshot *cfg, struct burst *b, uint16_t *at, struct tx_items *out);
