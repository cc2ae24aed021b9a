/* SPDX-License-Identifier: Apache-2.0 */
/* pcapng_test.c - claims about tools/pcapng.c, byte by byte, and tools/capture_stream.c. */
#include "tests/lib/unit.h"
#include "tools/capture_stream.h"
#include "tools/pcapng.h"
#include "vswitch/abi/drop_reasons.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void section_header_names_the_application(void **)
{
	/* clang-format off */
	static const uint8_t want[] = {
		0x0a, 0x0d, 0x0d, 0x0a, 40, 0, 0, 0,    /* type, length */
		0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0,     /* byte order, version 1.0 */
		255, 255, 255, 255, 255, 255, 255, 255, /* section length unknown */
		4, 0, 3, 0, 'a', 'b', 'c', 0,           /* shb_userappl */
		0, 0, 0, 0, 40, 0, 0, 0,                /* end of options, length */
	};
	/* clang-format on */
	uint8_t buf[128];
	struct wire_writer w = wire_writer_of(buf, sizeof(buf));

	pcapng_section(&w, "abc");
	assert_false(w.failed);
	assert_int_equal(wire_written(&w), sizeof(want));
	assert_memory_equal(buf, want, sizeof(want));
}

static void interface_block_has_name_and_nanoseconds(void **)
{
	/* clang-format off */
	static const uint8_t want[] = {
		1, 0, 0, 0, 56, 0, 0, 0,        /* type, length */
		1, 0, 0, 0, 0, 0, 4, 0,         /* Ethernet, snaplen 262144 */
		2, 0, 4, 0, 'w', 'e', 'b', '0', /* if_name */
		3, 0, 1, 0, 'd', 0, 0, 0,       /* if_description */
		9, 0, 1, 0, 9, 0, 0, 0,         /* if_tsresol: 10^-9 */
		11, 0, 3, 0, 0, 'i', 'p', 0,    /* if_filter */
		0, 0, 0, 0, 56, 0, 0, 0,
	};
	/* clang-format on */
	uint8_t buf[128];
	struct wire_writer w = wire_writer_of(buf, sizeof(buf));

	pcapng_interface(&w, "web0", "d", "ip", 262144);
	assert_int_equal(wire_written(&w), sizeof(want));
	assert_memory_equal(buf, want, sizeof(want));
}

static void packet_block_has_direction_comment_and_both_lengths(void **)
{
	static const uint8_t frame[5] = { 1, 2, 3, 4, 5 };
	/* clang-format off */
	static const uint8_t want[] = {
		6, 0, 0, 0, 60, 0, 0, 0,     /* type, length */
		2, 0, 0, 0,                  /* interface */
		4, 3, 2, 1, 8, 7, 6, 5,      /* time, upper word first */
		5, 0, 0, 0, 0x68, 0xff, 0, 0, /* captured, original */
		1, 2, 3, 4, 5, 0, 0, 0,      /* bytes, padded */
		1, 0, 2, 0, 'h', 'i', 0, 0,  /* opt_comment */
		2, 0, 4, 0, 2, 0, 0, 0,      /* epb_flags: outbound */
		0, 0, 0, 0, 60, 0, 0, 0,
	};
	/* clang-format on */
	uint8_t buf[128];
	struct wire_writer w = wire_writer_of(buf, sizeof(buf));
	const struct pcapng_packet p = { .interface = 2,
		.wall_ns = UINT64_C(0x0102030405060708),
		.bytes = frame,
		.cap_len = 5,
		.orig_len = 65384,
		.dir = PCAPNG_DIR_OUT,
		.comment = "hi" };

	pcapng_packet(&w, &p);
	assert_int_equal(wire_written(&w), sizeof(want));
	assert_memory_equal(buf, want, sizeof(want));
}

static void statistics_block_counts_received_and_dropped(void **)
{
	uint8_t buf[128];
	struct wire_writer w = wire_writer_of(buf, sizeof(buf));
	const struct pcapng_stats s = { .interface = 1, .received = 10, .dropped = 3 };
	uint64_t n;

	pcapng_statistics(&w, &s);
	assert_int_equal(wire_written(&w), 52);
	assert_int_equal(buf[0], 5);
	assert_int_equal(buf[20], 4); /* isb_ifrecv */
	memcpy(&n, buf + 24, sizeof(n));
	assert_int_equal(n, 10);
	assert_int_equal(buf[32], 5); /* isb_ifdrop */
	memcpy(&n, buf + 36, sizeof(n));
	assert_int_equal(n, 3);
}

static void block_that_does_not_fit_fails_and_writes_nothing_outside(void **)
{
	uint8_t buf[64];
	struct wire_writer w = wire_writer_of(buf, 32);

	memset(buf, 0xee, sizeof(buf));
	pcapng_interface(&w, "a-long-name", "and a description", NULL, 64);
	assert_true(w.failed);
	for (size_t i = 32; i < sizeof(buf); i++)
		assert_int_equal(buf[i], 0xee);
}

/* What a stream wrote. */
struct written {
	uint8_t bytes[1u << 16];
	size_t len;
	int rc;
};

static int take(void *arg, const uint8_t *bytes, size_t len)
{
	struct written *w = arg;

	if (w->rc)
		return w->rc;
	assert_true(w->len + len <= sizeof(w->bytes));
	memcpy(w->bytes + w->len, bytes, len);
	w->len += len;
	return 0;
}

static unsigned count_blocks(const struct written *w, uint32_t type)
{
	unsigned n = 0;

	for (size_t at = 0; at < w->len;) {
		uint32_t head[2];
		uint32_t tail;

		memcpy(head, w->bytes + at, sizeof(head));
		assert_true(head[1] >= 12 && head[1] % 4 == 0 && at + head[1] <= w->len);
		memcpy(&tail, w->bytes + at + head[1] - 4, sizeof(tail));
		assert_int_equal(tail, head[1]);
		n += head[0] == type;
		at += head[1];
	}
	return n;
}

static bool contains(const struct written *w, const char *text)
{
	return memmem(w->bytes, w->len, text, strlen(text)) != NULL;
}

static void stream_writes_an_interface_once_and_comments_drops_and_gso(void **)
{
	static const uint8_t frame[60];
	static struct written w; /* too large for the stack */
	struct capture_vifs *vifs = capture_vifs_create();
	struct capture_stream *s = capture_stream_create(take, &w, 262144, "");
	struct capture_vif *vif = capture_vifs_find(vifs, 7);
	struct ring_frame f = { .bytes = frame,
		.cap_len = sizeof(frame),
		.orig_len = 1514,
		.vif_id = 7,
		.dir = CAPTURE_DIR_IN };

	capture_vifs_name(vifs, vif);
	assert_int_equal(capture_stream_frame(s, vif, &f), 0);
	f.drop_reason = DROP_MTU_EXCEEDED;
	assert_int_equal(capture_stream_frame(s, vif, &f), 0);
	f.drop_reason = DROP_NONE;
	f.gso_type = 1;
	f.gso_size = 1448;
	assert_int_equal(capture_stream_frame(s, vif, &f), 0);
	f.gso_type = 200;
	f.drop_reason = 250;
	assert_int_equal(capture_stream_frame(s, vif, &f), 0);
	assert_int_equal(w.len, 0);
	assert_int_equal(capture_stream_flush(s), 0);
	assert_int_equal(count_blocks(&w, 1), 1);
	assert_int_equal(count_blocks(&w, 6), 4);
	assert_true(contains(&w, "vif-id-7"));
	assert_true(contains(&w, "dropped: mtu_exceeded - frame larger than the MTU"));
	assert_true(contains(&w, "gso tcp4 size 1448"));
	assert_true(contains(&w, "dropped: reason 250; gso unknown size 1448"));
	assert_int_equal(capture_stream_finish(s, vifs, 5), 0);
	assert_int_equal(count_blocks(&w, 5), 1);
	capture_stream_destroy(s);
	capture_vifs_destroy(vifs);
}

static void stream_of_no_packets_still_has_an_interface(void **)
{
	static struct written w; /* too large for the stack */
	struct capture_vifs *vifs = capture_vifs_create();
	struct capture_stream *s = capture_stream_create(take, &w, 64, "");

	assert_int_equal(capture_stream_finish(s, vifs, 0), 0);
	assert_int_equal(count_blocks(&w, 1), 1);
	assert_int_equal(count_blocks(&w, 5), 1);
	capture_stream_destroy(s);
	capture_vifs_destroy(vifs);
}

static void stream_keeps_the_first_error_of_its_writer(void **)
{
	static uint8_t frame[CAPTURE_SNAPLEN_DEFAULT];
	static struct written w = { .rc = -EPIPE };
	struct capture_vifs *vifs = capture_vifs_create();
	struct capture_stream *s = capture_stream_create(take, &w, CAPTURE_SNAPLEN_DEFAULT, "");
	struct ring_frame f
		= { .bytes = frame, .cap_len = sizeof(frame), .orig_len = sizeof(frame) };
	int rc = 0;

	for (int i = 0; i < 8; i++)
		rc = capture_stream_frame(s, capture_vifs_find(vifs, 0), &f);
	assert_int_equal(rc, -EPIPE);
	assert_int_equal(capture_stream_finish(s, vifs, 0), -EPIPE);
	capture_stream_destroy(s);
	capture_vifs_destroy(vifs);
}

static void names_come_from_rows_and_are_escaped(void **)
{
	struct capture_vifs *v = capture_vifs_create();
	json_t *rows = json_loads("[{\"id\": 3, \"name\": \"w\\u001b\", \"network\": \"lan\", "
				  "\"type\": \"tap\"}, {\"id\": 70000, \"name\": \"x\"}, "
				  "{\"id\": -1, \"name\": \"y\"}, {\"id\": 0, \"name\": \"z\"}]",
		0, NULL);

	capture_vifs_add_list(v, rows, "id");
	assert_string_equal(capture_vifs_find(v, 3)->name, "w\\x1b");
	assert_string_equal(capture_vifs_find(v, 3)->description, "network lan, type tap");
	assert_string_equal(capture_vifs_find(v, 65535)->name, "unknown");
	assert_true(capture_vifs_may_refresh(v, 4));
	assert_false(capture_vifs_may_refresh(v, 4)); /* at most once a second */
	assert_false(capture_vifs_may_refresh(v, 3));
	json_decref(rows);
	capture_vifs_destroy(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(section_header_names_the_application),
		cmocka_unit_test(interface_block_has_name_and_nanoseconds),
		cmocka_unit_test(packet_block_has_direction_comment_and_both_lengths),
		cmocka_unit_test(statistics_block_counts_received_and_dropped),
		cmocka_unit_test(block_that_does_not_fit_fails_and_writes_nothing_outside),
		cmocka_unit_test(stream_writes_an_interface_once_and_comments_drops_and_gso),
		cmocka_unit_test(stream_of_no_packets_still_has_an_interface),
		cmocka_unit_test(stream_keeps_the_first_error_of_its_writer),
		cmocka_unit_test(names_come_from_rows_and_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
