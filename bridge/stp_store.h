/* SPDX-License-Identifier: Apache-2.0 */
/* stp_store.h - what spanning trees know, in the segment SEGMENT_STP, for the engine that comes next.
 *
 * Life: stp_store_attach(); stp_store_restore() for each bridge that begins; stp_store_save() whenever
 * something has changed.  Thread: the worker that runs the trees. */
#pragma once

#include "bridge/stp.h"

struct stp_store;

/* The segment with its records, or emptied when it is not one of ours; NULL: too small. */
struct stp_store *stp_store_attach(void *segment, size_t size);
void stp_store_save(struct stp_store *s, const struct stp_bridge *b, uint16_t network_id);
/* Let @b, all of whose ports have just been added, go on as it was, if it was a moment ago. */
void stp_store_restore(
	struct stp_store *s, struct stp_bridge *b, uint16_t network_id, uint64_t now_ns);
void stp_store_clear(struct stp_store *s, uint16_t network_id);
void stp_store_clear_port(struct stp_store *s, uint16_t vif_id);
/* BPDU guard of vifs that are in no tree. */
void stp_store_guard(struct stp_store *s, uint16_t vif_id, bool is_guarded);
bool stp_store_is_guarded(const struct stp_store *s, uint16_t vif_id);
