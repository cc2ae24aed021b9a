/* SPDX-License-Identifier: Apache-2.0 */
/* ct_times.h - how long silent connections of a network live, as a text: "udp=60,icmp=10".
 * Thread: any; no state. */
#pragma once

#include "vswitch/abi/ct_timeouts.h"
#include "vswitch/base/base.h"
#include "vswitch/base/err.h"

#define CT_TIMES_TEXT_LEN 384 /* all of them */

struct ct_times {
	uint32_t s[CT_TIMEOUT_N]; /* 0: the default */
};

/* 0 or -EINVAL with @path and what would be right. */
[[nodiscard]] int ct_times_parse(
	const char *text, const char *path, struct ct_times *out, struct err *e);
/* Those that are not the default; "" without. */
const char *ct_times_print(const struct ct_times *t, char buf[CT_TIMES_TEXT_LEN]);
