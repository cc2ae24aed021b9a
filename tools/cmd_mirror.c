/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_mirror.c - copies of packets for vifs that look on: add, del, list.
 *
 * From: cli_verbs.c.  To: the daemon's mirror.* methods, list.c.
 * Thread: the only one. */
#include "tools/cli_args.h"
#include "tools/cli_rpc.h"
#include "tools/cmd.h"
#include "tools/list.h"

#include <inttypes.h>
#include <stdio.h>

static void mirror_row(struct table *t, const json_t *row)
{
	char text[32];

	list_cell_text(t, row, "vif");
	list_cell_text(t, row, "source");
	list_cell_text(t, row, "direction");
	snprintf(text, sizeof(text), "%" PRIu64, cli_u64(row, "vlan"));
	table_cell(t, TABLE_PLAIN, cli_u64(row, "vlan") ? text : "");
	list_cell_text(t, row, "filter");
}

int cmd_mirror_list(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	static const char *const headings[]
		= { "VIF", "SOURCE", "DIRECTION", "VLAN", "FILTER", NULL };

	return list_print(
		cli, "mirror.list", list_filter(args), headings, mirror_row, "no mirrors");
}

/* What the daemon's field mirror says: the source, and a word for each flag that was given.  It is cut
 * where it is too long for the daemon anyway. */
static void mirror_text(const struct cli_args *args, char *buf, size_t size)
{
	static const char *const keys[] = { "vlan", "ip", "proto", "port", "ether" };
	const char *direction = cli_args_text(args, "direction");
	size_t at = (size_t)snprintf(buf, size, "%s%s%s", args->word[0], direction ? "," : "",
		direction ? direction : "");

	for (size_t i = 0; i < ARRAY_LEN(keys) && at < size; i++) {
		const char *value = cli_args_text(args, keys[i]);

		if (value)
			at += (size_t)snprintf(buf + at, size - at, ",%s=%s", keys[i], value);
	}
}

static int change(const struct cli *cli, const char *method, const struct cli_args *args)
{
	char text[256];

	mirror_text(args, text, sizeof(text));
	return cli_change(
		cli, method, json_pack("{s:s, s:s}", "vif", args->word[1], "mirror", text));
}

int cmd_mirror_add(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	return change(cli, "mirror.add", args);
}

int cmd_mirror_del(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	return change(cli, "mirror.del", args);
}
