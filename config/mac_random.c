/* SPDX-License-Identifier: Apache-2.0 */
/* mac_random.c - MAC addresses for guests and host legs that were given none.
 *
 * From: settle.c.  To: the model, where they stay.
 * Theory: 24 random bits behind the prefix that KVM guests have; taken ones are tried again, so
 * the addresses of one instance differ.
 * Thread: the daemon has one. */
#include "config/mac_random.h"

#include "vswitch/base/check.h"

#include <string.h>
#include <sys/random.h>

static bool is_taken(const struct model *m, const struct mac *mac)
{
	for (unsigned i = 0; i < m->n_vifs; i++)
		if (m->vif[i].has_mac && memcmp(&m->vif[i].mac, mac, sizeof(*mac)) == 0)
			return true;
	for (unsigned i = 0; i < m->n_networks; i++)
		if (memcmp(&m->network[i].leg_mac, mac, sizeof(*mac)) == 0
			|| memcmp(&m->network[i].uplink.mac, mac, sizeof(*mac)) == 0)
			return true;
	return false;
}

void mac_random(const struct model *m, struct mac *out)
{
	*out = (struct mac){ { 0x52, 0x54, 0x00 } };
	do
		CHECK(getrandom(out->b + 3, 3, 0) == 3);
	while (is_taken(m, out));
}
