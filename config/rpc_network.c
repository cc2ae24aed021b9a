/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_network.c - the verbs of networks.
 *
 * From: rpc_dispatch.c.  To: schema_network.c (fields), settle.c, rpc_change.c (commit), rpc_view.c.
 * Theory: parse into a copy, give it ids and a host leg when it has a subnet, ask the host whether
 * it would clash, commit.
 * Invariants: a network has a leg id and MAC exactly when it has a subnet, and ids of an uplink
 * exactly when its mode leads out.
 * Thread: the daemon has one. */
#include "config/daemon.h"
#include "config/rpc_methods.h"
#include "config/schema_parse.h"
#include "config/settle.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Does @n fit the others and the host? */
static int check(struct daemon *d, struct model *next, const struct network_cfg *n, bool asks_host,
	struct err *e)
{
	int rc;

	next->subject_network_id = n->id;
	rc = model_check(next, e);

	return rc == 0 && asks_host ? reconcile_check_network(d->reconcile, n, e) : rc;
}

/* Commit @next, which is consumed; *result tells the state of @n. */
static int commit(struct daemon *d, struct rpc_call *call, struct model *next,
	const struct network_cfg *n, json_t **result, struct err *e)
{
	struct rpc_change change = { .put_network = n };
	struct network_actual actual;
	int rc = rpc_commit(d, call, next, &change, e);

	if (rc != 0)
		return rc;
	reconcile_network_actual(d->reconcile, n->id, &actual);
	*result = rpc_written(d, actual.state, actual.why);
	return 0;
}

int rpc_network_add(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	struct network_cfg n = { 0 };
	struct model *next = model_copy(d->model);
	int rc = next ? 0 : err_set(e, -ENOMEM, "", "out of memory");

	if (rc == 0)
		rc = schema_parse_network(call->params, SCHEMA_ADD, &n, e);
	if (rc == 0)
		rc = model_next_network_id(next, &n.id, e);
	if (rc == 0)
		rc = settle_network(next, &n, e);
	if (rc == 0)
		rc = model_add_network(next, &n, e);
	if (rc == 0)
		rc = check(d, next, &n, true, e);
	if (rc == 0)
		rc = commit(d, call, next, &n, result, e);
	else
		model_destroy(next);
	network_cfg_fini(&n);
	return rc;
}

/* Nothing that the host could object to has changed. */
bool rpc_has_same_claims(const struct network_cfg *a, const struct network_cfg *b)
{
	return a->n_subnets == b->n_subnets && a->uplink.kind == b->uplink.kind
		&& strcmp(a->uplink.name, b->uplink.name) == 0
		&& memcmp(a->subnet, b->subnet, a->n_subnets * sizeof(a->subnet[0])) == 0
		&& a->n_routes == b->n_routes
		&& memcmp(a->route, b->route, a->n_routes * sizeof(a->route[0])) == 0;
}

int rpc_network_change(struct daemon *d, struct rpc_call *call, struct network_cfg *n,
	json_t **result, struct err *e)
{
	const struct network_cfg *before = model_network_by_id(d->model, n->id);
	struct model *next = model_copy(d->model);
	int rc = next ? settle_network(next, n, e) : err_set(e, -ENOMEM, "", "out of memory");

	if (rc == 0) {
		model_del_network(next, n->id);
		rc = model_add_network(next, n, e);
	}
	if (rc == 0)
		rc = check(d, next, n, !rpc_has_same_claims(before, n), e);
	if (rc == 0)
		return commit(d, call, next, n, result, e);
	model_destroy(next);
	return rc;
}

int rpc_network_set(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	const struct network_cfg *before = rpc_find_network(d->model, call->params, "name", e);
	struct network_cfg n = { 0 };
	int rc;

	if (!before)
		return e->code;
	rc = network_cfg_copy(&n, before);
	if (rc == 0)
		rc = schema_parse_network(call->params, SCHEMA_SET, &n, e);
	if (rc == 0)
		rc = rpc_network_change(d, call, &n, result, e);
	network_cfg_fini(&n);
	return rc;
}

/* Refuse when vifs are attached, naming the first few. */
static int check_unused(const struct model *m, const struct network_cfg *n, struct err *e)
{
	char names[100] = "";
	unsigned count = 0;

	for (unsigned i = 0; i < m->n_vifs; i++) {
		size_t at = strlen(names);

		if (m->vif[i].network_id != n->id)
			continue;
		if (count++ < 5)
			snprintf(names + at, sizeof(names) - at, "%s%s", at ? ", " : "",
				m->vif[i].name);
	}
	for (unsigned i = 0; count == 0 && i < m->n_forwards; i++)
		if (m->forward[i].network_id == n->id)
			return err_set(e, -EBUSY, "name",
				"network %s still has forwards, such as of port %u: delete them "
				"first with 'saklar forward del'",
				n->name, m->forward[i].port);
	if (count == 0)
		return 0;
	return err_set(e, -EBUSY, "name",
		"network %s still has %u vif%s (%s%s): delete them or set them to another network "
		"first",
		n->name, count, count == 1 ? "" : "s", names, count > 5 ? ", ..." : "");
}

int rpc_network_del(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	static const char *const keys[] = { "name", NULL };
	const struct network_cfg *n;
	struct rpc_change change = { 0 };
	struct model *next;
	int rc = rpc_only_keys(call->params, keys, e);

	if (rc != 0)
		return rc;
	n = rpc_find_network(d->model, call->params, "name", e);
	if (!n)
		return e->code;
	rc = check_unused(d->model, n, e);
	if (rc != 0)
		return rc;
	next = model_copy(d->model);
	if (!next)
		return err_set(e, -ENOMEM, "", "out of memory");
	change.del_network_id = n->id;
	model_del_network(next, n->id);
	rc = rpc_commit(d, call, next, &change, e);
	if (rc == 0)
		*result = json_pack("{s:I}", "generation", (json_int_t)d->model->generation);
	return rc;
}

int rpc_network_show(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	static const char *const keys[] = { "name", NULL };
	const struct network_cfg *n;
	int rc = rpc_only_keys(call->params, keys, e);

	if (rc != 0)
		return rc;
	n = rpc_find_network(d->model, call->params, "name", e);
	if (!n)
		return e->code;
	*result = rpc_view_network(d, n);
	return 0;
}

int rpc_network_list(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	static const char *const keys[] = { NULL };
	int rc = rpc_only_keys(call->params, keys, e);

	if (rc != 0)
		return rc;
	*result = json_array();
	for (unsigned i = 0; i < d->model->n_networks; i++)
		json_array_append_new(*result, rpc_view_network(d, &d->model->network[i]));
	return 0;
}
