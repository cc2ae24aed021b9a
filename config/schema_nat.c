/* SPDX-License-Identifier: Apache-2.0 */
/* schema_nat.c - how the guests of a network are translated: JSON values to network_cfg and back.
 *
 * From: schema_network.c.
 * Thread: the daemon has one. */
#include "config/schema_object.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int set_ports(
	struct network_cfg *n, const struct schema_value *v, const char *path, struct err *e)
{
	unsigned long first, last = 0;
	char *dash, *end = NULL;

	n->nat_port_min = n->nat_port_max = 0;
	if (!v)
		return 0;
	first = strtoul(v->text, &dash, 10);
	if (*dash == '-')
		last = strtoul(dash + 1, &end, 10);
	if (strspn(v->text, "0123456789-") != strlen(v->text) || end == NULL || *end != '\0'
		|| last > UINT16_MAX || first > last)
		return err_set(e, -EINVAL, path,
			"nat_ports is FIRST-LAST with ports up to 65535, such as 1024-65535, not "
			"%s",
			v->text);
	if (first < NAT_PORT_MIN)
		return err_set(e, -EINVAL, path,
			"guests never get a port below %d, which others trust: begin with one from "
			"there on",
			NAT_PORT_MIN);
	n->nat_port_min = (uint16_t)first;
	n->nat_port_max = (uint16_t)last;
	return 0;
}

static void add_address(struct network_cfg *n, const struct schema_value *v)
{
	if (!v)
		n->n_nat_addresses = 0;
	else
		n->nat_address[n->n_nat_addresses++] = v->range;
}

static void add_map(struct network_cfg *n, const struct schema_value *v)
{
	if (!v)
		n->n_nat_maps = 0;
	else
		n->nat_map[n->n_nat_maps++]
			= (struct nat_map){ .outside = v->range.first, .guest = v->range.last };
}

int schema_set_nat(struct network_cfg *n, const char *key, const struct schema_value *v,
	const char *path, struct err *e)
{
	if (strcmp(key, "ports") == 0)
		return set_ports(n, v, path, e);
	if (strcmp(key, "timeouts") == 0)
		return ct_times_parse(v ? v->text : "", path, &n->ct_times, e);
	if (strcmp(key, "addresses") == 0)
		add_address(n, v);
	else if (strcmp(key, "maps") == 0)
		add_map(n, v);
	else
		n->has_open_ports = v && v->index == 1;
	return 0;
}

static void print_pairs(
	json_t *list, const char *between, const struct ipaddr *a, const struct ipaddr *b)
{
	char text[2 * IP_STR_LEN], first[IP_STR_LEN], second[IP_STR_LEN];

	snprintf(text, sizeof(text), "%s%s%s", ip_print(a, first), between, ip_print(b, second));
	json_array_append_new(list, json_string(text));
}

void schema_print_nat(const struct network_cfg *n, json_t *json)
{
	const struct schema_field *filtering = schema_field(&schema_network, "nat_filtering");
	json_t *addresses = json_array(), *maps = json_array();
	char text[CT_TIMES_TEXT_LEN];

	for (unsigned i = 0; i < n->n_nat_addresses; i++)
		print_pairs(addresses, "-", &n->nat_address[i].first, &n->nat_address[i].last);
	for (unsigned i = 0; i < n->n_nat_maps; i++)
		print_pairs(maps, ",", &n->nat_map[i].outside, &n->nat_map[i].guest);
	json_object_set_new(json, "nat_addresses", addresses);
	json_object_set_new(json, "nat_maps", maps);
	json_object_set_new(
		json, "nat_filtering", json_string(filtering->values[n->has_open_ports]));
	if (ct_times_print(&n->ct_times, text)[0])
		json_object_set_new(json, "connection_timeouts", json_string(text));
	if (n->nat_port_min == 0)
		return;
	snprintf(text, sizeof(text), "%d-%d", n->nat_port_min, n->nat_port_max);
	json_object_set_new(json, "nat_ports", json_string(text));
}
