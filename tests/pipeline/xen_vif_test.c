/* SPDX-License-Identifier: Apache-2.0 */
/* xen_vif_test.c - vifs of type netfront in the real pipeline, on rings in this process's memory.
 *
 *   guest 1 --- v1 (1 queue) --+
 *   guest 2 --- v2 (2 queues) -+-- n1        v3: a mem vif
 */
#include "tests/lib/bed.h"
#include "tests/lib/unit.h"
#include "tests/lib/xen_front.h"
#include "vif/vif_xen.h"
#include "vswitch/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ALL_FEATURES \
	(MSG_XEN_SG | MSG_XEN_GSO_TCP4 | MSG_XEN_GSO_TCP6 | MSG_XEN_CSUM_IP4 | MSG_XEN_CSUM_IP6)

struct guest {
	struct xen_shm *shm;
	struct xen_front *front[2];
	struct msg_xen_vif msg;
};

static struct frame F;
static struct front_frame got;
static const struct front_send plain;

static void guest_create(struct guest *g, uint16_t id, unsigned n_queues)
{
	g->shm = xen_shm_create();
	g->msg = (struct msg_xen_vif){ .domid = id, .features = ALL_FEATURES };
	g->msg.vif = (struct msg_vif){
		.vif_id = id,
		.type = VIF_TYPE_NETFRONT,
		.n_queues = (uint8_t)n_queues,
		.mtu = 1500,
		.name = "guest",
	};
	for (unsigned i = 0; i < n_queues; i++) {
		uint32_t page = i * FRONT_QUEUE_PAGES, port = i * FRONT_QUEUE_PORTS;

		g->front[i] = xen_front_create_queue(g->shm, i);
		g->msg.queue[i] = (struct msg_xen_queue){ .tx_page = page + FRONT_GREF_TX,
			.rx_page = page + FRONT_GREF_RX,
			.tx_port = port + FRONT_PORT_TX,
			.rx_port = port + FRONT_PORT_RX };
		xen_front_rx_fill(g->front[i], FRONT_RING);
	}
}

static struct vif *guest_open(struct guest *g, struct err *e)
{
	int fds[XEN_FDS_MAX];
	unsigned n = g->msg.vif.n_queues;

	for (unsigned i = 0; i < n; i++)
		fds[i] = dup(xen_shm_event(g->shm, g->msg.queue[i].tx_port).fd);
	fds[n] = open("/dev/null", O_RDWR | O_CLOEXEC);
	return vif_xen_open(&g->msg, &g->shm->dom, fds, n + 1, e);
}

static void guest_destroy(struct guest *g)
{
	assert_int_equal(g->shm->n_mapped, 0);
	for (unsigned i = 0; i < g->msg.vif.n_queues; i++)
		xen_front_destroy(g->front[i]);
	xen_shm_destroy(g->shm);
}

struct scene {
	struct bed *bed;
	struct guest guest[3]; /* by vif id */
};

static void vif_put(struct scene *s, uint16_t id)
{
	struct err e = ERR_NONE;

	vif_close(s->bed->vif[id]);
	s->bed->vif[id] = guest_open(&s->guest[id], &e);
	if (s->bed->vif[id] == NULL)
		fail_msg("%s: %s", e.path, e.msg);
	s->bed->vifs.by_id[id] = s->bed->vif[id];
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->bed = bed_create(32);
	bed_network(s->bed, 1);
	for (uint16_t id = 1; id <= 3; id++)
		bed_port(s->bed, id, 1);
	for (uint16_t id = 1; id <= 2; id++) {
		guest_create(&s->guest[id], id, id);
		vif_put(s, id);
	}
	bed_apply(s->bed);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	bed_destroy(s->bed);
	for (uint16_t id = 1; id <= 2; id++)
		guest_destroy(&s->guest[id]);
	free(s);
	return 0;
}

/* A turn of the worker for one queue; how many packets came. */
static uint16_t turn(struct scene *s, uint16_t id, unsigned queue)
{
	struct bed *b = s->bed;
	struct vif *v = b->vif[id];
	struct vif_queue *q = &v->queue[queue];
	uint16_t n;

	b->burst.n = v->ops->rx(v, q, &b->io, b->burst.pkt, 32);
	n = b->burst.n;
	if (n > 0)
		q->last_busy_ns = b->io.now_ns;
	pipeline_run(b->pipeline, &b->burst);
	assert_int_equal(rte_mempool_in_use_count(b->io.small_pool), 0);
	assert_int_equal(rte_mempool_in_use_count(b->io.big_pool), 0);
	return n;
}

static void guest_says(
	struct scene *s, uint16_t id, const struct frame *f, const struct front_send *how)
{
	struct xen_front *front = s->guest[id].front[0];

	assert_true(xen_front_send(front, f->bytes, f->len, how));
	xen_front_tx_push(front);
	assert_int_equal(turn(s, id, 0), 1);
	xen_front_tx_reap(front);
	assert_int_equal(front->tx.rsp_cons, front->tx.req_prod);
	assert_int_equal(front->stats.wrong_id, 0);
}

/* The next frame in either queue of the guest. */
static bool guest_hears(struct scene *s, uint16_t id)
{
	struct guest *g = &s->guest[id];

	for (unsigned i = 0; i < g->msg.vif.n_queues; i++)
		if (xen_front_rx_take(g->front[i], &got))
			return true;
	return false;
}

static void frames_pass_between_guests_and_other_vifs(void **state)
{
	struct scene *s = *state;

	frame_simple(&F, MAC_BCAST, MAC_OF(1), 300);
	guest_says(s, 1, &F, &plain);
	assert_true(guest_hears(s, 2));
	assert_int_equal(got.len, F.len);
	assert_memory_equal(got.bytes, F.bytes, F.len);
	assert_false(guest_hears(s, 2));
	EXPECT_FRAME(s->bed, 3, &F);
	frame_simple(&F, MAC_OF(1), MAC_OF(2), 400);
	guest_says(s, 2, &F, &plain);
	assert_true(guest_hears(s, 1));
	assert_memory_equal(got.bytes, F.bytes, F.len);
	EXPECT_NOTHING(s->bed, 3);
	assert_int_equal(s->bed->io.vif_counters[1].rx_packets, 1);
	assert_int_equal(s->bed->io.vif_counters[1].tx_packets, 1);
	assert_int_equal(s->bed->io.vif_counters[2].tx_bytes, got.len - 100u);
}

static void a_gso_frame_stays_whole_from_ring_to_ring(void **state)
{
	static const struct xen_extra gso
		= { .type = XEN_EXTRA_GSO, .u.gso = { .size = 1448, .type = XEN_GSO_TCP4 } };
	const struct front_send how = {
		.extras = &gso, .n_extras = 1, .flags = XEN_TX_CSUM_BLANK | XEN_TX_DATA_VALIDATED
	};
	struct scene *s = *state;

	frame_super(&F, false, false, 60000);
	guest_says(s, 1, &F, &how);
	assert_true(guest_hears(s, 2));
	assert_int_equal(got.len, F.len);
	assert_memory_equal(got.bytes, F.bytes, F.len);
	assert_int_equal(got.n_extras, 1);
	assert_int_equal(got.extras[0].u.gso.size, 1448);
	assert_true((got.flags & XEN_RX_CSUM_BLANK) != 0);
	assert_false(guest_hears(s, 2));
}

static void a_guest_without_gso_gets_segments(void **state)
{
	static const struct xen_extra gso
		= { .type = XEN_EXTRA_GSO, .u.gso = { .size = 1448, .type = XEN_GSO_TCP4 } };
	const struct front_send how = {
		.extras = &gso, .n_extras = 1, .flags = XEN_TX_CSUM_BLANK | XEN_TX_DATA_VALIDATED
	};
	struct scene *s = *state;
	uint32_t n = 0, bytes = 0;

	s->guest[2].msg.features = 0;
	vif_put(s, 2);
	bed_apply(s->bed);
	frame_super(&F, false, false, 30000);
	guest_says(s, 1, &F, &how);
	for (; guest_hears(s, 2); n++) {
		assert_int_equal(got.n_extras, 0);
		assert_int_equal(got.n_slots, 1);
		assert_null(frame_fault(got.bytes, got.len, false));
		bytes += got.len - 66;
	}
	assert_int_equal(n, (30000 - 66 + 1447) / 1448);
	assert_int_equal(bytes, 30000 - 66);
}

static void a_flow_stays_in_its_queue_and_flows_spread(void **state)
{
	struct scene *s = *state;
	unsigned n[2] = { 0 };

	for (unsigned flow = 0; flow < 64; flow++) {
		for (unsigned i = 0; i < 2; i++) {
			frame_eth(&F, MAC_OF(2), MAC_OF(1));
			frame_ip4(&F, 17);
			frame_udp(&F, (uint16_t)(1000 + flow));
			frame_payload(&F, 10);
			frame_end(&F);
			guest_says(s, 1, &F, &plain);
		}
		for (unsigned q = 0; q < 2; q++) {
			unsigned had = 0;

			for (; xen_front_rx_take(s->guest[2].front[q], &got); had++)
				n[q]++;
			assert_true(had == 0 || had == 2);
		}
	}
	assert_int_equal(n[0] + n[1], 128);
	assert_true(n[0] > 16 && n[1] > 16);
	frame_simple(&F, MAC_BCAST, MAC_OF(2), 100);
	assert_true(xen_front_send(s->guest[2].front[1], F.bytes, F.len, &plain));
	xen_front_tx_push(s->guest[2].front[1]);
	assert_int_equal(turn(s, 2, 1), 1);
	assert_true(guest_hears(s, 1));
}

static void a_guest_that_breaks_the_protocol_loses_its_own_vif_only(void **state)
{
	struct scene *s = *state;
	struct msg_xen_counts counts;

	s->guest[1].front[0]->tx.shared->req_prod = 5000;
	assert_int_equal(turn(s, 1, 0), 0);
	assert_true(s->bed->vif[1]->queue[0].is_dead);
	assert_true(s->bed->io.saw_dead);
	assert_int_equal(s->bed->vif[1]->ops->wait_fd(&s->bed->vif[1]->queue[0]), -1);
	vif_xen_counts(s->bed->vif[1], s->bed->io.now_ns, &counts);
	assert_non_null(strstr(counts.failure, "more requests than the ring has slots"));
	frame_simple(&F, MAC_BCAST, MAC_OF(2), 100);
	guest_says(s, 2, &F, &plain);
	EXPECT_FRAME(s->bed, 3, &F);
}

static void a_guest_without_room_loses_frames_with_a_reason(void **state)
{
	struct scene *s = *state;
	struct msg_xen_counts counts;

	for (unsigned i = 0; i < FRONT_RING + 3; i++) {
		frame_simple(&F, MAC_BCAST, MAC_OF(2), 100);
		guest_says(s, 2, &F, &plain);
	}
	assert_int_equal(bed_drops(s->bed, 1, DROP_TX_QUEUE_FULL), 3);
	vif_xen_counts(s->bed->vif[1], s->bed->io.now_ns + 5 * NS_PER_MS, &counts);
	assert_int_equal(counts.queue[0].rx_no_room, 3);
	assert_int_equal(counts.queue[0].rx_waiting, 0);
	assert_true(counts.queue[0].stalled_ms >= 5);
	for (struct mem_frame f; vif_mem_take(s->bed->vif[3], &f);)
		free(f.bytes);
}

static bool is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void a_silent_queue_sleeps_until_the_guest_notifies(void **state)
{
	struct scene *s = *state;
	struct vif *v = s->bed->vif[1];
	int fd = v->ops->wait_fd(&v->queue[0]);

	turn(s, 1, 0);
	bed_warp(s->bed, NS_PER_MS);
	assert_int_equal(turn(s, 1, 0), 0);
	assert_false(is_readable(fd));
	frame_simple(&F, MAC_BCAST, MAC_OF(1), 100);
	assert_true(xen_front_send(s->guest[1].front[0], F.bytes, F.len, &plain));
	assert_true(xen_front_tx_push(s->guest[1].front[0]));
	assert_true(is_readable(fd));
	v->queue[0].last_busy_ns = s->bed->io.now_ns; /* as worker.c does when it wakes */
	assert_int_equal(turn(s, 1, 0), 1);
	bed_warp(s->bed, NS_PER_MS);
	assert_int_equal(turn(s, 1, 0), 0);
	assert_false(is_readable(fd));
	EXPECT_FRAME(s->bed, 3, &F);
}

static void a_guest_that_notifies_for_nothing_is_looked_at_later(void **state)
{
	struct scene *s = *state;
	struct vif *v = s->bed->vif[1];
	unsigned n_held = 0;

	for (unsigned i = 0; i < 100; i++) {
		xen_shm_kick(s->guest[1].shm, FRONT_PORT_TX);
		v->queue[0].last_busy_ns = s->bed->io.now_ns;
		assert_int_equal(turn(s, 1, 0), 0);
		bed_warp(s->bed, 3 * NS_PER_US);
		assert_int_equal(turn(s, 1, 0), 0);
		n_held += v->queue[0].look_at_ns > s->bed->io.now_ns;
	}
	assert_true(n_held > 80);
	bed_warp(s->bed, NS_PER_SEC);
	v->queue[0].last_busy_ns = s->bed->io.now_ns;
	turn(s, 1, 0);
	bed_warp(s->bed, 3 * NS_PER_US);
	turn(s, 1, 0);
	frame_simple(&F, MAC_BCAST, MAC_OF(1), 100);
	guest_says(s, 1, &F, &plain);
	EXPECT_FRAME(s->bed, 3, &F);
}

static void rings_are_taken_up_where_another_engine_left_them(void **state)
{
	struct scene *s = *state;
	uint64_t told;

	for (unsigned i = 0; i < 100; i++) {
		frame_simple(&F, MAC_BCAST, MAC_OF(1), 100 + i);
		guest_says(s, 1, &F, &plain);
		assert_true(guest_hears(s, 2));
		EXPECT_FRAME(s->bed, 3, &F);
	}
	told = s->guest[1].shm->port[FRONT_PORT_TX].n_to_front;
	assert_true(xen_front_send(s->guest[1].front[0], F.bytes, F.len, &plain));
	xen_front_tx_push(s->guest[1].front[0]); /* said while nobody was there */
	vif_put(s, 1);
	vif_put(s, 2);
	bed_apply(s->bed);
	assert_int_equal(turn(s, 1, 0), 1);
	assert_true(guest_hears(s, 2));
	assert_int_equal(got.len, F.len);
	assert_true(s->guest[1].shm->port[FRONT_PORT_TX].n_to_front > told);
	EXPECT_FRAME(s->bed, 3, &F);
}

static void a_control_ring_is_answered(void **state)
{
	struct scene *s = *state;
	struct xen_ctrl_request req = { .id = 7, .type = XEN_CTRL_GET_HASH_MAPPING_SIZE };
	struct xen_ctrl_response rsp;

	s->guest[1].msg.features |= MSG_XEN_CTRL;
	s->guest[1].msg.ctrl_page = FRONT_GREF_CTRL;
	s->guest[1].msg.ctrl_port = FRONT_PORT_CTRL;
	vif_put(s, 1);
	bed_apply(s->bed);
	xen_front_ctrl_ask(s->guest[1].front[0], &req);
	bed_warp(s->bed, NS_PER_MS);
	turn(s, 1, 0);
	assert_true(xen_front_ctrl_take(s->guest[1].front[0], &rsp));
	assert_int_equal(rsp.id, 7);
	assert_int_equal(rsp.value, 128);
	s->bed->io.polls = true; /* and by a worker that no event wakes */
	req.id = 8;
	xen_front_ctrl_ask(s->guest[1].front[0], &req);
	turn(s, 1, 0);
	assert_true(xen_front_ctrl_take(s->guest[1].front[0], &rsp));
	assert_int_equal(rsp.id, 8);
}

static void is_not_opened(struct guest *g, const char *reason)
{
	struct err e = ERR_NONE;

	assert_null(guest_open(g, &e));
	assert_non_null(strstr(e.msg, reason));
	assert_int_equal(g->shm->n_mapped, 0);
}

static void what_makes_no_sense_is_not_opened(void **)
{
	struct guest g;

	guest_create(&g, 1, 1);
	g.msg.features = 1u << 20;
	is_not_opened(&g, "features that do not exist");
	g.msg.features = ALL_FEATURES;
	g.msg.headroom = 3000;
	is_not_opened(&g, "features that do not exist");
	g.msg.headroom = 0;
	g.msg.queue[0].rx_page = FRONT_GREF_NONE;
	is_not_opened(&g, "cannot be mapped");
	g.msg.queue[0].rx_page = FRONT_GREF_RX;
	g.front[0]->tx.shared->rsp_prod = 1000;
	is_not_opened(&g, "make no sense");
	g.front[0]->tx.shared->rsp_prod = 0;
	g.msg.vif.n_queues = 0;
	is_not_opened(&g, "0 queues");
	g.msg.vif.n_queues = 1;
	guest_destroy(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(frames_pass_between_guests_and_other_vifs),
		TEST(a_gso_frame_stays_whole_from_ring_to_ring),
		TEST(a_guest_without_gso_gets_segments),
		TEST(a_flow_stays_in_its_queue_and_flows_spread),
		TEST(a_guest_that_breaks_the_protocol_loses_its_own_vif_only),
		TEST(a_guest_without_room_loses_frames_with_a_reason),
		TEST(a_silent_queue_sleeps_until_the_guest_notifies),
		TEST(a_guest_that_notifies_for_nothing_is_looked_at_later),
		TEST(rings_are_taken_up_where_another_engine_left_them),
		TEST(a_control_ring_is_answered),
		cmocka_unit_test(what_makes_no_sense_is_not_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
