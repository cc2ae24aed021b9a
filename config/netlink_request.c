/* SPDX-License-Identifier: Apache-2.0 */
/* netlink_request.c - single requests to the kernel, in the namespace the thread is in.
 * From: reconcile*.c, netdev_*.c, undo.c.  To: libnl.
 * Theory: a socket for each request: it belongs to the namespace in which it was made, and it costs
 * three system calls.  libnl folds the kernel's errno into codes of its own; the real one is taken
 * from the error message.  Thread: the daemon's only one. */
#include "config/netlink_request.h"

#include <netlink/route/rtnl.h>
#include <netlink/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct request {
	struct nl_sock *sk;
	int error; /* -errno of the kernel's answer */
};

static int on_error(struct sockaddr_nl *, struct nlmsgerr *error, void *arg)
{
	struct request *req = arg;

	req->error = error->error;
	return NL_STOP;
}

static int request_open(struct request *req)
{
	*req = (struct request){ .sk = nl_socket_alloc() };
	if (req->sk == NULL)
		return -ENOMEM;
	nl_socket_modify_err_cb(req->sk, NL_CB_CUSTOM, on_error, req);
	if (nl_connect(req->sk, NETLINK_ROUTE) == 0)
		return 0;
	nl_socket_free(req->sk);
	return -EIO;
}

int netlink_request_run(struct nl_msg *msg)
{
	struct request req;
	int rc = request_open(&req);

	if (rc < 0) {
		nlmsg_free(msg);
		return rc;
	}
	rc = nl_send_sync(req.sk, msg); /* frees msg */
	nl_socket_free(req.sk);
	if (req.error != 0)
		return req.error;
	return rc < 0 ? -EIO : 0;
}

static bool has_exact(struct nlattr *const *attr, int type, size_t len)
{
	return attr[type] != NULL && (size_t)nla_len(attr[type]) >= len;
}

static void copy_text(struct nlattr *attr, char *out, size_t size)
{
	out[0] = '\0';
	if (attr != NULL)
		nla_strlcpy(out, attr, size);
}

static void parse_tun(struct nlattr *nested, struct link *out)
{
	struct nlattr *attr[IFLA_TUN_MAX + 1];

	if (nla_parse_nested(attr, IFLA_TUN_MAX, nested, NULL) < 0)
		return;
	if (has_exact(attr, IFLA_TUN_MULTI_QUEUE, sizeof(uint8_t)))
		out->is_multi_queue = nla_get_u8(attr[IFLA_TUN_MULTI_QUEUE]) != 0;
	out->has_owner = has_exact(attr, IFLA_TUN_OWNER, sizeof(uint32_t));
	if (out->has_owner)
		out->owner_uid = nla_get_u32(attr[IFLA_TUN_OWNER]);
}

bool netlink_parse_link(struct nlmsghdr *hdr, struct link *out)
{
	struct nlattr *attr[IFLA_MAX + 1], *linkinfo[IFLA_INFO_MAX + 1];
	const struct ifinfomsg *ifi;

	memset(out, 0, sizeof(*out));
	if (nlmsg_parse(hdr, sizeof(*ifi), attr, IFLA_MAX, NULL) < 0)
		return false;
	ifi = nlmsg_data(hdr);
	if (ifi->ifi_family != AF_UNSPEC) /* bridges talk about ports in AF_BRIDGE */
		return false;
	out->ifindex = ifi->ifi_index;
	out->flags = ifi->ifi_flags;
	out->has_carrier = (ifi->ifi_flags & IFF_LOWER_UP) != 0;
	copy_text(attr[IFLA_IFNAME], out->name, sizeof(out->name));
	copy_text(attr[IFLA_IFALIAS], out->alias, sizeof(out->alias));
	if (has_exact(attr, IFLA_MTU, sizeof(uint32_t)))
		out->mtu = nla_get_u32(attr[IFLA_MTU]);
	if (has_exact(attr, IFLA_LINK, sizeof(uint32_t)))
		out->peer_ifindex = (int)nla_get_u32(attr[IFLA_LINK]);
	out->has_peer_nsid = has_exact(attr, IFLA_LINK_NETNSID, sizeof(int32_t));
	if (out->has_peer_nsid)
		out->peer_nsid = nla_get_s32(attr[IFLA_LINK_NETNSID]);
	if (has_exact(attr, IFLA_MASTER, sizeof(uint32_t)))
		out->master = (int)nla_get_u32(attr[IFLA_MASTER]);
	if (attr[IFLA_ADDRESS] != NULL && nla_len(attr[IFLA_ADDRESS]) == sizeof(out->mac))
		memcpy(&out->mac, nla_data(attr[IFLA_ADDRESS]), sizeof(out->mac));
	if (has_exact(attr, IFLA_CARRIER, sizeof(uint8_t))) /* also of a link that is down */
		out->has_carrier = nla_get_u8(attr[IFLA_CARRIER]) != 0;
	if (attr[IFLA_LINKINFO] != NULL
		&& nla_parse_nested(linkinfo, IFLA_INFO_MAX, attr[IFLA_LINKINFO], NULL) == 0) {
		copy_text(linkinfo[IFLA_INFO_KIND], out->kind, sizeof(out->kind));
		if (linkinfo[IFLA_INFO_DATA] != NULL && strcmp(out->kind, "tun") == 0)
			parse_tun(linkinfo[IFLA_INFO_DATA], out);
	}
	return true;
}

static int put_no_addrgen(struct nl_msg *msg)
{
	struct nlattr *spec = nla_nest_start(msg, IFLA_AF_SPEC);
	struct nlattr *inet6 = spec != NULL ? nla_nest_start(msg, AF_INET6) : NULL;

	if (inet6 == NULL || nla_put_u8(msg, IFLA_INET6_ADDR_GEN_MODE, 1 /* none */) < 0)
		return -ENOMEM;
	nla_nest_end(msg, inet6);
	nla_nest_end(msg, spec);
	return 0;
}

static int put_change(struct nl_msg *msg, const struct link_change *c)
{
	if (c->name != NULL && nla_put_string(msg, IFLA_IFNAME, c->name) < 0)
		return -ENOMEM;
	if (c->alias != NULL && nla_put_string(msg, IFLA_IFALIAS, c->alias) < 0)
		return -ENOMEM;
	if (c->mac != NULL && nla_put(msg, IFLA_ADDRESS, sizeof(*c->mac), c->mac) < 0)
		return -ENOMEM;
	if (c->mtu != 0 && nla_put_u32(msg, IFLA_MTU, c->mtu) < 0)
		return -ENOMEM;
	if (c->tx_queue_len != 0 && nla_put_u32(msg, IFLA_TXQLEN, c->tx_queue_len) < 0)
		return -ENOMEM;
	if (c->ns_fd >= 0 && nla_put_u32(msg, IFLA_NET_NS_FD, (uint32_t)c->ns_fd) < 0)
		return -ENOMEM;
	return c->no_addrgen ? put_no_addrgen(msg) : 0;
}

int netlink_change(int ifindex, const struct link_change *c)
{
	struct ifinfomsg ifi = { .ifi_index = ifindex };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK);

	if (msg == NULL)
		return -ENOMEM;
	if (c->up >= 0) {
		ifi.ifi_flags = c->up > 0 ? IFF_UP : 0;
		ifi.ifi_change = IFF_UP;
	}
	if (nlmsg_append(msg, &ifi, sizeof(ifi), NLMSG_ALIGNTO) < 0 || put_change(msg, c) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return netlink_request_run(msg);
}

int netlink_delete(int ifindex)
{
	struct ifinfomsg ifi = { .ifi_index = ifindex };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK);

	if (msg == NULL)
		return -ENOMEM;
	if (nlmsg_append(msg, &ifi, sizeof(ifi), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return netlink_request_run(msg);
}

int netlink_request_dump(int type, int family, nl_recvmsg_msg_cb_t each, void *arg)
{
	struct request req;
	int rc = request_open(&req);

	if (rc < 0)
		return rc;
	nl_socket_modify_cb(req.sk, NL_CB_VALID, NL_CB_CUSTOM, each, arg);
	rc = nl_rtgen_request(req.sk, type, family, NLM_F_DUMP) < 0 ? -EIO : 0;
	if (rc == 0 && nl_recvmsgs_default(req.sk) < 0)
		rc = req.error != 0 ? req.error : -EIO;
	nl_socket_free(req.sk);
	return rc;
}

struct link_search {
	int ifindex;
	const char *name;
	struct link *out;
	bool has_found;
};

static int match_link(struct nl_msg *msg, void *arg)
{
	struct link_search *s = arg;
	struct link link;

	if (!netlink_parse_link(nlmsg_hdr(msg), &link))
		return NL_OK;
	if (s->name != NULL ? strcmp(link.name, s->name) == 0 : link.ifindex == s->ifindex) {
		*s->out = link;
		s->has_found = true;
	}
	return NL_OK;
}

int netlink_get(int ifindex, const char *name, struct link *out)
{
	struct link_search s = { .ifindex = ifindex, .name = name, .out = out };
	int rc = netlink_request_dump(RTM_GETLINK, AF_UNSPEC, match_link, &s);

	if (rc < 0)
		return rc;
	return s.has_found ? 0 : -ENODEV;
}

struct alias_search {
	const char *prefix;
	bool is_whole; /* the prefix is all there may be */
	struct link *out;
	unsigned n, max;
};

static int match_alias(struct nl_msg *msg, void *arg)
{
	struct alias_search *s = arg;
	struct link link;

	if (!netlink_parse_link(nlmsg_hdr(msg), &link)
		|| strncmp(link.alias, s->prefix, strlen(s->prefix)) != 0
		|| (s->is_whole && link.alias[strlen(s->prefix)] != '\0'))
		return NL_OK;
	if (s->n < s->max)
		s->out[s->n] = link;
	s->n++;
	return NL_OK;
}

int netlink_find_alias(const char *prefix, struct link *out, unsigned max)
{
	struct alias_search s = { .prefix = prefix, .out = out, .max = max };
	int rc = netlink_request_dump(RTM_GETLINK, AF_UNSPEC, match_alias, &s);

	return rc < 0 ? rc : (int)s.n;
}

int netlink_get_alias(const char *alias, struct link *out)
{
	struct alias_search s = { .prefix = alias, .is_whole = true, .out = out, .max = 1 };
	int rc = netlink_request_dump(RTM_GETLINK, AF_UNSPEC, match_alias, &s);

	if (rc < 0)
		return rc;
	return s.n > 0 ? 0 : -ENODEV;
}

static int change_address(int type, int flags, int ifindex, const struct ipaddr *addr, uint8_t len)
{
	bool is_v4 = ip_is_v4(addr);
	const uint8_t *bytes = is_v4 ? addr->b + 12 : addr->b;
	size_t n = is_v4 ? 4 : 16;
	struct ifaddrmsg ifa = {
		.ifa_family = is_v4 ? AF_INET : AF_INET6,
		.ifa_prefixlen = len,
		.ifa_flags = is_v4 ? 0 : IFA_F_NODAD,
		.ifa_index = (uint32_t)ifindex,
	};
	struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_ACK | flags);

	if (msg == NULL)
		return -ENOMEM;
	if (nlmsg_append(msg, &ifa, sizeof(ifa), NLMSG_ALIGNTO) < 0
		|| nla_put(msg, IFA_LOCAL, (int)n, bytes) < 0
		|| nla_put(msg, IFA_ADDRESS, (int)n, bytes) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return netlink_request_run(msg);
}

int netlink_add_address(int ifindex, const struct ipaddr *addr, uint8_t len)
{
	return change_address(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, ifindex, addr, len);
}

int netlink_delete_address(int ifindex, const struct ipaddr *addr, uint8_t len)
{
	return change_address(RTM_DELADDR, 0, ifindex, addr, len);
}

bool netlink_to_ipaddr(const void *bytes, size_t len, struct ipaddr *out)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (len == 16) {
		memcpy(out->b, bytes, 16);
		return true;
	}
	memcpy(out->b, mapped, sizeof(mapped));
	if (len == 4)
		memcpy(out->b + 12, bytes, 4);
	return len == 4;
}

struct address_search {
	int ifindex;
	struct link_address *out;
	unsigned n, max;
};

static int match_address(struct nl_msg *msg, void *arg)
{
	struct address_search *s = arg;
	struct nlattr *attr[IFA_MAX + 1];
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct link_address a;

	if (nlmsg_parse(hdr, sizeof(struct ifaddrmsg), attr, IFA_MAX, NULL) < 0)
		return NL_OK;
	const struct ifaddrmsg *ifa = nlmsg_data(hdr);
	struct nlattr *local = attr[IFA_LOCAL] != NULL ? attr[IFA_LOCAL] : attr[IFA_ADDRESS];

	if (ifa->ifa_scope >= RT_SCOPE_LINK || local == NULL)
		return NL_OK;
	if (s->ifindex != 0 && s->ifindex != (int)ifa->ifa_index)
		return NL_OK;
	a.ifindex = (int)ifa->ifa_index;
	a.net.len = ifa->ifa_prefixlen;
	if (!netlink_to_ipaddr(nla_data(local), (size_t)nla_len(local), &a.net.addr))
		return NL_OK;
	if (s->n < s->max)
		s->out[s->n] = a;
	s->n++;
	return NL_OK;
}

int netlink_addresses(int ifindex, struct link_address *out, unsigned max)
{
	struct address_search s = { .ifindex = ifindex, .out = out, .max = max };
	int rc = netlink_request_dump(RTM_GETADDR, AF_UNSPEC, match_address, &s);

	return rc < 0 ? rc : (int)s.n;
}

struct route_search {
	const struct ipnet *net;
	int but_ifindex;
	char *text;
	size_t size;
	bool has_found;
};

static int match_route(struct nl_msg *msg, void *arg)
{
	struct route_search *s = arg;
	struct nlattr *attr[RTA_MAX + 1];
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	char name[IFNAMSIZ] = "?", dst_text[IPNET_STR_LEN];
	struct ipnet dst;

	if (s->has_found || nlmsg_parse(hdr, sizeof(struct rtmsg), attr, RTA_MAX, NULL) < 0)
		return NL_OK;
	const struct rtmsg *rtm = nlmsg_data(hdr);
	int oif = attr[RTA_OIF] != NULL ? (int)nla_get_u32(attr[RTA_OIF]) : 0;

	/* The local table repeats every address; default routes lead everywhere. */
	if (rtm->rtm_table == RT_TABLE_LOCAL || rtm->rtm_dst_len == 0 || attr[RTA_DST] == NULL
		|| (rtm->rtm_flags & RTM_F_CLONED) != 0 || rtm->rtm_type == RTN_MULTICAST)
		return NL_OK;
	if (s->but_ifindex != 0 && oif == s->but_ifindex)
		return NL_OK;
	/* The way of forwarded packets to a routed subnet: its leg's route is the one that counts. */
	if (attr[RTA_TABLE] != NULL
		&& (nla_get_u32(attr[RTA_TABLE]) & NETLINK_TABLE_MASK) == NETLINK_TABLE_BASE)
		return NL_OK;
	dst.len = rtm->rtm_dst_len;
	if (!netlink_to_ipaddr(nla_data(attr[RTA_DST]), (size_t)nla_len(attr[RTA_DST]), &dst.addr)
		|| ip_is_v4(&dst.addr) != ip_is_v4(&s->net->addr) || !ipnet_overlaps(&dst, s->net))
		return NL_OK;
	if (oif != 0 && if_indextoname((unsigned)oif, name) == NULL)
		snprintf(name, sizeof(name), "if%d", oif);
	snprintf(s->text, s->size, "%s dev %s", ipnet_print(&dst, dst_text), name);
	s->has_found = true;
	return NL_OK;
}

int netlink_find_route(const struct ipnet *net, int but_ifindex, char *text, size_t size)
{
	struct route_search s = { net, but_ifindex, text, size, false };
	int rc = netlink_request_dump(
		RTM_GETROUTE, ip_is_v4(&net->addr) ? AF_INET : AF_INET6, match_route, &s);

	return rc < 0 ? rc : s.has_found;
}

static int sysctl_open(const char *family, const char *ifname, const char *key, int flags)
{
	char path[160];

	/* The kernel turns a dot in a device's name into nothing special here: it is a directory. */
	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, ifname, key);
	int fd = open(path, flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int netlink_sysctl_get(const char *family, const char *ifname, const char *key, int *value)
{
	char text[16] = "";
	int fd = sysctl_open(family, ifname, key, O_RDONLY);

	if (fd < 0)
		return fd;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	int rc = n < 0 ? -errno : 0;

	close(fd);
	if (rc == 0)
		*value = (int)strtol(text, NULL, 10);
	return rc;
}

int netlink_sysctl_set(const char *family, const char *ifname, const char *key, int value)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", value);
	int fd = sysctl_open(family, ifname, key, O_WRONLY);

	if (fd < 0)
		return fd;
	int rc = write(fd, text, (size_t)n) == n ? 0 : -errno;

	close(fd);
	return rc;
}
