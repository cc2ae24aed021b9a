/* SPDX-License-Identifier: Apache-2.0 */
/* vnet_hdr_test.c - the offload description at the edge to taps and packet sockets. */
#include "tests/lib/unit.h"
#include "vif/vnet_hdr.h"

static struct pkt decoded(struct virtio_net_hdr h, uint16_t vlan_len)
{
	struct pkt p = { 0 };

	vnet_hdr_decode(&h, vlan_len, &p);
	return p;
}

static void plain_frame_has_no_offload(void **)
{
	struct pkt p = decoded((struct virtio_net_hdr){ 0 }, 0);

	assert_int_equal(p.drop, DROP_NONE);
	assert_int_equal(p.flags, 0);
	assert_int_equal(p.gso_type, PKT_GSO_NONE);
}

static void put_back_vlan_tag_moves_csum_start(void **)
{
	struct pkt p = decoded(
		(struct virtio_net_hdr){
			.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16 },
		4);

	assert_int_equal(p.flags, PKT_CSUM_PARTIAL);
	assert_int_equal(p.csum_start, 38);
	assert_int_equal(p.csum_offset, 16);
}

static void csum_start_never_wraps(void **)
{
	struct pkt p = decoded((struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				       .csum_start = 65534 },
		4);

	assert_int_equal(p.drop, DROP_CSUM_BAD);
}

static void unknown_gso_types_are_dropped(void **)
{
	static const uint8_t known[] = { 0, 1, 4, 5 };

	for (unsigned type = 0; type < 128; type++) {
		struct pkt p = decoded((struct virtio_net_hdr){ .gso_type = (uint8_t)type }, 0);
		bool is_known = false;

		for (unsigned i = 0; i < ARRAY_LEN(known); i++)
			is_known |= known[i] == type;
		assert_int_equal(p.drop, is_known ? DROP_NONE : DROP_GSO_BAD);
	}
}

static void valid_checksum_is_kept_apart_from_partial(void **)
{
	struct pkt p = decoded((struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_DATA_VALID }, 0);

	assert_int_equal(p.flags, PKT_CSUM_VALID);
}

static void every_description_survives_the_way_through(void **)
{
	static const uint8_t types[] = { VIRTIO_NET_HDR_GSO_TCPV4, VIRTIO_NET_HDR_GSO_TCPV6,
		VIRTIO_NET_HDR_GSO_UDP_L4, VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN };

	for (unsigned i = 0; i < ARRAY_LEN(types); i++) {
		struct virtio_net_hdr in = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			.csum_start = 34,
			.csum_offset = 16,
			.gso_type = types[i],
			.gso_size = 1448,
			.hdr_len = 9999 };
		struct pkt p = decoded(in, 0);
		struct virtio_net_hdr out;

		p.hdr_len
			= 66; /* what pkt_parse() finds; the sender's is a hint and not believed */
		in.hdr_len = 66;
		vnet_hdr_encode(&p, &out);
		assert_memory_equal(&in, &out, sizeof(in));
	}
}

static void nothing_is_claimed_about_a_plain_frame(void **)
{
	struct pkt p = {
		.flags = PKT_CSUM_VALID | PKT_GSO_ECN, .gso_size = 7, .hdr_len = 54, .csum_start = 3
	};
	struct virtio_net_hdr out, zero = { 0 };

	vnet_hdr_encode(&p, &out);
	assert_memory_equal(&out, &zero, sizeof(out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_frame_has_no_offload),
		cmocka_unit_test(put_back_vlan_tag_moves_csum_start),
		cmocka_unit_test(csum_start_never_wraps),
		cmocka_unit_test(unknown_gso_types_are_dropped),
		cmocka_unit_test(valid_checksum_is_kept_apart_from_partial),
		cmocka_unit_test(every_description_survives_the_way_through),
		cmocka_unit_test(nothing_is_claimed_about_a_plain_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
