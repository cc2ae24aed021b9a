/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_mirror.c - the verbs of mirrors: who gets copies of what.
 *
 * From: rpc_dispatch.c.  To: mirror_list.c (what is wanted), rpc_change.c (commit).
 * Theory: a mirror is a word in the field of the vif that gets the copies, so that it is stored,
 * exported and applied as part of it.
 * Thread: the daemon has one. */
#include "config/daemon.h"
#include "config/rpc_methods.h"

#include <errno.h>
#include <string.h>

static json_t *view_mirror(
	const struct model *m, const struct vif_cfg *v, const struct mirror_item *item)
{
	bool is_network = model_network(m, item->source) != NULL;
	char text[MIRROR_TEXT_LEN], filter[MIRROR_TEXT_LEN];

	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s}", "vif", v->name, "source",
		item->source, "kind", is_network ? "network" : "vif", "direction",
		mirror_list_direction_name(mirror_list_directions(item, is_network)), "vlan",
		(int)item->vid, "filter", mirror_list_filter(item, filter), "mirror",
		mirror_list_print(item, text));
}

int rpc_mirror_list(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	static const char *const keys[] = { "vif", NULL };
	uint16_t network_id = NETWORK_ID_NONE, vif_id = VIF_ID_NONE;
	int rc = rpc_only_keys(call->params, keys, e);

	if (rc == 0)
		rc = rpc_read_filter(d->model, call->params, &network_id, &vif_id, e);
	if (rc != 0)
		return rc;
	*result = json_array();
	for (unsigned i = 0; i < d->model->n_vifs; i++) {
		const struct vif_cfg *v = &d->model->vif[i];

		for (unsigned k = 0; (vif_id == VIF_ID_NONE || vif_id == v->id) && k < v->mirror.n;
			k++)
			json_array_append_new(
				*result, view_mirror(d->model, v, &v->mirror.item[k]));
	}
	return 0;
}

static int change_list(struct vif_cfg *v, const char *text, bool is_add, struct err *e)
{
	if (is_add)
		return mirror_list_add(&v->mirror, text, "mirror", e);
	if (mirror_list_del(&v->mirror, text) == 0)
		return err_set(e, -ENOENT, "mirror",
			"vif %s gets no copies of '%.60s': 'saklar mirror list' names what it gets",
			v->name, text);
	return 0;
}

static int change(
	struct daemon *d, struct rpc_call *call, bool is_add, json_t **result, struct err *e)
{
	static const char *const keys[] = { "vif", "mirror", NULL };
	const char *text = json_string_value(json_object_get(call->params, "mirror"));
	int rc = rpc_only_keys(call->params, keys, e);
	struct rpc_change put = { 0 };
	struct model *next;
	struct vif_cfg *v;

	if (rc == 0 && text == NULL)
		rc = err_set(e, -EINVAL, "mirror",
			"mirror is missing: name the vif or network to copy from");
	if (rc != 0)
		return rc;
	next = model_copy(d->model);
	if (next == NULL)
		return err_set(e, -ENOMEM, "", "out of memory");
	v = rpc_find_vif(next, call->params, "vif", e);
	rc = v != NULL ? change_list(v, text, is_add, e) : e->code;
	if (v == NULL || rc != 0) {
		model_destroy(next);
		return rc;
	}
	put.put_vif = v;
	next->subject_vif_id = v->id;
	rc = rpc_commit(d, call, next, &put, e);
	if (rc == 0)
		*result = json_pack("{s:I}", "generation", (json_int_t)d->model->generation);
	return rc;
}

int rpc_mirror_add(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	return change(d, call, true, result, e);
}

int rpc_mirror_del(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	return change(d, call, false, result, e);
}
