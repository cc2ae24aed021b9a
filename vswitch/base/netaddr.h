/* SPDX-License-Identifier: Apache-2.0 */
/* netaddr.h - Ethernet and IP addresses and prefixes: parse, print, compare.
 *
 * IP addresses are 16-byte keys, IPv4 as v4-mapped (RFC 4291 §2.5.5.2), so that there is one code
 * path for both families.  All bytes are in network order. */
#pragma once

#include "vswitch/base/base.h"

struct mac {
	uint8_t b[6];
};
struct ipaddr {
	uint8_t b[16];
};
struct ipnet {
	struct ipaddr addr; /* as written; host bits may be set */
	uint8_t len; /* prefix length of its own family: 0..32 or 0..128 */
};

#define MAC_STR_LEN 18
#define IP_STR_LEN 46
#define IPNET_STR_LEN 50

/* "52:54:00:12:34:56" (also with '-'); 0 or -EINVAL. */
[[nodiscard]] int mac_parse(const char *text, struct mac *out);
/* Print lower case with colons into @buf of MAC_STR_LEN; returns @buf. */
char *mac_print(const struct mac *m, char *buf);
bool mac_is_zero(const struct mac *m);
bool mac_is_multicast(const struct mac *m);

/* IPv4 or IPv6 literal without zone; 0 or -EINVAL. */
[[nodiscard]] int ip_parse(const char *text, struct ipaddr *out);
char *ip_print(const struct ipaddr *a, char *buf /* IP_STR_LEN */);
bool ip_is_v4(const struct ipaddr *a);

/* "192.168.77.0/24", "fd00::/64"; the slash is required; 0 or -EINVAL. */
[[nodiscard]] int ipnet_parse(const char *text, struct ipnet *out);
char *ipnet_print(const struct ipnet *n, char *buf /* IPNET_STR_LEN */);
/* Do the two prefixes share an address? */
bool ipnet_overlaps(const struct ipnet *a, const struct ipnet *b);
bool ipnet_contains(const struct ipnet *n, const struct ipaddr *a);
/* Are all host bits zero? */
bool ipnet_is_network(const struct ipnet *n);
/* The @index-th address of @n (0 is the network's own); false when it is outside. */
bool ipnet_host(const struct ipnet *n, uint64_t index, struct ipaddr *out);
/* Number of addresses, saturating at UINT64_MAX. */
uint64_t ipnet_size(const struct ipnet *n);
