/* SPDX-License-Identifier: Apache-2.0 */
/* xen_rings.c - the kernel's gntdev and evtchn devices, as the engine gets them.
 *
 * From: reconcile_xen.c.  To: /dev/xen/gntdev, /dev/xen/evtchn.
 * Theory: giving a grant to a gntdev only reserves an offset of its file; the hypervisor is asked when the
 * engine maps that.  An evtchn device is restricted to the guest before a port is bound, so that whoever has
 * the fd later can bind to no other; each queue has one of its own, which its worker sleeps on.
 * A page that was mapped through one gntdev goes when the last of its holders does; hence a new one for
 * each engine.  Bound ports stay with their fd while engines come and go.
 * Thread: the daemon's only one. */
#include "config/xen_rings.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Types that the kernel's headers take from others which it does not install. */
typedef uint32_t grant_ref_t;
typedef uint16_t domid_t;
#include <xen/evtchn.h>
#include <xen/gntdev.h>

static int device_open(const char *path, struct err *e)
{
	int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	return fd >= 0
		? fd
		: err_set(e, -errno, "vif", "cannot open %s: %s%s", path, strerror(errno),
			errno == ENOENT ? "; load the modules xen-gntdev and xen-evtchn" : "");
}

static int page_add(
	int gnt_fd, const struct xen_front *front, uint32_t ref, uint64_t *where, struct err *e)
{
	struct ioctl_gntdev_map_grant_ref call
		= { .count = 1, .refs = { { .domid = front->domid, .ref = ref } } };

	if (ioctl(gnt_fd, IOCTL_GNTDEV_MAP_GRANT_REF, &call) < 0)
		return err_set(e, -errno, "vif", "gntdev does not take grant %u of domain %u: %s",
			ref, front->domid, strerror(errno));
	*where = call.index;
	return 0;
}

static int pages_open(
	const struct xen_front *front, int *gnt_fd, struct msg_xen_vif *m, struct err *e)
{
	int fd = device_open("/dev/xen/gntdev", e), rc = 0;

	if (fd < 0)
		return fd;
	for (unsigned i = 0; i < front->n_queues && rc == 0; i++) {
		rc = page_add(fd, front, front->queue[i].tx_ref, &m->queue[i].tx_page, e);
		if (rc == 0)
			rc = page_add(fd, front, front->queue[i].rx_ref, &m->queue[i].rx_page, e);
	}
	if (rc == 0 && (front->features & MSG_XEN_CTRL) != 0)
		rc = page_add(fd, front, front->ctrl_ref, &m->ctrl_page, e);
	if (rc < 0)
		close(fd);
	else
		*gnt_fd = fd;
	return rc;
}

static int port_bind(
	int fd, const struct xen_front *front, uint32_t remote, uint32_t *port, struct err *e)
{
	struct ioctl_evtchn_bind_interdomain call
		= { .remote_domain = front->domid, .remote_port = remote };
	int rc = ioctl(fd, IOCTL_EVTCHN_BIND_INTERDOMAIN, &call);

	if (rc < 0)
		return err_set(e, -errno, "vif",
			"event channel %u of domain %u cannot be bound: %s", remote, front->domid,
			strerror(errno));
	*port = (uint32_t)rc;
	return 0;
}

static int queue_bind(
	const struct xen_front *front, unsigned i, int *out, struct msg_xen_vif *m, struct err *e)
{
	const struct xen_front_queue *q = &front->queue[i];
	struct ioctl_evtchn_restrict_domid only = { .domid = front->domid };
	int fd = device_open("/dev/xen/evtchn", e), rc;

	if (fd < 0)
		return fd;
	*out = fd;
	if (ioctl(fd, IOCTL_EVTCHN_RESTRICT_DOMID, &only) < 0)
		return err_set(e, -errno, "vif", "evtchn cannot be restricted to domain %u: %s",
			front->domid, strerror(errno));
	rc = port_bind(fd, front, q->tx_port, &m->queue[i].tx_port, e);
	m->queue[i].rx_port = m->queue[i].tx_port;
	if (rc == 0 && q->rx_port != q->tx_port)
		rc = port_bind(fd, front, q->rx_port, &m->queue[i].rx_port, e);
	if (rc == 0 && i == 0 && (front->features & MSG_XEN_CTRL) != 0)
		rc = port_bind(fd, front, front->ctrl_port, &m->ctrl_port, e);
	return rc;
}

int xen_rings_open(
	const struct xen_front *front, int fds[XEN_FDS_MAX], struct msg_xen_vif *m, struct err *e)
{
	int rc;

	for (unsigned i = 0; i < XEN_FDS_MAX; i++)
		fds[i] = -1;
	m->domid = front->domid;
	m->devid = front->devid;
	m->features = front->features;
	m->headroom = front->headroom;
	rc = pages_open(front, &fds[front->n_queues], m, e);
	for (unsigned i = 0; i < front->n_queues && rc == 0; i++)
		rc = queue_bind(front, i, &fds[i], m, e);
	for (unsigned i = 0; i < XEN_FDS_MAX && rc < 0; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
	return rc;
}

int xen_rings_reopen(
	const struct xen_front *front, int fds[XEN_FDS_MAX], struct msg_xen_vif *m, struct err *e)
{
	int *gnt_fd = &fds[front->n_queues];

	if (*gnt_fd >= 0)
		close(*gnt_fd);
	*gnt_fd = -1;
	return pages_open(front, gnt_fd, m, e);
}
