/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_socket.c - sockets of vhost-user vifs in the file system.
 * From: reconcile_vhost.c.  To: the kernel.
 * Theory: what is at the path may be anybody's.  A socket that refuses connections is left over and is
 * replaced; everything else is in use or not a socket, and stays.  Owner and mode are set on what
 * O_PATH has found to be a socket, so that a link that somebody puts there leads nowhere.
 * Thread: the daemon's only one. */
#include "config/vhost_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define WAITING_MAX 8 /* VMMs that connect at once */

static int address_of(const char *path, struct sockaddr_un *out, struct err *e)
{
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(out->sun_path))
		return err_set(e, -ENAMETOOLONG, "vif.socket",
			"the path of its socket has %zu characters, and %zu are possible: name a "
			"shorter one with --socket",
			strlen(path), sizeof(out->sun_path) - 1);
	snprintf(out->sun_path, sizeof(out->sun_path), "%s", path);
	return 0;
}

static int socket_open(struct err *e)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 ? fd : err_set(e, -errno, "vif.socket", "socket: %s", strerror(errno));
}

int vhost_socket_connect(const char *path, struct err *e)
{
	struct sockaddr_un addr;
	int rc = address_of(path, &addr, e);
	int fd = rc == 0 ? socket_open(e) : rc;

	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	rc = -errno;
	close(fd);
	switch (rc) {
	case -ENOENT:
		return err_set(
			e, rc, "vif.socket", "there is no %s: start the VMM, which makes it", path);
	case -ECONNREFUSED:
		return err_set(e, rc, "vif.socket",
			"no program listens at %s: start the VMM, which does", path);
	case -EAGAIN:
		return err_set(e, rc, "vif.socket",
			"the VMM at %s has more who wait for it than it takes", path);
	case -EACCES:
		return err_set(e, rc, "vif.socket",
			"no permission for %s: make it and its directories accessible", path);
	case -EPROTOTYPE:
		return err_set(e, rc, "vif.socket",
			"the socket at %s is of another kind than a VMM's: name the VMM's", path);
	default:
		return err_set(
			e, rc, "vif.socket", "cannot connect to %s: %s", path, strerror(-rc));
	}
}

/* Free the path, if what is there is a socket that nobody serves. */
static int make_room(const char *path, struct err *e)
{
	struct err none = ERR_NONE;
	struct stat st;
	int fd;

	if (lstat(path, &st) < 0)
		return 0; /* bind(2) says what is wrong with it */
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, -EEXIST, "vif.socket",
			"%s exists and is no socket: remove it, or name another path with "
			"--socket",
			path);
	fd = vhost_socket_connect(path, &none);
	if (fd >= 0)
		close(fd);
	if (fd != -ECONNREFUSED)
		return err_set(e, -EADDRINUSE, "vif.socket",
			"a program listens at %s already: stop it, name another path with "
			"--socket, or, if it is the VMM, make the vif a --client",
			path);
	(void)unlink(path); /* if it stays, bind(2) says so */
	return 0;
}

static int dir_make(const char *path, struct err *e)
{
	char copy[4096];

	snprintf(copy, sizeof(copy), "%s", path);
	if (mkdir(dirname(copy), 0755) == 0 || errno == EEXIST)
		return 0;
	return err_set(e, -errno, "vif.socket",
		"the directory of %s was not there and was not made: %s", path, strerror(errno));
}

static int bind_error(const char *path, int rc, struct err *e)
{
	switch (rc) {
	case -ENOENT:
	case -ENOTDIR:
		return err_set(e, rc, "vif.socket",
			"the directory of %s does not exist: make it, or name another path with "
			"--socket",
			path);
	case -EROFS:
		return err_set(e, rc, "vif.socket",
			"the directory of %s is read-only: name another path with --socket, or, "
			"under systemd, "
			"add the directory to ReadWritePaths= of saklard.service",
			path);
	case -EACCES:
	case -EPERM:
		return err_set(e, rc, "vif.socket",
			"no permission to make %s: name another path with --socket", path);
	default:
		return err_set(
			e, rc, "vif.socket", "the socket %s was not made: %s", path, strerror(-rc));
	}
}

/* Owner and mode of the socket at the path. */
static int dress(const struct vhost_socket_spec *spec, struct stat *st, struct err *e)
{
	uid_t uid = spec->has_owner ? spec->uid : (uid_t)-1;
	gid_t gid = spec->has_group ? spec->gid : (gid_t)-1;
	int fd = open(spec->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char self[64];
	int rc = 0;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	errno = EAGAIN; /* somebody took it away */
	if (fd < 0 || fstat(fd, st) < 0 || !S_ISSOCK(st->st_mode) || chmod(self, spec->mode) < 0
		|| ((spec->has_owner || spec->has_group)
			&& fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0))
		rc = err_set(e, -errno, "vif.socket", "cannot set owner, group and mode of %s: %s",
			spec->path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}

int vhost_socket_listen(
	const struct vhost_socket_spec *spec, uint64_t *dev, uint64_t *ino, struct err *e)
{
	struct sockaddr_un addr;
	struct stat st = { 0 };
	mode_t mask;
	int rc = address_of(spec->path, &addr, e);
	int fd = -1;

	if (rc == 0 && spec->makes_dir)
		rc = dir_make(spec->path, e);
	if (rc == 0)
		rc = make_room(spec->path, e);
	if (rc == 0)
		rc = fd = socket_open(e);
	if (rc < 0)
		return rc;
	mask = umask(0777); /* nobody's until dress() */
	rc = bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
	umask(mask);
	if (rc < 0) {
		close(fd);
		return bind_error(spec->path, rc, e);
	}
	rc = dress(spec, &st, e);
	if (rc == 0 && listen(fd, WAITING_MAX) < 0)
		rc = err_set(e, -errno, "vif.socket", "listen: %s", strerror(errno));
	if (rc < 0) {
		close(fd);
		unlink(spec->path);
		return rc;
	}
	*dev = (uint64_t)st.st_dev;
	*ino = (uint64_t)st.st_ino;
	return fd;
}

bool vhost_socket_is_there(const char *path, uint64_t dev, uint64_t ino)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)
		&& (ino == 0 || ((uint64_t)st.st_dev == dev && (uint64_t)st.st_ino == ino));
}

void vhost_socket_remove(const char *path, uint64_t dev, uint64_t ino)
{
	if (vhost_socket_is_there(path, dev, ino))
		unlink(path);
}
