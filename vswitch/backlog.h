/* SPDX-License-Identifier: Apache-2.0 */
/* backlog.h - floods that were not finished in their turn, and go on in the next ones.
 *
 * Life: backlog_take() puts what waits into a burst; bridge_forward() goes on with it;
 * backlog_put() takes what is still not finished out of the burst again.
 * Limits: BACKLOG_MAX packets, BACKLOG_VIF_MAX of one sender, BACKLOG_BIG_MAX with a big buffer.
 * Thread: worker. */
#pragma once

#include "vif/burst.h"

#define BACKLOG_MAX 64
#define BACKLOG_VIF_MAX 16
#define BACKLOG_BIG_MAX 32 /* vswitch/pools.h */

struct backlog {
	uint16_t n;
	struct pkt pkt[BACKLOG_MAX]; /* oldest first */
};

/* Append what waits to @b, as far as there is room; the index of the first. */
uint16_t backlog_take(struct backlog *l, struct burst *b);
/* Keep the packets of @b that are not finished, those from @first on before the others; what there is
 * no room for is dropped. */
void backlog_put(struct backlog *l, struct burst *b, uint16_t first);
/* Does a flood from @vif_id wait? */
bool backlog_has(const struct backlog *l, uint16_t vif_id);
void backlog_clear(struct backlog *l);
