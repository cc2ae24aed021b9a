/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_fdb.h - entries of the forwarding table that administrators want, the part of a snapshot
 * that bridge/fdb_sync.c reads. */
#pragma once

#include "bridge/snapshot.h"

/* Check and index the @n entries at @at; ports and their VLANs are in @s already. */
[[nodiscard]] int snapshot_take_fdb(
	struct snapshot *s, const uint8_t *at, uint32_t n, struct err *e);
