/* SPDX-License-Identifier: Apache-2.0 */
/* stp_store.c - see stp_store.h.
 *
 * From: bridge/stp_run.c.  To: the segment SEGMENT_STP.
 * Theory: docs/decisions/0017.  A record is written between two increments of its sequence number: odd
 * means that the writer died in the middle, and 0 that there is none.  A bridge whose last second is
 * longer ago than its neighbours remember it (three hellos) begins anew: they have found other ways by
 * then, and forwarding on would be a loop.
 * Invariants: nothing read is an index; what is read is copied, then checked, then believed.
 * Thread: one worker. */
#include "bridge/stp_store.h"

#include "vswitch/abi/state.h"
#include "vswitch/base/clock.h"

#include <string.h>

#define STORE_VERSION 1

struct bridge_record {
	uint32_t seq;
	uint32_t reserved;
	struct stp_bridge_vars vars;
};

struct port_record {
	uint32_t seq;
	uint16_t network_id;
	uint8_t is_guarded; /* of a vif in no tree */
	uint8_t reserved;
	struct stp_port_vars vars;
};

struct stp_store {
	struct segment_hdr hdr;
	struct bridge_record bridge[NETWORK_ID_MAX];
	struct port_record port[VIF_ID_MAX];
};
static_assert(sizeof(struct stp_store) <= SEGMENT_STP_SIZE, "the segment holds every record");

static uint64_t layout_hash(void)
{
	return sizeof(struct bridge_record) << 40 ^ sizeof(struct port_record) << 20
		^ offsetof(struct port_record, vars) << 10 ^ offsetof(struct stp_port_vars, agree);
}

static void write_begin(uint32_t *seq)
{
	__atomic_store_n(seq, *seq | 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static void write_end(uint32_t *seq)
{
	uint32_t next = *seq + 1;

	__atomic_store_n(seq, next != 0 ? next : 2, __ATOMIC_RELEASE);
}

struct stp_store *stp_store_attach(void *segment, size_t size)
{
	struct stp_store *s = segment;

	if (size < sizeof(*s))
		return NULL;
	if (s->hdr.magic == STATE_MAGIC && s->hdr.kind == SEGMENT_STP
		&& s->hdr.version == STORE_VERSION && s->hdr.layout_hash == layout_hash()
		&& s->hdr.size == size)
		return s;
	memset(s, 0, sizeof(*s));
	s->hdr.kind = SEGMENT_STP;
	s->hdr.version = STORE_VERSION;
	s->hdr.layout_hash = layout_hash();
	s->hdr.size = size;
	__atomic_store_n(&s->hdr.magic, STATE_MAGIC, __ATOMIC_RELEASE);
	return s;
}

void stp_store_save(struct stp_store *s, const struct stp_bridge *b, uint16_t network_id)
{
	struct bridge_record *br = &s->bridge[network_id];

	write_begin(&br->seq);
	br->vars = b->v;
	write_end(&br->seq);
	for (const struct stp_port *p = b->first; p != NULL; p = p->next) {
		struct port_record *pr = &s->port[p->conf.port_no];

		write_begin(&pr->seq);
		pr->network_id = network_id;
		pr->vars = p->v;
		write_end(&pr->seq);
	}
}

static bool is_whole(uint32_t seq)
{
	return seq != 0 && (seq & 1) == 0;
}

void stp_store_restore(
	struct stp_store *s, struct stp_bridge *b, uint16_t network_id, uint64_t now_ns)
{
	uint64_t remembered_ns = 3 * b->conf.hello_s * NS_PER_SEC;
	struct bridge_record br;
	bool is_fresh;

	memcpy(&br, &s->bridge[network_id], sizeof(br));
	is_fresh = is_whole(br.seq) && stp_bridge_vars_are_sound(&br.vars, now_ns)
		&& now_ns - br.vars.tick_ns <= remembered_ns;
	for (struct stp_port *p = b->first; p != NULL; p = p->next) {
		struct port_record pr;

		memcpy(&pr, &s->port[p->conf.port_no], sizeof(pr));
		if (!is_whole(pr.seq) || pr.network_id != network_id
			|| !stp_port_vars_are_sound(&pr.vars))
			continue;
		if (is_fresh)
			stp_port_restore(p, &pr.vars);
		else if (pr.vars.is_guarded) { /* that one does not age */
			p->v.is_guarded = true;
			p->has_link = true;
		}
	}
	if (is_fresh)
		b->v = br.vars;
}

void stp_store_clear(struct stp_store *s, uint16_t network_id)
{
	__atomic_store_n(&s->bridge[network_id].seq, 0, __ATOMIC_RELEASE);
}

void stp_store_clear_port(struct stp_store *s, uint16_t vif_id)
{
	__atomic_store_n(&s->port[vif_id].seq, 0, __ATOMIC_RELEASE);
}

void stp_store_guard(struct stp_store *s, uint16_t vif_id, bool is_guarded)
{
	s->port[vif_id].is_guarded = is_guarded;
}

bool stp_store_is_guarded(const struct stp_store *s, uint16_t vif_id)
{
	return s->port[vif_id].is_guarded == 1;
}
