/* SPDX-License-Identifier: Apache-2.0 */
/* settle.h - what an object gets that nobody said: ids beside its own, MAC addresses, and quotas of
 * its profile.
 *
 * Called between parsing an object and adding it to the model, by single verbs and by apply. */
#pragma once

#include "config/model.h"

#include <jansson.h>

/* A network has a leg (id and MAC) exactly when it has a subnet, and what settle_uplink() gives;
 * @n has its id and is not in @m, or in it with the same ids.  @m: where ids and MACs must be
 * unique, and whose last ids grow.  0, or -ENOSPC with @e. */
[[nodiscard]] int settle_network(struct model *m, struct network_cfg *n, struct err *e);
/* An uplink has a segment, a MAC and, unless it is a vif of the model, a vif id.  0, or -ENOSPC. */
[[nodiscard]] int settle_uplink(struct model *m, struct network_cfg *n, struct err *e);
/* @n takes the place of @old: the same ids, and the same MACs where it was given none. */
void settle_keep_network(struct network_cfg *n, const struct network_cfg *old);
/* @params: what was said about the vif.  @m holds its network. */
void settle_vif(const struct model *m, const json_t *params, bool is_new, struct vif_cfg *v);
