/* SPDX-License-Identifier: Apache-2.0 */
/* engine_ctl_fuzz.c - hostile messages to the engine, with fds, as far as they get without EAL.
 *
 * Input: records of {u8 fd kinds, u8 flags, u16 length, bytes}; each is sent over a socket pair with
 * fds of the kinds that the bits name and, unless the flags say otherwise, a header whose length and
 * number of fds are true (a fuzzer seldom guesses both), received by ctl_wire_recv(), and what passes is given to those consumers
 * of bodies that need no worker: vif_open(), capture_open(), snapshot_create().
 * Claims: no crash, no fd left open, no body shorter than its struct is looked at.
 * Planted bug (SAKLAR_PLANTED_BUG): a body may be shorter than its struct. */
#include "bridge/snapshot.h"
#include "vif/capture.h"
#include "vif/vif.h"
#include "vswitch/base/check.h"
#include "vswitch/base/log.h"
#include "vswitch/ctl_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECORD_LEN 4 /* before the bytes */
#define RAW_HEADER 1u /* flag: send the header as it is */
#define RING_SIZE (sizeof(struct capture_ring) + CAPTURE_DATA_SIZE_MIN)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static unsigned fds_open(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 64; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int fd_of_kind(unsigned kind)
{
	int fd;

	switch (kind) {
	case 0: return eventfd(0, EFD_CLOEXEC);
	case 1: return open("/dev/null", O_RDWR | O_CLOEXEC);
	default:
		fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		CHECK(fd < 0 || ftruncate(fd, RING_SIZE) == 0);
		CHECK(fd < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0);
		return fd;
	}
}

/* Four two-bit fields: 0 none, else a kind. */
static void send_with_fds(int sock, uint8_t kinds, bool is_raw, uint8_t *bytes, size_t len)
{
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(int) * 4)];
	} control = { 0 };
	struct iovec iov = { .iov_base = bytes, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fd[4];
	unsigned n = 0;

	for (unsigned i = 0; i < 4; i++)
		if ((kinds >> (2 * i)) & 3u)
			fd[n++] = fd_of_kind(((kinds >> (2 * i)) & 3u) - 1);
	if (!is_raw && len >= sizeof(struct engine_msg_hdr)) {
		struct engine_msg_hdr hdr;

		memcpy(&hdr, bytes, sizeof(hdr));
		hdr.len = (uint32_t)len;
		hdr.n_fds = n;
		memcpy(bytes, &hdr, sizeof(hdr));
	}
	if (n > 0) {
		struct cmsghdr *c;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n);
		memcpy(CMSG_DATA(c), fd, sizeof(int) * n);
	}
	CHECK(sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 || errno == EMSGSIZE);
	for (unsigned i = 0; i < n; i++)
		close(fd[i]);
}

static void consume_vif(struct ctl_request *r)
{
	struct err e = ERR_NONE;
	struct vif *v = vif_open(r->body, r->fd, r->n_fds, &e);

	for (unsigned i = 0; i < r->n_fds; i++)
		r->fd[i] = -1;
	CHECK(v || e.code < 0);
	vif_close(v);
}

static void consume_capture(struct ctl_request *r)
{
	struct err e = ERR_NONE;
	struct capture *c = capture_open(r->body, r->fd[0], r->fd[1], &e);

	r->fd[0] = -1;
	r->fd[1] = -1;
	CHECK(c || e.code < 0);
	capture_close(c);
}

/* Look at every byte of the body, as the appliers do: a sanitizer sees what lies behind it. */
static void consume(struct ctl_request *r)
{
	switch (r->type) {
	case ENGINE_MSG_VIF_OPEN: consume_vif(r); break;
	case ENGINE_MSG_CAPTURE_OPEN: consume_capture(r); break;
	default: break;
	}
}

/* The received bytes in a buffer of exactly their length. */
static void receive(int sock, uint8_t *buffer)
{
	struct ctl_request r;

	if (ctl_wire_recv(sock, buffer, &r) == 0) {
		struct engine_msg_hdr hdr;
		uint8_t *exact;

		memcpy(&hdr, buffer, sizeof(hdr));
		exact = malloc(hdr.len);
		CHECK(exact);
		memcpy(exact, buffer, hdr.len);
		r.body = exact + sizeof(hdr);
		consume(&r);
		free(exact);
	}
	ctl_wire_close_fds(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static uint8_t buffer[ENGINE_MSG_LEN_MAX] __attribute__((aligned(8)));
	static uint8_t out[ENGINE_MSG_LEN_MAX];
	unsigned before = fds_open();
	struct err e = ERR_NONE;
	int pair[2];

	log_set_level(LOG_LEVEL_ERR);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	snapshot_destroy(snapshot_create(bytes, size, &e));
	for (size_t at = 0; at + RECORD_LEN <= size;) {
		size_t len = (size_t)bytes[at + 2] | (size_t)bytes[at + 3] << 8;

		len = MIN(len, size - at - RECORD_LEN);
		if (len == 0 || len > sizeof(out))
			break; /* an empty message is the end of the connection */
		memcpy(out, bytes + at + RECORD_LEN, len);
		send_with_fds(pair[0], bytes[at], bytes[at + 1] & RAW_HEADER, out, len);
		receive(pair[1], buffer);
		at += RECORD_LEN + len;
	}
	close(pair[0]);
	close(pair[1]);
	CHECK(fds_open() == before);
	return 0;
}
