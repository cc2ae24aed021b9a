/* SPDX-License-Identifier: Apache-2.0 */
/* cli_args.h - words of a command line -> JSON-RPC parameters, by the schema and the verb's flags. */
#pragma once

#include "tools/cli.h"
#include "vswitch/base/err.h"

/* Parse @word[0..n) as arguments of @verb into @out (initialised here; end with cli_args_fini(),
 * also after an error).  0, or -EINVAL with @e: a usage error. */
[[nodiscard]] int cli_args_parse(const struct cli_verb *verb, char *const *word, size_t n,
	struct cli_args *out, struct err *e);
void cli_args_fini(struct cli_args *args);

/* The value of the own flag @flag, or NULL / the default when it was not given. */
const char *cli_args_text(const struct cli_args *args, const char *flag);
uint64_t cli_args_number(const struct cli_args *args, const char *flag, uint64_t def);
bool cli_args_has(const struct cli_args *args, const char *flag);

/* May @field be given to @verb? */
bool cli_args_takes(const struct cli_verb *verb, const struct schema_field *field);
