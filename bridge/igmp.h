/* SPDX-License-Identifier: Apache-2.0 */
/* igmp.h - IGMPv1 (RFC 1112), IGMPv2 (RFC 2236), IGMPv3 (RFC 3376), and what else tells of
 * routers over IPv4. */
#pragma once

#include "bridge/mcast_msg.h"

/* The part of mcast_parse() for frames that say they are IPv4. */
void igmp_parse(const struct pkt *p, uint32_t l3_off, uint8_t *room, struct mcast_msg *out);
