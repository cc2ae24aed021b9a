/* SPDX-License-Identifier: Apache-2.0 */
/* xen_hash.h - which of a guest's queues a packet goes to, and the Toeplitz hash a guest may ask for.
 *
 * The guest configures it by the control ring; the workers that send to it read it meanwhile.  All
 * fields are single words: what is read during a change sends a packet to another queue at worst.
 * Threads: xen_ctrl.c writes; any worker reads. */
#pragma once

#include "vif/pkt.h"
#include "vif/xen_wire.h"

#define XEN_HASH_KEY_MAX 40
#define XEN_HASH_KEY_WORDS (XEN_HASH_KEY_MAX / 4)
#define XEN_HASH_MAPPING_MAX 128

struct xen_hash {
	uint32_t algorithm; /* enum xen_hash_algorithm */
	uint32_t types; /* enum xen_hash_type, as bits; 0: nothing is hashed */
	uint32_t key[XEN_HASH_KEY_WORDS]; /* host order, the key's first byte in the highest bits */
	uint32_t mapping_size; /* 0: hash modulo queues */
	uint32_t mapping[XEN_HASH_MAPPING_MAX]; /* queue numbers, checked when set */
};

struct xen_hash_value {
	uint32_t value;
	uint8_t type; /* bit number of enum xen_hash_type */
	bool is_set; /* the packet is of a kind that the guest wants hashed */
};

void xen_hash_set_key(struct xen_hash *h, const uint8_t *key, uint32_t len);

/* The hash of @p, which pkt_parse() has seen. */
struct xen_hash_value xen_hash_of(const struct xen_hash *h, const struct pkt *p);

/* The queue of a packet with hash @value, of @n_queues. */
uint32_t xen_hash_queue(const struct xen_hash *h, uint32_t value, uint32_t n_queues);
