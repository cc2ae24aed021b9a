/* SPDX-License-Identifier: Apache-2.0 */
/* frag.c - holds fragments until their datagram is whole, and refuses those that contradict.
 *
 * From: bridge/router.c.  To: the same, piece by piece.
 * Theory: all wait until all are there.  Passing a piece on before would be quicker, but what
 * overlaps is known only at the end, and a guest behind us would have to refuse it (RFC 5722, and
 * the same for IPv4).  A datagram that was refused stays known until its time is over, so that what
 * still comes of it is refused too.  Records and held packets are two pools with free lists; the
 * records of a vif, and all of them, are lists by age, since all wait equally long.
 * Invariants: a record's pieces are in order of offset and apart; dgram 0 and piece 0 are nobody.
 * Thread: worker. */
#include "bridge/frag.h"

#include "vif/pkt_parse.h"
#include "vswitch/base/clock.h"
#include "vswitch/base/siphash.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define N_DGRAMS 1024 /* with 0, which is none */
#define N_BUCKETS 1024
#define PAYLOAD_MAX 65535u
#define PROTO_FRAGMENT 44

struct key {
	uint8_t src[16], dst[16];
	uint32_t id;
	uint16_t network_id;
	uint8_t proto; /* IPv6: 0, RFC 8200 §4.5 does not count it */
	uint8_t is_v6;
};

/* What one fragment says. */
struct span {
	uint32_t off, len;
	bool is_last;
};

struct piece {
	struct pkt pkt;
	struct span span;
	uint16_t next;
	bool is_first; /* of those that are given back */
};

/* Place in a list; by index of the record. */
struct link {
	uint16_t prev, next;
};

struct dgram {
	struct key key;
	uint64_t born_ns;
	uint32_t have, total; /* bytes; .total 0: the last piece is not there */
	uint16_t pieces, n_pieces;
	uint16_t vif_id; /* whose it is */
	uint16_t next_in_bucket;
	struct link all, of_vif; /* by age */
	bool is_dead; /* refused: holds nothing, and refuses what comes */
};

struct list {
	uint16_t first, last;
};

struct frag_table {
	struct sipkey hash_key;
	uint16_t bucket[N_BUCKETS];
	struct list all, of_vif[VIF_ID_MAX], out;
	uint16_t n_dgrams_of[VIF_ID_MAX], n_pieces_of[VIF_ID_MAX];
	uint16_t free_dgram, free_piece;
	uint32_t n_held, n_held_big;
	struct dgram dgram[N_DGRAMS];
	struct piece piece[FRAG_HELD_MAX + 1];
};

static unsigned bucket_of(const struct frag_table *t, const struct key *k)
{
	return siphash13(&t->hash_key, k, sizeof(*k)) % N_BUCKETS;
}

/* The fragment header of @p, IPv6; NULL: it cannot be read. */
static const uint8_t *fragment_header(const struct pkt *p)
{
	const uint8_t *ip = pkt_bytes(p) + p->l3_off;
	uint32_t off = p->l3_off + 40u;
	uint8_t proto = ip[6];

	for (unsigned n = 0; n <= PKT_IP6_EXT_MAX; n++) {
		const uint8_t *h = pkt_hdr(p, off, 8);

		if (h == NULL || proto == PROTO_FRAGMENT)
			return h;
		if (pkt_ip6_ext_len(proto, h) == 0)
			return NULL;
		off += pkt_ip6_ext_len(proto, h);
		proto = h[0];
	}
	return NULL;
}

static bool read_v6(const struct pkt *p, struct key *k, struct span *s)
{
	const uint8_t *ip = pkt_bytes(p) + p->l3_off, *h = fragment_header(p);
	uint32_t end = 40u + (uint32_t)(ip[4] << 8 | ip[5]), at;

	if (h == NULL)
		return false;
	at = (uint32_t)(h - ip) + 8;
	memcpy(k->src, ip + 8, 16);
	memcpy(k->dst, ip + 24, 16);
	memcpy(&k->id, h + 4, 4);
	k->is_v6 = 1;
	s->off = (uint32_t)(h[2] << 8 | h[3]) & 0xfff8;
	s->is_last = (h[3] & 1) == 0;
	if (end < at)
		return false;
	s->len = end - at;
	return true;
}

static void read_v4(const struct pkt *p, struct key *k, struct span *s)
{
	const uint8_t *ip = pkt_bytes(p) + p->l3_off;
	uint32_t frag = (uint32_t)(ip[6] << 8 | ip[7]);

	memcpy(k->src, ip + 12, 4);
	memcpy(k->dst, ip + 16, 4);
	k->id = (uint32_t)(ip[4] << 8 | ip[5]);
	k->proto = ip[9];
	s->off = (frag & 0x1fff) * 8;
	s->is_last = (frag & 0x2000) == 0;
	s->len = (uint32_t)(ip[2] << 8 | ip[3]) - (ip[0] & 15u) * 4u;
}

bool frag_is_later(const struct pkt *p)
{
	struct span s = { 0 };
	struct key k;

	if (p->flags & PKT_IS_IP6)
		return !read_v6(p, &k, &s) || s.off != 0;
	read_v4(p, &k, &s);
	return s.off != 0;
}

static void list_push(struct frag_table *t, struct list *l, uint16_t i, size_t link_at)
{
	struct link *me = (struct link *)(void *)((char *)&t->dgram[i] + link_at);

	me->prev = l->last;
	me->next = 0;
	if (l->last != 0)
		((struct link *)(void *)((char *)&t->dgram[l->last] + link_at))->next = i;
	else
		l->first = i;
	l->last = i;
}

static void list_pull(struct frag_table *t, struct list *l, uint16_t i, size_t link_at)
{
	struct link *me = (struct link *)(void *)((char *)&t->dgram[i] + link_at);

	if (me->prev != 0)
		((struct link *)(void *)((char *)&t->dgram[me->prev] + link_at))->next = me->next;
	else
		l->first = me->next;
	if (me->next != 0)
		((struct link *)(void *)((char *)&t->dgram[me->next] + link_at))->prev = me->prev;
	else
		l->last = me->prev;
}

/* Give the pieces of @d back, for @why when they are lost. */
static void release(struct frag_table *t, struct dgram *d, enum drop_reason why)
{
	uint16_t i = d->pieces;

	if (i == 0)
		return;
	t->piece[i].is_first = true;
	if (t->out.last != 0)
		t->piece[t->out.last].next = i;
	else
		t->out.first = i;
	for (; i != 0; i = t->piece[i].next) {
		if (why != DROP_NONE)
			pkt_drop(&t->piece[i].pkt, why);
		t->out.last = i;
	}
	d->pieces = 0;
	d->n_pieces = 0;
}

static void dgram_del(struct frag_table *t, uint16_t i)
{
	struct dgram *d = &t->dgram[i];
	uint16_t *at = &t->bucket[bucket_of(t, &d->key)];

	while (*at != i)
		at = &t->dgram[*at].next_in_bucket;
	*at = d->next_in_bucket;
	list_pull(t, &t->all, i, offsetof(struct dgram, all));
	list_pull(t, &t->of_vif[d->vif_id], i, offsetof(struct dgram, of_vif));
	t->n_dgrams_of[d->vif_id]--;
	*d = (struct dgram){ .next_in_bucket = t->free_dgram };
	t->free_dgram = i;
}

static void lose(struct frag_table *t, uint16_t i, enum drop_reason why)
{
	release(t, &t->dgram[i], why);
	dgram_del(t, i);
}

static uint16_t dgram_find(struct frag_table *t, const struct key *k)
{
	uint16_t i = t->bucket[bucket_of(t, k)];

	while (i != 0 && memcmp(&t->dgram[i].key, k, sizeof(*k)) != 0)
		i = t->dgram[i].next_in_bucket;
	return i;
}

static uint16_t dgram_add(
	struct frag_table *t, const struct key *k, uint16_t vif_id, uint64_t now_ns)
{
	uint16_t i, *bucket = &t->bucket[bucket_of(t, k)];

	if (t->n_dgrams_of[vif_id] == FRAG_VIF_DATAGRAMS_MAX)
		lose(t, t->of_vif[vif_id].first, DROP_FRAG_QUOTA);
	if (t->free_dgram == 0 && t->of_vif[vif_id].first != 0)
		lose(t, t->of_vif[vif_id].first, DROP_FRAG_QUOTA);
	i = t->free_dgram;
	if (i == 0)
		return 0;
	t->free_dgram = t->dgram[i].next_in_bucket;
	t->dgram[i] = (struct dgram){
		.key = *k, .born_ns = now_ns, .vif_id = vif_id, .next_in_bucket = *bucket
	};
	*bucket = i;
	list_push(t, &t->all, i, offsetof(struct dgram, all));
	list_push(t, &t->of_vif[vif_id], i, offsetof(struct dgram, of_vif));
	t->n_dgrams_of[vif_id]++;
	return i;
}

/* Is the piece honest by itself? */
static enum drop_reason check_span(const struct pkt *p, const struct span *s)
{
	bool must_have_l4 = p->ip_proto == 6 || p->ip_proto == 17 || p->ip_proto == 1
		|| p->ip_proto == 58 || p->ip_proto == 132;

	if (s->len == 0 || s->off + s->len > PAYLOAD_MAX || (!s->is_last && s->len % 8 != 0))
		return DROP_IP_MALFORMED;
	if (!s->is_last && s->len < FRAG_LEN_MIN)
		return DROP_FRAG_TINY;
	if (s->off == 0 && must_have_l4 && (p->flags & PKT_HAS_L4) == 0)
		return DROP_FRAG_TINY; /* RFC 1858, RFC 7112 */
	return DROP_NONE;
}

/* Where the piece goes among those of @d; *@why: it does not, or (DROP_FRAG_OVERLAP) all go. */
static uint16_t *place_of(
	struct frag_table *t, struct dgram *d, const struct span *s, enum drop_reason *why)
{
	uint16_t *at = &d->pieces;
	uint32_t end = 0;

	*why = DROP_NONE;
	while (*at != 0 && t->piece[*at].span.off < s->off) {
		end = t->piece[*at].span.off + t->piece[*at].span.len;
		at = &t->piece[*at].next;
	}
	if (*at != 0) {
		const struct span *next = &t->piece[*at].span;

		if (next->off == s->off && next->len == s->len && next->is_last == s->is_last) {
			*why = DROP_DUP_FRAG;
			return at;
		}
		if (s->off + s->len > next->off || s->is_last)
			*why = DROP_FRAG_OVERLAP;
	}
	if (end > s->off || (d->total != 0 && (s->is_last || s->off + s->len > d->total)))
		*why = DROP_FRAG_OVERLAP;
	return at;
}

/* Room for one more piece of @vif_id; its own oldest datagram but @keep makes it. */
static uint16_t piece_take(struct frag_table *t, const struct pkt *p, uint16_t keep)
{
	uint16_t i, first = t->of_vif[p->in_vif].first;

	/* What is given back is not free before it has been taken: one more is lost now. */
	if (t->n_pieces_of[p->in_vif] >= FRAG_VIF_HELD_MAX && first != keep)
		lose(t, first, DROP_FRAG_QUOTA);
	if (t->n_pieces_of[p->in_vif] >= FRAG_VIF_HELD_MAX || t->free_piece == 0
		|| (p->m->nb_segs > 1 && t->n_held_big == FRAG_HELD_BIG_MAX))
		return 0;
	i = t->free_piece;
	t->free_piece = t->piece[i].next;
	return i;
}

static void hold(struct frag_table *t, struct dgram *d, uint16_t *at, struct pkt *p, uint16_t i,
	const struct span *s)
{
	t->piece[i] = (struct piece){ .pkt = *p, .span = *s, .next = *at };
	*at = i;
	d->n_pieces++;
	d->have += s->len;
	if (s->is_last)
		d->total = s->off + s->len;
	t->n_pieces_of[p->in_vif]++;
	t->n_held++;
	t->n_held_big += p->m->nb_segs > 1;
	p->m = NULL;
}

void frag_add(struct frag_table *t, struct pkt *p, uint64_t now_ns)
{
	struct key k = { .network_id = p->network_id };
	struct span s = { 0 };
	enum drop_reason why;
	uint16_t i, *at, piece;

	if ((p->flags & PKT_IS_IP6) != 0 && !read_v6(p, &k, &s)) {
		pkt_drop(p, DROP_IP_MALFORMED);
		return;
	}
	if ((p->flags & PKT_IS_IP6) == 0)
		read_v4(p, &k, &s);
	why = check_span(p, &s);
	i = why == DROP_NONE ? dgram_find(t, &k) : 0;
	if (why == DROP_NONE && i == 0) {
		i = dgram_add(t, &k, p->in_vif, now_ns);
		why = i == 0 ? DROP_FRAG_QUOTA : DROP_NONE;
	}
	if (why == DROP_NONE && t->dgram[i].is_dead)
		why = DROP_FRAG_OVERLAP;
	if (why == DROP_NONE && t->dgram[i].n_pieces == FRAG_PIECES_MAX)
		why = DROP_FRAG_QUOTA;
	if (why != DROP_NONE) {
		pkt_drop(p, why);
		return;
	}
	piece = piece_take(t, p, i);
	at = place_of(t, &t->dgram[i], &s, &why);
	if (why == DROP_FRAG_OVERLAP) {
		release(t, &t->dgram[i], why);
		t->dgram[i].is_dead = true;
	}
	if (why == DROP_NONE && piece == 0)
		why = DROP_FRAG_QUOTA;
	if (why != DROP_NONE) {
		pkt_drop(p, why);
		if (piece != 0) {
			t->piece[piece].next = t->free_piece;
			t->free_piece = piece;
		}
		return;
	}
	hold(t, &t->dgram[i], at, p, piece, &s);
	if (t->dgram[i].total != 0 && t->dgram[i].have == t->dgram[i].total)
		lose(t, i, DROP_NONE);
}

bool frag_take(struct frag_table *t, struct pkt *out, bool *is_first)
{
	uint16_t i = t->out.first;
	struct piece *p = &t->piece[i];

	if (i == 0)
		return false;
	*out = p->pkt;
	*is_first = p->is_first;
	t->out.first = p->next;
	if (t->out.first == 0)
		t->out.last = 0;
	t->n_held--;
	t->n_held_big -= out->m->nb_segs > 1;
	t->n_pieces_of[out->in_vif]--;
	*p = (struct piece){ .next = t->free_piece };
	t->free_piece = i;
	return true;
}

void frag_put_back(struct frag_table *t, const struct pkt *p)
{
	uint16_t i = t->free_piece;

	if (i == 0) {
		rte_pktmbuf_free(p->m);
		return;
	}
	t->free_piece = t->piece[i].next;
	t->piece[i] = (struct piece){ .pkt = *p };
	if (t->out.last != 0)
		t->piece[t->out.last].next = i;
	else
		t->out.first = i;
	t->out.last = i;
	t->n_held++;
	t->n_pieces_of[p->in_vif]++;
}

void frag_age(struct frag_table *t, uint64_t now_ns)
{
	while (t->all.first != 0 && t->dgram[t->all.first].born_ns + FRAG_WAIT_NS <= now_ns)
		lose(t, t->all.first, DROP_FRAG_REASM_TIMEOUT);
}

uint64_t frag_due_ns(const struct frag_table *t)
{
	if (t->out.first != 0)
		return 1; /* at once */
	return t->all.first != 0 ? t->dgram[t->all.first].born_ns + FRAG_WAIT_NS : 0;
}

uint32_t frag_held(const struct frag_table *t)
{
	return t->n_held;
}

void frag_keep(struct frag_table *t, const bool *keep)
{
	for (uint16_t i = t->all.first, next; i != 0; i = next) {
		next = t->dgram[i].all.next;
		if (!keep[t->dgram[i].key.network_id])
			lose(t, i, DROP_FRAG_REASM_TIMEOUT);
	}
}

void frag_destroy(struct frag_table *t)
{
	struct pkt p;
	bool is_first;

	if (t == NULL)
		return;
	while (t->all.first != 0)
		lose(t, t->all.first, DROP_FRAG_REASM_TIMEOUT);
	while (frag_take(t, &p, &is_first))
		rte_pktmbuf_free(p.m);
	free(t);
}

struct frag_table *frag_create(void)
{
	struct frag_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	if (getrandom(&t->hash_key, sizeof(t->hash_key), 0) != sizeof(t->hash_key)) {
		free(t);
		return NULL;
	}
	for (uint16_t i = N_DGRAMS - 1; i > 0; i--) {
		t->dgram[i].next_in_bucket = t->free_dgram;
		t->free_dgram = i;
	}
	for (uint16_t i = FRAG_HELD_MAX; i > 0; i--) {
		t->piece[i].next = t->free_piece;
		t->free_piece = i;
	}
	return t;
}
