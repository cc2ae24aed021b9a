/* SPDX-License-Identifier: Apache-2.0 */
/* hop.h - the way of packets from the workers that receive them to the worker that owns the tables.
 *
 * What it is: one ring from each worker to worker 0, single producer and single consumer.  A packet hops at most
 * once, between the stages LEARN and ROUTE (docs/decisions/0015).
 * Life:
 *   1. hops_create() when there is more than one worker, before any of them runs;
 *   2. a worker that is not the owner, each turn: hop_settle(), hop_has_room(), then for each packet that must
 *      go hop_put(), and hop_publish();
 *   3. the owner, each turn: hop_take(), the pipeline, hops_done(); before it sleeps hops_may_sleep();
 *   4. hops_destroy() when no worker runs any more.
 * Order: who receives from a vif only while hop_is_under_way() says false for it keeps its frames in order,
 * wherever they go.  So a queue has one turn's packets in here at most: what a vif sends faster than the owner can
 * take waits with the vif, and costs nobody else anything.
 * Threads: as said; every ring has one of each. */
#pragma once

#include "vif/burst.h"

#define HOP_SLOTS 512 /* packets from one worker */
#define HOP_TURN_MAX 32 /* that the owner takes in a turn */
#define HOP_BIG_MAX 96 /* of them with a big buffer, vswitch/pools.h */

struct hops;

struct hops *hops_create(unsigned n_workers);
void hops_destroy(struct hops *h);

/* The eventfd that wakes the owner; set before any worker runs. */
void hops_set_wake_fd(struct hops *h, int fd);
int hops_wake_fd(const struct hops *h);

/* States of vifs in spanning trees (bridge/stp_run.h), which the owner writes; likewise. */
void hops_set_states(struct hops *h, const uint8_t *states);
const uint8_t *hops_states(const struct hops *h);

/* Worker @w, not the owner. */
void hop_settle(struct hops *h, unsigned w);
/* May a burst be received? */
bool hop_has_room(const struct hops *h, unsigned w);
bool hop_is_under_way(const struct hops *h, unsigned w, uint16_t vif_id);
/* Copy @p, whose mbuf is the owner's then; there is room.  @generation: of the snapshot that has admitted it. */
void hop_put(struct hops *h, unsigned w, const struct pkt *p, uint64_t generation);
/* True: the owner sleeps, and it must be woken. */
[[nodiscard]] bool hop_publish(struct hops *h, unsigned w);

/* The owner. */
bool hops_wait(const struct hops *h);
/* Append at most @max packets to @b, from each worker in its turn.  True: another generation than @generation has
 * admitted some of them. */
[[nodiscard]] bool hop_take(struct hops *h, struct burst *b, uint16_t max, uint64_t generation);
/* What was taken has been sent, or dropped. */
void hops_done(struct hops *h);
/* False: there is something to do.  True: whoever brings something finds out; say hops_awake() after. */
[[nodiscard]] bool hops_may_sleep(struct hops *h);
void hops_awake(struct hops *h);
