/* SPDX-License-Identifier: Apache-2.0 */
/* stp_run_state.h - what bridge/stp_run.c and bridge/stp_dump.c share; nobody else includes it. */
#pragma once

#include "bridge/loop.h"
#include "bridge/stp_run.h"
#include "bridge/stp_store.h"

#define STP_RUN_FRAMES 1024
#define STP_RUN_EVENTS 128

static_assert(VIF_ID_MAX - 1 <= STP_PORT_NO_MAX, "a vif id is a port number");

struct stp_frame {
	uint16_t vif_id;
	uint8_t bytes[STP_FRAME_LEN];
};

struct stp_run {
	uint8_t state[VIF_ID_MAX]; /* enum stp_state */
	const struct snapshot *cfg;
	struct fdb *fdb;
	unsigned n_on; /* networks with a spanning tree */
	bool is_watching; /* some vif is watched */
	bool is_asked; /* by more than loop protection, which costs nothing until there is a loop */
	bool is_restoring; /* what ports forget is no news */
	bool has_news; /* some state[] is another one, or a second was counted */
	bool has_dirty; /* some is_dirty[] */
	uint64_t due_ns;
	struct stp_store *store; /* NULL: nothing outlives us */
	bool is_on[NETWORK_ID_MAX];
	bool is_dirty[NETWORK_ID_MAX]; /* to be written to the store */
	struct stp_bridge bridge[NETWORK_ID_MAX];
	struct stp_port port[VIF_ID_MAX]; /* .bridge == NULL: there is none */
	bool is_protected[NETWORK_ID_MAX]; /* some vif of it */
	struct loop loop;
	uint32_t n_frames, first_frame;
	struct stp_frame frame[STP_RUN_FRAMES];
	uint32_t n_events, first_event;
	struct stp_event event[STP_RUN_EVENTS];
};

static inline uint16_t stp_run_network(const struct stp_run *r, const struct stp_bridge *b)
{
	return (uint16_t)(b - r->bridge);
}
