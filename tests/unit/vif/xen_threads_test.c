/* SPDX-License-Identifier: Apache-2.0 */
/* xen_threads_test.c - a guest on another processor: both sides sleep until they are notified. */
#include "tests/lib/unit.h"
#include "tests/lib/xen_bed.h"

#include <rte_mbuf.h>

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define PACKETS 5000u
#define LEN 200u
#define WAIT_MS 60000

static void sleep_on(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t n;

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	assert_int_equal(read(fd, &n, sizeof(n)), sizeof(n));
}

/* The guest: sends all packets, in bursts of 1 to 60. */
static void *guest_send(void *arg)
{
	struct xen_front *f = arg;
	uint8_t bytes[LEN] = { 0 };
	uint32_t sent = 0;

	while (sent < PACKETS) {
		bool was_full = false;

		for (uint32_t i = 0; i <= sent % 60 && sent < PACKETS && !was_full; i++) {
			memcpy(bytes + 20, &sent, sizeof(sent));
			if (xen_front_send(f, bytes, LEN, &(struct front_send){ 0 }))
				sent++;
			else
				was_full = true;
		}
		xen_front_tx_push(f);
		if (xen_front_tx_reap(f) == 0 && was_full && xen_front_tx_reap(f) == 0)
			sleep_on(f->shm->port[FRONT_PORT_TX].front_fd);
	}
	return NULL;
}

static void sleeping_sides_lose_no_notification_and_no_packet(void **)
{
	struct xen_bed *b = xen_bed_create();
	uint32_t seen = 0, number;
	pthread_t guest;

	assert_int_equal(pthread_create(&guest, NULL, guest_send, b->front), 0);
	while (seen < PACKETS) {
		uint16_t n = xen_bed_receive(b);

		assert_null(b->in.failure);
		for (uint16_t i = 0; i < n; i++) {
			memcpy(&number, pkt_bytes(&b->pkt[i]) + 20, sizeof(number));
			assert_int_equal(number, seen++);
		}
		xen_bed_free(b, n);
		if (n == 0 && xen_in_arm(&b->in, 1) == XEN_ARMED) {
			struct pollfd p = { .fd = b->in.event.fd, .events = POLLIN };

			assert_int_equal(poll(&p, 1, WAIT_MS), 1);
			xen_in_wake(&b->in);
			b->in.n_vain_wakes = 0;
		}
	}
	assert_int_equal(pthread_join(guest, NULL), 0);
	xen_front_tx_reap(b->front);
	assert_int_equal(b->front->stats.okay, PACKETS);
	assert_int_equal(b->front->stats.wrong_id, 0);
	xen_bed_destroy(b);
}

/* The guest: gives room and takes frames until it has seen all that were sent. */
static void *guest_receive(void *arg)
{
	static struct front_frame frame;
	struct xen_front *f = arg;
	uint32_t number;

	for (uint32_t seen = 0; seen < PACKETS;) {
		bool has_frame;

		xen_front_rx_fill(f, FRONT_RING);
		has_frame = xen_front_rx_take(f, &frame);
		if (!has_frame) /* that asked for the next event: look once more before sleeping */
			has_frame = xen_front_rx_take(f, &frame);
		if (!has_frame) {
			sleep_on(f->shm->port[FRONT_PORT_RX].front_fd);
			continue;
		}
		memcpy(&number, frame.bytes + 20, sizeof(number));
		if (frame.len != LEN || frame.status != 0 || number != seen++)
			return &frame;
	}
	return NULL;
}

static void guest_receives_in_order_what_had_room(void **)
{
	struct xen_bed *b = xen_bed_create();
	uint8_t bytes[LEN] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5 };
	pthread_t guest;
	void *fault;

	assert_int_equal(pthread_create(&guest, NULL, guest_receive, b->front), 0);
	for (uint32_t sent = 0; sent < PACKETS;) {
		memcpy(bytes + 20, &sent, sizeof(sent));
		sent += xen_bed_send(b, bytes, LEN, NULL) == DROP_NONE;
		assert_null(b->out.failure);
	}
	assert_int_equal(pthread_join(guest, &fault), 0);
	assert_null(fault);
	assert_int_equal(b->front->stats.wrong_id, 0);
	xen_bed_destroy(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sleeping_sides_lose_no_notification_and_no_packet),
		cmocka_unit_test(guest_receives_in_order_what_had_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
