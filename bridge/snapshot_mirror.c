/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_mirror.c - reads which vifs get copies of which packets.
 *
 * From: bridge/snapshot.c.  To: bridge/mirror.c.
 * Invariants: a vif that gets copies is in no network, so that none of its own are copied; each source
 * exists; a port has the flags of what is copied of it, a network what is copied of all it has.
 * Thread: control; immutable afterwards. */
#include "bridge/snapshot_mirror.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *source_fault(const struct snapshot *s, const struct snap_mirror *m)
{
	const struct snap_port *source = snapshot_port(s, m->vif_id);

	if (m->vif_id == VIF_ID_NONE)
		return m->network_id == NETWORK_ID_NONE || m->network_id >= NETWORK_ID_MAX
				|| s->network[m->network_id].conf.network_id == NETWORK_ID_NONE
			? "mirror of a network that does not exist"
			: NULL;
	if (source == NULL || source->network_id == NETWORK_ID_NONE
		|| m->network_id != NETWORK_ID_NONE)
		return "mirror of a vif that is in no network";
	return NULL;
}

static const char *mirror_fault(const struct snapshot *s, const struct snap_mirror *m)
{
	const struct snap_port *target = snapshot_port(s, m->target_id);

	if (target == NULL || target->network_id != NETWORK_ID_NONE)
		return "mirror to a vif that is in a network";
	if (m->directions == 0 || m->directions > SNAP_MIRROR_BOTH)
		return "mirror of no direction, or of an unknown one";
	if (m->vid > VLAN_VID_MAX)
		return "mirror of a VLAN out of range";
	if (m->has_prefix > 1 || m->len > 128)
		return "mirror of a prefix that is none";
	return source_fault(s, m);
}

static int compare(const void *a, const void *b)
{
	const struct snapshot_mirror *x = a, *y = b;

	return (int)x->conf.target_id - (int)y->conf.target_id;
}

static void mark(struct snapshot *s, const struct snap_mirror *m)
{
	uint32_t flags = (m->directions & SNAP_MIRROR_RX ? SNAPSHOT_PORT_MIRROR_RX : 0)
		| (m->directions & SNAP_MIRROR_TX ? SNAPSHOT_PORT_MIRROR_TX : 0);

	s->mirror_directions |= m->directions;
	if (m->vif_id == VIF_ID_NONE)
		s->network[m->network_id].mirror_directions |= m->directions;
	for (unsigned id = 1; id < VIF_ID_MAX; id++)
		if (id == m->vif_id
			|| (m->vif_id == VIF_ID_NONE && s->port[id].network_id == m->network_id))
			s->port[id].flags |= flags;
}

int snapshot_take_mirrors(struct snapshot *s, const uint8_t *at, uint32_t n, struct err *e)
{
	if (n == 0)
		return 0;
	s->mirror = calloc(n, sizeof(*s->mirror));
	if (s->mirror == NULL)
		return err_set(e, -ENOMEM, "snapshot", "no memory for the mirrors");
	for (uint32_t i = 0; i < n; i++) {
		struct snapshot_mirror *m = &s->mirror[i];
		char path[32];
		const char *fault;

		memcpy(&m->conf, at + i * sizeof(m->conf), sizeof(m->conf));
		fault = mirror_fault(s, &m->conf);
		snprintf(path, sizeof(path), "vif.#%u", m->conf.target_id);
		if (fault != NULL)
			return err_set(e, -EINVAL, path, "snapshot refused: %s", fault);
		memcpy(m->net.addr.b, m->conf.addr, sizeof(m->net.addr.b));
		m->net.len = m->conf.len;
		if (ip_is_v4(&m->net.addr) && m->net.len > 32)
			return err_set(e, -EINVAL, path,
				"snapshot refused: mirror of a prefix that is none");
		mark(s, &m->conf);
	}
	qsort(s->mirror, n, sizeof(*s->mirror), compare);
	s->n_mirrors = n;
	return 0;
}
