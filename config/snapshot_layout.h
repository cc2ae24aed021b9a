/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_layout.h - the message that the engine gets while it grows; for config/snapshot_*.c.
 * Thread: the daemon's only one. */
#pragma once

#include "config/actual.h"
#include "config/model.h"

#include <stddef.h>

/* The message while it grows.  model_check() has refused what would not fit. */
struct layout {
	uint8_t *bytes;
	size_t len, size;
	size_t first_port; /* where the ports begin */
	uint32_t n_ports;
	uint32_t *n_routes; /* where add_route() counts */
};

void snapshot_layout_append(
	struct layout *l, const void *record, size_t len, uint32_t *count, uint32_t max);
/* The port by which the network leads out, when it is there; else NULL. */
const struct vif_slot *snapshot_layout_uplink(
	const struct model *m, const struct network_cfg *n, const struct actual *actual);
