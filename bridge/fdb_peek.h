/* SPDX-License-Identifier: Apache-2.0 */
/* fdb_peek.h - the forwarding database as workers see it that do not own it: look, and never write.
 *
 * What it is: the same decision as fdb_learn() for every packet that changes nothing, which is nearly all of them.
 * A packet of which the table would learn something (a new source, one that moved, one not heard of for a second), or
 * whose destination is not found, is marked .must_hop: the owner decides about it.  What is missed because the owner
 * changes it at this moment hops as well, so a look may be wrong in that direction only.
 * Life: fdb_peek_create() on the owner's table; fdb_peek() for each burst; fdb_peek_destroy() before the table goes.
 * Threads: one worker each, beside the owner. */
#pragma once

#include "bridge/fdb.h"

struct fdb_peek;

/* NULL: out of memory. */
struct fdb_peek *fdb_peek_create(const struct fdb *f);
void fdb_peek_destroy(struct fdb_peek *r);

/* Set .dst_vif, or .must_hop, of each packet that is alive.  @states: of vifs, stp_run_states() of the owner. */
void fdb_peek(struct fdb_peek *r, const struct snapshot *cfg, struct burst *b,
	const uint8_t *states, uint64_t now_ns);
