/* SPDX-License-Identifier: Apache-2.0 */
/* xenstore.c - the wire protocol of xenstored.
 *
 * From: netback.c.  To: xenstored's socket, or the kernel's device that leads to it.
 * Theory: public/io/xs_wire.h: a header of four words, then at most 4096 bytes.  Requests are few and small,
 * so each waits for its answer; watch events that come meanwhile are passed on at once, and whoever gets them
 * only marks what changed, so that a guest that changes its keys without end fills nothing here.  A library
 * would start a thread for watches and wait for ever.
 * Invariants: one request is outstanding; what does not fit the protocol ends the connection.
 * Thread: the daemon's only one. */
#include "config/xenstore.h"

#include "vswitch/base/clock.h"
#include "vswitch/base/log.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

LOG_MODULE("xenstore");

#define ANSWER_MS 2000
#define PAYLOAD_MAX 4096
#define DEVICE "/dev/xen/xenbus"
#define EVENTS_A_TURN 256 /* then others may have theirs */

enum wire_type {
	WIRE_DIRECTORY = 1,
	WIRE_READ = 2,
	WIRE_WATCH = 4,
	WIRE_UNWATCH = 5,
	WIRE_BEGIN = 6,
	WIRE_END = 7,
	WIRE_WRITE = 11,
	WIRE_EVENT = 15,
	WIRE_ERROR = 16,
};

struct wire_hdr {
	uint32_t type, req, tx, len;
};

struct xenstore {
	const struct xenstore_ops *ops;
	void *arg;
	struct event *readable;
	int fd;
	uint32_t last_req;
	bool is_gone;
	size_t n_in;
	char in[sizeof(struct wire_hdr) + PAYLOAD_MAX + 1]; /* one message, perhaps not all of it */
};

const char *xenstore_path(void)
{
	static const char *const places[]
		= { "/run/xenstored/socket", "/var/run/xenstored/socket", DEVICE };
	const char *path = getenv("XENSTORED_PATH");

	if (path != NULL && path[0] != '\0')
		return path;
	for (unsigned i = 0; i < ARRAY_LEN(places); i++)
		if (access(places[i], F_OK) == 0)
			return places[i];
	return NULL;
}

static int gone(struct xenstore *x, const char *why)
{
	if (x->is_gone)
		return -ENOTCONN;
	LOG_WARN("event=xenstored_gone reason=\"%s\"", why);
	x->is_gone = true;
	event_del(x->readable);
	/* told by the loop: nobody expects to be called back from within a request */
	event_active(x->readable, EV_TIMEOUT, 0);
	return -ENOTCONN;
}

static struct wire_hdr header_of(const struct xenstore *x)
{
	struct wire_hdr hdr;

	memcpy(&hdr, x->in, sizeof(hdr));
	return hdr;
}

/* 1: a whole message is in .in; 0: not yet; -errno: the end. */
static int receive(struct xenstore *x)
{
	for (;;) {
		size_t want = sizeof(struct wire_hdr);
		ssize_t n;

		if (x->n_in >= want) {
			struct wire_hdr hdr = header_of(x);

			if (hdr.len > PAYLOAD_MAX)
				return gone(x, "it sent nonsense");
			want += hdr.len;
		}
		if (x->n_in >= sizeof(struct wire_hdr) && x->n_in == want) {
			x->in[want] = '\0';
			return 1;
		}
		n = read(x->fd, x->in + x->n_in, want - x->n_in);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n <= 0)
			return gone(x, n == 0 ? "it hung up" : strerror(errno));
		x->n_in += (size_t)n;
	}
}

/* The message in .in is a watch event: path, NUL, token, NUL. */
static void event_take(struct xenstore *x)
{
	const char *path = x->in + sizeof(struct wire_hdr);
	size_t len = header_of(x).len, path_len = strnlen(path, len);
	const char *token = path + path_len + 1;

	x->n_in = 0;
	if (path_len + 2 > len || strnlen(token, len - path_len - 1) == len - path_len - 1)
		return;
	x->ops->on_event(x->arg, path, token);
}

static void on_readable(int, short what, void *arg)
{
	struct xenstore *x = arg;

	for (unsigned i = 0; i < EVENTS_A_TURN && !x->is_gone; i++) {
		if (receive(x) <= 0)
			break;
		if (header_of(x).type != WIRE_EVENT) {
			gone(x, "it answered what nobody asked");
			break;
		}
		event_take(x);
	}
	if (x->is_gone && (what & EV_TIMEOUT) != 0)
		x->ops->on_gone(x->arg);
}

static int send_all(struct xenstore *x, const char *bytes, size_t len, uint64_t deadline)
{
	while (len > 0) {
		struct pollfd p = { .fd = x->fd, .events = POLLOUT };
		ssize_t n = write(x->fd, bytes, len);

		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
			continue;
		}
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return gone(x, strerror(errno));
		if (clock_now_ns() >= deadline)
			return gone(x, "it does not take requests");
		(void)poll(&p, 1, 50);
	}
	return 0;
}

static int error_of(const char *name)
{
	static const struct {
		const char *name;
		int error;
	} known[] = {
		{ "ENOENT", ENOENT },
		{ "EAGAIN", EAGAIN },
		{ "EACCES", EACCES },
		{ "EEXIST", EEXIST },
		{ "EINVAL", EINVAL },
		{ "ENOSPC", ENOSPC },
		{ "EQUOTA", ENOSPC },
		{ "E2BIG", E2BIG },
		{ "EROFS", EROFS },
		{ "EBUSY", EBUSY },
	};

	for (unsigned i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(known[i].name, name) == 0)
			return -known[i].error;
	return -EIO;
}

/* Wait for the answer of the last request: its payload is in .in; returns its length. */
static int answer(struct xenstore *x, uint32_t type, uint64_t deadline)
{
	for (;;) {
		struct pollfd p = { .fd = x->fd, .events = POLLIN };
		int rc = receive(x);
		struct wire_hdr hdr;

		if (rc < 0)
			return rc;
		if (rc == 0) {
			if (clock_now_ns() >= deadline)
				return gone(x, "it does not answer");
			(void)poll(&p, 1, 50);
			continue;
		}
		hdr = header_of(x);
		if (hdr.type == WIRE_EVENT) {
			event_take(x);
			continue;
		}
		x->n_in = 0;
		if (hdr.req != x->last_req || (hdr.type != type && hdr.type != WIRE_ERROR))
			return gone(x, "it sent nonsense");
		return hdr.type == WIRE_ERROR ? error_of(x->in + sizeof(hdr)) : (int)hdr.len;
	}
}

struct text {
	const char *bytes;
	size_t len;
};

static struct text with_nul(const char *text)
{
	return (struct text){ text, strlen(text) + 1 };
}

static int request(
	struct xenstore *x, uint32_t type, xenstore_tx tx, struct text first, struct text second)
{
	char out[sizeof(struct wire_hdr) + PAYLOAD_MAX];
	uint64_t deadline = clock_now_ns() + ANSWER_MS * NS_PER_MS;
	struct wire_hdr hdr = { .type = type, .tx = tx, .len = (uint32_t)(first.len + second.len) };
	int rc;

	if (x->is_gone)
		return -ENOTCONN;
	if (hdr.len > PAYLOAD_MAX)
		return -E2BIG;
	hdr.req = ++x->last_req;
	memcpy(out, &hdr, sizeof(hdr));
	memcpy(out + sizeof(hdr), first.bytes, first.len);
	if (second.len > 0)
		memcpy(out + sizeof(hdr) + first.len, second.bytes, second.len);
	rc = send_all(x, out, sizeof(hdr) + hdr.len, deadline);
	return rc < 0 ? rc : answer(x, type, deadline);
}

static const struct text nothing = { "", 0 };

int xenstore_begin(struct xenstore *x, xenstore_tx *tx)
{
	int rc = request(x, WIRE_BEGIN, 0, with_nul(""), nothing);

	if (rc < 0)
		return rc;
	*tx = (xenstore_tx)strtoul(x->in + sizeof(struct wire_hdr), NULL, 10);
	return *tx != 0 ? 0 : gone(x, "it sent nonsense");
}

int xenstore_end(struct xenstore *x, xenstore_tx tx, bool commits)
{
	int rc = request(x, WIRE_END, tx, with_nul(commits ? "T" : "F"), nothing);

	return rc < 0 ? rc : 0;
}

int xenstore_read(struct xenstore *x, xenstore_tx tx, const char *path, char *value, size_t size)
{
	int rc = request(x, WIRE_READ, tx, with_nul(path), nothing);
	const char *from = x->in + sizeof(struct wire_hdr);

	value[0] = '\0';
	if (rc < 0)
		return rc;
	if ((size_t)rc >= size || memchr(from, '\0', (size_t)rc) != NULL)
		return -E2BIG;
	memcpy(value, from, (size_t)rc);
	value[rc] = '\0';
	return 0;
}

int xenstore_write(struct xenstore *x, xenstore_tx tx, const char *path, const char *value)
{
	struct text text = { value, strlen(value) };
	int rc = request(x, WIRE_WRITE, tx, with_nul(path), text);

	return rc < 0 ? rc : 0;
}

int xenstore_list(struct xenstore *x, const char *path, char *names, size_t size)
{
	int rc = request(x, WIRE_DIRECTORY, 0, with_nul(path), nothing);

	if (rc < 0)
		return rc;
	if ((size_t)rc > size)
		return -E2BIG;
	memcpy(names, x->in + sizeof(struct wire_hdr), (size_t)rc);
	return rc > 0 && names[rc - 1] != '\0' ? -EIO : rc;
}

int xenstore_watch(struct xenstore *x, const char *path, const char *token)
{
	int rc = request(x, WIRE_WATCH, 0, with_nul(path), with_nul(token));

	return rc < 0 ? rc : 0;
}

void xenstore_unwatch(struct xenstore *x, const char *path, const char *token)
{
	(void)request(x, WIRE_UNWATCH, 0, with_nul(path), with_nul(token));
}

void xenstore_close(struct xenstore *x)
{
	if (x == NULL)
		return;
	if (x->readable != NULL)
		event_free(x->readable);
	close(x->fd);
	free(x);
}

static int connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	int fd;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode)) {
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	return fd < 0 ? -errno : fd;
}

struct xenstore *xenstore_open(
	struct event_base *base, const char *path, const struct xenstore_ops *ops, void *arg)
{
	int fd = connect_to(path);
	struct xenstore *x = fd >= 0 ? calloc(1, sizeof(*x)) : NULL;

	if (x == NULL) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	x->fd = fd;
	x->ops = ops;
	x->arg = arg;
	x->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, x);
	if (x->readable == NULL || event_add(x->readable, NULL) < 0) {
		xenstore_close(x);
		return NULL;
	}
	return x;
}
