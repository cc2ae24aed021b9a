/* SPDX-License-Identifier: Apache-2.0 */
/* netaddr_test.c - text to bytes and back, and the arithmetic of prefixes. */
#include "tests/lib/unit.h"
#include "vswitch/base/netaddr.h"

#include <errno.h>
#include <string.h>

static struct ipaddr ip(const char *text)
{
	struct ipaddr a;

	assert_int_equal(ip_parse(text, &a), 0);
	return a;
}

static struct ipnet net(const char *text)
{
	struct ipnet n;

	assert_int_equal(ipnet_parse(text, &n), 0);
	return n;
}

static void mac_parses_colons_dashes_and_both_cases(void **)
{
	static const uint8_t want[] = { 0x52, 0x54, 0x00, 0xab, 0xCD, 0xef };
	char buf[MAC_STR_LEN];
	struct mac m;

	assert_int_equal(mac_parse("52:54:00:ab:CD:ef", &m), 0);
	assert_memory_equal(m.b, want, sizeof(want));
	assert_int_equal(mac_parse("52-54-00-AB-cd-EF", &m), 0);
	assert_memory_equal(m.b, want, sizeof(want));
	assert_string_equal(mac_print(&m, buf), "52:54:00:ab:cd:ef");
}

static void mac_refuses_everything_else_and_leaves_out_alone(void **)
{
	static const char *const bad[] = { "", "52", "52:54:00:ab:cd", "52:54:00:ab:cd:ef:01",
		"52:54:00:ab:cd:e", "52:54:00:ab:cd:ef ", " 2:54:00:ab:cd:ef", "52:54-00:ab:cd:ef",
		"525400abcdef", "5254.00ab.cdef", "52:54:00:ab:cd:eg", "0x52:54:00:ab:cd",
		"52/54/00/ab/cd/ef", "::::::::::::::::: " };
	struct mac m = { { 1, 2, 3, 4, 5, 6 } };
	struct mac before = m;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(mac_parse(bad[i], &m), -EINVAL);
	assert_memory_equal(&m, &before, sizeof(m));
}

static void mac_classes_are_told_apart(void **)
{
	struct mac zero = { { 0 } };
	struct mac broadcast = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };
	struct mac guest = { { 0x52, 0x54, 0, 1, 2, 3 } };

	assert_true(mac_is_zero(&zero));
	assert_false(mac_is_zero(&guest));
	assert_true(mac_is_multicast(&broadcast));
	assert_false(mac_is_multicast(&guest));
	assert_false(mac_is_multicast(&zero));
}

static void addresses_print_as_they_were_parsed(void **)
{
	static const char *const texts[] = { "0.0.0.0", "192.168.77.1", "255.255.255.255",
		"::", "::1", "fd00::1", "fe80::5054:ff:fe12:3456", "2001:db8:1:2:3:4:5:6" };
	char buf[IP_STR_LEN];

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct ipaddr a = ip(texts[i]);

		assert_string_equal(ip_print(&a, buf), texts[i]);
		assert_int_equal(ip_is_v4(&a), strchr(texts[i], ':') == NULL);
	}
}

static void address_refuses_what_is_not_one(void **)
{
	static const char *const bad[] = { "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ",
		"1.2.3.4/24", ":::", "fe80::1%eth0", "12345::", "::ffff:1.2.3.4", "localhost" };
	struct ipaddr a;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(ip_parse(bad[i], &a), -EINVAL);
}

static void prefixes_print_as_they_were_parsed(void **)
{
	static const char *const texts[] = { "0.0.0.0/0", "192.168.77.1/24", "10.0.0.0/8",
		"1.2.3.4/32", "::/0", "fd00::/64", "fd00::1/128" };
	char buf[IPNET_STR_LEN];

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct ipnet n = net(texts[i]);

		assert_string_equal(ipnet_print(&n, buf), texts[i]);
	}
}

static void prefix_refuses_what_is_not_one(void **)
{
	static const char *const bad[] = { "", "/", "/24", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33",
		"10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/08", "10.0.0.0/8 ", "10.0.0.0/ 8",
		"10.0.0.0/8/8", "10.0.0.0/0x8", "fd00::/129", "fd00::/1000000000000",
		"10.0.0.0/255.0.0.0", "::ffff:10.0.0.0/104",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa/64" };
	struct ipnet n;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(ipnet_parse(bad[i], &n), -EINVAL);
}

static void overlap_is_sharing_an_address(void **)
{
	static const struct {
		const char *a;
		const char *b;
		bool want;
	} rows[] = {
		{ "10.0.0.0/8", "10.1.0.0/16", true },
		{ "10.0.0.0/24", "10.0.1.0/24", false },
		{ "10.0.0.0/25", "10.0.0.128/25", false },
		{ "10.0.0.200/24", "10.0.0.7/32", true },
		{ "0.0.0.0/0", "192.168.1.0/24", true },
		{ "::/0", "fd00::/8", true },
		{ "::/0", "10.0.0.0/8", false },
		{ "fd00::/63", "fd00:0:0:1::/64", true },
		{ "fd00::/64", "fd00:0:0:1::/64", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ipnet a = net(rows[i].a);
		struct ipnet b = net(rows[i].b);

		assert_int_equal(ipnet_overlaps(&a, &b), rows[i].want);
		assert_int_equal(ipnet_overlaps(&b, &a), rows[i].want);
	}
}

static void prefix_contains_its_addresses_and_no_others(void **)
{
	struct ipnet v4 = net("192.168.77.0/25");
	struct ipnet all6 = net("::/0");
	struct ipaddr inside = ip("192.168.77.127");
	struct ipaddr outside = ip("192.168.77.128");
	struct ipaddr other = ip("fd00::1");

	assert_true(ipnet_contains(&v4, &inside));
	assert_false(ipnet_contains(&v4, &outside));
	assert_false(ipnet_contains(&v4, &other));
	assert_true(ipnet_contains(&all6, &other));
	assert_false(ipnet_contains(&all6, &inside));
}

static void host_bits_tell_network_from_address(void **)
{
	struct ipnet network = net("10.0.0.0/8");
	struct ipnet address = net("10.0.0.1/8");
	struct ipnet single = net("10.0.0.1/32");
	struct ipnet single6 = net("fd00::1/128");

	assert_true(ipnet_is_network(&network));
	assert_false(ipnet_is_network(&address));
	assert_true(ipnet_is_network(&single));
	assert_true(ipnet_is_network(&single6));
}

static void hosts_are_counted_from_the_networks_own_address(void **)
{
	struct ipnet n = net("192.168.77.9/24");
	struct ipnet n6 = net("fd00::5/64");
	struct ipnet single = net("10.0.0.1/32");
	struct ipaddr a;
	char buf[IP_STR_LEN];

	assert_true(ipnet_host(&n, 0, &a));
	assert_string_equal(ip_print(&a, buf), "192.168.77.0");
	assert_true(ipnet_host(&n, 255, &a));
	assert_string_equal(ip_print(&a, buf), "192.168.77.255");
	assert_false(ipnet_host(&n, 256, &a));
	assert_true(ipnet_host(&n6, UINT64_MAX, &a));
	assert_string_equal(ip_print(&a, buf), "fd00::ffff:ffff:ffff:ffff");
	assert_true(ipnet_host(&single, 0, &a));
	assert_false(ipnet_host(&single, 1, &a));
}

static void size_saturates(void **)
{
	struct ipnet v4 = net("0.0.0.0/0");
	struct ipnet single = net("10.0.0.1/32");
	struct ipnet v6 = net("fd00::/64");
	struct ipnet small = net("fd00::/126");

	assert_int_equal(ipnet_size(&v4), UINT64_C(1) << 32);
	assert_int_equal(ipnet_size(&single), 1);
	assert_int_equal(ipnet_size(&v6), UINT64_MAX);
	assert_int_equal(ipnet_size(&small), 4);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(mac_parses_colons_dashes_and_both_cases),
		cmocka_unit_test(mac_refuses_everything_else_and_leaves_out_alone),
		cmocka_unit_test(mac_classes_are_told_apart),
		cmocka_unit_test(addresses_print_as_they_were_parsed),
		cmocka_unit_test(address_refuses_what_is_not_one),
		cmocka_unit_test(prefixes_print_as_they_were_parsed),
		cmocka_unit_test(prefix_refuses_what_is_not_one),
		cmocka_unit_test(overlap_is_sharing_an_address),
		cmocka_unit_test(prefix_contains_its_addresses_and_no_others),
		cmocka_unit_test(host_bits_tell_network_from_address),
		cmocka_unit_test(hosts_are_counted_from_the_networks_own_address),
		cmocka_unit_test(size_saturates),
	};

	return cmocka_run_group_tests_name("netaddr", tests, NULL, NULL);
}
