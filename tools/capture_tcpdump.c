/* SPDX-License-Identifier: Apache-2.0 */
/* capture_tcpdump.c - a tcpdump that turns our pcapng into lines, which we complete.
 *
 * From: capture_sink.c.  To: `tcpdump -n -l -r -` between two pipes.
 * Theory: tcpdump parses what guests wrote, so it is good that it is another process (as root it
 * changes to a user of its own).  It prints one line a packet, beginning with the time; lines that
 * begin otherwise continue a packet.  Line and packet are matched by seconds and microseconds,
 * which are the same in every time zone, so that one line too many or too few cannot shift all names
 * behind it.  Both pipes are non-blocking on our side: writing while tcpdump waits for us to read
 * its lines would be a deadlock, so the write loop reads too.
 * The child is in its own process group: Ctrl-C is for us, it ends when its input does.
 * Invariants: notes[] is a queue in the order of the packets.  Thread: one. */
#include "tools/capture_tcpdump.h"

#include "tools/capture_text.h"
#include "vswitch/base/check.h"
#include "vswitch/base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOTES_MAX 4096u
#define LINE_MAX_LEN 4096

struct note {
	char name[4 * SAKLAR_NAME_LEN];
	char dir[4];
	char reason[32];
	uint64_t wall_us;
};

struct capture_tcpdump {
	pid_t pid;
	int in; /* we write pcapng */
	int out; /* we read lines */
	FILE *to;
	bool has_ended;
	char line[LINE_MAX_LEN];
	size_t line_len;
	size_t first_note, n_notes;
	struct note notes[NOTES_MAX];
};

static int spawn(struct capture_tcpdump *t, int child_in, int child_out)
{
	static char program[] = "tcpdump";
	static char numeric[] = "-n";
	static char line_buffered[] = "-l";
	static char from_file[] = "-r";
	static char standard_input[] = "-";
	static char *const argv[]
		= { program, numeric, line_buffered, from_file, standard_input, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t all;
	sigset_t none;

	sigfillset(&all);
	sigemptyset(&none);
	CHECK(posix_spawn_file_actions_init(&files) == 0 && posix_spawnattr_init(&attr) == 0);
	posix_spawn_file_actions_adddup2(&files, child_in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, child_out, STDOUT_FILENO);
	/* "reading from file -, link-type ..." helps nobody */
	posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(
		&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	int r = posix_spawnp(&t->pid, argv[0], &files, &attr, argv, environ);

	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return -r;
}

struct capture_tcpdump *capture_tcpdump_start(FILE *out)
{
	struct capture_tcpdump *t = calloc(1, sizeof(*t));
	int in[2] = { -1, -1 };
	int lines[2] = { -1, -1 };
	int rc = -EMFILE;

	CHECK(t);
	t->to = out;
	if (pipe2(in, O_CLOEXEC) == 0 && pipe2(lines, O_CLOEXEC) == 0)
		rc = spawn(t, in[0], lines[1]);
	if (in[0] >= 0)
		close(in[0]);
	if (lines[1] >= 0)
		close(lines[1]);
	if (rc) {
		if (in[1] >= 0)
			close(in[1]);
		if (lines[0] >= 0)
			close(lines[0]);
		free(t);
		return NULL;
	}
	t->in = in[1];
	t->out = lines[0];
	fcntl(t->in, F_SETFL, O_NONBLOCK);
	fcntl(t->out, F_SETFL, O_NONBLOCK);
	return t;
}

void capture_tcpdump_note(
	struct capture_tcpdump *t, const struct capture_vif *vif, const struct ring_frame *f)
{
	if (t->n_notes == NOTES_MAX) { /* more than the pipes hold: tcpdump left some out */
		t->first_note = (t->first_note + 1) % NOTES_MAX;
		t->n_notes--;
	}
	struct note *n = &t->notes[(t->first_note + t->n_notes++) % NOTES_MAX];

	snprintf(n->name, sizeof(n->name), "%s", vif->name);
	snprintf(n->dir, sizeof(n->dir), "%s", capture_dir_text(f));
	capture_reason_text(f, n->reason, sizeof(n->reason));
	n->wall_us = f->wall_ns / NS_PER_US;
}

/* "12:34:56.789012 ...": seconds and microseconds, or -1 when @line does not begin so. */
static int64_t time_of(const char *line)
{
	static const char form[] = "dd:dd:dd.dddddd ";
	int64_t us = 0;

	for (size_t i = 0; form[i]; i++) {
		if (form[i] == 'd' ? !isdigit((unsigned char)line[i]) : line[i] != form[i])
			return -1;
		if (form[i] == 'd' && i >= 6)
			us = us * 10 + (line[i] - '0');
	}
	return us;
}

/* Take the note of the packet that @line is about out of the queue, or NULL. */
static const struct note *take_note(struct capture_tcpdump *t, const char *line)
{
	int64_t us = time_of(line);

	for (size_t i = 0; us >= 0 && i < t->n_notes; i++) {
		const struct note *n = &t->notes[(t->first_note + i) % NOTES_MAX];

		if ((int64_t)(n->wall_us % (60 * 1000000)) != us)
			continue;
		t->first_note = (t->first_note + i + 1) % NOTES_MAX;
		t->n_notes -= i + 1;
		return n;
	}
	return NULL;
}

static void print_line(struct capture_tcpdump *t)
{
	const struct note *n = take_note(t, t->line);

	if (n)
		fprintf(t->to, "%-15s %-3s %s%s%s\n", n->name, n->dir, t->line,
			n->reason[0] ? "  dropped: " : "", n->reason);
	else
		fprintf(t->to, "%s\n", t->line);
	t->line_len = 0;
}

static void add_output(struct capture_tcpdump *t, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '\n' || t->line_len == sizeof(t->line) - 1) {
			t->line[t->line_len] = '\0';
			print_line(t);
		}
		if (c == '\n')
			continue;
		/* tcpdump escapes what guests wrote; that is not left to it alone */
		t->line[t->line_len++] = (char)(c == '\t' || (c >= 0x20 && c != 0x7f) ? c : '?');
	}
}

int capture_tcpdump_relay(struct capture_tcpdump *t)
{
	char text[8192];

	for (;;) {
		ssize_t n = read(t->out, text, sizeof(text));

		if (n > 0) {
			add_output(t, text, (size_t)n);
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			t->has_ended = true;
		break;
	}
	if (fflush(t->to) != 0 || ferror(t->to))
		return -EPIPE;
	return t->has_ended ? -EPIPE : 0;
}

int capture_tcpdump_write(void *arg, const uint8_t *bytes, size_t len)
{
	struct capture_tcpdump *t = arg;

	while (len) {
		ssize_t n = write(t->in, bytes, len);

		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
			continue;
		}
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		struct pollfd fds[2] = { { .fd = t->in, .events = POLLOUT },
			{ .fd = t->out, .events = POLLIN } };

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return -errno;
		int rc = capture_tcpdump_relay(t);

		if (rc)
			return rc;
	}
	return 0;
}

int capture_tcpdump_fd(const struct capture_tcpdump *t)
{
	return t->out;
}

void capture_tcpdump_end(struct capture_tcpdump *t)
{
	struct pollfd fd = { .fd = t->out, .events = POLLIN };

	close(t->in);
	while (!t->has_ended && !ferror(t->to)) {
		if (poll(&fd, 1, -1) < 0 && errno != EINTR)
			break;
		if (capture_tcpdump_relay(t) != 0)
			break;
	}
	close(t->out);
	while (waitpid(t->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(t);
}
