/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_keep.h - what the daemon keeps for the engine of one vhost-user vif: the fds of its session.
 *
 * The engine deposits them as the VMM hands them over; the next engine gets them back.  The daemon never
 * reads, writes or maps one.  At most VHOST_SLOT_N of them: the quota.
 * Thread: the daemon's only one. */
#pragma once

#include "vswitch/abi/engine_msg.h"

struct vhost_keep {
	int fd[VHOST_SLOT_N]; /* by enum vhost_slot; -1: none */
	struct msg_vhost_state state; /* as the engine told last; zeros: nothing yet */
	uint64_t path_dev, path_ino; /* of the socket that we made; 0: not known */
	/* client: the next attempt to reach the VMM */
	uint64_t try_at_ns;
	uint32_t try_ms; /* how long the last wait was; 0: there was none */
	char why[200]; /* why the last one failed; "": it did not */
};

struct vhost_keep *vhost_keep_create(void); /* NULL: out of memory */
void vhost_keep_destroy(struct vhost_keep *k); /* NULL is allowed */
/* Keep @fd (taken over) in @slot, or nothing when it is -1; VHOST_SLOT_N: nothing at all.  0, or -EPROTO: there is
 * no such slot. */
[[nodiscard]] int vhost_keep_put(struct vhost_keep *k, uint32_t slot, int fd);
