/* SPDX-License-Identifier: Apache-2.0 */
/* fdb_test.c - the forwarding table against a model that is too simple to be wrong.
 *
 * Two networks of three ports each.  Random frames, moves, flushes, restarts and jumps of the clock;
 * after each step every key the model knows is looked up in both. */
#include "bridge/fdb.h"
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"

#include <stdlib.h>
#include <string.h>

#define SEGMENT_SIZE (64u << 10) /* about 1,000 records */
#define N_NETWORKS 2
#define N_PORTS 3 /* of each network */
#define N_MACS 24
#define AGEING_S 300

struct lab {
	void *segment;
	struct fdb *f;
	struct snapshot *cfg;
	struct vif_counters counters[VIF_ID_MAX];
	uint64_t now_ns;
};

/* What the table should hold: vif and time by network and number of the MAC; 0: not there. */
struct entry {
	uint16_t vif_id;
	uint64_t seen_ns;
};

static struct lab L;
static struct entry model[N_NETWORKS + 1][N_MACS];
static uint32_t random_state = 12345;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % n;
}

static uint16_t port_id(unsigned network, unsigned n)
{
	return (uint16_t)(network * 10 + n);
}

static void mac_make(uint8_t *mac, unsigned n)
{
	const uint8_t bytes[6] = { 0x52, 0x54, 0, 0, (uint8_t)(n >> 8), (uint8_t)n };

	memcpy(mac, bytes, sizeof(bytes));
}

static void attach(void)
{
	struct err e = ERR_NONE;

	L.f = fdb_attach(L.segment, SEGMENT_SIZE, L.now_ns, &e);
	assert_non_null(L.f);
	fdb_sync(L.f, L.cfg, L.now_ns);
}

static int setup(void **)
{
	memset(&L, 0, sizeof(L));
	memset(model, 0, sizeof(model));
	L.segment = calloc(1, SEGMENT_SIZE);
	L.cfg = calloc(1, sizeof(*L.cfg));
	L.now_ns = 1000 * NS_PER_SEC;
	if (L.segment == NULL || L.cfg == NULL)
		return -1;
	for (uint16_t id = 1; id <= N_NETWORKS; id++) {
		static uint16_t ports[N_NETWORKS + 1][N_PORTS];

		L.cfg->network[id].conf.network_id = id;
		L.cfg->network[id].conf.ageing_s = AGEING_S;
		L.cfg->network[id].n_ports = N_PORTS;
		L.cfg->network[id].ports = ports[id];
		for (unsigned i = 0; i < N_PORTS; i++) {
			ports[id][i] = port_id(id, i + 1);
			L.cfg->port[ports[id][i]] = (struct snap_port){
				.vif_id = ports[id][i],
				.network_id = id,
				.flags = SNAP_PORT_UP | SNAP_PORT_LEARN,
			};
		}
	}
	attach();
	return 0;
}

static int teardown(void **)
{
	fdb_detach(L.f);
	free(L.cfg);
	free(L.segment);
	return 0;
}

/* A frame from @vif_id whose source is MAC @n; returns where MAC @dst was found. */
static uint16_t learn(uint16_t network, uint16_t vif_id, unsigned n, unsigned dst)
{
	static struct burst b;
	static struct rte_mbuf m;
	uint8_t frame[64] = { 0 };

	mac_make(frame, dst);
	mac_make(frame + 6, n);
	m.buf_addr = frame;
	m.data_len = sizeof(frame);
	b.n = 1;
	b.pkt[0] = (struct pkt){
		.m = &m, .len = sizeof(frame), .in_vif = vif_id, .network_id = network
	};
	fdb_learn(L.f, L.cfg, &b, L.counters, L.now_ns);
	return b.pkt[0].dst_vif;
}

static uint16_t find(uint16_t network, unsigned n)
{
	uint8_t mac[6];

	mac_make(mac, n);
	return fdb_find(L.f, L.cfg, network, 0, mac, L.now_ns);
}

static uint16_t model_find(unsigned network, unsigned n)
{
	const struct entry *e = &model[network][n];

	return e->vif_id != 0 && L.now_ns - e->seen_ns < AGEING_S * NS_PER_SEC ? e->vif_id
									       : VIF_ID_NONE;
}

static void compare(void)
{
	for (uint16_t network = 1; network <= N_NETWORKS; network++)
		for (unsigned n = 0; n < N_MACS; n++)
			assert_int_equal(find(network, n), model_find(network, n));
}

static void model_flush(unsigned network, uint16_t vif_id)
{
	for (unsigned id = 1; id <= N_NETWORKS; id++)
		for (unsigned n = 0; n < N_MACS; n++)
			if ((network == 0 || network == id)
				&& (vif_id == 0 || vif_id == model[id][n].vif_id))
				model[id][n].vif_id = 0;
}

static void random_learn(void)
{
	uint16_t network = (uint16_t)(1 + random_below(N_NETWORKS));
	uint16_t vif_id = port_id(network, 1 + random_below(N_PORTS));
	unsigned n = random_below(N_MACS), dst = random_below(N_MACS);
	uint16_t found;

	model[network][n] = (struct entry){ vif_id, L.now_ns };
	found = learn(network, vif_id, n, dst);
	assert_int_equal(found, model_find(network, dst));
}

static void random_flush(void)
{
	uint16_t network = (uint16_t)random_below(N_NETWORKS + 1);
	uint16_t vif_id = (uint16_t)(random_below(2) * port_id(1 + random_below(N_NETWORKS), 1));

	fdb_flush(L.f, network, vif_id);
	model_flush(network, vif_id);
}

static void random_operations_give_what_a_simple_model_gives(void **)
{
	for (unsigned i = 0; i < 20000; i++) {
		switch (random_below(40)) {
		case 0: random_flush(); break;
		case 1: L.now_ns += random_below(AGEING_S) * NS_PER_SEC; break;
		case 2:
			fdb_detach(L.f);
			attach();
			break;
		case 3: fdb_sync(L.f, L.cfg, L.now_ns); break;
		case 4: fdb_age(L.f, L.cfg, L.now_ns); break;
		default: random_learn(); break;
		}
		L.now_ns += random_below(1000) * NS_PER_US;
		if (i % 16 == 0)
			compare();
	}
}

static void a_dump_in_chunks_names_every_entry_once(void **)
{
	struct fdb_dump at = { .now_ns = L.now_ns };
	struct msg_fdb_entry e[7];
	unsigned n_seen[N_MACS] = { 0 };

	for (unsigned n = 0; n < N_MACS; n++)
		learn(1, port_id(1, 1 + n % N_PORTS), n, 0);
	do {
		uint32_t n = fdb_dump(L.f, L.cfg, &at, e, ARRAY_LEN(e));

		for (uint32_t i = 0; i < n; i++) {
			assert_int_equal(e[i].vif_id, port_id(1, 1 + e[i].mac[5] % N_PORTS));
			n_seen[e[i].mac[5]]++;
		}
	} while (at.cursor != 0);
	for (unsigned n = 0; n < N_MACS; n++)
		assert_int_equal(n_seen[n], 1);
}

static void ports_that_are_gone_down_or_elsewhere_lose_their_entries(void **)
{
	learn(1, port_id(1, 1), 1, 0);
	learn(1, port_id(1, 2), 2, 0);
	learn(1, port_id(1, 3), 3, 0);
	L.cfg->port[port_id(1, 1)].vif_id = VIF_ID_NONE;
	L.cfg->port[port_id(1, 2)].flags &= ~(uint32_t)SNAP_PORT_UP;
	L.cfg->port[port_id(1, 3)].network_id = 2;
	fdb_sync(L.f, L.cfg, L.now_ns);
	for (unsigned n = 1; n <= 3; n++)
		assert_int_equal(find(1, n), VIF_ID_NONE);
	assert_int_equal(L.f->tab.n_live, 0);
}

static void own_limit_refuses_without_costing_others(void **)
{
	L.cfg->port[port_id(1, 1)].fdb_limit = 4;
	learn(1, port_id(1, 2), 100, 0);
	for (unsigned n = 0; n < 10; n++)
		learn(1, port_id(1, 1), n, 0);
	assert_int_equal(fdb_count(L.f, port_id(1, 1)), 4);
	assert_int_equal(L.counters[port_id(1, 1)].fdb_refused, 6);
	assert_int_equal(find(1, 100), port_id(1, 2));
	/* moving to a full vif is learning as well */
	learn(1, port_id(1, 1), 100, 0);
	assert_int_equal(find(1, 100), port_id(1, 2));
}

/* Who held most once and was refused for it learns again when another holds most. */
static void the_fat_one_is_looked_for_again(void **)
{
	const uint16_t a = port_id(1, 1), b = port_id(1, 2);
	uint16_t found = VIF_ID_NONE;

	L.cfg->network[1].conf.fdb_limit = 40;
	for (unsigned n = 0; n < 41; n++)
		learn(1, a, n, 0); /* refused at the end: it is the fat one */
	fdb_flush(L.f, 1, a);
	learn(1, a, 0, 0);
	for (unsigned n = 100; n < 139; n++)
		learn(1, b, n, 0); /* exactly up to the limit */
	for (unsigned i = 0; i < 100 && found == VIF_ID_NONE; i++) {
		learn(1, a, 500, 0);
		found = find(1, 500);
	}
	assert_int_equal(found, a);
	assert_int_equal(fdb_count(L.f, b), 38);
}

static void a_full_table_goes_on_finding_what_it_knows(void **)
{
	uint32_t n_slots = L.f->tab.n_slots;

	learn(2, port_id(2, 1), 1, 0);
	for (unsigned n = 0; n < n_slots * 2; n++)
		learn(1, port_id(1, 1), 1000 + n, 0);
	assert_int_equal(L.f->tab.n_live, n_slots);
	assert_int_equal(find(2, 1), port_id(2, 1));
	/* somebody else still gets room, at the cost of the one that floods */
	for (unsigned n = 0; n < 20; n++)
		learn(2, port_id(2, 2), 10 + n, 0);
	assert_int_equal(fdb_count(L.f, port_id(2, 2)), 20);
	assert_int_equal(fdb_count(L.f, port_id(1, 1)), n_slots - 21);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(random_operations_give_what_a_simple_model_gives),
		T(a_dump_in_chunks_names_every_entry_once),
		T(ports_that_are_gone_down_or_elsewhere_lose_their_entries),
		T(own_limit_refuses_without_costing_others),
		T(the_fat_one_is_looked_for_again),
		T(a_full_table_goes_on_finding_what_it_knows),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
