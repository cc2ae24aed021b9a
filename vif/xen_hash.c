/* SPDX-License-Identifier: Apache-2.0 */
/* xen_hash.c - Toeplitz.
 *
 * From: xen_out.c, vif_xen.c.  To: xen_ctrl.c configures.
 * Theory: the input bits select 32-bit windows of the key, which are added without carry: bit i
 * of the input adds the key's bits i to i + 31.  Input: source address, destination address and, for
 * TCP, the ports, all as on the wire; 36 bytes at most, hence a key of 40.
 * Thread: any worker; see the header. */
#include "vif/xen_hash.h"

#include "vswitch/base/check.h"

#include <endian.h>
#include <string.h>

#define TCP 6

static uint32_t load(const uint32_t *at)
{
	return __atomic_load_n(at, __ATOMIC_RELAXED);
}

void xen_hash_set_key(struct xen_hash *h, const uint8_t *key, uint32_t len)
{
	uint8_t whole[XEN_HASH_KEY_MAX] = { 0 };

	CHECK(len <= XEN_HASH_KEY_MAX);
	memcpy(whole, key, len);
	for (unsigned i = 0; i < XEN_HASH_KEY_WORDS; i++) {
		uint32_t word;

		memcpy(&word, &whole[i * 4], sizeof(word));
		__atomic_store_n(&h->key[i], be32toh(word), __ATOMIC_RELAXED);
	}
}

static uint32_t toeplitz(const struct xen_hash *h, const uint8_t *bytes, uint32_t len)
{
	uint64_t window = (uint64_t)load(&h->key[0]) << 32 | load(&h->key[1]);
	uint32_t hash = 0;

	for (uint32_t i = 0; i < len; i += 4) {
		uint32_t word, next = i / 4 + 2;

		memcpy(&word, bytes + i, sizeof(word));
		word = be32toh(word);
		for (unsigned bit = 0; bit < 32; bit++, word <<= 1, window <<= 1)
			if ((word & (UINT32_C(1) << 31)) != 0)
				hash ^= (uint32_t)(window >> 32);
		window |= next < XEN_HASH_KEY_WORDS ? load(&h->key[next]) : 0;
	}
	return hash;
}

struct xen_hash_value xen_hash_of(const struct xen_hash *h, const struct pkt *p)
{
	bool is_ip4 = (p->flags & PKT_IS_IP4) != 0, is_tcp;
	uint32_t types = load(&h->types), addr_len = is_ip4 ? 8 : 32;
	struct xen_hash_value v = { 0 };
	uint8_t input[36];
	const uint8_t *l3;

	if (load(&h->algorithm) != XEN_HASH_ALGORITHM_TOEPLITZ || types == 0
		|| (p->flags & (PKT_IS_IP4 | PKT_IS_IP6)) == 0)
		return v;
	is_tcp = p->ip_proto == TCP && (p->flags & PKT_HAS_L4) != 0 && (p->flags & PKT_IS_FRAG) == 0
		&& (types & (is_ip4 ? XEN_HASH_IP4_TCP : XEN_HASH_IP6_TCP)) != 0;
	if (!is_tcp && (types & (is_ip4 ? XEN_HASH_IP4 : XEN_HASH_IP6)) == 0)
		return v;
	l3 = pkt_hdr(p, p->l3_off, is_ip4 ? 20 : 40);
	if (l3 == NULL)
		return v;
	memcpy(input, l3 + (is_ip4 ? 12 : 8), addr_len);
	if (is_tcp)
		memcpy(input + addr_len, pkt_bytes(p) + p->l4_off, 4);
	v.value = toeplitz(h, input, addr_len + (is_tcp ? 4 : 0));
	v.type = (uint8_t)((is_ip4 ? 0 : 2) + (is_tcp ? 1 : 0));
	v.is_set = true;
	return v;
}

uint32_t xen_hash_queue(const struct xen_hash *h, uint32_t value, uint32_t n_queues)
{
	uint32_t size = MIN(load(&h->mapping_size), (uint32_t)XEN_HASH_MAPPING_MAX);

	return (size > 0 ? load(&h->mapping[value % size]) : value) % n_queues;
}
