/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot.h - the immutable configuration that workers read.
 *
 * Life: ctl.c gets a SNAPSHOT message, snapshot_create() validates and indexes it, the worker
 * swaps the pointer between two bursts, the control thread frees the old one afterwards.
 * Stable for a whole burst; nothing in here is written after creation. */
#pragma once

#include "vswitch/abi/snapshot_msg.h"
#include "vswitch/base/err.h"

struct snapshot_network {
	struct snap_network conf;
	uint16_t n_ports;
	const uint16_t *ports; /* vif ids, ascending */
};

struct snapshot {
	uint64_t generation;
	uint16_t n_networks, n_ports;
	/* index: network id, vif id; conf.network_id / vif_id == 0: not there */
	struct snapshot_network network[NETWORK_ID_MAX];
	struct snap_port port[VIF_ID_MAX];
};

/* Validate @bytes (a copy, not the shared memfd) and index it.  NULL with @e (path names the
 * offending item) when anything is out of bounds; nothing is taken in part. */
struct snapshot *snapshot_create(const void *bytes, size_t len, struct err *e);
void snapshot_destroy(struct snapshot *s);

static inline const struct snap_port *snapshot_port(const struct snapshot *s, uint16_t vif_id)
{
	if (vif_id >= VIF_ID_MAX || s->port[vif_id].vif_id == VIF_ID_NONE)
		return NULL;
	return &s->port[vif_id];
}
