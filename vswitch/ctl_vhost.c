/* SPDX-License-Identifier: Apache-2.0 */
/* ctl_vhost.c - the sockets of vhost-user vifs in the control thread's loop.
 *
 * From: ctl.c (events), ctl_apply.c (vifs that come and go).  To: vif_vhost.c, worker.c.
 * Theory: a VMM's messages are handled here and never in a worker, so that one that is slow or hostile
 * costs its own session.  Connections are waited on edge-triggered: half a message wakes nobody again.  A
 * VMM that writes without end gets VHOST_SERVE_MAX messages a turn and stands in line for the next; when
 * its budget is used up, it is not listened to before .vhost_due_ns.
 * What a VMM hands over is deposited with the daemon before its message is consumed, so that the engine
 * after this one can go on with it.
 * Invariants: an fd is in epoll as long as it is open.
 * Thread: control. */
#include "vif/vhost_session.h"
#include "vif/vif_vhost.h"
#include "vswitch/base/clock.h"
#include "vswitch/base/log.h"
#include "vswitch/ctl_state.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

LOG_MODULE("ctl_vhost");

static void on_pass(void *arg)
{
	const struct ctl *c = arg;

	for (unsigned i = 0; i < c->params.n_workers; i++)
		worker_pass(c->params.workers[i]);
}

static void on_watch(void *arg, struct vif *v, unsigned index, int fd)
{
	const struct ctl *c = arg;

	worker_set_queue_fd(c->params.workers[v->queue[index].worker], v, index, fd);
}

/* Without a daemon nothing is kept; the next one asks for everything. */
static void on_deposit(void *arg, const struct vif *v, unsigned slot, int fd)
{
	struct ctl *c = arg;
	const struct msg_vhost_fd m = { .vif_id = v->id, .slot = slot };

	ctl_tell(c, ENGINE_MSG_VHOST_DEPOSIT, &m, sizeof(m), &fd, fd >= 0);
}

int ctl_vhost_init(struct ctl *c)
{
	const struct vif_vhost_hooks hooks
		= { .pass = on_pass, .watch = on_watch, .deposit = on_deposit, .arg = c };

	return vif_vhost_init(&hooks);
}

static void state_tell(struct ctl *c, const struct vif *v)
{
	struct msg_vhost_state m;

	if (vif_vhost_state(v, false, &m))
		ctl_tell(c, ENGINE_MSG_VHOST_STATE, &m, sizeof(m), NULL, 0);
}

static void wait_on(const struct ctl *c, int op, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	if (epoll_ctl(c->epoll_fd, op, fd, &ev) < 0)
		LOG_WARN("event=epoll_failed fd=%d errno=%d", fd, errno);
}

/* Has @v said more than it may for now?  Then it is looked at again when it is due. */
static bool is_over_budget(struct ctl *c, const struct vif *v, uint64_t now_ns)
{
	uint64_t wait_ns = vif_vhost_wait_ns(v, now_ns);

	if (wait_ns == 0)
		return false;
	if (c->vhost_due_ns == 0 || now_ns + wait_ns < c->vhost_due_ns)
		c->vhost_due_ns = now_ns + wait_ns;
	return true;
}

/* A VMM that waits; level-triggered while nobody is connected, so that none is forgotten. */
static void accept_next(struct ctl *c, struct vif *v)
{
	bool may_come = !is_over_budget(c, v, clock_now_ns());
	bool has_come = may_come && vif_vhost_accept(v) == 1;

	if (has_come)
		wait_on(c, EPOLL_CTL_ADD, vif_vhost_conn_fd(v), EPOLLIN | EPOLLET);
	if (vif_vhost_listen_fd(v) >= 0)
		wait_on(c, EPOLL_CTL_MOD, vif_vhost_listen_fd(v),
			may_come && vif_vhost_conn_fd(v) < 0 ? EPOLLIN : 0);
}

static void serve(struct ctl *c, struct vif *v)
{
	struct err e = ERR_NONE;
	uint64_t now_ns = clock_now_ns();
	int fd = vif_vhost_conn_fd(v);
	int rc = is_over_budget(c, v, now_ns) ? 0 : vif_vhost_serve(v, now_ns, &e);

	if (rc == 1) /* asks again whether there is input, behind what others have */
		wait_on(c, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLET);
	else if (rc < 0)
		accept_next(c, v);
	state_tell(c, v);
}

int ctl_vhost_timeout_ms(const struct ctl *c)
{
	uint64_t now_ns = clock_now_ns();

	if (c->vhost_due_ns == 0)
		return -1;
	if (c->vhost_due_ns <= now_ns)
		return 0;
	return (int)((c->vhost_due_ns - now_ns) / NS_PER_MS) + 1;
}

void ctl_vhost_due(struct ctl *c)
{
	const struct vif_table *vifs = c->config->vifs;

	if (c->vhost_due_ns == 0 || c->vhost_due_ns > clock_now_ns())
		return;
	c->vhost_due_ns = 0;
	for (unsigned i = 0; i < vifs->n; i++) {
		struct vif *v = vifs->by_id[vifs->ids[i]];

		if (!vif_is_vhost(v))
			continue;
		if (vif_vhost_conn_fd(v) >= 0)
			serve(c, v);
		else
			accept_next(c, v);
	}
}

void ctl_vhost_open(struct ctl *c, struct vif *v)
{
	if (vif_is_vhost(v) && vif_vhost_listen_fd(v) >= 0)
		wait_on(c, EPOLL_CTL_ADD, vif_vhost_listen_fd(v), EPOLLIN);
}

bool ctl_vhost_event(struct ctl *c, int fd)
{
	const struct vif_table *vifs = c->config->vifs;

	for (unsigned i = 0; i < vifs->n; i++) {
		struct vif *v = vifs->by_id[vifs->ids[i]];

		if (!vif_is_vhost(v))
			continue;
		if (fd == vif_vhost_listen_fd(v)) {
			accept_next(c, v);
			state_tell(c, v);
			return true;
		}
		if (fd == vif_vhost_conn_fd(v)) {
			serve(c, v);
			return true;
		}
	}
	return false;
}

bool ctl_vhost_dead(struct ctl *c, uint16_t vif_id)
{
	struct vif *v = c->config->vifs->by_id[vif_id];
	bool had_conn;

	if (!v || !vif_is_vhost(v))
		return false;
	had_conn = vif_vhost_conn_fd(v) >= 0;
	vif_vhost_look(v);
	if (had_conn && vif_vhost_conn_fd(v) < 0)
		accept_next(c, v);
	state_tell(c, v);
	return true;
}

void ctl_vhost_held(struct ctl *c, const struct vif *v)
{
	struct msg_vhost_state m;

	if (!vif_is_vhost(v))
		return;
	vhost_session_deposit_all(vif_vhost_session(v));
	if (vif_vhost_state(v, true, &m))
		ctl_tell(c, ENGINE_MSG_VHOST_STATE, &m, sizeof(m), NULL, 0);
}

/* The vhost-user vif with @id. */
static struct vif *vif_find(const struct ctl *c, uint32_t id, struct err *e)
{
	struct vif *v = id < VIF_ID_MAX ? c->config->vifs->by_id[id] : NULL;

	if (v && vif_is_vhost(v))
		return v;
	err_set(e, -ENOENT, "vif.id", "there is no vhost-user vif %u", id);
	return NULL;
}

/* Is @fd a connected stream socket that does not wait? */
static int socket_check(int fd, struct err *e)
{
	int type = 0, domain = 0;
	socklen_t len = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0
		|| getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 || type != SOCK_STREAM
		|| domain != AF_UNIX)
		return err_set(e, -ENOTSOCK, "vhost", "its fd is no unix stream socket");
	return fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

int ctl_vhost_attach(struct ctl *c, struct ctl_request *r, struct err *e)
{
	const struct msg_vhost_fd *m = r->body;
	struct vif *v = vif_find(c, m->vif_id, e);
	int rc = v ? socket_check(r->fd[0], e) : e->code;

	if (rc < 0)
		return rc;
	if (vif_vhost_listen_fd(v) >= 0)
		return err_set(e, -EINVAL, v->name, "it listens itself");
	rc = vif_vhost_attach(v, r->fd[0], e);
	r->fd[0] = -1;
	if (rc < 0)
		return rc;
	wait_on(c, EPOLL_CTL_ADD, vif_vhost_conn_fd(v), EPOLLIN | EPOLLET);
	state_tell(c, v);
	return 0;
}

int ctl_vhost_give(struct ctl *c, struct ctl_request *r, struct err *e)
{
	const struct msg_vhost_fd *m = r->body;
	const struct vif *v = vif_find(c, m->vif_id, e);
	int rc = v ? 0 : e->code;

	if (rc == 0 && m->slot == VHOST_SLOT_SOCKET)
		rc = socket_check(r->fd[0], e);
	if (rc < 0)
		return rc;
	rc = vhost_session_give(vif_vhost_session(v), m->slot, r->fd[0]);
	r->fd[0] = -1;
	return rc < 0 ? err_set(e, rc, v->name, "slot %u is taken or none", m->slot) : 0;
}

/* What cannot be taken up is hung up on; the VMM connects anew, which is no failure of the message. */
int ctl_vhost_resume(struct ctl *c, struct ctl_request *r, struct err *e)
{
	const struct msg_vif_close *m = r->body;
	struct vif *v = vif_find(c, m->vif_id, e);
	struct err why = ERR_NONE;

	if (!v)
		return e->code;
	if (vhost_session_resume(vif_vhost_session(v), &why) == 0)
		wait_on(c, EPOLL_CTL_ADD, vif_vhost_conn_fd(v), EPOLLIN | EPOLLET);
	accept_next(c, v);
	state_tell(c, v);
	return 0;
}
