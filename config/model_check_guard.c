/* SPDX-License-Identifier: Apache-2.0 */
/* model_check_guard.c - can the guards of vifs be kept, and is everybody only one?
 *
 * From: model_check.c.  To: struct err.
 * Invariants: who is guarded has a MAC that is known; who is bound to what DHCP gives is in a network
 * that gives; no address is bound to two guests of one network.
 * Thread: the daemon has one. */
#include "config/model_check.h"

#include <errno.h>
#include <string.h>

#define DIGITS "0123456789"

static bool is_called_emulated(const struct vif_cfg *emulated, const struct vif_cfg *v)
{
	size_t len = strlen(v->name);

	return strncmp(emulated->name, v->name, len) == 0
		&& strcmp(emulated->name + len, "-emu") == 0;
}

/* vifDOMAIN.NUMBER or vifDOMAIN.NUMBER-emu */
static bool is_named_by_xen(const struct vif_cfg *v)
{
	size_t domain_len, number_len;
	const char *at = v->name;

	if (strncmp(at, "vif", 3) != 0)
		return false;
	at += 3;
	domain_len = strspn(at, DIGITS);
	at += domain_len;
	if (domain_len == 0 || *at++ != '.')
		return false;
	number_len = strspn(at, DIGITS);
	at += number_len;
	return number_len > 0 && (*at == '\0' || strcmp(at, "-emu") == 0);
}

bool model_may_be_same_guest(const struct vif_cfg *a, const struct vif_cfg *b)
{
	return is_called_emulated(a, b) || is_called_emulated(b, a)
		|| (is_named_by_xen(a) && is_named_by_xen(b));
}

static int check_neighbour(const struct network_cfg *n, unsigned i, struct err *e)
{
	const struct dhcp_host *h = &n->neighbour[i];
	char path[MODEL_PATH_LEN], text[IP_STR_LEN];

	model_element_path(n, "neighbours", i, path);
	ip_print(&h->addr, text);
	if (mac_is_zero(&h->mac) || mac_is_multicast(&h->mac))
		return err_set(e, -EINVAL, path,
			"neighbour %s: a station's MAC is neither zero nor multicast", text);
	for (unsigned j = 0; j < n->n_subnets; j++)
		if (memcmp(&n->gateway[j], &h->addr, sizeof(h->addr)) == 0)
			return err_set(e, -EINVAL, path,
				"neighbour %s is the gateway, whose MAC is --leg-mac: leave it out",
				text);
	for (unsigned j = 0; j < i; j++)
		if (memcmp(&n->neighbour[j].addr, &h->addr, sizeof(h->addr)) == 0)
			return err_set(e, -EEXIST, path,
				"neighbour %s has two MAC addresses: leave one out", text);
	return 0;
}

static int check_vif(const struct model *m, const struct vif_cfg *v, struct err *e)
{
	const struct network_cfg *n = model_network_by_id(m, v->network_id);
	char path[MODEL_PATH_LEN];

	if (v->guard.has_mac && !v->has_mac)
		return err_set(e, -EINVAL, model_vif_path(v, "guard", path),
			"who guards the MAC of a guest has to know it: add --mac MAC, or set guard "
			"off");
	if (v->guard.has_dhcp && n != NULL && !n->has_dhcp)
		return err_set(e, -EINVAL, model_vif_path(v, "guard", path),
			"guard dhcp: network %s gives no addresses: list the guest's, or 'saklar "
			"network set %s --dhcp'",
			n->name, n->name);
	return 0;
}

static int check_two(
	const struct model *m, const struct vif_cfg *a, const struct vif_cfg *b, struct err *e)
{
	const struct vif_cfg *which = a->id == m->subject_vif_id ? a : b;
	const struct vif_cfg *other = which == a ? b : a;
	char path[MODEL_PATH_LEN], text[IPNET_STR_LEN];

	if (a->network_id != b->network_id || a->network_id == NETWORK_ID_NONE
		|| model_may_be_same_guest(a, b))
		return 0;
	for (unsigned i = 0; i < which->guard.n_addrs; i++)
		for (unsigned j = 0; j < other->guard.n_addrs; j++)
			if (ipnet_overlaps(&which->guard.addr[i], &other->guard.addr[j])
				&& ip_is_v4(&which->guard.addr[i].addr)
					== ip_is_v4(&other->guard.addr[j].addr))
				return err_set(e, -EEXIST, model_vif_path(which, "guard", path),
					"guard: %s is vif %s's already: give each guest its own",
					ipnet_print(&which->guard.addr[i], text), other->name);
	return 0;
}

int model_check_guard(const struct model *m, struct err *e)
{
	int rc = 0;

	for (unsigned i = 0; i < m->n_networks; i++)
		for (unsigned j = 0; rc == 0 && j < m->network[i].n_neighbours; j++)
			rc = check_neighbour(&m->network[i], j, e);
	for (unsigned i = 0; rc == 0 && i < m->n_vifs; i++) {
		rc = check_vif(m, &m->vif[i], e);
		if (m->vif[i].guard.n_addrs == 0)
			continue;
		for (unsigned j = 0; rc == 0 && j < i; j++)
			rc = check_two(m, &m->vif[i], &m->vif[j], e);
	}
	return rc;
}
