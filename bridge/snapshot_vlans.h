/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_vlans.h - the VLANs of ports, the part of a snapshot that bridge/vlan.c reads. */
#pragma once

#include "bridge/snapshot.h"

/* Check and index the @n VLANs at @at; networks, ports and routers are in @s already. */
[[nodiscard]] int snapshot_take_vlans(
	struct snapshot *s, const uint8_t *at, uint32_t n, struct err *e);
