/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox.h - what the engine can still do, taken away in stages.
 *
 * The engine parses hostile bytes, so it must own nothing.  In this order:
 *   1. sandbox_isolate(), first thing in main: own empty network, mount, IPC and UTS namespaces, a
 *      root of nothing but the few read-only files that EAL reads; then no groups, no capabilities,
 *      an unprivileged uid, no_new_privs, no core dumps, not dumpable;
 *   2. EAL, pools, worker threads are made: as an unprivileged user;
 *   3. each thread takes its own filter of system calls: sandbox_confine_worker() in workers (any
 *      other call kills the process), sandbox_confine_eal() for EAL's own thread (likewise),
 *      sandbox_confine_control() in the main thread, last (any other call fails with EPERM and is
 *      counted).
 * The lists are in docs/threat-model.md; a system test compares them with the running filters.
 * Why the files of EAL stay mounted: taking them away would need a privilege that must be gone before
 * EAL runs.  They are read-only and no thread may open a file any more. */
#pragma once

#include "vswitch/base/err.h"

#include <stdatomic.h>
#include <sys/types.h>

struct sandbox_identity {
	uid_t uid;
	gid_t gid;
};

/* Stage 1.  As root: all of it, becoming @id.  Else: in a user namespace of its own. */
[[nodiscard]] int sandbox_isolate(const struct sandbox_identity *id, struct err *e);

/* Stage 3; each returns 0 or -errno. */
[[nodiscard]] int sandbox_confine_worker(void);
[[nodiscard]] int sandbox_confine_eal(void);
/* @denied counts refused calls. */
[[nodiscard]] int sandbox_confine_control(_Atomic uint64_t *denied);
