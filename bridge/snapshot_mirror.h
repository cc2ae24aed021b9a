/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_mirror.h - who gets copies, the part of a snapshot that bridge/mirror.c reads. */
#pragma once

#include "bridge/snapshot.h"

/* Check and index the @n records at @at; networks, ports and their VLANs are in @s already. */
[[nodiscard]] int snapshot_take_mirrors(
	struct snapshot *s, const uint8_t *at, uint32_t n, struct err *e);
