/* SPDX-License-Identifier: Apache-2.0 */
/* store.c - the desired state in SQLite.
 *
 * From: daemon.c (open, load), rpc_change.c (one transaction a verb).  To: STATE/saklar.db.
 * Theory: a row holds what the schema prints of an object, as JSON, beside the ids and the leg's
 * MAC that only we give; so a new field of the schema needs no new column.  PRAGMA user_version
 * is the version of the tables; steps[] brings an older file up to date in one transaction.
 * Rollback journal with synchronous=EXTRA: the commit is on disk, directory entry included, when
 * it returns (a WAL would save one sync and cost two more files and shared memory).
 * Invariants: nothing outside begin..commit writes; generation grows by one with each commit.
 * Thread: the daemon has one. */
#include "config/store.h"

#include "config/schema_parse.h"
#include "config/store_sql.h"
#include "vswitch/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HISTORY_MAX "10000"
#define BUSY_MS 2000

struct store {
	sqlite3 *db;
	char path[4096];
	bool is_open; /* within begin..commit */
};

/* steps[v] brings a file of version v to version v + 1. */
static const char *const steps[] = {
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
	"INSERT INTO meta VALUES('generation', 0), ('last_network_id', 0), ('last_vif_id', 0);"
	"CREATE TABLE network(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
	" leg_vif_id INTEGER NOT NULL, leg_mac TEXT NOT NULL, body TEXT NOT NULL);"
	"CREATE TABLE vif(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, body TEXT NOT NULL);"
	"CREATE TABLE history(generation INTEGER PRIMARY KEY, at_s INTEGER NOT NULL,"
	" uid INTEGER NOT NULL, gid INTEGER NOT NULL, pid INTEGER NOT NULL,"
	" method TEXT NOT NULL, params TEXT NOT NULL);",
	"ALTER TABLE network ADD COLUMN uplink_network_id INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE network ADD COLUMN uplink_vif_id INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE network ADD COLUMN uplink_mac TEXT NOT NULL DEFAULT '';"
	"CREATE TABLE forward(network_id INTEGER NOT NULL, proto INTEGER NOT NULL,"
	" port INTEGER NOT NULL, body TEXT NOT NULL,"
	" PRIMARY KEY(network_id, proto, port)) WITHOUT ROWID;",
};
#define STORE_VERSION ((int)ARRAY_LEN(steps))

static int sql_error(const struct store *s, int code, struct err *e)
{
	return store_sql_error(s->db, code, s->path, e);
}

static int exec(struct store *s, const char *sql, struct err *e)
{
	return store_sql_exec(s->db, sql, s->path, e);
}

/* The first column of the first row of @sql as a number. */
static int query_int(struct store *s, const char *sql, int64_t *out, struct err *e)
{
	sqlite3_stmt *q = NULL;
	int r = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);

	*out = 0;
	if (r == SQLITE_OK)
		r = sqlite3_step(q);
	if (r == SQLITE_ROW)
		*out = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return r == SQLITE_ROW ? 0 : sql_error(s, r == SQLITE_DONE ? SQLITE_CORRUPT : r, e);
}

static int check_whole(struct store *s, struct err *e)
{
	sqlite3_stmt *q = NULL;
	int r = sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &q, NULL);
	int rc = 0;

	if (r == SQLITE_OK)
		r = sqlite3_step(q);
	if (r != SQLITE_ROW)
		rc = sql_error(s, r, e);
	else if (strcmp((const char *)sqlite3_column_text(q, 0), "ok") != 0)
		rc = err_set(e, -EUCLEAN, "store",
			"%s is damaged (%.80s): put back a backup, or move it away to start empty",
			s->path, (const char *)sqlite3_column_text(q, 0));
	sqlite3_finalize(q);
	return rc;
}

static int migrate(struct store *s, struct err *e)
{
	char sql[64];
	int64_t version;
	int rc = query_int(s, "PRAGMA user_version", &version, e);

	if (rc != 0)
		return rc;
	if (version > STORE_VERSION || version < 0)
		return err_set(e, -EPROTO, "store",
			"%s was written by a newer saklard (tables of version %lld, this one knows "
			"%d): "
			"start that version, or choose another directory with --state-dir",
			s->path, (long long)version, STORE_VERSION);
	if (version == STORE_VERSION)
		return 0;
	rc = store_begin(s, e);
	for (; rc == 0 && version < STORE_VERSION; version++)
		rc = exec(s, steps[version], e);
	snprintf(sql, sizeof(sql), "PRAGMA user_version=%d", STORE_VERSION);
	if (rc == 0)
		rc = exec(s, sql, e);
	if (rc == 0)
		rc = exec(s, "COMMIT", e);
	if (rc != 0)
		store_rollback(s);
	s->is_open = false;
	return rc;
}

struct store *store_open(const char *state_dir, struct err *e)
{
	struct store *s = calloc(1, sizeof(*s));
	mode_t mask;
	int r, rc;

	if (!s) {
		(void)err_set(e, -ENOMEM, "store", "out of memory");
		return NULL;
	}
	snprintf(s->path, sizeof(s->path), "%s/saklar.db", state_dir);
	mask = umask(0077); /* who may do what here is nobody else's business */
	r = sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
	umask(mask);
	rc = r == SQLITE_OK ? 0 : sql_error(s, r, e);
	if (rc == 0) {
		(void)sqlite3_extended_result_codes(s->db, 1);
		(void)sqlite3_busy_timeout(s->db, BUSY_MS);
		rc = exec(s,
			"PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA;"
			"PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON",
			e);
	}
	if (rc == 0)
		rc = check_whole(s, e);
	if (rc == 0)
		rc = migrate(s, e);
	if (rc == 0 && sqlite3_db_readonly(s->db, "main") == 1)
		rc = sql_error(s, SQLITE_READONLY, e);
	if (rc != 0) {
		store_close(s);
		return NULL;
	}
	return s;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	store_rollback(s);
	sqlite3_close(s->db);
	free(s);
}

static int damaged_row(const struct store *s, const char *table, int id, struct err *e)
{
	char why[128];

	snprintf(why, sizeof(why), "%.100s", e && e->code ? e->msg : "no such object");
	if (e)
		*e = ERR_NONE;
	return err_set(e, -EUCLEAN, "store",
		"%s is damaged (%s %d: %s): put back a backup, or move it away to start empty",
		s->path, table, id, why);
}

static const char *column_text(sqlite3_stmt *q, int column)
{
	const char *text = (const char *)sqlite3_column_text(q, column);

	return text ? text : "";
}

/* Column @column as an id below @max; @max when it is none. */
static uint16_t column_id(sqlite3_stmt *q, int column, uint16_t max)
{
	sqlite3_int64 id = sqlite3_column_int64(q, column);

	return id >= 0 && id < max ? (uint16_t)id : max;
}

/* The ids of the uplink, which fit its kind. */
static bool load_uplink_ids(struct uplink_cfg *u, sqlite3_stmt *q)
{
	const char *mac = column_text(q, 6);

	u->network_id = column_id(q, 4, NETWORK_ID_MAX);
	u->vif_id = column_id(q, 5, VIF_ID_MAX);
	return u->network_id < NETWORK_ID_MAX && u->vif_id < VIF_ID_MAX
		&& (!mac[0] || mac_parse(mac, &u->mac) == 0);
}

static bool has_uplink_ids(const struct uplink_cfg *u)
{
	bool has_vif = u->kind == UPLINK_HOST || u->kind == UPLINK_NETDEV;

	return (u->kind != UPLINK_NONE) == (u->network_id != NETWORK_ID_NONE)
		&& has_vif == (u->vif_id != VIF_ID_NONE);
}

static int load_network(struct model *m, sqlite3_stmt *q, struct err *e)
{
	struct network_cfg n = { .id = column_id(q, 0, NETWORK_ID_MAX),
		.leg_vif_id = column_id(q, 1, VIF_ID_MAX) };
	json_t *body = json_loads(column_text(q, 3), JSON_REJECT_DUPLICATES, NULL);
	const char *mac = column_text(q, 2);
	int rc = -EINVAL;

	if (body && n.id > 0 && n.id < NETWORK_ID_MAX && n.leg_vif_id < VIF_ID_MAX
		&& (!mac[0] || mac_parse(mac, &n.leg_mac) == 0) && load_uplink_ids(&n.uplink, q))
		rc = schema_parse_network(body, SCHEMA_LOAD, &n, e);
	if (rc == 0 && strcmp(n.name, column_text(q, 7)) != 0)
		rc = -EINVAL;
	if (rc == 0
		&& ((n.n_subnets > 0) != (n.leg_vif_id != VIF_ID_NONE)
			|| !has_uplink_ids(&n.uplink)))
		rc = -EINVAL;
	if (rc == 0)
		rc = model_add_network(m, &n, e);
	network_cfg_fini(&n);
	json_decref(body);
	return rc;
}

static int load_vif(struct model *m, sqlite3_stmt *q, struct err *e)
{
	struct vif_cfg v = { .id = column_id(q, 0, VIF_ID_MAX) };
	json_t *body = json_loads(column_text(q, 1), JSON_REJECT_DUPLICATES, NULL);
	int rc = -EINVAL;

	if (body && v.id > 0 && v.id < VIF_ID_MAX)
		rc = schema_parse_vif(body, SCHEMA_LOAD, m, &v, e);
	if (rc == 0 && strcmp(v.name, column_text(q, 2)) != 0)
		rc = -EINVAL;
	if (rc == 0)
		rc = model_add_vif(m, &v, e);
	json_decref(body);
	return rc;
}

static int load_forward(struct model *m, sqlite3_stmt *q, struct err *e)
{
	struct forward_cfg f = { 0 };
	json_t *body = json_loads(column_text(q, 1), JSON_REJECT_DUPLICATES, NULL);
	int rc = body ? schema_parse_forward(body, SCHEMA_LOAD, m, &f, e) : -EINVAL;

	if (rc == 0 && f.network_id != sqlite3_column_int(q, 0))
		rc = -EINVAL;
	if (rc == 0)
		rc = model_add_forward(m, &f, e);
	json_decref(body);
	return rc;
}

/* Give each row of @sql to @load. */
static int load_rows(struct store *s, struct model *m, const char *table, const char *sql,
	int (*load)(struct model *m, sqlite3_stmt *q, struct err *e), struct err *e)
{
	sqlite3_stmt *q = NULL;
	int r = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
	int rc = 0;

	while (r == SQLITE_OK || r == SQLITE_ROW) {
		r = sqlite3_step(q);
		if (r != SQLITE_ROW)
			break;
		rc = load(m, q, e);
		if (rc != 0) {
			rc = damaged_row(s, table, sqlite3_column_int(q, 0), e);
			break;
		}
	}
	if (rc == 0 && r != SQLITE_DONE)
		rc = sql_error(s, r, e);
	sqlite3_finalize(q);
	return rc;
}

static int load_meta(struct store *s, struct model *m, struct err *e)
{
	int64_t generation = -1, network = -1, vif = -1;
	int rc = query_int(s, "SELECT value FROM meta WHERE key='generation'", &generation, e);

	if (rc == 0)
		rc = query_int(
			s, "SELECT value FROM meta WHERE key='last_network_id'", &network, e);
	if (rc == 0)
		rc = query_int(s, "SELECT value FROM meta WHERE key='last_vif_id'", &vif, e);
	if (rc != 0)
		return rc;
	if (generation < 0 || network < 0 || network >= NETWORK_ID_MAX || vif < 0
		|| vif >= VIF_ID_MAX)
		return sql_error(s, SQLITE_CORRUPT, e);
	m->generation = (uint64_t)generation;
	m->last_network_id = (uint16_t)network;
	m->last_vif_id = (uint16_t)vif;
	return 0;
}

struct model *store_load(struct store *s, struct err *e)
{
	struct model *m = model_create();
	int rc = m ? 0 : err_set(e, -ENOMEM, "store", "out of memory");

	if (rc == 0)
		rc = load_meta(s, m, e);
	if (rc == 0)
		rc = load_rows(s, m, "network",
			"SELECT id, leg_vif_id, leg_mac, body, uplink_network_id, uplink_vif_id, "
			"uplink_mac, name FROM network ORDER BY id",
			load_network, e);
	if (rc == 0)
		rc = load_rows(
			s, m, "vif", "SELECT id, body, name FROM vif ORDER BY id", load_vif, e);
	if (rc == 0)
		rc = load_rows(s, m, "forward of network",
			"SELECT network_id, body FROM forward ORDER BY network_id, proto, port",
			load_forward, e);
	if (rc == 0 && model_check(m, e) != 0)
		rc = damaged_row(s, "network or vif", 0, e);
	if (rc == 0)
		return m;
	model_destroy(m);
	return NULL;
}

int store_begin(struct store *s, struct err *e)
{
	int rc = exec(s, "BEGIN IMMEDIATE", e);

	s->is_open = rc == 0;
	return rc;
}

void store_rollback(struct store *s)
{
	if (s->is_open && !sqlite3_get_autocommit(s->db))
		(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	s->is_open = false;
}

bool store_has(struct store *s, uint64_t generation)
{
	struct err e = ERR_NONE;
	int64_t found;

	return query_int(s, "SELECT value FROM meta WHERE key='generation'", &found, &e) == 0
		&& (uint64_t)found == generation;
}

/* Step a prepared statement that gives no rows, and end it. */
static int finish(struct store *s, sqlite3_stmt *q, int r, struct err *e)
{
	if (r == SQLITE_OK)
		r = sqlite3_step(q);
	sqlite3_finalize(q);
	return r == SQLITE_DONE ? 0 : sql_error(s, r, e);
}

int store_put_network(struct store *s, const struct network_cfg *n, struct err *e)
{
	json_t *json = schema_print_network(n);
	char *body = json ? json_dumps(json, JSON_COMPACT) : NULL;
	char mac[MAC_STR_LEN] = "", uplink_mac[MAC_STR_LEN] = "";
	sqlite3_stmt *q = NULL;
	int r;

	json_decref(json);
	if (!body)
		return err_set(e, -ENOMEM, "store", "out of memory");
	if (n->leg_vif_id != VIF_ID_NONE)
		mac_print(&n->leg_mac, mac);
	if (n->uplink.kind != UPLINK_NONE)
		mac_print(&n->uplink.mac, uplink_mac);
	r = sqlite3_prepare_v2(s->db,
		"INSERT OR REPLACE INTO network(id, name, leg_vif_id, leg_mac, body, "
		"uplink_network_id, uplink_vif_id, uplink_mac) VALUES(?,?,?,?,?,?,?,?)",
		-1, &q, NULL);
	if (r == SQLITE_OK) {
		(void)sqlite3_bind_int(q, 1, n->id);
		(void)sqlite3_bind_text(q, 2, n->name, -1, SQLITE_STATIC);
		(void)sqlite3_bind_int(q, 3, n->leg_vif_id);
		(void)sqlite3_bind_text(q, 4, mac, -1, SQLITE_STATIC);
		(void)sqlite3_bind_text(q, 5, body, -1, SQLITE_STATIC);
		(void)sqlite3_bind_int(q, 6, n->uplink.network_id);
		(void)sqlite3_bind_int(q, 7, n->uplink.vif_id);
		r = sqlite3_bind_text(q, 8, uplink_mac, -1, SQLITE_STATIC);
	}
	r = finish(s, q, r, e);
	free(body);
	return r;
}

int store_put_vif(struct store *s, const struct vif_cfg *v, const struct model *m, struct err *e)
{
	json_t *json = schema_print_vif(v, m);
	char *body = json ? json_dumps(json, JSON_COMPACT) : NULL;
	sqlite3_stmt *q = NULL;
	int r;

	json_decref(json);
	if (!body)
		return err_set(e, -ENOMEM, "store", "out of memory");
	r = sqlite3_prepare_v2(
		s->db, "INSERT OR REPLACE INTO vif(id, name, body) VALUES(?,?,?)", -1, &q, NULL);
	if (r == SQLITE_OK) {
		(void)sqlite3_bind_int(q, 1, v->id);
		(void)sqlite3_bind_text(q, 2, v->name, -1, SQLITE_STATIC);
		r = sqlite3_bind_text(q, 3, body, -1, SQLITE_STATIC);
	}
	r = finish(s, q, r, e);
	free(body);
	return r;
}

/* Write or delete by key; @body NULL: delete. */
static int change_forward(
	struct store *s, const struct forward_cfg *f, const char *body, struct err *e)
{
	sqlite3_stmt *q = NULL;
	int r = sqlite3_prepare_v2(s->db,
		body ? "INSERT OR REPLACE INTO forward(network_id, proto, port, body) "
		       "VALUES(?1,?2,?3,?4)"
		     : "DELETE FROM forward WHERE network_id=?1 AND proto=?2 AND port=?3",
		-1, &q, NULL);

	if (r == SQLITE_OK) {
		(void)sqlite3_bind_int(q, 1, f->network_id);
		(void)sqlite3_bind_int(q, 2, f->proto);
		r = sqlite3_bind_int(q, 3, f->port);
	}
	if (r == SQLITE_OK && body)
		r = sqlite3_bind_text(q, 4, body, -1, SQLITE_STATIC);
	return finish(s, q, r, e);
}

int store_put_forward(
	struct store *s, const struct forward_cfg *f, const struct model *m, struct err *e)
{
	json_t *json = schema_print_forward(f, m);
	char *body = json ? json_dumps(json, JSON_COMPACT) : NULL;
	int rc = body ? change_forward(s, f, body, e)
		      : err_set(e, -ENOMEM, "store", "out of memory");

	json_decref(json);
	free(body);
	return rc;
}

int store_del_forward(struct store *s, const struct forward_cfg *f, struct err *e)
{
	return change_forward(s, f, NULL, e);
}

static int del(struct store *s, const char *sql, uint16_t id, struct err *e)
{
	sqlite3_stmt *q = NULL;
	int r = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);

	if (r == SQLITE_OK)
		r = sqlite3_bind_int(q, 1, id);
	return finish(s, q, r, e);
}

int store_del_network(struct store *s, uint16_t id, struct err *e)
{
	return del(s, "DELETE FROM network WHERE id=?", id, e);
}

int store_del_vif(struct store *s, uint16_t id, struct err *e)
{
	return del(s, "DELETE FROM vif WHERE id=?", id, e);
}

static int put_meta(struct store *s, const char *key, int64_t value, struct err *e)
{
	sqlite3_stmt *q = NULL;
	int r = sqlite3_prepare_v2(s->db, "UPDATE meta SET value=? WHERE key=?", -1, &q, NULL);

	if (r == SQLITE_OK) {
		(void)sqlite3_bind_int64(q, 1, value);
		r = sqlite3_bind_text(q, 2, key, -1, SQLITE_STATIC);
	}
	return finish(s, q, r, e);
}

static int put_history(struct store *s, uint64_t generation, const struct store_author *author,
	const char *method, const char *params, struct err *e)
{
	sqlite3_stmt *q = NULL;
	int r = sqlite3_prepare_v2(
		s->db, "INSERT INTO history VALUES(?,?,?,?,?,?,?)", -1, &q, NULL);

	if (r == SQLITE_OK) {
		(void)sqlite3_bind_int64(q, 1, (int64_t)generation);
		(void)sqlite3_bind_int64(q, 2, (int64_t)(clock_wall_ns() / NS_PER_SEC));
		(void)sqlite3_bind_int64(q, 3, author->uid);
		(void)sqlite3_bind_int64(q, 4, author->gid);
		(void)sqlite3_bind_int64(q, 5, author->pid);
		(void)sqlite3_bind_text(q, 6, method, -1, SQLITE_STATIC);
		r = sqlite3_bind_text(q, 7, params, -1, SQLITE_STATIC);
	}
	r = finish(s, q, r, e);
	if (r != 0)
		return r;
	return exec(s,
		"DELETE FROM history WHERE generation <= "
		"(SELECT max(generation) FROM history) - " HISTORY_MAX,
		e);
}

int store_commit(struct store *s, const struct model *m, const struct store_author *author,
	const char *method, const char *params, struct err *e)
{
	int rc = put_meta(s, "generation", (int64_t)m->generation, e);

	if (rc == 0)
		rc = put_meta(s, "last_network_id", m->last_network_id, e);
	if (rc == 0)
		rc = put_meta(s, "last_vif_id", m->last_vif_id, e);
	if (rc == 0)
		rc = put_history(s, m->generation, author, method, params, e);
	if (rc == 0)
		rc = exec(s, "COMMIT", e);
	if (rc == 0)
		s->is_open = false;
	return rc;
}

int store_history_foreach(struct store *s, unsigned max,
	void (*fn)(const struct store_history *h, void *arg), void *arg, struct err *e)
{
	sqlite3_stmt *q = NULL;
	int r = sqlite3_prepare_v2(s->db,
		"SELECT generation, at_s, uid, gid, pid, method, params FROM history "
		"ORDER BY generation DESC LIMIT ?",
		-1, &q, NULL);

	if (r == SQLITE_OK)
		r = sqlite3_bind_int64(q, 1, max);
	while (r == SQLITE_OK || r == SQLITE_ROW) {
		struct store_history h = { 0 };

		r = sqlite3_step(q);
		if (r != SQLITE_ROW)
			break;
		h.generation = (uint64_t)sqlite3_column_int64(q, 0);
		h.at_s = sqlite3_column_int64(q, 1);
		h.author.uid = (uid_t)sqlite3_column_int64(q, 2);
		h.author.gid = (gid_t)sqlite3_column_int64(q, 3);
		h.author.pid = (pid_t)sqlite3_column_int64(q, 4);
		snprintf(h.method, sizeof(h.method), "%s", column_text(q, 5));
		h.params = column_text(q, 6);
		fn(&h, arg);
	}
	sqlite3_finalize(q);
	return r == SQLITE_DONE ? 0 : sql_error(s, r, e);
}
