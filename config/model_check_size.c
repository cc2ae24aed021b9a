/* SPDX-License-Identifier: Apache-2.0 */
/* model_check_size.c - does the whole desired state fit what the engine takes in one snapshot?
 *
 * From: model_check.c.  To: struct err.
 * Theory: networks, ports and forwards are bounded by their ids and by model.c; routes
 * grow with the product of networks and subnets and are counted here as snapshot_build.c lays them
 * out when every uplink is there.  The youngest networks, by their ids, are the ones that do
 * not fit, so that an error names what was added last.
 * Invariants: what passes is never cut; the host's own addresses have a room of their own.
 * Thread: the daemon has one. */
#include "config/model_check.h"

#include <errno.h>

/* An address has a route in each of two tables, so that routes always run out before addresses. */
static_assert(ROUTES_MAX / 2 <= ROUTER_ADDRS_MAX - HOST_ADDRESSES_MAX - NAT_POOLS_MAX,
	"addresses need a check too");

/* Routes without those that depend on other networks. */
static unsigned n_own(const struct network_cfg *n)
{
	const struct uplink_cfg *u = &n->uplink;
	unsigned n_addresses = u->n_addresses;
	unsigned n_next_hops = u->n_gateways;

	if (!network_is_routed(n))
		return 0;
	if (u->kind == UPLINK_HOST) {
		n_addresses = network_has_family(n, false) ? 2 : 1;
		n_next_hops = n_addresses;
	}
	/* each in the table of the guests and in that of the uplink */
	return 2 * (n->n_subnets + n_addresses + n_next_hops + n->n_routes);
}

/* Routes by which @n turns packets to the guests of @other away. */
static unsigned n_rejects(const struct network_cfg *n, const struct network_cfg *other)
{
	bool is_reachable = other->mode == NETWORK_MODE_ROUTED || other->mode == NETWORK_MODE_OPEN;

	return network_is_routed(n) && !is_reachable ? other->n_subnets : 0;
}

/* Ids are given in a circle: how long ago was that of @n, the next one to give being the oldest? */
static unsigned age_rank(const struct model *m, const struct network_cfg *n)
{
	return (n->id + NETWORK_ID_MAX - 1u - m->last_network_id - 1u) % (NETWORK_ID_MAX - 1u);
}

/* What @n adds to the networks that are older. */
static unsigned n_added(const struct model *m, const struct network_cfg *n)
{
	unsigned count = n_own(n);

	for (unsigned i = 0; i < m->n_networks; i++) {
		const struct network_cfg *other = &m->network[i];

		if (age_rank(m, other) < age_rank(m, n))
			count += n_rejects(n, other) + n_rejects(other, n);
	}
	return count;
}

/* The network after @before in the order of age; NULL after the last, the first after NULL. */
static const struct network_cfg *next_by_age(
	const struct model *m, const struct network_cfg *before)
{
	const struct network_cfg *next = NULL;

	for (const struct network_cfg *n = m->network; n < m->network + m->n_networks; n++)
		if ((!before || age_rank(m, n) > age_rank(m, before))
			&& (!next || age_rank(m, n) < age_rank(m, next)))
			next = n;
	return next;
}

int model_check_size(const struct model *m, struct err *e)
{
	char path[MODEL_PATH_LEN];
	unsigned count = 0;

	for (const struct network_cfg *n = next_by_age(m, NULL); n; n = next_by_age(m, n)) {
		count += n_added(m, n);
		if (count > ROUTES_MAX)
			return err_set(e, -E2BIG, model_network_path(n, "subnets", path),
				"with network %s all networks together need %u routes, and there "
				"can be %d: give it or others fewer subnets, or delete networks",
				n->name, count, ROUTES_MAX);
	}
	return 0;
}
