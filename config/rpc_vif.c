/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_vif.c - the verbs of vifs.
 *
 * From: rpc_dispatch.c.  To: schema_vif.c (fields), settle.c, rpc_change.c (commit), rpc_view.c.
 * Theory: as rpc_network.c.
 * Thread: the daemon has one. */
#include "config/daemon.h"
#include "config/rpc_methods.h"
#include "config/schema_parse.h"
#include "config/settle.h"

#include <errno.h>

/* Commit @next, which is consumed; *result tells the state of @v. */
static int commit(struct daemon *d, struct rpc_call *call, struct model *next,
	const struct vif_cfg *v, json_t **result, struct err *e)
{
	struct rpc_change change = { .put_vif = v };
	struct vif_actual actual;
	int rc = rpc_commit(d, call, next, &change, e);

	if (rc != 0)
		return rc;
	reconcile_vif_actual(d->reconcile, v->id, &actual);
	*result = rpc_written(d, actual.state, actual.why);
	return 0;
}

int rpc_vif_add(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	struct vif_cfg v = { 0 };
	struct model *next = model_copy(d->model);
	int rc = next ? 0 : err_set(e, -ENOMEM, "", "out of memory");

	if (rc == 0)
		rc = schema_parse_vif(call->params, SCHEMA_ADD, next, &v, e);
	if (rc == 0)
		rc = model_next_vif_id(next, &v.id, e);
	if (rc == 0) {
		next->subject_vif_id = v.id;
		settle_vif(next, call->params, true, &v);
		rc = model_add_vif(next, &v, e);
	}
	if (rc == 0)
		rc = model_check(next, e);
	if (rc == 0)
		rc = reconcile_check_vif(d->reconcile, &v, e);
	if (rc == 0)
		return commit(d, call, next, &v, result, e);
	model_destroy(next);
	return rc;
}

int rpc_vif_set(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	const struct vif_cfg *before = rpc_find_vif(d->model, call->params, "name", e);
	struct vif_cfg v;
	struct model *next;
	int rc;

	if (!before)
		return e->code;
	v = *before;
	next = model_copy(d->model);
	rc = next ? schema_parse_vif(call->params, SCHEMA_SET, next, &v, e)
		  : err_set(e, -ENOMEM, "", "out of memory");
	if (rc == 0) {
		next->subject_vif_id = v.id;
		settle_vif(next, call->params, false, &v);
		*model_vif_by_id(next, v.id) = v; /* the name, and so the order, is the same */
		return commit(d, call, next, &v, result, e);
	}
	model_destroy(next);
	return rc;
}

int rpc_vif_del(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	static const char *const keys[] = { "name", NULL };
	const struct vif_cfg *v;
	const struct network_cfg *n;
	struct rpc_change change = { 0 };
	struct model *next;
	int rc = rpc_only_keys(call->params, keys, e);

	if (rc != 0)
		return rc;
	v = rpc_find_vif(d->model, call->params, "name", e);
	if (!v)
		return e->code;
	n = model_network_by_uplink(d->model, v->name);
	if (n)
		return err_set(e, -EBUSY, "name",
			"vif %s is the uplink of network %s: give that another uplink first with "
			"'saklar network set %s --uplink ...'",
			v->name, n->name, n->name);
	next = model_copy(d->model);
	if (!next)
		return err_set(e, -ENOMEM, "", "out of memory");
	change.del_vif_id = v->id;
	model_del_vif(next, v->id);
	rc = rpc_commit(d, call, next, &change, e);
	if (rc == 0)
		*result = json_pack("{s:I}", "generation", (json_int_t)d->model->generation);
	return rc;
}

int rpc_vif_show(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	static const char *const keys[] = { "name", NULL };
	const struct vif_cfg *v;
	int rc = rpc_only_keys(call->params, keys, e);

	if (rc != 0)
		return rc;
	v = rpc_find_vif(d->model, call->params, "name", e);
	if (!v)
		return e->code;
	*result = rpc_view_vif(d, v);
	return 0;
}

int rpc_vif_list(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	const struct network_cfg *n;
	int rc = rpc_list_network(d->model, call->params, &n, e);

	if (rc != 0)
		return rc;
	*result = json_array();
	for (unsigned i = 0; i < d->model->n_vifs; i++)
		if (!n || d->model->vif[i].network_id == n->id)
			json_array_append_new(*result, rpc_view_vif(d, &d->model->vif[i]));
	return 0;
}
