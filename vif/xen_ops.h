/* SPDX-License-Identifier: Apache-2.0 */
/* xen_ops.h - the seam between the code that runs Xen's rings and the machinery below it.
 *
 * What it is: everything the ring code wants from a hypervisor.  xen_gntdev.c asks the kernel's
 * gntdev and evtchn devices; tests/lib/xen_shm.c is memory and eventfds of one program, so that
 * the same ring code runs against a front end in a test, a fuzz target or a benchmark.
 * Life: whoever opens a vif fills a struct xen_dom; ring pages are mapped before the first run and
 * unmapped after the last.
 * Threads: map and unmap control; the rest worker, one thread an event channel and one call of
 * copy at a time on a struct xen_copies. */
#pragma once

#include "vif/xen_wire.h"

#include <sys/ioctl.h>

/* The calls that a worker makes, for its filter: IOCTL_GNTDEV_GRANT_COPY and IOCTL_EVTCHN_NOTIFY. */
#define XEN_CALL_COPY _IOC(_IOC_NONE, 'G', 8, 16)
#define XEN_CALL_NOTIFY _IOC(_IOC_NONE, 'E', 4, 4)

/* One copy between our memory and a page that a guest has granted. */
struct xen_copy {
	void *local;
	uint32_t gref;
	uint16_t offset; /* in the granted page; offset + len <= XEN_PAGE */
	uint16_t len;
	int16_t status; /* out: 0 done, else the hypervisor's reason */
	bool to_guest; /* else from it */
};

struct xen_event {
	int fd; /* readable when something is pending; -1: none */
	uint32_t port; /* as the seam's implementation numbers them */
};

struct xen_dom;

struct xen_ops {
	/* Make the page that @where names visible.  0 or -errno. */
	int (*map)(struct xen_dom *d, uint64_t where, void **page);
	void (*unmap)(struct xen_dom *d, void *page);
	/* Do @n copies.  0: each has its status; -errno: none can be relied on. */
	int (*copy)(struct xen_dom *d, struct xen_copy *copies, unsigned n);
	void (*notify)(struct xen_dom *d, const struct xen_event *ev);
	/* Has @ev been notified since it was last unmasked?  It is masked then: nobody hears the
	 * next notification before unmask. */
	bool (*take)(struct xen_dom *d, const struct xen_event *ev);
	void (*unmask)(struct xen_dom *d, const struct xen_event *ev);
};

/* A guest, as the ring code sees it. */
struct xen_dom {
	const struct xen_ops *ops;
	uint16_t domid;
	int gnt_fd; /* gntdev; -1 where there is none */
	void *state; /* of the implementation */
};

/* xen_gntdev.c: where is an offset that the daemon got from IOCTL_GNTDEV_MAP_GRANT_REF. */
extern const struct xen_ops xen_gntdev_ops;

/* Most copies of one run: a slot each, and one more a packet where its buffer changes. */
#define XEN_COPIES_MAX 384
/* What a worker lends to the ring code; contents mean nothing between two runs. */
struct xen_copies {
	unsigned n;
	struct xen_copy copy[XEN_COPIES_MAX];
};

/* Do them all; where the whole call failed each is marked as failed. */
void xen_copies_do(struct xen_dom *d, struct xen_copies *c);
