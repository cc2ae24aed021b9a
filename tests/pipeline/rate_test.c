/* SPDX-License-Identifier: Apache-2.0 */
/* rate_test.c - rates of vifs: exact to the byte, queues bounded and fair, changes lose nothing.
 *
 *      v1   v2   v3
 *       \    |   /
 *        +--n1--+
 */
#include "bridge/qos.h"
#include "tests/lib/bed.h"
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"

#include <stdlib.h>
#include <string.h>

#define LEN 1000u
#define RATE 1000000u /* one frame of LEN a millisecond */

static struct frame F;

/* All three are known, so that nothing is flooded. */
static struct bed *three(void **state)
{
	struct bed *b = *state;

	bed_network(b, 1);
	for (uint16_t id = 1; id <= 3; id++)
		bed_port(b, id, 1);
	bed_apply(b);
	for (uint8_t id = 1; id <= 3; id++) {
		frame_simple(&F, MAC_BCAST, MAC_OF(id), 20);
		bed_step(b, id, &F);
	}
	bed_clear(b);
	return b;
}

static struct snap_meter *limit(struct bed *b, uint16_t vif, enum snap_meter_kind kind)
{
	struct snap_meter *m = bed_meter(b, vif, kind, RATE);

	m->burst = 10 * LEN;
	bed_apply(b);
	return m;
}

/* Send a frame of @len bytes from @from to @to; @tag tells it from others. */
static void send_one(struct bed *b, uint8_t from, uint8_t to, uint32_t len, uint8_t tag)
{
	frame_simple(&F, MAC_OF(to), MAC_OF(from), len - 42);
	F.bytes[len - 1] = tag; /* behind the checksum's back: nobody looks */
	bed_send(b, from, &F);
}

static unsigned take_all(struct bed *b, uint16_t vif)
{
	unsigned n = vif_mem_count(b->vif[vif]);

	for (struct mem_frame f; vif_mem_take(b->vif[vif], &f); free(f.bytes))
		;
	return n;
}

static void what_a_vif_sends_is_limited_to_the_byte(void **state)
{
	struct bed *b = three(state);

	limit(b, 1, SNAP_METER_FROM);
	for (unsigned i = 0; i < 50; i++)
		send_one(b, 1, 2, LEN, 0);
	bed_run(b);
	assert_int_equal(take_all(b, 2), 10); /* the burst */
	assert_int_equal(bed_held(b), 40);
	for (unsigned ms = 1; ms <= 40; ms++) {
		assert_int_equal(bed_due_ns(b), b->io.now_ns + NS_PER_MS);
		bed_warp(b, NS_PER_MS - 1);
		bed_tick(b);
		assert_int_equal(take_all(b, 2), 0);
		bed_warp(b, 1);
		bed_tick(b);
		assert_int_equal(take_all(b, 2), 1);
	}
	assert_int_equal(bed_held(b), 0);
	assert_int_equal(bed_due_ns(b), 0);
	assert_int_equal(bed_drops(b, 1, DROP_RATE_LIMIT), 0);
	assert_int_equal(rte_mempool_in_use_count(b->io.small_pool), 0);
}

static void what_a_vif_gets_is_limited_and_others_get_it_at_once(void **state)
{
	struct bed *b = three(state);

	limit(b, 3, SNAP_METER_TO);
	for (unsigned i = 0; i < 20; i++) {
		frame_simple(&F, MAC_BCAST, MAC_OF(1), LEN - 42);
		bed_send(b, 1, &F);
	}
	bed_run(b);
	assert_int_equal(take_all(b, 2), 20);
	assert_int_equal(take_all(b, 3), 10);
	for (unsigned ms = 1; ms <= 10; ms++) {
		assert_int_equal(bed_due_ns(b), b->io.now_ns + NS_PER_MS);
		bed_warp(b, NS_PER_MS);
		bed_tick(b);
		EXPECT_FRAME(b, 3, &F);
		EXPECT_NOTHING(b, 3);
	}
	assert_int_equal(bed_held(b), 0);
	assert_int_equal(bed_drops(b, 3, DROP_TX_RATE_LIMIT), 0);
	assert_int_equal(rte_mempool_in_use_count(b->io.small_pool), 0);
}

static void what_is_not_limited_passes_at_once(void **state)
{
	struct bed *b = three(state);

	limit(b, 1, SNAP_METER_FROM);
	for (unsigned i = 0; i < 100; i++)
		send_one(b, 2, 1, LEN, 0);
	bed_run(b);
	assert_int_equal(take_all(b, 1), 100);
}

static void order_is_kept(void **state)
{
	struct bed *b = three(state);
	struct mem_frame got;
	unsigned n = 0;

	limit(b, 1, SNAP_METER_FROM);
	limit(b, 2, SNAP_METER_TO);
	for (uint8_t i = 0; i < 60; i++) {
		send_one(b, 1, 2, 100 + 10u * (i % 90), i);
		bed_run(b);
		bed_warp(b, NS_PER_MS / 4);
	}
	for (unsigned turn = 0; turn < 100 && bed_held(b) > 0; turn++) {
		bed_warp(b, NS_PER_MS);
		bed_tick(b);
	}
	for (; vif_mem_take(b->vif[2], &got); free(got.bytes))
		assert_int_equal(got.bytes[got.len - 1], n++);
	assert_int_equal(n, 60);
}

/* As Linux counts it (qdisc_pkt_len_init): len + (segments - 1) x headers. */
static void a_gso_frame_counts_as_its_segments(void **state)
{
	struct bed *b = three(state);
	struct snap_meter *m = limit(b, 1, SNAP_METER_FROM);
	uint32_t headers, segments, len;

	m->burst = 100000;
	bed_apply(b);
	frame_super(&F, false, false, 60000);
	memcpy(F.bytes, MAC_OF(2), 6);
	memcpy(F.bytes + 6, MAC_OF(1), 6);
	headers = 14 + 20 + (F.bytes[14 + 20 + 12] >> 4) * 4u; /* of TCP too */
	segments = (60000 - headers + F.offload.gso_size - 1) / F.offload.gso_size;
	len = 60000 + (segments - 1) * headers;
	assert_true(segments > 10);
	bed_send(b, 1, &F);
	bed_send(b, 1, &F);
	bed_run(b);
	assert_int_equal(take_all(b, 2), 1);
	assert_int_equal(bed_due_ns(b), b->io.now_ns + (2 * len - 100000) * (NS_PER_SEC / RATE));
	bed_warp(b, (2 * len - 100000) * (NS_PER_SEC / RATE));
	bed_tick(b);
	EXPECT_FRAME(b, 2, &F); /* whole */
	assert_int_equal(rte_mempool_in_use_count(b->io.big_pool), 0);
}

static void a_frame_larger_than_the_burst_passes_when_the_bucket_is_full(void **state)
{
	struct bed *b = three(state);

	limit(b, 1, SNAP_METER_FROM)->burst = LEN / 2;
	bed_apply(b);
	send_one(b, 1, 2, LEN, 0);
	send_one(b, 1, 2, LEN, 0);
	bed_run(b);
	assert_int_equal(take_all(b, 2), 1);
	assert_int_equal(bed_due_ns(b), b->io.now_ns + NS_PER_MS);
	bed_warp(b, NS_PER_MS);
	bed_tick(b);
	assert_int_equal(take_all(b, 2), 1);
}

static void the_peak_limits_the_burst(void **state)
{
	struct bed *b = three(state);
	struct snap_meter *m = limit(b, 2, SNAP_METER_TO);
	unsigned n = 0;

	m->burst = 400 * LEN;
	m->peak = 2 * RATE;
	bed_apply(b);
	for (unsigned ms = 0; ms < 100; ms++) {
		for (unsigned i = 0; i < 3; i++)
			send_one(b, 1, 2, LEN, 0);
		bed_run(b);
		n += take_all(b, 2);
		bed_warp(b, NS_PER_MS);
	}
	/* 64 KiB at once, then two a millisecond */
	assert_in_range(n, 65 + 190, 66 + 200);
}

static void drop_rate_limit_when_more_waits_than_the_queue_holds(void **state)
{
	struct bed *b = three(state);

	limit(b, 1, SNAP_METER_FROM);
	for (unsigned i = 0; i < 1000; i++)
		send_one(b, 1, 2, LEN, 0);
	bed_run(b);
	assert_int_equal(take_all(b, 2), 10);
	assert_int_equal(bed_held(b), (64u << 10) / LEN);
	assert_int_equal(bed_drops(b, 1, DROP_RATE_LIMIT), 1000 - 10 - (64u << 10) / LEN);
}

static void drop_tx_rate_limit_is_counted_on_the_receiver(void **state)
{
	struct bed *b = three(state);

	limit(b, 2, SNAP_METER_TO);
	for (unsigned i = 0; i < 1000; i++)
		send_one(b, 1, 2, 60, 0);
	bed_run(b);
	assert_int_equal(take_all(b, 2), 10 * LEN / 60);
	assert_int_equal(bed_held(b), 256);
	assert_int_equal(bed_drops(b, 2, DROP_TX_RATE_LIMIT), 1000 - 256 - 10 * LEN / 60);
	assert_int_equal(bed_drops(b, 1, DROP_TX_RATE_LIMIT), 0);
}

/* v1 sends ten times what v3 may get, v2 a fifth of it: v2 loses nothing. */
static void a_queue_is_shared_fairly_by_its_senders(void **state)
{
	struct bed *b = three(state);
	unsigned n = 0, of_two = 0;
	struct mem_frame got;

	limit(b, 3, SNAP_METER_TO);
	for (unsigned ms = 0; ms < 500; ms++) {
		for (unsigned i = 0; i < 10; i++)
			send_one(b, 1, 3, LEN, 1);
		if (ms % 5 == 0)
			send_one(b, 2, 3, LEN, 2);
		bed_run(b);
		for (; vif_mem_take(b->vif[3], &got); free(got.bytes)) {
			n++;
			of_two += got.bytes[got.len - 1] == 2;
		}
		bed_warp(b, NS_PER_MS);
	}
	assert_in_range(n, 500, 511);
	assert_in_range(of_two, 90, 100);
}

static void a_change_of_the_rate_loses_nothing(void **state)
{
	struct bed *b = three(state);
	struct snap_meter *m = limit(b, 1, SNAP_METER_FROM);
	struct mem_frame got;
	unsigned n = 0;

	for (uint8_t i = 0; i < 50; i++)
		send_one(b, 1, 2, LEN, i);
	bed_run(b);
	m->rate = 2 * RATE;
	m->burst = LEN;
	bed_apply(b);
	bed_warp(b, 5 * NS_PER_MS);
	bed_tick(b);
	/* 10 at first, then the burst and what fits into the 2 ms that a late worker is forgiven */
	assert_int_equal(vif_mem_count(b->vif[2]), 10 + 1 + 4);
	b->n_meters = 0; /* no limit any more: what waited goes before what comes */
	bed_apply(b);
	bed_warp(b, 1);
	send_one(b, 1, 2, LEN, 50);
	bed_run(b);
	while (bed_held(b) > 0)
		bed_tick(b);
	for (; vif_mem_take(b->vif[2], &got); free(got.bytes))
		assert_int_equal(got.bytes[got.len - 1], n++);
	assert_int_equal(n, 51);
	assert_int_equal(bed_due_ns(b), 0);
	assert_int_equal(bed_drops(b, 1, DROP_RATE_LIMIT), 0);
}

static void what_waits_for_a_vif_that_is_taken_away_is_freed(void **state)
{
	struct bed *b = three(state);

	limit(b, 1, SNAP_METER_FROM);
	limit(b, 3, SNAP_METER_TO);
	for (unsigned i = 0; i < 20; i++) {
		send_one(b, 1, 2, LEN, 0);
		send_one(b, 2, 3, LEN, 0);
	}
	bed_run(b);
	assert_int_equal(bed_held(b), 20);
	b->n_meters = 0;
	b->port[0] = b->port[1]; /* v2 alone is left */
	b->n_ports = 1;
	bed_apply(b);
	b->vifs.by_id[3] = NULL;
	bed_tick(b);
	b->vifs.by_id[3] = b->vif[3];
	assert_int_equal(bed_held(b), 0);
	assert_int_equal(bed_drops(b, 1, DROP_NO_NETWORK), 10);
	assert_int_equal(bed_drops(b, 3, DROP_TX_LINK_DOWN), 10);
	assert_int_equal(rte_mempool_in_use_count(b->io.small_pool), 0);
}

static void what_waits_is_freed_with_the_pipeline(void **state)
{
	struct bed *b = three(state);

	limit(b, 1, SNAP_METER_FROM);
	limit(b, 3, SNAP_METER_TO);
	for (unsigned i = 0; i < 20; i++) {
		send_one(b, 1, 2, LEN, 0);
		send_one(b, 2, 3, LEN, 0);
	}
	bed_run(b);
	bed_restart(b);
	assert_int_equal(rte_mempool_in_use_count(b->io.small_pool), 0);
}

/* Fifteen vifs that are over their rates leave buffers to the sixteenth. */
static void no_queue_takes_the_buffers_of_the_others(void **state)
{
	struct bed *b = *state;

	bed_network(b, 1);
	for (uint16_t id = 1; id <= 17; id++)
		bed_port(b, id, 1);
	bed_apply(b);
	for (uint8_t id = 1; id <= 17; id++) {
		frame_simple(&F, MAC_BCAST, MAC_OF(id), 20);
		bed_step(b, id, &F);
	}
	for (uint16_t id = 1; id <= 16; id++)
		bed_meter(b, id, SNAP_METER_FROM, RATE)->burst = 1;
	bed_apply(b);
	bed_clear(b);
	frame_super(&F, false, false, 30000);
	memcpy(F.bytes, MAC_OF(17), 6);
	for (uint8_t id = 1; id <= 15; id++)
		for (unsigned i = 0; i < 100; i++) {
			memcpy(F.bytes + 6, MAC_OF(id), 6);
			bed_send(b, id, &F);
			if (i % 32 == 31)
				bed_run(b);
		}
	bed_run(b);
	assert_true(rte_mempool_in_use_count(b->io.big_pool) <= QOS_BIG_MAX);
	memcpy(F.bytes + 6, MAC_OF(16), 6);
	bed_clear(b);
	bed_send(b, 16, &F); /* one passes, the bucket was full */
	bed_send(b, 16, &F); /* one waits */
	bed_run(b);
	assert_int_equal(bed_drops(b, 16, DROP_RATE_LIMIT), 0);
	bed_restart(b);
	assert_int_equal(rte_mempool_in_use_count(b->io.big_pool), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(what_a_vif_sends_is_limited_to_the_byte),
		BED_TESTS(what_a_vif_gets_is_limited_and_others_get_it_at_once),
		BED_TESTS(what_is_not_limited_passes_at_once),
		BED_TESTS(order_is_kept),
		BED_TESTS(a_gso_frame_counts_as_its_segments),
		BED_TESTS(a_frame_larger_than_the_burst_passes_when_the_bucket_is_full),
		BED_TESTS(the_peak_limits_the_burst),
		BED_TESTS(drop_rate_limit_when_more_waits_than_the_queue_holds),
		BED_TESTS(drop_tx_rate_limit_is_counted_on_the_receiver),
		BED_TESTS(a_queue_is_shared_fairly_by_its_senders),
		BED_TESTS(a_change_of_the_rate_loses_nothing),
		BED_TESTS(what_waits_for_a_vif_that_is_taken_away_is_freed),
		BED_TESTS(what_waits_is_freed_with_the_pipeline),
		BED_TESTS(no_queue_takes_the_buffers_of_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
