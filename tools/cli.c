/* SPDX-License-Identifier: Apache-2.0 */
/* cli.c - the command line: finds the verb, parses its words, runs it.
 *
 * From: saklar.c and the unit tests.  To: the function of the verb in one of cmd_*.c.
 * Theory: cli_verbs[] (cli_verbs.c) says everything about a verb.  Words are NOUN [VERB] ARGS;
 * the flags of every verb (--run-dir, --json, --help, --version) may stand anywhere before "--".
 * Invariants: nothing is sent to the daemon before the whole line is understood.
 * Thread: the only one. */
#include "tools/cli.h"

#include "saklar_build.h"
#include "tools/cli_args.h"
#include "tools/cli_help.h"
#include "tools/text.h"
#include "vswitch/base/check.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct cli_flag cli_global_flags[] = {
	{ "run-dir", 0, "DIR", false, COMPLETE_DIR,
		"the instance; default $SAKLAR_RUN_DIR, else " CLI_RUN_DIR_DEFAULT },
	{ "json", 0, NULL, false, COMPLETE_NOTHING, "print what the daemon answered, as JSON" },
	{ "help", 'h', NULL, false, COMPLETE_NOTHING, "explain the verb, with an example" },
	{ "version", 0, NULL, false, COMPLETE_NOTHING, "print the version" },
	{ 0 },
};

/* The command line without the flags of every verb. */
struct line {
	char **word;
	size_t n;
	bool help;
	bool version;
};

PRINTF_LIKE(3, 0)
static void say(const struct cli *cli, const char *kind, const char *fmt, va_list args)
{
	fprintf(cli->err, "saklar: %s", kind);
	vfprintf(cli->err, fmt, args);
	fputc('\n', cli->err);
}

int cli_fail(const struct cli *cli, int code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(cli, "", fmt, args);
	va_end(args);
	return code;
}

void cli_warn(const struct cli *cli, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(cli, "warning: ", fmt, args);
	va_end(args);
}

/* Take the flags of every verb out of @argv. */
static int split(struct cli *cli, int argc, char **argv, struct line *l)
{
	bool are_flags_over = false;

	for (int i = 1; i < argc; i++) {
		char *w = argv[i];

		if (!are_flags_over && strcmp(w, "--json") == 0) {
			cli->json = true;
		} else if (!are_flags_over && (strcmp(w, "--help") == 0 || strcmp(w, "-h") == 0)) {
			l->help = true;
		} else if (!are_flags_over && strcmp(w, "--version") == 0) {
			l->version = true;
		} else if (!are_flags_over && strncmp(w, "--run-dir=", 10) == 0) {
			cli->run_dir = w + 10;
		} else if (!are_flags_over && strcmp(w, "--run-dir") == 0) {
			if (i + 1 == argc)
				return cli_fail(cli, CLI_USAGE, "--run-dir takes a directory");
			cli->run_dir = argv[++i];
		} else {
			are_flags_over |= strcmp(w, "--") == 0;
			l->word[l->n++] = w;
		}
	}
	if (!cli->run_dir[0])
		return cli_fail(cli, CLI_USAGE, "--run-dir takes a directory");
	return CLI_DONE;
}

static bool is_noun(const char *word)
{
	for (const struct cli_verb *v = cli_verbs; v->noun; v++)
		if (strcmp(v->noun, word) == 0)
			return true;
	return false;
}

/* Words that could have been meant: nouns, or the verbs of @noun. */
static const char *nearest(const char *noun, const char *word)
{
	const char *best = NULL;
	unsigned least = UINT_MAX;

	for (const struct cli_verb *v = cli_verbs; v->noun; v++) {
		const char *candidate = noun ? v->verb : v->noun;

		if (!candidate || candidate[0] == '_' || (noun && strcmp(v->noun, noun) != 0))
			continue;
		unsigned d = text_distance(word, candidate);

		if (d < least) {
			least = d;
			best = candidate;
		}
	}
	return best;
}

static int fail_unknown(const struct cli *cli, const char *noun, const char *word)
{
	const char *near = nearest(noun, word);
	char shown[128];

	text_escape(word, shown, sizeof(shown));
	if (near)
		return cli_fail(cli, CLI_USAGE, "unknown word '%s'; did you mean 'saklar %s%s%s'?",
			shown, noun ? noun : "", noun ? " " : "", near);
	return cli_fail(cli, CLI_USAGE, "unknown word '%s'; see 'saklar %s%s--help'", shown,
		noun ? noun : "", noun ? " " : "");
}

/* The verb that @l begins with; *used words name it.  NULL: *code says what to exit with. */
static const struct cli_verb *find_verb(
	const struct cli *cli, const struct line *l, size_t *used, int *code)
{
	const char *noun = l->word[0];

	for (const struct cli_verb *v = cli_verbs; v->noun; v++) {
		if (strcmp(v->noun, noun) != 0)
			continue;
		if (!v->verb || (l->n > 1 && strcmp(v->verb, l->word[1]) == 0)) {
			*used = v->verb ? 2 : 1;
			return v;
		}
	}
	*code = CLI_USAGE;
	if (!is_noun(noun)) {
		fail_unknown(cli, NULL, noun);
	} else if (l->n > 1) {
		fail_unknown(cli, noun, l->word[1]);
	} else if (l->help) {
		cli_help_noun(cli->out, noun);
		*code = CLI_DONE;
	} else {
		cli_fail(cli, CLI_USAGE, "'saklar %s' needs a verb", noun);
		cli_help_noun(cli->err, noun);
	}
	return NULL;
}

static int run_verb(const struct cli *cli, const struct cli_verb *verb, char *const *word, size_t n)
{
	struct err e = ERR_NONE;
	struct cli_args args;
	char shown[4 * sizeof(e.msg)];
	int rc = cli_args_parse(verb, word, n, &args, &e);
	int code = CLI_USAGE;

	if (!rc) {
		code = verb->run(cli, verb, &args);
	} else {
		text_escape(e.msg, shown, sizeof(shown));
		cli_fail(cli, code, "%s%s%s: %s", verb->noun, verb->verb ? " " : "",
			verb->verb ? verb->verb : "", shown);
		fprintf(cli->err, "Example: %s\n", verb->example);
	}
	cli_args_fini(&args);
	return code;
}

static int dispatch(const struct cli *cli, struct line *l)
{
	size_t used = 0;
	int code = CLI_DONE;

	if (l->version) {
		fprintf(cli->out, "saklar %s (%s)\n", SAKLAR_VERSION, SAKLAR_BUILD);
		return CLI_DONE;
	}
	if (l->n && strcmp(l->word[0], "help") == 0) { /* saklar help vif add */
		l->help = true;
		l->word++;
		l->n--;
	}
	if (!l->n && l->help) {
		cli_help_all(cli->out);
		return CLI_DONE;
	}
	if (!l->n) {
		cli_help_all(cli->err);
		return CLI_USAGE;
	}
	const struct cli_verb *verb = find_verb(cli, l, &used, &code);

	if (!verb)
		return code;
	if (l->help) {
		cli_help_verb(cli->out, verb);
		return CLI_DONE;
	}
	return run_verb(cli, verb, l->word + used, l->n - used);
}

/* Old and simple terminals show escape sequences as they are. */
static bool has_colors(void)
{
	const char *term = getenv("TERM");

	return term && *term && strcmp(term, "dumb") != 0;
}

int cli_run(int argc, char **argv, FILE *out, FILE *err)
{
	const char *run_dir = getenv("SAKLAR_RUN_DIR");
	const char *no_color = getenv("NO_COLOR");
	struct cli cli = {
		.run_dir = run_dir && *run_dir ? run_dir : CLI_RUN_DIR_DEFAULT,
		.color = isatty(fileno(out)) && !(no_color && *no_color) && has_colors(),
		.out = out,
		.err = err,
	};
	struct line l = { 0 };
	char **words = calloc((size_t)argc + 1, sizeof(*words));

	CHECK(words);
	l.word = words;
	int code = split(&cli, argc, argv, &l);

	/* completion passes an unfinished command line on as it stands */
	if (argc > 1 && strcmp(argv[1], "__complete") == 0) {
		l = (struct line){ .word = argv + 1, .n = (size_t)argc - 1 };
		code = CLI_DONE;
	}
	if (code == CLI_DONE)
		code = dispatch(&cli, &l);
	/* a reader that has seen enough is no error: captures ignore SIGPIPE and come here */
	if (fflush(out) != 0 && errno != EPIPE && code == CLI_DONE)
		code = cli_fail(&cli, CLI_REFUSED, "cannot write the output: %s", strerror(errno));
	free(words);
	return code;
}
