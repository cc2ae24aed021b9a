/* SPDX-License-Identifier: Apache-2.0 */
/* guest_driver.c - virtqueues as a guest sees them (virtio 1.2 §2.7, §2.8), for tests.
 *
 * From: tests of vif/vhost_queue.c.  To: memory shared with it.
 * Theory: the queue gives buffers back in order, so the driver fills descriptors round and round and needs no
 * list of free ones.
 * Thread: one. */
#include "tests/lib/guest_driver.h"

#include "vif/guest_guard.h"
#include "vswitch/base/check.h"

#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define AVAIL_BIT (1u << VRING_PACKED_DESC_F_AVAIL)
#define USED_BIT (1u << VRING_PACKED_DESC_F_USED)

static struct vring_avail *avail_of(struct driver *d)
{
	return (void *)(d->mem + DRIVER_DRIVER);
}

static struct vring_used *used_of(struct driver *d)
{
	return (void *)(d->mem + DRIVER_DEVICE);
}

static uint64_t *words_of(struct driver *d, uint32_t table_off, uint32_t i)
{
	return (void *)(d->mem + table_off + i * 16);
}

static void memory_open(struct driver *d)
{
	const struct guest_mem_limits none = { 0 };
	uint64_t user;
	struct guest_region_spec specs[2];
	int fds[2];

	d->fd = memfd_create("guest", MFD_CLOEXEC);
	CHECK(d->fd >= 0 && ftruncate(d->fd, DRIVER_MEM) == 0);
	d->mem = mmap(NULL, DRIVER_MEM, PROT_READ | PROT_WRITE, MAP_SHARED, d->fd, 0);
	CHECK(d->mem != MAP_FAILED);
	user = (uintptr_t)d->mem;
	for (unsigned i = 0; i < 2; i++) {
		specs[i] = (struct guest_region_spec){ .gpa = DRIVER_GPA + i * DRIVER_HALF,
			.size = DRIVER_HALF,
			.user_addr = user + i * DRIVER_HALF,
			.file_offset = i * DRIVER_HALF };
		fds[i] = d->fd;
	}
	d->guest = guest_mem_create(specs, fds, 2, &none, NULL);
	CHECK(d->guest != NULL);
}

int driver_restart(struct driver *d, bool has_record)
{
	d->config.has_record = has_record;
	d->config.base = vhost_queue_base(&d->q);
	return vhost_queue_start(&d->q, &d->config, NULL);
}

void driver_open(struct driver *d, uint64_t features, uint32_t size, bool is_tx)
{
	uint64_t user;

	CHECK(size <= DRIVER_SIZE_MAX);
	/* each time: cmocka takes SIGBUS for itself before each test */
	CHECK(guest_guard_install() == 0);
	memset(d, 0, sizeof(*d));
	d->size = d->n_free = size;
	d->is_tx = is_tx;
	d->is_packed = (features & DRIVER_PACKED) != 0;
	d->wrap = d->used_wrap = true;
	memory_open(d);
	user = (uintptr_t)d->mem;
	d->config = (struct vhost_config){ .features = features,
		.size = size,
		.base = d->is_packed ? 1u << 15 : 0,
		.is_tx = is_tx,
		.mem = d->guest };
	CHECK(vhost_queue_place(d->guest,
		      &(struct vhost_place){ d->is_packed, size, user, user + DRIVER_DRIVER,
			      user + DRIVER_DEVICE },
		      &d->config.rings, NULL)
		== 0);
	CHECK(vhost_queue_start(&d->q, &d->config, NULL) == 0);
}

void driver_close(struct driver *d)
{
	guest_mem_put(d->guest);
	munmap(d->mem, DRIVER_MEM);
	close(d->fd);
}

void driver_write_desc(struct driver *d, uint32_t table_off, uint32_t i, struct driver_desc desc)
{
	uint64_t high = d->is_packed ? (uint64_t)desc.link | (uint64_t)desc.flags << 16
				     : (uint64_t)desc.flags | (uint64_t)desc.link << 16;

	__atomic_store_n(words_of(d, table_off, i), desc.gpa, __ATOMIC_RELAXED);
	__atomic_store_n(words_of(d, table_off, i) + 1, desc.len | high << 32, __ATOMIC_RELEASE);
}

void driver_set_avail(struct driver *d, uint16_t idx)
{
	__atomic_store_n(&avail_of(d)->idx, idx, __ATOMIC_SEQ_CST);
}

void driver_set_head(struct driver *d, uint32_t i, uint16_t id)
{
	__atomic_store_n(&avail_of(d)->ring[i % d->size], id, __ATOMIC_RELAXED);
}

/* An indirect table of @parts for the head @i; its one descriptor. */
static struct driver_part table_fill(
	struct driver *d, uint32_t head, const struct driver_part *parts, unsigned n)
{
	uint32_t off = DRIVER_TABLES + head * 512;

	CHECK(n <= 32);
	for (unsigned i = 0; i < n; i++) {
		uint16_t flags = d->is_tx ? 0 : VRING_DESC_F_WRITE;

		if (i + 1 < n && !d->is_packed)
			flags |= VRING_DESC_F_NEXT;
		driver_write_desc(d, off, i,
			(struct driver_desc){ DRIVER_GPA + parts[i].off, parts[i].len, flags,
				(uint16_t)(i + 1) });
	}
	return (struct driver_part){ .off = off, .len = n * 16 };
}

static void add_split(struct driver *d, uint16_t head, const struct driver_part *parts, unsigned n,
	uint16_t flags)
{
	for (unsigned i = 0; i < n; i++) {
		uint32_t at = (head + i) % d->size;

		driver_write_desc(d, 0, at,
			(struct driver_desc){ DRIVER_GPA + parts[i].off, parts[i].len,
				flags | (i + 1 < n ? VRING_DESC_F_NEXT : 0),
				(uint16_t)((at + 1) % d->size) });
	}
	driver_set_head(d, d->avail_idx, head);
	driver_set_avail(d, ++d->avail_idx);
}

static void add_packed(struct driver *d, uint16_t head, const struct driver_part *parts, unsigned n,
	uint16_t flags)
{
	/* the first one last: the queue looks there */
	for (unsigned k = 0; k < n; k++) {
		unsigned i = n - 1 - k;
		uint32_t at = (head + i) % d->size;
		bool wrap = head + i >= d->size ? !d->wrap : d->wrap;

		driver_write_desc(d, 0, at,
			(struct driver_desc){ DRIVER_GPA + parts[i].off, parts[i].len,
				(uint16_t)(flags | (i + 1 < n ? VRING_DESC_F_NEXT : 0)
					| (wrap ? AVAIL_BIT : USED_BIT)),
				head });
	}
	if (head + n >= d->size)
		d->wrap = !d->wrap;
}

int driver_add(struct driver *d, const struct driver_part *parts, unsigned n, bool is_indirect)
{
	uint16_t flags = d->is_tx ? 0 : VRING_DESC_F_WRITE;
	uint16_t head = (uint16_t)d->pos;
	struct driver_part table;

	if ((is_indirect ? 1 : n) > d->n_free)
		return -1;
	if (is_indirect) {
		table = table_fill(d, head, parts, n);
		parts = &table;
		n = 1;
		flags = VRING_DESC_F_INDIRECT;
	}
	d->n_parts[head] = (uint16_t)n;
	d->n_free -= n;
	if (d->is_packed)
		add_packed(d, head, parts, n, flags);
	else
		add_split(d, head, parts, n, flags);
	d->pos = (head + n) % d->size;
	return head;
}

static bool take_split(struct driver *d, uint16_t *id, uint32_t *len)
{
	const struct vring_used *used = used_of(d);
	const struct vring_used_elem *u = &used->ring[d->used_idx % d->size];

	if (__atomic_load_n(&used->idx, __ATOMIC_ACQUIRE) == d->used_idx)
		return false;
	*id = (uint16_t)__atomic_load_n(&u->id, __ATOMIC_RELAXED);
	*len = __atomic_load_n(&u->len, __ATOMIC_RELAXED);
	d->used_idx++;
	return true;
}

static bool take_packed(struct driver *d, uint16_t *id, uint32_t *len)
{
	uint64_t w = __atomic_load_n(words_of(d, 0, d->used_pos) + 1, __ATOMIC_ACQUIRE);
	uint16_t flags = (uint16_t)(w >> 48);

	if (((flags & AVAIL_BIT) != 0) != d->used_wrap || ((flags & USED_BIT) != 0) != d->used_wrap)
		return false;
	*id = (uint16_t)(w >> 32);
	*len = (uint32_t)w;
	CHECK(*id < d->size);
	d->used_pos += d->n_parts[*id];
	if (d->used_pos >= d->size) {
		d->used_pos -= d->size;
		d->used_wrap = !d->used_wrap;
	}
	return true;
}

bool driver_take(struct driver *d, uint16_t *id, uint32_t *len)
{
	if (!(d->is_packed ? take_packed(d, id, len) : take_split(d, id, len)))
		return false;
	CHECK(*id < d->size);
	d->n_free += d->n_parts[*id];
	return true;
}
