/* SPDX-License-Identifier: Apache-2.0 */
/* mirror.c - which packets are copied to which vifs that look on; see mirror.h.
 *
 * From: vswitch/pipeline.c, at three places.  To: bridge/qos.c and vif tx, by the pipeline.
 * Theory: a flag of the port says whether anybody asks at all; then all mirrors are looked at in turn,
 * MIRRORS_MAX at most, those of one target next to each other.  One worker makes all copies, the owner of
 * the tables, so that their order and the target's rate are what they are with one worker.
 * Invariants: packets are only read; an item's vif is in no network, so that nothing is copied twice.
 * Thread: worker; no state. */
#include "bridge/mirror.h"

#include "bridge/egress.h"

#include <string.h>

#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_SCTP 132

/* Address at @off of the IP header of @p; @is_v6 says how long it is. */
static struct ipaddr addr_at(const struct pkt *p, unsigned off, bool is_v6)
{
	struct ipaddr a = { { [10] = 0xff, [11] = 0xff } };
	const uint8_t *at = pkt_bytes(p) + p->l3_off + off;

	memcpy(is_v6 ? a.b : a.b + 12, at, is_v6 ? 16 : 4);
	return a;
}

static bool is_in_net(const struct ipnet *net, const struct pkt *p)
{
	bool is_v6 = (p->flags & PKT_IS_IP6) != 0;
	struct ipaddr src = addr_at(p, is_v6 ? 8 : 12, is_v6);
	struct ipaddr dst = addr_at(p, is_v6 ? 24 : 16, is_v6);

	return ipnet_contains(net, &src) || ipnet_contains(net, &dst);
}

static bool has_port(const struct pkt *p, be16 port)
{
	bool has_ports
		= p->ip_proto == PROTO_TCP || p->ip_proto == PROTO_UDP || p->ip_proto == PROTO_SCTP;
	const uint8_t *l4
		= has_ports && (p->flags & PKT_HAS_L4) != 0 ? pkt_hdr(p, p->l4_off, 4) : NULL;

	return l4 != NULL && (memcmp(l4, &port, 2) == 0 || memcmp(l4 + 2, &port, 2) == 0);
}

/* Is @p one of those that @m is about? */
static bool wants(const struct snapshot_mirror *m, const struct pkt *p)
{
	const struct snap_mirror *conf = &m->conf;
	bool is_ip = (p->flags & (PKT_IS_IP4 | PKT_IS_IP6)) != 0;

	if (conf->vid != 0 && (p->vlan & 0xfffu) != conf->vid)
		return false;
	if (conf->ether_type != 0 && p->ether_type != conf->ether_type)
		return false;
	if (!is_ip)
		return conf->has_prefix == 0 && conf->proto == 0 && conf->port == 0;
	return (conf->proto == 0 || p->ip_proto == conf->proto)
		&& (conf->port == 0 || has_port(p, conf->port))
		&& (conf->has_prefix == 0 || is_in_net(&m->net, p));
}

static enum drop_reason target_fault(
	const struct snapshot *cfg, const struct pkt *p, uint16_t target)
{
	if ((cfg->port[target].flags & SNAP_PORT_UP) == 0)
		return DROP_TX_LINK_DOWN;
	return egress_is_too_large(cfg, p, target) ? DROP_MTU_EXCEEDED : DROP_NONE;
}

/* Copies of packet @index of the burst, as @vif_id (VIF_ID_NONE: the router) has to do with it. */
static void copy(const struct mirror_round *r, uint16_t index, uint16_t vif_id, uint8_t direction,
	struct tx_items *out, struct tx_items *lost)
{
	const struct pkt *p = &r->b->pkt[index];
	uint16_t last = VIF_ID_NONE;

	for (uint32_t i = 0; i < r->cfg->n_mirrors; i++) {
		const struct snapshot_mirror *m = &r->cfg->mirror[i];
		struct tx_item item = { .pkt = index, .out_vif = m->conf.target_id };

		if (item.out_vif == last || (m->conf.directions & direction) == 0)
			continue;
		if (m->conf.vif_id != VIF_ID_NONE ? m->conf.vif_id != vif_id
						  : m->conf.network_id != p->network_id)
			continue;
		if (!wants(m, p))
			continue;
		last = item.out_vif;
		item.drop = (uint8_t)target_fault(r->cfg, p, last);
		if (item.drop == DROP_NONE)
			out->item[out->n++] = item;
		else
			lost->item[lost->n++] = item;
	}
}

static void copy_incoming(
	const struct mirror_round *r, uint16_t index, struct tx_items *out, struct tx_items *lost)
{
	const struct pkt *p = &r->b->pkt[index];
	bool is_routed = p->in_vif == VIF_ID_NONE;

	if (p->drop != DROP_NONE || p->m == NULL || (p->flags & PKT_ENDS_HERE) != 0
		|| is_routed != (r->place == MIRROR_ROUTED))
		return;
	if (is_routed || (r->cfg->port[p->in_vif].flags & SNAPSHOT_PORT_MIRROR_RX) != 0)
		copy(r, index, p->in_vif, SNAP_MIRROR_RX, out, lost);
}

static void copy_sent(const struct mirror_round *r, const struct tx_item *item,
	struct tx_items *out, struct tx_items *lost)
{
	if (item->drop == DROP_NONE
		&& (r->cfg->port[item->out_vif].flags & SNAPSHOT_PORT_MIRROR_TX) != 0)
		copy(r, item->pkt, item->out_vif, SNAP_MIRROR_TX, out, lost);
}

void mirror_mark(const struct snapshot *cfg, struct burst *b)
{
	bool has_tx = (cfg->mirror_directions & SNAP_MIRROR_TX) != 0;

	burst_foreach(p, b) {
		if (p->drop != DROP_NONE)
			continue;
		p->must_hop |= (cfg->port[p->in_vif].flags & SNAPSHOT_PORT_MIRROR_RX) != 0;
		p->must_hop |= p->dst_vif != VIF_ID_NONE
			? (cfg->port[p->dst_vif].flags & SNAPSHOT_PORT_MIRROR_TX) != 0
			: has_tx;
	}
}

bool mirror_run(struct mirror_round *r, struct tx_items *out, struct tx_items *lost)
{
	uint32_t n = r->place == MIRROR_OUT ? r->sent->n : r->b->n;

	for (; r->at < n; r->at++) {
		if (out->n + lost->n + MIRRORS_MAX > TX_ITEMS_MAX)
			return false;
		if (r->place == MIRROR_OUT)
			copy_sent(r, &r->sent->item[r->at], out, lost);
		else
			copy_incoming(r, (uint16_t)r->at, out, lost);
	}
	return true;
}
