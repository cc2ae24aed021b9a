/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_socket_test.c - what may be at the path of a vhost-user socket, and what is said of it. */
#include "config/vhost_keep.h"
#include "config/vhost_socket.h"
#include "tests/lib/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
	char dir[64];
	char path[80];
	struct vhost_socket_spec spec;
	uint64_t dev, ino;
};

static void place_open(struct place *p)
{
	snprintf(p->dir, sizeof(p->dir), "/tmp/saklar-socket-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/a.sock", p->dir);
	p->spec = (struct vhost_socket_spec){ .path = p->path, .mode = 0640 };
}

static void place_close(struct place *p)
{
	unlink(p->path);
	assert_int_equal(rmdir(p->dir), 0);
}

static int listening(struct place *p)
{
	struct err e = ERR_NONE;
	int fd = vhost_socket_listen(&p->spec, &p->dev, &p->ino, &e);

	if (fd < 0)
		fail_msg("%s", e.msg);
	return fd;
}

static void refused(struct place *p, int rc, const char *words)
{
	struct err e = ERR_NONE;

	assert_int_equal(vhost_socket_listen(&p->spec, &p->dev, &p->ino, &e), rc);
	assert_non_null(strstr(e.msg, words));
}

static void a_socket_has_its_mode_and_is_reached(void **)
{
	struct err e = ERR_NONE;
	struct place p;
	struct stat st;
	int fd, conn;

	place_open(&p);
	fd = listening(&p);
	assert_int_equal(stat(p.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_true(vhost_socket_is_there(p.path, p.dev, p.ino));
	conn = vhost_socket_connect(p.path, &e);
	assert_true(conn >= 0);
	close(conn);
	close(fd);
	vhost_socket_remove(p.path, p.dev, p.ino + 1); /* another's */
	assert_true(vhost_socket_is_there(p.path, 0, 0));
	vhost_socket_remove(p.path, p.dev, p.ino);
	assert_false(vhost_socket_is_there(p.path, 0, 0));
	place_close(&p);
}

static void a_stale_socket_is_replaced(void **)
{
	struct place p;
	uint64_t before;

	place_open(&p);
	close(listening(&p));
	before = p.ino;
	close(listening(&p));
	assert_true(before != 0 && p.ino != 0);
	place_close(&p);
}

static void a_socket_in_use_stays_anothers(void **)
{
	struct place p;
	int fd;

	place_open(&p);
	fd = listening(&p);
	refused(&p, -EADDRINUSE, "a program listens at ");
	refused(&p, -EADDRINUSE, " already: stop it, name another path with");
	assert_true(vhost_socket_is_there(p.path, 0, 0));
	close(fd);
	place_close(&p);
}

static void a_file_or_a_link_is_not_touched(void **)
{
	struct place p;

	place_open(&p);
	close(open(p.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	refused(&p, -EEXIST, " exists and is no socket: remove it, or name");
	assert_int_equal(unlink(p.path), 0);
	assert_int_equal(symlink("/dev/null", p.path), 0);
	refused(&p, -EEXIST, "exists and is no socket");
	place_close(&p);
}

static void a_path_that_cannot_be_says_why(void **)
{
	char long_path[120] = "/tmp/";
	struct err e = ERR_NONE;
	struct place p;

	place_open(&p);
	memset(long_path + 5, 'x', 110);
	p.spec.path = long_path;
	refused(&p, -ENAMETOOLONG,
		"the path of its socket has 115 characters, and 107 are possible");
	p.spec.path = "/nowhere-at-all/a.sock";
	refused(&p, -ENOENT, " does not exist: make it, or name another path");
	p.spec.path = "/dev/null/a.sock";
	refused(&p, -ENOTDIR, "the directory of ");
	p.spec.makes_dir = true;
	p.spec.path = "/nowhere/at/all/a.sock";
	refused(&p, -ENOENT, " was not there and was not made: ");
	p.spec.path = "/proc/self/a.sock"; /* nothing can be made there */
	p.spec.makes_dir = false;
	assert_true(vhost_socket_listen(&p.spec, &p.dev, &p.ino, &e) < 0);
	place_close(&p);
}

/* As somebody who may not: root may everything. */
static void no_permission_says_so(void **)
{
	struct place p;
	int status = -1;

	place_open(&p);
	assert_int_equal(chmod(p.dir, 0500), 0);
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct err e = ERR_NONE;

		if (geteuid() == 0 && setuid(65534) < 0)
			_exit(2);
		_exit(vhost_socket_listen(&p.spec, &p.dev, &p.ino, &e) == -EACCES
					&& strstr(e.msg, "no permission to make ")
				? 0
				: 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(chmod(p.dir, 0700), 0);
	place_close(&p);
}

static void not_reached(const char *path, int rc, const char *words)
{
	struct err e = ERR_NONE;

	assert_int_equal(vhost_socket_connect(path, &e), rc);
	assert_non_null(strstr(e.msg, words));
}

static void a_vmm_that_is_not_reached_is_described(void **)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct place p;
	int fd;

	place_open(&p);
	not_reached(p.path, -ENOENT, "start the VMM, which makes it");
	close(listening(&p));
	not_reached(p.path, -ECONNREFUSED, "no program listens at ");
	not_reached(p.path, -ECONNREFUSED, ": start the VMM, which does");
	unlink(p.path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", p.path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	not_reached(p.path, -EPROTOTYPE, " is of another kind than a VMM's: name");
	close(fd);
	not_reached("/dev/null/x", -ENOTDIR, "cannot connect to /dev/null/x");
	place_close(&p);
}

static void a_vmm_that_is_busy_or_hidden_is_described(void **)
{
	int conn[64], status = -1;
	struct err e = ERR_NONE;
	unsigned n = 0;
	struct place p;
	int fd;

	place_open(&p);
	fd = listening(&p);
	while (n < ARRAY_LEN(conn) && (conn[n] = vhost_socket_connect(p.path, &e)) >= 0)
		n++;
	not_reached(p.path, -EAGAIN, " has more who wait for it than it takes");
	while (n > 0)
		close(conn[--n]);
	assert_int_equal(chmod(p.dir, 0), 0);
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct err why = ERR_NONE;

		if (geteuid() == 0 && setuid(65534) < 0)
			_exit(2);
		_exit(vhost_socket_connect(p.path, &why) == -EACCES
					&& strstr(why.msg, "no permission for ")
					&& strstr(
						why.msg, ": make it and its directories accessible")
				? 0
				: 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(chmod(p.dir, 0700), 0);
	close(fd);
	place_close(&p);
}

static void deposits_are_kept_once_and_closed(void **)
{
	struct vhost_keep *k = vhost_keep_create();
	int fd = dup(0);

	assert_non_null(k);
	assert_int_equal(vhost_keep_put(k, VHOST_SLOT_SOCKET, fd), 0);
	assert_int_equal(vhost_keep_put(k, VHOST_SLOT_SOCKET, dup(0)), 0);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	fd = dup(0);
	assert_int_equal(vhost_keep_put(k, VHOST_SLOT_N, fd), -EPROTO);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(vhost_keep_put(k, UINT32_MAX, -1), -EPROTO);
	assert_int_equal(vhost_keep_put(k, VHOST_SLOT_N - 1, dup(0)), 0);
	assert_int_equal(vhost_keep_put(k, VHOST_SLOT_N, -1), 0);
	for (unsigned i = 0; i < VHOST_SLOT_N; i++)
		assert_int_equal(k->fd[i], -1);
	vhost_keep_destroy(k);
	vhost_keep_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_socket_has_its_mode_and_is_reached),
		cmocka_unit_test(a_stale_socket_is_replaced),
		cmocka_unit_test(a_socket_in_use_stays_anothers),
		cmocka_unit_test(a_file_or_a_link_is_not_touched),
		cmocka_unit_test(a_path_that_cannot_be_says_why),
		cmocka_unit_test(no_permission_says_so),
		cmocka_unit_test(a_vmm_that_is_not_reached_is_described),
		cmocka_unit_test(a_vmm_that_is_busy_or_hidden_is_described),
		cmocka_unit_test(deposits_are_kept_once_and_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
