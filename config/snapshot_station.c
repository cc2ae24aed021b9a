/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_station.c - who has which address, as far as the administrator has said it.
 *
 * From: snapshot_build.c.  Pure.
 * Theory: said it is by the network's list of neighbours; by the guard of a vif, which lets nobody else use the
 * address; by what DHCP has promised or given.  Where two say different things the first of these holds.  What
 * guests say about themselves is not asked, so that none can make the switch lie about another.
 * Thread: the daemon has one. */
#include "config/snapshot_station.h"

#include <stdlib.h>
#include <string.h>

struct stations {
	unsigned n;
	struct snap_station *at; /* STATIONS_MAX + 1 of them */
};

static int compare(const void *a, const void *b)
{
	const struct snap_station *x = a, *y = b;

	if (x->network_id != y->network_id)
		return x->network_id < y->network_id ? -1 : 1;
	return memcmp(x->addr, y->addr, sizeof(x->addr));
}

static void add(
	struct stations *s, uint16_t network_id, const struct mac *mac, const struct ipaddr *addr)
{
	struct snap_station new = { .network_id = network_id };
	unsigned from = 0, to = s->n;

	memcpy(new.mac, mac->b, sizeof(new.mac));
	memcpy(new.addr, addr->b, sizeof(new.addr));
	if (s->n == STATIONS_MAX || (mac->b[0] & 1) != 0)
		return;
	while (from < to) {
		unsigned mid = (from + to) / 2;
		int order = compare(&s->at[mid], &new);

		if (order == 0)
			return; /* the first holds */
		if (order < 0)
			from = mid + 1;
		else
			to = mid;
	}
	memmove(&s->at[from + 1], &s->at[from], (s->n - from) * sizeof(new));
	s->at[from] = new;
	s->n++;
}

static bool is_wanted(const struct model *m, const struct network_cfg *n)
{
	for (unsigned i = 0; i < m->n_vifs; i++)
		if (m->vif[i].network_id == n->id && m->vif[i].is_neigh_suppressed)
			return true;
	return false;
}

static void add_network(struct stations *s, const struct model *m, const struct actual *actual,
	const struct network_cfg *n)
{
	for (unsigned i = 0; i < n->n_neighbours; i++)
		add(s, n->id, &n->neighbour[i].mac, &n->neighbour[i].addr);
	for (unsigned i = 0; i < m->n_vifs; i++) {
		const struct vif_cfg *v = &m->vif[i];

		for (unsigned j = 0; v->network_id == n->id && j < v->guard.n_addrs; j++)
			if (v->has_mac
				&& v->guard.addr[j].len
					== (ip_is_v4(&v->guard.addr[j].addr) ? 32 : 128))
				add(s, n->id, &v->mac, &v->guard.addr[j].addr);
	}
	for (unsigned i = 0; i < n->n_dhcp_hosts; i++)
		add(s, n->id, &n->dhcp_host[i].mac, &n->dhcp_host[i].addr);
	for (unsigned i = 0; i < actual->n_leases; i++)
		if (actual->lease[i].network_id == n->id)
			add(s, n->id, &actual->lease[i].mac, &actual->lease[i].addr);
}

unsigned snapshot_stations(
	const struct model *m, const struct actual *actual, struct snap_station **out)
{
	struct stations s = { 0 };

	*out = NULL;
	for (unsigned i = 0; i < m->n_networks; i++) {
		if (!is_wanted(m, &m->network[i]))
			continue;
		if (s.at == NULL)
			s.at = calloc(STATIONS_MAX + 1, sizeof(*s.at));
		if (s.at == NULL)
			return 0;
		add_network(&s, m, actual, &m->network[i]);
	}
	*out = s.at;
	return s.n;
}
