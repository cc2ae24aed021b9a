/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_status.c - `saklar status`: how daemon and engine are, and what is wrong.
 *
 * From: cli_verbs.c.  To: the daemon's method status.
 * Theory: a problem is an object, what is wrong with it, and the cure; a status without problems
 * fits on five lines.  Thread: the only one. */
#include "tools/cli_rpc.h"
#include "tools/cmd.h"
#include "tools/table.h"
#include "tools/text.h"

#include <inttypes.h>
#include <string.h>

static void label(const struct cli *cli, const char *text)
{
	fprintf(cli->out, "%-10s", text);
}

/* A number of objects, or one number for each state. */
static void print_count(const struct cli *cli, const char *what, const json_t *n)
{
	const char *state = NULL;
	json_t *v = NULL;
	bool is_first = true;
	char shown[64];

	if (!n)
		return;
	label(cli, what);
	if (!json_is_object(n)) {
		fprintf(cli->out, "%" JSON_INTEGER_FORMAT "\n",
			json_is_array(n) ? (json_int_t)json_array_size(n) : json_integer_value(n));
		return;
	}
	json_object_foreach((json_t *)(uintptr_t)n, state, v)
	{
		fprintf(cli->out, "%s%s %" JSON_INTEGER_FORMAT, is_first ? "" : ", ",
			text_escape(state, shown, sizeof(shown)), json_integer_value(v));
		is_first = false;
	}
	fputc('\n', cli->out);
}

static void print_engine(const struct cli *cli, const json_t *engine)
{
	char text[1024];
	const char *state = cli_text(engine, "state");
	bool is_up = strcmp(state, "up") == 0 || strcmp(state, "running") == 0;

	label(cli, "engine");
	text_escape(state[0] ? state : "unknown", text, sizeof(text));
	table_colored(cli->out, cli->color, is_up ? TABLE_GOOD : TABLE_BAD, text);
	if (cli_text(engine, "reason")[0])
		fprintf(cli->out, ": %s",
			text_escape(cli_text(engine, "reason"), text, sizeof(text)));
	if (cli_u64(engine, "pid"))
		fprintf(cli->out, ", pid %" PRIu64 ", up %s", cli_u64(engine, "pid"),
			text_duration(cli_u64(engine, "uptime_s"), text, sizeof(text)));
	const json_t *workers = json_object_get(engine, "workers");

	if (json_is_integer(workers))
		fprintf(cli->out, ", workers %" JSON_INTEGER_FORMAT, json_integer_value(workers));
	fprintf(cli->out, ", hugepages %s, restarts %" PRIu64 "%s\n",
		json_is_true(json_object_get(engine, "hugepages")) ? "yes" : "no",
		cli_u64(engine, "restarts"),
		json_is_true(json_object_get(engine, "taken_over")) ? ", taken over running" : "");
	if (cli_u64(engine, "connections_evicted") > 0) {
		label(cli, "evicted");
		fprintf(cli->out,
			"%" PRIu64 " connections not answered or closing made room for new ones\n",
			cli_u64(engine, "connections_evicted"));
	}
}

static void print_fast_path(const struct cli *cli, const json_t *fast)
{
	char text[256];

	if (!json_is_object(fast))
		return;
	label(cli, "fast path");
	text_escape(cli_text(fast, "state"), text, sizeof(text));
	fputs(text, cli->out);
	if (cli_text(fast, "reason")[0])
		fprintf(cli->out, ": %s",
			text_escape(cli_text(fast, "reason"), text, sizeof(text)));
	fprintf(cli->out, ", %" PRIu64 " packets passed on by the kernel\n",
		cli_u64(fast, "packets"));
}

static void print_problems(const struct cli *cli, const json_t *problems)
{
	char object[128];
	char text[1200];
	size_t i = 0;
	json_t *p = NULL;

	label(cli, "problems");
	if (json_array_size(problems) == 0) {
		fputs("none\n", cli->out);
		return;
	}
	fprintf(cli->out, "%zu\n", json_array_size(problems));
	json_array_foreach(problems, i, p)
	{
		text_escape(cli_text(p, "object"), object, sizeof(object));
		fputs("  ", cli->out);
		table_colored(cli->out, cli->color, TABLE_WARN, object);
		fprintf(cli->out, ": %s\n", text_escape(cli_text(p, "text"), text, sizeof(text)));
		if (cli_text(p, "cure")[0])
			fprintf(cli->out, "    cure: %s\n",
				text_escape(cli_text(p, "cure"), text, sizeof(text)));
	}
}

static void print_status(const struct cli *cli, const json_t *s)
{
	char text[256];
	const json_t *daemon = json_object_get(s, "daemon");

	label(cli, "saklar");
	fprintf(cli->out, "%s", text_escape(cli_text(s, "version"), text, sizeof(text)));
	fprintf(cli->out, " (%s), generation %" PRIu64 "\n",
		text_escape(cli_text(s, "build"), text, sizeof(text)), cli_u64(s, "generation"));
	label(cli, "daemon");
	fprintf(cli->out, "pid %" PRIu64 ", up %s\n", cli_u64(daemon, "pid"),
		text_duration(cli_u64(daemon, "uptime_s"), text, sizeof(text)));
	print_engine(cli, json_object_get(s, "engine"));
	print_fast_path(cli, json_object_get(s, "fast_path"));
	print_count(cli, "networks", json_object_get(s, "networks"));
	print_count(cli, "vifs", json_object_get(s, "vifs"));
	print_problems(cli, json_object_get(s, "problems"));
}

int cmd_status(const struct cli *cli, const struct cli_verb *, struct cli_args *)
{
	json_t *result = NULL;
	int code = cli_call(cli, RPC_ROLE_RO, "status", NULL, &result);

	if (code == CLI_DONE) {
		if (cli->json)
			cli_print_json(cli, result);
		else
			print_status(cli, result);
	}
	json_decref(result);
	return code;
}
