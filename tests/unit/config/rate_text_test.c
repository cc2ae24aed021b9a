/* SPDX-License-Identifier: Apache-2.0 */
/* rate_text_test.c - the grammars of xl, virsh and libvirt's XML mean what they mean there. */
#include "config/rate_text.h"
#include "tests/lib/unit.h"

#include <string.h>

static void means(const char *text, const char *printed, struct vif_rate want)
{
	char buf[RATE_TEXT_LEN];
	struct err e = ERR_NONE;
	struct vif_rate r, again;

	if (rate_text_parse(text, "vif.v.rate", &r, &e) != 0)
		fail_msg("%s: %s", text, e.msg);
	assert_string_equal(rate_text_print(&r, buf), printed);
	assert_memory_equal(&r, &want, sizeof(r));
	if (printed[0] == '\0')
		return;
	assert_int_equal(rate_text_parse(buf, "vif.v.rate", &again, &e), 0);
	assert_memory_equal(&r, &again, sizeof(r));
}

static void refused(const char *text, const char *words)
{
	struct err e = ERR_NONE;
	struct vif_rate r;

	if (rate_text_parse(text, "vif.v.rate", &r, &e) == 0)
		fail_msg("'%s' was taken", text);
	assert_string_equal(e.path, "vif.v.rate");
	if (strstr(e.msg, words) == NULL)
		fail_msg("'%s': '%s' is not in '%s'", text, words, e.msg);
}

#define K128 (128u << 10)
#define OUT(...) ((struct vif_rate){ .out = { __VA_ARGS__ } })
#define IN(...) ((struct vif_rate){ .in = { __VA_ARGS__ } })

static void xl_limits_what_the_guest_sends(void **)
{
	means("10Mb/s", "outbound=10Mb/s", OUT(1250000, 0, K128));
	means("10Mb/s@50ms", "outbound=10Mb/s", OUT(1250000, 0, K128));
	means("1MB/s@20ms", "outbound=8Mb/s", OUT(1000000, 0, K128));
	means("250KB/s", "outbound=2Mb/s", OUT(250000, 0, K128));
	means("10Gb/s", "outbound=10Gb/s", OUT(1250000000, 0, 62500000));
	means("10Gb/s@10ms", "outbound=10Gb/s burst=12500000B", OUT(1250000000, 0, 12500000));
	means("1000001B/s@1s", "outbound=1000001B/s burst=1000001B", OUT(1000001, 0, 1000001));
	means("1000000b/s@500us", "outbound=1Mb/s", OUT(125000, 0, K128));
}

static void libvirt_counts_in_kib(void **)
{
	means("inbound=1000,5000,1024", "inbound=8192Kb/s peak=40960Kb/s burst=1024KiB",
		IN(1024000, 5120000, 1 << 20));
	means("inbound 1000", "inbound=8192Kb/s", IN(1024000, 0, K128));
	means("<bandwidth><inbound average='1000' peak='5000' burst='1024'/></bandwidth>",
		"inbound=8192Kb/s peak=40960Kb/s burst=1024KiB", IN(1024000, 5120000, 1 << 20));
	means("<bandwidth>\n  <inbound average=\"125\"/>\n  <outbound average='250' burst='64'/>\n"
	      "</bandwidth>",
		"outbound=2048Kb/s burst=64KiB inbound=1024Kb/s",
		(struct vif_rate){ .out = { 256000, 0, 65536 }, .in = { 128000, 0, K128 } });
}

static void both_directions_in_one_line(void **)
{
	means("both=1Gb/s", "outbound=1Gb/s inbound=1Gb/s",
		(struct vif_rate){
			.out = { 125000000, 0, 6250000 }, .in = { 125000000, 0, 6250000 } });
	means("10Mb/s inbound=20Mb/s burst=1MB", "outbound=10Mb/s inbound=20Mb/s burst=1000000B",
		(struct vif_rate){ .out = { 1250000, 0, K128 }, .in = { 2500000, 0, 1000000 } });
	means("outbound=10Mb/s,peak=20Mb/s", "outbound=10Mb/s peak=20Mb/s",
		OUT(1250000, 2500000, K128));
	means("off", "", OUT(0));
}

static void what_makes_no_sense_is_refused_with_the_word_and_the_rule(void **)
{
	refused("", "says no rate");
	refused("   ", "says no rate");
	refused("fast", "'fast' is no rate");
	refused("1000", "neither direction nor unit");
	refused("10Mb", "'10Mb' is no rate");
	refused("10Tb/s", "is no rate");
	refused("-5Mb/s", "is no rate");
	refused("10Mb/s@", "is no rate");
	refused("10Mb/s@0ms", "is no rate");
	refused("10Mb/s@60s", "is no rate");
	refused("99999999999999999999Mb/s", "is no rate");
	refused("100b/s", "out of range");
	refused("2000Gb/s", "out of range");
	refused("10Mb/s 20Mb/s", "needs a name");
	refused("inbound=1,2,3,4", "one number too many");
	refused("inbound=1000 inbound=2000", "second time");
	refused("both=1Mb/s inbound=2Mb/s", "second time");
	refused("inbound=1000 floor=500", "leave floor out");
	refused("inbound=1000 flour=500", "has no meaning here");
	refused("inbound burst=100", "no average");
	refused("inbound=1000,500", "peak below its average");
	refused("inbound=1000,2000,0", "a burst is 1 KiB");
	refused("inbound=1000,2000,99999999", "a burst is 1 KiB");
	refused("inbound=1000 burst=64Mb/s", "is no burst: write KiB as a number, or 128KiB, 1MB");
	refused("inbound=", "is no rate");
	refused("inbound=off", "is no rate");
	refused("<script/>", "is no rate");
	refused("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"a",
		"too long for a rate");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(xl_limits_what_the_guest_sends),
		cmocka_unit_test(libvirt_counts_in_kib),
		cmocka_unit_test(both_directions_in_one_line),
		cmocka_unit_test(what_makes_no_sense_is_refused_with_the_word_and_the_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
