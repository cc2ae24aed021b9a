/* SPDX-License-Identifier: Apache-2.0 */
/* cli_args.c - words of a command line -> JSON-RPC parameters, by the schema and the verb's flags.
 *
 * From: cli.c.  To: config/schema.h (which flags a network or vif has, and of which JSON type).
 * Theory: this file checks what is needed to build the JSON: which words there are, numbers,
 * members of an enumeration.  Everything else (addresses, ranges, names) is judged in one place,
 * the daemon, so that its answer is the same for every client.
 *   --flag VALUE, --flag=VALUE     strings, numbers, enumerations; repeated for lists
 *   --flag, --flag on|off, --flag=on   booleans; their opposites are rows of the schema
 *   --no-flag                      in set: an empty list, or the default again
 *   --                             ends the flags
 * Invariants: on an error nothing was sent anywhere.  Thread: any. */
#include "tools/cli_args.h"

#include "tools/text.h"
#include "vswitch/base/check.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A command line being read. */
struct reader {
	const struct cli_verb *verb;
	char *const *word;
	size_t n;
	size_t at;
	struct cli_args *out;
	struct err *e;
};

bool cli_args_takes(const struct cli_verb *verb, const struct schema_field *field)
{
	if (verb->use == SCHEMA_NONE || !field->flag)
		return false;
	return verb->use == SCHEMA_ADD || !(field->flags & FIELD_FIXED);
}

const char *cli_args_text(const struct cli_args *args, const char *flag)
{
	return json_string_value(json_object_get(args->params, flag));
}

uint64_t cli_args_number(const struct cli_args *args, const char *flag, uint64_t def)
{
	const json_t *v = json_object_get(args->params, flag);

	return json_is_integer(v) ? (uint64_t)json_integer_value(v) : def;
}

bool cli_args_has(const struct cli_args *args, const char *flag)
{
	return json_object_get(args->params, flag) != NULL;
}

static int parse_number(struct reader *r, const char *flag, const char *text, uint64_t min,
	uint64_t max, json_t **out)
{
	char *end = NULL;

	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);

	if (!isdigit((unsigned char)text[0]) || *end || errno)
		return err_set(r->e, -EINVAL, "", "--%s takes a number, not '%s'", flag, text);
	if (n < min || n > max)
		return err_set(r->e, -EINVAL, "", "--%s takes a number from %llu to %llu, not %s",
			flag, (unsigned long long)min, (unsigned long long)max, text);
	*out = json_integer((json_int_t)n);
	return 0;
}

static int parse_enum(
	struct reader *r, const struct schema_field *f, const char *text, json_t **out)
{
	char all[160] = "";

	for (const char *const *v = f->values; *v; v++) {
		if (strcmp(*v, text) == 0) {
			*out = json_string(text);
			return 0;
		}
		size_t len = strlen(all);

		snprintf(all + len, sizeof(all) - len, "%s%s", len ? ", " : "", *v);
	}
	const char *near = text_nearest(text, f->values);

	return err_set(r->e, -EINVAL, "", "--%s takes one of %s, not '%s'%s%s%s", f->flag, all,
		text, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int parse_value(
	struct reader *r, const struct schema_field *f, const char *text, json_t **out)
{
	if (f->kind == FIELD_U32)
		return parse_number(r, f->flag, text, f->min, f->max ? f->max : UINT32_MAX, out);
	if (f->kind == FIELD_ENUM && f->values && !f->later)
		return parse_enum(r, f, text, out);
	*out = json_string(text);
	if (!*out)
		return err_set(r->e, -EINVAL, "", "--%s: the value is not valid UTF-8", f->flag);
	return 0;
}

/* The value of the flag just read: behind '=', or the next word. */
static int take_value(struct reader *r, const char *flag, const char *arg, const char *inline_value,
	const char **out)
{
	if (inline_value) {
		*out = inline_value;
		return 0;
	}
	if (r->at == r->n)
		return err_set(r->e, -EINVAL, "", "--%s takes a value: --%s %s", flag, flag, arg);
	*out = r->word[r->at++];
	return 0;
}

static int put_schema(struct reader *r, const struct schema_field *f, json_t *value)
{
	json_t *params = r->out->params;

	if (f->flags & FIELD_LIST) {
		json_t *list = json_object_get(params, f->key);

		if (list && !json_array_size(list)) {
			json_decref(value);
			return err_set(r->e, -EINVAL, "", "--%s and --no-%s exclude each other",
				f->flag, f->flag);
		}
		if (!list) {
			list = json_array();
			json_object_set_new(params, f->key, list);
		}
		CHECK(json_array_append_new(list, value) == 0);
		return 0;
	}
	if (json_object_get(params, f->key)) {
		json_decref(value);
		return err_set(
			r->e, -EINVAL, "", "--%s repeats or contradicts another flag", f->flag);
	}
	CHECK(json_object_set_new(params, f->key, value) == 0);
	return 0;
}

static bool parse_on_off(const char *text, bool *out)
{
	*out = strcmp(text, "on") == 0 || strcmp(text, "true") == 0 || strcmp(text, "yes") == 0;
	return *out || strcmp(text, "off") == 0 || strcmp(text, "false") == 0
		|| strcmp(text, "no") == 0;
}

static int read_bool(struct reader *r, const struct schema_field *f, const char *inline_value)
{
	bool sense = !(f->flags & FIELD_NEGATED);
	bool said = true;

	if (inline_value) {
		if (!parse_on_off(inline_value, &said))
			return err_set(r->e, -EINVAL, "", "--%s takes on or off, not '%s'", f->flag,
				inline_value);
	} else if (r->at < r->n
		&& (strcmp(r->word[r->at], "on") == 0 || strcmp(r->word[r->at], "off") == 0)) {
		said = strcmp(r->word[r->at++], "on") == 0;
	}
	return put_schema(r, f, json_boolean(said == sense));
}

/* --no-dhcp-range, --no-mtu: 1 when @flag empties a list or gives a field its default back, 0 when
 * it does not, or -errno. */
static int read_reset(struct reader *r, const char *flag, const char *inline_value)
{
	const struct schema_object *o = r->verb->schema;

	if (r->verb->use != SCHEMA_SET || strncmp(flag, "no-", 3) != 0)
		return 0;
	const struct schema_field *f = schema_flag(o, flag + 3);

	if (!f || f->kind == FIELD_BOOL || (f->flags & FIELD_REQUIRED)
		|| !cli_args_takes(r->verb, f))
		return 0;
	if (inline_value)
		return err_set(r->e, -EINVAL, "", "--%s takes no value", flag);
	if (json_object_get(r->out->params, f->key))
		return err_set(
			r->e, -EINVAL, "", "--%s and --%s exclude each other", flag, f->flag);
	json_t *value = f->flags & FIELD_LIST ? json_array() : json_null();

	CHECK(json_object_set_new(r->out->params, f->key, value) == 0);
	return 1;
}

/* 1 when @flag is one of the schema's, 0 when it is not, or -errno. */
static int read_schema_flag(struct reader *r, const char *flag, const char *inline_value)
{
	if (r->verb->use == SCHEMA_NONE)
		return 0;
	const struct schema_field *f = schema_flag(r->verb->schema, flag);

	if (!f)
		return read_reset(r, flag, inline_value);
	if (!cli_args_takes(r->verb, f))
		return err_set(r->e, -EINVAL, "",
			"--%s cannot be changed: delete the %s and add it again", flag,
			r->verb->schema->name);
	if (f->kind == FIELD_BOOL) {
		int rc = read_bool(r, f, inline_value);

		return rc ? rc : 1;
	}
	const char *text = NULL;
	json_t *value = NULL;
	int rc = take_value(r, f->flag, f->arg ? f->arg : "VALUE", inline_value, &text);

	if (!rc)
		rc = parse_value(r, f, text, &value);
	if (!rc)
		rc = put_schema(r, f, value);
	return rc ? rc : 1;
}

static int read_own_flag(struct reader *r, const struct cli_flag *f, const char *inline_value)
{
	const char *text = NULL;
	json_t *value = NULL;

	if (json_object_get(r->out->params, f->flag))
		return err_set(r->e, -EINVAL, "", "--%s is given twice", f->flag);
	if (!f->arg) {
		if (inline_value)
			return err_set(r->e, -EINVAL, "", "--%s takes no value", f->flag);
		value = json_true();
	} else {
		int rc = take_value(r, f->flag, f->arg, inline_value, &text);

		if (!rc && f->is_number)
			rc = parse_number(r, f->flag, text, 1, UINT32_MAX, &value);
		else if (!rc)
			value = json_string(text);
		if (rc)
			return rc;
		if (!value)
			return err_set(
				r->e, -EINVAL, "", "--%s: the value is not valid UTF-8", f->flag);
	}
	CHECK(json_object_set_new(r->out->params, f->flag, value) == 0);
	return 1;
}

static const struct cli_flag *own_flag(const struct cli_verb *verb, const char *name, char letter)
{
	for (const struct cli_flag *f = verb->flags; f && f->flag; f++)
		if (letter ? f->letter == letter : strcmp(f->flag, name) == 0)
			return f;
	return NULL;
}

/* The known flag nearest to @flag, as text for the error. */
static void suggest(const struct reader *r, const char *flag, char *out, size_t size)
{
	unsigned least = UINT_MAX;
	const char *best = NULL;
	const struct schema_object *o = r->verb->schema;

	for (const struct cli_flag *f = r->verb->flags; f && f->flag; f++) {
		if (text_distance(flag, f->flag) < least) {
			least = text_distance(flag, f->flag);
			best = f->flag;
		}
	}
	for (size_t i = 0; r->verb->use != SCHEMA_NONE && i < o->n_fields; i++) {
		const struct schema_field *f = &o->field[i];

		if (cli_args_takes(r->verb, f) && text_distance(flag, f->flag) < least) {
			least = text_distance(flag, f->flag);
			best = f->flag;
		}
	}
	if (best)
		snprintf(out, size, "; did you mean --%s?", best);
	else
		snprintf(out, size, "; see --help");
}

static int read_flag(struct reader *r, const char *word)
{
	char name[64];
	char hint[96];
	const char *eq = word[1] == '-' ? strchr(word, '=') : NULL;
	const char *inline_value = eq ? eq + 1 : NULL;
	const char *begin = word + 2;
	size_t len = eq ? (size_t)(eq - begin) : strlen(begin);
	int rc = 0;

	if (word[1] != '-') { /* -w FILE, -wFILE */
		const struct cli_flag *f = own_flag(r->verb, "", word[1]);

		if (f && word[2] && !f->arg)
			return err_set(r->e, -EINVAL, "", "-%c takes no value; write '-%c %s'",
				word[1], word[1], word + 2);
		rc = f ? read_own_flag(r, f, word[2] ? word + 2 : NULL) : 0;
		snprintf(hint, sizeof(hint), "; see --help");
	} else if (len < sizeof(name)) {
		snprintf(name, sizeof(name), "%.*s", (int)len, begin);
		const struct cli_flag *f = own_flag(r->verb, name, 0);

		rc = f ? read_own_flag(r, f, inline_value)
		       : read_schema_flag(r, name, inline_value);
		suggest(r, name, hint, sizeof(hint));
	} else {
		snprintf(hint, sizeof(hint), "; see --help");
	}
	if (rc)
		return rc < 0 ? rc : 0;
	return err_set(r->e, -EINVAL, "", "unknown flag '%s'%s", word, hint);
}

static int check_required(struct reader *r)
{
	const struct schema_object *o = r->verb->schema;

	for (size_t i = 0; r->verb->use == SCHEMA_ADD && i < o->n_fields; i++) {
		const struct schema_field *f = &o->field[i];

		if ((f->flags & FIELD_REQUIRED) && f->flag
			&& !json_object_get(r->out->params, f->key))
			return err_set(r->e, -EINVAL, "", "--%s %s is required", f->flag,
				f->arg ? f->arg : "");
	}
	return 0;
}

static int check_words(struct reader *r)
{
	const struct cli_verb *v = r->verb;
	const struct cli_args *args = r->out;

	if (args->n_words < v->min_words)
		return err_set(r->e, -EINVAL, "", "%s is missing", v->args);
	if (args->n_words > v->max_words)
		return err_set(r->e, -EINVAL, "", "unexpected word '%s'%s",
			args->word[v->max_words], v->max_words ? "" : ": this verb takes no name");
	if (v->use == SCHEMA_NONE)
		return 0;
	json_t *name = json_string(args->word[0]);

	if (!name)
		return err_set(r->e, -EINVAL, "", "the name is not valid UTF-8");
	json_object_set_new(args->params, "name", name);
	return 0;
}

void cli_args_fini(struct cli_args *args)
{
	json_decref(args->params);
	free(args->word);
	*args = (struct cli_args){ 0 };
}

int cli_args_parse(const struct cli_verb *verb, char *const *word, size_t n, struct cli_args *out,
	struct err *e)
{
	struct reader r = { .verb = verb, .word = word, .n = n, .out = out, .e = e };
	bool are_flags_over = false;
	int rc = 0;

	*out = (struct cli_args){
		.params = json_object(),
		.word = calloc(n + 1, sizeof(*out->word)),
	};
	CHECK(out->params && out->word);
	while (!rc && r.at < n) {
		const char *w = r.word[r.at++];

		if (!are_flags_over && strcmp(w, "--") == 0)
			are_flags_over = true;
		else if (!are_flags_over && w[0] == '-' && w[1])
			rc = read_flag(&r, w);
		else
			out->word[out->n_words++] = w;
	}
	if (!rc)
		rc = check_words(&r);
	if (!rc)
		rc = check_required(&r);
	return rc;
}
