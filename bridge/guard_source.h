/* SPDX-License-Identifier: Apache-2.0 */
/* guard_source.h - may a guest say that it is who it says it is? */
#pragma once

#include "bridge/snapshot.h"
#include "vif/pkt.h"

/* Look at @p, parsed and from @port, whose .guard is not 0; DROP_NONE: it may pass. */
enum drop_reason guard_source(
	const struct snapshot *cfg, const struct snap_port *port, const struct pkt *p);
