/* SPDX-License-Identifier: Apache-2.0 */
/* capture.h - the engine's half of captures: who wants to see which frames, and how they get them.
 *
 * What it is: a set of at most CAPTURE_SESSIONS_MAX sessions.  Each has a target, a validated
 * program of classic BPF that runs on the first bytes of a frame, and a ring in shared memory
 * (vswitch/abi/capture_ring.h) that a reader empties at its own pace.
 * Life:
 *   1. control thread: capture_open() checks message and fds and maps the ring;
 *   2. the set with the new session is published to the workers between two bursts;
 *   3. worker: capture_in(), capture_routed_slow(), capture_out(), capture_drops() from the
 *      pipeline, then capture_flush() once a burst;
 *   4. control thread: out of the set, all workers have passed a burst, capture_close().
 * Threads: one worker writes a session's ring (with several workers: a ring each, a later step).
 * Cost: without a session one branch a burst at each hook. */
#pragma once

#include "vif/burst.h"
#include "vswitch/abi/engine_msg.h"
#include "vswitch/base/err.h"

struct capture; /* one session */

/* Published to workers as a whole. */
struct capture_set {
	uint32_t n;
	struct capture *session[CAPTURE_SESSIONS_MAX];
};

/* Take over @ring_fd and @event_fd (on failure too).  NULL with @e. */
struct capture *capture_open(const struct msg_capture *m, int ring_fd, int event_fd, struct err *e);
void capture_close(struct capture *c);
uint32_t capture_id(const struct capture *c);
/* fds[0] ring, fds[1] event socket; stay the session's. */
void capture_fds(const struct capture *c, int fds[2]);

/* Frames that entered the switch, after guard_ingress(): both vif and network targets, also those
 * that a stage has already dropped. */
void capture_in_slow(const struct capture_set *set, const struct burst *b);
/* Behind the router: frames that enter a network from its router port, as its wire will see them.
 * router_vif[i] is the vif that packet i is shown on if it is one of these: the host leg, which has
 * the router's MAC, or VIF_ID_NONE where there is none. */
void capture_routed_slow(
	const struct capture_set *set, const struct burst *b, const uint16_t *router_vif);
/* After vif_tx(): copies that were sent. */
void capture_out_slow(
	const struct capture_set *set, const struct burst *b, const struct tx_items *out);
/* Before drop_burst(): packets that were dropped. */
void capture_drops_slow(const struct capture_set *set, const struct burst *b);
/* Tell the readers, at most once a burst each. */
void capture_flush_slow(const struct capture_set *set);

/* Does somebody watch what comes in by @in_vif and leaves by @out_vif, both of @network_id?  Captures of
 * drops do not count: what is dropped is not passed on. */
bool capture_watches_slow(
	const struct capture_set *set, uint16_t in_vif, uint16_t out_vif, uint16_t network_id);

static inline bool capture_is_on(const struct capture_set *set)
{
	return UNLIKELY(set && set->n > 0);
}

static inline void capture_in(const struct capture_set *set, const struct burst *b)
{
	if (capture_is_on(set))
		capture_in_slow(set, b);
}

/* Sent copies, and those that were lost on the way out, which go to drop captures. */
static inline void capture_out(
	const struct capture_set *set, const struct burst *b, const struct tx_items *out)
{
	if (capture_is_on(set))
		capture_out_slow(set, b, out);
}

static inline void capture_drops(const struct capture_set *set, const struct burst *b)
{
	if (capture_is_on(set))
		capture_drops_slow(set, b);
}

static inline void capture_flush(const struct capture_set *set)
{
	if (capture_is_on(set))
		capture_flush_slow(set);
}
