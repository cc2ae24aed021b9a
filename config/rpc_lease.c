/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_lease.c - which guest has which address by DHCP.
 *
 * From: rpc_dispatch.c.  To: leases.c.
 * Thread: the daemon has one. */
#include "config/daemon.h"
#include "config/leases.h"
#include "config/rpc_methods.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LEASES_SHOWN_MAX 65536

static const char *vif_of(const struct model *m, const struct network_cfg *n, const struct mac *mac)
{
	for (unsigned i = 0; i < m->n_vifs; i++)
		if (m->vif[i].network_id == n->id && m->vif[i].has_mac
			&& memcmp(&m->vif[i].mac, mac, sizeof(*mac)) == 0)
			return m->vif[i].name;
	return NULL;
}

static json_t *view_lease(
	const struct model *m, const struct network_cfg *n, const struct lease_row *l, time_t now)
{
	char address[IP_STR_LEN], mac[MAC_STR_LEN];
	bool has_mac = !mac_is_zero(&l->mac);
	json_t *json = json_pack("{s:s, s:s, s:s?, s:s?, s:s?}", "network", n->name, "address",
		ip_print(&l->addr, address), "mac", has_mac ? mac_print(&l->mac, mac) : NULL, "vif",
		has_mac ? vif_of(m, n, &l->mac) : NULL, "name", l->name[0] ? l->name : NULL);

	if (json)
		json_object_set_new(json, "left_s",
			l->expires != 0 ? json_integer(l->expires - now) : json_null());
	return json;
}

int rpc_lease_list(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	const struct model *m = d->model;
	const struct network_cfg *n;
	struct lease_row *lease;
	time_t now = time(NULL);
	char path[512];
	int rc = rpc_list_network(m, call->params, &n, e);

	if (rc != 0)
		return rc;
	lease = calloc(LEASES_SHOWN_MAX, sizeof(*lease));
	if (!lease)
		return err_set(e, -ENOMEM, "", "out of memory");
	*result = json_array();
	for (const struct network_cfg *its = m->network; its < m->network + m->n_networks; its++) {
		unsigned count = 0;

		if ((!n || n == its) && reconcile_lease_path(d->reconcile, its, path, sizeof(path)))
			count = leases_read(path, now, lease, LEASES_SHOWN_MAX);
		for (unsigned i = 0; i < count; i++)
			json_array_append_new(*result, view_lease(m, its, &lease[i], now));
	}
	free(lease);
	return 0;
}
