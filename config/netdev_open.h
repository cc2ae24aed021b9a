/* SPDX-License-Identifier: Apache-2.0 */
/* netdev_open.h - get the fds through which the engine reaches a kernel netdev.
 *
 * What it makes is ready: non-blocking, bound, offloads set.  The engine only reads and writes.
 * Ownership: fds belong to the caller.  Thread: the daemon's only one. */
#pragma once

#include "config/vif_want.h"
#include "vswitch/abi/engine_msg.h"
#include "vswitch/base/err.h"

struct netlink;

struct netdev_fds {
	unsigned n;
	int fd[XEN_FDS_MAX]; /* of its queues; netfront: and of gntdev */
	int ifindex;
	uint32_t flags; /* enum msg_vif_flag */
};

/* A host vif or leg: create its tap, or take up the one that carries @alias; move it into @ns_fd
 * (-1: none), named want->ifname.  @known: the links of this namespace, to look for it among;
 * NULL: ask the kernel for all of them. */
[[nodiscard]] int netdev_open_host(const struct vif_want *want, const char *alias, int ns_fd,
	const struct netlink *known, struct netdev_fds *out, struct err *e);
/* Give the tap away: it vanishes when its last fd is closed. */
void netdev_forget_host(const struct netdev_fds *fds);
/* Does the tap of @fd still exist? */
bool netdev_is_alive(int fd);
/* The tap's name now, in whatever namespace; 0 or -errno. */
[[nodiscard]] int netdev_tap_name(int fd, char name[SAKLAR_NAME_LEN]);
/* Let the guest see the cable pulled (or not). */
void netdev_set_carrier(const struct netdev_fds *fds, bool has_carrier);

/* The netdev side: a packet socket.  @only NULL: everything, and the tc program must be on the device
 * already; else what is for this MAC or for all, beside the host's own use of the device.
 * @has_uso: this kernel's vnet headers can say UDP segmentation. */
[[nodiscard]] int netdev_open_socket(
	int ifindex, const struct mac *only, bool has_uso, struct netdev_fds *out, struct err *e);
/* Whoever holds @fd later sees no more than its filter lets pass. */
[[nodiscard]] int netdev_lock_filter(int fd, struct err *e);
/* A persistent tap for a VMM: multi-queue exactly when the VMM will ask for several queues. */
[[nodiscard]] int netdev_create_tap(const struct vif_want *want, const char *alias, struct err *e);
/* Is a packet socket for all protocols bound to @ifindex, other than those of @own_inodes? */
bool netdev_has_foreign_socket(int ifindex, const uint64_t *own_inodes, unsigned n_own);

void netdev_close(struct netdev_fds *fds);
