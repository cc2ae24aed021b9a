/* SPDX-License-Identifier: Apache-2.0 */
/* guest_guard.c - turns SIGBUS in a guest's memory into an error of that guest's queue.
 *
 * From: the kernel, when a page behind a mapping is gone.  To: the frame that set the guard, by siglongjmp().
 * Theory: the signal is sent to the very thread that touched the page, so a pointer of the thread's own says
 * whose memory it may have been.  The address is checked against it: a fault anywhere else is a bug of ours
 * and must end the process with a core, as it would without us.  SA_NODEFER, because the jump leaves the
 * handler without sigreturn: SIGBUS must not stay blocked, and no system call is needed to say so.
 * ThreadSanitizer's run time keeps locks of its own around an atomic access and blocks all signals in a
 * handler; a jump from inside would leave both as they are for ever.  So in its builds, and only there, the
 * handler puts an empty page in the place of the one that is gone and returns, and guest_guard_end() jumps.
 * Callers see the same: nothing of what was read behind the fault counts.
 * Invariants: async-signal-safe; nothing between begin and end owns anything that a jump would leak.
 * Thread: any. */
#include "vif/guest_guard.h"

#include "vswitch/base/check.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__)
#define HAS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_TSAN 1
#endif
#endif
#ifndef HAS_TSAN
#define HAS_TSAN 0
#endif
/* What runs in the handler must not enter the run time: it may be there already. */
#define NO_TSAN __attribute__((no_sanitize("thread")))

static _Thread_local struct guest_guard *current;

NO_TSAN static bool mem_holds(const struct guest_mem *mem, const uint8_t *at)
{
	for (uint32_t i = 0; i < mem->n; i++)
		if (at >= mem->region[i].host
			&& (uint64_t)(at - mem->region[i].host) < mem->region[i].size)
			return true;
	return false;
}

NO_TSAN static bool guard_covers(const struct guest_guard *g, const uint8_t *at)
{
	return mem_holds(g->mem, at) || (g->log != NULL && mem_holds(g->log->mem, at));
}

/* Let the access that failed find something; false: it cannot be. */
NO_TSAN static bool page_replace(void *at)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	/* the system call itself: mmap(2) is the run time's */
	return syscall(SYS_mmap, (uintptr_t)at & -page, page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
		!= -1;
}

/* #syscalls: none on the way back; rt_sigaction and tgkill on the way to the grave */
NO_TSAN static void on_sigbus(int, siginfo_t *si, void *)
{
	struct guest_guard *g = current;

	if (g != NULL && guard_covers(g, si->si_addr)) {
		if (HAS_TSAN && page_replace(si->si_addr)) {
			g->is_lost = true;
			return;
		}
		current = NULL;
		siglongjmp(g->env, 1);
	}
	/* returning runs the instruction again, this time to its end */
	signal(SIGBUS, SIG_DFL);
}

int guest_guard_install(void)
{
	struct sigaction action
		= { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_NODEFER };

	return sigaction(SIGBUS, &action, NULL) < 0 ? -errno : 0;
}

void guest_guard_begin(
	struct guest_guard *g, const struct guest_mem *mem, const struct dirty_log *log)
{
	CHECK(current == NULL);
	g->mem = mem;
	g->log = log;
	g->is_lost = false;
	current = g;
	/* the handler runs in this thread: the compiler alone must keep the order */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

void guest_guard_end(struct guest_guard *g)
{
	CHECK(current == g);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	current = NULL;
	if (HAS_TSAN && g->is_lost)
		siglongjmp(g->env, 1);
}
