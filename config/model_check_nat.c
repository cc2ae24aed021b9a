/* SPDX-License-Identifier: Apache-2.0 */
/* model_check_nat.c - do the addresses and ports that guests are translated to fit the rest?
 *
 * From: model_check.c, model_check_uplink.c.  To: struct err.
 * Theory: as model_check.c: one small function a rule, one sentence for the user.
 * Invariants: nothing is changed; the first offence is reported.
 * Thread: the daemon has one. */
#include "config/model_check.h"

#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static uint32_t low32(const struct ipaddr *a)
{
	uint32_t low;

	memcpy(&low, a->b + 12, sizeof(low));
	return be32toh(low);
}

unsigned model_nat_range_size(const struct dhcp_range *r)
{
	if (memcmp(r->first.b, r->last.b, 12) != 0 || low32(&r->last) < low32(&r->first)
		|| low32(&r->last) - low32(&r->first) >= NAT_POOL_MAX)
		return 0;
	return low32(&r->last) - low32(&r->first) + 1;
}

static bool is_inside(const struct dhcp_range *r, const struct ipaddr *a)
{
	return memcmp(r->first.b, a->b, 12) == 0 && low32(a) >= low32(&r->first)
		&& low32(a) <= low32(&r->last);
}

static bool overlaps(const struct dhcp_range *a, const struct dhcp_range *b)
{
	return is_inside(a, &b->first) || is_inside(b, &a->first);
}

static int check_range(const struct network_cfg *n, unsigned at, struct err *e)
{
	const struct dhcp_range *r = &n->nat_address[at];
	char path[MODEL_PATH_LEN], first[IP_STR_LEN], last[IP_STR_LEN], net[IPNET_STR_LEN];
	bool is_v4 = ip_is_v4(&r->first);

	model_element_path(n, "nat_addresses", at, path);
	ip_print(&r->first, first);
	ip_print(&r->last, last);
	if (model_nat_range_size(r) == 0)
		return err_set(e, -EINVAL, path,
			"nat addresses %s-%s are inverted or more than %d: write FIRST-LAST with "
			"the lower one first",
			first, last, NAT_POOL_MAX);
	if (!is_v4 && !n->is_nat_ipv6)
		return err_set(e, -EINVAL, path,
			"network %s routes IPv6 and does not translate it to %s: leave the range "
			"out, or add --nat-ipv6",
			n->name, first);
	for (unsigned i = 0; i < n->n_subnets; i++)
		if (ip_is_v4(&n->subnet[i].addr) == is_v4
			&& (ipnet_contains(&n->subnet[i], &r->first)
				|| ipnet_contains(&n->subnet[i], &r->last)))
			return err_set(e, -EINVAL, path,
				"nat addresses %s-%s are in the guests' own subnet %s: name some "
				"of the uplink's LAN",
				first, last, ipnet_print(&n->subnet[i], net));
	for (unsigned i = 0; i < n->uplink.n_gateways; i++)
		if (is_inside(r, &n->uplink.gateway[i]))
			return err_set(e, -EINVAL, path,
				"nat addresses %s-%s hold the uplink's gateway %s, which is "
				"another host: leave it out",
				first, last, ip_print(&n->uplink.gateway[i], net));
	return 0;
}

/* No address answers for two networks. */
static int check_others(const struct model *m, const struct network_cfg *n, struct err *e)
{
	char path[MODEL_PATH_LEN], first[IP_STR_LEN], last[IP_STR_LEN];

	for (const struct network_cfg *p = m->network; p <= n; p++)
		for (unsigned i = 0; i < n->n_nat_addresses; i++)
			for (unsigned j = 0; j < (p == n ? i : p->n_nat_addresses); j++)
				if (overlaps(&n->nat_address[i], &p->nat_address[j]))
					return err_set(e, -EEXIST,
						model_element_path(n, "nat_addresses", i, path),
						"nat addresses %s-%s are those of network %s in "
						"part: choose others",
						ip_print(&n->nat_address[i].first, first),
						ip_print(&n->nat_address[i].last, last), p->name);
	return 0;
}

static bool is_same_ip(const struct ipaddr *a, const struct ipaddr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* Can somebody in @n have the address? */
static bool is_of_guest(const struct network_cfg *n, const struct ipaddr *a)
{
	for (unsigned i = 0; i < n->n_subnets; i++)
		if (ip_is_v4(&n->subnet[i].addr) == ip_is_v4(a) && ipnet_contains(&n->subnet[i], a)
			&& !is_same_ip(&n->gateway[i], a)
			&& !model_is_first_address(&n->subnet[i], a)
			&& !(ip_is_v4(a) && model_is_last_address(&n->subnet[i], a)))
			return true;
	return false;
}

/* An address of the uplink's that is somebody's already; NULL: it is free. */
static const char *owner_of(const struct network_cfg *n, const struct ipaddr *a)
{
	for (unsigned i = 0; i < n->uplink.n_addresses; i++)
		if (is_same_ip(&n->uplink.address[i].addr, a))
			return "the uplink's own";
	for (unsigned i = 0; i < n->uplink.n_gateways; i++)
		if (is_same_ip(&n->uplink.gateway[i], a))
			return "the uplink's gateway's";
	for (unsigned i = 0; i < n->n_subnets; i++)
		if (ip_is_v4(&n->subnet[i].addr) == ip_is_v4(a) && ipnet_contains(&n->subnet[i], a))
			return "in the guests' own subnet";
	return NULL;
}

static int check_map(const struct network_cfg *n, unsigned at, struct err *e)
{
	const struct nat_map *map = &n->nat_map[at];
	char path[MODEL_PATH_LEN], outside[IP_STR_LEN], guest[IP_STR_LEN];
	const char *owner = owner_of(n, &map->outside);

	model_element_path(n, "nat_maps", at, path);
	ip_print(&map->outside, outside);
	ip_print(&map->guest, guest);
	if (!is_of_guest(n, &map->guest))
		return err_set(e, -EINVAL, path,
			"nobody in network %s can have the address %s: name a guest's inside its "
			"subnets",
			n->name, guest);
	if (!ip_is_v4(&map->guest) && !n->is_nat_ipv6)
		return err_set(e, -EINVAL, path,
			"network %s routes IPv6 and does not translate %s: leave it out, or add "
			"--nat-ipv6",
			n->name, guest);
	if (owner != NULL)
		return err_set(e, -EINVAL, path,
			"%s cannot be one guest's alone, it is %s: name another of the uplink's "
			"LAN",
			outside, owner);
	return 0;
}

/* No address outside for two guests, nor for one and a pool; no guest with two. */
static int check_map_is_alone(
	const struct model *m, const struct network_cfg *n, unsigned at, struct err *e)
{
	const struct nat_map *map = &n->nat_map[at];
	char path[MODEL_PATH_LEN], text[IP_STR_LEN];

	model_element_path(n, "nat_maps", at, path);
	for (const struct network_cfg *p = m->network; p < m->network + m->n_networks; p++) {
		for (unsigned i = 0; i < p->n_nat_addresses; i++)
			if (is_inside(&p->nat_address[i], &map->outside))
				return err_set(e, -EEXIST, path,
					"%s is one of the nat addresses of network %s: leave it "
					"out there, or name another",
					ip_print(&map->outside, text), p->name);
		for (unsigned i = 0; i < (p == n ? at : p->n_nat_maps) && p <= n; i++) {
			if (is_same_ip(&p->nat_map[i].outside, &map->outside))
				return err_set(e, -EEXIST, path,
					"%s is a guest's of network %s already: name another",
					ip_print(&map->outside, text), p->name);
			if (p == n && is_same_ip(&p->nat_map[i].guest, &map->guest))
				return err_set(e, -EEXIST, path,
					"guest %s has an address outside already: keep one",
					ip_print(&map->guest, text));
		}
	}
	return 0;
}

/* What is said of a translation, NULL: nothing. */
static const char *nat_key(const struct network_cfg *n)
{
	char text[CT_TIMES_TEXT_LEN];

	if (n->n_nat_addresses > 0)
		return "nat_addresses";
	if (n->n_nat_maps > 0)
		return "nat_maps";
	if (n->nat_port_min != 0)
		return "nat_ports";
	if (n->has_open_ports)
		return "nat_filtering";
	return ct_times_print(&n->ct_times, text)[0] ? "connection_timeouts" : NULL;
}

int model_check_nat(const struct model *m, const struct network_cfg *n, struct err *e)
{
	char path[MODEL_PATH_LEN];
	unsigned total = 0, n_maps = 0;
	int rc = 0;

	if (n->mode != NETWORK_MODE_NAT && nat_key(n) != NULL)
		return err_set(e, -EINVAL, model_network_path(n, nat_key(n), path),
			"only mode nat translates: leave it out, or add --mode nat");
	if (n->has_open_ports && n->uplink.kind == UPLINK_HOST)
		return err_set(e, -EINVAL, model_network_path(n, "nat_filtering", path),
			"uplink host translates once more, and lets in only whom guests have "
			"spoken to: name a device or vif with --uplink, or leave out "
			"--nat-filtering");
	if (n->n_nat_addresses > 0 && n->uplink.kind == UPLINK_HOST)
		return err_set(e, -EINVAL, model_network_path(n, "nat_addresses", path),
			"uplink host translates once more, to the host's address: name a device or "
			"vif with --uplink, or leave out --nat-address");
	for (const struct network_cfg *p = m->network; p < m->network + m->n_networks; p++) {
		total += p->n_nat_addresses;
		n_maps += p->n_nat_maps;
	}
	if (n_maps > NAT_MAPS_MAX && n->n_nat_maps > 0)
		return err_set(e, -E2BIG, model_network_path(n, "nat_maps", path),
			"all networks have %u addresses of single guests, and there can be %d: "
			"delete some",
			n_maps, NAT_MAPS_MAX);
	if (total > NAT_POOLS_MAX && n->n_nat_addresses > 0)
		return err_set(e, -E2BIG, model_network_path(n, "nat_addresses", path),
			"all networks have %u ranges of nat addresses, and there can be %d: join "
			"some",
			total, NAT_POOLS_MAX);
	if (n->n_nat_maps > 0 && n->uplink.kind == UPLINK_HOST)
		return err_set(e, -EINVAL, model_network_path(n, "nat_maps", path),
			"uplink host translates once more, to the host's address: name a device or "
			"vif with --uplink, or leave out --nat-map");
	for (unsigned i = 0; rc == 0 && i < n->n_nat_addresses; i++)
		rc = check_range(n, i, e);
	for (unsigned i = 0; rc == 0 && i < n->n_nat_maps; i++)
		rc = check_map(n, i, e);
	for (unsigned i = 0; rc == 0 && i < n->n_nat_maps; i++)
		rc = check_map_is_alone(m, n, i, e);
	return rc == 0 ? check_others(m, n, e) : rc;
}

static unsigned last_of(const struct forward_cfg *f)
{
	return f->last_port != 0 ? f->last_port : f->port;
}

bool model_forwards_overlap(const struct forward_cfg *a, const struct forward_cfg *b)
{
	return a->proto == b->proto && a->port <= last_of(b) && b->port <= last_of(a);
}

int model_check_forward_ports(const struct forward_cfg *f, const char *path, struct err *e)
{
	if (last_of(f) < f->port)
		return err_set(e, -EINVAL, path,
			"ports %u-%u are inverted: write the lower one first", f->port, last_of(f));
	if (f->target_port + (last_of(f) - f->port) > UINT16_MAX)
		return err_set(e, -EINVAL, path,
			"%u ports from %u on end behind 65535: choose a lower target port, or "
			"fewer",
			last_of(f) - f->port + 1, f->target_port);
	return 0;
}
