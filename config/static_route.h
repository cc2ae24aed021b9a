/* SPDX-License-Identifier: Apache-2.0 */
/* static_route.h - a way that the administrator named: a prefix and the router that leads there.
 *
 * "10.9.0.0/16,192.168.77.5": one word, in the schema, the store and exported files.
 * Thread: any; no state. */
#pragma once

#include "vswitch/base/err.h"
#include "vswitch/base/netaddr.h"

#define NETWORK_ROUTES_MAX 16
#define STATIC_ROUTE_TEXT_LEN (IPNET_STR_LEN + IP_STR_LEN)

struct static_route {
	struct ipnet net;
	struct ipaddr via;
};
static_assert(sizeof(struct static_route) == 33, "compared as bytes: no padding");

/* 0 or -EINVAL; whether it fits the network is model_check()'s. */
[[nodiscard]] int static_route_parse(const char *text, struct static_route *out);
char *static_route_print(const struct static_route *r, char *buf /* STATIC_ROUTE_TEXT_LEN */);
