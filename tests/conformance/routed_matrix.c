/* SPDX-License-Identifier: Apache-2.0 */
/* routed_matrix.c - libvirt's eleven networks, each protocol, to everywhere, in both families.
 *
 * Usage: routed_matrix, as root.  Prints what each rule did how often; ends with 1 when the kernel
 * and Saklar differ.
 * From: tests/conformance/test_routed.py.  To: both sides, routed_sides.h.
 * Thread: one. */
#include "tests/conformance/routed_packet.h"
#include "vswitch/base/check.h"

#include <stdio.h>
#include <string.h>

#define FAR4 "198.51.100.7"
#define FAR6 "2001:db8:77::7"

static const struct net_conf networks[] = {
	{ "nat-default", NETWORK_MODE_NAT, .n_subnets = 1 },
	{ "nat-tftp", NETWORK_MODE_NAT, .n_subnets = 1 },
	{ "nat-many-ips", NETWORK_MODE_NAT, .n_subnets = 3 },
	{ "nat-no-dhcp", NETWORK_MODE_NAT, .n_subnets = 1, .has_v6 = true },
	{ "nat-ipv6", NETWORK_MODE_NAT, .n_subnets = 1, .has_v6 = true },
	{ "nat-ipv6-masquerade", NETWORK_MODE_NAT, .n_subnets = 1, .has_v6 = true,
		.is_nat_ipv6 = true },
	{ "nat-port-range", NETWORK_MODE_NAT, .n_subnets = 1, .has_v6 = true, .port_min = 50000,
		.port_max = 50050 },
	{ "nat-port-range-ipv6", NETWORK_MODE_NAT, .n_subnets = 1, .has_v6 = true,
		.is_nat_ipv6 = true, .port_min = 50000, .port_max = 50050 },
	{ "route-default", NETWORK_MODE_ROUTED, .n_subnets = 1, .has_v6 = true },
	{ "nat-pool", NETWORK_MODE_NAT, .n_subnets = 1, .pool_first = "203.0.113.11",
		.pool_last = "203.0.113.12" }, /* beyond the eleven: <nat><address> */
	{ "forward-dev", NETWORK_MODE_NAT, .n_subnets = 1, .has_dev = true },
	{ "isolated", NETWORK_MODE_ISOLATED, .n_subnets = 1, .has_v6 = true },
};

static const struct way {
	const char *name;
	enum side_port from;
	const char *src4, *dst4, *src6, *dst6;
} ways[] = {
	{ "out", PORT_GUEST, "10.0.1.11", FAR4, "fd00:1::11", FAR6 },
	{ "out, to the LAN", PORT_GUEST, "10.0.1.11", "203.0.113.7", "fd00:1::11",
		"2001:db8:9::7" },
	{ "out, second subnet", PORT_GUEST, "10.0.12.11", FAR4, "fd00:1::11", FAR6 },
	{ "out, not of NET", PORT_GUEST, "10.9.9.9", FAR4, "fd00:9::9", FAR6 },
	{ "in", PORT_LAN, FAR4, "10.0.1.11", FAR6, "fd00:1::11" },
	{ "in, of the LAN", PORT_LAN, "203.0.113.7", "10.0.1.11", "2001:db8:9::7", "fd00:1::11" },
	{ "in, to nobody's", PORT_LAN, FAR4, "10.0.77.1", FAR6, "fd00:77::1" },
	{ "same network", PORT_GUEST, "10.0.1.11", "10.0.1.12", "fd00:1::11", "fd00:1::12" },
	{ "host", PORT_GUEST, "10.0.1.11", "10.0.1.1", "fd00:1::11", "fd00:1::1" },
	{ "host, other leg", PORT_GUEST, "10.0.1.11", "10.0.2.1", NULL, NULL },
	{ "sibling", PORT_GUEST, "10.0.1.11", "10.0.2.14", "fd00:1::11", "fd00:2::14" },
	{ "from the sibling", PORT_SIBLING, "10.0.2.14", "10.0.1.11", "fd00:2::14", "fd00:1::11" },
	{ "multicast", PORT_GUEST, "10.0.1.11", "224.0.0.251", "fd00:1::11", "ff02::fb" },
	{ "multicast, wide", PORT_GUEST, "10.0.1.11", "239.1.2.3", "fd00:1::11", "ff05::123" },
	{ "broadcast", PORT_GUEST, "10.0.1.11", "255.255.255.255", NULL, NULL },
	{ "broadcast, directed", PORT_LAN, FAR4, "10.0.1.255", NULL, NULL },
	{ "broadcast, sibling's", PORT_GUEST, "10.0.1.11", "10.0.2.255", NULL, NULL },
};

static const uint8_t protos[] = { L4_TCP, L4_UDP, L4_ICMP, L4_GRE, L4_SCTP, L4_OTHER };
static const char *const proto_names[] = { "tcp", "udp", "icmp", "gre", "sctp", "other" };

static const struct net_conf *net;
static unsigned n_asked, n_bad;

/* The table rule x outcome. */
static struct tally {
	const char *rule, *outcome;
	unsigned n;
} tallies[256];
static unsigned n_tallies;

static void tally(const char *rule, const char *outcome)
{
	unsigned i = 0;

	while (i < n_tallies
		&& (strcmp(tallies[i].rule, rule) != 0 || strcmp(tallies[i].outcome, outcome) != 0))
		i++;
	CHECK(i < ARRAY_LEN(tallies));
	if (i == n_tallies)
		tallies[n_tallies++] = (struct tally){ rule, outcome, 0 };
	tallies[i].n++;
}

/* One question; the answers are both sides'. */
struct asked {
	const char *what, *step;
	unsigned flags; /* enum compare_flag */
	uint8_t sent[OUTCOME_LEN];
	uint32_t len;
	struct outcome kernel, saklar;
};

static bool always(bool)
{
	return net->mode != NETWORK_MODE_ISOLATED;
}

static bool in_both_routed(bool is_v6)
{
	return always(is_v6) && is_v6 && net->has_v6 && !net->is_nat_ipv6;
}

static bool in_routed(bool is_v6)
{
	return !is_v6 && net->mode == NETWORK_MODE_ROUTED;
}

static bool in_nat6(bool is_v6)
{
	return is_v6 && net->is_nat_ipv6;
}

static bool without_v6(bool is_v6)
{
	return is_v6 && !net->has_v6;
}

static bool in_isolated(bool)
{
	return net->mode == NETWORK_MODE_ISOLATED;
}

/* What is not the same on purpose: docs/differences.md. */
static struct known {
	const char *way;
	bool (*applies)(bool is_v6);
	const char *kernel, *saklar; /* outcomes; NULL: the same kind */
	unsigned n;
} knowns[] = {
	/* an error goes back by the vif, not by the route to a source that is not there */
	{ "out, not of NET", always, NULL, NULL, 0 },
	{ "out, second subnet", always, NULL, NULL, 0 },
	/* the LAN is not routed back into itself */
	{ "in, to nobody's", always, "passed", "rejected", 0 },
	{ "in, to nobody's", in_isolated, "passed", "rejected", 0 },
	/* guests' networks do not reach each other */
	{ "sibling", in_both_routed, "passed", "rejected", 0 },
	{ "from the sibling", in_both_routed, "passed", "rejected", 0 },
	{ "from the sibling", in_routed, "translated", "rejected", 0 },
	{ "from the sibling", in_routed, "lost", "rejected", 0 },
	{ "sibling", in_nat6, "translated", "rejected", 0 },
	/* a network without IPv6 is nobody's for the LAN */
	{ "in", without_v6, "passed", "rejected", 0 },
	{ "in, of the LAN", without_v6, "passed", "rejected", 0 },
	/* one association of SCTP between two addresses */
	{ "out, second subnet", always, "translated", "lost", 0 },
	{ "broadcast, directed", in_isolated, "host", "rejected", 0 },
	{ "broadcast, directed", in_isolated, "host", "error", 0 },
	{ "same network", in_isolated, "passed", "host", 0 },
	{ "same network", in_isolated, "error", "host", 0 },
	{ "sibling", in_isolated, "passed", "host", 0 },
	/* what is sent to all of a subnet is the host's on Linux */
	{ "broadcast, directed", always, "host", "lost", 0 },
	{ "broadcast, sibling's", always, "host", "rejected", 0 },
	{ "broadcast, sibling's", always, "host", "error", 0 },
	/* an isolated network has no router: the host leg gets it, and the host's rules reject it */
	{ "out", in_isolated, "rejected", "host", 0 },
	{ "out", in_isolated, "error", "host", 0 },
	{ "out, to the LAN", in_isolated, "rejected", "host", 0 },
	{ "out, to the LAN", in_isolated, "error", "host", 0 },
	{ "out, second subnet", in_isolated, "rejected", "host", 0 },
	{ "out, second subnet", in_isolated, "error", "host", 0 },
	{ "out, not of NET", in_isolated, "rejected", "host", 0 },
	{ "out, not of NET", in_isolated, "error", "host", 0 },
	{ "sibling", in_isolated, "rejected", "host", 0 },
	{ "sibling", in_isolated, "error", "host", 0 },
};

static bool is_known(const struct asked *a, bool is_v6)
{
	const char *k = outcome_name(&a->kernel, a->sent, a->len);
	const char *s = outcome_name(&a->saklar, a->sent, a->len);

	for (unsigned i = 0; i < ARRAY_LEN(knowns); i++) {
		struct known *d = &knowns[i];

		if (strcmp(d->way, a->what) != 0 || !d->applies(is_v6)
			|| (d->kernel != NULL ? strcmp(d->kernel, k) != 0 : strcmp(k, s) != 0)
			|| (d->saklar != NULL && strcmp(d->saklar, s) != 0))
			continue;
		d->n++;
		return true;
	}
	return false;
}

/* A rejected datagram of pieces: the kernel quotes it put together, Saklar its first piece. */
static bool is_rejected_in_pieces(const struct asked *a)
{
	return strcmp(a->step, "fragments") == 0 && a->kernel.n == a->saklar.n
		&& strcmp(outcome_name(&a->kernel, a->sent, a->len), "rejected") == 0
		&& strcmp(outcome_name(&a->saklar, a->sent, a->len), "rejected") == 0;
}

static void judge(struct asked *a, const char *proto, bool is_v6)
{
	const char *differ = outcome_differ(&a->kernel, &a->saklar, a->flags);

	n_asked++;
	if (differ == NULL || is_known(a, is_v6) || is_rejected_in_pieces(a))
		return;
	n_bad++;
	printf("%s: %s, %s, IPv%d, %s: %s (%s, %s)\n", net->name, a->what, proto, is_v6 ? 6 : 4,
		a->step, differ, outcome_name(&a->kernel, a->sent, a->len),
		outcome_name(&a->saklar, a->sent, a->len));
	outcome_print("kernel", &a->kernel);
	outcome_print("saklar", &a->saklar);
	printf("    saklar counts %s\n",
		saklar_why() == DROP_NONE ? "nothing" : drop_reason_texts[saklar_why()].name);
}

static void ask_both(struct asked *a, const struct packet *k, const struct packet *s)
{
	a->len = packet_build(k, a->sent);
	kernel_ask(k->from, a->sent, a->len, &a->kernel);
	a->len = packet_build(s, a->sent);
	saklar_ask(s->from, a->sent, a->len, &a->saklar);
	tally(a->what, outcome_name(&a->saklar, a->sent, a->len));
}

/* Did both let it through to somebody else? */
static bool is_through(const struct asked *a, const struct packet *sent)
{
	const char *k = outcome_name(&a->kernel, a->sent, a->len);
	const char *s = outcome_name(&a->saklar, a->sent, a->len);

	return (strcmp(k, "passed") == 0 || strcmp(k, "translated") == 0) && strcmp(k, s) == 0
		&& a->kernel.frame[0].port != sent->from;
}

/* What comes back: an answer, more of the same, and every error about it. */
static void converse(struct asked *first, const struct packet *sent, const char *proto, bool is_v6)
{
	static struct asked a;
	struct packet k, s;

	if (!is_through(first, sent))
		return;
	packet_answer(&first->kernel.frame[0], &k);
	packet_answer(&first->saklar.frame[0], &s);
	a = (struct asked){ .what = first->what, .step = "answer" };
	ask_both(&a, &k, &s);
	judge(&a, proto, is_v6);
	a.step = "more";
	a.flags = first->flags;
	k = *sent;
	if (k.proto == L4_TCP) {
		k.tcp_flags = 0x10;
		k.seq++;
		k.ack = 77001;
	}
	ask_both(&a, &k, &k);
	judge(&a, proto, is_v6);
	tally(first->what, "answered");
}

static void complain(struct asked *first, const struct packet *sent, const char *proto, bool is_v6)
{
	static const uint8_t errors4[][2] = { { 3, 0 }, { 3, 1 }, { 3, 2 }, { 3, 3 }, { 3, 4 },
		{ 3, 13 }, { 4, 0 }, { 11, 0 }, { 11, 1 }, { 12, 0 } };
	static const uint8_t errors6[][2] = { { 1, 0 }, { 1, 1 }, { 1, 3 }, { 1, 4 }, { 2, 0 },
		{ 3, 0 }, { 3, 1 }, { 4, 0 } };
	unsigned n = is_v6 ? ARRAY_LEN(errors6) : ARRAY_LEN(errors4);
	static struct asked a;
	struct ipaddr src;

	if (!is_through(first, sent) || first->kernel.frame[0].port != PORT_LAN)
		return;
	a = (struct asked){ .what = first->what, .step = "error" };
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *e = is_v6 ? errors6[i] : errors4[i];

		CHECK(ip_parse(is_v6 ? "2001:db8:9::1" : "203.0.113.1", &src) == 0);
		a.len = packet_error(&first->kernel.frame[0], &src, e[0], e[1], a.sent);
		kernel_ask(PORT_LAN, a.sent, a.len, &a.kernel);
		a.len = packet_error(&first->saklar.frame[0], &src, e[0], e[1], a.sent);
		saklar_ask(PORT_LAN, a.sent, a.len, &a.saklar);
		tally("related error", outcome_name(&a.saklar, a.sent, a.len));
		judge(&a, proto, is_v6);
	}
}

/* Does the kernel choose the source port of what @w sends out? */
static bool is_translated(const struct way *w, bool is_v6)
{
	return net->mode == NETWORK_MODE_NAT && (!is_v6 || net->is_nat_ipv6)
		&& strncmp(w->name, "out", 3) == 0;
}

/* Which address of a pool is each side's own choice. */
static unsigned free_addr(const struct way *w, bool is_v6)
{
	return net->pool_first != NULL && is_translated(w, is_v6) ? COMPARE_FREE_ADDR : 0;
}

static void ask_way(const struct way *w, unsigned proto, bool is_v6)
{
	static struct asked a;
	static uint16_t port = 20000;
	bool is_icmp = protos[proto] == L4_ICMP;
	struct packet p = { .from = w->from,
		.proto = is_icmp && is_v6 ? L4_ICMP6 : protos[proto],
		.sport = port++,
		.dport = 7777,
		.tcp_flags = 2,
		.seq = 1000,
		.icmp_type = is_v6 ? 128 : 8,
		.payload = protos[proto] == L4_SCTP ? 0 : 32 };

	if ((is_v6 ? w->src6 : w->src4) == NULL)
		return;
	CHECK(ip_parse(is_v6 ? w->src6 : w->src4, &p.src) == 0);
	CHECK(ip_parse(is_v6 ? w->dst6 : w->dst4, &p.dst) == 0);
	a = (struct asked){ .what = w->name, .step = "first" };
	if (net->port_min != 0 && is_translated(w, is_v6)
		&& (p.proto == L4_TCP || p.proto == L4_UDP))
		a.flags = COMPARE_FREE_PORT;
	a.flags |= free_addr(w, is_v6);
	ask_both(&a, &p, &p);
	judge(&a, proto_names[proto], is_v6);
	converse(&a, &p, proto_names[proto], is_v6);
	complain(&a, &p, proto_names[proto], is_v6);
	a.step = "hop limit";
	p.ttl = 1;
	p.sport = port++;
	ask_both(&a, &p, &p);
	judge(&a, proto_names[proto], is_v6);
	a.step = "privileged";
	p.ttl = 0;
	p.sport = (uint16_t)(200 + port % 512);
	if (is_translated(w, is_v6) && (p.proto == L4_TCP || p.proto == L4_UDP))
		a.flags |= COMPARE_FREE_PORT;
	ask_both(&a, &p, &p);
	judge(&a, proto_names[proto], is_v6);
}

/* Give @all what came of one of several frames. */
static void gather(struct outcome *all, const struct outcome *one)
{
	for (unsigned i = 0; i < one->n; i++)
		outcome_add(all, one->frame[i].port, one->frame[i].bytes, one->frame[i].len);
	all->to_host = all->to_host || one->to_host;
}

/* A datagram in three pieces, in the order of @order; what comes out of all is compared. */
static void ask_pieces(
	struct asked *a, const struct packet *k, const struct packet *s, const uint8_t order[3])
{
	uint8_t frame[OUTCOME_LEN], piece[OUTCOME_LEN];
	struct outcome kernel = { 0 }, saklar = { 0 };
	uint32_t len = packet_build(k, frame), total = len - (frame[14] >> 4 == 6 ? 54 : 34);

	for (unsigned side = 0; side < 2; side++) {
		const struct packet *p = side == 0 ? k : s;

		packet_build(p, frame);
		for (unsigned i = 0; i < 3; i++) {
			uint32_t off = order[i] * 800u;

			len = packet_piece(
				frame, off, MIN(800u, total - off), order[i] == 2, piece);
			if (side == 0)
				kernel_ask(p->from, piece, len, &a->kernel);
			else
				saklar_ask(p->from, piece, len, &a->saklar);
			gather(side == 0 ? &kernel : &saklar, side == 0 ? &a->kernel : &a->saklar);
		}
	}
	a->kernel = kernel;
	a->saklar = saklar;
	memcpy(a->sent, frame, sizeof(frame));
	a->len = len;
	tally(a->what, outcome_name(&a->saklar, a->sent, a->len));
}

static void ask_fragments(const struct way *w, unsigned proto, bool is_v6)
{
	static const uint8_t orders[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 2, 0 } };
	static struct asked a;
	static uint16_t port = 40000;
	bool waits = net->mode == NETWORK_MODE_NAT && (!is_v6 || net->is_nat_ipv6);
	struct packet p = { .from = w->from,
		.proto = protos[proto] == L4_ICMP && is_v6 ? L4_ICMP6 : protos[proto],
		.dport = 7777,
		.icmp_type = is_v6 ? 128 : 8,
		.payload = 2000 };

	CHECK(ip_parse(is_v6 ? w->src6 : w->src4, &p.src) == 0);
	CHECK(ip_parse(is_v6 ? w->dst6 : w->dst4, &p.dst) == 0);
	for (unsigned i = 0; i < (waits ? ARRAY_LEN(orders) : 1); i++) {
		struct packet k, s;

		p.sport = port++;
		a = (struct asked){ .what = w->name, .step = "fragments" };
		a.flags = free_addr(w, is_v6);
		if (net->port_min != 0 && is_translated(w, is_v6) && p.proto == L4_UDP)
			a.flags |= COMPARE_FREE_PORT;
		ask_pieces(&a, &p, &p, orders[i]);
		judge(&a, proto_names[proto], is_v6);
		if (a.kernel.n != 3 || a.saklar.n != 3)
			continue;
		packet_answer_piece(&a.kernel.frame[0], &k);
		packet_answer_piece(&a.saklar.frame[0], &s);
		k.payload = s.payload = 1900;
		a = (struct asked){ .what = w->name, .step = "answer in fragments" };
		ask_pieces(&a, &k, &s, orders[i]);
		judge(&a, proto_names[proto], is_v6);
	}
}

/* Larger than the way out: told so, or cut. */
static void ask_large(const struct way *w, bool is_v6)
{
	static struct asked a;
	struct packet p = { .from = w->from, .proto = L4_UDP, .sport = 3000, .dport = 7777 };

	CHECK(ip_parse(is_v6 ? w->src6 : w->src4, &p.src) == 0);
	CHECK(ip_parse(is_v6 ? w->dst6 : w->dst4, &p.dst) == 0);
	for (unsigned i = 0; i < 4; i++) {
		p.payload = (uint16_t)(i < 2 ? LAN_MTU - (is_v6 ? 48 : 28) : LAN_MTU + 60 - 48);
		p.payload = (uint16_t)(p.payload + (i == 1));
		p.has_df = i < 3;
		a = (struct asked){ .what = w->name, .step = "large" };
		a.flags = free_addr(w, is_v6);
		if (net->port_min != 0 && is_translated(w, is_v6))
			a.flags |= COMPARE_FREE_PORT;
		ask_both(&a, &p, &p);
		judge(&a, "udp", is_v6);
	}
}

static void print_known(void)
{
	printf("differences that docs/differences.md names:\n");
	for (unsigned i = 0; i < ARRAY_LEN(knowns); i++) {
		const struct known *d = &knowns[i];

		printf("%-22s kernel %s, saklar %s: %u\n", d->way,
			d->kernel != NULL ? d->kernel : "as saklar",
			d->saklar != NULL ? d->saklar : "by the vif", d->n);
	}
}

static void print_table(void)
{
	printf("rule x outcome:\n");
	for (unsigned i = 0; i < ARRAY_LEN(ways) + 1; i++) {
		const char *rule = i < ARRAY_LEN(ways) ? ways[i].name : "related error";

		printf("%-22s", rule);
		for (unsigned k = 0; k < n_tallies; k++)
			if (strcmp(tallies[k].rule, rule) == 0)
				printf(" %s %u", tallies[k].outcome, tallies[k].n);
		printf("\n");
	}
}

static void ask_pieces_of_all(void)
{
	static const unsigned which[] = { 1, 2, 5 }; /* udp, icmp, other */

	for (unsigned v6 = 0; v6 < (net->has_v6 ? 2 : 1); v6++) {
		for (unsigned i = 0; i < ARRAY_LEN(which); i++) {
			ask_fragments(&ways[0], which[i], v6 != 0);
			ask_fragments(&ways[4], which[i], v6 != 0);
		}
		ask_large(&ways[0], v6 != 0);
	}
}

int main(int argc, char **argv)
{
	for (unsigned i = 0; i < ARRAY_LEN(networks); i++) {
		net = &networks[i];
		if (argc > 1 && strcmp(argv[1], net->name) != 0)
			continue;
		kernel_open(net);
		saklar_open(net);
		for (unsigned w = 0; w < ARRAY_LEN(ways); w++)
			for (unsigned p = 0; p < ARRAY_LEN(protos); p++)
				for (unsigned v6 = 0; v6 < 2; v6++)
					ask_way(&ways[w], p, v6 != 0);
		if (net->mode != NETWORK_MODE_ISOLATED)
			ask_pieces_of_all();
		saklar_close();
		kernel_close();
	}
	print_table();
	print_known();
	printf("%u questions, %u answered differently\n", n_asked, n_bad);
	return n_bad != 0;
}
