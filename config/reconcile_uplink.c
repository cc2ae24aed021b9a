/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile_uplink.c - uplink host: what the host's own stack must know to route for guests.
 * From: reconcile_network.c.  To: netlink_route.c, netlink_request.c, undo.c.
 * Theory: the transit's addresses come from ranges that nobody routes and are found again on the tap
 * after a restart.  A routed subnet is reached through the transit by what the host forwards, and on
 * the leg by the host itself (netlink_route.c).  Forwarding is switched on for as long as a network
 * leads out by the host; devices that route by advertisements are told to go on doing so first.
 * Rules name a table whose number tells the instance, so that what is left over can be recognised.
 * Thread: the daemon's only one. */
#include "config/reconcile_state.h"
#include "vswitch/base/log.h"
#include "vswitch/base/siphash.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

LOG_MODULE("reconcile_uplink");

#define ADDRESSES_MAX 8
#define RULES_MAX 1024
#define UPLINK_NETS_MAX (NETWORK_SUBNETS_MAX + NETWORK_ROUTES_MAX)
#define RULE_PRIORITY 4900
#define CANDIDATES_MAX 64
#define RA_DEVICES_MAX 64

static uint32_t instance_hash(const struct reconcile *r)
{
	static const struct sipkey key = { 0x73616b6c61720003, 0x7570000000000003 };

	return (uint32_t)siphash13(&key, r->paths.run_dir, strlen(r->paths.run_dir));
}

/* 24 bits beside the base: 16 of the instance, 8 of the network. */
static uint32_t table_of(const struct reconcile *r, const struct network_cfg *n)
{
	return NETLINK_TABLE_BASE | (instance_hash(r) & 0xffff) << 8 | (n->id & 0xffu);
}

static bool is_own_table(const struct reconcile *r, uint32_t table)
{
	return (table & ~0xffu) == (NETLINK_TABLE_BASE | (instance_hash(r) & 0xffff) << 8);
}

struct vif_slot *reconcile_transit_slot(struct reconcile *r, const struct network_cfg *n)
{
	if (n->uplink.kind != UPLINK_HOST || n->uplink.vif_id == VIF_ID_NONE
		|| !r->actual.vif[n->uplink.vif_id].is_open
		|| !r->actual.vif[n->uplink.vif_id].as.is_transit)
		return NULL;
	return &r->actual.vif[n->uplink.vif_id];
}

static bool is_host_end(const struct link_address *a)
{
	struct ipaddr first;

	return a->net.len == (ip_is_v4(&a->net.addr) ? TRANSIT_LEN4 : TRANSIT_LEN6)
		&& ipnet_host(&a->net, 1, &first)
		&& memcmp(&first, &a->net.addr, sizeof(first)) == 0;
}

static void set_ends(struct transit *t, const struct ipnet *net)
{
	bool is_v4 = ip_is_v4(&net->addr);

	if (!ipnet_host(net, 1, is_v4 ? &t->host4 : &t->host6)
		|| !ipnet_host(net, 2, is_v4 ? &t->router4 : &t->router6))
		LOG_ERR("event=transit_too_small");
}

/* The @index-th range to try. */
static struct ipnet candidate(bool is_v4, uint32_t hash, unsigned network_id, unsigned attempt)
{
	struct ipnet net = { .len = is_v4 ? TRANSIT_LEN4 : TRANSIT_LEN6 };
	unsigned at = (hash + network_id + attempt * 257) % 4096;
	uint8_t *b = net.addr.b;

	if (!is_v4) {
		static const uint8_t ula[6] = { 0xfd, 0x53, 0x61, 0x6b, 0x6c, 0x72 };

		memcpy(b, ula, sizeof(ula));
		b[6] = (uint8_t)(at >> 8);
		b[7] = (uint8_t)at;
		return net;
	}
	b[10] = b[11] = 0xff;
	/* Link-local, out of the way of clouds' 169.254.169.254; else the benchmarking range. */
	b[12] = attempt < CANDIDATES_MAX / 2 ? 169 : 198;
	b[13] = attempt < CANDIDATES_MAX / 2 ? 254 : 18;
	b[14] = (uint8_t)(64 + at / 64);
	b[15] = (uint8_t)(at % 64 * 4);
	return net;
}

static bool is_candidate_used(const struct reconcile *r, const struct ipnet *net)
{
	for (unsigned id = 1; id < NETWORK_ID_MAX; id++) {
		const struct transit *t = &r->actual.network[id].transit;

		if (t->is_set && (ipnet_contains(net, &t->host4) || ipnet_contains(net, &t->host6)))
			return true;
	}
	for (unsigned i = 0; i < r->model->n_networks; i++)
		for (unsigned j = 0; j < r->model->network[i].n_subnets; j++) {
			const struct ipnet *subnet = &r->model->network[i].subnet[j];

			if (ip_is_v4(&subnet->addr) == ip_is_v4(&net->addr)
				&& ipnet_overlaps(subnet, net))
				return true;
		}
	return false;
}

static int choose(struct reconcile *r, const struct network_cfg *n, const struct vif_slot *slot,
	bool is_v4, struct transit *t, struct err *e)
{
	char route[96];

	for (unsigned attempt = 0; attempt < CANDIDATES_MAX; attempt++) {
		struct ipnet net = candidate(is_v4, instance_hash(r), n->id, attempt);

		if (is_candidate_used(r, &net)
			|| netlink_find_route(&net, slot->fds.ifindex, route, sizeof(route)) != 0)
			continue;
		set_ends(t, &net);
		return 0;
	}
	return err_set(e, -EADDRINUSE, "network.uplink",
		"no free range for the transit to the host: the host routes 169.254.0.0/16 and "
		"198.18.0.0/16 (%s); remove the route, or name a device as the uplink",
		route);
}

/* Addresses of a tap that an earlier daemon made count; a new one gets fresh ones. */
static int find_addresses(struct reconcile *r, const struct network_cfg *n,
	const struct vif_slot *slot, struct transit *t, struct err *e)
{
	struct link_address have[ADDRESSES_MAX];
	int n_have = netlink_addresses(slot->fds.ifindex, have, ADDRESSES_MAX);
	bool has_v4 = false, has_v6 = false;
	int rc = 0;

	for (int i = 0; i < MIN(n_have, ADDRESSES_MAX); i++) {
		if (!is_host_end(&have[i]))
			continue;
		set_ends(t, &have[i].net);
		has_v4 = has_v4 || ip_is_v4(&have[i].net.addr);
		has_v6 = has_v6 || !ip_is_v4(&have[i].net.addr);
	}
	if (!has_v4)
		rc = choose(r, n, slot, true, t, e);
	if (rc == 0 && !has_v6)
		rc = choose(r, n, slot, false, t, e);
	t->is_set = rc == 0;
	return rc;
}

int reconcile_uplink_prepare(struct reconcile *r, const struct network_cfg *n, struct err *e)
{
	struct transit *t = &r->actual.network[n->id].transit;
	const struct vif_slot *slot = reconcile_transit_slot(r, n);

	if (slot == NULL) {
		*t = (struct transit){ 0 };
		return 0;
	}
	return t->is_set ? 0 : find_addresses(r, n, slot, t, e);
}

/* Does the host itself lead to this subnet by the transit, because guests keep their addresses? */
static bool is_routed_subnet(const struct network_cfg *n, const struct ipnet *net)
{
	if (n->mode == NETWORK_MODE_NAT)
		return !ip_is_v4(&net->addr) && !n->is_nat_ipv6;
	return n->mode == NETWORK_MODE_ROUTED || n->mode == NETWORK_MODE_OPEN;
}

/* The nets that the host leads to @n by its transit; @out has room for UPLINK_NETS_MAX. */
static unsigned routed_nets(const struct network_cfg *n, struct ipnet *out)
{
	unsigned count = 0;

	for (unsigned i = 0; i < n->n_subnets; i++)
		if (is_routed_subnet(n, &n->subnet[i]))
			out[count++] = n->subnet[i];
	/* libvirt's rules let nothing but subnets pass, and no rules let everything */
	for (unsigned i = 0; n->mode == NETWORK_MODE_OPEN && i < n->n_routes; i++)
		if (model_route_is_inside(n, &n->route[i]))
			out[count++] = n->route[i].net;
	return count;
}

/* An address that is set again is an event again, which asks for the next run: without end. */
static int set_transit_address(int ifindex, const struct ipaddr *addr, uint8_t len)
{
	struct link_address have[ADDRESSES_MAX];
	int n_have = netlink_addresses(ifindex, have, ADDRESSES_MAX);

	for (int i = 0; i < MIN(n_have, ADDRESSES_MAX); i++)
		if (have[i].net.len == len && memcmp(&have[i].net.addr, addr, sizeof(*addr)) == 0)
			return 0;
	return netlink_add_address(ifindex, addr, len);
}

static int set_transit_addresses(
	const struct network_cfg *n, const struct transit *t, int ifindex, struct err *e)
{
	int rc = set_transit_address(ifindex, &t->host4, TRANSIT_LEN4);

	if (rc == 0 && network_has_family(n, false))
		rc = set_transit_address(ifindex, &t->host6, TRANSIT_LEN6);
	return rc == 0 ? 0
		       : err_set(e, rc, "", "cannot give the transit of %s its address: %s",
			       n->name, strerror(-rc));
}

static int set_routes(struct reconcile *r, const struct network_cfg *n, const struct transit *t,
	int ifindex, struct err *e)
{
	struct ipnet net[UPLINK_NETS_MAX];
	unsigned n_nets = routed_nets(n, net);
	char text[IPNET_STR_LEN];
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < n_nets; i++) {
		bool is_v4 = ip_is_v4(&net[i].addr);

		rc = netlink_set_route(
			table_of(r, n), &net[i], is_v4 ? &t->router4 : &t->router6, ifindex);
		if (rc < 0)
			err_set(e, rc, "", "cannot route %s to its network: %s",
				ipnet_print(&net[i], text), strerror(-rc));
	}
	return rc;
}

int reconcile_uplink_up(struct reconcile *r, const struct network_cfg *n, struct err *e)
{
	const struct transit *t = &r->actual.network[n->id].transit;
	const struct vif_slot *slot = reconcile_transit_slot(r, n);
	const struct link *link = slot != NULL ? netlink_link(r->netlink, slot->fds.ifindex) : NULL;
	struct link_change change = LINK_CHANGE_NONE;
	int rc;

	if (link == NULL)
		return err_set(e, -ENODEV, "", "transit into the host: %s",
			r->actual.vif[n->uplink.vif_id].why);
	rc = reconcile_uplink_prepare(r, n, e); /* why it has no addresses, if it has none */
	if (rc < 0)
		return rc;
	change.up = 1;
	if (link->mtu != slot->as.mtu)
		change.mtu = slot->as.mtu;
	if ((link->flags & IFF_UP) == 0 || change.mtu != 0) {
		rc = netlink_change(slot->fds.ifindex, &change);
		netlink_sync(r->netlink);
	}
	if (rc < 0)
		return err_set(e, rc, "", "the transit %s does not come up: %s", slot->ifname,
			strerror(-rc));
	rc = set_transit_addresses(n, t, slot->fds.ifindex, e);
	return rc == 0 ? set_routes(r, n, t, slot->fds.ifindex, e) : rc;
}

static bool is_same_rule(const struct link_rule *a, const struct link_rule *b)
{
	return a->table == b->table && a->net.len == b->net.len
		&& memcmp(&a->net.addr, &b->net.addr, sizeof(a->net.addr)) == 0;
}

static unsigned wanted_rules(const struct reconcile *r, struct link_rule *out)
{
	unsigned count = 0;

	for (unsigned i = 0; i < r->model->n_networks; i++) {
		const struct network_cfg *n = &r->model->network[i];

		struct ipnet net[UPLINK_NETS_MAX];
		unsigned n_nets = n->uplink.kind == UPLINK_HOST ? routed_nets(n, net) : 0;

		for (unsigned j = 0; j < n_nets && count < RULES_MAX; j++)
			out[count++] = (struct link_rule){ net[j], table_of(r, n), RULE_PRIORITY };
	}
	return count;
}

/* Rules as wanted: those of ours that are left over go first. */
static void set_rules(struct reconcile *r, const struct link_rule *want, unsigned n_want)
{
	static struct link_rule have[RULES_MAX];
	int n_have = netlink_rules(RULE_PRIORITY, have, RULES_MAX);

	if (n_have < 0) {
		LOG_ERR("event=rules_not_read error=\"%s\"", strerror(-n_have));
		return;
	}
	n_have = MIN(n_have, RULES_MAX);
	for (int i = 0; i < n_have; i++) {
		bool is_wanted = !is_own_table(r, have[i].table);

		for (unsigned j = 0; j < n_want && !is_wanted; j++)
			is_wanted = is_same_rule(&have[i], &want[j]);
		if (!is_wanted && netlink_delete_rule(&have[i]) < 0)
			LOG_WARN("event=rule_stays table=%u", have[i].table);
	}
	for (unsigned j = 0; j < n_want; j++) {
		bool is_there = false;

		for (int i = 0; i < n_have && !is_there; i++)
			is_there = is_same_rule(&have[i], &want[j]);
		if (!is_there && netlink_add_rule(&want[j]) < 0)
			LOG_ERR("event=rule_not_added table=%u", want[j].table);
	}
}

/* One sysctl of the host, and under what its old value is recorded. */
struct setting {
	enum undo_kind kind;
	int ifindex;
	const char *family, *ifname, *key;
	int value;
};

static int record_and_set(struct reconcile *r, const struct setting *s, struct err *e)
{
	int before = s->value;
	int rc = netlink_sysctl_get(s->family, s->ifname, s->key, &before);

	if (rc < 0 || before == s->value)
		return 0; /* no such family on this kernel, or nothing to do */
	rc = undo_record(r->undo, s->ifindex, s->kind, (uint32_t)before, e);
	if (rc < 0)
		return rc;
	rc = netlink_sysctl_set(s->family, s->ifname, s->key, s->value);
	return rc == 0 ? 0
		       : err_set(e, rc, "", "cannot set net.%s.conf.%s.%s to %d: %s", s->family,
			       s->ifname, s->key, s->value, strerror(-rc));
}

/* A host that forwards ignores advertisements unless told otherwise, and would lose its routes. */
static int keep_advertised_routes(struct reconcile *r, struct err *e)
{
	int devices[RA_DEVICES_MAX];
	int n = netlink_ra_devices(devices, RA_DEVICES_MAX);
	int rc = 0;

	for (int i = 0; rc == 0 && i < MIN(n, RA_DEVICES_MAX); i++) {
		const struct link *link = netlink_link(r->netlink, devices[i]);
		int accepts = 0;

		if (link == NULL
			|| netlink_sysctl_get("ipv6", link->name, "accept_ra", &accepts) < 0
			|| accepts != 1)
			continue;
		rc = record_and_set(r,
			&(struct setting){
				UNDO_ACCEPT_RA, devices[i], "ipv6", link->name, "accept_ra", 2 },
			e);
	}
	return rc;
}

static int set_forwarding(struct reconcile *r, bool has_v4, bool has_v6, struct err *e)
{
	int rc = 0;

	if (!has_v4)
		undo_revert_kind(r->undo, UNDO_FORWARD4);
	if (!has_v6) {
		undo_revert_kind(r->undo, UNDO_FORWARD6);
		undo_revert_kind(r->undo, UNDO_ACCEPT_RA);
	}
	if (has_v4)
		rc = record_and_set(r,
			&(struct setting){
				UNDO_FORWARD4, UNDO_HOST_IFINDEX, "ipv4", "all", "forwarding", 1 },
			e);
	if (rc == 0 && has_v6)
		rc = keep_advertised_routes(r, e);
	if (rc == 0 && has_v6)
		rc = record_and_set(r,
			&(struct setting){
				UNDO_FORWARD6, UNDO_HOST_IFINDEX, "ipv6", "all", "forwarding", 1 },
			e);
	return rc;
}

/* Behind the firewall's rules: forwarding opens the host to everybody else's packets too. */
int reconcile_uplink_run(struct reconcile *r, struct err *e)
{
	static struct link_rule want[RULES_MAX];
	unsigned n_want = wanted_rules(r, want);
	bool has_v4 = false, has_v6 = false;

	for (unsigned i = 0; i < r->model->n_networks; i++) {
		const struct network_cfg *n = &r->model->network[i];

		if (n->uplink.kind != UPLINK_HOST)
			continue;
		has_v4 = has_v4 || network_has_family(n, true);
		has_v6 = has_v6 || network_has_family(n, false);
	}
	set_rules(r, want, n_want);
	return set_forwarding(r, has_v4, has_v6, e);
}

void reconcile_uplink_remove(struct reconcile *r)
{
	struct err e = ERR_NONE;

	set_rules(r, NULL, 0);
	if (set_forwarding(r, false, false, &e) < 0)
		LOG_WARN("event=forwarding_stays error=\"%s\"", e.msg);
}

static bool is_transit(const struct reconcile *r, int ifindex)
{
	for (unsigned id = 1; id < VIF_ID_MAX; id++)
		if (r->actual.vif[id].is_open && r->actual.vif[id].as.is_transit
			&& r->actual.vif[id].fds.ifindex == ifindex)
			return true;
	return false;
}

static bool is_link_local(const struct ipaddr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

void reconcile_host_addresses(struct reconcile *r)
{
	static struct link_address have[HOST_ADDRESSES_MAX];
	int n = netlink_addresses(0, have, HOST_ADDRESSES_MAX);
	unsigned count = 0;

	if (n < 0) {
		LOG_ERR("event=addresses_not_read error=\"%s\"", strerror(-n));
		return; /* the ones known before are better than none */
	}
	for (int i = 0; i < MIN(n, HOST_ADDRESSES_MAX); i++)
		if (!is_transit(r, have[i].ifindex) && !is_link_local(&have[i].net.addr))
			r->actual.host_address[count++] = have[i].net.addr;
	r->actual.n_host_addresses = count;
}
