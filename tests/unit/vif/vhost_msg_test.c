/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_msg_test.c - what a front end may write, and what it is hung up on for. */
#include "tests/lib/unit.h"
#include "vif/vhost_msg.h"

#include <errno.h>
#include <string.h>

struct wire {
	struct vhost_msg_hdr hdr;
	uint8_t payload[VHOST_PAYLOAD_MAX + 8];
};

static struct wire made(uint32_t request, const void *payload, uint32_t size)
{
	struct wire w = { .hdr = { request, VHOST_MSG_VERSION, size } };

	memcpy(w.payload, payload, size);
	return w;
}

static int decoded(const struct wire *w, unsigned n_fds, struct vhost_msg *out)
{
	struct err e = ERR_NONE;
	int rc = vhost_msg_decode(w, sizeof(w->hdr) + w->hdr.size, n_fds, out, &e);

	assert_true(rc == 0 || rc == -EPROTO);
	assert_int_equal(rc, e.code);
	assert_true(rc == 0 || e.msg[0] != '\0');
	return rc;
}

static int decoded_u64(uint32_t request, uint64_t value, unsigned n_fds, struct vhost_msg *out)
{
	struct wire w = made(request, &value, sizeof(value));

	return decoded(&w, n_fds, out);
}

static int decoded_state(uint32_t request, uint32_t ring, uint32_t value, struct vhost_msg *out)
{
	uint32_t state[2] = { ring, value };
	struct wire w = made(request, state, sizeof(state));

	return decoded(&w, 0, out);
}

static int decoded_table(uint32_t n, uint32_t n_sent, unsigned n_fds, struct vhost_msg *out)
{
	struct {
		uint32_t n, padding;
		uint64_t region[VHOST_TABLE_REGIONS_MAX][4];
	} table = { .n = n };
	struct wire w;

	for (uint32_t i = 0; i < n_sent; i++)
		for (uint32_t k = 0; k < 4; k++)
			table.region[i][k] = 0x100000u * i + k;
	w = made(VHOST_REQ_SET_MEM_TABLE, &table, 8 + 32 * n_sent);
	return decoded(&w, n_fds, out);
}

static void features_come_as_64_bits(void **)
{
	struct vhost_msg m;

	assert_int_equal(
		decoded_u64(VHOST_REQ_SET_FEATURES, UINT64_C(0x8000000140000001), 0, &m), 0);
	assert_int_equal(m.request, VHOST_REQ_SET_FEATURES);
	assert_int_equal(m.u64, UINT64_C(0x8000000140000001));
	assert_false(m.needs_reply);
}

static void need_reply_is_told(void **)
{
	struct wire w = made(VHOST_REQ_SET_OWNER, "", 0);
	struct vhost_msg m;

	w.hdr.flags |= VHOST_MSG_NEED_REPLY;
	assert_int_equal(decoded(&w, 0, &m), 0);
	assert_true(m.needs_reply);
}

static void other_versions_and_replies_are_refused(void **)
{
	static const uint32_t flags[] = { 0, 2, 3, VHOST_MSG_VERSION | VHOST_MSG_REPLY };
	struct vhost_msg m;

	for (unsigned i = 0; i < ARRAY_LEN(flags); i++) {
		struct wire w = made(VHOST_REQ_SET_OWNER, "", 0);

		w.hdr.flags = flags[i];
		assert_int_equal(decoded(&w, 0, &m), -EPROTO);
	}
}

static void requests_that_were_not_offered_are_refused(void **)
{
	/* none, back end's requests, IOTLB, endian, config, crypto, postcopy, GET_INFLIGHT_FD, GPU, reset, in-band kick, status */
	static const uint32_t numbers[] = { 0, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33,
		34, 35, 39, 40, 41, 255, ~0u };
	struct vhost_msg m;

	for (unsigned i = 0; i < ARRAY_LEN(numbers); i++)
		for (unsigned n_fds = 0; n_fds <= VHOST_FDS_MAX; n_fds++)
			assert_int_equal(decoded_u64(numbers[i], 0, n_fds, &m), -EPROTO);
}

static void ring_index_is_compared_before_it_is_narrowed(void **)
{
	static const uint32_t bad[]
		= { VHOST_RINGS_MAX, 0xff, 0x100, 0x10000, 0x10001, 0x1ffff, 0x80000000, ~0u };
	static const uint32_t of_state[] = { VHOST_REQ_SET_VRING_NUM, VHOST_REQ_SET_VRING_BASE,
		VHOST_REQ_GET_VRING_BASE, VHOST_REQ_SET_VRING_ENABLE };
	struct vhost_msg m;

	for (unsigned k = 0; k < ARRAY_LEN(of_state); k++) {
		for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
			assert_int_equal(decoded_state(of_state[k], bad[i], 1, &m), -EPROTO);
		assert_int_equal(decoded_state(of_state[k], VHOST_RINGS_MAX - 1, 7, &m), 0);
		assert_int_equal(m.ring, VHOST_RINGS_MAX - 1);
		assert_int_equal(m.value, 7);
	}
}

static void ring_addresses_are_told_as_written(void **)
{
	struct {
		uint32_t index, flags;
		uint64_t desc, used, avail, log;
	} addr = { 3, VHOST_ADDR_LOG, 1, 2, 3, 4 };
	struct wire w = made(VHOST_REQ_SET_VRING_ADDR, &addr, sizeof(addr));
	struct vhost_msg m;

	assert_int_equal(decoded(&w, 0, &m), 0);
	assert_int_equal(m.ring, 3);
	assert_int_equal(m.addr.flags, VHOST_ADDR_LOG);
	assert_int_equal(m.addr.desc_user, 1);
	assert_int_equal(m.addr.used_user, 2);
	assert_int_equal(m.addr.avail_user, 3);
	assert_int_equal(m.addr.log_gpa, 4);
	addr.index = 0x10000;
	w = made(VHOST_REQ_SET_VRING_ADDR, &addr, sizeof(addr));
	assert_int_equal(decoded(&w, 0, &m), -EPROTO);
}

static void kick_has_exactly_the_fd_that_it_announces(void **)
{
	static const uint32_t with_fd[]
		= { VHOST_REQ_SET_VRING_KICK, VHOST_REQ_SET_VRING_CALL, VHOST_REQ_SET_VRING_ERR };
	struct vhost_msg m;

	for (unsigned i = 0; i < ARRAY_LEN(with_fd); i++) {
		assert_int_equal(decoded_u64(with_fd[i], 2, 1, &m), 0);
		assert_true(m.has_fd);
		assert_int_equal(m.ring, 2);
		assert_int_equal(decoded_u64(with_fd[i], 2, 0, &m), -EPROTO);
		assert_int_equal(decoded_u64(with_fd[i], 0x102, 0, &m), 0);
		assert_false(m.has_fd);
		assert_int_equal(decoded_u64(with_fd[i], 0x102, 1, &m), -EPROTO);
		assert_int_equal(decoded_u64(with_fd[i], 2, 2, &m), -EPROTO);
		assert_int_equal(decoded_u64(with_fd[i], 0xff, 1, &m), -EPROTO);
	}
}

static void memory_table_has_an_fd_for_each_region(void **)
{
	struct vhost_msg m;

	for (uint32_t n = 1; n <= VHOST_TABLE_REGIONS_MAX; n++) {
		assert_int_equal(decoded_table(n, n, n, &m), 0);
		assert_int_equal(m.n_regions, n);
		assert_int_equal(m.region[n - 1].gpa, 0x100000u * (n - 1));
		assert_int_equal(m.region[n - 1].size, 0x100000u * (n - 1) + 1);
		assert_int_equal(m.region[n - 1].user_addr, 0x100000u * (n - 1) + 2);
		assert_int_equal(m.region[n - 1].file_offset, 0x100000u * (n - 1) + 3);
		assert_int_equal(decoded_table(n, n, n - 1, &m), -EPROTO);
		assert_int_equal(decoded_table(n, n, n + 1, &m), -EPROTO);
		assert_int_equal(decoded_table(n, n - 1, n, &m), -EPROTO);
	}
}

static void memory_table_may_be_as_long_as_its_union(void **)
{
	struct vhost_msg m;

	assert_int_equal(decoded_table(2, VHOST_TABLE_REGIONS_MAX, 2, &m), 0);
	assert_int_equal(m.n_regions, 2);
}

static void memory_tables_of_no_or_too_many_regions_are_refused(void **)
{
	static const uint32_t bad[] = { 0, 9, 16, 0x10000, 0x10001, 0x7fffffff, ~0u };
	struct vhost_msg m;

	for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
		for (unsigned n_fds = 0; n_fds <= VHOST_FDS_MAX; n_fds++)
			assert_int_equal(decoded_table(bad[i], 8, n_fds, &m), -EPROTO);
}

/* Every request: the sizes of payload and the numbers of fds that it takes. */
static unsigned n_taken(uint32_t request, uint32_t size)
{
	static const uint8_t zeros[VHOST_PAYLOAD_MAX];
	struct wire w = made(request, zeros, size);
	struct vhost_msg m;
	unsigned n = 0;

	for (unsigned n_fds = 0; n_fds <= 16; n_fds++)
		n += decoded(&w, n_fds, &m) == 0;
	return n;
}

static void fixed_payloads_take_one_length_only(void **)
{
	static const struct {
		uint32_t request, size;
	} fixed[] = {
		{ VHOST_REQ_SET_FEATURES, 8 },
		{ VHOST_REQ_SET_PROTOCOL_FEATURES, 8 },
		{ VHOST_REQ_SET_LOG_BASE, 16 },
		{ VHOST_REQ_SET_VRING_NUM, 8 },
		{ VHOST_REQ_SET_VRING_ADDR, 40 },
		{ VHOST_REQ_SET_VRING_BASE, 8 },
		{ VHOST_REQ_GET_VRING_BASE, 8 },
		{ VHOST_REQ_SET_VRING_KICK, 8 },
		{ VHOST_REQ_SET_VRING_CALL, 8 },
		{ VHOST_REQ_SET_VRING_ERR, 8 },
		{ VHOST_REQ_SET_VRING_ENABLE, 8 },
		{ VHOST_REQ_SEND_RARP, 8 },
		{ VHOST_REQ_NET_SET_MTU, 8 },
		{ VHOST_REQ_ADD_MEM_REG, 40 },
	};

	for (unsigned i = 0; i < ARRAY_LEN(fixed); i++)
		for (uint32_t size = 0; size <= VHOST_PAYLOAD_MAX; size++)
			assert_int_equal(n_taken(fixed[i].request, size), size == fixed[i].size);
	/* front ends give the region's fd along with its removal, or not */
	assert_int_equal(n_taken(VHOST_REQ_REM_MEM_REG, 40), 2);
}

static void surplus_fds_are_refused_by_every_request(void **)
{
	for (uint32_t request = 0; request < 64; request++)
		for (uint32_t size = 0; size <= 48; size += 8)
			assert_true(n_taken(request, size) <= 2);
}

static void too_long_payload_is_refused_by_its_header(void **)
{
	static const uint32_t sizes[]
		= { VHOST_PAYLOAD_MAX + 1, 4096, 0x7fffffff, 0xfffffff4, ~0u };

	for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
		struct vhost_msg_hdr hdr = { VHOST_REQ_SET_MEM_TABLE, VHOST_MSG_VERSION, sizes[i] };
		struct err e = ERR_NONE;

		assert_int_equal(vhost_msg_len(&hdr, &e), -EPROTO);
	}
}

static void cut_messages_are_refused(void **)
{
	struct wire w = made(VHOST_REQ_SET_VRING_NUM, "\1\0\0\0\0\1\0\0", 8);
	struct vhost_msg m;

	for (size_t len = 0; len < sizeof(w.hdr) + 8; len++) {
		struct err e = ERR_NONE;

		assert_int_equal(vhost_msg_decode(&w, len, 0, &m, &e), -EPROTO);
	}
}

static void log_is_told_as_written(void **)
{
	uint64_t log[2] = { 8192, UINT64_MAX - 4095 };
	struct wire w = made(VHOST_REQ_SET_LOG_BASE, log, sizeof(log));
	struct vhost_msg m;

	assert_int_equal(decoded(&w, 1, &m), 0);
	assert_int_equal(m.log_size, 8192);
	assert_int_equal(m.log_offset, UINT64_MAX - 4095);
	assert_int_equal(decoded(&w, 0, &m), -EPROTO);
}

static void replies_bear_the_request_and_the_mark_of_a_reply(void **)
{
	static const uint8_t features[]
		= { 1, 0, 0, 0, 5, 0, 0, 0, 8, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1 };
	static const uint8_t base[]
		= { 11, 0, 0, 0, 5, 0, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0, 0xff, 0xff, 0, 0 };
	struct vhost_reply reply;

	vhost_reply_u64(VHOST_REQ_GET_FEATURES, UINT64_C(0x0102030405060708), &reply);
	assert_int_equal(reply.len, sizeof(features));
	assert_memory_equal(reply.bytes, features, sizeof(features));
	vhost_reply_state(VHOST_REQ_GET_VRING_BASE, 3, 0xffff, &reply);
	assert_int_equal(reply.len, sizeof(base));
	assert_memory_equal(reply.bytes, base, sizeof(base));
	assert_true(vhost_msg_has_answer(VHOST_REQ_GET_VRING_BASE));
	assert_false(vhost_msg_has_answer(VHOST_REQ_SET_MEM_TABLE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(features_come_as_64_bits),
		cmocka_unit_test(need_reply_is_told),
		cmocka_unit_test(other_versions_and_replies_are_refused),
		cmocka_unit_test(requests_that_were_not_offered_are_refused),
		cmocka_unit_test(ring_index_is_compared_before_it_is_narrowed),
		cmocka_unit_test(ring_addresses_are_told_as_written),
		cmocka_unit_test(kick_has_exactly_the_fd_that_it_announces),
		cmocka_unit_test(memory_table_has_an_fd_for_each_region),
		cmocka_unit_test(memory_table_may_be_as_long_as_its_union),
		cmocka_unit_test(memory_tables_of_no_or_too_many_regions_are_refused),
		cmocka_unit_test(fixed_payloads_take_one_length_only),
		cmocka_unit_test(surplus_fds_are_refused_by_every_request),
		cmocka_unit_test(too_long_payload_is_refused_by_its_header),
		cmocka_unit_test(cut_messages_are_refused),
		cmocka_unit_test(log_is_told_as_written),
		cmocka_unit_test(replies_bear_the_request_and_the_mark_of_a_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
