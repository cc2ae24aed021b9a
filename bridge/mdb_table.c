/* SPDX-License-Identifier: Apache-2.0 */
/* mdb_table.c - groups, members, sources: find, add within limits, forget.
 *
 * From: bridge/mdb.c, bridge/mdb_filter.c, bridge/mdb_query.c.
 * Theory: arrays of fixed size with lists of what is free; what is not used is never touched and
 * costs no memory.  A limit is reached before the arrays are, unless very many networks use them.
 * Invariants: a group has a member, a member is static, has a static source, or is dynamic; counts
 * of vifs and networks are those of members and sources, of groups and sources.
 * Thread: worker. */
#include "bridge/mdb_state.h"

#include <string.h>

/* The record that pool_take() would take, of @max; MDB_NONE: there is none. */
static uint32_t pool_next(const struct mdb_pool *p, uint32_t max)
{
	if (p->free != MDB_NONE)
		return p->free;
	return p->n_high < max ? p->n_high + 1 : MDB_NONE;
}

/* Take what pool_next() has said; @next is what stands behind it in the list. */
static void pool_take(struct mdb_pool *p, uint32_t next)
{
	if (p->free != MDB_NONE)
		p->free = next;
	else
		p->n_high++;
}

/* Give @index back; returns what is to stand behind it in the list. */
static uint32_t pool_put(struct mdb_pool *p, uint32_t index)
{
	uint32_t next = p->free;

	p->free = index;
	return next;
}

static uint32_t *bucket_of(struct mdb *m, uint16_t network_id, uint16_t vid, const uint8_t addr[16])
{
	uint64_t w[2], place = (uint64_t)network_id << 48 | (uint64_t)vid << 32;

	memcpy(w, addr, sizeof(w));
	return &m->group_bucket[siphash13_2u64(&m->key, w[0] ^ place, w[1]) % MDB_BUCKETS];
}

struct mdb_group *mdb_group_find(
	struct mdb *m, uint16_t network_id, uint16_t vid, const uint8_t addr[16])
{
	uint32_t i = *bucket_of(m, network_id, vid, addr);

	for (; i != MDB_NONE; i = m->group[i].next) {
		struct mdb_group *g = &m->group[i];

		if (g->network_id == network_id && g->vid == vid
			&& memcmp(g->addr, addr, sizeof(g->addr)) == 0)
			return g;
	}
	return NULL;
}

struct mdb_member *mdb_member_find(struct mdb *m, const struct mdb_group *g, uint16_t vif_id)
{
	for (uint32_t i = g->first_member; i != MDB_NONE; i = m->member[i].next)
		if (m->member[i].vif_id == vif_id)
			return &m->member[i];
	return NULL;
}

struct mdb_source *mdb_source_find(
	struct mdb *m, const struct mdb_member *mb, const uint8_t addr[16])
{
	for (uint32_t i = mb->first_source; i != MDB_NONE; i = m->source[i].next)
		if (memcmp(m->source[i].addr, addr, sizeof(m->source[i].addr)) == 0)
			return &m->source[i];
	return NULL;
}

static struct mdb_group *group_of(struct mdb *m, const struct mdb_member *mb)
{
	return &m->group[mb->group];
}

void mdb_group_changed(struct mdb *m, struct mdb_group *g)
{
	g->is_cached = false;
	g->has_sources = false;
	g->due_ns = 0;
	for (uint32_t i = g->first_member; i != MDB_NONE; i = m->member[i].next) {
		const struct mdb_member *mb = &m->member[i];

		g->has_sources |= mb->first_source != MDB_NONE;
		if (mb->timer_ns != 0 && (g->due_ns == 0 || mb->timer_ns < g->due_ns))
			g->due_ns = mb->timer_ns;
		for (uint32_t k = mb->first_source; k != MDB_NONE; k = m->source[k].next)
			if (m->source[k].timer_ns != 0
				&& (g->due_ns == 0 || m->source[k].timer_ns < g->due_ns))
				g->due_ns = m->source[k].timer_ns;
	}
}

/* Is there room for one more entry?  What is static was counted by who put it there. */
static bool has_room(const struct mdb_event *e)
{
	struct mdb_network *n = &e->m->network[e->network_id];

	if (e->vif != NULL && e->vif->limit != 0 && e->m->vif[e->vif_id].n >= e->vif->limit)
		return false;
	if (n->n < e->net->limit || e->net->limit == 0)
		return true;
	n->full_until_ns = e->now_ns + e->net->membership_ns;
	return false;
}

static struct mdb_group *group_add(const struct mdb_event *e, const uint8_t addr[16])
{
	struct mdb *m = e->m;
	uint32_t *bucket = bucket_of(m, e->network_id, e->vid, addr);
	uint32_t index = pool_next(&m->groups, MDB_GROUPS_MAX);
	struct mdb_group *g = &m->group[index];

	if (index == MDB_NONE)
		return NULL;
	pool_take(&m->groups, g->next);
	*g = (struct mdb_group){ .network_id = e->network_id,
		.vid = e->vid,
		.family = e->msg->family,
		.next = *bucket };
	memcpy(g->addr, addr, sizeof(g->addr));
	*bucket = index;
	m->network[e->network_id].n++;
	return g;
}

static void group_del(struct mdb *m, struct mdb_group *g)
{
	uint32_t index = (uint32_t)(g - m->group);
	uint32_t *at = bucket_of(m, g->network_id, g->vid, g->addr);

	while (*at != index)
		at = &m->group[*at].next;
	*at = g->next;
	m->network[g->network_id].n--;
	g->network_id = NETWORK_ID_NONE;
	g->next = pool_put(&m->groups, index);
}

struct mdb_member *mdb_member_add(const struct mdb_event *e, const uint8_t addr[16])
{
	struct mdb *m = e->m;
	struct mdb_group *g = mdb_group_find(m, e->network_id, e->vid, addr);
	uint32_t index = pool_next(&m->members, MDB_MEMBERS_MAX);
	struct mdb_member *mb;

	if (g != NULL) {
		mb = mdb_member_find(m, g, e->vif_id);
		if (mb != NULL)
			return mb;
	}
	if (!has_room(e))
		return NULL;
	if (index != MDB_NONE && g == NULL)
		g = group_add(e, addr);
	if (index == MDB_NONE || g == NULL) {
		m->network[e->network_id].full_until_ns = e->now_ns + e->net->membership_ns;
		return NULL;
	}
	mb = &m->member[index];
	pool_take(&m->members, mb->next);
	*mb = (struct mdb_member){
		.group = (uint32_t)(g - m->group), .vif_id = e->vif_id, .next = g->first_member
	};
	g->first_member = index;
	m->vif[e->vif_id].n++;
	mdb_group_changed(m, g);
	return mb;
}

/* Can a packet have this source?  As the Linux bridge asks: not zero, not a group. */
static bool is_possible(const uint8_t addr[16])
{
	static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t zeros[16];

	if (memcmp(addr, v4_mapped, sizeof(v4_mapped)) == 0)
		return addr[12] != 0 && addr[12] >> 4 != 0xe;
	return addr[0] != 0xff && memcmp(addr, zeros, sizeof(zeros)) != 0;
}

struct mdb_source *mdb_source_add(
	const struct mdb_event *e, struct mdb_member *mb, const uint8_t addr[16])
{
	struct mdb *m = e->m;
	uint32_t index = pool_next(&m->sources, MDB_SOURCES_MAX);
	struct mdb_source *s = &m->source[index];

	if (mb->n_sources >= MDB_GROUP_SOURCES_MAX || !is_possible(addr) || !has_room(e)
		|| index == MDB_NONE)
		return NULL;
	pool_take(&m->sources, s->next);
	*s = (struct mdb_source){ .next = mb->first_source };
	memcpy(s->addr, addr, sizeof(s->addr));
	mb->first_source = index;
	mb->n_sources++;
	m->vif[mb->vif_id].n++;
	m->network[group_of(m, mb)->network_id].n++;
	return s;
}

void mdb_source_del(struct mdb *m, struct mdb_member *mb, struct mdb_source *s)
{
	uint32_t index = (uint32_t)(s - m->source);
	uint32_t *at = &mb->first_source;

	while (*at != index)
		at = &m->source[*at].next;
	*at = s->next;
	mb->n_sources--;
	m->vif[mb->vif_id].n--;
	m->network[group_of(m, mb)->network_id].n--;
	s->next = pool_put(&m->sources, index);
}

void mdb_member_del(struct mdb *m, struct mdb_member *mb)
{
	struct mdb_group *g = group_of(m, mb);
	uint32_t index = (uint32_t)(mb - m->member);
	uint32_t *at = &g->first_member;

	mdb_query_ask_end(m, mb);
	while (mb->first_source != MDB_NONE)
		mdb_source_del(m, mb, &m->source[mb->first_source]);
	while (*at != index)
		at = &m->member[*at].next;
	*at = mb->next;
	m->vif[mb->vif_id].n--;
	mb->group = MDB_NONE;
	mb->next = pool_put(&m->members, index);
	if (g->first_member == MDB_NONE)
		group_del(m, g);
	else
		mdb_group_changed(m, g);
}

void mdb_member_clear(struct mdb *m, struct mdb_member *mb)
{
	uint32_t next;

	mdb_query_ask_end(m, mb);
	for (uint32_t i = mb->first_source; i != MDB_NONE; i = next) {
		struct mdb_source *s = &m->source[i];

		next = s->next;
		s->timer_ns = 0;
		if ((s->flags & MDB_SOURCE_STATIC) == 0)
			mdb_source_del(m, mb, s);
	}
	mb->is_dynamic = false;
	mb->is_exclude = mb->is_static;
	mb->timer_ns = 0;
	if (!mb->is_static && mb->first_source == MDB_NONE)
		mdb_member_del(m, mb);
	else
		mdb_group_changed(m, group_of(m, mb));
}

static uint32_t *side_bucket(
	struct mdb *m, uint16_t network_id, uint16_t vid, enum mcast_family family)
{
	uint64_t place = (uint64_t)network_id << 32 | (uint64_t)vid << 8 | (unsigned)family;

	return &m->side_bucket[siphash13_2u64(&m->key, place, 0) % MDB_SIDES_MAX];
}

struct mdb_side *mdb_side_find(
	struct mdb *m, uint16_t network_id, uint16_t vid, enum mcast_family family)
{
	uint32_t i = *side_bucket(m, network_id, vid, family);

	for (; i != MDB_NONE; i = m->side[i].next) {
		struct mdb_side *s = &m->side[i];

		if (s->network_id == network_id && s->vid == vid && s->family == family)
			return s;
	}
	return NULL;
}

struct mdb_side *mdb_side_add(
	struct mdb *m, uint16_t network_id, uint16_t vid, enum mcast_family family, uint64_t now_ns)
{
	struct mdb_side *s = mdb_side_find(m, network_id, vid, family);
	uint32_t index = pool_next(&m->sides, MDB_SIDES_MAX), *bucket;

	if (s != NULL || index == MDB_NONE)
		return s;
	s = &m->side[index];
	pool_take(&m->sides, s->next);
	bucket = side_bucket(m, network_id, vid, family);
	*s = (struct mdb_side){
		.network_id = network_id, .vid = vid, .family = (uint8_t)family, .next = *bucket
	};
	if (now_ns < m->careful_until_ns)
		s->flood_until_ns = m->careful_until_ns;
	*bucket = index;
	return s;
}

struct mdb_router *mdb_router_add(struct mdb *m, struct mdb_side *s, uint16_t vif_id)
{
	uint32_t index = pool_next(&m->routers, MDB_ROUTERS_MAX);
	struct mdb_router *r = &m->router[index];

	if (index == MDB_NONE)
		return NULL;
	pool_take(&m->routers, r->next);
	*r = (struct mdb_router){ .vif_id = vif_id, .next = s->first_router };
	s->first_router = index;
	port_set_add(&s->routers, vif_id);
	return r;
}

void mdb_router_del(struct mdb *m, struct mdb_side *s, uint32_t *at)
{
	uint32_t index = *at;

	*at = m->router[index].next;
	port_set_del(&s->routers, m->router[index].vif_id);
	m->router[index].next = pool_put(&m->routers, index);
}

void mdb_side_del(struct mdb *m, struct mdb_side *s)
{
	uint32_t index = (uint32_t)(s - m->side);
	uint32_t *at = side_bucket(m, s->network_id, s->vid, (enum mcast_family)s->family);

	while (s->first_router != MDB_NONE)
		mdb_router_del(m, s, &s->first_router);
	while (*at != index)
		at = &m->side[*at].next;
	*at = s->next;
	s->network_id = NETWORK_ID_NONE;
	s->next = pool_put(&m->sides, index);
}
