/* SPDX-License-Identifier: Apache-2.0 */
/* guard.h - ingress: may this vif say this? */
#pragma once

#include "bridge/snapshot.h"
#include "vif/burst.h"

/* Set .network_id of every packet from the configuration of its vif; drop what comes from a vif
 * without network or set down, from an impossible source, or was never meant for a switch. */
void guard_ingress(const struct snapshot *cfg, struct burst *b);
