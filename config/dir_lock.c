/* SPDX-License-Identifier: Apache-2.0 */
/* dir_lock.c - one daemon a directory, by flock(2) on DIR/lock.
 *
 * From: daemon.c, saklard's --stop.  To: the file system.
 * Theory: the kernel gives a lock back when its holder dies, so there are no stale locks; the pid
 * in the file is only for the error message of a second daemon.
 * Thread: the daemon has one. */
#include "config/dir_lock.h"

#include "vswitch/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int held_by_other(int fd, const char *dir, const char *option, struct err *e)
{
	char text[24] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	long pid = n > 0 ? strtol(text, NULL, 10) : 0;

	return err_set(e, -EBUSY, option,
		"another saklard (pid %ld) uses %s: stop it with 'saklard --stop', or choose "
		"another "
		"directory with %s",
		pid, dir, option);
}

int dir_lock(const char *dir, const char *option, struct err *e)
{
	char path[4096], pid[24];
	struct stat st;
	int fd, n;

	if (mkdir(dir, 0755) != 0 && errno != EEXIST)
		return err_set(e, -errno, option, "cannot make %s: %s; choose another with %s", dir,
			strerror(errno), option);
	if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
		return err_set(e, -ENOTDIR, option, "%s is not a directory: choose another with %s",
			dir, option);
	snprintf(path, sizeof(path), "%s/lock", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(e, -errno, option,
			"cannot write to %s: %s; make it writable for saklard, or choose another "
			"with "
			"%s",
			dir, strerror(errno), option);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		int rc = errno == EWOULDBLOCK
			? held_by_other(fd, dir, option, e)
			: err_set(e, -errno, option, "cannot lock %s: %s", path, strerror(errno));

		close(fd);
		return rc;
	}
	n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)n, 0) != n) {
		int rc = err_set(e, errno ? -errno : -EIO, option,
			"cannot write to %s: %s; free some space or choose another with %s", path,
			strerror(errno), option);

		close(fd);
		return rc;
	}
	return fd;
}

int dir_lock_wait(const char *dir, unsigned timeout_ms)
{
	uint64_t until = clock_now_ns() + timeout_ms * NS_PER_MS;
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/lock", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (clock_now_ns() > until) {
			close(fd);
			return -ETIMEDOUT;
		}
		(void)poll(NULL, 0, 20);
	}
	close(fd);
	return 0;
}
