/* SPDX-License-Identifier: Apache-2.0 */
/* cli_help.h - help from the table of verbs and the schema. */
#pragma once

#include "tools/cli.h"

/* All verbs, one line each. */
void cli_help_all(FILE *out);
/* The verbs of @noun. */
void cli_help_noun(FILE *out, const char *noun);
/* Usage, flags, notes and example of one verb. */
void cli_help_verb(FILE *out, const struct cli_verb *verb);
