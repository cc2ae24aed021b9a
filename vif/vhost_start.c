/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_start.c - where a ring is, where it stands, and the words for what can be wrong with it.
 *
 * From: the vhost-user session (control thread).  To: vhost_queue.c, which takes it from there.
 * Theory: a split ring is completed in order and once a call, so its used index, one 16-bit store, says in guest
 * memory how far we were, whatever killed us; SET_VRING_BASE can say nothing better.  A packed ring has no
 * index in memory: it is where SET_VRING_BASE says, or where the record of the engine before us says.
 * Invariants: every part of a ring lies in one region and is aligned.
 * Thread: control. */
#include "vif/guest_guard.h"
#include "vif/vhost_packed.h"
#include "vif/vhost_split.h"

#include <errno.h>
#include <linux/virtio_config.h>

const char *const vhost_broken_texts[VHOST_BROKEN_N] = {
	[VHOST_FINE] = "works",
	[VHOST_MEMORY_GONE] = "the file of the guest's memory was shrunk",
	[VHOST_INDEX_JUMP] = "the guest made more buffers available than the ring has",
	[VHOST_BAD_HEAD] = "the guest named a descriptor that is not in the ring",
	[VHOST_BAD_NEXT] = "a chain of descriptors leads outside its table",
	[VHOST_CHAIN_TOO_LONG] = "a chain of descriptors is too long, or a loop",
	[VHOST_BAD_INDIRECT] = "an indirect descriptor is nested, empty, or was not negotiated",
	[VHOST_BAD_ADDRESS] = "a descriptor points outside the guest's memory",
	[VHOST_ZERO_LENGTH] = "a descriptor has no bytes",
	[VHOST_BAD_DIRECTION]
	= "a descriptor is for reading where the guest receives, or the reverse",
};

static bool has(uint64_t features, unsigned bit)
{
	return (features >> bit & 1) != 0;
}

static int size_check(bool is_packed, uint32_t size, struct err *e)
{
	if (size == 0 || size > VHOST_QUEUE_SIZE_MAX || (!is_packed && (size & (size - 1)) != 0))
		return err_set(e, -EINVAL, "ring",
			"a ring of %u entries: 1 to %u are possible, a power of 2 for split rings",
			size, VHOST_QUEUE_SIZE_MAX);
	return 0;
}

int vhost_queue_place(const struct guest_mem *mem, const struct vhost_place *at,
	struct vhost_rings *out, struct err *e)
{
	uint64_t driver_len = sizeof(struct vring_packed_desc_event), device_len = driver_len;
	uint64_t driver_gpa = 0;
	int rc = size_check(at->is_packed, at->size, e);

	if (rc < 0)
		return rc;
	if (!at->is_packed) { /* each with the event index behind it */
		driver_len = sizeof(struct vring_avail) + (at->size + 1ul) * sizeof(uint16_t);
		device_len = sizeof(struct vring_used) + at->size * sizeof(struct vring_used_elem)
			+ sizeof(uint16_t);
	}
	out->desc = guest_mem_at_user(
		mem, at->desc_user, at->size * VHOST_DESC_LEN, 16, &out->desc_gpa);
	out->driver = guest_mem_at_user(
		mem, at->driver_user, driver_len, at->is_packed ? 4 : 2, &driver_gpa);
	out->device = guest_mem_at_user(mem, at->device_user, device_len, 4, &out->device_gpa);
	if (out->desc == NULL || out->driver == NULL || out->device == NULL)
		return err_set(e, -EFAULT, "ring",
			"a part of the ring is not in one region of the guest's memory, or not "
			"aligned");
	return 0;
}

static void queue_init(struct vhost_queue *q, const struct vhost_config *config)
{
	uint64_t f = config->features;

	*q = (struct vhost_queue){ .mem = config->mem,
		.rings = config->rings,
		.record = config->record,
		.log = config->log,
		.size = (uint16_t)config->size,
		.is_tx = config->is_tx,
		.features = f,
		.is_packed = has(f, VIRTIO_F_RING_PACKED),
		.has_event_idx = has(f, VIRTIO_RING_F_EVENT_IDX),
		.has_indirect = has(f, VIRTIO_RING_F_INDIRECT_DESC),
		.has_mergeable = has(f, VIRTIO_NET_F_MRG_RXBUF),
		/* virtio 1.2 §5.1.6.1: without either the header has no num_buffers */
		.hdr_len = has(f, VIRTIO_F_VERSION_1) || has(f, VIRTIO_NET_F_MRG_RXBUF) ? 12 : 10 };
	if (q->record == NULL)
		q->record = &q->own_record;
}

/* Read where the ring stands; under a guard. */
static bool queue_position(struct vhost_queue *q, const struct vhost_config *config)
{
	if (!q->is_packed) {
		q->pos = __atomic_load_n(&split_used(q)->idx, __ATOMIC_ACQUIRE);
		return true;
	}
	if (config->has_record)
		return packed_recover(q, config->log);
	q->pos = config->base & 0x7fff;
	q->wrap = config->base >> 15;
	return q->pos < q->size;
}

int vhost_queue_start(struct vhost_queue *q, const struct vhost_config *config, struct err *e)
{
	uint16_t place;
	struct guest_guard g;
	bool is_known;
	int rc = size_check(has(config->features, VIRTIO_F_RING_PACKED), config->size, e);

	if (rc < 0)
		return rc;
	if (config->has_record
		&& (config->record == NULL || config->record->magic != VHOST_RECORD_MAGIC))
		return err_set(e, -EBADMSG, "ring", "no record of where the ring stood");
	queue_init(q, config);
	if (GUEST_GUARD_SET(&g))
		return err_set(e, -EFAULT, "ring", "%s", vhost_broken_texts[VHOST_MEMORY_GONE]);
	guest_guard_begin(&g, q->mem, config->log);
	is_known = queue_position(q, config);
	guest_guard_end(&g);
	if (!is_known)
		return err_set(e, -EBADMSG, "ring", "the place where the ring stood is not in it");
	place = q->is_packed ? packed_place(q->pos, q->wrap) : q->pos;
	__atomic_store_n(&q->record->state, VHOST_STATE(place, place, 0), __ATOMIC_RELEASE);
	q->record->magic = VHOST_RECORD_MAGIC;
	/* an engine before us may have been killed between giving back and calling */
	q->should_call = config->has_record;
	return 0;
}

uint16_t vhost_queue_base(const struct vhost_queue *q)
{
	return q->is_packed ? packed_place(q->pos, q->wrap) : q->pos;
}

void vhost_queue_set_mem(struct vhost_queue *q, const struct guest_mem *mem)
{
	q->mem = mem;
	q->region_hint = 0;
	q->table_hint = 0;
}

void vhost_queue_set_log(struct vhost_queue *q, const struct dirty_log *log)
{
	__atomic_store_n(&q->log, log, __ATOMIC_RELEASE);
}
