/* SPDX-License-Identifier: Apache-2.0 */
/* xenstore.h - a connection to xenstored: keys, watches, transactions.
 *
 * Life: xenstore_open(); requests wait for their answer, ANSWER_MS at most; a xenstored that is gone, hangs or
 * talks nonsense ends the connection: ops->on_gone() is called from the loop and every request fails with
 * -ENOTCONN until xenstore_close().
 * Values come from guests and are hostile text: whoever reads them checks them.
 * Thread: the daemon's only one.  on_event is called from within requests too: it must not send any. */
#pragma once

#include "vswitch/base/base.h"

#define XENSTORE_VALUE_MAX \
	256 /* bytes of a value with its NUL; longer ones are nobody's honest value */

struct event_base;
struct xenstore;

struct xenstore_ops {
	/* Something at or below @path has changed; @path as it was watched. */
	void (*on_event)(void *arg, const char *path, const char *token);
	void (*on_gone)(void *arg);
};

/* Where xenstored is to be found on this host; NULL: nowhere. */
const char *xenstore_path(void);
/* NULL when nobody listens at @path. */
struct xenstore *xenstore_open(
	struct event_base *base, const char *path, const struct xenstore_ops *ops, void *arg);
void xenstore_close(struct xenstore *x);

/* 0: none */
typedef uint32_t xenstore_tx;
[[nodiscard]] int xenstore_begin(struct xenstore *x, xenstore_tx *tx);
/* -EAGAIN: somebody else changed what was read; nothing was written. */
[[nodiscard]] int xenstore_end(struct xenstore *x, xenstore_tx tx, bool commits);

/* The value of @path as text.  -E2BIG: longer than @size, or with a NUL in it; -ENOENT. */
[[nodiscard]] int xenstore_read(
	struct xenstore *x, xenstore_tx tx, const char *path, char *value, size_t size);
[[nodiscard]] int xenstore_write(
	struct xenstore *x, xenstore_tx tx, const char *path, const char *value);
/* Names below @path, one NUL behind each; returns how many bytes. */
[[nodiscard]] int xenstore_list(struct xenstore *x, const char *path, char *names, size_t size);
[[nodiscard]] int xenstore_watch(struct xenstore *x, const char *path, const char *token);
void xenstore_unwatch(struct xenstore *x, const char *path, const char *token);
