/* SPDX-License-Identifier: Apache-2.0 */
/* store_sql.h - the few SQLite calls that store.c needs, with our errors. */
#pragma once

#include "vswitch/base/err.h"

#include <sqlite3.h>

/* What went wrong with @db (its file is @path), and what to do about it. */
[[nodiscard]] int store_sql_error(sqlite3 *db, int code, const char *path, struct err *e);
/* Run statements without results. */
[[nodiscard]] int store_sql_exec(sqlite3 *db, const char *sql, const char *path, struct err *e);
