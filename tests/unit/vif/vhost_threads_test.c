/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_threads_test.c - two workers send to one guest by one ring at the same time.  For ThreadSanitizer as well. */
#include "tests/lib/test_pools.h"
#include "tests/lib/unit.h"
#include "tests/lib/vhost_front.h"
#include "vif/bell.h"
#include "vif/io_scratch.h"
#include "vif/vhost_saved.h"
#include "vif/vif.h"
#include "vif/vif_vhost.h"
#include "vswitch/base/check.h"
#include "vswitch/base/clock.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define VIF 7
#define SENDERS 2
#define FRAMES 20000u /* of each */
#define BATCH 16u
#define FRAME_LEN 64u
#define AT_SENDER 14
#define AT_NUMBER 16
#define HDR_LEN 12u /* virtio's, before the frame */
#define BUFFER_LEN 2048u
#define DEADLINE_NS (60 * NS_PER_SEC)

struct sender {
	uint8_t index;
	struct vif_io io;
	struct worker_counters counters;
	struct burst burst;
	struct tx_items out;
	pthread_t thread;
};

static struct sender senders[SENDERS];
static struct vif_table table;
static struct vhost_front front;
static _Atomic bool must_stop, is_wrong;

static void nobody_passes(void *)
{
}

static void nobody_watches(void *, struct vif *, unsigned, int)
{
}

static void nobody_keeps(void *, const struct vif *, unsigned, int)
{
}

static void served(struct vif *v)
{
	struct err e = ERR_NONE;
	int rc;

	do {
		rc = vif_vhost_serve(v, clock_now_ns(), &e);
	} while (rc == 1);
	if (rc != 0)
		fail_msg("%s", e.msg);
}

/* A vif whose guest has one queue and 64 buffers to receive into. */
static struct vif *guest_open(void)
{
	static const struct vif_vhost_hooks hooks
		= { .pass = nobody_passes, .watch = nobody_watches, .deposit = nobody_keeps };
	const struct msg_vif msg = { .vif_id = VIF,
		.type = VIF_TYPE_VHOST,
		.n_queues = 1,
		.flags = MSG_VIF_CLIENT,
		.mtu = 1500,
		.name = "g" };
	const uint64_t features
		= UINT64_C(1) << 32 /* VERSION_1 */ | UINT64_C(1) << 15 /* MRG_RXBUF */
		| VHOST_FEATURE_PROTOCOL;
	int saved = memfd_create("saved", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct err e = ERR_NONE;
	uint64_t value;
	struct vif *v;

	CHECK(saved >= 0 && ftruncate(saved, VHOST_STATE_SIZE) == 0
		&& fcntl(saved, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
	assert_int_equal(vif_vhost_init(&hooks), 0);
	v = vif_open(&msg, &saved, 1, &e);
	if (v == NULL)
		fail_msg("%s", e.msg);
	assert_int_equal(vif_vhost_attach(v, front_open(&front), &e), 0);
	front_say(&front, VHOST_REQ_GET_PROTOCOL_FEATURES);
	served(v);
	assert_int_equal(front_answer(&front, &value), VHOST_REQ_GET_PROTOCOL_FEATURES);
	front_u64(&front, VHOST_REQ_SET_PROTOCOL_FEATURES, value);
	front_say(&front, VHOST_REQ_SET_OWNER);
	front_u64(&front, VHOST_REQ_SET_FEATURES, features);
	front_table(&front, 1);
	for (uint16_t i = 0; i < FRONT_NUM; i++)
		front_offer(&front, 0, i, FRONT_BUFS + i * BUFFER_LEN, BUFFER_LEN, true);
	front_ring(&front, 0);
	front_ring(&front, 1);
	served(v);
	return v;
}

static void sender_open(struct sender *s, uint8_t index)
{
	s->index = index;
	test_pools(&s->io.small_pool, &s->io.big_pool);
	s->io.vif_counters = calloc(VIF_ID_MAX, sizeof(*s->io.vif_counters));
	s->io.worker_counters = &s->counters;
	s->io.bell = bell_create();
	s->io.scratch = io_scratch_create();
	s->io.worker = index;
	CHECK(s->io.vif_counters && s->io.bell && s->io.scratch);
	for (unsigned i = 0; i < BATCH; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(s->io.small_pool);

		CHECK(m && rte_pktmbuf_append(m, FRAME_LEN));
		s->burst.pkt[i] = (struct pkt){ .m = m, .len = FRAME_LEN };
	}
}

static void sender_close(struct sender *s)
{
	for (unsigned i = 0; i < BATCH; i++)
		rte_pktmbuf_free(s->burst.pkt[i].m);
	io_scratch_destroy(s->io.scratch);
	bell_destroy(s->io.bell);
	free(s->io.vif_counters);
}

/* A worker's turns: what found no room comes again in the next. */
static void *sends(void *arg)
{
	struct sender *s = arg;
	uint32_t n_sent = 0;

	while (n_sent < FRAMES && !atomic_load(&must_stop)) {
		uint16_t n = (uint16_t)MIN(BATCH, FRAMES - n_sent), taken = 0;

		s->burst.n = n;
		s->out.n = n;
		for (uint16_t i = 0; i < n; i++) {
			uint32_t number = n_sent + i + 1u;
			uint8_t *bytes = rte_pktmbuf_mtod(s->burst.pkt[i].m, uint8_t *);

			memset(bytes, (uint8_t)number, FRAME_LEN);
			bytes[AT_SENDER] = s->index;
			memcpy(bytes + AT_NUMBER, &number, sizeof(number));
			s->out.item[i] = (struct tx_item){ .pkt = i, .out_vif = VIF };
		}
		vif_tx(&table, &s->io, &s->burst, &s->out);
		while (taken < n && s->out.item[taken].drop == DROP_NONE)
			taken++;
		for (uint16_t i = taken; i < n; i++)
			if (s->out.item[i].drop != DROP_TX_QUEUE_FULL)
				atomic_store(&is_wrong, true);
		n_sent += taken;
		if (taken == 0)
			(void)sched_yield();
	}
	return NULL;
}

/* The guest takes what has come since frame @from, and gives its buffers back.  Returns the next one's number. */
static uint32_t guest_takes(uint32_t from, uint32_t last[SENDERS])
{
	uint32_t n = (uint16_t)(front_used(&front, 0) - from);

	for (uint32_t i = from; i < from + n; i++) {
		uint32_t offset = FRONT_BUFS + i % FRONT_NUM * BUFFER_LEN, number;
		const uint8_t *bytes = front.mem + offset + HDR_LEN;

		memcpy(&number, bytes + AT_NUMBER, sizeof(number));
		assert_in_range(bytes[AT_SENDER], 0, SENDERS - 1);
		assert_int_equal(number, ++last[bytes[AT_SENDER]]);
		assert_int_equal(bytes[FRAME_LEN - 1], (uint8_t)number);
		front_offer(&front, 0, (uint16_t)(i + FRONT_NUM), offset, BUFFER_LEN, true);
	}
	return from + n;
}

static void frames_of_two_workers_arrive_whole_and_in_order(void **)
{
	uint64_t until = clock_now_ns() + DEADLINE_NS;
	uint32_t last[SENDERS] = { 0 }, seen = 0;
	struct vif *v = guest_open();

	table.ids[table.n++] = VIF;
	table.by_id[VIF] = v;
	for (uint8_t i = 0; i < SENDERS; i++) {
		sender_open(&senders[i], i);
		CHECK(pthread_create(&senders[i].thread, NULL, sends, &senders[i]) == 0);
	}
	while (seen < SENDERS * FRAMES && clock_now_ns() < until) {
		uint32_t before = seen;

		seen = guest_takes(seen, last);
		if (seen == before)
			(void)sched_yield();
	}
	atomic_store(&must_stop, true);
	for (unsigned i = 0; i < SENDERS; i++) {
		CHECK(pthread_join(senders[i].thread, NULL) == 0);
		assert_int_equal(senders[i].io.vif_counters[VIF].tx_packets, last[i]);
		sender_close(&senders[i]);
	}
	assert_int_equal(seen, SENDERS * FRAMES);
	assert_false(atomic_load(&is_wrong));
	vif_close(v);
	front_close(&front);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_of_two_workers_arrive_whole_and_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
