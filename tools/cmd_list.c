/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_list.c - lists as tables: networks, vifs.
 *
 * From: cli_verbs.c.  To: list.c.
 * Thread: the only one. */
#include "tools/cli_rpc.h"
#include "tools/cmd.h"
#include "tools/list.h"

#include <string.h>

static void network_row(struct table *t, const json_t *row)
{
	list_cell_text(t, row, "name");
	list_cell_text(t, row, "mode");
	list_cell_state(t, row);
	list_cell_words(t, row, "subnets");
	list_cell_words(t, row, "gateways");
	table_cell(t, TABLE_PLAIN, json_is_true(json_object_get(row, "dhcp")) ? "on" : "off");
	list_cell_words(t, row, "vifs");
	list_cell_text(t, row, "reason");
}

int cmd_network_list(const struct cli *cli, const struct cli_verb *, struct cli_args *)
{
	static const char *const headings[] = { "NAME", "MODE", "STATE", "SUBNETS", "GATEWAYS",
		"DHCP", "VIFS", "REASON", NULL };

	return list_print(cli, "network.list", NULL, headings, network_row,
		"no networks yet; 'saklar network add --help' says how to add one");
}

static void vif_row(struct table *t, const json_t *row)
{
	list_cell_text(t, row, "name");
	list_cell_text(t, row, "type");
	list_cell_text(t, row, "network");
	list_cell_state(t, row);
	list_cell_text(t, row, "mac");
	table_cell_u64(t, cli_u64(row, "rx_packets"));
	table_cell_u64(t, cli_u64(row, "tx_packets"));
	table_cell_u64(t, cli_u64(row, "drops_total"));
	list_cell_text(t, row, "reason");
}

int cmd_vif_list(const struct cli *cli, const struct cli_verb *, struct cli_args *)
{
	static const char *const headings[] = { "NAME", "TYPE", "NETWORK", "STATE", "MAC", ">RX",
		">TX", ">DROPS", "REASON", NULL };

	return list_print(cli, "vif.list", NULL, headings, vif_row,
		"no vifs yet; 'saklar vif add --help' says how to add one");
}
