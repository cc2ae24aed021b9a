/* SPDX-License-Identifier: Apache-2.0 */
/* multicast_test.c - intervals and static groups are read as they are printed; what is wrong is said. */
#include "config/multicast.h"
#include "tests/lib/unit.h"

#include <stdio.h>
#include <string.h>

static void interval_means(const char *text, const char *printed)
{
	struct multicast_intervals v;
	char buf[MULTICAST_TEXT_LEN];
	struct err e = ERR_NONE;

	if (multicast_intervals_parse(text, "p", &v, &e) != 0)
		fail_msg("%s: %s", text, e.msg);
	assert_string_equal(multicast_intervals_print(&v, buf), printed);
}

static void interval_refused(const char *text, const char *words)
{
	struct multicast_intervals v;
	struct err e = ERR_NONE;

	assert_int_not_equal(multicast_intervals_parse(text, "p", &v, &e), 0);
	assert_string_equal(e.path, "p");
	if (strstr(e.msg, words) == NULL)
		fail_msg("'%s': '%s' is not in '%s'", text, words, e.msg);
}

static void intervals_are_seconds_with_three_digits(void **)
{
	struct multicast_intervals v;
	struct err e = ERR_NONE;

	interval_means("", "");
	interval_means("query=125", "");
	interval_means("query=60,response=5", "query=60,response=5");
	interval_means("response=5 query=60", "query=60,response=5");
	interval_means("last-member=0.05", "last-member=0.050");
	interval_means("startup=31.25,startup-count=3", "startup-count=3");
	assert_int_equal(multicast_intervals_parse("querier=1.5", "p", &v, &e), 0);
	assert_int_equal(v.querier_ms, 1500);
	assert_int_equal(v.query_ms, 125000);
}

static void wrong_intervals_are_named(void **)
{
	char text[300];

	interval_refused("quest=5",
		"'quest' is no interval: write NAME=SECONDS with NAME one of "
		"query, response");
	interval_refused("query", "'query' is no interval");
	interval_refused("query=0", "query=0 is not right: write a number up to 3600 seconds");
	interval_refused("query=1.2345", "query=1.2345 is not right");
	interval_refused("query=9999999", "query=9999999 is not right");
	interval_refused(
		"startup-count=11", "startup-count=11 is not right: write a number up to 10");
	interval_refused("query=5,response=5",
		"response=5 is not less than query=5: hosts must have answered before they are "
		"asked again");
	memset(text, ',', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	interval_refused(text, "the text is too long: name each interval once");
}

static void group_means(const char *text, const char *printed)
{
	char buf[MULTICAST_TEXT_LEN];
	struct multicast_group g;
	struct err e = ERR_NONE;

	if (multicast_group_parse(text, "p", &g, &e) != 0)
		fail_msg("%s: %s", text, e.msg);
	assert_string_equal(multicast_group_print(&g, buf), printed);
}

static void group_refused(const char *text, const char *words)
{
	struct multicast_group g;
	struct err e = ERR_NONE;

	assert_int_not_equal(multicast_group_parse(text, "p", &g, &e), 0);
	assert_string_equal(e.path, "p");
	if (strstr(e.msg, words) == NULL)
		fail_msg("'%s': '%s' is not in '%s'", text, words, e.msg);
}

static void groups_are_read_as_they_are_printed(void **)
{
	group_means("239.1.1.1", "239.1.1.1");
	group_means("239.1.1.1,10.0.0.5", "239.1.1.1,10.0.0.5");
	group_means("239.1.1.1,vlan=10,10.0.0.5", "239.1.1.1,10.0.0.5,vlan=10");
	group_means("ff1e:0::1,fd00::5", "ff1e::1,fd00::5");
	group_means("01:02:03:04:05:06,vlan=4094", "01:02:03:04:05:06,vlan=4094");
	group_means(
		"ff1e:1111:2222:3333:4444:5555:6666:7777,fd00:1111:2222:3333:4444:5555:6666:8888,"
		"vlan=4094",
		"ff1e:1111:2222:3333:4444:5555:6666:7777,fd00:1111:2222:3333:4444:5555:6666:8888,"
		"vlan=4094");
}

static void wrong_groups_are_named(void **)
{
	group_refused("", "'' is no group: write GROUP[,SOURCE][,vlan=VID]");
	group_refused("lan", "'lan' is no group");
	group_refused("10.0.0.1", "10.0.0.1 is no multicast address: those are 224.0.0.0 to");
	group_refused("fd00::1", "fd00::1 is no multicast address: those begin with ff");
	group_refused("224.0.0.9", "is heard by everybody: 224.0.0.0/24 is never filtered");
	group_refused("ff02::1", "is heard by everybody: ff02::1 is never filtered");
	group_refused("02:00:00:00:00:01", "is no multicast MAC");
	group_refused("ff:ff:ff:ff:ff:ff", "is no multicast MAC");
	group_refused("01:80:c2:00:00:0e", "is one of those that bridges keep for themselves");
	group_refused("01:00:5e:01:01:01", "is the MAC of an IP group: write the IP address");
	group_refused("33:33:00:00:00:05", "is the MAC of an IP group: write the IP address");
	group_refused("239.1.1.1,vlan=4095", "'4095' is no VLAN: write a number from 1 to 4094");
	group_refused("239.1.1.1,vlan=0", "'0' is no VLAN");
	group_refused("239.1.1.1,fd00::1",
		"'fd00::1' is no source for this group: write one unicast "
		"address of the same family");
	group_refused("239.1.1.1,224.1.1.1", "is no source for this group");
	group_refused("239.1.1.1,1.1.1.1,1.1.1.2", "'1.1.1.2' is no source");
	group_refused("01:02:03:04:05:06,1.1.1.1", "is no source for this group");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(intervals_are_seconds_with_three_digits),
		cmocka_unit_test(wrong_intervals_are_named),
		cmocka_unit_test(groups_are_read_as_they_are_printed),
		cmocka_unit_test(wrong_groups_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
