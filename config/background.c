/* SPDX-License-Identifier: Apache-2.0 */
/* background.c - become a daemon, and tell the one who started us when we serve.
 *
 * From: saklard.c, when there is no --foreground.  To: the kernel.
 * Theory: the parent stays until the child serves or fails, so that its exit code means something
 * and the next command of a script finds the sockets.  What the daemon has to say when it refuses
 * goes to the caller's stderr, everything else to the log.
 * Thread: one. */
#include "config/background.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void background_close_fds(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", O_RDWR); /* takes the lowest free number */
	(void)close_range(3, ~0u, 0);
}

/* The parent: wait for the byte, and leave with what it means. */
static _Noreturn void wait_for_child(int fd, pid_t child)
{
	char byte;
	ssize_t n;
	int status = 1;

	do
		n = read(fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		_exit(0);
	if (waitpid(child, &status, 0) == child && WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	_exit(1);
}

/* Where we report to; -1: in the foreground. */
static int ready_fd = -1, caller_stderr = -1;

static void redirect(const char *run_dir)
{
	char path[4096];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int log;

	(void)mkdir(run_dir, 0755); /* whether that works is said when it is locked */
	snprintf(path, sizeof(path), "%s/saklard.log", run_dir);
	log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	caller_stderr = fcntl(2, F_DUPFD_CLOEXEC, 3);
	if (null >= 0) {
		(void)dup2(null, 0);
		(void)dup2(null, 1);
		(void)dup2(log >= 0 ? log : null, 2);
		close(null);
	}
	if (log >= 0)
		close(log);
}

int background_enter(const char *run_dir, struct err *e)
{
	int pipe_fd[2];
	pid_t child;

	if (pipe2(pipe_fd, O_CLOEXEC) != 0)
		return err_set(e, -errno, "", "pipe: %s", strerror(errno));
	child = fork();
	if (child < 0) {
		int rc = err_set(e, -errno, "", "fork: %s", strerror(errno));

		close(pipe_fd[0]);
		close(pipe_fd[1]);
		return rc;
	}
	if (child > 0) {
		close(pipe_fd[1]);
		wait_for_child(pipe_fd[0], child);
	}
	close(pipe_fd[0]);
	(void)setsid();
	(void)!chdir("/");
	redirect(run_dir);
	ready_fd = pipe_fd[1];
	return 0;
}

void background_ready(void)
{
	if (ready_fd >= 0) {
		(void)!write(ready_fd, "1", 1);
		close(ready_fd);
	}
	if (caller_stderr >= 0)
		close(caller_stderr);
	ready_fd = caller_stderr = -1;
}

void background_failed(void)
{
	if (caller_stderr >= 0)
		(void)dup2(caller_stderr, 2);
}
