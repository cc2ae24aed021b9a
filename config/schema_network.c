/* SPDX-License-Identifier: Apache-2.0 */
/* schema_network.c - JSON to struct network_cfg; back: schema_print_network.c.
 *
 * From: rpc_network.c (verbs), store.c (rows).  To: model.c.
 * Theory: a setter per key; when all are in, gateways are matched to their subnets and what was
 * left out gets its default.  Defaults that are derived from subnets (gateway, DHCP range) are
 * derived again when the subnets change and the old value was the default.
 * Invariants: gateway[i] belongs to subnet[i]; with DHCP and IPv4 there is a range.
 * Thread: the daemon has one. */
#include "config/schema_object.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NETWORK_MTU_DEFAULT 1500
#define NETWORK_AGEING_DEFAULT 300
#define NETWORK_FDB_LIMIT_TENANT 8192

/* The cfg and what the setters saw. */
struct stage {
	struct network_cfg *cfg;
	bool has_gateways, has_ranges, has_profile, has_fdb_limit, has_uplink, has_nat_ipv6,
		has_uplink_addresses, has_nat;
	bool has_leg_mac, has_uplink_mac;
	/* null: back to the default, which is known when all fields are in */
	bool resets_ranges, resets_profile, resets_fdb_limit;
	unsigned n_gateways;
	struct ipaddr gateway[NETWORK_SUBNETS_MAX];
};

static int set_mode(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	struct stage *s = cfg;

	/* the values of the row are in the order of the enum */
	s->cfg->mode
		= v ? (enum network_mode)(v->index + NETWORK_MODE_BRIDGE) : NETWORK_MODE_BRIDGE;
	return 0;
}

static int add_subnet(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	struct stage *s = cfg;

	if (!v)
		s->cfg->n_subnets = 0;
	else
		s->cfg->subnet[s->cfg->n_subnets++] = v->net;
	return 0;
}

static int add_gateway(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	struct stage *s = cfg;

	s->has_gateways = true;
	if (!v)
		s->n_gateways = 0;
	else
		s->gateway[s->n_gateways++] = v->ip;
	return 0;
}

static int set_dhcp(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	struct stage *s = cfg;

	s->cfg->has_dhcp = v && v->is_on;
	return 0;
}

static int add_dhcp_range(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	struct stage *s = cfg;

	s->has_ranges = v != NULL;
	s->resets_ranges = !v;
	if (!v)
		s->cfg->n_dhcp_ranges = 0;
	else
		s->cfg->dhcp_range[s->cfg->n_dhcp_ranges++] = v->range;
	return 0;
}

/* @v NULL: an empty list. */
static int add_host(struct dhcp_host **list, unsigned *count, const struct schema_value *v,
	const char *path, struct err *e)
{
	struct dhcp_host *grown;

	if (!v) {
		*count = 0;
		return 0;
	}
	grown = realloc(*list, (*count + 1) * sizeof(*grown));
	if (!grown)
		return err_set(e, -ENOMEM, path, "out of memory");
	grown[(*count)++] = v->host;
	*list = grown;
	return 0;
}

static int add_dhcp_host(void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	struct network_cfg *n = ((struct stage *)cfg)->cfg;

	return add_host(&n->dhcp_host, &n->n_dhcp_hosts, v, path, e);
}

static int add_neighbour(void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	struct network_cfg *n = ((struct stage *)cfg)->cfg;

	return add_host(&n->neighbour, &n->n_neighbours, v, path, e);
}

static int set_domain(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	struct network_cfg *n = ((struct stage *)cfg)->cfg;

	snprintf(n->domain, sizeof(n->domain), "%s", v ? v->text : "");
	return 0;
}

static int set_mtu(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	struct stage *s = cfg;

	s->cfg->mtu = v ? (uint16_t)v->number : NETWORK_MTU_DEFAULT;
	return 0;
}

static int set_ageing(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	struct stage *s = cfg;

	s->cfg->ageing_s = v ? v->number : NETWORK_AGEING_DEFAULT;
	return 0;
}

static int set_fdb_limit(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	struct stage *s = cfg;

	s->has_fdb_limit = v != NULL;
	s->resets_fdb_limit = !v;
	s->cfg->fdb_limit = v ? v->number : 0;
	return 0;
}

static int set_neighbour_limit(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	struct stage *s = cfg;

	s->cfg->neighbour_limit = v ? v->number : 0;
	return 0;
}

static int set_profile(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	struct stage *s = cfg;

	s->has_profile = v != NULL;
	s->resets_profile = !v;
	if (v)
		s->cfg->profile = (enum network_profile)v->index;
	return 0;
}

static int set_uplink(void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	static const struct schema_field name = { .key = "uplink", .kind = FIELD_NAME };
	struct stage *s = cfg;
	struct uplink_cfg *u = &s->cfg->uplink;
	struct schema_value checked;
	const char *text = v ? v->text : "host";
	bool is_vif = strncmp(text, "vif:", 4) == 0;
	json_t *json;
	int rc = 0;

	s->has_uplink = v != NULL;
	u->kind = strcmp(text, "host") == 0 ? UPLINK_HOST : is_vif ? UPLINK_VIF : UPLINK_NETDEV;
	u->name[0] = '\0';
	if (u->kind == UPLINK_HOST)
		return 0;
	json = json_string(text + (is_vif ? 4 : 0));
	rc = json ? schema_value_parse(&name, json, path, &checked, e) : -ENOMEM;
	if (rc == 0)
		snprintf(u->name, sizeof(u->name), "%s", checked.text);
	json_decref(json);
	return rc == -ENOMEM ? err_set(e, rc, path, "out of memory") : rc;
}

static int add_uplink_address(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	struct uplink_cfg *u = &((struct stage *)cfg)->cfg->uplink;

	((struct stage *)cfg)->has_uplink_addresses = true;
	if (!v)
		u->n_addresses = 0;
	else
		u->address[u->n_addresses++] = v->net;
	return 0;
}

static int add_uplink_gateway(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	struct uplink_cfg *u = &((struct stage *)cfg)->cfg->uplink;

	if (!v)
		u->n_gateways = 0;
	else
		u->gateway[u->n_gateways++] = v->ip;
	return 0;
}

static int set_router_mac(
	struct mac *mac, const struct schema_value *v, const char *path, struct err *e)
{
	if (v && (mac_is_zero(&v->mac) || mac_is_multicast(&v->mac)))
		return err_set(e, -EINVAL, path,
			"a router's MAC is neither zero nor multicast: the first byte must be "
			"even, such as in 52:54:00:12:34:56");
	*mac = v ? v->mac : (struct mac){ 0 };
	return 0;
}

static int set_leg_mac(void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	struct stage *s = cfg;

	s->has_leg_mac = v != NULL;
	return set_router_mac(&s->cfg->leg_mac, v, path, e);
}

static int set_uplink_mac(void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	struct stage *s = cfg;

	s->has_uplink_mac = v != NULL;
	return set_router_mac(&s->cfg->uplink.mac, v, path, e);
}

static int set_mtu_icmp(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	((struct stage *)cfg)->cfg->has_mtu_icmp = v && v->is_on;
	return 0;
}

static int set_nat_ipv6(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	struct stage *s = cfg;

	s->has_nat_ipv6 = v != NULL;
	s->cfg->is_nat_ipv6 = v && v->is_on;
	return 0;
}

static int set_vlan_filtering(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	/* the values of the row are in the order of the enum */
	((struct stage *)cfg)->cfg->vlan_filtering = v ? (uint8_t)v->index : 0;
	return 0;
}

#define SET_MULTICAST(name)                                                               \
	static int set_multicast_##name(                                                  \
		void *cfg, const struct schema_value *v, const char *path, struct err *e) \
	{                                                                                 \
		struct network_cfg *n = ((struct stage *)cfg)->cfg;                       \
                                                                                          \
		return schema_set_multicast_net(&n->multicast, #name, v, path, e);        \
	}
SET_MULTICAST(snooping)
SET_MULTICAST(querier)
SET_MULTICAST(per_vlan)
SET_MULTICAST(igmp)
SET_MULTICAST(mld)
SET_MULTICAST(limit)
SET_MULTICAST(intervals)
SET_MULTICAST(mac)
static int add_fdb(void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	struct network_cfg *n = ((struct stage *)cfg)->cfg;

	if (v)
		return fdb_list_add(&n->fdb, v->text, path, e);
	memset(&n->fdb, 0, sizeof(n->fdb));
	return 0;
}

static int set_group_fwd_mask(
	void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	/* As Linux: BR_GROUPFWD_RESTRICTED. */
	if (v && (v->number & 7) != 0)
		return err_set(e, -EINVAL, path,
			"group_fwd_mask: bits 0, 1 and 2 (STP, pause, LACP) cannot be set for a "
			"whole network: 65528 is all that can be");
	((struct stage *)cfg)->cfg->group_fwd_mask = v ? (uint16_t)v->number : 0;
	return 0;
}

#define STP_SETTER(name, key)                                                                     \
	static int name(void *cfg, const struct schema_value *v, const char *path, struct err *e) \
	{                                                                                         \
		return schema_set_stp_net(&((struct stage *)cfg)->cfg->stp, key, v, path, e);     \
	}
STP_SETTER(set_stp, "stp")
STP_SETTER(set_stp_priority, "stp_priority")
STP_SETTER(set_stp_mac, "stp_mac")
STP_SETTER(set_hello_time, "hello_time")
STP_SETTER(set_max_age, "max_age")
STP_SETTER(set_forward_delay, "forward_delay")

static int add_route(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	struct network_cfg *n = ((struct stage *)cfg)->cfg;

	if (!v)
		n->n_routes = 0;
	else
		n->route[n->n_routes++] = v->route;
	return 0;
}

#define SET_DHCP(name)                                                                    \
	static int set_##name(                                                            \
		void *cfg, const struct schema_value *v, const char *path, struct err *e) \
	{                                                                                 \
		return schema_set_dhcp(((struct stage *)cfg)->cfg, #name, v, path, e);    \
	}
SET_DHCP(dns_hosts)
SET_DHCP(dns_forwarders)
SET_DHCP(dhcp_options)
SET_DHCP(dhcp_boot)
SET_DHCP(tftp_root)

#define SET_NAT(name)                                                                     \
	static int set_nat_##name(                                                        \
		void *cfg, const struct schema_value *v, const char *path, struct err *e) \
	{                                                                                 \
		struct stage *s = cfg;                                                    \
                                                                                          \
		s->has_nat |= v != NULL;                                                  \
		return schema_set_nat(s->cfg, #name, v, path, e);                         \
	}
SET_NAT(addresses)
SET_NAT(ports)
SET_NAT(maps)
SET_NAT(filtering)
SET_NAT(timeouts)

static const struct schema_setter setters[] = {
	{ "mode", set_mode },
	{ "subnets", add_subnet },
	{ "gateways", add_gateway },
	{ "dhcp", set_dhcp },
	{ "dhcp_ranges", add_dhcp_range },
	{ "dhcp_hosts", add_dhcp_host },
	{ "neighbours", add_neighbour },
	{ "domain", set_domain },
	{ "dns_hosts", set_dns_hosts },
	{ "dns_forwarders", set_dns_forwarders },
	{ "dhcp_options", set_dhcp_options },
	{ "dhcp_boot", set_dhcp_boot },
	{ "tftp_root", set_tftp_root },
	{ "mtu", set_mtu },
	{ "ageing", set_ageing },
	{ "fdb_limit", set_fdb_limit },
	{ "neighbour_limit", set_neighbour_limit },
	{ "profile", set_profile },
	{ "vlan_filtering", set_vlan_filtering },
	{ "fdb", add_fdb },
	{ "group_fwd_mask", set_group_fwd_mask },
	{ "leg_mac", set_leg_mac },
	{ "uplink", set_uplink },
	{ "uplink_mac", set_uplink_mac },
	{ "uplink_addresses", add_uplink_address },
	{ "uplink_gateways", add_uplink_gateway },
	{ "routes", add_route },
	{ "nat_addresses", set_nat_addresses },
	{ "nat_ports", set_nat_ports },
	{ "nat_filtering", set_nat_filtering },
	{ "nat_maps", set_nat_maps },
	{ "connection_timeouts", set_nat_timeouts },
	{ "nat_ipv6", set_nat_ipv6 },
	{ "multicast_snooping", set_multicast_snooping },
	{ "multicast_querier", set_multicast_querier },
	{ "multicast_per_vlan", set_multicast_per_vlan },
	{ "multicast_igmp", set_multicast_igmp },
	{ "multicast_mld", set_multicast_mld },
	{ "multicast_limit", set_multicast_limit },
	{ "multicast_intervals", set_multicast_intervals },
	{ "multicast_mac", set_multicast_mac },
	{ "mtu_icmp", set_mtu_icmp },
	{ "stp", set_stp },
	{ "stp_priority", set_stp_priority },
	{ "stp_mac", set_stp_mac },
	{ "hello_time", set_hello_time },
	{ "max_age", set_max_age },
	{ "forward_delay", set_forward_delay },
};

/* Give each subnet the gateway that was named for it, the one it had in @before, or its first host
 * address; a gateway without subnet or a second one for the same subnet is refused. */
static int match_gateways(struct stage *s, const struct network_cfg *before, struct err *e)
{
	struct network_cfg *n = s->cfg;
	bool is_matched[NETWORK_SUBNETS_MAX] = { false };
	char path[80], text[IP_STR_LEN];

	for (unsigned i = 0; i < n->n_subnets; i++) {
		bool has_host = ipnet_host(&n->subnet[i], 1, &n->gateway[i]);

		for (unsigned j = 0; before && !s->has_gateways && j < before->n_subnets; j++)
			if (memcmp(&before->subnet[j], &n->subnet[i], sizeof(n->subnet[i])) == 0)
				n->gateway[i] = before->gateway[j];
		if (!has_host)
			n->gateway[i] = n->subnet[i].addr; /* refused by model_check() */
	}
	for (unsigned g = 0; s->has_gateways && g < s->n_gateways; g++) {
		unsigned i = 0;
		int rc = 0;

		snprintf(path, sizeof(path), "network.%s.gateways[%u]", n->name, g);
		while (i < n->n_subnets
			&& (ip_is_v4(&n->subnet[i].addr) != ip_is_v4(&s->gateway[g])
				|| !ipnet_contains(&n->subnet[i], &s->gateway[g])))
			i++;
		if (i == n->n_subnets)
			return err_set(e, -EINVAL, path,
				"gateway %s is in none of the network's subnets: choose an address "
				"inside one",
				ip_print(&s->gateway[g], text));
		if (is_matched[i])
			return err_set(e, -EINVAL, path,
				"gateway %s is the second one of its subnet: keep one",
				ip_print(&s->gateway[g], text));
		if (ipnet_is_network(&n->subnet[i])) /* else refused by model_check() */
			rc = model_check_gateway(&n->subnet[i], &s->gateway[g], path, e);
		if (rc != 0)
			return rc;
		is_matched[i] = true;
		n->gateway[i] = s->gateway[g];
	}
	return 0;
}

/* The position of @a in @net; saturates, large IPv6 nets need no more. */
static uint64_t host_index(const struct ipnet *net, const struct ipaddr *a)
{
	uint64_t index = 0;
	unsigned len = net->len + (ip_is_v4(&net->addr) ? 96u : 0u);

	for (unsigned bit = MAX(len, 65u); bit < 128; bit++)
		index = index << 1 | ((a->b[bit / 8] >> (7 - bit % 8)) & 1);
	return index;
}

/* What DHCP gives away in one subnet when nobody says otherwise: IPv4, the larger part beside the
 * gateway; IPv6, a few thousand addresses that no SLAAC host picks.  False: nothing. */
static bool default_range(
	const struct ipnet *net, const struct ipaddr *gateway, struct dhcp_range *out)
{
	uint64_t size = ipnet_size(net);
	uint64_t at = host_index(net, gateway);
	uint64_t first, last;

	if (!ip_is_v4(&net->addr)) {
		first = 0x1000;
		last = 0x1fff;
		if (net->len < 64 || size <= last || (at >= first && at <= last))
			return false;
	} else if (at - 1 >= size - 2 - at) {
		first = 1;
		last = at - 1;
	} else {
		first = at + 1;
		last = size - 2;
	}
	return first <= last && ipnet_host(net, first, &out->first)
		&& ipnet_host(net, last, &out->last);
}

static unsigned default_ranges(const struct network_cfg *n, struct dhcp_range *out)
{
	unsigned count = 0;

	for (unsigned i = 0; i < n->n_subnets; i++)
		if (ipnet_contains(&n->subnet[i], &n->gateway[i])
			&& default_range(&n->subnet[i], &n->gateway[i], &out[count]))
			count++;
	return count;
}

static bool has_default_ranges(const struct network_cfg *n)
{
	struct dhcp_range range[NETWORK_SUBNETS_MAX];
	unsigned count = default_ranges(n, range);

	return n->n_dhcp_ranges == 0
		|| (n->n_dhcp_ranges == count
			&& memcmp(range, n->dhcp_range, count * sizeof(range[0])) == 0);
}

/* A network that leads out has an uplink, another has none; a mode that changed takes it along. */
static void match_uplink(struct stage *s)
{
	struct network_cfg *n = s->cfg;

	if (n->mode != NETWORK_MODE_NAT && !s->has_nat_ipv6)
		n->is_nat_ipv6 = false;
	if (n->mode != NETWORK_MODE_NAT && !s->has_nat) {
		n->n_nat_addresses = n->nat_port_min = n->nat_port_max = n->n_nat_maps = 0;
		n->has_open_ports = false;
		n->ct_times = (struct ct_times){ 0 };
	}
	if (network_is_routed(n)) {
		if (n->uplink.kind == UPLINK_NONE)
			n->uplink.kind = UPLINK_HOST;
		if (n->uplink.kind == UPLINK_HOST && s->has_uplink && !s->has_uplink_addresses) {
			n->uplink.n_addresses = 0; /* of the device before */
			n->uplink.n_gateways = 0;
		}
	} else if (!s->has_uplink) {
		n->uplink.kind = UPLINK_NONE;
		n->uplink.name[0] = '\0';
		n->uplink.n_addresses = 0;
		n->uplink.n_gateways = 0;
	}
}

/* A MAC that was given must have a place. */
static int check_macs(const struct stage *s, struct err *e)
{
	const struct network_cfg *n = s->cfg;
	char path[80];

	snprintf(path, sizeof(path), "network.%s.%s", n->name,
		s->has_leg_mac && n->n_subnets == 0 ? "leg_mac" : "uplink_mac");
	if (s->has_leg_mac && n->n_subnets == 0)
		return err_set(e, -EINVAL, path,
			"leg_mac is for networks with a subnet, which have a host leg: leave it "
			"out");
	if (s->has_uplink_mac && n->uplink.kind == UPLINK_NONE)
		return err_set(e, -EINVAL, path,
			"uplink_mac is for modes nat, routed and open: leave it out");
	return 0;
}

static bool is_tenant_mode(enum network_mode mode)
{
	return mode == NETWORK_MODE_ISOLATED || mode == NETWORK_MODE_NAT
		|| mode == NETWORK_MODE_ROUTED;
}

static int finish(struct stage *s, const struct network_cfg *before, struct err *e)
{
	struct network_cfg *n = s->cfg;
	bool was_default = before && has_default_ranges(before);
	int rc = match_gateways(s, before, e);

	if (rc != 0)
		return rc;
	match_uplink(s);
	rc = check_macs(s, e);
	if (rc != 0)
		return rc;
	if (s->resets_profile || (!before && !s->has_profile))
		n->profile = is_tenant_mode(n->mode) ? PROFILE_TENANT : PROFILE_PLAIN;
	if (s->resets_fdb_limit || (!before && !s->has_fdb_limit))
		n->fdb_limit = n->profile == PROFILE_TENANT ? NETWORK_FDB_LIMIT_TENANT : 0;
	if (!s->has_ranges && n->has_dhcp && (!before || was_default || s->resets_ranges))
		n->n_dhcp_ranges = default_ranges(n, n->dhcp_range);
	if (!s->has_ranges && !n->has_dhcp && was_default)
		n->n_dhcp_ranges = 0;
	return 0;
}

int schema_parse_network(
	const json_t *params, enum schema_verb verb, struct network_cfg *out, struct err *e)
{
	struct stage s = { .cfg = out };
	struct schema_walk walk = { .object = &schema_network,
		.setter = setters,
		.n_setters = ARRAY_LEN(setters),
		.verb = verb,
		.name = out->name };
	struct network_cfg before = *out;
	char name[SAKLAR_NAME_LEN];
	int rc = schema_walk_name(&schema_network, params, name, e);

	if (rc != 0)
		return rc;
	memcpy(out->name, name, sizeof(name));
	if (verb != SCHEMA_SET) {
		out->mode = NETWORK_MODE_BRIDGE;
		out->mtu = NETWORK_MTU_DEFAULT;
		out->ageing_s = NETWORK_AGEING_DEFAULT;
		out->stp = schema_stp_default();
	}
	rc = schema_walk(&walk, params, &s, e);
	return rc == 0 ? finish(&s, verb == SCHEMA_SET ? &before : NULL, e) : rc;
}
