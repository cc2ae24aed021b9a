/* SPDX-License-Identifier: Apache-2.0 */
/* guard_text.h - as whom a guest may speak, as administrators write it.
 *
 * Words with blanks or commas between:
 *   off             as whom it likes
 *   mac             with its own MAC, in frames, ARP and ND; as no DHCP server and no router
 *   10.0.0.5        and with these addresses only; several, with a prefix length if need be; xl's ip=
 *   dhcp            and with those that the network's DHCP has promised or given to its MAC
 *   dhcp-server     but as a DHCP server
 *   router          but with router advertisements and redirects */
#pragma once

#include "vswitch/base/base.h"
#include "vswitch/base/err.h"
#include "vswitch/base/netaddr.h"

#define GUARD_ADDRS_MAX 32
#define GUARD_TEXT_LEN 2048

struct guard_cfg {
	bool is_set; /* else the profile's */
	bool has_mac; /* with everything but off */
	bool has_dhcp, may_serve_dhcp, may_route;
	unsigned n_addrs;
	struct ipnet addr[GUARD_ADDRS_MAX];
};

/* 0, or -EINVAL with @e, which names the word and the rule. */
[[nodiscard]] int guard_text_parse(
	const char *text, const char *path, struct guard_cfg *out, struct err *e);
/* The same text for the same guard; "" when nobody set it. */
const char *guard_text_print(const struct guard_cfg *g, char buf[GUARD_TEXT_LEN]);
/* Does it bind addresses? */
bool guard_has_addresses(const struct guard_cfg *g);
