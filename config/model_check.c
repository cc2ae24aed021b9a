/* SPDX-License-Identifier: Apache-2.0 */
/* model_check.c - does the whole desired state fit together?
 *
 * From: rpc_methods.c before a change is committed, store.c after loading.  To: struct err,
 * model_check_uplink.c, model_check_vlan.c, model_check_guard.c, model_check_fdb.c,
 * model_check_mirror.c.
 * Theory: every rule that needs more than one field or more than one object stands here, as one
 * small function with one sentence for the user; what a single field may hold is schema_parse.c's.
 * Pairs of objects are compared all with all: at most 1,023 vifs, half a million cheap compares.
 * Invariants: nothing is changed; the first offence is reported.
 * Thread: the daemon has one. */
#include "config/model_check.h"

#include "config/vif_want.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TAP_MTU_MAX 65521 /* what the kernel's tun driver takes: 65,535 less an Ethernet header */
#define DHCP6_PREFIX_MIN 64 /* dnsmasq(8): IPv6 ranges need a prefix of 64 or longer */

#define PATH_LEN MODEL_PATH_LEN

const char *model_network_path(const struct network_cfg *n, const char *key, char *buf)
{
	snprintf(buf, PATH_LEN, "network.%s.%s", n->name, key);
	return buf;
}

const char *model_element_path(const struct network_cfg *n, const char *key, unsigned i, char *buf)
{
	snprintf(buf, PATH_LEN, "network.%s.%s[%u]", n->name, key, i);
	return buf;
}

const char *model_vif_path(const struct vif_cfg *v, const char *key, char *buf)
{
	snprintf(buf, PATH_LEN, "vif.%s.%s", v->name, key);
	return buf;
}

/* The last address of @net (IPv4: the broadcast address). */
bool model_is_last_address(const struct ipnet *net, const struct ipaddr *a)
{
	unsigned len = net->len + (ip_is_v4(&net->addr) ? 96u : 0u);

	for (unsigned bit = len; bit < 128; bit++)
		if (!((a->b[bit / 8] >> (7 - bit % 8)) & 1))
			return false;
	return true;
}

bool model_is_first_address(const struct ipnet *net, const struct ipaddr *a)
{
	struct ipaddr first;

	return ipnet_host(net, 0, &first) && memcmp(&first, a, sizeof(first)) == 0;
}

static int check_subnet_shape(const struct network_cfg *n, unsigned i, struct err *e)
{
	const struct ipnet *net = &n->subnet[i];
	char path[PATH_LEN], text[IPNET_STR_LEN];
	unsigned len_max = ip_is_v4(&net->addr) ? 30 : 126;
	bool is_multicast
		= ip_is_v4(&net->addr) ? (net->addr.b[12] & 0xf0) == 0xe0 : net->addr.b[0] == 0xff;
	bool is_loopback = ip_is_v4(&net->addr) && net->addr.b[12] == 127;

	model_element_path(n, "subnets", i, path);
	ipnet_print(net, text);
	if (!ipnet_is_network(net)) {
		struct ipnet whole = *net;
		char fixed[IPNET_STR_LEN];

		if (ipnet_host(net, 0, &whole.addr))
			ipnet_print(&whole, fixed);
		else
			snprintf(fixed, sizeof(fixed), "the network's own address");
		return err_set(e, -EINVAL, path,
			"subnet %s has host bits set: write %s (and the host's own address as "
			"gateway)",
			text, fixed);
	}
	if (net->len > len_max)
		return err_set(e, -EINVAL, path,
			"subnet %s has no room for a gateway and guests: use a prefix of /%u or "
			"shorter",
			text, len_max);
	if (net->len < 8)
		return err_set(e, -EINVAL, path,
			"subnet %s is too large: use a prefix of /8 or longer", text);
	if (is_multicast || is_loopback)
		return err_set(e, -EINVAL, path,
			"subnet %s is a %s range: use a private range such as 192.168.77.0/24",
			text, is_multicast ? "multicast" : "loopback");
	return 0;
}

int model_check_gateway(
	const struct ipnet *net, const struct ipaddr *gateway, const char *path, struct err *e)
{
	char net_text[IPNET_STR_LEN], text[IP_STR_LEN];

	ipnet_print(net, net_text);
	ip_print(gateway, text);
	if (!ipnet_contains(net, gateway))
		return err_set(e, -EINVAL, path,
			"gateway %s is outside subnet %s: choose an address inside", text,
			net_text);
	if (model_is_first_address(net, gateway))
		return err_set(e, -EINVAL, path,
			"gateway %s is the network's own address of %s: choose a host address",
			text, net_text);
	if (ip_is_v4(&net->addr) && model_is_last_address(net, gateway))
		return err_set(e, -EINVAL, path,
			"gateway %s is the broadcast address of %s: choose a host address", text,
			net_text);
	return 0;
}

static int check_mtu(const struct network_cfg *n, struct err *e)
{
	char path[PATH_LEN];
	bool has_v6 = false;

	model_network_path(n, "mtu", path);
	for (unsigned i = 0; i < n->n_subnets; i++)
		has_v6 = has_v6 || !ip_is_v4(&n->subnet[i].addr);
	if (has_v6 && n->mtu < IPV6_MTU_MIN)
		return err_set(e, -EINVAL, path,
			"mtu %u is too small for IPv6, which needs %d: raise it or leave out the "
			"IPv6 "
			"subnet",
			n->mtu, IPV6_MTU_MIN);
	if (n->n_subnets > 0 && n->mtu > TAP_MTU_MAX)
		return err_set(e, -EINVAL, path,
			"mtu %u is too large for the host leg of a network with a subnet: at most "
			"%d",
			n->mtu, TAP_MTU_MAX);
	return 0;
}

/* Index of the subnet that holds @a, or -1. */
static int subnet_of(const struct network_cfg *n, const struct ipaddr *a)
{
	for (unsigned i = 0; i < n->n_subnets; i++)
		if (ip_is_v4(a) == ip_is_v4(&n->subnet[i].addr) && ipnet_contains(&n->subnet[i], a))
			return (int)i;
	return -1;
}

static int check_dhcp_range(const struct network_cfg *n, unsigned i, struct err *e)
{
	const struct dhcp_range *r = &n->dhcp_range[i];
	int first = subnet_of(n, &r->first);
	int last = subnet_of(n, &r->last);
	char path[PATH_LEN], a[IP_STR_LEN], b[IP_STR_LEN], gateway[IP_STR_LEN];

	model_element_path(n, "dhcp_ranges", i, path);
	ip_print(&r->first, a);
	ip_print(&r->last, b);
	if (first < 0 || first != last)
		return err_set(e, -EINVAL, path,
			"DHCP range %s-%s is not inside one subnet of the network: both ends must "
			"be "
			"in the same subnet",
			a, b);
	if (memcmp(&r->first, &r->last, sizeof(r->first)) > 0)
		return err_set(e, -EINVAL, path,
			"DHCP range %s-%s ends before it begins: write it as %s-%s", a, b, b, a);
	if (memcmp(&r->first, &n->gateway[first], sizeof(r->first)) <= 0
		&& memcmp(&n->gateway[first], &r->last, sizeof(r->last)) <= 0)
		return err_set(e, -EINVAL, path,
			"DHCP range %s-%s contains the gateway %s: leave it out", a, b,
			ip_print(&n->gateway[first], gateway));
	if (model_is_first_address(&n->subnet[first], &r->first)
		|| (ip_is_v4(&r->last) && model_is_last_address(&n->subnet[first], &r->last)))
		return err_set(e, -EINVAL, path,
			"DHCP range %s-%s contains the network's own or its broadcast address: "
			"leave "
			"it out",
			a, b);
	if (!ip_is_v4(&r->first) && n->subnet[first].len < DHCP6_PREFIX_MIN)
		return err_set(e, -EINVAL, path,
			"DHCP range %s-%s: IPv6 DHCP needs a prefix of /%d or longer", a, b,
			DHCP6_PREFIX_MIN);
	return 0;
}

static int check_dhcp_ranges(const struct network_cfg *n, struct err *e)
{
	char path[PATH_LEN], a[IP_STR_LEN], b[IP_STR_LEN];

	for (unsigned i = 0; i < n->n_dhcp_ranges; i++) {
		const struct dhcp_range *r = &n->dhcp_range[i];
		int rc = check_dhcp_range(n, i, e);

		if (rc != 0)
			return rc;
		for (unsigned j = 0; j < i; j++) {
			const struct dhcp_range *other = &n->dhcp_range[j];

			if (memcmp(&r->first, &other->last, sizeof(r->first)) <= 0
				&& memcmp(&other->first, &r->last, sizeof(r->last)) <= 0)
				return err_set(e, -EINVAL,
					model_element_path(n, "dhcp_ranges", i, path),
					"DHCP range %s-%s overlaps another one: join them",
					ip_print(&r->first, a), ip_print(&r->last, b));
		}
	}
	return 0;
}

static int check_dhcp_host(const struct network_cfg *n, unsigned i, struct err *e)
{
	const struct dhcp_host *h = &n->dhcp_host[i];
	int net = subnet_of(n, &h->addr);
	char path[PATH_LEN], mac[MAC_STR_LEN], addr[IP_STR_LEN];

	model_element_path(n, "dhcp_hosts", i, path);
	mac_print(&h->mac, mac);
	ip_print(&h->addr, addr);
	if (net < 0)
		return err_set(e, -EINVAL, path,
			"DHCP host %s: address %s is in no subnet of the network", mac, addr);
	if (memcmp(&h->addr, &n->gateway[net], sizeof(h->addr)) == 0)
		return err_set(e, -EINVAL, path,
			"DHCP host %s: address %s is the gateway's: choose another", mac, addr);
	if (model_is_first_address(&n->subnet[net], &h->addr)
		|| (ip_is_v4(&h->addr) && model_is_last_address(&n->subnet[net], &h->addr)))
		return err_set(e, -EINVAL, path,
			"DHCP host %s: address %s is the network's own or its broadcast address",
			mac, addr);
	if (mac_is_zero(&h->mac) || mac_is_multicast(&h->mac))
		return err_set(e, -EINVAL, path,
			"DHCP host %s: a guest's MAC is neither zero nor multicast", mac);
	for (unsigned j = 0; j < i; j++) {
		const struct dhcp_host *other = &n->dhcp_host[j];

		if (memcmp(&h->addr, &other->addr, sizeof(h->addr)) == 0)
			return err_set(e, -EEXIST, path,
				"address %s is promised to two DHCP hosts: give each its own",
				addr);
		if (memcmp(&h->mac, &other->mac, sizeof(h->mac)) == 0
			&& ip_is_v4(&h->addr) == ip_is_v4(&other->addr))
			return err_set(e, -EEXIST, path,
				"MAC %s has two addresses of one family among the DHCP hosts: keep "
				"one",
				mac);
	}
	return 0;
}

static int check_dhcp(const struct network_cfg *n, struct err *e)
{
	char path[PATH_LEN];
	int rc;

	if (n->has_dhcp && n->n_subnets == 0)
		return err_set(e, -EINVAL, model_network_path(n, "dhcp", path),
			"DHCP needs a subnet to give addresses from: add --subnet, such as "
			"192.168.77.0/24");
	if (!n->has_dhcp && (n->n_dhcp_ranges > 0 || n->n_dhcp_hosts > 0))
		return err_set(e, -EINVAL, model_network_path(n, "dhcp", path),
			"DHCP ranges and hosts need DHCP: add --dhcp, or leave them out");
	if (!n->has_dhcp
		&& (n->dhcp.n_dns_hosts > 0 || n->dhcp.n_dns_forwarders > 0 || n->dhcp.n_options > 0
			|| n->dhcp.boot[0] || n->dhcp.tftp_root[0]))
		return err_set(e, -EINVAL, model_network_path(n, "dhcp", path),
			"names, options and files are served where DHCP is: add --dhcp, or leave "
			"out "
			"--dns-host, --dns-forwarder, --dhcp-option, --dhcp-boot and --tftp-root");
	rc = check_dhcp_ranges(n, e);
	for (unsigned i = 0; rc == 0 && i < n->n_dhcp_hosts; i++)
		rc = check_dhcp_host(n, i, e);
	return rc;
}

static int check_network(const struct network_cfg *n, struct err *e)
{
	char path[PATH_LEN];
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < n->n_subnets; i++) {
		rc = check_subnet_shape(n, i, e);
		if (rc == 0)
			rc = model_check_gateway(&n->subnet[i], &n->gateway[i],
				model_element_path(n, "gateways", i, path), e);
	}
	if (rc == 0)
		rc = check_mtu(n, e);
	if (rc == 0)
		rc = check_dhcp(n, e);
	return rc;
}

/* Do two subnets of one network, or one each of two networks, overlap?  Said of @a's. */
static int check_overlap(const struct network_cfg *a, unsigned i, const struct network_cfg *b,
	unsigned j, struct err *e)
{
	char path[PATH_LEN], mine[IPNET_STR_LEN], theirs[IPNET_STR_LEN];

	if (ip_is_v4(&a->subnet[i].addr) != ip_is_v4(&b->subnet[j].addr)
		|| !ipnet_overlaps(&a->subnet[i], &b->subnet[j]))
		return 0;
	return err_set(e, -EEXIST, model_element_path(a, "subnets", i, path),
		"subnet %s of network %s overlaps %s of network %s: choose a range that is free",
		ipnet_print(&a->subnet[i], mine), a->name, ipnet_print(&b->subnet[j], theirs),
		b->name);
}

/* The subnets of @a with those of @b (or, within one network, with those before them). */
static int check_two_disjoint(
	const struct network_cfg *a, const struct network_cfg *b, struct err *e)
{
	int rc = 0;

	for (unsigned i = 0; i < a->n_subnets; i++)
		for (unsigned j = 0; rc == 0 && j < (a == b ? i : b->n_subnets); j++)
			rc = check_overlap(a, i, b, j, e);
	return rc;
}

static int check_networks_disjoint(const struct model *m, struct err *e)
{
	int rc = 0;

	for (const struct network_cfg *a = m->network; a < m->network + m->n_networks; a++)
		for (const struct network_cfg *b = m->network; rc == 0 && b <= a; b++)
			rc = b->id == m->subject_network_id ? check_two_disjoint(b, a, e)
							    : check_two_disjoint(a, b, e);
	return rc;
}

/* What only sockets have, and who has sockets. */
static int check_vif_socket(const struct vif_cfg *v, struct err *e)
{
	const char *key = v->socket[0] ? "socket"
		: v->is_client         ? "client"
		: v->has_socket_group  ? "socket_group"
		: v->socket_mode != 0  ? "socket_mode"
		: v->must_be_sealed    ? "require_sealed"
				       : NULL;
	char path[PATH_LEN];

	if (v->type != VIF_TYPE_VHOST && key)
		return err_set(e, -EINVAL, model_vif_path(v, key, path),
			"%s is for vifs of type vhost-user: leave it out", key);
	if (v->is_client && !v->socket[0])
		return err_set(e, -EINVAL, model_vif_path(v, "socket", path),
			"a vhost-user client needs the path at which the VMM listens: add --socket "
			"PATH");
	if (v->is_client && (v->has_owner || v->has_socket_group || v->socket_mode != 0))
		return err_set(e, -EINVAL, model_vif_path(v, "client", path),
			"the socket of a client is made by the VMM, with owner, group and mode: "
			"leave these out");
	return 0;
}

static int check_vif_fields(const struct vif_cfg *v, struct err *e)
{
	char path[PATH_LEN];

	if (v->type == VIF_TYPE_NETDEV && v->dev[0] == '\0')
		return err_set(e, -EINVAL, model_vif_path(v, "dev", path),
			"a netdev vif needs the name of its device: add --dev IF");
	if (v->type == VIF_TYPE_HOST && v->dev[0] != '\0')
		return err_set(e, -EINVAL, model_vif_path(v, "dev", path),
			"dev is for vifs of type tap and netdev; a host vif's device is named by "
			"--ifname");
	if (v->type == VIF_TYPE_VHOST && v->dev[0] != '\0')
		return err_set(e, -EINVAL, model_vif_path(v, "dev", path),
			"dev is for vifs of type tap and netdev; a vhost-user vif has a socket");
	if (v->type != VIF_TYPE_HOST && (v->netns[0] != '\0' || v->ifname[0] != '\0'))
		return err_set(e, -EINVAL,
			model_vif_path(v, v->netns[0] ? "netns" : "ifname", path),
			"netns and ifname are for vifs of type host: leave them out");
	if (v->type != VIF_TYPE_TAP && v->type != VIF_TYPE_VHOST && v->has_owner)
		return err_set(e, -EINVAL, model_vif_path(v, "owner", path),
			"owner is for vifs of type tap and vhost-user: leave it out");
	if (v->type == VIF_TYPE_NETDEV && v->queues > 1)
		return err_set(e, -EINVAL, model_vif_path(v, "queues", path),
			"queues are for vifs of type tap, host, vhost-user and netfront: leave "
			"them "
			"out");
	if (v->type != VIF_TYPE_NETDEV && v->mtu > TAP_MTU_MAX)
		return err_set(e, -EINVAL, model_vif_path(v, "mtu", path),
			"mtu %u is too large for a tap device: at most %d", v->mtu, TAP_MTU_MAX);
	if (v->has_mac && (mac_is_zero(&v->mac) || mac_is_multicast(&v->mac)))
		return err_set(e, -EINVAL, model_vif_path(v, "mac", path),
			"a guest's MAC is neither zero nor multicast: the first byte must be even, "
			"such as in 52:54:00:12:34:56");
	return check_vif_socket(v, e);
}

static int check_vif_references(const struct model *m, const struct vif_cfg *v, struct err *e)
{
	const struct network_cfg *n = model_network_by_id(m, v->network_id);
	char path[PATH_LEN], mac[MAC_STR_LEN];

	if (v->network_id != NETWORK_ID_NONE && !n)
		return err_set(e, -ENOENT, model_vif_path(v, "network", path),
			"its network does not exist: add it first with 'saklar network add'");
	if (!n)
		return 0;
	if (v->has_mac && n->leg_vif_id != VIF_ID_NONE
		&& memcmp(&v->mac, &n->leg_mac, sizeof(v->mac)) == 0)
		return err_set(e, -EEXIST, model_vif_path(v, "mac", path),
			"MAC %s belongs to the host leg of network %s: choose another",
			mac_print(&v->mac, mac), n->name);
	for (unsigned i = 0; i < n->n_subnets; i++)
		if (!ip_is_v4(&n->subnet[i].addr) && v->mtu != 0 && v->mtu < IPV6_MTU_MIN)
			return err_set(e, -EINVAL, model_vif_path(v, "mtu", path),
				"mtu %u is too small for IPv6, which network %s uses: at least %d",
				v->mtu, n->name, IPV6_MTU_MIN);
	return 0;
}

static const char *device_key(const struct vif_cfg *v)
{
	return v->type == VIF_TYPE_HOST ? "ifname" : "dev";
}

/* The kernel's name of the vif's device and the namespace it is in. */
static const char *device_of(const struct vif_cfg *v, const char **netns)
{
	*netns = v->type == VIF_TYPE_HOST ? v->netns : "";
	if (v->type == VIF_TYPE_HOST)
		return v->ifname[0] ? v->ifname : v->name;
	return v->dev[0] ? v->dev : v->name;
}

/* Of two vifs that want the same the one that an error names. */
static const struct vif_cfg *blamed(
	const struct model *m, const struct vif_cfg *v, const struct vif_cfg *other)
{
	return other->id == m->subject_vif_id ? other : v;
}

static int check_device_is_free(const struct model *m, const struct vif_cfg *v, struct err *e)
{
	const char *netns, *other_netns;
	const char *dev = device_of(v, &netns);
	const struct network_cfg *n = netns[0] ? NULL : model_network(m, dev);
	char path[PATH_LEN];

	if (v->type == VIF_TYPE_MEM || v->type == VIF_TYPE_VHOST)
		return 0;
	if (n && n->n_subnets > 0)
		return err_set(e, -EEXIST,
			n->id == m->subject_network_id ? model_network_path(n, "name", path)
						       : model_vif_path(v, device_key(v), path),
			"device %s of vif %s is the host leg of network %s: choose another name "
			"for one of them",
			dev, v->name, n->name);
	n = netns[0] ? NULL : vif_want_uplink_called(m, dev);
	if (n && n->uplink.kind == UPLINK_HOST)
		return err_set(e, -EEXIST,
			n->id == m->subject_network_id ? model_network_path(n, "name", path)
						       : model_vif_path(v, device_key(v), path),
			"device %s of vif %s leads from network %s into the host: choose another "
			"name for one of them",
			dev, v->name, n->name);
	for (const struct vif_cfg *other = m->vif; other < v; other++) {
		const struct vif_cfg *which = blamed(m, v, other);

		if (other->type == VIF_TYPE_MEM || other->type == VIF_TYPE_VHOST
			|| strcmp(device_of(other, &other_netns), dev) != 0
			|| strcmp(netns, other_netns) != 0)
			continue;
		return err_set(e, -EEXIST, model_vif_path(which, device_key(which), path),
			"device %s is wanted by vif %s and vif %s: choose another device for one "
			"of them",
			dev, other->name, v->name);
	}
	return 0;
}

static int check_socket_is_free(const struct model *m, const struct vif_cfg *v, struct err *e)
{
	char path[PATH_LEN];

	for (const struct vif_cfg *other = m->vif; v->socket[0] && other < v; other++)
		if (strcmp(other->socket, v->socket) == 0)
			return err_set(e, -EEXIST,
				model_vif_path(blamed(m, v, other), "socket", path),
				"socket %s is wanted by vif %s and vif %s: choose another path for "
				"one "
				"of them",
				v->socket, other->name, v->name);
	return 0;
}

static int check_mac_is_free(const struct model *m, const struct vif_cfg *v, struct err *e)
{
	char path[PATH_LEN], mac[MAC_STR_LEN];

	if (!v->has_mac || v->network_id == NETWORK_ID_NONE)
		return 0;
	for (const struct vif_cfg *other = m->vif; other < v; other++)
		if (other->has_mac && other->network_id == v->network_id
			&& !model_may_be_same_guest(v, other)
			&& memcmp(&other->mac, &v->mac, sizeof(v->mac)) == 0)
			return err_set(e, -EEXIST, model_vif_path(blamed(m, v, other), "mac", path),
				"MAC %s is wanted by vif %s and vif %s of the same network: choose "
				"another for one of them",
				mac_print(&v->mac, mac), other->name, v->name);
	return 0;
}

static int check_vif(const struct model *m, const struct vif_cfg *v, struct err *e)
{
	const struct network_cfg *same = model_network(m, v->name);
	const struct network_cfg *uplink = vif_want_uplink_called(m, v->name);
	char path[PATH_LEN];
	int rc;

	if (same)
		return err_set(e, -EEXIST,
			same->id == m->subject_network_id ? model_network_path(same, "name", path)
							  : model_vif_path(v, "name", path),
			"%s is the name of a network and of a vif: they share one space of names, "
			"choose another",
			v->name);
	if (uplink)
		return err_set(e, -EEXIST, model_vif_path(v, "name", path),
			"%s is what the uplink of network %s is called: choose another name",
			v->name, uplink->name);
	rc = check_vif_fields(v, e);
	if (rc == 0)
		rc = check_vif_references(m, v, e);
	if (rc == 0)
		rc = check_device_is_free(m, v, e);
	if (rc == 0)
		rc = check_mac_is_free(m, v, e);
	if (rc == 0)
		rc = check_socket_is_free(m, v, e);
	return rc;
}

/* Claim @id; false when somebody has it.  0 is nobody's. */
static bool claim(bool *has, uint16_t id)
{
	bool is_free = !has[id];

	has[id] = id != 0;
	return is_free;
}

/* Ids are ours to give; only a file that was damaged or edited holds one twice. */
static int check_ids(const struct model *m, struct err *e)
{
	bool has_network[NETWORK_ID_MAX] = { false };
	bool has_vif[VIF_ID_MAX] = { false };
	char path[PATH_LEN];

	for (unsigned i = 0; i < m->n_networks; i++) {
		const struct network_cfg *n = &m->network[i];

		if (!claim(has_network, n->id) || !claim(has_network, n->uplink.network_id)
			|| !claim(has_vif, n->leg_vif_id) || !claim(has_vif, n->uplink.vif_id))
			return err_set(e, -EUCLEAN, model_network_path(n, "id", path),
				"network %s has the id of another", n->name);
	}
	for (unsigned i = 0; i < m->n_vifs; i++)
		if (!claim(has_vif, m->vif[i].id))
			return err_set(e, -EUCLEAN, model_vif_path(&m->vif[i], "id", path),
				"vif %s has the id of another vif or host leg", m->vif[i].name);
	return 0;
}

int model_check(const struct model *m, struct err *e)
{
	int rc = check_ids(m, e);

	for (unsigned i = 0; rc == 0 && i < m->n_networks; i++)
		rc = check_network(&m->network[i], e);
	for (unsigned i = 0; rc == 0 && i < m->n_networks; i++)
		rc = model_check_stp(&m->network[i], e);
	if (rc == 0)
		rc = check_networks_disjoint(m, e);
	for (unsigned i = 0; rc == 0 && i < m->n_vifs; i++)
		rc = check_vif(m, &m->vif[i], e);
	for (unsigned i = 0; rc == 0 && i < m->n_networks; i++)
		rc = model_check_uplink(m, &m->network[i], e);
	for (unsigned i = 0; rc == 0 && i < m->n_vifs; i++)
		rc = model_check_role(m, &m->vif[i], e);
	for (unsigned i = 0; rc == 0 && i < m->n_networks; i++)
		rc = model_check_nat(m, &m->network[i], e);
	for (unsigned i = 0; rc == 0 && i < m->n_networks; i++)
		rc = model_check_routes(m, &m->network[i], e);
	if (rc == 0)
		rc = model_check_forwards(m, e);
	if (rc == 0)
		rc = model_check_vlan(m, e);
	if (rc == 0)
		rc = model_check_multicast(m, e);
	if (rc == 0)
		rc = model_check_guard(m, e);
	if (rc == 0)
		rc = model_check_fdb(m, e);
	if (rc == 0)
		rc = model_check_mirror(m, e);
	return rc == 0 ? model_check_size(m, e) : rc;
}
