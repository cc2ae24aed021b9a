/* SPDX-License-Identifier: Apache-2.0 */
/* cli_rpc.h - calls to the daemon whose errors are printed and become exit codes. */
#pragma once

#include "tools/cli.h"

/* Connect for @role, or NULL after saying why; *code is the exit code then. */
struct rpc_client *cli_connect(const struct cli *cli, enum rpc_role role, int *code);
/* One call over @c; @params (may be NULL) is consumed.  CLI_DONE, or the exit code after printing. */
[[nodiscard]] int cli_call_on(const struct cli *cli, struct rpc_client *c, const char *method,
	json_t *params, json_t **result);
/* Connect, call, hang up. */
[[nodiscard]] int cli_call(const struct cli *cli, enum rpc_role role, const char *method,
	json_t *params, json_t **result);
/* A call that changes something; @params is consumed, NULL: the words were no UTF-8.  With --json its
 * answer is printed.  CLI_DONE or an exit code. */
[[nodiscard]] int cli_change(const struct cli *cli, const char *method, json_t *params);
/* Print an error of a call and return its exit code. */
int cli_fail_rpc(const struct cli *cli, const struct err *e);
/* The same for what rpc_call() returned: the daemon may be gone. */
int cli_fail_call(const struct cli *cli, int rc, const struct err *e);

/* Print @result as JSON. */
void cli_print_json(const struct cli *cli, const json_t *result);

/* Fields of results; never NULL, "" and 0 when a field is missing or of another type. */
const char *cli_text(const json_t *object, const char *key);
uint64_t cli_u64(const json_t *object, const char *key);
/* "a, b" of an array of strings, or the string itself; into @out. */
const char *cli_words(const json_t *object, const char *key, char *out, size_t size);
