/* SPDX-License-Identifier: Apache-2.0 */
/* netdev_tap.c - taps: those whose fds the engine holds, and those made for a VMM.
 * From: reconcile_vif.c.  To: /dev/net/tun, netlink_request.c, netns.c.
 * Theory: a tap of a host vif is persistent, so that addresses that its user gave it survive the
 * death of daemon and engine both; its alias says whose it is.  It is created in the daemon's
 * namespace and moved: a tun fd opened inside would keep the guest's namespace alive for ever.  Only
 * when a tap is taken up again after both had died is it opened inside, until the next close.
 *
 * Whose tap is a VMM's tap?  One that was there before its vif is its maker's: it is never deleted,
 * persistent or not.  One that we made carries our alias and goes with its vif, but not under a
 * running VMM, which would lose its NIC until it is started again: while a program has it open, the
 * tap stays, shut off from the host's stack as before (the cable is pulled, the card stays), and it
 * is deleted when the program closes it.  A vif of the same name takes it up again, or waits for the
 * program when queues or owner differ from what the tap was made with.  Clearing the
 * tap's persistence instead is no way: a tap with one queue cannot be opened a second time.
 * Thread: the daemon's only one. */
#include "config/netdev_open.h"
#include "config/netlink.h"
#include "config/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Since Linux 6.2, not in older headers. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

#define VNET_HDR_LEN 12 /* struct virtio_net_hdr_mrg_rxbuf, the size virtio 1 uses */
#define TAP_SNDBUF (4 << 20) /* what a stack that does not drain may pin */
/* Packets that wait in a host vif's tap while the engine is busy or is replaced (0.2 to 0.3 s): at
 * 10,000 packets/s some 3,000.  The kernel's 1,000 would lose most of them; senders are bounded by
 * their own socket buffers, so more would only add delay behind a flood. */
#define TAP_QUEUE_LEN 4096
#define TAP_MAC_FIRST_BYTE 0xfe /* of a VMM's tap, the rest being the guest's: as libvirt has it */
#define TAP_FLAGS (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)

void netdev_close(struct netdev_fds *fds)
{
	for (unsigned i = 0; i < fds->n; i++)
		if (fds->fd[i] >= 0)
			close(fds->fd[i]);
	fds->n = 0;
}

/* One queue of the tap @ifname; -errno. */
static int open_queue(const char *ifname, int flags)
{
	struct ifreq ifr = { .ifr_flags = (short)flags };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", ifname);
	if (ioctl(fd, TUNSETIFF, &ifr) == 0)
		return fd;
	int rc = -errno;

	close(fd);
	return rc;
}

static int set_up_queue(int fd, uint32_t *flags)
{
	int hdr_len = VNET_HDR_LEN, sndbuf = TAP_SNDBUF;
	unsigned offload = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;

	if (ioctl(fd, TUNSETVNETHDRSZ, &hdr_len) < 0 || ioctl(fd, TUNSETSNDBUF, &sndbuf) < 0)
		return -errno;
	if (ioctl(fd, TUNSETOFFLOAD, (unsigned long)(offload | TUN_F_USO4 | TUN_F_USO6)) == 0)
		*flags |= MSG_VIF_USO;
	else if (ioctl(fd, TUNSETOFFLOAD, (unsigned long)offload) < 0)
		return -errno;
	return 0;
}

static int open_queues(const struct vif_want *want, const char *ifname, struct netdev_fds *out)
{
	int flags = TAP_FLAGS | (want->queues > 1 ? IFF_MULTI_QUEUE : 0);

	out->n = 0;
	out->flags = MSG_VIF_TAP_FD;
	for (unsigned i = 0; i < want->queues; i++) {
		int fd = open_queue(ifname, flags);
		int rc = fd < 0 ? fd : 0;

		if (rc == 0) {
			out->fd[out->n++] = fd;
			rc = set_up_queue(fd, &out->flags);
		}
		if (rc < 0) {
			netdev_close(out);
			return rc;
		}
	}
	return 0;
}

static int open_error(const struct vif_want *want, int rc, struct err *e)
{
	if (rc == -EBUSY)
		return err_set(e, rc, "vif.ifname", "tap %s is held open by another program",
			want->ifname);
	if (rc == -ENOENT)
		return err_set(e, rc, "", "/dev/net/tun is missing: modprobe tun");
	return err_set(e, rc, "", "cannot open tap %s: %s", want->ifname, strerror(-rc));
}

/* Find the tap that an earlier daemon left, by its alias, in the namespace we are in.  Its name is
 * its user's to change. */
static bool find_own(const char *alias, const struct netlink *known, struct link *link)
{
	const struct link *own;

	if (known == NULL)
		return netlink_get_alias(alias, link) == 0;
	own = netlink_link_by_alias(known, alias);
	if (own != NULL)
		*link = *own;
	return own != NULL;
}

static int take_up(
	const struct vif_want *want, const struct link *link, struct netdev_fds *out, struct err *e)
{
	int rc = open_queues(want, link->name, out);

	out->ifindex = link->ifindex;
	if (rc == -EINVAL) /* made with another number of queues */
		return netlink_delete(link->ifindex) == 0 ? -EAGAIN : open_error(want, rc, e);
	return rc < 0 ? open_error(want, rc, e) : 0;
}

/* What a new tap is called until it has its mark.  udev and its like look at a netdev as soon as it
 * is there, and once more when it is renamed: they know this name (packaging/), and find the mark by
 * the time of the second look. */
static int choose_temporary(const struct vif_want *want, char temporary[IFNAMSIZ], struct err *e)
{
	struct link left;

	snprintf(temporary, IFNAMSIZ, "skl%u.%x", want->id, (unsigned)getpid() & 0xffff);
	if (netlink_get(0, temporary, &left) == 0 && netlink_delete(left.ifindex) < 0)
		return err_set(e, -EEXIST, "", "netdev %s is in the way", temporary);
	return 0;
}

/* Mark a new tap, then name it and bring it to its namespace (@ns_fd -1: none). */
static int mark_and_name(const char *temporary, struct link_change *mark, const char *name,
	int ns_fd, int *ifindex, struct err *e)
{
	struct link_change move = LINK_CHANGE_NONE;
	struct link link;
	int rc = netlink_get(0, temporary, &link);

	if (rc == 0)
		rc = netlink_change(link.ifindex, mark);
	move.name = name;
	move.ns_fd = ns_fd;
	if (rc == 0)
		rc = netlink_change(link.ifindex, &move);
	if (rc < 0)
		return err_set(
			e, rc, "vif.ifname", "cannot name the new tap %s: %s", name, strerror(-rc));
	*ifindex = link.ifindex;
	return 0;
}

static int settle(const struct vif_want *want, const char *alias, int ns_fd, const char *temporary,
	struct netdev_fds *out, struct err *e)
{
	struct link_change mark = LINK_CHANGE_NONE;
	struct link link;
	int home;

	mark.alias = alias;
	mark.mac = want->has_mac ? &want->mac : NULL;
	mark.tx_queue_len = TAP_QUEUE_LEN;
	int rc = mark_and_name(temporary, &mark, want->ifname, ns_fd, &out->ifindex, e);

	if (rc < 0 || ns_fd < 0)
		return rc;
	/* The namespace may have given it another index. */
	rc = netns_enter(ns_fd, &home);
	if (rc == 0) {
		rc = netlink_get(0, want->ifname, &link);
		netns_leave(home);
	}
	if (rc == 0)
		out->ifindex = link.ifindex;
	return rc == 0 ? 0 : err_set(e, rc, "", "tap %s vanished: %s", want->ifname, strerror(-rc));
}

static int create_host(const struct vif_want *want, const char *alias, int ns_fd,
	struct netdev_fds *out, struct err *e)
{
	char temporary[IFNAMSIZ];
	int rc = choose_temporary(want, temporary, e);

	if (rc < 0)
		return rc;
	rc = open_queues(want, temporary, out);
	if (rc < 0)
		return open_error(want, rc, e);
	rc = settle(want, alias, ns_fd, temporary, out, e);
	if (rc == 0 && ioctl(out->fd[0], TUNSETPERSIST, 1UL) < 0)
		rc = err_set(
			e, -errno, "", "cannot keep tap %s: %s", want->ifname, strerror(errno));
	if (rc < 0)
		netdev_close(out);
	return rc;
}

int netdev_open_host(const struct vif_want *want, const char *alias, int ns_fd,
	const struct netlink *known, struct netdev_fds *out, struct err *e)
{
	struct link link;
	int home = -1;
	int rc = ns_fd >= 0 ? netns_enter(ns_fd, &home) : 0;

	if (rc < 0)
		return err_set(e, rc, "vif.netns", "cannot enter namespace %s: %s", want->netns,
			strerror(-rc));
	rc = -EAGAIN; /* not found */
	if (find_own(alias, known, &link))
		rc = take_up(want, &link, out, e);
	else if (netlink_get(0, want->ifname, &link) == 0)
		rc = err_set(e, -EEXIST, want->is_leg ? "network.name" : "vif.ifname",
			"a netdev named %s is there already and is not Saklar's; rename or delete "
			"it, "
			"or choose another name",
			want->ifname);
	if (ns_fd >= 0)
		netns_leave(home);
	return rc == -EAGAIN ? create_host(want, alias, ns_fd, out, e) : rc;
}

void netdev_forget_host(const struct netdev_fds *fds)
{
	if (fds->n > 0)
		ioctl(fds->fd[0], TUNSETPERSIST, 0UL);
}

bool netdev_is_alive(int fd)
{
	struct ifreq ifr = { 0 };

	return ioctl(fd, TUNGETIFF, &ifr) == 0;
}

int netdev_tap_name(int fd, char name[SAKLAR_NAME_LEN])
{
	struct ifreq ifr = { 0 };

	if (ioctl(fd, TUNGETIFF, &ifr) < 0)
		return -errno;
	snprintf(name, SAKLAR_NAME_LEN, "%s", ifr.ifr_name);
	return 0;
}

void netdev_set_carrier(const struct netdev_fds *fds, bool has_carrier)
{
	int on = has_carrier;

	if (fds->n > 0)
		ioctl(fds->fd[0], TUNSETCARRIER, &on);
}

int netdev_create_tap(const struct vif_want *want, const char *alias, struct err *e)
{
	struct link_change mark = LINK_CHANGE_NONE;
	char temporary[IFNAMSIZ];
	struct mac mac = want->mac;
	int ifindex;
	int rc = choose_temporary(want, temporary, e);

	if (rc < 0)
		return rc;
	int fd = open_queue(temporary, TAP_FLAGS | (want->queues > 1 ? IFF_MULTI_QUEUE : 0));

	if (fd < 0)
		return open_error(want, fd, e);
	/* A MAC that was set is left alone by all; it is not the guest's, which is at the other side. */
	mac.b[0] = TAP_MAC_FIRST_BYTE;
	mark.alias = alias;
	mark.mac = want->has_mac ? &mac : NULL;
	if (want->has_owner && ioctl(fd, TUNSETOWNER, (unsigned long)want->owner_uid) < 0)
		rc = err_set(e, -errno, "vif.owner", "cannot give tap %s to its owner: %s",
			want->ifname, strerror(errno));
	if (rc == 0)
		rc = mark_and_name(temporary, &mark, want->ifname, -1, &ifindex, e);
	/* Last: what is not whole goes with the fd, also when we are killed. */
	if (rc == 0 && ioctl(fd, TUNSETPERSIST, 1UL) < 0)
		rc = err_set(
			e, -errno, "", "cannot keep tap %s: %s", want->ifname, strerror(errno));
	close(fd);
	return rc;
}
