/* SPDX-License-Identifier: Apache-2.0 */
/* err.h - an error that a human will read: code, path of the configuration item, what to do.
 *
 * Every layer may put a prefix before the message; only the top prints it.  Used in config/,
 * tools/ and where a vif is opened; the packet path has drop reasons instead. */
#pragma once

#include "vswitch/base/base.h"

struct err {
	int code; /* 0: none, else -errno */
	char path[64]; /* offending item, such as "vif.web0.mtu"; "" when there is none */
	char msg[256]; /* one sentence that says what is wrong and what would be right */
};

#define ERR_NONE ((struct err){ 0 })

/* Fill @e (which may be NULL) and give back @code, so that callers can write
 * `return err_set(e, -EINVAL, "vif.mtu", "...")`.  @code: -errno.  The first error stays.
 * A macro, so that compilers and analyzers see which value comes back. */
#define err_set(e, code, path, ...)                             \
	({                                                      \
		const int err_code_ = (code);                   \
		err_write((e), err_code_, (path), __VA_ARGS__); \
		err_code_;                                      \
	})
void err_write(struct err *e, int code, const char *path, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* Put "prefix: " before the message of @e, when it holds an error. */
void err_prefix(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
