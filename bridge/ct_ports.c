/* SPDX-License-Identifier: Apache-2.0 */
/* ct_ports.c - counts the ports of uplinks' addresses; finds a free one in constant time.
 *
 * From: bridge/ct.c (connections come and go), bridge/nat.c (search).  To: private tables.
 * Theory: a port may serve many connections, to different hosts, so ports are counted; one bit a
 * port says whether it is free, and a search looks at 64 at once from a random place on: with 95 of
 * 100 taken a free one is in the first or second word.  A guest that may hold so many ports only
 * shares its own among further destinations, so that it cannot take what others need.
 * What a source was given once it is given again for other destinations, as Linux does it: that is
 * endpoint-independent mapping (RFC 4787 REQ-1).  Who has a port is known by a hash of its source;
 * two that collide share a port, which costs nothing, as every answer is found by its whole tuple.
 * Invariants: bit set iff count[port] == 0; n_of[v] ports have owner v.
 * Thread: worker. */
#include "bridge/ct_ports.h"

#include "vswitch/base/siphash.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#define N_PORTS 65536u
#define N_WORDS (N_PORTS / 64)
#define OWN_SPAN 8192 /* ports looked at for one that the vif has */

/* Who was given a port first. */
struct holder {
	uint8_t addr[16];
	be16 port;
	uint16_t network_id;
	uint16_t n; /* connections of its; the port may have others, too */
};

struct set {
	uint8_t proto;
	uint16_t network_id;
	uint32_t n_taken;
	uint8_t addr[16];
	uint16_t n_of[VIF_ID_MAX];
	uint64_t taken[N_WORDS];
	uint16_t count[N_PORTS];
	uint16_t owner[N_PORTS];
	uint16_t hint[VIF_ID_MAX]; /* its port that was found last */
	struct holder holder[N_PORTS];
	uint32_t source[N_PORTS]; /* hash of the holder */
	uint16_t head[N_PORTS], next[N_PORTS]; /* ports by the low bits of that */
};

#define SETS_SIZE (CT_PORT_SETS * sizeof(struct set))

struct ct_ports {
	uint32_t n_sets;
	struct sipkey key;
	struct set *set; /* [CT_PORT_SETS], see ct_ports_map(); pages are touched when needed */
};

static struct set *set_find(const struct ct_ports *p, const struct ct_tuple *reply)
{
	for (uint32_t i = 0; i < p->n_sets; i++) {
		struct set *s = &p->set[i];

		if (s->proto == reply->proto && s->network_id == reply->network_id
			&& memcmp(s->addr, reply->dst, 16) == 0)
			return s;
	}
	return NULL;
}

bool ct_ports_map(struct ct_ports *p)
{
	void *set;

	if (p->set != NULL)
		return true;
	set = mmap(NULL, SETS_SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (set != MAP_FAILED)
		p->set = set;
	return p->set != NULL;
}

static struct set *set_add(struct ct_ports *p, const struct ct_tuple *reply)
{
	struct set *s = NULL;

	if (!ct_ports_map(p)) /* a worker cannot: there it has been done */
		return NULL;
	for (uint32_t i = 0; s == NULL && i < p->n_sets; i++)
		if (p->set[i].n_taken == 0) /* of an address that is perhaps no longer ours */
			s = &p->set[i];
	if (s == NULL && p->n_sets < CT_PORT_SETS)
		s = &p->set[p->n_sets++];
	if (s == NULL)
		return NULL;
	s->proto = reply->proto;
	s->network_id = reply->network_id;
	memcpy(s->addr, reply->dst, 16);
	return s;
}

bool ct_ports_has(const struct ct_ports *p, const struct ct_tuple *reply)
{
	if (set_find(p, reply) != NULL || p->n_sets < CT_PORT_SETS)
		return true;
	for (uint32_t i = 0; i < p->n_sets; i++)
		if (p->set[i].n_taken == 0)
			return true;
	return false;
}

static uint32_t source_hash(const struct ct_ports *p, const struct ct_tuple *orig)
{
	uint8_t source[20];

	memcpy(source, orig->src, 16);
	memcpy(source + 16, &orig->sport, 2);
	memcpy(source + 18, &orig->network_id, 2);
	return (uint32_t)siphash13(&p->key, source, sizeof(source));
}

static bool is_holder(const struct holder *h, const struct ct_tuple *orig)
{
	return h->n > 0 && h->port == orig->sport && h->network_id == orig->network_id
		&& memcmp(h->addr, orig->src, 16) == 0;
}

static void chain_del(struct set *s, uint16_t port)
{
	uint16_t *at = &s->head[s->source[port] % N_PORTS];

	while (*at != port)
		at = &s->next[*at];
	*at = s->next[port];
}

void ct_ports_take(struct ct_ports *p, const struct ct_tuple *orig, const struct ct_tuple *reply,
	uint16_t vif_id)
{
	struct set *s = set_find(p, reply);
	uint16_t port = be16toh(reply->dport), *head;

	if (s == NULL)
		s = set_add(p, reply);
	if (s == NULL || s->count[port] == UINT16_MAX)
		return;
	if (s->count[port]++ > 0) {
		s->holder[port].n += is_holder(&s->holder[port], orig);
		return;
	}
	s->holder[port]
		= (struct holder){ .port = orig->sport, .network_id = orig->network_id, .n = 1 };
	memcpy(s->holder[port].addr, orig->src, 16);
	s->taken[port / 64] |= UINT64_C(1) << port % 64;
	s->owner[port] = vif_id;
	s->source[port] = source_hash(p, orig);
	head = &s->head[s->source[port] % N_PORTS];
	s->next[port] = *head;
	*head = port;
	s->n_of[vif_id]++;
	s->n_taken++;
}

void ct_ports_give(struct ct_ports *p, const struct ct_tuple *orig, const struct ct_tuple *reply)
{
	struct set *s = set_find(p, reply);
	uint16_t port = be16toh(reply->dport);

	if (s == NULL || s->count[port] == 0)
		return;
	s->holder[port].n -= is_holder(&s->holder[port], orig);
	if (--s->count[port] > 0)
		return;
	s->taken[port / 64] &= ~(UINT64_C(1) << port % 64);
	chain_del(s, port);
	s->n_of[s->owner[port]]--;
	s->n_taken--;
}

uint32_t ct_ports_held(const struct ct_ports *p, const struct ct_tuple *reply, uint16_t vif_id)
{
	const struct set *s = set_find(p, reply);

	return s != NULL ? s->n_of[vif_id] : 0;
}

bool ct_ports_may(const struct ct_ports *p, const struct ct_ports_want *want, uint16_t port)
{
	const struct set *s = set_find(p, want->reply);

	if (s == NULL || s->n_of[want->vif_id] < want->limit)
		return true;
	return s->count[port] > 0 && s->owner[port] == want->vif_id;
}

bool ct_ports_is_free(const struct ct_ports *p, const struct ct_tuple *reply, uint16_t port)
{
	const struct set *s = set_find(p, reply);

	return s == NULL || s->count[port] == 0;
}

bool ct_ports_holder(const struct ct_ports *p, const struct ct_tuple *arrived, struct ct_tuple *out)
{
	const struct set *s = set_find(p, arrived);
	const struct holder *h = s != NULL ? &s->holder[be16toh(arrived->dport)] : NULL;

	if (h == NULL || s->count[be16toh(arrived->dport)] == 0 || h->n == 0)
		return false;
	memcpy(out->src, h->addr, 16);
	out->sport = h->port;
	out->network_id = h->network_id;
	return true;
}

/* The free ports of word @w between first and last. */
static uint64_t free_of(const struct set *s, const struct ct_ports_want *want, uint32_t w)
{
	uint64_t is_free = ~s->taken[w];

	if (w == want->first / 64u)
		is_free &= UINT64_MAX << want->first % 64;
	if (w == want->last / 64u)
		is_free &= UINT64_MAX >> (63 - want->last % 64);
	return is_free;
}

uint16_t ct_ports_free(const struct ct_ports *p, const struct ct_ports_want *want)
{
	const struct set *s = set_find(p, want->reply);
	uint32_t low = want->first / 64u, n = want->last / 64u - low + 1;
	uint32_t at = want->random % (want->last - want->first + 1u) + want->first;
	uint64_t mask = UINT64_MAX << at % 64;

	if (s == NULL)
		return (uint16_t)at;
	if (s->n_of[want->vif_id] >= want->limit)
		return 0;
	/* the word of @at first from there on, at last as a whole */
	for (uint32_t i = 0, w = at / 64; i <= n; i++) {
		uint64_t is_free = free_of(s, want, w) & mask;

		if (is_free != 0)
			return (uint16_t)(w * 64 + (uint32_t)__builtin_ctzll(is_free));
		mask = UINT64_MAX;
		w = w + 1 == low + n ? low : w + 1;
	}
	return 0;
}

uint16_t ct_ports_own(struct ct_ports *p, const struct ct_ports_want *want)
{
	struct set *s = set_find(p, want->reply);
	uint32_t span = want->last - want->first + 1u;
	bool is_own;

	for (uint32_t i = 1; s != NULL && i <= MIN(span, (uint32_t)OWN_SPAN); i++) {
		uint32_t port = want->first
			+ (s->hint[want->vif_id] + N_PORTS * 2u - want->first + i) % span;

		is_own = s->owner[port] == want->vif_id && s->count[port] > 0;
		if (is_own || i == OWN_SPAN) /* the next search goes on behind it */
			s->hint[want->vif_id] = (uint16_t)port;
		if (is_own)
			return (uint16_t)port;
	}
	return 0;
}

uint16_t ct_ports_of_source(const struct ct_ports *p, const struct ct_ports_want *want)
{
	const struct set *s = set_find(p, want->reply);
	uint32_t hash = s != NULL ? source_hash(p, want->orig) : 0;
	uint16_t port = s != NULL ? s->head[hash % N_PORTS] : 0;

	while (port != 0 && s->source[port] != hash)
		port = s->next[port];
	return port >= want->first && port <= want->last ? port : 0;
}

void ct_ports_destroy(struct ct_ports *p)
{
	if (p == NULL)
		return;
	if (p->set != NULL)
		munmap(p->set, SETS_SIZE);
	free(p);
}

struct ct_ports *ct_ports_create(void)
{
	struct ct_ports *p = calloc(1, sizeof(*p));

	if (p == NULL || getrandom(&p->key, sizeof(p->key), 0) == sizeof(p->key))
		return p;
	free(p);
	return NULL;
}
