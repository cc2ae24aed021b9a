/* SPDX-License-Identifier: Apache-2.0 */
/* netlink.c - the table of this namespace's links, as events keep it.
 * From: reconcile*.c.  To: libnl, netlink_request.c.
 * Theory: the kernel multicasts every change; when its queue for us overflows (ENOBUFS) events are
 * lost, and the whole table is read again.  Nobody may rely on single events: the callback only says
 * that something changed.  Thread: the daemon's only one. */
#include "config/netlink.h"

#include "vswitch/base/log.h"

#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/rtnl.h>
#include <netlink/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

LOG_MODULE("netlink");

struct netlink {
	struct nl_sock *events;
	struct event *readable;
	void (*on_change)(void *arg);
	void *arg;
	unsigned n_links, n_room;
	struct link *links; /* no order */
	bool has_changed;
};

const struct link *netlink_link_at(const struct netlink *nl, unsigned i)
{
	return i < nl->n_links ? &nl->links[i] : NULL;
}

const struct link *netlink_link(const struct netlink *nl, int ifindex)
{
	for (unsigned i = 0; i < nl->n_links; i++)
		if (nl->links[i].ifindex == ifindex)
			return &nl->links[i];
	return NULL;
}

const struct link *netlink_link_by_name(const struct netlink *nl, const char *name)
{
	for (unsigned i = 0; i < nl->n_links; i++)
		if (strcmp(nl->links[i].name, name) == 0)
			return &nl->links[i];
	return NULL;
}

const struct link *netlink_link_by_alias(const struct netlink *nl, const char *alias)
{
	for (unsigned i = 0; i < nl->n_links; i++)
		if (strcmp(nl->links[i].alias, alias) == 0)
			return &nl->links[i];
	return NULL;
}

static void forget_link(struct netlink *nl, int ifindex)
{
	for (unsigned i = 0; i < nl->n_links; i++) {
		if (nl->links[i].ifindex == ifindex) {
			nl->links[i] = nl->links[--nl->n_links];
			return;
		}
	}
}

static void remember_link(struct netlink *nl, const struct link *link)
{
	forget_link(nl, link->ifindex);
	if (nl->n_links == nl->n_room) {
		unsigned room = nl->n_room == 0 ? 64 : nl->n_room * 2;
		struct link *links = realloc(nl->links, room * sizeof(*links));

		if (links == NULL)
			return;
		nl->links = links;
		nl->n_room = room;
	}
	nl->links[nl->n_links++] = *link;
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct netlink *nl = arg;
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct link link;

	nl->has_changed = true;
	if (hdr->nlmsg_type != RTM_NEWLINK && hdr->nlmsg_type != RTM_DELLINK)
		return NL_OK;
	if (!netlink_parse_link(hdr, &link))
		return NL_OK;
	if (hdr->nlmsg_type == RTM_DELLINK)
		forget_link(nl, link.ifindex);
	else
		remember_link(nl, &link);
	return NL_OK;
}

static int read_all_links(struct netlink *nl)
{
	struct nl_sock *sk = nl_socket_alloc();
	int rc = -ENOMEM;

	if (sk == NULL)
		return rc;
	nl->n_links = 0;
	nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, on_message, nl);
	if (nl_connect(sk, NETLINK_ROUTE) < 0
		|| nl_rtgen_request(sk, RTM_GETLINK, AF_UNSPEC, NLM_F_DUMP) < 0
		|| nl_recvmsgs_default(sk) < 0)
		rc = -EIO;
	else
		rc = 0;
	nl_socket_free(sk);
	return rc;
}

static void drain(struct netlink *nl)
{
	/* Ends with "would block"; one call reads one datagram. */
	for (int rc = 0; rc >= 0;) {
		rc = nl_recvmsgs_default(nl->events);
		if (rc == -NLE_NOMEM) {
			LOG_WARN("event=netlink_overrun");
			nl->has_changed = true;
			if (read_all_links(nl) < 0)
				return;
			rc = 0;
		}
	}
}

/* What is read here is not in the socket any more: the callback must be woken another way, or a
 * change that came in the middle of a run would be seen by nobody. */
void netlink_sync(struct netlink *nl)
{
	drain(nl);
	if (nl->has_changed)
		event_active(nl->readable, EV_READ, 0);
}

static void on_readable(int, short, void *arg)
{
	struct netlink *nl = arg;

	drain(nl);
	if (nl->has_changed) {
		nl->has_changed = false;
		nl->on_change(nl->arg);
	}
}

static int subscribe(struct netlink *nl, struct event_base *base)
{
	nl->events = nl_socket_alloc();
	if (nl->events == NULL)
		return -ENOMEM;
	nl_socket_disable_seq_check(nl->events);
	nl_socket_modify_cb(nl->events, NL_CB_VALID, NL_CB_CUSTOM, on_message, nl);
	if (nl_connect(nl->events, NETLINK_ROUTE) < 0)
		return -EIO;
	nl_socket_set_buffer_size(nl->events, 1 << 20, 0);
	if (nl_socket_set_nonblocking(nl->events) < 0
		|| nl_socket_add_memberships(nl->events, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
			   RTNLGRP_IPV6_IFADDR, RTNLGRP_TC, RTNLGRP_NONE)
			< 0)
		return -EIO;
	nl->readable = event_new(
		base, nl_socket_get_fd(nl->events), EV_READ | EV_PERSIST, on_readable, nl);
	return nl->readable != NULL && event_add(nl->readable, NULL) == 0 ? 0 : -ENOMEM;
}

void netlink_destroy(struct netlink *nl)
{
	if (nl == NULL)
		return;
	if (nl->readable != NULL)
		event_free(nl->readable);
	if (nl->events != NULL)
		nl_socket_free(nl->events);
	free(nl->links);
	free(nl);
}

struct netlink *netlink_create(
	struct event_base *base, void (*on_change)(void *arg), void *arg, struct err *e)
{
	struct netlink *nl = calloc(1, sizeof(*nl));
	int rc = -ENOMEM;

	if (nl != NULL) {
		nl->on_change = on_change;
		nl->arg = arg;
		rc = subscribe(nl, base); /* before the dump, so that no change falls between */
		if (rc == 0)
			rc = read_all_links(nl);
		nl->has_changed = false;
	}
	if (rc < 0) {
		err_set(e, rc, "", "cannot listen to the kernel's netlink: %s", strerror(-rc));
		netlink_destroy(nl);
		return NULL;
	}
	return nl;
}
