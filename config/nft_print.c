/* SPDX-License-Identifier: Apache-2.0 */
/* nft_print.c - the text of our nftables table.
 * From: nft.c.  Pure.
 * Theory: forwarding from or to a leg is rejected, so that neither the LAN nor another network gets
 * in or out through the host; what comes in from a leg of a bridge or isolated network may reach that
 * leg's own gateway addresses only.  Rejects, not drops, as libvirt does.  A transit carries what its
 * network's mode lets through: of mode nat one address that the host masquerades, and back only what
 * belongs to a connection or a forward; of mode routed its subnets; of mode open anything.
 * Devices are named by ifindex: a rename opens nothing.  Verdicts of ours end our chain only, so an
 * accept never overrules somebody else's drop.  Thread: the daemon's only one. */
#include "config/actual.h"
#include "config/nft.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#define REJECT "counter reject with icmpx admin-prohibited"
#define REJECT_PORT "counter reject with icmpx port-unreachable"

/* A set of addresses or nets of one family, as it is printed. */
struct list {
	FILE *f;
	unsigned n;
};

static void list_add(struct list *l, const char *text)
{
	fprintf(l->f, "%s%s", l->n++ > 0 ? ", " : "{ ", text);
}

static void add_subnets(struct list *l, const struct network_cfg *n, bool is_v4)
{
	char text[IPNET_STR_LEN];

	for (unsigned i = 0; i < n->n_subnets; i++)
		if (ip_is_v4(&n->subnet[i].addr) == is_v4)
			list_add(l, ipnet_print(&n->subnet[i], text));
}

/* What a guest may say to the host through its own leg: the gateways, and what is addressed to
 * everybody on the link. */
static void print_closed_input(FILE *f, const struct nft_leg *leg)
{
	const struct network_cfg *n = leg->network;
	char text[IP_STR_LEN];

	fprintf(f, "\t\tiif %d ip daddr { 255.255.255.255, 224.0.0.0/4", leg->ifindex);
	for (unsigned i = 0; i < n->n_subnets; i++) {
		struct ipaddr last;

		if (!ip_is_v4(&n->subnet[i].addr))
			continue;
		fprintf(f, ", %s", ip_print(&n->gateway[i], text));
		if (n->subnet[i].len < 31
			&& ipnet_host(&n->subnet[i], ipnet_size(&n->subnet[i]) - 1, &last))
			fprintf(f, ", %s", ip_print(&last, text));
	}
	fprintf(f, " } accept\n\t\tiif %d ip6 daddr { fe80::/10, ff00::/8", leg->ifindex);
	for (unsigned i = 0; i < n->n_subnets; i++)
		if (!ip_is_v4(&n->subnet[i].addr))
			fprintf(f, ", %s", ip_print(&n->gateway[i], text));
	fprintf(f, " } accept\n\t\tiif %d " REJECT "\n", leg->ifindex);
}

/* Guests that lead out reach whatever address the host has, but for those towards other guests. */
static void print_open_input(FILE *f, const struct nft_leg *leg, const struct model *m, bool is_v4)
{
	struct list others = { .f = f };
	bool has_others = false;

	for (unsigned i = 0; i < m->n_networks; i++)
		has_others = has_others
			|| (m->network[i].id != leg->network->id
				&& network_has_family(&m->network[i], is_v4));
	if (!has_others)
		return;
	fprintf(f, "\t\tiif %d %s daddr ", leg->ifindex, is_v4 ? "ip" : "ip6");
	for (unsigned i = 0; i < m->n_networks; i++)
		if (m->network[i].id != leg->network->id)
			add_subnets(&others, &m->network[i], is_v4);
	fprintf(f, " } " REJECT_PORT "\n");
}

static void print_input(FILE *f, const struct nft_leg *leg, const struct model *m)
{
	if (!network_is_routed(leg->network)) {
		print_closed_input(f, leg);
		return;
	}
	print_open_input(f, leg, m, true);
	print_open_input(f, leg, m, false);
	if (leg->transit_ifindex != 0)
		fprintf(f,
			"\t\tiif %d ct state established,related accept\n"
			"\t\tiif %d icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } "
			"accept\n\t\tiif %d " REJECT_PORT "\n",
			leg->transit_ifindex, leg->transit_ifindex, leg->transit_ifindex);
}

static bool has_forwards(const struct nft_leg *leg, const struct model *m)
{
	for (unsigned i = 0; i < m->n_forwards; i++)
		if (m->forward[i].network_id == leg->network->id)
			return leg->transit_ifindex != 0;
	return false;
}

static bool is_translated(const struct network_cfg *n, bool is_v4)
{
	return n->mode == NETWORK_MODE_NAT && (is_v4 || n->is_nat_ipv6);
}

/* Addresses of the network's own behind its transit, one family. */
static void print_own(FILE *f, const struct nft_leg *leg, bool is_v4)
{
	struct list own = { .f = f };
	char text[IP_STR_LEN];

	list_add(&own, ip_print(is_v4 ? &leg->transit->router4 : &leg->transit->router6, text));
	if (!is_translated(leg->network, is_v4))
		add_subnets(&own, leg->network, is_v4);
	fprintf(f, " }");
}

static void print_transit_forward(FILE *f, const struct nft_leg *leg, bool is_v4)
{
	const char *family = is_v4 ? "ip" : "ip6";
	const char *nfproto = is_v4 ? "ipv4" : "ipv6";
	int ifindex = leg->transit_ifindex;

	fprintf(f, "\t\tiif %d %s saddr != ", ifindex, family);
	print_own(f, leg, is_v4);
	fprintf(f, " " REJECT_PORT "\n");
	if (is_translated(leg->network, is_v4)) {
		fprintf(f,
			"\t\toif %d meta nfproto %s ct state { new, invalid, untracked } "
			"ct status & dnat == 0 " REJECT_PORT "\n",
			ifindex, nfproto);
		return;
	}
	fprintf(f, "\t\toif %d %s daddr != ", ifindex, family);
	print_own(f, leg, is_v4);
	fprintf(f, " " REJECT_PORT "\n");
}

static void print_forward_chain(
	FILE *f, const struct nft_leg *legs, unsigned n, const struct model *m)
{
	fprintf(f,
		"\tchain forward {\n"
		"\t\ttype filter hook forward priority -10; policy accept;\n");
	/* A guest that uses a forwarded port of the host's address comes by its leg. */
	for (unsigned i = 0; i < n; i++)
		if (has_forwards(&legs[i], m))
			fprintf(f,
				"\t\tiif %d oif %d ct status dnat accept\n"
				"\t\tiif %d oif %d ct status dnat accept\n",
				legs[i].ifindex, legs[i].transit_ifindex, legs[i].transit_ifindex,
				legs[i].ifindex);
	/* libvirt's guest_cross: from guest to guest by way of the gateway. */
	for (unsigned i = 0; i < n; i++)
		fprintf(f, "\t\tiif %d oif %d accept\n", legs[i].ifindex, legs[i].ifindex);
	for (unsigned i = 0; i < n; i++)
		fprintf(f, "\t\tiif %d " REJECT_PORT "\n\t\toif %d " REJECT_PORT "\n",
			legs[i].ifindex, legs[i].ifindex);
	for (unsigned i = 0; i < n; i++) {
		if (legs[i].transit_ifindex == 0 || legs[i].network->mode == NETWORK_MODE_OPEN)
			continue;
		print_transit_forward(f, &legs[i], true);
		print_transit_forward(f, &legs[i], false);
	}
	fprintf(f, "\t}\n");
}

/* One forward as a DNAT rule; @scope says to which of the host's addresses. */
static void print_dnat(
	FILE *f, const struct nft_leg *leg, const struct forward_cfg *fw, const char *scope)
{
	bool is_v4 = ip_is_v4(&fw->address);
	char text[IP_STR_LEN], ports[16];

	if (fw->last_port > fw->port)
		snprintf(ports, sizeof(ports), "%d-%d", fw->port, fw->last_port);
	else
		snprintf(ports, sizeof(ports), "%d", fw->port);
	fprintf(f, "\t\tmeta nfproto %s %s%s dport %s fib daddr type local counter dnat %s to %s\n",
		is_v4 ? "ipv4" : "ipv6", is_v4 ? scope : "",
		fw->proto == IPPROTO_TCP ? "tcp" : "udp", ports, is_v4 ? "ip" : "ip6",
		ip_print(is_v4 ? &leg->transit->router4 : &leg->transit->router6, text));
}

static void print_dnat_chain(FILE *f, const struct nft_leg *legs, unsigned n, const struct model *m,
	const char *hook, const char *scope)
{
	fprintf(f, "\tchain %s {\n\t\ttype nat hook %s priority -100; policy accept;\n", hook,
		hook);
	for (unsigned i = 0; i < m->n_forwards; i++)
		for (unsigned j = 0; j < n; j++)
			if (legs[j].transit_ifindex != 0
				&& legs[j].network->id == m->forward[i].network_id)
				print_dnat(f, &legs[j], &m->forward[i], scope);
	fprintf(f, "\t}\n");
}

static void print_masquerade(FILE *f, const struct nft_leg *leg, bool is_v4)
{
	const char *family = is_v4 ? "ip" : "ip6";
	struct list own = { .f = f };
	char text[IP_STR_LEN];

	if (!is_translated(leg->network, is_v4) || !network_has_family(leg->network, is_v4))
		return;
	/* Back to a guest, or to the host itself, an answer must come by the transit again. */
	fprintf(f, "\t\toif %d %s saddr ", leg->transit_ifindex, family);
	add_subnets(&own, leg->network, is_v4);
	fprintf(f, " } ct status dnat counter masquerade\n");
	fprintf(f,
		"\t\toif %d meta nfproto %s fib saddr type local ct status dnat counter "
		"masquerade\n",
		leg->transit_ifindex, is_v4 ? "ipv4" : "ipv6");
	fprintf(f, "\t\toif != %d %s saddr %s counter masquerade\n", leg->transit_ifindex, family,
		ip_print(is_v4 ? &leg->transit->router4 : &leg->transit->router6, text));
}

static void print_nat(FILE *f, const struct nft_leg *legs, unsigned n, const struct model *m)
{
	bool has_transit = false;

	for (unsigned i = 0; i < n; i++)
		has_transit = has_transit
			|| (legs[i].transit_ifindex != 0
				&& legs[i].network->mode == NETWORK_MODE_NAT);
	if (!has_transit)
		return;
	print_dnat_chain(f, legs, n, m, "prerouting", "");
	/* Loopback addresses never leave the host. */
	print_dnat_chain(f, legs, n, m, "output", "ip daddr != 127.0.0.0/8 ");
	fprintf(f,
		"\tchain postrouting {\n"
		"\t\ttype nat hook postrouting priority 100; policy accept;\n");
	for (unsigned i = 0; i < n; i++) {
		if (legs[i].transit_ifindex == 0)
			continue;
		print_masquerade(f, &legs[i], true);
		print_masquerade(f, &legs[i], false);
	}
	fprintf(f, "\t}\n");
}

char *nft_print(const char *table, const struct nft_leg *legs, unsigned n, const struct model *m)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (f == NULL)
		return NULL;
	/* Declared first, so that deleting it cannot fail. */
	fprintf(f, "table inet %s\ndelete table inet %s\n", table, table);
	if (n > 0) {
		fprintf(f, "table inet %s {\n", table);
		print_forward_chain(f, legs, n, m);
		fprintf(f,
			"\tchain input {\n"
			"\t\ttype filter hook input priority -10; policy accept;\n");
		for (unsigned i = 0; i < n; i++)
			print_input(f, &legs[i], m);
		fprintf(f, "\t}\n");
		print_nat(f, legs, n, m);
		fprintf(f, "}\n");
	}
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}
