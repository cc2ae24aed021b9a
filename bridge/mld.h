/* SPDX-License-Identifier: Apache-2.0 */
/* mld.h - MLDv1 (RFC 2710), MLDv2 (RFC 3810), and multicast router advertisements over IPv6. */
#pragma once

#include "bridge/mcast_msg.h"

/* The part of mcast_parse() for frames that say they are IPv6. */
void mld_parse(const struct pkt *p, uint32_t l3_off, uint8_t *room, struct mcast_msg *out);
