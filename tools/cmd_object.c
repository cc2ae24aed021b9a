/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_object.c - the verbs that networks and vifs share: add, set, show, del.
 *
 * From: cli_verbs.c.  To: the daemon's NOUN.VERB methods.
 * Theory: the daemon's answer means "stored", not "up": it reconciles afterwards, and an object may
 * wait for a device for ever.  So a change is followed by a look at the object's state, for at most
 * SETTLE_NS, and a warning with the reason when it is not up.
 * Thread: the only one. */
#include "tools/cli_rpc.h"
#include "tools/cmd.h"
#include "tools/text.h"
#include "vswitch/base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SETTLE_NS (2 * NS_PER_SEC)
#define SETTLE_STEP_NS (10 * NS_PER_MS)

static json_t *name_of(const char *name)
{
	return json_pack("{s:s}", "name", name);
}

static void method_of(const struct cli_verb *verb, const char *word, char *out, size_t size)
{
	snprintf(out, size, "%s.%s", verb->noun, word);
}

/* Say why the object named @name is not up, if it is not. */
static void warn_state(
	const struct cli *cli, const struct cli_verb *verb, const char *name, const json_t *shown)
{
	char reason[1024];
	char shown_name[64];
	const char *state = cli_text(shown, "state");

	text_escape(name, shown_name, sizeof(shown_name));
	text_escape(cli_text(shown, "reason"), reason, sizeof(reason));
	if (!state[0] || strcmp(state, "up") == 0 || json_is_false(json_object_get(shown, "link")))
		return;
	cli_warn(cli, "%s %s is accepted but not up yet: %s%s%s", verb->noun, shown_name, state,
		reason[0] ? ": " : "", reason);
}

/* Follow the state of @name until it is decided or SETTLE_NS have passed. */
static void settle(
	const struct cli *cli, struct rpc_client *c, const struct cli_verb *verb, const char *name)
{
	char method[32];
	uint64_t give_up = clock_now_ns() + SETTLE_NS;
	const struct timespec step = { .tv_nsec = SETTLE_STEP_NS };

	method_of(verb, "show", method, sizeof(method));
	for (;;) {
		struct err e = ERR_NONE;
		json_t *shown = NULL;

		if (rpc_call(c, method, name_of(name), &shown, &e) != 0)
			return; /* deleted by somebody else, or the daemon is gone: nothing to add */
		bool is_pending = strcmp(cli_text(shown, "state"), "pending") == 0;

		if (!is_pending || clock_now_ns() >= give_up) {
			warn_state(cli, verb, name, shown);
			json_decref(shown);
			return;
		}
		json_decref(shown);
		nanosleep(&step, NULL);
	}
}

int cmd_object_change(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	char method[32];
	json_t *result = NULL;
	int code = CLI_DONE;

	if (verb->use == SCHEMA_SET && json_object_size(args->params) < 2)
		return cli_fail(cli, CLI_USAGE, "nothing to change; see 'saklar %s set --help'",
			verb->noun);
	struct rpc_client *c = cli_connect(cli, RPC_ROLE_RW, &code);

	if (!c)
		return code;
	method_of(verb, verb->verb, method, sizeof(method));
	code = cli_call_on(cli, c, method, json_incref(args->params), &result);
	if (code == CLI_DONE) {
		if (cli->json)
			cli_print_json(cli, result);
		settle(cli, c, verb, args->word[0]);
	}
	json_decref(result);
	rpc_client_close(c);
	return code;
}

/* Call @method for one name; prints what the daemon answers in --json when @is_told. */
static int call_for_name(const struct cli *cli, struct rpc_client *c, const char *method,
	const char *word, bool is_told)
{
	json_t *result = NULL;
	json_t *params = name_of(word);
	int code = params ? cli_call_on(cli, c, method, params, &result)
			  : cli_fail(cli, CLI_USAGE, "the name is not valid UTF-8");

	if (code == CLI_DONE && is_told && cli->json)
		cli_print_json(cli, result);
	json_decref(result);
	return code;
}

/* Several names are looked up before the first is deleted: a slip of the pen deletes nothing. */
int cmd_object_del(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	char show[32], del[32];
	int code = CLI_DONE;
	struct rpc_client *c = cli_connect(cli, RPC_ROLE_RW, &code);

	if (!c)
		return code;
	method_of(verb, "show", show, sizeof(show));
	method_of(verb, "del", del, sizeof(del));
	for (size_t i = 0; args->n_words > 1 && i < args->n_words && code == CLI_DONE; i++)
		code = call_for_name(cli, c, show, args->word[i], false);
	for (size_t i = 0; i < args->n_words && code == CLI_DONE; i++)
		code = call_for_name(cli, c, del, args->word[i], true);
	rpc_client_close(c);
	return code;
}

/* One value as text; objects and arrays on one line. */
static void print_value(FILE *out, const json_t *value)
{
	char text[1200];
	char *compact = NULL;

	if (json_is_string(value)) {
		fputs(text_escape(json_string_value(value), text, sizeof(text)), out);
	} else if (json_is_boolean(value)) {
		fputs(json_is_true(value) ? "on" : "off", out);
	} else if (json_is_null(value)) {
		fputs("-", out);
	} else {
		compact = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII);
		fputs(compact ? compact : "?", out);
		free(compact);
	}
}

static void print_list(FILE *out, const json_t *list)
{
	size_t i = 0;
	json_t *v = NULL;

	if (json_array_size(list) == 0)
		fputs("-", out);
	json_array_foreach(list, i, v)
	{
		fputs(i ? ", " : "", out);
		print_value(out, v);
	}
}

/* "key  value" lines; objects within are printed with their keys behind a dot. */
static void print_object(const struct cli *cli, const json_t *object, const char *prefix)
{
	const char *key = NULL;
	json_t *value = NULL;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		char label[160];
		char shown[96];

		snprintf(label, sizeof(label), "%s%s", prefix,
			text_escape(key, shown, sizeof(shown)));
		if (json_is_object(value) && json_object_size(value) && !prefix[0]) {
			snprintf(shown, sizeof(shown), "%.90s.", label);
			print_object(cli, value, shown); /* one level: prefix is not empty then */
			continue;
		}
		fprintf(cli->out, "%-18s ", label);
		if (json_is_array(value))
			print_list(cli->out, value);
		else
			print_value(cli->out, value);
		fputc('\n', cli->out);
	}
}

int cmd_object_show(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	char method[32];
	json_t *result = NULL;
	json_t *params = name_of(args->word[0]);

	if (!params)
		return cli_fail(cli, CLI_USAGE, "the name is not valid UTF-8");
	method_of(verb, "show", method, sizeof(method));
	int code = cli_call(cli, RPC_ROLE_RO, method, params, &result);

	if (code == CLI_DONE) {
		if (cli->json)
			cli_print_json(cli, result);
		else
			print_object(cli, result, "");
	}
	json_decref(result);
	return code;
}
