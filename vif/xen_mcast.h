/* SPDX-License-Identifier: Apache-2.0 */
/* xen_mcast.h - the group addresses that a guest wants to receive.
 *
 * Changed by the worker that receives from the guest, asked by those that send to it: each entry is
 * one atomic word, and a search may miss an entry only while it is being added or removed. */
#pragma once

#include "vswitch/base/base.h"

#define XEN_MCAST_MAX 64

struct xen_mcast {
	uint64_t mac[XEN_MCAST_MAX]; /* 0: free */
};

/* 0; -ENOSPC: no room; -EINVAL: not a group address. */
[[nodiscard]] int xen_mcast_add(struct xen_mcast *m, const uint8_t *mac);
void xen_mcast_del(struct xen_mcast *m, const uint8_t *mac);
bool xen_mcast_has(const struct xen_mcast *m, const uint8_t *mac);
