/* SPDX-License-Identifier: Apache-2.0 */
/* nat.c - choose ports, rewrite addresses and ports, keep checksums true.
 *
 * From: bridge/router.c.  To: the packet's own headers.
 * Theory: RFC 1624 eqn. 3: a checksum is corrected by what changed, so a super-frame costs as much
 * as a small one, and a wrong checksum stays wrong.  A partial checksum holds the sum of the
 * pseudo-header only, not complemented: addresses change it, ports do not.  ICMP errors (RFC 5508)
 * quote what was sent: the quote is translated the other way round, and as routers quote as much
 * as they like, only as far as it is there.  Of IPv6 the quote may have extension headers, walked as
 * far as pkt_parse() walks those of a packet.
 * Invariants: writes only within the linear part, behind offsets of pkt_parse() or pkt_hdr().
 * Thread: worker. */
#include "bridge/nat.h"

#include "vif/pkt_edit.h"
#include "vif/pkt_parse.h"

#include <endian.h>
#include <string.h>

#define PORT_TRIES 128
#define OWN_TRIES 8
#define ICMP_HDR_LEN 8
#define QUOTE_SEQ_SPAN (16u << 20) /* how far back an error may quote */

enum {
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_FRAGMENT = 44,
	PROTO_ICMP6 = 58,
};

static uint8_t *bytes_at(struct pkt *p, uint32_t off)
{
	return rte_pktmbuf_mtod_offset(p->m, uint8_t *, off);
}

/* @sum and what the change of @len bytes (even) from @old to @new adds to it. */
static uint32_t sum_change(uint32_t sum, const uint8_t *old, const uint8_t *new, unsigned len)
{
	return sum + (uint16_t)~pkt_sum_fold(pkt_sum_bytes(old, len, 0))
		+ pkt_sum_bytes(new, len, 0);
}

static void csum_apply(uint8_t *at, uint32_t change, bool is_udp)
{
	uint16_t csum;

	memcpy(&csum, at, 2);
	if (is_udp && csum == 0)
		return; /* none */
	csum = (uint16_t)~pkt_sum_fold(pkt_sum_fold((uint16_t)~csum + change));
	if (is_udp && csum == 0)
		csum = 0xffff;
	memcpy(at, &csum, 2);
}

static void csum_apply_partial(uint8_t *at, uint32_t change)
{
	uint16_t csum;

	memcpy(&csum, at, 2);
	csum = pkt_sum_fold(csum + change);
	memcpy(at, &csum, 2);
}

void nat_ttl_down(struct pkt *p)
{
	uint8_t *ip = bytes_at(p, p->l3_off), old[2] = { 0 };

	if (p->flags & PKT_IS_IP6) {
		ip[7]--;
		return;
	}
	memcpy(old, ip + 8, 2);
	ip[8]--;
	csum_apply(ip + 10, sum_change(0, old, ip + 8, 2), false);
}

/* Offset of the checksum in an L4 header of @proto, -1: none that we know. */
static int csum_at(uint8_t proto)
{
	switch (proto) {
	case PROTO_TCP: return 16;
	case PROTO_UDP: return 6;
	case PROTO_ICMP:
	case PROTO_ICMP6: return 2;
	default: return -1;
	}
}

/* Write addresses; returns what that changes in a sum over them. */
static uint32_t edit_addrs(uint8_t *ip, bool is_v6, const uint8_t *src, const uint8_t *dst)
{
	uint8_t old[32] = { 0 };
	uint32_t change;

	if (is_v6) {
		memcpy(old, ip + 8, 32);
		memcpy(ip + 8, src, 16);
		memcpy(ip + 24, dst, 16);
		return sum_change(0, old, ip + 8, 32);
	}
	memcpy(old, ip + 12, 8);
	memcpy(ip + 12, src + 12, 4);
	memcpy(ip + 16, dst + 12, 4);
	change = sum_change(0, old, ip + 12, 8);
	csum_apply(ip + 10, change, false);
	return change;
}

/* Write ports, or the id of an echo; returns what that changes. */
static uint32_t edit_ports(uint8_t *l4, uint8_t proto, be16 sport, be16 dport)
{
	uint8_t old[4] = { 0 };

	if (proto == PROTO_TCP || proto == PROTO_UDP) {
		memcpy(old, l4, 4);
		memcpy(l4, &sport, 2);
		memcpy(l4 + 2, &dport, 2);
		return sum_change(0, old, l4, 4);
	}
	if (proto == PROTO_ICMP || proto == PROTO_ICMP6) {
		be16 id = sport != 0 ? sport : dport; /* the other one is 0 */

		memcpy(old, l4 + 4, 2);
		memcpy(l4 + 4, &id, 2);
		return sum_change(0, old, l4 + 4, 2);
	}
	return 0;
}

/* Does the checksum of @proto cover the addresses? */
static bool has_pseudo(uint8_t proto)
{
	return proto != PROTO_ICMP;
}

void nat_edit(struct pkt *p, const struct ct_tuple *from, const struct ct_tuple *to)
{
	uint8_t *ip = bytes_at(p, p->l3_off), *l4 = bytes_at(p, p->l4_off);
	uint32_t addrs = edit_addrs(ip, from->is_v6, to->dst, to->src), ports;
	int at = csum_at(from->proto);

	if (p->l4_off == 0 || at < 0)
		return; /* another protocol: addresses only */
	ports = edit_ports(l4, from->proto, to->dport, to->sport);
	if (!has_pseudo(from->proto))
		addrs = 0;
	if ((p->flags & PKT_CSUM_PARTIAL) != 0 && p->csum_start == p->l4_off)
		csum_apply_partial(l4 + at, addrs);
	else
		csum_apply(l4 + at, addrs + ports, from->proto == PROTO_UDP);
}

bool nat_is_icmp_error(const struct pkt *p)
{
	uint8_t type;

	if ((p->flags & PKT_HAS_L4) == 0)
		return false;
	type = pkt_bytes(p)[p->l4_off];
	if (p->ip_proto == PROTO_ICMP && (p->flags & PKT_IS_IP4))
		return type == 3 || type == 4 || type == 11 || type == 12;
	return p->ip_proto == PROTO_ICMP6 && (p->flags & PKT_IS_IP6) && type >= 1 && type <= 4;
}

static uint32_t icmp_len(const struct pkt *p)
{
	const uint8_t *ip = pkt_bytes(p) + p->l3_off;
	uint32_t end = p->flags & PKT_IS_IP6 ? p->l3_off + 40u + (uint32_t)(ip[4] << 8 | ip[5])
					     : p->l3_off + (uint32_t)(ip[2] << 8 | ip[3]);

	return end - p->l4_off;
}

/* Where the quoted packet's headers are; false: not enough of them. */
struct quote {
	uint32_t ip_off, l4_off;
	uint8_t proto;
	bool is_v6;
};

/* To the quote's upper layer, behind .l4_off and .proto; false: it does not get there. */
static bool quote_skip_exts(const struct pkt *p, struct quote *q)
{
	static const uint8_t any[8];

	for (unsigned n = 0; pkt_ip6_ext_len(q->proto, any) != 0; n++) {
		const uint8_t *h = pkt_hdr(p, q->l4_off, 8);

		if (h == NULL || n == PKT_IP6_EXT_MAX)
			return false;
		if (q->proto == PROTO_FRAGMENT && (h[2] | (h[3] & 0xf8)) != 0) /* a later one */
			return false;
		q->l4_off += pkt_ip6_ext_len(q->proto, h);
		q->proto = h[0];
	}
	return true;
}

static bool quote_of(const struct pkt *p, struct quote *q)
{
	uint32_t off = p->l4_off + ICMP_HDR_LEN;
	const uint8_t *ip;

	q->ip_off = off;
	q->is_v6 = (p->flags & PKT_IS_IP6) != 0;
	ip = pkt_hdr(p, off, q->is_v6 ? 40 : 20);
	if (ip == NULL || ip[0] >> 4 != (q->is_v6 ? 6 : 4))
		return false;
	if (q->is_v6) {
		q->proto = ip[6];
		q->l4_off = off + 40;
		if (!quote_skip_exts(p, q))
			return false;
	} else {
		if ((ip[0] & 15) < 5 || ((ip[6] & 0x1f) | ip[7]) != 0) /* a later fragment */
			return false;
		q->proto = ip[9];
		q->l4_off = off + (ip[0] & 15u) * 4u;
	}
	return pkt_hdr(p, q->l4_off, 8) != NULL && q->l4_off + 8 <= p->l4_off + icmp_len(p);
}

static void addr_load(uint8_t out[16], const uint8_t *at, bool is_v6)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	if (is_v6) {
		memcpy(out, at, 16);
		return;
	}
	memcpy(out, mapped, 12);
	memcpy(out + 12, at, 4);
}

bool nat_error_tuple(const struct pkt *p, struct ct_tuple *t)
{
	const uint8_t *ip, *l4;
	struct quote q;

	if (!quote_of(p, &q))
		return false;
	ip = pkt_bytes(p) + q.ip_off;
	l4 = pkt_bytes(p) + q.l4_off;
	*t = (struct ct_tuple){ .network_id = p->network_id, .proto = q.proto, .is_v6 = q.is_v6 };
	addr_load(t->dst, ip + (q.is_v6 ? 8 : 12), q.is_v6); /* turned round */
	addr_load(t->src, ip + (q.is_v6 ? 24 : 16), q.is_v6);
	if (q.proto == PROTO_TCP || q.proto == PROTO_UDP) {
		memcpy(&t->dport, l4, 2);
		memcpy(&t->sport, l4 + 2, 2);
	} else if (q.proto == (q.is_v6 ? PROTO_ICMP6 : PROTO_ICMP)) {
		if (l4[0] == (q.is_v6 ? 128 : 8))
			memcpy(&t->dport, l4 + 4, 2);
		else if (l4[0] == (q.is_v6 ? 129 : 0))
			memcpy(&t->sport, l4 + 4, 2);
		else
			return false;
	}
	return true;
}

bool nat_error_fits(const struct pkt *p, const struct ct_record *sent)
{
	struct quote q;
	be32 seq;

	if (!quote_of(p, &q))
		return false;
	if (q.proto != PROTO_TCP)
		return true;
	/* RFC 5927 §4.1: who forges an error does not know what was sent. */
	memcpy(&seq, pkt_bytes(p) + q.l4_off + 4, sizeof(seq));
	return sent->has_tcp && sent->tcp_end - be32toh(seq) <= QUOTE_SEQ_SPAN;
}

/* Sum over the ICMP message, with the pseudo-header for IPv6. */
static uint32_t icmp_sum(const struct pkt *p)
{
	uint32_t len = icmp_len(p), sum = 0;

	if (p->flags & PKT_IS_IP6) {
		be32 tail[2] = { htobe32(len), htobe32(PROTO_ICMP6) };

		sum = pkt_sum_bytes(pkt_bytes(p) + p->l3_off + 8, 32, 0);
		sum = pkt_sum_bytes(tail, sizeof(tail), sum);
	}
	return pkt_sum(p->m, p->l4_off, len, sum);
}

bool nat_icmp_csum_fits(const struct pkt *p)
{
	if (p->flags & (PKT_CSUM_VALID | PKT_CSUM_PARTIAL))
		return true;
	return pkt_sum_fold(icmp_sum(p)) == 0xffff;
}

/* Translate the quote: it goes the other way than the error. */
static void edit_quote(struct pkt *p, const struct quote *q, const struct ct_tuple *to)
{
	uint8_t *ip = bytes_at(p, q->ip_off), *l4 = bytes_at(p, q->l4_off);
	uint32_t addrs = edit_addrs(ip, q->is_v6, to->src, to->dst), ports;
	int at = csum_at(q->proto);

	if (at < 0)
		return;
	ports = edit_ports(l4, q->proto, to->sport, to->dport);
	if (!has_pseudo(q->proto))
		addrs = 0;
	if (pkt_hdr(p, q->l4_off + (uint32_t)at, 2) != NULL
		&& q->l4_off + (uint32_t)at + 2 <= p->l4_off + icmp_len(p))
		csum_apply(l4 + at, addrs + ports, q->proto == PROTO_UDP);
}

void nat_edit_error(struct pkt *p, const struct ct_tuple *from, const struct ct_tuple *to)
{
	uint8_t src[16], *icmp = bytes_at(p, p->l4_off);
	struct quote q;
	uint16_t csum;
	bool is_v6 = from->is_v6 != 0;

	if (!quote_of(p, &q))
		return;
	edit_quote(p, &q, to);
	/* Who reports keeps its address, unless that is one which must not be seen outside. */
	addr_load(src, pkt_bytes(p) + p->l3_off + (is_v6 ? 8 : 12), is_v6);
	if (memcmp(to->dst, from->src, 16) != 0)
		memcpy(src, to->dst, 16);
	edit_addrs(bytes_at(p, p->l3_off), is_v6, src, to->src);
	memset(icmp + 2, 0, 2);
	csum = (uint16_t)~pkt_sum_fold(icmp_sum(p));
	memcpy(icmp + 2, &csum, 2);
	p->flags = (uint16_t)(p->flags & ~PKT_CSUM_PARTIAL);
	p->csum_start = 0;
	p->csum_offset = 0;
}

/* Ports of an address that are not counted, or shared by many. */
static bool pick_by_trying(
	struct ct *c, const struct ct_ports_want *want, struct ct_new *new, uint64_t now_ns)
{
	uint32_t span = want->last - want->first + 1u;

	for (unsigned i = 0; i < PORT_TRIES && i < span; i++) {
		new->reply.dport = htobe16((uint16_t)(want->first + (want->random + i) % span));
		if (!ct_has(c, &new->reply, now_ns))
			return true;
	}
	return false;
}

/* One that nobody has. */
static bool pick_free(
	struct ct *c, const struct ct_ports_want *want, struct ct_new *new, uint64_t now_ns)
{
	uint16_t port = ct_ports_free(c->ports, want);

	new->reply.dport = htobe16(port);
	return port != 0 && !ct_has(c, &new->reply, now_ns);
}

/* One of what the vif has closed, which only waits for its time. */
static bool pick_after_room(
	struct ct *c, const struct ct_ports_want *want, struct ct_new *new, uint64_t now_ns)
{
	for (unsigned i = 0; i < OWN_TRIES && ct_make_room(c, new->vif_id); i++)
		if (pick_free(c, want, new, now_ns))
			return true;
	return false;
}

bool nat_pick_port(
	struct ct *c, const struct snap_router *conf, struct ct_new *new, uint64_t now_ns)
{
	/* Who lets strangers in must not share its port: they would come to the other one. */
	bool is_one = (conf->flags & SNAP_ROUTER_OPEN_PORTS) != 0;
	bool is_echo = new->orig.proto == PROTO_ICMP || new->orig.proto == PROTO_ICMP6;
	uint16_t port;
	struct ct_ports_want want = { .orig = &new->orig,
		.reply = &new->reply,
		.vif_id = new->vif_id,
		.first = conf->port_min,
		.last = conf->port_max,
		.limit = new->is_tenant ? CT_VIF_PORTS_MAX : UINT32_MAX,
		.random = ct_random(c) };

	new->reply.dport = new->orig.sport;
	if (new->orig.sport == 0 && new->orig.dport == 0 && !is_echo)
		return !ct_has(c, &new->reply, now_ns);
	port = ct_ports_of_source(c->ports, &want);
	new->reply.dport = htobe16(port);
	if (port != 0 && !ct_has(c, &new->reply, now_ns))
		return true;
	port = be16toh(new->orig.sport);
	new->reply.dport = new->orig.sport;
	if (is_one && !ct_ports_is_free(c->ports, &new->reply, port))
		port = 0;
	if (((is_echo && port != 0) || (port >= want.first && port <= want.last))
		&& ct_ports_may(c->ports, &want, port) && !ct_has(c, &new->reply, now_ns))
		return true;
	if (!ct_ports_has(c->ports, &new->reply))
		return pick_by_trying(c, &want, new, now_ns);
	if (pick_free(c, &want, new, now_ns))
		return true;
	for (unsigned i = 0; !is_one && i < OWN_TRIES; i++) { /* one of its own, to somebody else */
		port = ct_ports_own(c->ports, &want);
		new->reply.dport = htobe16(port);
		if (port != 0 && !ct_has(c, &new->reply, now_ns))
			return true;
	}
	if (!new->is_tenant && !is_one)
		return pick_by_trying(c, &want, new, now_ns);
	return new->is_tenant ? pick_after_room(c, &want, new, now_ns) : false;
}
