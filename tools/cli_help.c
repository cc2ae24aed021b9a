/* SPDX-License-Identifier: Apache-2.0 */
/* cli_help.c - help from the table of verbs and the schema.
 *
 * From: cli.c.  To: config/schema.h for flags, limits, defaults and one-line explanations.
 * Theory: nothing is written down twice; a new field of the schema has its help at once.
 * Invariants: prints only constants of the program.  Thread: any. */
#include "tools/cli_help.h"

#include "tools/cli_args.h"

#include <string.h>

#define FLAG_COLUMN 26
#define HELP_COLUMNS 100

static void usage(FILE *out, const struct cli_verb *v)
{
	fprintf(out, "saklar %s%s%s%s%s%s", v->noun, v->verb ? " " : "", v->verb ? v->verb : "",
		v->args[0] ? " " : "", v->args,
		v->flags || v->use != SCHEMA_NONE ? " [flags]" : "");
}

static bool is_hidden(const struct cli_verb *v)
{
	return v->noun[0] == '_';
}

/* Print @text from column FLAG_COLUMN + 4 on, broken at spaces. */
static void wrap(FILE *out, const char *text)
{
	size_t room = HELP_COLUMNS - FLAG_COLUMN - 4;

	while (strlen(text) > room) {
		size_t n = room;

		while (n > 0 && text[n] != ' ')
			n--;
		if (n == 0)
			break;
		fprintf(out, "%.*s\n%*s", (int)n, text, FLAG_COLUMN + 4, "");
		text += n + 1;
	}
	fprintf(out, "%s\n", text);
}

static void line(FILE *out, const char *left, const char *doc)
{
	int width = (int)strlen(left);

	fprintf(out, "  %s", left);
	if (width > FLAG_COLUMN)
		fprintf(out, "\n  %*s", FLAG_COLUMN, "");
	else
		fprintf(out, "%*s", FLAG_COLUMN - width, "");
	fputs("  ", out);
	wrap(out, doc);
}

static void own_flags(FILE *out, const struct cli_flag *flags)
{
	for (const struct cli_flag *f = flags; f && f->flag; f++) {
		char left[64] = "    ";

		if (f->letter)
			snprintf(left, sizeof(left), "-%c, ", f->letter);
		snprintf(left + 4, sizeof(left) - 4, "--%s%s%s", f->flag, f->arg ? " " : "",
			f->arg ? f->arg : "");
		line(out, left, f->doc);
	}
}

/* The explanation of @f with its limits and default into @out. */
static void explain(const struct cli_verb *v, const struct schema_field *f, char *out, size_t size)
{
	FILE *to = fmemopen(out, size, "w");

	if (!to) {
		snprintf(out, size, "%s", f->doc);
		return;
	}
	fputs(f->doc, to);
	if (f->kind == FIELD_ENUM && f->values) {
		fputs(" (", to);
		for (const char *const *value = f->values; *value; value++)
			fprintf(to, "%s%s", value == f->values ? "" : "|", *value);
		fputs(")", to);
	}
	if (f->kind == FIELD_U32 && f->max && f->max < UINT32_MAX - 1)
		fprintf(to, " (%u..%u)", f->min, f->max);
	if (f->flags & FIELD_LIST)
		fputs("; may be repeated", to);
	if (f->later)
		fprintf(to, "; refused in this version: %s", f->later);
	else if (v->use == SCHEMA_ADD && f->def)
		fprintf(to, "; default %s", f->def);
	if (v->use == SCHEMA_ADD && (f->flags & FIELD_REQUIRED))
		fputs("; required", to);
	fclose(to);
}

static void schema_flag_line(FILE *out, const struct cli_verb *v, const struct schema_field *f)
{
	char left[96];
	char doc[512] = "";

	if (f->kind == FIELD_BOOL)
		snprintf(left, sizeof(left), "    --%s", f->flag);
	else
		snprintf(left, sizeof(left), "    --%s %s", f->flag, f->arg ? f->arg : "VALUE");
	explain(v, f, doc, sizeof(doc));
	line(out, left, doc);
	if (v->use == SCHEMA_SET && (f->flags & FIELD_LIST) && !f->later) {
		snprintf(left, sizeof(left), "    --no-%s", f->flag);
		line(out, left, "remove all of them");
	}
}

static void schema_flags(FILE *out, const struct cli_verb *v, bool later)
{
	const struct schema_object *o = v->schema;
	bool is_first = true;

	for (size_t i = 0; v->use != SCHEMA_NONE && i < o->n_fields; i++) {
		const struct schema_field *f = &o->field[i];

		if (!cli_args_takes(v, f) || (f->later != NULL) != later)
			continue;
		if (is_first && later)
			fputs("\nKnown, but refused in this version:\n", out);
		is_first = false;
		schema_flag_line(out, v, f);
	}
}

void cli_help_verb(FILE *out, const struct cli_verb *v)
{
	fputs("Usage: ", out);
	usage(out, v);
	fprintf(out, "\n\n%c%s.\n", v->doc[0] - 'a' + 'A', v->doc + 1);
	if (v->more)
		fprintf(out, "\n%s\n", v->more);
	if (v->flags || v->use != SCHEMA_NONE)
		fputs("\nFlags:\n", out);
	own_flags(out, v->flags);
	schema_flags(out, v, false);
	schema_flags(out, v, true);
	fputs("\nFlags of every verb:\n", out);
	own_flags(out, cli_global_flags);
	fprintf(out, "\nExample:\n  %s\n", v->example);
}

void cli_help_noun(FILE *out, const char *noun)
{
	fprintf(out, "Usage: saklar %s VERB ...\n\nVerbs:\n", noun);
	for (const struct cli_verb *v = cli_verbs; v->noun; v++) {
		char left[64];

		if (strcmp(v->noun, noun) != 0)
			continue;
		snprintf(left, sizeof(left), "%s %s", v->verb, v->args);
		line(out, left, v->doc);
	}
	fprintf(out, "\n'saklar %s VERB --help' explains one, with an example.\n", noun);
}

void cli_help_all(FILE *out)
{
	fputs("Usage: saklar [--run-dir DIR] [--json] NOUN VERB ...\n\n"
	      "Attach guests to virtual networks and see what becomes of their packets.\n\n",
		out);
	for (const struct cli_verb *v = cli_verbs; v->noun; v++) {
		char left[64];

		if (is_hidden(v))
			continue;
		snprintf(left, sizeof(left), "%s%s%s%s%s", v->noun, v->verb ? " " : "",
			v->verb ? v->verb : "", v->args[0] ? " " : "", v->args);
		line(out, left, v->doc);
	}
	fputs("\nFlags of every verb:\n", out);
	own_flags(out, cli_global_flags);
	fputs("\nExit codes: 0 done, 1 refused, 2 usage, 3 no daemon.\n"
	      "\nExample:\n"
	      "  saklar network add lan --mode isolated --subnet 192.168.77.0/24 --dhcp\n"
	      "  saklar vif add web0 --network lan --type tap\n",
		out);
}
