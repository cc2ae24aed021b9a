/* SPDX-License-Identifier: Apache-2.0 */
/* uplink_choice.h - which of a network's uplinks (vifs with role uplink) is in use. */
#pragma once

#include "config/actual.h"
#include "config/model.h"

/* The one in use stays as long as it can be; then comes the first that can. */
void uplink_choose(const struct model *m, struct actual *actual);
/* Is @vif_id an uplink, and another one of its network in use? */
bool uplink_stands_by(const struct model *m, const struct actual *actual, uint16_t vif_id);
