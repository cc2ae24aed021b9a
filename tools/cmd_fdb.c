/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_fdb.c - MAC addresses and the vifs they are behind: add, del, list, flush.
 *
 * From: cli_verbs.c.  To: the daemon's fdb.* methods, list.c.
 * Thread: the only one. */
#include "tools/cli_args.h"
#include "tools/cli_rpc.h"
#include "tools/cmd.h"
#include "tools/list.h"

#include <inttypes.h>

static void fdb_row(struct table *t, const json_t *row)
{
	char text[32];

	list_cell_text(t, row, "mac");
	list_cell_text(t, row, "network");
	snprintf(text, sizeof(text), "%" PRIu64, cli_u64(row, "vlan"));
	table_cell(t, TABLE_PLAIN, cli_u64(row, "vlan") ? text : "");
	list_cell_text(t, row, "vif");
	if (json_is_true(json_object_get(row, "sticky")))
		table_cell(t, TABLE_PLAIN, "sticky");
	else
		list_cell_text(t, row, "origin");
	table_cell_u64(t, cli_u64(row, "age_s"));
	table_cell_u64(t, cli_u64(row, "moves"));
}

int cmd_fdb_list(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	static const char *const headings[]
		= { "MAC", "NETWORK", "VLAN", "VIF", "ORIGIN", ">AGE", ">MOVES", NULL };

	return list_print(
		cli, "fdb.list", list_filter(args), headings, fdb_row, "no MAC addresses known");
}

/* Put the number of --vlan, when it was given, into @params, which may be NULL. */
static json_t *with_vlan(const struct cli_args *args, json_t *params)
{
	if (params && cli_args_has(args, "vlan"))
		json_object_set_new(
			params, "vlan", json_integer((json_int_t)cli_args_number(args, "vlan", 0)));
	return params;
}

int cmd_fdb_add(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	json_t *params = json_pack("{s:s, s:s, s:b}", "mac", args->word[0], "vif", args->word[1],
		"sticky", cli_args_has(args, "sticky"));

	return cli_change(cli, "fdb.add", with_vlan(args, params));
}

int cmd_fdb_del(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	json_t *params = json_pack("{s:s, s:s}", "mac", args->word[0], "network", args->word[1]);

	return cli_change(cli, "fdb.del", with_vlan(args, params));
}

int cmd_fdb_flush(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	return cli_change(cli, "fdb.flush", with_vlan(args, list_filter(args)));
}
