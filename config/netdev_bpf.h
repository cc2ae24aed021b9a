/* SPDX-License-Identifier: Apache-2.0 */
/* netdev_bpf.h - put the program of vif/netdev.bpf.c on a netdev's ingress, and take it off.
 * Thread: the daemon's only one; acts in the daemon's own network namespace. */
#pragma once

#include "vswitch/base/base.h"
#include "vswitch/base/err.h"

/* *made_clsact: the qdisc was not there before.  Attaching again is no error. */
[[nodiscard]] int netdev_bpf_attach(int ifindex, bool *made_clsact, struct err *e);
bool netdev_bpf_is_attached(int ifindex);
void netdev_bpf_detach(int ifindex);
[[nodiscard]] int netdev_bpf_remove_clsact(int ifindex);
/* Free the loaded program; what is attached stays. */
void netdev_bpf_fini(void);
