/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_mcast.h - what multicast snooping is to know, the part of a snapshot that bridge/mdb.c
 * reads. */
#pragma once

#include "bridge/snapshot.h"

#include <stdbool.h>

#define MCAST_NET_FAMILIES 2 /* IPv4, IPv6: enum mcast_family */

struct mcast_net {
	bool is_on;
	bool is_querier;
	bool is_per_vlan; /* queriers and routers of each VLAN apart */
	bool has_filters[MCAST_NET_FAMILIES + 1]; /* by family: IGMPv3, MLDv2; of layer 2: no */
	uint16_t network_id;
	uint32_t limit; /* groups and sources; 0: none */
	uint8_t startup_count, last_member_count;
	uint8_t mac[6]; /* source of queries */
	uint64_t query_ns, response_ns, membership_ns, querier_ns, startup_ns, last_member_ns;
};

struct mcast_vif {
	uint8_t router; /* enum snap_mcast_router */
	bool is_fast_leave;
	uint32_t limit; /* groups and sources; 0: none */
	uint32_t rate; /* messages a second; 0: any */
};

struct snapshot_mcast {
	struct mcast_net net[NETWORK_ID_MAX];
	struct mcast_vif vif[VIF_ID_MAX];
	uint32_t n_entries;
	struct snap_mcast entry[]; /* [n_entries], kind SNAP_MCAST_ENTRY */
};

/* Check and index the @n records at @at; networks and ports are in @s already. */
[[nodiscard]] int snapshot_take_mcast(
	struct snapshot *s, const uint8_t *at, uint32_t n, struct err *e);
