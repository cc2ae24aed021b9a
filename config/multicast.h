/* SPDX-License-Identifier: Apache-2.0 */
/* multicast.h - what networks and vifs are told about multicast, as text and as structs.
 *
 * Intervals: "query=125,response=10" in seconds with up to three digits behind the point; names are
 *   query response membership querier startup last-member startup-count last-member-count
 * and what is not named has the default of the Linux bridge.
 * Groups: "GROUP[,SOURCE][,vlan=VID]"; GROUP is an IPv4 or IPv6 group or the MAC of one. */
#pragma once

#include "vswitch/abi/snapshot_msg.h"
#include "vswitch/base/err.h"
#include "vswitch/base/netaddr.h"

#define MULTICAST_GROUPS_MAX 32 /* static ones of a vif */
#define MULTICAST_TEXT_LEN 192

struct multicast_intervals {
	uint32_t query_ms, response_ms, membership_ms, querier_ms, startup_ms, last_member_ms;
	uint32_t startup_count, last_member_count;
};
extern const struct multicast_intervals multicast_defaults;

struct multicast_group {
	struct ipaddr group; /* a MAC as struct snap_mcast_entry has it */
	bool has_source;
	struct ipaddr source;
	uint16_t vid; /* 0: none said */
};

/* Of a network. */
struct multicast_net_cfg {
	bool is_off; /* no snooping: groups are flooded */
	bool is_querier;
	bool is_per_vlan;
	uint8_t igmp_version, mld_version; /* 0: the default, 2 and 1 */
	uint32_t limit; /* 0: the profile's */
	struct multicast_intervals intervals;
	struct mac mac; /* source of queries where there is no host leg; zero: none needed */
};

/* Of a vif. */
struct multicast_vif_cfg {
	uint8_t router; /* enum snap_mcast_router, and one; 0: the profile's */
	bool is_fast_leave;
	uint32_t limit, rate; /* 0: the profile's */
	unsigned n_groups;
	struct multicast_group group[MULTICAST_GROUPS_MAX];
};

#define MULTICAST_LIMIT_PLAIN 4096u /* Linux: mcast_hash_max */
#define MULTICAST_LIMIT_TENANT 2048u
#define MULTICAST_VIF_LIMIT_TENANT 64u
#define MULTICAST_VIF_RATE_TENANT 100u

/* 0, or -EINVAL with @e, which names the word and what would be right. */
[[nodiscard]] int multicast_intervals_parse(
	const char *text, const char *path, struct multicast_intervals *out, struct err *e);
/* What differs from the defaults; "" when nothing does. */
const char *multicast_intervals_print(
	const struct multicast_intervals *v, char buf[MULTICAST_TEXT_LEN]);
[[nodiscard]] int multicast_group_parse(
	const char *text, const char *path, struct multicast_group *out, struct err *e);
const char *multicast_group_print(const struct multicast_group *g, char buf[MULTICAST_TEXT_LEN]);
/* The group alone, as text. */
const char *multicast_addr_print(const uint8_t addr[16], char buf[IP_STR_LEN]);
bool multicast_is_mac(const struct multicast_group *g);
bool multicast_group_is_same(const struct multicast_group *a, const struct multicast_group *b);
