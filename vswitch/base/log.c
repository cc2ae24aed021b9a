/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - one logfmt line per event on stderr.
 *
 * From: LOG_ERR() and its kin.  To: stderr; the journal when JOURNAL_STREAM names it, and then with
 * <N> priorities and without what the journal adds itself.
 * Theory: a whole line goes out in one write(2), so lines of several threads and processes do not
 * mix and no lock is needed.  Texts may come from guests and peers, so control characters are
 * replaced: nobody can write a line of his own into the log.
 * Invariants: exactly one newline, at the end; errno is kept; too long lines end in "...".
 * Thread: any; log_init() before threads are made. */
#include "vswitch/base/log.h"

#include "vswitch/base/clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_LEN_MAX 1024

static const struct {
	const char *name;
	int syslog; /* priority of sd-daemon(3) */
} levels[] = {
	[LOG_LEVEL_ERR] = { "err", 3 },
	[LOG_LEVEL_WARN] = { "warn", 4 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};

static const char *log_program = "saklar";
static bool log_to_journal;
static _Atomic int log_level_now = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&log_level_now, (int)level, memory_order_relaxed);
}

bool log_is_on(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&log_level_now, memory_order_relaxed);
}

int log_level_parse(const char *text, enum log_level *out)
{
	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		if (strcmp(text, levels[i].name) == 0) {
			*out = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* systemd sets JOURNAL_STREAM to "device:inode" of stderr; a child whose stderr was redirected
 * inherits the variable, hence the comparison. */
static bool stderr_is_journal(void)
{
	const char *text = getenv("JOURNAL_STREAM");
	char want[64];
	struct stat st;

	if (!text || fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(want, sizeof(want), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(text, want) == 0;
}

void log_init(const char *program, enum log_level level)
{
	log_program = program;
	log_to_journal = stderr_is_journal();
	log_set_level(level);
}

/* Days since 1970-01-01 to a date of the Gregorian calendar.  gmtime_r(3) takes a lock and may open
 * the time zone file, which the engine's sandbox forbids.  Years are counted from March, so that
 * the leap day comes last; an era has 400 years. */
static void date_of_days(uint64_t days, unsigned *year, unsigned *month, unsigned *day)
{
	uint64_t z = days + 719468; /* days from 0000-03-01 to 1970-01-01 */
	unsigned era = (unsigned)(z / 146097);
	unsigned of_era = (unsigned)(z % 146097);
	unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned march_month = (5 * of_year + 2) / 153; /* 0: March */

	*day = of_year - (153 * march_month + 2) / 5 + 1;
	*month = march_month < 10 ? march_month + 3 : march_month - 9;
	*year = era * 400 + year_of_era + (*month <= 2);
}

static int print_head(char *line, size_t size, enum log_level level, const char *module)
{
	uint64_t ms = clock_wall_ns() / NS_PER_MS;
	uint64_t s = ms / 1000;
	unsigned year, month, day;

	if (log_to_journal)
		return snprintf(line, size, "<%d>mod=%s ", levels[level].syslog, module);
	date_of_days(s / 86400, &year, &month, &day);
	return snprintf(line, size,
		"ts=%04u-%02u-%02uT%02u:%02u:%02u.%03uZ level=%s prog=%s mod=%s ", year, month, day,
		(unsigned)(s / 3600 % 24), (unsigned)(s / 60 % 60), (unsigned)(s % 60),
		(unsigned)(ms % 1000), levels[level].name, log_program, module);
}

void log_write(enum log_level level, const char *module, const char *fmt, ...)
{
	int saved_errno = errno;
	char line[LINE_LEN_MAX];
	size_t room = sizeof(line) - 1; /* the newline replaces the terminator */
	size_t len;
	va_list args;
	int n;

	n = print_head(line, room, level, module);
	len = n < 0 ? 0 : MIN((size_t)n, room - 1);
	va_start(args, fmt);
	n = vsnprintf(line + len, room - len, fmt, args);
	va_end(args);
	if (n >= (int)(room - len)) {
		len = room - 1;
		memcpy(line + len - 3, "...", 3);
	} else if (n > 0) {
		len += (size_t)n;
	}
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[len++] = '\n';
	while (write(STDERR_FILENO, line, len) < 0 && errno == EINTR)
		;
	errno = saved_errno;
}
