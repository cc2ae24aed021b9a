/* SPDX-License-Identifier: Apache-2.0 */
/* xen_in_test.c - what a guest may send, and what happens to one that sends something else. */
#include "tests/lib/pkt_build.h"
#include "tests/lib/unit.h"
#include "tests/lib/xen_bed.h"
#include "vif/pkt_parse.h"
#include "vif/xen_mcast.h"
#include "vswitch/base/clock.h"

#include <rte_mbuf.h>

#include <errno.h>
#include <string.h>

static const struct front_send plain;

static uint64_t random_state = 88172645463325252u;

static uint32_t random_u32(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 16);
}

static void fill(uint8_t *bytes, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)random_u32();
	bytes[0] &= 0xfe;
}

/* Send, receive, compare; all slots must be answered. */
static void passes(
	struct xen_bed *b, const uint8_t *bytes, uint32_t len, const struct front_send *how)
{
	assert_true(xen_front_send(b->front, bytes, len, how));
	xen_front_tx_push(b->front);
	assert_int_equal(xen_bed_receive(b), 1);
	assert_int_equal(b->pkt[0].len, len);
	assert_int_equal(b->pkt[0].m->pkt_len, len);
	assert_int_equal(b->pkt[0].in_vif, XEN_BED_VIF);
	assert_memory_equal(xen_bed_bytes(&b->pkt[0]), bytes, len);
	assert_true(pkt_linear_len(&b->pkt[0]) >= MIN(len, 2048u));
	xen_bed_free(b, 1);
	xen_front_tx_reap(b->front);
	assert_int_equal(b->front->tx.rsp_cons, b->front->tx.req_prod);
	assert_int_equal(b->front->stats.wrong_id, 0);
}

/* Send something of which nothing may be delivered; the slots are answered with errors. */
static void is_refused(struct xen_bed *b, uint32_t n_slots)
{
	uint64_t refused = b->in.stats.refused;

	b->front->stats = (struct front_stats){ 0 };
	xen_front_tx_push(b->front);
	assert_int_equal(xen_bed_receive(b), 0);
	assert_null(b->in.failure);
	assert_int_equal(xen_front_tx_reap(b->front), n_slots);
	assert_int_equal(b->front->stats.error, n_slots);
	assert_int_equal(b->in.stats.refused, refused + 1);
}

/* The queue is dead after this turn, and stays so. */
static void is_fatal(struct xen_bed *b)
{
	xen_front_tx_push(b->front);
	assert_int_equal(xen_bed_receive(b), 0);
	assert_non_null(b->in.failure);
	assert_int_equal(xen_bed_receive(b), 0);
	assert_int_equal(xen_in_arm(&b->in, 1), XEN_ARMED);
	xen_bed_destroy(b);
}

/* How many packets of @n slots come through; and is the queue still alive? */
static unsigned delivered(struct xen_bed *b, uint32_t n, bool *is_alive)
{
	uint16_t sizes[30], got;
	uint8_t bytes[30 * 40];

	fill(bytes, sizeof(bytes));
	for (uint32_t i = 0; i < n; i++)
		sizes[i] = 40;
	assert_true(xen_front_send(
		b->front, bytes, n * 40, &(struct front_send){ .sizes = sizes, .n_slots = n }));
	xen_front_tx_push(b->front);
	got = xen_bed_receive(b);
	xen_bed_free(b, got);
	*is_alive = b->in.failure == NULL;
	return got;
}

static void packets_of_every_size_come_through(void **)
{
	static const uint32_t lens[]
		= { 14, 60, 64, 1514, 2047, 2048, 2049, 4095, 4096, 4097, 9014, 65000, 65535 };
	struct xen_bed *b = xen_bed_create();
	static uint8_t bytes[65536];

	fill(bytes, sizeof(bytes));
	for (unsigned i = 0; i < ARRAY_LEN(lens); i++) {
		passes(b, bytes, lens[i], &plain);
		if (lens[i] <= 60000)
			passes(b, bytes, lens[i], &(struct front_send){ .offset = 513 });
	}
	assert_int_equal(b->front->stats.error, 0);
	xen_bed_destroy(b);
}

static void eighteen_slots_pass_twenty_are_refused_more_are_fatal(void **)
{
	for (uint32_t n = 1; n <= 24; n++) {
		struct xen_bed *b = xen_bed_create();
		bool is_alive;
		unsigned got = delivered(b, n, &is_alive);

		assert_int_equal(got, n <= XEN_SLOTS_MAX);
		assert_int_equal(is_alive, n < XEN_SLOTS_FATAL);
		if (is_alive) {
			xen_front_tx_reap(b->front);
			assert_int_equal(b->front->stats.error, n <= XEN_SLOTS_MAX ? 0 : n);
		}
		xen_bed_destroy(b);
	}
}

enum layout {
	LAYOUT_EVEN,
	LAYOUT_FRONT,
	LAYOUT_BACK,
	LAYOUT_N
};

static void layout_make(uint16_t *sizes, uint32_t n, uint32_t len, enum layout layout)
{
	for (uint32_t i = 0; i < n; i++)
		sizes[i] = (uint16_t)(layout == LAYOUT_EVEN ? len / n : MIN(len / n, 1u));
	for (uint32_t i = 1; i < n; i++)
		len -= sizes[i];
	if (layout == LAYOUT_BACK && n > 1) {
		sizes[n - 1] = (uint16_t)(sizes[n - 1] + len - sizes[0]);
	} else {
		sizes[0] = (uint16_t)len;
	}
}

static void every_cut_of_every_size_gives_the_same_bytes(void **)
{
	struct xen_bed *b = xen_bed_create();
	uint8_t bytes[300];
	uint16_t sizes[XEN_SLOTS_MAX];

	fill(bytes, sizeof(bytes));
	for (uint32_t n = 1; n <= XEN_SLOTS_MAX; n++)
		for (uint32_t len = 14; len <= sizeof(bytes); len++)
			for (enum layout l = 0; l < LAYOUT_N; l++) {
				layout_make(sizes, n, len, l);
				passes(b, bytes, len,
					&(struct front_send){ .sizes = sizes, .n_slots = n });
			}
	assert_int_equal(b->in.stats.refused, 0);
	xen_bed_destroy(b);
}

static void slots_without_bytes_are_counted_and_do_no_harm(void **)
{
	struct xen_bed *b = xen_bed_create();
	uint8_t bytes[XEN_SLOTS_MAX * 20];
	uint16_t sizes[XEN_SLOTS_MAX];
	uint64_t n_zero = 0;

	fill(bytes, sizeof(bytes));
	for (uint32_t round = 0; round < 4096; round++) {
		uint32_t subset = random_u32(), len = 0;

		for (uint32_t i = 0; i < XEN_SLOTS_MAX; i++) {
			sizes[i] = (subset >> i & 1) != 0 ? 0 : 20;
			n_zero += sizes[i] == 0;
			len += sizes[i];
		}
		if (len == 0)
			continue;
		passes(b, bytes, len,
			&(struct front_send){ .sizes = sizes, .n_slots = XEN_SLOTS_MAX });
	}
	assert_int_equal(b->in.stats.zero_slots, n_zero);
	assert_int_equal(b->in.stats.refused, 0);
	xen_bed_destroy(b);
}

static void frame_make(struct frame *f, unsigned kind)
{
	frame_eth(f, MAC_OF(1), MAC_OF(2));
	if (kind == 2)
		frame_vlan(f, 0x8100, 5);
	if (kind == 1 || kind == 3)
		frame_ip6(f, 6);
	else
		frame_ip4(f, 6);
	if (kind == 3)
		frame_ip6_ext(f, 0, 2);
	frame_tcp(f, 0x10);
	frame_payload(f, 3000);
	frame_end(f);
	frame_partial(f);
}

static void headers_are_linear_however_they_are_cut(void **)
{
	struct xen_bed *b = xen_bed_create();
	static struct frame f;

	for (unsigned kind = 0; kind < 4; kind++) {
		frame_make(&f, kind);
		for (uint16_t cut = 0; cut < 128; cut++) {
			uint16_t sizes[3] = { cut, 1, (uint16_t)(f.len - cut - 1) };

			assert_true(xen_front_send(b->front, f.bytes, f.len,
				&(struct front_send){ .sizes = sizes,
					.n_slots = 3,
					.flags = XEN_TX_CSUM_BLANK | XEN_TX_DATA_VALIDATED }));
			xen_front_tx_push(b->front);
			assert_int_equal(xen_bed_receive(b), 1);
			pkt_parse_one(&b->pkt[0]);
			assert_int_equal(b->pkt[0].drop, DROP_NONE);
			assert_true(b->pkt[0].flags & PKT_HAS_L4);
			assert_true(b->pkt[0].l4_off + 20u <= pkt_linear_len(&b->pkt[0]));
			assert_int_equal(b->pkt[0].csum_start, f.offload.csum_start);
			assert_int_equal(b->pkt[0].csum_offset, f.offload.csum_offset);
			xen_bed_free(b, 1);
			xen_front_tx_reap(b->front);
		}
	}
	xen_bed_destroy(b);
}

static void any_impossible_index_detaches_the_guest(void **)
{
	struct xen_bed *b = xen_bed_create();

	for (unsigned i = 0; i < 1000000; i++) {
		uint32_t distance = random_u32();

		if (i < 1000)
			distance = i % 2 != 0 ? FRONT_RING + 1 + i : UINT32_MAX - i;
		if (distance <= FRONT_RING)
			continue;
		b->front->tx.shared->req_prod = b->in.ring.cons + distance;
		assert_int_equal(xen_bed_receive(b), 0);
		assert_non_null(b->in.failure);
		b->in.failure = NULL;
	}
	assert_int_equal(b->in.stats.slots, 0);
	b->front->tx.shared->req_prod = b->in.ring.cons;
	xen_bed_destroy(b);
}

static void too_small_is_refused(void **)
{
	struct xen_bed *b = xen_bed_create();
	uint8_t bytes[16] = { 0 };

	for (uint32_t len = 1; len < 14; len++) {
		assert_true(xen_front_send(b->front, bytes, len, &plain));
		is_refused(b, 1);
	}
	assert_int_equal(b->io.vif_counters[XEN_BED_VIF].drops[DROP_RX_ERROR], 13);
	xen_bed_destroy(b);
}

static struct xen_tx_request slot(uint16_t size, uint16_t offset, uint16_t flags)
{
	return (struct xen_tx_request){
		.gref = FRONT_GREF_TX_PAGE, .size = size, .offset = offset, .flags = flags
	};
}

static void sizes_that_do_not_add_up_are_refused(void **)
{
	struct xen_bed *b = xen_bed_create();

	xen_front_tx_put(
		b->front, &(struct xen_tx_request[]){ slot(100, 0, XEN_TX_MORE_DATA) }, false);
	xen_front_tx_put(b->front, &(struct xen_tx_request[]){ slot(101, 0, 0) }, false);
	is_refused(b, 2);
	for (unsigned i = 0; i < 18; i++)
		xen_front_tx_put(b->front,
			&(struct xen_tx_request[]){
				slot(i == 0 ? 65535 : 4096, 0, i < 17 ? XEN_TX_MORE_DATA : 0) },
			false);
	is_refused(b, 18);
	xen_bed_destroy(b);
}

static void slot_beyond_its_page_is_fatal(void **)
{
	struct xen_bed *b = xen_bed_create();

	xen_front_tx_put(b->front, &(struct xen_tx_request[]){ slot(100, 3997, 0) }, false);
	is_fatal(b);
	b = xen_bed_create();
	xen_front_tx_put(b->front, &(struct xen_tx_request[]){ slot(4097, 0, 0) }, false);
	is_fatal(b);
	b = xen_bed_create();
	xen_front_tx_put(
		b->front, &(struct xen_tx_request[]){ slot(200, 0, XEN_TX_MORE_DATA) }, false);
	xen_front_tx_put(b->front, &(struct xen_tx_request[]){ slot(100, 65535, 0) }, false);
	is_fatal(b);
}

static void packet_that_is_not_all_there_is_fatal(void **)
{
	struct xen_bed *b = xen_bed_create();

	xen_front_tx_put(
		b->front, &(struct xen_tx_request[]){ slot(100, 0, XEN_TX_MORE_DATA) }, false);
	is_fatal(b);
	b = xen_bed_create();
	xen_front_tx_put(
		b->front, &(struct xen_tx_request[]){ slot(100, 0, XEN_TX_EXTRA_INFO) }, false);
	is_fatal(b);
}

/* A packet of 100 bytes with @extras. */
static void extras_put(struct xen_bed *b, const struct xen_extra *extras, uint32_t n)
{
	uint8_t bytes[100] = { 0 };

	assert_true(xen_front_send(b->front, bytes, sizeof(bytes),
		&(struct front_send){ .extras = extras, .n_extras = n }));
}

static void bad_extra_infos_are_fatal(void **)
{
	static const struct xen_extra bad[] = {
		{ .type = XEN_EXTRA_NONE },
		{ .type = XEN_EXTRA_N },
		{ .type = 255 },
		{ .type = XEN_EXTRA_GSO, .u.gso = { .size = 0, .type = XEN_GSO_TCP4 } },
		{ .type = XEN_EXTRA_GSO, .u.gso = { .size = 1448, .type = XEN_GSO_NONE } },
		{ .type = XEN_EXTRA_GSO, .u.gso = { .size = 1448, .type = 3 } },
	};
	struct xen_extra many[XEN_EXTRAS_MAX + 1];

	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		struct xen_bed *b = xen_bed_create();

		extras_put(b, &bad[i], 1);
		is_fatal(b);
	}
	for (unsigned i = 0; i < ARRAY_LEN(many); i++)
		many[i] = (struct xen_extra){ .type = XEN_EXTRA_HASH };
	for (unsigned n = XEN_EXTRAS_MAX; n <= ARRAY_LEN(many); n++) {
		struct xen_bed *b = xen_bed_create();

		extras_put(b, many, n);
		if (n > XEN_EXTRAS_MAX) {
			is_fatal(b);
			continue;
		}
		xen_front_tx_push(b->front);
		assert_int_equal(xen_bed_receive(b), 1);
		xen_bed_free(b, 1);
		xen_front_tx_reap(b->front);
		assert_int_equal(b->front->stats.null, n);
		xen_bed_destroy(b);
	}
}

static void gso_frame_stays_whole(void **)
{
	struct xen_bed *b = xen_bed_create();
	static struct frame f;

	for (unsigned is_v6 = 0; is_v6 < 2; is_v6++)
		for (unsigned is_blank = 0; is_blank < 2; is_blank++) {
			struct xen_extra gso = { .type = XEN_EXTRA_GSO,
				.u.gso
				= { .size = 1448, .type = is_v6 ? XEN_GSO_TCP6 : XEN_GSO_TCP4 } };
			const struct pkt *p = &b->pkt[0];

			frame_super(&f, is_v6, false, 60000);
			assert_true(xen_front_send(b->front, f.bytes, f.len,
				&(struct front_send){ .extras = &gso,
					.n_extras = 1,
					.flags = is_blank ? XEN_TX_CSUM_BLANK : 0 }));
			if (!is_blank) /* the sum must be made, so spoil what is there */
				b->shm->page[FRONT_GREF_TX_PAGE
					+ (b->front->tx.req_prod - 16) % FRONT_RING]
					    [f.offload.csum_start + 16]
					^= 0xff;
			xen_front_tx_push(b->front);
			assert_int_equal(xen_bed_receive(b), 1);
			pkt_parse_one(&b->pkt[0]);
			assert_int_equal(p->drop, DROP_NONE);
			assert_int_equal(p->gso_type, is_v6 ? PKT_GSO_TCP6 : PKT_GSO_TCP4);
			assert_int_equal(p->gso_size, 1448);
			assert_true(p->flags & PKT_CSUM_PARTIAL);
			assert_int_equal(p->csum_start, f.offload.csum_start);
			assert_memory_equal(xen_bed_bytes(p), f.bytes, f.len);
			xen_bed_free(b, 1);
			xen_front_tx_reap(b->front);
		}
	assert_int_equal(b->in.stats.csum_fixups, 2);
	xen_bed_destroy(b);
}

static void validated_checksum_is_told(void **)
{
	struct xen_bed *b = xen_bed_create();
	uint8_t bytes[60] = { 0 };

	assert_true(xen_front_send(
		b->front, bytes, 60, &(struct front_send){ .flags = XEN_TX_DATA_VALIDATED }));
	xen_front_tx_push(b->front);
	assert_int_equal(xen_bed_receive(b), 1);
	assert_int_equal(b->pkt[0].flags, PKT_CSUM_VALID);
	xen_bed_free(b, 1);
	xen_bed_destroy(b);
}

static void groups_are_asked_for_by_extra_infos(void **)
{
	struct xen_bed *b = xen_bed_create();
	struct xen_mcast mcast = { 0 };
	struct xen_extra extra = { .type = XEN_EXTRA_MCAST_ADD };

	b->in.mcast = &mcast;
	for (unsigned i = 0; i < XEN_MCAST_MAX + 1; i++) {
		memcpy(extra.u.mcast.addr, MAC_GROUP(i), 6);
		extras_put(b, &extra, 1);
		xen_front_tx_push(b->front);
		assert_int_equal(xen_bed_receive(b), 0);
		xen_front_tx_reap(b->front);
		assert_int_equal(xen_mcast_has(&mcast, MAC_GROUP(i)), i < XEN_MCAST_MAX);
	}
	assert_int_equal(b->front->stats.okay, XEN_MCAST_MAX);
	assert_int_equal(b->front->stats.error, 1);
	assert_int_equal(b->front->stats.null, XEN_MCAST_MAX + 1);
	extra.type = XEN_EXTRA_MCAST_DEL;
	memcpy(extra.u.mcast.addr, MAC_GROUP(3), 6);
	extras_put(b, &extra, 1);
	xen_front_tx_push(b->front);
	assert_int_equal(xen_bed_receive(b), 0);
	assert_false(xen_mcast_has(&mcast, MAC_GROUP(3)));
	assert_int_equal(xen_mcast_add(&mcast, MAC_OF(1)), -EINVAL);
	xen_bed_destroy(b);
}

static void failing_copy_costs_its_slots_and_its_packet(void **)
{
	uint8_t bytes[20 * 40];
	uint16_t sizes[20];

	fill(bytes, sizeof(bytes));
	for (unsigned i = 0; i < 20; i++)
		sizes[i] = 40;
	for (uint32_t n = 1; n <= XEN_SLOTS_MAX; n++)
		for (uint32_t k = 1; k <= n; k++) {
			struct xen_bed *b = xen_bed_create();

			assert_true(xen_front_send(b->front, bytes, n * 40,
				&(struct front_send){ .sizes = sizes, .n_slots = n }));
			xen_front_tx_push(b->front);
			b->shm->fail_copy = k;
			assert_int_equal(xen_bed_receive(b), 0);
			xen_front_tx_reap(b->front);
			assert_int_equal(b->front->stats.error, 1);
			assert_int_equal(b->front->stats.okay, n - 1);
			assert_int_equal(b->front->tx_status[k - 1], XEN_RSP_ERROR);
			assert_int_equal(b->in.stats.copy_errors, 1);
			passes(b, bytes, 60, &plain);
			xen_bed_destroy(b);
		}
}

static void failing_call_costs_the_burst_only(void **)
{
	struct xen_bed *b = xen_bed_create();
	uint8_t bytes[60] = { 0 };

	for (unsigned i = 0; i < 10; i++)
		assert_true(xen_front_send(b->front, bytes, 60, &plain));
	xen_front_tx_push(b->front);
	b->shm->fail_calls = true;
	assert_int_equal(xen_bed_receive(b), 0);
	xen_front_tx_reap(b->front);
	assert_int_equal(b->front->stats.error, 10);
	b->shm->fail_calls = false;
	passes(b, bytes, 60, &plain);
	xen_bed_destroy(b);
}

static void grant_that_is_not_ours_is_an_error(void **)
{
	struct xen_bed *b = xen_bed_create();
	struct xen_tx_request req = slot(60, 0, 0);

	req.gref = FRONT_GREF_NONE;
	xen_front_tx_put(b->front, &req, false);
	is_refused(b, 1);
	xen_bed_destroy(b);
}

static void full_ring_is_taken_in_bursts_in_order(void **)
{
	struct xen_bed *b = xen_bed_create();
	uint8_t bytes[60] = { 0 };
	uint32_t n_seen = 0;
	uint16_t n;

	for (unsigned i = 0; i < FRONT_RING; i++) {
		bytes[20] = (uint8_t)i;
		assert_true(xen_front_send(b->front, bytes, 60, &plain));
	}
	assert_false(xen_front_send(b->front, bytes, 60, &plain));
	xen_front_tx_push(b->front);
	while ((n = xen_bed_receive(b)) > 0) {
		assert_int_equal(n, BURST_RX_MAX);
		for (uint16_t i = 0; i < n; i++)
			assert_int_equal(pkt_bytes(&b->pkt[i])[20], (uint8_t)n_seen++);
		xen_bed_free(b, n);
	}
	assert_int_equal(n_seen, FRONT_RING);
	assert_int_equal(xen_front_tx_reap(b->front), FRONT_RING);
	xen_bed_destroy(b);
}

static void packets_wait_on_the_ring_for_buffers(void **)
{
	struct xen_bed *b = xen_bed_create();
	static struct rte_mbuf *taken[8192];
	uint8_t bytes[60] = { 0 };
	unsigned n = 0;

	while (n < ARRAY_LEN(taken) && (taken[n] = rte_pktmbuf_alloc(b->io.small_pool)) != NULL)
		n++;
	assert_true(xen_front_send(b->front, bytes, 60, &plain));
	xen_front_tx_push(b->front);
	assert_int_equal(xen_bed_receive(b), 0);
	assert_int_equal(xen_front_tx_reap(b->front), 0);
	assert_int_equal(b->worker_counters.no_mbuf, 1);
	rte_pktmbuf_free_bulk(taken, n);
	assert_int_equal(xen_bed_receive(b), 1);
	xen_bed_free(b, 1);
	xen_bed_destroy(b);
}

static void ring_is_taken_up_where_it_stands(void **)
{
	struct xen_bed *b = xen_bed_create();
	uint8_t bytes[60] = { 0 };
	struct xen_in next;
	uint16_t n;

	for (unsigned i = 0; i < 100; i++) {
		bytes[20] = (uint8_t)i;
		assert_true(xen_front_send(b->front, bytes, 60, &plain));
	}
	xen_front_tx_push(b->front);
	n = xen_bed_receive(b);
	xen_bed_free(b, n);
	assert_int_equal(xen_in_open(&next, &b->shm->dom, b->in.ring.shared), 0);
	next.event = b->in.event;
	b->in = next; /* the old one is dead */
	n = xen_bed_receive(b);
	assert_int_equal(n, 36);
	assert_int_equal(pkt_bytes(&b->pkt[0])[20], 64);
	xen_bed_free(b, n);
	assert_int_equal(xen_front_tx_reap(b->front), 100);
	assert_int_equal(b->front->stats.okay, 100);
	b->front->tx.shared->req_prod += 257;
	assert_int_equal(xen_in_open(&next, &b->shm->dom, b->in.ring.shared), -EPROTO);
	xen_bed_destroy(b);
}

static void guest_is_notified_once_a_burst_and_only_if_it_wants(void **)
{
	struct xen_bed *b = xen_bed_create();
	uint8_t bytes[60] = { 0 };

	for (unsigned i = 0; i < 50; i++)
		assert_true(xen_front_send(b->front, bytes, 60, &plain));
	xen_front_tx_push(b->front);
	xen_bed_free(b, xen_bed_receive(b));
	assert_int_equal(b->shm->port[FRONT_PORT_TX].n_to_front, 1);
	for (unsigned i = 0; i < 50; i++)
		assert_true(xen_front_send(b->front, bytes, 60, &plain));
	xen_front_tx_push(b->front);
	xen_bed_free(b, xen_bed_receive(b)); /* rsp_event was not set anew */
	assert_int_equal(b->shm->port[FRONT_PORT_TX].n_to_front, 1);
	xen_bed_destroy(b);
}

static void back_end_is_notified_only_when_it_sleeps(void **)
{
	struct xen_bed *b = xen_bed_create();
	uint8_t bytes[60] = { 0 };

	for (unsigned round = 0; round < 3; round++) {
		xen_in_wake(&b->in);
		assert_int_equal(xen_in_arm(&b->in, 1), XEN_ARMED);
		for (unsigned i = 0; i < 3; i++) {
			assert_true(xen_front_send(b->front, bytes, 60, &plain));
			assert_int_equal(xen_front_tx_push(b->front), i == 0);
		}
		assert_int_equal(xen_in_arm(&b->in, 1), XEN_HAS_WORK);
		xen_bed_free(b, xen_bed_receive(b));
		xen_front_tx_reap(b->front);
	}
	assert_int_equal(b->shm->port[FRONT_PORT_TX].n_to_back, 3);
	xen_bed_destroy(b);
}

static void guest_that_cries_wolf_is_heard_ever_less(void **)
{
	struct xen_bed *b = xen_bed_create();
	uint8_t bytes[60] = { 0 };
	uint64_t now = NS_PER_SEC, end = 2 * NS_PER_SEC, then;

	while (now < end) { /* a notification without a request, whenever it can get through */
		xen_shm_kick(b->shm, FRONT_PORT_TX);
		xen_in_wake(&b->in);
		assert_int_equal(xen_bed_receive(b), 0);
		then = xen_in_arm(&b->in, now);
		now = then > XEN_HAS_WORK ? then : now + 1;
	}
	assert_in_range(b->in.stats.wakes, 500, 1000); /* of a second */
	assert_true(xen_front_send(b->front, bytes, 60, &plain));
	xen_front_tx_push(b->front);
	xen_bed_free(b, xen_bed_receive(b));
	assert_int_equal(b->in.hold_until_ns, 0);
	xen_bed_destroy(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_of_every_size_come_through),
		cmocka_unit_test(eighteen_slots_pass_twenty_are_refused_more_are_fatal),
		cmocka_unit_test(every_cut_of_every_size_gives_the_same_bytes),
		cmocka_unit_test(slots_without_bytes_are_counted_and_do_no_harm),
		cmocka_unit_test(headers_are_linear_however_they_are_cut),
		cmocka_unit_test(any_impossible_index_detaches_the_guest),
		cmocka_unit_test(too_small_is_refused),
		cmocka_unit_test(sizes_that_do_not_add_up_are_refused),
		cmocka_unit_test(slot_beyond_its_page_is_fatal),
		cmocka_unit_test(packet_that_is_not_all_there_is_fatal),
		cmocka_unit_test(bad_extra_infos_are_fatal),
		cmocka_unit_test(gso_frame_stays_whole),
		cmocka_unit_test(validated_checksum_is_told),
		cmocka_unit_test(groups_are_asked_for_by_extra_infos),
		cmocka_unit_test(failing_copy_costs_its_slots_and_its_packet),
		cmocka_unit_test(failing_call_costs_the_burst_only),
		cmocka_unit_test(grant_that_is_not_ours_is_an_error),
		cmocka_unit_test(full_ring_is_taken_in_bursts_in_order),
		cmocka_unit_test(packets_wait_on_the_ring_for_buffers),
		cmocka_unit_test(ring_is_taken_up_where_it_stands),
		cmocka_unit_test(guest_is_notified_once_a_burst_and_only_if_it_wants),
		cmocka_unit_test(back_end_is_notified_only_when_it_sleeps),
		cmocka_unit_test(guest_that_cries_wolf_is_heard_ever_less),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
