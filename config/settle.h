/* SPDX-License-Identifier: Apache-2.0 */
/* settle.h - what an object gets that nobody said: MAC addresses, and quotas of its profile.
 *
 * Called between parsing an object and adding it to the model, by single verbs and by apply. */
#pragma once

#include "config/model.h"

#include <jansson.h>

/* A network with a subnet has a leg MAC, one without has none.  @m: where it must be unique. */
void settle_network(const struct model *m, struct network_cfg *n);
/* @params: what was said about the vif.  @m holds its network. */
void settle_vif(const struct model *m, const json_t *params, bool is_new, struct vif_cfg *v);
