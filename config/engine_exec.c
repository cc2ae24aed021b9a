/* SPDX-License-Identifier: Apache-2.0 */
/* engine_exec.c - start saklar-vswitch so that it outlives this daemon.
 * From: engine_link.c.  To: spawn.c, the kernel.
 * Theory: the daemon binds the listening socket and the engine inherits it as fd 3: the engine needs
 * no file system, and whoever knows the run dir finds it.  The pidfile is for people and for an
 * engine that no longer answers.  Thread: the daemon's only one. */
#include "config/engine_exec.h"

#include "config/spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int socket_address(const char *run_dir, struct sockaddr_un *addr)
{
	int n;

	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	n = snprintf(addr->sun_path, sizeof(addr->sun_path), "%s/engine.sock", run_dir);
	return n > 0 && (size_t)n < sizeof(addr->sun_path) ? 0 : -ENAMETOOLONG;
}

int engine_exec_connect(const char *run_dir)
{
	/* For sends and the connect: a stopped engine's queues fill up. */
	struct timeval patience = { .tv_sec = 2 };
	struct sockaddr_un addr;
	int one = 1;
	int rc = socket_address(run_dir, &addr);

	if (rc < 0)
		return rc;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	/* The listener was made by a daemon, so SO_PEERCRED would name that one: each message
	 * brings its sender's credentials instead, filled in by the kernel. */
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)) < 0
		|| setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0
		|| connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static int listen_at(const char *run_dir, struct err *e)
{
	struct sockaddr_un addr;
	int rc = socket_address(run_dir, &addr);

	if (rc < 0)
		return err_set(
			e, rc, "", "the run dir's path is too long for a socket: %s", run_dir);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_set(e, -errno, "", "socket: %s", strerror(errno));
	unlink(addr.sun_path);
	mode_t mask = umask(0177);

	rc = bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
	umask(mask);
	if (rc == 0 && listen(fd, 4) < 0)
		rc = -errno;
	if (rc < 0) {
		close(fd);
		return err_set(e, rc, "", "%s: %s", addr.sun_path, strerror(-rc));
	}
	return fd;
}

/* Without free hugepages the EAL would die: look before.  They may still run short, which the
 * engine tells with its exit status. */
static bool has_free_hugepages(void)
{
	const char *root = "/sys/kernel/mm/hugepages";
	DIR *dir = opendir(root);
	bool has = false;

	if (dir == NULL)
		return false;
	for (struct dirent *d = readdir(dir); d != NULL; d = readdir(dir)) {
		char path[512], text[32] = "";

		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/free_hugepages", root, d->d_name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			continue;
		if (read(fd, text, sizeof(text) - 1) > 0 && strtoull(text, NULL, 10) > 0)
			has = true;
		close(fd);
	}
	closedir(dir);
	return has;
}

static int resolve_user(const char *name, uid_t *uid, gid_t *gid, struct err *e)
{
	const struct passwd *pw = NULL;

	if (name != NULL) {
		char *end;
		unsigned long number = strtoul(name, &end, 10);

		pw = *end == '\0' ? getpwuid((uid_t)number) : getpwnam(name);
	} else {
		pw = getpwnam("saklar");
		if (pw == NULL)
			pw = getpwnam("nobody");
	}
	if (pw == NULL)
		return err_set(e, -ENOENT, "",
			"no user '%s' for the engine; create it, or name another "
			"with --engine-user",
			name != NULL ? name : "nobody");
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	return 0;
}

static void write_pidfile(const char *run_dir, pid_t pid)
{
	char path[512], text[16];
	int n = snprintf(text, sizeof(text), "%d\n", (int)pid);

	snprintf(path, sizeof(path), "%s/engine.pid", run_dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return;
	if (write(fd, text, (size_t)n) != n)
		unlink(path);
	close(fd);
}

pid_t engine_exec_find_pid(const char *run_dir)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/engine.pid", run_dir);
	pid_t pid = spawn_read_pidfile(path);

	return pid > 0 && spawn_has_argument(pid, "--listen-fd") ? pid : 0;
}

void engine_exec_forget(const char *run_dir)
{
	static const char *const names[] = { "engine.pid", "engine.sock" };
	char path[512];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", run_dir, names[i]);
		unlink(path);
	}
}

bool engine_exec_describe_death(
	int pidfd, const struct daemon_paths *paths, bool *no_huge, char *text, size_t size)
{
	siginfo_t si = { 0 };

	if (waitid(P_PIDFD, (id_t)pidfd, &si, WEXITED | WNOHANG) < 0 || si.si_pid == 0) {
		snprintf(text, size, "the engine died");
		return false;
	}
	if (si.si_code != CLD_EXITED) {
		snprintf(text, size, "the engine was killed by signal %d (%s)", si.si_status,
			strsignal(si.si_status));
		return false;
	}
	if (si.si_status != ENGINE_EXIT_NO_HUGEPAGES) {
		snprintf(text, size,
			"the engine ended with status %d; its last words are in the log",
			si.si_status);
	} else if (strcmp(paths->hugepages, "auto") == 0) {
		snprintf(text, size, "hugepages ran short; starting without them");
		*no_huge = true;
	} else {
		snprintf(text, size,
			"hugepages ran short; reserve some (sysctl vm.nr_hugepages=64), or start "
			"saklard with --hugepages auto");
	}
	return true;
}

pid_t engine_exec(const struct daemon_paths *paths, bool no_huge, struct err *e)
{
	const char *argv[16];
	char uid_text[16], gid_text[16];
	unsigned n = 0;
	uid_t uid;
	gid_t gid;

	argv[n++] = paths->engine;
	argv[n++] = "--listen-fd";
	argv[n++] = "3";
	if (strcmp(paths->hugepages, "off") == 0 || no_huge
		|| (strcmp(paths->hugepages, "auto") == 0 && !has_free_hugepages()))
		argv[n++] = "--no-huge";
	if (paths->polls)
		argv[n++] = "--poll";
	if (paths->workers != NULL) {
		argv[n++] = "--workers";
		argv[n++] = paths->workers;
	}
	if (geteuid() == 0) {
		int rc = resolve_user(paths->engine_user, &uid, &gid, e);

		if (rc < 0)
			return rc;
		snprintf(uid_text, sizeof(uid_text), "%u", uid);
		snprintf(gid_text, sizeof(gid_text), "%u", gid);
		argv[n++] = "--uid";
		argv[n++] = uid_text;
		argv[n++] = "--gid";
		argv[n++] = gid_text;
	}
	argv[n] = NULL;
	int fd = listen_at(paths->run_dir, e);

	if (fd < 0)
		return fd;
	pid_t pid = spawn_start(argv, fd, e);

	close(fd);
	if (pid > 0)
		write_pidfile(paths->run_dir, pid);
	return pid;
}
