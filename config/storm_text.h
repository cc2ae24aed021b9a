/* SPDX-License-Identifier: Apache-2.0 */
/* storm_text.h - how many frames a second a vif may have flooded: "1000", "1000/2000" (frames at once),
 * "off". */
#pragma once

#include "vswitch/base/base.h"
#include "vswitch/base/err.h"

#define STORM_TEXT_LEN 32

struct storm_limit {
	bool is_set; /* else the profile's */
	uint32_t rate; /* frames a second; 0: no limit */
	uint32_t burst;
};

/* 0, or -EINVAL with @e. */
[[nodiscard]] int storm_text_parse(
	const char *text, const char *path, struct storm_limit *out, struct err *e);
/* The same text for the same limit; "" when nobody set it. */
const char *storm_text_print(const struct storm_limit *l, char buf[STORM_TEXT_LEN]);
