/* SPDX-License-Identifier: Apache-2.0 */
/* clock.c - the only reader of time, so that tests can stop it.
 *
 * From: everything that ages, limits or measures.  To: clock_gettime(2) through the vDSO.
 * Theory: one flag decides between the kernel's clock and a number that only tests move.
 * Invariants: clock_now_ns() never goes back, unless a test stops it in the past.
 * Thread: reading from any thread; stopping and warping from one thread of a test. */
#include "vswitch/base/clock.h"

#include "vswitch/base/check.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic bool stopped;
static _Atomic uint64_t stopped_at_ns;

static uint64_t clock_read(clockid_t id)
{
	struct timespec ts;
	int r = clock_gettime(id, &ts);

	CHECK(r == 0); /* both ids exist on every Linux */
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

uint64_t clock_now_ns(void)
{
	if (UNLIKELY(atomic_load_explicit(&stopped, memory_order_relaxed)))
		return atomic_load_explicit(&stopped_at_ns, memory_order_relaxed);
	return clock_read(CLOCK_MONOTONIC);
}

uint64_t clock_wall_ns(void)
{
	return clock_read(CLOCK_REALTIME);
}

void clock_stop(uint64_t now_ns)
{
	atomic_store(&stopped_at_ns, now_ns);
	atomic_store(&stopped, true);
}

void clock_warp(uint64_t by_ns)
{
	CHECK(atomic_load(&stopped));
	atomic_fetch_add(&stopped_at_ns, by_ns);
}

void clock_release(void)
{
	atomic_store(&stopped, false);
}
