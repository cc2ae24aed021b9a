/* SPDX-License-Identifier: Apache-2.0 */
/* stop.c - end an instance wholly: daemon, engine, dnsmasq, host legs, nftables table.
 *
 * From: saklard --stop.  To: daemon.stop of the running daemon, or reconcile.c when there is none.
 * Theory: the daemon gives its locks back when it is through, so waiting for the lock of the run
 * directory is waiting for the end.  After kill -9 of the daemon nobody is there to ask: then this
 * process is a daemon for a moment that wants nothing: it takes over what runs, closes the vifs,
 * puts back what the undo file names, and ends the engine.  So the store need not be readable.
 * Thread: one. */
#include "config/stop.h"

#include "config/daemon.h"
#include "config/dir_lock.h"
#include "config/engine_exec.h"
#include "config/rpc_client.h"
#include "config/spawn.h"
#include "vswitch/base/log.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

LOG_MODULE("stop");

#define STOP_TIMEOUT_MS 15000
#define ASK_TIMEOUT_S 12 /* it may be busy with a mute engine, or still starting */
#define DNSMASQ_TIMEOUT_MS 2000

static int stop_daemon(struct rpc_client *c, const char *run_dir, struct err *e)
{
	json_t *result = NULL;
	int rc;

	rpc_client_set_timeout(c, ASK_TIMEOUT_S);
	rc = rpc_call(c, "daemon.stop", json_pack("{s:b}", "engine", 1), &result, e);

	json_decref(result);
	if (rc != 0 && rc != -ECONNRESET)
		return rc;
	if (dir_lock_wait(run_dir, STOP_TIMEOUT_MS) != 0)
		return err_set(e, -ETIMEDOUT, "",
			"the daemon of %s did not end within %d s: look at its log", run_dir,
			STOP_TIMEOUT_MS / 1000);
	if (e)
		*e = ERR_NONE;
	return 0;
}

void stop_find_state_dir(const char *run_dir, char *out, size_t size)
{
	char note[4096];

	if (dir_lock_note(run_dir, note, sizeof(note)) && note[0] == '/' && strlen(note) < size)
		memcpy(out, note, strlen(note) + 1);
}

/* A daemon that ends well removes its pid file, and an engine that was stopped has no process. */
static bool has_leftovers(const char *run_dir)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/saklard.pid", run_dir);
	return access(path, F_OK) == 0 || engine_exec_find_pid(run_dir) > 0;
}

/* End the dnsmasq that runs with RUN/dnsmasq-@network.conf. */
static void end_dnsmasq(const char *run_dir, const char *network)
{
	static const char *const kinds[] = { "conf", "pid", "resolv" };
	char path[4096], argument[4096];
	struct pollfd p = { .events = POLLIN };
	pid_t pid;

	snprintf(path, sizeof(path), "%s/dnsmasq-%s.pid", run_dir, network);
	snprintf(argument, sizeof(argument), "--conf-file=%s/dnsmasq-%s.conf", run_dir, network);
	pid = spawn_read_pidfile(path);
	p.fd = pid > 0 ? pidfd_open(pid, 0) : -1;
	if (p.fd >= 0 && spawn_has_argument(pid, argument)) { /* asked when the pidfd pins it */
		LOG_INFO("event=dnsmasq_stopped network=%s pid=%d", network, (int)pid);
		pidfd_send_signal(p.fd, SIGTERM, NULL, 0);
		if (poll(&p, 1, DNSMASQ_TIMEOUT_MS) == 0)
			pidfd_send_signal(p.fd, SIGKILL, NULL, 0);
		poll(&p, 1, DNSMASQ_TIMEOUT_MS);
	}
	if (p.fd >= 0)
		close(p.fd);
	for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
		snprintf(path, sizeof(path), "%s/dnsmasq-%s.%s", run_dir, network, kinds[i]);
		unlink(path);
	}
}

static void end_dnsmasqs(const char *run_dir)
{
	DIR *dir = opendir(run_dir);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char name[sizeof(entry->d_name)];
		size_t len = strlen(entry->d_name);

		if (strncmp(entry->d_name, "dnsmasq-", 8) != 0 || len < 13
			|| strcmp(entry->d_name + len - 4, ".pid") != 0)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(len - 12), entry->d_name + 8);
		end_dnsmasq(run_dir, name);
	}
	if (dir)
		closedir(dir);
}

int stop_instance(const struct daemon_paths *paths, struct err *e)
{
	struct rpc_client *c = rpc_client_open(paths->run_dir, RPC_ROLE_RW, e);
	struct daemon d;
	int rc;

	if (c) {
		rc = stop_daemon(c, paths->run_dir, e);
		rpc_client_close(c);
		return rc;
	}
	if (e->code != -ENOENT && e->code != -ECONNREFUSED)
		return e->code;
	*e = ERR_NONE;
	if (!has_leftovers(paths->run_dir))
		return 0;
	rc = daemon_create_empty(&d, paths, e);
	if (rc != 0)
		return rc;
	end_dnsmasqs(paths->run_dir);
	d.stops_engine = true;
	daemon_destroy(&d);
	return 0;
}
