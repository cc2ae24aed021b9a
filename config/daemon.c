/* SPDX-License-Identifier: Apache-2.0 */
/* daemon.c - put the parts of saklard together, run them, take them apart.
 *
 * From: saklard.c.  To: dir_lock.c, store.c, reconcile.c, rpc.c, sd_notify.c.
 * Theory: the order of creation is that of what can be refused: locks (nobody else), store (what is
 * wanted), sockets (who may ask), and at last reconcile (what is), which starts the engine.  Requests
 * wait until the loop runs, so the first one finds everything; READY is said then.
 * Invariants: a daemon that could not start has changed nothing that was there.
 * Thread: one. */
#include "config/daemon.h"

#include "config/dir_lock.h"
#include "config/rpc.h"
#include "config/sd_notify.h"
#include "config/store.h"
#include "vswitch/base/clock.h"
#include "vswitch/base/log.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

LOG_MODULE("daemon");

static bool is_same_dir(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int lock_dirs(struct daemon *d, struct err *e)
{
	d->run_lock_fd = dir_lock(d->paths.run_dir, "--run-dir", d->paths.state_dir, e);
	if (d->run_lock_fd < 0)
		return d->run_lock_fd;
	if (is_same_dir(d->paths.run_dir, d->paths.state_dir))
		return 0;
	d->state_lock_fd = dir_lock(d->paths.state_dir, "--state-dir", d->paths.run_dir, e);
	return d->state_lock_fd < 0 ? d->state_lock_fd : 0;
}

static void pid_path(const struct daemon *d, char *out, size_t size)
{
	snprintf(out, size, "%s/saklard.pid", d->paths.run_dir);
}

static int write_pid(struct daemon *d, struct err *e)
{
	char path[4096], text[24];
	int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	ssize_t n = -1;
	int fd, rc = 0;

	pid_path(d, path, sizeof(path));
	d->has_found_pid = access(path, F_OK) == 0;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd >= 0)
		n = write(fd, text, (size_t)len);
	if (n != len)
		rc = n < 0 ? -errno : -ENOSPC;
	if (fd >= 0)
		close(fd);
	if (rc == 0)
		return 0;
	return err_set(e, rc, "run-dir",
		"cannot write %s: %s; %s, or choose another directory with --run-dir", path,
		strerror(-rc),
		rc == -ENOSPC ? "free some space there" : "remove it if it is no plain file");
}

static void remove_pid(const struct daemon *d)
{
	char path[4096];

	pid_path(d, path, sizeof(path));
	unlink(path);
}

void daemon_stop(struct daemon *d, bool stops_engine)
{
	d->stops_engine = d->stops_engine || stops_engine;
	event_base_loopexit(d->base, NULL);
}

static void on_signal(evutil_socket_t number, short, void *arg)
{
	LOG_INFO("event=signal number=%d", (int)number);
	daemon_stop(arg, false);
}

static int watch_signals(struct daemon *d, struct err *e)
{
	static const int numbers[] = { SIGTERM, SIGINT };

	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	for (unsigned i = 0; i < ARRAY_LEN(numbers); i++) {
		d->signal_event[i] = evsignal_new(d->base, numbers[i], on_signal, d);
		if (!d->signal_event[i] || event_add(d->signal_event[i], NULL) != 0)
			return err_set(e, -ENOMEM, "", "out of memory");
	}
	return 0;
}

void daemon_destroy(struct daemon *d)
{
	rpc_server_destroy(d->rpc); /* first: it closes captures */
	if (d->reconcile)
		reconcile_destroy(d->reconcile, d->stops_engine);
	store_close(d->store);
	model_destroy(d->model);
	for (unsigned i = 0; i < ARRAY_LEN(d->signal_event); i++)
		if (d->signal_event[i])
			event_free(d->signal_event[i]);
	if (d->base)
		event_base_free(d->base);
	/* one that never served leaves the trace of one that was killed to `saklard --stop` */
	if (d->run_lock_fd >= 0 && (d->has_started || !d->has_found_pid))
		remove_pid(d);
	if (d->state_lock_fd >= 0)
		close(d->state_lock_fd);
	if (d->run_lock_fd >= 0)
		close(d->run_lock_fd); /* last: now another daemon may come */
}

static int load(struct daemon *d, struct err *e)
{
	d->store = store_open(d->paths.state_dir, e);
	d->model = d->store ? store_load(d->store, e) : NULL;
	return d->model ? 0 : e->code;
}

static int create(struct daemon *d, const struct daemon_paths *paths, bool is_empty, struct err *e)
{
	int rc;

	*d = (struct daemon){ .paths = *paths, .run_lock_fd = -1, .state_lock_fd = -1 };
	d->paths.is_stopping = is_empty;
	d->started_ns = clock_now_ns();
	rc = lock_dirs(d, e);
	if (rc == 0)
		rc = write_pid(d, e);
	if (rc == 0) {
		d->base = event_base_new();
		rc = d->base ? watch_signals(d, e) : err_set(e, -ENOMEM, "", "out of memory");
	}
	if (rc == 0 && is_empty) {
		d->model = model_create();
		rc = d->model ? 0 : err_set(e, -ENOMEM, "", "out of memory");
	} else if (rc == 0) {
		rc = load(d, e);
	}
	if (rc == 0) {
		d->rpc = rpc_server_create(d->base, paths->run_dir, d, e);
		rc = d->rpc ? 0 : e->code;
	}
	if (rc == 0) {
		d->reconcile = reconcile_create(d->base, &d->paths, e);
		rc = d->reconcile ? 0 : e->code;
	}
	if (rc != 0) {
		daemon_destroy(d);
		return rc;
	}
	reconcile_apply(d->reconcile, d->model);
	d->has_started = true;
	return rc;
}

int daemon_create(struct daemon *d, const struct daemon_paths *paths, struct err *e)
{
	return create(d, paths, false, e);
}

int daemon_create_empty(struct daemon *d, const struct daemon_paths *paths, struct err *e)
{
	return create(d, paths, true, e);
}

int daemon_run(struct daemon *d)
{
	int r;

	sd_notify_send("READY=1\nSTATUS=serving");
	LOG_INFO("event=ready run_dir=%s state_dir=%s generation=%llu networks=%u vifs=%u",
		d->paths.run_dir, d->paths.state_dir, (unsigned long long)d->model->generation,
		d->model->n_networks, d->model->n_vifs);
	r = event_base_dispatch(d->base);
	sd_notify_send("STOPPING=1");
	LOG_INFO("event=stopping engine=%s", d->stops_engine ? "stopped" : "left running");
	return r < 0 ? -EIO : 0;
}
