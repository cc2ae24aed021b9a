/* SPDX-License-Identifier: Apache-2.0 */
/* segments.c - make, adopt and read the shared segments.
 * From: reconcile.c.  To: memfd.c.
 * Theory: vswitch/abi/state.h.  Every value read from a segment is hostile: it is added up and
 * printed, never used as an index.  Thread: the daemon's only one. */
#include "config/segments.h"

#include "config/memfd.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

uint64_t segments_size(enum segment_kind kind)
{
	switch (kind) {
	case SEGMENT_COUNTERS: return sizeof(struct counters_segment);
	case SEGMENT_FDB: return SEGMENT_FDB_SIZE;
	case SEGMENT_CT: return SEGMENT_CT_SIZE;
	case SEGMENT_NEIGH: return SEGMENT_NEIGH_SIZE;
	case SEGMENT_NONE:
	case SEGMENT_N: break;
	}
	return 0;
}

static void unmap_counters(struct segments *s)
{
	if (s->counters != NULL)
		munmap((void *)(uintptr_t)s->counters, sizeof(*s->counters));
	s->counters = NULL;
}

static int map_counters(struct segments *s, int fd)
{
	void *at = mmap(NULL, sizeof(*s->counters), PROT_READ, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return -errno;
	unmap_counters(s);
	s->counters = at;
	return 0;
}

static int adopt_checked(struct segments *s, uint32_t kind, int fd)
{
	if (kind == SEGMENT_COUNTERS) {
		int rc = map_counters(s, fd);

		if (rc < 0)
			return rc;
	}
	if (s->fd[kind] >= 0)
		close(s->fd[kind]);
	s->fd[kind] = fd;
	return 0;
}

int segments_adopt(struct segments *s, uint32_t kind, uint64_t size, int fd)
{
	int rc = -EINVAL;

	if (kind != SEGMENT_NONE && kind < SEGMENT_N && size == segments_size(kind))
		rc = memfd_check(fd, size);
	if (rc == 0)
		rc = adopt_checked(s, kind, fd);
	if (rc < 0)
		close(fd);
	return rc;
}

int segments_create(struct segments *s, struct err *e)
{
	static const char *const names[SEGMENT_N] = {
		[SEGMENT_COUNTERS] = "saklar-counters",
		[SEGMENT_FDB] = "saklar-fdb",
		[SEGMENT_CT] = "saklar-ct",
		[SEGMENT_NEIGH] = "saklar-neigh",
	};

	s->counters = NULL;
	for (int kind = 0; kind < SEGMENT_N; kind++)
		s->fd[kind] = -1;
	for (uint32_t kind = SEGMENT_NONE + 1; kind < SEGMENT_N; kind++) {
		int fd = memfd_create_sealed(names[kind], NULL, 0, segments_size(kind), false);
		int rc = fd < 0 ? fd : adopt_checked(s, kind, fd);

		if (rc < 0)
			return err_set(e, rc, "", "no memory for the shared table %s: %s",
				names[kind], strerror(-rc));
	}
	return 0;
}

void segments_close(struct segments *s)
{
	unmap_counters(s);
	for (int kind = 0; kind < SEGMENT_N; kind++) {
		if (s->fd[kind] >= 0)
			close(s->fd[kind]);
		s->fd[kind] = -1;
	}
}

/* Counters are structs of nothing but uint64_t: add them as arrays. */
static void add_words(void *sum, const void *words, size_t len)
{
	uint64_t *to = sum;
	const uint64_t *from = words;

	for (size_t i = 0; i < len / sizeof(uint64_t); i++)
		to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

void segments_vif_counters(const struct segments *s, uint16_t vif_id, struct vif_counters *out)
{
	memset(out, 0, sizeof(*out));
	if (s->counters == NULL || vif_id >= VIF_ID_MAX)
		return;
	for (unsigned worker = 0; worker < WORKERS_MAX; worker++)
		add_words(out, &s->counters->vif[worker][vif_id], sizeof(*out));
}

void segments_worker_counters(
	const struct segments *s, unsigned worker, struct worker_counters *out)
{
	memset(out, 0, sizeof(*out));
	if (s->counters != NULL && worker < WORKERS_MAX)
		add_words(out, &s->counters->worker[worker], sizeof(*out));
}
