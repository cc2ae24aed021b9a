/* SPDX-License-Identifier: Apache-2.0 */
/* static_route.c - text to struct static_route and back.
 *
 * From: schema_value.c, schema_network.c, rpc_static_route.c.
 * Thread: any; no state. */
#include "config/static_route.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int static_route_parse(const char *text, struct static_route *out)
{
	const char *comma = strchr(text, ',');
	char net[IPNET_STR_LEN];

	memset(out, 0, sizeof(*out));
	if (comma == NULL || (size_t)(comma - text) >= sizeof(net))
		return -EINVAL;
	memcpy(net, text, (size_t)(comma - text));
	net[comma - text] = '\0';
	return ipnet_parse(net, &out->net) == 0 ? ip_parse(comma + 1, &out->via) : -EINVAL;
}

char *static_route_print(const struct static_route *r, char *buf)
{
	char net[IPNET_STR_LEN], via[IP_STR_LEN];

	snprintf(buf, STATIC_ROUTE_TEXT_LEN, "%s,%s", ipnet_print(&r->net, net),
		ip_print(&r->via, via));
	return buf;
}
