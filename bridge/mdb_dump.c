/* SPDX-License-Identifier: Apache-2.0 */
/* mdb_dump.c - what is known of groups, routers and queriers, for people.
 *
 * From: vswitch/ctl_tables.c, in the worker.  To: struct msg_mdb_entry.
 * Theory: members first, then sides; a cursor names the next record.  What belongs to one record is
 * in one answer.
 * Thread: worker. */
#include "bridge/mdb_state.h"
#include "vswitch/base/clock.h"

#include <string.h>

#define MEMBER_ENTRIES_MAX (1 + 2 * MDB_GROUP_SOURCES_MAX) /* dynamic and static sources */
#define CURSOR_SIDES (MDB_MEMBERS_MAX + 1)

static uint32_t left_ms(uint64_t timer_ns, uint64_t now_ns)
{
	if (!mdb_is_running(timer_ns, now_ns))
		return 0;
	return (uint32_t)((timer_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

static uint32_t dump_member(
	struct mdb *m, const struct mdb_member *mb, uint64_t now_ns, struct msg_mdb_entry *out)
{
	const struct mdb_group *g = &m->group[mb->group];
	struct msg_mdb_entry entry = { .network_id = g->network_id,
		.vid = g->vid,
		.vif_id = mb->vif_id,
		.kind = MDB_ENTRY_GROUP,
		.timer_ms = left_ms(mb->timer_ns, now_ns) };
	uint32_t n = 0;

	memcpy(entry.group, g->addr, sizeof(entry.group));
	if (mb->is_exclude)
		entry.flags |= MDB_ENTRY_EXCLUDE;
	if (mb->is_static)
		entry.flags |= MDB_ENTRY_STATIC;
	if (mb->is_static || mb->is_dynamic)
		out[n++] = entry;
	entry.kind = MDB_ENTRY_SOURCE;
	for (uint32_t i = mb->first_source; i != MDB_NONE && n < MEMBER_ENTRIES_MAX;
		i = m->source[i].next) {
		const struct mdb_source *s = &m->source[i];

		entry.flags = 0;
		if (s->flags & MDB_SOURCE_STATIC)
			entry.flags |= MDB_ENTRY_STATIC;
		else if (!mdb_is_running(s->timer_ns, now_ns))
			entry.flags |= MDB_ENTRY_BLOCKED;
		entry.timer_ms = left_ms(s->timer_ns, now_ns);
		memcpy(entry.source, s->addr, sizeof(entry.source));
		out[n++] = entry;
	}
	return n;
}

static void add_routers(struct mdb *m, const struct mdb_side *s, const struct mdb_dump *at,
	struct msg_mdb_entry *out, uint32_t *n, uint32_t max)
{
	for (uint32_t i = s->first_router; i != MDB_NONE && *n < max; i = m->router[i].next)
		out[(*n)++] = (struct msg_mdb_entry){ .network_id = s->network_id,
			.vid = s->vid,
			.vif_id = m->router[i].vif_id,
			.kind = MDB_ENTRY_ROUTER,
			.flags = s->family == MCAST_IP6 ? MDB_ENTRY_IP6 : 0,
			.timer_ms = left_ms(m->router[i].until_ns, at->now_ns) };
}

static void add_querier(
	const struct mdb_side *s, const struct mdb_dump *at, struct msg_mdb_entry *out, uint32_t *n)
{
	struct msg_mdb_entry *entry = &out[*n];

	if (!s->has_querier_addr
		|| (s->own_ns == 0 && !mdb_is_running(s->other_until_ns, at->now_ns)))
		return;
	*entry = (struct msg_mdb_entry){ .network_id = s->network_id,
		.vid = s->vid,
		.vif_id = s->querier_vif,
		.kind = MDB_ENTRY_QUERIER,
		.flags = s->family == MCAST_IP6 ? MDB_ENTRY_IP6 : 0,
		.timer_ms = left_ms(s->other_until_ns, at->now_ns) };
	if (at->now_ns < s->flood_until_ns)
		entry->flags |= MDB_ENTRY_FLOODS;
	memcpy(entry->source, s->querier_addr, sizeof(entry->source));
	(*n)++;
}

uint32_t mdb_dump(struct mdb *m, struct mdb_dump *at, struct msg_mdb_entry *out, uint32_t max)
{
	uint32_t n = 0, i = MAX(at->cursor, 1u);

	for (; i < CURSOR_SIDES && i <= m->members.n_high; i++) {
		const struct mdb_member *mb = &m->member[i];

		if (mb->group == MDB_NONE || !mdb_timers_run(m, &m->group[mb->group], at->now_ns)
			|| mb->group == MDB_NONE)
			continue;
		if (at->network_id != 0 && m->group[mb->group].network_id != at->network_id)
			continue;
		if (max - n < MEMBER_ENTRIES_MAX)
			goto out;
		n += dump_member(m, mb, at->now_ns, &out[n]);
	}
	for (i = MAX(i, (uint32_t)CURSOR_SIDES); i - CURSOR_SIDES < m->sides.n_high; i++) {
		struct mdb_side *s = &m->side[i - CURSOR_SIDES + 1];

		if (s->network_id == NETWORK_ID_NONE
			|| (at->network_id != 0 && s->network_id != at->network_id))
			continue;
		if (n > 0 && max - n < 1u + m->routers.n_high)
			goto out; /* its routers, at most all there are */
		mdb_routers_run(m, s, at->now_ns);
		add_routers(m, s, at, out, &n, max - 1);
		add_querier(s, at, out, &n);
	}
	i = 0;
out:
	at->cursor = i;
	return n;
}
