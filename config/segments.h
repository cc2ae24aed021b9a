/* SPDX-License-Identifier: Apache-2.0 */
/* segments.h - the memory that outlives an engine: the daemon keeps the fds, the engine the content.
 *
 * Life: segments_create() makes fresh ones; segments_adopt() replaces one by what a running engine
 * hands back; segments_close() unmaps.  Only what holds counters is mapped, read-only; nothing in
 * it is followed.  Tables that programs in the kernel look into are BPF maps where the kernel has
 * such; else they are memfds as the others.  Thread: the daemon's only one. */
#pragma once

#include "vswitch/abi/counters.h"
#include "vswitch/abi/state.h"
#include "vswitch/abi/verdicts.h"
#include "vswitch/base/err.h"

struct segments {
	int fd[SEGMENT_N]; /* index: enum segment_kind; -1: none */
	const struct counters_segment *counters;
	const uint8_t *verdicts; /* elements of vswitch/abi/verdicts.h; NULL: not mapped */
	bool are_maps; /* the kernel's programs can look into SEGMENT_FDB and SEGMENT_VERDICT */
};

uint64_t segments_size(enum segment_kind kind); /* 0: no such kind */
[[nodiscard]] int segments_create(struct segments *s, struct err *e);
/* Take over @fd (closed on failure). */
[[nodiscard]] int segments_adopt(struct segments *s, uint32_t kind, uint64_t size, int fd);
void segments_close(struct segments *s);

void segments_vif_counters(const struct segments *s, uint16_t vif_id, struct vif_counters *out);
/* Packets from @vif_id that the kernel passed on by itself; segments_vif_counters() has them too. */
uint64_t segments_fast_packets(const struct segments *s, uint16_t vif_id);
void segments_stage_counters(const struct segments *s, unsigned worker, struct stage_counters *out);
void segments_worker_counters(
	const struct segments *s, unsigned worker, struct worker_counters *out);
