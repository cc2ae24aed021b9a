/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_build.h - the model and what exists of it, as the flat message for the engine. */
#pragma once

#include "config/actual.h"
#include "vswitch/abi/snapshot_msg.h"

#define IP6_MTU_MIN 1280 /* RFC 8200 §5 */
#define PORT_MTU_MIN 68 /* RFC 791 */

/* *out is malloc'ed, *len its length.  0 or -ENOMEM. */
[[nodiscard]] int snapshot_build(const struct model *m, const struct vif_wants *wants,
	const struct actual *actual, uint64_t generation, void **out, size_t *len);
/* Do two snapshots say the same, generations apart? */
bool snapshot_is_same(const void *a, size_t a_len, const void *b, size_t b_len);
