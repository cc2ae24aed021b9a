/* SPDX-License-Identifier: Apache-2.0 */
/* fake_xenstored.c - what a xenstored answers, for tests of netback.c.
 *
 * From: a unix socket.  Theory: public/io/xs_wire.h, written without a look at the code under test.
 * Thread: its own, beside the test's. */
#include "tests/lib/fake_xenstored.h"

#include "vswitch/base/check.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define KEYS 256
#define WATCHES 64
#define TEXT 160

struct wire {
	uint32_t type, req, tx, len;
};

struct fake_xenstored {
	pthread_t thread;
	pthread_mutex_t lock;
	int listen_fd, fd, stop_fd;
	char socket[TEXT];
	uint64_t n_requests;
	uint32_t last_tx;
	unsigned n_keys, n_watches;
	struct {
		char path[TEXT];
		char *value;
	} key[KEYS];
	struct {
		char path[TEXT], token[TEXT];
	} watch[WATCHES];
	char got[4096];
};

static void put(struct fake_xenstored *f, const struct wire *hdr, const char *payload)
{
	if (f->fd < 0)
		return;
	/* a client that has gone is nobody's error */
	if (send(f->fd, hdr, sizeof(*hdr), MSG_NOSIGNAL) < 0)
		return;
	if (hdr->len > 0 && send(f->fd, payload, hdr->len, MSG_NOSIGNAL) < 0)
		return;
}

static bool is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static void fire(struct fake_xenstored *f, const char *path)
{
	for (unsigned i = 0; i < f->n_watches; i++) {
		char text[2 * TEXT];
		struct wire hdr = { .type = 15 };

		if (!is_below(path, f->watch[i].path))
			continue;
		hdr.len = (uint32_t)(strlen(path) + strlen(f->watch[i].token) + 2);
		memcpy(text, path, strlen(path) + 1);
		memcpy(text + strlen(path) + 1, f->watch[i].token, strlen(f->watch[i].token) + 1);
		put(f, &hdr, text);
	}
}

static void key_set(struct fake_xenstored *f, const char *path, const char *value)
{
	for (unsigned i = f->n_keys; i-- > 0;) {
		bool is_it = strcmp(f->key[i].path, path) == 0;

		if (value == NULL ? !is_below(f->key[i].path, path) : !is_it)
			continue;
		free(f->key[i].value);
		f->key[i] = f->key[--f->n_keys];
	}
	if (value != NULL) {
		CHECK(f->n_keys < KEYS);
		snprintf(f->key[f->n_keys].path, TEXT, "%s", path);
		f->key[f->n_keys].value = strdup(value);
		CHECK(f->key[f->n_keys++].value != NULL);
	}
	fire(f, path);
}

static const char *key_get(const struct fake_xenstored *f, const char *path)
{
	for (unsigned i = 0; i < f->n_keys; i++)
		if (strcmp(f->key[i].path, path) == 0)
			return f->key[i].value;
	return NULL;
}

/* Names right below @path. */
static uint32_t list(const struct fake_xenstored *f, const char *path, char *out)
{
	size_t n = strlen(path);
	uint32_t len = 0;

	for (unsigned i = 0; i < f->n_keys; i++) {
		const char *name = f->key[i].path + n + 1;
		size_t name_len;
		bool is_known = false;

		if (!is_below(f->key[i].path, path) || f->key[i].path[n] != '/')
			continue;
		name_len = strcspn(name, "/");
		for (uint32_t at = 0; at < len; at += (uint32_t)strlen(out + at) + 1)
			is_known |= strlen(out + at) == name_len
				&& strncmp(out + at, name, name_len) == 0;
		if (is_known)
			continue;
		memcpy(out + len, name, name_len);
		out[len + name_len] = '\0';
		len += (uint32_t)name_len + 1;
	}
	return len;
}

static void serve(struct fake_xenstored *f, struct wire *hdr, char *payload)
{
	char out[4096];
	const char *value = NULL;
	uint32_t len = 0;

	f->n_requests++;
	switch (hdr->type) {
	case 1: len = list(f, payload, out); break;
	case 2:
		value = key_get(f, payload);
		if (value != NULL) {
			len = (uint32_t)strlen(value);
			memcpy(out, value, len);
		} else {
			hdr->type = 16;
			len = (uint32_t)snprintf(out, sizeof(out), "ENOENT") + 1;
		}
		break;
	case 4:
		CHECK(f->n_watches < WATCHES);
		snprintf(f->watch[f->n_watches].path, TEXT, "%s", payload);
		snprintf(f->watch[f->n_watches++].token, TEXT, "%s", payload + strlen(payload) + 1);
		break;
	case 5:
		for (unsigned i = f->n_watches; i-- > 0;)
			if (strcmp(f->watch[i].path, payload) == 0)
				f->watch[i] = f->watch[--f->n_watches];
		break;
	case 6: len = (uint32_t)snprintf(out, sizeof(out), "%u", ++f->last_tx) + 1; break;
	case 11: key_set(f, payload, payload + strlen(payload) + 1); break;
	default: break;
	}
	if (hdr->type >= 4 && hdr->type != 6 && hdr->type != 16)
		len = (uint32_t)snprintf(out, sizeof(out), "OK") + 1;
	hdr->len = len;
	put(f, hdr, out);
}

static bool read_all(int fd, void *to, size_t len)
{
	for (size_t n = 0; n < len;) {
		ssize_t r = read(fd, (char *)to + n, len - n);

		if (r <= 0)
			return false;
		n += (size_t)r;
	}
	return true;
}

static void hang_up(struct fake_xenstored *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	f->n_watches = 0;
}

static void *run(void *arg)
{
	struct fake_xenstored *f = arg;

	for (;;) {
		struct pollfd p[3] = { { .fd = f->stop_fd, .events = POLLIN },
			{ .fd = f->listen_fd, .events = POLLIN },
			{ .fd = f->fd, .events = POLLIN } };
		char payload[4097];
		struct wire hdr;

		if (poll(p, 3, -1) < 0 && errno != EINTR)
			return NULL;
		if (p[0].revents != 0)
			return NULL;
		pthread_mutex_lock(&f->lock);
		if (p[1].revents != 0) {
			hang_up(f);
			f->fd = accept(f->listen_fd, NULL, NULL);
		} else if (p[2].revents != 0) {
			if (!read_all(f->fd, &hdr, sizeof(hdr)) || hdr.len > 4096
				|| !read_all(f->fd, payload, hdr.len)) {
				hang_up(f);
			} else {
				payload[hdr.len] = '\0';
				serve(f, &hdr, payload);
			}
		}
		pthread_mutex_unlock(&f->lock);
	}
}

void fake_set(struct fake_xenstored *f, const char *path, const char *value)
{
	pthread_mutex_lock(&f->lock);
	key_set(f, path, value);
	pthread_mutex_unlock(&f->lock);
}

const char *fake_get(struct fake_xenstored *f, const char *path)
{
	const char *value;

	pthread_mutex_lock(&f->lock);
	value = key_get(f, path);
	snprintf(f->got, sizeof(f->got), "%s", value != NULL ? value : "");
	pthread_mutex_unlock(&f->lock);
	return f->got;
}

uint64_t fake_requests(struct fake_xenstored *f)
{
	uint64_t n;

	pthread_mutex_lock(&f->lock);
	n = f->n_requests;
	pthread_mutex_unlock(&f->lock);
	return n;
}

void fake_xenstored_stop(struct fake_xenstored *f)
{
	uint64_t one = 1;

	CHECK(write(f->stop_fd, &one, sizeof(one)) == sizeof(one));
	pthread_join(f->thread, NULL);
	hang_up(f);
	close(f->listen_fd);
	close(f->stop_fd);
	unlink(f->socket);
	for (unsigned i = 0; i < f->n_keys; i++)
		free(f->key[i].value);
	free(f);
}

struct fake_xenstored *fake_xenstored_start(const char *path)
{
	struct fake_xenstored *f = calloc(1, sizeof(*f));
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	CHECK(f != NULL && strlen(path) < sizeof(addr.sun_path));
	memcpy(addr.sun_path, path, strlen(path));
	snprintf(f->socket, TEXT, "%s", path);
	unlink(path);
	pthread_mutex_init(&f->lock, NULL);
	f->fd = -1;
	f->stop_fd = eventfd(0, EFD_CLOEXEC);
	f->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(f->stop_fd >= 0 && f->listen_fd >= 0);
	CHECK(bind(f->listen_fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	CHECK(listen(f->listen_fd, 4) == 0);
	CHECK(pthread_create(&f->thread, NULL, run, f) == 0);
	return f;
}
