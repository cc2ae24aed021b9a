/* SPDX-License-Identifier: Apache-2.0 */
/* spin.h - a lock that two workers seldom want at once, and then for less than a burst.
 *
 * Not DPDK's: that is assembler, which ThreadSanitizer cannot see.  Zeros are an open lock.  Who holds it may have lost
 * its processor to who waits: so whoever waits long lets go of it.
 * Threads: workers. */
#pragma once

#include "vswitch/base/base.h"

#include <rte_pause.h>

#include <sched.h>
#include <stdatomic.h>

#define SPIN_PAUSES 256

struct spin {
	_Atomic bool is_held;
};

static inline void spin_lock(struct spin *s)
{
	while (atomic_exchange_explicit(&s->is_held, true, memory_order_acquire)) {
		unsigned n = 0;

		while (atomic_load_explicit(&s->is_held, memory_order_relaxed)) {
			if (++n % SPIN_PAUSES == 0)
				(void)sched_yield();
			else
				rte_pause();
		}
	}
}

static inline void spin_unlock(struct spin *s)
{
	atomic_store_explicit(&s->is_held, false, memory_order_release);
}
