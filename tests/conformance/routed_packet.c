/* SPDX-License-Identifier: Apache-2.0 */
/* routed_packet.c - build packets, answer them, complain about them, compare them.
 *
 * From: the programs of this folder.  To: bytes.
 * Theory: answers and errors are made from what a router really sent, so that each side is asked
 * with its own translation; what must be the same is what the asker sees at last.
 * Thread: one. */
#include "tests/conformance/routed_packet.h"

#include "tests/lib/routed.h"
#include "vswitch/base/check.h"

#include <stdio.h>
#include <string.h>

#define ETH 14

static void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void put32(uint8_t *at, uint32_t v)
{
	put16(at, v >> 16);
	put16(at + 2, v);
}

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
	return get16(at) << 16 | get16(at + 2);
}

static uint32_t crc32c(const uint8_t *at, uint32_t len)
{
	uint32_t crc = UINT32_MAX;

	for (uint32_t i = 0; i < len; i++) {
		crc ^= at[i];
		for (unsigned k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

static uint32_t ip_hdr_len(const uint8_t *ip)
{
	return ip[0] >> 4 == 6 ? 40 : (ip[0] & 15u) * 4u;
}

static uint8_t ip_proto(const uint8_t *ip)
{
	return ip[ip[0] >> 4 == 6 ? 6 : 9];
}

static uint32_t ip_total(const uint8_t *ip)
{
	return ip[0] >> 4 == 6 ? 40 + get16(ip + 4) : get16(ip + 2);
}

/* Fill the checksum of the @len bytes at @l4. */
static void l4_csum(uint8_t *ip, uint8_t *l4, uint32_t len)
{
	static const struct {
		uint8_t proto;
		uint8_t at;
	} where[] = { { L4_TCP, 16 }, { L4_UDP, 6 }, { L4_ICMP, 2 }, { L4_ICMP6, 2 },
		{ L4_OTHER, 2 } }; /* it needs none, but nft rejects only what has one */
	uint8_t proto = ip_proto(ip);
	uint32_t sum = ip[0] >> 4 == 6 ? sum_of(ip + 8, 32, 0) : sum_of(ip + 12, 8, 0);

	if (proto == L4_SCTP) {
		uint32_t crc;

		memset(l4 + 8, 0, 4);
		crc = crc32c(l4, len);
		for (unsigned i = 0; i < 4; i++)
			l4[8 + i] = (uint8_t)(crc >> 8 * i);
	}
	for (unsigned i = 0; i < ARRAY_LEN(where); i++) {
		if (where[i].proto != proto)
			continue;
		put16(l4 + where[i].at, 0);
		sum = sum_of(l4, len,
			proto == L4_ICMP || (proto == L4_OTHER && ip[0] >> 4 == 4)
				? 0
				: sum + proto + len);
		put16(l4 + where[i].at, (uint16_t)~sum);
	}
}

static void ip4_csum(uint8_t *ip)
{
	put16(ip + 10, 0);
	put16(ip + 10, (uint16_t)~sum_of(ip, 20, 0));
}

static uint32_t build_l4(const struct packet *p, uint8_t *l4)
{
	switch (p->proto) {
	case L4_TCP:
		put16(l4, p->sport);
		put16(l4 + 2, p->dport);
		put32(l4 + 4, p->seq);
		put32(l4 + 8, p->ack);
		l4[12] = 0x50;
		l4[13] = p->tcp_flags;
		put16(l4 + 14, 8192);
		return 20;
	case L4_UDP:
		put16(l4, p->sport);
		put16(l4 + 2, p->dport);
		put16(l4 + 4, 8u + p->payload);
		return 8;
	case L4_ICMP:
	case L4_ICMP6:
		l4[0] = p->icmp_type;
		put16(l4 + 4, p->sport);
		put16(l4 + 6, 1);
		return 8;
	case L4_SCTP:
		put16(l4, p->sport);
		put16(l4 + 2, p->dport);
		l4[12] = 1; /* INIT, RFC 9260 §3.3.2 */
		put16(l4 + 14, 20);
		put32(l4 + 16, 7);
		put32(l4 + 20, 1500);
		put32(l4 + 24, 0x00010001);
		return 32;
	case L4_GRE: put16(l4 + 2, 0x0800); return 4;
	default: return 8;
	}
}

static void eth_dst(const struct packet *p, uint8_t *out)
{
	const uint8_t *d = p->dst.b;

	if (ip_is_v4(&p->dst) && (d[12] & 0xf0) == 0xe0) {
		memcpy(out, (const uint8_t[]){ 1, 0, 0x5e, d[13] & 0x7f, d[14], d[15] }, 6);
	} else if (ip_is_v4(&p->dst) && d[12] == 255) {
		memset(out, 255, 6);
	} else if (!ip_is_v4(&p->dst) && d[0] == 0xff) {
		out[0] = out[1] = 0x33;
		memcpy(out + 2, d + 12, 4);
	} else {
		memcpy(out, side_router_mac(p->from), 6);
	}
}

uint32_t packet_build(const struct packet *p, uint8_t out[OUTCOME_LEN])
{
	bool is_v6 = !ip_is_v4(&p->src);
	uint8_t *ip = out + ETH, *l4 = ip + (is_v6 ? 40 : 20);
	uint32_t len;

	memset(out, 0, OUTCOME_LEN);
	eth_dst(p, out);
	memcpy(out + 6, side_mac(p->from), 6);
	put16(out + 12, is_v6 ? 0x86dd : 0x0800);
	len = build_l4(p, l4);
	for (unsigned i = 0; i < p->payload; i++)
		l4[len++] = (uint8_t)(i * 7 + 1);
	if (is_v6) {
		ip[0] = 0x60;
		put16(ip + 4, len);
		ip[6] = p->proto;
		ip[7] = p->ttl != 0 ? p->ttl : 64;
		memcpy(ip + 8, p->src.b, 16);
		memcpy(ip + 24, p->dst.b, 16);
	} else {
		ip[0] = 0x45;
		put16(ip + 2, 20 + len);
		put16(ip + 4, 0x1234);
		put16(ip + 6, p->has_df ? 0x4000 : 0);
		ip[8] = p->ttl != 0 ? p->ttl : 64;
		ip[9] = p->proto;
		memcpy(ip + 12, p->src.b + 12, 4);
		memcpy(ip + 16, p->dst.b + 12, 4);
		ip4_csum(ip);
	}
	l4_csum(ip, l4, len);
	return (uint32_t)(l4 - out) + len;
}

uint32_t packet_piece(
	const uint8_t *frame, uint32_t off, uint32_t len, bool is_last, uint8_t out[OUTCOME_LEN])
{
	bool is_v6 = frame[ETH] >> 4 == 6;
	uint32_t head = ETH + (is_v6 ? 40 : 20);
	uint8_t *ip = out + ETH;

	memset(out, 0, OUTCOME_LEN);
	memcpy(out, frame, head);
	if (is_v6) {
		put16(ip + 4, 8 + len);
		out[head] = ip[6];
		ip[6] = 44;
		put16(out + head + 2, off | (is_last ? 0 : 1));
		put32(out + head + 4, 0x77665544);
		memcpy(out + head + 8, frame + head + off, len);
		return head + 8 + len;
	}
	put16(ip + 2, 20 + len);
	put16(ip + 6, off / 8 | (is_last ? 0 : 0x2000));
	ip4_csum(ip);
	memcpy(out + head, frame + head + off, len);
	return head + len;
}

static void addrs_of(const uint8_t *ip, struct ipaddr *src, struct ipaddr *dst)
{
	memset(src, 0, sizeof(*src));
	src->b[10] = src->b[11] = 0xff;
	*dst = *src;
	if (ip[0] >> 4 == 6) {
		memcpy(src->b, ip + 8, 16);
		memcpy(dst->b, ip + 24, 16);
		return;
	}
	memcpy(src->b + 12, ip + 12, 4);
	memcpy(dst->b + 12, ip + 16, 4);
}

void packet_answer(const struct out_frame *f, struct packet *answer)
{
	const uint8_t *ip = f->bytes + ETH, *l4 = ip + ip_hdr_len(ip);

	*answer = (struct packet){ .from = f->port, .proto = ip_proto(ip), .payload = 16 };
	addrs_of(ip, &answer->dst, &answer->src);
	switch (answer->proto) {
	case L4_TCP:
		answer->ack = get32(l4 + 4) + ((l4[13] & 3) != 0);
		answer->seq = l4[13] & 0x10 ? get32(l4 + 8) : 77000;
		answer->tcp_flags = l4[13] == 2 ? 0x12 : 0x10;
		__attribute__((fallthrough));
	case L4_UDP:
	case L4_SCTP:
		answer->payload = answer->proto == L4_SCTP ? 0 : 16;
		answer->sport = (uint16_t)get16(l4 + 2);
		answer->dport = (uint16_t)get16(l4);
		break;
	case L4_ICMP:
	case L4_ICMP6:
		answer->icmp_type = answer->proto == L4_ICMP ? 0 : 129;
		answer->sport = (uint16_t)get16(l4 + 4);
		break;
	default: break;
	}
}

void packet_answer_piece(const struct out_frame *f, struct packet *answer)
{
	struct out_frame whole = *f;
	uint8_t *ip = whole.bytes + ETH;

	if (ip[0] >> 4 == 6 && ip[6] == 44) {
		ip[6] = ip[40];
		memmove(ip + 40, ip + 48, whole.len - ETH - 48);
	}
	packet_answer(&whole, answer);
}

uint32_t packet_error(const struct out_frame *f, const struct ipaddr *src, uint8_t type,
	uint8_t code, uint8_t out[OUTCOME_LEN])
{
	const uint8_t *ip = f->bytes + ETH;
	bool is_v6 = ip[0] >> 4 == 6;
	struct packet p
		= { .from = f->port, .proto = is_v6 ? L4_ICMP6 : L4_ICMP, .icmp_type = type };
	uint32_t quote = MIN(ip_total(ip), 548u), len;
	uint8_t *l4 = out + ETH + (is_v6 ? 40 : 20);
	struct ipaddr unused;

	addrs_of(ip, &p.dst, &unused);
	p.src = *src;
	p.payload = (uint16_t)quote;
	len = packet_build(&p, out);
	put32(l4 + 4, 0);
	l4[1] = code;
	if (type == (is_v6 ? 2 : 3) && (is_v6 || code == 4))
		put16(l4 + 6, 1400);
	memcpy(l4 + 8, ip, quote);
	l4_csum(out + ETH, l4, 8 + quote);
	return len;
}

/* Is it an ICMP error?  Then .quote is what it is about. */
static const uint8_t *error_quote(const uint8_t *ip)
{
	const uint8_t *l4 = ip + ip_hdr_len(ip);

	if (ip_proto(ip) == L4_ICMP && (l4[0] == 3 || l4[0] == 4 || l4[0] == 11 || l4[0] == 12))
		return l4 + 8;
	return ip_proto(ip) == L4_ICMP6 && l4[0] >= 1 && l4[0] <= 4 ? l4 + 8 : NULL;
}

/* What the kernel rejects in its FORWARD hook has lost a hop already when it is quoted, and
 * identifications are anybody's choice: docs/differences.md. */
static void normalise_error(uint8_t *ip, uint8_t *quote)
{
	uint8_t *l4 = ip + ip_hdr_len(ip);

	if (ip[0] >> 4 == 4)
		put16(ip + 4, 0);
	else
		put32(ip, 0x60000000);
	if (quote[0] >> 4 == 4) {
		quote[8] = 0;
		put16(quote + 10, 0);
	} else {
		quote[7] = 0;
	}
	put16(l4 + 2, 0);
}

/* Where the checksum of layer 4 stands. */
static unsigned csum_off(uint8_t proto)
{
	return proto == L4_TCP ? 16 : proto == L4_UDP ? 6 : 2;
}

/* Port (or id) and what sums it up; @which: COMPARE_FREE_ADDR, COMPARE_FREE_PORT. */
static void normalise_l4(uint8_t *ip, uint8_t *l4, uint8_t proto, unsigned which)
{
	if ((which & COMPARE_FREE_PORT) != 0) {
		put16(l4 + (proto == L4_ICMP || proto == L4_ICMP6 ? 4 : 0), 0);
		put16(l4 + csum_off(proto), 0);
		if (proto == L4_SCTP)
			memset(l4 + 8, 0, 4);
	}
	if ((which & COMPARE_FREE_ADDR) == 0 || ip[0] >> 4 != 4)
		return;
	memset(ip + 12, 0, 4);
	if (proto == L4_TCP || proto == L4_UDP)
		put16(l4 + csum_off(proto), 0);
}

static void normalise(struct out_frame *f, unsigned flags)
{
	uint8_t *ip = f->bytes + ETH, *l4 = ip + ip_hdr_len(ip);
	const uint8_t *quote = error_quote(ip);
	uint8_t proto = ip_proto(ip);

	if (f->bytes[12] != 0x08 && f->bytes[12] != 0x86)
		return;
	if (proto == 44) { /* a piece of IPv6: only the first one has ports */
		flags = (get16(ip + 42) & 0xfff8) == 0 ? flags : 0;
		proto = ip[40];
		l4 = ip + 48;
	}
	if (quote != NULL)
		normalise_error(ip, f->bytes + (quote - f->bytes));
	else
		normalise_l4(ip, l4, proto, flags);
	if (ip[0] >> 4 == 4)
		put16(ip + 10, 0);
	else if (ip[6] == 44)
		put32(ip + 44, 0); /* the kernel gives pieces another identification */
}

static const char *whole_fault(const struct outcome *o)
{
	for (unsigned i = 0; i < o->n; i++) {
		const uint8_t *ip = o->frame[i].bytes + ETH;
		bool is_piece = ip[0] >> 4 == 6 ? ip[6] == 44 : (get16(ip + 6) & 0x3fff) != 0;
		const char *fault
			= is_piece ? NULL : frame_fault(o->frame[i].bytes, o->frame[i].len, false);

		if (fault != NULL)
			return fault;
	}
	return NULL;
}

static bool port_is_given(const struct outcome *o)
{
	const uint8_t *ip, *l4;

	if (o->n == 0)
		return true;
	ip = o->frame[0].bytes + ETH;
	l4 = ip + ip_hdr_len(ip);
	return (ip_proto(ip) != L4_TCP && ip_proto(ip) != L4_UDP) || get16(l4) >= 1024;
}

const char *outcome_differ(
	const struct outcome *kernel, const struct outcome *saklar, unsigned flags)
{
	static struct outcome k, s;

	if (whole_fault(saklar) != NULL)
		return whole_fault(saklar);
	if (kernel->to_host != saklar->to_host)
		return "the host gets it from one of them";
	if (kernel->n != saklar->n)
		return "not as many frames";
	if ((flags & COMPARE_FREE_PORT) != 0 && (!port_is_given(kernel) || !port_is_given(saklar)))
		return "a privileged port";
	k = *kernel;
	s = *saklar;
	for (unsigned i = 0; i < k.n; i++) {
		if (k.frame[i].port != s.frame[i].port)
			return "another port of the switch";
		if (k.frame[i].len != s.frame[i].len)
			return "another length";
		normalise(&k.frame[i], flags);
		normalise(&s.frame[i], flags);
		if (memcmp(k.frame[i].bytes, s.frame[i].bytes, k.frame[i].len) != 0)
			return "other bytes";
	}
	return NULL;
}

void outcome_print(const char *who, const struct outcome *o)
{
	printf("  %-7s host %d, %u frames\n", who, o->to_host, o->n);
	for (unsigned i = 0; i < o->n; i++) {
		const struct out_frame *f = &o->frame[i];
		char src[IP_STR_LEN], dst[IP_STR_LEN];
		struct ipaddr s, d;

		addrs_of(f->bytes + ETH, &s, &d);
		printf("    at %s, %s > %s:", side_port_names[f->port], ip_print(&s, src),
			ip_print(&d, dst));
		for (uint32_t k = 0; k < f->len && k < 120; k++)
			printf("%s%02x", k % 8 == 6 ? " " : "", f->bytes[k]);
		printf("\n");
	}
}

const char *outcome_name(const struct outcome *o, const uint8_t *sent, uint32_t len)
{
	const uint8_t *ip = o->frame[0].bytes + ETH, *was = sent + ETH;
	uint32_t at = ip[0] >> 4 == 6 ? 8 : 12, n = ip[0] >> 4 == 6 ? 32 : 8;

	if (o->to_host)
		return (sent[0] & 1) != 0 ? "bridged" : "host";
	if (o->n == 0)
		return "lost";
	if ((sent[0] & 1) != 0)
		return "bridged";
	if (error_quote(ip) != NULL && o->frame[0].len != len)
		return ip[ip_hdr_len(ip)] == (ip[0] >> 4 == 6 ? 1 : 3) ? "rejected" : "error";
	return memcmp(ip + at, was + at, n) == 0 ? "passed" : "translated";
}
