/* SPDX-License-Identifier: Apache-2.0 */
/* schema_object.c - walk a JSON object by the rows of a schema.
 *
 * From: schema_network.c, schema_vif.c.  To: their setters.
 * Theory: every key of the object must be a row; a row knows what it takes and whether it may be
 * changed.  Values reach a setter only when they have passed their row.
 * Invariants: a row without setter is a .later one (the tests walk the tables).
 * Thread: the daemon has one. */
#include "config/schema_object.h"

#include "vswitch/base/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PATH_LEN sizeof(((struct err *)NULL)->path)

static int refuse_unknown(
	const struct schema_walk *w, const char *key, const char *path, struct err *e)
{
	const char *near = schema_nearest_key(w->object, key);

	if (near)
		return err_set(e, -EINVAL, path, "a %s has no field '%.40s': did you mean '%s'?",
			w->object->name, key, near);
	return err_set(e, -EINVAL, path,
		"a %s has no field '%.40s': 'saklar %s add --help' lists the fields",
		w->object->name, key, w->object->name);
}

static const struct schema_setter *find_setter(const struct schema_walk *w, const char *key)
{
	for (size_t i = 0; i < w->n_setters; i++)
		if (strcmp(w->setter[i].key, key) == 0)
			return &w->setter[i];
	return NULL;
}

static int set_list(const struct schema_field *f, const struct schema_setter *s, const json_t *json,
	const char *path, void *cfg, struct err *e)
{
	struct schema_value value;
	size_t i;
	json_t *element;
	int rc;

	if (!json_is_array(json))
		return err_set(e, -EINVAL, path, "%s: write a list, such as [ %s ]", f->key,
			f->arg ? f->arg : "...");
	if (json_array_size(json) > f->max)
		return err_set(e, -EINVAL, path, "%s: %zu are too many, at most %u", f->key,
			json_array_size(json), f->max);
	rc = s->set(cfg, NULL, path, e);
	json_array_foreach(json, i, element)
	{
		char at[PATH_LEN + 24]; /* and an index of any length */

		snprintf(at, sizeof(at), "%s[%zu]", path, i);
		if (rc == 0)
			rc = schema_value_parse(f, element, at, &value, e);
		if (rc == 0)
			rc = s->set(cfg, &value, at, e);
	}
	return rc;
}

static int set_field(
	const struct schema_walk *w, const char *key, const json_t *json, void *cfg, struct err *e)
{
	const struct schema_field *f = schema_field(w->object, key);
	const struct schema_setter *s = find_setter(w, key);
	struct schema_value value;
	char path[PATH_LEN];
	int rc;

	snprintf(path, sizeof(path), "%s.%s.%.20s", w->object->name, w->name, key);
	if (!f)
		return refuse_unknown(w, key, path, e);
	if (f->later)
		return err_set(e, -ENOTSUP, path, "%s is refused for now: %s", key, f->later);
	CHECK(s);
	if (w->verb == SCHEMA_SET && (f->flags & FIELD_FIXED))
		return err_set(e, -EINVAL, path,
			"%s cannot be changed: delete the %s and add it again", key,
			w->object->name);
	if (json_is_null(json))
		return s->set(cfg, NULL, path, e);
	if (f->flags & FIELD_LIST)
		return set_list(f, s, json, path, cfg, e);
	rc = schema_value_parse(f, json, path, &value, e);
	return rc == 0 ? s->set(cfg, &value, path, e) : rc;
}

int schema_walk_name(const struct schema_object *o, const json_t *params,
	char name[SAKLAR_NAME_LEN], struct err *e)
{
	const json_t *json = json_object_get(params, "name");
	struct schema_value value;
	char path[PATH_LEN];
	int rc;

	snprintf(path, sizeof(path), "%s.name", o->name);
	if (!json_is_object(params))
		return err_set(e, -EINVAL, o->name, "params must be an object with the %s's fields",
			o->name);
	if (!json)
		return err_set(e, -EINVAL, path, "name is missing: say which %s", o->name);
	rc = schema_value_parse(&o->field[0], json, path, &value, e);
	if (rc == 0)
		snprintf(name, SAKLAR_NAME_LEN, "%s", value.text);
	return rc;
}

int schema_walk(const struct schema_walk *w, const json_t *params, void *cfg, struct err *e)
{
	char path[PATH_LEN];
	const char *key;
	json_t *json;

	for (size_t i = 0; i < w->object->n_fields; i++) {
		const struct schema_field *f = &w->object->field[i];

		if (w->verb != SCHEMA_ADD || !(f->flags & FIELD_REQUIRED)
			|| json_object_get(params, f->key))
			continue;
		snprintf(path, sizeof(path), "%s.%s.%s", w->object->name, w->name, f->key);
		return err_set(e, -EINVAL, path, "%s is missing: add --%s %s", f->key,
			f->flag ? f->flag : f->key, f->arg ? f->arg : "");
	}
	json_object_foreach((json_t *)(uintptr_t)params, key, json)
	{
		int rc = strcmp(key, "name") == 0 ? 0 : set_field(w, key, json, cfg, e);

		if (rc != 0)
			return rc;
	}
	return 0;
}
