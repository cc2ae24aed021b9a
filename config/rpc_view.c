/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_view.c - what is: objects with their state and counters, status, drops, fdb, workers.
 *
 * From: rpc_dispatch.c, rpc_network.c, rpc_vif.c.  To: reconcile.c's actual state, read only.
 * Theory: an object's view is its configured fields plus what is known about it now; keys are
 * stable, snake_case, and always there (null when unknown).
 * Thread: the daemon has one. */
#include "config/daemon.h"
#include "config/rpc_methods.h"
#include "config/schema_parse.h"
#include "config/store.h"
#include "config/vif_want.h"
#include "saklar_build.h"
#include "vswitch/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROBLEMS_MAX 64
#define HISTORY_DEFAULT 20
#define HISTORY_MAX 1000

static void set_text(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, text[0] ? json_string(text) : json_null());
}

static void set_u64(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

/* Counters of a vif or leg into @object. */
static void set_counters(const struct daemon *d, uint16_t vif_id, json_t *object)
{
	struct vif_counters c;
	json_t *drops = json_object();
	uint64_t total = 0;

	reconcile_vif_counters(d->reconcile, vif_id, &c);
	set_u64(object, "rx_packets", c.rx_packets);
	set_u64(object, "rx_bytes", c.rx_bytes);
	set_u64(object, "tx_packets", c.tx_packets);
	set_u64(object, "tx_bytes", c.tx_bytes);
	for (unsigned i = DROP_NONE + 1; i < DROP_N; i++) {
		if (c.drops[i] != 0)
			set_u64(drops, drop_reason_texts[i].name, c.drops[i]);
		total += c.drops[i];
	}
	json_object_set_new(object, "drops", drops);
	set_u64(object, "drops_total", total);
}

static uint16_t mtu_in_force(const struct daemon *d, const struct vif_cfg *v, uint16_t actual)
{
	const struct network_cfg *n = model_network_by_id(d->model, v->network_id);

	if (actual != 0)
		return actual;
	if (v->mtu != 0)
		return v->mtu;
	return n ? n->mtu : 1500;
}

/* What only vhost-user vifs have; null for others and while there is no VMM. */
static void set_vhost(const struct vif_cfg *v, const struct vif_actual *a, json_t *json)
{
	bool is_live = (a->vhost.flags & VHOST_STATE_LIVE) != 0;

	set_text(json, "socket", a->socket);
	json_object_set_new(json, "memory_sealed",
		is_live ? json_boolean((a->vhost.flags & VHOST_STATE_SEALED) != 0) : json_null());
	json_object_set_new(json, "queues_live",
		v->type == VIF_TYPE_VHOST ? json_integer(a->vhost.n_pairs) : json_null());
}

json_t *rpc_view_vif(const struct daemon *d, const struct vif_cfg *v)
{
	static const char *const always[] = { "dev", "netns", "ifname", "mac", "owner", "network",
		"profile", "rate", "guard", "storm", "storm_unicast", "storm_broadcast",
		"storm_multicast", "multicast_router" };
	json_t *json = schema_print_vif(v, d->model);
	struct vif_actual a;
	char mac[MAC_STR_LEN];

	if (!json)
		return NULL;
	reconcile_vif_actual(d->reconcile, v->id, &a);
	set_u64(json, "id", v->id);
	json_object_set_new(json, "state", json_string(object_state_name(a.state)));
	set_text(json, "reason", a.why);
	set_u64(json, "queues", a.queues != 0 ? a.queues : v->queues);
	if (a.ifname[0])
		set_text(json, "ifname", a.ifname);
	if (a.has_mac && !v->has_mac)
		set_text(json, "mac", mac_print(&a.mac, mac));
	set_u64(json, "mtu", mtu_in_force(d, v, a.mtu));
	json_object_set_new(json, "carrier", json_boolean(a.has_carrier));
	set_vhost(v, &a, json);
	json_object_set_new(json, "ifindex", a.ifindex ? json_integer(a.ifindex) : json_null());
	for (unsigned i = 0; i < ARRAY_LEN(always); i++)
		if (!json_object_get(json, always[i]))
			json_object_set_new(json, always[i], json_null());
	set_counters(d, v->id, json);
	if (v->type == VIF_TYPE_NETFRONT)
		json_object_set_new(json, "xen", rpc_view_xen(d, v->id));
	return json;
}

/* The port by which the network leads out, under "uplink_port"; null when it is a vif or none. */
static void set_uplink_port(const struct daemon *d, const struct network_cfg *n, json_t *json)
{
	struct vif_actual a;
	json_t *port = json_object();
	char mac[MAC_STR_LEN];

	if (n->uplink.vif_id == VIF_ID_NONE) {
		json_decref(port);
		json_object_set_new(json, "uplink_port", json_null());
		return;
	}
	reconcile_vif_actual(d->reconcile, n->uplink.vif_id, &a);
	set_u64(port, "id", n->uplink.vif_id);
	set_text(port, "name", vif_want_of_uplink(n).name);
	set_text(port, "ifname", a.ifname);
	set_text(port, "router_mac", mac_print(&n->uplink.mac, mac));
	json_object_set_new(port, "state", json_string(object_state_name(a.state)));
	set_text(port, "reason", a.why);
	set_counters(d, n->uplink.vif_id, port);
	json_object_set_new(json, "uplink_port", port);
}

/* The leg's name as it is; as it will be while there is none. */
static const char *leg_ifname(
	const struct daemon *d, const struct network_cfg *n, struct vif_actual *a)
{
	if (n->leg_vif_id == VIF_ID_NONE)
		return "";
	reconcile_vif_actual(d->reconcile, n->leg_vif_id, a);
	return a->ifname[0] != '\0' ? a->ifname : n->name;
}

json_t *rpc_view_network(const struct daemon *d, const struct network_cfg *n)
{
	static const char *const always[] = { "domain", "multicast_intervals", "multicast_mac" };
	json_t *json = schema_print_network(n);
	json_t *vifs = json_array();
	struct vif_actual as_leg;
	json_t *leg = n->leg_vif_id != VIF_ID_NONE ? json_object() : json_null();
	struct network_actual a;
	char mac[MAC_STR_LEN];

	if (!json)
		return NULL;
	reconcile_network_actual(d->reconcile, n->id, &a);
	json_object_set_new(json, "state", json_string(object_state_name(a.state)));
	set_text(json, "reason", a.why);
	for (unsigned i = 0; i < d->model->n_vifs; i++)
		if (d->model->vif[i].network_id == n->id)
			json_array_append_new(vifs, json_string(d->model->vif[i].name));
	json_object_set_new(json, "vifs", vifs);
	for (unsigned i = 0; i < ARRAY_LEN(always); i++)
		if (!json_object_get(json, always[i]))
			json_object_set_new(json, always[i], json_null());
	set_text(json, "leg_ifname", leg_ifname(d, n, &as_leg));
	set_text(json, "leg_mac", n->leg_vif_id != VIF_ID_NONE ? mac_print(&n->leg_mac, mac) : "");
	if (n->leg_vif_id != VIF_ID_NONE)
		set_counters(d, n->leg_vif_id, leg);
	json_object_set_new(
		json, "leg_id", n->leg_vif_id ? json_integer(n->leg_vif_id) : json_null());
	json_object_set_new(json, "leg", leg);
	set_uplink_port(d, n, json);
	json_object_set_new(
		json, "dnsmasq_pid", a.dnsmasq_pid ? json_integer(a.dnsmasq_pid) : json_null());
	return json;
}

static uint64_t evicted(const struct daemon *d)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		struct worker_counters c;

		reconcile_worker_counters(d->reconcile, i, &c);
		sum += c.ct_evicted;
	}
	return sum;
}

static json_t *view_engine(const struct daemon *d)
{
	struct engine_actual a;
	uint64_t now = clock_now_ns();
	json_t *json;

	reconcile_engine_actual(d->reconcile, &a);
	json = json_pack("{s:s, s:b, s:I, s:I, s:I, s:b}", "state", engine_state_name(a.state),
		"hugepages", a.has_hugepages, "restarts", (json_int_t)a.restarts, "workers",
		(json_int_t)a.n_workers, "generation", (json_int_t)a.generation, "taken_over",
		a.was_taken_over);
	if (!json)
		return NULL;
	json_object_set_new(json, "pid", a.pid ? json_integer(a.pid) : json_null());
	set_text(json, "reason", a.why);
	set_u64(json, "connections_evicted", evicted(d));
	json_object_set_new(json, "uptime_s",
		a.state == ENGINE_RUNNING && a.started_ns <= now
			? json_integer((json_int_t)((now - a.started_ns) / NS_PER_SEC))
			: json_null());
	return json;
}

static json_t *view_fast_path(const struct daemon *d)
{
	struct fast_path_actual a;
	json_t *json;

	reconcile_fast_path(d->reconcile, &a);
	json = json_pack(
		"{s:s, s:I}", "state", a.why[0] ? "off" : "on", "packets", (json_int_t)a.packets);
	if (json)
		set_text(json, "reason", a.why);
	return json;
}

static json_t *view_problems(const struct daemon *d)
{
	struct problem *problem = calloc(PROBLEMS_MAX, sizeof(*problem));
	json_t *list = json_array();
	unsigned n = problem ? reconcile_problems(d->reconcile, problem, PROBLEMS_MAX) : 0;

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s}", "object", problem[i].object, "text",
				problem[i].text, "cure", problem[i].cure));
	free(problem);
	return list;
}

int rpc_status(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	static const char *const keys[] = { NULL };
	int rc = rpc_only_keys(call->params, keys, e);

	if (rc != 0)
		return rc;
	*result = json_pack("{s:s, s:s, s:I, s:{s:i, s:I}, s:o, s:o, s:i, s:i, s:o, s:s, s:s}",
		"version", SAKLAR_VERSION, "build", SAKLAR_BUILD, "generation",
		(json_int_t)d->model->generation, "daemon", "pid", (int)getpid(), "uptime_s",
		(json_int_t)((clock_now_ns() - d->started_ns) / NS_PER_SEC), "engine",
		view_engine(d), "fast_path", view_fast_path(d), "networks",
		(int)d->model->n_networks, "vifs", (int)d->model->n_vifs, "problems",
		view_problems(d), "run_dir", d->paths.run_dir, "state_dir", d->paths.state_dir);
	return *result ? 0 : err_set(e, -ENOMEM, "", "out of memory");
}

static void append_drops(const struct daemon *d, json_t *list, uint16_t vif_id, const char *vif,
	const struct network_cfg *n)
{
	struct vif_counters c;

	reconcile_vif_counters(d->reconcile, vif_id, &c);
	for (unsigned i = DROP_NONE + 1; i < DROP_N; i++)
		if (c.drops[i] != 0)
			json_array_append_new(list,
				json_pack("{s:s, s:s?, s:s, s:I, s:s}", "vif", vif, "network",
					n ? n->name : NULL, "reason", drop_reason_texts[i].name,
					"packets", (json_int_t)c.drops[i], "doc",
					drop_reason_texts[i].doc));
}

int rpc_drops(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	static const char *const keys[] = { "network", "vif", NULL };
	uint16_t network_id = NETWORK_ID_NONE, vif_id = VIF_ID_NONE;
	int rc = rpc_only_keys(call->params, keys, e);

	if (rc == 0)
		rc = rpc_read_filter(d->model, call->params, &network_id, &vif_id, e);

	if (rc != 0)
		return rc;
	*result = json_array();
	for (unsigned i = 0; i < d->model->n_vifs; i++) {
		const struct vif_cfg *v = &d->model->vif[i];

		if ((vif_id == VIF_ID_NONE || v->id == vif_id)
			&& (network_id == NETWORK_ID_NONE || v->network_id == network_id))
			append_drops(d, *result, v->id, v->name,
				model_network_by_id(d->model, v->network_id));
	}
	for (unsigned i = 0; i < d->model->n_networks && vif_id == VIF_ID_NONE; i++) {
		const struct network_cfg *n = &d->model->network[i];

		if (network_id != NETWORK_ID_NONE && n->id != network_id)
			continue;
		if (n->leg_vif_id != VIF_ID_NONE)
			append_drops(d, *result, n->leg_vif_id, n->name, n);
		if (n->uplink.vif_id != VIF_ID_NONE)
			append_drops(d, *result, n->uplink.vif_id, vif_want_of_uplink(n).name, n);
	}
	return 0;
}

/* Per thousand of the last second that a worker was busy.  It writes at the end of a period that ended with a
 * packet, since it does not wake up for it; what was behind that is for us to add up. */
static uint64_t busy_permille(const struct worker_counters *c)
{
	uint64_t now_ns = clock_now_ns();
	uint64_t since_ns = now_ns > c->period_end_ns ? now_ns - c->period_end_ns : 0;

	if (c->period_end_ns == 0 || since_ns < NS_PER_SEC)
		return MIN(c->period_permille, (uint64_t)1000);
	return MIN((c->busy_ns - MIN(c->period_busy_ns, c->busy_ns)) * 1000 / since_ns,
		(uint64_t)1000);
}

#define MEASURE_MS 5000 /* who wants more asks again */

/* [{"stage": "PARSE", "cycles": n}, ...] and what they are of, since somebody asked first. */
static void set_stages(const struct daemon *d, unsigned worker, json_t *row)
{
	static const char *const names[STAGE_N] = {
#define X(name, doc) [STAGE_##name] = #name,
		STAGES(X)
#undef X
	};
	json_t *stages = json_array();
	struct stage_counters c;

	reconcile_stage_counters(d->reconcile, worker, &c);
	for (unsigned i = 0; i <= STAGE_N; i++) {
		json_t *stage = json_pack("{s:s}", "stage", i == 0 ? "RX" : names[i - 1]);

		set_u64(stage, "cycles", i == 0 ? c.rx_cycles : c.cycles[i - 1]);
		json_array_append_new(stages, stage);
	}
	set_u64(row, "measured_packets", c.packets);
	json_object_set_new(row, "stages", stages);
}

int rpc_worker_list(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	static const char *const keys[] = { "stages", NULL };
	const json_t *stages = json_object_get(call->params, "stages");
	struct engine_actual engine;
	int rc = rpc_only_keys(call->params, keys, e);

	if (rc == 0 && stages != NULL && !json_is_boolean(stages))
		rc = err_set(e, -EINVAL, "stages", "stages is a boolean");
	if (rc != 0)
		return rc;
	reconcile_engine_actual(d->reconcile, &engine);
	if (json_is_true(stages) && engine.n_workers > 0)
		rc = reconcile_measure(d->reconcile, MEASURE_MS, e);
	if (rc != 0)
		return rc;
	*result = json_array();
	for (unsigned i = 0; i < MIN(engine.n_workers, (uint32_t)WORKERS_MAX); i++) {
		struct worker_counters c;
		json_t *row = json_object();

		reconcile_worker_counters(d->reconcile, i, &c);
		set_u64(row, "worker", i);
		set_u64(row, "bursts", c.bursts);
		set_u64(row, "packets", c.packets);
		set_u64(row, "polls", c.polls);
		set_u64(row, "sleeps", c.sleeps);
		set_u64(row, "wakeups", c.wakeups);
		set_u64(row, "busy_ns", c.busy_ns);
		json_object_set_new(row, "busy_percent", json_real((double)busy_permille(&c) / 10));
		set_u64(row, "cycles_per_packet", c.period_cycles);
		set_u64(row, "hops", c.hops);
		set_u64(row, "no_mbuf", c.no_mbuf);
		set_u64(row, "denied_syscalls", c.denied_syscalls);
		if (json_is_true(stages))
			set_stages(d, i, row);
		json_array_append_new(*result, row);
	}
	return 0;
}

int rpc_schema(struct daemon *, struct rpc_call *call, json_t **result, struct err *e)
{
	static const char *const keys[] = { NULL };
	int rc = rpc_only_keys(call->params, keys, e);

	if (rc == 0)
		*result = json_pack("{s:o, s:o, s:o}", "network",
			schema_print_object(&schema_network), "vif",
			schema_print_object(&schema_vif), "forward",
			schema_print_object(&schema_forward));
	return rc;
}

static void append_history(const struct store_history *h, void *arg)
{
	json_t *params = json_loads(h->params, 0, NULL);

	json_array_append_new(arg,
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:s, s:o}", "generation",
			(json_int_t)h->generation, "at", (json_int_t)h->at_s, "uid",
			(json_int_t)h->author.uid, "gid", (json_int_t)h->author.gid, "pid",
			(json_int_t)h->author.pid, "method", h->method, "params",
			params ? params : json_null()));
}

int rpc_history(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	static const char *const keys[] = { "max", NULL };
	const json_t *max = json_object_get(call->params, "max");
	json_int_t n = max ? json_integer_value(max) : HISTORY_DEFAULT;
	int rc = rpc_only_keys(call->params, keys, e);

	if (rc != 0)
		return rc;
	if (n < 1 || n > HISTORY_MAX)
		return err_set(e, -EINVAL, "max", "max must be a number from 1 to %d", HISTORY_MAX);
	*result = json_array();
	return store_history_foreach(d->store, (unsigned)n, append_history, *result, e);
}

int rpc_daemon_stop(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	static const char *const keys[] = { "engine", NULL };
	const json_t *engine = json_object_get(call->params, "engine");
	int rc = rpc_only_keys(call->params, keys, e);

	if (rc != 0)
		return rc;
	if (engine && !json_is_boolean(engine))
		return err_set(e, -EINVAL, "engine", "engine must be true or false");
	*result = json_pack("{s:i}", "pid", (int)getpid());
	daemon_stop(d, json_is_true(engine));
	return 0;
}
