/* SPDX-License-Identifier: Apache-2.0 */
/* xen_rings_test.c - hosts without Xen; with one: tests/xen. */
#include "config/xen_rings.h"
#include "tests/lib/unit.h"

#include <errno.h>
#include <string.h>

static void without_xens_devices_the_modules_are_named_and_no_fd_is_left(void **)
{
	struct xen_front front = { .domid = 3, .n_queues = 2 };
	struct msg_xen_vif m = { 0 };
	struct err e = ERR_NONE;
	int fds[XEN_FDS_MAX];

	assert_true(xen_rings_open(&front, fds, &m, &e) < 0);
	assert_non_null(strstr(e.msg, "cannot open /dev/xen/gntdev: "));
	assert_non_null(strstr(e.msg, "; load the modules xen-gntdev and xen-evtchn"));
	for (unsigned i = 0; i < XEN_FDS_MAX; i++)
		assert_int_equal(fds[i], -1);
	fds[2] = -1;
	assert_true(xen_rings_reopen(&front, fds, &m, &e) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_xens_devices_the_modules_are_named_and_no_fd_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
