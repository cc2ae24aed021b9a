/* SPDX-License-Identifier: Apache-2.0 */
/* pkt_build.c - builds and checks frames for tests; see pkt_build.h.
 *
 * From: tests.  To: vif_mem_inject().
 * Theory: layers are appended from outside in and remembered; lengths and checksums are filled from
 * inside out, because an outer checksum covers what is inside.
 * Thread: one. */
#include "tests/lib/pkt_build.h"

#include "vswitch/base/check.h"

#include <string.h>

static void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t sum16(const uint8_t *at, uint32_t len, uint32_t sum)
{
	for (uint32_t i = 0; i < len; i++) {
		sum += i % 2 == 0 ? (uint32_t)at[i] << 8 : at[i];
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static uint8_t *push(struct frame *f, enum frame_layer_kind kind, uint32_t len)
{
	CHECK(f->len + len <= FRAME_ROOM && f->n_layers < FRAME_LAYERS_MAX);
	f->layer[f->n_layers].kind = kind;
	f->layer[f->n_layers].off = f->len;
	f->layer[f->n_layers++].next_at = 0;
	memset(f->bytes + f->len, 0, len);
	f->len += len;
	return f->bytes + f->len - len;
}

void frame_eth(struct frame *f, const uint8_t *dst, const uint8_t *src)
{
	uint8_t *at;

	f->len = 0;
	f->n_layers = 0;
	f->offload = (struct mem_offload){ 0 };
	at = push(f, LAYER_ETH, 14);
	memcpy(at, dst, 6);
	memcpy(at + 6, src, 6);
	put16(at + 12, 0x88b5); /* IEEE 802 local experimental */
}

void frame_inner_eth(struct frame *f)
{
	uint8_t *at = push(f, LAYER_ETH, 14);

	memcpy(at, MAC_OF(0xe1), 6);
	memcpy(at + 6, MAC_OF(0xe2), 6);
}

void frame_vlan(struct frame *f, uint16_t tpid, uint16_t tci)
{
	uint8_t *at = push(f, LAYER_OTHER, 4);

	put16(at - 2, tpid);
	put16(at, tci);
	put16(at + 2, 0x88b5);
}

void frame_arp(struct frame *f)
{
	static const uint8_t head[8] = { 0, 1, 8, 0, 6, 4, 0, 1 };

	put16(f->bytes + f->len - 2, 0x0806);
	memcpy(push(f, LAYER_OTHER, 28), head, sizeof(head));
}

void frame_ip4(struct frame *f, uint8_t proto)
{
	static const uint8_t addrs[8] = { 192, 0, 2, 1, 192, 0, 2, 2 };
	uint8_t *at;

	if (f->layer[f->n_layers - 1].kind == LAYER_ETH
		|| f->layer[f->n_layers - 1].kind == LAYER_OTHER)
		put16(f->bytes + f->len - 2, 0x0800);
	at = push(f, LAYER_IP4, 20);
	at[0] = 0x45;
	put16(at + 4, 0xfffe); /* wraps while segmenting */
	at[6] = 0x40;
	at[8] = 64;
	at[9] = proto;
	memcpy(at + 12, addrs, sizeof(addrs));
}

void frame_ip6(struct frame *f, uint8_t proto)
{
	static const uint8_t addrs[32] = { 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
		0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2 };
	uint8_t *at;

	if (f->layer[f->n_layers - 1].kind == LAYER_ETH
		|| f->layer[f->n_layers - 1].kind == LAYER_OTHER)
		put16(f->bytes + f->len - 2, 0x86dd);
	at = push(f, LAYER_IP6, 40);
	at[0] = 0x60;
	at[6] = proto;
	at[7] = 64;
	memcpy(at + 8, addrs, sizeof(addrs));
	f->layer[f->n_layers - 1].next_at = f->len - 40 + 6;
}

void frame_ip6_ext(struct frame *f, uint8_t kind, unsigned words)
{
	uint32_t next_at = f->layer[f->n_layers - 1].next_at;
	uint8_t *at = push(f, LAYER_OTHER, words * 8);

	CHECK(next_at != 0);
	at[0] = f->bytes[next_at];
	at[1] = (uint8_t)(kind == 44 ? 0 : words - 1);
	f->bytes[next_at] = kind;
	f->layer[f->n_layers - 1].next_at = f->len - words * 8;
}

void frame_tcp(struct frame *f, uint8_t flags)
{
	uint8_t *at = push(f, LAYER_TCP, 32);
	static const uint8_t head[14]
		= { 0x12, 0x34, 0, 80, 0xff, 0xff, 0xf0, 0, 0, 0, 0, 1, 0x80 };

	memcpy(at, head, sizeof(head));
	at[13] = flags;
	put16(at + 14, 1000);
	memset(at + 20, 1, 12); /* NOPs */
}

void frame_udp(struct frame *f, uint16_t dst_port)
{
	uint8_t *at = push(f, LAYER_UDP, 8);

	put16(at, 4321);
	put16(at + 2, dst_port);
}

void frame_vxlan(struct frame *f)
{
	push(f, LAYER_OTHER, 8)[0] = 8;
}

void frame_geneve(struct frame *f, unsigned option_words)
{
	uint8_t *at = push(f, LAYER_OTHER, 8 + option_words * 4);

	at[0] = (uint8_t)option_words;
	put16(at + 2, 0x6558);
}

void frame_payload(struct frame *f, uint32_t len)
{
	CHECK(f->len + len <= FRAME_ROOM);
	for (uint32_t i = 0; i < len; i++)
		f->bytes[f->len + i] = (uint8_t)(i * 7 + (i >> 8));
	f->len += len;
}

/* Sum of the pseudo-header for @len bytes of L4 behind the IP header at @ip. */
static uint32_t pseudo_sum(const uint8_t *ip, uint8_t proto, uint32_t len)
{
	uint32_t sum = ip[0] >> 4 == 4 ? sum16(ip + 12, 8, 0) : sum16(ip + 8, 32, 0);

	sum += proto + len;
	return (sum & 0xffff) + (sum >> 16);
}

/* The IP layer that layer @i is in. */
static unsigned ip_of(const struct frame *f, unsigned i)
{
	/* cppcheck-suppress arrayIndexOutOfBoundsCond ; i is the index of a layer that exists */
	while (i > 0 && f->layer[i].kind != LAYER_IP4 && f->layer[i].kind != LAYER_IP6)
		i--;
	return i;
}

static void end_l4(struct frame *f, unsigned i, bool is_tcp)
{
	uint8_t *at = f->bytes + f->layer[i].off;
	const uint8_t *ip = f->bytes + f->layer[ip_of(f, i)].off;
	uint32_t len = f->len - f->layer[i].off, sum = pseudo_sum(ip, is_tcp ? 6 : 17, len);
	bool is_tunnel = i + 1 < f->n_layers;

	put16(at + (is_tcp ? 16 : 6), 0);
	if (is_tunnel)
		return; /* an outer UDP checksum is 0 */
	sum = sum16(at, len, sum);
	put16(at + (is_tcp ? 16 : 6), sum == 0xffff ? 0xffff : ~sum & 0xffff);
}

void frame_end(struct frame *f)
{
	for (unsigned i = f->n_layers; i-- > 0;) {
		uint8_t *at = f->bytes + f->layer[i].off;
		uint32_t len = f->len - f->layer[i].off;

		switch (f->layer[i].kind) {
		case LAYER_IP4:
			put16(at + 2, len);
			put16(at + 10, 0);
			put16(at + 10, ~sum16(at, 20, 0) & 0xffff);
			break;
		case LAYER_IP6: put16(at + 4, len - 40); break;
		case LAYER_UDP:
			put16(at + 4, len);
			end_l4(f, i, false);
			break;
		case LAYER_TCP: end_l4(f, i, true); break;
		case LAYER_ETH:
		case LAYER_OTHER: break;
		}
	}
}

void frame_partial(struct frame *f)
{
	unsigned i = f->n_layers - 1;
	bool is_tcp = f->layer[i].kind == LAYER_TCP;
	const uint8_t *ip = f->bytes + f->layer[ip_of(f, i)].off;
	uint32_t len = f->len - f->layer[i].off;

	CHECK(is_tcp || f->layer[i].kind == LAYER_UDP);
	f->offload.flags |= PKT_CSUM_PARTIAL;
	f->offload.csum_start = (uint16_t)f->layer[i].off;
	f->offload.csum_offset = is_tcp ? 16 : 6;
	put16(f->bytes + f->layer[i].off + f->offload.csum_offset,
		pseudo_sum(ip, is_tcp ? 6 : 17, len));
}

void frame_gso(struct frame *f, enum pkt_gso type, uint16_t size)
{
	frame_partial(f);
	f->offload.gso_type = (uint8_t)type;
	f->offload.gso_size = size;
}

void frame_simple(struct frame *f, const uint8_t *dst, const uint8_t *src, uint32_t payload)
{
	frame_eth(f, dst, src);
	frame_ip4(f, 17);
	frame_udp(f, 7);
	frame_payload(f, payload);
	frame_end(f);
}

void frame_super(struct frame *f, bool is_v6, bool is_tagged, uint32_t len)
{
	frame_eth(f, MAC_OF(2), MAC_OF(1));
	if (is_tagged)
		frame_vlan(f, 0x8100, 7);
	if (is_v6)
		frame_ip6(f, 6);
	else
		frame_ip4(f, 6);
	frame_tcp(f, 0x99); /* CWR ACK PSH FIN */
	frame_payload(f, len - f->len);
	frame_end(f);
	frame_gso(f, is_v6 ? PKT_GSO_TCP6 : PKT_GSO_TCP4, 1400);
}

void frame_bpdu(struct frame *f, uint8_t priority, uint8_t flags)
{
	const uint8_t version = flags != 0 ? 2 : 0;
	const uint8_t root[8] = { priority, 0, 2, 0, 0, 0, 0, 0x77 };
	uint8_t *at;

	frame_eth(f, MAC_LINK_LOCAL(0), MAC_OF(0x77));
	frame_payload(f, 46);
	put16(f->bytes + 12, version != 0 ? 39 : 38); /* bytes behind it that count */
	at = f->bytes + 14;
	memset(at, 0, 46);
	memcpy(at, (uint8_t[]){ 0x42, 0x42, 3, 0, 0, version, version, flags }, 8);
	memcpy(at + 8, root, sizeof(root));
	memcpy(at + 20, root, sizeof(root));
	put16(at + 28, 0x8001);
	put16(at + 32, 20 << 8); /* max age, hello, forward delay */
	put16(at + 34, 2 << 8);
	put16(at + 36, 15 << 8);
}

static const char *l4_fault(
	const uint8_t *ip, const uint8_t *at, uint32_t len, uint8_t proto, bool is_partial);

/* The packet inside VXLAN (by port) is a frame of its own. */
static const char *inner_fault(const uint8_t *at, uint32_t len, bool is_partial)
{
	uint32_t type, off = 14, hdr_len;

	if (len < 34)
		return "inner frame is cut short";
	type = get16(at + 12);
	if (type == 0x0800) {
		if (get16(at + 16) != len - 14)
			return "inner IPv4 total length";
		if (sum16(at + 14, (at[14] & 15) * 4u, 0) != 0xffff)
			return "inner IPv4 checksum";
		hdr_len = (at[14] & 15) * 4u;
		return l4_fault(
			at + off, at + off + hdr_len, len - off - hdr_len, at[23], is_partial);
	}
	if (type == 0x86dd) {
		if (get16(at + 18) != len - 54)
			return "inner IPv6 payload length";
		return l4_fault(at + off, at + 54, len - 54, at[20], is_partial);
	}
	return NULL;
}

static const char *l4_fault(
	const uint8_t *ip, const uint8_t *at, uint32_t len, uint8_t proto, bool is_partial)
{
	uint32_t field, pseudo = pseudo_sum(ip, proto, len);

	if (proto != 6 && proto != 17)
		return NULL;
	if (proto == 17 && get16(at + 4) != len)
		return "UDP length";
	field = get16(at + (proto == 6 ? 16 : 6));
	if (proto == 17 && field == 0)
		return get16(at + 2) == 4789 ? inner_fault(at + 16, len - 16, is_partial) : NULL;
	if (is_partial)
		return field == pseudo ? NULL : "partial checksum is not the pseudo-header's";
	return sum16(at, len, pseudo) == 0xffff ? NULL : "L4 checksum";
}

const char *frame_fault(const uint8_t *bytes, uint32_t len, bool is_partial)
{
	uint32_t off = 14, type, hdr_len;

	if (len < 14)
		return "shorter than Ethernet";
	for (type = get16(bytes + 12); type == 0x8100 || type == 0x88a8; off += 4)
		type = get16(bytes + off + 2);
	if (type == 0x0800) {
		hdr_len = (bytes[off] & 15) * 4u;
		if (get16(bytes + off + 2) != len - off)
			return "IPv4 total length";
		if (sum16(bytes + off, hdr_len, 0) != 0xffff)
			return "IPv4 checksum";
		return l4_fault(bytes + off, bytes + off + hdr_len, len - off - hdr_len,
			bytes[off + 9], is_partial);
	}
	if (type == 0x86dd) {
		if (get16(bytes + off + 4) != len - off - 40)
			return "IPv6 payload length";
		return l4_fault(
			bytes + off, bytes + off + 40, len - off - 40, bytes[off + 6], is_partial);
	}
	return NULL;
}
