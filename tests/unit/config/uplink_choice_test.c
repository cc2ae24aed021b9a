/* SPDX-License-Identifier: Apache-2.0 */
/* uplink_choice_test.c - of several uplinks one is in use, and stays so while it can be. */
#include "config/uplink_choice.h"
#include "tests/lib/unit.h"

#include <string.h>

static struct actual actual;

static void the_one_in_use_stays_and_the_first_that_can_be_follows(void **)
{
	static struct network_cfg n = { .id = 1, .name = "lan" };
	static struct vif_cfg v[4];
	struct model m = { .n_networks = 1, .n_vifs = 4, .network = &n, .vif = v };
	/* carriers of vifs 1 to 3, and which of these is in use then */
	static const struct {
		bool has_carrier[3];
		uint16_t in_use;
	} steps[] = { { { false, false, false }, VIF_ID_NONE }, { { false, true, true }, 2 },
		{ { true, true, true }, 2 }, { { true, false, true }, 1 },
		{ { true, true, true }, 1 }, { { false, false, true }, 3 },
		{ { false, false, false }, VIF_ID_NONE }, { { true, false, false }, 1 } };

	for (uint16_t i = 0; i < 4; i++) {
		v[i] = (struct vif_cfg){ .id = i + 1, .network_id = 1, .is_uplink = i < 3 };
		actual.vif[i + 1].is_open = true;
		actual.vif[i + 1].has_carrier = true; /* vif 4 is a guest's */
	}
	for (unsigned s = 0; s < ARRAY_LEN(steps); s++) {
		for (uint16_t i = 0; i < 3; i++)
			actual.vif[i + 1].has_carrier = steps[s].has_carrier[i];
		uplink_choose(&m, &actual);
		assert_int_equal(actual.uplink_in_use[1], steps[s].in_use);
		for (uint16_t i = 1; i <= 3; i++)
			assert_int_equal(uplink_stands_by(&m, &actual, i),
				steps[s].in_use != VIF_ID_NONE && steps[s].in_use != i);
		assert_false(uplink_stands_by(&m, &actual, 4));
	}
	v[0].is_down = true; /* set down by hand: the next */
	actual.vif[3].has_carrier = true;
	uplink_choose(&m, &actual);
	assert_int_equal(actual.uplink_in_use[1], 3);
	actual.vif[3].is_open = false; /* its device is gone */
	uplink_choose(&m, &actual);
	assert_int_equal(actual.uplink_in_use[1], VIF_ID_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_one_in_use_stays_and_the_first_that_can_be_follows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
