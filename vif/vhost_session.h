/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_session.h - what one VMM has said over its vhost-user socket, and the rings that follow from it.
 *
 * What it is: one object per vhost-user vif; a session goes from vhost_session_attach() to the end of its
 * socket, and the next one begins from nothing but what is offered.
 * Life:
 *   1. vhost_session_create() with the vif;
 *   2. vhost_session_attach() with a connected socket; the caller waits for input on it, edge-triggered;
 *   3. vhost_session_serve() whenever there is some: each message is looked at, applied and only then
 *      taken off the socket.  Whatever is refused ends the session;
 *   4. vhost_session_close(), or serve() says that it is over; then 2 again, or vhost_session_destroy().
 * After an engine that died: vhost_session_give() for each fd it had deposited and vhost_session_resume()
 * in place of 2.
 * Rings: a ring is live when memory, size, addresses, kick fd and features are there and it is enabled.
 * While it is live it is its worker's and nothing of it changes: what a message changes is done with the
 * ring taken away from the worker (ops->quiesce), and the ring goes on where it stood.
 * Who may touch what: workers .queue and the fds of a ring whose .is_live they have seen since their
 * last burst began; the control thread everything else.
 * Threads: all functions control. */
#pragma once

#include "vif/vhost_msg.h"
#include "vif/vhost_queue.h"
#include "vif/vhost_saved.h"
#include "vswitch/abi/engine_msg.h"

#include <stdatomic.h>

struct bell;

struct vhost_ring {
	struct vhost_queue queue;
	_Atomic bool is_live;
	int kick_fd, call_fd, err_fd; /* -1: none */

	/* control thread: what the VMM has said */
	bool has_num, has_addr, is_enabled;
	bool is_watched; /* ops->watch() has its kick fd */
	bool has_record; /* the next start takes the record's word: an engine before us had it live */
	uint16_t base; /* where it stands while it is not live */
	uint32_t num;
	uint64_t desc_user, avail_user, used_user;
};

struct vhost_session_ops {
	/* Returns when no worker is within a burst any more that began before the call. */
	void (*quiesce)(void *arg);
	/* Ring @ring is live: look at it, and then whenever @kick_fd is readable; -1: not any more. */
	void (*watch)(void *arg, unsigned ring, int kick_fd);
	/* The guest has moved here: let the network know its address. */
	void (*announce)(void *arg, const uint8_t mac[6]);
	/* Whatever outlives us is to keep @fd, which stays ours, under @slot (enum vhost_slot); -1: nothing
	 * any more; VHOST_SLOT_N with -1: nothing at all.  May be NULL. */
	void (*deposit)(void *arg, unsigned slot, int fd);
};

struct vhost_session_config {
	const char *name; /* of the vif, for the log */
	uint64_t features; /* virtio's, to be offered */
	unsigned n_pairs; /* of rings */
	uint16_t mtu_max; /* bytes of IP */
	struct guest_mem_limits limits;
	struct vhost_saved *saved; /* NULL: what is said and in flight dies with us */
	struct bell *bell; /* of the control thread; NULL: see bell_ring() */
	const struct vhost_session_ops *ops;
	void *arg;
};

struct vhost_session {
	struct vhost_session_config config;
	int fd; /* -1: no VMM */
	bool has_features;
	uint64_t features; /* negotiated; with VHOST_FEATURE_* */
	uint64_t protocol; /* negotiated protocol features */
	uint16_t mtu; /* of NET_SET_MTU; 0: not said */
	struct guest_mem *mem; /* NULL: none yet */
	struct dirty_log *log; /* NULL: no migration */
	uint64_t log_size, log_offset;
	int log_fd; /* -1: none */
	int region_fd[VHOST_REGIONS_MAX]; /* -1: no region here */
	struct guest_region_spec region[VHOST_REGIONS_MAX];
	uint64_t n_messages;
	char why[160]; /* the last session ended; "": it did not, or as VMMs do, or is forgotten: rings work */
	struct vhost_ring ring[VHOST_RINGS_MAX];
};

/* NULL with @e. */
struct vhost_session *vhost_session_create(
	const struct vhost_session_config *config, struct err *e);
void vhost_session_destroy(struct vhost_session *s);

/* Begin with the connected socket @fd, which is the session's from here on; ends one that there was. */
void vhost_session_attach(struct vhost_session *s, int fd);

/* A deposited fd of a session that an engine before us had; taken over.  0 or -EINVAL. */
[[nodiscard]] int vhost_session_give(struct vhost_session *s, unsigned slot, int fd);
/* Go on with that session.  0; -errno with @e: it could not be, .why says why, and the VMM is hung up on;
 * -ENODATA: there was none. */
[[nodiscard]] int vhost_session_resume(struct vhost_session *s, struct err *e);
/* Deposit everything once more, for a daemon that has lost it. */
void vhost_session_deposit_all(const struct vhost_session *s);

/* Messages of one call; a VMM that writes without end must not hold up the others. */
#define VHOST_SERVE_MAX 32
/* Do what has been asked.  0: all there is; 1: there may be more, call again in your turn; -ECONNRESET:
 * the VMM has gone; other -errno with @e: it was hung up on, .why says why. */
[[nodiscard]] int vhost_session_serve(struct vhost_session *s, struct err *e);

/* Hang up: no ring is live and nothing of the guest is mapped afterwards.  @why: NULL, or a reason to
 * show. */
void vhost_session_close(struct vhost_session *s, const char *why);

unsigned vhost_session_n_live(const struct vhost_session *s);
