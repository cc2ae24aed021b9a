/* SPDX-License-Identifier: Apache-2.0 */
/* capture_tcpdump.h - a tcpdump that turns our pcapng into lines, which we complete.
 *
 * Life: capture_tcpdump_start(); _note() then _write() for each packet; _relay() when its fd is
 * readable; _end().  tcpdump knows neither vif names nor drop reasons: they are noted before the
 * packet is written and put around the line that comes back. */
#pragma once

#include "tools/capture_vifs.h"
#include "tools/ring_reader.h"

#include <stdio.h>

struct capture_tcpdump;

/* NULL when tcpdump cannot be run. */
struct capture_tcpdump *capture_tcpdump_start(FILE *out);
/* Remember what the line of this packet will lack. */
void capture_tcpdump_note(
	struct capture_tcpdump *t, const struct capture_vif *vif, const struct ring_frame *f);
/* A capture_write function; @arg: struct capture_tcpdump. */
int capture_tcpdump_write(void *arg, const uint8_t *bytes, size_t len);
/* Its output; poll for reading. */
int capture_tcpdump_fd(const struct capture_tcpdump *t);
/* Print the lines that are there.  0, or -EPIPE when tcpdump ended or nobody reads our output. */
[[nodiscard]] int capture_tcpdump_relay(struct capture_tcpdump *t);
/* No more packets: print the rest, reap, free. */
void capture_tcpdump_end(struct capture_tcpdump *t);
