/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_fdb.c - the verbs of the forwarding table.
 *
 * From: rpc_dispatch.c.  To: fdb_list.c (what is wanted), rpc_change.c (commit), reconcile.c (what is
 * there).
 * Theory: an entry that is added is a field of its vif (of the network, for the host leg), so it is
 * stored, exported and applied like any other; what was learned is the engine's alone.
 * Thread: the daemon has one. */
#include "config/daemon.h"
#include "config/rpc_methods.h"
#include "config/schema_value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Name of the port of an FDB entry: a vif, or the network itself for its leg. */
static const char *port_name(const struct daemon *d, uint16_t vif_id, const struct network_cfg *n)
{
	const struct vif_cfg *v = model_vif_by_id(d->model, vif_id);

	if (v)
		return v->name;
	return n && n->leg_vif_id == vif_id ? n->name : NULL;
}

static json_t *view_fdb_entry(const struct daemon *d, const struct msg_fdb_entry *entry)
{
	static const char *const origins[] = { "unknown", "learned", "local", "static" };
	const struct network_cfg *n = model_network_by_id(d->model, entry->network_id);
	struct mac mac;
	char text[MAC_STR_LEN];

	memcpy(mac.b, entry->mac, sizeof(mac.b));
	return json_pack("{s:s?, s:s, s:i, s:s?, s:I, s:s, s:b, s:I}", "network",
		n ? n->name : NULL, "mac", mac_print(&mac, text), "vlan", (int)entry->vid, "vif",
		port_name(d, entry->vif_id, n), "age_s", (json_int_t)(entry->age_ms / 1000),
		"origin", origins[entry->origin < ARRAY_LEN(origins) ? entry->origin : 0], "sticky",
		(entry->flags & MSG_FDB_STICKY) != 0, "moves", (json_int_t)entry->moves);
}

int rpc_fdb_list(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	static const char *const keys[] = { "network", "vif", NULL };
	struct msg_fdb_entry *entry = NULL;
	uint16_t network_id = NETWORK_ID_NONE, vif_id = VIF_ID_NONE;
	size_t n = 0;
	int rc = rpc_only_keys(call->params, keys, e);

	if (rc == 0)
		rc = rpc_read_filter(d->model, call->params, &network_id, &vif_id, e);
	if (rc == 0)
		rc = reconcile_fdb_list(d->reconcile, network_id, &entry, &n, e);
	if (rc != 0)
		return rc;
	*result = json_array();
	for (size_t i = 0; i < n; i++)
		if (vif_id == VIF_ID_NONE || entry[i].vif_id == vif_id)
			json_array_append_new(*result, view_fdb_entry(d, &entry[i]));
	free(entry);
	return 0;
}

/* The optional field vlan of @params; 0: it is not there. */
static int read_vlan(const json_t *params, uint16_t *vid, struct err *e)
{
	static const struct schema_field field
		= { .key = "vlan", .kind = FIELD_U32, .min = 1, .max = VLAN_VID_MAX };
	const json_t *json = json_object_get(params, "vlan");
	struct schema_value value = { 0 };
	int rc = json ? schema_value_parse(&field, json, "vlan", &value, e) : 0;

	*vid = (uint16_t)value.number;
	return rc;
}

static int read_mac(const json_t *params, struct mac *mac, struct err *e)
{
	static const struct schema_field field = { .key = "mac", .kind = FIELD_MAC };
	const json_t *json = json_object_get(params, "mac");
	struct schema_value value;
	int rc = json ? schema_value_parse(&field, json, "mac", &value, e)
		      : err_set(e, -EINVAL, "mac", "mac is missing: say which address");

	if (rc == 0)
		*mac = value.mac;
	return rc;
}

int rpc_fdb_flush(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	static const char *const keys[] = { "network", "vif", "vlan", NULL };
	struct msg_fdb_flush what = { 0 };
	uint16_t network_id = NETWORK_ID_NONE, vif_id = VIF_ID_NONE;
	int rc = rpc_only_keys(call->params, keys, e);

	if (rc == 0)
		rc = rpc_read_filter(d->model, call->params, &network_id, &vif_id, e);
	if (rc == 0)
		rc = read_vlan(call->params, &what.vid, e);
	if (rc != 0)
		return rc;
	what.network_id = network_id;
	what.vif_id = vif_id;
	rc = reconcile_fdb_flush(d->reconcile, &what, e);
	if (rc == 0)
		*result = json_pack("{s:I}", "generation", (json_int_t)d->model->generation);
	return rc;
}

/* Commit @next, in which a vif or a network is changed. */
static int commit(struct daemon *d, struct rpc_call *call, struct model *next,
	const struct rpc_change *change, json_t **result, struct err *e)
{
	int rc;

	next->subject_vif_id = change->put_vif ? change->put_vif->id : VIF_ID_NONE;
	next->subject_network_id = change->put_network ? change->put_network->id : NETWORK_ID_NONE;
	rc = rpc_commit(d, call, next, change, e);
	if (rc == 0)
		*result = json_pack("{s:I}", "generation", (json_int_t)d->model->generation);
	return rc;
}

/* What is to be added, as a vif's field says it. */
static int read_item(const json_t *params, char text[FDB_TEXT_LEN], struct err *e)
{
	const json_t *sticky = json_object_get(params, "sticky");
	struct fdb_item item = { .is_sticky = json_is_true(sticky) };
	int rc = read_mac(params, &item.mac, e);

	if (rc == 0)
		rc = read_vlan(params, &item.vid, e);
	if (rc == 0 && sticky && !json_is_boolean(sticky))
		rc = err_set(e, -EINVAL, "sticky", "sticky: write true or false");
	if (rc == 0)
		fdb_list_print(&item, text);
	return rc;
}

int rpc_fdb_add(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	static const char *const keys[] = { "mac", "vif", "vlan", "sticky", NULL };
	const char *name = json_string_value(json_object_get(call->params, "vif"));
	struct model *next = model_copy(d->model);
	struct network_cfg *n = NULL;
	struct vif_cfg *v = NULL;
	char text[FDB_TEXT_LEN];
	int rc = next ? rpc_only_keys(call->params, keys, e)
		      : err_set(e, -ENOMEM, "", "out of memory");

	if (rc == 0)
		rc = read_item(call->params, text, e);
	if (rc == 0)
		n = name ? model_network(next, name) : NULL;
	if (rc == 0 && !n) {
		v = rpc_find_vif(next, call->params, "vif", e);
		rc = v ? 0 : e->code;
	}
	if (rc == 0)
		rc = fdb_list_add(v ? &v->fdb : &n->fdb, text, "mac", e);
	if (rc == 0)
		return commit(d, call, next, &(struct rpc_change){ .put_vif = v, .put_network = n },
			result, e);
	model_destroy(next);
	return rc;
}

/* The item of @l for @mac in VLAN @vid (0: any), or -1. */
static int find_item(
	const struct network_cfg *n, const struct vif_cfg *v, const struct mac *mac, uint16_t vid)
{
	const struct fdb_list *l = v ? &v->fdb : &n->fdb;

	for (unsigned i = 0; i < l->n; i++)
		if (memcmp(&l->item[i].mac, mac, sizeof(*mac)) == 0
			&& (vid == 0 || model_fdb_vid(n, v, &l->item[i]) == vid))
			return (int)i;
	return -1;
}

/* Take the entry out of the model; *is_found tells whether it was there. */
static int del_wanted(struct daemon *d, struct rpc_call *call, const struct msg_fdb_flush *what,
	bool *is_found, json_t **result, struct err *e)
{
	struct model *next = model_copy(d->model);
	struct network_cfg *n = next ? model_network_by_id(next, (uint16_t)what->network_id) : NULL;
	struct mac mac;
	int at;

	if (!n)
		return err_set(e, -ENOMEM, "", "out of memory");
	memcpy(mac.b, what->mac, sizeof(mac.b));
	*is_found = true;
	at = find_item(n, NULL, &mac, what->vid);
	if (at >= 0) {
		fdb_list_del(&n->fdb, (unsigned)at);
		return commit(d, call, next, &(struct rpc_change){ .put_network = n }, result, e);
	}
	for (unsigned i = 0; i < next->n_vifs; i++) {
		struct vif_cfg *v = &next->vif[i];

		if (v->network_id != n->id || (at = find_item(n, v, &mac, what->vid)) < 0)
			continue;
		fdb_list_del(&v->fdb, (unsigned)at);
		return commit(d, call, next, &(struct rpc_change){ .put_vif = v }, result, e);
	}
	*is_found = false;
	model_destroy(next);
	return 0;
}

/* Have the engine forget what it learned about @what->mac; -ENOENT: nothing. */
static int del_learned(struct daemon *d, struct msg_fdb_flush *what, struct err *e)
{
	struct msg_fdb_entry *entry = NULL;
	bool is_found = false;
	size_t n = 0;
	int rc = reconcile_fdb_list(d->reconcile, (uint16_t)what->network_id, &entry, &n, e);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct msg_fdb_flush one = *what;

		if (entry[i].origin != FDB_ORIGIN_LEARNED
			|| memcmp(entry[i].mac, what->mac, sizeof(what->mac)) != 0
			|| (what->vid != 0 && entry[i].vid != what->vid))
			continue;
		is_found = true;
		one.vid = entry[i].vid;
		rc = reconcile_fdb_flush(d->reconcile, &one, e);
	}
	free(entry);
	if (rc == 0 && !is_found)
		return err_set(e, -ENOENT, "mac",
			"there is no such entry that could be deleted: 'saklar fdb list' names "
			"them; that of a host leg's own address stays");
	return rc;
}

int rpc_fdb_del(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	static const char *const keys[] = { "mac", "network", "vlan", NULL };
	const struct network_cfg *n;
	struct msg_fdb_flush what = { 0 };
	struct mac mac = { 0 };
	bool is_found = false;
	int rc = rpc_only_keys(call->params, keys, e);

	if (rc == 0)
		rc = read_mac(call->params, &mac, e);
	if (rc == 0)
		rc = read_vlan(call->params, &what.vid, e);
	if (rc != 0)
		return rc;
	n = rpc_find_network(d->model, call->params, "network", e);
	if (!n)
		return e->code;
	if (mac_is_zero(&mac))
		return err_set(e, -EINVAL, "mac", "no host has the MAC address of zeros");
	what.network_id = n->id;
	memcpy(what.mac, mac.b, sizeof(what.mac));
	rc = del_wanted(d, call, &what, &is_found, result, e);
	if (rc != 0 || is_found)
		return rc;
	rc = del_learned(d, &what, e);
	if (rc == 0)
		*result = json_pack("{s:I}", "generation", (json_int_t)d->model->generation);
	return rc;
}
