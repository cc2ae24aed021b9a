/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_queue.h - the device's side of one virtqueue, split or packed: frames out of a guest and into it.
 *
 * What it is: the seam between the session (who says where the rings are), the rings (this library) and
 * the vif (which has mbufs).  The library knows plain pointers only: no EAL, no mbuf, no allocation, no
 * system call in the packet path, so that it can be fuzzed in process.
 * Life:
 *   1. control thread: vhost_queue_start() with the ring's places and where it stood;
 *   2. published to the worker that owns the queue;
 *   3. worker: vhost_queue_dequeue() on the queues a guest sends by, vhost_queue_enqueue() on those it
 *      receives by, vhost_queue_arm() before it sleeps on the kick fd, vhost_queue_disarm() after;
 *      writes the call fd when should_call says so;
 *   4. control thread: the worker has passed a burst; vhost_queue_base() is GET_VRING_BASE's answer, and
 *      the struct may be forgotten.  Every descriptor taken has been given back by then: nothing is in
 *      flight between two calls.
 * Whatever goes wrong in the guest's part of it sets .broken: the calls do nothing from then on, and the
 * session is to be told (VRING_ERR) until the guest resets its device.
 * Crash: .record lies in a memfd that outlives us; vhost_queue_start() with it takes up a ring where the
 * last engine left it, at whatever instruction that was.
 * Threads: one worker a queue; start, base and replacing .log between bursts. */
#pragma once

#include "vif/dirty_log.h"
#include "vif/guest_mem.h"

#include <linux/virtio_net.h>
#include <sys/uio.h>

#define VHOST_BURST 64 /* frames a dequeue gives at most; an enqueue takes any number */
#define VHOST_QUEUE_SIZE_MAX 32768 /* entries; virtio 1.2 §2.7, §2.8.10.1 */
#define VHOST_CHAIN_MAX 256 /* descriptors that are walked for one buffer */
#define VHOST_USED_MAX 256 /* buffers that are given back at once; a frame may take as many */

/* Why a queue is not looked at any more. */
enum vhost_broken {
	VHOST_FINE,
	VHOST_MEMORY_GONE, /* SIGBUS: the file behind it was shrunk */
	VHOST_INDEX_JUMP, /* more available than the ring has entries */
	VHOST_BAD_HEAD, /* descriptor index outside the ring */
	VHOST_BAD_NEXT, /* chain leads outside its table */
	VHOST_CHAIN_TOO_LONG, /* or a loop */
	VHOST_BAD_INDIRECT, /* nested, with NEXT, of odd length, empty, or not negotiated */
	VHOST_BAD_ADDRESS, /* not mapped */
	VHOST_ZERO_LENGTH,
	VHOST_BAD_DIRECTION, /* device-writable where the guest sends, readable where it receives */
	VHOST_BROKEN_N
};
/* One line for people, by enum vhost_broken. */
extern const char *const vhost_broken_texts[VHOST_BROKEN_N];

/* A buffer that is given back. */
struct vhost_used {
	uint16_t id;
	uint16_t n_slots; /* packed: entries of the ring it took */
	uint32_t len;
};

/* What is needed to go on after a crash; one a queue, in a memfd of the session, all zero at first.
 * A redo log of one burst: .used is filled, .state says "publishing", the ring is written, .state says "done".
 * A packed ring keeps no index in guest memory, so .state is the only place that knows. */
struct vhost_record {
	uint64_t magic; /* VHOST_RECORD_MAGIC: in use */
	uint64_t state; /* atomic; VHOST_STATE() */
	struct vhost_used used[VHOST_USED_MAX];
};
#define VHOST_RECORD_MAGIC UINT64_C(0x7668726563303031)
static_assert(sizeof(struct vhost_record) == 16 + 8 * VHOST_USED_MAX, "survives engines");

/* Where the parts of a ring are: host pointers into guest memory, checked by vhost_queue_place(). */
struct vhost_rings {
	void *desc; /* split: descriptor table; packed: the ring */
	void *driver; /* split: available ring; packed: driver's event suppression */
	void *device; /* split: used ring; packed: device's event suppression */
	uint64_t desc_gpa, device_gpa; /* what of it we write; for the dirty log */
};

struct vhost_config {
	uint64_t features; /* negotiated virtio features */
	uint32_t size; /* entries */
	uint16_t base; /* of SET_VRING_BASE: split: index; packed: bits 0-14 index, 15 wrap */
	bool is_tx; /* the guest sends by it */
	bool has_record; /* take .record's word over .base: the same ring, an engine before us */
	struct vhost_rings rings;
	const struct guest_mem *mem;
	const struct dirty_log *log; /* NULL: no migration */
	struct vhost_record *record; /* NULL: one inside the queue, lost with us */
};

struct vhost_queue {
	/* fixed by start */
	const struct guest_mem *mem;
	struct vhost_rings rings;
	struct vhost_record *record;
	uint64_t features; /* negotiated */
	uint16_t size;
	uint8_t hdr_len; /* 12, or 10 without VERSION_1 and MRG_RXBUF */
	bool is_packed, is_tx, has_event_idx, has_indirect, has_mergeable;

	/* replaced between bursts, by anyone */
	const struct dirty_log *log;

	/* the worker's */
	uint8_t broken; /* enum vhost_broken */
	bool should_call; /* the guest wants to hear of what the last call gave back: write the call fd */
	bool wrap; /* packed: of .pos */
	uint16_t pos; /* next entry: split: free running; packed: 0..size-1 */
	uint16_t n_used; /* not published yet: split: in the used ring; packed: in record->used */
	uint32_t region_hint;
	uint32_t table_hint;
	/* Frames lost, by what would be their drop reason; the caller counts them and sets them to 0. */
	uint32_t n_too_small; /* not longer than the header */
	uint32_t n_too_big; /* longer than any frame, or than the slot's room */

	struct vhost_record own_record;
};

/* What a VMM says about where a ring is. */
struct vhost_place {
	bool is_packed;
	uint32_t size; /* entries */
	uint64_t desc_user, driver_user, device_user; /* SET_VRING_ADDR: addresses of the VMM's */
};

/* Host pointers of the rings' parts each wholly in one region and
 * aligned as virtio 1.2 §2.7, §2.8 want.  0 or -errno with @e. */
[[nodiscard]] int vhost_queue_place(const struct guest_mem *mem, const struct vhost_place *at,
	struct vhost_rings *out, struct err *e);

/* Begin, or go on.  Touches guest memory (guarded).  0, or -errno with @e: size that is no ring's, record
 * that is not one, memory gone. */
[[nodiscard]] int vhost_queue_start(
	struct vhost_queue *q, const struct vhost_config *config, struct err *e);

/* What GET_VRING_BASE answers: as struct vhost_config.base. */
uint16_t vhost_queue_base(const struct vhost_queue *q);

/* Another table made from the one the rings were placed in (guest_mem_add(), guest_mem_remove() of a region
 * that holds no part of them): only between bursts.  SET_MEM_TABLE maps anew: stop, place, start. */
void vhost_queue_set_mem(struct vhost_queue *q, const struct guest_mem *mem);

/* NULL ends logging.  At any time, traffic or not; the old log is free when the worker has passed a burst. */
void vhost_queue_set_log(struct vhost_queue *q, const struct dirty_log *log);

/* One frame out of a guest.  The caller says where it goes and keeps the buffers whatever happens. */
struct vhost_rx {
	void *first; /* the beginning of the frame */
	void *rest; /* what does not fit there */
	uint32_t first_room;
	uint32_t rest_room;
	uint32_t len; /* out: bytes of the frame */
	struct virtio_net_hdr_v1 hdr; /* out: a copy, believed in nothing */
};

/* Copy frames out of the guest into @slots, in order, and give their buffers back; how many.  A frame
 * that is lost takes no slot. */
unsigned vhost_queue_dequeue(struct vhost_queue *q, struct vhost_rx *slots, unsigned max);

/* One frame into a guest. */
struct vhost_tx {
	const void *first; /* the frame's first segment */
	const struct iovec *rest; /* the others */
	uint32_t first_len;
	uint32_t n_rest;
	uint32_t len; /* of all */
	bool is_lost; /* out: no buffer of this guest can take it */
	struct virtio_net_hdr_v1 hdr; /* num_buffers is set by the queue */
};

/* Copy frames into the guest, in order.  Returns how many from the beginning were dealt with (sent, or
 * .is_lost); the others found no buffer. */
unsigned vhost_queue_enqueue(struct vhost_queue *q, struct vhost_tx *frames, unsigned n);

/* Have on its way what enqueue of about @n frames will look at first.  Touches nothing itself. */
void vhost_queue_prefetch(const struct vhost_queue *q, unsigned n);

/* How many frames there are to take: not more than this, and none only when this is 0; at most @max.  Cheaper than
 * a burst that finds nothing. */
[[nodiscard]] unsigned vhost_queue_n_ready(struct vhost_queue *q, unsigned max);

/* Ask the guest for kicks.  True: there is something to do already, so do not sleep (the guest may have
 * looked before we asked). */
[[nodiscard]] bool vhost_queue_arm(struct vhost_queue *q);
/* No kicks, please: we look by ourselves. */
void vhost_queue_disarm(struct vhost_queue *q);
