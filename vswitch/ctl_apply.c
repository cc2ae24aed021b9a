/* SPDX-License-Identifier: Apache-2.0 */
/* ctl_apply.c - what each message of the daemon means.
 *
 * From: ctl.c.  To: vif.c, capture.c, snapshot.c, state.c, worker.c.
 * Theory: the configuration of the workers is one immutable struct.  A change builds the next one,
 * publishes it, and frees what only the old one held; publishing returns when every worker has
 * passed from a burst of the old to one of the new.  Nothing is half-applied: whatever can fail is
 * done before publishing.
 * Invariants: an fd is taken out of the request (set to -1) by whoever keeps it; what is left is
 * closed by the caller.
 * Thread: control. */
#include "bridge/fdb.h"
#include "saklar_build.h"
#include "vif/vif_vhost.h"
#include "vswitch/base/clock.h"
#include "vswitch/base/log.h"
#include "vswitch/ctl_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

LOG_MODULE("ctl");

/* A memfd of @size bytes that nobody can shrink under our mapping. */
static int memfd_check(int fd, uint64_t size, int seals, const char *what, struct err *e)
{
	int have = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (have < 0 || (have & seals) != seals)
		return err_set(e, -EINVAL, what, "not a memfd with the seals it needs");
	if (fstat(fd, &st) < 0 || (uint64_t)st.st_size != size)
		return err_set(e, -EINVAL, what, "its size is not what the message says");
	return 0;
}

/* The next configuration: a copy of the current one. */
static struct worker_config *config_copy(const struct ctl *c, struct err *e)
{
	struct worker_config *cfg = malloc(sizeof(*cfg));

	if (!cfg) {
		err_set(e, -ENOMEM, "", "out of memory");
		return NULL;
	}
	*cfg = *c->config;
	return cfg;
}

/* Publish @cfg and free the struct of the one before (not what it points to). */
static void config_swap(struct ctl *c, struct worker_config *cfg)
{
	union {
		const struct worker_config *in;
		struct worker_config *out;
	} old = { .in = c->config };

	worker_publish(c->params.workers, c->params.n_workers, cfg);
	c->config = cfg;
	free(old.out);
}

static int apply_hello(struct ctl *c, struct ctl_request *r, struct err *)
{
	const struct msg_hello *m = r->body;
	struct msg_hello_ok ok = {
		.abi_hash = ENGINE_ABI_HASH,
		.engine_pid = (uint32_t)getpid(),
		.flags = c->params.is_huge ? ENGINE_FLAG_HUGE : 0,
		.snapshot_generation = c->config->snapshot ? c->config->snapshot->generation : 0,
		.started_ns = c->params.started_ns,
		.n_workers = c->params.n_workers,
	};

	snprintf(ok.build, sizeof(ok.build), "%s", SAKLAR_BUILD);
	/* A daemon of another build is told so; it can only go away, or stop this engine by pid. */
	c->has_hello = m->abi_hash == ENGINE_ABI_HASH;
	LOG_INFO("event=hello daemon_pid=%u fits=%d", m->daemon_pid, c->has_hello);
	return ctl_answer(c, ENGINE_MSG_HELLO_OK, &ok, sizeof(ok), NULL, 0);
}

/* A worker that translates finds the ports counted: it cannot map memory itself. */
static int ports_ready(struct ctl *c, const struct snapshot *s, struct err *e)
{
	if (s == NULL || s->n_routers == 0 || c->state.ct == NULL
		|| ct_ports_map(c->state.ct->ports))
		return 0;
	return err_set(e, -ENOMEM, "connections", "out of memory");
}

static int apply_segment(struct ctl *c, struct ctl_request *r, struct err *e)
{
	const struct msg_segment *m = r->body;
	int rc;

	if (m->size != state_segment_size(m->kind))
		return err_set(e, -EINVAL, "segment.size", "%llu bytes, not %zu",
			(unsigned long long)m->size, state_segment_size(m->kind));
	rc = state_attach(&c->state, m->kind, r->fd[0], e);
	r->fd[0] = -1;
	if (rc < 0)
		return rc;
	/* one writer a table: worker 0; it has it first, the others look */
	for (unsigned i = 0; m->kind == SEGMENT_FDB && i < c->params.n_workers; i++)
		if (worker_set_fdb(c->params.workers[i], c->state.fdb) < 0)
			return err_set(e, -ENOMEM, "segment", "out of memory");
	if (m->kind == SEGMENT_CT) {
		rc = ports_ready(c, c->config->snapshot, e);
		if (rc < 0)
			return rc;
		worker_set_ct(c->params.workers[0], c->state.ct);
	}
	if (m->kind == SEGMENT_NEIGH)
		worker_set_neigh(c->params.workers[0], c->state.neigh);
	if (m->kind == SEGMENT_VERDICT)
		worker_set_verdicts(c->params.workers[0], c->state.verdicts);
	if (m->kind == SEGMENT_STP)
		worker_set_stp(c->params.workers[0], c->state.map[SEGMENT_STP].at);
	for (unsigned i = 0; m->kind == SEGMENT_COUNTERS && i < c->params.n_workers; i++)
		worker_set_counters(c->params.workers[i], c->state.counters);
	return 0;
}

/* A copy of the table with @id replaced by @v (NULL: taken out). */
static struct vif_table *vifs_with(const struct vif_table *old, uint16_t id, struct vif *v)
{
	struct vif_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	memcpy(t->by_id, old->by_id, sizeof(t->by_id));
	t->by_id[id] = v;
	for (unsigned i = 0; i < VIF_ID_MAX; i++)
		if (t->by_id[i])
			t->ids[t->n++] = (uint16_t)i;
	return t;
}

/* Put @v (or nothing) at @id; the vif that was there is closed. */
static int vifs_change(struct ctl *c, uint16_t id, struct vif *v, struct err *e)
{
	union {
		const struct vif_table *in;
		struct vif_table *out;
	} old = { .in = c->config->vifs };
	struct vif *before = old.in->by_id[id];
	struct worker_config *cfg = config_copy(c, e);
	struct vif_table *vifs = vifs_with(old.in, id, v);

	if (!cfg || !vifs) {
		free(cfg);
		free(vifs);
		return err_set(e, -ENOMEM, "", "out of memory");
	}
	cfg->vifs = vifs;
	config_swap(c, cfg);
	c->dead[id / 64] &= ~(UINT64_C(1) << (id % 64));
	free(old.out);
	vif_close(before);
	return 0;
}

int ctl_vif_add(struct ctl *c, struct vif *v, const struct msg_vif *m, struct err *e)
{
	int rc;

	balance_place(&c->balance, c->config->vifs, c->config->snapshot, v);
	rc = vifs_change(c, v->id, v, e);
	if (rc < 0) {
		vif_close(v);
		return rc;
	}
	c->vif_msg[v->id] = *m;
	ctl_vhost_open(c, v);
	LOG_INFO("event=vif_opened vif=%s id=%u type=%s queues=%u", v->name, v->id, v->ops->name,
		v->n_queues);
	return 0;
}

static int apply_vif_open(struct ctl *c, struct ctl_request *r, struct err *e)
{
	const struct msg_vif *m = r->body;
	struct vif *v;

	if (m->type == VIF_TYPE_MEM)
		return err_set(e, -EINVAL, "vif.type", "mem is for tests");
	v = vif_open(m, r->fd, r->n_fds, e);
	for (unsigned i = 0; i < r->n_fds; i++)
		r->fd[i] = -1;
	return v ? ctl_vif_add(c, v, m, e) : e->code;
}

static int vif_id_check(const struct ctl *c, uint32_t id, struct err *e)
{
	if (id >= VIF_ID_MAX || !c->config->vifs->by_id[id])
		return err_set(e, -ENOENT, "vif.id", "there is no vif %u", id);
	return 0;
}

static int apply_vif_close(struct ctl *c, struct ctl_request *r, struct err *e)
{
	const struct msg_vif_close *m = r->body;
	int rc = vif_id_check(c, m->vif_id, e);

	if (rc < 0)
		return rc;
	LOG_INFO("event=vif_closed id=%u", m->vif_id);
	return vifs_change(c, (uint16_t)m->vif_id, NULL, e);
}

/* Name, MTU, ifindex and cookie can change while the fds stay; type and queues cannot. */
static void call_vif_update(struct worker *, void *arg)
{
	const struct ctl *c = arg;
	const struct msg_vif *m
		= (const struct msg_vif *)(const void *)(c->in + sizeof(struct engine_msg_hdr));
	struct vif *v = c->config->vifs->by_id[m->vif_id];

	v->mtu = m->mtu;
	v->ifindex = m->ifindex;
	v->flags = m->flags;
	v->cookie = m->cookie;
	memcpy(v->ifname, m->ifname, SAKLAR_NAME_MAX);
}

static int apply_vif_update(struct ctl *c, struct ctl_request *r, struct err *e)
{
	const struct msg_vif *m = r->body;
	int rc = vif_id_check(c, m->vif_id, e);
	const struct msg_vif *old;

	if (rc < 0)
		return rc;
	old = &c->vif_msg[m->vif_id];
	if (m->type != old->type || m->n_queues != old->n_queues
		|| memcmp(m->name, old->name, sizeof(m->name)) != 0)
		return err_set(e, -EINVAL, "vif", "type, queues and name need a new VIF_OPEN");
	for (unsigned i = 0; i < c->params.n_workers; i++)
		worker_run_call(c->params.workers[i], call_vif_update, c);
	c->vif_msg[m->vif_id] = *m;
	return 0;
}

/* Copied first and looked at afterwards: what is mapped could still change if a seal were missing. */
static void *snapshot_read(const struct ctl_request *r, const struct msg_snapshot *m, struct err *e)
{
	uint8_t *bytes;

	if (m->size < sizeof(struct snap_hdr) || m->size > SNAPSHOT_SIZE_MAX) {
		err_set(e, -EINVAL, "snapshot.size", "%llu bytes", (unsigned long long)m->size);
		return NULL;
	}
	if (memfd_check(r->fd[0], m->size, F_SEAL_SHRINK | F_SEAL_WRITE, "snapshot", e) < 0)
		return NULL;
	bytes = malloc(m->size);
	if (!bytes) {
		err_set(e, -ENOMEM, "", "out of memory");
		return NULL;
	}
	for (uint64_t at = 0; at < m->size;) {
		ssize_t n = pread(r->fd[0], bytes + at, m->size - at, (off_t)at);

		if (n <= 0) {
			err_set(e, -EIO, "snapshot", "cannot be read");
			free(bytes);
			return NULL;
		}
		at += (uint64_t)n;
	}
	return bytes;
}

static int apply_snapshot(struct ctl *c, struct ctl_request *r, struct err *e)
{
	const struct msg_snapshot *m = r->body;
	union {
		const struct snapshot *in;
		struct snapshot *out;
	} old = { .in = c->config->snapshot };
	struct worker_config *cfg = NULL;
	struct snapshot *s = NULL;
	void *bytes = NULL;

	if (!c->state.fdb || !c->state.counters)
		return err_set(e, -EINVAL, "snapshot", "the segments come first");
	bytes = snapshot_read(r, m, e);
	if (bytes)
		s = snapshot_create(bytes, m->size, e);
	free(bytes);
	if (!s)
		return e->code;
	if (s->generation != m->generation)
		err_set(e, -EINVAL, "snapshot.generation", "differs from the message's");
	else if (ports_ready(c, s, e) == 0)
		cfg = config_copy(c, e);
	if (!cfg) {
		snapshot_destroy(s);
		return e->code;
	}
	cfg->snapshot = s;
	balance_gather(&c->balance, cfg->vifs, s);
	config_swap(c, cfg);
	snapshot_destroy(old.out);
	LOG_INFO("event=snapshot generation=%llu networks=%u ports=%u",
		(unsigned long long)s->generation, s->n_networks, s->n_ports);
	return 0;
}

/* Everything the engine holds, with its fds, for a daemon that has lost its own. */
static int apply_fd_list(struct ctl *c, struct ctl_request *, struct err *)
{
	const struct vif_table *vifs = c->config->vifs;
	const struct capture_set *set = c->config->captures;
	int rc = 0;

	for (uint32_t kind = 0; kind < SEGMENT_N && rc == 0; kind++) {
		const struct state_map *map = &c->state.map[kind];
		struct msg_segment m = { .kind = kind, .size = map->size };

		if (map->fd >= 0)
			rc = ctl_answer(c, ENGINE_MSG_HELD_SEGMENT, &m, sizeof(m), &map->fd, 1);
	}
	for (unsigned i = 0; i < vifs->n && rc == 0; i++) {
		const struct vif *v = vifs->by_id[vifs->ids[i]];
		int fds[VIF_QUEUES_MAX];
		unsigned n_fds = v->n_queues;

		if (v->type == VIF_TYPE_NETFRONT) {
			rc = ctl_xen_tell_held(c, v);
			continue;
		}
		for (unsigned k = 0; k < v->n_queues; k++)
			fds[k] = v->queue[k].fd;
		if (vif_is_vhost(v))
			n_fds = vif_vhost_fds(v, fds);
		rc = ctl_answer(c, ENGINE_MSG_HELD_VIF, &c->vif_msg[v->id], sizeof(struct msg_vif),
			fds, n_fds);
		if (rc == 0)
			ctl_vhost_held(c, v);
	}
	for (uint32_t i = 0; set && i < set->n && rc == 0; i++) {
		struct msg_capture_close m = { .capture_id = capture_id(set->session[i]) };
		int fds[2];

		capture_fds(set->session[i], fds);
		rc = ctl_answer(c, ENGINE_MSG_HELD_CAPTURE, &m, sizeof(m), fds, 2);
	}
	/* Events of the time without a daemon; the new one does not know which of its fds are dead. */
	for (uint16_t id = 1; id < VIF_ID_MAX && rc == 0; id++)
		if (c->dead[id / 64] >> (id % 64) & 1)
			rc = ctl_tell_dead(c, id);
	return rc;
}

struct fdb_question {
	struct ctl *c;
	struct fdb_dump at;
	const struct msg_fdb_flush *flush;
};

static void call_fdb_dump(struct worker *w, void *arg)
{
	struct fdb_question *q = arg;
	struct fdb *f = worker_fdb(w);

	q->c->fdb_entries.n = fdb_dump(
		f, q->c->config->snapshot, &q->at, q->c->fdb_entries.entry, MSG_FDB_ENTRIES_MAX);
}

static int fdb_check(const struct ctl *c, uint32_t network_id, struct err *e)
{
	if (!c->config->snapshot)
		return err_set(e, -EAGAIN, "fdb", "there is no snapshot yet");
	if (network_id >= NETWORK_ID_MAX)
		return err_set(e, -EINVAL, "network.id", "%u is too large", network_id);
	return 0;
}

/* Worker 0 is asked because it owns the table. */
static int apply_fdb_dump(struct ctl *c, struct ctl_request *r, struct err *e)
{
	const struct msg_fdb_dump *m = r->body;
	struct fdb_question q = {
		.c = c,
		.at = { .network_id = (uint16_t)m->network_id,
			.cursor = m->cursor,
			.now_ns = clock_now_ns() },
	};
	int rc = fdb_check(c, m->network_id, e);

	if (rc < 0)
		return rc;
	memset(&c->fdb_entries, 0, sizeof(c->fdb_entries));
	worker_run_call(c->params.workers[0], call_fdb_dump, &q);
	c->fdb_entries.next_cursor = q.at.cursor;
	return ctl_answer(c, ENGINE_MSG_FDB_ENTRIES, &c->fdb_entries,
		offsetof(struct msg_fdb_entries, entry)
			+ c->fdb_entries.n * sizeof(struct msg_fdb_entry),
		NULL, 0);
}

static void call_fdb_flush(struct worker *w, void *arg)
{
	const struct msg_fdb_flush *m = ((const struct fdb_question *)arg)->flush;
	static const uint8_t all[sizeof(m->mac)];

	if (memcmp(m->mac, all, sizeof(all)) == 0)
		fdb_flush_vlan(worker_fdb(w), (uint16_t)m->network_id, (uint16_t)m->vif_id, m->vid);
	else
		fdb_del(worker_fdb(w), (uint16_t)m->network_id, m->vid, m->mac);
}

static int apply_fdb_flush(struct ctl *c, struct ctl_request *r, struct err *e)
{
	const struct msg_fdb_flush *m = r->body;
	struct fdb_question q = { .flush = m };
	int rc = fdb_check(c, m->network_id, e);

	if (rc < 0)
		return rc;
	if (m->vif_id >= VIF_ID_MAX)
		return err_set(e, -EINVAL, "vif.id", "%u is too large", m->vif_id);
	if (m->vid > VLAN_VID_MAX)
		return err_set(e, -EINVAL, "vlan", "%u is too large", m->vid);
	worker_run_call(c->params.workers[0], call_fdb_flush, &q);
	return 0;
}

/* Publish the current captures without @without and with @with (each may be NULL). */
static int captures_change(
	struct ctl *c, const struct capture *without, struct capture *with, struct err *e)
{
	static const struct capture_set empty;
	const struct capture_set *from = c->config->captures ? c->config->captures : &empty;
	union {
		const struct capture_set *in;
		struct capture_set *out;
	} old = { .in = c->config->captures };
	struct capture_set *to = calloc(1, sizeof(*to));
	struct worker_config *cfg = config_copy(c, e);

	if (!cfg || !to) {
		free(cfg);
		free(to);
		return err_set(e, -ENOMEM, "", "out of memory");
	}
	for (uint32_t i = 0; i < from->n; i++)
		if (from->session[i] != without)
			to->session[to->n++] = from->session[i];
	if (with)
		to->session[to->n++] = with;
	cfg->captures = to;
	config_swap(c, cfg);
	free(old.out);
	return 0;
}

static struct capture *capture_find(const struct ctl *c, uint32_t id)
{
	const struct capture_set *set = c->config->captures;

	for (uint32_t i = 0; set && i < set->n; i++)
		if (capture_id(set->session[i]) == id)
			return set->session[i];
	return NULL;
}

static int apply_capture_open(struct ctl *c, struct ctl_request *r, struct err *e)
{
	const struct msg_capture *m = r->body;
	struct capture *cap;
	int rc;

	if (capture_find(c, m->capture_id))
		return err_set(e, -EEXIST, "capture.id", "%u exists", m->capture_id);
	if (c->config->captures && c->config->captures->n == CAPTURE_SESSIONS_MAX)
		return err_set(
			e, -EBUSY, "capture", "%u captures run already", CAPTURE_SESSIONS_MAX);
	cap = capture_open(m, r->fd[0], r->fd[1], e);
	r->fd[0] = -1;
	r->fd[1] = -1;
	if (!cap)
		return e->code;
	rc = captures_change(c, NULL, cap, e);
	if (rc < 0)
		capture_close(cap);
	return rc;
}

static int apply_capture_close(struct ctl *c, struct ctl_request *r, struct err *e)
{
	const struct msg_capture_close *m = r->body;
	struct capture *cap = capture_find(c, m->capture_id);
	int rc;

	if (!cap)
		return err_set(e, -ENOENT, "capture.id", "there is no capture %u", m->capture_id);
	rc = captures_change(c, cap, NULL, e);
	if (rc == 0)
		capture_close(cap);
	return rc;
}

/* The ACK is all that is asked for. */
static int apply_ping(struct ctl *, struct ctl_request *, struct err *)
{
	return 0;
}

static int apply_stop(struct ctl *c, struct ctl_request *, struct err *)
{
	c->must_stop = true;
	return 0;
}

static int apply_measure(struct ctl *c, struct ctl_request *r, struct err *e)
{
	const struct msg_measure *m = r->body;

	if (m->ms > MSG_MEASURE_MAX_MS)
		return err_set(
			e, -EINVAL, "measure", "%u ms; at most %u", m->ms, MSG_MEASURE_MAX_MS);
	for (unsigned i = 0; i < c->params.n_workers; i++)
		worker_measure(c->params.workers[i], clock_now_ns() + m->ms * NS_PER_MS);
	return 0;
}

static const struct {
	uint32_t type;
	int (*apply)(struct ctl *c, struct ctl_request *r, struct err *e);
} appliers[] = {
	{ ENGINE_MSG_HELLO, apply_hello },
	{ ENGINE_MSG_SEGMENT, apply_segment },
	{ ENGINE_MSG_VIF_OPEN, apply_vif_open },
	{ ENGINE_MSG_VIF_CLOSE, apply_vif_close },
	{ ENGINE_MSG_SNAPSHOT, apply_snapshot },
	{ ENGINE_MSG_FD_LIST, apply_fd_list },
	{ ENGINE_MSG_FDB_DUMP, apply_fdb_dump },
	{ ENGINE_MSG_FDB_FLUSH, apply_fdb_flush },
	{ ENGINE_MSG_NEIGH_DUMP, ctl_neigh_dump },
	{ ENGINE_MSG_MDB_DUMP, ctl_mdb_dump },
	{ ENGINE_MSG_NEIGH_FLUSH, ctl_neigh_flush },
	{ ENGINE_MSG_CT_DUMP, ctl_ct_dump },
	{ ENGINE_MSG_CT_FLUSH, ctl_ct_flush },
	{ ENGINE_MSG_STP_DUMP, ctl_stp_dump },
	{ ENGINE_MSG_CAPTURE_OPEN, apply_capture_open },
	{ ENGINE_MSG_CAPTURE_CLOSE, apply_capture_close },
	{ ENGINE_MSG_VIF_UPDATE, apply_vif_update },
	{ ENGINE_MSG_VHOST_ATTACH, ctl_vhost_attach },
	{ ENGINE_MSG_VHOST_GIVE, ctl_vhost_give },
	{ ENGINE_MSG_VHOST_RESUME, ctl_vhost_resume },
	{ ENGINE_MSG_MEASURE, apply_measure },
	{ ENGINE_MSG_STOP, apply_stop },
	{ ENGINE_MSG_PING, apply_ping },
	{ ENGINE_MSG_XEN_OPEN, ctl_xen_open },
	{ ENGINE_MSG_XEN_STATS, ctl_xen_stats },
};

int ctl_apply(struct ctl *c, struct ctl_request *r, struct err *e)
{
	/* HELLO and HELLO_OK are frozen; nothing else may be said before they agree */
	if (r->type != ENGINE_MSG_HELLO && !c->has_hello)
		return -EPROTO;
	for (size_t i = 0; i < ARRAY_LEN(appliers); i++)
		if (appliers[i].type == r->type)
			return appliers[i].apply(c, r, e);
	return -EPROTO;
}
