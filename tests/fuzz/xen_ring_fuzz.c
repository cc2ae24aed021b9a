/* SPDX-License-Identifier: Apache-2.0 */
/* xen_ring_fuzz.c - a guest that changes its rings while we read them.
 *
 * Input: bytes that become slots of the three rings, and their indices; then, while the back end
 * runs over them several times, another thread turns words of the ring pages back and forth between
 * what the input says and noise.  Without that thread a double fetch is never found.
 * Claims: no access outside what is ours; every frame delivered has 14 to 65,535 bytes and passes
 * through pkt_parse(); all buffers come back; hash tables name queues that are there.
 * Planted bug (SAKLAR_PLANTED_BUG): the size of a slot is read twice. */
#include "tests/lib/xen_bed.h"
#include "vif/pkt_parse.h"
#include "vif/xen_ctrl.h"
#include "vif/xen_mcast.h"
#include "vswitch/base/check.h"

#include <rte_mbuf.h>

#include <pthread.h>
#include <sched.h>
#include <string.h>

#define ROUNDS 8
#define QUEUES 2
#define WRONG 16

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct xen_bed *bed;
static struct xen_ctrl ctrl;
static struct xen_hash hash;
static struct xen_mcast mcast;
static bool is_mutating;

static void store(uint32_t *at, uint32_t value)
{
	__atomic_store_n(at, value, __ATOMIC_RELAXED);
}

/* Noise that is often almost right. */
static uint32_t noise(uint32_t *seed)
{
	static const uint32_t odd[] = { 0, 1, 13, 14, 0xffff, 0x10000, 0xffffffff, 0x0fff0fff,
		0x10001000, 0x00040004, 0x000f0040, 0xffff0001 };

	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 28) < ARRAY_LEN(odd) ? odd[*seed >> 28] : *seed;
}

/* At any time WRONG words of the slots in use hold something else than the input said. */
static void *mutate(void *)
{
	struct {
		uint32_t *at, was;
	} wrong[WRONG] = { 0 };
	uint32_t seed = 1;

	for (unsigned i = 0;; i = (i + 1) % WRONG) {
		struct front_sring *ring = (noise(&seed) >> 16) % 4 != 0 ? bed->front->tx.shared
									 : bed->front->rx.shared;

		if (wrong[i].at != NULL)
			store(wrong[i].at, wrong[i].was);
		wrong[i].at = NULL;
		if (__atomic_load_n(&is_mutating, __ATOMIC_RELAXED)) {
			wrong[i].at = &ring->slots[(noise(&seed) >> 8) % 192];
			wrong[i].was = __atomic_load_n(wrong[i].at, __ATOMIC_RELAXED);
			store(wrong[i].at, noise(&seed));
		} else if (i == 0) {
			sched_yield();
		}
	}
	return NULL;
}

int LLVMFuzzerInitialize(int *, char ***)
{
	pthread_t thread;
	void *page;

	bed = xen_bed_create();
	CHECK(bed->shm->dom.ops->map(&bed->shm->dom, FRONT_GREF_CTRL, &page) == 0);
	CHECK(xen_ctrl_open(&ctrl, &bed->shm->dom, page, &hash) == 0);
	ctrl.event = xen_shm_event(bed->shm, FRONT_PORT_CTRL);
	ctrl.n_queues = QUEUES;
	bed->in.mcast = &mcast;
	bed->out.hash = &hash;
	CHECK(pthread_create(&thread, NULL, mutate, NULL) == 0);
	return 0;
}

/* Grant references near what there is, so that most copies are done. */
static void gref_fix(uint32_t *word, uint32_t first)
{
	if ((*word & 0xff000000) != 0xff000000)
		*word = first + *word % FRONT_RING;
}

static size_t ring_fill(struct front_sring *s, const uint8_t *bytes, size_t size, uint32_t words)
{
	size_t n = MIN(size / 4, (size_t)128 * words);

	for (size_t i = 0; i < n; i++) {
		uint32_t word;

		memcpy(&word, bytes + i * 4, 4);
		if (words == 3 && i % 3 == 0)
			gref_fix(&word, FRONT_GREF_TX_PAGE);
		if (words == 2 && i % 2 == 1)
			gref_fix(&word, FRONT_GREF_RX_PAGE);
		store(&s->slots[i], word);
	}
	return n / words;
}

/* Begin with rings at index 0, as after a connection. */
static void rings_reset(void)
{
	const struct xen_event tx = bed->in.event, rx = bed->out.event, ev = ctrl.event;
	struct front_ring *rings[] = { &bed->front->tx, &bed->front->rx, &bed->front->ctrl };

	for (unsigned i = 0; i < ARRAY_LEN(rings); i++) {
		store(&rings[i]->shared->req_prod, 0);
		store(&rings[i]->shared->rsp_prod, 0);
		rings[i]->rsp_cons = rings[i]->req_prod = 0;
	}
	CHECK(xen_in_open(&bed->in, &bed->shm->dom, rings[0]->shared) == 0);
	CHECK(xen_out_open(&bed->out, &bed->shm->dom, rings[1]->shared, &bed->features) == 0);
	CHECK(xen_ctrl_open(&ctrl, &bed->shm->dom, rings[2]->shared, &hash) == 0);
	bed->in.event = tx;
	bed->in.mcast = &mcast;
	bed->in.vif_id = XEN_BED_VIF;
	bed->out.event = rx;
	bed->out.hash = &hash;
	ctrl.event = ev;
	ctrl.n_queues = QUEUES;
}

/* What came is sent back to the same guest. */
static void turn(void)
{
	static struct tx_item items[BURST_RX_MAX];
	static struct burst burst;
	struct xen_batch batch = { .burst = &burst, .items = items };

	batch.n = burst.n = xen_in_run(&bed->in, &bed->io, &bed->copies, burst.pkt, BURST_RX_MAX);
	for (uint16_t i = 0; i < burst.n; i++) {
		const struct pkt *p = &burst.pkt[i];

		CHECK(p->len >= 14 && p->len <= 65535 && p->len == p->m->pkt_len);
		pkt_parse_one(&burst.pkt[i]);
		items[i] = (struct tx_item){ .pkt = i, .drop = p->drop };
	}
	xen_out_run(&bed->out, XEN_BED_VIF, &bed->io, &bed->copies, &batch);
	for (uint16_t i = 0; i < burst.n; i++)
		rte_pktmbuf_free(burst.pkt[i].m);
	xen_ctrl_run(&ctrl, &bed->copies);
}

/* The rings as the input has them; when the first byte says so, with an impossible index. */
static void rings_fill(const uint8_t *bytes, size_t size, unsigned round)
{
	struct xen_front *f = bed->front;
	size_t third = (size - 1) / 4, n_tx, n_rx, n_ctrl;

	n_tx = ring_fill(f->tx.shared, bytes + 1, 2 * third, 3);
	n_rx = ring_fill(f->rx.shared, bytes + 1 + 2 * third, third, 2);
	n_ctrl = ring_fill(f->ctrl.shared, bytes + 1 + 3 * third, third, 4);
	if (bytes[0] == round)
		n_tx += noise(&(uint32_t){ (uint32_t)size });
	store(&f->tx.shared->req_prod, (uint32_t)n_tx);
	store(&f->rx.shared->req_prod, (uint32_t)n_rx);
	store(&f->ctrl.shared->req_prod, (uint32_t)n_ctrl);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size < 8 || size > 8192)
		return 0;
	__atomic_store_n(&is_mutating, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < ROUNDS; i++) {
		rings_reset();
		rings_fill(bytes, size, i);
		turn();
		turn();
	}
	__atomic_store_n(&is_mutating, false, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < XEN_HASH_MAPPING_MAX; i++)
		CHECK(hash.mapping[i] < QUEUES);
	CHECK(rte_mempool_in_use_count(bed->io.small_pool) == 0);
	CHECK(rte_mempool_in_use_count(bed->io.big_pool) == 0);
	return 0;
}
