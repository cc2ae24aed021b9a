/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_start_test.c - rings and records of rings that are refused before they are used. */
#include "tests/lib/guest_driver.h"
#include "tests/lib/unit.h"

#include <errno.h>
#include <string.h>

#define PACKED (DRIVER_FEATURES | DRIVER_PACKED)

static struct driver D;

static void a_record_that_is_none_is_refused(void **)
{
	static const uint64_t STATES[] = { 16, UINT64_C(1) << 16, UINT64_C(257) << 32,
		UINT64_C(1) << 32, UINT64_C(3) << 32 | UINT64_C(2) << 16 };
	static struct vhost_record record;

	driver_open(&D, PACKED, 16, true);
	assert_int_equal(driver_restart(&D, true), -EBADMSG); /* there is none */
	D.config.record = &record;
	assert_int_equal(driver_restart(&D, true), -EBADMSG);
	for (unsigned i = 0; i < ARRAY_LEN(STATES); i++) {
		memset(&record, 0, sizeof(record));
		record.magic = VHOST_RECORD_MAGIC;
		record.state = STATES[i];
		record.used[0].n_slots = 17;
		assert_int_equal(driver_restart(&D, true), -EBADMSG);
	}
	driver_close(&D);
}

static void rings_that_are_not_in_the_memory_are_refused(void **)
{
	struct vhost_rings r;
	struct err e = ERR_NONE;
	uint64_t m;

	driver_open(&D, DRIVER_FEATURES, 64, true);
	m = (uintptr_t)D.mem;
	assert_int_equal(
		vhost_queue_place(D.guest, &(struct vhost_place){ false, 0, m, m, m }, &r, NULL),
		-EINVAL);
	assert_int_equal(vhost_queue_place(
				 D.guest, &(struct vhost_place){ false, 65536, m, m, m }, &r, NULL),
		-EINVAL);
	assert_int_equal(
		vhost_queue_place(D.guest, &(struct vhost_place){ false, 7, m, m, m }, &r, &e),
		-EINVAL);
	assert_non_null(strstr(e.msg, "a power of 2 for split rings"));
	assert_int_equal(
		vhost_queue_place(D.guest, &(struct vhost_place){ true, 7, m, m, m }, &r, NULL), 0);
	assert_int_equal(vhost_queue_place(
				 D.guest, &(struct vhost_place){ false, 8, m + 8, m, m }, &r, NULL),
		-EFAULT);
	assert_int_equal(vhost_queue_place(
				 D.guest, &(struct vhost_place){ false, 8, m, m + 1, m }, &r, NULL),
		-EFAULT);
	assert_int_equal(vhost_queue_place(
				 D.guest, &(struct vhost_place){ false, 8, m, m, m + 2 }, &r, NULL),
		-EFAULT);
	e = ERR_NONE;
	assert_int_equal(
		vhost_queue_place(D.guest,
			&(struct vhost_place){ false, 8, m + DRIVER_HALF - 64, m, m }, &r, &e),
		-EFAULT);
	assert_non_null(strstr(e.msg, "not in one region of the guest's memory, or not aligned"));
	assert_int_equal(
		vhost_queue_place(D.guest,
			&(struct vhost_place){ false, 8, m, m, m + DRIVER_MEM - 64 }, &r, NULL),
		-EFAULT);
	assert_int_equal(vhost_queue_place(D.guest,
				 &(struct vhost_place){ false, 8, m, m, UINT64_MAX - 3 }, &r, NULL),
		-EFAULT);
	D.config.size = 9;
	assert_int_equal(vhost_queue_start(&D.q, &D.config, NULL), -EINVAL);
	driver_close(&D);
	driver_open(&D, PACKED, 64, true);
	D.config.base = 64;
	e = ERR_NONE;
	assert_int_equal(vhost_queue_start(&D.q, &D.config, &e), -EBADMSG);
	assert_non_null(strstr(e.msg, "the place where the ring stood is not in it"));
	D.config.has_record = true;
	e = ERR_NONE;
	assert_int_equal(vhost_queue_start(&D.q, &D.config, &e), -EBADMSG);
	assert_non_null(strstr(e.msg, "no record of where the ring stood"));
	driver_close(&D);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_that_is_none_is_refused),
		cmocka_unit_test(rings_that_are_not_in_the_memory_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
