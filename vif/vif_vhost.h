/* SPDX-License-Identifier: Apache-2.0 */
/* vif_vhost.h - the control thread's side of a vhost-user vif: its sockets.
 *
 * The worker's side is vif_vhost_ops.  Life of the sockets: vif_open() with the memfd for what outlives us
 * and, unless MSG_VIF_CLIENT, the socket that listens; the caller waits for input on that and calls
 * vif_vhost_accept(), or brings a connection by vif_vhost_attach(); then on the connection, edge-triggered,
 * and calls vif_vhost_serve(); vif_close() ends both.  One VMM at a time: a second one waits in the
 * backlog, where it is taken when the first has gone.
 * Budget: a VMM may say VHOST_MESSAGES_BURST things at once and VHOST_MESSAGES_S a second in the long run; who says
 * more waits, since every change makes the workers pass a burst.  It is the vif's, so that hanging up
 * and connecting again gains nothing.
 * Threads: control. */
#pragma once

#include "vif/vif.h"

#define VHOST_MESSAGES_S 500u
#define VHOST_MESSAGES_BURST 4000u

struct vhost_session;

/* What the session needs of whoever runs the workers. */
struct vif_vhost_hooks {
	/* Returns when no worker is within a burst any more that began before. */
	void (*pass)(void *arg);
	/* Queue @index of @v is to be received from, and its kick fd is @fd; -1: not any more. */
	void (*watch)(void *arg, struct vif *v, unsigned index, int fd);
	/* As vhost_session_ops. */
	void (*deposit)(void *arg, const struct vif *v, unsigned slot, int fd);
	void *arg;
};
/* Once, before the first vif and before the sandbox.  0 or -errno. */
[[nodiscard]] int vif_vhost_init(const struct vif_vhost_hooks *with);

bool vif_is_vhost(const struct vif *v);
/* The fds that it came with; how many. */
unsigned vif_vhost_fds(const struct vif *v, int fds[VIF_QUEUES_MAX]);
int vif_vhost_listen_fd(const struct vif *v); /* -1: client */
int vif_vhost_conn_fd(const struct vif *v); /* -1: no VMM */
struct vhost_session *vif_vhost_session(const struct vif *v);

/* Take a VMM that waits; 1: the connection is to be waited on, 0: there is one, or nobody waits. */
int vif_vhost_accept(struct vif *v);
/* A socket that is connected to a VMM, taken over.  0, or -errno with @e. */
[[nodiscard]] int vif_vhost_attach(struct vif *v, int fd, struct err *e);
/* Is there budget for messages?  0: now; else how long to wait. */
uint64_t vif_vhost_wait_ns(const struct vif *v, uint64_t now_ns);
/* As vhost_session_serve(). */
[[nodiscard]] int vif_vhost_serve(struct vif *v, uint64_t now_ns, struct err *e);
/* A worker says that a ring of @v is broken. */
void vif_vhost_look(struct vif *v);
/* How it is; true when that is not what it said last, or @is_asked. */
bool vif_vhost_state(const struct vif *v, bool is_asked, struct msg_vhost_state *out);
