/* SPDX-License-Identifier: Apache-2.0 */
/* mdb.c - hears who wants which groups, and says which vifs a group frame goes to.
 *
 * From: vswitch/pipeline.c, behind bridge/fdb.c.  To: bridge/bridge.c reads .mcast_set.
 * Theory: RFC 4541 as the Linux bridge does it.  While nobody asks who is in which group, frames to
 * groups are flooded.  When somebody does: frames to a group go to its members and to routers;
 * reports of versions that silence others to routers only; what is for everybody (224.0.0.X,
 * ff02::1) and what the bridge reads itself everywhere.  Packet after packet, in arrival order: what
 * a message changes counts from the next packet on, in whatever burst the two arrived.  A packet's
 * set is its own copy, since a later one of the burst may change the group.
 * What routers of this switch send (VIF_ID_NONE) is flooded: a neighbour that does not report its
 * groups must be found all the same.
 * Invariants: a set holds vifs that are ports of the packet's network.
 * Thread: worker. */
#include "bridge/mdb.h"

#include "bridge/mdb_state.h"
#include "bridge/vlan.h"
#include "vswitch/base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define ETH_HDR_LEN 14
#define VLAN_TAG_LEN 4
#define CAREFUL_NS (35 * NS_PER_SEC) /* RFC 7761 §4.11: a PIM router says hello every 30 s */

struct mdb *mdb_create(void)
{
	struct mdb *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	if (getrandom(&m->key, sizeof(m->key), 0) != sizeof(m->key)) {
		free(m);
		return NULL;
	}
	return m;
}

void mdb_destroy(struct mdb *m)
{
	free(m);
}

void mdb_succeed(struct mdb *m, uint64_t now_ns)
{
	m->careful_until_ns = now_ns + CAREFUL_NS;
}

/* Is the port in this VLAN, or is there none to be in? */
static bool is_in_vlan(const struct snapshot *cfg, uint16_t vif_id, uint16_t vid)
{
	const struct vlan_set *set = cfg->vlans[vif_id];

	return set == NULL ? vid == 0 : vid != 0 && vlan_has(set->member, vid);
}

/* Is the member still one of a port that could ask for the group? */
static bool member_fits(
	const struct mdb *m, const struct snapshot *cfg, const struct mdb_member *mb)
{
	const struct mdb_group *g = &m->group[mb->group];
	const struct snap_port *port = snapshot_port(cfg, mb->vif_id);

	return cfg->mcast != NULL && cfg->mcast->net[g->network_id].is_on && port != NULL
		&& port->network_id == g->network_id && is_in_vlan(cfg, mb->vif_id, g->vid);
}

static void member_forget_static(struct mdb *m, struct mdb_member *mb)
{
	mb->is_exclude &= mb->is_dynamic;
	mb->is_static = false;
	for (uint32_t i = mb->first_source; i != MDB_NONE; i = m->source[i].next)
		m->source[i].flags &= (uint8_t)~MDB_SOURCE_STATIC;
}

/* Members whose port is gone go; those whose port is down lose what was learned. */
static void sync_members(struct mdb *m, const struct snapshot *cfg)
{
	for (uint32_t i = 1; i <= m->members.n_high; i++) {
		struct mdb_member *mb = &m->member[i];

		if (mb->group == MDB_NONE)
			continue;
		member_forget_static(m, mb);
		if (!member_fits(m, cfg, mb))
			mdb_member_del(m, mb);
		else if ((cfg->port[mb->vif_id].flags & SNAP_PORT_UP) == 0)
			mb->is_dynamic = false; /* sync_static() decides whether it stays */
	}
}

static void add_static(struct mdb *m, const struct snap_mcast *r, uint64_t now_ns)
{
	static const struct mcast_net unlimited = { .is_on = true };
	static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };
	const struct mcast_msg msg = { .family = r->entry.group[0] == 0xff ? MCAST_IP6
			: memcmp(r->entry.group, v4_mapped, 12) == 0       ? MCAST_IP4
									   : MCAST_L2 };
	const struct mdb_event e = { .m = m,
		.net = &unlimited,
		.msg = &msg,
		.network_id = r->network_id,
		.vid = r->entry.vid,
		.vif_id = r->entry.vif_id,
		.now_ns = now_ns };
	struct mdb_member *mb = mdb_member_add(&e, r->entry.group);
	struct mdb_source *s;

	if (mb == NULL)
		return; /* never: the table has more room than there are static entries */
	if ((r->flags & SNAP_MCAST_HAS_SOURCE) == 0) {
		mb->is_static = true;
		mb->is_exclude = true;
	} else {
		s = mdb_source_find(m, mb, r->entry.source);
		if (s == NULL)
			s = mdb_source_add(&e, mb, r->entry.source);
		if (s != NULL)
			s->flags |= MDB_SOURCE_STATIC;
	}
	mdb_group_changed(m, &m->group[mb->group]);
}

static void sync_static(struct mdb *m, const struct snapshot *cfg, uint64_t now_ns)
{
	for (uint32_t i = 0; cfg->mcast != NULL && i < cfg->mcast->n_entries; i++)
		if (cfg->mcast->net[cfg->mcast->entry[i].network_id].is_on
			&& is_in_vlan(cfg, cfg->mcast->entry[i].entry.vif_id,
				cfg->mcast->entry[i].entry.vid))
			add_static(m, &cfg->mcast->entry[i], now_ns);
	for (uint32_t i = 1; i <= m->members.n_high; i++) {
		struct mdb_member *mb = &m->member[i];

		if (mb->group == MDB_NONE)
			continue;
		if (!mb->is_dynamic)
			mdb_member_clear(m, mb);
		else
			mdb_group_changed(m, &m->group[mb->group]);
	}
}

/* Does a side of @net still have this VLAN? */
static bool side_fits(const struct snapshot *cfg, const struct mdb_side *s)
{
	const struct mcast_net *net = cfg->mcast != NULL ? &cfg->mcast->net[s->network_id] : NULL;

	return net != NULL && net->is_on
		&& (s->vid != 0)
		== (net->is_per_vlan && cfg->network[s->network_id].conf.vlan != SNAP_VLAN_NONE);
}

static void sync_sides(struct mdb *m, const struct snapshot *cfg, uint64_t now_ns)
{
	for (uint32_t i = 1; i <= m->sides.n_high; i++) {
		struct mdb_side *s = &m->side[i];

		if (s->network_id == NETWORK_ID_NONE)
			continue;
		if (!side_fits(cfg, s)) {
			mdb_side_del(m, s);
			continue;
		}
		for (uint32_t *at = &s->first_router; *at != MDB_NONE;) {
			uint16_t vif_id = m->router[*at].vif_id;

			if (!port_set_has(&m->network[s->network_id].up, vif_id)
				|| cfg->mcast->vif[vif_id].router != SNAP_MCAST_ROUTER_AUTO)
				mdb_router_del(m, s, at);
			else
				at = &m->router[*at].next;
		}
		if (!cfg->mcast->net[s->network_id].is_querier)
			s->own_ns = 0;
		else if (s->own_ns == 0)
			(void)mdb_query_side(m, &cfg->mcast->net[s->network_id], s->vid,
				(enum mcast_family)s->family, now_ns);
	}
}

/* A querier asks in every VLAN that a port is in. */
static void sync_queriers(
	struct mdb *m, const struct snapshot *cfg, const struct mcast_net *net, uint64_t now_ns)
{
	const struct snapshot_network *ports = &cfg->network[net->network_id];
	uint64_t vids[64] = { 0 };

	if (!net->is_querier)
		return;
	vids[0] = !net->is_per_vlan || ports->conf.vlan == SNAP_VLAN_NONE;
	for (uint16_t i = 0; net->is_per_vlan && i < ports->n_ports; i++)
		for (unsigned k = 0; cfg->vlans[ports->ports[i]] != NULL && k < 64; k++)
			vids[k] |= cfg->vlans[ports->ports[i]]->member[k];
	for (unsigned vid = 0; vid < 4095; vid++) {
		if (!vlan_has(vids, vid))
			continue;
		(void)mdb_query_side(m, net, (uint16_t)vid, MCAST_IP4, now_ns);
		(void)mdb_query_side(m, net, (uint16_t)vid, MCAST_IP6, now_ns);
	}
}

static void sync_network(
	struct mdb *m, const struct snapshot *cfg, const struct mcast_net *net, uint64_t now_ns)
{
	const struct snapshot_network *ports = &cfg->network[net->network_id];
	struct mdb_network *n = &m->network[net->network_id];
	struct port_set up = { { 0 } };

	n->always = (struct port_set){ { 0 } };
	for (uint16_t i = 0; i < ports->n_ports; i++) {
		uint16_t id = ports->ports[i];

		if ((cfg->port[id].flags & SNAP_PORT_UP) == 0)
			continue;
		port_set_add(&up, id);
		if (cfg->mcast->vif[id].router == SNAP_MCAST_ROUTER_ALWAYS)
			port_set_add(&n->always, id);
		if (port_set_has(&n->up, id))
			continue;
		port_set_add(&n->fresh, id);
		n->has_fresh = true;
		m->is_unsorted = true;
	}
	n->up = up;
	sync_queriers(m, cfg, net, now_ns);
}

void mdb_sync(struct mdb *m, const struct snapshot *cfg, uint64_t now_ns)
{
	if (cfg->mcast == NULL && m->members.n_high == 0 && m->sides.n_high == 0)
		return;
	sync_members(m, cfg);
	sync_static(m, cfg, now_ns);
	for (unsigned id = 1; id < NETWORK_ID_MAX; id++) {
		if (cfg->mcast != NULL && cfg->mcast->net[id].is_on)
			sync_network(m, cfg, &cfg->mcast->net[id], now_ns);
		else
			m->network[id].up = (struct port_set){ { 0 } };
	}
	sync_sides(m, cfg, now_ns);
}

static void set_union(struct port_set *to, const struct port_set *from)
{
	for (unsigned i = 0; i < ARRAY_LEN(to->word); i++)
		to->word[i] |= from->word[i];
}

/* Members of @g that want packets from the message's source. */
static void add_members(
	struct mdb *m, struct mdb_group *g, const struct mdb_event *e, struct port_set *to)
{
	bool has_filters = e->net->has_filters[e->msg->family];

	if (LIKELY(g->is_cached)) {
		set_union(to, &g->cached);
		return;
	}
	g->cached = (struct port_set){ { 0 } };
	for (uint32_t i = g->first_member; i != MDB_NONE; i = m->member[i].next)
		if (mdb_filter_wants(m, &m->member[i], e->msg->source, has_filters, e->now_ns))
			port_set_add(&g->cached, m->member[i].vif_id);
	g->is_cached = !g->has_sources || !has_filters;
	set_union(to, &g->cached);
}

/* May the message go to members and routers only?  With @g, its group, or NULL. */
static bool is_selective(const struct mdb_event *e, const struct mdb_group *g)
{
	if (e->msg->family == MCAST_L2)
		return g != NULL;
	return (g != NULL || e->msg->is_for_members)
		&& mdb_query_has_any(e->side, e->net, e->now_ns)
		&& e->now_ns >= e->m->network[e->network_id].full_until_ns;
}

/* Give @p the set of those who are to have it; without one it is flooded. */
static void choose(const struct mdb_event *e, struct burst *b, struct pkt *p)
{
	struct mdb *m = e->m;
	bool is_data = e->msg->kind == MCAST_DATA || e->msg->kind == MCAST_ROUTER;
	struct mdb_group *g = NULL;
	struct port_set *set;

	if (is_data && m->members.n_high > 0)
		g = mdb_group_find(m, e->network_id, e->vid, e->msg->group);
	if (g != NULL && !mdb_timers_run(m, g, e->now_ns))
		g = NULL;
	if (!is_selective(e, g) || m->n_sets == ARRAY_LEN(m->set))
		return;
	set = &m->set[m->n_sets++];
	*set = m->network[e->network_id].always;
	if (e->side != NULL) {
		mdb_routers_run(m, e->side, e->now_ns);
		set_union(set, &e->side->routers);
	}
	if (g != NULL)
		add_members(m, g, e, set);
	p->mcast_set = (uint8_t)m->n_sets;
	b->mcast_sets = m->set;
}

/* A bucket of tokens that holds a second's. */
static bool is_too_fast(const struct mdb_event *e)
{
	struct mdb_vif *v = &e->m->vif[e->vif_id];

	if (e->vif->rate == 0)
		return false;
	if (v->busy_until_ns > e->now_ns + NS_PER_SEC)
		return true;
	v->busy_until_ns = MAX(v->busy_until_ns, e->now_ns) + NS_PER_SEC / e->vif->rate;
	return false;
}

/* What the bridge itself has from the message; DROP_NONE: it goes on its way. */
static enum drop_reason hear(const struct mdb_event *e)
{
	if (e->msg->kind == MCAST_BAD && (e->msg->fault == DROP_IP_MALFORMED || !is_too_fast(e)))
		return e->msg->fault;
	if (e->msg->kind == MCAST_BAD || is_too_fast(e))
		return DROP_MCAST_RATE;
	if ((e->msg->kind == MCAST_QUERY || e->msg->kind == MCAST_ROUTER)
		&& e->vif->router == SNAP_MCAST_ROUTER_DENY)
		return DROP_MCAST_GUARD;
	if (e->msg->kind == MCAST_QUERY)
		mdb_query_hear(e);
	else if (e->msg->kind == MCAST_ROUTER)
		mdb_router_hear(e);
	else if (!mdb_filter_hear(e))
		return DROP_MCAST_LIMIT;
	return DROP_NONE;
}

/* Does the tag that the network itself looks at stand alone in front of the payload? */
static bool is_plain(const struct pkt *p)
{
	return p->n_vlan <= (p->vlan == 0 || p->vlan_form != VLAN_FORM_UNTAGGED);
}

/* IEEE 802.1Q-2018 §8.6.3: what bridges keep, or are told to pass on to all. */
static bool is_link_local(const uint8_t *dst)
{
	static const uint8_t group[5] = { 1, 0x80, 0xc2, 0, 0 };

	return memcmp(dst, group, sizeof(group)) == 0 && dst[5] <= 0x0f;
}

static void snoop_one(
	struct mdb *m, const struct mdb_io *io, struct burst *b, struct pkt *p, bool is_new)
{
	const struct mcast_net *net = &io->cfg->mcast->net[p->network_id];
	struct mcast_msg msg;
	struct mdb_event e = { .m = m,
		.net = net,
		.msg = &msg,
		.vif = &io->cfg->mcast->vif[p->in_vif],
		.network_id = p->network_id,
		.vid = p->vlan & 0xfff,
		.vif_id = p->in_vif,
		.is_leg = (io->cfg->port[p->in_vif].flags & SNAP_PORT_LEG) != 0,
		.now_ns = io->now_ns };

	if (is_plain(p)) {
		mcast_parse(p, ETH_HDR_LEN + p->n_vlan * VLAN_TAG_LEN, m->room, &msg);
	} else {
		msg = (struct mcast_msg){ .kind = MCAST_DATA, .family = MCAST_L2, .group = { 1 } };
		memcpy(msg.group + 10, pkt_bytes(p), 6);
	}
	e.side = mdb_side_find(m, p->network_id, net->is_per_vlan ? e.vid : 0,
		msg.family == MCAST_IP6 ? MCAST_IP6 : MCAST_IP4);
	if (UNLIKELY(msg.kind != MCAST_DATA && is_new)) {
		enum drop_reason reason;

		if (msg.kind != MCAST_BAD && msg.family != MCAST_L2)
			e.side = mdb_query_side(
				m, net, e.vid, (enum mcast_family)msg.family, io->now_ns);
		reason = hear(&e);
		if (reason != DROP_NONE) {
			pkt_drop(p, reason);
			return;
		}
		p->flags |= PKT_WAS_HEARD;
	}
	choose(&e, b, p);
}

/* Is @p a frame to a group that may not be for everybody? */
static bool is_for_some(const struct snapshot *cfg, const struct pkt *p)
{
	return (p->flags & (PKT_IS_MCAST | PKT_IS_BCAST)) == PKT_IS_MCAST && p->drop == DROP_NONE
		&& p->in_vif != VIF_ID_NONE && cfg->mcast->net[p->network_id].is_on
		&& !is_link_local(pkt_bytes(p));
}

static void count_refused(struct mdb *m, const struct mdb_io *io, const struct pkt *p)
{
	uint64_t *slot = &io->vif_counters[p->in_vif].mcast_refused;

	__atomic_store_n(
		slot, *slot + m->n_refused + (p->drop == DROP_MCAST_LIMIT), __ATOMIC_RELAXED);
	m->n_refused = 0;
}

void mdb_snoop(struct mdb *m, const struct mdb_io *io, struct burst *b)
{
	unsigned n = b->n;

	m->n_sets = 0;
	if (LIKELY(io->cfg->mcast == NULL))
		return;
	for (unsigned i = 0; i < n; i++) {
		struct pkt *p = &b->pkt[i];

		if (LIKELY(!is_for_some(io->cfg, p)))
			continue;
		snoop_one(m, io, b, p, true);
		if (UNLIKELY(m->n_refused > 0 || p->drop == DROP_MCAST_LIMIT))
			count_refused(m, io, p);
	}
	b->mcast_sets = m->set;
	mdb_query_run(m, io, b);
}

void mdb_again(struct mdb *m, const struct mdb_io *io, struct burst *b, uint16_t first)
{
	b->mcast_sets = m->set;
	for (unsigned i = first; i < b->n; i++) {
		struct pkt *p = &b->pkt[i];

		if (LIKELY(p->mcast_set == 0))
			continue;
		p->mcast_set = 0;
		if (io->cfg->mcast != NULL && is_for_some(io->cfg, p))
			snoop_one(m, io, b, p, false);
	}
}

uint64_t mdb_due_ns(const struct mdb *m)
{
	return m->is_unsorted ? 1 : m->due_ns;
}

uint32_t mdb_count_vif(const struct mdb *m, uint16_t vif_id)
{
	return vif_id < VIF_ID_MAX ? m->vif[vif_id].n : 0;
}

uint32_t mdb_count_network(const struct mdb *m, uint16_t network_id)
{
	return network_id < NETWORK_ID_MAX ? m->network[network_id].n : 0;
}
