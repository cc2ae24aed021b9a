/* SPDX-License-Identifier: Apache-2.0 */
/* routed_random.c - random conversations through both routers; the kernel's verdict is the oracle.
 *
 * Usage: routed_random SEED STEPS, as root.  Each step begins a flow, answers one, goes on with it,
 * or complains about it by ICMP; addresses and ports are few, so that flows collide.  What comes
 * out must be the same, and what is answered must reach who asked with what it asked for.
 * From: tests/conformance/test_routed.py.  To: both sides, routed_sides.h.
 * Theory: a port that was taken is replaced by one that each side chooses by itself; should that be
 * one of the few, the two would differ later on without being wrong: both begin anew then.
 * Thread: one. */
#include "tests/conformance/routed_packet.h"
#include "vswitch/base/check.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLOWS_MAX 64
#define ROUND 1000 /* steps with the same network: the clocks of both sides are not the same */
#define FEW_FIRST 1100
#define FEW 24

static const struct net_conf networks[] = {
	{ "nat", NETWORK_MODE_NAT, .n_subnets = 1 },
	{ "nat-many-ips", NETWORK_MODE_NAT, .n_subnets = 3 },
	{ "nat-ipv6", NETWORK_MODE_NAT, .n_subnets = 1, .has_v6 = true },
	{ "nat-ipv6-masquerade", NETWORK_MODE_NAT, .n_subnets = 1, .has_v6 = true,
		.is_nat_ipv6 = true },
	{ "nat-port-range-ipv6", NETWORK_MODE_NAT, .n_subnets = 1, .has_v6 = true,
		.is_nat_ipv6 = true, .port_min = 50000, .port_max = 50200 },
	{ "route", NETWORK_MODE_ROUTED, .n_subnets = 1, .has_v6 = true },
	{ "forward-dev", NETWORK_MODE_NAT, .n_subnets = 1, .has_dev = true },
};

struct flow_pair {
	struct packet sent; /* what the one who began it sends */
	struct out_frame kernel, saklar; /* what came out at the other end */
};

static const struct net_conf *net;
static struct flow_pair flows[FLOWS_MAX];
static unsigned n_flows;
static uint64_t state;
static bool has_few; /* a side chose one of the few ports */

static struct tally {
	const char *rule, *outcome;
	unsigned n;
} tallies[64];
static unsigned n_tallies;

static unsigned dice(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 33) % n;
}

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

static struct ipaddr addr(const char *text)
{
	struct ipaddr a;

	CHECK(ip_parse(text, &a) == 0);
	return a;
}

static struct packet some_packet(void)
{
	static const char *const guests4[] = { "10.0.1.11", "10.0.11.11", "10.0.12.11" };
	static const char *const far4[] = { "198.51.100.7", "198.51.100.8", "203.0.113.7" };
	static const char *const far6[] = { "2001:db8:77::7", "2001:db8:77::8", "2001:db8:9::7" };
	static const uint8_t protos[] = { L4_TCP, L4_UDP, L4_UDP, L4_ICMP };
	bool is_v6 = net->has_v6 && dice(2) == 0, is_in = dice(6) == 0;
	struct ipaddr guest = addr(is_v6 ? "fd00:1::11" : guests4[dice(net->n_subnets)]);
	struct ipaddr far = addr(is_v6 ? far6[dice(3)] : far4[dice(3)]);
	uint8_t proto = protos[dice(4)];
	struct packet p = { .from = is_in ? PORT_LAN : PORT_GUEST,
		.src = is_in ? far : guest,
		.dst = is_in ? guest : far,
		.proto = proto == L4_ICMP && is_v6 ? L4_ICMP6 : proto,
		.sport = (uint16_t)(dice(20) == 0 ? 1 + dice(1023) : FEW_FIRST + dice(FEW)),
		.dport = (uint16_t)(53 + dice(2)),
		.tcp_flags = 2,
		.seq = 1000,
		.icmp_type = is_v6 ? 128 : 8,
		.ttl = (uint8_t)(dice(30) == 0 ? 1 : 64),
		.payload = (uint16_t)dice(1200) };

	if (!is_in && dice(8) == 0) { /* OTHER asks from the same port */
		p.from = PORT_OTHER;
		p.src.b[15]++;
	}
	if (!is_in && !is_v6 && dice(40) == 0)
		p.src.b[14] = 0x99; /* not of the subnet */
	return p;
}

static uint32_t sport_of(const struct out_frame *f)
{
	const uint8_t *ip = f->bytes + 14, *l4 = ip + (ip[0] >> 4 == 6 ? 40 : 20);
	unsigned at = ip[ip[0] >> 4 == 6 ? 6 : 9] == L4_TCP || ip[ip[0] >> 4 == 6 ? 6 : 9] == L4_UDP
		? 0
		: 4;

	return (uint32_t)l4[at] << 8 | l4[at + 1];
}

static bool is_one_of_the_few(uint32_t port)
{
	return port >= FEW_FIRST && port < FEW_FIRST + FEW;
}

/* May the port be any?  Only if both sides have replaced it. */
static unsigned compare_flags(
	const struct packet *p, const struct outcome *k, const struct outcome *s)
{
	uint32_t a, b;

	if (k->n != 1 || s->n != 1 || k->frame[0].port != PORT_LAN)
		return 0;
	a = sport_of(&k->frame[0]);
	b = sport_of(&s->frame[0]);
	if (a == p->sport || b == p->sport)
		return 0;
	has_few = has_few || is_one_of_the_few(a) || is_one_of_the_few(b);
	return COMPARE_FREE_PORT;
}

static struct outcome kernel, saklar;

/* False, and said so: they differ. */
static bool is_same(const char *rule, const uint8_t *sent, uint32_t len, unsigned flags)
{
	const char *differ = outcome_differ(&kernel, &saklar, flags);
	const char *name = outcome_name(&saklar, sent, len);

	tally(rule, name);
	/* goes back by the vif, not by the host's route: docs/differences.md */
	if (differ == NULL
		|| (strcmp(rule, "new, not of NET") == 0
			&& strcmp(outcome_name(&kernel, sent, len), name) == 0))
		return true;
	printf("%s, %s: %s\n", net->name, rule, differ);
	outcome_print("kernel", &kernel);
	outcome_print("saklar", &saklar);
	return false;
}

static bool ask(const char *rule, const struct packet *k, const struct packet *s, bool is_first)
{
	uint8_t bytes[OUTCOME_LEN];
	uint32_t len = packet_build(k, bytes);

	kernel_ask(k->from, bytes, len, &kernel);
	len = packet_build(s, bytes);
	saklar_ask(s->from, bytes, len, &saklar);
	return is_same(rule, bytes, len, is_first ? compare_flags(k, &kernel, &saklar) : 0);
}

static bool begin(void)
{
	struct packet p = some_packet();
	const char *rule = p.from == PORT_LAN ? "new, from the LAN"
		: p.src.b[14] == 0x99         ? "new, not of NET"
					      : "new, of a guest";
	struct flow_pair *f;

	if (!ask(rule, &p, &p, true))
		return false;
	if (kernel.n != 1 || saklar.n != 1 || kernel.frame[0].port == p.from
		|| strcmp(rule, "new, not of NET") == 0)
		return true;
	f = &flows[n_flows < FLOWS_MAX ? n_flows++ : dice(FLOWS_MAX)];
	f->sent = p;
	f->kernel = kernel.frame[0];
	f->saklar = saklar.frame[0];
	return true;
}

static bool answer(const struct flow_pair *f)
{
	struct packet k, s;

	packet_answer(&f->kernel, &k);
	packet_answer(&f->saklar, &s);
	if (!ask("answer", &k, &s, false))
		return false;
	/* un-NAT is the inverse of NAT: who asked sees its own address and port */
	if (saklar.n == 1) {
		struct packet back;

		packet_answer(&saklar.frame[0], &back);
		if (memcmp(&back.src, &f->sent.src, 16) != 0 || back.sport != f->sent.sport) {
			printf("an answer to %u came for %u\n", f->sent.sport, back.sport);
			return false;
		}
	}
	return true;
}

static bool go_on(const struct flow_pair *f)
{
	struct packet p = f->sent;

	p.ttl = 64;
	p.payload = (uint16_t)dice(1200);
	if (p.proto == L4_TCP) {
		p.tcp_flags = 0x10;
		p.seq++;
		p.ack = 77001;
		p.payload = 0;
	}
	return ask("goes on", &p, &p, true);
}

static bool complain(const struct flow_pair *f)
{
	static const uint8_t errors4[][2] = { { 3, 1 }, { 3, 3 }, { 3, 4 }, { 11, 0 }, { 12, 0 } };
	static const uint8_t errors6[][2] = { { 1, 0 }, { 1, 4 }, { 2, 0 }, { 3, 0 }, { 4, 0 } };
	bool is_v6 = !ip_is_v4(&f->sent.src);
	const uint8_t *e = is_v6 ? errors6[dice(5)] : errors4[dice(5)];
	struct ipaddr src = addr(is_v6 ? "2001:db8:9::1" : "203.0.113.1");
	uint8_t bytes[OUTCOME_LEN];
	uint32_t len;

	if (f->kernel.port != PORT_LAN)
		return true;
	len = packet_error(&f->kernel, &src, e[0], e[1], bytes);
	kernel_ask(PORT_LAN, bytes, len, &kernel);
	len = packet_error(&f->saklar, &src, e[0], e[1], bytes);
	saklar_ask(PORT_LAN, bytes, len, &saklar);
	return is_same("related error", bytes, len, 0);
}

static bool step(void)
{
	const struct flow_pair *f = n_flows > 0 ? &flows[dice(n_flows)] : NULL;
	unsigned what = dice(10);

	if (f == NULL || what < 4)
		return begin();
	/* a flow whose answer has not come is not gone on with: Linux would take the ACK for one */
	if (what < 7)
		return answer(f);
	if (what < 9 && f->sent.proto != L4_TCP)
		return go_on(f);
	return complain(f);
}

static void begin_anew(unsigned round)
{
	net = &networks[round % ARRAY_LEN(networks)];
	kernel_open(net);
	saklar_open(net);
	n_flows = 0;
	has_few = false;
}

int main(int argc, char **argv)
{
	unsigned long n_steps = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	unsigned round = 0, of_round = 0;
	bool is_good = true;

	if (n_steps == 0) {
		fprintf(stderr, "usage: routed_random SEED STEPS\n");
		return 2;
	}
	printf("seed %s, %lu steps\n", argv[1], n_steps);
	state = strtoull(argv[1], NULL, 10) * UINT64_C(0x9e3779b97f4a7c15) + 1;
	begin_anew(round++);
	for (unsigned long i = 0; i < n_steps && is_good; i++) {
		is_good = step();
		if (!is_good)
			printf("differs at step %lu\n", i);
		if (++of_round < ROUND && !has_few)
			continue;
		saklar_close();
		kernel_close();
		begin_anew(round++);
		of_round = 0;
	}
	saklar_close();
	kernel_close();
	printf("rule x outcome:\n");
	for (unsigned i = 0; i < n_tallies; i++)
		printf("%-20s %-12s %u\n", tallies[i].rule, tallies[i].outcome, tallies[i].n);
	printf(is_good ? "all the same\n" : "they differ\n");
	return !is_good;
}
