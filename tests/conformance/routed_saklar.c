/* SPDX-License-Identifier: Apache-2.0 */
/* routed_saklar.c - Saklar's dataplane as the other side of the comparison, with mem vifs.
 *
 * From: the programs of this folder.  To: tests/lib/bed.c.
 * Theory: profile plain and a clock that each question puts on, so that no limit of ICMP errors
 * counts, as on the kernel's side.  What comes out at a host leg is what the host itself gets.
 * Thread: one. */
#include "tests/conformance/routed_sides.h"
#include "vswitch/base/check.h"
#include "vswitch/base/clock.h"
#include "vswitch/base/netaddr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UPLINK 9
#define LEG1 3
#define LEG2 8
#define STEP_NS (10 * NS_PER_MS)
#define RENEW_EVERY 500

const char *const side_port_names[PORT_N] = { "guest", "other", "sibling", "lan" };
static const uint16_t vif_of[PORT_N] = { 1, 2, 4, 6 };
static struct bed *bed;
static unsigned n_asked;
static struct net_conf now;

const uint8_t *side_mac(enum side_port port)
{
	static const uint8_t macs[PORT_N][6] = { { 2, 0, 0, 0, 0, 1 }, { 2, 0, 0, 0, 0, 2 },
		{ 2, 0, 0, 0, 0, 4 }, { 2, 0, 0, 0, 0, 6 } };

	return macs[port];
}

const uint8_t *side_router_mac(enum side_port port)
{
	static const uint8_t macs[3][6] = { { 2, 0, 0, 0, 0, LEG1 }, { 2, 0, 0, 0, 0, LEG2 },
		{ 2, 0, 0, 0, 0, 0xf0 + UPLINK } };

	return macs[port == PORT_LAN ? 2 : port == PORT_SIBLING];
}

bool side_is_noise(const uint8_t *b, uint32_t len)
{
	unsigned type = len >= 14 ? (unsigned)(b[12] << 8 | b[13]) : 0;

	if (type == 0x0806)
		return true;
	if (type == 0x0800 && len >= 34)
		return b[23] == 2; /* IGMP */
	if (type != 0x86dd || len < 62)
		return false;
	if (b[20] == 0) /* hop-by-hop: MLD */
		return b[54] == 58;
	return b[20] == 58 && b[54] >= 133 && b[54] <= 137;
}

void outcome_add(struct outcome *o, enum side_port port, const uint8_t *bytes, uint32_t len)
{
	unsigned i = o->n;

	CHECK(o->n < OUTCOME_MAX && len <= OUTCOME_LEN);
	for (; i > 0 && o->frame[i - 1].port > port; i--)
		o->frame[i] = o->frame[i - 1];
	o->frame[i].port = port;
	o->frame[i].len = len;
	memcpy(o->frame[i].bytes, bytes, len);
	o->n++;
}

static void know(uint16_t network_id, const char *addr, enum side_port port)
{
	struct neigh_who who = { .network_id = network_id };
	struct ipaddr a;

	CHECK(ip_parse(addr, &a) == 0);
	memcpy(who.addr, a.b, 16);
	neigh_heard(pipeline_neigh(bed->pipeline), &who, side_mac(port),
		NEIGH_MAY_ADD | NEIGH_CONFIRMS, bed->io.now_ns);
}

static void know_all(void)
{
	static const char *const guests[][2] = { { "10.0.1.11", "10.0.1.12" },
		{ "10.0.11.11", "10.0.11.12" }, { "10.0.12.11", "10.0.12.12" } };

	for (unsigned i = 0; i < MIN(now.n_subnets, (unsigned)ARRAY_LEN(guests)); i++) {
		know(1, guests[i][0], PORT_GUEST);
		know(1, guests[i][1], PORT_OTHER);
	}
	know(2, "10.0.2.14", PORT_SIBLING);
	know(1, "fd00:1::11", PORT_GUEST);
	know(1, "fd00:1::12", PORT_OTHER);
	know(2, "fd00:2::14", PORT_SIBLING);
	know(UPLINK, "203.0.113.1", PORT_LAN);
	know(UPLINK, "203.0.113.7", PORT_LAN);
	know(UPLINK, "2001:db8:9::1", PORT_LAN);
	know(UPLINK, "2001:db8:9::7", PORT_LAN);
}

static void subnet(uint16_t id, const char *gateway, bool has_router)
{
	if (!has_router)
		return;
	bed_addr(bed, id, gateway);
	bed_route(bed, id, gateway, id, NULL);
	bed_route(bed, UPLINK, gateway, id, NULL);
}

static enum snap_policy policy_of(enum network_mode mode)
{
	if (mode == NETWORK_MODE_NAT)
		return SNAP_POLICY_NAT;
	return mode == NETWORK_MODE_ROUTED ? SNAP_POLICY_ROUTED : SNAP_POLICY_OPEN;
}

static void describe_guests(const struct net_conf *conf)
{
	static const char *const gateways[] = { "10.0.1.1/24", "10.0.11.1/24", "10.0.12.1/24" };
	bool has_router = conf->mode != NETWORK_MODE_ISOLATED;
	struct snap_router *r;

	bed_network(bed, 1)->mode = (uint8_t)conf->mode;
	bed_port(bed, vif_of[PORT_GUEST], 1);
	bed_port(bed, vif_of[PORT_OTHER], 1);
	bed_port(bed, LEG1, 1);
	bed_leg(bed, LEG1);
	if (has_router) {
		r = bed_router(bed, 1, policy_of(conf->mode), UPLINK);
		if (conf->mode == NETWORK_MODE_NAT)
			r->flags = (uint8_t)(SNAP_ROUTER_NAT4
				| (conf->is_nat_ipv6 ? SNAP_ROUTER_NAT6 : 0));
		r->port_min = conf->port_min;
		r->port_max = conf->port_max;
		bed_route(bed, 1, "0.0.0.0/0", UPLINK, "203.0.113.1");
		bed_route(bed, 1, "203.0.113.0/24", UPLINK, NULL);
		bed_route(bed, 1, "::/0", UPLINK, "2001:db8:9::1");
		bed_route(bed, 1, "2001:db8:9::/64", UPLINK, NULL);
	}
	for (unsigned i = 0; i < MIN(conf->n_subnets, (unsigned)ARRAY_LEN(gateways)); i++)
		subnet(1, gateways[i], has_router);
	if (conf->has_v6)
		subnet(1, "fd00:1::1/64", has_router);
}

static void describe_sibling(const struct net_conf *conf)
{
	bed_network(bed, 2)->mode = NETWORK_MODE_NAT;
	bed_port(bed, vif_of[PORT_SIBLING], 2);
	bed_port(bed, LEG2, 2);
	bed_leg(bed, LEG2);
	bed_router(bed, 2, SNAP_POLICY_NAT, UPLINK)->flags = SNAP_ROUTER_NAT4;
	bed_route(bed, 2, "0.0.0.0/0", UPLINK, "203.0.113.1");
	bed_route(bed, 2, "::/0", UPLINK, "2001:db8:9::1");
	subnet(2, "10.0.2.1/24", true);
	if (conf->has_v6)
		subnet(2, "fd00:2::1/64", true);
	if (conf->mode != NETWORK_MODE_ISOLATED)
		return;
	bed_route(bed, 2, "10.0.1.0/24", NETWORK_ID_NONE, NULL)->kind = SNAP_ROUTE_REJECT;
	bed_route(bed, 2, "fd00:1::/64", NETWORK_ID_NONE, NULL)->kind = SNAP_ROUTE_REJECT;
}

static void describe_uplink(void)
{
	bed_network(bed, UPLINK);
	bed_port(bed, vif_of[PORT_LAN], UPLINK);
	bed_router(bed, UPLINK, SNAP_POLICY_UPLINK, 0)->mtu = LAN_MTU;
	bed_addr(bed, UPLINK, LAN_UP4 "/24");
	bed_addr(bed, UPLINK, LAN_UP6 "/64");
	if (now.pool_first != NULL) {
		struct snap_addr *a = &bed->addr[bed->n_addrs];

		bed_addr(bed, 1, "203.0.113.11/32");
		a->kind = SNAP_ADDR_POOL;
		a->count = 2;
		a->len = 0;
	}
	bed_route(bed, UPLINK, "203.0.113.0/24", UPLINK, NULL);
	bed_route(bed, UPLINK, "2001:db8:9::/64", UPLINK, NULL);
	bed_route(bed, UPLINK, "0.0.0.0/0", UPLINK, "203.0.113.1");
	bed_route(bed, UPLINK, "::/0", UPLINK, "2001:db8:9::1");
}

static void read_vifs(const uint8_t *bytes, struct outcome *out)
{
	struct mem_frame f;

	for (unsigned p = 0; p < PORT_N; p++)
		while (vif_mem_take(bed->vif[vif_of[p]], &f)) {
			if (!side_is_noise(f.bytes, f.len))
				outcome_add(out, (enum side_port)p, f.bytes, f.len);
			free(f.bytes);
		}
	for (unsigned i = 0; i < 2; i++)
		while (vif_mem_take(bed->vif[i == 0 ? LEG1 : LEG2], &f)) {
			out->to_host = (bytes[0] & 1) == 0;
			free(f.bytes);
		}
}

void saklar_ask(enum side_port port, const uint8_t *bytes, uint32_t len, struct outcome *out)
{
	static struct frame f;

	memset(out, 0, sizeof(*out));
	if (n_asked++ % RENEW_EVERY == 0)
		know_all();
	memset(bed->io.vif_counters, 0, VIF_ID_MAX * sizeof(struct vif_counters));
	memset(&f.offload, 0, sizeof(f.offload));
	memcpy(f.bytes, bytes, len);
	f.len = len;
	bed_step(bed, vif_of[port], &f);
	read_vifs(bytes, out);
	bed_warp(bed, STEP_NS);
}

enum drop_reason saklar_why(void)
{
	for (unsigned v = 0; v < VIF_ID_MAX; v++)
		for (unsigned r = 1; r < DROP_N; r++)
			if (bed->io.vif_counters[v].drops[r] != 0)
				return (enum drop_reason)r;
	return DROP_NONE;
}

static void introduce(void)
{
	struct outcome none;

	for (unsigned p = 0; p < PORT_N; p++) {
		uint8_t frame[60] = { 255, 255, 255, 255, 255, 255 };

		memcpy(frame + 6, side_mac((enum side_port)p), 6);
		frame[12] = 0x88;
		frame[13] = 0xb5;
		saklar_ask((enum side_port)p, frame, sizeof(frame), &none);
	}
}

void saklar_close(void)
{
	bed_destroy(bed);
}

void saklar_open(const struct net_conf *conf)
{
	now = *conf;
	n_asked = 0;
	bed = bed_create(1);
	describe_guests(conf);
	describe_sibling(conf);
	describe_uplink();
	bed_addr(bed, 0, "10.0.2.1/32"); /* legs are the host's own */
	bed_addr(bed, 0, "10.0.1.1/32");
	bed_apply(bed);
	introduce();
}
