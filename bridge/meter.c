/* SPDX-License-Identifier: Apache-2.0 */
/* meter.c - a token bucket, exact to the unit; see meter.h.
 *
 * From: bridge/qos.c (bytes), bridge/storm.c (frames).
 * Theory: the credit is kept in units x nanoseconds, so that nothing is rounded: a nanosecond adds
 * the rate, a unit costs 1e9.  The largest burst is 2^31 units, hence 2.2e18; the largest step that
 * is ever added is what is missing to the full bucket, so nothing overflows 63 bits.
 * Invariants: credit <= (burst + slack) x 1e9; it is below zero only for a frame larger than the
 * burst, and then by less than the frame.
 * Thread: none of its own. */
#include "bridge/meter.h"

#include "vswitch/abi/limits.h"
#include "vswitch/base/clock.h"

#define UNIT ((int64_t)NS_PER_SEC)

static_assert(METER_BURST_MAX <= (uint64_t)INT64_MAX / 4 / NS_PER_SEC, "a bucket fits");

static int64_t full(const struct meter_conf *c)
{
	return (int64_t)c->burst * UNIT;
}

void meter_fill(struct meter *m, const struct meter_conf *c, uint64_t now_ns)
{
	int64_t cap = full(c) + (int64_t)(c->slack_ns * c->rate);
	uint64_t elapsed_ns = now_ns - m->at_ns;

	if (m->at_ns == 0) {
		m->credit = full(c);
	} else if (now_ns > m->at_ns && m->credit < cap) {
		uint64_t missing = (uint64_t)(cap - m->credit);

		if (elapsed_ns > missing / c->rate)
			m->credit = cap;
		else
			m->credit += (int64_t)(elapsed_ns * c->rate);
	}
	m->credit = MIN(m->credit, cap);
	m->at_ns = MAX(now_ns, (uint64_t)1);
}

static int64_t price(const struct meter_conf *c, uint64_t n)
{
	return (int64_t)MIN(n, c->burst) * UNIT;
}

bool meter_may(const struct meter *m, const struct meter_conf *c, uint64_t n)
{
	return m->credit >= price(c, n);
}

void meter_take(struct meter *m, uint64_t n)
{
	m->credit -= (int64_t)n * UNIT;
}

uint64_t meter_due_ns(
	const struct meter *m, const struct meter_conf *c, uint64_t n, uint64_t now_ns)
{
	int64_t missing = price(c, n) - m->credit;

	if (missing <= 0)
		return now_ns;
	return now_ns + ((uint64_t)missing + c->rate - 1) / c->rate;
}
