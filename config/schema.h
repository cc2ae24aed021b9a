/* SPDX-License-Identifier: Apache-2.0 */
/* schema.h - the one table of what a network and a vif can be told: it drives parsing and
 * validation in the daemon, flags, help and completion in the CLI, and the documentation.
 * libc only: the CLI links it too. */
#pragma once

#include "vswitch/base/base.h"

enum field_kind {
	FIELD_STRING,
	FIELD_NAME, /* [A-Za-z][A-Za-z0-9_.-]*, at most SAKLAR_NAME_MAX */
	FIELD_ENUM, /* one of .values */
	FIELD_U32, /* .min .. .max */
	FIELD_BOOL,
	FIELD_MAC,
	FIELD_IP,
	FIELD_NET, /* CIDR */
	FIELD_RANGE, /* FIRST-LAST */
	FIELD_DHCP_HOST, /* MAC,ADDRESS[,NAME] */
	FIELD_ROUTE, /* CIDR,ADDRESS */
	FIELD_PAIR, /* ADDRESS,ADDRESS */
};
enum field_flag {
	FIELD_LIST = 1u << 0, /* JSON array; the flag may be repeated */
	FIELD_REQUIRED = 1u << 1, /* in add */
	FIELD_FIXED = 1u << 2, /* cannot be changed by set */
	FIELD_NEGATED = 1u << 3, /* CLI: --flag sets false (--down for link) */
};

struct schema_field {
	const char *key; /* JSON and YAML: "dhcp_ranges" */
	const char *flag; /* CLI, without dashes: "dhcp-range"; NULL: positional NAME */
	const char *arg; /* metavariable in help: "FIRST-LAST"; NULL for booleans */
	enum field_kind kind;
	unsigned flags; /* enum field_flag */
	uint32_t min, max; /* FIELD_U32; FIELD_STRING: length */
	const char *const *values; /* FIELD_ENUM, NULL-terminated */
	const char *def; /* default, as text for help; NULL: none */
	const char *doc; /* one line */
	const char *later; /* not NULL: known, but refused with this reason */
};

/* A boolean has two rows with one key: --learning sets it, --no-learning (FIELD_NEGATED) clears it;
 * the first row is the one that schema_field() finds. */

struct schema_object {
	const char *name; /* "network", "vif" */
	const struct schema_field *field;
	size_t n_fields;
	const char *example; /* a whole `saklar NAME add ...` line */
};

extern const struct schema_object schema_network;
extern const struct schema_object schema_vif;
extern const struct schema_object schema_forward; /* no name: network, proto and port are */

/* By key, or NULL. */
const struct schema_field *schema_field(const struct schema_object *o, const char *key);
/* By CLI flag without dashes, or NULL. */
const struct schema_field *schema_flag(const struct schema_object *o, const char *flag);
