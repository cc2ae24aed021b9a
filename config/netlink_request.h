/* SPDX-License-Identifier: Apache-2.0 */
/* netlink_request.h - what netlink_request.c and netlink_route.c share; nobody else includes it. */
#pragma once

#include "config/netlink.h"

#include <netlink/msg.h>
#include <netlink/netlink.h>

/* Send and wait for the kernel's word; @msg is freed.  0 or -errno. */
[[nodiscard]] int netlink_request_run(struct nl_msg *msg);
/* Dump @type and give every message to @each. */
[[nodiscard]] int netlink_request_dump(int type, int family, nl_recvmsg_msg_cb_t each, void *arg);
/* Kernel bytes of either family as our 16-byte form. */
bool netlink_to_ipaddr(const void *bytes, size_t len, struct ipaddr *out);
