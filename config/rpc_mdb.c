/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_mdb.c - who wants which multicast groups: list what is known, add and remove static groups.
 *
 * From: rpc_dispatch.c.  To: reconcile_dump.c (what is known), the model (what is static).
 * Theory: a static group is a word of its vif's multicast_groups; add and del change that list, so
 * that it is stored, exported and applied as part of the vif.
 * Thread: the daemon has one. */
#include "config/daemon.h"
#include "config/rpc_methods.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The name of the vif, or of the network whose host leg it is. */
static const char *vif_name(const struct model *m, const struct network_cfg *n, uint16_t vif_id)
{
	const struct vif_cfg *v = model_vif_by_id(m, vif_id);

	if (v != NULL)
		return v->name;
	return n != NULL && n->leg_vif_id == vif_id && vif_id != VIF_ID_NONE ? n->name : NULL;
}

static const char *mode_of(const struct msg_mdb_entry *entry)
{
	if (entry->kind == MDB_ENTRY_GROUP)
		return entry->flags & MDB_ENTRY_EXCLUDE ? "exclude" : "include";
	if (entry->kind == MDB_ENTRY_SOURCE)
		return entry->flags & MDB_ENTRY_BLOCKED ? "blocked" : "forwarding";
	return NULL;
}

static json_t *view_entry(const struct model *m, const struct msg_mdb_entry *entry)
{
	static const char *const kinds[] = { "unknown", "group", "source", "router", "querier" };
	const struct network_cfg *n = model_network_by_id(m, entry->network_id);
	bool has_group = entry->kind == MDB_ENTRY_GROUP || entry->kind == MDB_ENTRY_SOURCE;
	bool has_source = entry->kind == MDB_ENTRY_SOURCE || entry->kind == MDB_ENTRY_QUERIER;
	bool is_v6 = has_group ? entry->group[0] == 0xff : (entry->flags & MDB_ENTRY_IP6) != 0;
	char group[IP_STR_LEN], source[IP_STR_LEN];

	return json_pack("{s:s?, s:i, s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:b, s:b, s:f}", "network",
		n ? n->name : NULL, "vlan", (int)entry->vid, "kind",
		kinds[entry->kind < ARRAY_LEN(kinds) ? entry->kind : 0], "family",
		has_group && entry->group[0] == 1 ? "mac"
			: is_v6                   ? "ipv6"
						  : "ipv4",
		"vif", vif_name(m, n, entry->vif_id), "group",
		has_group ? multicast_addr_print(entry->group, group) : NULL, "source",
		has_source ? multicast_addr_print(entry->source, source) : NULL, "mode",
		mode_of(entry), "static", (entry->flags & MDB_ENTRY_STATIC) != 0, "flooding",
		(entry->flags & MDB_ENTRY_FLOODS) != 0, "timeout_s",
		(double)entry->timer_ms / 1000);
}

int rpc_mdb_list(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	struct msg_mdb_entry *entry = NULL;
	const struct network_cfg *n;
	size_t count = 0;
	int rc = rpc_list_network(d->model, call->params, &n, e);

	if (rc == 0)
		rc = reconcile_mdb_list(
			d->reconcile, n ? n->id : NETWORK_ID_NONE, &entry, &count, e);
	if (rc != 0)
		return rc;
	*result = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(*result, view_entry(d->model, &entry[i]));
	free(entry);
	return 0;
}

/* The group that @params name, as one word. */
static int read_group(const json_t *params, struct multicast_group *out, struct err *e)
{
	const char *group = json_string_value(json_object_get(params, "group"));
	const char *source = json_string_value(json_object_get(params, "source"));
	const json_t *vlan = json_object_get(params, "vlan");
	char text[MULTICAST_TEXT_LEN], vid[32] = "";

	if (group == NULL || strchr(group, ',') != NULL)
		return err_set(e, -EINVAL, "group",
			"group is missing: name an IPv4 or IPv6 group, or the MAC of one");
	if ((json_object_get(params, "source") && (source == NULL || strchr(source, ',')))
		|| (vlan && !json_is_integer(vlan)))
		return err_set(e, -EINVAL, source == NULL ? "source" : "vlan",
			"source is an IP address and vlan a number: leave them out for all sources "
			"and a network without VLANs");
	if (vlan)
		snprintf(vid, sizeof(vid), ",vlan=%lld", (long long)json_integer_value(vlan));
	snprintf(text, sizeof(text), "%.60s%s%.60s%s", group, source ? "," : "",
		source ? source : "", vid);
	return multicast_group_parse(text, "group", out, e);
}

static unsigned find_group(const struct multicast_vif_cfg *m, const struct multicast_group *g)
{
	unsigned i = 0;

	while (i < m->n_groups && !multicast_group_is_same(&m->group[i], g))
		i++;
	return i;
}

/* Commit a copy of @v in which @groups are the static ones. */
static int commit(struct daemon *d, struct rpc_call *call, const struct vif_cfg *v,
	const struct multicast_vif_cfg *groups, json_t **result, struct err *e)
{
	struct vif_cfg changed = *v;
	struct rpc_change change = { .put_vif = &changed };
	struct model *next = model_copy(d->model);
	int rc;

	if (!next)
		return err_set(e, -ENOMEM, "", "out of memory");
	changed.multicast = *groups;
	next->subject_vif_id = v->id;
	*model_vif_by_id(next, v->id) = changed;
	rc = rpc_commit(d, call, next, &change, e);
	if (rc == 0)
		*result = json_pack("{s:I}", "generation", (json_int_t)d->model->generation);
	return rc;
}

static int change(
	struct daemon *d, struct rpc_call *call, bool is_add, json_t **result, struct err *e)
{
	static const char *const keys[] = { "vif", "group", "source", "vlan", NULL };
	struct multicast_vif_cfg groups;
	const struct vif_cfg *v;
	struct multicast_group g;
	char text[MULTICAST_TEXT_LEN];
	unsigned at;
	int rc = rpc_only_keys(call->params, keys, e);

	if (rc != 0)
		return rc;
	v = rpc_find_vif(d->model, call->params, "vif", e);
	if (!v)
		return e->code;
	rc = read_group(call->params, &g, e);
	if (rc != 0)
		return rc;
	groups = v->multicast;
	at = find_group(&groups, &g);
	multicast_group_print(&g, text);
	if (is_add && at < groups.n_groups)
		return err_set(e, -EEXIST, "group", "vif %s has got the static group %s before",
			v->name, text);
	if (is_add && at == MULTICAST_GROUPS_MAX)
		return err_set(e, -E2BIG, "group",
			"vif %s has %u static groups, which is as many as it can have: delete one",
			v->name, MULTICAST_GROUPS_MAX);
	if (!is_add && at == groups.n_groups)
		return err_set(e, -ENOENT, "group",
			"vif %s has no static group %s: 'saklar vif show %s' names them; what was "
			"learned goes by itself",
			v->name, text, v->name);
	if (is_add)
		groups.group[groups.n_groups++] = g;
	else
		memmove(&groups.group[at], &groups.group[at + 1],
			(--groups.n_groups - at) * sizeof(g));
	return commit(d, call, v, &groups, result, e);
}

int rpc_mdb_add(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	return change(d, call, true, result, e);
}

int rpc_mdb_del(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	return change(d, call, false, result, e);
}
