/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_list.c - lists as tables: networks, vifs, MAC addresses, workers.
 *
 * From: cli_verbs.c.  To: the daemon's NOUN.list methods.
 * Theory: --json prints what the daemon gave, untouched; tables choose columns and join words.
 * Thread: the only one. */
#include "tools/cli_args.h"
#include "tools/cli_rpc.h"
#include "tools/cmd.h"
#include "tools/table.h"
#include "tools/text.h"

#include <inttypes.h>
#include <string.h>

static enum table_color state_color(const char *state)
{
	if (strcmp(state, "up") == 0)
		return TABLE_GOOD;
	if (strcmp(state, "failed") == 0)
		return TABLE_BAD;
	return strcmp(state, "waiting") == 0 || strcmp(state, "pending") == 0 ? TABLE_WARN
									      : TABLE_PLAIN;
}

static void cell_state(struct table *t, const json_t *row)
{
	const char *state = cli_text(row, "state");

	table_cell(t, state_color(state), state);
}

static void cell_words(struct table *t, const json_t *row, const char *key)
{
	char text[512];

	table_cell(t, TABLE_PLAIN, cli_words(row, key, text, sizeof(text)));
}

/* Fetch, then print as JSON or let @fill make the rows of a table. */
static int list(const struct cli *cli, const char *method, json_t *params,
	const char *const *headings, void (*fill)(struct table *t, const json_t *row),
	const char *nothing)
{
	json_t *result = NULL;
	json_t *row = NULL;
	size_t i = 0;
	int code = cli_call(cli, RPC_ROLE_RO, method, params, &result);

	if (code != CLI_DONE)
		return code;
	if (cli->json) {
		cli_print_json(cli, result);
	} else if (json_array_size(result) == 0) {
		fprintf(cli->err, "%s\n", nothing);
	} else {
		struct table *t = table_create(headings);

		json_array_foreach(result, i, row) fill(t, row);
		table_print(t, cli->out, cli->color);
		table_destroy(t);
	}
	json_decref(result);
	return code;
}

static void network_row(struct table *t, const json_t *row)
{
	table_cell(t, TABLE_PLAIN, cli_text(row, "name"));
	table_cell(t, TABLE_PLAIN, cli_text(row, "mode"));
	cell_state(t, row);
	cell_words(t, row, "subnets");
	cell_words(t, row, "gateways");
	table_cell(t, TABLE_PLAIN, json_is_true(json_object_get(row, "dhcp")) ? "on" : "off");
	cell_words(t, row, "vifs");
	table_cell(t, TABLE_PLAIN, cli_text(row, "reason"));
}

int cmd_network_list(const struct cli *cli, const struct cli_verb *, struct cli_args *)
{
	static const char *const headings[] = { "NAME", "MODE", "STATE", "SUBNETS", "GATEWAYS",
		"DHCP", "VIFS", "REASON", NULL };

	return list(cli, "network.list", NULL, headings, network_row,
		"no networks yet; 'saklar network add --help' says how to add one");
}

static void vif_row(struct table *t, const json_t *row)
{
	table_cell(t, TABLE_PLAIN, cli_text(row, "name"));
	table_cell(t, TABLE_PLAIN, cli_text(row, "type"));
	table_cell(t, TABLE_PLAIN, cli_text(row, "network"));
	cell_state(t, row);
	table_cell(t, TABLE_PLAIN, cli_text(row, "mac"));
	table_cell_u64(t, cli_u64(row, "rx_packets"));
	table_cell_u64(t, cli_u64(row, "tx_packets"));
	table_cell_u64(t, cli_u64(row, "drops_total"));
	table_cell(t, TABLE_PLAIN, cli_text(row, "reason"));
}

int cmd_vif_list(const struct cli *cli, const struct cli_verb *, struct cli_args *)
{
	static const char *const headings[] = { "NAME", "TYPE", "NETWORK", "STATE", "MAC", ">RX",
		">TX", ">DROPS", "REASON", NULL };

	return list(cli, "vif.list", NULL, headings, vif_row,
		"no vifs yet; 'saklar vif add --help' says how to add one");
}

static void fdb_row(struct table *t, const json_t *row)
{
	char text[32];

	table_cell(t, TABLE_PLAIN, cli_text(row, "mac"));
	table_cell(t, TABLE_PLAIN, cli_text(row, "network"));
	snprintf(text, sizeof(text), "%" PRIu64, cli_u64(row, "vlan"));
	table_cell(t, TABLE_PLAIN, cli_u64(row, "vlan") ? text : "");
	table_cell(t, TABLE_PLAIN, cli_text(row, "vif"));
	table_cell(t, TABLE_PLAIN, cli_text(row, "origin"));
	table_cell_u64(t, cli_u64(row, "age_s"));
	table_cell_u64(t, cli_u64(row, "moves"));
}

static json_t *fdb_params(const struct cli_args *args)
{
	const char *network = cli_args_text(args, "network");

	return network ? json_pack("{s:s}", "network", network) : json_object();
}

int cmd_fdb_list(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	static const char *const headings[]
		= { "MAC", "NETWORK", "VLAN", "VIF", "ORIGIN", ">AGE", ">MOVES", NULL };

	return list(cli, "fdb.list", fdb_params(args), headings, fdb_row, "no MAC addresses known");
}

int cmd_fdb_flush(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	json_t *result = NULL;
	int code = cli_call(cli, RPC_ROLE_RW, "fdb.flush", fdb_params(args), &result);

	if (code == CLI_DONE && cli->json)
		cli_print_json(cli, result);
	json_decref(result);
	return code;
}

static void worker_row(struct table *t, const json_t *row)
{
	static const char *const counters[]
		= { "packets", "bursts", "polls", "sleeps", "wakeups", "busy_ns", "no_mbuf" };
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, cli_u64(row, "worker"));
	table_cell(t, TABLE_PLAIN, text);
	for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
		uint64_t n = cli_u64(row, counters[i]);

		if (strcmp(counters[i], "busy_ns") == 0) {
			snprintf(text, sizeof(text), "%.3f s", (double)n / 1e9);
			table_cell(t, TABLE_PLAIN, text);
		} else {
			table_cell_u64(t, n);
		}
	}
}

int cmd_worker_list(const struct cli *cli, const struct cli_verb *, struct cli_args *)
{
	static const char *const headings[] = { "WORKER", ">PACKETS", ">BURSTS", ">POLLS",
		">SLEEPS", ">WAKEUPS", ">BUSY", ">NO-MBUF", NULL };

	return list(cli, "worker.list", NULL, headings, worker_row,
		"no workers: the engine is not running; see 'saklar status'");
}
