/* SPDX-License-Identifier: Apache-2.0 */
/* model_check_uplink.c - do uplinks and forwards fit the rest of the desired state?
 *
 * From: model_check.c.  To: struct err.
 * Theory: as there: one small function a rule, one sentence for the user.
 * Invariants: nothing is changed; the first offence is reported.
 * Thread: the daemon has one. */
#include "config/model_check.h"
#include "config/vif_want.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static bool is_same_ip(const struct ipaddr *a, const struct ipaddr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* Fields of an uplink where there is none, or where nobody asked for addresses. */
static int check_kind(const struct network_cfg *n, struct err *e)
{
	const struct uplink_cfg *u = &n->uplink;
	char path[MODEL_PATH_LEN];

	if (n->is_nat_ipv6 && n->mode != NETWORK_MODE_NAT)
		return err_set(e, -EINVAL, model_network_path(n, "nat_ipv6", path),
			"nat_ipv6 is for mode nat: leave it out, or add --mode nat");
	if (!network_is_routed(n) && (u->kind != UPLINK_NONE || u->n_addresses || u->n_gateways))
		return err_set(e, -EINVAL, model_network_path(n, "uplink", path),
			"an uplink is for modes nat, routed and open: leave it out; in mode bridge "
			"add the device as a vif of type netdev with --role uplink");
	if (!network_is_routed(n))
		return 0;
	if (n->n_subnets == 0)
		return err_set(e, -EINVAL, model_network_path(n, "subnets", path),
			"a network that leads out needs a subnet for its guests: add --subnet, "
			"such as 192.168.77.0/24");
	if (u->kind == UPLINK_HOST && (u->n_addresses || u->n_gateways))
		return err_set(e, -EINVAL, model_network_path(n, "uplink_addresses", path),
			"uplink host chooses its own addresses: leave them out, or name a device "
			"or vif with --uplink");
	return 0;
}

static int check_uplink_address(const struct network_cfg *n, unsigned i, struct err *e)
{
	const struct uplink_cfg *u = &n->uplink;
	const struct ipnet *a = &u->address[i];
	bool is_v4 = ip_is_v4(&a->addr);
	unsigned len_max = is_v4 ? 31 : 127;
	char path[MODEL_PATH_LEN], text[IPNET_STR_LEN], subnet[IPNET_STR_LEN];

	model_element_path(n, "uplink_addresses", i, path);
	ipnet_print(a, text);
	if (i == 1 && is_v4 == ip_is_v4(&u->address[0].addr))
		return err_set(e, -EINVAL, path,
			"uplink address %s is the second one of its family: keep one", text);
	if ((a->len < len_max && model_is_first_address(a, &a->addr))
		|| (is_v4 && a->len < len_max && model_is_last_address(a, &a->addr)))
		return err_set(e, -EINVAL, path,
			"uplink address %s is no host address: write one of its LAN with its "
			"prefix, such as 192.0.2.10/24",
			text);
	if ((is_v4 && ((a->addr.b[12] & 0xf0) == 0xe0 || a->addr.b[12] == 127))
		|| (!is_v4 && a->addr.b[0] == 0xff))
		return err_set(e, -EINVAL, path,
			"uplink address %s is multicast or loopback: write one of its LAN", text);
	for (unsigned j = 0; j < n->n_subnets; j++)
		if (ip_is_v4(&n->subnet[j].addr) == is_v4 && ipnet_overlaps(&n->subnet[j], a))
			return err_set(e, -EINVAL, path,
				"uplink address %s lies in the same range as the guests' subnet "
				"%s: choose another subnet for one of the two",
				text, ipnet_print(&n->subnet[j], subnet));
	return 0;
}

static int check_uplink_gateway(const struct network_cfg *n, unsigned i, struct err *e)
{
	const struct uplink_cfg *u = &n->uplink;
	const struct ipaddr *g = &u->gateway[i];
	char path[MODEL_PATH_LEN], text[IP_STR_LEN], net[IPNET_STR_LEN];
	const struct ipnet *of = NULL;

	model_element_path(n, "uplink_gateways", i, path);
	ip_print(g, text);
	for (unsigned j = 0; j < u->n_addresses; j++)
		if (ip_is_v4(&u->address[j].addr) == ip_is_v4(g))
			of = &u->address[j];
	if (i == 1 && ip_is_v4(g) == ip_is_v4(&u->gateway[0]))
		return err_set(e, -EINVAL, path,
			"uplink gateway %s is the second one of its family: keep one", text);
	if (!of)
		return err_set(e, -EINVAL, path,
			"uplink gateway %s has no uplink address of its family beside it: add "
			"--uplink-address",
			text);
	ipnet_print(of, net);
	if (!ipnet_contains(of, g))
		return err_set(e, -EINVAL, path,
			"uplink gateway %s is outside %s: choose an address of the uplink's own "
			"LAN",
			text, net);
	if (is_same_ip(&of->addr, g))
		return err_set(e, -EINVAL, path,
			"uplink gateway %s is the uplink's own address: name the router of the LAN",
			text);
	return 0;
}

/* Every family of the guests needs an address to leave with or to be reached by. */
static int check_families(const struct network_cfg *n, struct err *e)
{
	const struct uplink_cfg *u = &n->uplink;
	char path[MODEL_PATH_LEN];
	bool has_v4 = false, has_v6 = false;

	for (unsigned i = 0; i < u->n_addresses; i++) {
		has_v4 = has_v4 || ip_is_v4(&u->address[i].addr);
		has_v6 = has_v6 || !ip_is_v4(&u->address[i].addr);
	}
	if (u->kind == UPLINK_HOST)
		return 0;
	if (network_has_family(n, true) && !has_v4)
		return err_set(e, -EINVAL, model_network_path(n, "uplink_addresses", path),
			"uplink %s needs an IPv4 address of its LAN: add --uplink-address, such as "
			"192.0.2.10/24",
			u->name);
	if (network_has_family(n, false) && !has_v6)
		return err_set(e, -EINVAL, model_network_path(n, "uplink_addresses", path),
			"uplink %s needs an IPv6 address of its LAN: add --uplink-address, such as "
			"2001:db8::10/64, or leave out the IPv6 subnet",
			u->name);
	return 0;
}

static int check_uplink_vif(const struct model *m, const struct network_cfg *n, struct err *e)
{
	const struct vif_cfg *v = model_vif(m, n->uplink.name);
	const struct network_cfg *other = v ? model_network_by_id(m, v->network_id) : NULL;
	char path[MODEL_PATH_LEN];

	model_network_path(n, "uplink", path);
	if (!v)
		return err_set(e, -ENOENT, path,
			"there is no vif %s: add it first, without --network", n->uplink.name);
	if (other == n)
		return err_set(e, -EINVAL, path,
			"vif %s is a port of network %s itself: an uplink leads out, name another "
			"vif",
			v->name, n->name);
	if (other && v->id == m->subject_vif_id)
		return err_set(e, -EBUSY, model_vif_path(v, "network", path),
			"vif %s is the uplink of network %s: give that another uplink first with "
			"'saklar network set %s --uplink ...'",
			v->name, n->name, n->name);
	if (other)
		return err_set(e, -EBUSY, path,
			"vif %s is a port of network %s: take it out first with 'saklar vif set %s "
			"--no-network'",
			v->name, other->name, v->name);
	if (v->mtu != 0 && v->mtu < IPV6_MTU_MIN && network_has_family(n, false))
		return err_set(e, -EINVAL, path,
			"vif %s has mtu %u, and IPv6 needs %d: raise it or leave out the IPv6 "
			"subnet",
			v->name, v->mtu, IPV6_MTU_MIN);
	for (const struct network_cfg *p = m->network; p < n; p++) {
		bool is_p = p->id == m->subject_network_id;

		if (p->uplink.kind == UPLINK_VIF && strcmp(p->uplink.name, v->name) == 0)
			return err_set(e, -EBUSY, model_network_path(is_p ? p : n, "uplink", path),
				"vif %s is the uplink of network %s already: name another vif",
				v->name, is_p ? n->name : p->name);
	}
	return 0;
}

static int check_uplink_netdev(const struct model *m, const struct network_cfg *n, struct err *e)
{
	const struct network_cfg *leg = model_network(m, n->uplink.name);
	char path[MODEL_PATH_LEN];

	if (leg && leg->n_subnets > 0)
		return err_set(e, -EINVAL,
			leg->id == m->subject_network_id && leg != n
				? model_network_path(leg, "name", path)
				: model_network_path(n, "uplink", path),
			"device %s is the host leg of network %s: name a device that leads out",
			n->uplink.name, leg->name);
	for (const struct vif_cfg *v = m->vif; v < m->vif + m->n_vifs; v++) {
		const char *dev = v->type == VIF_TYPE_HOST ? v->ifname : v->dev;

		if ((v->type == VIF_TYPE_HOST && v->netns[0]) || strcmp(dev, n->uplink.name) != 0)
			continue;
		model_network_path(n, "uplink", path);
		if (v->id == m->subject_vif_id)
			return err_set(e, -EBUSY, model_vif_path(v, "dev", path),
				"device %s is the uplink of network %s: name another device, or "
				"give the network another uplink first",
				dev, n->name);
		if (v->network_id == n->id)
			return err_set(e, -EINVAL, path,
				"device %s is vif %s of network %s itself: an uplink leads out, "
				"name another device",
				dev, v->name, n->name);
		return err_set(e, -EBUSY, path,
			"device %s is used by vif %s: write vif:%s, or name another device", dev,
			v->name, v->name);
	}
	return 0;
}

/* The same address twice on one LAN answers for nobody.  Said of @a's. */
static int check_no_address_twice(
	const struct network_cfg *a, const struct network_cfg *b, struct err *e)
{
	char path[MODEL_PATH_LEN], text[IP_STR_LEN];

	for (unsigned i = 0; i < a->uplink.n_addresses; i++)
		for (unsigned j = 0; j < b->uplink.n_addresses; j++)
			if (is_same_ip(&a->uplink.address[i].addr, &b->uplink.address[j].addr))
				return err_set(e, -EEXIST,
					model_element_path(a, "uplink_addresses", i, path),
					"address %s on %s is the one of network %s: choose another",
					ip_print(&a->uplink.address[i].addr, text), a->uplink.name,
					b->name);
	return 0;
}

static int check_address_is_free(const struct model *m, const struct network_cfg *n, struct err *e)
{
	int rc = 0;

	for (const struct network_cfg *p = m->network; rc == 0 && p < n; p++)
		if (p->uplink.kind == UPLINK_NETDEV && strcmp(p->uplink.name, n->uplink.name) == 0)
			rc = p->id == m->subject_network_id ? check_no_address_twice(p, n, e)
							    : check_no_address_twice(n, p, e);
	return rc;
}

/* Captures and, with uplink host, a device of the host go by this name. */
static int check_name(const struct model *m, const struct network_cfg *n, struct err *e)
{
	const struct network_cfg *owner = vif_want_uplink_called(m, n->name);
	char path[MODEL_PATH_LEN];

	if (!owner)
		return 0;
	return err_set(e, -EEXIST, model_network_path(n, "name", path),
		"%s is what the uplink of network %s is called: choose another name", n->name,
		owner->name);
}

/* Role uplink of a vif; an uplink of a network with a router is another thing. */
int model_check_role(const struct model *m, const struct vif_cfg *v, struct err *e)
{
	const struct network_cfg *n = model_network_by_id(m, v->network_id);
	char path[MODEL_PATH_LEN];

	if (!v->is_uplink)
		return 0;
	model_vif_path(v, "role", path);
	if (v->type != VIF_TYPE_NETDEV)
		return err_set(e, -EINVAL, path,
			"role uplink is for vifs of type netdev, which lead out of the host: leave "
			"it "
			"out");
	if (v->is_isolated)
		return err_set(e, -EINVAL, path,
			"an isolated uplink would reach no isolated guest, and these nobody else: "
			"leave out one of the two");
	if (v->guard.has_mac)
		return err_set(e, -EINVAL, path,
			"an uplink speaks for everybody outside: set guard off, or leave the role "
			"out");
	if (n != NULL && n->mode != NETWORK_MODE_BRIDGE)
		return err_set(e, -EINVAL, path,
			"role uplink is for networks of mode bridge: modes nat, routed and open "
			"lead "
			"out by 'saklar network set %s --uplink', and isolated ones do not",
			n->name);
	return 0;
}

int model_check_uplink(const struct model *m, const struct network_cfg *n, struct err *e)
{
	int rc = check_name(m, n, e);

	if (rc == 0)
		rc = check_kind(n, e);
	if (rc != 0 || n->uplink.kind == UPLINK_NONE)
		return rc;
	for (unsigned i = 0; rc == 0 && i < n->uplink.n_addresses; i++)
		rc = check_uplink_address(n, i, e);
	for (unsigned i = 0; rc == 0 && i < n->uplink.n_gateways; i++)
		rc = check_uplink_gateway(n, i, e);
	if (rc == 0 && n->uplink.kind == UPLINK_VIF)
		rc = check_uplink_vif(m, n, e);
	if (rc == 0 && n->uplink.kind == UPLINK_NETDEV)
		rc = check_uplink_netdev(m, n, e);
	if (rc == 0)
		rc = check_families(n, e);
	if (rc == 0 && n->uplink.kind == UPLINK_NETDEV)
		rc = check_address_is_free(m, n, e);
	return rc;
}

static const char *forward_path(
	const struct network_cfg *n, const struct forward_cfg *f, const char *key, char *buf)
{
	snprintf(buf, MODEL_PATH_LEN, "forward.%s.%s/%u%s", n ? n->name : "?",
		f->proto == IPPROTO_TCP ? "tcp" : "udp", f->port, key);
	return buf;
}

static int check_target(const struct network_cfg *n, const struct forward_cfg *f, struct err *e)
{
	char path[MODEL_PATH_LEN], text[IP_STR_LEN];

	forward_path(n, f, ".address", path);
	ip_print(&f->address, text);
	for (unsigned i = 0; i < n->n_subnets; i++) {
		const struct ipnet *net = &n->subnet[i];
		bool is_v4 = ip_is_v4(&net->addr);

		if (is_v4 != ip_is_v4(&f->address) || !ipnet_contains(net, &f->address))
			continue;
		if (is_same_ip(&n->gateway[i], &f->address))
			return err_set(e, -EINVAL, path,
				"%s is the gateway of network %s: name a guest's address", text,
				n->name);
		if (model_is_first_address(net, &f->address)
			|| (is_v4 && model_is_last_address(net, &f->address)))
			return err_set(e, -EINVAL, path,
				"%s is the network's own or its broadcast address: name a guest's",
				text);
		if (!is_v4 && !n->is_nat_ipv6)
			return err_set(e, -EINVAL, path,
				"network %s routes IPv6 and does not translate it: reach %s "
				"itself, or set the network --nat-ipv6",
				n->name, text);
		return 0;
	}
	return err_set(e, -EINVAL, path,
		"nobody in network %s can have the address %s: name one inside its subnets",
		n->name, text);
}

/* Who is behind the vif is known by its MAC, to our DHCP. */
static int check_vif_target(const struct model *m, const struct network_cfg *n,
	const struct forward_cfg *f, struct err *e)
{
	const struct vif_cfg *v = model_vif_by_id(m, f->vif_id);
	char path[MODEL_PATH_LEN];

	forward_path(n, f, ".vif", path);
	if (!v || v->network_id != n->id)
		return err_set(e, -EINVAL, path,
			"it leads to a vif that is not in network %s: delete the forward, or name "
			"one that is",
			n->name);
	if (!v->has_mac)
		return err_set(e, -EINVAL, path,
			"nobody knows the MAC of the guest behind vif %s: 'saklar vif set %s "
			"--mac' says it; or name the guest's address",
			v->name, v->name);
	if (!n->has_dhcp || !network_has_family(n, true))
		return err_set(e, -EINVAL, path,
			"network %s gives nobody an IPv4 address: set it --dhcp, or name the "
			"address of the guest behind vif %s",
			n->name, v->name);
	return 0;
}

static bool is_same_forward(const struct forward_cfg *a, const struct forward_cfg *b)
{
	return a->network_id == b->network_id && a->proto == b->proto && a->port == b->port;
}

/* Another forward of the network with some of its ports; the first port of each is its name. */
static int check_ranges(const struct model *m, const struct forward_cfg *f,
	const struct network_cfg *n, struct err *e)
{
	char path[MODEL_PATH_LEN];

	for (const struct forward_cfg *other = m->forward; other < f; other++)
		if (other->network_id == f->network_id && model_forwards_overlap(other, f))
			return err_set(e, -EEXIST, forward_path(n, f, ".port", path),
				"ports %u-%u of network %s are forwarded already in part, with "
				"%u-%u: choose others",
				f->port, f->last_port, n->name, other->port, other->last_port);
	return 0;
}

static int check_forward(const struct model *m, const struct forward_cfg *f, struct err *e)
{
	const struct network_cfg *n = model_network_by_id(m, f->network_id);
	char path[MODEL_PATH_LEN];
	int rc;

	forward_path(n, f, ".network", path);
	if (!n)
		return err_set(e, -ENOENT, path, "its network does not exist");
	if (n->mode != NETWORK_MODE_NAT)
		return err_set(e, -EINVAL, path,
			"network %s is not of mode nat: its guests are reached by their own "
			"addresses, delete the forward",
			n->name);
	forward_path(n, f, "", path);
	if ((f->proto != IPPROTO_TCP && f->proto != IPPROTO_UDP) || !f->port || !f->target_port)
		return err_set(e, -EINVAL, path, "a forward is of tcp or udp, with ports from 1");
	rc = model_check_forward_ports(f, forward_path(n, f, ".last_port", path), e);
	if (rc == 0)
		rc = f->vif_id != VIF_ID_NONE ? check_vif_target(m, n, f, e)
					      : check_target(n, f, e);
	if (rc == 0)
		rc = check_ranges(m, f, n, e);
	if (rc != 0)
		return rc;
	for (const struct forward_cfg *other = m->forward; other < f; other++) {
		const struct network_cfg *its = model_network_by_id(m, other->network_id);

		if (!model_forwards_overlap(other, f) || !its || its == n
			|| n->uplink.kind != UPLINK_HOST || its->uplink.kind != UPLINK_HOST)
			continue;
		bool is_other = is_same_forward(other, &m->subject_forward);

		return err_set(e, -EEXIST,
			is_other ? forward_path(its, other, ".port", path)
				 : forward_path(n, f, ".port", path),
			"port %u of the host is forwarded to network %s already: choose another",
			f->port, is_other ? n->name : its->name);
	}
	return 0;
}

int model_check_forwards(const struct model *m, struct err *e)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < m->n_forwards; i++)
		rc = check_forward(m, &m->forward[i], e);
	return rc;
}
