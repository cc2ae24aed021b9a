/* SPDX-License-Identifier: Apache-2.0 */
/* capture_test.c - the engine's half of a capture against honest, slow and hostile readers.
 * mbufs are made by hand: no EAL. */
#include "tests/lib/unit.h"
#include "vif/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define RING_SIZE (sizeof(struct capture_ring) + CAPTURE_DATA_SIZE_MIN)

struct fixture {
	struct capture_ring *ring;
	int event_fd; /* the reader's */
	struct capture *capture;
	struct capture_set set;
	struct rte_mbuf m[2];
	uint8_t bytes[2][2048];
	struct burst burst;
};

static int ring_fd_make(size_t size, int seals)
{
	int fd = memfd_create("ring", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

/* A frame of 100 bytes in one segment and 60 in a second. */
static void frame_make(struct fixture *f)
{
	for (unsigned i = 0; i < 2; i++) {
		memset(f->bytes[i], 0x40 + (int)i, sizeof(f->bytes[i]));
		f->m[i].buf_addr = f->bytes[i];
		f->m[i].buf_len = sizeof(f->bytes[i]);
	}
	f->m[0].data_len = 100;
	f->m[0].next = &f->m[1];
	f->m[0].nb_segs = 2;
	f->m[1].data_len = 60;
	f->burst.n = 1;
	f->burst.pkt[0] = (struct pkt){ .m = &f->m[0], .len = 160, .in_vif = 7, .network_id = 3 };
}

static void open_capture(struct fixture *f, struct msg_capture *m)
{
	struct err e = ERR_NONE;
	int fd = ring_fd_make(RING_SIZE, F_SEAL_SHRINK | F_SEAL_GROW);
	int event[2];

	memset(f, 0, sizeof(*f));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, event), 0);
	f->event_fd = event[1];
	f->ring = mmap(NULL, RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(f->ring != MAP_FAILED);
	m->capture_id = 1;
	if (m->snaplen == 0)
		m->snaplen = CAPTURE_SNAPLEN_DEFAULT;
	f->capture = capture_open(m, fd, event[0], &e);
	assert_non_null(f->capture);
	f->set = (struct capture_set){ .n = 1, .session = { f->capture } };
	frame_make(f);
}

static void close_capture(struct fixture *f)
{
	capture_close(f->capture);
	munmap(f->ring, RING_SIZE);
	close(f->event_fd);
}

static const struct capture_record *record_at(const struct fixture *f, uint64_t at)
{
	return (const struct capture_record *)(const void *)(f->ring->data + at);
}

static struct fixture fix;

static void frame_of_two_segments_arrives_whole_with_its_true_length(void **)
{
	struct msg_capture m = { .target = CAPTURE_TARGET_VIF, .target_id = 7 };
	const struct capture_record *r;

	open_capture(&fix, &m);
	fix.burst.pkt[0].gso_type = PKT_GSO_TCP4;
	fix.burst.pkt[0].gso_size = 55;
	capture_in(&fix.set, &fix.burst);
	r = record_at(&fix, 0);
	assert_int_equal(r->cap_len, 160);
	assert_int_equal(r->orig_len, 160);
	assert_int_equal(r->vif_id, 7);
	assert_int_equal(r->dir, CAPTURE_DIR_IN);
	assert_int_equal(r->gso_size, 55);
	assert_memory_equal((const uint8_t *)(r + 1), fix.bytes[0], 100);
	assert_memory_equal((const uint8_t *)(r + 1) + 100, fix.bytes[1], 60);
	assert_int_equal(fix.ring->head, r->rec_len);
	close_capture(&fix);
}

static void snaplen_cuts_bytes_and_keeps_the_true_length(void **)
{
	struct msg_capture m = { .target = CAPTURE_TARGET_NETWORK, .target_id = 3, .snaplen = 110 };

	open_capture(&fix, &m);
	capture_in(&fix.set, &fix.burst);
	assert_int_equal(record_at(&fix, 0)->cap_len, 110);
	assert_int_equal(record_at(&fix, 0)->orig_len, 160);
	close_capture(&fix);
}

static void filter_decides_before_anything_is_copied(void **)
{
	/* ldb [0]; jeq #0x41; ret #-1; ret #0: the frame begins with 0x40 */
	struct msg_capture m = { .target = CAPTURE_TARGET_VIF,
		.target_id = 7,
		.n_insns = 4,
		.insn = { { 0x30, 0, 0, 0 }, { 0x15, 0, 1, 0x41 }, { 0x06, 0, 0, 0xffffffff },
			{ 0x06, 0, 0, 0 } } };

	open_capture(&fix, &m);
	capture_in(&fix.set, &fix.burst);
	assert_int_equal(fix.ring->head, 0);
	assert_int_equal(fix.ring->seen, 0);
	fix.bytes[0][0] = 0x41;
	capture_in(&fix.set, &fix.burst);
	assert_int_equal(fix.ring->seen, 1);
	close_capture(&fix);
}

static void filter_that_reads_behind_the_linear_part_does_not_match(void **)
{
	/* ldb [120]; ret #-1 */
	struct msg_capture m = { .target = CAPTURE_TARGET_VIF,
		.target_id = 7,
		.n_insns = 2,
		.insn = { { 0x30, 0, 0, 120 }, { 0x06, 0, 0, 0xffffffff } } };

	open_capture(&fix, &m);
	capture_in(&fix.set, &fix.burst);
	assert_int_equal(fix.ring->seen, 0);
	close_capture(&fix);
}

static void drops_are_shown_with_their_reason_and_others_are_not(void **)
{
	struct msg_capture m = { .target = CAPTURE_TARGET_DROPS };

	open_capture(&fix, &m);
	capture_in(&fix.set, &fix.burst);
	capture_drops(&fix.set, &fix.burst);
	assert_int_equal(fix.ring->seen, 0);
	fix.burst.pkt[0].drop = DROP_LINK_LOCAL;
	capture_drops(&fix.set, &fix.burst);
	assert_int_equal(record_at(&fix, 0)->drop_reason, DROP_LINK_LOCAL);
	close_capture(&fix);
}

static void sent_copies_go_to_the_vif_and_lost_ones_to_drops(void **)
{
	static struct tx_items out;
	struct msg_capture m = { .target = CAPTURE_TARGET_VIF, .target_id = 9 };

	open_capture(&fix, &m);
	out.n = 2;
	out.item[0] = (struct tx_item){ .pkt = 0, .out_vif = 9, .drop = DROP_TX_QUEUE_FULL };
	out.item[1] = (struct tx_item){ .pkt = 0, .out_vif = 9 };
	capture_out(&fix.set, &fix.burst, &out);
	assert_int_equal(fix.ring->seen, 1);
	assert_int_equal(record_at(&fix, 0)->dir, CAPTURE_DIR_OUT);
	close_capture(&fix);
}

static void full_ring_loses_new_packets_and_counts_them(void **)
{
	struct msg_capture m = { .target = CAPTURE_TARGET_VIF, .target_id = 7 };
	uint32_t fits;

	open_capture(&fix, &m);
	fits = CAPTURE_DATA_SIZE_MIN / 192;
	for (uint32_t i = 0; i < fits + 5; i++)
		capture_in(&fix.set, &fix.burst);
	assert_int_equal(fix.ring->lost, 5);
	assert_int_equal(fix.ring->seen, fits + 5);
	__atomic_store_n(&fix.ring->tail, fix.ring->head, __ATOMIC_RELEASE);
	capture_in(&fix.set, &fix.burst);
	assert_int_equal(fix.ring->lost, 5);
	/* 192 does not divide the size: a padding record fills the rest and the next is at 0 */
	assert_int_equal(record_at(&fix, fits * 192)->cap_len, CAPTURE_RECORD_PAD);
	assert_int_equal(record_at(&fix, 0)->cap_len, 160);
	close_capture(&fix);
}

static void hostile_tail_and_head_only_lose_packets(void **)
{
	static const uint64_t tails[] = { 1, 8, UINT64_C(1) << 63, 0x1000, UINT64_MAX / 2 };
	struct msg_capture m = { .target = CAPTURE_TARGET_VIF, .target_id = 7 };

	open_capture(&fix, &m);
	for (unsigned i = 0; i < ARRAY_LEN(tails); i++) {
		fix.ring->tail = tails[i];
		fix.ring->head = tails[i] * 3; /* the engine has its own */
		fix.ring->data_size = 0xffffffff;
		capture_in(&fix.set, &fix.burst);
	}
	assert_int_equal(fix.ring->lost, ARRAY_LEN(tails));
	close_capture(&fix);
}

static void reader_is_told_once_a_burst(void **)
{
	struct msg_capture m = { .target = CAPTURE_TARGET_VIF, .target_id = 7 };
	char bytes[8];

	open_capture(&fix, &m);
	capture_in(&fix.set, &fix.burst);
	capture_in(&fix.set, &fix.burst);
	capture_flush(&fix.set);
	capture_flush(&fix.set);
	assert_int_equal(recv(fix.event_fd, bytes, sizeof(bytes), MSG_DONTWAIT), 1);
	close_capture(&fix);
}

static void reader_that_never_reads_or_is_gone_delays_nobody(void **)
{
	struct msg_capture m = { .target = CAPTURE_TARGET_VIF, .target_id = 7 };

	open_capture(&fix, &m);
	/* what a reader can do to the file it shares */
	assert_int_equal(fcntl(fix.event_fd, F_SETFL, 0), 0);
	for (unsigned i = 0; i < 100000; i++) {
		capture_in(&fix.set, &fix.burst);
		capture_flush(&fix.set);
	}
	shutdown(fix.event_fd, SHUT_RDWR);
	capture_in(&fix.set, &fix.burst);
	capture_flush(&fix.set);
	assert_int_equal(fix.ring->seen, 100001);
	close_capture(&fix);
}

static void assert_refused(const struct msg_capture *m, size_t size, int seals)
{
	struct err e = ERR_NONE;
	int event[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, event), 0);
	assert_null(capture_open(m, ring_fd_make(size, seals), event[0], &e));
	assert_int_equal(e.code, -EINVAL);
	close(event[1]);
}

/* Programs that libpcap finds valid. */
static void filter_that_could_stop_the_engine_or_look_into_it_is_refused(void **)
{
	static const struct {
		uint32_t n;
		struct msg_bpf_insn insn[5];
	} bad[] = {
		/* ja -1, then ret: never ends */
		{ 2, { { 0x05, 0, 0, 0xffffffff }, { 0x06, 0, 0, 1 } } },
		/* ja over and back again */
		{ 3, { { 0x05, 0, 0, 1 }, { 0x06, 0, 0, 1 }, { 0x05, 0, 0, 0xfffffffe } } },
		/* a return that bpf_filter() does not know: it aborts */
		{ 1, { { 0x106, 0, 0, 1 } } },
		{ 1, { { 0x0e, 0, 0, 1 } } },
		{ 2, { { 0x104, 0, 0, 1 }, { 0x06, 0, 0, 1 } } },
		/* ld M[3]; ret a: what the stack held before */
		{ 2, { { 0x60, 0, 0, 3 }, { 0x16, 0, 0, 0 } } },
		/* M[3] is written on one way only: jeq #5, st M[3], ldx M[3] */
		{ 5,
			{ { 0x30, 0, 0, 0 }, { 0x15, 1, 0, 5 }, { 0x02, 0, 0, 3 },
				{ 0x61, 0, 0, 3 }, { 0x16, 0, 0, 0 } } },
	};

	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		struct msg_capture m = { .capture_id = 1,
			.target = CAPTURE_TARGET_VIF,
			.target_id = 1,
			.snaplen = 64,
			.n_insns = bad[i].n };

		memcpy(m.insn, bad[i].insn, sizeof(bad[i].insn));
		assert_refused(&m, RING_SIZE, F_SEAL_SHRINK);
	}
}

static void only_drops_are_captured_of_all_vifs(void **)
{
	struct msg_capture m = { .capture_id = 1, .target = CAPTURE_TARGET_VIF, .snaplen = 64 };

	assert_refused(&m, RING_SIZE, F_SEAL_SHRINK);
	m.target = CAPTURE_TARGET_NETWORK;
	assert_refused(&m, RING_SIZE, F_SEAL_SHRINK);
}

static void memory_word_that_was_written_may_be_read(void **)
{
	/* ldb [0]; st M[1]; ld M[1]; jeq #0x40, 0, 1; ret #-1; ret #0 */
	struct msg_capture m = { .target = CAPTURE_TARGET_VIF,
		.target_id = 7,
		.n_insns = 6,
		.insn = { { 0x30, 0, 0, 0 }, { 0x02, 0, 0, 1 }, { 0x60, 0, 0, 1 },
			{ 0x15, 0, 1, 0x40 }, { 0x06, 0, 0, 0xffffffff }, { 0x06, 0, 0, 0 } } };

	open_capture(&fix, &m);
	capture_in(&fix.set, &fix.burst);
	assert_int_equal(fix.ring->seen, 1);
	close_capture(&fix);
}

static void wake_up_that_is_no_unix_socket_is_refused(void **)
{
	struct msg_capture m = { .capture_id = 1, .target = CAPTURE_TARGET_DROPS, .snaplen = 64 };
	struct err e = ERR_NONE;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_null(capture_open(&m, ring_fd_make(RING_SIZE, F_SEAL_SHRINK), fds[1], &e));
	assert_int_equal(e.code, -EINVAL);
	close(fds[0]);
}

static void bad_messages_and_rings_are_refused(void **)
{
	struct msg_capture good
		= { .capture_id = 1, .target = CAPTURE_TARGET_VIF, .target_id = 1, .snaplen = 64 };
	struct msg_capture m = good;

	assert_refused(&good, RING_SIZE, 0);
	assert_refused(&good, RING_SIZE + 1, F_SEAL_SHRINK);
	assert_refused(&good, 64, F_SEAL_SHRINK);
	m.target = 9;
	assert_refused(&m, RING_SIZE, F_SEAL_SHRINK);
	m = good;
	m.target_id = VIF_ID_MAX;
	assert_refused(&m, RING_SIZE, F_SEAL_SHRINK);
	m = good;
	m.n_insns = CAPTURE_FILTER_MAX + 1;
	assert_refused(&m, RING_SIZE, F_SEAL_SHRINK);
	m.n_insns = 1; /* ja 200: out of the program */
	m.insn[0] = (struct msg_bpf_insn){ .code = 0x05, .k = 200 };
	assert_refused(&m, RING_SIZE, F_SEAL_SHRINK);
	m = good;
	m.snaplen = 0;
	assert_refused(&m, RING_SIZE, F_SEAL_SHRINK);
}

static void ring_goes_on_where_a_dead_engine_stopped(void **)
{
	struct msg_capture m = { .target = CAPTURE_TARGET_VIF, .target_id = 7, .snaplen = 100 };
	struct err e = ERR_NONE;
	uint64_t head;
	int fds[2];

	open_capture(&fix, &m);
	capture_in(&fix.set, &fix.burst);
	head = fix.ring->head;
	capture_fds(fix.capture, fds);
	fds[0] = dup(fds[0]);
	fds[1] = dup(fds[1]);
	capture_close(fix.capture);
	fix.capture = capture_open(&m, fds[0], fds[1], &e);
	assert_non_null(fix.capture);
	fix.set.session[0] = fix.capture;
	capture_in(&fix.set, &fix.burst);
	assert_int_equal(fix.ring->head, 2 * head);
	assert_int_equal(fix.ring->seen, 2);
	close_capture(&fix);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frame_of_two_segments_arrives_whole_with_its_true_length),
		cmocka_unit_test(snaplen_cuts_bytes_and_keeps_the_true_length),
		cmocka_unit_test(filter_decides_before_anything_is_copied),
		cmocka_unit_test(filter_that_reads_behind_the_linear_part_does_not_match),
		cmocka_unit_test(drops_are_shown_with_their_reason_and_others_are_not),
		cmocka_unit_test(sent_copies_go_to_the_vif_and_lost_ones_to_drops),
		cmocka_unit_test(full_ring_loses_new_packets_and_counts_them),
		cmocka_unit_test(hostile_tail_and_head_only_lose_packets),
		cmocka_unit_test(reader_is_told_once_a_burst),
		cmocka_unit_test(reader_that_never_reads_or_is_gone_delays_nobody),
		cmocka_unit_test(filter_that_could_stop_the_engine_or_look_into_it_is_refused),
		cmocka_unit_test(only_drops_are_captured_of_all_vifs),
		cmocka_unit_test(memory_word_that_was_written_may_be_read),
		cmocka_unit_test(wake_up_that_is_no_unix_socket_is_refused),
		cmocka_unit_test(bad_messages_and_rings_are_refused),
		cmocka_unit_test(ring_goes_on_where_a_dead_engine_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
