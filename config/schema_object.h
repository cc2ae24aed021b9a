/* SPDX-License-Identifier: Apache-2.0 */
/* schema_object.h - walk a JSON object by the rows of a schema and hand each checked value to its
 * setter.  Shared by the parsers of networks and vifs. */
#pragma once

#include "config/schema_parse.h"
#include "config/schema_value.h"

/* Put one value into the cfg.  @v NULL: back to the default (for lists: empty the list, called
 * before the first element).  0 or -errno with @e. */
struct schema_setter {
	const char *key;
	int (*set)(void *cfg, const struct schema_value *v, const char *path, struct err *e);
};

struct schema_walk {
	const struct schema_object *object;
	const struct schema_setter *setter;
	size_t n_setters;
	enum schema_verb verb;
	const char *name; /* of the object, for paths */
};

[[nodiscard]] int schema_walk(
	const struct schema_walk *w, const json_t *params, void *cfg, struct err *e);
/* The object's name out of @params into @name, checked. */
[[nodiscard]] int schema_walk_name(const struct schema_object *o, const json_t *params,
	char name[SAKLAR_NAME_LEN], struct err *e);
