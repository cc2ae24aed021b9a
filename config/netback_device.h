/* SPDX-License-Identifier: Apache-2.0 */
/* netback_device.h - one back end of netback.c's table; nobody else includes it.
 * Thread: the daemon's only one. */
#pragma once

#include "config/netback.h"
#include "config/xenstore.h"

#define NETBACK_FOLDER "backend/vif" /* below this domain's own folder */

struct netback_device {
	struct netback_dev is;
	bool is_dirty; /* to be looked at */
	bool has_changed; /* reconcile has to know; taken by netback.c */
	bool is_gone;
	bool was_claimed, was_served;
	bool is_told; /* a run of reconcile could have claimed it */
	unsigned queues; /* to be offered */
	uint32_t tokens; /* of netback.c's burst */
	uint64_t tokens_ns; /* when they were counted */
};

/* Hear of changes of the guest's state, or no more. */
void netback_device_watch(struct xenstore *x, const struct netback_device *d, bool on);
/* What both ends and the toolstack say now, in d->is and d->is_gone.  False: xenstored is gone. */
[[nodiscard]] bool netback_device_look(struct xenstore *x, struct netback_device *d);
void netback_device_step(struct xenstore *x, struct netback_device *d);
void netback_device_refuse(struct netback_device *d, const char *why);
