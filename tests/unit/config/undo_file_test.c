/* SPDX-License-Identifier: Apache-2.0 */
/* The undo list as a file: whatever happens to its bytes, no wrong value is read from it. */
#include "config/undo_file.h"
#include "tests/lib/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCOPE "boot/1"

static char dir[] = "/tmp/undo_file_test.XXXXXX", path[64];

static struct undo_record records[] = {
	{ 7, UNDO_MTU, 1500 },
	{ 7, UNDO_DISABLE_IPV6, 0 },
	{ 8, UNDO_CLSACT, 0 },
};
static const struct undo_file whole
	= { .generation = 41, .n = ARRAY_LEN(records), .record = records };

static size_t slurp(char *buf, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t n = f != NULL ? fread(buf, 1, size, f) : 0;

	if (f != NULL)
		fclose(f);
	return n;
}

static void put(const char *bytes, size_t len)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
}

static struct undo_file read_again(void)
{
	struct undo_file got;

	assert_int_equal(undo_file_read(path, SCOPE, &got), 0);
	return got;
}

/* Only what was written, in its order, perhaps with gaps. */
static void assert_some_of(const struct undo_file *got)
{
	unsigned at = 0;

	for (unsigned i = 0; i < got->n; i++) {
		while (at < whole.n
			&& memcmp(&got->record[i], &records[at], sizeof(records[0])) != 0)
			at++;
		assert_true(at < whole.n);
	}
}

static void what_is_written_is_read(void **)
{
	assert_int_equal(undo_file_write(path, SCOPE, &whole, true), 0);
	struct undo_file got = read_again();

	assert_int_equal(got.state, UNDO_FILE_INTACT);
	assert_int_equal(got.generation, 41);
	assert_int_equal(got.n, whole.n);
	assert_memory_equal(got.record, records, sizeof(records));
	free(got.record);
}

static void every_truncation_is_noticed(void **)
{
	char bytes[1024];

	assert_int_equal(undo_file_write(path, SCOPE, &whole, false), 0);
	size_t len = slurp(bytes, sizeof(bytes));

	for (size_t n = 0; n < len; n++) {
		put(bytes, n);
		struct undo_file got = read_again();

		assert_int_equal(got.state, UNDO_FILE_DAMAGED);
		assert_some_of(&got);
		free(got.record);
	}
}

static void every_changed_byte_is_noticed_and_the_other_lines_are_used(void **)
{
	static const char worse[] = { '\0', '\n', ' ', '0', '9', '\x7f' };
	char bytes[1024];

	assert_int_equal(undo_file_write(path, SCOPE, &whole, false), 0);
	size_t len = slurp(bytes, sizeof(bytes));

	for (size_t at = 0; at < len; at++) {
		for (size_t k = 0; k < sizeof(worse); k++) {
			char before = bytes[at];

			if (before == worse[k])
				continue;
			bytes[at] = worse[k];
			put(bytes, len);
			bytes[at] = before;
			struct undo_file got = read_again();

			assert_int_equal(got.state, UNDO_FILE_DAMAGED);
			assert_some_of(&got);
			assert_true(got.n + 2 >= whole.n);
			free(got.record);
		}
	}
}

static void another_scope_is_as_good_as_no_file(void **)
{
	struct undo_file got;

	assert_int_equal(undo_file_write(path, "boot/2", &whole, false), 0);
	got = read_again();
	assert_int_equal(got.state, UNDO_FILE_ABSENT);
	assert_int_equal(got.n, 0);
	unlink(path);
	got = read_again();
	assert_int_equal(got.state, UNDO_FILE_ABSENT);
}

static void what_is_no_plain_file_is_not_waited_for(void **)
{
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(read_again().state, UNDO_FILE_UNREADABLE);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(read_again().state, UNDO_FILE_UNREADABLE);
	assert_true(undo_file_write(path, SCOPE, &whole, false) < 0);
	rmdir(path);
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_int_equal(read_again().state, UNDO_FILE_UNREADABLE);
	unlink(path);
}

static void a_write_that_fails_leaves_the_file_as_it_was(void **)
{
	char next[80];
	struct stat st;

	assert_int_equal(undo_file_write(path, SCOPE, &whole, false), 0);
	snprintf(next, sizeof(next), "%s.new", path);
	assert_int_equal(symlink("/dev/full", next), 0);
	assert_true(undo_file_write(path, SCOPE, &whole, false) < 0);
	unlink(next);
	struct undo_file got = read_again();

	assert_int_equal(got.state, UNDO_FILE_INTACT);
	free(got.record);
	assert_int_equal(undo_file_write("/nowhere/undo", SCOPE, &whole, true), -2);
	assert_int_not_equal(stat("/nowhere", &st), 0);
}

static int make_dir(void **)
{
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/undo", dir);
	return 0;
}

static int remove_dir(void **)
{
	unlink(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(every_truncation_is_noticed),
		cmocka_unit_test(every_changed_byte_is_noticed_and_the_other_lines_are_used),
		cmocka_unit_test(another_scope_is_as_good_as_no_file),
		cmocka_unit_test(what_is_no_plain_file_is_not_waited_for),
		cmocka_unit_test(a_write_that_fails_leaves_the_file_as_it_was),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
