/* SPDX-License-Identifier: Apache-2.0 */
/* netlink.h - links, addresses and routes of the kernel.
 *
 * Two halves: a table of the links of the daemon's own namespace, kept up to date by events
 * (netlink.c), and requests that act in whatever namespace the thread is in at that moment
 * (netlink_request.c).
 * Thread: the daemon's only one. */
#pragma once

#include "config/static_route.h"
#include "vswitch/base/base.h"
#include "vswitch/base/err.h"
#include "vswitch/base/netaddr.h"

#include <net/if.h>

#define LINK_ALIAS_LEN 96
#define LINK_KIND_LEN 16

struct link {
	int ifindex;
	char name[IFNAMSIZ];
	unsigned flags; /* IFF_* */
	uint32_t mtu;
	struct mac mac;
	int master; /* ifindex of its bridge, bond...; 0: none */
	bool has_carrier;
	char kind[LINK_KIND_LEN]; /* "tun", "veth"; "" for hardware */
	int peer_ifindex; /* kind "veth": the other end, 0: unknown; ... */
	bool has_peer_nsid; /* ... and whether it is in another namespace, by our id for it */
	int peer_nsid;
	bool is_multi_queue; /* kind "tun": how a VMM has to open it */
	bool has_owner; /* kind "tun": who may, root apart */
	uint32_t owner_uid;
	char alias[LINK_ALIAS_LEN];
};

struct event_base;
struct netlink;

/* @on_change: something about links, addresses or tc programs changed; called once for a batch of events. */
struct netlink *netlink_create(
	struct event_base *base, void (*on_change)(void *arg), void *arg, struct err *e);
void netlink_destroy(struct netlink *nl);
/* Take what is queued in the kernel now, so that the table is what our own requests made it.  When
 * that changes anything, on_change is called from the event loop. */
void netlink_sync(struct netlink *nl);
const struct link *netlink_link(const struct netlink *nl, int ifindex);
const struct link *netlink_link_by_name(const struct netlink *nl, const char *name);
const struct link *netlink_link_by_alias(const struct netlink *nl, const char *alias);
/* The @i-th link, NULL behind the last. */
const struct link *netlink_link_at(const struct netlink *nl, unsigned i);

/* What to change of a link; fields at their zero value (ns_fd and up: -1) stay as they are. */
struct link_change {
	const char *name;
	const char *alias;
	const struct mac *mac;
	uint32_t mtu;
	uint32_t tx_queue_len;
	int up; /* 1, 0, -1 */
	int ns_fd; /* move there; -1: stay */
	bool no_addrgen; /* no IPv6 link-local address of the kernel's making */
};
#define LINK_CHANGE_NONE ((struct link_change){ .up = -1, .ns_fd = -1 })

/* All: 0 or -errno. */
[[nodiscard]] int netlink_change(int ifindex, const struct link_change *change);
[[nodiscard]] int netlink_get(int ifindex, const char *name, struct link *out);
/* Links whose alias begins with @prefix; how many there are, at most @max are written. */
[[nodiscard]] int netlink_find_alias(const char *prefix, struct link *out, unsigned max);
/* The link with this very alias, whatever its name is by now; -ENODEV. */
[[nodiscard]] int netlink_get_alias(const char *alias, struct link *out);
[[nodiscard]] int netlink_delete(int ifindex);
/* IPv6 addresses are added without duplicate address detection: nobody else can have them. */
[[nodiscard]] int netlink_add_address(int ifindex, const struct ipaddr *addr, uint8_t len);
[[nodiscard]] int netlink_delete_address(int ifindex, const struct ipaddr *addr, uint8_t len);

/* Addresses of scope other than link; ifindex 0: of all links.  How many there are; at most @max
 * are written. */
struct link_address {
	int ifindex;
	struct ipnet net; /* the address and its prefix length */
};
[[nodiscard]] int netlink_addresses(int ifindex, struct link_address *out, unsigned max);

/* Tables of ours, of whatever instance: 16 bits tell which, 8 the network. */
#define NETLINK_TABLE_BASE 0x53000000u
#define NETLINK_TABLE_MASK 0xff000000u

/* A unicast route of the main tables that leads to part of @net, those through @but_ifindex those of our own
 * tables and default routes apart.  1 with @text ("192.168.0.0/16 dev eth0"), 0: none, or -errno. */
[[nodiscard]] int netlink_find_route(
	const struct ipnet *net, int but_ifindex, char *text, size_t size);

/* netlink_route.c: routes of tables of our own, and the rules that lead to them. */
[[nodiscard]] int netlink_set_route(
	uint32_t table, const struct ipnet *net, const struct ipaddr *via, int ifindex);
/* Routes of the main table by a router behind @ifindex that an administrator's tool has set, ours
 * among them; as netlink_addresses().  Adding fails with -EEXIST where the host has another way. */
[[nodiscard]] int netlink_routes(int ifindex, struct static_route *out, unsigned max);
[[nodiscard]] int netlink_add_route(const struct static_route *route, int ifindex);
[[nodiscard]] int netlink_delete_route(const struct static_route *route, int ifindex);
/* "not iif lo to NET lookup TABLE": what the host forwards, not what it sends itself. */
struct link_rule {
	struct ipnet net;
	uint32_t table;
	uint32_t priority;
};
[[nodiscard]] int netlink_add_rule(const struct link_rule *rule);
[[nodiscard]] int netlink_delete_rule(const struct link_rule *rule);
/* Rules of @priority with a destination, of both families; as netlink_addresses(). */
[[nodiscard]] int netlink_rules(uint32_t priority, struct link_rule *out, unsigned max);
/* Devices that have a route by router advertisement; as netlink_addresses(). */
[[nodiscard]] int netlink_ra_devices(int *ifindexes, unsigned max);

/* Read or write /proc/sys/net/FAMILY/conf/IFNAME/KEY; 0 or -errno. */
[[nodiscard]] int netlink_sysctl_get(
	const char *family, const char *ifname, const char *key, int *value);
[[nodiscard]] int netlink_sysctl_set(
	const char *family, const char *ifname, const char *key, int value);

/* For netlink.c: one RTM_NEWLINK or RTM_DELLINK message as a link.  False: not one of ours. */
struct nlmsghdr;
bool netlink_parse_link(struct nlmsghdr *hdr, struct link *out);
