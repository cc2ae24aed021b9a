/* SPDX-License-Identifier: Apache-2.0 */
/* background.c - become a daemon, and tell the one who started us when we serve.
 *
 * From: saklard.c, when there is no --foreground.  To: the kernel.
 * Theory: the parent stays until the child serves or fails, so that its exit code means something
 * and the next command of a script finds the sockets.  Until then errors go to the caller's stderr.
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

int background_enter(struct err *e)
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
	return pipe_fd[1];
}

void background_ready(int fd, const char *run_dir)
{
	char path[4096];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int log;

	snprintf(path, sizeof(path), "%s/saklard.log", run_dir);
	log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (null >= 0) {
		(void)dup2(null, 0);
		(void)dup2(null, 1);
		(void)dup2(log >= 0 ? log : null, 2);
		close(null);
	}
	if (log >= 0)
		close(log);
	(void)!write(fd, "1", 1);
	close(fd);
}
