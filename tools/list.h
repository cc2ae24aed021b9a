/* SPDX-License-Identifier: Apache-2.0 */
/* list.h - what the verbs that list things share: fetch, then JSON or a table. */
#pragma once

#include "tools/cli.h"
#include "tools/table.h"

/* Call @method with @params (consumed); print as JSON, or let @fill make a row of the table for
 * each object, or say @nothing on standard error.  The exit code. */
[[nodiscard]] int list_print(const struct cli *cli, const char *method, json_t *params,
	const char *const *headings, void (*fill)(struct table *t, const json_t *row),
	const char *nothing);
/* The flags --network and --vif, as far as they were given, as parameters. */
json_t *list_filter(const struct cli_args *args);

/* One cell: a word that has a colour, a text, texts joined. */
void list_cell_state(struct table *t, const json_t *row);
void list_cell_text(struct table *t, const json_t *row, const char *key);
void list_cell_words(struct table *t, const json_t *row, const char *key);
