/* SPDX-License-Identifier: Apache-2.0 */
/* uplink_choice.c - one uplink of a network is in use, the others stand by.
 *
 * From: reconcile_engine.c, before each snapshot; an event of the link causes one at once.
 * To: snapshot_build.c.
 * Theory: as Linux' bonding in mode active-backup without a primary.  An uplink can be used when its device is there,
 * is set up and has a carrier.  The one in use is not left for one that was added before it and has come back: each
 * change costs those outside a moment.
 * Thread: the daemon has one. */
#include "config/uplink_choice.h"

#include "vswitch/base/log.h"

LOG_MODULE("uplink");

static bool can_be_used(const struct actual *actual, const struct vif_cfg *v)
{
	const struct vif_slot *slot = &actual->vif[v->id];

	return v->is_uplink && !v->is_down && slot->is_open && slot->has_carrier;
}

static uint16_t choose(const struct model *m, const struct actual *actual, uint16_t network_id)
{
	uint16_t now = actual->uplink_in_use[network_id], first = VIF_ID_NONE;

	for (unsigned i = 0; i < m->n_vifs; i++) {
		const struct vif_cfg *v = &m->vif[i];

		if (v->network_id != network_id || !can_be_used(actual, v))
			continue;
		if (v->id == now)
			return now;
		if (first == VIF_ID_NONE || v->id < first)
			first = v->id;
	}
	return first;
}

void uplink_choose(const struct model *m, struct actual *actual)
{
	for (unsigned i = 0; i < m->n_networks; i++) {
		const struct network_cfg *n = &m->network[i];
		uint16_t before = actual->uplink_in_use[n->id], now = choose(m, actual, n->id);
		const struct vif_cfg *v = now != VIF_ID_NONE ? model_vif_by_id(m, now) : NULL;

		actual->uplink_in_use[n->id] = now;
		if (now != before)
			LOG_INFO("event=uplink_in_use network=%s vif=%s", n->name,
				v != NULL ? v->name : "none");
	}
}

bool uplink_stands_by(const struct model *m, const struct actual *actual, uint16_t vif_id)
{
	const struct vif_cfg *v = model_vif_by_id(m, vif_id);
	uint16_t in_use = VIF_ID_NONE;

	if (v != NULL && v->is_uplink && v->network_id != NETWORK_ID_NONE)
		in_use = actual->uplink_in_use[v->network_id];
	return in_use != VIF_ID_NONE && in_use != vif_id;
}
