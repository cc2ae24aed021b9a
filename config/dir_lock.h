/* SPDX-License-Identifier: Apache-2.0 */
/* dir_lock.h - one daemon a directory. */
#pragma once

#include "vswitch/base/base.h"
#include "vswitch/base/err.h"

/* Make @dir when it is missing (its parent must exist), and lock DIR/lock for as long as the fd is
 * open.  @option names it in errors ("--run-dir").  @note is left in the file for dir_lock_note().
 * The fd, or -errno with @e. */
[[nodiscard]] int dir_lock(const char *dir, const char *option, const char *note, struct err *e);
/* What the last one that locked @dir left; it stays when its process is dead.  False: nothing. */
bool dir_lock_note(const char *dir, char *out, size_t size);
/* Wait until nobody holds DIR/lock.  0, -ETIMEDOUT. */
[[nodiscard]] int dir_lock_wait(const char *dir, unsigned timeout_ms);
