/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_worker.c - the engine's workers: how busy they are, and where the cycles go.
 *
 * From: cli_verbs.c.  To: list.c.
 * Theory: the engine counts cycles by stage only while somebody asks.  Asking twice, a second apart, and
 * taking the difference shows what packets cost now.
 * Thread: the only one. */
#include "tools/cli_args.h"
#include "tools/cli_rpc.h"
#include "tools/cmd.h"
#include "tools/list.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

static const char no_workers[] = "no workers: the engine is not running; see 'saklar status'";

static void worker_row(struct table *t, const json_t *row)
{
	static const char *const counters[] = { "cycles_per_packet", "packets", "hops", "bursts",
		"polls", "sleeps", "wakeups", "no_mbuf" };
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, cli_u64(row, "worker"));
	table_cell(t, TABLE_PLAIN, text);
	snprintf(text, sizeof(text), "%.1f %%",
		json_number_value(json_object_get(row, "busy_percent")));
	table_cell(t, TABLE_PLAIN, text);
	for (size_t i = 0; i < ARRAY_LEN(counters); i++)
		table_cell_u64(t, cli_u64(row, counters[i]));
}

static int counters_print(const struct cli *cli)
{
	static const char *const headings[] = { "WORKER", ">BUSY", ">CYCLES/PKT", ">PACKETS",
		">HOPS", ">BURSTS", ">POLLS", ">SLEEPS", ">WAKEUPS", ">NO-MBUF", NULL };

	return list_print(cli, "worker.list", NULL, headings, worker_row, no_workers);
}

static uint64_t since(uint64_t before, uint64_t after)
{
	return after > before ? after - before : 0;
}

/* Cycles a packet of one stage, in the rows of one worker before and after. */
static json_t *stage_costs(const json_t *before, const json_t *after)
{
	uint64_t n = since(cli_u64(before, "measured_packets"), cli_u64(after, "measured_packets"));
	const json_t *was = json_object_get(before, "stages");
	json_t *out = json_array();
	json_t *stage = NULL;
	size_t i = 0;

	json_array_foreach(json_object_get(after, "stages"), i, stage)
	{
		uint64_t cycles = since(
			cli_u64(json_array_get(was, i), "cycles"), cli_u64(stage, "cycles"));

		json_array_append_new(out,
			json_pack("{s:s, s:I, s:f}", "stage", cli_text(stage, "stage"), "cycles",
				(json_int_t)MIN(cycles, (uint64_t)INT64_MAX), "cycles_per_packet",
				n > 0 ? (double)cycles / (double)n : 0.0));
	}
	return json_pack("{s:I, s:I, s:o}", "worker", (json_int_t)cli_u64(after, "worker"),
		"packets", (json_int_t)MIN(n, (uint64_t)INT64_MAX), "stages", out);
}

static void costs_print(const struct cli *cli, const json_t *workers)
{
	static const char *const headings[]
		= { "WORKER", "STAGE", ">CYCLES/PKT", ">PACKETS", NULL };
	struct table *t = table_create(headings);
	json_t *row = NULL, *stage = NULL;
	size_t i = 0, k = 0;

	json_array_foreach(workers, i, row)
	{
		json_array_foreach(json_object_get(row, "stages"), k, stage)
		{
			char text[32];

			snprintf(text, sizeof(text), "%" PRIu64, cli_u64(row, "worker"));
			table_cell(t, TABLE_PLAIN, text);
			list_cell_text(t, stage, "stage");
			snprintf(text, sizeof(text), "%.1f",
				json_number_value(json_object_get(stage, "cycles_per_packet")));
			table_cell(t, TABLE_PLAIN, text);
			table_cell_u64(t, cli_u64(row, "packets"));
		}
	}
	table_print(t, cli->out, cli->color);
	table_destroy(t);
}

static int ask(const struct cli *cli, struct rpc_client *c, json_t **rows)
{
	return cli_call_on(cli, c, "worker.list", json_pack("{s:b}", "stages", true), rows);
}

/* What packets of the next second cost by stage. */
static int stages_print(const struct cli *cli)
{
	const struct timespec second = { .tv_sec = 1 };
	json_t *before = NULL, *after = NULL, *costs = json_array(), *row = NULL;
	size_t i = 0;
	int code = CLI_DONE;
	struct rpc_client *c = cli_connect(cli, RPC_ROLE_RO, &code);

	if (c)
		code = ask(cli, c, &before);
	if (c && code == CLI_DONE) {
		nanosleep(&second, NULL);
		code = ask(cli, c, &after);
	}
	if (c && code == CLI_DONE) {
		json_array_foreach(after, i, row)
			json_array_append_new(costs, stage_costs(json_array_get(before, i), row));
		if (cli->json)
			cli_print_json(cli, costs);
		else if (json_array_size(costs) == 0)
			fprintf(cli->err, "%s\n", no_workers);
		else
			costs_print(cli, costs);
	}
	json_decref(before);
	json_decref(after);
	json_decref(costs);
	rpc_client_close(c);
	return code;
}

int cmd_worker_list(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	return cli_args_has(args, "stages") ? stages_print(cli) : counters_print(cli);
}
