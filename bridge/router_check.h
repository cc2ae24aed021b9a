/* SPDX-License-Identifier: Apache-2.0 */
/* router_check.h - may this IP packet be routed at all?  For bridge/router.c. */
#pragma once

#include "vif/pkt.h"

/* Checks that need nothing but the IP header of @p, which pkt_parse() has vouched for. */
enum drop_reason router_check_ip(const struct pkt *p);
