/* SPDX-License-Identifier: Apache-2.0 */
/* ct_filter_test.c - words about connections, and which connections they mean. */
#include "config/ct_filter.h"
#include "tests/lib/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static void put(uint8_t at[16], const char *text)
{
	struct ipaddr a;

	assert_int_equal(ip_parse(text, &a), 0);
	memcpy(at, a.b, 16);
}

/* 10.0.0.5:40000 to 198.51.100.7:443, seen as 203.0.113.1:50000. */
static struct msg_ct_entry connection(void)
{
	struct msg_ct_entry c = { .state = CT_TCP_ESTABLISHED, .flags = CT_SNAT | CT_ASSURED };

	c.orig.proto = c.reply.proto = 6;
	put(c.orig.src, "10.0.0.5");
	put(c.orig.dst, "198.51.100.7");
	put(c.reply.src, "198.51.100.7");
	put(c.reply.dst, "203.0.113.1");
	c.orig.sport = htons(40000);
	c.orig.dport = c.reply.sport = htons(443);
	c.reply.dport = htons(50000);
	return c;
}

static bool takes(const char *text)
{
	struct msg_ct_entry c = connection();
	struct err e = ERR_NONE;
	struct ct_filter f;
	json_t *params = json_loads(text, 0, NULL);
	bool is_taken;

	assert_non_null(params);
	assert_int_equal(ct_filter_parse(params, &f, &e), 0);
	is_taken = ct_filter_takes(&f, &c);
	json_decref(params);
	return is_taken;
}

static void each_word_chooses(void **)
{
	static const char *const yes[] = { "{}", "{\"proto\": \"tcp\"}", "{\"proto\": 6}",
		"{\"address\": \"10.0.0.5\"}", "{\"address\": \"203.0.113.0/24\"}",
		"{\"address\": \"198.51.100.7\", \"port\": 443}", "{\"port\": 40000}",
		"{\"port\": 50000}", "{\"state\": \"established\", \"nat\": \"source\"}" };
	static const char *const no[] = { "{\"proto\": \"udp\"}", "{\"proto\": 17}",
		"{\"address\": \"10.0.0.6\"}", "{\"address\": \"::/0\"}", "{\"port\": 80}",
		"{\"state\": \"new\"}", "{\"nat\": \"none\"}", "{\"nat\": \"both\"}",
		"{\"proto\": \"tcp\", \"port\": 80}" };

	for (unsigned i = 0; i < ARRAY_LEN(yes); i++)
		if (!takes(yes[i]))
			fail_msg("%s", yes[i]);
	for (unsigned i = 0; i < ARRAY_LEN(no); i++)
		if (takes(no[i]))
			fail_msg("%s", no[i]);
}

static void what_is_no_filter_is_refused_with_what_would_be(void **)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ "{\"proto\": \"x\"}", "proto is one of tcp, udp" },
		{ "{\"proto\": 256}", "or the number of another" },
		{ "{\"proto\": null}", "proto is one of" },
		{ "{\"address\": \"x\"}", "address is an IP address or a subnet" },
		{ "{\"address\": 5}", "address is an IP address or a subnet" },
		{ "{\"port\": 0}", "port is a number from 1 to 65535" },
		{ "{\"port\": \"80\"}", "port is a number" },
		{ "{\"state\": \"unknown\"}", "state is one of new, replied" },
		{ "{\"nat\": \"snat\"}", "nat is one of none, source" },
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = ERR_NONE;
		struct ct_filter f;
		json_t *params = json_loads(rows[i].text, 0, NULL);

		assert_int_equal(ct_filter_parse(params, &f, &e), -EINVAL);
		if (!strstr(e.msg, rows[i].words))
			fail_msg("%s: %s", rows[i].text, e.msg);
		json_decref(params);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_word_chooses),
		cmocka_unit_test(what_is_no_filter_is_refused_with_what_would_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
