/* SPDX-License-Identifier: Apache-2.0 */
/* bell_test.c - eventfds whose other holder does what he can to make us wait. */
#include "tests/lib/unit.h"
#include "vif/bell.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static uint64_t value_of(int fd)
{
	uint64_t n = 0;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, 0) == 1)
		assert_int_equal(read(fd, &n, sizeof(n)), sizeof(n));
	return n;
}

static void each_ring_is_counted(void **)
{
	struct bell *b = bell_create();
	int fd = eventfd(0, EFD_CLOEXEC);

	assert_non_null(b);
	for (unsigned i = 0; i < 1000; i++)
		bell_ring(b, fd);
	assert_int_equal(value_of(fd), 1000);
	bell_destroy(b);
	close(fd);
}

/* The eventfd blocks, and its counter is full: write(2) would wait for ever. */
static void a_full_counter_makes_nobody_wait(void **)
{
	const uint64_t full = UINT64_MAX - 1;
	struct bell *b = bell_create();
	int fd = eventfd(0, EFD_CLOEXEC);

	assert_non_null(b);
	assert_int_equal(write(fd, &full, sizeof(full)), sizeof(full));
	for (unsigned i = 0; i < 200; i++)
		bell_ring(b, fd);
	bell_ring(NULL, fd);
	assert_true(value_of(fd) >= full);
	bell_ring(b, fd);
	assert_int_equal(value_of(fd), 1);
	bell_destroy(b);
	close(fd);
}

static void without_aio_it_rings_too(void **)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	assert_false(bell_is_safe(NULL));
	bell_ring(NULL, fd);
	bell_ring(NULL, fd);
	assert_int_equal(value_of(fd), 2);
	close(fd);
}

static void what_is_no_eventfd_is_not_touched(void **)
{
	struct bell *b = bell_create();
	uint8_t byte;
	int pair[2];

	assert_non_null(b);
	if (!bell_is_safe(b)) { /* then only vhost_apply.c stands before it */
		bell_destroy(b);
		return;
	}
	assert_int_equal(pipe2(pair, 0), 0);
	bell_ring(b, pair[1]);
	close(pair[1]);
	assert_int_equal(read(pair[0], &byte, 1), 0);
	close(pair[0]);
	bell_destroy(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_ring_is_counted),
		cmocka_unit_test(a_full_counter_makes_nobody_wait),
		cmocka_unit_test(without_aio_it_rings_too),
		cmocka_unit_test(what_is_no_eventfd_is_not_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
