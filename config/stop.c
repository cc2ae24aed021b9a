/* SPDX-License-Identifier: Apache-2.0 */
/* stop.c - end an instance wholly: daemon, engine, dnsmasq, host legs, nftables table.
 *
 * From: saklard --stop.  To: daemon.stop of the running daemon, or reconcile.c when there is none.
 * Theory: the daemon gives its locks back when it is through, so waiting for the lock of the run
 * directory is waiting for the end.  After kill -9 of the daemon nobody is there to ask: then this
 * process is the daemon for a moment, takes over what runs, and ends it.
 * Thread: one. */
#include "config/stop.h"

#include "config/daemon.h"
#include "config/dir_lock.h"
#include "config/engine_exec.h"
#include "config/rpc_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STOP_TIMEOUT_MS 15000

static int stop_daemon(struct rpc_client *c, const char *run_dir, struct err *e)
{
	json_t *result = NULL;
	int rc = rpc_call(c, "daemon.stop", json_pack("{s:b}", "engine", 1), &result, e);

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

/* A daemon that ends well removes its pid file, and an engine that was stopped has no process. */
static bool has_leftovers(const char *run_dir)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/saklard.pid", run_dir);
	return access(path, F_OK) == 0 || engine_exec_find_pid(run_dir) > 0;
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
	rc = daemon_create(&d, paths, e);
	if (rc != 0)
		return rc;
	d.stops_engine = true;
	daemon_destroy(&d);
	return 0;
}
