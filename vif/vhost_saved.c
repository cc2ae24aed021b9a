/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_saved.c - write down what a session was told; take it up in the next engine.
 *
 * From: vhost_session.c.  To: vhost_apply.c, guest_mem.c, dirty_log.c.
 * Theory: the struct is written whole with each message, which is some microseconds where messages are
 * few.  Taking up goes through the checks that the messages themselves went through, since whoever had
 * control over an engine had it over this memory too.
 * Thread: control. */
#include "vif/vhost_saved.h"

#include "vif/vhost_apply.h"

#include <errno.h>
#include <string.h>

void vhost_saved_clear(struct vhost_saved *saved)
{
	uint64_t offered = saved->magic == VHOST_SAVED_MAGIC ? saved->offered : 0;

	memset(saved, 0, offsetof(struct vhost_saved, record));
	saved->offered = offered;
	saved->magic = VHOST_SAVED_MAGIC;
}

void vhost_saved_amid(struct vhost_saved *saved, bool is_amid)
{
	if (saved)
		__atomic_store_n(&saved->is_amid, is_amid, __ATOMIC_SEQ_CST);
}

void vhost_saved_put(const struct vhost_session *s)
{
	struct vhost_saved *saved = s->config.saved;

	if (!saved)
		return;
	saved->has_features = s->has_features;
	saved->features = s->features;
	saved->protocol = s->protocol;
	saved->mtu = s->mtu;
	saved->has_log = s->log != NULL;
	saved->log_size = s->log_size;
	saved->log_offset = s->log_offset;
	memset(saved->has_region, 0, sizeof(saved->has_region));
	for (unsigned i = 0; i < VHOST_REGIONS_MAX; i++) {
		if (s->region_fd[i] < 0)
			continue;
		saved->has_region[i / 64] |= UINT64_C(1) << (i % 64);
		saved->region[i] = s->region[i];
	}
	for (unsigned i = 0; i < VHOST_RINGS_MAX; i++) {
		const struct vhost_ring *r = &s->ring[i];
		bool is_live = atomic_load_explicit(&r->is_live, memory_order_relaxed);

		saved->ring[i] = (struct vhost_saved_ring){ .desc_user = r->desc_user,
			.avail_user = r->avail_user,
			.used_user = r->used_user,
			.num = r->num,
			.base = r->base,
			.flags = (uint16_t)((r->has_num ? VHOST_SAVED_NUM : 0)
				| (r->has_addr ? VHOST_SAVED_ADDR : 0)
				| (r->is_enabled ? VHOST_SAVED_ENABLED : 0)
				| (is_live ? VHOST_SAVED_LIVE : 0)) };
	}
}

/* The same regions behind the same fds. */
static int resume_memory(struct vhost_session *s, const struct vhost_saved *saved, struct err *e)
{
	struct guest_region_spec specs[VHOST_REGIONS_MAX];
	int fds[VHOST_REGIONS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < VHOST_REGIONS_MAX; i++) {
		bool has = saved->has_region[i / 64] >> (i % 64) & 1;

		if (has != (s->region_fd[i] >= 0))
			return err_set(e, -EBADF, "", "region %u and its fd do not fit", i);
		if (!has)
			continue;
		s->region[i] = saved->region[i];
		specs[n] = s->region[i];
		fds[n++] = s->region_fd[i];
	}
	if (n == 0)
		return 0;
	s->mem = guest_mem_create(specs, fds, n, &s->config.limits, e);
	return s->mem ? 0 : e->code;
}

static int resume_log(struct vhost_session *s, const struct vhost_saved *saved, struct err *e)
{
	if ((saved->has_log != 0) != (s->log_fd >= 0))
		return err_set(e, -EBADF, "", "the log and its fd do not fit");
	if (s->log_fd < 0)
		return 0;
	s->log_size = saved->log_size;
	s->log_offset = saved->log_offset;
	s->log = dirty_log_create(s->log_fd, s->log_offset, s->log_size, e);
	return s->log ? 0 : e->code;
}

static int resume_rings(struct vhost_session *s, const struct vhost_saved *saved, struct err *e)
{
	for (unsigned i = 0; i < VHOST_RINGS_MAX; i++) {
		const struct vhost_saved_ring from = saved->ring[i];
		struct vhost_ring *r = &s->ring[i];
		int rc = vhost_apply_check_fds(r, e);

		if (rc < 0)
			return rc;
		r->num = from.num;
		r->base = from.base;
		r->desc_user = from.desc_user;
		r->avail_user = from.avail_user;
		r->used_user = from.used_user;
		r->has_num = from.flags & VHOST_SAVED_NUM;
		r->has_addr = from.flags & VHOST_SAVED_ADDR;
		r->is_enabled = from.flags & VHOST_SAVED_ENABLED;
		r->has_record = from.flags & VHOST_SAVED_LIVE;
	}
	return vhost_apply_resume(s, e);
}

int vhost_saved_resume(struct vhost_session *s, struct err *e)
{
	const struct vhost_saved *saved = s->config.saved;
	int rc;

	if (!saved || saved->magic != VHOST_SAVED_MAGIC)
		return err_set(e, -ENODATA, "", "nothing was written down");
	if (saved->is_amid)
		return err_set(e, -EINTR, "", "the engine died over a message");
	s->has_features = saved->has_features;
	s->features = saved->features;
	s->protocol = saved->protocol;
	s->mtu = saved->mtu;
	rc = resume_memory(s, saved, e);
	if (rc == 0)
		rc = resume_log(s, saved, e);
	if (rc == 0)
		rc = resume_rings(s, saved, e);
	return rc;
}
