/* SPDX-License-Identifier: Apache-2.0 */
/* dnsmasq.c - run one dnsmasq per network, adopt those of an earlier daemon.
 * From: reconcile_network.c.  To: spawn.c, dnsmasq_conf.c, the dnsmasq program.
 * Theory: it runs in the foreground of a session of its own, so that it outlives the daemon and its
 * death is seen by pidfd at once.  Its whole configuration is one file of ours; it is adopted when
 * the pid in the pidfile runs with that file, and restarted (some 10 ms; leases are in a file) when
 * the text changed.  Thread: the daemon's only one. */
#include "config/dnsmasq.h"

#include "config/actual.h"
#include "config/spawn.h"
#include "vswitch/base/clock.h"
#include "vswitch/base/log.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

LOG_MODULE("dnsmasq");

#define PATH_LEN 512
#define END_TIMEOUT_MS 2000
#define LONG_LIFE_NS (10 * NS_PER_SEC) /* after that a death is not counted with the earlier ones */

struct instance {
	struct dnsmasq_set *set;
	char name[SAKLAR_NAME_LEN]; /* "": unused */
	pid_t pid;
	int pidfd; /* -1: does not run */
	struct event *death;
	uint64_t started_ns;
	struct retry retry;
	char *conf; /* what it runs with */
	char why[256];
};

struct dnsmasq_set {
	struct event_base *base;
	char run_dir[PATH_LEN - 64], state_dir[PATH_LEN - 64];
	void (*on_change)(void *arg);
	void *arg;
	struct event *retry_timer;
	struct instance instance[NETWORK_ID_MAX];
};

struct instance_paths {
	char conf[PATH_LEN], pidfile[PATH_LEN], resolv[PATH_LEN], leases[PATH_LEN];
	char argument[PATH_LEN + 16];
};

static void make_paths(const struct dnsmasq_set *set, const char *name, struct instance_paths *out)
{
	snprintf(out->conf, PATH_LEN, "%s/dnsmasq-%s.conf", set->run_dir, name);
	snprintf(out->pidfile, PATH_LEN, "%s/dnsmasq-%s.pid", set->run_dir, name);
	snprintf(out->resolv, PATH_LEN, "%s/dnsmasq-%s.resolv", set->run_dir, name);
	snprintf(out->leases, PATH_LEN, "%s/leases/%s", set->state_dir, name);
	snprintf(out->argument, sizeof(out->argument), "--conf-file=%s", out->conf);
}

static char *read_text(const char *path)
{
	struct stat st;
	char *text = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && st.st_size < (1 << 20))
		text = calloc(1, (size_t)st.st_size + 1);
	if (text != NULL && read(fd, text, (size_t)st.st_size) != st.st_size) {
		free(text);
		text = NULL;
	}
	close(fd);
	return text;
}

/* Write @text to @path unless it stands there; whole or not at all. */
static int write_text(const char *path, const char *text, struct err *e)
{
	char next[PATH_LEN + 8];
	char *before = read_text(path);
	bool is_same = before != NULL && strcmp(before, text) == 0;
	size_t len = strlen(text);
	int rc = 0;

	free(before);
	if (is_same)
		return 0;
	snprintf(next, sizeof(next), "%s.new", path);
	int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_set(e, -errno, "", "%s: %s", next, strerror(errno));
	ssize_t n = write(fd, text, len);

	if (n != (ssize_t)len)
		rc = n < 0 ? -errno : -ENOSPC;
	close(fd);
	if (rc == 0 && rename(next, path) < 0)
		rc = -errno;
	if (rc == 0)
		return 0;
	unlink(next);
	return err_set(e, rc, "", "%s: %s", path, strerror(-rc));
}

static void forget(struct instance *in)
{
	if (in->death != NULL)
		event_free(in->death);
	in->death = NULL;
	if (in->pidfd >= 0)
		close(in->pidfd);
	in->pidfd = -1;
	in->pid = 0;
	free(in->conf);
	in->conf = NULL;
}

static void on_retry_timer(int, short, void *arg)
{
	struct dnsmasq_set *set = arg;

	set->on_change(set->arg);
}

static void retry_in_a_while(struct instance *in)
{
	retry_later(&in->retry);
	uint64_t now = clock_now_ns();
	uint64_t ms = in->retry.at_ns > now ? (in->retry.at_ns - now) / NS_PER_MS + 1 : 1;
	struct timeval tv = { .tv_sec = (time_t)(ms / 1000), .tv_usec = (ms % 1000) * 1000 };

	evtimer_add(in->set->retry_timer, &tv);
}

static void on_death(int fd, short, void *arg)
{
	struct instance *in = arg;
	siginfo_t si = { 0 };

	if (waitid(P_PIDFD, (id_t)fd, &si, WEXITED | WNOHANG) == 0 && si.si_code == CLD_EXITED)
		snprintf(in->why, sizeof(in->why),
			"dnsmasq ended with status %d; what it says is in "
			"the log",
			si.si_status);
	else
		snprintf(in->why, sizeof(in->why), "dnsmasq was killed");
	LOG_WARN("event=dnsmasq_died network=%s pid=%d reason=\"%s\"", in->name, (int)in->pid,
		in->why);
	if (clock_now_ns() - in->started_ns > LONG_LIFE_NS)
		retry_clear(&in->retry);
	forget(in);
	retry_in_a_while(in);
	in->set->on_change(in->set->arg);
}

static int watch(struct instance *in, pid_t pid)
{
	in->pidfd = pidfd_open(pid, 0);
	if (in->pidfd < 0)
		return -errno;
	in->pid = pid;
	in->started_ns = clock_now_ns();
	in->death = event_new(in->set->base, in->pidfd, EV_READ, on_death, in);
	return in->death != NULL && event_add(in->death, NULL) == 0 ? 0 : -ENOMEM;
}

static void end(struct instance *in)
{
	struct pollfd p = { .fd = in->pidfd, .events = POLLIN };

	if (in->pidfd < 0)
		return;
	pidfd_send_signal(in->pidfd, SIGTERM, NULL, 0);
	if (poll(&p, 1, END_TIMEOUT_MS) == 0)
		pidfd_send_signal(in->pidfd, SIGKILL, NULL, 0);
	poll(&p, 1, END_TIMEOUT_MS);
	waitid(P_PIDFD, (id_t)in->pidfd, &(siginfo_t){ 0 }, WEXITED | WNOHANG);
	forget(in);
}

/* Is there one of an earlier daemon's?  Its pid counts only together with our file's name. */
static void adopt(struct instance *in, const struct instance_paths *paths)
{
	pid_t pid = spawn_read_pidfile(paths->pidfile);

	if (pid == 0 || !spawn_has_argument(pid, paths->argument) || watch(in, pid) < 0)
		return;
	/* Asked again: the pidfd now pins it. */
	if (!spawn_has_argument(pid, paths->argument)) {
		forget(in);
		return;
	}
	in->conf = read_text(paths->conf);
	LOG_INFO("event=dnsmasq_adopted network=%s pid=%d", in->name, (int)pid);
}

static int start(
	struct instance *in, const struct instance_paths *paths, const char *conf, struct err *e)
{
	const char *argv[] = { "dnsmasq", "--keep-in-foreground", paths->argument, NULL };
	struct err own = ERR_NONE;
	pid_t pid = spawn_start(argv, -1, &own);
	int rc = pid < 0 ? (int)pid : watch(in, pid);

	if (rc == -ENOENT)
		return err_set(e, rc, "", "the dnsmasq program is missing: install dnsmasq-base");
	if (rc < 0)
		return err_set(e, rc, "", "%s", own.code != 0 ? own.msg : strerror(-rc));
	in->conf = strdup(conf);
	LOG_INFO("event=dnsmasq_started network=%s pid=%d", in->name, (int)pid);
	return 0;
}

static int ensure(
	struct instance *in, const struct instance_paths *paths, const char *conf, struct err *e)
{
	if (in->pidfd < 0)
		adopt(in, paths);
	if (in->pidfd >= 0 && in->conf != NULL && strcmp(in->conf, conf) == 0)
		return 0;
	end(in);
	if (!retry_is_due(&in->retry))
		return err_set(e, -EAGAIN, "", "%s; it is started again in a while", in->why);
	int rc = write_text(paths->conf, conf, e);

	if (rc == 0)
		rc = start(in, paths, conf, e);
	if (rc < 0) {
		snprintf(in->why, sizeof(in->why), "%s", e->msg);
		retry_in_a_while(in);
	}
	return rc;
}

/* dnsmasq puts up with any content, but not with what is no file. */
static int check_leases(const char *path, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) < 0 || S_ISREG(st.st_mode))
		return 0;
	return err_set(e, -EINVAL, "",
		"dnsmasq needs %s for its leases, which is no plain file: "
		"remove it",
		path);
}

int dnsmasq_run(struct dnsmasq_set *set, const struct model *m, const struct network_cfg *n,
	const char *ifname, struct err *e)
{
	struct instance *in = &set->instance[n->id];
	struct instance_paths paths;
	char leases_dir[PATH_LEN];
	int rc;

	in->set = set;
	snprintf(in->name, sizeof(in->name), "%s", n->name);
	make_paths(set, n->name, &paths);
	snprintf(leases_dir, sizeof(leases_dir), "%s/leases", set->state_dir);
	if (mkdir(leases_dir, 0755) < 0 && errno != EEXIST)
		return err_set(e, -errno, "", "%s: %s", leases_dir, strerror(errno));
	const struct dnsmasq_paths conf_paths = {
		.ifname = ifname,
		.pidfile = paths.pidfile,
		.leases = paths.leases,
		.resolv = paths.resolv,
		.user = getpwnam("dnsmasq") != NULL ? "dnsmasq" : "nobody",
	};
	char *conf = dnsmasq_print_conf(n, &conf_paths);
	char *resolv = dnsmasq_print_resolv(m, "/etc/resolv.conf");

	if (conf == NULL || resolv == NULL)
		rc = err_set(e, -ENOMEM, "", "out of memory");
	else
		rc = check_leases(paths.leases, e);
	if (rc == 0)
		rc = write_text(paths.resolv, resolv, e);
	if (rc == 0)
		rc = ensure(in, &paths, conf, e);
	free(conf);
	free(resolv);
	return rc;
}

void dnsmasq_stop(struct dnsmasq_set *set, uint16_t network_id)
{
	struct instance *in = &set->instance[network_id];
	struct instance_paths paths;

	if (in->name[0] == '\0')
		return;
	LOG_INFO("event=dnsmasq_stopped network=%s", in->name);
	end(in);
	make_paths(set, in->name, &paths);
	unlink(paths.conf);
	unlink(paths.pidfile);
	unlink(paths.resolv);
	retry_clear(&in->retry);
	in->name[0] = '\0';
}

int dnsmasq_pid(const struct dnsmasq_set *set, uint16_t network_id)
{
	return (int)set->instance[network_id].pid;
}

void dnsmasq_set_destroy(struct dnsmasq_set *set, bool stop)
{
	if (set == NULL)
		return;
	for (unsigned id = 0; id < NETWORK_ID_MAX; id++) {
		if (stop)
			dnsmasq_stop(set, (uint16_t)id);
		forget(&set->instance[id]);
	}
	if (set->retry_timer != NULL)
		event_free(set->retry_timer);
	free(set);
}

struct dnsmasq_set *dnsmasq_set_create(struct event_base *base, const char *run_dir,
	const char *state_dir, void (*on_change)(void *arg), void *arg)
{
	struct dnsmasq_set *set = calloc(1, sizeof(*set));

	if (set == NULL)
		return NULL;
	set->base = base;
	set->on_change = on_change;
	set->arg = arg;
	snprintf(set->run_dir, sizeof(set->run_dir), "%s", run_dir);
	snprintf(set->state_dir, sizeof(set->state_dir), "%s", state_dir);
	for (unsigned id = 0; id < NETWORK_ID_MAX; id++)
		set->instance[id].pidfd = -1;
	set->retry_timer = evtimer_new(base, on_retry_timer, set);
	if (set->retry_timer == NULL) {
		free(set);
		return NULL;
	}
	return set;
}
