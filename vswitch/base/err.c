/* SPDX-License-Identifier: Apache-2.0 */
/* err.c - fill and prefix the errors that humans read.
 *
 * From: config/, tools/ and whatever opens a vif.  To: the one place that prints or sends it.
 * Theory: the layer that finds a fault knows best what is wrong, the layers above know in what; so
 * the first err_set() stays and each layer on the way up may add a prefix.
 * Invariants: texts are always terminated; too long ones are cut.
 * Thread: no state; the caller owns the struct. */
#include "vswitch/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void err_write(struct err *e, int code, const char *path, const char *fmt, ...)
{
	va_list args;

	if (!e || e->code)
		return;
	e->code = code;
	snprintf(e->path, sizeof(e->path), "%s", path ? path : "");
	va_start(args, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, args);
	va_end(args);
}

void err_prefix(struct err *e, const char *fmt, ...)
{
	struct err old;
	va_list args;
	size_t len;

	if (!e || !e->code)
		return;
	old = *e;
	va_start(args, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, args);
	va_end(args);
	len = strlen(e->msg);
	snprintf(e->msg + len, sizeof(e->msg) - len, ": %s", old.msg);
}
