/* SPDX-License-Identifier: Apache-2.0 */
/* netdev_uso_test.c - which kernels need it, and the switch itself, in a namespace of this test. */
#include "config/netdev_uso.h"
#include "config/spawn.h"
#include "tests/lib/unit.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

static void kernels_since_6_2_need_no_help(void **)
{
	assert_true(netdev_uso_is_expressible("6.2.0"));
	assert_true(netdev_uso_is_expressible("6.12.43+deb13-amd64"));
	assert_true(netdev_uso_is_expressible("7.0-rc1"));
	assert_false(netdev_uso_is_expressible("6.1.0-13-amd64"));
	assert_false(netdev_uso_is_expressible("5.19.0"));
	assert_false(netdev_uso_is_expressible("what"));
}

static char said[16384];

static bool ethtool_says(const char *ifname, const char *text)
{
	const char *const argv[] = { "ethtool", "-k", ifname, NULL };

	return spawn_run(argv, "", said, sizeof(said), 5000, NULL) == 0
		&& strstr(said, text) != NULL;
}

static void offload_of_the_other_end_is_switched_off_and_on(void **)
{
	static const char *const make[]
		= { "ip", "link", "add", "near", "type", "veth", "peer", "name", "far", NULL };
	struct link link;

	if (unshare(geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) != 0)
		skip(); /* no namespaces for ordinary users here */
	assert_int_equal(spawn_run(make, "", said, sizeof(said), 5000, NULL), 0);
	assert_int_equal(netlink_get(0, "near", &link), 0);
	assert_true(link.peer_ifindex > 0 && !link.has_peer_nsid);
	assert_int_equal(netdev_uso_get(&link), 1);
	assert_int_equal(netdev_uso_set(&link, false), 0);
	assert_int_equal(netdev_uso_get(&link), 0);
	assert_true(ethtool_says("far", "tx-udp-segmentation: off"));
	assert_true(ethtool_says("near", "tx-udp-segmentation: on"));
	assert_int_equal(netdev_uso_set(&link, true), 0);
	assert_int_equal(netdev_uso_get(&link), 1);
}

static void device_without_another_end_is_refused(void **)
{
	struct link link = { .ifindex = 1, .name = "lo" };

	assert_int_equal(netdev_uso_get(&link), -EOPNOTSUPP);
	assert_int_equal(netdev_uso_set(&link, false), -EOPNOTSUPP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernels_since_6_2_need_no_help),
		cmocka_unit_test(offload_of_the_other_end_is_switched_off_and_on),
		cmocka_unit_test(device_without_another_end_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
