/* SPDX-License-Identifier: Apache-2.0 */
/* guard.c - the first decision about a packet: may its vif say this at all?
 *
 * From: vif/pkt_parse.c.  To: bridge/fdb.c, which learns only from what passed here.
 * Theory: the rules that a Linux bridge applies before it learns (br_handle_frame), in its order,
 * and admission to a VLAN (bridge/vlan.c).
 * Vifs with a guard are asked for more (bridge/guard_source.c): MAC, addresses, ARP, ND, servers.
 * Invariants: behind this stage a live packet has a network_id that exists in the snapshot, its
 * in_vif is a port of it, and its source is a unicast address that is not zero.
 * Thread: worker; no state. */
#include "bridge/guard.h"

#include "bridge/guard_source.h"
#include "bridge/stp_run.h"
#include "bridge/vlan.h"

#include <string.h>

/* IEEE 802.1Q-2018 table 8-1: the group addresses that bridges do not relay. */
static bool is_mac_control(const uint8_t *dst)
{
	static const uint8_t pause[6] = { 0x01, 0x80, 0xc2, 0x00, 0x00, 0x01 };

	return memcmp(dst, pause, sizeof(pause)) == 0;
}

static bool is_bad_source(const uint8_t *src)
{
	return (src[0] & 1) != 0 || (src[0] | src[1] | src[2] | src[3] | src[4] | src[5]) == 0;
}

static enum drop_reason guard_check(const struct snap_port *port, const struct pkt *p)
{
	const uint8_t *eth = pkt_bytes(p);

	if (port == NULL || port->network_id == NETWORK_ID_NONE)
		return DROP_NO_NETWORK;
	if ((port->flags & (SNAP_PORT_UP | SNAP_PORT_HEARS)) == 0)
		return port->flags & SNAP_PORT_STANDBY ? DROP_UPLINK_STANDBY : DROP_LINK_DOWN;
	if (is_bad_source(eth + 6))
		return DROP_MAC_INVALID_SOURCE;
	if ((p->flags & PKT_IS_MCAST) != 0 && is_mac_control(eth))
		return DROP_MAC_IEEE_MAC_CONTROL;
	return DROP_NONE;
}

/* What a guarded guest must not say disables it, where that was asked for. */
static bool is_for_bpdu_guard(
	const struct snapshot *cfg, const struct snap_port *port, const struct pkt *p)
{
	return (port->flags & SNAPSHOT_PORT_WATCHED) != 0 && stp_run_is_bpdu(p)
		&& (cfg->stp->port[port->vif_id].flags & SNAP_STP_BPDU_GUARD) != 0;
}

void guard_ingress(const struct snapshot *cfg, struct burst *b)
{
	burst_foreach(p, b) {
		const struct snap_port *port = snapshot_port(cfg, p->in_vif);
		enum drop_reason why;

		if (p->drop != DROP_NONE)
			continue;
		why = guard_check(port, p);
		if (why == DROP_NONE && UNLIKELY(port->guard != 0)
			&& !is_for_bpdu_guard(cfg, port, p))
			why = guard_source(cfg, port, p);
		p->drop = (uint8_t)why;
		if (why != DROP_NONE)
			continue;
		p->network_id = port->network_id;
		if (UNLIKELY((port->flags & SNAPSHOT_PORT_VLANS) != 0)
			&& !((port->flags & SNAPSHOT_PORT_TAKES_BPDUS) != 0 && stp_run_is_bpdu(p)))
			p->drop = (uint8_t)vlan_admit(cfg, port, p);
	}
}
