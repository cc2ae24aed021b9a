/* SPDX-License-Identifier: Apache-2.0 */
/* netdev_bpf.h - put the program of vif/netdev.bpf.c on a netdev's ingress, and take it off.
 * Thread: the daemon's only one; acts in the daemon's own network namespace. */
#pragma once

#include "vswitch/base/base.h"
#include "vswitch/base/err.h"
#include "vswitch/base/netaddr.h"

/* Before the first attach: the segments that the programs look into, by enum segment_kind; NULL when
 * they are no BPF maps, and everything goes through the engine. */
void netdev_bpf_use(const int *segment_fd);
/* Filter the packet socket @fd, so that the kernel keeps what it has a verdict about; its device has
 * the tc program already.  0, or -errno: it stays as it is. */
[[nodiscard]] int netdev_bpf_filter(int fd);
/* The same for a socket on a device that the host shares, which gets what is for @mac and for groups.
 * Locks nothing. */
[[nodiscard]] int netdev_bpf_filter_own(int fd, const struct mac *mac);
/* The device that verdicts for @vif_id lead to; 0: none. */
void netdev_bpf_set_port(uint16_t vif_id, int ifindex);
/* *made_clsact: the qdisc was not there before.  Attaching again is no error. */
[[nodiscard]] int netdev_bpf_attach(int ifindex, bool *made_clsact, struct err *e);
bool netdev_bpf_is_attached(int ifindex);
/* As netdev_bpf_attach(), but all that no verdict takes goes on to the host.  @is_ours: so is the
 * clsact qdisc that is there; another's is left alone, since its programs might take what the socket's
 * filter has kept from the engine: -EEXIST. */
[[nodiscard]] int netdev_bpf_share(int ifindex, bool is_ours, struct err *e);
bool netdev_bpf_is_shared(int ifindex);
void netdev_bpf_detach(int ifindex); /* whichever is there */
[[nodiscard]] int netdev_bpf_remove_clsact(int ifindex);
/* Free the loaded program; what is attached stays. */
void netdev_bpf_fini(void);
