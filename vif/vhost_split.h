/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_split.h - the split virtqueue, device's side (virtio 1.2 §2.7); part of vhost_queue.c.
 *
 * In order: buffers are used in the order they were made available and all of a call's together, so the
 * used index is also where the available ring was read to, and guest memory itself says where to go on
 * after a crash. */
#pragma once

#include "vif/vhost_ring.h"

static inline struct vring_avail *split_avail(const struct vhost_queue *q)
{
	return q->rings.driver;
}

static inline struct vring_used *split_used(const struct vhost_queue *q)
{
	return q->rings.device;
}

static inline struct vhost_desc split_load(const struct vhost_queue *q, uint32_t i)
{
	const uint64_t *words = (const uint64_t *)q->rings.desc + 2 * (size_t)i;

	return desc_split(__atomic_load_n(words, __ATOMIC_RELAXED),
		__atomic_load_n(words + 1, __ATOMIC_RELAXED));
}

/* How many buffers wait behind q->pos when the guest says @avail_idx. */
static inline uint32_t split_check(struct vhost_queue *q, uint16_t avail_idx)
{
	uint32_t n = (uint16_t)(avail_idx - q->pos);

	if (UNLIKELY(n > q->size)) {
		queue_break(q, VHOST_INDEX_JUMP);
		return 0;
	}
	return n;
}

static inline uint32_t split_available(struct vhost_queue *q, struct vhost_window *w)
{
	if (!w->has_avail_idx) {
		w->avail_idx = __atomic_load_n(&split_avail(q)->idx, __ATOMIC_ACQUIRE);
		w->has_avail_idx = true;
	}
	return split_check(q, w->avail_idx);
}

/* Have near what the next @n buffers are known by.  Most guests fill their ring in order, so that the descriptors
 * are guessed before the available ring says which they are. */
static inline void split_prefetch(const struct vhost_queue *q, unsigned n)
{
	const struct vring_desc *desc = q->rings.desc;
	uint16_t mask = (uint16_t)(q->size - 1), pos = queue_pos(q);

	__builtin_prefetch(&split_avail(q)->idx);
	__builtin_prefetch(&split_avail(q)->ring[pos & mask]);
	prefetch_to_write(&split_used(q)->idx);
	for (unsigned i = 0; i < n; i += CACHE_LINE / sizeof(*desc))
		__builtin_prefetch(&desc[(uint16_t)(pos + i) & mask]);
	for (unsigned i = 0; i < n; i += CACHE_LINE / sizeof(struct vring_used_elem))
		prefetch_to_write(&split_used(q)->ring[(uint16_t)(pos + i) & mask]);
}

/* Fill @w with at most @max heads from q->pos on. */
static inline void split_fetch(struct vhost_queue *q, struct vhost_window *w, unsigned max)
{
	uint32_t n = split_available(q, w);
	uint16_t mask = (uint16_t)(q->size - 1);

	w->next = 0;
	w->n = 0;
	n = MIN(n, MIN(max, (unsigned)VHOST_BURST));
	for (uint32_t i = 0; i < n; i++) {
		uint16_t id = __atomic_load_n(
			&split_avail(q)->ring[(uint16_t)(q->pos + i) & mask], __ATOMIC_RELAXED);

		if (UNLIKELY(id >= q->size)) {
			/* what stands before it is good; next time it is the first */
			if (i == 0)
				queue_break(q, VHOST_BAD_HEAD);
			n = i;
			break;
		}
		w->head[i].id = id;
		__builtin_prefetch((const struct vring_desc *)q->rings.desc + id);
	}
	for (uint32_t i = 0; i < n; i++) {
		w->head[i].d = split_load(q, w->head[i].id);
		head_look_up(q, &w->head[i]);
	}
	w->n = n;
}

/* The descriptor after c->d in the ring itself; 1, or 0 at the end, or -enum vhost_broken. */
static inline int split_next(struct vhost_queue *q, struct vhost_chain *c)
{
	if ((c->d.flags & VRING_DESC_F_NEXT) == 0)
		return 0;
#ifndef SAKLAR_PLANTED_BUG /* proves that tests/fuzz/vhost_ring_fuzz.c looks */
	if (UNLIKELY(c->d.link >= q->size))
		return -VHOST_BAD_NEXT;
#endif
	c->d = split_load(q, c->d.link);
	return 1;
}

/* The next buffer goes back: its entry behind the used index, where the guest looks once it has moved. */
static inline void split_take(struct vhost_queue *q, uint16_t id, uint32_t len)
{
	struct vring_used_elem *u = &split_used(q)->ring[q->pos & (q->size - 1u)];

	__atomic_store_n(&u->id, id, __ATOMIC_RELAXED);
	__atomic_store_n(&u->len, len, __ATOMIC_RELAXED);
	queue_set_pos(q, (uint16_t)(q->pos + 1));
	q->n_used++;
}

static inline void split_publish(struct vhost_queue *q, const struct dirty_log *log)
{
	struct vring_used *used = split_used(q);
	uint16_t mask = (uint16_t)(q->size - 1);
	uint16_t first = (uint16_t)(q->pos - q->n_used);

	for (uint16_t i = 0; UNLIKELY(log != NULL) && i < q->n_used; i++)
		dirty_log_mark(log,
			q->rings.device_gpa + offsetof(struct vring_used, ring)
				+ ((uint16_t)(first + i) & mask) * sizeof(used->ring[0]),
			sizeof(used->ring[0]));
	/* not only release: whether the guest wants a call is read after it */
	__atomic_store_n(&used->idx, q->pos, __ATOMIC_SEQ_CST);
	if (UNLIKELY(log != NULL))
		dirty_log_mark(log, q->rings.device_gpa, sizeof(*used));
}

/* virtio 1.2 §2.7.7.2, §2.7.10: does the guest want to hear of what was published? */
static inline bool split_wants_call(const struct vhost_queue *q)
{
	const struct vring_avail *avail = split_avail(q);
	uint16_t old = (uint16_t)(q->pos - q->n_used);

	if (!q->has_event_idx)
		return (__atomic_load_n(&avail->flags, __ATOMIC_SEQ_CST)
			       & VRING_AVAIL_F_NO_INTERRUPT)
			== 0;
	return vring_need_event(
		__atomic_load_n(&avail->ring[q->size], __ATOMIC_SEQ_CST), q->pos, old);
}

static inline void split_log_events(const struct vhost_queue *q, const struct dirty_log *log)
{
	if (log != NULL) {
		dirty_log_mark(log, q->rings.device_gpa, sizeof(struct vring_used));
		dirty_log_mark(log,
			q->rings.device_gpa + sizeof(struct vring_used)
				+ q->size * sizeof(struct vring_used_elem),
			sizeof(uint16_t));
	}
}

static inline unsigned split_n_ready(struct vhost_queue *q)
{
	uint16_t idx = __atomic_load_n(&split_avail(q)->idx, __ATOMIC_SEQ_CST);
	unsigned n = split_check(q, idx);

	if (n > 0) /* a guest that sends nothing is not disturbed */
		split_prefetch(q, MIN(n, (unsigned)VHOST_BURST));
	return n;
}

static inline bool split_arm(struct vhost_queue *q, const struct dirty_log *log)
{
	struct vring_used *used = split_used(q);

	if (q->has_event_idx)
		__atomic_store_n((uint16_t *)&used->ring[q->size], q->pos, __ATOMIC_SEQ_CST);
	else
		__atomic_store_n(&used->flags, 0, __ATOMIC_SEQ_CST);
	split_log_events(q, log);
	return split_n_ready(q) > 0;
}

static inline void split_disarm(struct vhost_queue *q, const struct dirty_log *log)
{
	/* with event indices the one that was asked for is behind us: nothing to take back */
	if (q->has_event_idx)
		return;
	__atomic_store_n(&split_used(q)->flags, VRING_USED_F_NO_NOTIFY, __ATOMIC_RELAXED);
	split_log_events(q, log);
}
