/* SPDX-License-Identifier: Apache-2.0 */
/* store_sql.c - SQLite's result codes as sentences that say what to do.
 *
 * From: store.c.  To: struct err.
 * Theory: the administrator knows files and disks, not result codes; the cases that happen in
 * practice (full, read-only, damaged, locked by somebody else) have a sentence each.
 * Thread: the daemon has one. */
#include "config/store_sql.h"

#include <errno.h>
#include <string.h>

int store_sql_error(sqlite3 *db, int code, const char *path, struct err *e)
{
	int why = db ? sqlite3_system_errno(db) : 0;

	switch (code & 0xff) {
	case SQLITE_FULL:
		return err_set(e, -ENOSPC, "store",
			"the disk under %s is full: free some space and try again; nothing was "
			"changed",
			path);
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return err_set(e, -EROFS, "store",
			"%s cannot be written%s%s: make its directory writable for saklard, or "
			"choose another with --state-dir",
			path, why ? ": " : "", why ? strerror(why) : "");
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
	case SQLITE_ERROR: /* a table or column is not there */
		return err_set(e, -EUCLEAN, "store",
			"%s is damaged (%s): put back a backup, or move it away to start empty",
			path, sqlite3_errmsg(db));
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(e, -EBUSY, "store",
			"%s is locked by another program: close it (a sqlite3 shell?) and try "
			"again",
			path);
	case SQLITE_IOERR:
		return err_set(e, -EIO, "store",
			"%s cannot be read or written (%s): look at the disk; nothing was changed",
			path, sqlite3_errmsg(db));
	case SQLITE_NOMEM: return err_set(e, -ENOMEM, "store", "out of memory");
	default:
		return err_set(e, -EIO, "store", "%s: %s (SQLite code %d)", path,
			sqlite3_errmsg(db), code);
	}
}

int store_sql_exec(sqlite3 *db, const char *sql, const char *path, struct err *e)
{
	int r = sqlite3_exec(db, sql, NULL, NULL, NULL);

	return r == SQLITE_OK ? 0 : store_sql_error(db, r, path, e);
}
