/* SPDX-License-Identifier: Apache-2.0 */
/* xen_mcast.c - the group addresses that a guest wants to receive.
 *
 * From: xen_in.c (add, del), xen_out.c (has).  Thread: any; no locks. */
#include "vif/xen_mcast.h"

#include <errno.h>
#include <string.h>

static uint64_t word_of(const uint8_t *mac)
{
	uint64_t word = 0;

	memcpy(&word, mac, 6);
	return word;
}

static unsigned find(const struct xen_mcast *m, uint64_t word)
{
	for (unsigned i = 0; i < XEN_MCAST_MAX; i++)
		if (__atomic_load_n(&m->mac[i], __ATOMIC_RELAXED) == word)
			return i;
	return XEN_MCAST_MAX;
}

int xen_mcast_add(struct xen_mcast *m, const uint8_t *mac)
{
	uint64_t word = word_of(mac);

	if ((mac[0] & 1) == 0)
		return -EINVAL;
	if (find(m, word) < XEN_MCAST_MAX)
		return 0;
	for (unsigned i = 0; i < XEN_MCAST_MAX; i++) {
		uint64_t none = 0;

		if (__atomic_compare_exchange_n(
			    &m->mac[i], &none, word, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return 0;
	}
	return -ENOSPC;
}

void xen_mcast_del(struct xen_mcast *m, const uint8_t *mac)
{
	unsigned i = find(m, word_of(mac));

	if ((mac[0] & 1) != 0 && i < XEN_MCAST_MAX)
		__atomic_store_n(&m->mac[i], 0, __ATOMIC_RELAXED);
}

bool xen_mcast_has(const struct xen_mcast *m, const uint8_t *mac)
{
	return find(m, word_of(mac)) < XEN_MCAST_MAX;
}
