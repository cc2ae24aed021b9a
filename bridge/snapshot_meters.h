/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_meters.h - the meters, bindings and stations of a snapshot, for bridge/snapshot.c only. */
#pragma once

#include "bridge/snapshot.h"

/* Check and index the @n records at @at; ports are there already.  0 or -errno with @e. */
[[nodiscard]] int snapshot_take_meters(
	struct snapshot *s, const uint8_t *at, uint32_t n, struct err *e);
[[nodiscard]] int snapshot_take_bindings(
	struct snapshot *s, const uint8_t *at, uint32_t n, struct err *e);
[[nodiscard]] int snapshot_take_stations(
	struct snapshot *s, const uint8_t *at, uint32_t n, struct err *e);
