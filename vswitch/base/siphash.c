/* SPDX-License-Identifier: Apache-2.0 */
/* siphash.c - SipHash-1-3: one round for each word, three at the end.
 *
 * From: tables whose keys guests choose.  To: nothing.
 * Theory: Aumasson, Bernstein, "SipHash: a fast short-input PRF", 2012, §2; c=1 and d=3 are enough
 * for hash tables, where the attacker never sees the hash itself.
 * Invariants: the result depends on key and bytes only, on any byte order.
 * Thread: no state. */
#include "vswitch/base/siphash.h"

#include <endian.h>
#include <string.h>

struct sipstate {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static inline void sip_round(struct sipstate *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 = rotl(s->v2, 32);
}

/* The four words spell "somepseudorandomlygeneratedbytes". */
static inline struct sipstate sip_begin(const struct sipkey *key)
{
	return (struct sipstate){
		.v0 = key->k0 ^ UINT64_C(0x736f6d6570736575),
		.v1 = key->k1 ^ UINT64_C(0x646f72616e646f6d),
		.v2 = key->k0 ^ UINT64_C(0x6c7967656e657261),
		.v3 = key->k1 ^ UINT64_C(0x7465646279746573),
	};
}

static inline void sip_word(struct sipstate *s, uint64_t m)
{
	s->v3 ^= m;
	sip_round(s);
	s->v0 ^= m;
}

static inline uint64_t sip_end(struct sipstate *s)
{
	s->v2 ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

uint64_t siphash13_2u64(const struct sipkey *key, uint64_t a, uint64_t b)
{
	struct sipstate s = sip_begin(key);

	sip_word(&s, a);
	sip_word(&s, b);
	sip_word(&s, UINT64_C(16) << 56);
	return sip_end(&s);
}

uint64_t siphash13(const struct sipkey *key, const void *bytes, size_t len)
{
	struct sipstate s = sip_begin(key);
	const uint8_t *at = bytes;
	uint64_t last = (uint64_t)len << 56;
	uint64_t word;
	size_t left = len;

	for (; left >= sizeof(word); left -= sizeof(word), at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		sip_word(&s, le64toh(word));
	}
	for (size_t i = 0; i < left; i++)
		last |= (uint64_t)at[i] << (8 * i);
	sip_word(&s, last);
	return sip_end(&s);
}
