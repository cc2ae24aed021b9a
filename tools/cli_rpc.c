/* SPDX-License-Identifier: Apache-2.0 */
/* cli_rpc.c - calls to the daemon whose errors are printed and become exit codes.
 *
 * From: cmd_*.c.  To: config/rpc_client.h.
 * Invariants: every failure prints exactly one message.  Thread: the only one. */
#include "tools/cli_rpc.h"

#include "tools/text.h"

#include <errno.h>
#include <string.h>

int cli_fail_rpc(const struct cli *cli, const struct err *e)
{
	char msg[4 * sizeof(e->msg)];
	char path[4 * sizeof(e->path)];

	text_escape(e->msg, msg, sizeof(msg));
	text_escape(e->path, path, sizeof(path));
	/* the daemon's messages may already name the item */
	if (path[0] && strncmp(msg, path, strlen(path)) != 0)
		return cli_fail(cli, CLI_REFUSED, "%s: %s", path, msg);
	return cli_fail(cli, CLI_REFUSED, "%s", msg);
}

static int fail_no_daemon(const struct cli *cli)
{
	bool is_default = strcmp(cli->run_dir, CLI_RUN_DIR_DEFAULT) == 0;
	char dir[256];

	text_escape(cli->run_dir, dir, sizeof(dir));
	if (is_default)
		return cli_fail(cli, CLI_NO_DAEMON,
			"no daemon answers in %s; start one with 'systemctl start saklard' or, "
			"without systemd, 'saklard'",
			dir);
	return cli_fail(cli, CLI_NO_DAEMON,
		"no daemon answers in %s; start one with 'saklard --run-dir %s --state-dir DIR'",
		dir, dir);
}

static int fail_open(const struct cli *cli, enum rpc_role role, const struct err *e)
{
	static const char *const sockets[] = {
		[RPC_ROLE_RO] = "ro.sock",
		[RPC_ROLE_CAP] = "cap.sock",
		[RPC_ROLE_RW] = "rw.sock",
	};
	char dir[256];

	if (e->code == -ECONNREFUSED || e->code == -ENOENT)
		return fail_no_daemon(cli);
	if (e->code == -EACCES || e->code == -EPERM)
		return cli_fail(cli, CLI_REFUSED,
			"this user may not open %s/%s; run as root, or join the group that owns it",
			text_escape(cli->run_dir, dir, sizeof(dir)), sockets[role]);
	return cli_fail_rpc(cli, e);
}

struct rpc_client *cli_connect(const struct cli *cli, enum rpc_role role, int *code)
{
	struct err e = ERR_NONE;
	struct rpc_client *c = rpc_client_open(cli->run_dir, role, &e);

	*code = c ? CLI_DONE : fail_open(cli, role, &e);
	return c;
}

int cli_fail_call(const struct cli *cli, int rc, const struct err *e)
{
	if (rc == -EPIPE || rc == -ECONNRESET)
		return cli_fail(cli, CLI_NO_DAEMON,
			"the daemon hung up before it answered; whether the change was made is "
			"seen "
			"with 'saklar status' once it runs again");
	return cli_fail_rpc(cli, e);
}

int cli_call_on(const struct cli *cli, struct rpc_client *c, const char *method, json_t *params,
	json_t **result)
{
	struct err e = ERR_NONE;
	int rc = rpc_call(c, method, params, result, &e);

	return rc == 0 ? CLI_DONE : cli_fail_call(cli, rc, &e);
}

int cli_call(const struct cli *cli, enum rpc_role role, const char *method, json_t *params,
	json_t **result)
{
	int code = CLI_DONE;
	struct rpc_client *c = cli_connect(cli, role, &code);

	if (!c) {
		json_decref(params);
		return code;
	}
	code = cli_call_on(cli, c, method, params, result);
	rpc_client_close(c);
	return code;
}

int cli_change(const struct cli *cli, const char *method, json_t *params)
{
	json_t *result = NULL;
	int code;

	if (!params)
		return cli_fail(cli, CLI_USAGE, "the words are not valid UTF-8");
	code = cli_call(cli, RPC_ROLE_RW, method, params, &result);
	if (code == CLI_DONE && cli->json)
		cli_print_json(cli, result);
	json_decref(result);
	return code;
}

void cli_print_json(const struct cli *cli, const json_t *result)
{
	json_dumpf(result, cli->out, JSON_INDENT(2) | JSON_ENCODE_ANY);
	fputc('\n', cli->out);
}

const char *cli_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

uint64_t cli_u64(const json_t *object, const char *key)
{
	const json_t *v = json_object_get(object, key);

	return json_is_integer(v) && json_integer_value(v) > 0 ? (uint64_t)json_integer_value(v)
							       : 0;
}

const char *cli_words(const json_t *object, const char *key, char *out, size_t size)
{
	const json_t *list = json_object_get(object, key);
	const json_t *v = NULL;
	size_t i = 0;
	size_t at = 0;

	if (json_is_string(list)) {
		snprintf(out, size, "%s", json_string_value(list));
		return out;
	}
	out[0] = '\0';
	json_array_foreach(list, i, v)
	{
		const char *text = json_string_value(v);

		if (!text || at + strlen(text) + 3 > size)
			continue;
		at += (size_t)snprintf(out + at, size - at, "%s%s", at ? ", " : "", text);
	}
	return out;
}
