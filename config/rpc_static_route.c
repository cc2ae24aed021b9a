/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_static_route.c - add and delete ways to prefixes behind other routers.
 *
 * From: rpc_dispatch.c.  To: rpc_network.c (commit).
 * Theory: a static route is a word of its network's routes; add and del change that list, so that
 * it is stored, exported and applied as part of the network.
 * Thread: the daemon has one. */
#include "config/daemon.h"
#include "config/rpc_methods.h"

#include <errno.h>
#include <string.h>

static int read_prefix(const json_t *params, struct ipnet *out, struct err *e)
{
	const char *text = json_string_value(json_object_get(params, "prefix"));

	if (text == NULL || ipnet_parse(text, out) != 0)
		return err_set(e, -EINVAL, "prefix",
			"prefix is missing or none: write a subnet such as 10.9.0.0/16");
	return 0;
}

static unsigned find_route(const struct network_cfg *n, const struct ipnet *net)
{
	unsigned i = 0;

	while (i < n->n_routes && memcmp(&n->route[i].net, net, sizeof(*net)) != 0)
		i++;
	return i;
}

static int add(struct network_cfg *n, const struct ipnet *net, const json_t *params, struct err *e)
{
	const char *via = json_string_value(json_object_get(params, "via"));
	struct static_route r = { .net = *net };

	if (via == NULL || ip_parse(via, &r.via) != 0)
		return err_set(e, -EINVAL, "via",
			"via is missing or no address: name the router that leads there, such as "
			"192.168.77.5");
	if (n->n_routes == NETWORK_ROUTES_MAX)
		return err_set(e, -E2BIG, "prefix",
			"network %s has %u routes, which is as many as it can have: delete one",
			n->name, NETWORK_ROUTES_MAX);
	n->route[n->n_routes++] = r;
	return 0;
}

static int del(struct network_cfg *n, const struct ipnet *net, struct err *e)
{
	unsigned at = find_route(n, net);
	char text[IPNET_STR_LEN];

	if (at == n->n_routes)
		return err_set(e, -ENOENT, "prefix",
			"network %s has no static route %s: 'saklar network show %s' names them; "
			"the others come from subnets and uplink",
			n->name, ipnet_print(net, text), n->name);
	memmove(&n->route[at], &n->route[at + 1], (--n->n_routes - at) * sizeof(n->route[0]));
	return 0;
}

static int change(
	struct daemon *d, struct rpc_call *call, bool is_add, json_t **result, struct err *e)
{
	static const char *const keys[] = { "network", "prefix", "via", NULL };
	static const char *const del_keys[] = { "network", "prefix", NULL };
	const struct network_cfg *before;
	struct network_cfg n = { 0 };
	struct ipnet net;
	int rc = rpc_only_keys(call->params, is_add ? keys : del_keys, e);

	if (rc != 0)
		return rc;
	before = rpc_find_network(d->model, call->params, "network", e);
	if (!before)
		return e->code;
	rc = read_prefix(call->params, &net, e);
	if (rc != 0)
		return rc;
	rc = network_cfg_copy(&n, before);
	if (rc != 0)
		return err_set(e, rc, "", "out of memory");
	rc = is_add ? add(&n, &net, call->params, e) : del(&n, &net, e);
	if (rc == 0)
		rc = rpc_network_change(d, call, &n, result, e);
	network_cfg_fini(&n);
	return rc;
}

int rpc_route_add(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	return change(d, call, true, result, e);
}

int rpc_route_del(struct daemon *d, struct rpc_call *call, json_t **result, struct err *e)
{
	return change(d, call, false, result, e);
}
