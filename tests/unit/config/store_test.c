/* SPDX-License-Identifier: Apache-2.0 */
/* store_test.c - what is committed is there again, what is not is not, and bad files are refused. */
#include "config/store.h"
#include "tests/lib/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], db[96];

static int make_dir(void **)
{
	snprintf(dir, sizeof(dir), "/tmp/saklar-store-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(db, sizeof(db), "%s/saklar.db", dir);
	return 0;
}

static int remove_dir(void **)
{
	unlink(db);
	return rmdir(dir);
}

static const struct store_author author = { .uid = 1000, .gid = 100, .pid = 42 };

static struct store *open_store(void)
{
	struct err e = ERR_NONE;
	struct store *s = store_open(dir, &e);

	if (!s)
		fail_msg("%s", e.msg);
	return s;
}

static struct model *load(struct store *s)
{
	struct err e = ERR_NONE;
	struct model *m = store_load(s, &e);

	if (!m)
		fail_msg("%s", e.msg);
	return m;
}

static void sql(const char *text)
{
	sqlite3 *h;

	assert_int_equal(sqlite3_open(db, &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(h);
}

/* store_open() or store_load() fails, and the sentence holds @words. */
static void assert_refused(int code, const char *words)
{
	struct err e = ERR_NONE;
	struct store *s = store_open(dir, &e);
	struct model *m = s ? store_load(s, &e) : NULL;

	assert_null(m);
	store_close(s);
	if (!strstr(e.msg, words))
		fail_msg("'%s' does not hold '%s'", e.msg, words);
	assert_int_equal(e.code, code);
}

/* A network with a leg and a vif, in the store and in the returned model. */
static struct model *commit_lab(struct store *s)
{
	struct model *m = load(s);
	struct network_cfg n = { .id = 3,
		.name = "lab",
		.mode = NETWORK_MODE_ISOLATED,
		.mtu = 1500,
		.ageing_s = 300,
		.n_subnets = 1,
		.leg_vif_id = 7,
		.leg_mac = { { 0x52, 0x54, 0, 1, 2, 3 } } };
	struct vif_cfg v = { .id = 8,
		.name = "web0",
		.network_id = 3,
		.type = VIF_TYPE_TAP,
		.dev = "web0",
		.queues = 2 };

	assert_int_equal(ipnet_parse("10.0.0.0/24", &n.subnet[0]), 0);
	assert_int_equal(ip_parse("10.0.0.1", &n.gateway[0]), 0);
	assert_int_equal(model_add_network(m, &n, NULL), 0);
	assert_int_equal(model_add_vif(m, &v, NULL), 0);
	m->generation++;
	m->last_network_id = 3;
	m->last_vif_id = 8;
	assert_int_equal(store_begin(s, NULL), 0);
	assert_int_equal(store_put_network(s, &n, NULL), 0);
	assert_int_equal(store_put_vif(s, &v, m, NULL), 0);
	assert_int_equal(store_commit(s, m, &author, "vif.add", "{\"name\":\"web0\"}", NULL), 0);
	return m;
}

static void a_new_store_is_empty(void **)
{
	struct store *s = open_store();
	struct model *m = load(s);

	assert_int_equal(m->generation, 0);
	assert_int_equal(m->n_networks + m->n_vifs, 0);
	model_destroy(m);
	store_close(s);
}

static void a_commit_is_there_again_with_all_ids(void **)
{
	struct store *s = open_store();
	struct model *m;

	model_destroy(commit_lab(s));
	store_close(s);
	s = open_store();
	m = load(s);
	assert_int_equal(m->generation, 1);
	assert_int_equal(m->last_vif_id, 8);
	assert_int_equal(model_network(m, "lab")->id, 3);
	assert_int_equal(model_network(m, "lab")->leg_vif_id, 7);
	assert_int_equal(model_network(m, "lab")->leg_mac.b[5], 3);
	assert_int_equal(model_vif(m, "web0")->id, 8);
	assert_int_equal(model_vif(m, "web0")->network_id, 3);
	model_destroy(m);
	store_close(s);
}

static void what_is_rolled_back_is_not_there(void **)
{
	struct store *s = open_store();
	struct model *m = commit_lab(s);

	assert_int_equal(store_begin(s, NULL), 0);
	assert_int_equal(store_del_vif(s, 8, NULL), 0);
	store_rollback(s);
	model_destroy(m);
	m = load(s);
	assert_non_null(model_vif(m, "web0"));
	model_destroy(m);
	store_close(s);
}

static void closing_in_the_middle_changes_nothing(void **)
{
	struct store *s = open_store();
	struct model *m = commit_lab(s);

	assert_int_equal(store_begin(s, NULL), 0);
	assert_int_equal(store_del_vif(s, 8, NULL), 0);
	store_close(s);
	model_destroy(m);
	s = open_store();
	m = load(s);
	assert_non_null(model_vif(m, "web0"));
	model_destroy(m);
	store_close(s);
}

static void take_history(const struct store_history *h, void *arg)
{
	*(unsigned *)arg += 1;
	assert_int_equal(h->generation, 1);
	assert_int_equal(h->author.uid, 1000);
	assert_int_equal(h->author.pid, 42);
	assert_string_equal(h->method, "vif.add");
	assert_string_equal(h->params, "{\"name\":\"web0\"}");
	assert_true(h->at_s > 0);
}

static void history_says_who_did_what(void **)
{
	struct store *s = open_store();
	unsigned n = 0;

	model_destroy(commit_lab(s));
	assert_int_equal(store_history_foreach(s, 10, take_history, &n, NULL), 0);
	assert_int_equal(n, 1);
	store_close(s);
}

static void the_file_is_for_the_owner_only(void **)
{
	struct stat st;

	store_close(open_store());
	assert_int_equal(stat(db, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_file_of_a_newer_version_is_refused(void **)
{
	store_close(open_store());
	sql("PRAGMA user_version=99");
	assert_refused(-EPROTO, "was written by a newer saklard");
}

static void a_file_that_is_no_database_is_refused(void **)
{
	FILE *f = fopen(db, "w");

	assert_non_null(f);
	for (unsigned i = 0; i < 4096; i++)
		fputc('x', f);
	fclose(f);
	assert_refused(-EUCLEAN, "put back a backup, or move it away to start empty");
}

static void a_damaged_page_is_refused(void **)
{
	struct store *s = open_store();
	char junk[2048];
	struct stat st;
	int fd;

	model_destroy(commit_lab(s));
	store_close(s);
	memset(junk, 0xa5, sizeof(junk));
	fd = open(db, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	for (off_t at = 4096; at < st.st_size; at += 4096)
		assert_int_equal(pwrite(fd, junk, sizeof(junk), at), sizeof(junk));
	close(fd);
	assert_refused(-EUCLEAN, "is damaged");
}

static void rows_that_do_not_fit_are_refused(void **)
{
	static const char *const changes[] = {
		"UPDATE vif SET body='no json'",
		"UPDATE vif SET body='{\"name\":\"web0\",\"network\":\"nolab\",\"type\":\"tap\"}'",
		"UPDATE network SET body='{\"name\":\"lab\",\"mtu\":1}'",
		"UPDATE network SET id=70000",
		"UPDATE network SET leg_vif_id=0",
		"UPDATE network SET leg_mac='x'",
		"UPDATE meta SET value=-1",
	};

	for (unsigned i = 0; i < ARRAY_LEN(changes); i++) {
		struct store *s = open_store();

		model_destroy(commit_lab(s));
		store_close(s);
		sql(changes[i]);
		assert_refused(-EUCLEAN, "is damaged");
		assert_int_equal(unlink(db), 0);
	}
	store_close(open_store());
}

static void a_directory_that_is_missing_is_refused(void **)
{
	struct err e = ERR_NONE;

	store_close(open_store());
	assert_null(store_open("/nonexistent/directory", &e));
	assert_non_null(strstr(e.msg, "--state-dir"));
}

static void a_locked_file_is_refused(void **)
{
	struct store *s = open_store();
	struct err e = ERR_NONE;
	sqlite3 *h;

	assert_int_equal(sqlite3_open(db, &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(store_begin(s, &e), -EBUSY);
	assert_non_null(strstr(e.msg, "locked by another program"));
	sqlite3_close(h);
	store_close(s);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		TEST(a_new_store_is_empty),
		TEST(a_commit_is_there_again_with_all_ids),
		TEST(what_is_rolled_back_is_not_there),
		TEST(closing_in_the_middle_changes_nothing),
		TEST(history_says_who_did_what),
		TEST(the_file_is_for_the_owner_only),
		TEST(a_file_of_a_newer_version_is_refused),
		TEST(a_file_that_is_no_database_is_refused),
		TEST(a_damaged_page_is_refused),
		TEST(rows_that_do_not_fit_are_refused),
		TEST(a_directory_that_is_missing_is_refused),
		TEST(a_locked_file_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
