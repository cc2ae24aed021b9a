/* SPDX-License-Identifier: Apache-2.0 */
/* state.h - the shared segments an engine works in: attach, validate, initialise.
 *
 * Life: state_attach() for each SEGMENT message; the objects in it stay valid until state_detach().  A segment can be attached once.
 * Threads: control; workers use the objects after they were handed over between bursts. */
#pragma once

#include "bridge/ct.h"
#include "bridge/fdb.h"
#include "bridge/neigh.h"
#include "vswitch/abi/counters.h"
#include "vswitch/abi/state.h"
#include "vswitch/verdicts.h"

struct state {
	struct counters_segment *counters; /* NULL: not attached */
	struct fdb *fdb; /* NULL: not attached */
	struct ct *ct; /* NULL: not attached */
	struct neigh_table *neigh; /* NULL: not attached */
	struct verdicts *verdicts; /* NULL: not attached */
	struct state_map {
		int fd; /* kept for the take-over by another daemon; -1: none */
		void *at;
		size_t size;
	} map[SEGMENT_N];
};

void state_init(struct state *s);
/* Bytes that a segment of @kind must have; 0: unknown kind. */
size_t state_segment_size(uint32_t kind);
/* Map and validate @fd (taken over on success and on failure alike).  0 or -errno with @e. */
[[nodiscard]] int state_attach(struct state *s, uint32_t kind, int fd, struct err *e);
void state_detach(struct state *s);
