/* SPDX-License-Identifier: Apache-2.0 */
/* capture_filter.h - a filter expression of tcpdump -> instructions for the engine. */
#pragma once

#include "vswitch/base/base.h"
#include "vswitch/base/err.h"

#include <jansson.h>

/* Compile @expression ("" passes everything) into *out, an array of [code, jt, jf, k], or NULL when
 * there is nothing to run.  0, or -EINVAL with @e; *position is then the offset of the word that
 * cannot be understood, or -1 when it is not known. */
[[nodiscard]] int capture_filter_compile(
	const char *expression, uint32_t snaplen, json_t **out, int *position, struct err *e);
