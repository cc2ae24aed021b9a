/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_front.h - the VMM's side of a vhost-user socket, honest by its functions, hostile by front_send().
 *
 * One memfd of FRONT_MEM bytes is the guest's memory, at guest physical address 0 and at FRONT_USER in
 * "the VMM".  Ring i lies at FRONT_RING(i), with room for FRONT_NUM entries; buffers from FRONT_BUFS on.
 * Thread: one. */
#pragma once

#include "vif/vhost_msg.h"

#define FRONT_MEM (1u << 20)
#define FRONT_USER UINT64_C(0x7f0000000000)
#define FRONT_NUM 64u
#define FRONT_RING(i) ((i)*0x2000u)
#define FRONT_BUFS 0x80000u

struct vhost_front {
	int sock;
	int mem_fd;
	uint8_t *mem;
	int kick[VHOST_RINGS_MAX], call[VHOST_RINGS_MAX]; /* -1: none yet */
};

/* Returns the other end of its socket, for the back end. */
int front_open(struct vhost_front *f);
/* Another connection of the same guest; the other end. */
int front_reconnect(struct vhost_front *f);
void front_close(struct vhost_front *f);

/* Anything at all. */
void front_send(const struct vhost_front *f, const struct vhost_msg_hdr *hdr, const void *payload,
	const int *fds, unsigned n_fds);
void front_say(const struct vhost_front *f, uint32_t request); /* without payload */
void front_u64(const struct vhost_front *f, uint32_t request, uint64_t value);
void front_state(const struct vhost_front *f, uint32_t request, uint32_t ring, uint32_t value);
void front_ring_fd(const struct vhost_front *f, uint32_t request, uint32_t ring, int fd);
/* The whole memory as one region, or its @n equal parts. */
void front_table(const struct vhost_front *f, uint32_t n);
/* Part @i of @n, added or removed. */
void front_region(const struct vhost_front *f, uint32_t request, uint32_t i, uint32_t n);
/* Everything that ring @ring needs, enabled last. */
void front_ring(struct vhost_front *f, uint32_t ring);
void front_ring_addr(const struct vhost_front *f, uint32_t ring, uint32_t flags);

/* The next answer: its request, or 0 when there is none; *value: the last 8 bytes of its payload. */
uint32_t front_answer(const struct vhost_front *f, uint64_t *value);

/* Split ring @ring: make a buffer of @len bytes at @offset available as its entry @idx. */
void front_offer(struct vhost_front *f, uint32_t ring, uint16_t idx, uint32_t offset, uint32_t len,
	bool is_writable);
/* Used index of split ring @ring. */
uint16_t front_used(const struct vhost_front *f, uint32_t ring);
