/* SPDX-License-Identifier: Apache-2.0 */
/* router_route.c - where a packet goes, and whether it may.
 *
 * From: bridge/router.c.  To: bridge/fib.c; struct walk's .out and .hop.
 * Theory: each network has a table of its own.  A packet of a known connection takes the way its
 * answer came by.  libvirt's rules (nftables backend), for out network H and in network G:
 *   within one network        accept
 *   H nat                     only what belongs to a connection (IPv6 without NAT6: as routed)
 *   H routed                  destination in H's subnets
 *   G nat, routed             source in G's subnets
 *   else                      reject: ICMP port unreachable
 * Thread: worker; no state. */
#include "bridge/router_check.h"
#include "bridge/router_walk.h"

#include <string.h>

/* Is @w for another guests' network to which its own has no route of its own?  The default route
 * must not lead there by way of the uplink. */
static bool is_other_guests(
	const struct snapshot *cfg, const struct walk *w, const struct snap_route *route)
{
	if (cfg->router[w->in].conf.policy == SNAP_POLICY_UPLINK
		|| !snapshot_is_others_guest(cfg, w->in, w->dst))
		return false;
	return route == NULL || route->out_network == NETWORK_ID_NONE
		|| cfg->router[route->out_network].conf.policy == SNAP_POLICY_UPLINK;
}

bool router_route_find(struct router *r, const struct router_io *io, struct walk *w)
{
	const struct snapshot *cfg = io->cfg;
	uint16_t want = w->out; /* where the connection leads */
	uint16_t found = fib_find(&cfg->router[w->in].fib, w->dst);
	const struct snap_route *route = found != FIB_NONE ? &cfg->route[found] : NULL;

	if (want != NETWORK_ID_NONE && (route == NULL || route->out_network != want)) {
		found = fib_find(&cfg->router[want].fib, w->dst);
		route = found != FIB_NONE ? &cfg->route[found] : NULL;
		if (route != NULL && route->out_network != want)
			route = NULL;
	}
	/* Linux, too, looks at the TTL before its rules. */
	w->is_reject = (want == NETWORK_ID_NONE && is_other_guests(cfg, w, route))
		|| (route != NULL && route->kind == SNAP_ROUTE_REJECT);
	if (w->is_reject)
		return true;
	if (route == NULL || route->kind == SNAP_ROUTE_UNREACHABLE) {
		router_say_refuse(r, io, w, DROP_IP_NOROUTE, ICMP_WHY_NET, 0);
		return false;
	}
	if (route->kind == SNAP_ROUTE_BLACKHOLE) {
		pkt_drop(w->p, DROP_IP_NOROUTE);
		return false;
	}
	if (route->kind == SNAP_ROUTE_CONNECTED && router_check_is_broadcast(route->len, w->dst)) {
		pkt_drop(w->p, DROP_IP_INVALID_DEST);
		return false;
	}
	w->out = route->out_network;
	memcpy(w->hop, route->kind == SNAP_ROUTE_VIA ? route->next_hop : w->dst, 16);
	return true;
}

/* Bytes of IP of the largest packet that @p becomes on a wire. */
static uint32_t ip_len(const struct pkt *p)
{
	const uint8_t *ip = pkt_bytes(p) + p->l3_off;

	if (p->gso_type != PKT_GSO_NONE)
		return (uint32_t)p->hdr_len + p->gso_size - p->l3_off;
	if (p->flags & PKT_IS_IP6)
		return 40u + (uint32_t)(ip[4] << 8 | ip[5]);
	return (uint32_t)(ip[2] << 8 | ip[3]);
}

bool router_route_mtu_fits(struct router *r, const struct router_io *io, struct walk *w)
{
	const uint8_t *ip = pkt_bytes(w->p) + w->p->l3_off;
	uint16_t mtu = io->cfg->router[w->out].conf.mtu;

	if (LIKELY(ip_len(w->p) <= mtu))
		return true;
	if ((w->p->flags & PKT_IS_IP4) != 0 && (ip[6] & 0x40) == 0) {
		w->must_cut = w->p->gso_type == PKT_GSO_NONE;
		if (!w->must_cut)
			pkt_drop(w->p, DROP_NEEDS_FRAGMENT);
		return w->must_cut;
	}
	router_say_refuse(r, io, w, DROP_ROUTE_MTU, ICMP_WHY_MTU, mtu);
	return false;
}

bool router_route_is_others_source(const struct snapshot *cfg, const struct walk *w)
{
	return cfg->router[w->in].conf.policy == SNAP_POLICY_OPEN
		&& snapshot_is_others_guest(cfg, w->in, w->src);
}

bool router_route_allows(const struct snapshot *cfg, const struct walk *w)
{
	uint8_t from = cfg->router[w->in].conf.policy, to = cfg->router[w->out].conf.policy;

	if (w->is_reject)
		return false;
	if (w->in == w->out)
		return from != SNAP_POLICY_UPLINK;
	if (w->is_new && (w->new.flags &CT_DNAT) != 0)
		return from == SNAP_POLICY_UPLINK || snapshot_in_net(cfg, w->in, w->src);
	if (from == SNAP_POLICY_UPLINK && to == SNAP_POLICY_UPLINK)
		return false;
	if (to == SNAP_POLICY_NAT && router_ct_is_nat(cfg, w, w->out))
		return false;
	if ((to == SNAP_POLICY_NAT || to == SNAP_POLICY_ROUTED)
		&& !snapshot_in_net(cfg, w->out, w->dst))
		return false;
	if ((from == SNAP_POLICY_NAT || from == SNAP_POLICY_ROUTED)
		&& !snapshot_in_net(cfg, w->in, w->src))
		return false;
	return true;
}
