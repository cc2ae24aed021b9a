/* SPDX-License-Identifier: Apache-2.0 */
/* daemon.c - put the parts of saklard together, run them, take them apart.
 *
 * From: saklard.c.  To: dir_lock.c, store.c, reconcile.c, rpc.c, sd_notify.c.
 * Theory: the order of creation is that of dependency: locks (nobody else), store (what is wanted),
 * reconcile (what is), sockets (who may ask) last, so that the first request finds everything; READY
 * is said when they listen.  Destruction goes backwards.
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
	d->run_lock_fd = dir_lock(d->paths.run_dir, "--run-dir", e);
	if (d->run_lock_fd < 0)
		return d->run_lock_fd;
	if (is_same_dir(d->paths.run_dir, d->paths.state_dir))
		return 0;
	d->state_lock_fd = dir_lock(d->paths.state_dir, "--state-dir", e);
	return d->state_lock_fd < 0 ? d->state_lock_fd : 0;
}

static int write_pid(const struct daemon *d, struct err *e)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/saklard.pid", d->paths.run_dir);
	f = fopen(path, "we");
	if (!f || fprintf(f, "%d\n", (int)getpid()) < 0) {
		int rc = err_set(e, -errno, path, "cannot write %s: %s", path, strerror(errno));

		if (f)
			fclose(f);
		return rc;
	}
	if (fclose(f) != 0)
		return err_set(e, -errno, path, "cannot write %s: %s", path, strerror(errno));
	return 0;
}

static void remove_pid(const struct daemon *d)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/saklard.pid", d->paths.run_dir);
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
	if (d->run_lock_fd >= 0)
		remove_pid(d);
	if (d->state_lock_fd >= 0)
		close(d->state_lock_fd);
	if (d->run_lock_fd >= 0)
		close(d->run_lock_fd); /* last: now another daemon may come */
}

int daemon_create(struct daemon *d, const struct daemon_paths *paths, struct err *e)
{
	int rc;

	*d = (struct daemon){ .paths = *paths, .run_lock_fd = -1, .state_lock_fd = -1 };
	d->started_ns = clock_now_ns();
	rc = lock_dirs(d, e);
	if (rc == 0)
		rc = write_pid(d, e);
	if (rc == 0) {
		d->base = event_base_new();
		rc = d->base ? watch_signals(d, e) : err_set(e, -ENOMEM, "", "out of memory");
	}
	if (rc == 0) {
		d->store = store_open(paths->state_dir, e);
		d->model = d->store ? store_load(d->store, e) : NULL;
		rc = d->model ? 0 : e->code;
	}
	if (rc == 0) {
		d->reconcile = reconcile_create(d->base, &d->paths, e);
		rc = d->reconcile ? 0 : e->code;
	}
	if (rc == 0) {
		reconcile_apply(d->reconcile, d->model);
		d->rpc = rpc_server_create(d->base, paths->run_dir, d, e);
		rc = d->rpc ? 0 : e->code;
	}
	if (rc != 0)
		daemon_destroy(d);
	return rc;
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
