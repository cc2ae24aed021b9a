/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_net_test.c - packets of the pipeline through virtqueues: offloads as each side can take them. */
#include "tests/lib/guest_driver.h"
#include "tests/lib/pkt_build.h"
#include "tests/lib/test_pools.h"
#include "tests/lib/unit.h"
#include "vif/io_scratch.h"
#include "vif/pkt_parse.h"
#include "vif/vhost_net.h"

#include <stdlib.h>
#include <string.h>

#define HDR 12u
#define VIF 7
#define ALL (DRIVER_FEATURES | DRIVER_F(0) | DRIVER_F(1) | DRIVER_F(7) | DRIVER_F(8) | DRIVER_F(9))

static struct vif_io IO;
static struct worker_counters WORKER;
static struct driver TX, RX; /* the guest sends by one and receives by the other */
static struct frame F;
static struct burst B;
static struct tx_item ITEM;

static int group_setup(void **)
{
	test_pools(&IO.small_pool, &IO.big_pool);
	IO.vif_counters = calloc(VIF_ID_MAX, sizeof(struct vif_counters));
	IO.worker_counters = &WORKER;
	IO.scratch = io_scratch_create();
	return IO.vif_counters == NULL || IO.scratch == NULL;
}

static int group_teardown(void **)
{
	io_scratch_destroy(IO.scratch);
	free(IO.vif_counters);
	return 0;
}

static uint64_t drops(enum drop_reason reason)
{
	uint64_t n = IO.vif_counters[VIF].drops[reason];

	IO.vif_counters[VIF].drops[reason] = 0;
	return n;
}

/* The guest sends @len bytes of F with @h; what became of it is in B. */
static void guest_sends(const struct virtio_net_hdr_v1 *h, uint32_t len)
{
	struct driver_part part = { DRIVER_BUFS, HDR + len };

	memcpy(TX.mem + part.off, h, HDR);
	memcpy(TX.mem + part.off + HDR, F.bytes, len);
	assert_true(driver_add(&TX, &part, 1, false) >= 0);
	B.n = vhost_net_rx(&TX.q, &IO, VIF, B.pkt, BURST_RX_MAX);
	pkt_parse(&B);
}

static void free_burst(void)
{
	for (unsigned i = 0; i < B.n; i++)
		rte_pktmbuf_free(B.pkt[i].m);
	B.n = 0;
}

static struct virtio_net_hdr_v1 header_of_frame(void)
{
	static const uint8_t types[] = { 0, 1, 4, 5 };

	return (struct virtio_net_hdr_v1){ .flags = (F.offload.flags & PKT_CSUM_PARTIAL) != 0,
		.gso_type = types[F.offload.gso_type],
		.gso_size = F.offload.gso_size,
		.csum_start = F.offload.csum_start,
		.csum_offset = F.offload.csum_offset };
}

/* One guest with queues of these features; the second receives what the first sent. */
static void begin(uint64_t features)
{
	driver_open(&TX, ALL, 64, true);
	driver_open(&RX, features, 256, false);
	for (unsigned i = 0; i < 200; i++)
		assert_true(driver_add(&RX, &(struct driver_part){ DRIVER_BUFS + i * 2048, 2048 },
				    1, false)
			>= 0);
}

static void end(void)
{
	free_burst();
	driver_close(&TX);
	driver_close(&RX);
}

static void pass_on(void)
{
	ITEM = (struct tx_item){ .pkt = 0, .out_vif = VIF };
	vhost_net_tx(&RX.q, &IO, VIF, &B, &ITEM, 1);
}

/* The next frame that the receiving guest gets: its bytes without header; 0: none. */
static uint32_t guest_gets(struct virtio_net_hdr_v1 *h, uint8_t *out)
{
	uint32_t len, at = 0;
	uint16_t id;

	if (!driver_take(&RX, &id, &len))
		return 0;
	memcpy(h, RX.mem + DRIVER_BUFS + id * 2048u, HDR);
	memcpy(out, RX.mem + DRIVER_BUFS + id * 2048u + HDR, len - HDR);
	at = len - HDR;
	for (unsigned i = 1; i < h->num_buffers; i++) {
		assert_true(driver_take(&RX, &id, &len));
		memcpy(out + at, RX.mem + DRIVER_BUFS + id * 2048u, len);
		at += len;
	}
	return at;
}

static void a_super_frame_crosses_whole_with_a_header_of_our_own(void **)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct virtio_net_hdr_v1 h;
		static uint8_t out[70000];

		begin(ALL);
		frame_super(&F, v6 != 0, false, 65549);
		h = header_of_frame();
		h.hdr_len = 0xbeef; /* a lie that nobody believes */
		guest_sends(&h, F.len);
		assert_int_equal(B.n, 1);
		assert_int_equal(B.pkt[0].drop, DROP_NONE);
		assert_int_equal(B.pkt[0].in_vif, VIF);
		pass_on();
		assert_int_equal(ITEM.drop, DROP_NONE);
		assert_int_equal(guest_gets(&h, out), F.len);
		assert_memory_equal(out, F.bytes, F.len);
		assert_int_equal(h.hdr_len, B.pkt[0].hdr_len);
		assert_int_equal(h.gso_size, F.offload.gso_size);
		assert_int_equal(h.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
		end();
	}
}

static void a_guest_that_takes_no_tso_gets_whole_segments(void **)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct virtio_net_hdr_v1 h;
		uint32_t len, payload = 0;
		static uint8_t out[70000];

		begin(v6 ? ALL & ~DRIVER_F(8) : ALL & ~DRIVER_F(7));
		frame_super(&F, v6 != 0, false, 65549);
		h = header_of_frame();
		guest_sends(&h, F.len);
		pass_on();
		assert_int_equal(ITEM.drop, DROP_NONE);
		while ((len = guest_gets(&h, out)) > 0) {
			assert_int_equal(h.flags, 0);
			assert_int_equal(h.gso_type, VIRTIO_NET_HDR_GSO_NONE);
			assert_null(frame_fault(out, len, false));
			payload += len - B.pkt[0].hdr_len;
		}
		assert_int_equal(payload, F.len - B.pkt[0].hdr_len);
		end();
	}
}

static void a_guest_that_takes_no_partial_checksums_gets_complete_ones(void **)
{
	struct virtio_net_hdr_v1 h;
	static uint8_t out[4096];

	begin(DRIVER_FEATURES);
	frame_simple(&F, MAC_OF(1), MAC_OF(2), 1000);
	frame_partial(&F);
	h = header_of_frame();
	guest_sends(&h, F.len);
	pass_on();
	assert_int_equal(ITEM.drop, DROP_NONE);
	assert_int_equal(guest_gets(&h, out), F.len);
	assert_int_equal(h.flags, 0);
	assert_null(frame_fault(out, F.len, false));
	/* the packet itself stays as it was for others */
	assert_memory_equal(pkt_bytes(&B.pkt[0]), F.bytes, F.len);
	end();
}

static void what_a_guest_claims_about_its_checksums_is_checked(void **)
{
	static const uint16_t starts[] = { 0, 13, 33, 35, 1041, 1042, 65534 };
	static const uint16_t offsets[] = { 0, 6, 16, 65535 };

	begin(ALL);
	frame_simple(&F, MAC_OF(1), MAC_OF(2), 1000);
	for (unsigned i = 0; i < ARRAY_LEN(starts); i++)
		for (unsigned k = 0; k < ARRAY_LEN(offsets); k++) {
			struct virtio_net_hdr_v1 h = {
				.flags = 1, .csum_start = starts[i], .csum_offset = offsets[k]
			};

			guest_sends(&h, F.len);
			assert_int_equal(B.n, 1);
			assert_int_equal(B.pkt[0].drop, DROP_CSUM_BAD);
			free_burst();
			assert_true(driver_take(&TX, &(uint16_t){ 0 }, &(uint32_t){ 0 }));
		}
	/* nobody vouches for himself */
	guest_sends(&(struct virtio_net_hdr_v1){ .flags = 2 }, F.len);
	assert_int_equal(B.pkt[0].flags & PKT_CSUM_VALID, 0);
	end();
}

static void gso_that_does_not_fit_the_frame_is_dropped(void **)
{
	static const struct {
		uint8_t type;
		uint16_t size;
	} cases[] = { { 1, 0 }, { 1, 7 }, { 4, 1400 }, { 5, 1400 }, { 3, 1400 }, { 0x7f, 1400 } };

	begin(ALL);
	frame_super(&F, false, false, 4000);
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct virtio_net_hdr_v1 h = header_of_frame();

		h.gso_type = cases[i].type;
		h.gso_size = cases[i].size;
		guest_sends(&h, F.len);
		assert_int_equal(B.n, 1);
		assert_int_equal(B.pkt[0].drop, DROP_GSO_BAD);
		free_burst();
	}
	end();
}

static void what_is_lost_is_counted_with_its_reason(void **)
{
	struct virtio_net_hdr_v1 h = { 0 };
	struct driver_part part = { DRIVER_BUFS, HDR };

	begin(ALL);
	driver_add(&TX, &part, 1, false);
	part.len = HDR + FRAME_LEN_MAX + 1;
	driver_add(&TX, &part, 1, false);
	frame_simple(&F, MAC_OF(1), MAC_OF(2), 1000);
	guest_sends(&h, F.len);
	assert_int_equal(B.n, 1);
	assert_int_equal(drops(DROP_PKT_TOO_SMALL), 1);
	assert_int_equal(drops(DROP_PKT_TOO_BIG), 1);
	for (unsigned i = 0; i < 200; i++) {
		pass_on();
		assert_int_equal(ITEM.drop, DROP_NONE);
	}
	pass_on();
	assert_int_equal(ITEM.drop, DROP_TX_QUEUE_FULL);
	RX.q.broken = VHOST_BAD_ADDRESS;
	pass_on();
	assert_int_equal(ITEM.drop, DROP_TX_LINK_DOWN);
	driver_close(&RX);
	driver_open(&RX, ALL & ~DRIVER_F(15), 4, false);
	driver_add(&RX, &(struct driver_part){ DRIVER_BUFS, 512 }, 1, false);
	pass_on();
	assert_int_equal(ITEM.drop, DROP_TX_REFUSED);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_super_frame_crosses_whole_with_a_header_of_our_own),
		cmocka_unit_test(a_guest_that_takes_no_tso_gets_whole_segments),
		cmocka_unit_test(a_guest_that_takes_no_partial_checksums_gets_complete_ones),
		cmocka_unit_test(what_a_guest_claims_about_its_checksums_is_checked),
		cmocka_unit_test(gso_that_does_not_fit_the_frame_is_dropped),
		cmocka_unit_test(what_is_lost_is_counted_with_its_reason),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
