/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile_check.c - does a new object clash with the host; what is wrong with the host.
 * From: rpc_methods.c, before a verb is committed; rpc's status.  To: netlink_request.c, netns.c.
 * Theory: refused early with what to do, rather than stored and failing for ever; what does not exist
 * yet is no clash.  Thread: the daemon's only one. */
#include "config/netns.h"
#include "config/reconcile_state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int check_leg_name(struct reconcile *r, const struct network_cfg *n, struct err *e)
{
	const struct link *link = netlink_link_by_name(r->netlink, n->name);
	char alias[LINK_ALIAS_LEN];

	if (link == NULL)
		return 0;
	snprintf(alias, sizeof(alias), "saklar %.60s %s", r->paths.run_dir, n->name);
	if (strcmp(link->alias, alias) == 0)
		return 0;
	return err_set(e, -EEXIST, "network.name",
		"the host leg would be named %s, but a netdev of "
		"that name is there already; choose another name, or rename or delete the netdev",
		n->name);
}

int reconcile_check_network(struct reconcile *r, const struct network_cfg *n, struct err *e)
{
	const struct vif_slot *slot = &r->actual.vif[n->leg_vif_id];
	int own = n->leg_vif_id != VIF_ID_NONE && slot->is_open ? slot->fds.ifindex : 0;
	char route[96], text[IPNET_STR_LEN];

	if (r->netlink == NULL || n->n_subnets == 0)
		return 0;
	netlink_sync(r->netlink);
	int rc = check_leg_name(r, n, e);

	for (unsigned i = 0; i < n->n_subnets && rc == 0; i++) {
		int found = netlink_find_route(&n->subnet[i], own, route, sizeof(route));

		if (found < 0)
			rc = err_set(e, found, "", "cannot read the host's routes: %s",
				strerror(-found));
		else if (found > 0)
			rc = err_set(e, -EADDRINUSE, "network.subnets",
				"the host already routes part "
				"of %s: %s; choose another subnet or remove the route",
				ipnet_print(&n->subnet[i], text), route);
	}
	return rc;
}

static int check_host_vif(struct reconcile *r, const struct vif_want *want, struct err *e)
{
	char alias[LINK_ALIAS_LEN];
	struct link link;
	int home = -1, ns_fd = -1;
	int rc = 0;

	if (want->netns[0] != '\0') {
		ns_fd = netns_open(want->netns, e);
		if (ns_fd == -ENOENT) {
			*e = ERR_NONE;
			return 0;
		}
		if (ns_fd < 0)
			return ns_fd;
		rc = netns_enter(ns_fd, &home);
	}
	snprintf(alias, sizeof(alias), "saklar %.60s %s", r->paths.run_dir, want->name);
	if (rc == 0 && netlink_get(0, want->ifname, &link) == 0 && strcmp(link.alias, alias) != 0)
		rc = err_set(e, -EEXIST, "vif.ifname",
			"a netdev named %s is there already; choose "
			"another --ifname, or rename or delete it",
			want->ifname);
	if (home >= 0)
		netns_leave(home);
	if (ns_fd >= 0)
		close(ns_fd);
	return rc < 0 && e->code == 0 ? err_set(e, rc, "vif.netns", "%s", strerror(-rc)) : rc;
}

int reconcile_check_vif(struct reconcile *r, const struct vif_cfg *v, struct err *e)
{
	struct model empty = { 0 };
	struct vif_want want = vif_want_of(&empty, v);
	struct err own = ERR_NONE;
	int rc = 0;

	if (r->netlink == NULL)
		return 0;
	netlink_sync(r->netlink);
	if (v->type == VIF_TYPE_HOST) {
		const struct vif_slot *slot = &r->actual.vif[v->id];
		bool is_same = slot->is_open && strcmp(slot->as.ifname, want.ifname) == 0
			&& strcmp(slot->as.netns, want.netns) == 0;

		rc = is_same ? 0 : check_host_vif(r, &want, &own);
	} else if (v->type == VIF_TYPE_TAP || v->type == VIF_TYPE_NETDEV) {
		const struct link *link = netlink_link_by_name(r->netlink, want.ifname);

		rc = link != NULL ? reconcile_netdev_check(r, link, v->type, &own) : 0;
	}
	return rc < 0 ? err_set(e, rc, own.path, "%s", own.msg) : 0;
}

PRINTF_LIKE(5, 6)
static void add_problem(
	struct problem *out, unsigned max, unsigned *n, const char *object, const char *text, ...)
{
	va_list args;

	if (*n >= max)
		return;
	memset(&out[*n], 0, sizeof(out[*n]));
	snprintf(out[*n].object, sizeof(out[*n].object), "%s", object);
	va_start(args, text);
	vsnprintf(out[*n].text, sizeof(out[*n].text), text, args);
	va_end(args);
	(*n)++;
}

static const char *network_cure(const char *why)
{
	if (strstr(why, "dnsmasq-base") != NULL)
		return "apt-get install dnsmasq-base";
	if (strstr(why, "nftables") != NULL)
		return "apt-get install nftables";
	return "see the reason; it is tried again every few seconds";
}

unsigned reconcile_problems(const struct reconcile *r, struct problem *out, unsigned max)
{
	struct engine_actual engine;
	char object[48];
	unsigned n = 0;

	engine_link_actual(r->link, &engine);
	if (engine.state != ENGINE_RUNNING && max > 0) {
		add_problem(out, max, &n, "engine", "%s: %s", engine_state_name(engine.state),
			engine.why);
		snprintf(out[n - 1].cure, sizeof(out[n - 1].cure),
			"it is started again by itself; if it keeps failing, read the log");
	}
	for (unsigned i = 0; r->model != NULL && i < r->model->n_networks && n < max; i++) {
		const struct network_cfg *cfg = &r->model->network[i];
		const struct network_slot *slot = &r->actual.network[cfg->id];

		if (slot->state != STATE_FAILED && slot->state != STATE_WAITING)
			continue;
		snprintf(object, sizeof(object), "network %s", cfg->name);
		add_problem(out, max, &n, object, "%s", slot->why);
		snprintf(out[n - 1].cure, sizeof(out[n - 1].cure), "%s", network_cure(slot->why));
	}
	for (unsigned i = 0; r->model != NULL && i < r->model->n_vifs && n < max; i++) {
		const struct vif_cfg *cfg = &r->model->vif[i];
		const struct vif_slot *slot = &r->actual.vif[cfg->id];

		if (slot->state != STATE_FAILED && slot->state != STATE_WAITING)
			continue;
		snprintf(object, sizeof(object), "vif %s", cfg->name);
		add_problem(
			out, max, &n, object, "%s: %s", object_state_name(slot->state), slot->why);
		snprintf(out[n - 1].cure, sizeof(out[n - 1].cure), "%s",
			slot->state == STATE_WAITING
				? "it comes up by itself when that changes"
				: "do what the reason says; it is tried again");
	}
	return n;
}
