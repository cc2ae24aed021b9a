/* SPDX-License-Identifier: Apache-2.0 */
/* hop.c - rings from the workers to the one that owns the tables; see hop.h for the contract.
 *
 * From: vswitch/pipeline.c and worker.c of the worker that received.  To: the same of worker 0.
 * Theory: three positions that only grow.  .head: put by the worker; .tail: taken by the owner, its own affair;
 * .done: sent by the owner.  Between done and head a packet is under way, and its vif is not received from.
 * The worker counts by vif from a list of its own, so that nothing but the positions is shared.
 * Sleep: the owner says that it sleeps and looks at the heads once more; a worker moves its head and looks whether the
 * owner sleeps.  Both in one order for all (seq_cst), so one of the two sees the other.
 * Invariants: head - done <= HOP_SLOTS; n_of[] are the packets between settled and head.
 * Thread: as hop.h says. */
#include "vswitch/hop.h"

#include "vswitch/base/check.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define LINE 64

struct ring {
	/* the worker's */
	_Alignas(LINE) uint64_t put; /* head, not published yet */
	uint64_t settled; /* up to here the lists below are right */
	uint32_t n_big;
	uint16_t n_of[VIF_ID_MAX];
	struct {
		uint16_t vif_id;
		bool is_big;
	} sent[HOP_SLOTS];
	/* shared */
	_Alignas(LINE) _Atomic uint64_t head;
	_Alignas(LINE) _Atomic uint64_t done;
	_Alignas(LINE) struct pkt slot[HOP_SLOTS];
	uint64_t generation[HOP_SLOTS];
	/* the owner's */
	_Alignas(LINE) uint64_t tail;
};

struct hops {
	unsigned n_workers;
	int wake_fd;
	const uint8_t *states;
	unsigned first; /* ring that is asked first; the owner's */
	_Alignas(LINE) _Atomic bool is_asleep;
	struct ring ring[]; /* by worker; the owner's own is not used */
};

struct hops *hops_create(unsigned n_workers)
{
	size_t size = sizeof(struct hops) + n_workers * sizeof(struct ring);
	struct hops *h = aligned_alloc(LINE, (size + LINE - 1) / LINE * LINE);

	if (h == NULL)
		return NULL;
	memset(h, 0, size);
	h->n_workers = n_workers;
	return h;
}

void hops_destroy(struct hops *h)
{
	if (h == NULL)
		return;
	for (unsigned w = 1; w < h->n_workers; w++) {
		struct ring *r = &h->ring[w];

		for (; r->tail != atomic_load(&r->head); r->tail++)
			rte_pktmbuf_free(r->slot[r->tail % HOP_SLOTS].m);
	}
	free(h);
}

void hops_set_wake_fd(struct hops *h, int fd)
{
	h->wake_fd = fd;
}

int hops_wake_fd(const struct hops *h)
{
	return h->wake_fd;
}

void hops_set_states(struct hops *h, const uint8_t *states)
{
	h->states = states;
}

const uint8_t *hops_states(const struct hops *h)
{
	return h->states;
}

void hop_settle(struct hops *h, unsigned w)
{
	struct ring *r = &h->ring[w];
	uint64_t done = atomic_load_explicit(&r->done, memory_order_acquire);

	for (; r->settled != done; r->settled++) {
		r->n_of[r->sent[r->settled % HOP_SLOTS].vif_id]--;
		r->n_big -= r->sent[r->settled % HOP_SLOTS].is_big;
	}
}

bool hop_has_room(const struct hops *h, unsigned w)
{
	const struct ring *r = &h->ring[w];

	return r->put - r->settled <= HOP_SLOTS - BURST_MAX
		&& r->n_big <= HOP_BIG_MAX - BURST_RX_MAX;
}

bool hop_is_under_way(const struct hops *h, unsigned w, uint16_t vif_id)
{
	return h->ring[w].n_of[vif_id] != 0;
}

void hop_put(struct hops *h, unsigned w, const struct pkt *p, uint64_t generation)
{
	struct ring *r = &h->ring[w];
	uint64_t at = r->put++ % HOP_SLOTS;

	CHECK(r->put - r->settled <= HOP_SLOTS);
	r->slot[at] = *p;
	r->generation[at] = generation;
	r->sent[at].vif_id = p->in_vif;
	r->sent[at].is_big = p->m->nb_segs > 1;
	r->n_of[p->in_vif]++;
	r->n_big += r->sent[at].is_big;
}

bool hop_publish(struct hops *h, unsigned w)
{
	struct ring *r = &h->ring[w];

	if (r->put == atomic_load_explicit(&r->head, memory_order_relaxed))
		return false;
	atomic_store(&r->head, r->put);
	return atomic_load(&h->is_asleep);
}

bool hops_wait(const struct hops *h)
{
	for (unsigned w = 1; w < h->n_workers; w++)
		if (atomic_load(&h->ring[w].head) != h->ring[w].tail)
			return true;
	return false;
}

bool hop_take(struct hops *h, struct burst *b, uint16_t max, uint64_t generation)
{
	unsigned n_others = h->n_workers - 1, left = MIN(max, BURST_MAX - b->n);
	bool has_other = false;

	h->first = (h->first + 1) % n_others;
	for (unsigned i = 0; i < n_others && left > 0; i++) {
		struct ring *r = &h->ring[1 + (h->first + i) % n_others];
		uint64_t head = atomic_load_explicit(&r->head, memory_order_acquire);

		for (; r->tail != head && left > 0; r->tail++, left--) {
			has_other |= r->generation[r->tail % HOP_SLOTS] != generation;
			b->pkt[b->n++] = r->slot[r->tail % HOP_SLOTS];
		}
	}
	return has_other;
}

void hops_done(struct hops *h)
{
	for (unsigned w = 1; w < h->n_workers; w++) {
		struct ring *r = &h->ring[w];

		if (atomic_load_explicit(&r->done, memory_order_relaxed) != r->tail)
			atomic_store_explicit(&r->done, r->tail, memory_order_release);
	}
}

bool hops_may_sleep(struct hops *h)
{
	atomic_store(&h->is_asleep, true);
	if (!hops_wait(h))
		return true;
	atomic_store(&h->is_asleep, false);
	return false;
}

void hops_awake(struct hops *h)
{
	atomic_store_explicit(&h->is_asleep, false, memory_order_relaxed);
}
