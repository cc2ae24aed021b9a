/* SPDX-License-Identifier: Apache-2.0 */
/* netns.h - network namespaces: find them, name them for good, work inside one.
 *
 * Only for the time of a call: a held fd, or a netlink socket made inside, would keep a namespace
 * alive that its owner has deleted.  Thread: the daemon's only one (setns(2) is per thread). */
#pragma once

#include "vswitch/base/err.h"

#include <sys/types.h>

struct netns_id {
	dev_t dev;
	ino_t ino;
};

/* @text: a name under /run/netns, or an absolute path.  An fd, -ENOENT when it does not exist (yet),
 * -EINVAL when it is no network namespace; with @e. */
[[nodiscard]] int netns_open(const char *text, struct err *e);
/* Identity of the namespace behind @fd, or of our own with fd -1. */
[[nodiscard]] int netns_identify(int fd, struct netns_id *out);
/* Go inside; *home is for netns_leave(). */
[[nodiscard]] int netns_enter(int fd, int *home);
void netns_leave(int home);
