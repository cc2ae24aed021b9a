/* SPDX-License-Identifier: Apache-2.0 */
/* guest_mem_test.c - what is taken for a guest's memory, and how it is found again. */
#include "tests/lib/unit.h"
#include "vif/dirty_log.h"
#include "vif/guest_mem.h"
#include "vswitch/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096u

static const struct guest_mem_limits NONE;
static int FD;

static int setup(void **)
{
	FD = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return FD < 0 || ftruncate(FD, 1024 * PAGE) != 0;
}

static int teardown(void **)
{
	return close(FD);
}

static struct guest_region_spec spec(uint64_t gpa, uint64_t size, uint64_t offset)
{
	return (struct guest_region_spec){
		.gpa = gpa, .size = size, .user_addr = gpa + (1 << 30), .file_offset = offset
	};
}

static void assert_refused(
	struct guest_region_spec s, int fd, const struct guest_mem_limits *limits, const char *why)
{
	struct err e = ERR_NONE;

	assert_null(guest_mem_create(&s, &fd, 1, limits, &e));
	assert_true(e.code < 0);
	assert_non_null(strstr(e.msg, why));
}

static void regions_that_make_no_sense_are_refused(void **)
{
	struct guest_region_spec wraps = spec(0, PAGE, 0);

	assert_refused(spec(0, 0, 0), FD, &NONE, "is empty or wraps");
	assert_refused(spec(UINT64_MAX - PAGE + 2, PAGE, 0), FD, &NONE, "is empty or wraps");
	assert_refused(spec(0, 2 * PAGE, UINT64_MAX - PAGE + 1), FD, &NONE, "is empty or wraps");
	assert_refused(spec(0, UINT64_MAX, PAGE), FD, &NONE, "is empty or wraps");
	assert_refused(spec(0, INT64_MAX, PAGE), FD, &NONE, "is empty or wraps");
	wraps.user_addr = UINT64_MAX;
	assert_refused(wraps, FD, &NONE, "is empty or wraps");
	assert_refused(spec(0, 1025 * PAGE, 0), FD, &NONE, "is too short for a region");
	assert_refused(spec(0, PAGE, 1023 * PAGE + 1), FD, &NONE, "is too short for a region");
}

static void files_whose_pages_may_wait_for_somebody_are_refused(void **)
{
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int fds[2];

	assert_refused(
		spec(0, PAGE, 0), file, &NONE, "must be a memfd or a file on tmpfs or hugetlbfs");
	assert_int_equal(pipe(fds), 0);
	assert_refused(spec(0, PAGE, 0), fds[0], &NONE, "must be a memfd");
	assert_refused(spec(0, PAGE, 0), -1, &NONE, "file of a region cannot be looked at");
	close(fds[0]);
	close(fds[1]);
	close(file);
	/* read-only: tmpfs, but not to be written */
	file = memfd_create("x", MFD_CLOEXEC);
	assert_int_equal(ftruncate(file, PAGE), 0);
	{
		char path[64];
		int readonly;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
		readonly = open(path, O_RDONLY | O_CLOEXEC);
		assert_true(readonly >= 0);
		assert_refused(spec(0, PAGE, 0), readonly, &NONE, "region cannot be mapped");
		close(readonly);
	}
	close(file);
}

static void memory_that_can_be_shrunk_is_shown_and_refused_on_request(void **)
{
	static const struct guest_mem_limits sealed = { .must_be_sealed = true };
	struct guest_region_spec s = spec(0, PAGE, 0);
	struct guest_mem *mem = guest_mem_create(&s, &FD, 1, &NONE, NULL);

	assert_non_null(mem);
	assert_false(mem->is_sealed);
	guest_mem_put(mem);
	assert_refused(s, FD, &sealed, "guest memory can be shrunk");
	assert_int_equal(fcntl(FD, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	mem = guest_mem_create(&s, &FD, 1, &sealed, NULL);
	assert_non_null(mem);
	assert_true(mem->is_sealed);
	guest_mem_put(mem);
}

static void overlaps_and_too_much_are_refused(void **)
{
	struct guest_region_spec two[2]
		= { spec(8 * PAGE, 4 * PAGE, 0), spec(5 * PAGE, 4 * PAGE, 0) };
	struct guest_mem_limits few = { .bytes_max = 7 * PAGE };
	int fds[2] = { FD, FD };
	struct err e = ERR_NONE;

	assert_null(guest_mem_create(two, fds, 2, &NONE, &e));
	assert_non_null(strstr(e.msg, "overlap"));
	two[1].gpa = 4 * PAGE; /* they touch */
	e = ERR_NONE;
	assert_null(guest_mem_create(two, fds, 2, &few, &e));
	assert_non_null(strstr(e.msg, "bytes of guest memory"));
	e = ERR_NONE;
	assert_null(guest_mem_create(two, fds, GUEST_REGIONS_MAX + 1, &NONE, &e));
	assert_non_null(strstr(e.msg, "regions; 512 are possible"));
}

static void as_many_regions_as_a_vmm_may_name_are_found(void **)
{
	static struct guest_region_spec specs[GUEST_REGIONS_MAX];
	static int fds[GUEST_REGIONS_MAX];
	struct guest_mem *mem;
	uint32_t hint = 12345;
	uint8_t *at = NULL;

	for (unsigned i = 0; i < GUEST_REGIONS_MAX; i++) {
		unsigned k = i * 77 % GUEST_REGIONS_MAX; /* in no order */

		specs[i] = spec((uint64_t)k * 4 * PAGE, 2 * PAGE, (uint64_t)k * 2 * PAGE + 5);
		specs[i].size -= 5;
		fds[i] = FD;
	}
	mem = guest_mem_create(specs, fds, GUEST_REGIONS_MAX, &NONE, NULL);
	assert_non_null(mem);
	for (uint64_t k = 0; k < GUEST_REGIONS_MAX; k++) {
		uint64_t gpa = k * 4 * PAGE, last = 2 * PAGE - 6;
		uint8_t byte = (uint8_t)(k * 3);

		assert_int_equal(pwrite(FD, &byte, 1, (off_t)(k * 2 * PAGE + 5 + last)), 1);
		assert_int_equal(guest_mem_at(mem, &hint, gpa + last, 100, &at), 1);
		assert_int_equal(*at, byte);
		assert_int_equal(guest_mem_at(mem, &hint, gpa + 10, 100, &at), 100);
		assert_int_equal(guest_mem_at(mem, &hint, gpa + last + 1, 1, &at), 0);
		assert_int_equal(guest_mem_at(mem, &hint, gpa + 3 * PAGE, 1, &at), 0);
		assert_int_equal(guest_mem_at(mem, &hint, gpa, UINT64_MAX, &at), last + 1);
	}
	assert_int_equal(guest_mem_at(mem, &hint, UINT64_MAX, 1, &at), 0);
	guest_mem_put(mem);
}

static void regions_come_and_go_without_touching_the_others(void **)
{
	struct guest_region_spec a = spec(0, PAGE, 0), b = spec(PAGE, PAGE, PAGE), no = a;
	struct guest_mem *one = guest_mem_create(&a, &FD, 1, &NONE, NULL);
	struct guest_mem *two = guest_mem_add(one, &b, FD, NULL), *last, *none;
	struct err e = ERR_NONE;
	uint32_t hint = 0;
	uint64_t gpa;
	uint8_t *at = NULL;

	assert_non_null(two);
	assert_int_equal(one->n, 1);
	assert_ptr_equal(one->region[0].host, two->region[0].host);
	assert_null(guest_mem_add(two, &b, FD, &e)); /* overlaps */
	assert_null(guest_mem_add(two, &(struct guest_region_spec){ 0 }, FD, NULL));
	e = ERR_NONE;
	no.size++;
	assert_null(guest_mem_remove(two, &no, &e));
	assert_non_null(strstr(e.msg, "to remove"));
	no = a;
	no.gpa = 9 * PAGE;
	assert_null(guest_mem_remove(two, &no, NULL));
	guest_mem_put(one);
	last = guest_mem_remove(two, &a, NULL);
	assert_non_null(last);
	guest_mem_put(two);
	assert_int_equal(guest_mem_at(last, &hint, 0, 1, &at), 0);
	assert_int_equal(guest_mem_at(last, &hint, PAGE, PAGE, &at), PAGE);
	CHECK(at != NULL);
	memset(at, 7, PAGE); /* still mapped */
	assert_ptr_equal(guest_mem_at_user(last, b.user_addr + 16, 16, 16, &gpa), at + 16);
	assert_int_equal(gpa, PAGE + 16);
	assert_null(guest_mem_at_user(last, b.user_addr + 16, PAGE, 16, &gpa));
	assert_null(guest_mem_at_user(last, b.user_addr + 8, 16, 16, &gpa));
	assert_null(guest_mem_at_user(last, b.user_addr - 1, 1, 1, &gpa));
	none = guest_mem_remove(last, &b, NULL);
	assert_non_null(none);
	guest_mem_put(last);
	assert_int_equal(guest_mem_at(none, &hint, PAGE, 1, &at), 0);
	guest_mem_put(none);
	guest_mem_put(NULL);
}

static void a_dirty_log_is_mapped_by_the_same_rules(void **)
{
	struct err e = ERR_NONE;

	assert_null(dirty_log_create(FD, UINT64_MAX - 4095, 8192, &e));
	assert_non_null(strstr(e.msg, "dirty log: "));
	assert_null(dirty_log_create(FD, 0, 2048 * PAGE, NULL));
	dirty_log_destroy(NULL);
}

static void beyond_its_end_the_log_is_not_touched(void **)
{
	int fd = memfd_create("log", MFD_CLOEXEC);
	struct dirty_log *log;

	assert_int_equal(ftruncate(fd, 4096), 0);
	log = dirty_log_create(fd, 8, 16, NULL);
	assert_non_null(log);
	dirty_log_mark(log, 127 * 4096, 1u << 20);
	dirty_log_mark(log, UINT64_MAX - 10, 5);
	dirty_log_mark(log, UINT64_C(1) << 62, UINT64_C(1) << 31);
	dirty_log_mark(log, 0, 0);
	assert_int_equal(log->bits[15], 0x80);
	for (unsigned i = 0; i < 4096 - 8; i++)
		assert_int_equal(log->bits[i], i == 15 ? 0x80 : 0);
	dirty_log_destroy(log);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			regions_that_make_no_sense_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			files_whose_pages_may_wait_for_somebody_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			memory_that_can_be_shrunk_is_shown_and_refused_on_request, setup, teardown),
		cmocka_unit_test_setup_teardown(overlaps_and_too_much_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			as_many_regions_as_a_vmm_may_name_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(
			regions_come_and_go_without_touching_the_others, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_dirty_log_is_mapped_by_the_same_rules, setup, teardown),
		cmocka_unit_test(beyond_its_end_the_log_is_not_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
