/* SPDX-License-Identifier: Apache-2.0 */
/* schema_multicast.c - the setters of what is said about multicast, and back to JSON.
 *
 * From: schema_network.c, schema_vif.c.  To: multicast.c.
 * Theory: 0 is what nobody has said; the profile or the Linux bridge says it then.
 * Thread: the daemon has one. */
#include "config/schema_object.h"

#include <errno.h>
#include <string.h>

int schema_set_multicast_net(struct multicast_net_cfg *m, const char *key,
	const struct schema_value *v, const char *path, struct err *e)
{
	if (strcmp(key, "snooping") == 0)
		m->is_off = v && !v->is_on;
	else if (strcmp(key, "querier") == 0)
		m->is_querier = v && v->is_on;
	else if (strcmp(key, "per_vlan") == 0)
		m->is_per_vlan = v && v->is_on;
	else if (strcmp(key, "igmp") == 0)
		m->igmp_version = v ? (uint8_t)v->number : 0;
	else if (strcmp(key, "mld") == 0)
		m->mld_version = v ? (uint8_t)v->number : 0;
	else if (strcmp(key, "limit") == 0)
		m->limit = v ? v->number : 0;
	else if (strcmp(key, "mac") == 0 && v
		&& (mac_is_zero(&v->mac) || mac_is_multicast(&v->mac)))
		return err_set(e, -EINVAL, path,
			"the MAC that asks is neither zero nor multicast: the first byte must be "
			"even, "
			"such as in 52:54:00:12:34:56");
	else if (strcmp(key, "mac") == 0)
		m->mac = v ? v->mac : (struct mac){ 0 };
	else
		return multicast_intervals_parse(v ? v->text : "", path, &m->intervals, e);
	return 0;
}

static int add_group(
	struct multicast_vif_cfg *m, const struct schema_value *v, const char *path, struct err *e)
{
	if (!v) {
		m->n_groups = 0;
		return 0;
	}
	if (m->n_groups == MULTICAST_GROUPS_MAX)
		return err_set(e, -E2BIG, path, "one vif takes %u static groups at most",
			MULTICAST_GROUPS_MAX);
	return multicast_group_parse(v->text, path, &m->group[m->n_groups++], e);
}

int schema_set_multicast_vif(struct multicast_vif_cfg *m, const char *key,
	const struct schema_value *v, const char *path, struct err *e)
{
	if (strcmp(key, "router") == 0)
		m->router = v ? (uint8_t)(v->index + 1) : 0;
	else if (strcmp(key, "fast_leave") == 0)
		m->is_fast_leave = v && v->is_on;
	else if (strcmp(key, "limit") == 0)
		m->limit = v ? v->number : 0;
	else if (strcmp(key, "rate") == 0)
		m->rate = v ? v->number : 0;
	else
		return add_group(m, v, path, e);
	return 0;
}

void schema_print_multicast_net(const struct multicast_net_cfg *m, json_t *json)
{
	char text[MULTICAST_TEXT_LEN];

	json_object_set_new(json, "multicast_snooping", json_boolean(!m->is_off));
	json_object_set_new(json, "multicast_querier", json_boolean(m->is_querier));
	json_object_set_new(json, "multicast_per_vlan", json_boolean(m->is_per_vlan));
	json_object_set_new(
		json, "multicast_igmp", json_integer(m->igmp_version != 0 ? m->igmp_version : 2));
	json_object_set_new(
		json, "multicast_mld", json_integer(m->mld_version != 0 ? m->mld_version : 1));
	json_object_set_new(json, "multicast_limit", json_integer(m->limit));
	if (multicast_intervals_print(&m->intervals, text)[0])
		json_object_set_new(json, "multicast_intervals", json_string(text));
	if (!mac_is_zero(&m->mac))
		json_object_set_new(json, "multicast_mac", json_string(mac_print(&m->mac, text)));
}

void schema_print_multicast_vif(const struct multicast_vif_cfg *m, json_t *json)
{
	const struct schema_field *f = schema_field(&schema_vif, "multicast_router");
	char text[MULTICAST_TEXT_LEN];
	json_t *groups;

	if (m->router != 0)
		json_object_set_new(
			json, "multicast_router", json_string(f->values[m->router - 1]));
	json_object_set_new(json, "multicast_fast_leave", json_boolean(m->is_fast_leave));
	json_object_set_new(json, "multicast_limit", json_integer(m->limit));
	json_object_set_new(json, "multicast_rate", json_integer(m->rate));
	groups = json_array();
	for (unsigned i = 0; i < m->n_groups; i++)
		json_array_append_new(
			groups, json_string(multicast_group_print(&m->group[i], text)));
	json_object_set_new(json, "multicast_groups", groups);
}
