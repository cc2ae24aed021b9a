/* SPDX-License-Identifier: Apache-2.0 */
/* fdb_peek.c - look into a forwarding database that another worker writes.
 *
 * From: vswitch/pipeline.c of a worker that is not the owner.  To: bridge/bridge.c reads .dst_vif, vswitch/hop.c
 * takes what is marked.
 * Theory: a record is read as one whole (ixtab_read) and believed only with the right key, a vif that is a port
 * of that network now, and an age that is not over; so whatever the owner does meanwhile, a frame is never sent
 * anywhere the table did not say a moment ago.  Where a key was found last is remembered, as in fdb.c.
 * Being heard of is news once a second: then the owner has the packet and notes the time.
 * Invariants: nothing here writes to the table.
 * Thread: one worker each. */
#include "bridge/fdb_peek.h"

#include "bridge/fdb_table.h"
#include "bridge/stp_run.h"

#include <stdlib.h>

#define HOT_BITS 12

struct fdb_peek {
	const struct fdb *f;
	uint32_t hot[1u << HOT_BITS];
};

/* Copy the record with @key; false: it is not seen. */
static bool peek(struct fdb_peek *r, const struct ixtab_key *key, struct fdb_record *out)
{
	const struct ixtab *tab = &r->f->tab;
	uint64_t mix = (key->a ^ key->b << 52) * (tab->key.k0 | 1);
	uint32_t *hot = &r->hot[mix >> (64 - HOT_BITS)];

	if (LIKELY(*hot != IXTAB_NONE) && LIKELY(ixtab_read(tab, *hot, out))
		&& LIKELY(out->key.a == key->a && out->key.b == key->b))
		return true;
	*hot = ixtab_find_any(tab, ixtab_hash(tab, key));
	return *hot != IXTAB_NONE && ixtab_read(tab, *hot, out) && out->key.a == key->a
		&& out->key.b == key->b;
}

/* Would the owner learn something of @rec's being seen on @port? */
static bool is_news(const struct snapshot *cfg, const struct snap_port *port,
	const struct fdb_record *rec, uint64_t now_ns)
{
	uint64_t ageing_ns = cfg->network[port->network_id].conf.ageing_s * NS_PER_SEC;
	uint64_t often_ns = MIN(ageing_ns / 4, FDB_TOUCH_EVERY_NS);

	if (rec->vif_id != port->vif_id && (port->flags & SNAPSHOT_PORT_WATCHED) != 0)
		return true; /* it may have come back to us: bridge/loop.h */
	if (rec->origin == FDB_ORIGIN_LOCAL)
		return false;
	if (rec->vif_id != port->vif_id)
		return !rec->is_sticky;
	return now_ns > rec->last_seen_ns && now_ns - rec->last_seen_ns >= often_ns;
}

/* Must the owner look at what comes in by @port, whatever it is?  Only it knows who is let in, and it alone runs
 * spanning trees; a vif that is just protected against loops is ours while it forwards. */
static bool is_owners(const struct snap_port *port, const uint8_t *states)
{
	if (LIKELY((port->flags & (SNAP_PORT_LOCKED | SNAPSHOT_PORT_WATCHED)) == 0))
		return false;
	return (port->flags & (SNAP_PORT_LOCKED | SNAPSHOT_PORT_TAKES_BPDUS)) != 0
		|| __atomic_load_n(&states[port->vif_id], __ATOMIC_RELAXED) != STP_STATE_FORWARDING;
}

/* Where nothing ages nothing is learned: see fdb.c. */
static bool learns(const struct snapshot *cfg, const struct snap_port *port)
{
	return (port->flags & SNAP_PORT_LEARN) != 0
		&& cfg->network[port->network_id].conf.ageing_s != 0;
}

/* The vif @rec is on, VIF_ID_NONE when it is not to be believed any more. */
static uint16_t place_of(const struct snapshot *cfg, const struct fdb_record *rec, uint64_t now_ns)
{
	const struct snap_port *port = snapshot_port(cfg, rec->vif_id);

	if (port == NULL || port->network_id != rec->key.b
		|| fdb_table_has_aged(rec, cfg, port->network_id, now_ns))
		return VIF_ID_NONE;
	return rec->vif_id;
}

static void peek_one(struct fdb_peek *r, const struct snapshot *cfg, struct pkt *p,
	const uint8_t *states, uint64_t now_ns)
{
	const struct snap_port *port = &cfg->port[p->in_vif];
	uint16_t vid = p->vlan & 0xfff;
	const uint8_t *eth = pkt_bytes(p);
	struct fdb_record rec;
	struct ixtab_key key;

	if (is_owners(port, states)) {
		p->must_hop = true;
		return;
	}
	if (learns(cfg, port)) {
		key = fdb_table_key(p->network_id, vid, eth + 6);
		if (!peek(r, &key, &rec) || is_news(cfg, port, &rec, now_ns)) {
			p->must_hop = true;
			return;
		}
	}
	if (p->flags & PKT_IS_MCAST)
		return;
	key = fdb_table_key(p->network_id, vid, eth);
	if (peek(r, &key, &rec))
		p->dst_vif = place_of(cfg, &rec, now_ns);
	p->must_hop = p->dst_vif == VIF_ID_NONE;
}

void fdb_peek(struct fdb_peek *r, const struct snapshot *cfg, struct burst *b,
	const uint8_t *states, uint64_t now_ns)
{
	burst_foreach(p, b)
		if (p->drop == DROP_NONE)
			peek_one(r, cfg, p, states, now_ns);
}

struct fdb_peek *fdb_peek_create(const struct fdb *f)
{
	struct fdb_peek *r = calloc(1, sizeof(*r));

	if (r != NULL)
		r->f = f;
	return r;
}

void fdb_peek_destroy(struct fdb_peek *r)
{
	free(r);
}
