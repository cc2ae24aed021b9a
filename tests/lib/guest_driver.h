/* SPDX-License-Identifier: Apache-2.0 */
/* guest_driver.h - the guest's side of a virtqueue, split or packed: honest by its functions, hostile by
 * whoever writes to .mem by itself.
 *
 * One memfd of DRIVER_MEM bytes, told to the queue as two regions that follow each other, so that buffers can
 * cross from one into the other.  Rings and indirect tables lie at the beginning, buffers from DRIVER_BUFS on.
 * Buffers are named by offset in .mem; their guest physical address is DRIVER_GPA more.
 * Thread: one, beside the one that runs the queue: rings are touched by atomics only. */
#pragma once

#include "vif/vhost_queue.h"

#define DRIVER_MEM (4u << 20)
#define DRIVER_HALF (DRIVER_MEM / 2) /* where the second region begins */
#define DRIVER_GPA UINT64_C(0x100000000)
#define DRIVER_SIZE_MAX 1024u
#define DRIVER_DRIVER 0x8000u
#define DRIVER_DEVICE 0xc000u
#define DRIVER_TABLES 0x10000u /* 512 bytes a head */
#define DRIVER_BUFS 0x90000u

#define DRIVER_F(bit) (UINT64_C(1) << (bit))
#define DRIVER_FEATURES                                                  \
	(DRIVER_F(32) /* VERSION_1 */ | DRIVER_F(28) /* INDIRECT_DESC */ \
		| DRIVER_F(15) /* MRG_RXBUF */)
#define DRIVER_EVENT_IDX DRIVER_F(29)
#define DRIVER_PACKED DRIVER_F(34)

struct driver_part {
	uint32_t off;
	uint32_t len;
};

struct driver {
	int fd;
	uint8_t *mem;
	struct guest_mem *guest;
	struct vhost_queue q;
	struct vhost_config config;
	uint32_t size;
	bool is_packed, is_tx;
	uint32_t pos; /* next entry to fill; split: descriptor */
	uint32_t n_free;
	uint16_t avail_idx, used_idx; /* split */
	uint32_t used_pos; /* packed */
	bool wrap, used_wrap;
	uint16_t n_parts[DRIVER_SIZE_MAX]; /* ring entries of the buffer with this id */
};

/* A guest with one queue of @size entries, started. */
void driver_open(struct driver *d, uint64_t features, uint32_t size, bool is_tx);
void driver_close(struct driver *d);

/* Make a buffer of @n parts available (in an indirect table when @is_indirect); its id, or -1: ring full. */
int driver_add(struct driver *d, const struct driver_part *parts, unsigned n, bool is_indirect);

/* A buffer that came back; false: none. */
bool driver_take(struct driver *d, uint16_t *id, uint32_t *len);

/* The queue anew, as an engine after a crash would make it. */
int driver_restart(struct driver *d, bool has_record);

/* What the guest writes in a descriptor; @link: next or, in a packed ring, the buffer's id. */
struct driver_desc {
	uint64_t gpa;
	uint32_t len;
	uint16_t flags;
	uint16_t link;
};

/* For hostile use: entry @i of the ring or of any table as a descriptor of this kind of ring. */
void driver_write_desc(struct driver *d, uint32_t table_off, uint32_t i, struct driver_desc desc);
/* Split: tell the queue that heads up to @idx are there; packed: nothing. */
void driver_set_avail(struct driver *d, uint16_t idx);
/* Split: the head at place @i of the available ring. */
void driver_set_head(struct driver *d, uint32_t i, uint16_t id);
