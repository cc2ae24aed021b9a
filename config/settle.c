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

int settle_network(struct model *m, struct network_cfg *n, struct err *e)
{
	return settle_leg(m, n, e);
}

void settle_vif(const struct model *m, const json_t *params, bool is_new, struct vif_cfg *v)
{
	const struct network_cfg *n = model_network_by_id(m, v->network_id);
	const json_t *limit = json_object_get(params, "fdb_limit");
	enum network_profile profile = v->has_profile ? v->profile : n ? n->profile : PROFILE_PLAIN;

	if (!v->has_mac && v->type != VIF_TYPE_NETDEV) {
		mac_random(m, &v->mac);
		v->has_mac = true;
	}
	if (profile == PROFILE_TENANT && (limit ? json_is_null(limit) : is_new))
		v->fdb_limit = VIF_FDB_LIMIT_TENANT;
}
