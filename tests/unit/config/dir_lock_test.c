/* SPDX-License-Identifier: Apache-2.0 */
/* dir_lock_test.c - one daemon a directory, also in the moment after a kill. */
#include "config/dir_lock.h"
#include "config/spawn.h"
#include "tests/lib/unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];

static int make_dir(void **)
{
	snprintf(dir, sizeof(dir), "/tmp/saklar-lock-XXXXXX");
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int remove_dir(void **)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/lock", dir);
	unlink(path);
	return rmdir(dir);
}

/* A child with the lock; it lives until it is killed, or for @ms. */
static pid_t holder(unsigned ms)
{
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();

	if (pid == 0) {
		if (dir_lock(dir, "--run-dir", "", NULL) < 0 || write(ready[1], "1", 1) != 1)
			_exit(1);
		if (ms == 0)
			pause();
		usleep(ms * 1000);
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void second_daemon_is_refused_and_told_the_pid_of_the_first(void **)
{
	struct err e = ERR_NONE;
	char text[32];
	pid_t pid = holder(0);

	assert_int_equal(dir_lock(dir, "--run-dir", "", &e), -EBUSY);
	snprintf(text, sizeof(text), "pid %d", (int)pid);
	assert_non_null(strstr(e.msg, text));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void lock_of_a_holder_that_is_just_dying_is_waited_for(void **)
{
	struct err e = ERR_NONE;
	pid_t pid = holder(150);
	int fd = dir_lock(dir, "--run-dir", "", &e);

	assert_true(fd >= 0);
	close(fd);
	waitpid(pid, NULL, 0);
}

static void program_that_was_started_holds_no_lock(void **)
{
	static const char *const argv[] = { "sleep", "30", NULL };
	struct err e = ERR_NONE;
	int fd = dir_lock(dir, "--run-dir", "", &e);
	pid_t pid = spawn_start(argv, fd >= 0 ? STDERR_FILENO : -1, &e);

	assert_true(fd >= 0 && pid > 0);
	close(fd);
	assert_int_equal(dir_lock_wait(dir, 0), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(second_daemon_is_refused_and_told_the_pid_of_the_first),
		cmocka_unit_test(lock_of_a_holder_that_is_just_dying_is_waited_for),
		cmocka_unit_test(program_that_was_started_holds_no_lock),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
