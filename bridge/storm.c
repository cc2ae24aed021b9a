/* SPDX-License-Identifier: Apache-2.0 */
/* storm.c - meters of what a vif has flooded.
 *
 * From: bridge/bridge.c (split), bridge/fdb.c (destination).  To: bridge/router.c, which hears what is
 * left, so that a storm of ARP does not keep it busy either.
 * Theory: what one frame costs is the same for all who send, so frames are counted, not bytes; the
 * copies are the sender's cost, which the meter bounds (flooding itself is spread over turns:
 * vswitch/backlog.c).  A class without a meter of its own shares the common one, if there is one.
 * All groups count that nobody has registered; 224.0.0.0/24 and ff02::1, which nobody can
 * register, too: they reach every port, and that is what a storm is.
 * Invariants: only packets that a vif sent are looked at, and only those nobody is known for.
 * Thread: worker. */
#include "bridge/storm.h"

struct storm_class {
	enum snap_meter_kind kind;
	enum drop_reason reason;
};

static struct storm_class class_of(const struct pkt *p)
{
	if ((p->flags & PKT_IS_MCAST) == 0)
		return (struct storm_class){ SNAP_METER_STORM_UNICAST, DROP_STORM_UNICAST };
	if (p->flags & PKT_IS_BCAST)
		return (struct storm_class){ SNAP_METER_STORM_BCAST, DROP_STORM_BROADCAST };
	return (struct storm_class){ SNAP_METER_STORM_MCAST, DROP_STORM_MULTICAST };
}

/* Does somebody other than the router want @p, and is nobody known for it? */
static bool is_flooded(const struct pkt *p)
{
	return p->drop == DROP_NONE && p->dst_vif == VIF_ID_NONE && p->mcast_set == 0
		&& (p->flags & (PKT_TO_ROUTER | PKT_ENDS_HERE)) == 0;
}

static uint64_t frames(const struct pkt *p)
{
	if (p->gso_type == PKT_GSO_NONE)
		return 1;
	return (p->len - p->hdr_len + p->gso_size - 1u) / p->gso_size;
}

static void storm_one(struct storm *s, const struct snapshot *cfg, struct pkt *p, uint64_t now_ns)
{
	struct storm_class c = class_of(p);
	const struct snap_meter *m = snapshot_meter(cfg, p->in_vif, c.kind);
	struct meter_conf conf;
	struct meter *meter;

	if (m == NULL)
		m = snapshot_meter(cfg, p->in_vif, SNAP_METER_STORM);
	if (m == NULL)
		return;
	conf = (struct meter_conf){ .rate = m->rate, .burst = m->burst };
	meter = &s->meter[p->in_vif][m->kind];
	meter_fill(meter, &conf, now_ns);
	if (meter_may(meter, &conf, frames(p)))
		meter_take(meter, frames(p));
	else
		pkt_drop(p, c.reason);
}

void storm_run(struct storm *s, const struct snapshot *cfg, struct burst *b, uint64_t now_ns)
{
	const unsigned kinds = 1u << SNAP_METER_STORM | 1u << SNAP_METER_STORM_UNICAST
		| 1u << SNAP_METER_STORM_BCAST | 1u << SNAP_METER_STORM_MCAST;

	if (LIKELY((cfg->has_meters & kinds) == 0))
		return;
	burst_foreach(p, b)
		if (is_flooded(p))
			storm_one(s, cfg, p, now_ns);
}
