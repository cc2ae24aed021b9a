/* SPDX-License-Identifier: Apache-2.0 */
/* dnsmasq_conf.c - what one network's dnsmasq is told.
 * From: dnsmasq.c.  Pure.
 * Theory: the answers are those that libvirt's networks give: IPv4 from ranges (the whole subnet when
 * none is given), IPv6 by router advertisements, with addresses from DHCPv6 where there are ranges
 * and from SLAAC where there are none.  A network with mode isolated announces no default route and
 * resolves no foreign names, so that nothing leaves by DNS.
 * Invariants: every text of the administrator's is checked for characters that could end a line or a
 * word before it is printed.  Thread: the daemon's only one. */
#include "config/dnsmasq.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEASES_MAX 65536

static bool is_plain_text(const char *text)
{
	if (text[0] == '\0' || text[0] == '-')
		return false;
	for (const char *c = text; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && strchr("._-", *c) == NULL)
			return false;
	return true;
}

static bool is_same_ip(const struct ipaddr *a, const struct ipaddr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static const struct ipnet *subnet_of(const struct network_cfg *n, const struct ipaddr *a)
{
	for (unsigned i = 0; i < n->n_subnets; i++)
		if (ip_is_v4(a) == ip_is_v4(&n->subnet[i].addr) && ipnet_contains(&n->subnet[i], a))
			return &n->subnet[i];
	return NULL;
}

static bool has_range_in(const struct network_cfg *n, const struct ipnet *subnet)
{
	for (unsigned i = 0; i < n->n_dhcp_ranges; i++)
		if (subnet_of(n, &n->dhcp_range[i].first) == subnet)
			return true;
	return false;
}

static void print_netmask(FILE *f, uint8_t len)
{
	uint32_t mask = len == 0 ? 0 : UINT32_MAX << (32 - len);

	fprintf(f, "%u.%u.%u.%u", mask >> 24, (mask >> 16) & 255u, (mask >> 8) & 255u, mask & 255u);
}

static void print_range(
	FILE *f, const struct ipnet *subnet, const struct ipaddr *first, const struct ipaddr *last)
{
	char a[IP_STR_LEN], b[IP_STR_LEN];

	fprintf(f, "dhcp-range=%s,%s,", ip_print(first, a), ip_print(last, b));
	if (ip_is_v4(&subnet->addr))
		print_netmask(f, subnet->len);
	else
		fprintf(f, "%u", subnet->len);
	fputc('\n', f);
}

/* All hosts of an IPv4 subnet but the gateway at either end; dnsmasq itself leaves out a gateway
 * that stands in between. */
static void print_whole_subnet(FILE *f, const struct ipnet *subnet, const struct ipaddr *gateway)
{
	uint64_t size = ipnet_size(subnet);
	struct ipaddr first, last;

	if (size < 4 || !ipnet_host(subnet, 1, &first) || !ipnet_host(subnet, size - 2, &last))
		return;
	if (is_same_ip(&first, gateway) && !ipnet_host(subnet, 2, &first))
		return;
	if (is_same_ip(&last, gateway) && !ipnet_host(subnet, size - 3, &last))
		return;
	print_range(f, subnet, &first, &last);
}

static void print_subnet(FILE *f, const struct network_cfg *n, unsigned i)
{
	const struct ipnet *subnet = &n->subnet[i];
	char text[IP_STR_LEN];

	if (has_range_in(n, subnet))
		return;
	if (ip_is_v4(&subnet->addr))
		print_whole_subnet(f, subnet, &n->gateway[i]);
	else if (subnet->len == 64) /* SLAAC, RFC 4862 §5.5.3: interface ids are 64 bits */
		fprintf(f, "dhcp-range=%s,ra-stateless,64\n", ip_print(&n->gateway[i], text));
	else {
		struct ipaddr first, last;
		uint64_t end = MIN(ipnet_size(subnet) - 1, (uint64_t)0xffff);

		if (end > 2 && ipnet_host(subnet, 2, &first) && ipnet_host(subnet, end, &last))
			print_range(f, subnet, &first, &last);
	}
}

static void print_ranges(FILE *f, const struct network_cfg *n)
{
	for (unsigned i = 0; i < n->n_dhcp_ranges; i++) {
		const struct dhcp_range *range = &n->dhcp_range[i];
		const struct ipnet *subnet = subnet_of(n, &range->first);

		if (subnet != NULL)
			print_range(f, subnet, &range->first, &range->last);
	}
	for (unsigned i = 0; i < n->n_subnets; i++)
		print_subnet(f, n, i);
}

static void print_hosts(FILE *f, const struct network_cfg *n)
{
	char mac[MAC_STR_LEN], addr[IP_STR_LEN];

	for (unsigned i = 0; i < n->n_dhcp_hosts; i++) {
		const struct dhcp_host *h = &n->dhcp_host[i];

		fprintf(f, ip_is_v4(&h->addr) ? "dhcp-host=%s,%s" : "dhcp-host=%s,[%s]",
			mac_print(&h->mac, mac), ip_print(&h->addr, addr));
		if (is_plain_text(h->name))
			fprintf(f, ",%s", h->name);
		fputc('\n', f);
	}
}

static void print_options(FILE *f, const struct network_cfg *n, const char *ifname)
{
	bool is_isolated = n->mode == NETWORK_MODE_ISOLATED, has_ip6 = false;
	uint16_t mtu = n->mtu != 0 ? n->mtu : 1500;

	for (unsigned i = 0; i < n->n_subnets; i++)
		has_ip6 = has_ip6 || !ip_is_v4(&n->subnet[i].addr);
	if (is_isolated)
		fprintf(f, "dhcp-option=option:router\n"); /* none */
	if (mtu != 1500)
		fprintf(f, "dhcp-option=option:mtu,%u\n", mtu);
	if (!has_ip6)
		return;
	fprintf(f, "enable-ra\n");
	if (is_isolated) /* router lifetime 0: no default route by us */
		fprintf(f, "ra-param=%s,mtu:%u,0,0\n", ifname, mtu);
	else if (mtu != 1500)
		fprintf(f, "ra-param=%s,mtu:%u,600\n", ifname, mtu);
}

/* A resolver for everything outside that the administrator named, instead of the host's. */
static bool has_own_resolver(const struct network_cfg *n)
{
	for (unsigned i = 0; i < n->dhcp.n_dns_forwarders; i++)
		if (strchr(n->dhcp.dns_forwarder[i], '/') == NULL)
			return true;
	return false;
}

static void print_words(FILE *f, const struct network_cfg *n)
{
	const struct dhcp_words *w = &n->dhcp;

	for (unsigned i = 0; i < w->n_dns_hosts; i++) {
		const char *names = strchr(w->dns_host[i], ',');

		if (dhcp_words_is_dns_host(w->dns_host[i])) /* names first there */
			fprintf(f, "host-record=%s,%.*s\n", names + 1,
				(int)(names - w->dns_host[i]), w->dns_host[i]);
	}
	for (unsigned i = 0; i < w->n_dns_forwarders; i++)
		if (dhcp_words_is_forwarder(w->dns_forwarder[i]))
			fprintf(f, "server=%s%s\n",
				strchr(w->dns_forwarder[i], '/') != NULL ? "/" : "",
				w->dns_forwarder[i]);
	for (unsigned i = 0; i < w->n_options; i++)
		if (dhcp_words_is_option(w->option[i]))
			fprintf(f, "dhcp-option=%s\n", w->option[i]);
	if (w->boot[0] != '\0' && dhcp_words_is_boot(w->boot)) {
		const char *server = strchr(w->boot, ',');
		int len = server != NULL ? (int)(server - w->boot) : (int)strlen(w->boot);

		fprintf(f, "dhcp-boot=%.*s%s%s\n", len, w->boot, server != NULL ? ",," : "",
			server != NULL ? server + 1 : "");
	}
	if (w->tftp_root[0] != '\0' && dhcp_words_is_path(w->tftp_root))
		fprintf(f, "enable-tftp\ntftp-no-fail\ntftp-root=%s\n", w->tftp_root);
}

char *dnsmasq_print_conf(const struct network_cfg *n, const struct dnsmasq_paths *paths)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (f == NULL)
		return NULL;
	fprintf(f, "# Network %s.  Written by saklard; changes are lost.\n", n->name);
	fprintf(f, "interface=%s\nexcept-interface=lo\nbind-dynamic\n", paths->ifname);
	fprintf(f, "pid-file=%s\nuser=%s\n", paths->pidfile, paths->user);
	fprintf(f, "dhcp-leasefile=%s\ndhcp-authoritative\ndhcp-no-override\ndhcp-lease-max=%d\n",
		paths->leases, LEASES_MAX);
	/* Names: our leases; others by the resolvers in our own file, never by the host's files. */
	fprintf(f, "no-hosts\ndomain-needed\nbogus-priv\nexpand-hosts\n");
	if (n->mode == NETWORK_MODE_ISOLATED || has_own_resolver(n))
		fprintf(f, "no-resolv\n");
	else
		fprintf(f, "resolv-file=%s\nstrict-order\n", paths->resolv);
	if (is_plain_text(n->domain))
		fprintf(f, "domain=%s\nlocal=/%s/\n", n->domain, n->domain);
	print_ranges(f, n);
	print_hosts(f, n);
	print_options(f, n, paths->ifname);
	print_words(f, n);
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}

static bool is_own_gateway(const struct model *m, const struct ipaddr *a)
{
	for (unsigned i = 0; i < m->n_networks; i++)
		for (unsigned j = 0; j < m->network[i].n_subnets; j++)
			if (is_same_ip(&m->network[i].gateway[j], a))
				return true;
	return false;
}

char *dnsmasq_print_resolv(const struct model *m, const char *resolv_conf)
{
	char *text = NULL, line[256];
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	FILE *in = fopen(resolv_conf, "re");

	if (out == NULL)
		goto out;
	fprintf(out, "# Written by saklard from %s; changes are lost.\n", resolv_conf);
	while (in != NULL && fgets(line, sizeof(line), in) != NULL) {
		char word[IP_STR_LEN], addr_text[IP_STR_LEN];
		struct ipaddr addr;

		if (sscanf(line, " nameserver %45s", word) == 1 && ip_parse(word, &addr) == 0
			&& !is_own_gateway(m, &addr))
			fprintf(out, "nameserver %s\n", ip_print(&addr, addr_text));
	}
	if (fclose(out) != 0) {
		free(text);
		text = NULL;
	}
out:
	if (in != NULL)
		fclose(in);
	return text;
}
