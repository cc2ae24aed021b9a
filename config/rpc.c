/* SPDX-License-Identifier: Apache-2.0 */
/* rpc.c - the three sockets and their clients: lines in, lines and fds out.
 *
 * From: clients.  To: rpc_dispatch.c.
 * Theory: each client has one input buffer (a line under construction) and a queue of answers, each
 * with the fds that go with its first byte.  While more than OUT_PENDING_MAX bytes wait to be read
 * by the client, nothing more is read from it, so memory per client is bounded by one request and
 * one answer beyond that; a client that takes nothing for RPC_STALL_S seconds is closed, and so is
 * the one with most unread answers when those of all clients are over RPC_PENDING_MAX.
 * Invariants: an answer's fds are closed when they are sent or the client goes; a refused client
 * (too many) gets one line and is closed.
 * Thread: the daemon has one. */
#include "config/rpc.h"

#include "config/daemon.h"
#include "config/rpc_methods.h"
#include "vswitch/base/check.h"
#include "vswitch/base/log.h"

#include <errno.h>
#include <event2/event.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

LOG_MODULE("rpc");

#define OUT_PENDING_MAX (256u << 10)
#define READ_STEP (64u << 10)
#define N_SOCKETS 3

struct answer {
	TAILQ_ENTRY(answer) next;
	char *text; /* with its newline */
	size_t len, sent;
	unsigned n_fds;
	int fds[RPC_CALL_FDS_MAX];
};

struct listener {
	struct rpc_server *server;
	enum rpc_role role;
	int fd;
	struct event *event;
	struct event *pause; /* ends when fds may be free again */
	unsigned n_clients;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

struct client {
	TAILQ_ENTRY(client) next;
	struct listener *listener;
	int fd;
	struct event *read_event, *write_event;
	struct rpc_session session;
	char *in;
	size_t in_len, in_size;
	size_t scanned; /* bytes of .in that hold no newline */
	TAILQ_HEAD(answers, answer) out;
	size_t out_pending;
	bool closes_when_sent;
	bool is_at_end; /* it sent all it wanted to, and may still read */
};

struct rpc_server {
	struct event_base *base;
	struct daemon *daemon;
	struct listener listener[N_SOCKETS];
	TAILQ_HEAD(clients, client) clients;
	size_t pending; /* bytes of answers, all clients */
};

static void answer_destroy(struct answer *a)
{
	for (unsigned i = 0; i < a->n_fds; i++)
		close(a->fds[i]);
	free(a->text);
	free(a);
}

static void client_destroy(struct client *c)
{
	struct rpc_server *s = c->listener->server;
	struct answer *a;

	s->pending -= c->out_pending;
	while ((a = TAILQ_FIRST(&c->out))) {
		TAILQ_REMOVE(&c->out, a, next);
		answer_destroy(a);
	}
	rpc_session_closed(s->daemon, &c->session);
	if (c->read_event)
		event_free(c->read_event);
	if (c->write_event)
		event_free(c->write_event);
	TAILQ_REMOVE(&s->clients, c, next);
	c->listener->n_clients--;
	close(c->fd);
	free(c->in);
	free(c);
}

/* One sendmsg(2) of the first answer.  Bytes sent or -errno. */
static ssize_t send_some(struct client *c, struct answer *a)
{
	struct iovec iov = { .iov_base = a->text + a->sent, .iov_len = a->len - a->sent };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * RPC_CALL_FDS_MAX)];
	} control = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (a->n_fds > 0) {
		msg.msg_control = control.space;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * a->n_fds);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int) * a->n_fds);
		memcpy(CMSG_DATA(&control.align), a->fds, sizeof(int) * a->n_fds);
	}
	n = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	for (; a->n_fds > 0; a->n_fds--)
		close(a->fds[a->n_fds - 1]);
	a->sent += (size_t)n;
	c->out_pending -= (size_t)n;
	c->listener->server->pending -= (size_t)n;
	if (a->sent == a->len) {
		TAILQ_REMOVE(&c->out, a, next);
		answer_destroy(a);
	}
	return n;
}

/* Send until the socket is full.  False: the client is gone. */
static bool flush(struct client *c)
{
	static const struct timeval stall = { .tv_sec = RPC_STALL_S };
	struct answer *a;

	while ((a = TAILQ_FIRST(&c->out))) {
		ssize_t n = send_some(c, a);

		if (n == -EAGAIN || n == -EINTR || n == -ENOBUFS) {
			/* an answer may have taken longer to make than there is to read it */
			event_base_update_cache_time(event_get_base(c->write_event));
			event_add(c->write_event, &stall);
			return true;
		}
		if (n < 0)
			return false;
	}
	return !c->closes_when_sent;
}

/* Queue @text (consumed) and the fds of @call, when there is one.  False: no memory. */
static bool enqueue(struct client *c, char *text, struct rpc_call *call)
{
	struct answer *a = calloc(1, sizeof(*a));

	if (!a) {
		free(text);
		return false;
	}
	a->text = text;
	a->len = strlen(text) + 1;
	text[a->len - 1] = '\n'; /* instead of the NUL: .len counts from here on */
	if (call) {
		a->n_fds = call->n_fds;
		memcpy(a->fds, call->fds, sizeof(a->fds));
		call->n_fds = 0;
	}
	c->out_pending += a->len;
	c->listener->server->pending += a->len;
	TAILQ_INSERT_TAIL(&c->out, a, next);
	return true;
}

static struct client *most_unread(const struct rpc_server *s)
{
	struct client *most = NULL;
	struct client *c;

	TAILQ_FOREACH(c, &s->clients, next)
		if (!most || c->out_pending > most->out_pending)
			most = c;
	return most;
}

/* Close clients with the most unread answers until all of them take little enough memory.
 * False: @c is one of them, and the caller closes it. */
static bool shed(struct rpc_server *s, const struct client *c)
{
	while (s->pending > RPC_PENDING_MAX) {
		struct client *most = most_unread(s);

		CHECK(most);
		LOG_WARN("event=closed reason=\"too many unread answers\" uid=%u pid=%d bytes=%zu",
			most->session.peer.uid, most->session.peer.pid, most->out_pending);
		if (most == c)
			return false;
		client_destroy(most);
	}
	return true;
}

/* Answer one line.  False: close the client. */
static bool answer_line(struct client *c, const char *line, size_t len)
{
	struct rpc_call call;
	char *text = rpc_dispatch(c->listener->server->daemon, &c->session, line, len, &call);
	bool is_queued = !text || enqueue(c, text, &call);

	for (; call.n_fds > 0; call.n_fds--)
		close(call.fds[call.n_fds - 1]);
	return is_queued;
}

static bool refuse_large(struct client *c)
{
	char *text = rpc_refusal(RPC_INVALID_REQUEST,
		c->session.role == RPC_ROLE_RW
			? "the message is longer than 16 MiB: send smaller requests, one a line"
			: "the message is longer than 1 MiB: send smaller requests, one a line");

	c->closes_when_sent = true;
	c->in_len = c->scanned = 0;
	event_del(c->read_event);
	return text && enqueue(c, text, NULL);
}

/* Answer the whole lines in the buffer, as long as the client takes its answers. */
static bool answer_lines(struct client *c)
{
	size_t max = c->session.role == RPC_ROLE_RW ? RPC_DOCUMENT_MAX : RPC_MESSAGE_MAX;
	size_t done = 0;

	while (done < c->in_len && c->out_pending <= OUT_PENDING_MAX && !c->closes_when_sent) {
		char *from = c->in + done;
		size_t known = c->scanned > done ? c->scanned - done : 0;
		char *end = memchr(from + known, '\n', c->in_len - done - known);
		size_t len = end ? (size_t)(end - from) : c->in_len - done;

		if (len > max)
			return refuse_large(c);
		if (!end) {
			c->scanned = c->in_len;
			break;
		}
		if (!answer_line(c, from, len))
			return false;
		done += len + 1;
		c->scanned = done;
		if (!flush(c) || !shed(c->listener->server, c))
			return false;
	}
	if (done > 0)
		memmove(c->in, c->in + done, c->in_len - done);
	c->in_len -= done;
	c->scanned -= MIN(c->scanned, done);
	if (c->in_len == 0 && c->in_size > READ_STEP) {
		free(c->in);
		c->in = NULL;
		c->in_size = 0;
	}
	return true;
}

static bool make_room(struct client *c)
{
	size_t size = MAX(c->in_size * 2, (size_t)READ_STEP);
	char *grown;

	if (c->in_size - c->in_len >= READ_STEP / 2)
		return true;
	grown = realloc(c->in, size);
	if (!grown)
		return false;
	c->in = grown;
	c->in_size = size;
	return true;
}

/* Go on with a client after something was read or sent: lines, flush, what to wait for. */
static void proceed(struct client *c)
{
	bool is_good = answer_lines(c);

	/* with few answers waiting, what is left in the buffer is no whole line */
	c->closes_when_sent |= c->is_at_end && c->out_pending <= OUT_PENDING_MAX;
	if (!is_good || !flush(c)) {
		client_destroy(c);
		return;
	}
	if (c->is_at_end || c->out_pending > OUT_PENDING_MAX || c->closes_when_sent)
		event_del(c->read_event);
	else
		event_add(c->read_event, NULL);
}

static void on_readable(evutil_socket_t fd, short, void *arg)
{
	struct client *c = arg;
	ssize_t n;

	if (!make_room(c)) {
		client_destroy(c);
		return;
	}
	n = recv(fd, c->in + c->in_len, c->in_size - c->in_len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		client_destroy(c);
		return;
	}
	c->is_at_end = n == 0;
	if (c->is_at_end && c->in_len > 0) /* the last line may lack its newline; there is room */
		c->in[c->in_len++] = '\n';
	c->in_len += (size_t)n;
	proceed(c);
}

static void on_writable(evutil_socket_t, short what, void *arg)
{
	struct client *c = arg;

	if ((what & EV_WRITE) == 0) { /* both: it was the daemon that was busy so long */
		LOG_WARN("event=closed reason=\"does not read its answers\" uid=%u pid=%d",
			c->session.peer.uid, c->session.peer.pid);
		client_destroy(c);
		return;
	}
	proceed(c);
}

static void refuse_client(int fd)
{
	char *text = rpc_refusal(RPC_TOO_MANY,
		"too many clients: 64 are connected to this socket; close one and try again");
	size_t len = text ? strlen(text) : 0;

	if (text) {
		text[len] = '\n';
		(void)!send(fd, text, len + 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	free(text);
	close(fd);
}

/* A client on @fd; takes over the fd. */
static void client_create(struct listener *l, int fd)
{
	struct rpc_server *s = l->server;
	struct client *c = calloc(1, sizeof(*c));
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);

	if (!c || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) {
		free(c);
		close(fd);
		return;
	}
	c->listener = l;
	c->fd = fd;
	c->session.role = l->role;
	c->session.peer.pid = peer.pid;
	c->session.peer.uid = peer.uid;
	c->session.peer.gid = peer.gid;
	TAILQ_INIT(&c->out);
	TAILQ_INSERT_TAIL(&s->clients, c, next);
	l->n_clients++;
	c->read_event = event_new(s->base, fd, EV_READ | EV_PERSIST, on_readable, c);
	c->write_event = event_new(s->base, fd, EV_WRITE, on_writable, c);
	if (!c->read_event || !c->write_event || event_add(c->read_event, NULL) != 0)
		client_destroy(c);
}

static void on_pause_end(evutil_socket_t, short, void *arg)
{
	struct listener *l = arg;

	event_add(l->event, NULL);
}

static void on_connect(evutil_socket_t listen_fd, short, void *arg)
{
	static const struct timeval pause = { .tv_usec = 100000 };
	struct listener *l = arg;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0) {
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		LOG_WARN("event=accept_failed socket=%s reason=\"%s\"", l->path, strerror(errno));
		event_del(l->event); /* the connection stays in the queue: do not spin on it */
		event_add(l->pause, &pause);
		return;
	}
	if (l->n_clients >= RPC_CLIENTS_MAX)
		refuse_client(fd);
	else
		client_create(l, fd);
}

/* rw.sock is the administrator's; ro.sock and cap.sock also belong to group saklar where there is
 * one. */
static int set_access(const struct listener *l, struct err *e)
{
	const struct group *group = l->role == RPC_ROLE_RW ? NULL : getgrnam("saklar");

	if (group && chown(l->path, (uid_t)-1, group->gr_gid) != 0)
		LOG_WARN("event=chown_failed socket=%s reason=\"%s\"", l->path, strerror(errno));
	if (chmod(l->path, l->role == RPC_ROLE_RW ? 0600 : 0660) != 0)
		return err_set(e, -errno, l->path, "cannot set the mode of %s: %s", l->path,
			strerror(errno));
	return 0;
}

static int listener_open(struct listener *l, const char *run_dir, const char *name, struct err *e)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int n = snprintf(l->path, sizeof(l->path), "%s/%s", run_dir, name);
	mode_t mask;
	int r;

	if (n < 0 || (size_t)n >= sizeof(addr.sun_path))
		return err_set(e, -ENAMETOOLONG, "run-dir",
			"%s is too long for a socket in it: use a path of at most %zu characters",
			run_dir, sizeof(addr.sun_path) - sizeof("cap.sock") - 1);
	memcpy(addr.sun_path, l->path, (size_t)n + 1);
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return err_set(e, -errno, l->path, "socket: %s", strerror(errno));
	if (unlink(l->path) != 0 && errno != ENOENT) /* left by a daemon that was killed */
		return err_set(e, -errno, l->path,
			"cannot remove the old %s: %s; remove it by hand, or make its directory "
			"writable",
			l->path, strerror(errno));
	mask = umask(0177);
	r = bind(l->fd, (const struct sockaddr *)&addr, sizeof(addr));
	umask(mask);
	if (r != 0)
		return err_set(e, -errno, l->path,
			"cannot make %s: %s; make the run directory writable, or choose another "
			"with "
			"--run-dir",
			l->path, strerror(errno));
	if (listen(l->fd, 128) != 0)
		return err_set(
			e, -errno, l->path, "cannot listen on %s: %s", l->path, strerror(errno));
	return set_access(l, e);
}

static void listener_close(struct listener *l)
{
	if (l->event)
		event_free(l->event);
	if (l->pause)
		event_free(l->pause);
	if (l->fd >= 0) {
		unlink(l->path);
		close(l->fd);
	}
	l->fd = -1;
}

void rpc_server_destroy(struct rpc_server *s)
{
	struct client *c;

	if (!s)
		return;
	/* NOLINTBEGIN(clang-analyzer-unix.Malloc): client_destroy() takes it off the list */
	while ((c = TAILQ_FIRST(&s->clients)))
		client_destroy(c);
	/* NOLINTEND(clang-analyzer-unix.Malloc) */
	for (unsigned i = 0; i < N_SOCKETS; i++)
		listener_close(&s->listener[i]);
	free(s);
}

struct rpc_server *rpc_server_create(
	struct event_base *base, const char *run_dir, struct daemon *d, struct err *e)
{
	static const char *const names[N_SOCKETS] = { "ro.sock", "cap.sock", "rw.sock" };
	struct rpc_server *s = calloc(1, sizeof(*s));
	int rc = s ? 0 : err_set(e, -ENOMEM, "", "out of memory");

	for (unsigned i = 0; s && i < N_SOCKETS; i++)
		s->listener[i]
			= (struct listener){ .server = s, .role = (enum rpc_role)i, .fd = -1 };
	if (s) {
		s->base = base;
		s->daemon = d;
		TAILQ_INIT(&s->clients);
	}
	for (unsigned i = 0; rc == 0 && i < N_SOCKETS; i++) {
		struct listener *l = &s->listener[i];

		rc = listener_open(l, run_dir, names[i], e);
		if (rc != 0)
			break;
		l->event = event_new(base, l->fd, EV_READ | EV_PERSIST, on_connect, l);
		l->pause = evtimer_new(base, on_pause_end, l);
		if (!l->event || !l->pause || event_add(l->event, NULL) != 0)
			rc = err_set(e, -ENOMEM, "", "out of memory");
	}
	if (rc == 0)
		return s;
	rpc_server_destroy(s);
	return NULL;
}
