/* SPDX-License-Identifier: Apache-2.0 */
/* xen_shm.h - the seam of vif/xen_ops.h over memory of this process: what Xen does, for tests.
 *
 * Grant reference i is page i of an array; event channels are eventfds with a mask.  Faults can be
 * planned.  Threads: pages and events may be used by a front end's thread and a back end's at once. */
#pragma once

#include "vif/xen_ops.h"

#define XEN_SHM_PORTS 8
#define XEN_SHM_PAGES 2048u

enum xen_shm_access {
	XEN_SHM_NONE,
	XEN_SHM_READ,
	XEN_SHM_WRITE
};

struct xen_shm_port {
	int back_fd, front_fd; /* readable when that side was notified */
	bool is_masked, is_pending; /* of the back end's side */
	uint64_t n_to_front, n_to_back;
};

struct xen_shm {
	struct xen_dom dom;
	uint8_t (*page)[XEN_PAGE];
	uint8_t access[XEN_SHM_PAGES]; /* enum xen_shm_access; what the guest has granted */
	struct xen_shm_port port[XEN_SHM_PORTS];
	uint64_t n_copies;
	unsigned fail_copy; /* the copy so many from now fails; 0: none */
	bool fail_calls; /* every call of copy fails as a whole */
	unsigned n_mapped;
};

struct xen_shm *xen_shm_create(void);
void xen_shm_destroy(struct xen_shm *s);
struct xen_event xen_shm_event(const struct xen_shm *s, uint32_t port);
/* The guest notifies @port. */
void xen_shm_kick(struct xen_shm *s, uint32_t port);
