/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_complete.c - `saklar __complete WORD...`: what the last word can become, one a line.
 *
 * From: tools/completion/saklar.  To: cli_verbs[], the schema, and the daemon for live names.
 * Theory: the words are those behind `saklar` on an unfinished command line, the last one cut off at
 * the cursor.  A line "@files" or "@dirs" asks the shell to add names of files or directories.
 * Without a daemon there are no names, and no message either.
 * Invariants: always exits with 0.  Thread: the only one. */
#include "tools/cli_args.h"
#include "tools/cmd.h"

#include <dirent.h>
#include <string.h>

struct completion {
	FILE *out;
	const char *run_dir;
	const char *word; /* what is there of the word to complete */
	size_t n_names; /* positional arguments before it */
};

static void offer(const struct completion *c, const char *prefix, const char *text)
{
	size_t len = strlen(c->word);
	size_t n_prefix = strlen(prefix);

	if (strncmp(c->word, prefix, MIN(len, n_prefix)) != 0)
		return;
	if (len > n_prefix && strncmp(c->word + n_prefix, text, len - n_prefix) != 0)
		return;
	/* names from files and the daemon: nothing that a shell would split or expand */
	if (text[strspn(
		    text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:@/-")])
		return;
	fprintf(c->out, "%s%s\n", prefix, text);
}

/* The port by which the network of @row leads out. */
static void offer_uplink(const struct completion *c, const json_t *row)
{
	const json_t *port = json_object_get(row, "uplink_port");
	const char *name = json_string_value(json_object_get(port, "name"));

	if (name)
		offer(c, "", name);
}

static void offer_names(const struct completion *c, const char *method, bool with_uplinks)
{
	struct err e = ERR_NONE;
	struct rpc_client *client = rpc_client_open(c->run_dir, RPC_ROLE_RO, &e);
	json_t *rows = NULL;
	json_t *row = NULL;
	size_t i = 0;

	if (!client)
		return;
	if (rpc_call(client, method, json_object(), &rows, &e) == 0)
		json_array_foreach(rows, i, row)
		{
			const char *name = json_string_value(json_object_get(row, "name"));

			if (name)
				offer(c, "", name);
			if (with_uplinks)
				offer_uplink(c, row);
		}
	json_decref(rows);
	rpc_client_close(client);
}

static void offer_entries(const struct completion *c, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			offer(c, "", entry->d_name);
	if (d)
		closedir(d);
}

static void offer_kind(const struct completion *c, enum cli_complete kind)
{
	switch (kind) {
	case COMPLETE_NOTHING: break;
	case COMPLETE_VIF: offer_names(c, "vif.list", false); break;
	case COMPLETE_NETWORK: offer_names(c, "network.list", false); break;
	case COMPLETE_VIF_OR_NETWORK:
		offer_names(c, "vif.list", false);
		offer_names(c, "network.list", true);
		break;
	case COMPLETE_FORWARD:
		if (c->n_names == 0)
			offer_names(c, "network.list", false);
		if (c->n_names != 1)
			break;
		offer(c, "", "tcp");
		offer(c, "", "udp");
		break;
	case COMPLETE_FILE: fputs("@files\n", c->out); break;
	case COMPLETE_DIR: fputs("@dirs\n", c->out); break;
	case COMPLETE_UPLINK:
		offer(c, "", "host");
		offer(c, "", "vif:");
		offer_entries(c, "/sys/class/net");
		break;
	case COMPLETE_NETDEV: offer_entries(c, "/sys/class/net"); break;
	case COMPLETE_NETNS: offer_entries(c, "/run/netns"); break;
	}
}

/* What completes a value of the schema, by its key. */
static enum cli_complete kind_of(const struct schema_field *f)
{
	static const struct {
		const char *key;
		enum cli_complete kind;
	} kinds[] = {
		{ "network", COMPLETE_NETWORK },
		{ "dev", COMPLETE_NETDEV },
		{ "uplink", COMPLETE_UPLINK },
		{ "netns", COMPLETE_NETNS },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i].key, f->key) == 0)
			return kinds[i].kind;
	return COMPLETE_NOTHING;
}

static void offer_flags(const struct completion *c, const struct cli_verb *v)
{
	for (const struct cli_flag *f = v ? v->flags : NULL; f && f->flag; f++)
		offer(c, "--", f->flag);
	for (size_t i = 0; v && v->use != SCHEMA_NONE && i < v->schema->n_fields; i++) {
		const struct schema_field *f = &v->schema->field[i];
		char empty[64];

		if (!cli_args_takes(v, f) || f->later)
			continue;
		offer(c, "--", f->flag);
		if (v->use == SCHEMA_SET && (f->flags & FIELD_LIST)) {
			snprintf(empty, sizeof(empty), "no-%s", f->flag);
			offer(c, "--", empty);
		}
	}
	for (const struct cli_flag *f = cli_global_flags; f->flag; f++)
		offer(c, "--", f->flag);
}

static const struct cli_flag *find_own(const struct cli_flag *flags, const char *word)
{
	for (const struct cli_flag *f = flags; f && f->flag; f++) {
		if (word[1] == '-' && strcmp(f->flag, word + 2) == 0)
			return f;
		if (f->letter && word[1] == f->letter && !word[2])
			return f;
	}
	return NULL;
}

/* Does the flag @word want a value?  Then offer values, when @c is not NULL. */
static bool takes_value(const struct completion *c, const struct cli_verb *v, const char *word)
{
	if (word[0] != '-' || !word[1] || strchr(word, '='))
		return false;
	const struct cli_flag *own = v ? find_own(v->flags, word) : NULL;

	if (!own)
		own = find_own(cli_global_flags, word);
	if (own) {
		if (own->arg && c)
			offer_kind(c, own->complete);
		return own->arg != NULL;
	}
	const struct schema_field *f
		= v && v->use != SCHEMA_NONE ? schema_flag(v->schema, word + 2) : NULL;

	if (!f || f->kind == FIELD_BOOL)
		return false;
	for (const char *const *value = c ? f->values : NULL; value && *value; value++)
		offer(c, "", *value);
	if (c)
		offer_kind(c, kind_of(f));
	return true;
}

static void offer_words(const struct completion *c, const char *noun)
{
	const char *last = "";

	for (const struct cli_verb *v = cli_verbs; v->noun; v++) {
		if (noun && v->verb && strcmp(v->noun, noun) == 0)
			offer(c, "", v->verb);
		if (!noun && v->noun[0] != '_' && strcmp(last, v->noun) != 0)
			offer(c, "", v->noun);
		last = v->noun;
	}
}

static const struct cli_verb *find(const char *noun, const char *verb)
{
	for (const struct cli_verb *v = cli_verbs; noun && v->noun; v++)
		if (strcmp(v->noun, noun) == 0
			&& (!v->verb || (verb && strcmp(v->verb, verb) == 0)))
			return v;
	return NULL;
}

int cmd_complete(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	struct completion c = { .out = cli->out, .run_dir = cli->run_dir, .word = "" };
	const char *noun = NULL;
	const char *word2 = NULL;
	const struct cli_verb *v = NULL;
	size_t n = args->n_words ? args->n_words - 1 : 0; /* complete words */

	if (args->n_words)
		c.word = args->word[n];
	for (size_t i = 0; i < n; i++) {
		const char *w = args->word[i];
		bool has_value = takes_value(NULL, v, w);

		if (has_value && i + 1 == n) {
			takes_value(&c, v, w);
			return CLI_DONE;
		}
		if (has_value && strcmp(w, "--run-dir") == 0)
			c.run_dir = args->word[i + 1];
		i += has_value;
		if (has_value || w[0] == '-' || (!noun && strcmp(w, "help") == 0))
			continue;
		if (!noun)
			noun = w;
		else if (!v)
			word2 = w;
		else
			c.n_names++;
		if (!v)
			v = find(noun, word2);
	}
	if (c.word[0] == '-')
		offer_flags(&c, v);
	else if (!v)
		offer_words(&c, noun);
	else if (c.n_names < v->max_words && (c.n_names == 0 || v->verb))
		offer_kind(&c, v->complete);
	return CLI_DONE;
}
