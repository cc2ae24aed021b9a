/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_client.c - the other end of rpc.c: a blocking JSON-RPC 2.0 client.
 *
 * From: the CLI, saklard --stop.  To: RUN/{ro,cap,rw}.sock.
 * Theory: one request, one line of answer; the error that the daemon answered becomes a struct err
 * with its own code, path and sentence.
 * Invariants: answers are bounded (ANSWER_MAX), fds that nobody asked for are closed.
 * Thread: the caller's. */
#include "config/rpc_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MAX (64u << 20)
#define READ_STEP (64u << 10)
#define FDS_MAX 16
#define ANSWER_TIMEOUT_S 60 /* longer than any verb takes, even behind others */

struct rpc_client {
	int fd;
	json_int_t last_id;
	char *in;
	size_t in_len, in_size;
};

static const char *socket_name(enum rpc_role role)
{
	return role == RPC_ROLE_RW ? "rw.sock" : role == RPC_ROLE_CAP ? "cap.sock" : "ro.sock";
}

static int mute(struct err *e)
{
	return err_set(e, -ETIMEDOUT, "",
		"the daemon does not answer: look at its log; if it hangs, kill it and start it "
		"again, the engine runs on");
}

static int connect_error(int code, const char *path, const char *run_dir, struct err *e)
{
	if (code == -ENOENT || code == -ECONNREFUSED)
		return err_set(e, code, path,
			"no daemon runs on %s: start it with 'systemctl start saklard' or 'saklard "
			"--run-dir %s'",
			run_dir, run_dir);
	if (code == -EACCES)
		return err_set(e, code, path,
			"you may not use %s: become root, or for ro.sock and cap.sock a member of "
			"group saklar",
			path);
	if (code == -EAGAIN)
		return mute(e);
	return err_set(e, code, path, "cannot connect to %s: %s", path, strerror(-code));
}

void rpc_client_set_timeout(struct rpc_client *c, unsigned seconds)
{
	const struct timeval t = { .tv_sec = (time_t)seconds };

	(void)setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	(void)setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

struct rpc_client *rpc_client_open(const char *run_dir, enum rpc_role role, struct err *e)
{
	struct rpc_client *c = calloc(1, sizeof(*c));
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int n = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", run_dir, socket_name(role));
	int rc = 0;

	if (!c) {
		(void)err_set(e, -ENOMEM, "", "out of memory");
		return NULL;
	}
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	rpc_client_set_timeout(c, ANSWER_TIMEOUT_S); /* of connecting, too */
	if (n < 0 || (size_t)n >= sizeof(addr.sun_path))
		rc = err_set(
			e, -ENAMETOOLONG, "run-dir", "%s is too long for a socket in it", run_dir);
	else if (c->fd < 0)
		rc = err_set(e, -errno, "", "socket: %s", strerror(errno));
	else if (connect(c->fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0)
		rc = connect_error(-errno, addr.sun_path, run_dir, e);
	if (rc == 0)
		return c;
	rpc_client_close(c);
	return NULL;
}

void rpc_client_close(struct rpc_client *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	free(c->in);
	free(c);
}

int rpc_client_fd(const struct rpc_client *c)
{
	return c->fd;
}

static int lost(struct err *e)
{
	return err_set(e, -ECONNRESET, "",
		"the daemon closed the connection: look at its log, and at 'saklar status'");
}

static int send_all(struct rpc_client *c, const char *text, size_t len, struct err *e)
{
	while (len > 0) {
		ssize_t n = send(c->fd, text, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return 0; /* it may have said why before it closed: read that */
		if (n < 0 && errno == EAGAIN)
			return mute(e);
		if (n < 0)
			return err_set(
				e, -errno, "", "cannot write to the daemon: %s", strerror(errno));
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Where the caller wants fds. */
struct fd_box {
	int *fds;
	unsigned max, n;
};

static void take_fds(struct msghdr *msg, struct fd_box *box)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
		size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(int));
			if (box->n < box->max)
				box->fds[box->n++] = fd;
			else
				close(fd);
		}
	}
}

static int receive_some(struct rpc_client *c, struct fd_box *box, struct err *e)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * FDS_MAX)];
	} control;
	struct iovec iov;
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n;

	if (c->in_size - c->in_len < READ_STEP) {
		size_t size = MAX(c->in_size * 2, (size_t)READ_STEP * 2);
		char *grown = size <= ANSWER_MAX ? realloc(c->in, size) : NULL;

		if (!grown)
			return err_set(e, -EMSGSIZE, "", "the daemon's answer is too large");
		c->in = grown;
		c->in_size = size;
	}
	iov = (struct iovec){ .iov_base = c->in + c->in_len, .iov_len = c->in_size - c->in_len };
	do
		n = recvmsg(c->fd, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return mute(e);
	if (n < 0 && errno != ECONNRESET)
		return err_set(e, -errno, "", "cannot read from the daemon: %s", strerror(errno));
	if (n <= 0)
		return lost(e);
	take_fds(&msg, box);
	c->in_len += (size_t)n;
	return 0;
}

/* Read one line and parse it into *answer. */
static int receive_answer(struct rpc_client *c, struct fd_box *box, json_t **answer, struct err *e)
{
	char *end = NULL;
	size_t scanned = 0;

	for (;;) {
		int rc;

		if (c->in_len > scanned)
			end = memchr(c->in + scanned, '\n', c->in_len - scanned);
		if (end)
			break;
		scanned = c->in_len;
		rc = receive_some(c, box, e);
		if (rc != 0)
			return rc;
	}
	*answer = json_loadb(c->in, (size_t)(end - c->in), 0, NULL);
	c->in_len -= (size_t)(end + 1 - c->in);
	memmove(c->in, end + 1, c->in_len);
	if (!*answer)
		return err_set(e, -EPROTO, "", "the daemon's answer is not JSON");
	return 0;
}

/* Split the answer into *result or @e. */
static int read_answer(const json_t *answer, json_t **result, struct err *e)
{
	const json_t *error = json_object_get(answer, "error");
	const json_t *details = json_object_get(error, "data");
	const char *path = json_string_value(json_object_get(details, "path"));
	const char *message = json_string_value(json_object_get(error, "message"));
	json_int_t code = json_integer_value(json_object_get(details, "errno"));

	if (error)
		return err_set(e, code > 0 && code < 4096 ? -(int)code : -EPROTO, path ? path : "",
			"%s", message ? message : "refused without a reason");
	*result = json_incref(json_object_get(answer, "result"));
	if (!*result)
		return err_set(e, -EPROTO, "", "the daemon's answer holds no result");
	return 0;
}

/* NOLINTNEXTLINE(readability-function-size): the contract of rpc_client.h */
int rpc_call_fds(struct rpc_client *c, const char *method, json_t *params, json_t **result,
	int *fds, unsigned max_fds, struct err *e)
{
	struct fd_box box = { .fds = fds, .max = max_fds };
	json_t *request = json_pack("{s:s, s:I, s:s, s:o*}", "jsonrpc", "2.0", "id", ++c->last_id,
		"method", method, "params", params);
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	json_t *answer = NULL;
	size_t len;
	int rc;

	json_decref(request);
	*result = NULL;
	for (unsigned i = 0; i < max_fds; i++)
		fds[i] = -1;
	if (!text)
		return err_set(e, -EINVAL, "",
			"the request cannot be written as JSON: use UTF-8 in names and values");
	len = strlen(text);
	text[len] = '\n'; /* instead of the NUL */
	rc = send_all(c, text, len + 1, e);
	free(text);
	if (rc == 0)
		rc = receive_answer(c, &box, &answer, e);
	if (rc == 0)
		rc = read_answer(answer, result, e);
	json_decref(answer);
	for (unsigned i = 0; rc != 0 && fds && i < box.n; i++) {
		close(fds[i]);
		fds[i] = -1;
	}
	return rc;
}

int rpc_call(
	struct rpc_client *c, const char *method, json_t *params, json_t **result, struct err *e)
{
	return rpc_call_fds(c, method, params, result, NULL, 0, e);
}
