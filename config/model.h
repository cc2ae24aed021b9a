/* SPDX-License-Identifier: Apache-2.0 */
/* model.h - the desired state as plain structs: what the administrator asked for.
 *
 * Who: store.c loads and saves it, rpc_methods.c changes a copy and swaps it in when it is valid
 * and durable, reconcile.c only reads it.  Ids are given once, kept in the store and never used
 * for another object while its entries may still stand in a shared table.
 * Thread: the daemon has one. */
#pragma once

#include "config/ct_times.h"
#include "config/dhcp_words.h"
#include "config/fdb_list.h"
#include "config/guard_text.h"
#include "config/mirror_list.h"
#include "config/multicast.h"
#include "config/rate_text.h"
#include "config/static_route.h"
#include "config/storm_text.h"
#include "config/vlan_list.h"
#include "vswitch/abi/limits.h"
#include "vswitch/base/err.h"
#include "vswitch/base/netaddr.h"

#define NETWORK_SUBNETS_MAX 8
#define DHCP_RANGES_MAX 8
#define DHCP_HOSTS_MAX 256
#define NETNS_PATH_LEN 128
#define HOSTNAME_LEN 64
#define SOCKET_PATH_LEN 108 /* struct sockaddr_un */
#define UPLINK_ADDRESSES_MAX 2 /* one a family */
#define NAT_ADDRESSES_MAX 4
#define NAT_MAPS_NETWORK_MAX 32
#define HOST_ADDRESSES_MAX \
	512 /* of the host's own that the engine is told; routers' have the rest */

struct dhcp_range {
	struct ipaddr first, last;
};
struct dhcp_host {
	struct mac mac;
	struct ipaddr addr;
	char name[HOSTNAME_LEN]; /* "" without */
};

enum uplink_kind {
	UPLINK_NONE, /* modes bridge and isolated */
	UPLINK_HOST, /* a transit tap into the host, which routes and masquerades */
	UPLINK_NETDEV, /* a device with a MAC and an address of our own on its LAN */
	UPLINK_VIF, /* a vif that is attached to no network */
};

enum stp_mode {
	STP_OFF, /* BPDUs are frames like others */
	STP_STP, /* ForceVersion 0 */
	STP_RSTP,
};
struct stp_cfg {
	enum stp_mode mode;
	uint16_t priority; /* default 32768 */
	uint8_t hello_s, max_age_s, forward_delay_s; /* defaults 2, 20, 15 */
	struct mac mac; /* in the bridge's id; the leg's where there is one */
};
enum stp_edge {
	STP_EDGE_AUTO, /* an edge port once no BPDU has come for 3 s */
	STP_EDGE_ON,
	STP_EDGE_OFF,
};
enum loop_protect {
	LOOP_PROTECT_AUTO, /* in profile tenant */
	LOOP_PROTECT_ON,
	LOOP_PROTECT_OFF,
};
struct stp_port_cfg {
	uint8_t priority; /* 0..240, default 128 */
	uint32_t cost; /* 0: by the version */
	enum stp_edge edge;
	bool has_bpdu_guard, has_root_guard;
	enum loop_protect loop_protect;
};

/* What leads out of a network.  It is a segment of its own for the engine, with one port, so it
 * has a network id and (unless it is a vif of the model) a vif id that no verb sees. */
struct uplink_cfg {
	enum uplink_kind kind;
	char name[SAKLAR_NAME_LEN]; /* of the device or vif; "" for host */
	unsigned n_addresses;
	struct ipnet address[UPLINK_ADDRESSES_MAX]; /* the router's, with host bits */
	unsigned n_gateways;
	struct ipaddr gateway[UPLINK_ADDRESSES_MAX];
	uint16_t network_id; /* NETWORK_ID_NONE exactly with UPLINK_NONE */
	uint16_t vif_id; /* of transit tap or device; VIF_ID_NONE with UPLINK_VIF */
	struct mac mac; /* of the router on the uplink */
};

/* 1:1: whatever is for @outside is the guest's, and the guest is seen as that. */
struct nat_map {
	struct ipaddr outside, guest;
};

struct network_cfg {
	uint16_t id; /* 1..NETWORK_ID_MAX-1 */
	char name[SAKLAR_NAME_LEN]; /* also the netdev name of the host leg */
	enum network_mode mode;
	enum network_profile profile;
	unsigned n_subnets;
	struct ipnet subnet[NETWORK_SUBNETS_MAX];
	struct ipaddr gateway[NETWORK_SUBNETS_MAX]; /* of subnet[i]; the host leg's address */
	bool has_dhcp;
	unsigned n_dhcp_ranges;
	struct dhcp_range dhcp_range[DHCP_RANGES_MAX];
	unsigned n_dhcp_hosts;
	struct dhcp_host *dhcp_host;
	unsigned n_neighbours;
	struct dhcp_host *neighbour; /* who has an address, for vifs with .is_neigh_suppressed */
	char domain[HOSTNAME_LEN];
	struct dhcp_words dhcp;
	uint16_t mtu; /* bytes of IP; default 1500 */
	uint32_t ageing_s; /* default 300 */
	uint32_t fdb_limit; /* 0: as many as the table holds */
	uint32_t neighbour_limit; /* 0: NEIGH_NETWORK_MAX */
	uint8_t vlan_filtering; /* enum snap_vlan_mode: are its vifs in VLANs? */
	struct fdb_list fdb; /* behind the host leg */
	uint16_t group_fwd_mask;
	uint16_t leg_vif_id; /* VIF_ID_NONE when there is no subnet */
	struct mac leg_mac;
	struct uplink_cfg uplink;
	struct multicast_net_cfg multicast;
	bool has_mtu_icmp; /* senders of what is too large for a vif are told */
	struct stp_cfg stp;
	bool is_nat_ipv6; /* mode nat: translate IPv6 too, instead of routing it */
	uint16_t nat_port_min, nat_port_max; /* 0: NAT_PORT_MIN to 65535 */
	unsigned n_nat_addresses;
	struct dhcp_range nat_address[NAT_ADDRESSES_MAX]; /* instead of the uplink's */
	unsigned n_nat_maps;
	struct nat_map nat_map[NAT_MAPS_NETWORK_MAX];
	bool has_open_ports; /* mode nat: endpoint-independent filtering (RFC 4787 §5) */
	struct ct_times ct_times;
	unsigned n_routes;
	struct static_route route[NETWORK_ROUTES_MAX];
};

/* A port of the uplink's address that leads to a guest of a nat network. */
struct forward_cfg {
	uint16_t network_id;
	uint8_t proto; /* IPPROTO_TCP, IPPROTO_UDP */
	uint16_t port;
	uint16_t last_port; /* not below .port; 0: as .port */
	struct ipaddr address; /* the guest's; 0.0.0.0 with .vif_id */
	uint16_t
		vif_id; /* the guest behind it, whatever IPv4 address it is given; or VIF_ID_NONE */
	uint16_t target_port;
};

/* Of what a vif has flooded; the first one is for all those that are not set. */
enum storm_class {
	STORM_ALL,
	STORM_UNICAST,
	STORM_BROADCAST,
	STORM_MULTICAST,
	STORM_CLASSES
};

struct vif_cfg {
	uint16_t id; /* 1..VIF_ID_MAX-1 */
	char name[SAKLAR_NAME_LEN];
	uint16_t network_id; /* NETWORK_ID_NONE: not attached */
	enum vif_type type;
	char dev[SAKLAR_NAME_LEN]; /* tap, netdev: the kernel's name */
	char netns[NETNS_PATH_LEN]; /* host: name under /run/netns or a path; "" the daemon's own */
	char ifname[SAKLAR_NAME_LEN]; /* host: name inside */
	bool has_mac;
	struct mac mac; /* the guest's */
	uint16_t mtu; /* 0: the network's */
	bool is_down; /* administratively */
	bool has_owner;
	uint32_t owner_uid; /* tap: who may open it; vhost-user: owner of the socket */
	char socket[SOCKET_PATH_LEN]; /* vhost-user; "": under the run directory */
	bool is_client; /* vhost-user: the VMM listens */
	bool has_socket_group;
	uint32_t socket_gid;
	uint16_t socket_mode; /* 0: SOCKET_MODE_DEFAULT */
	bool must_be_sealed; /* vhost-user: refuse guest memory that can be shrunk */
	uint8_t queues;
	bool is_isolated;
	bool no_learning, no_flood, no_mcast_flood, no_bcast_flood, is_hairpin;
	bool is_neigh_suppressed;
	bool is_uplink; /* role: it leads out of the host */
	uint32_t fdb_limit;
	uint32_t connection_limit, half_open_limit; /* 0: the profile's */
	uint16_t unresolved_limit; /* 0: NEIGH_UNRESOLVED_MAX */
	struct vif_rate rate;
	struct vlan_list vlan;
	struct storm_limit storm[STORM_CLASSES];
	struct multicast_vif_cfg multicast;
	struct guard_cfg guard;
	struct fdb_list fdb; /* addresses that are behind it, whatever is learned */
	struct mirror_list mirror; /* whose packets it gets copies of */
	bool is_locked;
	uint16_t group_fwd_mask;
	struct stp_port_cfg stp;
	bool has_profile;
	enum network_profile profile;
};

struct model {
	uint64_t generation; /* counts up with every committed change */
	uint16_t last_network_id, last_vif_id; /* given last; the next ones come after them */
	unsigned n_networks, n_vifs;
	struct network_cfg *network; /* [n_networks], ascending by name */
	struct vif_cfg *vif; /* [n_vifs], ascending by name */
	unsigned n_forwards;
	struct forward_cfg *forward; /* [n_forwards], ascending by network_id, proto, port */
	/* What the verb at work is about, 0: nothing; of two that exclude each other it is named. */
	uint16_t subject_network_id, subject_vif_id;
	struct forward_cfg subject_forward;
};

struct model *model_create(void);
struct model *model_copy(const struct model *m);
void model_destroy(struct model *m);

struct network_cfg *model_network(const struct model *m, const char *name);
struct network_cfg *model_network_by_id(const struct model *m, uint16_t id);
struct vif_cfg *model_vif(const struct model *m, const char *name);
struct vif_cfg *model_vif_by_id(const struct model *m, uint16_t id);
struct forward_cfg *model_forward(
	const struct model *m, uint16_t network_id, uint8_t proto, uint16_t port);
/* The network whose uplink is the vif @name, or NULL. */
struct network_cfg *model_network_by_uplink(const struct model *m, const char *name);
bool network_is_routed(const struct network_cfg *n); /* modes nat, routed, open */
bool network_has_family(const struct network_cfg *n, bool is_v4);
/* Does @r lead to a guest of @n, not to a router beside its uplink? */
bool model_route_is_inside(const struct network_cfg *n, const struct static_route *r);

/* Insert a copy in order; the pointers into the arrays are invalid afterwards. */
[[nodiscard]] int model_add_network(struct model *m, const struct network_cfg *n, struct err *e);
[[nodiscard]] int model_add_vif(struct model *m, const struct vif_cfg *v, struct err *e);
[[nodiscard]] int model_add_forward(struct model *m, const struct forward_cfg *f, struct err *e);
/* Deep copy into a fresh @to; network_cfg_fini() gives back what it holds.  0 or -ENOMEM. */
[[nodiscard]] int network_cfg_copy(struct network_cfg *to, const struct network_cfg *from);
void network_cfg_fini(struct network_cfg *n);
/* An id for a new object; not one that was in use a short while ago.  0, or -E2BIG with @e. */
[[nodiscard]] int model_next_network_id(struct model *m, uint16_t *out, struct err *e);
[[nodiscard]] int model_next_vif_id(struct model *m, uint16_t *out, struct err *e);
void model_del_network(struct model *m, uint16_t id);
void model_del_vif(struct model *m, uint16_t id);
void model_del_forward(struct model *m, uint16_t network_id, uint8_t proto, uint16_t port);
/* Does the whole fit together: references, duplicate names and devices, overlapping subnets,
 * gateways inside their subnets, limits?  0 or -errno with a path and what would be valid. */
[[nodiscard]] int model_check(const struct model *m, struct err *e);
/* The VLAN that @item of @v (NULL: of the host leg) is in; 0 where none are. */
uint16_t model_fdb_vid(
	const struct network_cfg *n, const struct vif_cfg *v, const struct fdb_item *item);
/* How many addresses; 0: inverted, or more than NAT_POOL_MAX. */
unsigned model_nat_range_size(const struct dhcp_range *r);
/* Is @gateway a host address of @net?  @path: where it stands. */
[[nodiscard]] int model_check_gateway(
	const struct ipnet *net, const struct ipaddr *gateway, const char *path, struct err *e);
