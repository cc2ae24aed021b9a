/* SPDX-License-Identifier: Apache-2.0 */
/* router_local.h - what the router says and hears as a host: ARP, ND, echo.  For bridge/router.c. */
#pragma once

#include "bridge/neigh.h"
#include "bridge/snapshot.h"

/* Hear what the ARP or ND packet @p says.  Returns the frame that answers it, NULL: none wanted, or
 * no buffer; then *@is_ours is set if it was for the router port alone. */
struct rte_mbuf *router_local_hear(struct neigh_table *t, const struct snapshot *cfg,
	const struct pkt *p, struct rte_mempool *pool, uint64_t now_ns, bool *is_ours);

/* The frame that asks for @n: by ARP or a neighbour solicitation, to @n's MAC when it has one. */
struct rte_mbuf *router_local_ask(
	const struct snapshot *cfg, const struct neigh *n, struct rte_mempool *pool);

/* Turn the echo request @p, whose headers are its own, into its reply. */
void router_local_echo(struct pkt *p, const uint8_t mac[6]);
bool router_local_is_echo(const struct pkt *p);
