/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_stp.h - the part of a snapshot that is about spanning trees. */
#pragma once

#include "bridge/snapshot.h"

/* Routers begin @at, the records stand behind the forwards; networks and ports have been taken.  0 or
 * -errno with @e. */
[[nodiscard]] int snapshot_take_stp(
	struct snapshot *s, const uint8_t *at, const struct snap_hdr *hdr, struct err *e);
