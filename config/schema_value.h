/* SPDX-License-Identifier: Apache-2.0 */
/* schema_value.h - one JSON value, checked by its row of the schema, as a plain C value. */
#pragma once

#include "config/model.h"
#include "config/schema.h"

#include <jansson.h>

struct schema_value {
	const char *text; /* STRING, NAME; borrowed from the JSON value */
	unsigned index; /* ENUM: into .values */
	uint32_t number;
	bool is_on;
	struct mac mac;
	struct ipaddr ip;
	struct ipnet net;
	struct dhcp_range range;
	struct dhcp_host host;
	struct static_route route;
};

/* Check @json (one element, for lists) against @f.  @path names the item for the user. */
[[nodiscard]] int schema_value_parse(const struct schema_field *f, const json_t *json,
	const char *path, struct schema_value *out, struct err *e);
/* "a number from 68 to 65535": what the field takes, for error messages. */
const char *schema_value_wanted(const struct schema_field *f, char *buf, size_t size);
/* The nearest key of @o to the unknown word @key, or NULL when none is near. */
const char *schema_nearest_key(const struct schema_object *o, const char *key);
