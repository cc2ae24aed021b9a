/* SPDX-License-Identifier: Apache-2.0 */
/* table.h - aligned columns for people.
 *
 * Life: table_create() with the headings; table_cell() for each cell, row after row; table_print();
 * table_destroy().  Running out of memory ends the program: it is a command line tool. */
#pragma once

#include "vswitch/base/base.h"

#include <stdio.h>

enum table_color {
	TABLE_PLAIN,
	TABLE_GOOD,
	TABLE_WARN,
	TABLE_BAD,
	TABLE_DIM,
};

struct table;

/* @headings: NULL-terminated; a heading that begins with '>' makes a column right-aligned. */
struct table *table_create(const char *const *headings);
void table_destroy(struct table *t);
/* The next cell, copied and escaped; NULL or "" is shown as "-". */
void table_cell(struct table *t, enum table_color color, const char *text);
void table_cell_u64(struct table *t, uint64_t n);
/* Print; the last column is not padded. */
void table_print(const struct table *t, FILE *out, bool color);
/* @text in @color when @on; for lines that are no table. */
void table_colored(FILE *out, bool on, enum table_color color, const char *text);
