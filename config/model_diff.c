/* SPDX-License-Identifier: Apache-2.0 */
/* model_diff.c - what is different in a later model.
 *
 * From: rpc_apply.c.  To: store.c (which rows), the answer and the history (words).
 * Theory: objects are the same when they print the same and have the same ids, so a new field of
 * the schema is compared without a word here.
 * Thread: the daemon has one. */
#include "config/model_diff.h"

#include "config/schema_parse.h"

#include <stdio.h>
#include <string.h>

/* Consumes both. */
static bool print_the_same(json_t *a, json_t *b)
{
	bool is_same = a && b && json_equal(a, b);

	json_decref(a);
	json_decref(b);
	return is_same;
}

static bool has_same_ids(const struct network_cfg *a, const struct network_cfg *b)
{
	return a->leg_vif_id == b->leg_vif_id
		&& memcmp(&a->leg_mac, &b->leg_mac, sizeof(a->leg_mac)) == 0
		&& a->uplink.network_id == b->uplink.network_id
		&& a->uplink.vif_id == b->uplink.vif_id
		&& memcmp(&a->uplink.mac, &b->uplink.mac, sizeof(a->uplink.mac)) == 0;
}

enum model_change model_diff_network(const struct model *before, const struct network_cfg *n)
{
	const struct network_cfg *old = model_network_by_id(before, n->id);

	if (!old || strcmp(old->name, n->name) != 0)
		return MODEL_ADDED;
	return has_same_ids(old, n)
			&& print_the_same(schema_print_network(old), schema_print_network(n))
		? MODEL_SAME
		: MODEL_CHANGED;
}

enum model_change model_diff_vif(
	const struct model *before, const struct model *next, const struct vif_cfg *v)
{
	const struct vif_cfg *old = model_vif(before, v->name);

	if (!old)
		return MODEL_ADDED;
	if (old->id != v->id)
		return MODEL_REPLACED;
	return old->network_id == v->network_id
			&& print_the_same(schema_print_vif(old, before), schema_print_vif(v, next))
		? MODEL_SAME
		: MODEL_CHANGED;
}

enum model_change model_diff_forward(
	const struct model *before, const struct model *next, const struct forward_cfg *f)
{
	const struct forward_cfg *old = model_forward(before, f->network_id, f->proto, f->port);

	if (!old)
		return MODEL_ADDED;
	return print_the_same(schema_print_forward(old, before), schema_print_forward(f, next))
		? MODEL_SAME
		: MODEL_CHANGED;
}

static void forward_name(const struct model *m, const struct forward_cfg *f, char *out, size_t size)
{
	const struct network_cfg *n = model_network_by_id(m, f->network_id);

	snprintf(out, size, "%s %s/%u", n ? n->name : "?", schema_proto_name(f->proto), f->port);
}

static void note(json_t *diff, enum model_change change, const char *kind, const char *name)
{
	json_t *list = json_object_get(diff, change == MODEL_ADDED ? "added" : "changed");

	if (change != MODEL_SAME)
		json_array_append_new(list, json_sprintf("%s %s", kind, name));
}

static void note_deleted(json_t *diff, const char *kind, const char *name)
{
	json_array_append_new(json_object_get(diff, "deleted"), json_sprintf("%s %s", kind, name));
}

json_t *model_diff_print(const struct model *before, const struct model *next)
{
	json_t *diff = json_pack("{s:[], s:[], s:[]}", "added", "changed", "deleted");
	char name[48];

	for (unsigned i = 0; diff && i < next->n_networks; i++)
		note(diff, model_diff_network(before, &next->network[i]), "network",
			next->network[i].name);
	for (unsigned i = 0; diff && i < next->n_vifs; i++)
		note(diff, model_diff_vif(before, next, &next->vif[i]), "vif", next->vif[i].name);
	for (unsigned i = 0; diff && i < next->n_forwards; i++) {
		const struct forward_cfg *f = &next->forward[i];

		forward_name(next, f, name, sizeof(name));
		note(diff, model_diff_forward(before, next, f), "forward", name);
	}
	for (unsigned i = 0; diff && i < before->n_networks; i++)
		if (!model_network(next, before->network[i].name))
			note_deleted(diff, "network", before->network[i].name);
	for (unsigned i = 0; diff && i < before->n_vifs; i++)
		if (!model_vif(next, before->vif[i].name))
			note_deleted(diff, "vif", before->vif[i].name);
	for (unsigned i = 0; diff && i < before->n_forwards; i++) {
		const struct forward_cfg *f = &before->forward[i];

		forward_name(before, f, name, sizeof(name));
		if (!model_forward(next, f->network_id, f->proto, f->port))
			note_deleted(diff, "forward", name);
	}
	return diff;
}

bool model_diff_is_empty(const json_t *diff)
{
	return json_array_size(json_object_get(diff, "added")) == 0
		&& json_array_size(json_object_get(diff, "changed")) == 0
		&& json_array_size(json_object_get(diff, "deleted")) == 0;
}
