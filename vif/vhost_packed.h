/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_packed.h - the packed virtqueue, device's side (virtio 1.2 §2.8); part of vhost_queue.c.
 *
 * One ring for both directions: a descriptor is available when its AVAIL bit is our wrap counter and its
 * USED bit is not, and given back by writing id, length and both bits over the first entry of its chain.
 * A call's buffers become visible at once: the first one's flags are written last, since the guest looks
 * there first.  Overwriting an entry destroys what was available there, so the list of what is to be
 * written is in the record before the first entry is touched (packed_recover). */
#pragma once

#include "vif/vhost_ring.h"

static inline uint64_t *packed_words(const struct vhost_queue *q, uint32_t i)
{
	return (uint64_t *)q->rings.desc + 2 * (size_t)i;
}

static inline bool packed_is_available(uint16_t flags, bool wrap)
{
	return ((flags & PACKED_AVAIL) != 0) == wrap && ((flags & PACKED_USED) != 0) != wrap;
}

static inline void packed_prefetch(const struct vhost_queue *q, unsigned n)
{
	uint32_t pos = queue_pos(q);

	__builtin_prefetch(q->rings.driver);
	for (unsigned i = 0; i < n; i += CACHE_LINE / VHOST_DESC_LEN) {
		prefetch_to_write(packed_words(q, pos));
		pos += CACHE_LINE / VHOST_DESC_LEN;
		pos = pos >= q->size ? 0 : pos;
	}
}

/* Fill @w with at most @max heads from q->pos on.  A chain ends it: where the next buffer begins is known
 * only when the chain has been walked. */
static inline void packed_fetch(struct vhost_queue *q, struct vhost_window *w, unsigned max)
{
	uint32_t pos = q->pos;
	bool wrap = q->wrap;
	unsigned n = 0;

	w->next = 0;
	max = MIN(max, (unsigned)VHOST_BURST);
	/* a ring smaller than the window: what stands there a second time is no new buffer */
	max = MIN(max, (unsigned)q->size);
	while (n < max) {
		struct vhost_head *h = &w->head[n];
		/* flags first, in one word with id and length; the address is valid when they say so */
		uint64_t rest = __atomic_load_n(packed_words(q, pos) + 1, __ATOMIC_ACQUIRE);

		if (!packed_is_available((uint16_t)(rest >> 48), wrap))
			break;
		h->d = desc_packed(__atomic_load_n(packed_words(q, pos), __ATOMIC_RELAXED), rest);
		h->id = h->d.link;
		head_look_up(q, h);
		n++;
		if ((h->d.flags & VRING_DESC_F_NEXT) != 0)
			break;
		if (++pos == q->size) {
			pos = 0;
			wrap = !wrap;
		}
	}
	w->n = n;
}

/* The descriptor after c->d in the ring itself. */
static inline int packed_next(struct vhost_queue *q, struct vhost_chain *c)
{
	uint32_t i;

	if ((c->d.flags & VRING_DESC_F_NEXT) == 0)
		return 0;
	i = q->pos + c->n_slots;
	i = i >= q->size ? i - q->size : i;
	c->d = desc_packed(__atomic_load_n(packed_words(q, i), __ATOMIC_RELAXED),
		__atomic_load_n(packed_words(q, i) + 1, __ATOMIC_RELAXED));
	c->id = c->d.link;
	c->n_slots++;
	return 1;
}

static inline uint16_t packed_place(uint32_t pos, bool wrap)
{
	return (uint16_t)(pos | (wrap ? 1u << 15 : 0));
}

/* Move @pos on by @n_slots. */
static inline void packed_move(uint32_t size, uint32_t *pos, bool *wrap, uint32_t n_slots)
{
	*pos += n_slots;
	if (*pos >= size) {
		*pos -= size;
		*wrap = !*wrap;
	}
}

static inline void packed_write(struct vhost_queue *q, const struct dirty_log *log,
	const struct vhost_used *u, uint32_t pos, bool wrap, int order)
{
	uint64_t flags = wrap ? PACKED_AVAIL | PACKED_USED : 0;

	if (!q->is_tx)
		flags |= VRING_DESC_F_WRITE; /* virtio 1.2 §2.8.6: len counts */
	__atomic_store_n(packed_words(q, pos) + 1,
		(uint64_t)u->len | (uint64_t)u->id << 32 | flags << 48, order);
	if (UNLIKELY(log != NULL))
		dirty_log_mark(log, q->rings.desc_gpa + pos * VHOST_DESC_LEN, VHOST_DESC_LEN);
}

/* Write the first @n entries of the record from @first on; the first of all last. */
static inline void packed_write_all(
	struct vhost_queue *q, const struct dirty_log *log, uint16_t first, uint32_t n)
{
	const struct vhost_used *used = q->record->used;
	uint32_t pos = first & 0x7fffu;
	bool wrap = first >> 15;

	for (uint32_t i = 1; i < n; i++) {
		packed_move(q->size, &pos, &wrap, used[i - 1].n_slots);
		packed_write(q, log, &used[i], pos, wrap, __ATOMIC_RELAXED);
	}
	/* not only release: whether the guest wants a call is read after it */
	packed_write(q, log, &used[0], first & 0x7fffu, first >> 15, __ATOMIC_SEQ_CST);
}

static inline void packed_publish(struct vhost_queue *q, const struct dirty_log *log)
{
	struct vhost_record *r = q->record;
	uint16_t first = (uint16_t)r->state;
	uint16_t next = packed_place(q->pos, q->wrap);

	__atomic_store_n(&r->state, VHOST_STATE(first, next, q->n_used), __ATOMIC_RELEASE);
	/* the record is ordinary memory: what matters is that a kill between two instructions finds
	 * them in this order, which is the compiler's to keep */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	packed_write_all(q, log, first, q->n_used);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&r->state, VHOST_STATE(next, next, 0), __ATOMIC_RELEASE);
}

/* virtio 1.2 §2.8.10 */
static inline bool packed_wants_call(const struct vhost_queue *q, uint16_t n_slots)
{
	uint32_t event = __atomic_load_n((const uint32_t *)q->rings.driver, __ATOMIC_SEQ_CST);
	uint16_t off = event & 0x7fff;
	bool wrap = (event >> 15 & 1) != 0;

	switch (event >> 16 & 3) {
	case VRING_PACKED_EVENT_FLAG_DISABLE: return false;
	case VRING_PACKED_EVENT_FLAG_DESC:
		if (!q->has_event_idx)
			return true;
		if (wrap != q->wrap)
			off = (uint16_t)(off - q->size);
		return vring_need_event(off, q->pos, (uint16_t)(q->pos - n_slots));
	default: return true;
	}
}

static inline void packed_set_event(
	struct vhost_queue *q, const struct dirty_log *log, uint32_t event)
{
	__atomic_store_n((uint32_t *)q->rings.device, event, __ATOMIC_SEQ_CST);
	if (log != NULL)
		dirty_log_mark(log, q->rings.device_gpa, sizeof(event));
}

/* How many entries, of the first @max, wait; a chain takes several. */
static inline unsigned packed_n_ready(const struct vhost_queue *q, unsigned max)
{
	uint32_t pos = q->pos;
	bool wrap = q->wrap;
	unsigned n = 0;

	for (max = MIN(max, (unsigned)q->size); n < max; n++) {
		uint64_t rest = __atomic_load_n(packed_words(q, pos) + 1, __ATOMIC_SEQ_CST);

		if (!packed_is_available((uint16_t)(rest >> 48), wrap))
			break;
		packed_move(q->size, &pos, &wrap, 1);
	}
	return n;
}

static inline bool packed_arm(struct vhost_queue *q, const struct dirty_log *log)
{
	uint32_t event = (uint32_t)VRING_PACKED_EVENT_FLAG_ENABLE << 16;

	if (q->has_event_idx)
		event = packed_place(q->pos, q->wrap)
			| (uint32_t)VRING_PACKED_EVENT_FLAG_DESC << 16;
	packed_set_event(q, log, event);
	return packed_n_ready(q, 1) > 0;
}

static inline void packed_disarm(struct vhost_queue *q, const struct dirty_log *log)
{
	packed_set_event(q, log, (uint32_t)VRING_PACKED_EVENT_FLAG_DISABLE << 16);
}

/* Does the record of a burst that was being published make sense for this ring? */
static inline bool packed_record_fits(
	const struct vhost_queue *q, uint16_t first, uint16_t next, uint32_t n)
{
	uint32_t pos = first & 0x7fffu, n_slots = 0;
	bool wrap = first >> 15;

	if (n > VHOST_USED_MAX || pos >= q->size || (next & 0x7fffu) >= q->size)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (q->record->used[i].n_slots == 0)
			return false;
		n_slots += q->record->used[i].n_slots;
	}
	if (n_slots > q->size)
		return false;
	packed_move(q->size, &pos, &wrap, n_slots);
	return packed_place(pos, wrap) == next;
}

/* Go on where the last engine was killed.  When it was publishing and the guest cannot have seen it (the
 * first entry is as the guest made it), all is written again; otherwise it had been written.  False: the
 * record is not one. */
static inline bool packed_recover(struct vhost_queue *q, const struct dirty_log *log)
{
	uint64_t state = __atomic_load_n(&q->record->state, __ATOMIC_ACQUIRE);
	uint16_t first = (uint16_t)state, next = (uint16_t)(state >> 16);
	uint32_t n = (uint32_t)(state >> 32);
	uint64_t rest;

	if (!packed_record_fits(q, first, next, n))
		return false;
	if (n > 0) {
		rest = __atomic_load_n(packed_words(q, first & 0x7fffu) + 1, __ATOMIC_ACQUIRE);
		if (packed_is_available((uint16_t)(rest >> 48), first >> 15))
			packed_write_all(q, log, first, n);
	}
	q->pos = next & 0x7fff;
	q->wrap = next >> 15;
	return true;
}
