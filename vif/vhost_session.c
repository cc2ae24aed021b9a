/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_session.c - the socket of a session: look at a message, apply it, take it off, answer.
 *
 * From: the vhost-user vif (control thread).  To: vhost_msg.c (bytes), vhost_apply.c (meaning).
 * Theory: a message stays in the socket until it has been applied (MSG_PEEK), so that it is not lost
 * with an engine that dies over it.  A look with room for fds also gives those of a message that comes
 * later when the first one has none (unix_stream_read_generic looks on, for no bytes more), so whether
 * there are any is first read in the message itself; and taking the message off, without room, tells
 * by MSG_CTRUNC whether it had any.  A look gives duplicates; taking off closes the originals.
 * A VMM that sends half a message waits with it: nothing here does, since input is edge-triggered.
 * Invariants: fds of a message are in the session or closed when serve() returns.
 * Thread: control. */
#include "vif/vhost_session.h"

#include "vif/vhost_apply.h"
#include "vswitch/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

LOG_MODULE("vhost");

#define FDS_ROOM 32 /* more than any request takes, so that surplus ones are seen */

/* Read @len bytes with @flags and no fds; how many there were, or -errno.  *had_fds: some came along. */
static int bytes_read(int sock, void *buffer, size_t len, int flags, bool *had_fds)
{
	struct iovec iov = { .iov_base = buffer, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	do {
		n = recvmsg(sock, &msg, flags | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	*had_fds = (msg.msg_flags & MSG_CTRUNC) != 0;
	return n < 0 ? -errno : (int)n;
}

static void fds_take(struct msghdr *msg, struct vhost_fds *out)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			out->n_came++;
			if (out->n < VHOST_FDS_MAX)
				out->fd[out->n++] = fd;
			else
				close(fd);
		}
	}
}

static void fds_close(struct vhost_fds *fds)
{
	for (unsigned i = 0; i < fds->n; i++)
		if (fds->fd[i] >= 0)
			close(fds->fd[i]);
	fds->n = 0;
}

/* Look at @len bytes and the fds with them.  How many bytes there are, or -errno. */
static int fds_peek(int sock, void *buffer, size_t len, struct vhost_fds *fds)
{
	struct iovec iov = { .iov_base = buffer, .iov_len = len };
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(int) * FDS_ROOM)];
	} control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t n;

	do {
		n = recvmsg(sock, &msg, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	fds_take(&msg, fds);
	if (msg.msg_flags & MSG_CTRUNC)
		fds->n_came = FDS_ROOM;
	return (int)n;
}

/* The message that comes next.  Its length; -EAGAIN: it is not there, or not in whole; -ECONNRESET:
 * nor will it be. */
static int message_look(
	const struct vhost_session *s, void *buffer, struct vhost_fds *fds, struct err *e)
{
	struct vhost_msg_hdr hdr;
	bool had_fds;
	int n = bytes_read(s->fd, &hdr, sizeof(hdr), MSG_PEEK, &had_fds);
	int len;

	if (n == 0)
		return -ECONNRESET;
	if (n < (int)sizeof(hdr))
		return n < 0 ? n : -EAGAIN;
	len = vhost_msg_len(&hdr, e);
	if (len < 0)
		return len;
	n = bytes_read(s->fd, buffer, (size_t)len, MSG_PEEK, &had_fds);
	if (n == len && vhost_msg_wants_fds(buffer, (size_t)len))
		n = fds_peek(s->fd, buffer, (size_t)len, fds);
	if (n < 0)
		return n;
	/* the kernel ends a read behind the piece that fds came with */
	if (n < len && fds->n_came > 0)
		return err_set(
			e, -EPROTO, "", "%s with fds comes in pieces", vhost_msg_name(hdr.request));
	return n < len ? -EAGAIN : len;
}

/* @m, of @len bytes, has been applied. */
static int message_take(const struct vhost_session *s, const struct vhost_msg *m, int len,
	bool has_fds, struct err *e)
{
	uint8_t buffer[VHOST_MSG_LEN_MAX];
	bool had_fds;

	if (bytes_read(s->fd, buffer, (size_t)len, 0, &had_fds) != len)
		return -ECONNRESET;
	if (had_fds != has_fds && !vhost_msg_spares_fds(m->request))
		return err_set(e, -EPROTO, "", "%s fds", had_fds ? "surplus" : "no");
	return 0;
}

static int reply_send(const struct vhost_session *s, const struct vhost_reply *reply, struct err *e)
{
	union {
		const void *in;
		void *out;
	} bytes = { .in = reply->bytes }; /* sendmsg() only reads */
	struct iovec iov = { .iov_base = bytes.out, .iov_len = reply->len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = sendmsg(s->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n == (ssize_t)reply->len)
		return 0;
	if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
		return -ECONNRESET;
	return err_set(e, -EPROTO, "", "the VMM does not read its answers");
}

/* Does @m get an acknowledgement when @rc came of it? */
static bool is_acknowledged(const struct vhost_session *s, const struct vhost_msg *m)
{
	if (m->request == VHOST_REQ_SET_LOG_BASE) /* by the protocol, asked for or not */
		return true;
	return m->needs_reply && (s->protocol & VHOST_PROTO_REPLY_ACK);
}

static int message_serve(struct vhost_session *s, struct err *e)
{
	uint8_t buffer[VHOST_MSG_LEN_MAX];
	struct vhost_fds fds = { .n = 0 };
	struct vhost_reply reply = { .len = 0 };
	struct vhost_msg m;
	int len = message_look(s, buffer, &fds, e);
	int rc = len;
	int taken;

	if (len <= 0)
		goto out;
	rc = vhost_msg_decode(buffer, (size_t)len, fds.n_came, &m, e);
	if (rc < 0)
		goto out;
	vhost_saved_amid(s->config.saved, true);
	rc = vhost_apply(s, &m, &fds, &reply, e);
	vhost_saved_put(s);
	taken = message_take(s, &m, len, fds.n_came > 0, e);
	rc = rc < 0 ? rc : taken;
	err_prefix(e, "%s", vhost_msg_name(m.request));
	if (reply.len == 0 && is_acknowledged(s, &m))
		vhost_reply_u64(m.request, rc < 0, &reply);
	s->n_messages++;
	if (reply.len > 0) {
		int sent = reply_send(s, &reply, rc < 0 ? NULL : e);

		rc = rc < 0 ? rc : sent;
	}
	vhost_saved_amid(s->config.saved, false);
out:
	fds_close(&fds);
	return rc;
}

int vhost_session_serve(struct vhost_session *s, struct err *e)
{
	int rc = s->fd < 0 ? -EAGAIN : 0;

	for (unsigned n = 0; rc == 0; n++) {
		if (n == VHOST_SERVE_MAX)
			return 1;
		rc = message_serve(s, e);
	}
	if (s->why[0] != '\0' && vhost_session_n_live(s) > 0)
		s->why[0] = '\0';
	if (rc == -EAGAIN)
		return 0;
	if (rc == -ECONNRESET) {
		LOG_INFO("event=vmm_gone vif=%s", s->config.name);
		vhost_session_close(s, NULL);
		return rc;
	}
	LOG_WARN("event=vmm_refused vif=%s reason=\"%s\"", s->config.name, e->msg);
	vhost_session_close(s, e->msg);
	return rc;
}

void vhost_session_close(struct vhost_session *s, const char *why)
{
	if (why || vhost_session_n_live(s) > 0)
		snprintf(s->why, sizeof(s->why), "%s", why ? why : "");
	vhost_apply_end(s);
	if (s->config.saved)
		vhost_saved_clear(s->config.saved);
	if (s->fd < 0)
		return;
	shutdown(s->fd, SHUT_RDWR); /* whoever keeps deposits has it open too */
	close(s->fd);
	s->fd = -1;
	if (s->config.ops->deposit)
		s->config.ops->deposit(s->config.arg, VHOST_SLOT_N, -1);
}

void vhost_session_attach(struct vhost_session *s, int fd)
{
	if (s->fd >= 0)
		vhost_session_close(s, NULL);
	s->fd = fd;
	if (s->config.saved)
		vhost_saved_clear(s->config.saved);
	if (s->config.ops->deposit)
		s->config.ops->deposit(s->config.arg, VHOST_SLOT_SOCKET, fd);
}

/* Where the fd of @slot belongs; NULL: nowhere. */
static int *slot_fd(struct vhost_session *s, unsigned slot)
{
	struct vhost_ring *r;

	if (slot == VHOST_SLOT_SOCKET)
		return &s->fd;
	if (slot == VHOST_SLOT_LOG)
		return &s->log_fd;
	if (slot >= VHOST_SLOT_N)
		return NULL;
	if (slot >= VHOST_SLOT_REGIONS)
		return &s->region_fd[slot - VHOST_SLOT_REGIONS];
	r = &s->ring[(slot - VHOST_SLOT_RINGS) / 3];
	switch ((slot - VHOST_SLOT_RINGS) % 3) {
	case 0: return &r->kick_fd;
	case 1: return &r->call_fd;
	default: return &r->err_fd;
	}
}

int vhost_session_give(struct vhost_session *s, unsigned slot, int fd)
{
	int *at = slot_fd(s, slot);

	/* all of them before the session goes on, and once */
	if (!at || *at >= 0 || s->mem || s->has_features) {
		close(fd);
		return -EINVAL;
	}
	*at = fd;
	return 0;
}

int vhost_session_resume(struct vhost_session *s, struct err *e)
{
	char why[128];
	int rc;

	if (s->fd < 0) {
		vhost_session_close(s, NULL);
		return -ENODATA;
	}
	rc = vhost_saved_resume(s, e);
	if (rc == 0) {
		LOG_INFO("event=session_resumed vif=%s rings=%u", s->config.name,
			vhost_session_n_live(s));
		return 0;
	}
	LOG_WARN("event=session_not_resumed vif=%s reason=\"%s\"", s->config.name, e->msg);
	snprintf(why, sizeof(why), "not taken up from the engine before: %.90s", e->msg);
	vhost_session_close(s, why);
	return rc;
}

void vhost_session_deposit_all(const struct vhost_session *s)
{
	if (s->fd < 0 || !s->config.ops->deposit)
		return;
	for (unsigned slot = 0; slot < VHOST_SLOT_N; slot++) {
		union {
			const struct vhost_session *in;
			struct vhost_session *out;
		} of = { .in = s }; /* only read */
		const int *fd = slot_fd(of.out, slot);

		if (fd && *fd >= 0)
			s->config.ops->deposit(s->config.arg, slot, *fd);
	}
}

unsigned vhost_session_n_live(const struct vhost_session *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < VHOST_RINGS_MAX; i++)
		n += atomic_load_explicit(&s->ring[i].is_live, memory_order_relaxed);
	return n;
}

/* What an engine before us has left stays for vhost_session_resume(). */
static void saved_begin(const struct vhost_session *s)
{
	struct vhost_saved *saved = s->config.saved;

	if (saved->magic != VHOST_SAVED_MAGIC)
		vhost_saved_clear(saved);
	else if (saved->offered & ~s->config.features) /* an older build than the one before */
		LOG_WARN("event=features_shrink vif=%s bits=0x%llx", s->config.name,
			(unsigned long long)(saved->offered & ~s->config.features));
	saved->offered = s->config.features;
}

struct vhost_session *vhost_session_create(const struct vhost_session_config *config, struct err *e)
{
	struct vhost_session *s;

	if (config->n_pairs == 0 || config->n_pairs > VIF_QUEUES_MAX) {
		err_set(e, -EINVAL, config->name, "%u pairs of rings; 1..%u are possible",
			config->n_pairs, VIF_QUEUES_MAX);
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		err_set(e, -ENOMEM, config->name, "out of memory");
		return NULL;
	}
	s->config = *config;
	s->fd = -1;
	s->log_fd = -1;
	memset(s->region_fd, 0xff, sizeof(s->region_fd)); /* -1 */
	if (s->config.saved)
		saved_begin(s);
	for (unsigned i = 0; i < VHOST_RINGS_MAX; i++)
		s->ring[i].kick_fd = s->ring[i].call_fd = s->ring[i].err_fd = -1;
	return s;
}

void vhost_session_destroy(struct vhost_session *s)
{
	if (!s)
		return;
	vhost_session_close(s, NULL);
	free(s);
}
