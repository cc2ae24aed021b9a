/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile_check.c - does a new object clash with the host; what is wrong with the host.
 * From: rpc_methods.c, before a verb is committed; rpc's status.  To: netlink_request.c, netns.c.
 * Theory: refused early with what to do, rather than stored and failing for ever; what does not exist
 * yet is no clash.  Thread: the daemon's only one. */
#include "config/netns.h"
#include "config/reconcile_state.h"
#include "config/spawn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IPV6_MTU_MIN 1280 /* RFC 8200 §5 */
#define NFT_TIMEOUT_MS 5000

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

/* A device that does not exist yet is waited for; what it can never be is refused. */
static int check_uplink(struct reconcile *r, const struct network_cfg *n, struct err *e)
{
	const struct link *link = n->uplink.kind == UPLINK_NETDEV
		? netlink_link_by_name(r->netlink, n->uplink.name)
		: NULL;

	if (link != NULL && link->mtu < IPV6_MTU_MIN && network_has_family(n, false))
		return err_set(e, -EINVAL, "network.uplink",
			"device %s has mtu %u, and IPv6 needs %d: raise it or leave out the IPv6 "
			"subnet",
			link->name, link->mtu, IPV6_MTU_MIN);
	return link != NULL ? reconcile_uplink_check(r, link, e) : 0;
}

/* Without nft the host would not translate, and its legs would be open to everybody. */
static int check_nft(const struct network_cfg *n, struct err *e)
{
	static const char *const argv[] = { "nft", "--version", NULL };
	char output[128];

	if (n->uplink.kind != UPLINK_HOST
		|| spawn_run(argv, "", output, sizeof(output), NFT_TIMEOUT_MS, NULL) != -ENOENT)
		return 0;
	return err_set(e, -ENOENT, "network.uplink",
		"uplink host needs the nft program, which is missing: apt-get install nftables, or "
		"name a device with --uplink");
}

int reconcile_check_forward(struct reconcile *r, const struct network_cfg *n,
	const struct forward_cfg *f, struct err *e)
{
	bool is_v4 = ip_is_v4(&f->address), is_tcp = f->proto == IPPROTO_TCP;
	struct sockaddr_in6 any6 = { .sin6_family = AF_INET6, .sin6_port = htons(f->port) };
	struct sockaddr_in any4 = { .sin_family = AF_INET, .sin_port = htons(f->port) };
	int one = 1, rc = 0;

	if (r->netlink == NULL || n->uplink.kind != UPLINK_HOST)
		return 0;
	int fd = socket(
		is_v4 ? AF_INET : AF_INET6, (is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return 0; /* nobody can listen either */
	/* With TCP only who listens is in the way, not connections of the past. */
	if ((is_tcp && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		|| (!is_v4 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0))
		rc = -errno;
	if (rc == 0
		&& bind(fd, is_v4 ? (const struct sockaddr *)&any4 : (const struct sockaddr *)&any6,
			   is_v4 ? sizeof(any4) : sizeof(any6))
			< 0)
		rc = -errno;
	close(fd);
	if (rc != -EADDRINUSE)
		return 0;
	return err_set(e, rc, "forward.port",
		"port %u of the host is taken by a program that listens on it (ss -lnp shows "
		"which): choose another port, or stop the program",
		f->port);
}

int reconcile_check_network(struct reconcile *r, const struct network_cfg *n, struct err *e)
{
	const struct vif_slot *slot = &r->actual.vif[n->leg_vif_id];
	int own = n->leg_vif_id != VIF_ID_NONE && slot->is_open ? slot->fds.ifindex : 0;
	char route[96], text[IPNET_STR_LEN];

	if (r->netlink == NULL || n->leg_vif_id == VIF_ID_NONE)
		return 0;
	netlink_sync(r->netlink);
	int rc = check_leg_name(r, n, e);

	if (rc == 0)
		rc = check_uplink(r, n, e);
	if (rc == 0)
		rc = check_nft(n, e);

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

/* A forward chain of others that drops what a network sends through the host. */
static void add_foreign(const struct reconcile *r, const struct network_cfg *n, struct problem *out,
	unsigned max, unsigned *count)
{
	const struct vif_slot *slot = &r->actual.vif[n->uplink.vif_id];
	char object[48];

	if (n->uplink.kind != UPLINK_HOST || !slot->is_open)
		return;
	snprintf(object, sizeof(object), "network %s", n->name);
	for (unsigned i = 0; i < r->n_foreign && *count < max; i++) {
		const struct nft_foreign *f = &r->foreign[i];
		bool is_v4 = strcmp(f->family, "ip6") != 0, is_v6 = strcmp(f->family, "ip") != 0;

		if (f->knows[n->id]
			|| !((is_v4 && network_has_family(n, true))
				|| (is_v6 && network_has_family(n, false))))
			continue;
		add_problem(out, max, count, object,
			"chain %s of table %s %s, which is not Saklar's, drops forwarded packets "
			"that it does not know: those of this network's guests too",
			f->chain, f->family, f->table);
		nft_foreign_cure(
			f, slot->ifname, out[*count - 1].cure, sizeof(out[*count - 1].cure));
	}
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

		add_foreign(r, cfg, out, max, &n);
		if (slot->state != STATE_FAILED && slot->state != STATE_WAITING)
			continue;
		snprintf(object, sizeof(object), "network %s", cfg->name);
		if (n == max)
			break;
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
