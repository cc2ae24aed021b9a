/* SPDX-License-Identifier: Apache-2.0 */
/* ctl.c - the control thread's loop: accept the daemon, receive, answer, report dead vifs.
 *
 * From: engine.c.  To: ctl_wire.c (bytes), ctl_apply.c (meaning), worker.c.
 * Theory: one request at a time, each answered by an ACK after its data messages.  Sends do not
 * block for ever: a daemon that does not read for SEND_TIMEOUT_S is hung up on.
 * Invariants: at most one connection; whatever a daemon does ends at worst that connection.
 * Thread: control. */
#include "vswitch/ctl.h"

#include "vswitch/base/clock.h"
#include "vswitch/base/log.h"
#include "vswitch/ctl_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

LOG_MODULE("ctl");

#define SEND_TIMEOUT_S 2

static _Atomic uint64_t denied; /* system calls that the filter refused */

_Atomic uint64_t *ctl_denied_counter(void)
{
	return &denied;
}

static void hang_up(struct ctl *c, const char *why)
{
	if (c->conn_fd < 0)
		return;
	LOG_INFO("event=daemon_gone reason=\"%s\"", why);
	close(c->conn_fd); /* leaves epoll by that: nobody else holds this fd */
	c->conn_fd = -1;
	c->has_hello = false;
}

static int send_message(
	struct ctl *c, const struct engine_msg_hdr *hdr, const void *body, const int *fds)
{
	int rc = c->conn_fd < 0 ? -ENOTCONN : ctl_wire_send(c->conn_fd, hdr, body, fds);

	/* not -EPROTO or the like: the answer cannot be sent, so nobody will read an ACK either */
	return rc < 0 ? -ECONNRESET : 0;
}

int ctl_answer(struct ctl *c, uint32_t type, const void *body, size_t body_len, const int *fds,
	unsigned n_fds)
{
	struct engine_msg_hdr hdr = {
		.type = type,
		.seq = c->seq,
		.len = (uint32_t)(sizeof(hdr) + body_len),
		.n_fds = n_fds,
	};

	return send_message(c, &hdr, body, fds);
}

int ctl_tell_event(struct ctl *c, const struct msg_event *m)
{
	struct engine_msg_hdr hdr = { .type = ENGINE_MSG_EVENT, .len = sizeof(hdr) + sizeof(*m) };

	return send_message(c, &hdr, m, NULL);
}

int ctl_tell_dead(struct ctl *c, uint16_t vif_id)
{
	struct msg_event m = { .kind = EVENT_VIF_DEAD, .vif_id = vif_id, .code = -ENODEV };

	return ctl_tell_event(c, &m);
}

void ctl_tell(struct ctl *c, uint32_t type, const void *body, size_t body_len, const int *fds,
	unsigned n_fds)
{
	struct engine_msg_hdr hdr
		= { .type = type, .len = (uint32_t)(sizeof(hdr) + body_len), .n_fds = n_fds };

	if (c->has_hello && send_message(c, &hdr, body, fds) < 0)
		hang_up(c, "daemon does not read");
}

static int send_ack(struct ctl *c, int rc, const struct err *e)
{
	struct msg_ack ack = { .rc = rc };

	if (rc < 0)
		snprintf(ack.text, sizeof(ack.text), "%s%s%.170s", e->path, e->path[0] ? ": " : "",
			e->code ? e->msg : strerror(-rc));
	return ctl_answer(c, ENGINE_MSG_ACK, &ack, sizeof(ack), NULL, 0);
}

static void daemon_accept(struct ctl *c)
{
	struct timeval patience = { .tv_sec = SEND_TIMEOUT_S };
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = -1 };
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	int fd = accept4(c->params.listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0
		|| (peer.uid != 0 && peer.uid != c->params.peer_uid)) {
		LOG_WARN("event=connection_refused uid=%u pid=%d", peer.uid, peer.pid);
		close(fd);
		return;
	}
	hang_up(c, "another daemon connected");
	ev.data.fd = fd;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0
		|| epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		LOG_WARN("event=connection_failed errno=%d", errno);
		close(fd);
		return;
	}
	c->conn_fd = fd;
	LOG_INFO("event=daemon_connected pid=%d", peer.pid);
}

/* The count belongs to the segment of the first worker: the control thread has none. */
static void denied_publish(const struct ctl *c)
{
	struct counters_segment *seg = c->state.counters;
	uint64_t n = atomic_exchange_explicit(&denied, 0, memory_order_relaxed);

	if (seg && n > 0) {
		uint64_t *slot = &seg->worker[0].denied_syscalls;

		__atomic_store_n(slot, *slot + n, __ATOMIC_RELAXED);
		LOG_WARN("event=syscalls_denied n=%llu", (unsigned long long)n);
	}
}

static void daemon_read(struct ctl *c)
{
	struct ctl_request r;
	int rc = ctl_wire_recv(c->conn_fd, c->in, &r);
	struct err e = ERR_NONE;

	if (rc == -EAGAIN)
		return;
	if (rc < 0) {
		hang_up(c, rc == -EPROTO ? "malformed message" : "connection closed");
		return;
	}
	c->seq = r.seq;
	rc = ctl_apply(c, &r, &e);
	ctl_wire_close_fds(&r);
	if (rc == -EPROTO || rc == -ECONNRESET) {
		hang_up(c, rc == -EPROTO ? "message out of place" : "daemon does not read");
		return;
	}
	if (rc < 0)
		LOG_WARN("event=refused type=%u rc=%d path=%s reason=\"%s\"", r.type, rc, e.path,
			e.msg);
	/* HELLO_OK is the answer to HELLO */
	if (r.type != ENGINE_MSG_HELLO && send_ack(c, rc, &e) < 0)
		hang_up(c, "daemon does not read");
	denied_publish(c);
}

static void dead_vifs_report(struct ctl *c)
{
	uint64_t n;
	uint16_t id;

	if (read(c->params.event_fd, &n, sizeof(n)) < 0)
		return;
	for (unsigned i = 0; i < c->params.n_workers; i++) {
		while (worker_take_dead(c->params.workers[i], &id)) {
			if (ctl_vhost_dead(c, id))
				continue;
			LOG_WARN("event=vif_dead id=%u", id);
			c->dead[id / 64] |= UINT64_C(1) << (id % 64);
			if (c->has_hello && ctl_tell_dead(c, id) < 0)
				hang_up(c, "daemon does not read");
		}
	}
	if (ctl_stp_events(c) < 0)
		hang_up(c, "daemon does not read");
}

/* Look at the workers' loads when it is time; how long nothing is to be done, in ms, -1: for ever. */
static int balance_when_due(struct ctl *c)
{
	uint64_t now_ns, due_ns = c->balance.at_ns + BALANCE_EVERY_NS;

	if (c->params.n_workers == 1 || !c->state.counters)
		return -1;
	now_ns = clock_now_ns();
	if (now_ns < due_ns)
		return (int)((due_ns - now_ns) / NS_PER_MS + 1);
	(void)balance_run(&c->balance, c->config, c->state.counters->worker, now_ns);
	return (int)(BALANCE_EVERY_NS / NS_PER_MS);
}

/* Of two times to wait in ms, -1 being for ever. */
static int sooner(int a, int b)
{
	return a < 0 || b < 0 ? MAX(a, b) : MIN(a, b);
}

int ctl_run(struct ctl *c)
{
	while (!c->must_stop) {
		struct epoll_event ev;
		int n = epoll_wait(
			c->epoll_fd, &ev, 1, sooner(ctl_vhost_timeout_ms(c), balance_when_due(c)));

		if (n < 0 && errno != EINTR)
			return -errno;
		ctl_vhost_due(c);
		if (n <= 0)
			continue;
		if (ev.data.fd == c->params.listen_fd)
			daemon_accept(c);
		else if (ev.data.fd == c->params.event_fd)
			dead_vifs_report(c);
		else if (ev.data.fd == c->conn_fd)
			daemon_read(c);
		else
			(void)ctl_vhost_event(c, ev.data.fd);
	}
	return 0;
}

static int loop_add(const struct ctl *c, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static int ctl_init(struct ctl *c)
{
	struct worker_config *cfg = calloc(1, sizeof(*cfg));
	struct vif_table *vifs = calloc(1, sizeof(*vifs));
	int rc;

	if (!cfg || !vifs) {
		free(cfg);
		free(vifs);
		return -ENOMEM;
	}
	cfg->vifs = vifs;
	c->config = cfg;
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll_fd < 0)
		return -errno;
	rc = loop_add(c, c->params.listen_fd);
	if (rc == 0)
		rc = loop_add(c, c->params.event_fd);
	/* a connection that is gone again before it is accepted must not block the loop */
	if (rc == 0 && fcntl(c->params.listen_fd, F_SETFL, O_NONBLOCK) < 0)
		rc = -errno;
	if (rc == 0)
		worker_publish(c->params.workers, c->params.n_workers, cfg);
	return rc;
}

struct ctl *ctl_create(const struct ctl_params *params, struct err *e)
{
	struct ctl *c = calloc(1, sizeof(*c));
	int rc;

	if (!c) {
		err_set(e, -ENOMEM, "ctl", "out of memory");
		return NULL;
	}
	c->params = *params;
	c->balance = (struct balance){ .workers = params->workers, .n_workers = params->n_workers };
	c->conn_fd = -1;
	state_init(&c->state);
	rc = ctl_vhost_init(c);
	if (rc == 0)
		rc = ctl_init(c);
	if (rc < 0) {
		err_set(e, rc, "ctl", "cannot serve fd %d: %s", params->listen_fd, strerror(-rc));
		free(c);
		return NULL;
	}
	return c;
}
