/* SPDX-License-Identifier: Apache-2.0 */
/* capture_sink.c - where captured packets go: pcapng to an fd, lines by tcpdump, lines of our own.
 *
 * From: cmd_capture.c.  To: capture_stream.c, capture_tcpdump.c, capture_text.c.
 * Theory: two of the three speak pcapng, so the three differ by which pointers are set.
 * Invariants: after an error the sink takes frames and forgets them.  Thread: one. */
#include "tools/capture_sink.h"

#include "tools/capture_stream.h"
#include "tools/capture_tcpdump.h"
#include "tools/capture_text.h"
#include "vswitch/base/check.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct capture_sink {
	int fd; /* file */
	FILE *lines; /* lines of our own */
	struct capture_tcpdump *tcpdump; /* lines by tcpdump */
	struct capture_stream *stream; /* file and tcpdump */
};

/* A signal that is to end the capture ends a write to a reader that stands still. */
static int write_all(void *arg, const uint8_t *bytes, size_t len)
{
	const struct capture_sink *s = arg;

	while (len) {
		ssize_t n = write(s->fd, bytes, len);

		if (n < 0)
			return -errno;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

struct capture_sink *capture_sink_file(int fd, uint32_t snaplen, const char *filter)
{
	struct capture_sink *s = calloc(1, sizeof(*s));

	CHECK(s);
	s->fd = fd;
	s->stream = capture_stream_create(write_all, s, snaplen, filter);
	return s;
}

struct capture_sink *capture_sink_lines(FILE *out, uint32_t snaplen, bool with_tcpdump)
{
	struct capture_sink *s = calloc(1, sizeof(*s));

	CHECK(s);
	s->fd = -1;
	if (with_tcpdump)
		s->tcpdump = capture_tcpdump_start(out);
	if (s->tcpdump)
		s->stream = capture_stream_create(capture_tcpdump_write, s->tcpdump, snaplen, "");
	else
		s->lines = out;
	return s;
}

void capture_sink_vif(struct capture_sink *s, struct capture_vif *vif)
{
	if (s->stream)
		capture_stream_interface(s->stream, vif);
}

int capture_sink_frame(struct capture_sink *s, struct capture_vif *vif, const struct ring_frame *f)
{
	char line[CAPTURE_LINE_LEN];

	vif->packets++;
	if (s->lines)
		return fprintf(s->lines, "%s\n", capture_line(f, vif->name, line, sizeof(line))) < 0
			? -EPIPE
			: 0;
	if (s->tcpdump)
		capture_tcpdump_note(s->tcpdump, vif, f);
	return capture_stream_frame(s->stream, vif, f);
}

int capture_sink_flush(struct capture_sink *s)
{
	if (s->lines)
		return fflush(s->lines) != 0 ? -EPIPE : 0;
	return capture_stream_flush(s->stream);
}

int capture_sink_fd(const struct capture_sink *s)
{
	return s->tcpdump ? capture_tcpdump_fd(s->tcpdump) : -1;
}

int capture_sink_turn(struct capture_sink *s)
{
	return s->tcpdump ? capture_tcpdump_relay(s->tcpdump) : 0;
}

int capture_sink_end(struct capture_sink *s, struct capture_vifs *vifs, uint64_t lost)
{
	int rc = s->stream ? capture_stream_finish(s->stream, vifs, lost) : capture_sink_flush(s);

	if (s->tcpdump)
		capture_tcpdump_end(s->tcpdump);
	capture_stream_destroy(s->stream);
	free(s);
	return rc;
}
