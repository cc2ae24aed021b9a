/* SPDX-License-Identifier: Apache-2.0 */
/* cli.h - what a verb of the command line is, and what it is given.
 *
 * A verb is one row of cli_verbs[]: words, flags, help, example and function.  Help, completion and
 * the parser read the same rows; flags of networks and vifs come from config/schema.h.
 * Functions return the exit code of the program. */
#pragma once

#include "config/rpc_client.h"
#include "config/schema.h"
#include "vswitch/base/base.h"

#include <jansson.h>
#include <stdio.h>

#define CLI_RUN_DIR_DEFAULT "/run/saklar"

enum cli_exit {
	CLI_DONE = 0,
	CLI_REFUSED = 1,
	CLI_USAGE = 2,
	CLI_NO_DAEMON = 3,
};

/* What completion offers. */
enum cli_complete {
	COMPLETE_NOTHING,
	COMPLETE_VIF,
	COMPLETE_NETWORK,
	COMPLETE_VIF_OR_NETWORK,
	COMPLETE_FORWARD, /* a network, then a protocol */
	COMPLETE_FILE,
	COMPLETE_DIR,
	COMPLETE_NETDEV,
	COMPLETE_UPLINK, /* host, a device, vif:NAME */
	COMPLETE_NETNS,
};

/* A flag that belongs to the verb, not to the schema. */
struct cli_flag {
	const char *flag; /* without dashes; NULL ends the list */
	char letter; /* 'w' for -w; 0: none */
	const char *arg; /* metavariable; NULL: a switch */
	bool is_number; /* the argument is an unsigned number */
	enum cli_complete complete;
	const char *doc;
};

enum cli_schema_use {
	SCHEMA_NONE,
	SCHEMA_ADD,
	SCHEMA_SET,
};

struct cli {
	const char *run_dir;
	bool json;
	bool color; /* of out */
	FILE *out;
	FILE *err;
};

/* A parsed command line. */
struct cli_args {
	json_t *params; /* object: schema keys with their values, and own flags by their name */
	const char **word; /* positional arguments, NULL-terminated; point into argv */
	size_t n_words;
};

struct cli_verb {
	const char *noun;
	const char *verb; /* NULL: the noun is the whole command */
	const char *args; /* positional part of the usage line; "" for none */
	size_t min_words, max_words;
	enum cli_complete complete; /* of positional arguments */
	const struct schema_object *schema;
	enum cli_schema_use use;
	const struct cli_flag *flags; /* NULL: none */
	const char *doc; /* one line, lower case */
	const char *more; /* further lines of help, or NULL */
	const char *example;
	int (*run)(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args);
};

extern const struct cli_verb cli_verbs[]; /* ends with noun == NULL */
extern const struct cli_flag cli_global_flags[];

/* "saklar: ..." on cli->err; returns @code. */
int cli_fail(const struct cli *cli, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
void cli_warn(const struct cli *cli, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Run the program on @argv[0..argc); everything is printed to @out and @err. */
[[nodiscard]] int cli_run(int argc, char **argv, FILE *out, FILE *err);
