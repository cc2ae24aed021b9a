/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile_check.c - does a new object clash with the host; what is wrong with the host.
 * From: rpc_methods.c, before a verb is committed; rpc's status.  To: netlink_request.c, netns.c.
 * Theory: refused early with what to do, rather than stored and failing for ever; what does not exist
 * yet is no clash.  Thread: the daemon's only one. */
#include "config/netns.h"
#include "config/nft_foreign.h"
#include "config/reconcile_state.h"
#include "config/snapshot_build.h"
#include "config/spawn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IPV6_MTU_MIN 1280 /* RFC 8200 §5 */
#define NFT_TIMEOUT_MS 5000
#define ADDRESSES_MAX 2048 /* of the whole host; of more the first ones are looked at */

static int check_leg_name(struct reconcile *r, const struct network_cfg *n, struct err *e)
{
	const struct link *link = netlink_link_by_name(r->netlink, n->name);
	char alias[LINK_ALIAS_LEN];

	if (link == NULL)
		return 0;
	reconcile_alias(r, n->name, alias);
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

/* Without nft the host would not translate, and a host leg would be open to everybody. */
static int check_nft(const struct network_cfg *n, struct err *e)
{
	static const char *const argv[] = { "nft", "--version", NULL };
	bool is_uplink = n->uplink.kind == UPLINK_HOST;
	char output[128];

	if (spawn_run(argv, "", output, sizeof(output), NFT_TIMEOUT_MS, NULL) != -ENOENT)
		return 0;
	return err_set(e, -ENOENT, is_uplink ? "network.uplink" : "network.subnets",
		"%s needs the nft program, which is missing: apt-get install nftables%s",
		is_uplink ? "uplink host" : "a subnet, with its gateway on the host,",
		is_uplink ? "" : ", or leave out --subnet");
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

	for (unsigned i = 0; i < n->n_subnets + n->n_routes && rc == 0; i++) {
		bool is_subnet = i < n->n_subnets;
		unsigned at = is_subnet ? i : i - n->n_subnets;
		const struct ipnet *net = is_subnet ? &n->subnet[at] : &n->route[at].net;
		int found = 0;

		if (is_subnet || model_route_is_inside(n, &n->route[at]))
			found = netlink_find_route(net, own, route, sizeof(route));
		if (found < 0)
			rc = err_set(e, found, "", "cannot read the host's routes: %s",
				strerror(-found));
		else if (found > 0)
			rc = err_set(e, -EADDRINUSE,
				is_subnet ? "network.subnets" : "network.routes",
				"the host already routes part "
				"of %s: %s; choose another %s or remove the route",
				ipnet_print(net, text), route, is_subnet ? "subnet" : "prefix");
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
	reconcile_alias(r, want->name, alias);
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

static const char *network_cure(const char *why)
{
	if (strstr(why, "dnsmasq-base") != NULL)
		return "apt-get install dnsmasq-base";
	if (strstr(why, "nftables") != NULL)
		return "apt-get install nftables";
	return "see the reason; it is tried again every few seconds";
}

struct problems {
	struct problem *out;
	unsigned n, max;
};

PRINTF_LIKE(4, 5)
static void add_problem(
	struct problems *p, const char *object, const char *cure, const char *text, ...)
{
	struct problem *one = &p->out[p->n];
	va_list args;

	if (p->n >= p->max)
		return;
	memset(one, 0, sizeof(*one));
	snprintf(one->object, sizeof(one->object), "%s", object);
	snprintf(one->cure, sizeof(one->cure), "%s", cure);
	va_start(args, text);
	vsnprintf(one->text, sizeof(one->text), text, args);
	va_end(args);
	p->n++;
}

/* Chains of others that refuse what comes in by a leg, or what a transit leads through the host. */
static void add_obstacle(const struct reconcile *r, const struct nft_rules *rules,
	const struct nft_way *way, const char *object, struct problems *p)
{
	const char *what = way->is_forward ? "guests do not reach the outside"
					   : "guests do not reach the host (DHCP and DNS included)";
	struct nft_obstacle o;

	if (!nft_foreign_find(rules, nft_table(r->nft), way, &o))
		return;
	add_problem(p, object, o.cure, "%s: chain %s of the %s table %s %s refuses what %s %s (%s)",
		what, o.chain, o.is_legacy ? "iptables-legacy" : "nftables", o.family, o.table,
		way->is_outward           ? "goes out by"
			: way->is_forward ? "is forwarded from"
					  : "comes in from",
		way->ifname, o.verdict);
}

static void add_obstacles(const struct reconcile *r, const struct nft_rules *rules,
	const struct network_cfg *n, const char *object, struct problems *p)
{
	const struct vif_slot *slot = &r->actual.vif[n->uplink.vif_id];
	struct nft_way way = { .ifname = n->name, .network = n };
	unsigned before;

	add_obstacle(r, rules, &way, object, p);
	if (n->uplink.kind != UPLINK_HOST || !slot->is_open || slot->ifname[0] == '\0')
		return;
	way = (struct nft_way){ .is_forward = true,
		.ifname = slot->ifname,
		.network = n,
		.transit = &r->actual.network[n->id].transit };
	before = p->n;
	add_obstacle(r, rules, &way, object, p);
	way.is_outward = true;
	if (p->n == before) /* one cure serves both ways */
		add_obstacle(r, rules, &way, object, p);
}

/* Words of --workers. */
static unsigned workers_wanted(const char *list)
{
	unsigned n = 1;

	for (; list != NULL && *list != '\0'; list++)
		n += *list == ',';
	return n;
}

static void add_engine(const struct reconcile *r, struct problems *p)
{
	struct engine_actual engine;

	engine_link_actual(r->link, &engine);
	if (engine.state != ENGINE_RUNNING || engine.is_mute)
		add_problem(p, "engine",
			"it is started again by itself; if it keeps failing, read the log",
			"%s: %s", engine_state_name(engine.state), engine.why);
	else if (engine.n_workers != workers_wanted(r->paths.workers))
		add_problem(p, "engine",
			"restart it when its guests can bear a moment without network: saklard "
			"--stop-engine, then saklard as before",
			"it runs with %u workers, since it was started so; --workers asks for %u",
			engine.n_workers, workers_wanted(r->paths.workers));
}

static void add_undo(const struct reconcile *r, struct problems *p)
{
	char text[sizeof(((struct problem *)NULL)->text)],
		cure[sizeof(((struct problem *)NULL)->cure)];

	if (r->undo != NULL && undo_problem(r->undo, text, sizeof(text), cure, sizeof(cure)))
		add_problem(p, "undo list", cure, "%s", text);
}

/* Routes that came after the network: looked at when somebody asks, since events about them may come
 * by the thousand on a router. */
static void add_routes(const struct reconcile *r, const struct network_cfg *n, const char *object,
	struct problems *p)
{
	const struct vif_slot *leg = &r->actual.vif[n->leg_vif_id];
	int own = leg->is_open ? leg->fds.ifindex : 0;
	char route[96], text[IPNET_STR_LEN], cure[256];

	for (unsigned i = 0; i < n->n_subnets; i++) {
		if (netlink_find_route(&n->subnet[i], own, route, sizeof(route)) <= 0)
			continue;
		snprintf(cure, sizeof(cure),
			"ip route del %s, or give the network another subnet: saklar network set "
			"%s --subnet ...",
			route, n->name);
		add_problem(p, object, cure, "the host also routes part of %s elsewhere: %s",
			ipnet_print(&n->subnet[i], text), route);
	}
}

/* RFC 8200 §5: what leads out is too narrow for IPv6, which the network has. */
static void add_narrow_uplink(const struct reconcile *r, const struct network_cfg *n,
	const char *object, struct problems *p)
{
	const struct vif_cfg *v
		= n->uplink.kind == UPLINK_VIF ? model_vif(r->model, n->uplink.name) : NULL;
	uint16_t id = v != NULL ? v->id : n->uplink.vif_id;
	const struct vif_slot *slot = &r->actual.vif[id];
	char cure[96];

	if (n->uplink.kind == UPLINK_NONE || id == VIF_ID_NONE || !slot->is_open || slot->mtu == 0
		|| slot->mtu >= IP6_MTU_MIN || !network_has_family(n, false))
		return;
	snprintf(cure, sizeof(cure), "ip link set dev %s mtu 1500", slot->ifname);
	add_problem(p, object, cure,
		"no IPv6 leads out: the MTU of its uplink %s is %u, and IPv6 needs %u",
		slot->ifname, slot->mtu, IP6_MTU_MIN);
}

/* Programs of others on the uplink. */
static void add_slow_uplink(const struct reconcile *r, const struct network_cfg *n,
	const char *object, struct problems *p)
{
	const struct vif_slot *slot = &r->actual.vif[n->uplink.vif_id];
	struct fast_path_actual fast;
	char cure[160];

	if (n->uplink.kind != UPLINK_NETDEV || !slot->is_open || slot->has_taken
		|| (slot->fds.flags & MSG_VIF_FAST) != 0)
		return;
	reconcile_fast_path(r, &fast);
	if (fast.why[0] != '\0')
		return;
	snprintf(cure, sizeof(cure),
		"tc filter show dev %s ingress; where nobody needs them: tc qdisc del dev %s "
		"clsact, "
		"and name the uplink anew",
		slot->ifname, slot->ifname);
	add_problem(p, object, cure,
		"its connections take the longer way by the engine: %s has a clsact qdisc of "
		"somebody "
		"else",
		slot->ifname);
}

static void add_network(const struct reconcile *r, const struct network_cfg *n,
	const struct nft_rules *rules, struct problems *p)
{
	const struct network_slot *slot = &r->actual.network[n->id];
	char object[48];

	snprintf(object, sizeof(object), "network %s", n->name);
	if (slot->state == STATE_FAILED || slot->state == STATE_WAITING)
		add_problem(p, object, network_cure(slot->why), "%s", slot->why);
	if (r->netlink == NULL || n->n_subnets == 0)
		return;
	add_routes(r, n, object, p);
	add_narrow_uplink(r, n, object, p);
	add_slow_uplink(r, n, object, p);
	if (rules != NULL)
		add_obstacles(r, rules, n, object, p);
}

struct addresses {
	struct link_address one[ADDRESSES_MAX];
	int n;
};

/* A netdev that got an address after it became a vif's: refused at the next cold start. */
static void add_address(const struct vif_slot *slot, const char *object,
	const struct addresses *all, struct problems *p)
{
	char text[IPNET_STR_LEN], cure[128];

	if (!slot->is_open || slot->as.is_uplink
		|| (slot->as.type != VIF_TYPE_TAP && slot->as.type != VIF_TYPE_NETDEV))
		return;
	for (int i = 0; i < all->n; i++) {
		if (all->one[i].ifindex != slot->fds.ifindex)
			continue;
		ipnet_print(&all->one[i].net, text);
		snprintf(cure, sizeof(cure), "ip address del %s dev %s", text, slot->ifname);
		add_problem(p, object, cure,
			"netdev %s carries the address %s, which does not work and keeps the vif "
			"from being attached again",
			slot->ifname, text);
		return;
	}
}

static void add_vif(const struct reconcile *r, const struct vif_cfg *cfg,
	const struct addresses *all, struct problems *p)
{
	const struct vif_slot *slot = &r->actual.vif[cfg->id];
	char object[48];

	snprintf(object, sizeof(object), "vif %s", cfg->name);
	add_address(slot, object, all, p);
	if (slot->state != STATE_FAILED && slot->state != STATE_WAITING)
		return;
	add_problem(p, object,
		slot->state == STATE_WAITING ? "it comes up by itself when that changes"
					     : "do what the reason says; it is tried again",
		"%s: %s", object_state_name(slot->state), slot->why);
}

static bool has_legs(const struct model *m)
{
	for (unsigned i = 0; i < m->n_networks; i++)
		if (m->network[i].n_subnets > 0)
			return true;
	return false;
}

unsigned reconcile_problems(const struct reconcile *r, struct problem *out, unsigned max)
{
	static struct addresses all;
	struct problems p = { .out = out, .max = max };
	struct nft_rules *rules = NULL;

	add_engine(r, &p);
	add_undo(r, &p);
	if (r->model == NULL)
		return p.n;
	if (r->netlink != NULL && has_legs(r->model))
		rules = nft_rules_read();
	for (unsigned i = 0; i < r->model->n_networks; i++)
		add_network(r, &r->model->network[i], rules, &p);
	all.n = r->netlink != NULL ? netlink_addresses(0, all.one, ADDRESSES_MAX) : 0;
	all.n = MIN(all.n, ADDRESSES_MAX);
	for (unsigned i = 0; i < r->model->n_vifs; i++)
		add_vif(r, &r->model->vif[i], &all, &p);
	nft_rules_destroy(rules);
	return p.n;
}
