/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - the end of a process that found its own bug.
 *
 * From: CHECK() anywhere.  To: abort(3); whoever watches the process restarts it.
 * Theory: stopping at the first broken invariant is cheaper than running on with wrong tables.
 * Invariants: no allocation and no lock, for the heap or a lock may be what is broken.
 * Thread: any. */
#include "vswitch/base/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

_Noreturn void check_failed(const char *expr, const char *file, int line)
{
	char text[256];
	int len = snprintf(text, sizeof(text), "CHECK failed: %s at %s:%d\n", expr, file, line);

	if (len >= (int)sizeof(text)) {
		len = (int)sizeof(text) - 1;
		text[len - 1] = '\n';
	}
	while (len > 0 && write(STDERR_FILENO, text, (size_t)len) < 0 && errno == EINTR)
		;
	abort();
}
