/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_session_fuzz.c - a VMM gone mad: any messages in any order, with any fds, to a session.
 *
 * Input: records of {u8 kinds of fds, u8 number of fds, u8 flags, u8 payload length, u8 request,
 * payload}; each is sent over a socket pair and served.  Before the first one the session is brought to
 * working rings when the first byte of the input is odd, so that the fuzzer begins behind that wall.
 * After a refusal the next record goes to a new connection.
 * Claims: no crash, whatever is refused has a reason, no fd is left open, nothing is mapped and no ring
 * is live when the session is over. */
#include "tests/lib/vhost_front.h"
#include "vif/guest_guard.h"
#include "vif/vhost_session.h"
#include "vswitch/base/check.h"
#include "vswitch/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define RECORD_LEN 5
#define RECORDS_MAX 64
#define F(bit) (UINT64_C(1) << (bit))
#define OFFERED                                                                      \
	(F(VIRTIO_F_VERSION_1) | F(VIRTIO_NET_F_MRG_RXBUF) | F(VIRTIO_F_RING_PACKED) \
		| F(VIRTIO_RING_F_EVENT_IDX) | F(VIRTIO_RING_F_INDIRECT_DESC))

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static unsigned fds_open(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 128; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void on_quiesce(void *)
{
}

static void on_watch(void *arg, unsigned ring, int kick_fd)
{
	const struct vhost_session *s = *(struct vhost_session **)arg;

	CHECK(ring < VHOST_RINGS_MAX);
	CHECK(kick_fd < 0 || atomic_load(&s->ring[ring].is_live));
}

static void on_announce(void *, const uint8_t[6])
{
}

static const struct vhost_session_ops ops
	= { .quiesce = on_quiesce, .watch = on_watch, .announce = on_announce };

/* What the worker would do meanwhile. */
static void rings_run(struct vhost_session *s)
{
	static uint8_t first[128], rest[65536];

	for (unsigned i = 0; i < VHOST_RINGS_MAX; i++) {
		struct vhost_rx slot = { .first = first,
			.first_room = sizeof(first),
			.rest = rest,
			.rest_room = sizeof(rest) };
		struct vhost_tx frame = { .first = first, .first_len = 64, .len = 64 };

		if (!atomic_load(&s->ring[i].is_live))
			continue;
		if (i % 2 == 1)
			vhost_queue_dequeue(&s->ring[i].queue, &slot, 1);
		else
			vhost_queue_enqueue(&s->ring[i].queue, &frame, 1);
	}
}

static int serve(struct vhost_session *s)
{
	struct err e = ERR_NONE;
	int rc;

	do {
		rc = vhost_session_serve(s, &e);
	} while (rc == 1);
	if (rc < 0) {
		CHECK(s->fd < 0 && s->mem == NULL && s->log == NULL);
		CHECK(vhost_session_n_live(s) == 0);
		CHECK(rc == -ECONNRESET || s->why[0] != '\0');
	}
	rings_run(s);
	return rc;
}

static void bring_up(struct vhost_front *f)
{
	front_u64(f, VHOST_REQ_SET_PROTOCOL_FEATURES, VHOST_PROTO_REPLY_ACK);
	front_u64(f, VHOST_REQ_SET_FEATURES,
		F(VIRTIO_F_VERSION_1) | F(VIRTIO_NET_F_MRG_RXBUF) | VHOST_FEATURE_PROTOCOL);
	front_table(f, 2);
	front_ring(f, 0);
	front_ring(f, 1);
}

/* One record; how long it was. */
static size_t record_send(const struct vhost_front *f, const uint8_t *at, size_t left)
{
	struct vhost_msg_hdr hdr = { .request = at[4], .flags = at[2] & 4u ? at[2] : 1u | at[2] };
	uint8_t payload[VHOST_PAYLOAD_MAX] = { 0 };
	size_t len = MIN((size_t)at[3], left - RECORD_LEN);
	unsigned n_fds = at[1] % 16;
	int kinds[2] = { f->mem_fd, f->kick[1] >= 0 ? f->kick[1] : f->sock };
	int fds[16];

	for (unsigned i = 0; i < n_fds; i++)
		fds[i] = kinds[at[0] >> (i % 8) & 1];
	memcpy(payload, at + RECORD_LEN, len);
	hdr.size = (uint32_t)(at[2] & 16u ? at[3] : len);
	front_send(f, &hdr, payload, fds, n_fds);
	return RECORD_LEN + len;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static bool is_set;
	static struct vhost_session *s;
	struct vhost_session_config config = { .name = "v0",
		.features = OFFERED,
		.n_pairs = 2,
		.mtu_max = 1500,
		.ops = &ops,
		.arg = &s };
	unsigned before;
	struct vhost_front f;
	uint64_t value;
	int fd;

	if (!is_set) {
		log_init("fuzz", LOG_LEVEL_ERR);
		CHECK(guest_guard_install() == 0);
		is_set = true;
	}
	before = fds_open();
	if (size == 0)
		return 0;
	fd = front_open(&f);
	s = vhost_session_create(&config, NULL);
	CHECK(s != NULL);
	vhost_session_attach(s, fd);
	if (bytes[0] & 1) {
		bring_up(&f);
		CHECK(serve(s) == 0);
	}
	for (size_t at = 1, n = 0; size - at >= RECORD_LEN && n < RECORDS_MAX; n++) {
		at += record_send(&f, bytes + at, size - at);
		if (serve(s) < 0)
			vhost_session_attach(s, front_reconnect(&f));
		while (front_answer(&f, &value) != 0)
			;
	}
	vhost_session_destroy(s);
	front_close(&f);
	CHECK(fds_open() == before);
	return 0;
}
