/* SPDX-License-Identifier: Apache-2.0 */
/* saklard.c - main of the configuration daemon: options, privileges, background, run.
 *
 * From: the shell or the service manager.  To: daemon.c (everything else).
 * Theory: exit codes: 0 done, 1 refused (the reason is on stderr), 2 usage.
 * Thread: one. */
#include "config/background.h"
#include "config/daemon.h"
#include "config/options.h"
#include "config/privileges.h"
#include "config/rpc_methods.h"
#include "config/stop.h"
#include "saklar_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static int fail(const struct err *e, int code)
{
	fprintf(stderr, "saklard: %s\n", e->msg);
	return code;
}

static int dump_doc(void)
{
	char *text = rpc_doc_text();
	int r = text ? fputs(text, stdout) : EOF;

	free(text);
	return r == EOF ? 1 : 0;
}

static int serve(const struct options *o, struct err *e)
{
	struct daemon d;
	int rc = o->is_foreground ? 0 : background_enter(o->run_dir, e);

	if (rc == 0)
		rc = daemon_create(&d, &o->paths, e);
	if (rc != 0) {
		background_failed();
		return rc;
	}
	d.stops_engine = o->stops_engine;
	background_ready();
	rc = daemon_run(&d);
	daemon_destroy(&d);
	return rc;
}

int main(int argc, char **argv)
{
	static struct options o;
	struct err e = ERR_NONE;
	int rc = options_parse(&o, argc, argv, &e);

	if (rc != 0)
		return fail(&e, 2);
	if (o.action == ACTION_HELP)
		return fputs(options_help, stdout) == EOF;
	if (o.action == ACTION_VERSION)
		return printf("saklard %s (%s)\n", SAKLAR_VERSION, SAKLAR_BUILD) < 0;
	if (o.action == ACTION_DUMP_DOC)
		return dump_doc();
	umask(022);
	background_close_fds();
	if (o.action == ACTION_STOP && o.log_level == LOG_LEVEL_INFO)
		o.log_level = LOG_LEVEL_WARN; /* on a terminal, what goes well needs no words */
	log_init("saklard", o.log_level);
	privileges_raise_limits();
	if (!o.paths.no_system)
		rc = privileges_drop(&e);
	if (rc == 0 && o.action == ACTION_STOP && !o.has_state_dir)
		stop_find_state_dir(o.run_dir, o.state_dir, sizeof(o.state_dir));
	if (rc == 0)
		rc = o.action == ACTION_STOP ? stop_instance(&o.paths, &e) : serve(&o, &e);
	return rc == 0 ? 0 : fail(&e, 1);
}
