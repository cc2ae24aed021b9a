/* SPDX-License-Identifier: Apache-2.0 */
/* router_check.h - may this IP packet be routed at all?  For bridge/router.c. */
#pragma once

#include "vif/pkt.h"

/* Checks that need nothing but the IP header of @p, which pkt_parse() has vouched for. */
enum drop_reason router_check_ip(const struct pkt *p);
/* Does the length in the UDP header of @p, which is there, fit the packet? */
bool router_check_udp_len(const struct pkt *p);
/* Is @addr that of all in its subnet, whose prefix is @len long? */
bool router_check_is_broadcast(uint8_t len, const uint8_t addr[16]);
