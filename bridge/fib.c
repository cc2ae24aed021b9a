/* SPDX-License-Identifier: Apache-2.0 */
/* fib.c - longest prefix match as a binary search.
 *
 * From: bridge/snapshot.c (build), bridge/router.c (find).  To: indices of routes.
 * Theory: prefixes nest or are apart, so they cut the line of all addresses into at most 2n + 1
 * ranges, each with one longest prefix.  Finding is a binary search: a dozen compares for
 * a thousand routes, the same for every address, nothing that a packet could make slow.  IPv4 is
 * the range ::ffff:0:0/96 of the same line, and gets no route of IPv6: ::/0 ends before it.
 * Thread: build control, find any; immutable between. */
#include "bridge/fib.h"

#include <endian.h>
#include <string.h>

struct wide {
	uint64_t hi, lo;
};

static struct wide wide_of(const uint8_t addr[16])
{
	uint64_t w[2];

	memcpy(w, addr, sizeof(w));
	return (struct wide){ be64toh(w[0]), be64toh(w[1]) };
}

bool fib_addr_is_v4(const uint8_t addr[16])
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	return memcmp(addr, mapped, sizeof(mapped)) == 0;
}

static struct wide mask_of(unsigned bits)
{
	struct wide m = { 0, 0 };

	if (bits >= 64)
		m.hi = UINT64_MAX;
	else if (bits > 0)
		m.hi = UINT64_MAX << (64 - bits);
	if (bits >= 128)
		m.lo = UINT64_MAX;
	else if (bits > 64)
		m.lo = UINT64_MAX << (128 - bits);
	return m;
}

static unsigned bits_of(const uint8_t addr[16], uint8_t len)
{
	return fib_addr_is_v4(addr) ? len + 96u : len;
}

bool fib_prefix_has(const uint8_t addr[16], uint8_t len, const uint8_t which[16])
{
	struct wide m = mask_of(bits_of(addr, len)), a = wide_of(addr), w = wide_of(which);

	if (fib_addr_is_v4(addr) != fib_addr_is_v4(which))
		return false;
	return (a.hi & m.hi) == (w.hi & m.hi) && (a.lo & m.lo) == (w.lo & m.lo);
}

static bool is_before(struct wide a, struct wide b)
{
	return a.hi < b.hi || (a.hi == b.hi && a.lo < b.lo);
}

/* The longest of the routes that contain @at. */
static uint16_t longest(
	const struct snap_route *routes, uint16_t n, uint16_t in_network, struct wide at)
{
	uint8_t addr[16];
	uint64_t w[2] = { htobe64(at.hi), htobe64(at.lo) };
	uint16_t best = FIB_NONE;

	memcpy(addr, w, sizeof(addr));
	for (uint16_t i = 0; i < n; i++)
		if (routes[i].in_network == in_network
			&& fib_prefix_has(routes[i].prefix, routes[i].len, addr)
			&& (best == FIB_NONE || routes[i].len > routes[best].len))
			best = i;
	return best;
}

/* Put @at among the @n first addresses in @out, ascending, once. */
static uint16_t add_border(struct fib_range *out, uint16_t n, struct wide at)
{
	uint16_t i = n;

	for (uint16_t k = 0; k < n; k++)
		if (out[k].hi == at.hi && out[k].lo == at.lo)
			return n;
	for (; i > 0 && is_before(at, (struct wide){ out[i - 1].hi, out[i - 1].lo }); i--)
		out[i] = out[i - 1];
	out[i] = (struct fib_range){ .hi = at.hi, .lo = at.lo, .route = FIB_NONE };
	return n + 1;
}

static uint16_t add_prefix(struct fib_range *out, uint16_t n, struct wide a, unsigned bits)
{
	struct wide m = mask_of(bits), end;

	a.hi &= m.hi;
	a.lo &= m.lo;
	n = add_border(out, n, a);
	end = (struct wide){ a.hi | ~m.hi, a.lo | ~m.lo };
	if (end.hi == UINT64_MAX && end.lo == UINT64_MAX)
		return n;
	end.lo++;
	end.hi += end.lo == 0;
	return add_border(out, n, end);
}

uint16_t fib_build(
	const struct snap_route *routes, uint16_t n, uint16_t in_network, struct fib_range *out)
{
	uint16_t n_out = add_prefix(out, 0, (struct wide){ 0, UINT64_C(0xffff00000000) }, 96);

	n_out = add_border(out, n_out, (struct wide){ 0, 0 });
	for (uint16_t i = 0; i < n; i++)
		if (routes[i].in_network == in_network)
			n_out = add_prefix(out, n_out, wide_of(routes[i].prefix),
				bits_of(routes[i].prefix, routes[i].len));
	for (uint16_t i = 0; i < n_out; i++)
		out[i].route
			= longest(routes, n, in_network, (struct wide){ out[i].hi, out[i].lo });
	return n_out;
}

uint16_t fib_find(const struct fib *f, const uint8_t addr[16])
{
	struct wide a = wide_of(addr);
	uint16_t low = 0, n = f->n;

	if (n == 0)
		return FIB_NONE;
	while (n > 1) { /* the answer is in [low, low + n) */
		uint16_t half = n / 2;
		const struct fib_range *r = &f->range[low + half];
		bool is_left = is_before(a, (struct wide){ r->hi, r->lo });

		low = is_left ? low : (uint16_t)(low + half);
		n = is_left ? half : (uint16_t)(n - half);
	}
	return f->range[low].route;
}
