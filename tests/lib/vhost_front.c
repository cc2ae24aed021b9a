/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_front.c - messages of a VMM and the split rings of its guest.
 *
 * From: tests of the session.  To: a socket pair.
 * Thread: one. */
#include "tests/lib/vhost_front.h"

#include "vswitch/base/check.h"

#include <errno.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define AVAIL_AT (FRONT_NUM * sizeof(struct vring_desc))
#define USED_AT 0x1000u

void front_send(const struct vhost_front *f, const struct vhost_msg_hdr *hdr, const void *payload,
	const int *fds, unsigned n_fds)
{
	struct vhost_msg_hdr copy = *hdr;
	uint8_t bytes[VHOST_PAYLOAD_MAX];
	struct iovec iov[2] = { { &copy, sizeof(copy) }, { bytes, hdr->size } };
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(int) * 64)];
	} control = { 0 };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	CHECK(hdr->size <= sizeof(bytes) && n_fds <= 64);
	if (hdr->size > 0)
		memcpy(bytes, payload, hdr->size);
	if (n_fds > 0) {
		struct cmsghdr *c = &control.align;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	/* a back end that has hung up takes nothing, which is for the test to see */
	CHECK(sendmsg(f->sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 || errno == EPIPE
		|| errno == EAGAIN);
}

static void say(const struct vhost_front *f, uint32_t request, const void *payload, uint32_t size,
	const int *fds, unsigned n_fds)
{
	struct vhost_msg_hdr hdr = { request, VHOST_MSG_VERSION, size };

	front_send(f, &hdr, payload, fds, n_fds);
}

void front_say(const struct vhost_front *f, uint32_t request)
{
	say(f, request, NULL, 0, NULL, 0);
}

void front_u64(const struct vhost_front *f, uint32_t request, uint64_t value)
{
	say(f, request, &value, sizeof(value), NULL, 0);
}

void front_state(const struct vhost_front *f, uint32_t request, uint32_t ring, uint32_t value)
{
	uint32_t state[2] = { ring, value };

	say(f, request, state, sizeof(state), NULL, 0);
}

void front_ring_fd(const struct vhost_front *f, uint32_t request, uint32_t ring, int fd)
{
	uint64_t value = ring | (fd < 0 ? 0x100u : 0);

	say(f, request, &value, sizeof(value), &fd, fd >= 0);
}

static void part_of(uint64_t region[4], uint32_t i, uint32_t n)
{
	uint64_t at = (uint64_t)(FRONT_MEM / n) * i;

	region[0] = at;
	region[1] = FRONT_MEM / n;
	region[2] = FRONT_USER + at;
	region[3] = at;
}

void front_table(const struct vhost_front *f, uint32_t n)
{
	struct {
		uint32_t n, padding;
		uint64_t region[VHOST_TABLE_REGIONS_MAX][4];
	} table = { .n = n };
	int fds[VHOST_TABLE_REGIONS_MAX];

	for (uint32_t i = 0; i < n; i++) {
		part_of(table.region[i], i, n);
		fds[i] = f->mem_fd;
	}
	say(f, VHOST_REQ_SET_MEM_TABLE, &table, 8 + 32 * n, fds, n);
}

void front_region(const struct vhost_front *f, uint32_t request, uint32_t i, uint32_t n)
{
	uint64_t payload[5] = { 0 };

	part_of(payload + 1, i, n);
	say(f, request, payload, sizeof(payload), &f->mem_fd, request == VHOST_REQ_ADD_MEM_REG);
}

void front_ring_addr(const struct vhost_front *f, uint32_t ring, uint32_t flags)
{
	struct {
		uint32_t index, flags;
		uint64_t desc, used, avail, log;
	} addr = {
		.index = ring,
		.flags = flags,
		.desc = FRONT_USER + FRONT_RING(ring),
		.avail = FRONT_USER + FRONT_RING(ring) + AVAIL_AT,
		.used = FRONT_USER + FRONT_RING(ring) + USED_AT,
	};

	say(f, VHOST_REQ_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0);
}

void front_ring(struct vhost_front *f, uint32_t ring)
{
	if (f->kick[ring] < 0) {
		f->kick[ring] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		f->call[ring] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	}
	front_state(f, VHOST_REQ_SET_VRING_NUM, ring, FRONT_NUM);
	front_state(f, VHOST_REQ_SET_VRING_BASE, ring, 0);
	front_ring_addr(f, ring, 0);
	front_ring_fd(f, VHOST_REQ_SET_VRING_KICK, ring, f->kick[ring]);
	front_ring_fd(f, VHOST_REQ_SET_VRING_CALL, ring, f->call[ring]);
	front_state(f, VHOST_REQ_SET_VRING_ENABLE, ring, 1);
}

uint32_t front_answer(const struct vhost_front *f, uint64_t *value)
{
	struct {
		struct vhost_msg_hdr hdr;
		uint64_t value;
	} __attribute__((packed)) answer = { .value = 0 };
	ssize_t n = recv(f->sock, &answer, sizeof(answer), MSG_DONTWAIT);

	if (n != (ssize_t)sizeof(answer))
		return 0;
	CHECK(answer.hdr.flags == (VHOST_MSG_VERSION | VHOST_MSG_REPLY) && answer.hdr.size == 8);
	*value = answer.value;
	return answer.hdr.request;
}

void front_offer(struct vhost_front *f, uint32_t ring, uint16_t idx, uint32_t offset, uint32_t len,
	bool is_writable)
{
	uint16_t slot = (uint16_t)(idx % FRONT_NUM);
	struct vring_desc desc = {
		.addr = offset,
		.len = len,
		.flags = is_writable ? VRING_DESC_F_WRITE : 0,
	};
	uint8_t *avail = f->mem + FRONT_RING(ring) + AVAIL_AT;
	uint16_t next = (uint16_t)(idx + 1);

	memcpy(f->mem + FRONT_RING(ring) + slot * sizeof(desc), &desc, sizeof(desc));
	memcpy(avail + 4 + slot * 2u, &slot, sizeof(slot));
	__atomic_store_n((uint16_t *)(void *)(avail + 2), next, __ATOMIC_RELEASE);
}

uint16_t front_used(const struct vhost_front *f, uint32_t ring)
{
	return __atomic_load_n(
		(uint16_t *)(void *)(f->mem + FRONT_RING(ring) + USED_AT + 2), __ATOMIC_ACQUIRE);
}

int front_reconnect(struct vhost_front *f)
{
	int pair[2];

	if (f->sock >= 0)
		close(f->sock);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	f->sock = pair[0];
	return pair[1];
}

int front_open(struct vhost_front *f)
{
	void *at;

	*f = (struct vhost_front){ .sock = -1 };
	for (unsigned i = 0; i < VHOST_RINGS_MAX; i++)
		f->kick[i] = f->call[i] = -1;
	f->mem_fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	CHECK(f->mem_fd >= 0 && ftruncate(f->mem_fd, FRONT_MEM) == 0);
	at = mmap(NULL, FRONT_MEM, PROT_READ | PROT_WRITE, MAP_SHARED, f->mem_fd, 0);
	CHECK(at != MAP_FAILED);
	f->mem = at;
	return front_reconnect(f);
}

void front_close(struct vhost_front *f)
{
	for (unsigned i = 0; i < VHOST_RINGS_MAX; i++) {
		if (f->kick[i] < 0)
			continue;
		close(f->kick[i]);
		close(f->call[i]);
	}
	munmap(f->mem, FRONT_MEM);
	close(f->mem_fd);
	if (f->sock >= 0)
		close(f->sock);
}
