/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_stp.c - checks and indexes the spanning trees of a configuration.
 *
 * From: bridge/snapshot.c.  To: bridge/stp_run.c.
 * Theory: as bridge/snapshot.c.  A vif whose state may be other than forwarding is marked here, so that
 * the pipeline asks for nobody else's: each port of a network with a spanning tree but its host leg,
 * and each vif with BPDU guard or loop protection.
 * Invariants: .stp exists iff there is a record; times and costs are in their ranges.
 * Thread: control. */
#include "bridge/snapshot_stp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *tree_fault(const struct snapshot *s, const struct snap_stp *t)
{
	if (t->network_id == NETWORK_ID_NONE || t->network_id >= NETWORK_ID_MAX
		|| s->network[t->network_id].conf.network_id == NETWORK_ID_NONE)
		return "network does not exist";
	if (s->stp->network[t->network_id].network_id != NETWORK_ID_NONE)
		return "two spanning trees";
	if (t->version != 0 && t->version != 2)
		return "version is neither 0 nor 2";
	if (t->hello_s < STP_HELLO_MIN_S || t->hello_s > STP_HELLO_MAX_S
		|| t->max_age_s < STP_MAX_AGE_MIN_S || t->max_age_s > STP_MAX_AGE_MAX_S
		|| t->forward_delay_s < STP_FORWARD_DELAY_MIN_S
		|| t->forward_delay_s > STP_FORWARD_DELAY_MAX_S)
		return "a time is out of range";
	if (t->mac[0] & 1)
		return "MAC is a group address";
	return NULL;
}

static const char *port_fault(const struct snapshot *s, const struct snap_stp_port *p)
{
	if (snapshot_port(s, p->vif_id) == NULL)
		return "vif does not exist";
	if (s->stp->port[p->vif_id].vif_id != VIF_ID_NONE)
		return "vif listed twice";
	if (p->priority > STP_PORT_PRIORITY_MAX || p->priority % 16 != 0)
		return "priority is not one of 0, 16, ... 240";
	if (p->flags & ~(unsigned)SNAP_STP_PORT_FLAGS_ALL)
		return "unknown flag";
	if (p->cost > STP_COST_MAX)
		return "cost out of range";
	return NULL;
}

static void mark_watched(struct snapshot *s)
{
	for (unsigned id = 1; id < VIF_ID_MAX; id++) {
		struct snap_port *p = &s->port[id];
		bool is_in_tree = s->stp->network[p->network_id].network_id != NETWORK_ID_NONE;
		uint8_t flags = s->stp->port[id].flags;

		if (p->vif_id == VIF_ID_NONE || (p->flags & SNAP_PORT_LEG) != 0)
			continue;
		if (is_in_tree || (flags & SNAP_STP_BPDU_GUARD) != 0)
			p->flags |= SNAPSHOT_PORT_WATCHED | SNAPSHOT_PORT_TAKES_BPDUS;
		if (flags & SNAP_STP_LOOP_PROTECT)
			p->flags |= SNAPSHOT_PORT_WATCHED;
	}
}

int snapshot_take_stp(
	struct snapshot *s, const uint8_t *at, const struct snap_hdr *hdr, struct err *e)
{
	const uint8_t *trees = at + hdr->n_routers * sizeof(struct snap_router)
		+ hdr->n_addrs * sizeof(struct snap_addr)
		+ hdr->n_routes * sizeof(struct snap_route)
		+ hdr->n_forwards * sizeof(struct snap_forward);
	const uint8_t *ports = trees + hdr->n_stp * sizeof(struct snap_stp);

	if (hdr->n_stp == 0 && hdr->n_stp_ports == 0)
		return 0;
	s->stp = calloc(1, sizeof(*s->stp));
	if (s->stp == NULL)
		return err_set(e, -ENOMEM, "snapshot", "no memory for spanning trees");
	for (uint32_t i = 0; i < hdr->n_stp; i++) {
		struct snap_stp t;
		const char *fault;

		memcpy(&t, trees + i * sizeof(t), sizeof(t));
		fault = tree_fault(s, &t);
		if (fault != NULL)
			return err_set(e, -EINVAL, "stp", "snapshot refused: network %u: %s",
				t.network_id, fault);
		s->stp->network[t.network_id] = t;
	}
	for (uint32_t i = 0; i < hdr->n_stp_ports; i++) {
		struct snap_stp_port p;
		const char *fault;

		memcpy(&p, ports + i * sizeof(p), sizeof(p));
		fault = port_fault(s, &p);
		if (fault != NULL)
			return err_set(
				e, -EINVAL, "stp", "snapshot refused: vif %u: %s", p.vif_id, fault);
		s->stp->port[p.vif_id] = p;
	}
	mark_watched(s);
	return 0;
}
