/* SPDX-License-Identifier: Apache-2.0 */
/* leases_test.c - who has which address, by the file that dnsmasq writes. */
#include "config/leases.h"
#include "tests/lib/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "leases_test.XXXXXX";

static void write_leases(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static unsigned n_found(void)
{
	struct lease_row lease[8];

	return leases_read(path, 1000, lease, ARRAY_LEN(lease));
}

static void what_is_no_lease_is_passed_over(void **)
{
	write_leases("duid 00:01:00:01:2a:00\nx 52:54:00:00:00:05 10.0.0.5 * *\n"
		     "1001 52:54:00:00:00:05\n\n1001 fd00::5 10.0.0.5 * *\n"
		     "99999999999999999999999 52:54:00:00:00:05 10.0.0.5 * *\n"
		     "1001 52:54:00:00:00:05 10.0.0.300 * *\n");
	assert_int_equal(n_found(), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(n_found(), 0);
}

static void a_name_of_any_length_forges_no_line(void **)
{
	static char text[5000];
	size_t n = (size_t)snprintf(text, sizeof(text), "1001 52:54:00:00:00:04 10.0.0.4 ");

	memset(text + n, 'x', 1023 - n);
	snprintf(text + 1023, sizeof(text) - 1023, "1001 52:54:00:00:00:05 10.0.0.6 * *\n");
	write_leases(text);
	assert_int_equal(n_found(), 1); /* the long line itself, with no name */
}

static void all_in_force_are_listed_with_names_that_are_some(void **)
{
	struct lease_row lease[8];
	char text[IP_STR_LEN];

	write_leases("1500 52:54:00:00:00:04 10.0.0.4 web 01:52\n"
		     "0 52:54:00:00:00:05 10.0.0.5 * *\n"
		     "999 52:54:00:00:00:06 10.0.0.6 old *\n"
		     "1500 52:54:00:00:00:07 10.0.0.7 \x1b[31mred *\n"
		     "duid 00:01\n1500 1234567 fd00::5 six 00:01:02\n");
	assert_int_equal(leases_read(path, 1000, lease, ARRAY_LEN(lease)), 4);
	assert_string_equal(lease[0].name, "web");
	assert_int_equal(lease[0].expires, 1500);
	assert_int_equal(lease[0].mac.b[5], 4);
	assert_int_equal(lease[1].expires, 0);
	assert_string_equal(lease[1].name, "");
	assert_string_equal(lease[2].name, "");
	assert_string_equal(ip_print(&lease[3].addr, text), "fd00::5");
	assert_true(mac_is_zero(&lease[3].mac));
	assert_int_equal(leases_read(path, 1000, lease, 2), 2);
}

static int set_up(void **)
{
	int fd = mkstemp(path);

	return fd >= 0 ? close(fd) : -1;
}

static int tear_down(void **)
{
	unlink(path);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_lease_is_passed_over),
		cmocka_unit_test(a_name_of_any_length_forges_no_line),
		cmocka_unit_test(all_in_force_are_listed_with_names_that_are_some),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
