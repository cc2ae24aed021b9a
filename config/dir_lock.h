/* SPDX-License-Identifier: Apache-2.0 */
/* dir_lock.h - one daemon a directory. */
#pragma once

#include "vswitch/base/err.h"

/* Make @dir when it is missing (its parent must exist), and lock DIR/lock for as long as the fd is
 * open.  @option names it in errors ("--run-dir").  The fd, or -errno with @e. */
[[nodiscard]] int dir_lock(const char *dir, const char *option, struct err *e);
/* Wait until nobody holds DIR/lock.  0, -ETIMEDOUT. */
[[nodiscard]] int dir_lock_wait(const char *dir, unsigned timeout_ms);
