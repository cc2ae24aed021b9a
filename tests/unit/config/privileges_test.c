/* SPDX-License-Identifier: Apache-2.0 */
/* privileges_test.c - after privileges_drop() there is nothing that is not in the table. */
#include "config/privileges.h"
#include "tests/lib/unit.h"

#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* The mask after @key in /proc/self/status. */
static unsigned long long read_mask(const char *key)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	unsigned long long mask = ~0ull;

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			mask = strtoull(line + strlen(key), NULL, 16);
	if (f)
		fclose(f);
	return mask;
}

static unsigned long long table_mask(void)
{
	unsigned long long mask = 0;

	for (unsigned i = 0; i < n_privileges; i++)
		mask |= 1ull << privileges[i].capability;
	return mask;
}

/* 0 when the child finds itself as it should be. */
static int look_in_child(void)
{
	struct err e = ERR_NONE;
	unsigned long long before = read_mask("CapPrm:\t");
	unsigned long long wanted = before & table_mask();

	if (privileges_drop(&e) != 0)
		return 1;
	if (read_mask("CapPrm:\t") != wanted || read_mask("CapEff:\t") != wanted)
		return 2;
	if (before & (1ull << CAP_SETPCAP) && (read_mask("CapBnd:\t") & ~table_mask()) != 0)
		return 3;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 4;
}

static void only_the_table_is_kept(void **)
{
	pid_t child = fork();
	int status = -1;

	if (child == 0)
		_exit(look_in_child());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void every_capability_has_its_reason(void **)
{
	for (unsigned i = 0; i < n_privileges; i++) {
		assert_true(privileges[i].reason[0] != '\0');
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(privileges[i].capability, privileges[j].capability);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_table_is_kept),
		cmocka_unit_test(every_capability_has_its_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
