/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile_network.c - what a network has in the host: leg addresses, firewall rules, dnsmasq.
 * From: reconcile.c.  To: netlink_request.c, nft.c, dnsmasq.c.
 * Theory: order is safety: a leg comes up only after the rules that keep strangers off it are in
 * force, and dnsmasq starts only on a leg that is up.  Thread: the daemon's only one. */
#include "config/reconcile_state.h"
#include "vswitch/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

LOG_MODULE("reconcile_network");

#define ADDRESSES_MAX 32
#define ROUTES_HELD_MAX 64

static struct vif_slot *leg_of(struct reconcile *r, const struct network_cfg *n)
{
	if (n->leg_vif_id == VIF_ID_NONE || !r->actual.vif[n->leg_vif_id].is_open)
		return NULL;
	return &r->actual.vif[n->leg_vif_id];
}

static bool is_gateway(const struct network_cfg *n, const struct ipnet *net)
{
	for (unsigned i = 0; i < n->n_subnets; i++)
		if (n->subnet[i].len == net->len
			&& memcmp(&n->gateway[i], &net->addr, sizeof(net->addr)) == 0)
			return true;
	return false;
}

/* Addresses that are there and should not be go first: one may be in the way of a new one. */
static int set_addresses(const struct network_cfg *n, int ifindex, struct err *e)
{
	struct link_address have[ADDRESSES_MAX];
	int n_have = netlink_addresses(ifindex, have, ADDRESSES_MAX);
	char text[IP_STR_LEN];

	if (n_have < 0)
		return err_set(
			e, n_have, "", "cannot read the leg's addresses: %s", strerror(-n_have));
	n_have = MIN(n_have, ADDRESSES_MAX);
	for (int i = 0; i < n_have; i++) {
		if (is_gateway(n, &have[i].net))
			continue;
		if (netlink_delete_address(ifindex, &have[i].net.addr, have[i].net.len) < 0)
			LOG_WARN("event=address_stays network=%s", n->name);
	}
	for (unsigned i = 0; i < n->n_subnets; i++) {
		bool is_there = false;

		for (int j = 0; j < n_have; j++)
			is_there = is_there
				|| (have[j].net.len == n->subnet[i].len
					&& memcmp(&have[j].net.addr, &n->gateway[i],
						   sizeof(n->gateway[i]))
						== 0);
		if (is_there)
			continue;
		int rc = netlink_add_address(ifindex, &n->gateway[i], n->subnet[i].len);

		if (rc < 0)
			return err_set(e, rc, "network.gateways",
				"cannot give %s the address %s: %s", n->name,
				ip_print(&n->gateway[i], text), strerror(-rc));
	}
	return 0;
}

static bool has_route(const struct static_route *list, int n, const struct static_route *r)
{
	for (int i = 0; i < n; i++)
		if (memcmp(&list[i], r, sizeof(*r)) == 0)
			return true;
	return false;
}

/* What is behind guests, for the host itself.  As with addresses, the old ones go first. */
static int set_routes(
	const struct network_cfg *n, struct network_slot *net, int ifindex, struct err *e)
{
	struct static_route have[ROUTES_HELD_MAX];
	char text[IPNET_STR_LEN];
	int n_have, rc = 0;

	/* The kernel lists all routes of the host: with many networks too much for each run. */
	if (n->n_routes == 0 && net->is_route_free)
		return 0;
	n_have = netlink_routes(ifindex, have, ROUTES_HELD_MAX);
	if (n_have < 0)
		return err_set(
			e, n_have, "", "cannot read the leg's routes: %s", strerror(-n_have));
	n_have = MIN(n_have, ROUTES_HELD_MAX);
	net->is_route_free = n_have == 0 && n->n_routes == 0;
	for (int i = 0; i < n_have; i++)
		if (!has_route(n->route, (int)n->n_routes, &have[i])
			&& netlink_delete_route(&have[i], ifindex) < 0)
			LOG_WARN("event=route_stays network=%s", n->name);
	for (unsigned i = 0; rc == 0 && i < n->n_routes; i++) {
		const struct static_route *r = &n->route[i];

		if (!model_route_is_inside(n, r) || has_route(have, n_have, r))
			continue;
		rc = netlink_add_route(r, ifindex);
		ipnet_print(&r->net, text);
		if (rc == -EEXIST)
			err_set(e, rc, "network.routes",
				"the host has another route to %s: delete that with 'ip route "
				"del', or this one with 'saklar route del'",
				text);
		else if (rc < 0)
			err_set(e, rc, "network.routes", "cannot route %s: %s", text,
				strerror(-rc));
	}
	return rc;
}

static int bring_leg_up(
	struct reconcile *r, const struct network_cfg *n, struct vif_slot *slot, struct err *e)
{
	const struct link *link = netlink_link(r->netlink, slot->fds.ifindex);
	struct link_change change = LINK_CHANGE_NONE;
	int rc;

	if (link == NULL)
		return err_set(e, -ENODEV, "", "the host leg %s is gone; it is made anew", n->name);
	change.up = 1;
	if (link->mtu != slot->as.mtu)
		change.mtu = slot->as.mtu; /* the leg is ours: its MTU is the network's */
	if ((link->flags & IFF_UP) != 0 && change.mtu == 0)
		return set_addresses(n, slot->fds.ifindex, e);
	rc = netlink_change(slot->fds.ifindex, &change);
	if (rc < 0)
		return err_set(
			e, rc, "", "the host leg %s does not come up: %s", n->name, strerror(-rc));
	netlink_sync(r->netlink);
	return set_addresses(n, slot->fds.ifindex, e);
}

static int run_leg(struct reconcile *r, const struct network_cfg *n, int nft_rc,
	const struct err *nft_error, struct err *e)
{
	struct vif_slot *slot = leg_of(r, n);
	int rc;

	if (slot == NULL)
		return err_set(e, -ENODEV, "", "host leg: %s", r->actual.vif[n->leg_vif_id].why);
	if (nft_rc < 0)
		return err_set(e, nft_rc, "", "%s", nft_error->msg);
	rc = bring_leg_up(r, n, slot, e);
	if (rc == 0 && n->uplink.kind == UPLINK_HOST)
		rc = reconcile_uplink_up(r, n, e);
	if (rc == 0 && n->has_dhcp)
		rc = dnsmasq_run(r->dnsmasq, r->model, n, slot->ifname, e);
	return rc == 0 ? set_routes(n, &r->actual.network[n->id], slot->fds.ifindex, e) : rc;
}

/* Why a network with a leg does not lead out, when its uplink is a device or vif; "" when it does. */
static void describe_uplink(
	struct reconcile *r, const struct network_cfg *n, char *text, size_t size)
{
	const struct vif_cfg *v
		= n->uplink.kind == UPLINK_VIF ? model_vif(r->model, n->uplink.name) : NULL;
	uint16_t id = v != NULL ? v->id : n->uplink.vif_id;

	text[0] = '\0';
	if (n->uplink.kind == UPLINK_NONE || id == VIF_ID_NONE
		|| r->actual.vif[id].state == STATE_UP)
		return;
	snprintf(text, size, "uplink %s: %.180s",
		n->uplink.kind == UPLINK_HOST ? "host" : n->uplink.name,
		r->actual.vif[id].state == STATE_DOWN ? "it is set down" : r->actual.vif[id].why);
}

static void run_network(
	struct reconcile *r, const struct network_cfg *n, int nft_rc, const struct err *nft_error)
{
	struct network_slot *slot = &r->actual.network[n->id];
	struct err e = ERR_NONE;

	if (n->leg_vif_id != VIF_ID_NONE && run_leg(r, n, nft_rc, nft_error, &e) < 0) {
		actual_set_network(slot, e.code == -ENODEV ? STATE_WAITING : STATE_FAILED, e.msg);
		reconcile_ask_in(r, 1000);
		return;
	}
	describe_uplink(r, n, e.msg, sizeof(e.msg));
	actual_set_network(slot, e.msg[0] != '\0' ? STATE_WAITING : STATE_UP, e.msg);
}

static void stop_gone(struct reconcile *r)
{
	for (unsigned id = 1; id < NETWORK_ID_MAX; id++) {
		const struct network_cfg *n = model_network_by_id(r->model, (uint16_t)id);

		if (n == NULL || !n->has_dhcp || leg_of(r, n) == NULL)
			dnsmasq_stop(r->dnsmasq, (uint16_t)id);
		if (n == NULL)
			r->actual.network[id] = (struct network_slot){ 0 };
	}
}

static unsigned list_legs(struct reconcile *r, struct nft_leg *legs)
{
	unsigned n_legs = 0;

	for (unsigned i = 0; i < r->model->n_networks; i++) {
		const struct network_cfg *n = &r->model->network[i];
		const struct vif_slot *slot = leg_of(r, n);
		const struct vif_slot *transit = reconcile_transit_slot(r, n);
		const struct transit *t = &r->actual.network[n->id].transit;

		if (slot == NULL)
			continue;
		legs[n_legs] = (struct nft_leg){ .ifindex = slot->fds.ifindex, .network = n };
		if (transit != NULL && t->is_set) {
			legs[n_legs].transit_ifindex = transit->fds.ifindex;
			legs[n_legs].transit_ifname = transit->ifname;
			legs[n_legs].transit = t;
		}
		n_legs++;
	}
	return n_legs;
}

void reconcile_network_run(struct reconcile *r)
{
	static struct nft_leg legs[NETWORK_ID_MAX];
	struct err e = ERR_NONE;
	unsigned n_legs;
	int rc = 0;

	stop_gone(r);
	for (unsigned i = 0; i < r->model->n_networks; i++) {
		struct err why = ERR_NONE;

		if (reconcile_uplink_prepare(r, &r->model->network[i], &why) < 0)
			LOG_ERR("event=no_transit network=%s error=\"%s\"",
				r->model->network[i].name, why.msg);
	}
	n_legs = list_legs(r, legs);
	rc = nft_apply(r->nft, legs, n_legs, r->model, &e);
	if (rc == 0)
		rc = reconcile_uplink_run(r, &e);
	for (unsigned i = 0; i < r->model->n_networks; i++)
		run_network(r, &r->model->network[i], rc, &e);
	reconcile_host_addresses(r);
	reconcile_leases_read(r);
}
