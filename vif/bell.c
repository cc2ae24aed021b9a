/* SPDX-License-Identifier: Apache-2.0 */
/* bell.c - eventfds signalled by the end of an empty read.
 *
 * From: vif_vhost.c.  To: the kernel's AIO.
 * Theory: the read is of no bytes from a memfd of ours, so it has ended when io_submit(2) returns.  Its
 * result stays in the context until it is taken out; that is done once in REAP_EVERY times.
 * Thread: as bell.h says. */
#include "vif/bell.h"

#include "vswitch/base/log.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

LOG_MODULE("bell");

#define EVENTS 64
#define REAP_EVERY 32

struct bell {
	aio_context_t context; /* 0: none */
	int nothing_fd;
	unsigned n_rung;
};

static void write_one(int fd)
{
	static const uint64_t one = 1;
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	/* not writable: 2^64 calls that nobody heard; one more tells nothing new */
	if (poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) && write(fd, &one, sizeof(one)) < 0)
		LOG_DEBUG("event=call_failed errno=%d", errno);
}

static void reap(struct bell *b)
{
	struct io_event events[EVENTS];

	b->n_rung = 0;
	if (syscall(SYS_io_getevents, b->context, 0L, (long)EVENTS, events, NULL) < 0)
		LOG_WARN("event=reap_failed errno=%d", errno);
}

void bell_ring(struct bell *b, int fd)
{
	struct iocb cb, *list[1] = { &cb };

	if (!b || b->context == 0) {
		write_one(fd);
		return;
	}
	cb = (struct iocb){
		.aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_fildes = (uint32_t)b->nothing_fd,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = (uint32_t)fd,
	};
	if (++b->n_rung >= REAP_EVERY)
		reap(b);
	if (syscall(SYS_io_submit, b->context, 1L, list) != 1)
		LOG_DEBUG("event=call_failed errno=%d", errno);
}

bool bell_is_safe(const struct bell *b)
{
	return b && b->context != 0;
}

struct bell *bell_create(void)
{
	struct bell *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->nothing_fd = memfd_create("nothing", MFD_CLOEXEC);
	if (b->nothing_fd >= 0 && syscall(SYS_io_setup, (long)EVENTS, &b->context) < 0)
		b->context = 0;
	return b;
}

void bell_destroy(struct bell *b)
{
	if (!b)
		return;
	if (b->context != 0)
		syscall(SYS_io_destroy, b->context);
	if (b->nothing_fd >= 0)
		close(b->nothing_fd);
	free(b);
}
