/* SPDX-License-Identifier: Apache-2.0 */
/* xen_gntdev.c - the seam's real side: the kernel's gntdev and evtchn devices.
 *
 * From: xen_in.c, xen_out.c, xen_ctrl.c by struct xen_ops.  To: ioctls.
 * Theory: the daemon opens both devices, restricts evtchn to the guest, binds its ports and gives the ring pages'
 * grants to gntdev (IOCTL_GNTDEV_MAP_GRANT_REF); we only mmap(2) at the offset it got, so that the
 * engine's filter can refuse that ioctl and an engine taken over cannot ask for other guests' pages.
 * A copy names the guest in each of its segments; the device does not hold us to one.
 * An event channel's port is masked by reading its number from the fd and unmasked by writing it.
 * One fd serves the ports of one queue.
 * Invariants: domid in every segment is the one that the daemon told.
 * Thread: map and unmap control; the rest worker.
 * #syscalls ioctl read write mmap munmap */
#include "vif/xen_ops.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Types and numbers that the kernel's header takes from headers it does not install. */
typedef uint32_t grant_ref_t;
typedef uint16_t domid_t;
#include <xen/evtchn.h>
#include <xen/gntdev.h>
static_assert(IOCTL_GNTDEV_GRANT_COPY == XEN_CALL_COPY && IOCTL_EVTCHN_NOTIFY == XEN_CALL_NOTIFY,
	"as the filter knows them");
#define COPY_SOURCE_GREF 1 /* GNTCOPY_source_gref */
#define COPY_DEST_GREF 2 /* GNTCOPY_dest_gref */

#define SEGMENTS 64 /* a call */

static int gntdev_map(struct xen_dom *d, uint64_t where, void **page)
{
	void *at
		= mmap(NULL, XEN_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, d->gnt_fd, (off_t)where);

	if (at == MAP_FAILED)
		return -errno;
	*page = at;
	return 0;
}

static void gntdev_unmap(struct xen_dom *, void *page)
{
	munmap(page, XEN_PAGE);
}

static void segment_of(
	const struct xen_dom *d, const struct xen_copy *c, struct gntdev_grant_copy_segment *s)
{
	*s = (struct gntdev_grant_copy_segment){ .len = c->len };
	if (c->to_guest) {
		s->source.virt = c->local;
		s->dest.foreign.ref = c->gref;
		s->dest.foreign.offset = c->offset;
		s->dest.foreign.domid = d->domid;
		s->flags = COPY_DEST_GREF;
	} else {
		s->dest.virt = c->local;
		s->source.foreign.ref = c->gref;
		s->source.foreign.offset = c->offset;
		s->source.foreign.domid = d->domid;
		s->flags = COPY_SOURCE_GREF;
	}
}

static int gntdev_copy(struct xen_dom *d, struct xen_copy *copies, unsigned n)
{
	struct gntdev_grant_copy_segment segments[SEGMENTS];
	struct ioctl_gntdev_grant_copy call = { .segments = segments };

	for (unsigned done = 0; done < n; done += call.count) {
		call.count = MIN(n - done, (unsigned)SEGMENTS);
		for (unsigned i = 0; i < call.count; i++)
			segment_of(d, &copies[done + i], &segments[i]);
		if (ioctl(d->gnt_fd, IOCTL_GNTDEV_GRANT_COPY, &call) < 0)
			return -errno;
		for (unsigned i = 0; i < call.count; i++)
			copies[done + i].status = segments[i].status;
	}
	return 0;
}

static void evtchn_notify(struct xen_dom *, const struct xen_event *ev)
{
	struct ioctl_evtchn_notify call = { .port = ev->port };

	/* cannot fail but for a port that is not ours, which teardown will show */
	ioctl(ev->fd, IOCTL_EVTCHN_NOTIFY, &call);
}

static bool evtchn_take(struct xen_dom *, const struct xen_event *ev)
{
	bool is_pending = false;
	uint32_t ports[8];
	ssize_t r;

	r = read(ev->fd, ports, sizeof(ports));
	for (ssize_t i = 0; i < r / (ssize_t)sizeof(ports[0]); i++)
		is_pending |= ports[i] == ev->port;
	return is_pending;
}

static void evtchn_unmask(struct xen_dom *, const struct xen_event *ev)
{
	ssize_t r = write(ev->fd, &ev->port, sizeof(ev->port));

	if (r < 0)
		return; /* as for notify */
}

const struct xen_ops xen_gntdev_ops = {
	.map = gntdev_map,
	.unmap = gntdev_unmap,
	.copy = gntdev_copy,
	.notify = evtchn_notify,
	.take = evtchn_take,
	.unmask = evtchn_unmask,
};
