/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_saved_test.c - a session taken up by another engine, from what was deposited and written down. */
#include "tests/lib/unit.h"
#include "tests/lib/vhost_front.h"
#include "vif/vhost_session.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define F(bit) (UINT64_C(1) << (bit))
#define OFFERED (F(VIRTIO_F_VERSION_1) | F(VIRTIO_NET_F_MRG_RXBUF))

/* The keeper of deposits, and two engines one after the other. */
struct scene {
	struct vhost_front front;
	struct vhost_session *s;
	struct vhost_saved *saved;
	int kept[VHOST_SLOT_N];
	unsigned n_kept;
};

static void on_quiesce(void *)
{
}

static void on_watch(void *, unsigned, int)
{
}

static void on_announce(void *, const uint8_t[6])
{
}

static void on_deposit(void *arg, unsigned slot, int fd)
{
	struct scene *c = arg;
	unsigned end = slot == VHOST_SLOT_N ? VHOST_SLOT_N : slot + 1;

	assert_true(slot < VHOST_SLOT_N || fd < 0);
	for (unsigned i = slot == VHOST_SLOT_N ? 0 : slot; i < end; i++) {
		if (c->kept[i] >= 0) {
			close(c->kept[i]);
			c->n_kept--;
		}
		c->kept[i] = fd >= 0 ? dup(fd) : -1;
		c->n_kept += fd >= 0;
	}
}

static const struct vhost_session_ops ops = {
	.quiesce = on_quiesce, .watch = on_watch, .announce = on_announce, .deposit = on_deposit
};

static const struct vhost_session_ops dead_ops
	= { .quiesce = on_quiesce, .watch = on_watch, .announce = on_announce };

static struct vhost_session *engine(struct scene *c)
{
	const struct vhost_session_config config = { .name = "v0",
		.features = OFFERED | F(VIRTIO_F_RING_PACKED),
		.n_pairs = 2,
		.mtu_max = 1500,
		.saved = c->saved,
		.ops = &ops,
		.arg = c };

	return vhost_session_create(&config, NULL);
}

static void scene_open(struct scene *c)
{
	memset(c, 0, sizeof(*c));
	memset(c->kept, 0xff, sizeof(c->kept));
	c->saved = calloc(1, sizeof(*c->saved));
	assert_non_null(c->saved);
	c->s = engine(c);
	vhost_session_attach(c->s, front_open(&c->front));
}

static void served(struct scene *c)
{
	struct err e = ERR_NONE;
	int rc;

	do {
		rc = vhost_session_serve(c->s, &e);
	} while (rc == 1);
	assert_int_equal(rc, 0);
}

static void started(struct scene *c)
{
	front_u64(&c->front, VHOST_REQ_SET_PROTOCOL_FEATURES, VHOST_PROTO_REPLY_ACK);
	front_u64(&c->front, VHOST_REQ_SET_FEATURES, OFFERED | VHOST_FEATURE_PROTOCOL);
	front_table(&c->front, 4);
	front_ring(&c->front, 0);
	front_ring(&c->front, 1);
	served(c);
	assert_int_equal(vhost_session_n_live(c->s), 2);
}

/* Its fds are closed by the kernel when an engine dies; nothing else happens. */
static struct vhost_saved *engine_dies(struct scene *c)
{
	struct vhost_saved *left = malloc(sizeof(*left));

	assert_non_null(left);
	*left = *c->saved;
	c->s->config.ops = &dead_ops;
	c->s->config.saved = NULL;
	for (unsigned i = 0; i < VHOST_RINGS_MAX; i++)
		atomic_store(&c->s->ring[i].is_live, false);
	close(c->s->fd); /* and not shut down */
	c->s->fd = -1;
	vhost_session_destroy(c->s);
	return left;
}

static int taken_up(struct scene *c, struct vhost_saved *left)
{
	struct err e = ERR_NONE;
	int given[VHOST_SLOT_N];

	memcpy(c->saved, left, sizeof(*left));
	free(left);
	c->s = engine(c);
	memcpy(given, c->kept, sizeof(given));
	for (unsigned i = 0; i < VHOST_SLOT_N; i++)
		if (given[i] >= 0)
			assert_int_equal(vhost_session_give(c->s, i, dup(given[i])), 0);
	return vhost_session_resume(c->s, &e);
}

static void scene_close(struct scene *c)
{
	vhost_session_destroy(c->s);
	assert_int_equal(c->n_kept, 0);
	front_close(&c->front);
	free(c->saved);
}

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

static void rings_go_on_in_the_next_engine(void **)
{
	unsigned before = fds_open();
	struct scene c;
	uint64_t value;

	scene_open(&c);
	started(&c);
	for (uint16_t i = 0; i < 3; i++)
		frame_passes(&c, i);
	assert_int_equal(taken_up(&c, engine_dies(&c)), 0);
	assert_int_equal(vhost_session_n_live(c.s), 2);
	assert_int_equal(c.s->mem->n, 4);
	frame_passes(&c, 3);
	assert_int_equal(taken_up(&c, engine_dies(&c)), 0); /* and in the one after it */
	frame_passes(&c, 4);
	front_state(&c.front, VHOST_REQ_GET_VRING_BASE, 1, 0); /* the socket is the same */
	served(&c);
	assert_int_equal(front_answer(&c.front, &value), VHOST_REQ_GET_VRING_BASE);
	assert_int_equal(value >> 32, 5);
	scene_close(&c);
	assert_int_equal(fds_open(), before);
}

static void what_is_given_up_is_deposited_no_more(void **)
{
	struct scene c;
	unsigned n;

	scene_open(&c);
	started(&c);
	n = c.n_kept;
	assert_int_equal(n, 1 + 4 + 4); /* socket, regions, a kick and a call of two rings */
	front_table(&c.front, 1);
	front_ring_fd(&c.front, VHOST_REQ_SET_VRING_CALL, 0, -1);
	front_state(&c.front, VHOST_REQ_GET_VRING_BASE, 1, 0);
	served(&c);
	assert_int_equal(c.n_kept, n - 3 - 1 - 1);
	vhost_session_close(c.s, NULL);
	assert_int_equal(c.n_kept, 0);
	scene_close(&c);
}

static void an_engine_that_died_over_a_message_leaves_nothing_to_take_up(void **)
{
	struct vhost_saved *left;
	struct scene c;
	uint64_t value;

	scene_open(&c);
	started(&c);
	left = engine_dies(&c);
	left->is_amid = 1;
	assert_int_equal(taken_up(&c, left), -EINTR);
	assert_int_equal(c.s->fd, -1);
	assert_true(c.s->why[0] != '\0');
	assert_int_equal(recv(c.front.sock, &value, 1, MSG_DONTWAIT), 0); /* the VMM is told */
	vhost_session_attach(c.s, front_reconnect(&c.front)); /* and comes again */
	started(&c);
	frame_passes(&c, 0);
	scene_close(&c);
}

/* Whoever had control over the engine before could write anything there. */
static void what_does_not_add_up_ends_the_session(void **)
{
	for (unsigned i = 0; i < 9; i++) {
		struct vhost_saved *left;
		struct scene c;

		scene_open(&c);
		started(&c);
		left = engine_dies(&c);
		switch (i) {
		case 0: left->has_region[1] = 1; break;
		case 1: left->has_region[0] = 0; break;
		case 2: left->has_log = 1; break;
		case 3: left->features |= F(63); break;
		case 4: left->ring[0].num = 63; break;
		case 5: left->ring[1].desc_user = 1; break;
		case 6: left->region[0].size = UINT64_MAX; break;
		case 7: left->record[1].magic = 1; break;
		case 8: left->magic = 0; break;
		default: break;
		}
		assert_true(taken_up(&c, left) < 0);
		assert_int_equal(c.s->fd, -1);
		assert_int_equal(vhost_session_n_live(c.s), 0);
		scene_close(&c);
	}
}

static void fds_go_where_they_belong_and_once(void **)
{
	struct scene c;

	scene_open(&c);
	assert_int_equal(vhost_session_give(c.s, VHOST_SLOT_SOCKET, dup(0)), -EINVAL);
	assert_int_equal(vhost_session_give(c.s, VHOST_SLOT_N, dup(0)), -EINVAL);
	assert_int_equal(vhost_session_give(c.s, UINT32_MAX, dup(0)), -EINVAL);
	vhost_session_close(c.s, NULL);
	assert_int_equal(vhost_session_give(c.s, VHOST_SLOT_RINGS, dup(0)), 0); /* no eventfd */
	assert_int_equal(vhost_session_give(c.s, VHOST_SLOT_SOCKET, dup(0)), 0);
	assert_int_equal(vhost_session_resume(c.s, &(struct err){ 0 }), -EINVAL);
	scene_close(&c);
}

static void nothing_deposited_is_nothing_to_take_up(void **)
{
	struct scene c;

	scene_open(&c);
	vhost_session_close(c.s, NULL);
	assert_int_equal(vhost_session_resume(c.s, &(struct err){ 0 }), -ENODATA);
	scene_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rings_go_on_in_the_next_engine),
		cmocka_unit_test(what_is_given_up_is_deposited_no_more),
		cmocka_unit_test(an_engine_that_died_over_a_message_leaves_nothing_to_take_up),
		cmocka_unit_test(what_does_not_add_up_ends_the_session),
		cmocka_unit_test(fds_go_where_they_belong_and_once),
		cmocka_unit_test(nothing_deposited_is_nothing_to_take_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
