/* SPDX-License-Identifier: Apache-2.0 */
/* model_check_route.c - do static routes fit their networks and each other?
 *
 * From: model_check.c.  To: struct err.
 * Theory: as model_check.c.  A route leads to a guest, which the host's leg knows it by too, or to a
 * router beside the uplink, which only this network's guests see.  Ways within the host are one
 * table for all networks, so that the same prefix cannot lead to guests of two.
 * Invariants: nothing is changed; the first offence is reported.
 * Thread: the daemon has one. */
#include "config/model_check.h"

#include <errno.h>
#include <string.h>

#define PREFIX_MIN 8 /* what is wider takes the host's own ways */

bool model_route_is_inside(const struct network_cfg *n, const struct static_route *r)
{
	for (unsigned i = 0; i < n->n_subnets; i++)
		if (ip_is_v4(&n->subnet[i].addr) == ip_is_v4(&r->via)
			&& ipnet_contains(&n->subnet[i], &r->via))
			return true;
	return false;
}

static bool is_same_ip(const struct ipaddr *a, const struct ipaddr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static int check_prefix(const struct static_route *r, const char *path, struct err *e)
{
	char text[IPNET_STR_LEN], fixed[IPNET_STR_LEN];
	const uint8_t *b = r->net.addr.b;
	bool is_v4 = ip_is_v4(&r->net.addr);
	struct ipnet whole = r->net;

	ipnet_print(&r->net, text);
	if (r->net.len == 0)
		return err_set(e, -EINVAL, path,
			"%s is what the uplink is for: name its next router with --uplink-gateway",
			text);
	if (!ipnet_is_network(&r->net)) {
		if (!ipnet_host(&r->net, 0, &whole.addr))
			whole.addr = r->net.addr;
		return err_set(e, -EINVAL, path, "route %s has host bits set: write %s", text,
			ipnet_print(&whole, fixed));
	}
	if (r->net.len < PREFIX_MIN)
		return err_set(e, -EINVAL, path,
			"route %s is too large: use a prefix of /%d or longer", text, PREFIX_MIN);
	if (is_v4 ? b[12] == 127 || b[12] >= 224 : b[0] == 0xff || (b[0] == 0xfe && b[1] >= 0x80))
		return err_set(e, -EINVAL, path,
			"route %s is no range of hosts that are routed to: name one such as "
			"10.9.0.0/16",
			text);
	return 0;
}

/* An address that a router in @net can have, @own being ours. */
static bool is_host_of(const struct ipnet *net, const struct ipaddr *own, const struct ipaddr *via)
{
	return ip_is_v4(&net->addr) == ip_is_v4(via) && ipnet_contains(net, via)
		&& !is_same_ip(own, via) && !model_is_first_address(net, via)
		&& !(ip_is_v4(via) && model_is_last_address(net, via));
}

static int check_via(
	const struct network_cfg *n, const struct static_route *r, const char *path, struct err *e)
{
	char net[IPNET_STR_LEN], via[IP_STR_LEN];

	ipnet_print(&r->net, net);
	ip_print(&r->via, via);
	if (ip_is_v4(&r->net.addr) != ip_is_v4(&r->via))
		return err_set(e, -EINVAL, path,
			"%s is of another family than %s: name a router with an address of the "
			"same",
			via, net);
	for (unsigned i = 0; i < n->n_subnets; i++)
		if (is_host_of(&n->subnet[i], &n->gateway[i], &r->via))
			return 0;
	for (unsigned i = 0; i < n->uplink.n_addresses; i++)
		if (is_host_of(&n->uplink.address[i], &n->uplink.address[i].addr, &r->via))
			return 0;
	return err_set(e, -EINVAL, path,
		"no router can have %s in network %s%s: name a guest's, or one of the "
		"LAN that uplink_addresses are of",
		via, n->name,
		n->uplink.kind == UPLINK_HOST ? ", and what is behind the host is the host's to "
						"route"
					      : "");
}

/* Subnets are on the link: whoever is in one is not behind somebody.  Said of what was asked for. */
static int check_subnet(const struct model *m, const struct network_cfg *n, unsigned at,
	const struct network_cfg *other, struct err *e)
{
	const struct static_route *r = &n->route[at];
	char path[MODEL_PATH_LEN], net[IPNET_STR_LEN], subnet[IPNET_STR_LEN];

	ipnet_print(&r->net, net);
	for (unsigned i = 0; i < other->n_subnets; i++) {
		if (ip_is_v4(&other->subnet[i].addr) != ip_is_v4(&r->net.addr)
			|| !ipnet_overlaps(&other->subnet[i], &r->net))
			continue;
		ipnet_print(&other->subnet[i], subnet);
		if (other != n && other->id == m->subject_network_id)
			return err_set(e, -EEXIST, model_element_path(other, "subnets", i, path),
				"subnet %s overlaps route %s of network %s: choose a range that is "
				"free",
				subnet, net, n->name);
		return err_set(e, -EEXIST, model_element_path(n, "routes", at, path),
			"route %s overlaps subnet %s of network %s: choose a prefix that is free",
			net, subnet, other->name);
	}
	return 0;
}

static int check_lan(
	const struct network_cfg *n, const struct static_route *r, const char *path, struct err *e)
{
	char net[IPNET_STR_LEN], text[IPNET_STR_LEN];

	for (unsigned i = 0; i < n->uplink.n_addresses; i++) {
		const struct ipnet *lan = &n->uplink.address[i];

		if (ip_is_v4(&lan->addr) == ip_is_v4(&r->net.addr) && r->net.len >= lan->len
			&& ipnet_overlaps(lan, &r->net))
			return err_set(e, -EEXIST, path,
				"route %s is part of the uplink's LAN %s: choose a prefix behind "
				"it",
				ipnet_print(&r->net, net), ipnet_print(lan, text));
	}
	return 0;
}

/* One prefix, one way: in one network, and in the host as far as it leads to guests. */
static bool exclude_each_other(
	const struct network_cfg *a, unsigned i, const struct network_cfg *b, unsigned j)
{
	const struct static_route *x = &a->route[i], *y = &b->route[j];

	if (memcmp(&x->net, &y->net, sizeof(x->net)) != 0)
		return false;
	return a == b || (model_route_is_inside(a, x) && model_route_is_inside(b, y));
}

static int check_others(
	const struct model *m, const struct network_cfg *n, unsigned at, struct err *e)
{
	char path[MODEL_PATH_LEN], net[IPNET_STR_LEN];

	ipnet_print(&n->route[at].net, net);
	for (const struct network_cfg *p = m->network; p <= n; p++) {
		for (unsigned i = 0; i < (p == n ? at : p->n_routes); i++) {
			bool is_other = p != n && p->id == m->subject_network_id;
			const char *first = is_other ? n->name : p->name;

			if (!exclude_each_other(n, at, p, i))
				continue;
			model_element_path(is_other ? p : n, "routes", is_other ? i : at, path);
			return err_set(e, -EEXIST, path,
				"%s is routed by network %s already: 'saklar route del %s %s' "
				"first",
				net, first, first, net);
		}
	}
	return 0;
}

int model_check_routes(const struct model *m, const struct network_cfg *n, struct err *e)
{
	char path[MODEL_PATH_LEN];
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < n->n_routes; i++) {
		model_element_path(n, "routes", i, path);
		rc = check_prefix(&n->route[i], path, e);
		if (rc == 0)
			rc = check_via(n, &n->route[i], path, e);
		for (unsigned k = 0; rc == 0 && k < m->n_networks; k++)
			rc = check_subnet(m, n, i, &m->network[k], e);
		if (rc == 0)
			rc = check_lan(n, &n->route[i], path, e);
		if (rc == 0)
			rc = check_others(m, n, i, e);
	}
	return rc;
}
