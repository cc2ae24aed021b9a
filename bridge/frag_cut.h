/* SPDX-License-Identifier: Apache-2.0 */
/* frag_cut.h - take an IPv4 packet apart that is too large for the way out. */
#pragma once

#include "vif/burst.h"

#define FRAG_CUT_MAX 48 /* pieces of one packet */

/* Fill @out with @p's pieces of at most @mtu bytes of IP; @p, which is not GSO, stays as it is.
 * How many, 0: no buffers, or more than FRAG_CUT_MAX. */
unsigned frag_cut(const struct pkt *p, uint16_t mtu, struct rte_mempool *pool, struct pkt *out);
