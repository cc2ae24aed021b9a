/* SPDX-License-Identifier: Apache-2.0 */
/* oracle.c - let the Linux bridge of the running kernel answer scenarios.
 *
 * Usage: oracle <SCENARIOS >ANSWERS, as root.  It works in a network namespace of its own.
 * From: tests/conformance/scenarios.  To: tests/conformance/golden.
 * Theory: the ports are taps.  What is written to a tap goes through the bridge and into the other
 * taps within the call, so that whatever comes out can be read at once.  A port joins a bridge
 * that is up when it is up itself, and is then in state forwarding from the start.
 * Neutral ground: STP, multicast snooping, IPv6 and br_netfilter's hooks are off.
 * A scenario that this kernel cannot be configured for is answered by "unsupported".
 * Libc only, linked statically: it runs in a guest without libraries.  Thread: one. */
#include "tests/conformance/scenario.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_bridge.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BRIDGE "cbr"
#define VID_N 4095

#ifndef NTF_STICKY
#define NTF_STICKY 0x40
#endif

static int netlink_fd, ioctl_fd;
static int tap_fd[SCENARIO_PORTS_MAX];

struct message {
	struct nlmsghdr h;
	union {
		struct ifinfomsg link;
		struct ndmsg neigh;
		uint8_t room[2048];
	};
};

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void begin(struct message *m, uint16_t type, uint16_t flags, size_t body)
{
	memset(m, 0, sizeof(*m));
	m->h.nlmsg_type = type;
	m->h.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	m->h.nlmsg_len = (uint32_t)NLMSG_LENGTH(body);
}

static struct rtattr *put(struct message *m, uint16_t type, const void *value, size_t len)
{
	struct rtattr *a = (struct rtattr *)(void *)((uint8_t *)m + NLMSG_ALIGN(m->h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(len);
	if (len > 0)
		memcpy(RTA_DATA(a), value, len);
	m->h.nlmsg_len = NLMSG_ALIGN(m->h.nlmsg_len) + (uint32_t)RTA_ALIGN(a->rta_len);
	return a;
}

static void put_u8(struct message *m, uint16_t type, unsigned value)
{
	uint8_t byte = (uint8_t)value;

	put(m, type, &byte, sizeof(byte));
}

static void put_u16(struct message *m, uint16_t type, unsigned value)
{
	uint16_t word = (uint16_t)value;

	put(m, type, &word, sizeof(word));
}

static struct rtattr *nest(struct message *m, uint16_t type)
{
	return put(m, type, NULL, 0);
}

static void nest_end(struct message *m, struct rtattr *a)
{
	a->rta_len = (uint16_t)((uint8_t *)m + m->h.nlmsg_len - (uint8_t *)a);
}

/* Send @m and hear what the kernel says: 0 or -errno. */
static int ask(struct message *m)
{
	static uint32_t seq;
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		uint8_t rest[4096];
	} answer;
	ssize_t n;

	m->h.nlmsg_seq = ++seq;
	if (send(netlink_fd, m, m->h.nlmsg_len, 0) < 0)
		fail("netlink");
	do {
		n = recv(netlink_fd, &answer, sizeof(answer), 0);
		if (n < (ssize_t)(sizeof(answer.h) + sizeof(answer.e.error)))
			fail("netlink");
	} while (answer.h.nlmsg_seq != seq || answer.h.nlmsg_type != NLMSG_ERROR);
	return answer.e.error;
}

static const char *port_name(unsigned port)
{
	static char name[IFNAMSIZ];

	snprintf(name, sizeof(name), "cp%u", port);
	return name;
}

static int index_of(const char *name)
{
	unsigned index = if_nametoindex(name);

	if (index == 0)
		fail(name);
	return (int)index;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return; /* then there is nothing to switch off */
	if (write(fd, text, strlen(text)) < 0)
		fail(path);
	close(fd);
}

static short flags_of(const char *name)
{
	struct ifreq r = { 0 };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (ioctl(ioctl_fd, SIOCGIFFLAGS, &r) < 0)
		fail(name);
	return r.ifr_flags;
}

static void set_up(const char *name, bool is_up)
{
	struct ifreq r = { .ifr_flags = flags_of(name) };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	r.ifr_flags = (short)(is_up ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP);
	if (ioctl(ioctl_fd, SIOCSIFFLAGS, &r) < 0)
		fail(name);
}

static void set_mtu(const char *name, unsigned mtu)
{
	struct ifreq r = { .ifr_mtu = (int)mtu };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (ioctl(ioctl_fd, SIOCSIFMTU, &r) < 0)
		fail("mtu");
}

static void wait_running(const char *name)
{
	for (unsigned i = 0; (flags_of(name) & IFF_RUNNING) == 0; i++) {
		if (i == 10000)
			fail("the tap does not come up");
		usleep(1000);
	}
}

static void make_tap(unsigned port)
{
	struct ifreq r = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	struct ifreq mac = { 0 };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", port_name(port));
	tap_fd[port] = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tap_fd[port] < 0 || ioctl(tap_fd[port], TUNSETIFF, &r) < 0)
		fail("/dev/net/tun");
	memcpy(mac.ifr_name, r.ifr_name, sizeof(mac.ifr_name));
	memcpy(mac.ifr_hwaddr.sa_data, (const uint8_t[6]){ 0x0e, 0, 0, 0, 0, (uint8_t)port }, 6);
	mac.ifr_hwaddr.sa_family = 1; /* ARPHRD_ETHER */
	if (ioctl(ioctl_fd, SIOCSIFHWADDR, &mac) < 0)
		fail("the tap's MAC");
	set_up(port_name(port), true);
	wait_running(port_name(port));
}

static void setup(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		fail("unshare (are you root?)");
	write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	write_file("/proc/sys/net/bridge/bridge-nf-call-iptables", "0");
	write_file("/proc/sys/net/bridge/bridge-nf-call-ip6tables", "0");
	write_file("/proc/sys/net/bridge/bridge-nf-call-arptables", "0");
	netlink_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ioctl_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (netlink_fd < 0 || ioctl_fd < 0)
		fail("socket");
	for (unsigned port = 1; port < SCENARIO_PORTS_MAX; port++)
		make_tap(port);
}

static void put_u64(struct message *m, uint16_t type, uint64_t value)
{
	put(m, type, &value, sizeof(value));
}

/* Times are in hundredths of a second. */
static void put_multicast(struct message *m, const struct scenario *s)
{
	if (s->igmp != 0)
		put_u8(m, IFLA_BR_MCAST_IGMP_VERSION, s->igmp);
	if (s->mld != 0)
		put_u8(m, IFLA_BR_MCAST_MLD_VERSION, s->mld);
	if (s->membership_ms != 0)
		put_u64(m, IFLA_BR_MCAST_MEMBERSHIP_INTVL, s->membership_ms / 10);
	if (s->last_member_ms != 0)
		put_u64(m, IFLA_BR_MCAST_LAST_MEMBER_INTVL, s->last_member_ms / 10);
}

/* The response interval counts only when it was set before. */
static int make_querier(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct rtattr *outer, *inner;
		struct message m;
		int rc;

		begin(&m, RTM_NEWLINK, 0, sizeof(m.link));
		m.link.ifi_index = index_of(BRIDGE);
		outer = nest(&m, IFLA_LINKINFO);
		put(&m, IFLA_INFO_KIND, "bridge", 6);
		inner = nest(&m, IFLA_INFO_DATA);
		if (i == 0)
			put_u64(&m, IFLA_BR_MCAST_QUERY_RESPONSE_INTVL, 10);
		else
			put_u8(&m, IFLA_BR_MCAST_QUERIER, 1);
		nest_end(&m, inner);
		nest_end(&m, outer);
		rc = ask(&m);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int make_bridge(const struct scenario *s)
{
	struct rtattr *outer, *inner;
	struct message m;
	int rc;

	begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(m.link));
	put(&m, IFLA_IFNAME, BRIDGE, sizeof(BRIDGE));
	put(&m, IFLA_ADDRESS, (const uint8_t[6]){ 0x0e, 0, 0, 0, 0, 0xff }, 6);
	outer = nest(&m, IFLA_LINKINFO);
	put(&m, IFLA_INFO_KIND, "bridge", 6);
	inner = nest(&m, IFLA_INFO_DATA);
	put_u8(&m, IFLA_BR_MCAST_SNOOPING, s->is_snooping);
	put_multicast(&m, s);
	if (s->is_ageless) {
		uint32_t never = 0;

		put(&m, IFLA_BR_AGEING_TIME, &never, sizeof(never));
	}
	if (s->fwd != 0)
		put_u16(&m, IFLA_BR_GROUP_FWD_MASK, s->fwd);
	if (s->filtering != 0) {
		put_u16(&m, IFLA_BR_VLAN_PROTOCOL, htons(s->filtering));
		put_u8(&m, IFLA_BR_VLAN_FILTERING, 1);
	}
	nest_end(&m, inner);
	nest_end(&m, outer);
	rc = ask(&m);
	if (rc == 0)
		set_up(BRIDGE, true);
	if (rc == 0 && s->is_querier)
		rc = make_querier();
	return rc;
}

static void delete_bridge(void)
{
	struct message m;

	begin(&m, RTM_DELLINK, 0, sizeof(m.link));
	m.link.ifi_index = index_of(BRIDGE);
	if (ask(&m) < 0)
		fail("the bridge does not go");
}

static int join(unsigned port)
{
	int master = index_of(BRIDGE);
	struct message m;

	begin(&m, RTM_NEWLINK, 0, sizeof(m.link));
	m.link.ifi_index = index_of(port_name(port));
	put(&m, IFLA_MASTER, &master, sizeof(master));
	return ask(&m);
}

static int set_flags(const struct step *st)
{
	static const struct {
		uint32_t word;
		uint16_t type;
		bool is_reverse;
	} flags[] = {
		{ PORT_ISOLATED, IFLA_BRPORT_ISOLATED, false },
		{ PORT_HAIRPIN, IFLA_BRPORT_MODE, false },
		{ PORT_NOFLOOD, IFLA_BRPORT_UNICAST_FLOOD, true },
		{ PORT_NOMCAST, IFLA_BRPORT_MCAST_FLOOD, true },
		{ PORT_NOBCAST, IFLA_BRPORT_BCAST_FLOOD, true },
		{ PORT_NOLEARN, IFLA_BRPORT_LEARNING, true },
		{ PORT_LOCKED, IFLA_BRPORT_LOCKED, false },
		{ PORT_FASTLEAVE, IFLA_BRPORT_FAST_LEAVE, false },
	};
	struct rtattr *outer;
	struct message m;

	begin(&m, RTM_SETLINK, 0, sizeof(m.link));
	m.link.ifi_family = AF_BRIDGE;
	m.link.ifi_index = index_of(port_name(st->port));
	outer = nest(&m, IFLA_PROTINFO | NLA_F_NESTED);
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		put_u8(&m, flags[i].type,
			((st->words & flags[i].word) != 0) != flags[i].is_reverse);
	put_u8(&m, IFLA_BRPORT_MULTICAST_ROUTER, st->router);
	put_u16(&m, IFLA_BRPORT_GROUP_FWD_MASK, st->fwd);
	nest_end(&m, outer);
	return ask(&m);
}

static int change_vlan(unsigned port, uint16_t type, const struct vlan_range *r)
{
	struct bridge_vlan_info v = { .vid = r->first };
	struct rtattr *outer;
	struct message m;

	begin(&m, type, 0, sizeof(m.link));
	m.link.ifi_family = AF_BRIDGE;
	m.link.ifi_index = index_of(port_name(port));
	outer = nest(&m, IFLA_AF_SPEC);
	v.flags = (uint16_t)((r->is_pvid ? BRIDGE_VLAN_INFO_PVID : 0)
		| (r->is_untagged ? BRIDGE_VLAN_INFO_UNTAGGED : 0));
	if (r->last > r->first) {
		v.flags |= BRIDGE_VLAN_INFO_RANGE_BEGIN;
		put(&m, IFLA_BRIDGE_VLAN_INFO, &v, sizeof(v));
		v.flags = (uint16_t)((v.flags & ~BRIDGE_VLAN_INFO_RANGE_BEGIN)
			| BRIDGE_VLAN_INFO_RANGE_END);
		v.vid = r->last;
	}
	put(&m, IFLA_BRIDGE_VLAN_INFO, &v, sizeof(v));
	nest_end(&m, outer);
	return ask(&m);
}

/* VLANs of each port of the bridge: what goes and comes again would lose what it has learned. */
static bool has_vlan[SCENARIO_PORTS_MAX][VID_N];

static int leave_vlans(unsigned port, const bool wanted[VID_N])
{
	bool *has = has_vlan[port];
	int rc = 0;

	for (unsigned vid = 1; rc == 0 && vid < VID_N; vid++) {
		struct vlan_range r = { .first = (uint16_t)vid, .last = (uint16_t)vid };

		if (!has[vid] || wanted[vid])
			continue;
		while (r.last + 1u < VID_N && has[r.last + 1] && !wanted[r.last + 1])
			r.last++;
		rc = change_vlan(port, RTM_DELLINK, &r);
		vid = r.last;
	}
	memcpy(has, wanted, VID_N);
	return rc;
}

static int set_vlans(const struct step *st)
{
	static const struct vlan_range usual
		= { .first = 1, .last = 1, .is_pvid = true, .is_untagged = true };
	const struct vlan_range *range = st->n_ranges > 0 ? st->range : &usual;
	unsigned n = st->n_ranges > 0 ? st->n_ranges : 1;
	bool wanted[VID_N] = { false };
	int rc;

	for (unsigned i = 0; i < n; i++)
		for (unsigned vid = range[i].first; vid <= range[i].last && vid < VID_N; vid++)
			wanted[vid] = true;
	rc = leave_vlans(st->port, wanted);
	for (unsigned i = 0; rc == 0 && i < n; i++)
		rc = change_vlan(st->port, RTM_SETLINK, &range[i]);
	return rc;
}

static int set_port(const struct scenario *s, const struct step *st, bool is_new)
{
	int rc = 0;

	set_mtu(port_name(st->port), st->mtu != 0 ? st->mtu : 1500);
	if (is_new) {
		rc = join(st->port);
		memset(has_vlan[st->port], 0, sizeof(has_vlan[st->port]));
		has_vlan[st->port][1] = true; /* vlan_default_pvid */
	}
	if (rc == 0)
		rc = set_flags(st);
	if (rc == 0 && s->filtering != 0)
		rc = set_vlans(st);
	set_up(port_name(st->port), (st->words & PORT_DOWN) == 0);
	return rc;
}

static int change_entry(const struct step *st)
{
	struct message m;

	if (st->kind == STEP_FDB)
		begin(&m, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, sizeof(m.neigh));
	else
		begin(&m, RTM_DELNEIGH, 0, sizeof(m.neigh));
	m.neigh.ndm_family = AF_BRIDGE;
	m.neigh.ndm_ifindex = index_of(port_name(st->port));
	m.neigh.ndm_state = NUD_NOARP;
	m.neigh.ndm_flags = (uint8_t)(NTF_MASTER | (st->is_sticky ? NTF_STICKY : 0));
	put(&m, NDA_LLADDR, st->mac, 6);
	if (st->vid != 0)
		put_u16(&m, NDA_VLAN, st->vid);
	return ask(&m);
}

static int add_group(const struct step *st)
{
	struct br_mdb_entry entry
		= { .ifindex = (uint32_t)index_of(port_name(st->port)), .state = MDB_PERMANENT };
	char group[SCENARIO_WORDS_LEN], *source;
	struct rtattr *outer;
	struct message m;
	uint8_t addr[16];

	snprintf(group, sizeof(group), "%s", st->text);
	source = strchr(group, ' ');
	if (source != NULL)
		*source++ = '\0';
	if (inet_pton(AF_INET, group, &entry.addr.u.ip4) == 1)
		entry.addr.proto = htons(ETH_P_IP);
	else if (inet_pton(AF_INET6, group, &entry.addr.u.ip6) == 1)
		entry.addr.proto = htons(ETH_P_IPV6);
	else
		return -EINVAL;
	begin(&m, RTM_NEWMDB, NLM_F_CREATE | NLM_F_REPLACE, sizeof(struct br_port_msg));
	((struct br_port_msg *)(void *)&m.link)->family = PF_BRIDGE;
	((struct br_port_msg *)(void *)&m.link)->ifindex = (uint32_t)index_of(BRIDGE);
	put(&m, MDBA_SET_ENTRY, &entry, sizeof(entry));
	if (source != NULL) {
		bool is_v4 = entry.addr.proto == htons(ETH_P_IP);

		if (inet_pton(is_v4 ? AF_INET : AF_INET6, source, addr) != 1)
			return -EINVAL;
		outer = nest(&m, MDBA_SET_ENTRY_ATTRS | NLA_F_NESTED);
		put(&m, MDBE_ATTR_SOURCE, addr, is_v4 ? 4 : 16);
		nest_end(&m, outer);
	}
	return ask(&m);
}

static void hear_all(struct scenario *s)
{
	uint8_t bytes[SCENARIO_FRAME_MAX * 2];

	for (unsigned port = 1; port < SCENARIO_PORTS_MAX; port++) {
		ssize_t n;

		while ((n = read(tap_fd[port], bytes, sizeof(bytes))) > 0)
			scenario_came_out(s, port, bytes, (unsigned)n);
		if (n < 0 && errno != EAGAIN && errno != EIO) /* EIO: the port is down */
			fail("tap");
	}
}

static int carry_out(struct scenario *s)
{
	bool is_port[SCENARIO_PORTS_MAX] = { false };
	uint8_t bytes[SCENARIO_FRAME_MAX];
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < s->n_steps; i++) {
		const struct step *st = &s->step[i];

		if (st->kind == STEP_PORT) {
			rc = set_port(s, st, !is_port[st->port]);
			is_port[st->port] = true;
		} else if (st->kind == STEP_FDB || st->kind == STEP_NO_FDB) {
			rc = change_entry(st);
		} else if (st->kind == STEP_MDB) {
			rc = add_group(st);
		} else if (st->kind == STEP_WAIT) {
			usleep(st->ms * 1000);
		} else {
			unsigned len = scenario_frame(st, bytes);

			if (write(tap_fd[st->port], bytes, len) < 0 && errno != EIO)
				fail("tap");
			hear_all(s);
		}
	}
	return rc;
}

static void restore_ports(void)
{
	for (unsigned port = 1; port < SCENARIO_PORTS_MAX; port++) {
		set_up(port_name(port), true);
		wait_running(port_name(port));
	}
}

int main(void)
{
	static struct scenario s;

	setup();
	while (scenario_read(stdin, &s)) {
		int rc = make_bridge(&s);

		if (rc == 0) {
			rc = carry_out(&s);
			delete_bridge();
			restore_ports();
		}
		if (rc < 0)
			printf("scenario %s\nunsupported: %s\n", s.name, strerror(-rc));
		else
			scenario_print(&s);
	}
	return 0;
}
