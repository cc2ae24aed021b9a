/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_capture.c - begin and end captures for a connection.
 *
 * From: rpc_dispatch.c.  To: reconcile.c (ring, socket, engine); the fds go with the answer.
 * Theory: a capture belongs to the connection that opened it and ends with it, so that a killed
 * reader leaves nothing behind.  The daemon passes the filter on; the engine validates it.
 * Thread: the daemon has one. */
#include "config/daemon.h"
#include "config/rpc_methods.h"
#include "config/vif_want.h"

#include <errno.h>
#include <string.h>

struct number {
	const char *key;
	uint32_t min, max, def;
};
static const struct number snaplen
	= { "snaplen", 1, CAPTURE_SNAPLEN_DEFAULT, CAPTURE_SNAPLEN_DEFAULT };
static const struct number ring_size
	= { "ring_size", CAPTURE_DATA_SIZE_MIN, CAPTURE_DATA_SIZE_MAX, CAPTURE_DATA_SIZE_DEFAULT };

/* An optional number of @params within limits. */
static int read_u32(const json_t *params, const struct number *number, uint32_t *out, struct err *e)
{
	const json_t *value = json_object_get(params, number->key);
	json_int_t n = json_integer_value(value);

	*out = number->def;
	if (!value)
		return 0;
	if (!json_is_integer(value) || n < number->min || n > number->max)
		return err_set(e, -EINVAL, number->key, "%s must be a number from %u to %u",
			number->key, number->min, number->max);
	*out = (uint32_t)n;
	return 0;
}

static int read_insn(const json_t *row, struct msg_bpf_insn *out)
{
	static const json_int_t max[4] = { UINT16_MAX, UINT8_MAX, UINT8_MAX, UINT32_MAX };
	json_int_t n[4];

	if (json_array_size(row) != ARRAY_LEN(n))
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_LEN(n); i++) {
		const json_t *value = json_array_get(row, i);

		n[i] = json_integer_value(value);
		if (!json_is_integer(value) || n[i] < 0 || n[i] > max[i])
			return -EINVAL;
	}
	*out = (struct msg_bpf_insn){ .code = (uint16_t)n[0],
		.jt = (uint8_t)n[1],
		.jf = (uint8_t)n[2],
		.k = (uint32_t)n[3] };
	return 0;
}

static int read_bpf(const json_t *params, struct msg_capture *m, struct err *e)
{
	const json_t *filter = json_object_get(params, "filter");
	const json_t *row;
	size_t i;

	if (!filter || json_is_null(filter))
		return 0;
	if (!json_is_array(filter) || json_array_size(filter) > CAPTURE_FILTER_MAX)
		return err_set(e, -EINVAL, "filter",
			"filter must be a list of at most %d instructions [code, jt, jf, k]: "
			"simplify "
			"it",
			CAPTURE_FILTER_MAX);
	json_array_foreach(filter, i, row) if (read_insn(row, &m->insn[i]) != 0) return err_set(
		e, -EINVAL, "filter", "instruction %zu of the filter is not [code, jt, jf, k]", i);
	m->n_insns = (uint32_t)json_array_size(filter);
	return 0;
}

static int read_target(
	const struct daemon *d, const json_t *params, struct msg_capture *m, struct err *e)
{
	const char *target = json_string_value(json_object_get(params, "target"));
	bool has_name = json_object_get(params, "name") != NULL;

	if (!target)
		target = "";
	if (strcmp(target, "vif") == 0) {
		const char *name = json_string_value(json_object_get(params, "name"));
		const struct network_cfg *uplink
			= vif_want_uplink_called(d->model, name ? name : "");
		const struct vif_cfg *v;

		m->target = CAPTURE_TARGET_VIF;
		m->target_id = uplink ? uplink->uplink.vif_id : VIF_ID_NONE;
		if (m->target_id != VIF_ID_NONE)
			return 0;
		v = rpc_find_vif(d->model, params, "name", e);
		m->target_id = v ? v->id : 0;
		return v ? 0 : e->code;
	}
	if (strcmp(target, "network") == 0) {
		const struct network_cfg *n = rpc_find_network(d->model, params, "name", e);

		m->target = CAPTURE_TARGET_NETWORK;
		m->target_id = n ? n->id : 0;
		return n ? 0 : e->code;
	}
	if (strcmp(target, "drops") == 0) {
		const struct vif_cfg *v
			= has_name ? rpc_find_vif(d->model, params, "name", e) : NULL;

		m->target = CAPTURE_TARGET_DROPS;
		m->target_id = v ? v->id : 0;
		return has_name && !v ? e->code : 0;
	}
	return err_set(e, -EINVAL, "target", "target must be one of vif, network, drops");
}

static json_t *port(uint16_t id, const char *name)
{
	return json_pack("{s:i, s:s}", "id", (int)id, "name", name);
}

/* Names of all that may be the source of a record. */
static json_t *ports_of(const struct model *m)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < m->n_vifs; i++)
		json_array_append_new(list, port(m->vif[i].id, m->vif[i].name));
	for (unsigned i = 0; i < m->n_networks; i++)
		if (m->network[i].leg_vif_id != VIF_ID_NONE)
			json_array_append_new(
				list, port(m->network[i].leg_vif_id, m->network[i].name));
	for (unsigned i = 0; i < m->n_networks; i++)
		if (m->network[i].uplink.vif_id != VIF_ID_NONE)
			json_array_append_new(list,
				port(m->network[i].uplink.vif_id,
					vif_want_of_uplink(&m->network[i]).name));
	return list;
}

static uint32_t *free_slot(struct rpc_session *s)
{
	for (unsigned i = 0; i < ARRAY_LEN(s->capture_id); i++)
		if (s->capture_id[i] == 0)
			return &s->capture_id[i];
	return NULL;
}

int rpc_capture_open(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	static const char *const keys[]
		= { "target", "name", "snaplen", "filter", "ring_size", NULL };
	struct msg_capture m = { 0 };
	uint32_t *slot = free_slot(call->session);
	uint32_t size = CAPTURE_DATA_SIZE_DEFAULT;
	int rc = rpc_only_keys(call->params, keys, e);

	if (rc == 0 && !call->may_send_fds)
		rc = err_set(e, -EINVAL, "",
			"capture.open needs an id and no batch: its answer "
			"carries fds");
	if (rc == 0 && !slot)
		rc = err_set(e, -EBUSY, "", "this connection has %d captures already: close one",
			CAPTURE_SESSIONS_MAX);
	if (rc == 0)
		rc = read_target(d, call->params, &m, e);
	if (rc == 0)
		rc = read_u32(call->params, &snaplen, &m.snaplen, e);
	if (rc == 0)
		rc = read_u32(call->params, &ring_size, &size, e);
	if (rc == 0 && (size & (size - 1)) != 0)
		rc = err_set(e, -EINVAL, "ring_size", "ring_size must be a power of two");
	if (rc == 0)
		rc = read_bpf(call->params, &m, e);
	if (rc == 0)
		rc = reconcile_capture_open(d->reconcile, &m, size, call->fds, e);
	if (rc != 0)
		return rc;
	call->n_fds = 2;
	*slot = m.capture_id;
	*result = json_pack("{s:I, s:I, s:I, s:o}", "capture_id", (json_int_t)m.capture_id,
		"ring_size", (json_int_t)size, "snaplen", (json_int_t)m.snaplen, "vifs",
		ports_of(d->model));
	return 0;
}

int rpc_capture_close(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	static const char *const keys[] = { "capture_id", NULL };
	const json_t *value = json_object_get(call->params, "capture_id");
	json_int_t id = json_integer_value(value);
	int rc = rpc_only_keys(call->params, keys, e);

	if (rc != 0)
		return rc;
	for (unsigned i = 0; id > 0 && i < ARRAY_LEN(call->session->capture_id); i++) {
		if (call->session->capture_id[i] != id)
			continue;
		reconcile_capture_close(d->reconcile, call->session->capture_id[i]);
		call->session->capture_id[i] = 0;
		*result = json_object();
		return 0;
	}
	return err_set(e, -ENOENT, "capture_id",
		"this connection has no such capture: give the capture_id of capture.open");
}

void rpc_session_closed(struct daemon *d, struct rpc_session *s)
{
	for (unsigned i = 0; i < ARRAY_LEN(s->capture_id); i++)
		if (s->capture_id[i] != 0)
			reconcile_capture_close(d->reconcile, s->capture_id[i]);
	memset(s->capture_id, 0, sizeof(s->capture_id));
}
