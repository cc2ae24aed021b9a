/* SPDX-License-Identifier: Apache-2.0 */
/* capture_stream.c - frames of a capture as a stream of pcapng.
 *
 * From: capture_sink.c, capture_tcpdump.c.  To: pcapng.c, then a capture_write function.
 * Theory: blocks are collected in one buffer that is given away when the next block may not fit or
 * when the caller has nothing more to add, so that a busy capture makes few large writes and a quiet
 * one is seen at once.  All interfaces have the same link type, snaplen and resolution: libpcap
 * reads no others in one file.
 * Invariants: the buffer holds whole blocks.  Thread: one. */
#include "tools/capture_stream.h"

#include "saklar_build.h"
#include "tools/capture_text.h"
#include "tools/pcapng.h"
#include "vswitch/base/check.h"
#include "vswitch/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_SIZE ((1u << 19) + PCAPNG_OVERHEAD) /* more than a block of the largest snaplen */
static_assert(BUFFER_SIZE >= CAPTURE_SNAPLEN_DEFAULT + 2 * PCAPNG_OVERHEAD, "one frame must fit");

struct capture_stream {
	capture_write write;
	void *arg;
	uint32_t snaplen;
	char filter[256];
	int32_t n_interfaces;
	struct wire_writer out;
	int rc; /* first error */
	uint8_t buffer[BUFFER_SIZE];
};

struct capture_stream *capture_stream_create(
	capture_write write, void *arg, uint32_t snaplen, const char *filter)
{
	struct capture_stream *s = calloc(1, sizeof(*s));

	CHECK(s);
	s->write = write;
	s->arg = arg;
	s->snaplen = snaplen;
	strncpy(s->filter, filter, sizeof(s->filter) - 1);
	s->out = wire_writer_of(s->buffer, sizeof(s->buffer));
	pcapng_section(&s->out, "saklar " SAKLAR_VERSION);
	return s;
}

void capture_stream_destroy(struct capture_stream *s)
{
	free(s);
}

int capture_stream_flush(struct capture_stream *s)
{
	size_t len = wire_written(&s->out);

	CHECK(!s->out.failed); /* make_room() is called before every block */
	if (!s->rc && len)
		s->rc = s->write(s->arg, s->buffer, len);
	s->out = wire_writer_of(s->buffer, sizeof(s->buffer));
	return s->rc;
}

static void make_room(struct capture_stream *s, size_t len)
{
	if (wire_written(&s->out) + len + PCAPNG_OVERHEAD <= sizeof(s->buffer))
		return;
	if (capture_stream_flush(s) != 0)
		s->out = wire_writer_of(s->buffer, sizeof(s->buffer));
}

void capture_stream_interface(struct capture_stream *s, struct capture_vif *vif)
{
	if (vif->interface >= 0)
		return;
	make_room(s, 0);
	pcapng_interface(&s->out, vif->name, vif->description, s->filter, s->snaplen);
	vif->interface = s->n_interfaces++;
}

int capture_stream_frame(
	struct capture_stream *s, struct capture_vif *vif, const struct ring_frame *f)
{
	char comment[CAPTURE_COMMENT_LEN];

	capture_stream_interface(s, vif);
	make_room(s, f->cap_len);
	pcapng_packet(&s->out,
		&(struct pcapng_packet){
			.interface = (uint32_t)vif->interface,
			.wall_ns = f->wall_ns,
			.bytes = f->bytes,
			.cap_len = f->cap_len,
			.orig_len = f->orig_len,
			.dir = f->dir == CAPTURE_DIR_IN     ? PCAPNG_DIR_IN
				: f->dir == CAPTURE_DIR_OUT ? PCAPNG_DIR_OUT
							    : PCAPNG_DIR_UNKNOWN,
			.comment = capture_comment(f, comment, sizeof(comment)),
		});
	return s->rc;
}

int capture_stream_finish(struct capture_stream *s, struct capture_vifs *vifs, uint64_t lost)
{

	if (!s->n_interfaces) /* readers of libpcap refuse a file without one */
		capture_stream_interface(s, &vifs->vif[VIF_ID_NONE]);
	for (size_t i = 0; i < VIF_ID_MAX; i++) {
		const struct capture_vif *vif = &vifs->vif[i];

		if (vif->interface < 0)
			continue;
		/* the ring counts losses of all vifs together */
		uint64_t dropped = vif->interface == 0 ? lost : 0;

		make_room(s, 0);
		pcapng_statistics(&s->out,
			&(struct pcapng_stats){
				.interface = (uint32_t)vif->interface,
				.wall_ns = clock_wall_ns(),
				.received = vif->packets + dropped,
				.dropped = dropped,
				.comment = dropped && s->n_interfaces > 1
					? "dropped: of all interfaces, lost because the reader was "
					  "slow"
					: NULL,
			});
	}
	return capture_stream_flush(s);
}
