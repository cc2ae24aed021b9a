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

/* What is said of a translation, NULL: nothing. */
static const char *nat_key(const struct network_cfg *n)
{
	char text[CT_TIMES_TEXT_LEN];

	if (n->n_nat_addresses > 0)
		return "nat_addresses";
	if (n->nat_port_min != 0)
		return "nat_ports";
	if (n->has_open_ports)
		return "nat_filtering";
	return ct_times_print(&n->ct_times, text)[0] ? "connection_timeouts" : NULL;
}

int model_check_nat(const struct model *m, const struct network_cfg *n, struct err *e)
{
	char path[MODEL_PATH_LEN];
	unsigned total = 0;
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
	for (const struct network_cfg *p = m->network; p < m->network + m->n_networks; p++)
		total += p->n_nat_addresses;
	if (total > NAT_POOLS_MAX && n->n_nat_addresses > 0)
		return err_set(e, -E2BIG, model_network_path(n, "nat_addresses", path),
			"all networks have %u ranges of nat addresses, and there can be %d: join "
			"some",
			total, NAT_POOLS_MAX);
	for (unsigned i = 0; rc == 0 && i < n->n_nat_addresses; i++)
		rc = check_range(n, i, e);
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
