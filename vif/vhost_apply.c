/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_apply.c - the state machine of a vhost-user session.
 *
 * From: vhost_session.c.  To: guest_mem.c, dirty_log.c, vhost_queue.h.
 * Theory: a ring that is live belongs to its worker.  Every change goes the same way: rings_pause()
 * takes rings away and notes where they stood, the change is made, rings_resume() puts those to work
 * that have all they need.  So a VMM may say things in any order and again: memory that grows while
 * the guest runs, addresses repeated for a migration, a call fd exchanged when an interrupt is masked.
 * What a VMM may not do ends the session: features that were not offered, or changed under a live ring.
 * Invariants: a ring is live only within rings_resume() .. rings_pause(); memory and log are freed when
 * no ring is live that used them.
 * Thread: control. */
#include "vif/vhost_apply.h"

#include "vif/bell.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define PROTO_OFFERED                                                                      \
	(VHOST_PROTO_MQ | VHOST_PROTO_LOG_SHMFD | VHOST_PROTO_RARP | VHOST_PROTO_REPLY_ACK \
		| VHOST_PROTO_NET_MTU | VHOST_PROTO_CONFIGURE_MEM_SLOTS)
#define MTU_MIN 68

static bool is_packed(const struct vhost_session *s)
{
	return (s->features >> VIRTIO_F_RING_PACKED) & 1;
}

static bool is_logging(const struct vhost_session *s)
{
	return s->log && (s->features & VHOST_FEATURE_LOG_ALL);
}

static unsigned n_rings(const struct vhost_session *s)
{
	return 2 * s->config.n_pairs;
}

static bool ring_is_live(const struct vhost_ring *r)
{
	return atomic_load_explicit(&r->is_live, memory_order_relaxed);
}

static bool ring_is_ready(const struct vhost_session *s, const struct vhost_ring *r)
{
	if (!s->mem || !s->has_features || !r->has_num || !r->has_addr || r->kick_fd < 0)
		return false;
	/* without protocol features a ring is enabled by its kick fd */
	return r->is_enabled || !(s->features & VHOST_FEATURE_PROTOCOL);
}

static void deposit(const struct vhost_session *s, unsigned slot, int fd)
{
	if (s->config.ops->deposit)
		s->config.ops->deposit(s->config.arg, slot, fd);
}

/* Take rings @first..@first+@n-1 away from their workers. */
static void rings_pause(struct vhost_session *s, unsigned first, unsigned n)
{
	uint32_t paused = 0;

	static_assert(VHOST_RINGS_MAX <= 32, "a bit for each");
	for (unsigned i = first; i < first + n; i++) {
		if (!ring_is_live(&s->ring[i]))
			continue;
		atomic_store_explicit(&s->ring[i].is_live, false, memory_order_release);
		paused |= 1u << i;
	}
	if (paused)
		s->config.ops->quiesce(s->config.arg);
	for (unsigned i = first; i < first + n; i++)
		if (paused >> i & 1)
			s->ring[i].base = vhost_queue_base(&s->ring[i].queue);
}

static void ring_unwatch(struct vhost_session *s, unsigned i)
{
	if (!s->ring[i].is_watched)
		return;
	s->ring[i].is_watched = false;
	s->config.ops->watch(s->config.arg, i, -1);
}

static int ring_start(struct vhost_session *s, unsigned i, struct err *e)
{
	struct vhost_ring *r = &s->ring[i];
	struct vhost_config config = {
		.features = s->features,
		.size = r->num,
		.base = r->base,
		.is_tx = i % 2 == 1,
		.has_record = r->has_record,
		.mem = s->mem,
		.log = is_logging(s) ? s->log : NULL,
		.record = s->config.saved ? &s->config.saved->record[i] : NULL,
	};
	const struct vhost_place place = { .is_packed = is_packed(s),
		.size = r->num,
		.desc_user = r->desc_user,
		.driver_user = r->avail_user,
		.device_user = r->used_user };
	int rc = vhost_queue_place(s->mem, &place, &config.rings, e);

	if (rc == 0)
		rc = vhost_queue_start(&r->queue, &config, e);
	if (rc < 0) {
		err_prefix(e, "ring %u", i);
		return rc;
	}
	r->has_record = false;
	r->is_watched = true;
	atomic_store_explicit(&r->is_live, true, memory_order_release);
	s->config.ops->watch(s->config.arg, i, r->kick_fd);
	return 0;
}

/* Put those to work that can. */
static int rings_resume(struct vhost_session *s, unsigned first, unsigned n, struct err *e)
{
	int rc = 0;

	for (unsigned i = first; i < first + n && rc == 0; i++)
		if (!ring_is_live(&s->ring[i]) && ring_is_ready(s, &s->ring[i]))
			rc = ring_start(s, i, e);
	return rc;
}

static int apply_get_features(
	struct vhost_session *s, const struct vhost_msg *m, struct vhost_reply *reply)
{
	vhost_reply_u64(m->request,
		s->config.features | VHOST_FEATURE_LOG_ALL | VHOST_FEATURE_PROTOCOL, reply);
	return 0;
}

static int apply_set_features(struct vhost_session *s, const struct vhost_msg *m, struct err *e)
{
	uint64_t offered = s->config.features | VHOST_FEATURE_LOG_ALL | VHOST_FEATURE_PROTOCOL;
	uint64_t changed = m->u64 ^ s->features;

	if (m->u64 & ~offered)
		return err_set(e, -EINVAL, "", "feature bits 0x%llx were not offered",
			(unsigned long long)(m->u64 & ~offered));
	if (s->has_features && vhost_session_n_live(s) > 0 && (changed & ~VHOST_FEATURE_LOG_ALL))
		return err_set(e, -EBUSY, "", "features change while rings run");
	rings_pause(s, 0, n_rings(s));
	s->features = m->u64;
	s->has_features = true;
	return rings_resume(s, 0, n_rings(s), e);
}

static int apply_set_protocol(struct vhost_session *s, const struct vhost_msg *m, struct err *e)
{
	if (m->u64 & ~PROTO_OFFERED)
		return err_set(e, -EINVAL, "", "protocol features 0x%llx were not offered",
			(unsigned long long)(m->u64 & ~PROTO_OFFERED));
	s->protocol = m->u64;
	return 0;
}

/* Use @mem from now on; NULL: it could not be made. */
static int mem_replace(struct vhost_session *s, struct guest_mem *mem, struct err *e)
{
	struct guest_mem *old = s->mem;

	if (!mem)
		return e->code;
	rings_pause(s, 0, n_rings(s));
	s->mem = mem;
	guest_mem_put(old);
	return rings_resume(s, 0, n_rings(s), e);
}

static void region_drop(struct vhost_session *s, unsigned slot)
{
	if (s->region_fd[slot] < 0)
		return;
	close(s->region_fd[slot]);
	s->region_fd[slot] = -1;
	deposit(s, VHOST_SLOT_REGIONS + slot, -1);
}

static void region_keep(
	struct vhost_session *s, unsigned slot, const struct guest_region_spec *spec, int *fd)
{
	s->region[slot] = *spec;
	s->region_fd[slot] = *fd;
	deposit(s, VHOST_SLOT_REGIONS + slot, *fd);
	*fd = -1;
}

static int apply_mem_table(
	struct vhost_session *s, const struct vhost_msg *m, struct vhost_fds *fds, struct err *e)
{
	struct guest_mem *mem
		= guest_mem_create(m->region, fds->fd, m->n_regions, &s->config.limits, e);

	for (unsigned i = 0; mem && i < VHOST_REGIONS_MAX; i++) {
		region_drop(s, i);
		if (i < m->n_regions)
			region_keep(s, i, &m->region[i], &fds->fd[i]);
	}
	return mem_replace(s, mem, e);
}

static bool is_region(const struct guest_region_spec *a, const struct guest_region_spec *b)
{
	return a->gpa == b->gpa && a->size == b->size && a->user_addr == b->user_addr;
}

/* The slot of a region that we have; VHOST_REGIONS_MAX: we have not. */
static unsigned region_find(const struct vhost_session *s, const struct guest_region_spec *spec)
{
	unsigned slot = 0;

	while (slot < VHOST_REGIONS_MAX
		&& (s->region_fd[slot] < 0 || !is_region(&s->region[slot], spec)))
		slot++;
	return slot;
}

static bool is_same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev
		&& x.st_ino == y.st_ino;
}

/* QEMU before 8.0 says this once for each pair of queues. */
static bool is_said_again(
	const struct vhost_session *s, const struct guest_region_spec *spec, int fd)
{
	unsigned slot = region_find(s, spec);

	return slot < VHOST_REGIONS_MAX && s->region[slot].file_offset == spec->file_offset
		&& is_same_file(s->region_fd[slot], fd);
}

static int apply_add_region(
	struct vhost_session *s, const struct vhost_msg *m, struct vhost_fds *fds, struct err *e)
{
	struct guest_mem *mem;
	unsigned slot = 0;

	if (is_said_again(s, &m->region[0], fds->fd[0]))
		return 0;
	while (slot < VHOST_REGIONS_MAX && s->region_fd[slot] >= 0)
		slot++;
	if (slot == VHOST_REGIONS_MAX)
		return err_set(e, -ENOSPC, "", "more than %u regions of memory", VHOST_REGIONS_MAX);
	mem = s->mem ? guest_mem_add(s->mem, &m->region[0], fds->fd[0], e)
		     : guest_mem_create(m->region, fds->fd, 1, &s->config.limits, e);
	if (mem)
		region_keep(s, slot, &m->region[0], &fds->fd[0]);
	return mem_replace(s, mem, e);
}

/* A ring that lies in the region cannot go on, and ends the session.  What is not there (any more) may be
 * removed, for the same reason. */
static int apply_rem_region(struct vhost_session *s, const struct vhost_msg *m, struct err *e)
{
	unsigned slot = region_find(s, &m->region[0]);
	struct guest_mem *mem;

	if (slot == VHOST_REGIONS_MAX)
		return 0;
	mem = guest_mem_remove(s->mem, &m->region[0], e);
	if (mem)
		region_drop(s, slot);
	return mem_replace(s, mem, e);
}

static int apply_log(
	struct vhost_session *s, const struct vhost_msg *m, struct vhost_fds *fds, struct err *e)
{
	struct dirty_log *log = dirty_log_create(fds->fd[0], m->log_offset, m->log_size, e);

	if (!log)
		return e->code;
	rings_pause(s, 0, n_rings(s));
	if (s->log)
		dirty_log_destroy(s->log);
	s->log = log;
	if (s->log_fd >= 0)
		close(s->log_fd);
	s->log_fd = fds->fd[0];
	fds->fd[0] = -1;
	s->log_size = m->log_size;
	s->log_offset = m->log_offset;
	deposit(s, VHOST_SLOT_LOG, s->log_fd);
	return rings_resume(s, 0, n_rings(s), e);
}

static int apply_num(struct vhost_session *s, const struct vhost_msg *m, struct err *e)
{
	struct vhost_ring *r = &s->ring[m->ring];

	if (m->value == 0 || m->value > VHOST_QUEUE_SIZE_MAX)
		return err_set(e, -EINVAL, "", "a ring of %u entries", m->value);
	if (r->has_num && r->num == m->value)
		return 0;
	rings_pause(s, m->ring, 1);
	r->num = m->value;
	r->has_num = true;
	return rings_resume(s, m->ring, 1, e);
}

static int apply_addr(struct vhost_session *s, const struct vhost_msg *m, struct err *e)
{
	struct vhost_ring *r = &s->ring[m->ring];

	rings_pause(s, m->ring, 1);
	r->desc_user = m->addr.desc_user;
	r->avail_user = m->addr.avail_user;
	r->used_user = m->addr.used_user;
	r->has_addr = true;
	return rings_resume(s, m->ring, 1, e);
}

static int apply_base(struct vhost_session *s, const struct vhost_msg *m, struct err *e)
{
	rings_pause(s, m->ring, 1);
	s->ring[m->ring].base = (uint16_t)m->value; /* packed: the upper half is the same */
	return rings_resume(s, m->ring, 1, e);
}

enum ring_fd {
	RING_KICK,
	RING_CALL,
	RING_ERR
};

static unsigned ring_slot(unsigned ring, enum ring_fd which)
{
	return VHOST_SLOT_RINGS + 3 * ring + (unsigned)which;
}

static int *ring_fd(struct vhost_ring *r, enum ring_fd which)
{
	switch (which) {
	case RING_KICK: return &r->kick_fd;
	case RING_CALL: return &r->call_fd;
	case RING_ERR: break;
	}
	return &r->err_fd;
}

/* The ring stops here; every buffer that was taken has been given back. */
static int apply_get_base(
	struct vhost_session *s, const struct vhost_msg *m, struct vhost_reply *reply)
{
	struct vhost_ring *r = &s->ring[m->ring];

	rings_pause(s, m->ring, 1);
	ring_unwatch(s, m->ring);
	if (r->kick_fd >= 0) {
		close(r->kick_fd);
		deposit(s, ring_slot(m->ring, RING_KICK), -1);
	}
	r->kick_fd = -1;
	vhost_reply_state(m->request, m->ring, r->base, reply);
	return 0;
}

static void fd_replace(struct vhost_session *s, enum ring_fd which, const struct vhost_msg *m,
	struct vhost_fds *fds)
{
	int *at = ring_fd(&s->ring[m->ring], which);

	if (*at >= 0)
		close(*at);
	*at = -1;
	if (m->has_fd) {
		*at = fds->fd[0];
		fds->fd[0] = -1;
	}
	deposit(s, ring_slot(m->ring, which), *at);
}

/* A worker reads and writes these, and nothing else may come of that.  An eventfd alone answers a short
 * read that must not wait with EINVAL. */
static bool is_eventfd(int fd)
{
	uint32_t half;
	struct iovec iov = { .iov_base = &half, .iov_len = sizeof(half) };

	return preadv2(fd, &iov, 1, -1, RWF_NOWAIT) < 0 && errno == EINVAL;
}

static int fd_check(const struct vhost_msg *m, const struct vhost_fds *fds, struct err *e)
{
	if (m->has_fd && !is_eventfd(fds->fd[0]))
		return err_set(e, -EINVAL, "", "the fd of ring %u is no eventfd", m->ring);
	return 0;
}

int vhost_apply_check_fds(const struct vhost_ring *r, struct err *e)
{
	const int fds[] = { r->kick_fd, r->call_fd, r->err_fd };

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		if (fds[i] >= 0 && !is_eventfd(fds[i]))
			return err_set(e, -EINVAL, "", "an fd of a ring is no eventfd");
	return 0;
}

static int apply_kick(
	struct vhost_session *s, const struct vhost_msg *m, struct vhost_fds *fds, struct err *e)
{
	int rc = fd_check(m, fds, e);

	if (rc == 0 && !m->has_fd)
		rc = err_set(e, -EINVAL, "", "ring %u without a kick fd", m->ring);
	if (rc < 0)
		return rc;
	rings_pause(s, m->ring, 1);
	ring_unwatch(s, m->ring);
	fd_replace(s, RING_KICK, m, fds);
	return rings_resume(s, m->ring, 1, e);
}

static int apply_call(
	struct vhost_session *s, const struct vhost_msg *m, struct vhost_fds *fds, struct err *e)
{
	const struct vhost_ring *r = &s->ring[m->ring];
	int rc = fd_check(m, fds, e);

	if (rc < 0)
		return rc;
	rings_pause(s, m->ring, 1);
	fd_replace(s, RING_CALL, m, fds);
	/* what the old one was told may not have been heard; one interrupt too many is none too few */
	if (r->call_fd >= 0)
		bell_ring(s->config.bell, r->call_fd);
	return rings_resume(s, m->ring, 1, e);
}

static int apply_err(
	struct vhost_session *s, const struct vhost_msg *m, struct vhost_fds *fds, struct err *e)
{
	int rc = fd_check(m, fds, e);

	if (rc < 0)
		return rc;
	rings_pause(s, m->ring, 1);
	fd_replace(s, RING_ERR, m, fds);
	return rings_resume(s, m->ring, 1, e);
}

static int apply_enable(struct vhost_session *s, const struct vhost_msg *m, struct err *e)
{
	struct vhost_ring *r = &s->ring[m->ring];

	if (m->value > 1)
		return err_set(e, -EINVAL, "", "%u is neither on nor off", m->value);
	if (r->is_enabled == (m->value != 0))
		return 0;
	rings_pause(s, m->ring, 1);
	r->is_enabled = m->value != 0;
	return rings_resume(s, m->ring, 1, e);
}

/* An old request with as many meanings as back ends: the rings rest, nothing is forgotten. */
static int apply_reset_owner(struct vhost_session *s)
{
	rings_pause(s, 0, n_rings(s));
	for (unsigned i = 0; i < n_rings(s); i++)
		s->ring[i].is_enabled = false;
	return 0;
}

static int apply_mtu(struct vhost_session *s, const struct vhost_msg *m, struct err *e)
{
	if (m->u64 < MTU_MIN || m->u64 > s->config.mtu_max)
		return err_set(e, -EINVAL, "", "MTU %llu; %u..%u are possible",
			(unsigned long long)m->u64, MTU_MIN, s->config.mtu_max);
	s->mtu = (uint16_t)m->u64;
	return 0;
}

static int apply_rarp(struct vhost_session *s, const struct vhost_msg *m)
{
	uint8_t mac[6];

	for (unsigned i = 0; i < sizeof(mac); i++)
		mac[i] = (uint8_t)(m->u64 >> (8 * i));
	s->config.ops->announce(s->config.arg, mac);
	return 0;
}

static bool is_about_ring(uint32_t request)
{
	switch (request) {
	case VHOST_REQ_SET_VRING_NUM:
	case VHOST_REQ_SET_VRING_ADDR:
	case VHOST_REQ_SET_VRING_BASE:
	case VHOST_REQ_GET_VRING_BASE:
	case VHOST_REQ_SET_VRING_KICK:
	case VHOST_REQ_SET_VRING_CALL:
	case VHOST_REQ_SET_VRING_ERR:
	case VHOST_REQ_SET_VRING_ENABLE: return true;
	default: return false;
	}
}

static int apply_ring(struct vhost_session *s, const struct vhost_msg *m, struct vhost_fds *fds,
	struct vhost_reply *reply, struct err *e)
{
	if (m->ring >= n_rings(s))
		return err_set(e, -EINVAL, "",
			"ring %u, but the vif has %u queues: start the VMM with as many", m->ring,
			s->config.n_pairs);
	switch (m->request) {
	case VHOST_REQ_SET_VRING_NUM: return apply_num(s, m, e);
	case VHOST_REQ_SET_VRING_ADDR: return apply_addr(s, m, e);
	case VHOST_REQ_SET_VRING_BASE: return apply_base(s, m, e);
	case VHOST_REQ_GET_VRING_BASE: return apply_get_base(s, m, reply);
	case VHOST_REQ_SET_VRING_KICK: return apply_kick(s, m, fds, e);
	case VHOST_REQ_SET_VRING_CALL: return apply_call(s, m, fds, e);
	case VHOST_REQ_SET_VRING_ERR: return apply_err(s, m, fds, e);
	default: return apply_enable(s, m, e);
	}
}

int vhost_apply(struct vhost_session *s, const struct vhost_msg *m, struct vhost_fds *fds,
	struct vhost_reply *reply, struct err *e)
{
	if (is_about_ring(m->request))
		return apply_ring(s, m, fds, reply, e);
	switch (m->request) {
	case VHOST_REQ_GET_FEATURES: return apply_get_features(s, m, reply);
	case VHOST_REQ_SET_FEATURES: return apply_set_features(s, m, e);
	case VHOST_REQ_GET_PROTOCOL_FEATURES:
		vhost_reply_u64(m->request, PROTO_OFFERED, reply);
		return 0;
	case VHOST_REQ_SET_PROTOCOL_FEATURES: return apply_set_protocol(s, m, e);
	case VHOST_REQ_GET_QUEUE_NUM:
		vhost_reply_u64(m->request, s->config.n_pairs, reply);
		return 0;
	case VHOST_REQ_GET_MAX_MEM_SLOTS:
		vhost_reply_u64(m->request, VHOST_REGIONS_MAX, reply);
		return 0;
	case VHOST_REQ_SET_MEM_TABLE: return apply_mem_table(s, m, fds, e);
	case VHOST_REQ_ADD_MEM_REG: return apply_add_region(s, m, fds, e);
	case VHOST_REQ_REM_MEM_REG: return apply_rem_region(s, m, e);
	case VHOST_REQ_SET_LOG_BASE: return apply_log(s, m, fds, e);
	case VHOST_REQ_SEND_RARP: return apply_rarp(s, m);
	case VHOST_REQ_NET_SET_MTU: return apply_mtu(s, m, e);
	case VHOST_REQ_RESET_OWNER: return apply_reset_owner(s);
	case VHOST_REQ_SET_OWNER:
	case VHOST_REQ_SET_LOG_FD: return 0; /* the log is read by the VMM in its own time */
	default: return err_set(e, -EPROTO, "", "not a request that is offered");
	}
}

static void ring_forget(struct vhost_ring *r)
{
	int *fds[] = { &r->kick_fd, &r->call_fd, &r->err_fd };

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	r->has_num = r->has_addr = r->is_enabled = r->has_record = false;
	r->base = 0;
}

int vhost_apply_resume(struct vhost_session *s, struct err *e)
{
	uint64_t offered = s->config.features | VHOST_FEATURE_LOG_ALL | VHOST_FEATURE_PROTOCOL;

	if (s->features & ~offered)
		return err_set(e, -EINVAL, "", "feature bits 0x%llx are not offered any more",
			(unsigned long long)(s->features & ~offered));
	int rc = rings_resume(s, 0, n_rings(s), e);

	for (unsigned i = 0; i < VHOST_RINGS_MAX; i++)
		s->ring[i].has_record = false; /* a start that comes later is another */
	return rc;
}

void vhost_apply_end(struct vhost_session *s)
{
	rings_pause(s, 0, n_rings(s));
	for (unsigned i = 0; i < VHOST_RINGS_MAX; i++) {
		ring_unwatch(s, i);
		ring_forget(&s->ring[i]);
	}
	if (s->log)
		dirty_log_destroy(s->log);
	s->log = NULL;
	guest_mem_put(s->mem);
	s->mem = NULL;
	for (unsigned i = 0; i < VHOST_REGIONS_MAX; i++) {
		if (s->region_fd[i] >= 0)
			close(s->region_fd[i]);
		s->region_fd[i] = -1;
	}
	if (s->log_fd >= 0)
		close(s->log_fd);
	s->log_fd = -1;
	s->has_features = false;
	s->features = 0;
	s->protocol = 0;
	s->mtu = 0;
}
