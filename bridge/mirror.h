/* SPDX-License-Identifier: Apache-2.0 */
/* mirror.h - copies of packets for vifs that look on.
 *
 * A vif that gets copies is in no network.  Of a vif it gets what that sends (rx), as it came in and
 * unless the guard refused it, and what is sent to it (tx), as it left; of a network the same of all
 * its vifs, the host leg and the router.  A packet is copied once for each vif that looks on at each of
 * these three places, however many of its mirrors want it; so it comes twice where both ends are
 * mirrored.
 * Copies are items: the bytes are shared.  They are sent at once, before anybody changes the packet. */
#pragma once

#include "bridge/snapshot.h"
#include "vif/burst.h"

enum mirror_place {
	MIRROR_IN, /* behind the guard */
	MIRROR_ROUTED, /* behind the router: what enters a network from there */
	MIRROR_OUT, /* behind tx */
};

struct mirror_round {
	const struct snapshot *cfg;
	const struct burst *b;
	enum mirror_place place;
	const struct tx_items
		*sent; /* MIRROR_OUT: the copies that left, .drop says which did not */
	uint32_t at; /* 0 at first: where the next call goes on */
};

/* Set .must_hop of the packets that may have copies, behind fdb_peek(), of a worker that does not make any. */
void mirror_mark(const struct snapshot *cfg, struct burst *b);
/* Append the copies to @out, which is empty, and those that their vif cannot take to @lost.  False:
 * there was no room for all, to be called again when these are sent. */
bool mirror_run(struct mirror_round *r, struct tx_items *out, struct tx_items *lost);
