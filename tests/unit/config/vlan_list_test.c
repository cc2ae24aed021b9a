/* SPDX-License-Identifier: Apache-2.0 */
/* vlan_list_test.c - the VLANs of a vif in both grammars, and what is refused with which words. */
#include "config/vlan_list.h"
#include "tests/lib/unit.h"

#include <errno.h>
#include <string.h>

static void each_list_is_read_and_printed_in_one_form(void **)
{
	static const struct {
		const char *text, *printed;
		bool is_access;
	} rows[] = {
		{ "10", "10", true },
		{ "10p", "10", true },
		{ "4094", "4094", true },
		{ "10t", "10t", false },
		{ "10pu", "10pu", false },
		{ "10pt", "10pt", false },
		{ "20u", "20u", false },
		{ "10p/20", "10p/20", false },
		{ "20/10p", "10p/20", false },
		{ "10pt/20", "10pt/20", false },
		{ "10/20-29", "10/20-29", false },
		{ "1-4094", "1-4094", false },
		{ "10-10", "10", true },
		{ "10p/20/100+10x4", "10p/20/100/110/120/130", false },
		{ "10p/20/100+10x4/5-9u", "5-9u/10p/20/100/110/120/130", false },
		{ "<vlan><tag id='10'/></vlan>", "10", true },
		{ "<vlan trunk='no'><tag id='10'/></vlan>", "10", true },
		{ "<vlan trunk='yes'><tag id='10'/></vlan>", "10t", false },
		{ "<vlan trunk=\"yes\">\n  <tag id=\"10\"/>\n  <tag id=\"20\"/>\n</vlan>", "10/20",
			false },
		{ "<vlan><tag id='10'/><tag id='20'/></vlan>", "10/20", false },
		{ "<vlan trunk='yes'><tag id='42' nativeMode='untagged'/><tag id='7'/></vlan>",
			"7/42p", false },
		{ "<vlan trunk='yes'><tag id='42' nativeMode='tagged'/><tag id='7'/></vlan>",
			"7/42pt", false },
		{ "<vlan trunk='yes'><tag id='10' nativeMode='untagged'/></vlan>", "10pu", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char printed[VLAN_TEXT_LEN];
		struct vlan_list l, again;
		struct err e = ERR_NONE;

		if (vlan_list_parse(rows[i].text, "vif.v.vlan", &l, &e) != 0)
			fail_msg("%s: %s", rows[i].text, e.msg);
		assert_string_equal(vlan_list_print(&l, printed), rows[i].printed);
		assert_int_equal(l.is_access, rows[i].is_access);
		assert_int_equal(vlan_list_parse(printed, "vif.v.vlan", &again, &e), 0);
		assert_memory_equal(&l, &again, sizeof(l));
	}
}

static void what_contradicts_itself_is_refused_with_the_item_and_the_rule(void **)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ "", "is no VLAN" },
		{ "0", "'0' is out of range: VLANs are 1 to 4094" },
		{ "4095", "'4095' is out of range" },
		{ "10/99999999999999999999", "is out of range" },
		{ "4090-4095", "'4090-4095' is out of range" },
		{ "20-10", "'20-10' ends before it begins" },
		{ "10/10", "'10' names a VLAN for the second time" },
		{ "10-20/15", "'15' names a VLAN for the second time" },
		{ "10p/20p", "'20p' is the second native VLAN" },
		{ "10-20p", "'10-20p' is a range: the native VLAN is one" },
		{ "10ut", "'10ut' is no VLAN" },
		{ "10pp", "'10pp' is no VLAN" },
		{ "10x", "'10x' is no VLAN" },
		{ "10/", "is no VLAN" },
		{ "/10", "is no VLAN" },
		{ "10,20", "'10,20' is no VLAN" },
		{ "10-", "is no VLAN" },
		{ "10+0x4", "is no VLAN" },
		{ "10+5", "is no VLAN" },
		{ "10+1x65", "'10+1x65' makes too many" },
		{ "4000+50x3", "'4000+50x3' is out of range" },
		{ "1+2x64/200", "'200' is one too many" },
		{ "<vlan></vlan>", "names no VLAN" },
		{ "<vlan>", "is not <tag" },
		{ "<vlan", "is not libvirt's <vlan> element" },
		{ "<tag id='10'/>", "is not libvirt's <vlan> element" },
		{ "<vlan><tag id='10'/>", "is not <tag" },
		{ "<vlan><tag/></vlan>", "is not <tag" },
		{ "<vlan><tag id='x'/></vlan>", "needs id='NUMBER'" },
		{ "<vlan><tag id='0'/></vlan>", "is out of range" },
		{ "<vlan trunk='maybe'><tag id='1'/></vlan>", "trunk other than yes and no" },
		{ "<vlan><tag id='1' nativeMode='odd'/></vlan>", "nativeMode other than" },
		{ "<vlan><tag id='1' nativeMode='tagged'/><tag id='2' nativeMode='tagged'/></vlan>",
			"second native VLAN" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = ERR_NONE;
		struct vlan_list l;

		assert_int_equal(vlan_list_parse(rows[i].text, "vif.v.vlan", &l, &e), -EINVAL);
		assert_string_equal(e.path, "vif.v.vlan");
		if (!strstr(e.msg, rows[i].words))
			fail_msg("%s: \"%s\" does not say \"%s\"", rows[i].text, e.msg,
				rows[i].words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_list_is_read_and_printed_in_one_form),
		cmocka_unit_test(what_contradicts_itself_is_refused_with_the_item_and_the_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
