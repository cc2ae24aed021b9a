/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_stp.c - spanning trees: for each a few lines about the bridge and a table of its ports.
 *
 * From: cli_verbs.c.  To: the daemon's method stp.show, table.c.
 * Thread: the only one. */
#include "tools/cli_args.h"
#include "tools/cli_rpc.h"
#include "tools/cmd.h"
#include "tools/list.h"
#include "tools/text.h"

#include <inttypes.h>
#include <string.h>

static enum table_color state_color(const char *state)
{
	if (strcmp(state, "forwarding") == 0)
		return TABLE_GOOD;
	return strcmp(state, "disabled") == 0 ? TABLE_BAD : TABLE_WARN;
}

/* "edge", "stp" (an old neighbour), what guards it. */
static const char *port_notes(const json_t *row, const char *version, char *out, size_t size)
{
	const char *guard = cli_text(row, "guarded_by");
	const char *speaks = cli_text(row, "version");
	bool is_old = strcmp(speaks, version) != 0;

	snprintf(out, size, "%s%s%s%s%s", json_is_true(json_object_get(row, "edge")) ? "edge " : "",
		is_old ? speaks : "", is_old ? " " : "", guard, guard[0] ? "-guard" : "");
	return out;
}

static void port_row(struct table *t, const json_t *row, const char *version)
{
	char notes[48];

	list_cell_text(t, row, "vif");
	list_cell_text(t, row, "role");
	table_cell(t, state_color(cli_text(row, "state")), cli_text(row, "state"));
	table_cell_u64(t, cli_u64(row, "cost"));
	table_cell_u64(t, cli_u64(row, "priority"));
	list_cell_text(t, row, "designated_bridge");
	table_cell_u64(t, cli_u64(row, "forward_timer"));
	table_cell_u64(t, cli_u64(row, "message_timer"));
	table_cell_u64(t, cli_u64(row, "rx_bpdus"));
	table_cell_u64(t, cli_u64(row, "tx_bpdus"));
	table_cell(t, TABLE_PLAIN, port_notes(row, version, notes, sizeof(notes)));
}

static void print_bridge(const struct cli *cli, const json_t *b)
{
	static const char *const headings[] = { "VIF", "ROLE", "STATE", ">COST", ">PRIO",
		"DESIGNATED", ">FORWARD", ">MESSAGE", ">RX", ">TX", "NOTES", NULL };
	const char *version = cli_text(b, "version");
	char name[64], root_port[64];
	struct table *t;
	const json_t *row;
	size_t i;

	text_escape(cli_text(b, "network"), name, sizeof(name));
	text_escape(cli_text(b, "root_port"), root_port, sizeof(root_port));
	fprintf(cli->out, "%s: %s, bridge %s, root %s", name, version, cli_text(b, "bridge_id"),
		cli_text(b, "root_id"));
	if (json_is_true(json_object_get(b, "is_root")))
		fputs(" (this bridge)\n", cli->out);
	else
		fprintf(cli->out, " by %s at cost %" PRIu64 "\n", root_port,
			cli_u64(b, "root_cost"));
	fprintf(cli->out,
		"  hello %" PRIu64 " s, max age %" PRIu64 " s, forward delay %" PRIu64
		" s, %" PRIu64 " topology changes",
		cli_u64(b, "hello_time"), cli_u64(b, "max_age"), cli_u64(b, "forward_delay"),
		cli_u64(b, "topology_changes"));
	if (cli_u64(b, "topology_changes") > 0)
		fprintf(cli->out, ", the last one %" PRIu64 " s ago", cli_u64(b, "changed_s"));
	fputc('\n', cli->out);
	t = table_create(headings);
	json_array_foreach(json_object_get(b, "ports"), i, row) port_row(t, row, version);
	table_print(t, cli->out, cli->color);
	table_destroy(t);
}

int cmd_stp_show(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	json_t *result = NULL;
	const json_t *row;
	size_t i;
	int code = cli_call(cli, RPC_ROLE_RO, "stp.show", list_filter(args), &result);

	if (code != CLI_DONE)
		return code;
	if (cli->json)
		cli_print_json(cli, result);
	else if (json_array_size(result) == 0)
		fputs("no spanning trees: 'saklar network set NAME --stp rstp' makes one\n",
			cli->err);
	else
		json_array_foreach(result, i, row) print_bridge(cli, row);
	json_decref(result);
	return code;
}
