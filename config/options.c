/* SPDX-License-Identifier: Apache-2.0 */
/* options.c - the command line of saklard.
 *
 * From: saklard.c.  To: struct options.
 * Theory: getopt_long; directories become absolute because the daemon leaves its working directory.
 * The engine is looked for beside our own executable, so that a build tree, an installation and a
 * copy in another prefix each find their own.
 * Thread: one. */
#include "config/options.h"

#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char options_help[]
	= "Usage: saklard [OPTION]...\n"
	  "The configuration daemon of the Saklar switch: keeps what is wanted, makes it so.\n\n"
	  "  --run-dir DIR          sockets and pids (default /run/saklar)\n"
	  "  --state-dir DIR        what is wanted, durable (default /var/lib/saklar)\n"
	  "  --engine PATH          the engine (default: saklar-vswitch beside saklard)\n"
	  "  --engine-user USER     user of the engine (default: saklar, else nobody)\n"
	  "  --hugepages WORD       auto, on or off (default auto)\n"
	  "  --no-fast-path         every packet goes through the engine, none by the kernel "
	  "alone\n"
	  "  --workers LIST         processors that the engine forwards on, one worker each: 0,1\n"
	  "                         (\"-\": wherever the kernel puts it; default: one of these)\n"
	  "  --poll                 the engine's workers never sleep; each keeps a processor busy\n"
	  "  --log-level LEVEL      err, warn, info or debug (default info)\n"
	  "  --foreground           do not go to the background; log to stderr\n"
	  "  --stop-engine          when this daemon ends (SIGTERM, SIGINT), stop the engine as "
	  "well\n"
	  "  --stop                 stop the instance of --run-dir wholly: daemon, engine, "
	  "dnsmasq,\n"
	  "                         host legs and nftables table; what is wanted stays in "
	  "--state-dir\n"
	  "  --dump-rpc-doc         print the documentation of the JSON-RPC methods\n"
	  "  --version, --help\n\n"
	  "SIGTERM and SIGINT end the daemon and leave the engine running: traffic flows on, and "
	  "the\n"
	  "next saklard takes it over.\n"
	  "Example: saklard --foreground --run-dir /run/saklar-test --state-dir "
	  "/tmp/saklar-state\n";

enum option_id {
	OPTION_RUN_DIR = 256,
	OPTION_STATE_DIR,
	OPTION_ENGINE,
	OPTION_ENGINE_USER,
	OPTION_HUGEPAGES,
	OPTION_NO_FAST_PATH,
	OPTION_WORKERS,
	OPTION_POLL,
	OPTION_LOG_LEVEL,
	OPTION_FOREGROUND,
	OPTION_STOP,
	OPTION_STOP_ENGINE,
	OPTION_DUMP_DOC,
	OPTION_NO_SYSTEM, /* hidden: for tests without root */
	OPTION_VERSION,
	OPTION_HELP,
};

static const struct option long_options[] = {
	{ "run-dir", required_argument, NULL, OPTION_RUN_DIR },
	{ "state-dir", required_argument, NULL, OPTION_STATE_DIR },
	{ "engine", required_argument, NULL, OPTION_ENGINE },
	{ "engine-user", required_argument, NULL, OPTION_ENGINE_USER },
	{ "hugepages", required_argument, NULL, OPTION_HUGEPAGES },
	{ "no-fast-path", no_argument, NULL, OPTION_NO_FAST_PATH },
	{ "poll", no_argument, NULL, OPTION_POLL },
	{ "workers", required_argument, NULL, OPTION_WORKERS },
	{ "log-level", required_argument, NULL, OPTION_LOG_LEVEL },
	{ "foreground", no_argument, NULL, OPTION_FOREGROUND },
	{ "stop", no_argument, NULL, OPTION_STOP },
	{ "stop-engine", no_argument, NULL, OPTION_STOP_ENGINE },
	{ "dump-rpc-doc", no_argument, NULL, OPTION_DUMP_DOC },
	{ "test-no-system", no_argument, NULL, OPTION_NO_SYSTEM },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

/* @text as an absolute path without a slash at its end. */
static int absolute(const char *text, const char *option, char *out, struct err *e)
{
	char cwd[OPTION_PATH_LEN] = "";
	size_t len;
	int n;

	if (text[0] == '\0')
		return err_set(e, -EINVAL, option, "%s needs a path", option);
	if (text[0] != '/' && !getcwd(cwd, sizeof(cwd)))
		return err_set(e, -errno, option,
			"the working directory is gone: give an absolute "
			"path");
	n = snprintf(out, OPTION_PATH_LEN, "%s%s%s", cwd, cwd[0] ? "/" : "", text);
	if (n < 0 || n >= OPTION_PATH_LEN)
		return err_set(e, -ENAMETOOLONG, option, "%s: the path is too long", option);
	for (len = strlen(out); len > 1 && out[len - 1] == '/'; len--)
		out[len - 1] = '\0';
	return 0;
}

/* saklar-vswitch beside our own executable. */
static int default_engine(struct options *o, struct err *e)
{
	static const char name[] = "/saklar-vswitch";
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *dir;

	if (n <= 0)
		return err_set(e, -ENOENT, "--engine",
			"cannot find out where saklard lies (is /proc mounted?): give --engine "
			"PATH");
	self[n] = '\0';
	dir = dirname(self);
	if (strlen(dir) + sizeof(name) > sizeof(o->engine))
		return err_set(e, -ENAMETOOLONG, "--engine", "the path of saklard is too long");
	snprintf(o->engine, sizeof(o->engine), "%.4000s%s", dir, name);
	return 0;
}

static int set_hugepages(struct options *o, const char *word, struct err *e)
{
	if (strcmp(word, "auto") != 0 && strcmp(word, "on") != 0 && strcmp(word, "off") != 0)
		return err_set(e, -EINVAL, "--hugepages",
			"--hugepages %.20s: write auto, on or off", word);
	o->paths.hugepages = word;
	return 0;
}

/* Is @text, of @len characters, a processor that we may use? */
static bool is_processor(const char *text, size_t len, const cpu_set_t *ours)
{
	unsigned long cpu;
	char *end;

	if (len == 0 || len > 5 || text[0] < '0' || text[0] > '9')
		return false;
	cpu = strtoul(text, &end, 10);
	return end == text + len && cpu < CPU_SETSIZE && CPU_ISSET(cpu, ours);
}

/* Checked here, since an engine that does not start says so to the log only. */
static int set_workers(struct options *o, const char *list, struct err *e)
{
	const char *at = list;
	cpu_set_t ours;
	unsigned n = 0;
	size_t len;

	CPU_ZERO(&ours);
	if (sched_getaffinity(0, sizeof(ours), &ours) < 0)
		CPU_ZERO(&ours); /* then none is known, and each is refused */
	do {
		len = strcspn(at, ",");
		n++;
		if (!(len == 1 && *at == '-') && !is_processor(at, len, &ours))
			return err_set(e, -EINVAL, "--workers",
				"--workers %.40s: '%.*s' is no processor that saklard may use; "
				"write numbers as in 0,1, or - for a worker that is not pinned",
				list, (int)MIN(len, (size_t)20), at);
		at += len;
	} while (*at++ == ',');
	if (n > WORKERS_MAX)
		return err_set(e, -EINVAL, "--workers", "--workers %.40s: %u workers; 1 to %u",
			list, n, WORKERS_MAX);
	o->paths.workers = list;
	return 0;
}

static int set_option(struct options *o, int id, const char *value, struct err *e)
{
	switch (id) {
	case OPTION_RUN_DIR: return absolute(value, "--run-dir", o->run_dir, e);
	case OPTION_STATE_DIR:
		o->has_state_dir = true;
		return absolute(value, "--state-dir", o->state_dir, e);
	case OPTION_ENGINE: return absolute(value, "--engine", o->engine, e);
	case OPTION_ENGINE_USER: o->paths.engine_user = value; return 0;
	case OPTION_HUGEPAGES: return set_hugepages(o, value, e);
	case OPTION_NO_FAST_PATH: o->paths.no_fast_path = true; return 0;
	case OPTION_POLL: o->paths.polls = true; return 0;
	case OPTION_WORKERS: return set_workers(o, value, e);
	case OPTION_LOG_LEVEL:
		if (log_level_parse(value, &o->log_level) == 0)
			return 0;
		return err_set(e, -EINVAL, "--log-level",
			"--log-level %.20s: write err, warn, info or debug", value);
	case OPTION_FOREGROUND: o->is_foreground = true; return 0;
	case OPTION_STOP: o->action = ACTION_STOP; return 0;
	case OPTION_STOP_ENGINE: o->stops_engine = true; return 0;
	case OPTION_DUMP_DOC: o->action = ACTION_DUMP_DOC; return 0;
	case OPTION_NO_SYSTEM: o->paths.no_system = true; return 0;
	case OPTION_VERSION: o->action = ACTION_VERSION; return 0;
	case OPTION_HELP: o->action = ACTION_HELP; return 0;
	default: return err_set(e, -EINVAL, "", "see saklard --help"); /* getopt said the rest */
	}
}

int options_parse(struct options *o, int argc, char **argv, struct err *e)
{
	int id, rc = 0;

	*o = (struct options){ .log_level = LOG_LEVEL_INFO,
		.paths.hugepages = "auto",
		.run_dir = "/run/saklar",
		.state_dir = "/var/lib/saklar" };
	while (rc == 0 && (id = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		rc = set_option(o, id, optarg, e);
	if (rc == 0 && optind < argc)
		rc = err_set(e, -EINVAL, "",
			"'%.40s' is too much: saklard takes options only; see "
			"saklard --help",
			argv[optind]);
	if (rc == 0 && !o->engine[0])
		rc = default_engine(o, e);
	o->paths.run_dir = o->run_dir;
	o->paths.state_dir = o->state_dir;
	o->paths.engine = o->engine;
	return rc;
}
