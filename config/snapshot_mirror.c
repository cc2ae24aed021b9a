/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_mirror.c - lay out mirrors as vswitch/abi/snapshot_msg.h says.
 *
 * From: snapshot_build.c.  To: snapshot_layout.c.  Pure.
 * Invariants: both ends are among the ports that are laid out; model_check() has seen that the one that
 * gets copies is in no network.
 * Thread: the daemon's only one. */
#include "config/snapshot_mirror.h"

#include <arpa/inet.h>
#include <string.h>

static void lay_out(
	const struct model *m, const struct vif_cfg *v, unsigned index, struct snap_mirror *out)
{
	const struct mirror_item *item = &v->mirror.item[index];
	const struct network_cfg *n = model_network(m, item->source);
	const struct vif_cfg *source = model_vif(m, item->source);

	memset(out, 0, sizeof(*out));
	out->target_id = v->id;
	out->network_id = n != NULL ? n->id : NETWORK_ID_NONE;
	out->vif_id = n == NULL && source != NULL ? source->id : VIF_ID_NONE;
	out->vid = item->vid;
	out->directions = mirror_list_directions(item, n != NULL);
	out->proto = item->proto;
	out->ether_type = htons(item->ether_type);
	out->port = htons(item->port);
	out->has_prefix = item->has_net;
	out->len = item->net.len;
	memcpy(out->addr, item->net.addr.b, sizeof(out->addr));
}

static const struct snap_port *ports_of(const struct layout *l)
{
	return (const void *)(l->bytes + l->first_port);
}

static bool is_port(const struct layout *l, uint16_t vif_id)
{
	const struct snap_port *port = ports_of(l);

	for (uint32_t i = 0; i < l->n_ports; i++)
		if (port[i].vif_id == vif_id)
			return port[i].network_id != NETWORK_ID_NONE;
	return false;
}

uint16_t snapshot_mirrors_add(struct layout *l, const struct model *m)
{
	const struct snap_port *port = ports_of(l);
	uint32_t count = 0;

	for (uint32_t i = 0; i < l->n_ports; i++) {
		const struct vif_cfg *v = port[i].network_id == NETWORK_ID_NONE
			? model_vif_by_id(m, port[i].vif_id)
			: NULL;

		for (unsigned k = 0; v != NULL && k < v->mirror.n; k++) {
			struct snap_mirror mirror;

			lay_out(m, v, k, &mirror);
			if (mirror.vif_id == VIF_ID_NONE || is_port(l, mirror.vif_id))
				snapshot_layout_append(
					l, &mirror, sizeof(mirror), &count, MIRRORS_MAX);
		}
	}
	return (uint16_t)count;
}
