/* SPDX-License-Identifier: Apache-2.0 */
/* engine_link.c - one connection to one engine, and what happens when either end goes.
 * From: reconcile.c.  To: engine_exec.c, engine_wire.c.
 * Theory: requests are synchronous with a deadline: they are few, local and answered within a burst,
 * and a daemon that waits is simpler than one that remembers.  An engine that does not answer in
 * time, or answers nonsense, is killed by its pidfd and replaced; its tables and the guests' fds are
 * with the daemon, so that this costs some 0.3 s and no connection.
 * So that nobody else waits for an engine that hangs, it is asked for a sign of life each second, and
 * once more before a run of requests unless it was heard just now (engine_link_is_mute()).  While it
 * owes one for longer than PATIENCE_MS, nothing is begun with it: the daemon goes on with everything
 * else, until the sign comes or ANSWER_TIMEOUT_MS are over and the engine is replaced.  The same
 * holds for one that is to be taken over.  Only an engine that stops in the middle of a run holds
 * the daemon up for that long.
 * Invariants: sock >= 0 only between connect and death; pidfd belongs to the peer that the kernel
 * named as the sender, or to our child.  Thread: the daemon's only one. */
#include "config/engine_link.h"

#include "config/engine_exec.h"
#include "saklar_build.h"
#include "vswitch/base/clock.h"
#include "vswitch/base/log.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

LOG_MODULE("engine_link");

#define ANSWER_TIMEOUT_MS 5000
#define PATIENCE_MS 500 /* how long anybody waits for an engine that may hang */
#define PING_MS 1000
#define FRESH_NS (20 * NS_PER_MS) /* heard so shortly ago, it needs no asking */
#define START_TIMEOUT_S 20 /* EAL on a loaded machine */
/* Longer than a start takes: an engine that has carried packets is not in a crash loop. */
#define SHORT_LIFE_NS (200 * NS_PER_MS)
#define DELAY_MAX_MS 10000
#define LAST_WORDS_MAX 4096 /* messages; more than a socket holds */

struct engine_link {
	struct event_base *base;
	const struct daemon_paths *paths;
	const struct engine_link_ops *ops;
	void *arg;
	int sock, pidfd;
	pid_t pid;
	struct event *sock_event, *pid_event, *timer; /* timer: next start, or end of patience */
	struct event *ping_timer;
	uint64_t heard_ns; /* the engine's last word */
	uint64_t asked_ns; /* when the sign of life that it owes was asked for; 0: owes none */
	uint32_t ping_seq;
	bool is_mute; /* it owes it for too long, and that was said */
	bool is_taking_over; /* waits for the first word of an engine that was there before us */
	enum engine_state state;
	char why[256];
	char verdict[200]; /* why we killed it; "": we did not */
	struct msg_hello_ok hello;
	uint32_t seq;
	bool was_taken_over, has_found, no_huge, is_leaving;
	uint32_t n_starts, n_short_lives;
	uint64_t generation;
	struct engine_buffer *buffer;
};

const char *engine_state_name(enum engine_state s)
{
	switch (s) {
	case ENGINE_STOPPED: return "stopped";
	case ENGINE_STARTING: return "starting";
	case ENGINE_RUNNING: return "running";
	case ENGINE_FAILED: return "failed";
	}
	return "?";
}

static void set_state(struct engine_link *l, enum engine_state state, const char *why)
{
	l->state = state;
	snprintf(l->why, sizeof(l->why), "%s", why);
}

static void drop_event(struct event **ev)
{
	if (*ev != NULL)
		event_free(*ev);
	*ev = NULL;
}

/* What it has deposited with its last breath is kept. */
static void hear_last_words(struct engine_link *l)
{
	struct engine_msg m;

	for (unsigned n = 0; n < LAST_WORDS_MAX; n++) {
		if (engine_wire_recv(l->sock, l->buffer, &m) != 0)
			return;
		if ((m.type == ENGINE_MSG_VHOST_DEPOSIT || m.type == ENGINE_MSG_VHOST_STATE)
			&& l->ops->on_vhost(l->arg, &m) < 0)
			LOG_WARN("event=engine_nonsense type=%u", m.type);
		engine_wire_close_fds(&m);
	}
}

static void hang_up(struct engine_link *l)
{
	bool was_up = l->state == ENGINE_RUNNING;

	if (was_up && l->sock >= 0)
		hear_last_words(l);
	drop_event(&l->sock_event);
	if (l->sock >= 0)
		close(l->sock);
	l->sock = -1;
	l->asked_ns = 0;
	l->is_mute = false;
	if (was_up) {
		l->state = ENGINE_STARTING;
		l->ops->on_down(l->arg);
	}
}

static void start_timer(struct engine_link *l, uint32_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000 };

	evtimer_add(l->timer, &tv);
}

/* Stop believing in this engine.  Its death, seen by the pidfd, starts the next one. */
static void give_up(struct engine_link *l, const char *why)
{
	LOG_WARN("event=engine_given_up pid=%d reason=\"%s\"", (int)l->pid, why);
	snprintf(l->verdict, sizeof(l->verdict), "%s", why);
	hang_up(l);
	set_state(l, ENGINE_STARTING, why);
	if (l->pidfd >= 0)
		pidfd_send_signal(l->pidfd, SIGKILL, NULL, 0);
	else if (l->is_taking_over)
		start_timer(l, 0);
}

/* An engine that holds the pidfile but does not answer is in the way of everything. */
static void kill_mute_engine(struct engine_link *l)
{
	pid_t pid = engine_exec_find_pid(l->paths->run_dir);
	int pidfd = pid > 0 ? pidfd_open(pid, 0) : -1;

	l->is_taking_over = false;
	hang_up(l);
	if (pidfd < 0)
		return;
	/* Asked again now that the pidfd pins it: the pid cannot be used again in between. */
	if (engine_exec_find_pid(l->paths->run_dir) == pid) {
		struct pollfd p = { .fd = pidfd, .events = POLLIN };

		LOG_WARN("event=mute_engine_killed pid=%d", (int)pid);
		pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
		poll(&p, 1, 2000);
	}
	close(pidfd);
}

static void start_engine(struct engine_link *l);

static void on_start_timer(int, short, void *arg)
{
	struct engine_link *l = arg;

	if (l->is_taking_over)
		kill_mute_engine(l);
	if (l->pidfd < 0)
		start_engine(l);
	else if (l->state != ENGINE_RUNNING)
		give_up(l, "the engine did not answer within 20 s of its start and was killed");
}

/* The first deaths are replaced at once; an engine that keeps dying young gets growing delays, so
 * that it does not eat the machine. */
static uint32_t delay_ms(uint32_t n_short_lives)
{
	if (n_short_lives <= 3)
		return 0;
	uint32_t doublings = MIN(n_short_lives - 4, 7u);

	return MIN((uint32_t)DELAY_MAX_MS, 100u << doublings);
}

static void on_engine_death(int, short, void *arg)
{
	struct engine_link *l = arg;
	char text[200];
	bool no_huge = l->no_huge;

	if (!engine_exec_describe_death(l->pidfd, l->paths, &l->no_huge, text, sizeof(text))
		&& l->verdict[0] != '\0')
		snprintf(text, sizeof(text), "%s", l->verdict);
	l->verdict[0] = '\0';
	LOG_WARN("event=engine_died pid=%d reason=\"%s\"", (int)l->pid, text);
	uint64_t lived = l->hello.started_ns != 0 ? clock_now_ns() - l->hello.started_ns : 0;

	drop_event(&l->pid_event);
	close(l->pidfd);
	l->pidfd = -1;
	l->pid = 0;
	hang_up(l);
	memset(&l->hello, 0, sizeof(l->hello));
	if (l->is_leaving) {
		set_state(l, ENGINE_STOPPED, "");
		return;
	}
	if (l->no_huge == no_huge)
		l->n_short_lives = lived < SHORT_LIFE_NS ? l->n_short_lives + 1 : 0;
	uint32_t ms = delay_ms(l->n_short_lives);

	set_state(l, ms > 0 ? ENGINE_FAILED : ENGINE_STARTING, text);
	if (ms > 0)
		start_timer(l, ms);
	else
		start_engine(l);
}

static int watch_pid(struct engine_link *l, pid_t pid)
{
	drop_event(&l->pid_event);
	if (l->pidfd >= 0)
		close(l->pidfd);
	l->pid = pid;
	l->pidfd = pidfd_open(pid, 0);
	if (l->pidfd < 0)
		return -errno;
	l->pid_event = event_new(l->base, l->pidfd, EV_READ, on_engine_death, l);
	if (l->pid_event == NULL)
		return -ENOMEM;
	return event_add(l->pid_event, NULL) == 0 ? 0 : -ENOMEM;
}

static bool is_pong(const struct engine_link *l, const struct engine_msg *m)
{
	return l->asked_ns != 0 && m->type == ENGINE_MSG_ACK && m->seq == l->ping_seq;
}

static void take_pong(struct engine_link *l)
{
	bool was_mute = l->is_mute;

	l->asked_ns = 0;
	l->is_mute = false;
	if (!was_mute)
		return;
	LOG_INFO("event=engine_answers_again pid=%d", (int)l->pid);
	l->ops->on_back(l->arg);
}

static uint32_t next_seq(struct engine_link *l)
{
	if (++l->seq == 0)
		l->seq = 1;
	return l->seq;
}

static int ping(struct engine_link *l)
{
	struct msg_empty empty = { 0 };

	l->ping_seq = next_seq(l);
	int rc = engine_wire_send(l->sock,
		&(struct engine_out){ .type = ENGINE_MSG_PING,
			.seq = l->ping_seq,
			.body = &empty,
			.body_len = sizeof(empty) });

	if (rc == 0)
		l->asked_ns = clock_now_ns();
	return rc;
}

static void start_pings(struct engine_link *l)
{
	static const struct timeval interval = { .tv_sec = PING_MS / 1000 };

	evtimer_add(l->ping_timer, &interval);
}

static int take_hello(struct engine_link *l, const struct engine_msg *m)
{
	memcpy(&l->hello, m->body, sizeof(l->hello));
	l->hello.build[sizeof(l->hello.build) - 1] = '\0';
	l->is_taking_over = false;
	if (l->pidfd < 0 || l->pid != m->sender_pid) {
		int rc = watch_pid(l, m->sender_pid);

		if (rc < 0)
			return rc;
	}
	if (l->hello.abi_hash != ENGINE_ABI_HASH) {
		give_up(l,
			l->was_taken_over
				? "the running engine was of another build and was replaced"
				: "the installed engine is of another build than this daemon; "
				  "install both from one build");
		return -EPROTO;
	}
	evtimer_del(l->timer);
	set_state(l, ENGINE_RUNNING, "");
	start_pings(l);
	l->generation = l->hello.snapshot_generation;
	LOG_INFO("event=engine_ready pid=%d taken_over=%d workers=%u", (int)l->pid,
		l->was_taken_over, l->hello.n_workers);
	l->ops->on_ready(l->arg, l->was_taken_over);
	return 0;
}

/* A message that no request waits for. */
static int take_unasked(struct engine_link *l, struct engine_msg *m)
{
	struct msg_event event;

	l->heard_ns = clock_now_ns();
	if (is_pong(l, m)) {
		take_pong(l);
		return 0;
	}
	if (m->type == ENGINE_MSG_HELLO_OK && l->state != ENGINE_RUNNING)
		return take_hello(l, m);
	if (m->seq != 0 || l->state != ENGINE_RUNNING)
		return -EPROTO;
	if (m->type != ENGINE_MSG_EVENT)
		return l->ops->on_vhost(l->arg, m);
	memcpy(&event, m->body, sizeof(event));
	l->ops->on_event(l->arg, &event);
	return 0;
}

static void on_readable(int, short, void *arg)
{
	struct engine_link *l = arg;
	struct engine_msg m;

	while (l->sock >= 0) {
		int rc = engine_wire_recv(l->sock, l->buffer, &m);

		if (rc == -EAGAIN)
			return;
		if (rc == 0) {
			rc = take_unasked(l, &m);
			engine_wire_close_fds(&m);
		}
		if (rc < 0 && l->sock >= 0)
			give_up(l,
				rc == -EPROTO ? "the engine sent nonsense and was killed"
					      : "the engine hung up");
	}
}

/* How long it owes a sign of life; 0: it owes none. */
static uint64_t mute_ms(const struct engine_link *l)
{
	return l->asked_ns != 0 ? (clock_now_ns() - l->asked_ns) / NS_PER_MS : 0;
}

static void on_ping_timer(int, short, void *arg)
{
	struct engine_link *l = arg;

	/* Its answer may be there already, as when we were the one who did not run. */
	if (l->state == ENGINE_RUNNING)
		on_readable(l->sock, EV_READ, l);
	if (l->state != ENGINE_RUNNING)
		return; /* its next one begins anew */
	if (mute_ms(l) >= ANSWER_TIMEOUT_MS || (l->asked_ns == 0 && ping(l) < 0)) {
		give_up(l, "the engine did not answer for 5 s and was killed");
		return;
	}
	start_pings(l);
}

static int say_hello(struct engine_link *l)
{
	struct msg_hello hello = { .abi_hash = ENGINE_ABI_HASH, .daemon_pid = (uint32_t)getpid() };

	snprintf(hello.build, sizeof(hello.build), "%s", SAKLAR_BUILD);
	l->sock = engine_exec_connect(l->paths->run_dir);
	if (l->sock < 0)
		return l->sock;
	l->sock_event = event_new(l->base, l->sock, EV_READ | EV_PERSIST, on_readable, l);
	if (l->sock_event == NULL || event_add(l->sock_event, NULL) < 0)
		return -ENOMEM;
	return engine_wire_send(l->sock,
		&(struct engine_out){ .type = ENGINE_MSG_HELLO,
			.seq = ++l->seq,
			.body = &hello,
			.body_len = sizeof(hello) });
}

static void start_engine(struct engine_link *l)
{
	struct err e = ERR_NONE;
	pid_t pid = engine_exec(l->paths, l->no_huge, &e);
	int rc = pid < 0 ? (int)pid : 0;

	l->was_taken_over = false;
	memset(&l->hello, 0, sizeof(l->hello));
	if (rc == 0) {
		l->n_starts++;
		set_state(l, ENGINE_STARTING, "the engine is starting");
		rc = watch_pid(l, pid);
		if (rc == 0)
			rc = say_hello(l);
		if (rc < 0)
			give_up(l, "cannot connect to the engine that was just started");
		start_timer(l, START_TIMEOUT_S * 1000);
		return;
	}
	LOG_ERR("event=engine_not_started error=\"%s\"", e.msg);
	l->n_short_lives++;
	set_state(l, ENGINE_FAILED, e.msg);
	start_timer(l, MAX(delay_ms(l->n_short_lives), 500u));
}

struct engine_link *engine_link_create(struct event_base *base, const struct daemon_paths *paths,
	const struct engine_link_ops *ops, void *arg, struct err *e)
{
	struct engine_link *l = calloc(1, sizeof(*l));
	struct engine_buffer *buffer = calloc(1, sizeof(*buffer));

	if (l == NULL || buffer == NULL) {
		free(l);
		free(buffer);
		err_set(e, -ENOMEM, "", "out of memory");
		return NULL;
	}
	*l = (struct engine_link){ .base = base, .paths = paths, .ops = ops, .arg = arg };
	l->sock = -1;
	l->pidfd = -1;
	l->buffer = buffer;
	l->timer = evtimer_new(base, on_start_timer, l);
	l->ping_timer = evtimer_new(base, on_ping_timer, l);
	if (l->timer == NULL || l->ping_timer == NULL) {
		engine_link_destroy(l, false);
		err_set(e, -ENOMEM, "", "out of memory");
		return NULL;
	}
	return l;
}

bool engine_link_is_ready(const struct engine_link *l)
{
	return l->state == ENGINE_RUNNING;
}

void engine_link_wait(struct engine_link *l, int timeout_ms)
{
	uint64_t deadline = clock_now_ns() + (uint64_t)timeout_ms * NS_PER_MS;

	while (l->state == ENGINE_STARTING && clock_now_ns() < deadline) {
		struct pollfd p[2] = {
			{ .fd = l->sock, .events = POLLIN },
			{ .fd = l->pidfd, .events = POLLIN },
		};
		uint64_t left_ms = (deadline - clock_now_ns()) / NS_PER_MS + 1;

		if (l->sock < 0 && l->pidfd < 0)
			return; /* a timer will start the next one */
		if (poll(p, 2, (int)MIN(left_ms, (uint64_t)timeout_ms)) < 0 && errno != EINTR)
			return;
		if (p[0].revents != 0)
			on_readable(l->sock, EV_READ, l);
		else if (p[1].revents != 0 && l->pidfd >= 0)
			on_engine_death(l->pidfd, EV_READ, l);
	}
}

void engine_link_find(struct engine_link *l, bool waits)
{
	int rc = say_hello(l);

	if (rc < 0) {
		kill_mute_engine(l);
		start_engine(l);
		return;
	}
	l->was_taken_over = true;
	l->has_found = true;
	l->is_taking_over = true;
	set_state(l, ENGINE_STARTING, "taking over the running engine");
	engine_link_wait(l, waits ? ANSWER_TIMEOUT_MS : PATIENCE_MS);
	if (!l->is_taking_over)
		return; /* taken over, or killed: its death starts the next */
	if (waits || l->sock < 0) {
		kill_mute_engine(l);
		start_engine(l);
		return;
	}
	LOG_WARN("event=engine_mute reason=\"it does not answer the new daemon\"");
	set_state(l, ENGINE_STARTING,
		"the engine of the daemon before does not answer; it is replaced after 5 s");
	start_timer(l, ANSWER_TIMEOUT_MS - PATIENCE_MS);
}

/* The next message within the deadline. */
static int next_message(struct engine_link *l, uint64_t deadline, struct engine_msg *m)
{
	for (;;) {
		struct pollfd p = { .fd = l->sock, .events = POLLIN };
		uint64_t now = clock_now_ns();
		int rc = engine_wire_recv(l->sock, l->buffer, m);

		if (rc != -EAGAIN)
			return rc;
		if (now >= deadline)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)((deadline - now) / NS_PER_MS) + 1) < 0 && errno != EINTR)
			return -errno;
	}
}

/* What the engine answered; a refusal is no failure of the connection. */
static void take_ack(const struct engine_msg *m, struct err *e)
{
	struct msg_ack ack;

	memcpy(&ack, m->body, sizeof(ack));
	ack.text[sizeof(ack.text) - 1] = '\0';
	if (ack.rc == 0)
		return;
	for (char *c = ack.text; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	err_set(e, ack.rc < 0 && ack.rc > -4096 ? ack.rc : -EPROTO, "", "the engine refused: %s",
		ack.text[0] != '\0' ? ack.text : "without a reason");
}

static int await_ack(
	struct engine_link *l, uint32_t seq, const struct engine_request *req, struct err *e)
{
	uint64_t deadline = clock_now_ns() + ANSWER_TIMEOUT_MS * NS_PER_MS;
	struct engine_msg m;

	for (;;) {
		int rc = next_message(l, deadline, &m);

		if (rc < 0)
			return rc;
		l->heard_ns = clock_now_ns();
		if (m.seq == 0 || is_pong(l, &m)) {
			rc = take_unasked(l, &m);
		} else if (m.seq != seq) {
			rc = -EPROTO;
		} else if (m.type == ENGINE_MSG_ACK) {
			take_ack(&m, e);
			return 0;
		} else {
			rc = req->on_answer != NULL ? req->on_answer(req->arg, &m) : -EPROTO;
		}
		engine_wire_close_fds(&m);
		if (rc < 0)
			return -EPROTO;
	}
}

int engine_link_request(struct engine_link *l, const struct engine_request *req, struct err *e)
{
	struct err refused = ERR_NONE;
	int rc;

	if (l->state != ENGINE_RUNNING)
		return err_set(e, -ENOTCONN, "", "the engine does not run: %s", l->why);
	uint32_t seq = next_seq(l);

	rc = engine_wire_send(l->sock,
		&(struct engine_out){
			req->type, seq, req->body, req->body_len, req->fds, req->n_fds });
	if (rc == 0)
		rc = await_ack(l, seq, req, &refused);
	if (rc < 0) {
		give_up(l,
			rc == -ETIMEDOUT        ? "the engine did not answer for 5 s and was killed"
				: rc == -EPROTO ? "the engine sent nonsense and was killed"
						: "the engine hung up");
		return err_set(e, -ENOTCONN, "", "%s", l->why);
	}
	if (refused.code == 0 && req->type == ENGINE_MSG_SNAPSHOT)
		l->generation = ((const struct msg_snapshot *)req->body)->generation;
	if (refused.code != 0)
		return err_set(e, refused.code, "", "%s", refused.msg);
	return 0;
}

bool engine_link_is_mute(struct engine_link *l)
{
	uint64_t now = clock_now_ns(), deadline;
	struct engine_msg m;
	int rc = 0;

	if (l->state != ENGINE_RUNNING)
		return l->is_taking_over;
	if (l->asked_ns == 0 && now - l->heard_ns < FRESH_NS)
		return false;
	if (l->asked_ns == 0)
		rc = ping(l);
	deadline = l->asked_ns + PATIENCE_MS * NS_PER_MS;
	while (rc == 0 && l->asked_ns != 0) {
		rc = next_message(l, deadline, &m);
		if (rc < 0)
			break;
		rc = take_unasked(l, &m);
		engine_wire_close_fds(&m);
	}
	if (rc == 0)
		return false;
	if (rc != -ETIMEDOUT && rc != -EAGAIN) {
		give_up(l,
			rc == -EPROTO ? "the engine sent nonsense and was killed"
				      : "the engine hung up");
		return false;
	}
	if (!l->is_mute)
		LOG_WARN("event=engine_mute pid=%d", (int)l->pid);
	l->is_mute = true;
	return true;
}

void engine_link_actual(const struct engine_link *l, struct engine_actual *out)
{
	*out = (struct engine_actual){
		.state = l->state,
		.pid = (int)l->pid,
		.has_hugepages = (l->hello.flags & ENGINE_FLAG_HUGE) != 0,
		.restarts = l->n_starts > 0 ? l->n_starts - (l->has_found ? 0 : 1) : 0,
		.started_ns = l->hello.started_ns,
		.generation = l->generation,
		.n_workers = MIN(l->hello.n_workers, (uint32_t)WORKERS_MAX),
		.was_taken_over = l->was_taken_over,
	};
	snprintf(out->why, sizeof(out->why), "%s", l->why);
	out->is_mute = l->is_taking_over || mute_ms(l) >= PATIENCE_MS;
	if (out->state == ENGINE_RUNNING && out->is_mute)
		snprintf(out->why, sizeof(out->why),
			"the engine has not answered for %.1f s; it is replaced after 5 s",
			(double)mute_ms(l) / 1000);
}

void engine_link_destroy(struct engine_link *l, bool stop_engine)
{
	if (l == NULL)
		return;
	l->is_leaving = true;
	if (stop_engine && l->is_taking_over)
		kill_mute_engine(l);
	if (stop_engine && l->state == ENGINE_RUNNING && !engine_link_is_mute(l)) {
		struct msg_empty empty = { 0 };
		struct engine_request stop
			= { .type = ENGINE_MSG_STOP, .body = &empty, .body_len = sizeof(empty) };
		struct pollfd p = { .fd = l->pidfd, .events = POLLIN };
		int rc = engine_link_request(l, &stop, NULL);

		if (poll(&p, 1, rc == 0 ? 2000 : 0) == 0)
			pidfd_send_signal(l->pidfd, SIGKILL, NULL, 0);
		poll(&p, 1, 2000);
		waitid(P_PIDFD, (id_t)l->pidfd, &(siginfo_t){ 0 }, WEXITED | WNOHANG);
	} else if (stop_engine && l->pidfd >= 0) {
		struct pollfd p = { .fd = l->pidfd, .events = POLLIN };

		pidfd_send_signal(l->pidfd, SIGKILL, NULL, 0);
		poll(&p, 1, 2000);
	}
	if (stop_engine)
		engine_exec_forget(l->paths->run_dir);
	l->state = ENGINE_STOPPED;
	hang_up(l);
	drop_event(&l->pid_event);
	drop_event(&l->timer);
	drop_event(&l->ping_timer);
	if (l->pidfd >= 0)
		close(l->pidfd);
	free(l->buffer);
	free(l);
}
