/* SPDX-License-Identifier: Apache-2.0 */
/* guest_mem.h - the memory of one guest as its VMM shared it with us: which file shows what.
 *
 * What it is: an immutable table of regions, sorted by guest physical address (gpa).  A change makes a
 * new table that shares the mappings; the old one goes when nobody looks at it any more.
 * Life:
 *   1. control thread: guest_mem_create(), or guest_mem_add() and guest_mem_remove() on an older one;
 *   2. published to workers with the queues that use it (struct vhost_queue);
 *   3. workers: guest_mem_at(), always between guest_guard_begin() and guest_guard_end();
 *   4. control thread: workers have passed a burst; guest_mem_put().
 * Who may touch what: workers read; everything else is the control thread's.
 * The bytes behind host pointers change at any time, and the file may be shrunk or punched under us:
 * read each once, by copy, under a guard (guest_guard.h). */
#pragma once

#include "vswitch/base/base.h"
#include "vswitch/base/err.h"

#define GUEST_REGIONS_MAX 512

/* What a VMM says about a region; all hostile. */
struct guest_region_spec {
	uint64_t gpa;
	uint64_t size;
	uint64_t user_addr; /* in the VMM's address space: rings are named by it */
	uint64_t file_offset;
};

struct guest_mem_limits {
	uint64_t bytes_max; /* of all regions; 0: no limit */
	bool must_be_sealed; /* refuse files that can be shrunk */
};

struct guest_map; /* a mapping and who uses it */

struct guest_region {
	uint64_t gpa;
	uint64_t size;
	uint64_t user_addr;
	uint8_t *host;
	struct guest_map *map;
};

struct guest_mem {
	struct guest_mem_limits limits;
	uint64_t bytes;
	bool is_sealed; /* no file of it can be shrunk */
	uint32_t n;
	struct guest_region region[]; /* by gpa, without overlap */
};

/* Map @n regions, fds[i] behind specs[i]; the fds stay the caller's.  Refused with @e: no or more than
 * GUEST_REGIONS_MAX regions, overlaps, ranges that wrap, files that are not on tmpfs or hugetlbfs (memfds are), files
 * that are too short.  NULL with @e. */
struct guest_mem *guest_mem_create(const struct guest_region_spec *specs, const int *fds,
	unsigned n, const struct guest_mem_limits *limits, struct err *e);

/* A table with one region more, and one with the region of @gpa, @size and @user_addr less (the last one may go).
 * @mem stays as it is and valid.  NULL with @e. */
struct guest_mem *guest_mem_add(
	const struct guest_mem *mem, const struct guest_region_spec *spec, int fd, struct err *e);
struct guest_mem *guest_mem_remove(
	const struct guest_mem *mem, const struct guest_region_spec *spec, struct err *e);

/* No table may outlive its last look: unmap what no other table shares.  NULL is allowed. */
void guest_mem_put(struct guest_mem *mem);

/* Index of the region that holds @gpa, or mem->n. */
uint32_t guest_mem_find(const struct guest_mem *mem, uint64_t gpa);

/* Where the @len bytes at @gpa are.  Returns how many of them are contiguous at *host: less than @len
 * where a region ends (ask again behind it), 0 where nothing is mapped.  @hint: any number, kept by the caller
 * for the next call. */
static inline uint64_t guest_mem_at(
	const struct guest_mem *mem, uint32_t *hint, uint64_t gpa, uint64_t len, uint8_t **host)
{
	uint32_t i = *hint;
	uint64_t off;

	if (UNLIKELY(i >= mem->n || gpa - mem->region[i].gpa >= mem->region[i].size)) {
		i = guest_mem_find(mem, gpa);
		if (i >= mem->n)
			return 0;
		*hint = i;
	}
	off = gpa - mem->region[i].gpa;
	*host = mem->region[i].host + off;
	len = len < mem->region[i].size - off ? len : mem->region[i].size - off;
	return len;
}

/* Host pointer of the @len bytes at the VMM's address @user_addr, all in one region, aligned to @align; NULL when
 * they are not.  *gpa: their guest physical address. */
uint8_t *guest_mem_at_user(const struct guest_mem *mem, uint64_t user_addr, uint64_t len,
	uint64_t align, uint64_t *gpa);
