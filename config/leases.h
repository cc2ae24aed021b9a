/* SPDX-License-Identifier: Apache-2.0 */
/* leases.h - who has which address by DHCP, for people.  Thread: any; no state. */
#pragma once

#include "vswitch/base/netaddr.h"

#include <time.h>

#define LEASE_NAME_LEN 64

struct lease_row {
	time_t expires; /* 0: never */
	struct ipaddr addr;
	struct mac mac; /* zeros: of IPv6, where a guest is known by another id */
	char name
		[LEASE_NAME_LEN]; /* what the guest calls itself; "" without, or when it is no name */
};

/* The leases in the file @path (of dnsmasq) that are in force at @now; how many, at most @max.
 * Guests choose what stands in there, as far as DHCP lets them. */
unsigned leases_read(const char *path, time_t now, struct lease_row *out, unsigned max);
