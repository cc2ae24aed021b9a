/* SPDX-License-Identifier: Apache-2.0 */
/* xen_out_test.c - what a guest receives, and what happens when it gives no room. */
#include "tests/lib/pkt_build.h"
#include "tests/lib/unit.h"
#include "tests/lib/xen_bed.h"
#include "vif/pkt_parse.h"
#include "vif/xen_hash.h"
#include "vif/xen_mcast.h"

#include <rte_mbuf.h>

#include <errno.h>
#include <string.h>

#define POISON 0xa5

static struct front_frame got;

/* Send @f, take it and compare; returns slots with data. */
static uint32_t passes(struct xen_bed *b, const struct frame *f)
{
	assert_int_equal(xen_bed_send(b, f->bytes, f->len, &f->offload), DROP_NONE);
	assert_true(xen_front_rx_take(b->front, &got));
	assert_int_equal(got.status, 0);
	assert_int_equal(got.len, f->len);
	assert_memory_equal(got.bytes, f->bytes, f->len);
	assert_int_equal(b->front->stats.wrong_id, 0);
	assert_false(xen_front_rx_take(b->front, &got));
	xen_front_rx_fill(b->front, FRONT_RING);
	return got.n_slots;
}

static struct frame *simple(uint32_t payload)
{
	static struct frame f;

	frame_simple(&f, MAC_OF(1), MAC_OF(2), payload);
	return &f;
}

static struct frame *super(bool is_v6, uint32_t len)
{
	static struct frame f;

	frame_super(&f, is_v6, false, len);
	return &f;
}

static void frames_take_as_many_slots_as_they_need(void **)
{
	static const uint32_t payloads[] = { 0, 18, 1472, 4054, 4055, 9000, 60000 };
	struct xen_bed *b = xen_bed_create();

	xen_front_rx_fill(b->front, FRONT_RING);
	for (unsigned i = 0; i < ARRAY_LEN(payloads); i++) {
		struct frame *f = simple(payloads[i]);

		assert_int_equal(passes(b, f), (f->len + XEN_PAGE - 1) / XEN_PAGE);
		assert_int_equal(got.n_extras, 0);
	}
	assert_int_equal(b->io.vif_counters[XEN_BED_VIF].tx_packets, ARRAY_LEN(payloads));
	xen_bed_destroy(b);
}

static void gso_frame_goes_whole_with_its_extra_slot(void **)
{
	struct xen_bed *b = xen_bed_create();

	xen_front_rx_fill(b->front, FRONT_RING);
	for (unsigned is_v6 = 0; is_v6 < 2; is_v6++) {
		passes(b, super(is_v6, 60000));
		assert_int_equal(got.n_extras, 1);
		assert_int_equal(got.extras[0].type, XEN_EXTRA_GSO);
		assert_int_equal(got.extras[0].u.gso.size, super(is_v6, 60000)->offload.gso_size);
		assert_int_equal(got.extras[0].u.gso.type, is_v6 ? XEN_GSO_TCP6 : XEN_GSO_TCP4);
		assert_true(got.flags & XEN_RX_CSUM_BLANK);
		assert_true(got.flags & XEN_RX_DATA_VALIDATED);
	}
	xen_bed_destroy(b);
}

static void gso_that_the_guest_does_not_take_is_to_be_cut(void **)
{
	struct xen_features f = { .sg = true, .gso_tcp4 = true };
	struct pkt p = { .gso_type = PKT_GSO_TCP4 };
	struct xen_bed *b = xen_bed_create();

	assert_false(xen_out_must_segment(&f, &p));
	p.flags = PKT_TUNNEL_GSO;
	assert_true(xen_out_must_segment(&f, &p));
	p.flags = PKT_GSO_ECN;
	assert_true(xen_out_must_segment(&f, &p));
	p = (struct pkt){ .gso_type = PKT_GSO_TCP6 };
	assert_true(xen_out_must_segment(&f, &p));
	p.gso_type = PKT_GSO_UDP_L4;
	assert_true(xen_out_must_segment(&f, &p));
	p.gso_type = PKT_GSO_TCP4;
	f.sg = false;
	assert_true(xen_out_must_segment(&f, &p));
	b->features = f;
	xen_front_rx_fill(b->front, FRONT_RING);
	assert_int_equal(xen_bed_send(b, super(false, 9000)->bytes, super(false, 9000)->len,
				 &super(false, 9000)->offload),
		DROP_TX_GSO_FAILED);
	assert_false(xen_front_rx_take(b->front, &got));
	xen_bed_destroy(b);
}

static void guest_without_sg_gets_one_slot_a_frame(void **)
{
	struct xen_bed *b = xen_bed_create();

	b->features.sg = false;
	xen_front_rx_fill(b->front, FRONT_RING);
	assert_int_equal(passes(b, simple(1472)), 1);
	assert_int_equal(
		xen_bed_send(b, simple(5000)->bytes, simple(5000)->len, NULL), DROP_MTU_EXCEEDED);
	xen_bed_destroy(b);
}

static void partial(struct frame *f, bool is_v6)
{
	frame_eth(f, MAC_OF(1), MAC_OF(2));
	if (is_v6)
		frame_ip6(f, 17);
	else
		frame_ip4(f, 17);
	frame_udp(f, 4000);
	frame_payload(f, 333);
	frame_end(f);
}

static void partial_checksum_is_told_or_completed(void **)
{
	static struct frame want, f;

	for (unsigned is_v6 = 0; is_v6 < 2; is_v6++) {
		struct xen_bed *b = xen_bed_create();

		xen_front_rx_fill(b->front, FRONT_RING);
		partial(&want, is_v6);
		f = want;
		frame_partial(&f);
		passes(b, &f);
		assert_true(got.flags & XEN_RX_CSUM_BLANK);
		b->features.csum_ip4 = b->features.csum_ip6 = false;
		assert_int_equal(xen_bed_send(b, f.bytes, f.len, &f.offload), DROP_NONE);
		assert_true(xen_front_rx_take(b->front, &got));
		assert_false(got.flags & XEN_RX_CSUM_BLANK);
		assert_memory_equal(got.bytes, want.bytes, want.len);
		assert_int_equal(b->out.stats.csum_filled, 1);
		xen_bed_destroy(b);
	}
}

static void guest_without_room_loses_frames_and_holds_nothing(void **)
{
	struct xen_bed *b = xen_bed_create();

	for (uint32_t n_room = 0; n_room <= 17; n_room++) {
		struct frame *f = super(false, 60000); /* 15 slots and one */

		xen_front_rx_fill(b->front, n_room - b->front->rx.req_prod + b->front->rx.rsp_cons);
		b->io.now_ns = 77;
		if (n_room >= 16) {
			assert_int_equal(xen_bed_send(b, f->bytes, f->len, &f->offload), DROP_NONE);
			assert_true(xen_front_rx_take(b->front, &got));
			assert_int_equal(b->out.stalled_since_ns, 0);
			continue;
		}
		assert_int_equal(
			xen_bed_send(b, f->bytes, f->len, &f->offload), DROP_TX_QUEUE_FULL);
		assert_int_equal(b->out.stalled_since_ns, 77);
		assert_int_equal(rte_mempool_in_use_count(b->io.small_pool), 0);
	}
	assert_int_equal(b->out.stats.no_room, 16);
	xen_bed_destroy(b);
}

static void any_impossible_index_detaches_the_guest(void **)
{
	struct xen_bed *b = xen_bed_create();

	for (uint32_t i = 0; i < 2000; i++) {
		uint32_t distance = i < 1000 ? FRONT_RING + 1 + i * 4294000 : UINT32_MAX - i;

		b->front->rx.shared->req_prod = b->out.ring.cons + distance;
		assert_int_equal(xen_bed_send(b, simple(60)->bytes, simple(60)->len, NULL),
			DROP_TX_LINK_DOWN);
		assert_non_null(b->out.failure);
		b->out.failure = NULL;
	}
	assert_int_equal(b->shm->n_copies, 0);
	xen_bed_destroy(b);
}

static void headroom_is_left_free_and_told(void **)
{
	struct xen_bed *b = xen_bed_create();

	b->features.headroom = 256;
	memset(b->shm->page[FRONT_GREF_RX_PAGE], POISON, 2 * XEN_PAGE);
	xen_front_rx_fill(b->front, FRONT_RING);
	passes(b, simple(1472));
	assert_int_equal(got.n_extras, 1);
	assert_int_equal(got.extras[0].type, XEN_EXTRA_XDP);
	assert_int_equal(got.extras[0].u.xdp.headroom, 256);
	for (unsigned i = 0; i < 256; i++)
		assert_int_equal(b->shm->page[FRONT_GREF_RX_PAGE][i], POISON);
	assert_int_equal(passes(b, simple(8000)), 3); /* 3840 bytes a slot */
	passes(b, super(false, 60000));
	assert_int_equal(got.n_extras, 2);
	assert_int_equal(got.extras[0].flags, XEN_EXTRA_MORE);
	assert_int_equal(got.extras[1].flags, 0);
	xen_bed_destroy(b);
}

/* Behind what a slot says it holds, nothing of the guest's page may change. */
static void nothing_but_the_frame_reaches_the_guest(void **)
{
	struct xen_bed *b = xen_bed_create();
	uint32_t index;

	xen_front_rx_fill(b->front, FRONT_RING);
	for (uint32_t i = 0; i < 3000; i++) {
		struct frame *f = simple(i * 7 % 9000);
		uint32_t tail = f->len % XEN_PAGE, last;

		index = b->front->rx.rsp_cons % FRONT_RING;
		last = (index + (f->len - 1) / XEN_PAGE) % FRONT_RING;
		memset(b->shm->page[FRONT_GREF_RX_PAGE + last], POISON, XEN_PAGE);
		passes(b, f);
		for (uint32_t at = tail; tail != 0 && at < XEN_PAGE; at++)
			assert_int_equal(b->shm->page[FRONT_GREF_RX_PAGE + last][at], POISON);
	}
	xen_bed_destroy(b);
}

static void failing_copy_says_so_in_its_slot(void **)
{
	for (unsigned k = 1; k <= 15; k++) {
		struct xen_bed *b = xen_bed_create();
		struct frame *f = super(false, 60000);

		xen_front_rx_fill(b->front, FRONT_RING);
		b->shm->fail_copy = k;
		assert_int_equal(xen_bed_send(b, f->bytes, f->len, &f->offload), DROP_TX_REFUSED);
		assert_true(xen_front_rx_take(b->front, &got));
		assert_int_equal(got.status, XEN_RSP_ERROR);
		assert_int_equal(b->out.stats.copy_errors, 1);
		assert_int_equal(b->io.vif_counters[XEN_BED_VIF].tx_packets, 0);
		passes(b, simple(100));
		xen_bed_destroy(b);
	}
}

static void groups_that_were_not_asked_for_stay_away(void **)
{
	struct xen_bed *b = xen_bed_create();
	struct xen_mcast mcast = { 0 };
	static struct frame f;

	b->out.mcast = &mcast;
	assert_int_equal(xen_mcast_add(&mcast, MAC_GROUP(4)), 0);
	xen_front_rx_fill(b->front, FRONT_RING);
	for (unsigned i = 0; i < 8; i++) {
		frame_simple(&f, MAC_GROUP(i), MAC_OF(2), 60);
		assert_int_equal(xen_bed_send(b, f.bytes, f.len, NULL), DROP_NONE);
		assert_int_equal(xen_front_rx_take(b->front, &got), i == 4);
	}
	assert_int_equal(b->out.stats.filtered, 7);
	frame_simple(&f, MAC_BCAST, MAC_OF(2), 60);
	passes(b, &f);
	xen_bed_destroy(b);
}

/* The vectors that every vendor of RSS publishes. */
static const uint8_t rss_key[40] = { 0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
	0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77,
	0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa };

static void hash_is_the_one_all_the_world_computes(void **)
{
	static const uint8_t addrs[8] = { 66, 9, 149, 187, 161, 142, 100, 80 };
	static const uint8_t ports[4] = { 0x0a, 0xea, 0x06, 0xe6 }; /* 2794, 1766 */
	struct xen_hash hash = { .algorithm = XEN_HASH_ALGORITHM_TOEPLITZ };
	struct xen_bed *b = xen_bed_create();
	static struct frame f;
	uint32_t value;

	xen_hash_set_key(&hash, rss_key, sizeof(rss_key));
	b->out.hash = &hash;
	frame_eth(&f, MAC_OF(1), MAC_OF(2));
	frame_ip4(&f, 6);
	frame_tcp(&f, 0x10);
	frame_payload(&f, 10);
	frame_end(&f);
	memcpy(f.bytes + 26, addrs, 8);
	memcpy(f.bytes + 34, ports, 4);
	xen_front_rx_fill(b->front, FRONT_RING);
	passes(b, &f);
	assert_int_equal(got.n_extras, 0); /* no type asked for */
	hash.types = XEN_HASH_IP4;
	passes(b, &f);
	memcpy(&value, got.extras[0].u.hash.value, 4);
	assert_int_equal(got.extras[0].u.hash.type, 0);
	assert_int_equal(value, 0x323e8fc2);
	hash.types = XEN_HASH_TYPES_ALL;
	passes(b, &f);
	memcpy(&value, got.extras[0].u.hash.value, 4);
	assert_int_equal(got.extras[0].type, XEN_EXTRA_HASH);
	assert_int_equal(got.extras[0].u.hash.type, 1);
	assert_int_equal(got.extras[0].u.hash.algorithm, XEN_HASH_ALGORITHM_TOEPLITZ);
	assert_int_equal(value, 0x51ccc178);
	assert_int_equal(xen_hash_queue(&hash, value, 4), value % 4);
	hash.mapping_size = 3;
	hash.mapping[value % 3] = 2;
	assert_int_equal(xen_hash_queue(&hash, value, 4), 2);
	xen_bed_destroy(b);
}

static void ring_is_taken_up_where_it_stands(void **)
{
	struct xen_bed *b = xen_bed_create();
	struct xen_out next;

	xen_front_rx_fill(b->front, 20);
	passes(b, simple(100));
	assert_int_equal(xen_out_open(&next, &b->shm->dom, b->out.ring.shared, &b->features), 0);
	next.event = b->out.event;
	b->out = next;
	passes(b, simple(200));
	passes(b, simple(300));
	b->front->rx.shared->req_prod += 300;
	assert_int_equal(
		xen_out_open(&next, &b->shm->dom, b->out.ring.shared, &b->features), -EPROTO);
	xen_bed_destroy(b);
}

static void many_frames_cost_one_notification(void **)
{
	struct xen_bed *b = xen_bed_create();
	static struct burst burst;
	static struct tx_item items[400];
	struct xen_batch batch = { .burst = &burst, .items = items, .n = ARRAY_LEN(items) };
	unsigned n_lost = 0;

	xen_front_rx_fill(b->front, FRONT_RING);
	burst.n = 1;
	burst.pkt[0] = (struct pkt){ .m = rte_pktmbuf_alloc(b->io.small_pool), .len = 60 };
	memset(rte_pktmbuf_append(burst.pkt[0].m, 60), 0, 60);
	pkt_parse_one(&burst.pkt[0]);
	xen_out_run(&b->out, XEN_BED_VIF, &b->io, &b->copies, &batch);
	for (unsigned i = 0; i < ARRAY_LEN(items); i++)
		n_lost += items[i].drop == DROP_TX_QUEUE_FULL;
	assert_int_equal(n_lost, ARRAY_LEN(items) - FRONT_RING);
	assert_int_equal(b->shm->port[FRONT_PORT_RX].n_to_front, 1);
	rte_pktmbuf_free(burst.pkt[0].m);
	xen_bed_destroy(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_take_as_many_slots_as_they_need),
		cmocka_unit_test(gso_frame_goes_whole_with_its_extra_slot),
		cmocka_unit_test(gso_that_the_guest_does_not_take_is_to_be_cut),
		cmocka_unit_test(guest_without_sg_gets_one_slot_a_frame),
		cmocka_unit_test(partial_checksum_is_told_or_completed),
		cmocka_unit_test(guest_without_room_loses_frames_and_holds_nothing),
		cmocka_unit_test(any_impossible_index_detaches_the_guest),
		cmocka_unit_test(headroom_is_left_free_and_told),
		cmocka_unit_test(nothing_but_the_frame_reaches_the_guest),
		cmocka_unit_test(failing_copy_says_so_in_its_slot),
		cmocka_unit_test(groups_that_were_not_asked_for_stay_away),
		cmocka_unit_test(hash_is_the_one_all_the_world_computes),
		cmocka_unit_test(ring_is_taken_up_where_it_stands),
		cmocka_unit_test(many_frames_cost_one_notification),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
