/* SPDX-License-Identifier: Apache-2.0 */
/* wire.c - read and write messages without ever leaving the buffer.
 *
 * From: decoders and encoders of messages between processes.  To: their buffers.
 * Theory: a decoder that checks every field is long and forgets one; here the first step out of
 * bounds sets .failed, and from then on reads give zeros and writes do nothing, so one look at
 * the end is enough.
 * Invariants: begin <= at <= end; a failed reader or writer does not move.
 * Thread: no state; the caller owns the struct. */
#include "vswitch/base/wire.h"

#include <string.h>

struct wire_reader wire_reader_of(const void *bytes, size_t len)
{
	/* Arithmetic on NULL is undefined even when nothing is added. */
	const uint8_t *at = bytes ? bytes : (const uint8_t *)"";

	return (struct wire_reader){ .at = at, .end = at + (bytes ? len : 0) };
}

struct wire_writer wire_writer_of(void *bytes, size_t size)
{
	uint8_t *at = bytes;

	if (!bytes)
		return (struct wire_writer){ .failed = true };
	return (struct wire_writer){ .begin = at, .at = at, .end = at + size };
}

size_t wire_left(const struct wire_reader *r)
{
	return r->failed ? 0 : (size_t)(r->end - r->at);
}

const void *wire_take(struct wire_reader *r, size_t len)
{
	const uint8_t *at = r->at;

	if (r->failed || len > (size_t)(r->end - r->at)) {
		r->failed = true;
		return NULL;
	}
	r->at += len;
	return at;
}

void wire_get(struct wire_reader *r, void *out, size_t len)
{
	const void *from = wire_take(r, len);

	if (!len)
		return;
	if (from)
		memcpy(out, from, len);
	else
		memset(out, 0, len);
}

void wire_put(struct wire_writer *w, const void *bytes, size_t len)
{
	if (w->failed || len > (size_t)(w->end - w->at)) {
		w->failed = true;
		return;
	}
	if (len)
		memcpy(w->at, bytes, len);
	w->at += len;
}

size_t wire_written(const struct wire_writer *w)
{
	return w->begin ? (size_t)(w->at - w->begin) : 0;
}
