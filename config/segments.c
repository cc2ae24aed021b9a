/* SPDX-License-Identifier: Apache-2.0 */
/* segments.c - make, adopt and read the shared segments.
 * From: reconcile.c.  To: memfd.c.
 * Theory: vswitch/abi/state.h.  Every value read from a segment is hostile: it is added up and
 * printed, never used as an index.  Thread: the daemon's only one. */
#include "config/segments.h"

#include "config/memfd.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
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
	case SEGMENT_VERDICT: return SEGMENT_VERDICT_SIZE;
	case SEGMENT_STP: return SEGMENT_STP_SIZE;
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

static void unmap_verdicts(struct segments *s)
{
	if (s->verdicts != NULL)
		munmap((void *)(uintptr_t)s->verdicts, SEGMENT_VERDICT_SIZE);
	s->verdicts = NULL;
}

static int map_verdicts(struct segments *s, int fd)
{
	void *at = mmap(NULL, SEGMENT_VERDICT_SIZE, PROT_READ, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return -errno;
	unmap_verdicts(s);
	s->verdicts = at;
	return 0;
}

/* Can a program in the kernel look into segments of this kind? */
static bool is_looked_into(uint32_t kind)
{
	return kind == SEGMENT_FDB || kind == SEGMENT_VERDICT || kind == SEGMENT_CT
		|| kind == SEGMENT_NEIGH;
}

/* A map of the form that vswitch/abi/verdicts.h says? */
static bool is_map(int fd, uint64_t size)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.type == BPF_MAP_TYPE_ARRAY
		&& info.value_size == VERDICT_ELEM && (info.map_flags & BPF_F_MMAPABLE) != 0
		&& (uint64_t)info.max_entries * VERDICT_ELEM == size;
}

static int create_map(const char *name, uint64_t size)
{
	struct bpf_map_create_opts opts = { .sz = sizeof(opts), .map_flags = BPF_F_MMAPABLE };
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(uint32_t), VERDICT_ELEM,
		(uint32_t)(size / VERDICT_ELEM), &opts);

	return fd < 0 ? -errno : fd;
}

static int adopt_checked(struct segments *s, uint32_t kind, int fd)
{
	if (kind == SEGMENT_COUNTERS) {
		int rc = map_counters(s, fd);

		if (rc < 0)
			return rc;
	}
	if (kind == SEGMENT_VERDICT) {
		int rc = map_verdicts(s, fd);

		if (rc < 0)
			return rc;
	}
	if (s->fd[kind] >= 0)
		close(s->fd[kind]);
	s->fd[kind] = fd;
	s->are_maps = true;
	for (uint32_t k = SEGMENT_NONE + 1; k < SEGMENT_N; k++)
		if (is_looked_into(k) && (s->fd[k] < 0 || !is_map(s->fd[k], segments_size(k))))
			s->are_maps = false;
	return 0;
}

int segments_adopt(struct segments *s, uint32_t kind, uint64_t size, int fd)
{
	int rc = -EINVAL;

	if (kind != SEGMENT_NONE && kind < SEGMENT_N && size == segments_size(kind))
		rc = is_looked_into(kind) && is_map(fd, size) ? 0 : memfd_check(fd, size);
	if (rc == 0)
		rc = adopt_checked(s, kind, fd);
	if (rc < 0)
		close(fd);
	return rc;
}

int segments_create(struct segments *s, struct err *e)
{
	static const char *const names[SEGMENT_N] = {
		[SEGMENT_COUNTERS] = "saklar_counters",
		[SEGMENT_FDB] = "saklar_fdb",
		[SEGMENT_CT] = "saklar_ct",
		[SEGMENT_NEIGH] = "saklar_neigh",
		[SEGMENT_VERDICT] = "saklar_verdicts",
		[SEGMENT_STP] = "saklar_stp",
	};

	s->counters = NULL;
	s->verdicts = NULL;
	s->are_maps = false;
	for (int kind = 0; kind < SEGMENT_N; kind++)
		s->fd[kind] = -1;
	for (uint32_t kind = SEGMENT_NONE + 1; kind < SEGMENT_N; kind++) {
		int fd = is_looked_into(kind) ? create_map(names[kind], segments_size(kind)) : -1;

		if (fd < 0)
			fd = memfd_create_sealed(names[kind], NULL, 0, segments_size(kind), false);
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
	unmap_verdicts(s);
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

/* What the kernel passed on by itself. */
static struct verdict_counters fast_counters(const struct segments *s, uint16_t vif_id)
{
	struct verdict_counters c = { 0 };

	if (s->verdicts != NULL && vif_id < VIF_ID_MAX)
		add_words(&c, s->verdicts + (size_t)(VERDICTS_VIF + vif_id) * VERDICT_ELEM,
			sizeof(c));
	return c;
}

uint64_t segments_fast_packets(const struct segments *s, uint16_t vif_id)
{
	return fast_counters(s, vif_id).rx_packets;
}

static void add_fast(const struct segments *s, uint16_t vif_id, struct vif_counters *out)
{
	struct verdict_counters c = fast_counters(s, vif_id);

	out->rx_packets += c.rx_packets;
	out->rx_bytes += c.rx_bytes;
	out->tx_packets += c.tx_packets;
	out->tx_bytes += c.tx_bytes;
	out->drops[DROP_TX_LINK_DOWN] += c.tx_lost;
}

void segments_vif_counters(const struct segments *s, uint16_t vif_id, struct vif_counters *out)
{
	memset(out, 0, sizeof(*out));
	if (s->counters == NULL || vif_id >= VIF_ID_MAX)
		return;
	for (unsigned worker = 0; worker < WORKERS_MAX; worker++)
		add_words(out, &s->counters->vif[worker][vif_id], sizeof(*out));
	add_fast(s, vif_id, out);
}

void segments_stage_counters(const struct segments *s, unsigned worker, struct stage_counters *out)
{
	memset(out, 0, sizeof(*out));
	if (s->counters != NULL && worker < WORKERS_MAX)
		add_words(out, &s->counters->stage[worker], sizeof(*out));
}

void segments_worker_counters(
	const struct segments *s, unsigned worker, struct worker_counters *out)
{
	memset(out, 0, sizeof(*out));
	if (s->counters != NULL && worker < WORKERS_MAX)
		add_words(out, &s->counters->worker[worker], sizeof(*out));
}
