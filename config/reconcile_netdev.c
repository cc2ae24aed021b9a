/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile_netdev.c - may this netdev be a vif, or an uplink?
 * From: reconcile_vif.c (before it is taken), reconcile_check.c (before a verb is committed).
 * To: netlink.c, netdev_bpf.c, undo.c.
 * Theory: what somebody else uses stays theirs; the message says how to free it.  An uplink stays the
 * host's: the kernel's programs pass on what they know there, unless somebody else has programs there.
 * Thread: the daemon's only one. */
#include "config/netdev_bpf.h"
#include "config/reconcile_state.h"
#include "vswitch/base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

LOG_MODULE("reconcile_netdev");

#define ADDRESSES_MAX 16

static unsigned own_inodes(const struct reconcile *r, uint64_t *inodes)
{
	unsigned n = 0;

	for (unsigned id = 1; id < VIF_ID_MAX; id++) {
		const struct vif_slot *slot = &r->actual.vif[id];
		struct stat st;

		if (slot->is_open && (slot->fds.flags & MSG_VIF_TAP_FD) == 0
			&& fstat(slot->fds.fd[0], &st) == 0)
			inodes[n++] = (uint64_t)st.st_ino;
	}
	return n;
}

static int check_in_use(const struct reconcile *r, const struct link *link, struct err *e)
{
	uint64_t inodes[VIF_ID_MAX];
	const struct link *master = netlink_link(r->netlink, link->master);

	if (link->master != 0)
		return err_set(e, -EBUSY, "vif.dev",
			"netdev %s is a port of %s; take it out first: ip "
			"link set %s nomaster",
			link->name, master != NULL ? master->name : "a bridge", link->name);
	/* Our tc program is there, and somebody holds a socket for all protocols: another instance
	 * works on it.  The program alone is what a killed instance left behind. */
	if (netdev_bpf_is_attached(link->ifindex)
		&& netdev_has_foreign_socket(link->ifindex, inodes, own_inodes(r, inodes)))
		return err_set(e, -EBUSY, "vif.dev",
			"netdev %s is in use by another instance of "
			"Saklar; delete its vif there first",
			link->name);
	return 0;
}

int reconcile_netdev_check(
	struct reconcile *r, const struct link *link, enum vif_type type, struct err *e)
{
	struct link_address addresses[ADDRESSES_MAX];
	char text[IPNET_STR_LEN];

	if ((link->flags & IFF_LOOPBACK) != 0)
		return err_set(e, -EINVAL, "vif.dev", "%s is the loopback device", link->name);
	if (type == VIF_TYPE_TAP && strcmp(link->kind, "tun") != 0)
		return err_set(e, -EINVAL, "vif.dev", "netdev %s is no tap; use --type netdev",
			link->name);
	int n = netlink_addresses(link->ifindex, addresses, ADDRESSES_MAX);

	if (n < 0)
		return err_set(e, n, "vif.dev", "cannot read the addresses of %s: %s", link->name,
			strerror(-n));
	if (n > 0)
		return err_set(e, -EADDRINUSE, "vif.dev",
			"netdev %s carries the address %s, which "
			"would stop working; remove it first: ip address flush dev %s",
			link->name, ipnet_print(&addresses[0].net, text), link->name);
	return check_in_use(r, link, e);
}

int reconcile_uplink_check(struct reconcile *r, const struct link *link, struct err *e)
{
	const struct link *master = netlink_link(r->netlink, link->master);

	if ((link->flags & IFF_LOOPBACK) != 0)
		return err_set(
			e, -EINVAL, "network.uplink", "%s is the loopback device", link->name);
	if (link->master != 0)
		return err_set(e, -EBUSY, "network.uplink",
			"netdev %s is a port of %s; name %s as the uplink instead", link->name,
			master != NULL ? master->name : "a bridge",
			master != NULL ? master->name : "the bridge");
	if (netdev_bpf_is_attached(link->ifindex))
		return err_set(e, -EBUSY, "network.uplink",
			"netdev %s belongs to a vif of Saklar, which keeps it to itself; delete "
			"that vif, or name it as vif:NAME",
			link->name);
	return 0;
}

int reconcile_uplink_share(struct reconcile *r, const struct link *link, struct err *e)
{
	bool is_ours = undo_has(r->undo, link->ifindex, UNDO_CLSACT);
	int rc = undo_record(r->undo, link->ifindex, UNDO_CLSACT, 0, e);

	if (rc == 0)
		rc = netdev_bpf_share(link->ifindex, is_ours, e);
	if (rc < 0 && !is_ours)
		undo_forget(r->undo, link->ifindex, UNDO_CLSACT);
	return rc;
}

void reconcile_uplink_hasten(
	struct reconcile *r, const struct link *link, const struct mac *mac, struct netdev_fds *fds)
{
	struct err e = ERR_NONE;
	int rc = reconcile_uplink_share(r, link, &e);

	if (rc == 0) {
		rc = netdev_bpf_filter_own(fds->fd[0], mac);
		if (rc < 0)
			(void)err_set(&e, rc, "", "the filter: %s", strerror(-rc));
	}
	if (rc == 0)
		fds->flags |= MSG_VIF_FAST;
	else
		LOG_INFO("event=uplink_without_fast_path netdev=%s reason=\"%s\"", link->name,
			e.msg);
}
