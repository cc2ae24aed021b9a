/* SPDX-License-Identifier: Apache-2.0 */
/* qos.h - rates of vifs: what one may send (from) and what may be sent to one (to).
 *
 * What it is: two token buckets (average with its burst, peak) and a short queue for each limited vif
 * and side.  What may not pass yet waits; what the queue has no room for is dropped, as rate_limit or
 * tx_rate_limit.  A queue towards a vif is shared fairly by those who send to it.
 * Life, in each turn: qos_from() behind the parser, qos_to() before tx, for each round of it, then
 * qos_release() for what waited long enough.
 * Limits: QOS_HELD_MAX packets wait in all, QOS_BIG_MAX of them with a big buffer; a queue holds what
 * its rate sends in 25 ms, within 64 KiB and 512 KiB, at most 256 packets, and never more than is
 * still free for all others.
 * Bytes are counted as Linux does (qdisc_pkt_len): the frame with its Ethernet header and tags,
 * without preamble and FCS; of a GSO frame all its segments, each with its headers.
 * Without limited vifs nothing here costs more than a comparison a turn.
 * Threads: one worker, all of it. */
#pragma once

#include "bridge/snapshot.h"
#include "vif/burst.h"

#define QOS_HELD_MAX 1024
#define QOS_BIG_MAX 64

struct qos;

struct qos *qos_create(void);
void qos_destroy(struct qos *q);

/* Take out of @b what its vif may not send yet; append what waited long enough. */
void qos_from(struct qos *q, const struct snapshot *cfg, struct burst *b, uint64_t now_ns);
/* Take out of @out the copies whose vif may not get them yet; those lost go to @lost. */
void qos_to(struct qos *q, const struct snapshot *cfg, const struct burst *b, struct tx_items *out,
	struct tx_items *lost, uint64_t now_ns);
/* Copies that may go now: packets behind those of @b, and an item for each. */
void qos_release(struct qos *q, const struct snapshot *cfg, struct burst *b, struct tx_items *out,
	uint64_t now_ns);

/* Packets that wait. */
uint32_t qos_held(const struct qos *q);
/* Are there some that @vif_id has sent, and no meter has let pass yet? */
bool qos_keeps_from(const struct qos *q, uint16_t vif_id);
/* When one of them may go; 0: none waits. */
uint64_t qos_due_ns(const struct qos *q);
