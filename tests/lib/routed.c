/* SPDX-License-Identifier: Apache-2.0 */
/* routed.c - routed networks for tests; see routed.h.
 *
 * From: tests/pipeline.  To: tests/lib/bed.c.
 * Theory: checks what comes out with checksums of its own.  Thread: one. */
#include "tests/lib/routed.h"

#include "tests/lib/unit.h"
#include "vswitch/base/check.h"
#include "vswitch/base/netaddr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t seen[FRAME_ROOM];
static struct mem_frame seen_frame;

static void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

uint16_t sum_of(const uint8_t *at, uint32_t len, uint32_t sum)
{
	for (uint32_t i = 0; i < len; i++) {
		sum += i % 2 == 0 ? (uint32_t)at[i] << 8 : at[i];
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)sum;
}

static void routed_network(
	struct bed *b, uint16_t id, enum snap_policy policy, const uint16_t *vifs)
{
	char text[64];

	bed_network(b, id);
	for (; *vifs != 0; vifs++) {
		bed_port(b, *vifs, id);
		if (vifs[1] == 0)
			bed_leg(b, *vifs);
	}
	bed_router(b, id, policy, UPLINK_NET);
	snprintf(text, sizeof(text), "10.0.%u.1/24", id);
	bed_addr(b, id, text);
	bed_route(b, id, text, id, NULL);
	bed_route(b, UPLINK_NET, text, id, NULL);
	snprintf(text, sizeof(text), "fd00:%u::1/64", id);
	bed_addr(b, id, text);
	bed_route(b, id, text, id, NULL);
	bed_route(b, UPLINK_NET, text, id, NULL);
	bed_route(b, id, "0.0.0.0/0", UPLINK_NET, "203.0.113.1");
	bed_route(b, id, "::/0", UPLINK_NET, "2001:db8:9::1");
	bed_route(b, id, "203.0.113.0/24", UPLINK_NET, NULL);
}

void routed_describe(struct bed *b)
{
	routed_network(b, 1, SNAP_POLICY_NAT, (const uint16_t[]){ 1, 2, 3, 0 });
	routed_network(b, 2, SNAP_POLICY_ROUTED, (const uint16_t[]){ 4, 8, 0 });
	routed_network(b, 3, SNAP_POLICY_OPEN, (const uint16_t[]){ 5, 9, 0 });
	b->router[0].flags = SNAP_ROUTER_NAT4;
	bed_network(b, UPLINK_NET);
	bed_port(b, LAN_VIF, UPLINK_NET);
	bed_router(b, UPLINK_NET, SNAP_POLICY_UPLINK, 0);
	bed_addr(b, UPLINK_NET, UP4 "/24");
	bed_addr(b, UPLINK_NET, UP6 "/64");
	bed_route(b, UPLINK_NET, "203.0.113.0/24", UPLINK_NET, NULL);
	bed_route(b, UPLINK_NET, "2001:db8:9::/64", UPLINK_NET, NULL);
	bed_route(b, UPLINK_NET, "0.0.0.0/0", UPLINK_NET, "203.0.113.1");
	bed_route(b, UPLINK_NET, "::/0", UPLINK_NET, "2001:db8:9::1");
	bed_addr(b, 0, "192.0.2.99/32"); /* the host's own */
}

static void know(struct bed *b, uint16_t network_id, uint16_t vif_id, const char *addr)
{
	struct neigh_who who = { .network_id = network_id };
	struct ipaddr a;

	CHECK(ip_parse(addr, &a) == 0);
	memcpy(who.addr, a.b, 16);
	neigh_heard(pipeline_neigh(b->pipeline), &who, MAC_OF(vif_id),
		NEIGH_MAY_ADD | NEIGH_CONFIRMS, b->io.now_ns);
}

void routed_neighbours(struct bed *b)
{
	know(b, 1, 1, "10.0.1.1"); /* ours: never asked for */
	know(b, 1, 1, "10.0.1.11");
	know(b, 1, 2, "10.0.1.12");
	know(b, 1, 1, "fd00:1::11");
	know(b, 2, 4, "10.0.2.14");
	know(b, 2, 4, "fd00:2::14");
	know(b, 3, 5, "10.0.3.15");
	know(b, 3, 5, "fd00:3::15");
	know(b, UPLINK_NET, LAN_VIF, "203.0.113.1");
	know(b, UPLINK_NET, LAN_VIF, "2001:db8:9::1");
}

struct bed *routed_bed(void **state)
{
	static struct frame f;
	static const uint16_t vifs[] = { 1, 2, 4, 5, 6 };
	struct bed *b = *state;

	routed_describe(b);
	bed_apply(b);
	for (unsigned i = 0; i < ARRAY_LEN(vifs); i++) { /* let the FDB know who is where */
		frame_simple(&f, MAC_BCAST, MAC_OF(vifs[i]), 20);
		f.bytes[12] = 0x88;
		f.bytes[13] = 0xb5;
		bed_step(b, vifs[i], &f);
	}
	bed_clear(b);
	memset(b->io.vif_counters, 0, VIF_ID_MAX * sizeof(struct vif_counters));
	routed_neighbours(b);
	return b;
}

static const uint8_t *router_mac(const struct bed *b, uint16_t vif_id)
{
	uint16_t network_id = b->cfg->port[vif_id].network_id;

	return b->cfg->router[network_id].conf.mac;
}

static uint32_t pseudo(const uint8_t *ip, bool is_v6, uint8_t proto, uint32_t len)
{
	uint32_t sum = is_v6 ? sum_of(ip + 8, 32, 0) : sum_of(ip + 12, 8, 0);

	return sum + proto + len;
}

/* Complete the checksum of the ICMP message at @l4. */
static void icmp_end(uint8_t *ip, uint8_t *l4, uint32_t len)
{
	bool is_v6 = ip[0] >> 4 == 6;

	put16(l4 + 2, 0);
	put16(l4 + 2, (uint16_t)~sum_of(l4, len, is_v6 ? pseudo(ip, true, 58, len) : 0));
}

static uint8_t *ip_begin(struct frame *f, const struct bed *b, uint16_t vif_id, const char *src,
	const char *dst, uint8_t proto)
{
	struct ipaddr s, d;
	uint8_t *ip;

	CHECK(ip_parse(src, &s) == 0 && ip_parse(dst, &d) == 0);
	frame_eth(f, router_mac(b, vif_id), MAC_OF(vif_id));
	ip = f->bytes + f->len;
	if (ip_is_v4(&s)) {
		frame_ip4(f, proto);
		memcpy(ip + 12, s.b + 12, 4);
		memcpy(ip + 16, d.b + 12, 4);
	} else {
		frame_ip6(f, proto);
		memcpy(ip + 8, s.b, 16);
		memcpy(ip + 24, d.b, 16);
	}
	return ip;
}

void flow_frame(
	struct frame *f, const struct bed *b, uint16_t vif_id, struct flow flow, uint32_t payload)
{
	uint8_t proto = flow.proto == 1 && strchr(flow.src, ':') != NULL ? 58 : flow.proto;
	uint8_t *ip = ip_begin(f, b, vif_id, flow.src, flow.dst, proto), *l4 = f->bytes + f->len;

	if (proto == 6)
		frame_tcp(f, flow.tcp_flags);
	else if (proto == 17)
		frame_udp(f, flow.dport);
	else
		frame_payload(f, 8);
	if (proto == 6 || proto == 17) {
		put16(l4, flow.sport);
		put16(l4 + 2, flow.dport);
	} else {
		memset(l4, 0, 8);
		l4[0] = proto == 1 ? 8 : 128;
		put16(l4 + 4, flow.sport);
	}
	frame_payload(f, payload);
	frame_end(f);
	if (proto == 1 || proto == 58)
		icmp_end(ip, l4, f->len - (uint32_t)(l4 - f->bytes));
}

void flow_echo_reply(struct frame *f)
{
	uint8_t *ip = f->bytes + 14, *l4 = ip + (ip[0] >> 4 == 4 ? 20 : 40);

	l4[0] = ip[0] >> 4 == 4 ? 0 : 129;
	icmp_end(ip, l4, f->len - (uint32_t)(l4 - f->bytes));
}

void flow_step(struct bed *b, uint16_t vif_id, struct flow flow, uint32_t payload)
{
	static struct frame f;

	flow_frame(&f, b, vif_id, flow, payload);
	bed_step(b, vif_id, &f);
}

static void take(struct bed *b, uint16_t vif_id, const char *file, int line)
{
	if (!vif_mem_take(b->vif[vif_id], &seen_frame)) {
		for (unsigned v = 0; v < VIF_ID_MAX; v++)
			for (unsigned r = 1; r < DROP_N; r++)
				if (b->io.vif_counters[v].drops[r] != 0)
					print_error("dropped on vif %u: %s\n", v,
						drop_reason_texts[r].name);
		print_error("%s:%d: vif %u got nothing\n", file, line, vif_id);
		_fail(file, line);
	}
	memcpy(seen, seen_frame.bytes, seen_frame.len);
	free(seen_frame.bytes);
	seen_frame.bytes = seen;
}

static const uint8_t *seen_l4(void)
{
	return seen + 14 + (seen[14] >> 4 == 4 ? 20 : 40);
}

static void addr_text(const uint8_t *ip, bool is_dst, char *buf)
{
	struct ipaddr a = { { [10] = 0xff, [11] = 0xff } };

	if (ip[0] >> 4 == 4)
		memcpy(a.b + 12, ip + (is_dst ? 16 : 12), 4);
	else
		memcpy(a.b, ip + (is_dst ? 24 : 8), 16);
	ip_print(&a, buf);
}

static void check_whole(const char *file, int line)
{
	const uint8_t *ip = seen + 14, *l4 = seen_l4();
	uint32_t len = seen_frame.len - (uint32_t)(l4 - seen);
	bool is_v6 = ip[0] >> 4 == 6;
	const char *fault = frame_fault(
		seen, seen_frame.len, (seen_frame.offload.flags & PKT_CSUM_PARTIAL) != 0);

	if (fault == NULL && ip[is_v6 ? 6 : 9] == (is_v6 ? 58 : 1)
		&& sum_of(l4, len, is_v6 ? pseudo(ip, true, 58, len) : 0) != 0xffff)
		fault = "ICMP checksum";
	if (fault == NULL)
		return;
	print_error("%s:%d: broken frame: %s\n", file, line, fault);
	_fail(file, line);
}

const uint8_t *expect_flow(
	struct bed *b, uint16_t vif_id, struct flow want, const char *file, int line)
{
	char src[IP_STR_LEN], dst[IP_STR_LEN];
	const uint8_t *ip = seen + 14;
	uint8_t proto;

	take(b, vif_id, file, line);
	check_whole(file, line);
	addr_text(ip, false, src);
	addr_text(ip, true, dst);
	proto = ip[ip[0] >> 4 == 4 ? 9 : 6];
	if (strcmp(src, want.src) != 0 || strcmp(dst, want.dst) != 0
		|| (proto != want.proto && !(proto == 58 && want.proto == 1))
		|| (want.sport != 0 && want.sport != seen_sport())
		|| (want.dport != 0 && want.dport != seen_dport())) {
		print_error("%s:%d: got %s:%u > %s:%u proto %u, not %s:%u > %s:%u\n", file, line,
			src, seen_sport(), dst, seen_dport(), proto, want.src, want.sport, want.dst,
			want.dport);
		_fail(file, line);
	}
	return seen;
}

static bool seen_is_icmp(void)
{
	return seen[14] >> 4 == 4 ? seen[14 + 9] == 1 : seen[14 + 6] == 58;
}

uint16_t seen_sport(void)
{
	return (uint16_t)get16(seen_l4() + (seen_is_icmp() ? 4 : 0));
}

uint16_t seen_dport(void)
{
	return (uint16_t)get16(seen_l4() + (seen_is_icmp() ? 4 : 2));
}

uint32_t seen_len(void)
{
	return seen_frame.len;
}

const struct mem_offload *seen_offload(void)
{
	return &seen_frame.offload;
}

const uint8_t *expect_icmp(
	struct bed *b, uint16_t vif_id, struct icmp_error_of want, const char *file, int line)
{
	char from[IP_STR_LEN];

	take(b, vif_id, file, line);
	check_whole(file, line);
	addr_text(seen + 14, false, from);
	if (!seen_is_icmp() || strcmp(from, want.src) != 0 || seen_l4()[0] != want.type
		|| seen_l4()[1] != want.code) {
		print_error("%s:%d: got %s type %u code %u, icmp %d, not from %s %u/%u\n", file,
			line, from, seen_l4()[0], seen_l4()[1], seen_is_icmp(), want.src, want.type,
			want.code);
		_fail(file, line);
	}
	return seen;
}

void answer(struct bed *b, uint16_t vif_id)
{
	static struct frame f;
	uint8_t *at;

	take(b, vif_id, __FILE__, __LINE__);
	if (get16(seen + 12) == 0x0806) {
		assert_int_equal(seen[14 + 7], 1);
		frame_eth(&f, seen + 6, MAC_OF(vif_id));
		frame_arp(&f);
		at = f.bytes + 14;
		at[7] = 2;
		memcpy(at + 8, MAC_OF(vif_id), 6);
		memcpy(at + 14, seen + 14 + 24, 4);
		memcpy(at + 18, seen + 14 + 8, 10);
	} else {
		assert_int_equal(seen_l4()[0], 135);
		check_whole(__FILE__, __LINE__);
		frame_eth(&f, seen + 6, MAC_OF(vif_id));
		frame_ip6(&f, 58);
		at = f.bytes + 14;
		at[7] = 255;
		memcpy(at + 8, seen_l4() + 8, 16);
		memcpy(at + 24, seen + 14 + 8, 16);
		frame_payload(&f, 32);
		memset(at + 40, 0, 32);
		at[40] = 136;
		at[44] = 0x60;
		memcpy(at + 48, seen_l4() + 8, 16);
		at[64] = 2;
		at[65] = 1;
		memcpy(at + 66, MAC_OF(vif_id), 6);
		frame_end(&f);
		icmp_end(at, at + 40, 32);
	}
	bed_step(b, vif_id, &f);
}

void error_frame(struct frame *f, const struct bed *b, uint16_t vif_id, struct icmp_error_of error,
	const uint8_t *quote, uint32_t len)
{
	bool is_v6 = strchr(error.src, ':') != NULL;
	uint8_t *ip = ip_begin(f, b, vif_id, error.src, error.dst, is_v6 ? 58 : 1);
	uint8_t *l4 = f->bytes + f->len;

	frame_payload(f, 8 + len);
	memset(l4, 0, 8);
	l4[0] = error.type;
	l4[1] = error.code;
	memcpy(l4 + 8, quote, len);
	frame_end(f);
	icmp_end(ip, l4, 8 + len);
}
