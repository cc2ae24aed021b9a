/* SPDX-License-Identifier: Apache-2.0 */
/* mirror_list_test.c - whose packets a vif gets copies of, as text, and what is refused. */
#include "config/mirror_list.h"
#include "tests/lib/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void each_mirror_is_read_and_printed_in_one_form(void **)
{
	static const struct {
		const char *text, *printed, *filter;
	} rows[] = {
		{ "web0", "web0", "" },
		{ "web0,rx", "web0,rx", "" },
		{ "web0,tx", "web0,tx", "" },
		{ "web0,both", "web0,both", "" },
		{ "lan,vlan=10", "lan,vlan=10", "" },
		{ "lan,vlan=0x10,rx", "lan,rx,vlan=16", "" },
		{ "lan,vlan=010", "lan,vlan=10", "" },
		{ "web0,ip=10.0.0.0/8", "web0,ip=10.0.0.0/8", "ip=10.0.0.0/8" },
		{ "web0,ip=10.0.0.1", "web0,ip=10.0.0.1", "ip=10.0.0.1" },
		{ "web0,ip=10.0.0.1/32", "web0,ip=10.0.0.1", "ip=10.0.0.1" },
		{ "web0,ip=fd00::/64", "web0,ip=fd00::/64", "ip=fd00::/64" },
		{ "web0,ip=fd00::1", "web0,ip=fd00::1", "ip=fd00::1" },
		{ "web0,port=443,proto=tcp", "web0,proto=tcp,port=443", "proto=tcp,port=443" },
		{ "web0,proto=6", "web0,proto=tcp", "proto=tcp" },
		{ "web0,proto=47", "web0,proto=47", "proto=47" },
		{ "web0,ether=2054", "web0,ether=0x0806", "ether=0x0806" },
		{ "web0,tx,port=53,ether=0x86dd,vlan=4094,proto=udp,ip=::/0",
			"web0,tx,vlan=4094,ip=::/0,proto=udp,port=53,ether=0x86dd",
			"ip=::/0,proto=udp,port=53,ether=0x86dd" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char printed[MIRROR_TEXT_LEN];
		struct mirror_list l = { 0 }, again = { 0 };
		struct err e = ERR_NONE;

		if (mirror_list_add(&l, rows[i].text, "vif.v.mirror", &e) != 0)
			fail_msg("%s: %s", rows[i].text, e.msg);
		assert_string_equal(mirror_list_filter(&l.item[0], printed), rows[i].filter);
		assert_string_equal(mirror_list_print(&l.item[0], printed), rows[i].printed);
		assert_int_equal(mirror_list_add(&again, printed, "vif.v.mirror", &e), 0);
		assert_memory_equal(&l, &again, sizeof(l));
	}
}

static void what_is_no_mirror_is_refused_with_an_example(void **)
{
	char too_long[MIRROR_TEXT_LEN + 1] = "web0,ip=";
	const char *const texts[] = { "", ",rx", "a-name-that-is-too-long", "web0,", "web0,up",
		"web0,rx,tx", "web0,rx,rx", "web0,vlan=0", "web0,vlan=4095",
		"web0,vlan=", "web0,vlan", "web0,vlan=1,vlan=2", "web0,ip=10.0.0.1/8",
		"web0,ip=ten", "web0,ip=::,ip=::", "web0,proto=0", "web0,proto=256",
		"web0,proto=ipx", "web0,port=0", "web0,port=65536", "web0,port=-1", "web0,port= 1",
		"web0,port=1x", "web0,ether=0x5ff", "web0,ether=0x10000", "web0,snaplen=9",
		"web0,=9", too_long };

	memset(too_long + 8, ':', sizeof(too_long) - 9);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct mirror_list l = { 0 };
		struct err e = ERR_NONE;

		if (mirror_list_add(&l, texts[i], "vif.v.mirror", &e) == 0)
			fail_msg("%s is taken", texts[i]);
		assert_string_equal(e.path, "vif.v.mirror");
		assert_non_null(
			strstr(e.msg, "says no mirror: write the name of a vif or network"));
		assert_int_equal(l.n, 0);
	}
}

static void only_some_protocols_have_ports(void **)
{
	struct mirror_list l = { 0 };
	struct err e = ERR_NONE;

	assert_int_equal(mirror_list_add(&l, "web0,proto=icmp,port=1", "m", &e), -EINVAL);
	assert_non_null(strstr(e.msg, "only tcp, udp and sctp have ports"));
	assert_int_equal(mirror_list_add(&l, "web0,proto=sctp,port=1", "m", &e), 0);
}

static void a_list_has_each_once_and_an_end(void **)
{
	struct mirror_list l = { 0 };
	struct err e = ERR_NONE;
	char text[32];

	for (unsigned i = 1; i <= MIRROR_VIF_MAX; i++) {
		snprintf(text, sizeof(text), "web0,vlan=%u", i);
		assert_int_equal(mirror_list_add(&l, text, "m", &e), 0);
		assert_int_equal(mirror_list_add(&l, text, "m", &e), 0);
		assert_int_equal(l.n, i);
	}
	assert_int_equal(mirror_list_add(&l, "web1", "m", &e), -E2BIG);
	assert_non_null(strstr(e.msg, "copies of at most 16 sources"));
}

static void one_is_taken_out_or_all_of_a_source(void **)
{
	struct mirror_list l = { 0 };
	struct err e = ERR_NONE;

	assert_int_equal(mirror_list_add(&l, "web0,rx", "m", &e), 0);
	assert_int_equal(mirror_list_add(&l, "web1,tx", "m", &e), 0);
	assert_int_equal(mirror_list_add(&l, "web0,proto=6", "m", &e), 0);
	assert_int_equal(mirror_list_del(&l, "web2"), 0);
	assert_int_equal(mirror_list_del(&l, "web0,tx"), 0);
	assert_int_equal(mirror_list_del(&l, "web0,tx,tx"), 0);
	assert_int_equal(mirror_list_del(&l, "web0,proto=tcp"), 1);
	assert_int_equal(l.n, 2);
	assert_int_equal(mirror_list_add(&l, "web0", "m", &e), 0);
	assert_int_equal(mirror_list_del(&l, "web0"), 2);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.item[0].source, "web1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mirror_is_read_and_printed_in_one_form),
		cmocka_unit_test(what_is_no_mirror_is_refused_with_an_example),
		cmocka_unit_test(only_some_protocols_have_ports),
		cmocka_unit_test(a_list_has_each_once_and_an_end),
		cmocka_unit_test(one_is_taken_out_or_all_of_a_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
