/* SPDX-License-Identifier: Apache-2.0 */
/* ring_reader.h - the reader's side of a capture ring (vswitch/abi/capture_ring.h).
 *
 * Life:
 *   1. ring_reader_open() maps the memfd: its size must be sealed, else a truncation would be SIGBUS;
 *   2. ring_reader_next() until it gives 0; wait for the eventfd; again;
 *   3. ring_reader_close().
 * The producer is a sandboxed process that may have been taken over: every length is checked, each
 * field is read once, and bytes are copied out before anybody looks at them.  Thread: one. */
#pragma once

#include "vswitch/abi/capture_ring.h"
#include "vswitch/base/err.h"

struct ring_frame {
	const uint8_t *bytes; /* cap_len; valid until the next call */
	uint32_t cap_len;
	uint32_t orig_len;
	uint64_t wall_ns;
	uint16_t vif_id;
	uint8_t dir; /* enum capture_dir, or 0 when the record says nonsense */
	uint8_t drop_reason; /* any number */
	uint16_t gso_size;
	uint8_t gso_type; /* any number */
	bool csum_partial;
};

struct ring_reader;

/* Map @fd (not kept).  @snaplen: the most that a record may carry.  NULL with @e. */
struct ring_reader *ring_reader_open(int fd, uint32_t snaplen, struct err *e);
void ring_reader_close(struct ring_reader *r);
/* 1: @out is the next frame; 0: nothing there; -EPROTO with @e: the ring is damaged. */
[[nodiscard]] int ring_reader_next(struct ring_reader *r, struct ring_frame *out, struct err *e);
/* Packets that found the ring full; never goes back. */
uint64_t ring_reader_lost(struct ring_reader *r);
