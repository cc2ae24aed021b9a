/* SPDX-License-Identifier: Apache-2.0 */
/* log.h - one line per event, logfmt, on stderr (with <N> priorities when it is the journal).
 *
 * Each .c says LOG_MODULE("name") once, then LOG_INFO("event=attached vif=%s", name).  Levels are
 * kept per process and can be changed at run time.  Thread-safe: one write(2) a line, no lock. */
#pragma once

#include "vswitch/base/base.h"

enum log_level {
	LOG_LEVEL_ERR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

#define LOG_MODULE(name) static const char log_module_[] = name

/* Prepare logging as @program ("saklard"); reads JOURNAL_STREAM.  Call once, before threads. */
void log_init(const char *program, enum log_level level);
void log_set_level(enum log_level level);
bool log_is_on(enum log_level level);
/* Parse "err", "warn", "info", "debug"; 0 or -EINVAL. */
[[nodiscard]] int log_level_parse(const char *text, enum log_level *out);
void log_write(enum log_level level, const char *module, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define LOG_AT(level, ...)                                          \
	do {                                                        \
		if (log_is_on(level))                               \
			log_write(level, log_module_, __VA_ARGS__); \
	} while (0)
#define LOG_ERR(...) LOG_AT(LOG_LEVEL_ERR, __VA_ARGS__)
#define LOG_WARN(...) LOG_AT(LOG_LEVEL_WARN, __VA_ARGS__)
#define LOG_INFO(...) LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define LOG_DEBUG(...) LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)
