/* SPDX-License-Identifier: Apache-2.0 */
/* yaml_write.c - JSON as YAML text.
 *
 * From: cmd_state.c.  To: a stream, through libyaml.
 * Theory: block style throughout, one item a line, so that two states can be compared by diff.  A
 * string goes without quotes only when every reader of any YAML version takes it for a string: a
 * letter first and no word that YAML 1.1 has another meaning for, or an address with three dots.
 * Invariants: what is written, yaml_doc_read() reads again as the same JSON.  Thread: any. */
#include "tools/yaml_write.h"

#include "vswitch/base/check.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#define DEPTH_MAX 16

static int write_bytes(void *arg, unsigned char *bytes, size_t size)
{
	return fwrite(bytes, 1, size, arg) == size;
}

static bool is_plain(const char *text)
{
	static const char *const meant[] = {
#ifndef SAKLAR_PLANTED_BUG /* with it: words are strings, whatever they say */
		"null", "true", "false", "yes", "no", "on", "off", "y", "n",
#endif
		NULL
	};
	size_t n_dots = 0;

	for (const char *const *m = meant; *m; m++)
		if (strcasecmp(text, *m) == 0)
			return false;
	for (const char *c = text; *c; c++) {
		if (!(isalnum((unsigned char)*c) && (unsigned char)*c < 0x80)
			&& !strchr("_.-/", *c))
			return false;
		n_dots += *c == '.';
	}
	return isalpha((unsigned char)text[0])
		|| (isdigit((unsigned char)text[0]) && n_dots >= 3
			&& text[strspn(text, "0123456789./-")] == '\0');
}

static int emit_scalar(yaml_emitter_t *w, const json_t *value)
{
	char number[32];
	const char *text = json_string_value(value);
	yaml_scalar_style_t style = YAML_PLAIN_SCALAR_STYLE;
	yaml_event_t event;

	if (text && !is_plain(text))
		style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	if (!text) {
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		text = json_is_integer(value) ? number
			: json_is_true(value) ? "true"
			: json_is_null(value) ? "null"
					      : "false";
	}
	return yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
		       (int)strlen(text), 1, 1, style)
		&& yaml_emitter_emit(w, &event);
}

static int emit_key(yaml_emitter_t *w, const char *key)
{
	json_t *text = json_string(key);
	int ok = text && emit_scalar(w, text);

	json_decref(text);
	return ok;
}

/* Recursion ends at DEPTH_MAX: what is printed comes from the daemon. */
static int emit(yaml_emitter_t *w, const json_t *value, unsigned depth)
{
	yaml_event_t event;
	const char *key;
	json_t *member;
	size_t i;
	int ok = 1;

	if (depth == DEPTH_MAX)
		return 0;
	if (json_is_array(value)) {
		ok = yaml_sequence_start_event_initialize(
			     &event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE)
			&& yaml_emitter_emit(w, &event);
		json_array_foreach(value, i, member) ok = ok && emit(w, member, depth + 1);
		return ok && yaml_sequence_end_event_initialize(&event)
			&& yaml_emitter_emit(w, &event);
	}
	if (!json_is_object(value))
		return emit_scalar(w, value);
	ok = yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE)
		&& yaml_emitter_emit(w, &event);
	json_object_foreach((json_t *)(uintptr_t)value, key, member) ok
		= ok && emit_key(w, key) && emit(w, member, depth + 1);
	return ok && yaml_mapping_end_event_initialize(&event) && yaml_emitter_emit(w, &event);
}

int yaml_write(FILE *out, const json_t *root)
{
	yaml_emitter_t writer;
	yaml_event_t event;
	int ok;

	CHECK(yaml_emitter_initialize(&writer));
	yaml_emitter_set_output(&writer, write_bytes, out);
	yaml_emitter_set_width(&writer, -1);
	yaml_emitter_set_unicode(&writer, 1);
	ok = yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING)
		&& yaml_emitter_emit(&writer, &event)
		&& yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1)
		&& yaml_emitter_emit(&writer, &event) && emit(&writer, root, 0)
		&& yaml_document_end_event_initialize(&event, 1)
		&& yaml_emitter_emit(&writer, &event) && yaml_stream_end_event_initialize(&event)
		&& yaml_emitter_emit(&writer, &event);
	yaml_emitter_delete(&writer);
	return ok ? 0 : -EIO;
}
