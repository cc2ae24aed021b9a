/* SPDX-License-Identifier: Apache-2.0 */
/* stop.h - saklard --stop: end an instance wholly, from outside. */
#pragma once

#include "config/reconcile.h"

/* Where the last daemon of @run_dir kept its state; @out stays as it is when that is not known. */
void stop_find_state_dir(const char *run_dir, char *out, size_t size);
/* Ask the daemon of @paths to end with everything it runs, and wait until it has; when there is
 * no daemon, take its place for a moment and clean up what it left. */
[[nodiscard]] int stop_instance(const struct daemon_paths *paths, struct err *e);
