/* SPDX-License-Identifier: Apache-2.0 */
/* engine_wire.c - encode, send, receive and check messages of the engine's socket.
 * From: engine_link.c.  To: the kernel.
 * Invariants: what the caller sees has passed engine_wire_decode(); fds that came with a message that
 * is refused are closed here.  Thread: the daemon's only one. */
#include "config/engine_wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

struct wire_type {
	uint32_t type;
	size_t body_len;
	unsigned fd_min, fd_max;
};
static const struct wire_type wire_types[] = {
#define X(name, number, body, fd_min, fd_max) { number, sizeof(struct body), fd_min, fd_max },
	ENGINE_MESSAGES(X)
#undef X
};

static const struct wire_type *wire_type_to_daemon(uint32_t type)
{
	if (type <= 100)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(wire_types); i++)
		if (wire_types[i].type == type)
			return &wire_types[i];
	return NULL;
}

/* Tables may stop behind their last entry; everything else has one length. */
static const struct {
	uint32_t type, max;
	size_t head_len, entry_len;
} tables[] = {
	{ ENGINE_MSG_FDB_ENTRIES, MSG_FDB_ENTRIES_MAX, offsetof(struct msg_fdb_entries, entry),
		sizeof(struct msg_fdb_entry) },
	{ ENGINE_MSG_MDB_ENTRIES, MSG_MDB_ENTRIES_MAX, offsetof(struct msg_mdb_entries, entry),
		sizeof(struct msg_mdb_entry) },
	{ ENGINE_MSG_NEIGH_ENTRIES, MSG_NEIGH_ENTRIES_MAX,
		offsetof(struct msg_neigh_entries, entry), sizeof(struct msg_neigh_entry) },
	{ ENGINE_MSG_STP_ENTRIES, MSG_STP_ENTRIES_MAX, offsetof(struct msg_stp_entries, entry),
		sizeof(struct msg_stp_entry) },
	{ ENGINE_MSG_CT_ENTRIES, MSG_CT_ENTRIES_MAX, offsetof(struct msg_ct_entries, entry),
		sizeof(struct msg_ct_entry) },
};

static bool is_body_len_right(const struct wire_type *t, const uint8_t *body, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		uint32_t n;

		if (t->type != tables[i].type)
			continue;
		if (len < tables[i].head_len || len > t->body_len)
			return false;
		/* next_cursor and n open all of them */
		memcpy(&n, body + sizeof(uint32_t), sizeof(n));
#ifdef SAKLAR_PLANTED_BUG
		return true; /* proves that the fuzz target looks at what the count promises */
#else
		return n <= tables[i].max && len >= tables[i].head_len + n * tables[i].entry_len;
#endif
	}
	return len == t->body_len;
}

static bool is_unasked(uint32_t type)
{
	return type == ENGINE_MSG_EVENT || type == ENGINE_MSG_VHOST_DEPOSIT
		|| type == ENGINE_MSG_VHOST_STATE;
}

int engine_wire_decode(const void *bytes, size_t len, unsigned n_fds, struct engine_msg *out)
{
	struct engine_msg_hdr hdr;
	const struct wire_type *type;
	const uint8_t *body = (const uint8_t *)bytes + sizeof(hdr);

	if (len < sizeof(hdr) || len > ENGINE_MSG_LEN_MAX)
		return -EPROTO;
	memcpy(&hdr, bytes, sizeof(hdr));
	type = wire_type_to_daemon(hdr.type);
	if (type == NULL || hdr.len != len || hdr.n_fds != n_fds)
		return -EPROTO;
	if (n_fds < type->fd_min || n_fds > type->fd_max)
		return -EPROTO;
	if (!is_body_len_right(type, body, len - sizeof(hdr)))
		return -EPROTO;
	if ((hdr.seq == 0) != is_unasked(hdr.type))
		return -EPROTO;
	out->type = hdr.type;
	out->seq = hdr.seq;
	out->body = body;
	out->body_len = len - sizeof(hdr);
	return 0;
}

bool engine_wire_is_name(const char *field, size_t size)
{
	size_t n = strnlen(field, size);

	if (n == 0 || n == size)
		return false;
	for (size_t i = 0; i < n; i++)
		if (field[i] <= ' ' || field[i] > '~')
			return false;
	return true;
}

int engine_wire_send(int sock, const struct engine_out *m)
{
	struct engine_msg_hdr hdr = {
		.type = m->type,
		.seq = m->seq,
		.len = (uint32_t)(sizeof(hdr) + m->body_len),
		.n_fds = m->n_fds,
	};
	struct iovec iov[2] = {
		{ .iov_base = &hdr, .iov_len = sizeof(hdr) },
		{ .iov_base = (void *)(uintptr_t)m->body, .iov_len = m->body_len },
	};
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(int) * ENGINE_MSG_FDS_MAX)];
	} control = { 0 };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = m->body_len > 0 ? 2 : 1 };

	if (hdr.len > ENGINE_MSG_LEN_MAX || m->n_fds > ENGINE_MSG_FDS_MAX)
		return -EMSGSIZE;
	if (m->n_fds > 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * m->n_fds);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * m->n_fds);
		memcpy(CMSG_DATA(c), m->fds, sizeof(int) * m->n_fds);
	}
	ssize_t n = sendmsg(sock, &msg, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return (size_t)n == hdr.len ? 0 : -EIO;
}

static void take_control(struct msghdr *msg, struct engine_msg *out)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_CREDENTIALS
			&& c->cmsg_len >= CMSG_LEN(sizeof(struct ucred))) {
			struct ucred cred;

			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
			out->sender_pid = cred.pid;
			out->sender_uid = cred.uid;
		} else if (c->cmsg_type == SCM_RIGHTS) {
			size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

			for (size_t i = 0; i < n; i++) {
				int fd;

				memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
				if (out->n_fds < ENGINE_MSG_FDS_MAX)
					out->fd[out->n_fds++] = fd;
				else
					close(fd);
			}
		}
	}
}

void engine_wire_close_fds(struct engine_msg *m)
{
	for (unsigned i = 0; i < m->n_fds; i++)
		if (m->fd[i] >= 0)
			close(m->fd[i]);
	m->n_fds = 0;
}

int engine_wire_recv(int sock, struct engine_buffer *buffer, struct engine_msg *out)
{
	struct iovec iov = { .iov_base = buffer->bytes, .iov_len = sizeof(buffer->bytes) };
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(int) * ENGINE_MSG_FDS_MAX)
			+ CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t n;

	memset(out, 0, sizeof(*out));
	do {
		n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ECONNRESET;
	take_control(&msg, out);
	int rc = (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0
		? -EPROTO
		: engine_wire_decode(buffer->bytes, (size_t)n, out->n_fds, out);

	if (rc < 0)
		engine_wire_close_fds(out);
	return rc;
}
