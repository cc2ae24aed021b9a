/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_mirror.h - mirrors in the form of vswitch/abi/snapshot_msg.h; for config/snapshot_build.c. */
#pragma once

#include "config/snapshot_layout.h"

/* Copies of what is there, for vifs that are there: behind the ports, which @l has.  How many. */
uint16_t snapshot_mirrors_add(struct layout *l, const struct model *m);
