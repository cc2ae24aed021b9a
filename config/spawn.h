/* SPDX-License-Identifier: Apache-2.0 */
/* spawn.h - start other programs: the engine and dnsmasq, which outlive the daemon, and nft.
 * Nobody else may reap children of this daemon: never call waitpid(-1). */
#pragma once

#include "vswitch/base/err.h"

#include <sys/types.h>

/* Start argv[0] (absolute, or looked for in PATH) in a new session, stdin from /dev/null, every fd
 * above 2 closed, @fd3 (-1: none) as fd 3.  The pid, or -errno with @e, also when exec fails. */
[[nodiscard]] pid_t spawn_start(const char *const argv[], int fd3, struct err *e);

/* Run argv[0] to its end with @input on stdin; what it writes to stdout and stderr is in @output
 * (cut, NUL-terminated).  Killed after @timeout_ms.  Exit status, or -errno with @e. */
[[nodiscard]] int spawn_run(const char *const argv[], const char *input, char *output, size_t size,
	int timeout_ms, struct err *e);

/* Does @pid run with @word among its arguments?  Guards against pids that were used again. */
bool spawn_has_argument(pid_t pid, const char *word);
/* The number in a pidfile, or 0. */
pid_t spawn_read_pidfile(const char *path);
