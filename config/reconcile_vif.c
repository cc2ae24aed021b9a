/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile_vif.c - steps that open, adjust and close one vif's netdev.
 * From: reconcile.c, by actual_diff().  To: netdev_*.c, netlink_request.c, undo.c.
 * Theory: a kernel netdev is made deaf to the host's stack before the packet socket is bound: tc
 * program, no IPv6, then up, then the socket.  What is changed on it is in the undo list first.
 * A netdev is found by name once and then followed by ifindex: a rename changes nothing; the name
 * counts again when the netdev was deleted and another appears under it.
 * A host vif's tap in another namespace is out of reach of our netlink events: inotify tells that a
 * name in /run/netns came or went, and once a second the tap's fd is asked whether the tap still
 * exists (of namespaces without a name nothing else can be seen).  So such a vif is back within a
 * second or so.
 * Thread: the daemon's only one. */
#include "config/netdev_bpf.h"
#include "config/netdev_uso.h"
#include "config/netns.h"
#include "config/reconcile_state.h"
#include "vswitch/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

LOG_MODULE("reconcile_vif");

static bool is_kernel_type(enum vif_type type)
{
	return type == VIF_TYPE_TAP || type == VIF_TYPE_NETDEV;
}

/* Inode of the namespace in which a host vif lives: 0 while it does not exist. */
static uint64_t ns_inode(const struct vif_want *want)
{
	struct netns_id id;

	if (want->type != VIF_TYPE_HOST || want->netns[0] == '\0')
		return 1;
	int fd = netns_open(want->netns, NULL);

	if (fd < 0)
		return 0;
	int rc = netns_identify(fd, &id);

	close(fd);
	return rc == 0 ? (uint64_t)id.ino : 0;
}

void reconcile_vif_look(struct reconcile *r, struct vif_sight *sight)
{
	for (unsigned id = 1; id < VIF_ID_MAX; id++) {
		const struct vif_want *want = &r->wants.vif[id];
		const struct vif_slot *slot = &r->actual.vif[id];

		sight[id] = (struct vif_sight){ 0 };
		if (want->id != VIF_ID_NONE)
			sight[id].cookie = vif_want_cookie(want,
				want->type == VIF_TYPE_NETFRONT ? reconcile_xen_incarnation(r, want)
								: ns_inode(want));
		if (!slot->is_open)
			continue;
		if (slot->as.type == VIF_TYPE_NETFRONT) {
			sight[id].is_present = true; /* while the cookie fits */
			continue;
		}
		sight[id].is_present = slot->vhost != NULL
			? reconcile_vhost_is_present(r, (uint16_t)id)
			: (slot->fds.flags & MSG_VIF_TAP_FD) != 0
			? netdev_is_alive(slot->fds.fd[0])
			: netlink_link(r->netlink, slot->fds.ifindex) != NULL;
	}
}

/* Everything that keeps the host's stack away from a netdev, recorded before it is done. */
static int silence_host(struct reconcile *r, const struct link *link, struct err *e)
{
	bool was_recorded = undo_has(r->undo, link->ifindex, UNDO_CLSACT);
	bool made_clsact = false;
	int disable_ipv6;
	int rc = undo_record(r->undo, link->ifindex, UNDO_CLSACT, 0, e);

	if (rc == 0)
		rc = netdev_bpf_attach(link->ifindex, &made_clsact, e);
	if (rc < 0)
		return rc;
	if (!made_clsact && !was_recorded)
		undo_forget(r->undo, link->ifindex, UNDO_CLSACT);
	/* No IPv6 at all on this kernel: nothing to silence. */
	if (netlink_sysctl_get("ipv6", link->name, "disable_ipv6", &disable_ipv6) < 0
		|| disable_ipv6 == 1)
		return 0;
	rc = undo_record(r->undo, link->ifindex, UNDO_DISABLE_IPV6, (uint32_t)disable_ipv6, e);
	if (rc == 0 && netlink_sysctl_set("ipv6", link->name, "disable_ipv6", 1) < 0)
		LOG_WARN("event=ipv6_not_disabled netdev=%s", link->name);
	return rc;
}

static bool kernel_has_uso(void)
{
	struct utsname name;

	return uname(&name) == 0 && netdev_uso_is_expressible(name.release);
}

/* See netdev_uso.h.  No failure stops the vif: what is lost is counted. */
static bool settle_uso(struct reconcile *r, const struct link *link, struct err *e)
{
	int rc;

	if (kernel_has_uso())
		return true;
	rc = netdev_uso_get(link);
	if (rc > 0)
		rc = undo_record(r->undo, link->ifindex, UNDO_PEER_USO, 1, e);
	else if (rc == 0)
		return false;
	if (rc == 0)
		rc = netdev_uso_set(link, false);
	if (rc < 0)
		LOG_INFO("event=uso_stays netdev=%s error=\"%s\"", link->name, strerror(-rc));
	return false;
}

static int set_mtu(struct reconcile *r, const struct link *link, uint16_t mtu, struct err *e)
{
	struct link_change change = LINK_CHANGE_NONE;
	int rc;

	if (link->mtu == mtu)
		return 0;
	rc = undo_record(r->undo, link->ifindex, UNDO_MTU, link->mtu, e);
	if (rc < 0)
		return rc;
	change.mtu = mtu;
	rc = netlink_change(link->ifindex, &change);
	return rc == 0 ? 0
		       : err_set(e, rc, "vif.mtu", "netdev %s does not take MTU %u: %s", link->name,
			       mtu, strerror(-rc));
}

static int bring_up(struct reconcile *r, const struct link *link, struct err *e)
{
	struct link_change change = LINK_CHANGE_NONE;
	int rc;

	if ((link->flags & IFF_UP) != 0)
		return 0;
	rc = undo_record(r->undo, link->ifindex, UNDO_UP, 0, e);
	if (rc < 0)
		return rc;
	change.up = 1;
	rc = netlink_change(link->ifindex, &change);
	return rc == 0 ? 0
		       : err_set(e, rc, "vif.dev", "netdev %s does not come up: %s", link->name,
			       strerror(-rc));
}

/* A tap of ours that a VMM has open: see netdev_tap.c.  Asked anew, since events about carriers come
 * late. */
static bool is_in_use_by_vmm(const struct reconcile *r, int ifindex)
{
	struct link link;

	return undo_has(r->undo, ifindex, UNDO_CREATED) && netlink_get(ifindex, NULL, &link) == 0
		&& link.has_carrier;
}

/* Would a VMM that is started as the vif says fail to open this tap of ours? */
static bool is_tap_unfit(const struct link *link, const struct vif_want *want)
{
	return link->is_multi_queue != (want->queues > 1) || link->has_owner != want->has_owner
		|| (want->has_owner && link->owner_uid != want->owner_uid);
}

/* Queues and owner are settled when a tap is made: make it anew. */
static int replace_tap(struct reconcile *r, const struct link *link, struct err *e)
{
	int ifindex = link->ifindex;

	if (is_in_use_by_vmm(r, ifindex))
		return err_set(e, -EBUSY, "vif.queues",
			"a program has tap %s open as it was made, with other queues or another "
			"owner; stop the VMM, and the tap is made anew",
			link->name);
	netdev_bpf_detach(ifindex);
	undo_revert(r->undo, ifindex);
	netlink_sync(r->netlink);
	return 0;
}

static bool is_own_tap(
	const struct reconcile *r, const struct vif_want *want, const struct link *link)
{
	char alias[LINK_ALIAS_LEN];

	reconcile_alias(r, want->name, alias);
	return want->type == VIF_TYPE_TAP && link != NULL && strcmp(link->alias, alias) == 0;
}

/* By its name, or a tap of ours by its mark: a VMM may have it open that was renamed since. */
static const struct link *find_named(const struct reconcile *r, const struct vif_want *want)
{
	const struct link *link = netlink_link_by_name(r->netlink, want->ifname);
	char alias[LINK_ALIAS_LEN];

	if (link != NULL || want->type != VIF_TYPE_TAP)
		return link;
	reconcile_alias(r, want->name, alias);
	return netlink_link_by_alias(r->netlink, alias);
}

/* The wanted netdev; makes a tap that is not there.  -ENODEV: wait for it. */
static int find_kernel_netdev(
	struct reconcile *r, const struct vif_want *want, struct link *out, struct err *e)
{
	char alias[LINK_ALIAS_LEN];
	const struct link *link = find_named(r, want);
	int rc = 0;

	/* Ours by its mark, also when we were killed before it was written down. */
	if (is_own_tap(r, want, link))
		rc = undo_record(r->undo, link->ifindex, UNDO_CREATED, 0, e);
	if (rc == 0 && is_own_tap(r, want, link) && is_tap_unfit(link, want)) {
		rc = replace_tap(r, link, e);
		link = find_named(r, want);
	}
	if (rc == 0 && link == NULL && want->type == VIF_TYPE_TAP) {
		reconcile_alias(r, want->name, alias);
		rc = netdev_create_tap(want, alias, e);
		netlink_sync(r->netlink);
		link = netlink_link_by_name(r->netlink, want->ifname);
		if (rc == 0 && link != NULL)
			rc = undo_record(r->undo, link->ifindex, UNDO_CREATED, 0, e);
	}
	if (rc < 0)
		return rc;
	if (link == NULL)
		return err_set(e, -ENODEV, "vif.dev",
			"netdev %s is gone or does not exist yet; the vif "
			"comes back when it does",
			want->ifname);
	*out = *link;
	return 0;
}

/* Several networks may lead out by one device; what was changed on it is for all of them. */
static bool is_shared(const struct reconcile *r, const struct vif_slot *but, int ifindex)
{
	for (unsigned id = 1; id < VIF_ID_MAX; id++) {
		const struct vif_slot *slot = &r->actual.vif[id];

		if (slot != but && slot->is_open && is_kernel_type(slot->as.type)
			&& slot->fds.ifindex == ifindex && (slot->fds.flags & MSG_VIF_TAP_FD) == 0)
			return true;
	}
	return false;
}

/* The host goes on using this device, which is only brought up, and gets a program that takes what is
 * ours. */
static int open_uplink(struct reconcile *r, const struct vif_want *want, const struct link *link,
	struct netdev_fds *fds, struct err *e)
{
	int rc = reconcile_uplink_check(r, link, e);

	if (rc == 0)
		rc = bring_up(r, link, e);
	if (rc == 0)
		rc = netdev_open_socket(link->ifindex, &want->mac, kernel_has_uso(), fds, e);
	if (rc == 0) {
		if (!r->paths.no_fast_path)
			reconcile_uplink_hasten(r, link, &want->mac, fds);
		rc = netdev_lock_filter(fds->fd[0], e);
		if (rc < 0)
			netdev_close(fds);
	}
	if (rc < 0 && !is_shared(r, NULL, link->ifindex))
		undo_revert(r->undo, link->ifindex);
	return rc;
}

static int open_kernel(
	struct reconcile *r, const struct vif_want *want, struct netdev_fds *fds, struct err *e)
{
	struct link link;
	int rc = find_kernel_netdev(r, want, &link, e);

	if (rc == 0 && want->is_uplink)
		return open_uplink(r, want, &link, fds, e);
	if (rc == 0)
		rc = reconcile_netdev_check(r, &link, want->type, e);
	if (rc < 0)
		return rc;
	rc = silence_host(r, &link, e);
	if (rc == 0 && (want->has_mtu || undo_has(r->undo, link.ifindex, UNDO_CREATED)))
		rc = set_mtu(r, &link, want->mtu, e);
	if (rc == 0)
		rc = bring_up(r, &link, e);
	if (rc == 0)
		rc = netdev_open_socket(link.ifindex, NULL, settle_uso(r, &link, e), fds, e);
	if (rc == 0 && !r->paths.no_fast_path && netdev_bpf_filter(fds->fd[0]) == 0)
		fds->flags |= MSG_VIF_FAST;
	if (rc < 0 && !is_in_use_by_vmm(r, link.ifindex)) {
		netdev_bpf_detach(link.ifindex);
		undo_revert(r->undo, link.ifindex);
	}
	return rc;
}

/* A host vif of a guest: address, MTU and link inside its namespace.  IPv6 is the guest's own. */
static int dress_guest(const struct vif_want *want, int ns_fd, int ifindex, struct err *e)
{
	struct link_change change = LINK_CHANGE_NONE;
	int home = -1;
	int rc = ns_fd >= 0 ? netns_enter(ns_fd, &home) : 0;

	if (rc == 0) {
		change.mac = want->has_mac ? &want->mac : NULL;
		change.mtu = want->mtu;
		change.up = 1;
		rc = netlink_change(ifindex, &change);
	}
	if (home >= 0)
		netns_leave(home);
	return rc == 0 ? 0
		       : err_set(e, rc, "vif.ifname", "cannot set MAC, MTU and link of %s: %s",
			       want->ifname, strerror(-rc));
}

/* A tap whose other side is the host's own stack and nobody else's business. */
static bool is_ours(const struct vif_want *want)
{
	return want->is_leg || want->is_transit;
}

static int dress_leg(const struct vif_want *want, int ifindex, struct err *e)
{
	struct link_change change = LINK_CHANGE_NONE;
	const char *ifname = want->ifname;
	struct link link;

	if (netlink_get(ifindex, NULL, &link) == 0)
		ifname = link.name; /* somebody has renamed it */
	/* Nobody on this network configures the host; our address is ours without asking. */
	if (netlink_sysctl_set("ipv6", ifname, "disable_ipv6", !want->has_ip6) == 0) {
		int rc = netlink_sysctl_set("ipv6", ifname, "accept_ra", 0);

		if (rc == 0)
			rc = netlink_sysctl_set("ipv6", ifname, "accept_dad", 0);
		if (rc < 0)
			LOG_WARN("event=leg_sysctl_failed leg=%s", ifname);
	}
	change.mac = want->has_mac ? &want->mac : NULL;
	change.mtu = want->mtu;
	int rc = netlink_change(ifindex, &change); /* up: reconcile_network.c, behind nft */

	return rc == 0 ? 0
		       : err_set(e, rc, "network.mtu", "cannot set MAC and MTU of %s: %s",
			       want->ifname, strerror(-rc));
}

static int open_host(
	struct reconcile *r, const struct vif_want *want, struct netdev_fds *fds, struct err *e)
{
	char alias[LINK_ALIAS_LEN];
	int ns_fd = -1;
	int rc;

	if (want->netns[0] != '\0') {
		ns_fd = netns_open(want->netns, e);
		if (ns_fd < 0)
			return ns_fd;
	}
	reconcile_alias(r, want->name, alias);
	rc = netdev_open_host(want, alias, ns_fd, ns_fd < 0 ? r->netlink : NULL, fds, e);
	if (rc == 0) {
		rc = is_ours(want) ? dress_leg(want, fds->ifindex, e)
				   : dress_guest(want, ns_fd, fds->ifindex, e);
		if (rc < 0) {
			netdev_forget_host(fds);
			netdev_close(fds);
		}
	}
	if (ns_fd >= 0)
		close(ns_fd);
	return rc;
}

struct kept {
	const struct reconcile *r;
	unsigned n;
	int ifindex[VIF_ID_MAX];
};

static bool is_kept(int ifindex, void *arg)
{
	const struct kept *kept = arg;

	for (unsigned i = 0; i < kept->n; i++)
		if (kept->ifindex[i] == ifindex)
			return true;
	return is_in_use_by_vmm(kept->r, ifindex);
}

/* What is wanted stays as it is although nobody holds it yet, as when engine and daemon died both:
 * the host's stack must not see a guest's frames in between, and a tap's VMM goes on. */
void reconcile_vif_revert_orphans(struct reconcile *r)
{
	struct kept kept = { .r = r };

	for (unsigned id = 1; id < VIF_ID_MAX; id++) {
		const struct vif_want *want = &r->wants.vif[id];
		const struct vif_slot *slot = &r->actual.vif[id];
		const struct link *link = NULL;

		if (slot->is_open && is_kernel_type(slot->as.type))
			link = netlink_link(r->netlink, slot->fds.ifindex);
		else if (want->id != VIF_ID_NONE && is_kernel_type(want->type))
			link = find_named(r, want);
		if (link != NULL)
			kept.ifindex[kept.n++] = link->ifindex;
	}
	undo_revert_orphans(r->undo, is_kept, &kept);
}

static void show_state(struct vif_slot *slot)
{
	if (slot->as.is_down)
		actual_set_vif(slot, STATE_DOWN, "");
	else if (slot->as.network_id == NETWORK_ID_NONE && !slot->as.gets_copies)
		actual_set_vif(slot, STATE_WAITING,
			"not attached to a network; saklar vif set NAME "
			"--network NETWORK");
	else if (!slot->has_carrier)
		actual_set_vif(slot, STATE_WAITING,
			slot->as.type == VIF_TYPE_TAP
				? "no carrier: no VMM has opened the tap"
				: "no carrier: the other end is down or unplugged");
	else
		actual_set_vif(slot, STATE_UP, "");
}

/* Take over what netlink says about the netdev now. */
static void follow_link(struct reconcile *r, struct vif_slot *slot)
{
	const struct link *link = netlink_link(r->netlink, slot->fds.ifindex);

	if (link == NULL && is_kernel_type(slot->as.type)) {
		slot->has_carrier = false; /* just vanished: the next run closes it */
		return;
	}
	if (slot->as.netns[0] != '\0' || link == NULL) {
		/* Out of reach of netlink, but its fd knows what its guest calls it now. */
		if (netdev_tap_name(slot->fds.fd[0], slot->ifname) < 0)
			snprintf(slot->ifname, sizeof(slot->ifname), "%s", slot->as.ifname);
		slot->has_carrier = !slot->as.is_down;
		slot->mtu = slot->as.mtu;
		return;
	}
	if (slot->ifname[0] != '\0' && strcmp(slot->ifname, link->name) != 0)
		LOG_INFO("event=renamed vif=%s from=%s to=%s", slot->as.name, slot->ifname,
			link->name);
	snprintf(slot->ifname, sizeof(slot->ifname), "%s", link->name);
	/* A tap whose fd we hold has a carrier because we hold it; its link may be down. */
	slot->has_carrier = slot->as.type == VIF_TYPE_HOST
		? !slot->as.is_down
		: link->has_carrier && (link->flags & IFF_UP) != 0;
	slot->mtu = (uint16_t)MIN(link->mtu, 65535u);
}

bool reconcile_vif_follow_carriers(struct reconcile *r)
{
	bool has_changed = false;

	for (unsigned id = 1; id < VIF_ID_MAX; id++) {
		struct vif_slot *slot = &r->actual.vif[id];
		bool had_carrier = slot->has_carrier;

		if (!slot->is_open || slot->has_taken || !is_kernel_type(slot->as.type))
			continue;
		follow_link(r, slot);
		if (slot->has_carrier == had_carrier)
			continue;
		show_state(slot);
		has_changed = true;
	}
	return has_changed;
}

void reconcile_vif_open(struct reconcile *r, uint16_t id)
{
	const struct vif_want *want = &r->wants.vif[id];
	struct vif_slot *slot = &r->actual.vif[id];
	struct err e = ERR_NONE;
	int rc;

	if (want->type == VIF_TYPE_VHOST) {
		reconcile_vhost_open(r, id);
		return;
	}
	slot->as = *want;
	if (!retry_is_due(&slot->retry))
		return;
	if (want->type == VIF_TYPE_NETFRONT) {
		reconcile_xen_open(r, id);
		return;
	}
	rc = is_kernel_type(want->type) ? open_kernel(r, want, &slot->fds, &e)
					: open_host(r, want, &slot->fds, &e);
	if (rc < 0) {
		/* Absence ends with an event; whatever else may end unseen. */
		retry_later(&slot->retry);
		actual_set_vif(
			slot, rc == -ENODEV || rc == -ENOENT ? STATE_WAITING : STATE_FAILED, e.msg);
		return;
	}
	retry_clear(&slot->retry);
	slot->is_open = true;
	slot->is_in_engine = false;
	slot->has_taken = false;
	slot->ifname[0] = '\0';
	slot->cookie = vif_want_cookie(want, ns_inode(want));
	netlink_sync(r->netlink);
	if (want->type == VIF_TYPE_HOST)
		netdev_set_carrier(&slot->fds, !want->is_down);
	follow_link(r, slot);
	show_state(slot);
}

/* What may change while the fds stay. */
static void adjust_guest(const struct vif_want *want, const struct vif_slot *slot)
{
	struct err e = ERR_NONE;
	int ns_fd = want->netns[0] != '\0' ? netns_open(want->netns, &e) : -1;

	if (want->netns[0] == '\0' || ns_fd >= 0) {
		if (dress_guest(want, ns_fd, slot->fds.ifindex, &e) < 0)
			LOG_WARN("event=adjust_failed vif=%s error=\"%s\"", want->name, e.msg);
	}
	if (ns_fd >= 0)
		close(ns_fd);
}

/* The MTU follows the vif's; of a tap of ours the network's; another netdev gets its own back when
 * the vif has none any more. */
static int adjust_mtu(
	struct reconcile *r, const struct vif_want *want, const struct link *link, struct err *e)
{
	if (want->has_mtu || undo_has(r->undo, link->ifindex, UNDO_CREATED))
		return set_mtu(r, link, want->mtu, e);
	undo_revert_one(r->undo, link->ifindex, UNDO_MTU);
	return 0;
}

static void adjust_kernel(struct reconcile *r, const struct vif_want *want, struct vif_slot *slot)
{
	const struct link *link = netlink_link(r->netlink, slot->fds.ifindex);
	bool has_new_mtu = want->mtu != slot->as.mtu || want->has_mtu != slot->as.has_mtu;
	struct err e = ERR_NONE;
	struct link copy;

	if (link == NULL)
		return;
	copy = *link;
	if (has_new_mtu && adjust_mtu(r, want, &copy, &e) < 0)
		LOG_WARN("event=adjust_failed vif=%s error=\"%s\"", want->name, e.msg);
	/* The program of the daemon before this one knows nothing of ports that come now. */
	if (want->is_uplink) {
		if ((slot->fds.flags & MSG_VIF_FAST) != 0
			&& (slot->has_taken || !netdev_bpf_is_shared(slot->fds.ifindex))
			&& reconcile_uplink_share(r, &copy, &e) < 0)
			LOG_WARN("event=adjust_failed vif=%s error=\"%s\"", want->name, e.msg);
		return;
	}
	if ((slot->has_taken || !netdev_bpf_is_attached(slot->fds.ifindex))
		&& silence_host(r, &copy, &e) < 0)
		LOG_WARN("event=adjust_failed vif=%s error=\"%s\"", want->name, e.msg);
}

void reconcile_vif_adjust(struct reconcile *r, uint16_t id)
{
	const struct vif_want *want = &r->wants.vif[id];
	struct vif_slot *slot = &r->actual.vif[id];
	bool has_new = slot->has_taken || want->mtu != slot->as.mtu
		|| want->has_ip6 != slot->as.has_ip6
		|| memcmp(&want->mac, &slot->as.mac, sizeof(want->mac)) != 0;
	struct err e = ERR_NONE;

	if (slot->vhost != NULL) {
		reconcile_vhost_adjust(r, id);
		return;
	}
	if (want->type == VIF_TYPE_NETFRONT) {
		reconcile_xen_adjust(r, id);
		return;
	}
	if (is_kernel_type(want->type))
		adjust_kernel(r, want, slot);
	else if (has_new && !is_ours(want))
		adjust_guest(want, slot);
	else if (has_new && dress_leg(want, slot->fds.ifindex, &e) < 0)
		LOG_WARN("event=adjust_failed vif=%s error=\"%s\"", want->name, e.msg);
	if (want->type == VIF_TYPE_HOST && (slot->has_taken || want->is_down != slot->as.is_down))
		netdev_set_carrier(&slot->fds, !want->is_down);
	if (has_new || is_kernel_type(want->type))
		netlink_sync(r->netlink);
	slot->as = *want;
	slot->has_taken = false;
	follow_link(r, slot);
	show_state(slot);
}

/* Close the fds and give the netdev back to the host. */
static void release(struct reconcile *r, struct vif_slot *slot)
{
	if (slot->vhost != NULL) {
		reconcile_vhost_release(r, slot);
		return;
	}
	if (slot->as.type == VIF_TYPE_NETFRONT) {
		reconcile_xen_release(slot);
		return;
	}
	int ifindex = slot->fds.ifindex;
	bool is_tap_fd = (slot->fds.flags & MSG_VIF_TAP_FD) != 0;
	bool is_others = is_shared(r, slot, ifindex);

	if (is_tap_fd)
		netdev_forget_host(&slot->fds);
	netdev_close(&slot->fds);
	slot->is_open = false;
	slot->has_taken = false;
	slot->ifname[0] = '\0';
	slot->has_carrier = false;
	if (!is_tap_fd && is_in_use_by_vmm(r, ifindex)) {
		LOG_INFO("event=tap_stays vif=%s reason=\"a program has it open\"", slot->as.name);
	} else if (!is_tap_fd && !is_others) {
		if (netlink_link(r->netlink, ifindex) != NULL)
			netdev_bpf_detach(ifindex);
		undo_revert(r->undo, ifindex);
	}
	netlink_sync(r->netlink);
}

void reconcile_vif_close(struct reconcile *r, uint16_t id)
{
	struct vif_slot *slot = &r->actual.vif[id];

	LOG_INFO("event=vif_closed vif=%s", slot->as.name);
	netdev_bpf_set_port(id, 0);
	reconcile_engine_close_vif(r, id);
	release(r, slot);
	retry_clear(&slot->retry);
	actual_set_vif(slot, STATE_PENDING, "");
}

void reconcile_vif_remove_all(struct reconcile *r)
{
	for (unsigned id = 1; id < VIF_ID_MAX; id++)
		if (r->actual.vif[id].is_open)
			release(r, &r->actual.vif[id]);
}
