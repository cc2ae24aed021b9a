/* SPDX-License-Identifier: Apache-2.0 */
/* netdev_uso.h - UDP segmentation offload of the device at the other end of a veth vif.
 *
 * A sender with UDP_SEGMENT hands super-frames to its device; kernels before 6.2 have no word for
 * them in a virtio-net header and refuse to give them to a packet socket.  Where the sender's device
 * can be reached, the offload is switched off there, so that its kernel segments; elsewhere such
 * frames are lost and counted as rx_unexpressible.  Thread: the daemon's only one. */
#pragma once

#include "config/netlink.h"

/* Can a kernel of this release ("6.1.0-13-amd64") express them?  Pure. */
bool netdev_uso_is_expressible(const char *release);
/* Of the peer of @link: 1 on, 0 off, or -errno: no veth, or a namespace without a name. */
[[nodiscard]] int netdev_uso_get(const struct link *link);
/* 0 or -errno. */
[[nodiscard]] int netdev_uso_set(const struct link *link, bool is_on);
