/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_meters.c - what vifs may send and get, as whom, and who else is there, from the daemon's
 * message.
 *
 * From: bridge/snapshot.c.  To: bridge/qos.c, bridge/storm.c, by snapshot_meter();
 * bridge/guard_source.c, bridge/proxy.c.
 * Invariants: rates and bursts are within the bounds of bridge/meter.c, so that it cannot overflow;
 * .has_meters has a bit for each kind that any vif has.
 * Thread: control; immutable afterwards. */
#include "bridge/snapshot_meters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *meter_fault(const struct snapshot *s, const struct snap_meter *m)
{
	if (m->kind >= SNAP_METER_N)
		return "kind is unknown";
	if (s->meter_of[m->vif_id][m->kind] != 0)
		return "two meters of one kind";
	if (m->rate == 0 || m->rate > METER_RATE_MAX)
		return "rate out of range";
	if (m->peak != 0 && (m->peak < m->rate || m->peak > METER_RATE_MAX))
		return "peak out of range";
	if (m->burst == 0 || m->burst > METER_BURST_MAX)
		return "burst out of range";
	return NULL;
}

int snapshot_take_meters(struct snapshot *s, const uint8_t *at, uint32_t n, struct err *e)
{
	if (n == 0)
		return 0;
	s->meter = calloc(n, sizeof(*s->meter));
	if (s->meter == NULL)
		return err_set(e, -ENOMEM, "snapshot", "no memory for %u meters", n);
	for (uint32_t i = 0; i < n; i++) {
		struct snap_meter *m = &s->meter[i];
		const char *fault;

		memcpy(m, at + i * sizeof(*m), sizeof(*m));
		if (snapshot_port(s, m->vif_id) == NULL)
			return err_set(e, -EINVAL, "snapshot",
				"snapshot refused: meter of vif #%u, "
				"which is not there",
				m->vif_id);
		fault = meter_fault(s, m);
		if (fault != NULL)
			return err_set(e, -EINVAL, "snapshot",
				"snapshot refused: meter of vif %s: %s", s->port[m->vif_id].name,
				fault);
		s->meter_of[m->vif_id][m->kind] = (uint16_t)(i + 1);
		s->has_meters |= (uint8_t)(1u << m->kind);
	}
	return 0;
}

int snapshot_take_bindings(struct snapshot *s, const uint8_t *at, uint32_t n, struct err *e)
{
	uint16_t last = VIF_ID_NONE;

	if (n == 0)
		return 0;
	s->binding = calloc(n, sizeof(*s->binding));
	if (s->binding == NULL)
		return err_set(e, -ENOMEM, "snapshot", "no memory for %u bindings", n);
	for (uint32_t i = 0; i < n; i++) {
		struct snap_binding *b = &s->binding[i];

		memcpy(b, at + i * sizeof(*b), sizeof(*b));
		if (snapshot_port(s, b->vif_id) == NULL)
			return err_set(e, -EINVAL, "snapshot",
				"snapshot refused: address of vif #%u, which is not there",
				b->vif_id);
		if (b->vif_id < last)
			return err_set(e, -EINVAL, "snapshot",
				"snapshot refused: addresses of vif %s are not in order",
				s->port[b->vif_id].name);
		if (b->len > (fib_addr_is_v4(b->addr) ? 32 : 128))
			return err_set(e, -EINVAL, "snapshot",
				"snapshot refused: address of vif %s has a prefix of %u bits",
				s->port[b->vif_id].name, b->len);
		if (b->vif_id != last)
			s->bindings[b->vif_id].at = b;
		s->bindings[b->vif_id].n++;
		last = b->vif_id;
	}
	return 0;
}

int snapshot_take_stations(struct snapshot *s, const uint8_t *at, uint32_t n, struct err *e)
{
	if (n == 0)
		return 0;
	s->station = calloc(n, sizeof(*s->station));
	if (s->station == NULL)
		return err_set(e, -ENOMEM, "snapshot", "no memory for %u stations", n);
	memcpy(s->station, at, n * sizeof(*s->station));
	for (uint32_t i = 0; i < n; i++) {
		const struct snap_station *t = &s->station[i];

		if (t->network_id >= NETWORK_ID_MAX
			|| s->network[t->network_id].conf.network_id == NETWORK_ID_NONE)
			return err_set(e, -EINVAL, "snapshot",
				"snapshot refused: station of network #%u, which is not there",
				t->network_id);
		if (t->mac[0] & 1)
			return err_set(e, -EINVAL, "snapshot",
				"snapshot refused: MAC of station %u is a group address", i);
		if (i > 0
			&& (t[-1].network_id > t->network_id
				|| (t[-1].network_id == t->network_id
					&& memcmp(t[-1].addr, t->addr, sizeof(t->addr)) >= 0)))
			return err_set(e, -EINVAL, "snapshot",
				"snapshot refused: stations are not in order");
	}
	s->n_stations = (uint16_t)n;
	return 0;
}
