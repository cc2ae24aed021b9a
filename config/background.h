/* SPDX-License-Identifier: Apache-2.0 */
/* background.h - become a daemon, and tell the one who started us when we serve. */
#pragma once

#include "vswitch/base/err.h"

/* Close every fd but stdin, stdout, stderr; make those that are closed /dev/null. */
void background_close_fds(void);
/* Fork into the background; stdin and stdout become /dev/null, stderr RUN/saklard.log, so that no
 * child of ours holds on to the caller's.  In the child: 0; the parent waits for
 * background_ready() and exits with 0, or with the child's exit code when it ends before. */
[[nodiscard]] int background_enter(const char *run_dir, struct err *e);
/* Let the parent go. */
void background_ready(void);
/* We will not serve: the caller's stderr is stderr again. */
void background_failed(void);
