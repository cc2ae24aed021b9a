/* SPDX-License-Identifier: Apache-2.0 */
/* egress.c - the last decision about each copy of a packet, made per (packet, out vif).
 *
 * From: bridge/bridge.c.  To: vif tx; lost copies are counted by vswitch/pipeline.c.
 * Theory: what Linux' should_deliver and is_skb_forwardable say: not back to the port it came
 * from (unless hairpin), not to a port outside its VLAN or one that does not forward, not from
 * isolated to isolated, not larger than MTU + Ethernet header + one tag.  A tag in the frame is not
 * counted, as Linux keeps the outer one beside the frame.
 * Deviation: Linux lets every GSO frame pass; we look at the size of its segments, because what
 * comes out of them would be lost anyway, without being counted.
 * Invariants: a packet whose copies are all gone has a drop reason, unless one of them is in @lost
 * (then it is counted there, on the vif it should have left by) or a router port had it.
 * Thread: worker; no state. */
#include "bridge/egress.h"

#include "bridge/stp_run.h"
#include "bridge/vlan.h"

#include <string.h>

#define VLAN_TAG_LEN 4

enum verdict {
	VERDICT_SEND,
	VERDICT_BACK,
	VERDICT_ISOLATED,
	VERDICT_DOWN,
	VERDICT_MTU
};

/* Bytes of the largest frame that @p becomes on a wire, the outer tag not counted. */
static uint32_t wire_len(const struct pkt *p)
{
	uint32_t len = p->gso_type == PKT_GSO_NONE ? p->len : (uint32_t)p->hdr_len + p->gso_size;

	bool is_beside = p->vlan != 0 ? p->vlan_form != VLAN_FORM_UNTAGGED : p->n_vlan > 0;

	return is_beside ? len - VLAN_TAG_LEN : len;
}

bool egress_is_too_large(const struct snapshot *cfg, const struct pkt *p, uint16_t out_vif)
{
	return wire_len(p) > egress_wire_max(&cfg->port[out_vif]);
}

static enum verdict egress_check(
	const struct snapshot *cfg, const struct pkt *p, uint16_t out_vif, const uint8_t *states)
{
	const struct snap_port *in = &cfg->port[p->in_vif];
	const struct snap_port *out = &cfg->port[out_vif];

	if (out_vif == p->in_vif && (out->flags & SNAP_PORT_HAIRPIN) == 0)
		return VERDICT_BACK;
	if (UNLIKELY(p->vlan != 0) && !vlan_allows(cfg, out_vif, p))
		return VERDICT_BACK; /* nobody there to lose it */
	if (UNLIKELY((out->flags & SNAPSHOT_PORT_WATCHED) != 0)
		&& __atomic_load_n(&states[out_vif], __ATOMIC_RELAXED) != STP_STATE_FORWARDING)
		return VERDICT_BACK;
	if ((in->flags & out->flags & SNAP_PORT_ISOLATED) != 0)
		return VERDICT_ISOLATED;
	if ((out->flags & SNAP_PORT_UP) == 0)
		return VERDICT_DOWN;
	if (egress_is_too_large(cfg, p, out_vif))
		return VERDICT_MTU;
	return VERDICT_SEND;
}

static void lose(struct tx_items *lost, struct tx_item item, enum drop_reason reason)
{
	item.drop = (uint8_t)reason;
	lost->item[lost->n++] = item;
}

/* What became of the copies of one packet. */
struct fate {
	bool has_copy; /* sent or lost */
	bool is_isolated; /* at least one was refused for isolation */
};

void egress_run(const struct snapshot *cfg, struct burst *b, const uint8_t *states,
	struct tx_items *out, struct tx_items *lost)
{
	struct fate fate[BURST_MAX]
		__attribute__((uninitialized)); /* what of it is used is cleared */
	uint32_t n = out->n, kept = 0;

	memset(fate, 0, sizeof(fate[0]) * b->n);
	for (uint32_t i = 0; i < n; i++) {
		struct tx_item item = out->item[i];
		enum verdict v = egress_check(cfg, &b->pkt[item.pkt], item.out_vif, states);

		if (LIKELY(v == VERDICT_SEND))
			out->item[kept++] = item;
		else if (v == VERDICT_DOWN)
			lose(lost, item, DROP_TX_LINK_DOWN);
		else if (v == VERDICT_MTU)
			lose(lost, item, DROP_MTU_EXCEEDED);
		fate[item.pkt].has_copy |= v != VERDICT_BACK && v != VERDICT_ISOLATED;
		fate[item.pkt].is_isolated |= v == VERDICT_ISOLATED;
		/* Copies of a packet are next to each other: at the last one its fate is known. */
		if ((i + 1 == n || out->item[i + 1].pkt != item.pkt) && !fate[item.pkt].has_copy
			&& (b->pkt[item.pkt].flags & PKT_WAS_HEARD) == 0
			&& b->pkt[item.pkt].flood_next == FLOOD_NOT_BEGUN)
			pkt_drop(&b->pkt[item.pkt],
				fate[item.pkt].is_isolated ? DROP_ISOLATED : DROP_NO_TX_TARGET);
	}
	out->n = kept;
}
