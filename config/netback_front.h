/* SPDX-License-Identifier: Apache-2.0 */
/* netback_front.h - read and judge what a guest has written about its rings.
 * Thread: the daemon's only one. */
#pragma once

#include "config/xen_rings.h"
#include "config/xenstore.h"

/* A decimal number of at most @max.  -EINVAL: anything else, leading zeros and blanks too. */
[[nodiscard]] int netback_number(const char *text, uint32_t max, uint32_t *out);

/* The value of the key @name in the folder @path: 0, -ENOENT, or what xenstore_read() says. */
[[nodiscard]] int netback_key(
	struct xenstore *x, const char *path, const char *name, char value[XENSTORE_VALUE_MAX]);

/* Fill @out, whose ids are set, from the front end's folder.  -EINVAL with what is wrong, as text for
 * the administrator; -ENOTCONN: xenstored is gone. */
[[nodiscard]] int netback_front_read(struct xenstore *x, const char *path, unsigned max_queues,
	struct xen_front *out, struct err *e);
