/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_state.c - the whole desired state at once: export, apply.
 *
 * From: cli_verbs.c.  To: yaml_doc.c, yaml_write.c, the daemon's methods export and apply.
 * Theory: the daemon knows JSON only, and says which item of it is wrong; the line where that item
 * stands in the file is known here.  JSON is read by the same reader: it is YAML too.
 * Thread: the only one. */
#include "tools/cli_rpc.h"
#include "tools/cmd.h"
#include "tools/text.h"
#include "tools/yaml_doc.h"
#include "tools/yaml_write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int cmd_export(const struct cli *cli, const struct cli_verb *, struct cli_args *)
{
	json_t *result = NULL;
	int code = cli_call(cli, RPC_ROLE_RO, "export", NULL, &result);

	if (code != CLI_DONE)
		return code;
	if (cli->json) {
		cli_print_json(cli, result);
	} else {
		fputs("# What this instance of saklar is to be; 'saklar apply FILE' makes it so.\n",
			cli->out);
		/* cli.c says when the output cannot be written */
		if (yaml_write(cli->out, result) != 0 && !ferror(cli->out))
			code = cli_fail(
				cli, CLI_REFUSED, "the daemon's answer cannot be written as YAML");
	}
	json_decref(result);
	return code;
}

/* All of @file; NULL with @e.  To be freed. */
static char *read_all(FILE *file, size_t *len, struct err *e)
{
	size_t size = YAML_TEXT_MAX + 1; /* one more, to see that it is too large */
	char *text = malloc(size);

	if (!text) {
		(void)err_set(e, -ENOMEM, "", "out of memory");
		return NULL;
	}
	*len = fread(text, 1, size, file);
	if (!ferror(file))
		return text;
	(void)err_set(e, -EIO, "", "%s", strerror(errno));
	free(text);
	return NULL;
}

static struct yaml_doc *read_file(const char *path, struct err *e)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *file = is_stdin ? stdin : fopen(path, "re");
	struct yaml_doc *doc = NULL;
	size_t len = 0;
	char *text;

	if (!file) {
		(void)err_set(e, -errno, "", "%s", strerror(errno));
		return NULL;
	}
	text = read_all(file, &len, e);
	if (text)
		doc = yaml_doc_read(text, len, e);
	if (doc && !json_is_object(yaml_doc_root(doc))) {
		(void)err_set(e, -EINVAL, "",
			"write networks, vifs and forwards, as 'saklar export' does; 'networks: "
			"[]' deletes everything");
		yaml_doc_destroy(doc);
		doc = NULL;
	}
	free(text);
	if (!is_stdin)
		fclose(file);
	return doc;
}

/* "FILE:12: networks[2].mtu: ..." */
static int fail_item(
	const struct cli *cli, const char *file, const struct yaml_doc *doc, const struct err *e)
{
	unsigned line = yaml_doc_line(doc, e->path);
	char name[512], path[4 * sizeof(e->path)], msg[4 * sizeof(e->msg)];

	if (line == 0)
		return cli_fail_rpc(cli, e);
	text_escape(file, name, sizeof(name));
	text_escape(e->path, path, sizeof(path));
	text_escape(e->msg, msg, sizeof(msg));
	return cli_fail(cli, CLI_REFUSED, "%s:%u: %s: %s", name, line, path, msg);
}

/* Is "vif web0" among what was added or changed? */
static bool is_listed(const json_t *result, const char *object)
{
	static const char *const keys[] = { "added", "changed" };

	for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
		const json_t *name;
		size_t i;

		json_array_foreach(json_object_get(result, keys[k]), i, name)
		{
			const char *text = json_string_value(name);

			if (text && strcmp(text, object) == 0)
				return true;
		}
	}
	return false;
}

/* Say what is accepted but does not work yet, and why. */
static void warn_problems(const struct cli *cli, struct rpc_client *c, const json_t *result)
{
	struct err e = ERR_NONE;
	json_t *status = NULL;
	const json_t *row;
	size_t i;

	if (rpc_call(c, "status", NULL, &status, &e) != 0)
		return; /* it is applied all the same */
	json_array_foreach(json_object_get(status, "problems"), i, row)
	{
		char object[256], text[1024];

		if (!is_listed(result, cli_text(row, "object")))
			continue;
		text_escape(cli_text(row, "object"), object, sizeof(object));
		text_escape(cli_text(row, "text"), text, sizeof(text));
		cli_warn(cli, "%s is accepted but not up yet: %s", object, text);
	}
	json_decref(status);
}

static void print_changes(const struct cli *cli, const json_t *result)
{
	static const char *const keys[] = { "added", "changed", "deleted" };
	bool has_any = false;

	for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
		const json_t *name;
		char text[256];
		size_t i;

		json_array_foreach(json_object_get(result, keys[k]), i, name)
		{
			const char *object = json_string_value(name);

			fprintf(cli->out, "%s %s\n", keys[k],
				text_escape(object ? object : "?", text, sizeof(text)));
			has_any = true;
		}
	}
	if (!has_any)
		fputs("nothing to change\n", cli->out);
}

static int apply(const struct cli *cli, const char *file, const struct yaml_doc *doc)
{
	struct err e = ERR_NONE;
	json_t *result = NULL;
	int code = CLI_DONE;
	struct rpc_client *c = cli_connect(cli, RPC_ROLE_RW, &code);
	int rc;

	if (!c)
		return code;
	rc = rpc_call(c, "apply", json_incref(yaml_doc_root(doc)), &result, &e);
	if (rc == 0) {
		if (cli->json)
			cli_print_json(cli, result);
		else
			print_changes(cli, result);
		warn_problems(cli, c, result);
	} else if (e.path[0]) {
		code = fail_item(cli, file, doc, &e);
	} else {
		code = cli_fail_call(cli, rc, &e);
	}
	json_decref(result);
	rpc_client_close(c);
	return code;
}

int cmd_apply(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	const char *path = args->word[0];
	const char *file = strcmp(path, "-") == 0 ? "standard input" : path;
	struct err e = ERR_NONE;
	struct yaml_doc *doc = read_file(path, &e);
	char name[512], msg[4 * sizeof(e.msg)];
	int code;

	if (!doc)
		return cli_fail(cli, CLI_REFUSED, "%s: %s", text_escape(file, name, sizeof(name)),
			text_escape(e.msg, msg, sizeof(msg)));
	code = apply(cli, file, doc);
	yaml_doc_destroy(doc);
	return code;
}
