/* SPDX-License-Identifier: Apache-2.0 */
/* answer.h - what a bridge says on behalf of a guest: "too large for me", where the network wants that. */
#pragma once

#include "bridge/icmp_error.h"
#include "bridge/snapshot.h"
#include "vif/burst.h"

#define ANSWERS_MAX 32 /* of one turn, those of bridge/proxy.c included */

struct answer_io {
	const struct snapshot *cfg;
	struct icmp_limit *limit;
	struct rte_mempool *pool;
	uint64_t now_ns;
};

/* Put the tags of @p into the answer @m, which has none; false: no room. */
bool answer_tag_like(struct rte_mbuf *m, const struct pkt *p);
/* @m, which then has the layers and tags of @p, as a packet on its way back. */
struct pkt answer_back(struct rte_mbuf *m, const struct pkt *p);

/* Append to @to an ICMP error for each copy in @lost that is too large for its vif; .dst_vif says to
 * whom. */
void answer_mtu(const struct answer_io *io, const struct burst *b, const struct tx_items *lost,
	struct burst *to);
