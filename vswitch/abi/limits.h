/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h - sizes that daemon and engine must agree on. */
#pragma once

#include "vswitch/base/base.h"

/* Vif ids are given by the daemon, kept in its store, and are what all tables hold. */
#define VIF_ID_NONE 0
#define VIF_ID_MAX 1024 /* ids 1..1023 */
#define NETWORK_ID_NONE 0
#define NETWORK_ID_MAX 256 /* ids 1..255 */
#define VIF_QUEUES_MAX 8
#define WORKERS_MAX 8

/* Largest frame that crosses the switch: 65,535 bytes of IP, Ethernet header and one VLAN tag. */
#define FRAME_LEN_MAX (65535 + 14 + 4)

enum vif_type {
	VIF_TYPE_NONE,
	VIF_TYPE_TAP, /* netdev side of a tap whose fd a VMM holds */
	VIF_TYPE_NETDEV, /* an existing kernel netdev: veth, physical NIC */
	VIF_TYPE_HOST, /* the engine holds the tap's fd; the other side is the host's stack */
	VIF_TYPE_NETFRONT, /* rings of a Xen guest's PV driver */
	VIF_TYPE_VHOST, /* a VMM's vhost-user front end; the engine holds the sockets */
	VIF_TYPE_MEM, /* tests: arrays in, arrays out */
	VIF_TYPE_N
};

enum network_mode {
	NETWORK_MODE_NONE,
	NETWORK_MODE_BRIDGE,
	NETWORK_MODE_ISOLATED,
	NETWORK_MODE_NAT, /* guests reach the uplink with its address */
	NETWORK_MODE_ROUTED, /* guests reach the uplink with their own address */
	NETWORK_MODE_OPEN, /* routed, without rules */
	NETWORK_MODE_N
};

enum network_profile {
	PROFILE_PLAIN, /* what Linux and libvirt do by default */
	PROFILE_TENANT, /* guards and quotas on */
};

/* vhost-user. */
#define VHOST_RINGS_MAX (2 * VIF_QUEUES_MAX) /* even: the guest receives by it; odd: it sends */
#define VHOST_REGIONS_MAX 128 /* of a guest's memory: each is an fd that is kept */
#define VHOST_STATE_SIZE (64u << 10) /* of the memfd that outlives an engine */

/* Routed networks: what a snapshot may hold.  An uplink takes a network id of its own. */
#define ROUTERS_MAX NETWORK_ID_MAX
#define ROUTER_ADDRS_MAX 1088 /* own addresses of router ports and of the host, and pools */
#define ROUTES_MAX 1024
#define FORWARDS_MAX 1024
#define METERS_MAX (VIF_ID_MAX * 6) /* one of each kind a vif */
#define METER_RATE_MAX UINT64_C(125000000000) /* 1 Tb/s */
#define METER_BURST_MAX UINT64_C(2147483647)
#define VLAN_RANGES_MAX 16384 /* of all vifs */
#define VLAN_VIF_RANGES_MAX 64 /* of one vif */
#define VLAN_VID_MAX 4094
#define VLAN_VID_DEFAULT 1 /* of vifs that have no list of their own, and of host legs */
#define STORM_RATE_TENANT 1000 /* frames a second that a vif of profile tenant may have flooded */
#define STORM_BURST_TENANT 2000
#define MDB_ENTRIES_MAX 4096 /* static ones, of all networks */
#define MCAST_RECORDS_MAX (NETWORK_ID_MAX + VIF_ID_MAX + MDB_ENTRIES_MAX)
#define BINDINGS_MAX 8192 /* addresses of guests, of all vifs */
#define BINDINGS_VIF_MAX 64
#define FDB_STATIC_MAX 8192 /* entries that administrators want, of all vifs */
#define FDB_VIF_STATIC_MAX 64 /* of one vif */
#define STATIONS_MAX 8192 /* whose addresses the bridge may tell, of all networks */
#define MIRRORS_MAX 64 /* sources of copies, of all vifs that get them */
#define MIRROR_VIF_MAX 16 /* of one such vif */
#define NAT_PORT_MIN 1024 /* guests never get a privileged port */

#define NEIGH_TABLE_MAX 8191 /* neighbours of all networks */
#define NEIGH_NETWORK_MAX 1024 /* neighbours of a network */
#define NEIGH_UNRESOLVED_MAX 64 /* that one vif has asked for */
#define NEIGH_QUEUE_MAX 96 /* packets that wait for a neighbour; Linux: 101 */
#define NEIGH_HELD_VIF_MAX 192 /* packets of one vif that wait, for whomever */
#define NAT_MAPS_MAX 256 /* addresses outside that are one guest's, of all networks */
#define SNAP_FORWARDS_MAX (FORWARDS_MAX + NAT_MAPS_MAX)
#define NAT_POOLS_MAX 64 /* ranges of addresses of all networks */
#define NAT_POOL_MAX 1024 /* addresses of a range */
#define CT_VIF_PORTS_MAX 2048 /* ports of an address that a vif of profile tenant may hold */
#define CT_PORT_SETS 24 /* addresses and protocols whose ports are counted */
#define FRAG_WAIT_NS UINT64_C(1000000000) /* that fragments wait for each other */
#define FRAG_HELD_MAX 384 /* fragments that wait, of all vifs */
#define FRAG_HELD_BIG_MAX 16 /* of these in big buffers */
#define FRAG_VIF_HELD_MAX 96 /* of one vif */
#define FRAG_VIF_DATAGRAMS_MAX 64 /* that one vif may have begun */
#define FRAG_PIECES_MAX 48 /* of one datagram: 65,535 bytes in Ethernet's pieces */
#define FRAG_LEN_MIN 400 /* bytes of payload in a fragment that is not the last */
#define CT_TABLE_MAX 65535 /* connections of all vifs */
#define CT_VIF_MAX 16384 /* connections that a vif of profile tenant may have begun */
#define CT_VIF_HALF_OPEN_MAX (CT_VIF_MAX / 4)

/* Spanning trees: ranges of Linux, and of IEEE 802.1D-2004 for ports. */
#define STP_HELLO_MIN_S 1
#define STP_HELLO_MAX_S 10
#define STP_MAX_AGE_MIN_S 6
#define STP_MAX_AGE_MAX_S 40
#define STP_FORWARD_DELAY_MIN_S 2
#define STP_FORWARD_DELAY_MAX_S 30
#define STP_PORT_PRIORITY_MAX 240
#define STP_COST_MAX 200000000
#define STP_COST_RSTP 2000 /* 10 Gbit/s, table 17-3 */
#define STP_COST_STP 2 /* the same in 16 bits, as Linux has it */
