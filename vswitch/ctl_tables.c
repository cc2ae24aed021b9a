/* SPDX-License-Identifier: Apache-2.0 */
/* ctl_tables.c - show and empty the tables of routed networks: neighbours, connections and groups.
 *
 * From: ctl_apply.c.  To: bridge/neigh.c, bridge/ct.c, in the worker that owns them.
 * Theory: a dump is cut into answers that fit one message, with a cursor; the worker stands still for
 * one of them at a time.  What changes between two of them may be shown twice or not at all.
 * Thread: control; the calls run in the worker's. */
#include "vswitch/base/clock.h"
#include "vswitch/ctl_state.h"

#include <errno.h>
#include <string.h>

struct question {
	struct ctl *c;
	uint16_t network_id;
	uint16_t vif_id;
	uint32_t cursor;
	uint64_t now_ns;
};

static int ids_check(uint32_t network_id, uint32_t vif_id, struct err *e)
{
	if (network_id >= NETWORK_ID_MAX)
		return err_set(e, -EINVAL, "network.id", "%u is too large", network_id);
	if (vif_id >= VIF_ID_MAX)
		return err_set(e, -EINVAL, "vif.id", "%u is too large", vif_id);
	return 0;
}

static void call_neigh_dump(struct worker *w, void *arg)
{
	struct question *q = arg;
	struct msg_neigh_entries *m = &q->c->neigh_entries;

	m->n = neigh_dump(worker_neigh(w), q->network_id, &q->cursor, q->now_ns, m->entry,
		MSG_NEIGH_ENTRIES_MAX);
	m->next_cursor = q->cursor;
}

int ctl_neigh_dump(struct ctl *c, struct ctl_request *r, struct err *e)
{
	const struct msg_neigh_dump *m = r->body;
	struct question q = {
		.c = c,
		.network_id = (uint16_t)m->network_id,
		.cursor = m->cursor,
		.now_ns = clock_now_ns(),
	};
	int rc = ids_check(m->network_id, 0, e);

	if (rc < 0)
		return rc;
	memset(&c->neigh_entries, 0, sizeof(c->neigh_entries));
	worker_run_call(c->params.workers[0], call_neigh_dump, &q);
	return ctl_answer(c, ENGINE_MSG_NEIGH_ENTRIES, &c->neigh_entries,
		offsetof(struct msg_neigh_entries, entry)
			+ c->neigh_entries.n * sizeof(struct msg_neigh_entry),
		NULL, 0);
}

static void call_neigh_flush(struct worker *w, void *arg)
{
	const struct question *q = arg;

	neigh_flush(worker_neigh(w), q->network_id);
}

int ctl_neigh_flush(struct ctl *c, struct ctl_request *r, struct err *e)
{
	const struct msg_neigh_flush *m = r->body;
	struct question q = { .network_id = (uint16_t)m->network_id };
	int rc = ids_check(m->network_id, 0, e);

	if (rc == 0)
		worker_run_call(c->params.workers[0], call_neigh_flush, &q);
	return rc;
}

static void call_mdb_dump(struct worker *w, void *arg)
{
	struct question *q = arg;
	struct msg_mdb_entries *m = &q->c->mdb_entries;
	struct mdb_dump at
		= { .network_id = q->network_id, .cursor = q->cursor, .now_ns = q->now_ns };

	m->n = mdb_dump(worker_mdb(w), &at, m->entry, MSG_MDB_ENTRIES_MAX);
	m->next_cursor = at.cursor;
}

int ctl_mdb_dump(struct ctl *c, struct ctl_request *r, struct err *e)
{
	const struct msg_mdb_dump *m = r->body;
	struct question q = {
		.c = c,
		.network_id = (uint16_t)m->network_id,
		.cursor = m->cursor,
		.now_ns = clock_now_ns(),
	};
	int rc = ids_check(m->network_id, 0, e);

	if (rc < 0)
		return rc;
	memset(&c->mdb_entries, 0, sizeof(c->mdb_entries));
	worker_run_call(c->params.workers[0], call_mdb_dump, &q);
	return ctl_answer(c, ENGINE_MSG_MDB_ENTRIES, &c->mdb_entries,
		offsetof(struct msg_mdb_entries, entry)
			+ c->mdb_entries.n * sizeof(struct msg_mdb_entry),
		NULL, 0);
}

static void call_ct_dump(struct worker *w, void *arg)
{
	struct question *q = arg;
	struct msg_ct_entries *m = &q->c->ct_entries;
	struct ct_dump at = {
		.network_id = q->network_id,
		.vif_id = q->vif_id,
		.cursor = q->cursor,
		.now_ns = q->now_ns,
	};

	if (worker_ct(w) == NULL)
		return;
	m->n = ct_dump(worker_ct(w), &at, m->entry, MSG_CT_ENTRIES_MAX);
	m->next_cursor = at.cursor;
}

int ctl_ct_dump(struct ctl *c, struct ctl_request *r, struct err *e)
{
	const struct msg_ct_dump *m = r->body;
	struct question q = {
		.c = c,
		.network_id = (uint16_t)m->network_id,
		.vif_id = (uint16_t)m->vif_id,
		.cursor = m->cursor,
		.now_ns = clock_now_ns(),
	};
	int rc = ids_check(m->network_id, m->vif_id, e);

	if (rc < 0)
		return rc;
	memset(&c->ct_entries, 0, sizeof(c->ct_entries));
	worker_run_call(c->params.workers[0], call_ct_dump, &q);
	return ctl_answer(c, ENGINE_MSG_CT_ENTRIES, &c->ct_entries,
		offsetof(struct msg_ct_entries, entry)
			+ c->ct_entries.n * sizeof(struct msg_ct_entry),
		NULL, 0);
}

static void call_ct_flush(struct worker *w, void *arg)
{
	const struct question *q = arg;

	ct_flush(worker_ct(w), q->network_id, q->vif_id);
}

int ctl_ct_flush(struct ctl *c, struct ctl_request *r, struct err *e)
{
	const struct msg_ct_flush *m = r->body;
	struct question q
		= { .network_id = (uint16_t)m->network_id, .vif_id = (uint16_t)m->vif_id };
	int rc = ids_check(m->network_id, m->vif_id, e);

	if (rc == 0)
		worker_run_call(c->params.workers[0], call_ct_flush, &q);
	return rc;
}
