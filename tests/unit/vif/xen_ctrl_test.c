/* SPDX-License-Identifier: Apache-2.0 */
/* xen_ctrl_test.c - what a guest may ask of how its packets are spread. */
#include "tests/lib/unit.h"
#include "tests/lib/xen_bed.h"
#include "vif/xen_ctrl.h"

#include <string.h>

#define QUEUES 4

struct ctrl_bed {
	struct xen_bed *b;
	struct xen_hash hash;
	struct xen_ctrl ctrl;
};

static void setup(struct ctrl_bed *t)
{
	void *page;

	memset(t, 0, sizeof(*t));
	t->b = xen_bed_create();
	assert_int_equal(t->b->shm->dom.ops->map(&t->b->shm->dom, FRONT_GREF_CTRL, &page), 0);
	assert_int_equal(xen_ctrl_open(&t->ctrl, &t->b->shm->dom, page, &t->hash), 0);
	t->ctrl.event = xen_shm_event(t->b->shm, FRONT_PORT_CTRL);
	t->ctrl.n_queues = QUEUES;
}

static struct xen_ctrl_response ask(
	struct ctrl_bed *t, uint16_t type, uint32_t a, uint32_t b, uint32_t c)
{
	struct xen_ctrl_response rsp = { .status = 99 };

	xen_front_ctrl_ask(t->b->front,
		&(struct xen_ctrl_request){
			.id = (uint16_t)(a + type), .type = type, .arg = { a, b, c } });
	xen_ctrl_run(&t->ctrl, &t->b->copies);
	assert_true(xen_front_ctrl_take(t->b->front, &rsp));
	assert_int_equal(rsp.id, (uint16_t)(a + type));
	assert_int_equal(rsp.type, type);
	return rsp;
}

static uint32_t status(struct ctrl_bed *t, uint16_t type, uint32_t a, uint32_t b, uint32_t c)
{
	return ask(t, type, a, b, c).status;
}

static void hash_is_set_up_as_the_header_says(void **)
{
	uint8_t *table;
	struct ctrl_bed t;

	setup(&t);
	table = t.b->shm->page[FRONT_GREF_TABLE];
	assert_int_equal(status(&t, XEN_CTRL_GET_HASH_FLAGS, 0, 0, 0), XEN_CTRL_NOT_SUPPORTED);
	assert_int_equal(status(&t, XEN_CTRL_SET_HASH_FLAGS, 1, 0, 0), XEN_CTRL_NOT_SUPPORTED);
	assert_int_equal(
		status(&t, XEN_CTRL_SET_HASH_ALGORITHM, 2, 0, 0), XEN_CTRL_INVALID_PARAMETER);
	assert_int_equal(status(&t, XEN_CTRL_SET_HASH_ALGORITHM, 1, 0, 0), XEN_CTRL_SUCCESS);
	assert_int_equal(ask(&t, XEN_CTRL_GET_HASH_FLAGS, 0, 0, 0).value, XEN_HASH_TYPES_ALL);
	assert_int_equal(status(&t, XEN_CTRL_SET_HASH_FLAGS, 16, 0, 0), XEN_CTRL_INVALID_PARAMETER);
	assert_int_equal(status(&t, XEN_CTRL_SET_HASH_FLAGS, 3, 0, 0), XEN_CTRL_SUCCESS);
	assert_int_equal(t.hash.types, 3);
	memset(table, 0x11, 40);
	assert_int_equal(
		status(&t, XEN_CTRL_SET_HASH_KEY, FRONT_GREF_TABLE, 38, 0), XEN_CTRL_SUCCESS);
	assert_int_equal(t.hash.key[0], 0x11111111);
	assert_int_equal(t.hash.key[9], 0x11110000);
	assert_int_equal(
		status(&t, XEN_CTRL_SET_HASH_KEY, FRONT_GREF_NONE, 0, 0), XEN_CTRL_SUCCESS);
	assert_int_equal(t.hash.key[0], 0);
	assert_int_equal(
		ask(&t, XEN_CTRL_GET_HASH_MAPPING_SIZE, 0, 0, 0).value, XEN_HASH_MAPPING_MAX);
	assert_int_equal(status(&t, XEN_CTRL_SET_HASH_MAPPING_SIZE, 8, 0, 0), XEN_CTRL_SUCCESS);
	memcpy(table, (uint32_t[]){ 3, 2, 1 }, 12);
	assert_int_equal(
		status(&t, XEN_CTRL_SET_HASH_MAPPING, FRONT_GREF_TABLE, 3, 5), XEN_CTRL_SUCCESS);
	assert_memory_equal(t.hash.mapping, ((uint32_t[]){ 0, 0, 0, 0, 0, 3, 2, 1 }), 32);
	assert_int_equal(status(&t, XEN_CTRL_ADD_GREF_MAPPING, 0, 1, 1), XEN_CTRL_NOT_SUPPORTED);
	xen_bed_destroy(t.b);
}

static void wrong_requests_are_refused_and_change_nothing(void **)
{
	static const uint32_t odd[]
		= { 0, 1, 2, 5, 8, 9, 40, 41, 128, 129, 1023, 1024, 4096, 65535, 65536, 0x40000001,
			  0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, FRONT_GREF_TABLE };
	struct xen_hash before;
	uint32_t n = 0;
	struct ctrl_bed t;

	setup(&t);
	assert_int_equal(status(&t, XEN_CTRL_SET_HASH_ALGORITHM, 1, 0, 0), XEN_CTRL_SUCCESS);
	assert_int_equal(status(&t, XEN_CTRL_SET_HASH_MAPPING_SIZE, 8, 0, 0), XEN_CTRL_SUCCESS);
	memset(t.b->shm->page[FRONT_GREF_TABLE], 0xff, XEN_PAGE); /* no such queues */
	for (uint16_t type = 0; type < 14; type++)
		for (unsigned a = 0; a < ARRAY_LEN(odd); a++)
			for (unsigned i = 0; i < ARRAY_LEN(odd) * ARRAY_LEN(odd); i++) {
				uint32_t len = odd[i % ARRAY_LEN(odd)],
					 off = odd[i / ARRAY_LEN(odd)];

				before = t.hash;
				if (status(&t, type, odd[a], len, off) == XEN_CTRL_SUCCESS)
					continue;
				n++;
				assert_memory_equal(&before, &t.hash, sizeof(before));
			}
	assert_true(n > 80000);
	assert_int_equal(t.ctrl.n_refused, n);
	for (unsigned i = 0; i < XEN_HASH_MAPPING_MAX; i++)
		assert_true(t.hash.mapping[i] < QUEUES);
	xen_bed_destroy(t.b);
}

static void any_impossible_index_detaches_the_guest(void **)
{
	struct ctrl_bed t;

	setup(&t);
	t.b->front->ctrl.shared->req_prod += 129;
	xen_ctrl_run(&t.ctrl, &t.b->copies);
	assert_non_null(t.ctrl.failure);
	assert_true(xen_ctrl_arm(&t.ctrl));
	xen_bed_destroy(t.b);
}

static void sleeper_is_notified(void **)
{
	struct ctrl_bed t;

	setup(&t);
	assert_true(xen_ctrl_arm(&t.ctrl));
	xen_front_ctrl_ask(t.b->front, &(struct xen_ctrl_request){ 0 });
	assert_int_equal(t.b->shm->port[FRONT_PORT_CTRL].n_to_back, 1);
	assert_false(xen_ctrl_arm(&t.ctrl));
	xen_ctrl_run(&t.ctrl, &t.b->copies);
	assert_int_equal(t.b->shm->port[FRONT_PORT_CTRL].n_to_front, 1);
	assert_true(xen_ctrl_arm(&t.ctrl));
	xen_bed_destroy(t.b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash_is_set_up_as_the_header_says),
		cmocka_unit_test(wrong_requests_are_refused_and_change_nothing),
		cmocka_unit_test(any_impossible_index_detaches_the_guest),
		cmocka_unit_test(sleeper_is_notified),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
