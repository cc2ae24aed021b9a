/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot.h - the immutable configuration that workers read.
 *
 * Life: ctl.c gets a SNAPSHOT message, snapshot_create() validates and indexes it, the worker
 * swaps the pointer between two bursts, the control thread frees the old one afterwards.
 * Stable for a whole burst; nothing in here is written after creation. */
#pragma once

#include "bridge/fib.h"
#include "vswitch/abi/snapshot_msg.h"
#include "vswitch/base/err.h"
#include "vswitch/base/netaddr.h"

struct snapshot_network {
	struct snap_network conf;
	uint16_t n_ports;
	const uint16_t *ports; /* vif ids, ascending */
	uint8_t mirror_directions; /* enum snap_mirror_direction; somebody gets copies of all it has */
};

#define ROUTER_OWN_MAX 16 /* addresses of one router port */

/* The router's port on a network, by network id; conf.network_id == 0: there is none. */
struct snapshot_router {
	struct snap_router conf;
	uint8_t n_own;
	bool has_pool; /* an uplink: addresses of pools are its own too */
	bool has_maps; /* an uplink: so are those of single guests; a guests' network: it has such */
	bool has_open_ports; /* an uplink: some of its guests' ports are for everybody */
	bool has_ct; /* packets that come in here may belong to a connection */
	const struct snap_addr *own; /* [n_own] */
	struct fib fib;
};

/* VLANs of a port: a bit for each VID. */
struct vlan_set {
	uint16_t pvid; /* 0: none */
	uint64_t member[64];
	uint64_t untagged[64];
};

/* An entry of the forwarding table that the administrator wants. */
struct snapshot_fdb {
	uint16_t network_id, vid;
	uint8_t mac[6];
	uint16_t vif_id;
	bool is_sticky, is_local;
};

/* Who gets copies of which packets. */
struct snapshot_mirror {
	struct snap_mirror conf;
	struct ipnet net; /* with .has_prefix */
};

/* In .flags of a port, beside those of the message: what the packet path asks without looking at
 * anything but the port. */
#define SNAPSHOT_PORT_VLANS (UINT32_C(1) << 31)
#define SNAPSHOT_PORT_WATCHED (UINT32_C(1) << 30) /* its state is asked for: bridge/stp_run.h */
#define SNAPSHOT_PORT_TAKES_BPDUS \
	(UINT32_C(1) << 29) /* as well: for its spanning tree or BPDU guard */
#define SNAPSHOT_PORT_MIRROR_RX (UINT32_C(1) << 28) /* somebody gets copies of what it sends */
#define SNAPSHOT_PORT_MIRROR_TX (UINT32_C(1) << 27) /* or gets */
#define SNAPSHOT_PORT_MIRRORED (SNAPSHOT_PORT_MIRROR_RX | SNAPSHOT_PORT_MIRROR_TX)
static_assert((SNAP_PORT_FLAGS_ALL
		      & (SNAPSHOT_PORT_VLANS | SNAPSHOT_PORT_WATCHED | SNAPSHOT_PORT_TAKES_BPDUS
			      | SNAPSHOT_PORT_MIRRORED))
		== 0,
	"flags of two owners");

/* Spanning trees, by network and by vif; conf.network_id, .vif_id == 0: not there. */
struct snapshot_stp {
	struct snap_stp network[NETWORK_ID_MAX];
	struct snap_stp_port port[VIF_ID_MAX];
};

/* What a guest may use. */
struct snapshot_bindings {
	uint16_t n;
	const struct snap_binding *at;
};

struct snapshot {
	uint64_t generation;
	uint16_t n_networks, n_ports;
	uint16_t n_routers, n_host_addrs, n_forwards;
	struct snapshot_router router[NETWORK_ID_MAX];
	const uint8_t (*host_addr)[16]; /* ascending */
	const struct snap_route *route;
	struct snapshot_stp *stp; /* NULL: no network and no vif has anything of it */
	struct fib guests; /* subnets of guests' networks; the route's out_network says whose */
	const struct snap_forward *forward; /* ascending; snapshot_forward() finds */
	uint16_t n_pools;
	const struct snap_addr *pool; /* [n_pools] */
	uint16_t n_maps;
	const uint16_t *map; /* [n_maps] forwards of protocol 0 by network and guest, ascending */
	/* index: network id, vif id; conf.network_id / vif_id == 0: not there */
	struct snapshot_network network[NETWORK_ID_MAX];
	struct snap_port port[VIF_ID_MAX];
	uint8_t has_meters; /* bit: enum snap_meter_kind; some vif has one */
	uint16_t meter_of[VIF_ID_MAX][SNAP_METER_N]; /* 0: none; else index in .meter, and one */
	struct snap_meter *meter;
	/* Of ports of VLAN-aware networks, which have SNAPSHOT_PORT_VLANS in .flags; else NULL. */
	const struct vlan_set *vlans[VIF_ID_MAX];
	bool has_vlans; /* is any network VLAN-aware? */
	struct vlan_set *vlan_sets; /* where they are */
	struct snapshot_mcast *mcast; /* bridge/snapshot_mcast.h; NULL: no network snoops */
	struct snapshot_bindings bindings[VIF_ID_MAX];
	struct snap_binding *binding; /* where they are */
	uint32_t n_fdb;
	struct snapshot_fdb *fdb; /* [n_fdb], ascending by network, VLAN, MAC */
	bool has_neigh_suppress; /* some port has SNAP_PORT_NEIGH_SUPPRESS */
	uint16_t n_stations;
	struct snap_station *station; /* ascending */
	uint8_t mirror_directions; /* enum snap_mirror_direction, of all of them */
	uint32_t n_mirrors;
	struct snapshot_mirror *mirror; /* [n_mirrors], ascending by target */
};

/* Validate @bytes (a copy, not the shared memfd) and index it.  NULL with @e (path names the
 * offending item) when anything is out of bounds; nothing is taken in part. */
struct snapshot *snapshot_create(const void *bytes, size_t len, struct err *e);
void snapshot_destroy(struct snapshot *s);

/* Is @addr one of the router port's own? */
bool snapshot_is_own(const struct snapshot *s, uint16_t network_id, const uint8_t addr[16]);
/* Is @addr in one of the subnets of the router port? */
bool snapshot_in_net(const struct snapshot *s, uint16_t network_id, const uint8_t addr[16]);
/* Is @addr in a subnet of guests' networks, of which @network_id is none or another? */
bool snapshot_is_others_guest(
	const struct snapshot *s, uint16_t network_id, const uint8_t addr[16]);
/* Is @addr one of the host's own? */
bool snapshot_is_host(const struct snapshot *s, const uint8_t addr[16]);
/* First own address of the family on @network_id, NULL: none. */
const uint8_t *snapshot_own_addr(const struct snapshot *s, uint16_t network_id, bool is_v4);
/* The own address whose subnet holds @addr, else the first of its family; NULL: none. */
const uint8_t *snapshot_own_near(
	const struct snapshot *s, uint16_t network_id, const uint8_t addr[16]);
/* The address of @network_id's pool for the guest with @hash, and what else there is when @attempt
 * counts up; false: it has no pool of the family, or no further address. */
bool snapshot_pool_addr(const struct snapshot *s, uint16_t network_id, bool is_v4, uint64_t hash,
	unsigned attempt, uint8_t out[16]);
/* What says that guest @addr of @network_id has an address outside of its own, NULL: it has none. */
const struct snap_forward *snapshot_map_of(
	const struct snapshot *s, uint16_t network_id, const uint8_t addr[16]);
/* The port that @f leads @port of its own to. */
be16 snapshot_forward_port(const struct snap_forward *f, be16 port);
/* The forward for what comes to @addr : @port of an uplink, or the guest whose address that is
 * (protocol 0); NULL: none. */
const struct snap_forward *snapshot_forward(const struct snapshot *s, uint16_t uplink_id,
	uint8_t proto, be16 port, const uint8_t addr[16]);

/* The meter of @vif_id, which is below VIF_ID_MAX; NULL: none. */
static inline const struct snap_meter *snapshot_meter(
	const struct snapshot *s, uint16_t vif_id, enum snap_meter_kind kind)
{
	uint16_t at = s->meter_of[vif_id][kind];

	return at != 0 ? &s->meter[at - 1] : NULL;
}
/* The entry that the administrator wants, NULL: none. */
const struct snapshot_fdb *snapshot_fdb(
	const struct snapshot *s, uint16_t network_id, uint16_t vid, const uint8_t mac[6]);

static inline const struct snap_port *snapshot_port(const struct snapshot *s, uint16_t vif_id)
{
	if (vif_id >= VIF_ID_MAX || s->port[vif_id].vif_id == VIF_ID_NONE)
		return NULL;
	return &s->port[vif_id];
}
