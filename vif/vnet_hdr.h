/* SPDX-License-Identifier: Apache-2.0 */
/* vnet_hdr.h - struct virtio_net_hdr <-> the offload fields of struct pkt.
 *
 * In: a header comes from the kernel, which checked it, or through it from a guest; nothing in it
 * is believed before pkt_parse() has compared it with the frame's own headers.
 * Out: made from the fields that pkt_parse() checked; no byte of an incoming header is copied. */
#pragma once

#include "vif/pkt.h"

#include <linux/virtio_net.h>

/* Since Linux 6.2; headers of older kernels do not name it. */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

/* Fill the offload fields of @p from @h.  @vlan_len: bytes of a VLAN tag that rx put back into the
 * frame and that the kernel's offsets do not count (4 or 0).  What cannot be expressed is dropped
 * with GSO_BAD. */
void vnet_hdr_decode(const struct virtio_net_hdr *h, uint16_t vlan_len, struct pkt *p);

/* Write the header that describes @p to a tap or packet socket.  Needs pkt_parse(). */
void vnet_hdr_encode(const struct pkt *p, struct virtio_net_hdr *h);
