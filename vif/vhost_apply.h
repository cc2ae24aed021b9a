/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_apply.h - what a message of a VMM does to its session.
 * Thread: control. */
#pragma once

#include "vif/vhost_session.h"

/* Of one message; whoever keeps an fd puts -1 in its place. */
struct vhost_fds {
	unsigned n;
	unsigned n_came; /* with those that were closed for want of room */
	int fd[VHOST_FDS_MAX];
};

/* Carry out @m, which vhost_msg_decode() let through; fills @reply when the request has an answer of its
 * own.  -errno with @e: refused, the session is to end. */
[[nodiscard]] int vhost_apply(struct vhost_session *s, const struct vhost_msg *m,
	struct vhost_fds *fds, struct vhost_reply *reply, struct err *e);

/* Are kick, call and err eventfds, or not there? */
[[nodiscard]] int vhost_apply_check_fds(const struct vhost_ring *r, struct err *e);
/* Start all rings that can. */
[[nodiscard]] int vhost_apply_resume(struct vhost_session *s, struct err *e);
/* Forget everything that was said. */
void vhost_apply_end(struct vhost_session *s);
