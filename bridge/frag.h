/* SPDX-License-Identifier: Apache-2.0 */
/* frag.h - fragments wait for each other where packets are translated (virtual reassembly).
 *
 * What it is: pieces of IP datagrams, held as they came.  When the last one is there, all are given
 * back in order of their offsets, none changed: they are translated one by one, by what the first
 * says of the ports, and leave with the sizes they had.  A datagram of which a piece contradicts
 * another, or is too small to be honest, goes as a whole.
 * Life: frag_create(); frag_add() a piece; frag_take() until it says no; frag_age() when
 * frag_due_ns() has come; frag_destroy() frees what is held.
 * Limits: FRAG_* in vswitch/abi/limits.h; who has too many loses its own oldest datagram.
 * Threads: one worker. */
#pragma once

#include "vif/burst.h"

struct frag_table;

/* Is the fragment @p another one than the first? */
bool frag_is_later(const struct pkt *p);

struct frag_table *frag_create(void);
void frag_destroy(struct frag_table *t);

/* Hold @p, a fragment that came by a vif (.m is NULL then), or drop it with its reason. */
void frag_add(struct frag_table *t, struct pkt *p, uint64_t now_ns);
/* The next piece that need not wait: of a datagram that is whole, in order, *@is_first the one with
 * its ports; or one that is lost, with .drop set.  False: there is none. */
bool frag_take(struct frag_table *t, struct pkt *out, bool *is_first);
/* Have frag_take() give back @p, which is routed and has no in_vif; frees it when there is no room. */
void frag_put_back(struct frag_table *t, const struct pkt *p);
/* Give up what has waited for FRAG_WAIT_NS. */
void frag_age(struct frag_table *t, uint64_t now_ns);
/* When frag_age() or frag_take() have something to do; 0: never. */
uint64_t frag_due_ns(const struct frag_table *t);
/* Packets that are held. */
uint32_t frag_held(const struct frag_table *t);
/* Forget what came in a network that is gone; @keep by network id. */
void frag_keep(struct frag_table *t, const bool *keep);
