/* SPDX-License-Identifier: Apache-2.0 */
/* vlan.c - admission to VLANs and tags on the way out, as Linux' br_vlan.c does them.
 *
 * From: bridge/guard.c (admission), vswitch/pipeline.c behind bridge/egress.c (tags).  To: vif tx.
 * Theory: a tag counts when it is of the network's kind; one of the other kind is a byte like
 * others.  Untagged and priority-tagged frames belong to the PVID, and keep their priority; others
 * to the VLAN they name, if the port is in it.  On the way out the tag is there or not as the
 * port's set says.  An access port takes no tag at all, where Linux would take that of its VLAN, so
 * that no frame gets into a VLAN by what its sender wrote; a priority tag passes once.
 * The bytes of a packet are shared by all copies: when all want another form the packet itself is
 * changed, else the copies that do get a form of their own, with headers of its own.
 * Invariants: forms are freed at the end of the round; copies of a packet are next to each other.
 * Thread: worker; no state. */
#include "bridge/vlan.h"

#include "vif/pkt_edit.h"

#include <endian.h>
#include <errno.h>

#define TPID_8021Q 0x8100
#define TPID_8021AD 0x88a8
#define VID_MASK 0xfffu

static be16 tpid_of(const struct snapshot *cfg, uint16_t network_id)
{
	return htobe16(
		cfg->network[network_id].conf.vlan == SNAP_VLAN_8021AD ? TPID_8021AD : TPID_8021Q);
}

/* Has @p, on an access port, no tag but one that only says a priority? */
static bool is_access_clean(const struct pkt *p, be16 tpid)
{
	bool is_ours = p->n_vlan > 0 && p->vlan_tpid == tpid;

	if (p->n_vlan == 0)
		return true;
	if (is_ours && (p->vlan_tci & VID_MASK) != 0)
		return false;
	/* Customers' tags are theirs in a network of service tags, else nobody's here. */
	return tpid == htobe16(TPID_8021AD) || (is_ours && p->n_vlan == 1);
}

enum drop_reason vlan_admit(const struct snapshot *cfg, const struct snap_port *port, struct pkt *p)
{
	const struct vlan_set *set = cfg->vlans[port->vif_id];
	be16 tpid = tpid_of(cfg, port->network_id);
	bool is_ours = p->n_vlan > 0 && p->vlan_tpid == tpid;
	uint16_t tci = is_ours ? p->vlan_tci : 0;

	if ((port->flags & SNAP_PORT_ACCESS) != 0 && !is_access_clean(p, tpid))
		return DROP_VLAN_FILTER;
	p->vlan_form = is_ours ? VLAN_FORM_TAGGED : VLAN_FORM_UNTAGGED;
	if ((tci & VID_MASK) == 0) {
		if (set->pvid == 0)
			return DROP_VLAN_NO_NATIVE;
		tci |= set->pvid;
		if (is_ours)
			p->vlan_form = VLAN_FORM_PRIORITY;
	} else if (!vlan_has(set->member, tci & VID_MASK)) {
		return DROP_VLAN_FILTER;
	}
	p->vlan = tci;
	return DROP_NONE;
}

static enum vlan_form form_wanted(const struct snapshot *cfg, uint16_t vif_id, const struct pkt *p)
{
	return vlan_has(cfg->vlans[vif_id]->untagged, p->vlan & VID_MASK) ? VLAN_FORM_UNTAGGED
									  : VLAN_FORM_TAGGED;
}

/* Change the bytes of @p, which are its own. */
static enum drop_reason take_form(struct pkt *p, enum vlan_form form, be16 tpid)
{
	int rc;

	if (form == VLAN_FORM_UNTAGGED)
		rc = pkt_edit_pop_vlan(p);
	else if (p->vlan_form == VLAN_FORM_PRIORITY)
		rc = pkt_edit_set_vlan(p, p->vlan);
	else
		rc = pkt_edit_push_vlan(p, tpid, p->vlan);
	if (rc < 0)
		return DROP_PKT_TOO_BIG;
	p->vlan_form = (uint8_t)form;
	return DROP_NONE;
}

/* The copies of one packet in a round. */
struct copies {
	struct pkt *p;
	uint16_t index; /* of the packet in the burst */
	uint16_t form[VLAN_FORM_TAGGED + 1]; /* index of each form, NO_FORM: not made yet */
	enum drop_reason reason[VLAN_FORM_TAGGED + 1]; /* why it cannot be made */
	be16 tpid;
};
#define NO_FORM UINT16_MAX

static void make_form(
	struct burst *b, struct copies *c, enum vlan_form form, struct rte_mempool *pool)
{
	uint16_t at = (uint16_t)(BURST_MAX + b->n_forms);

	if (b->n_forms == BURST_FORMS_MAX || pkt_edit_copy(c->p, pool, &b->pkt[at]) < 0) {
		c->reason[form] = DROP_NO_BUFFER;
		return;
	}
	b->n_forms++;
	c->form[form] = at;
	c->reason[form] = take_form(&b->pkt[at], form, c->tpid);
}

/* The first copy of a packet: does every copy want the same other form?  Then it takes it. */
static void begin_copies(
	const struct snapshot *cfg, struct copies *c, const struct tx_item *item, uint32_t n)
{
	enum vlan_form first = form_wanted(cfg, item[0].out_vif, c->p);
	struct rte_mbuf *m = c->p->m;

	c->form[VLAN_FORM_UNTAGGED] = c->form[VLAN_FORM_TAGGED] = NO_FORM;
	c->reason[VLAN_FORM_UNTAGGED] = c->reason[VLAN_FORM_TAGGED] = DROP_NONE;
	c->tpid = tpid_of(cfg, c->p->network_id);
	for (uint32_t i = 1; i < n && item[i].pkt == item[0].pkt; i++)
		if (form_wanted(cfg, item[i].out_vif, c->p) != first)
			goto out;
	if (first == c->p->vlan_form || rte_mbuf_refcnt_read(m) != 1 || !RTE_MBUF_DIRECT(m)
		|| pkt_is_unfinished(c->p))
		goto out;
	c->reason[first] = take_form(c->p, first, c->tpid);
	c->form[first] = c->index;
	return;
out:
	if (c->p->vlan_form != VLAN_FORM_PRIORITY)
		c->form[c->p->vlan_form] = c->index;
}

void vlan_retag(const struct snapshot *cfg, struct burst *b, struct tx_items *out,
	struct tx_items *lost, struct rte_mempool *pool)
{
	struct copies c = { .p = &b->pkt[0], .index = NO_FORM };
	uint32_t n = out->n, kept = 0;

	b->n_forms = 0;
	if (LIKELY(!cfg->has_vlans))
		return;
	for (uint32_t i = 0; i < n; i++) {
		struct tx_item item = out->item[i];
		enum vlan_form form;

		if (LIKELY(b->pkt[item.pkt].vlan == 0)) {
			out->item[kept++] = item;
			continue;
		}
		if (item.pkt != c.index) {
			c.index = item.pkt;
			c.p = &b->pkt[item.pkt];
			begin_copies(cfg, &c, &out->item[i], n - i);
		}
		form = form_wanted(cfg, item.out_vif, c.p);
		if (c.form[form] == NO_FORM && c.reason[form] == DROP_NONE)
			make_form(b, &c, form, pool);
		item.drop = (uint8_t)c.reason[form];
		if (c.form[form] != NO_FORM)
			item.pkt = c.form[form];
		if (item.drop == DROP_NONE)
			out->item[kept++] = item;
		else
			lost->item[lost->n++] = item;
	}
	out->n = kept;
}
