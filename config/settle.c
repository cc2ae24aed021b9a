/* SPDX-License-Identifier: Apache-2.0 */
/* settle.c - what an object gets that nobody said.
 *
 * From: rpc_network.c, rpc_vif.c, document.c.  To: the model, where it stays.
 * Theory: taps and host vifs get a MAC when they are given none, so that the guest keeps it for
 * good; quotas of profile tenant are filled in where nothing was said.
 * Invariants: what is there already stays.
 * Thread: the daemon has one. */
#include "config/settle.h"

#include "config/mac_random.h"

#include <errno.h>

#define VIF_FDB_LIMIT_TENANT 64

static int settle_leg(struct model *m, struct network_cfg *n, struct err *e)
{
	if (n->n_subnets == 0) {
		n->leg_vif_id = VIF_ID_NONE;
		n->leg_mac = (struct mac){ 0 };
		return 0;
	}
	if (mac_is_zero(&n->leg_mac))
		mac_random(m, &n->leg_mac);
	return n->leg_vif_id == VIF_ID_NONE ? model_next_vif_id(m, &n->leg_vif_id, e) : 0;
}

int settle_uplink(struct model *m, struct network_cfg *n, struct err *e)
{
	struct uplink_cfg *u = &n->uplink;
	int rc = 0;

	if (u->kind == UPLINK_NONE) {
		u->network_id = NETWORK_ID_NONE;
		u->vif_id = VIF_ID_NONE;
		u->mac = (struct mac){ 0 };
		return 0;
	}
	if (u->network_id == NETWORK_ID_NONE)
		rc = model_next_network_id(m, &u->network_id, e);
	if (u->kind == UPLINK_VIF)
		u->vif_id = VIF_ID_NONE;
	else if (rc == 0 && u->vif_id == VIF_ID_NONE)
		rc = model_next_vif_id(m, &u->vif_id, e);
	if (rc == 0 && mac_is_zero(&u->mac))
		mac_random(m, &u->mac);
	return rc;
}

int settle_network(struct model *m, struct network_cfg *n, struct err *e)
{
	int rc = settle_leg(m, n, e);

	if (n->stp.mode != STP_OFF && mac_is_zero(&n->stp.mac)) {
		n->stp.mac = n->leg_mac;
		if (mac_is_zero(&n->stp.mac))
			mac_random(m, &n->stp.mac);
	}
	if (n->multicast.is_querier && n->n_subnets == 0 && mac_is_zero(&n->multicast.mac))
		mac_random(m, &n->multicast.mac);

	if (rc == 0)
		rc = settle_uplink(m, n, e);
	if (rc != 0)
		return rc;
	/* @n is not in @m yet: the last free id could have been given twice */
	if (n->uplink.network_id == n->id
		|| (n->leg_vif_id != VIF_ID_NONE && n->uplink.vif_id == n->leg_vif_id))
		return err_set(e, -E2BIG, "network",
			"no ids are left for network %s and its uplink: delete a network or vifs",
			n->name);
	return 0;
}

void settle_keep_network(struct network_cfg *n, const struct network_cfg *old)
{
	n->id = old->id;
	n->leg_vif_id = old->leg_vif_id;
	if (mac_is_zero(&n->leg_mac))
		n->leg_mac = old->leg_mac;
	if (mac_is_zero(&n->multicast.mac))
		n->multicast.mac = old->multicast.mac;
	if (mac_is_zero(&n->stp.mac))
		n->stp.mac = old->stp.mac;
	n->uplink.network_id = old->uplink.network_id;
	n->uplink.vif_id = old->uplink.vif_id;
	if (mac_is_zero(&n->uplink.mac))
		n->uplink.mac = old->uplink.mac;
}

void settle_vif(const struct model *m, const json_t *params, bool is_new, struct vif_cfg *v)
{
	const struct network_cfg *n = model_network_by_id(m, v->network_id);
	const json_t *limit = json_object_get(params, "fdb_limit");
	enum network_profile profile = v->has_profile ? v->profile : n ? n->profile : PROFILE_PLAIN;

	if (!v->has_mac && v->type != VIF_TYPE_NETDEV && v->type != VIF_TYPE_NETFRONT) {
		mac_random(m, &v->mac);
		v->has_mac = true;
	}
	if (profile == PROFILE_TENANT && (limit ? json_is_null(limit) : is_new))
		v->fdb_limit = VIF_FDB_LIMIT_TENANT;
}
