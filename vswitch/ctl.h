/* SPDX-License-Identifier: Apache-2.0 */
/* ctl.h - the control thread: the daemon's messages, and everything the engine holds.
 *
 * Life: ctl_create() with the listening socket, ctl_run() until STOP or a signal, then the process
 * exits; nothing is torn down, since the tables and fds are the daemon's as well.
 * One daemon at a time: a new connection with the right credentials replaces the old one.  Without a
 * daemon the engine runs on.
 * Threads: the main thread only; it is the only writer of configurations. */
#pragma once

#include "vswitch/worker.h"

#include <sys/types.h>

struct ctl;

struct ctl_params {
	int listen_fd;
	int event_fd; /* written by workers: a vif has died */
	uid_t peer_uid; /* besides root: who may be the daemon */
	struct worker *const *workers;
	unsigned n_workers;
	uint64_t started_ns;
	bool is_huge;
};

struct ctl *ctl_create(const struct ctl_params *params, struct err *e);
/* Serve until STOP; 0, or -errno when the listening socket is broken. */
[[nodiscard]] int ctl_run(struct ctl *c);
/* Count refused system calls here; written by the signal frame of sandbox.c. */
_Atomic uint64_t *ctl_denied_counter(void);
