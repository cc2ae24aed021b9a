/* SPDX-License-Identifier: Apache-2.0 */
/* verdicts.c - note what the pipeline did, for the kernel to do again; see verdicts.h.
 *
 * From: pipeline.c, behind vif tx and before the router; state.c attaches.  To: vif/netdev.bpf.c, by
 * shared memory.
 * Theory: noted is a known unicast between two kernel netdevs, untagged, IPv4 or IPv6, that met no
 * router: then way in, MACs and EtherType are all that was read of it, beside its size
 * and two records of the forwarding table, which the verdict names.  A guard (bridge/guard_source.c) has
 * read the source MAC, which is named, and what the kernel's programs leave to the engine in any case;
 * one that binds addresses the source too, which is named for IPv4.  A move, a flush or the ageing
 * of an address thus ends the verdict without anybody having to find it.
 * What is routed is noted in two parts: the way in, before the router, and behind it what became of a
 * packet of a connection that is answered (struct verdict_flow), which names the records of the
 * connection and of the neighbour as well.
 * Invariants: a verdict is written with .seq odd and counts only in this generation; nothing is read
 * back from the segment but what a damaged one may say without harm.
 * Thread: the worker that owns the tables, which alone writes here too; verdicts_want() any. */
#include "vswitch/verdicts.h"

#include "bridge/egress.h"
#include "vswitch/abi/state.h"
#include "vswitch/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define VERDICTS_VERSION 2

static_assert(offsetof(struct verdict_station, mac_vid) == offsetof(struct fdb_record, key.a), "");
static_assert(
	offsetof(struct verdict_station, network_id) == offsetof(struct fdb_record, key.b), "");
static_assert(offsetof(struct verdict_station, vif_id) == offsetof(struct fdb_record, vif_id), "");
static_assert(offsetof(struct verdict_station, origin) == offsetof(struct fdb_record, origin), "");
static_assert(
	offsetof(struct verdict_station, last_seen_ns) == offsetof(struct fdb_record, last_seen_ns),
	"");
#define SAME(theirs, field, ours, part) \
	static_assert(offsetof(struct theirs, field) == offsetof(struct ours, part), "")
SAME(verdict_neigh, check, neigh_record, rec.check);
SAME(verdict_neigh, mac, neigh_record, mac);
SAME(verdict_neigh, reachable_until_ns, neigh_record, reachable_until_ns);
SAME(verdict_conn, tuple, ct_record, tuple);
#define SAME_HOT(field)                                                       \
	static_assert(offsetof(struct verdict_conn_hot, field) + VERDICT_ELEM \
			== offsetof(struct ct_record, field),                 \
		"")
SAME_HOT(partner);
SAME_HOT(dir);
SAME_HOT(expires_ns);
SAME_HOT(packets);
SAME_HOT(bytes);
SAME_HOT(tcp_end);
SAME_HOT(tcp_ack);
SAME_HOT(state);
SAME_HOT(has_tcp);
SAME_HOT(tcp_win);
SAME_HOT(tcp_scale);
static_assert(VERDICT_DIR_ORIG == CT_ORIG, "");
static_assert(sizeof(struct ct_record) == 2 * VERDICT_ELEM, "");
static_assert(SEGMENT_FDB_SIZE == (uint64_t)SEGMENT_FDB_ELEMS * VERDICT_ELEM, "");
static_assert(SEGMENT_CT_SIZE == (uint64_t)SEGMENT_CT_ELEMS * VERDICT_ELEM, "");
static_assert(SEGMENT_NEIGH_SIZE == (uint64_t)SEGMENT_NEIGH_ELEMS * VERDICT_ELEM, "");
static_assert(VERDICT_ORIGIN_LEARNED == FDB_ORIGIN_LEARNED, "");
static_assert(sizeof(struct segment_hdr) == VERDICT_ELEM, "record i of the table is element i");
static_assert(SEGMENT_VERDICT_SIZE == (uint64_t)VERDICTS_N * VERDICT_ELEM, "");

static void *elem_at(const struct verdicts *v, uint32_t index)
{
	return v->elems + (size_t)index * VERDICT_ELEM;
}

static struct verdict_control *control_of(const struct verdicts *v)
{
	return elem_at(v, VERDICTS_CONTROL);
}

struct verdicts *verdicts_attach(void *segment, size_t size, struct err *e)
{
	struct verdicts *v = NULL;
	struct segment_hdr *hdr = segment;
	struct verdict_control *control;

	if (size < SEGMENT_VERDICT_SIZE) {
		err_set(e, -EINVAL, "verdicts", "%zu bytes are too few", size);
		return NULL;
	}
	v = calloc(1, sizeof(*v));
	if (v == NULL) {
		err_set(e, -ENOMEM, "verdicts", "out of memory");
		return NULL;
	}
	v->elems = segment;
	v->flow_after = VERDICT_FLOW_AFTER;
	control = control_of(v);
	if (hdr->magic != STATE_MAGIC || hdr->kind != SEGMENT_VERDICT
		|| hdr->version != VERDICTS_VERSION) {
		if (getrandom(control->secret, sizeof(control->secret), 0)
			!= sizeof(control->secret)) {
			err_set(e, -errno, "verdicts", "getrandom: %s", strerror(errno));
			free(v);
			return NULL;
		}
		hdr->kind = SEGMENT_VERDICT;
		hdr->version = VERDICTS_VERSION;
		hdr->size = size;
		__atomic_store_n(&hdr->magic, STATE_MAGIC, __ATOMIC_RELEASE);
	}
	v->generation = __atomic_load_n(&control->generation, __ATOMIC_RELAXED);
	verdicts_flush(v);
	return v;
}

void verdicts_detach(struct verdicts *v)
{
	free(v);
}

void verdicts_flush(struct verdicts *v)
{
	v->generation = v->generation == UINT32_MAX ? 1 : v->generation + 1;
	memset(v->n_of_vif, 0, sizeof(v->n_of_vif));
	memset(v->n_flows_of_vif, 0, sizeof(v->n_flows_of_vif));
	__atomic_store_n(&control_of(v)->generation, v->generation, __ATOMIC_SEQ_CST);
}

void verdicts_set_until(struct verdicts *v, uint16_t vif_id, uint64_t until_ns)
{
	struct verdict_counters *c = elem_at(v, VERDICTS_VIF + vif_id);

	__atomic_store_n(&c->forwards_until_ns, until_ns, __ATOMIC_RELAXED);
}

static bool is_current(const struct verdicts *v, const struct verdict *d)
{
	return d->seq != 0 && d->generation == v->generation && d->in_vif < VIF_ID_MAX;
}

static bool is_same_flow(const struct verdict *d, const struct verdict *as)
{
	return d->in_ifindex == as->in_ifindex && d->ether_type == as->ether_type
		&& d->src_ip4 == as->src_ip4 && memcmp(d->macs, as->macs, sizeof(d->macs)) == 0;
}

/* Where @want may be written: its own old place, a free one, or that of a vif that holds more. */
static struct verdict *find_place(const struct verdicts *v, const struct verdict *want)
{
	uint32_t set = verdict_set(control_of(v), want->macs, want->in_ifindex, want->ether_type);
	struct verdict *way = elem_at(v, VERDICTS_FIRST + set * VERDICT_WAYS);
	struct verdict *place = NULL;
	uint16_t most = v->n_of_vif[want->in_vif];

	for (unsigned i = 0; i < VERDICT_WAYS; i++)
		if (is_current(v, &way[i]) && is_same_flow(&way[i], want))
			return &way[i];
	if (most >= VERDICT_VIF_MAX)
		return NULL;
	for (unsigned i = 0; i < VERDICT_WAYS; i++) {
		if (!is_current(v, &way[i]))
			return &way[i];
		if (v->n_of_vif[way[i].in_vif] >= most) {
			most = v->n_of_vif[way[i].in_vif];
			place = &way[i];
		}
	}
	return place;
}

/* Of a verdict or a flow; both begin with .seq and .generation. */
static void write_elem(void *to, const void *from)
{
	uint32_t *first = to;
	uint32_t seq = __atomic_load_n(&first[0], __ATOMIC_RELAXED) | 1;
	const uint64_t *words = from;
	uint64_t *at = to;

	/* The first word holds .seq and the generation: without this one it counts for nobody. */
	__atomic_store_n(&first[0], seq, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&first[1], ((const uint32_t *)from)[1], __ATOMIC_RELAXED);
	for (unsigned i = 1; i < VERDICT_ELEM / sizeof(*words); i++)
		__atomic_store_n(&at[i], words[i], __ATOMIC_RELAXED);
	__atomic_store_n(&first[0], seq + 1 == 0 ? 2 : seq + 1, __ATOMIC_RELEASE);
}

/* Was nothing read of @p but what a verdict has room for? */
static bool is_simple(const struct pkt *p)
{
	const uint32_t not_these
		= PKT_IS_MCAST | PKT_MALFORMED | PKT_TO_ROUTER | PKT_ROUTER_SEES | PKT_ENDS_HERE;

	return p->in_vif != VIF_ID_NONE && p->dst_vif != VIF_ID_NONE && p->n_vlan == 0
		&& p->vlan == 0 && p->m != NULL && (p->flags & (PKT_IS_IP4 | PKT_IS_IP6)) != 0
		&& (p->flags & not_these) == 0;
}

/* The source that the guard of @port has looked at, 0: none.  False: a verdict has no room for it. */
static bool guarded_source(const struct snap_port *port, const struct pkt *p, uint32_t *src_ip4)
{
	*src_ip4 = 0;
	if ((port->guard & SNAP_GUARD_IP) == 0)
		return true;
	if ((p->flags & PKT_IS_IP4) == 0)
		return false;
	memcpy(src_ip4, pkt_bytes(p) + p->l3_off + 12, sizeof(*src_ip4));
	return *src_ip4 != 0; /* who has no address yet may speak to DHCP only */
}

static const struct vif *fast_vif(const struct verdict_reasons *why, uint16_t id)
{
	const struct vif *vif = why->vifs->by_id[id];

	return vif != NULL && (vif->flags & MSG_VIF_FAST) != 0 ? vif : NULL;
}

/* Does nobody look at what @in_vif sends, or what @out_vif gets, but the pipeline's usual stages? */
static bool is_simple_way(
	const struct verdict_reasons *why, uint16_t in_vif, uint16_t out_vif, uint16_t network_id)
{
	if (snapshot_meter(why->cfg, in_vif, SNAP_METER_FROM) != NULL
		|| snapshot_meter(why->cfg, out_vif, SNAP_METER_TO) != NULL
		|| (why->cfg->port[in_vif].flags & SNAPSHOT_PORT_MIRROR_RX) != 0
		|| (why->cfg->port[out_vif].flags & SNAPSHOT_PORT_MIRROR_TX) != 0)
		return false;
	return !capture_is_on(why->captures)
		|| !capture_watches_slow(why->captures, in_vif, out_vif, network_id);
}

/* Write @want, which is complete but for its place. */
static void put(struct verdicts *v, const struct verdict *want)
{
	struct verdict *place = find_place(v, want);

	if (place == NULL)
		return;
	if (is_current(v, place))
		v->n_of_vif[place->in_vif]--;
	write_elem(place, want);
	v->n_of_vif[want->in_vif]++;
}

/* The record that says where @p came from, as far as the pipeline asked; false: a verdict could not
 * ask the same.  A vif that learns puts every source there; a locked one lets in what is there. */
static bool find_source(const struct verdict_reasons *why, const struct pkt *p, uint32_t *record)
{
	uint32_t flags = why->cfg->port[p->in_vif].flags;
	struct fdb_found src;

	*record = IXTAB_NONE;
	if ((flags & (SNAP_PORT_LEARN | SNAP_PORT_LOCKED)) == 0)
		return true;
	src = fdb_record_of(why->fdb, p->network_id, 0, pkt_bytes(p) + 6);
	*record = src.record;
	/* Elsewhere: an entry that is sticky.  Learned, on a locked vif: the source may age. */
	return src.record != IXTAB_NONE && src.vif_id == p->in_vif
		&& ((flags & SNAP_PORT_LOCKED) == 0 || src.origin != FDB_ORIGIN_LEARNED);
}

/* VERDICT_WATCHED where a vif may cease to forward. */
static uint32_t watched(const struct snapshot *cfg, uint16_t vif_id)
{
	return (cfg->port[vif_id].flags & SNAPSHOT_PORT_WATCHED) != 0 ? VERDICT_WATCHED : 0;
}

/* Everything about the way in of @p, whose first bytes are @eth.  False: it has no verdict. */
static bool begin(const struct verdicts *v, const struct verdict_reasons *why, const struct pkt *p,
	const uint8_t *eth, struct verdict *want)
{
	const struct vif *in = fast_vif(why, p->in_vif);
	uint32_t src_ip4;

	if (in == NULL || !guarded_source(&why->cfg->port[p->in_vif], p, &src_ip4))
		return false;
	*want = (struct verdict){
		.generation = v->generation,
		.in_ifindex = in->ifindex,
		.ether_type = p->ether_type,
		.network_id = p->network_id,
		.in_vif = p->in_vif,
		.src_ip4 = src_ip4,
		.flags = watched(why->cfg, p->in_vif),
	};
	memcpy(want->macs, eth, sizeof(want->macs));
	return find_source(why, p, &want->src_record);
}

static void note(struct verdicts *v, const struct verdict_reasons *why, const struct pkt *p,
	uint16_t out_vif)
{
	const uint8_t *eth = pkt_bytes(p);
	struct verdict want;

	if (fast_vif(why, out_vif) == NULL || !is_simple_way(why, p->in_vif, out_vif, p->network_id)
		|| !begin(v, why, p, eth, &want))
		return;
	want.dst_record = fdb_record_of(why->fdb, p->network_id, 0, eth).record;
	want.out_vif = out_vif;
	want.wire_max = egress_wire_max(&why->cfg->port[out_vif]);
	want.flags |= watched(why->cfg, out_vif);
	want.ageing_ns = why->cfg->network[p->network_id].conf.ageing_s * NS_PER_SEC;
	if (want.dst_record != IXTAB_NONE)
		put(v, &want);
}

bool verdicts_want(const struct verdict_reasons *why, const struct pkt *p)
{
	uint32_t src_ip4;

	return is_simple(p) && fast_vif(why, p->in_vif) != NULL && fast_vif(why, p->dst_vif) != NULL
		&& is_simple_way(why, p->in_vif, p->dst_vif, p->network_id)
		&& guarded_source(&why->cfg->port[p->in_vif], p, &src_ip4);
}

void verdicts_note_router(
	struct verdicts *v, const struct verdict_reasons *why, const struct burst *b)
{
	const uint32_t which
		= PKT_TO_ROUTER | PKT_ROUTER_SEES | PKT_ENDS_HERE | PKT_IS_MCAST | PKT_MALFORMED;

	for (unsigned i = 0; i < b->n; i++) {
		const struct pkt *p = &b->pkt[i];
		uint16_t leg = why->cfg->network[p->network_id].conf.leg_vif_id;
		struct verdict want;

		if (p->drop != DROP_NONE || p->in_vif == VIF_ID_NONE
			|| (p->flags & which) != PKT_TO_ROUTER
			|| (p->flags & (PKT_IS_IP4 | PKT_IS_IP6)) == 0 || p->n_vlan != 0
			|| p->vlan != 0 || !why->cfg->router[p->network_id].has_ct
			|| !is_simple_way(why, p->in_vif, leg, p->network_id)
			|| !begin(v, why, p, pkt_bytes(p), &want))
			continue;
		want.out_vif = VERDICT_ROUTER;
		put(v, &want);
	}
}

static bool is_current_flow(const struct verdicts *v, const struct verdict_flow *f)
{
	return f->seq != 0 && f->generation == v->generation && f->in_vif < VIF_ID_MAX;
}

/* As find_place() for flows; @set: of VERDICT_WAYS. */
static struct verdict_flow *find_flow_place(
	const struct verdicts *v, struct verdict_flow *set, const struct verdict_flow *want)
{
	struct verdict_flow *place = NULL;
	uint16_t most = v->n_flows_of_vif[want->in_vif];

	for (unsigned i = 0; i < VERDICT_WAYS; i++)
		if (is_current_flow(v, &set[i]) && set[i].tag == want->tag)
			return &set[i];
	if (most >= VERDICT_FLOW_VIF_MAX)
		return NULL;
	for (unsigned i = 0; i < VERDICT_WAYS; i++) {
		if (!is_current_flow(v, &set[i]))
			return &set[i];
		if (v->n_flows_of_vif[set[i].in_vif] >= most) {
			most = v->n_flows_of_vif[set[i].in_vif];
			place = &set[i];
		}
	}
	return place;
}

static void put_flow(struct verdicts *v, struct verdict_flow *want, const struct ct_record *conn)
{
	uint64_t tuple[sizeof(conn->tuple) / sizeof(uint64_t)], hash;
	struct verdict_flow *set, *place;

	memcpy(tuple, &conn->tuple, sizeof(tuple));
	hash = verdict_flow_hash(control_of(v), tuple);
	want->tag = (uint32_t)(hash >> 32);
	set = elem_at(v, VERDICTS_FLOW + ((uint32_t)hash & (VERDICT_FLOW_SETS - 1)) * VERDICT_WAYS);
	place = find_flow_place(v, set, want);
	if (place == NULL)
		return;
	if (is_current_flow(v, place))
		v->n_flows_of_vif[place->in_vif]--;
	write_elem(place, want);
	v->n_flows_of_vif[want->in_vif]++;
}

/* Is the connection of @p one that the kernel may go on with? */
static bool deserves_flow(const struct verdicts *v, const struct verdict_reasons *why,
	const struct pkt *p, struct verdict_flow *want)
{
	const struct ct_record *mine = ct_record(why->ct, p->conn);

	return ct_is_steady(why->ct, p->conn, &want->state, &want->is_assured)
		&& mine->packets + ct_record(why->ct, ct_partner(why->ct, p->conn))->packets
		>= v->flow_after;
}

/* As ct_seen() puts off the end of a connection that does not change. */
static uint32_t timeout_of(const struct ct *ct, uint32_t conn, const struct verdict_flow *flow)
{
	const struct ct_record *mine = ct_record(ct, conn);
	uint32_t orig = mine->dir == CT_ORIG ? conn : ct_partner(ct, conn);
	const struct ct_age_of age = { mine->tuple.proto, flow->state, flow->is_assured != 0 };

	return (uint32_t)(ct_timeout_ns(ct, ct_guests_of(ct, orig), &age) / NS_PER_SEC);
}

static void note_flow(struct verdicts *v, const struct verdict_reasons *why, const struct pkt *p,
	uint16_t out_vif)
{
	const struct snapshot *cfg = why->cfg;
	const struct snap_router *router = &cfg->router[p->network_id].conf;
	const struct ct_record *conn = ct_record(why->ct, p->conn);
	uint16_t in_network = conn->tuple.network_id % NETWORK_ID_MAX;
	struct verdict_flow want = { .generation = v->generation };

	if (fast_vif(why, p->origin_vif) == NULL || fast_vif(why, out_vif) == NULL
		|| cfg->network[p->network_id].mirror_directions != 0 /* the router's, too */
		|| !is_simple_way(why, p->origin_vif, out_vif, p->network_id)
		|| !is_simple_way(why, cfg->network[in_network].conf.leg_vif_id,
			cfg->network[p->network_id].conf.leg_vif_id, in_network)
		|| !deserves_flow(v, why, p, &want))
		return;
	want.conn = p->conn;
	want.neigh = p->neigh;
	want.neigh_check = neigh_check(why->neigh, p->neigh);
	want.dst_record = fdb_record_of(why->fdb, p->network_id, 0, pkt_bytes(p)).record;
	want.wire_max = MIN(egress_wire_max(&cfg->port[out_vif]), (uint32_t)router->mtu + 14);
	want.ageing_s = cfg->network[p->network_id].conf.ageing_s;
	want.timeout_s = timeout_of(why->ct, p->conn, &want);
	want.in_network = in_network;
	want.out_network = p->network_id;
	want.in_vif = p->origin_vif;
	want.out_vif = out_vif;
	want.flags = watched(cfg, out_vif);
	memcpy(want.src_mac, router->mac, sizeof(want.src_mac));
	if (want.neigh_check != 0 && want.dst_record != IXTAB_NONE)
		put_flow(v, &want, conn);
}

/* Was @p routed as one of its connection, and is nothing else about it? */
static bool is_simple_routed(const struct verdict_reasons *why, const struct pkt *p)
{
	return p->conn != 0 && why->ct != NULL && p->in_vif == VIF_ID_NONE
		&& p->origin_vif != VIF_ID_NONE && p->dst_vif != VIF_ID_NONE && p->n_vlan == 0
		&& p->vlan == 0 && p->m != NULL && (p->flags & PKT_IS_FRAG) == 0;
}

void verdicts_note(struct verdicts *v, const struct verdict_reasons *why, const struct burst *b,
	const struct tx_items *out)
{
	uint16_t slow_vif = VIF_ID_NONE; /* the last one whose packets the kernel never sees */

	for (uint32_t i = 0; i < out->n; i++) {
		const struct tx_item *item = &out->item[i];
		const struct pkt *p = &b->pkt[item->pkt];
		uint16_t from = pkt_drop_vif(p); /* before a router took it, too */

		if (from == slow_vif || item->drop != DROP_NONE || p->dst_vif != item->out_vif)
			continue;
		if (fast_vif(why, from) == NULL)
			slow_vif = from;
		else if (is_simple(p))
			note(v, why, p, item->out_vif);
		else if (is_simple_routed(why, p))
			note_flow(v, why, p, item->out_vif);
	}
}
