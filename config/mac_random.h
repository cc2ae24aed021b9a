/* SPDX-License-Identifier: Apache-2.0 */
/* mac_random.h - MAC addresses for guests and host legs that were given none. */
#pragma once

#include "config/model.h"

/* 52:54:00:xx:xx:xx as libvirt gives (locally administered, unicast), not yet used in @m. */
void mac_random(const struct model *m, struct mac *out);
