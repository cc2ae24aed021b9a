/* SPDX-License-Identifier: Apache-2.0 */
/* stp_run.h - the spanning trees of all networks: which vif may learn and forward.
 *
 * What it is: a bridge of bridge/stp.h for each network that has one, a port of it for each vif, and
 * for every vif a state that the pipeline asks for.  Vifs whose state can be anything but forwarding
 * have SNAPSHOT_PORT_WATCHED; nobody looks at the others.
 * Life:
 *   1. stp_run_create(); stp_run_attach() to the segment of a dead engine, before the first sync;
 *   2. stp_run_sync() whenever the snapshot has changed: links, settings, vifs that come and go;
 *   3. for each burst, while stp_run_is_on(): stp_run_ingress() before learning, stp_run_learned()
 *      behind it; stp_run_loops() when learning has found displaced sources;
 *   4. stp_run_tick() when stp_run_due_ns() has come; stp_run_take() gives the frames to send;
 *   5. stp_run_destroy(): what the machines know stays in the segment.
 * Threads: one worker; the others may read states (stp_run_states()). */
#pragma once

#include "bridge/fdb.h"
#include "bridge/stp.h"

struct stp_run;

/* To the bridge group address, IEEE 802.1D-2004 table 7-10?  VLANs do not matter to those. */
static inline bool stp_run_is_bpdu(const struct pkt *p)
{
	static const uint8_t group[6] = { 0x01, 0x80, 0xc2, 0x00, 0x00, 0x00 };

	return (p->flags & PKT_IS_MCAST) != 0
		&& __builtin_memcmp(pkt_bytes(p), group, sizeof(group)) == 0;
}

enum stp_state {
	STP_STATE_FORWARDING, /* also of vifs in networks without spanning tree */
	STP_STATE_LEARNING,
	STP_STATE_BLOCKED, /* discarding */
	STP_STATE_GUARDED, /* BPDU guard has struck */
	STP_STATE_LOOPED, /* loop protection has, for a while */
	STP_STATE_N
};

enum stp_event_kind {
	STP_EVENT_ROLE = 1, /* role or state of a port */
	STP_EVENT_GUARD, /* BPDU guard has disabled a vif */
	STP_EVENT_LOOP, /* loop protection has blocked a vif */
	STP_EVENT_LOOP_OVER, /* and let it go */
};
/* For the log. */
struct stp_event {
	uint16_t vif_id, network_id;
	uint8_t kind; /* enum stp_event_kind */
	uint8_t was, role; /* enum stp_role */
	uint8_t state; /* enum stp_state */
};

struct stp_run *stp_run_create(void);
void stp_run_destroy(struct stp_run *r);
/* Keep everything in @segment from now on, and go on with what is there. */
[[nodiscard]] int stp_run_attach(struct stp_run *r, void *segment, size_t size);
size_t stp_run_segment_size(void);

/* @fdb may be NULL. */
void stp_run_sync(struct stp_run *r, const struct snapshot *cfg, struct fdb *fdb, uint64_t now_ns);
bool stp_run_is_on(const struct stp_run *r);
/* BPDUs that come in by vifs that do not learn; what else comes from there is dropped. */
void stp_run_ingress(struct stp_run *r, struct burst *b, uint64_t now_ns);
/* The other BPDUs; what comes from vifs that only learn is dropped. */
void stp_run_learned(struct stp_run *r, struct burst *b, uint64_t now_ns);
/* May stp_run_forwards_until_ns() of some vif be another one than when this was asked last? */
bool stp_run_take_news(struct stp_run *r);
/* Until when the vif forwards, should nothing more be heard of us: its neighbours count on what they
 * know for three hellos.  0: it does not; UINT64_MAX: nobody counts on us. */
uint64_t stp_run_forwards_until_ns(const struct stp_run *r, uint16_t vif_id);
/* Packets that fdb_learn() has marked: a vif that brings back too much is blocked from here on. */
void stp_run_loops(struct stp_run *r, struct burst *b, uint64_t now_ns);
/* enum stp_state by vif id. */
const uint8_t *stp_run_states(const struct stp_run *r);

void stp_run_tick(struct stp_run *r, uint64_t now_ns);
/* 0: never. */
uint64_t stp_run_due_ns(const struct stp_run *r);
/* Fill @b, which is empty, with frames to send and @out with where to. */
void stp_run_take(
	struct stp_run *r, struct rte_mempool *pool, struct burst *b, struct tx_items *out);
/* The next thing that happened; false: nothing did. */
bool stp_run_take_event(struct stp_run *r, struct stp_event *out);
bool stp_run_has_event(const struct stp_run *r);

/* Copy up to @max entries of a network (0: all), bridges before ports. */
uint32_t stp_run_dump(const struct stp_run *r, uint16_t network_id, uint32_t *cursor,
	struct msg_stp_entry *out, uint32_t max);
