/* SPDX-License-Identifier: Apache-2.0 */
/* capture_session.c - a capture that runs: ring and wake-ups in, packets to a sink, until it ends.
 *
 * From: cmd_capture.c.  To: ring_reader.c, capture_sink.c, the daemon for names.
 * Theory: empty the ring, flush, then wait for the engine's wake-up, the daemon's socket (it speaks
 * only when asked, so what comes is its end) and tcpdump's lines.  An engine that dies and comes back
 * writes on into the same ring, so there is nothing to notice.  The wait has an upper limit, so a
 * wake-up that the engine failed to give costs a moment, not the capture.
 * Signals: SIGINT and SIGTERM set a flag and, outside the wait, interrupt a blocked write; they are
 * blocked between the look at the flag and the wait, which lets them in.  After the first, what the
 * ring holds is still written; a second one gives that up.  SIGPIPE is ignored: writes say EPIPE.
 * Invariants: n_packets never exceeds max_packets.  Thread: the only one. */
#include "tools/capture_session.h"

#include "tools/cli_rpc.h"
#include "vswitch/base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_NS (250 * NS_PER_MS)
#define FRAMES_A_TURN 512
#define LOST_EVERY_NS NS_PER_SEC

static volatile sig_atomic_t n_signals;

static void on_signal(int)
{
	n_signals++;
}

void capture_session_catch_signals(void)
{
	struct sigaction act = { .sa_handler = on_signal }; /* no SA_RESTART: end blocked writes */
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	n_signals = 0;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

void capture_session_names(struct capture_session *s)
{
	static const struct {
		const char *method;
		const char *id_key;
	} lists[] = { { "vif.list", "id" }, { "network.list", "leg_id" } };

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		struct err e = ERR_NONE;
		json_t *rows = NULL;

		/* names are a convenience: without them packets are shown by number */
		if (rpc_call(s->client, lists[i].method, json_object(), &rows, &e) == 0)
			capture_vifs_add_list(s->vifs, rows, lists[i].id_key);
		json_decref(rows);
	}
}

static void end_with(struct capture_session *s, enum capture_end end, int rc)
{
	s->end = end;
	s->rc = rc;
}

/* Up to FRAMES_A_TURN packets to the sink.  1: there may be more, 0: the ring is empty, -1: over. */
static int drain(struct capture_session *s)
{
	for (int i = 0; i < FRAMES_A_TURN; i++) {
		struct ring_frame f;
		int rc = ring_reader_next(s->ring, &f, &s->e);

		if (rc == 0)
			return 0;
		if (rc < 0) {
			end_with(s, CAPTURE_END_DAMAGED, rc);
			return -1;
		}
		if (capture_vifs_may_refresh(s->vifs, f.vif_id))
			capture_session_names(s);
		struct capture_vif *vif = capture_vifs_find(s->vifs, f.vif_id);

		capture_vifs_name(s->vifs, vif);
		rc = capture_sink_frame(s->sink, vif, &f);
		if (rc) {
			end_with(s, CAPTURE_END_SINK, rc);
			return -1;
		}
		if (++s->n_packets == s->max_packets) {
			end_with(s, CAPTURE_END_ASKED, 0);
			return -1;
		}
	}
	return 1;
}

/* Say how many packets were lost since the last time, at most once a second. */
static void say_lost(struct capture_session *s)
{
	uint64_t now = clock_now_ns();

	s->lost = ring_reader_lost(s->ring);
	if (s->lost == s->lost_said || (s->lost_said_ns && now - s->lost_said_ns < LOST_EVERY_NS))
		return;
	cli_warn(s->cli,
		"%" PRIu64 " packets lost: the reader is slow (a filter, a smaller --snaplen or a "
		"larger --buffer helps)",
		s->lost - s->lost_said);
	s->lost_said = s->lost;
	s->lost_said_ns = now;
}

static bool has_hung_up(const struct pollfd *fd, int sock)
{
	char byte;

	if (!fd->revents)
		return false;
	ssize_t n = recv(sock, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

/* Wait for something to happen.  -1: over. */
static int wait_turn(struct capture_session *s)
{
	const struct timespec limit = { .tv_nsec = WAIT_NS };
	struct pollfd fds[3] = {
		{ .fd = s->event_fd, .events = POLLIN },
		{ .fd = rpc_client_fd(s->client), .events = POLLIN },
		{ .fd = capture_sink_fd(s->sink), .events = POLLIN },
	};
	uint64_t count;
	sigset_t block;
	sigset_t old;
	int n = 0;

	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGHUP);
	sigprocmask(SIG_BLOCK, &block, &old);
	if (!n_signals)
		n = ppoll(fds, ARRAY_LEN(fds), &limit, &old);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (n <= 0)
		return 0;
	if (fds[0].revents & POLLIN)
		while (read(s->event_fd, &count, sizeof(count)) < 0 && errno == EINTR && !n_signals)
			;
	if (fds[2].revents) {
		int rc = capture_sink_turn(s->sink);

		if (rc) {
			end_with(s, CAPTURE_END_SINK, rc);
			return -1;
		}
	}
	if (has_hung_up(&fds[1], fds[1].fd)) {
		end_with(s, CAPTURE_END_DAEMON_GONE, 0);
		return -1;
	}
	return 0;
}

/* No new packets from here on; those in the ring belong to the capture. */
static void close_capture(struct capture_session *s)
{
	struct err e = ERR_NONE;
	json_t *result = NULL;

	/* hanging up has the same effect: an error changes nothing */
	if (s->end != CAPTURE_END_DAEMON_GONE
		&& rpc_call(s->client, "capture.close",
			   json_pack("{s:I}", "capture_id", s->capture_id), &result, &e)
			== 0)
		json_decref(result);
}

void capture_session_run(struct capture_session *s)
{
	bool is_over = false;

	while (!is_over && !n_signals) {
		int more = drain(s);

		is_over = more < 0;
		if (more == 0 && !n_signals) {
			int rc = capture_sink_flush(s->sink);

			if (rc)
				end_with(s, CAPTURE_END_SINK, rc);
			is_over = rc || wait_turn(s) < 0;
		}
		say_lost(s);
	}
	int seen = n_signals;

	close_capture(s);
	is_over = s->end == CAPTURE_END_SINK || s->end == CAPTURE_END_DAMAGED
		|| (s->max_packets && s->n_packets == s->max_packets);
	while (!is_over && n_signals <= MAX(seen, 1))
		is_over = drain(s) <= 0;
	s->lost = ring_reader_lost(s->ring);
}
