/* SPDX-License-Identifier: Apache-2.0 */
/* schema_print_network.c - struct network_cfg to JSON.
 *
 * From: rpc_network.c (verbs), store.c (rows), document.c (export).
 * Invariants: what is printed, schema_network.c reads as the same.
 * Thread: the daemon has one. */
#include "config/schema_object.h"

#include <stdio.h>

/* Append @text to the array of @key. */
static void append(json_t *object, const char *key, const char *text)
{
	json_array_append_new(json_object_get(object, key), json_string(text));
}

static void print_hosts(json_t *json, const char *key, const struct dhcp_host *list, unsigned count)
{
	char text[MAC_STR_LEN + IP_STR_LEN + HOSTNAME_LEN], addr[IP_STR_LEN], mac[MAC_STR_LEN];

	json_object_set_new(json, key, json_array());
	for (unsigned i = 0; i < count; i++) {
		const struct dhcp_host *h = &list[i];

		snprintf(text, sizeof(text), "%s,%s%s%s", mac_print(&h->mac, mac),
			ip_print(&h->addr, addr), h->name[0] ? "," : "", h->name);
		append(json, key, text);
	}
}

static void print_dhcp(const struct network_cfg *n, json_t *json)
{
	char text[2 * IP_STR_LEN + HOSTNAME_LEN], a[IP_STR_LEN], b[IP_STR_LEN];

	json_object_set_new(json, "dhcp", json_boolean(n->has_dhcp));
	json_object_set_new(json, "dhcp_ranges", json_array());
	for (unsigned i = 0; i < n->n_dhcp_ranges; i++) {
		snprintf(text, sizeof(text), "%s-%s", ip_print(&n->dhcp_range[i].first, a),
			ip_print(&n->dhcp_range[i].last, b));
		append(json, "dhcp_ranges", text);
	}
	print_hosts(json, "dhcp_hosts", n->dhcp_host, n->n_dhcp_hosts);
	print_hosts(json, "neighbours", n->neighbour, n->n_neighbours);
	if (n->domain[0])
		json_object_set_new(json, "domain", json_string(n->domain));
	schema_print_dhcp(n, json);
}

static void print_uplink(const struct network_cfg *n, json_t *json)
{
	const struct uplink_cfg *u = &n->uplink;
	char text[IPNET_STR_LEN];

	if (u->kind == UPLINK_NONE)
		return;
	snprintf(text, sizeof(text), "%s%s", u->kind == UPLINK_VIF ? "vif:" : "",
		u->kind == UPLINK_HOST ? "host" : u->name);
	json_object_set_new(json, "uplink", json_string(text));
	if (!mac_is_zero(&u->mac))
		json_object_set_new(json, "uplink_mac", json_string(mac_print(&u->mac, text)));
	json_object_set_new(json, "uplink_addresses", json_array());
	json_object_set_new(json, "uplink_gateways", json_array());
	for (unsigned i = 0; i < u->n_addresses; i++)
		append(json, "uplink_addresses", ipnet_print(&u->address[i], text));
	for (unsigned i = 0; i < u->n_gateways; i++)
		append(json, "uplink_gateways", ip_print(&u->gateway[i], text));
	json_object_set_new(json, "nat_ipv6", json_boolean(n->is_nat_ipv6));
	if (n->mode == NETWORK_MODE_NAT)
		schema_print_nat(n, json);
}

json_t *schema_print_network(const struct network_cfg *n)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:[], s:[], s:i, s:I, s:I, s:I, s:s}", "name",
		n->name, "mode", schema_mode_name(n->mode), "profile",
		schema_profile_name(n->profile), "subnets", "gateways", "mtu", (int)n->mtu,
		"ageing", (json_int_t)n->ageing_s, "fdb_limit", (json_int_t)n->fdb_limit,
		"neighbour_limit", (json_int_t)n->neighbour_limit, "vlan_filtering",
		schema_filtering_name(n->vlan_filtering));
	char text[STATIC_ROUTE_TEXT_LEN], fdb[FDB_TEXT_LEN];

	if (!json)
		return NULL;
	json_object_set_new(json, "mtu_icmp", json_boolean(n->has_mtu_icmp));
	for (unsigned i = 0; i < n->n_subnets; i++) {
		append(json, "subnets", ipnet_print(&n->subnet[i], text));
		append(json, "gateways", ip_print(&n->gateway[i], text));
	}
	json_object_set_new(json, "group_fwd_mask", json_integer(n->group_fwd_mask));
	json_object_set_new(json, "fdb", json_array());
	for (unsigned i = 0; i < n->fdb.n; i++)
		append(json, "fdb", fdb_list_print(&n->fdb.item[i], fdb));
	print_dhcp(n, json);
	if (!mac_is_zero(&n->leg_mac))
		json_object_set_new(json, "leg_mac", json_string(mac_print(&n->leg_mac, text)));
	print_uplink(n, json);
	json_object_set_new(json, "routes", json_array());
	for (unsigned i = 0; i < n->n_routes; i++)
		append(json, "routes", static_route_print(&n->route[i], text));
	schema_print_multicast_net(&n->multicast, json);
	schema_print_stp_net(&n->stp, json);
	return json;
}
