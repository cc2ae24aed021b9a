/* SPDX-License-Identifier: Apache-2.0 */
/* capture_test.c - captures of a network, a vif and an uplink show frames as they are on that wire,
 * on both sides of the translation.  Topology: tests/lib/routed.h. */
#include "tests/lib/routed.h"
#include "tests/lib/unit.h"
#include "vif/capture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define G1 "10.0.1.11"
#define RING_SIZE (sizeof(struct capture_ring) + CAPTURE_DATA_SIZE_MIN)
#define LEG1 3 /* host leg of network 1 */

static struct frame F;

/* One capture and its reader. */
static struct {
	struct capture_ring *ring;
	struct capture_set set;
	int event_fd;
} cap;

static void capture_begin(struct bed *b, enum capture_target target, uint16_t id)
{
	const struct msg_capture m = { .capture_id = 1,
		.target = target,
		.target_id = id,
		.snaplen = CAPTURE_SNAPLEN_DEFAULT };
	int fd = memfd_create("ring", MFD_ALLOW_SEALING | MFD_CLOEXEC), event[2];
	struct err e = ERR_NONE;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)RING_SIZE), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, event), 0);
	cap.event_fd = event[1];
	cap.ring = mmap(NULL, RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(cap.ring != MAP_FAILED);
	cap.set = (struct capture_set){ .n = 1 };
	cap.set.session[0] = capture_open(&m, fd, event[0], &e);
	assert_non_null(cap.set.session[0]);
	b->captures = &cap.set;
	bed_apply(b);
}

static void capture_end(struct bed *b)
{
	assert_int_equal(cap.ring->tail, cap.ring->head); /* all was looked at */
	b->captures = NULL;
	bed_apply(b);
	capture_close(cap.set.session[0]);
	munmap(cap.ring, RING_SIZE);
	close(cap.event_fd);
}

/* The oldest record: on @vif_id, in direction @dir; its bytes. */
static const uint8_t *shown(uint16_t vif_id, enum capture_dir dir, uint32_t *len)
{
	const struct capture_record *r
		= (const void *)(cap.ring->data + cap.ring->tail % CAPTURE_DATA_SIZE_MIN);

	assert_true(cap.ring->tail < cap.ring->head);
	assert_int_equal(r->vif_id, vif_id);
	assert_int_equal(r->dir, dir);
	assert_int_equal(r->cap_len, r->orig_len);
	cap.ring->tail += r->rec_len;
	*len = r->cap_len;
	return (const uint8_t *)(r + 1);
}

/* It is what was sent. */
static void shown_sent(uint16_t vif_id, const struct frame *f)
{
	uint32_t len;
	const uint8_t *bytes = shown(vif_id, CAPTURE_DIR_IN, &len);

	assert_int_equal(len, f->len);
	assert_memory_equal(bytes, f->bytes, len);
}

/* It is what @receiver got, byte by byte. */
static void shown_got(struct bed *b, uint16_t vif_id, enum capture_dir dir, uint16_t receiver)
{
	struct mem_frame got;
	uint32_t len;
	const uint8_t *bytes = shown(vif_id, dir, &len);

	assert_true(vif_mem_take(b->vif[receiver], &got));
	assert_int_equal(len, got.len);
	assert_memory_equal(bytes, got.bytes, len);
	free(got.bytes);
}

static void ask_and_answer(struct bed *b, struct frame *ask, struct frame *answer)
{
	flow_frame(ask, b, 1, UDP(G1, FAR4, 5000, 53), 100);
	bed_step(b, 1, ask);
	flow_frame(answer, b, LAN_VIF, UDP(FAR4, UP4, 53, 5000), 200);
	bed_step(b, LAN_VIF, answer);
}

static struct frame ask, reply;

static void a_networks_capture_shows_what_its_router_sends_into_it(void **state)
{
	struct bed *b = routed_bed(state);

	capture_begin(b, CAPTURE_TARGET_NETWORK, 1);
	ask_and_answer(b, &ask, &reply);
	shown_sent(1, &ask); /* with the guest's own address */
	shown_got(b, LEG1, CAPTURE_DIR_IN, 1); /* and its answer, translated back */
	capture_end(b);
	bed_clear(b);
}

static void an_uplinks_network_capture_shows_the_translated_side_only(void **state)
{
	struct bed *b = routed_bed(state);

	capture_begin(b, CAPTURE_TARGET_NETWORK, UPLINK_NET);
	ask_and_answer(b, &ask, &reply);
	shown_got(b, VIF_ID_NONE, CAPTURE_DIR_IN, LAN_VIF);
	shown_sent(LAN_VIF, &reply);
	capture_end(b);
	bed_clear(b);
}

static void an_uplink_vifs_capture_shows_the_translated_side_both_ways(void **state)
{
	struct bed *b = routed_bed(state);

	capture_begin(b, CAPTURE_TARGET_VIF, LAN_VIF);
	ask_and_answer(b, &ask, &reply);
	shown_got(b, LAN_VIF, CAPTURE_DIR_OUT, LAN_VIF);
	shown_sent(LAN_VIF, &reply);
	capture_end(b);
	bed_clear(b);
}

static void a_guest_vifs_capture_shows_its_own_side_both_ways(void **state)
{
	struct bed *b = routed_bed(state);

	capture_begin(b, CAPTURE_TARGET_VIF, 1);
	ask_and_answer(b, &ask, &reply);
	shown_sent(1, &ask);
	shown_got(b, 1, CAPTURE_DIR_OUT, 1);
	capture_end(b);
	bed_clear(b);
}

static void a_networks_capture_shows_errors_and_answers_of_the_router_itself(void **state)
{
	struct bed *b = routed_bed(state);
	uint32_t len;

	capture_begin(b, CAPTURE_TARGET_NETWORK, 1);
	flow_frame(&F, b, 1, UDP(G1, "10.0.2.14", 1, 2), 10); /* another guests' network */
	bed_step(b, 1, &F);
	shown_sent(1, &F);
	shown_got(b, LEG1, CAPTURE_DIR_IN, 1);
	capture_end(b);

	capture_begin(b, CAPTURE_TARGET_NETWORK, UPLINK_NET);
	bed_warp(b, 1);
	flow_frame(&F, b, LAN_VIF, PING("203.0.113.1", UP4, 9), 56);
	bed_step(b, LAN_VIF, &F);
	shown_sent(LAN_VIF, &F);
	assert_int_equal(shown(VIF_ID_NONE, CAPTURE_DIR_IN, &len)[34], 0); /* echo reply */
	assert_int_equal(len, F.len);
	capture_end(b);
	bed_clear(b);
}

static void what_waited_for_its_neighbour_is_shown_once_a_side(void **state)
{
	struct bed *b = routed_bed(state);
	uint32_t len;

	neigh_flush(pipeline_neigh(b->pipeline), UPLINK_NET);
	capture_begin(b, CAPTURE_TARGET_NETWORK, UPLINK_NET);
	flow_step(b, 1, UDP(G1, FAR4, 5000, 53), 100);
	answer(b, LAN_VIF); /* to the router's ARP request */
	assert_int_equal(shown(VIF_ID_NONE, CAPTURE_DIR_IN, &len)[21], 1);
	assert_int_equal(shown(LAN_VIF, CAPTURE_DIR_IN, &len)[21], 2);
	shown_got(b, VIF_ID_NONE, CAPTURE_DIR_IN, LAN_VIF);
	capture_end(b);
	bed_clear(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TESTS(a_networks_capture_shows_what_its_router_sends_into_it),
		BED_TESTS(an_uplinks_network_capture_shows_the_translated_side_only),
		BED_TESTS(an_uplink_vifs_capture_shows_the_translated_side_both_ways),
		BED_TESTS(a_guest_vifs_capture_shows_its_own_side_both_ways),
		BED_TESTS(a_networks_capture_shows_errors_and_answers_of_the_router_itself),
		BED_TESTS(what_waited_for_its_neighbour_is_shown_once_a_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
