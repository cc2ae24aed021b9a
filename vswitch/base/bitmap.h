/* SPDX-License-Identifier: Apache-2.0 */
/* bitmap.h - sets of small ids. */
#pragma once

#include "vswitch/base/base.h"

#include <limits.h>

#define BITMAP_WORDS(n) (((n) + 63u) / 64u)

static inline bool bitmap_has(const uint64_t *map, unsigned bit)
{
	return (map[bit / 64u] >> (bit % 64u)) & 1u;
}

static inline void bitmap_add(uint64_t *map, unsigned bit)
{
	map[bit / 64u] |= UINT64_C(1) << (bit % 64u);
}

static inline void bitmap_del(uint64_t *map, unsigned bit)
{
	map[bit / 64u] &= ~(UINT64_C(1) << (bit % 64u));
}

/* First clear bit in [from, n), or n when all are set. */
static inline unsigned bitmap_first_clear(const uint64_t *map, unsigned from, unsigned n)
{
	for (unsigned i = from; i < n; i++)
		if (!bitmap_has(map, i))
			return i;
	return n;
}
