/* SPDX-License-Identifier: Apache-2.0 */
/* guest_guard.h - survive that a guest's memory goes away while we touch it.
 *
 * The file behind guest memory belongs to the VMM, which can shrink it: the next touch is SIGBUS.
 * Between guest_guard_begin() and guest_guard_end() such a fault in that guest's memory or dirty log ends in a jump back
 * to GUEST_GUARD_SET(), which returns true then; anywhere else it ends the process as ever.
 *
 *	struct guest_guard g;
 *	if (GUEST_GUARD_SET(&g))
 *		return -EFAULT;             the memory is gone; nothing of this guest may be touched again
 *	guest_guard_begin(&g, mem, log);
 *	... no locks, no allocation, no mbuf: whatever is here may end at any instruction ...
 *	guest_guard_end(&g);
 *
 * A jump and not a mapping put in its place: it needs no system call, so a worker's sandbox stays as it is.
 * Under ThreadSanitizer the jump comes from guest_guard_end(): guest_guard.c says why.
 * Guards do not nest.  Thread: any; each has its own. */
#pragma once

#include "vif/dirty_log.h"
#include "vif/guest_mem.h"

#include <setjmp.h>

struct guest_guard {
	sigjmp_buf env;
	const struct guest_mem *mem;
	const struct dirty_log *log; /* NULL: none */
	bool is_lost; /* ThreadSanitizer only: jump at the end */
};

/* Take over SIGBUS; once a process, after EAL has started.  0 or -errno. */
[[nodiscard]] int guest_guard_install(void);

/* A macro: the frame that calls sigsetjmp() must live until the guard ends. */
#define GUEST_GUARD_SET(g) (sigsetjmp((g)->env, 0) != 0)

void guest_guard_begin(
	struct guest_guard *g, const struct guest_mem *mem, const struct dirty_log *log);
void guest_guard_end(struct guest_guard *g);
