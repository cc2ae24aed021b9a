/* SPDX-License-Identifier: Apache-2.0 */
/* table.c - aligned columns for people.
 *
 * From: cmd_*.c.  To: text.c for what must not reach a terminal.
 * Theory: all cells are kept as strings and measured once when printed.  Invariants: the number of
 * cells of a printed row equals that of the headings; missing ones are printed as "-".
 * Thread: any, one table each. */
#include "tools/table.h"

#include "tools/text.h"
#include "vswitch/base/check.h"

#include <stdlib.h>
#include <string.h>

struct cell {
	char *text;
	enum table_color color;
};

struct table {
	const char *const *headings;
	size_t n_columns;
	struct cell *cell;
	size_t n_cells;
	size_t room;
};

static const char *const escapes[] = {
	[TABLE_PLAIN] = "",
	[TABLE_GOOD] = "\033[32m",
	[TABLE_WARN] = "\033[33m",
	[TABLE_BAD] = "\033[31m",
	[TABLE_DIM] = "\033[2m",
};

struct table *table_create(const char *const *headings)
{
	struct table *t = calloc(1, sizeof(*t));

	CHECK(t);
	t->headings = headings;
	while (headings[t->n_columns])
		t->n_columns++;
	CHECK(t->n_columns);
	return t;
}

void table_destroy(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cell[i].text);
	free(t->cell);
	free(t);
}

void table_cell(struct table *t, enum table_color color, const char *text)
{
	if (t->n_cells == t->room) {
		t->room = t->room ? 2 * t->room : 64;
		t->cell = reallocarray(t->cell, t->room, sizeof(*t->cell));
		CHECK(t->cell);
	}
	if (!text || !*text)
		text = "-";
	size_t size = 4 * strlen(text) + 1;
	char *copy = malloc(size);

	CHECK(copy);
	t->cell[t->n_cells++] = (struct cell){ text_escape(text, copy, size), color };
}

void table_cell_u64(struct table *t, uint64_t n)
{
	char text[32];

	table_cell(t, TABLE_PLAIN, text_count(n, text, sizeof(text)));
}

void table_colored(FILE *out, bool on, enum table_color color, const char *text)
{
	if (on && color != TABLE_PLAIN)
		fprintf(out, "%s%s\033[0m", escapes[color], text);
	else
		fputs(text, out);
}

static bool is_right(const struct table *t, size_t column)
{
	return t->headings[column][0] == '>';
}

static const char *heading(const struct table *t, size_t column)
{
	return t->headings[column] + is_right(t, column);
}

static size_t column_width(const struct table *t, size_t column)
{
	size_t width = text_width(heading(t, column));

	for (size_t i = column; i < t->n_cells; i += t->n_columns)
		width = MAX(width, text_width(t->cell[i].text));
	return width;
}

static void print_cell(const struct table *t, FILE *out, size_t column, size_t width,
	const char *text, enum table_color color)
{
	size_t fill = width - MIN(width, text_width(text));
	bool is_last = column + 1 == t->n_columns;

	if (is_right(t, column))
		fprintf(out, "%*s", (int)fill, "");
	table_colored(out, color != TABLE_PLAIN, color, text);
	if (!is_last)
		fprintf(out, "%*s", is_right(t, column) ? 2 : (int)fill + 2, "");
	else
		fputc('\n', out);
}

void table_print(const struct table *t, FILE *out, bool color)
{
	size_t *width = calloc(t->n_columns, sizeof(*width));

	CHECK(width);
	for (size_t c = 0; c < t->n_columns; c++)
		width[c] = column_width(t, c);
	for (size_t c = 0; c < t->n_columns; c++)
		print_cell(t, out, c, width[c], heading(t, c), color ? TABLE_DIM : TABLE_PLAIN);
	for (size_t i = 0; i < t->n_cells; i += t->n_columns) {
		for (size_t c = 0; c < t->n_columns; c++) {
			bool is_there = i + c < t->n_cells;

			print_cell(t, out, c, width[c], is_there ? t->cell[i + c].text : "-",
				is_there && color ? t->cell[i + c].color : TABLE_PLAIN);
		}
	}
	free(width);
}
