/* SPDX-License-Identifier: Apache-2.0 */
/* workers_test.c - several workers on one set of tables, in real threads: what is sent arrives once and in
 * its sender's order, whoever learns it and wherever its queue moves.  For ThreadSanitizer as well. */
#include "tests/lib/test_pools.h"
#include "tests/lib/unit.h"
#include "vswitch/balance.h"
#include "vswitch/base/check.h"
#include "vswitch/base/clock.h"
#include "vswitch/worker.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define VIFS 6
#define WORKERS 3
#define MACS 5 /* that a vif sends from */
#define FRAME_LEN 64
#define AT_SENDER 34 /* behind an IPv4 header, so that verdicts are noted */
#define AT_NUMBER 36
#define DEADLINE_NS (90 * NS_PER_SEC)

/* What a vif sends and has got.  .last and .n_mine belong to whoever has the queue's tx_lock. */
struct guest {
	uint32_t n_sent; /* its worker's */
	_Atomic uint32_t n_to_send;
	uint32_t last[VIFS + 1]; /* newest number of each sender, from 1 on */
	_Atomic uint32_t n_mine; /* frames to this vif's MACs */
	_Atomic bool is_wrong;
};

static struct guest guests[VIFS + 1];
static struct vif *vifs[VIFS + 1];
static struct vif_table table;
static struct worker_config cfg;
static struct worker *workers[WORKERS];
static struct hops *hops;
static struct counters_segment *counters;
static struct fdb *fdb;
static void *segment, *verdict_segment;
static struct verdicts *verdicts;
static struct pools pools;
static int event_fd;

/* To whom frame number @n of vif @id goes. */
static uint16_t target_of(uint16_t id, uint32_t n)
{
	return (uint16_t)(1 + (id + n / 8 % (VIFS - 1)) % VIFS);
}

static void mac_put(uint8_t *at, uint16_t id, uint32_t which)
{
	const uint8_t mac[6] = { 2, 0, 0, 0, (uint8_t)id, (uint8_t)which };

	memcpy(at, mac, 6);
}

static bool frame_make(uint16_t id, uint32_t n, struct vif_io *io, struct pkt *p)
{
	static const uint8_t ip4[22] = { 0x08, 0, 0x45, 0, 0, FRAME_LEN - 14, 0, 0, 0, 0, 64, 253 };
	struct rte_mbuf *m = rte_pktmbuf_alloc(io->small_pool);
	uint8_t *bytes;

	if (m == NULL)
		return false;
	bytes = (uint8_t *)(void *)rte_pktmbuf_append(m, FRAME_LEN);
	memset(bytes, 0, FRAME_LEN);
	mac_put(bytes, target_of(id, n), n / 3 % MACS);
	mac_put(bytes + 6, id, n % MACS);
	memcpy(bytes + 12, ip4, sizeof(ip4));
	bytes[AT_SENDER] = (uint8_t)id;
	n++;
	memcpy(bytes + AT_NUMBER, &n, sizeof(n));
	*p = (struct pkt){ .m = m, .len = FRAME_LEN, .in_vif = id };
	return true;
}

static uint16_t test_rx(
	struct vif *v, struct vif_queue *q, struct vif_io *io, struct pkt *pkts, uint16_t max)
{
	struct guest *g = &guests[v->id];
	uint32_t end = atomic_load(&g->n_to_send);
	uint64_t n_events;
	uint16_t n = 0;

	if (read(q->fd, &n_events, sizeof(n_events)) < 0)
		n_events = 0;
	while (n < max && g->n_sent < end && frame_make(v->id, g->n_sent, io, &pkts[n])) {
		g->n_sent++;
		n++;
	}
	return n;
}

static void test_tx(
	struct vif *v, struct vif_io *, struct burst *b, struct tx_item *items, uint32_t n)
{
	struct guest *g = &guests[v->id];

	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *bytes = pkt_bytes(&b->pkt[items[i].pkt]);
		uint32_t number;

		memcpy(&number, bytes + AT_NUMBER, sizeof(number));
		if (bytes[AT_SENDER] > VIFS || number <= g->last[bytes[AT_SENDER]])
			atomic_store(&g->is_wrong, true);
		else
			g->last[bytes[AT_SENDER]] = number;
		if (bytes[4] == v->id)
			atomic_fetch_add(&g->n_mine, 1);
	}
}

static int test_wait_fd(const struct vif_queue *q)
{
	return q->fd;
}

static const struct vif_ops test_ops = { .name = "test",
	.rx = test_rx,
	.tx = test_tx,
	.wait_fd = test_wait_fd,
	.tx_is_exclusive = true };

static struct snapshot *snapshot_make(void)
{
	static struct {
		struct snap_hdr hdr;
		struct snap_network network;
		struct snap_port port[VIFS];
	} m;
	struct err e = ERR_NONE;
	struct snapshot *s;

	m.hdr = (struct snap_hdr){ .magic = SNAPSHOT_MAGIC,
		.generation = 1,
		.n_networks = 1,
		.n_ports = VIFS,
		.size = sizeof(m) };
	m.network = (struct snap_network){ .network_id = 1,
		.mode = NETWORK_MODE_BRIDGE,
		.mtu = 1500,
		.ageing_s = 300,
		.name = "n" };
	for (uint16_t i = 0; i < VIFS; i++)
		m.port[i] = (struct snap_port){ .vif_id = (uint16_t)(i + 1),
			.network_id = 1,
			.mtu = 1500,
			.flags
			= SNAP_PORT_UP | SNAP_PORT_LEARN | SNAP_PORT_FLOOD | SNAP_PORT_BCAST_FLOOD,
			.name = "v" };
	s = snapshot_create(&m, m.hdr.size, &e);
	if (s == NULL)
		fail_msg("%s", e.msg);
	return s;
}

static void vif_add(uint16_t id, uint32_t flags)
{
	struct vif *v = calloc(1, sizeof(*v));

	CHECK(v != NULL);
	*v = (struct vif){ .id = id,
		.type = VIF_TYPE_MEM,
		.n_queues = 1,
		.ops = &test_ops,
		.flags = flags,
		.ifindex = id };
	v->queue[0] = (struct vif_queue){ .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
		.worker = id % WORKERS };
	CHECK(v->queue[0].fd >= 0);
	vifs[id] = v;
	table.ids[table.n++] = id;
	table.by_id[id] = v;
}

static int begin_with(uint32_t flags)
{
	struct err e = ERR_NONE;

	memset(guests, 0, sizeof(guests));
	memset(&table, 0, sizeof(table));
	test_pools(&pools.small_pool, &pools.big_pool);
	counters = calloc(1, sizeof(*counters));
	segment = aligned_alloc(4096, SEGMENT_FDB_SIZE);
	event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	hops = hops_create(WORKERS);
	verdict_segment = aligned_alloc(4096, SEGMENT_VERDICT_SIZE);
	CHECK(counters != NULL && segment != NULL && event_fd >= 0 && hops != NULL
		&& verdict_segment != NULL);
	memset(segment, 0, SEGMENT_FDB_SIZE);
	memset(verdict_segment, 0, SEGMENT_VERDICT_SIZE);
	verdicts = verdicts_attach(verdict_segment, SEGMENT_VERDICT_SIZE, NULL);
	fdb = fdb_attach(segment, SEGMENT_FDB_SIZE, clock_now_ns(), NULL);
	CHECK(fdb != NULL && verdicts != NULL);
	for (uint16_t id = 1; id <= VIFS; id++)
		vif_add(id, flags);
	cfg = (struct worker_config){ .vifs = &table, .snapshot = snapshot_make() };
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = worker_create(&(struct worker_params){ .index = i,
						   .n_workers = WORKERS,
						   .hops = hops,
						   .pools = &pools,
						   .event_fd = event_fd },
			&e);
		CHECK(workers[i] != NULL);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		CHECK(worker_start(workers[i], &e) == 0);
		worker_set_counters(workers[i], counters);
		CHECK(worker_set_fdb(workers[i], fdb) == 0);
	}
	worker_set_verdicts(workers[0], verdicts);
	worker_publish(workers, WORKERS, &cfg);
	return 0;
}

static int begin(void **)
{
	return begin_with(MSG_VIF_FAST);
}

/* No verdicts are asked for, so that nobody waits for the owner of the tables once all is learned. */
static int begin_without_verdicts(void **)
{
	return begin_with(0);
}

static int end(void **)
{
	for (unsigned i = 0; i < WORKERS; i++)
		worker_stop(workers[i]);
	for (unsigned i = 0; i < WORKERS; i++)
		worker_destroy(workers[i]);
	hops_destroy(hops);
	for (uint16_t id = 1; id <= VIFS; id++) {
		close(vifs[id]->queue[0].fd);
		free(vifs[id]);
	}
	snapshot_destroy((struct snapshot *)(uintptr_t)cfg.snapshot);
	fdb_detach(fdb);
	free(segment);
	verdicts_detach(verdicts);
	free(verdict_segment);
	free(counters);
	close(event_fd);
	return 0;
}

static void all_send(uint32_t n)
{
	static const uint64_t one = 1;

	for (uint16_t id = 1; id <= VIFS; id++) {
		atomic_fetch_add(&guests[id].n_to_send, n);
		CHECK(write(vifs[id]->queue[0].fd, &one, sizeof(one)) == sizeof(one));
	}
}

/* Frames that vif @to must have got when all have sent @n each. */
static uint32_t due(uint16_t to, uint32_t n)
{
	uint32_t sum = 0;

	for (uint16_t id = 1; id <= VIFS; id++)
		for (uint32_t i = 0; i < n; i++)
			sum += id != to && target_of(id, i) == to;
	return sum;
}

static void wait_for_all(uint32_t n)
{
	uint64_t until = clock_now_ns() + DEADLINE_NS;

	for (uint16_t id = 1; id <= VIFS; id++)
		while (atomic_load(&guests[id].n_mine) != due(id, n)) {
			if (clock_now_ns() > until)
				fail_msg("vif %u got %u frames of %u", id,
					atomic_load(&guests[id].n_mine), due(id, n));
			nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
		}
}

struct counted {
	uint16_t vif_id;
	uint32_t n;
};

static void call_count(struct worker *w, void *arg)
{
	struct counted *c = arg;

	c->n = fdb_count(worker_fdb(w), c->vif_id);
}

static void what_is_sent_arrives_once_and_in_order(void **)
{
	const uint32_t rounds = 10, n = 500;
	struct counted c;

	for (uint32_t i = 1; i <= rounds; i++) { /* they sleep in between, and wake each other */
		all_send(n);
		wait_for_all(i * n);
	}
	for (uint16_t id = 1; id <= VIFS; id++) {
		assert_false(atomic_load(&guests[id].is_wrong));
		c.vif_id = id;
		worker_run_call(workers[0], call_count, &c);
		assert_int_equal(c.n, MACS);
		assert_true(verdicts->n_of_vif[id] > 0); /* whoever received it */
	}
}

static void call_flush(struct worker *w, void *)
{
	fdb_flush(worker_fdb(w), 0, 0);
}

static void looking_survives_that_all_is_forgotten(void **)
{
	const uint32_t n = 10000;

	all_send(n);
	for (unsigned i = 0; i < 100; i++) {
		worker_run_call(workers[0], call_flush, NULL);
		nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
	}
	wait_for_all(n);
	for (uint16_t id = 1; id <= VIFS; id++)
		assert_false(atomic_load(&guests[id].is_wrong));
}

static void move(uint16_t id, unsigned to)
{
	unsigned from = __atomic_load_n(&vifs[id]->queue[0].worker, __ATOMIC_RELAXED);

	if (from != to)
		worker_move_queue(workers[from], workers[to], vifs[id], &vifs[id]->queue[0]);
}

static void queues_move_under_traffic_and_order_is_kept(void **)
{
	const uint32_t rounds = 25, n = 1500;

	for (uint32_t i = 0; i < rounds; i++) {
		all_send(n);
		for (uint16_t id = 1; id <= VIFS; id++)
			move(id, (id + i) % WORKERS);
	}
	wait_for_all(rounds * n);
	for (uint16_t id = 1; id <= VIFS; id++)
		assert_false(atomic_load(&guests[id].is_wrong));
}

static unsigned n_queues_of(unsigned worker)
{
	unsigned n = 0;

	for (uint16_t id = 1; id <= VIFS; id++)
		n += __atomic_load_n(&vifs[id]->queue[0].worker, __ATOMIC_RELAXED) == worker;
	return n;
}

static void a_busy_worker_gives_queues_to_idle_ones(void **)
{
	struct balance b = { .workers = workers, .n_workers = WORKERS };
	uint64_t until = clock_now_ns() + DEADLINE_NS;

	for (uint16_t id = 1; id <= VIFS; id++)
		move(id, 1);
	all_send(UINT32_MAX);
	while (n_queues_of(1) == VIFS) {
		if (clock_now_ns() > until)
			fail_msg("%u and %u per thousand, and nothing moves", b.permille[1],
				b.permille[2]);
		nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
		(void)balance_run(&b, &cfg, counters->worker, clock_now_ns());
	}
	assert_true(n_queues_of(1) > 0);
	for (uint16_t id = 1; id <= VIFS; id++)
		assert_false(atomic_load(&guests[id].is_wrong));
}

/* Ten seconds in which worker 1 is busy with vifs 1 and 4, which send @n1 and @n4 packets a second.  True: one of
 * them has gone to another worker. */
static bool one_moves(const struct worker_config *with, uint64_t n1, uint64_t n4)
{
	struct balance b = { .workers = workers, .n_workers = WORKERS };
	struct worker_counters load[WORKERS] = { 0 };
	bool has_moved = false;

	for (uint64_t i = 1; i <= 10; i++) {
		load[1].busy_ns += 950 * NS_PER_MS;
		vifs[1]->queue[0].n_packets += n1;
		vifs[4]->queue[0].n_packets += n4;
		has_moved |= balance_run(&b, with, load, i * NS_PER_SEC);
	}
	assert_int_equal(b.permille[1], 950);
	return has_moved;
}

static void what_cannot_be_divided_stays(void **)
{
	static struct snap_meter meter;
	static struct snapshot limits = { .meter = &meter };
	const struct worker_config limited = { .vifs = &table, .snapshot = &limits };

	limits.meter_of[1][SNAP_METER_FROM] = limits.meter_of[4][SNAP_METER_FROM] = 1;
	assert_false(one_moves(&cfg, 1000, 0)); /* one queue is the whole load */
	assert_false(
		one_moves(&limited, 500, 500)); /* what they may send is measured where they are */
	assert_int_equal(n_queues_of(1), 2);
	assert_true(one_moves(&cfg, 500, 500));
	assert_int_equal(n_queues_of(1), 1);
}

static void a_busier_worker_with_nothing_to_give_is_passed_over(void **)
{
	struct balance b = { .workers = workers, .n_workers = WORKERS };
	struct worker_counters load[WORKERS] = { 0 };

	for (uint64_t i = 1; i <= 4; i++) {
		load[0].busy_ns += NS_PER_SEC;
		load[1].busy_ns += 950 * NS_PER_MS;
		vifs[3]->queue[0].n_packets += 1000;
		vifs[1]->queue[0].n_packets += 500;
		vifs[4]->queue[0].n_packets += 500;
		(void)balance_run(&b, &cfg, load, i * NS_PER_SEC);
	}
	assert_int_equal(b.n_moved, 1);
	assert_int_equal(n_queues_of(0), 2);
	assert_int_equal(n_queues_of(1), 1);
	assert_int_equal(n_queues_of(2), 3);
}

static void new_queues_go_to_who_has_least_to_do(void **)
{
	struct balance b = { .workers = workers, .n_workers = WORKERS, .permille = { 900, 0, 0 } };
	struct vif v = { .id = VIFS + 1, .n_queues = 2 };

	move(1, 2); /* 2, 1, 3 queues */
	balance_place(&b, &table, NULL, &v);
	assert_int_equal(v.queue[0].worker, 1);
	assert_int_equal(v.queue[1].worker, 1);
	b.permille[1] = b.permille[2] = 900;
	b.permille[0] = 100;
	balance_place(&b, &table, NULL, &v);
	assert_int_equal(v.queue[0].worker, 0);
}

static void queues_of_a_limited_vif_are_with_one_worker(void **)
{
	static struct snap_meter meter;
	static struct snapshot limits = { .meter = &meter };
	struct balance b = { .workers = workers, .n_workers = WORKERS };
	struct vif v = { .id = VIFS + 1, .n_queues = 3 };
	struct vif_table alone = { .n = 1, .ids = { VIFS + 1 } };

	alone.by_id[VIFS + 1] = &v;
	limits.meter_of[VIFS + 1][SNAP_METER_FROM] = 1;
	for (unsigned i = 0; i < v.n_queues; i++)
		v.queue[i] = (struct vif_queue){ .fd = -1, .index = (uint16_t)i };
	balance_place(&b, &table, NULL, &v);
	for (unsigned i = 0; i < v.n_queues; i++)
		assert_int_equal(v.queue[i].worker, i);
	balance_gather(&b, &alone, &limits); /* before it is limited */
	for (unsigned i = 0; i < v.n_queues; i++)
		assert_int_equal(v.queue[i].worker, 0);
	move(3, 1); /* so that worker 0 has less than the others, for one queue */
	balance_place(&b, &table, &limits, &v);
	for (unsigned i = 0; i < v.n_queues; i++)
		assert_int_equal(v.queue[i].worker, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_sent_arrives_once_and_in_order, begin, end),
		cmocka_unit_test_setup_teardown(looking_survives_that_all_is_forgotten, begin, end),
		cmocka_unit_test_setup_teardown(
			queues_move_under_traffic_and_order_is_kept, begin, end),
		cmocka_unit_test_setup_teardown(
			a_busy_worker_gives_queues_to_idle_ones, begin_without_verdicts, end),
		cmocka_unit_test_setup_teardown(what_cannot_be_divided_stays, begin, end),
		cmocka_unit_test_setup_teardown(
			a_busier_worker_with_nothing_to_give_is_passed_over, begin, end),
		cmocka_unit_test_setup_teardown(new_queues_go_to_who_has_least_to_do, begin, end),
		cmocka_unit_test_setup_teardown(
			queues_of_a_limited_vif_are_with_one_worker, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
