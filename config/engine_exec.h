/* SPDX-License-Identifier: Apache-2.0 */
/* engine_exec.h - how an engine process comes to life: its socket, its arguments, its user. */
#pragma once

#include "config/reconcile.h"

#include <sys/types.h>

#define ENGINE_EXIT_NO_HUGEPAGES 75 /* EX_TEMPFAIL: hugepages were short */

/* Bind RUN/engine.sock and start the engine with it.  The pid, or -errno with @e. */
[[nodiscard]] pid_t engine_exec(const struct daemon_paths *paths, bool no_huge, struct err *e);
/* Connect to RUN/engine.sock; the fd, or -errno (-ECONNREFUSED, -ENOENT: nobody there). */
[[nodiscard]] int engine_exec_connect(const char *run_dir);
/* The engine that RUN/engine.pid names, checked to be one; 0: none. */
pid_t engine_exec_find_pid(const char *run_dir);
/* Why the engine behind @pidfd, our child, ended, for people.  True: by its own will, which says more than why
 * somebody stopped believing in it.  *no_huge is set when the next one had better start without hugepages. */
bool engine_exec_describe_death(
	int pidfd, const struct daemon_paths *paths, bool *no_huge, char *text, size_t size);
/* It was stopped on purpose: remove its pidfile and its socket. */
void engine_exec_forget(const char *run_dir);
