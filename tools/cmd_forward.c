/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_forward.c - ports of the uplink that lead to guests: add, del, list.
 *
 * From: cli_verbs.c.  To: the daemon's forward.* methods, list.c.
 * Theory: a forward is said as it is thought, NETWORK PROTO PORT ADDR:PORT; only what is needed for
 * the JSON is checked here, the daemon judges the rest.
 * Thread: the only one. */
#include "tools/cli_rpc.h"
#include "tools/cmd.h"
#include "tools/list.h"

#include <string.h>

/* A number from 1 to 65535 that is all of @text; 0: it is none. */
static unsigned parse_port(const char *text)
{
	unsigned port = 0;
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 5 || text[n] != '\0')
		return 0;
	for (size_t i = 0; i < n; i++)
		port = port * 10 + (unsigned)(text[i] - '0');
	return port <= 65535 ? port : 0;
}

/* "vif:web0" or "vif:web0:80" without its first word. */
static bool parse_vif(const char *text, json_t *params)
{
	const char *colon = strchr(text, ':');
	unsigned port = colon ? parse_port(colon + 1) : 0;

	if (colon && port == 0)
		return false;
	if (port != 0)
		json_object_set_new(params, "target_port", json_integer(port));
	return json_object_set_new(params, "vif",
		       json_stringn(text, colon ? (size_t)(colon - text) : strlen(text)))
		== 0;
}

/* "10.0.0.2:80", "10.0.0.2", "[fd00::2]:80", "fd00::2" or a vif into @params.  False: not like that. */
static bool parse_target(const char *text, json_t *params)
{
	const char *end = strchr(text, ']');
	const char *colon = strchr(text, ':');
	bool has_brackets = text[0] == '[';
	size_t len = strlen(text);
	unsigned port = 0;

	if (strncmp(text, "vif:", 4) == 0)
		return parse_vif(text + 4, params);
	if (has_brackets) {
		if (!end || (end[1] != ':' && end[1] != '\0'))
			return false;
		text++;
		len = (size_t)(end - text);
		colon = end[1] == ':' ? end + 1 : NULL;
	} else if (colon && strchr(colon + 1, ':')) {
		colon = NULL; /* IPv6 without brackets has no port */
	} else if (colon) {
		len = (size_t)(colon - text);
	}
	port = colon ? parse_port(colon + 1) : 0;
	if (colon && port == 0)
		return false;
	if (port != 0)
		json_object_set_new(params, "target_port", json_integer(port));
	return json_object_set_new(params, "address", json_stringn(text, len)) == 0;
}

/* "8000" or "8000-8099": *@last is 0 with one port.  The first; 0: not like that. */
static unsigned parse_ports(const char *text, unsigned *last)
{
	const char *dash = strchr(text, '-');
	char first[8];

	*last = 0;
	if (!dash)
		return parse_port(text);
	if ((size_t)(dash - text) >= sizeof(first))
		return 0;
	memcpy(first, text, (size_t)(dash - text));
	first[dash - text] = '\0';
	*last = parse_port(dash + 1);
	return *last != 0 ? parse_port(first) : 0;
}

/* Network, protocol and port: the first three words.  NULL after saying what is wrong. */
static json_t *parse_key(const struct cli *cli, const struct cli_args *args, unsigned *last)
{
	unsigned port = parse_ports(args->word[2], last);
	json_t *params = port != 0 ? json_pack("{s:s, s:s, s:i}", "network", args->word[0], "proto",
				 args->word[1], "port", (int)port)
				   : NULL;

	if (port == 0)
		cli_fail(cli, CLI_USAGE,
			"PORT is a number from 1 to 65535, or a range such as 8000-8099");
	else if (!params)
		cli_fail(cli, CLI_USAGE, "the words are not valid UTF-8");
	return params;
}

int cmd_forward_add(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	unsigned last;
	json_t *params = parse_key(cli, args, &last);

	if (!params)
		return CLI_USAGE;
	if (last != 0)
		json_object_set_new(params, "last_port", json_integer(last));
	if (parse_target(args->word[3], params))
		return cli_change(cli, "forward.add", params);
	json_decref(params);
	return cli_fail(cli, CLI_USAGE,
		"the guest is ADDR or ADDR:PORT, such as 192.168.77.10:80 or [fd00:77::10]:80, or "
		"vif:NAME or vif:NAME:PORT");
}

int cmd_forward_del(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	unsigned last; /* the first port is a forward's name */
	json_t *params = parse_key(cli, args, &last);

	return params ? cli_change(cli, "forward.del", params) : CLI_USAGE;
}

static void cell_ports(struct table *t, unsigned first, unsigned more)
{
	char text[32];

	if (more > 0)
		snprintf(text, sizeof(text), "%u-%u", first, first + more);
	else
		snprintf(text, sizeof(text), "%u", first);
	table_cell(t, TABLE_PLAIN, text);
}

static void forward_row(struct table *t, const json_t *row)
{
	unsigned first = (unsigned)cli_u64(row, "port"), last = (unsigned)cli_u64(row, "last_port");
	unsigned target = (unsigned)cli_u64(row, "target_port");
	unsigned more = last > first ? last - first : 0;

	list_cell_text(t, row, "network");
	list_cell_text(t, row, "proto");
	cell_ports(t, first, more);
	list_cell_text(t, row, "address");
	cell_ports(t, target, more);
	list_cell_text(t, row, "vif");
}

int cmd_forward_list(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	static const char *const headings[]
		= { "NETWORK", "PROTO", "PORT", "ADDRESS", "TARGET-PORT", "VIF", NULL };

	return list_print(cli, "forward.list", list_filter(args), headings, forward_row,
		"no forwards; 'saklar forward add --help' says how to add one");
}
