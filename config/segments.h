/* SPDX-License-Identifier: Apache-2.0 */
/* segments.h - the memory that outlives an engine: the daemon keeps the fds, the engine the content.
 *
 * Life: segments_create() makes fresh ones; segments_adopt() replaces one by what a running engine
 * hands back; segments_close() unmaps.  Only the counters are mapped, read-only; nothing in them is
 * followed.  Thread: the daemon's only one. */
#pragma once

#include "vswitch/abi/counters.h"
#include "vswitch/abi/state.h"
#include "vswitch/base/err.h"

struct segments {
	int fd[SEGMENT_N]; /* index: enum segment_kind; -1: none */
	const struct counters_segment *counters;
};

uint64_t segments_size(enum segment_kind kind); /* 0: no such kind */
[[nodiscard]] int segments_create(struct segments *s, struct err *e);
/* Take over @fd (closed on failure). */
[[nodiscard]] int segments_adopt(struct segments *s, uint32_t kind, uint64_t size, int fd);
void segments_close(struct segments *s);

void segments_vif_counters(const struct segments *s, uint16_t vif_id, struct vif_counters *out);
void segments_worker_counters(
	const struct segments *s, unsigned worker, struct worker_counters *out);
