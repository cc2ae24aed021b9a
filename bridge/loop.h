/* SPDX-License-Identifier: Apache-2.0 */
/* loop.h - vifs that bring back what others have sent, because somebody behind them bridges.
 *
 * What it is: floods that came in though their source was known to be on another vif, and who brought
 * each of them first; for each vif a count of those that it brought back, and the time until which a vif
 * with too many of them is blocked.
 * Life: zeroed memory; loop_comes_back() for each such flood, loop_hear() for those that do;
 * loop_release() when loop_due_ns() has come or the vif's link was down.  Threads: one worker. */
#pragma once

#include "vif/pkt.h"
#include "vswitch/abi/limits.h"
#include "vswitch/base/base.h"

#define LOOP_FLOODS 2048 /* remembered at once, of all networks */

struct loop_flood {
	uint64_t digest;
	uint64_t seen_ns;
	uint16_t vif_id; /* that may say it: who brought it first, or whose MAC its source is */
	uint16_t n; /* times it was seen; 0: not used */
};

struct loop_vif {
	uint64_t since_ns; /* when counting began */
	uint64_t until_ns; /* blocked; 0: is not */
	uint32_t n;
};

struct loop {
	struct loop_flood flood[LOOP_FLOODS];
	struct loop_vif vif[VIF_ID_MAX];
	unsigned n_blocked;
};

/* The vif by which @p came first, a flood whose source was on another vif, when it has been there often
 * enough to be one that goes round; else, or if it is the same vif, VIF_ID_NONE.  @is_own: its source is
 * the MAC that its vif's guest was given. */
uint16_t loop_comes_back(struct loop *l, const struct pkt *p, bool is_own, uint64_t now_ns);
/* Another one came back by @vif_id; true: that was one too many, and the vif is blocked from now on. */
bool loop_hear(struct loop *l, uint16_t vif_id, uint64_t now_ns);
/* What came in by @vif_id so far does not count any more; was there anything? */
bool loop_forget(struct loop *l, uint16_t vif_id);
bool loop_is_blocked(const struct loop *l, uint16_t vif_id);
/* The first time at which a vif is to be released, 0: none is blocked. */
uint64_t loop_due_ns(const struct loop *l);
void loop_release(struct loop *l, uint16_t vif_id);
