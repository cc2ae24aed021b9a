/* SPDX-License-Identifier: Apache-2.0 */
/* xen_shm.c - the seam of vif/xen_ops.h over memory of this process.
 *
 * From: the ring code under test.  To: pages of a front end in the same process.
 * Theory: a copy is checked as the hypervisor does it (reference, direction, bounds) and is a
 * memcpy.  Thread: see the header. */
#include "tests/lib/xen_shm.h"

#include "vswitch/base/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BAD_GREF (-3) /* GNTST_bad_gntref */
#define BAD_ADDRESS (-10) /* GNTST_bad_copy_arg */

static struct xen_shm *shm_of(struct xen_dom *d)
{
	return d->state;
}

static void fd_raise(int fd)
{
	uint64_t one = 1;

	CHECK(write(fd, &one, sizeof(one)) == sizeof(one));
}

static int shm_map(struct xen_dom *d, uint64_t where, void **page)
{
	if (where >= XEN_SHM_PAGES || shm_of(d)->access[where] != XEN_SHM_WRITE)
		return -EACCES;
	shm_of(d)->n_mapped++;
	*page = shm_of(d)->page[where];
	return 0;
}

static void shm_unmap(struct xen_dom *d, void *)
{
	shm_of(d)->n_mapped--;
}

static int16_t copy_one(struct xen_shm *s, const struct xen_copy *c)
{
	enum xen_shm_access need = c->to_guest ? XEN_SHM_WRITE : XEN_SHM_READ;
	uint8_t *guest;

	s->n_copies++;
	if (s->fail_copy > 0 && --s->fail_copy == 0)
		return BAD_GREF;
	if (c->gref >= XEN_SHM_PAGES || s->access[c->gref] < need)
		return BAD_GREF;
	if ((uint32_t)c->offset + c->len > XEN_PAGE)
		return BAD_ADDRESS;
	guest = s->page[c->gref] + c->offset;
	if (c->to_guest)
		memcpy(guest, c->local, c->len);
	else
		memcpy(c->local, guest, c->len);
	return 0;
}

static int shm_copy(struct xen_dom *d, struct xen_copy *copies, unsigned n)
{
	if (shm_of(d)->fail_calls)
		return -EFAULT;
	for (unsigned i = 0; i < n; i++)
		copies[i].status = copy_one(shm_of(d), &copies[i]);
	return 0;
}

static void shm_notify(struct xen_dom *d, const struct xen_event *ev)
{
	struct xen_shm_port *p = &shm_of(d)->port[ev->port];

	__atomic_add_fetch(&p->n_to_front, 1, __ATOMIC_RELAXED);
	fd_raise(p->front_fd);
}

static bool shm_take(struct xen_dom *d, const struct xen_event *ev)
{
	struct xen_shm_port *p = &shm_of(d)->port[ev->port];
	uint64_t n;

	if (read(p->back_fd, &n, sizeof(n)) != sizeof(n))
		return false;
	__atomic_store_n(&p->is_masked, true, __ATOMIC_SEQ_CST);
	return true;
}

static void shm_unmask(struct xen_dom *d, const struct xen_event *ev)
{
	struct xen_shm_port *p = &shm_of(d)->port[ev->port];

	__atomic_store_n(&p->is_masked, false, __ATOMIC_SEQ_CST);
	if (__atomic_exchange_n(&p->is_pending, false, __ATOMIC_SEQ_CST))
		fd_raise(p->back_fd);
}

void xen_shm_kick(struct xen_shm *s, uint32_t port)
{
	struct xen_shm_port *p = &s->port[port];

	__atomic_add_fetch(&p->n_to_back, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&p->is_pending, true, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&p->is_masked, __ATOMIC_SEQ_CST)
		&& __atomic_exchange_n(&p->is_pending, false, __ATOMIC_SEQ_CST))
		fd_raise(p->back_fd);
}

struct xen_event xen_shm_event(const struct xen_shm *s, uint32_t port)
{
	return (struct xen_event){ .fd = s->port[port].back_fd, .port = port };
}

void xen_shm_destroy(struct xen_shm *s)
{
	for (unsigned i = 0; i < XEN_SHM_PORTS; i++) {
		close(s->port[i].back_fd);
		close(s->port[i].front_fd);
	}
	free(s->page);
	free(s);
}

static const struct xen_ops shm_ops = {
	.map = shm_map,
	.unmap = shm_unmap,
	.copy = shm_copy,
	.notify = shm_notify,
	.take = shm_take,
	.unmask = shm_unmask,
};

struct xen_shm *xen_shm_create(void)
{
	struct xen_shm *s = calloc(1, sizeof(*s));

	CHECK(s != NULL);
	s->page = aligned_alloc(XEN_PAGE, (size_t)XEN_SHM_PAGES * XEN_PAGE);
	CHECK(s->page != NULL);
	memset(s->page, 0, (size_t)XEN_SHM_PAGES * XEN_PAGE);
	s->dom = (struct xen_dom){ .ops = &shm_ops, .domid = 1, .gnt_fd = -1, .state = s };
	for (unsigned i = 0; i < XEN_SHM_PORTS; i++) {
		s->port[i].back_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		s->port[i].front_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		CHECK(s->port[i].back_fd >= 0 && s->port[i].front_fd >= 0);
	}
	return s;
}
