/* SPDX-License-Identifier: Apache-2.0 */
/* routed_kernel.c - the kernel as libvirt's nftables backend sets it up, in a namespace of our own.
 *
 * From: the programs of this folder.  To: taps, nft, ip.
 * Theory: what is written to a tap is bridged, routed, translated and put into other taps within
 * the call, so that what comes out can be read at once.  What the host itself gets is heard on raw
 * sockets; what the host then answers is left out, as a host stands behind either router.
 * Rules: tables ip and ip6 libvirt_network with the chains guest_cross, guest_input, guest_output in
 * this order, and guest_nat; in each, the networks in the order in which they were started.
 * Thread: one. */
#include "tests/conformance/routed_sides.h"
#include "vswitch/base/check.h"
#include "vswitch/base/netaddr.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const devices[PORT_N] = { "guest", "other", "sibling", "lan" };
static const uint8_t protos4[] = { 1, 6, 17, 47, 132, 253 };
static const uint8_t protos6[] = { 58, 6, 17, 47, 132, 253 };
#define N_RAW (ARRAY_LEN(protos4) + ARRAY_LEN(protos6))

static int tap_fd[PORT_N];
static int raw_fd[N_RAW];

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void set(const char *path, const char *value)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fputs(value, f) == EOF || fclose(f) != 0)
		fail(path);
}

/* Give @text to the program @argv. */
static void feed(const char *const *argv, const char *text)
{
	int ends[2], status;
	pid_t pid;

	if (pipe(ends) < 0 || (pid = fork()) < 0)
		fail("fork");
	if (pid == 0) {
		dup2(ends[0], STDIN_FILENO);
		close(ends[0]);
		close(ends[1]);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(ends[0]);
	for (size_t at = 0, len = strlen(text); at < len;) {
		ssize_t n = write(ends[1], text + at, len - at);

		if (n < 0)
			fail(argv[0]);
		at += (size_t)n;
	}
	close(ends[1]);
	if (waitpid(pid, &status, 0) != pid || status != 0) {
		fprintf(stderr, "%s refuses:\n%s\n", argv[0], text);
		exit(1);
	}
}

static char script[32768];
static size_t script_len;

static void PRINTF_LIKE(1, 2) add(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	script_len += (size_t)vsnprintf(
		script + script_len, sizeof(script) - script_len, format, args);
	va_end(args);
	CHECK(script_len < sizeof(script));
}

static int tap_open(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0)
		fail("tap");
	return fd;
}

static void add_mac(const char *device, const uint8_t *mac)
{
	add("link set %s address %02x:%02x:%02x:%02x:%02x:%02x\n", device, mac[0], mac[1], mac[2],
		mac[3], mac[4], mac[5]);
}

static void add_neigh(const char *device, const char *addr, enum side_port port)
{
	const uint8_t *m = side_mac(port);

	add("neigh replace %s dev %s nud permanent lladdr %02x:%02x:%02x:%02x:%02x:%02x\n", addr,
		device, m[0], m[1], m[2], m[3], m[4], m[5]);
}

static void set_links(const struct net_conf *conf)
{
	static const char *const more[] = { "11", "12" };

	script_len = 0;
	for (unsigned i = 1; i <= 2; i++)
		add("link add br%u type bridge stp_state 0 mcast_snooping 0\n", i);
	add_mac("br1", side_router_mac(PORT_GUEST));
	add_mac("br2", side_router_mac(PORT_SIBLING));
	add_mac("lan", side_router_mac(PORT_LAN));
	add("link set lan mtu %u\n", LAN_MTU);
	add("link set guest master br1\nlink set other master br1\nlink set sibling master br2\n");
	for (unsigned i = 0; i < PORT_N; i++)
		add("link set %s up\n", devices[i]);
	add("link set lo up\nlink set br1 up\nlink set br2 up\n");
	add("addr add 10.0.1.1/24 dev br1\naddr add 10.0.2.1/24 dev br2\n");
	add("addr add " LAN_UP4 "/24 dev lan\naddr add " LAN_UP6 "/64 dev lan nodad\n");
	add("addr add 203.0.113.11/32 dev lan\naddr add 203.0.113.12/32 dev lan\n");
	for (unsigned i = 1; i < conf->n_subnets; i++)
		add("addr add 10.0.%s.1/24 dev br1\n", more[i - 1]);
	if (conf->has_v6)
		add("addr add fd00:1::1/64 dev br1 nodad\naddr add fd00:2::1/64 dev br2 nodad\n");
	add("route add default via 203.0.113.1\nroute add default via 2001:db8:9::1\n");
	for (unsigned i = 0; i < conf->n_subnets; i++) {
		static const char *const nets[] = { "1", "11", "12" };
		char addr[32];

		snprintf(addr, sizeof(addr), "10.0.%s.11", nets[i]);
		add_neigh("br1", addr, PORT_GUEST);
		snprintf(addr, sizeof(addr), "10.0.%s.12", nets[i]);
		add_neigh("br1", addr, PORT_OTHER);
	}
	add_neigh("br2", "10.0.2.14", PORT_SIBLING);
	if (conf->has_v6) {
		add_neigh("br1", "fd00:1::11", PORT_GUEST);
		add_neigh("br1", "fd00:1::12", PORT_OTHER);
		add_neigh("br2", "fd00:2::14", PORT_SIBLING);
	}
	add_neigh("lan", "203.0.113.1", PORT_LAN);
	add_neigh("lan", "203.0.113.7", PORT_LAN);
	add_neigh("lan", "2001:db8:9::1", PORT_LAN);
	add_neigh("lan", "2001:db8:9::7", PORT_LAN);
	feed((const char *const[]){ "ip", "-batch", "-", NULL }, script);
	for (unsigned i = 0; i < 2 && !conf->has_v6;
		i++) /* as libvirt does without an IPv6 subnet */
		set(i == 0 ? "/proc/sys/net/ipv6/conf/br1/disable_ipv6"
			   : "/proc/sys/net/ipv6/conf/br2/disable_ipv6",
			"1");
}

/* The rules of one network for one family and subnet, behind those of the others. */
static void add_filter(const struct net_conf *conf, const char *br, const char *net, bool is_v6)
{
	const char *ip = is_v6 ? "ip6" : "ip", *table = is_v6 ? "ip6" : "ip";
	bool is_nat = conf->mode == NETWORK_MODE_NAT && (!is_v6 || conf->is_nat_ipv6);
	const char *oif = conf->has_dev ? "oifname lan" : "",
		   *iif = conf->has_dev ? "iifname lan" : "";

	if (conf->mode != NETWORK_MODE_NAT && conf->mode != NETWORK_MODE_ROUTED)
		return;
	add("insert rule %s libvirt_network guest_output iifname %s %s saddr %s %s counter "
	    "accept\n",
		table, br, ip, net, oif);
	add("insert rule %s libvirt_network guest_input %s oifname %s %s daddr %s %s counter "
	    "accept\n",
		table, iif, br, ip, net, is_nat ? "ct state related,established" : "");
	if (!is_nat)
		return;
	for (unsigned i = 0; i < 3; i++) {
		static const char *const l4[] = { "meta l4proto tcp", "meta l4proto udp", "" };
		char range[32] = "", how[96];

		if (i < 2)
			snprintf(range, sizeof(range), ":%d-%d",
				conf->port_min != 0 ? conf->port_min : 1024,
				conf->port_max != 0 ? conf->port_max : 65535);
		if (conf->pool_first != NULL && !is_v6)
			snprintf(how, sizeof(how), "snat to %s-%s%s", conf->pool_first,
				conf->pool_last, range);
		else
			snprintf(how, sizeof(how), "masquerade%s%s", i < 2 ? " to " : "", range);
		add("add rule %s libvirt_network guest_nat %s %s saddr %s %s daddr != %s %s "
		    "counter %s\n",
			table, l4[i], ip, net, ip, net, oif, how);
	}
	if (is_v6) {
		add("insert rule ip6 libvirt_network guest_nat ip6 saddr %s ip6 daddr ff02::/16 "
		    "counter "
		    "return\n",
			net);
		return;
	}
	add("insert rule ip libvirt_network guest_nat ip saddr %s ip daddr 255.255.255.255/32 "
	    "counter "
	    "return\n",
		net);
	add("insert rule ip libvirt_network guest_nat ip saddr %s ip daddr 224.0.0.0/24 counter "
	    "return\n",
		net);
}

static void add_general(const char *table, const char *br)
{
	add("add rule %s libvirt_network guest_output iifname %s counter reject\n", table, br);
	add("add rule %s libvirt_network guest_input oifname %s counter reject\n", table, br);
	add("add rule %s libvirt_network guest_cross iifname %s oifname %s counter accept\n", table,
		br, br);
}

static void set_rules(const struct net_conf *conf)
{
	static const struct net_conf sibling = { .mode = NETWORK_MODE_NAT };
	static const char *const subnets[] = { "10.0.1.0/24", "10.0.11.0/24", "10.0.12.0/24" };

	script_len = 0;
	for (unsigned i = 0; i < 2; i++) {
		const char *table = i == 0 ? "ip" : "ip6";

		add("add table %s libvirt_network\n", table);
		add("add chain %s libvirt_network guest_cross\n", table);
		add("add chain %s libvirt_network guest_input\n", table);
		add("add chain %s libvirt_network guest_output\n", table);
		add("add chain %s libvirt_network forward { type filter hook forward priority 0; "
		    "}\n",
			table);
		add("add chain %s libvirt_network guest_nat { type nat hook postrouting priority "
		    "100; }\n",
			table);
		add("add rule %s libvirt_network forward counter jump guest_cross\n", table);
		add("add rule %s libvirt_network forward counter jump guest_input\n", table);
		add("add rule %s libvirt_network forward counter jump guest_output\n", table);
		if (i == 1 && !conf->has_v6)
			continue;
		add_general(table, "br2");
		if (conf->mode != NETWORK_MODE_OPEN)
			add_general(table, "br1");
	}
	add_filter(&sibling, "br2", "10.0.2.0/24", false);
	for (unsigned i = 0; i < MIN(conf->n_subnets, (unsigned)ARRAY_LEN(subnets)); i++)
		add_filter(conf, "br1", subnets[i], false);
	if (conf->has_v6) {
		add_filter(&sibling, "br2", "fd00:2::/64", true);
		add_filter(conf, "br1", "fd00:1::/64", true);
	}
	feed((const char *const[]){ "nft", "-f", "-", NULL }, script);
}

static void set_sysctls(void)
{
	static const char *const lines[][2] = {
		{ "/proc/sys/net/ipv4/ip_forward", "1" },
		{ "/proc/sys/net/ipv6/conf/all/forwarding", "1" },
		{ "/proc/sys/net/ipv4/conf/all/send_redirects", "0" },
		{ "/proc/sys/net/ipv4/conf/default/send_redirects", "0" },
		{ "/proc/sys/net/ipv4/conf/all/rp_filter", "0" },
		{ "/proc/sys/net/ipv4/conf/default/rp_filter", "0" },
		{ "/proc/sys/net/ipv4/icmp_ratemask", "0" },
		{ "/proc/sys/net/ipv6/icmp/ratelimit", "0" },
		{ "/proc/sys/net/ipv6/icmp/ratemask", "200" }, /* the one type that has a limit */
		{ "/proc/sys/net/ipv6/conf/default/addr_gen_mode", "1" },
		{ "/proc/sys/net/ipv6/conf/default/accept_dad", "0" },
		{ "/proc/sys/net/ipv6/conf/default/router_solicitations", "0" },
		{ "/proc/sys/net/bridge/bridge-nf-call-iptables", "0" },
		{ "/proc/sys/net/bridge/bridge-nf-call-ip6tables", "0" },
		{ "/proc/sys/net/bridge/bridge-nf-call-arptables", "0" },
	};

	for (unsigned i = 0; i < ARRAY_LEN(lines); i++)
		set(lines[i][0], lines[i][1]);
}

static void open_raw(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ARRAY_LEN(protos4); i++)
		raw_fd[n++] = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protos4[i]);
	for (unsigned i = 0; i < ARRAY_LEN(protos6); i++)
		raw_fd[n++] = socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protos6[i]);
	for (unsigned i = 0; i < n; i++)
		if (raw_fd[i] < 0)
			fail("raw socket");
}

static void read_taps(struct outcome *out)
{
	uint8_t bytes[OUTCOME_LEN];

	for (unsigned p = 0; p < PORT_N; p++)
		for (;;) {
			ssize_t n = read(tap_fd[p], bytes, sizeof(bytes));

			if (n <= 0)
				break;
			if (!side_is_noise(bytes, (uint32_t)n))
				outcome_add(out, (enum side_port)p, bytes, (uint32_t)n);
		}
}

static void read_raw(struct outcome *out)
{
	uint8_t byte;

	for (unsigned i = 0; i < N_RAW; i++)
		while (recv(raw_fd[i], &byte, 1, MSG_TRUNC) >= 0)
			out->to_host = true;
}

void kernel_ask(enum side_port port, const uint8_t *bytes, uint32_t len, struct outcome *out)
{
	memset(out, 0, sizeof(*out));
	if (write(tap_fd[port], bytes, len) != (ssize_t)len)
		fail("write to a tap");
	read_taps(out);
	read_raw(out);
	if (bytes[0] & 1)
		out->to_host = false; /* of a group: the host may listen or not */
	else if (out->to_host)
		out->n = 0; /* what the host answers is not the router's */
}

/* Let bridges know who is where. */
static void introduce(void)
{
	struct outcome none;

	for (unsigned p = 0; p < PORT_LAN; p++) {
		uint8_t frame[60] = { 255, 255, 255, 255, 255, 255 };

		memcpy(frame + 6, side_mac((enum side_port)p), 6);
		frame[12] = 0x88;
		frame[13] = 0xb5;
		kernel_ask((enum side_port)p, frame, sizeof(frame), &none);
	}
}

void kernel_close(void)
{
	for (unsigned p = 0; p < PORT_N; p++)
		close(tap_fd[p]);
	for (unsigned i = 0; i < N_RAW; i++)
		close(raw_fd[i]);
}

void kernel_open(const struct net_conf *conf)
{
	if (unshare(CLONE_NEWNET) < 0)
		fail("unshare: run this as root");
	set_sysctls();
	for (unsigned p = 0; p < PORT_N; p++)
		tap_fd[p] = tap_open(devices[p]);
	set_links(conf);
	set_rules(conf);
	open_raw();
	introduce();
}
