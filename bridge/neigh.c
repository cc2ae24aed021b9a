/* SPDX-License-Identifier: Apache-2.0 */
/* neigh.c - finds, asks for, holds for, confirms and forgets neighbours; see neigh.h.
 *
 * From: bridge/router.c.  To: the same; bridge/neigh_store.c keeps what is confirmed.
 * Theory: RFC 4861 §7.3 for both families, without DELAY: one state machine, one interval.  Because
 * the interval is the same for all, the list of those to be asked is in order of time when each is
 * put at its end.  Who scans a subnet fills the table with INCOMPLETE entries up to the quota of
 * the vif and no further; entries that answered are evicted only by age.
 * Invariants: .network_id != 0 iff the entry is in its bucket and in the list of its network; held
 * packets belong to exactly one entry, or to the list of those to be taken.
 * Thread: worker. */
#include "bridge/neigh.h"

#include "vswitch/base/clock.h"
#include "vswitch/base/siphash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BUCKETS 8192
#define HELD_MAX 512 /* buffers that nobody else can use meanwhile: vswitch/pools.h */
#define HELD_BIG_MAX 32 /* of those with a big tail */
#define ASK_EVERY_NS NS_PER_SEC
#define ASK_TIMES 3
#define REACHABLE_NS (30 * NS_PER_SEC)
#define LOCK_NS NS_PER_SEC /* Linux' locktime: of several answers to ARP the first is believed */

struct held {
	struct pkt pkt;
	uint32_t next;
	bool has_failed;
};

struct neigh_network {
	uint32_t oldest, newest, n;
};

struct neigh_table {
	struct neigh_store store;
	struct sipkey key;
	uint32_t bucket[BUCKETS];
	struct neigh entry[NEIGH_TABLE_MAX + 1];
	struct held held[HELD_MAX + 1];
	struct neigh_network network[NETWORK_ID_MAX];
	uint16_t unresolved[VIF_ID_MAX];
	uint32_t network_limit[NETWORK_ID_MAX]; /* 0: NEIGH_NETWORK_MAX */
	uint16_t unresolved_limit[VIF_ID_MAX]; /* 0: NEIGH_UNRESOLVED_MAX */
	uint32_t free_entry, free_held; /* lists by .next_in_bucket, .next */
	uint32_t timed_first, timed_last;
	uint32_t out_first, out_last; /* packets to be taken */
	uint32_t n_held, n_held_big;
	uint16_t held_of[VIF_ID_MAX]; /* the same by the vif they came from */
};

static uint32_t index_of(const struct neigh_table *t, const struct neigh *n)
{
	return (uint32_t)(n - t->entry);
}

static uint32_t *bucket_of(struct neigh_table *t, uint16_t network_id, const uint8_t addr[16])
{
	uint64_t w[2];

	memcpy(w, addr, sizeof(w));
	return &t->bucket[siphash13_2u64(&t->key, w[0] ^ (uint64_t)network_id << 32, w[1])
		% BUCKETS];
}

static bool is_unresolved(const struct neigh *n)
{
	return n->state == NEIGH_INCOMPLETE;
}

static void timed_del(struct neigh_table *t, struct neigh *n)
{
	if (!n->is_timed)
		return;
	if (n->prev_timed != 0)
		t->entry[n->prev_timed].next_timed = n->next_timed;
	else
		t->timed_first = n->next_timed;
	if (n->next_timed != 0)
		t->entry[n->next_timed].prev_timed = n->prev_timed;
	else
		t->timed_last = n->prev_timed;
	n->is_timed = false;
}

/* @due_ns is never before that of the last in the list. */
static void timed_add(struct neigh_table *t, struct neigh *n, uint64_t due_ns)
{
	timed_del(t, n);
	n->due_ns = due_ns;
	n->is_timed = true;
	n->prev_timed = t->timed_last;
	n->next_timed = 0;
	if (t->timed_last != 0)
		t->entry[t->timed_last].next_timed = index_of(t, n);
	else
		t->timed_first = index_of(t, n);
	t->timed_last = index_of(t, n);
}

/* One that must be asked at once goes to the front: nothing is due before now. */
static void timed_add_first(struct neigh_table *t, struct neigh *n, uint64_t now_ns)
{
	timed_del(t, n);
	n->due_ns = now_ns;
	n->is_timed = true;
	n->prev_timed = 0;
	n->next_timed = t->timed_first;
	if (t->timed_first != 0)
		t->entry[t->timed_first].prev_timed = index_of(t, n);
	else
		t->timed_last = index_of(t, n);
	t->timed_first = index_of(t, n);
}

static void network_add(struct neigh_table *t, struct neigh *n)
{
	struct neigh_network *net = &t->network[n->network_id];

	n->prev = net->newest;
	n->next = 0;
	if (net->newest != 0)
		t->entry[net->newest].next = index_of(t, n);
	else
		net->oldest = index_of(t, n);
	net->newest = index_of(t, n);
	net->n++;
}

static void network_del(struct neigh_table *t, const struct neigh *n)
{
	struct neigh_network *net = &t->network[n->network_id];

	if (n->prev != 0)
		t->entry[n->prev].next = n->next;
	else
		net->oldest = n->next;
	if (n->next != 0)
		t->entry[n->next].prev = n->prev;
	else
		net->newest = n->prev;
	net->n--;
}

/* Move what waits for @n to the packets to be taken. */
static void release(struct neigh_table *t, struct neigh *n, bool has_failed)
{
	uint32_t last = n->held;

	if (n->held == 0)
		return;
	for (uint32_t i = n->held; i != 0; i = t->held[i].next) {
		t->held[i].has_failed = has_failed;
		last = i;
	}
	if (t->out_last != 0)
		t->held[t->out_last].next = n->held;
	else
		t->out_first = n->held;
	t->out_last = last;
	n->held = 0;
	n->n_held = 0;
}

static void resolved(struct neigh_table *t, const struct neigh *n)
{
	if (is_unresolved(n) && t->unresolved[n->asker_vif] > 0)
		t->unresolved[n->asker_vif]--;
}

static void entry_del(struct neigh_table *t, struct neigh *n)
{
	uint32_t index = index_of(t, n), *at = bucket_of(t, n->network_id, n->addr);

	neigh_store_del(&t->store, n->record);
	release(t, n, true);
	resolved(t, n);
	timed_del(t, n);
	network_del(t, n);
	while (*at != index)
		at = &t->entry[*at].next_in_bucket;
	*at = n->next_in_bucket;
	*n = (struct neigh){ .next_in_bucket = t->free_entry };
	t->free_entry = index;
}

struct neigh *neigh_find(
	struct neigh_table *t, uint16_t network_id, const uint8_t addr[16], uint64_t now_ns)
{
	for (uint32_t i = *bucket_of(t, network_id, addr); i != 0; i = t->entry[i].next_in_bucket) {
		struct neigh *n = &t->entry[i];

		if (n->network_id != network_id || memcmp(n->addr, addr, 16) != 0)
			continue;
		if (n->state == NEIGH_REACHABLE && now_ns - n->since_ns >= REACHABLE_NS)
			n->state = NEIGH_STALE;
		return n;
	}
	return NULL;
}

static struct neigh *entry_new(struct neigh_table *t, uint16_t network_id, const uint8_t addr[16])
{
	struct neigh_network *net = &t->network[network_id];
	uint32_t limit = t->network_limit[network_id];
	uint32_t index, *bucket;
	struct neigh *n;

	if (limit == 0)
		limit = NEIGH_NETWORK_MAX;
	while (net->n >= limit || t->free_entry == 0) {
		if (net->oldest == 0 || is_unresolved(&t->entry[net->oldest]))
			return NULL;
		entry_del(t, &t->entry[net->oldest]);
	}
	index = t->free_entry;
	n = &t->entry[index];
	t->free_entry = n->next_in_bucket;
	bucket = bucket_of(t, network_id, addr);
	*n = (struct neigh){ .network_id = network_id, .next_in_bucket = *bucket };
	memcpy(n->addr, addr, 16);
	*bucket = index;
	network_add(t, n);
	return n;
}

struct neigh *neigh_add(struct neigh_table *t, uint16_t network_id, const uint8_t addr[16],
	uint16_t asker_vif, uint64_t now_ns)
{
	struct neigh *n;
	uint16_t limit;

	asker_vif %= VIF_ID_MAX;
	limit = t->unresolved_limit[asker_vif];
	if (t->unresolved[asker_vif] >= (limit != 0 ? limit : NEIGH_UNRESOLVED_MAX))
		return NULL;
	n = entry_new(t, network_id, addr);
	if (n == NULL)
		return NULL;
	n->state = NEIGH_INCOMPLETE;
	n->asker_vif = asker_vif;
	n->since_ns = now_ns;
	t->unresolved[asker_vif]++;
	timed_add_first(t, n, now_ns);
	return n;
}

void neigh_probe(struct neigh_table *t, struct neigh *n, uint64_t now_ns)
{
	if (n->state != NEIGH_STALE)
		return;
	n->state = NEIGH_PROBE;
	n->n_asked = 0;
	timed_add_first(t, n, now_ns);
}

/* How many packets of the vif that sent @p wait. */
static uint16_t *held_of(struct neigh_table *t, const struct pkt *p)
{
	return &t->held_of[p->in_vif < VIF_ID_MAX ? p->in_vif : VIF_ID_NONE];
}

bool neigh_hold(struct neigh_table *t, struct neigh *n, struct pkt *p)
{
	uint32_t index = t->free_held, *at = &n->held;

	if (n->n_held == NEIGH_QUEUE_MAX || index == 0 || *held_of(t, p) == NEIGH_HELD_VIF_MAX)
		return false;
	if (p->m->nb_segs > 1 && t->n_held_big == HELD_BIG_MAX)
		return false;
	t->n_held_big += p->m->nb_segs > 1;
	t->free_held = t->held[index].next;
	t->held[index] = (struct held){ .pkt = *p };
	while (*at != 0)
		at = &t->held[*at].next;
	*at = index;
	++*held_of(t, p);
	n->n_held++;
	t->n_held++;
	p->m = NULL;
	return true;
}

/* Is the word about @n, which has a MAC, one that changes it? */
static bool changes(struct neigh *n, const uint8_t *mac, unsigned word, uint64_t now_ns)
{
	if (mac == NULL || memcmp(n->mac, mac, 6) == 0)
		return (word & NEIGH_CONFIRMS) != 0;
	if ((word & NEIGH_OVERRIDES) != 0)
		return true;
	if ((word & NEIGH_OVERRIDES_LATER) != 0)
		return now_ns - n->since_ns >= LOCK_NS;
	/* RFC 4861 §7.2.5: "If the state of the entry is REACHABLE, set it to STALE, but do not
	 * update the entry in any other way." */
	if (n->state == NEIGH_REACHABLE)
		n->state = NEIGH_STALE;
	return false;
}

/* Keep what is known of @n now for the next engine; @is_new: more than its time has changed. */
static void keep(struct neigh_table *t, struct neigh *n, bool is_new)
{
	struct neigh_known known = {
		.network_id = n->network_id,
		.since_ns = n->since_ns,
		.reachable_until_ns = n->state == NEIGH_REACHABLE ? n->since_ns + REACHABLE_NS : 0,
		.index = n->record,
	};

	if (!is_new) {
		neigh_store_touch(&t->store, n->record, n->since_ns, known.reachable_until_ns);
		return;
	}
	memcpy(known.addr, n->addr, 16);
	memcpy(known.mac, n->mac, 6);
	n->record = neigh_store_put(&t->store, &known);
}

void neigh_heard(struct neigh_table *t, const struct neigh_who *who, const uint8_t *mac,
	unsigned word, uint64_t now_ns)
{
	struct neigh *n = neigh_find(t, who->network_id, who->addr, now_ns);
	bool is_new;

	if (n == NULL) {
		if ((word & NEIGH_MAY_ADD) == 0 || mac == NULL)
			return;
		n = entry_new(t, who->network_id, who->addr);
		if (n == NULL)
			return;
	} else if (n->state == NEIGH_INCOMPLETE) {
		if (mac == NULL)
			return;
		resolved(t, n);
	} else if (!changes(n, mac, word, now_ns)) {
		if (n->state != NEIGH_REACHABLE)
			neigh_store_touch(&t->store, n->record, n->since_ns, 0);
		return;
	}
	is_new = n->record == IXTAB_NONE || (mac != NULL && memcmp(n->mac, mac, 6) != 0);
	if (mac != NULL)
		memcpy(n->mac, mac, 6);
	n->state = (word & NEIGH_CONFIRMS) != 0 ? NEIGH_REACHABLE : NEIGH_STALE;
	n->since_ns = now_ns;
	n->n_asked = 0;
	keep(t, n, is_new);
	timed_del(t, n);
	release(t, n, false);
	network_del(t, n); /* confirmed last: to the end */
	network_add(t, n);
}

struct neigh *neigh_next_due(struct neigh_table *t, uint64_t now_ns)
{
	while (t->timed_first != 0) {
		struct neigh *n = &t->entry[t->timed_first];

		if (n->due_ns > now_ns)
			return NULL;
		if (n->n_asked == ASK_TIMES) {
			entry_del(t, n);
			continue;
		}
		n->n_asked++;
		timed_add(t, n, now_ns + ASK_EVERY_NS);
		return n;
	}
	return NULL;
}

bool neigh_take(struct neigh_table *t, struct pkt *out, bool *has_failed)
{
	uint32_t index = t->out_first;
	struct held *h = &t->held[index];

	if (index == 0)
		return false;
	*out = h->pkt;
	*has_failed = h->has_failed;
	--*held_of(t, &h->pkt);
	t->n_held_big -= h->pkt.m->nb_segs > 1;
	t->out_first = h->next;
	if (t->out_first == 0)
		t->out_last = 0;
	*h = (struct held){ .next = t->free_held };
	t->free_held = index;
	t->n_held--;
	return true;
}

uint32_t neigh_check(const struct neigh_table *t, uint32_t record)
{
	return neigh_store_check(&t->store, record);
}

uint64_t neigh_due_ns(const struct neigh_table *t)
{
	if (t->out_first != 0)
		return 1; /* at once */
	return t->timed_first != 0 ? t->entry[t->timed_first].due_ns : 0;
}

uint32_t neigh_held(const struct neigh_table *t)
{
	return t->n_held;
}

void neigh_flush(struct neigh_table *t, uint16_t network_id)
{
	for (uint32_t i = 1; i <= NEIGH_TABLE_MAX; i++)
		if (t->entry[i].network_id != NETWORK_ID_NONE
			&& (network_id == 0 || t->entry[i].network_id == network_id))
			entry_del(t, &t->entry[i]);
}

void neigh_set_limits(struct neigh_table *t, const struct snapshot *cfg)
{
	for (unsigned id = 1; id < NETWORK_ID_MAX; id++)
		t->network_limit[id] = cfg->network[id].conf.neigh_limit;
	for (unsigned id = 1; id < VIF_ID_MAX; id++)
		t->unresolved_limit[id] = cfg->port[id].unresolved_limit;
}

void neigh_keep(struct neigh_table *t, const bool *keep)
{
	for (uint32_t i = 1; i <= NEIGH_TABLE_MAX; i++)
		if (t->entry[i].network_id != NETWORK_ID_NONE && !keep[t->entry[i].network_id])
			entry_del(t, &t->entry[i]);
}

uint32_t neigh_dump(const struct neigh_table *t, uint16_t network_id, uint32_t *cursor,
	uint64_t now_ns, struct msg_neigh_entry *out, uint32_t max)
{
	uint32_t n_out = 0, i = *cursor;

	*cursor = 0;
	for (i++; i != 0 && i <= NEIGH_TABLE_MAX; i++) {
		const struct neigh *n = &t->entry[i];

		if (n->network_id == NETWORK_ID_NONE
			|| (network_id != 0 && n->network_id != network_id))
			continue;
		if (n_out == max) {
			*cursor = i - 1;
			break;
		}
		out[n_out] = (struct msg_neigh_entry){
			.network_id = n->network_id,
			.state = n->state == NEIGH_REACHABLE && now_ns - n->since_ns >= REACHABLE_NS
				? NEIGH_STALE
				: n->state,
			.n_queued = n->n_held,
			.age_ms = (uint32_t)((now_ns - n->since_ns) / NS_PER_MS),
		};
		memcpy(out[n_out].addr, n->addr, 16);
		memcpy(out[n_out++].mac, n->mac, 6);
	}
	return n_out;
}

void neigh_destroy(struct neigh_table *t)
{
	bool has_failed;
	struct pkt p;

	if (t == NULL)
		return;
	neigh_store_detach(&t->store);
	for (uint32_t i = 1; i <= NEIGH_TABLE_MAX; i++)
		t->entry[i].record = IXTAB_NONE; /* the next engine's */
	neigh_flush(t, 0);
	while (neigh_take(t, &p, &has_failed))
		rte_pktmbuf_free(p.m);
	free(t);
}

struct neigh_table *neigh_create(void)
{
	struct neigh_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	if (getrandom(&t->key, sizeof(t->key), 0) != sizeof(t->key)) {
		free(t);
		return NULL;
	}
	for (uint32_t i = NEIGH_TABLE_MAX; i > 0; i--) {
		t->entry[i].next_in_bucket = t->free_entry;
		t->free_entry = i;
	}
	for (uint32_t i = HELD_MAX; i > 0; i--) {
		t->held[i].next = t->free_held;
		t->free_held = i;
	}
	return t;
}

/* Put in what the segment says, as STALE. */
static int known_take(struct neigh_table *t, uint64_t now_ns)
{
	struct neigh_known *known = calloc(NEIGH_TABLE_MAX, sizeof(*known));
	uint32_t n_known;

	if (known == NULL)
		return -ENOMEM;
	n_known = neigh_store_read(&t->store, now_ns, known);
	for (uint32_t i = 0; i < n_known; i++) {
		struct neigh *n = entry_new(t, known[i].network_id, known[i].addr);

		if (n == NULL) { /* never: the oldest of the network makes room */
			neigh_store_del(&t->store, known[i].index);
			continue;
		}
		n->state = NEIGH_STALE;
		n->since_ns = known[i].since_ns;
		n->record = known[i].index;
		memcpy(n->mac, known[i].mac, 6);
		neigh_store_touch(&t->store, n->record, n->since_ns, 0);
	}
	free(known);
	return 0;
}

struct neigh_table *neigh_attach(void *segment, size_t size, uint64_t now_ns, struct err *e)
{
	struct neigh_table *t = neigh_create();
	int rc = -ENOMEM;

	if (t != NULL)
		rc = neigh_store_attach(&t->store, segment, size, e);
	if (rc == 0)
		rc = known_take(t, now_ns);
	if (rc == 0)
		return t;
	if (rc == -ENOMEM)
		err_set(e, rc, "neighbours", "no memory for the table of neighbours");
	neigh_destroy(t);
	return NULL;
}
