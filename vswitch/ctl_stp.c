/* SPDX-License-Identifier: Apache-2.0 */
/* ctl_stp.c - show spanning trees, and log what happens to them.
 *
 * From: ctl_apply.c, ctl.c.  To: bridge/stp_run.c, in the worker that runs it.
 * Theory: a dump as those of ctl_tables.c.  The worker never logs: it keeps what happened until the
 * control thread, which it wakes, comes for it.  A change of role or state is a line here; what the
 * daemon must know as well goes on as an EVENT.
 * Thread: control; the calls run in the worker's. */
#include "vswitch/base/log.h"
#include "vswitch/ctl_state.h"

#include <errno.h>
#include <string.h>

LOG_MODULE("stp");

#define EVENTS_MAX 128

struct question {
	struct ctl *c;
	uint16_t network_id;
	uint32_t cursor;
};

static void call_dump(struct worker *w, void *arg)
{
	struct question *q = arg;
	struct msg_stp_entries *m = &q->c->stp_entries;

	m->n = stp_run_dump(
		worker_stp(w), q->network_id, &q->cursor, m->entry, MSG_STP_ENTRIES_MAX);
	m->next_cursor = q->cursor;
}

int ctl_stp_dump(struct ctl *c, struct ctl_request *r, struct err *e)
{
	const struct msg_stp_dump *m = r->body;
	struct question q = { .c = c, .network_id = (uint16_t)m->network_id, .cursor = m->cursor };

	if (m->network_id >= NETWORK_ID_MAX)
		return err_set(e, -EINVAL, "network.id", "%u is too large", m->network_id);
	if (m->cursor >= NETWORK_ID_MAX + VIF_ID_MAX)
		return err_set(e, -EINVAL, "cursor", "%u is too large", m->cursor);
	memset(&c->stp_entries, 0, sizeof(c->stp_entries));
	worker_run_call(c->params.workers[0], call_dump, &q);
	return ctl_answer(c, ENGINE_MSG_STP_ENTRIES, &c->stp_entries,
		offsetof(struct msg_stp_entries, entry)
			+ c->stp_entries.n * sizeof(struct msg_stp_entry),
		NULL, 0);
}

struct events {
	unsigned n;
	struct stp_event event[EVENTS_MAX];
};

static void call_events(struct worker *w, void *arg)
{
	struct events *all = arg;

	while (all->n < EVENTS_MAX && worker_take_event(w, &all->event[all->n]))
		all->n++;
}

static const char *network_name(const struct ctl *c, uint16_t id)
{
	return c->config->snapshot != NULL ? c->config->snapshot->network[id].conf.name : "";
}

static const char *vif_name(const struct ctl *c, uint16_t id)
{
	return c->config->snapshot != NULL ? c->config->snapshot->port[id].name : "";
}

static int event_take(struct ctl *c, const struct stp_event *e)
{
	static const char *const states[STP_STATE_N]
		= { "forwarding", "learning", "discarding", "guarded", "looped" };
	const struct msg_event m
		= { .kind = e->kind == STP_EVENT_LOOP ? EVENT_LOOP : EVENT_BPDU_GUARD,
			  .vif_id = e->vif_id };

	if (e->kind == STP_EVENT_ROLE) {
		LOG_INFO("event=stp_port network=%s vif=%s role=%s was=%s state=%s",
			network_name(c, e->network_id), vif_name(c, e->vif_id),
			stp_role_text(e->role), stp_role_text(e->was), states[e->state]);
		return 0;
	}
	if (e->kind == STP_EVENT_LOOP_OVER) {
		LOG_INFO("event=loop_over network=%s vif=%s", network_name(c, e->network_id),
			vif_name(c, e->vif_id));
		return 0;
	}
	if (e->kind == STP_EVENT_LOOP)
		LOG_WARN("event=loop network=%s vif=%s reason=\"it brought back what others had "
			 "sent: blocked for 10 s\"",
			network_name(c, e->network_id), vif_name(c, e->vif_id));
	else
		LOG_WARN("event=bpdu_guard network=%s vif=%s reason=\"a BPDU came from it\"",
			network_name(c, e->network_id), vif_name(c, e->vif_id));
	return c->has_hello && c->conn_fd >= 0 ? ctl_tell_event(c, &m) : 0;
}

int ctl_stp_events(struct ctl *c)
{
	struct events all = { 0 };
	int rc = 0;

	worker_run_call(c->params.workers[0], call_events, &all);
	for (unsigned i = 0; i < all.n && rc == 0; i++)
		rc = event_take(c, &all.event[i]);
	return rc;
}
