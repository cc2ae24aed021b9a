/* SPDX-License-Identifier: Apache-2.0 */
/* ctl_wire.c - the engine's end of the message socket.
 *
 * From: ctl.c.  To: the kernel.
 * Theory: SOCK_SEQPACKET keeps messages apart, so a message is checked as a whole against the table
 * in vswitch/abi/engine_msg.h: type, exact length, number of fds.
 * Invariants: fds of a refused message are closed here; none survives exec (MSG_CMSG_CLOEXEC).
 * Thread: control. */
#include "vswitch/ctl_wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
	uint32_t type;
	uint32_t body_len;
	uint32_t fd_min;
	uint32_t fd_max;
} wire_types[] = {
#define X(name, number, body, least, most) { number, sizeof(struct body), least, most },
	ENGINE_MESSAGES(X)
#undef X
};

#define TYPE_TO_DAEMON 100u /* and above */

int ctl_wire_decode(const void *bytes, size_t len, unsigned n_fds, struct ctl_request *out)
{
	struct engine_msg_hdr hdr;

	if (len < sizeof(hdr))
		return -EPROTO;
	memcpy(&hdr, bytes, sizeof(hdr));
	if (hdr.type >= TYPE_TO_DAEMON || hdr.seq == 0 || hdr.n_fds != n_fds || hdr.len != len)
		return -EPROTO;
	for (size_t i = 0; i < ARRAY_LEN(wire_types); i++) {
		if (wire_types[i].type != hdr.type)
			continue;
#ifndef SAKLAR_PLANTED_BUG /* with it: a body may be shorter than its struct */
		if (len != sizeof(hdr) + wire_types[i].body_len)
			return -EPROTO;
#endif
		if (n_fds < wire_types[i].fd_min || n_fds > wire_types[i].fd_max)
			return -EPROTO;
		out->type = hdr.type;
		out->seq = hdr.seq;
		out->body = (const uint8_t *)bytes + sizeof(hdr);
		return 0;
	}
	return -EPROTO;
}

void ctl_wire_close_fds(struct ctl_request *r)
{
	for (unsigned i = 0; i < r->n_fds; i++)
		if (r->fd[i] >= 0)
			close(r->fd[i]);
	r->n_fds = 0;
}

/* All fds of all control messages; what is too much is closed at once.  Returns how many came. */
static unsigned take_fds(struct msghdr *msg, struct ctl_request *out)
{
	unsigned n_came = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			n_came++;
			if (out->n_fds < ENGINE_MSG_FDS_MAX)
				out->fd[out->n_fds++] = fd;
			else
				close(fd);
		}
	}
	return n_came;
}

int ctl_wire_recv(int sock, void *buffer, struct ctl_request *out)
{
	struct iovec iov = { .iov_base = buffer, .iov_len = ENGINE_MSG_LEN_MAX };
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(int) * ENGINE_MSG_FDS_MAX)];
	} control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	unsigned n_came;
	ssize_t n;
	int rc;

	*out = (struct ctl_request){ 0 };
	do {
		n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -EAGAIN : -ECONNRESET;
	n_came = take_fds(&msg, out);
	if (n == 0) { /* the end; or a message of nothing, which may carry fds */
		ctl_wire_close_fds(out);
		return -ECONNRESET;
	}
	rc = (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		? -EPROTO
		: ctl_wire_decode(buffer, (size_t)n, n_came, out);
	if (rc < 0)
		ctl_wire_close_fds(out);
	return rc;
}

int ctl_wire_send(int sock, const struct engine_msg_hdr *hdr, const void *body, const int *fds)
{
	union {
		const void *in;
		void *out;
	} hdr_ptr = { .in = hdr }, body_ptr = { .in = body }; /* sendmsg() only reads */
	struct iovec iov[2] = {
		{ .iov_base = hdr_ptr.out, .iov_len = sizeof(*hdr) },
		{ .iov_base = body_ptr.out, .iov_len = hdr->len - sizeof(*hdr) },
	};
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(int) * ENGINE_MSG_FDS_MAX)];
	} control = { 0 };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	if (hdr->n_fds > 0) {
		struct cmsghdr *c;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * hdr->n_fds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * hdr->n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * hdr->n_fds);
	}
	n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	if (n < 0)
		return -errno;
	return (size_t)n == hdr->len ? 0 : -EIO;
}
