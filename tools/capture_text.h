/* SPDX-License-Identifier: Apache-2.0 */
/* capture_text.h - words about a captured packet: its fate, and one line of our own. */
#pragma once

#include "tools/ring_reader.h"

#define CAPTURE_COMMENT_LEN 200
#define CAPTURE_LINE_LEN 320

/* "in", "out" or "?". */
const char *capture_dir_text(const struct ring_frame *f);
/* Name of the drop reason into @out; "" for a packet that lived. */
char *capture_reason_text(const struct ring_frame *f, char *out, size_t size);
/* For pcapng: "dropped: mtu_exceeded - frame larger ...; gso tcp4 size 1448", or "". */
char *capture_comment(const struct ring_frame *f, char *out, size_t size);
/* One line without newline for those who have no tcpdump. */
char *capture_line(const struct ring_frame *f, const char *vif_name, char *out, size_t size);
