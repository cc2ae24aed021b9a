/* SPDX-License-Identifier: Apache-2.0 */
/* mdb_filter.c - what reports and leaves make of the filters of members.
 *
 * From: bridge/mdb.c.  To: bridge/mdb_table.c; bridge/mdb_query.c asks whether others still listen.
 * Theory: RFC 3376 §6.4 and RFC 3810 §7.4, in the words of their tables: a member includes the
 * sources A, or excludes Y and is asked about X; here X are those whose timer runs, Y the others.
 * Networks whose version is IGMPv2 (MLDv1) take every record that wants anything for a join, as the
 * Linux bridge does; so does the host leg, whose own stack filters.
 * A vif with fast leave is taken for one host: what it no longer wants ends at once, unasked.
 * Invariants: what is static does not change; a dynamic member excludes, or has a source.
 * Thread: worker. */
#include "bridge/mdb_state.h"

#include <string.h>

static struct mdb_group *group_of(const struct mdb_event *e, const struct mdb_member *mb)
{
	return &e->m->group[mb->group];
}

static struct mdb_source *source_at(const struct mdb_event *e, uint32_t index)
{
	return &e->m->source[index];
}

/* Does the member keep lists of sources? */
static bool has_filters(const struct mdb_event *e)
{
	return e->net->has_filters[e->msg->family] && !e->is_leg;
}

static uint64_t last_member_ns(const struct mdb_event *e)
{
	return e->now_ns + e->net->last_member_ns * e->net->last_member_count;
}

static uint64_t membership_ns(const struct mdb_event *e)
{
	return e->now_ns + e->net->membership_ns;
}

/* Let the timer run out at @until_ns unless it does so before. */
static void timer_lower(uint64_t *timer_ns, uint64_t until_ns, uint64_t now_ns)
{
	if (!mdb_is_running(*timer_ns, now_ns) || *timer_ns > until_ns)
		*timer_ns = until_ns;
}

/* Nothing is snooped that everybody must hear: RFC 4541 §2.1.2, §3. */
static bool is_snooped(const struct mdb_event *e, const uint8_t group[16])
{
	static const uint8_t all_nodes[16] = { 0xff, 2, [15] = 1 };

	if (mcast_is_v4(e->msg))
		return group[12] >> 4 == 0xe
			&& (group[12] != 224 || group[13] != 0 || group[14] != 0);
	return group[0] == 0xff && memcmp(group, all_nodes, 16) != 0;
}

/* A member without filter, for a membership interval. */
static bool join(const struct mdb_event *e, const uint8_t group[16])
{
	struct mdb_member *mb;

	if (!is_snooped(e, group))
		return true;
	mb = mdb_member_add(e, group);
	if (mb == NULL)
		return false;
	if (mb->is_static)
		return true;
	if (!mb->is_dynamic)
		mb->is_exclude = true;
	mb->is_dynamic = true;
	mb->timer_ns = membership_ns(e);
	mdb_group_changed(e->m, group_of(e, mb));
	return true;
}

static void leave(const struct mdb_event *e, const uint8_t group[16])
{
	struct mdb_group *g = mdb_group_find(e->m, e->network_id, e->vid, group);
	struct mdb_member *mb = g != NULL ? mdb_member_find(e->m, g, e->vif_id) : NULL;

	if (mb == NULL || !mb->is_dynamic)
		return;
	if (e->vif != NULL && e->vif->is_fast_leave && !e->is_leg) {
		mdb_member_clear(e->m, mb);
		return;
	}
	/* another querier asks, and is answered, before anybody is forgotten */
	if (e->side == NULL || mdb_is_running(e->side->other_until_ns, e->now_ns))
		return;
	if (mdb_query_is_ours(e->side, e->net, e->now_ns)) {
		mb->n_asks = e->net->last_member_count;
		mdb_query_ask(e, mb);
	}
	timer_lower(&mb->timer_ns, last_member_ns(e), e->now_ns);
	mdb_group_changed(e->m, g);
}

/* Give all sources of @mb the flag; those that are static stay as they are. */
static void flag_all(const struct mdb_event *e, const struct mdb_member *mb, uint8_t flag)
{
	for (uint32_t i = mb->first_source; i != MDB_NONE; i = source_at(e, i)->next)
		if ((source_at(e, i)->flags & MDB_SOURCE_STATIC) == 0)
			source_at(e, i)->flags |= flag;
}

static void flag_running(const struct mdb_event *e, const struct mdb_member *mb, uint8_t flag)
{
	for (uint32_t i = mb->first_source; i != MDB_NONE; i = source_at(e, i)->next)
		if (mdb_is_running(source_at(e, i)->timer_ns, e->now_ns))
			source_at(e, i)->flags |= flag;
}

static void delete_marked(const struct mdb_event *e, struct mdb_member *mb)
{
	uint32_t next;

	for (uint32_t i = mb->first_source; i != MDB_NONE; i = next) {
		next = source_at(e, i)->next;
		if (source_at(e, i)->flags & MDB_SOURCE_MARKED)
			mdb_source_del(e->m, mb, source_at(e, i));
	}
}

/* Send Q(G, those with the flag): each has until then to be wanted by somebody else. */
static void ask_flagged(const struct mdb_event *e, struct mdb_member *mb)
{
	bool is_querier = mdb_query_is_ours(e->side, e->net, e->now_ns), must_ask = false;
	uint64_t until_ns = last_member_ns(e);

	for (uint32_t i = mb->first_source; i != MDB_NONE; i = source_at(e, i)->next) {
		struct mdb_source *s = source_at(e, i);

		if ((s->flags & MDB_SOURCE_ASK) == 0)
			continue;
		s->flags &= (uint8_t)~MDB_SOURCE_ASK;
		if (s->timer_ns <= until_ns)
			continue;
		s->timer_ns = until_ns;
		s->n_asks = is_querier ? e->net->last_member_count : 0;
		must_ask |= is_querier;
	}
	if (must_ask)
		mdb_query_ask(e, mb);
}

/* Send Q(G). */
static void ask_group(const struct mdb_event *e, struct mdb_member *mb)
{
	if (mdb_query_is_ours(e->side, e->net, e->now_ns)) {
		mb->n_asks = e->net->last_member_count;
		mdb_query_ask(e, mb);
	}
	timer_lower(&mb->timer_ns, last_member_ns(e), e->now_ns);
}

/* What is done for each source of a record. */
struct rule {
	uint64_t old_ns; /* the timer of one that is there; 0: as it is */
	uint64_t new_ns; /* of one that is not; 0: it does not run */
	bool must_add; /* one that is not there is added */
	uint8_t sets, clears; /* flags of one that is there */
	uint8_t sets_running; /* flags of each whose timer runs then */
};

static void each_source(const struct mdb_event *e, struct mdb_member *mb,
	const struct mcast_record *r, const struct rule *rule)
{
	uint32_t len = mcast_is_v4(e->msg) ? 4 : 16;

	for (unsigned i = 0; i < r->n_sources; i++) {
		struct mdb_source *s;
		uint8_t addr[16];

		mcast_addr(e->msg, r->sources + i * len, addr);
		s = mdb_source_find(e->m, mb, addr);
		if (s != NULL) {
			s->flags = (uint8_t)((s->flags & ~rule->clears) | rule->sets);
			if (rule->old_ns != 0)
				s->timer_ns = rule->old_ns;
		} else if (rule->must_add) {
			s = mdb_source_add(e, mb, addr);
			e->m->n_refused += s == NULL;
			if (s != NULL)
				s->timer_ns = rule->new_ns;
		}
		if (s != NULL && mdb_is_running(s->timer_ns, e->now_ns))
			s->flags |= rule->sets_running;
	}
}

/* INCLUDE (A), IS_IN (B) or ALLOW (B): INCLUDE (A+B), (B)=GMI.
 * EXCLUDE (X,Y), the same (A): EXCLUDE (X+A,Y-A), (A)=GMI. */
static void hear_allow(
	const struct mdb_event *e, struct mdb_member *mb, const struct mcast_record *r)
{
	const struct rule rule
		= { .old_ns = membership_ns(e), .new_ns = membership_ns(e), .must_add = true };

	each_source(e, mb, r, &rule);
}

/* INCLUDE (A), TO_IN (B): INCLUDE (A+B), (B)=GMI, Send Q(G,A-B).
 * EXCLUDE (X,Y), TO_IN (A): EXCLUDE (X+A,Y-A), (A)=GMI, Send Q(G,X-A), Send Q(G). */
static void hear_to_in(
	const struct mdb_event *e, struct mdb_member *mb, const struct mcast_record *r)
{
	const struct rule rule = { .old_ns = membership_ns(e),
		.new_ns = membership_ns(e),
		.must_add = true,
		.clears = MDB_SOURCE_ASK };

	flag_running(e, mb, MDB_SOURCE_ASK);
	each_source(e, mb, r, &rule);
	ask_flagged(e, mb);
	if (mb->is_exclude)
		ask_group(e, mb);
}

/* INCLUDE (A), IS_EX (B): EXCLUDE (A*B,B-A), (B-A)=0, Delete (A-B), Group Timer=GMI; TO_EX (B): the
 * same, Send Q(G,A*B).
 * EXCLUDE (X,Y), IS_EX (A): EXCLUDE (A-Y,Y*A), (A-X-Y)=GMI, Delete (X-A), Delete (Y-A), Group
 * Timer=GMI; TO_EX (A): the same but (A-X-Y)=Group Timer, Send Q(G,A-Y). */
static void hear_ex(const struct mdb_event *e, struct mdb_member *mb, const struct mcast_record *r)
{
	bool is_to = r->type == MCAST_TO_EX;
	struct rule rule = { .must_add = true, .clears = MDB_SOURCE_MARKED };

	if (mb->is_exclude)
		rule.new_ns = is_to && mb->timer_ns != 0 ? mb->timer_ns : membership_ns(e);
	if (is_to)
		rule.sets_running = MDB_SOURCE_ASK;
	flag_all(e, mb, MDB_SOURCE_MARKED);
	each_source(e, mb, r, &rule);
	delete_marked(e, mb);
	ask_flagged(e, mb);
	mb->is_exclude = true;
	mb->timer_ns = membership_ns(e);
}

/* INCLUDE (A), BLOCK (B): INCLUDE (A), Send Q(G,A*B).
 * EXCLUDE (X,Y), BLOCK (A): EXCLUDE (X+(A-Y),Y), (A-X-Y)=Group Timer, Send Q(G,A-Y). */
static void hear_block(
	const struct mdb_event *e, struct mdb_member *mb, const struct mcast_record *r)
{
	const struct rule rule = {
		.must_add = mb->is_exclude, .new_ns = mb->timer_ns, .sets_running = MDB_SOURCE_ASK
	};

	each_source(e, mb, r, &rule);
	ask_flagged(e, mb);
}

/* The same for a vif with one host, which knows what it wants. */
static void hear_alone(
	const struct mdb_event *e, struct mdb_member *mb, const struct mcast_record *r)
{
	struct rule rule = { .old_ns = e->now_ns, .must_add = true, .clears = MDB_SOURCE_MARKED };

	switch (r->type) {
	case MCAST_IS_IN:
	case MCAST_TO_IN:
		flag_all(e, mb, MDB_SOURCE_MARKED);
		mb->is_exclude = false;
		mb->timer_ns = 0;
		rule.old_ns = rule.new_ns = membership_ns(e);
		break;
	case MCAST_IS_EX:
	case MCAST_TO_EX:
		flag_all(e, mb, MDB_SOURCE_MARKED);
		mb->is_exclude = true;
		mb->timer_ns = membership_ns(e);
		break;
	case MCAST_ALLOW:
		if (mb->is_exclude)
			rule = (struct rule){ .sets = MDB_SOURCE_MARKED };
		else
			rule.old_ns = rule.new_ns = membership_ns(e);
		break;
	default:
		if (!mb->is_exclude)
			rule = (struct rule){ .sets = MDB_SOURCE_MARKED };
		break;
	}
	each_source(e, mb, r, &rule);
	/* what is static keeps its place, whatever is heard of it */
	for (uint32_t i = mb->first_source; i != MDB_NONE; i = source_at(e, i)->next)
		if (source_at(e, i)->flags & MDB_SOURCE_STATIC)
			source_at(e, i)->flags &= (uint8_t)~MDB_SOURCE_MARKED;
	delete_marked(e, mb);
}

/* Does somebody dynamic want anything of it? */
static bool is_wanted(const struct mdb_event *e, const struct mdb_member *mb)
{
	if (mb->is_exclude)
		return true;
	for (uint32_t i = mb->first_source; i != MDB_NONE; i = source_at(e, i)->next)
		if ((source_at(e, i)->flags & MDB_SOURCE_STATIC) == 0)
			return true;
	return false;
}

static bool hear_filter(const struct mdb_event *e, const struct mcast_record *r)
{
	struct mdb_group *g = mdb_group_find(e->m, e->network_id, e->vid, r->group);
	struct mdb_member *mb = g != NULL ? mdb_member_find(e->m, g, e->vif_id) : NULL;

	/* who wants nothing of what it has not asked for says nothing new */
	if (mb == NULL
		&& (!is_snooped(e, r->group) || r->type == MCAST_BLOCK
			|| (r->n_sources == 0 && r->type != MCAST_IS_EX && r->type != MCAST_TO_EX)))
		return true;
	if (mb == NULL)
		mb = mdb_member_add(e, r->group);
	if (mb == NULL)
		return false;
	if (mb->is_static)
		return true;
	mb->is_dynamic = true;
	if (e->vif != NULL && e->vif->is_fast_leave)
		hear_alone(e, mb, r);
	else if (r->type == MCAST_IS_IN || r->type == MCAST_ALLOW)
		hear_allow(e, mb, r);
	else if (r->type == MCAST_TO_IN)
		hear_to_in(e, mb, r);
	else if (r->type == MCAST_BLOCK)
		hear_block(e, mb, r);
	else
		hear_ex(e, mb, r);
	if (is_wanted(e, mb))
		mdb_group_changed(e->m, group_of(e, mb));
	else
		mdb_member_clear(e->m, mb);
	return true;
}

static bool hear_record(const struct mdb_event *e, const struct mcast_record *r)
{
	struct mdb_group *g;

	if (r->type < MCAST_IS_IN || r->type > MCAST_BLOCK)
		return true; /* RFC 3376 §4.2.12: unknown ones are ignored */
	g = mdb_group_find(e->m, e->network_id, e->vid, r->group);
	if (g != NULL)
		mdb_timers_run(e->m, g, e->now_ns);
	if (has_filters(e))
		return hear_filter(e, r);
	if (r->n_sources > 0 || (r->type != MCAST_IS_IN && r->type != MCAST_TO_IN))
		return join(e, r->group);
	leave(e, r->group);
	return true;
}

bool mdb_timers_run(struct mdb *m, struct mdb_group *g, uint64_t now_ns)
{
	uint32_t next_member, next;

	if (LIKELY(g->due_ns == 0 || now_ns < g->due_ns))
		return true;
	for (uint32_t i = g->first_member; i != MDB_NONE; i = next_member) {
		struct mdb_member *mb = &m->member[i];
		bool has_source = false;

		next_member = mb->next;
		if (mb->timer_ns != 0 && now_ns >= mb->timer_ns) {
			mb->timer_ns = 0;
			mb->is_exclude = mb->is_static;
		}
		for (uint32_t k = mb->first_source; k != MDB_NONE; k = next) {
			struct mdb_source *s = &m->source[k];
			bool is_static = (s->flags & MDB_SOURCE_STATIC) != 0;

			next = s->next;
			if (!mdb_is_running(s->timer_ns, now_ns))
				s->timer_ns = 0;
			if (s->timer_ns == 0 && !mb->is_exclude && !is_static)
				mdb_source_del(m, mb, s);
			else
				has_source |= !is_static;
		}
		if (mb->is_dynamic && !mb->is_exclude && !has_source)
			mdb_member_clear(m, mb);
	}
	if (g->network_id == NETWORK_ID_NONE)
		return false;
	mdb_group_changed(m, g);
	return true;
}

bool mdb_filter_wants(struct mdb *m, const struct mdb_member *mb, const uint8_t source[16],
	bool is_filtered, uint64_t now_ns)
{
	const struct mdb_source *s;

	if (!is_filtered)
		return mb->is_static || mb->is_dynamic;
	s = mb->first_source != MDB_NONE ? mdb_source_find(m, mb, source) : NULL;
	if (s == NULL)
		return mb->is_exclude;
	return (s->flags & MDB_SOURCE_STATIC) != 0 || mdb_is_running(s->timer_ns, now_ns);
}

bool mdb_filter_hear(const struct mdb_event *e)
{
	struct mcast_record r;
	uint32_t off = 0;
	struct mdb_group *g;

	if (e->msg->kind == MCAST_RECORDS) {
		for (unsigned i = 0; i < e->msg->n_records; i++)
			if (mcast_record_next(e->msg, &off, &r) && !hear_record(e, &r))
				return false;
		return true;
	}
	g = mdb_group_find(e->m, e->network_id, e->vid, e->msg->group);
	if (g != NULL)
		mdb_timers_run(e->m, g, e->now_ns);
	if (e->msg->kind == MCAST_JOIN)
		return join(e, e->msg->group);
	leave(e, e->msg->group);
	return true;
}
