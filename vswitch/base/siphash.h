/* SPDX-License-Identifier: Apache-2.0 */
/* siphash.h - SipHash-1-3, the keyed hash of every table that guests can fill.
 * Source: Aumasson, Bernstein, "SipHash: a fast short-input PRF", 2012; c=1, d=3. */
#pragma once

#include "vswitch/base/base.h"

struct sipkey {
	uint64_t k0, k1;
};

/* Hash of @len bytes; host order. */
uint64_t siphash13(const struct sipkey *key, const void *bytes, size_t len);
/* Hash of two 64-bit words; the fast form for fixed keys of 16 bytes; equals siphash13() of the
 * same 16 bytes on a little-endian host. */
uint64_t siphash13_2u64(const struct sipkey *key, uint64_t a, uint64_t b);
