/* SPDX-License-Identifier: Apache-2.0 */
/* fib_test.c - the longest prefix wins, whatever prefixes there are. */
#include "bridge/fib.h"
#include "tests/lib/unit.h"
#include "vswitch/base/netaddr.h"

#include <string.h>

static struct snap_route R[64];
static struct fib_range RANGES[FIB_RANGES_MAX(64)];

static void add(unsigned i, const char *prefix)
{
	struct ipnet n;

	assert_int_equal(ipnet_parse(prefix, &n), 0);
	R[i] = (struct snap_route){ .in_network = 1, .len = n.len };
	memcpy(R[i].prefix, n.addr.b, 16);
}

static uint16_t find(const struct fib *f, const char *addr)
{
	struct ipaddr a;

	assert_int_equal(ip_parse(addr, &a), 0);
	return fib_find(f, a.b);
}

static void the_longest_prefix_wins(void **)
{
	struct fib f = { .range = RANGES };

	add(0, "0.0.0.0/0");
	add(1, "10.0.0.0/8");
	add(2, "10.1.2.0/24");
	add(3, "10.1.2.3/32");
	add(4, "::/0");
	add(5, "fd00::/8");
	add(6, "255.255.255.255/32");
	R[7] = (struct snap_route){ .in_network = 2 };
	f.n = fib_build(R, 8, 1, RANGES);
	assert_int_equal(find(&f, "9.255.255.255"), 0);
	assert_int_equal(find(&f, "10.0.0.0"), 1);
	assert_int_equal(find(&f, "10.1.2.2"), 2);
	assert_int_equal(find(&f, "10.1.2.3"), 3);
	assert_int_equal(find(&f, "10.1.2.4"), 2);
	assert_int_equal(find(&f, "10.255.255.255"), 1);
	assert_int_equal(find(&f, "11.0.0.0"), 0);
	assert_int_equal(find(&f, "255.255.255.255"), 6);
	assert_int_equal(find(&f, "2001:db8::1"), 4);
	assert_int_equal(find(&f, "fdff::1"), 5);
	assert_int_equal(find(&f, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 4);
	assert_int_equal(find(&f, "::"), 4);
}

static void ipv4_takes_no_route_of_ipv6(void **)
{
	struct fib f = { .range = RANGES };

	add(0, "::/0");
	f.n = fib_build(R, 1, 1, RANGES);
	assert_int_equal(find(&f, "10.0.0.1"), FIB_NONE);
	assert_int_equal(find(&f, "::1"), 0);
	f.n = 0;
	assert_int_equal(find(&f, "::1"), FIB_NONE);
}

static uint64_t next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/* Few different bits, so that prefixes nest; every other one is IPv4. */
static void random_addr(uint8_t *addr, bool is_v4, uint64_t *seed)
{
	memset(addr, 0, 16);
	if (is_v4)
		memset(addr + 10, 0xff, 2);
	for (unsigned k = is_v4 ? 12 : 0; k < 16; k++)
		if (is_v4 || k != 10)
			addr[k] = (uint8_t)(next_random(seed) & 0x81);
}

static void random_prefixes(unsigned n, uint64_t *seed)
{
	for (unsigned i = 0; i < n; i++) {
		R[i] = (struct snap_route){ .in_network = 1 };
		R[i].len = (uint8_t)(next_random(seed) % (i % 2 ? 33 : 129));
		random_addr(R[i].prefix, i % 2, seed);
	}
}

static int find_by_looking_at_each(unsigned n, const uint8_t *addr)
{
	int best = -1;

	for (unsigned i = 0; i < n; i++)
		if (fib_prefix_has(R[i].prefix, R[i].len, addr)
			&& (best < 0 || R[i].len > R[best].len))
			best = (int)i;
	return best;
}

static void random_prefixes_are_found_as_by_looking_at_each(void **)
{
	uint64_t seed = 1;

	for (unsigned round = 0; round < 300; round++) {
		unsigned n = (unsigned)(next_random(&seed) % 40);
		struct fib f = { .range = RANGES };

		random_prefixes(n, &seed);
		f.n = fib_build(R, (uint16_t)n, 1, RANGES);
		assert_true(f.n <= FIB_RANGES_MAX(n));
		for (unsigned q = 0; q < 200; q++) {
			uint8_t addr[16];
			int best;
			uint16_t got;

			random_addr(addr, q % 2, &seed);
			best = find_by_looking_at_each(n, addr);
			got = fib_find(&f, addr);
			if (best < 0)
				assert_int_equal(got, FIB_NONE);
			else
				assert_int_equal(R[got].len, R[best].len);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_prefix_wins),
		cmocka_unit_test(ipv4_takes_no_route_of_ipv6),
		cmocka_unit_test(random_prefixes_are_found_as_by_looking_at_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
