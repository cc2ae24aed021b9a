/* SPDX-License-Identifier: Apache-2.0 */
/* capture_stream.h - frames of a capture as a stream of pcapng, written to whoever takes bytes.
 *
 * Life: capture_stream_create(); _frame() for each packet; _flush() when there is nothing more for
 * the moment; _finish() once at the end; _destroy().  The first error of the writer stays. */
#pragma once

#include "tools/capture_vifs.h"
#include "tools/ring_reader.h"

/* Takes all @len bytes; 0 or -errno. */
typedef int (*capture_write)(void *arg, const uint8_t *bytes, size_t len);

struct capture_stream;

struct capture_stream *capture_stream_create(
	capture_write write, void *arg, uint32_t snaplen, const char *filter);
void capture_stream_destroy(struct capture_stream *s);
/* The interface block of @vif, unless it is there. */
void capture_stream_interface(struct capture_stream *s, struct capture_vif *vif);
[[nodiscard]] int capture_stream_frame(
	struct capture_stream *s, struct capture_vif *vif, const struct ring_frame *f);
[[nodiscard]] int capture_stream_flush(struct capture_stream *s);
/* Statistics of every interface, then flush.  @lost: packets that the reader lost, of all vifs. */
[[nodiscard]] int capture_stream_finish(
	struct capture_stream *s, struct capture_vifs *vifs, uint64_t lost);
