/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_forward.c - the verbs of forwards.
 *
 * From: rpc_dispatch.c.  To: schema_forward.c (fields), rpc_change.c (commit).
 * Theory: as rpc_network.c.  A forward is found by network, protocol and port; to change one it is
 * deleted and added.
 * Thread: the daemon has one. */
#include "config/daemon.h"
#include "config/rpc_methods.h"
#include "config/schema_parse.h"

#include <errno.h>

int rpc_forward_add(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	struct forward_cfg f = { 0 };
	struct rpc_change change = { .put_forward = &f };
	struct model *next = model_copy(d->model);
	struct network_actual actual;
	int rc = next ? 0 : err_set(e, -ENOMEM, "", "out of memory");

	if (rc == 0)
		rc = schema_parse_forward(call->params, SCHEMA_ADD, next, &f, e);
	if (rc == 0) {
		next->subject_forward = f;
		rc = model_add_forward(next, &f, e);
	}
	if (rc == 0)
		rc = model_check(next, e);
	if (rc == 0)
		rc = reconcile_check_forward(
			d->reconcile, model_network_by_id(next, f.network_id), &f, e);
	if (rc != 0) {
		model_destroy(next);
		return rc;
	}
	rc = rpc_commit(d, call, next, &change, e);
	if (rc != 0)
		return rc;
	reconcile_network_actual(d->reconcile, f.network_id, &actual);
	*result = rpc_written(d, actual.state, actual.why);
	return 0;
}

int rpc_forward_del(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	static const char *const keys[] = { "network", "proto", "port", NULL };
	struct forward_cfg f = { 0 };
	struct rpc_change change = { .del_forward = &f };
	struct model *next;
	int rc = rpc_only_keys(call->params, keys, e);

	/* As when it is loaded: what is not said is not asked for. */
	if (rc == 0)
		rc = schema_parse_forward(call->params, SCHEMA_LOAD, d->model, &f, e);
	if (rc != 0)
		return rc;
	if (!model_forward(d->model, f.network_id, f.proto, f.port))
		return err_set(e, -ENOENT, "forward",
			"there is no such forward: name network, protocol and port as 'saklar "
			"forward list' shows them");
	next = model_copy(d->model);
	if (!next)
		return err_set(e, -ENOMEM, "", "out of memory");
	model_del_forward(next, f.network_id, f.proto, f.port);
	rc = rpc_commit(d, call, next, &change, e);
	if (rc == 0)
		*result = json_pack("{s:I}", "generation", (json_int_t)d->model->generation);
	return rc;
}

/* As it was said, and where it leads now. */
static json_t *view_forward(const struct daemon *d, const struct forward_cfg *f)
{
	json_t *json = schema_print_forward(f, d->model);
	struct ipaddr target;
	char text[IP_STR_LEN];

	if (f->vif_id != VIF_ID_NONE)
		json_object_set_new(json, "address",
			reconcile_forward_target(d->reconcile, f, &target)
				? json_string(ip_print(&target, text))
				: json_null());
	return json;
}

static void append_forwards(const struct daemon *d, uint16_t network_id, json_t *list)
{
	for (unsigned i = 0; i < d->model->n_forwards; i++)
		if (d->model->forward[i].network_id == network_id)
			json_array_append_new(list, view_forward(d, &d->model->forward[i]));
}

int rpc_forward_list(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	const struct network_cfg *n;
	int rc = rpc_list_network(d->model, call->params, &n, e);

	if (rc != 0)
		return rc;
	*result = json_array();
	for (unsigned i = 0; i < d->model->n_networks; i++)
		if (!n || n == &d->model->network[i])
			append_forwards(d, d->model->network[i].id, *result);
	return 0;
}
