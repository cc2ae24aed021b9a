/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_drops.c - `saklar drops [-f]`: who lost how many packets, and why.
 *
 * From: cli_verbs.c.  To: the daemon's method drops.
 * Theory: following asks once a second over one connection and prints what grew.  Ctrl-C ends the
 * program as it ends any other; nothing has to be put back.  Thread: the only one. */
#include "tools/cli_args.h"
#include "tools/cli_rpc.h"
#include "tools/cmd.h"
#include "tools/table.h"
#include "tools/text.h"
#include "vswitch/abi/drop_reasons.h"
#include "vswitch/base/check.h"

#include <string.h>
#include <time.h>

/* What a reason means: the daemon's words, or ours when it is older than this program. */
static const char *doc_of(const json_t *row)
{
	if (cli_text(row, "doc")[0])
		return cli_text(row, "doc");
	for (unsigned i = 1; i < DROP_N; i++)
		if (strcmp(drop_reason_texts[i].name, cli_text(row, "reason")) == 0)
			return drop_reason_texts[i].doc;
	return "";
}

static bool is_wanted(const json_t *row, const char *vif)
{
	return !vif || strcmp(cli_text(row, "vif"), vif) == 0;
}

static void print_table(const struct cli *cli, const json_t *rows)
{
	static const char *const headings[]
		= { "VIF", "NETWORK", ">PACKETS", "REASON", "MEANING", NULL };
	struct table *t = table_create(headings);
	json_t *row = NULL;
	size_t i = 0;

	json_array_foreach(rows, i, row)
	{
		table_cell(t, TABLE_PLAIN, cli_text(row, "vif"));
		table_cell(t, TABLE_PLAIN, cli_text(row, "network"));
		table_cell_u64(t, cli_u64(row, "packets"));
		table_cell(t, TABLE_WARN, cli_text(row, "reason"));
		table_cell(t, TABLE_DIM, doc_of(row));
	}
	table_print(t, cli->out, cli->color);
	table_destroy(t);
}

/* The rows of @vif, or all; a new reference. */
static json_t *wanted_rows(const json_t *rows, const char *vif)
{
	json_t *out = json_array();
	json_t *row = NULL;
	size_t i = 0;

	CHECK(out);
	json_array_foreach(rows, i, row) if (is_wanted(row, vif)) json_array_append(out, row);
	return out;
}

static void print_growth(const struct cli *cli, const json_t *row, uint64_t n)
{
	char when[32] = "";
	char field[4][320];
	time_t now = time(NULL);
	struct tm tm;

	if (localtime_r(&now, &tm))
		strftime(when, sizeof(when), "%H:%M:%S", &tm);
	fprintf(cli->out, "%s  %-15s +%-8s %s  (%s)\n", when,
		text_escape(cli_text(row, "vif"), field[0], sizeof(field[0])),
		text_count(n, field[1], sizeof(field[1])),
		text_escape(cli_text(row, "reason"), field[2], sizeof(field[2])),
		text_escape(doc_of(row), field[3], sizeof(field[3])));
}

/* Print what grew since @seen ({"vif reason": packets}), and remember it. */
static void print_new(const struct cli *cli, const json_t *rows, json_t *seen, bool is_first)
{
	json_t *row = NULL;
	size_t i = 0;

	json_array_foreach(rows, i, row)
	{
		char key[320];
		uint64_t n = cli_u64(row, "packets");

		snprintf(key, sizeof(key), "%.150s %.150s", cli_text(row, "vif"),
			cli_text(row, "reason"));
		uint64_t before = cli_u64(seen, key);

		if (n > before && !is_first)
			print_growth(cli, row, n - before);
		json_object_set_new(seen, key, json_integer((json_int_t)n));
	}
	fflush(cli->out);
}

/* One turn: ask, print.  *seen is NULL in the first turn. */
static int turn(const struct cli *cli, struct rpc_client *c, const char *vif, bool is_following,
	json_t **seen)
{
	json_t *result = NULL;
	int code = cli_call_on(cli, c, "drops", json_object(), &result);

	if (code != CLI_DONE)
		return code;
	json_t *rows = wanted_rows(result, vif);

	json_decref(result);
	if (is_following) {
		bool is_first = !*seen;

		if (is_first)
			*seen = json_object();
		print_new(cli, rows, *seen, is_first);
	} else if (cli->json) {
		cli_print_json(cli, rows);
	} else if (json_array_size(rows) == 0) {
		fputs("no packets were dropped\n", cli->err);
	} else {
		print_table(cli, rows);
	}
	json_decref(rows);
	return CLI_DONE;
}

int cmd_drops(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	const char *vif = cli_args_text(args, "vif");
	bool is_following = cli_args_has(args, "follow");
	const struct timespec second = { .tv_sec = 1 };
	json_t *seen = NULL;
	int code = CLI_DONE;

	if (is_following && cli->json)
		return cli_fail(cli, CLI_USAGE,
			"--follow and --json exclude each other; ask again and again with --json");
	struct rpc_client *c = cli_connect(cli, RPC_ROLE_RO, &code);

	if (!c)
		return code;
	do {
		code = turn(cli, c, vif, is_following, &seen);
	} while (is_following && code == CLI_DONE && !ferror(cli->out)
		&& nanosleep(&second, NULL) == 0);
	json_decref(seen);
	rpc_client_close(c);
	return code;
}
