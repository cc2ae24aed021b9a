/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_guard.h - what the engine is told of guards; for config/snapshot_build.c. */
#pragma once

#include "config/actual.h"
#include "config/model.h"
#include "vswitch/abi/snapshot_msg.h"

#define SNAPSHOT_GUARD_MAX (GUARD_ADDRS_MAX + BINDINGS_VIF_MAX) /* bindings of one vif */

/* enum snap_guard_flag. */
uint8_t snapshot_guard_flags(const struct vif_cfg *v, bool is_tenant);
/* The addresses that the guest of @v may use; how many.  What is too many binds nothing. */
unsigned snapshot_guard_bindings(const struct model *m, const struct actual *actual,
	const struct vif_cfg *v, struct snap_binding out[SNAPSHOT_GUARD_MAX]);
