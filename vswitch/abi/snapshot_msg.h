/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_msg.h - the whole configuration of the dataplane, flat, as the daemon sends it.
 *
 * A sealed memfd: header, networks, ports.  The engine copies it, validates every field
 * (bridge/snapshot.c) and swaps it in between two bursts; a bad one is refused whole.
 * Host byte order; same machine by construction. */
#pragma once

#include "vswitch/abi/limits.h"

#define SNAPSHOT_MAGIC UINT64_C(0x3170616e736b6c73) /* "slksnap1" */
#define SNAPSHOT_SIZE_MAX (1u << 20)

struct snap_network {
	uint16_t network_id;
	uint8_t mode; /* enum network_mode */
	uint8_t profile; /* enum network_profile */
	uint32_t
		ageing_s; /* seconds; 0: entries never age (Linux ageing_time 0 differs: see bridge/fdb.c) */
	uint32_t fdb_limit; /* dynamic entries; 0: as many as the table holds */
	uint16_t leg_vif_id; /* host leg, VIF_ID_NONE without */
	uint16_t mtu; /* bytes of IP */
	uint8_t leg_mac[6];
	uint8_t group_fwd_lo; /* bits 0..7 of Linux group_fwd_mask */
	uint8_t group_fwd_hi;
	char name[SAKLAR_NAME_LEN];
	uint8_t reserved[16];
};
static_assert(sizeof(struct snap_network) == 56, "layout is shared");

enum snap_port_flag {
	SNAP_PORT_UP = 1u << 0, /* link state wanted by the administrator */
	SNAP_PORT_LEARN = 1u << 1, /* learn source MACs */
	SNAP_PORT_FLOOD = 1u << 2, /* receives unknown unicast */
	SNAP_PORT_MCAST_FLOOD = 1u << 3,
	SNAP_PORT_BCAST_FLOOD = 1u << 4,
	SNAP_PORT_ISOLATED = 1u << 5, /* no traffic to other isolated ports */
	SNAP_PORT_HAIRPIN = 1u << 6,
	SNAP_PORT_LEG = 1u << 7, /* host leg: its MAC is static in the FDB */
	SNAP_PORT_FLAGS_ALL = (1u << 8) - 1,
};

struct snap_port {
	uint16_t vif_id;
	uint16_t network_id;
	uint32_t flags; /* enum snap_port_flag */
	uint32_t fdb_limit; /* dynamic entries of this vif; 0: no limit of its own */
	uint16_t mtu; /* bytes of IP, 68..65535 */
	uint8_t mac[6]; /* the guest's, zero when not known */
	uint8_t reserved[12];
	char name[SAKLAR_NAME_LEN];
};
static_assert(sizeof(struct snap_port) == 48, "layout is shared");

struct snap_hdr {
	uint64_t magic;
	uint64_t generation; /* counts up with every change */
	uint32_t size; /* of the whole message */
	uint32_t n_networks;
	uint32_t n_ports;
	uint32_t reserved[9];
	/* then n_networks struct snap_network, then n_ports struct snap_port */
};
static_assert(sizeof(struct snap_hdr) == 64, "layout is shared");
