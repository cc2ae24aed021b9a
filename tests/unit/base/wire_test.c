/* SPDX-License-Identifier: Apache-2.0 */
/* wire_test.c - no step leaves the buffer, and the error sticks. */
#include "tests/lib/unit.h"
#include "vswitch/base/wire.h"

#include <string.h>

static const uint8_t sample[] = { 1, 2, 3, 4 };

static void reads_give_the_bytes_in_order(void **)
{
	struct wire_reader r = wire_reader_of(sample, sizeof(sample));
	uint8_t one;
	uint8_t three[3];

	wire_get(&r, &one, sizeof(one));
	assert_int_equal(wire_left(&r), 3);
	wire_get(&r, three, sizeof(three));
	assert_int_equal(one, 1);
	assert_memory_equal(three, sample + 1, 3);
	assert_int_equal(wire_left(&r), 0);
	assert_false(r.failed);
}

static void read_beyond_the_end_gives_zeros_and_fails(void **)
{
	struct wire_reader r = wire_reader_of(sample, sizeof(sample));
	uint8_t out[5] = { 9, 9, 9, 9, 9 };
	static const uint8_t zeros[5];

	wire_get(&r, out, sizeof(out));
	assert_true(r.failed);
	assert_memory_equal(out, zeros, sizeof(out));
}

static void failed_reader_stays_failed(void **)
{
	struct wire_reader r = wire_reader_of(sample, sizeof(sample));
	uint8_t out = 9;

	assert_null(wire_take(&r, 5));
	assert_null(wire_take(&r, 1));
	wire_get(&r, &out, 1);
	assert_int_equal(out, 0);
	assert_int_equal(wire_left(&r), 0);
	assert_true(r.failed);
}

static void huge_length_does_not_wrap(void **)
{
	struct wire_reader r = wire_reader_of(sample, sizeof(sample));

	assert_null(wire_take(&r, SIZE_MAX));
	assert_true(r.failed);
}

static void reading_nothing_succeeds_at_the_end_and_in_no_buffer(void **)
{
	struct wire_reader r = wire_reader_of(NULL, 0);
	struct wire_reader none = wire_reader_of(NULL, 4);

	assert_non_null(wire_take(&r, 0));
	wire_get(&r, NULL, 0);
	assert_false(r.failed);
	assert_null(wire_take(&none, 1));
}

static void take_points_into_the_buffer(void **)
{
	struct wire_reader r = wire_reader_of(sample, sizeof(sample));

	assert_ptr_equal(wire_take(&r, 1), sample);
	assert_ptr_equal(wire_take(&r, 3), sample + 1);
}

static void writes_append_up_to_the_last_byte(void **)
{
	uint8_t out[4] = { 0 };
	struct wire_writer w = wire_writer_of(out, sizeof(out));

	wire_put(&w, sample, 1);
	wire_put(&w, sample + 1, 3);
	wire_put(&w, NULL, 0);
	assert_int_equal(wire_written(&w), 4);
	assert_memory_equal(out, sample, sizeof(out));
	assert_false(w.failed);
}

static void write_that_does_not_fit_writes_nothing_and_sticks(void **)
{
	uint8_t out[4] = { 7, 7, 7, 7 };
	struct wire_writer w = wire_writer_of(out, 3);

	wire_put(&w, sample, 1);
	wire_put(&w, sample, 3);
	wire_put(&w, sample, 1);
	assert_true(w.failed);
	assert_int_equal(wire_written(&w), 1);
	assert_int_equal(out[1], 7);
}

static void writer_without_buffer_has_failed(void **)
{
	struct wire_writer w = wire_writer_of(NULL, 8);

	wire_put(&w, sample, 1);
	assert_true(w.failed);
	assert_int_equal(wire_written(&w), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_give_the_bytes_in_order),
		cmocka_unit_test(read_beyond_the_end_gives_zeros_and_fails),
		cmocka_unit_test(failed_reader_stays_failed),
		cmocka_unit_test(huge_length_does_not_wrap),
		cmocka_unit_test(reading_nothing_succeeds_at_the_end_and_in_no_buffer),
		cmocka_unit_test(take_points_into_the_buffer),
		cmocka_unit_test(writes_append_up_to_the_last_byte),
		cmocka_unit_test(write_that_does_not_fit_writes_nothing_and_sticks),
		cmocka_unit_test(writer_without_buffer_has_failed),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
