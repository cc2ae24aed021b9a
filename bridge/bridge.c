/* SPDX-License-Identifier: Apache-2.0 */
/* bridge.c - chooses the vifs a frame is sent to: one that is known, or those that want to hear it.
 *
 * From: bridge/fdb.c, which has set .dst_vif.  To: bridge/egress.c, which may still refuse a copy.
 * Theory: the rules of Linux' br_handle_frame and br_flood with STP off:
 *   01:80:C2:00:00:00          forwarded like any multicast (STP is off), but to no uplink;
 *   01:80:C2:00:00:01          never (bridge/guard.c has dropped it);
 *   01:80:C2:00:00:02 to :0F   to the host leg only, unless a group_fwd_mask has the bit, that of
 *                              the network or that of the port it came in by; from the
 *                              host leg itself like any multicast;
 *   known unicast              to that vif;
 *   some groups                to those that want it (.mcast_set, from bridge/mdb.c);
 *   else                       to every port that wants its class (flood, mcast_flood,
 *                              bcast_flood); frames of the host leg ask only for `flood`.
 * Flooding makes items, not clones: the bytes are shared.  What all floods of a turn may cost is
 * bounded and shared among them, as a worker that copies for one vif hears none of the others; what
 * is left of a flood is done in later turns (vswitch/backlog.c).
 * The router port of a network is one of those who hear a group frame, without an item for it.
 * Invariants: a live packet has at least one item afterwards, or is dropped, or a router port had it.
 * Thread: worker; no state. */
#include "bridge/bridge.h"

#include "bridge/bridge_local.h"

#include <string.h>

static void emit(struct tx_items *out, uint16_t pkt, uint16_t out_vif)
{
	out->item[out->n++] = (struct tx_item){ .pkt = pkt, .out_vif = out_vif };
}

/* Flag a port must have to get a copy of @p when it is flooded. */
static uint32_t flood_class(const struct snap_port *in, const struct pkt *p)
{
	if ((p->flags & PKT_IS_MCAST) == 0)
		return SNAP_PORT_FLOOD;
	if (in->flags & SNAP_PORT_LEG)
		return 0; /* Linux: what the host sends ignores mcast_flood and bcast_flood */
	return p->flags & PKT_IS_BCAST ? SNAP_PORT_BCAST_FLOOD : SNAP_PORT_MCAST_FLOOD;
}

/* The leg has the addresses of the router port: it must not hear itself. */
static bool is_twin(const struct pkt *p, const struct snap_port *out)
{
	return p->in_vif == VIF_ID_NONE && (out->flags & SNAP_PORT_LEG) != 0;
}

/* Ports with one of these flags are spared @p: nobody there has to answer it (bridge/proxy.c); it is
 * for the bridge next to a guest or the host, and must not be heard outside. */
static uint32_t spared(const struct snap_port *in, const struct pkt *p)
{
	uint32_t flags = 0;

	if (UNLIKELY(p->is_answered))
		flags |= SNAP_PORT_NEIGH_SUPPRESS;
	if ((p->flags & PKT_IS_MCAST) != 0 && (in->flags & (SNAP_PORT_UPLINK | SNAP_PORT_LEG)) == 0
		&& bridge_local_nibble(pkt_bytes(p)) >= 0)
		flags |= SNAP_PORT_UPLINK;
	return flags;
}

/* Make items for @p from where it stopped, until it has cost @share; at least one copy is made. */
static void flood(const struct snapshot *cfg, struct pkt *p, uint16_t index, uint32_t share,
	struct tx_items *out)
{
	const struct snapshot_network *net = &cfg->network[p->network_id];
	uint32_t want = flood_class(&cfg->port[p->in_vif], p) | SNAP_PORT_UP;
	uint32_t spare = spared(&cfg->port[p->in_vif], p);
	uint32_t cost = p->len + BRIDGE_COPY_COST, spent = 0;

	for (uint16_t i = 0; i < net->n_ports; i++) {
		uint16_t id = net->ports[i];

		if (id < p->flood_next || (cfg->port[id].flags & want) != want
			|| is_twin(p, &cfg->port[id]) || (cfg->port[id].flags & spare) != 0)
			continue;
		if (UNLIKELY(spent > 0 && spent + cost > share)) {
			p->flood_next = id;
			return;
		}
		emit(out, index, id);
		spent += cost;
	}
	if (p->flood_next != FLOOD_NOT_BEGUN)
		p->flood_next = FLOOD_ENDED;
}

/* The same for a frame that only some want to hear (bridge/mdb.c), whatever they want flooded.  The
 * one it came from is passed over here, so that a group without others is told from a lost copy. */
static void select_ports(const struct snapshot *cfg, struct pkt *p, uint16_t index, uint32_t share,
	const struct port_set *set, struct tx_items *out)
{
	uint32_t spare = spared(&cfg->port[p->in_vif], p);
	uint32_t cost = p->len + BRIDGE_COPY_COST, spent = 0;

	for (unsigned w = p->flood_next / 64u; w < ARRAY_LEN(set->word); w++) {
		for (uint64_t bits = set->word[w]; bits != 0; bits &= bits - 1) {
			uint16_t id = (uint16_t)(w * 64 + (unsigned)__builtin_ctzll(bits));
			const struct snap_port *port = &cfg->port[id];

			if (id < p->flood_next || (port->flags & SNAP_PORT_UP) == 0
				|| (id == p->in_vif && (port->flags & SNAP_PORT_HAIRPIN) == 0)
				|| (port->flags & spare) != 0)
				continue;
			if (UNLIKELY(spent > 0 && spent + cost > share)) {
				p->flood_next = id;
				return;
			}
			emit(out, index, id);
			spent += cost;
		}
	}
	if (p->flood_next != FLOOD_NOT_BEGUN)
		p->flood_next = FLOOD_ENDED;
}

static void forward_one(const struct snapshot *cfg, const struct burst *b, struct pkt *p,
	uint32_t share, struct tx_items *out)
{
	uint16_t index = (uint16_t)(p - b->pkt);
	const struct snap_network *net = &cfg->network[p->network_id].conf;
	uint32_t before = out->n;

	if (LIKELY(p->dst_vif != VIF_ID_NONE)) {
		emit(out, index, p->dst_vif);
		return;
	}
	if ((p->flags & PKT_IS_MCAST) != 0 && bridge_is_local_group(cfg, p)) {
		if (net->leg_vif_id != VIF_ID_NONE)
			emit(out, index, net->leg_vif_id);
		else
			pkt_drop(p, DROP_LINK_LOCAL);
		return;
	}
	if (p->mcast_set != 0)
		select_ports(cfg, p, index, share, &b->mcast_sets[p->mcast_set - 1], out);
	else
		flood(cfg, p, index, share, out);
	if (out->n == before && (p->flags & PKT_WAS_HEARD) == 0 && p->flood_next == FLOOD_NOT_BEGUN)
		pkt_drop(p, p->mcast_set != 0 ? DROP_MCAST_NO_MEMBER : DROP_NO_TX_TARGET);
}

/* Is the IP packet @p, sent to the router port's MAC, for the host itself?  The leg shares the MAC. */
static bool is_for_host(const struct snapshot *cfg, const struct pkt *p)
{
	const uint8_t *ip = pkt_bytes(p) + p->l3_off;
	uint8_t dst[16] = { [10] = 0xff, [11] = 0xff };

	if (p->flags & PKT_IS_IP6) {
		memcpy(dst, ip + 24, 16);
		if (dst[0] == 0xfe && (dst[1] & 0xc0) == 0x80) /* link-local: never routed */
			return true;
	} else {
		memcpy(dst + 12, ip + 16, 4);
	}
	return snapshot_is_own(cfg, p->network_id, dst) || snapshot_is_host(cfg, dst);
}

/* ICMPv6 neighbour solicitation or advertisement. */
static bool is_nd(const struct pkt *p)
{
	const uint16_t want = PKT_IS_IP6 | PKT_HAS_L4;

	return (p->flags & want) == want && p->ip_proto == 58
		&& (pkt_bytes(p)[p->l4_off] == 135 || pkt_bytes(p)[p->l4_off] == 136);
}

static void split_one(const struct snapshot *cfg, struct pkt *p)
{
	const uint8_t *mac = cfg->router[p->network_id].conf.mac;
	bool has_leg = cfg->network[p->network_id].conf.leg_vif_id != VIF_ID_NONE;

	/* A router port is on the untagged part of its network only. */
	if (p->n_vlan == 0 && ((p->flags & PKT_IS_ARP) != 0 || is_nd(p)))
		p->flags |= PKT_ROUTER_SEES;
	if ((p->flags & PKT_IS_MCAST) != 0) {
		if (p->n_vlan == 0)
			p->flags |= PKT_WAS_HEARD;
		return;
	}
	if (memcmp(pkt_bytes(p), mac, 6) != 0)
		return;
	if (p->n_vlan == 0 && (p->flags & PKT_MALFORMED) != 0) {
		pkt_drop(p, DROP_IP_MALFORMED);
	} else if (p->n_vlan == 0 && (p->flags & (PKT_IS_IP4 | PKT_IS_IP6)) != 0) {
		if (!has_leg || !is_for_host(cfg, p))
			p->flags |= PKT_TO_ROUTER;
	} else if (!has_leg) {
		if (p->flags & PKT_ROUTER_SEES)
			p->flags |= PKT_ENDS_HERE;
		else
			pkt_drop(p, DROP_UNHANDLED_PROTO);
	}
}

unsigned bridge_split(const struct snapshot *cfg, struct burst *b)
{
	unsigned n = 0;

	if (LIKELY(cfg->n_routers == 0))
		return 0;
	burst_foreach(p, b) {
		if (p->drop != DROP_NONE
			|| cfg->router[p->network_id].conf.network_id == NETWORK_ID_NONE)
			continue;
		split_one(cfg, p);
		n += (p->flags & (PKT_TO_ROUTER | PKT_ROUTER_SEES)) != 0;
	}
	return n;
}

/* Is there something left to do with @p?  The router holds some, and others end there. */
static bool is_alive(const struct pkt *p)
{
	return p->drop == DROP_NONE && p->m != NULL && (p->flags & PKT_ENDS_HERE) == 0;
}

uint32_t bridge_share(const struct burst *b)
{
	uint32_t n = 0;

	burst_foreach(p, b)
		n += p->dst_vif == VIF_ID_NONE && is_alive(p);
	return BRIDGE_FLOOD_BUDGET / MAX(n, 1u);
}

bool bridge_forward(const struct snapshot *cfg, struct burst *b, uint32_t share, uint16_t *at,
	struct tx_items *out)
{
	static_assert(TX_ITEMS_MAX >= VIF_ID_MAX, "one flooded packet always fits");

	for (; *at < b->n; (*at)++) {
		struct pkt *p = &b->pkt[*at];

		if (!is_alive(p))
			continue;
		if (out->n + cfg->network[p->network_id].n_ports > TX_ITEMS_MAX)
			return false;
		forward_one(cfg, b, p, share, out);
	}
	return true;
}
