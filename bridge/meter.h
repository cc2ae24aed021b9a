/* SPDX-License-Identifier: Apache-2.0 */
/* meter.h - a token bucket: at most .burst at once, at most .rate a second in the long run.
 *
 * Units are the caller's: bytes or frames.  Exact to the unit: in any T seconds no more passes than
 * rate x T + burst, however the calls fall.  Life: zeros are a bucket that fills at its first use;
 * a change of rate or burst takes effect at the next call.  Thread: the owner's; pure arithmetic. */
#pragma once

#include "vswitch/base/base.h"

struct meter {
	int64_t credit; /* units x nanoseconds of a second */
	uint64_t at_ns; /* when it was; 0: never used, that is full */
};

struct meter_conf {
	uint64_t rate; /* a second; at most METER_RATE_MAX */
	uint64_t burst; /* at most METER_BURST_MAX */
	uint64_t
		slack_ns; /* for this long it goes on filling beyond the burst: work is waiting and late */
};

/* Bring @m up to @now_ns. */
void meter_fill(struct meter *m, const struct meter_conf *c, uint64_t now_ns);
/* May @n units pass now?  What is larger than the burst may when the bucket is full. */
bool meter_may(const struct meter *m, const struct meter_conf *c, uint64_t n);
/* They do. */
void meter_take(struct meter *m, uint64_t n);
/* When meter_may() will be true, not before @now_ns. */
uint64_t meter_due_ns(
	const struct meter *m, const struct meter_conf *c, uint64_t n, uint64_t now_ns);
