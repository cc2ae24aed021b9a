/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_router.c - what router and DHCP know: leases, neighbours, routes (and static ones: add, del), connections.
 *
 * From: cli_verbs.c.  To: list.c.
 * Theory: a connection has two directions, each with its addresses as they are on the wire; where
 * the second is not the first turned round, the difference is the translation.
 * Thread: the only one. */
#include "tools/cli_args.h"
#include "tools/cli_rpc.h"
#include "tools/cmd.h"
#include "tools/list.h"

#include <inttypes.h>
#include <string.h>

#define ENDPOINT_LEN 64

static void neighbour_row(struct table *t, const json_t *row)
{
	list_cell_text(t, row, "address");
	list_cell_text(t, row, "mac");
	list_cell_text(t, row, "network");
	list_cell_text(t, row, "side");
	list_cell_text(t, row, "state");
	table_cell_u64(t, cli_u64(row, "age_s"));
	table_cell_u64(t, cli_u64(row, "queued"));
}

int cmd_neighbour_list(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	static const char *const headings[]
		= { "ADDRESS", "MAC", "NETWORK", "SIDE", "STATE", ">AGE", ">QUEUED", NULL };

	return list_print(cli, "neighbour.list", list_filter(args), headings, neighbour_row,
		"no neighbours known");
}

static void lease_row(struct table *t, const json_t *row)
{
	list_cell_text(t, row, "network");
	list_cell_text(t, row, "address");
	list_cell_text(t, row, "mac");
	list_cell_text(t, row, "vif");
	list_cell_text(t, row, "name");
	if (json_is_integer(json_object_get(row, "left_s")))
		table_cell_u64(t, cli_u64(row, "left_s"));
	else
		table_cell(t, TABLE_PLAIN, "");
}

int cmd_lease_list(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	static const char *const headings[]
		= { "NETWORK", "ADDRESS", "MAC", "VIF", "NAME", ">LEFT", NULL };

	return list_print(cli, "lease.list", list_filter(args), headings, lease_row, "no leases");
}

static void route_row(struct table *t, const json_t *row)
{
	list_cell_text(t, row, "network");
	list_cell_text(t, row, "from");
	list_cell_text(t, row, "prefix");
	list_cell_text(t, row, "kind");
	list_cell_text(t, row, "via");
	list_cell_text(t, row, "out_network");
	list_cell_text(t, row, "out");
}

int cmd_route_list(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	static const char *const headings[]
		= { "NETWORK", "FROM", "PREFIX", "KIND", "VIA", "TO", "SIDE", NULL };

	return list_print(cli, "route.list", list_filter(args), headings, route_row,
		"no routes: no network is of mode nat, routed or open");
}

/* "10.0.0.2:80", "[fd00::2]:80", "10.0.0.2" of a protocol without ports. */
static const char *endpoint(const json_t *side, const char *address, const char *port, char *out)
{
	const char *text = cli_text(side, address);
	bool is_v6 = strchr(text, ':') != NULL;

	out[0] = '\0';
	if (!text[0])
		return out;
	if (json_is_integer(json_object_get(side, port)))
		snprintf(out, ENDPOINT_LEN, "%s%s%s:%" PRIu64, is_v6 ? "[" : "", text,
			is_v6 ? "]" : "", cli_u64(side, port));
	else
		snprintf(out, ENDPOINT_LEN, "%s", text);
	return out;
}

static void connection_row(struct table *t, const json_t *row)
{
	const json_t *orig = json_object_get(row, "original");
	const json_t *reply = json_object_get(row, "reply");
	char source[ENDPOINT_LEN], target[ENDPOINT_LEN];
	char reply_source[ENDPOINT_LEN], reply_target[ENDPOINT_LEN];

	endpoint(orig, "source", "source_port", source);
	endpoint(orig, "destination", "destination_port", target);
	endpoint(reply, "source", "source_port", reply_source);
	endpoint(reply, "destination", "destination_port", reply_target);
	list_cell_text(t, row, "proto");
	list_cell_text(t, row, "state");
	table_cell(t, TABLE_PLAIN, source);
	table_cell(t, TABLE_PLAIN, target);
	table_cell(t, TABLE_PLAIN, strcmp(source, reply_target) != 0 ? reply_target : "");
	table_cell(t, TABLE_PLAIN, strcmp(target, reply_source) != 0 ? reply_source : "");
	list_cell_text(t, row, "vif");
	table_cell_u64(t, cli_u64(row, "packets") + cli_u64(row, "reply_packets"));
	table_cell_u64(t, cli_u64(row, "bytes") + cli_u64(row, "reply_bytes"));
	table_cell_u64(t, cli_u64(row, "timeout_s"));
}

static json_t *connection_filter(const struct cli_args *args)
{
	static const char *const words[] = { "proto", "address", "state", "nat" };
	json_t *params = list_filter(args);

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		const char *text = cli_args_text(args, words[i]);

		if (text)
			json_object_set_new(params, words[i], json_string(text));
	}
	if (cli_args_has(args, "port"))
		json_object_set_new(
			params, "port", json_integer((json_int_t)cli_args_number(args, "port", 0)));
	return params;
}

int cmd_connection_list(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	static const char *const headings[] = { "PROTO", "STATE", "SOURCE", "DESTINATION",
		"SEEN-FROM", "SENT-TO", "VIF", ">PACKETS", ">BYTES", ">TIMEOUT", NULL };

	return list_print(cli, "connection.list", connection_filter(args), headings, connection_row,
		"no connections");
}

int cmd_route_add(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	return cli_change(cli, "route.add",
		json_pack("{s:s, s:s, s:s}", "network", args->word[0], "prefix", args->word[1],
			"via", args->word[2]));
}

int cmd_route_del(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	return cli_change(cli, "route.del",
		json_pack("{s:s, s:s}", "network", args->word[0], "prefix", args->word[1]));
}

int cmd_neighbour_flush(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	return cli_change(cli, "neighbour.flush", list_filter(args));
}

int cmd_connection_flush(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	return cli_change(cli, "connection.flush", list_filter(args));
}
