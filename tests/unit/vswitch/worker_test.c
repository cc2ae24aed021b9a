/* SPDX-License-Identifier: Apache-2.0 */
/* worker_test.c - a worker's turns: hot and cold queues, sleep and wake-up, fairness, death of a queue,
 * change of configuration, several workers.  Real threads; vifs of a type of this test's own. */
#include "tests/lib/test_pools.h"
#include "tests/lib/unit.h"
#include "vswitch/base/check.h"
#include "vswitch/base/clock.h"
#include "vswitch/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define VIFS 4
#define DEADLINE_NS (20 * NS_PER_SEC)
#define ENDLESS UINT32_MAX

/* What waits behind a queue, and what its worker did with it. */
struct guest {
	_Atomic uint32_t waiting; /* frames; ENDLESS: always another */
	_Atomic uint64_t polls;
	_Atomic uint64_t given;
	_Atomic uint64_t got; /* the vif's, in queue 0 */
	_Atomic bool fails;
	_Atomic bool is_strange; /* polled by a worker that is not its own */
	_Atomic uint16_t frame_len;
	_Atomic uint16_t asked; /* frames, at the last poll */
};

static struct guest guests[VIFS + 1][2];
static struct vif *vifs[VIFS + 1];
static struct vif_table table;
static struct worker_config cfg;
static struct worker *workers[2];
static struct counters_segment *counters;
static struct pools pools;
static int event_fd;
static bool is_polling;

static void event_add(int fd)
{
	static const uint64_t one = 1;

	CHECK(write(fd, &one, sizeof(one)) == sizeof(one));
}

static bool frame_make(const struct vif *v, const struct guest *g, struct vif_io *io, struct pkt *p)
{
	uint16_t len = atomic_load(&g->frame_len);
	struct rte_mbuf *m = rte_pktmbuf_alloc(len < 2000 ? io->small_pool : io->big_pool);
	uint8_t *bytes;

	if (m == NULL)
		return false;
	bytes = (uint8_t *)(void *)rte_pktmbuf_append(m, len);
	CHECK(bytes != NULL);
	memset(bytes, 0, len);
	memset(bytes, 0xff, 6);
	bytes[6] = 2;
	bytes[11] = (uint8_t)v->id;
	bytes[12] = 0x88;
	bytes[13] = 0xb5;
	memset(p, 0, sizeof(*p));
	*p = (struct pkt){ .m = m, .len = len, .in_vif = v->id };
	return true;
}

static uint16_t test_rx(
	struct vif *v, struct vif_queue *q, struct vif_io *io, struct pkt *pkts, uint16_t max)
{
	struct guest *g = q->type_state;
	uint32_t waiting;
	uint64_t n_events;
	uint16_t n = 0;

	atomic_fetch_add(&g->polls, 1);
	atomic_store(&g->asked, max);
	if (io->worker != q->worker)
		atomic_store(&g->is_strange, true);
	if (atomic_load(&g->fails)) {
		q->is_dead = true;
		return 0;
	}
	if (read(q->fd, &n_events, sizeof(n_events)) < 0)
		n_events = 0;
	waiting = atomic_load(&g->waiting);
	while (n < max && n < waiting && frame_make(v, g, io, &pkts[n]))
		n++;
	atomic_fetch_add(&g->given, n);
	if (waiting != ENDLESS)
		atomic_fetch_sub(&g->waiting, n);
	if (waiting > n) /* level-triggered, as a socket is */
		event_add(q->fd);
	return n;
}

static void test_tx(struct vif *v, struct vif_io *, struct burst *, struct tx_item *, uint32_t n)
{
	atomic_fetch_add(&guests[v->id][0].got, n);
}

static int test_wait_fd(const struct vif_queue *q)
{
	return q->fd;
}

static const struct vif_ops test_ops
	= { .name = "test", .rx = test_rx, .tx = test_tx, .wait_fd = test_wait_fd };

static struct snapshot *snapshot_of(uint16_t n_ports)
{
	static struct {
		struct snap_hdr hdr;
		struct snap_network network;
		struct snap_port port[VIF_ID_MAX];
	} m;
	struct err e = ERR_NONE;
	struct snapshot *s;

	memset(&m, 0, sizeof(m));
	m.hdr = (struct snap_hdr){ .magic = SNAPSHOT_MAGIC,
		.generation = 1,
		.n_networks = 1,
		.n_ports = n_ports,
		.size = (uint32_t)(offsetof(__typeof__(m), port) + n_ports * sizeof(m.port[0])) };
	m.network = (struct snap_network){
		.network_id = 1, .mode = NETWORK_MODE_BRIDGE, .mtu = 9000, .name = "n"
	};
	for (uint16_t i = 0; i < n_ports; i++)
		m.port[i] = (struct snap_port){ .vif_id = (uint16_t)(i + 1),
			.network_id = 1,
			.mtu = 9000,
			.flags = SNAP_PORT_UP | SNAP_PORT_FLOOD | SNAP_PORT_BCAST_FLOOD,
			.name = "v" };
	s = snapshot_create(&m, m.hdr.size, &e);
	if (s == NULL)
		fail_msg("%s", e.msg);
	return s;
}

/* @n_queues queues of vif @id, queue i of worker i; not published yet. */
static void vif_add(uint16_t id, uint8_t n_queues)
{
	struct vif *v = calloc(1, sizeof(*v));

	CHECK(v != NULL);
	*v = (struct vif){ .id = id, .type = VIF_TYPE_MEM, .n_queues = n_queues, .ops = &test_ops };
	for (uint16_t i = 0; i < n_queues; i++) {
		v->queue[i] = (struct vif_queue){ .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
			.index = i,
			.worker = i,
			.type_state = &guests[id][i] };
		CHECK(v->queue[i].fd >= 0);
		guests[id][i].frame_len = 60;
	}
	vifs[id] = v;
	table.ids[table.n++] = id;
	table.by_id[id] = v;
}

static int begin(unsigned n_workers, uint8_t n_queues)
{
	struct err e = ERR_NONE;

	memset(guests, 0, sizeof(guests));
	memset(&table, 0, sizeof(table));
	test_pools(&pools.small_pool, &pools.big_pool);
	counters = calloc(1, sizeof(*counters));
	event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	CHECK(counters != NULL && event_fd >= 0);
	for (uint16_t id = 1; id <= VIFS; id++)
		vif_add(id, n_queues);
	cfg = (struct worker_config){ .vifs = &table };
	for (unsigned i = 0; i < n_workers; i++) {
		workers[i] = worker_create(&(struct worker_params){ .index = i,
						   .n_workers = n_workers,
						   .pools = &pools,
						   .is_polling = is_polling,
						   .event_fd = event_fd },
			&e);
		if (workers[i] == NULL || worker_start(workers[i], &e) != 0)
			fail_msg("%s", e.msg);
		worker_set_counters(workers[i], counters);
	}
	return 0;
}

static int one_worker(void **)
{
	return begin(1, 1);
}

static int polling_worker(void **)
{
	is_polling = true;
	return begin(1, 1);
}

static int two_workers(void **)
{
	return begin(2, 2);
}

static int end(void **)
{
	for (unsigned i = 0; i < ARRAY_LEN(workers); i++) {
		if (workers[i] == NULL)
			continue;
		worker_stop(workers[i]);
		worker_destroy(workers[i]);
		workers[i] = NULL;
	}
	for (uint16_t id = 1; id <= VIFS; id++) {
		for (unsigned i = 0; i < vifs[id]->n_queues; i++)
			close(vifs[id]->queue[i].fd);
		free(vifs[id]);
	}
	snapshot_destroy((struct snapshot *)(uintptr_t)cfg.snapshot);
	free(counters);
	close(event_fd);
	is_polling = false;
	return 0;
}

static void publish(uint16_t n_ports)
{
	cfg.snapshot = snapshot_of(n_ports);
	worker_publish(workers, workers[1] != NULL ? 2 : 1, &cfg);
}

static void frames_wait(uint16_t id, unsigned queue, uint32_t n)
{
	struct guest *g = &guests[id][queue];

	if (n == ENDLESS)
		atomic_store(&g->waiting, n);
	else
		atomic_fetch_add(&g->waiting, n);
	event_add(vifs[id]->queue[queue].fd);
}

#define WAIT_FOR(condition)                                                       \
	do {                                                                      \
		uint64_t until = clock_now_ns() + DEADLINE_NS;                    \
		while (!(condition)) {                                            \
			if (clock_now_ns() > until)                               \
				fail_msg("never: " #condition);                   \
			nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL); \
		}                                                                 \
	} while (0)

static uint64_t count_of(const uint64_t *slot)
{
	return __atomic_load_n(slot, __ATOMIC_RELAXED);
}

static void call_nothing(struct worker *, void *)
{
}

static void call_hot(struct worker *, void *arg)
{
	unsigned *n = arg;

	*n = 0;
	for (uint16_t id = 1; id <= VIFS; id++)
		for (unsigned i = 0; i < vifs[id]->n_queues; i++)
			*n += vifs[id]->queue[i].is_polled;
}

/* Queues in the hot list, as the worker sees it. */
static unsigned n_hot(struct worker *w)
{
	unsigned n;

	worker_run_call(w, call_hot, &n);
	return n;
}

static void nobody_is_polled_before_the_first_snapshot(void **)
{
	static const struct worker_config before = { .vifs = &table };

	worker_publish(workers, 1, &before);
	frames_wait(1, 0, 3);
	for (unsigned i = 0; i < 20; i++)
		worker_run_call(workers[0], call_nothing, NULL);
	assert_int_equal(atomic_load(&guests[1][0].polls), 0);
	publish(VIFS); /* what has waited is there */
	WAIT_FOR(atomic_load(&guests[2][0].got) == 3);
}

static void idle_queues_go_cold_and_the_worker_sleeps(void **)
{
	uint64_t polls[VIFS + 1], sleeps;

	publish(VIFS);
	WAIT_FOR(n_hot(workers[0]) == 0);
	for (uint16_t id = 1; id <= VIFS; id++) {
		polls[id] = atomic_load(&guests[id][0].polls);
		assert_true(polls[id] > 0); /* hot at first */
	}
	sleeps = count_of(&counters->worker[0].sleeps);
	for (unsigned i = 0; i < 50; i++) /* each wakes it; it looks at nobody and sleeps again */
		worker_run_call(workers[0], call_nothing, NULL);
	for (uint16_t id = 1; id <= VIFS; id++)
		assert_int_equal(atomic_load(&guests[id][0].polls), polls[id]);
	WAIT_FOR(count_of(&counters->worker[0].sleeps) > sleeps);
}

static void frame_wakes(unsigned nth)
{
	uint64_t wakeups;

	WAIT_FOR(n_hot(workers[0]) == 0);
	wakeups = count_of(&counters->worker[0].wakeups);
	frames_wait(1, 0, 1);
	WAIT_FOR(atomic_load(&guests[2][0].got) == nth);
	assert_true(count_of(&counters->worker[0].wakeups) > wakeups);
}

static void a_frame_wakes_the_worker(void **)
{
	publish(VIFS);
	for (unsigned i = 1; i <= 20; i++)
		frame_wakes(i);
	assert_int_equal(atomic_load(&guests[1][0].got), 0); /* not back to its sender */
	assert_int_equal(count_of(&counters->vif[0][1].rx_packets), 20);
}

static void cold_queue_is_heard(unsigned nth)
{
	WAIT_FOR(n_hot(workers[0]) == 1);
	frames_wait(2, 0, 1);
	WAIT_FOR(atomic_load(&guests[2][0].given) == nth);
}

static void a_cold_queue_is_heard_while_another_is_never_silent(void **)
{
	publish(VIFS);
	frames_wait(1, 0, ENDLESS);
	for (unsigned i = 1; i <= 10; i++)
		cold_queue_is_heard(i);
}

static void call_given(struct worker *, void *arg)
{
	uint64_t *given = arg;

	for (uint16_t id = 1; id <= VIFS; id++)
		given[id] = atomic_load(&guests[id][0].given);
}

static void busy_queues_get_equal_turns(void **)
{
	uint64_t given[VIFS + 1], least = 0, most;

	for (uint16_t id = 1; id <= VIFS; id++)
		frames_wait(id, 0, ENDLESS);
	publish(VIFS);
	while (least < 2000) { /* any moment is good: they are equal all the time */
		worker_run_call(workers[0], call_given, given);
		least = most = given[1];
		for (uint16_t id = 2; id <= VIFS; id++) {
			least = MIN(least, given[id]);
			most = MAX(most, given[id]);
		}
		assert_true(most - least <= BURST_RX_MAX);
	}
}

static void a_turn_takes_many_small_frames_and_few_large_ones(void **)
{
	struct guest *g = &guests[1][0];

	publish(VIFS);
	frames_wait(1, 0, ENDLESS);
	WAIT_FOR(atomic_load(&g->given) > 100);
	assert_int_equal(atomic_load(&g->asked), 32);
	atomic_store(&g->frame_len, 32768);
	WAIT_FOR(atomic_load(&g->asked) == 8); /* 256 KiB */
	atomic_store(&g->frame_len, 60);
	WAIT_FOR(atomic_load(&g->asked) == 32);
}

static void a_dead_queue_is_reported_once_and_left_alone(void **)
{
	struct pollfd told = { .fd = event_fd, .events = POLLIN };
	uint16_t id = 0;
	uint64_t polls;

	publish(VIFS);
	WAIT_FOR(n_hot(workers[0]) == 0);
	atomic_store(&guests[3][0].fails, true);
	frames_wait(3, 0, 1);
	WAIT_FOR(worker_take_dead(workers[0], &id));
	assert_int_equal(id, 3);
	assert_int_equal(poll(&told, 1, 0), 1);
	polls = atomic_load(&guests[3][0].polls);
	frames_wait(1, 0, 1); /* life goes on */
	WAIT_FOR(atomic_load(&guests[2][0].got) == 1);
	for (unsigned i = 0; i < 20; i++)
		worker_run_call(workers[0], call_nothing, NULL);
	assert_int_equal(atomic_load(&guests[3][0].polls), polls);
	assert_false(worker_take_dead(workers[0], &id));
}

static void who_is_taken_out_is_never_touched_again(void **)
{
	static struct vif_table fewer;
	static struct worker_config next;
	uint64_t polls;

	publish(VIFS);
	for (uint16_t id = 1; id <= VIFS; id++)
		frames_wait(id, 0, ENDLESS);
	WAIT_FOR(atomic_load(&guests[1][0].given) > 100);
	fewer = (struct vif_table){ .n = 1, .ids = { 2 } };
	fewer.by_id[2] = vifs[2];
	next = cfg;
	next.vifs = &fewer;
	worker_publish(workers, 1, &next);
	polls = atomic_load(&guests[1][0].polls); /* from here on its memory could be gone */
	for (unsigned i = 0; i < 20; i++)
		worker_run_call(workers[0], call_nothing, NULL);
	assert_int_equal(atomic_load(&guests[1][0].polls), polls);
	assert_int_equal(n_hot(workers[0]), 1);
	worker_publish(workers, 1, &cfg); /* and back */
	WAIT_FOR(atomic_load(&guests[1][0].polls) > polls);
}

static void an_unfinished_flood_goes_on_without_another_frame(void **)
{
	const uint64_t *last = &counters->vif[0][VIF_ID_MAX - 1].drops[DROP_TX_LINK_DOWN];

	guests[1][0].frame_len = 1900; /* to 1,022 ports: more than a turn may cost */
	publish(VIF_ID_MAX - 1);
	WAIT_FOR(n_hot(workers[0]) == 0);
	frames_wait(1, 0, 1);
	WAIT_FOR(count_of(last) == 1); /* nobody is there, but it was its turn */
	assert_int_equal(atomic_load(&guests[2][0].got), 1);
	WAIT_FOR(n_hot(workers[0]) == 0);
}

static void each_worker_polls_its_own_queues_and_counts_in_its_own_slots(void **)
{
	publish(VIFS);
	for (unsigned i = 0; i < 100; i++) {
		frames_wait(1, 0, 1);
		frames_wait(1, 1, 2);
	}
	WAIT_FOR(atomic_load(&guests[2][0].got) == 300);
	WAIT_FOR(count_of(&counters->vif[0][1].rx_packets) == 100);
	WAIT_FOR(count_of(&counters->vif[1][1].rx_packets) == 200);
	for (uint16_t id = 1; id <= VIFS; id++)
		for (unsigned i = 0; i < 2; i++) {
			assert_true(atomic_load(&guests[id][i].polls) > 0);
			assert_false(atomic_load(&guests[id][i].is_strange));
		}
	worker_publish(workers, 2, &cfg); /* both have passed when it returns */
}

static void a_polling_worker_never_sleeps_and_hears_all(void **)
{
	publish(VIFS);
	WAIT_FOR(atomic_load(&guests[1][0].polls) > 1000);
	assert_int_equal(n_hot(workers[0]), VIFS);
	frames_wait(1, 0, 3);
	WAIT_FOR(atomic_load(&guests[2][0].got) == 3);
	assert_int_equal(count_of(&counters->worker[0].sleeps), 0);
}

static uint64_t measured(unsigned worker)
{
	return count_of(&counters->stage[worker].packets);
}

static void cycles_are_counted_by_stage_while_somebody_asks(void **)
{
	const struct stage_counters *c = &counters->stage[0];

	publish(VIFS);
	frames_wait(1, 0, 3);
	WAIT_FOR(atomic_load(&guests[2][0].got) == 3);
	assert_int_equal(measured(0), 0);
	worker_measure(workers[0], clock_now_ns() + 10 * NS_PER_SEC);
	frames_wait(1, 0, 4);
	WAIT_FOR(atomic_load(&guests[2][0].got) == 7);
	worker_pass(workers[0]);
	assert_int_equal(measured(0), 4);
	assert_true(count_of(&c->rx_cycles) > 0);
	for (unsigned i = 0; i < STAGE_N; i++)
		assert_true(count_of(&c->cycles[i]) > 0);
	worker_measure(workers[0], 0);
	frames_wait(1, 0, 5);
	WAIT_FOR(atomic_load(&guests[2][0].got) == 12);
	assert_int_equal(measured(0), 4);
}

static int refuse(void)
{
	return -EPERM;
}

static void a_worker_that_cannot_be_confined_does_not_start(void **)
{
	struct err e = ERR_NONE;
	struct worker *w = worker_create(
		&(struct worker_params){
			.n_workers = 1, .pools = &pools, .event_fd = event_fd, .confine = refuse },
		&e);

	assert_non_null(w);
	assert_int_equal(worker_start(w, &e), -EPERM);
	worker_destroy(w);
}

int main(void)
{
#define WITH(setup, f) cmocka_unit_test_setup_teardown(f, setup, end)
	const struct CMUnitTest tests[] = {
		WITH(one_worker, nobody_is_polled_before_the_first_snapshot),
		WITH(one_worker, idle_queues_go_cold_and_the_worker_sleeps),
		WITH(one_worker, a_frame_wakes_the_worker),
		WITH(one_worker, a_cold_queue_is_heard_while_another_is_never_silent),
		WITH(one_worker, busy_queues_get_equal_turns),
		WITH(one_worker, a_turn_takes_many_small_frames_and_few_large_ones),
		WITH(one_worker, a_dead_queue_is_reported_once_and_left_alone),
		WITH(one_worker, who_is_taken_out_is_never_touched_again),
		WITH(one_worker, an_unfinished_flood_goes_on_without_another_frame),
		WITH(two_workers, each_worker_polls_its_own_queues_and_counts_in_its_own_slots),
		WITH(one_worker, cycles_are_counted_by_stage_while_somebody_asks),
		WITH(polling_worker, a_polling_worker_never_sleeps_and_hears_all),
		WITH(one_worker, a_worker_that_cannot_be_confined_does_not_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
