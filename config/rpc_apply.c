/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_apply.c - the whole desired state at once: export and apply.
 *
 * From: rpc_dispatch.c.  To: document.c (there and back), store.c (one transaction), reconcile.c.
 * Theory: as with single verbs, the new model is made, checked and stored before it becomes the
 * model, so that whatever fails leaves everything as it was; only then is it made so.  The host is
 * asked about what is new.  The history keeps what was changed; the document itself may be large.
 * Invariants: a document that changes nothing writes nothing and is no generation.
 * Thread: the daemon has one. */
#include "config/daemon.h"
#include "config/document.h"
#include "config/model_diff.h"
#include "config/rpc_methods.h"
#include "config/schema_parse.h"
#include "config/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int rpc_export(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	static const char *const keys[] = { NULL };
	int rc = rpc_only_keys(call->params, keys, e);

	if (rc != 0)
		return rc;
	*result = document_print(d->model);
	return *result ? 0 : err_set(e, -ENOMEM, "", "out of memory");
}

static bool has_subnet(const struct model *m, const struct ipnet *net)
{
	for (unsigned i = 0; i < m->n_networks; i++)
		for (unsigned j = 0; j < m->network[i].n_subnets; j++)
			if (memcmp(&m->network[i].subnet[j], net, sizeof(*net)) == 0)
				return true;
	return false;
}

/* Ask the host about a network, but not about subnets that are ours now: those it routes to us. */
static int check_network(struct daemon *d, const struct network_cfg *n, struct err *e)
{
	const struct network_cfg *old = model_network_by_id(d->model, n->id);
	struct network_cfg probe = *n; /* borrows the lists of *n */

	if (model_diff_network(d->model, n) != MODEL_ADDED && rpc_has_same_claims(old, n))
		return 0;
	probe.n_subnets = 0;
	for (unsigned i = 0; i < n->n_subnets; i++) {
		if (has_subnet(d->model, &n->subnet[i]))
			continue;
		probe.subnet[probe.n_subnets] = n->subnet[i];
		probe.gateway[probe.n_subnets++] = n->gateway[i];
	}
	return reconcile_check_network(d->reconcile, &probe, e);
}

/* The path of what the host said about an object: "vif.ifname" is that of vif @name. */
static void name_object(struct err *e, const char *kind, const char *name)
{
	const char *key = strchr(e->path, '.');
	char path[sizeof(e->path)];

	snprintf(path, sizeof(path), "%s.%.40s%.14s", kind, name, key ? key : "");
	memcpy(e->path, path, sizeof(path));
}

/* Is a port of the host that is to be forwarded taken by a program? */
static int check_forwards(struct daemon *d, const struct model *next, struct err *e)
{
	for (unsigned i = 0; i < next->n_forwards; i++) {
		const struct forward_cfg *f = &next->forward[i];
		const struct network_cfg *n = model_network_by_id(next, f->network_id);
		char name[48];
		int rc;

		if (model_diff_forward(d->model, next, f) != MODEL_ADDED)
			continue;
		rc = reconcile_check_forward(d->reconcile, n, f, e);
		if (rc == 0)
			continue;
		snprintf(name, sizeof(name), "%s.%s/%u", n->name, schema_proto_name(f->proto),
			f->port);
		name_object(e, "forward", name);
		return rc;
	}
	return 0;
}

static int check_host(struct daemon *d, const struct model *next, struct err *e)
{
	int rc = 0;

	for (unsigned i = 0; i < next->n_networks; i++) {
		const struct network_cfg *n = &next->network[i];

		rc = check_network(d, n, e);
		if (rc != 0) {
			name_object(e, "network", n->name);
			return rc;
		}
	}
	for (unsigned i = 0; i < next->n_vifs; i++) {
		const struct vif_cfg *v = &next->vif[i];
		enum model_change change = model_diff_vif(d->model, next, v);

		if (change == MODEL_ADDED || change == MODEL_REPLACED)
			rc = reconcile_check_vif(d->reconcile, v, e);
		if (rc != 0) {
			name_object(e, "vif", v->name);
			return rc;
		}
	}
	return check_forwards(d, next, e);
}

/* Rows of what @next does not have any more. */
static int store_deletions(
	struct store *s, const struct model *before, const struct model *next, struct err *e)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < before->n_forwards; i++) {
		const struct forward_cfg *f = &before->forward[i];

		if (!model_forward(next, f->network_id, f->proto, f->port))
			rc = store_del_forward(s, f, e);
	}
	for (unsigned i = 0; rc == 0 && i < before->n_vifs; i++)
		if (!model_vif_by_id(next, before->vif[i].id))
			rc = store_del_vif(s, before->vif[i].id, e);
	for (unsigned i = 0; rc == 0 && i < before->n_networks; i++)
		if (!model_network_by_id(next, before->network[i].id))
			rc = store_del_network(s, before->network[i].id, e);
	return rc;
}

static int store_rows(
	struct store *s, const struct model *before, const struct model *next, struct err *e)
{
	int rc = store_deletions(s, before, next, e);

	for (unsigned i = 0; rc == 0 && i < next->n_networks; i++)
		if (model_diff_network(before, &next->network[i]) != MODEL_SAME)
			rc = store_put_network(s, &next->network[i], e);
	for (unsigned i = 0; rc == 0 && i < next->n_vifs; i++)
		if (model_diff_vif(before, next, &next->vif[i]) != MODEL_SAME)
			rc = store_put_vif(s, &next->vif[i], next, e);
	for (unsigned i = 0; rc == 0 && i < next->n_forwards; i++)
		if (model_diff_forward(before, next, &next->forward[i]) != MODEL_SAME)
			rc = store_put_forward(s, &next->forward[i], next, e);
	return rc;
}

static int store_all(struct daemon *d, const struct rpc_call *call, const struct model *next,
	const json_t *diff, struct err *e)
{
	struct store_author author = { .uid = call->session->peer.uid,
		.gid = call->session->peer.gid,
		.pid = call->session->peer.pid };
	char *note = json_dumps(diff, JSON_COMPACT);
	int rc = note ? store_begin(d->store, e) : err_set(e, -ENOMEM, "", "out of memory");

	if (rc == 0)
		rc = store_rows(d->store, d->model, next, e);
	if (rc == 0)
		rc = store_commit(d->store, next, &author, call->method->name, note, e);
	if (rc != 0)
		store_rollback(d->store);
	free(note);
	return rc;
}

/* Make @next, which differs from the present model by @diff, the model.  If it is not the model then, it
 * is the caller's still. */
static int commit(struct daemon *d, const struct rpc_call *call, struct model *next,
	const json_t *diff, struct err *e)
{
	int rc = check_host(d, next, e);

	if (rc != 0) {
		document_locate(call->params, e);
		return rc;
	}
	next->generation++;
	rc = store_all(d, call, next, diff, e);
	rpc_swap_in(d, next, &rc, e);
	return rc;
}

int rpc_apply(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	struct model *next = document_parse(call->params, d->model, e);
	json_t *diff;
	int rc = 0;

	if (!next)
		return e->code;
	diff = model_diff_print(d->model, next);
	if (!diff)
		rc = err_set(e, -ENOMEM, "", "out of memory");
	else if (!model_diff_is_empty(diff))
		rc = commit(d, call, next, diff, e);
	if (d->model != next)
		model_destroy(next);
	if (rc != 0) {
		json_decref(diff);
		return rc;
	}
	json_object_set_new(diff, "generation", json_integer((json_int_t)d->model->generation));
	*result = diff;
	return 0;
}
