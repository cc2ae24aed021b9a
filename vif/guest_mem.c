/* SPDX-License-Identifier: Apache-2.0 */
/* guest_mem.c - maps the files of a guest's memory and finds guest physical addresses in them.
 *
 * From: the vhost-user session (control thread).  To: mmap(2); the ring code looks up.
 * Theory: a fault on a page of these files must end.  tmpfs (memfds are there) and hugetlbfs answer from
 * memory or with SIGBUS, which guest_guard.c contains; a file on FUSE or NFS could let a worker wait for
 * ever on its first touch, so nothing else is taken.  A file that is shorter than its region would be
 * SIGBUS from the start and is refused; one that shrinks later is the guard's.
 * Invariants: regions are sorted and do not overlap; no sum of a region's numbers wraps; a mapping lives as
 * long as a table names it.
 * Thread: control; lookups any. */
#include "vif/guest_mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

struct guest_map {
	unsigned n_tables; /* that name it */
	void *at;
	size_t len;
	bool is_sealed;
};

static int spec_check(const struct guest_region_spec *s, struct err *e)
{
	uint64_t end;

	if (s->size == 0 || __builtin_add_overflow(s->gpa, s->size, &end)
		|| __builtin_add_overflow(s->user_addr, s->size, &end)
		|| __builtin_add_overflow(s->file_offset, s->size, &end) || end > INT64_MAX)
		return err_set(e, -EINVAL, "memory",
			"region at 0x%llx of 0x%llx bytes is empty or wraps",
			(unsigned long long)s->gpa, (unsigned long long)s->size);
	return 0;
}

/* Is @fd a file whose pages never wait for anyone, and long enough?  *page: what offsets of mmap must be
 * multiples of. */
static int file_check(int fd, const struct guest_region_spec *s, uint64_t *page, struct err *e)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return err_set(e, -errno, "memory", "file of a region cannot be looked at");
	if (!S_ISREG(st.st_mode) || (fs.f_type != TMPFS_MAGIC && fs.f_type != HUGETLBFS_MAGIC))
		return err_set(e, -EPERM, "memory",
			"guest memory must be a memfd or a file on tmpfs or hugetlbfs");
	if ((uint64_t)st.st_size < s->file_offset + s->size)
		return err_set(e, -EINVAL, "memory",
			"file of %lld bytes is too short for a region that ends at %llu",
			(long long)st.st_size, (unsigned long long)(s->file_offset + s->size));
	*page = fs.f_type == HUGETLBFS_MAGIC ? (uint64_t)fs.f_bsize : 4096;
	return 0;
}

static bool fd_is_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & F_SEAL_SHRINK) != 0;
}

/* Map @spec of @fd into @r. */
static int region_map(struct guest_region *r, const struct guest_region_spec *spec, int fd,
	bool must_be_sealed, struct err *e)
{
	struct guest_map *map;
	uint64_t page = 4096, before;
	int rc = spec_check(spec, e);

	if (rc == 0)
		rc = file_check(fd, spec, &page, e);
	if (rc < 0)
		return rc;
	if (must_be_sealed && !fd_is_sealed(fd))
		return err_set(e, -EPERM, "memory",
			"guest memory can be shrunk (no F_SEAL_SHRINK): use memory-backend-memfd, "
			"or allow it");
	map = calloc(1, sizeof(*map));
	if (map == NULL)
		return err_set(e, -ENOMEM, "memory", "out of memory");
	before = spec->file_offset % page;
	map->n_tables = 1;
	map->is_sealed = fd_is_sealed(fd);
	map->len = (size_t)((spec->size + before + page - 1) / page * page);
	map->at = mmap(NULL, map->len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd,
		(off_t)(spec->file_offset - before));
	if (map->at == MAP_FAILED) {
		rc = err_set(e, -errno, "memory", "region cannot be mapped: %s", strerror(errno));
		free(map);
		return rc;
	}
	madvise(map->at, map->len, MADV_DONTDUMP);
	*r = (struct guest_region){ .gpa = spec->gpa,
		.size = spec->size,
		.user_addr = spec->user_addr,
		.host = (uint8_t *)map->at + before,
		.map = map };
	return 0;
}

static void region_unmap(struct guest_region *r)
{
	if (--r->map->n_tables > 0)
		return;
	munmap(r->map->at, r->map->len);
	free(r->map);
}

static struct guest_mem *table_create(
	unsigned n, const struct guest_mem_limits *limits, struct err *e)
{
	struct guest_mem *mem;

	if (n > GUEST_REGIONS_MAX) {
		err_set(e, -E2BIG, "memory", "%u regions; %u are possible", n, GUEST_REGIONS_MAX);
		return NULL;
	}
	mem = calloc(1, sizeof(*mem) + n * sizeof(mem->region[0]));
	if (mem == NULL)
		err_set(e, -ENOMEM, "memory", "out of memory");
	else
		mem->limits = *limits;
	return mem;
}

static int region_compare(const void *a, const void *b)
{
	const struct guest_region *x = a, *y = b;

	return (x->gpa > y->gpa) - (x->gpa < y->gpa);
}

/* Sort, and check what a table as a whole must be. */
static int table_finish(struct guest_mem *mem, struct err *e)
{
	qsort(mem->region, mem->n, sizeof(mem->region[0]), region_compare);
	mem->is_sealed = true;
	mem->bytes = 0;
	for (uint32_t i = 0; i < mem->n; i++) {
		const struct guest_region *r = &mem->region[i];

		if (i > 0 && r[-1].gpa + r[-1].size > r->gpa)
			return err_set(e, -EINVAL, "memory", "regions at 0x%llx and 0x%llx overlap",
				(unsigned long long)r[-1].gpa, (unsigned long long)r->gpa);
		if (__builtin_add_overflow(mem->bytes, r->size, &mem->bytes)
			|| (mem->limits.bytes_max != 0 && mem->bytes > mem->limits.bytes_max))
			return err_set(e, -E2BIG, "memory", "more than %llu bytes of guest memory",
				(unsigned long long)mem->limits.bytes_max);
		mem->is_sealed = mem->is_sealed && r->map->is_sealed;
	}
	return 0;
}

void guest_mem_put(struct guest_mem *mem)
{
	if (mem == NULL)
		return;
	for (uint32_t i = 0; i < mem->n; i++)
		region_unmap(&mem->region[i]);
	free(mem);
}

struct guest_mem *guest_mem_create(const struct guest_region_spec *specs, const int *fds,
	unsigned n, const struct guest_mem_limits *limits, struct err *e)
{
	struct guest_mem *mem = table_create(n, limits, e);
	int rc = 0;

	if (mem == NULL)
		return NULL;
	for (unsigned i = 0; rc == 0 && i < n; i++) {
		rc = region_map(&mem->region[mem->n], &specs[i], fds[i], limits->must_be_sealed, e);
		mem->n += rc == 0;
	}
	if (rc == 0)
		rc = table_finish(mem, e);
	if (rc < 0) {
		guest_mem_put(mem);
		mem = NULL;
	}
	return mem;
}

/* The regions of @mem but number @without, with room for one more. */
static struct guest_mem *table_copy(const struct guest_mem *mem, uint32_t without, struct err *e)
{
	struct guest_mem *copy = table_create(mem->n + (without >= mem->n), &mem->limits, e);

	if (copy == NULL)
		return NULL;
	for (uint32_t i = 0; i < mem->n; i++) {
		if (i == without)
			continue;
		copy->region[copy->n] = mem->region[i];
		copy->region[copy->n++].map->n_tables++;
	}
	return copy;
}

struct guest_mem *guest_mem_add(
	const struct guest_mem *mem, const struct guest_region_spec *spec, int fd, struct err *e)
{
	struct guest_mem *copy = table_copy(mem, mem->n, e);
	int rc;

	if (copy == NULL)
		return NULL;
	rc = region_map(&copy->region[copy->n], spec, fd, copy->limits.must_be_sealed, e);
	copy->n += rc == 0;
	if (rc == 0)
		rc = table_finish(copy, e);
	if (rc < 0) {
		guest_mem_put(copy);
		copy = NULL;
	}
	return copy;
}

struct guest_mem *guest_mem_remove(
	const struct guest_mem *mem, const struct guest_region_spec *spec, struct err *e)
{
	struct guest_mem *copy = NULL;
	uint32_t i = guest_mem_find(mem, spec->gpa);

	if (i >= mem->n || mem->region[i].gpa != spec->gpa || mem->region[i].size != spec->size
		|| mem->region[i].user_addr != spec->user_addr) {
		err_set(e, -ENOENT, "memory", "no region at 0x%llx of 0x%llx bytes to remove",
			(unsigned long long)spec->gpa, (unsigned long long)spec->size);
		return NULL;
	}
	copy = table_copy(mem, i, e);
	if (copy != NULL && table_finish(copy, e) < 0) {
		guest_mem_put(copy);
		copy = NULL;
	}
	return copy;
}

uint8_t *guest_mem_at_user(const struct guest_mem *mem, uint64_t user_addr, uint64_t len,
	uint64_t align, uint64_t *gpa)
{
	for (uint32_t i = 0; i < mem->n; i++) {
		const struct guest_region *r = &mem->region[i];
		uint64_t off = user_addr - r->user_addr;

		if (off >= r->size || len > r->size - off)
			continue;
		if ((uintptr_t)(r->host + off) % align != 0)
			return NULL;
		*gpa = r->gpa + off;
		return r->host + off;
	}
	return NULL;
}

uint32_t guest_mem_find(const struct guest_mem *mem, uint64_t gpa)
{
	uint32_t first = 0, end = mem->n;

	while (first < end) {
		uint32_t mid = first + (end - first) / 2;
		const struct guest_region *r = &mem->region[mid];

		if (gpa < r->gpa)
			end = mid;
		else if (gpa - r->gpa >= r->size)
			first = mid + 1;
		else
			return mid;
	}
	return mem->n;
}
