/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_capture.c - `saklar capture`: from the words of the command line to a running capture.
 *
 * From: cli_verbs.c.  To: the daemon's method capture.open, which answers with the ring and a
 * wake-up socket; then capture_session.c.
 * Theory: packets never pass the daemon: the engine writes them to memory that we map.
 * Invariants: the filter is compiled before anybody is asked for anything; a file is created only
 * when the daemon has accepted the capture's target.  Thread: the only one. */
#include "tools/capture_filter.h"
#include "tools/capture_session.h"
#include "tools/cli_args.h"
#include "tools/cli_rpc.h"
#include "tools/cmd.h"
#include "tools/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct request {
	const struct cli *cli;
	const char *target; /* "vif", "network" or "drops" */
	const char *name; /* NULL with drops */
	const char *file; /* NULL: lines; "-": standard output */
	uint32_t snaplen;
	uint32_t ring_size;
	uint64_t count;
	char expression[4096];
	json_t *filter; /* NULL: everything */
	struct rpc_client *client;
	json_t *answer;
	int fds[2]; /* ring, wake-up socket */
};

static int join_words(struct request *r, const char *const *word)
{
	size_t at = 0;

	for (; *word; word++) {
		int n = snprintf(r->expression + at, sizeof(r->expression) - at, "%s%s",
			at ? " " : "", *word);

		at += (size_t)n;
		if (at >= sizeof(r->expression))
			return cli_fail(r->cli, CLI_USAGE, "the filter expression is too long");
	}
	return CLI_DONE;
}

/* Smallest power of two that holds @bytes, within the limits of the ring. */
static uint32_t ring_size_of(uint64_t bytes)
{
	uint32_t size = CAPTURE_DATA_SIZE_MIN;

	while (size < bytes && size < CAPTURE_DATA_SIZE_MAX)
		size *= 2;
	return size;
}

static int read_args(struct request *r, const struct cli_args *args)
{
	bool is_drops = cli_args_has(args, "drops");
	uint64_t snaplen = cli_args_number(args, "snaplen", CAPTURE_SNAPLEN_DEFAULT);

	if (!is_drops && !args->n_words)
		return cli_fail(r->cli, CLI_USAGE,
			"capture: name a vif or a network, or say --drops\n"
			"Example: saklar capture web0 -c 10 'tcp port 80'");
	r->target = is_drops ? "drops" : NULL;
	r->name = is_drops ? NULL : args->word[0];
	r->file = cli_args_text(args, "write");
	r->snaplen = (uint32_t)MIN(snaplen, (uint64_t)CAPTURE_SNAPLEN_DEFAULT);
	r->count = cli_args_number(args, "count", 0);
	r->ring_size = ring_size_of(cli_args_number(args, "buffer", CAPTURE_DATA_SIZE_DEFAULT));
	if (r->file && strcmp(r->file, "-") == 0 && isatty(fileno(r->cli->out)))
		return cli_fail(r->cli, CLI_USAGE,
			"capture: pcapng is not for a terminal; leave out '-w -', or pipe it: "
			"saklar capture ... -w - | tshark -r -");
	return join_words(r, args->word + !is_drops);
}

static int compile_filter(struct request *r)
{
	struct err e = ERR_NONE;
	char shown[4 * sizeof(e.msg)];
	int position = -1;

	if (capture_filter_compile(r->expression, r->snaplen, &r->filter, &position, &e) == 0)
		return CLI_DONE;
	cli_fail(r->cli, CLI_USAGE, "capture: %s", text_escape(e.msg, shown, sizeof(shown)));
	if (position >= 0 && strlen(r->expression) < sizeof(shown) / 4) {
		fprintf(r->cli->err, "  %s\n", text_escape(r->expression, shown, sizeof(shown)));
		fprintf(r->cli->err, "  %*s^\n", position, "");
	}
	return CLI_USAGE;
}

static bool has_name(const json_t *rows, const char *name)
{
	json_t *row = NULL;
	size_t i = 0;

	json_array_foreach(rows, i, row) if (strcmp(cli_text(row, "name"), name) == 0) return true;
	return false;
}

/* Is @name that of a port by which a network leads out ("up-lab")?  vif.list has only guests'. */
static bool is_uplink(const json_t *networks, const char *name)
{
	for (size_t i = 0; i < json_array_size(networks); i++) {
		const json_t *row = json_array_get(networks, i);

		if (strcmp(cli_text(json_object_get(row, "uplink_port"), "name"), name) == 0)
			return true;
	}
	return false;
}

static const char *nearest_name(const json_t *rows, const char *name, unsigned *least)
{
	const char *best = NULL;
	json_t *row = NULL;
	size_t i = 0;

	json_array_foreach(rows, i, row)
	{
		unsigned d = text_distance(name, cli_text(row, "name"));

		if (d < *least) {
			*least = d;
			best = cli_text(row, "name");
		}
	}
	return best;
}

static int fail_unknown(const struct request *r, const json_t *vifs, const json_t *networks)
{
	unsigned least = UINT_MAX;
	const char *vif = nearest_name(vifs, r->name, &least);
	const char *network = nearest_name(networks, r->name, &least);
	const char *near = network ? network : vif;
	char name[128];
	char shown[128];

	text_escape(r->name, name, sizeof(name));
	if (near)
		return cli_fail(r->cli, CLI_REFUSED,
			"no vif or network is called '%s'; did you mean '%s'?", name,
			text_escape(near, shown, sizeof(shown)));
	return cli_fail(r->cli, CLI_REFUSED,
		"no vif or network is called '%s'; see 'saklar vif list' and 'saklar network list'",
		name);
}

/* Is the name a vif's, a network's or an uplink's?  They share one space of names. */
static int find_target(struct request *r)
{
	json_t *vifs = NULL;
	json_t *networks = NULL;
	int code = CLI_DONE;

	if (r->target)
		return CLI_DONE;
	code = cli_call_on(r->cli, r->client, "vif.list", json_object(), &vifs);
	if (code == CLI_DONE)
		code = cli_call_on(r->cli, r->client, "network.list", json_object(), &networks);
	if (code == CLI_DONE) {
		if (has_name(vifs, r->name) || is_uplink(networks, r->name))
			r->target = "vif";
		else if (has_name(networks, r->name))
			r->target = "network";
		if (!r->target)
			code = fail_unknown(r, vifs, networks);
	}
	json_decref(vifs);
	json_decref(networks);
	return code;
}

static int open_capture(struct request *r)
{
	struct err e = ERR_NONE;
	json_t *params = json_pack("{s:s, s:i, s:i}", "target", r->target, "snaplen",
		(int)r->snaplen, "ring_size", (int)r->ring_size);

	if (!params || (r->name && json_object_set_new(params, "name", json_string(r->name)) != 0))
		return cli_fail(r->cli, CLI_USAGE, "the name is not valid UTF-8");
	if (r->filter)
		json_object_set(params, "filter", r->filter);
	if (rpc_call_fds(r->client, "capture.open", params, &r->answer, r->fds, 2, &e) != 0)
		return cli_fail_rpc(r->cli, &e);
	if (r->fds[0] < 0 || r->fds[1] < 0 || !json_object_get(r->answer, "capture_id"))
		return cli_fail(r->cli, CLI_REFUSED,
			"the daemon's answer carries no capture ring; are saklar and saklard of "
			"the "
			"same version?");
	return CLI_DONE;
}

/* *fd is -1 for lines, and the caller closes it when it is neither that nor standard output. */
static int open_file(const struct request *r, int *fd)
{
	char shown[512];

	*fd = -1;
	if (!r->file)
		return CLI_DONE;
	if (strcmp(r->file, "-") == 0) {
		*fd = fileno(r->cli->out);
		return CLI_DONE;
	}
	/* what guests say to each other is nobody else's business */
	*fd = open(r->file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600);
	if (*fd < 0)
		return cli_fail(r->cli, CLI_REFUSED, "cannot write %s: %s",
			text_escape(r->file, shown, sizeof(shown)), strerror(errno));
	return CLI_DONE;
}

static int report(const struct request *r, const struct capture_session *s, int sink_rc)
{
	const struct cli *cli = r->cli;
	int rc = s->rc ? s->rc : sink_rc;
	int code = CLI_DONE;

	if (s->end == CAPTURE_END_DAEMON_GONE)
		code = cli_fail(cli, CLI_NO_DAEMON,
			"the daemon went away, and with it this capture; what came until then is "
			"written");
	else if (s->end == CAPTURE_END_DAMAGED)
		code = cli_fail_rpc(cli, &s->e);
	else if (rc == -EPIPE)
		return CLI_DONE; /* the reader has seen enough, as in `| head` */
	else if (rc && rc != -EINTR)
		code = cli_fail(cli, CLI_REFUSED, "cannot write the packets: %s", strerror(-rc));
	fprintf(cli->err,
		"%" PRIu64 " packets captured, %" PRIu64 " lost by the reader being slow\n",
		s->n_packets, s->lost);
	return code;
}

static int run(struct request *r, int fd)
{
	struct capture_session s = {
		.cli = r->cli,
		.client = r->client,
		.capture_id = json_integer_value(json_object_get(r->answer, "capture_id")),
		.event_fd = r->fds[1],
		.max_packets = r->count,
	};
	struct capture_vif *vif = NULL;

	s.ring = ring_reader_open(r->fds[0], r->snaplen, &s.e);
	if (!s.ring)
		return cli_fail_rpc(r->cli, &s.e);
	s.vifs = capture_vifs_create();
	capture_vifs_add_list(s.vifs, json_object_get(r->answer, "vifs"), "id");
	capture_session_names(&s);
	s.sink = fd >= 0 ? capture_sink_file(fd, r->snaplen, r->expression)
			 : capture_sink_lines(r->cli->out, r->snaplen, true);
	/* others get theirs with their first packet: most vifs of a network may be silent */
	vif = r->name ? capture_vifs_by_name(s.vifs, r->name) : NULL;
	if (vif)
		capture_sink_vif(s.sink, vif);
	capture_session_run(&s);
	int sink_rc = capture_sink_end(s.sink, s.vifs, s.lost);
	int code = report(r, &s, sink_rc);

	capture_vifs_destroy(s.vifs);
	ring_reader_close(s.ring);
	return code;
}

static int prepare(struct request *r, const struct cli_args *args)
{
	int code = read_args(r, args);

	if (code == CLI_DONE)
		code = compile_filter(r);
	if (code == CLI_DONE)
		r->client = cli_connect(r->cli, RPC_ROLE_CAP, &code);
	if (code == CLI_DONE)
		code = find_target(r);
	return code;
}

int cmd_capture(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	struct request r = { .cli = cli, .fds = { -1, -1 } };
	int fd = -1;
	int code = prepare(&r, args);

	if (code == CLI_DONE)
		code = open_file(&r, &fd);
	if (code == CLI_DONE) {
		capture_session_catch_signals();
		code = open_capture(&r);
	}
	if (code == CLI_DONE)
		code = run(&r, fd);
	if (fd >= 0 && fd != fileno(cli->out) && close(fd) != 0 && code == CLI_DONE)
		code = cli_fail(cli, CLI_REFUSED, "cannot write the packets: %s", strerror(errno));
	for (size_t i = 0; i < ARRAY_LEN(r.fds); i++)
		if (r.fds[i] >= 0)
			close(r.fds[i]);
	json_decref(r.answer);
	json_decref(r.filter);
	rpc_client_close(r.client);
	return code;
}
