/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_ring.h - what vhost_split.h, vhost_packed.h and vhost_queue.c share; nobody else includes it.
 *
 * Every access to guest memory of the ring code is one of the few inline functions here and in those two:
 * loads are atomic and go to a private copy that is checked and used; nothing is read twice. */
#pragma once

#include "vif/vhost_queue.h"

#include <linux/virtio_ring.h>
#include <string.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rings are little-endian and so are we");

/* A descriptor of either ring, copied. */
struct vhost_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t link; /* split: next; packed: buffer id */
};

/* A buffer that the guest made available: its first descriptor, looked up. */
struct vhost_head {
	struct vhost_desc d;
	uint16_t id; /* split: index of the head */
	uint64_t mapped; /* bytes of d that are contiguous at .at; 0: none mapped */
	uint8_t *at;
};

/* Heads that were fetched and not used yet. */
struct vhost_window {
	unsigned n, next;
	uint16_t avail_idx; /* split: the guest's, read once a call */
	bool has_avail_idx;
	struct vhost_head head[VHOST_BURST];
};

/* A walk over the descriptors of one buffer. */
struct vhost_chain {
	struct vhost_desc d; /* the current one */
	uint32_t n; /* walked */
	uint16_t id; /* packed: valid at the end */
	uint32_t n_slots; /* packed: entries of the ring */
	uint32_t at; /* index of d in its table */
	uint32_t table_n; /* indirect: descriptors in it; 0: the ring itself */
	uint64_t table; /* indirect: its gpa */
};

#define VHOST_DESC_LEN sizeof(struct vring_desc)
static_assert(sizeof(struct vring_desc) == 16 && sizeof(struct vring_packed_desc) == 16, "virtio");

/* What the packed ring's flags call AVAIL and USED, as masks. */
#define PACKED_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define PACKED_USED (1u << VRING_PACKED_DESC_F_USED)

#define VHOST_STATE(pos, next, n) ((uint64_t)(pos) | (uint64_t)(next) << 16 | (uint64_t)(n) << 32)

/* Where another worker would go on that wants lines near (vhost_queue_prefetch()); only that reads .pos beside the
 * one whose turn it is. */
static inline uint16_t queue_pos(const struct vhost_queue *q)
{
	return __atomic_load_n(&q->pos, __ATOMIC_RELAXED);
}

static inline void queue_set_pos(struct vhost_queue *q, uint16_t pos)
{
	__atomic_store_n(&q->pos, pos, __ATOMIC_RELAXED);
}

static inline void queue_break(struct vhost_queue *q, enum vhost_broken why)
{
	/* the first reason stays, unless all of the guest's queues end by this one */
	if (q->broken == VHOST_FINE || why == VHOST_MEMORY_GONE)
		q->broken = (uint8_t)why;
}

/* What a small frame takes is copied without a call.  Some bytes are copied twice, the later time over
 * the earlier one: whoever looks, looks at the copy. */
static inline void copy_bytes(uint8_t *to, const uint8_t *from, size_t n)
{
	if (LIKELY(n >= 32 && n <= 128)) {
		memcpy(to, from, 32);
		if (n > 64) {
			memcpy(to + 32, from + 32, 32);
			memcpy(to + n - 64, from + n - 64, 32);
		}
		memcpy(to + n - 32, from + n - 32, 32);
	} else {
		memcpy(to, from, n);
	}
}

/* Copy out of guest memory.  The barrier keeps the compiler from going back to the source for what it
 * has copied already: that is how checked values become other values. */
static inline void guest_get(void *to, const void *from, size_t n)
{
	copy_bytes(to, from, n);
	__asm__ volatile("" ::: "memory");
}

static inline void guest_put(
	const struct dirty_log *log, void *to, const void *from, size_t n, uint64_t gpa)
{
	copy_bytes(to, from, n);
	if (UNLIKELY(log != NULL))
		dirty_log_mark(log, gpa, n);
}

/* Have the line at @at near, to be written: without taking it from whoever has it once to read and once more to
 * write.  The compiler knows no such instruction in what every x86-64 executes; those without it do nothing. */
static inline void prefetch_to_write(const void *at)
{
#ifdef __x86_64__
	__asm__ volatile("prefetchw (%0)" ::"r"(at));
#else
	__builtin_prefetch(at, 1);
#endif
}

/* Copy @n bytes at @gpa that may lie in several regions; false: not all are mapped. */
static inline bool guest_get_at(struct vhost_queue *q, uint64_t gpa, void *to, uint32_t n)
{
	uint8_t *at, *out = to;

	while (n > 0) {
		uint64_t got = guest_mem_at(q->mem, &q->table_hint, gpa, n, &at);

		if (UNLIKELY(got == 0))
			return false;
		guest_get(out, at, got);
		out += got;
		gpa += got;
		n -= (uint32_t)got;
	}
	return true;
}

static inline struct vhost_desc desc_split(uint64_t addr, uint64_t rest)
{
	return (struct vhost_desc){ .addr = addr,
		.len = (uint32_t)rest,
		.flags = (uint16_t)(rest >> 32),
		.link = (uint16_t)(rest >> 48) };
}

/* The packed ring has id and flags the other way round. */
static inline struct vhost_desc desc_packed(uint64_t addr, uint64_t rest)
{
	return (struct vhost_desc){ .addr = addr,
		.len = (uint32_t)rest,
		.link = (uint16_t)(rest >> 32),
		.flags = (uint16_t)(rest >> 48) };
}

#define HEAD_PREFETCH \
	(2u * CACHE_LINE) /* what head_look_up() has on its way: a small frame and its header */
#define HEAD_PREFETCH_MAX 2048u /* beyond it the processor has seen where this leads */

/* The lines of the first @n bytes of @h that are not on their way yet, while the buffer before it is copied. */
static inline void head_prefetch_rest(
	const struct vhost_queue *q, const struct vhost_head *h, uint64_t n)
{
	n = MIN(MIN(n, h->mapped), (uint64_t)HEAD_PREFETCH_MAX);
	for (uint64_t off = HEAD_PREFETCH; off < n; off += CACHE_LINE) {
		if (q->is_tx)
			__builtin_prefetch(h->at + off);
		else
			prefetch_to_write(h->at + off);
	}
}

/* Look up where the bytes of @h's first descriptor are, and have them near when they are needed. */
static inline void head_look_up(struct vhost_queue *q, struct vhost_head *h)
{
	h->mapped = guest_mem_at(q->mem, &q->region_hint, h->d.addr, h->d.len, &h->at);
	if (UNLIKELY(h->mapped == 0))
		return;
	/* HEAD_PREFETCH; a prefetch faults nowhere, so that the second line may be another's */
	if (q->is_tx || (h->d.flags & VRING_DESC_F_INDIRECT) != 0) {
		__builtin_prefetch(h->at);
		__builtin_prefetch(h->at + CACHE_LINE);
	} else {
		prefetch_to_write(h->at);
		prefetch_to_write(h->at + CACHE_LINE);
	}
}
