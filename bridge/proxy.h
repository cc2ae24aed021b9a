/* SPDX-License-Identifier: Apache-2.0 */
/* proxy.h - answers who is asked for by ARP or ND, for stations that the configuration knows. */
#pragma once

#include "bridge/fdb.h"
#include "bridge/snapshot.h"
#include "vif/burst.h"

struct proxy_io {
	const struct snapshot *cfg;
	const struct fdb *fdb; /* NULL: nothing is answered */
	struct rte_mempool *pool;
	uint64_t now_ns;
};

/* Mark what need not be flooded to vifs with SNAP_PORT_NEIGH_SUPPRESS, and append answers to @to;
 * .dst_vif says to whom. */
void proxy_run(const struct proxy_io *io, struct burst *b, struct burst *to);
