/* SPDX-License-Identifier: Apache-2.0 */
/* spawn.c - fork and exec without inheriting anything.
 * From: engine_link.c, dnsmasq.c, nft.c.  To: the kernel.
 * Theory: an error of exec comes back through a close-on-exec pipe, so that "not installed" is known
 * at once.  Thread: the daemon's only one. */
#include "config/spawn.h"

#include "vswitch/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child: only async-signal-safe calls.  0, 1, 2 and 3 are set, all others closed. */
_Noreturn static void child_exec(const char *const argv[], const int fds[4], int error_pipe)
{
	sigset_t none;
	int up[5];

	/* The fds first: among them are the daemon's locks.  Out of the way of 0..4, since dup2() must
	 * not overwrite a source. */
	for (int i = 0; i < 4; i++)
		up[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, 16);
	up[4] = fcntl(error_pipe, F_DUPFD_CLOEXEC, 16);
	for (int i = 0; i < 4; i++)
		if (up[i] >= 0)
			dup2(up[i], i);
	dup2(up[4], 4);
	fcntl(4, F_SETFD, FD_CLOEXEC);
	if (fds[3] < 0)
		close(3);
	close_range(5, ~0u, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	setsid();
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	int error = errno;

	if (write(4, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

/* Read the errno of a failed exec; 0 when exec closed the pipe. */
static int exec_error(int fd)
{
	int error = 0;
	ssize_t n;

	do {
		n = read(fd, &error, sizeof(error));
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(error) ? -error : 0;
}

static pid_t start(const char *const argv[], const int fds[4], struct err *e)
{
	int error_pipe[2];
	int rc = 0;

	if (pipe2(error_pipe, O_CLOEXEC) < 0)
		return err_set(e, -errno, "", "pipe: %s", strerror(errno));
	pid_t pid = fork();

	if (pid == 0)
		child_exec(argv, fds, error_pipe[1]);
	if (pid < 0)
		rc = -errno;
	close(error_pipe[1]);
	if (pid > 0) {
		rc = exec_error(error_pipe[0]);
		if (rc < 0)
			waitpid(pid, NULL, 0);
	}
	close(error_pipe[0]);
	if (rc < 0)
		return err_set(e, rc, "", "cannot start %s: %s", argv[0], strerror(-rc));
	return pid;
}

pid_t spawn_start(const char *const argv[], int fd3, struct err *e)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return err_set(e, -errno, "", "/dev/null: %s", strerror(errno));
	pid_t pid = start(argv, (const int[4]){ null, STDOUT_FILENO, STDERR_FILENO, fd3 }, e);

	close(null);
	return pid;
}

struct feeding {
	const char *input;
	size_t left;
	char *output;
	size_t size, len;
};

/* One turn of writing input and reading output; false when the output has ended. */
static bool feed(struct feeding *f, int *to, int from, int timeout_ms)
{
	struct pollfd p[2] = { { .fd = from, .events = POLLIN }, { .fd = *to, .events = POLLOUT } };

	if (poll(p, 2, timeout_ms) < 0)
		return errno == EINTR;
	if (p[1].revents != 0) {
		ssize_t n = write(*to, f->input, f->left);

		if (n > 0) {
			f->input += n;
			f->left -= (size_t)n;
		}
		if (f->left == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			close(*to);
			*to = -1;
		}
	}
	if (p[0].revents != 0) {
		char chunk[1024];
		ssize_t n = read(from, chunk, sizeof(chunk));

		if (n == 0 || (n < 0 && errno != EINTR))
			return false;
		size_t room = f->size - 1 - f->len;
		size_t take = n > 0 ? MIN(room, (size_t)n) : 0;

		memcpy(f->output + f->len, chunk, take);
		f->len += take;
	}
	return true;
}

static int wait_exit(pid_t pid, const char *program, bool was_killed, struct err *e)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_set(e, -errno, "", "%s: %s", program, strerror(errno));
	if (was_killed)
		return err_set(e, -ETIMEDOUT, "", "%s did not end and was killed", program);
	if (!WIFEXITED(status))
		return err_set(e, -EIO, "", "%s died of a signal", program);
	return WEXITSTATUS(status);
}

int spawn_run(const char *const argv[], const char *input, char *output, size_t size,
	int timeout_ms, struct err *e)
{
	int in[2], out[2];
	struct feeding f
		= { .input = input, .left = strlen(input), .output = output, .size = size };

	if (pipe2(in, O_CLOEXEC) < 0)
		return err_set(e, -errno, "", "pipe: %s", strerror(errno));
	if (pipe2(out, O_CLOEXEC) < 0) {
		int rc = err_set(e, -errno, "", "pipe: %s", strerror(errno));

		close(in[0]);
		close(in[1]);
		return rc;
	}
	/* Not to be mistaken for an error of exec: the pipe to stdin may break. */
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;

	sigaction(SIGPIPE, &ignore, &before);
	pid_t pid = start(argv, (const int[4]){ in[0], out[1], out[1], -1 }, e);

	close(in[0]);
	close(out[1]);
	int rc = pid < 0 ? (int)pid : 0;

	if (pid > 0) {
		uint64_t deadline = clock_now_ns() + (uint64_t)timeout_ms * NS_PER_MS;
		bool was_killed = false;

		fcntl(in[1], F_SETFL, O_NONBLOCK);
		while (feed(&f, &in[1], out[0], 100)) {
			if (clock_now_ns() >= deadline) {
				kill(pid, SIGKILL);
				was_killed = true;
				break;
			}
		}
		rc = wait_exit(pid, argv[0], was_killed, e);
	}
	if (in[1] >= 0)
		close(in[1]);
	close(out[0]);
	sigaction(SIGPIPE, &before, NULL);
	output[f.len] = '\0';
	return rc;
}

bool spawn_has_argument(pid_t pid, const char *word)
{
	char path[64], text[4096];
	bool has = false;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	for (const char *at = text; at < text + n; at += strlen(at) + 1)
		has = has || strcmp(at, word) == 0;
	return has;
}

pid_t spawn_read_pidfile(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	if (n <= 0)
		return 0;
	long pid = strtol(text, NULL, 10);

	return pid > 1 && pid < INT32_MAX ? (pid_t)pid : 0;
}
