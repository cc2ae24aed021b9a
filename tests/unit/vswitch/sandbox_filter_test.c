/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox_filter_test.c - what happens at a call that a filter does not allow; in children. */
#include "tests/lib/unit.h"
#include "vswitch/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static _Atomic uint64_t denied;

static int run_in_child(int (*body)(void))
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		_exit(body());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int worker_opens_a_socket(void)
{
	if (sandbox_confine_worker() < 0)
		return 1;
	syscall(SYS_socket, 1, 1, 0);
	return 2;
}

static void worker_dies_at_the_first_other_call(void **)
{
	int status = run_in_child(worker_opens_a_socket);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static int eal_thread_writes(void)
{
	if (sandbox_confine_eal() < 0)
		return 1;
	syscall(SYS_socket, 1, 1, 0);
	return 2;
}

static void eal_thread_dies_at_the_first_other_call(void **)
{
	int status = run_in_child(eal_thread_writes);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static int control_tries_what_it_may_not(void)
{
	if (sandbox_confine_control(&denied) < 0)
		return 1;
	errno = 0;
	if (syscall(SYS_socket, 1, 1, 0) != -1 || errno != EPERM)
		return 2;
#ifndef SAKLAR_SANITIZED /* the run-time libraries need mmap(2) */
	errno = 0;
	if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
			!= MAP_FAILED
		|| errno != EPERM)
		return 3;
#endif
	if (mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
		return 4;
	if (syscall(SYS_getppid) != -1)
		return 5;
	return atomic_load(&denied) >= 2 ? 0 : 6;
}

static void control_thread_is_refused_counted_and_lives(void **)
{
	int status = run_in_child(control_tries_what_it_may_not);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(worker_dies_at_the_first_other_call),
		cmocka_unit_test(eal_thread_dies_at_the_first_other_call),
		cmocka_unit_test(control_thread_is_refused_counted_and_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
