/* SPDX-License-Identifier: Apache-2.0 */
/* check_test.c - a failed CHECK() ends the process and names the place. */
#include "tests/lib/unit.h"
#include "vswitch/base/check.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Run CHECK(@value) in a child; its stderr to @text, its wait status returned. */
static int check_in_child(int value, char *text, size_t size)
{
	int pipe_fds[2];
	size_t len = 0;
	ssize_t n;
	int status;
	pid_t pid;

	assert_int_equal(pipe(pipe_fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0 });
		signal(SIGABRT, SIG_DFL);
		dup2(pipe_fds[1], STDERR_FILENO);
		CHECK(value == 1);
		_exit(7);
	}
	close(pipe_fds[1]);
	while ((n = read(pipe_fds[0], text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	close(pipe_fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void false_expression_aborts_and_names_itself(void **)
{
	char text[512];
	int status = check_in_child(2, text, sizeof(text));

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_non_null(strstr(text, "CHECK failed: value == 1 at "));
	assert_non_null(strstr(text, "check_test.c:"));
	assert_int_equal(text[strlen(text) - 1], '\n');
}

static void true_expression_goes_on(void **)
{
	char text[512];
	int status = check_in_child(1, text, sizeof(text));

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
	assert_string_equal(text, "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(false_expression_aborts_and_names_itself),
		cmocka_unit_test(true_expression_goes_on),
	};

	return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
