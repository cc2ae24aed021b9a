/* SPDX-License-Identifier: Apache-2.0 */
/* state.c - maps the segments that outlive an engine and makes sense of what is in them.
 *
 * From: ctl.c, one SEGMENT message each.  To: bridge/fdb.c, bridge/ct.c, bridge/neigh.c, the counters of workers.
 * Theory: the daemon made the memfd, a dead engine wrote it, and either may have been wrong.  The
 * size is checked against the file (and against shrinking, which would be a SIGBUS later) before
 * it is mapped; the contents are the table's own business.  Counters have no invariants: any number
 * is a number; a foreign header means zeros.
 * Thread: control. */
#include "vswitch/state.h"

#include "vswitch/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

size_t state_segment_size(uint32_t kind)
{
	switch (kind) {
	case SEGMENT_COUNTERS: return sizeof(struct counters_segment);
	case SEGMENT_FDB: return SEGMENT_FDB_SIZE;
	case SEGMENT_CT: return SEGMENT_CT_SIZE;
	case SEGMENT_NEIGH: return SEGMENT_NEIGH_SIZE;
	case SEGMENT_VERDICT: return SEGMENT_VERDICT_SIZE;
	case SEGMENT_STP: return SEGMENT_STP_SIZE;
	default: return 0;
	}
}

/* Tables that the kernel's programs look into are BPF maps: no file, of a size that never changes
 * and that mmap(2) checks. */
static bool is_map(uint32_t kind, int fd, const struct stat *st)
{
	return kind != SEGMENT_COUNTERS && (st->st_mode & S_IFMT) == 0
		&& fcntl(fd, F_GET_SEALS) < 0;
}

static int check_fd(uint32_t kind, int fd, size_t size, struct err *e)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, -errno, "segment", "fstat: %s", strerror(errno));
	if (is_map(kind, fd, &st))
		return 0;
	if (seals < 0 || (seals & F_SEAL_SHRINK) == 0)
		return err_set(e, -EINVAL, "segment", "not a memfd sealed against shrinking");
	/* The file may be a page longer than the struct, never shorter. */
	if (st.st_size < 0 || (uint64_t)st.st_size < size)
		return err_set(e, -EINVAL, "segment", "%lld bytes where %zu are needed",
			(long long)st.st_size, size);
	return 0;
}

static void counters_attach(struct state *s, void *at)
{
	struct counters_segment *c = at;

	if (c->magic != COUNTERS_MAGIC || c->size != sizeof(*c)) {
		if (c->magic != 0) /* a new one is zero: writing zeros would only cost its memory */
			memset(c, 0, sizeof(*c));
		c->size = sizeof(*c);
		c->n_workers = WORKERS_MAX;
		__atomic_store_n(&c->magic, COUNTERS_MAGIC, __ATOMIC_RELEASE);
	}
	s->counters = c;
}

/* Make the object of @kind from what is mapped at @at. */
static bool contents_attach(struct state *s, uint32_t kind, void *at, struct err *e)
{
	size_t size = state_segment_size(kind);
	uint64_t now_ns = clock_now_ns();

	switch (kind) {
	case SEGMENT_FDB: s->fdb = fdb_attach(at, size, now_ns, e); return s->fdb != NULL;
	case SEGMENT_CT: s->ct = ct_attach(at, size, now_ns, e); return s->ct != NULL;
	case SEGMENT_NEIGH: s->neigh = neigh_attach(at, size, now_ns, e); return s->neigh != NULL;
	case SEGMENT_VERDICT:
		s->verdicts = verdicts_attach(at, size, e);
		return s->verdicts != NULL;
	case SEGMENT_STP: return true; /* bridge/stp_store.c reads it where it is */
	default: counters_attach(s, at); return true;
	}
}

void state_init(struct state *s)
{
	*s = (struct state){ 0 };
	for (unsigned i = 0; i < SEGMENT_N; i++)
		s->map[i].fd = -1;
}

void state_detach(struct state *s)
{
	fdb_detach(s->fdb);
	ct_detach(s->ct);
	neigh_destroy(s->neigh);
	verdicts_detach(s->verdicts);
	for (unsigned i = 0; i < SEGMENT_N; i++) {
		if (s->map[i].at != NULL)
			munmap(s->map[i].at, s->map[i].size);
		if (s->map[i].fd >= 0)
			close(s->map[i].fd);
	}
	state_init(s);
}

int state_attach(struct state *s, uint32_t kind, int fd, struct err *e)
{
	size_t size = state_segment_size(kind);
	void *at = MAP_FAILED;
	int rc;

	if (size == 0)
		rc = err_set(e, -EINVAL, "segment", "kind %u is unknown", kind);
	else if (s->map[kind].at != NULL)
		rc = err_set(e, -EEXIST, "segment", "kind %u is attached already", kind);
	else
		rc = check_fd(kind, fd, size, e);
	if (rc < 0)
		goto out;
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED) {
		rc = err_set(e, -errno, "segment", "mmap: %s", strerror(errno));
		goto out;
	}
	if (!contents_attach(s, kind, at, e)) {
		rc = -EINVAL;
		goto out;
	}
	s->map[kind] = (struct state_map){ .fd = fd, .at = at, .size = size };
	return 0;
out:
	if (at != MAP_FAILED)
		munmap(at, size);
	close(fd);
	return rc;
}
