/* SPDX-License-Identifier: Apache-2.0 */
/* pkt_parse.h - the only door through which a guest's bytes become offsets. */
#pragma once

#include "vif/burst.h"

/* Headers of an IPv6 chain that are walked before the packet counts as malformed. */
#define PKT_IP6_EXT_MAX 8
/* Smallest segment a GSO frame may ask for, and the most segments it may become. */
#define PKT_GSO_SIZE_MIN 8
#define PKT_GSO_SEGS_MAX 512

/* Fill the offsets and the address-class flags of every packet, check its offload metadata against
 * its own headers, and drop what does not fit.  Before: m, len, in_vif and the offload fields are
 * set by rx, and .drop where they make no sense; everything else may hold what the last burst left.  Never reads beyond the linear
 * part of an mbuf.  Worker thread. */
void pkt_parse(struct burst *b);

/* The same for one packet. */
void pkt_parse_one(struct pkt *p);

/* Offset of the checksum in a header of @ip_proto, or -1 when it has none that can be partial. */
int pkt_csum_offset_of(uint8_t ip_proto);

/* Length of the IPv6 extension header @proto at @h, of which 8 bytes are there; 0: it is none. */
uint32_t pkt_ip6_ext_len(uint8_t proto, const uint8_t *h);
