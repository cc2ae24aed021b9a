/* SPDX-License-Identifier: Apache-2.0 */
/* engine.c - main of saklar-vswitch: arguments, the stages of start-up in order, and nothing else.
 *
 * From: saklard (or a test), which passes a listening socket.  To: sandbox.c, EAL, pools.c, worker.c,
 * ctl.c.
 * Start-up time is the gap in which guests' frames wait after a crash, so nothing here is lazy or
 * repeated; with --log-level debug each stage says when it was done.
 * Exit status: 0 after STOP; 1 on errors; 2 for wrong arguments; EXIT_NO_HUGEPAGES when hugepages
 * were asked for and are short: start again with --no-huge.
 * Thread: main, which becomes the control thread. */
#include "saklar_build.h"
#include "vif/guest_guard.h"
#include "vswitch/base/clock.h"
#include "vswitch/base/log.h"
#include "vswitch/ctl.h"
#include "vswitch/sandbox.h"

#include <rte_alarm.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

LOG_MODULE("engine");

#define EXIT_USAGE 2
#define EXIT_NO_HUGEPAGES 75 /* EX_TEMPFAIL */
#define START_SLEEP_NS 2000000
#define MEMORY_MB 32 /* for one worker */
#define MEMORY_MORE_MB 48 /* for each of the others: their buffers, vswitch/pools.h */
#define CPU_ANY (-1)

struct options {
	int listen_fd;
	bool no_huge;
	bool is_polling;
	unsigned n_workers;
	int cpu[WORKERS_MAX]; /* CPU_ANY: wherever the kernel puts it */
	struct sandbox_identity id;
	enum log_level level;
};

static _Noreturn void die(int status, const struct err *e)
{
	LOG_ERR("event=start_failed path=%s reason=\"%s\"", e->path, e->msg);
	_exit(status);
}

static _Noreturn void usage(void)
{
	fprintf(stderr,
		"saklar-vswitch " SAKLAR_VERSION " (" SAKLAR_BUILD
		"): the dataplane of Saklar, started by saklard\n"
		"usage: saklar-vswitch --listen-fd N [--no-huge] [--uid N --gid N]\n"
		"                      [--poll] [--workers CPU[,CPU...]] [--log-level "
		"err|warn|info|debug]\n"
		"  --poll      never sleep: each worker keeps a processor busy\n"
		"  --workers   processors to run on, one worker each; \"-\": not pinned (default: "
		"-)\n");
	exit(EXIT_USAGE);
}

static unsigned number(const char *text)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end || v > INT32_MAX)
		usage();
	return (unsigned)v;
}

/* "0,1", "-,-": a worker for each. */
static void workers_parse(char *text, struct options *o)
{
	char *rest = NULL;

	o->n_workers = 0;
	for (char *word = strtok_r(text, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		if (o->n_workers == WORKERS_MAX)
			usage();
		o->cpu[o->n_workers] = strcmp(word, "-") == 0 ? CPU_ANY : (int)number(word);
		if (o->cpu[o->n_workers] >= CPU_SETSIZE)
			usage();
		o->n_workers++;
	}
	if (o->n_workers == 0)
		usage();
}

static void options_parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "listen-fd", required_argument, NULL, 'f' },
		{ "no-huge", no_argument, NULL, 'n' },
		{ "uid", required_argument, NULL, 'u' },
		{ "gid", required_argument, NULL, 'g' },
		{ "poll", no_argument, NULL, 'p' },
		{ "workers", required_argument, NULL, 'w' },
		{ "log-level", required_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int opt;

	*o = (struct options){ .listen_fd = -1,
		.level = LOG_LEVEL_INFO,
		.id = { 65534, 65534 },
		.n_workers = 1,
		.cpu = { CPU_ANY } };
	while ((opt = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (opt) {
		case 'f': o->listen_fd = (int)number(optarg); break;
		case 'n': o->no_huge = true; break;
		case 'u': o->id.uid = number(optarg); break;
		case 'g': o->id.gid = number(optarg); break;
		case 'p': o->is_polling = true; break;
		case 'w': workers_parse(optarg, o); break;
		case 'l':
			if (log_level_parse(optarg, &o->level) < 0)
				usage();
			break;
		default: usage();
		}
	}
	if (o->listen_fd < 0 || optind != argc)
		usage();
}

/* "0@(0,1,...)": EAL would pin the main thread to one processor. */
static void lcores_text(char *text, size_t size)
{
	cpu_set_t set;
	size_t at;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		CPU_SET(0, &set);
	at = (size_t)snprintf(text, size, "--lcores=0@(");
	for (unsigned i = 0; i < CPU_SETSIZE && at + 8 < size; i++)
		if (CPU_ISSET(i, &set))
			at += (size_t)snprintf(
				text + at, size - at, "%s%u", text[at - 1] == '(' ? "" : ",", i);
	snprintf(text + at, size - at, ")");
}

/* EAL measures the TSC by sleeping 100 ms where CPUID does not tell its frequency, which would be
 * most of the start-up time.  The engine uses CLOCK_MONOTONIC and no TSC, so a coarse measurement
 * will do: this definition comes before libc's for everything that is linked statically. */
#ifndef SAKLAR_SANITIZED /* their run-time libraries have one of their own */
static bool is_starting = true;

int nanosleep(const struct timespec *duration, struct timespec *left)
{
	struct timespec t = *duration;
	int rc;

	if (is_starting && (t.tv_sec > 0 || t.tv_nsec > START_SLEEP_NS))
		t = (struct timespec){ .tv_nsec = START_SLEEP_NS };
	rc = clock_nanosleep(CLOCK_MONOTONIC, 0, &t, left);
	if (rc == 0)
		return 0;
	errno = rc;
	return -1;
}

static void start_sleep_end(void)
{
	is_starting = false;
}
#else
static void start_sleep_end(void)
{
	/* nothing was changed */
}
#endif

static int eal_start(const struct options *o, struct err *e)
{
	char lcores[1024], name[] = "saklar-vswitch";
	char no_pci[] = "--no-pci", no_telemetry[] = "--no-telemetry", quiet[] = "--log-level=4";
	char memory[] = "-m", megabytes[16];
	char in_memory[] = "--in-memory", no_huge[] = "--no-huge", no_shconf[] = "--no-shconf";
	char *argv[12] = { name, lcores, no_pci, no_telemetry, quiet, memory };
	int argc = 6;

	lcores_text(lcores, sizeof(lcores));
	snprintf(megabytes, sizeof(megabytes), "%u",
		MEMORY_MB + (o->n_workers - 1) * MEMORY_MORE_MB);
	argv[argc++] = megabytes;
	argv[argc++] = o->no_huge ? no_huge : in_memory; /* the two exclude each other */
	if (o->no_huge)
		argv[argc++] = no_shconf;
	if (rte_eal_init(argc, argv) < 0)
		return err_set(e, -EIO, "eal", "%s", rte_strerror(rte_errno));
	start_sleep_end();
	return 0;
}

/* EAL's thread confines itself: a filter can only be installed by the thread it is for. */
static _Atomic int eal_confined; /* 0: not yet; 1: done; else -errno */

static void on_alarm(void *)
{
	int rc;

	pthread_setname_np(pthread_self(), "eal-intr-thread"); /* EAL needs /proc for that */
	rc = sandbox_confine_eal();
	atomic_store(&eal_confined, rc < 0 ? rc : 1);
}

static int eal_confine(struct err *e)
{
	int rc = rte_eal_alarm_set(1, on_alarm, NULL);

	if (rc < 0)
		return err_set(e, rc, "eal", "no alarm");
	while ((rc = atomic_load(&eal_confined)) == 0)
		usleep(100);
	return rc < 0 ? err_set(e, rc, "eal", "cannot be confined") : 0;
}

static void stage_done(const char *name, uint64_t started_ns)
{
	LOG_DEBUG("event=start_stage name=%s us=%llu", name,
		(unsigned long long)((clock_now_ns() - started_ns) / NS_PER_US));
}

static int workers_start(
	const struct options *o, struct worker **workers, int event_fd, struct err *e)
{
	static struct pools pools;
	struct hops *hops = NULL;
	int rc = pools_create(&pools, o->n_workers, e);

	if (rc == 0 && o->n_workers > 1) {
		hops = hops_create(o->n_workers);
		if (!hops)
			return err_set(e, -ENOMEM, "workers", "out of memory");
	}
	for (unsigned i = 0; i < o->n_workers && rc == 0; i++) {
		struct worker_params params = {
			.index = i,
			.n_workers = o->n_workers,
			.is_pinned = o->cpu[i] != CPU_ANY,
			.cpu = o->cpu[i],
			.is_polling = o->is_polling,
			.hops = hops,
			.pools = &pools,
			.event_fd = event_fd,
			.confine = sandbox_confine_worker,
		};

		workers[i] = worker_create(&params, e);
		rc = workers[i] ? 0 : e->code;
	}
	/* the first one tells the others how to wake it before any of them runs */
	for (unsigned i = 0; i < o->n_workers && rc == 0; i++)
		rc = worker_start(workers[i], e);
	return rc;
}

int main(int argc, char **argv)
{
	static struct worker *workers[WORKERS_MAX];
	uint64_t started_ns = clock_now_ns();
	uid_t starter = getuid();
	struct err e = ERR_NONE;
	struct ctl_params params;
	struct options o;
	struct ctl *ctl;
	int event_fd;

	/* EAL makes a directory in RUNTIME_DIRECTORY or XDG_RUNTIME_DIR, which systemd and login
	 * sessions set to places that do not exist in our empty root. */
	clearenv();
	options_parse(argc, argv, &o);
	log_init("saklar-vswitch", o.level);
	signal(SIGPIPE, SIG_IGN);
	if (sandbox_isolate(&o.id, &e) < 0)
		die(1, &e);
	stage_done("isolated", started_ns);
	if (eal_start(&o, &e) < 0)
		die(o.no_huge ? 1 : EXIT_NO_HUGEPAGES, &e);
	stage_done("eal", started_ns);
	if (guest_guard_install() < 0)
		die(1, &e);
	event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (event_fd < 0 || eal_confine(&e) < 0)
		die(1, &e);
	if (workers_start(&o, workers, event_fd, &e) < 0)
		die(o.no_huge ? 1 : EXIT_NO_HUGEPAGES, &e);
	stage_done("workers", started_ns);
	params = (struct ctl_params){
		.listen_fd = o.listen_fd,
		.event_fd = event_fd,
		.peer_uid = starter,
		.workers = workers,
		.n_workers = o.n_workers,
		.started_ns = started_ns,
		.is_huge = !o.no_huge,
	};
	ctl = ctl_create(&params, &e);
	if (!ctl || sandbox_confine_control(ctl_denied_counter()) < 0)
		die(1, &e);
	stage_done("confined", started_ns);
	LOG_INFO("event=ready pid=%d build=%s us=%llu", getpid(), SAKLAR_BUILD,
		(unsigned long long)((clock_now_ns() - started_ns) / NS_PER_US));
	/* _exit: EAL's clean-up has nothing to give back, and its thread may make no more calls */
	_exit(ctl_run(ctl) < 0 ? 1 : 0);
}
