/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_layout.c - append records to the message that the engine gets.
 * From: snapshot_build.c, snapshot_routing.c.  Pure.
 * Invariants: a record that would not fit is a programmer error.  Thread: the daemon's only one. */
#include "config/snapshot_layout.h"

#include "vswitch/base/check.h"

#include <string.h>

void snapshot_layout_append(
	struct layout *l, const void *record, size_t len, uint32_t *count, uint32_t max)
{
	CHECK(*count < max && l->len + len <= l->size);
	memcpy(l->bytes + l->len, record, len);
	l->len += len;
	(*count)++;
}

const struct vif_slot *snapshot_layout_uplink(
	const struct model *m, const struct network_cfg *n, const struct actual *actual)
{
	const struct vif_cfg *v;
	uint16_t id = n->uplink.vif_id;

	if (n->uplink.kind == UPLINK_VIF) {
		v = model_vif(m, n->uplink.name);
		id = v != NULL ? v->id : VIF_ID_NONE;
	}
	if (id == VIF_ID_NONE || id >= VIF_ID_MAX || !actual->vif[id].is_open)
		return NULL;
	if (n->uplink.kind == UPLINK_HOST && !actual->network[n->id].transit.is_set)
		return NULL;
	return &actual->vif[id];
}
