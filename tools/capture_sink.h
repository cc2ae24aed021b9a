/* SPDX-License-Identifier: Apache-2.0 */
/* capture_sink.h - where captured packets go: pcapng to an fd, lines by tcpdump, lines of our own.
 *
 * Life: one of the three _create functions; capture_sink_frame() for each packet; _flush() when the
 * ring is empty; _turn() when its fd is readable; _end() once. */
#pragma once

#include "tools/capture_vifs.h"
#include "tools/ring_reader.h"

#include <stdio.h>

struct capture_sink;

/* pcapng to @fd, which stays the caller's. */
struct capture_sink *capture_sink_file(int fd, uint32_t snaplen, const char *filter);
/* Lines to @out, by tcpdump where it is installed. */
struct capture_sink *capture_sink_lines(FILE *out, uint32_t snaplen, bool with_tcpdump);

/* Tell it of a vif before its first packet. */
void capture_sink_vif(struct capture_sink *s, struct capture_vif *vif);
/* 0 or -errno; -EPIPE: nobody reads any more. */
[[nodiscard]] int capture_sink_frame(
	struct capture_sink *s, struct capture_vif *vif, const struct ring_frame *f);
[[nodiscard]] int capture_sink_flush(struct capture_sink *s);
/* Fd to poll for reading, or -1. */
int capture_sink_fd(const struct capture_sink *s);
[[nodiscard]] int capture_sink_turn(struct capture_sink *s);
/* Write what is left and free @s; 0 or -errno. */
[[nodiscard]] int capture_sink_end(
	struct capture_sink *s, struct capture_vifs *vifs, uint64_t lost);
