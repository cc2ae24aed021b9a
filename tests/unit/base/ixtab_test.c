/* SPDX-License-Identifier: Apache-2.0 */
/* ixtab_test.c - the shared hash table: add, find, delete, full, and what a crash leaves. */
#include "tests/lib/unit.h"
#include "vswitch/base/ixtab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct rec {
	struct ixtab_rec rec;
	struct ixtab_key key;
	uint64_t stable;
	uint64_t hot;
};

#define N 100
#define SIZE (sizeof(struct segment_hdr) + N * sizeof(struct rec))

static bool is_sound(const void *rec)
{
	return ((const struct rec *)rec)->stable != 666;
}

static const struct ixtab_conf CONF = {
	.kind = SEGMENT_FDB,
	.version = 3,
	.rec_size = sizeof(struct rec),
	.stable_len = 8,
	.is_sound = is_sound,
};

static void *segment;
static struct ixtab t;

static int setup(void **)
{
	segment = calloc(1, SIZE);
	return ixtab_attach(&t, segment, SIZE, &CONF);
}

static int teardown(void **)
{
	ixtab_detach(&t);
	free(segment);
	return 0;
}

static void reattach(const struct ixtab_conf *conf)
{
	ixtab_detach(&t);
	assert_int_equal(ixtab_attach(&t, segment, SIZE, conf), 0);
}

static uint32_t add(uint64_t n, uint64_t stable)
{
	struct ixtab_key key = { n, ~n };
	uint32_t index = ixtab_add(&t, &key, ixtab_hash(&t, &key));

	if (index != IXTAB_NONE) {
		((struct rec *)ixtab_rec_at(&t, index))->stable = stable;
		ixtab_change_end(&t, index);
	}
	return index;
}

static uint32_t find(uint64_t n)
{
	struct ixtab_key key = { n, ~n };

	return ixtab_find(&t, &key, ixtab_hash(&t, &key));
}

static void records_are_found_by_key_until_they_are_deleted(void **)
{
	for (uint64_t n = 0; n < N; n++)
		assert_int_not_equal(add(n, n), IXTAB_NONE);
	for (uint64_t n = 0; n < N; n += 2)
		ixtab_del(&t, find(n));
	for (uint64_t n = 0; n < N; n++)
		assert_int_equal(find(n) != IXTAB_NONE, n % 2 == 1);
	assert_int_equal(t.n_live, N / 2);
}

static void a_full_table_refuses_and_takes_again_after_a_delete(void **)
{
	for (uint64_t n = 0; n < N; n++)
		add(n, 0);
	assert_int_equal(add(N, 0), IXTAB_NONE);
	ixtab_del(&t, find(17));
	assert_int_not_equal(add(N, 0), IXTAB_NONE);
	assert_int_not_equal(find(N), IXTAB_NONE);
}

static void records_survive_an_attach(void **)
{
	for (uint64_t n = 0; n < 50; n++)
		add(n, n * n);
	ixtab_del(&t, find(10));
	reattach(&CONF);
	assert_int_equal(t.n_kept, 49);
	assert_int_equal(t.n_broken, 0);
	assert_int_equal(find(10), IXTAB_NONE);
	for (uint64_t n = 11; n < 50; n++)
		assert_int_equal(((struct rec *)ixtab_rec_at(&t, find(n)))->stable, n * n);
}

static void a_change_that_was_not_ended_is_dropped(void **)
{
	add(1, 1);
	add(2, 2);
	ixtab_change_begin(&t, find(1));
	reattach(&CONF);
	assert_int_equal(find(1), IXTAB_NONE);
	assert_int_not_equal(find(2), IXTAB_NONE);
	assert_int_equal(t.n_broken, 1);
}

static void an_add_that_was_not_ended_is_dropped(void **)
{
	struct ixtab_key key = { 5, 6 };

	assert_int_not_equal(ixtab_add(&t, &key, ixtab_hash(&t, &key)), IXTAB_NONE);
	reattach(&CONF);
	assert_int_equal(t.n_kept, 0);
	assert_int_equal(t.n_broken, 1);
}

static void a_key_that_is_there_twice_is_kept_once(void **)
{
	uint32_t index = add(1, 1);

	memcpy(ixtab_rec_at(&t, index + 1), ixtab_rec_at(&t, index), sizeof(struct rec));
	reattach(&CONF);
	assert_int_equal(t.n_kept, 1);
	assert_int_equal(t.n_broken, 1);
}

static void changed_key_or_stable_bytes_are_noticed_hot_ones_are_not(void **)
{
	for (size_t at = 0; at < sizeof(struct rec); at++) {
		uint8_t *rec;

		while (t.n_live > 0)
			ixtab_del(&t, 1);
		rec = ixtab_rec_at(&t, add(1, 1));
		rec[at] ^= 0x10;
		reattach(&CONF);
		/* of .seq only the lowest bit and 0 mean something */
		assert_int_equal(t.n_kept, at < 4 || at >= offsetof(struct rec, hot));
	}
}

static void unsound_records_are_dropped(void **)
{
	add(1, 666);
	add(2, 667);
	reattach(&CONF);
	assert_int_equal(find(1), IXTAB_NONE);
	assert_int_not_equal(find(2), IXTAB_NONE);
}

static void another_layout_means_starting_empty_with_another_secret(void **)
{
	struct ixtab_conf other = CONF;
	struct sipkey before = t.key;

	add(1, 1);
	other.version++;
	reattach(&other);
	assert_int_equal(t.n_kept, 0);
	assert_true(t.key.k0 != before.k0 && t.key.k1 != before.k1);
}

static void a_segment_too_small_is_refused(void **)
{
	struct ixtab other;
	uint64_t small[10] = { 0 };

	assert_int_equal(ixtab_attach(&other, small, sizeof(small), &CONF), -EINVAL);
}

static void read_copies_whole_records_only(void **)
{
	uint32_t index = add(7, 70);
	struct rec r;

	assert_true(ixtab_read(&t, index, &r));
	assert_int_equal(r.stable, 70);
	ixtab_change_begin(&t, index);
	assert_false(ixtab_read(&t, index, &r));
	ixtab_change_end(&t, index);
	ixtab_del(&t, index);
	assert_false(ixtab_read(&t, index, &r));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(records_are_found_by_key_until_they_are_deleted),
		TEST(a_full_table_refuses_and_takes_again_after_a_delete),
		TEST(records_survive_an_attach),
		TEST(a_change_that_was_not_ended_is_dropped),
		TEST(an_add_that_was_not_ended_is_dropped),
		TEST(a_key_that_is_there_twice_is_kept_once),
		TEST(changed_key_or_stable_bytes_are_noticed_hot_ones_are_not),
		TEST(unsound_records_are_dropped),
		TEST(another_layout_means_starting_empty_with_another_secret),
		TEST(a_segment_too_small_is_refused),
		TEST(read_copies_whole_records_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
