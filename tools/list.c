/* SPDX-License-Identifier: Apache-2.0 */
/* list.c - what the verbs that list things share.
 *
 * From: cmd_list.c, cmd_router.c, cmd_forward.c.  To: the daemon's NOUN.list methods, table.c.
 * Theory: --json prints what the daemon gave, untouched; tables choose columns and join words.
 * Thread: the only one. */
#include "tools/list.h"

#include "tools/cli_args.h"
#include "tools/cli_rpc.h"

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

void list_cell_state(struct table *t, const json_t *row)
{
	const char *state = cli_text(row, "state");

	table_cell(t, state_color(state), state);
}

void list_cell_text(struct table *t, const json_t *row, const char *key)
{
	table_cell(t, TABLE_PLAIN, cli_text(row, key));
}

void list_cell_words(struct table *t, const json_t *row, const char *key)
{
	char text[512];

	table_cell(t, TABLE_PLAIN, cli_words(row, key, text, sizeof(text)));
}

json_t *list_filter(const struct cli_args *args)
{
	static const char *const keys[] = { "network", "vif" };
	json_t *params = json_object();

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const char *text = cli_args_text(args, keys[i]);

		if (text)
			json_object_set_new(params, keys[i], json_string(text));
	}
	return params;
}

int list_print(const struct cli *cli, const char *method, json_t *params,
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
