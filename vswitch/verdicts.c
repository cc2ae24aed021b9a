/* SPDX-License-Identifier: Apache-2.0 */
/* verdicts.c - note what the pipeline did, for the kernel to do again; see verdicts.h.
 *
 * From: pipeline.c, behind vif tx; state.c attaches.  To: vif/netdev.bpf.c, by shared memory.
 * Theory: noted is a known unicast between two kernel netdevs, untagged, IPv4 or IPv6, that met no
 * router: then way in, MACs and EtherType are all that was read of it, beside its size
 * and two records of the forwarding table, which the verdict names.  A guard (bridge/guard_source.c) has
 * read the source MAC, which is named, and what the kernel's programs leave to the engine in any case;
 * one that binds addresses the source too, which is named for IPv4.  A move, a flush or the ageing
 * of an address thus ends the verdict without anybody having to find it.
 * Invariants: a verdict is written with .seq odd and counts only in this generation; nothing is read
 * back from the segment but what a damaged one may say without harm.
 * Thread: worker. */
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
	__atomic_store_n(&control_of(v)->generation, v->generation, __ATOMIC_SEQ_CST);
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

static void write_verdict(struct verdict *to, const struct verdict *from)
{
	uint32_t seq = __atomic_load_n(&to->seq, __ATOMIC_RELAXED) | 1;
	const uint64_t *words = (const uint64_t *)(const void *)from;
	uint64_t *at = (uint64_t *)(void *)to;

	/* The first word holds .seq and the generation: without this one it counts for nobody. */
	__atomic_store_n(&to->seq, seq, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&to->generation, from->generation, __ATOMIC_RELAXED);
	for (unsigned i = 1; i < sizeof(*from) / sizeof(*words); i++)
		__atomic_store_n(&at[i], words[i], __ATOMIC_RELAXED);
	__atomic_store_n(&to->seq, seq + 1 == 0 ? 2 : seq + 1, __ATOMIC_RELEASE);
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

/* Is there nothing about the way from @in_vif to @out_vif that a verdict has no room for? */
static bool is_simple_way(const struct verdict_reasons *why, const struct pkt *p, uint16_t out_vif)
{
	if (snapshot_meter(why->cfg, p->in_vif, SNAP_METER_FROM) != NULL
		|| snapshot_meter(why->cfg, out_vif, SNAP_METER_TO) != NULL)
		return false;
	return !capture_is_on(why->captures)
		|| !capture_watches_slow(why->captures, p->in_vif, out_vif, p->network_id);
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

static void note(struct verdicts *v, const struct verdict_reasons *why, const struct pkt *p,
	uint16_t out_vif)
{
	const struct vif *in = fast_vif(why, p->in_vif);
	const struct vif *out = fast_vif(why, out_vif);
	const uint8_t *eth = pkt_bytes(p);
	struct verdict want;
	struct verdict *place;
	uint32_t src_ip4;

	if (in == NULL || out == NULL || !is_simple_way(why, p, out_vif)
		|| !guarded_source(&why->cfg->port[p->in_vif], p, &src_ip4))
		return;
	want = (struct verdict){
		.generation = v->generation,
		.in_ifindex = in->ifindex,
		.ether_type = p->ether_type,
		.network_id = p->network_id,
		.dst_record = fdb_record_of(why->fdb, p->network_id, 0, eth).record,
		.in_vif = p->in_vif,
		.out_vif = out_vif,
		.wire_max = egress_wire_max(&why->cfg->port[out_vif]),
		.src_ip4 = src_ip4,
		.ageing_ns = why->cfg->network[p->network_id].conf.ageing_s * NS_PER_SEC,
		.made_ns = why->now_ns,
	};
	memcpy(want.macs, eth, sizeof(want.macs));
	if (!find_source(why, p, &want.src_record) || want.dst_record == IXTAB_NONE)
		return;
	place = find_place(v, &want);
	if (place == NULL)
		return;
	if (is_current(v, place))
		v->n_of_vif[place->in_vif]--;
	write_verdict(place, &want);
	v->n_of_vif[want.in_vif]++;
}

void verdicts_note(struct verdicts *v, const struct verdict_reasons *why, const struct burst *b,
	const struct tx_items *out)
{
	uint16_t slow_vif = VIF_ID_NONE; /* the last one whose packets the kernel never sees */

	for (uint32_t i = 0; i < out->n; i++) {
		const struct tx_item *item = &out->item[i];
		const struct pkt *p = &b->pkt[item->pkt];

		if (p->in_vif == slow_vif)
			continue;
		if (fast_vif(why, p->in_vif) == NULL) {
			slow_vif = p->in_vif;
			continue;
		}
		if (item->drop == DROP_NONE && is_simple(p) && p->dst_vif == item->out_vif)
			note(v, why, p, item->out_vif);
	}
}
