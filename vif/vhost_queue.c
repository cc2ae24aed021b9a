/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_queue.c - frames out of a guest and into it, through either kind of ring.
 *
 * From: vhost_net.c (worker).  To: guest memory.
 * Theory: heads are fetched for a whole burst, so that descriptors and then the bytes they point to are
 * on their way into the cache before they are needed.  A buffer of one descriptor that lies in one region is
 * copied straight; everything else is walked, descriptor by descriptor, with a bound.  Both rings share
 * all of it: the functions that differ come from vhost_split.h and vhost_packed.h, chosen by a constant, so that each
 * ring gets its own compiled loop.
 * What was taken is given back in order, once a call, after the bytes; a frame that finds too few
 * buffers leaves the queue as it was.
 * Invariants: between two calls nothing is in flight; every value of the guest's is loaded once, into a
 * private copy; no walk takes more than VHOST_CHAIN_MAX steps; a fault in guest memory ends a call and the queue.
 * Thread: worker; one a queue. */
#include "vif/vhost_queue.h"

#include "vif/guest_guard.h"
#include "vif/vhost_packed.h"
#include "vif/vhost_split.h"
#include "vswitch/abi/limits.h"

#define HDR_LEN_MAX sizeof(struct virtio_net_hdr_v1)

static inline void fetch(struct vhost_queue *q, struct vhost_window *w, unsigned max, bool packed)
{
	if (packed)
		packed_fetch(q, w, max);
	else
		split_fetch(q, w, max);
}

/* Load descriptor @i of an indirect table. */
static int table_load(struct vhost_queue *q, struct vhost_chain *c, uint32_t i)
{
	uint64_t words[2];

	if (i >= c->table_n)
		return -VHOST_BAD_NEXT;
	/* bounded: i < 2^28 and the end of the table was checked not to wrap */
	if (!guest_get_at(q, c->table + i * VHOST_DESC_LEN, words, VHOST_DESC_LEN))
		return -VHOST_BAD_ADDRESS;
	c->d = q->is_packed ? desc_packed(words[0], words[1]) : desc_split(words[0], words[1]);
	c->at = i;
	return 1;
}

/* virtio 1.2 §2.7.5.3, §2.8.7: "A driver MUST NOT set both VIRTQ_DESC_F_INDIRECT and VIRTQ_DESC_F_NEXT",
 * "MUST NOT create an indirect descriptor within an indirect descriptor". */
static int table_begin(struct vhost_queue *q, struct vhost_chain *c)
{
	uint64_t end;

	if (!q->has_indirect || (c->d.flags & VRING_DESC_F_NEXT) != 0 || c->d.len == 0
		|| c->d.len % VHOST_DESC_LEN != 0
		|| __builtin_add_overflow(c->d.addr, c->d.len, &end))
		return -VHOST_BAD_INDIRECT;
	c->table = c->d.addr;
	c->table_n = c->d.len / (uint32_t)VHOST_DESC_LEN;
	return table_load(q, c, 0);
}

/* What is true of every descriptor that holds bytes. */
static int desc_check(const struct vhost_queue *q, const struct vhost_chain *c)
{
	if (UNLIKELY((c->d.flags & VRING_DESC_F_INDIRECT) != 0))
		return -VHOST_BAD_INDIRECT;
	if (UNLIKELY(((c->d.flags & VRING_DESC_F_WRITE) != 0) == q->is_tx))
		return -VHOST_BAD_DIRECTION;
	return UNLIKELY(c->d.len == 0) ? -VHOST_ZERO_LENGTH : 1;
}

static int chain_begin(struct vhost_queue *q, const struct vhost_head *h, struct vhost_chain *c)
{
	int rc = 1;

	*c = (struct vhost_chain){ .d = h->d, .id = h->id, .n = 1, .n_slots = 1 };
	if ((c->d.flags & VRING_DESC_F_INDIRECT) != 0)
		rc = table_begin(q, c);
	return rc > 0 ? desc_check(q, c) : rc;
}

/* 1: c->d is the next descriptor; 0: there is none; else -enum vhost_broken. */
static int chain_next(struct vhost_queue *q, struct vhost_chain *c)
{
	int rc;

	if (c->n == VHOST_CHAIN_MAX || (c->table_n == 0 && c->n >= q->size))
		return (c->d.flags & VRING_DESC_F_NEXT) != 0 || c->at + 1 < c->table_n
			? -VHOST_CHAIN_TOO_LONG
			: 0;
	if (c->table_n == 0)
		rc = q->is_packed ? packed_next(q, c) : split_next(q, c);
	else if (q->is_packed) /* §2.8.7: the table's length says where it ends, NEXT is reserved */
		rc = c->at + 1 < c->table_n ? table_load(q, c, c->at + 1) : 0;
	else
		rc = (c->d.flags & VRING_DESC_F_NEXT) != 0 ? table_load(q, c, c->d.link) : 0;
	c->n++;
	return rc > 0 ? desc_check(q, c) : rc;
}

/* The next buffer of the guest's is ours: note that it goes back. */
static inline void take(
	struct vhost_queue *q, uint16_t id, uint32_t len, uint32_t n_slots, bool packed)
{
	uint32_t pos = q->pos;

	if (!packed) {
		split_take(q, id, len);
		return;
	}
	q->record->used[q->n_used++]
		= (struct vhost_used){ .id = id, .n_slots = (uint16_t)n_slots, .len = len };
	packed_move(q->size, &pos, &q->wrap, n_slots);
	queue_set_pos(q, (uint16_t)pos);
}

/* Give back everything taken. */
static void publish(struct vhost_queue *q, const struct dirty_log *log)
{
	uint16_t first = (uint16_t)q->record->state;
	uint32_t n_slots;

	if (q->n_used == 0)
		return;
	if (q->is_packed) {
		n_slots = q->pos - (first & 0x7fffu) + (q->wrap != first >> 15 ? q->size : 0u);
		packed_publish(q, log);
		q->should_call |= packed_wants_call(q, (uint16_t)n_slots);
	} else {
		split_publish(q, log);
		q->should_call |= split_wants_call(q);
	}
	q->n_used = 0;
}

/* ---- out of the guest ---- */

/* Where the bytes of a chain go: header, first buffer, rest; beyond that they are only counted. */
struct sink {
	struct vhost_rx *slot;
	uint32_t hdr_len;
	uint64_t len; /* so far, header included */
};

/* Copy what of [from, from + n) falls into the @room bytes at @to, which begin at @at of the whole. */
static void sink_part(
	const struct sink *s, uint64_t at, void *to, uint32_t room, const uint8_t *from, uint64_t n)
{
	uint64_t off = s->len > at ? s->len - at : 0; /* in the part */
	uint64_t skip = s->len < at ? at - s->len : 0; /* of the source */

	if (off < room && skip < n)
		guest_get((uint8_t *)to + off, from + skip, MIN(n - skip, room - off));
}

static void sink_put(struct sink *s, const uint8_t *from, uint64_t n)
{
	struct vhost_rx *r = s->slot;

	sink_part(s, 0, &r->hdr, s->hdr_len, from, n);
	sink_part(s, s->hdr_len, r->first, r->first_room, from, n);
	if (r->rest_room > 0)
		sink_part(s, (uint64_t)s->hdr_len + r->first_room, r->rest, r->rest_room, from, n);
	s->len += n;
}

/* Copy the bytes of one descriptor; false: not all are mapped. */
static bool sink_desc(struct vhost_queue *q, struct sink *s, const struct vhost_desc *d)
{
	uint64_t gpa = d->addr, left = d->len;
	uint8_t *at;

	while (left > 0) {
		uint64_t n = guest_mem_at(q->mem, &q->region_hint, gpa, left, &at);

		if (UNLIKELY(n == 0))
			return false;
		sink_put(s, at, n);
		gpa += n;
		left -= n;
	}
	return true;
}

/* Walk @h's buffer; true: the slot holds a frame. */
static bool frame_walk(struct vhost_queue *q, const struct vhost_head *h, struct vhost_rx *slot)
{
	struct sink s = { .slot = slot, .hdr_len = q->hdr_len };
	struct vhost_chain c;
	int rc;

	for (rc = chain_begin(q, h, &c); rc > 0; rc = chain_next(q, &c)) {
		if (!sink_desc(q, &s, &c.d)) {
			rc = -VHOST_BAD_ADDRESS;
			break;
		}
	}
	if (rc < 0) {
		queue_break(q, (enum vhost_broken) - rc);
		return false;
	}
	take(q, c.id, 0, c.n_slots, q->is_packed);
	if (s.len <= s.hdr_len) {
		q->n_too_small++;
		return false;
	}
	s.len -= s.hdr_len;
	if (s.len > FRAME_LEN_MAX || s.len > (uint64_t)slot->first_room + slot->rest_room) {
		q->n_too_big++;
		return false;
	}
	slot->len = (uint32_t)s.len;
	return true;
}

/* Is the buffer one descriptor in one piece? */
static inline bool head_is_plain(const struct vhost_queue *q, const struct vhost_head *h)
{
	uint16_t wrong = VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT | VRING_DESC_F_WRITE;
	uint16_t want = q->is_tx ? 0 : VRING_DESC_F_WRITE;

	return (h->d.flags & wrong) == want && h->mapped == h->d.len;
}

/* 12 or 10 bytes, both known to the compiler. */
static inline void header_get(struct virtio_net_hdr_v1 *to, const uint8_t *from, uint32_t hdr_len)
{
	if (LIKELY(hdr_len == sizeof(*to)))
		guest_get(to, from, sizeof(*to));
	else
		guest_get(to, from, sizeof(struct virtio_net_hdr));
}

static inline bool frame_out(
	struct vhost_queue *q, const struct vhost_head *h, struct vhost_rx *slot, bool packed)
{
	uint32_t hdr_len = q->hdr_len;
	uint32_t len = h->d.len - hdr_len;

	slot->hdr = (struct virtio_net_hdr_v1){ 0 };
	if (UNLIKELY(!head_is_plain(q, h) || h->d.len <= hdr_len || len > slot->first_room))
		return frame_walk(q, h, slot);
	header_get(&slot->hdr, h->at, hdr_len);
	guest_get(slot->first, h->at + hdr_len, len);
	slot->len = len;
	take(q, h->id, 0, 1, packed);
	return true;
}

static inline unsigned dequeue_ring(struct vhost_queue *q, const struct dirty_log *log,
	struct vhost_rx *slots, unsigned max, bool packed)
{
	struct vhost_window w __attribute__((uninitialized)); /* 2.5 KiB */
	unsigned n = 0, left;

	w.n = w.next = 0;
	w.has_avail_idx = false;
	/* a guest that sends what takes no slot (too small, too big) gets a bounded turn all the same */
	max = MIN(max, (unsigned)VHOST_BURST);
	for (left = 2 * max; n < max && left > 0 && q->broken == VHOST_FINE; left -= w.next) {
		fetch(q, &w, MIN(max - n, left), packed);
		if (w.n == 0)
			break;
		for (; w.next < w.n && q->broken == VHOST_FINE; w.next++) {
			if (w.next + 1 < w.n)
				head_prefetch_rest(
					q, &w.head[w.next + 1], w.head[w.next + 1].d.len);
			n += frame_out(q, &w.head[w.next], &slots[n], packed);
		}
	}
	publish(q, log);
	return n;
}

unsigned vhost_queue_dequeue(struct vhost_queue *q, struct vhost_rx *slots, unsigned max)
{
	const struct dirty_log *log = __atomic_load_n(&q->log, __ATOMIC_ACQUIRE);
	struct guest_guard g __attribute__((uninitialized));
	unsigned n;

	if (q->broken != VHOST_FINE)
		return 0;
	if (GUEST_GUARD_SET(&g)) {
		queue_break(q, VHOST_MEMORY_GONE);
		return 0;
	}
	guest_guard_begin(&g, q->mem, log);
	if (q->is_packed)
		n = dequeue_ring(q, log, slots, max, true);
	else
		n = dequeue_ring(q, log, slots, max, false);
	guest_guard_end(&g);
	return n;
}

/* ---- into the guest ---- */

/* What is still to be written of a frame: the header's room, then its segments. */
struct source {
	const struct vhost_tx *f;
	uint32_t hdr_left;
	uint32_t left; /* of the frame */
	uint32_t seg; /* 0: first, else rest[seg - 1] */
	uint32_t off; /* in it */
	/* Where the header lies: it is written when num_buffers is known. */
	unsigned n_hdr;
	struct {
		uint8_t *at;
		uint64_t gpa;
		uint32_t len;
	} hdr[HDR_LEN_MAX];
};

static uint32_t source_left(const struct source *s)
{
	return s->hdr_left + s->left;
}

/* Write to the @n bytes at @to; how many were. */
static uint32_t source_write(
	struct source *s, const struct dirty_log *log, uint8_t *to, uint64_t n, uint64_t gpa)
{
	uint32_t done = 0;

	if (s->hdr_left > 0) {
		done = (uint32_t)MIN((uint64_t)s->hdr_left, n);
		s->hdr[s->n_hdr].at = to;
		s->hdr[s->n_hdr].gpa = gpa;
		s->hdr[s->n_hdr++].len = done;
		s->hdr_left -= done;
	}
	while (done < n && s->left > 0) {
		const uint8_t *from = s->seg == 0 ? s->f->first : s->f->rest[s->seg - 1].iov_base;
		uint64_t len = s->seg == 0 ? s->f->first_len : s->f->rest[s->seg - 1].iov_len;
		uint32_t part = (uint32_t)MIN(len - s->off, MIN(n - done, (uint64_t)s->left));

		guest_put(log, to + done, from + s->off, part, gpa + done);
		done += part;
		s->left -= part;
		s->off += part;
		if (s->off == len) {
			s->seg++;
			s->off = 0;
		}
	}
	return done;
}

static void header_write(const struct source *s, const struct dirty_log *log, unsigned n_buffers)
{
	struct virtio_net_hdr_v1 hdr = s->f->hdr;
	const uint8_t *from = (const uint8_t *)&hdr;

	hdr.num_buffers = (uint16_t)n_buffers;
	for (unsigned i = 0; i < s->n_hdr; i++) {
		guest_put(log, s->hdr[i].at, from, s->hdr[i].len, s->hdr[i].gpa);
		from += s->hdr[i].len;
	}
}

/* Fill the buffer @h from @s.  Bytes written, or -enum vhost_broken. */
static int64_t buffer_fill(struct vhost_queue *q, const struct dirty_log *log,
	const struct vhost_head *h, struct source *s)
{
	uint32_t written = 0;
	struct vhost_chain c;
	int rc;

	for (rc = chain_begin(q, h, &c); rc > 0; rc = chain_next(q, &c)) {
		uint64_t gpa = c.d.addr, left = c.d.len;

		while (left > 0 && source_left(s) > 0) {
			uint8_t *at;
			uint64_t n = guest_mem_at(q->mem, &q->region_hint, gpa, left, &at);
			uint32_t done;

			if (UNLIKELY(n == 0))
				return -VHOST_BAD_ADDRESS;
			done = source_write(s, log, at, n, gpa);
			written += done;
			gpa += done;
			left -= done;
		}
		/* a chain of the packed ring is as long as it is, needed or not */
		if (source_left(s) == 0 && (!q->is_packed || c.table_n > 0))
			break;
	}
	if (rc < 0)
		return rc;
	take(q, c.id, written, c.n_slots, q->is_packed);
	return written;
}

enum fit {
	FIT_DONE,
	FIT_NO_ROOM, /* wait for buffers */
	FIT_NEVER, /* this frame never fits */
	FIT_FLUSH, /* the record is full: publish and try again */
};

/* Fill as many buffers as @f takes.  Nothing is taken unless all of it fitted. */
static enum fit frame_fill(struct vhost_queue *q, const struct dirty_log *log,
	struct vhost_window *w, struct vhost_tx *f, bool packed)
{
	struct source s = { .f = f, .hdr_left = q->hdr_len, .left = f->len };
	unsigned n_buffers = 0;

	while (source_left(&s) > 0) {
		int64_t rc;

		if (n_buffers > 0 && !q->has_mergeable)
			return FIT_NEVER;
		if (q->n_used == VHOST_USED_MAX)
			return q->n_used == n_buffers ? FIT_NEVER : FIT_FLUSH;
		if (w->next == w->n)
			fetch(q, w, VHOST_BURST, packed);
		if (w->next == w->n)
			return FIT_NO_ROOM;
		rc = buffer_fill(q, log, &w->head[w->next], &s);
		if (rc < 0) {
			queue_break(q, (enum vhost_broken) - rc);
			return FIT_NO_ROOM;
		}
		w->next++;
		n_buffers++;
		/* virtio 1.2 §5.1.6.3.1: the first buffer holds the header */
		if (s.hdr_left > 0)
			return FIT_NEVER;
	}
	header_write(&s, log, n_buffers);
	return FIT_DONE;
}

/* A frame that is not plain: all of its buffers, or the queue as it was. */
static enum fit frame_walk_in(struct vhost_queue *q, const struct dirty_log *log,
	struct vhost_window *w, struct vhost_tx *f, bool packed)
{
	uint16_t pos = q->pos, n_used = q->n_used;
	bool wrap = q->wrap;
	enum fit fit = frame_fill(q, log, w, f, packed);

	if (fit != FIT_DONE) {
		queue_set_pos(q, pos);
		q->wrap = wrap;
		q->n_used = n_used;
		w->n = w->next = 0; /* what was fetched begins elsewhere now */
	}
	return fit;
}

/* The header of a frame in one buffer.  Put together in registers: a load of what was just stored in smaller pieces
 * waits for all stores before it, among them those to lines that the guest's core still has. */
static inline void header_put(const struct dirty_log *log, const struct vhost_head *h,
	const struct virtio_net_hdr_v1 *hdr, uint32_t hdr_len)
{
	uint32_t last = hdr->csum_offset | 1u << 16; /* num_buffers */
	uint64_t first;

	static_assert(offsetof(struct virtio_net_hdr_v1, csum_offset) == sizeof(first), "virtio");
	memcpy(&first, hdr, sizeof(first));
	memcpy(h->at, &first, sizeof(first));
	if (LIKELY(hdr_len == sizeof(*hdr)))
		memcpy(h->at + sizeof(first), &last, sizeof(last));
	else
		memcpy(h->at + sizeof(first), &last, sizeof(uint16_t));
	if (UNLIKELY(log != NULL))
		dirty_log_mark(log, h->d.addr, hdr_len);
}

static inline enum fit frame_in(struct vhost_queue *q, const struct dirty_log *log,
	struct vhost_window *w, struct vhost_tx *f, bool packed)
{
	const struct vhost_head *h = &w->head[w->next];
	uint32_t hdr_len = q->hdr_len;

	if (w->next == w->n || !head_is_plain(q, h) || h->d.len - hdr_len < f->len
		|| h->d.len < hdr_len || f->n_rest > 0 || q->n_used == VHOST_USED_MAX)
		return frame_walk_in(q, log, w, f, packed);
	header_put(log, h, &f->hdr, hdr_len);
	guest_put(log, h->at + hdr_len, f->first, f->len, h->d.addr + hdr_len);
	take(q, h->id, hdr_len + f->len, 1, packed);
	w->next++;
	return FIT_DONE;
}

static inline unsigned enqueue_ring(struct vhost_queue *q, const struct dirty_log *log,
	struct vhost_tx *frames, unsigned n, bool packed)
{
	struct vhost_window w __attribute__((uninitialized)); /* 2.5 KiB */
	unsigned i = 0;

	w.n = w.next = 0;
	w.has_avail_idx = false;
	while (i < n && q->broken == VHOST_FINE) {
		enum fit fit;

		if (w.next == w.n)
			fetch(q, &w, MIN(n - i, (unsigned)VHOST_BURST), packed);
		if (w.n == 0)
			break;
		if (i + 1 < n && w.next + 1 < w.n)
			head_prefetch_rest(q, &w.head[w.next + 1], q->hdr_len + frames[i + 1].len);
		fit = frame_in(q, log, &w, &frames[i], packed);
		if (fit == FIT_NO_ROOM)
			break;
		if (fit == FIT_FLUSH) {
			publish(q, log);
			continue;
		}
		frames[i++].is_lost = fit == FIT_NEVER;
	}
	publish(q, log);
	return i;
}

unsigned vhost_queue_enqueue(struct vhost_queue *q, struct vhost_tx *frames, unsigned n)
{
	const struct dirty_log *log = __atomic_load_n(&q->log, __ATOMIC_ACQUIRE);
	struct guest_guard g __attribute__((uninitialized));
	unsigned done;

	if (q->broken != VHOST_FINE)
		return 0;
	if (GUEST_GUARD_SET(&g)) {
		queue_break(q, VHOST_MEMORY_GONE);
		return 0;
	}
	guest_guard_begin(&g, q->mem, log);
	if (q->is_packed)
		done = enqueue_ring(q, log, frames, n, true);
	else
		done = enqueue_ring(q, log, frames, n, false);
	guest_guard_end(&g);
	return done;
}

void vhost_queue_prefetch(const struct vhost_queue *q, unsigned n)
{
	if (q->is_packed)
		packed_prefetch(q, MIN(n, (unsigned)VHOST_BURST));
	else
		split_prefetch(q, MIN(n, (unsigned)VHOST_BURST));
}

/* ---- notifications ---- */

unsigned vhost_queue_n_ready(struct vhost_queue *q, unsigned max)
{
	struct guest_guard g __attribute__((uninitialized));
	unsigned n;

	if (q->broken != VHOST_FINE)
		return 0;
	if (GUEST_GUARD_SET(&g)) {
		queue_break(q, VHOST_MEMORY_GONE);
		return 0;
	}
	guest_guard_begin(&g, q->mem, NULL);
	n = q->is_packed ? packed_n_ready(q, max) : split_n_ready(q);
	guest_guard_end(&g);
	return MIN(n, max);
}

bool vhost_queue_arm(struct vhost_queue *q)
{
	const struct dirty_log *log = __atomic_load_n(&q->log, __ATOMIC_ACQUIRE);
	struct guest_guard g;
	bool is_ready;

	if (q->broken != VHOST_FINE)
		return false;
	if (GUEST_GUARD_SET(&g)) {
		queue_break(q, VHOST_MEMORY_GONE);
		return false;
	}
	guest_guard_begin(&g, q->mem, log);
	is_ready = q->is_packed ? packed_arm(q, log) : split_arm(q, log);
	guest_guard_end(&g);
	return is_ready;
}

void vhost_queue_disarm(struct vhost_queue *q)
{
	const struct dirty_log *log = __atomic_load_n(&q->log, __ATOMIC_ACQUIRE);
	struct guest_guard g;

	if (q->broken != VHOST_FINE)
		return;
	if (GUEST_GUARD_SET(&g)) {
		queue_break(q, VHOST_MEMORY_GONE);
		return;
	}
	guest_guard_begin(&g, q->mem, log);
	if (q->is_packed)
		packed_disarm(q, log);
	else
		split_disarm(q, log);
	guest_guard_end(&g);
}
