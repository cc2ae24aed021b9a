/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile_engine.c - tell the engine what is held, and take back what it holds.
 * From: reconcile.c, engine_link.c's events.  To: engine_link.c, snapshot_build.c.
 * Theory: a new engine gets everything: segments, vifs, captures, then a snapshot.  A running one is
 * asked for everything first.  Afterwards only differences travel.  Each function may find the
 * engine gone half-way: it then does nothing, since the next engine starts from the beginning.
 * Thread: the daemon's only one. */
#include "config/memfd.h"
#include "config/netdev_bpf.h"
#include "config/reconcile_state.h"
#include "config/snapshot_build.h"
#include "config/uplink_choice.h"
#include "vswitch/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

LOG_MODULE("reconcile_engine");

/* What goes into a request, @message being a struct of the right type. */
#define REQUEST(kind, message, fd_array, count)    \
	(&(struct engine_request){ .type = (kind), \
		.body = &(message),                \
		.body_len = sizeof(message),       \
		.fds = (fd_array),                 \
		.n_fds = (count) })

static int tell(struct reconcile *r, const struct engine_request *req, struct err *e)
{
	return engine_link_request(r->link, req, e);
}

static void on_down(void *arg)
{
	struct reconcile *r = arg;

	for (unsigned id = 0; id < VIF_ID_MAX; id++)
		r->actual.vif[id].is_in_engine = false;
	free(r->snapshot);
	r->snapshot = NULL;
	r->snapshot_len = 0;
	reconcile_ask(r);
}

static void on_back(void *arg)
{
	reconcile_ask(arg);
}

static void on_event(void *arg, const struct msg_event *event)
{
	struct reconcile *r = arg;

	LOG_INFO("event=engine_event kind=%u vif=%u code=%d", event->kind, event->vif_id,
		event->code);
	if (event->kind == EVENT_BPDU_GUARD && event->vif_id < VIF_ID_MAX)
		LOG_WARN("event=bpdu_guard vif=%s reason=\"a BPDU came from it: it is disabled "
			 "until it is set down and up\"",
			r->wants.vif[event->vif_id].name);
	if (event->kind == EVENT_LOOP && event->vif_id < VIF_ID_MAX)
		LOG_WARN("event=loop vif=%s reason=\"it brought back what others had sent: blocked "
			 "for 10 s; does its guest bridge two vifs of one network?\"",
			r->wants.vif[event->vif_id].name);
	if (event->kind != EVENT_VIF_DEAD)
		return;
	reconcile_xen_dead(r, event->vif_id);
	reconcile_ask(r);
}

/* A HELD_VIF, or a HELD_XEN, which begins with the same and has an fd more. */
static int take_held_vif(struct reconcile *r, struct engine_msg *m, unsigned n_more)
{
	struct msg_vif v;
	struct vif_slot *slot;

	memcpy(&v, m->body, sizeof(v));
	if (v.vif_id == VIF_ID_NONE || v.vif_id >= VIF_ID_MAX
		|| (v.type != VIF_TYPE_VHOST && v.n_queues + n_more != m->n_fds)
		|| (v.type == VIF_TYPE_NETFRONT) != (n_more > 0)
		|| !engine_wire_is_name(v.name, sizeof(v.name))
		|| !engine_wire_is_name(v.ifname, sizeof(v.ifname)) || v.type == VIF_TYPE_NONE
		|| v.type >= VIF_TYPE_N || r->actual.vif[v.vif_id].is_open)
		return -EPROTO;
	slot = &r->actual.vif[v.vif_id];
	slot->is_open = true;
	slot->is_in_engine = true;
	slot->has_taken = true;
	slot->told = v;
	slot->cookie = v.cookie;
	slot->fds.n = m->n_fds;
	slot->fds.ifindex = (int)v.ifindex;
	slot->fds.flags = v.flags;
	if (r->paths.no_fast_path)
		slot->fds.flags &= ~(uint32_t)MSG_VIF_FAST;
	netdev_bpf_set_port(v.vif_id, (v.flags & MSG_VIF_FAST) != 0 ? (int)v.ifindex : 0);
	for (unsigned i = 0; i < m->n_fds; i++) {
		slot->fds.fd[i] = m->fd[i];
		m->fd[i] = -1;
	}
	slot->as.type = v.type;
	memcpy(slot->as.name, v.name, sizeof(v.name));
	memcpy(slot->as.ifname, v.ifname, sizeof(v.ifname));
	if (v.type == VIF_TYPE_VHOST && !reconcile_vhost_take(slot, &v))
		return -EPROTO;
	return 0;
}

static int take_held_xen(struct reconcile *r, struct engine_msg *m)
{
	struct msg_xen_vif x;
	int rc = take_held_vif(r, m, 1);

	memcpy(&x, m->body, sizeof(x));
	if (rc == 0 && !reconcile_xen_take(&r->actual.vif[x.vif.vif_id], &x))
		return -ENOMEM;
	return rc;
}

static int on_held(void *arg, struct engine_msg *m)
{
	struct reconcile *r = arg;
	struct msg_segment segment;
	struct msg_capture_close capture;
	int fd;

	switch (m->type) {
	case ENGINE_MSG_HELD_SEGMENT:
		memcpy(&segment, m->body, sizeof(segment));
		fd = m->fd[0];
		m->fd[0] = -1;
		if (segments_adopt(&r->segments, segment.kind, segment.size, fd) < 0)
			return -EPROTO;
		r->held_segments |= 1u << segment.kind;
		return 0;
	case ENGINE_MSG_HELD_VIF: return take_held_vif(r, m, 0);
	case ENGINE_MSG_HELD_XEN: return take_held_xen(r, m);
	case ENGINE_MSG_HELD_CAPTURE:
		/* Its reader hung up together with the daemon that served it. */
		memcpy(&capture, m->body, sizeof(capture));
		r->captures.last_id = MAX(r->captures.last_id, capture.capture_id);
		return 0;
	default: return -EPROTO;
	}
}

/* Those whose readers went while the engine did not answer. */
static void close_captures(struct reconcile *r)
{
	for (unsigned i = 0; i < CAPTURE_SESSIONS_MAX; i++) {
		struct capture_session *s = &r->captures.session[i];
		struct msg_capture_close m = { .capture_id = s->id };

		if (s->id == 0 || !s->is_closing)
			continue;
		(void)tell(r, REQUEST(ENGINE_MSG_CAPTURE_CLOSE, m, NULL, 0), NULL);
		captures_del(&r->captures, s->id);
	}
}

/* Those that it has not. */
static void give_segments(struct reconcile *r)
{
	for (uint32_t kind = SEGMENT_NONE + 1; kind < SEGMENT_N; kind++) {
		struct msg_segment m = { .kind = kind, .size = segments_size(kind) };
		struct err e = ERR_NONE;

		if ((r->held_segments & 1u << kind) != 0)
			continue;
		if (tell(r, REQUEST(ENGINE_MSG_SEGMENT, m, &r->segments.fd[kind], 1), &e) < 0)
			LOG_ERR("event=segment_refused kind=%u error=\"%s\"", kind, e.msg);
	}
}

static void give_captures(struct reconcile *r)
{
	close_captures(r);
	for (unsigned i = 0; i < CAPTURE_SESSIONS_MAX; i++) {
		const struct capture_session *s = &r->captures.session[i];
		int fds[2] = { s->ring_fd, s->event_fd };
		struct err e = ERR_NONE;

		if (s->id != 0 && tell(r, REQUEST(ENGINE_MSG_CAPTURE_OPEN, s->msg, fds, 2), &e) < 0)
			LOG_WARN("event=capture_refused error=\"%s\"", e.msg);
	}
}

static void take_over(struct reconcile *r)
{
	struct msg_empty empty = { 0 };
	struct engine_request req = { .type = ENGINE_MSG_FD_LIST,
		.body = &empty,
		.body_len = sizeof(empty),
		.on_answer = on_held,
		.arg = r };
	struct err e = ERR_NONE;
	uint32_t last_capture;

	if (engine_link_request(r->link, &req, &e) < 0) {
		LOG_ERR("event=take_over_failed error=\"%s\"", e.msg);
		return;
	}
	last_capture = r->captures.last_id;
	for (uint32_t id = last_capture >= CAPTURE_SESSIONS_MAX * 4
			? last_capture - CAPTURE_SESSIONS_MAX * 4 + 1
			: 1;
		last_capture != 0 && id <= last_capture; id++) {
		struct msg_capture_close m = { .capture_id = id };

		if (tell(r, REQUEST(ENGINE_MSG_CAPTURE_CLOSE, m, NULL, 0), NULL) == -ENOTCONN)
			return;
	}
}

static void on_ready(void *arg, bool was_taken_over)
{
	struct reconcile *r = arg;

	free(r->snapshot);
	r->snapshot = NULL;
	r->held_segments = 0;
	if (was_taken_over)
		take_over(r);
	/* Also one that was taken over: the daemon that started it may have died before it could. */
	give_segments(r);
	if (!was_taken_over)
		give_captures(r);
	if (r->is_listed) /* not before the first run knows what is held */
		reconcile_engine_run(r); /* at once: guests wait for it */
	reconcile_ask(r);
}

static int on_vhost(void *arg, struct engine_msg *m)
{
	return reconcile_vhost_hear(arg, m);
}

const struct engine_link_ops reconcile_engine_ops = {
	.on_ready = on_ready,
	.on_down = on_down,
	.on_back = on_back,
	.on_event = on_event,
	.on_vhost = on_vhost,
};

static struct msg_vif vif_message(const struct vif_slot *slot, uint16_t id)
{
	struct msg_vif m;

	memset(&m, 0, sizeof(m));
	m.vif_id = id;
	m.type = (uint8_t)slot->as.type;
	m.n_queues = slot->vhost != NULL
		? slot->as.queues
		: (uint8_t)(slot->xen != NULL ? slot->fds.n - 1 : slot->fds.n);
	m.flags = slot->fds.flags | (slot->as.is_leg ? (uint32_t)MSG_VIF_LEG : 0);
	m.ifindex = (uint32_t)slot->fds.ifindex;
	m.mtu = slot->mtu;
	m.cookie = slot->cookie;
	memcpy(m.name, slot->as.name, sizeof(m.name));
	memcpy(m.ifname, slot->vhost != NULL ? slot->as.name : slot->ifname, sizeof(m.ifname));
	return m;
}

static void give_vif(struct reconcile *r, uint16_t id)
{
	struct vif_slot *slot = &r->actual.vif[id];
	struct msg_vif m = vif_message(slot, id);
	struct err e = ERR_NONE;
	int rc;

	if (slot->is_in_engine && memcmp(&m, &slot->told, sizeof(m)) == 0)
		return;
	netdev_bpf_set_port(id, (m.flags & MSG_VIF_FAST) != 0 ? (int)m.ifindex : 0);
	if (slot->is_in_engine)
		rc = tell(r, REQUEST(ENGINE_MSG_VIF_UPDATE, m, NULL, 0), &e);
	else if (slot->xen != NULL)
		rc = reconcile_xen_tell(r, id, &m, &e);
	else
		rc = tell(r, REQUEST(ENGINE_MSG_VIF_OPEN, m, slot->fds.fd, slot->fds.n), &e);
	if (rc == -ENOTCONN)
		return;
	slot->told = m;
	if (rc < 0 && slot->is_in_engine)
		LOG_WARN("event=vif_update_refused vif=%s error=\"%s\"", m.name, e.msg);
	else if (rc < 0)
		actual_set_vif(slot, STATE_FAILED, e.msg);
	else if (!slot->is_in_engine) {
		slot->is_in_engine = true;
		if (slot->vhost != NULL)
			reconcile_vhost_give(r, id);
	}
}

static void give_snapshot(struct reconcile *r)
{
	struct engine_actual engine;
	struct msg_snapshot m;
	struct err e = ERR_NONE;
	void *bytes = NULL;
	size_t len = 0;
	int fd = -1;

	engine_link_actual(r->link, &engine);
	r->snapshot_generation = MAX(r->snapshot_generation, engine.generation);
	uplink_choose(r->model, &r->actual);
	int rc = snapshot_build(
		r->model, &r->wants, &r->actual, r->snapshot_generation + 1, &bytes, &len);

	if (rc == 0 && snapshot_is_same(bytes, len, r->snapshot, r->snapshot_len)) {
		r->model_generation = r->model->generation;
		goto out;
	}
	if (rc == 0)
		rc = fd = memfd_create_sealed("saklar-snapshot", bytes, len, len, true);
	if (rc < 0) {
		LOG_ERR("event=snapshot_not_built error=\"%s\"", strerror(-rc));
		goto out;
	}
	m = (struct msg_snapshot){ .generation = ++r->snapshot_generation, .size = len };
	rc = tell(r, REQUEST(ENGINE_MSG_SNAPSHOT, m, &fd, 1), &e);
	if (rc < 0) {
		LOG_ERR("event=snapshot_refused error=\"%s\"", e.msg);
		goto out;
	}
	free(r->snapshot);
	r->snapshot = bytes;
	r->snapshot_len = len;
	r->model_generation = r->model->generation;
	bytes = NULL;
out:
	if (fd >= 0)
		close(fd);
	free(bytes);
}

static void give_vifs(struct reconcile *r)
{
	for (unsigned id = 1; id < VIF_ID_MAX; id++) {
		if (!engine_link_is_ready(r->link))
			return;
		if (r->actual.vif[id].is_open && r->wants.vif[id].id != VIF_ID_NONE
			&& !r->actual.vif[id].has_taken)
			give_vif(r, (uint16_t)id);
	}
}

/* Is there a vif whose state is not known, since it was taken over and not looked at yet? */
static bool has_taken_vif(const struct reconcile *r)
{
	for (unsigned id = 1; id < VIF_ID_MAX; id++)
		if (r->actual.vif[id].has_taken)
			return true;
	return false;
}

/* A new engine receives nothing before its first snapshot, so its vifs come first.  For one that
 * runs the snapshot that names a new port comes before its vif, whose first frames would have no
 * network otherwise; the port gets what is flooded only from the second snapshot on. */
void reconcile_engine_run(struct reconcile *r)
{
	bool has_taken = has_taken_vif(r); /* then the engine goes on with the snapshot it has */
	struct engine_actual engine;

	close_captures(r);
	engine_link_actual(r->link, &engine);
	if (!has_taken && (r->snapshot != NULL || engine.was_taken_over)
		&& engine_link_is_ready(r->link))
		give_snapshot(r);
	give_vifs(r);
	if (!has_taken && engine_link_is_ready(r->link))
		give_snapshot(r);
}

void reconcile_engine_close_vif(struct reconcile *r, uint16_t id)
{
	struct msg_vif_close m = { .vif_id = id };
	struct err e = ERR_NONE;

	if (!r->actual.vif[id].is_in_engine)
		return;
	r->actual.vif[id].is_in_engine = false;
	if (tell(r, REQUEST(ENGINE_MSG_VIF_CLOSE, m, NULL, 0), &e) < 0)
		LOG_WARN("event=vif_close_refused vif=%u error=\"%s\"", id, e.msg);
	/* Behind another uplink the same address is another neighbour. */
	if ((r->actual.vif[id].as.is_transit || r->actual.vif[id].as.is_uplink)
		&& reconcile_neigh_flush(r, r->actual.vif[id].as.network_id, &e) < 0)
		LOG_WARN("event=neighbours_stay vif=%u error=\"%s\"", id, e.msg);
}

int reconcile_mute_error(struct err *e)
{
	return err_set(e, -ENOTCONN, "",
		"the engine does not answer; it is replaced when it has not for 5 s: try again "
		"then");
}

int reconcile_capture_open(
	struct reconcile *r, struct msg_capture *m, uint32_t data_size, int fds[2], struct err *e)
{
	struct capture_session *s;
	int rc;

	if (engine_link_is_mute(r->link))
		return reconcile_mute_error(e);
	s = captures_add(&r->captures, m, data_size, e);
	if (s == NULL)
		return e != NULL && e->code < 0 ? e->code : -EINVAL;
	fds[0] = s->ring_fd;
	fds[1] = s->event_fd;
	rc = tell(r, REQUEST(ENGINE_MSG_CAPTURE_OPEN, *m, fds, 2), e);
	if (rc == 0) {
		fds[0] = dup(s->ring_fd);
		fds[1] = dup(s->reader_fd);
		if (fds[0] >= 0 && fds[1] >= 0)
			return 0;
		rc = err_set(e, -EMFILE, "", "the daemon has no file descriptors left");
		if (fds[0] >= 0)
			close(fds[0]);
		reconcile_capture_close(r, s->id);
		return rc;
	}
	captures_del(&r->captures, s->id);
	return rc;
}

void reconcile_capture_close(struct reconcile *r, uint32_t capture_id)
{
	struct msg_capture_close m = { .capture_id = capture_id };

	if (engine_link_is_mute(r->link)) {
		for (unsigned i = 0; i < CAPTURE_SESSIONS_MAX; i++)
			if (r->captures.session[i].id == capture_id)
				r->captures.session[i].is_closing = true;
		return;
	}
	int rc = tell(r, REQUEST(ENGINE_MSG_CAPTURE_CLOSE, m, NULL, 0), NULL);

	if (rc < 0)
		LOG_DEBUG("event=capture_close_failed id=%u rc=%d", capture_id, rc);
	captures_del(&r->captures, capture_id);
}
