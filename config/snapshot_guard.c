/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_guard.c - whom a vif's guard lets its guest be.
 *
 * From: snapshot_build.c.  Pure.
 * Theory: profile tenant guards the MAC where it is known, and what servers say; addresses are bound
 * where somebody has listed them, or wants those that the network's DHCP has promised or given.
 * Invariants: what is too many binds nothing, so that a limit never lets more pass.
 * Thread: the daemon has one. */
#include "config/snapshot_guard.h"

#include <string.h>

struct bindings {
	uint16_t vif_id;
	unsigned n;
	struct snap_binding *at;
};

uint8_t snapshot_guard_flags(const struct vif_cfg *v, bool is_tenant)
{
	const struct guard_cfg *g = &v->guard;
	unsigned flags = SNAP_GUARD_HIDDEN;

	if (g->is_set ? !g->has_mac : !is_tenant)
		return 0;
	if (v->has_mac)
		flags |= SNAP_GUARD_MAC;
	if (guard_has_addresses(g))
		flags |= SNAP_GUARD_IP;
	if (!g->may_serve_dhcp)
		flags |= SNAP_GUARD_NO_DHCP;
	if (!g->may_route)
		flags |= SNAP_GUARD_NO_RA;
	return (uint8_t)flags;
}

static void bind_net(struct bindings *b, const struct ipaddr *addr, uint8_t len)
{
	struct snap_binding *to = &b->at[b->n];

	if (b->n == SNAPSHOT_GUARD_MAX)
		return;
	*to = (struct snap_binding){ .vif_id = b->vif_id, .len = len };
	memcpy(to->addr, addr->b, sizeof(to->addr));
	b->n++;
}

static void bind_host(struct bindings *b, const struct ipaddr *addr)
{
	bind_net(b, addr, ip_is_v4(addr) ? 32 : 128);
}

/* What the network's DHCP has promised or given to the MAC of @v. */
static void bind_dhcp(struct bindings *b, const struct model *m, const struct actual *actual,
	const struct vif_cfg *v)
{
	const struct network_cfg *n = model_network_by_id(m, v->network_id);

	for (unsigned i = 0; n != NULL && i < n->n_dhcp_hosts; i++)
		if (memcmp(&n->dhcp_host[i].mac, &v->mac, sizeof(v->mac)) == 0)
			bind_host(b, &n->dhcp_host[i].addr);
	for (unsigned i = 0; i < actual->n_leases; i++)
		if (actual->lease[i].network_id == v->network_id
			&& memcmp(&actual->lease[i].mac, &v->mac, sizeof(v->mac)) == 0)
			bind_host(b, &actual->lease[i].addr);
}

unsigned snapshot_guard_bindings(const struct model *m, const struct actual *actual,
	const struct vif_cfg *v, struct snap_binding out[SNAPSHOT_GUARD_MAX])
{
	struct bindings b = { .vif_id = v->id, .at = out };

	for (unsigned i = 0; i < v->guard.n_addrs; i++)
		bind_net(&b, &v->guard.addr[i].addr, v->guard.addr[i].len);
	if (v->guard.has_dhcp)
		bind_dhcp(&b, m, actual, v);
	return b.n;
}
