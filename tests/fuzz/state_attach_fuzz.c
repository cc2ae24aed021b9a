/* SPDX-License-Identifier: Apache-2.0 */
/* state_attach_fuzz.c - a table that a crash, a bug or an attacker left behind.
 *
 * Input: one byte of how, then bytes that are written over a small segment: over the records of a
 * sound table (how even), or over all of it (how odd).  The table is that of neighbours from 128 on,
 * else the forwarding table.
 * Planted bug (SAKLAR_PLANTED_BUG): keys in the segment are believed to stay what they are.
 * Claims: attach, traffic, dump, sync and flush never crash, lists and counts stay consistent, and
 * the next attach finds nothing broken. */
#include "bridge/fdb.h"
#include "bridge/neigh.h"
#include "vswitch/base/check.h"

#include <stdlib.h>
#include <string.h>

#define N_RECORDS 32
#define SIZE (sizeof(struct segment_hdr) + N_RECORDS * sizeof(struct fdb_record))
#define NEIGH_SIZE (sizeof(struct segment_hdr) + N_RECORDS * sizeof(struct neigh_record))
#define NOW_NS UINT64_C(1000000000000)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct snapshot *config(void)
{
	struct {
		struct snap_hdr hdr;
		struct snap_network network;
		struct snap_port port[3];
	} m = { .hdr = { .magic = SNAPSHOT_MAGIC,
			.generation = 1,
			.size = sizeof(m),
			.n_networks = 1,
			.n_ports = 3 } };
	struct snapshot *s;

	m.network = (struct snap_network){ .network_id = 1,
		.mode = NETWORK_MODE_BRIDGE,
		.ageing_s = 300,
		.mtu = 1500,
		.name = "n" };
	for (uint16_t i = 0; i < 3; i++)
		m.port[i] = (struct snap_port){ .vif_id = (uint16_t)(i + 1),
			.network_id = 1,
			.flags = SNAP_PORT_UP | SNAP_PORT_LEARN,
			.mtu = 1500,
			.name = "v" };
	s = snapshot_create(&m, sizeof(m), NULL);
	CHECK(s != NULL);
	return s;
}

static void traffic(struct fdb *f, const struct snapshot *cfg)
{
	static struct vif_counters counters[VIF_ID_MAX];
	static struct burst b;
	uint8_t frames[4][16] = { { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 },
		{ 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 }, { 2, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 4 },
		{ 2, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 3 } };
	struct rte_mbuf m[4];

	memset(m, 0, sizeof(m));
	b.n = 4;
	for (unsigned i = 0; i < 4; i++) {
		m[i].buf_addr = frames[i];
		m[i].data_len = sizeof(frames[i]);
		b.pkt[i] = (struct pkt){ .m = &m[i],
			.len = sizeof(frames[i]),
			.in_vif = (uint16_t)(1 + i % 3),
			.network_id = 1 };
	}
	fdb_learn(f, cfg, &b, counters, NOW_NS);
}

static void use(struct fdb *f, const struct snapshot *cfg)
{
	struct fdb_dump at = { .now_ns = NOW_NS };
	struct msg_fdb_entry e[8];

	traffic(f, cfg);
	do {
		uint32_t n = fdb_dump(f, cfg, &at, e, ARRAY_LEN(e));

		CHECK(n <= ARRAY_LEN(e));
		for (uint32_t i = 0; i < n; i++)
			CHECK(e[i].vif_id < VIF_ID_MAX && e[i].network_id < NETWORK_ID_MAX);
	} while (at.cursor != 0);
	fdb_sync(f, cfg, NOW_NS);
	traffic(f, cfg);
	CHECK(f->tab.n_live <= N_RECORDS);
}

static struct fdb *attach(void *segment)
{
	struct fdb *f = fdb_attach(segment, SIZE, NOW_NS, NULL);

	CHECK(f != NULL);
	return f;
}

static uint32_t neighbours_count(const struct neigh_table *t)
{
	static struct msg_neigh_entry e[MSG_NEIGH_ENTRIES_MAX];
	uint32_t cursor = 0, n = neigh_dump(t, 0, &cursor, NOW_NS, e, MSG_NEIGH_ENTRIES_MAX);

	CHECK(cursor == 0 && n <= 2 * N_RECORDS);
	for (uint32_t i = 0; i < n; i++)
		CHECK(e[i].network_id != NETWORK_ID_NONE && e[i].network_id < NETWORK_ID_MAX
			&& e[i].state >= NEIGH_INCOMPLETE && e[i].state <= NEIGH_PROBE);
	return n;
}

static void neighbours_use(struct neigh_table *t)
{
	static const bool keep[NETWORK_ID_MAX] = { [1] = true, [2] = true };

	(void)neighbours_count(t);
	for (uint8_t i = 1; i <= 8; i++) {
		struct neigh_who who
			= { .addr = { [10] = 0xff, 0xff, 10, 0, 0, i }, .network_id = 1 + i % 3 };
		struct neigh *n = neigh_find(t, who.network_id, who.addr, NOW_NS);

		if (n != NULL)
			neigh_probe(t, n, NOW_NS);
		neigh_heard(t, &who, (const uint8_t[6]){ 2, 0, 0, 0, 0, i },
			NEIGH_MAY_ADD | NEIGH_CONFIRMS | NEIGH_OVERRIDES, NOW_NS);
		CHECK(neigh_find(t, who.network_id, who.addr, NOW_NS) != NULL);
	}
	while (neigh_next_due(t, NOW_NS) != NULL)
		;
	neigh_keep(t, keep);
}

static struct neigh_table *neighbours_attach(void *segment)
{
	struct neigh_table *t = neigh_attach(segment, NEIGH_SIZE, NOW_NS, NULL);

	CHECK(t != NULL);
	return t;
}

static void neighbours(const uint8_t *bytes, size_t size)
{
	size_t from = bytes[0] % 2 == 0 ? sizeof(struct segment_hdr) : 0;
	uint8_t *segment = calloc(1, NEIGH_SIZE);
	struct neigh_table *t;

	CHECK(segment != NULL);
	t = neighbours_attach(segment);
	neighbours_use(t);
	neigh_destroy(t);
	memcpy(segment + from, bytes + 1, MIN(size - 1, NEIGH_SIZE - from));
	t = neighbours_attach(segment);
	neighbours_use(t);
	for (size_t i = 1; i < size; i++)
		segment[sizeof(struct segment_hdr)
			+ (i * 37u) % (NEIGH_SIZE - sizeof(struct segment_hdr))]
			^= bytes[i];
	neighbours_use(t);
	neigh_flush(t, 0);
	CHECK(neighbours_count(t) == 0);
	neigh_destroy(t);
	t = neighbours_attach(segment);
	CHECK(neighbours_count(t) == 0);
	neigh_destroy(t);
	free(segment);
}

static void forwarding(const uint8_t *bytes, size_t size)
{
	struct snapshot *cfg = config();
	uint8_t *segment = calloc(1, SIZE);
	struct fdb *f;

	CHECK(segment != NULL);
	if (size > 0) {
		size_t from = bytes[0] % 2 == 0 ? sizeof(struct segment_hdr) : 0;

		f = attach(segment);
		use(f, cfg);
		fdb_detach(f);
		memcpy(segment + from, bytes + 1, MIN(size - 1, SIZE - from));
	}
	f = attach(segment);
	use(f, cfg);
	/* Once more, now under its hands. */
	for (size_t i = 1; i < size; i++)
		segment[sizeof(struct segment_hdr)
			+ (i * 37u) % (SIZE - sizeof(struct segment_hdr))]
			^= bytes[i];
	use(f, cfg);
	fdb_flush(f, 0, 0);
	CHECK(fdb_count(f, 1) == 0 && fdb_count(f, 2) == 0 && fdb_count(f, 3) == 0);
	CHECK(f->tab.n_live == 0);
	fdb_detach(f);
	f = attach(segment);
	CHECK(f->tab.n_live == 0 && f->tab.n_broken <= N_RECORDS);
	fdb_detach(f);
	free(segment);
	snapshot_destroy(cfg);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size > 0 && bytes[0] >= 128)
		neighbours(bytes, size);
	else
		forwarding(bytes, size);
	return 0;
}
