/* SPDX-License-Identifier: Apache-2.0 */
/* background.h - become a daemon, and tell the one who started us when we serve. */
#pragma once

#include "vswitch/base/err.h"

/* Close every fd but stdin, stdout, stderr; make those that are closed /dev/null. */
void background_close_fds(void);
/* Fork into the background.  In the child: the fd for background_ready(); the parent waits for that
 * and exits with 0, or with 1 when the child ends before. */
[[nodiscard]] int background_enter(struct err *e);
/* Let the parent go; from now on stderr is RUN/saklard.log. */
void background_ready(int fd, const char *run_dir);
