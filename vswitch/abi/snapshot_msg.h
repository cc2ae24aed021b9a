/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_msg.h - the whole configuration of the dataplane, flat, as the daemon sends it.
 *
 * A sealed memfd: header, networks, ports, routers, addresses, routes, forwards, spanning trees,
 * their ports, meters, VLANs, multicast records, bindings, FDB entries, stations, mirrors.
 * The engine copies it, validates every field (bridge/snapshot.c) and swaps it in between two
 * bursts; a bad one is refused whole.  Host byte order (addresses and ports apart); same machine by
 * construction.
 *
 * What a routed network consists of; G is the guests' network, U its uplink:
 *   networks  G as always, with its mode and its host leg.  U is a network too: an id of its own
 *             that the model does not list, mode bridge, no leg, a name for messages ("G-up").
 *   ports     guests and leg in G; in U exactly the vif that leads out: the transit tap (uplink
 *             host), the netdev, or the vif of `vif:NAME`.  A vif is in one network only.
 *             Ports in U need UP | LEARN | FLOOD | MCAST_FLOOD | BCAST_FLOOD.
 *   routers   one for G: policy as its mode, uplink_id U, mac = G's leg_mac, mtu of G;
 *             flags NAT4 in mode nat, NAT6 in mode nat with nat_ipv6.
 *             One for U: policy UPLINK, uplink_id 0, a MAC of its own, mtu of the vif.
 *             Several G may share one U (they do when they name the same netdev).
 *   addresses OWN of G: each gateway address with the subnet's length; these subnets are the NET of
 *             libvirt's rules.  OWN of U: the transit address, or --uplink-address, with its
 *             length; the first of a family is what NAT4, NAT6 translate to.  U of mode nat needs
 *             one; in modes routed and open it serves ARP, ND and the sources of ICMP errors.
 *             HOST (network_id 0): every address of the host's own, live; frames to these go to
 *             the leg of the network they come from, untranslated.  Link-local IPv6 need not be
 *             listed.
 *   routes    in_network G: each subnet CONNECTED out G; a default VIA out U with next_hop the
 *             host's end of the transit, or --uplink-gateway; subnet of U CONNECTED out U when a
 *             LAN is there (netdev, vif).  in_network U: each subnet of each G CONNECTED out G;
 *             the subnet of U CONNECTED out U; the default VIA out U (answers to translated
 *             connections take it).  From G to another guests' network: a route only if the
 *             administrator wants one; else REJECT, or nothing (which is the same).
 *   forwards  uplink_id U; listen: the address of U, zeros for all of U's own; to_network G.
 *             With uplink `host` the host's DNAT rule sends to the transit address, same port.
 * No router for modes bridge and isolated.  A network with mode nat, routed or open whose uplink
 * is not there (yet) gets its router with uplink_id 0 and no default route. */
#pragma once

#include "vswitch/abi/ct_timeouts.h"
#include "vswitch/abi/limits.h"

#define SNAPSHOT_MAGIC UINT64_C(0x3170616e736b6c73) /* "slksnap1" */
#define SNAPSHOT_SIZE_MAX (2u << 20)

enum snap_vlan_mode {
	SNAP_VLAN_NONE, /* tags are bytes like others */
	SNAP_VLAN_8021Q,
	SNAP_VLAN_8021AD, /* VLANs by service tag; customers' tags are bytes like others */
	SNAP_VLAN_N
};

enum snap_network_flag {
	SNAP_NETWORK_MTU_ICMP = 1u << 0, /* who sends what is too large for a vif is told */
	SNAP_NETWORK_FLAGS_ALL = (1u << 1) - 1,
};

struct snap_network {
	uint16_t network_id;
	uint8_t mode; /* enum network_mode */
	uint8_t profile; /* enum network_profile */
	uint32_t ageing_s; /* seconds; 0: nothing is learned, as with Linux */
	uint32_t fdb_limit; /* dynamic entries; 0: as many as the table holds */
	uint16_t leg_vif_id; /* host leg, VIF_ID_NONE without */
	uint16_t mtu; /* bytes of IP */
	uint8_t leg_mac[6];
	uint8_t group_fwd_lo; /* bits 0..7 of Linux group_fwd_mask */
	uint8_t group_fwd_hi;
	char name[SAKLAR_NAME_LEN];
	uint32_t neigh_limit; /* neighbours of the router port; 0: NEIGH_NETWORK_MAX */
	uint8_t vlan; /* enum snap_vlan_mode */
	uint8_t flags; /* enum snap_network_flag */
	uint8_t reserved[10];
};
static_assert(sizeof(struct snap_network) == 56, "layout is shared");

enum snap_port_flag {
	SNAP_PORT_UP = 1u << 0, /* set up, and the device has a carrier */
	SNAP_PORT_LEARN = 1u << 1, /* learn source MACs */
	SNAP_PORT_FLOOD = 1u << 2, /* receives unknown unicast */
	SNAP_PORT_MCAST_FLOOD = 1u << 3,
	SNAP_PORT_BCAST_FLOOD = 1u << 4,
	SNAP_PORT_ISOLATED = 1u << 5, /* no traffic to other isolated ports */
	SNAP_PORT_HAIRPIN = 1u << 6,
	SNAP_PORT_LEG = 1u << 7, /* host leg: its MAC is static in the FDB */
	/* Set up; a frame that comes in proves the carrier that the daemon has not heard of yet. */
	SNAP_PORT_HEARS = 1u << 8,
	SNAP_PORT_ACCESS = 1u << 9, /* takes no tagged frame; a priority tag once */
	SNAP_PORT_LOCKED = 1u << 10, /* lets in only sources that have an entry on it */
	SNAP_PORT_NEIGH_SUPPRESS = 1u << 11, /* no ARP or ND floods that the bridge can answer */
	SNAP_PORT_UPLINK = 1u << 12, /* leads out: what guests say to bridges does not go there */
	SNAP_PORT_STANDBY = 1u << 13, /* another uplink is in use: neither sent to nor heard */
	SNAP_PORT_FLAGS_ALL = (1u << 14) - 1,
};

enum snap_guard_flag {
	SNAP_GUARD_HIDDEN = 1u << 0, /* nothing that the other guards cannot look into */
	SNAP_GUARD_MAC = 1u << 1, /* MACs that frames, ARP and ND name are the port's */
	SNAP_GUARD_IP = 1u << 2, /* addresses they name are bound to it; nothing but IP */
	SNAP_GUARD_NO_DHCP = 1u << 3, /* is no DHCP server */
	SNAP_GUARD_NO_RA = 1u << 4, /* is no router */
	SNAP_GUARD_ALL = (1u << 5) - 1,
};

struct snap_port {
	uint16_t vif_id;
	uint16_t network_id;
	uint32_t flags; /* enum snap_port_flag */
	uint32_t fdb_limit; /* dynamic entries of this vif; 0: no limit of its own */
	uint16_t mtu; /* bytes of IP, 68..65535 */
	uint8_t mac[6]; /* the guest's, zero when not known */
	uint32_t connection_limit; /* that this vif has begun; 0: the network's profile says */
	uint32_t half_open_limit; /* of these without an answer; 0: likewise */
	uint16_t unresolved_limit; /* neighbours it asks for; 0: NEIGH_UNRESOLVED_MAX */
	uint8_t guard; /* enum snap_guard_flag */
	uint8_t reserved[1];
	uint16_t group_fwd; /* Linux group_fwd_mask of the port; bit 1 (pause) is never set */
	uint8_t reserved1[6];
	char name[SAKLAR_NAME_LEN];
};
static_assert(sizeof(struct snap_port) == 56, "layout is shared");

enum snap_policy {
	SNAP_POLICY_NONE,
	SNAP_POLICY_UPLINK, /* leads out; the engine itself answers for its addresses */
	SNAP_POLICY_NAT, /* out: from NET; in: only what belongs to a connection */
	SNAP_POLICY_ROUTED, /* out: from NET; in: to NET */
	SNAP_POLICY_OPEN, /* no rules */
	SNAP_POLICY_N
};

enum snap_router_flag {
	SNAP_ROUTER_NAT4 = 1u << 0, /* masquerade IPv4 behind the uplink's first address */
	SNAP_ROUTER_NAT6 = 1u << 1, /* the same for IPv6; else policy NAT is ROUTED for IPv6 */
	/* with one of these: whoever is outside reaches a port that a guest has been given */
	SNAP_ROUTER_OPEN_PORTS = 1u << 2,
	SNAP_ROUTER_FLAGS_ALL = (1u << 3) - 1,
};

/* The port by which the router is connected to a network. */
struct snap_router {
	uint16_t network_id;
	uint16_t uplink_id; /* network of the uplink; NETWORK_ID_NONE: is one, or has none */
	uint8_t policy; /* enum snap_policy */
	uint8_t flags; /* enum snap_router_flag */
	uint16_t mtu; /* bytes of IP, 68..65535; with an IPv6 address at least 1280 */
	uint8_t mac[6];
	uint16_t port_min; /* of translated connections; 0: NAT_PORT_MIN */
	uint16_t port_max; /* 0: 65535 */
	uint8_t reserved[2];
	uint32_t timeout_s[CT_TIMEOUT_N]; /* of its guests' connections; 0: the default */
};
static_assert(sizeof(struct snap_router) == 72, "layout is shared");

enum snap_addr_kind {
	SNAP_ADDR_OWN = 1, /* of the router port of network_id */
	SNAP_ADDR_HOST = 2, /* of the host; network_id 0 */
	/* .count addresses from .addr on, of the uplink of network_id, that what leaves it is
	 * translated to instead of the uplink's first; .len 0 */
	SNAP_ADDR_POOL = 3,
};
struct snap_addr {
	uint8_t addr[16]; /* IPv4 as v4-mapped, here and below */
	uint16_t network_id;
	uint8_t kind; /* enum snap_addr_kind */
	uint8_t len; /* prefix length of its own family: 0..32 or 0..128 */
	uint16_t count; /* POOL; else 0 */
	uint8_t reserved[2];
};
static_assert(sizeof(struct snap_addr) == 24, "layout is shared");

enum snap_route_kind {
	SNAP_ROUTE_CONNECTED = 1, /* the destination is a neighbour in out_network */
	SNAP_ROUTE_VIA = 2, /* next_hop is */
	SNAP_ROUTE_REJECT = 3, /* ICMP port unreachable, as libvirt's rules say it */
	SNAP_ROUTE_UNREACHABLE = 4, /* ICMP net unreachable */
	SNAP_ROUTE_BLACKHOLE = 5, /* silence */
};
/* Each ingress network has a table of its own.  The longest prefix wins; a prefix once a table. */
struct snap_route {
	uint8_t prefix[16];
	uint8_t next_hop[16]; /* VIA, same family as the prefix; else zeros */
	uint16_t in_network;
	uint16_t out_network; /* CONNECTED, VIA; has a router; else NETWORK_ID_NONE */
	uint8_t kind; /* enum snap_route_kind */
	uint8_t len; /* of the prefix, own family */
	uint8_t reserved[2];
};
static_assert(sizeof(struct snap_route) == 40, "layout is shared");

struct snap_forward {
	uint8_t listen[16]; /* zeros: every own address of the uplink, of to_addr's family */
	uint8_t to_addr[16];
	be16 listen_port;
	be16 to_port;
	uint16_t uplink_id;
	uint16_t to_network;
	/* 6 TCP, 17 UDP; 0: whatever comes to .listen, which is an address of its own beside those of
	 * the uplink, and what .to_addr begins leaves with it; ports are 0 */
	uint8_t proto;
	uint8_t reserved;
	be16 listen_last; /* ports up to this one lead to as many from to_port on; 0: one port */
	uint8_t reserved2[4];
};
static_assert(sizeof(struct snap_forward) == 48, "layout is shared");

enum snap_meter_kind {
	SNAP_METER_FROM, /* bytes that the vif sends */
	SNAP_METER_TO, /* bytes that are sent to it */
	SNAP_METER_STORM, /* frames it floods, of those classes that have no meter of their own */
	SNAP_METER_STORM_UNICAST, /* to unknown destinations */
	SNAP_METER_STORM_BCAST,
	SNAP_METER_STORM_MCAST, /* to groups that nobody has registered */
	SNAP_METER_N
};
/* What a vif may send or get.  Without a record of its kind: as much as it likes. */
struct snap_meter {
	uint16_t vif_id;
	uint8_t kind; /* enum snap_meter_kind; one of each a vif */
	uint8_t reserved[5];
	uint64_t rate; /* a second, 1..METER_RATE_MAX */
	uint64_t peak; /* FROM, TO: a second while the burst lasts; 0: as fast as it comes */
	uint64_t burst; /* at once after a pause, 1..METER_BURST_MAX */
};
static_assert(sizeof(struct snap_meter) == 32, "layout is shared");

/* The spanning tree of a network; one without a record has none. */
struct snap_stp {
	uint16_t network_id;
	uint16_t priority;
	uint8_t version; /* 0: STP only; 2: RSTP */
	uint8_t hello_s, max_age_s, forward_delay_s;
	uint8_t mac[6]; /* in the bridge's id */
	uint8_t reserved[2];
};
static_assert(sizeof(struct snap_stp) == 16, "layout is shared");

enum snap_stp_port_flag {
	SNAP_STP_EDGE = 1u << 0,
	SNAP_STP_AUTO_EDGE = 1u << 1,
	SNAP_STP_BPDU_GUARD = 1u << 2, /* in networks without spanning tree too */
	SNAP_STP_ROOT_GUARD = 1u << 3,
	SNAP_STP_LOOP_PROTECT = 1u << 4, /* in networks without spanning tree too */
	SNAP_STP_PORT_FLAGS_ALL = (1u << 5) - 1,
};
/* A vif without a record: cost and priority of the standard, SNAP_STP_AUTO_EDGE. */
struct snap_stp_port {
	uint16_t vif_id;
	uint8_t priority; /* 0..240 in steps of 16 */
	uint8_t flags; /* enum snap_stp_port_flag */
	uint32_t cost; /* 1..STP_COST_MAX; 0: the standard's */
};
static_assert(sizeof(struct snap_stp_port) == 8, "layout is shared");

enum snap_vlan_flag {
	SNAP_VLAN_PVID = 1u << 0, /* untagged frames come in here; one VID, one a vif */
	SNAP_VLAN_UNTAGGED = 1u << 1, /* go out without the tag */
	SNAP_VLAN_FLAGS_ALL = (1u << 2) - 1,
};
/* VLANs of a vif in a VLAN-aware network.  A vif without any is in VLAN 1, PVID and untagged. */
struct snap_vlan {
	uint16_t vif_id;
	uint16_t first, last; /* 1..4094 */
	uint16_t flags; /* enum snap_vlan_flag */
};
static_assert(sizeof(struct snap_vlan) == 8, "layout is shared");

/* What multicast snooping is to know.  A network that snoops has a record; a vif that is not like a
 * port of the Linux bridge; each static entry. */
enum snap_mcast_kind {
	SNAP_MCAST_NETWORK = 1,
	SNAP_MCAST_VIF = 2,
	SNAP_MCAST_ENTRY = 3,
};
enum snap_mcast_flag {
	SNAP_MCAST_QUERIER = 1u << 0, /* NETWORK: send queries when nobody else does */
	SNAP_MCAST_PER_VLAN = 1u << 1, /* NETWORK: queriers and routers of each VLAN apart */
	SNAP_MCAST_IGMP3 = 1u << 2, /* NETWORK: IGMPv3, with sources; else IGMPv2 */
	SNAP_MCAST_MLD2 = 1u << 3, /* NETWORK: MLDv2, with sources; else MLDv1 */
	SNAP_MCAST_NETWORK_FLAGS = (1u << 4) - 1,
	SNAP_MCAST_FAST_LEAVE = 1u << 4, /* VIF: one host: who leaves is forgotten at once */
	SNAP_MCAST_VIF_FLAGS = SNAP_MCAST_FAST_LEAVE,
	SNAP_MCAST_HAS_SOURCE = 1u << 5, /* ENTRY: packets from .source only */
	SNAP_MCAST_ENTRY_FLAGS = SNAP_MCAST_HAS_SOURCE,
};
enum snap_mcast_router {
	SNAP_MCAST_ROUTER_AUTO, /* learned from queries and hellos */
	SNAP_MCAST_ROUTER_OFF, /* never */
	SNAP_MCAST_ROUTER_ALWAYS,
	SNAP_MCAST_ROUTER_DENY, /* never, and queries and hellos from it are dropped */
	SNAP_MCAST_ROUTER_N
};
struct snap_mcast_network {
	uint32_t limit; /* groups and sources; 0: none */
	uint32_t query_ms, response_ms, membership_ms, querier_ms, startup_ms, last_member_ms;
	uint8_t startup_count, last_member_count;
	uint8_t mac[6]; /* source of queries, and of the link-local address that asks for MLD */
};
struct snap_mcast_vif {
	uint16_t vif_id;
	uint8_t router; /* enum snap_mcast_router */
	uint8_t reserved;
	uint32_t limit; /* groups and sources; 0: none */
	uint32_t rate; /* IGMP and MLD messages a second; 0: any */
};
struct snap_mcast_entry {
	uint16_t vif_id;
	uint16_t vid; /* 0: the network is not VLAN-aware */
	uint8_t group[16]; /* IPv4 as v4-mapped; a MAC as 01:00:..:00 and its 6 bytes */
	uint8_t source[16];
};
struct snap_mcast {
	uint8_t kind; /* enum snap_mcast_kind */
	uint8_t flags; /* enum snap_mcast_flag */
	uint16_t network_id;
	union {
		struct snap_mcast_network network;
		struct snap_mcast_vif vif;
		struct snap_mcast_entry entry;
	};
};
static_assert(sizeof(struct snap_mcast) == 40, "layout is shared");

/* Addresses that the guest behind a vif may use.  Ascending by vif_id. */
struct snap_binding {
	uint8_t addr[16];
	uint16_t vif_id;
	uint8_t len; /* prefix length of its own family */
	uint8_t reserved[5];
};
static_assert(sizeof(struct snap_binding) == 24, "layout is shared");

enum snap_fdb_flag {
	SNAP_FDB_STICKY = 1u << 0, /* does not move when its address is seen elsewhere */
	SNAP_FDB_FLAGS_ALL = (1u << 1) - 1,
};
/* An entry of the forwarding table that the administrator wants; on a host leg: a local one. */
struct snap_fdb {
	uint16_t vif_id;
	uint16_t vid; /* 1..4094 in VLAN-aware networks, else 0 */
	uint8_t mac[6];
	uint16_t flags; /* enum snap_fdb_flag */
};
static_assert(sizeof(struct snap_fdb) == 12, "layout is shared");

/* Who has an address, for vifs with SNAP_PORT_NEIGH_SUPPRESS.  Ascending by network and address. */
struct snap_station {
	uint16_t network_id;
	uint8_t mac[6];
	uint8_t addr[16];
};
static_assert(sizeof(struct snap_station) == 24, "layout is shared");

enum snap_mirror_direction {
	SNAP_MIRROR_RX = 1u << 0, /* what vifs send into the switch */
	SNAP_MIRROR_TX = 1u << 1, /* what they get from it */
	SNAP_MIRROR_BOTH = SNAP_MIRROR_RX | SNAP_MIRROR_TX,
};
/* One vif gets copies of what another one, or a whole network, has to do with.  What is zero is not
 * asked about. */
struct snap_mirror {
	uint16_t target_id; /* vif that gets the copies; it is in no network */
	uint16_t vif_id; /* whose packets; VIF_ID_NONE: all of the network's */
	uint16_t network_id; /* NETWORK_ID_NONE exactly with .vif_id */
	uint16_t vid;
	uint8_t directions; /* enum snap_mirror_direction */
	uint8_t proto; /* IP protocol */
	be16 ether_type;
	be16 port; /* of either side */
	uint8_t has_prefix; /* 1: either address is in .addr/.len */
	uint8_t len; /* of its own family */
	uint8_t addr[16];
};
static_assert(sizeof(struct snap_mirror) == 32, "layout is shared");

struct snap_hdr {
	uint64_t magic;
	uint64_t generation; /* counts up with every change */
	uint32_t size; /* of the whole message */
	uint32_t n_networks;
	uint32_t n_ports;
	uint32_t n_routers;
	uint32_t n_addrs;
	uint32_t n_routes;
	uint32_t n_forwards;
	uint32_t n_meters;
	uint32_t n_vlans;
	uint32_t n_mcasts;
	uint16_t n_bindings, n_mirrors;
	uint32_t n_fdb;
	uint32_t n_stp;
	uint32_t n_stp_ports;
	uint32_t n_stations;
	uint32_t reserved[5];
	/* then the networks, ports, routers, addresses, routes, forwards, spanning trees, their ports,
	 * meters, VLANs, multicast records, bindings, FDB entries, stations, mirrors, each n_ of them */
};
static_assert(sizeof(struct snap_hdr) == 96, "layout is shared");
