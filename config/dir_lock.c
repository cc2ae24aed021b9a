/* SPDX-License-Identifier: Apache-2.0 */
/* dir_lock.c - one daemon a directory, by flock(2) on DIR/lock.
 *
 * From: daemon.c, saklard's --stop.  To: the file system.
 * Theory: the kernel gives a lock back when its holder dies, so there are no stale locks.  The file
 * holds two lines: the pid, for the error message of a second daemon, and a note.  To die may take
 * a moment after kill -9: a process loses its memory before its files, a child that it was about to
 * start holds them until its exec, and saklard --stop takes the lock for a moment to see that it is
 * free.  So a second daemon is refused only when the lock stays taken for GRACE_MS.
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

#define NOTE_MAX 4096

#define GRACE_MS 1000
#define LOOK_MS 10

/* 0, -EWOULDBLOCK when another process keeps the lock for @timeout_ms, or -errno. */
static int lock_within(int fd, unsigned timeout_ms)
{
	uint64_t until = clock_now_ns() + timeout_ms * NS_PER_MS;

	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (clock_now_ns() >= until)
			return -EWOULDBLOCK;
		(void)poll(NULL, 0, LOOK_MS);
	}
	return 0;
}

bool dir_lock_note(const char *dir, char *out, size_t size)
{
	char path[4096], text[NOTE_MAX + 24];
	char *begin, *end;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/lock", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	begin = strchr(text, '\n');
	end = begin ? strchr(begin + 1, '\n') : NULL;
	if (!end || end == begin + 1 || (size_t)(end - begin) > size)
		return false;
	*end = '\0';
	memcpy(out, begin + 1, (size_t)(end - begin));
	return true;
}

static int held_by_other(int fd, const char *dir, const char *option, struct err *e)
{
	char text[24] = "", note[NOTE_MAX];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	long pid = n > 0 ? strtol(text, NULL, 10) : 0;
	bool is_run_dir = strcmp(option, "--run-dir") == 0;

	/* in a state directory the note is the run directory of the one that holds it */
	if (is_run_dir || !dir_lock_note(dir, note, sizeof(note)))
		snprintf(note, sizeof(note), "%s", is_run_dir ? dir : "DIR");
	return err_set(e, -EBUSY, option,
		"another saklard (pid %ld) uses %s: choose another directory with %s, or "
		"stop it with 'saklard --stop --run-dir %s'",
		pid, dir, option, note);
}

/* Make the two lines the content of @fd.  0 or -errno. */
static int write_lines(int fd, const char *note)
{
	char text[NOTE_MAX + 24];
	int len = snprintf(text, sizeof(text), "%d\n%.*s\n", (int)getpid(), NOTE_MAX - 1, note);
	ssize_t n;

	if (ftruncate(fd, 0) != 0)
		return -errno;
	n = pwrite(fd, text, (size_t)len, 0);
	if (n < 0)
		return -errno;
	return n == len ? 0 : -ENOSPC;
}

/* What others could put into our directories we would follow: sockets, pids, a database. */
static int check_dir(const char *dir, const char *option, struct err *e)
{
	struct stat st;

	if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
		return err_set(e, -ENOTDIR, option, "%s is not a directory: choose another with %s",
			dir, option);
	/* in a sticky one, such as a fresh tmpfs, the kernel keeps others from what is ours */
	if ((st.st_uid == 0 || st.st_uid == geteuid())
		&& ((st.st_mode & S_IWOTH) == 0 || (st.st_mode & S_ISVTX) != 0))
		return 0;
	return err_set(e, -EPERM, option,
		"%s can be written by others (owner uid %u, mode %04o): use 'chown root' and "
		"'chmod "
		"o-w', or choose another directory with %s",
		dir, st.st_uid, st.st_mode & 07777, option);
}

int dir_lock(const char *dir, const char *option, const char *note, struct err *e)
{
	char path[4096];
	int fd, rc;

	if (mkdir(dir, 0755) != 0 && errno != EEXIST)
		return err_set(e, -errno, option, "cannot make %s: %s; %schoose another with %s",
			dir, strerror(errno),
			errno == ENOENT ? "make its parent directory, or " : "", option);
	rc = check_dir(dir, option, e);
	if (rc != 0)
		return rc;
	snprintf(path, sizeof(path), "%s/lock", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(e, -errno, option,
			"cannot write to %s: %s; %s, or choose another with %s", dir,
			strerror(errno),
			errno == ELOOP ? "its file lock is a symbolic link: remove it"
				       : "make it writable for saklard",
			option);
	rc = lock_within(fd, GRACE_MS);
	if (rc != 0) {
		rc = rc == -EWOULDBLOCK
			? held_by_other(fd, dir, option, e)
			: err_set(e, rc, option, "cannot lock %s: %s", path, strerror(-rc));
		close(fd);
		return rc;
	}
	rc = write_lines(fd, note);
	if (rc == 0)
		return fd;
	close(fd);
	return err_set(e, rc, option,
		"cannot write to %s: %s; free some space or choose another with %s", path,
		strerror(-rc), option);
}

int dir_lock_wait(const char *dir, unsigned timeout_ms)
{
	char path[4096];
	int fd, rc;

	snprintf(path, sizeof(path), "%s/lock", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	rc = lock_within(fd, timeout_ms);
	close(fd);
	return rc == -EWOULDBLOCK ? -ETIMEDOUT : rc;
}
