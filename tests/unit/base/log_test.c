/* SPDX-License-Identifier: Apache-2.0 */
/* log_test.c - the line that comes out of stderr. */
#include "tests/lib/unit.h"
#include "vswitch/base/log.h"

#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

LOG_MODULE("fdb");

static int log_file = -1;
static int real_stderr = -1;
static char line[4096];

/* stderr is a file without a name while something is logged. */
static void capture_begin(void)
{
	char path[] = "/tmp/saklar-log-test-XXXXXX";

	log_file = mkstemp(path);
	assert_true(log_file >= 0);
	assert_int_equal(unlink(path), 0);
	real_stderr = dup(STDERR_FILENO);
	assert_true(real_stderr >= 0);
	assert_int_equal(dup2(log_file, STDERR_FILENO), STDERR_FILENO);
}

static const char *capture_end(void)
{
	ssize_t n = pread(log_file, line, sizeof(line) - 1, 0);

	assert_int_equal(dup2(real_stderr, STDERR_FILENO), STDERR_FILENO);
	close(real_stderr);
	close(log_file);
	assert_true(n >= 0);
	line[n] = '\0';
	return line;
}

static void assert_matches(const char *text, const char *pattern)
{
	regex_t re;
	int miss;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	miss = regexec(&re, text, 0, NULL, 0);
	regfree(&re);
	if (miss)
		print_error("\"%s\" does not match \"%s\"\n", text, pattern);
	assert_int_equal(miss, 0);
}

static void plain_line_has_time_level_program_and_module(void **)
{
	unsetenv("JOURNAL_STREAM");
	capture_begin();
	log_init("saklard", LOG_LEVEL_INFO);
	LOG_INFO("event=learned vif=%s", "web0");
	assert_matches(capture_end(),
		"^ts=20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:"
		"[0-6][0-9]\\.[0-9]{3}Z level=info prog=saklard mod=fdb "
		"event=learned vif=web0\n$");
}

static void date_is_todays(void **)
{
	char want[32];
	time_t now;

	capture_begin();
	log_init("saklard", LOG_LEVEL_INFO);
	do { /* again when midnight falls in between */
		assert_int_equal(ftruncate(log_file, 0), 0);
		assert_int_equal(lseek(log_file, 0, SEEK_SET), 0);
		now = time(NULL);
		LOG_INFO("event=x");
	} while (now / 86400 != time(NULL) / 86400);
	strftime(want, sizeof(want), "^ts=%Y-%m-%dT", gmtime(&now));
	assert_matches(capture_end(), want);
}

static void journal_line_has_priority_and_no_time(void **)
{
	char name[64];
	struct stat st;

	capture_begin();
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(name, sizeof(name), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", name, 1);
	log_init("saklard", LOG_LEVEL_INFO);
	unsetenv("JOURNAL_STREAM");
	LOG_ERR("event=x");
	assert_string_equal(capture_end(), "<3>mod=fdb event=x\n");
}

static void journal_of_another_stream_is_ignored(void **)
{
	setenv("JOURNAL_STREAM", "1:2", 1);
	capture_begin();
	log_init("saklard", LOG_LEVEL_INFO);
	unsetenv("JOURNAL_STREAM");
	LOG_WARN("event=x");
	assert_matches(capture_end(), "^ts=.* level=warn ");
}

static void level_decides_what_is_written(void **)
{
	capture_begin();
	log_init("saklard", LOG_LEVEL_WARN);
	LOG_INFO("event=hidden");
	log_set_level(LOG_LEVEL_DEBUG);
	LOG_DEBUG("event=shown");
	capture_end();
	assert_null(strstr(line, "hidden"));
	assert_non_null(strstr(line, "level=debug"));
}

static void control_characters_cannot_forge_a_line(void **)
{
	capture_begin();
	log_init("saklard", LOG_LEVEL_INFO);
	LOG_INFO("name=%s", "a\nts=b\x1b[31m\x7f\r");
	assert_matches(capture_end(), "name=a\\?ts=b\\?\\[31m\\?\\?\n$");
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void long_line_is_cut_and_says_so(void **)
{
	char text[3000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	capture_begin();
	log_init("saklard", LOG_LEVEL_INFO);
	LOG_INFO("%s", text);
	assert_matches(capture_end(), "x\\.\\.\\.\n$");
	assert_in_range(strlen(line), 900, 1024);
}

static void errno_survives(void **)
{
	capture_begin();
	errno = ENOENT;
	LOG_INFO("event=x");
	assert_int_equal(errno, ENOENT);
	capture_end();
}

static void levels_parse_by_name_only(void **)
{
	enum log_level level = LOG_LEVEL_ERR;

	assert_int_equal(log_level_parse("debug", &level), 0);
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_parse("err", &level), 0);
	assert_int_equal(level, LOG_LEVEL_ERR);
	assert_int_equal(log_level_parse("", &level), -EINVAL);
	assert_int_equal(log_level_parse("INFO", &level), -EINVAL);
	assert_int_equal(log_level_parse("information", &level), -EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_line_has_time_level_program_and_module),
		cmocka_unit_test(date_is_todays),
		cmocka_unit_test(journal_line_has_priority_and_no_time),
		cmocka_unit_test(journal_of_another_stream_is_ignored),
		cmocka_unit_test(level_decides_what_is_written),
		cmocka_unit_test(control_characters_cannot_forge_a_line),
		cmocka_unit_test(long_line_is_cut_and_says_so),
		cmocka_unit_test(errno_survives),
		cmocka_unit_test(levels_parse_by_name_only),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
