/* SPDX-License-Identifier: Apache-2.0 */
/* engine_link.h - the daemon's end of the engine: find or start it, talk to it, watch it.
 *
 * Life:
 *   1. engine_link_create(), engine_link_find(): connects to RUN/engine.sock when an engine runs
 *      there (was_taken_over), else starts one;
 *   2. HELLO_OK with the right ABI: ops->on_ready(); requests may be sent from then on;
 *   3. the engine dies, hangs or talks nonsense: ops->on_down(), and another is started, at once
 *      at first, later with growing delay; then 2 again;
 *   4. engine_link_destroy() hangs up; the engine runs on unless it is told to stop.
 * Thread: the daemon's only one.  on_event and on_vhost are called from within a request too: they must not
 * send. */
#pragma once

#include "config/engine_wire.h"
#include "config/reconcile.h"

struct engine_link;

struct engine_link_ops {
	void (*on_ready)(void *arg, bool was_taken_over);
	void (*on_down)(void *arg);
	void (*on_back)(
		void *arg); /* it answers again, after engine_link_is_mute() said it did not */
	void (*on_event)(void *arg, const struct msg_event *event);
	/* VHOST_DEPOSIT, VHOST_STATE.  Takes the fd out as .on_answer below.  0, or -EPROTO: nonsense. */
	int (*on_vhost)(void *arg, struct engine_msg *m);
};

struct engine_request {
	uint32_t type; /* enum engine_msg_type */
	const void *body;
	size_t body_len;
	const int *fds; /* stay with the caller */
	unsigned n_fds;
	/* Every message before the ACK.  Takes fds out of m->fd (-1 in their place) to keep them; a
	 * negative return ends the connection: the engine talks nonsense. */
	int (*on_answer)(void *arg, struct engine_msg *m);
	void *arg;
};

struct engine_link *engine_link_create(struct event_base *base, const struct daemon_paths *paths,
	const struct engine_link_ops *ops, void *arg, struct err *e);
/* @waits: until it is settled who the engine is, 5 s at most; else 0.5 s, and the loop does the rest. */
void engine_link_find(struct engine_link *l, bool waits);
bool engine_link_is_ready(const struct engine_link *l);
/* Wait for an engine that is starting; at most @timeout_ms. */
void engine_link_wait(struct engine_link *l, int timeout_ms);
/* Does the engine hang, as far as one can tell within 0.5 s?  Then requests would wait for it: begin
 * nothing with it, on_back or on_down will come.  False when there is none. */
bool engine_link_is_mute(struct engine_link *l);
/* Send and wait for the ACK.  0, what the engine refused with, or -ENOTCONN when there is no engine
 * (or not any more: then on_down has been called). */
[[nodiscard]] int engine_link_request(
	struct engine_link *l, const struct engine_request *req, struct err *e);
void engine_link_actual(const struct engine_link *l, struct engine_actual *out);
void engine_link_destroy(struct engine_link *l, bool stop_engine);
