/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile_guest.c - which address has the guest that a forward leads to by its vif?
 *
 * From: reconcile.c, before the snapshot is built.  To: actual->guest_address.
 * Theory: a guest is known by the MAC of its vif.  What the administrator promised it counts, then
 * what DHCP has leased to it; only addresses of the network's own subnets are believed.
 * Thread: the daemon's only one. */
#include "config/reconcile_state.h"
#include "vswitch/base/log.h"

#include <stdio.h>
#include <string.h>

LOG_MODULE("reconcile_guest");

static bool is_guests(const struct network_cfg *n, const struct ipaddr *a)
{
	for (unsigned i = 0; i < n->n_subnets; i++)
		if (ip_is_v4(&n->subnet[i].addr) && ip_is_v4(a) && ipnet_contains(&n->subnet[i], a)
			&& memcmp(&n->gateway[i], a, sizeof(*a)) != 0)
			return true;
	return false;
}

static bool find_address(const struct actual *actual, const struct network_cfg *n,
	const struct vif_cfg *v, struct ipaddr *out)
{
	bool has_found = false;

	for (unsigned i = 0; i < n->n_dhcp_hosts; i++)
		if (ip_is_v4(&n->dhcp_host[i].addr)
			&& memcmp(&n->dhcp_host[i].mac, &v->mac, sizeof(v->mac)) == 0) {
			*out = n->dhcp_host[i].addr;
			return true;
		}
	for (unsigned i = 0; i < actual->n_leases; i++) {
		const struct lease *l = &actual->lease[i];

		if (l->network_id == n->id && memcmp(&l->mac, &v->mac, sizeof(v->mac)) == 0
			&& is_guests(n, &l->addr)) {
			*out = l->addr; /* the last one counts */
			has_found = true;
		}
	}
	return has_found;
}

void reconcile_guest_addresses(struct reconcile *r)
{
	static struct ipaddr next[VIF_ID_MAX];
	const struct model *m = r->model;

	memset(next, 0, sizeof(next));
	for (unsigned i = 0; i < m->n_forwards; i++) {
		const struct forward_cfg *f = &m->forward[i];
		const struct network_cfg *n = model_network_by_id(m, f->network_id);
		const struct vif_cfg *v = model_vif_by_id(m, f->vif_id);
		struct ipaddr *to;
		char text[IP_STR_LEN];

		if (n == NULL || v == NULL)
			continue;
		to = &next[v->id];
		if (!find_address(&r->actual, n, v, to)) {
			memset(to, 0, sizeof(*to));
			continue;
		}
		if (memcmp(to, &r->actual.guest_address[v->id], sizeof(*to)) != 0)
			LOG_INFO("event=forward_follows vif=%s address=%s", v->name,
				ip_print(to, text));
	}
	memcpy(r->actual.guest_address, next, sizeof(next));
}

bool reconcile_forward_target(
	const struct reconcile *r, const struct forward_cfg *f, struct ipaddr *out)
{
	const struct ipaddr *target = actual_forward_target(&r->actual, f);

	if (target != NULL)
		*out = *target;
	return target != NULL;
}

const char *reconcile_lease_path(
	const struct reconcile *r, const struct network_cfg *n, char *buf, size_t size)
{
	snprintf(buf, size, "%s/leases/%s", r->paths.state_dir, n->name);
	return n->has_dhcp ? buf : NULL;
}
