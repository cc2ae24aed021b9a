/* SPDX-License-Identifier: Apache-2.0 */
/* schema_multicast_rows.h - the rows about multicast; for config/schema.c, which has the others. */
#pragma once

#include "config/schema.h"

/* A boolean: --FLAG, and --no-FLAG. */
#define MULTICAST_BOOL(key_, flag_, def_, doc_, no_doc_)                                      \
	{ .key = key_, .flag = flag_, .kind = FIELD_BOOL, .def = def_, .doc = doc_ },         \
	{                                                                                     \
		.key = key_, .flag = "no-" flag_, .kind = FIELD_BOOL, .flags = FIELD_NEGATED, \
		.doc = no_doc_                                                                \
	}

static const char *const multicast_router_values[] = { "auto", "off", "always", "deny", NULL };

#define MULTICAST_NETWORK_FIELDS                                                                  \
	MULTICAST_BOOL("multicast_snooping", "multicast-snooping", "on",                          \
		"send multicast only to vifs that want it, once somebody asks them (a querier)",  \
		"flood multicast"),                                                               \
		MULTICAST_BOOL("multicast_querier", "multicast-querier", "off",                   \
			"ask which groups vifs want, when no router does", "do not ask"),         \
		MULTICAST_BOOL("multicast_per_vlan", "multicast-per-vlan", "off",                 \
			"queriers and routers of each VLAN count there only",                     \
			"they count in all VLANs of the network"),                                \
		{ .key = "multicast_igmp",                                                        \
			.flag = "multicast-igmp",                                                 \
			.arg = "2|3",                                                             \
			.kind = FIELD_U32,                                                        \
			.min = 2,                                                                 \
			.max = 3,                                                                 \
			.def = "2",                                                               \
			.doc = "3: filter by sources of IPv4 groups too" },                       \
		{ .key = "multicast_mld",                                                         \
			.flag = "multicast-mld",                                                  \
			.arg = "1|2",                                                             \
			.kind = FIELD_U32,                                                        \
			.min = 1,                                                                 \
			.max = 2,                                                                 \
			.def = "1",                                                               \
			.doc = "2: filter by sources of IPv6 groups too" },                       \
		{ .key = "multicast_limit",                                                       \
			.flag = "multicast-limit",                                                \
			.arg = "N",                                                               \
			.kind = FIELD_U32,                                                        \
			.min = 0,                                                                 \
			.max = 16384,                                                             \
			.def = "0 (4096; profile tenant: 2048)",                                  \
			.doc = "groups and sources of the network at most; when there are more, " \
			       "multicast is flooded" },                                          \
		{ .key = "multicast_intervals",                                                   \
			.flag = "multicast-intervals",                                            \
			.arg = "NAME=SECONDS,...",                                                \
			.kind = FIELD_STRING,                                                     \
			.max = 160,                                                               \
			.def = "query=125,response=10,membership=260,querier=255,startup=31.25,"  \
			       "last-member=1,startup-count=2,last-member-count=2",               \
			.doc = "when groups are asked for and forgotten" },                       \
	{                                                                                         \
		.key = "multicast_mac", .flag = "multicast-mac", .arg = "MAC", .kind = FIELD_MAC, \
		.def = "the host leg's, or generated",                                            \
		.doc = "MAC address that asks, and whose link-local address does"                 \
	}

#define MULTICAST_VIF_FIELDS                                                                       \
	{ .key = "multicast_router",                                                               \
		.flag = "multicast-router",                                                        \
		.arg = "WHEN",                                                                     \
		.kind = FIELD_ENUM,                                                                \
		.values = multicast_router_values,                                                 \
		.def = "auto (profile tenant: deny)",                                              \
		.doc                                                                               \
		= "send it all multicast: auto, when it asks or says hello as a router does; "     \
		  "off; always; deny: off, and what it asks is dropped" },                         \
		MULTICAST_BOOL("multicast_fast_leave", "multicast-fast-leave", "off",              \
			"one guest is behind it: forget a group as soon as it leaves",             \
			"ask for other members when one leaves"),                                  \
		{ .key = "multicast_limit",                                                        \
			.flag = "multicast-limit",                                                 \
			.arg = "N",                                                                \
			.kind = FIELD_U32,                                                         \
			.min = 0,                                                                  \
			.max = 16384,                                                              \
			.def = "0 (profile tenant: 64; plain: none)",                              \
			.doc = "groups and sources that the vif may ask for" },                    \
		{ .key = "multicast_rate",                                                         \
			.flag = "multicast-rate",                                                  \
			.arg = "N",                                                                \
			.kind = FIELD_U32,                                                         \
			.min = 0,                                                                  \
			.max = 1000000,                                                            \
			.def = "0 (profile tenant: 100; plain: any)",                              \
			.doc = "IGMP and MLD messages a second from the vif at most" },            \
	{                                                                                          \
		.key = "multicast_groups", .flag = "multicast-group",                              \
		.arg = "GROUP[,SOURCE][,vlan=VID]", .kind = FIELD_STRING, .flags = FIELD_LIST,     \
		.max = 120,                                                                        \
		.doc = "a group that is always sent to the vif; saklar mdb add and del change one" \
	}
