/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_change.c - what all write verbs do: look up, check the whole, make it durable, apply it.
 *
 * From: rpc_network.c, rpc_vif.c.  To: store.c, then reconcile.c.
 * Theory: a verb works on a copy of the model.  The copy becomes the model only after it is valid
 * and on disk; then it is applied.  Whatever fails before that leaves everything as it was; when the
 * disk fails after the change is in the file, it is applied and the answer is an error that says so.
 * Invariants: generation grows by one; the answer is given after the commit, so an acknowledged
 * change survives kill -9 and power loss.
 * Thread: the daemon has one. */
#include "config/daemon.h"
#include "config/rpc_methods.h"
#include "config/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int rpc_only_keys(const json_t *params, const char *const *keys, struct err *e)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)params, key, value)
	{
		unsigned i = 0;

		while (keys[i] && strcmp(keys[i], key) != 0)
			i++;
		if (keys[i])
			continue;
		if (!keys[0])
			return err_set(
				e, -EINVAL, key, "'%.40s': this method takes no fields", key);
		return err_set(e, -EINVAL, key, "'%.40s' is unknown here; allowed: %s%s%s%s%s", key,
			keys[0], keys[1] ? ", " : "", keys[1] ? keys[1] : "",
			keys[1] && keys[2] ? ", " : "", keys[1] && keys[2] ? keys[2] : "");
	}
	return 0;
}

/* The text of @key, or NULL with @e. */
static const char *name_of(const json_t *params, const char *key, const char *noun, struct err *e)
{
	const json_t *value = json_object_get(params, key);

	if (json_is_string(value))
		return json_string_value(value);
	(void)err_set(e, -EINVAL, key,
		value ? "%s must be a string: the name of a %s" : "%s is missing: say which %s",
		key, noun);
	return NULL;
}

struct network_cfg *rpc_find_network(
	const struct model *m, const json_t *params, const char *key, struct err *e)
{
	const char *name = name_of(params, key, "network", e);
	struct network_cfg *n = name ? model_network(m, name) : NULL;

	if (name && !n)
		(void)err_set(e, -ENOENT, key,
			"there is no network '%.20s': 'saklar network list' names them", name);
	return n;
}

int rpc_list_network(
	const struct model *m, const json_t *params, const struct network_cfg **n, struct err *e)
{
	static const char *const keys[] = { "network", NULL };
	int rc = rpc_only_keys(params, keys, e);

	*n = NULL;
	if (rc != 0 || !json_object_get(params, "network"))
		return rc;
	*n = rpc_find_network(m, params, "network", e);
	return *n ? 0 : e->code;
}

struct vif_cfg *rpc_find_vif(
	const struct model *m, const json_t *params, const char *key, struct err *e)
{
	const char *name = name_of(params, key, "vif", e);
	struct vif_cfg *v = name ? model_vif(m, name) : NULL;

	if (name && !v)
		(void)err_set(e, -ENOENT, key,
			"there is no vif '%.20s': 'saklar vif list' names them", name);
	return v;
}

int rpc_read_filter(const struct model *m, const json_t *params, uint16_t *network_id,
	uint16_t *vif_id, struct err *e)
{
	int rc = 0;

	*network_id = NETWORK_ID_NONE;
	*vif_id = VIF_ID_NONE;
	if (rc == 0 && json_object_get(params, "network")) {
		const struct network_cfg *n = rpc_find_network(m, params, "network", e);

		rc = n ? 0 : e->code;
		*network_id = n ? n->id : NETWORK_ID_NONE;
	}
	if (rc == 0 && json_object_get(params, "vif")) {
		const struct vif_cfg *v = rpc_find_vif(m, params, "vif", e);

		rc = v ? 0 : e->code;
		*vif_id = v ? v->id : VIF_ID_NONE;
	}
	return rc;
}

static int store_change(struct daemon *d, const struct rpc_call *call, const struct model *next,
	const struct rpc_change *change, struct err *e)
{
	struct store_author author = { .uid = call->session->peer.uid,
		.gid = call->session->peer.gid,
		.pid = call->session->peer.pid };
	char *params = json_dumps(call->params, JSON_COMPACT);
	int rc = params ? store_begin(d->store, e) : err_set(e, -ENOMEM, "", "out of memory");

	if (rc == 0 && change->del_vif_id != VIF_ID_NONE)
		rc = store_del_vif(d->store, change->del_vif_id, e);
	if (rc == 0 && change->del_network_id != NETWORK_ID_NONE)
		rc = store_del_network(d->store, change->del_network_id, e);
	if (rc == 0 && change->put_network)
		rc = store_put_network(d->store, change->put_network, e);
	if (rc == 0 && change->put_vif)
		rc = store_put_vif(d->store, change->put_vif, next, e);
	if (rc == 0 && change->del_forward)
		rc = store_del_forward(d->store, change->del_forward, e);
	if (rc == 0 && change->put_forward)
		rc = store_put_forward(d->store, change->put_forward, next, e);
	if (rc == 0)
		rc = store_commit(d->store, next, &author, call->method->name, params, e);
	if (rc != 0)
		store_rollback(d->store);
	free(params);
	return rc;
}

bool rpc_swap_in(struct daemon *d, struct model *next, int *rc, struct err *e)
{
	struct model *before = d->model;

	if (*rc != 0 && !store_has(d->store, next->generation))
		return false;
	if (*rc != 0) { /* the model is what the file says, or the two would part for good */
		*e = ERR_NONE;
		*rc = err_set(e, -EIO, "store",
			"the change is made, but the disk failed at the end of it: after a power "
			"loss it may be gone; look at the disk");
	}
	d->model = next;
	reconcile_apply(d->reconcile, next);
	model_destroy(before);
	return true;
}

int rpc_commit(struct daemon *d, const struct rpc_call *call, struct model *next,
	const struct rpc_change *change, struct err *e)
{
	bool is_made = false;
	int rc = model_check(next, e);

	next->generation++;
	if (rc == 0) {
		rc = store_change(d, call, next, change, e);
		is_made = rpc_swap_in(d, next, &rc, e);
	}
	if (!is_made)
		model_destroy(next);
	return rc;
}

json_t *rpc_written(const struct daemon *d, enum object_state state, const char *why)
{
	return json_pack("{s:I, s:s, s:s?}", "generation", (json_int_t)d->model->generation,
		"state", object_state_name(state), "reason", why[0] ? why : NULL);
}
