/* SPDX-License-Identifier: Apache-2.0 */
/* yaml_doc.c - YAML text to JSON, with the line of every item.
 *
 * From: cmd_state.c (a file that somebody wrote).  To: JSON, which the daemon judges.
 * Theory: libyaml tells events; a stack of open containers makes JSON of them.  An alias shares the
 * value of its anchor, so it costs no memory here, but the JSON text would repeat it: every value
 * has a weight (its bytes and something for itself), an alias weighs as much as what it stands for,
 * and the sum is bounded.  An anchor is known only when its value is complete: there are no cycles.
 * Invariants: depth, weight and number of anchors are bounded; a key is given once; no string holds
 * a NUL.  Thread: any. */
#include "tools/yaml_doc.h"

#include "vswitch/base/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define DEPTH_MAX 16
#define WEIGHT_MAX (24u << 20)
#define NODE_WEIGHT 16 /* so that many empty items are many */
#define ANCHORS_MAX 256
#define PATH_LEN 256

/* Where an item stands. */
struct place {
	char *path;
	unsigned line;
};

struct yaml_doc {
	json_t *root;
	struct place *place;
	size_t n_places, size_places;
};

/* An open container. */
struct frame {
	json_t *container;
	char *key; /* of a mapping: read, its value is not */
	size_t key_line;
	char *anchor;
	size_t path_len; /* of the container's own path */
	size_t weight_before;
};

struct anchor {
	char *name;
	json_t *value; /* borrowed: it is in the tree */
	size_t weight;
};

struct reader {
	struct yaml_doc *doc;
	struct frame frame[DEPTH_MAX];
	unsigned depth;
	struct anchor anchor[ANCHORS_MAX];
	unsigned n_anchors;
	size_t weight;
	char path[PATH_LEN]; /* of the innermost open container */
	struct err *e;
};

#define refuse(r, mark, ...) refuse_at((r), (mark).line + 1, (mark).column + 1, __VA_ARGS__)

PRINTF_LIKE(4, 5)
static int refuse_at(struct reader *r, size_t line, size_t column, const char *fmt, ...)
{
	char text[sizeof(r->e->msg)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return err_set(r->e, -EINVAL, "", "line %zu, column %zu: %.200s", line, column, text);
}

static char *copy(const char *text)
{
	char *c = strdup(text);

	CHECK(c);
	return c;
}

static void add_place(struct yaml_doc *d, const char *path, size_t line)
{
	if (d->n_places == d->size_places) {
		d->size_places = MAX(d->size_places * 2, (size_t)64);
		d->place = reallocarray(d->place, d->size_places, sizeof(*d->place));
		CHECK(d->place);
	}
	d->place[d->n_places++] = (struct place){ copy(path), (unsigned)line };
}

/* Put @value (consumed) where it belongs: behind the key, at the end of the list, or at the top. */
static int put(struct reader *r, json_t *value, yaml_mark_t mark)
{
	struct frame *f = r->depth > 0 ? &r->frame[r->depth - 1] : NULL;
	size_t line = mark.line + 1;
	char at[64] = "";

	CHECK(value);
	if (!f) {
		r->doc->root = value;
	} else if (json_is_array(f->container)) {
		snprintf(at, sizeof(at), "[%zu]", json_array_size(f->container));
		json_array_append_new(f->container, value);
	} else {
		snprintf(at, sizeof(at), "%s%.60s", f->path_len ? "." : "", f->key);
		json_object_set_new(f->container, f->key, value);
		free(f->key);
		f->key = NULL;
		line = f->key_line; /* a list may begin further down */
	}
	snprintf(r->path + (f ? f->path_len : 0), PATH_LEN - (f ? f->path_len : 0), "%s", at);
	add_place(r->doc, r->path, line);
	return 0;
}

static int weigh(struct reader *r, size_t weight, yaml_mark_t mark)
{
	r->weight += weight;
	if (r->weight > WEIGHT_MAX)
		return refuse(r, mark,
			"this is too much for one file: aliases may not repeat more than a few "
			"megabytes");
	return 0;
}

static int add_anchor(
	struct reader *r, const char *name, json_t *value, size_t weight, yaml_mark_t mark)
{
	if (r->n_anchors == ANCHORS_MAX)
		return refuse(r, mark, "there are more than %d anchors", ANCHORS_MAX);
	r->anchor[r->n_anchors++] = (struct anchor){ copy(name), value, weight };
	return 0;
}

/* Does the next value stand where a key must be? */
static bool wants_key(const struct reader *r)
{
	const struct frame *f = r->depth > 0 ? &r->frame[r->depth - 1] : NULL;

	return f && json_is_object(f->container) && !f->key;
}

static int read_alias(struct reader *r, const yaml_event_t *event)
{
	const char *name = (const char *)event->data.alias.anchor;
	int rc;

	if (wants_key(r))
		return refuse(r, event->start_mark, "write the key out: an alias cannot be one");
	for (unsigned i = r->n_anchors; i-- > 0;) { /* the last one of a name counts */
		if (strcmp(r->anchor[i].name, name) != 0)
			continue;
		rc = weigh(r, r->anchor[i].weight, event->start_mark);
		return rc == 0 ? put(r, json_incref(r->anchor[i].value), event->start_mark) : rc;
	}
	return refuse(
		r, event->start_mark, "*%.40s: no finished item has the anchor &%.40s", name, name);
}

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

static bool is_number(const char *text)
{
	const char *digits = text + (text[0] == '-');
	size_t n = strspn(digits, "0123456789");

	return n > 0 && n <= 18 && digits[n] == '\0' && (n == 1 || digits[0] != '0');
}

/* A word without quotes, by the core schema of YAML 1.2 (§10.3.2), numbers in decimal only. */
static json_t *plain(const char *text)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
	static const char *const trues[] = { "true", "True", "TRUE", NULL };
	static const char *const falses[] = { "false", "False", "FALSE", NULL };

	if (is_one_of(text, nulls))
		return json_null();
	if (is_one_of(text, trues))
		return json_true();
	if (is_one_of(text, falses))
		return json_false();
	if (is_number(text))
		return json_integer(strtoll(text, NULL, 10));
	return json_string(text);
}

static int read_key(struct reader *r, const char *key, yaml_mark_t mark)
{
	struct frame *f = &r->frame[r->depth - 1];

	if (strcmp(key, "<<") == 0)
		return refuse(r, mark, "merge keys (<<) are not known: write the fields out");
	if (json_object_get(f->container, key))
		return refuse(r, mark, "'%.40s' is here for the second time: keep one", key);
	f->key = copy(key);
	f->key_line = mark.line + 1;
	return 0;
}

static int check_tag(struct reader *r, const yaml_char_t *tag, const char *wanted, yaml_mark_t mark)
{
	const char *text = (const char *)tag;

	if (!text || strcmp(text, "!") == 0 || strcmp(text, wanted) == 0)
		return 0;
	return refuse(r, mark, "tag %.60s is not known: leave tags out", text);
}

static int read_scalar(struct reader *r, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	const char *anchor = (const char *)event->data.scalar.anchor;
	size_t len = event->data.scalar.length;
	bool is_plain
		= event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !event->data.scalar.tag;
	json_t *value;
	int rc = check_tag(r, event->data.scalar.tag, YAML_STR_TAG, event->start_mark);

	if (rc == 0 && memchr(text, '\0', len))
		rc = refuse(r, event->start_mark, "a text cannot hold the character 0");
	if (rc == 0)
		rc = weigh(r, len + NODE_WEIGHT, event->start_mark);
	if (rc != 0)
		return rc;
	if (wants_key(r))
		return anchor ? refuse(r, event->start_mark, "a key cannot have an anchor")
			      : read_key(r, text, event->start_mark);
	value = is_plain ? plain(text) : json_stringn(text, len);
	if (!value)
		return refuse(r, event->start_mark, "this text is not UTF-8");
	if (anchor)
		rc = add_anchor(r, anchor, value, len + NODE_WEIGHT, event->start_mark);
	if (rc == 0)
		return put(r, value, event->start_mark);
	json_decref(value);
	return rc;
}

/* Open @container (consumed). */
static int open_container(
	struct reader *r, json_t *container, const yaml_char_t *anchor, const yaml_event_t *event)
{
	size_t weight = r->weight;
	struct frame *f;
	int rc = 0;

	if (wants_key(r))
		rc = refuse(r, event->start_mark, "a key must be one word");
	else if (r->depth == DEPTH_MAX)
		rc = refuse(
			r, event->start_mark, "this is nested deeper than %d levels", DEPTH_MAX);
	if (rc == 0)
		rc = weigh(r, NODE_WEIGHT, event->start_mark);
	if (rc != 0) {
		json_decref(container);
		return rc;
	}
	put(r, container, event->start_mark);
	f = &r->frame[r->depth++];
	*f = (struct frame){ .container = container,
		.anchor = anchor ? copy((const char *)anchor) : NULL,
		.path_len = strlen(r->path),
		.weight_before = weight };
	return 0;
}

static int close_container(struct reader *r, const yaml_event_t *event)
{
	struct frame *f = &r->frame[--r->depth];
	int rc = 0;

	if (f->anchor)
		rc = add_anchor(r, f->anchor, f->container, r->weight - f->weight_before,
			event->start_mark);
	free(f->anchor);
	free(f->key);
	return rc;
}

static int read_event(struct reader *r, const yaml_event_t *event)
{
	const yaml_char_t *tag;
	int rc;

	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (r->doc->root)
			return refuse(r, event->start_mark,
				"a second document begins: write one file for each");
		return 0;
	case YAML_ALIAS_EVENT: return read_alias(r, event);
	case YAML_SCALAR_EVENT: return read_scalar(r, event);
	case YAML_SEQUENCE_START_EVENT:
		tag = event->data.sequence_start.tag;
		rc = check_tag(r, tag, YAML_SEQ_TAG, event->start_mark);
		return rc == 0
			? open_container(r, json_array(), event->data.sequence_start.anchor, event)
			: rc;
	case YAML_MAPPING_START_EVENT:
		tag = event->data.mapping_start.tag;
		rc = check_tag(r, tag, YAML_MAP_TAG, event->start_mark);
		return rc == 0
			? open_container(r, json_object(), event->data.mapping_start.anchor, event)
			: rc;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT: return close_container(r, event);
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT: break;
	}
	return 0;
}

/* What libyaml did not understand. */
static int refuse_syntax(struct reader *r, const yaml_parser_t *p, const char *text, size_t len)
{
	const char *problem = p->problem ? p->problem : "not YAML";
	size_t at = MIN(p->problem_mark.index, len);
	size_t line = 1;

	if (p->error == YAML_MEMORY_ERROR)
		return err_set(r->e, -ENOMEM, "", "out of memory");
	if (p->error == YAML_READER_ERROR) {
		at = MIN(p->problem_offset, len);
		for (size_t i = 0; i < at; i++)
			line += text[i] == '\n';
		return refuse_at(r, line, 1, "%s: the file must be text in UTF-8", problem);
	}
	if (at < len && text[at] == '\t')
		return refuse(r, p->problem_mark, "a tab cannot indent: use spaces");
	return refuse(r, p->problem_mark, "%s%s%s", p->context ? p->context : "",
		p->context ? ", " : "", problem);
}

static int read_all(struct reader *r, yaml_parser_t *p, const char *text, size_t len)
{
	bool is_over = false;
	int rc = 0;

	while (rc == 0 && !is_over) {
		yaml_event_t event;

		if (!yaml_parser_parse(p, &event))
			return refuse_syntax(r, p, text, len);
		is_over = event.type == YAML_STREAM_END_EVENT;
		rc = read_event(r, &event);
		yaml_event_delete(&event);
	}
	return rc;
}

void yaml_doc_destroy(struct yaml_doc *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->n_places; i++)
		free(d->place[i].path);
	free(d->place);
	json_decref(d->root);
	free(d);
}

json_t *yaml_doc_root(const struct yaml_doc *d)
{
	return d->root;
}

unsigned yaml_doc_line(const struct yaml_doc *d, const char *path)
{
	size_t best_len = 0;
	unsigned line = 0;

	for (size_t i = 0; i < d->n_places; i++) {
		const char *known = d->place[i].path;
		size_t len = strlen(known);
		char next = strncmp(path, known, len) == 0 ? path[len] : 'x';

		if (len > best_len && (next == '\0' || next == '.' || next == '[')) {
			best_len = len;
			line = d->place[i].line;
		}
	}
	return line;
}

struct yaml_doc *yaml_doc_read(const char *text, size_t len, struct err *e)
{
	struct reader r = { .doc = calloc(1, sizeof(*r.doc)), .e = e };
	yaml_parser_t parser;
	int rc;

	CHECK(r.doc && yaml_parser_initialize(&parser));
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (len > YAML_TEXT_MAX)
		rc = err_set(e, -EFBIG, "", "more than %u MiB are no description of networks",
			YAML_TEXT_MAX >> 20);
	else
		rc = read_all(&r, &parser, text, len);
	yaml_parser_delete(&parser);
	for (unsigned i = 0; i < r.depth; i++) {
		free(r.frame[i].anchor);
		free(r.frame[i].key);
	}
	for (unsigned i = 0; i < r.n_anchors; i++)
		free(r.anchor[i].name);
	if (rc == 0)
		return r.doc;
	yaml_doc_destroy(r.doc);
	return NULL;
}
