/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_mdb.c - multicast groups: list, and static ones: add, del.
 *
 * From: cli_verbs.c.  To: the daemon's mdb.* methods, list.c.
 * Thread: the only one. */
#include "tools/cli_args.h"
#include "tools/cli_rpc.h"
#include "tools/cmd.h"
#include "tools/list.h"

#include <stdio.h>
#include <string.h>

static void mdb_row(struct table *t, const json_t *row)
{
	uint64_t vlan = cli_u64(row, "vlan");
	bool is_own = strcmp(cli_text(row, "kind"), "querier") == 0 && !cli_text(row, "vif")[0];
	double left = json_number_value(json_object_get(row, "timeout_s"));
	char text[32] = "";

	list_cell_text(t, row, "network");
	if (vlan != 0)
		snprintf(text, sizeof(text), "%u", (unsigned)vlan);
	table_cell(t, TABLE_PLAIN, text);
	list_cell_text(t, row, "kind");
	table_cell(t, TABLE_PLAIN, is_own ? "(saklar)" : cli_text(row, "vif"));
	list_cell_text(t, row, "group");
	list_cell_text(t, row, "source");
	if (json_is_true(json_object_get(row, "flooding")))
		table_cell(t, TABLE_PLAIN, "flooding");
	else
		list_cell_text(t, row, "mode");
	text[0] = '\0';
	if (json_is_true(json_object_get(row, "static")))
		snprintf(text, sizeof(text), "static");
	else if (left > 0)
		snprintf(text, sizeof(text), "%.1f", left);
	table_cell(t, TABLE_PLAIN, text);
}

int cmd_mdb_list(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	static const char *const headings[]
		= { "NETWORK", "VLAN", "KIND", "VIF", "GROUP", "SOURCE", "MODE", "LEFT", NULL };

	return list_print(cli, "mdb.list", list_filter(args), headings, mdb_row,
		"no groups, no queriers: multicast is flooded");
}

/* "239.1.1.1", "239.1.1.1,10.0.0.5", "239.1.1.1,vlan=10": the words of multicast_groups. */
static json_t *params_of(const struct cli_args *args)
{
	json_t *params = json_pack("{s:s}", "vif", args->word[0]);
	const char *at = args->word[1];
	bool has_group = false;

	while (params != NULL) {
		size_t len = strcspn(at, ",");

		if (len > 5 && strncmp(at, "vlan=", 5) == 0) {
			unsigned vid = 0;

			for (size_t i = 5; i < len && vid < 10000; i++)
				vid = at[i] >= '0' && at[i] <= '9'
					? vid * 10 + (unsigned)(at[i] - '0')
					: 10000;
			json_object_set_new(params, "vlan", json_integer(vid));
		} else {
			json_object_set_new(
				params, has_group ? "source" : "group", json_stringn(at, len));
			has_group = true;
		}
		if (at[len] == '\0')
			break;
		at += len + 1;
	}
	return params;
}

int cmd_mdb_add(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	return cli_change(cli, "mdb.add", params_of(args));
}

int cmd_mdb_del(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	return cli_change(cli, "mdb.del", params_of(args));
}
