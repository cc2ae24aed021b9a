/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_session_test.c - what a VMM's messages make of a session and its rings, honest and hostile. */
#include "tests/lib/unit.h"
#include "tests/lib/vhost_front.h"
#include "vif/vhost_session.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define F(bit) (UINT64_C(1) << (bit))
#define OFFERED (F(VIRTIO_F_VERSION_1) | F(VIRTIO_NET_F_MRG_RXBUF))
#define CHOSEN (OFFERED | VHOST_FEATURE_PROTOCOL)

struct scene {
	struct vhost_front front;
	struct vhost_session *s;
	unsigned n_quiesced, n_announced;
	int watched[VHOST_RINGS_MAX]; /* kick fd, or -1 */
	uint8_t mac[6];
};

static void scene_quiesce(void *arg)
{
	((struct scene *)arg)->n_quiesced++;
}

static void scene_watch(void *arg, unsigned ring, int kick_fd)
{
	((struct scene *)arg)->watched[ring] = kick_fd;
}

static void scene_announce(void *arg, const uint8_t mac[6])
{
	struct scene *c = arg;

	c->n_announced++;
	memcpy(c->mac, mac, sizeof(c->mac));
}

static const struct vhost_session_ops scene_ops = {
	.quiesce = scene_quiesce,
	.watch = scene_watch,
	.announce = scene_announce,
};

static void scene_open_with(struct scene *c, bool must_be_sealed)
{
	struct vhost_session_config config = {
		.name = "v0",
		.features = OFFERED,
		.n_pairs = 2,
		.mtu_max = 1500,
		.limits = { .must_be_sealed = must_be_sealed },
		.ops = &scene_ops,
		.arg = c,
	};
	int fd;

	memset(c, 0, sizeof(*c));
	memset(c->watched, 0xff, sizeof(c->watched));
	fd = front_open(&c->front);
	c->s = vhost_session_create(&config, NULL);
	assert_non_null(c->s);
	vhost_session_attach(c->s, fd);
}

static void scene_open(struct scene *c)
{
	scene_open_with(c, false);
}

static void scene_close(struct scene *c)
{
	vhost_session_destroy(c->s);
	front_close(&c->front);
}

static int served(struct scene *c)
{
	struct err e = ERR_NONE;
	int rc;

	do {
		rc = vhost_session_serve(c->s, &e);
	} while (rc == 1);
	assert_true(rc <= 0);
	assert_true(rc == 0 || c->s->fd == -1);
	assert_true(rc == 0 || rc == -ECONNRESET || c->s->why[0] != '\0');
	return rc;
}

/* What QEMU says until its guest's first queue works. */
static void negotiated(struct scene *c)
{
	uint64_t value;

	front_say(&c->front, VHOST_REQ_GET_FEATURES);
	assert_int_equal(served(c), 0);
	assert_int_equal(front_answer(&c->front, &value), VHOST_REQ_GET_FEATURES);
	assert_int_equal(value, OFFERED | VHOST_FEATURE_PROTOCOL | VHOST_FEATURE_LOG_ALL);
	front_say(&c->front, VHOST_REQ_GET_PROTOCOL_FEATURES);
	assert_int_equal(served(c), 0);
	assert_int_equal(front_answer(&c->front, &value), VHOST_REQ_GET_PROTOCOL_FEATURES);
	assert_true(value & VHOST_PROTO_REPLY_ACK);
	front_u64(&c->front, VHOST_REQ_SET_PROTOCOL_FEATURES, value);
	front_say(&c->front, VHOST_REQ_SET_OWNER);
	front_u64(&c->front, VHOST_REQ_SET_FEATURES, CHOSEN);
	assert_int_equal(served(c), 0);
}

static void started(struct scene *c)
{
	negotiated(c);
	front_table(&c->front, 1);
	front_ring(&c->front, 0);
	front_ring(&c->front, 1);
	assert_int_equal(served(c), 0);
	assert_int_equal(vhost_session_n_live(c->s), 2);
}

/* Offer entry @idx of the sending ring and receive it as the worker would. */
static void frame_passes(struct scene *c, uint16_t idx)
{
	uint8_t first[64], rest[64];
	struct vhost_rx slot = {
		.first = first, .first_room = sizeof(first), .rest = rest, .rest_room = sizeof(rest)
	};

	memset(c->front.mem + FRONT_BUFS, 0, 12);
	memset(c->front.mem + FRONT_BUFS + 12, 0xa0 + idx, 60);
	front_offer(&c->front, 1, idx, FRONT_BUFS, 72, false);
	assert_int_equal(vhost_queue_dequeue(&c->s->ring[1].queue, &slot, 1), 1);
	assert_int_equal(slot.len, 60);
	assert_int_equal(first[59], (0xa0 + idx) & 0xff);
	assert_int_equal(front_used(&c->front, 1), (uint16_t)(idx + 1));
}

static unsigned fds_open(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void rings_live_when_they_have_all_they_need(void **)
{
	struct scene c;

	scene_open(&c);
	negotiated(&c);
	front_ring(&c.front, 0);
	assert_int_equal(served(&c), 0);
	assert_int_equal(vhost_session_n_live(c.s), 0); /* no memory yet */
	front_table(&c.front, 1);
	assert_int_equal(served(&c), 0);
	assert_int_equal(vhost_session_n_live(c.s), 1);
	assert_true(c.watched[0] >= 0);
	front_ring(&c.front, 1);
	assert_int_equal(served(&c), 0);
	frame_passes(&c, 0);
	scene_close(&c);
}

static void a_new_call_fd_is_told_at_once_what_the_old_one_may_have_missed(void **)
{
	struct scene c;
	uint64_t n = 0;

	scene_open(&c);
	started(&c);
	assert_int_equal(read(c.front.call[1], &n, sizeof(n)), sizeof(n));
	front_ring_fd(&c.front, VHOST_REQ_SET_VRING_CALL, 1, -1);
	front_ring_fd(&c.front, VHOST_REQ_SET_VRING_CALL, 1, c.front.call[1]);
	assert_int_equal(served(&c), 0);
	assert_int_equal(read(c.front.call[1], &n, sizeof(n)), sizeof(n));
	assert_int_equal(vhost_session_n_live(c.s), 2);
	scene_close(&c);
}

static void a_ring_goes_on_where_it_stood_whatever_is_changed_under_it(void **)
{
	struct scene c;

	scene_open(&c);
	started(&c);
	frame_passes(&c, 0);
	front_table(&c.front, 2); /* memory hot-plugged */
	assert_int_equal(served(&c), 0);
	frame_passes(&c, 1);
	front_ring_addr(&c.front, 1, VHOST_ADDR_LOG); /* a migration begins */
	front_u64(&c.front, VHOST_REQ_SET_FEATURES, CHOSEN | VHOST_FEATURE_LOG_ALL);
	assert_int_equal(served(&c), 0);
	frame_passes(&c, 2);
	front_state(&c.front, VHOST_REQ_SET_VRING_ENABLE, 1, 0);
	assert_int_equal(served(&c), 0);
	assert_int_equal(vhost_session_n_live(c.s), 1);
	front_state(&c.front, VHOST_REQ_SET_VRING_ENABLE, 1, 1);
	assert_int_equal(served(&c), 0);
	frame_passes(&c, 3);
	assert_true(c.n_quiesced >= 4);
	scene_close(&c);
}

static void get_vring_base_stops_the_ring_and_says_where(void **)
{
	struct scene c;
	uint64_t value;

	scene_open(&c);
	started(&c);
	frame_passes(&c, 0);
	frame_passes(&c, 1);
	front_state(&c.front, VHOST_REQ_GET_VRING_BASE, 1, 0);
	assert_int_equal(served(&c), 0);
	assert_int_equal(front_answer(&c.front, &value), VHOST_REQ_GET_VRING_BASE);
	assert_int_equal(value >> 32, 2);
	assert_int_equal(value & 0xffffffff, 1);
	assert_int_equal(c.watched[1], -1);
	assert_int_equal(vhost_session_n_live(c.s), 1);
	scene_close(&c);
}

static void memory_is_added_and_removed_by_region(void **)
{
	struct scene c;
	uint64_t value;

	scene_open(&c);
	negotiated(&c);
	front_say(&c.front, VHOST_REQ_GET_MAX_MEM_SLOTS);
	assert_int_equal(served(&c), 0);
	assert_int_equal(front_answer(&c.front, &value), VHOST_REQ_GET_MAX_MEM_SLOTS);
	assert_true(value >= 32);
	for (uint32_t i = 0; i < 32; i++)
		front_region(&c.front, VHOST_REQ_ADD_MEM_REG, i, 32);
	front_ring(&c.front, 1);
	assert_int_equal(served(&c), 0);
	assert_int_equal(c.s->mem->n, 32);
	frame_passes(&c, 0);
	front_region(&c.front, VHOST_REQ_REM_MEM_REG, 31, 32);
	assert_int_equal(served(&c), 0);
	assert_int_equal(c.s->mem->n, 31);
	frame_passes(&c, 1);
	scene_close(&c);
}

/* QEMU 7.2 adds and removes each region once for each pair of queues. */
static void a_region_may_be_added_and_removed_again(void **)
{
	struct scene c;
	unsigned before;

	scene_open(&c);
	negotiated(&c);
	for (uint32_t i = 0; i < 4; i++)
		front_region(&c.front, VHOST_REQ_ADD_MEM_REG, i, 4);
	front_ring(&c.front, 1);
	assert_int_equal(served(&c), 0);
	before = fds_open();
	for (uint32_t i = 0; i < 4; i++)
		front_region(&c.front, VHOST_REQ_ADD_MEM_REG, i, 4);
	assert_int_equal(served(&c), 0);
	assert_int_equal(c.s->mem->n, 4);
	assert_int_equal(fds_open(), before);
	frame_passes(&c, 0);
	for (unsigned i = 0; i < 3; i++)
		front_region(&c.front, VHOST_REQ_REM_MEM_REG, 3, 4);
	assert_int_equal(served(&c), 0);
	assert_int_equal(c.s->mem->n, 3);
	assert_int_equal(fds_open(), before - 1);
	frame_passes(&c, 1);
	scene_close(&c);
}

static void a_ring_whose_memory_is_removed_ends_the_session(void **)
{
	struct scene c;

	scene_open(&c);
	started(&c);
	front_region(&c.front, VHOST_REQ_REM_MEM_REG, 0, 1);
	assert_int_not_equal(served(&c), 0);
	assert_int_equal(vhost_session_n_live(c.s), 0);
	scene_close(&c);
}

static void acknowledgements_are_sent_when_asked_for(void **)
{
	struct vhost_msg_hdr hdr
		= { VHOST_REQ_SET_OWNER, VHOST_MSG_VERSION | VHOST_MSG_NEED_REPLY, 0 };
	struct scene c;
	uint64_t value;

	scene_open(&c);
	front_send(&c.front, &hdr, NULL, NULL, 0);
	assert_int_equal(served(&c), 0);
	assert_int_equal(front_answer(&c.front, &value), 0); /* not negotiated */
	negotiated(&c);
	front_send(&c.front, &hdr, NULL, NULL, 0);
	assert_int_equal(served(&c), 0);
	assert_int_equal(front_answer(&c.front, &value), VHOST_REQ_SET_OWNER);
	assert_int_equal(value, 0);
	hdr = (struct vhost_msg_hdr){ VHOST_REQ_SET_VRING_NUM,
		VHOST_MSG_VERSION | VHOST_MSG_NEED_REPLY, 8 };
	front_send(&c.front, &hdr, (uint32_t[]){ 0, 0 }, NULL, 0);
	assert_int_equal(served(&c), -EINVAL);
	assert_int_equal(front_answer(&c.front, &value), VHOST_REQ_SET_VRING_NUM);
	assert_int_not_equal(value, 0);
	scene_close(&c);
}

static void the_dirty_log_is_acknowledged_and_used_when_features_say_so(void **)
{
	struct vhost_msg_hdr hdr = { VHOST_REQ_SET_LOG_BASE, VHOST_MSG_VERSION, 16 };
	struct scene c;
	uint64_t value;

	scene_open(&c);
	started(&c);
	front_send(&c.front, &hdr, (uint64_t[]){ 4096, 0 }, &c.front.mem_fd, 1);
	assert_int_equal(served(&c), 0);
	assert_int_equal(front_answer(&c.front, &value), VHOST_REQ_SET_LOG_BASE);
	assert_null(c.s->ring[1].queue.log);
	front_u64(&c.front, VHOST_REQ_SET_FEATURES, CHOSEN | VHOST_FEATURE_LOG_ALL);
	assert_int_equal(served(&c), 0);
	assert_non_null(c.s->ring[1].queue.log);
	front_u64(&c.front, VHOST_REQ_SET_FEATURES, CHOSEN);
	assert_int_equal(served(&c), 0);
	assert_null(c.s->ring[1].queue.log);
	scene_close(&c);
}

static void the_guests_move_is_announced_with_its_address(void **)
{
	static const uint8_t mac[6] = { 0x52, 0x54, 0, 1, 2, 3 };
	struct scene c;

	scene_open(&c);
	started(&c);
	front_u64(&c.front, VHOST_REQ_SEND_RARP, UINT64_C(0x030201005452));
	assert_int_equal(served(&c), 0);
	assert_int_equal(c.n_announced, 1);
	assert_memory_equal(c.mac, mac, sizeof(mac));
	scene_close(&c);
}

static void a_vmm_that_goes_leaves_nothing_behind(void **)
{
	unsigned before = fds_open();
	struct scene c;
	int fd;

	scene_open(&c);
	started(&c);
	close(c.front.sock);
	c.front.sock = -1;
	assert_int_equal(served(&c), -ECONNRESET);
	assert_int_equal(vhost_session_n_live(c.s), 0);
	assert_int_equal(c.watched[0], -1);
	assert_int_equal(c.watched[1], -1);
	assert_null(c.s->mem);
	fd = front_reconnect(&c.front);
	vhost_session_attach(c.s, fd);
	started(&c); /* rings take up at the used index of the guest's memory */
	scene_close(&c);
	assert_int_equal(fds_open(), before);
}

static void half_a_message_waits_for_the_rest(void **)
{
	static const uint8_t bytes[]
		= { 2, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0 };
	struct scene c;

	scene_open(&c);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		assert_false(c.s->has_features);
		assert_int_equal(write(c.front.sock, &bytes[i], 1), 1);
		assert_int_equal(served(&c), 0);
	}
	assert_true(c.s->has_features);
	assert_int_equal(c.s->features, F(VIRTIO_F_VERSION_1));
	scene_close(&c);
}

static void fds_of_a_message_never_go_to_the_one_before_it(void **)
{
	struct scene c;

	scene_open(&c);
	negotiated(&c);
	front_say(&c.front, VHOST_REQ_SET_OWNER); /* both are in the socket when it is looked at */
	front_table(&c.front, 2);
	assert_int_equal(served(&c), 0);
	assert_int_equal(c.s->mem->n, 2);
	scene_close(&c);
}

/* Send one hostile message to a working session; it must end, without an fd lost. */
static void hung_up_on(uint32_t request, const void *payload, uint32_t size, unsigned n_fds)
{
	struct vhost_msg_hdr hdr = { request, VHOST_MSG_VERSION, size };
	unsigned before = fds_open();
	int fds[64];
	struct scene c;

	scene_open(&c);
	started(&c);
	for (unsigned i = 0; i < n_fds; i++)
		fds[i] = c.front.mem_fd;
	front_send(&c.front, &hdr, payload, fds, n_fds);
	assert_true(served(&c) < 0);
	assert_int_equal(vhost_session_n_live(c.s), 0);
	scene_close(&c);
	assert_int_equal(fds_open(), before);
}

static void hostile_values_end_the_session(void **)
{
	uint64_t features = OFFERED | F(63), log[2] = { 8192, UINT64_MAX - 4095 }, mtu = 9000;
	uint64_t fewer = CHOSEN & ~F(VIRTIO_NET_F_MRG_RXBUF), proto = F(16);

	hung_up_on(VHOST_REQ_SET_FEATURES, &features, 8, 0);
	hung_up_on(VHOST_REQ_SET_FEATURES, &fewer, 8, 0); /* under live rings */
	hung_up_on(VHOST_REQ_SET_PROTOCOL_FEATURES, &proto, 8, 0);
	hung_up_on(VHOST_REQ_SET_LOG_BASE, log, 16, 1);
	hung_up_on(VHOST_REQ_NET_SET_MTU, &mtu, 8, 0);
	hung_up_on(VHOST_REQ_SET_VRING_NUM, (uint32_t[]){ 0, 0 }, 8, 0);
	hung_up_on(VHOST_REQ_SET_VRING_NUM, (uint32_t[]){ 0, 65536 }, 8, 0);
	hung_up_on(VHOST_REQ_SET_VRING_NUM, (uint32_t[]){ 0, 63 }, 8, 0); /* no power of two */
	hung_up_on(VHOST_REQ_SET_VRING_NUM, (uint32_t[]){ 4, 64 }, 8, 0); /* a third queue */
	hung_up_on(VHOST_REQ_SET_VRING_ENABLE, (uint32_t[]){ 0, 2 }, 8, 0);
	hung_up_on(VHOST_REQ_SET_VRING_ADDR, (uint64_t[]){ 0, 0, 0, 0, 0 }, 40, 0); /* not mapped */
	hung_up_on(31, (uint64_t[]){ 0, 0, 0 }, 24, 0); /* GET_INFLIGHT_FD */
}

static void surplus_fds_end_the_session_and_are_closed(void **)
{
	for (unsigned n_fds = 1; n_fds <= 64; n_fds++)
		hung_up_on(VHOST_REQ_SET_VRING_NUM, (uint32_t[]){ 0, FRONT_NUM }, 8, n_fds);
}

static void only_eventfds_are_taken_for_kicks_and_calls(void **)
{
	uint64_t ring = 1;
	int pair[2];

	hung_up_on(VHOST_REQ_SET_VRING_KICK, &ring, 8, 1); /* a memfd */
	hung_up_on(VHOST_REQ_SET_VRING_CALL, &ring, 8, 1);
	assert_int_equal(pipe(pair), 0);
	for (unsigned i = 0; i < 2; i++) {
		struct scene c;

		scene_open(&c);
		started(&c);
		front_ring_fd(&c.front, VHOST_REQ_SET_VRING_CALL, 1, pair[i]);
		assert_true(served(&c) < 0);
		scene_close(&c);
		close(pair[i]);
	}
}

static void memory_that_can_be_shrunk_is_refused_where_seals_are_required(void **)
{
	struct scene c;

	scene_open_with(&c, true);
	negotiated(&c);
	front_table(&c.front, 1);
	assert_true(served(&c) < 0);
	scene_close(&c);
	scene_open_with(&c, true);
	assert_int_equal(fcntl(c.front.mem_fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	started(&c);
	assert_true(c.s->mem->is_sealed);
	scene_close(&c);
}

static void a_vmm_that_does_not_read_answers_is_hung_up_on(void **)
{
	struct scene c;
	int rc = 0;

	scene_open(&c);
	for (unsigned i = 0; i < 100000 && rc == 0; i++) {
		front_say(&c.front, VHOST_REQ_GET_FEATURES);
		rc = served(&c);
	}
	assert_int_equal(rc, -EPROTO);
	scene_close(&c);
}

static void the_same_said_10000_times_takes_nothing_more(void **)
{
	struct scene c;
	unsigned before;

	scene_open(&c);
	started(&c);
	before = fds_open();
	for (unsigned i = 0; i < 10000; i++) {
		front_state(&c.front, VHOST_REQ_SET_VRING_NUM, 1, FRONT_NUM);
		front_table(&c.front, 1 + i % 8);
		front_ring_fd(&c.front, VHOST_REQ_SET_VRING_CALL, 1, c.front.call[1]);
		front_ring_fd(&c.front, VHOST_REQ_SET_VRING_KICK, 1, c.front.kick[1]);
		assert_int_equal(served(&c), 0);
	}
	front_table(&c.front, 1); /* an fd of each region is kept */
	assert_int_equal(served(&c), 0);
	assert_int_equal(fds_open(), before);
	frame_passes(&c, 0);
	scene_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rings_live_when_they_have_all_they_need),
		cmocka_unit_test(a_new_call_fd_is_told_at_once_what_the_old_one_may_have_missed),
		cmocka_unit_test(a_ring_goes_on_where_it_stood_whatever_is_changed_under_it),
		cmocka_unit_test(get_vring_base_stops_the_ring_and_says_where),
		cmocka_unit_test(memory_is_added_and_removed_by_region),
		cmocka_unit_test(a_region_may_be_added_and_removed_again),
		cmocka_unit_test(a_ring_whose_memory_is_removed_ends_the_session),
		cmocka_unit_test(acknowledgements_are_sent_when_asked_for),
		cmocka_unit_test(the_dirty_log_is_acknowledged_and_used_when_features_say_so),
		cmocka_unit_test(the_guests_move_is_announced_with_its_address),
		cmocka_unit_test(a_vmm_that_goes_leaves_nothing_behind),
		cmocka_unit_test(half_a_message_waits_for_the_rest),
		cmocka_unit_test(fds_of_a_message_never_go_to_the_one_before_it),
		cmocka_unit_test(hostile_values_end_the_session),
		cmocka_unit_test(surplus_fds_end_the_session_and_are_closed),
		cmocka_unit_test(only_eventfds_are_taken_for_kicks_and_calls),
		cmocka_unit_test(memory_that_can_be_shrunk_is_refused_where_seals_are_required),
		cmocka_unit_test(a_vmm_that_does_not_read_answers_is_hung_up_on),
		cmocka_unit_test(the_same_said_10000_times_takes_nothing_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
