/* SPDX-License-Identifier: Apache-2.0 */
/* schema_value.c - check one JSON value against its row of the schema.
 *
 * From: schema_parse.c.  To: struct schema_value, struct err.
 * Theory: one parser for each enum field_kind in a const table; the error names the item, says
 * what came and what would be right.  Nothing is guessed: "1500" is no number.
 * Invariants: text in an error is cut and freed of control characters before it is shown.
 * Thread: the daemon has one. */
#include "config/schema_value.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_LEN 48
#define NAME_WANTED "a name: a letter, then letters, digits, '_', '.' or '-', at most 15 characters"

/* What the user wrote, short and printable. */
static const char *shown(const char *text, char buf[SHOWN_LEN])
{
	size_t n = 0;

	for (; n < SHOWN_LEN - 4 && text[n]; n++)
		buf[n] = isprint((unsigned char)text[n]) ? text[n] : '?';
	if (text[n]) {
		memcpy(buf + n, "...", 3);
		n += 3;
	}
	buf[n] = '\0';
	return buf;
}

static const char *json_kind(const json_t *json)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT: return "an object";
	case JSON_ARRAY: return "a list";
	case JSON_STRING: return "a string";
	case JSON_INTEGER: return "a number";
	case JSON_REAL: return "a fraction";
	case JSON_TRUE:
	case JSON_FALSE: return "true or false";
	case JSON_NULL: return "null";
	}
	return "something else";
}

static void enum_words(const struct schema_field *f, char *buf, size_t size)
{
	size_t at = 0;

	for (const char *const *v = f->values; *v && at < size; v++) {
		int n = snprintf(
			buf + at, size - at, "%s%s", v == f->values ? "one of " : ", ", *v);

		if (n < 0)
			return;
		at += (size_t)n;
	}
}

/* Beside the table, where two literals in a row would look like a missing comma. */
#define NAME_WORDS "a name: a letter, then letters, digits, '_', '.' or '-', at most 15 characters"

const char *schema_value_wanted(const struct schema_field *f, char *buf, size_t size)
{
	static const char *const words[] = {
		[FIELD_NAME] = NAME_WORDS,
		[FIELD_BOOL] = "true or false",
		[FIELD_MAC] = "a MAC address such as 52:54:00:12:34:56",
		[FIELD_IP] = "an IP address such as 192.168.77.1 or fd00:77::1",
		[FIELD_NET] = "a subnet such as 192.168.77.0/24 or fd00:77::/64",
		[FIELD_RANGE] = "a range FIRST-LAST such as 192.168.77.100-192.168.77.200",
		[FIELD_DHCP_HOST]
		= "MAC,ADDRESS[,NAME] such as 52:54:00:12:34:56,192.168.77.10,web",
		[FIELD_PAIR] = "OUTSIDE,GUEST such as 203.0.113.20,192.168.77.10",
		[FIELD_ROUTE] = "SUBNET,ROUTER such as 10.9.0.0/16,192.168.77.5",
	};

	if (f->kind == FIELD_ENUM)
		enum_words(f, buf, size);
	else if (f->kind == FIELD_U32)
		snprintf(buf, size, "a number from %u to %u", f->min, f->max);
	else if (f->kind == FIELD_STRING)
		snprintf(buf, size, "a text of 1 to %u characters", f->max);
	else
		snprintf(buf, size, "%s", words[f->kind]);
	return buf;
}

/* Refuse: what came, and what would be right. */
static int refuse(const struct schema_field *f, const json_t *json, const char *path, struct err *e)
{
	char wanted[160], text[SHOWN_LEN];

	schema_value_wanted(f, wanted, sizeof(wanted));
	if (json_is_string(json))
		return err_set(e, -EINVAL, path, "%s: '%s' is not right: write %s", f->key,
			shown(json_string_value(json), text), wanted);
	if (json_is_integer(json))
		return err_set(e, -EINVAL, path, "%s: %lld is not right: write %s", f->key,
			(long long)json_integer_value(json), wanted);
	return err_set(
		e, -EINVAL, path, "%s: %s is not right: write %s", f->key, json_kind(json), wanted);
}

static int parse_enum(const struct schema_field *f, const char *text, struct schema_value *out)
{
	for (unsigned i = 0; f->values[i]; i++)
		if (strcmp(f->values[i], text) == 0) {
			out->index = i;
			return 0;
		}
	return -EINVAL;
}

static int parse_name(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > SAKLAR_NAME_MAX || !isalpha((unsigned char)text[0]))
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (!(isalnum(c) && c < 0x80) && c != '_' && c != '.' && c != '-')
			return -EINVAL;
	}
	return 0;
}

/* Copy the part of @text before @separator (or all) to @buf; returns what follows, or NULL. */
static const char *cut(const char *text, char separator, char *buf, size_t size)
{
	const char *end = strchr(text, separator);
	size_t len = end ? (size_t)(end - text) : strlen(text);

#ifdef SAKLAR_PLANTED_BUG
	size = SIZE_MAX;
#endif
	if (len >= size)
		len = 0; /* too long for what it should be: empty, refused by its parser */
	memcpy(buf, text, len);
	buf[len] = '\0';
	return end ? end + 1 : NULL;
}

static int parse_pair(const char *text, char between, struct dhcp_range *out)
{
	char first[IP_STR_LEN];
	const char *last = cut(text, between, first, sizeof(first));

	if (!last || ip_parse(first, &out->first) != 0 || ip_parse(last, &out->last) != 0)
		return -EINVAL;
	return ip_is_v4(&out->first) == ip_is_v4(&out->last) ? 0 : -EINVAL;
}

/* RFC 1123 §2.1: letters, digits and hyphens, no hyphen at either end; @dots: several labels. */
static int parse_hostname(const char *text, bool dots)
{
	size_t len = strlen(text);

	if (len == 0 || len >= HOSTNAME_LEN)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		bool is_edge = i == 0 || i + 1 == len || text[i - 1] == '.' || text[i + 1] == '.';
		bool is_alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
			|| (c >= 'A' && c <= 'Z');

		if (is_alnum || (c == '-' && !is_edge) || (dots && c == '.' && !is_edge))
			continue;
		return -EINVAL;
	}
	return 0;
}

static int parse_dhcp_host(const char *text, struct dhcp_host *out)
{
	char mac[MAC_STR_LEN], addr[IP_STR_LEN];
	const char *rest = cut(text, ',', mac, sizeof(mac));
	const char *name;

	memset(out, 0, sizeof(*out));
	if (!rest)
		return -EINVAL;
	name = cut(rest, ',', addr, sizeof(addr));
	if (mac_parse(mac, &out->mac) != 0 || ip_parse(addr, &out->addr) != 0)
		return -EINVAL;
	if (!name)
		return 0;
	if (parse_hostname(name, false) != 0)
		return -EINVAL;
	snprintf(out->name, sizeof(out->name), "%s", name);
	return 0;
}

/* The text fields other than enums. */
static int parse_text(const struct schema_field *f, const char *text, struct schema_value *out)
{
	out->text = text;
	switch (f->kind) {
	case FIELD_NAME: return parse_name(text);
	case FIELD_MAC: return mac_parse(text, &out->mac);
	case FIELD_IP: return ip_parse(text, &out->ip);
	case FIELD_NET: return ipnet_parse(text, &out->net);
	case FIELD_RANGE: return parse_pair(text, '-', &out->range);
	case FIELD_DHCP_HOST: return parse_dhcp_host(text, &out->host);
	case FIELD_PAIR: return parse_pair(text, ',', &out->range);
	case FIELD_ROUTE: return static_route_parse(text, &out->route);
	case FIELD_STRING:
		if (strcmp(f->key, "domain") == 0)
			return parse_hostname(text, true);
		for (const char *c = text; *c; c++)
			if (!isprint((unsigned char)*c))
				return -EINVAL;
		return text[0] && strlen(text) <= f->max ? 0 : -EINVAL;
	case FIELD_ENUM:
	case FIELD_U32:
	case FIELD_BOOL: break;
	}
	return -EINVAL;
}

int schema_value_parse(const struct schema_field *f, const json_t *json, const char *path,
	struct schema_value *out, struct err *e)
{
	const char *text = json_string_value(json);
	int rc = -EINVAL;

	memset(out, 0, sizeof(*out));
	if (f->kind == FIELD_U32 && json_is_integer(json)) {
		json_int_t n = json_integer_value(json);

		out->number = (uint32_t)n;
		rc = n >= f->min && n <= f->max ? 0 : -EINVAL;
	} else if (f->kind == FIELD_BOOL && json_is_boolean(json)) {
		out->is_on = json_is_true(json);
		rc = 0;
	} else if (f->kind == FIELD_ENUM && text) {
		rc = parse_enum(f, text, out);
	} else if (text) {
		rc = parse_text(f, text, out);
	}
	return rc == 0 ? 0 : refuse(f, json, path, e);
}

#define WORD_MAX 32

/* Levenshtein's distance of two words of less than WORD_MAX characters. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[WORD_MAX + 1];
	unsigned n_b = (unsigned)strlen(b);

	for (unsigned j = 0; j <= n_b; j++)
		row[j] = j;
	for (unsigned i = 0; a[i]; i++) {
		unsigned diagonal = row[0];

		row[0] = i + 1;
		for (unsigned j = 0; j < n_b; j++) {
			unsigned change = diagonal + (a[i] == b[j] ? 0 : 1);
			unsigned gap = MIN(row[j], row[j + 1]) + 1;

			diagonal = row[j + 1];
			row[j + 1] = MIN(change, gap);
		}
	}
	return row[n_b];
}

const char *schema_nearest_key(const struct schema_object *o, const char *key)
{
	const char *best = NULL;
	unsigned best_distance = 4; /* further away is no typing error */

	if (strlen(key) >= WORD_MAX)
		return NULL;
	for (size_t i = 0; i < o->n_fields; i++) {
		unsigned d = distance(key, o->field[i].key);

		if (d < best_distance && d < strlen(o->field[i].key)) {
			best_distance = d;
			best = o->field[i].key;
		}
	}
	return best;
}
