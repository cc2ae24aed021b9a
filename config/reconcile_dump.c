/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile_dump.c - read and flush the engine's tables.
 * From: rpc_view.c, rpc_route.c.  To: engine_link.c.
 * Theory: a table comes in chunks that begin alike: next_cursor, n, then n entries.  One reader for
 * all of them.  The cursor only grows and the whole is bounded: an engine that lists in circles does
 * not keep the daemon busy.  Thread: the daemon's only one. */
#include "config/reconcile_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX (1u << 18) /* more than any table holds */

struct dump {
	uint32_t question, answer; /* types of message */
	void *body; /* of the question; its cursor is at .cursor */
	size_t body_len;
	uint32_t *cursor;
	size_t entry_len;
	uint8_t *entries;
	size_t n;
	uint32_t next_cursor;
};

struct head {
	uint32_t next_cursor, n;
};
static_assert(sizeof(struct head) == offsetof(struct msg_fdb_entries, entry), "same beginning");
static_assert(sizeof(struct head) == offsetof(struct msg_neigh_entries, entry), "same beginning");
static_assert(sizeof(struct head) == offsetof(struct msg_mdb_entries, entry), "same beginning");
static_assert(sizeof(struct head) == offsetof(struct msg_ct_entries, entry), "same beginning");
static_assert(sizeof(struct head) == offsetof(struct msg_stp_entries, entry), "same beginning");

static int on_entries(void *arg, struct engine_msg *m)
{
	struct dump *dump = arg;
	struct head head;

	if (m->type != dump->answer)
		return -EPROTO;
	memcpy(&head, m->body, sizeof(head));
	if (dump->n + head.n > ENTRIES_MAX)
		return -EPROTO;
	uint8_t *entries = realloc(dump->entries, (dump->n + head.n + 1) * dump->entry_len);

	if (entries == NULL)
		return -ENOMEM;
	memcpy(entries + dump->n * dump->entry_len, (const uint8_t *)m->body + sizeof(head),
		head.n * dump->entry_len);
	dump->entries = entries;
	dump->n += head.n;
	dump->next_cursor = head.next_cursor;
	return 0;
}

/* Ask until the table ends.  *dump is empty after an error. */
static int read_table(struct reconcile *r, struct dump *dump, struct err *e)
{
	struct engine_request req = { .type = dump->question,
		.body = dump->body,
		.body_len = dump->body_len,
		.on_answer = on_entries,
		.arg = dump };
	int rc;

	if (engine_link_is_mute(r->link))
		return reconcile_mute_error(e);
	do {
		*dump->cursor = dump->next_cursor;
		dump->next_cursor = 0;
		rc = engine_link_request(r->link, &req, e);
		if (rc == 0 && dump->next_cursor != 0 && dump->next_cursor <= *dump->cursor)
			rc = err_set(e, -EPROTO, "", "the engine lists its table in circles");
	} while (rc == 0 && dump->next_cursor != 0);
	if (rc < 0) {
		free(dump->entries);
		*dump = (struct dump){ 0 };
	}
	return rc;
}

int reconcile_fdb_list(struct reconcile *r, uint16_t network_id, struct msg_fdb_entry **out,
	size_t *n, struct err *e)
{
	struct msg_fdb_dump m = { .network_id = network_id };
	struct dump dump = { .question = ENGINE_MSG_FDB_DUMP,
		.answer = ENGINE_MSG_FDB_ENTRIES,
		.body = &m,
		.body_len = sizeof(m),
		.cursor = &m.cursor,
		.entry_len = sizeof(struct msg_fdb_entry) };
	int rc = read_table(r, &dump, e);

	*out = (struct msg_fdb_entry *)(void *)dump.entries;
	*n = dump.n;
	return rc;
}

int reconcile_neigh_list(
	struct reconcile *r, struct msg_neigh_entry **out, size_t *n, struct err *e)
{
	struct msg_neigh_dump m = { 0 };
	struct dump dump = { .question = ENGINE_MSG_NEIGH_DUMP,
		.answer = ENGINE_MSG_NEIGH_ENTRIES,
		.body = &m,
		.body_len = sizeof(m),
		.cursor = &m.cursor,
		.entry_len = sizeof(struct msg_neigh_entry) };
	int rc = read_table(r, &dump, e);

	*out = (struct msg_neigh_entry *)(void *)dump.entries;
	*n = dump.n;
	return rc;
}

int reconcile_mdb_list(struct reconcile *r, uint16_t network_id, struct msg_mdb_entry **out,
	size_t *n, struct err *e)
{
	struct msg_mdb_dump m = { .network_id = network_id };
	struct dump dump = { .question = ENGINE_MSG_MDB_DUMP,
		.answer = ENGINE_MSG_MDB_ENTRIES,
		.body = &m,
		.body_len = sizeof(m),
		.cursor = &m.cursor,
		.entry_len = sizeof(struct msg_mdb_entry) };
	int rc = read_table(r, &dump, e);

	*out = (struct msg_mdb_entry *)(void *)dump.entries;
	*n = dump.n;
	return rc;
}

int reconcile_stp_list(struct reconcile *r, uint16_t network_id, struct msg_stp_entry **out,
	size_t *n, struct err *e)
{
	struct msg_stp_dump m = { .network_id = network_id };
	struct dump dump = { .question = ENGINE_MSG_STP_DUMP,
		.answer = ENGINE_MSG_STP_ENTRIES,
		.body = &m,
		.body_len = sizeof(m),
		.cursor = &m.cursor,
		.entry_len = sizeof(struct msg_stp_entry) };
	int rc = read_table(r, &dump, e);

	*out = (struct msg_stp_entry *)(void *)dump.entries;
	*n = dump.n;
	return rc;
}

int reconcile_ct_list(struct reconcile *r, uint16_t network_id, uint16_t vif_id,
	struct msg_ct_entry **out, size_t *n, struct err *e)
{
	struct msg_ct_dump m = { .network_id = network_id, .vif_id = vif_id };
	struct dump dump = { .question = ENGINE_MSG_CT_DUMP,
		.answer = ENGINE_MSG_CT_ENTRIES,
		.body = &m,
		.body_len = sizeof(m),
		.cursor = &m.cursor,
		.entry_len = sizeof(struct msg_ct_entry) };
	int rc = read_table(r, &dump, e);

	*out = (struct msg_ct_entry *)(void *)dump.entries;
	*n = dump.n;
	return rc;
}

static int tell(struct reconcile *r, uint32_t type, const void *body, size_t len, struct err *e)
{
	struct engine_request req = { .type = type, .body = body, .body_len = len };

	if (engine_link_is_mute(r->link))
		return reconcile_mute_error(e);
	return engine_link_request(r->link, &req, e);
}

int reconcile_fdb_flush(struct reconcile *r, const struct msg_fdb_flush *what, struct err *e)
{
	return tell(r, ENGINE_MSG_FDB_FLUSH, what, sizeof(*what), e);
}

int reconcile_measure(struct reconcile *r, uint32_t ms, struct err *e)
{
	struct msg_measure m = { .ms = ms };

	return tell(r, ENGINE_MSG_MEASURE, &m, sizeof(m), e);
}

int reconcile_neigh_flush(struct reconcile *r, uint16_t network_id, struct err *e)
{
	struct msg_neigh_flush m = { .network_id = network_id };

	return tell(r, ENGINE_MSG_NEIGH_FLUSH, &m, sizeof(m), e);
}

int reconcile_ct_flush(struct reconcile *r, uint16_t network_id, uint16_t vif_id, struct err *e)
{
	struct msg_ct_flush m = { .network_id = network_id, .vif_id = vif_id };

	return tell(r, ENGINE_MSG_CT_FLUSH, &m, sizeof(m), e);
}

unsigned reconcile_routes(const struct reconcile *r, struct snap_route *out, unsigned max)
{
	struct snap_hdr hdr;
	size_t at;

	if (r->snapshot == NULL)
		return 0;
	memcpy(&hdr, r->snapshot, sizeof(hdr));
	at = sizeof(hdr) + hdr.n_networks * sizeof(struct snap_network)
		+ hdr.n_ports * sizeof(struct snap_port)
		+ hdr.n_routers * sizeof(struct snap_router)
		+ hdr.n_addrs * sizeof(struct snap_addr);
	unsigned n = MIN(hdr.n_routes, max);

	memcpy(out, (const uint8_t *)r->snapshot + at, n * sizeof(*out));
	return n;
}
