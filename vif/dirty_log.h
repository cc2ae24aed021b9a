/* SPDX-License-Identifier: Apache-2.0 */
/* dirty_log.h - which pages of a guest we wrote to, told to the VMM that migrates it.
 *
 * One bit a page of DIRTY_PAGE bytes of guest physical addresses, in memory that the VMM gave and
 * empties at the same time.  Order is what counts: the bytes are written first, then their bit, and
 * used->idx only after that, so that whatever the guest was told is in a page the VMM copies again.
 * The log lies in a file of the VMM's: touched under a guard only (guest_guard.h).
 * Thread: any; the bits are atomic. */
#pragma once

#include "vswitch/base/base.h"
#include "vswitch/base/err.h"

#define DIRTY_PAGE 4096u

struct guest_mem;

struct dirty_log {
	uint8_t *bits;
	uint64_t size; /* bytes */
	struct guest_mem *mem; /* its mapping */
};

/* Map @size bytes at @offset of @fd (which stays the caller's; any file that guest memory may be in).
 * NULL with @e. */
struct dirty_log *dirty_log_create(int fd, uint64_t offset, uint64_t size, struct err *e);
void dirty_log_destroy(struct dirty_log *log);

/* Mark the pages of @len bytes at @gpa; what lies beyond the log is not marked. */
void dirty_log_mark(const struct dirty_log *log, uint64_t gpa, uint64_t len);
