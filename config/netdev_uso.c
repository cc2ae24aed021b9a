/* SPDX-License-Identifier: Apache-2.0 */
/* netdev_uso.c - find the other end of a veth pair and switch one feature of it.
 * From: reconcile_vif.c, undo.c.  To: ethtool ioctls, rtnetlink, netns.c.
 * Theory: a veth tells the index of its peer and, when that is in another namespace, the id that our
 * namespace has for that one.  Ids lead to no namespace by themselves: every namespace with a name is
 * asked for its id.  Those of containers without a name stay unreachable.
 * Thread: the daemon's only one. */
#include "config/netdev_uso.h"

#include "config/netns.h"

#include <dirent.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define FEATURE "tx-udp-segmentation"
#define FEATURES_MAX 1024
#define NETNS_DIR "/run/netns"

bool netdev_uso_is_expressible(const char *release)
{
	char *end;
	unsigned long major = strtoul(release, &end, 10), minor;

	if (*end != '.')
		return false;
	minor = strtoul(end + 1, NULL, 10);
	return major > 6 || (major == 6 && minor >= 2);
}

/* The id that our namespace has for the one of @ns_fd; negative: none, or -errno. */
static int nsid_of(int ns_fd)
{
	struct {
		struct nlmsghdr hdr;
		struct rtgenmsg gen;
		_Alignas(4) struct rtattr attr;
		uint32_t fd;
	} ask = {
		.hdr = { sizeof(ask), RTM_GETNSID, NLM_F_REQUEST, 1, 0 },
		.attr = { RTA_LENGTH(sizeof(uint32_t)), NETNSA_FD },
		.fd = (uint32_t)ns_fd,
	};
	_Alignas(struct nlmsghdr) uint8_t answer[512];
	int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int id = -ENOENT;

	if (sock < 0)
		return -errno;
	ssize_t n
		= send(sock, &ask, sizeof(ask), 0) < 0 ? -1 : recv(sock, answer, sizeof(answer), 0);
	struct nlmsghdr hdr;

	close(sock);
	if (n < (ssize_t)(NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct rtgenmsg))))
		return -EIO;
	memcpy(&hdr, answer, sizeof(hdr));
	if (hdr.nlmsg_type != RTM_NEWNSID)
		return -EIO;
	for (size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct rtgenmsg));
		at + RTA_LENGTH(sizeof(id)) <= (size_t)n;) {
		struct rtattr attr;

		memcpy(&attr, answer + at, sizeof(attr));
		if (attr.rta_type == NETNSA_NSID)
			memcpy(&id, answer + at + RTA_LENGTH(0), sizeof(id));
		at += RTA_ALIGN(MAX(attr.rta_len, (unsigned short)sizeof(attr)));
	}
	return id;
}

/* An fd of the namespace with @nsid; -ENOENT: it has no name. */
static int open_nsid(int nsid)
{
	DIR *dir = opendir(NETNS_DIR);
	int found = -ENOENT;

	if (dir == NULL)
		return -ENOENT;
	for (struct dirent *d = readdir(dir); d != NULL && found < 0; d = readdir(dir)) {
		int fd = d->d_name[0] == '.' ? -1 : netns_open(d->d_name, NULL);

		if (fd >= 0 && nsid_of(fd) == nsid)
			found = fd;
		else if (fd >= 0)
			close(fd);
	}
	closedir(dir);
	return found;
}

static int ethtool(int sock, const char *ifname, void *command)
{
	struct ifreq ifr = { .ifr_data = command };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%.15s", ifname);
	return ioctl(sock, SIOCETHTOOL, &ifr) < 0 ? -errno : 0;
}

/* The number of the feature's bit; the kernel has names for them, not numbers. */
static int feature_bit(int sock, const char *ifname)
{
	struct ethtool_gstrings *strings
		= calloc(1, sizeof(*strings) + (size_t)FEATURES_MAX * ETH_GSTRING_LEN);
	union {
		struct ethtool_sset_info head;
		uint8_t room[sizeof(struct ethtool_sset_info) + sizeof(uint32_t)];
	} count = { .head = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ull << ETH_SS_FEATURES } };
	int rc = strings != NULL ? ethtool(sock, ifname, &count) : -ENOMEM;
	int bit = -EOPNOTSUPP;

	if (rc == 0 && count.head.data[0] <= FEATURES_MAX) {
		strings->cmd = ETHTOOL_GSTRINGS;
		strings->string_set = ETH_SS_FEATURES;
		strings->len = count.head.data[0];
		rc = ethtool(sock, ifname, strings);
	}
	for (uint32_t i = 0; rc == 0 && i < strings->len && i < FEATURES_MAX; i++)
		if (strncmp((const char *)strings->data + (size_t)i * ETH_GSTRING_LEN, FEATURE,
			    ETH_GSTRING_LEN)
			== 0)
			bit = (int)i;
	free(strings);
	return rc < 0 ? rc : bit;
}

/* Read the feature of @ifname, or set it when @value is 0 or 1; in the namespace we are in. */
static int feature(const char *ifname, int value)
{
	union {
		struct ethtool_gfeatures head;
		uint8_t room[sizeof(struct ethtool_gfeatures)
			+ FEATURES_MAX / 32 * sizeof(struct ethtool_get_features_block)];
	} get = { .head = { .cmd = ETHTOOL_GFEATURES, .size = FEATURES_MAX / 32 } };
	union {
		struct ethtool_sfeatures head;
		uint8_t room[sizeof(struct ethtool_sfeatures)
			+ FEATURES_MAX / 32 * sizeof(struct ethtool_set_features_block)];
	} set;
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc = sock < 0 ? -errno : feature_bit(sock, ifname);
	uint32_t word = rc > 0 ? (uint32_t)rc / 32 : 0;
	uint32_t mask = rc > 0 ? 1u << ((uint32_t)rc % 32) : 0;

	if (rc >= 0 && value < 0) {
		rc = ethtool(sock, ifname, &get);
		if (rc == 0)
			rc = (get.head.features[word].active & mask) != 0;
	} else if (rc >= 0) {
		/* The kernel wants exactly its own number of words, which get tells. */
		rc = ethtool(sock, ifname, &get);
		memset(&set, 0, sizeof(set));
		set.head.cmd = ETHTOOL_SFEATURES;
		set.head.size = get.head.size;
		set.head.features[word].valid = mask;
		set.head.features[word].requested = value > 0 ? mask : 0;
		if (rc == 0)
			rc = ethtool(sock, ifname, &set);
	}
	if (sock >= 0)
		close(sock);
	return rc;
}

static int at_peer(const struct link *link, int value)
{
	char ifname[IF_NAMESIZE];
	int ns_fd = -1, home = -1;
	int rc = 0;

	if (strcmp(link->kind, "veth") != 0 || link->peer_ifindex <= 0)
		return -EOPNOTSUPP;
	if (link->has_peer_nsid) {
		ns_fd = open_nsid(link->peer_nsid);
		rc = ns_fd < 0 ? ns_fd : netns_enter(ns_fd, &home);
	}
	if (rc == 0 && if_indextoname((unsigned)link->peer_ifindex, ifname) == NULL)
		rc = -errno;
	if (rc == 0)
		rc = feature(ifname, value);
	if (home >= 0)
		netns_leave(home);
	if (ns_fd >= 0)
		close(ns_fd);
	return rc;
}

int netdev_uso_get(const struct link *link)
{
	return at_peer(link, -1);
}

int netdev_uso_set(const struct link *link, bool is_on)
{
	int rc = at_peer(link, is_on);

	return MIN(rc, 0); /* the kernel tells what it changed besides */
}
