/* SPDX-License-Identifier: Apache-2.0 */
/* ct.c - the table of connections: find, add, forget, age, and survive; see ct.h for the contract.
 *
 * From: bridge/router.c, bridge/nat.c; vswitch/state.c attaches.  To: the segment.
 * Theory: records as vswitch/base/ixtab.h keeps them.  The key of IPv4 is the whole tuple: one
 * SipHash a lookup.  That of IPv6 holds a SipHash of the addresses in their place, and the tuple is
 * compared.  Which records belong together, whose they are and how many each vif has, is private
 * and rebuilt at attach from pairs that name each other; a record without its partner is dropped.
 * Who goes when the table is full is the first in one of the lists of weak connections, one a vif:
 * constant time, as a flood fills the table in a second and then asks this with every packet.
 * Crash: both records of a pair are open for writing until both are filled; what a crash leaves
 * of a pair is one record or none, and goes.
 * Invariants: owner[i].pair != 0 iff record i is live, then owner[owner[i].pair].pair == i; no
 * index, vif or network read from the segment is used without being bounded.
 * Thread: worker. */
#include "bridge/ct.h"

#include "vswitch/base/clock.h"

#include <rte_prefetch.h>

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define CT_VERSION 1
#define AGE_SLICE 128
#define AGE_SLICE_MAX 8192 /* after a pause: the packet that ended it waits for this */
#define AGE_EVERY_NS NS_PER_MS
#define ROOM_TRIES 8
#define DUMP_SLICE 16384 /* records looked at by one ct_dump(): the worker waits for it */
#define TIMEOUT_MAX_NS (UINT64_C(432000) * NS_PER_SEC)
#define TENANT_SYN_NS (30 * NS_PER_SEC)
#define TENANT_SYN_PRESSED_NS (5 * NS_PER_SEC)

enum {
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_ICMP6 = 58,
};

struct ct_owner {
	uint32_t pair; /* 0: record is not live */
	uint32_t prev, next; /* CT_ORIG that is weak: in the list of its vif */
	uint16_t vif_id;
	uint8_t dir;
	bool is_half_open : 1; /* CT_ORIG only */
	bool is_weak : 1; /* CT_ORIG only */
};
static_assert(sizeof(struct ct_owner) == 16, "four a cache line");

static struct ct_record *record_at(const struct ct *c, uint32_t index)
{
	return ixtab_rec_at(&c->tab, index);
}

const struct ct_record *ct_record(const struct ct *c, uint32_t index)
{
	return record_at(c, index);
}

uint32_t ct_partner(const struct ct *c, uint32_t index)
{
	return c->owner[index].pair;
}

static uint32_t orig_of(const struct ct *c, uint32_t index)
{
	return c->owner[index].dir == CT_ORIG ? index : c->owner[index].pair;
}

static void addr_v4(uint8_t out[16], const uint8_t *ip4)
{
	memset(out, 0, 10);
	memset(out + 10, 0xff, 2);
	memcpy(out + 12, ip4, 4);
}

/* Ports of the L4 header at @l4, or an echo's id in the place of the port of who asked. */
static bool tuple_ports(struct ct_tuple *t, const uint8_t *l4)
{
	bool is_ask, is_answer;

	if (t->proto == PROTO_TCP || t->proto == PROTO_UDP) {
		memcpy(&t->sport, l4, 2);
		memcpy(&t->dport, l4 + 2, 2);
		return true;
	}
	if (t->proto != PROTO_ICMP && t->proto != PROTO_ICMP6)
		return true; /* no ports: one connection a pair of addresses */
	is_ask = l4[0] == (t->is_v6 ? 128 : 8);
	is_answer = l4[0] == (t->is_v6 ? 129 : 0);
	if (is_ask)
		memcpy(&t->sport, l4 + 4, 2);
	else if (is_answer)
		memcpy(&t->dport, l4 + 4, 2);
	return is_ask || is_answer;
}

bool ct_tuple_of(const struct pkt *p, struct ct_tuple *t)
{
	const uint8_t *ip = pkt_bytes(p) + p->l3_off;

	*t = (struct ct_tuple){ .network_id = p->network_id, .proto = p->ip_proto };
	if (p->flags & PKT_IS_IP6) {
		t->is_v6 = 1;
		memcpy(t->src, ip + 8, 16);
		memcpy(t->dst, ip + 24, 16);
	} else {
		addr_v4(t->src, ip + 12);
		addr_v4(t->dst, ip + 16);
	}
	return tuple_ports(t, pkt_bytes(p) + p->l4_off);
}

struct ct_tuple ct_mirror(const struct ct_tuple *t, uint16_t network_id)
{
	struct ct_tuple m = *t;

	memcpy(m.src, t->dst, 16);
	memcpy(m.dst, t->src, 16);
	m.sport = t->dport;
	m.dport = t->sport;
	m.network_id = network_id;
	return m;
}

struct ct_key ct_key_of(const struct ct *c, const struct ct_tuple *t)
{
	struct ct_key k;

	if (t->is_v6) {
		k.key.a = siphash13(&c->tab.key, t->src, 32);
	} else {
		uint32_t src, dst;

		memcpy(&src, t->src + 12, 4);
		memcpy(&dst, t->dst + 12, 4);
		k.key.a = (uint64_t)src << 32 | dst;
	}
	k.key.b = (uint64_t)t->sport | (uint64_t)t->dport << 16 | (uint64_t)t->proto << 32
		| (uint64_t)t->network_id << 40 | (uint64_t)(t->is_v6 ? 6 : 4) << 56;
	k.hash = ixtab_hash(&c->tab, &k.key);
	return k;
}

void ct_prefetch(const struct ct *c, const struct ct_key *key)
{
	rte_prefetch0(&c->tab.bucket[(key->hash >> 32) & c->tab.bucket_mask]);
}

uint16_t ct_guests_of(const struct ct *c, uint32_t orig_index)
{
	uint16_t in = record_at(c, orig_index)->tuple.network_id % NETWORK_ID_MAX;

	return c->is_uplink[in] ? record_at(c, ct_partner(c, orig_index))->tuple.network_id : in;
}

static void half_set(struct ct *c, uint32_t orig, bool is_half)
{
	struct ct_owner *o = &c->owner[orig];

	if (o->is_half_open == is_half)
		return;
	o->is_half_open = is_half;
	if (is_half)
		c->half_of[o->vif_id]++;
	else
		c->half_of[o->vif_id]--;
}

static bool state_is_half(uint8_t state)
{
	return state == CT_NEW || state == CT_TCP_SYN_SENT || state == CT_TCP_SYN_RECV;
}

static void weak_add(struct ct *c, uint32_t orig)
{
	struct ct_owner *o = &c->owner[orig];
	struct ct_weak *w = &c->weak[o->vif_id];

	o->is_weak = true;
	o->prev = w->last;
	o->next = IXTAB_NONE;
	if (w->last != IXTAB_NONE)
		c->owner[w->last].next = orig;
	else
		w->first = orig;
	w->last = orig;
	w->n++;
	c->n_weak++;
	if (w->n >= c->weak[c->heaviest].n) {
		c->heaviest = o->vif_id;
		c->weak_peak = w->n;
	}
}

static void weak_del(struct ct *c, uint32_t orig)
{
	struct ct_owner *o = &c->owner[orig];
	struct ct_weak *w = &c->weak[o->vif_id];

	if (o->prev != IXTAB_NONE)
		c->owner[o->prev].next = o->next;
	else
		w->first = o->next;
	if (o->next != IXTAB_NONE)
		c->owner[o->next].prev = o->prev;
	else
		w->last = o->prev;
	o->is_weak = false;
	w->n--;
	c->n_weak--;
}

static void weak_set(struct ct *c, uint32_t orig, bool is_weak)
{
	if (c->owner[orig].is_weak == is_weak)
		return;
	if (is_weak)
		weak_add(c, orig);
	else
		weak_del(c, orig);
}

/* May the connection go when another wants its place?  Linux' early drop, and what is over. */
static bool record_is_weak(const struct ct_record *orig)
{
	return !orig->is_assured || orig->state == CT_TCP_LAST_ACK
		|| orig->state == CT_TCP_TIME_WAIT || orig->state == CT_TCP_CLOSED;
}

void ct_set_state(struct ct *c, uint32_t orig_index, uint8_t state)
{
	struct ct_record *orig = record_at(c, orig_index);

	orig->state = state;
	half_set(c, orig_index, state_is_half(state));
	weak_set(c, orig_index, record_is_weak(orig));
}

/* Does the connection hold a port of the address that its answers go to? */
static bool has_port(const struct ct_record *reply)
{
	return (reply->flags & (CT_SNAT | CT_WHOLE)) == CT_SNAT
		&& (reply->tuple.proto == PROTO_TCP || reply->tuple.proto == PROTO_UDP
			|| reply->tuple.proto == PROTO_ICMP || reply->tuple.proto == PROTO_ICMP6);
}

/* Does it keep the port of the guest that it leads to for that guest?  Hairpin: another one's. */
static bool holds_mapping(const struct ct_record *orig)
{
	return (orig->flags & (CT_MAPPED | CT_SNAT)) == CT_MAPPED;
}

static void ports_take(struct ct *c, uint32_t orig, uint32_t reply)
{
	const struct ct_record *o = record_at(c, orig), *r = record_at(c, reply);

	if (has_port(r))
		ct_ports_take(c->ports, &o->tuple, &r->tuple, o->vif_id);
	if (holds_mapping(o)) /* as if the guest had begun it */
		ct_ports_take(c->ports, &r->tuple, &o->tuple, o->vif_id);
}

static void ports_give(struct ct *c, uint32_t orig, uint32_t reply)
{
	const struct ct_record *o = record_at(c, orig), *r = record_at(c, reply);

	if (has_port(r))
		ct_ports_give(c->ports, &o->tuple, &r->tuple);
	if (holds_mapping(o))
		ct_ports_give(c->ports, &r->tuple, &o->tuple);
}

void ct_del(struct ct *c, uint32_t index)
{
	uint32_t orig = orig_of(c, index), reply = c->owner[orig].pair;

	ports_give(c, orig, reply);
	half_set(c, orig, false);
	weak_set(c, orig, false);
	c->n_of[c->owner[orig].vif_id]--;
	c->owner[orig] = (struct ct_owner){ 0 };
	c->owner[reply] = (struct ct_owner){ 0 };
	ixtab_del(&c->tab, orig);
	ixtab_del(&c->tab, reply);
}

uint32_t ct_find(
	struct ct *c, const struct ct_tuple *tuple, const struct ct_key *key, uint64_t now_ns)
{
	uint32_t index = ixtab_find(&c->tab, &key->key, key->hash);

	if (index == IXTAB_NONE || c->owner[index].pair == IXTAB_NONE)
		return IXTAB_NONE;
	if (memcmp(&record_at(c, index)->tuple, tuple, sizeof(*tuple)) != 0)
		return IXTAB_NONE;
	if (UNLIKELY(record_at(c, orig_of(c, index))->expires_ns <= now_ns)) {
		ct_del(c, index);
		return IXTAB_NONE;
	}
	return index;
}

bool ct_has(struct ct *c, const struct ct_tuple *tuple, uint64_t now_ns)
{
	struct ct_key k = ct_key_of(c, tuple);

	return ct_find(c, tuple, &k, now_ns) != IXTAB_NONE;
}

/* xorshift64*: who guesses a port has to guess a connection's other end as well. */
uint32_t ct_random(struct ct *c)
{
	c->random ^= c->random >> 12;
	c->random ^= c->random << 25;
	c->random ^= c->random >> 27;
	return (uint32_t)((c->random * UINT64_C(2685821657736338717)) >> 32);
}

static void record_write(
	struct ct *c, uint32_t index, uint32_t partner, const struct ct_new *new, enum ct_dir dir)
{
	struct ct_record *r = record_at(c, index);

	r->tuple = dir == CT_ORIG ? new->orig : new->reply;
	r->partner = partner;
	r->vif_id = new->vif_id;
	r->dir = (uint8_t)dir;
	r->flags = new->flags;
	c->owner[index]
		= (struct ct_owner){ .pair = partner, .vif_id = new->vif_id, .dir = (uint8_t)dir };
}

/* The vif's own limit, or what its profile says. */
static uint32_t limit(uint32_t own, const struct ct_new *new, uint32_t of_tenants)
{
	if (own != 0)
		return own;
	return new->is_tenant ? of_tenants : UINT32_MAX;
}

static uint32_t half_limit(const struct ct *c, const struct ct_new *new)
{
	return limit(c->half_limit_of[new->vif_id], new, CT_VIF_HALF_OPEN_MAX);
}

/* May the vif have one more?  At its limit the first of its own weak ones makes room: most are
 * closed and only wait for their time, 120 s, and without this a guest that opens 140 connections a
 * second would be cut off by those.  Half-open ones are refused: a flood is not to go out. */
static enum drop_reason quota_take(struct ct *c, const struct ct_new *new)
{
	if (c->half_of[new->vif_id] >= half_limit(c, new))
		return DROP_CT_QUOTA;
	if (c->n_of[new->vif_id] < limit(c->limit_of[new->vif_id], new, CT_VIF_MAX))
		return DROP_NONE;
	if (c->weak[new->vif_id].n == 0)
		return DROP_CT_QUOTA;
	c->n_evicted++;
	ct_del(c, c->weak[new->vif_id].first);
	return DROP_NONE;
}

/* The vif with the most weak connections.  Kept up to date as numbers grow; looked for again when
 * its own has halved, so that a search is rare however the numbers move. */
static uint16_t heaviest_vif(struct ct *c)
{
	if (c->weak[c->heaviest].n > c->weak_peak / 2)
		return c->heaviest;
	c->heaviest = 0;
	for (uint16_t v = 1; v < VIF_ID_MAX; v++)
		if (c->weak[v].n > c->weak[c->heaviest].n)
			c->heaviest = v;
	c->weak_peak = c->weak[c->heaviest].n;
	return c->heaviest;
}

/* Make room for a connection that @vif_id begins.  It pays for that itself, unless another vif has
 * more than twice as many weak ones: one guest's flood must not cost another its next connection. */
static bool evict(struct ct *c, uint16_t vif_id)
{
	uint16_t heaviest;

	if (c->n_weak == 0)
		return false;
	heaviest = heaviest_vif(c);
	if (c->weak[vif_id].n == 0 || c->weak[vif_id].n < c->weak[heaviest].n / 2)
		vif_id = heaviest;
	c->n_evicted++;
	ct_del(c, c->weak[vif_id].first);
	return true;
}

bool ct_make_room(struct ct *c, uint16_t vif_id)
{
	uint32_t orig = c->weak[vif_id].first;

	for (unsigned i = 0; i < ROOM_TRIES && orig != IXTAB_NONE; i++) {
		if (!c->owner[orig].is_half_open) {
			c->n_evicted++;
			ct_del(c, orig);
			return true;
		}
		orig = c->owner[orig].next;
	}
	return false;
}

/* Half-open connections of tenants end sooner, and the sooner the fuller the vif's quota is. */
static uint64_t first_timeout(const struct ct *c, const struct ct_new *new)
{
	const struct ct_age_of age = { new->orig.proto, new->state, false };
	uint16_t in = new->orig.network_id % NETWORK_ID_MAX;
	uint64_t ns = ct_timeout_ns(c, c->is_uplink[in] ? new->reply.network_id : in, &age);

	if (!new->is_tenant || new->state != CT_TCP_SYN_SENT)
		return ns;
	return c->half_of[new->vif_id] > half_limit(c, new) / 4 * 3 ? MIN(ns, TENANT_SYN_PRESSED_NS)
								    : MIN(ns, TENANT_SYN_NS);
}

uint32_t ct_add(struct ct *c, const struct ct_new *new, uint64_t now_ns, enum drop_reason *why)
{
	struct ct_key k = ct_key_of(c, &new->orig);
	uint32_t orig, reply;

	*why = quota_take(c, new);
	if (*why != DROP_NONE)
		return IXTAB_NONE;
	*why = DROP_CT_TABLE_FULL;
	if (c->tab.n_live + 2 > c->tab.n_slots && !evict(c, new->vif_id))
		return IXTAB_NONE;
	orig = ixtab_add(&c->tab, &k.key, k.hash);
	k = ct_key_of(c, &new->reply);
	reply = ixtab_add(&c->tab, &k.key, k.hash);
	record_write(c, orig, reply, new, CT_ORIG);
	record_write(c, reply, orig, new, CT_REPLY);
	record_at(c, orig)->expires_ns = now_ns + first_timeout(c, new);
	ports_take(c, orig, reply);
	c->n_of[new->vif_id]++;
	ct_set_state(c, orig, new->state);
	ixtab_change_end(&c->tab, reply);
	ixtab_change_end(&c->tab, orig);
	*why = DROP_NONE;
	return orig;
}

void ct_age(struct ct *c, uint64_t now_ns)
{
	uint64_t n;

	if (now_ns < c->age_next_ns)
		return;
	/* Nothing ages while nothing passes, and what is over counts until it is looked at: catch up. */
	n = MIN(((now_ns - c->age_next_ns) / AGE_EVERY_NS + 1) * AGE_SLICE,
		(uint64_t)AGE_SLICE_MAX);
	c->age_next_ns = now_ns + AGE_EVERY_NS;
	for (unsigned i = 0; i < n && i < c->tab.n_high; i++) {
		uint32_t index = c->age_cursor % c->tab.n_high + 1;

		c->age_cursor = index;
		if (c->owner[index].pair != IXTAB_NONE && c->owner[index].dir == CT_ORIG
			&& record_at(c, index)->expires_ns <= now_ns)
			ct_del(c, index);
	}
}

uint32_t ct_flush(struct ct *c, uint16_t network_id, uint16_t vif_id)
{
	uint32_t n = 0;

	for (uint32_t i = 1; c != NULL && i <= c->tab.n_high; i++) {
		const struct ct_owner *o = &c->owner[i];

		if (o->pair == IXTAB_NONE || o->dir != CT_ORIG
			|| (vif_id != 0 && o->vif_id != vif_id))
			continue;
		if (network_id != 0 && record_at(c, i)->tuple.network_id != network_id
			&& record_at(c, o->pair)->tuple.network_id != network_id)
			continue;
		ct_del(c, i);
		n++;
	}
	return n;
}

uint32_t ct_count(const struct ct *c, uint16_t vif_id)
{
	return vif_id < VIF_ID_MAX ? c->n_of[vif_id] : 0;
}

/* Does the connection of the CT_ORIG record @index still have a place in @cfg? */
static bool connection_fits(const struct ct *c, const struct snapshot *cfg, uint32_t index)
{
	const struct ct_record *o = record_at(c, index);
	const struct ct_record *r = record_at(c, c->owner[index].pair);
	uint16_t in = o->tuple.network_id % NETWORK_ID_MAX;
	uint16_t out = r->tuple.network_id % NETWORK_ID_MAX;

	/* A network that is away for a moment comes back to its connections, if they still fit. */
	if (cfg->router[in].conf.network_id == NETWORK_ID_NONE
		|| cfg->router[out].conf.network_id == NETWORK_ID_NONE)
		return true;
	if (!cfg->router[in].has_ct || !cfg->router[out].has_ct)
		return false;
	if (o->flags & CT_MAPPED) {
		if ((cfg->router[out].conf.flags & SNAP_ROUTER_OPEN_PORTS) == 0
			|| !snapshot_is_own(cfg, cfg->router[out].conf.uplink_id, o->tuple.dst))
			return false;
	} else if (o->flags & CT_DNAT) {
		uint16_t up = cfg->router[in].conf.policy == SNAP_POLICY_UPLINK
			? in
			: cfg->router[in].conf.uplink_id;
		const struct snap_forward *f
			= snapshot_forward(cfg, up, o->tuple.proto, o->tuple.dport, o->tuple.dst);

		if (!snapshot_is_own(cfg, up, o->tuple.dst) || f == NULL || f->to_network != out
			|| snapshot_forward_port(f, o->tuple.dport) != r->tuple.sport
			|| memcmp(f->to_addr, r->tuple.src, 16) != 0)
			return false;
	}
	if (o->flags & CT_WHOLE) {
		const struct snap_forward *f = snapshot_map_of(cfg, in, o->tuple.src);

		return f != NULL && f->uplink_id == out && memcmp(f->listen, r->tuple.dst, 16) == 0;
	}
	if ((o->flags & (CT_SNAT | CT_DNAT)) == CT_SNAT)
		return snapshot_is_own(cfg, out, r->tuple.dst)
			&& (cfg->router[in].conf.flags
				   & (o->tuple.is_v6 ? SNAP_ROUTER_NAT6 : SNAP_ROUTER_NAT4))
			!= 0;
	return true;
}

void ct_sync(struct ct *c, const struct snapshot *cfg, uint64_t now_ns)
{
	for (unsigned id = 1; id < VIF_ID_MAX; id++) {
		c->limit_of[id] = cfg->port[id].connection_limit;
		c->half_limit_of[id] = cfg->port[id].half_open_limit;
	}
	for (unsigned id = 1; id < NETWORK_ID_MAX; id++) {
		const struct snap_router *conf = &cfg->router[id].conf;

		memcpy(c->timeout_s[id], conf->timeout_s, sizeof(c->timeout_s[id]));
		c->is_uplink[id] = conf->policy == SNAP_POLICY_UPLINK;
	}
	for (uint32_t i = 1; i <= c->tab.n_high; i++)
		if (c->owner[i].pair != IXTAB_NONE && c->owner[i].dir == CT_ORIG
			&& (record_at(c, i)->expires_ns <= now_ns || !connection_fits(c, cfg, i)))
			ct_del(c, i);
}

uint32_t ct_dump(const struct ct *c, struct ct_dump *at, struct msg_ct_entry *out, uint32_t max)
{
	uint32_t n = 0, i = at->cursor + 1, first = i;

	at->cursor = 0;
	for (; i != 0 && i <= c->tab.n_high; i++) {
		const struct ct_owner *own = &c->owner[i];
		const struct ct_record *o = record_at(c, i), *r;

		if (n == max || i - first >= DUMP_SLICE) {
			at->cursor = i - 1;
			break;
		}
		if (own->pair == IXTAB_NONE || own->dir != CT_ORIG || o->expires_ns <= at->now_ns)
			continue;
		r = record_at(c, own->pair);
		if ((at->vif_id != 0 && own->vif_id != at->vif_id)
			|| (at->network_id != 0 && o->tuple.network_id != at->network_id
				&& r->tuple.network_id != at->network_id))
			continue;
		out[n++] = (struct msg_ct_entry){
			.orig = o->tuple,
			.reply = r->tuple,
			.packets = { o->packets, r->packets },
			.bytes = { o->bytes, r->bytes },
			.timeout_s = (uint32_t)((o->expires_ns - at->now_ns) / NS_PER_SEC),
			.vif_id = own->vif_id,
			.state = o->state,
			.flags = (uint8_t)(o->flags | (o->is_assured ? CT_ASSURED : 0)),
		};
	}
	return n;
}

static bool record_is_sound(const void *rec)
{
	const struct ct_record *r = rec;

	return r->vif_id < VIF_ID_MAX && r->dir <= CT_REPLY
		&& r->tuple.network_id != NETWORK_ID_NONE && r->tuple.network_id < NETWORK_ID_MAX
		&& r->tuple.is_v6 <= 1
		&& (r->flags & ~(CT_SNAT | CT_DNAT | CT_MAPPED | CT_WHOLE)) == 0
		&& fib_addr_is_v4(r->tuple.src) == !r->tuple.is_v6
		&& fib_addr_is_v4(r->tuple.dst) == !r->tuple.is_v6;
}

/* Do the live records @i and @k make a connection? */
static bool is_pair(const struct ct *c, uint32_t i, uint32_t k)
{
	const struct ct_record *a, *b;

	if (k == IXTAB_NONE || k > c->tab.n_high || k == i)
		return false;
	a = record_at(c, i);
	b = record_at(c, k);
	return b->rec.seq != 0 && a->partner == k && b->partner == i && a->dir != b->dir
		&& a->vif_id == b->vif_id && a->flags == b->flags
		&& a->tuple.proto == b->tuple.proto && a->tuple.is_v6 == b->tuple.is_v6;
}

/* Is the key of record @i that of its tuple? */
static bool key_fits(const struct ct *c, uint32_t i)
{
	const struct ct_record *r = record_at(c, i);
	struct ct_key k = ct_key_of(c, &r->tuple);

	return k.key.a == r->key.a && k.key.b == r->key.b;
}

static void pairs_rebuild(struct ct *c, uint64_t now_ns)
{
	for (uint32_t i = 1; i <= c->tab.n_high; i++) {
		struct ct_record *r = record_at(c, i);
		uint32_t k = r->partner;

		if (r->rec.seq == 0 || r->dir != CT_ORIG || !key_fits(c, i) || !is_pair(c, i, k)
			|| !key_fits(c, k) || r->state == 0 || r->state >= CT_STATE_N
			|| c->owner[k].pair != IXTAB_NONE)
			continue;
		if (r->expires_ns > now_ns + TIMEOUT_MAX_NS)
			r->expires_ns = now_ns + TIMEOUT_MAX_NS;
		c->owner[i] = (struct ct_owner){ .pair = k, .vif_id = r->vif_id, .dir = CT_ORIG };
		c->owner[k] = (struct ct_owner){ .pair = i, .vif_id = r->vif_id, .dir = CT_REPLY };
		ports_take(c, i, k);
		c->n_of[r->vif_id]++;
		ct_set_state(c, i, r->state);
	}
	for (uint32_t i = 1; i <= c->tab.n_high; i++)
		if (record_at(c, i)->rec.seq != 0 && c->owner[i].pair == IXTAB_NONE) {
			ixtab_del(&c->tab, i);
			c->tab.n_broken++;
		}
}

void ct_detach(struct ct *c)
{
	if (c == NULL)
		return;
	ixtab_detach(&c->tab);
	ct_ports_destroy(c->ports);
	free(c->owner);
	free(c);
}

struct ct *ct_attach(void *segment, size_t size, uint64_t now_ns, struct err *e)
{
	static const struct ixtab_conf conf = {
		.kind = SEGMENT_CT,
		.version = CT_VERSION,
		.rec_size = sizeof(struct ct_record),
		.stable_len = 48,
		.is_sound = record_is_sound,
	};
	struct ct *c = calloc(1, sizeof(*c));
	int rc;

	static_assert(offsetof(struct ct_record, expires_ns) == 24 + 48, "stable part");
	if (c == NULL) {
		err_set(e, -ENOMEM, "connections", "no memory for the table of connections");
		return NULL;
	}
	rc = ixtab_attach(&c->tab, segment, size, &conf);
	if (rc == 0) {
		c->owner = calloc((size_t)c->tab.n_slots + 1, sizeof(*c->owner));
		c->ports = ct_ports_create();
		if (c->owner == NULL || c->ports == NULL)
			rc = -ENOMEM;
	}
	if (rc == 0 && getrandom(&c->random, sizeof(c->random), 0) != sizeof(c->random))
		rc = -EIO;
	if (rc < 0) {
		err_set(e, rc, "connections", "cannot use a segment of %zu bytes: %s", size,
			strerror(-rc));
		ct_detach(c);
		return NULL;
	}
	c->random |= 1;
	pairs_rebuild(c, now_ns);
	return c;
}
